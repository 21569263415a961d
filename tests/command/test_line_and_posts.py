"""When the exclusion line shuts, as the checks see it; officers leave a post whose time is over."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from engine.city import City
from engine.errors import InputError
from engine.events import KIND_CODE, REASONS
from engine.lead_time import line_shuts_s, predicted_s
from engine.levers.warning import DoorToDoor, StreetLeaders
from engine.plan import Plan, load_plan
from engine.run import Run, Session, open_session, simulate
from engine.sample import sample_city
from engine.scenario import Scenario, load_scenario
from engine.site import build_site
from engine.site_check import remarks

ORDER = {"trigger": {"at_s": 60.0}, "delay_s": 0.0, "zones": [{"name": "Low town", "below_m": 15}]}
DOORS = {"zone": "Low town", "teams": 2, "start_s": 0, "stop_s": 1200, "households_an_hour": 60}
HILL = {"name": "Hill", "lon": -70.9924, "lat": -29.9962, "officers": 1, "setup_s": 60}


def plan_of(plans: dict[str, Plan], **changes: Any) -> Plan:
    document = plans["historical"].model_dump(exclude_defaults=True)
    document |= {"order": ORDER, "rumour_correction": None} | changes
    return Plan.model_validate(document)


def without_quake(scenario: Scenario) -> Scenario:
    """A sea that comes unannounced."""
    return scenario.model_copy(update={"earthquake": None, "rumour": None, "behaviour": {}})


def rows(session: Session, kind: str, column: str = "t_ms") -> np.ndarray:
    log = session.twin.log
    return np.asarray(log.column(column))[log.column("kind") == KIND_CODE[kind]]


def test_the_line_shuts_with_the_order_where_a_danger_gives_no_time(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    plan = plan_of(plans)
    danger = build_site(town, scenario, plan).danger_node
    calm = without_quake(scenario).model_copy(update={"tsunami": None})
    for quiet in (calm, without_quake(scenario)):
        assert math.isinf(predicted_s(town, quiet, plan, danger))
        assert line_shuts_s(quiet, plan, math.inf, 60.0) == 60.0
        with pytest.raises(InputError, match=r"door_to_door\.0: nobody .*no wave is predicted"):
            open_session(town, quiet, plan_of(plans, door_to_door=[DOORS]), 1)
    small = scenario.earthquake.model_copy(update={"magnitude": 6.0})
    weak = scenario.model_copy(update={"earthquake": small})
    assert math.isinf(line_shuts_s(weak, plan, math.inf, 60.0))
    wave_s = predicted_s(town, scenario, plan, danger)
    assert line_shuts_s(scenario, plan, wave_s, 60.0) == wave_s - plan.exclusion.lead_s


def test_a_sea_without_warning_bars_nobody_outside_the_line(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    """Street leaders, who need no line, and posts outside it work until the gauge tells."""
    leaders = {"households_a_leader": 15, "call_s": 60, "stop_s": 900}
    plan = plan_of(plans, street_leaders=leaders, control_points=[{**HILL, "withdraw_s": 300}])
    session = open_session(town, without_quake(scenario), plan, 1)
    session.advance(600.0)
    assert rows(session, "leaders_called").size
    assert rows(session, "control_staffed").size == 1


def test_no_line_once_a_magnitude_tells_that_no_wave_comes(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    small = scenario.earthquake.model_copy(update={"magnitude": 6.0})
    weak = scenario.model_copy(update={"earthquake": small, "tsunami": None, "rumour": None})
    later = {"arrival_s": 1500.0}  # so that the line would shut after the magnitude is known
    session = open_session(town, weak, plan_of(plans, door_to_door=[DOORS], exclusion=later), 1)
    session.advance(600.0)
    assert session.twin.world.seen_magnitude[0] == pytest.approx(6.0)
    assert not np.isin(rows(session, "doors_ended", "object"), [
        REASONS.index("too late to be out before the wave")]).any()
    assert (session.twin.world.exclusion_ms[0] > 10**12).all()


def test_doors_of_a_zone_that_goes_out_with_an_earlier_area_are_in_time(town: City) -> None:
    """A census zone is told whole, at the earliest offset of the areas in it."""
    scenario = load_scenario("testtown-tsunami")
    document = load_plan("early-warning", scenario).model_dump(exclude_defaults=True)
    shore, low = document["order"]["zones"]
    document["order"]["zones"] = [shore, {**low, "offset_s": 700.0}]
    assert open_session(town, scenario, Plan.model_validate(document), 1)
    document["order"]["zones"] = [{**shore, "offset_s": 700.0}, {**low, "offset_s": 700.0}]
    with pytest.raises(InputError, match=r"door_to_door\.0: nobody would be out"):
        open_session(town, scenario, Plan.model_validate(document), 1)


def test_streets_for_walkers_that_could_not_be_set_up_in_their_time_are_refused(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    street = {"name": "S", "street": "East Street 5", "officers": 1, "from_s": 0,
              "within": {"lon": -70.9975, "lat": -29.9940, "radius_m": 400}}
    for key in ("pedestrian_streets", "one_way_streets"):
        late = {key: [{**street, "to_s": 60, "setup_s": 600}]}
        with pytest.raises(InputError, match=rf"{key}\.0\.officers: 'S' would not stand in time"):
            open_session(town, scenario, plan_of(plans, **late), 1)


def test_officers_leave_a_post_whose_time_is_over(runs: dict[str, Run]) -> None:
    run = runs["early-warning"]
    codes, plan = run.codes, run.twin.plan
    clear_ms = int(codes.t_ms[codes.kind == KIND_CODE["all_clear"]].iloc[0])
    decided_ms = int(codes.t_ms[codes.kind == KIND_CODE["order_decided"]].iloc[0])
    left = codes[codes.kind == KIND_CODE["control_left"]]
    staffed = set(codes.subject[codes.kind == KIND_CODE["control_staffed"]])
    checked = 0
    for row, post in enumerate(plan.posts):
        over_ms = decided_ms + 1000 * getattr(post, "to_s", math.inf)
        if row in staffed and over_ms < clear_ms:
            mine = left.t_ms[left.subject == row]
            assert mine.size
            assert mine.max() <= over_ms + 20_000
            checked += 1
    assert checked >= 3


@pytest.mark.parametrize(("model", "keys", "works"), [
    (DoorToDoor, {"zone": "Z", "teams": 1, "start_s": 25, "stop_s": 30, "households_an_hour": 120}, False),
    (DoorToDoor, {"zone": "Z", "teams": 1, "start_s": 25, "stop_s": 55, "households_an_hour": 120}, True),
    (StreetLeaders, {"call_s": 60, "stop_s": 100, "households_an_hour": 60}, False),
    (StreetLeaders, {"call_s": 60, "stop_s": 120, "households_an_hour": 60}, True),
    (StreetLeaders, {"call_s": 60, "stop_s": 400, "households_an_hour": 60, "self_start_mmi": 7,
                     "ready_s": 350}, False),
])
def test_who_would_knock_at_no_door_is_refused(model: Any, keys: dict[str, Any], works: bool) -> None:
    if works:
        assert model(**keys)
        return
    with pytest.raises(ValidationError, match="the time of the first door"):
        model(**keys)


def test_volunteers_are_done_with_the_all_clear(town: City) -> None:
    scenario = load_scenario("testtown-tsunami")
    plan = load_plan("early-warning", scenario)
    hours = []
    for inputs in ((), ({"t_s": 200.0, "kind": "decision", "what": "all_clear"},)):
        short = scenario.model_copy(update={"duration_s": 1500.0})
        found = {m["name"]: m for m in simulate(town, short, plan, 1, inputs).score["metrics"]}
        hours.append(found["volunteer_hours"]["by_group"]["volunteers"]["street leaders"])
    assert 0.0 < hours[1] < 0.25 * hours[0]


def test_a_sample_says_that_posts_are_not_scaled(town: City, sample: City) -> None:
    scenario = load_scenario("testtown-tsunami")
    plan = load_plan("early-warning", scenario)
    part = scenario.model_copy(update={
        "population": scenario.population.model_copy(update={"share": 0.1})})
    site = build_site(sample, part, plan)
    told = list(remarks(part, plan, sample, site.danger_node, site.order_zone))
    assert any("posts are not scaled" in text for text in told)
    site = build_site(town, scenario, plan)
    assert not list(remarks(scenario, plan, town, site.danger_node, site.order_zone))
    late = plan.model_copy(update={"exclusion": plan.exclusion.model_copy(update={"lead_s": 1100.0})})
    told = list(remarks(scenario, late, town, site.danger_node, site.order_zone))
    assert any(text.startswith("channels.2: loudspeaker cars begin") for text in told)


@pytest.fixture(scope="module")
def sample(town: City) -> City:
    return sample_city(town, 0.1, 1)
