"""Travel time to the exits of a venue on a grid: the eikonal equation by fast marching.

|grad T| = slowness, T = 0 at the exits (Sethian 1996, "A fast marching level set method for
monotonically advancing fronts", PNAS 93: 1591-1595; first-order upwind scheme on four neighbours).
A wall is no cell but cuts the links between cell centres that it crosses, so walls may be thinner
than a cell. Cells whose centre lies closer to a wall than a body can come are closed to the march;
they get a direction from the open cells they are linked with, because a person may stand in such a
cell beside its centre.
"""

from __future__ import annotations

import math

import numpy as np

from engine.kernels._jit import jit

TOUCH = 1e-9  #: m (or m2): what counts as touching
RIGHT, UP = 1, 2  #: bits of `cut`: the link to the right or upper neighbour crosses a wall
#: Cells beside the open ones that get a direction, in cells.
FRINGE = 3


@jit(inline="always")
def crosses(ax, ay, bx, by, cx, cy, dx, dy):  # type: ignore[no-untyped-def]
    """Whether segment a-b meets segment c-d (touching counts)."""
    rx, ry = bx - ax, by - ay
    c = rx * (cy - ay) - ry * (cx - ax)
    d = rx * (dy - ay) - ry * (dx - ax)
    if (c > TOUCH and d > TOUCH) or (c < -TOUCH and d < -TOUCH):
        return False
    sx, sy = dx - cx, dy - cy
    a = sx * (ay - cy) - sy * (ax - cx)
    b = sx * (by - cy) - sy * (bx - cx)
    if (a > TOUCH and b > TOUCH) or (a < -TOUCH and b < -TOUCH):
        return False
    # On one line they meet where their boxes do; otherwise each has its ends on both sides.
    return (max(ax, bx) >= min(cx, dx) - TOUCH and max(cx, dx) >= min(ax, bx) - TOUCH
            and max(ay, by) >= min(cy, dy) - TOUCH and max(cy, dy) >= min(ay, by) - TOUCH)


@jit(inline="always")
def nearest_on(px, py, ax, ay, bx, by):  # type: ignore[no-untyped-def]
    """The point of segment a-b nearest to p."""
    dx, dy = bx - ax, by - ay
    length2 = dx * dx + dy * dy
    t = 0.0
    if length2 > 0.0:
        t = min(max(((px - ax) * dx + (py - ay) * dy) / length2, 0.0), 1.0)
    return ax + t * dx, ay + t * dy


@jit()
def draw_walls(clear, cut, walls, x0, y0, cell, reach):  # type: ignore[no-untyped-def]
    """Lower `clear` [rows, columns] to the distance from the walls [n, 4]; set the bits of `cut`.

    Distances above `reach` are left as they are.
    """
    rows, columns = clear.shape
    for w in range(walls.shape[0]):
        ax, ay, bx, by = walls[w, 0], walls[w, 1], walls[w, 2], walls[w, 3]
        grow = reach + cell
        i0 = max(int((min(ay, by) - grow - y0) / cell), 0)
        i1 = min(int((max(ay, by) + grow - y0) / cell) + 1, rows)
        j0 = max(int((min(ax, bx) - grow - x0) / cell), 0)
        j1 = min(int((max(ax, bx) + grow - x0) / cell) + 1, columns)
        for i in range(i0, i1):
            cy = y0 + (i + 0.5) * cell
            for j in range(j0, j1):
                cx = x0 + (j + 0.5) * cell
                nx, ny = nearest_on(cx, cy, ax, ay, bx, by)
                d = math.hypot(cx - nx, cy - ny)
                if d > grow:
                    continue
                clear[i, j] = min(clear[i, j], d)
                if d <= cell:
                    if crosses(cx, cy, cx + cell, cy, ax, ay, bx, by):
                        cut[i, j] |= RIGHT
                    if crosses(cx, cy, cx, cy + cell, ax, ay, bx, by):
                        cut[i, j] |= UP


@jit(inline="always")
def linked(cut, i, j, way):  # type: ignore[no-untyped-def]
    """Row and column of the neighbour in direction `way` (0 right, 1 up, 2 left, 3 down), or -1."""
    if way == 0:
        if j + 1 < cut.shape[1] and not cut[i, j] & RIGHT:
            return i, j + 1
    elif way == 1:
        if i + 1 < cut.shape[0] and not cut[i, j] & UP:
            return i + 1, j
    elif way == 2:
        if j > 0 and not cut[i, j - 1] & RIGHT:
            return i, j - 1
    elif i > 0 and not cut[i - 1, j] & UP:
        return i - 1, j
    return -1, -1


