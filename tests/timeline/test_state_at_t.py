"""Reports tell the state at their moment: who went back or home is counted there, and the figures are
those of the score's ledger and of the recorder."""

from __future__ import annotations

import numpy as np
import pytest

from engine.city import City
from engine.plan import Plan
from engine.run import Run, simulate
from engine.scenario import Scenario
from engine.timeline.names import Names
from engine.timeline.people import HOME, IN_CARE, INSIDE, OUT, flow, people_now
from engine.timeline.situation import situation
from engine.timeline.view import RunView, view_of

PLANS = ["historical", "early-warning"]


@pytest.fixture(scope="module")
def views(runs: dict[str, Run]) -> dict[str, RunView]:
    return {name: view_of(run) for name, run in runs.items()}


@pytest.mark.parametrize("plan", PLANS)
def test_the_end_is_the_ledger_of_the_score(
    plan: str, runs: dict[str, Run], views: dict[str, RunView]
) -> None:
    view, ledger = views[plan], runs[plan].score["ledger"]["people"]
    s = situation(view, Names(view), view.duration_ms)
    p = s["population"]
    assert s["shelters"]["people"] == ledger["safe at shelter"]
    for name, state in (("meeting points", "safe at meeting point"),
                        ("high ground", "safe on high ground"),
                        ("vertical refuges", "safe in vertical refuge")):
        assert p["at_places_actual"][name] == ledger[state]
    assert p["inside_actual"] + p["came_in_actual"] == sum(ledger[state] for state in INSIDE)
    assert p["at_home_actual"] + p["on_the_way_home_actual"] == sum(ledger[s] for s in HOME)
    # Some have left shelter or meeting point again, else this could not fail.
    arrived = view.rows("party_arrived")
    ever = int(view.party_size[np.unique(arrived.subject)].sum())
    assert ever > ledger["safe at meeting point"] + ledger["safe on high ground"] + ledger[
        "safe at shelter"]


@pytest.mark.parametrize("plan", PLANS)
def test_the_recorder_counts_the_same_people(
    plan: str, runs: dict[str, Run], views: dict[str, RunView]
) -> None:
    view = views[plan]
    kpis = runs[plan].kpis.set_index("t_ms")
    lifted = view.rows("all_clear")
    end = int(lifted.t_ms[0]) if lifted.row.size else view.duration_ms
    checked, began = 0, int(view.party_size[view.party_in_danger].sum())
    for t_ms in kpis.index[5:end // 60_000:5]:
        now = people_now(view, int(t_ms) + 9_999)  # the recorder looks at the end of the tick
        row = kpis.loc[t_ms]
        safe = [s for s in OUT if s.startswith("safe")]
        assert int((now.began & now.of(*safe)).sum()) == pytest.approx(row.people_safe, abs=3)
        assert now.count("dead") == row.people_dead
        # Under way back or to family the log knows no place: such people count as inside.
        inside = now.count(*INSIDE, *IN_CARE)
        assert inside == pytest.approx(row.people_at_risk, abs=0.04 * began)
        checked += 1
    assert checked >= 5


def test_who_turns_back_is_no_longer_out(views: dict[str, RunView]) -> None:
    view = views["historical"]
    back = view.rows("party_returning")
    mine = view.party_in_danger[back.subject]
    assert mine.any()
    t_ms = int(back.t_ms[mine][0])
    found = flow(view)
    # The fall is no smaller than the party, less those who came out at that very moment.
    came = view.rows("party_left_zone", "party_arrived", "party_in_refuge")
    new = int(view.party_size[np.unique(came.subject[came.t_ms == t_ms])].sum())
    turned = np.unique(back.subject[mine & (back.t_ms == t_ms)])
    size = int(view.party_size[turned].sum())
    assert found.at(t_ms) <= found.at(t_ms - 1) - size + new
    # And at every report the flow is what the ledger calls out, but for the hurt and the dead.
    for minutes in (20, 40, 60):
        now = people_now(view, minutes * 60_000)
        out = int((now.began & now.of(*OUT)).sum())
        apart = int((now.began & now.of("dead", *IN_CARE, "trapped", "in water",
                                        "cut off by water in a building")).sum())
        assert abs(found.at(minutes * 60_000) - out) <= apart


def test_groups_of_states_exclude_each_other(views: dict[str, RunView]) -> None:
    from engine.scoring.ledger import STATES

    groups = (*INSIDE, *HOME, *IN_CARE, "dead", *OUT)
    assert sorted(groups) == sorted(STATES)


def test_a_sample_of_the_households_counts_only_itself(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    part = scenario.model_copy(
        update={"population": scenario.population.model_copy(update={"share": 0.3}), "duration_s": 1800.0})
    run = simulate(town, part, plans["historical"], 1)
    now, ledger = people_now(view_of(run), 1_800_000), run.score["ledger"]["people"]
    assert now.state.size == sum(ledger.values())
    assert now.count(*INSIDE) == sum(ledger[state] for state in INSIDE)
    assert now.count("safe at meeting point") == ledger["safe at meeting point"]
