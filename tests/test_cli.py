"""The command line as a user meets it: what it prints, writes, refuses and returns."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from engine import cli
from engine.events import ENTITIES, KINDS
from engine.record import KPIS
from engine.run import Run
from engine.scoring.ledger import STATES
from tests.conftest import Anlan, in_process

BRIEF = ("--set", "duration_s=600")


def commands(app: Any = cli.app, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for command in app.registered_commands:
        yield (*above, command.name or command.callback.__name__)
    for group in app.registered_groups:
        yield from commands(group.typer_instance, (*above, group.name))


COMMANDS = sorted(commands())


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_shows_an_example(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = in_process(*command, "--help", capsys=capsys, monkeypatch=monkeypatch)
    assert code == 0
    assert err == ""
    assert f"Example: anlan {' '.join(command)}" in " ".join(out.split())


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_is_quiet_and_those_that_print_results_speak_json(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, out, _ = in_process(*command, "--help", capsys=capsys, monkeypatch=monkeypatch)
    assert "--quiet" in out
    if command[-1] in ("list", "show", "check", "demo", "run", "compare"):
        assert "--json" in out


def test_top_help_names_every_command(anlan: Anlan) -> None:
    out = anlan("--help").stdout
    for command in {command[0] for command in COMMANDS}:
        assert f"  {command} " in out
    assert "anlan demo" in out


# --- list, show, check ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        (("city", "list"), None),
        (("city", "show", "testtown"), {"name", "title", "counts", "layers", "notes"}),
        (("city", "check", "testtown"), None),
        (("scenario", "list"), None),
        (("scenario", "show", "testtown-tsunami"), {"name", "danger_zone", "behaviour"}),
        (("scenario", "check", "testtown-tsunami"), {"scenario", "city", "danger_junctions"}),
    ],
)
def test_json_parses(
    arguments: tuple[str, ...], keys: set[str] | None, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code, out, _ = in_process(*arguments, "--json", capsys=capsys, monkeypatch=monkeypatch)
    assert code == 0
    document = json.loads(out)
    if keys is None:
        assert isinstance(document, list)
    else:
        assert keys <= set(document)
    code, out, _ = in_process(*arguments, capsys=capsys, monkeypatch=monkeypatch)
    assert code == 0
    assert "testtown" in out


def test_lists_name_what_is_built_in(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = in_process("city", "list", "--json", capsys=capsys, monkeypatch=monkeypatch)
    assert {"coquimbo", "testtown"} <= set(json.loads(out))
    code, out, _ = in_process("scenario", "list", "--json", capsys=capsys, monkeypatch=monkeypatch)
    assert code == 0
    plans = {row["name"]: row["plans"] for row in json.loads(out)}
    assert plans["testtown-tsunami"] == ["historical", "early-warning"]


# --- run ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(anlan: Anlan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of the early-warning plan under seed 1, as the command writes it."""
    target = tmp_path_factory.mktemp("runs") / "a" / "run"
    done = anlan("run", "testtown-tsunami", "--plan", "early-warning", "--out", target)
    assert f"written: {target}" in done.stdout
    assert "100%" in done.stderr
    return target


def test_run_folder_is_whole(folder: Path) -> None:
    names = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    frames = {name for name in names if name.startswith("frames/")}
    assert names - frames == {
        "manifest.json", "events.parquet", "inputs.jsonl", "kpis.parquet", "score.json",
        "parties.parquet",
    }
    assert {f"frames/{n}.npz" for n in (
        "edge_speed_ratio", "party_x_m", "party_y_m", "party_state", "party_worst_health",
        "wetcell_depth_m", "sea_level_m", "unit_x_m", "unit_y_m", "unit_phase", "facility_load",
        "gauge_level_m",
    )} == frames
    assert [p.name for p in folder.parent.iterdir()] == ["run"]  # nothing temporary is left


