"""Crews that walk the last part of the way to a scene and carry their patient back to the vehicle."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from engine.approach import KIT_MPS, WALK_LIMIT_M, Approach
from engine.city import City
from engine.events import REASONS
from engine.kernels.paths import CLOSED, UNREACHED, forward_tree
from engine.networks.roads import WALK_DEPTH_M
from engine.response.at_scene import WADE_M
from engine.run import Run, Session, open_session
from engine.scenario import Scenario
from engine.site import UNIT_KINDS
from engine.world import (
    C_HOSPITAL,
    C_TRANSPORT,
    C_WAITING,
    U_AVAILABLE,
    U_BACK,
    U_OFF,
    U_ON_FOOT,
    U_ON_SCENE,
    U_WALKING,
)
from tests.response.test_on_foot import cut_off
from tests.response_rig import Rig, lonlat

AMBULANCE = UNIT_KINDS.index("ambulance")
FAR_NODE = 28  # nobody waits there, outside the rig's danger zone


def patient(rig: Rig, node: int = FAR_NODE, severity: int = 2) -> int:
    """Somebody hurt at a junction who does not go by their own way."""
    building = rig.parties.person_building
    at = rig.city.buildings.node[np.maximum(building, 0)]
    person = int(np.flatnonzero((building >= 0) & (at == node))[0])
    rig.w.person_self_ms[person] = -1
    rig.hurt(person, severity)
    return person


def shut(rig: Rig, node: int = FAR_NODE, known: bool = True) -> None:
    """No vehicle gets to or from a junction; whether command knows."""
    edges = rig.city.edges
    at = (edges.from_node == node) | (edges.to_node == node)
    rig.w.edge_closed[at] = True
    if known:
        rig.w.seen_edge_closed[at] = True


def crew_there(rig: Rig, unit: int, goal: int) -> None:
    """What mobility does: the crew is on foot, and there."""
    rig.tick()
    rig.w.unit_crew_node[unit] = goal
    rig.mail.crews.append((rig.now_ms - 1, unit))


def walking(rig: Rig, until_s: float = 3600) -> int:
    """The unit whose crew walks to the scene."""
    while not (rig.w.unit_phase == U_WALKING).any():
        rig.tick()
        assert rig.now_ms < 1000 * until_s
    return int(np.flatnonzero(rig.w.unit_phase == U_WALKING)[0])


def away(rig: Rig, unit: int) -> int:
    return int(rig.site.walk_node[rig.w.unit_node[unit]])


def test_the_walk_is_the_shortest_way_within_the_limit() -> None:
    rig = Rig()
    walk = rig.city.walk
    tail, head = walk.tail[walk.arc], walk.head[walk.arc]
    mm = np.rint(1000 * walk.length_m[walk.arc]).astype(np.int64)
    far = forward_tree(rig.city.nodes.x_m.size, tail, head, mm, FAR_NODE)[0] / 1000.0
    ms = Approach(rig.city, rig.site).walk_ms(FAR_NODE)
    near = far < WALK_LIMIT_M - 1
    assert near.sum() > 5
    assert np.all(np.abs(ms[near] / 1000.0 - far[near] / KIT_MPS) < 0.1)
    assert np.all(ms[far > WALK_LIMIT_M + 1] == UNREACHED)
    dry = np.ones(rig.city.streets.length_m.size, bool)
    dry[(rig.city.streets.from_node == FAR_NODE) | (rig.city.streets.to_node == FAR_NODE)] = False
    assert np.all(np.delete(Approach(rig.city, rig.site).walk_ms(FAR_NODE, dry), FAR_NODE) == UNREACHED)


def test_a_vehicle_stands_only_where_it_can_drive_away_again() -> None:
    """Not in front of the water on a road that nobody can turn on."""
    rig = Rig()
    way, edges = Approach(rig.city, rig.site), rig.city.edges
    walk = way.walk_ms(FAR_NODE)
    cost = np.full(edges.length_m.size, 1000, np.int64)
    stops = way.stops(walk, cost)
    node = int(next(s for s in stops if s not in rig.site.units.node))
    trapped = np.where(edges.from_node == node, CLOSED, cost)
    assert set(stops) - set(way.stops(walk, trapped)) == {node}


def test_crews_wade_no_deeper_than_streets_are_open_to_walkers() -> None:
    assert WADE_M == WALK_DEPTH_M


def test_an_ambulance_drives_up_walks_on_and_carries_its_patient_back_to_hospital() -> None:
    rig = Rig()
    shut(rig)
    person = patient(rig)
    unit = walking(rig)
    assert rig.site.units.kind[unit] == AMBULANCE
    stop = int(rig.w.unit_node[unit])
    assert stop != FAR_NODE
    ((_, _, _, expected),) = rig.rows("unit_dispatched")
    ((out, _, incident, walk_s),) = rig.rows("crew_walks_to_scene")
    assert incident == 0
    # Dispatch counted with drive and walk, the way there was as it knew.
    assert expected == pytest.approx((out - rig.rows("unit_departed")[0][0]) / 1000 + walk_s, abs=0.01)
    crew_there(rig, unit, int(rig.w.unit_scene_node[unit]))
    rig.run(rig.now_ms / 1000 + 20)
    assert rig.w.unit_phase[unit] == U_ON_SCENE
    assert rig.w.person_care[person] != C_WAITING
    while rig.w.unit_phase[unit] == U_ON_SCENE:
        rig.tick()
    assert rig.w.unit_phase[unit] == U_BACK
    assert rig.w.unit_person[unit] == person
    assert rig.w.person_care[person] == C_TRANSPORT
    assert not rig.rows("transport_started")
    crew_there(rig, unit, away(rig, unit))
    rig.run(rig.now_ms / 1000 + 5400)
    assert rig.w.person_care[person] == C_HOSPITAL
    assert rig.chain(rig.last("person_admitted"))[:9] == [
        "person_admitted", "transport_started", "crew_back", "crew_walks_back", "person_treated",
        "unit_arrived", "crew_walks_to_scene", "unit_departed", "unit_dispatched"]
    assert rig.w.unit_phase[unit] == U_AVAILABLE


def test_beyond_the_longest_walk_command_sends_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every street for vehicles within the limit is known to be closed, and no unit stands there."""
    monkeypatch.setattr("engine.approach.WALK_LIMIT_M", 250.0)  # the town is small
    rig = Rig()
    near = Approach(rig.city, rig.site).walk_ms(FAR_NODE) < UNREACHED
    rig.w.unit_phase[near[rig.w.unit_node]] = U_OFF
    assert (rig.w.unit_phase == U_AVAILABLE).any()
    edges = rig.city.edges
    rig.w.seen_edge_closed[near[edges.from_node] | near[edges.to_node]] = True
    patient(rig)
    rig.run(1800)
    assert not rig.rows("unit_dispatched")
    assert {REASONS[row[2]] for row in rig.rows("dispatch_held")} == {"no way to scene"}


