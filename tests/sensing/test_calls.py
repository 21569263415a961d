"""Calls: Erlang C, FIFO, telephone outages, opening and closing of incidents."""

from __future__ import annotations

from math import factorial

import numpy as np
import pytest

from engine import rng
from engine.events import REASONS
from engine.sensing.calls import DETOUR, WALK_MPS, answer_fifo
from engine.world import I_CLOSED, I_KNOWN, U_OFF
from tests.response_rig import Rig


def erlang_c(a: float, c: int) -> float:
    """Probability of waiting in M/M/c with a erlang offered."""
    top = a**c / factorial(c) * c / (c - a)
    return top / (sum(a**k / factorial(k) for k in range(c)) + top)


@pytest.mark.parametrize(
    ("a", "c", "expected"), [(2, 3, 0.444444), (8, 10, 0.409180), (10, 12, 0.449388)]
)
def test_closed_form_matches_published_values(a: float, c: int, expected: float) -> None:
    assert erlang_c(a, c) == pytest.approx(expected, abs=5e-7)


@pytest.mark.parametrize(
    ("a", "c", "wait"), [(2, 3, 0.44444), (8, 10, 0.20459), (10, 12, 0.22469)]
)
def test_queue_is_erlang_c(a: float, c: int, wait: float) -> None:
    """Share that waits and mean wait (in service times), over 200,000 calls of a fixed seed."""
    n, aht_ms = 200_000, 120_000
    key = np.arange(n)
    gaps = -aht_ms / a * np.log(rng.uniform(5, "call.delay", key))
    calls = np.rint(np.cumsum(gaps)).astype(np.int64)
    service = np.rint(-aht_ms * np.log(rng.uniform(5, "call.service", key))).astype(np.int64)
    starts = np.array(
        answer_fifo(calls.tolist(), service.tolist(), np.zeros(c, np.int64), 1 << 60)
    )
    waits = starts - calls
    assert np.all(np.diff(starts) >= 0)  # first come, first served
    assert np.mean(waits > 0) == pytest.approx(erlang_c(a, c), abs=0.02)
    assert waits.mean() / aht_ms == pytest.approx(wait, rel=0.08)


@pytest.mark.parametrize(("takers", "expected"), [(13, 0.8039), (14, 0.8944), (15, 0.9454)])
def test_answered_within_15_seconds(takers: int, expected: float) -> None:
    """10 erlang, mean service 120 s: P(W <= 15 s) = 1 - C exp(-(c - a) t / AHT)."""
    n = 200_000
    gaps = -12_000 * np.log(rng.uniform(9, "call.delay", np.arange(n)))
    calls = np.rint(np.cumsum(gaps)).astype(np.int64)
    service = np.rint(-120_000 * np.log(rng.uniform(9, "call.service", np.arange(n))))
    starts = np.array(
        answer_fifo(
            calls.tolist(), service.astype(int).tolist(), np.zeros(takers, np.int64), 1 << 60
        )
    )
    assert np.mean(starts - calls <= 15_000) == pytest.approx(expected, abs=0.012)


def test_ticks_do_not_change_the_queue() -> None:
    """Answering in slices of 10 s gives the starts of answering at once."""
    calls = [0, 100, 9_000, 12_000, 12_000, 55_000]
    service = [30_000, 41_000, 5_000, 8_000, 100, 10]
    whole = answer_fifo(calls, service, np.zeros(2, np.int64), 1 << 60)
    busy, starts, queue = np.zeros(2, np.int64), [], list(zip(calls, service, strict=True))
    for until in range(10_000, 200_000, 10_000):
        due = [row for row in queue if row[0] < until]
        got = answer_fifo([r[0] for r in due], [r[1] for r in due], busy, until)
        starts += got
        queue = queue[len(got):]
    assert starts == whole
    assert starts[3] > calls[3]  # somebody waited


def test_one_incident_per_building_with_its_chain() -> None:
    rig = Rig()
    first, second, third = rig.crowd(3)
    rig.hurt(first, 2)
    rig.hurt(second, 3)
    rig.run(30)
    rig.hurt(third, 2)
    rig.run(60)
    assert rig.w.incident_count[0] == 1
    assert [row[3] for row in rig.rows("incident_opened")] == [2.0]
    assert rig.w.person_incident[[first, second, third]].tolist() == [0, 0, 0]
    rig.run(1800)
    assert rig.chain(rig.last("call_answered")) == [
        "call_answered", "call_made", "incident_opened", "person_hurt", "run_started"
    ]


