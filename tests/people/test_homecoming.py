"""Going home after the all-clear: who may, when, and that nobody is lost on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from engine.city import City
from engine.errors import InputError
from engine.events import KIND_CODE, REASONS
from engine.plan import Plan
from engine.run import Run, open_session
from engine.scenario import Scenario
from engine.scoring.ledger import FIRST_UNFINISHED, STATES
from engine.site import build_site
from engine.world import P_RETURNING, P_STAYING


def clear_of(plan: Plan, **keys: Any) -> Plan:
    document = plan.model_dump()
    document["all_clear"] = {**document["all_clear"], **keys}
    return Plan.model_validate(document)


def rows(run: Run, kind: str) -> Any:
    return run.codes[run.codes.kind == KIND_CODE[kind]]


def test_the_committee_confirms_and_the_hour_counts(runs: dict[str, Run]) -> None:
    """SHOA cancels first, the committee takes its four minutes, and not before 20:51."""
    run = runs["early-warning"]
    (cancelled,), (clear,) = rows(run, "alert_cancelled").t_ms, rows(run, "all_clear").t_ms
    assert clear >= cancelled + 240_000
    assert clear >= (20.85 - (19 + 54 / 60)) * 3_600_000 - 1


def test_zones_open_by_phase_and_stay_closed_with_reason(runs: dict[str, Run]) -> None:
    run = runs["early-warning"]
    clear = int(rows(run, "all_clear").t_ms.iloc[0])
    opened = rows(run, "return_opened")
    assert set(opened.t_ms - clear) == {0, 300_000, 600_000}
    held = rows(run, "return_held")
    assert {REASONS[code] for code in held.object} == {"buildings destroyed"}
    assert not set(held.subject) & set(opened.subject)
    # Nobody goes to a closed zone, or before its opening.
    begin = dict(zip(opened.subject, opened.t_ms, strict=True))
    going = rows(run, "party_going_home")
    assert len(going) > 20
    assert all(t >= begin[zone] for t, zone in zip(going.t_ms, going.object, strict=True))


def test_nobody_is_lost_on_the_way(runs: dict[str, Run]) -> None:
    for run in runs.values():
        going, home = rows(run, "party_going_home"), rows(run, "party_home")
        assert going.subject.is_unique
        assert set(home.subject) <= set(going.subject)
        assert (home.value >= 0).all()
        world, parties = run.twin.world, run.twin.context.parties
        still = np.setdiff1d(going.subject, home.subject)
        assert np.isin(world.party_place[still], (P_RETURNING, P_STAYING, 2)).mean() > 0.9
        people = run.score["ledger"]["people"]
        assert sum(people.values()) == parties.of_person.size
        assert sum(run.score["ledger"]["unfinished"].values()) == sum(
            people[name] for name in STATES[FIRST_UNFINISHED:])
        assert people["safe at home after the all-clear"] > 0
        assert (world.facility_load >= 0).all()
        assert (world.refuge_load >= 0).all()


def test_everybody_is_home_in_the_end(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    """A quiet sea and time enough: whoever went is home; a destroyed home keeps its people away."""
    document = scenario.model_dump(exclude_unset=True)
    document["tsunami"]["factor"] = 0.05
    document["duration_s"] = 9000.0
    document["behaviour"] = {"home_after_s": 300.0}
    long = Scenario.model_validate(document)
    long._folder = scenario.folder
    plan = clear_of(plans["historical"], earliest_s=2400.0)
    session = open_session(town, long, plan, 1)
    session.advance(4200.0)
    assert (session.twin.world.party_place == P_RETURNING).any()
    branch = session.branch().finish()
    run = session.finish()
    assert run.digest == branch.digest
    going, home = rows(run, "party_going_home"), rows(run, "party_home")
    hurt = run.twin.world.person_health >= 3
    stuck = np.unique(run.twin.context.parties.of_person[hurt | run.twin.world.person_trapped])
    away = rows(run, "party_stays_away")
    assert {REASONS[code] for code in away.object} == {"home not habitable", "no route"}
    blocked = away.subject[away.object == REASONS.index("no route")]
    missing = np.setdiff1d(np.setdiff1d(going.subject, home.subject), stuck)
    assert set(missing) == set(blocked)  # rubble fills the street
    assert len(home) > 10 * len(blocked)
    away = away[away.object == REASONS.index("home not habitable")]
    building = town.households.building[
        town.persons.household[run.twin.context.parties.first[away.subject]]]
    assert (run.twin.world.building_damage[building] >= 3).all()


def test_refused(town: City, scenario: Scenario, plans: dict[str, Plan]) -> None:
    with pytest.raises(ValidationError, match="committee needs confirmation_s"):
        clear_of(plans["historical"], authority="committee")
    for phases, message in (
        ([{"name": "A", "below_m": 0.5}], r"return_phases\.0: 'A' holds no junction"),
        ([{"name": "A", "below_m": 15}, {"name": "A", "below_m": 30}], "earlier phase"),
        ([{"name": "A", "below_m": 15}, {"name": "B", "below_m": 10}], r"return_phases\.1: 'B' holds"),
    ):
        with pytest.raises(InputError, match=message):
            build_site(town, scenario, clear_of(plans["historical"], return_phases=phases))
