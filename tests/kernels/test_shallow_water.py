"""The shallow-water kernel against closed forms, conservation and thread counts.

The scheme is of second order where water is smooth and of first at shocks and fronts, so profiles are
compared in the L1 norm and shown to converge; the bounds are half of what the same scheme without
slopes reaches.
"""

from __future__ import annotations

import math

import numba
import numpy as np
import pytest

from engine.hazards.sea import Basin

G = 9.81


def dam(left_m: float, right_m: float, dx_m: float, length_m: float = 2000.0) -> Basin:
    """A dam in the middle of a flat frictionless channel."""
    nx = round(length_m / dx_m)
    depth = np.full((16, nx), right_m)
    depth[:, : nx // 2] = left_m
    return Basin(np.zeros((16, nx)), np.zeros((16, nx)), dx_m, depth_m=depth)


def centres(basin: Basin) -> np.ndarray:
    nx = basin.depth_m.shape[1]
    return (np.arange(nx) + 0.5 - nx / 2) * basin.dx_m


def ritter(x: np.ndarray, t: float, h0: float) -> np.ndarray:
    """Depth of a dam break onto a dry bed (Ritter 1892)."""
    c0 = math.sqrt(G * h0)
    middle = (2 * c0 - x / t) ** 2 / (9 * G)
    return np.where(x < -c0 * t, h0, np.where(x < 2 * c0 * t, middle, 0.0))


def stoker(x: np.ndarray, t: float, hl: float, hr: float, hm: float, um: float, s: float) -> np.ndarray:
    """Depth of a dam break onto a wet bed (Stoker 1957) with its middle state and shock speed."""
    cl, cm = math.sqrt(G * hl), math.sqrt(G * hm)
    fan = (2 * cl - x / t) ** 2 / (9 * G)
    return np.select([x < -cl * t, x < (um - cm) * t, x < s * t], [hl, fan, hm], hr)


def test_lake_at_rest_with_islands_does_not_move() -> None:
    y, x = np.mgrid[0:48, 0:64]
    bed = -6.0 + 7.5 * np.exp(-((x - 20) ** 2 + (y - 20) ** 2) / 60.0) + 4.0 * (x > 55)
    basin = Basin(bed.astype(np.float32), np.full(bed.shape, 0.03), 10.0)
    before = basin.volume_m3
    basin.advance(600.0)
    u, v = basin.velocity_mps
    assert np.abs(u).max() < 1e-6
    assert np.abs(v).max() < 1e-6
    assert abs(basin.volume_m3 - before) <= 1e-10 * before


def test_ritter_dam_break_on_dry_bed_converges_to_the_closed_form() -> None:
    errors = []
    for dx in (10.0, 5.0, 2.5):
        basin = dam(10.0, 0.0, dx)
        basin.advance(30.0)
        h = basin.depth_m[8]
        exact = ritter(centres(basin), 30.0, 10.0)
        errors.append(float(np.abs(h - exact).mean() / 10.0))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.0011
    x = centres(basin)
    at_dam = np.interp(0.0, x, h)
    assert at_dam == pytest.approx(4.4444, rel=0.02)
    u = basin.velocity_mps[0][8].astype(float)
    assert np.interp(0.0, x, u) * at_dam == pytest.approx(29.347, rel=0.03)
    # A front lags where it is thin; where it is 0.1 m deep it is well placed.
    speed = 2 * math.sqrt(G * 10.0) - 3 * math.sqrt(G * 0.1)
    assert 2 * math.sqrt(G * 10.0) == pytest.approx(19.809, rel=1e-4)
    assert x[h > 0.1].max() / 30.0 == pytest.approx(speed, rel=0.08)


@pytest.mark.parametrize(
    ("hl", "hr", "hm", "um", "shock", "t", "dx", "length", "error"),
    [
        (10.0, 1.0, 3.9617, 7.3408, 9.8193, 30.0, 2.5, 2000.0, 0.001),
        (0.005, 0.001, 0.0025394, 0.12728, 0.20996, 6.0, 0.01, 8.0, 0.002),  # too thin for slopes
    ],
)
def test_stoker_dam_break_on_wet_bed(
    hl: float, hr: float, hm: float, um: float, shock: float, t: float, dx: float, length: float,
    error: float,
) -> None:
    basin = dam(hl, hr, dx, length)
    basin.advance(t)
    x, h = centres(basin), basin.depth_m[8]
    exact = stoker(x, t, hl, hr, hm, um, shock)
    assert np.abs(h - exact).mean() / hl < error
    # The middle of the plateau, and where the shock stands.
    plateau = (x > 0.3 * shock * t + 0.7 * (um - math.sqrt(G * hm)) * t) & (x < 0.9 * shock * t)
    assert np.median(h[plateau]) == pytest.approx(hm, rel=0.01)
    assert np.median(basin.velocity_mps[0][8][plateau]) == pytest.approx(um, rel=0.01)
    half = 0.5 * (hm + hr)
    assert x[h > half].max() == pytest.approx(shock * t, abs=dx)


def strip(
    dx_m: float, bed: np.ndarray, manning: float, depth: np.ndarray, speed_mps: float = 0.0
) -> Basin:
    """A channel of four rows with depth (m) and velocity along it (m/s) at the beginning."""
    basin = Basin(np.tile(bed, (4, 1)), np.full((4, bed.size), manning), dx_m,
                  depth_m=np.tile(depth, (4, 1)))
    basin._uv[1:-1, 0, 1:-1] = speed_mps
    return basin


def extrapolated(coarse: float, fine: float) -> float:
    """Limit for cells of no width of what converges to first order, from cells of 2 dx and dx.

    Fronts, and sheets too thin for slopes, converge to first order (Richardson).
    """
    return 2.0 * fine - coarse


@pytest.mark.parametrize(
    ("hl", "hr", "hm", "um", "shock", "t", "dx", "length", "thin"),
    [
        (10.0, 1.0, 3.9617, 7.3408, 9.8193, 30.0, 1.25, 2000.0, False),
        (0.005, 0.001, 0.0025394, 0.12728, 0.20996, 6.0, 0.005, 8.0, True),
    ],
)
def test_stoker_middle_state_and_shock_in_the_limit_of_small_cells(
    hl: float, hr: float, hm: float, um: float, shock: float, t: float, dx: float, length: float,
    thin: bool,
) -> None:
    """Depth and speed behind the shock and its own speed, by the water behind it (Stoker 1957)."""
    found = []
    for width in (dx, dx / 2):
        nx = round(length / width)
        basin = strip(width, np.zeros(nx), 0.0, np.where(np.arange(nx) < nx // 2, hl, hr))
        x = centres(basin)
        front = []
        for now in (t / 2, t):
            basin.advance(now)
            middle = 0.5 * (um - math.sqrt(G * hm) + shock) * now
            h = basin.depth_m[2]
            plateau = float(np.interp(middle, x, h))
            cut = round(middle / width) * width
            front.append(cut + (h - hr)[x > cut].sum() * width / (plateau - hr))
        speed = float(np.interp(middle, x, basin.velocity_mps[0][2]))
        found.append((plateau, speed, (front[1] - front[0]) / (t / 2)))
    for coarse, fine, expected in zip(*found, (hm, um, shock), strict=True):
        limit = extrapolated(coarse, fine) if thin else fine
        assert limit == pytest.approx(expected, rel=1e-4)


def test_ritter_discharge_at_the_dam_in_the_limit_of_small_cells() -> None:
    """q(0) = 8/27 h0 sqrt(g h0) = 29.347 m2/s for h0 = 10 m (Ritter 1892)."""
    found = []
    for width in (1.25, 0.625):
        nx = round(2000.0 / width)
        basin = strip(width, np.zeros(nx), 0.0, np.where(np.arange(nx) < nx // 2, 10.0, 0.0))
        basin.advance(30.0)
        flow = basin.depth_m[2] * basin.velocity_mps[0][2]
        found.append(float(np.interp(0.0, centres(basin), flow)))
    assert extrapolated(*found) == pytest.approx(29.347, rel=1e-4)


def test_plane_wave_over_a_rough_dry_bed_in_the_limit_of_small_cells() -> None:
    """h = (7/3 n2 u2 (ut - x))^(3/7), n = 0.03, u = 1 m/s, after an hour (Hunter et al. 2005)."""
    n, u, until, step, feed = 0.03, 1.0, 3600.0, 5.0, 60.0
    places = np.array([0.0, 1000.0, 2000.0, 3000.0])

    def h_exact(x: np.ndarray, t: float) -> np.ndarray:
        return np.maximum(7 / 3 * n * n * u * u * (u * t - x), 0.0) ** (3 / 7)

    found = []
    for dx in (5.0, 2.5):
        x = (np.arange(round((3800.0 + feed) / dx)) + 0.5) * dx - feed
        basin = strip(dx, np.zeros(x.size), n, np.where(x < 0, h_exact(x, 0.0), 0.0))
        source = round(feed / dx)
        for k in range(round(until / step)):  # the exact wave feeds the channel from the west
            basin.depth_m[:, :source] = h_exact(x[:source], k * step)
            basin.velocity_mps[0][:, :source] = u
            basin.advance((k + 1) * step)
        h = basin.depth_m[2]
        found.append([*np.interp(places, x, h), x[h > 0.01].max() + dx / 2])
    limit = [extrapolated(coarse, fine) for coarse, fine in zip(*found, strict=True)]
    assert limit[:3] == pytest.approx([2.3796, 2.0699, 1.6810], rel=1e-4)
    # 600 m behind the front the slopes' limiter still shows at these cells: 1.6e-4.
    assert limit[3] == pytest.approx(1.1041, rel=2e-4)
    assert limit[4] == pytest.approx(3600.0, rel=1e-4)


def test_macdonald_flow_is_reached_from_another_state() -> None:
    """Steady profile of MacDonald's long channel (SWASHES), mean error below 0.03 m, h(500 m)."""
    length, q, n, step = 1000.0, 2.0, 0.033, 2.0

    def h_exact(s: np.ndarray) -> np.ndarray:
        return (4 / G) ** (1 / 3) * (1 + 0.5 * np.exp(-16 * (s / length - 0.5) ** 2))

    fine = np.linspace(0, length, 20_001)
    h = h_exact(fine)
    slope = (q * q / (G * h**3) - 1.0) * np.gradient(h, fine) - n * n * q * q / h ** (10 / 3)
    bed = np.concatenate([[0.0], np.cumsum(0.5 * (slope[1:] + slope[:-1]) * np.diff(fine))])

    def steady(dx: float, roughness: float) -> tuple[float, float]:
        """Return mean error (m) and depth at 500 m of what a flow of even depth turns into."""
        x = (np.arange(round(length / dx)) + 0.5) * dx
        inner = (x > 20.0) & (x < length - 20.0)
        basin = strip(dx, np.interp(x, fine, bed - bed.min()), roughness, np.ones(x.size), q)
        for k in range(600):  # depth and discharge are held at both ends
            basin.depth_m[:, ~inner] = h_exact(x[~inner])
            basin.velocity_mps[0][:, ~inner] = q / h_exact(x[~inner])
            basin.advance((k + 1) * step)
        depth = basin.depth_m[2]
        return float(np.abs(depth - h_exact(x))[inner].mean()), float(np.interp(500.0, x, depth))

    coarse, middle = steady(5.0, n), steady(2.5, n)
    assert float(h_exact(np.array(500.0))) == pytest.approx(1.1123, rel=1e-4)
    assert coarse[0] < 0.004  # 0.03 m is asked for
    assert middle[0] < coarse[0]
    # The crest, where the limiter works, comes nearer with smaller cells.
    assert abs(middle[1] - 1.1123) < abs(coarse[1] - 1.1123) < 0.006
    # A tenth more or less roughness is seen.
    assert min(steady(5.0, 0.9 * n)[0], steady(5.0, 1.1 * n)[0]) > 0.03


def test_incident_wave_enters_and_leaves_through_an_open_side() -> None:
    """A low wave enters in the west, runs to the eastern wall and leaves in the west again."""
    nx, dx, depth, height = 200, 50.0, 20.0, 0.2
    t = np.arange(0.0, 4000.0, 10.0)
    level = np.where(t < 600.0, height * np.sin(np.pi * t / 600.0) ** 2, 0.0)
    basin = Basin(np.full((16, nx), -depth), np.zeros((16, nx)), dx, ("west",), (t, level))
    travel = nx * dx / math.sqrt(G * depth)
    basin.advance(travel + 300.0)
    # Crest at the wall: a long wave doubles there (linear theory).
    peak_at_wall = (basin.depth_m[8, -1] - depth) / height
    assert peak_at_wall == pytest.approx(2.0, abs=0.02)
    basin.advance(2 * travel + 1500.0)
    left = np.abs(basin.depth_m[8] - depth).max() / height
    assert left < 0.05


def test_volume_balances_and_threads_agree() -> None:
    y, x = np.mgrid[0:64, 0:96]
    bed = (-12.0 + 0.2 * x + 1.5 * np.sin(y / 7.0)).astype(np.float32)
    t = np.arange(0.0, 1200.0, 10.0)
    level = 1.5 * np.sin(2 * np.pi * t / 400.0)
    states = []
    for threads in (1, 2):
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
        basin = Basin(bed, np.full(bed.shape, 0.025), 25.0, ("west",), (t, level))
        before = basin.volume_m3
        basin.advance(900.0)
        came, went = basin.exchanged_m3
        assert abs(basin.volume_m3 - before - came + went) < 1e-9 * before
        assert (basin.depth_m >= 0).all()
        states.append(basin.depth_m.copy())
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    assert np.array_equal(states[0], states[1])
    assert (states[0][:, 60:] > 0.01).any()  # it did run up the beach
