"""Volunteers turn out from home: slower than a crew at the station, once; the night guard is there."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from engine.command.dispatch import RESCUE
from engine.departments import CHILE, Departments, read_departments
from engine.errors import InputError
from engine.response.durations import turnout_ms
from engine.response.volunteers import AWAY_MEAN_S, assembly_ms
from tests import response_rig
from tests.response_rig import Rig


def departures(rig: Rig) -> list[tuple[int, float]]:
    """(unit, seconds from the order to rolling wheels) of fire-and-rescue units."""
    return [(row[1], row[3]) for row in rig.rows("unit_departed")
            if rig.site.units.kind[row[1]] == RESCUE]


def test_by_day_the_first_turnout_waits_for_the_volunteers_and_the_second_does_not() -> None:
    rig = Rig(start_utc="2020-03-02T15:00:00Z")  # noon
    a, b = rig.crowd(2)
    rig.hurt(a, 2, trapped=True)
    rig.run(7200)
    unit, first_s = departures(rig)[0]
    rows = np.array([unit])
    key = int(rig.site.units.key[unit])
    kit_ms = turnout_ms(1, key, 0, True)
    assembly = int(assembly_ms(1, rig.city, rig.site.units, rows)[0])
    assert first_s * 1000 == pytest.approx(assembly + kit_ms)
    assert first_s > 180  # a career crew leaves within 80 s nine times in ten
    before = len(departures(rig))
    rig.hurt(b, 2, trapped=True)
    rig.run(5 * 3600)
    again, second_s = departures(rig)[before]
    assert again == unit
    assert second_s * 1000 == turnout_ms(1, key, 1, True)


def test_the_night_guard_leaves_like_a_career_crew() -> None:
    rig = Rig()  # three in the morning
    rig.hurt(rig.crowd(1)[0], 2, trapped=True)
    rig.run(7200)
    unit, first_s = departures(rig)[0]
    assert first_s * 1000 == turnout_ms(1, int(rig.site.units.key[unit]), 0, True)


def test_reported_shaking_calls_every_volunteer() -> None:
    rig = Rig(start_utc="2020-03-02T15:00:00Z")
    rig.w.seen_mmi[0] = 7.0
    rig.w.seen_mmi_event[0] = rig.log.add("intensity_reported", 0, 0, value=7.0, cause=rig.start)
    rig.run(1800)
    rig.hurt(rig.crowd(1)[0], 2, trapped=True)
    rig.run(7200)
    unit, first_s = departures(rig)[0]
    assert first_s * 1000 == turnout_ms(1, int(rig.site.units.key[unit]), 0, True)


def test_career_services_keep_their_turnout_by_day() -> None:
    career = dataclasses.replace(response_rig.town(), departments=Departments())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(response_rig, "town", lambda: career)
        rig = Rig(start_utc="2020-03-02T15:00:00Z")
    rig.hurt(rig.crowd(1)[0], 2, trapped=True)
    rig.run(7200)
    unit, first_s = departures(rig)[0]
    assert first_s * 1000 == turnout_ms(1, int(rig.site.units.key[unit]), 0, True)


def test_crews_of_the_same_station_differ_and_far_homes_take_longer() -> None:
    rig = Rig()
    rows = np.flatnonzero(rig.site.units.kind == RESCUE)
    times = assembly_ms(1, rig.city, rig.site.units, rows)
    assert np.unique(times).size == rows.size
    assert np.all(times > 1000 * AWAY_MEAN_S / 4)
    far = dataclasses.replace(
        rig.city.facilities, x_m=rig.city.facilities.x_m + 2000.0
    )
    away = dataclasses.replace(rig.city, facilities=far)
    assert np.all(assembly_ms(1, away, rig.site.units, rows) > times)


def test_guard_hours_may_pass_midnight() -> None:
    assert CHILE.guarded(23.5)
    assert CHILE.guarded(3.0)
    assert not CHILE.guarded(19.9)
    assert not Departments().guarded(3.0)


@pytest.mark.parametrize(
    ("table", "part"),
    [({"polise": "x"}, "police"), ({"volunteers": "yes"}, "expected bool"),
     ({"guard_to_h": 30}, "allowed 0 to 24")],
)
def test_wrong_departments_are_refused(table: dict[str, object], part: str) -> None:
    with pytest.raises(InputError, match=part):
        read_departments(table, "city.toml")