def test_outage_sends_a_walker_to_the_nearest_station() -> None:
    rig = Rig()
    person = rig.crowd(1)[0]
    rig.w.zone_telecom_on[:] = False
    rig.hurt(person)
    rig.run(3600)
    (delayed,), (made,) = rig.rows("call_delayed"), rig.rows("call_made")
    node = rig.w.incident_node[0]
    away = min(
        np.hypot(rig.city.facilities.x_m[f] - rig.city.nodes.x_m[node],
                 rig.city.facilities.y_m[f] - rig.city.nodes.y_m[node])
        for f in rig.city.facilities_of("police_station", "fire_station")
    )
    assert delayed[3] == pytest.approx(away * DETOUR / WALK_MPS, rel=1e-6)
    assert made[0] - delayed[0] == pytest.approx(delayed[3] * 1000, abs=1)


def test_call_goes_through_when_service_returns_first() -> None:
    rig = Rig()
    rig.w.zone_telecom_on[:] = False
    rig.hurt(rig.crowd(1)[0])
    while not rig.rows("call_delayed"):
        rig.tick()
    assert not rig.rows("call_made")
    rig.w.zone_telecom_on[:] = True
    back = rig.now_ms
    rig.run(back / 1000 + 20)
    assert rig.rows("call_made")[0][0] == back


def test_incident_closes_when_all_have_died_and_opens_again() -> None:
    rig = Rig()
    first, second = rig.crowd(2)
    rig.hurt(first)
    rig.run(20)
    rig.kill(first)
    rig.run(40)
    assert rig.w.incident_state[0] == I_CLOSED
    assert rig.w.person_incident[first] == -1
    rig.hurt(second)
    rig.run(60)
    assert rig.w.incident_count[0] == 1
    assert rig.w.incident_openings[0] == 2
    assert rig.w.incident_state[0] not in (I_CLOSED, I_KNOWN)
    assert len(rig.rows("incident_opened")) == 2


def test_delay_of_a_call_does_not_depend_on_other_incidents() -> None:
    alone, together = Rig(), Rig()
    person = alone.crowd(1)[0]
    other = int(np.flatnonzero(
        (alone.parties.person_building >= 0)
        & (alone.parties.person_building != alone.parties.person_building[person])
    )[0])
    together.hurt(other)
    for rig in (alone, together):
        rig.hurt(person)
        rig.run(1200)
    row = together.w.incident_building.tolist().index(alone.w.incident_building[0])
    assert alone.w.incident_call_ms[0] == together.w.incident_call_ms[row]


# --- how an incident closes -------------------------------------------------------------------------


def closed(rig: Rig) -> list[str]:
    return [REASONS[row[2]] for row in rig.rows("incident_closed")]


def test_an_incident_closes_with_how_people_left_it() -> None:
    """Dead counts before their own way, that before an ambulance's; and anew after each opening."""
    rig = Rig()
    rig.w.unit_phase[:] = U_OFF
    a, b = rig.crowd(2)
    rig.w.person_self_ms[:] = -1  # nobody goes unless the test says so
    for person in (a, b):
        rig.hurt(person, 2)
    rig.run(1200)
    assert closed(rig) == []
    for person in (a, b):
        rig.w.person_self_ms[person] = rig.now_ms
    rig.run(1230)
    assert closed(rig) == ["went to hospital by themselves"]
    c, d = rig.crowd(4)[2:]
    for person in (c, d):
        rig.hurt(person, 2)
    rig.run(2400)
    rig.kill(c)
    rig.run(2430)
    assert len(closed(rig)) == 1  # the other still waits
    rig.w.person_self_ms[d] = rig.now_ms
    rig.run(2460)
    assert closed(rig)[1:] == ["dead"]
    assert rig.rows("incident_opened")[0][1] == rig.rows("incident_opened")[1][1]  # the same place


def test_a_crew_s_incident_closes_when_its_patient_is_taken_away() -> None:
    rig = Rig()
    person = rig.crowd(1)[0]
    rig.w.person_self_ms[person] = -1
    rig.hurt(person, 2)
    rig.run(3 * 3600)
    assert closed(rig) == ["taken to hospital"]
