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

from engine.city import F64, FACILITIES, I16, I32, STATUSES, B, City
from engine.errors import InputError, unknown
from engine.levers.places import MeetingPoint
from engine.nearest import nearest_node, walkable
from engine.plan import Plan
from engine.yamlfile import located

#: Name, position in metres, junction and places of a point.
_Place = tuple[str, float, float, int, int]
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
    capacity, walk = f.capacity.copy(), walkable(city)
    added: list[_Place] = []
    for row, point in enumerate(points):
        at = f"{where}: meeting_points.{row}"
        if point.facility is None:
            place = _place_of_its_own(city, point, names, walk, at)
        else:
            if point.facility not in names:
                raise unknown("facility", point.facility, names, f"{at}.facility")
            there = names.index(point.facility)
            if f.kind[there] == _KIND:
                if point.places is None and point.open_s is None:
                    raise InputError(f"{at}: '{point.facility}' is a meeting point of the city in any "
                                     "case: give places or open_s")
                capacity[there] = capacity[there] if point.places is None else point.places
                continue
            place = _yard(city, point, there, walk, at)
        if place[0] in [other[0] for other in added]:
            raise InputError(f"{at}: '{place[0]}' is the name of an earlier row")
        added.append(place)
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


def _place_of_its_own(city: City, point: MeetingPoint, names: list[str], walk: I32, at: str) -> _Place:
    """A point at a position of the plan's."""
    if point.label in names:
        raise InputError(f"{at}.name: '{point.label}' is a facility of the city: give it as 'facility', or "
                         "the place another name")
    lon, lat = float(point.lon or 0.0), float(point.lat or 0.0)
    x, y = (float(v) for v in city.xy(lon, lat))
    node = nearest_node(city, lon, lat, at, drive=False)
    return point.label, x, y, int(walk[node]), int(point.places or 0)


def _yard(city: City, point: MeetingPoint, there: int, walk: I32, at: str) -> _Place:
    """A point at a facility of another kind."""
    f = city.facilities
    if point.places is None:
        kind = FACILITIES[f.kind[there]].replace("_", " ")
        raise InputError(f"{at}.places: how many people can gather at '{point.facility}' ({kind}) is not "
                         "known")
    return (f"{point.facility} (meeting point)", float(f.x_m[there]), float(f.y_m[there]),
            int(walk[f.node[there]]), point.places)


def find_meeting(city: City, plan: Plan, danger: B, order_zone: I16) -> Meeting:
    """The points in use, of a city that has the plan's (`with_meeting_points`); those of the city in the
    danger zone `danger` [nodes] or in an area that is told to leave (`order_zone` >= 0 [nodes]) are not.
    InputError for one of the plan's that cannot work there."""
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
        if order_zone[f.node[mine]] >= 0:
            area = plan.order.zones[order_zone[f.node[mine]]].name
            raise InputError(f"{where}: '{point.label}' lies in the area '{area}', which is told to leave")
        others = rows[(f.node[rows] == f.node[mine]) & (rows != mine)]
        if others.size:
            raise InputError(f"{where}: '{point.label}' is at the junction of the meeting point "
                             f"'{f.name[others[0]]}'")
        if point.open_s is not None:
            open_s[mine] = point.open_s
    rows = rows[~danger[f.node[rows]] & (order_zone[f.node[rows]] < 0)]
    at_node = np.full(city.nodes.x_m.size, -1, np.int32)
    at_node[f.node[rows]] = np.arange(rows.size, dtype=np.int32)
    return Meeting(rows, f.node[rows], f.capacity[rows], open_s[rows], at_node)


def _rows_of(city: City, plan: Plan) -> list[int]:
    """Facility row of each of the plan's points: the city's own, or one of those behind its table."""
    f = city.facilities
    names = [str(name) for name in f.name]
    there = [-1 if point.facility is None else names.index(point.facility) for point in plan.meeting_points]
    own = [row >= 0 and f.kind[row] == _KIND for row in there]
    behind = iter(range(len(names) - own.count(False), len(names)))
    return [row if mine else next(behind) for row, mine in zip(there, own, strict=True)]
