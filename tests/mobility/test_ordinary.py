"""Cars that are on the road when the event begins: whose they are, where they go, how they turn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.city import City
from engine.events import MODES
from engine.kernels import traffic_layout as lay
from engine.levers.order import Trigger
from engine.people.warning import WATER
from engine.plan import Plan
from engine.run import Run, Session, open_session
from engine.scenario import Scenario
from engine.world import P_DRIVING, P_OUTSIDE, P_WAITING


def behaving(scenario: Scenario, **keys: Any) -> Scenario:
    out = Scenario.model_validate(
        {**scenario.model_dump(exclude_unset=True), "behaviour": {**scenario.behaviour, **keys}})
    out._folder = scenario.folder
    return out


def fleet_of(session: Session) -> Any:
    return next(c for c in session.twin.components if c.name == "mobility")._fleet


def test_who_is_on_the_road_is_a_commuter_with_a_car_and_counted_once(runs: dict[str, Run]) -> None:
    run = runs["historical"]
    parties, city = run.twin.context.parties, run.twin.city
    on = run.events[run.events.kind == "party_on_road"]
    assert len(on) > 0
    rows = on.subject.to_numpy()
    assert (on.t_ms == 0).all()
    assert np.unique(rows).size == rows.size
    assert (parties.bound[rows] >= 0).all()
    assert (parties.cars[rows] > 0).all()
    assert (parties.size[rows] == 1).all()
    # In the evening they go home.
    assert np.array_equal(on.object, city.buildings.zone[city.person_building[parties.first[rows]]])
    assert sum(run.score["ledger"]["people"].values()) == city.persons.household.size


def test_trips_take_at_least_the_way_and_end_outside_the_danger_zone(runs: dict[str, Run]) -> None:
    run = runs["historical"]
    events, site = run.events, run.twin.context.site
    way_s = events[events.kind == "party_on_road"].set_index("subject").value
    ended = events[events.kind == "party_trip_ended"].set_index("subject")
    assert len(ended) > 0
    assert (ended.value >= way_s[ended.index] - 0.01).all()
    world = run.twin.world
    there = ended.index[world.party_place[ended.index] == P_OUTSIDE]
    assert len(there) > 0
    assert not site.danger_node[world.party_node[there]].any()
    # Whoever began in the danger zone and drove out of it has left it.
    began = there[site.danger_node[run.twin.context.parties.node[there]]]
    assert set(began) <= set(events[events.kind == "party_left_zone"].subject)


def test_who_decides_at_the_wheel_turns_to_safety_from_where_he_is(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    alarmed = behaving(scenario, felt_share=1.0, prepare_felt_s=1.0, inland_share=1.0, shadow_share=1.0,
                       car_share=0.0, car_near_share=0.0, car_slow_share=0.0, refuse_share=0.0,
                       pickup_share=0.0)
    session = open_session(town, alarmed, plans["historical"], 1)
    fleet = fleet_of(session)
    wheel, before = np.zeros(fleet.ordinary.size, np.bool_), {}
    for t_s in range(10, 200, 10):
        session.advance(t_s)
        place = fleet.traffic.place_of(np.maximum(fleet.of_party, 0))
        turned = np.flatnonzero(wheel & ~fleet.ordinary)
        for row in turned[np.isin(session.twin.world.party_place[turned], (P_DRIVING, P_WAITING))]:
            # The same car goes on: no jump to the start and none parked.
            assert fleet.traffic.state_of(fleet.of_party[[row]])[0] in (lay.S_ON_LINK, lay.S_WAITING)
            before[int(row)] = int(place[row])
        wheel = fleet.ordinary.copy()
    run = session.finish()
    assert before
    events = run.events
    for row in before:
        mine = events[(events.subject_type == "party") & (events.subject == row)]
        kinds = mine.kind.tolist()
        assert kinds.index("party_on_road") < kinds.index("party_departed")
        assert "party_trip_ended" not in kinds
        # Though nobody takes the car from home in this town, who sits in it drives.
        assert mine[mine.kind == "party_departed"].object.tolist()[0] == 2
        assert {"party_arrived", "party_mode_changed"} & set(kinds)
    assert sum(run.score["ledger"]["people"].values()) == town.persons.household.size


def test_a_driver_sees_the_water_where_he_is_and_leaves_the_car_in_it(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    """Water far from where he began: he knows of it, walks from there and does not go back to the car."""
    document = {**scenario.model_dump(exclude_unset=True), "earthquake": None, "tsunami": None,
                "outages": (), "rumour": None, "behaviour": {"water_share": 1.0}}
    still = Scenario.model_validate(document)
    plan = plans["historical"].model_copy(update={"order": plans["historical"].order.model_copy(
        update={"trigger": Trigger(at_s=5000.0)})})
    session = open_session(town, still, plan, 1)
    fleet, w, p = fleet_of(session), session.twin.world, session.twin.context.parties
    danger, edges = session.twin.context.site.danger_node, town.edges
    away = np.empty(0, np.int64)
    while away.size == 0:
        session.advance(session.now_s + 10.0)
        rows = np.flatnonzero(fleet.ordinary)
        rows = rows[fleet.traffic.place_of(fleet.of_party[rows]) >= 0]
        edge = fleet.traffic.place_of(fleet.of_party[rows])
        far = np.hypot(*(getattr(town.nodes, k)[edges.from_node[edge]]
                         - getattr(town.nodes, k)[p.node[rows]] for k in ("x_m", "y_m")))
        away = rows[danger[edges.to_node[edge]] & danger[edges.from_node[edge]] & (far > 150.0)]
        assert session.now_s < 600.0
    row = int(away[0])
    edge = int(fleet.traffic.place_of(fleet.of_party[[row]])[0])
    w.street_depth_m[edges.street[edge]] = 0.2
    w.node_depth_m[[edges.from_node[edge], edges.to_node[edge]]] = 0.2
    w.zone_flooded_event[:] = 0
    session.advance(session.now_s + 10.0)
    assert not fleet.ordinary[row]
    assert w.party_node[row] == session.twin.context.site.walk_node[edges.from_node[edge]]
    run = session.finish()
    mine = run.events[(run.events.subject_type == "party") & (run.events.subject == row)]
    assert mine[mine.kind == "party_alerted"].value.tolist()[0] == WATER
    left = mine[mine.kind == "party_departed"]
    assert left.object.tolist() == [MODES.index("foot")]
    assert left.value.iloc[0] != p.node[row]
    assert "party_arrived" in mine.kind.tolist()


def test_a_snapshot_keeps_those_on_the_road(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    brief = scenario.model_copy(update={"duration_s": 600.0})
    session = open_session(town, brief, plans["historical"], 1)
    session.advance(20)
    assert fleet_of(session).ordinary.any()
    assert session.branch().finish().digest == session.finish().digest


def test_who_parks_leaves_the_car_as_an_obstacle(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    session = open_session(town, scenario, plans["historical"], 1)
    session.advance(10)
    fleet = fleet_of(session)
    rows = np.flatnonzero(fleet.ordinary)
    on = rows[fleet.traffic.state_of(fleet.of_party[rows]) == lay.S_ON_LINK][:1]
    edge = fleet.traffic.place_of(fleet.of_party[on])
    fleet.park(on)
    assert not fleet.ordinary[on].any()
    assert fleet.traffic.edge_obstacles()[edge] == [1]
    assert session.finish().score


@pytest.mark.parametrize("hour", [8, 20])
def test_before_noon_commuters_are_bound_for_work(hour: int, town: City, scenario: Scenario) -> None:
    from engine.parties import form_parties
    from engine.plan import load_plan
    from engine.site import build_site

    at = scenario.start_utc.replace(hour=hour + 3)  # the town's clock is three hours behind
    other = scenario.model_copy(update={"start_utc": at})
    site = build_site(town, other, load_plan("historical", scenario))
    parties = form_parties(town, other, site, 1)
    rows = np.flatnonzero(parties.bound >= 0)
    person = parties.first[rows]
    goal = town.persons.day_building[person] if hour < 12 else town.person_building[person]
    assert rows.size > 0
    assert np.array_equal(parties.bound[rows], goal)
