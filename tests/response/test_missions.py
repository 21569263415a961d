"""A hospital is emptied: patients, escorts, vehicles, beds, the line, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from city_models.testtown.build import build_testtown
from engine.city import AGE_GROUPS
from engine.errors import InputError
from engine.events import KIND_CODE, REASONS
from engine.loading import lying_ms, room, set_down_ms, sitting_ms
from engine.missions import check_vehicles
from engine.plan import Plan, load_plan
from engine.run import open_session
from engine.scenario import load_scenario
from engine.site import build_site
from engine.wards import BEDRIDDEN_SHARE, LYING_SHARE, lies, wards
from engine.world import P_ABOARD, P_HIGH, P_START, P_WALKING, U_OFF
from tests.response_rig import HOSPITAL_BEDS, HOSPITAL_NODE, Rig, lonlat

DEPOT = {"name": "Depot", **lonlat(35), "buses": 2, "seats": 12}
FULL = {"population": {"inpatients": 0.8}, "bus_depots": [DEPOT]}


def rig(scenario: dict[str, Any] | None = None, plan: dict[str, Any] | None = None, **keys: Any) -> Rig:
    lever = {"facility": "Test Hospital", "patients": 6, "vehicles": {"ambulances": 2}, "start_s": 0,
             "to": "Test Shelter", **keys}
    out = Rig({"facility_evacuation": [lever], **(plan or {})}, scenario=scenario or FULL)
    out.order()
    return out


def patients(r: Rig) -> np.ndarray:
    return np.flatnonzero(r.parties.ward == 0)


def test_inpatients_lie_in_their_hospital_alone_and_are_the_citys_own_people() -> None:
    r = rig()
    rows = patients(r)
    assert rows.size == round(0.8 * HOSPITAL_BEDS)
    assert np.all(r.parties.size[rows] == 1)
    assert np.all(r.parties.node[rows] == HOSPITAL_NODE)
    assert np.all(r.parties.slow[rows] == 2)
    assert not np.any(r.parties.cars[rows])
    assert np.all(r.parties.person_building[r.parties.first[rows]] >= 0)
    assert int(r.parties.size.sum()) == r.city.persons.household.size
    empty = Rig()
    assert not np.any(empty.parties.ward >= 0)


def test_six_in_ten_need_an_ambulance() -> None:
    town, person = build_testtown(), np.arange(20_000)
    hospital, home = (np.full(20_000, town.facilities_of(kind)[0]) for kind in ("hospital", "care_home"))
    assert lies(town, 3, person, hospital).mean() == pytest.approx(LYING_SHARE, abs=0.01)
    assert lies(town, 3, person, home).mean() == pytest.approx(BEDRIDDEN_SHARE, abs=0.01)


def test_care_homes_are_full_of_the_oldest_who_leave_only_when_fetched() -> None:
    """Six people of 75 and over live in the test town's home; where vehicles fetch them they leave with
    one or not at all."""
    town = build_testtown()
    scenario = load_scenario("testtown-tsunami")
    ward = wards(town, scenario.population, 5)
    home = int(town.facilities_of("care_home")[0])
    assert (ward == home).sum() == 6
    assert np.all(town.persons.age_group[ward == home] == len(AGE_GROUPS) - 1)
    assert (ward == town.facilities_of("hospital")[0]).sum() == 4
    fetched = {}
    for name in ("historical", "assisted"):
        plan = load_plan(name, scenario).model_dump()
        if name == "assisted":
            plan["facility_evacuation"] = [*plan["facility_evacuation"][:1], {
                "facility": "Test Home", "patients": 5, "vehicles": {"ambulances": 1, "buses": 1},
                "to": "Test Shelter", "start_s": 60}]
        session = open_session(town, scenario, Plan.model_validate(plan), 5)
        session.advance(scenario.duration_s)
        log = session.finish().twin.log
        parties = session.twin.context.parties
        mine = np.flatnonzero(parties.ward == home)
        assert mine.size == 6
        boarded, departed = (
            log.column("subject")[log.column("kind") == KIND_CODE[kind]]
            for kind in ("party_boarded", "party_departed"))
        fetched[name] = int(np.isin(mine, boarded).sum())
        assert not np.isin(mine, departed).any()
    # Nine seats: three residents with two seats each, and two escorts; then no vehicle gets back in time.
    assert fetched == {"historical": 0, "assisted": 3}


def test_ambulances_fetch_one_a_trip_until_the_plans_number_is_out() -> None:
    r = rig()
    while r.now_ms < 4 * 3_600_000:
        r.tick()
        assert (r.w.unit_mission >= 0).sum() <= 2  # never more vehicles at once than the plan's
    boarded, unloaded = r.rows("party_boarded"), r.rows("unit_unloaded")
    first = set(patients(r)[:6].tolist())
    assert {row[1] for row in boarded} == first
    assert len(boarded) == len(unloaded) == 6
    assert all(row[3] == 1 for row in unloaded)
    assert np.all(r.w.party_place[list(first)] == P_HIGH)
    rest = patients(r)[6:]
    assert np.all(r.w.party_place[rest] == P_START)
    assert not np.any(r.w.party_unit >= 0)
    assert r.w.unit_riders.sum() == 0
    # Getting on takes its time: 331 s and the way for one who lies, less for one who can sit.
    for _, party, _, took_s in boarded:
        lying = lies(r.city, 1, r.parties.first[[party]].astype(np.int64), r.parties.ward[[party]])[0]
        assert took_s == pytest.approx(331 + 100 / 0.7 if lying else 120 + 100 / 1.1, abs=0.01)
    assert r.chain(r.last("unit_unloaded"))[-2:] == ["order_decided", "run_started"]


def test_a_bus_takes_those_who_can_sit_two_seats_each_and_escorts_quicken_it() -> None:
    took = []
    for escorts in (1, 4):
        r = rig(patients=20, escorts=escorts, vehicles={"buses": 1})
        r.run(3600)
        boarded = [row[1] for row in r.rows("party_boarded")]
        assert boarded
        assert not lies(r.city, 1, r.parties.first[boarded].astype(np.int64), r.parties.ward[boarded]).any()
        most = max(row[3] for row in r.rows("unit_unloaded"))
        assert most == (12 - escorts) // 2
        took.append(r.rows("party_boarded")[0][3])
        # Those who lie remain, and the log says why.
        held = {REASONS[row[2]] for row in r.rows("mission_held")}
        assert "no unit free" in held
    assert took[0] > 3 * took[1]


def test_loading_times() -> None:
    assert lying_ms(3, 2) == 3 * lying_ms(1, 2) == 3 * round(1000 * (331 + 100 / 0.7))
    assert sitting_ms(4, 4) == sitting_ms(1, 1)
    assert set_down_ms(1, 0, 2) == round(1000 * 100 / 0.7)
    assert room(np.array([0, 12, 3], np.int16), 2).tolist() == [1, 5, 0]


def two_hospitals(monkeypatch: pytest.MonkeyPatch, beds: int) -> None:
    """A second hospital at the north-eastern corner."""
    import dataclasses

    from engine.city import FACILITIES
    from tests import response_rig

    plain = response_rig.town()
    f = plain.facilities
    kind, capacity, name = f.kind.copy(), f.capacity.copy(), f.name.copy()
    node, x, y = f.node.copy(), f.x_m.copy(), f.y_m.copy()
    row = int(plain.facilities_of("school")[0])
    kind[row], capacity[row], node[row], name[row] = FACILITIES.index("hospital"), beds, 35, "Hill"
    x[row], y[row] = plain.nodes.x_m[35], plain.nodes.y_m[35]
    city = dataclasses.replace(plain, facilities=dataclasses.replace(
        f, kind=kind, capacity=capacity, node=node, name=name, x_m=x, y_m=y))
    monkeypatch.setattr(response_rig, "town", lambda: city)


def test_the_receiving_hospitals_beds_are_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    two_hospitals(monkeypatch, beds=10)  # a fifth of them is free for this event
    r = rig(to="Hill")
    r.run(4 * 3600)
    hill = int(r.site.missions.dest[0])
    assert sum(row[3] for row in r.rows("unit_unloaded")) == 2 == r.w.hospital_beds_used[hill]
    assert "no hospital bed" in {REASONS[row[2]] for row in r.rows("mission_held")}
    waiting = int(r.w.mission_lying[0] + r.w.mission_sitting[0])
    assert waiting == 4


def predicted(r: Rig, at_s: float) -> None:
    r.w.predicted_ms[0] = round(1000 * at_s)
    r.w.predicted_event[0] = r.log.add("arrival_predicted", r.now_ms, 0, value=at_s, cause=r.start)


def test_nobody_is_sent_who_could_not_be_back_before_the_line_shuts() -> None:
    r = rig(plan={"exclusion": {"lead_s": 600, "line": {"below_m": 14}}})
    predicted(r, 1200.0)  # the line shuts at 600 s; fetching one who lies takes 474 s
    r.run(900)
    assert r.site.exclusion_node[HOSPITAL_NODE]
    assert not r.rows("mission_ordered")
    assert {REASONS[row[2]] for row in r.rows("mission_held")} == {"no way back before the wave"}


def test_ordered_out_a_bus_leaves_with_those_on_board_and_the_others_stay() -> None:
    line = {"exclusion": {"lead_s": 600, "line": {"below_m": 14}}}
    r = rig(patients=30, vehicles={"buses": 1}, plan=line, escorts=1)
    predicted(r, 3000.0)
    r.run(500)
    getting_on = int(r.w.unit_riders.sum())
    assert getting_on == 5
    predicted(r, r.now_ms / 1000 + 620)
    r.run(2400)
    boarded = {row[1] for row in r.rows("party_boarded")}
    assert 0 < len(boarded) < getting_on
    assert np.all(r.w.party_place[list(boarded)] == P_HIGH)
    assert not np.any(r.w.party_unit >= 0)
    assert r.w.unit_riders.sum() == 0
    for row in r.rows("party_boarded"):
        assert row[0] <= (predicted_shut := int(r.w.exclusion_ms[0]))
        assert predicted_shut


def test_a_vehicle_cut_off_sets_its_passengers_down_and_they_walk() -> None:
    r = rig(vehicles={"ambulances": 1}, patients=1)
    while not r.rows("party_boarded"):
        r.tick()
    unit = int(r.rows("party_boarded")[0][2])
    r.stuck.add(unit)
    r.run(r.now_ms / 1000 + 200)
    party = int(patients(r)[0])
    assert r.w.party_place[party] == P_WALKING
    assert r.w.unit_mission[unit] < 0
    assert r.w.unit_riders[unit] == 0
    ((_, _, where, people),) = r.rows("unit_unloaded")
    assert (where, people) == (-1, 1)


def test_the_water_that_takes_a_vehicle_leaves_its_passengers_on_foot() -> None:
    r = rig(vehicles={"ambulances": 1}, patients=1)
    while not np.any(r.w.party_place == P_ABOARD):
        r.tick()
    unit = int(r.w.party_unit[patients(r)[0]])
    zone = int(r.site.zone_of_node[r.w.unit_node[unit]])
    r.w.zone_flooded_event[zone] = r.log.add("zone_flooded", r.now_ms, zone, value=1.0, cause=r.start)
    r.w.unit_edge[unit] = 0
    r.w.street_depth_m[r.city.edges.street[0]] = 2.0
    r.tick()
    r.tick()
    assert r.w.unit_phase[unit] == U_OFF
    assert r.w.party_place[patients(r)[0]] == P_WALKING
    assert r.w.party_unit[patients(r)[0]] < 0


@pytest.mark.parametrize(
    ("scenario", "lever", "message"),
    [
        (FULL, {"facility": "Nowhere"}, "facility_evacuation.0.facility: unknown hospital or care home"),
        (FULL, {"to": "Test Hospital"}, "facility_evacuation.0.to: 'Test Hospital' is what is emptied"),
        (FULL, {"to": "Beach"}, "facility_evacuation.0.to: unknown place 'Beach'"),
        ({"bus_depots": [DEPOT]}, {}, "facility_evacuation.0.patients: 6 are more than the 0 in-patients"),
        (FULL, {"patients": 49}, "facility_evacuation.0.patients: 49 are more than the 48"),
        (FULL, {"vehicles": {"ambulances": 9}}, "vehicles.ambulances: 9 are more than the 5"),
        (FULL, {"vehicles": {"buses": 3}}, "vehicles.buses: 3 with those before are more than the 2"),
    ],
)
def test_what_cannot_work_is_refused(
    scenario: dict[str, Any], lever: dict[str, Any], message: str
) -> None:
    r = Rig(scenario=scenario)
    whole = {"facility": "Test Hospital", "patients": 6, "vehicles": {"ambulances": 2}, **lever}
    plan = Plan.model_validate({**r.plan.model_dump(), "facility_evacuation": [whole]})
    assert message in refusal(r, plan)


def refusal(r: Rig, plan: Plan) -> str:
    """What a plan is refused with; empty where it is not."""
    try:
        build_site(r.city, r.scenario, plan)
        check_vehicles(r.city, r.scenario, plan)
    except InputError as error:
        return str(error)
    return ""


def test_no_vehicles_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one of ambulances, buses"):
        rig(vehicles={})


def test_a_snapshot_in_the_middle_goes_on_alike() -> None:
    """State lives in World: a rig made from another's World, mail and log plays the same."""
    r = rig(patients=8, vehicles={"ambulances": 1, "buses": 1})
    r.run(900)
    other = Rig({"facility_evacuation": [
        {"facility": "Test Hospital", "patients": 8, "vehicles": {"ambulances": 1, "buses": 1},
         "start_s": 0, "to": "Test Shelter"}]}, scenario=FULL,
        parts=(r.w.copy(), r.mail.copy(), type(r.log).restore(r.log.snapshot()), r.now_ms))
    other.under_way = dict(r.under_way)
    r.run(3600)
    other.run(3600)
    assert r.log.digest() == other.log.digest()
    assert KIND_CODE["unit_unloaded"] in r.log.column("kind")


def test_a_hospital_that_is_emptied_takes_nobody_until_the_all_clear() -> None:
    """Not with an ambulance and not by themselves, from the moment its evacuation begins."""
    r = rig(start_s=600)
    hospital = int(r.site.hospital[0])
    r.run(590)
    assert not r.w.hospital_shut[hospital]
    r.run(620)
    assert REASONS[r.w.hospital_shut[hospital]] == "hospital evacuated"
    people = r.crowd(20)
    for person in people:
        r.hurt(person, 2)
    r.run(2 * 3600)
    assert not r.rows("person_admitted")
    assert not r.rows("self_referred")
    assert r.chain(r.last("hospital_shut"))[:2] == ["hospital_shut", "order_decided"]
    r.order(clear=True)
    r.run(3 * 3600)
    assert r.chain(r.last("hospital_opened"))[:2] == ["hospital_opened", "all_clear"]
    assert r.rows("person_admitted")
