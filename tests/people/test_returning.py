"""Going back home before the all-clear: who, when, why, and that nobody is lost on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from engine import rng
from engine.city import City
from engine.events import KIND_CODE, REASONS
from engine.mobility.returns import Returns
from engine.people import returning as rt
from engine.people.behaviour import Behaviour
from engine.plan import Plan
from engine.run import Run, open_session
from engine.scenario import Scenario
from engine.world import H_DEAD, NEVER, P_RETURNING

B = Behaviour()
N = 20_000
U = rng.uniform(5, "people.return", np.arange(N))


def test_share_darkness_and_barriers() -> None:
    none = np.zeros(N, np.bool_)
    free = rt.goes_back(B, U, dark=none, barred=0.0)
    dark = rt.goes_back(B, U, dark=~none, barred=0.0)
    barred = rt.goes_back(B, U, dark=none, barred=1.0)
    assert free.mean() == pytest.approx(B.return_share, abs=0.007)
    assert dark.mean() == pytest.approx(B.return_share * B.dark_return_share, abs=0.005)
    assert barred.mean() == pytest.approx(B.return_share * (1 - B.barred_share), abs=0.005)
    # One draw: whoever goes in spite of it all would have gone anyway.
    assert np.all(free[dark])
    assert np.all(free[barred])
    delay = rt.return_delay_s(B, U)
    assert np.median(delay) == pytest.approx(B.return_after_s * np.sqrt(2 * np.log(2)), rel=0.02)


def test_reasons() -> None:
    apart = np.arange(N) % 2 == 0
    names = np.array(REASONS)[rt.return_reason(B, U, apart)]
    assert set(names[apart]) == {"fetching family"}
    assert set(names[~apart]) == {"guarding property", "all quiet"}


def test_the_way_home_is_the_way_out_backwards(town: City) -> None:
    walk, n = town.walk, town.nodes.x_m.size
    slope = np.ones(walk.head.size)
    back = Returns(town, slope)
    party = np.array([7, 3])
    found = back.add(party, np.array([n - 1, n - 1]), np.array([0, 5]), 0)
    assert found.all()
    for i, home in enumerate((0, 5)):
        arcs = back.arcs[back.ptr[i] : back.ptr[i + 1]]
        assert walk.tail[arcs[0]] == n - 1
        assert walk.head[arcs[-1]] == home
        assert np.array_equal(walk.head[arcs[:-1]], walk.tail[arcs[1:]])
    # At 1 m/s each arrives after as many seconds as its path is long.
    length = [float(walk.length_m[back.arcs[back.ptr[i] : back.ptr[i + 1]]].sum()) for i in (0, 1)]
    arc, offset = np.full(10, -1, np.int32), np.zeros(10, np.float64)
    node = np.full(10, n - 1, np.int32)
    streets = town.streets.length_m.size
    came: dict[int, int] = {}
    for t in range(0, 4_000_000, 10_000):
        home, at, turned = back.advance(
            t, t + 10_000, arc, offset, node, np.ones(10), np.ones(streets), np.zeros(streets))
        assert turned.size == 0
        came.update(zip(home.tolist(), at.tolist(), strict=True))
    assert came[7] == pytest.approx(1000 * length[0], abs=5)
    assert came[3] == pytest.approx(1000 * length[1], abs=5)
    assert back.party.size == back.arcs.size == 0
    assert node[7] == 0


def test_water_ahead_turns_them_round(town: City) -> None:
    back = Returns(town, np.ones(town.walk.head.size))
    back.add(np.array([1, 2]), np.array([35, 35]), np.array([0, 0]), 0)
    streets = town.streets.length_m.size
    depth = np.full(streets, 0.5)
    home, _, turned = back.advance(
        0, 10_000, np.full(3, -1, np.int32), np.zeros(3), np.full(3, 35, np.int32), np.ones(3),
        np.ones(streets), depth)
    assert home.size == 0
    assert turned.tolist() == [1, 2]
    assert back.party.size == 0


def test_returns_in_a_run(town: City, scenario: Scenario, plans: dict[str, Plan]) -> None:
    """With everybody going back soon: nobody is lost, places are given back, and a snapshot taken
    while they walk goes on the same."""
    eager = scenario.model_copy(update={
        "duration_s": 2400.0,
        "behaviour": {"return_share": 1.0, "dark_return_share": 1.0, "return_after_s": 300.0}})
    session = open_session(town, eager, plans["historical"], 1)
    session.advance(1200.0)
    assert (session.twin.world.party_place == P_RETURNING).any()
    other = session.branch().finish()
    run = session.finish()
    assert run.digest == other.digest
    codes, ledger = run.codes, run.score["ledger"]["people"]
    kinds = {k: codes[codes.kind == KIND_CODE[k]] for k in ("party_returning", "party_returned")}
    assert len(kinds["party_returned"]) > 50
    assert kinds["party_returning"].subject.is_unique  # once each
    assert sum(ledger.values()) == town.persons.household.size
    assert ledger["back inside danger zone"] > 0
    world, parties = run.twin.world, run.twin.context.parties
    assert (world.facility_load >= 0).all()
    # Whoever is counted at a meeting point is there now.
    site = run.twin.context.site
    at_meeting = world.party_place == 6
    assert world.facility_load[site.meeting.row].sum() == parties.size[at_meeting].sum()
    went = np.unique(kinds["party_returning"].subject)
    assert (world.party_left_ms[went] < NEVER).all()
    metrics = {m["name"]: m["value"] for m in run.score["metrics"]}
    assert metrics["returned_before_all_clear"] == parties.size[went].sum()


def test_returns_happen_by_default(runs: dict[str, Run]) -> None:
    assert sum((run.events.kind == "party_returned").sum() for run in runs.values()) > 0


def test_barring_the_return_needs_control_points(plans: dict[str, Plan]) -> None:
    document = plans["early-warning"].model_dump()
    document["control_points"] = []
    with pytest.raises(ValidationError, match=r"order\.bar_return"):
        Plan.model_validate(document)


def test_who_is_together_again_or_has_a_parent_in_a_care_home_fetches_nobody(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    session = open_session(town, scenario, plans["historical"], 1)
    session.advance(10.0)
    warning: Any = next(c for c in session.twin.components if c.name == "warning")
    who, w, parties = warning.who, session.twin.world, session.twin.context.parties
    number = np.bincount(who.families.household)
    two = np.flatnonzero(number[who.families.household[who.rows]] == 2)
    both = [(int(i), int(next(p for p in who.household(int(who.rows[i])) if p != who.rows[i])))
            for i in two]
    at, other = next((i, p) for i, p in both if parties.ward[p] < 0
                     and w.party_node[p] != w.party_node[who.rows[i]])
    one = np.array([at])
    assert who.separated(w, one).tolist() == [True]
    w.party_node[other] = w.party_node[who.rows[at]]
    assert who.separated(w, one).tolist() == [False]
    w.party_node[other] = parties.node[other]
    w.person_health[parties.member[parties.member_ptr[other] : parties.member_ptr[other + 1]]] = H_DEAD
    assert who.separated(w, one).tolist() == [False]
    cared = [i for i, p in both if parties.ward[p] >= 0]
    assert cared
    assert not who.separated(w, np.array(cared)).any()
