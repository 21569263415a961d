"""Speed and capacity of links under water, rubble and blackout."""

from __future__ import annotations

import numpy as np
import pytest

from engine.networks import road_state as rs

FREE, CAP, JAM = 20.0, 0.8, 0.2  # wave speed 5 m/s


def test_pregnolato_check_numbers():
    kmh = rs.flooded_speed_mps([0.0, 0.100, 0.150, 0.200]) * 3.6
    assert kmh == pytest.approx([86.9448, 40.6548, 24.2598, 12.3648], rel=1e-6)
    assert float(rs.flooded_speed_mps(0.29999) * 3.6) == pytest.approx(2.0748, rel=1e-4)


def test_roads_close_at_300_mm_and_stay_closed():
    deep = np.array([0.3, 0.307, 0.5, 2.0])
    assert not rs.flooded_speed_mps(deep).any()
    assert not rs.flooded_speed_mps(deep.astype(np.float32)).any()


def test_speed_is_the_lower_of_free_and_flooded():
    speed, *_ = rs.edge_state([8.0, 8.0], [0.3, 0.3], [0.2, 0.2], depth_m=[0.05, 0.2])
    assert speed == pytest.approx([8.0, 12.3648 / 3.6])
    fast, *_ = rs.edge_state([33.0], [0.6], [0.14], depth_m=[0.0])
    assert fast == pytest.approx([33.0])  # a dry motorway keeps its speed


def test_capacity_keeps_the_backward_wave():
    v = 5.0
    c = float(rs.reduced_capacity_vps(v, FREE, CAP, JAM))
    assert c == pytest.approx(5.0 * 5.0 * 0.2 / 10.0)
    assert c / (JAM - c / v) == pytest.approx(5.0)
    assert float(rs.reduced_capacity_vps(FREE, FREE, CAP, JAM)) == CAP


def test_lanes_scale_capacity_and_storage():
    speed, c, kj, closed = rs.edge_state(FREE, CAP, JAM, lane_ratio=[1.0, 0.5, 0.0])
    assert c == pytest.approx([CAP, CAP / 2, 0.0])
    assert kj == pytest.approx([JAM, JAM / 2, JAM])
    assert speed == pytest.approx([FREE, FREE, 0.0])
    assert closed.tolist() == [False, False, True]


def test_closed_by_water():
    speed, c, kj, closed = rs.edge_state(FREE, CAP, JAM, depth_m=[0.4])
    assert closed.all()
    assert (speed[0], c[0], kj[0]) == (0.0, 0.0, JAM)


def test_dark_signals_and_officers():
    ratio = rs.junction_ratio(
        signal=[1, 1, 1, 0, 0], power=[1, 0, 0, 0, 1], staffed=[0, 0, 1, 0, 1]
    )
    assert ratio == pytest.approx([1.0, 375.0 / 855.0, 1.0, 1.0, 1.0])
    assert float(ratio[1]) == pytest.approx(0.44, abs=0.005)
    _, c, _, _ = rs.edge_state(FREE, CAP, JAM, junction=ratio)
    assert c[1] == pytest.approx(CAP * 375.0 / 855.0)
