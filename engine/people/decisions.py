"""What parties make of the cues they have met: leave, how and when, or stay, and why.

The forms and numbers are those of `belief.py` and `warning.py`. Whoever has not decided to leave
decides anew at each cue, new or met again.
"""

from __future__ import annotations

import numpy as np

from engine.city import F64, I64, B
from engine.codes import among
from engine.component import Component, Context
from engine.events import CAUSES, MODES, reason
from engine.people import belief
from engine.people import warning as model
from engine.people.audience import Audience
from engine.people.pickups import Pickups
from engine.world import P_OUTSIDE, P_PREPARING

LEAVES, STAYS, CUT_OFF, GOES_BACK = 1, 2, 3, 4
_OBJECT = (CAUSES.index("shaking"), CAUSES.index("none"), CAUSES.index("none"),
           CAUSES.index("tsunami"), CAUSES.index("tsunami"), CAUSES.index("none"))


class Decisions:
    """Cues and decisions of the parties of `audience`; indices below are into it."""

    def __init__(self, host: Component, context: Context, audience: Audience) -> None:
        self.host, self.ctx, self.who = host, context, audience
        self._pickups = Pickups(host, context, audience)

    def cue(self, new: I64, cue: int, t_ms: I64, cause: I64) -> None:
        """Parties `new` (indices of the relevant ones) meet a cue at `t_ms` and decide."""
        w = self.host.w
        rows = self.who.rows[new]
        event = self.host.emit("party_alerted", t_ms, rows, _OBJECT[cue], cue, cause)
        w.party_alert[rows] |= 1 << cue
        w.party_alert_event[rows] = event
        self._tell(new, event)
        self.decide(new, cue, t_ms, event, cue == model.ORDER)

    def again(self, met: I64, t_ms: int) -> None:
        """Parties `met` a cue again: where they have not decided to leave, they decide anew."""
        rows = self.who.rows[met]
        undecided = among(self.host.w.party_decision[rows], (0, STAYS)) & self.who.danger[met]
        met = met[undecided & (self.host.w.party_alert_event[rows] >= 0)]
        # Nothing changes for the others: who is not convinced, or cannot leave alone and has said so,
        # stays as before and says no more.
        silent = (self.host.w.party_decision[self.who.rows[met]] == STAYS) & ~self.able(met)
        met = met[self.who.pupil[met] | ~silent]
        met = met[self.who.pupil[met] | self._convinced(met)]
        if met.size == 0:
            return
        rows = self.who.rows[met]
        event = self.host.w.party_alert_event[rows]
        cue = self.ctx.log.column("value")[event].astype(np.int64)
        for kind in np.unique(cue):
            mine = cue == kind
            self.decide(met[mine], int(kind), np.full(mine.sum(), t_ms), event[mine], False)

    def drop_errands(self, rows: I64) -> None:
        """Parties `rows` go for nobody any more."""
        self._pickups.drop(rows)

    def told(self, at: I64 | B) -> I64:
        """How often word of mouth has reached parties so far [at]."""
        heard = self.host.w.party_heard[self.who.rows[at]]
        return np.asarray(np.floor(heard / self.who.talk[at]).astype(np.int64))

    def _convinced(self, at: I64) -> B:
        """Which parties [at] leave on the cues they have met so far."""
        w, rows = self.host.w, self.who.rows[at]
        bits = w.party_alert[rows].astype(np.int64)
        has = [(bits >> cue) & 1 == 1 for cue in range(6)]
        kinds = sum(h.astype(np.int64) for h in has) - has[model.WATER]
        again = {model.ORDER: w.party_again[rows],
                 model.NEIGHBOURS: np.maximum(self.told(at) - 1, 0)}
        go = np.zeros(at.size, np.bool_)
        for cue in range(6):
            if not has[cue].any():
                continue
            go |= has[cue] & belief.leaves(
                self.ctx.behaviour, cue, self.who.believe[cue][at], self.who.refuse[at],
                in_danger=self.who.danger[at] | self.who.kin[at], coastal=self.who.coastal[at],
                mmi=w.zone_mmi[self.who.zone[at]], again=again.get(cue, 0),
                others=kinds - (cue != model.WATER),
            )
        return go

    def decide(self, at: I64, cue: int, t_ms: I64, cause: I64, says_why: bool) -> None:
        """Parties `at` weigh what they know; who stays says why where `says_why`."""
        w, b = self.host.w, self.ctx.behaviour
        rows = self.who.rows[at]
        undecided = ~among(w.party_decision[rows], (LEAVES, CUT_OFF, GOES_BACK))
        undecided &= w.party_place[rows] != P_OUTSIDE  # has driven out already
        go = undecided & self._convinced(at)
        able = self.able(at)
        by_car = self._by_car(at, self.who.walk_m[at])
        pupil, rule = self.who.pupil[at], self.ctx.plan.order.schools
        if rule == "hold":
            go &= ~pupil
        elif rule == "evacuate":
            strong = w.zone_mmi[self.who.zone[at]] >= b.felt_from_mmi
            go |= undecided & pupil & (strong | (cue != model.FELT)) & (cue != model.NEIGHBOURS)
            by_car &= ~pupil
        kin = self.who.kin[at]
        go &= ~self.who.shadow[at] | by_car
        fetches, away_m, far = self._pickups.claim(at, go & able, cue, t_ms, cause)
        if fetches.any():
            drives = self._by_car(at, away_m) | (far & self.who.has_car[at])
            by_car = np.where(fetches, drives, by_car)
        go &= ~kin | fetches
        self.set_out(at[go & able], cue, t_ms[go & able], cause[go & able], by_car[go & able])
        held = pupil & (rule == "hold")
        stays = undecided & ((go & ~able) | (~go & (says_why | held)))
        stays &= (w.party_decision[rows] == 0) & ~kin
        guard = belief.guards_property(b, self.who.refuse[at])
        refuses = belief.refuses(b, model.ORDER, self.who.refuse[at])
        why = np.select(
            [held, go & ~able, guard, refuses],
            [reason(name) for name in ("held at school", "cannot leave alone",
                                       "guarding property", "refused")],
            reason("not believed"),
        )
        self._stay(rows[stays], t_ms[stays], why[stays], cause[stays])
        if cue in (model.WATER, model.SEA):  # whoever is preparing drops everything and hurries
            hurry = (w.party_decision[rows] == LEAVES) & ~go
            soon = t_ms + self._prepare_ms(at, cue)
            w.party_depart_ms[rows[hurry]] = np.minimum(
                w.party_depart_ms[rows[hurry]], soon[hurry]
            )
            self._pickups.drop(rows[hurry & (w.party_place[rows] == P_PREPARING)])

    def able(self, at: I64) -> B:
        """Which parties [at] can leave: nobody alone who needs help, unless fetched."""
        return ~self.who.in_bed[at] & belief.can_leave(
            self.ctx.behaviour, self.who.slow[at], self.who.size[at], self.who.helped[at])

    def leave(self, at: I64, cue: int, t_ms: I64, cause: I64) -> None:
        """Parties [at] decide to leave on a cue."""
        self.set_out(at, cue, t_ms, cause, self._by_car(at, self.who.walk_m[at]))

    def _by_car(self, new: I64, walk_m: F64) -> np.ndarray:
        """Mode choice [new] for a way of `walk_m`; an order's mode counts for those who have heard it."""
        out = np.zeros(new.size, np.bool_)
        told = self.host.w.party_alert[self.who.rows[new]] & 2 > 0
        for area in [-1, *range(len(self.ctx.plan.order.zones))]:
            for heard in (False, True):
                mine = (self.who.area[new] == area) & (told == heard)
                order = self.ctx.plan.order.zones[area] if area >= 0 else None
                rule = order.mode if order is not None and heard else "free"
                at = new[mine]
                out[mine] = self.who.mode[at] < model.prob_car(
                    self.ctx.behaviour, self.who.has_car[at], walk_m[mine],
                    self.who.slow[at], rule, () if order is None else order.exempt,
                )
        return out

    def _prepare_ms(self, new: I64, cue: int) -> I64:
        seconds = model.preparation_s(
            self.ctx.behaviour, np.full(new.size, cue), self.who.milling[cue][new], self.who.night,
        )
        return np.rint(1000 * seconds).astype(np.int64)

    def set_out(self, new: I64, cue: int, t_ms: I64, cause: I64, by_car: np.ndarray) -> None:
        w, rows = self.host.w, self.who.rows[new]
        prepare: I64 = self._prepare_ms(new, cue)
        mode = np.where(by_car, MODES.index("car"), MODES.index("foot"))
        seconds: F64 = prepare / 1000.0
        w.party_decision_event[rows] = self.host.emit(
            "party_decided", t_ms, rows, mode, seconds, cause
        )
        w.party_decision[rows] = LEAVES
        w.party_mode[rows] = mode
        w.party_depart_ms[rows] = t_ms + prepare

    def fetched(self, t0_ms: int) -> None:
        """Parties that somebody of their household has just fetched leave with them; who is led out of a
        care home has not decided anything."""
        w = self.host.w
        rows = np.flatnonzero((w.party_with >= 0) & (self.host.ctx.parties.ward < 0))
        rows = rows[(w.party_decision[rows] != LEAVES) | (w.party_depart_ms[rows] > t0_ms)]
        new = rows[w.party_decision[rows] != LEAVES]
        w.party_mode[rows] = w.party_mode[w.party_with[rows]]
        w.party_depart_ms[rows] = t0_ms
        w.party_decision_event[new] = self.host.emit(
            "party_decided", t0_ms, new, w.party_mode[new], cause=w.party_trip_event[new])
        w.party_decision[new] = LEAVES

    def take_over(self, t0_ms: int) -> None:
        """Where somebody did not get to family, another one of the household goes: who prepares anyway
        as soon as ready, who has not thought of leaving as on word from neighbours."""
        w = self.host.w
        for at, event, away_m, far in self._pickups.take_over(t0_ms):
            one = np.array([at])
            by_car = self._by_car(one, np.array([away_m])) | (far & self.who.has_car[one])
            if w.party_decision[self.who.rows[at]] == LEAVES:
                w.party_mode[self.who.rows[at]] = MODES.index("car" if by_car[0] else "foot")
            else:
                self.set_out(one, model.NEIGHBOURS, np.array([t0_ms]), np.array([event]), by_car)

    def _stay(self, rows: I64, t_ms: I64, why: np.ndarray, cause: I64) -> None:
        w = self.host.w
        w.party_decision_event[rows] = self.host.emit("party_refused", t_ms, rows, why, cause=cause)
        w.party_decision[rows] = STAYS

    def _tell(self, new: I64, event: I64) -> None:
        """The first party of a zone that knows becomes the source of its word of mouth."""
        zone = self.who.zone[new][::-1]
        first = np.full(self.host.w.zone_talk_event.size, -1, np.int64)
        first[zone] = event[::-1]
        source = (first >= 0) & (self.host.w.zone_talk_event < 0)
        self.host.w.zone_talk_event[source] = first[source]
