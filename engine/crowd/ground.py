"""A venue as arrays: walls, directions to the exits, stairs and cameras on a grid of nodes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, MultiLineString, Polygon

from engine.crowd.model import STAIRS_DOWN, STAIRS_UP
from engine.crowd.venue import Exit, Venue
from engine.errors import InputError, unknown
from engine.kernels import crowd as kernel
from engine.kernels import floor_field

H_M = 0.25  #: spacing of the nodes
BLOCKED_M = 0.15  #: nodes nearer to a wall carry no direction: below the radius, above H_M / 2
APRON_M = 2.0  #: people are led this far beyond an exit
GOAL_M = 1.25  #: from here on beyond an exit travel time is 0
SIGHT_M = 2.5  #: walls within this distance of a cell are listed in it
MARGIN_M = 3.0
MOST_NODES = 25_000_000
MIN_EXIT_M = 0.9  #: two bodies abreast jam for good in narrower doors (see engine.kernels.crowd)

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Ground:
    """What the kernels need to know about a venue."""

    area: Polygon  # walkable, obstacles cut out
    walls: kernel.Walls
    field: kernel.Field
    doors: kernel.Doors
    stairs: kernel.Stairs
    layer_of: dict[tuple[str, ...], int]  # layer of the field by the names of its exits
    time_s: NDArray[np.float32]  # [layers, ny, nx] travel time at 1 m/s
    inside: NDArray[np.bool_]  # [ny, nx] node in the walkable area
    cameras: list[Polygon]
    x0: float
    y0: float

    def node(self, x: F64, y: F64) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column of the node nearest to each point."""
        ny, nx = self.inside.shape
        j = np.clip(np.rint((y - self.y0) / H_M).astype(np.int64), 0, ny - 1)
        i = np.clip(np.rint((x - self.x0) / H_M).astype(np.int64), 0, nx - 1)
        return j, i


def build_ground(venue: Venue) -> Ground:
    """Turn a checked venue into arrays; InputError where its geometry cannot work."""
    outer = polygon(venue.area, "area")
    obstacles = [polygon(ring, f"obstacles.{k}") for k, ring in enumerate(venue.obstacles)]
    area = outer.difference(shapely.union_all(obstacles)) if obstacles else outer
    if not isinstance(area, Polygon) or area.is_empty:
        raise InputError("obstacles: they must leave the area in one piece")
    doors = [_door(row, outer, area, k) for k, row in enumerate(venue.exits)]
    lines = _walls(venue, area)
    x0, y0, x1, y1 = outer.bounds
    x0, y0 = x0 - MARGIN_M, y0 - MARGIN_M
    nx, ny = math.ceil((x1 - x0 + MARGIN_M) / H_M) + 1, math.ceil((y1 - y0 + MARGIN_M) / H_M) + 1
    if nx * ny > MOST_NODES:
        raise InputError(f"area: {nx * H_M:,.0f} m by {ny * H_M:,.0f} m is too large "
                         f"(at most {MOST_NODES * H_M**2:,.0f} m2 between its outermost points)")
    xs, ys = x0 + H_M * np.arange(nx), y0 + H_M * np.arange(ny)
    inside = _covered(area, xs, ys)
    away = np.empty((ny, nx))
    floor_field.clearance(*lines.T.copy(), x0, y0, H_M, 2 * BLOCKED_M, away)
    sets = {tuple(g.exits or [e.name for e in venue.exits]) for g in venue.groups}
    _known({name for names in sets for name in names}, [e.name for e in venue.exits])
    flights = _flights(venue, xs, ys)
    layer_of = {names: k for k, names in enumerate(sorted(sets))}
    ux = np.zeros((len(sets), ny, nx), np.float32)
    uy = np.zeros_like(ux)
    time_s = np.empty_like(ux)
    near = np.full((ny, nx), -1, np.int16)
    for k, door in enumerate(doors):
        box = _box(door, -1.0, APRON_M, 1.0)
        near[_covered(box, xs, ys)] = k
    for names, layer in layer_of.items():
        chosen = [k for k, e in enumerate(venue.exits) if e.name in names]
        _layer(chosen, doors, inside, away, flights, xs, ys, ux[layer], uy[layer], time_s[layer])
    px, py, tx, ty, ox, oy, width = np.array(doors).T.copy()
    return Ground(
        area=area, walls=_wall_cells(lines, x0, y0, xs[-1], ys[-1]),
        field=kernel.Field(ux, uy, float(x0), float(y0), H_M),
        doors=kernel.Doors(px, py, tx, ty, ox, oy, width, near), stairs=flights, layer_of=layer_of,
        time_s=time_s, inside=inside, x0=float(x0), y0=float(y0),
        cameras=[polygon(c.ring, f"cameras.{k} '{c.name}'") for k, c in enumerate(venue.cameras)],
    )


