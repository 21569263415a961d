"""Slow, obvious twin of `engine.kernels.shallow_water.advance`: one cell at a time, in float64.

Written from the textbook form (momenta, HLL by cases, the pressure of the reconstructed states put
back as a source, the bed's pressure within the cell from its own faces), not from the kernel's
rearranged one. A sweep treats every line of cells alone.
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


def minmod(a, b):
    if a * b <= 0.0:
        return 0.0
    return min(a, b, key=abs)


def states(before, cell, after, half, shallow):
    """Return the states (h, z, u, v) at the low and the high face, half a step on."""
    (h0, u0, v0, z0), (h, u, v, z), (h1, u1, v1, z1) = before, cell, after
    dh = minmod(h - h0, h1 - h)
    de = minmod(h + z - h0 - z0, h1 + z1 - h - z)
    du, dv = minmod(u - u0, u1 - u), minmod(v - v0, v1 - v)
    if min(h0, h, h1) <= shallow:
        dh = de = du = dv = 0.0
    hs = h - half * (u * dh + h * du)
    us = u - half * (u * du + G * de)
    vs = v - half * u * dv
    dz = de - dh
    return (
        (max(hs - dh / 2, 0.0), z - dz / 2, us - du / 2, vs - dv / 2),
        (max(hs + dh / 2, 0.0), z + dz / 2, us + du / 2, vs + dv / 2),
    )


def face(left, right):
    """Return the flux (mass, force, transverse) as the left cell sees it and as the right cell does."""
    (hl, zl, ul, vl), (hr, zr, ur, vr) = left, right
    top = max(zl, zr)
    al, ar = min(hl, max(0.0, hl + zl - top)), min(hr, max(0.0, hr + zr - top))
    mass, force, side = hll(al, ul, vl, ar, ur, vr)
    seen_left = force + 0.5 * G * (hl * hl - al * al)
    seen_right = force + 0.5 * G * (hr * hr - ar * ar)
    return (mass, seen_left, side), (mass, seen_right, side)


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


def sweep(line, ends, dx, dt, dry, shallow):
    """Return a line of cells (h, across, along, bed) one sweep later; `ends` are the ghosts."""
    row = [ends[0], *line, ends[1]]
    half = 0.5 * dt / dx
    at = [
        states(*(row[i - 1 : i + 2] if 0 < i < len(row) - 1 else [row[i]] * 3), half, shallow)
        for i in range(len(row))
    ]
    after = []
    for i in range(1, len(row) - 1):
        h, u, v, z = row[i]
        _, low = face(at[i - 1][1], at[i][0])
        high, _ = face(at[i][1], at[i + 1][0])
        (hw, zw, _, _), (he, ze, _, _) = at[i]
        bed = 0.5 * G * (hw + he) * (ze - zw)
        new = max(h - dt / dx * (high[0] - low[0]), 0.0)
        q = h * u - dt / dx * (high[1] - low[1] + bed)
        r = h * v - dt / dx * (high[2] - low[2])
        after.append((new, q / new, r / new, z) if new > dry else (new, 0.0, 0.0, z))
    return after


def step(cells, bed, manning, dx, dt, dry, west, incident, shallow, x_first):
    """Return the cells [rows][columns] of (h, u, v) one step later; sides but the west are walls."""
    ny, nx = len(bed), len(bed[0])
    for along_x in (x_first, not x_first):
        if along_x:
            for j in range(ny):
                line = [(*cells[j][i], bed[j][i]) for i in range(nx)]
                ends = (
                    (*ghost(west, cells[j][0], -bed[j][0], incident, 0, 1.0), bed[j][0]),
                    (*ghost("wall", cells[j][-1], 0.0, 0.0, 0, -1.0), bed[j][-1]),
                )
                after = sweep(line, ends, dx, dt, dry, shallow)
                cells = [*cells[:j], [c[:3] for c in after], *cells[j + 1 :]]
        else:
            columns = []
            for i in range(nx):
                column = [(h, v, u) for h, u, v in (cells[j][i] for j in range(ny))]
                line = [(*column[j], bed[j][i]) for j in range(ny)]
                ends = (
                    (*ghost("wall", column[0], 0.0, 0.0, 0, 1.0), bed[0][i]),
                    (*ghost("wall", column[-1], 0.0, 0.0, 0, -1.0), bed[-1][i]),
                )
                columns.append(sweep(line, ends, dx, dt, dry, shallow))
            cells = [
                [(columns[i][j][0], columns[i][j][2], columns[i][j][1]) for i in range(nx)]
                for j in range(ny)
            ]
    after = []
    for j in range(ny):
        row = []
        for i in range(nx):
            h, u, v = cells[j][i]
            k = dt * G * manning[j][i] ** 2 / h ** (4 / 3) if h > dry else 0.0
            slow = 2 / (1 + math.sqrt(1 + 4 * k * math.hypot(u, v)))
            row.append((h, u * slow, v * slow))
        after.append(row)
    return after


def advance(
    cells, bed, manning, dx, until, *, courant, dry, shallow, west="wall", series=None
):
    """Return the cells at `until` seconds; `series(t)` is the incident level in the west."""
    t, steps = 0.0, 0
    fastest = math.sqrt(G * max(cell[0] for row in cells for cell in row))
    while t < until:
        count = max(1, math.ceil((until - t) * max(fastest, 0.1) / (courant * dx) - 1e-9))
        dt = (until - t) / count
        cells = step(
            cells, bed, manning, dx, dt, dry, west, series(t) if series else 0.0, shallow,
            steps % 2 == 0,
        )
        steps += 1
        t = until if count == 1 else t + dt
        fastest = max(
            max(abs(u), abs(v)) + math.sqrt(G * h) for row in cells for h, u, v in row
        )
    return cells
