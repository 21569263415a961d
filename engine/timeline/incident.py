"""One incident from the call to its close: what led to it, every step, and the intervals.

An incident's rows are those that name it, what followed from them until the unit's next errand,
and what befell the people it stands for: those whose hurt or entrapment opened it and those whom
its units treated, freed or carried.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError
from engine.events import ENTITY_CODE, KIND_CODE, KINDS, chain
from engine.scoring.causes import response_table
from engine.timeline.entries import RULES
from engine.timeline.layout import hang
from engine.timeline.names import Names, away, count, lasting
from engine.timeline.sentences import Teller
from engine.timeline.view import RunView, elapsed

#: Kinds after which a unit is on another errand, which is not this incident's.
_LEAVES = ("unit_available", "unit_withdrawn")
_CARE = ("person_treated", "person_rescued", "transport_started", "person_admitted")
_FATE = (*_CARE, "person_hurt", "person_trapped", "person_died", "self_referred")


def incident_story(view: RunView, names: Names, number: int) -> dict[str, Any]:
    """Everything known of one incident, ready for JSON; InputError where there is none such."""
    opened = view.rows("incident_opened")
    if number not in opened.subject:
        known = np.unique(opened.subject)
        raise InputError(
            f"--incident {number}: the run has no such incident; it has {known.size}"
            + (f", numbered {int(known[0])} to {int(known[-1])}" if known.size else "")
        )
    mine = opened.row[opened.subject == number]
    why = chain(view.codes, int(mine[0]))[1:][::-1]
    rows = np.setdiff1d(np.flatnonzero(_members(view, number)), why)
    table = response_table(view.codes)
    steps = table[table.incident == number].iloc[0]
    place = view.rows("incident_opened").where(opened.subject == number)
    return {
        "incident": number,
        "place": names.incident_place(number),
        "people": int(place.value.sum()),
        "causes": [_line(view, names, int(r)) for r in why],
        "steps": [_line(view, names, int(r)) for r in rows],
        "intervals_s": {
            "opened_to_call": _gap(steps, "opened_s", "call_s"),
            "call_to_answer": _gap(steps, "call_s", "answered_s"),
            "answer_to_dispatch": _gap(steps, "answered_s", "dispatched_s"),
            "dispatch_to_departure": _gap(steps, "dispatched_s", "departed_s"),
            "departure_to_scene": _gap(steps, "departed_s", "arrived_s"),
        },
        "closed": bool((view.rows("incident_closed").subject == number).any()),
    }


def _gap(steps: Any, first: str, second: str) -> float | None:
    value = float(steps[second]) - float(steps[first])
    return None if np.isnan(value) else value


def _members(view: RunView, number: int) -> NDArray[np.bool_]:
    """Rows of the log that belong to the incident [events]."""
    codes = view.codes
    kind, subject = codes["kind"].to_numpy(), codes["subject"].to_numpy()
    target = codes["object"].to_numpy()
    incident = ENTITY_CODE["incident"]
    of_subject = codes["subject_type"].to_numpy() == incident
    of_object = (codes["object_type"].to_numpy() == incident) & (target >= 0)
    mine = (of_subject & (subject == number)) | (of_object & (target == number))
    other = (of_subject | of_object) & ~mine
    ends = np.isin(kind, [KIND_CODE[k] for k in _LEAVES])
    shared = np.isin(kind, [KIND_CODE[k] for k in KIND_CODE if _about_unit(k)])
    # A cause is an earlier row, so one pass forwards finds all that follows.
    for row in np.flatnonzero(view.cause >= 0).tolist():
        above = int(view.cause[row])
        if mine[above] and not other[row] and not ends[above] and shared[row]:
            mine[row] = True
    people = set(subject[mine & np.isin(kind, [KIND_CODE[k] for k in _CARE])].tolist())
    for row in np.flatnonzero(mine & (kind == KIND_CODE["incident_opened"])).tolist():
        above = int(view.cause[row])
        if above >= 0 and KINDS[int(kind[above])].subject == "person":
            people.add(int(subject[above]))
    fate = np.isin(kind, [KIND_CODE[k] for k in _FATE])
    return np.asarray(mine | (fate & np.isin(subject, list(people))), np.bool_)


def _about_unit(kind: str) -> bool:
    """Kinds that tell of a unit at work, its patients, or the incident itself."""
    row = KINDS[KIND_CODE[kind]]
    return row.subject in ("unit", "incident") or kind in _FATE or kind == "hospital_full"


def _line(view: RunView, names: Names, row: int) -> dict[str, Any]:
    event = view.codes.iloc[row]
    kind = KINDS[int(event["kind"])]
    t_ms, value = int(event["t_ms"]), float(event["value"])
    subject = names.of(kind.subject, int(event["subject"]))
    target = names.of(kind.object, int(event["object"]))
    return {
        "event": row, "t_s": t_ms / 1000, "local": view.local(t_ms).strftime("%H:%M:%S"),
        "elapsed": elapsed(t_ms), "kind": kind.name,
        "text": _sentence(kind.name, subject, target, value, int(event["object"]))
        or _as_in_the_log(view, names, row, kind.name),
        "reported": kind.visibility in ("seen", "decision") or kind.subject == "unit",
    }


def _as_in_the_log(view: RunView, names: Names, row: int, kind: str) -> str:
    """An event that is no step of a rescue, told as the log would tell it alone."""
    rows = view.rows(kind)
    one = rows.where(rows.row == row)
    teller = Teller(view, names)
    return (RULES[kind].tell(teller, one) if kind in RULES else teller.other(one)).rstrip(".")


def _sentence(kind: str, who: str, what: str, value: float, target: int) -> str:
    """An event as a step; empty where the log's own sentence does."""
    severity = ("", "lightly", "seriously", "critically")
    told = {
        "earthquake": f"earthquake, magnitude {value:.1f}",
        "zone_shaken": f"{who}: strong shaking, {value:.2f} g",
        "building_damaged": f"building at {who} damaged, state {value:.0f} of 5",
        "person_hurt": f"{who} {severity[min(max(int(value), 0), 3)]} hurt ({what or 'no cause known'})",
        "zone_flooded": f"water on land in {who}",
        "sea_disturbed": f"the sea leaves its rest at {who}",
        "party_in_water": f"{who} stand in water, {value:.1f} m deep",
        "person_trapped": f"{who} trapped in the building",
        "person_swept": f"{who} swept off the feet by the water",
        "person_died": f"{who} dies ({what or 'no cause known'})",
        "incident_opened": f"{count(int(value), 'person needs help', 'people need help')}",
        "call_made": f"somebody calls for help, {what}",
        "call_delayed": f"the call is held up: {what}; {value / 60:.0f} min on foot to a station",
        "call_answered": "call answered " + (f"after {lasting(value)}" if value >= 1 else "without a wait"),
        "dispatch_held": f"nobody sent for now: {what}",
        "unit_dispatched": f"{who} ordered, {away(value)}",
        "unit_departed": f"{who} leaves",
        "unit_arrived": f"{who} on scene after {value / 60:.0f} min on the road",
        "crew_walks_to_scene": f"crew of {who} walks on to the scene, {away(value)}",
        "crew_walks_back": f"crew of {who} walks back to the vehicle",
        "crew_back": f"crew of {who} at the vehicle after {value / 60:.0f} min on foot",
        "unit_delayed": f"{who} delayed by {value / 60:.0f} min: {what}",
        "unit_blocked": f"{who} meets a street closed without a report ({what}), "
                        + (f"{lasting(value)} longer round" if value >= 0 else "no other way"),
        "unit_caught": f"the water takes the vehicle of {who}, {value:.1f} m deep",
        "unit_withdrawn": f"{who} ordered out of the danger zone" + (f": {what}" if what else ""),
        "unit_unloaded": f"{who} sets {count(int(value), 'person', 'people')} down, {what}",
        "aid_arrived": f"{who} comes from a neighbour",
        "mission_ordered": f"{who} ordered to another errand, {what}",
        "crew_on_foot": f"crew of {who} leaves the vehicle and walks to safety, {what}",
        "crew_in_safety": f"crew of {who} in safety after {lasting(value)} on foot",
        "crew_caught": f"the water takes the crew of {who} on foot, {value:.1f} m deep",
        "responders_died": f"{count(int(value), 'responder')} of {who} killed by the water",
        "crush_reported": "a caller tells of a crush",
        "unit_turned_back": f"{who} turns back: {what}",
        "person_treated": f"{who} treated {f'by {what}' if what else 'at the door and sent home'}",
        "self_referred": f"{who} sets out for {what} without an ambulance, {away(value)}",
        "person_rescued": f"{who} freed by {what}",
        "transport_started": f"{who} on the way to {what if target >= 0 else 'a hospital'}",
        "person_admitted": f"{who} admitted to {what}, {value:.0f} beds in use there",
        "hospital_full": f"{who} has no bed free",
        "unit_available": f"{who} free again",
        "incident_closed": "closed: nobody is left who needs help there" + (f" ({what})" if what else ""),
    }
    alert = ("feel the shaking", "receive the order", "hear of the order from neighbours",
             "see the water", "see the sea draw back or rise", "are told at the door")
    if kind == "party_alerted":
        return f"{who} {alert[min(max(int(value), 0), len(alert) - 1)]}"
    party = {
        "party_decided": f"decide to leave, {'by car' if what == 'car' else 'on foot'}",
        "party_refused": f"decide to stay ({what})", "party_departed": "set out",
        "party_left_zone": "are out of the danger zone", "party_arrived": f"reach safety, {what}",
        "party_rerouted": f"turn to {what}", "party_to_refuge": f"make for {what}",
        "party_in_refuge": f"are in {what}", "party_no_place": f"find {what} shut or full",
        "party_let_in": f"are let into {what}", "party_out_of_water": "are out of the water",
        "party_going_home": "set out home after the all-clear",
        "party_heard_rumour": "hear the rumour", "party_waits": "wait for a bus",
        "party_boarded": f"are on board, {what}", "party_led": "are led out by staff",
        "party_on_road": "are on the road as it begins", "party_trip_ended": "are where they were going",
    }
    return told.get(kind) or (f"{who} {party[kind]}" if kind in party else "")


def story_lines(story: dict[str, Any]) -> list[str]:
    """The story as text."""
    out = [
        f"INCIDENT {story['incident']:04d}   {story['place']}",
        f"{count(story['people'], 'person', 'people')} in need; "
        f"{'closed' if story['closed'] else 'open at the end of the run'}.", "",
        "What led to it",
    ]
    out += [line for step in story["causes"] for line in _step(step)]
    out += ["", "From the call to the close (R reported, A actual only)"]
    out += [line for step in story["steps"] for line in _step(step)]
    out += ["", "Intervals"]
    words = {
        "opened_to_call": "until somebody called", "call_to_answer": "until the call was answered",
        "answer_to_dispatch": "until the first unit was ordered",
        "dispatch_to_departure": "turnout", "departure_to_scene": "on the road",
    }
    for key, text in words.items():
        value = story["intervals_s"][key]
        shown = "did not happen" if value is None else f"{value:,.0f} s"
        out.append(f"  {text:<36}{shown:>16}")
    return out


def _step(step: dict[str, Any]) -> list[str]:
    head = f"  {step['local']}  {step['elapsed']:<7} {'R' if step['reported'] else 'A'}  "
    text = step["text"]
    return hang(head, f"{text[:1].upper()}{text[1:]}.")

