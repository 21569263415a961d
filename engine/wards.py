"""Wards: who lies in which hospital, and who lives in which care home, when the event begins.

`population.inpatients` of a hospital's beds are taken, by adults drawn from the whole city (one draw a
person, so that every plan finds the same people there), and `population.care_home_residents` of a care
home's places, by people of 75 and over. A house without a known building within `NEAR_M` has none.
They cannot leave alone, whatever they could do at home. Of in-patients 60 % need an ambulance, the
baseline of the AHRQ Mass Evacuation Transportation Model (40 % advanced, 20 % basic life support). Of
residents of Chilean care homes 29.2 % are severely dependent or bedridden (survey of 286 homes, 2025,
Universidad Gabriela Mistral with SENAMA, reported by La Nacion), and those are taken to need one; 59 %
of the residents are 80 or older. The others can sit.

No discharge during a run: of 3,491 in-patients 44 % could have been sent home, but most of that
capacity came within 24 to 48 h (Kelen et al. 2009, reverse triage), longer than runs last; what can be
freed at once is the surge of a fifth of the beds, so that at most the other four fifths are taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from engine import rng
from engine.city import AGE_GROUPS, FACILITIES, I32, I64, B, City

if TYPE_CHECKING:
    from engine.scenario import Population

NEAR_M = 100.0  #: a hospital's building is its own or the nearest one within (assumption)
LYING_SHARE = 0.6
BEDRIDDEN_SHARE = 0.292
_OLDEST = len(AGE_GROUPS) - 1
_HOSPITAL, _CARE_HOME = FACILITIES.index("hospital"), FACILITIES.index("care_home")

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("in-patients who need an ambulance", LYING_SHARE, "share",
     "AHRQ Mass Evacuation Transportation Model, baseline", "sourced"),
    ("care-home residents who need an ambulance", BEDRIDDEN_SHARE, "share",
     "severely dependent or bedridden: survey of 286 homes in Chile, 2025", "sourced"),
)


def ward_buildings(city: City) -> I32:
    """Building of each hospital and care home, -1 where none is known [facilities]."""
    out = np.full(city.facilities.kind.size, -1, np.int32)
    rows = city.facilities_of("hospital", "care_home")
    own = city.facilities.building[rows]
    if rows.size and city.buildings.x_m.size:
        tree = cKDTree(np.column_stack([city.buildings.x_m, city.buildings.y_m]))
        at = np.column_stack([city.facilities.x_m[rows], city.facilities.y_m[rows]])
        away, near = tree.query(at)
        own = np.where(own >= 0, own, np.where(away <= NEAR_M, near, -1))
    out[rows] = own
    return out


def residents(city: City, population: Population) -> I64:
    """In-patients and care-home residents of each facility when the event begins [facilities]."""
    share = np.zeros(city.facilities.kind.size)
    share[city.facilities.kind == _HOSPITAL] = population.inpatients
    share[city.facilities.kind == _CARE_HOME] = population.care_home_residents
    taken = np.rint(share * city.facilities.capacity).astype(np.int64)
    return np.where(ward_buildings(city) >= 0, taken, 0)


def wards(city: City, population: Population, seed: int) -> I32:
    """Hospital or care home that each person lies or lives in, -1 for none [persons]."""
    ward = np.full(city.persons.household.size, -1, np.int32)
    number = residents(city, population)
    age, kind = city.persons.age_group, city.facilities.kind
    for place, pool in ((_HOSPITAL, age >= 2), (_CARE_HOME, age == _OLDEST)):
        houses = np.flatnonzero((kind == place) & (number > 0))
        if houses.size == 0:
            continue
        people = np.flatnonzero(pool & (ward < 0))
        order = people[np.argsort(rng.uniform(seed, "position.ward", people), kind="stable")]
        taken = np.repeat(houses, number[houses])[: order.size]
        ward[order[: taken.size]] = taken
    return ward


def lies(city: City, seed: int, person: I64, ward: I32) -> B:
    """Which people [n] of the facilities `ward` [n] need an ambulance."""
    home = (ward >= 0) & (city.facilities.kind[np.maximum(ward, 0)] == _CARE_HOME)
    share = np.where(home, BEDRIDDEN_SHARE, LYING_SHARE)
    return np.asarray(rng.uniform(seed, "position.ward", person, 2) < share)
