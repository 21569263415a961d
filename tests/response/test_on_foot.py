"""Crews without a way out of the exclusion zone by vehicle save themselves on foot."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import numpy as np
import pytest

from engine.city import City
from engine.events import KIND_CODE, REASONS
from engine.kernels.paths import UNREACHED, forward_tree, speed_cost_ms
from engine.mobility.crews import CREW_MPS
from engine.plan import Plan
from engine.response.on_foot import NO_WAY, TOO_SLOW
from engine.run import Run, Session, open_session
from engine.scenario import Scenario
from engine.site import UNIT_KINDS
from engine.world import (
    C_TRANSPORT,
    NEVER,
    U_AVAILABLE,
    U_AWAY,
    U_BACK,
    U_OFF,
    U_ON_FOOT,
)
from tests.response_rig import Rig

POLICE = UNIT_KINDS.index("police")
SEEDS = int(os.environ.get("ANLAN_PROPERTY_SEEDS", "6"))


def cut_off(town: City, node: int, t_s: float = 20.0) -> list[dict[str, object]]:
    """Inputs that block every street at a junction for vehicles; walkers pass."""
    rows = []
    for street in np.flatnonzero((town.streets.from_node == node) | (town.streets.to_node == node)):
        ends = [town.streets.from_node[street], town.streets.to_node[street]]
        lon, lat = town.lonlat(town.nodes.x_m[ends].mean(), town.nodes.y_m[ends].mean())
        rows.append({"t_s": t_s, "kind": "inject", "what": "close_street", "lon": float(lon),
                     "lat": float(lat)})
    return rows


def station(town: City, session: Session) -> int:
    """Junction of the police station, inside the exclusion line."""
    units = session.twin.context.site.units
    return int(units.node[(units.kind == POLICE) & (units.aid < 0)][0])


@cache
def _cut(seed: int) -> tuple[Run, list[dict[str, object]]]:
    from city_models.testtown import build_testtown
    from engine.plan import load_plan
    from engine.scenario import load_scenario

    town, scenario = build_testtown(), load_scenario("testtown-tsunami")
    plan = load_plan("early-warning", scenario)
    first = open_session(town, scenario, plan, seed)
    inputs = cut_off(town, station(town, first))
    return open_session(town, scenario, plan, seed, inputs).finish(), inputs


@pytest.fixture(scope="module")
def cut() -> Run:
    """The test town with its police station cut off for vehicles."""
    return _cut(1)[0]


def steps(run: Run, unit: int) -> list[str]:
    events = run.events
    mine = events[(events.subject == unit) & events.kind.isin(
        ["crew_on_foot", "crew_in_safety", "crew_walks_back", "crew_back", "unit_caught", "crew_caught"])]
    return mine.kind.tolist()


def test_a_crew_cut_off_walks_to_safety_and_comes_back_after_the_all_clear(cut: Run) -> None:
    site, events = cut.twin.context.site, cut.events
    left = events[events.kind == "crew_on_foot"]
    cars = np.flatnonzero((site.units.kind == POLICE) & (site.units.aid < 0))
    assert set(left.subject) == set(cars)
    assert {REASONS[row] for row in left.object} == {"no way out of the zone"}
    clear_ms = int(events[events.kind == "all_clear"].t_ms.iloc[0])
    for row in left.itertuples():
        assert steps(cut, row.subject) == [
            "crew_on_foot", "crew_in_safety", "crew_walks_back", "crew_back"]
        mine = events[events.subject == row.subject].set_index("kind")
        safe = mine.loc["crew_in_safety"]
        assert safe.value == pytest.approx(row.value, rel=0.35)  # the crowd is not foreseen
        assert mine.loc["crew_walks_back"].t_ms >= clear_ms
        orders = events[(events.kind.isin(["unit_dispatched", "mission_ordered"]))
                        & (events.subject == row.subject)]
        assert not orders.t_ms.between(row.t_ms, mine.loc["crew_back"].t_ms).any()
        why = cut.why(row.event).kind.tolist()
        assert why[0] == "crew_on_foot"
        assert {"arrival_predicted", "order_decided"} & set(why)


def test_on_the_map_the_unit_is_where_its_crew_is(
    town: City, scenario: Scenario, plans: dict[str, Plan], cut: Run
) -> None:
    """It is shown on high ground, while its vehicle stays at the station."""
    safe = cut.events[cut.events.kind == "crew_in_safety"].iloc[0]
    unit = int(safe.subject)
    session = open_session(town, scenario, plans["early-warning"], 1, _cut(1)[1])
    session.advance(int(safe.t_ms) / 1000 + 120)
    world, site = session.twin.world, session.twin.context.site
    away = np.hypot(town.nodes.x_m - world.unit_x_m[unit], town.nodes.y_m - world.unit_y_m[unit])
    node = int(np.argmin(away))
    assert away[node] < 2.0
    assert site.safe_node[node]
    assert not site.exclusion_node[node]
    assert world.unit_phase[unit] == U_AWAY
    assert world.unit_node[unit] == site.units.node[unit]


def test_the_walk_is_that_of_the_walking_network_at_the_crews_speed(cut: Run, town: City) -> None:
    """On the level it would take the shortest way's length over the speed; slopes only slow it down."""
    site = cut.twin.context.site
    walk = town.walk
    tail, head = walk.tail[walk.arc], walk.head[walk.arc]
    mm = np.rint(1000 * walk.length_m[walk.arc]).astype(np.int64)
    node = int(site.walk_node[site.units.node[site.units.kind == POLICE][0]])
    far = forward_tree(town.nodes.x_m.size, tail, head, mm, node)[0]
    safe = site.safe_node & ~site.exclusion_node
    level_s = far[safe].min() / 1000 / CREW_MPS
    expected = cut.events[cut.events.kind == "crew_on_foot"].value
    assert np.all(expected >= 0.8 * level_s)
    assert np.all(expected <= 3 * level_s)


