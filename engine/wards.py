"""In-patients: who lies in which hospital when the event begins.

`population.inpatients` of a hospital's beds are taken, by adults drawn from the whole city (one draw a
person, so that every plan finds the same people there). A hospital without a known building within
`NEAR_M` has none. They cannot leave alone, whatever they could do at home. Of in-patients 60 % need an
ambulance, the baseline of the AHRQ Mass Evacuation Transportation Model (40 % advanced, 20 % basic
life support); the others can sit.

No discharge during a run: of 3,491 in-patients 44 % could have been sent home, but most of that
capacity came within 24 to 48 h (Kelen et al. 2009, reverse triage), longer than runs last; what can be
freed at once is the surge of a fifth of the beds, so that at most the other four fifths are taken.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from engine import rng
from engine.city import I32, I64, B, City

NEAR_M = 100.0  #: a hospital's building is its own or the nearest one within (assumption)
LYING_SHARE = 0.6

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("in-patients who need an ambulance", LYING_SHARE, "share",
     "AHRQ Mass Evacuation Transportation Model, baseline", "sourced"),
)


def ward_buildings(city: City) -> I32:
    """Building of each hospital, -1 where none is known [facilities]."""
    out = np.full(city.facilities.kind.size, -1, np.int32)
    rows = city.facilities_of("hospital")
    own = city.facilities.building[rows]
    if rows.size and city.buildings.x_m.size:
        tree = cKDTree(np.column_stack([city.buildings.x_m, city.buildings.y_m]))
        at = np.column_stack([city.facilities.x_m[rows], city.facilities.y_m[rows]])
        away, near = tree.query(at)
        own = np.where(own >= 0, own, np.where(away <= NEAR_M, near, -1))
    out[rows] = own
    return out


def inpatients(city: City, share: float) -> I64:
    """In-patients of each facility when the event begins [facilities]."""
    taken = np.rint(share * city.facilities.capacity).astype(np.int64)
    return np.where(ward_buildings(city) >= 0, taken, 0)


def wards(city: City, share: float, seed: int) -> I32:
    """Hospital that each person lies in, -1 for none [persons]."""
    ward = np.full(city.persons.household.size, -1, np.int32)
    number = inpatients(city, share)
    if not number.any():
        return ward
    adults = np.flatnonzero(city.persons.age_group >= 2)
    order = adults[np.argsort(rng.uniform(seed, "position.ward", adults), kind="stable")]
    first = 0
    for facility in np.flatnonzero(number):
        last = first + int(number[facility])
        ward[order[first:last]] = facility
        first = last
    return ward


def lies(seed: int, person: I64) -> B:
    """Which in-patients [n] need an ambulance."""
    return np.asarray(rng.uniform(seed, "position.ward", person, 2) < LYING_SHARE)
