"""Walls as people meet them: the nearest point, who stands behind one, bodies set back from one."""

from __future__ import annotations

import math

from engine.kernels._jit import jit


@jit(inline="always")
def nearest(px, py, ax, ay, bx, by):  # type: ignore[no-untyped-def]
    """Vector from the nearest point of a segment to (px, py)."""
    dx = bx - ax
    dy = by - ay
    t = ((px - ax) * dx + (py - ay) * dy) / max(dx * dx + dy * dy, 1e-12)
    t = min(max(t, 0.0), 1.0)
    return px - ax - t * dx, py - ay - t * dy


@jit()
def hidden(px, py, qx, qy, walls, first, last):  # type: ignore[no-untyped-def]
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


@jit()
def clear(px, py, qx, qy, radius, walls, first, last):  # type: ignore[no-untyped-def]
    """(qx, qy) set back so that a body of `radius` enters no wall, or (px, py) if that fails."""
    for _ in range(3):
        moved = False
        for m in range(first, last):
            w = walls.item[m]
            dx, dy = nearest(qx, qy, walls.ax[w], walls.ay[w], walls.bx[w], walls.by[w])
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
        dx, dy = nearest(qx, qy, walls.ax[w], walls.ay[w], walls.bx[w], walls.by[w])
        if dx * dx + dy * dy < 0.9 * radius * 0.9 * radius:
            return px, py
    if hidden(px, py, qx, qy, walls, first, last):
        return px, py
    return qx, qy
