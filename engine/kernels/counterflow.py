"""Counterflow: how people in the plane meet those who come the other way.

Two rules, both published, take the place of the general repulsion (`engine.kernels.crowd`) between
two persons i and j whose desired directions e0 are more than a right angle apart; nothing else
changes, so that a crowd that walks one way walks as without them.

Sidestep: Xu, Chraibi and Seyfried (2021), "Anticipation in a velocity-based model for pedestrian
dynamics", Transp. Res. C 133: 103464 (arXiv 2107.00624), as in JuPedSim's anticipation velocity model
1.4. Who is in front turns one sideways, by

    a (1 + (1 - e0_i . e0_j) / 2) exp(-max(0, s - l - t (v_i - v_j) . n) / D)

at a right angle to e0_i, away from the side on which j will be after the time t; n points from i to
j, s is their distance. The direction e follows the one wished with the time T_r: de / dt =
(e_wished - e) / T_r. Where the paper takes the direction in which j walks, this takes e0_j, since who
stands has none; and who stands turns at once.

Turned shoulders: they pass, and stop, with a body depth between their centres, not a body breadth.
People turn their shoulders where the way is narrower than two breadths (Yamamoto et al. 2019, Transp.
Res. B 122: 486), and so do the agents of FDS+Evac in counterflow (Heliovaara et al. 2012, Build.
Environ. 48: 89), whose torso is the depth used. Here nobody walks more slowly for it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.kernels._jit import jit
from engine.kernels.crowd_walls import hidden
from engine.rng import STREAMS, uniform1

SIDE = STREAMS["crowd.side"]

F64 = NDArray[np.float64]


class Oncoming(NamedTuple):
    """The rules' parameters, and in which direction everybody wants to walk."""

    hx: F64  # [sorted people] e0; empty where all walk down the same field: nobody comes head on
    hy: F64
    vx: F64  # [sorted people] velocity
    vy: F64
    ahead_s: float  # t
    turn_s: float  # T_r
    sight_m: float  # people further away have no influence
    depth_m: float
    reach_m: float  # of the general repulsion
    walls_m: float  # a wall cell lists walls as far as this
    wall_cell_m: float
    ticks: int  # between two decisions while somebody comes


@jit(fast=True)
def sidestep(  # type: ignore[no-untyped-def]
    i, p, now, px, py, e0x, e0y, sx, sy, start, nx, left, right, low, high, law, oncoming, walls,
    first, last, seed,
):
    """What those who come change in the wished direction, the general repulsion undone; how many come."""
    ax = ay = 0.0
    come = 0
    vx, vy = oncoming.vx[p], oncoming.vy[p]
    for row in range(low, high + 1):
        for q in range(start[row * nx + left], start[row * nx + right + 1]):
            facing = e0x * oncoming.hx[q] + e0y * oncoming.hy[q]
            dx, dy = sx[q] - px, sy[q] - py
            s = math.sqrt(dx * dx + dy * dy)
            if q == p or facing >= 0.0 or s > oncoming.sight_m or s < 1e-6:
                continue
            if first < last and hidden(px, py, sx[q], sy[q], walls, first, last):
                continue
            if s > oncoming.walls_m:  # a wall between is then near the other
                wx = min(max(int((sx[q] - walls.x0) / oncoming.wall_cell_m), 0), walls.nx - 1)
                wy = min(max(int((sy[q] - walls.y0) / oncoming.wall_cell_m), 0), walls.ny - 1)
                c = wy * walls.nx + wx
                if hidden(px, py, sx[q], sy[q], walls, walls.ptr[c], walls.ptr[c + 1]):
                    continue
            dx /= s
            dy /= s
            if s < oncoming.reach_m:
                f = law.strength * math.exp((law.length_m - s) / law.range_m)
                ax += f * dx
                ay += f * dy
            if e0x * dx + e0y * dy < 0.0 and vx * dx + vy * dy <= 0.0:
                continue
            come += 1
            gap = s - law.length_m - oncoming.ahead_s * (
                (vx - oncoming.vx[q]) * dx + (vy - oncoming.vy[q]) * dy)
            f = law.strength * (1.5 - 0.5 * facing) * math.exp(-max(gap, 0.0) / law.range_m)
            side = (e0x * (s * dy + oncoming.ahead_s * oncoming.vy[q])
                    - e0y * (s * dx + oncoming.ahead_s * oncoming.vx[q]))
            if abs(side) < 1e-9:
                side = uniform1(seed, SIDE, i, now) - 0.5
            f = f if side > 0.0 else -f  # on the left: to the right
            ax += f * e0y
            ay -= f * e0x
    return ax, ay, come


@jit(inline="always")
def turned(ex, ey, e0x, e0y, vx, vy, share):  # type: ignore[no-untyped-def]
    """Direction that follows the wished one (ex, ey) from the velocity so far by a share of the way.

    As in JuPedSim, who turns round does it at once.
    """
    v = math.sqrt(vx * vx + vy * vy)
    if v < 0.05 or (e0x * ex + e0y * ey) * (e0x * vx + e0y * vy) < 0.0:
        return ex, ey
    cx = vx / v + share * (ex - vx / v)
    cy = vy / v + share * (ey - vy / v)
    norm = math.sqrt(cx * cx + cy * cy)
    return (cx / norm, cy / norm) if norm > 1e-9 else (ex, ey)


@jit(fast=True)
def free_way(  # type: ignore[no-untyped-def]
    p, px, py, e0x, e0y, ex, ey, see, sx, sy, start, nx, left, right, low, high, law, oncoming, walls,
    first, last,
):
    """Distance, at most `see`, to the nearest in the strip that the own body sweeps.

    The body is a depth wide and long towards those who come, and their distance told as if it were not.
    """
    best = see
    for row in range(low, high + 1):
        for q in range(start[row * nx + left], start[row * nx + right + 1]):
            dx, dy = sx[q] - px, sy[q] - py
            if q == p or dx * ex + dy * ey <= 0.0:
                continue
            faces = e0x * oncoming.hx[q] + e0y * oncoming.hy[q] < 0.0
            body = oncoming.depth_m if faces else law.length_m
            if abs(dx * ey - dy * ex) > body:
                continue
            s = math.sqrt(dx * dx + dy * dy) + law.length_m - body
            if s < best and not (first < last and hidden(px, py, sx[q], sy[q], walls, first, last)):
                best = s
    return best
