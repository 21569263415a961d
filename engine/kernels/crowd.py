"""People in the plane: the collision-free speed model, one synchronous step for everybody.

Tordeux, Chraibi and Seyfried (2016), "Collision-free speed model for pedestrian dynamics", Traffic
and Granular Flow '15 (arXiv 1512.05597). Person i walks in the direction

    e = (e0 + sum_j a exp((l - s_ij) / D) n_ij + sum_w a_w exp((l / 2 - d_iw) / D_w) n_iw) / |...|

away from neighbours j and walls w (the walls' term is that of JuPedSim, which the paper leaves
open), at the speed

    v = min(v0, max(-0.01, (s - l) / T))

where s is the distance to the nearest person in front whose body, a disc of diameter l, overlaps the
strip that the own body sweeps. Nobody sees, or is pushed by, a person behind a wall. The paper's least
speed is 0; stepping back at 0.01 m/s is taken from JuPedSim's third version of the model. Everybody
reads the last positions and writes the next, so the result is the same for any number of threads.

One rule is our own: who made no way towards the exit in the last step turns e by an angle drawn up to
90 degrees to either side for the next. Without it the model's equations have arches of three at doors
that stand for ever, and pairs that step to and fro in front of one.

Numerical choices: the repulsion of persons comes from a table in the squared distance and ends at
`REACH_M`, where it is 2 % of the desired direction; a body that would enter a wall is set back to
touching it, and stays where it is if that fails. Positions are sorted into cells every step.

Known limits: no inertia, no pushing, no lanes: dense streams that meet head on in a passage hold each
other up far more than people do. Doors narrower than 0.9 m, two bodies and a tenth, can clog.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from engine.kernels._jit import jit
from engine.rng import STREAMS, uniform1

REACH_M = 1.0  #: repulsion of persons further away is left out
CELL_M = 0.5  #: side of the cells that hold people
WALL_CELL_M = 1.0  #: side of the cells that list walls
TABLE = 2048  #: intervals of the repulsion table
CHUNK = 128  #: people a parallel task moves
OUT_M = 1.0  #: people leave the model this far beyond an exit, so that they slow those behind
STILL_MPS = 0.02  #: who made less way than this tries another direction next
SIDESTEP = STREAMS["crowd.sidestep"]
BACK_MPS = -0.01  #: least speed: people in contact step back, so that arches at doors come loose
NEAR = 256  #: most people in the cells round one

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]


class Walls(NamedTuple):
    """Wall segments and, for each wall cell, those within reach of it."""

    ax: F64  # [segments]
    ay: F64
    bx: F64
    by: F64
    ptr: I32  # [cells + 1]
    item: I32
    x0: float
    y0: float
    nx: int
    ny: int


class Field(NamedTuple):
    """Directions to walk in, one layer for each set of exits, on a grid of nodes."""

    ux: NDArray[np.float32]  # [layers, ny, nx]; (0, 0) where nobody can stand
    uy: NDArray[np.float32]
    x0: float
    y0: float
    h: float


class Doors(NamedTuple):
    """Exit lines, and the nodes near each."""

    px: F64  # [exits] one end
    py: F64
    tx: F64  # [exits] unit vector along the line
    ty: F64
    ox: F64  # [exits] unit vector outwards
    oy: F64
    width_m: F64
    near: NDArray[np.int16]  # [ny, nx] exit whose line is within a metre or two, -1 elsewhere


class Stairs(NamedTuple):
    """Flights of stairs, and the nodes on each."""

    ux: F64  # [flights + 1] unit vector upwards; row 0 is level ground
    uy: F64
    up: float  # speed over that on the level
    down: float
    at: NDArray[np.int16]  # [ny, nx] flight, 0 on the level


class Law(NamedTuple):
    """The model's parameters."""

    length_m: float
    gap_s: float
    wall_strength: float
    wall_range_m: float


def repulsion_table(strength: float, range_m: float, length_m: float) -> F64:
    """a exp((l - s) / D) / s at TABLE + 1 squared distances up to REACH_M squared, then zero."""
    s = np.sqrt(np.linspace(0.0, REACH_M**2, TABLE + 1))
    s[0] = s[1] / 2
    return np.append(strength * np.exp((length_m - s[:-1]) / range_m) / s[:-1], [0.0, 0.0])


