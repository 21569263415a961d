"""Dispatch: who is sent, in what order, and why nobody is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.command.dispatch import AMBULANCE, POLICE, RESCUE, choose
from engine.errors import InputError
from engine.events import REASONS, reason
from engine.kernels.paths import reverse_tree, speed_cost_ms
from engine.site import check_officers
from engine.world import C_TRAPPED, U_AVAILABLE, U_ON_SCENE, U_STAFFING
from tests.response_rig import Rig, lonlat

CORNER = 0  # another, where two streets end
SHORE = 12  # a junction in the danger zone of the rig
INLAND = 16  # one on high ground


def someone_near(rig: Rig, node: int, number: int = 1) -> list[int]:
    """People whose building stands at a junction, each in a different building."""
    inside = rig.parties.person_building
    at = np.where(inside >= 0, rig.city.buildings.node[np.maximum(inside, 0)], -1)
    people = np.flatnonzero(at == node)
    _, first = np.unique(inside[people], return_index=True)
    assert first.size >= number
    return [int(p) for p in people[first[:number]]]


def known(rig: Rig, limit_s: float = 3600) -> None:
    """Run until every incident so far is known."""
    count = 0
    while rig.now_ms < limit_s * 1000:
        rig.tick()
        count = int(rig.w.incident_count[0])
        if count and np.all(rig.w.incident_state[:count] >= 3):
            rig.tick()
            return
    raise AssertionError("not every incident became known")


def test_choose_takes_the_least_and_breaks_ties_by_number() -> None:
    inf = np.inf
    assert choose(np.array([9.0, 4.0, 4.0]), np.array([9.0, 4.0, 4.0])) == 1
    assert choose(np.array([inf, 8.0, 9.0]), np.array([1.0, 3.0, 2.0])) == 2
    assert choose(np.array([inf, inf]), np.array([1.0, 2.0])) == -1
    assert choose(np.zeros(0), np.zeros(0)) == -1


def test_least_travel_time_on_the_seen_network() -> None:
    """The order's unit and expected time are those of an independent tree, jam included."""
    rig = Rig()
    edges = rig.city.edges
    # Everything that leaves the ambulance base crawls; the hospital's cars are then nearer.
    base = rig.city.facilities.node[rig.city.facilities_of("ambulance_station")[0]]
    slow = edges.from_node == base
    rig.w.seen_edge_speed_mps[slow] = 0.2
    rig.hurt(someone_near(rig, INLAND)[0])
    known(rig)
    (order,) = rig.rows("unit_dispatched")
    cost = speed_cost_ms(edges.length_m, rig.w.seen_edge_speed_mps, rig.w.seen_edge_closed)
    node = int(rig.w.incident_node[0])
    tree = reverse_tree(36, edges.from_node, edges.to_node, cost, node)[0]
    units = rig.site.units
    ambulances = np.flatnonzero(units.kind == AMBULANCE)
    times = tree[units.node[ambulances]]
    assert order[1] == ambulances[np.argmin(times)]
    assert order[3] == pytest.approx(times.min() / 1000)
    assert units.node[order[1]] != base


def test_nearest_station_ignores_the_jam() -> None:
    rig = Rig({"dispatch": {"rule": "nearest_station"}})
    base = rig.city.facilities.node[rig.city.facilities_of("ambulance_station")[0]]
    rig.w.seen_edge_speed_mps[rig.city.edges.from_node == base] = 0.2
    rig.hurt(someone_near(rig, INLAND)[0])
    known(rig)
    assert rig.site.units.node[rig.rows("unit_dispatched")[0][1]] == base


