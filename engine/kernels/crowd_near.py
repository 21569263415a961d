"""People near one another: sorted by cell, repulsion, the nearest in the strip a body sweeps."""

from __future__ import annotations

import math

import numba
import numpy as np

from engine.kernels._jit import jit
from engine.kernels.crowd_walls import hidden

REACH_M = 1.0  #: repulsion of persons further away is left out
CELL_X_M, CELL_Y_M = 0.5, 1.1  #: cells that hold people: wide in y, so that few runs hold the near ones
SKIN_M = 0.1  #: a neighbour may have walked this far since people were sorted
NEAR = 512  #: most people in the cells round one
PIECE = 4096  #: people whose cells a parallel task looks up
LANES = 16  #: numbers a loop handles at once; lists of neighbours are filled up to it
FAR_M = 1e3  #: where those stand that fill up a list


@jit(parallel=True)
def sort_people(rows, n, gone, x, y, x0, y0, nx, ny, start, cell, order):  # type: ignore[no-untyped-def]
    """Sort those of the first `n` people in `rows` who are not gone by cell; returns their number.

    Written: `order`, their rows; `start` [cells + 2], where each cell begins.
    """
    pieces = (n + PIECE - 1) // PIECE
    for piece in numba.prange(pieces):
        for k in range(piece * PIECE, min((piece + 1) * PIECE, n)):
            i = rows[k]
            cx = min(max(int((x[i] - x0) * (1.0 / CELL_X_M)), 0), nx - 1)
            cy = min(max(int((y[i] - y0) * (1.0 / CELL_Y_M)), 0), ny - 1)
            cell[k] = -1 if gone[i] else cy * nx + cx
    start[:] = 0
    left = 0
    for k in range(n):
        c = cell[k]
        if c >= 0:
            start[c + 2] += 1
            left += 1
    for c in range(2, start.size):
        start[c] += start[c - 1]
    # start[c + 1] runs on from where cell c begins to where it ends, that is where c + 1 begins.
    for k in range(n):
        c = cell[k]
        if c >= 0:
            order[start[c + 1]] = rows[k]
            start[c + 1] += 1
    return left


@jit(inline="always", fast=True)
def headway(ex, ey, px, py, sx, sy, me, lo, hi, length, best, walls, first, last):  # type: ignore[no-untyped-def]
    """Nearest of sorted people lo..hi in the strip that a body sweeps, or `best` if nearer."""
    for q in range(lo, hi):
        dx = sx[q] - px
        dy = sy[q] - py
        along = dx * ex + dy * ey
        if along <= 0.0 or q == me or abs(dx * ey - dy * ex) > length:
            continue
        s = math.sqrt(dx * dx + dy * dy)
        if s < best and not (first < last and hidden(px, py, sx[q], sy[q], walls, first, last)):
            best = s
    return best


@jit(inline="always", fast=True)
def gather(px, py, sx, sy, start, x0, y0, nx, ny, near_x, near_y):  # type: ignore[no-untyped-def]
    """Copy side by side where people near (px, py) stand from there; returns their number."""
    reach = REACH_M + SKIN_M
    left = min(max(int((px - reach - x0) * (1.0 / CELL_X_M)), 0), nx - 1)
    right = min(max(int((px + reach - x0) * (1.0 / CELL_X_M)), 0), nx - 1)
    cy = min(max(int((py - y0) * (1.0 / CELL_Y_M)), 0), ny - 1)
    count = 0
    for row in range(max(cy - 1, 0), min(cy + 2, ny)):
        lo, hi = start[row * nx + left], start[row * nx + right + 1]
        hi = min(hi, lo + NEAR - LANES - count)
        # Unsigned, so that no index needs a look whether it counts from the end.
        to = np.uintp(count) - np.uintp(lo)
        for q in range(np.uintp(lo), np.uintp(hi)):
            near_x[q + to] = np.float32(sx[q] - px)
            near_y[q + to] = np.float32(sy[q] - py)
        count += hi - lo
    for k in range(LANES):
        near_x[count + k] = FAR_M
        near_y[count + k] = FAR_M
    return (count + LANES - 1) // LANES * LANES


@jit(inline="always", fast=True)
def hide(near_x, near_y, count, ax, ay, bx, by):  # type: ignore[no-untyped-def]
    """Move away who stands behind a wall, its ends as seen from the own place."""
    ax, ay, bx, by = np.float32(ax), np.float32(ay), np.float32(bx), np.float32(by)
    own = ay * (bx - ax) - ax * (by - ay)
    for m in range(count):
        dx, dy = near_x[m], near_y[m]
        theirs = (ay - dy) * (bx - ax) - (ax - dx) * (by - ay)
        hidden = (own * theirs < 0.0) & ((dx * ay - dy * ax) * (dx * by - dy * bx) < 0.0)
        near_x[m] = np.float32(FAR_M) if hidden else dx


@jit(inline="always", fast=True)
def repulsion(near_x, near_y, count, strength, range_m, length):  # type: ignore[no-untyped-def]
    """Sum of a exp((l - s) / D) n over people within REACH_M, and how many they are.

    exp(z) is (1 + u + u^2/2 + u^3/6 + u^4/24)^64 with u = z / 64: to 1e-5, and done side by side.
    """
    one, none = np.float32(1.0), np.float32(0.0)
    least, reach2 = np.float32(1e-6), np.float32(REACH_M * REACH_M)
    scale = np.float32(1.0 / (64.0 * range_m))
    body = np.float32(length)
    half, third, fourth = np.float32(0.5), np.float32(1.0 / 3.0), np.float32(0.25)
    ex = ey = there = none
    for m in range(count):
        dx, dy = near_x[m], near_y[m]
        d2 = dx * dx + dy * dy
        near = (d2 < reach2) & (d2 > least)
        d2 = d2 if near else one
        s = np.sqrt(d2)
        u = (body - s) * scale
        f = one + u * (one + half * u * (one + third * u * (one + fourth * u)))
        f *= f
        f *= f
        f *= f
        f *= f
        f *= f
        f *= f
        f = f / s if near else none
        there += one if near else none
        ex += f * dx
        ey += f * dy
    return -strength * ex, -strength * ey, there


@jit(inline="always", fast=True)
def ahead(near_x, near_y, count, ex, ey, length, see):  # type: ignore[no-untyped-def]
    """Distance, at most `see`, to the nearest in the strip that a body sweeps.

    The compiler takes the least of integers side by side, that of floats not: hence the scale.
    """
    ex, ey, l2 = np.float32(ex), np.float32(ey), np.float32(length * length)
    see2, least, scale = np.float32(see * see), np.float32(1e-6), np.float32(2.0**24)
    best = np.int32(see2 * scale)
    for m in range(count):
        dx, dy = near_x[m], near_y[m]
        across = dx * ey - dy * ex
        d2 = dx * dx + dy * dy
        hit = (dx * ex + dy * ey > least) & (across * across <= l2) & (d2 < see2)
        best = min(best, np.int32((d2 if hit else see2) * scale))
    return math.sqrt(best / 2.0**24)
