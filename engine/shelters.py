"""Shelters: places from floor area and staff, and which of them the city can staff.

Area. The city's places are taken as counted at the Sphere Handbook's minimum of covered living space,
3.5 m2 a person (Sphere, shelter and settlement standard 3), so that a shelter's floor is 3.5 m2 times
its places; the plan's `area_m2_a_person` divides it anew. For a stay of a few days the American Red
Cross takes 20 ft2, 1.9 m2 (its publication 4496, in FEMA 453).

Staff. One person runs the shelter for `PEOPLE_A_STAFF` people (assumption, range 20 to 100: no figure
found for Chile). The staff are the municipalities' own, the same under every plan: one for every
`PEOPLE_A_DUTY` inhabitants can be called to a shelter at any hour (assumption). The largest shelters
are staffed first; one whose staff is not there does not open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.city import I32, City
from engine.errors import InputError
from engine.levers.places import SPHERE_M2
from engine.plan import Plan

PEOPLE_A_STAFF = 50
PEOPLE_A_DUTY = 500

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("people one of a shelter's staff can serve", PEOPLE_A_STAFF, "people",
     "assumption, range 20 to 100", "assumption"),
    ("inhabitants for one who can be called to a shelter", PEOPLE_A_DUTY, "people",
     "assumption, range 200 to 2,000", "assumption"),
)


@dataclass(frozen=True)
class Shelters:
    """`places`, `staff` and staff `asked` for, of each facility [facilities]: 0 staff where a shelter
    cannot open."""

    places: I32
    staff: I32
    asked: I32


def staff_shelters(city: City, plan: Plan, shelter: I32, share: float) -> Shelters:
    """Places and staff of the shelters (facility rows); people scale with the `share` in the run.
    InputError where the plan asks for more staff than there are for any shelter."""
    capacity = city.facilities.capacity
    places, staff = capacity.astype(np.int32), np.zeros(capacity.size, np.int32)
    room = np.floor(capacity[shelter] * SPHERE_M2 / plan.destinations.area_m2_a_person + 1e-9)
    asked = plan.destinations.shelter_staff
    if asked is None:
        need = np.maximum(np.ceil(room / PEOPLE_A_STAFF), 1.0)
    else:
        need = np.full(shelter.size, max(1.0, round(asked * share)))
    on_duty = max(1, city.persons.household.size // PEOPLE_A_DUTY)
    if asked is not None and shelter.size and need.min() > on_duty:
        raise InputError(
            f"plan '{plan.name}': destinations.shelter_staff: {asked} are more than the "
            f"{round(on_duty / share)} people whom city '{city.name}' can call to a shelter: none "
            "could open"
        )
    left = on_duty
    for i in np.lexsort((shelter, -room)):
        if need[i] <= left:
            staff[shelter[i]] = int(need[i])
            left -= int(need[i])
    serves = room if asked is None else np.ceil(asked * PEOPLE_A_STAFF * share)
    places[shelter] = np.maximum(np.minimum(room, serves), 1)
    wanted = np.zeros(capacity.size, np.int32)
    wanted[shelter] = need
    return Shelters(places, staff, wanted)
