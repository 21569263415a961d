"""Relief for the first day: how many need it at most at one time, and what they need.

Who: people who are in a shelter, at a meeting point or beside one that had no place for them, or whose
home cannot be lived in (`homes.py`), each once, while alive and neither trapped nor in an ambulance or
hospital. Not the end of the run counts but the moment at which the most need it: after the all-clear
they go home. `relief_people` is that number, `relief_peak_after` its first moment, and water and medicines
are for these people. Covered places have a highest number of their own (`relief_places_peak_after`):
people at meeting points need none.

- Water: 15 L a person a day (Sphere Handbook, basic needs 7.5-15 L; the upper figure).
- Places: people in a shelter or whose home cannot be lived in need a covered place; people at a
  meeting point who have a home wait for the all-clear and are not counted.
- Medicines: people on drugs against high blood pressure, the most common long-term treatment; other
  long-term medicines are not counted. Prevalence by age in the Southern Cone, Temuco in Chile among four
  cities, ages 35-44, 45-54, 55-64, 65-74: 24.9, 39.8, 59.0, 71.8 % (CESCAS I); 60.0 % of people with
  high blood pressure in Chile take drugs (National Health Survey 2016-17, Ministry of Health). Averaged
  over the bands of five years of the city's age groups, these taken as equally large; people under 35
  count as 0 and over 74 like 65-74 (assumptions: not studied there).

By sex: the city's people carry none. Where its `women` are known, a figure is split by the share of
women in each age group: expected numbers, which add up to the whole. Women are 1.43 times as often on
drugs as men of the same age: 38.7 % have high blood pressure, of whom 62.1 % take drugs, of the men 46.6
and 36.1 % (CESCAS I, Rubinstein and others 2016); one ratio for every age is an assumption.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.city import AGE_GROUPS, FACILITIES, City
from engine.events import KIND_CODE
from engine.scoring.columns import Rows
from engine.scoring.context import NEVER
from engine.scoring.homes import lost_ms
from engine.scoring.ledger import SAFE_AT
from engine.scoring.people import TRIPS
from engine.scoring.record import Metric, Record, metric
from engine.scoring.stays import Stays, at_large, at_once, lasting, latest, stays, with_the_party

B = NDArray[np.bool_]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

WATER_L_PER_DAY = 15.0
ON_DRUGS = 0.600
#: Women on drugs for each man on drugs, as many of each of the same age.
WOMEN_TO_MEN = (0.387 * 0.621) / (0.466 * 0.361)
#: High blood pressure by band of ages: (from, to below, share).
_PREVALENCE = ((35, 45, 0.249), (45, 55, 0.398), (55, 65, 0.590), (65, 120, 0.718))
#: Codes of `_place` for the ledger's states.
_PLACES = {"safe at shelter": 1, "safe at meeting point": 2}
#: First age of each group and of none; the last group is taken up to 85.
_FROM_AGE = (0, 5, 15, 30, 60, 75, 85)
CARD: tuple[tuple[str, Any, str, str, str], ...] = (
    ("relief: water", WATER_L_PER_DAY, "L a person a day", "Sphere Handbook, upper basic need", "sourced"),
    ("relief: people with high blood pressure on drugs", ON_DRUGS, "share",
     "National Health Survey 2016-17, Chile; prevalence by age from CESCAS I", "sourced"),
    ("relief: women on drugs for each man of the same age", round(WOMEN_TO_MEN, 2), "",
     "CESCAS I at 35 to 74 together; the same at every age: assumption", "assumption"),
)


def medicine_share(group: int) -> float:
    """Share of an age group (index of AGE_GROUPS) on drugs against high blood pressure."""
    ages = range(_FROM_AGE[group], _FROM_AGE[group + 1])
    share = [next((p for low, high, p in _PREVALENCE if low <= age < high), 0.0) for age in ages]
    return ON_DRUGS * sum(share) / len(share)


def in_need(r: Record) -> tuple[Stays, Stays]:
    """Stays of people who need relief, and of those who need a covered place.

    No person's stays overlap: from the moment the home is lost it alone counts.
    """
    rows = r.log.rows(*TRIPS, "party_in_water", "party_out_of_water", "party_sheltered", "party_released",
                    "party_no_place", "party_let_in")
    p, end_ms = r.people, r.context.duration_ms
    place = _place(r.city, rows)
    lost = lost_ms(r)
    covered, waiting = (
        _until(with_the_party(p, stays(rows, place == where, end_ms)), lost) for where in (1, 2)
    )
    who = np.flatnonzero(lost < NEVER)
    homeless = at_large(p, (who, lost[who], np.full(who.size, end_ms)))
    return _together(covered, waiting, homeless), _together(covered, homeless)


def _place(city: City, rows: Rows) -> I64:
    """Where each row leaves its party [rows]: 1 in a shelter, 2 at a meeting point or beside one that it
    found shut or full, 0 elsewhere, in water or cut off by it."""

    def of(*kinds: str) -> B:
        return np.isin(rows.kind, [KIND_CODE[kind] for kind in kinds])

    arrives, enters = of("party_arrived", "party_let_in"), of("party_in_water")
    cut, trip = of("party_sheltered"), latest(rows, of(*TRIPS, "party_let_in"))
    there = (trip >= 0) & arrives[trip]
    # Without a place it has stopped beside the point, unless it has set out or turned since.
    moved = latest(rows, of(*(kind for kind in TRIPS if kind != "party_arrived")))
    beside = there & (rows.object[trip] < 0) & (latest(rows, of("party_no_place")) > moved)
    there &= rows.object[trip] >= 0  # else on high ground
    code = np.array([_PLACES.get(SAFE_AT.get(name, ""), 0) for name in FACILITIES])
    place = np.zeros(trip.size, np.int64)
    place[there] = code[city.facilities.kind[rows.object[trip[there]]]]
    place[beside] = _PLACES["safe at meeting point"]
    water = latest(rows, enters | of("party_out_of_water"))
    freed = latest(rows, cut | of("party_released", "party_departed", "party_boarded", "party_arrived"))
    wet = (water >= 0) & enters[water]
    wet |= (freed >= 0) & cut[freed]
    place[wet] = 0
    return place


def _until(stay: Stays, last_ms: I64) -> Stays:
    """Stays of persons up to a time of each [persons]."""
    person, since, until = stay
    return lasting(person, since, np.minimum(until, last_ms[person]))


def _together(*parts: Stays) -> Stays:
    person, since, until = (np.concatenate(column) for column in zip(*parts, strict=True))
    return person, since, until


def _peak(r: Record, stay: Stays) -> tuple[F64, int | None]:
    """People at the moment of the most, by age group, and its first moment in ms; None if there is none."""
    times, number = at_once(stay[1], stay[2])
    if not number.any():
        return np.zeros(len(AGE_GROUPS)), None
    t_ms = int(times[np.argmax(number)])
    return _at(r, stay, t_ms), t_ms


def _at(r: Record, stay: Stays, t_ms: int) -> F64:
    """People of the stays at a time, by age group."""
    now = stay[0][(stay[1] <= t_ms) & (t_ms < stay[2])]
    age = r.city.persons.age_group[now]
    return np.bincount(age, minlength=len(AGE_GROUPS)).astype(np.float64)


def _groups(r: Record, by_age: F64, ratio: float = 1.0) -> dict[str, dict[str, Any]]:
    """A figure by age group, and by sex if the city's women are known; `ratio`: what a woman needs for
    what a man of the same age does."""
    whole = np.all(by_age == np.rint(by_age))
    told: dict[str, dict[str, Any]] = {"age_group": {
        label: int(n) if whole else float(n) for label, n in zip(AGE_GROUPS, by_age, strict=True)}}
    if r.city.women:
        share = np.array(r.city.women)
        share = ratio * share / (1.0 - share + ratio * share)
        women = float((by_age * share).sum())
        told["sex"] = {"women": women, "men": float(by_age.sum()) - women}
    return told


def relief(r: Record) -> list[Metric]:
    """Most people in need at one time and when; water, covered places and medicines for the first day, by
    age group and sex; how many need relief and places at the end of the run."""
    need, places = in_need(r)
    people, t_ms = _peak(r, need)
    covered, covered_ms = _peak(r, places)
    last_ms = r.context.duration_ms - 1
    water = WATER_L_PER_DAY * people
    drugs = people * np.array([medicine_share(i) for i in range(len(AGE_GROUPS))])

    def after(name: str, t_ms: int | None) -> Metric:
        return metric(name, None if t_ms is None else t_ms / 1000, "s", "higher")

    def number(name: str, by_age: F64, unit: str) -> Metric:
        return metric(name, int(by_age.sum()), unit, "lower", _groups(r, by_age))

    return [
        number("relief_people", people, "people"),
        after("relief_peak_after", t_ms),
        metric("relief_water", float(water.sum()), "L/day", "lower", _groups(r, water)),
        number("relief_places", covered, "places"),
        after("relief_places_peak_after", covered_ms),
        metric("relief_medicines", float(drugs.sum()), "people on blood-pressure drugs", "lower",
               _groups(r, drugs, WOMEN_TO_MEN)),
        number("relief_people_at_end", _at(r, need, last_ms), "people"),
        number("relief_places_at_end", _at(r, places, last_ms), "places"),
    ]
