"""Buildings: lots along streets where a source has none, and attributes by rule.

What a source gives (footprint, levels, use) is kept; the rest follows a `BuildingMix`, whose
shares are assumptions unless its `source` says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from engine import rng
from engine.city import DESIGNS, ROAD_CLASSES, STRUCTURES, USES, Buildings, Nodes, Streets

_STREAM = "city.buildings"
RESIDENTIAL = USES.index("residential")
COMMERCIAL = USES.index("commercial")
EDUCATION = USES.index("education")
INDUSTRIAL = USES.index("industrial")
HEALTH = USES.index("health")
CIVIC = USES.index("civic")
OTHER = USES.index("other")


@dataclass(frozen=True)
class BuildingMix:
    """Shares of (structure, design) by size of building, and sizes of dwellings.

    `low` one or two storeys, `mid` three to seven, `high` eight and more, `hall` industrial;
    `person_m2` gross residential floor area a person.
    """

    low: tuple[tuple[str, str, float], ...]
    mid: tuple[tuple[str, str, float], ...]
    high: tuple[tuple[str, str, float], ...]
    hall: tuple[tuple[str, str, float], ...]
    person_m2: float
    source: str


CHILE_MIX = BuildingMix(
    # Chile's own classes; LC confined masonry was built by its owners, without inspection.
    low=(
        ("CL-MCF", "HC", 0.46), ("CL-MR", "HC", 0.20), ("CL-W", "MC", 0.22), ("CL-ADO", "PC", 0.05),
        ("CL-MCF", "LC", 0.07),
    ),
    mid=(("CL-SWM", "HC", 0.80), ("CL-MCF", "HC", 0.20)),
    high=(("CL-SWH", "HC", 1.0),),
    hall=(("S1L", "HC", 0.60), ("CL-MR", "HC", 0.40)),
    person_m2=24.0,
    source="assumption: shares shaped after descriptions of Chile's housing stock, not counted",
)
GENERIC_MIX = BuildingMix(
    low=(("URML", "LC", 0.60), ("C1L", "LC", 0.25), ("W1", "LC", 0.15)),
    mid=(("URMM", "LC", 0.45), ("C1M", "LC", 0.30), ("C2M", "LC", 0.25)),
    high=(("C2H", "LC", 0.60), ("C1H", "LC", 0.40)),
    hall=(("S1L", "LC", 0.70), ("C1L", "LC", 0.30)),
    # Net floor area is about 45 m2 a person in Germany; walls, stairs, empty rooms and the
    # outbuildings that maps tag as plain buildings make it 75 m2 of gross area (assumption).
    person_m2=75.0,
    source="assumption: unreinforced masonry and concrete without seismic design",
)

#: Road classes that have houses along them.
FRONTAGE = ("primary", "secondary", "tertiary", "unclassified", "residential", "living_street")
LOT_M = 8.0
LOT_DEPTH_M = 9.0


@dataclass(frozen=True)
class Lots:
    """Possible house sites: position, street, zone row, side (+1 left, -1 right), stable key."""

    x_m: NDArray[np.float64]
    y_m: NDArray[np.float64]
    street: NDArray[np.int32]
    zone: NDArray[np.int32]
    key: NDArray[np.int64]

    def take(self, rows: NDArray[Any]) -> Lots:
        """Return the given lots."""
        return Lots(
            self.x_m[rows], self.y_m[rows], self.street[rows], self.zone[rows], self.key[rows]
        )


def zone_of(
    polygons: NDArray[np.object_], x_m: NDArray[Any], y_m: NDArray[Any], nearest: bool = True
) -> NDArray[np.int32]:
    """Return the zone that holds each point, the lowest row on a shared border.

    Points outside every zone get the nearest one, or -1 where `nearest` is False.
    """
    tree = shapely.STRtree(polygons)
    points = shapely.points(x_m, y_m)
    out = np.full(points.size, -1, np.int32)
    which, zone = tree.query(points, predicate="intersects")
    order = np.lexsort([-zone, which])
    out[which[order]] = zone[order]
    lost = np.flatnonzero(out < 0)
    if nearest and lost.size:
        out[lost] = tree.nearest(points[lost])
    return out


def lots_along_streets(
    streets: Streets, setback_m: float, polygons: NDArray[np.object_]
) -> Lots:
    """Return a lot every 8 m on both sides of streets that can have houses.

    Lots start 10 m from the ends, so that corners stay free. Lots outside all zones are left
    out (they would stand in the sea or beyond the city).
    """
    classes = [ROAD_CLASSES.index(c) for c in FRONTAGE]
    use = np.isin(streets.road_class, classes) & ~streets.bridge & streets.walk
    rows = np.flatnonzero(use & (streets.length_m > 2 * 10.0))
    room = streets.length_m[rows].astype(np.float64) - 20.0
    count = np.floor(room / LOT_M).astype(int) + 1
    street = np.repeat(rows, count)
    first = np.zeros(rows.size, int)
    np.cumsum(count[:-1], out=first[1:])
    number = np.arange(street.size) - np.repeat(first, count)
    along = 10.0 + (np.repeat(room - (count - 1) * LOT_M, count)) / 2 + number * LOT_M
    x, y, dx, dy = along_streets(streets, street, along)
    off = streets.width_m[street] / 2.0 + setback_m + LOT_DEPTH_M / 2.0
    both_x = np.concatenate([x - off * dy, x + off * dy])
    both_y = np.concatenate([y + off * dx, y - off * dx])
    both_street = np.concatenate([street, street]).astype(np.int32)
    key = (both_street.astype(np.int64) << 12) + np.concatenate([2 * number, 2 * number + 1])
    zone = zone_of(polygons, both_x, both_y, nearest=False)
    order = np.lexsort([key, zone])
    order = order[zone[order] >= 0]
    return Lots(both_x, both_y, both_street, zone, key).take(order)


def along_streets(
    streets: Streets, street: NDArray[Any], along_m: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return position and unit direction at distances along streets (x, y, dx, dy)."""
    vx, vy = streets.vertex_x_m.astype(np.float64), streets.vertex_y_m.astype(np.float64)
    ptr = streets.vertex_ptr.astype(np.int64)
    step = np.hypot(np.diff(vx, append=vx[-1]), np.diff(vy, append=vy[-1]))
    step[ptr[1:] - 1] = 0.0
    run = np.concatenate([[0.0], np.cumsum(step)[:-1]])
    target = run[ptr[street]] + along_m
    at = np.clip(np.searchsorted(run, target, side="right") - 1, ptr[street], ptr[street + 1] - 2)
    length = np.maximum(step[at], 1e-6)
    part = np.clip((target - run[at]) / length, 0.0, 1.0)
    ex, ey = vx[at + 1] - vx[at], vy[at + 1] - vy[at]
    return vx[at] + part * ex, vy[at] + part * ey, ex / length, ey / length


