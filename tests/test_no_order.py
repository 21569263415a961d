"""A plan that orders nobody to leave: what it may hold, and that people leave of their own accord."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from engine.city import City
from engine.errors import InputError
from engine.events import KIND_CODE
from engine.plan import Plan, load_plan
from engine.run import open_session, simulate
from engine.scenario import Scenario, load_scenario

PLAN = {"name": "nothing", "title": "Nobody orders anything", "destinations": {"high_ground_m": 20}}
PLACE = {"name": "A", "lon": -70.9963, "lat": -29.9968}
ORDER = {"trigger": {"at_s": 60}, "delay_s": 0, "zones": [{"name": "Z", "below_m": 15}]}


def test_people_leave_by_what_they_feel_and_see(town: City, scenario: Scenario) -> None:
    run = simulate(town, scenario, Plan.model_validate(PLAN), 1)
    kinds = set(run.codes.kind)
    for name in ("order_decided", "order_issued", "all_clear", "shelter_opened", "control_staffed"):
        assert KIND_CODE[name] not in kinds
    assert (run.codes.kind == KIND_CODE["party_arrived"]).sum() > 50
    assert KIND_CODE["unit_dispatched"] in kinds
    assert sum(run.score["ledger"]["people"].values()) == town.persons.household.size


@pytest.mark.parametrize("keys", [
    {"channels": [{"kind": "siren"}]},
    {"street_leaders": {}},
    {"control_points": [PLACE]},
    {"closures": [{**PLACE, "radius_m": 100}]},
    {"staging": [{"kind": "police", "lon": PLACE["lon"], "lat": PLACE["lat"]}]},
    {"fuel": {"order": ["hospitals"]}},
    {"facility_evacuation": [{"facility": "Test Home", "mode": "foot", "patients": 1}]},
    {"all_clear": {"earliest_s": 3000}},
    {"mutual_aid": [{**PLACE, "kind": "police", "units": 2, "travel_s": 60}]},
])
def test_what_begins_with_the_order_is_refused_without_one(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=f"{next(iter(keys))}: .*evacuation order"):
        Plan.model_validate({**PLAN, **keys})
    Plan.model_validate({**PLAN, **keys, "order": ORDER})


@pytest.mark.parametrize("order", [
    {"trigger": {"at_s": 60}, "delay_s": 0}, {"delay_s": 0, "zones": ORDER["zones"]}, {"delay_s": 60},
    {"delay_s": 0, "schools": "hold"},
])
def test_half_an_order_is_refused(order: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"order\.trigger and order\.zones"):
        Plan.model_validate({**PLAN, "order": order})


def test_nobody_can_order_by_hand_what_the_plan_does_not_hold(town: City, scenario: Scenario) -> None:
    session = open_session(town, scenario, Plan.model_validate(PLAN), 1)
    with pytest.raises(InputError, match="input order: plan 'nothing' has no order"):
        session.submit({"t_s": 60, "kind": "decision", "what": "order"})


def test_the_crowd_at_the_gate_needs_no_order() -> None:
    match = load_scenario("testtown-match")
    for name in match.plans:
        plan = load_plan(name, match)
        assert not plan.order.zones
        assert Plan.model_validate(plan.model_dump()).model_dump() == plan.model_dump()
