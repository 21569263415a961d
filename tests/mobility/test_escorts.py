"""A care home emptied on foot: the relay's times, the line, the pace, refuges, and who stays."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engine.city import City
from engine.escorts import LED, PUSHED_MPS, READY_S, ROUSE_S, on_duty, walks
from engine.events import KIND_CODE, REASONS
from engine.mobility.crews import CREW_MPS
from engine.mobility.escorts import BACK, OUT, READIES, WAITS
from engine.plan import Plan
from engine.run import Run, Session, open_session
from engine.scenario import Scenario
from engine.world import H_DEAD, P_HIGH, P_START, P_STAYING

ORDER_S = 400.0
REFUGE = {"name": "Mill House", "lon": -70.99886, "lat": -29.99791, "water_m": 2.0, "open_s": 240}


def calm(scenario: Scenario) -> Scenario:
    """By day, a far earthquake and no sea: a wave is expected and nobody is hurt."""
    quake = {"magnitude": 7.0, "lon": -71.5, "lat": -30.3, "depth_km": 25, "rupture_distance_km": 300,
             "residuals": False}
    document = scenario.model_dump(exclude_defaults=True) | {
        "start_utc": "2024-03-06T15:00:00Z", "earthquake": quake, "tsunami": None, "outages": (),
        "rumour": None, "duration_s": 3000}
    return Scenario.model_validate(document)


def plan(arrival_s: float = 20_000, **keys: Any) -> Plan:
    """A small order that few hear, so that the streets are empty."""
    extra = {k: keys.pop(k) for k in ("vertical_refuges",) if k in keys}
    lever = {"facility": "Test Home", "mode": "foot", "patients": 6, "escorts": 2, "start_s": 0, **keys}
    return Plan.model_validate({
        "name": "foot", "title": "On foot", "exclusion": {"lead_s": 600, "arrival_s": arrival_s},
        "order": {"trigger": {"at_s": ORDER_S}, "delay_s": 0, "zones": [{"name": "Z", "below_m": 8}]},
        "destinations": {"high_ground_m": 20, "shelter_open_s": 7000},
        "facility_evacuation": [lever], **extra})


def residents(session: Session) -> tuple[np.ndarray, np.ndarray]:
    """(parties of the home, who of them walks)."""
    ctx = session.twin.context
    home = int(ctx.city.facilities_of("care_home")[0])
    rows = np.flatnonzero(ctx.parties.ward == home)
    return rows, walks(ctx.city, ctx.seed, ctx.parties.first[rows].astype(np.int64), ctx.parties.ward[rows])


def opened(town: City, scenario: Scenario, the_plan: Plan, pushed: int = 3) -> Session:
    """A session in whose home so many residents are pushed and the others walk."""
    for seed in range(1, 200):
        session = open_session(town, scenario, the_plan, seed)
        if (~residents(session)[1]).sum() == pushed:
            return session
    raise AssertionError("no such seed")


def told(run: Run, *kinds: str) -> pd.DataFrame:
    return run.events[run.events.kind.isin(kinds)]


def way_ms(session: Session) -> tuple[float, float]:
    """(out, back) on empty level streets at 1 m/s by the walkers' own trees, ms."""
    part = next(c for c in session.twin.components if c.name == "mobility")._escorts
    home = int(part._led.node[0])
    out = float(part._walk.cost_ms[0, home])
    goal = home
    while not part._walk.target[0, goal]:
        goal = int(session.twin.city.walk.head[part._walk.next_arc[0, goal]])
    return out, float(part._tree(0)[1][goal])


