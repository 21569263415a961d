"""The ground of the replay: coast, relief, roads, borders, buildings and names, packed."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from engine.city import FACILITIES, ROAD_CLASSES, STATUSES, City
from viz.pack import Grid16, Pack

#: Drawing class of each road class: 0 major, 1 middle, 2 minor, 3 paths.
_DRAW_CLASS = {
    "motorway": 0, "trunk": 0, "primary": 0, "secondary": 1, "tertiary": 1, "unclassified": 2,
    "residential": 2, "living_street": 2, "service": 3, "track": 3, "pedestrian": 3,
    "footway": 3, "path": 3, "steps": 3, "cycleway": 3,
}
MAX_FOOTPRINTS = 40_000
MAX_TEXTURE = 2048


def bounds(city: City) -> tuple[float, float, float, float]:
    """West, south, east, north of everything the page draws, metres."""
    x, y = [city.nodes.x_m, city.streets.vertex_x_m], [city.nodes.y_m, city.streets.vertex_y_m]
    west, east = min(a.min() for a in x), max(a.max() for a in x)
    south, north = min(a.min() for a in y), max(a.max() for a in y)
    if city.terrain is not None:
        t = city.terrain
        west, south = min(west, t.x0_m), min(south, t.y0_m)
        east = max(east, t.x0_m + t.dx_m * t.elev_m.shape[1])
        north = max(north, t.y0_m + t.dx_m * t.elev_m.shape[0])
    return float(west) - 500, float(south) - 500, float(east) + 500, float(north) + 500


def home_view(city: City) -> tuple[float, float, float, float]:
    """Rectangle first shown: the middle 96 % of the junctions."""
    x, y = np.sort(city.nodes.x_m), np.sort(city.nodes.y_m)
    low, high = int(0.02 * x.size), max(int(0.98 * x.size) - 1, 0)
    return float(x[low]), float(y[low]), float(x[high]), float(y[high])


def pack_ground(city: City, grid: Grid16, pack: Pack) -> dict[str, Any]:
    """Add the ground's sections to `pack` and return its part of the page's header."""
    head: dict[str, Any] = {}
    _pack_roads(city, grid, pack)
    if city.terrain is not None:
        head["land"] = _pack_land(city, pack)
    head["buildings"] = _pack_buildings(city, grid, pack)
    head["borders"] = _borders(city)
    head["labels"] = _labels(city)
    return head


def _pack_lines(
    prefix: str, count: np.ndarray, x: np.ndarray, y: np.ndarray, grid: Grid16, pack: Pack
) -> None:
    pack.add(f"{prefix}_n", np.minimum(count, 65535).astype(np.uint16))
    pack.add(f"{prefix}_x", grid.x(x), "flat")
    pack.add(f"{prefix}_y", grid.y(y), "flat")


def _pack_roads(city: City, grid: Grid16, pack: Pack) -> None:
    streets = city.streets
    draw = np.array([_DRAW_CLASS[name] for name in ROAD_CLASSES], np.uint8)
    pack.add("road_class", draw[streets.road_class])
    count = np.diff(streets.vertex_ptr)
    lines = shapely.linestrings(
        np.column_stack([streets.vertex_x_m, streets.vertex_y_m]).astype(np.float64),
        indices=np.repeat(np.arange(count.size), count),
    )
    # Curves are kept to 1.5 m: less than half a line's width at the closest zoom in use.
    lines = shapely.simplify(lines, 1.5, preserve_topology=False)
    points, owner = shapely.get_coordinates(lines, return_index=True)
    _pack_lines("road", np.bincount(owner, minlength=count.size), points[:, 0], points[:, 1],
                grid, pack)


def _pack_land(city: City, pack: Pack) -> dict[str, Any]:
    """Land as a mask with soft edges, and a faint hill shade, on one grid."""
    terrain = city.terrain
    assert terrain is not None
    elev = np.asarray(terrain.elev_m, np.float64)
    # The coast is carried on, unchanged, past the raster's rim, so that the page shows no frame.
    margin = [int(0.35 * n) for n in elev.shape]
    elev = np.pad(elev, [(m, m) for m in margin], mode="edge")
    factor = max(1, min(4, MAX_TEXTURE // max(elev.shape)))
    fine = _zoomed(elev, factor)
    dx = terrain.dx_m / factor
    mask = np.clip(0.5 + fine / 0.6, 0.0, 1.0)
    slope_y, slope_x = np.gradient(fine, dx)
    shade = np.clip(128 + 420 * (slope_x * -0.7 + slope_y * 0.7), 60, 200)
    inside = np.zeros(fine.shape, np.bool_)
    inside[margin[0] * factor : -margin[0] * factor, margin[1] * factor : -margin[1] * factor] = True
    shade = np.where((mask > 0) & inside, shade, 128)
    far = _far_land(np.asarray(terrain.elev_m, np.float64), pack)
    pack.add("land_mask", (mask * 15).round().astype(np.uint8), "rows")
    pack.add("land_shade", (shade / 8).round().astype(np.uint8), "rows")
    x0 = terrain.x0_m - margin[1] * terrain.dx_m
    y0 = terrain.y0_m - margin[0] * terrain.dx_m
    cells = np.array(terrain.elev_m.shape[::-1]) * terrain.dx_m
    return {
        "far": [float(terrain.x0_m - far * cells[0]), float(terrain.y0_m - far * cells[1]),
                float(terrain.x0_m + (1 + far) * cells[0]),
                float(terrain.y0_m + (1 + far) * cells[1])],
        "bounds": [x0, y0, x0 + dx * fine.shape[1], y0 + dx * fine.shape[0]],
        "raster": [terrain.x0_m, terrain.y0_m, terrain.dx_m, *map(int, terrain.elev_m.shape)],
    }


def _far_land(elev: np.ndarray, pack: Pack, times: int = 3) -> int:
    """Coarse land around the raster, `times` its size on each side, for a map zoomed far out.

    It is zero inside the raster, where the fine mask is drawn. Returns `times`.
    """
    rows, columns = (np.linspace(0, n - 1, 40).round().astype(int) for n in elev.shape)
    coarse = np.pad(elev[np.ix_(rows, columns)] > 0, 40 * times, mode="edge")
    hole = 40 * times - 13  # the fine mask reaches a third of the raster past its rim
    coarse[hole:-hole, hole:-hole] = False
    pack.add("far_mask", coarse.astype(np.uint8), "rows")
    return times


def _zoomed(values: np.ndarray, factor: int) -> np.ndarray:
    """Bilinear refinement of a raster by a whole factor, cell centres kept in place."""
    if factor == 1:
        return values
    for axis in (0, 1):
        n = values.shape[axis]
        at = (np.arange(n * factor) + 0.5) / factor - 0.5
        low = np.clip(np.floor(at).astype(int), 0, n - 1)
        high = np.clip(low + 1, 0, n - 1)
        part = np.clip(at - low, 0.0, 1.0)
        part = part[:, None] if axis == 0 else part[None, :]
        values = np.take(values, low, axis) * (1 - part) + np.take(values, high, axis) * part
    return values


def _pack_buildings(city: City, grid: Grid16, pack: Pack) -> int:
    """Footprints that are known, largest first, at most MAX_FOOTPRINTS; returns how many."""
    known = np.array([shape is not None for shape in city.buildings.polygon], np.bool_)
    rows = np.flatnonzero(known)
    if rows.size == 0:
        return 0
    if rows.size > MAX_FOOTPRINTS:
        largest = np.argsort(-city.buildings.footprint_m2[rows], kind="stable")
        rows = np.sort(rows[largest[:MAX_FOOTPRINTS]])
    shapes = shapely.simplify(
        shapely.get_exterior_ring(np.array(list(city.buildings.polygon[rows]))), 0.7
    )
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    _pack_lines("house", np.bincount(owner, minlength=rows.size), points[:, 0], points[:, 1],
                grid, pack)
    height = np.clip(city.buildings.height_m[rows], 3, 250)
    pack.add("house_height", height.astype(np.uint8))
    return int(rows.size)


def _borders(city: City) -> list[list[list[int]]]:
    """Outlines of the municipalities, without the steps of their blocks."""
    index, names = city.zone_municipality
    out: list[list[list[int]]] = []
    for row in range(len(names)):
        polygons = [p for p in city.zones.polygon[index == row] if p is not None]
        if not polygons:
            continue
        shape = shapely.union_all(shapely.buffer(np.array(polygons), 5.0))
        # Census blocks end in steps; rounded off, the line reads as a border.
        shape = shape.buffer(250.0).buffer(-500.0).buffer(250.0).simplify(30.0)
        for part in getattr(shape, "geoms", [shape]):
            if part.area > 250_000:
                out.append([[round(x), round(y)] for x, y in part.exterior.coords])
    return out


def _labels(city: City) -> list[dict[str, Any]]:
    """Names that orient, most important first: municipalities, hospitals, main roads, zones."""
    labels: list[dict[str, Any]] = []
    index, names = city.zone_municipality
    for row, name in enumerate(names):
        mine = index == row
        weight = np.maximum(city.zones.population[mine], 1)
        labels.append(_label(name, "town", np.average(city.zones.x_m[mine], weights=weight),
                             np.average(city.zones.y_m[mine], weights=weight)))
    for row in city.facilities_of("hospital"):
        labels.append(_label(city.facilities.name[row], "hospital", city.facilities.x_m[row],
                             city.facilities.y_m[row]))
    labels += _road_labels(city)
    named = [row for row, name in enumerate(city.zones.name)
             if str(name) and not str(name).replace(" ", "").isdigit()]
    order = sorted(named, key=lambda row: (-int(city.zones.population[row]), row))
    # Names like "zone 12" say nothing to people who live there.
    order = [row for row in order if not any(c.isdigit() for c in str(city.zones.name[row]))]
    labels += [_label(city.zones.name[row], "zone", city.zones.x_m[row], city.zones.y_m[row])
               for row in order[:60]]
    return labels


def _label(text: Any, kind: str, x: float, y: float, angle: float = 0.0) -> dict[str, Any]:
    return {"t": str(text), "k": kind, "x": round(float(x)), "y": round(float(y)),
            "a": round(float(angle), 1)}


def _road_labels(city: City, most: int = 45) -> list[dict[str, Any]]:
    """One label for each long named main road, on its longest straight piece."""
    streets = city.streets
    main = np.flatnonzero((streets.road_class <= ROAD_CLASSES.index("tertiary"))
                          & np.array([bool(name) for name in streets.name], np.bool_))
    length: dict[str, float] = {}
    longest: dict[str, int] = {}
    for row in main:
        name = str(streets.name[row])
        weight = float(streets.length_m[row]) * (2.0 if streets.road_class[row] <= 2 else 1.0)
        length[name] = length.get(name, 0.0) + weight
        best = longest.get(name)
        if best is None or streets.length_m[row] > streets.length_m[best]:
            longest[name] = int(row)
    top = sorted(length, key=lambda name: (-length[name], name))[:most]
    out = []
    for name in top:
        if length[name] < 400:
            continue
        row = longest[name]
        part = slice(streets.vertex_ptr[row], streets.vertex_ptr[row + 1])
        x = streets.vertex_x_m[part].astype(float)
        y = streets.vertex_y_m[part].astype(float)
        leg = int(np.argmax(np.hypot(np.diff(x), np.diff(y))))
        angle = np.degrees(np.arctan2(y[leg + 1] - y[leg], x[leg + 1] - x[leg]))
        angle = (angle + 90) % 180 - 90
        out.append(_label(name, "road", (x[leg] + x[leg + 1]) / 2, (y[leg] + y[leg + 1]) / 2,
                          angle))
    return out


def facilities(city: City) -> list[dict[str, Any]]:
    """Facilities that people look for on the map."""
    table = city.facilities
    shown = ("hospital", "clinic", "fire_station", "police_station", "ambulance_station",
             "shelter", "meeting_point", "command_centre", "care_home")
    return [
        {"row": row, "name": str(table.name[row]), "kind": FACILITIES[table.kind[row]],
         "x": round(float(table.x_m[row])), "y": round(float(table.y_m[row])),
         "capacity": int(table.capacity[row]), "status": STATUSES[table.status[row]]}
        for row in range(table.kind.size) if FACILITIES[table.kind[row]] in shown
    ]