def test_a_snapshot_while_a_crew_walks_goes_on_alike(
    town: City, scenario: Scenario, plans: dict[str, Plan], cut: Run
) -> None:
    inputs = _cut(1)[1]
    session = open_session(town, scenario, plans["early-warning"], 1, inputs)
    left = cut.events[cut.events.kind == "crew_on_foot"]
    session.advance(int(left.t_ms.iloc[0]) / 1000 + 30)
    assert (session.twin.world.unit_phase == U_ON_FOOT).any()
    assert session.branch().finish().digest == cut.digest


# --- decisions, played by hand ----------------------------------------------------------------------


def shut_in(rig: Rig, unit: int) -> None:
    """The streets at a unit's junction are known to be closed to vehicles."""
    edges, node = rig.city.edges, int(rig.w.unit_node[unit])
    rig.w.seen_edge_closed[(edges.from_node == node) | (edges.to_node == node)] = True


def in_zone(**more: Any) -> tuple[Rig, int]:
    """A rig whose police cars begin inside the danger zone, and one of them."""
    rig = Rig(below_m=16.0, **more)
    unit = int(np.flatnonzero(rig.site.exclusion_node[rig.site.units.node])[0])
    return rig, unit


def test_without_a_way_at_all_the_crew_waits_and_looks_again() -> None:
    rig, unit = in_zone()
    shut_in(rig, unit)
    rig.order()
    rig.run(4000)
    assert rig.w.unit_phase[unit] == U_AVAILABLE
    told = [row for row in rig.rows("unit_turned_back") if row[1] == unit]
    assert [row[2] for row in told] == [NO_WAY]  # once, however long it lasts
    assert len([row for row in rig.rows("unit_withdrawn") if row[1] == unit]) <= 1
    rig.w.unit_walk_out_ms[unit] = 400_000
    rig.run(4080)
    assert rig.w.unit_phase[unit] == U_ON_FOOT
    assert rig.chain(rig.last("crew_on_foot"))[1] == "unit_turned_back"


