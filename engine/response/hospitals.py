"""From the scene to a hospital bed: choice of hospital, full hospitals, admission.

Rules and sources stand in `engine/response/units.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.access import responders_closed
from engine.city import F64, I32, I64
from engine.component import Context
from engine.events import KIND_CODE, reason
from engine.kernels.paths import UNREACHED, Csr, shortest_tree, speed_cost_ms
from engine.response.durations import HANDOVER_MS
from engine.world import (
    C_HOSPITAL,
    C_NONE,
    C_TRANSPORT,
    H_DEAD,
    NEVER,
    U_AT_HOSPITAL,
    U_TO_HOSPITAL,
)

DELAY_REPORTED_S = 60.0
BED_RETRY_MS = 300_000  #: a crew without a bed or a way looks again (assumption)


class HospitalLegs:
    """Part of the units component that takes patients to hospital."""

    w: Any
    ctx: Context
    emit: Any
    _csr: Csr  # edges by tail, for trees outwards
    _cost: Any
    _drive_node: I32
    _hospital_node: I32
    _refuge: I32  # [units]
    _limit: I64  # [facilities] patients of this event
    _now_ms: int
    _event: Any
    _phase: Any
    _drive: Any
    _available: Any
    _set_care: Any
    _open: Any
    _has_bed: Any
    _slot_ms: Any
    _take_in: Any
    _beds: Any
    _step_ms: F64
    _window_ms: F64
    _in_zone: Any
    _to_clinic: Any
    _hand_over: Any
    _is_clinic: Any
    _at: Any
    _way_out: Any
    _walk_out: Any
    _carry_back: Any

    def _transport(self, unit: int, t_ms: int) -> None:
        """Leave the scene with the patient for a hospital."""
        w, person = self.w, int(self.w.unit_person[unit])
        if self._carry_back(unit, t_ms):
            return
        w.unit_incident[unit] = -1
        self._set_care(person, C_TRANSPORT, int(w.person_care_event[person]))
        self._phase(unit, U_TO_HOSPITAL, t_ms)
        w.unit_dest_node[unit] = -1
        self._to_hospital(unit, t_ms)

    def _to_hospital(self, unit: int, t_ms: int) -> None:
        """Choose a hospital and drive there; without a way to any, try again later."""
        w, person = self.w, int(self.w.unit_person[unit])
        facility = self._choose_hospital(unit)
        if facility < 0:
            self._hold_patient(unit, t_ms)
            return
        w.unit_facility[unit] = facility
        if self._held(unit):  # told again, with the time that it has cost
            last = int(w.unit_event[unit])
            why, since = (int(self.ctx.log.column(name)[last]) for name in ("object", "t_ms"))
            self._event("unit_delayed", t_ms, unit, why, (t_ms - since) / 1000.0)
        event = int(
            self.emit("transport_started", t_ms, person, facility, cause=w.unit_event[unit])[0]
        )
        w.unit_event[unit] = event
        w.person_care_event[person] = event
        node = self._drive_node[self.ctx.city.facilities.node[facility]]
        self._drive(unit, t_ms, int(node), U_TO_HOSPITAL)

    def _held(self, unit: int) -> bool:
        """Whether the last that was told of a unit is that it waits."""
        return bool(self.ctx.log.column("kind")[self.w.unit_event[unit]] == KIND_CODE["unit_delayed"])

    def _why_held(self) -> int:
        """Why no hospital at all can be used now."""
        w, rows = self.w, self.ctx.site.hospital
        shut = w.hospital_shut[rows]
        if (shut > 0).all():
            return int(shut[0]) if rows.size else reason("no hospital bed")
        inside = self.ctx.site.exclusion_node[self._hospital_node] & (w.exclusion_ms[0] < NEVER)
        return reason("hospitals inside exclusion zone" if inside[shut == 0].all()
                      else "no way to a hospital")

    def _hold_patient(self, unit: int, t_ms: int) -> None:
        """No hospital can be used: wait with the patient, outside the danger zone, and look again."""
        w, refuge = self.w, int(self._refuge[unit])
        w.unit_facility[unit] = -1
        if not self._in_zone(unit) and self._to_clinic(unit, t_ms):
            return
        if not self._held(unit):
            self._event("unit_delayed", t_ms, unit, self._why_held(), BED_RETRY_MS / 1000.0)
        if self._in_zone(unit):
            goal, why = self._way_out(unit, t_ms, refuge)
            if goal >= 0 and goal != self._at(unit):
                self._drive(unit, t_ms, goal, U_TO_HOSPITAL)
                return
            if why:
                self._walk_out(unit, t_ms, why)
                return
        w.unit_due_ms[unit] = t_ms + BED_RETRY_MS

    def _drive_cost(self) -> I64:
        """Time on each edge by the seen network, ms [edges]; the same for all in one tick."""
        if self._cost is None:
            w = self.w
            closed = responders_closed(
                self.ctx.site, w.seen_edge_closed, int(w.exclusion_ms[0]), self._now_ms
            )
            self._cost = speed_cost_ms(
                self.ctx.city.edges.length_m, w.seen_edge_speed_mps, closed
            )
        cost: I64 = self._cost
        return cost

    def _choose_hospital(self, unit: int) -> int:
        """The facility by the plan's rule; -1 when no way leads to any."""
        w, rows = self.w, self.ctx.site.hospital
        if rows.size == 0:
            return -1
        ms = shortest_tree(self._csr, self._drive_cost(), int(w.unit_node[unit]))[0]
        ms = ms[self._hospital_node]
        times = np.where(ms < UNREACHED, ms / 1000.0, np.inf)
        if w.exclusion_ms[0] < NEVER:
            times[self.ctx.site.exclusion_node[self._hospital_node]] = np.inf
        if not np.isfinite(times).any():
            return -1
        times[np.array([not self._open(int(row)) for row in rows], np.bool_)] = np.inf
        if not np.isfinite(times).any():
            return -1
        rank = np.where(w.hospital_known_full[rows], np.inf, times)
        coming = np.bincount(w.unit_facility[w.unit_phase == U_TO_HOSPITAL] + 1,
                             minlength=self._limit.size + 1)[1:][rows]
        if self.ctx.plan.hospitals.rule == "least_wait":
            rank = self._with_wait(times, coming)
        elif self.ctx.plan.hospitals.rule == "spread":
            free = self._limit[rows] - w.hospital_beds_used[rows] - coming
            share = free / np.maximum(self._limit[rows], 1)
            rank = np.where((free > 0) & np.isfinite(times), -share, np.inf)
        if not np.isfinite(rank).any():
            rank = times
        best = np.lexsort((rows, times, rank))[0]
        return int(rows[best])

    def _with_wait(self, times_s: F64, coming: I64) -> F64:
        """Travel time plus expected wait for a place at each hospital [hospitals], s; inf without a bed.

        Patients under way are counted as taking their places from now on, one after the other."""
        w, rows = self.w, self.ctx.site.hospital
        now = self._now_ms
        arrive = now + 1000.0 * times_s
        step, window = self._step_ms[rows], self._window_ms[rows]
        filled = np.maximum(w.hospital_next_ms[rows], now) + (coming + 1) * step
        served = np.maximum(arrive, filled - window)
        free = np.array([self._beds(int(row)) for row in rows]) - w.hospital_beds_used[rows] - coming
        return np.where((free > 0) & ~w.hospital_known_full[rows], (served - now) / 1000.0, np.inf)

    def _at_door(self, unit: int, t_ms: int) -> None:
        """Hand the patient over, go on to another hospital, or wait for a bed or a way."""
        w, person, facility = self.w, int(self.w.unit_person[unit]), int(self.w.unit_facility[unit])
        if w.person_health[person] == H_DEAD:
            self._set_care(person, C_NONE, int(w.person_health_event[person]))
            self._available(unit, t_ms)
            return
        if facility < 0:  # had no way to any hospital
            self._to_hospital(unit, t_ms)
            return
        if self._is_clinic[facility]:
            self._hand_over(unit, person, facility, t_ms)
            return
        if self._has_bed(facility):
            slot = self._slot_ms(facility, t_ms)
            if slot > t_ms:
                w.unit_due_ms[unit] = slot
                return
            self._admit(unit, person, facility, t_ms)
            return
        just_arrived = w.unit_since_ms[unit] == t_ms
        if self._open(facility) and (just_arrived or not w.hospital_known_full[facility]):
            w.hospital_known_full[facility] = True
            used = float(w.hospital_beds_used[facility])
            event = self.emit("hospital_full", t_ms, facility, value=used, cause=w.unit_event[unit])
            w.unit_event[unit] = event[0]
        if any(self._has_bed(int(row)) for row in self.ctx.site.hospital):
            other = self._choose_hospital(unit)
            if other >= 0 and other != facility and not w.hospital_known_full[other]:
                self._to_hospital(unit, t_ms)
                return
        w.unit_due_ms[unit] = t_ms + BED_RETRY_MS

    def _admit(self, unit: int, person: int, facility: int, t_ms: int) -> None:
        w = self.w
        waited_s = (t_ms - int(w.unit_since_ms[unit])) / 1000.0
        if waited_s > DELAY_REPORTED_S:
            full = bool(w.hospital_known_full[facility])
            why = reason("no hospital bed" if full else "queue at hospital")
            self._event("unit_delayed", t_ms, unit, why, waited_s)
        event = self._take_in(person, facility, t_ms, int(w.unit_event[unit]))
        w.unit_event[unit] = event
        self._set_care(person, C_HOSPITAL, event)
        w.unit_person[unit] = -1
        self._phase(unit, U_AT_HOSPITAL, t_ms, t_ms + HANDOVER_MS)
