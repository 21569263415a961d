"""Fairness as the lot of the group that fares worst (Rawls 1971, the difference principle).

A spread (Gini, best minus worst) can be mended by making the best-off worse. The worst
group's own rate cannot: it rises only when somebody in that group fares better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.scoring.context import NEVER
from engine.scoring.groups import Grouping
from engine.scoring.record import Metric, Record, metric

B = NDArray[np.bool_]

#: Groups with fewer exposed people are shown but do not set the fairness: one person's fate is
#: no rate. 30 is a choice (the usual rule of thumb for a share's normal approximation).
SMALLEST_GROUP = 30


@dataclass(frozen=True)
class Worst:
    """The group that fares worst: its rate in 0..1, its grouping and its label."""

    rate: float
    grouping: str
    label: str


def worst_group(groups: tuple[Grouping, ...], good: B, exposed: B) -> Worst:
    """Lowest share of `good` [persons] among the `exposed` [persons] over all groups.

    All exposed people together are one of the groups, so that there is always an answer; with
    nobody exposed the rate is 1. Turning a good outcome into a bad one, or exposing one more
    person who fares badly, never raises the result.
    """
    total = int(exposed.sum())
    if total == 0:
        return Worst(1.0, "all", "all")
    worst = Worst(int((good & exposed).sum()) / total, "all", "all")
    for g in groups:
        have, base = g.counts(good & exposed), g.counts(exposed)
        for label in g.labels:
            if base[label] >= SMALLEST_GROUP and have[label] / base[label] < worst.rate:
                worst = Worst(have[label] / base[label], g.name, label)
    return worst


def exposed(r: Record) -> B:
    """People to whom the disaster put a question [persons].

    Inside the danger zone when it began, or trapped, severely hurt or killed anywhere. The
    first part, nearly everybody, does not depend on the plan.
    """
    p = r.people
    return p.at_risk | (p.trapped_ms < NEVER) | p.severe | p.dead


def came_through(r: Record) -> B:
    """People who came through [persons].

    Alive and not trapped at the end, out of the danger zone before the water if inside it at
    the start, and in care (treated or admitted) if severely hurt.
    """
    p = r.people
    return (
        ~p.dead & ~p.trapped_at_end & (~p.at_risk | r.in_time) & (~p.severe | p.cared)
    )


def fairness_metrics(r: Record) -> tuple[float, list[Metric]]:
    """(fairness in 0..100, metrics that show it)."""
    base, good = exposed(r), came_through(r)
    worst = worst_group(r.groups, good, base)
    by_group: dict[str, dict[str, object]] = {}
    spread = []
    for g in r.groups:
        have, of = g.counts(good & base), g.counts(base)
        rates = {k: have[k] / of[k] if of[k] else None for k in g.labels}
        judged = [have[k] / of[k] for k in g.labels if of[k] >= SMALLEST_GROUP]
        spread.append(max(judged) - min(judged) if judged else 0.0)
        by_group[g.name] = dict(rates)
    total = int(base.sum())
    return 100.0 * worst.rate, [
        metric("came_through", int((good & base).sum()) / total if total else None, "share",
               "higher", by_group),
        metric("came_through_worst_group", worst.rate, "share", "higher",
               {worst.grouping: {worst.label: worst.rate}}),
        metric("came_through_gap", max(spread), "share", "lower",
               {"grouping": {g.name: s for g, s in zip(r.groups, spread, strict=True)}}),
    ]
