"""What the log and the reports say is said in sentences, counts people, and names who acts."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from engine.departments import CHILE, Departments
from engine.events import CAUSES, ENTITY_CODE, KIND_CODE, KINDS, REASONS
from engine.run import Run
from engine.timeline.entries import DECIDED, RULES, SILENT, Entry, entries
from engine.timeline.names import Names, degree, lasting, listed
from engine.timeline.report import report_lines
from engine.timeline.situation import situation
from engine.timeline.tell import timeline_lines
from engine.timeline.view import RunView, view_of


@pytest.fixture(scope="module")
def views(runs: dict[str, Run], quake_runs: dict[str, Run]) -> dict[str, RunView]:
    both = {**runs, **{f"quake-{name}": run for name, run in quake_runs.items()}}
    return {name: view_of(run) for name, run in both.items()}


def made(view: RunView, *rows: tuple[str, int, int, int, float]) -> RunView:
    """The run's beginning with further events (kind, t_ms, subject, object, value)."""
    added = pd.DataFrame([
        {"event": 0, "t_ms": t_ms, "kind": KIND_CODE[kind],
         "subject_type": ENTITY_CODE[KINDS[KIND_CODE[kind]].subject], "subject": subject,
         "object_type": ENTITY_CODE[KINDS[KIND_CODE[kind]].object], "object": about, "value": value,
         "cause": 0}
        for kind, t_ms, subject, about, value in rows
    ])
    start = view.codes[view.codes.t_ms <= 0]
    codes = pd.concat([start, added], ignore_index=True).astype(view.codes.dtypes.to_dict())
    codes["event"] = np.arange(len(codes))
    return RunView(view.manifest, codes, view.parties, view.city, view.inputs)


def told(view: RunView, kind: str) -> list[Entry]:
    return [e for e in entries(view) if e.kind == kind]


def test_every_kind_has_a_sentence_or_is_silent() -> None:
    names = {kind.name for kind in KINDS}
    assert set(RULES) | SILENT == names
    assert not set(RULES) & SILENT
    assert set(RULES) >= DECIDED


@pytest.mark.parametrize("kind", sorted(RULES))
def test_no_sentence_is_the_name_of_its_kind(kind: str, views: dict[str, RunView]) -> None:
    """Every rule tells a made event, whether or not a small town's run has one."""
    view = views["early-warning"]
    about = {"cause": CAUSES.index("tsunami"), "reason": REASONS.index("no unit free")}
    row = KINDS[KIND_CODE[kind]]
    if row.subject in ("venue", "camera", "input", "mission") or row.object in ("venue", "mission"):
        pytest.skip("the town has none")
    entry, = told(made(view, (kind, 60_000, 0, about.get(row.object, 0), 1.0)), kind)
    words = kind.replace("_", " ")
    assert entry.text.endswith(".")
    if kind not in ("shelter_full", "all_clear", "earthquake", "alert_cancelled"):  # as people say it
        assert not re.match(rf"{words}( \(|[:.,])", entry.text.lower())
    assert not re.search(r"_|\bnan\b|\(\d+\)$| 0 min\b", entry.text)


def test_going_back_counts_people_not_groups(views: dict[str, RunView]) -> None:
    view = views["historical"]
    size = view.party_size
    for kind in ("party_returning", "party_returned"):
        rows = view.rows(kind)
        assert rows.row.size
        for entry in told(view, kind):
            parties = np.unique(view.codes["subject"].to_numpy()[list(entry.events)])
            assert int(entry.text.split()[0].replace(",", "")) == size[parties].sum()
    assert size[view.rows("party_returning").subject].max() > 1


def test_street_leaders_and_zones(views: dict[str, RunView]) -> None:
    view = made(views["early-warning"], ("leaders_called", 300_000, 0, -1, 12.0),
                ("leaders_called", 300_000, 1, -1, 0.0))
    assert told(view, "leaders_called")[0].text == (
        "Street leaders called in 2 zones: 12 acknowledge; nobody does in 1 zone.")


def test_doors_of_patients_are_no_scene(views: dict[str, RunView]) -> None:
    view = made(
        views["historical"], ("person_treated", 100_000, 1, 0, 0.0),
        ("self_referred", 100_000, 2, 0, 60.0), ("person_treated", 160_000, 2, -1, 0.0),
        ("self_referred", 100_000, 3, 0, 60.0), ("person_admitted", 160_000, 3, 0, 1.0),
        ("self_referred", 100_000, 4, 0, 900.0), ("self_referred", 100_000, 5, 0, 60.0),
    )
    s = situation(view, Names(view), 300_000)
    reported = s["casualties"]["reported"]
    assert (reported["treated_on_scene"], reported["admitted"]) == (1, 1)
    # One is still on the way, one has come and waits.
    assert (reported["came_by_themselves"], reported["wait_at_doors"]) == (3, 1)
    text = "\n".join(report_lines(view, Names(view), s, 1))
    assert "by themselves: 3, of whom 1 waits at the door." in text
    again = made(views["historical"], ("self_referred", 100_000, 2, 2, 60.0),
                 ("self_referred", 9_000_000, 2, 0, 60.0), ("self_referred", 9_000_000, 3, 0, 60.0))
    assert "2 hurt people set out for hospital or clinic by themselves, 1 of them on from" in told(
        again, "self_referred")[1].text