def test_a_crew_that_finds_its_way_cut_on_the_road_walks_on() -> None:
    rig = Rig()
    patient(rig)
    while not rig.rows("unit_departed"):
        rig.tick()
    unit = rig.rows("unit_departed")[0][1]
    rig.stuck.add(unit)
    near = Approach(rig.city, rig.site).walk_ms(FAR_NODE)
    stop = int(np.flatnonzero((near > 0) & (near < UNREACHED))[0])
    rig.w.unit_x_m[unit], rig.w.unit_y_m[unit] = rig.city.nodes.x_m[stop], rig.city.nodes.y_m[stop]
    rig.tick()  # it is on the road
    shut(rig)
    assert walking(rig) == unit
    assert not rig.rows("unit_turned_back")


def test_water_on_foot_too_is_told_and_not_tried_again_for_an_hour() -> None:
    rig = Rig()
    shut(rig)
    streets = rig.city.streets
    rig.w.street_walk_factor[(streets.from_node == FAR_NODE) | (streets.to_node == FAR_NODE)] = 0.0
    patient(rig)
    rig.run(3000)
    ((told, _, why, _),) = rig.rows("unit_turned_back")
    assert REASONS[why] == "no way on foot"
    assert not rig.rows("crew_walks_to_scene")
    rig.w.street_walk_factor[:] = 1.0
    rig.run(told / 1000 + 3590)
    assert len(rig.rows("unit_dispatched")) == 1
    walking(rig, told / 1000 + 6000)


