"""People in the plane: the collision-free speed model, each deciding in its own time.

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

One rule is our own: who makes no way towards the exit turns e by an angle drawn up to 90 degrees to
either side at the next decision. Without it the model's equations have arches of three at doors
that stand for ever, and pairs that step to and fro in front of one.

Numerical choices: distances to neighbours are in single precision; repulsion of persons ends at
`REACH_M`, where it is 2 % of the desired direction; a body that would enter a wall is set back to
touching it, and stays where it is if that fails. People are sorted into cells every few ticks. The
next decision comes the sooner the more this one changed the velocity: who walks in a
stream is left to walk, and the start and stop of a queue is met in time.

Who comes head on is met by the rules of `engine.kernels.counterflow`.

Known limits: no inertia, no pushing. Streams that meet head on let at most 1.1 persons a metre and
second through, both together (experiments: 1.5), and can jam for good in passages narrower than 2 m
where a hundred come from each side. Doors narrower than 0.9 m, two bodies and a tenth, can clog.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from engine.kernels._jit import jit
from engine.kernels.counterflow import free_way, sidestep, turned
from engine.kernels.crowd_near import (
    CELL_X_M,
    CELL_Y_M,
    NEAR,
    REACH_M,
    SKIN_M,
    ahead,
    gather,
    headway,
    hide,
    repulsion,
)
from engine.kernels.crowd_walls import clear, nearest
from engine.rng import STREAMS, uniform1

WALL_CELL_M = 1.0  #: side of the cells that list walls
CHUNK = 128  #: people a parallel task moves
OUT_M = 1.0  #: people leave the model this far beyond an exit, so that they slow those behind
STILL_MPS = 0.02  #: who made less way than this tries another direction next
SIDESTEP = STREAMS["crowd.sidestep"]
BACK_MPS = -0.01  #: least speed: people in contact step back, so that arches at doors come loose

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
    strength: float
    range_m: float
    wall_strength: float
    wall_range_m: float


class Clock(NamedTuple):
    """When people decide."""

    tick_s: float
    most_m: float  # way walked between two decisions where walls or an exit are in sight
    longest: int  # most ticks between two decisions there
    open_most_m: float  # the same in the open
    open_longest: int
    drift_m: float  # way that the change of velocity now decided would make until the next decision


@jit(inline="always", fast=True)
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


@jit()
def headings(n, order, layer, field, x, y, hx, hy):  # type: ignore[no-untyped-def]
    """Write the direction in which each of the `n` people in `order` wants to walk."""
    for p in range(n):
        i = order[p]
        hx[p], hy[p] = desired(field, layer[i], x[i], y[i])


@jit(parallel=True, fast=True)
def move_people(  # type: ignore[no-untyped-def]
    n, order, sx, sy, svx, svy, sdue, start, x0, y0, nx, ny, starts, speed, layer, field, walls,
    doors, stairs, law, oncoming, clock, seed, tick, ticks, x, y, vx, vy, due, still, exit_no, out_s,
    gone,
):
    """Move the `n` people in `order`, sorted by cell, from tick number `tick` on by `ticks`.

    [people]: `starts`: time of setting out, s; `speed`: free speed, m/s; `layer` of the field;
    written: the next places `x`, `y`, velocities `vx`, `vy` and ticks of decision `due`; `still`, who
    makes no way; `exit_no` and `out_s`, the exit crossed and when; `gone`. Copies in sorted order:
    `sx`, `sy` [2, people], read at one tick and written for the next; `svx`, `svy`, `sdue`.
    """
    chunks = (n + CHUNK - 1) // CHUNK
    for chunk in numba.prange(chunks):
        for p in range(chunk * CHUNK, min((chunk + 1) * CHUNK, n)):
            i = order[p]
            sx[0, p], sy[0, p], svx[p], svy[p], sdue[p] = x[i], y[i], vx[i], vy[i], due[i]
    for k in range(ticks):
        if oncoming.hx.size > 0:
            for p in range(n):  # read while those of the next tick are written
                oncoming.vx[p], oncoming.vy[p] = svx[p], svy[p]
        for chunk in numba.prange(chunks):
            near_x, near_y = np.empty(NEAR, np.float32), np.empty(NEAR, np.float32)
            now, here, there = tick + k, k % 2, 1 - k % 2
            px, py, qx, qy = sx[here], sy[here], sx[there], sy[there]
            for p in range(chunk * CHUNK, min((chunk + 1) * CHUNK, n)):
                if sdue[p] <= now:
                    i = order[p]
                    if starts[i] > now * clock.tick_s:
                        sdue[p] = now + 1
                    else:
                        svx[p], svy[p], sdue[p], still[i] = _decide(
                            i, p, now, svx[p], svy[p], near_x, near_y, px, py, start, x0, y0, nx, ny,
                            speed[i], layer[i], field, walls, doors, stairs, law, oncoming, clock, seed,
                            still[i], exit_no, out_s, gone,
                        )
                qx[p] = px[p] + svx[p] * clock.tick_s
                qy[p] = py[p] + svy[p] * clock.tick_s
            if k == ticks - 1:
                for p in range(chunk * CHUNK, min((chunk + 1) * CHUNK, n)):
                    i = order[p]
                    x[i], y[i], vx[i], vy[i], due[i] = qx[p], qy[p], svx[p], svy[p], sdue[p]


@jit(inline="always", fast=True)
def _decide(  # type: ignore[no-untyped-def]
    i, p, now, was_x, was_y, near_x, near_y, sx, sy, start, x0, y0, nx, ny, free, layer, field,
    walls, doors, stairs, law, oncoming, clock, seed, still, exit_no, out_s, gone,
):
    """Velocity of one person from tick `now` on, the tick of the next decision, whether it stands."""
    length = law.length_m
    radius = 0.5 * length
    px, py = sx[p], sy[p]
    wx = min(max(int((px - walls.x0) / WALL_CELL_M), 0), walls.nx - 1)
    wy = min(max(int((py - walls.y0) / WALL_CELL_M), 0), walls.ny - 1)
    first, last = walls.ptr[wy * walls.nx + wx], walls.ptr[wy * walls.nx + wx + 1]
    e0x, e0y = desired(field, layer, px, py)
    count = gather(px, py, sx, sy, start, x0, y0, nx, ny, near_x, near_y)
    ex, ey = e0x, e0y
    beside = False
    for m in range(first, last):
        w = walls.item[m]
        ax, ay = walls.ax[w] - px, walls.ay[w] - py
        bx, by = walls.bx[w] - px, walls.by[w] - py
        dx, dy = nearest(0.0, 0.0, ax, ay, bx, by)
        d = math.sqrt(dx * dx + dy * dy)
        if d < REACH_M + SKIN_M:
            hide(near_x, near_y, count, ax, ay, bx, by)
        if 1e-9 < d < radius + 15.0 * law.wall_range_m:
            beside = True
            push = law.wall_strength * math.exp((radius - d) / law.wall_range_m) / d
            ex += push * dx
            ey += push * dy
    rx, ry, there = repulsion(near_x, near_y, count, law.strength, law.range_m, length)
    ex += rx
    ey += ry
    come, step = 0, min(oncoming.ticks, clock.longest)
    left = right = low = high = 0
    if oncoming.hx.size > 0:
        far = oncoming.sight_m + SKIN_M
        left = min(max(int((px - far - x0) * (1.0 / CELL_X_M)), 0), nx - 1)
        right = min(max(int((px + far - x0) * (1.0 / CELL_X_M)), 0), nx - 1)
        low = min(max(int((py - far - y0) * (1.0 / CELL_Y_M)), 0), ny - 1)
        high = min(max(int((py + far - y0) * (1.0 / CELL_Y_M)), 0), ny - 1)
        ax, ay, come = sidestep(
            i, p, now, px, py, e0x, e0y, sx, sy, start, nx, left, right, low, high, law, oncoming,
            walls, first, last, seed,
        )
        ex += ax
        ey += ay
    norm = math.sqrt(ex * ex + ey * ey)
    if norm > 1e-9:
        ex /= norm
        ey /= norm
    else:
        ex, ey = e0x, e0y
    if come > 0:
        share = min(step * clock.tick_s / oncoming.turn_s, 1.0)
        ex, ey = turned(ex, ey, e0x, e0y, was_x, was_y, share)
    if still:
        turn = math.pi * (uniform1(seed, SIDESTEP, i, now) - 0.5)
        c, d = math.cos(turn), math.sin(turn)
        ex, ey = c * ex - d * ey, d * ex + c * ey
    fx = min(max(int((px - field.x0) / field.h + 0.5), 0), doors.near.shape[1] - 1)
    fy = min(max(int((py - field.y0) / field.h + 0.5), 0), doors.near.shape[0] - 1)
    top = free
    flight = stairs.at[fy, fx]
    if flight > 0:
        climbs = ex * stairs.ux[flight] + ey * stairs.uy[flight] > 0.0
        top *= stairs.up if climbs else stairs.down
    see = top * law.gap_s + length
    if come > 0:
        s = free_way(p, px, py, e0x, e0y, ex, ey, see, sx, sy, start, nx, left, right, low, high, law,
                     oncoming, walls, first, last)
    else:
        s = ahead(near_x, near_y, count, ex, ey, length, see)
    if s > REACH_M and come == 0:
        # Nobody near enough to stop for: look on along the strip.
        far = see + SKIN_M
        left = min(max(int((px - far - x0) * (1.0 / CELL_X_M)), 0), nx - 1)
        right = min(max(int((px + far - x0) * (1.0 / CELL_X_M)), 0), nx - 1)
        low = min(max(int((py - far - y0) * (1.0 / CELL_Y_M)), 0), ny - 1)
        high = min(max(int((py + far - y0) * (1.0 / CELL_Y_M)), 0), ny - 1)
        for row in range(low, high + 1):
            s = headway(ex, ey, px, py, sx, sy, p, start[row * nx + left],
                         start[row * nx + right + 1], length, s, walls, first, last)
    v = min(top, max(BACK_MPS, (s - length) / law.gap_s))
    door = doors.near[fy, fx]
    if first < last or door >= 0:
        most, longest = clock.most_m, clock.longest
    else:
        most, longest = clock.open_most_m, clock.open_longest
    wait = longest
    if there > 0.0 or beside or s < see:
        change = math.sqrt((v * ex - was_x) ** 2 + (v * ey - was_y) ** 2)
        way = min(most / (abs(v) + 1e-9), clock.drift_m / (change + 1e-9))
        wait = max(min(int(way / clock.tick_s), longest), 1)
    if come > 0:
        wait = step
    dt = wait * clock.tick_s
    qx, qy = px + v * dt * ex, py + v * dt * ey
    if first < last:
        qx, qy = clear(px, py, qx, qy, radius, walls, first, last)
    if door >= 0:
        _cross(i, door, px, py, qx, qy, now * clock.tick_s, dt, doors, exit_no, out_s, gone)
    makes_no_way = (qx - px) * e0x + (qy - py) * e0y < STILL_MPS * dt
    return (qx - px) / dt, (qy - py) / dt, now + wait, makes_no_way


@jit(inline="always")
def _cross(i, door, px, py, qx, qy, now, dt, doors, exit_no, out_s, gone):  # type: ignore[no-untyped-def]
    """Note whether the way from p to q leads through an exit, and who is beyond it."""
    before = (px - doors.px[door]) * doors.ox[door] + (py - doors.py[door]) * doors.oy[door]
    after = (qx - doors.px[door]) * doors.ox[door] + (qy - doors.py[door]) * doors.oy[door]
    if exit_no[i] < 0 and before <= 0.0 < after:
        part = before / (before - after)
        at = ((px + part * (qx - px) - doors.px[door]) * doors.tx[door]
              + (py + part * (qy - py) - doors.py[door]) * doors.ty[door])
        if 0.0 <= at <= doors.width_m[door]:
            exit_no[i] = door
            out_s[i] = now + part * dt
    if exit_no[i] >= 0 and before >= OUT_M:
        gone[i] = True
