"""Crews of volunteers: how long they need from the call until they stand at their station.

Chile's Bomberos are called at home. A paid driver keeps the vehicle ready and a night guard sleeps at
the station (companies' own pages); by day the crew comes from home. A crew is complete when `CREW_MIN`
of the `CALLED` volunteers of a vehicle have arrived: each takes a time to get away and then drives the
straight line x 1.3 from home at 30 km/h. Homes are households within `REACH_M` of the station, drawn
once for each volunteer, so that every plan meets the same crew. Kitting up is the turnout of a crew at
the station (`durations.turnout_ms`).

Numbers: CALLED, CREW_MIN, REACH_M, the speed and the time to get away are assumptions (no Chilean
record of turnouts was found); the usual objective for volunteers in towns, NFPA 1720, is ten people on
scene within ten minutes (recalled, unconfirmed), which the sum agrees with.

Limits: nobody drives to the scene in a car of their own, as many volunteers do; roads between home and
station are taken as open; volunteers who are hurt themselves are not told apart.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from engine import rng
from engine.city import I64, B, City
from engine.component import Context
from engine.site import RESCUE, Units
from engine.world import NEVER

CALLED = 12
CREW_MIN = 4
REACH_M = 2500.0
AWAY_MEAN_S = 150.0
AWAY_SIGMA = 0.5
DRIVE_MPS = 30 / 3.6
DETOUR = 1.3

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("volunteers called for a vehicle / needed to leave", f"{CALLED} / {CREW_MIN}", "people",
     "assumption", "assumption"),
    ("homes of volunteers around the station", REACH_M, "m", "assumption", "assumption"),
    ("volunteers: time to get away, mean", AWAY_MEAN_S, "s", "assumption", "assumption"),
    ("volunteers: speed from home", round(DRIVE_MPS, 2), "m/s", "30 km/h in town", "assumption"),
)


def assembly_ms(seed: int, city: City, units: Units, rows: I64) -> I64:
    """Time from the call until the crew of each of the units `rows` [n] is at its station, ms."""
    home = city.households.building
    if home.size == 0:
        return np.zeros(rows.size, np.int64)
    x, y = city.buildings.x_m[home], city.buildings.y_m[home]
    who = np.arange(CALLED)
    out = np.empty(rows.size, np.int64)
    for i, unit in enumerate(rows):
        station = units.station[unit]
        away_m = np.hypot(x - city.facilities.x_m[station], y - city.facilities.y_m[station])
        near = np.flatnonzero(away_m <= REACH_M)
        if near.size == 0:
            near = np.argsort(away_m, kind="stable")[:CALLED]
        key = int(units.key[unit])
        pick = (rng.uniform(seed, "unit.volunteer", np.full(CALLED, key), who) * near.size).astype(int)
        z = rng.normal(seed, "unit.volunteer", np.full(CALLED, key), CALLED + who)
        leave_s = AWAY_MEAN_S * np.exp(AWAY_SIGMA * z - 0.5 * AWAY_SIGMA**2)
        arrive_s = np.sort(leave_s + DETOUR * away_m[near[pick]] / DRIVE_MPS)
        out[i] = round(1000.0 * float(arrive_s[CREW_MIN - 1]))
    return out


class VolunteerCrews:
    """Part of the units component that calls volunteers to their vehicles."""

    w: Any
    ctx: Context

    def _prepare_volunteers(self) -> None:
        city, units = self.ctx.city, self.ctx.site.units
        self._volunteer: B = units.kind == RESCUE
        self._volunteer &= city.departments.volunteers & (units.aid < 0)  # else in the vehicle
        self._assembly_ms: I64 = np.zeros(units.kind.size, np.int64)
        rows = np.flatnonzero(self._volunteer)
        self._assembly_ms[rows] = assembly_ms(self.ctx.seed, city, units, rows)

    def _crew_ready(self, unit: int, t_ms: int) -> int:
        """When the crew is at the vehicle that is ordered out at `t_ms`."""
        if not self._volunteer[unit]:
            return t_ms
        self._call_volunteers(np.array([unit]), t_ms)
        return max(t_ms, int(self.w.unit_called_ms[unit]) + int(self._assembly_ms[unit]))

    def _call_volunteers(self, rows: Any, t_ms: int) -> None:
        """Call those of `rows` that were not called yet; a night guard is there already."""
        w, city = self.w, self.ctx.city
        new = rows[self._volunteer[rows] & (w.unit_called_ms[rows] == NEVER)]
        if new.size == 0:
            return
        local = self.ctx.scenario.start.astimezone(ZoneInfo(city.timezone)) + timedelta(
            milliseconds=t_ms
        )
        guarded = city.departments.guarded(local.hour + local.minute / 60)
        w.unit_called_ms[new] = t_ms - np.where(guarded, self._assembly_ms[new], 0)
