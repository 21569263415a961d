"""Units at work: freeing the trapped, treating the hurt, staffing a control point, leaving the water.

Rules and sources stand in `engine/response/units.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.component import Context
from engine.events import reason
from engine.response.durations import rescue_ms, scene_ms
from engine.site import AMBULANCE, RESCUE
from engine.world import (
    C_NONE,
    C_TREATED,
    H_DEAD,
    NEVER,
    U_ON_SCENE,
    U_STAFFING,
    U_WITHDRAWING,
)

WATER_LIMIT_M = 0.3
WADE_M = 0.7  #: depth that closes a street to walkers (`engine/networks/roads.py`)


class AtScene:
    """Part of the units component that works at scenes and control points."""

    w: Any
    ctx: Context
    emit: Any
    signal: Any
    _event: Any
    _phase: Any
    _kind: Any
    _come_to_stop: Any
    _next_trapped: Any
    _next_patient: Any
    _leave_scene: Any
    _set_care: Any
    _transport: Any
    _break_off: Any
    _carry: Any
    _give_up: Any
    _crew_out: Any
    _go_wait: Any

    def _begin_task(self, unit: int, t_ms: int) -> None:
        w = self.w
        incident, control = int(w.unit_incident[unit]), int(w.unit_control[unit])
        travel_s = (t_ms - int(w.unit_leg_started_ms[unit])) / 1000.0
        self._event("unit_arrived", t_ms, unit, incident, travel_s)
        if w.unit_mission[unit] >= 0:
            self._come_to_stop(unit, t_ms)
            return
        if control >= 0:
            setup_ms = round(float(self.ctx.site.control_setup_s[control]) * 1000)
            self._phase(unit, U_ON_SCENE, t_ms, t_ms + setup_ms)
            return
        w.incident_reached_ms[incident] = min(int(w.incident_reached_ms[incident]), t_ms)
        self._phase(unit, U_ON_SCENE, t_ms)
        self._next_person(unit, t_ms)

    def _next_person(self, unit: int, t_ms: int) -> None:
        """Begin with the next patient or trapped person; free when nobody is left."""
        w, incident = self.w, int(self.w.unit_incident[unit])
        if self._kind(unit) == RESCUE:
            person = self._next_trapped(incident)
            if person < 0:
                self._leave_scene(unit, t_ms)
                return
            w.unit_person[unit] = person
            building = int(self.ctx.parties.person_building[person])
            damage = int(w.building_damage[building]) if building >= 0 else 0
            w.unit_due_ms[unit] = t_ms + rescue_ms(self.ctx.seed, person, damage)
            return
        person = self._next_patient(incident)
        if person < 0:
            self._leave_scene(unit, t_ms)
            return
        w.unit_person[unit] = person
        event = self.emit("person_treated", t_ms, person, unit, cause=w.unit_event[unit])[0]
        w.unit_event[unit] = event
        self._set_care(person, C_TREATED, int(event))
        w.unit_due_ms[unit] = t_ms + scene_ms(self.ctx.seed, person)

    def _free_person(self, unit: int, t_ms: int) -> None:
        """A trapped person is out, if still alive."""
        w, person = self.w, int(self.w.unit_person[unit])
        w.unit_person[unit] = -1
        if w.person_health[person] < H_DEAD and w.person_trapped[person]:
            event = int(
                self.emit("person_rescued", t_ms, person, unit, cause=w.unit_event[unit])[0]
            )
            w.unit_event[unit] = event
            w.person_care_event[person] = event
            self.ctx.mail.freed.append((t_ms, person, event))
        self._next_person(unit, t_ms)

    def _check_patients(self, t_ms: int) -> None:
        """Crews on scene whose patient has died turn to the next person."""
        w = self.w
        busy = np.flatnonzero((w.unit_person >= 0) & (w.unit_phase == U_ON_SCENE))
        for unit in busy[w.person_health[w.unit_person[busy]] == H_DEAD]:
            person = int(w.unit_person[unit])
            if self._kind(unit) == AMBULANCE:
                self._set_care(person, C_NONE, int(w.person_health_event[person]))
            w.unit_person[unit] = -1
            w.unit_due_ms[unit] = NEVER
            self._next_person(int(unit), t_ms)
            self.signal(int(unit))

    def _leave_water(self, t_ms: int) -> None:
        """Crews leave scenes and control points that the water has reached."""
        w = self.w
        at_work = np.isin(w.unit_phase, (U_ON_SCENE, U_STAFFING))
        out = (w.unit_scene_node >= 0) & (w.unit_crew_node >= 0)
        node = np.where(out, w.unit_scene_node, w.unit_node)
        wet = at_work & (w.node_depth_m[node] > np.where(out, WADE_M, WATER_LIMIT_M))
        for unit in np.flatnonzero(wet):
            u = int(unit)
            if w.unit_person[u] >= 0 and self._kind(u) == AMBULANCE:
                self._transport(u, t_ms)
            elif w.unit_mission[u] >= 0 and self._break_off(u, t_ms):
                self._carry(u, t_ms)
            else:
                self._give_up(u, t_ms, reason("road under water"))
                if self._crew_out(u):
                    self._leave_scene(u, t_ms)
                else:
                    self._go_wait(u, t_ms, U_WITHDRAWING)
            self.signal(u)

    # --- control points -------------------------------------------------------------------------

    def _staff(self, unit: int, t_ms: int) -> None:
        """Set up: the control point works once it has all its officers."""
        w, control = self.w, int(self.w.unit_control[unit])
        self._phase(unit, U_STAFFING, t_ms)
        if not w.control_staffed[control] and self._officers(control):
            event = self.emit("control_staffed", t_ms, control, unit, cause=w.unit_event[unit])[0]
            w.control_staffed[control], w.control_event[control] = True, event

    def _leave_control(self, unit: int, t_ms: int) -> None:
        w, control = self.w, int(self.w.unit_control[unit])
        w.unit_control[unit] = -1
        if w.control_staffed[control] and not self._officers(control):
            cause = max(int(w.unit_event[unit]), int(w.control_event[control]))
            event = self.emit("control_left", t_ms, control, unit, cause=cause)[0]
            w.control_staffed[control], w.control_event[control] = False, event

    def _officers(self, control: int) -> bool:
        here = (self.w.unit_control == control) & (self.w.unit_phase == U_STAFFING)
        site = self.ctx.site
        return bool(site.units.crew[here].sum() >= site.control_officers[control])
