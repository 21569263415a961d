"""Rule least_wait: a hospital's patients an hour count as much as the way there."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from engine.city import FACILITIES
from engine.world import NEVER, U_TO_HOSPITAL
from tests import response_rig
from tests.response_rig import HOSPITAL_BEDS, Rig

NEAR, FAR = 0, 4


def rig(monkeypatch: pytest.MonkeyPatch, rule: str, beds: int = HOSPITAL_BEDS) -> Rig:
    """The rig with a second hospital at the far corner of the town."""
    plain = response_rig.town()
    f = plain.facilities
    kind, node, capacity = f.kind.copy(), f.node.copy(), f.capacity.copy()
    kind[FAR], node[FAR], capacity[FAR] = FACILITIES.index("hospital"), 35, beds
    city = dataclasses.replace(
        plain, facilities=dataclasses.replace(f, kind=kind, node=node, capacity=capacity))
    with monkeypatch.context() as patch:
        patch.setattr(response_rig, "town", lambda: city)
        return Rig({"hospitals": {"rule": rule, "patients_h": 2}})  # of 60 beds: one in 50 min


def hurt_near(r: Rig, number: int) -> list[int]:
    """People hurt beside the near hospital, none of whom goes there without an ambulance."""
    near = [b for b in np.unique(r.parties.person_building)
            if b >= 0 and r.city.buildings.node[b] in (7, 8, 13, 14)]
    people = np.flatnonzero(np.isin(r.parties.person_building, near))[:: 3][:number]
    assert people.size == number
    r.w.person_self_ms[:] = -1
    for person in people:
        r.hurt(int(person))
    return [int(p) for p in people]


def test_the_first_goes_to_the_nearest_the_next_where_the_wait_is_shorter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    last = {}
    for rule in ("nearest", "least_wait"):
        r = rig(monkeypatch, rule)
        hurt_near(r, 4)
        r.run(6 * 3600)
        rows = r.rows("person_admitted")
        assert len(rows) == 4
        last[rule] = max(row[0] for row in rows)
        where = [row[2] for row in rows]
        if rule == "nearest":
            assert where == [NEAR] * 4
        else:
            assert where[0] == NEAR
            assert sorted(where) == [NEAR, NEAR, FAR, FAR]
            assert not [row for row in r.rows("unit_delayed") if row[3] > 3600]
    assert last["least_wait"] < last["nearest"] - 3_000_000


def test_the_expected_wait_is_that_of_the_even_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    r = rig(monkeypatch, "least_wait")
    units = r.components[2]
    units._now_ms = 1_000_000
    r.w.hospital_next_ms[NEAR] = 1_000_000 + 7_200_000  # taken for two hours from now
    got = units._with_wait(np.array([60.0, 100.0]), np.array([1, 0]))
    # Near: the one under way and this one take 50 min each, less the hour taken at once.
    assert got[0] == pytest.approx(7200 + 2 * 3000 - 3600)
    assert got[1] == pytest.approx(100.0)


def test_a_hospital_without_a_bed_left_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    r = rig(monkeypatch, "least_wait", beds=10)  # two patients of this event
    units = r.components[2]
    units._now_ms = 0
    r.w.hospital_beds_used[FAR] = 1
    got = units._with_wait(np.array([60.0, 100.0]), np.array([0, 1]))
    assert np.isfinite(got).tolist() == [True, False]
    assert not (r.w.unit_phase == U_TO_HOSPITAL).any()
    assert got[0] < NEVER