@pytest.mark.parametrize(("walk_s", "foot"), [(100.0, True), (20000.0, False)])
def test_a_way_out_slower_than_the_time_left_is_walked_if_that_is_quicker(
    walk_s: float, foot: bool
) -> None:
    rig, unit = in_zone()
    rig.w.seen_edge_speed_mps[:] /= 60.0  # everything jammed
    rig.w.unit_walk_out_ms[unit] = round(1000 * walk_s)
    rig.w.predicted_ms[0], rig.w.predicted_event[0] = 60_000, rig.start
    rig.order()
    rig.run(30)
    if foot:
        assert rig.w.unit_phase[unit] == U_ON_FOOT
        assert [r[2] for r in rig.rows("crew_on_foot") if r[1] == unit] == [TOO_SLOW]
    else:
        assert not rig.rows("crew_on_foot")
        assert not rig.site.exclusion_node[rig.w.unit_node[unit]]


def test_with_time_enough_the_vehicle_is_driven_out() -> None:
    rig, unit = in_zone()
    rig.w.unit_walk_out_ms[unit] = 1
    rig.order()
    rig.run(600)
    assert not rig.rows("crew_on_foot")
    assert not rig.site.exclusion_node[rig.w.unit_node[unit]]


def test_where_the_waiting_place_is_cut_off_the_nearest_outside_will_do() -> None:
    rig, unit = in_zone()
    refuge = int(rig.components[2]._refuge[unit])  # type: ignore[attr-defined]
    rig.w.seen_edge_closed[rig.city.edges.to_node == refuge] = True
    rig.w.unit_walk_out_ms[unit] = 100_000
    rig.order()
    rig.run(900)
    node = int(rig.w.unit_node[unit])
    assert node != refuge
    assert not rig.site.exclusion_node[node]
    assert not rig.rows("crew_on_foot")
    done = len(rig.log)
    rig.run(3000)  # and stays there without a word
    mine = np.flatnonzero(rig.log.column("subject")[done:] == unit) + done
    moves = [KIND_CODE[k] for k in ("unit_departed", "unit_turned_back", "unit_available")]
    assert not np.isin(rig.log.column("kind")[mine], moves).any()


def test_once_the_wave_has_come_who_is_outside_goes_back_to_the_waiting_place() -> None:
    rig, unit = in_zone()
    refuge = int(rig.components[2]._refuge[unit])  # type: ignore[attr-defined]
    rig.order()
    rig.run(600)
    assert int(rig.w.unit_node[unit]) == refuge
    other = next(int(n) for n in np.flatnonzero(rig.site.safe_node) if n != refuge
                 and not rig.site.exclusion_node[n] and n in rig.city.edges.from_node)
    rig.w.unit_node[unit] = other
    rig.w.predicted_ms[0] = rig.now_ms - 60_000
    goal, why = rig.components[2]._way_out(  # type: ignore[attr-defined]
        unit, rig.now_ms, refuge)
    assert (goal, why) == (refuge, 0)


def test_a_crew_that_has_just_left_its_vehicle_takes_no_order() -> None:
    """An order given in the very tick goes to another unit."""
    rig, unit = in_zone()
    dispatch, units = rig.components[1], rig.components[2]
    event = rig.log.add("unit_dispatched", rig.now_ms, unit, 0, cause=rig.start)
    rig.w.unit_event[unit] = rig.start
    units._walk_out(unit, rig.now_ms, NO_WAY)  # type: ignore[attr-defined]
    dispatch._order(unit, -1, 0, event)  # type: ignore[attr-defined]
    units._take_order(unit, rig.now_ms)  # type: ignore[attr-defined]
    assert rig.w.unit_phase[unit] == U_ON_FOOT
    assert rig.w.unit_control[unit] == -1
    assert rig.w.unit_serial_done[unit] == rig.w.unit_order_serial[unit]
    assert not rig.rows("unit_departed")


def walked_out(seed: int = 1) -> tuple[Rig, int]:
    """A crew in safety on foot."""
    rig, unit = in_zone(seed=seed)
    shut_in(rig, unit)
    rig.w.unit_walk_out_ms[unit] = 60_000
    rig.order()
    rig.run(30)
    assert rig.w.unit_phase[unit] == U_ON_FOOT
    rig.w.unit_crew_node[unit] = int(np.flatnonzero(rig.site.safe_node)[0])
    rig.mail.crews.append((rig.now_ms - 1, unit))
    rig.run(60)
    assert rig.w.unit_phase[unit] == U_AWAY
    return rig, unit


