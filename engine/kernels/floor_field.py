"""Travel time to the exits on a grid of nodes: the eikonal equation by fast marching.

|grad T| = 1 / speed, T = 0 at the sources (Sethian 1996, "A fast marching level set method for
monotonically advancing fronts", PNAS 93: 1591-1595; first-order upwind scheme on four neighbours).
"""

from __future__ import annotations

import math

import numpy as np

from engine.kernels._jit import jit


@jit()
def clearance(ax, ay, bx, by, x0, y0, h, most, out):  # type: ignore[no-untyped-def]
    """Distance of each node of `out` [ny, nx] to the nearest segment, at most `most`."""
    ny, nx = out.shape
    out[:] = most
    for w in range(ax.size):
        dx, dy = bx[w] - ax[w], by[w] - ay[w]
        length2 = max(dx * dx + dy * dy, 1e-12)
        i0 = max(int((min(ax[w], bx[w]) - most - x0) / h), 0)
        i1 = min(int((max(ax[w], bx[w]) + most - x0) / h) + 2, nx)
        j0 = max(int((min(ay[w], by[w]) - most - y0) / h), 0)
        j1 = min(int((max(ay[w], by[w]) + most - y0) / h) + 2, ny)
        for j in range(j0, j1):
            for i in range(i0, i1):
                px, py = x0 + i * h - ax[w], y0 + j * h - ay[w]
                t = min(max((px * dx + py * dy) / length2, 0.0), 1.0)
                d = math.sqrt((px - t * dx) ** 2 + (py - t * dy) ** 2)
                if d < out[j, i]:
                    out[j, i] = d


@jit()
def march(speed, source, h):  # type: ignore[no-untyped-def]
    """Travel time in s [ny, nx] to the source nodes; infinite where they cannot be reached.

    `speed` [ny, nx] in m/s is 0 where nobody can stand; `source` [ny, nx] is true at the goals.
    """
    ny, nx = speed.shape
    time = np.full((ny, nx), np.inf)
    fixed = np.zeros((ny, nx), np.bool_)
    size = 4 * ny * nx + 16
    key = np.empty(size)
    node = np.empty(size, np.int32)
    count = 0
    for j in range(ny):
        for i in range(nx):
            if source[j, i] and speed[j, i] > 0.0:
                time[j, i] = 0.0
                count = _push(key, node, count, 0.0, j * nx + i)
    while count > 0:
        n = node[0]
        count = _pop(key, node, count)
        j, i = n // nx, n % nx
        if fixed[j, i]:
            continue
        fixed[j, i] = True
        for side in range(4):
            jj = j + (side == 2) - (side == 3)
            ii = i + (side == 0) - (side == 1)
            if jj < 0 or jj >= ny or ii < 0 or ii >= nx or fixed[jj, ii] or speed[jj, ii] <= 0.0:
                continue
            a = b = np.inf
            if ii > 0 and fixed[jj, ii - 1]:
                a = time[jj, ii - 1]
            if ii < nx - 1 and fixed[jj, ii + 1]:
                a = min(a, time[jj, ii + 1])
            if jj > 0 and fixed[jj - 1, ii]:
                b = time[jj - 1, ii]
            if jj < ny - 1 and fixed[jj + 1, ii]:
                b = min(b, time[jj + 1, ii])
            cost = h / speed[jj, ii]
            low = min(a, b)
            t = low + cost
            if abs(a - b) < cost:
                t = 0.5 * (a + b + math.sqrt(2.0 * cost * cost - (a - b) ** 2))
            if t < time[jj, ii]:
                time[jj, ii] = t
                count = _push(key, node, count, t, jj * nx + ii)
    return time


@jit()
def _push(key, node, count, t, n):  # type: ignore[no-untyped-def]
    """Add to the heap ordered by (time, node); returns its new size."""
    k = count
    while k > 0:
        up = (k - 1) // 2
        if key[up] < t or (key[up] == t and node[up] <= n):
            break
        key[k], node[k] = key[up], node[up]
        k = up
    key[k], node[k] = t, n
    return count + 1


@jit()
def _pop(key, node, count):  # type: ignore[no-untyped-def]
    """Remove the least of the heap; returns its new size."""
    count -= 1
    t, n = key[count], node[count]
    k = 0
    while True:
        low = 2 * k + 1
        if low >= count:
            break
        if low + 1 < count and (
            key[low + 1] < key[low] or (key[low + 1] == key[low] and node[low + 1] < node[low])
        ):
            low += 1
        if t < key[low] or (t == key[low] and n <= node[low]):
            break
        key[k], node[k] = key[low], node[low]
        k = low
    key[k], node[k] = t, n
    return count


@jit()
def directions(time, ux, uy):  # type: ignore[no-untyped-def]
    """Unit vectors down the travel time, from upwind differences; nodes at time 0 are left alone."""
    ny, nx = time.shape
    for j in range(ny):
        for i in range(nx):
            t = time[j, i]
            if not t < np.inf or t == 0.0:
                continue
            gx = gy = 0.0
            left = time[j, i - 1] if i > 0 else np.inf
            right = time[j, i + 1] if i < nx - 1 else np.inf
            if min(left, right) < t:
                gx = left - t if left < right else t - right
            down = time[j - 1, i] if j > 0 else np.inf
            up = time[j + 1, i] if j < ny - 1 else np.inf
            if min(down, up) < t:
                gy = down - t if down < up else t - up
            norm = math.sqrt(gx * gx + gy * gy)
            if norm > 0.0:
                ux[j, i], uy[j, i] = gx / norm, gy / norm