def test_closures_of_the_police_are_known_and_named_apart(views: dict[str, RunView]) -> None:
    view = views["early-warning"]
    held = 0
    for minutes in (10, 20, 30):
        s = situation(view, Names(view), minutes * 60_000)
        posts = s["access"]["posts"]
        assert sum(row["planned"] for row in posts.values()) == len(view.manifest["controls"])
        barriers = posts["closures"]["worked"] + posts["pedestrian_streets"]["worked"]
        if barriers:
            held += 1
            assert s["access"]["closed"]["road closed by police"]["sections"] > 0
            text = "\n".join(report_lines(view, Names(view), s, 1))
            assert "No street is known to be closed" not in text
            assert f"Closed by {view.city.departments.police}" in text
        for part, row in posts.items():
            assert set(row["worked"]) <= {lever["name"] for lever in view.plan[part]}
    assert held


def test_water_command_has_heard_of_is_not_denied(views: dict[str, RunView]) -> None:
    view, water = views["historical"], REASONS.index("road under water")
    text = "\n".join(report_lines(view, Names(view), situation(
        made(view, ("street_reported", 60_000, 3, water, 30.0)), Names(view), 120_000), 1))
    assert "Water on land: reported on 1 street section" in text
    late = made(view, ("street_reported", 60_000, 3, water, 30.0), ("street_reported", 90_000, 3, 0, 30.0))
    text = "\n".join(report_lines(view, Names(view), situation(late, Names(view), 120_000), 1))
    assert "none reported now; 1 street section earlier" in text


def test_sirens_fall_silent_with_their_batteries(views: dict[str, RunView]) -> None:
    view = views["historical"]
    kinds = [channel["kind"] for channel in view.plan["channels"]]
    siren = kinds.index("siren")
    battery_ms = int(1000 * view.plan["channels"][siren]["battery_s"])
    late = made(view, ("power_lost", 10_000, 0, -1, 0.0), ("channel_started", 20_000, siren, 0, 0.4),
                ("channel_started", 20_000, siren, 1, 0.4))
    silent = []
    for t_ms in (9_000 + battery_ms, 11_000 + battery_ms):
        s = situation(late, Names(late), t_ms)
        silent.append(s["warning"]["channels"][0]["zones_silent"])
    assert silent == [0, 1]


def test_return_names_ordered_zones_and_those_kept_shut(views: dict[str, RunView]) -> None:
    why = REASONS.index("buildings destroyed")
    view = made(
        views["historical"], ("order_decided", 1_000, 0, -1, 0.0), ("order_issued", 2_000, 0, 0, 0.0),
        ("order_issued", 2_000, 1, 0, 0.0), ("all_clear", 50_000, 0, -1, 0.0),
        ("return_opened", 60_000, 0, -1, 0.0), ("return_opened", 60_000, 2, -1, 0.0),
        ("return_held", 60_000, 1, why, 0.4),
    )
    names = Names(view)
    opened, = told(view, "return_opened")
    assert opened.text.startswith("RETURN OPEN for 1 of 2 ordered zones")
    assert "1 zone that had not been ordered out" in opened.text
    text = " ".join("\n".join(report_lines(view, names, situation(view, names, 120_000), 1)).split())
    assert f"Return open in 1 of them; kept shut: {names.zones([1])} (buildings destroyed)." in text


def test_units_of_a_neighbour_count_from_the_gate_and_lost_ones_are_cut_off(
    views: dict[str, RunView]
) -> None:
    view = views["early-warning"]
    aid = {lever["name"] for lever in view.plan["mutual_aid"]}
    foreign = [i for i, unit in enumerate(view.manifest["units"]) if unit["station"] in aid]
    own = next(i for i, u in enumerate(view.manifest["units"])
               if u["kind"] == view.manifest["units"][foreign[0]]["kind"] and i not in foreign)
    kind = view.manifest["units"][own]["kind"]

    def row(*events: tuple[str, int, int, int, float]) -> dict[str, int]:
        s = situation(made(view, *events), Names(view), 100_000)
        return next(x for x in s["services"] if x["kind"] == kind)

    event = ("power_lost", 10_000, 0, -1, 0.0)
    alone, more = row(event), row(event, ("aid_arrived", 20_000, foreign[0], -1, 0.0))
    assert more["units"] == alone["units"] + 1
    lost = row(("unit_caught", 10_000, own, -1, 1.0))
    assert (lost["cut_off"], lost["free"]) == (1, alone["free"] - 1)


