"""Units: the state machine, patients, hospitals, delays, water, restart from arrays."""

from __future__ import annotations

import numpy as np
import pytest

from engine.city import FACILITIES
from engine.command.dispatch import AMBULANCE, RESCUE
from engine.events import REASONS, EventLog, reason
from engine.response.durations import (
    HANDOVER_MS,
    RESCUE_COLLAPSED_MEAN_S,
    RESCUE_MEAN_S,
    SCENE_MEAN_S,
    hospital_limit,
    rescue_ms,
    scene_ms,
    turnout_ms,
)
from engine.world import (
    C_HOSPITAL,
    C_NONE,
    C_TRANSPORT,
    C_TRAPPED,
    C_TREATED,
    C_WAITING,
    NEVER,
    U_AVAILABLE,
    U_ON_SCENE,
    U_TO_HOSPITAL,
    U_TO_SCENE,
)
from tests.response_rig import HOSPITAL_BEDS, Rig


def far_person(rig: Rig) -> int:
    """Somebody at a junction where no unit waits, outside the danger zone."""
    inside = rig.parties.person_building
    node = rig.city.buildings.node[np.maximum(inside, 0)]
    return int(np.flatnonzero((inside >= 0) & (node == 28))[0])


def check_care(rig: Rig) -> None:
    """Every patient has one care state, and it agrees with health and with the units."""
    w = rig.w
    trapped, care, health = w.person_trapped, w.person_care, w.person_health
    freed = [person for _, person, _ in rig.mail.freed]
    held = np.flatnonzero(care == C_TRAPPED)
    assert set(held) == set(np.flatnonzero(trapped)) | set(freed)
    hurt = (health == 2) | (health == 3)
    assert np.all(care[hurt & ~trapped] != C_NONE)
    assert np.all(hurt[care == C_WAITING])
    at_work = w.unit_person >= 0
    ambulance = rig.site.units.kind == AMBULANCE
    treated = w.unit_person[at_work & ambulance & (w.unit_phase == U_ON_SCENE)]
    carried = w.unit_person[at_work & (w.unit_phase == U_TO_HOSPITAL)]
    assert sorted(treated) == np.flatnonzero(care == C_TREATED).tolist()
    assert sorted(carried) == np.flatnonzero(care == C_TRANSPORT).tolist()
    assert w.hospital_beds_used.sum() == (care == C_HOSPITAL).sum()


def test_a_patient_goes_through_the_whole_chain() -> None:
    rig = Rig()
    person = rig.crowd(1)[0]
    rig.hurt(person, 3)
    while rig.now_ms < 3 * 3_600_000:
        rig.tick()
        check_care(rig)
    assert rig.w.person_care[person] == C_HOSPITAL
    assert rig.chain(rig.last("unit_available")) == [
        "unit_available", "person_admitted", "transport_started", "person_treated",
        "unit_arrived", "unit_departed", "unit_dispatched", "call_answered", "call_made",
        "incident_opened", "person_hurt", "run_started",
    ]
    (out,), (arrived,) = rig.rows("unit_departed"), rig.rows("unit_arrived")
    unit = out[1]
    order = rig.rows("unit_dispatched")[0]
    key = int(rig.site.units.key[unit])
    assert out[0] - order[0] == turnout_ms(1, key, 0, False)
    assert arrived[3] == pytest.approx(order[3], abs=0.01)  # nobody in the way: as expected
    assert rig.rows("transport_started")[0][0] - arrived[0] == scene_ms(1, person)
    free = rig.rows("unit_available")[0][0]
    assert free - rig.rows("person_admitted")[0][0] == HANDOVER_MS
    assert rig.w.unit_busy_ms[unit] >= free - order[0]
    assert len(rig.rows("incident_closed")) == 1


