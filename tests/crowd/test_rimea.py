"""RiMEA's tests and those of NIST TN 1822 that a crowd in the plane can be given, five seeds each.

NIST 2.8, counterflow, is in `test_counterflow`.
"""

from __future__ import annotations

import numpy as np
import pytest

from engine.crowd.model import LENGTH_M, TICK_S
from engine.crowd.simulate import CrowdRun, simulate_crowd
from tests.crowd.venues import box, corner, corridor, hall, make, two_rooms

SEEDS = range(1, 6)


def weidmann(density: float) -> float:
    return float(1.34 * (1 - np.exp(-1.913 * (1 / density - 1 / 5.4))))


@pytest.mark.parametrize("seed", SEEDS)
def test_rimea_1_one_person_in_a_corridor(seed: int) -> None:
    """40 m at 1.33 m/s take 26 to 34 s."""
    venue = corridor(40, 2, box(0, 0, 0.5, 2), 1, speed_mps=1.33, speed_sd_mps=0.0)
    result = simulate_crowd(venue, seed)
    assert 26 <= result.summary["last_out_s"] <= 34
    assert result.summary["last_out_s"] == pytest.approx(39.75 / 1.33, abs=0.5)


def test_nist_2_1_speed_in_a_corridor() -> None:
    """40 m at 1 m/s take 40 s."""
    venue = corridor(40.25, 2, box(0, 0, 0.5, 2), 1, speed_mps=1.0, speed_sd_mps=0.0)
    assert simulate_crowd(venue).summary["last_out_s"] == pytest.approx(40, abs=0.5)


@pytest.mark.parametrize(("up", "speed"), [([1, 0], 0.61), ([-1, 0], 0.69)])
def test_rimea_2_and_3_stairs(up: list[float], speed: float) -> None:
    """10 m of a corridor are stairs, up and down."""
    stairs = [{"name": "s", "ring": box(10, 0, 20, 2), "up": up}]
    venue = corridor(30, 2, box(0, 0, 0.5, 2), 1, speed_sd_mps=0.0).model_copy()
    venue = type(venue).model_validate(venue.model_dump() | {"stairs": stairs})
    taken = simulate_crowd(venue).summary["last_out_s"]
    assert taken == pytest.approx(19.75 / 1.34 + 10 / speed, abs=0.8)


def stream(density: float, seed: int) -> tuple[float, float]:
    """Density and speed in a corridor of 5 m, 120 m of which are filled, where the end is far."""
    run = CrowdRun(corridor(130, 5, box(0, 0, 120, 5), round(density * 120 * 5)), seed)
    found = []
    while run.now_s < 30:
        before = run.x.copy()
        run.step()
        if run.now_s > 15 and run.steps % 10 == 0:
            rows = run.rows[(before[run.rows] > 30) & (before[run.rows] < 60)]
            found.append((rows.size / 150, (run.x[rows] - before[rows]).mean() / run.dt_s))
    here, speed = np.mean(found, axis=0)
    return float(here), float(speed)


@pytest.mark.parametrize("seed", SEEDS)
def test_rimea_4_density_and_speed(seed: int) -> None:
    """Weidmann's speeds within 25 % or 0.1 m/s, greatest flow of 1.2 to 1.8 persons a metre and second.

    The tolerance is the scatter of the handbooks: at 1 to 3 persons per m2 Fruin (1.43 - 0.35 rho,
    recalled) and SFPE (1.4 (1 - 0.266 rho)) stand up to 20 % from Weidmann, their greatest flows are
    1.3 to 1.5 and that of Predtechenskii and Milinskii 1.8 (recalled).
    The corridor is 130 x 5 m instead of 1000 x 10 m.
    """
    flows = []
    for wanted in (0.5, 1.0, 2.0, 3.0, 4.0, 5.0):
        density, speed = stream(wanted, seed)
        assert density == pytest.approx(wanted, rel=0.1)
        expected = weidmann(density)
        assert abs(speed - expected) <= max(0.25 * expected, 0.1), (density, speed, expected)
        flows.append(density * speed)
    assert 1.2 <= max(flows) <= 1.8


