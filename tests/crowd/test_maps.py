"""Maps against counts, cameras against places, the floor field against distances."""

from __future__ import annotations

import numpy as np
import pytest

from engine.crowd.camera import counted, people_in_view
from engine.crowd.ground import build_ground, solve_field
from engine.crowd.maps import MAP_CELL_M, Recorder
from engine.crowd.simulate import CrowdRun, simulate_crowd
from engine.crowd.venue import Camera
from tests.crowd_venues import corridor, make, start_box


def test_an_even_crowd_has_its_density_up_to_the_walls() -> None:
    run = CrowdRun(corridor(30, 6), 29 * 6 * 2)
    run.sample(5.0)
    density = run.recorder.maps.now_pm2
    x = run.ground.x0 + (np.arange(density.shape[1]) + 0.5) * MAP_CELL_M
    y = run.ground.y0 + (np.arange(density.shape[0]) + 0.5) * MAP_CELL_M
    inside = density[np.ix_((y > 0.3) & (y < 5.7), (x > 2) & (x < 26))]
    assert inside.mean() == pytest.approx(2.0, rel=0.06)
    assert inside.min() > 1.3


def test_exposure_counts_those_who_stand_at_the_levels() -> None:
    run = CrowdRun(corridor(12, 6), int(11 * 6 * 5.6))
    run.sample(5.0)
    row = run.recorder.maps.series[0]
    assert row["people_warn"] > 0.8 * row["inside"]
    assert row["people_danger"] > 0.5 * row["inside"]
    assert row["people_crush"] < 0.2 * row["inside"]
    assert run.recorder.maps.person_s["warn"] == 5 * row["people_warn"]


def test_pressure_is_density_times_variance_of_velocity() -> None:
    """A dense crowd that all sways together: mean density about 5, variance 0.01 by hand."""
    run = CrowdRun(corridor(20, 8), 19 * 8 * 5)
    recorder = Recorder(run.ground, np.ones(run.ground.shape, bool))
    for k in range(12):
        run.state[:, 2] = 0.1 if k % 2 else -0.1
        recorder.sample(5.0 * k, run.rows, run.state, 5.0, 0, 0)
    maps = recorder.maps
    i, j = int((4 - maps.y0) / MAP_CELL_M), int((10 - maps.x0) / MAP_CELL_M)
    assert maps.pressure_ps2[i, j] == pytest.approx(maps.density_pm2[i, j] * 0.01, rel=1e-6)
    assert maps.density_pm2[i, j] == pytest.approx(5, rel=0.15)


def test_an_even_stream_has_no_pressure() -> None:
    run = CrowdRun(corridor(20, 8), 19 * 8 * 5)
    run.state[:, 2] = 0.3
    for k in range(12):
        run.recorder.sample(5.0 * k, run.rows, run.state, 5.0, 0, 0)
    assert run.recorder.maps.pressure_ps2.max() < 1e-9


def test_the_field_is_the_walking_time_round_an_obstacle() -> None:
    """From (1, 5) round the end of a wall at (10, 8) to an exit at x = 20."""
    venue = make(
        walls=[[[20, 4], [20, 0], [0, 0], [0, 10], [20, 10], [20, 6]], [[10, 0], [10, 8]]],
        exits=[{"name": "out", "line": [[20, 4], [20, 6]]}],
        areas=[{"name": "a", "ring": [[0.5, 4.5], [1.5, 4.5], [1.5, 5.5], [0.5, 5.5]]}])
    ground = build_ground(venue)
    time, _, _ = solve_field(ground, 0, np.ones(1, bool))
    i, j = ground.cell_of(1, 5)
    length = np.hypot(9, 3.2) + np.hypot(10, 2.4)
    assert float(time[i, j]) == pytest.approx(length / 1.34, rel=0.06)


def test_a_camera_counts_its_sector_and_not_behind_walls() -> None:
    venue = make(
        walls=[[[20, 0], [0, 0], [0, 10], [20, 10]], [[10, 0], [10, 6]]],
        exits=[{"name": "out", "line": [[20, 0], [20, 10]]}],
        areas=[{"name": "a", "ring": [[1, 1], [19, 1], [19, 9], [1, 9]]}])
    run = CrowdRun(venue, 150)
    camera = Camera(name="c", at=[0.5, 3], towards=[10, 3], angle_deg=60, range_m=18)
    x, y = run.state[:, 0], run.state[:, 1]
    angle = np.degrees(np.arctan2(y - 3, x - 0.5))
    seen = (np.abs(angle) <= 30) & (np.hypot(x - 0.5, y - 3) <= 18)
    rise = (y - 3) / (x - 0.5) * 9.5 + 3  # height at which the line of sight passes the wall
    seen &= (x < 10) | (rise > 6)
    assert people_in_view(camera, run.ground, run.rows, run.state) == seen.sum()
    assert 20 < seen.sum() < 150


def test_counts_scatter_by_the_error_and_come_from_the_seed() -> None:
    camera = Camera(name="c", at=[0, 0], towards=[1, 0], error_share=0.1)
    counts = np.array([counted(camera, 1000, 1, 0, k) for k in range(400)])
    assert counts.mean() == pytest.approx(1000, rel=0.02)
    assert counts.std() == pytest.approx(100, rel=0.15)
    assert counted(camera, 1000, 2, 0, 5) != counted(camera, 1000, 1, 0, 5)
    exact = camera.model_copy(update={"error_share": 0.0})
    assert counted(exact, 1000, 1, 0, 5) == 1000


def test_the_run_reports_what_its_cameras_counted() -> None:
    venue = start_box(20, 3).model_copy(update={
        "cameras": [Camera(name="c", at=[-0.9, 1.5], towards=[20, 1.5], error_share=0.0)]})
    table = simulate_crowd(venue, 1).cameras
    assert (table.counted == table.in_view).all()
    assert table.in_view.max() == 1
    assert table.in_view.iloc[0] == 1
