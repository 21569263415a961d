"""Statistics against published and worked numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine import rng
from engine.scoring import statistics as s


def test_nearest_rank():
    values = [15, 20, 35, 40, 50]  # the worked example of many textbooks
    assert [s.nearest_rank(values, p) for p in (5, 30, 40, 50, 100)] == [15, 20, 20, 35, 50]
    assert s.nearest_rank([3, math.inf, 1], 66) == 3
    assert s.nearest_rank([3, math.inf, 1], 67) is None
    assert s.nearest_rank([], 50) is None
    assert s.nearest_rank(range(1, 11), 90) == 9  # 0.9 * 10 must not round up to rank 10
    with pytest.raises(ValueError, match="percent is 0"):
        s.nearest_rank(values, 0)


def test_t_interval():
    # Mean 3, s = sqrt(2.5), t(4, 0.975) = 2.776445.
    low, high = s.t_interval([1, 2, 3, 4, 5])
    assert (low + high) / 2 == pytest.approx(3)
    assert (high - low) / 2 == pytest.approx(2.776445 * math.sqrt(2.5 / 5), rel=1e-6)
    assert s.t_interval([1.0]) is None


def test_paired_interval_ignores_what_the_pairs_share():
    luck = np.array([10.0, 200.0, 35.0, 90.0])
    mean, interval = s.paired_t(luck + np.array([1, 2, 1, 2]), luck)
    assert mean == pytest.approx(1.5)
    half = 3.182446 * math.sqrt(1 / 3) / 2  # t(3, 0.975) s / sqrt(n)
    assert interval[1] - interval[0] == pytest.approx(2 * half, rel=1e-6)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_bootstrap_interval_of_a_mean(method):
    x = rng.normal(3, "sensor.noise", np.arange(60))
    low, high = s.bootstrap_interval(x, method=method)
    t_low, t_high = s.t_interval(x)
    assert low == pytest.approx(t_low, abs=0.06)
    assert high == pytest.approx(t_high, abs=0.06)
    assert (low, high) == s.bootstrap_interval(x, method=method)
    assert s.bootstrap_interval(np.full(5, 2.0), method=method) == (2.0, 2.0)
    assert s.bootstrap_interval([1.0], method=method) is None


def test_bca_matches_scipy_on_skewed_data():
    from scipy.stats import bootstrap

    x = np.exp(rng.normal(5, "sensor.noise", np.arange(40)))
    low, high = s.bootstrap_interval(x, method="bca", draws=20_000)
    other = bootstrap((x,), np.mean, method="BCa", n_resamples=20_000,
                      rng=np.random.default_rng(0)).confidence_interval
    width = other.high - other.low
    # The extreme levels that BCa reads here scatter by 2 % of the width from seed to seed.
    assert low == pytest.approx(other.low, abs=0.08 * width)
    assert high == pytest.approx(other.high, abs=0.08 * width)
    assert s.bootstrap_interval(x, method="percentile")[1] < high - 0.2 * width


def test_resamples_cover_items_evenly():
    index = s.resample(5, 4000)
    assert index.shape == (4000, 5)
    share = np.bincount(index.ravel(), minlength=5) / index.size
    assert share == pytest.approx(np.full(5, 0.2), abs=0.01)
    assert np.unique(index, axis=0).shape[0] > 2000  # rows differ
