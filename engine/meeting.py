"""Meeting points: open ground where people gather, the city's own and those a plan adds.

A plan's points stand behind the city's in its table of facilities (`with_meeting_points`), so that the
run, its score and every view of it know them by one row. Places are the city's figure or the plan's;
the built-in cities count one person a square metre (`city_models/synthesis.py`, an assumption).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.city import F64, FACILITIES, I32, STATUSES, B, City
from engine.errors import InputError, unknown
from engine.levers.places import MeetingPoint
from engine.nearest import nearest_node, walkable
from engine.plan import Plan
from engine.yamlfile import located

_KIND = FACILITIES.index("meeting_point")


@dataclass(frozen=True)
class Meeting:
    """Meeting points in use: `row` in the city's facilities, `node`, `places` and `open_s` after the
    first area is told to leave, -inf where there is no gate [points]; `at_node` the point at a
    junction, -1 none [nodes]."""

    row: I32
    node: I32
    places: I32
    open_s: F64
    at_node: I32


def city_for(city: City, plan: Plan) -> City:
    """The city with the plan's meeting points; InputError with file and line."""
    try:
        return with_meeting_points(city, plan.meeting_points, f"plan '{plan.name}'")
    except InputError as error:
        raise located(error, plan) from None


def with_meeting_points(city: City, points: Sequence[MeetingPoint], where: str) -> City:
    """The city with the points of a plan among its facilities; itself where there are none. InputError
    for a facility it does not have or one whose places nobody has counted."""
    if not points:
        return city
    f = city.facilities
    names = [str(name) for name in f.name]
    capacity = f.capacity.copy()
    walk = walkable(city)
    added: list[tuple[str, float, float, int, int]] = []
    for row, point in enumerate(points):
        at = f"{where}: meeting_points.{row}"
        if point.facility is None:
            lon, lat = float(point.lon or 0.0), float(point.lat or 0.0)
            x, y = (float(v) for v in city.xy(lon, lat))
            node = nearest_node(city, lon, lat, at, drive=False)
            added.append((point.label, x, y, int(walk[node]), int(point.places or 0)))
            continue
        if point.facility not in names:
            raise unknown("facility", point.facility, names, f"{at}.facility")
        there = names.index(point.facility)
        if f.kind[there] == _KIND and point.places is None and point.open_s is None:
            raise InputError(f"{at}: '{point.facility}' is a meeting point of the city in any case: give "
                             "places or open_s")
        if f.kind[there] == _KIND:
            capacity[there] = capacity[there] if point.places is None else point.places
        elif point.places is None:
            raise InputError(f"{at}.places: how many people can gather at '{point.facility}' "
                             f"({FACILITIES[f.kind[there]].replace('_', ' ')}) is not known")
        else:
            added.append((f"{point.facility} (meeting point)", float(f.x_m[there]), float(f.y_m[there]),
                          int(walk[f.node[there]]), point.places))
    name, x_m, y_m, nodes, places = zip(*added, strict=True) if added else ((),) * 5
    count = len(added)
    return dataclasses.replace(city, facilities=dataclasses.replace(
        f, kind=np.append(f.kind, np.full(count, _KIND, f.kind.dtype)),
        name=np.append(f.name, np.array(name, object)), x_m=np.append(f.x_m, x_m),
        y_m=np.append(f.y_m, y_m), node=np.append(f.node, np.array(nodes, f.node.dtype)),
        building=np.append(f.building, np.full(count, -1, f.building.dtype)),
        capacity=np.append(capacity, np.array(places, capacity.dtype)),
        units=np.append(f.units, np.zeros(count, f.units.dtype)),
        status=np.append(f.status, np.full(count, STATUSES.index("synthetic"), f.status.dtype)),
    ))


def find_meeting(city: City, plan: Plan, danger: B) -> Meeting:
    """The points in use, of a city that has the plan's (`with_meeting_points`); those of the city in the
    danger zone `danger` [nodes] are not. InputError for one of the plan's that cannot work there."""
    f = city.facilities
    rows = np.flatnonzero((f.kind == _KIND) & (f.capacity > 0)).astype(np.int32)
    if not plan.destinations.meeting_points:
        rows = rows[:0]
    open_s = np.full(f.kind.size, -np.inf)
    for row, (point, mine) in enumerate(zip(plan.meeting_points, _rows_of(city, plan), strict=True)):
        where = f"plan '{plan.name}': meeting_points.{row}"
        if danger[f.node[mine]]:
            raise InputError(f"{where}: '{point.label}' lies in the danger zone; where people are to be "
                             "safe inside it is a vertical refuge")
        others = rows[(f.node[rows] == f.node[mine]) & (rows != mine)]
        if others.size:
            raise InputError(f"{where}: '{point.label}' is at the junction of the meeting point "
                             f"'{f.name[others[0]]}'")
        if point.open_s is not None:
            open_s[mine] = point.open_s
    rows = rows[~danger[f.node[rows]]]
    at_node = np.full(city.nodes.x_m.size, -1, np.int32)
    at_node[f.node[rows]] = np.arange(rows.size, dtype=np.int32)
    return Meeting(rows, f.node[rows], f.capacity[rows], open_s[rows], at_node)


def _rows_of(city: City, plan: Plan) -> list[int]:
    """Facility row of each of the plan's points."""
    f = city.facilities
    names = [str(name) for name in f.name]
    rows: list[int] = []
    for point in plan.meeting_points:
        there = names.index(point.facility) if point.facility in names else -1
        if there >= 0 and f.kind[there] == _KIND:
            rows.append(there)
        else:
            label = point.label if point.facility is None else f"{point.facility} (meeting point)"
            rows.append(len(names) - 1 - names[::-1].index(label))
    return rows
