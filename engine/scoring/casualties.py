"""Metrics of harm: deaths, severe injuries, people in water, people freed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.events import CAUSES, KIND_CODE
from engine.scoring.context import NEVER
from engine.scoring.groups import counts, shares
from engine.scoring.record import Metric, Record, metric
from engine.scoring.stays import Stays, at_once, stays, with_the_party

B = NDArray[np.bool_]
I64 = NDArray[np.int64]

MS_PER_MINUTE = 60_000


def _by_cause(mask: B, cause: I64) -> dict[str, int]:
    found = np.bincount(cause[mask], minlength=len(CAUSES))
    return {CAUSES[i]: int(n) for i, n in enumerate(found) if i > 0 or n}


def harm(r: Record) -> list[Metric]:
    """Deaths and severe injuries, each in total and by cause.

    A severe injury is HAZUS severity 2 or 3 of a person alive at the end: who dies counts as
    dead alone. The cause of an injury is that of the worst one.
    """
    out = []
    for name, mask, cause in (
        ("deaths", r.people.dead, r.people.death_cause),
        ("severe_injuries", r.people.severe, r.people.hurt_cause),
    ):
        causes = _by_cause(mask, cause)
        groups = counts(r.groups, mask)
        groups["cause"] = dict(causes)
        out.append(metric(name, int(mask.sum()), "people", "lower", groups))
        out += [
            metric(f"{name}_{c}", causes[c], "people", "lower")
            for c in CAUSES[1:] if name == "deaths" or c in ("shaking", "tsunami")
        ]
    return out


def water_intervals(r: Record) -> Stays:
    """(person, from ms, to ms) of every stay in water above 0.3 m.

    A person is in the water with the party, but not after death or once in an ambulance, and
    not while trapped in a building, whose water the log does not know. Open stays end with
    the run.
    """
    rows = r.log.rows("party_in_water", "party_out_of_water")
    enters = rows.kind == KIND_CODE["party_in_water"]
    return with_the_party(r.people, stays(rows, enters, r.context.duration_ms))


def water(r: Record) -> list[Metric]:
    """People who stood in water above 0.3 m: how many, at most at once, person-minutes."""
    person, first, last = water_intervals(r)
    n = r.people.party.size
    minutes = np.zeros(n)
    np.add.at(minutes, person, (last - first) / MS_PER_MINUTE)
    _, level = water_series(r)
    wet = np.zeros(n, np.bool_)
    wet[person] = True
    return [
        metric("people_in_water", int(wet.sum()), "people", "lower", counts(r.groups, wet)),
        metric("people_in_water_max", int(level.max(initial=0)), "people", "lower"),
        metric("time_in_water", float((last - first).sum() / MS_PER_MINUTE), "person-min", "lower",
               {g.name: dict(g.sums(minutes)) for g in r.groups}),
    ]


def water_series(r: Record) -> tuple[I64, I64]:
    """People in water over time: (times_ms [n], number from that time on [n])."""
    _, first, last = water_intervals(r)
    return at_once(first, last)


def rescue(r: Record) -> list[Metric]:
    """People trapped in buildings and those freed alive."""
    trapped = r.people.trapped_ms < NEVER
    alive = freed_alive(r)
    total = int(trapped.sum())
    return [
        metric("trapped", total, "people", "lower", counts(r.groups, trapped)),
        metric("rescued_alive", int(alive.sum()), "people", "higher", counts(r.groups, alive)),
        metric("rescued_alive_share", int(alive.sum()) / total if total else None, "share",
               "higher", shares(r.groups, alive, trapped)),
    ]


def freed_alive(r: Record) -> B:
    """Trapped people freed while alive [persons]; a later death does not undo the rescue."""
    p = r.people
    return (p.trapped_ms < NEVER) & (p.freed_ms < NEVER) & (p.died_ms > p.freed_ms)
