"""Orders on streets: who is kept out, who gets through, and the width that walkers have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.city import City
from engine.errors import InputError
from engine.mobility.traffic import Traffic
from engine.networks.street_orders import LANE_WIDTH_M
from engine.plan import Plan
from engine.run import Run, Session, open_session
from engine.scenario import Scenario
from engine.site import build_site
from engine.street_orders import BUSES, CARS


def changed(plan: Plan, **keys: Any) -> Plan:
    return Plan.model_validate({**plan.model_dump(exclude_defaults=True), **keys})


# --- who may enter -----------------------------------------------------------------------------


def two_ways() -> Traffic:
    """From node 0 to 3 the short way over link 0, 1 and the long way over link 2."""
    return Traffic(
        n_nodes=4, from_node=[0, 1, 0, 2], to_node=[1, 3, 2, 3], length_m=[100, 100, 300, 300],
        free_speed_mps=10.0 * np.ones(4), capacity_vps=0.5 * np.ones(4),
        jam_density_vpm=0.2 * np.ones(4), destinations=[[3], [3]], max_vehicles=4,
    )


def test_a_barrier_keeps_cars_out_and_lets_responders_through() -> None:
    traffic = two_ways()
    first = int(traffic.place_of([0])[0])
    assert first == -1
    cost = np.array([10_000, 10_000, 30_000, 30_000])
    traffic.set_view([1], cost)  # responders drive by what they know: the barrier stops nobody of them
    traffic.set_edge_state(traffic.free_speed_mps, 0.5 * np.ones(4), np.zeros(4, bool),
                           barred=np.array([CARS | BUSES, 0, 0, 0]))
    traffic.depart([0], 0, 0, 0, "car")
    traffic.depart([1], 0, 0, 1, "emergency")
    traffic.depart([2], 0, 0, 0, "bus")
    done = traffic.advance(120_000)
    t = dict(zip(done.arrived.tolist(), (done.arrived_ms / 1000).tolist(), strict=True))
    assert t[1] == pytest.approx(20.0, abs=0.1)
    assert t[0] >= 60.0
    assert t[2] >= 60.0
    assert traffic.edge_entered().tolist() == [1, 1, 2, 2]


def test_who_is_on_a_street_when_it_is_barred_drives_out() -> None:
    traffic = two_ways()
    traffic.depart([0], 0, 0, 0, "car")
    traffic.advance(2_000)
    assert traffic.place_of([0])[0] == 0
    traffic.set_edge_state(traffic.free_speed_mps, 0.5 * np.ones(4), np.zeros(4, bool),
                           barred=np.array([CARS, CARS, 0, 0]))
    done = traffic.advance(200_000)
    # The next link is barred too and there is no way round from there: it stands at the junction.
    assert done.stranded.tolist() == [0]
    assert traffic.place_of([0])[0] == -1 - 1
    traffic.set_edge_state(traffic.free_speed_mps, 0.5 * np.ones(4), np.zeros(4, bool))
    traffic.resume()
    assert traffic.advance(400_000).arrived.tolist() == [0]


# --- a street for walkers ----------------------------------------------------------------------


def cars_on(session: Session, edges: np.ndarray) -> int:
    """Cars, not units, on links."""
    mobility: Any = next(c for c in session.twin.components if c.name == "mobility")
    traffic: Traffic = mobility.traffic
    cars = np.arange(mobility._first_unit)
    on = traffic.state_of(cars) == 2
    return int(np.isin(traffic.place_of(cars[on]), edges).sum())


def test_the_street_empties_of_cars_and_belongs_to_walkers(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    keys = {"behaviour": {**scenario.behaviour, "car_share": 1.0, "car_near_share": 1.0}}
    busy = Scenario.model_validate({**scenario.model_dump(exclude_unset=True), **keys})
    busy._folder = scenario.folder
    # Set up early and for everybody to drive, so that cars are about when the barriers close.
    plan = changed(plans["early-warning"], pedestrian_streets=[{
        "name": "To the hill", "street": "East Street 5", "officers": 1, "setup_s": 10}])
    session = open_session(town, busy, plan, 1)
    (order,) = session.twin.context.site.orders
    assert set(town.streets.name[town.edges.street[order.barred]]) == {"East Street 5"}
    world, before, during, narrow = session.twin.world, 0, [], False
    street = np.unique(town.edges.street[order.barred])
    for t_s in range(10, 1500, 10):
        session.advance(t_s)
        event = int(world.control_order_event[order.control])
        if event < 0:
            before += cars_on(session, order.barred)
            narrow |= bool((world.street_walk_width_m[street] < town.streets.width_m[street]).any())
        else:
            during.append(cars_on(session, order.barred))
    assert before > 0
    assert narrow
    assert max(during[30:]) == 0  # five minutes later the last one is out and none came in
    assert (world.edge_barred[order.barred] == CARS | BUSES).all()
    assert not world.edge_closed[order.barred].all()
    assert not world.seen_edge_closed[order.barred].any()  # responders may pass


def test_walkers_have_the_lanes_that_no_vehicle_uses(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    session = open_session(town, scenario, plans["historical"], 1)
    session.advance(600)
    world, streets = session.twin.world, town.streets
    roads: Any = next(c for c in session.twin.components if c.name == "roads")
    edge = int(np.flatnonzero(streets.name[town.edges.street] == "Avenida Central")[0])
    street = int(town.edges.street[edge])
    world.edge_vehicles[:] = 0
    roads._walk_width()
    assert np.allclose(world.street_walk_width_m, streets.width_m)
    world.edge_vehicles[edge] = 1
    roads._walk_width()
    lost = streets.width_m - world.street_walk_width_m
    assert lost[street] == pytest.approx(LANE_WIDTH_M * town.edges.lanes[edge], rel=1e-5)
    assert np.flatnonzero(lost > 1e-4).tolist() == [street]


def test_its_events_say_why(runs: dict[str, Run]) -> None:
    run = runs["early-warning"]
    events = run.events
    begun = events[events.kind == "street_order_set"]
    assert len(begun)
    for row in begun.itertuples():
        chain = run.why(row.event).kind.tolist()
        assert chain[1] == "control_staffed", chain
        assert "order_decided" in chain
    ended = events[events.kind == "street_order_ended"]
    assert set(ended.subject) <= set(begun.subject)
    barred = events[(events.kind == "street_closed") & events.cause.isin(begun.event)]
    assert len(barred)


def test_a_run_goes_on_from_a_snapshot_with_its_orders(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    whole = open_session(town, scenario, plans["early-warning"], 1)
    whole.advance(900)
    branch = whole.branch()
    whole.advance(1500)
    branch.advance(1500)
    assert branch.twin.log.digest() == whole.twin.log.digest()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"street": "East Street 55"}, "unknown street 'East Street 55', did you mean 'East Street 5'"),
        ({"street": "East Street 5", "within": {"lon": -70.99, "lat": -29.9, "radius_m": 50}},
         r"pedestrian_streets\.0\.within: no part of street 'East Street 5'"),
    ],
)
def test_a_street_that_is_not_there_is_refused(
    town: City, scenario: Scenario, plans: dict[str, Plan], keys: dict[str, Any], message: str
) -> None:
    plan = changed(plans["early-warning"], pedestrian_streets=[{"name": "Nowhere", **keys}])
    with pytest.raises(InputError, match=message):
        build_site(town, scenario, plan)
