"""The streets as the command centre knows them: nothing that nobody told."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.city import City
from engine.plan import Plan
from engine.run import open_session
from engine.scenario import Scenario
from engine.sensing.calls import station_walk_s
from engine.sensing.closures import SIGHT_M, SPEED_KEPT_MS
from engine.site import build_site


def test_speeds_are_free_speeds_except_where_a_unit_drove_lately(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    session = open_session(town, scenario, plans["early-warning"], 1)
    free = town.edges.free_speed_mps
    jam_unseen = False
    for t_s in range(60, 3000, 60):
        session.advance(t_s)
        world = session.twin.world
        measured = world.seen_edge_ms >= 0
        assert np.array_equal(world.seen_edge_speed_mps[~measured], free[~measured])
        assert np.all(world.seen_edge_ms[measured] >= session.twin.env.now - SPEED_KEPT_MS - 20_000)
        slow = world.edge_flow_speed_mps < 0.5 * free
        jam_unseen |= bool(np.any(slow & ~measured))
    assert jam_unseen  # there was something to overlook


def test_closures_are_known_late_and_never_before_they_happen(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    """By report every street's news comes after the change; the plan's own closures at once."""
    session = open_session(town, scenario, plans["early-warning"], 1)
    own = np.unique(np.concatenate(session.twin.context.site.closure_edges))
    late = 0
    for t_s in range(60, 4000, 60):
        session.advance(t_s)
        world = session.twin.world
        assert np.array_equal(world.seen_edge_closed[own], world.edge_closed[own])
        late += int((world.edge_closed & ~world.seen_edge_closed).sum())
    assert late > 0
    events = session.finish().events
    reports = events[events.kind == "street_reported"]
    assert len(reports)
    assert (reports.value >= 0).all()
    assert (events.t_ms.iloc[reports.cause].to_numpy() <= reports.t_ms.to_numpy()).all()


def _without_telephones(town: City, scenario: Scenario, plan: Plan, lon: float, lat: float) -> Any:
    """Street reports of a run in which no telephone works and a street is closed after ten minutes."""
    outage = scenario.outages[0].model_copy(
        update={"service": "telecom", "from_s": 0.0, "to_s": 86_400.0, "share": 1.0})
    silent = scenario.model_copy(update={
        "outages": (outage,), "tsunami": None, "earthquake": None, "rumour": None, "duration_s": 5400.0})
    plan = plan.model_copy(update={"order": plan.order.model_copy(update={"trigger": None})})
    session = open_session(town, silent, plan, 1)
    session.submit({"t_s": 600.0, "kind": "inject", "what": "close_street", "lon": lon, "lat": lat})
    events = session.finish().events
    assert not (events.kind == "order_decided").any()
    return events[events.kind == "street_reported"]


def test_crews_report_by_radio_what_they_see_whatever_the_telephone_does(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    """Telephones are down everywhere: a street at a station is known at once, one far from all crews
    when somebody has walked to a station."""
    nodes, streets = town.nodes, town.streets
    ends = np.stack([streets.from_node, streets.to_node])
    walk_s = station_walk_s(town, nodes.x_m[ends], nodes.y_m[ends]).min(axis=0)
    units = build_site(town, scenario, plans["historical"]).units
    post = nodes.x_m[units.node], nodes.y_m[units.node]
    away = np.hypot(nodes.x_m[ends][:, :, None] - post[0], nodes.y_m[ends][:, :, None] - post[1])
    far_m = np.where(streets.drive, away.min(axis=(0, 2)), 0.0)
    near_m = np.where(streets.drive, away.min(axis=(0, 2)), np.inf)
    for street, by_crew in ((int(np.argmin(near_m)), True), (int(np.argmax(far_m)), False)):
        middle = [float(v[ends[:, street]].mean()) for v in (nodes.x_m, nodes.y_m)]
        lon, lat = (float(v) for v in town.lonlat(*middle))
        reports = _without_telephones(town, scenario, plans["historical"], lon, lat)
        assert len(reports) == 1
        assert reports.subject.item() == street
        if by_crew:
            assert reports.value.item() <= 20
        else:
            assert far_m[street] > SIGHT_M
            assert reports.value.item() >= walk_s[street]