def test_events_file(folder: Path, runs: dict[str, Run]) -> None:
    table = pq.read_table(folder / "events.parquet")
    assert {field.name: str(field.type) for field in table.schema} == {
        "event": "int64", "t_ms": "int64", "kind": "uint16", "subject_type": "uint16",
        "subject": "int64", "object_type": "uint16", "object": "int64", "value": "double",
        "cause": "int64",
    }
    frame = table.to_pandas()
    pd.testing.assert_frame_equal(frame, runs["early-warning"].codes)
    assert (frame.event == np.arange(len(frame))).all()


def test_manifest(folder: Path, runs: dict[str, Run]) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    run = runs["early-warning"]
    assert manifest["digest"] == run.digest
    assert manifest["seed"] == 1
    assert manifest["events"] == len(run.codes)
    assert manifest["tables"]["kinds"] == [kind.name for kind in KINDS]
    assert manifest["tables"]["entities"] == list(ENTITIES)
    assert manifest["city"]["hash"] == run.twin.city.content_hash
    assert manifest["scenario"]["settings"]["duration_s"] == run.twin.scenario.duration_s
    assert manifest["population_share"] == 1.0
    assert {"python", "numpy", "numba", "mesa", "simpy"} <= set(manifest["versions"])
    assert all({"layer", "status", "source"} <= set(row) for row in manifest["layers"])
    assert manifest["assumptions"]
    for row in manifest["assumptions"]:
        assert set(row) == {"parameter", "value", "unit", "source", "status"}
        assert row["source"], row
    assert len(manifest["units"]) == run.twin.context.site.units.kind.size
    for key in ("zones", "danger_zone", "start_utc", "timezone", "duration_s", "controls"):
        assert manifest[key]


def test_score_file(folder: Path, runs: dict[str, Run]) -> None:
    score = json.loads((folder / "score.json").read_text())
    assert score == json.loads(json.dumps(runs["early-warning"].score))
    assert {"schema", "score", "efficiency", "fairness", "metrics", "ledger"} == set(score)
    assert score["schema"] == 1
    for name in ("score", "efficiency", "fairness"):
        assert 0 <= score[name] <= 100
    for metric in score["metrics"]:
        assert {"name", "value", "unit", "better"} <= set(metric)
        assert metric["better"] in ("lower", "higher")
    names = [metric["name"] for metric in score["metrics"]]
    assert len(set(names)) == len(names)
    assert set(score["ledger"]) == {"people", "unfinished"}
    assert set(score["ledger"]["people"]) == set(STATES)
    assert sum(score["ledger"]["people"].values()) == 2000


