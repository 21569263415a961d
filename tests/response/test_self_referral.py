"""People who go to hospital by themselves, and what a hospital can take."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from engine.city import FACILITIES
from engine.events import REASONS
from engine.response.self_referral import SHARE
from engine.world import C_HOSPITAL, C_NONE, C_SELF, C_WAITING, U_OFF
from tests import response_rig
from tests.response_rig import HOSPITAL_BEDS, Rig


def without_units(**keys: object) -> Rig:
    """A rig in which no unit is on duty: whoever reaches a hospital went by themselves."""
    rig = Rig(**keys)  # type: ignore[arg-type]
    rig.w.unit_phase[:] = U_OFF
    return rig


def people_hurt(rig: Rig, severity: int, step: int) -> np.ndarray:
    people = np.flatnonzero(rig.parties.person_building >= 0)[::step]
    for person in people:
        rig.hurt(int(person), severity)
    return people


@pytest.mark.parametrize("severity", [1, 2, 3])
def test_the_share_that_goes_follows_severity(severity: int) -> None:
    rig = without_units(plan={"hospitals": {"patients_h": 50}})
    people = people_hurt(rig, severity, 4)
    rig.run(6000)
    went = {row[1] for row in rig.rows("self_referred")}
    assert went <= set(people.tolist())
    assert len(went) / people.size == pytest.approx(SHARE[severity], abs=0.08)


def test_the_lightly_hurt_are_seen_and_sent_home_the_others_take_beds() -> None:
    rig = without_units(plan={"hospitals": {"patients_h": 50}})
    light, serious = people_hurt(rig, 1, 50), people_hurt(rig, 2, 37)
    rig.run(3 * 3600)
    seen = {row[1] for row in rig.rows("person_treated")}
    admitted = {row[1] for row in rig.rows("person_admitted")}
    assert seen
    assert seen <= set(light.tolist())
    assert admitted
    assert admitted <= set(serious.tolist())
    assert np.all(rig.w.person_care[list(seen)] == C_NONE)
    assert np.all(rig.w.person_care[list(admitted)] == C_HOSPITAL)
    assert rig.w.hospital_beds_used.sum() == len(admitted) <= 0.2 * HOSPITAL_BEDS
    chain = rig.chain(rig.last("person_admitted"))
    assert chain == ["person_admitted", "self_referred", "person_hurt", "run_started"]


def test_whoever_is_under_way_leaves_the_incident_and_meets_no_crew() -> None:
    rig = Rig()
    people = people_hurt(rig, 2, 60)
    while rig.now_ms < 3 * 3_600_000:
        rig.tick()
        own = np.flatnonzero(rig.w.person_care == C_SELF)
        assert not set(own) & set(rig.w.unit_person[rig.w.unit_person >= 0].tolist())
        assert np.all(rig.w.person_incident[own[rig.w.person_self_ms[own] < rig.now_ms - 20_000]] < 0)
    treated = {row[1] for row in rig.rows("person_treated")}
    went = {row[1] for row in rig.rows("self_referred")}
    assert treated
    assert went
    assert not treated & went
    assert treated | went <= set(people.tolist())


def test_a_hospital_takes_its_hourly_number_and_no_more() -> None:
    rig = without_units(plan={"hospitals": {"patients_h": 5}})  # of 60 beds: three an hour
    people_hurt(rig, 2, 25)
    rig.run(5 * 3600)
    t = np.array([row[0] for row in rig.rows("person_admitted")])
    assert t.size >= 6
    # Three at once, then one every twenty minutes.
    assert np.all(t[2:] - t[0] >= 1_200_000 * np.arange(t.size - 2))
    assert t[2] - t[0] < 900_000


def test_a_damaged_hospital_shuts_and_patients_go_elsewhere() -> None:
    plain = response_rig.town()
    kind, capacity = plain.facilities.kind.copy(), plain.facilities.capacity.copy()
    node = plain.facilities.node.copy()
    kind[4], capacity[4], node[4] = FACILITIES.index("hospital"), 60, 35
    city = dataclasses.replace(
        plain, facilities=dataclasses.replace(plain.facilities, kind=kind, capacity=capacity, node=node)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(response_rig, "town", lambda: city)
        rig = Rig({"hospitals": {"patients_h": 50}})
    own = rig.components[2]._building[0]
    assert own >= 0
    rig.w.building_damage[own] = 3
    rig.w.building_damage_event[own] = rig.log.add("building_damaged", 0, own, value=3, cause=0)
    people_hurt(rig, 2, 100)
    rig.run(4 * 3600)
    ((_, facility, why, _),) = rig.rows("hospital_shut")
    assert (facility, REASONS[why]) == (0, "hospital damaged")
    assert {row[2] for row in rig.rows("person_admitted")} == {4}


def test_a_hospital_shuts_when_the_generator_is_empty_and_opens_with_the_power() -> None:
    rig = Rig({"hospitals": {"generator_h": 0.5}})
    zone = int(rig.site.zone_of_node[rig.city.facilities.node[0]])
    rig.run(60)
    rig.w.zone_power_on[zone] = False
    rig.w.zone_lifeline_event[zone] = rig.log.add("power_lost", rig.now_ms, zone, cause=rig.start)
    rig.run(1800)
    assert not rig.rows("hospital_shut")
    person = rig.crowd(1)[0]
    rig.hurt(person, 3)
    rig.run(3600)
    ((t, _, why, _),) = rig.rows("hospital_shut")
    assert t == 60_000 + 1_800_000
    assert REASONS[why] == "hospital without power"
    assert rig.w.person_care[person] not in (C_HOSPITAL, C_WAITING)
    rig.w.zone_power_on[zone] = True
    rig.w.zone_lifeline_event[zone] = rig.log.add(
        "power_restored", rig.now_ms, zone, cause=rig.w.zone_lifeline_event[zone]
    )
    rig.run(7200)
    assert len(rig.rows("hospital_opened")) == 1
    assert rig.w.person_care[person] == C_HOSPITAL
