"""Slow, obvious twin of `engine.kernels.shallow_water.advance`: one cell at a time, in float64.

Written from the textbook form (momenta, HLL by cases, the pressure of the reconstructed states put
back as a source), not from the kernel's rearranged one.
"""

from __future__ import annotations

import math

G = 9.81


def physical_flux(h, un, ut):
    return (h * un, h * un * un + 0.5 * G * h * h)


def hll(hl, ul, vl, hr, ur, vr):
    """Return mass, normal and transverse momentum flux between two states over a flat bed."""
    if hl <= 0.0 and hr <= 0.0:
        return 0.0, 0.0, 0.0
    cl, cr = math.sqrt(G * hl), math.sqrt(G * hr)
    if hl <= 0.0:
        sl, sr = ur - 2 * cr, ur + cr
    elif hr <= 0.0:
        sl, sr = ul - cl, ul + 2 * cl
    else:
        us = 0.5 * (ul + ur) + cl - cr
        cs = 0.5 * (cl + cr) + 0.25 * (ul - ur)
        sl, sr = min(ul - cl, us - cs), max(ur + cr, us + cs)
    fl, fr = physical_flux(hl, ul, vl), physical_flux(hr, ur, vr)
    if sl >= 0.0:
        mass, force = fl
    elif sr <= 0.0:
        mass, force = fr
    else:
        mass, force = (
            (sr * a - sl * b + sl * sr * (d - c)) / (sr - sl)
            for a, b, c, d in zip(fl, fr, (hl, hl * ul), (hr, hr * ur), strict=True)
        )
    return mass, force, mass * (vl if mass > 0.0 else vr)


def face(left, right, zl, zr):
    """Return the flux as the left cell sees it and as the right cell sees it."""
    (hl, ul, vl), (hr, ur, vr) = left, right
    top = max(zl, zr)
    al, ar = max(0.0, hl + zl - top), max(0.0, hr + zr - top)
    mass, force, side = hll(al, ul, vl, ar, ur, vr)
    seen_left = force + 0.5 * G * (hl * hl - al * al)
    seen_right = force + 0.5 * G * (hr * hr - ar * ar)
    return mass, seen_left, seen_right, side


def ghost(kind, cell, rest, incident, axis, inward):
    """Return the state outside a side of kind 'wall' or 'incident'."""
    h, velocity = cell[0], [cell[1], cell[2]]
    if kind == "wall":
        velocity[axis] = -velocity[axis]
        return (h, *velocity)
    normal, c = inward * velocity[axis], math.sqrt(G * h)
    if rest >= 0.1 and normal >= -c:
        coming = 4 * math.sqrt(G * max(rest + incident, 0.0)) - 2 * math.sqrt(G * rest)
        leaving = normal - 2 * c
        h = max((coming - leaving) / 4, 0.0) ** 2 / G
        velocity[axis] = inward * (coming + leaving) / 2
    return (h, *velocity)


def step(cells, bed, manning, dx, dt, dry, west, incident):
    """Return the cells [rows][columns] of (h, u, v) one step later; sides but the west are walls."""
    ny, nx = len(bed), len(bed[0])

    def state(j, i):
        inner = cells[min(max(j, 0), ny - 1)][min(max(i, 0), nx - 1)]
        if i < 0:
            return ghost(west, inner, -bed[j][0], incident, 0, 1.0)
        if i == nx:
            return ghost("wall", inner, 0.0, 0.0, 0, -1.0)
        if j < 0 or j == ny:
            return ghost("wall", inner, 0.0, 0.0, 1, 1.0)
        return inner

    def level(j, i):
        return bed[min(max(j, 0), ny - 1)][min(max(i, 0), nx - 1)]

    def turned(cell):
        return (cell[0], cell[2], cell[1])

    after = [[None] * nx for _ in range(ny)]
    for j in range(ny):
        for i in range(nx):
            w = face(state(j, i - 1), state(j, i), level(j, i - 1), bed[j][i])
            e = face(state(j, i), state(j, i + 1), bed[j][i], level(j, i + 1))
            s = face(turned(state(j - 1, i)), turned(state(j, i)), level(j - 1, i), bed[j][i])
            n = face(turned(state(j, i)), turned(state(j + 1, i)), bed[j][i], level(j + 1, i))
            h, u, v = cells[j][i]
            new = max(h - dt / dx * (e[0] - w[0] + n[0] - s[0]), 0.0)
            qx = h * u - dt / dx * (e[1] - w[2] + n[3] - s[3])
            qy = h * v - dt / dx * (e[3] - w[3] + n[1] - s[2])
            if new <= dry:
                after[j][i] = (new, 0.0, 0.0)
                continue
            u, v = qx / new, qy / new
            k = dt * G * manning[j][i] ** 2 / new ** (4 / 3)
            slow = 2 / (1 + math.sqrt(1 + 4 * k * math.hypot(u, v)))
            after[j][i] = (new, u * slow, v * slow)
    return after


def advance(cells, bed, manning, dx, until, *, courant, dry, west="wall", series=None):
    """Return the cells at `until` seconds; `series(t)` is the incident level in the west."""
    t = 0.0
    fastest = 2 * math.sqrt(G * max(cell[0] for row in cells for cell in row))
    while t < until:
        count = max(1, math.ceil((until - t) * max(fastest, 0.1) / (courant * dx) - 1e-9))
        dt = (until - t) / count
        cells = step(cells, bed, manning, dx, dt, dry, west, series(t) if series else 0.0)
        t = until if count == 1 else t + dt
        fastest = max(abs(u) + abs(v) + 2 * math.sqrt(G * h) for row in cells for h, u, v in row)
    return cells
