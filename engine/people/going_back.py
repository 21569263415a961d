"""Households in safety that go back home before the all-clear (`returning.py`)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine import rng
from engine.codes import among
from engine.component import Component, Context
from engine.people import returning
from engine.people.audience import Audience
from engine.people.decisions import GOES_BACK, LEAVES, STAYS
from engine.world import P_HIGH, P_MEETING, P_REFUGE, P_SHELTER, P_STAYING, P_WALKING

HAS_RETURNED = 64
_SAFE = (P_HIGH, P_MEETING, P_SHELTER, P_REFUGE)


class GoingBack:
    """When which party of `audience` goes back, and what counts once it is home."""

    def __init__(self, host: Component, context: Context, audience: Audience) -> None:
        self.host, self.ctx, self.who = host, context, audience
        draw, seed, key = rng.uniform, context.seed, audience.key
        self._back = [draw(seed, "people.return", key, k) for k in range(3)]
        self._back_ms = np.rint(
            1000 * returning.return_delay_s(context.behaviour, self._back[1])).astype(np.int64)
        # Nothing raises the share above this (`returning.goes_back`): without a rumour nobody else
        # ever goes.
        may = audience.can_return
        if context.scenario.rumour is None:
            may = may & (self._back[0] < context.behaviour.return_share)
        self._may = np.flatnonzero(may)

    def step(self, t0_ms: int, t1_ms: int, dark: Callable[[int], bool]) -> None:
        """Households in safety go back home; those on the way or there are followed."""
        w, rows = self.host.w, self.who.rows[self._may]
        place, decision = w.party_place[rows], w.party_decision[rows]
        home = rows[(decision == GOES_BACK) & (place == P_STAYING)]
        w.party_decision[home] = STAYS
        # At home only what is felt and what the order said still counts, until something new comes.
        w.party_alert[home] &= 1 | 2 | HAS_RETURNED
        w.party_again[home], w.party_heard[home] = 0, 0.0
        w.party_decision[rows[(decision == GOES_BACK) & (place == P_WALKING)]] = LEAVES
        safe = self._may[
            among(place, _SAFE) & (decision == LEAVES) & (w.party_alert[rows] & HAS_RETURNED == 0)
        ]
        since = self.ctx.log.column("t_ms")[w.party_trip_event[self.who.rows[safe]]]
        due = since + self._back_ms[safe]
        new = safe[(due >= t0_ms) & (due < t1_ms)]
        if new.size == 0:
            return
        new = new[~self.who.stuck(w)[new]]
        barred = self.barred()
        unlit = ~w.zone_power_on[self.who.zone[new]] & dark(t0_ms)
        b = self.ctx.behaviour
        new = new[returning.goes_back(b, self._back[0][new], dark=unlit, barred=barred)]
        at = self.who.rows[new]
        w.party_decision_event[at] = self.host.emit(
            "party_returning", t0_ms, at,
            returning.return_reason(b, self._back[2][new], self.who.separated(w, new)),
            cause=w.party_trip_event[at],
        )
        w.party_decision[at] = GOES_BACK
        w.party_alert[at] |= HAS_RETURNED

    def barred(self) -> float:
        """Share of the plan's control points that turn people back, 0 where it bars no return."""
        points = len(self.ctx.plan.control_points)  # rows of closures follow, which stop cars only
        if not (self.ctx.plan.order.bar_return and points):
            return 0.0
        return float(self.host.w.control_staffed[:points].mean())
