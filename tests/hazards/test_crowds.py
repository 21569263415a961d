"""Crowds at venues inside a city's run: conserved, the same after a restore, slowed by officers."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from engine.city import City
from engine.crowd.simulate import CrowdRun
from engine.crowd.venue import load_venue
from engine.errors import InputError
from engine.events import KIND_CODE
from engine.hazards.crowds import Crowds
from engine.plan import load_plan
from engine.run import Run, open_session
from engine.scenario import Scenario, load_scenario
from engine.summary import print_run, run_facts


@pytest.fixture(scope="module")
def match() -> Scenario:
    return load_scenario("testtown-match")


def test_visitors_are_apart_from_the_city_s_people_and_none_is_lost(match_runs: dict[str, Run]) -> None:
    run = match_runs["cameras"]
    twin = run.twin
    (began,) = run.events.value[run.events.kind == "crowd_began"]
    assert began == 1500 == twin.world.venue_inside[0] + twin.world.venue_out[0]
    assert run.events.value[run.events.kind == "run_started"].iloc[0] == twin.city.persons.household.size
    crowds = next(c for c in twin.components if isinstance(c, Crowds))
    assert crowds.conserved() == ""
    crowds._runs[0].out_s[7] = np.nan
    assert "visitors" in crowds.conserved()


def test_a_restored_run_goes_on_the_same(town: City, match: Scenario) -> None:
    """Cut while officers are letting people on: the crowd's state lies in World."""
    session = open_session(town, match, load_plan("cameras", match), 1)
    session.advance(580)
    assert session.twin.world.venue_metered[0]
    other = session.branch()
    for branch in (session, other):
        branch.advance(700)
    assert session.twin.log.digest() == other.twin.log.digest()
    assert np.array_equal(session.twin.world.venue_pm2, other.twin.world.venue_pm2)


def test_everybody_goes_on_when_officers_leave(town: City, match: Scenario) -> None:
    session = open_session(town, match, load_plan("cameras", match), 1)
    session.advance(580)
    world, site = session.twin.world, session.twin.context.site
    held = int(world.venue_held[0])
    assert held > 100
    world.control_staffed[site.venue_control[0]] = False
    session.advance(600)
    (let_go,) = np.flatnonzero(session.twin.log.column("kind") == KIND_CODE["crowd_let_go"])
    assert held - 20 < session.twin.log.column("value")[let_go] <= held
    crowds = next(c for c in session.twin.components if isinstance(c, Crowds))
    assert not world.venue_metered[0]
    assert crowds._runs[0].waiting < held - 50  # at the officers' rate 24 would have gone on
    assert crowds.conserved() == ""


def test_officers_let_people_on_at_their_rate(match: Scenario) -> None:
    run = CrowdRun(load_venue(match.data_file("gate.yaml")), 1)
    for _ in range(600):
        run.step()
    before, waiting = run.now_s, run.waiting
    run.let_on(1.5)
    later = np.sort(run.start_s[run.start_s > before])
    assert later.size == waiting
    assert np.diff(later).min() >= 1 / 1.5 - 1e-9
    for _ in range(600):
        run.step()
    assert waiting - run.waiting == pytest.approx(1.5 * (run.now_s - before), abs=2)
    run.let_on(np.inf)
    now = run.now_s
    late = run.people.start_s <= now
    assert (run.start_s[late] <= now).all()
    assert np.array_equal(run.start_s[~late], run.people.start_s[~late])


def test_a_venue_that_cannot_work_is_refused_with_its_file(
    town: City, match: Scenario, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("venue")
    text = match.data_file("gate.yaml").read_text().replace("count: 750", "count: 100000")
    (folder / "gate.yaml").write_text(text)
    moved = match.model_copy()
    moved._folder = folder
    with pytest.raises(InputError, match=r"gate\.yaml: groups\.0 'south stand': no room for"):
        open_session(town, moved, load_plan("cameras", match), 1)


def test_the_run_s_summary_tells_of_the_venue(match_runs: dict[str, Run]) -> None:
    run = match_runs["cameras"]
    console = Console(width=200, record=True, file=io.StringIO())
    print_run(console, run_facts(run))
    (line,) = [text for text in console.export_text().splitlines() if text.startswith("visitors")]
    values = {metric["name"]: metric["value"] for metric in run.score["metrics"]}
    assert f"crush feared after {values['crowd_noticed']:.0f} s" in line
    assert f"inflow metered after {values['crowd_metered']:.0f} s" in line
    assert f"{values['crowd_pressed']:,.0f} person-seconds" in line