def test_a_relay_takes_the_way_out_and_back_and_the_time_to_get_ready(
    town: City, scenario: Scenario
) -> None:
    """One leads those who walk, comes back and pushes two, one after the other; the other stays with those
    who wait, and leaves with the last of them."""
    session = opened(town, calm(scenario), plan())
    rows, on_foot = residents(session)
    session.advance(ORDER_S)
    out_s, back_s = (ms / 1000.0 for ms in way_ms(session))
    assert out_s > 60.0
    run = session.finish()
    arrived = told(run, "party_arrived").set_index("subject").t_ms / 1000.0
    ready_s = ORDER_S + ROUSE_S * 2 + READY_S  # three who walk, two who rouse them
    pace = session.twin.context.world.party_speed_mps[rows[on_foot]]
    slowest = min(float(v) for v in pace)
    led_s = arrived[rows[on_foot]].to_numpy()
    assert led_s == pytest.approx(ready_s + out_s / slowest, rel=0.01)
    cycle_s = back_s / CREW_MPS + READY_S + out_s / PUSHED_MPS
    expected = [led_s[0] + k * cycle_s for k in (1, 2, 2)]
    assert sorted(arrived[rows[~on_foot]]) == pytest.approx(expected, abs=0.5)
    assert told(run, "escort_back").value.to_numpy() == pytest.approx(back_s / CREW_MPS, abs=0.1)
    assert np.all(session.twin.world.party_place[rows] == P_HIGH)
    assert told(run, "escorts_done").value.tolist() == [0.0]
    hours = run.score["metrics"]
    (staff,) = [m for m in hours if m["name"] == "staff_hours"]
    end_s = float(told(run, "escorts_done").t_ms.iloc[0]) / 1000.0
    assert staff["by_group"]["unit_kind"]["home_staff"] == pytest.approx(2 * (end_s - ORDER_S) / 3600)


def with_places(town: City, places: int) -> City:
    """The town with a home of so many places."""
    table = town.facilities
    capacity = table.capacity.copy()
    capacity[town.facilities_of("care_home")] = places
    return dataclasses.replace(town, facilities=dataclasses.replace(table, capacity=capacity))


@pytest.mark.parametrize("staff", [2, 3])
def test_somebody_is_with_those_who_wait_until_the_last_has_gone(
    town: City, scenario: Scenario, staff: int
) -> None:
    """Whoever leads or pushes goes back; of three one also stays in safety with those who were led."""
    session = opened(with_places(town, 12), calm(scenario), plan(patients=12, escorts=staff), pushed=4)
    part = next(c for c in session.twin.components if c.name == "mobility")._escorts
    rows, _ = residents(session)
    home = session.twin.world.party_place
    begun = False
    while session.now_s < 3000.0:
        session.advance(session.now_s + 10)
        phase = part._s["phase"]
        begun |= bool((phase == OUT).any())
        if begun and np.isin(home[rows], (P_START, P_STAYING)).any():
            inside = np.isin(phase, (READIES, WAITS))
            assert inside.any()
    run = session.finish()
    assert told(run, "escorts_done").value.tolist() == [0.0]
    # Of two one comes back four times less one, for the last leaves with who waited; so of three, where the
    # third pushes one at once.
    assert len(told(run, "escort_back")) == (3 if staff == 2 else 2)


def test_the_staff_go_back_though_the_first_of_their_group_has_died(
    town: City, scenario: Scenario
) -> None:
    session = opened(town, calm(scenario), plan())
    rows, on_foot = residents(session)
    session.advance(ORDER_S + ROUSE_S * 2 + READY_S + 20.0)
    world = session.twin.world
    group = rows[on_foot]
    assert (world.party_with[group[1:]] == group[0]).all()
    other = session.branch()
    world.person_health[session.twin.context.parties.first[group[0]]] = H_DEAD
    session.advance(2900.0)
    assert told_so_far(session, "party_led") == set(rows)
    twin = other.twin
    twin.world.person_health[twin.context.parties.first[group]] = H_DEAD
    other.advance(2900.0)  # nobody whom they led lives: who waits stays with the one who is there
    assert told_so_far(other, "party_led") == set(group)


def told_so_far(session: Session, kind: str) -> set[int]:
    log = session.twin.log
    return set(log.column("subject")[log.column("kind") == KIND_CODE[kind]].tolist())


