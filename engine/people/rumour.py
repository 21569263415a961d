"""A rumour and its correction: who hears it, who acts on it, whom the correction reaches.

Spread. A share of all parties starts it at the scenario's time; from them it goes on by the contagion
term of Rogers & Sorensen (1988), as warning by word of mouth does (`warning.py`), zone by zone, with a
rate of its own (`Behaviour.rumour_rate_pmin`). Each party has one draw for hearing and one for
believing (`rumour_share`), so that a correction makes nobody believe who would not have.

Effect on who believes. That the alert is cancelled: whoever is still preparing stays, and households
in safety go back home like others do before the all-clear (`returning.py`), turned away in the same
share at control points that bar the return. That a larger wave is coming: whoever has not decided to
leave, in the danger zone, gets ready as on word from neighbours.

Correction. The command centre notices a rumour once `NOTICED_SHARE` of the parties have heard it
(assumption; calls and volunteers' reports are not modelled one by one). `delay_s` later the plan's
channel denies it, once: whom the channel reaches where it works (loudspeaker cars only outside the
exclusion line, `broadcast.py`) believes the denial, no longer passes the rumour on and does not act on
it; who is back home on the rumour's account meets the order again there. All shares are assumptions with
ranges: no survey of a rumour's reach was found.
"""

from __future__ import annotations

import numpy as np

from engine import rng
from engine.city import I64
from engine.component import Component, Context
from engine.events import reason
from engine.people import warning as model
from engine.people.audience import Audience
from engine.people.broadcast import cars_barred
from engine.people.decisions import GOES_BACK, LEAVES, STAYS, Decisions
from engine.people.going_back import HAS_RETURNED, GoingBack
from engine.world import P_HIGH, P_MEETING, P_PREPARING, P_REFUGE, P_SHELTER, P_START, P_STAYING

NOTICED_SHARE = 0.05
KINDS = ("alert_cancelled", "larger_wave")

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("share that has heard a rumour when the command centre notices it", NOTICED_SHARE, "share",
     "assumption, range 0.01 to 0.2", "assumption"),
)


