"""Every state change has a history that ends outside the city, and nobody is lost."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.city import City
from engine.events import KIND_CODE, KINDS, chain
from engine.plan import Plan
from engine.run import Run, simulate
from engine.scenario import Scenario

ORIGINS = {"run_started", "earthquake", "input_applied", "rumour_started"}


@pytest.fixture(scope="module", params=["historical", "early-warning", "with inputs"])
def run(request: pytest.FixtureRequest, runs: dict[str, Run], run_with_inputs: Run) -> Run:
    return run_with_inputs if request.param == "with inputs" else runs[request.param]


def kinds_of(run: Run, rows: list[int]) -> list[str]:
    return [KINDS[code].name for code in run.codes.kind.to_numpy()[rows]]


def test_every_chain_ends_outside(run: Run) -> None:
    """Follow all causes at once: each row takes its cause's origin."""
    cause = run.codes.cause.to_numpy()
    origin = np.arange(cause.size)
    for row in np.flatnonzero(cause >= 0):
        origin[row] = origin[cause[row]]
    ends = {KINDS[code].name for code in run.codes.kind.to_numpy()[np.unique(origin)]}
    assert ends <= ORIGINS
    assert {"run_started", "earthquake"} <= ends


@pytest.mark.parametrize(
    ("kind", "through"),
    [
        ("party_arrived", {"party_departed", "party_decided", "party_alerted"}),
        ("party_left_zone", {"party_departed", "party_decided"}),
        ("person_rescued", {"unit_arrived", "unit_dispatched", "call_answered", "incident_opened"}),
        ("person_treated", {"unit_arrived", "unit_dispatched", "call_answered"}),
        ("person_admitted", {"transport_started", "unit_dispatched"}),
        ("call_answered", {"call_made", "incident_opened"}),
        ("unit_arrived", {"unit_departed", "unit_dispatched"}),
        ("channel_started", {"order_issued", "order_decided"}),
        ("party_out_of_water", {"party_in_water"}),
    ],
)
def test_history_passes_through(kind: str, through: set[str], run: Run) -> None:
    rows = run.codes.index[run.codes.kind == KIND_CODE[kind]]
    for row in rows:
        steps = kinds_of(run, chain(run.codes, int(row)))
        assert steps[0] == kind
        assert steps[-1] in ORIGINS
        if "self_referred" in steps:  # reached hospital without a call or a unit
            assert kind in ("person_treated", "person_admitted")
            continue
        if "party_going_home" in steps:  # the order is over: the way home begins with its end
            continue
        if kind == "party_left_zone" and steps[1] == "party_on_road":  # was driving out of it already
            continue
        assert through <= set(steps), f"{kind} {row}: {' < '.join(steps)}"


def test_histories_exist_at_all(runs: dict[str, Run]) -> None:
    """The test above proves nothing about kinds that do not occur."""
    for kind in ("party_arrived", "person_rescued", "person_treated", "call_answered"):
        for run in runs.values():
            assert (run.codes.kind == KIND_CODE[kind]).any(), kind


def test_death_and_injury_name_what_did_it(run: Run) -> None:
    events = run.events
    for row in events.index[events.kind.isin(["person_died", "person_hurt"])]:
        steps = set(kinds_of(run, chain(run.codes, int(row))))
        by = int(events.object[row])
        if by == 1:  # shaking
            assert "zone_shaken" in steps
        if by == 2:  # tsunami
            assert steps & {"zone_flooded", "party_in_water", "person_swept", "sea_disturbed"}
        assert by > 0


def test_why_shows_the_chain(run: Run) -> None:
    row = int(run.codes.index[run.codes.kind == KIND_CODE["party_arrived"]][0])
    table = run.why(row)
    assert list(table.event) == chain(run.codes, row)
    assert table.kind.iloc[0] == "party_arrived"


def test_a_person_dies_and_a_party_departs_once(run: Run) -> None:
    for kind in ("person_died", "party_placed", "party_formed", "person_rescued"):
        subject = run.codes.subject[run.codes.kind == KIND_CODE[kind]]
        assert subject.is_unique, kind
    # A party departs once, and once more only after it has gone back home.
    codes = run.codes
    times = codes.subject[codes.kind == KIND_CODE["party_departed"]].value_counts()
    home = (KIND_CODE["party_returned"], KIND_CODE["party_home"])
    back = codes.subject[codes.kind.isin(home)].value_counts()
    more = times[times > 1]
    assert (back.reindex(more.index).fillna(0) >= more - 1).all()


def test_log_and_world_agree(run: Run) -> None:
    codes, world = run.codes, run.twin.world
    dead = np.unique(codes.subject[codes.kind == KIND_CODE["person_died"]])
    assert np.array_equal(dead, np.flatnonzero(world.person_health == 4))
    arrived = codes.subject[codes.kind == KIND_CODE["party_arrived"]]
    assert (world.party_trip_event[arrived.to_numpy()] >= 0).all()
    last = run.kpis.iloc[-1]
    assert last.people_dead == dead.size


def people_add_up(run: Run) -> None:
    people = run.twin.city.persons.household.size
    ledger = run.score["ledger"]
    assert sum(ledger["people"].values()) == people
    assert all(count >= 0 for count in ledger["people"].values())
    from engine.scoring.ledger import FIRST_UNFINISHED, STATES

    unfinished = sum(ledger["people"][name] for name in STATES[FIRST_UNFINISHED:])
    assert sum(ledger["unfinished"].values()) == unfinished
    assert "none" not in ledger["unfinished"]
    formed = run.codes.kind == KIND_CODE["party_formed"]
    assert np.array_equal(np.sort(run.codes.subject[formed]), np.arange(people))
    sizes = run.twin.context.parties.size
    assert sizes.sum() == people
    dead = int((run.codes.kind == KIND_CODE["person_died"]).sum())
    assert ledger["people"]["dead"] == dead


def test_people_add_up(run: Run) -> None:
    people_add_up(run)


@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("plan", ["historical", "early-warning"])
def test_people_add_up_under_other_seeds(
    seed: int, plan: str, town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    people_add_up(simulate(town, scenario, plans[plan], seed))


@settings(max_examples=6, deadline=None, derandomize=True, database=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    share=st.floats(0.02, 0.6), minutes=st.integers(1, 40), seed=st.integers(0, 2**31),
    plan=st.sampled_from(["historical", "early-warning"]),
)
def test_people_add_up_in_any_run(
    share: float, minutes: int, seed: int, plan: str, town: City,
    short: Callable[..., Scenario], plans: dict[str, Plan],
) -> None:
    brief = short(duration_s=60.0 * minutes, population={"share": share})
    run = simulate(town, brief, plans[plan], seed)
    people_add_up(run)
    assert run.twin.city.persons.household.size < town.persons.household.size
