"""Warning and decision: which cue reaches which party when, and what it makes of it.

The forms and numbers are those of `warning.py` (hearing, preparation, mode), `belief.py` (what a cue
is worth, and when a decision to stay is reopened) and `refuge.py` (water at the door); this
component applies them to every party that could have a reason to leave: in the danger zone, in an
ordered area, or within `SHADOW_M` of the danger zone with a car (shadow evacuees drive; on foot they
are safe where they are), or with family to fetch. Cues:

- felt shaking; the order, over the plan's channels (`broadcast.py`), each later sounding the order
  met again; word of mouth, which starts with the first party of a zone that knows or leaves and
  goes on as long as others leave;
- the sea off its rest by `sea_seen_m`, seen from places near it by day or under street lights, and
  heard from `SEA_HEARD_M` in the dark;
- a street leader or a team that knocks at the door (`visits.py`);
- water standing at the party's junction or the next one. Who is on the road as the event begins sees
  sea and water from where the car is.

Whoever has not decided to leave decides anew at each cue, new or met again. A party indoors goes
to an upper floor when water stands at its door; without one it leaves while it can wade, on foot,
and else stays above the water as well as it can, until that has fallen. Pupils under 15 at school
follow the plan: released, each decides like anybody; held, they stay in the building, upstairs when
water comes, until the all-clear; evacuated, they leave with their teachers on foot as soon as shaking
that wakes sleepers is felt, the order is heard or the sea is seen, a whole school at one time.
Families first fetch their children and those who need help (`pickups.py`).
Before the all-clear some households go back home (`returning.py`); there they decide anew at the
next cue.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from engine.city import I64, B
from engine.codes import among
from engine.component import Component, Context
from engine.events import MODES, reason
from engine.kernels import sweep
from engine.people import broadcast, homecoming, rumour, way_out
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
#: Alerts by which somebody knows: order, neighbours, water, visit.
_KNOWS = 2 | 4 | 8 | 32
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
        "party_trip_event", "control_staffed", "zone_siren_fuel_ms", "zone_mast_fuel_ms",
        "unit_mission", "unit_phase", "unit_event", "door_visited", "person_health", "person_trapped",
        "party_with", "party_fetcher", "party_mode", "person_care", "party_node",
        "party_unfetched_event", "exclusion_ms", "predicted_ms", "predicted_event", "team_event",
        "team_over_event", "door_held_event",
    )
    writes = (
        "party_alert", "party_decision", "party_decision_event", "party_mode",
        "party_depart_ms", "zone_channel_event", "party_order_ms", "party_order_cause",
        "party_missed", "party_heard", "zone_talk_event", "party_again", "party_alert_event",
        "zone_leader_event", "zone_doors_event", "zone_return_event", "zone_held_event",
        "rumour_event", "rumour_noticed_event", "rumour_denied_event", "party_rumour_event",
        "party_rumour", "party_corrected", "door_visited", "party_fetcher",
        "team_event", "team_over_event", "door_held_event",
    )
    emits = ("channel_started", "leaders_called", "leaders_started", "doors_started",
             "doors_ended", "doors_held", "party_alerted",
             "party_decided", "party_refused", "party_sheltered", "party_released",
             "party_returning", "return_opened", "return_held", "party_going_home",
             "party_stays_away", "pickup_agreed", "rumour_started", "party_heard_rumour", "rumour_noticed",
             "rumour_denied")
    card = (
        ("the sea is heard in the dark within", SEA_HEARD_M, "m",
         "assumption, range 20 to 100", "assumption"),
        ("depth at the door below which people come out", RELEASED_DEPTH_M, "m",
         "assumption, range 0.1 to 0.5", "assumption"),
        *broadcast.CARD,
        *way_out.CARD,
        *homecoming.CARD,
        *rumour.CARD,
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.who = Audience(context)
        a = self.who
        building = context.parties.building[a.rows]
        self._decisions = Decisions(self, context, a)
        self._going_back = GoingBack(self, context, a)
        self._broadcast = Broadcast(context, a.rows, a.zone, a.ordered, a.night)
        self._visits = Visits(context, a.rows, a.zone, a.area, building, a.node)
        self._here = a.node.copy()  # of those on the road: where they are now
        self._road = np.flatnonzero(context.parties.bound[a.rows] >= 0)
        self._doors = Door(context, a.rows, self._here)
        self._homecoming = homecoming.Homecoming(context, a)
        self._rumours = rumour.Rumours(self, context, a, self._decisions, self._going_back)
        self._near_sea = np.flatnonzero((a.sea_m <= context.behaviour.sea_view_m)
                                        & (context.parties.bound[a.rows] < 0))
        near = self.who.near
        self._talk = a.rows[near], a.zone[near], a.danger[near], a.talk[near]
        self._shaken = np.full(context.city.zones.population.size, -1, np.int64)
        self._found = np.empty(a.rows.size, np.int64)  # scratch

    def step(self, t0_ms: int, t1_ms: int) -> None:
        if self.who.rows.size == 0:
            return
        self._here[self._road] = self.w.party_node[self.who.rows[self._road]]
        self._decisions.fetched(t0_ms)
        if self.w.all_clear_event[0] < 0:
            self._decisions.take_over(t0_ms)
            self._felt()
            again = self._broadcast.step(self, t0_ms, t1_ms)
            self.w.party_again[self.who.rows[again]] += 1
            self._decisions.again(again, t0_ms)
            self._hear(t1_ms)
            self._neighbours(t0_ms, t1_ms)
            self._sea(t0_ms)
            self._knock(t0_ms, t1_ms)
            self._going_back.step(t0_ms, t1_ms, self._dark)
            self._rumours.step(t0_ms, t1_ms)
        else:
            self._visits.teams.recall(self, t0_ms)
            self._homecoming.step(self, t0_ms, t1_ms)
        self._water(t0_ms)

    # --- cues ---------------------------------------------------------------------------------

    def _felt(self) -> None:
        shaken = self.w.zone_shaken_event
        if np.array_equal(shaken, self._shaken):  # each zone is shaken once
            return
        self._shaken = shaken.copy()
        cause = shaken[self.who.zone]
        new = np.flatnonzero((cause >= 0) & (self.w.party_alert[self.who.rows] & 1 == 0))
        new = new[self.w.zone_mmi[self.who.zone[new]] >= 3.0]  # felt by many indoors from III on
        if new.size:
            self._decisions.cue(new, model.FELT, self.ctx.log.column("t_ms")[cause[new]], cause[new])

    def _hear(self, t1_ms: int) -> None:
        w, rows = self.w, self.who.rows
        new = self._found[: sweep.new_due(
            rows, w.party_order_ms, w.party_alert, 1 << model.ORDER, t1_ms, self._found)]
        if new.size:
            new = new[np.argsort(w.party_order_ms[rows[new]], kind="stable")]
            self._decisions.cue(new, model.ORDER, w.party_order_ms[rows[new]],
                                w.party_order_cause[rows[new]])

    def _neighbours(self, t0_ms: int, t1_ms: int) -> None:
        """Word of mouth: hazard proportional to the share of the zone that knows or leaves."""
        w, who = self.w, self.who
        informed = np.empty(who.total.size, np.int64)
        rows, zone, danger, threshold = self._talk
        sweep.count_informed(informed, rows, zone, w.party_decision, w.party_alert, LEAVES, _KNOWS)
        chance = model.contagion_probability(
            informed, who.total, self.ctx.behaviour.neighbour_rate_pmin, (t1_ms - t0_ms) / 1000.0)
        # One exponential threshold a party against the hazard gathered so far: a single draw. Each
        # further time that much has gathered, it is told again. Where nothing reopens a decision,
        # outside the danger zone, telling once is enough.
        told = self._found[: sweep.word_of_mouth(
            w.party_heard, rows, zone, w.party_decision, w.party_alert, danger,
            -np.log1p(-chance), threshold, LEAVES, _KNOWS, self._found)]
        told = who.near[told]
        told = told[w.zone_talk_event[who.zone[told]] >= 0]
        first = w.party_alert[who.rows[told]] & 4 == 0
        self._decisions.again(told[~first], t0_ms)
        new = told[first]
        if new.size:
            self._decisions.cue(new, model.NEIGHBOURS, np.full(new.size, t0_ms),
                                w.zone_talk_event[who.zone[new]])

    def _sea(self, t0_ms: int) -> None:
        """The sea drawn back or risen, seen from near it by day or under lights, or heard."""
        w, who, b = self.w, self.who, self.ctx.behaviour
        off = np.abs(w.gauge_level_m) >= b.sea_seen_m
        off &= w.gauge_event >= 0
        if not off.any():
            return
        near = np.sort(np.r_[self._near_sea, self._road]) if self._road.size else self._near_sea
        near = near[w.party_alert[who.rows[near]] & 16 == 0]
        near = near[off[who.gauge[near]] & self._at_start(near)]
        if near.size == 0:
            return
        lit = w.zone_power_on[who.zone[near]] | (not self._dark(t0_ms))
        away_m = who.node_sea_m[self._here[near]]
        new = near[away_m <= np.where(lit, b.sea_view_m, min(SEA_HEARD_M, b.sea_view_m))]
        if new.size:
            self._decisions.cue(new, model.SEA, np.full(new.size, t0_ms),
                                w.gauge_event[who.gauge[new]])

    def _knock(self, t0_ms: int, t1_ms: int) -> None:
        """Leaders and teams knock; nobody answers who is gone, nobody goes where water stands."""
        for met, t, cause in self._visits.due(self, t0_ms, t1_ms, self._dark(t0_ms)):
            there = self._at_start(met)
            there &= self.w.node_depth_m[self._here[met]] <= SEEN_DEPTH_M
            there &= self.w.party_alert[self.who.rows[met]] & 32 == 0
            if there.any():
                self._decisions.cue(met[there], model.VISIT, t[there], cause[there])

    def _at_start(self, at: I64) -> B:
        """Which parties [at] are where they began, or back home."""
        return among(self.w.party_place[self.who.rows[at]], _AT_START)

    def _dark(self, t_ms: int) -> bool:
        now = self.ctx.scenario.start + timedelta(milliseconds=t_ms)
        return is_dark(self.ctx.city, now)

    def _water(self, t0_ms: int) -> None:
        """Water at the junction or the next one is seen; where it cannot be waded nobody goes."""
        w, who = self.w, self.who
        near = self._doors.near_water(w)
        held = (w.party_decision == CUT_OFF) & among(w.party_place, _AT_START)  # not taken along since
        first = w.zone_flooded_event.max()
        if not held.any() and (first < 0 or not near.any()):
            return
        near &= first >= 0
        at = np.flatnonzero(near[self._here] | held[who.rows])
        sees = near[self._here[at]] & self._at_start(at)
        cut = sees & self._doors.cut_off(w, at)
        new = at[sees & (w.party_alert[who.rows[at]] & 8 == 0)]
        if new.size:
            flooded = w.zone_flooded_event[who.zone[new]]
            self._decisions.cue(new, model.WATER, np.full(new.size, t0_ms),
                                np.where(flooded >= 0, flooded, first))
        self._door(at, cut, t0_ms)

    def _door(self, at: I64, cut: B, t0_ms: int) -> None:
        """Parties `at` that are cut off go up or stay on their floor; when the water has fallen
        they decide."""
        w, rows = self.w, self.who.rows
        depth = w.node_depth_m[self._here[at]]
        held = (w.party_decision[rows[at]] == CUT_OFF) & self._at_start(at)
        new = cut & ~held
        if new.any():
            party = rows[at[new]]
            why = np.where(self._doors.upper(w, at[new]), reason("upstairs above water"),
                           reason("cut off on one floor"))
            w.party_decision_event[party] = self.emit(
                "party_sheltered", t0_ms, party, why, depth[new], w.party_alert_event[party]
            )
            w.party_decision[party] = CUT_OFF
        out = held & ~cut & (depth <= RELEASED_DEPTH_M)
        free = at[out]
        if free.size:
            party = rows[free]
            event = self.emit("party_released", t0_ms, party, value=depth[out],
                              cause=w.party_decision_event[party])
            w.party_decision[party] = 0
            t = np.full(free.size, t0_ms)
            was = w.party_mode[party] > 0  # had decided to leave before the water came
            by_car = w.party_mode[party[was]] == MODES.index("car")
            self._decisions.set_out(free[was], model.WATER, t[was], event[was], by_car)
            self._decisions.decide(free[~was], model.WATER, t[~was], event[~was], True)
