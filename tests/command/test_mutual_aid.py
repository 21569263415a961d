"""Mutual aid: asked for when the plan says, arrives at the gate, keeps the neighbour's cover."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.command.dispatch import AMBULANCE, RESCUE
from engine.errors import InputError
from engine.world import U_AVAILABLE, U_OFF, U_ON_SCENE
from tests.response_rig import Rig, lonlat

GATE = 35


def plan(**keys: Any) -> dict[str, Any]:
    row = {"name": "Next Town", "kind": "ambulance", "units": 5, "home_cover": 0.5,
           "trigger": "order", "travel_s": 1200, **lonlat(GATE), **keys}
    return {"mutual_aid": [row]}


def test_units_come_with_the_order_after_their_travel_and_leave_cover_at_home() -> None:
    rig = Rig(plan())
    aid = np.flatnonzero(rig.site.units.aid == 0)
    assert aid.size == 2  # of five, half stays: two and a half
    assert set(rig.site.units.kind[aid]) == {AMBULANCE}
    rig.run(600)
    assert np.all(rig.w.unit_phase[aid] == U_OFF)
    rig.order()
    rig.run(600 + 1190)
    assert np.all(rig.w.unit_phase[aid] == U_OFF)
    rig.run(600 + 1260)
    assert np.all(rig.w.unit_phase[aid] == U_AVAILABLE)
    assert np.all(rig.w.unit_node[aid] == GATE)
    assert [row[0] for row in rig.rows("aid_arrived")] == [1_800_000] * 2
    assert rig.chain(rig.last("aid_arrived"))[1:3] == ["aid_requested", "order_decided"]
    # They now answer calls near their gate.
    inside = rig.parties.person_building
    near = (inside >= 0) & (rig.city.buildings.node[np.maximum(inside, 0)] == GATE)
    for person in np.flatnonzero(near)[:6]:
        rig.hurt(int(person), 3)
    rig.run(rig.now_ms / 1000 + 2400)
    sent = [row[1] for row in rig.rows("unit_dispatched") if row[2] >= 0]
    assert sent
    assert sent[0] in aid


def test_or_when_no_unit_is_free() -> None:
    rig = Rig(plan(trigger="no_unit_free"))
    own = np.flatnonzero((rig.site.units.kind == AMBULANCE) & (rig.site.units.aid < 0))
    rig.order()
    rig.run(900)
    assert not rig.rows("aid_requested")
    rig.w.unit_phase[own] = U_ON_SCENE
    rig.w.unit_phase[rig.site.units.kind == RESCUE] = U_ON_SCENE
    rig.hurt(int(np.flatnonzero(rig.parties.person_building >= 0)[-1]))
    rig.run(3000)
    (asked,) = rig.rows("aid_requested")
    assert asked[3] == 2
    assert rig.chain(rig.last("aid_requested"))[1] == "dispatch_held"


def test_neighbours_are_asked_too_when_search_begins_after_the_all_clear() -> None:
    for trigger, asked in (("no_unit_free", 1), ("order", 0)):
        rig = Rig(plan(trigger=trigger))
        own = np.flatnonzero((rig.site.units.kind == AMBULANCE) & (rig.site.units.aid < 0))
        rig.order()
        rig.w.order_decided_ms[0] = 10**12  # decided and lifted before any unit was asked for
        rig.order(clear=True)
        rig.w.unit_phase[own] = U_ON_SCENE
        rig.hurt(int(np.flatnonzero(rig.parties.person_building >= 0)[-1]))
        rig.run(3000)
        assert len(rig.rows("aid_requested")) == asked


def test_a_neighbour_that_keeps_everything_is_refused() -> None:
    with pytest.raises(InputError, match=r"mutual_aid\.0: home_cover 0\.9 of 5 units leaves none"):
        Rig(plan(home_cover=0.9))
