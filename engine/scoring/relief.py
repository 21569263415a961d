"""Relief quantities for the first day, by age group; the city's people carry no sex.

Who: people alive and not in hospital who at the end of the run are in a shelter or at a meeting
point, or who are displaced (`homes.py`), each once.

- Water: 15 L a person a day (Sphere Handbook, basic needs 7.5-15 L; the upper figure).
- Places: people in a shelter or displaced need a covered place; people at a meeting point who
  have a home wait for the all-clear and are not counted.
- Medicines: people on drugs against high blood pressure, the most common long-term treatment.
  Prevalence by age in the Southern Cone, Temuco in Chile among four cities, ages 35-44, 45-54,
  55-64, 65-74: 24.9, 39.8, 59.0, 71.8 % (CESCAS I); 60.0 % of people with high blood pressure in
  Chile take drugs (National Health Survey 2016-17, Ministry of Health). Averaged over the bands of
  five years of the city's age groups, these taken as equally large; people under 35 count as 0 and
  over 74 like 65-74 (assumptions: not studied there). Other long-term medicines are not counted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.city import AGE_GROUPS
from engine.scoring.groups import Grouping
from engine.scoring.homes import displaced
from engine.scoring.ledger import STATES
from engine.scoring.record import Metric, Record, metric

B = NDArray[np.bool_]

WATER_L_PER_DAY = 15.0
ON_DRUGS = 0.600
#: High blood pressure by band of ages: (from, to below, share).
_PREVALENCE = ((35, 45, 0.249), (45, 55, 0.398), (55, 65, 0.590), (65, 120, 0.718))
#: First age of each group and of none; the last group is taken up to 85.
_FROM_AGE = (0, 5, 15, 30, 60, 75, 85)


def medicine_share(group: int) -> float:
    """Share of an age group (index of AGE_GROUPS) on drugs against high blood pressure."""
    ages = range(_FROM_AGE[group], _FROM_AGE[group + 1])
    share = [next((p for low, high, p in _PREVALENCE if low <= age < high), 0.0) for age in ages]
    return ON_DRUGS * sum(share) / len(share)


def relief(r: Record) -> list[Metric]:
    """Water, covered places and medicines for the first day, by age group."""
    lost, state = displaced(r), r.ledger.state
    alive = ~r.people.dead & ~r.people.in_hospital
    in_shelter = state == STATES.index("safe at shelter")
    waiting = state == STATES.index("safe at meeting point")
    served = alive & (in_shelter | waiting | lost)
    places = alive & (in_shelter | lost)
    age = next(g for g in r.groups if g.name == "age_group")
    share = np.array([medicine_share(i) for i in range(len(AGE_GROUPS))])
    water = _scaled(age, served, np.full(len(AGE_GROUPS), WATER_L_PER_DAY))
    medicines = _scaled(age, served, share)
    return [
        metric("relief_people", int(served.sum()), "people", "lower",
               {"age_group": dict(age.counts(served))}),
        metric("relief_water", sum(water.values()), "L/day", "lower", {"age_group": dict(water)}),
        metric("relief_places", int(places.sum()), "places", "lower",
               {"age_group": dict(age.counts(places))}),
        metric("relief_medicines", sum(medicines.values()), "patients", "lower",
               {"age_group": dict(medicines)}),
    ]


def _scaled(age: Grouping, mask: B, per_person: NDArray[np.float64]) -> dict[str, float]:
    found = age.counts(mask)
    return {label: float(found[label] * per_person[i]) for i, label in enumerate(age.labels)}
