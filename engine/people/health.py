"""Health: who is hurt, trapped, swept away or dies, of shaking and of water.

Shaking: HAZUS severities indoors, entrapment and its survival curve, deterioration of the
critically hurt without care (`casualties.py`). Water: exposure of each party where it is, loss of
stability and the death of the swept (`water_effects.py`).

Exposure. A walking party stands in the depth interpolated between the junctions of its street; a
driving one, like one indoors, in that of its last junction. Indoors people climb to the top floor
while the building stands (`refuge.py`), and the current inside is `INDOOR_FLOW` of that outside
(assumption).
"""

from __future__ import annotations

import numpy as np

from engine.city import F64, I64
from engine.codes import among
from engine.component import Component, Context
from engine.events import CAUSES
from engine.kernels import sweep
from engine.people import casualties, refuge, vertical, water_effects
from engine.world import (
    C_HOSPITAL,
    C_SELF,
    C_TRANSPORT,
    H_CRITICAL,
    H_DEAD,
    H_SERIOUS,
    NEVER,
    P_ABOARD,
    P_AT_STOP,
    P_CUT_OFF,
    P_DRIVING,
    P_PREPARING,
    P_REFUGE,
    P_RETURNING,
    P_START,
    P_STAYING,
    P_TO_FAMILY,
    P_TO_STOP,
    P_WAITING,
    P_WALKING,
    P_WITH,
)  # fmt: skip

_TAKEN = (C_TRANSPORT, C_HOSPITAL, C_SELF)  #: no longer with their party
INDOOR_FLOW = 0.3
WET_M = 0.3
_ON_FOOT = (P_WALKING, P_RETURNING, P_TO_STOP, P_TO_FAMILY, P_WITH)  # or in the car of who fetched them
_OUTSIDE = (*_ON_FOOT, P_DRIVING, P_WAITING, P_ABOARD, P_AT_STOP)
_INSIDE = (P_START, P_PREPARING, P_STAYING, P_CUT_OFF)
_WALKS = np.isin(np.arange(256), _ON_FOOT)
_COUNTED = np.isin(np.arange(256), (*_OUTSIDE, *_INSIDE, P_REFUGE))
_HOUR_MS = 3_600_000
_SHAKING, _TSUNAMI = CAUSES.index("shaking"), CAUSES.index("tsunami")
_TRAPPED, _UNTREATED = CAUSES.index("trapped"), CAUSES.index("untreated")


