"""Street leaders and door-to-door teams: who is visited when, and what stops them."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from engine.city import City
from engine.errors import InputError
from engine.events import KIND_CODE
from engine.levers.warning import DoorToDoor, StreetLeaders
from engine.people.visits import Visits
from engine.plan import Plan
from engine.run import Run, open_session, simulate
from engine.scenario import Scenario
from engine.site import build_site
from engine.world import NEVER


def visits_of(run: Run) -> Visits:
    found = next(c for c in run.twin.components if c.name == "warning")
    return found._visits  # type: ignore[attr-defined,no-any-return]


def test_knocks_follow_the_rate_and_the_stop_time(runs: dict[str, Run]) -> None:
    plan = runs["early-warning"].twin.plan
    (doors,), leaders = plan.door_to_door, plan.street_leaders
    assert leaders is not None
    visits = visits_of(runs["early-warning"])
    at = np.sort(visits.team_ms[visits.team_ms < NEVER])
    assert at[0] == pytest.approx(1000 * (doors.start_s + 3600 / doors.households_an_hour), abs=1)
    assert at[-1] <= 1000 * doors.stop_s
    # Each team is at one door at a time.
    assert np.unique(at, return_counts=True)[1].max() <= doors.teams
    called = visits.leader_ms < NEVER
    assert visits.leader_ms[called].min() > 1000 * leaders.call_s
    assert visits.leader_ms[called].max() <= 1000 * leaders.stop_s
    # No block is larger than the plan says: nobody waits longer than one block takes.
    longest = leaders.call_s + 3600 * leaders.households_a_leader / leaders.households_an_hour
    assert visits.leader_ms[called].max() <= 1000 * longest + 1


def test_visits_are_events_with_a_cause(runs: dict[str, Run]) -> None:
    run = runs["early-warning"]
    codes = run.codes
    alerts = codes[(codes.kind == KIND_CODE["party_alerted"]) & (codes.value == 5)]
    assert len(alerts) > 50
    causes = run.events.kind.to_numpy()[alerts.cause.to_numpy()]
    assert {"leaders_called", "doors_started"} == set(causes)
    assert alerts.subject.is_unique


def test_no_call_is_acknowledged_without_telephone(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    document = plans["early-warning"].model_dump()
    document["door_to_door"] = []
    plan = Plan.model_validate(document)
    off = [{"t_s": 1.0, "kind": "inject", "what": "outage", "service": "telecom", "service_on": False}]
    brief = scenario.model_copy(update={"duration_s": 900.0})
    run = simulate(town, brief, plan, 1, off)
    calls = run.codes[run.codes.kind == KIND_CODE["leaders_called"]]
    assert len(calls) > 0
    assert (calls.value == 0).all()
    assert not (run.codes[run.codes.kind == KIND_CODE["party_alerted"]].value == 5).any()


def test_a_team_without_an_order_zone_is_refused(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    document = plans["early-warning"].model_dump()
    document["door_to_door"][0]["zone"] = "Shor"
    with pytest.raises(InputError, match=r"door_to_door\.0\.zone.*Shor"):
        build_site(town, scenario, Plan.model_validate(document))
    for bad in (lambda: DoorToDoor(zone="Shore", teams=2, start_s=900, stop_s=600),
                lambda: StreetLeaders(call_s=900, stop_s=600)):
        with pytest.raises(ValidationError, match="never knock"):
            bad()


def test_a_confirmed_order_waits_for_its_confirmation(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    plan = plans["historical"]
    assert plan.order.authority == "confirmed"
    session = open_session(town, scenario, plan, 1)
    session.advance(900.0)
    events = session.twin.log.codes()
    t = {name: events[events.kind == KIND_CODE[name]].t_ms
         for name in ("order_decided", "order_confirmed", "order_issued")}
    confirmed = t["order_decided"].iloc[0] + 1000 * plan.order.confirmation_s
    assert t["order_confirmed"].tolist() == [confirmed]
    assert t["order_issued"].min() == confirmed + 1000 * plan.order.delay_s
    # An order given by a person needs none.
    by_hand = open_session(town, scenario, plan, 1, [
        {"t_s": 20.0, "kind": "decision", "what": "order"}])
    by_hand.advance(300.0)
    events = by_hand.twin.log.codes()
    assert not (events.kind == KIND_CODE["order_confirmed"]).any()
    issued = events[events.kind == KIND_CODE["order_issued"]].t_ms.min()
    assert issued == 20_000 + 1000 * plan.order.delay_s
    for keys in ({"confirmation_s": 0.0}, {"authority": "automatic"}):
        document = plan.model_dump()
        document["order"].update(keys)
        with pytest.raises(ValidationError, match="confirmation_s"):
            Plan.model_validate(document)