@pytest.mark.parametrize("drowned", [False, True])
def test_the_vehicle_is_in_service_again_unless_the_water_took_it(drowned: bool) -> None:
    rig, unit = walked_out()
    if drowned:
        node = int(rig.w.unit_node[unit])
        zone = int(rig.site.zone_of_node[node])
        rig.w.zone_flooded_event[zone] = rig.log.add("zone_flooded", rig.now_ms, zone, cause=rig.start)
        rig.w.node_depth_m[node] = 2.0
        rig.run(90)
        rig.w.node_depth_m[node] = 0.0
        assert unit in [row[1] for row in rig.rows("unit_caught")]
        assert unit not in [row[1] for row in rig.rows("responders_died")]
        assert rig.w.unit_phase[unit] == U_AWAY
    rig.order(clear=True)
    rig.run(120)
    assert rig.w.unit_phase[unit] == U_BACK
    rig.mail.crews.append((rig.now_ms - 1, unit))
    rig.run(150)
    assert rig.w.unit_phase[unit] == (U_OFF if drowned else U_AVAILABLE)
    assert rig.chain(rig.last("crew_back"))[:2] == ["crew_back", "crew_walks_back"]


def test_the_water_may_take_a_crew_whose_walk_takes_too_long() -> None:
    dead = crew = 0
    for seed in range(1, 13):
        rig, unit = in_zone(seed=seed)
        shut_in(rig, unit)
        rig.w.unit_walk_out_ms[unit] = 600_000
        rig.order()
        rig.run(30)
        node = int(rig.w.unit_node[unit])
        rig.w.unit_crew_node[unit] = node
        zone = int(rig.site.zone_of_node[node])
        rig.w.zone_flooded_event[zone] = rig.log.add("zone_flooded", rig.now_ms, zone, cause=rig.start)
        rig.w.node_depth_m[node] = 1.5
        rig.run(60)
        caught = rig.rows("crew_caught")
        assert [row[1] for row in caught] == [unit]
        assert rig.w.unit_phase[unit] == U_OFF
        dead += sum(int(row[3]) for row in rig.rows("responders_died") if row[1] == unit)
        crew += int(rig.site.units.crew[unit])
    assert 0 < dead < crew


def test_a_patient_on_board_is_carried_and_driven_on() -> None:
    """The ambulance is shut in with its patient on board; its crew carries them out."""
    rig = Rig()
    person = int(np.flatnonzero(rig.site.exclusion_node[rig.parties.node[rig.parties.of_person]])[0])
    rig.hurt(person)
    unit = -1
    while unit < 0:
        rig.tick()
        assert rig.now_ms < 3_600_000
        held = np.flatnonzero((rig.w.unit_person == person) & (rig.w.unit_due_ms < NEVER))
        unit = int(held[0]) if held.size else -1
    edges, node = rig.city.edges, int(rig.w.unit_node[unit])
    rig.w.seen_edge_closed[edges.from_node == node] = True
    rig.w.unit_walk_out_ms[unit] = 500_000
    rig.order()
    rig.run(rig.now_ms / 1000 + 30)
    assert rig.w.unit_phase[unit] == U_ON_FOOT
    assert rig.w.unit_person[unit] == person
    rig.w.unit_crew_node[unit] = int(np.flatnonzero(rig.site.safe_node)[0])
    rig.mail.crews.append((rig.now_ms - 1, unit))
    rig.run(rig.now_ms / 1000 + 30)
    assert rig.w.unit_phase[unit] == U_AWAY
    assert rig.w.unit_person[unit] == -1
    assert [row[1] for row in rig.rows("self_referred")] == [person]


def test_while_no_hospital_can_be_used_the_crew_stays_with_its_patient() -> None:
    """And is not treated, called for or drowned where it was hurt; then it is driven on."""
    rig, unit = walked_out()
    person = int(np.flatnonzero(rig.site.exclusion_node[rig.parties.node[rig.parties.of_person]])[0])
    rig.hurt(person)
    rig.w.unit_person[unit], rig.w.person_care[person] = person, C_TRANSPORT
    assert rig.site.exclusion_node[rig.city.facilities.node[rig.site.hospital]].all()
    rig.run(400)
    assert rig.w.unit_phase[unit] == U_AWAY
    assert rig.w.unit_person[unit] == person
    assert rig.w.person_care[person] == C_TRANSPORT
    rig.order(clear=True)
    rig.run(500)
    assert rig.w.unit_person[unit] == -1
    assert rig.w.unit_phase[unit] == U_BACK
    assert person in [row[1] for row in rig.rows("self_referred")]


