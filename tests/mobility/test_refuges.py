"""Vertical refuges: which building, how many places, who goes, what happens when one is full or lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from engine.city import City
from engine.errors import InputError
from engine.events import KIND_CODE, REASONS
from engine.plan import Plan
from engine.run import Run, open_session
from engine.scenario import Scenario
from engine.site import build_site
from engine.vertical import refuge_floors
from engine.world import P_REFUGE


def with_refuges(plan: Plan, *rows: dict[str, Any]) -> Plan:
    return Plan.model_validate({**plan.model_dump(), "vertical_refuges": rows})


HOUSE: dict[str, Any] = {"name": "Mill House", "lon": -70.99886, "lat": -29.99791, "water_m": 2.0}


def test_floors_above_the_water() -> None:
    """1.3 x 2 m + 3 m = 5.6 m: the third floor of five, at 0.2 + 2 x 2.7 m, just counts."""
    assert refuge_floors(5, 2.0) == (3, pytest.approx(5.6))
    assert refuge_floors(5, 2.1) == (2, pytest.approx(8.3))
    assert refuge_floors(2, 0.5) == (0, 0.0)


def test_places_follow_from_the_floor_area(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    """Three floors of 100 m2, half of it usable, at 10 square feet a person."""
    refuges = build_site(town, scenario, with_refuges(plans["historical"], HOUSE)).refuges
    assert refuges.places.tolist() == [int(150 / 0.93)]
    assert town.buildings.storeys[refuges.building[0]] == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lon": -70.9916, "lat": -29.9982}, "in the danger zone"),
        ({"water_m": 9.0}, "none above the water"),
        ({"lon": -70.9992, "lat": -29.9960}, "no building of concrete or steel"),
        ({"lon": None, "lat": None, "facility": "Test Scool"}, "Test School"),
        ({"water_m": 5.6}, "deeper than the 5.4 m"),
    ],
)
def test_refused(
    change: dict[str, Any], message: str, town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    plan = with_refuges(plans["historical"], {**HOUSE, **change})
    with pytest.raises(InputError, match=message) as error:
        build_site(town, scenario, plan)
    assert "vertical_refuges.0" in str(error.value)


def test_one_place_and_one_building(town: City, scenario: Scenario, plans: dict[str, Plan]) -> None:
    with pytest.raises(ValidationError, match="either lon and lat or the name"):
        with_refuges(plans["historical"], {**HOUSE, "facility": "Test School"})
    with pytest.raises(InputError, match="same building"):
        build_site(town, scenario, with_refuges(
            plans["historical"], HOUSE, {**HOUSE, "name": "Mill House, back door"}))


def test_walkers_go_where_it_is_nearer(runs: dict[str, Run]) -> None:
    run = runs["early-warning"]
    codes, world = run.codes, run.twin.world
    site = run.twin.context.site.refuges
    size = run.twin.context.parties.size
    arrived = codes[codes.kind == KIND_CODE["party_in_refuge"]]
    opened = codes[codes.kind == KIND_CODE["refuge_opened"]]
    assert len(arrived) > 10
    assert (arrived.t_ms >= opened.t_ms.min()).all()
    there = world.party_place == P_REFUGE
    assert world.refuge_load[0] == size[there].sum()
    came = size[arrived.subject.to_numpy()].sum()
    # One party may pass the last place; whoever goes back home makes room for another.
    assert site.places[0] <= came
    assert world.refuge_load[0] < site.places[0] + size.max()
    assert run.score["ledger"]["people"]["safe in vertical refuge"] > 0
    # The full one sends people on, and the reason is the refuge's being full.
    full = codes[codes.kind == KIND_CODE["refuge_full"]]
    sent = codes[(codes.kind == KIND_CODE["party_rerouted"]) & codes.cause.isin(full.event)]
    assert len(sent) > 0
    # The other is found damaged and never opens.
    lost = codes[codes.kind == KIND_CODE["refuge_lost"]]
    assert [REASONS[code] for code in lost.object] == ["building damaged"]
    assert not (arrived.object == 1).any()


def test_branch_goes_on_the_same(town: City, scenario: Scenario, plans: dict[str, Plan]) -> None:
    session = open_session(town, scenario, plans["early-warning"], 1)
    session.advance(460.0)
    assert (session.twin.world.party_place == P_REFUGE).any()
    branch = session.branch()
    session.advance(1500.0)
    branch.advance(1500.0)
    assert session.twin.log.digest() == branch.twin.log.digest()


def test_the_sea_may_take_a_refuge(town: City, scenario: Scenario, plans: dict[str, Plan]) -> None:
    """On the shore in a far larger tsunami: nobody in it counts as out, and people are lost there."""
    document = scenario.model_dump(exclude_unset=True)
    document["earthquake"]["stations"] = [
        {**row, "pga_g": 0.01} for row in document["earthquake"]["stations"]]
    document["tsunami"]["factor"] = 2.2
    huge = Scenario.model_validate(document)
    huge._folder = scenario.folder
    shore = {"name": "North Flats", "lon": -70.99876, "lat": -29.99290, "water_m": 1.5,
             "open_s": 60}
    session = open_session(town, huge, with_refuges(plans["historical"], shore), 1)
    run = session.finish()
    codes = run.codes
    lost = codes[codes.kind == KIND_CODE["refuge_lost"]]
    assert [REASONS[code] for code in lost.object] == ["water too deep for the refuge"]
    inside = np.unique(codes[(codes.kind == KIND_CODE["party_in_refuge"])
                             & (codes.event < int(lost.event.iloc[0]))].subject)
    assert inside.size
    swept = codes[codes.kind == KIND_CODE["person_swept"]].subject
    assert np.isin(run.twin.context.parties.of_person[swept], inside).any()
    assert run.score["ledger"]["people"]["safe in vertical refuge"] == 0
