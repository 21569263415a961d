"""What drivers know: the news, or the way of habit until they come to a closure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.city import City
from engine.mobility.fleet import HABIT, TURNED
from engine.mobility.route_choice import GROUPS
from engine.mobility.traffic import Traffic, View
from engine.plan import Plan
from engine.run import Run, Session, open_session, simulate
from engine.scenario import Scenario
from engine.world import P_DRIVING, P_WAITING

NEWS_ROW, TURNED_ROW, HABIT_ROW = range(3)


def two_ways(vehicles: int = 6) -> Traffic:
    """From 0 over 1 to 3 the short way (link 1), over 2 the long way (links 2, 3); three kinds of
    drivers bound for 3."""
    traffic = Traffic(
        n_nodes=4, from_node=[0, 1, 1, 2], to_node=[1, 3, 2, 3], length_m=[100, 100, 300, 300],
        free_speed_mps=10.0 * np.ones(4), capacity_vps=0.5 * np.ones(4),
        jam_density_vpm=0.2 * np.ones(4), destinations=[[3]], max_vehicles=vehicles,
        views=[View(barred=True), View(learns=False)],
    )
    turned = traffic.add_destination([3], view=1)
    traffic.add_destination([3], view=2, turned=turned)
    return traffic


def state(traffic: Traffic, shut: tuple[int, ...] = (), barred: tuple[int, ...] = (), **keys: Any) -> None:
    masks = np.zeros((2, 4), np.bool_)
    masks[0, list(shut)] = masks[1, list(barred)] = True
    traffic.set_edge_state(
        traffic.free_speed_mps, 0.5 * np.ones(4), masks[0], barred=masks[1], **keys)


def ticks(traffic: Traffic, until_ms: int) -> tuple[list[tuple[int, ...]], dict[int, int]]:
    """Advance by ticks of 10 s: (vehicle, time, edge, detour) of who met a closure; arrival times."""
    met, arrived = [], {}
    for t in range(traffic.now_ms + 10_000, until_ms + 1, 10_000):
        happened = traffic.advance(t)
        columns = (happened.met_vehicle, happened.met_ms, happened.met_edge, happened.met_detour_ms)
        met += [tuple(map(int, row)) for row in zip(*columns, strict=True)]
        arrived |= dict(zip(happened.arrived.tolist(), happened.arrived_ms.tolist(), strict=True))
    return met, arrived


def test_who_follows_habit_turns_where_he_meets_the_closure_and_not_before() -> None:
    traffic = two_ways()
    traffic.depart([0, 1, 2], [0, 25_000, 45_000], 0, [HABIT_ROW, HABIT_ROW, NEWS_ROW])
    state(traffic, shut=(1,), known=np.zeros(4, np.bool_))
    met, arrived = ticks(traffic, 200_000)
    # Each meets it for himself at the junction, 10 s away, also the first one with the news.
    assert met == [(0, 10_000, 1, 50_000), (1, 35_000, 1, 50_000), (2, 55_000, 1, 50_000)]
    # The first of each group finds his way round at the tick after; then turning costs no time.
    assert arrived == {0: 80_000, 1: 95_000, 2: 120_000}
    assert traffic.edge_entered().tolist() == [3, 0, 3, 3]


def test_a_turned_driver_delays_nobody_once_the_closure_is_known_to_those_who_turned() -> None:
    traffic = two_ways()
    state(traffic, shut=(1,), known=np.zeros(4, np.bool_))
    traffic.depart([0], 0, 0, HABIT_ROW)
    traffic.advance(20_000)
    traffic.depart([1, 2], [20_000, 20_000], 0, HABIT_ROW)
    events = traffic.advance(200_000)
    when = dict(zip(events.arrived.tolist(), events.arrived_ms.tolist(), strict=True))
    assert when[1] == 20_000 + 70_000
    assert when[2] == when[1] + 2_000  # one headway


def test_the_news_knows_what_is_reported_and_habit_does_not() -> None:
    traffic = two_ways()
    state(traffic, shut=(1,), known=np.array([False, True, False, False]))
    traffic.depart([0, 1], 0, 0, [NEWS_ROW, HABIT_ROW])
    met, arrived = ticks(traffic, 200_000)
    assert [row[0] for row in met] == [1]
    assert set(arrived) == {0, 1}
    # Opened again: habit takes the short way, and nobody meets anything.
    state(traffic)
    traffic.depart([2], 200_000, 0, HABIT_ROW)
    assert ticks(traffic, 400_000) == ([], {2: 220_000})


def test_habit_turns_at_a_barrier_and_passes_where_there_is_no_other_way() -> None:
    traffic = two_ways()
    state(traffic, barred=(1,))
    traffic.depart([0], 0, 0, HABIT_ROW)
    events = traffic.advance(100_000)
    assert events.met_edge.tolist() == [1]
    assert events.arrived_ms.tolist() == [70_000]
    state(traffic, shut=(2,), barred=(1,))
    traffic.depart([1], 100_000, 0, HABIT_ROW)
    traffic.advance(100_001)
    traffic.set_view(1, np.array([10_000, 10_000, 1 << 40, 30_000]))
    events = traffic.advance(200_000)
    assert events.met_vehicle.size == 0
    assert events.arrived_ms.tolist() == [120_000]


# --- in the city ------------------------------------------------------------------------------


def drivers(scenario: Scenario, share: float, **keys: Any) -> Scenario:
    behaviour = {**scenario.behaviour, "car_share": 1.0, "car_near_share": 1.0, "news_share": share}
    out = Scenario.model_validate(
        {**scenario.model_dump(exclude_unset=True), "behaviour": behaviour, **keys})
    out._folder = scenario.folder
    return out


def met(run: Run) -> int:
    return int((run.events.kind == "party_met_closure").sum())


def test_who_met_a_closure_is_told_which_and_why(runs: dict[str, Run]) -> None:
    run = runs["early-warning"]
    rows = run.events[run.events.kind == "party_met_closure"]
    assert len(rows) > 0
    for row in rows.itertuples():
        kinds = run.why(row.event).kind.tolist()
        assert {"party_departed", "party_on_road", "party_going_home"} & set(kinds), kinds
    assert set(rows.object_type) == {"street"}
    # Of those who had another way nobody stays in the street for want of one.
    ended = run.events[run.events.kind.isin(["party_arrived", "party_mode_changed", "person_died"])]
    assert set(rows[rows.value >= 0].subject) <= set(ended.subject)


def test_the_more_have_the_news_the_fewer_meet_a_closure(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    nobody, all_of_them = (
        simulate(town, drivers(scenario, share, duration_s=2400.0), plans["early-warning"], 1)
        for share in (0.0, 1.0)
    )
    assert met(nobody) > 2 * met(all_of_them)
    for run in (nobody, all_of_them):
        assert sum(run.score["ledger"]["people"].values()) == town.persons.household.size


def test_without_telephones_nobody_has_the_news(
    town: City, scenario: Scenario, plans: dict[str, Plan],
) -> None:
    """The network carries it: a share of 1 without telephones runs like a share of 0."""
    out = [{"service": "telecom", "from_s": 0.0, "to_s": 5400.0}]
    digests = {
        simulate(town, drivers(scenario, share, outages=out, duration_s=1800.0),
                 plans["early-warning"], 1).digest
        for share in (0.0, 1.0)
    }
    assert len(digests) == 1


def test_knowledge_survives_a_snapshot(
    town: City, scenario: Scenario, plans: dict[str, Plan], short: Callable[..., Scenario]
) -> None:
    """Those who turned remember, and go on as in the run that was not cut."""
    session = open_session(town, drivers(scenario, 0.3, duration_s=1500.0), plans["early-warning"], 1)
    session.advance(700)
    fleet: Any = next(c for c in session.twin.components if c.name == "mobility")._fleet
    driving = np.flatnonzero(session.twin.world.party_place == P_DRIVING)
    row = fleet.traffic.state.vehicle["dest"][fleet.of_party[driving]]
    assert {HABIT, TURNED} & set(fleet.traffic.state.dest_view[row].tolist())
    branch: Session = session.branch()
    assert branch.finish().digest == session.finish().digest


def fleet_of(session: Session) -> Any:
    return next(c for c in session.twin.components if c.name == "mobility")._fleet


def test_drivers_with_the_news_are_of_four_groups(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    """Whoever drives keeps to his own group's ways, also where he is sent elsewhere."""
    session = open_session(town, drivers(scenario, 1.0, duration_s=1500.0), plans["early-warning"], 1)
    session.advance(600)
    fleet, world = fleet_of(session), session.twin.world
    rows = np.flatnonzero(np.isin(world.party_place, (P_DRIVING, P_WAITING)) & (world.party_fetch < 0))
    rows = rows[fleet.heard(rows)]
    way = fleet.traffic.state.vehicle["dest"][fleet.of_party[rows]]
    np.testing.assert_array_equal(way // GROUPS, world.party_dest[rows])
    assert np.unique(way % GROUPS).size > 1
    share = np.bincount(fleet._group[fleet.party], minlength=GROUPS) / fleet.party.size
    np.testing.assert_allclose(share, 1 / GROUPS, atol=0.06)
    fleet.retarget(rows)
    np.testing.assert_array_equal(fleet.traffic.state.vehicle["dest"][fleet.of_party[rows]], way)


def test_an_opening_is_taken_up_by_one_group_after_another(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    """All avoid a closure that is known; once it is open they come back within five minutes."""
    session = open_session(town, drivers(scenario, 1.0, duration_s=3000.0), plans["historical"], 1)
    fleet = fleet_of(session)
    traffic = fleet.traffic
    node = int(np.bincount(town.edges.from_node).argmax())
    rank = int(traffic.state.route[0, node])
    edge = int(traffic._net.out_edge[traffic._net.out_ptr[node] + rank])

    def used() -> list[bool]:
        return [bool(traffic.state.route[group, node] == rank) for group in range(GROUPS)]

    assert used() == [True] * GROUPS
    shut = np.zeros(traffic.n_edges, np.bool_)
    shut[edge] = True
    keys = traffic.state.edge_speed_mps.copy(), traffic.state.edge_capacity_vps.copy()
    traffic.set_edge_state(*keys, shut)
    assert used() == [False] * GROUPS
    traffic.set_edge_state(*keys, ~shut & False)
    taken = []
    for t in range(0, 310_000, 10_000):
        if t:
            fleet.drivers_view(t, t % 300_000 == 0)
        taken.append(sum(used()))
    assert taken[0] == 0
    assert sorted(taken) == taken
    assert set(taken) == set(range(GROUPS + 1))


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_out_of_range_is_refused(share: float, scenario: Scenario) -> None:
    from engine.errors import InputError
    from engine.scenario import load_scenario

    with pytest.raises(InputError, match="news_share"):
        load_scenario("testtown-tsunami", [f"behaviour.news_share={share}"])