def test_nobody_goes_back_who_would_not_be_out_before_the_line_shuts(
    town: City, scenario: Scenario
) -> None:
    session = opened(town, calm(scenario), plan())
    rows, on_foot = residents(session)
    session.advance(ORDER_S)
    out_s, back_s = (ms / 1000.0 for ms in way_ms(session))
    slowest = min(float(v) for v in session.twin.world.party_speed_mps[rows[on_foot]])
    cycle_s = back_s / CREW_MPS + READY_S + out_s / PUSHED_MPS
    first_s = ORDER_S + ROUSE_S * 2 + READY_S + out_s / slowest + cycle_s
    for line_s, pushed in ((first_s - 20.0, 0), (first_s + 20.0, 1), (first_s + cycle_s + 20.0, 3)):
        # The line is drawn 600 s before the wave.
        again = opened(town, calm(scenario), plan(arrival_s=line_s + 600.0))
        rows, on_foot = residents(again)
        run = again.finish()
        led = told(run, "party_led").subject
        assert np.isin(rows[~on_foot], led).sum() == pushed
        assert np.isin(rows[on_foot], led).all()
        ((why, stay),) = told(run, "escorts_done")[["object", "value"]].to_numpy()
        reason = "too late to be out before the wave" if pushed < 3 else "none"
        assert (REASONS[int(why)], stay) == (reason, 3 - pushed)
        left = rows[~np.isin(rows, led)]
        assert np.isin(again.twin.world.party_place[left], (P_START, P_STAYING)).all()
        assert led.size + left.size == rows.size


def test_the_slower_stay_where_only_the_quicker_can_be_in_time(town: City, scenario: Scenario) -> None:
    session = opened(town, calm(scenario), plan(), pushed=1)
    rows, on_foot = residents(session)
    session.advance(ORDER_S)
    out_s = way_ms(session)[0] / 1000.0
    speed = np.sort(session.twin.world.party_speed_mps[rows[on_foot]].astype(float))
    between = 0.5 * (speed[1] + speed[2])
    wave_s = ORDER_S + ROUSE_S * 3 + READY_S + out_s / between
    again = opened(town, calm(scenario), plan(arrival_s=wave_s), pushed=1)
    again.advance(ORDER_S)
    start = again.twin.world.party_speed_mps[rows].copy()
    run = again.finish()
    led = np.isin(rows, told(run, "party_led").subject)
    assert np.array_equal(led[on_foot], start[on_foot] > between)
    arrived = told(run, "party_arrived")
    assert (arrived[arrived.subject.isin(rows[led])].t_ms <= 1000 * wave_s).all()


def test_one_alone_leads_and_goes_back_for_the_others(town: City, scenario: Scenario) -> None:
    long = calm(scenario).model_copy(update={"duration_s": 4500.0})
    session = opened(town, long, plan(escorts=1))
    rows, on_foot = residents(session)
    run = session.finish()
    led = told(run, "party_led").subject
    assert led.tolist()[: on_foot.sum()] == rows[on_foot].tolist()
    assert set(led) == set(rows)
    assert len(told(run, "escort_back")) == 3
    assert told(run, "escorts_done").value.tolist() == [0.0]


def test_they_wait_for_the_keyholder_and_turn_to_high_ground_where_the_refuge_is_lost(
    town: City, scenario: Scenario
) -> None:
    keys = {"to": "Mill House", "vertical_refuges": [{**REFUGE, "open_s": 505}]}
    session = opened(town, calm(scenario), plan(**keys))
    rows, _ = residents(session)
    session.advance(ORDER_S)
    other = session.branch()
    run = session.finish()
    led = told(run, "party_led")
    assert led.t_ms.min() == 1000 * (ORDER_S + 505)  # ready at 580 s, open at 905 s
    inside = told(run, "party_in_refuge").subject
    assert np.isin(rows, inside).all()
    other.twin.world.building_damage[other.twin.context.site.refuges.building[0]] = 4
    other.twin.world.building_damage_event[other.twin.context.site.refuges.building[0]] = 0
    lost = other.finish()
    assert not told(lost, "party_in_refuge").subject.isin(rows).any()
    assert np.isin(rows, told(lost, "party_arrived").subject).all()


