"""Answers to "why": the chain of causes of an event, and what every call for help waited for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine import events
from engine.events import ENTITIES, KIND_CODE, KINDS, REASONS, reason
from engine.scoring.columns import Log, Rows, first_ms, last_of
from engine.scoring.context import NEVER

#: Objects whose number indexes a table of words.
_WORDS = {
    "reason": events.REASONS, "cause": events.CAUSES, "mode": events.MODES,
}

Name = Callable[[str, int], str]


def label(entity: str, number: int) -> str:
    """Plain words for an entity number: "unit 12", or the word a code stands for."""
    if entity in _WORDS:
        words = _WORDS[entity]
        return words[number] if 0 < number < len(words) else ""  # 0 is "none" in every table
    if entity in ("none", "run"):
        return ""
    if number < 0:
        return "high ground" if entity == "facility" else ""
    return f"{entity} {number}"


def clock(t_ms: int) -> str:
    """Time since the run's start as h:mm:ss."""
    seconds = int(t_ms) // 1000
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def describe(codes: pd.DataFrame, event: int, name: Name = label) -> str:
    """One line for one event; `name` (entity, number) may give better names than numbers."""
    row = codes.iloc[event]
    kind = KINDS[int(row["kind"])]
    subject = name(ENTITIES[int(row["subject_type"])], int(row["subject"]))
    target = name(ENTITIES[int(row["object_type"])], int(row["object"]))
    words = kind.name.replace("_", " ")
    if subject.startswith(kind.subject) and words.startswith(kind.subject + " "):
        words = words[len(kind.subject) + 1 :]
    line = " ".join(w for w in (subject, words) if w)
    if target:
        line += f", {target}"
    if kind.unit == "alert":
        line += f", {events.ALERTS[int(row['value'])]}"
    elif kind.unit == "node":
        line += f" (node {int(row['value'])})"
    elif kind.unit:
        line += f" ({row['value']:.4g} {kind.unit})"
    return f"{clock(int(row['t_ms']))} {line}"


def why(codes: pd.DataFrame, event: int, name: Name = label) -> list[str]:
    """The event and the chain of causes behind it as readable lines, the event itself first.

    `codes` is the whole log (`EventLog.codes()`), `event` a row number; raises IndexError for
    a number outside the log.
    """
    if not 0 <= event < len(codes):
        raise IndexError(f"event {event} is not in the log of {len(codes)} rows")
    return [describe(codes, e, name) for e in events.chain(codes, event)]


def response_table(codes: pd.DataFrame) -> pd.DataFrame:
    """One row per incident: when each step from the opening to the first unit on scene came.

    Columns: incident, opened_s, call_s, answered_s, dispatched_s, departed_s, arrived_s
    (seconds since the run's start, NaN where it did not happen), unit (first on scene, or last
    ordered, -1 none), response_s (arrival less opening, or less call), reason and delay_s: the
    largest delay on that unit's leg, or, where nobody came, why not.
    """
    log = Log(codes)
    opened, calls = log.rows("incident_opened"), log.rows("call_made")
    answers, closed = log.rows("call_answered"), log.rows("incident_closed")
    legs = {k: _with_incident(log.rows(k)) for k in
            ("unit_dispatched", "unit_departed", "unit_arrived")}
    size = 1 + max(
        int(x.max(initial=-1))
        for x in (opened.subject, calls.subject, answers.subject, closed.subject,
                  *(leg.object for leg in legs.values()))
    )
    columns = {
        "opened": first_ms(opened.subject, opened.t_ms, size),
        "call": first_ms(calls.subject, calls.t_ms, size),
        "answered": first_ms(answers.subject, answers.t_ms, size),
    }
    ordered, came = legs["unit_dispatched"], legs["unit_arrived"]
    # The first arrival: reversed, so that the first row is the last mention.
    arrived_by = last_of(came.object[::-1], came.subject[::-1], size, -1)
    unit = np.where(arrived_by >= 0, arrived_by, last_of(ordered.object, ordered.subject, size, -1))
    for name, kind in (("dispatched", "unit_dispatched"), ("departed", "unit_departed"),
                       ("arrived", "unit_arrived")):
        leg = legs[kind]
        leg = leg.where(leg.subject == unit[leg.object])
        columns[name] = first_ms(leg.object, leg.t_ms, size)
    since = np.where(columns["opened"] < NEVER, columns["opened"], columns["call"])
    columns["response"] = np.where(columns["arrived"] < NEVER, columns["arrived"] - since, NEVER)
    why_code, delay = _delays(log, ordered, columns, unit)
    table: dict[str, Any] = {"incident": np.arange(size), "unit": unit}
    for name, ms in columns.items():
        table[f"{name}_s"] = np.where(ms < NEVER, ms / 1000, np.nan)
    table["reason"] = [REASONS[i] for i in why_code]
    table["delay_s"] = delay
    order = ["incident", "opened_s", "call_s", "answered_s", "dispatched_s", "departed_s",
             "arrived_s", "unit", "response_s", "reason", "delay_s"]
    return pd.DataFrame(table)[order][since < NEVER].reset_index(drop=True)