def test_a_crew_that_does_not_get_through_turns_back() -> None:
    rig = Rig()
    shut(rig)
    patient(rig)
    unit = walking(rig)
    rig.tick()
    rig.w.unit_crew_node[unit] = away(rig, unit)
    walk_s = rig.rows("crew_walks_to_scene")[0][3]
    rig.run(rig.now_ms / 1000 + max(3 * walk_s, 900) + 30)
    assert rig.w.unit_phase[unit] == U_BACK
    assert [REASONS[row[2]] for row in rig.rows("unit_turned_back")] == ["no way on foot"]
    crew_there(rig, unit, away(rig, unit))
    rig.run(rig.now_ms / 1000 + 30)
    assert rig.w.unit_phase[unit] != U_BACK


def test_a_vehicle_lost_meanwhile_ends_the_crew_s_service_when_it_is_back() -> None:
    rig = Rig()
    shut(rig)
    person = patient(rig)
    unit = walking(rig)
    crew_there(rig, unit, int(rig.w.unit_scene_node[unit]))
    while rig.w.unit_phase[unit] != U_BACK:
        rig.tick()
    node = int(rig.w.unit_node[unit])
    rig.w.zone_flooded_event[:] = rig.log.add("zone_flooded", rig.now_ms, 0, cause=rig.start)
    rig.w.node_depth_m[node] = 2.0
    rig.tick()
    rig.w.node_depth_m[node] = 0.0
    assert [row[1] for row in rig.rows("unit_caught") if row[1] == unit]
    assert unit not in [row[1] for row in rig.rows("responders_died")]
    assert rig.w.unit_phase[unit] == U_BACK
    crew_there(rig, unit, away(rig, unit))
    rig.tick()
    assert rig.w.unit_phase[unit] not in (U_AVAILABLE, U_OFF)  # with the patient, who is driven on
    assert person in [row[1] for row in rig.rows("self_referred")]
    assert rig.w.unit_person[unit] == -1


# --- the exclusion line -----------------------------------------------------------------------------


def inside_node(rig: Rig) -> int:
    """A junction inside the line with people, near enough to others outside it."""
    near = np.unique(rig.city.buildings.node[rig.parties.person_building[rig.parties.person_building >= 0]])
    for node in near[rig.site.exclusion_node[near]]:
        walk = Approach(rig.city, rig.site).walk_ms(int(node))
        if (walk[~rig.site.exclusion_node] < UNREACHED).any() and node in rig.city.edges.to_node:
            return int(node)
    raise AssertionError("none")


def test_while_the_line_is_drawn_nobody_walks_into_it() -> None:
    rig = Rig()
    node = inside_node(rig)
    shut(rig, node)
    rig.order()
    rig.run(30)
    patient(rig, node)
    rig.run(3600)
    assert not rig.rows("unit_dispatched")
    assert {REASONS[row[2]] for row in rig.rows("dispatch_held")} == {"scene inside exclusion zone"}
    rig.order(clear=True)
    walking(rig, 7200)


