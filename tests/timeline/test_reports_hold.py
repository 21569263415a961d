"""What a situation report says holds: against what came later, against the log above it, in the words of
the year."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from engine.departments import CHILE
from engine.events import ENTITY_CODE, KIND_CODE, KINDS, REASONS
from engine.run import Run
from engine.timeline.asof import AsOf
from engine.timeline.entries import entries
from engine.timeline.names import Names
from engine.timeline.report import report_lines
from engine.timeline.situation import situation
from engine.timeline.view import RunView, view_of

CLEAR = "All clear at the earliest"


@pytest.fixture(scope="module")
def view(runs: dict[str, Run]) -> RunView:
    return view_of(runs["early-warning"])


def with_events(view: RunView, *rows: tuple[str, int, int, int, float, int]) -> RunView:
    """The run's log with further events (kind, t_ms, subject, object, value, cause) at its end."""
    added = pd.DataFrame([
        {"event": 0, "t_ms": t_ms, "kind": KIND_CODE[kind],
         "subject_type": ENTITY_CODE[KINDS[KIND_CODE[kind]].subject], "subject": subject,
         "object_type": ENTITY_CODE[KINDS[KIND_CODE[kind]].object], "object": about, "value": value,
         "cause": cause}
        for kind, t_ms, subject, about, value, cause in rows])
    codes = pd.concat([view.codes, added], ignore_index=True).astype(view.codes.dtypes.to_dict())
    codes["event"] = np.arange(len(codes))
    return RunView(view.manifest, codes, view.parties, view.city, view.inputs)


def text_at(view: RunView, t_ms: int) -> str:
    names = Names(view)
    return " ".join("\n".join(report_lines(view, names, situation(view, names, t_ms), 1)).split())


def test_no_line_of_the_log_reaches_over_a_report(view: RunView) -> None:
    cuts = [600_000, 1_200_000, 1_800_000]
    for told in entries(view, cuts_ms=cuts):
        if told.events:
            last = int(view.codes.t_ms.iloc[list(told.events)].max())
            assert not [cut for cut in cuts if told.t_ms <= cut < last]
    assert any(int(view.codes.t_ms.iloc[list(e.events)].max()) > 1_200_000 >= e.t_ms
               for e in entries(view) if e.events)


def test_the_all_clear_comes_no_sooner_than_announced(view: RunView) -> None:
    clear_s = int(view.rows("all_clear").t_ms[0]) / 1000
    cancelled = int(view.rows("alert_cancelled").t_ms[0])
    for t_ms in (120_000, 1_800_000, cancelled - 60_000, cancelled + 10_000):
        steps = situation(view, Names(view), t_ms)["outlook"]
        at_s = next(step["at_s"] for step in steps if step["text"].startswith(CLEAR))
        assert at_s <= clear_s + 10
    assert at_s == pytest.approx(clear_s, abs=60)  # the hour before which nobody is let home
    assert any("Return to area" in step["text"] for step in steps)


def test_only_what_goes_out_is_announced(view: RunView) -> None:
    """Both census zones of the low town go out as the shore, the first area in them."""
    decided = int(view.rows("order_decided").t_ms[0])
    told = [s["text"] for s in situation(view, Names(view), decided)["outlook"]]
    issued = {Names(view).phase(int(n)) for n in view.rows("order_issued").object}
    announced = {t.split("'")[1] for t in told if t.startswith("Order to leave goes out")}
    assert announced == issued
    steps = situation(view, Names(view), decided)["outlook"]
    refuge = next(step for step in steps if "Mill House opens" in step["text"])
    opened = view.rows("refuge_opened")
    assert refuge["at_s"] == pytest.approx(int(opened.t_ms.max()) / 1000, abs=10)


def test_a_closure_opens_again_only_where_it_stands(view: RunView) -> None:
    def announced(t_ms: int) -> bool:
        steps = situation(view, Names(view), t_ms)["outlook"]
        return any("open again to vehicles" in step["text"] for step in steps)

    names = [str(c["name"]) for c in view.manifest["controls"]]
    post = names.index(view.plan["closures"][0]["name"])
    staffed = view.rows("control_staffed")
    at = int(staffed.t_ms[staffed.subject == post][0])
    assert not announced(at - 10_000)
    assert announced(at + 60_000)


