"""Orders on streets: who is kept out, who gets through, and the width that walkers have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.city import City
from engine.errors import InputError
from engine.mobility.traffic import Traffic, View
from engine.networks.street_orders import LANE_AGAINST, LANE_WIDTH_M
from engine.plan import Plan
from engine.run import Run, Session, open_session
from engine.scenario import Scenario
from engine.site import build_site


def changed(plan: Plan, **keys: Any) -> Plan:
    return Plan.model_validate({**plan.model_dump(exclude_defaults=True), **keys})


def alone(plan: Plan, **keys: Any) -> Plan:
    """The plan with these orders on streets and no others."""
    none = dict.fromkeys(("pedestrian_streets", "one_way_streets", "contraflow", "inbound_ban"), ())
    return changed(plan, **{**none, **keys})


def busy_town(scenario: Scenario) -> Scenario:
    """The town where whoever has a car takes it."""
    keys = {"behaviour": {**scenario.behaviour, "car_share": 1.0, "car_near_share": 1.0}}
    busy = Scenario.model_validate({**scenario.model_dump(exclude_unset=True), **keys})
    busy._folder = scenario.folder
    return busy


# --- who may enter -----------------------------------------------------------------------------


def two_ways() -> Traffic:
    """From node 0 to 3 the short way over link 0, 1 and the long way over link 2."""
    return Traffic(
        n_nodes=4, from_node=[0, 1, 0, 2], to_node=[1, 3, 2, 3], length_m=[100, 100, 300, 300],
        free_speed_mps=10.0 * np.ones(4), capacity_vps=0.5 * np.ones(4),
        jam_density_vpm=0.2 * np.ones(4), destinations=[[3]], max_vehicles=4, views=[View()],
    )


def test_a_barrier_keeps_cars_out_and_lets_responders_through() -> None:
    traffic = two_ways()
    cost = np.array([10_000, 10_000, 30_000, 30_000])
    traffic.add_destination([3], view=1)
    traffic.set_view(1, cost)  # responders drive by what they know: the barrier stops nobody of them
    traffic.set_edge_state(traffic.free_speed_mps, 0.5 * np.ones(4), np.zeros(4, bool),
                           barred=np.array([True, False, False, False]))
    traffic.depart([0], 0, 0, 0, "car")
    traffic.depart([1], 0, 0, 1, "emergency")
    traffic.depart([2], 0, 0, 0, "bus")
    done = traffic.advance(120_000)
    t = dict(zip(done.arrived.tolist(), (done.arrived_ms / 1000).tolist(), strict=True))
    assert t[1] == pytest.approx(20.0, abs=0.1)
    assert t[0] >= 60.0
    assert t[2] >= 60.0
    assert traffic.edge_entered().tolist() == [1, 1, 2, 2]
    traffic.set_edge_state(traffic.free_speed_mps, 0.5 * np.ones(4), np.zeros(4, bool))
    traffic.depart([3], 120_000, 0, 0, "car")
    assert traffic.advance(200_000).arrived_ms.tolist() == [140_000]


def test_who_is_on_a_street_when_it_is_barred_drives_out() -> None:
    traffic = two_ways()
    traffic.depart([0], 0, 0, 0, "car")
    traffic.advance(2_000)
    assert traffic.place_of([0])[0] == 0
    traffic.set_edge_state(traffic.free_speed_mps, 0.5 * np.ones(4), np.zeros(4, bool),
                           barred=np.array([True, True, False, False]))
    traffic.depart([1, 2], 2_000, [0, 1], 0, "car")
    done = traffic.advance(200_000)
    # The one on the street goes on along it, and so does who starts on it; who can, goes round.
    assert done.arrived.tolist() == [2, 0, 1]
    assert done.arrived_ms[1] == pytest.approx(20_000, abs=200)
    assert done.arrived_ms[2] >= 62_000


def test_a_closure_that_holds_for_the_staged_return_lets_responders_through(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    session = open_session(town, scenario, plans["early-warning"], 1)
    session.advance(3400.0)
    world, (into,) = session.twin.world, session.twin.context.site.closure_edges
    assert world.all_clear_event[0] < 0
    assert world.edge_closed[into].all()
    session.advance(3600.0)
    assert world.all_clear_event[0] >= 0
    assert world.edge_barred[into].all()
    assert not world.edge_closed[into].any()
    assert not world.seen_edge_closed[into].any()
    session.advance(4200.0)  # the last stage opened ten minutes after the all-clear
    assert not world.edge_barred[into].any()


# --- a street for walkers ----------------------------------------------------------------------


def cars_on(session: Session, edges: np.ndarray) -> int:
    """Cars, not units, on links."""
    mobility: Any = next(c for c in session.twin.components if c.name == "mobility")
    traffic: Traffic = mobility.traffic
    cars = np.arange(mobility._fleet.first_unit)
    on = traffic.state_of(cars) == 2
    return int(np.isin(traffic.place_of(cars[on]), edges).sum())


def test_the_street_empties_of_cars_and_belongs_to_walkers(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    busy = busy_town(scenario)
    # Set up early and for everybody to drive, so that cars are about when the barriers close.
    plan = alone(plans["early-warning"], pedestrian_streets=[{
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
    assert world.edge_barred[order.barred].all()
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
        ({"street": "East Street 5", "within": {"lon": -70.99, "lat": -29.985, "radius_m": 50}},
         r"pedestrian_streets\.0\.within: no part of street 'East Street 5'"),
    ],
)
def test_a_street_that_is_not_there_is_refused(
    town: City, scenario: Scenario, plans: dict[str, Plan], keys: dict[str, Any], message: str
) -> None:
    plan = changed(plans["early-warning"], pedestrian_streets=[{"name": "Nowhere", **keys}])
    with pytest.raises(InputError, match=message):
        build_site(town, scenario, plan)


# --- one-way streets ---------------------------------------------------------------------------


def one_way(plans: dict[str, Plan], **keys: Any) -> Plan:
    street = {"name": "Out", "street": "East Street 2", "officers": 1, "setup_s": 10, **keys}
    return alone(plans["early-warning"], one_way_streets=[street])


def test_the_way_out_leads_away_from_the_sea(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    edges, x = town.edges, town.nodes.x_m
    for keys, sign in (({}, 1.0), ({"heading_deg": 270.0}, -1.0), ({"heading_deg": 60.0}, 1.0)):
        (order,) = build_site(town, scenario, one_way(plans, **keys)).orders
        out = order.outward
        # Past the first safe junction every way leads on to safety: there is no outward direction.
        assert order.turned.size >= 3
        assert (np.sign(x[edges.to_node[out]] - x[edges.from_node[out]]) == sign).all()
        assert np.array_equal(edges.street[out], edges.street[order.turned])
        assert np.array_equal(edges.from_node[out], edges.to_node[order.turned])


def test_lanes_turn_after_their_vehicles_have_left_and_none_are_invented(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    busy = busy_town(scenario)
    session = open_session(town, busy, one_way(plans), 1)
    (order,) = session.twin.context.site.orders
    world, edges = session.twin.world, town.edges
    waited = 0
    for t_s in range(10, 1200, 10):
        was_empty = world.edge_vehicles[order.turned] == 0
        session.advance(t_s)
        turned = world.edge_turned[order.turned]
        in_force = world.control_order_event[order.control] >= 0
        if in_force:
            assert world.edge_closed[order.turned].all()
            assert world.seen_edge_closed[order.turned].all()  # also to responders
            waited += int((~turned).sum())
            assert not (turned & ~was_empty & (world.edge_vehicles[order.turned] > 0)).any()
        # Storage is conserved over both directions, capacity never grows.
        both = world.edge_jam_vpm[order.turned] * ~turned + world.edge_jam_vpm[order.outward]
        own = edges.jam_density_vpm[order.turned] + edges.jam_density_vpm[order.outward]
        assert (both <= own * (1 + 1e-6)).all()
        gain = world.edge_capacity_vps[order.outward] - edges.capacity_vps[order.outward]
        assert (gain <= LANE_AGAINST * edges.capacity_vps[order.turned] * (1 + 1e-6)).all()
    assert turned.all()
    assert world.edge_capacity_vps[order.outward[0]] == pytest.approx(
        (1 + LANE_AGAINST) * edges.capacity_vps[order.outward[0]], rel=1e-4)
    events = session.finish().events
    assert (events.kind == "lanes_turned").sum() == 1
    told = events[events.kind == "lanes_turned"].iloc[0]
    assert events.kind.iloc[told.cause] == "street_order_set"


def test_lanes_turn_back_when_the_order_ends(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    session = open_session(town, scenario, one_way(plans, to_s=600), 1)
    (order,) = session.twin.context.site.orders
    world, edges = session.twin.world, town.edges
    session.advance(500)
    assert world.edge_turned[order.turned].all()
    session.advance(800)
    assert not world.edge_turned.any()
    assert not world.edge_closed[order.turned].any()
    assert np.allclose(world.edge_jam_vpm, edges.jam_density_vpm)
    assert np.allclose(world.edge_capacity_vps[order.outward], edges.capacity_vps[order.outward])


def test_an_abandoned_car_keeps_its_lane(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    session = open_session(town, scenario, one_way(plans), 1)
    session.advance(500)
    (order,) = session.twin.context.site.orders
    world = session.twin.world
    roads: Any = next(c for c in session.twin.components if c.name == "roads")
    capacity = np.array(town.edges.capacity_vps, np.float64)
    assert roads._lanes_moved(capacity)[order.outward].min() > 0
    world.edge_obstacles[order.turned[0]] = 1  # on a link of one lane
    more = roads._lanes_moved(capacity)[order.outward]
    assert more[0] == 0.0
    assert (more[1:] > 0).all()


def test_more_cars_get_out_by_turned_lanes_until_the_next_link_limits_them() -> None:
    """A queue of 200 cars: the turned link lets more through, its end no more than it can take."""

    def last_s(factor: float, narrow: float) -> float:
        traffic = Traffic(
            n_nodes=4, from_node=[0, 1, 2], to_node=[1, 2, 3], length_m=[400, 400, 400],
            free_speed_mps=10.0 * np.ones(3), capacity_vps=[2.0, 0.4, narrow],
            jam_density_vpm=[0.6, 0.125, 0.6], destinations=[[3]], max_vehicles=200,
        )
        capacity = np.array([2.0, 0.4 * factor, narrow])
        jam = np.array([0.6, 0.125 * (2.0 if factor > 1 else 1.0), 0.6])
        traffic.set_edge_state(traffic.free_speed_mps, capacity, np.zeros(3, bool), jam)
        traffic.depart(np.arange(200), 0, 0, 0, "car")
        return float(traffic.advance(3_600_000).arrived_ms.max()) / 1000.0

    assert last_s(1.0, 2.0) == pytest.approx(200 / 0.4 + 120, rel=0.03)
    assert last_s(1.65, 2.0) == pytest.approx(200 / 0.66 + 120, rel=0.03)
    assert last_s(1.65, 0.5) == pytest.approx(200 / 0.5 + 120, rel=0.03)


def test_two_orders_on_one_street_are_refused(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    plan = changed(plans["early-warning"], one_way_streets=[{"name": "Out", "street": "East Street 5"}])
    with pytest.raises(InputError, match=r"one_way_streets\.0: 'Out' orders part of 'East Street 5' that "
                                         r"pedestrian_streets\.0 orders already"):
        build_site(town, scenario, plan)