def test_critical_goes_before_serious_when_one_ambulance_is_left() -> None:
    rig = Rig()
    ambulances = np.flatnonzero(rig.site.units.kind == AMBULANCE)
    places = [10, 15, 16, 21, 22, 27]
    serious = [someone_near(rig, n)[0] for n in places]
    critical = someone_near(rig, 28)[0]
    for unit in ambulances:  # all away until every call was answered
        rig.w.unit_phase[unit] = U_ON_SCENE
    for person in serious:
        rig.hurt(person, 2)
    known(rig)
    rig.hurt(critical, 3)
    known(rig)
    held = rig.rows("dispatch_held")
    assert {REASONS[row[2]] for row in held} == {"no unit free"}
    assert not rig.rows("unit_dispatched")
    rig.w.unit_phase[ambulances[0]] = U_AVAILABLE
    rig.tick()
    (order,) = rig.rows("unit_dispatched")
    assert order[2] == rig.w.person_incident[critical]
    assert rig.chain(rig.last("unit_dispatched"))[1:3] == ["dispatch_held", "call_answered"]
    rig.w.unit_phase[ambulances[1]] = U_AVAILABLE
    rig.tick()
    rows = rig.w.person_incident[serious]
    longest = rows[np.lexsort((rows, rig.w.incident_known_ms[rows]))[0]]
    assert rig.rows("unit_dispatched")[1][2] == longest


def test_each_patient_gets_an_ambulance_and_the_trapped_one_engine() -> None:
    rig = Rig()
    a, b, c, d = rig.crowd(4)
    rig.hurt(a)
    rig.hurt(b)
    rig.hurt(c, 2, trapped=True)
    rig.hurt(d, 1, trapped=True)
    known(rig)
    kinds = rig.site.units.kind[[row[1] for row in rig.rows("unit_dispatched")]].tolist()
    assert sorted(kinds) == [AMBULANCE, AMBULANCE, RESCUE]


def test_rescue_share_caps_the_engines() -> None:
    rig = Rig({"dispatch": {"rescue_share": 0.34}})  # of three engines: two
    for node in (15, 16, 21, 22):
        rig.hurt(someone_near(rig, node)[0], 2, trapped=True)
    known(rig)
    rig.run(rig.now_ms / 1000 + 100)
    sent = [row for row in rig.rows("unit_dispatched") if rig.site.units.kind[row[1]] == RESCUE]
    assert len(sent) == 2


@pytest.fixture
def nobody_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The town is small: from everywhere else the scene would be within a crew's walk."""
    monkeypatch.setattr("engine.approach.WALK_LIMIT_M", 1.0)


@pytest.mark.usefixtures("nobody_walks")
def test_no_way_is_held_with_its_reason_and_tried_again() -> None:
    rig = Rig()
    rig.hurt(someone_near(rig, INLAND)[0])
    into = rig.city.edges.to_node == INLAND
    rig.w.seen_edge_closed[into] = True
    known(rig)
    assert [REASONS[row[2]] for row in rig.rows("dispatch_held")] == ["no way to scene"]
    assert rig.w.incident_reason[0] == reason("no way to scene")
    rig.w.seen_edge_closed[into] = False
    rig.run(rig.now_ms / 1000 + 400)
    assert len(rig.rows("unit_dispatched")) == 1
    assert rig.w.incident_reason[0] == 0


@pytest.mark.usefixtures("nobody_walks")
def test_a_free_unit_without_a_way_hides_no_shortage_and_the_next_free_one_goes_at_once() -> None:
    """Two ambulances are shut in, the others busy: the reason is that no unit is free, and nobody waits
    for the next look at the roads once one is."""
    rig = Rig()
    ambulances = np.flatnonzero(rig.site.units.kind == AMBULANCE)
    rig.w.unit_node[ambulances[-2:]] = rig.site.units.node[ambulances[-2:]] = INLAND
    rig.w.seen_edge_closed[rig.city.edges.from_node == INLAND] = True
    open_ones = ambulances.size - 2
    for person in rig.crowd(open_ones + 1):
        rig.hurt(person)
        rig.w.person_self_ms[person] = -1  # nobody goes to hospital by themselves
    known(rig)
    while not rig.rows("unit_available"):
        rig.tick()
        assert rig.now_ms < 3 * 3_600_000
    assert len(rig.rows("unit_dispatched")) == open_ones
    assert {REASONS[row[2]] for row in rig.rows("dispatch_held")} == {"no unit free"}
    rig.run(rig.now_ms / 1000 + 30)
    assert len(rig.rows("unit_dispatched")) == open_ones + 1


