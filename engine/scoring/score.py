"""The score of one run: deaths first, then efficiency and fairness with equal weight.

Let N be the population, D the deaths, and rho(D) = (D + 1) / (N + 2) Laplace's estimate of the
risk of death per person (rule of succession: finite and above 0 also for D = 0). On

    f(D) = 100 ln(1 / rho(D)) / ln(1 / rho(0))

equal ratios of risk are equal steps, f(0) = 100 and f(N + 1) = 0. The score is

    score = f(D + 1) + q (f(D) - f(D + 1)),   q = (efficiency + fairness) / 200 in 0..1

so each number of deaths owns one interval, the intervals do not overlap, and q moves the score
inside its own: of two runs in one city, more deaths never score higher, whatever else they
achieved. Deaths need no price and no weight.

A logarithm, not D / N, is a choice: with 450,000 people a linear scale would show every plan
between 99 and 100. Since the mean of a logarithm is not the logarithm of the mean, plans are
ranked over replications by mean deaths first and mean score second (`comparison.py`).

Efficiency is 100 times the plain mean of six shares, each in 0..1 with 1 best; equal weights
are a choice, and the metrics stand beside the score for whoever weighs otherwise:

  1. people in the danger zone who were out before the water;
  2. 1 - mean time people stayed in the danger zone over the run's length;
  3. 1 - people who stood in water over people in the danger zone;
  4. severe injuries on the scale of deaths, ln((N + 2) / (K + 1)) / ln(N + 2) for K injuries;
  5. 1 - mean wait for the first unit over the time left when the incident opened;
  6. trapped people freed alive.

A share of nothing is 1: where there is no need, none is unmet. What a plan costs (staff-hours)
is a metric but no part of efficiency, or sending nobody would pay. Fairness is the worst
group's rate (`fairness.py`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from engine.city import City
from engine.events import EventLog
from engine.scoring.casualties import freed_alive, water_intervals
from engine.scoring.context import NEVER, Context
from engine.scoring.fairness import fairness_metrics
from engine.scoring.metrics import all_metrics
from engine.scoring.record import Record, metric, read
from engine.scoring.resources import incidents

SCHEMA = 1


def deaths_scale(deaths: int, population: int) -> float:
    """f(D) of the module's text, in 0..100; falls with `deaths` in 0..population + 1."""
    whole = math.log(population + 2)
    return 100.0 * math.log((population + 2) / (deaths + 1)) / whole


def combine(deaths: int, population: int, efficiency: float, fairness: float) -> float:
    """Score in 0..100 from deaths, population, efficiency (0..100) and fairness (0..100)."""
    high, low = deaths_scale(deaths, population), deaths_scale(deaths + 1, population)
    q = (efficiency + fairness) / 200.0
    # The clamp keeps a rounding of the last bit from crossing into the next interval.
    return min(max(low + q * (high - low), low), high)


def efficiency_parts(r: Record) -> dict[str, float]:
    """The six shares of efficiency, by name, each in 0..1."""
    p, n = r.people, int(r.people.party.size)
    total, duration = int(p.at_risk.sum()), r.context.duration_ms
    out = np.minimum(p.out_ms[p.at_risk], duration)
    wet = np.unique(water_intervals(r)[0]).size
    severe = int(p.severe.sum())
    found = incidents(r)
    left = np.maximum(duration - found.since_ms, 1)
    wait = np.minimum(found.response_ms / left, 1.0)
    trapped = int((p.trapped_ms < NEVER).sum())
    return {
        "out_before_water": int((r.in_time & p.at_risk).sum()) / total if total else 1.0,
        "time_out_of_danger": 1.0 - float(out.sum()) / (total * duration) if total else 1.0,
        "dry": 1.0 - min(wet / total, 1.0) if total else 1.0,
        "severe_injuries": deaths_scale(severe, n) / 100.0,
        "response": 1.0 - math.fsum(wait) / wait.size if wait.size else 1.0,
        "rescued_alive": int(freed_alive(r).sum()) / trapped if trapped else 1.0,
    }


def score_run(city: City, log: EventLog | pd.DataFrame, context: Context) -> dict[str, Any]:
    """Score one run; returns the content of score.json.

    `log` is the run's EventLog or its `codes()` table, `context` the static facts. Values that
    are infinite (a percentile on people who never arrived) or that nothing measured are None.
    """
    r = read(city, log, context)
    parts = efficiency_parts(r)
    efficiency = min(max(100.0 * math.fsum(parts.values()) / len(parts), 0.0), 100.0)
    fairness, shown = fairness_metrics(r)
    deaths = int(r.people.dead.sum())
    return {
        "schema": SCHEMA,
        "score": combine(deaths, int(r.people.party.size), efficiency, fairness),
        "efficiency": efficiency,
        "fairness": fairness,
        "metrics": [
            *all_metrics(r),
            *shown,
            *(metric(f"efficiency_{name}", value, "share", "higher")
              for name, value in parts.items()),
        ],
        "ledger": {"people": r.ledger.people(), "unfinished": r.ledger.unfinished()},
    }