@pytest.mark.parametrize("seed", SEEDS)
def test_rimea_5_everybody_starts_at_its_own_time(seed: int) -> None:
    """A room of 8 x 5 m, an exit of 1 m, ten persons who wait 10 to 100 s."""
    venue = make(box(0, 0, 8, 5), {"door": [[8, 2], [8, 3]]},
                 [{"count": 10, "ring": box(1, 1, 6, 4), "premovement_s": [10, 100]}])
    run = CrowdRun(venue, seed)
    begun = np.full(10, np.nan)
    places = np.c_[run.x, run.y]
    while run.rows.size and run.now_s < 150:
        run.step()
        way = np.hypot(run.x - places[:, 0], run.y - places[:, 1])
        moved = np.isnan(begun) & (way > 1e-3)
        # People set out inside a step: the way walked at its end tells when.
        begun[moved] = run.now_s - way[moved] / np.hypot(run.vx[moved], run.vy[moved])
    assert run.rows.size == 0
    late = begun - run.people.start_s
    assert (late > -1e-3).all()
    assert (late < TICK_S + 1e-3).all()
    assert run.people.start_s.min() >= 10
    assert run.people.start_s.max() <= 100
    assert np.ptp(run.people.start_s) > 40


@pytest.mark.parametrize("seed", SEEDS)
def test_rimea_6_nobody_crosses_a_wall_at_a_corner(seed: int) -> None:
    run = CrowdRun(corner(), seed)
    walls = np.column_stack(run.ground.walls[:4])
    while run.rows.size and run.now_s < 60:
        run.step()
        for x, y in zip(run.x[run.inside], run.y[run.inside], strict=True):
            assert _distance(walls, x, y) >= 0.9 * LENGTH_M / 2 - 1e-9
    assert run.rows.size == 0
    assert (run.exit_no == 0).all()


def _distance(walls: np.ndarray, x: float, y: float) -> float:
    d = walls[:, 2:] - walls[:, :2]
    t = ((np.array([x, y]) - walls[:, :2]) * d).sum(axis=1) / (d * d).sum(axis=1)
    nearest = walls[:, :2] + np.clip(t, 0, 1)[:, None] * d
    return float(np.hypot(nearest[:, 0] - x, nearest[:, 1] - y).min())


@pytest.mark.parametrize("seed", SEEDS)
def test_rimea_7_speeds_walked_are_those_of_the_age(seed: int) -> None:
    """50 adults of 30 walk 20 m side by side: mean 1.52 and spread 0.32 m/s within 99 % bounds."""
    venue = corridor(24, 150, box(0, 0, 1, 150), 50, speed_mps=1.52, speed_sd_mps=0.32)
    run = CrowdRun(venue, seed)
    since, until = np.full(50, np.nan), np.full(50, np.nan)
    while run.rows.size and run.now_s < 60:
        run.step()
        since[np.isnan(since) & (run.x > 2)] = run.now_s
        until[np.isnan(until) & (run.x > 22)] = run.now_s
    walked = 20 / (until - since)
    assert abs(walked.mean() - 1.52) < 2.58 * 0.32 / np.sqrt(50)
    assert abs(walked.std() - 0.32) < 2.58 * 0.32 / np.sqrt(2 * 50)
    assert np.allclose(walked, run.people.speed_mps, rtol=0.03)


@pytest.mark.parametrize("seed", SEEDS)
def test_rimea_9_half_the_doors_take_twice_as_long(seed: int) -> None:
    """1000 persons in a hall of 30 x 20 m with four doors, then with two."""
    four, two = (simulate_crowd(hall(doors), seed).summary for doors in (4, 2))
    assert four["out"] == two["out"] == 1000
    assert two["last_out_s"] / four["last_out_s"] == pytest.approx(2, rel=0.2)
    assert min(e["out"] for e in four["exits"]) > 200


@pytest.mark.parametrize("seed", SEEDS)
def test_rimea_12_the_queue_stands_before_the_first_passage(seed: int) -> None:
    """Behind a passage of 1 m an exit of 1 m holds nobody up."""
    result = simulate_crowd(two_rooms(), seed)
    assert result.summary["out"] == 150
    maps = result.maps
    before = maps[maps.x_m < 10].density_pm2.max()
    behind = maps[maps.x_m > 15].density_pm2.max()
    assert before > 3.5
    assert behind < 0.5 * before