def test_who_waits_for_what(views: dict[str, RunView]) -> None:
    none = REASONS.index("no unit free")
    view = made(views["historical"], ("incident_opened", 1_000, 0, 5, 2.0),
                ("call_made", 2_000, 0, 0, 0.0), ("call_answered", 3_000, 0, -1, 1.0),
                ("dispatch_held", 4_000, 0, none, 1.0))
    names = Names(view)
    text = "\n".join(report_lines(view, names, situation(view, names, 60_000), 1))
    assert "Needs: 1 incident waits for an ambulance (no ambulance free)." in text


def test_the_services_stand_under_their_names(views: dict[str, RunView]) -> None:
    view = views["early-warning"]
    d = view.city.departments
    text = "\n".join(timeline_lines(view))
    for name in (d.command, d.warning, d.police, d.fire_rescue, d.ambulance):
        assert name in text
    plain = Departments(volunteers=d.volunteers)
    other = RunView(view.manifest, view.codes, view.parties,
                    dataclasses.replace(view.city, departments=plain), view.inputs)
    text = " ".join("\n".join(timeline_lines(other)).split())
    assert "Emergency operations centre" in text
    assert not re.search(rf"\b({d.command}|{d.police}|{d.ambulance})\b", text.replace("Test Fire", ""))


def test_decisions_since_the_last_report(views: dict[str, RunView]) -> None:
    from engine.timeline.tell import timeline_document

    document = timeline_document(views["early-warning"], (10, 20, 30))
    told_at = [[row["t_s"] for row in report["decisions"]] for report in document["reports"]]
    assert all(times for times in told_at[:1])
    for low, high, times in zip((-1, 600, 1200), (600, 1200, 1800), told_at, strict=True):
        assert all(low < t <= high for t in times)
    expected = [e for e in document["entries"] if e["kind"] in DECIDED and e["t_s"] <= 1800]
    assert sum(map(len, told_at)) == len(expected)


def test_words_for_degrees_times_and_rests() -> None:
    assert [degree(x) for x in (0.2, 6.4, 7.9, 9.5, 13.0)] == ["I", "VI", "VIII", "X", "XII"]
    assert [lasting(x) for x in (0, 40, 120, 150, 1800, 7500)] == [
        "0 s", "40 s", "2 min", "2 min 30 s", "30 min", "2 h 5 min"]
    assert listed(["a", "b", "c"], 2, "others") == "a, b and 1 other"
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"


def test_a_street_without_a_name_is_found_by_its_neighbour(views: dict[str, RunView]) -> None:
    view = views["historical"]
    streets = view.city.streets
    name = streets.name.copy()
    name[0] = ""
    city = dataclasses.replace(view.city, streets=dataclasses.replace(streets, name=name))
    other = RunView(view.manifest, view.codes, view.parties, city, view.inputs)
    assert re.fullmatch(r"(a street|a main road) near .+", Names(other).street(0))


def test_a_plan_without_an_order_is_told(match_runs: dict[str, Run]) -> None:
    """Crowds at a venue alone: nobody is ordered out, and the reports say so."""
    view = view_of(match_runs["cameras"])
    text = "\n".join(timeline_lines(view, (5, 10)))
    assert "Not declared; no order has been given." in text
    assert "The plan has no evacuation order." in text
    # Officers who have left the venue are free again.
    assert view.rows("control_left").row.size
    s = situation(view, Names(view), view.duration_ms)
    assert sum(row["at_control_points"] for row in s["services"]) == 0


def test_every_incident_can_be_told(views: dict[str, RunView]) -> None:
    """Step by step, whatever its events are, and never by an engine's name."""
    from engine.timeline.incident import _sentence, incident_story, story_lines

    for name in ("early-warning", "quake-shelter-early"):
        view = views[name]
        names = Names(view)
        for number in np.unique(view.rows("incident_opened").subject).tolist():
            assert story_lines(incident_story(view, names, number))
    untold = []
    for kind in KINDS:
        for value in (-60.0, 0.0, 2.0):
            if not _sentence(kind.name, "who", "what", value, 0) and kind.name not in RULES:
                untold.append(kind.name)
    # What leads to no call for help.
    assert set(untold) == {
        "run_started", "party_formed", "party_placed", "street_narrowed", "shelter_staffed",
        "camera_counted", "crowd_exposed", "crowd_let_go",
    }


def test_services_have_the_names_of_their_time() -> None:
    assert CHILE.in_year(2015).warning == "SHOA to ONEMI"
    assert CHILE.in_year(2023).warning == "SHOA to SENAPRED"
    assert Departments().in_year(2015) == Departments()
