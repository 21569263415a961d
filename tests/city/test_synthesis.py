"""Rules of synthesis: exact totals, stable draws, shares that hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from city_models.people import (
    CHILE,
    draw_cars,
    draw_households,
    draw_persons,
    gravity,
    largest_remainder,
)


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=40))
def test_largest_remainder_keeps_the_total_and_moves_no_one_by_more_than_one(values):
    out = largest_remainder(np.array(values))
    assert out.sum() == int(np.floor(np.sum(values) + 0.5))
    assert np.all(np.abs(out - np.array(values)) <= 1.0 + 1e-9)


def test_largest_remainder_scales_to_a_given_total():
    out = largest_remainder(np.array([1.0, 1.0, 2.0]), 1001)
    assert out.sum() == 1001
    assert abs(int(out[2]) - 500) <= 1


def test_households_fill_zones_exactly_and_zones_do_not_disturb_each_other():
    zone, size, key = draw_households(np.array([500, 0, 321]), CHILE, 7)
    assert np.bincount(zone, weights=size).tolist() == [500, 0, 321]
    assert size.min() >= 1
    assert np.unique(key).size == key.size
    zone2, size2, _ = draw_households(np.array([900, 44, 321]), CHILE, 7)
    assert (size[zone == 2] == size2[zone2 == 2]).all()


def test_shares_of_people_are_those_of_the_society():
    _, size, key = draw_households(np.array([60_000]), CHILE, 3)
    assert size.mean() == pytest.approx(3.1, abs=0.06)
    assert draw_cars(key, CHILE, 3).mean() == pytest.approx(0.60, abs=0.02)
    household, age, mobility, _ = draw_persons(size, key, CHILE, 3)
    shares = np.bincount(age, minlength=6) / age.size
    assert shares == pytest.approx(CHILE.age, abs=0.01)
    first = np.flatnonzero(np.diff(household, prepend=-1))
    assert (age[first] >= 2).all()  # someone in each household is 15 or older
    assert 0.01 < (mobility == 2).mean() < 0.04


def test_gravity_prefers_near_and_large():
    xy = np.array([[0.0, 0.0], [10_000.0, 0.0]])
    u = (np.arange(1000) + 0.5) / 1000
    pick = gravity(
        np.zeros(1000, np.int32), u, xy, np.array([0, 0, 1]), np.array([1.0, 3.0, 4.0]), 2000.0
    )
    count = np.bincount(pick, minlength=3)
    assert count[1] == pytest.approx(3 * count[0], rel=0.02)
    assert count[2] < 15