def test_exclusion_holds_scenes_in_the_danger_zone_until_the_all_clear() -> None:
    rig = Rig()
    assert rig.site.danger_node[SHORE]
    rig.order()
    rig.hurt(someone_near(rig, SHORE)[0])
    known(rig)
    assert [REASONS[row[2]] for row in rig.rows("dispatch_held")] == [
        "scene inside exclusion zone"
    ]
    assert not rig.rows("unit_dispatched")
    rig.order(clear=True)
    rig.tick()
    assert len(rig.rows("unit_dispatched")) == 1


def test_units_may_enter_before_the_order_and_are_withdrawn_by_it() -> None:
    rig = Rig()
    person = someone_near(rig, SHORE)[0]
    rig.hurt(person, 2, trapped=True)
    while not rig.rows("person_rescued"):
        unit = next(iter(np.flatnonzero(rig.w.unit_phase == U_ON_SCENE)), None)
        if unit is not None and rig.site.danger_node[rig.w.unit_node[unit]]:
            break
        rig.tick()
    rig.order()
    rig.run(rig.now_ms / 1000 + 600)
    (withdrawn,) = rig.rows("unit_withdrawn")
    assert withdrawn[1] == unit
    assert REASONS[withdrawn[2]] == "scene inside exclusion zone"
    assert rig.chain(rig.last("unit_withdrawn"))[1:3] == ["order_issued", "order_decided"]
    assert [row[1] for row in rig.rows("unit_turned_back")] == [unit]
    assert not rig.site.danger_node[rig.w.unit_node[unit]]
    assert rig.w.unit_phase[unit] == U_AVAILABLE
    assert rig.w.person_care[person] == C_TRAPPED
    assert rig.w.incident_reason[0] == reason("scene inside exclusion zone")


def test_units_go_to_staging_after_the_order_and_home_after_the_all_clear() -> None:
    place = 28
    rig = Rig({"staging": [{"kind": "ambulance", **lonlat(place)}]})
    ambulances = rig.site.units.kind == AMBULANCE
    rig.run(30)
    rig.order()
    rig.run(900)
    assert np.all(rig.w.unit_node[ambulances] == place)
    assert np.all(rig.w.unit_phase[ambulances] == U_AVAILABLE)
    rig.order(clear=True)
    rig.run(2400)
    assert np.array_equal(rig.w.unit_node, rig.site.units.node)


@pytest.mark.parametrize("places", [(28, 26), (26, 28)])
def test_of_two_staging_places_each_unit_waits_at_the_nearer(places: tuple[int, int]) -> None:
    rig = Rig({"staging": [{"kind": "ambulance", **lonlat(place)} for place in places]})
    edges, units = rig.city.edges, rig.site.units
    cost = speed_cost_ms(edges.length_m, edges.free_speed_mps)
    way = [
        reverse_tree(rig.city.nodes.x_m.size, edges.from_node, edges.to_node, cost,
                     np.array([place]))[0][units.node] for place in places
    ]
    nearer = np.where(way[1] < way[0], places[1], places[0])
    ambulances = units.kind == AMBULANCE
    assert np.array_equal(units.staging_node[ambulances], nearer[ambulances])
    assert np.array_equal(units.staging_node[~ambulances], units.node[~ambulances])


def test_police_staff_control_points_after_the_order() -> None:
    point = {"name": "Crossroads", **lonlat(15), "officers": 3, "setup_s": 120}
    rig = Rig({"control_points": [point]})
    rig.run(60)
    assert not rig.rows("unit_dispatched")
    rig.order()
    rig.run(1200)
    police = np.flatnonzero(rig.w.unit_phase == U_STAFFING)
    assert police.size == 2  # two cars of two officers make at least three
    assert set(rig.site.units.kind[police]) == {POLICE}
    assert rig.w.control_staffed[0]
    arrived = max(row[0] for row in rig.rows("unit_arrived"))
    assert rig.rows("control_staffed")[0][0] == arrived + 120_000
    rig.order(clear=True)
    rig.run(2400)
    assert not rig.w.control_staffed[0]
    assert len(rig.rows("control_left")) == 1
    assert np.all(rig.w.unit_phase == U_AVAILABLE)


