"""RiMEA's tests and those of NIST TN 1822 that a model in the plane can be given."""

from __future__ import annotations

import numpy as np
import pytest

from engine.crowd.people import AGE_SPEEDS, draw_speeds
from engine.crowd.simulate import CrowdRun, simulate_crowd
from engine.kernels import crowd as kernel
from tests.crowd_venues import (
    bottleneck,
    corner,
    corridor,
    facing_rooms,
    hall,
    make,
    start_box,
    two_rooms,
)


def weidmann(density: float) -> float:
    return 1.34 * (1 - np.exp(-1.913 * (1 / density - 1 / 5.4)))


def test_rimea_1_one_person_in_a_corridor() -> None:
    """40 m at 1.33 m/s take 26 to 34 s."""
    result = simulate_crowd(start_box(40, 2, speed_mps=1.33, speed_sd_mps=0), 1)
    assert 26 <= result.summary["clearance_s"] <= 34
    assert result.summary["clearance_s"] == pytest.approx(40 / 1.33, abs=0.7)


def test_nist_2_1_speed_in_a_corridor() -> None:
    """40 m at 1 m/s take 40 s."""
    result = simulate_crowd(start_box(40, 2, speed_mps=1.0, speed_sd_mps=0), 1)
    assert result.summary["clearance_s"] == pytest.approx(40, abs=0.8)


@pytest.mark.parametrize(("uphill", "factor"), [([1, 0], 0.455), ([-1, 0], 0.515)])
def test_rimea_2_and_3_stairs(uphill: list[float], factor: float) -> None:
    """10 m of a corridor of 40 m are stairs, up and down."""
    stair = {"name": "s", "ring": [[5, 0], [15, 0], [15, 2], [5, 2]], "uphill": uphill}
    result = simulate_crowd(start_box(40, 2, [stair], speed_mps=1.0, speed_sd_mps=0), 1)
    assert result.summary["clearance_s"] == pytest.approx(30 + 10 / factor, abs=1.5)


@pytest.mark.parametrize("density", [0.5, 1.0, 1.75, 2.5, 3.5, 4.5])
def test_rimea_4_density_and_speed(density: float) -> None:
    """A stream in a corridor walks at Weidmann's speed, within 15 % or 0.05 m/s.

    The corridor is 60 x 5 m instead of 1000 x 10 m; speeds are taken in its middle, from 8 s on and
    before the empty end has come up.
    """
    length, width = 60, 5
    run = CrowdRun(corridor(length, width), int(density * (length - 1) * width))
    speeds, densities = [], []
    while run.now_ms < 18_000:
        run.step()
        if run.now_ms >= 8000 and run.now_ms % 1000 == 0:
            x = run.state[run.rows, 0]
            middle = (x > 0.45 * length) & (x < 0.65 * length)
            speeds.append(run.state[run.rows[middle], 2].mean())
            densities.append(middle.sum() / (0.2 * length * width))
    assert np.mean(densities) == pytest.approx(density, rel=0.06)
    expected = weidmann(float(np.mean(densities)))
    assert abs(np.mean(speeds) - expected) < max(0.15 * expected, 0.05)


def test_greatest_flow_in_a_corridor_is_weidmanns() -> None:
    """1.2249 persons a metre and second at 1.75 persons/m2, within 10 %."""
    run = CrowdRun(corridor(60, 5), int(1.75 * 59 * 5))
    flow = []
    while run.now_ms < 18_000:
        run.step()
        if run.now_ms >= 8000:
            x = run.state[run.rows, 0]
            middle = (x > 27) & (x < 39)
            flow.append(run.state[run.rows[middle], 2].sum() / (12 * 5))
    assert np.mean(flow) == pytest.approx(1.2249, rel=0.10)


def test_rimea_5_everybody_starts_at_its_own_time() -> None:
    """A room of 8 x 5 m, an exit of 1 m, ten persons who wait 10 to 100 s."""
    venue = make(
        walls=[[[8, 2], [8, 0], [0, 0], [0, 5], [8, 5], [8, 3]]],
        exits=[{"name": "door", "line": [[8, 2], [8, 3]]}],
        areas=[{"name": "room", "ring": [[1, 1], [6, 1], [6, 4], [1, 4]]}],
        people={"reaction_s": [10, 100]},
    )
    run = CrowdRun(venue, 10)
    begun = np.full(10, np.nan)
    places = run.state[:, :2].copy()
    while not run.done and run.now_ms < 200_000:
        before = run.now_ms
        run.step()
        moved = np.isnan(begun) & (np.abs(run.state[:, :2] - places).max(axis=1) > 0)
        begun[moved] = before / 1000
    assert run.done
    late = begun - run.crowd.reaction_s
    assert (late >= -1e-9).all()
    assert np.median(late) <= 0.2
    assert late.max() < 3.0  # one who stands in another's way waits for it
    assert np.ptp(run.crowd.reaction_s) > 40


