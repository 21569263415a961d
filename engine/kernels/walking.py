"""Pedestrians on a street network: density decides speed, parties stay together.

A party is on an arc (arcs 2s and 2s + 1 are street s forward and backward) or stands at a
junction (arc -1) and takes the next arc of its destination from there. Its speed on an arc is

    v = v_free * slope(arc) * street_factor(street) * w(density of the street)

where w(rho) = 1 - exp(-1.913 (1/rho - 1/5.4)) is Weidmann's (1993) relation in Kladek's form
divided by its free speed, so that every party keeps its own free speed on an empty street.
Density is persons over length times width, both directions together, counted at the beginning of
each sub-step of at most 10 s; inside it a party crosses as many arcs as its time allows.

No more people enter a street than it can take: the relation's greatest flow of 1.2249 persons a
second and metre of width below the density of that flow, and the flow at its density beyond (the
receiving flow of the cell transmission model, Daganzo 1995); both directions share it. Who finds a
street full waits at the end of the street behind, which fills in turn. Those who wait go first, in
an order that turns with every sub-step. A party that passes the limit is charged to the next one.

Known limits: w is floored at `FLOOR`, since walking does not stop altogether in dense crowds
(Helbing, Johansson & Al-Abideen 2007 measured speeds above zero at up to 10 persons per m2); the
value is an assumption. Streets shorter than `SHORT_M` count as that long, because a walker crosses
them within one sub-step; junctions hold any number of people.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.kernels._jit import jit

GAMMA = 1.913  #: persons per m2, Weidmann 1993
JAM_PM2 = 5.4  #: persons per m2 at which Weidmann's speed is zero
FLOOR = 0.05  #: least value of w (0.067 m/s at a free speed of 1.34 m/s), assumption
FREE_MPS = 1.34  #: free speed of the relation, Weidmann 1993
MAX_FLOW_PMS = 1.2249  #: greatest flow of the relation, persons a second and metre of width
MAX_FLOW_PM2 = 1.7507  #: density of that flow
SHORT_M = 10.0  #: least length over which density is taken, m
SUBSTEP_MS = 10_000
TURN = 7919  #: rows by which the order of those who wait turns each sub-step (a prime)

#: Why a party does not move, `Moved.state`: it moves or arrived; the next street is closed; no
#: way from its junction; the street it is on has closed.
MOVES, NEXT_CLOSED, NO_WAY, CAUGHT = 0, 1, 2, 3


class WalkNet(NamedTuple):
    """The unchanging network; street of arc a is a >> 1."""

    head: NDArray[np.int32]  # [arcs]
    length_m: NDArray[np.float32]  # [arcs]
    slope_factor: NDArray[np.float64]  # [arcs] speed over the level's
    width_m: NDArray[np.float32]  # [streets]


class Walkers(NamedTuple):
    """State of the parties [parties], changed in place."""

    arc: NDArray[np.int32]  # -1 = at `node`
    offset_m: NDArray[Any]  # float32 or float64, distance from the arc's tail
    node: NDArray[np.int32]  # last junction
    debt: NDArray[np.float64]  # [streets] people let in beyond the street's flow so far


class Moved(NamedTuple):
    """What a call did: `arrived` parties at `arrived_ms`; the rest by row of the call."""

    arrived: NDArray[np.int64]
    arrived_ms: NDArray[np.int64]
    state: NDArray[np.uint8]  # [rows] MOVES, NEXT_CLOSED, NO_WAY or CAUGHT
    passed: NDArray[np.int32]  # [rows] junctions passed
    on_street: NDArray[np.int64]  # [streets] persons there at the end


@jit()
def _count(count, rows, arc, size):  # type: ignore[no-untyped-def]
    """Count persons by street; integers, in one thread."""
    for s in range(count.size):
        count[s] = 0
    for i in range(rows.size):
        a = arc[rows[i]]
        if a >= 0:
            count[a >> 1] += size[rows[i]]


@jit(inline="always")
def crowd_factor(density):  # type: ignore[no-untyped-def]
    """Return w of a density in persons per m2, not floored below `FLOOR`."""
    if density <= 0.0:
        return 1.0
    if density >= JAM_PM2:
        return FLOOR
    return max(1.0 - math.exp(-GAMMA * (1.0 / density - 1.0 / JAM_PM2)), FLOOR)


@jit()
def _supply(crowd, room, count, length, width, factor, debt, dt_s):  # type: ignore[no-untyped-def]
    """Set the speed factor of each street and the persons that may enter it within `dt_s`."""
    for s in range(count.size):
        across = max(float(width[s]), 0.5)
        density = count[s] / (max(float(length[2 * s]), SHORT_M) * across)
        crowd[s] = crowd_factor(density)
        flow = MAX_FLOW_PMS
        if density > MAX_FLOW_PM2:
            flow = min(density, JAM_PM2) * FREE_MPS * crowd[s]
        room[s] = flow * across * float(factor[s]) * dt_s - debt[s]


@jit()
def _move(  # type: ignore[no-untyped-def]
    arc, offset, node, debt, arrived_ms, state, passed, waits, crowd, room, rows, s0_ms, s1_ms,
    count, head, length, slope, width, factor, free, size, dest, start_ms, next_arc, target, caught,
):
    """Move every party over one sub-step [s0, s1).

    `waits` [rows], `crowd` and `room` [streets] are scratch.
    """
    _supply(crowd, room, count, length, width, factor, debt, (s1_ms - s0_ms) * 1e-3)
    n = rows.size
    shift = (s0_ms // SUBSTEP_MS) * TURN % n if n else 0
    for i in range(n):
        p = rows[i]
        a = arc[p]
        waits[i] = start_ms[p] < s0_ms if a < 0 else offset[p] >= length[a]
    for turn in range(2):
        for j in range(n):
            i = j + shift
            if i >= n:
                i -= n
            p = rows[i]
            begin = max(s0_ms, start_ms[p])
            if waits[i] != (turn == 0) or arrived_ms[i] >= 0 or begin >= s1_ms:
                continue
            _walk(p, i, begin, s1_ms, arc, offset, node, arrived_ms, state, passed, crowd, room,
                  head, length, slope, factor, free, size, dest, next_arc, target, caught)
    for s in range(count.size):
        debt[s] = max(-room[s], 0.0)


@jit(inline="always")
def _walk(  # type: ignore[no-untyped-def]
    p, i, begin_ms, s1_ms, arc, offset, node, arrived_ms, state, passed, crowd, room, head, length,
    slope, factor, free, size, dest, next_arc, target, caught,
):
    """Move party p (row i) from `begin_ms` to `s1_ms`."""
    left = (s1_ms - begin_ms) * 1e-3
    a, n, d = arc[p], node[p], dest[p]
    x = float(offset[p])
    behind, behind_node = np.int64(-1), n  # arc that was walked last, to wait at its end
    why = MOVES
    while True:
        if a < 0:
            if target[d, n]:
                arrived_ms[i] = s1_ms - np.int64(math.floor(left * 1000.0 + 0.5))
                break
            ahead = next_arc[d, n]
            if ahead < 0:
                why = NO_WAY
                break
            if factor[ahead >> 1] <= 0.0:
                why = NEXT_CLOSED
                break
            if room[ahead >> 1] <= 0.0:
                if behind >= 0:
                    a, n, x = behind, behind_node, float(length[behind])
                    passed[i] -= 1
                break
            room[ahead >> 1] -= size[p]
            a, x = ahead, 0.0
        s = a >> 1
        whole = float(length[a])
        f = float(factor[s])
        if f <= 0.0:
            why = CAUGHT
            if x < 0.5 * whole:  # back to the nearer end
                a ^= 1
                x = whole - x
            f = float(caught)
        v = free[p] * slope[a] * f * crowd[s]
        if v * left < whole - x or v <= 0.0:
            x += v * left
            break
        left = max(left - (whole - x) / v, 0.0)
        behind, behind_node = np.int64(a), n
        n = head[a]
        a = -1
        x = 0.0
        why = MOVES
        passed[i] += 1
    arc[p] = a
    node[p] = n
    offset[p] = x
    state[i] = why


def advance_walkers(
    walkers: Walkers,
    rows: ArrayLike,
    t0_ms: int,
    t1_ms: int,
    *,
    net: WalkNet,
    street_factor: NDArray[Any],
    free_speed_mps: NDArray[Any],
    size: NDArray[Any],
    dest: NDArray[np.int16],
    next_arc: NDArray[np.int32],
    target: NDArray[np.bool_],
    start_ms: NDArray[np.int64] | None = None,
    caught_factor: float = 0.3,
) -> Moved:
    """Advance the parties `rows` over [t0, t1) and return what happened.

    - walkers: arrays [parties], changed in place; arc -1 = at its junction, tries again each call.
    - rows: [n] parties on foot; free_speed_mps, size, dest: [parties].
    - street_factor: [streets] speed over its dry, clear value, 0 = closed.
    - next_arc, target: [destinations, nodes] arc to take (-1 = none), whether it is a goal.
    - start_ms: [parties] a party that begins later than t0 moves from then on.
    - caught_factor: factor on a street that closed under a party, which then walks to the nearer
      end; 0 = stays. The default is an assumption.
    - Arrival times are whole ms in [t0, t1], rounded from exact crossing times.
    """
    index = np.ascontiguousarray(rows, dtype=np.int64)
    n = index.size
    arrived_ms = np.full(n, -1, np.int64)
    state = np.zeros(n, np.uint8)
    passed = np.zeros(n, np.int32)
    waits = np.zeros(n, np.bool_)
    count = np.zeros(net.width_m.size, np.int64)
    crowd, room = np.empty(net.width_m.size), np.empty(net.width_m.size)
    start = np.zeros(walkers.arc.size, np.int64) if start_ms is None else start_ms
    steps = max(-(-(t1_ms - t0_ms) // SUBSTEP_MS), 1)
    for k in range(steps):
        s0 = t0_ms + (t1_ms - t0_ms) * k // steps
        s1 = t0_ms + (t1_ms - t0_ms) * (k + 1) // steps
        _count(count, index, walkers.arc, size)
        _move(walkers.arc, walkers.offset_m, walkers.node, walkers.debt, arrived_ms, state, passed,
              waits, crowd, room, index, s0, s1, count, net.head, net.length_m, net.slope_factor,
              net.width_m, street_factor, free_speed_mps, size, dest, start, next_arc, target,
              float(caught_factor))
    _count(count, index, walkers.arc, size)
    there = arrived_ms >= 0
    return Moved(index[there], arrived_ms[there], state, passed, count)
