"""Fetching family: who goes for whom, who agrees by telephone, and who thinks better of it.

Whoever decides to leave, or feels that those of its household in the danger zone should, and has children
or people who need help there without an able adult (`engine/families.py`), goes for them first, when ready:
parents for children with probability `pickup_child_share`, the others with `pickup_share`, one draw a
party. The first of a household who decides takes all whom nobody else goes for. Parties outside the
danger zone go in for them on the shaking they feel, judged as if they were inside by the sea themselves;
they leave for nothing else.

On the telephone, where it works in both zones, a call gets through with `pickup_call_share`; who can leave
alone then agrees to meet in safety, and nobody goes. Nobody goes on seeing water or the sea off its rest,
and who prepares to go drops it then. Without a car people go up to `pickup_walk_m` (straight line); with
one they choose car or foot as for leaving, by the distance to whom they fetch, and drive beyond it.

Who does not get there (a ban, no way, water, too far to walk on) leaves the errand to others of the
household: to whoever decides later, and at once to whom a call of the same kind reaches who has not set
out.

Limits: parents do not know whether a school holds its pupils or has left with them, and go all the same;
the order over the plan's channels does not reach who is outside the ordered areas; those on whom somebody
called are not warned by that.
"""

from __future__ import annotations

import numpy as np

from engine import rng
from engine.city import F64, I64, B
from engine.codes import among
from engine.component import Component, Context
from engine.families import crow_flies_m
from engine.held import holding_and_gone
from engine.people import warning as model
from engine.people.audience import Audience
from engine.world import P_PREPARING, P_START, P_STAYING

_NOT_SET_OUT = (P_START, P_PREPARING, P_STAYING)
_SEEN = 1 << model.WATER | 1 << model.SEA  # alerts after which nobody sets out to fetch
_CUT_OFF = 3  # party_decision, as in `decisions.py`, which imports this module
AGREED = -2  #: party_fetcher of those who meet the others in safety


