"""Rubble width and what a street keeps."""

from __future__ import annotations

import numpy as np
import pytest

from engine.networks import debris


def test_width_follows_the_standard():
    assert debris.debris_width_m([9.0, 9.0], [True, False]) == pytest.approx([6.0, 5.25])
    assert debris.debris_width_m(9.0, False, 0.5) == pytest.approx(4.5)
    low, high = debris.SHARE_OTHER
    assert low <= 7.0 / 12.0 <= high == debris.SHARE_MAIN


def clear(**changes):
    args = {
        "street_width_m": [12.0, 12.0, 5.0], "street": [0, 0, 1, 2],
        "height_m": [9.0, 6.0, 9.0, 30.0],
        "collapsed": [True, True, False, True], "setback_m": [0.0, 1.0, 0.0, 2.0],
        "main_rescue": True,
    }  # fmt: skip
    return debris.clear_width_m(**{**args, **changes})


def test_only_the_worst_fallen_building_of_a_street_counts():
    # Street 0: 12 - max(6, 4 - 1); street 1: nothing fell; street 2: buried.
    assert clear() == pytest.approx([6.0, 12.0, 0.0])


def test_two_sides_add():
    assert clear(side=[0, 1, 0, 0]) == pytest.approx([3.0, 12.0, 0.0])
    assert clear(side=[0, 0, 0, 0]) == pytest.approx([6.0, 12.0, 0.0])


def test_rubble_inside_the_setback_leaves_the_street_alone():
    assert clear(setback_m=[6.0, 6.0, 0.0, 25.0]) == pytest.approx([12.0, 12.0, 5.0])


def test_main_rescue_roads_meet_wider_rubble():
    assert clear(main_rescue=False)[0] == pytest.approx(12.0 - 5.25)
    assert clear(main_rescue=[True, False, False])[0] == pytest.approx(6.0)


def test_nothing_fell():
    assert clear(collapsed=np.zeros(4, bool)) == pytest.approx([12.0, 12.0, 5.0])


def test_worst_building():
    worst = debris.worst_building(
        3, [0, 0, 1, 0], [True, True, False, True], [6.0, 9.0, 30.0, 9.0], [0.0, 0.0, 0.0, 0.0]
    )
    assert worst.tolist() == [1, -1, -1]


def test_side_of_street():
    sides = debris.side_of_street([1.0, 1.0], [1.0, -1.0], [0, 0], [0, 0], [2, 2], [0, 0])
    assert sides.tolist() == [0, 1]


def test_lanes_left():
    got = debris.lanes_left(
        clear_m=[12.0, 7.2, 3.6, 3.4, 3.6, 3.0, 7.2],
        width_m=[12.0, 12.0, 12.0, 12.0, 12.0, 3.0, 12.0],
        lanes=[1, 1, 1, 1, 2, 1, 2],
        lanes_both=[2, 2, 2, 2, 2, 2, 3],
    )
    # whole; two lanes fit; one lane taken in turns; blocked; one-way; narrow but clear; 2 of 3
    assert got == pytest.approx([1.0, 1.0, 0.5, 0.0, 1.0, 1.0, 4.0 / 3.0])
