"""What a hospital can do: beds for this event, patients an hour, damage, electricity.

- Beds: 20 % of its beds, rounded up (`durations.hospital_limit`); half of that while its building is
  moderately damaged (assumption).
- Patients an hour: `hospitals.patients_h` for each 100 beds; 3 is the usual hourly treatment capacity
  of a general hospital for the seriously and critically hurt (Medical Severity Index of disasters, de
  Boer; other readings give 0.5 to 1). The patients of an hour (at least one) may come at once, the next
  at the even rate. Who is lightly hurt takes `LIGHT_WEIGHT` of a place (assumption).
- It shuts when its building is damaged extensively or worse (HAZUS state 3), and when mains power has
  been off for `hospitals.generator_h` and what fuel was delivered (`fuel.py`); it opens again with
  power or fuel. Nor does it take anybody from the moment the plan empties it (`facility_evacuation`) until
  the all-clear. Its building is the facility's own, else the nearest near it (`engine/wards.py`).

Limits: a hospital that shuts keeps whom it took in.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.city import I32, I64
from engine.component import Context
from engine.events import reason
from engine.wards import ward_buildings
from engine.world import NEVER

MODERATE, EXTENSIVE = 2, 3
HOUR_MS = 3_600_000
LIGHT_WEIGHT = 0.1
_DAMAGED, _DARK = reason("hospital damaged"), reason("hospital without power")
_EMPTIED = reason("hospital evacuated")

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("beds left by moderate damage", 0.5, "share", "assumption", "assumption"),
    ("place of a lightly hurt patient", LIGHT_WEIGHT, "patients", "assumption", "assumption"),
    ("damage state that shuts a hospital", EXTENSIVE, "HAZUS state", "HAZUS functionality",
     "assumption"),
)


class HospitalState:
    """Part of the units component that opens and shuts hospitals and counts their patients."""

    w: Any
    ctx: Context
    emit: Any
    _limit: I64

    def _prepare_hospitals(self) -> None:
        city = self.ctx.city
        self._building: I32 = ward_buildings(city)
        rate = self.ctx.plan.hospitals.patients_h * np.maximum(city.facilities.capacity, 1) / 100
        self._step_ms = HOUR_MS / rate
        self._window_ms = np.maximum(HOUR_MS, self._step_ms)

    def _damage(self, facility: int) -> int:
        building = int(self._building[facility])
        return int(self.w.building_damage[building]) if building >= 0 else 0

    def _watch_hospitals(self, t0_ms: int) -> None:
        """Shut and open hospitals; `hospital_shut` holds the reason."""
        w, city = self.w, self.ctx.city
        generator_ms = round(self.ctx.plan.hospitals.generator_h * HOUR_MS)
        for row in self.ctx.site.hospital:
            facility = int(row)
            zone = int(self.ctx.site.zone_of_node[city.facilities.node[facility]])
            on = bool(w.zone_power_on[zone])
            if on:
                w.hospital_dark_ms[facility] = NEVER
            elif w.hospital_dark_ms[facility] == NEVER:
                w.hospital_dark_ms[facility] = t0_ms
            runs_ms = generator_ms + int(w.hospital_fuel_ms[facility])
            dark = w.hospital_dark_ms[facility] <= t0_ms - runs_ms
            why = (_DAMAGED if self._damage(facility) >= EXTENSIVE else _DARK if dark
                   else _EMPTIED if self._emptied(facility, t0_ms) else 0)
            was = int(w.hospital_shut[facility])
            if why == was:
                continue
            building = int(self._building[facility])
            cause = int(w.building_damage_event[building]) if why == _DAMAGED else int(
                max(w.zone_lifeline_event[zone], w.hospital_fuel_event[facility])
            )
            if _EMPTIED in (why, was):
                cause = max(cause, int(w.order_event[0]), int(w.all_clear_event[0]))
            kind = "hospital_shut" if why else "hospital_opened"
            t_ms = t0_ms if why != _DARK else int(w.hospital_dark_ms[facility]) + runs_ms
            self.emit(kind, t_ms, facility, why or was, cause=cause)
            w.hospital_shut[facility] = why

    def _emptied(self, facility: int, t0_ms: int) -> bool:
        """Whether the plan is taking its people away, or has."""
        w, missions = self.w, self.ctx.site.missions
        if w.order_event[0] < 0 or w.all_clear_event[0] >= 0:
            return False
        since_ms = t0_ms - int(w.order_decided_ms[0])
        return bool(((missions.facility == facility) & (missions.start_ms <= since_ms)).any())

    def _open(self, facility: int) -> bool:
        return not self.w.hospital_shut[facility]

    def _beds(self, facility: int) -> int:
        limit = int(self._limit[facility])
        return -(-limit // 2) if self._damage(facility) == MODERATE else limit

    def _has_bed(self, facility: int) -> bool:
        free = self.w.hospital_beds_used[facility] < self._beds(facility)
        return bool(free and self._open(facility))

    def _slot_ms(self, facility: int, t_ms: int, weight: float = 1.0) -> int:
        """When the next patient can be taken in."""
        step = weight * float(self._step_ms[facility])
        filled = float(self.w.hospital_next_ms[facility]) + step
        return max(t_ms, round(filled - float(self._window_ms[facility])))

    def _take_place(self, facility: int, t_ms: int, weight: float = 1.0) -> None:
        step = weight * float(self._step_ms[facility])
        begin = max(t_ms, int(self.w.hospital_next_ms[facility]))
        self.w.hospital_next_ms[facility] = round(begin + step)

    def _take_in(self, person: int, facility: int, t_ms: int, cause: int) -> int:
        """Admit a patient; the event."""
        self._take_place(facility, t_ms)
        self.w.hospital_beds_used[facility] += 1
        used = float(self.w.hospital_beds_used[facility])
        event = int(self.emit("person_admitted", t_ms, person, facility, used, cause)[0])
        self.ctx.mail.admitted.append((t_ms, person, event))
        return event
