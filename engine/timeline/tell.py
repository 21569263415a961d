"""The whole story of a run: log entries with the situation reports at their times between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.timeline.entries import DECIDED, Entry, entries
from engine.timeline.names import Names
from engine.timeline.report import header_lines, log_lines, report_lines
from engine.timeline.situation import situation
from engine.timeline.view import RunView

#: When situation reports are made, minutes after the start.
REPORTS_MIN = (30.0, 60.0, 180.0, 360.0, 720.0)


def report_times(view: RunView, minutes: Sequence[float] = REPORTS_MIN) -> list[int]:
    """Times of the reports that lie within the run, in ms, each once and in order."""
    return sorted({int(m * 60_000) for m in minutes if 0 <= m * 60_000 <= view.duration_ms})


def reports(
    view: RunView, names: Names, told: list[Entry], minutes: Sequence[float]
) -> list[dict[str, Any]]:
    """The situation reports, each with the decisions since the one before."""
    out: list[dict[str, Any]] = []
    begin = -1
    for t_ms in report_times(view, minutes):
        mine = [e for e in told if begin < e.t_ms <= t_ms and e.kind in DECIDED]
        out.append({**situation(view, names, t_ms),
                    "decisions": [{"t_s": e.t_ms / 1000, "text": e.text} for e in mine]})
        begin = t_ms
    return out


def timeline_lines(view: RunView, minutes: Sequence[float] = REPORTS_MIN) -> list[str]:
    """The run as text of 100 columns."""
    names = Names(view)
    times = report_times(view, minutes)
    told = entries(view, names, times)
    out = [*header_lines(view), ""]
    begin = -1
    for number, report in enumerate(reports(view, names, told, minutes), 1):
        t_ms = times[number - 1]
        following = times[number] if number < len(times) else None
        out += log_lines(view, [e for e in told if begin < e.t_ms <= t_ms], begin)
        out += report_lines(view, names, report, number, following)
        begin = t_ms
    return out + log_lines(view, [e for e in told if e.t_ms > begin], begin)


def timeline_document(view: RunView, minutes: Sequence[float] = REPORTS_MIN) -> dict[str, Any]:
    """The same for JSON: entries with the numbers of their events, and the reports' figures."""
    names = Names(view)
    m, told = view.manifest, entries(view, names, report_times(view, minutes))
    return {
        "scenario": m["scenario"]["name"], "plan": m["plan"]["name"], "seed": m["seed"],
        "digest": m["digest"], "timezone": m["timezone"],
        "entries": [
            {"t_s": e.t_ms / 1000, "local": view.local(e.t_ms).isoformat(), "source": e.source,
             "text": e.text, "reported": e.reported, "kind": e.kind, "events": list(e.events)}
            for e in told
        ],
        "reports": reports(view, names, told, minutes),
    }