@jit()
def sort_people(  # type: ignore[no-untyped-def]
    rows, n, gone, x, y, x0, y0, nx, ny, start, cell, order, sx, sy,
):
    """Sort those of the first `n` people in `rows` who are not gone by cell; returns their number.

    Written: `order`, their rows; `sx`, `sy`, their positions; `start`, where each cell begins.
    """
    inv = 1.0 / CELL_M
    start[:] = 0
    left = 0
    for k in range(n):
        i = rows[k]
        if gone[i]:
            continue
        rows[left] = i
        cx = min(max(int((x[i] - x0) * inv), 0), nx - 1)
        cy = min(max(int((y[i] - y0) * inv), 0), ny - 1)
        c = cy * nx + cx
        cell[left] = c
        start[c + 1] += 1
        left += 1
    for c in range(nx * ny):
        start[c + 1] += start[c]
    for k in range(left):
        c = cell[k]
        p = start[c]
        start[c] = p + 1
        i = rows[k]
        order[p] = i
        sx[p] = x[i]
        sy[p] = y[i]
    for c in range(nx * ny, 0, -1):
        start[c] = start[c - 1]
    start[0] = 0
    return left


@jit(inline="always")
def _nearest(px, py, ax, ay, bx, by):  # type: ignore[no-untyped-def]
    """Vector from the nearest point of a segment to (px, py)."""
    dx = bx - ax
    dy = by - ay
    t = ((px - ax) * dx + (py - ay) * dy) / max(dx * dx + dy * dy, 1e-12)
    t = min(max(t, 0.0), 1.0)
    return px - ax - t * dx, py - ay - t * dy


@jit()
def _hidden(px, py, qx, qy, walls, first, last):  # type: ignore[no-untyped-def]
    """Whether a wall stands between two points."""
    for m in range(first, last):
        w = walls.item[m]
        ax, ay, bx, by = walls.ax[w], walls.ay[w], walls.bx[w], walls.by[w]
        d1 = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
        d2 = (bx - ax) * (qy - ay) - (by - ay) * (qx - ax)
        if d1 * d2 < 0.0:
            d3 = (qx - px) * (ay - py) - (qy - py) * (ax - px)
            d4 = (qx - px) * (by - py) - (qy - py) * (bx - px)
            if d3 * d4 < 0.0:
                return True
    return False


@jit(fast=True)
def _visible(near_x, near_y, count, px, py, walls, first, last):  # type: ignore[no-untyped-def]
    """Keep the neighbours within REACH_M that no wall hides; returns their number."""
    kept = 0
    for m in range(count):
        dx, dy = near_x[m], near_y[m]
        if dx * dx + dy * dy < REACH_M * REACH_M and not _hidden(
            px, py, px + dx, py + dy, walls, first, last
        ):
            near_x[kept], near_y[kept] = dx, dy
            kept += 1
    return kept


@jit(fast=True)
def desired(field, layer, px, py):  # type: ignore[no-untyped-def]
    """Unit direction of a layer at a point, blended from the nodes round it."""
    fx = (px - field.x0) / field.h
    fy = (py - field.y0) / field.h
    ny, nx = field.ux.shape[1], field.ux.shape[2]
    ix = min(max(int(fx), 0), nx - 2)
    iy = min(max(int(fy), 0), ny - 2)
    tx = min(max(fx - ix, 0.0), 1.0)
    ty = min(max(fy - iy, 0.0), 1.0)
    w00, w01 = (1 - tx) * (1 - ty), tx * (1 - ty)
    w10, w11 = (1 - tx) * ty, tx * ty
    ux, uy = field.ux, field.uy
    ex = (w00 * ux[layer, iy, ix] + w01 * ux[layer, iy, ix + 1]
          + w10 * ux[layer, iy + 1, ix] + w11 * ux[layer, iy + 1, ix + 1])
    ey = (w00 * uy[layer, iy, ix] + w01 * uy[layer, iy, ix + 1]
          + w10 * uy[layer, iy + 1, ix] + w11 * uy[layer, iy + 1, ix + 1])
    norm = math.sqrt(ex * ex + ey * ey)
    if norm > 1e-6:
        return ex / norm, ey / norm
    best = 1e30
    ex = ey = 0.0
    for jy in range(max(iy - 3, 0), min(iy + 5, ny)):
        for jx in range(max(ix - 3, 0), min(ix + 5, nx)):
            if ux[layer, jy, jx] != 0.0 or uy[layer, jy, jx] != 0.0:
                gx = field.x0 + jx * field.h - px
                gy = field.y0 + jy * field.h - py
                d2 = gx * gx + gy * gy
                if d2 < best:
                    best = d2
                    d = math.sqrt(max(d2, 1e-12))
                    ex, ey = gx / d, gy / d
    return ex, ey


