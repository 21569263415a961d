"""The venue's ground as arrays: walls, floor grid, exits, stairs, and the way to the exits."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from engine.crowd.venue import DOWN_FACTOR, MOST_CELLS, UP_FACTOR, Stand, Venue, wrong
from engine.kernels import crowd, floor_field

F64 = NDArray[np.float64]
#: Free ground around everything that is drawn, m; its rim is a wall.
MARGIN_M = 2.0
#: Exits are aimed at directly from here on, m.
SIGHT_M = 1.5
#: A cell is open to the march when its centre is at least this far from a wall.
OPEN_M = 0.75 * crowd.WALL_M
#: Walls nearer than this to a square metre are looked at from it: body, step and sight.
WALL_REACH_M = 0.9
#: Speed of the floor field, m/s (Weidmann's free speed), and least share of it in a crowd.
FIELD_MPS, FIELD_FLOOR = 1.34, 0.15


@dataclass(frozen=True)
class Ground:
    """What does not move. Grid arrays are [rows, columns], row 0 in the south."""

    x0: float
    y0: float
    cell_m: float
    shape: tuple[int, int]
    walls: F64  # [walls, 4]
    low_walls: int  # so many of them, the first, are seat rows: one sees over them
    exits: F64  # [exits, 4]
    aims: F64  # [exits, 4] the part of each exit that a body can stand in
    stairs: F64  # [stairs, 4] uphill x, y, factor up, factor down
    clear_m: F64  # distance from the nearest wall, at most 0.6
    cut: NDArray[np.uint8]
    is_open: NDArray[np.bool_]
    floor_stair: NDArray[np.int16]
    floor_exit: NDArray[np.int16]
    wall_start: NDArray[np.int64]
    wall_list: NDArray[np.int32]
    wall_columns: int
    goals: tuple[tuple[int, ...], ...]  # exits that a group of people may use
    goal_exit: NDArray[np.bool_]  # [goals, exits]

    def centres(self) -> tuple[F64, F64]:
        """x of the columns and y of the rows, m."""
        rows, columns = self.shape
        x = self.x0 + (np.arange(columns, dtype=np.float64) + 0.5) * self.cell_m
        y = self.y0 + (np.arange(rows, dtype=np.float64) + 0.5) * self.cell_m
        return x.astype(np.float64), y.astype(np.float64)

    def cell_of(self, x: Any, y: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column of points."""
        row = ((np.asarray(y) - self.y0) / self.cell_m).astype(np.int64)
        column = ((np.asarray(x) - self.x0) / self.cell_m).astype(np.int64)
        return row, column


def stand_walls(stand: Stand) -> list[tuple[float, ...]]:
    """Seat rows as walls: front and ends whole, every row cut by the gangways."""
    half = stand.seats_between / 2 * stand.seat_m
    spans = []
    s = 0.0
    for k in range(stand.gangways):
        spans.append((s, s + (half if k == 0 else 2 * half)))
        s = spans[-1][1] + stand.gangway_m
    spans.append((s, stand.length_m))
    lines: list[tuple[float, ...]] = []
    for r in range(1, stand.rows + 1):
        for a, b in spans:
            lines.append((*stand.at(a, r * stand.row_m), *stand.at(b, r * stand.row_m)))
    depth = stand.rows * stand.row_m
    lines.append((*stand.at(0, 0), *stand.at(stand.length_m, 0)))
    for s in (0.0, stand.length_m):
        lines.append((*stand.at(s, 0), *stand.at(s, depth)))
    return lines


def stand_seats(stand: Stand) -> F64:
    """Seats [seats, 2], row by row from the front."""
    half = stand.seats_between // 2
    block = stand.seats_between * stand.seat_m + stand.gangway_m
    along = np.array([
        k * block + ((i + 0.5) * stand.seat_m if i < half
                     else (i + 0.5) * stand.seat_m + stand.gangway_m)
        for k in range(stand.gangways) for i in range(stand.seats_between)
    ])
    deep = (np.arange(stand.rows) + 0.5) * stand.row_m
    s, t = np.tile(along, stand.rows), np.repeat(deep, along.size)
    a, b = np.asarray(stand.along), np.asarray(stand.back)
    seats: F64 = np.asarray(stand.corner) + s[:, None] * a + t[:, None] * b
    return seats


def _gangways(stand: Stand) -> list[list[tuple[float, float]]]:
    half = stand.seats_between / 2 * stand.seat_m
    depth = stand.rows * stand.row_m
    rings = []
    for k in range(stand.gangways):
        s = half + k * (2 * half + stand.gangway_m)
        e = s + stand.gangway_m
        rings.append([stand.at(s, 0), stand.at(e, 0), stand.at(e, depth), stand.at(s, depth)])
    return rings


