"""Vertical refuges of a plan: which building, which floors, how many places.

Rules of the Federal Emergency Management Agency's P-646 (2019), recalled and not confirmed against
its text: floors for evacuees lie at least 1.3 times the expected depth and 10 ft (3 m) above the
street, and one person needs 10 ft2 (0.93 m2) for a stay of hours. FEMA 453 gives the same area for
shelters of less than 36 hours (from FEMA 361, section 8.2). A suitable building is of concrete or
steel, the only ones that stand in deep water (`people/refuge.py`), in the danger zone (outside people
are safe in the street); the tallest within `NEAR_M` of the place named is taken, of equal ones the
nearest. `USABLE` of a floor is free of walls, furniture and
locked rooms: an assumption, range 0.3 to 0.85. Residents of the building take no places.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.city import F64, I32, B, City
from engine.errors import InputError, unknown
from engine.levers.places import VerticalRefuge
from engine.people.refuge import FLOOR_M, HOLDS_M, STOREY_M, holds_m
from engine.plan import Plan

NEAR_M = 150.0
DEPTH_FACTOR, FREEBOARD_M = 1.3, 3.0
USABLE = 0.5

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("floors of a vertical refuge above the water", "1.3 x depth + 3", "m",
     "FEMA P-646 (recalled, unconfirmed)", "assumption"),
    ("usable part of a refuge's floor", USABLE, "share", "assumption, range 0.3 to 0.85",
     "assumption"),
)


@dataclass(frozen=True)
class Refuges:
    """The plan's vertical refuges [refuges]: junction, building, height of the lowest refuge floor
    above the street, depth up to which the building stands, places."""

    node: I32
    building: I32
    floor_m: F64
    holds_m: F64
    places: I32


def refuge_floors(storeys: int, water_m: float) -> tuple[int, float]:
    """(floors high enough, height of the lowest of them above the street in metres)."""
    needed = DEPTH_FACTOR * water_m + FREEBOARD_M
    heights = FLOOR_M + STOREY_M * np.arange(storeys)
    high = heights[heights >= needed - 1e-9]
    return int(high.size), float(high[0]) if high.size else 0.0


def find_refuges(city: City, plan: Plan, danger: B, walk_node: I32, share: float) -> Refuges:
    """The building of each refuge; places scale with the `share` of people in the run. InputError
    where no suitable building stands near, none is high enough, or none is needed."""
    rows: list[tuple[int, int, float, float, int]] = []
    for row, lever in enumerate(plan.vertical_refuges):
        where = f"plan '{plan.name}': vertical_refuges.{row}: '{lever.name}'"
        if lever.name in [other.name for other in plan.vertical_refuges[:row]]:
            raise InputError(f"{where} has the name of an earlier refuge")
        building = _building(city, lever, danger, walk_node, where)
        if building in [other[1] for other in rows]:
            raise InputError(f"{where} is the same building as an earlier refuge")
        node = int(walk_node[city.buildings.node[building]])
        storeys = int(city.buildings.storeys[building])
        floors, floor_m = refuge_floors(storeys, lever.water_m)
        if floors == 0:
            raise InputError(
                f"{where}: the tallest building of concrete or steel within {NEAR_M:.0f} m has "
                f"{storeys} storeys, none above the water: water_m {lever.water_m:g} asks for a "
                f"floor at {DEPTH_FACTOR * lever.water_m + FREEBOARD_M:.1f} m"
            )
        stands = float(holds_m(city.buildings.structure[building : building + 1])[0])
        if lever.water_m > stands:
            raise InputError(
                f"{where}: water_m {lever.water_m:g} is deeper than the {stands:g} m up to which "
                "such a building stands"
            )
        area = USABLE * floors * float(city.buildings.footprint_m2[building])
        places = int(area / lever.m2_a_person)
        if places < 1:
            raise InputError(f"{where}: its {floors} floors hold nobody at {lever.m2_a_person:g} "
                             "m2_a_person")
        rows.append((node, building, floor_m, stands, max(1, int(area / lever.m2_a_person * share))))
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    return Refuges(
        np.array(columns[0], np.int32), np.array(columns[1], np.int32),
        np.array(columns[2], np.float64), np.array(columns[3], np.float64),
        np.array(columns[4], np.int32),
    )


def _building(city: City, lever: VerticalRefuge, danger: B, walk_node: I32, where: str) -> int:
    """The tallest suitable building near the place."""
    facility = lever.facility
    if facility is not None:
        names = [str(name) for name in city.facilities.name]
        if facility not in names:
            raise unknown("facility", facility, names, f"{where}: facility")
        at = names.index(facility)
        x, y = float(city.facilities.x_m[at]), float(city.facilities.y_m[at])
    else:
        x, y = (float(v) for v in city.xy(lever.lon, lever.lat))
    buildings = city.buildings
    strong = holds_m(buildings.structure) >= HOLDS_M["concrete"]
    away = np.hypot(buildings.x_m - x, buildings.y_m - y)
    near = np.flatnonzero(strong & (away <= NEAR_M) & danger[walk_node[buildings.node]])
    if near.size == 0:
        raise InputError(
            f"{where}: no building of concrete or steel in the danger zone stands within "
            f"{NEAR_M:.0f} m of the place"
        )
    return int(near[np.lexsort((near, away[near], -buildings.storeys[near].astype(int)))[0]])
