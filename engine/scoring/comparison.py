"""Comparison of plans over replications, paired by seed.

Under one seed all plans meet the same hazard, people and luck (common random numbers), so the
difference between two plans is taken seed by seed; its variance, sx^2 + sy^2 - 2 rho sx sy,
falls as the plans' results rise and fall together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError
from engine.scoring.statistics import mean, paired_t, resample, t_interval

NO_DIFFERENCE = "no difference shown"
#: Entries of score.json that are compared beside its metrics.
TOTALS = (("score", "points"), ("efficiency", "points"), ("fairness", "points"))

Scores = Mapping[str, Mapping[int, Mapping[str, Any]]]


def comparison(plans: Sequence[str], scores: Scores) -> dict[str, Any]:
    """Content of comparison.json from `scores` [plan][seed] (score.json contents).

    `plans` gives the order; differences are plan minus the first plan. Only seeds that every
    plan has are compared, in rising order, whatever the order of computation. Intervals are
    95 % Student t over the seeds, of the paired differences for differences; "better" and
    "worse" need an interval that leaves out 0. With one replication there is no interval and
    no verdict, and `probability_best` is None. A metric that is None in any replication
    (infinite or not measured) has no mean: a mean over the rest would flatter.
    Raises InputError where plans repeat or share no seed.
    """
    names = list(plans)
    if not names or len(set(names)) != len(names):
        raise InputError(f"comparison: plans must be named once each, got {names}")
    seeds = sorted(set.intersection(*(set(scores[p]) for p in names)))
    if not seeds:
        raise InputError(f"comparison: plans {', '.join(names)} have no seed in common")
    runs = {p: [scores[p][s] for s in seeds] for p in names}
    first = runs[names[0]][0]
    values: list[tuple[str, str, str, dict[str, list[float | None]]]] = [
        (name, unit, "higher", {p: [run[name] for run in runs[p]] for p in names})
        for name, unit in TOTALS
    ]
    tables = {p: [{m["name"]: m["value"] for m in run["metrics"]} for run in runs[p]]
              for p in names}
    for m in first["metrics"]:
        values.append(
            (m["name"], m["unit"], m["better"],
             {p: [table.get(m["name"]) for table in tables[p]] for p in names})
        )
    return {
        "plans": names,
        "replications": len(seeds),
        "metrics": [_metric(names, *row) for row in values],
        "probability_best": _probability_best(names, tables, runs),
    }


def _metric(
    names: list[str], name: str, unit: str, better: str, values: dict[str, list[float | None]]
) -> dict[str, Any]:
    base = _complete(values[names[0]])
    differences: dict[str, dict[str, Any]] = {}
    for plan in names[1:]:
        own = _complete(values[plan])
        if base is None or own is None:
            differences[plan] = {"mean": None, "ci95": None, "verdict": NO_DIFFERENCE}
            continue
        difference, interval = paired_t(own, base)
        differences[plan] = {
            "mean": difference,
            "ci95": None if interval is None else list(interval),
            "verdict": verdict(interval, better),
        }
    return {
        "name": name,
        "unit": unit,
        "plans": {plan: _summary(_complete(values[plan])) for plan in names},
        "differences": differences,
    }


def _complete(values: list[float | None]) -> list[float] | None:
    """The values as floats, or None where one is missing."""
    known = [float(v) for v in values if v is not None]
    return known if len(known) == len(values) else None


def _summary(values: list[float] | None) -> dict[str, Any]:
    if values is None:
        return {"mean": None, "ci95": None}
    interval = t_interval(values)
    return {"mean": mean(values), "ci95": None if interval is None else list(interval)}


def verdict(interval: tuple[float, float] | None, better: str) -> str:
    """Verdict on a difference from its interval; `better` is "lower" or "higher"."""
    if interval is None or interval[0] <= 0.0 <= interval[1]:
        return NO_DIFFERENCE
    return "better" if (interval[0] > 0.0) == (better == "higher") else "worse"


def _probability_best(
    names: list[str], tables: dict[str, list[dict[str, Any]]], runs: dict[str, list[Any]]
) -> dict[str, float | None]:
    """Share of bootstrap resamples of seeds in which a plan has the fewest mean deaths, then
    the highest mean score; plans equal in both share the resample."""
    n = len(runs[names[0]])
    if n < 2:
        return {plan: None for plan in names}
    index = resample(n)
    deaths = _sums(np.array([[t["deaths"] for t in tables[p]] for p in names], np.float64), index)
    score = _sums(np.array([[run["score"] for run in runs[p]] for p in names], np.float64), index)
    best = deaths == deaths.min(axis=0)
    score = np.where(best, score, -np.inf)
    best &= score == score.max(axis=0)
    share = best / best.sum(axis=0)
    return {p: float(np.cumsum(share[i])[-1]) / index.shape[0] for i, p in enumerate(names)}


def _sums(values: NDArray[np.float64], index: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sums [plans, resamples] of `values` [plans, seeds], added in the order of draws."""
    total = np.zeros((values.shape[0], index.shape[0]))
    for column in range(index.shape[1]):
        total += values[:, index[:, column]]
    return total