def test_rimea_6_nobody_crosses_a_wall_at_a_corner() -> None:
    """20 persons go round a corner; their paths stay clear of the walls."""
    run = CrowdRun(corner(), 20)
    walls = run.ground.walls
    while not run.done and run.now_ms < 120_000:
        run.step()
        for x, y in run.state[run.rows, :2]:
            assert _distance(walls, x, y) >= kernel.WALL_M - 1e-6
    assert run.done


def _distance(walls: np.ndarray, x: float, y: float) -> float:
    d = walls[:, 2:] - walls[:, :2]
    t = ((np.array([x, y]) - walls[:, :2]) * d).sum(axis=1) / (d * d).sum(axis=1)
    nearest = walls[:, :2] + np.clip(t, 0, 1)[:, None] * d
    return float(np.hypot(nearest[:, 0] - x, nearest[:, 1] - y).min())


@pytest.mark.parametrize("group", list(AGE_SPEEDS))
def test_rimea_7_ages_walk_at_weidmanns_speeds(group: str) -> None:
    """50 persons of a group have speeds in its range, spread over it, and walk at them."""
    low, high = AGE_SPEEDS[group]
    venue = start_box(20, 3, ages={group: 1.0})
    speeds = draw_speeds(venue, 1, np.arange(50))
    assert ((speeds >= low) & (speeds <= high)).all()
    half = 1.96 * (high - low) / np.sqrt(12) / np.sqrt(50)
    assert abs(speeds.mean() - (low + high) / 2) < half
    result = simulate_crowd(venue, 1, seed=3)
    assert result.summary["clearance_s"] == pytest.approx(20 / result.crowd.speed_mps[0], abs=0.9)


def test_rimea_9_half_the_doors_take_twice_as_long() -> None:
    """1000 persons in a hall of 30 x 20 m with four doors, then with two."""
    four, two = (simulate_crowd(hall(doors), 1000).summary for doors in (4, 2))
    assert four["out"] == two["out"] == 1000
    assert two["clearance_s"] / four["clearance_s"] == pytest.approx(2, rel=0.2)
    assert min(e["out"] for e in four["exits"]) > 200


def test_rimea_12_the_queue_stands_before_the_first_passage() -> None:
    """Behind a passage of 1 m an exit of 1 m holds nobody up."""
    result = simulate_crowd(two_rooms(), 150)
    assert result.summary["out"] == 150
    maps = result.maps
    x = maps.x0 + (np.arange(maps.shape[1]) + 0.5) * 0.5
    first = maps.density_pm2[:, (x > 7) & (x < 10)].max()
    second = maps.density_pm2[:, (x > 20) & (x < 24)].max()
    assert first > 4
    assert second < 0.6 * first


def test_bottleneck_flow_grows_with_width_and_is_a_measured_one() -> None:
    """0.9 to 2.2 persons a metre and second: planners' 1.2-1.3 and laboratories' up to 2."""
    flows = {}
    for width in (0.8, 1.2, 2.0):
        row = simulate_crowd(bottleneck(width), 150, duration_s=400).summary
        assert row["out"] == 150
        flows[width] = row["exits"][0]["flow_pms"]
        assert 0.9 <= flows[width] <= 2.2
    assert flows[0.8] * 0.8 < flows[1.2] * 1.2 < flows[2.0] * 2.0


def test_nist_2_8_counterflow_slows_but_does_not_lock() -> None:
    """100 persons meet 0, 10, 50 and 100 others in a corridor of 10 x 2 m."""
    times = []
    for others in (0, 10, 50, 100):
        result = simulate_crowd(facing_rooms(others / 100), 100 + others, duration_s=900)
        assert result.summary["out"] == 100 + others
        times.append(np.nanmax(result.out_s[result.crowd.group == 0]))
    assert times == sorted(times)
    assert times[-1] > 1.3 * times[0]


def test_nist_4_1_an_exit_opens_when_the_file_says() -> None:
    """Until then everybody waits, and nobody is out."""
    venue = make(
        walls=[[[8, 2], [8, 0], [0, 0], [0, 5], [8, 5], [8, 3]]],
        exits=[{"name": "door", "line": [[8, 2], [8, 3]], "opens_s": 30}],
        areas=[{"name": "room", "ring": [[1, 1], [6, 1], [6, 4], [1, 4]]}],
    )
    result = simulate_crowd(venue, 20)
    assert result.summary["out"] == 20
    assert np.nanmin(result.out_s) > 30


def test_nist_5_2_no_exit_lets_out_more_than_its_flow() -> None:
    """A door capped at 1.33 persons a metre and second, with 300 behind it."""
    venue = hall(1).model_copy(update={
        "exits": [hall(1).exits[0].model_copy(update={"flow_pms": 1.33})]})
    result = simulate_crowd(venue, 300, duration_s=600)
    out = np.sort(result.out_s)
    assert result.summary["out"] == 300
    for span in (10, 60):
        counts = np.searchsorted(out, out + span) - np.arange(out.size)
        assert counts.max() <= 1.33 * span + 2
    assert 0.9 < result.summary["exits"][0]["flow_pms"] <= 1.36