def test_mean_distance_to_the_nearest_unit_follows_the_square_root_law() -> None:
    """E[D] = c sqrt(A / n), c = 0.5 for straight lines and 0.6267 on a grid (Kolesar, Blum 1973).

    The law is checked with the engine's own draws on a torus: 400 units at random.
    """
    from engine import rng

    n, side = 400, 10.0
    key = np.arange(n)
    x, y = (side * rng.uniform(3, "position.place", key, k) for k in (0, 1))
    probe = np.arange(n, n + 4000)
    px, py = (side * rng.uniform(3, "position.place", probe, k) for k in (0, 1))
    dx = np.abs(px[:, None] - x)
    dy = np.abs(py[:, None] - y)
    dx, dy = np.minimum(dx, side - dx), np.minimum(dy, side - dy)
    nearest = [choose(row, row) for row in np.hypot(dx, dy)]
    euclid = np.hypot(dx, dy)[np.arange(4000), nearest].mean()
    scale = np.sqrt(side**2 / n)
    assert euclid / scale == pytest.approx(0.5, rel=0.06)
    assert (dx + dy).min(axis=1).mean() / scale == pytest.approx(0.6267, rel=0.06)


# --- exclusion line -----------------------------------------------------------------------------


def predict(rig: Rig, arrival_s: float) -> None:
    """The command centre expects the first wave then."""
    rig.w.predicted_ms[0] = round(arrival_s * 1000)
    rig.w.predicted_event[0] = rig.log.add(
        "arrival_predicted", rig.now_ms, 0, value=arrival_s, cause=rig.start
    )


def inside(rig: Rig) -> np.ndarray:
    """Units whose last junction lies inside the line."""
    return np.flatnonzero(rig.site.exclusion_node[rig.w.unit_node])


@pytest.mark.parametrize("lead_s", [600.0, 1500.0])
def test_crews_inside_are_out_a_lead_time_before_the_predicted_wave(lead_s: float) -> None:
    rig = Rig({"exclusion": {"lead_s": lead_s}})
    person = someone_near(rig, SHORE)[0]
    rig.hurt(person, 2, trapped=True)
    while not np.any(rig.w.unit_phase == U_ON_SCENE):
        rig.tick()
    unit = int(np.flatnonzero(rig.w.unit_phase == U_ON_SCENE)[0])
    assert unit in inside(rig)
    arrival_s = rig.now_ms / 1000 + lead_s + 300
    predict(rig, arrival_s)
    rig.run(rig.now_ms / 1000 + 100)
    assert rig.w.unit_phase[unit] == U_ON_SCENE  # there is time left, and the crew uses it
    rig.run(arrival_s - lead_s)
    assert rig.w.unit_phase[unit] != U_ON_SCENE
    rig.run(arrival_s - lead_s + 60)
    assert inside(rig).size == 0
    assert rig.chain(rig.last("unit_withdrawn"))[1] == "arrival_predicted"
    rig.run(arrival_s + 1800)
    assert inside(rig).size == 0  # before the all-clear nobody searches there
    assert rig.w.incident_reason[0] == reason("scene inside exclusion zone")


def test_a_scene_inside_is_served_only_if_the_crew_is_back_in_time() -> None:
    sent = {}
    for arrival_s in (1500.0, 7200.0):
        rig = Rig()
        predict(rig, arrival_s)
        rig.hurt(someone_near(rig, SHORE)[0])
        rig.run(1200)
        sent[arrival_s] = len([r for r in rig.rows("unit_dispatched") if r[2] >= 0])
    assert sent == {1500.0: 0, 7200.0: 1}


