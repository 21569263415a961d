"""Households and persons drawn by documented rules from zone populations.

Shares describe Chile (census of 2017); another city passes its own `Society`. Every draw is
keyed by the household's zone and number, so that adding people to one zone changes nobody in
another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import rng

_STREAM = "city.population"


@dataclass(frozen=True)
class Society:
    """Shares of a population.

    `household_size` shares of households with 1, 2, ... persons; `cars` shares with 0, 1, ...
    cars; `age` shares of persons in AGE_GROUPS; `head_age` the same for the first member of a
    household, who is at least 15; `slow` and `assisted` shares of each age group; `pupil` and
    `worker` shares of each age group that leave home on a weekday.
    """

    household_size: tuple[float, ...]
    cars: tuple[float, ...]
    age: tuple[float, ...]
    head_age: tuple[float, ...]
    slow: tuple[float, ...]
    assisted: tuple[float, ...]
    pupil: tuple[float, ...]
    worker: tuple[float, ...]
    source: str


CHILE = Society(
    # Mean 3.1 persons and 17.8 % single households are census figures; the shape between is
    # an assumption that meets both.
    household_size=(0.178, 0.222, 0.217, 0.195, 0.108, 0.047, 0.020, 0.013),
    # Mean 0.6 cars a household; the split is an assumption.
    cars=(0.51, 0.39, 0.09, 0.01),
    age=(0.066, 0.134, 0.235, 0.403, 0.115, 0.047),
    head_age=(0.0, 0.0, 0.130, 0.600, 0.190, 0.080),
    # Chile's disability survey of 2015 counts 20 % of adults (8.3 % severe) and 38 % of those
    # over 60; only part of that limits walking. Small children slow a household down.
    slow=(0.300, 0.020, 0.020, 0.055, 0.180, 0.400),
    assisted=(0.010, 0.005, 0.006, 0.012, 0.040, 0.160),
    pupil=(0.20, 0.96, 0.35, 0.0, 0.0, 0.0),
    worker=(0.0, 0.0, 0.42, 0.74, 0.38, 0.04),
    source=(
        "INE Chile, census 2017 (3.1 persons a household, age shares rounded) and SENADIS, "
        "disability survey 2015; splits between the published figures are assumptions"
    ),
)


def largest_remainder(values: NDArray[np.float64], total: int | None = None) -> NDArray[np.int32]:
    """Round shares to integers whose sum is exactly `total`, by default round(sum(values)).

    Everyone gets the floor; the units left over go to the largest remainders, ties to the
    lower index. `values` [n] must not be negative; where `total` is given they are first
    scaled to it.
    """
    values = np.asarray(values, dtype=np.float64)
    whole = float(values.sum())
    if total is None:
        total = int(np.floor(whole + 0.5))
    elif whole > 0:
        values = values * (total / whole)
    floor = np.floor(values)
    left = total - int(floor.sum())
    if left < 0:  # only through rounding of the scale
        floor[np.argsort(-floor, kind="stable")[: -left]] -= 1
    elif left:
        order = np.argsort(-(values - floor), kind="stable")
        np.add.at(floor, order[np.arange(left) % max(values.size, 1)], 1)
    return floor.astype(np.int32)


def choose(u: NDArray[np.float64], shares: tuple[float, ...]) -> NDArray[np.intp]:
    """Turn uniforms into category numbers with the given shares [n]."""
    edges = np.cumsum(np.asarray(shares, dtype=np.float64))
    return np.minimum(np.searchsorted(edges / edges[-1], u), len(shares) - 1)


def draw_households(
    zone_population: NDArray[Any], society: Society, seed: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    """Return zone, size and stable key of every household.

    Sizes are drawn one after another until the zone is full; the last household of a zone
    takes the rest, so that persons add up to `zone_population` [zones] exactly.
    """
    sizes: list[NDArray[Any]] = []
    zones: list[NDArray[Any]] = []
    keys: list[NDArray[Any]] = []
    for zone, people in enumerate(np.asarray(zone_population, dtype=np.int64)):
        if people <= 0:
            continue
        key = (zone << 24) + np.arange(people)
        size = choose(rng.uniform(seed, _STREAM, key, 0), society.household_size) + 1
        filled = np.cumsum(size)
        count = int(np.searchsorted(filled, people)) + 1
        size = size[:count]
        size[-1] -= int(filled[count - 1]) - int(people)
        sizes.append(size)
        keys.append(key[:count])
        zones.append(np.full(count, zone))
    if not sizes:
        none = np.zeros(0, np.int32)
        return none, none.copy(), np.zeros(0, np.int64)
    return (
        np.concatenate(zones).astype(np.int32),
        np.concatenate(sizes).astype(np.int32),
        np.concatenate(keys).astype(np.int64),
    )


def draw_cars(key: NDArray[np.int64], society: Society, seed: int) -> NDArray[np.uint8]:
    """Return the number of cars of each household [households]."""
    return choose(rng.uniform(seed, _STREAM, key, 1), society.cars).astype(np.uint8)


def draw_persons(
    size: NDArray[np.int32], key: NDArray[np.int64], society: Society, seed: int
) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int64]]:
    """Return household, age group, mobility and stable key of every person.

    The first member of a household is at least 15; the others are drawn so that the whole
    population has the society's age shares.
    """
    count = int(size.sum())
    household = np.repeat(np.arange(size.size, dtype=np.int32), size)
    first = np.zeros(size.size, np.int64)
    np.cumsum(size[:-1], out=first[1:])
    member = np.arange(count) - first[household]
    person_key = (key[household] << 5) + member
    heads = size.size / max(count, 1)
    rest = np.maximum(
        (np.array(society.age) - heads * np.array(society.head_age)) / max(1.0 - heads, 1e-9), 0.0
    )
    u = rng.uniform(seed, _STREAM, person_key, 2)
    age = np.where(member == 0, choose(u, society.head_age), choose(u, tuple(rest)))
    v = rng.uniform(seed, _STREAM, person_key, 3)
    assisted = np.array(society.assisted)[age]
    slow = np.array(society.slow)[age]
    mobility = np.where(v < assisted, 2, np.where(v < assisted + slow, 1, 0))
    return household, age.astype(np.uint8), mobility.astype(np.uint8), person_key


def gravity(
    origin_zone: NDArray[np.int32],
    u: NDArray[np.float64],
    zone_xy: NDArray[np.float64],
    site_zone: NDArray[np.int32],
    site_weight: NDArray[np.float64],
    scale_m: float,
) -> NDArray[np.intp]:
    """Choose one site for each person by attraction and distance between zones.

    The probability of a site is weight * exp(-d / scale_m), d between zone points with 400 m
    within a zone (a production-constrained gravity model); `u` [persons] are uniforms,
    `zone_xy` [zones, 2] metres, `site_zone` and `site_weight` [sites]. Returns row numbers of
    the site table.
    """
    order = np.argsort(site_zone, kind="stable")
    weight = site_weight[order]
    zone = site_zone[order]
    out = np.zeros(origin_zone.size, dtype=np.intp)
    for origin in np.unique(origin_zone):
        who = np.flatnonzero(origin_zone == origin)
        d = np.hypot(*(zone_xy - zone_xy[origin]).T)
        d = np.maximum(d, 400.0)
        pull = np.cumsum(weight * np.exp(-(d - d.min()) / scale_m)[zone])
        pick = np.searchsorted(pull, u[who] * pull[-1])
        out[who] = order[np.minimum(pick, order.size - 1)]
    return out