def polygon(ring: list[list[float]], where: str) -> Polygon:
    """A simple polygon; InputError where it is none."""
    found = Polygon(ring)
    if not found.is_valid or found.area < 1e-4:
        raise InputError(f"{where}: the ring crosses itself or encloses nothing")
    return found


def _known(names: set[str], exits: list[str]) -> None:
    for name in sorted(names - set(exits)):
        raise unknown("exit", name, exits, "groups")


def _door(row: Exit, outer: Polygon, area: Polygon, k: int) -> tuple[float, ...]:
    """One end, vector along, vector outwards and width of an exit."""
    (ax, ay), (bx, by) = row.line
    width = math.hypot(bx - ax, by - ay)
    where = f"exits.{k} '{row.name}'"
    if width < MIN_EXIT_M - 1e-6:
        raise InputError(f"{where}: {width:.2f} m wide (allowed: from {MIN_EXIT_M} m)")
    line = LineString(row.line)
    off = line.hausdorff_distance(outer.exterior.intersection(line.buffer(0.05)))
    if not off < 0.1:
        raise InputError(f"{where}: its line must lie on the edge of the area (within 0.05 m)")
    tx, ty = (bx - ax) / width, (by - ay) / width
    ox, oy = ty, -tx
    mx, my = (ax + bx) / 2, (ay + by) / 2
    if area.contains(shapely.Point(mx + 0.2 * ox, my + 0.2 * oy)):
        ox, oy = -ox, -oy
    if not area.contains(shapely.Point(mx - 0.2 * ox, my - 0.2 * oy)):
        raise InputError(f"{where}: nobody can walk up to it from inside the area")
    return ax, ay, tx, ty, ox, oy, width


def _box(door: tuple[float, ...], back: float, ahead: float, more: float) -> Polygon:
    """Rectangle along an exit, from `back` to `ahead` metres outwards, `more` wider at each end."""
    px, py, tx, ty, ox, oy, width = door
    corners = [(-more, back), (width + more, back), (width + more, ahead), (-more, ahead)]
    return Polygon([(px + a * tx + b * ox, py + a * ty + b * oy) for a, b in corners])


def _walls(venue: Venue, area: Polygon) -> F64:
    """Wall segments [n, 4]: the area's edges without the exits, the obstacles, the free walls."""
    edges = shapely.union_all([area.boundary])
    for row in venue.exits:
        edges = edges.difference(LineString(row.line).buffer(0.06, cap_style="flat"))
    free = [LineString(line) for line in venue.walls]
    segments: list[tuple[float, float, float, float]] = []
    for line in (*_lines(edges), *free):
        points = shapely.get_coordinates(line)
        segments += [(*a, *b) for a, b in pairwise(points)]
    return np.array(segments, np.float64).reshape(-1, 4)


def _lines(shape: shapely.Geometry) -> Iterable[LineString]:
    if isinstance(shape, MultiLineString):
        return list(shape.geoms)
    return [shape] if isinstance(shape, LineString) and not shape.is_empty else []


