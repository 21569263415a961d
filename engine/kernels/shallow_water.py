"""Two-dimensional shallow water with wetting and drying, first order in space and time.

Scheme: finite volumes on square cells, hydrostatic reconstruction of the bed step (Audusse,
Bouchut, Bristeau, Klein and Perthame 2004, SIAM J. Sci. Comput. 25:2050), HLL fluxes with the
two-rarefaction wave speeds and dry-bed speeds of Toro (2001, "Shock-Capturing Methods for
Free-Surface Shallow Flows", ch. 10), the transverse velocity carried by the mass flux, and
Manning friction solved implicitly per cell. The lake at rest stays at rest, depths stay
non-negative, and a bed may be dry.

Open sides are characteristic: the incoming Riemann invariant belongs to the prescribed incident
wave, the outgoing one comes from the inside, so that reflected waves leave (Flather 1976;
Sanders 2002, Adv. Water Resour. 25:1105, for the nonlinear form).

Arrays carry one ghost cell on each side; row 0 is the ghost row south of the grid. The grid is
cut into strips of `STRIP` rows. A strip is one unit of parallel work, writes only its own rows
and repeats the flux across its southern edge, so the result does not depend on the number of
threads. A strip's columns are limited to where water is or can arrive within the step: dry land
costs nothing.

Depths are float64 and every face flux leaves one cell as the same number that enters the next,
so mass is conserved to rounding. Velocities, fluxes and friction are float32: that halves the
memory traffic, which is what limits the speed. Reconstructed depths are differenced in float64
first, so a lake at rest (level 0 of the bed's datum) does not move at all; moving water of depth
h carries a noise of about 6e-8 h in level.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from engine.kernels._jit import jit

#: Rows of a strip: the unit of parallel work and of skipping.
STRIP = 16
#: What a side does (order of `sides`: west, east, south, north).
WALL, FREE, INCIDENT = 0, 1, 2
#: Float32 scratch rows for each strip.
SCRATCH = 22

GRAVITY = 9.81
_G = np.float32(GRAVITY)
_ZERO, _ONE, _TWO, _FOUR = np.float32(0), np.float32(1), np.float32(2), np.float32(4)
_HALF, _QUARTER, _THIRD = np.float32(0.5), np.float32(0.25), np.float32(1 / 3)
_TINY = np.float32(1e-30)
_THINNEST_M = np.float32(1e-6)
#: Slower water is still. Far ahead of a wave, velocities would fade into subnormal numbers,
#: which are slow.
_STILL_MPS = np.float32(1e-12)
_CBRT_SEED = np.int32(709921077)  # two thirds of the exponent bias, tuned for the iteration


@jit()
def faces(  # type: ignore[no-untyped-def]
    fh, ml, mr, ft, hl, ul, vl, zl, hr, ur, vr, zr, rows
):
    """Fill the fluxes across a row of faces [n].

    `fh` mass flux (m2/s), `ft` transverse momentum flux, `ml` and `mr` the normal momentum flux
    less the hydrostatic pressure of the left and of the right state (m3/s2). Left and right
    states: depth (m, float64), velocity across and along the face (m/s), bed level (m). `rows`
    are six scratch rows.

    One output to a loop, no branch and no checked division: the compiler gives up on vector
    instructions once a loop needs more than eight run-time checks for overlapping arrays.
    """
    a, b, ca, cb, left, right = rows
    n = fh.size
    for i in range(n):
        h = hl[i] + zl[i] - (zl[i] if zl[i] > zr[i] else zr[i])
        a[i] = h if h > 0.0 else 0.0
    for i in range(n):
        h = hr[i] + zr[i] - (zl[i] if zl[i] > zr[i] else zr[i])
        b[i] = h if h > 0.0 else 0.0
    for i in range(n):
        ca[i] = np.sqrt(_G * a[i])
    for i in range(n):
        cb[i] = np.sqrt(_G * b[i])
    for i in range(n):
        middle = _HALF * (ul[i] + ur[i]) + ca[i] - cb[i]
        spread = _HALF * (ca[i] + cb[i]) + _QUARTER * (ul[i] - ur[i])
        speed = ul[i] - ca[i]
        speed = speed if speed < middle - spread else middle - spread
        speed = ur[i] - _TWO * cb[i] if a[i] == _ZERO else speed
        speed = ul[i] - ca[i] if b[i] == _ZERO else speed
        left[i] = speed if speed < _ZERO else _ZERO
    for i in range(n):
        middle = _HALF * (ul[i] + ur[i]) + ca[i] - cb[i]
        spread = _HALF * (ca[i] + cb[i]) + _QUARTER * (ul[i] - ur[i])
        speed = ur[i] + cb[i]
        speed = speed if speed > middle + spread else middle + spread
        speed = ur[i] + cb[i] if a[i] == _ZERO else speed
        speed = ul[i] + _TWO * ca[i] if b[i] == _ZERO else speed
        right[i] = speed if speed > _ZERO else _ZERO
    share = ca  # the celerities are spent: their rows serve again
    for i in range(n):
        span = right[i] - left[i]
        share[i] = np.divide(right[i], span if span > _TINY else _ONE)
    for i in range(n):
        flux_a = a[i] * ul[i]
        flux_b = b[i] * ur[i]
        fh[i] = flux_b + share[i] * (flux_a - flux_b + left[i] * (b[i] - a[i]))
    for i in range(n):
        flux_a = a[i] * ul[i]
        flux_b = b[i] * ur[i]
        force_a = flux_a * ul[i] + _HALF * _G * a[i] * a[i]
        force_b = flux_b * ur[i] + _HALF * _G * b[i] * b[i]
        cb[i] = force_b + share[i] * (force_a - force_b + left[i] * (flux_b - flux_a))
    for i in range(n):
        ml[i] = cb[i] - _HALF * _G * a[i] * a[i]
    for i in range(n):
        mr[i] = cb[i] - _HALF * _G * b[i] * b[i]
    for i in range(n):
        ft[i] = fh[i] * (vl[i] if fh[i] > _ZERO else vr[i])


@jit()
def _update_row(h, u, v, west, east, south, north, drag, step, rows):  # type: ignore[no-untyped-def]
    """Advance a row [n] in place; return its largest |u| + |v| + 2 sqrt(g h) in m/s.

    `west`, `east`, `south`, `north` are the face fluxes (mass, normal, transverse) as they act
    on this row; `drag` is g n^2; `step` (dt_s, dx_m, dry_m); `rows` six scratch rows.
    """
    wh, wm, wt = west
    eh, em, et = east
    sh, sm, st = south
    nh, nm, nt = north
    depth, qx, qy, inverse, root, speed = rows
    dt_s, dx_m, dry_m = step
    ratio = dt_s / dx_m
    ratio32 = np.float32(ratio)
    for i in range(qx.size):
        depth[i] = h[i]
    for i in range(qx.size):
        qx[i] = depth[i] * u[i] - ratio32 * ((em[i] - wm[i]) + (nt[i] - st[i]))
    for i in range(qy.size):
        qy[i] = depth[i] * v[i] - ratio32 * ((et[i] - wt[i]) + (nm[i] - sm[i]))
    for i in range(h.size):
        out = (np.float64(eh[i]) - np.float64(wh[i])) + (np.float64(nh[i]) - np.float64(sh[i]))
        after = h[i] - ratio * out
        h[i] = after if after > 0.0 else 0.0
    dry = np.float32(dry_m)
    for i in range(depth.size):
        depth[i] = h[i]
    for i in range(depth.size):
        inverse[i] = np.divide(_ONE, depth[i] if depth[i] > dry else _ONE)
    for i in range(depth.size):
        inverse[i] = inverse[i] if depth[i] > dry else _ZERO
    for i in range(speed.size):
        speed[i] = np.sqrt(qx[i] * qx[i] + qy[i] * qy[i]) * inverse[i]
    # Cube root of the depth: a seed from the exponent bits, then two Halley steps (1e-7).
    bits = depth.view(np.int32)
    seed = root.view(np.int32)
    for i in range(seed.size):
        seed[i] = np.int32(np.float32(bits[i]) * _THIRD) + _CBRT_SEED
    dt32 = np.float32(dt_s)
    for i in range(root.size):
        d = depth[i] if depth[i] > _THINNEST_M else _THINNEST_M
        r = root[i]
        c = r * r * r
        r = r * np.divide(c + _TWO * d, _TWO * c + d)
        c = r * r * r
        r = r * np.divide(c + _TWO * d, _TWO * c + d)
        # |u| solves |u| + dt k |u|^2 = |u*| with k = g n^2 / h^(4/3).
        k = np.divide(dt32 * drag[i], d * r)
        slow = np.divide(_TWO, _ONE + np.sqrt(_ONE + _FOUR * k * speed[i]))
        root[i] = slow * inverse[i]
    for i in range(u.size):
        velocity = qx[i] * root[i]
        u[i] = velocity if velocity > _STILL_MPS or velocity < -_STILL_MPS else _ZERO
    for i in range(v.size):
        velocity = qy[i] * root[i]
        v[i] = velocity if velocity > _STILL_MPS or velocity < -_STILL_MPS else _ZERO
    for i in range(speed.size):
        across = u[i] if u[i] > _ZERO else -u[i]
        along = v[i] if v[i] > _ZERO else -v[i]
        speed[i] = across + along + _TWO * np.sqrt(_G * depth[i])
    # Non-negative floats order like their bits, and an integer maximum needs no NaN rules.
    order = speed.view(np.int32)
    top = np.int32(0)
    for i in range(order.size):
        top = order[i] if order[i] > top else top
    order[0] = top
    return np.float64(speed[0])


@jit()
def _incident_state(h_in, n_in, rest_m, level_m):  # type: ignore[no-untyped-def]
    """Return ghost depth (m) and inward velocity (m/s) at an open side.

    `h_in`, `n_in` are the inner cell's depth and inward velocity, `rest_m` the resting depth
    there, `level_m` the incident wave's level above rest. The incident wave is a simple wave:
    its inward invariant is 4 sqrt(g (rest + level)) - 2 sqrt(g rest).
    """
    c_in = math.sqrt(GRAVITY * h_in)
    if rest_m < 0.1 or n_in < -c_in:
        return h_in, n_in
    c_wave = math.sqrt(GRAVITY * max(rest_m + level_m, 0.0))
    incoming = 4.0 * c_wave - 2.0 * math.sqrt(GRAVITY * rest_m)
    outgoing = n_in - 2.0 * c_in
    c = max(0.25 * (incoming - outgoing), 0.0)
    return c * c / GRAVITY, 0.5 * (incoming + outgoing)


@jit()
def fill_ghosts(h, uv, bed, sides, incident_m):  # type: ignore[no-untyped-def]
    """Fill the ghost cells of depth `h` [rows + 2, columns + 2] and velocity `uv` [rows + 2, 2, ...].

    `sides` [4] (west, east, south, north) holds WALL, FREE or INCIDENT; `incident_m` is the
    incident wave's level above rest (0). Ghost beds equal the inner cell's bed.
    """
    ny, nx = bed.shape
    for side in range(4):
        kind = sides[side]
        across = side // 2  # velocity component normal to the side
        inward = 1.0 if side % 2 == 0 else -1.0
        for k in range(1, (ny if side < 2 else nx) - 1):
            if side < 2:
                j, jg = k, k
                i, ig = (1, 0) if side == 0 else (nx - 2, nx - 1)
            else:
                i, ig = k, k
                j, jg = (1, 0) if side == 2 else (ny - 2, ny - 1)
            h[jg, ig] = h[j, i]
            uv[jg, 0, ig] = uv[j, 0, i]
            uv[jg, 1, ig] = uv[j, 1, i]
            if kind == WALL:
                uv[jg, across, ig] = -uv[j, across, i]
            elif kind == INCIDENT:
                depth, velocity = _incident_state(
                    h[j, i], inward * uv[j, across, i], -float(bed[j, i]), incident_m
                )
                h[jg, ig] = depth
                uv[jg, across, ig] = inward * velocity


@jit()
def _strip_step(  # type: ignore[no-untyped-def]
    h, uv, wet, volume, peaks, bed, drag, first_row, span, step, edges, scratch
):
    """Advance one strip in place and return its largest wave speed (m/s).

    `edges` = (depth and velocity of the row below and of the row above, before the step);
    `peaks` = (peak, arrival_ms, land, watch_m, film_m, now_ms), see `advance`; `wet` [2]
    receives the wet columns (from, to); `span` (from, to) are the columns that can change.
    """
    a, b = span
    dt_s, dx_m, _ = step
    ny, nx = bed.shape
    last_row = min(first_row + STRIP, ny - 1)
    below_h, below_uv, above_h, above_uv = edges
    peak, arrival, land, watch_m, film_m, now_ms = peaks
    m = scratch
    wet[0], wet[1] = nx, 0
    fastest = 0.0
    for j in range(first_row - 1, last_row):
        low, high = (4, 8) if (j - first_row) % 2 else (8, 4)  # this row's south and north faces
        south_h = below_h if j < first_row else h[j]
        south_uv = below_uv if j < first_row else uv[j]
        north_h = above_h if j + 1 == last_row else h[j + 1]
        north_uv = above_uv if j + 1 == last_row else uv[j + 1]
        faces(
            m[high, a:b], m[high + 1, a:b], m[high + 2, a:b], m[high + 3, a:b],
            south_h[a:b], south_uv[1, a:b], south_uv[0, a:b], bed[j, a:b],
            north_h[a:b], north_uv[1, a:b], north_uv[0, a:b], bed[j + 1, a:b],
            (m[12, a:b], m[13, a:b], m[14, a:b], m[15, a:b], m[16, a:b], m[17, a:b]),
        )
        if j == 0 or j == ny - 2:
            sign = dt_s * dx_m * (1.0 if j == 0 else -1.0)
            for i in range(a, b):
                volume[0] += max(sign * m[high, i], 0.0)
                volume[1] += max(-sign * m[high, i], 0.0)
        if j < first_row:
            continue
        e = b + 1
        faces(
            m[0, a:e], m[1, a:e], m[2, a:e], m[3, a:e],
            h[j, a - 1 : b], uv[j, 0, a - 1 : b], uv[j, 1, a - 1 : b], bed[j, a - 1 : b],
            h[j, a:e], uv[j, 0, a:e], uv[j, 1, a:e], bed[j, a:e],
            (m[12, a:e], m[13, a:e], m[14, a:e], m[15, a:e], m[16, a:e], m[17, a:e]),
        )
        if a == 1:
            volume[0] += max(m[0, a] * dt_s * dx_m, 0.0)
            volume[1] += max(-m[0, a] * dt_s * dx_m, 0.0)
        if b == nx - 1:
            volume[0] += max(-m[0, b] * dt_s * dx_m, 0.0)
            volume[1] += max(m[0, b] * dt_s * dx_m, 0.0)
        wave = _update_row(
            h[j, a:b], uv[j, 0, a:b], uv[j, 1, a:b],
            (m[0, a:b], m[2, a:b], m[3, a:b]),
            (m[0, a + 1 : e], m[1, a + 1 : e], m[3, a + 1 : e]),
            (m[low, a:b], m[low + 2, a:b], m[low + 3, a:b]),
            (m[high, a:b], m[high + 1, a:b], m[high + 3, a:b]),
            drag[j, a:b], step,
            (m[16, a:b], m[17, a:b], m[18, a:b], m[19, a:b], m[20, a:b], m[21, a:b]),
        )
        fastest = max(fastest, wave)
        i = a
        while i < b and h[j, i] == 0.0:
            i += 1
        wet[0] = min(wet[0], i)
        i = b - 1
        while i >= a and h[j, i] == 0.0:
            i -= 1
        wet[1] = max(wet[1], i + 1)
        c = max(a, land[j])
        if c < b:
            _track(
                peak[0, j, c:b], peak[1, j, c:b], arrival[j, c:b],
                h[j, c:b], uv[j, 0, c:b], uv[j, 1, c:b], (watch_m, film_m, now_ms),
            )
    return fastest


@jit()
def _track(depth_max, speed2_max, arrival_ms, h, u, v, limits):  # type: ignore[no-untyped-def]
    """Update greatest depth, greatest squared speed (film excluded) and first arrival of a row."""
    watch_m, film_m, now_ms = limits
    for i in range(h.size):
        depth = np.float32(h[i])
        depth_max[i] = depth if depth > depth_max[i] else depth_max[i]
    for i in range(h.size):
        s2 = u[i] * u[i] + v[i] * v[i]
        s2 = s2 if h[i] >= film_m else _ZERO
        speed2_max[i] = s2 if s2 > speed2_max[i] else speed2_max[i]
    for i in range(h.size):
        first = h[i] >= watch_m and arrival_ms[i] < 0
        arrival_ms[i] = now_ms if first else arrival_ms[i]


@jit()
def _series_at(series, t_s):  # type: ignore[no-untyped-def]
    """Return series [2, n] = (t_s, level_m) at `t_s`, linear, held beyond its ends."""
    n = series.shape[1]
    if t_s <= series[0, 0]:
        return series[1, 0]
    for k in range(1, n):
        if t_s < series[0, k]:
            w = (t_s - series[0, k - 1]) / (series[0, k] - series[0, k - 1])
            return series[1, k - 1] + w * (series[1, k] - series[1, k - 1])
    return series[1, n - 1]


@jit(parallel=True)
def advance(  # type: ignore[no-untyped-def]
    h, uv, wet, volume, peak, arrival, clock, bed, drag, land, sides, series, numbers, work
):
    """Advance the state in place to `clock[1]` seconds, in equal steps short enough for the waves.

    Outputs first. `h` [rows + 2, columns + 2] float64 depth (m); `uv` [rows + 2, 2, columns + 2]
    float32 east and north velocity (m/s); `wet` [strips, 2] int64 wet columns (from, to) of each
    strip; `volume` [strips, 2] m3 that came in and went out through the outer faces; `peak` [2,
    rows + 2, columns + 2] float32 greatest depth (m) and squared speed (m2/s2) of the columns
    from `land[row]` on; `arrival` int32 ms of first depth above the watch depth, -1 never;
    `clock` [5]: time (s), target (s), fastest wave (m/s), steps taken, cells updated.

    Inputs: `bed` m float32 with rest at 0, `drag` = g n^2 float32, `land` [rows + 2] first land
    column, `sides` [4], `series` [2, n] = (s, m above rest), `numbers` = (dx_m, Courant number,
    dry_m, watch_m, film_m). `work` = (edge depths [strips, 2, columns + 2] float64, edge
    velocities [strips, 2, 2, columns + 2] float32, scratch [strips, SCRATCH, columns + 2]
    float32).

    The Courant number bounds dt (|u| + |v| + 2 c) / dx over the wet cells: below 1 the unsplit
    scheme is stable and keeps depths non-negative.
    """
    strips = wet.shape[0]
    ny, nx = bed.shape
    dx_m, courant, dry_m, watch_m, film_m = numbers
    edge_h, edge_uv, scratch = work
    half = (strips + 1) // 2
    fastest = np.zeros(strips)
    spans = np.zeros((strips, 2), np.int64)
    while clock[0] < clock[1]:
        incident_m = _series_at(series, clock[0])
        left_s = clock[1] - clock[0]
        count = max(1, math.ceil(left_s * max(clock[2], 0.1) / (courant * dx_m) - 1e-9))
        dt = left_s / count
        now_s = clock[1] if count == 1 else clock[0] + dt
        now_ms = np.int32(round(now_s * 1000.0))
        fill_ghosts(h, uv, bed, sides, incident_m)
        for s in numba.prange(strips):
            for end in range(2):
                j = 1 + s * STRIP if end == 0 else min((s + 1) * STRIP, ny - 2)
                edge_h[s, end] = h[j]
                edge_uv[s, end] = uv[j]
            a, b = wet[s]
            if a < b:
                a, b = a - 1, b + 1
            for other in (s - 1, s + 1):
                if 0 <= other < strips and wet[other, 0] < wet[other, 1]:
                    a, b = min(a, wet[other, 0]), max(b, wet[other, 1])
            spans[s, 0], spans[s, 1] = max(a, 1), min(b, nx - 1)
        for k in numba.prange(strips):
            s = 2 * k if k < half else 2 * (k - half) + 1  # alternate strips: even load
            fastest[s] = 0.0
            if spans[s, 0] < spans[s, 1]:
                fastest[s] = _strip_step(
                    h, uv, wet[s], volume[s], (peak, arrival, land, watch_m, film_m, now_ms),
                    bed, drag, 1 + s * STRIP, (spans[s, 0], spans[s, 1]), (dt, dx_m, dry_m),
                    (
                        edge_h[s - 1, 1] if s > 0 else h[0],
                        edge_uv[s - 1, 1] if s > 0 else uv[0],
                        edge_h[s + 1, 0] if s + 1 < strips else h[ny - 1],
                        edge_uv[s + 1, 0] if s + 1 < strips else uv[ny - 1],
                    ),
                    scratch[s],
                )
        for s in range(strips):
            if spans[s, 0] < spans[s, 1]:
                clock[4] += min(STRIP, ny - 2 - s * STRIP) * (spans[s, 1] - spans[s, 0])
        clock[0] = now_s
        clock[2] = fastest.max()
        clock[3] += 1