def test_a_control_point_in_the_zone_is_left_in_time_and_not_manned_again() -> None:
    point = {"name": "Shore", **lonlat(SHORE), "officers": 2, "setup_s": 60}
    rig = Rig({"control_points": [point]})
    rig.order()
    predict(rig, 1500.0)
    rig.run(600)
    assert rig.w.control_staffed[0]
    rig.run(900)
    assert not rig.w.control_staffed[0]
    rig.run(960)
    assert inside(rig).size == 0
    rig.run(4 * 3600)
    assert len(rig.rows("control_staffed")) == 1
    held = [REASONS[row[2]] for row in rig.rows("control_held")]
    assert held == ["no way back before the wave"]


def test_a_control_point_without_a_way_back_gets_nobody() -> None:
    point = {"name": "Shore", **lonlat(SHORE), "officers": 2, "setup_s": 300}
    rig = Rig({"control_points": [point]})
    rig.order()
    predict(rig, 900.0)
    rig.run(1200)
    assert not rig.rows("unit_arrived")
    assert [REASONS[row[2]] for row in rig.rows("control_held")] == ["no way back before the wave"]


def test_the_line_may_lie_above_the_danger_zone() -> None:
    rig = Rig({"exclusion": {"line": {"below_m": 16.0}}})
    assert rig.site.exclusion_node.sum() > rig.site.danger_node.sum()
    edge = rig.site.exclusion_edge
    assert np.all(rig.site.exclusion_node[rig.city.edges.to_node[edge]])
    assert not np.any(rig.site.exclusion_node[rig.city.edges.from_node[edge]])
    between = int(np.flatnonzero(rig.site.exclusion_node & ~rig.site.danger_node)[0])
    rig.hurt(someone_near(rig, between)[0])
    rig.order()
    known(rig)
    assert rig.w.incident_reason[0] == reason("scene inside exclusion zone")


# --- officers -----------------------------------------------------------------------------------


def test_a_closure_works_once_its_officers_have_set_it_up() -> None:
    closure = {"name": "Crossroads", **lonlat(15), "radius_m": 100, "officers": 4, "setup_s": 240}
    rig = Rig({"closures": [closure]})
    (node,) = rig.site.control_node
    assert not rig.site.exclusion_node[node]
    assert node in rig.city.edges.from_node[rig.site.closure_edges[0]]
    rig.order()
    rig.run(1200)
    police = np.flatnonzero(rig.w.unit_phase == U_STAFFING)
    assert rig.site.units.crew[police].sum() >= 4
    arrived = max(row[0] for row in rig.rows("unit_arrived"))
    assert rig.rows("control_staffed")[0][0] == arrived + 240_000
    rig.order(clear=True)
    rig.run(2400)
    assert not rig.w.control_staffed[0]


def staged(offset_s: float) -> dict[str, Any]:
    return {"all_clear": {"return_phases": [{"name": "Low", "below_m": 10, "offset_s": offset_s}]}}


@pytest.mark.parametrize("offset_s", [0.0, 2400.0])
def test_posts_hold_after_the_all_clear_until_the_area_they_guard_is_open(offset_s: float) -> None:
    point = {"name": "Crossroads", **lonlat(15), "officers": 2, "setup_s": 60}
    closure = {"name": "Low town", **lonlat(CORNER), "radius_m": 100, "officers": 2, "setup_s": 60}
    street = {"name": "Out", "street": "East Street 5", "officers": 2, "setup_s": 60}
    rig = Rig({"control_points": [point], "closures": [closure], "pedestrian_streets": [street],
               **staged(offset_s)})
    rig.order()
    rig.run(1800)
    assert rig.w.control_staffed.all()
    rig.order(clear=True)
    rig.run(2000)  # what helps people leave is over, what keeps them out is not
    assert rig.w.control_staffed.tolist() == [offset_s > 0, offset_s > 0, False]
    rig.run(1800 + offset_s)
    assert rig.w.control_staffed.tolist() == [offset_s > 0, offset_s > 0, False]
    rig.run(1800 + offset_s + 200)
    assert not rig.w.control_staffed.any()
    assert "all_clear" in rig.chain(rig.last("control_left"))
    assert not (rig.w.unit_order_control >= 0).any()


