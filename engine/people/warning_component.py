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
from zoneinfo import ZoneInfo

import numpy as np

from engine import rng
from engine.city import F64, I32, I64, U8, USES, B
from engine.component import Component, Context
from engine.events import CAUSES, MODES, reason
from engine.kernels import paths
from engine.people import belief, returning
from engine.people import warning as model
from engine.people.broadcast import Broadcast
from engine.people.door import SEEN_DEPTH_M, Door
from engine.people.visits import Visits
from engine.shore import distance_to_sea_m, is_dark
from engine.world import (
    NEVER,
    P_CUT_OFF,
    P_HIGH,
    P_MEETING,
    P_PREPARING,
    P_SHELTER,
    P_START,
    P_STAYING,
    P_WALKING,
)

SHADOW_M = 500.0
RELEASED_DEPTH_M = 0.3
SEA_HEARD_M = 50.0
NIGHT_HOURS = (23, 7)
LEAVES, STAYS, CUT_OFF, GOES_BACK = 1, 2, 3, 4
HAS_RETURNED = 64
_OBJECT = (CAUSES.index("shaking"), CAUSES.index("none"), CAUSES.index("none"),
           CAUSES.index("tsunami"), CAUSES.index("tsunami"), CAUSES.index("none"))
_SAFE = (P_HIGH, P_MEETING, P_SHELTER)
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
        "party_trip_event", "control_staffed", "unit_mission", "unit_phase", "unit_event",
        "door_visited",
    )
    writes = (
        "party_alert", "party_decision", "party_decision_event", "party_mode",
        "party_depart_ms", "zone_channel_event", "party_order_ms", "party_order_cause",
        "party_missed", "party_heard", "zone_talk_event", "party_again", "party_alert_event",
        "zone_leader_event", "zone_doors_event", "door_visited",
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
        city, site, parties, seed = context.city, context.site, context.parties, context.seed
        start = parties.node
        walk_m, near_m = _distances(context)
        danger = site.danger_node[start]
        ordered = site.order_zone[start] >= 0
        shadow = ~danger & ~ordered & (near_m[start] <= SHADOW_M) & (parties.cars > 0)
        self._rows = np.flatnonzero(danger | ordered | shadow)
        rows = self._rows
        self._zone = parties.zone[rows].astype(np.int64)
        self._node = start[rows].astype(np.int64)
        self._danger, self._ordered, self._shadow = danger[rows], ordered[rows], shadow[rows]
        self._area = site.order_zone[start[rows]]
        key = parties.first[rows].astype(np.int64)
        self._key = key
        draw = rng.uniform
        self._refuse = draw(seed, "people.refuse", key)
        self._believe = [draw(seed, "people.believe", key, k) for k in range(6)]
        self._milling = [draw(seed, "people.milling", key, k) for k in range(6)]
        self._pickup = draw(seed, "people.pickup", key)
        self._mode = draw(seed, "people.mode", key)
        self._helped = draw(seed, "people.shadow", key)
        self._talk = -np.log(draw(seed, "people.neighbour", key))
        self._back = [draw(seed, "people.return", key, k) for k in range(3)]
        self._back_ms = np.rint(
            1000 * returning.return_delay_s(context.behaviour, self._back[1])).astype(np.int64)
        # Whole households go back, and only those that nobody has to help.
        self._can_return = (
            parties.home[rows] & (parties.building[rows] >= 0) & self._danger
            & (parties.slow[rows] < 2)
        )
        household = city.persons.household[parties.first[rows]]
        whole = np.bincount(city.persons.household)[household]
        self._separated = parties.size[rows] < whole
        self._walk_m = walk_m[start[rows]]
        self._has_car = parties.cars[rows] > 0
        self._slow, self._size = parties.slow[rows], parties.size[rows]
        self._in_bed = parties.ward[rows] >= 0  # nobody but the staff decides for them
        self._total = np.bincount(self._zone, minlength=city.zones.population.size)
        local = context.scenario.start.astimezone(ZoneInfo(city.timezone))
        night = local.hour >= NIGHT_HOURS[0] or local.hour < NIGHT_HOURS[1]
        self._night = night
        self._schools(parties.building[rows], parties.age_group[rows])
        self._broadcast = Broadcast(context, rows, self._zone, self._ordered, night)
        self._visits = Visits(context, rows, self._zone, self._area, parties.building[rows])
        self._doors = Door(context, rows, self._node)
        # The sea is that of the nearest gauge; without terrain or tsunami nobody sees it.
        self._sea_m = distance_to_sea_m(city)[start[rows]]
        self._coastal = ~(self._sea_m > context.behaviour.shore_m) | np.isinf(self._sea_m)
        gauges = site.gauge_x_m.size
        self._gauge = np.zeros(rows.size, np.int64)
        if gauges:
            self._gauge = np.argmin(np.hypot(
                city.nodes.x_m[self._node, None] - site.gauge_x_m,
                city.nodes.y_m[self._node, None] - site.gauge_y_m,
            ), axis=1)

    def step(self, t0_ms: int, t1_ms: int) -> None:
        if self._rows.size == 0:
            return
        if self.w.all_clear_event[0] < 0:
            self._felt()
            again = self._broadcast.step(self, t0_ms, t1_ms)
            self.w.party_again[self._rows[again]] += 1
            self._again(again, t0_ms)
            self._hear(t1_ms)
            self._neighbours(t0_ms, t1_ms)
            self._sea(t0_ms)
            self._knock(t0_ms, t1_ms)
            self._return(t0_ms, t1_ms)
        self._water(t0_ms)

    def _schools(self, building: I32, age_group: U8) -> None:
        """Pupils [relevant]; where whole schools leave, those of one get ready at one time."""
        use = self.ctx.city.buildings.use[np.maximum(building, 0)]
        self._pupil = (building >= 0) & (use == USES.index("education")) & (age_group <= 1)
        if self.ctx.plan.order.schools == "evacuate":
            for k, milling in enumerate(self._milling):
                milling[self._pupil] = rng.uniform(
                    self.ctx.seed, "people.school", building[self._pupil], k)
            self._separated = self._separated & ~self._pupil  # nobody fetches anybody first

    # --- cues ---------------------------------------------------------------------------------

    def _felt(self) -> None:
        shaken = self.w.zone_shaken_event[self._zone]
        new = np.flatnonzero((shaken >= 0) & (self.w.party_alert[self._rows] & 1 == 0))
        new = new[self.w.zone_mmi[self._zone[new]] >= 3.0]  # felt by many indoors from III on
        if new.size:
            cause = self.w.zone_shaken_event[self._zone[new]]
            self._cue(new, model.FELT, self.ctx.log.column("t_ms")[cause], cause)

    def _hear(self, t1_ms: int) -> None:
        rows = self._rows
        new = np.flatnonzero(
            (self.w.party_order_ms[rows] < t1_ms) & (self.w.party_alert[rows] & 2 == 0)
        )
        if new.size:
            new = new[np.argsort(self.w.party_order_ms[rows[new]], kind="stable")]
            self._cue(new, model.ORDER, self.w.party_order_ms[rows[new]],
                      self.w.party_order_cause[rows[new]])

    def _neighbours(self, t0_ms: int, t1_ms: int) -> None:
        """Word of mouth: hazard proportional to the share of the zone that knows or leaves."""
        rows = self._rows
        leaves = self.w.party_decision[rows] == LEAVES
        knows = (self.w.party_alert[rows] & (2 | 4 | 8 | 32) > 0) | leaves
        informed = np.bincount(self._zone[knows], minlength=self._total.size)
        chance = model.contagion_probability(
            informed, self._total, self.ctx.behaviour.neighbour_rate_pmin, (t1_ms - t0_ms) / 1000.0
        )
        # Where nothing reopens a decision, outside the danger zone, telling once is enough.
        open_ = ~leaves & (self._danger | ~knows) & (chance[self._zone] > 0)
        at = rows[open_]
        # One exponential threshold a party against the hazard gathered so far: a single draw. Each
        # further time that much has gathered, it is told again.
        before = self._told(open_)
        self.w.party_heard[at] -= np.log1p(-chance[self._zone[open_]])
        told = np.flatnonzero(open_)[self._told(open_) > before]
        told = told[self.w.zone_talk_event[self._zone[told]] >= 0]
        first = self.w.party_alert[rows[told]] & 4 == 0
        self._again(told[~first], t0_ms)
        new = told[first]
        if new.size:
            self._cue(new, model.NEIGHBOURS, np.full(new.size, t0_ms),
                      self.w.zone_talk_event[self._zone[new]])

    def _told(self, at: I64 | B) -> I64:
        """How often word of mouth has reached parties so far [at]."""
        told: I64 = np.floor(self.w.party_heard[self._rows[at]] / self._talk[at]).astype(np.int64)
        return told

    def _sea(self, t0_ms: int) -> None:
        """The sea drawn back or risen, seen from near it by day or under lights, or heard."""
        off = np.abs(self.w.gauge_level_m) >= self.ctx.behaviour.sea_seen_m
        off &= self.w.gauge_event >= 0
        if not off.any():
            return
        b = self.ctx.behaviour
        lit = self.w.zone_power_on[self._zone] | (not self._dark(t0_ms))
        reach = np.where(lit, b.sea_view_m, min(SEA_HEARD_M, b.sea_view_m))
        sees = off[self._gauge] & (self._sea_m <= reach) & self._at_start()
        new = np.flatnonzero(sees & (self.w.party_alert[self._rows] & 16 == 0))
        if new.size:
            self._cue(new, model.SEA, np.full(new.size, t0_ms),
                      self.w.gauge_event[self._gauge[new]])

    def _knock(self, t0_ms: int, t1_ms: int) -> None:
        """Leaders and teams knock; nobody answers who is gone, nobody goes where water stands."""
        for met, t, cause in self._visits.due(self, t0_ms, t1_ms):
            rows = self._rows[met]
            there = self._at_start()[met]
            there &= self.w.node_depth_m[self._node[met]] <= SEEN_DEPTH_M
            there &= self.w.party_alert[rows] & 32 == 0
            if there.any():
                self._cue(met[there], model.VISIT, t[there], cause[there])

    def _at_start(self) -> B:
        """Which parties [relevant] are where they began, or back home."""
        return np.isin(self.w.party_place[self._rows], _AT_START)

    def _dark(self, t_ms: int) -> bool:
        now = self.ctx.scenario.start + timedelta(milliseconds=t_ms)
        return is_dark(self.ctx.city, now)

    def _water(self, t0_ms: int) -> None:
        """Water at the junction or the next one is seen; where it cannot be waded nobody goes."""
        near = self._doors.near_water(self.w)
        if not near.any() and not (self.w.party_decision[self._rows] == CUT_OFF).any():
            return
        flooded = self.w.zone_flooded_event[self._zone]
        flooded = np.where(flooded >= 0, flooded, self.w.zone_flooded_event.max())
        near &= self.w.zone_flooded_event.max() >= 0
        cut = self._at_start() & self._doors.cut_off(self.w, near)
        sees = near[self._node] & self._at_start()
        new = np.flatnonzero(sees & (self.w.party_alert[self._rows] & 8 == 0))
        if new.size:
            self._cue(new, model.WATER, np.full(new.size, t0_ms), flooded[new])
        self._door(cut, t0_ms)

    def _door(self, cut: B, t0_ms: int) -> None:
        """Parties cut off go up or stay on their floor; when the water has fallen they decide."""
        w, rows = self.w, self._rows
        depth = w.node_depth_m[self._node]
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
            self._set_out(free[was], model.WATER, t[was], event[was], by_car)
            self._decide(free[~was], model.WATER, t[~was], event[~was], True)

    # --- return -------------------------------------------------------------------------------

    def _return(self, t0_ms: int, t1_ms: int) -> None:
        """Households in safety go back home; those on the way or there are followed."""
        w, rows = self.w, self._rows
        place, decision = w.party_place[rows], w.party_decision[rows]
        home = rows[(decision == GOES_BACK) & (place == P_STAYING)]
        w.party_decision[home] = STAYS
        # At home only what is felt and what the order said still counts, until something new comes.
        w.party_alert[home] &= 1 | 2 | HAS_RETURNED
        w.party_again[home], w.party_heard[home] = 0, 0.0
        w.party_decision[rows[(decision == GOES_BACK) & (place == P_WALKING)]] = LEAVES
        safe = np.flatnonzero(
            self._can_return & np.isin(place, _SAFE) & (decision == LEAVES)
            & (w.party_alert[rows] & HAS_RETURNED == 0)
        )
        due = self.ctx.log.column("t_ms")[w.party_trip_event[rows[safe]]] + self._back_ms[safe]
        new = safe[(due >= t0_ms) & (due < t1_ms)]
        if new.size == 0:
            return
        barred = 0.0
        points = len(self.ctx.plan.control_points)  # rows of closures follow, which stop cars only
        if self.ctx.plan.order.bar_return and points:
            barred = float(w.control_staffed[:points].mean())
        dark = ~w.zone_power_on[self._zone[new]] & self._dark(t0_ms)
        b = self.ctx.behaviour
        new = new[returning.goes_back(b, self._back[0][new], dark=dark, barred=barred)]
        at = rows[new]
        w.party_decision_event[at] = self.emit(
            "party_returning", t0_ms, at,
            returning.return_reason(b, self._back[2][new], self._separated[new]),
            cause=w.party_trip_event[at],
        )
        w.party_decision[at] = GOES_BACK
        w.party_alert[at] |= HAS_RETURNED

    # --- decision -----------------------------------------------------------------------------

    def _cue(self, new: I64, cue: int, t_ms: I64, cause: I64) -> None:
        """Parties `new` (indices of the relevant ones) meet a cue at `t_ms` and decide."""
        w = self.w
        rows = self._rows[new]
        event = self.emit("party_alerted", t_ms, rows, _OBJECT[cue], cue, cause)
        w.party_alert[rows] |= 1 << cue
        w.party_alert_event[rows] = event
        self._tell(new, event)
        self._decide(new, cue, t_ms, event, cue == model.ORDER)

    def _again(self, met: I64, t_ms: int) -> None:
        """Parties `met` a cue again: where they have not decided to leave, they decide anew."""
        rows = self._rows[met]
        undecided = np.isin(self.w.party_decision[rows], (0, STAYS)) & self._danger[met]
        met, rows = met[undecided], rows[undecided]
        event = self.w.party_alert_event[rows]
        cue = self.ctx.log.column("value")[event].astype(np.int64)
        for kind in np.unique(cue):
            mine = cue == kind
            self._decide(met[mine], int(kind), np.full(mine.sum(), t_ms), event[mine], False)

    def _convinced(self, at: I64) -> B:
        """Which parties [at] leave on the cues they have met so far."""
        w, rows = self.w, self._rows[at]
        bits = w.party_alert[rows].astype(np.int64)
        has = [(bits >> cue) & 1 == 1 for cue in range(6)]
        kinds = sum(h.astype(np.int64) for h in has) - has[model.WATER]
        again = {model.ORDER: w.party_again[rows],
                 model.NEIGHBOURS: np.maximum(self._told(at) - 1, 0)}
        go = np.zeros(at.size, np.bool_)
        for cue in range(6):
            go |= has[cue] & belief.leaves(
                self.ctx.behaviour, cue, self._believe[cue][at], self._refuse[at],
                in_danger=self._danger[at], coastal=self._coastal[at],
                mmi=w.zone_mmi[self._zone[at]], again=again.get(cue, 0),
                others=kinds - (cue != model.WATER),
            )
        return go

    def _decide(self, at: I64, cue: int, t_ms: I64, cause: I64, says_why: bool) -> None:
        """Parties `at` weigh what they know; who stays says why where `says_why`."""
        w, b = self.w, self.ctx.behaviour
        rows = self._rows[at]
        undecided = ~np.isin(w.party_decision[rows], (LEAVES, CUT_OFF, GOES_BACK))
        go = undecided & self._convinced(at)
        able = belief.can_leave(b, self._slow[at], self._size[at], self._helped[at])
        able &= ~self._in_bed[at]
        by_car = self._by_car(at)
        pupil, rule = self._pupil[at], self.ctx.plan.order.schools
        if rule == "hold":
            go &= ~pupil
        elif rule == "evacuate":
            strong = w.zone_mmi[self._zone[at]] >= b.felt_from_mmi
            go |= undecided & pupil & (strong | (cue != model.FELT)) & (cue != model.NEIGHBOURS)
            by_car &= ~pupil
        go &= ~self._shadow[at] | by_car
        self._set_out(at[go & able], cue, t_ms[go & able], cause[go & able], by_car[go & able])
        held = pupil & (rule == "hold")
        stays = undecided & ((go & ~able) | (~go & (says_why | held)))
        stays &= w.party_decision[rows] == 0
        guard = belief.guards_property(b, self._refuse[at])
        refuses = belief.refuses(b, model.ORDER, self._refuse[at])
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

    def _by_car(self, new: I64) -> np.ndarray:
        """Mode choice [new]; an order's mode counts for those who have heard it."""
        out = np.zeros(new.size, np.bool_)
        told = self.w.party_alert[self._rows[new]] & 2 > 0
        for area in [-1, *range(len(self.ctx.plan.order.zones))]:
            for heard in (False, True):
                mine = (self._area[new] == area) & (told == heard)
                order = self.ctx.plan.order.zones[max(area, 0)]
                rule = order.mode if heard and area >= 0 else "free"
                at = new[mine]
                out[mine] = self._mode[at] < model.prob_car(
                    self.ctx.behaviour, self._has_car[at], self._walk_m[at], self._slow[at], rule,
                    order.exempt,
                )
        return out

    def _prepare_ms(self, new: I64, cue: int) -> I64:
        seconds = model.preparation_s(
            self.ctx.behaviour, np.full(new.size, cue), self._milling[cue][new],
            self._pickup[new], self._separated[new], self._night,
        )
        return np.rint(1000 * seconds).astype(np.int64)

    def _set_out(self, new: I64, cue: int, t_ms: I64, cause: I64, by_car: np.ndarray) -> None:
        w, rows = self.w, self._rows[new]
        prepare: I64 = self._prepare_ms(new, cue)
        mode = np.where(by_car, MODES.index("car"), MODES.index("foot"))
        seconds: F64 = prepare / 1000.0
        w.party_decision_event[rows] = self.emit(
            "party_decided", t_ms, rows, mode, seconds, cause
        )
        w.party_decision[rows] = 1
        w.party_mode[rows] = mode
        w.party_depart_ms[rows] = t_ms + prepare

    def _stay(self, rows: I64, t_ms: I64, why: np.ndarray, cause: I64) -> None:
        w = self.w
        w.party_decision_event[rows] = self.emit("party_refused", t_ms, rows, why, cause=cause)
        w.party_decision[rows] = 2

    def _tell(self, new: I64, event: I64) -> None:
        """The first party of a zone that knows becomes the source of its word of mouth."""
        zone = self._zone[new][::-1]
        first = np.full(self.w.zone_talk_event.size, -1, np.int64)
        first[zone] = event[::-1]
        source = (first >= 0) & (self.w.zone_talk_event < 0)
        self.w.zone_talk_event[source] = first[source]


def _distances(context: Context) -> tuple[F64, F64]:
    """(walk to the nearest safe junction, distance from the danger zone) [nodes], metres."""
    walk, site = context.city.walk, context.site
    n = site.danger_node.size
    cost = np.maximum(np.rint(walk.length_m[walk.arc]), 1).astype(np.int64)
    out = []
    for mask in (site.safe_node, site.danger_node):
        dist, _ = paths.reverse_tree(
            n, walk.tail[walk.arc], walk.head[walk.arc], cost, np.flatnonzero(mask)
        )
        out.append(np.minimum(dist, NEVER // 4).astype(np.float64))
    return out[0], out[1]
