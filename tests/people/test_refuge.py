"""Water at the door: who wades, and what a building is worth as a refuge."""

from __future__ import annotations

import numpy as np

from engine.city import STRUCTURES, City
from engine.people import refuge
from engine.plan import Plan
from engine.run import Run, simulate
from engine.scenario import Scenario


def test_wading_follows_the_stability_limits() -> None:
    depth, flow = [0.45, 0.45, 0.55, 1.25, 0.3, 0.2], [0.2, 1.0, 0.1, 0.0, 1.9, 3.1]
    strong = refuge.cannot_wade(depth, flow, np.zeros(6, bool))
    weak = refuge.cannot_wade(depth, flow, np.ones(6, bool))
    assert strong.tolist() == [False, False, False, True, False, True]
    assert weak.tolist() == [False, True, True, True, True, True]
    assert not refuge.cannot_wade([0.0], [9.0], [True]).any()  # dry


def test_height_and_strength_of_a_building() -> None:
    got = refuge.refuge_height_m([1, 2, 5, 3], [True, True, True, False])
    assert np.allclose(got, [0.9, 2.9, 11.0, 0.0])
    names = ("CL-W", "W1", "CL-ADO", "CL-MCF", "URML", "RM1L", "CL-SWM", "C1L", "S1L")
    rows = [STRUCTURES.index(name) for name in names]
    assert refuge.holds_m(rows).tolist() == [1.6, 1.6, 2.3, 2.3, 2.3, 2.3, 5.4, 5.4, 5.4]


def test_a_child_or_a_slow_member_makes_the_party_weak(town: City) -> None:
    persons = town.persons
    party = np.arange(persons.age_group.size)
    weak = refuge.weak_parties(town, party, party.size)
    assert np.array_equal(weak, (persons.age_group <= 1) | (persons.mobility > 0))


def test_nobody_sets_out_into_water_too_deep_for_them(runs: dict[str, Run]) -> None:
    """Every departure on foot from a building starts where the party can wade; whoever is cut off
    comes out only when the water has fallen."""
    for run in runs.values():
        events = run.codes
        kinds = run.events.kind
        held: set[int] = set()
        for kind, party, value in zip(kinds, events.subject, events.value, strict=True):
            if kind == "party_sheltered":
                assert party not in held
                held.add(party)
            elif kind == "party_released":
                held.remove(party)
                assert value <= 0.3
            elif kind == "party_departed":
                assert party not in held
        assert (kinds == "party_sheltered").sum() >= 3


def test_cut_off_people_are_in_the_ledger_with_a_reason(runs: dict[str, Run]) -> None:
    """At a moment when the water stands, people upstairs are a state of their own."""
    from engine.run import open_session

    twin = runs["historical"].twin
    sheltered = runs["historical"].events.query("kind == 'party_sheltered'")
    at_s = float(sheltered.t_ms.iloc[len(sheltered) // 2]) / 1000.0 + 20.0
    scenario = twin.scenario.model_copy(update={"duration_s": at_s})
    cut_short = open_session(twin.full_city, scenario, twin.plan, 1).finish().score["ledger"]
    assert cut_short["people"]["cut off by water in a building"] > 0
    reasons = cut_short["unfinished"]
    assert reasons.get("upstairs above water", 0) + reasons.get("cut off on one floor", 0) == (
        cut_short["people"]["cut off by water in a building"])
    assert sum(cut_short["people"].values()) == twin.city.persons.household.size


def test_drivers_who_stand_too_long_leave_the_car(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    """Everybody drives at once: whoever is stuck longer than patience lasts walks on."""
    rush = scenario.model_copy(update={"duration_s": 900.0, "behaviour": {
        "car_share": 1.0, "car_near_share": 1.0, "prepare_felt_s": 1.0, "prepare_order_s": 1.0,
        "car_patience_s": 20.0}})
    run = simulate(town, rush, plans["historical"], 1)
    left = run.events.query("kind == 'party_mode_changed'")
    assert len(left) > 0
    departed = set(run.events.query("kind == 'party_departed'").subject)
    assert set(left.subject) <= departed