def build_ground(venue: Venue) -> Ground:
    """Arrays of a venue; InputError where it is too large or an exit is walled up."""
    lines: list[tuple[float, ...]] = []
    for stand in venue.stands:
        lines += stand_walls(stand)
    low = len(lines)
    for wall in venue.walls:
        lines += [(*a, *b) for a, b in itertools.pairwise(wall)]
    for ring in venue.obstacles:
        lines += [(*a, *b) for a, b in zip(ring, [*ring[1:], ring[0]], strict=True)]
    exits = np.array([[*e.line[0], *e.line[1]] for e in venue.exits], dtype=float)
    corners = [np.array(lines).reshape(-1, 2), exits.reshape(-1, 2)]
    corners += [np.array(area.ring, dtype=float) for area in venue.areas]
    points = np.vstack(corners)
    cell = venue.grid_m
    # Whole cells from the lowest corner on, so that a venue drawn on the grid stays on it.
    x0, y0 = points.min(axis=0) - math.ceil(MARGIN_M / cell) * cell
    x1, y1 = points.max(axis=0) + MARGIN_M
    columns, rows = math.ceil((x1 - x0) / cell), math.ceil((y1 - y0) / cell)
    if rows * columns > MOST_CELLS:
        raise wrong(venue, ("grid_m",), f"{columns} x {rows} cells are more than {MOST_CELLS:,}; "
                                        "take a coarser grid or a smaller venue")
    x1, y1 = x0 + columns * cell, y0 + rows * cell
    e = 0.3  # the rim lies inside the grid, so that nobody's cell is outside it
    rim = [(x0 + e, y0 + e, x1 - e, y0 + e), (x1 - e, y0 + e, x1 - e, y1 - e),
           (x1 - e, y1 - e, x0 + e, y1 - e), (x0 + e, y1 - e, x0 + e, y0 + e)]
    walls = np.array(lines + rim, dtype=float)
    clear = np.full((rows, columns), 0.6)
    cut = np.zeros((rows, columns), np.uint8)
    floor_field.draw_walls(clear, cut, walls, x0, y0, cell, 0.6)

    floor_stair, stairs = _stairs(venue, x0, y0, cell, (rows, columns))
    wall_columns = math.ceil(x1 - x0) + 1
    count = np.zeros(wall_columns * (math.ceil(y1 - y0) + 1) + 1, np.int64)
    crowd.list_walls(count, np.empty(0, np.int32), walls, x0, y0, wall_columns, WALL_REACH_M)
    count = np.cumsum(count)
    wall_list = np.empty(max(int(count[-1]), 1), np.int32)
    crowd.list_walls(count.copy(), wall_list, walls, x0, y0, wall_columns, WALL_REACH_M)

    goals, of_goal = _goals(venue)
    ground = Ground(
        float(x0), float(y0), cell, (rows, columns), walls, low, exits, _aims(exits), stairs, clear, cut,
        clear >= OPEN_M, floor_stair, np.full((rows, columns), -1, np.int16), count, wall_list,
        wall_columns, goals, of_goal,
    )
    nearest = np.full(ground.shape, np.inf)
    for k in range(len(exits)):
        _sight(ground, k, nearest)
        if not (ground.floor_exit == k).any():
            raise wrong(venue, ("exits", k, "line"), "no free ground in front of this exit: it lies "
                        "on a wall, or its opening is narrower than the grid")
    return ground


def _aims(exits: F64) -> F64:
    """Exits without their ends: whoever aimed at the wall's end would be held by it."""
    a, b = exits[:, :2], exits[:, 2:]
    share = (crowd.WALL_M + 0.05) / np.hypot(*(b - a).T)[:, None]
    return np.ascontiguousarray(np.hstack([a + (b - a) * share, b - (b - a) * share]))


def _stairs(
    venue: Venue, x0: float, y0: float, cell: float, shape: tuple[int, int],
) -> tuple[NDArray[np.int16], F64]:
    """Which stair each cell belongs to, and the stairs; gangways of stands are stairs too."""
    rows, columns = shape
    found = np.full(shape, -1, np.int16)
    table: list[tuple[float, ...]] = []
    x, y = x0 + (np.arange(columns) + 0.5) * cell, y0 + (np.arange(rows) + 0.5) * cell

    def paint(ring: Any, uphill: Any, up: float, down: float) -> None:
        polygon = shapely.Polygon(ring)
        west, south, east, north = polygon.bounds
        i = slice(max(int((south - y0) / cell), 0), int((north - y0) / cell) + 1)
        j = slice(max(int((west - x0) / cell), 0), int((east - x0) / cell) + 1)
        gx, gy = np.meshgrid(x[j], y[i])
        found[i, j][shapely.contains_xy(polygon, gx, gy)] = len(table)
        norm = math.hypot(*uphill)
        table.append((uphill[0] / norm, uphill[1] / norm, up, down))

    for stair in venue.stairs:
        paint(stair.ring, stair.uphill, stair.up_factor, stair.down_factor)
    for stand in venue.stands:
        for ring in _gangways(stand):
            paint(ring, stand.back, UP_FACTOR, DOWN_FACTOR)
    return found, np.array(table, dtype=float).reshape(-1, 4)


