"""Street leaders and door-to-door teams: who is visited when, and what stops them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from engine.access import FAST_WALK_MPS, walk_out_m
from engine.city import City
from engine.errors import InputError
from engine.events import KIND_CODE, REASONS
from engine.levers.warning import DoorToDoor, StreetLeaders
from engine.plan import Plan
from engine.run import Run, open_session, simulate
from engine.scenario import Scenario
from engine.site import build_site


def knocks(run: Run, kind: str) -> pd.DataFrame:
    """Parties at whose door somebody knocked, with the event of the visitors' beginning."""
    alerts = run.codes[(run.codes.kind == KIND_CODE["party_alerted"]) & (run.codes.value == 5)]
    began = run.codes.iloc[alerts.cause.to_numpy()]
    mine = began.kind.to_numpy() == KIND_CODE[kind]
    return alerts[mine].assign(began_ms=began.t_ms.to_numpy()[mine])


def test_knocks_follow_the_rate_and_the_stop_time(runs: dict[str, Run]) -> None:
    run = runs["early-warning"]
    (doors,), leaders = run.twin.plan.door_to_door, run.twin.plan.street_leaders
    assert leaders is not None
    assert leaders.ready_s is not None
    met = knocks(run, "doors_started")
    each_ms = 3_600_000 / doors.households_an_hour
    turn = (met.t_ms - met.began_ms) / each_ms
    assert len(met) > 10
    assert np.allclose(turn, np.rint(turn), atol=0.01)
    assert turn.min() >= 1
    # Each team is at one door at a time.
    assert met.t_ms.value_counts().max() <= doors.teams
    order_ms = run.codes[run.codes.kind == KIND_CODE["order_issued"]].t_ms.min()
    assert met.t_ms.max() <= order_ms + 1000 * doors.stop_s
    for kind, wait_s in (("leaders_called", leaders.call_s), ("leaders_started", leaders.ready_s)):
        met = knocks(run, kind)
        after_s = (met.t_ms - met.began_ms) / 1000.0
        assert after_s.min() >= 3600.0 / leaders.households_an_hour
        # No block is larger than the plan says: nobody waits longer than one block takes.
        block_s = 3600.0 * leaders.households_a_leader / leaders.households_an_hour
        assert after_s.max() <= min(block_s, leaders.stop_s - wait_s) + 0.001


def test_visits_are_events_with_a_cause(runs: dict[str, Run]) -> None:
    run = runs["early-warning"]
    codes = run.codes
    alerts = codes[(codes.kind == KIND_CODE["party_alerted"]) & (codes.value == 5)]
    assert len(alerts) > 50
    causes = run.events.kind.to_numpy()[alerts.cause.to_numpy()]
    assert {"leaders_called", "leaders_started", "doors_started"} == set(causes)
    assert alerts.subject.is_unique


def test_leaders_begin_by_themselves_where_it_shook_so_that_no_telephone_is_needed(
    runs: dict[str, Run]
) -> None:
    """Only where the shaking reached the agreed intensity; the others are called."""
    run = runs["early-warning"]
    leaders, world, log = run.twin.plan.street_leaders, run.twin.world, run.codes
    assert leaders is not None
    assert leaders.self_start_mmi is not None
    alone = log[log.kind == KIND_CODE["leaders_started"]]
    called = log[log.kind == KIND_CODE["leaders_called"]]
    assert len(alone) > 0
    assert len(called) > 0
    assert (world.zone_mmi[alone.subject.to_numpy()] >= leaders.self_start_mmi).all()
    assert (world.zone_mmi[called.subject.to_numpy()] < leaders.self_start_mmi).all()
    shaken_ms = log.t_ms.to_numpy()[world.zone_shaken_event[alone.subject.to_numpy()]]
    assert leaders.ready_s is not None
    late_s = (alone.t_ms.to_numpy() - shaken_ms) / 1000.0 - leaders.ready_s
    assert ((late_s >= 0) & (late_s <= 10)).all()