class Health(Component):
    """Owner of every person's health."""

    name = "health"
    reads = (
        "building_damage", "building_damage_event", "zone_shaken_event", "node_depth_m",
        "node_flow_mps", "zone_flooded_event", "party_place", "party_node", "party_arc",
        "party_offset_m", "person_care", "person_care_event", "person_health", "person_trapped",
        "person_dies_ms", "person_health_event", "party_wet_event", "party_tested_dv",
        "party_trip_event", "person_swept_event", "party_refuge",
    )
    writes = (
        "person_health", "person_health_event", "person_dies_ms", "person_trapped",
        "party_wet_event", "party_tested_dv", "person_swept_event",
    )
    emits = ("person_hurt", "person_trapped", "person_died", "party_in_water",
             "party_out_of_water", "person_swept")
    card = (
        ("ground floor above the street", refuge.FLOOR_M, "m", "assumption", "assumption"),
        ("current indoors over outdoors", INDOOR_FLOW, "", "assumption", "assumption"),
        ("RPM score of severity 3", casualties.CRITICAL_RPM, "", "assumption", "assumption"),
        *water_effects.CARD,
        *refuge.CARD,
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._done = np.zeros(context.city.zones.population.size, np.bool_)
        b = context.city.buildings
        inside = context.parties.building >= 0
        building = np.maximum(context.parties.building, 0)
        self._refuge_m = refuge.refuge_height_m(b.storeys[building], inside)
        self._holds_m = refuge.holds_m(b.structure[building])
        self._building = building
        self._inside = inside
        self._found = np.empty(context.parties.count, np.int64)  # scratch
        self._critical = water_effects.critical_dv(
            context.seed, np.arange(context.parties.of_person.size),
            context.city.persons.age_group, context.city.persons.mobility,
        )

    def load(self) -> None:
        self._done = self.w.zone_shaken_event >= 0

    def step(self, t0_ms: int, t1_ms: int) -> None:
        self._shaken()
        self._cared_for()
        self._water(t0_ms)
        self._deaths(t1_ms)

    # --- shaking ------------------------------------------------------------------------------

    def _shaken(self) -> None:
        new_zone = (self.w.zone_shaken_event >= 0) & ~self._done
        if not new_zone.any():
            return
        self._done |= new_zone
        parties, city, seed = self.ctx.parties, self.ctx.city, self.ctx.seed
        where = parties.person_building
        at = np.maximum(where, 0)
        rows = np.flatnonzero(
            (where >= 0) & new_zone[city.buildings.zone[at]] & (self.w.building_damage[at] > 0)
        )
        if rows.size == 0:
            return
        b = where[rows]
        damage = np.minimum(self.w.building_damage[b], 4)
        fell = self.w.building_damage[b] == 5
        indoors = np.ones(rows.size, np.bool_)
        severity = casualties.casualty_severity(
            seed, rows, damage, fell, city.buildings.structure[b], indoors
        )
        caught = casualties.trapped(severity, damage, fell, indoors)
        hurt = severity > 0
        rows, severity, caught, b = rows[hurt], severity[hurt], caught[hurt], b[hurt]
        cause = self.w.building_damage_event[b]
        t = self.ctx.log.column("t_ms")[cause]
        order = np.lexsort((rows, t))
        rows, b, cause, t = rows[order], b[order], cause[order], t[order]
        severity, caught = severity[order], caught[order]
        self.w.person_health[rows] = severity
        dead = severity == H_DEAD
        self.w.person_health_event[rows[~dead]] = self.emit(
            "person_hurt", t[~dead], rows[~dead], _SHAKING, severity[~dead], cause[~dead]
        )
        self.w.person_health_event[rows[dead]] = self.emit(
            "person_died", t[dead], rows[dead], _SHAKING, cause=cause[dead]
        )
        under = rows[caught]
        self.w.person_trapped[under] = True
        self.w.person_health_event[under] = self.emit(
            "person_trapped", t[caught], under, b[caught], cause=self.w.person_health_event[under]
        )
        self.w.person_dies_ms[under] = t[caught] + _ms(casualties.trapped_death_h(seed, under))
        self._deteriorate(rows[severity == H_CRITICAL], t[severity == H_CRITICAL])

    def _deteriorate(self, rows: I64, t_ms: I64) -> None:
        """The critically hurt die at a time of their own unless they are admitted before."""
        dies = t_ms + _ms(casualties.untreated_death_h(self.ctx.seed, rows))
        self.w.person_dies_ms[rows] = np.minimum(self.w.person_dies_ms[rows], dies)

    def _cared_for(self) -> None:
        for t, person, _ in self.ctx.mail.take("freed"):
            self.w.person_trapped[person] = False
            self.w.person_dies_ms[person] = NEVER
            if self.w.person_health[person] == H_CRITICAL:
                since = int(self.ctx.log.column("t_ms")[self.w.person_health_event[person]])
                self._deteriorate(np.array([person]), np.array([since]))
                self.w.person_dies_ms[person] = max(int(self.w.person_dies_ms[person]), int(t))
        for _, person, _ in self.ctx.mail.take("admitted"):
            self.w.person_dies_ms[person] = NEVER

    def _deaths(self, t1_ms: int) -> None:
        rows = np.flatnonzero(self.w.person_dies_ms < t1_ms)
        rows = rows[self.w.person_health[rows] != H_DEAD]
        if rows.size == 0:
            return
        t = self.w.person_dies_ms[rows]
        order = np.lexsort((rows, t))
        rows, t = rows[order], t[order]
        swept = self.w.person_swept_event[rows] >= 0
        why = np.where(
            self.w.person_trapped[rows], _TRAPPED, np.where(swept, _TSUNAMI, _UNTREATED)
        )
        cause = np.where(
            swept & ~self.w.person_trapped[rows], self.w.person_swept_event[rows],
            np.maximum(self.w.person_health_event[rows], self.w.person_care_event[rows]),
        )
        self._die(rows, t, why, cause)

    def _die(self, rows: I64, t_ms: I64, why: I64, cause: I64) -> None:
        self.w.person_health_event[rows] = self.emit("person_died", t_ms, rows, why, cause=cause)
        self.w.person_health[rows] = H_DEAD
        self.w.person_dies_ms[rows] = NEVER
        self.w.person_trapped[rows] = False

    # --- water --------------------------------------------------------------------------------

    def _exposure(self) -> tuple[I64, F64, F64]:
        """(parties that could stand in water, depth m, flow m/s) where they are now."""
        w, walk = self.w, self.ctx.city.walk
        rows = self._found[: sweep.exposed(
            w.party_node, w.party_place, w.party_arc, w.node_depth_m > 0.01, _COUNTED, _WALKS,
            self._found)]
        outside = among(w.party_place[rows], _OUTSIDE)
        node = w.party_node[rows]
        depth = w.node_depth_m[node].astype(np.float64)
        flow = w.node_flow_mps[node].astype(np.float64)
        on_arc = among(w.party_place[rows], _ON_FOOT) & (w.party_arc[rows] >= 0)
        arc = np.maximum(w.party_arc[rows], 0)
        part = np.clip(w.party_offset_m[rows] / walk.length_m[arc], 0.0, 1.0)
        for values, source in ((depth, w.node_depth_m), (flow, w.node_flow_mps)):
            along = source[walk.tail[arc]] * (1 - part) + source[walk.head[arc]] * part
            values[on_arc] = along[on_arc]
        held = w.party_place[rows] == P_REFUGE
        indoors = ~outside & ~held & self._inside[rows]
        # A building that the shaking or the water has broken shelters nobody.
        stands = (depth <= self._holds_m[rows]) & (
            w.building_damage[self._building[rows]] < refuge.NO_REFUGE_DAMAGE
        )
        indoors &= stands
        depth = np.where(indoors, np.maximum(depth - self._refuge_m[rows], 0.0), depth)
        depth = vertical.above_water(self.ctx.site.refuges, w, rows, held, depth)
        flow = np.where(indoors | held, INDOOR_FLOW * flow, flow)
        return rows, depth, flow

    def _water(self, t0_ms: int) -> None:
        w = self.w
        if not (w.node_depth_m > 0.01).any():
            self._dry(np.flatnonzero(w.party_wet_event >= 0), t0_ms)
            return
        rows, depth, flow = self._exposure()
        standing = depth > WET_M
        in_water = np.zeros(w.party_wet_event.size, np.bool_)
        in_water[rows[standing]] = True
        self._dry(np.flatnonzero((w.party_wet_event >= 0) & ~in_water), t0_ms)
        new = standing & (w.party_wet_event[rows] < 0)
        zone = self.ctx.site.zone_of_node[w.party_node[rows[new]]]
        flood = w.zone_flooded_event[zone]
        flood = np.where(flood >= 0, flood, w.zone_flooded_event.max())
        cause = np.maximum(flood, w.party_trip_event[rows[new]])
        known = cause >= 0
        at = rows[new][known]
        w.party_wet_event[at] = self.emit(
            "party_in_water", t0_ms, at, value=depth[new][known], cause=cause[known]
        )
        self._sweep(rows[standing], depth[standing], flow[standing], t0_ms)

    def _dry(self, rows: I64, t0_ms: int) -> None:
        if rows.size:
            self.emit("party_out_of_water", t0_ms, rows, cause=self.w.party_wet_event[rows])
            self.w.party_wet_event[rows] = -1

    def _sweep(self, rows: I64, depth: F64, flow: F64, t0_ms: int) -> None:
        """Members lose stability in worse water than any before, and may die of it."""
        worse = depth * np.maximum(flow, 0.0) > self.w.party_tested_dv[rows]
        deeper = depth > water_effects.WADING_LIMIT_M
        rows, depth, flow = rows[worse | deeper], depth[worse | deeper], flow[worse | deeper]
        self.w.party_tested_dv[rows] = np.maximum(self.w.party_tested_dv[rows], depth * flow)
        parties = self.ctx.parties
        count = parties.size[rows].astype(np.int64)
        party = np.repeat(np.arange(rows.size), count)
        first = parties.member_ptr[rows]
        inside = np.arange(party.size) - np.repeat(np.cumsum(count) - count, count)
        person = parties.member[np.repeat(first, count) + inside]
        alive = (
            (self.w.person_health[person] != H_DEAD) & (self.w.person_swept_event[person] < 0)
            & ~among(self.w.person_care[person], _TAKEN)
        )
        person, party = person[alive], party[alive]
        lost = water_effects.loses_stability(
            depth[party], flow[party], self._critical[person],
            self.ctx.city.persons.age_group[person],
        )
        person, party = person[lost], party[lost]
        if person.size == 0:
            return
        order = np.argsort(person, kind="stable")
        person, party = person[order], party[order]
        event = self.emit(
            "person_swept", t0_ms, person, value=depth[party] * flow[party],
            cause=self.w.party_wet_event[rows[party]],
        )
        self.w.person_swept_event[person] = event
        outcome = water_effects.outcome_of_swept(
            self.ctx.seed, person, depth[party], self.ctx.city.persons.age_group[person]
        )
        hurt = person[(outcome == H_SERIOUS) & (self.w.person_health[person] < H_SERIOUS)]
        cause = self.w.person_swept_event[hurt]
        self.w.person_health_event[hurt] = self.emit(
            "person_hurt", t0_ms, hurt, _TSUNAMI, H_SERIOUS, cause
        )
        self.w.person_health[hurt] = H_SERIOUS
        dies = person[outcome == H_DEAD]
        self._die(dies, np.full(dies.size, t0_ms), np.full(dies.size, _TSUNAMI),
                  self.w.person_swept_event[dies])


def _ms(hours: F64) -> I64:
    """Hours to milliseconds; infinite hours become a time that does not come."""
    finite = np.isfinite(hours)
    return np.where(finite, np.rint(np.where(finite, hours, 0.0) * _HOUR_MS), NEVER).astype(
        np.int64
    )