def why_nobody_came(log: Log, size: int) -> NDArray[np.int64]:
    """Reason code [incidents] of the last that kept help from each; only true of those without.

    Where it has closed, how people left it: they went to hospital by themselves, needed no help any more,
    or somebody died. Where it is open, nobody called, or could; the call waited; command sent nobody,
    with the reason that it gave last; or the unit was still on its way.
    """
    def last(rows: Rows, key: NDArray[Any]) -> NDArray[np.int64]:
        mine = (key >= 0) & (key < size)
        return np.asarray(last_of(key[mine], rows.row[mine], size, -1), np.int64)

    held, sent = log.rows("dispatch_held"), log.rows("unit_dispatched")
    calls, answers, walked = (
        log.rows(kind) for kind in ("call_made", "call_answered", "call_delayed"))
    last_held, last_sent = last(held, held.subject), last(sent, sent.object)
    told = held.where(held.subject < size)
    why = np.asarray(last_of(told.subject, told.object, size, 0), np.int64)
    code = np.full(size, reason("gone already"), np.int64)
    code[last_sent >= 0] = reason("on the way")
    waits = last_held > last_sent
    code[waits] = why[waits]
    code[last(answers, answers.subject) < 0] = reason("queue at call centre")
    silent = last(calls, calls.subject) < 0
    code[silent] = reason("nobody called")
    code[silent & (last(walked, walked.subject) >= 0)] = reason("no telephone service")
    opened, closed = log.rows("incident_opened"), log.rows("incident_closed")
    closed = closed.where((closed.subject < size) & (closed.object > 0))
    shut = last(closed, closed.subject) > last(opened, opened.subject)
    how = np.asarray(last_of(closed.subject, closed.object, size, 0), np.int64)
    code[shut] = how[shut]
    return code


def _with_incident(rows: Rows) -> Rows:
    return rows.where(rows.object >= 0)


def _delays(
    log: Log, ordered: Rows, columns: dict[str, Any], unit: Any
) -> tuple[Any, Any]:
    """Reason code and seconds [incidents] of the delay, or of the help that never came."""
    size = unit.size
    never = columns["arrived"] >= NEVER
    code, delay = np.where(never, why_nobody_came(log, size), 0), np.full(size, np.nan)
    # A delay names its unit only; the incident is that of the unit's last order before it.
    troubles = log.rows("unit_delayed", "unit_turned_back")
    by_unit = np.lexsort((ordered.row, ordered.subject))
    span = max(len(log), 1)
    keys = ordered.subject[by_unit] * span + ordered.row[by_unit]
    at = np.searchsorted(keys, troubles.subject * span + troubles.row) - 1
    for i in range(troubles.row.size):
        if at[i] < 0 or ordered.subject[by_unit[at[i]]] != troubles.subject[i]:
            continue
        incident = ordered.object[by_unit[at[i]]]
        turned = troubles.kind[i] == KIND_CODE["unit_turned_back"]
        if turned != never[incident] or unit[incident] != troubles.subject[i]:
            continue
        if turned and code[incident] != reason("on the way"):
            continue  # told what became of it afterwards
        if turned or not delay[incident] >= troubles.value[i]:
            code[incident] = troubles.object[i]
        if not turned:
            delay[incident] = np.fmax(delay[incident], troubles.value[i])
    return code, delay