def _goals(venue: Venue) -> tuple[tuple[tuple[int, ...], ...], NDArray[np.bool_]]:
    """Distinct sets of exits that groups may use, in the order of the file."""
    names = [e.name for e in venue.exits]
    sets: list[tuple[int, ...]] = []
    for part in venue.parts:
        wanted = tuple(sorted(names.index(n) for n in part.exits or names))
        if wanted not in sets:
            sets.append(wanted)
    table = np.zeros((len(sets), len(names)), np.bool_)
    for k, wanted in enumerate(sets):
        table[k, list(wanted)] = True
    return tuple(sets), table


def _sight(ground: Ground, k: int, nearest: F64) -> None:
    """Mark the cells from which exit k is in sight and the nearest one so far."""
    ax, ay, bx, by = ground.exits[k]
    x, y = ground.centres()
    reach = SIGHT_M
    i = np.flatnonzero((y >= min(ay, by) - reach) & (y <= max(ay, by) + reach))
    j = np.flatnonzero((x >= min(ax, bx) - reach) & (x <= max(ax, bx) + reach))
    for row in i:
        for column in j:
            if ground.clear_m[row, column] < 0.02:
                continue
            tx, ty = floor_field.nearest_on(x[column], y[row], ax, ay, bx, by)
            d = math.hypot(tx - x[column], ty - y[row])
            if d > reach or d >= nearest[row, column]:
                continue
            box = ground.walls
            near = box[(np.minimum(box[:, 0], box[:, 2]) <= max(x[column], tx) + 0.1)
                       & (np.maximum(box[:, 0], box[:, 2]) >= min(x[column], tx) - 0.1)
                       & (np.minimum(box[:, 1], box[:, 3]) <= max(y[row], ty) + 0.1)
                       & (np.maximum(box[:, 1], box[:, 3]) >= min(y[row], ty) - 0.1)]
            # The end of an exit touches the wall it is set in: look at a point just inside.
            mx, my = 0.02 * (ax + bx) / 2 + 0.98 * tx, 0.02 * (ay + by) / 2 + 0.98 * ty
            if any(floor_field.crosses(x[column], y[row], mx, my, *w) for w in near):
                continue
            ground.floor_exit[row, column] = k
            nearest[row, column] = d


def solve_field(
    ground: Ground, goal: int, open_exits: NDArray[np.bool_], crowd_factor: F64 | None = None,
) -> tuple[F64, F64, F64]:
    """Travel time (s) to the open exits of a goal, and the way there: unit vectors x and y.

    All [rows, columns], at Weidmann's free speed; `crowd_factor` is the share of it that each cell's
    crowd allows.
    """
    slow = np.full(ground.shape, 1.0 / FIELD_MPS)
    if ground.stairs.size:
        on = ground.floor_stair >= 0
        factor = ground.stairs[:, 2:].mean(axis=1)
        slow[on] /= factor[ground.floor_stair[on]]
    if crowd_factor is not None:
        slow /= np.maximum(crowd_factor, FIELD_FLOOR)
    # Ways keep their distance from walls where there is room.
    slow[ground.clear_m < 0.4] *= 1.5
    time = np.full(ground.shape, np.inf)
    cut = ground.cut.copy()
    x, y = ground.centres()
    usable = np.zeros(len(ground.exits), np.bool_)
    usable[list(ground.goals[goal])] = True
    usable &= open_exits
    shut = np.ascontiguousarray(ground.exits[~usable])
    if shut.size:
        floor_field.draw_walls(np.full(ground.shape, 9.0), cut, shut, ground.x0, ground.y0,
                               ground.cell_m, 0.0)
    for k in np.flatnonzero(usable):
        i, j = np.nonzero((ground.floor_exit == k) & ground.is_open)
        ax, ay, bx, by = ground.exits[k]
        dx, dy = bx - ax, by - ay
        t = np.clip(((x[j] - ax) * dx + (y[i] - ay) * dy) / (dx * dx + dy * dy), 0, 1)
        away = np.hypot(x[j] - ax - t * dx, y[i] - ay - t * dy)
        near = away <= 1.5 * ground.cell_m
        time[i[near], j[near]] = away[near] * slow[i[near], j[near]]
    floor_field.march(time, cut, ground.is_open, slow, ground.cell_m)
    floor_field.fringe(time, cut, ground.is_open, slow, ground.cell_m)
    way_x, way_y = np.zeros(ground.shape), np.zeros(ground.shape)
    floor_field.descend(way_x, way_y, time, cut)
    return time, way_x, way_y
