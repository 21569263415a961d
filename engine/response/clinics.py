"""Clinics take over a crew's patient, and who comes by themselves, while no hospital can be used.

In Chile most primary-care centres (CESFAM) have an emergency service (SAPU): it treats cases of medium
gravity and passes the grave ones on to a hospital (a health service's description of its network). Where
every hospital lies inside the drawn exclusion line, has shut or cannot be reached, a crew outside the line
brings its patient to the nearest clinic there by the seen network that has room (`PLACES`, an
assumption) and is free after the handover. From there somebody drives the patient to a hospital, like
those who go by themselves (`self_referral.py`), as soon as one can be used. They too come to a clinic
meanwhile, the nearest in a straight line that has room; the lightly hurt are treated there and sent home,
`AN_HOUR` (one physician on duty: an assumption), and so many at once.

Limits: a clinic only keeps the seriously hurt, and the critically hurt die as if untreated; it has no
damage, hours or electricity of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.city import F64, I32, I64, B
from engine.component import Context
from engine.kernels.paths import UNREACHED, Csr, shortest_tree
from engine.response.durations import HANDOVER_MS
from engine.response.hospital_state import HOUR_MS, LIGHT_WEIGHT
from engine.world import C_SELF, U_AT_HOSPITAL, U_TO_HOSPITAL

PLACES = 10
AN_HOUR = 6.0
LOOK_MS = 300_000

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("patients a clinic keeps while no hospital can be used", PLACES, "people", "assumption", "assumption"),
    ("lightly hurt a clinic treats", AN_HOUR, "people/h", "assumption, one physician", "assumption"),
)


class Clinics:
    """Part of the units component that hands patients over to clinics."""

    w: Any
    ctx: Context
    emit: Any
    _csr: Csr
    _drive_node: I32
    _drive_cost: Any
    _drive: Any
    _event: Any
    _phase: Any
    _set_care: Any
    _go_to: Any
    _step_ms: F64
    _window_ms: F64

    def _prepare_clinics(self) -> None:
        city, site = self.ctx.city, self.ctx.site
        rows = city.facilities_of("clinic")
        node = city.facilities.node[rows]
        self._clinic: I32 = rows[~(site.danger_node | site.exclusion_node)[node]]
        self._is_clinic: B = np.zeros(city.facilities.kind.size, np.bool_)
        self._is_clinic[self._clinic] = True
        # A light patient's weight is that in hospitals (`hospital_state.py`).
        self._step_ms[self._clinic] = HOUR_MS / AN_HOUR / LIGHT_WEIGHT
        self._window_ms[self._clinic] = HOUR_MS

    def _has_room(self) -> B:
        """Which clinics [clinics] have room for one more; patients under way are counted."""
        w = self.w
        coming = (w.unit_phase == U_TO_HOSPITAL) & (w.unit_facility >= 0)
        size = self._is_clinic.size
        taken: I64 = np.bincount(w.unit_facility[coming], minlength=size)
        taken = taken + np.bincount(w.person_hospital[w.person_care == C_SELF], minlength=size)
        return np.asarray(taken[self._clinic] < PLACES)

    def _nearest_clinic(self, x: float, y: float) -> int:
        """The nearest clinic with room in a straight line, -1 for none."""
        f, room = self.ctx.city.facilities, self._has_room()
        if not room.any():
            return -1
        away = np.hypot(f.x_m[self._clinic] - x, f.y_m[self._clinic] - y)
        return int(self._clinic[np.argmin(np.where(room, away, np.inf))])

    def _to_clinic(self, unit: int, t_ms: int) -> bool:
        """Drive to the nearest clinic with room; False where there is none."""
        w, rows = self.w, self._clinic
        if rows.size == 0:
            return False
        node = self._drive_node[self.ctx.city.facilities.node[rows]]
        ms = shortest_tree(self._csr, self._drive_cost(), int(w.unit_node[unit]))[0][node]
        ms = np.where(self._has_room(), ms, UNREACHED)
        best = int(np.argmin(ms))
        if ms[best] >= UNREACHED:
            return False
        person, facility = int(w.unit_person[unit]), int(rows[best])
        w.unit_facility[unit] = facility
        event = int(
            self.emit("transport_started", t_ms, person, facility, cause=w.unit_event[unit])[0])
        w.unit_event[unit] = w.person_care_event[person] = event
        self._drive(unit, t_ms, int(node[best]), U_TO_HOSPITAL)
        return True

    def _hand_over(self, unit: int, person: int, facility: int, t_ms: int) -> None:
        """The clinic takes the patient over; the crew is free after the handover."""
        w = self.w
        self._event("unit_unloaded", t_ms, unit, facility, 1)
        self._set_care(person, C_SELF, int(w.unit_event[unit]))
        w.person_hospital[person] = facility
        w.person_self_ms[person] = t_ms + LOOK_MS
        w.unit_person[unit] = -1
        self._phase(unit, U_AT_HOSPITAL, t_ms, t_ms + HANDOVER_MS)

    def _leave_clinic(self, person: int, facility: int, t_ms: int) -> None:
        """On to a hospital where one can be used, else look again later."""
        f = self.ctx.city.facilities
        self._go_to(person, t_ms, float(f.x_m[facility]), float(f.y_m[facility]), (facility,), False)
