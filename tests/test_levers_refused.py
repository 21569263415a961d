"""Each lever of a plan is refused when it cannot work: one row a lever, and no lever without a row."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from engine.city import City
from engine.errors import InputError
from engine.plan import Plan, load_plan
from engine.run import open_session
from engine.scenario import Scenario

HERE = {"lon": -70.9963, "lat": -29.9968}
AWAY = {"lon": -60.0, "lat": -29.9968}
OUTSKIRTS = {"lon": -70.972, "lat": -29.9968}  # within three kilometres, no street about
#: Lever: (what it is set to in a plan that works, what the message says).
CANNOT: dict[str, tuple[Any, str]] = {
    "order": ({"trigger": {"at_s": 1}, "delay_s": 0, "zones": [{"name": "Z", "below_m": 0.01}]},
              r"order\.zones\.0: zone 'Z' holds no junction"),
    "channels": ([{"kind": "siren"}, {"kind": "cell_broadcast"},
                  {"kind": "loudspeaker", "battery_s": 60}], "battery_s belongs to"),
    "rumour_correction": ({"channel": "siren"}, "a siren says nothing"),
    "street_leaders": ({"call_s": 600, "stop_s": 300}, "leaders would never knock"),
    "door_to_door": ([{"zone": "Low town", "teams": 90, "by": "police"}],
                     r"door_to_door\.0\.teams: 90 with those before are more than"),
    "destinations": ({"high_ground_m": 200}, "destinations: no junction is safe"),
    "meeting_points": ([{"facility": "Test School", "places": 9}],
                       r"meeting_points\.0: 'Test School' lies in the danger zone"),
    "vertical_refuges": ([{"name": "R", "lon": -70.99886, "lat": -29.99791, "water_m": 9}],
                         r"vertical_refuges\.0: 'R': .* none above the water"),
    "control_points": ([{"name": "C", **AWAY}], r"control_points\.0.*km from the nearest"),
    "closures": ([{"name": "C", **OUTSKIRTS, "radius_m": 50}], r"closures\.0: no street enters"),
    "pedestrian_streets": ([{"name": "S", "street": "East Street 55"}],
                           r"pedestrian_streets\.0\.street: unknown street"),
    "one_way_streets": ([{"name": "S", "within": {**OUTSKIRTS, "radius_m": 50}}],
                        r"one_way_streets\.0\.within: no part has its middle inside"),
    "contraflow": ([{"name": "S", "street": "East Street 6", "setup_s": 7200}],
                   r"contraflow\.0\.setup_s: .* slower than the lead time"),
    "inbound_ban": ([{"name": "B", "within": {**HERE, "radius_m": 9000}}],
                    r"inbound_ban\.0: 'B': no street leads into the area"),
    "staging": ([{"kind": "police", **AWAY}], r"staging\.0: .*km from the nearest"),
    "dispatch": ({"call_takers": 0}, r"dispatch\.call_takers"),
    "hospitals": ({"patients_h": 0}, r"hospitals\.patients_h"),
    "fuel": ({"order": ["hospitals"], "trucks": 9}, r"fuel\.trucks: 9 are more than the 2"),
    "exclusion": ({"line": {"municipality": "Atlantis"}}, "unknown municipality 'Atlantis'"),
    "mutual_aid": ([{"name": "N", "kind": "police", "units": 2, "home_cover": 0.9, **HERE,
                     "travel_s": 60}], r"mutual_aid\.0: home_cover 0\.9 of 2 units leaves none"),
    "facility_evacuation": ([{"facility": "Test Hospital", "patients": 4000,
                              "vehicles": {"ambulances": 1}}],
                            r"facility_evacuation\.0\.patients: 4000 are more than the"),
    "buses": ([{"name": "L", "depot": "Test Buses", "buses": 50, "pick_ups": [
        {"name": "S", "lon": -70.9994, "lat": -29.9982}]}], r"buses\.0\.buses: 50 .* more than the"),
    "crowds": ({"officers": 4}, r"crowds: scenario 'testtown-tsunami' has no venues"),
    "all_clear": ({"return_phases": [{"name": "P", "below_m": 0.5}]},
                  r"all_clear\.return_phases\.0: 'P' holds no junction"),
}


def bare(plans: dict[str, Plan]) -> dict[str, Any]:
    """A plan of order, channels and destinations."""
    works = plans["early-warning"].model_dump(exclude_defaults=True)
    document = {key: works[key] for key in ("name", "title", "order", "channels", "destinations")}
    document["order"].pop("bar_return")  # no control points here
    return document


def test_no_lever_is_left_out() -> None:
    assert set(CANNOT) == set(Plan.model_fields) - {"name", "title"}


@pytest.mark.parametrize("lever", CANNOT)
def test_a_lever_that_cannot_work_is_refused(
    lever: str, town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    value, message = CANNOT[lever]
    document = bare(plans)
    document[lever] = value
    with pytest.raises((InputError, ValidationError), match=message) as error:
        open_session(town, scenario, Plan.model_validate(document), 1)
    assert lever in str(error.value)


def test_the_plan_without_that_lever_works(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    assert open_session(town, scenario, Plan.model_validate(bare(plans)), 1)


@pytest.mark.parametrize(("keys", "message"), [
    ({"staging": [{"kind": "police", "lon": -70.9994, "lat": -29.9962}]},
     r"staging\.0: the place lies in the danger zone or inside the exclusion line"),
    # At 19.5 m it is outside the danger zone, and inside a line drawn at 22 m.
    ({"staging": [{"kind": "police", **HERE}], "exclusion": {"line": {"below_m": 22}}},
     r"staging\.0: the place lies in the danger zone or inside the exclusion line"),
    ({"order": {"trigger": {"magnitude": 8.1}}},
     r"order\.trigger\.magnitude: 8\.1 is above the earthquake's 8 .* it would never come"),
])
def test_what_can_never_work_here_is_refused(
    keys: dict[str, Any], message: str, town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    document = bare(plans)
    order = {**document["order"], **keys.get("order", {})}
    plan = Plan.model_validate({**document, **keys, "order": order})
    with pytest.raises(InputError, match=message):
        open_session(town, scenario, plan, 1)


def test_what_merely_does_not_come_to_pass_is_not_refused(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    """A magnitude beside another condition; an hour past the end of a run that was cut short."""
    document = bare(plans)
    document["order"] = {**document["order"], "trigger": {"magnitude": 8.1, "intensity_mmi": 5.5}}
    assert open_session(town, scenario, Plan.model_validate(document), 1)
    document["order"] = {**document["order"], "trigger": {"at_s": 3600}}
    short = scenario.model_copy(update={"duration_s": 1800.0})
    assert open_session(town, short, Plan.model_validate(document), 1)


def test_no_denial_where_nobody_spreads_a_rumour(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    document = {**bare(plans), "rumour_correction": {"channel": "loudspeaker"}}
    calm = scenario.model_copy(update={"rumour": None})
    assert open_session(town, scenario, Plan.model_validate(document), 1)
    with pytest.raises(InputError, match=r"rumour_correction: scenario .* has no rumour to deny"):
        open_session(town, calm, Plan.model_validate(document), 1)


def test_nobody_is_fetched_where_no_vehicle_is_back_in_time(
    town: City, scenario: Scenario
) -> None:
    document = load_plan("assisted", scenario).model_dump(exclude_defaults=True)
    document["facility_evacuation"] = [*document["facility_evacuation"][:1], {
        "facility": "Test Home", "patients": 5, "vehicles": {"ambulances": 1}, "start_s": 60}]
    assert open_session(town, scenario, Plan.model_validate(document), 1)
    late = {**document, "exclusion": {**document["exclusion"], "arrival_s": 400}}
    with pytest.raises(InputError, match=r"facility_evacuation\.1: no vehicle would be back"):
        open_session(town, scenario, Plan.model_validate(late), 1)
    late.pop("facility_evacuation")
    with pytest.raises(InputError, match=r"buses\.0: no vehicle would be back"):
        open_session(town, scenario, Plan.model_validate(late), 1)


@pytest.mark.parametrize(
    ("lever", "message"),
    [
        ({"vehicles": {"buses": 1}}, "nobody drives in mode foot"),
        ({"mode": "vehicle"}, "nobody would be fetched without them"),
        ({"facility": "Test Hospital", "patients": 1}, r"facility_evacuation\.0\.mode: .* no care home"),
        ({"facility": "Test Hom"}, r"facility_evacuation\.0\.facility: .*Test Home"),
        ({"patients": 7}, r"facility_evacuation\.0\.patients: 7 are more than the 6 residents"),
        ({"escorts": 3}, r"facility_evacuation\.0\.escorts: 3 are more than the 2 on duty"),
        ({"to": "Test Hospital"}, r"facility_evacuation\.0\.to: unknown place .*high ground"),
        ({"to": "Mill House"}, r"facility_evacuation\.0\.to: unknown place"),
        ({"start_s": 900}, r"facility_evacuation\.0\.to: nobody on foot would be at 'high ground' in time"),
    ],
)
def test_a_home_is_not_emptied_on_foot_where_that_cannot_work(
    lever: dict[str, Any], message: str, town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    document = bare(plans)
    works = {"facility": "Test Home", "mode": "foot", "patients": 6}
    document["facility_evacuation"] = [works]
    assert open_session(town, scenario, Plan.model_validate(document), 1)
    document["facility_evacuation"] = [{**works, **lever}]
    with pytest.raises((InputError, ValidationError), match=message):
        open_session(town, scenario, Plan.model_validate(document), 1)


def test_who_could_only_reach_a_refuge_before_it_opens_is_refused(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    """At the door at once, but its keyholder comes after the wave."""
    document = bare(plans)
    refuge = {"name": "Mill House", "lon": -70.99886, "lat": -29.99791, "water_m": 2.0}
    document["facility_evacuation"] = [
        {"facility": "Test Home", "mode": "foot", "patients": 6, "to": "Mill House"}]
    for open_s, fits in ((300, True), (1500, False)):
        document["vertical_refuges"] = [{**refuge, "open_s": open_s}]
        plan = Plan.model_validate(document)
        if fits:
            assert open_session(town, scenario, plan, 1)
            continue
        with pytest.raises(InputError, match=r"facility_evacuation\.0\.to: nobody on foot"):
            open_session(town, scenario, plan, 1)