@jit()
def _sift_up(heap, key, k):  # type: ignore[no-untyped-def]
    while k > 0:
        up = (k - 1) >> 1
        if key[up] < key[k] or (key[up] == key[k] and heap[up] <= heap[k]):
            break
        heap[up], heap[k] = heap[k], heap[up]
        key[up], key[k] = key[k], key[up]
        k = up


@jit()
def _sift_down(heap, key, size):  # type: ignore[no-untyped-def]
    k = 0
    while True:
        least = k
        for child in (2 * k + 1, 2 * k + 2):
            if child < size and (key[child] < key[least] or (
                    key[child] == key[least] and heap[child] < heap[least])):
                least = child
        if least == k:
            return
        heap[least], heap[k] = heap[k], heap[least]
        key[least], key[k] = key[k], key[least]
        k = least


@jit()
def march(time, cut, is_open, slow, cell):  # type: ignore[no-untyped-def]
    """Complete `time` [rows, columns] s: finite where the march begins, infinite elsewhere.

    `slow` is the time a metre takes, s/m. Ties are broken by cell number.
    """
    rows, columns = time.shape
    done = np.zeros((rows, columns), np.bool_)
    room = 4 * rows * columns + 16
    heap = np.empty(room, np.int64)
    key = np.empty(room, np.float64)
    size = 0
    for i in range(rows):
        for j in range(columns):
            if time[i, j] < np.inf and is_open[i, j]:
                heap[size], key[size] = i * columns + j, time[i, j]
                _sift_up(heap, key, size)
                size += 1
    while size:
        at = heap[0]
        size -= 1
        heap[0], key[0] = heap[size], key[size]
        _sift_down(heap, key, size)
        i, j = at // columns, at % columns
        if done[i, j]:
            continue
        done[i, j] = True
        for way in range(4):
            ni, nj = linked(cut, i, j, way)
            if ni < 0 or done[ni, nj] or not is_open[ni, nj]:
                continue
            across, along = np.inf, np.inf
            for side in range(4):
                mi, mj = linked(cut, ni, nj, side)
                if mi >= 0 and done[mi, mj]:
                    if side % 2 == 0:
                        across = min(across, time[mi, mj])
                    else:
                        along = min(along, time[mi, mj])
            low, high = min(across, along), max(across, along)
            f = slow[ni, nj] * cell
            t = low + f
            if high - low < f:
                t = 0.5 * (low + high + math.sqrt(2.0 * f * f - (high - low) * (high - low)))
            if t < time[ni, nj]:
                time[ni, nj] = t
                heap[size], key[size] = ni * columns + nj, t
                _sift_up(heap, key, size)
                size += 1


@jit()
def fringe(time, cut, is_open, slow, cell):  # type: ignore[no-untyped-def]
    """Give the closed cells beside open ones a time, so that whoever stands there knows the way."""
    rows, columns = time.shape
    for _ in range(FRINGE):
        found = time.copy()
        for i in range(rows):
            for j in range(columns):
                if is_open[i, j] or time[i, j] < np.inf:
                    continue
                for way in range(4):
                    ni, nj = linked(cut, i, j, way)
                    if ni >= 0 and time[ni, nj] + 3.0 * slow[i, j] * cell < found[i, j]:
                        found[i, j] = time[ni, nj] + 3.0 * slow[i, j] * cell
        time[:, :] = found


@jit()
def descend(way_x, way_y, time, cut):  # type: ignore[no-untyped-def]
    """Set the unit vector of steepest descent of `time`, 0 where there is none."""
    rows, columns = time.shape
    for i in range(rows):
        for j in range(columns):
            gx, gy = 0.0, 0.0
            if time[i, j] < np.inf:
                best_x, best_y = time[i, j], time[i, j]
                for side in range(4):
                    ni, nj = linked(cut, i, j, side)
                    if ni < 0:
                        continue
                    t = time[ni, nj]
                    if side % 2 == 0 and t < best_x:
                        best_x = t
                        gx = (time[i, j] - t) * (1.0 if side == 0 else -1.0)
                    elif side % 2 == 1 and t < best_y:
                        best_y = t
                        gy = (time[i, j] - t) * (1.0 if side == 1 else -1.0)
            norm = math.hypot(gx, gy)
            if norm > 0.0:
                gx, gy = gx / norm, gy / norm
            way_x[i, j], way_y[i, j] = gx, gy