def test_a_crew_on_foot_inside_is_ordered_out_when_the_line_is_drawn() -> None:
    """To its vehicle where that is the quicker way, else straight to safety."""
    for walk_out_ms, phase in ((10**9, U_BACK), (1, U_ON_FOOT)):
        rig = Rig()
        node = inside_node(rig)
        shut(rig, node)
        patient(rig, node)
        unit = walking(rig)
        crew_there(rig, unit, int(rig.w.unit_scene_node[unit]))
        rig.run(rig.now_ms / 1000 + 20)
        assert rig.w.unit_phase[unit] == U_ON_SCENE
        rig.order()
        rig.w.unit_walk_out_ms[unit] = walk_out_ms
        rig.run(rig.now_ms / 1000 + 30)
        assert unit in [row[1] for row in rig.rows("unit_withdrawn")]
        assert rig.w.unit_phase[unit] == phase
        assert rig.w.unit_person[unit] >= 0  # with the patient that it had


def test_a_crew_on_its_way_through_the_zone_is_ordered_out_when_the_line_is_drawn() -> None:
    """Also where its scene lies outside."""
    rig = Rig()
    shut(rig)
    patient(rig)
    unit = walking(rig)
    assert not rig.site.exclusion_node[rig.w.unit_scene_node[unit]]
    rig.w.unit_crew_node[unit] = inside_node(rig)
    rig.order()
    rig.run(rig.now_ms / 1000 + 30)
    assert unit in [row[1] for row in rig.rows("unit_withdrawn")]
    assert rig.w.unit_phase[unit] != U_WALKING


def test_where_a_crew_walked_for_an_earlier_task_is_forgotten() -> None:
    """Officers work the junction they are sent to, and walk on to no scene of before."""
    rig = Rig({"control_points": [{"name": "Crossroads", **lonlat(15), "officers": 2, "setup_s": 60}]})
    rig.w.unit_scene_node[:] = FAR_NODE
    rig.order()
    rig.run(1800)
    assert not rig.rows("crew_walks_to_scene")
    assert rig.w.control_staffed[0]


# --- whole runs -------------------------------------------------------------------------------------


@cache
def _played() -> tuple[Session, Run, list[dict[str, object]]]:
    """The test town's earthquake with a scene cut off for vehicles from its opening on."""
    from city_models.testtown import build_testtown
    from engine.plan import load_plan
    from engine.scenario import load_scenario

    town, scenario = build_testtown(), load_scenario("testtown-quake")
    plan = load_plan("wait", scenario)
    plain = open_session(town, scenario, plan, 1).finish()
    world, events = plain.twin.world, plain.events
    came = events[(events.kind == "unit_arrived") & (events.object >= 0)]
    units = plain.twin.context.site.units
    row = came[units.kind[came.subject] == AMBULANCE].iloc[0]
    opened = events[(events.kind == "incident_opened") & (events.subject == row.object)].t_ms.iloc[0]
    inputs = cut_off(town, int(world.incident_node[row.object]), opened / 1000 + 10)
    session = open_session(town, scenario, plan, 1, inputs)
    return session, open_session(town, scenario, plan, 1, inputs).finish(), inputs


def test_in_a_run_a_crew_walks_to_a_scene_and_brings_its_patient_to_hospital() -> None:
    _, run, _ = _played()
    events = run.events
    walks = events[events.kind == "crew_walks_to_scene"]
    assert len(walks)
    for walk in walks.itertuples():
        mine = events[(events.subject == walk.subject) & (events.event > walk.event)]
        there = mine[mine.kind == "unit_arrived"].iloc[0]
        assert there.object == walk.object
        walked_s = (there.t_ms - walk.t_ms) / 1000
        assert 0.7 * walk.value < walked_s < 3 * walk.value  # slope, rubble and the dark
    kinds = run.why(int(events[events.kind == "crew_back"].event.iloc[-1])).kind.tolist()
    assert {"crew_walks_back", "unit_arrived", "crew_walks_to_scene", "unit_dispatched"} <= set(kinds)


def test_a_snapshot_while_a_crew_walks_to_a_scene_goes_on_alike(town: City, scenario: Scenario) -> None:
    session, run, _ = _played()
    walk = run.events[run.events.kind == "crew_walks_to_scene"].iloc[0]
    session.advance(int(walk.t_ms) / 1000 + 20)
    assert (session.twin.world.unit_phase == U_WALKING).any()
    assert session.branch().finish().digest == run.digest
