"""Situation reports and log lines as text of 100 columns, in the order of METHANE.

Major incident declared, Exact location, Type, Hazards, Access, Number of casualties, Emergency
services (JESIP joint doctrine), then population, shelters, hospitals, warning, decisions and outlook.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

from engine.timeline import paragraphs, people_text
from engine.timeline.entries import Entry
from engine.timeline.layout import WIDTH, block, clock, hang
from engine.timeline.names import Names, listed
from engine.timeline.view import RunView, elapsed

Part = Callable[[RunView, Names, dict[str, Any]], list[str]]
_PARTS: tuple[tuple[str, Part], ...] = (
    ("Major incident", paragraphs.declared), ("Exact location", paragraphs.location),
    ("Type", paragraphs.kind), ("Hazards", paragraphs.hazards), ("Access", paragraphs.access),
    ("Number of casualties", people_text.casualties),
    ("Emergency services", paragraphs.services), ("Population", people_text.population),
    ("", people_text.zone_table), ("Shelters", people_text.shelters),
    ("Hospitals", people_text.hospitals), ("Warning", paragraphs.warning),
    ("Decisions", paragraphs.decisions), ("Outlook", paragraphs.outlook),
)


def log_lines(view: RunView, told: list[Entry], after_ms: int = -1) -> list[str]:
    """The log: local time, time since the start, R reported or A actual, source, entry.

    A line names the day where it changes, and at the beginning unless a part up to `after_ms`
    stands above.
    """
    lines: list[str] = []
    day = None if after_ms < 0 else view.local(after_ms).date()
    for entry in told:
        local = view.local(entry.t_ms)
        if local.date() != day:
            day = local.date()
            lines.append(f"-- {local.strftime('%A %-d %B %Y')} --")
        head = (f"{local.strftime('%H:%M')}  {elapsed(entry.t_ms):<7} "
                f"{'R' if entry.reported else 'A'}  {entry.source:<12} ")
        lines += hang(head, entry.text)
    return lines


def header_lines(view: RunView) -> list[str]:
    """What run this is and how to read the log."""
    m = view.manifest
    share = float(m.get("population_share", 1.0))
    lines = [
        f"{m['scenario']['title']}", f"Plan: {m['plan']['title']} ({m['plan']['name']}), "
        f"seed {m['seed']}, {m['city']['population']:,} people; local time {m['timezone']}.",
        "R = reported: the command centre knew it then.  A = actual: known only to the run.",
    ]
    if share < 1:
        lines.insert(2, f"A sample of {share:.0%} of the households: people, units, beds and places "
                        "are in that proportion; posts, fuel trucks, streets and buildings are not.")
    return [line for text in lines for line in textwrap.wrap(text, WIDTH)]


def report_lines(
    view: RunView, names: Names, s: dict[str, Any], number: int, next_ms: int | None = None
) -> list[str]:
    """One situation report; `next_ms` is when the next one is due."""
    t_ms = int(s["t_s"] * 1000)
    local = view.local(t_ms)
    title = (f"SITUATION REPORT {number}   {local.strftime('%H:%M')} local, "
             f"{local.strftime('%A %-d %B %Y')}   {elapsed(t_ms)}")
    following = "" if next_ms is None else f" Next report {clock(view, next_ms / 1000)}."
    d = names.departments
    to = listed((d.police, d.fire_rescue, d.ambulance), 3)
    out = ["", "=" * WIDTH, title, f"From: {d.command}. To: {to}.{following}", "-" * WIDTH]
    for label, part in _PARTS:
        texts = part(view, names, s)
        if label or texts:
            out += block(label, texts) if label else texts
    return [*out, "=" * WIDTH, ""]