def test_a_forecast_stays_what_it_was_once_the_gauge_is_disturbed(view: RunView) -> None:
    first = int(view.rows("gauge_reported").t_ms[0])
    before, after = (situation(view, Names(view), t)["hazard"] for t in (first - 10_000, first + 10_000))
    assert before["arrival_basis"] == after["arrival_basis"] == "magnitude_reported"
    assert before["arrival_predicted_s"] == after["arrival_predicted_s"]
    early = situation(view, Names(view), int(view.rows("arrival_predicted").t_ms[0]))["hazard"]
    assert early["arrival_basis"] == "intensity_reported"
    told = [e.text for e in entries(view) if e.kind == "arrival_predicted"]
    warning = view.city.departments.warning
    assert [warning in text for text in told] == [False, True, False]
    assert "by the rule for strong shaking" in told[0]
    assert "gauge is disturbed" in told[2]


def test_no_wave_is_expected_after_a_small_magnitude(view: RunView) -> None:
    solved = view.rows("magnitude_reported")
    small = with_events(view, ("magnitude_reported", int(solved.t_ms[0]), 0, -1, 6.0, 0))
    now = AsOf(small, int(solved.t_ms[0]))
    assert now.predicted().row.size == 0
    assert AsOf(view, int(solved.t_ms[0])).predicted().row.size == 2
    assert "first wave" not in text_at(small, int(solved.t_ms[0]))


def test_a_hospital_inside_the_line_takes_nobody(view: RunView) -> None:
    inside = [dict(place, inside_line=place["kind"] == "hospital") for place in view.manifest["facilities"]]
    manifest = {**view.manifest, "facilities": inside}
    shut = RunView(manifest, view.codes, view.parties, view.city, view.inputs)
    line_ms = AsOf(view, 400_000).line_shut_ms()
    assert line_ms is not None
    assert "TAKES NOBODY" not in text_at(shut, int(line_ms) - 10_000)
    later = text_at(shut, int(line_ms) + 130_000)
    assert "TAKES NOBODY, inside the exclusion line until the all-clear" in later
    lifted = text_at(shut, int(view.rows("all_clear").t_ms[0]) + 10_000)
    assert "inside the exclusion line until" not in lifted


def test_who_decides_anew_is_counted_once(view: RunView) -> None:
    warning = situation(view, Names(view), 3_600_000)["warning"]
    decided, refused = (np.unique(view.rows(kind).subject) for kind in ("party_decided", "party_refused"))
    assert np.intersect1d(decided, refused).size
    total = int(view.party_size[view.party_in_danger].sum())
    assert warning["decided_to_leave_actual"] + warning["refused_actual"] <= total


def test_who_has_been_back_is_never_fewer_than_before(view: RunView) -> None:
    been = [situation(view, Names(view), t)["population"] for t in range(600_000, 5_400_000, 600_000)]
    counts = [row["been_back_actual"] for row in been]
    assert counts == sorted(counts)
    assert counts[-1] > 0
    assert all(row["back_inside_actual"] <= row["been_back_actual"] for row in been)


def test_an_incident_is_closed_for_command_when_a_crew_has_been_there(view: RunView) -> None:
    for t_ms in range(600_000, 5_400_000, 1_200_000):
        now = AsOf(view, t_ms)
        figures = situation(view, Names(view), t_ms)["incidents"]
        over = np.intersect1d(now.subjects("incident_closed"), now.subjects("call_answered"))
        assert figures["closed"] <= figures["reached"]
        assert figures["closed"] + figures["over_actual"] <= over.size
        waiting = sum(row["incidents"] for row in figures["waiting"])
        assert waiting <= figures["known"] - figures["closed"] - figures["over_actual"]


def test_streets_that_fall_dry_under_another_closure_do_not_close_again(view: RunView) -> None:
    bridge, water = REASONS.index("bridge damaged"), REASONS.index("road under water")
    street = int(np.setdiff1d(np.arange(40), view.rows("street_closed").subject)[0])
    made = with_events(
        view, ("street_closed", 10_000_000, street, bridge, 0.0, 0),
        ("street_closed", 11_000_000, street, water, 0.0, 0),
        ("street_closed", 12_000_000, street, bridge, 0.0, 0))
    told = [e.text for e in entries(made) if e.kind == "street_closed" and e.t_ms >= 10_000_000]
    assert "closed to vehicles, bridge damaged" in told[0]
    assert "closed already, now under water" in told[1]
    assert "dry again and still closed, bridge damaged" in told[2]


def test_services_have_the_names_of_the_year() -> None:
    assert (CHILE.in_year(2015).command, CHILE.in_year(2015).warning) == ("COE", "SHOA to ONEMI")
    assert (CHILE.in_year(2026).command, CHILE.in_year(2026).warning) == ("COGRID", "SHOA to SENAPRED")