def _covered(shape: shapely.Geometry, xs: F64, ys: F64) -> NDArray[np.bool_]:
    """Nodes inside a shape [ny, nx]; only its bounding box is looked at."""
    out = np.zeros((ys.size, xs.size), np.bool_)
    if shape.is_empty:
        return out
    x0, y0, x1, y1 = shape.bounds
    i0, i1 = np.searchsorted(xs, [x0, x1 + 1e-9])
    j0, j1 = np.searchsorted(ys, [y0, y1 + 1e-9])
    shapely.prepare(shape)
    gx, gy = np.meshgrid(xs[i0:i1], ys[j0:j1])
    out[j0:j1, i0:i1] = shapely.contains_xy(shape, gx, gy)
    return out


def _flights(venue: Venue, xs: F64, ys: F64) -> kernel.Stairs:
    at = np.zeros((ys.size, xs.size), np.int16)
    ux, uy = [0.0], [0.0]
    for k, row in enumerate(venue.stairs):
        size = math.hypot(*row.up)
        if size < 1e-9:
            raise InputError(f"stairs.{k} '{row.name}': up must not be (0, 0)")
        at[_covered(polygon(row.ring, f"stairs.{k} '{row.name}'"), xs, ys)] = k + 1
        ux.append(row.up[0] / size)
        uy.append(row.up[1] / size)
    return kernel.Stairs(np.array(ux), np.array(uy), STAIRS_UP, STAIRS_DOWN, at)


def _layer(  # type: ignore[no-untyped-def]
    chosen, doors, inside, away, flights, xs, ys, ux, uy, time_s,
) -> None:
    """Fill one layer of the field: travel time to the nearest of the chosen exits and its slope."""
    gx, gy = np.meshgrid(xs, ys)
    open_ = inside.copy()
    source = np.zeros_like(inside)
    for k in chosen:
        apron = _covered(_box(doors[k], -H_M, APRON_M, 0.0), xs, ys)
        px, py, _, _, ox, oy, _ = doors[k]
        ahead = (gx[apron] - px) * ox + (gy[apron] - py) * oy
        open_ |= apron
        source[apron] |= ahead >= GOAL_M
        ux[apron], uy[apron] = ox, oy  # kept where the travel time is 0
    speed = np.where((away < BLOCKED_M) | ~open_, 0.0, 1.0)
    speed[flights.at > 0] *= 0.5 * (flights.up + flights.down)
    ux[~source], uy[~source] = 0.0, 0.0
    time = floor_field.march(speed, source, H_M)
    floor_field.directions(time, ux, uy)
    time_s[:] = time


def _wall_cells(lines: F64, x0: float, y0: float, x1: float, y1: float) -> kernel.Walls:
    """List in each wall cell the segments within sight of it, in order."""
    side = kernel.WALL_CELL_M
    nx, ny = math.ceil((x1 - x0) / side) + 1, math.ceil((y1 - y0) / side) + 1
    cells, items = [], []
    cx, cy = x0 + side * (np.arange(nx) + 0.5), y0 + side * (np.arange(ny) + 0.5)
    reach = SIGHT_M + side * math.sqrt(0.5)
    for k, (ax, ay, bx, by) in enumerate(lines):
        i = np.flatnonzero((cx > min(ax, bx) - reach) & (cx < max(ax, bx) + reach))
        j = np.flatnonzero((cy > min(ay, by) - reach) & (cy < max(ay, by) + reach))
        px, py = np.meshgrid(cx[i] - ax, cy[j] - ay)
        dx, dy = bx - ax, by - ay
        t = np.clip((px * dx + py * dy) / max(dx * dx + dy * dy, 1e-12), 0, 1)
        close = np.hypot(px - t * dx, py - t * dy) < reach
        found = (j[:, None] * nx + i[None, :])[close]
        cells.append(found)
        items.append(np.full(found.size, k))
    cell, item = np.concatenate([[], *cells]).astype(np.int64), np.concatenate([[], *items])
    order = np.argsort(cell, kind="stable")
    ptr = np.zeros(nx * ny + 1, np.int32)
    np.cumsum(np.bincount(cell, minlength=nx * ny), out=ptr[1:])
    ax, ay, bx, by = lines.T.copy()
    return kernel.Walls(ax, ay, bx, by, ptr, item[order].astype(np.int32), float(x0), float(y0),
                        nx, ny)