def test_kpi_and_party_files(folder: Path, runs: dict[str, Run]) -> None:
    run = runs["early-warning"]
    kpis = pd.read_parquet(folder / "kpis.parquet")
    assert kpis.columns[0] == "t_ms"
    assert set(kpis.columns[1:]) == set(KPIS)
    assert (kpis.t_ms == np.arange(len(kpis)) * 60_000).all()
    assert len(kpis) == int(run.twin.scenario.duration_s // 60)
    parties = pd.read_parquet(folder / "parties.parquet")
    assert list(parties.columns) == [
        "party", "size", "zone", "municipality", "node", "in_danger_zone", "has_car", "mobility",
        "age_group", "x_m", "y_m",
    ]
    assert parties["size"].sum() == 2000


def test_frame_files(folder: Path, runs: dict[str, Run]) -> None:
    twin = runs["early-warning"].twin
    rows = {
        "edge": twin.city.edges.length_m.size, "party": twin.context.parties.count,
        "unit": twin.context.site.units.kind.size, "facility": twin.city.facilities.kind.size,
        "gauge": 1, "cell": twin.city.terrain.elev_m.size, "coarse cell": 10_000,
    }
    for path in (folder / "frames").iterdir():
        with np.load(path) as frame:
            data, index = frame["data"], frame["index"]
            assert data.dtype in (np.uint8, np.uint16), path.name
            assert data.shape == (frame["times_ms"].size, index.size), path.name
            assert (np.diff(frame["times_ms"]) == 60_000).all(), path.name
            assert index.size, path.name
            assert 0 <= index.min() <= index.max() < rows[str(frame["entity"])], path.name
            for name in ("scale", "offset", "unit"):
                assert frame[name].shape == (), path.name


def test_timeline_of_a_run_folder(folder: Path, here: Anlan) -> None:
    text = here("timeline", folder).stdout
    assert "SITUATION REPORT 2" in text
    assert "ORDER TO LEAVE" in text
    assert max(map(len, text.splitlines())) <= 100
    document = json.loads(here("timeline", folder, "--json", "--reports", "10").stdout)
    assert [row["t_s"] for row in document["reports"]] == [600]
    assert here("timeline", folder, "--quiet").stdout == ""
    assert "no such incident" in here("timeline", folder, "--incident", 9999, code=2).stderr
    assert "expected minutes" in here("timeline", folder, "--reports", "soon", code=2).stderr
    assert "not a run folder" in here("timeline", folder.parent, code=2).stderr


def test_run_of_another_process_is_the_same(
    folder: Path, runs: dict[str, Run], tmp_path: Path
) -> None:
    """This process writes the same files, but for the time it took."""
    saved = runs["early-warning"].save(tmp_path / "b")
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    assert len(files) == len([path for path in saved.rglob("*") if path.is_file()])
    for path in files:
        other = saved / path.relative_to(folder)
        if path.name == "manifest.json":
            one, two = json.loads(path.read_text()), json.loads(other.read_text())
            assert {**one, "wall_s": 0} == {**two, "wall_s": 0}
        elif path.suffix == ".npz":
            with np.load(path) as a, np.load(other) as b:
                assert a.files == b.files
                assert all(np.array_equal(a[k], b[k]) for k in a.files), path.name
        else:
            assert path.read_bytes() == other.read_bytes(), path.name


def test_quiet_json_set_and_inputs(here: Anlan, tmp_path: Path) -> None:
    quiet = here("run", "testtown-tsunami", *BRIEF, "--quiet", "--out", tmp_path / "quiet")
    assert quiet.stdout == quiet.stderr == ""
    manifest = json.loads((tmp_path / "quiet" / "manifest.json").read_text())
    assert manifest["duration_s"] == 600
    assert manifest["plan"]["name"] == "historical"  # the scenario's first
    row = {"t_s": 40.0, "kind": "decision", "what": "order"}
    (tmp_path / "inputs.jsonl").write_text(json.dumps(row) + "\n")
    spoken = here("run", "testtown-tsunami", *BRIEF, "--json", "--inputs",
                  tmp_path / "inputs.jsonl", "--out", tmp_path / "json")
    score = json.loads(spoken.stdout)
    assert score == json.loads((tmp_path / "json" / "score.json").read_text())
    assert spoken.stderr == ""
    assert json.loads((tmp_path / "json" / "inputs.jsonl").read_text()) == row
    other = json.loads((tmp_path / "json" / "manifest.json").read_text())
    assert other["digest"] != manifest["digest"]


def test_default_folder_and_running_again(here: Anlan, tmp_path: Path) -> None:
    for _ in range(2):  # an own result is replaced
        here("run", "testtown-tsunami", "--set", "duration_s=60", "--seed", 7, "--quiet",
             cwd=tmp_path)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["testtown-tsunami-historical-7"]


WRONG = [
    (("run", "testtown-tsunmi"), "did you mean 'testtown-tsunami'"),
    (("run", "testtown-tsunami", "--plan", "historcal"), "did you mean 'historical'"),
    (("run", "testtown-tsunami", "--city", "testtwn"), "did you mean 'testtown'"),
    (("run", "testtown-tsunami", "--set", "duration=5"), "did you mean 'duration_s'"),
    (("run", "testtown-tsunami", "--set", "duration_s=5"), "duration_s"),
    (("run", "testtown-tsunami", "--inputs", "none.jsonl"), "none.jsonl"),
    (("run", "testtown-tsunami", "--seed", "x"), "seed"),
    (("run", "testtown-tsunami", "--seed", "-1"), "seed"),
    (("run", "testtown-tsunami", "--seed", "99999999999999999999"), "seed"),
    (("run", "x" * 5000), "unknown scenario"),
    (("run", "testtown-tsunami", "--city", "x" * 5000), "unknown city"),
    (("run", "testtown-tsunami", "--plan", "x" * 5000), "unknown plan"),
    (("run", "testtown-tsunami", "--set", "city=testtwn"),
     "--set 'city=testtwn': city: unknown city 'testtwn', did you mean 'testtown'"),
    (("run", "testtown-tsunami", "--set", "tsunami.series=" + "x" * 400), "not found"),
    (("run", "testtown-tsunami", "--out", "/proc/x"), "/proc/x: cannot be written"),
    (("compare", "testtown-tsunami", "--plan", "historical", "--plan", "early-warning", "--out",
      "/proc/x"), "/proc/x: cannot be written"),
    (("traffic", "nowhere", "--duration", "1e300"), "--duration"),
    (("city", "build", "--name", "x", "--osm", "none.osm", "--out", "/proc/x"), "cannot be written"),
    (("scenario", "new", "b3", "--city", "testtown", "--radius-m", "20000"), "20000 m does not suit"),
    (("run", "testtown-tsunami", "--sed", "1"), "--seed"),
    (("run",), "scenario"),
    (("rum",), "rum"),
    (("compare", "testtown-tsunami", "--plan", "historical"), "two or more"),
    (("compare", "testtown-tsunami", "--plan", "historical", "--plan", "historical"), "different"),
    (("compare", "testtown-tsunami", "--plan", "historical", "--plan", "early-warnin"),
     "did you mean 'early-warning'"),
    (("compare", "testtown-tsunami", "--plan", "a", "--replications", "0"), "replications"),
    (("hindcast", "testtown-tsunami"), "no hindcast of a recorded event"),
    (("hindcast", "--run", "nowhere"), "not a run folder"),
    (("worth", "testtown-tsunami", "--plan", "early-warning", "--layers", "chanels"),
     "did you mean 'channels'"),
    (("city", "show", "nowhere"), "unknown city"),
    (("city", "check", "/nowhere/at/all"), "no such city folder"),
    (("scenario", "show", "nothing"), "unknown scenario"),
    (("scenario", "check", "nothing.yaml"), "unknown scenario"),
    (("replay", "nowhere"), "nowhere"),
    (("report", "nowhere"), "nowhere"),
    (("replay", "nowhere", "--lang", "fr"), "en and zh"),
    (("traffic", "nowhere"), "nowhere"),
    (("crowd", "nowhere.yaml"), "nowhere.yaml"),
    (("traffic", "nowhere", "--routing", "best"), "static and dynamic"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG, ids=lambda part: " ".join(part)[:60]
                         if isinstance(part, tuple) else None)
def test_wrong_input(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = in_process(*arguments, capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2, (out, err)
    assert words in err
    assert err.startswith("anlan: ")
    assert err.count("\n") <= 2  # one message
    assert out == ""
    assert list(tmp_path.iterdir()) == []  # nothing was run and nothing was written


def test_wrong_input_in_another_process(anlan: Anlan, here: Anlan, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: x\nduration_s: [\n")
    for call, arguments in ((anlan, ("run", bad)), (here, ("scenario", "check", bad))):
        done = call(*arguments, code=2)
        assert "bad.yaml:" in done.stderr
        assert done.stdout == ""


@pytest.mark.parametrize("arguments", [
    ("city", "list"), ("city", "show", "testtown"), ("city", "check", "testtown"),
    ("scenario", "list"), ("scenario", "show", "testtown-tsunami"),
    ("scenario", "check", "testtown-tsunami"),
], ids=" ".join)
def test_quiet_prints_nothing(arguments: tuple[str, ...], here: Anlan) -> None:
    assert here(*arguments, "--quiet").stdout == ""


def test_city_without_defects_says_so(here: Anlan) -> None:
    assert here("city", "check", "testtown").stdout == "testtown: in order, no defects\n"


def test_another_plan_file_keeps_the_baseline(here: Anlan, tmp_path: Path, scenario: Any) -> None:
    """A copied plan keeps its `name:`; its run, and one with other settings, get own folders."""
    brief = ("--set", "duration_s=60")
    here("run", "testtown-tsunami", *brief, "--quiet", cwd=tmp_path)
    base = tmp_path / "out" / "testtown-tsunami-historical-1"
    before = (base / "manifest.json").read_bytes()
    text = (scenario.folder / "historical.yaml").read_text()
    mine = tmp_path / "my-plan.yaml"
    mine.write_text(text.replace("delay_s: 30", "delay_s: 10"))
    here("run", "testtown-tsunami", *brief, "--plan", mine)
    told = here("run", "testtown-tsunami", "--set", "duration_s=120").stdout
    assert "testtown-tsunami-historical-1-2" in told
    assert "holds a run with another scenario: kept" in told
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "testtown-tsunami-historical-1", "testtown-tsunami-historical-1-2",
        "testtown-tsunami-my-plan-1"]
    assert (base / "manifest.json").read_bytes() == before
    named = here("run", "testtown-tsunami", *brief, "--plan", mine, "--out", base).stdout
    assert "(replaces a run with another plan)" in named
    err = here("compare", "testtown-tsunami", "--plan", "historical", "--plan", mine, code=2).stderr
    assert f"--plan historical and --plan {mine} both have the name 'historical'" in err
    assert "'name:'" in err


def test_replay_in_another_city_is_refused(folder: Path, here: Anlan) -> None:
    for command in ("replay", "report", "timeline"):
        err = here(command, folder, "--city", "coquimbo", code=2).stderr
        assert "is a run of city 'testtown', not of 'coquimbo'" in err


def test_a_sample_is_labelled(here: Anlan, tmp_path: Path) -> None:
    out = here("run", "testtown-tsunami", "--set", "duration_s=60", "--set", "population.share=0.5",
               "--out", tmp_path / "r").stdout
    assert "SAMPLE of 0.5 of the households" in out


def test_a_plan_is_checked_with_its_scenario(here: Anlan, tmp_path: Path, scenario: Any) -> None:
    text = (scenario.folder / "historical.yaml").read_text()
    mine = tmp_path / "my-plan.yaml"
    mine.write_text(text.replace("below_m: 15", "municipality: Southprt"))
    err = here("scenario", "check", mine, code=2).stderr
    assert "is a plan, not a scenario" in err
    err = here("scenario", "check", "testtown-tsunami", "--plan", mine, code=2).stderr
    assert f"{mine}:10: order.zones.0: unknown municipality 'Southprt', did you mean" in err
    mine.write_text(text)
    assert "in order" in here("scenario", "check", "testtown-tsunami", "--plan", mine).stdout
    short = here("scenario", "check", "testtown-tsunami", "--plan", mine, "--set", "duration_s=100").stdout
    assert "lies past the end (100 s)" in short


@pytest.mark.parametrize("wait", [0.15, 0.4, 0.7])
def test_stopped_while_it_loads(
    wait: float, child_environment: dict[str, str], tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "engine.entry", "run", "testtown-tsunami", "--out", "r"],
        env=child_environment, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    time.sleep(wait)
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert "engine" not in err  # no traceback through the project's modules
    # Before the first line of the project Python answers for itself, with 1.
    assert process.returncode in ((1, -signal.SIGINT) if "Traceback" in err else (130, -signal.SIGINT))
    assert list(tmp_path.iterdir()) == []


def test_stopped_comparison_with_workers(
    child_environment: dict[str, str], tmp_path: Path
) -> None:
    """Ctrl-C reaches the whole group; no worker may answer it with a traceback."""
    process = subprocess.Popen(
        [sys.executable, "-m", "engine.entry", "compare", "testtown-tsunami", "--plan",
         "historical", "--plan", "early-warning", "--replications", "20", "--workers", "2",
         "--out", "c"],
        env=child_environment, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    begun = time.monotonic()
    while not list(tmp_path.glob("c*")) and time.monotonic() - begun < 120:
        time.sleep(0.1)
    time.sleep(1.0)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert "Traceback" not in err
    assert process.returncode == 130
    assert not (tmp_path / "c" / "comparison.json").exists()


@pytest.mark.parametrize("command", ["run", "compare"])
def test_foreign_folder_is_left_alone(command: str, here: Anlan, tmp_path: Path) -> None:
    target = tmp_path / "letters"
    target.mkdir()
    (target / "dear.txt").write_text("keep me")
    for name in ("manifest.json", "comparison.json"):  # a name alone does not make a folder ours
        (target / name).write_text('{"name": "a web application"}')
    plans = ("--plan", "historical") + (("--plan", "early-warning") if command == "compare" else ())
    done = here(command, "testtown-tsunami", *plans, "--set", "duration_s=60", "--out", target,
                 code=2)
    assert "left alone" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["letters"]
    assert (target / "dear.txt").read_text() == "keep me"


def test_place_that_cannot_be_written(here: Anlan, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = here("run", "testtown-tsunami", "--set", "duration_s=60", "--out",
                 tmp_path / "file" / "run", code=2)
    assert "cannot be written" in done.stderr or "not a folder" in done.stderr
    assert (tmp_path / "file").read_text() == ""


def test_stopped_run_leaves_nothing_half_written(
    child_environment: dict[str, str], tmp_path: Path
) -> None:
    target = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "engine.cli", "run", "testtown-tsunami", "--set",
         "duration_s=200000", "--out", str(target)],
        env=child_environment, stderr=subprocess.PIPE, text=True,
        # A background job starts with Ctrl-C ignored; the child must hear it wherever tests run.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    time.sleep(4.0)
    if process.poll() is None:
        os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert process.returncode in (0, 130)
    # Ctrl-C may also come when all is written: the folder is whole or is not there.
    assert (target / "score.json").is_file() == target.exists()
    assert target.exists() or process.returncode == 130
    assert {p.name for p in tmp_path.iterdir()} <= {"run"}


# --- hindcast -----------------------------------------------------------------------------------


def test_hindcast_over_seeds(here: Anlan, tmp_path: Path, scenario: Any) -> None:
    """Median and range over seeds beside the record, and again without playing from --out."""
    shutil.copytree(scenario.folder, tmp_path / "event")
    (tmp_path / "event" / "observed.csv").write_text(
        "label,measure,of,unit,digits,observed,low,high,p95_high,target,source,remark\n"
        "Deaths,deaths,,people,0,4,0,,,0 or more,a register,partial\n"
    )
    command = ("hindcast", tmp_path / "event", "--seeds", 2, *BRIEF, "--out", tmp_path / "out")
    rows = json.loads(here(*command, "--json").stdout)
    assert [row["runs"] for row in rows] == [2]
    assert json.loads((tmp_path / "out" / "hindcast.json").read_text())["figures"] == rows
    text = here(*command, "--resume").stdout
    assert "1 of 1 figures within their target" in text
    assert "a register. partial" in text
    # Another table asks other questions: what was kept does not answer them.
    table = tmp_path / "event" / "observed.csv"
    table.write_text(table.read_text().replace("Deaths", "The dead"))
    assert json.loads(here(*command, "--resume", "--json").stdout)[0]["label"] == "The dead"


# --- worth --------------------------------------------------------------------------------------


def test_worth_of_levers(here: Anlan, tmp_path: Path) -> None:
    command = ("worth", "testtown-tsunami", "--plan", "early-warning", "--layers",
               "street_leaders,hospitals.rule", "--whole", "--replications", 2, *BRIEF,
               "--out", tmp_path / "w")
    listed = json.loads(here(*command, "--list", "--json").stdout)
    assert [row["lever"] for row in listed] == ["street_leaders", "hospitals.rule"]
    assert not (tmp_path / "w").exists()
    result = json.loads(here(*command, "--json").stdout)
    assert [row["lever"] for row in result["levers"]] == ["street_leaders", "hospitals.rule"]
    kept = tmp_path / "w" / "replications" / "early-warning-1.json"
    stamp = kept.stat().st_mtime_ns
    text = here(*command, "--resume").stdout
    # Nobody is in a hospital within ten minutes: the rule has nothing to act on.
    assert "Not one event changes in any seed without: hospitals.rule" in " ".join(text.split())
    assert max(map(len, text.splitlines()[:-1])) <= 100
    assert kept.stat().st_mtime_ns == stamp
    assert json.loads((tmp_path / "w" / "worth.json").read_text()) == result


# --- compare ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("comparison") / "c"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [
            "anlan", "compare", "testtown-tsunami", "--plan", "historical", "--plan",
            "early-warning", "--replications", "2", *BRIEF, "--out", str(target), "--quiet"])
        cli.main()
    return target


def test_comparison_file(comparison: Path) -> None:
    document = json.loads((comparison / "comparison.json").read_text())
    assert document["plans"] == ["historical", "early-warning"]
    assert document["replications"] == 2
    assert document["about"]["title"].startswith("Earthquake and tsunami at the test town")
    assert document["about"]["seeds"] == [1, 2]
    assert set(document["probability_best"]) == set(document["plans"])
    assert sum(document["probability_best"].values()) == pytest.approx(1.0)
    for metric in document["metrics"]:
        assert set(metric["plans"]) == set(document["plans"])
        assert set(metric["differences"]) == {"early-warning"}
        difference = metric["differences"]["early-warning"]
        assert difference["verdict"] in ("better", "worse", "no difference shown", None)
    assert {p.name for p in (comparison / "replications").iterdir()} == {
        f"{plan}-{seed}.json" for plan in document["plans"] for seed in (1, 2)}


def test_workers_do_not_change_a_byte(comparison: Path, anlan: Anlan, tmp_path: Path) -> None:
    """This process alone, and two workers of another one."""
    anlan("compare", "testtown-tsunami", "--plan", "historical", "--plan", "early-warning",
          "--replications", 2, "--workers", 2, *BRIEF, "--out", tmp_path / "c", "--quiet")
    one, two = ((folder / "comparison.json").read_bytes() for folder in (comparison, tmp_path / "c"))
    assert one == two


def test_resume_keeps_what_is_finished(comparison: Path, here: Anlan) -> None:
    before = (comparison / "comparison.json").read_bytes()
    kept = comparison / "replications" / "historical-1.json"
    lost = comparison / "replications" / "early-warning-2.json"
    spoilt = comparison / "replications" / "early-warning-1.json"
    stamp, content = kept.stat().st_mtime_ns, lost.read_bytes()
    lost.unlink()
    spoilt.write_text("{")
    (comparison / "comparison.json").unlink()
    done = here("compare", "testtown-tsunami", "--plan", "historical", "--plan", "early-warning",
                 "--replications", 2, *BRIEF, "--out", comparison, "--resume", "--json")
    assert kept.stat().st_mtime_ns == stamp
    assert lost.read_bytes() == content
    assert (comparison / "comparison.json").read_bytes() == before
    assert json.loads(done.stdout) == json.loads(before)


def test_resume_does_not_mix_scenarios(comparison: Path, here: Anlan, tmp_path: Path) -> None:
    """A finished replication of other inputs is computed anew."""
    import shutil

    target = shutil.copytree(comparison, tmp_path / "c")
    stamp = (target / "replications" / "historical-1.json").stat().st_mtime_ns
    here("compare", "testtown-tsunami", "--plan", "historical", "--plan", "early-warning",
          "--set", "duration_s=120", "--out", target, "--resume", "--quiet")
    assert (target / "replications" / "historical-1.json").stat().st_mtime_ns != stamp
    document = json.loads((target / "comparison.json").read_text())
    assert document["replications"] == 1
