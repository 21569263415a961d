"""People in the plane: the anticipation velocity model with half-planes that forbid overlap.

Model. A person's direction turns away from those it will meet, and its speed follows the gap ahead
(Xu, Chraibi and Seyfried 2021, "Anticipation in a velocity-based model for pedestrian dynamics",
Transportation Research Part C 133: 103464, built on the collision-free speed model of Tordeux,
Chraibi and Seyfried 2016):

- Seen are the neighbours in the half-plane ahead of the wish d or of the heading e.
- Neighbour j pushes sideways, perpendicular to d and away from where j will be after
  `ANTICIPATION_S`, with strength K exp(-r / D), r = s - 2 R - (v_i - v_j).n `ANTICIPATION_S`, at
  least 0. K grows from `STRENGTH` for one who walks the same way to `AGAINST` for one who comes.
- The heading follows the sum within `REACTION_S`.
- Speed = min(free speed, (s - l) / T), s the distance of the nearest one in a strip ahead. The
  authors' strip is as wide as l; here it is about as wide as two bodies that would touch.

What is added so that a step of 0.2 s stays sound for any crowd: the displacement u of a step obeys
u.n <= (s - c) / 2 towards each neighbour and u.n <= distance - w towards each wall. Since both
partners keep to their half, no two bodies come closer than c; since a wall lies beyond the tangent
in its nearest point, nobody comes closer to it than w, whatever the step. u is the wish projected on
those half-planes in turn, then shortened until all hold. Everybody reads the state before the step
and writes only its own row, so the result does not depend on the number of threads.

Two rules against gridlock. Bodies may lock in an arch before a door: whoever is held for `HELD_S`
gives way with one slow step to a side drawn at random. People with different exits who face each
other squeeze past, at `EXCHANGE_SHARE` of their speed and without the distance c between the two, the
continuous form of the place exchange of Blue and Adler (2001, Transportation Research Part B 35:
293-312). Who meets the exact middle of another's future turns to the side it was drawn to prefer.

Known limits: no pushing, falling or groups. Standing queues close up to l, about 6 persons/m2.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from engine.kernels._jit import jit
from engine.kernels.floor_field import crosses, nearest_on
from engine.rng import STREAMS, uniform1

#: D, radius, anticipation, reaction: Xu, Chraibi and Seyfried 2021 as in JuPedSim 1.4.
RANGE_M, RADIUS_M = 0.1, 0.2
ANTICIPATION_S, REACTION_S = 1.0, 0.3
#: K, l, T and the strip's half-width: calibrated here so that a stream in a corridor walks at
#: Weidmann's (1993) speeds (tests/crowd/test_density_speed.py). With JuPedSim's K = 8 and steps of
#: 0.2 s everybody dodges almost at right angles and a stream of 0.5 persons/m2 walks at 0.8 m/s.
STRENGTH, LENGTH_M, GAP_S, STRIP_M = 0.3, 0.42, 0.60, 0.27
AGAINST = 1.0  #: K for one who comes towards; an assumption
#: People who face each other squeeze past at this share of their free speed; an assumption.
EXCHANGE_SHARE = 0.3
#: Flow on steps over flow on the level: 66 and 82 persons a metre and minute, Green Guide.
STEPPED = 66.0 / 82.0
#: Least distance of two body centres, about the depth of a body, and of a centre from a wall, SFPE's
#: boundary layer of a door. The first is an assumption.
CONTACT_M, WALL_M = 0.30, 0.15
#: How far a standing person looks, and everybody at most, m.
LOOK_M, FAR_M = 0.85, 3.0
#: Gaps beyond this never bind the speed at a free speed up to 2 m/s.
AHEAD_M = LENGTH_M + 2.0 * GAP_S
CHUNK = 128  #: people one thread takes at a time
NEAR = 160  #: neighbours kept for the gap ahead and the half-planes
ROUNDS = 3  #: projections on all half-planes

#: Whoever bodies hold in place for so many steps gives way: one slow step to a side drawn at random.
HELD_S, YIELD_MPS = 1.6, 0.2
STREAM_YIELD = STREAMS["crowd.yield"]

#: Columns of a person's state: place, velocity, heading, seconds it has been held, draws it has made.
X, Y, VX, VY, EX, EY, HELD, DRAWS = 0, 1, 2, 3, 4, 5, 6, 7
FREE, START, SIDE, GOAL = 0, 1, 2, 3  #: columns of a person's traits


@jit()
def sort_into_cells(order, start, people, rows, state, x0, y0, cell, columns):  # type: ignore[no-untyped-def]
    """Order `rows` by the cell they are in; `people` gets their states in that order."""
    cells = start.size - 1
    for c in range(cells + 1):
        start[c] = 0
    for k in range(rows.size):
        c = int((state[rows[k], Y] - y0) / cell) * columns + int((state[rows[k], X] - x0) / cell)
        start[c + 1] += 1
    for c in range(cells):
        start[c + 1] += start[c]
    for k in range(rows.size):
        p = rows[k]
        c = int((state[p, Y] - y0) / cell) * columns + int((state[p, X] - x0) / cell)
        at = start[c]
        start[c] += 1
        order[at] = p
        people[at] = state[p]
    for c in range(cells, 0, -1):
        start[c] = start[c - 1]
    start[0] = 0


@jit(inline="always")
def hidden(xi, yi, xj, yj, walls, listed, lo, hi):  # type: ignore[no-untyped-def]
    """Whether a wall of the list stands between two points."""
    for w in range(lo, hi):
        s = listed[w]
        if crosses(xi, yi, xj, yj, walls[s, 0], walls[s, 1], walls[s, 2], walls[s, 3]):
            return True
    return False


@jit(inline="always")
def shorten(ux, uy, near, n):  # type: ignore[no-untyped-def]
    """Project the step on the half-planes near[:n] (columns nx, ny, bound), then shorten it."""
    for _ in range(ROUNDS):
        moved = False
        for k in range(n):
            over = ux * near[k, 3] + uy * near[k, 4] - near[k, 5]
            if over > 0.0:
                # A hair beyond, so that rounding does not leave the constraint violated.
                ux -= (over + 1e-7) * near[k, 3]
                uy -= (over + 1e-7) * near[k, 4]
                moved = True
        if not moved:
            return ux, uy
    scale = 1.0
    for k in range(n):
        along = ux * near[k, 3] + uy * near[k, 4]
        if along > near[k, 5]:
            scale = min(scale, near[k, 5] / along)
    return ux * scale, uy * scale


@jit(parallel=True)
def step(  # type: ignore[no-untyped-def]
    state, order, people, start, scratch, trait, seed, now, dt, x0, y0, cell, columns,
    way, floor_cell, floor_exit, floor_stair, stairs, exits, exit_of_goal,
    walls, wall_start, wall_list, wall_columns,
):
    """Move everybody in `order` by one step of `dt` seconds; `state` gets the new rows.

    - people [n, 8], start [cells + 1]: from `sort_into_cells`.
    - way [goals, 2, rows, columns]: direction of the floor field; floor_exit, floor_stair: number
      of the exit within sight close by, of the stair, or -1.
    - stairs [n, 4]: uphill unit vector, speed factors up and down.
    - wall_start, wall_list: walls that matter in each square metre.
    """
    n = order.size
    chunks = (n + CHUNK - 1) // CHUNK
    for chunk in numba.prange(chunks):
        _some(chunk * CHUNK, min(n, (chunk + 1) * CHUNK), scratch[chunk], state, order, people, start,
              trait, seed, now, dt, x0, y0, cell, columns, way, floor_cell, floor_exit,
              floor_stair, stairs, exits, exit_of_goal, walls, wall_start, wall_list, wall_columns)


@jit()
def _some(  # type: ignore[no-untyped-def]
    first, last, near, state, order, people, start, trait, seed, now, dt, x0, y0, cell,
    columns, way, floor_cell, floor_exit, floor_stair, stairs, exits, exit_of_goal,
    walls, wall_start, wall_list, wall_columns,
):
    """Move the people order[first:last]."""
    for k in range(first, last):
        p = order[k]
        x, y = people[k, X], people[k, Y]
        vx, vy, ex, ey = people[k, VX], people[k, VY], people[k, EX], people[k, EY]
        if now < trait[p, START]:
            state[p, VX], state[p, VY] = 0.0, 0.0
            continue
        goal = int(trait[p, GOAL])
        fi, fj = int((y - y0) / floor_cell), int((x - x0) / floor_cell)
        dx, dy = way[goal, 0, fi, fj], way[goal, 1, fi, fj]
        door = floor_exit[fi, fj]
        if door >= 0 and exit_of_goal[goal, door]:
            tx, ty = nearest_on(x, y, exits[door, 0], exits[door, 1], exits[door, 2], exits[door, 3])
            norm = math.hypot(tx - x, ty - y)
            if norm > 0.0:
                dx, dy = (tx - x) / norm, (ty - y) / norm
        if ex == 0.0 and ey == 0.0:
            ex, ey = dx, dy
        free = trait[p, FREE]
        gap_s = GAP_S
        stair = floor_stair[fi, fj]
        if stair >= 0:
            up = stairs[stair, 0] * dx + stairs[stair, 1] * dy > 0.0
            free *= stairs[stair, 2] if up else stairs[stair, 3]
            gap_s /= STEPPED

        wall_cell = int(y - y0) * wall_columns + int(x - x0)
        w0, w1 = wall_start[wall_cell], wall_start[wall_cell + 1]
        speed = math.sqrt(vx * vx + vy * vy)
        look = min(max(LOOK_M, 2.0 * RADIUS_M + 0.6 + 2.0 * ANTICIPATION_S * speed), FAR_M)
        contact = CONTACT_M + 2.0 * dt * free + 0.01
        kept = max(min(look, AHEAD_M), contact)
        look = max(look, contact)
        push = 0.0
        m = 0
        i0 = max(int((y - look - y0) / cell), 0)
        i1 = int((y + look - y0) / cell)
        j0 = max(int((x - look - x0) / cell), 0)
        j1 = min(int((x + look - x0) / cell), columns - 1)
        last_row = (start.size - 1) // columns - 1
        for i in range(i0, min(i1, last_row) + 1):
            for q in range(start[i * columns + j0], start[i * columns + j1 + 1]):
                if q == k:
                    continue
                rx, ry = people[q, X] - x, people[q, Y] - y
                s2 = rx * rx + ry * ry
                if s2 > look * look:
                    continue
                s = math.sqrt(s2)
                if s < 1e-9:
                    continue
                nx, ny = rx / s, ry / s
                if s <= kept and m < NEAR:
                    near[m, 0], near[m, 1], near[m, 2] = rx, ry, s
                    near[m, 3], near[m, 4] = nx, ny
                    faces = dx * people[q, EX] + dy * people[q, EY] < 0.0
                    near[m, 5] = 1.0 if faces and trait[order[q], GOAL] != goal else 0.0
                    m += 1
                if dx * nx + dy * ny < 0.0 and ex * nx + ey * ny < 0.0:
                    continue
                closing = (vx - people[q, VX]) * nx + (vy - people[q, VY]) * ny
                r = max(s - 2.0 * RADIUS_M - closing * ANTICIPATION_S, 0.0)
                facing = 0.5 * (1.0 - dx * people[q, EX] - dy * people[q, EY])
                if r > 0.25 + 0.35 * facing:  # turns by less than 2 degrees
                    continue
                if w1 > w0 and hidden(x, y, x + rx, y + ry, walls, wall_list, w0, w1):
                    continue
                side = -dy * (rx + people[q, VX] * ANTICIPATION_S) + dx * (
                    ry + people[q, VY] * ANTICIPATION_S)
                away = trait[p, SIDE] if abs(side) < 1e-6 else (-1.0 if side > 0.0 else 1.0)
                push += away * (STRENGTH + (AGAINST - STRENGTH) * facing) * math.exp(-r / RANGE_M)

        # Turn.
        gx, gy = dx - push * dy, dy + push * dx
        norm = math.sqrt(gx * gx + gy * gy)
        if norm > 0.0:
            gx, gy = gx / norm, gy / norm
        if (dx * gx + dy * gy) * (dx * ex + dy * ey) >= 0.0:
            turn = min(dt / REACTION_S, 1.0)
            gx, gy = ex + (gx - ex) * turn, ey + (gy - ey) * turn
            norm = math.sqrt(gx * gx + gy * gy)
            if norm > 1e-9:
                gx, gy = gx / norm, gy / norm
            else:
                gx, gy = dx, dy
        # Gap ahead. Who gives way keeps the distance l all round, so that queues do not close up.
        yields = people[k, HELD] >= HELD_S - 1e-9
        gap = min(look, AHEAD_M)
        planes = 0
        exchange = False
        for q in range(m):
            rx, ry, s = near[q, 0], near[q, 1], near[q, 2]
            if near[q, 5] > 0.0:  # they exchange places
                if s < LENGTH_M and rx * gx + ry * gy > 0.0:
                    exchange = True
                continue
            if s < gap and rx * gx + ry * gy > 0.0 and abs(rx * gy - ry * gx) <= STRIP_M and not (
                    w1 > w0 and hidden(x, y, x + rx, y + ry, walls, wall_list, w0, w1)):
                gap = s
            if s <= contact:  # kept in place: the list is read from its front
                near[planes, 3], near[planes, 4] = near[q, 3], near[q, 4]
                near[planes, 5] = max(0.5 * (s - (LENGTH_M if yields else CONTACT_M)), 0.0)
                planes += 1
        pace = min(free, max((gap - LENGTH_M) / gap_s, 0.0))
        if exchange:
            pace = min(pace, EXCHANGE_SHARE * free)
        reach = pace * dt + WALL_M
        for w in range(w0, w1):
            a = wall_list[w]
            tx, ty = nearest_on(x, y, walls[a, 0], walls[a, 1], walls[a, 2], walls[a, 3])
            s = math.sqrt((tx - x) * (tx - x) + (ty - y) * (ty - y))
            if s < reach and s > 1e-9 and planes < near.shape[0]:
                near[planes, 3], near[planes, 4] = (tx - x) / s, (ty - y) / s
                near[planes, 5] = max(s - WALL_M, 0.0)
                planes += 1
        held, draws = people[k, HELD], people[k, DRAWS]
        wx, wy = gx, gy
        if yields:
            turn = 2.0 * math.pi * uniform1(seed, STREAM_YIELD, p, int(draws))
            wx, wy, pace, held = math.cos(turn), math.sin(turn), YIELD_MPS, 0.0
            draws += 1.0
        ux, uy = shorten(pace * dt * wx, pace * dt * wy, near, planes)
        held = held + dt if math.sqrt(ux * ux + uy * uy) < 0.05 * dt else 0.0
        state[p, HELD], state[p, DRAWS] = held, draws
        state[p, X], state[p, Y] = x + ux, y + uy
        state[p, VX], state[p, VY] = ux / dt, uy / dt
        state[p, EX], state[p, EY] = gx, gy


@jit()
def through_exits(door, state, before, order, exits, floor_exit, x0, y0, floor_cell, near_m):  # type: ignore[no-untyped-def]
    """Set door[k] to the exit that person order[k] has reached in this step, or -1."""
    for k in range(order.size):
        p = order[k]
        door[k] = -1
        bx, by, x, y = before[k, X], before[k, Y], state[p, X], state[p, Y]
        e = floor_exit[int((by - y0) / floor_cell), int((bx - x0) / floor_cell)]
        if e < 0:
            e = floor_exit[int((y - y0) / floor_cell), int((x - x0) / floor_cell)]
        if e < 0:
            continue
        tx, ty = nearest_on(x, y, exits[e, 0], exits[e, 1], exits[e, 2], exits[e, 3])
        if math.hypot(tx - x, ty - y) <= near_m or crosses(
                bx, by, x, y, exits[e, 0], exits[e, 1], exits[e, 2], exits[e, 3]):
            door[k] = e


@jit()
def list_walls(count, listed, walls, x0, y0, columns, reach):  # type: ignore[no-untyped-def]
    """For each square metre, the walls within `reach` of it; with `listed` empty only count them.

    `count` [cells + 1] holds sizes at [1:] after counting, starts when listing.
    """
    rows = (count.size - 1) // columns
    filling = listed.size > 0
    for w in range(walls.shape[0]):
        ax, ay, bx, by = walls[w, 0], walls[w, 1], walls[w, 2], walls[w, 3]
        i0 = max(int(min(ay, by) - reach - y0), 0)
        i1 = min(int(max(ay, by) + reach - y0), rows - 1)
        j0 = max(int(min(ax, bx) - reach - x0), 0)
        j1 = min(int(max(ax, bx) + reach - x0), columns - 1)
        for i in range(i0, i1 + 1):
            for j in range(j0, j1 + 1):
                tx, ty = nearest_on(x0 + j + 0.5, y0 + i + 0.5, ax, ay, bx, by)
                far = math.hypot(tx - x0 - j - 0.5, ty - y0 - i - 0.5)
                if far > reach + 0.7072:
                    continue
                c = i * columns + j
                if filling:
                    listed[count[c]] = w
                    count[c] += 1
                else:
                    count[c + 1] += 1


def scratch_for(people: int) -> np.ndarray:
    """Working space of `step` for at most `people` persons."""
    chunks = (people + CHUNK - 1) // CHUNK
    return np.zeros((max(chunks, 1), NEAR + 64, 6))
