"""Orders on streets, found in the city: which links and where the officers stand.

Streets are named as the city's roads name them; a circle narrows a name down, or stands alone.
Officers stand on the street at a junction outside the exclusion line where there is one, next to
the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from engine.city import I32, I64, B, City
from engine.errors import InputError, unknown
from engine.kernels.paths import reverse_tree, speed_cost_ms
from engine.levers.roads import (
    Closure,
    Contraflow,
    InboundBan,
    OneWayStreet,
    OrderedStreet,
    PedestrianStreet,
)
from engine.plan import Plan
from engine.scenario import Circle


@dataclass(frozen=True)
class StreetOrder:
    """An order on streets; `control` is its row in the control tables."""

    reason: str  # name in events.REASONS
    control: int
    node: int  # where the officers stand
    from_s: float
    to_s: float
    barred: I32  # drive edges that vehicles other than responders keep out of
    turned: I32  # drive edges whose lanes turn
    outward: I32  # the edge of the same street that each of them then serves
    length_m: float
    inside: B  # junctions that vehicles from outside are kept out of [nodes]


def street_orders(
    city: City, plan: Plan, shut: B, safe: B, banned: Sequence[B]
) -> tuple[StreetOrder, ...]:
    """Orders of a plan in a city; InputError for what the city does not have.

    - shut, safe: [nodes] inside the exclusion line; where people are out of danger.
    - banned: [nodes] of each inbound ban's area.
    """
    finder = _Finder(city, shut, safe)
    first = len(plan.control_points) + len(plan.closures)
    found: list[StreetOrder] = []
    holder: dict[int, str] = {}
    for row, (key, lever) in enumerate(_levers(plan)):
        where = f"plan '{plan.name}': {key}"
        order = finder.order(lever, first + row, where)
        for street in np.unique(city.edges.street[np.r_[order.barred, order.turned]]).tolist():
            if street in holder:
                raise InputError(f"{where}: '{lever.name}' orders part of '{city.streets.name[street]}' "
                                 f"that {holder[street]} orders already")
            holder[street] = key
        found.append(order)
    for row, (ban, inside) in enumerate(zip(plan.inbound_ban, banned, strict=True)):
        where = f"plan '{plan.name}': inbound_ban.{row}"
        found.append(finder.cordon(ban, first + len(found), inside, where))
    return tuple(found)


def _levers(plan: Plan) -> list[tuple[str, OrderedStreet | Contraflow]]:
    """Key path and lever of each order, in the order of plan.posts."""
    keys = ("pedestrian_streets", "one_way_streets", "contraflow")
    return [(f"{key}.{row}", lever) for key in keys for row, lever in enumerate(getattr(plan, key))]


class _Finder:
    """Finds orders in one city."""

    def __init__(self, city: City, shut: B, safe: B) -> None:
        self._city, self._shut, self._safe = city, shut, safe
        self._way_out: I64 | None = None

    def order(self, lever: OrderedStreet | Contraflow, control: int, where: str) -> StreetOrder:
        city = self._city
        street = streets_of(city, lever.street, lever.within, where)
        street = street[city.streets.drive[street]]
        barred = turned = outward = np.empty(0, np.int32)
        hours = (0.0, np.inf) if isinstance(lever, Contraflow) else (lever.from_s, lever.to_s)
        if isinstance(lever, PedestrianStreet):
            reason = "street for walkers"
            street = street[city.streets.walk[street]]
            if street.size == 0:
                raise InputError(f"{where}: '{lever.name}': no vehicle or no walker goes there anyway")
            barred = np.flatnonzero(np.isin(city.edges.street, street)).astype(np.int32)
        else:
            reason = "contraflow" if isinstance(lever, Contraflow) else "one-way street"
            assert isinstance(lever, OneWayStreet | Contraflow)
            turned, outward = self._pairs(street, lever.heading_deg)
            if turned.size == 0:
                raise InputError(f"{where}: '{lever.name}': no street there has two directions to turn")
            street = city.edges.street[turned]
        edges = np.r_[barred, outward]
        return StreetOrder(
            reason, control, _stand(city, edges, self._shut), *hours, barred,
            turned, outward,
            float(city.streets.length_m[np.unique(street)].sum()),
            np.zeros(city.nodes.x_m.size, np.bool_),
        )

    def cordon(self, lever: InboundBan, control: int, inside: B, where: str) -> StreetOrder:
        edges = self._city.edges
        into = np.flatnonzero(inside[edges.to_node] & ~inside[edges.from_node]).astype(np.int32)
        if into.size == 0:
            raise InputError(f"{where}: '{lever.name}': no street leads into the area from outside")
        streets = check_barriers(self._city, into, lever, where)
        none = np.empty(0, np.int32)
        return StreetOrder(
            "inbound ban", control, _stand(self._city, into, self._shut), lever.from_s, lever.to_s, into,
            none, none, float(self._city.streets.length_m[streets].sum()), inside,
        )

    def _pairs(self, street: I32, heading_deg: float | None) -> tuple[I32, I32]:
        """Edges of two-way streets against the direction wanted, and the edges along it."""
        edges, nodes = self._city.edges, self._city.nodes
        mine = np.flatnonzero(np.isin(edges.street, street))
        forth, back = mine[edges.forward[mine]], mine[~edges.forward[mine]]
        both = np.intersect1d(edges.street[forth], edges.street[back])
        forth = forth[np.isin(edges.street[forth], both)]
        back = back[np.isin(edges.street[back], both)]
        forth = forth[np.argsort(edges.street[forth], kind="stable")]
        back = back[np.argsort(edges.street[back], kind="stable")]
        a, b = edges.from_node[forth], edges.to_node[forth]
        if heading_deg is None:
            way = self._to_safety()
            ahead = way[a].astype(np.float64) - way[b]
        else:
            angle = np.deg2rad(heading_deg)
            east, north = nodes.x_m[b] - nodes.x_m[a], nodes.y_m[b] - nodes.y_m[a]
            ahead = east * np.sin(angle) + north * np.cos(angle)
        out = np.where(ahead >= 0, forth, back)
        into = np.where(ahead >= 0, back, forth)
        clear = np.abs(ahead) > 1e-6  # a street across the direction keeps both
        return into[clear].astype(np.int32), out[clear].astype(np.int32)

    def _to_safety(self) -> I64:
        """Driving time from each junction to the nearest safe one on empty roads [nodes], ms."""
        if self._way_out is None:
            edges = self._city.edges
            cost = speed_cost_ms(edges.length_m, edges.free_speed_mps)
            self._way_out = reverse_tree(
                self._city.nodes.x_m.size, edges.from_node, edges.to_node, cost,
                np.flatnonzero(self._safe),
            )[0]
        return self._way_out


def check_barriers(city: City, into: I32, lever: Closure | InboundBan, where: str) -> I32:
    """Streets of the edges `into` an area, each of which needs an officer at its barrier; InputError
    where the lever has fewer."""
    streets = np.unique(city.edges.street[into])
    if streets.size > lever.officers:
        raise InputError(
            f"{where}.officers: {lever.officers} cannot hold '{lever.name}': {streets.size} streets "
            "lead in, and each needs one"
        )
    return np.asarray(streets, np.int32)


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
    nodes = np.unique(np.r_[city.edges.from_node[edges], city.edges.to_node[edges]])
    outside = nodes[~shut[nodes]]
    mine = outside if outside.size else nodes
    other = np.flatnonzero(shut if outside.size else ~shut)
    points = np.column_stack([city.nodes.x_m, city.nodes.y_m])
    away = cKDTree(points[other]).query(points[mine])[0]
    return int(mine[np.argmin(away)])