def test_staff_on_duty(town: City, scenario: Scenario) -> None:
    """One for each seven by day and a nursing auxiliary, one for each ten at night."""
    night = scenario.model_copy(update={"start_utc": scenario.start_utc.replace(hour=6)})
    day = calm(scenario)
    assert [on_duty(town, night, n) for n in (1, 10, 11, 20, 21)] == [1, 1, 2, 2, 3]
    assert [on_duty(town, day, n) for n in (1, 7, 8, 14, 15)] == [2, 2, 3, 3, 4]
    assert LED == 10


def test_a_snapshot_in_the_middle_goes_on_alike(town: City, scenario: Scenario) -> None:
    session = opened(town, calm(scenario), plan())
    part = next(c for c in session.twin.components if c.name == "mobility")._escorts
    while not (part._s["phase"] == 4).any():  # somebody is on the way back
        session.advance(session.now_s + 10)
    assert session.branch().finish().digest == session.finish().digest


def test_who_is_led_to_a_shelter_that_is_not_open_goes_on_to_high_ground(
    town: City, scenario: Scenario
) -> None:
    """Only a vehicle's passengers are taken in all the same, for it goes no further."""
    session = opened(town, calm(scenario), plan(to="Test Shelter"))
    rows, on_foot = residents(session)
    run = session.finish()
    world, site = session.twin.world, session.twin.context.site
    assert (world.shelter_open_event[site.shelter] < 0).all()
    assert set(rows[on_foot]) <= set(told(run, "party_rerouted").subject)
    assert (world.party_place[rows[on_foot]] == P_HIGH).all()
    assert not world.facility_load[site.shelter].any()


def test_a_led_group_is_no_larger_than_the_room_in_its_refuge(town: City, scenario: Scenario) -> None:
    keys = {"to": "Mill House", "vertical_refuges": [{**REFUGE, "open_s": 60}]}
    session = opened(town, calm(scenario), plan(**keys), pushed=1)
    rows, _ = residents(session)
    session.advance(ORDER_S + ROUSE_S * 3 + READY_S)  # just before they set out
    world, places = session.twin.world, session.twin.context.site.refuges.places
    inside = int(world.refuge_load[0])
    places[0] = inside + 2  # two of five who walk
    run = session.finish()
    led = told(run, "party_led")
    assert (led.t_ms == led.t_ms.min()).sum() == 2
    assert world.refuge_load[0] <= places[0]
    assert (world.party_refuge[rows] == 0).sum() == 2
    assert np.isin(rows, led.subject).all()  # the others go to high ground


def test_nobody_is_led_out_after_the_all_clear(town: City, scenario: Scenario) -> None:
    session = opened(town, calm(scenario), plan())
    session.submit({"t_s": ORDER_S + 60.0, "kind": "decision", "what": "all_clear"})
    run = session.finish()
    assert len(told(run, "escorts_start")) == len(told(run, "escorts_done")) == 1
    assert not len(told(run, "party_led"))
    assert told(run, "escorts_done").value.tolist() == [6.0]


def test_who_is_on_the_way_back_turns_round_when_the_line_shuts_early(
    town: City, scenario: Scenario
) -> None:
    session = opened(town, calm(scenario), plan())
    part = next(c for c in session.twin.components if c.name == "mobility")._escorts
    while not (part._s["phase"] == BACK).any():
        session.advance(session.now_s + 10)
    # The line shuts ten minutes before the wave.
    session.twin.world.predicted_ms[0] = round(1000 * session.now_s) + 610_000
    session.advance(session.now_s + 1200)
    kinds = session.twin.log.column("kind")
    assert not (kinds == KIND_CODE["escort_back"]).any()
    (done,) = np.flatnonzero(kinds == KIND_CODE["escorts_done"])
    assert REASONS[session.twin.log.column("object")[done]] == "too late to be out before the wave"
