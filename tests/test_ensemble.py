"""Many runs of which one fails: the others are kept, the message names it, --resume goes on."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from engine import cli, ensemble
from engine.city import City
from engine.city_io import load_city
from engine.ensemble import Job, play_jobs
from engine.errors import InputError, RunError
from engine.fingerprint import program_hash
from engine.plan import load_plan
from engine.run import Run
from engine.scenario import Scenario, load_scenario


@pytest.fixture(scope="module")
def town() -> City:
    return load_city("testtown")


@pytest.fixture(scope="module")
def brief() -> Scenario:
    return load_scenario("testtown-tsunami", ["duration_s=60"])


def fails_in_second(run: Run) -> int:
    """Stands for a run that fails: at the top of the module, so that processes find it."""
    if run.twin.run_seed == 2:
        raise ZeroDivisionError("nobody left")
    return run.twin.run_seed


def refused_in_second(run: Run) -> int:
    if run.twin.run_seed == 2:
        raise InputError("order.delay_s: -1")
    return run.twin.run_seed


def succeeds(run: Run) -> int:
    return run.twin.run_seed


def _jobs(brief: Scenario, seeds: range) -> list[Job]:
    plan = load_plan("historical", brief)
    return [Job(plan.name, seed, brief, plan) for seed in seeds]


def _kept(folder: Path) -> set[str]:
    return {path.name for path in (folder / "replications").iterdir()}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failing_run_takes_no_other_with_it(
    workers: int, town: City, brief: Scenario, tmp_path: Path
) -> None:
    with pytest.raises(RunError) as raised:
        play_jobs(town, _jobs(brief, range(1, 5)), workers, tmp_path, extra=fails_in_second)
    said = str(raised.value)
    assert "1 of 4 runs failed" in said
    assert "historical, seed 2: ZeroDivisionError: nobody left (test_ensemble.py, line " in said
    assert "seed 1" not in said
    assert "seed 3" not in said
    assert _kept(tmp_path) == {f"historical-{seed}.json" for seed in (1, 3, 4)}


def test_wrong_input_begins_no_further_runs(town: City, brief: Scenario, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"historical, seed 2: order\.delay_s: -1"):
        play_jobs(town, _jobs(brief, range(1, 5)), 1, tmp_path, extra=refused_in_second)
    assert _kept(tmp_path) == {"historical-1.json"}


def test_wrong_input_in_processes_keeps_what_was_under_way(
    town: City, brief: Scenario, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="historical, seed 2"):
        play_jobs(town, _jobs(brief, range(1, 9)), 2, tmp_path, extra=refused_in_second)
    assert "historical-2.json" not in _kept(tmp_path)
    assert "historical-1.json" in _kept(tmp_path)


def test_many_failures_make_a_short_message(town: City, brief: Scenario) -> None:
    def fails(run: Run) -> None:
        raise ValueError("x")

    with pytest.raises(RunError) as raised:
        play_jobs(town, _jobs(brief, range(1, 9)), 1, extra=fails)
    assert "8 of 8 runs failed" in str(raised.value)
    assert "and 3 more" in str(raised.value)


@pytest.mark.parametrize("command", [
    ("compare", "--plan", "historical", "--plan", "early-warning", "--replications", "3"),
    ("worth", "--plan", "early-warning", "--layers", "street_leaders.acknowledge", "--replications", "3"),
], ids=lambda words: words[0])
def test_the_command_tells_and_resumes(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 1, one message; then only the failed run is played."""
    target, real, played = tmp_path / "study", ensemble.simulate, []

    def simulate(city: City, scenario: Scenario, plan: object, seed: int, *rest: object) -> Run:
        played.append(seed)
        if seed == 2 and len(played) > 6:
            pytest.fail("more runs than there are")
        if seed == 2 and ill and getattr(plan, "name", "") == "early-warning":
            raise RunError("parties hold 9 people, the city 10")
        return real(city, scenario, plan, seed)

    monkeypatch.setattr(ensemble, "simulate", simulate)
    words = ["anlan", command[0], "testtown-tsunami", *command[1:], "--set", "duration_s=60",
             "--out", str(target)]
    ill = True
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 1
    said = capsys.readouterr().err
    assert "anlan: 1 of 6 runs failed\n  early-warning, seed 2: parties hold 9 people" in said
    assert f"finished runs are in {target}; go on with --resume" in said
    assert "Traceback" not in said
    assert len(_kept(target)) == 5
    assert not (target / "comparison.json").exists()

    ill = False
    played.clear()
    monkeypatch.setattr(sys, "argv", [*words, "--resume", "--quiet"])
    cli.main()
    assert played == [2]
    name = {"compare": "comparison.json", "worth": "worth.json"}[command[0]]
    assert json.loads((target / name).read_text())["replications"] == 3


def test_what_was_played_with_other_files_or_another_program_is_played_anew(
    town: City, brief: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scenario's text is the same each time; what it names, or what plays it, is not."""
    place = shutil.copytree(brief.folder, tmp_path / "mine")
    scenario = load_scenario(str(place), ["duration_s=60"])
    jobs, played = _jobs(scenario, range(1, 3)), []

    def again() -> int:
        played.clear()
        play_jobs(town, jobs, 1, tmp_path / "study", each=played.append)
        return len(played)

    assert again() == 2
    assert again() == 0
    series = place / "sea_level.csv"
    series.write_text(series.read_text() + "\n")
    assert again() == 2
    assert again() == 0
    monkeypatch.setattr("engine.fingerprint.program_hash", lambda: "another version")
    assert again() == 2
    assert again() == 0


def test_the_program_is_known_by_its_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.fingerprint.__file__", str(tmp_path / "fingerprint.py"))
    (tmp_path / "part").mkdir()
    source = tmp_path / "part" / "model.py"
    source.write_text("A = 1")
    seen = [program_hash.__wrapped__()]
    source.write_text("A = 2")
    seen.append(program_hash.__wrapped__())
    source.rename(tmp_path / "part" / "other.py")
    seen.append(program_hash.__wrapped__())
    assert len(set(seen)) == 3
    (tmp_path / "part" / "notes.txt").write_text("no source")
    assert program_hash.__wrapped__() == seen[-1]
