"""Closures that units meet, and crews that the water catches."""

from __future__ import annotations

import numpy as np
import pytest

from engine.city import City
from engine.events import REASONS
from engine.plan import Plan
from engine.response.street_hazards import DEATH_SHARE
from engine.run import open_session
from engine.scenario import Scenario
from engine.sensing.calls import station_walk_s
from engine.world import C_WAITING, U_OFF, U_ON_SCENE, U_TO_HOSPITAL
from tests.response_rig import Rig


def blocked(town: City, node: int, keep: int) -> list[dict[str, object]]:
    """Inputs that block all streets at a junction but the `keep`-th."""
    streets = np.flatnonzero((town.streets.from_node == node) | (town.streets.to_node == node))
    rows = []
    for street in np.delete(streets, keep):
        ends = [town.streets.from_node[street], town.streets.to_node[street]]
        lon, lat = town.lonlat(town.nodes.x_m[ends].mean(), town.nodes.y_m[ends].mean())
        rows.append({"t_s": 60.0, "kind": "inject", "what": "close_street", "lon": float(lon),
                     "lat": float(lat)})
    return rows


def test_a_unit_meets_a_closure_nobody_reported_turns_and_tells(
    town: City, short: object, plans: dict[str, Plan]
) -> None:
    """The only open way is found by trying; afterwards the command centre knows."""
    no_phones = [{"service": "telecom", "from_s": 10, "to_s": 5400}]
    scenario: Scenario = short(outages=no_phones, duration_s=3600)  # type: ignore[operator]
    plan = plans["historical"]
    first = open_session(town, scenario, plan, 1).finish()
    came = first.events[(first.events.kind == "unit_arrived") & (first.events.object >= 0)]
    node = int(first.twin.world.incident_node[int(came.object.iloc[0])])
    streets = np.flatnonzero((town.streets.from_node == node) | (town.streets.to_node == node))
    met = []
    for keep in range(streets.size):
        run = open_session(town, scenario, plan, 1, blocked(town, node, keep)).finish()
        events = run.events
        rows = events[events.kind == "unit_blocked"]
        for row in rows.itertuples():
            assert REASONS[row.object] == "stranded on closed road"
            learnt = events[(events.kind == "street_reported") & (events.cause == row.event)]
            assert len(learnt) >= 1  # what else its crew sees next bears the same cause
            assert 0 <= learnt.iloc[0].t_ms - row.t_ms <= 20_000
            chain = run.why(row.event).kind.tolist()
            assert chain[0] == "unit_blocked"
        met.append(len(rows))
    assert max(met) >= 1
    assert min(met) <= 1  # with the usual way open, at most a chance meeting


def test_what_nobody_met_or_reported_is_not_known(
    town: City, short: object, plans: dict[str, Plan]
) -> None:
    """A blocked street that no crew sees is reported by telephone after a while; without telephones
    not before somebody has walked to a station."""
    far = [{"t_s": 60.0, "kind": "inject", "what": "close_street", "lon": -70.9916, "lat": -29.9990}]
    since = {}
    for phones in (False, True):
        outages = [] if phones else [{"service": "telecom", "from_s": 10, "to_s": 5400}]
        scenario: Scenario = short(outages=outages)  # type: ignore[operator]
        session = open_session(town, scenario, plans["historical"], 1, far)
        session.advance(80)
        world = session.twin.world
        street = int(np.flatnonzero(world.street_blocked >= 0)[0])
        edges = np.flatnonzero(town.edges.street == street)
        assert world.edge_closed[edges].all()
        assert not world.seen_edge_closed[edges].any()
        session.advance(5400)
        assert world.seen_edge_closed[edges].all()
        events = session.finish().events
        told = events[(events.kind == "street_reported") & (events.subject == street)]
        assert len(told) == 1
        since[phones] = float(told.iloc[0].value)
    assert since[True] > 10
    ends = [town.streets.from_node[street], town.streets.to_node[street]]
    walk_s = station_walk_s(town, town.nodes.x_m[ends], town.nodes.y_m[ends]).min()
    assert since[False] == pytest.approx(since[True] + walk_s, abs=10)


def flooded(rig: Rig, unit: int, depth_m: float, flow_mps: float = 0.0) -> None:
    node = int(rig.w.unit_node[unit])
    zone = int(rig.site.zone_of_node[node])
    rig.w.zone_flooded_event[zone] = rig.log.add("zone_flooded", rig.now_ms, zone, cause=rig.start)
    rig.w.node_depth_m[node], rig.w.node_flow_mps[node] = depth_m, flow_mps


def test_deep_water_takes_a_vehicle_and_may_kill_its_crew() -> None:
    dead = crew = 0
    for seed in range(1, 25):
        rig = Rig(seed=seed)
        rig.run(30)
        flooded(rig, 0, 1.5)
        rig.run(60)
        here = np.flatnonzero(rig.w.unit_node == rig.w.unit_node[0])
        assert np.all(rig.w.unit_phase[here] == U_OFF)
        caught = rig.rows("unit_caught")
        assert sorted(row[1] for row in caught) == here.tolist()
        assert rig.chain(rig.last("unit_caught"))[1] == "zone_flooded"
        dead += sum(int(row[3]) for row in rig.rows("responders_died"))
        crew += int(rig.site.units.crew[here].sum())
    assert dead / crew == pytest.approx(DEATH_SHARE, abs=0.07)
    assert dead > 0


def test_a_caught_ambulance_leaves_its_patient_who_is_fetched_again() -> None:
    rig = Rig()
    person = rig.crowd(1)[0]
    rig.hurt(person)
    while not np.any(rig.w.unit_phase == U_ON_SCENE):
        rig.tick()
    unit = int(np.flatnonzero(rig.w.unit_phase == U_ON_SCENE)[0])
    flooded(rig, unit, 1.0)
    rig.tick()
    assert rig.w.unit_phase[unit] == U_OFF
    assert rig.w.person_care[person] == C_WAITING
    assert rig.w.unit_person[unit] == -1
    rig.w.node_depth_m[:] = 0.0
    rig.run(rig.now_ms / 1000 + 3600)
    again = np.flatnonzero((rig.w.unit_person == person) & (rig.w.unit_phase == U_TO_HOSPITAL))
    assert again.size == 1 or len(rig.rows("person_admitted")) == 1
    assert rig.w.unit_phase[unit] == U_OFF


def test_shallow_still_water_takes_no_vehicle() -> None:
    rig = Rig()
    rig.run(30)
    flooded(rig, 0, 0.4, 0.5)
    rig.run(60)
    assert not rig.rows("unit_caught")
    flooded(rig, 0, 0.4, 2.0)
    rig.run(90)
    assert rig.rows("unit_caught")
