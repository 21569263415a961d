"""Units' vehicles on the road."""

from __future__ import annotations

import numpy as np

from engine.city import City
from engine.mobility.traffic_events import STATES
from engine.plan import Plan
from engine.run import open_session
from engine.scenario import Scenario


def test_a_vehicle_that_stood_in_an_impassable_street_drives_off_again(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    """Its crew has walked on from there, or was sent elsewhere; the street is open again by then."""
    session = open_session(town, scenario, plans["historical"], 1)
    twin = session.twin
    mobility = next(c for c in twin.components if c.name == "mobility")
    t_s = 0
    while not (twin.world.unit_edge >= 0).any():
        t_s += 10
        session.advance(t_s)
    unit = int(np.flatnonzero(twin.world.unit_edge >= 0)[0])
    vehicle = np.array([mobility._fleet.first_unit + unit])
    traffic, w = mobility.traffic, twin.world

    def state() -> str:
        return STATES[traffic.state_of(vehicle)[0]]

    flooded = w.edge_speed_mps.copy()
    flooded[w.unit_edge[unit]] = 0.0
    for speed_mps in (flooded, w.edge_speed_mps):
        traffic.set_edge_state(speed_mps, w.edge_capacity_vps, w.edge_closed)
        t_s += 10
        traffic.advance(t_s * 1000)
        assert state() == "stranded on link"
    node = int(town.edges.from_node[w.unit_edge[unit]])
    goal = int(twin.context.site.units.node[unit])
    mobility._fleet.unit_trip(t_s * 1000, unit, node, goal)
    assert state() in ("waiting at origin", "on link")
    for _ in range(30):
        t_s += 10
        traffic.advance(t_s * 1000)
    assert state() == "arrived"
    assert traffic.place_of(vehicle)[0] == -1 - goal
