"""Who holds a party back: the trapped and the critically hurt, not the dead nor those in care."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engine.city import City
from engine.events import KIND_CODE
from engine.held import can_set_out
from engine.plan import Plan
from engine.run import Run, open_session
from engine.scenario import Scenario
from engine.world import (
    C_HOSPITAL,
    C_NONE,
    C_SELF,
    C_TRANSPORT,
    C_WAITING,
    H_CRITICAL,
    H_DEAD,
    H_LIGHT,
    H_SERIOUS,
    H_WELL,
    P_HIGH,
    P_STAYING,
)

TWO: Any = SimpleNamespace(of_person=np.array([0, 0, 1]), size=np.array([2, 1]), count=2)


@pytest.mark.parametrize(("health", "care", "trapped", "couple", "alone"), [
    (H_WELL, C_NONE, False, True, True),
    (H_DEAD, C_NONE, False, True, False),
    (H_CRITICAL, C_WAITING, False, False, False),
    (H_CRITICAL, C_TRANSPORT, False, True, False),
    (H_CRITICAL, C_HOSPITAL, False, True, False),
    (H_SERIOUS, C_HOSPITAL, False, True, False),
    (H_SERIOUS, C_WAITING, False, True, True),
    (H_LIGHT, C_SELF, False, True, False),
    (H_LIGHT, C_NONE, True, False, False),
])
def test_one_member(health: int, care: int, trapped: bool, couple: bool, alone: bool) -> None:
    """The first of two people, and one alone, in the same state."""
    found = can_set_out(
        TWO, np.array([trapped, False, trapped]), np.array([health, H_WELL, health], np.uint8),
        np.array([care, C_NONE, care], np.uint8))
    assert found.tolist() == [couple, alone]


def test_a_household_with_a_dead_member_leaves_and_goes_home(
    town: City, scenario: Scenario, plans: dict[str, Plan], runs: dict[str, Run]
) -> None:
    """One of a household that leaves and comes home dies before it sets out: the others do both."""
    plan = plans["early-warning"]
    base = runs["early-warning"].codes
    home = base[base.kind == KIND_CODE["party_home"]].subject.to_numpy()
    session = open_session(town, scenario, plan, 1)
    session.advance(60.0)
    parties, w = session.twin.context.parties, session.twin.world
    big = [p for p in home if parties.size[p] > 1 and w.party_decision[p] == 1
           and w.party_left_ms[p] > 60_000 and parties.home[p]]
    party = int(big[0])
    person = int(parties.member[parties.member_ptr[party]])
    w.person_health[person], w.person_health_event[person] = H_DEAD, 0
    codes = session.finish().codes
    mine = codes[(codes.subject == party)]
    for kind in ("party_departed", "party_arrived", "party_home"):
        assert (mine.kind == KIND_CODE[kind]).any(), kind
    assert w.party_place[party] in (P_STAYING, P_HIGH)
