"""Hurt people who reach a hospital by themselves, carried by family, neighbours or a taxi.

After disasters most patients do not come by ambulance: of 8,303 patients in 25 years of reports 36 %
did and 63 % came by other means (review of hospital referral patterns, Disaster Medicine and Public
Health Preparedness, 2008). Shares by severity that keep to that mean are assumptions (`SHARE`); of the
lightly hurt only a part goes to a hospital at all. Who goes leaves after an exponential time of mean
`LEAVE_MEAN_S` and is driven to the nearest hospital that is open and outside the exclusion line:
straight line x 1.3 at 20 km/h (assumptions); where no hospital can be used, to a clinic (`clinics.py`). Who
stands in deeper water than `WADES_M` waits until it has fallen. One draw a person decides, so that it is
the same in every plan.

At the door the lightly hurt are treated and sent home; the others wait for a place and a bed like an
ambulance's patient, and go on when the hospital is full or shut.

Limits: the drive adds no car to the road and meets no closure; those who stay with the hurt person are
not told apart, and the party's own way is not changed by it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine import rng
from engine.city import F64, I64
from engine.codes import among
from engine.component import Context
from engine.response.hospital_state import LIGHT_WEIGHT
from engine.world import (
    C_HOSPITAL,
    C_NONE,
    C_SELF,
    C_WAITING,
    H_CRITICAL,
    H_DEAD,
    H_LIGHT,
    H_SERIOUS,
    NEVER,
)

#: Share that goes by itself, by HAZUS severity (well, 1, 2, 3).
SHARE = (0.0, 0.3, 0.6, 0.2)
LEAVE_MEAN_S = 1200.0
DRIVE_MPS = 20 / 3.6
DETOUR = 1.3
RETRY_MS = 300_000
WADES_M = 0.3  #: beyond it nobody is brought away (the depth that closes a road to cars)
DECIDED = -1  #: does not go, or has been

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("reach hospital by themselves, severity 1 / 2 / 3", "0.3 / 0.6 / 0.2", "share",
     "63 % of disaster patients do not come by ambulance (DMPHP 2008); by severity assumed",
     "assumption"),
    ("until they leave, mean", LEAVE_MEAN_S, "s", "assumption", "assumption"),
    ("speed on the way", round(DRIVE_MPS, 2), "m/s", "20 km/h, straight line x 1.3", "assumption"),
)


class SelfReferral:
    """Part of the units component that moves people who go to hospital by themselves."""

    w: Any
    ctx: Context
    emit: Any
    _set_care: Any
    _open: Any
    _has_bed: Any
    _slot_ms: Any
    _take_place: Any
    _take_in: Any
    _is_clinic: Any
    _leave_clinic: Any
    _nearest_clinic: Any

    def _self_referrals(self, t0_ms: int) -> None:
        self._decide_to_go(t0_ms)
        rows = np.flatnonzero(self.w.person_self_ms < t0_ms)
        rows = rows[self.w.person_self_ms[rows] >= 0]
        if rows.size == 0:
            return
        times = self.w.person_self_ms[rows]
        for i in np.lexsort((rows, times)):
            person, t_ms = int(rows[i]), int(times[i])
            if self.w.person_care[person] == C_SELF:
                self._at_hospital(person, t_ms)
            else:
                self._set_out(person, t_ms)

    def _decide_to_go(self, t0_ms: int) -> None:
        w = self.w
        rows = np.flatnonzero(w.person_health >= H_LIGHT)
        hurt = (w.person_self_ms[rows] == NEVER) & (w.person_health[rows] < H_DEAD)
        rows = rows[hurt & ~w.person_trapped[rows]]
        rows = rows[among(w.person_care[rows], (C_NONE, C_WAITING))]
        parties = self.ctx.parties
        rows = rows[parties.ward[parties.of_person[rows]] < 0]  # who lies in hospital is there
        if rows.size == 0:
            return
        seed = self.ctx.seed
        goes = rng.uniform(seed, "hurt.self_referral", rows) < np.array(SHARE)[w.person_health[rows]]
        delay = -1000.0 * LEAVE_MEAN_S * np.log(rng.uniform(seed, "hurt.self_referral", rows, 1))
        since = np.maximum(
            self.ctx.log.column("t_ms")[np.maximum(w.person_health_event[rows], 0)],
            self.ctx.log.column("t_ms")[np.maximum(w.person_care_event[rows], 0)],
        )
        leave = since + np.rint(delay).astype(np.int64)
        w.person_self_ms[rows] = np.where(goes, leave, DECIDED)

    def _set_out(self, person: int, t_ms: int) -> None:
        """Leave, unless a crew has come, the person died, or no hospital is open."""
        w = self.w
        waiting = w.person_care[person] in (C_NONE, C_WAITING) and not w.person_trapped[person]
        if not waiting or not H_LIGHT <= w.person_health[person] <= H_CRITICAL:
            w.person_self_ms[person] = DECIDED
            return
        node = int(w.party_node[self.ctx.parties.of_person[person]])
        if w.node_depth_m[node] > WADES_M:
            w.person_self_ms[person] = t_ms + RETRY_MS
            return
        x, y = self.ctx.city.nodes.x_m[node], self.ctx.city.nodes.y_m[node]
        self._go_to(person, t_ms, float(x), float(y), ())

    def _go_to(
        self, person: int, t_ms: int, x: float, y: float, been: tuple[int, ...], clinic: bool = True
    ) -> None:
        """Drive to the nearest open hospital not in `been`, else to a clinic; without either, or where
        `clinic` is false, look again later."""
        w, rows, f = self.w, self.ctx.site.hospital, self.ctx.city.facilities
        away: F64 = np.hypot(f.x_m[rows] - x, f.y_m[rows] - y).astype(np.float64)
        usable = np.array([self._open(int(r)) and int(r) not in been for r in rows], np.bool_)
        if w.exclusion_ms[0] < NEVER:
            usable &= ~self.ctx.site.exclusion_node[f.node[rows]]
        facility = int(rows[np.argmin(np.where(usable, away, np.inf))]) if usable.any() else -1
        if facility < 0 and clinic:
            facility = int(self._nearest_clinic(x, y))
        if facility < 0:
            w.person_self_ms[person] = t_ms + RETRY_MS
            return
        travel_s = DETOUR * float(np.hypot(f.x_m[facility] - x, f.y_m[facility] - y)) / DRIVE_MPS
        cause = max(int(w.person_care_event[person]), int(w.person_health_event[person]))
        event = int(self.emit("self_referred", t_ms, person, facility, travel_s, cause)[0])
        self._set_care(person, C_SELF, event)
        w.person_hospital[person] = facility
        w.person_self_ms[person] = t_ms + round(1000 * travel_s)

    def _at_hospital(self, person: int, t_ms: int) -> None:
        w, facility = self.w, int(self.w.person_hospital[person])
        health, f = w.person_health[person], self.ctx.city.facilities
        if not H_LIGHT <= health <= H_CRITICAL:
            w.person_self_ms[person] = DECIDED
            self._set_care(person, C_NONE, int(w.person_health_event[person]))
            return
        if self._is_clinic[facility] and health >= H_SERIOUS:
            self._leave_clinic(person, facility, t_ms)
            return
        x, y = float(f.x_m[facility]), float(f.y_m[facility])
        if not self._open(facility):
            self._go_to(person, t_ms, x, y, (facility,))
        elif health < H_SERIOUS and self._slot_ms(facility, t_ms, LIGHT_WEIGHT) > t_ms:
            w.person_self_ms[person] = self._slot_ms(facility, t_ms, LIGHT_WEIGHT)
        elif health < H_SERIOUS:
            self._take_place(facility, t_ms, LIGHT_WEIGHT)
            event = self.emit("person_treated", t_ms, person, cause=w.person_care_event[person])[0]
            w.person_self_ms[person] = DECIDED
            self._set_care(person, C_NONE, int(event))
        elif not self._has_bed(facility):
            others: I64 = np.array([r for r in self.ctx.site.hospital if self._has_bed(int(r))])
            if others.size:
                full = tuple(int(r) for r in self.ctx.site.hospital if not self._has_bed(int(r)))
                self._go_to(person, t_ms, x, y, full)
            else:
                w.person_self_ms[person] = t_ms + RETRY_MS
        elif self._slot_ms(facility, t_ms) > t_ms:
            w.person_self_ms[person] = self._slot_ms(facility, t_ms)
        else:
            w.person_self_ms[person] = DECIDED
            event = self._take_in(person, facility, t_ms, int(w.person_care_event[person]))
            self._set_care(person, C_HOSPITAL, event)
