"""The streets as the command centre knows them: nothing that nobody told."""

from __future__ import annotations

import numpy as np

from engine.city import City
from engine.plan import Plan
from engine.run import open_session
from engine.scenario import Scenario
from engine.sensing.closures import SPEED_KEPT_MS


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
