"""Groups of people that a metric is broken down by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.city import AGE_GROUPS, MOBILITY, City

CAR_ACCESS = ("no car", "car")


@dataclass(frozen=True)
class Grouping:
    """One way to divide the population: `code` [persons] indexes `labels`."""

    name: str
    labels: tuple[str, ...]
    code: NDArray[np.int64]

    def counts(self, mask: NDArray[np.bool_]) -> dict[str, int]:
        """Number of people with `mask` [persons] in every group."""
        found = np.bincount(self.code[mask], minlength=len(self.labels))
        return {label: int(n) for label, n in zip(self.labels, found, strict=True)}

    def sums(self, values: NDArray[np.float64]) -> dict[str, float]:
        """Sum of `values` [persons] in every group."""
        found = np.bincount(self.code, weights=values, minlength=len(self.labels))
        return {label: float(v) for label, v in zip(self.labels, found, strict=True)}


def groupings(city: City) -> tuple[Grouping, ...]:
    """Municipality of residence, age group, mobility and car access of every person.

    Residence, not the place where the event found the person: fairness is owed to residents,
    and a person keeps the group whatever the hour of the event.
    """
    zone = city.buildings.zone[city.person_building]
    municipality, names = city.zone_municipality
    cars = city.households.cars[city.persons.household] > 0
    return (
        Grouping("municipality", names, municipality[zone].astype(np.int64)),
        Grouping("age_group", AGE_GROUPS, city.persons.age_group.astype(np.int64)),
        Grouping("mobility", MOBILITY, city.persons.mobility.astype(np.int64)),
        Grouping("car_access", CAR_ACCESS, cars.astype(np.int64)),
    )


def counts(groups: tuple[Grouping, ...], mask: NDArray[np.bool_]) -> dict[str, dict[str, Any]]:
    """People with `mask` [persons] by every grouping."""
    return {g.name: dict(g.counts(mask)) for g in groups}


def shares(
    groups: tuple[Grouping, ...], good: NDArray[np.bool_], of: NDArray[np.bool_]
) -> dict[str, dict[str, Any]]:
    """Share with `good` among the people with `of`, by every grouping; None for an empty group."""
    out: dict[str, dict[str, Any]] = {}
    for g in groups:
        have, base = g.counts(good & of), g.counts(of)
        out[g.name] = {k: have[k] / base[k] if base[k] else None for k in g.labels}
    return out
