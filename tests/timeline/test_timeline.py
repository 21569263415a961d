"""The timeline tells what the log holds: nothing twice, nothing left out, nothing that command
could not know among what was reported."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.errors import InputError
from engine.events import KIND_CODE, KINDS
from engine.run import Run
from engine.timeline.entries import SILENT, entries
from engine.timeline.forces import DUTIES
from engine.timeline.incident import incident_story, story_lines
from engine.timeline.names import Names, listed
from engine.timeline.report import WIDTH, report_lines
from engine.timeline.situation import situation
from engine.timeline.tell import report_times, timeline_document, timeline_lines
from engine.timeline.view import RunView, elapsed, load_view, view_of


@pytest.fixture(scope="module")
def views(runs: dict[str, Run], quake_runs: dict[str, Run]) -> dict[str, RunView]:
    both = {**runs, **{f"quake-{name}": run for name, run in quake_runs.items()}}
    return {name: view_of(run) for name, run in both.items()}


@pytest.fixture(scope="module", params=["historical", "early-warning", "quake-shelter-early"])
def view(request: pytest.FixtureRequest, views: dict[str, RunView]) -> RunView:
    return views[request.param]


def test_every_event_that_is_told_is_told_once(view: RunView) -> None:
    told = np.concatenate([np.array(e.events, np.int64) for e in entries(view)])
    assert np.unique(told).size == told.size
    codes = view.codes
    loud = ~np.isin(codes.kind, [KIND_CODE[name] for name in SILENT])
    # Arrival at a control point is told when it is worked.
    loud &= ~((codes.kind == KIND_CODE["unit_arrived"]) & (codes.object < 0)).to_numpy()
    assert sorted(told.tolist()) == np.flatnonzero(loud).tolist()


def test_a_log_is_condensed_and_in_order(view: RunView) -> None:
    told = entries(view)
    assert len(told) < len(view.codes) / 15
    assert [e.t_ms for e in told] == sorted(e.t_ms for e in told)


def test_a_kind_without_a_rule_is_told_by_its_name(views: dict[str, RunView]) -> None:
    from engine.timeline.entries import RULES

    view = views["historical"]
    kept = RULES.pop("sea_crest")
    try:
        lines = [e.text for e in entries(view) if e.kind == "sea_crest"]
    finally:
        RULES["sea_crest"] = kept
    assert lines
    assert all(line.startswith("Sea crest") and "Pier" in line for line in lines)


def test_text_fits_a_terminal(view: RunView) -> None:
    lines = timeline_lines(view)
    assert max(map(len, lines)) <= WIDTH
    text = "\n".join(lines)
    assert not re.search(r"\bNone\b(?! open| reported)", text)
    assert "nan" not in text
    headings = ["Major incident ", "Exact location ", "Type ", "Hazards ", "Access ",
                "Number of casualties ", "Emergency services ", "Population ", "Outlook "]
    report = lines[lines.index(next(x for x in lines if x.startswith("SITUATION REPORT 1"))):]
    places = [next(i for i, x in enumerate(report) if x.startswith(h)) for h in headings]
    assert places == sorted(places)  # the order of METHANE


def test_reports_stand_at_their_time(view: RunView) -> None:
    assert report_times(view) == [
        m * 60_000 for m in (30, 60, 180, 360, 720) if m * 60 <= view.manifest["duration_s"]
    ]
    lines = timeline_lines(view, (10, 20))
    first = next(i for i, x in enumerate(lines) if x.startswith("SITUATION REPORT 1"))
    second = next(i for i, x in enumerate(lines) if x.startswith("SITUATION REPORT 2"))
    stamps = {"before": lines[:first], "between": lines[first:second], "after": lines[second:]}
    for part, low, high in (("before", 0, 10), ("between", 10, 20), ("after", 20, 400)):
        for line in stamps[part]:
            if line[7:9] == "T+" and line[2] == ":":
                hours, minutes = line[9:14].split()[0].split(":")
                assert low <= int(hours) * 60 + int(minutes) <= high


def test_figures_agree_with_the_log(view: RunView) -> None:
    t_ms = 1_800_000
    s = situation(view, Names(view), t_ms)
    p = s["population"]
    assert p["began_actual"] == int(view.parties["size"][view.parties.in_danger_zone].sum())
    where = ("out_actual", "inside_actual", "home_actual", "in_care_actual", "dead_actual")
    assert sum(p[name] for name in where) == p["began_actual"]
    for name in ("began_actual", "out_actual", "inside_actual", "home_actual"):
        assert sum(row[name] for row in p["zones"]) == p[name]
    ordered = [row["residents_reported"] for row in p["zones"] if row["ordered_s"] is not None]
    assert (len(ordered), sum(ordered)) == (p["ordered_zones"], p["ordered_residents_reported"])
    before = view.codes[view.codes.t_ms <= t_ms]
    died = before[before.kind == KIND_CODE["person_died"]]
    assert s["casualties"]["actual"]["dead"] == len(died)
    power = before[before.kind.isin([KIND_CODE["power_lost"], KIND_CODE["power_restored"]])]
    last = power.groupby("subject").kind.last()
    assert s["lifelines"]["power"]["zones_out"] == (last == KIND_CODE["power_lost"]).sum()
    for row in s["services"]:
        assert sum(row[name] for name in DUTIES) == row["units"]


def test_reported_figures_do_not_rest_on_what_nobody_reported(views: dict[str, RunView]) -> None:
    """Hide all truth that no crew, instrument or utility carries: the reported figures stand."""
    view = views["historical"]
    hidden = [
        KIND_CODE[k] for k in ("zone_flooded", "building_damaged", "party_in_water", "party_left_zone",
                               "party_departed", "party_decided", "party_refused", "party_alerted",
                               "person_hurt", "person_swept")
    ]  # who is trapped callers say
    codes = view.codes.copy()
    codes.loc[codes.kind.isin(hidden), "kind"] = 65_535
    blind = RunView(view.manifest, codes, view.parties, view.city, view.inputs)
    t_ms = 3_600_000
    full, less = (situation(v, Names(v), t_ms) for v in (view, blind))
    assert full["casualties"]["reported"] == less["casualties"]["reported"]
    assert full["casualties"]["actual"] != less["casualties"]["actual"]
    for part in ("declared", "access", "services", "incidents", "shelters", "hospitals", "lifelines"):
        assert full[part] == less[part], part
    known = [key for key in full["population"] if key.endswith("_reported")]
    assert known
    assert {k: full["population"][k] for k in known} == {k: less["population"][k] for k in known}
    steps = [[s for s in x["outlook"] if s["reported"]] for x in (full, less)]
    assert steps[0] == steps[1]


def test_outlook_names_what_the_plan_still_holds(views: dict[str, RunView]) -> None:
    view = views["historical"]  # trigger by magnitude at 300 s, out after 180 s, shelters 1,800 s on
    early = situation(view, Names(view), 240_000)
    assert early["declared"] is None
    assert "magnitude 7.0" in early["outlook"][-1]["text"] or any(
        "magnitude 7.0" in step["text"] for step in early["outlook"]
    )
    later = situation(view, Names(view), 1_000_000)["outlook"]
    opens = next(step for step in later if "Shelters open" in step["text"])
    assert opens["at_s"] == pytest.approx(300 + 180 + 1800, abs=1)


def test_a_saved_run_tells_the_same(
    view: RunView, runs: dict[str, Run], tmp_path: Path, town: object
) -> None:
    name = view.manifest["plan"]["name"]
    if name not in runs or view.manifest["scenario"]["name"] != "testtown-tsunami":
        pytest.skip("one scenario is enough")
    folder = runs[name].save(tmp_path / "run")
    assert timeline_lines(load_view(folder)) == timeline_lines(view)
    # Written by a version whose kinds and reasons stood in another order.
    manifest = json.loads((folder / "manifest.json").read_text())
    for table in ("kinds", "entities"):
        manifest["tables"][table] = manifest["tables"][table][::-1]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    codes = pd.read_parquet(folder / "events.parquet")
    codes["kind"] = (len(KINDS) - 1 - codes["kind"]).astype(np.uint16)
    for column in ("subject_type", "object_type"):
        codes[column] = (len(manifest["tables"]["entities"]) - 1 - codes[column]).astype(np.uint16)
    codes.to_parquet(folder / "events.parquet", index=False)
    assert timeline_lines(load_view(folder)) == timeline_lines(view)


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a run folder"):
        load_view(tmp_path)
    (tmp_path / "manifest.json").write_text('{"digest": "x"}')
    with pytest.raises(InputError, match=r"manifest\.json: is not the manifest of a run"):
        load_view(tmp_path)


def test_json_holds_the_same_story(view: RunView) -> None:
    document = json.loads(json.dumps(timeline_document(view)))
    told = entries(view, cuts_ms=report_times(view))
    assert [e["text"] for e in document["entries"]] == [e.text for e in told]
    assert [r["t_s"] * 1000 for r in document["reports"]] == report_times(view)


def test_one_incident_from_call_to_close(views: dict[str, RunView]) -> None:
    view = views["quake-shelter-early"]
    names = Names(view)
    arrived = view.rows("unit_arrived")
    number = int(arrived.object[arrived.object >= 0][0])
    story = incident_story(view, names, number)
    kinds = [step["kind"] for step in story["steps"]]
    assert kinds.index("call_made") < kinds.index("unit_dispatched") < kinds.index("unit_arrived")
    assert story["causes"][0]["kind"] == "earthquake"
    assert story["intervals_s"]["departure_to_scene"] > 0
    # Nothing of another incident's story is in it, and nothing stands twice.
    rows = [step["event"] for step in (*story["causes"], *story["steps"])]
    assert len(set(rows)) == len(rows)
    codes = view.codes.iloc[rows]
    incident = [kind.name for kind in KINDS if kind.object == "incident"]
    about = codes[codes.kind.isin([KIND_CODE[k] for k in incident]) & (codes.object >= 0)]
    assert set(about.object) == {number}
    units = set(about.subject)
    freed = codes[codes.kind == KIND_CODE["person_rescued"]]
    assert set(freed.object) <= units
    assert max(map(len, story_lines(story))) <= WIDTH
    with pytest.raises(InputError, match="no such incident"):
        incident_story(view, names, 10_000)


def test_words() -> None:
    assert listed(["a"], 2) == "a"
    assert listed(["a", "b", "a"], 2) == "a and b"
    assert listed(["a", "b", "c", "d"], 2) == "a, b and 2 more"
    assert elapsed(5_399_000) == "T+1:29"


def test_the_table_of_zones_gives_every_ordered_zone(views: dict[str, RunView]) -> None:
    view = views["early-warning"]
    s = situation(view, Names(view), 2_400_000)
    lines = report_lines(view, Names(view), s, 1)
    assert lines[2].startswith("SITUATION REPORT 1")
    head = next(i for i, line in enumerate(lines) if line.split()[:2] == ["zone", "ordered"])
    end = next(i for i, line in enumerate(lines) if line.startswith("Shelters"))
    residents = [int(line[52:62].replace(",", "")) for line in lines[head + 1 : end]]
    assert sum(residents) == sum(row["residents_reported"] for row in s["population"]["zones"])


def test_a_home_emptied_on_foot_is_told_by_its_name(assisted_run: Run) -> None:
    told = {e.kind: e for e in entries(view_of(assisted_run)) if e.source == "Care homes"}
    assert told["escorts_start"].text == (
        "Residents are got ready to leave on foot, Test Home: 2 staff lead or push them.")
    assert told["escorts_done"].text == (
        "All residents who were to leave are out: evacuation of Test Home.")
