"""Warning and decision: which cue reaches which party when, and what it makes of it.

The forms and numbers are those of `warning.py` (hearing, preparation, mode), `belief.py` (what a cue
is worth, and when a decision to stay is reopened) and `refuge.py` (water at the door); this
component applies them to every party that could have a reason to leave: in the danger zone, in an
ordered area, or within `SHADOW_M` of the danger zone with a car (shadow evacuees drive; on foot they
are safe where they are). Cues:

- felt shaking; the order, over the plan's channels (`broadcast.py`), each later sounding the order
  met again; word of mouth, which starts with the first party of a zone that knows or leaves and
  goes on as long as others leave;
- the sea off its rest by `sea_seen_m`, seen from places near it by day or under street lights, and
  heard from `SEA_HEARD_M` in the dark;
- a street leader or a team that knocks at the door (`visits.py`);
- water standing at the party's junction or the next one.

Whoever has not decided to leave decides anew at each cue, new or met again. A party indoors goes
to an upper floor when water stands at its door; without one it leaves while it can wade, on foot,
and else stays above the water as well as it can, until that has fallen. Pupils under 15 at school
follow the plan: released, each decides like anybody; held, they stay in the building, upstairs when
water comes, until the all-clear; evacuated, they leave with their teachers on foot as soon as shaking
that wakes sleepers is felt, the order is heard or the sea is seen, a whole school at one time.
Before the all-clear some households go back home (`returning.py`); there they decide anew at the
next cue.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from engine.city import B
from engine.component import Component, Context
from engine.events import MODES, reason
from engine.people import warning as model
from engine.people.audience import Audience
from engine.people.broadcast import Broadcast
from engine.people.decisions import CUT_OFF, LEAVES, Decisions
from engine.people.door import SEEN_DEPTH_M, Door
from engine.people.going_back import GoingBack
from engine.people.visits import Visits
from engine.shore import is_dark
from engine.world import P_CUT_OFF, P_PREPARING, P_START, P_STAYING

RELEASED_DEPTH_M = 0.3
SEA_HEARD_M = 50.0
_AT_START = (P_START, P_PREPARING, P_STAYING, P_CUT_OFF)


class Warning(Component):
    """Alerts parties and lets them decide over [t0, t1)."""

    name = "warning"
    reads = (
        "zone_shaken_event", "zone_mmi", "zone_order_event", "zone_order_ms", "zone_power_on",
        "zone_telecom_on", "zone_lifeline_event", "zone_flooded_event", "node_depth_m",
        "node_flow_mps", "street_walk_factor", "gauge_level_m", "gauge_event", "party_place",
        "building_damage", "all_clear_event", "party_alert", "party_decision",
        "party_decision_event", "party_order_ms", "party_order_cause", "party_missed",
        "party_heard", "party_depart_ms", "party_again", "party_alert_event",
        "zone_channel_event", "zone_talk_event", "zone_leader_event", "zone_doors_event",
        "party_trip_event", "control_staffed",
    )
    writes = (
        "party_alert", "party_decision", "party_decision_event", "party_mode",
        "party_depart_ms", "zone_channel_event", "party_order_ms", "party_order_cause",
        "party_missed", "party_heard", "zone_talk_event", "party_again", "party_alert_event",
        "zone_leader_event", "zone_doors_event",
    )
    emits = ("channel_started", "leaders_called", "doors_started", "party_alerted",
             "party_decided", "party_refused", "party_sheltered", "party_released",
             "party_returning")
    card = (
        ("the sea is heard in the dark within", SEA_HEARD_M, "m",
         "assumption, range 20 to 100", "assumption"),
        ("depth at the door below which people come out", RELEASED_DEPTH_M, "m",
         "assumption, range 0.1 to 0.5", "assumption"),
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.who = Audience(context)
        a = self.who
        building = context.parties.building[a.rows]
        self._decisions = Decisions(self, context, a)
        self._going_back = GoingBack(self, context, a)
        self._broadcast = Broadcast(context, a.rows, a.zone, a.ordered, a.night)
        self._visits = Visits(context, a.rows, a.zone, a.area, building)
        self._doors = Door(context, a.rows, a.node)

    def step(self, t0_ms: int, t1_ms: int) -> None:
        if self.who.rows.size == 0:
            return
        if self.w.all_clear_event[0] < 0:
            self._felt()
            again = self._broadcast.step(self, t0_ms, t1_ms)
            self.w.party_again[self.who.rows[again]] += 1
            self._decisions.again(again, t0_ms)
            self._hear(t1_ms)
            self._neighbours(t0_ms, t1_ms)
            self._sea(t0_ms)
            self._knock(t0_ms, t1_ms)
            self._going_back.step(t0_ms, t1_ms, self._dark(t0_ms))
        self._water(t0_ms)

    # --- cues ---------------------------------------------------------------------------------

    def _felt(self) -> None:
        shaken = self.w.zone_shaken_event[self.who.zone]
        new = np.flatnonzero((shaken >= 0) & (self.w.party_alert[self.who.rows] & 1 == 0))
        new = new[self.w.zone_mmi[self.who.zone[new]] >= 3.0]  # felt by many indoors from III on
        if new.size:
            cause = self.w.zone_shaken_event[self.who.zone[new]]
            self._decisions.cue(new, model.FELT, self.ctx.log.column("t_ms")[cause], cause)

    def _hear(self, t1_ms: int) -> None:
        rows = self.who.rows
        new = np.flatnonzero(
            (self.w.party_order_ms[rows] < t1_ms) & (self.w.party_alert[rows] & 2 == 0)
        )
        if new.size:
            new = new[np.argsort(self.w.party_order_ms[rows[new]], kind="stable")]
            self._decisions.cue(new, model.ORDER, self.w.party_order_ms[rows[new]],
                                self.w.party_order_cause[rows[new]])

    def _neighbours(self, t0_ms: int, t1_ms: int) -> None:
        """Word of mouth: hazard proportional to the share of the zone that knows or leaves."""
        rows = self.who.rows
        leaves = self.w.party_decision[rows] == LEAVES
        knows = (self.w.party_alert[rows] & (2 | 4 | 8 | 32) > 0) | leaves
        informed = np.bincount(self.who.zone[knows], minlength=self.who.total.size)
        chance = model.contagion_probability(
            informed, self.who.total, self.ctx.behaviour.neighbour_rate_pmin,
            (t1_ms - t0_ms) / 1000.0,
        )
        # Where nothing reopens a decision, outside the danger zone, telling once is enough.
        open_ = ~leaves & (self.who.danger | ~knows) & (chance[self.who.zone] > 0)
        at = rows[open_]
        # One exponential threshold a party against the hazard gathered so far: a single draw. Each
        # further time that much has gathered, it is told again.
        before = self._decisions.told(open_)
        self.w.party_heard[at] -= np.log1p(-chance[self.who.zone[open_]])
        told = np.flatnonzero(open_)[self._decisions.told(open_) > before]
        told = told[self.w.zone_talk_event[self.who.zone[told]] >= 0]
        first = self.w.party_alert[rows[told]] & 4 == 0
        self._decisions.again(told[~first], t0_ms)
        new = told[first]
        if new.size:
            self._decisions.cue(new, model.NEIGHBOURS, np.full(new.size, t0_ms),
                                self.w.zone_talk_event[self.who.zone[new]])

    def _sea(self, t0_ms: int) -> None:
        """The sea drawn back or risen, seen from near it by day or under lights, or heard."""
        off = np.abs(self.w.gauge_level_m) >= self.ctx.behaviour.sea_seen_m
        off &= self.w.gauge_event >= 0
        if not off.any():
            return
        b = self.ctx.behaviour
        lit = self.w.zone_power_on[self.who.zone] | (not self._dark(t0_ms))
        reach = np.where(lit, b.sea_view_m, min(SEA_HEARD_M, b.sea_view_m))
        sees = off[self.who.gauge] & (self.who.sea_m <= reach) & self._at_start()
        new = np.flatnonzero(sees & (self.w.party_alert[self.who.rows] & 16 == 0))
        if new.size:
            self._decisions.cue(new, model.SEA, np.full(new.size, t0_ms),
                                self.w.gauge_event[self.who.gauge[new]])

    def _knock(self, t0_ms: int, t1_ms: int) -> None:
        """Leaders and teams knock; nobody answers who is gone, nobody goes where water stands."""
        for met, t, cause in self._visits.due(self, t0_ms, t1_ms):
            rows = self.who.rows[met]
            there = self._at_start()[met]
            there &= self.w.node_depth_m[self.who.node[met]] <= SEEN_DEPTH_M
            there &= self.w.party_alert[rows] & 32 == 0
            if there.any():
                self._decisions.cue(met[there], model.VISIT, t[there], cause[there])

    def _at_start(self) -> B:
        """Which parties [relevant] are where they began, or back home."""
        return np.isin(self.w.party_place[self.who.rows], _AT_START)

    def _dark(self, t_ms: int) -> bool:
        now = self.ctx.scenario.start + timedelta(milliseconds=t_ms)
        return is_dark(self.ctx.city, now)

    def _water(self, t0_ms: int) -> None:
        """Water at the junction or the next one is seen; where it cannot be waded nobody goes."""
        near = self._doors.near_water(self.w)
        if not near.any() and not (self.w.party_decision[self.who.rows] == CUT_OFF).any():
            return
        flooded = self.w.zone_flooded_event[self.who.zone]
        flooded = np.where(flooded >= 0, flooded, self.w.zone_flooded_event.max())
        near &= self.w.zone_flooded_event.max() >= 0
        cut = self._at_start() & self._doors.cut_off(self.w, near)
        sees = near[self.who.node] & self._at_start()
        new = np.flatnonzero(sees & (self.w.party_alert[self.who.rows] & 8 == 0))
        if new.size:
            self._decisions.cue(new, model.WATER, np.full(new.size, t0_ms), flooded[new])
        self._door(cut, t0_ms)

    def _door(self, cut: B, t0_ms: int) -> None:
        """Parties cut off go up or stay on their floor; when the water has fallen they decide."""
        w, rows = self.w, self.who.rows
        depth = w.node_depth_m[self.who.node]
        held = w.party_decision[rows] == CUT_OFF
        new = np.flatnonzero(cut & ~held)
        if new.size:
            at = rows[new]
            why = np.where(self._doors.upper(self.w)[new], reason("upstairs above water"),
                           reason("cut off on one floor"))
            w.party_decision_event[at] = self.emit(
                "party_sheltered", t0_ms, at, why, depth[new], w.party_alert_event[at]
            )
            w.party_decision[at] = CUT_OFF
        free = np.flatnonzero(held & ~cut & (depth <= RELEASED_DEPTH_M))
        if free.size:
            at = rows[free]
            event = self.emit("party_released", t0_ms, at, value=depth[free],
                              cause=w.party_decision_event[at])
            w.party_decision[at] = 0
            t = np.full(free.size, t0_ms)
            was = w.party_mode[at] > 0  # had decided to leave before the water came
            by_car = w.party_mode[at[was]] == MODES.index("car")
            self._decisions.set_out(free[was], model.WATER, t[was], event[was], by_car)
            self._decisions.decide(free[~was], model.WATER, t[~was], event[~was], True)