def test_trapped_people_are_freed_then_carried() -> None:
    rig = Rig()
    a, b, c = rig.crowd(3)
    rig.hurt(a, 3, trapped=True)
    rig.hurt(b, 1, trapped=True)
    rig.hurt(c, 2, trapped=True)
    while rig.now_ms < 8 * 3_600_000:
        rig.tick()
        check_care(rig)
    assert [row[1] for row in rig.rows("person_rescued")] == sorted([a, b, c])
    assert {row[1] for row in rig.rows("person_admitted")} == {a, c}
    assert rig.w.person_care[b] == C_NONE
    first = rig.rows("person_rescued")[0]
    engine = first[2]
    assert rig.site.units.kind[engine] == RESCUE
    arrived = next(row for row in rig.rows("unit_arrived") if row[1] == engine)
    assert first[0] - arrived[0] == rescue_ms(1, first[1], 0)


def test_someone_who_dies_under_the_rubble_is_not_rescued() -> None:
    rig = Rig()
    a, b = sorted(rig.crowd(2))
    rig.hurt(a, 3, trapped=True)
    rig.hurt(b, 2, trapped=True)
    while not np.any((rig.w.unit_person == a) & (rig.w.unit_phase == U_ON_SCENE)):
        rig.tick()
    rig.kill(a)
    rig.tick()
    assert np.any(rig.w.unit_person == b)  # the crew turned to the next
    rig.run(8 * 3600)
    assert [row[1] for row in rig.rows("person_rescued")] == [b]
    check_care(rig)


def test_critical_patients_are_treated_first() -> None:
    rig = Rig()
    a, b, c = sorted(rig.crowd(3))
    others = np.flatnonzero(rig.site.units.kind == AMBULANCE)[1:]
    rig.w.unit_phase[others] = 9  # only one ambulance is on duty
    for person, severity in ((a, 2), (b, 2), (c, 3)):
        rig.hurt(person, severity)
    rig.run(8 * 3600)
    assert [row[1] for row in rig.rows("person_treated")] == [c, a, b]
    assert len({row[2] for row in rig.rows("person_treated")}) == 1
    check_care(rig)


def test_beds_are_a_hard_limit_and_full_hospitals_say_so() -> None:
    rig = Rig()
    hospital = int(rig.site.hospital[0])
    limit = int(hospital_limit([HOSPITAL_BEDS])[0])
    assert limit == 12
    rig.w.hospital_beds_used[hospital] = limit - 1
    a, b = rig.crowd(2)
    rig.hurt(a)
    rig.hurt(b)
    rig.run(4 * 3600)
    assert rig.w.hospital_beds_used[hospital] == limit
    assert len(rig.rows("person_admitted")) == 1
    assert [row[1] for row in rig.rows("hospital_full")] == [hospital]
    assert sorted(rig.w.person_care[[a, b]]) == [C_TRANSPORT, C_HOSPITAL]
    waiting = np.flatnonzero(rig.w.unit_phase == U_TO_HOSPITAL)
    assert waiting.size == 1
    rig.w.hospital_beds_used[hospital] -= 1  # a bed becomes free
    rig.run(4 * 3600 + 600)
    assert len(rig.rows("person_admitted")) == 2
    assert REASONS[rig.rows("unit_delayed")[-1][2]] == "no hospital bed"


@pytest.mark.parametrize(("beds", "limit"), [(0, 0), (1, 1), (5, 1), (6, 2), (300, 60)])
def test_hospital_limit_is_a_fifth_rounded_up(beds: int, limit: int) -> None:
    assert hospital_limit([beds])[0] == limit


