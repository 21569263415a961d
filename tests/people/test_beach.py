"""Who is where when it begins: the beach in season."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pytest

from engine.city import City
from engine.errors import InputError
from engine.parties import Parties, form_parties
from engine.plan import Plan
from engine.scenario import Scenario
from engine.shore import distance_to_sea_m
from engine.site import build_site

PLACE = {"lon": -71.0, "lat": -29.9965, "radius_m": 400.0}


@pytest.fixture(scope="module")
def formed(town: City, scenario: Scenario, plans: dict[str, Plan]) -> Any:
    site = build_site(town, scenario, plans["historical"])

    def form(**keys: Any) -> Parties:
        document = {**scenario.model_dump(exclude_unset=True), **keys}
        return form_parties(town, Scenario.model_validate(document), site, 1)

    return form


def test_households_stand_together_on_the_beach(town: City, formed: Any) -> None:
    without = formed(population={})
    parties = formed(population={"beach": {**PLACE, "share": 0.2, "to_hour": 21.0}})
    assert parties.size.sum() == without.size.sum() == town.persons.household.size
    persons = np.arange(town.persons.household.size)
    moved = (parties.person_building != without.person_building) & (parties.person_building < 0)
    assert 0.1 < moved.mean() <= 0.22  # a fifth of all households, less who is at work
    mine = np.unique(parties.of_person[persons[moved]])
    assert np.all(distance_to_sea_m(town)[parties.node[mine]] <= 200.0)
    assert (parties.size[mine] > 1).any()
    for party in mine[:50]:
        members = parties.member[parties.member_ptr[party] : parties.member_ptr[party + 1]]
        assert np.unique(town.persons.household[members]).size == 1
    assert not (town.persons.mobility[persons[moved]] == 2).any()
    # Nobody else has moved.
    assert np.array_equal(
        parties.person_building[~moved], without.person_building[~moved])


@pytest.mark.parametrize("start", ["2024-07-06T19:00:00Z", "2024-01-06T06:00:00Z"])
def test_nobody_is_there_in_winter_or_at_night(formed: Any, start: str) -> None:
    when = datetime.datetime.fromisoformat(start)
    beach = {"beach": {**PLACE, "share": 1.0}}
    with_beach = formed(start_utc=when, population=beach)
    without = formed(start_utc=when, population={})
    assert np.array_equal(with_beach.person_building, without.person_building)


def test_a_beach_inland_is_refused(formed: Any) -> None:
    with pytest.raises(InputError, match=r"population\.beach"):
        formed(population={"beach": {"lon": -70.99, "lat": -29.99, "radius_m": 50.0,
                                     "share": 0.1, "to_hour": 21.0}})
