"""Crews that walk the last part of the way to a scene, and carry their patient back to the vehicle.

A unit whose scene no known way leads to by vehicle drives to the junction from which driving and walking
take the least time (`engine/approach.py`), and so does one that finds its way cut on the road. There the
crew sees the streets on foot as they are: it sets out where walkers get through (water below the depth
that closes a street to them, a broken bridge not), drives round to where they do, or gives up. Who has
not got through by `PATIENCE` times the expected walk turns back. On scene it works as it would
beside its vehicle; then it walks back, an ambulance's crew with the patient on a stretcher.

While the exclusion line is drawn nobody walks to a scene inside it, nor through it to one outside. A crew
that is inside on foot when the line is drawn is ordered out at once: it goes back to its vehicle or
straight to safety, whichever is quicker. On scene it stays in water up to the depth that closes a street
to walkers.

Limits: crews do not share a patient's weight between units; a walk back waits where it is cut off.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.approach import Approach
from engine.city import I64, B
from engine.component import Context
from engine.events import reason
from engine.kernels.paths import UNREACHED, Csr, shortest_tree
from engine.response.on_foot import LOOK_MS, TOO_SLOW
from engine.world import (
    C_NONE,
    C_TRANSPORT,
    H_DEAD,
    NEVER,
    U_AWAY,
    U_BACK,
    U_OFF,
    U_ON_SCENE,
    U_TO_HOSPITAL,
    U_TO_SCENE,
    U_WALKING,
)

PATIENCE = 3
LEAST_PATIENCE_MS = 900_000
CARRY_SLOWER = 2  #: expected walk with a patient over that with kit: 1.34 / 0.67 m/s
NO_WALK = reason("no way on foot")

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("crew on foot turns back after", PATIENCE, "x the walk expected", "assumption; at least 15 min",
     "assumption"),
)


class ScenesOnFoot:
    """Part of the units component that walks crews to scenes and back."""

    w: Any
    ctx: Context
    _csr: Csr
    _outside: B
    _event: Any
    _phase: Any
    _drive: Any
    _drive_cost: Any
    _give_up: Any
    _available: Any
    _look_again: Any
    _begin_task: Any
    _to_hospital: Any
    _hand_on: Any
    _walk_out: Any
    _at: Any
    _set_care: Any

    def _prepare_scenes(self) -> None:
        self._approach = Approach(self.ctx.city, self.ctx.site)

    def _crew_out(self, unit: int) -> bool:
        """Whether a unit's crew is away from its vehicle on account of a scene."""
        phase, out = self.w.unit_phase[unit], self.w.unit_crew_node[unit] >= 0
        at_scene = phase == U_ON_SCENE and self.w.unit_scene_node[unit] >= 0
        return bool(out and (phase in (U_WALKING, U_BACK) or at_scene))

    # --- the way there --------------------------------------------------------------------------

    def _goal(self, unit: int, incident: int) -> int:
        """Junction to drive to for an incident: its own, or where the crew will walk on."""
        w, node = self.w, int(self.w.incident_node[incident])
        w.unit_scene_node[unit] = -1
        drive = shortest_tree(self._csr, self._drive_cost(), self._at(unit))[0]
        if drive[node] < UNREACHED or not self._may_walk(node):
            return node
        stop, _ = self._nearest_stop(drive, self._approach.walk_ms(node, None, self._barred()))
        if stop < 0:
            return node
        w.unit_scene_node[unit] = self._approach.place[node]
        return stop

    def _may_walk(self, node: int) -> bool:
        inside = self.ctx.site.exclusion_node[node] and self.w.exclusion_ms[0] < NEVER
        return not inside

    def _barred(self) -> B | None:
        """Where crews on foot keep out [nodes]."""
        return self.ctx.site.exclusion_node if self.w.exclusion_ms[0] < NEVER else None

    def _nearest_stop(self, drive_ms: I64, walk_ms: I64) -> tuple[int, int]:
        """Junction with the least time by road and on foot, and the walk from it; -1 none."""
        stops = self._approach.stops(walk_ms, self._drive_cost())
        stops = stops[drive_ms[stops] < UNREACHED]
        if stops.size == 0:
            return -1, 0
        best = int(stops[np.argmin(drive_ms[stops] + walk_ms[stops])])
        return best, int(walk_ms[best])

    def _walk_on(self, unit: int, t_ms: int, round_about: bool = True) -> bool:
        """Where the vehicle goes no further: set out, or drive round to where walkers get through (unless
        the road itself has just been found cut). False where neither is possible."""
        w, incident = self.w, int(self.w.unit_incident[unit])
        node, here = int(w.incident_node[incident]), int(w.unit_node[unit])
        if not self._may_walk(node):
            return False
        walk = self._approach.walk_ms(node, w.street_walk_factor > 0, self._barred())
        start = int(self._approach.place[here])  # of a vehicle that stands where no street is walked
        if walk[start] < UNREACHED:
            stop, walk_ms = here, int(walk[start])
        else:
            if not round_about:
                return False
            drive = shortest_tree(self._csr, self._drive_cost(), here)[0]
            stop, walk_ms = self._nearest_stop(drive, walk)
            if stop < 0:
                return False
        w.unit_scene_node[unit] = self._approach.place[node]
        if stop != here:
            began = int(w.unit_leg_started_ms[unit])
            self._drive(unit, t_ms, stop, U_TO_SCENE)
            w.unit_leg_started_ms[unit] = began
            return True
        self._event("crew_walks_to_scene", t_ms, unit, incident, walk_ms / 1000.0)
        self._phase(unit, U_WALKING, t_ms, t_ms + max(PATIENCE * walk_ms, LEAST_PATIENCE_MS))
        return True

    def _not_through(self, unit: int, t_ms: int) -> None:
        """The crew on foot has not got through in time."""
        self._give_up(unit, t_ms, NO_WALK)
        self._leave_scene(unit, t_ms)

    # --- the way back ---------------------------------------------------------------------------

    def _leave_scene(self, unit: int, t_ms: int) -> None:
        """The task is over: free at the vehicle, or on the way back to it."""
        w = self.w
        if not self._crew_out(unit):
            self._available(unit, t_ms)
            return
        w.unit_person[unit] = -1
        self._walk_back(unit, t_ms)

    def _walk_back(self, unit: int, t_ms: int) -> None:
        """The crew sets out to its vehicle, with the patient that it has."""
        w = self.w
        w.unit_incident[unit] = w.unit_scene_node[unit] = -1
        self._event("crew_walks_back", t_ms, unit)
        self._phase(unit, U_BACK, t_ms)
        self._quicker_out(unit, t_ms)

    def _carry_back(self, unit: int, t_ms: int) -> bool:
        """Carry the patient to the vehicle; False where the vehicle is at hand."""
        if not self._crew_out(unit):
            return False
        person = int(self.w.unit_person[unit])
        self._set_care(person, C_TRANSPORT, int(self.w.person_care_event[person]))
        self._walk_back(unit, t_ms)
        return True

    def _at_vehicle(self, unit: int, t_ms: int) -> None:
        """A crew is back: on to hospital with its patient, else free; its vehicle may be lost."""
        w, person = self.w, int(self.w.unit_person[unit])
        if w.unit_caught_event[unit] >= 0:
            self._phase(unit, U_AWAY if person >= 0 else U_OFF, t_ms)
            if person >= 0:
                self._hand_on(unit, person, t_ms)
        elif person >= 0 and w.person_health[person] < H_DEAD:
            self._phase(unit, U_TO_HOSPITAL, t_ms)
            w.unit_dest_node[unit] = -1
            self._to_hospital(unit, t_ms)
        else:
            if person >= 0:
                self._set_care(person, C_NONE, int(w.person_health_event[person]))
            self._available(unit, t_ms)
            self._look_again(unit, t_ms)

    # --- the exclusion line ---------------------------------------------------------------------

    def _pull_out(self, unit: int, t_ms: int) -> None:
        """A crew on foot is ordered out: with the patient it has, else it drops its task."""
        w = self.w
        if w.unit_phase[unit] == U_BACK:
            return  # it is on its way
        patient = w.unit_phase[unit] == U_ON_SCENE and self.ctx.site.units.kind[unit] == 0
        if patient and w.unit_person[unit] >= 0:
            self._carry_back(unit, t_ms)
            return
        self._give_up(unit, t_ms, reason("scene inside exclusion zone"))
        self._leave_scene(unit, t_ms)

    def _quicker_out(self, unit: int, t_ms: int) -> None:
        """A crew on its way back walks straight to safety where its vehicle is no quicker way out."""
        w, inside = self.w, self.ctx.site.exclusion_node
        vehicle, crew = int(w.unit_node[unit]), int(w.unit_crew_node[unit])
        if w.exclusion_ms[0] >= NEVER or crew < 0 or not (inside[vehicle] or inside[crew]):
            return
        back = int(self._approach.walk_ms(vehicle, w.street_walk_factor > 0, far=True)[crew])
        if w.unit_person[unit] >= 0:
            back *= CARRY_SLOWER
        if inside[vehicle] and w.unit_caught_event[unit] >= 0:
            back = NEVER  # the water has been where it stands
        elif inside[vehicle]:
            drive = shortest_tree(self._csr, self._drive_cost(), vehicle)[0]
            back += int(np.where(self._outside, drive, UNREACHED).min())
        out = int(w.unit_walk_out_ms[unit]) if inside[crew] else 0
        if out < min(back, NEVER):
            self._walk_out(unit, t_ms, TOO_SLOW)

    def _watch_walks_back(self, t_ms: int) -> None:
        """Every minute crews on the way back look whether the line has been drawn."""
        w = self.w
        if w.exclusion_ms[0] >= NEVER:
            return
        for unit in np.flatnonzero((w.unit_phase == U_BACK) & (w.unit_crew_node >= 0)):
            if (t_ms - int(w.unit_since_ms[unit])) % LOOK_MS < self.ctx.tick_ms:
                self._quicker_out(int(unit), t_ms)