# --- property ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("plan", ["historical", "early-warning", "assisted"])
def test_no_crew_with_a_way_out_stands_in_the_zone_when_the_wave_is_due(
    plan: str, town: City, scenario: Scenario
) -> None:
    """Streets of the low town are blocked at random while crews are out, in many seeded runs."""
    from engine.plan import load_plan

    ordered = walked = 0
    for seed in range(1, 1 + SEEDS):
        random = np.random.default_rng(seed)  # the test's own, for places to block
        session = open_session(town, scenario, load_plan(plan, scenario), seed)
        site = session.twin.context.site
        low = np.flatnonzero(site.exclusion_node[town.streets.from_node] & town.streets.drive)
        inputs = cut_off(town, station(town, session), 60.0 + 20 * seed) if seed % 2 else []
        for street in random.choice(low, size=min(10, low.size), replace=False):
            ends = [town.streets.from_node[street], town.streets.to_node[street]]
            lon, lat = town.lonlat(town.nodes.x_m[ends].mean(), town.nodes.y_m[ends].mean())
            inputs.append({"t_s": float(random.integers(30, 500)), "kind": "inject",
                           "what": "close_street", "lon": float(lon), "lat": float(lat)})
        session = open_session(town, scenario, load_plan(plan, scenario), seed, inputs)
        world = session.twin.world
        could: dict[int, int] = {}  # unit -> when it could have been out
        last, t_s = world.unit_order_serial.copy(), 0
        while t_s < 1600 and not (world.predicted_ms[0] < NEVER and t_s * 1000 >= world.predicted_ms[0]):
            t_s += 10
            session.advance(t_s)
            out = (world.unit_order_serial != last) & site.exclusion_node[world.unit_node]
            out &= (world.unit_order_incident < 0) & (world.unit_order_control < 0)
            out &= (world.unit_order_mission < 0) & (world.exclusion_ms[0] < NEVER)
            last = world.unit_order_serial.copy()
            for unit in list(could):  # outside, and perhaps sent in again: that is another order
                if not site.exclusion_node[world.unit_node[unit]]:
                    del could[unit]
            for unit in np.flatnonzero(out):
                could.setdefault(int(unit), t_s * 1000 + way_out_ms(session, int(unit)))
        due_ms = int(world.predicted_ms[0])
        for unit, out_ms in could.items():
            ordered += 1
            if out_ms > due_ms - 60_000:  # not in time by any way
                continue
            walked += world.unit_phase[unit] in (U_ON_FOOT, U_AWAY)
            crew = int(world.unit_crew_node[unit])
            node = crew if crew >= 0 else int(world.unit_node[unit])
            edge = int(world.unit_edge[unit])
            node = int(town.edges.to_node[edge]) if edge >= 0 else node
            assert not site.exclusion_node[node], f"{plan}, seed {seed}, unit {unit}"
    assert ordered > 0
    if plan == "early-warning":
        assert walked > 0


def way_out_ms(session: Session, unit: int) -> int:
    """The quickest way out of the zone as things are: by vehicle on the true roads, or on foot."""
    world, edges = session.twin.world, session.twin.city.edges
    site = session.twin.context.site
    cost = speed_cost_ms(edges.length_m, world.edge_speed_mps, world.edge_closed)
    edge = int(world.unit_edge[unit])
    node = int(edges.to_node[edge]) if edge >= 0 else int(world.unit_node[unit])
    drive = forward_tree(site.exclusion_node.size, edges.from_node, edges.to_node, cost, node)[0]
    quickest = int(drive[~site.exclusion_node & ~site.danger_node].min())
    return min(quickest if quickest < UNREACHED else NEVER, int(world.unit_walk_out_ms[unit]))