def test_officers_who_left_before_the_wave_come_back_for_a_staged_return() -> None:
    point = {"name": "Shore", **lonlat(SHORE), "officers": 2, "setup_s": 60}
    back = {}
    for offset_s in (0.0, 120.0, 3600.0):
        rig = Rig({"control_points": [point], **staged(offset_s)})
        rig.order()
        predict(rig, 1500.0)
        rig.run(3600)
        assert not rig.w.control_staffed[0]
        rig.order(clear=True)
        rig.run(3600 + 1800)
        back[offset_s] = bool(rig.w.control_staffed[0])
        assert len(rig.rows("control_held")) == 1
        rig.run(3600 + 4000)
        assert not rig.w.control_staffed[0]
    assert back == {0.0: False, 120.0: False, 3600.0: True}  # within two minutes nobody would be set up


def test_officers_leave_a_control_point_when_the_plan_says_so() -> None:
    """Outside the line they stay, unless withdraw_s is given; they do not come back before the
    all-clear."""
    point = {"name": "Crossroads", **lonlat(15), "officers": 2, "setup_s": 60}
    left = {}
    for withdraw_s in (None, 900.0):
        rig = Rig({"control_points": [{**point, "withdraw_s": withdraw_s}]})
        assert not rig.site.exclusion_node[15]
        rig.order()
        rig.w.predicted_ms[0] = 2_400_000
        rig.w.predicted_event[0] = rig.log.add("arrival_predicted", rig.now_ms, 0, cause=rig.start)
        rig.run(1400)
        assert rig.w.control_staffed[0]
        rig.run(3600)
        left[withdraw_s] = [row[0] for row in rig.rows("control_left")]
        assert bool(rig.w.control_staffed[0]) == (withdraw_s is None)
    assert left[None] == []
    assert len(left[900.0]) == 1
    assert 1_400_000 < left[900.0][0] <= 1_500_000
    assert "unit_withdrawn" in rig.chain(rig.last("control_left"))


def test_nobody_is_sent_to_a_control_point_that_must_be_left_first() -> None:
    point = {"name": "Crossroads", **lonlat(15), "officers": 2, "setup_s": 300, "withdraw_s": 900}
    rig = Rig({"control_points": [point]})
    rig.order()
    rig.w.predicted_ms[0] = rig.now_ms + 1_200_000
    rig.w.predicted_event[0] = rig.log.add("arrival_predicted", rig.now_ms, 0, cause=rig.start)
    rig.run(600)
    assert not rig.rows("control_staffed")
    assert REASONS[int(rig.rows("control_held")[0][2])] == "no way back before the wave"


def test_leaving_later_than_the_line_allows_is_refused() -> None:
    point = {"name": "Shore", **lonlat(SHORE), "withdraw_s": 300}
    with pytest.raises(InputError, match=r"control_points\.0\.withdraw_s: 300 is less than "
                                         r"exclusion\.lead_s 600, and 'Shore' lies inside"):
        Rig({"control_points": [point]})


def test_a_closure_takes_an_officer_for_each_street_that_leads_in() -> None:
    """As an inbound ban does."""
    closure = {"name": "Crossroads", **lonlat(15), "radius_m": 100, "setup_s": 60}
    with pytest.raises(InputError, match=r"closures\.0\.officers: 3 cannot hold .* 4 streets lead in"):
        Rig({"closures": [{**closure, "officers": 3}]})
    assert Rig({"closures": [{**closure, "officers": 4}]})


def test_more_officers_than_the_city_has_are_refused() -> None:
    point = {"name": "Crossroads", **lonlat(15), "officers": 4, "setup_s": 120}
    closure = {"name": "Shore", **lonlat(SHORE), "radius_m": 100, "officers": 3}
    rig = Rig({"control_points": [point], "closures": [closure]})
    with pytest.raises(InputError, match=r"control_points: 4 officers .* 3 at closures .* 6 .*Carab"):
        check_officers(rig.city, rig.plan)
    fewer = Rig({"control_points": [{**point, "officers": 3}], "closures": [closure]})
    check_officers(fewer.city, fewer.plan)
