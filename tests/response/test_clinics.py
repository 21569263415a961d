"""Clinics keep patients while no hospital can be used."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from engine.city import FACILITIES
from engine.response import clinics
from engine.world import C_HOSPITAL, C_SELF, C_TRANSPORT, U_AVAILABLE
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
