"""Units on the road: setting out, turning, arriving, and the ways that end.

Mobility drives (`engine/mobility/`); here stand the orders to it and what its reports mean.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.city import I32
from engine.component import Context
from engine.events import reason
from engine.response.hospitals import BED_RETRY_MS, DELAY_REPORTED_S
from engine.response.scene_on_foot import NO_WALK
from engine.world import (
    U_AVAILABLE,
    U_CARRYING,
    U_RETURNING,
    U_TO_HOSPITAL,
    U_TO_SCENE,
    U_WITHDRAWING,
)

_DRIVING = (U_TO_SCENE, U_TO_HOSPITAL, U_RETURNING, U_WITHDRAWING, U_CARRYING)


class UnitLegs:
    """Part of the units component that asks mobility to drive and takes its reports."""

    w: Any
    ctx: Context
    _drive_node: I32
    _event: Any
    _phase: Any
    _goal: Any
    _look_again: Any
    _available: Any
    _set_down: Any
    _at_door: Any
    _begin_task: Any
    _walk_on: Any
    _give_up: Any
    _in_zone: Any
    _unload: Any

    def _depart(self, unit: int, t_ms: int) -> None:
        w = self.w
        w.unit_scene_node[unit] = -1  # of an earlier task
        incident, control = int(w.unit_incident[unit]), int(w.unit_control[unit])
        since_s = (t_ms - int(self.ctx.log.column("t_ms")[w.unit_event[unit]])) / 1000.0
        self._event("unit_departed", t_ms, unit, incident, since_s)
        mission = int(w.unit_mission[unit])
        if mission >= 0:
            w.unit_stop[unit] = 0
            node = self.ctx.site.missions.stop_node[mission, 0]
        else:
            node = (self.ctx.site.control_node[control] if control >= 0
                    else self._goal(unit, incident))
        self._drive(unit, t_ms, int(node), U_TO_SCENE)

    def _drive(self, unit: int, t_ms: int, node: int, phase: int) -> None:
        """Ask mobility to drive; a unit already under way is turned to the new junction."""
        w = self.w
        moving = w.unit_phase[unit] in _DRIVING and w.unit_dest_node[unit] >= 0
        self._phase(unit, phase, t_ms)
        w.unit_leg_started_ms[unit] = t_ms
        w.unit_detour_s[unit] = 0.0
        w.unit_dest_node[unit] = node
        if not moving and w.unit_node[unit] == node:
            self._arrive(unit, t_ms, node, -1, 0.0)
        else:
            self.ctx.mail.trips.append((t_ms, unit, int(w.unit_node[unit]), node))

    def _arrive(self, unit: int, t_ms: int, node: int, edge: int, delay_s: float) -> None:
        """Mobility's report: at a junction, or (node -1) no way on."""
        w = self.w
        phase = int(w.unit_phase[unit])
        if phase not in _DRIVING or w.unit_dest_node[unit] < 0:
            return
        if node < 0:
            self._cut_off(unit, t_ms, phase)
            return
        w.unit_node[unit] = node
        if node != w.unit_dest_node[unit]:  # the end of a leg that was turned elsewhere
            self.ctx.mail.trips.append((t_ms, unit, node, int(w.unit_dest_node[unit])))
            return
        w.unit_dest_node[unit] = -1
        if phase == U_RETURNING:
            self._phase(unit, U_AVAILABLE, t_ms)
            self._look_again(unit, t_ms)
            return
        street = self.ctx.city.edges.street[edge] if edge >= 0 else -1
        why = int(w.street_state[street]) if street >= 0 else 0
        if w.unit_detour_s[unit] > delay_s:
            delay_s, why = float(w.unit_detour_s[unit]), int(w.unit_detour_reason[unit])
        if delay_s > DELAY_REPORTED_S:
            self._event("unit_delayed", t_ms, unit, why or reason("traffic"), delay_s)
        if phase == U_WITHDRAWING:
            self._available(unit, t_ms)
            self._look_again(unit, t_ms)
        elif phase == U_CARRYING:
            self._set_down(unit, t_ms)
        elif phase == U_TO_HOSPITAL:
            w.unit_since_ms[unit], waited = t_ms, t_ms - w.unit_since_ms[unit]
            w.unit_busy_ms[unit] += waited
            self._at_door(unit, t_ms)
        elif w.unit_scene_node[unit] < 0 or w.unit_incident[unit] < 0:
            self._begin_task(unit, t_ms)
        elif not self._walk_on(unit, t_ms):
            self._give_up(unit, t_ms, NO_WALK)
            self._available(unit, t_ms)

    def _cut_off(self, unit: int, t_ms: int, phase: int) -> None:
        """No way on: the unit stops at the junction nearest to where it is."""
        w, nodes = self.w, self.ctx.city.nodes
        w.unit_dest_node[unit] = -1
        x, y = float(w.unit_x_m[unit]), float(w.unit_y_m[unit])
        if x or y:
            nearest = int(np.argmin(np.hypot(nodes.x_m - x, nodes.y_m - y)))
            w.unit_node[unit] = self._drive_node[nearest]
        if phase in (U_RETURNING, U_WITHDRAWING):
            why = reason("no way to scene")
            if phase == U_WITHDRAWING:
                self._event("unit_turned_back", t_ms, unit, why)
            self._available(unit, t_ms) if phase == U_WITHDRAWING else self._phase(
                unit, U_AVAILABLE, t_ms
            )
        elif phase == U_TO_HOSPITAL:
            w.unit_facility[unit] = -1
            w.unit_due_ms[unit] = t_ms + (
                self.ctx.tick_ms if self._in_zone(unit) else BED_RETRY_MS)
        elif phase == U_CARRYING:
            self._unload(unit, t_ms, False)
            self._available(unit, t_ms)
        else:
            control = w.unit_control[unit]
            if w.unit_incident[unit] >= 0 and self._walk_on(unit, t_ms, round_about=False):
                return
            self._give_up(unit, t_ms, reason("no way to scene"))
            if control >= 0:
                self._event("unit_turned_back", t_ms, unit, reason("no way to scene"))
            self._available(unit, t_ms)
        self._look_again(unit, t_ms)
