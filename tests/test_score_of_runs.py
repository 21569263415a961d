"""Scores of whole runs agree with the ledger and with the plan that was played."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from engine.assumptions import assumption_card
from engine.events import KIND_CODE
from engine.run import Run
from engine.runfolder import score_context
from engine.scoring.ledger import STATES
from engine.scoring.record import Record, read
from engine.scoring.relief import in_need
from engine.summary import print_run, run_facts


def record(run: Run) -> Record:
    return read(run.twin.city, run.twin.log, score_context(run.twin))


def test_relief_at_the_end_is_that_of_the_ledger(
    runs: dict[str, Run], assisted_run: Run, quake_runs: dict[str, Run]
) -> None:
    """Stays end where the ledger, which knows nothing of them, puts everybody."""
    seen = set()
    for run in (*runs.values(), assisted_run, *quake_runs.values()):
        r = record(run)
        need, places = in_need(r)
        end_ms, state = r.context.duration_ms, r.ledger.state
        counted = np.bincount(need[0][need[2] == end_ms], minlength=state.size)
        assert counted.max() <= 1
        covered = np.bincount(places[0][places[2] == end_ms], minlength=state.size)
        for place in ("safe at shelter", "safe at meeting point"):
            there = state == STATES.index(place)
            seen |= {place} if there.any() else set()
            assert counted[there].all()
        lost = np.isin(r.city.person_building, r.log.rows("building_damaged").where(
            r.log.rows("building_damaged").value >= 3).subject)
        # Whoever else needs relief has lost the home, and who needs a covered place and is in no shelter.
        in_shelter = state == STATES.index("safe at shelter")
        waits = state == STATES.index("safe at meeting point")
        waits |= (state == STATES.index("safe on high ground")) & np.isin(
            r.people.party, r.log.rows("party_no_place").subject)
        assert not (counted.astype(bool) & ~in_shelter & ~waits & ~lost).any()
        assert (covered.astype(bool) == (in_shelter | (counted.astype(bool) & lost))).all()
        # At no moment is a person counted twice.
        for person, since, until in (need, places):
            order = np.lexsort((since, person))
            same = person[order][1:] == person[order][:-1]
            assert (since[order][1:] >= until[order][:-1])[same].all()
    assert "safe at shelter" in seen


def test_scoring_is_told_the_volunteers_of_the_plan(runs: dict[str, Run], assisted_run: Run) -> None:
    context = score_context(runs["early-warning"].twin)
    assert context.leader_ms == 900_000  # a block of 15 households at 60 an hour
    metrics = {m["name"]: m for m in runs["early-warning"].score["metrics"]}
    hours = metrics["volunteer_hours"]["by_group"]["volunteers"]
    codes = runs["early-warning"].codes
    begun, over = (codes[codes.kind == KIND_CODE[kind]] for kind in ("doors_started", "doors_ended"))
    assert begun.value.sum() == over.value.sum() == 4
    out_ms = (over.t_ms * over.value).sum() - (begun.t_ms * begun.value).sum()
    assert hours["door-to-door teams"] == pytest.approx(2 * out_ms / 3_600_000)
    assert out_ms > 0
    assert hours["street leaders"] > 0
    # The assisted plan's teams are police: their hours are staff-hours.
    metrics = {m["name"]: m for m in assisted_run.score["metrics"]}
    assert metrics["volunteer_hours"]["value"] == 0
    assert metrics["staff_hours"]["by_group"]["unit_kind"]["police"] > 0


def test_the_terminal_says_what_relief_is_counted(runs: dict[str, Run]) -> None:
    run = runs["early-warning"]
    console = Console(width=400, record=True, file=io.StringIO())
    print_run(console, run_facts(run))
    text = console.export_text()
    metrics = {m["name"]: m for m in run.score["metrics"]}
    assert "chronically ill" not in text
    drugs = metrics["relief_medicines"]["value"]
    assert f"blood-pressure medicines for {drugs:,.0f} people" in text
    minutes = metrics["relief_peak_after"]["value"] / 60
    assert f"at most {metrics['relief_people']['value']:,} people, at T+{minutes:.0f} min" in text
    women = metrics["relief_people"]["by_group"]["sex"]["women"]
    assert f"(expected {women:,.0f} women, " in text


def test_the_terminal_says_how_many_found_no_place_at_a_meeting_point(
    runs: dict[str, Run], assisted_run: Run
) -> None:
    for run, told in ((assisted_run, True), (runs["historical"], False)):
        console = Console(width=400, record=True, file=io.StringIO())
        print_run(console, run_facts(run))
        (number,) = [m["value"] for m in run.score["metrics"] if m["name"] == "no_place_at_meeting_point"]
        assert (number > 0) == told
        line = f"{number:,} people found a meeting point shut or full"
        assert (line in console.export_text()) == told


def test_the_assumptions_of_the_score_stand_on_the_card(runs: dict[str, Run]) -> None:
    rows = {row["parameter"]: row for row in assumption_card(runs["historical"].twin)}
    assert rows["score: volunteers in a door-to-door team"]["value"] == 2
    assert rows["score: relief: water"]["value"] == 15.0
    assert rows["score: relief: women on drugs for each man of the same age"]["status"] == "assumption"
