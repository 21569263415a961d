"""Clinics keep patients while no hospital can be used."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from engine.city import FACILITIES
from engine.response import clinics
from engine.world import C_HOSPITAL, C_NONE, C_SELF, C_TRANSPORT, U_AVAILABLE, U_OFF
from tests import response_rig
from tests.response_rig import Rig

INLAND = 16  # on high ground


@pytest.fixture
def with_clinic(monkeypatch: pytest.MonkeyPatch) -> int:
    """A clinic on high ground in the rig's town; its row."""
    city = response_rig.town()
    table = city.facilities
    columns = {f.name: np.append(getattr(table, f.name), getattr(table, f.name)[-1:])
               for f in dataclasses.fields(table)}
    columns["kind"][-1], columns["node"][-1] = FACILITIES.index("clinic"), INLAND
    columns["units"][-1] = columns["capacity"][-1] = 0
    columns["x_m"][-1], columns["y_m"][-1] = city.nodes.x_m[INLAND], city.nodes.y_m[INLAND]
    changed = dataclasses.replace(city, facilities=dataclasses.replace(table, **columns))
    monkeypatch.setattr(response_rig, "town", lambda: changed)
    return int(columns["kind"].size - 1)


def carrying(number: int = 1) -> tuple[Rig, list[int]]:
    """Crews with a patient from outside the line, while the only hospital lies inside."""
    rig = Rig(below_m=15)
    people = rig.crowd(number)
    for person in people:
        rig.hurt(person)
        rig.w.person_self_ms[person] = -1
    rig.order()
    while len(rig.rows("person_treated")) < number:
        rig.tick()
        assert rig.now_ms < 3_600_000
    return rig, people


def test_the_crew_is_free_again_and_the_patient_goes_on_after_the_all_clear(with_clinic: int) -> None:
    rig, (person,) = carrying()
    unit = int(np.flatnonzero(rig.w.unit_person == person)[0])
    rig.run(rig.now_ms / 1000 + 2 * 3600)
    assert [row[2] for row in rig.rows("transport_started")] == [with_clinic]
    assert [row[1:3] for row in rig.rows("unit_unloaded")] == [(unit, with_clinic)]
    assert rig.w.unit_phase[unit] == U_AVAILABLE
    assert rig.w.person_care[person] == C_SELF
    assert not rig.rows("person_admitted")
    assert len(rig.rows("incident_opened")) == 1  # nobody calls for them again
    rig.order(clear=True)
    rig.run(rig.now_ms / 1000 + 3600)
    assert rig.w.person_care[person] == C_HOSPITAL
    (admitted,) = rig.rows("person_admitted")
    assert admitted[1] == person
    kinds = rig.chain(rig.last("person_admitted"))
    assert kinds[:3] == ["person_admitted", "self_referred", "unit_unloaded"]


def test_a_full_clinic_sends_nobody_away_who_is_there_but_takes_no_more(
    with_clinic: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clinics, "PLACES", 1)
    rig, people = carrying(2)
    rig.run(rig.now_ms / 1000 + 2 * 3600)
    assert len(rig.rows("unit_unloaded")) == 1
    assert sorted(rig.w.person_care[people].tolist()) == sorted([C_SELF, C_TRANSPORT])


def alone(below_m: float = 15) -> Rig:
    """No unit is on duty, and the only hospital lies inside the line, or not."""
    rig = Rig({"hospitals": {"patients_h": 50}}, below_m=below_m)
    rig.w.unit_phase[:] = U_OFF
    rig.order()
    return rig


def test_who_goes_by_themselves_is_at_a_clinic_long_before_the_all_clear(with_clinic: int) -> None:
    rig = alone()
    people = np.flatnonzero(rig.parties.person_building >= 0)[::25].tolist()
    light, serious = people[:12], people[12:24]
    for person in light:
        rig.hurt(person, 1)
    for person in serious:
        rig.hurt(person, 2)
    rig.run(3 * 3600)
    went = {row[1] for row in rig.rows("self_referred")}
    assert went
    assert {row[2] for row in rig.rows("self_referred")} == {with_clinic}
    treated = {row[1] for row in rig.rows("person_treated")}
    assert treated == went & set(light)
    assert np.all(rig.w.person_care[list(treated)] == C_NONE)
    kept = sorted(went & set(serious))
    assert kept
    assert np.all(rig.w.person_care[kept] == C_SELF)
    assert not rig.rows("person_admitted")
    rig.order(clear=True)
    rig.run(5 * 3600)
    assert {row[1] for row in rig.rows("person_admitted")} >= set(kept)


def test_a_hospital_outside_the_line_is_gone_to_at_once(with_clinic: int) -> None:
    rig = alone(below_m=10)
    for person in rig.crowd(12):
        rig.hurt(person, 2)
    rig.run(3 * 3600)
    assert {row[2] for row in rig.rows("self_referred")} == {0}
    assert rig.rows("person_admitted")


def test_a_clinic_treats_so_many_an_hour_and_takes_in_no_more_than_it_has_room_for(
    with_clinic: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clinics, "PLACES", 3)
    rig = alone()
    people = np.flatnonzero(rig.parties.person_building >= 0)[::4]
    for person in people.tolist():
        rig.hurt(person, 1)
    most = 0
    while rig.now_ms < 3 * 3_600_000:
        rig.tick()
        most = max(most, int((rig.w.person_care == C_SELF).sum()))
    assert most == 3
    t = np.array([row[0] for row in rig.rows("person_treated")])
    assert t.size >= 12
    # Six at once, then one in ten minutes.
    assert np.all(t[6:] - t[0] >= 600_000 * (1 + np.arange(t.size - 6)))


def test_nobody_is_brought_away_through_water(with_clinic: int) -> None:
    rig = alone()
    people = rig.crowd(12)
    for person in people:
        rig.hurt(person, 2)
    node = rig.w.party_node[rig.parties.of_person[people]]
    rig.w.node_depth_m[node] = 0.5
    rig.run(2 * 3600)
    assert not rig.rows("self_referred")
    rig.w.node_depth_m[node] = 0.1
    rig.run(3 * 3600)
    assert rig.rows("self_referred")
