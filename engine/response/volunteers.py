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

import numpy as np

from engine import rng
from engine.city import I64, City
from engine.site import Units

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
