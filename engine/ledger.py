"""Nothing is lost: conservation checks at the end of every run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.errors import RunError
from engine.world import (
    C_HOSPITAL,
    C_TRANSPORT,
    C_TRAPPED,
    P_ABOARD,
    P_DRIVING,
    P_WALKING,
    U_AWAY,
    U_BACK,
    U_ON_FOOT,
    U_TO_HOSPITAL,
)

if TYPE_CHECKING:
    from engine.twin import Twin


def check_conservation(twin: Twin) -> None:
    """Raise RunError where people, vehicles, patients or beds do not add up."""
    world, parties = twin.world, twin.context.parties
    people = int(parties.size.sum())
    if people != twin.city.persons.household.size:
        raise RunError(f"parties hold {people:,} people, the city {twin.city.persons.household.size:,}")
    walking = world.party_arc >= 0
    if np.any(walking & (world.party_place == P_DRIVING)):
        raise RunError("a party is on foot and in a car at once")
    chose = (world.party_mode > 0) | (parties.ward >= 0)  # in-patients are taken along
    if np.any((world.party_place == P_WALKING) & ~chose):
        raise RunError("a party walks without having chosen to")
    getting_off = {party for _, party, *_ in twin.mail.alights}
    aboard_alone = np.flatnonzero((world.party_place == P_ABOARD) & (world.party_unit < 0))
    if not set(aboard_alone.tolist()) <= getting_off:
        raise RunError("a party is on board of no unit")
    if np.any(world.person_trapped & (world.person_care == C_HOSPITAL)):
        raise RunError("a person is trapped and in hospital at once")
    in_hospital = int((world.person_care == C_HOSPITAL).sum())
    beds = int(world.hospital_beds_used.sum())
    if beds < 0 or in_hospital > beds:
        raise RunError(f"{in_hospital} patients are in hospital, but {beds} beds are used")
    carried = np.flatnonzero(world.person_care == C_TRANSPORT)
    aboard = world.unit_person[np.isin(world.unit_phase, (U_TO_HOSPITAL, U_ON_FOOT, U_AWAY, U_BACK))]
    if not set(carried) <= set(aboard[aboard >= 0]):
        raise RunError("a patient is on the way to hospital without a unit")
    if np.any(world.person_trapped & ~np.isin(world.person_care, (C_TRAPPED,))):
        raise RunError("a trapped person is not in the rescue chain")
    for component in twin.components:
        problem = component.conserved()
        if problem:
            raise RunError(f"{component.name}: {problem}")

