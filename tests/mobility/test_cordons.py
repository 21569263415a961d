"""An inbound ban: who is kept out, who is turned away, who passes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.city import City
from engine.errors import InputError
from engine.mobility.traffic import Traffic
from engine.plan import Plan
from engine.run import Run, Session, open_session
from engine.scenario import Scenario
from engine.site import build_site
from engine.world import P_DRIVING, P_WAITING

TOWN_CENTRE = {"lon": -70.99627, "lat": -29.99685, "radius_m": 100}


def banned(plans: dict[str, Plan], **keys: Any) -> Plan:
    """The plan with a ban alone on the streets, in force soon after the order."""
    ban = {"name": "Cordon", "within": TOWN_CENTRE, "officers": 4, "setup_s": 0, **keys}
    document = plans["early-warning"].model_dump(exclude_defaults=True)
    for key in ("closures", "pedestrian_streets", "one_way_streets", "contraflow"):
        document[key] = []
    document["order"]["zones"] = [{"name": "Low town", "below_m": 15, "mode": "car"}]
    return Plan.model_validate({**document, "inbound_ban": [ban]})


def busy(scenario: Scenario) -> Scenario:
    keys = {"behaviour": {**scenario.behaviour, "car_share": 1.0, "car_near_share": 1.0}}
    out = Scenario.model_validate({**scenario.model_dump(exclude_unset=True), **keys})
    out._folder = scenario.folder
    return out


def mobility_of(session: Session) -> Any:
    return next(c for c in session.twin.components if c.name == "mobility")


def test_no_car_enters_once_the_cordon_stands_and_nobody_is_lost(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    counts = {}
    for officers, name in ((4, "ban"), (0, "none")):
        plan = banned(plans) if officers else banned(plans).model_copy(update={"inbound_ban": ()})
        session = open_session(town, busy(scenario), plan, 1)
        into = build_site(town, scenario, banned(plans)).orders[0].barred
        mobility, entered = mobility_of(session), 0
        on_before = np.zeros(0, np.int64)
        for t_s in range(10, 1800, 10):
            session.advance(t_s)
            cars = np.arange(mobility._fleet.first_unit)
            on = cars[np.isin(mobility.traffic.place_of(cars), into)
                      & (mobility.traffic.state_of(cars) == 2)]
            if t_s > 400:
                entered += np.setdiff1d(on, on_before).size
            on_before = on
        counts[name] = entered
        run = session.finish()
        assert sum(run.score["ledger"]["people"].values()) == town.persons.household.size
        if officers:
            (set_ms,) = run.events[run.events.kind == "street_order_set"].t_ms
            assert set_ms <= 400_000
    assert counts["ban"] == 0
    assert counts["none"] > 0


def test_who_is_turned_away_is_told_why_and_arrives(runs: dict[str, Run]) -> None:
    run = runs["early-warning"]
    events = run.events
    turned = events[events.kind == "party_turned_back"]
    assert len(turned)
    assert (turned.value > 0).all()
    control = len(run.twin.plan.posts) - 1
    assert set(turned.object) == {control}
    ban = events[(events.kind == "street_order_set") & (events.subject == control)].iloc[0]
    assert (turned.t_ms >= ban.t_ms).all()
    for row in turned.itertuples():
        kinds = run.why(row.event).kind.tolist()
        assert "party_departed" in kinds or "street_order_set" in kinds
    ended = events[events.kind.isin(["party_arrived", "party_mode_changed", "person_died"])]
    assert set(turned.subject) <= set(ended.subject)


def test_a_shelter_inside_is_out_of_reach_by_car(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    """Cars bound for it go to the nearest safe place outside; on foot it can be reached."""
    shelter = int(town.facilities_of("shelter")[0])
    lon, lat = town.lonlat(town.facilities.x_m[shelter], town.facilities.y_m[shelter])
    plan = banned(plans, within={"lon": float(lon), "lat": float(lat), "radius_m": 100})
    session = open_session(town, busy(scenario), plan, 1)
    session.advance(900)
    world, mobility = session.twin.world, mobility_of(session)
    (order,) = session.twin.context.site.orders
    assert world.control_order_event[order.control] >= 0
    cars = np.flatnonzero(mobility._fleet.of_party >= 0)[:6]
    outside, inside = int(order.inside.argmin()), int(order.inside.argmax())
    world.party_dest[cars] = [1, 1, 1, 0, 0, 1]
    mobility._cordons._keep_out(cars, np.array([outside, outside, inside, outside, inside, inside]))
    assert world.party_dest[cars].tolist() == [0, 0, 1, 0, 0, 1]
    driving = np.isin(world.party_place, (P_DRIVING, P_WAITING)) & (world.party_dest > 0)
    assert not driving.any()


def test_ways_that_lead_over_a_link_are_found() -> None:
    """Against following every way step by step."""
    rng = np.random.default_rng(5)
    n, m = 40, 160
    tail, head = rng.integers(0, n, m), rng.integers(0, n, m)
    keep = tail != head
    tail, head = tail[keep], head[keep]
    traffic = Traffic(
        n_nodes=n, from_node=tail, to_node=head, length_m=rng.uniform(50, 500, tail.size),
        free_speed_mps=np.full(tail.size, 10.0), capacity_vps=np.full(tail.size, 0.5),
        jam_density_vpm=np.full(tail.size, 0.2), destinations=[[0, 7]], max_vehicles=1,
    )
    edges = rng.choice(tail.size, 12, replace=False)
    _, via = traffic.tree(0, traffic.state.edge_cost_ms)
    slow = np.zeros(n, bool)
    for start in range(n):
        node = start
        while via[node] >= 0:
            slow[start] |= via[node] in edges
            node = head[via[node]]
    assert slow.any()
    assert np.array_equal(traffic.leads_over(0, edges), slow)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"officers": 3}, r"inbound_ban\.0\.officers: 3 cannot hold 'Cordon': 4 streets lead in"),
        ({"within": {"lon": -70.996, "lat": -29.996, "radius_m": 9000}},
         r"inbound_ban\.0: 'Cordon': no street leads into the area from outside"),
    ],
)
def test_a_cordon_that_cannot_stand_is_refused(
    town: City, scenario: Scenario, plans: dict[str, Plan], keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        build_site(town, scenario, banned(plans, **keys))