class Pickups:
    """Claims of the parties of `audience`; indices below are into it."""

    def __init__(self, host: Component, context: Context, audience: Audience) -> None:
        self.host, self.ctx, self.who = host, context, audience
        parties = context.parties
        self._call = rng.uniform(
            context.seed, "people.pickup", parties.first.astype(np.int64), 1)

    def claim(self, at: I64, may: B, cue: int, t_ms: I64, cause: I64) -> tuple[B, F64, B]:
        """(who of `at` goes to fetch somebody, the distance in metres, who must drive for it) [at].

        `may` [at]: those who decide to leave now, or would if there is somebody to fetch.
        """
        goes, away_m = np.zeros(at.size, np.bool_), np.zeros(at.size)
        far = np.zeros(at.size, np.bool_)
        if cue in (model.WATER, model.SEA):
            return goes, away_m, far
        for i in np.flatnonzero(may & self.who.fetches[at]):
            party = int(self.who.rows[at[i]])
            if self._held(party):
                continue
            taken = self._settle(int(at[i]), int(t_ms[i]), int(cause[i]))
            if taken.size == 0:
                continue
            self.host.w.party_fetcher[taken] = party
            away = self._away_m(party, taken)
            goes[i], away_m[i] = True, away[0]
            far[i] = away.max() > self.ctx.behaviour.pickup_walk_m
        return goes, away_m, far

    def take_over(self, t_ms: int) -> list[tuple[int, int, float, bool]]:
        """Whom one did not get to, others may go for again: those of the household who have not set out
        and whom that one reaches by telephone. Rows: who goes, the event it learns, m, must drive."""
        w, who, log = self.host.w, self.who, self.ctx.log
        lost = np.flatnonzero(w.party_unfetched_event >= 0)
        by = log.column("subject")[w.party_unfetched_event[lost]]
        mine = w.party_fetcher[lost] == by
        mine &= w.party_unfetched_event[lost] > w.party_decision_event[by]  # not an earlier errand's
        out: list[tuple[int, int, float, bool]] = []
        w.party_fetcher[lost[mine]] = -1
        for first in dict.fromkeys(by[mine].tolist()):
            event = int(w.party_unfetched_event[lost[mine & (by == first)]].max())
            kin = who.household(first)
            kin = kin[(kin != first) & among(w.party_place[kin], _NOT_SET_OUT)]
            kin = kin[(w.party_alert[kin] & _SEEN == 0) & (w.party_decision[kin] != _CUT_OFF)]
            if self._gone(first):  # nobody is left who could telephone
                continue
            for party in kin[self._reached(first, kin)].tolist():
                at = int(np.searchsorted(who.rows, party))
                known = at < who.rows.size and who.rows[at] == party
                if not (known and who.fetches[at]) or who.in_bed[at] or self._held(party):
                    continue
                taken = self._settle(at, t_ms, event)
                if taken.size:
                    w.party_fetcher[taken] = party
                    away = self._away_m(party, taken)
                    out.append((at, event, float(away[0]),
                                bool(away.max() > self.ctx.behaviour.pickup_walk_m)))
        return out

    def _reached(self, party: int, others: I64) -> B:
        """Whom of `others` the party, under way, reaches by telephone."""
        w, zone = self.host.w, self.ctx.parties.zone
        here = self.ctx.site.zone_of_node[w.party_node[party]]
        return np.asarray(w.zone_telecom_on[here] & w.zone_telecom_on[zone[others]]
                          & (self._call[others] < self.ctx.behaviour.pickup_call_share))

    def _settle(self, at: int, t_ms: int, cause: int) -> I64:
        """Parties whom party `at` will go for, after telephoning."""
        w, who, b = self.host.w, self.who, self.ctx.behaviour
        party = int(who.rows[at])
        wanted = who.families.of(party)
        wanted = wanted[w.party_fetcher[wanted] == -1]
        share = np.where(who.families.child[wanted], b.pickup_child_share, b.pickup_share)
        wanted = wanted[who.pickup[at] < share]
        if not who.has_car[at]:
            wanted = wanted[self._away_m(party, wanted) <= b.pickup_walk_m]
        zone = self.ctx.parties.zone
        reached = w.zone_telecom_on[zone[party]] & w.zone_telecom_on[zone[wanted]]
        reached &= who.families.answers[wanted] & (self._call[wanted] < b.pickup_call_share)
        agreed = wanted[reached]
        if agreed.size:
            self.host.emit("pickup_agreed", t_ms, np.full(agreed.size, party), agreed, cause=cause)
            w.party_fetcher[agreed] = AGREED
        return np.asarray(wanted[~reached])

    def _gone(self, party: int) -> bool:
        """Whether nobody of the party is left with it: dead, or in care."""
        w, parties = self.host.w, self.ctx.parties
        who = parties.member[parties.member_ptr[party] : parties.member_ptr[party + 1]]
        return bool(holding_and_gone(
            w.person_trapped[who], w.person_health[who], w.person_care[who])[1].all())

    def _held(self, party: int) -> bool:
        """Whether members who are trapped or badly hurt keep the party where it is (`held.py`)."""
        w, parties = self.host.w, self.ctx.parties
        who = parties.member[parties.member_ptr[party] : parties.member_ptr[party + 1]]
        holds, gone = holding_and_gone(
            w.person_trapped[who], w.person_health[who], w.person_care[who])
        return bool(holds.any() or gone.all())

    def _away_m(self, party: int, wanted: I64) -> F64:
        node = self.ctx.parties.node.astype(np.int64)
        return crow_flies_m(self.ctx.city, np.full(wanted.size, node[party]), node[wanted])

    def drop(self, rows: I64) -> None:
        """Parties `rows`, who have not set out, think of nothing but leaving."""
        w = self.host.w
        given_up = np.isin(w.party_fetcher, rows)
        given_up &= w.party_fetcher >= 0
        w.party_fetcher[given_up] = -1
