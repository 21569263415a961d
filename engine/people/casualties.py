"""Injury by damaged buildings, entrapment, and how long the trapped and untreated live.

Severities follow HAZUS: 0 unhurt, 1 first aid, 2 hospital but not life-threatening, 3
life-threatening unless treated soon, 4 killed at once or mortally hurt. Indoor rates are HAZUS
6.1's as published with the NHERI-SimCenter Damage and Loss Model Library, in percent of
occupants (data/casualty_indoor_hazus.csv). Outdoor rates could not be confirmed against an open
source and are not modelled: persons outdoors are unhurt by shaking, which undercounts falling
masonry.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine import rng
from engine.city import HAZUS_CLASS, STRUCTURES
from engine.errors import InputError

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
B = NDArray[np.bool_]

#: Rows of the rate table: the damage states of `fragility.STATES`, then collapse.
RATE_STATES = ("none", "slight", "moderate", "extensive", "complete", "collapsed")
_DATA = Path(__file__).parent / "data"


@cache
def indoor_rates() -> F64:
    """Return P(severity = 1..4) of an occupant as fractions [structure, 6 states, 4]."""
    out = np.zeros((len(STRUCTURES), len(RATE_STATES), 4))
    with (_DATA / "casualty_indoor_hazus.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            i, j = STRUCTURES.index(row["structure"]), RATE_STATES.index(row["state"])
            out[i, j] = [float(row[f"severity{n}_pct"]) / 100.0 for n in range(1, 5)]
    for local, hazus in HAZUS_CLASS.items():
        out[STRUCTURES.index(local)] = out[STRUCTURES.index(hazus)]
    out.setflags(write=False)
    return out


def casualty_severity(
    seed: int,
    key: ArrayLike,
    damage: ArrayLike,
    collapsed: ArrayLike,
    structure: ArrayLike,
    indoors: ArrayLike,
    event: int = 0,
) -> U8:
    """Return the severity 0 to 4 of persons [n] after one shock.

    `key` [n] stable person keys; `damage` [n] (0-4), `collapsed` [n] and `structure` [n] (index
    of `STRUCTURES`) are those of the building the person is in, any value where `indoors` [n] is
    false. One draw a person from stream quake.casualty, `event` its occurrence number; a low
    draw is the worst outcome, so heavier damage seldom helps anyone under one seed.
    """
    state = np.where(np.asarray(collapsed, dtype=bool), 5, np.asarray(damage, dtype=np.int64))
    # [structure, state, 4]: probability of severity 4, 3 or more, 2 or more, 1 or more.
    at_least = np.cumsum(indoor_rates()[:, :, ::-1], axis=2)
    limit = at_least[np.asarray(structure, dtype=np.int64), state]
    draw = rng.uniform(seed, "quake.casualty", key, event)
    severity = np.zeros(draw.size, np.uint8)
    for level in range(4):
        severity += draw < limit[:, level]
    severity[~np.asarray(indoors, dtype=bool)] = 0
    return severity


def trapped(severity: ArrayLike, damage: ArrayLike, collapsed: ArrayLike, indoors: ArrayLike) -> B:
    """Return who is trapped [n]: severity 2 or 3 indoors, in a complete or collapsed building.

    An assumption of this project: HAZUS counts no trapped persons. In a collapsed building it
    traps a quarter of the occupants (HAZUS's 20 % and 5 %) besides the dead; for comparison,
    Coburn and Spence's survey factors (recalled, unconfirmed) run from 5 % to 70 % of occupants.
    """
    s = np.asarray(severity)
    wrecked = np.asarray(collapsed, dtype=bool) | (np.asarray(damage) == 4)
    hurt = (s == 2) | (s == 3)
    return np.asarray(hurt & wrecked & np.asarray(indoors, dtype=bool))


#: Weibull scale (hours) and shape fitted to the shares alive at rescue, see `trapped_survival`.
TRAPPED_SCALE_H = 42.0
TRAPPED_SHAPE = 1.10


def trapped_survival(hours: ArrayLike) -> F64:
    """Return the share of persons trapped alive who still live after `hours` [n] under rubble.

    exp(-(t / 42 h)^1.1), fitted here to the shares alive among those dug out: Tangshan 1976
    99.3 % at half an hour and 81.0, 53.7, 36.7, 19.0, 7.4 % on days 1-5, Kobe 1995 74, 26, 20,
    6 % on days 1-4 (one secondary page; another version has 33.7 for Tangshan's day 2, which
    would lie below its day 3). A day's mean of the curve lies between the two cities wherever
    both report. It describes all severities together and says nothing of who is dug out.
    """
    t = np.maximum(np.asarray(hours, dtype=np.float64), 0.0)
    return np.asarray(np.exp(-((t / TRAPPED_SCALE_H) ** TRAPPED_SHAPE)))


def trapped_death_h(seed: int, key: ArrayLike) -> F64:
    """Return hours until death if not freed, persons [n]; stream trapped.survival."""
    draw = rng.uniform(seed, "trapped.survival", key)
    return np.asarray(TRAPPED_SCALE_H * (-np.log(draw)) ** (1.0 / TRAPPED_SHAPE))


#: Survival probability by RPM score 0-12 (respiration, pulse, motor response).
RPM_SURVIVAL = (
    0.052, 0.089, 0.15, 0.23, 0.35, 0.49, 0.63, 0.75, 0.84, 0.90, 0.94, 0.97, 0.98,
)  # fmt: skip
#: Expected RPM score after 30, 60, ... 360 minutes without treatment, by initial score.
RPM_AFTER = (
    (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    (2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    (3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    (4, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0),
    (6, 5, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0),
    (8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0),
    (9, 8, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0),
    (10, 9, 9, 8, 8, 7, 6, 6, 5, 5, 4, 4),
    (11, 11, 10, 10, 9, 8, 8, 7, 7, 6, 6, 5),
    (12, 12, 11, 11, 10, 10, 10, 10, 9, 9, 8, 8),
)
#: RPM score taken for HAZUS severity 3: see `untreated_survival`.
CRITICAL_RPM = 9


def _untreated_curve(initial_rpm: int) -> tuple[F64, F64]:
    if not 0 <= initial_rpm <= 12:
        raise InputError(f"RPM score {initial_rpm} outside 0 to 12")
    steps = (initial_rpm, *RPM_AFTER[initial_rpm])
    share = np.array([RPM_SURVIVAL[score] for score in steps]) / RPM_SURVIVAL[initial_rpm]
    hours = np.arange(len(steps), dtype=np.float64) * 0.5
    return hours, np.asarray(share, dtype=np.float64)


def untreated_survival(hours: ArrayLike, initial_rpm: int = CRITICAL_RPM) -> F64:
    """Return the share of critically hurt (severity 3) persons alive after `hours` [n] untreated.

    Source: Sacco et al. 2005, Acad. Emerg. Med. 12(8), 759-770: survival by RPM score from
    76,459 blunt-trauma patients, deterioration without care by Delphi consensus of experts, in
    half-hour steps to 6 h (table values as reproduced in two public programs; the paper's own
    page was not seen). Relative to care at once, because those who die in spite of it are
    severity 4 in HAZUS; linear between steps, constant after 6 h.

    Assumption: severity 3 enters at RPM 9 (for example breathing above 35/min, pulse above 120,
    obeys commands: just START red). RPM 8 and 10 bracket it. The loss in the first hour is
    7 %: no cliff, in keeping with Newgard et al. 2010. Severity 1 and 2 do not die by waiting.
    """
    t, share = _untreated_curve(initial_rpm)
    return np.asarray(np.interp(np.asarray(hours, dtype=np.float64), t, share))


def untreated_death_h(seed: int, key: ArrayLike, initial_rpm: int = CRITICAL_RPM) -> F64:
    """Return hours until death if untreated, severity-3 persons [n]; infinity for those who live.

    Inverse of `untreated_survival`; one draw a person from stream hurt.survival.
    """
    t, share = _untreated_curve(initial_rpm)
    draw = rng.uniform(seed, "hurt.survival", key)
    # np.interp needs ascending abscissae; flat steps keep the earliest time.
    falling, first = np.unique(share, return_index=True)
    last = len(share) - 1 - np.unique(share[::-1], return_index=True)[1]
    knots = np.concatenate([falling, falling])
    times = np.concatenate([t[last], t[first]])
    order = np.lexsort((-times, knots))
    hours = np.interp(draw, knots[order], times[order])
    return np.asarray(np.where(draw < share[-1], np.inf, hours))
