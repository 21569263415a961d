"""Sentences of the log about calls, units, crews, patients and errands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.events import REASONS
from engine.scoring.columns import Rows
from engine.timeline.names import UNIT_WORDS, away, count, lasting, listed

if TYPE_CHECKING:
    from engine.timeline.sentences import Teller


def answered(teller: Teller, g: Rows) -> str:
    """Calls answered."""
    wait = float(g.value.max())
    late = _late_s(teller, g)
    told = f"waited {lasting(wait)} to be answered" if wait >= 1 else "answered at once"
    if g.row.size > 1:
        told = f"longest wait {lasting(wait)}" if wait >= 1 else "none had to wait"
    if late > 300:
        told += f"; up to {lasting(late)} after help was needed" if g.row.size > 1 else (
            f", {lasting(late)} after help was needed")
    if g.row.size > 1:
        return (f"{count(g.row.size, 'call')} answered, {told}: {_incidents(teller, g.subject)}.")
    number = int(g.subject[0])
    return (f"Call, incident {number:04d}: {_people(teller, number, int(g.row[0]))}, "
            f"{teller.names.incident_place(number)}; {told}.")


def _late_s(teller: Teller, g: Rows) -> float:
    """Longest time from the moment when help was needed to the answer of the call."""
    opened = teller.view.rows("incident_opened")
    late = 0.0
    for number, row, t_ms in zip(g.subject, g.row, g.t_ms, strict=True):
        mine = opened.t_ms[(opened.subject == number) & (opened.row < row)]
        if mine.size:
            late = max(late, (int(t_ms) - int(mine[-1])) / 1000)
    return late


def _people(teller: Teller, incident: int, before: int) -> str:
    opened = teller.view.rows("incident_opened")
    mine = (opened.subject == incident) & (opened.row < before)
    n = int(opened.value[mine].sum())
    return count(n, "person needs help", "people need help") if n else "help needed"


def _incidents(teller: Teller, numbers: np.ndarray) -> str:
    return listed((f"{int(n):04d} ({teller.names.incident_place(int(n))})" for n in numbers), 3)


def call_delayed(teller: Teller, g: Rows) -> str:
    """Nobody there can telephone."""
    return (f"{count(g.row.size, 'call')} for help held up ({REASONS[int(g.object[0])]}); "
            f"somebody walks to a station, up to {lasting(float(g.value.max()))}.")


def held(teller: Teller, g: Rows) -> str:
    """Nobody is sent for now."""
    return (f"Nobody sent for now ({REASONS[int(g.object[0])]}): incident"
            f"{'s' if np.unique(g.subject).size > 1 else ''} {_incidents(teller, g.subject)}.")


def dispatched(teller: Teller, g: Rows) -> str:
    """Units ordered."""
    task = g.where(g.object >= 0)
    if task.row.size == 0:
        return f"To the posts: {units(teller, g)}."
    if g.row.size == 1:
        number = int(g.object[0])
        return (f"{teller.names.unit_from(int(g.subject[0]))} to incident {number:04d}, "
                f"{teller.names.incident_place(number)}; {away(float(g.value[0]))}.")
    return (f"{units(teller, task)} to incident"
            f"{'s' if np.unique(task.object).size > 1 else ''} {_incidents(teller, task.object)}.")


def arrived(teller: Teller, g: Rows) -> str:
    """Units on scene."""
    if g.row.size == 1:
        way = f"after {lasting(float(g.value[0]))} on the road" if g.value[0] >= 1 else "already there"
        return f"{teller.names.unit(int(g.subject[0]))} on scene, incident {int(g.object[0]):04d}, {way}."
    return f"On scene: {units(teller, g)}; longest way {lasting(float(g.value.max()))}."


def delayed(teller: Teller, g: Rows) -> str:
    """Units late."""
    return (f"{units(teller, g)} delayed by up to {lasting(float(g.value.max()))}: "
            f"{REASONS[int(g.object[0])]}.")


def turned_back(teller: Teller, g: Rows) -> str:
    """Units turn back."""
    return f"{units(teller, g)} turned back: {REASONS[int(g.object[0])]}."


def withdrawn(teller: Teller, g: Rows) -> str:
    """Units ordered out."""
    return f"{units(teller, g)} ordered out of the danger zone."


def moved_out(teller: Teller, g: Rows) -> str:
    """Units without a task leave the zone."""
    drive = "drives" if np.unique(g.subject).size == 1 else "drive"
    return f"{units(teller, g)} {drive} out of the exclusion line to wait."


def crew_on_foot(teller: Teller, g: Rows) -> str:
    """A crew leaves its vehicle."""
    return (f"Crew of {units(teller, g)} left the vehicle and walks to safety "
            f"({REASONS[int(g.object[0])]}; up to {lasting(float(g.value.max()))} on foot).")


def crew_in_safety(teller: Teller, g: Rows) -> str:
    """A crew is safe without its vehicle."""
    return (f"Crew of {units(teller, g)} in safety without the vehicle, after "
            f"{lasting(float(g.value.max()))} on foot.")


def crew_walks_to_scene(teller: Teller, g: Rows) -> str:
    """A crew walks the last part."""
    return (f"Crew of {units(teller, g)} walks on to the scene, no way for the vehicle "
            f"(up to {lasting(float(g.value.max()))} on foot).")


def crew_walks_back(teller: Teller, g: Rows) -> str:
    """A crew sets out to its vehicle."""
    return f"Crew of {units(teller, g)} on foot back to the vehicle."


def crew_back(teller: Teller, g: Rows) -> str:
    """A crew is at its vehicle."""
    return f"Crew of {units(teller, g)} at the vehicle again."


def crew_caught(teller: Teller, g: Rows) -> str:
    """A crew on foot in the water."""
    return f"The water takes the crew of {units(teller, g)} on foot, {g.value.max():.1f} m deep."


def units(teller: Teller, g: Rows) -> str:
    """'SAMU ambulances A1, A2 and A3'."""
    numbers = np.unique(g.subject)
    if numbers.size == 1:
        return teller.names.unit(int(numbers[0]))
    by_kind: dict[str, list[str]] = {}
    for number in numbers.tolist():
        word, sign = teller.names.unit(number).rsplit(" ", 1)
        by_kind.setdefault(word, []).append(sign)
    many = dict(UNIT_WORDS.values())
    return ", ".join(
        f"{_of_service(teller, word)}{many.get(word, word) if len(signs) > 1 else word} {listed(signs, 6)}"
        for word, signs in by_kind.items()
    )


def _of_service(teller: Teller, word: str) -> str:
    """'SAMU ' before ambulances."""
    kind = next((kind for kind, (one, _) in UNIT_WORDS.items() if one == word), "")
    return f"{service} " if (service := teller.names.service(kind)) else ""


def rescued(teller: Teller, g: Rows) -> str:
    """People freed."""
    who = listed((teller.names.unit(int(n)) for n in g.object), 3)
    return f"{count(g.row.size, 'person', 'people')} freed by {who}."


def admitted(teller: Teller, g: Rows) -> str:
    """Patients in hospital."""
    last = {int(f): int(v) for f, v in zip(g.object, g.value, strict=True)}
    parts = [f"{teller.names.facility(f)} ({count(beds, 'bed')} in use)" for f, beds in last.items()]
    return f"{count(g.row.size, 'patient')} admitted: {listed(parts, 3)}."


def full(teller: Teller, g: Rows) -> str:
    """No bed."""
    where = listed((teller.names.facility(int(n)) for n in g.subject), 3)
    return f"No bed free: {where}; {count(g.row.size, 'patient')} turned away or waiting."


def mission_held(teller: Teller, g: Rows) -> str:
    """No vehicle for people who wait."""
    waiting = {int(m): int(v) for m, v in zip(g.subject, g.value, strict=True)}
    parts = [teller.names.mission(m) + (f" ({count(n, 'person waits', 'people wait')})" if n else "")
             for m, n in waiting.items()]
    return f"No vehicle sent for now ({REASONS[int(g.object[0])]}): {listed(parts, 3)}."


def mission_ordered(teller: Teller, g: Rows) -> str:
    """Vehicles sent for people."""
    where = teller.names.mission(int(g.object[0]))
    if g.row.size == 1:
        return f"{units(teller, g)} sent, {where}; {away(float(g.value[0]))}."
    return f"Sent, {where}: {units(teller, g)}."


def unloaded(teller: Teller, g: Rows) -> str:
    """People set down."""
    people = count(int(g.value.sum()), "person", "people")
    return f"{people} set down, {teller.names.facility(int(g.object[0]))}: {units(teller, g)}."