def structures(
    use: NDArray[Any], storeys: NDArray[Any], key: NDArray[np.int64], mix: BuildingMix, seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw structure and design of each building from the mix of its size class."""
    u = rng.uniform(seed, _STREAM, key, 3)
    structure = np.zeros(use.size, np.uint8)
    design = np.zeros(use.size, np.uint8)
    hall = (use == INDUSTRIAL) & (storeys <= 2)
    groups = (
        (hall, mix.hall),
        (~hall & (storeys <= 2), mix.low),
        (~hall & (storeys >= 3) & (storeys <= 7), mix.mid),
        (~hall & (storeys >= 8), mix.high),
    )
    for who, rows in groups:
        edges = np.cumsum([row[2] for row in rows])
        pick = np.minimum(np.searchsorted(edges / edges[-1], u[who]), len(rows) - 1)
        structure[who] = np.array([STRUCTURES.index(r[0]) for r in rows], np.uint8)[pick]
        design[who] = np.array([DESIGNS.index(r[1]) for r in rows], np.uint8)[pick]
    return structure, design


def nearest_walk_node(
    nodes: Nodes, streets: Streets, x_m: NDArray[Any], y_m: NDArray[Any], drive: bool = False
) -> NDArray[np.int32]:
    """Return the nearest junction of the walk network (with `drive`, of walk and drive)."""
    usable = streets.walk & streets.drive if drive else streets.walk
    if not usable.any():
        usable = np.ones(usable.size, bool)
    rows = np.unique(np.concatenate([streets.from_node[usable], streets.to_node[usable]]))
    tree = cKDTree(np.column_stack([nodes.x_m[rows], nodes.y_m[rows]]))
    _, index = tree.query(np.column_stack([x_m, y_m]))
    return rows[index].astype(np.int32)


def street_lines(streets: Streets) -> NDArray[np.object_]:
    """Return the streets' polylines as shapely LineStrings."""
    xy = np.column_stack([streets.vertex_x_m, streets.vertex_y_m]).astype(np.float64)
    index = np.repeat(np.arange(streets.from_node.size), np.diff(streets.vertex_ptr))
    return np.asarray(shapely.linestrings(xy, indices=index), object)


def distance_to_street(
    streets: Streets, street: NDArray[Any], shapes: NDArray[np.object_]
) -> NDArray[np.float64]:
    """Return the distance of each shape from the centre line of its street, m."""
    return np.asarray(shapely.distance(shapes, street_lines(streets)[street]), np.float64)


def nearest_street(
    streets: Streets, x_m: NDArray[Any], y_m: NDArray[Any]
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the nearest street and the distance to its centre line, m."""
    lines = street_lines(streets)
    tree = shapely.STRtree(lines)
    points = shapely.points(x_m, y_m)
    found = tree.nearest(points)
    return found.astype(np.int32), shapely.distance(points, lines[found])


def table(
    *, nodes: Nodes, streets: Streets, x_m: NDArray[Any], y_m: NDArray[Any],
    zone: NDArray[Any], street: NDArray[Any], setback_m: NDArray[Any], use: NDArray[Any],
    storeys: NDArray[Any], footprint_m2: NDArray[Any], key: NDArray[np.int64],
    polygon: NDArray[np.object_], mix: BuildingMix, seed: int,
    height_m: NDArray[Any] | None = None,
) -> Buildings:
    """Return the buildings table; structure and design drawn, height 3 m a storey if unknown."""
    storeys = np.clip(storeys, 1, 120)
    structure, design = structures(use, storeys, key, mix, seed)
    height = 3.0 * storeys if height_m is None else height_m
    return Buildings(
        np.asarray(x_m, np.float32), np.asarray(y_m, np.float32), np.asarray(zone, np.int16),
        nearest_walk_node(nodes, streets, x_m, y_m), np.asarray(street, np.int32),
        np.maximum(setback_m, 0.0).astype(np.float32), np.asarray(use, np.uint8), structure,
        design, storeys.astype(np.uint8), np.asarray(height, np.float32),
        np.asarray(footprint_m2, np.float32), np.asarray(key, np.int64), polygon,
    )
