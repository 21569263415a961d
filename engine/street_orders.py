"""Orders on streets, found in the city: which links and where the officers stand.

Streets are named as the city's roads name them; a circle narrows a name down, or stands alone.
Officers stand on the street at a junction outside the exclusion line where there is one, next to
the line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from engine.city import I32, B, City
from engine.errors import InputError, unknown
from engine.levers.roads import PedestrianStreet
from engine.plan import Plan
from engine.scenario import Circle

#: Vehicle classes as bits of `edge_barred`: cars and buses, by their row in the traffic model's
#: table of classes. Responders have none: barriers let them through.
CARS, BUSES = 1, 2


@dataclass(frozen=True)
class StreetOrder:
    """An order on streets; `control` is its row in the control tables."""

    reason: str  # name in events.REASONS
    control: int
    node: int  # where the officers stand
    from_s: float
    to_s: float
    barred: I32  # drive edges that vehicles may not enter
    bars: int  # which vehicles, bits
    length_m: float


def street_orders(city: City, plan: Plan, shut: B) -> tuple[StreetOrder, ...]:
    """Orders of a plan in a city; `shut` [nodes] is what lies inside the exclusion line."""
    first = len(plan.control_points) + len(plan.closures)
    return tuple(
        _pedestrian(city, plan, row, street, first + row, shut)
        for row, street in enumerate(plan.pedestrian_streets)
    )


def _pedestrian(
    city: City, plan: Plan, row: int, lever: PedestrianStreet, control: int, shut: B
) -> StreetOrder:
    where = f"plan '{plan.name}': pedestrian_streets.{row}"
    street = streets_of(city, lever.street, lever.within, where)
    if not (city.streets.drive[street] & city.streets.walk[street]).any():
        raise InputError(f"{where}: '{lever.name}': no vehicle drives there, or nobody may walk there")
    street = street[city.streets.drive[street] & city.streets.walk[street]]
    edges = np.flatnonzero(np.isin(city.edges.street, street)).astype(np.int32)
    return StreetOrder(
        "street for walkers", control, _stand(city, edges, shut), lever.from_s, lever.to_s,
        edges, CARS | BUSES, float(city.streets.length_m[street].sum()),
    )


def streets_of(city: City, name: str | None, within: Circle | None, where: str) -> I32:
    """Streets of a name, with their middle inside a circle, or both."""
    streets = city.streets
    mask = np.ones(streets.length_m.size, np.bool_)
    if name is not None:
        mask &= streets.name == name
        if not mask.any():
            raise unknown("street", name, {str(n) for n in streets.name if n}, f"{where}.street")
    if within is not None:
        x, y = city.xy(within.lon, within.lat)
        nodes, a, b = city.nodes, streets.from_node, streets.to_node
        middle_x, middle_y = (nodes.x_m[a] + nodes.x_m[b]) / 2, (nodes.y_m[a] + nodes.y_m[b]) / 2
        mask &= np.hypot(middle_x - x, middle_y - y) <= within.radius_m
    if not mask.any():
        named = f"of street '{name}' " if name is not None else ""
        raise InputError(f"{where}.within: no part {named}has its middle inside the circle")
    return np.flatnonzero(mask).astype(np.int32)


def _stand(city: City, edges: I32, shut: B) -> int:
    """Junction of the edges where officers stand: outside the exclusion line, the nearest to it;
    where all are inside, the nearest to a junction outside."""
    nodes = np.unique(city.edges.from_node[edges])
    outside = nodes[~shut[nodes]]
    mine = outside if outside.size else nodes
    other = np.flatnonzero(shut if outside.size else ~shut)
    points = np.column_stack([city.nodes.x_m, city.nodes.y_m])
    away = cKDTree(points[other]).query(points[mine])[0]
    return int(mine[np.argmin(away)])
