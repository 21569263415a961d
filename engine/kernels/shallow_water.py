"""Two-dimensional shallow water with wetting and drying, second order in space and time.

Scheme: finite volumes on square cells, one direction after the other (X then Y, next step Y then X:
Strang 1968, SIAM J. Numer. Anal. 5:506). In a sweep depth, level and velocities are linear in each
cell (minmod slopes) and are carried half a step forward (MUSCL-Hancock; van Leer 1984, Toro 2001,
"Shock-Capturing Methods for Free-Surface Shallow Flows", ch. 11); then hydrostatic reconstruction of
the bed step with the centred pressure of second order (Audusse, Bouchut, Bristeau, Klein and Perthame
2004, SIAM J. Sci. Comput. 25:2050), HLL fluxes with the two-rarefaction wave speeds and dry-bed speeds
of Toro (ch. 10), the transverse velocity carried by the mass flux, and Manning friction solved
implicitly per cell at the end of the step. Where a cell or a neighbour is shallower than `SECOND_M`
the slopes are zero and the scheme is of first order. The lake at rest stays at rest, depths stay
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
so mass is conserved to rounding. Velocities, levels at faces, fluxes and friction are float32: that
halves the memory traffic, which is what limits the speed. A lake at rest (level 0 of the bed's datum)
does not move at all; moving water over a bed at z carries a noise of about 1e-7 |z| in level.
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
#: Shallower water has no slopes within a cell.
SECOND_M = 0.1

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
#: Float32 scratch rows of a strip: two rows of cell states, two rows of fluxes, and what one call needs.
#: A cell's state is depth, level, bed, velocity across and along, at its low face and at its high face.
_LOW, _HIGH, _STATE, _FLUX, _SPARE = 0, 5, 10, 4, 6
SCRATCH = 2 * _STATE + 2 * _FLUX + _SPARE


@jit()
def _five(m, k, a, b):  # type: ignore[no-untyped-def]
    """Rows `k` to `k` + 4 of scratch, columns `a` to `b`: contiguous, as vector instructions need."""
    return m[k, a:b], m[k + 1, a:b], m[k + 2, a:b], m[k + 3, a:b], m[k + 4, a:b]


@jit()
def _minmod(a, b):  # type: ignore[no-untyped-def]
    low = a if a < b else b
    high = a if a > b else b
    return low if low > _ZERO else (high if high < _ZERO else _ZERO)


@jit()
def _states(low, high, below, here, above, half, spare):  # type: ignore[no-untyped-def]
    """Fill the states (five rows [n] each) of a row of cells at its low and high faces, half a step on.

    `below`, `here`, `above`: (depth float64, velocity across, along, bed) of the neighbours on the low
    side, of the row itself and of those on the high side; `half` = dt / (2 dx).
    """
    hm, um, vm, zm = below
    h, u, v, z = here
    hp, up, vp, zp = above
    wet, dh, de, du, dv, hs = spare
    n = h.size
    for i in range(n):
        lowest = hm[i] if hm[i] < hp[i] else hp[i]
        lowest = lowest if lowest < h[i] else h[i]
        wet[i] = _ONE if lowest > SECOND_M else _ZERO
    for i in range(n):
        dh[i] = wet[i] * _minmod(np.float32(h[i] - hm[i]), np.float32(hp[i] - h[i]))
    for i in range(n):
        here_m = h[i] + z[i]
        de[i] = wet[i] * _minmod(
            np.float32(here_m - (hm[i] + zm[i])), np.float32((hp[i] + zp[i]) - here_m)
        )
    for i in range(n):
        du[i] = wet[i] * _minmod(u[i] - um[i], up[i] - u[i])
    for i in range(n):
        dv[i] = wet[i] * _minmod(v[i] - vm[i], vp[i] - v[i])
    low_h, low_e, low_z, low_u, low_v = low
    high_h, high_e, high_z, high_u, high_v = high
    for i in range(n):
        hs[i] = half * (u[i] * dh[i] + np.float32(h[i]) * du[i])
    for i in range(n):
        depth = np.float32(h[i]) - hs[i] - _HALF * dh[i]
        low_h[i] = depth if depth > _ZERO else _ZERO
    for i in range(n):
        depth = np.float32(h[i]) - hs[i] + _HALF * dh[i]
        high_h[i] = depth if depth > _ZERO else _ZERO
    for i in range(n):
        hs[i] = np.float32(h[i] + z[i]) - hs[i]
    for i in range(n):
        low_e[i] = hs[i] - _HALF * de[i]
    for i in range(n):
        high_e[i] = hs[i] + _HALF * de[i]
    for i in range(n):
        low_z[i] = low_e[i] - low_h[i]
    for i in range(n):
        high_z[i] = high_e[i] - high_h[i]
    for i in range(n):
        hs[i] = u[i] - half * (u[i] * du[i] + _G * de[i])
    for i in range(n):
        low_u[i] = hs[i] - _HALF * du[i]
    for i in range(n):
        high_u[i] = hs[i] + _HALF * du[i]
    for i in range(n):
        hs[i] = v[i] - half * u[i] * dv[i]
    for i in range(n):
        low_v[i] = hs[i] - _HALF * dv[i]
    for i in range(n):
        high_v[i] = hs[i] + _HALF * dv[i]


@jit()
def _faces(out, left_state, right_state, rows):  # type: ignore[no-untyped-def]
    """Fill the fluxes across a row of faces.

    `out`: mass flux (m2/s), the normal momentum flux less the hydrostatic pressure of the left and of
    the right state (m3/s2), transverse momentum flux. `left_state`, `right_state`: depth, level, bed,
    velocity across and along; `rows` are six scratch rows.

    One output to a loop, no branch and no checked division: the compiler gives up on vector
    instructions once a loop needs more than eight run-time checks for overlapping arrays.
    """
    fh, ml, mr, ft = out
    hl, el, zl, ul, vl = left_state
    hr, er, zr, ur, vr = right_state
    a, b, ca, cb, left, right = rows
    n = fh.size
    for i in range(n):
        h = el[i] - (zl[i] if zl[i] > zr[i] else zr[i])
        h = h if h < hl[i] else hl[i]  # rounding must not make more water than there is
        a[i] = h if h > _ZERO else _ZERO
    for i in range(n):
        h = er[i] - (zl[i] if zl[i] > zr[i] else zr[i])
        h = h if h < hr[i] else hr[i]
        b[i] = h if h > _ZERO else _ZERO
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
def _update(h, u, v, low, high, inside, step, rows):  # type: ignore[no-untyped-def]
    """Advance depth and velocities (across, along) of a row [n] in place by one sweep.

    `low` (mass, normal as the right state sees it, transverse) and `high` (mass, normal as the left
    state sees it, transverse): fluxes of its two faces; `inside`: depth and level of the row's own states
    at the low and at the high face; `step` (dt_s, dx_m, dry_m). The pressure of the bed within the
    cell is g mean depth times the level's difference.
    """
    lh, lm, lt = low
    hh, hm, ht = high
    q, r, inverse = rows
    low_h, low_e, high_h, high_e = inside
    dt_s, dx_m, dry_m = step
    ratio = dt_s / dx_m
    ratio32 = np.float32(ratio)
    for i in range(q.size):
        q[i] = _HALF * _G * (low_h[i] + high_h[i]) * (high_e[i] - low_e[i])
    for i in range(q.size):
        q[i] = np.float32(h[i]) * u[i] - ratio32 * ((hm[i] - lm[i]) + q[i])
    for i in range(r.size):
        r[i] = np.float32(h[i]) * v[i] - ratio32 * (ht[i] - lt[i])
    for i in range(h.size):
        after = h[i] - ratio * (np.float64(hh[i]) - np.float64(lh[i]))
        h[i] = after if after > 0.0 else 0.0
    dry = np.float32(dry_m)
    for i in range(h.size):
        depth = np.float32(h[i])
        inverse[i] = np.divide(_ONE, depth if depth > dry else _ONE)
    for i in range(h.size):
        inverse[i] = inverse[i] if np.float32(h[i]) > dry else _ZERO
    for i in range(u.size):
        velocity = q[i] * inverse[i]
        u[i] = velocity if velocity > _STILL_MPS or velocity < -_STILL_MPS else _ZERO
    for i in range(v.size):
        velocity = r[i] * inverse[i]
        v[i] = velocity if velocity > _STILL_MPS or velocity < -_STILL_MPS else _ZERO


@jit()
def _friction(h, u, v, drag, dt_s, rows):  # type: ignore[no-untyped-def]
    """Slow a row [n] by friction over `dt_s`; return its largest max(|u|, |v|) + sqrt(g h), m/s.

    |u| solves |u| + dt k |u|^2 = |u*| with k = g n^2 / h^(4/3); `drag` is g n^2.
    """
    depth, root, speed = rows
    for i in range(h.size):
        depth[i] = h[i]
    for i in range(u.size):
        speed[i] = np.sqrt(u[i] * u[i] + v[i] * v[i])
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
        k = np.divide(dt32 * drag[i], d * r)
        root[i] = np.divide(_TWO, _ONE + np.sqrt(_ONE + _FOUR * k * speed[i]))
    for i in range(u.size):
        u[i] = u[i] * root[i]
    for i in range(v.size):
        v[i] = v[i] * root[i]
    for i in range(speed.size):
        across = u[i] if u[i] > _ZERO else -u[i]
        along = v[i] if v[i] > _ZERO else -v[i]
        speed[i] = (across if across > along else along) + np.sqrt(_G * depth[i])
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
def _plain(state, i, h, u, v, z):  # type: ignore[no-untyped-def]
    """Fill the state of cell `i` without slopes."""
    for side in (_LOW, _HIGH):
        state[side, i] = h
        state[side + 1, i] = h + z
        state[side + 2, i] = z
        state[side + 3, i] = u
        state[side + 4, i] = v


@jit()
def _sweep_x(h, uv, bed, volume, first, last, span, step, m):  # type: ignore[no-untyped-def]
    """Advance rows `first` to `last` (excluded) along x; `span` (from, to) columns can change."""
    a, b = span
    e = b + 1
    dt_s, dx_m, _ = step
    half = np.float32(0.5 * dt_s / dx_m)
    nx = bed.shape[1]
    f, t = 2 * _STATE, SCRATCH - _SPARE
    for j in range(first, last):
        u, v = uv[j, 0], uv[j, 1]
        _states(
            _five(m, _LOW, a, b), _five(m, _HIGH, a, b),
            (h[j, a - 1 : b - 1], u[a - 1 : b - 1], v[a - 1 : b - 1], bed[j, a - 1 : b - 1]),
            (h[j, a:b], u[a:b], v[a:b], bed[j, a:b]),
            (h[j, a + 1 : e], u[a + 1 : e], v[a + 1 : e], bed[j, a + 1 : e]),
            half, (*_five(m, t, a, b), m[t + 5, a:b]),
        )
        for i in (a - 1, b):  # ghosts, or dry cells
            _plain(m, i, h[j, i], u[i], v[i], bed[j, i])
        _faces(
            (m[f, a:e], m[f + 1, a:e], m[f + 2, a:e], m[f + 3, a:e]),
            _five(m, _HIGH, a - 1, b), _five(m, _LOW, a, e), (*_five(m, t, a, e), m[t + 5, a:e]),
        )
        if a == 1:
            volume[0] += max(m[f, a] * dt_s * dx_m, 0.0)
            volume[1] += max(-m[f, a] * dt_s * dx_m, 0.0)
        if b == nx - 1:
            volume[0] += max(-m[f, b] * dt_s * dx_m, 0.0)
            volume[1] += max(m[f, b] * dt_s * dx_m, 0.0)
        _update(
            h[j, a:b], u[a:b], v[a:b],
            (m[f, a:b], m[f + 2, a:b], m[f + 3, a:b]),
            (m[f, a + 1 : e], m[f + 1, a + 1 : e], m[f + 3, a + 1 : e]),
            (m[_LOW, a:b], m[_LOW + 1, a:b], m[_HIGH, a:b], m[_HIGH + 1, a:b]),
            step, (m[t, a:b], m[t + 1, a:b], m[t + 2, a:b]),
        )


@jit()
def _row(inside, below, above, j, first, last):  # type: ignore[no-untyped-def]
    """Row `j` of a strip, or of the two rows kept from before the sweep on either side of it."""
    if j < first:
        return below[j - first + 2]
    return above[j - last] if j >= last else inside[j]


@jit()
def _sweep_y(  # type: ignore[no-untyped-def]
    h, uv, bed, volume, first, last, span, step, m, below, above
):
    """Advance rows `first` to `last` (excluded) along y.

    `below`, `above`: (depth [2, columns], velocity [2, 2, columns]) of the two rows on either side, as
    they were before the sweep. A row is updated once the states of the two rows above are known.
    """
    a, b = span
    dt_s, dx_m, _ = step
    half = np.float32(0.5 * dt_s / dx_m)
    ny = bed.shape[0]
    t = SCRATCH - _SPARE
    spare = (*_five(m, t, a, b), m[t + 5, a:b])
    for j in range(first - 1, last + 1):
        new, old = _STATE * (j % 2), _STATE * ((j + 1) % 2)  # states of rows j and j - 1
        f, g = 2 * _STATE + _FLUX * (j % 2), 2 * _STATE + _FLUX * ((j + 1) % 2)  # and fluxes below them
        flat = j == 0 or j == ny - 1  # ghost rows have no slope
        jm, jp = (j, j) if flat else (j - 1, j + 1)
        h0, w0 = _row(h, below[0], above[0], j, first, last), _row(uv, below[1], above[1], j, first, last)
        hm, wm = _row(h, below[0], above[0], jm, first, last), _row(uv, below[1], above[1], jm, first, last)
        hp, wp = _row(h, below[0], above[0], jp, first, last), _row(uv, below[1], above[1], jp, first, last)
        _states(
            _five(m, new + _LOW, a, b), _five(m, new + _HIGH, a, b),
            (hm[a:b], wm[1, a:b], wm[0, a:b], bed[jm, a:b]),
            (h0[a:b], w0[1, a:b], w0[0, a:b], bed[j, a:b]),
            (hp[a:b], wp[1, a:b], wp[0, a:b], bed[jp, a:b]),
            half, spare,
        )
        if j < first:
            continue
        _faces(  # between rows j - 1 and j
            (m[f, a:b], m[f + 1, a:b], m[f + 2, a:b], m[f + 3, a:b]),
            _five(m, old + _HIGH, a, b), _five(m, new + _LOW, a, b), spare,
        )
        if j == 1 or j == ny - 1:
            sign = dt_s * dx_m * (1.0 if j == 1 else -1.0)
            for i in range(a, b):
                volume[0] += max(sign * m[f, i], 0.0)
                volume[1] += max(-sign * m[f, i], 0.0)
        if j > first:
            _update(
                h[j - 1, a:b], uv[j - 1, 1, a:b], uv[j - 1, 0, a:b],
                (m[g, a:b], m[g + 2, a:b], m[g + 3, a:b]), (m[f, a:b], m[f + 1, a:b], m[f + 3, a:b]),
                (m[old + _LOW, a:b], m[old + _LOW + 1, a:b], m[old + _HIGH, a:b], m[old + _HIGH + 1, a:b]),
                step, (m[t, a:b], m[t + 1, a:b], m[t + 2, a:b]),
            )


@jit()
def _finish(  # type: ignore[no-untyped-def]
    h, uv, wet, peaks, drag, first, last, span, dt_s, m
):
    """Friction, extremes and wet columns of a strip at the end of a step; returns its fastest wave, m/s.

    `peaks` = (peak, arrival_ms, land, watch_m, film_m, now_ms), see `advance`; `wet` [2] receives the
    wet columns (from, to).
    """
    a, b = span
    nx = h.shape[1]
    peak, arrival, land, watch_m, film_m, now_ms = peaks
    wet[0], wet[1] = nx, 0
    fastest = 0.0
    for j in range(first, last):
        wave = _friction(
            h[j, a:b], uv[j, 0, a:b], uv[j, 1, a:b], drag[j, a:b], dt_s,
            (m[0, a:b], m[1, a:b], m[2, a:b]),
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
    dry_m, watch_m, film_m). `work` = (edge depths [strips + 2, 2, 2, columns + 2] float64, edge
    velocities [strips + 2, 2, 2, 2, columns + 2] float32, scratch [strips, SCRATCH, columns + 2]
    float32).

    The Courant number bounds dt (max(|u|, |v|) + c) / dx over the wet cells: below 1 a sweep is
    stable and keeps depths non-negative.
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
        for s in range(strips):
            a, b = wet[s]
            if a < b:
                a, b = a - 1, b + 1
            for other in (s - 1, s + 1):
                if 0 <= other < strips and wet[other, 0] < wet[other, 1]:
                    a, b = min(a, wet[other, 0] - 1), max(b, wet[other, 1] + 1)
            spans[s, 0], spans[s, 1] = max(a, 1), min(b, nx - 1)
        for sweep in range(2):
            along_x = (sweep + np.int64(clock[3])) % 2 == 0
            fill_ghosts(h, uv, bed, sides, incident_m)
            if not along_x:
                # Two rows at either end of each strip; before the first and after the last, ghosts.
                for s in range(-1, strips + 1):
                    for end in range(2):
                        j = 1 + s * STRIP if end == 0 else min((s + 1) * STRIP, ny - 2) - 1
                        for k in range(2):
                            row = min(max(j + k, 0), ny - 1)
                            edge_h[s + 1, end, k] = h[row]
                            edge_uv[s + 1, end, k] = uv[row]
            for k in numba.prange(strips):
                s = 2 * k if k < half else 2 * (k - half) + 1  # alternate strips: even load
                if spans[s, 0] < spans[s, 1]:
                    first, last = 1 + s * STRIP, min(1 + (s + 1) * STRIP, ny - 1)
                    span = (spans[s, 0], spans[s, 1])
                    if along_x:
                        _sweep_x(
                            h, uv, bed, volume[s], first, last, span, (dt, dx_m, dry_m), scratch[s]
                        )
                    else:
                        _sweep_y(
                            h, uv, bed, volume[s], first, last, span, (dt, dx_m, dry_m), scratch[s],
                            (edge_h[s, 1], edge_uv[s, 1]),
                            (edge_h[s + 2, 0], edge_uv[s + 2, 0]),
                        )
                    if sweep == 1:
                        fastest[s] = _finish(
                            h, uv, wet[s], (peak, arrival, land, watch_m, film_m, now_ms), drag,
                            first, last, span, dt, scratch[s],
                        )
                else:
                    fastest[s] = 0.0
        for s in range(strips):
            if spans[s, 0] < spans[s, 1]:
                clock[4] += min(STRIP, ny - 2 - s * STRIP) * (spans[s, 1] - spans[s, 0])
        clock[0] = now_s
        clock[2] = fastest.max()
        clock[3] += 1