def test_spread_fills_hospitals_evenly_and_full_ones_send_on() -> None:
    """With a second hospital: nearest fills the near one first, spread shares."""
    import dataclasses

    from tests import response_rig

    plain = response_rig.town()
    kind = plain.facilities.kind.copy()
    kind[4] = FACILITIES.index("hospital")  # the school becomes a second one, away from the sea
    node, capacity = plain.facilities.node.copy(), plain.facilities.capacity.copy()
    node[4], capacity[4], capacity[0] = 35, 10, 10  # two patients each
    facilities = dataclasses.replace(plain.facilities, kind=kind, node=node, capacity=capacity)
    city = dataclasses.replace(plain, facilities=facilities)
    used = {}
    for rule in ("nearest", "spread"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(response_rig, "town", lambda city=city: city)
            rig = Rig({"hospitals": {"rule": rule}})
        people = [int(np.flatnonzero(rig.parties.person_building == b)[0])
                  for b in np.unique(rig.parties.person_building)
                  if b >= 0 and rig.city.buildings.node[b] == 7][:3]
        for person in people:
            rig.hurt(person)
        rig.run(4 * 3600)
        assert len(rig.rows("person_admitted")) == 3
        used[rule] = rig.w.hospital_beds_used[[0, 4]].tolist()
        order = [row[2] for row in rig.rows("person_admitted")]
        assert order[:2] == ([0, 0] if rule == "nearest" else sorted(order[:2]))
        if rule == "nearest":
            assert [row[1] for row in rig.rows("hospital_full")] == [0]
        else:
            assert not rig.rows("hospital_full")
            assert set(order[:2]) == {0, 4}
    assert used["nearest"] == [2, 1]


def test_a_unit_that_finds_no_way_turns_back_and_another_goes_later() -> None:
    rig = Rig()
    rig.hurt(far_person(rig))
    while not rig.rows("unit_departed"):
        rig.tick()
    unit = rig.rows("unit_departed")[0][1]
    rig.stuck.add(unit)
    rig.w.street_walk_factor[:] = 0.0  # nor any on foot
    rig.run(rig.now_ms / 1000 + 300)
    (turned,) = rig.rows("unit_turned_back")
    assert (turned[1], REASONS[turned[2]]) == (unit, "no way to scene")
    assert rig.w.incident_reason[0] == reason("no way to scene")
    rig.stuck.clear()
    rig.run(4 * 3600)
    assert len(rig.rows("person_admitted")) == 1
    again = rig.rows("unit_dispatched")[1]
    assert again[0] - turned[0] >= 600_000 - 10_000


def test_a_long_delay_on_the_way_is_an_event_with_its_reason() -> None:
    rig = Rig()
    rig.hurt(far_person(rig))
    for unit in range(rig.site.units.kind.size):
        rig.delays[unit] = 90.0
    street = rig.city.edges.street[0]
    rig.w.street_state[street] = reason("road blocked by debris")
    rig.run(3 * 3600)
    delayed = rig.rows("unit_delayed")[0]
    assert (REASONS[delayed[2]], delayed[3]) == ("road blocked by debris", 90.0)
    assert rig.chain(rig.last("person_treated"))[1:4] == [
        "unit_arrived", "unit_delayed", "unit_departed"
    ]


def test_withdrawn_crew_with_a_patient_leaves_for_the_hospital() -> None:
    rig = Rig()
    shore = np.flatnonzero(
        (rig.parties.person_building >= 0)
        & rig.site.danger_node[rig.city.buildings.node[rig.parties.person_building]]
    )[0]
    rig.hurt(int(shore))
    while not rig.rows("person_treated"):
        rig.tick()
    rig.order()
    rig.tick()
    assert len(rig.rows("transport_started")) == 1
    check_care(rig)
    rig.run(rig.now_ms / 1000 + 900)
    assert rig.w.person_care[shore] == C_HOSPITAL


def test_without_a_usable_hospital_the_crew_waits_in_safety_with_its_patient() -> None:
    """The only hospital lies in the danger zone: nobody is brought there before the all-clear."""
    rig = Rig(below_m=15)
    assert rig.site.danger_node[rig.city.facilities.node[rig.site.hospital]].all()
    shore = np.flatnonzero(
        (rig.parties.person_building >= 0)
        & rig.site.danger_node[rig.city.buildings.node[rig.parties.person_building]]
    )[0]
    rig.hurt(int(shore))
    while not rig.rows("person_treated"):
        rig.tick()
    rig.order()
    rig.run(rig.now_ms / 1000 + 1800)
    unit = int(np.flatnonzero(rig.w.unit_person == shore)[0])
    assert not rig.site.danger_node[rig.w.unit_node[unit]]
    assert rig.w.person_care[shore] == C_TRANSPORT
    assert not rig.rows("transport_started")
    assert [REASONS[row[2]] for row in rig.rows("unit_delayed")] == ["hospitals inside exclusion zone"]
    check_care(rig)
    rig.order(clear=True)
    rig.run(rig.now_ms / 1000 + 1800)
    assert rig.w.person_care[shore] == C_HOSPITAL
    held, gone = (row for row in rig.rows("unit_delayed") if row[1] == unit)
    assert gone[2] == held[2]
    assert gone[3] == pytest.approx((gone[0] - held[0]) / 1000)  # what the wait has cost


def test_crews_leave_a_scene_that_the_water_reaches() -> None:
    rig = Rig()
    person = rig.crowd(1)[0]
    rig.hurt(person, 2, trapped=True)
    while not np.any(rig.w.unit_phase == U_ON_SCENE):
        rig.tick()
    unit = int(np.flatnonzero(rig.w.unit_phase == U_ON_SCENE)[0])
    rig.w.node_depth_m[rig.w.unit_node[unit]] = 0.6
    rig.run(rig.now_ms / 1000 + 300)
    (turned,) = rig.rows("unit_turned_back")
    assert REASONS[turned[2]] == "road under water"
    assert rig.w.unit_phase[unit] == U_AVAILABLE
    assert rig.w.unit_node[unit] == rig.site.units.node[unit]


def _busy_town(parts: object = None) -> Rig:
    rig = Rig(parts=parts)
    if parts is None:
        people = np.flatnonzero(rig.parties.person_building >= 0)[::40]
        for i, person in enumerate(people):
            rig.hurt(int(person), 2 + i % 2, trapped=i % 5 == 0)
    return rig


def test_processes_restart_from_the_arrays() -> None:
    """A run cut at any tick boundary goes on to the same event log."""
    whole = _busy_town()
    whole.run(5400)
    for cut_s in (430, 1210, 2990):
        first = _busy_town()
        first.run(cut_s)
        mail = first.mail.copy()
        mail.wakes.clear()  # the restarted processes write them anew
        second = _busy_town(
            (first.w.copy(), mail, EventLog.restore(first.log.snapshot()), first.now_ms)
        )
        second.under_way, second.start = dict(first.under_way), first.start
        second.run(5400)
        assert second.log.digest() == whole.log.digest()
    kinds = {row[1] for row in whole.rows("person_admitted")}
    assert len(kinds) >= 4  # something happened


def test_care_adds_up_in_a_busy_town() -> None:
    rig = _busy_town()
    while rig.now_ms < 2 * 3_600_000:
        rig.tick()
        check_care(rig)
        idle = rig.w.unit_phase == U_AVAILABLE
        assert np.all(rig.w.unit_due_ms[idle] == NEVER)
        assert np.all(rig.w.unit_person[idle] == -1)
        moving = rig.w.unit_phase == U_TO_SCENE
        assert np.all(rig.w.unit_dest_node[moving] >= 0)


def test_durations_have_their_means() -> None:
    people = range(4000)
    assert np.mean([scene_ms(3, p) for p in people]) == pytest.approx(
        SCENE_MEAN_S * 1000, rel=0.03
    )
    assert np.mean([rescue_ms(3, p, 3) for p in people]) == pytest.approx(
        RESCUE_MEAN_S * 1000, rel=0.03
    )
    assert np.mean([rescue_ms(3, p, 5) for p in people]) == pytest.approx(
        RESCUE_COLLAPSED_MEAN_S * 1000, rel=0.03
    )
    fire = np.array([turnout_ms(3, p, 0, True) for p in people])
    medical = np.array([turnout_ms(3, p, 0, False) for p in people])
    assert np.mean(fire <= 80_000) == pytest.approx(0.9, abs=0.015)
    assert np.mean(medical <= 60_000) == pytest.approx(0.9, abs=0.015)


def test_the_process_leaves_a_wake_at_the_due_time_and_follows_changes() -> None:
    rig = Rig()
    rig.w.unit_due_ms[0] = 12_345
    rig.agents[0].signal()
    rig.env.run(until=5_000)
    assert rig.mail.wakes == []
    rig.w.unit_due_ms[0] = 7_000  # moved forward
    rig.agents[0].signal()
    rig.env.run(until=20_000)
    assert rig.mail.wakes == [(7_000, 0)]