def test_who_goes_from_door_to_door_is_out_before_the_line_shuts(runs: dict[str, Run]) -> None:
    """From every door that is knocked at the way out takes no longer than is left, by the first wave
    as it was predicted then: less the lead for teams, that wave itself for leaders."""
    run = runs["early-warning"]
    context, log = run.twin.context, run.codes
    away_s = walk_out_m(context.city, context.site.exclusion_node) / FAST_WALK_MPS
    predicted = log[log.kind == KIND_CODE["arrival_predicted"]]
    known_ms, wave_ms = predicted.t_ms.to_numpy(), 1000.0 * predicted.value.to_numpy()
    for kind, lead_s in (("doors_started", run.twin.plan.exclusion.lead_s), ("leaders_started", 0.0)):
        met = knocks(run, kind)
        said = wave_ms[np.searchsorted(known_ms, met.t_ms.to_numpy()) - 1]
        node = context.site.walk_node[context.parties.node[met.subject.to_numpy()]]
        left_s = (said - met.t_ms.to_numpy()) / 1000.0 - lead_s
        # One tick: what the centre learns within it is known in the next.
        assert (away_s[node] <= left_s + 10).all()
    ended = log[log.kind == KIND_CODE["doors_ended"]]
    started = log[log.kind == KIND_CODE["doors_started"]]
    assert ended.value.sum() == started.value.sum() == run.twin.plan.door_to_door[0].teams
    assert {REASONS[code] for code in ended.object} == {"too late to be out before the wave"}


def test_teams_are_not_sent_where_the_line_is_shut(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    """The order comes by hand after the wave has been predicted: the line is shut when they would go."""
    document = plans["early-warning"].model_dump(exclude_defaults=True)
    document["order"]["delay_s"] = 30
    document["order"]["zones"][1]["offset_s"] = 0
    document["door_to_door"][0].update(start_s=200, stop_s=600)
    document["exclusion"]["arrival_s"] = 1400
    plan = Plan.model_validate(document)
    session = open_session(town, scenario, plan, 1)
    session.advance(250)
    session.twin.world.predicted_ms[:] = 700_000  # the line shuts at 100 s
    for dispatch in session.twin.components:
        if dispatch.name == "hub":
            dispatch.step = lambda *args: None  # type: ignore[method-assign]
    session.advance(900)
    codes = session.twin.log.codes()
    held = codes[codes.kind == KIND_CODE["doors_held"]]
    assert len(held) == 1
    assert held.value.item() == plan.door_to_door[0].teams
    assert not (codes.kind == KIND_CODE["doors_started"]).any()


def test_visits_that_could_never_be_in_time_are_refused(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    document = plans["early-warning"].model_dump(exclude_defaults=True)
    late = {**document, "door_to_door": [{"zone": "Low town", "teams": 2, "start_s": 300}]}
    with pytest.raises(InputError, match=r"door_to_door\.0: nobody would be out of the zone in time"):
        build_site(town, scenario, Plan.model_validate(late))
    by_police = {**late, "door_to_door": [{**late["door_to_door"][0], "by": "police"}]}
    with pytest.raises(InputError, match=r"door_to_door\.0: no vehicle would be back"):
        build_site(town, scenario, Plan.model_validate(by_police))
    late = {**document, "street_leaders": {"call_s": 1100}}
    with pytest.raises(InputError, match=r"street_leaders: nobody would be out of the zone in time"):
        build_site(town, scenario, Plan.model_validate(late))
    calm = scenario.model_copy(update={"earthquake": None})
    outside = document["control_points"][1:]  # without an earthquake there is no lead time for the others
    unwarned = Plan.model_validate({**document, "contraflow": [], "control_points": outside})
    with pytest.raises(InputError, match=r"self_start_mmi: .* has no earthquake"):
        build_site(town, calm, unwarned)
    for bad in ({"self_start_mmi": 7}, {"ready_s": 60}):
        with pytest.raises(ValidationError, match="belong together"):
            StreetLeaders(**bad)


def test_no_call_is_acknowledged_without_telephone(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    document = plans["early-warning"].model_dump()
    document["door_to_door"] = []
    document["street_leaders"].update(self_start_mmi=None, ready_s=None)
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
