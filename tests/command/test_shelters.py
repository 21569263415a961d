"""Shelters: places by floor area and staff; one without its staff does not open."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from engine.city import City
from engine.errors import InputError
from engine.events import KIND_CODE
from engine.plan import Plan
from engine.run import Run, open_session
from engine.scenario import Scenario
from engine.shelters import staff_shelters
from engine.site import build_site


def plan_of(plan: Plan, **keys: Any) -> Plan:
    document = plan.model_dump()
    document["destinations"] = {**document["destinations"], **keys}
    return Plan.model_validate(document)


def two_shelters(town: City, capacity: int) -> City:
    """The town with a second shelter beside the first."""
    f = town.facilities
    row = int(town.facilities_of("shelter")[0])
    doubled = {
        field.name: np.append(getattr(f, field.name), getattr(f, field.name)[row : row + 1])
        for field in dataclasses.fields(f)
    }
    doubled["name"] = doubled["name"].copy()
    doubled["name"][-1] = "Second Shelter"
    doubled["capacity"] = doubled["capacity"].copy()
    doubled["capacity"][-1] = capacity
    return dataclasses.replace(town, facilities=dataclasses.replace(f, **doubled))


def test_places_by_area_and_staff(town: City, scenario: Scenario, plans: dict[str, Plan]) -> None:
    """20 places are 70 m2: 17 people at 4 m2; one of staff serves 50; half of it in half a run."""
    row = town.facilities_of("shelter")
    site = build_site(town, scenario, plan_of(plans["historical"], area_m2_a_person=4.0))
    assert site.shelters.places[row].tolist() == [17]
    assert site.shelters.staff[row].tolist() == [1]
    big = two_shelters(town, 400)
    rows = big.facilities_of("shelter")
    found = staff_shelters(big, plan_of(plans["historical"], shelter_staff=2), rows, 1.0)
    assert found.places[rows].tolist() == [20, 100]
    assert found.staff[rows].tolist() == [2, 2]  # four can be called in a town of 2,000


def test_without_its_staff_a_shelter_stays_shut(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    """Four people can be called: enough for the larger of two shelters that ask for three."""
    big = two_shelters(town, 400)
    session = open_session(big, scenario, plan_of(plans["historical"], shelter_staff=3), 1)
    session.advance(2800.0)
    log = session.twin.log
    kind, subject = log.column("kind"), log.column("subject")
    small, large = big.facilities_of("shelter").tolist()
    assert subject[kind == KIND_CODE["shelter_opened"]].tolist() == [large]
    assert subject[kind == KIND_CODE["shelter_held"]].tolist() == [small]
    assert session.twin.world.facility_load[small] == 0


def test_refused(town: City, scenario: Scenario, plans: dict[str, Plan]) -> None:
    with pytest.raises(InputError, match=r"shelter_staff: 5 are more than the 4 people"):
        build_site(town, scenario, plan_of(plans["historical"], shelter_staff=5))
    with pytest.raises(ValidationError, match="shelter_staff"):
        plan_of(plans["historical"], shelter_staff=1, shelters=False)


def test_staff_hours_are_counted(runs: dict[str, Run]) -> None:
    run = runs["early-warning"]
    rows = run.codes[run.codes.kind == KIND_CODE["shelter_staffed"]]
    hours = float((rows.value * (5400.0 - rows.t_ms / 1000.0)).sum()) / 3600.0
    (metric,) = [m for m in run.score["metrics"] if m["name"] == "staff_hours"]
    assert metric["by_group"]["unit_kind"]["shelter_staff"] == pytest.approx(hours)
    assert metric["value"] == pytest.approx(sum(metric["by_group"]["unit_kind"].values()))
