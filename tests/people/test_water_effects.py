"""Loss of stability in water and what becomes of the swept."""

from __future__ import annotations

import numpy as np
import pytest

from engine.people import water_effects as water
from engine.world import H_DEAD, H_SERIOUS


def test_limits_are_those_of_the_guideline() -> None:
    adult, child = np.array([3]), np.array([1])
    limit = np.array([0.6])
    assert not water.loses_stability([0.59], [1.0], limit, adult)[0]
    assert water.loses_stability([0.61], [1.0], limit, adult)[0]
    assert water.loses_stability([1.21], [0.0], limit, adult)[0]
    assert not water.loses_stability([1.19], [0.0], limit, adult)[0]
    assert water.loses_stability([0.51], [0.0], np.array([0.4]), child)[0]
    assert water.loses_stability([0.15], [3.1], limit, adult)[0]


def test_children_and_adults_have_the_limits_of_the_guideline() -> None:
    """Depth times speed 0.4 m2/s for children, 0.6 for adults (Australian Rainfall and Runoff)."""
    key = np.arange(20_000)
    for age_group, limit in ((0, 0.4), (1, 0.4), (2, 0.6), (3, 0.6), (4, 0.6), (5, 0.6)):
        found = water.critical_dv(1, key, np.full(key.size, age_group), np.zeros(key.size))
        assert np.median(found) == pytest.approx(limit, rel=0.01)  # 5 standard errors
    for age_group, still_m in ((0, 0.5), (1, 0.5), (2, 1.2), (5, 1.2)):
        lost = water.loses_stability(
            [still_m - 0.001, still_m + 0.001], [0.0, 0.0], [9.0, 9.0], [age_group, age_group]
        )
        assert lost.tolist() == [False, True]
    assert water.loses_stability([0.15, 0.15], [2.99, 3.01], [9.0, 9.0], [3, 3]).tolist() == [
        False, True
    ]


def test_critical_value_scatters_about_the_guideline_and_is_lower_for_the_frail() -> None:
    key = np.arange(20_000)
    grown = water.critical_dv(1, key, np.full(key.size, 3), np.zeros(key.size))
    frail = water.critical_dv(1, key, np.full(key.size, 3), np.ones(key.size))
    assert grown.mean() == pytest.approx(0.6, rel=0.01)
    assert frail.mean() == pytest.approx(0.4, rel=0.01)
    assert grown.std() / grown.mean() == pytest.approx(water.SCATTER, rel=0.05)


def test_deaths_of_the_swept_follow_the_cohort_by_age_and_rise_in_deep_water() -> None:
    key = np.arange(40_000)
    for age, share in enumerate(water.DEATH_SHARE):
        out = water.outcome_of_swept(3, key, np.full(key.size, 1.0), np.full(key.size, age))
        assert (out == H_DEAD).mean() == pytest.approx(share, abs=0.01)
        survivors = out != H_DEAD
        assert (out[survivors] == H_SERIOUS).mean() == pytest.approx(water.HURT_SHARE, abs=0.02)
    deep = water.outcome_of_swept(3, key, np.full(key.size, 5.0), np.full(key.size, 3))
    assert (deep == H_DEAD).mean() == pytest.approx(
        float(water.jonkman_mortality([5.0])[0]), abs=0.01
    )
    assert water.jonkman_mortality([np.exp(1.46)])[0] == pytest.approx(0.5)
