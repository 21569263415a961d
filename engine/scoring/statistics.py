"""Small statistics that scores and comparisons rest on.

Sums go through `math.fsum`, which is exact up to one rounding, so that a figure does not
depend on how numpy splits an array. Bootstrap draws are counter-based (`engine.rng`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri, stdtrit

from engine import rng

F64 = NDArray[np.float64]

#: Confidence of every interval.
CONFIDENCE = 0.95
#: Bootstrap resamples; 2,000 puts the standard error of a probability below 0.012.
RESAMPLES = 2000
#: Seed and stream of bootstrap draws. No run draws from this stream under this seed, and a
#: comparison must be the same bytes wherever it is computed, so both are fixed.
BOOTSTRAP_SEED = 20_080_512
_STREAM = "score.bootstrap"


def nearest_rank(values: ArrayLike, percent: float) -> float | None:
    """Nearest-rank percentile: the smallest value with at least `percent` % at or below it.

    `values` [n] in any unit, infinite for what never came; `percent` in (0, 100]. Returns None
    where there are no values or the rank falls on an infinite one.
    """
    x = np.sort(np.asarray(values, np.float64))
    if x.size == 0:
        return None
    found = float(x[rank(x.size, percent) - 1])
    return found if math.isfinite(found) else None


def rank(count: int, percent: float) -> int:
    """1-based nearest rank of `percent` % among `count` values: ceil(percent * count / 100)."""
    if not 0 < percent <= 100:
        raise ValueError(f"percent is {percent}, must be above 0 and at most 100")
    return max(1, math.ceil(round(percent * count / 100, 9)))


def mean(values: Sequence[float] | F64) -> float:
    """Arithmetic mean of `values` [n > 0], summed exactly."""
    return math.fsum(values) / len(values)


def variance(values: Sequence[float] | F64) -> float:
    """Sample variance of `values` [n > 1] with divisor n - 1."""
    m = mean(values)
    return math.fsum((float(v) - m) ** 2 for v in values) / (len(values) - 1)


def t_interval(values: Sequence[float] | F64) -> tuple[float, float] | None:
    """95 % Student t interval of the mean of `values` [n]; None below two values.

    Assumes that the mean is near normal, which for few replications of a skewed quantity it
    is not; `bootstrap_interval` does not assume it.
    """
    n = len(values)
    if n < 2:
        return None
    half = float(stdtrit(n - 1, 0.5 + CONFIDENCE / 2)) * math.sqrt(variance(values) / n)
    m = mean(values)
    return m - half, m + half


def paired_t(x: Sequence[float], y: Sequence[float]) -> tuple[float, tuple[float, float] | None]:
    """Mean of `x - y` [n], pair by pair, and its 95 % t interval (None below two pairs)."""
    differences = [float(a) - float(b) for a, b in zip(x, y, strict=True)]
    return mean(differences), t_interval(differences)


def resample(count: int, draws: int = RESAMPLES, seed: int = BOOTSTRAP_SEED) -> NDArray[np.int64]:
    """Indices [draws, count] of bootstrap resamples of `count` items, with replacement."""
    entity = np.repeat(np.arange(draws), count)
    k = np.tile(np.arange(count), draws)
    u = rng.uniform(seed, _STREAM, entity, k)
    # u < 1, but u * count may round up to count.
    return np.minimum((u * count).astype(np.int64), count - 1).reshape(draws, count)


def bootstrap_interval(
    values: ArrayLike,
    statistic: Callable[[F64], F64] | None = None,
    method: str = "bca",
    draws: int = RESAMPLES,
    seed: int = BOOTSTRAP_SEED,
) -> tuple[float, float] | None:
    """95 % bootstrap interval of a statistic of `values` [n]; None below two values.

    `statistic` maps [m, n] to [m] along the last axis (the mean if None). `method` is
    "percentile" or "bca" (bias-corrected and accelerated: Efron 1987, "Better bootstrap
    confidence intervals"; the acceleration comes from the jackknife).
    """
    x = np.asarray(values, np.float64)
    if x.size < 2:
        return None
    f: Callable[[F64], F64] = statistic or (lambda a: np.asarray(a.mean(axis=-1)))
    boot = np.sort(f(x[resample(x.size, draws, seed)]))
    low, high = (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2
    if method == "bca":
        low, high = _bca_levels(x, f, boot, low, high)
    elif method != "percentile":
        raise ValueError(f"method is '{method}', must be 'percentile' or 'bca'")

    def at(level: float) -> float:
        return float(boot[min(draws - 1, max(0, math.ceil(level * draws) - 1))])

    return at(low), at(high)


def _bca_levels(
    x: F64, f: Callable[[F64], F64], boot: F64, low: float, high: float
) -> tuple[float, float]:
    """Levels of the bootstrap distribution that BCa reads instead of `low` and `high`."""
    estimate = float(f(x[None, :])[0])
    # Ties count half, so that a constant sample has no bias.
    below = (np.count_nonzero(boot < estimate) + np.count_nonzero(boot <= estimate)) / 2
    share = min(max(below / boot.size, 0.5 / boot.size), 1 - 0.5 / boot.size)
    bias = float(ndtri(share))
    left_out = np.array([np.delete(x, i) for i in range(x.size)])
    d = f(left_out)
    d = d.mean() - d
    spread = float(np.sum(d**2))
    acceleration = float(np.sum(d**3)) / (6 * spread**1.5) if spread > 0 else 0.0

    def level(p: float) -> float:
        z = bias + float(ndtri(p))
        return float(ndtr(bias + z / (1 - acceleration * z)))

    return level(low), level(high)