class Rumours:
    """The scenario's rumour among the parties of `audience`; indices below are into it."""

    def __init__(
        self, host: Component, context: Context, audience: Audience, decisions: Decisions,
        going_back: GoingBack,
    ) -> None:
        self.host, self.ctx, self.who = host, context, audience
        self._decisions, self._going_back = decisions, going_back
        self._rumour, self._fix = context.scenario.rumour, context.plan.rumour_correction
        rows, self._total = audience.rows, audience.total
        key = context.parties.first[rows].astype(np.int64)
        u = [rng.uniform(context.seed, "people.rumour", key, k) for k in range(5)]
        self._first, self._hears, self._believes = u[0], -np.log(u[1]), u[2]
        self._barred, self._reached = u[3], u[4]
        self._reach = 0.0 if self._fix is None else model.channel_reach(
            self._fix.channel, context.behaviour, night=audience.night, coverage=self._fix.coverage)

    def step(self, t0_ms: int, t1_ms: int) -> None:
        """Spread it over [t0, t1), notice it, deny it."""
        if self._rumour is None or self._rumour.at_s * 1000 >= t1_ms:
            return
        w = self.host.w
        if w.rumour_event[0] < 0:
            t = int(self._rumour.at_s * 1000)
            w.rumour_event[0] = self.host.emit(
                "rumour_started", t, 0, value=KINDS.index(self._rumour.kind))[0]
            self._hear(np.flatnonzero(self._first < self._rumour.share), t)
        self._spread(t0_ms, t1_ms)
        heard = float((w.party_rumour_event[self.who.rows] >= 0).mean())
        if w.rumour_noticed_event[0] < 0 and heard >= NOTICED_SHARE:
            w.rumour_noticed_event[0] = self.host.emit(
                "rumour_noticed", t1_ms, 0, value=heard, cause=w.rumour_event[0])[0]
        self._correct(t0_ms, t1_ms)

    def _spread(self, t0_ms: int, t1_ms: int) -> None:
        w, rows = self.host.w, self.who.rows
        knows = w.party_rumour_event[rows] >= 0
        tells = np.bincount(
            self.who.zone[knows & ~w.party_corrected[rows]], minlength=self._total.size)
        chance = model.contagion_probability(
            tells, self._total, self.host.ctx.behaviour.rumour_rate_pmin, (t1_ms - t0_ms) / 1000.0)
        open_ = ~knows & ~w.party_corrected[rows]
        w.party_rumour[rows[open_]] -= np.log1p(-chance[self.who.zone[open_]])
        new = np.flatnonzero(open_ & (w.party_rumour[rows] >= self._hears))
        self._hear(new, t0_ms)

    def _hear(self, new: I64, t_ms: int) -> None:
        w, b = self.host.w, self.host.ctx.behaviour
        assert self._rumour is not None
        rows = self.who.rows[new]
        w.party_rumour_event[rows] = self.host.emit(
            "party_heard_rumour", t_ms, rows, value=KINDS.index(self._rumour.kind),
            cause=w.rumour_event[0])
        new = new[self._believes[new] < b.rumour_share]
        if self._rumour.kind == "larger_wave":
            self._hurry(new, t_ms)
            return
        rows, place = self.who.rows[new], w.party_place[self.who.rows[new]]
        gives_up = rows[(place == P_PREPARING) & (w.party_decision[rows] == LEAVES)]
        why = reason("heard that the alert is cancelled")
        w.party_decision_event[gives_up] = self.host.emit(
            "party_refused", t_ms, gives_up, why, cause=w.party_rumour_event[gives_up])
        w.party_decision[gives_up] = STAYS
        self._decisions.drop_errands(gives_up)
        safe = np.isin(place, (P_HIGH, P_MEETING, P_SHELTER, P_REFUGE))
        safe &= self.who.can_return[new] & (w.party_decision[rows] == LEAVES)
        safe &= (w.party_alert[rows] & HAS_RETURNED == 0)
        safe &= self._barred[new] >= b.barred_share * self._going_back.barred()
        back = rows[safe]
        w.party_decision_event[back] = self.host.emit(
            "party_returning", t_ms, back, why, cause=w.party_trip_event[back])
        w.party_decision[back] = GOES_BACK
        w.party_alert[back] |= HAS_RETURNED

    def _hurry(self, new: I64, t_ms: int) -> None:
        """Whoever believes in a larger wave and had not decided to leave gets ready."""
        w, rows = self.host.w, self.who.rows[new]
        new = new[self.who.danger[new] & np.isin(w.party_decision[rows], (0, STAYS))
                  & np.isin(w.party_place[rows], (P_START, P_STAYING))]
        new = new[self._decisions.able(new)]
        if self.ctx.plan.order.schools != "release":
            new = new[~self.who.pupil[new]]  # teachers decide for them
        t = np.full(new.size, t_ms)
        self._decisions.leave(new, model.NEIGHBOURS, t, w.party_rumour_event[self.who.rows[new]])

    def _correct(self, t0_ms: int, t1_ms: int) -> None:
        w, noticed = self.host.w, int(self.host.w.rumour_noticed_event[0])
        if self._fix is None or noticed < 0 or w.rumour_denied_event[0] >= 0:
            return
        t = int(self.host.ctx.log.column("t_ms")[noticed]) + round(self._fix.delay_s * 1000)
        if t >= t1_ms:
            return
        works = np.ones(self.who.rows.size, np.bool_)
        if self._fix.channel in ("siren", "radio_tv"):
            works = w.zone_power_on[self.who.zone]
        elif self._fix.channel == "cell_broadcast":
            works = w.zone_telecom_on[self.who.zone]
        elif self._fix.channel == "loudspeaker":
            works = ~cars_barred(self.host, self.who.rows, np.full(self.who.rows.size, t))
        reached = works & (self._reached < self._reach)
        w.rumour_denied_event[0] = self.host.emit(
            "rumour_denied", t, 0, value=float(reached.mean()), cause=noticed)[0]
        w.party_corrected[self.who.rows[reached]] = True
        misled = reached & (w.party_rumour_event[self.who.rows] >= 0)
        w.party_again[self.who.rows[misled]] += 1
        self._decisions.again(np.flatnonzero(misled), t0_ms)
