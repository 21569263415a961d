"""Crews that leave their vehicle: no way out of the exclusion zone by road, or none in time.

A crew that has to leave the zone takes the vehicle to its waiting place or, where no known way leads there,
to the nearest junction outside that it can reach. When neither gets it out before the predicted wave and
the walk to safety is quicker, it leaves the vehicle where it stands and walks (`engine/mobility/crews.py`);
a patient on board is carried and goes on to hospital from there in somebody's car. Where there is no
way at all it waits with the vehicle and looks again every minute. After the all-clear crews walk back, and
a vehicle that the water has spared is in service again.

Water takes a crew on foot where it is deeper than an adult can stand in or faster (Australian Rainfall and
Runoff: 1.2 m, depth times speed 0.6 m2/s; recalled, unconfirmed); of its members as many die as of a crew
caught in its vehicle (`street_hazards.py`).

Limits: a crew knows the walking network as it is; who waits with a patient for a hospital's bed or is
under way to one in the zone goes on; no vehicle takes up another's crew.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.access import main_network
from engine.city import I64, B
from engine.component import Context
from engine.events import reason
from engine.kernels.paths import UNREACHED, Csr, shortest_tree
from engine.response.street_hazards import DEATH_SHARE, crew_deaths
from engine.world import (
    C_TRANSPORT,
    C_WAITING,
    H_DEAD,
    NEVER,
    U_AVAILABLE,
    U_AWAY,
    U_BACK,
    U_OFF,
    U_ON_FOOT,
    U_ON_SCENE,
    U_WALKING,
)

LOOK_MS = 60_000
STAND_DEPTH_M = 1.2
STAND_DV = 0.6
NO_WAY = reason("no way out of the zone")
TOO_SLOW = reason("no way back before the wave")

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("depth, and depth times speed, that take a crew on foot", f"{STAND_DEPTH_M} / {STAND_DV}", "m, m2/s",
     "Australian Rainfall and Runoff, adults (recalled)", "assumption"),
    ("death of a member of a crew taken on foot", DEATH_SHARE, "", "Nishikiori et al. 2006, swept adults",
     "sourced"),
)


class CrewsOnFoot:
    """Part of the units component that gets crews out of the zone."""

    w: Any
    ctx: Context
    emit: Any
    signal: Any
    _csr: Csr
    _event: Any
    _phase: Any
    _drive_cost: Any
    _go_wait: Any
    _available: Any
    _set_care: Any
    _go_to: Any
    _at_vehicle: Any
    _begin_task: Any

    def _prepare_crews(self) -> None:
        site = self.ctx.site
        self._outside: B = main_network(self.ctx.city) & ~(site.danger_node | site.exclusion_node)

    def _at(self, unit: int) -> int:
        """Junction where the unit is, or the next one while it drives."""
        edge = int(self.w.unit_edge[unit])
        return int(self.ctx.city.edges.to_node[edge] if edge >= 0 else self.w.unit_node[unit])

    def _in_zone(self, unit: int) -> bool:
        """Inside the exclusion line while it is drawn."""
        inside = self.ctx.site.exclusion_node[self._at(unit)]
        return bool(self.w.exclusion_ms[0] < NEVER and inside)

    def _way_out(self, unit: int, t_ms: int, home: int) -> tuple[int, int]:
        """Where the unit drives to be outside the line: `home`, the nearest place outside, or -1 with the
        reason to walk (0: no way on foot either)."""
        w, at = self.w, self._at(unit)
        if at == home:
            return home, 0
        dist, via = shortest_tree(self._csr, self._drive_cost(), at)
        if not self._in_zone(unit) and dist[home] < UNREACHED:
            return home, 0
        predicted = int(w.predicted_ms[0])
        # Once the first wave has come there is no hour to be out by; the next one's nobody knows.
        left_ms = predicted - t_ms if t_ms < predicted < NEVER else NEVER
        if dist[home] < UNREACHED and self._out_ms(at, home, dist, via) <= left_ms:
            return home, 0
        ways: I64 = np.where(self._outside, dist, UNREACHED)
        nearest = int(np.argmin(ways))
        drive_ms, walk_ms = int(ways[nearest]), int(w.unit_walk_out_ms[unit])
        if drive_ms < UNREACHED and drive_ms <= max(left_ms, walk_ms):
            return nearest, 0
        if walk_ms < NEVER:
            return -1, TOO_SLOW if drive_ms < UNREACHED else NO_WAY
        return (nearest, 0) if drive_ms < UNREACHED else (-1, 0)

    def _out_ms(self, at: int, home: int, dist: I64, via: Any) -> int:
        """When the way to `home` has left the exclusion line for good."""
        tail, inside = self.ctx.city.edges.from_node, self.ctx.site.exclusion_node
        node = home
        while node != at:
            before = int(tail[via[node]])
            if inside[before]:
                return int(dist[node])
            node = before
        return 0

    def _leave_zone(self, unit: int, t_ms: int, home: int, phase: int) -> None:
        """Leave the zone for the waiting place `home`, by vehicle or on foot."""
        w = self.w
        goal, why = self._way_out(unit, t_ms, home)
        moving = w.unit_edge[unit] >= 0
        if goal < 0 and moving:  # to the next junction; there it looks again
            goal = self._at(unit)
        if goal >= 0:
            self._go_wait(unit, t_ms, phase, goal)
            return
        if why:
            self._walk_out(unit, t_ms, why)
            return
        last = int(w.unit_event[unit])
        told = last >= 0 and self.ctx.log.column("object")[last] == NO_WAY
        ordered = (w.unit_order_incident, w.unit_order_control, w.unit_order_mission)
        if all(order[unit] < 0 for order in ordered):
            w.unit_stop_reason[unit] = NO_WAY  # command need not order it again
        if not told:
            self._event("unit_turned_back", t_ms, unit, NO_WAY)
        if w.unit_phase[unit] != U_AVAILABLE:
            self._phase(unit, U_AVAILABLE, t_ms)
        w.unit_due_ms[unit] = t_ms + LOOK_MS

    def _walk_out(self, unit: int, t_ms: int, why: int) -> None:
        """Leave the vehicle and walk; a patient on board is carried."""
        w = self.w
        self._event("crew_on_foot", t_ms, unit, why, float(w.unit_walk_out_ms[unit]) / 1000.0)
        w.unit_facility[unit] = w.unit_dest_node[unit] = w.unit_scene_node[unit] = -1
        self._phase(unit, U_ON_FOOT, t_ms)

    def _look_again(self, unit: int, t_ms: int) -> None:
        """A unit that is still inside the drawn line looks for a way out as soon as it can."""
        if self.w.unit_phase[unit] == U_AVAILABLE and self._in_zone(unit):
            self.w.unit_due_ms[unit] = t_ms + self.ctx.tick_ms

    def _crew_arrives(self, unit: int, t_ms: int) -> None:
        """Mobility's report: in safety, at the vehicle, or at the scene."""
        w, phase = self.w, int(self.w.unit_phase[unit])
        walked_s = (t_ms - int(w.unit_since_ms[unit])) / 1000.0
        if phase == U_ON_FOOT:
            self._event("crew_in_safety", t_ms, unit, value=walked_s)
            self._phase(unit, U_AWAY, t_ms)
            person = int(w.unit_person[unit])
            if person >= 0:
                self._hand_on(unit, person, t_ms)
        elif phase == U_BACK:
            self._event("crew_back", t_ms, unit, value=walked_s)
            self._at_vehicle(unit, t_ms)
        elif phase == U_WALKING:
            self._begin_task(unit, t_ms)

    def _hand_on(self, unit: int, person: int, t_ms: int) -> None:
        """Somebody drives the patient on to hospital from where the crew has carried them; while none
        can be used the crew stays with the patient."""
        w, nodes = self.w, self.ctx.city.nodes
        self._set_care(person, C_WAITING, int(w.unit_event[unit]))
        if w.person_health[person] < H_DEAD:
            node = int(w.unit_crew_node[unit])
            self._go_to(person, t_ms, float(nodes.x_m[node]), float(nodes.y_m[node]), ())
            if w.person_care[person] == C_WAITING:
                self._set_care(person, C_TRANSPORT, int(w.unit_event[unit]))
                return
        w.unit_person[unit] = -1

    def _crews_back(self, t_ms: int) -> None:
        """After the all-clear crews set out to their vehicles."""
        w, clear = self.w, int(self.w.all_clear_event[0])
        for unit in np.flatnonzero((w.unit_phase == U_AWAY) & (w.unit_person >= 0)):
            if (t_ms - int(w.unit_since_ms[unit])) % LOOK_MS < self.ctx.tick_ms:
                self._hand_on(int(unit), int(w.unit_person[unit]), t_ms)
        if clear < 0 or w.exclusion_ms[0] < NEVER:
            return
        out = np.isin(w.unit_phase, (U_AWAY, U_ON_FOOT)) & (w.unit_person < 0)
        for unit in np.flatnonzero(out):
            cause = max(int(w.unit_event[unit]), clear)
            w.unit_event[unit] = self.emit("crew_walks_back", t_ms, unit, cause=cause)[0]
            self._phase(int(unit), U_BACK, t_ms)

    def _caught_on_foot(self, t_ms: int) -> None:
        """The water takes crews on foot."""
        w, city = self.w, self.ctx.city
        rows = np.flatnonzero(w.unit_crew_node >= 0)
        if rows.size == 0 or not (w.zone_flooded_event >= 0).any():
            return
        arc = np.maximum(w.unit_crew_arc[rows], 0)
        under_way = w.unit_crew_arc[rows] >= 0
        node = np.where(under_way, city.walk.head[arc], w.unit_crew_node[rows])
        depth = np.where(under_way, w.street_depth_m[arc >> 1], w.node_depth_m[node])
        taken = (depth > STAND_DEPTH_M) | ((depth > 0.1) & (depth * w.node_flow_mps[node] > STAND_DV))
        at_scene = (w.unit_phase[rows] == U_ON_SCENE) & (w.unit_scene_node[rows] >= 0)
        taken &= np.isin(w.unit_phase[rows], (U_ON_FOOT, U_AWAY, U_BACK, U_WALKING)) | at_scene
        for i in np.flatnonzero(taken):
            self._lose_crew(int(rows[i]), t_ms, int(node[i]), float(depth[i]))

    def _lose_crew(self, unit: int, t_ms: int, node: int, depth_m: float) -> None:
        w = self.w
        flood = int(w.zone_flooded_event[self.ctx.site.zone_of_node[node]])
        cause = max(int(w.unit_event[unit]), flood if flood >= 0 else int(w.zone_flooded_event.max()))
        event = int(self.emit("crew_caught", t_ms, unit, value=depth_m, cause=cause)[0])
        w.unit_event[unit] = event
        dead = crew_deaths(self.ctx, unit)
        if dead:
            self.emit("responders_died", t_ms, unit, value=dead, cause=event)
        person = int(w.unit_person[unit])
        if person >= 0:
            self._set_care(person, C_WAITING, event)  # the dead need none (`_sync_care`)
        w.unit_incident[unit] = w.unit_person[unit] = w.unit_scene_node[unit] = -1
        self._phase(unit, U_OFF, t_ms)
        self.signal(unit)