@jit(fast=True)
def _headway(ex, ey, px, py, sx, sy, me, lo, hi, length, best, walls, first, last):  # type: ignore[no-untyped-def]
    """Nearest of sorted people lo..hi in the strip that a body sweeps, or `best` if nearer."""
    for q in range(lo, hi):
        dx = sx[q] - px
        dy = sy[q] - py
        along = dx * ex + dy * ey
        if along <= 0.0 or q == me or abs(dx * ey - dy * ex) > length:
            continue
        s = math.sqrt(dx * dx + dy * dy)
        if s < best and not (first < last and _hidden(px, py, sx[q], sy[q], walls, first, last)):
            best = s
    return best


@jit(parallel=True, fast=True)
def move_people(  # type: ignore[no-untyped-def]
    n, order, sx, sy, start, x0, y0, nx, ny, starts, speed, layer, field, walls, doors, stairs,
    law, table, now, dt, seed, step, x, y, still, exit_no, out_s, gone,
):
    """Move the `n` sorted people by one step of `dt` seconds from time `now`.

    [people]: `starts`: time of setting out, s; `speed`: free speed, m/s; `layer` of the field;
    written: the next positions `x`, `y`; `still`, who made no way; `exit_no` and `out_s`, the exit
    crossed and when; `gone`.
    """
    length, gap = law.length_m, law.gap_s
    radius = 0.5 * length
    per_m2 = TABLE / REACH_M**2
    inv = 1.0 / CELL_M
    for chunk in numba.prange((n + CHUNK - 1) // CHUNK):
        near_x, near_y = np.empty(NEAR), np.empty(NEAR)
        for p in range(chunk * CHUNK, min((chunk + 1) * CHUNK, n)):
            i = order[p]
            if starts[i] > now:
                continue
            px, py = sx[p], sy[p]
            wx = min(max(int((px - walls.x0) / WALL_CELL_M), 0), walls.nx - 1)
            wy = min(max(int((py - walls.y0) / WALL_CELL_M), 0), walls.ny - 1)
            first, last = walls.ptr[wy * walls.nx + wx], walls.ptr[wy * walls.nx + wx + 1]
            e0x, e0y = desired(field, layer[i], px, py)
            ex, ey = e0x, e0y
            cx = min(max(int((px - x0) * inv), 0), nx - 1)
            cy = min(max(int((py - y0) * inv), 0), ny - 1)
            left, right = max(cx - 2, 0), min(cx + 2, nx - 1)
            count = 0
            # Copied side by side first, so that the two loops over them have no branches.
            for row in range(max(cy - 2, 0), min(cy + 2, ny - 1) + 1):
                for q in range(start[row * nx + left], start[row * nx + right + 1]):
                    near_x[count] = sx[q] - px
                    near_y[count] = sy[q] - py
                    count += count < NEAR - 1
            if first < last:
                count = _visible(near_x, near_y, count, px, py, walls, first, last)
            for m in range(count):
                dx, dy = near_x[m], near_y[m]
                at = min((dx * dx + dy * dy) * per_m2, TABLE)
                k = int(at)
                push = table[k] + (at - k) * (table[k + 1] - table[k])
                ex -= push * dx
                ey -= push * dy
            for m in range(first, last):
                w = walls.item[m]
                dx, dy = _nearest(px, py, walls.ax[w], walls.ay[w], walls.bx[w], walls.by[w])
                d = math.sqrt(dx * dx + dy * dy)
                if 1e-9 < d < radius + 15.0 * law.wall_range_m:
                    push = law.wall_strength * math.exp((radius - d) / law.wall_range_m) / d
                    ex += push * dx
                    ey += push * dy
            norm = math.sqrt(ex * ex + ey * ey)
            if norm > 1e-9:
                ex /= norm
                ey /= norm
            else:
                ex, ey = e0x, e0y
            if still[i]:
                turn = math.pi * (uniform1(seed, SIDESTEP, i, step) - 0.5)
                c, d = math.cos(turn), math.sin(turn)
                ex, ey = c * ex - d * ey, d * ex + c * ey
            fx = min(max(int((px - field.x0) / field.h + 0.5), 0), doors.near.shape[1] - 1)
            fy = min(max(int((py - field.y0) / field.h + 0.5), 0), doors.near.shape[0] - 1)
            top = speed[i]
            flight = stairs.at[fy, fx]
            if flight > 0:
                climbs = ex * stairs.ux[flight] + ey * stairs.uy[flight] > 0.0
                top *= stairs.up if climbs else stairs.down
            see = top * gap + length
            s2 = see * see
            for m in range(count):
                dx, dy = near_x[m], near_y[m]
                along, across = dx * ex + dy * ey, dx * ey - dy * ex
                hit = (along > 0.0) & (across * across <= length * length)
                s2 = min(s2, dx * dx + dy * dy if hit else 1e9)
            s = math.sqrt(s2)
            if s > REACH_M:
                # Nobody near enough to stop for: look on along the strip.
                far = int(see * inv) + 1
                left, right = max(cx - far, 0), min(cx + far, nx - 1)
                for row in range(max(cy - far, 0), min(cy + far, ny - 1) + 1):
                    s = _headway(ex, ey, px, py, sx, sy, p, start[row * nx + left],
                                 start[row * nx + right + 1], length, s, walls, first, last)
            v = min(top, max(BACK_MPS, (s - length) / gap))
            qx, qy = px + v * dt * ex, py + v * dt * ey
            if first < last:
                qx, qy = _clear(px, py, qx, qy, radius, walls, first, last)
            x[i], y[i] = qx, qy
            still[i] = (qx - px) * e0x + (qy - py) * e0y < STILL_MPS * dt
            door = doors.near[fy, fx]
            if door < 0:
                continue
            before = ((px - doors.px[door]) * doors.ox[door]
                      + (py - doors.py[door]) * doors.oy[door])
            after = ((qx - doors.px[door]) * doors.ox[door]
                     + (qy - doors.py[door]) * doors.oy[door])
            if exit_no[i] < 0 and before <= 0.0 < after:
                part = before / (before - after)
                at = ((px + part * (qx - px) - doors.px[door]) * doors.tx[door]
                      + (py + part * (qy - py) - doors.py[door]) * doors.ty[door])
                if 0.0 <= at <= doors.width_m[door]:
                    exit_no[i] = door
                    out_s[i] = now + part * dt
            if exit_no[i] >= 0 and after >= OUT_M:
                gone[i] = True


@jit()
def _clear(px, py, qx, qy, radius, walls, first, last):  # type: ignore[no-untyped-def]
    """(qx, qy) set back so that a body of `radius` enters no wall, or (px, py) if that fails."""
    for _ in range(3):
        moved = False
        for m in range(first, last):
            w = walls.item[m]
            dx, dy = _nearest(qx, qy, walls.ax[w], walls.ay[w], walls.bx[w], walls.by[w])
            d = math.sqrt(dx * dx + dy * dy)
            if d < radius - 1e-9:
                if d < 1e-6:
                    return px, py
                qx += dx / d * (radius - d)
                qy += dy / d * (radius - d)
                moved = True
        if not moved:
            return qx, qy
    for m in range(first, last):
        w = walls.item[m]
        dx, dy = _nearest(qx, qy, walls.ax[w], walls.ay[w], walls.bx[w], walls.by[w])
        if dx * dx + dy * dy < 0.9 * radius * 0.9 * radius:
            return px, py
    if _hidden(px, py, qx, qy, walls, first, last):
        return px, py
    return qx, qy
