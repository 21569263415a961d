"""Event kinds, the event log and its digest.

The log is the truth of a run: one row for every state change that someone could ask about,
with the row that caused it. Columns are numpy arrays that grow by doubling; rows are appended
phase by phase in the written order, sorted inside a phase, so the log of a run is a function
of its inputs alone. Scores, reports and replays read the log and never World.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from engine.errors import RunError

#: What a subject or object number refers to. "reason" objects index REASONS, "cause" objects
#: index CAUSES, "mode" objects MODES; the others are rows of City or World.
ENTITIES = (
    "none", "run", "zone", "building", "street", "edge", "node", "party", "person", "vehicle",
    "unit", "facility", "incident", "channel", "reason", "cause", "mode",
    "control", "gauge", "input", "phase", "refuge", "mission", "venue", "camera",
)

REASONS = (
    "none",
    # people who did not leave, or did not arrive
    "not ordered", "not warned", "not believed", "refused", "still preparing", "cannot leave alone",
    "on the way", "no route", "destination full", "in water", "stranded by water",
    "stranded on closed road", "car abandoned in jam", "road blocked by debris", "road under water",
    "road closed by police", "bridge damaged", "trapped", "hurt", "dead", "outside danger zone",
    "guarding property",
    # units
    "no unit free", "no way to scene", "scene inside exclusion zone", "no hospital bed",
    "queue at call centre", "no telephone service", "traffic", "no way back before the wave",
    "hospital damaged", "hospital without power", "queue at hospital",
    # people cut off by water in a building
    "upstairs above water", "cut off on one floor",
    # people who went back before the all-clear
    "fetching family", "all quiet", "returned before the all-clear",
    "held at school",
    "withdrawn before the wave",
    # orders on streets
    "street for walkers", "one-way street", "contraflow", "inbound ban",
    "heard that the alert is cancelled",
    # people after the all-clear
    "buildings destroyed", "home not habitable",
    # vertical refuges
    "building damaged", "no staff", "water too deep for the refuge",
    # family to be fetched
    "gone already",
    # crews that leave their vehicle
    "no way out of the zone",
    # calls for help, and patients on board
    "nobody called", "hospitals inside exclusion zone", "no way to a hospital",
    "no way on foot",
    # homes emptied on foot
    "too late to be out before the wave",
    # how people left an incident (or "dead")
    "needs no help any more", "taken to hospital", "went to hospital by themselves",
    # cameras at a venue
    "no electricity",
    "hospital evacuated",
)
CAUSES = ("none", "shaking", "tsunami", "trapped", "untreated")
MODES = ("none", "foot", "car")
ALERTS = ("felt", "order", "neighbours", "water", "sea", "visit")


@dataclass(frozen=True)
class Kind:
    """One row of the event table: who it is about, what `value` means and who may see it."""

    name: str
    subject: str
    object: str
    unit: str
    visibility: str  # truth, seen or decision
    meaning: str
    exogenous: bool = False  # may lack a cause: scripted inputs and onset of hazards


KINDS: tuple[Kind, ...] = tuple(
    Kind(*row)
    for row in [
        # name, subject, object, unit, visibility, meaning, exogenous
        ("run_started", "run", "none", "", "truth", "the run begins; value is the population", True),
        ("party_formed", "person", "party", "node", "truth",
         "who is with whom and at which junction when it begins", False),
        ("party_placed", "party", "zone", "node", "truth",
         "zone and nearest junction where the party begins", False),
        ("earthquake", "run", "none", "Mw", "truth", "rupture begins", True),
        ("zone_shaken", "zone", "none", "g", "truth", "strong shaking arrives; peak ground acceleration", False),
        ("building_damaged", "building", "none", "state", "truth",
         "HAZUS damage state 1 slight to 4 complete, 5 collapsed", False),
        ("person_hurt", "person", "cause", "severity", "truth", "HAZUS severity 1 to 3", False),
        ("person_trapped", "person", "building", "", "truth", "trapped in a building", False),
        ("person_died", "person", "cause", "", "truth", "dies", False),
        ("street_narrowed", "street", "reason", "m", "truth", "effective width left by rubble", False),
        ("street_closed", "street", "reason", "", "truth", "no vehicle can pass", False),
        ("street_opened", "street", "reason", "", "truth", "vehicles can pass again", False),
        ("power_lost", "zone", "none", "", "truth", "no electricity", False),
        ("power_restored", "zone", "none", "", "truth", "electricity is back", False),
        ("telecom_lost", "zone", "none", "", "truth", "telephones do not work", False),
        ("telecom_restored", "zone", "none", "", "truth", "telephones work again", False),
        ("sea_disturbed", "gauge", "none", "m", "truth", "sea level leaves its rest by 0.1 m", False),
        ("sea_crest", "gauge", "none", "m", "truth", "a new highest sea level (after it has passed)", False),
        ("zone_flooded", "zone", "none", "m", "truth", "first water above 0.1 m on land", False),
        ("intensity_reported", "run", "none", "MMI", "seen", "seismic network reports intensity", False),
        ("gauge_reported", "gauge", "none", "m", "seen", "tide gauge reports a disturbed sea", False),
        ("magnitude_reported", "run", "none", "Mw", "seen", "seismic network reports the magnitude", False),
        ("street_reported", "street", "reason", "s", "seen",
         "the command centre learns that a street is closed (reason none: open again); value is the"
         " time since", False),
        ("arrival_predicted", "run", "none", "s", "decision",
         "first wave expected; value is the time after the earthquake", False),
        ("order_decided", "run", "none", "", "decision", "evacuation order decided", False),
        ("order_confirmed", "run", "none", "s", "decision",
         "those who answer for the order confirm it; value is the time that took", False),
        ("order_issued", "zone", "phase", "", "decision", "the order goes out for a zone", False),
        ("channel_started", "channel", "zone", "share", "seen",
         "a warning channel carries the order in a zone; share of parties in its reach", False),
        ("leaders_called", "zone", "none", "leaders", "seen",
         "street leaders are telephoned; value is how many acknowledge", False),
        ("leaders_started", "zone", "none", "leaders", "truth",
         "street leaders begin by themselves after strong shaking; value is how many", False),
        ("doors_started", "zone", "mission", "teams", "seen",
         "teams begin to go from door to door: crews of a mission, without one volunteers", False),
        ("doors_ended", "zone", "reason", "teams", "seen",
         "teams of volunteers leave the doors: their time is over (none), or before the wave", False),
        ("doors_held", "phase", "reason", "teams", "decision",
         "teams of volunteers are not sent to the doors of an order zone", False),
        ("alert_cancelled", "run", "none", "", "seen", "the sea's service cancels the alert", False),
        ("all_clear", "run", "none", "", "decision", "authorities lift the order", False),
        ("party_alerted", "party", "cause", "alert", "truth",
         "first cue of this kind: 0 felt shaking, 1 order, 2 neighbours, 3 water, 4 sea drawn back or risen, 5 somebody knocks", False),
        ("party_decided", "party", "mode", "s", "truth", "decides to leave; value is time to prepare", False),
        ("party_refused", "party", "reason", "", "truth", "decides to stay", False),
        ("party_sheltered", "party", "reason", "m", "truth",
         "cut off by water in its building: upstairs or on the one floor; value is the depth at the door", False),
        ("party_released", "party", "none", "m", "truth",
         "the street can be waded again; value is the depth at the door", False),
        ("party_departed", "party", "mode", "node", "truth", "leaves; value is the junction", False),
        ("party_mode_changed", "party", "mode", "node", "truth", "leaves the car and walks on", False),
        ("party_rerouted", "party", "facility", "", "truth", "turns to another destination", False),
        ("party_turned_back", "party", "control", "s", "truth",
         "its car is turned away by an inbound ban; value is how much longer the way is", False),
        ("party_on_road", "party", "zone", "s", "truth",
         "is on the way by car as the event begins; value is the way that is left on empty roads", False),
        ("party_trip_ended", "party", "zone", "s", "truth",
         "is where it was going as the event began, outside the danger zone", False),
        ("party_met_closure", "party", "street", "s", "truth",
         "its driver comes to a street closed to vehicles and turns; value is how much longer the way is than he"
         " had in mind, -1 no way", False),
        ("party_blocked", "party", "reason", "node", "truth", "cannot go on", False),
        ("party_left_zone", "party", "zone", "", "truth", "is out of the danger zone", False),
        ("party_arrived", "party", "facility", "s", "truth",
         "reaches safety; facility -1 is high ground; value is the travel time", False),
        ("party_to_refuge", "party", "refuge", "s", "truth",
         "makes for a vertical refuge, nearer than high ground; value is the walk on empty streets", False),
        ("party_in_refuge", "party", "refuge", "s", "truth",
         "reaches a vertical refuge; value is the travel time", False),
        ("pickup_agreed", "party", "party", "", "truth",
         "reaches somebody of its household by telephone: they meet in safety, nobody is fetched", False),
        ("pickup_set_out", "party", "party", "m", "truth",
         "sets out to fetch somebody of its household; value is the straight distance", False),
        ("pickup_met", "party", "party", "s", "truth",
         "has come to them, and they go on together; value is the travel time", False),
        ("pickup_missed", "party", "reason", "s", "truth",
         "goes on without them; value is the time since setting out", False),
        ("party_returning", "party", "reason", "", "truth", "goes back home before the all-clear", False),
        ("party_returned", "party", "zone", "s", "truth",
         "is back home before the all-clear; value is the travel time", False),
        ("rumour_started", "run", "none", "", "truth",
         "a rumour begins: 0 the alert is cancelled, 1 a larger wave is coming", True),
        ("party_heard_rumour", "party", "none", "", "truth", "hears the rumour; value is its kind", False),
        ("rumour_noticed", "run", "none", "share", "seen",
         "the command centre notices the rumour; value is the share that has heard it", False),
        ("rumour_denied", "run", "none", "share", "decision",
         "a channel denies the rumour; value is the share it reaches", False),
        ("return_opened", "zone", "none", "s", "decision",
         "people may go home; value is the time after the zone's turn", False),
        ("return_held", "zone", "reason", "share", "decision",
         "the zone stays closed after the all-clear; value is the share of buildings destroyed", False),
        ("party_going_home", "party", "zone", "", "truth", "sets out home after the all-clear", False),
        ("party_stays_away", "party", "reason", "", "truth", "does not go home after the all-clear", False),
        ("party_home", "party", "zone", "s", "truth",
         "is home after the all-clear; value is the travel time", False),
        ("party_in_water", "party", "none", "m", "truth", "stands in water above 0.3 m", False),
        ("party_out_of_water", "party", "none", "", "truth", "is out of the water", False),
        ("person_swept", "person", "none", "m2/s", "truth", "loses stability in moving water", False),
        ("call_made", "incident", "zone", "", "truth", "somebody calls for help", False),
        ("call_delayed", "incident", "reason", "s", "truth",
         "nobody there can telephone; value is the walk to the nearest station", False),
        ("call_answered", "incident", "none", "s", "seen", "call answered; value is the wait", False),
        ("incident_opened", "incident", "building", "people", "truth", "people need help at a building", False),
        ("incident_closed", "incident", "reason", "s", "truth",
         "nobody is left who needs help there; the reason is how people left it: dead, if somebody died there",
         False),
        ("dispatch_held", "incident", "reason", "s", "decision",
         "nobody is sent for now; value is the time since it became known", False),
        ("unit_dispatched", "unit", "incident", "s", "decision", "ordered; value is the expected travel time", False),
        ("aid_requested", "run", "none", "units", "decision", "a neighbouring city is asked for units", False),
        ("aid_arrived", "unit", "none", "", "truth", "a neighbour's unit reaches the gate", False),
        ("unit_departed", "unit", "incident", "s", "truth",
         "wheels roll after turnout; value is the time since the order", False),
        ("unit_arrived", "unit", "incident", "s", "truth", "on scene; value is the travel time", False),
        ("unit_delayed", "unit", "reason", "s", "truth", "largest delay on the leg, over 60 s", False),
        ("unit_blocked", "unit", "reason", "s", "truth",
         "meets a closed street nobody had reported, turns and tells; value is the detour, -1 no way",
         False),
        ("unit_caught", "unit", "none", "m", "truth", "the water takes the vehicle; value is its depth", False),
        ("crew_on_foot", "unit", "reason", "s", "truth",
         "the crew leaves its vehicle in the exclusion zone and walks to safety; value is the walk expected",
         False),
        ("crew_in_safety", "unit", "none", "s", "truth",
         "the crew is in safety without its vehicle; value is the time on foot", False),
        ("crew_walks_to_scene", "unit", "incident", "s", "truth",
         "the crew leaves its vehicle and walks to the scene; value is the walk expected", False),
        ("crew_walks_back", "unit", "none", "", "truth", "the crew sets out to its vehicle on foot", False),
        ("crew_back", "unit", "none", "s", "truth",
         "the crew is at its vehicle again; value is the time on foot", False),
        ("crew_caught", "unit", "none", "m", "truth",
         "the water takes a crew on foot; value is its depth", False),
        ("responders_died", "unit", "none", "people", "truth", "crew members killed by the water", False),
        ("unit_turned_back", "unit", "reason", "", "truth", "cannot reach or must not enter", False),
        ("person_rescued", "person", "unit", "", "truth", "freed from a building", False),
        ("person_treated", "person", "unit", "", "truth",
         "treated on scene; unit -1: at a hospital's door, and sent home", False),
        ("self_referred", "person", "facility", "s", "truth",
         "sets out for hospital without an ambulance; value is the travel time", False),
        ("transport_started", "person", "facility", "", "truth", "on the way to hospital", False),
        ("person_admitted", "person", "facility", "beds", "truth",
         "admitted; value is beds in use there", False),
        ("hospital_shut", "facility", "reason", "", "truth", "takes no more patients", False),
        ("hospital_opened", "facility", "reason", "", "truth", "takes patients again", False),
        ("fuel_trucks_sent", "run", "none", "people", "decision",
         "fuel trucks are sent; value is their crews", False),
        ("hospital_fuelled", "facility", "none", "h", "truth",
         "fuel for the generator arrives; value is the running time", False),
        ("channel_fuelled", "zone", "channel", "h", "truth",
         "fuel for telephone masts or sirens arrives; value is the running time", False),
        ("hospital_full", "facility", "none", "beds", "truth", "no bed free at admission", False),
        ("unit_available", "unit", "none", "", "truth", "free for the next task", False),
        ("unit_withdrawn", "unit", "reason", "", "decision", "ordered out of the exclusion zone", False),
        ("control_held", "control", "reason", "s", "decision",
         "no officers are sent for now; value is the time since the order", False),
        ("control_staffed", "control", "unit", "", "truth", "officers work the junction", False),
        ("control_left", "control", "unit", "", "truth", "officers leave the junction", False),
        ("street_order_set", "control", "reason", "m", "truth",
         "an order on a street is in force, its barriers stand; value is the length", False),
        ("lanes_turned", "control", "reason", "veh/h", "truth",
         "vehicles have left the opposite lanes, which now serve the way out; value is the capacity"
         " gained, mean over the links", False),
        ("street_order_ended", "control", "reason", "", "truth",
         "an order on a street ends: its time is over or its officers have left", False),
        ("mission_held", "mission", "reason", "people", "decision",
         "no vehicle is sent for those who wait; value is how many they are", False),
        ("mission_ordered", "unit", "mission", "s", "decision",
         "ordered to fetch people; value is the expected travel time", False),
        ("party_waits", "party", "mission", "s", "truth",
         "is at a pick-up and waits for a bus; value is the time it took to get there", False),
        ("party_boarded", "party", "unit", "s", "truth",
         "is on board; value is the time that getting on took", False),
        ("escorts_start", "mission", "facility", "people", "decision",
         "the staff of a home begin to lead its residents out on foot; value is the staff", False),
        ("party_led", "party", "mission", "s", "truth",
         "is led or pushed out of its home by staff; value is the time since they began", False),
        ("escort_back", "mission", "none", "s", "truth",
         "a member of staff is back at the home for the next; value is the time on foot", False),
        ("escorts_done", "mission", "reason", "people", "decision",
         "nobody else is led out of the home; value is how many stay there", False),
        ("unit_unloaded", "unit", "facility", "people", "truth",
         "sets people down; facility -1 is high ground, -1 also where it goes no further", False),
        ("shelter_opened", "facility", "none", "places", "decision", "the shelter opens", False),
        ("shelter_staffed", "facility", "none", "people", "seen", "its staff are at the shelter", False),
        ("shelter_held", "facility", "reason", "people", "decision",
         "the shelter does not open; value is the staff it would need", False),
        ("shelter_full", "facility", "none", "places", "truth", "all places are taken", False),
        ("meeting_point_opened", "facility", "none", "places", "seen",
         "the keyholder opens the gate of a meeting point", False),
        ("meeting_point_full", "facility", "none", "places", "truth",
         "all its places are taken: who comes later stays beside it or goes on to high ground", False),
        ("party_no_place", "party", "facility", "people", "truth",
         "finds a meeting point shut or full; value is the people in it", False),
        ("party_let_in", "party", "facility", "s", "truth",
         "goes into a meeting point whose gate opens, from the street beside it; value is the wait", False),
        ("refuge_opened", "refuge", "none", "places", "seen",
         "the keyholder opens a vertical refuge", False),
        ("refuge_full", "refuge", "none", "places", "truth", "all its places are taken", False),
        ("refuge_lost", "refuge", "reason", "places", "truth",
         "found damaged and not opened, or lost to the sea; value is the places lost", False),
        ("input_applied", "input", "none", "", "decision", "an inject, decision or observation from outside", True),
        # crowds at venues
        ("crowd_began", "venue", "none", "people", "truth",
         "visitors begin to leave a venue; value is how many they are", False),
        ("crowd_dense", "venue", "none", "/m2", "truth",
         "people are pressed together at a venue; value is the local density", False),
        ("crowd_exposed", "venue", "none", "person-s", "truth",
         "time that people spent so pressed together during the last minute", False),
        ("crowd_metered", "venue", "none", "/min", "truth",
         "officers hold the crowd back and let people on; value is how many a minute", False),
        ("crowd_let_go", "venue", "none", "people", "truth",
         "officers have left, and those who had not set out do so in their own time; value is how many", False),
        ("crowd_gone", "venue", "none", "s", "truth",
         "everybody has left the venue; value is the time that took", False),
        ("camera_counted", "camera", "venue", "people", "seen",
         "a camera counts heads in its field: a number, never who", False),
        ("camera_silent", "camera", "reason", "", "seen", "no count comes from a camera any more", False),
        ("crowd_eased", "venue", "none", "/m2", "seen",
         "officers report that nobody is held back and people walk freely; value is the density", False),
        ("crush_reported", "incident", "venue", "/m2", "truth",
         "people pressed together at a venue need help; value is the local density", False),
        ("crowd_crush_risk", "venue", "none", "/m2", "decision",
         "the command centre opens an incident: a crush is feared; value is the density counted, 0 by call",
         False),
        ("crowd_crush_over", "venue", "none", "s", "decision",
         "the command centre closes that incident; value is how long it was open", False),
    ]
)

KIND_CODE: dict[str, int] = {kind.name: code for code, kind in enumerate(KINDS)}
ENTITY_CODE: dict[str, int] = {name: code for code, name in enumerate(ENTITIES)}
_SUBJECT = np.array([ENTITY_CODE[k.subject] for k in KINDS], np.uint16)
_OBJECT = np.array([ENTITY_CODE[k.object] for k in KINDS], np.uint16)
_EXOGENOUS = np.array([k.exogenous for k in KINDS], np.bool_)

MAX_ROWS = 5_000_000

_COLUMNS: dict[str, Any] = {
    "t_ms": np.int64, "kind": np.uint16, "subject": np.int64, "object": np.int64,
    "value": np.float64, "cause": np.int64,
}


def reason(name: str) -> int:
    """Code of a reason name."""
    return REASONS.index(name)


class EventLog:
    """Append-only columns of events."""

    def __init__(self) -> None:
        self._size = 0
        self._data = {name: np.empty(1024, dtype) for name, dtype in _COLUMNS.items()}

    def __len__(self) -> int:
        return self._size

    def column(self, name: str) -> NDArray[Any]:
        """Read-only view of one column, without copying."""
        view = self._data[name][: self._size]
        view.setflags(write=False)
        return view

    def add(
        self, kind: str, t_ms: int, subject: int = -1, object: int = -1, value: float = 0.0,
        cause: int = -1,
    ) -> int:
        """Append one event and return its row number."""
        return int(self.extend(kind, t_ms, [subject], object, value, cause)[0])

    def extend(
        self, kind: str, t_ms: ArrayLike, subject: ArrayLike, object: ArrayLike = -1,
        value: ArrayLike = 0.0, cause: ArrayLike = -1,
    ) -> NDArray[np.int64]:
        """Append one event for each of `subject` [n] (others scalar or [n]); return the rows.

        Callers pass subjects in a fixed order (sorted by time, then number): the order of rows
        is part of the digest. Raises RunError for a cause that is not an earlier row and for a
        missing cause where the kind is not exogenous.
        """
        code = KIND_CODE[kind]
        subjects = np.atleast_1d(np.asarray(subject, np.int64))
        n = subjects.size
        first = self._size
        if n == 0:
            return np.empty(0, np.int64)
        if first + n > MAX_ROWS:
            raise RunError(f"the event log would pass {MAX_ROWS:,} rows at '{kind}'")
        causes = np.broadcast_to(np.asarray(cause, np.int64), n)
        if causes.max() >= first or causes.min() < -1:
            raise RunError(f"event '{kind}': a cause must be an earlier row")
        if not _EXOGENOUS[code] and causes.min() < 0:
            raise RunError(f"event '{kind}' has no cause")
        self._grow(first + n)
        where = slice(first, first + n)
        # An effect is never earlier than its cause.
        times = np.broadcast_to(np.asarray(t_ms, np.int64), n)
        before = np.where(causes >= 0, self._data["t_ms"][np.maximum(causes, 0)], 0)
        self._data["t_ms"][where] = np.maximum(times, before)
        self._data["kind"][where] = code
        self._data["subject"][where] = subjects
        self._data["object"][where] = object
        self._data["value"][where] = value
        self._data["cause"][where] = causes
        self._size = first + n
        return np.arange(first, first + n, dtype=np.int64)

    def _grow(self, need: int) -> None:
        capacity = self._data["kind"].size
        if need <= capacity:
            return
        while capacity < need:
            capacity *= 2
        for name, old in self._data.items():
            new = np.empty(capacity, old.dtype)
            new[: self._size] = old[: self._size]
            self._data[name] = new

    def digest(self) -> str:
        """SHA-256 of the log's columns, in order of time."""
        sha = hashlib.sha256()
        columns = self._in_order()
        for name in _COLUMNS:
            sha.update(name.encode())
            sha.update(np.ascontiguousarray(columns[name]).tobytes())
        return sha.hexdigest()

    def _in_order(self) -> dict[str, NDArray[Any]]:
        """Columns sorted by time (phases of one tick append in phase order), causes renumbered.

        An effect is appended after its cause and is never earlier, so a stable sort by time keeps
        every cause above its effects.
        """
        order = np.argsort(self._data["t_ms"][: self._size], kind="stable")
        new_row = np.empty(self._size, np.int64)
        new_row[order] = np.arange(self._size)
        columns = {name: data[: self._size][order] for name, data in self._data.items()}
        cause = columns["cause"]
        columns["cause"] = np.where(cause >= 0, new_row[np.maximum(cause, 0)], -1)
        return columns

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Copy of the columns, for `restore`."""
        return {name: data[: self._size].copy() for name, data in self._data.items()}

    @classmethod
    def restore(cls, columns: dict[str, NDArray[Any]]) -> EventLog:
        """Log that continues from a snapshot."""
        log = cls()
        log._size = int(columns["kind"].size)
        log._data = {name: np.array(data) for name, data in columns.items()}
        for name, data in log._data.items():
            if data.size < 1024:
                log._data[name] = np.resize(data, 1024) if data.size else np.empty(1024, data.dtype)
        return log

    def codes(self) -> pd.DataFrame:
        """The log as stored on disk: codes, in order of time, event number first."""
        columns = self._in_order()
        kind = columns["kind"]
        return pd.DataFrame(
            {
                "event": np.arange(self._size, dtype=np.int64),
                "t_ms": columns["t_ms"],
                "kind": kind,
                "subject_type": _SUBJECT[kind],
                "subject": columns["subject"],
                "object_type": _OBJECT[kind],
                "object": columns["object"],
                "value": columns["value"],
                "cause": columns["cause"],
            }
        )


def category(codes: NDArray[Any], names: Sequence[str]) -> pd.Categorical:
    """Return `codes` [n] as categories of `names`."""
    return pd.Categorical.from_codes(
        codes.astype(np.int16), categories=pd.Index(list(names))  # type: ignore[arg-type]
    )


def named(codes: pd.DataFrame) -> pd.DataFrame:
    """Return a log with names (categories) instead of codes."""
    out = codes.copy()
    for column, names in (
        ("kind", [k.name for k in KINDS]), ("subject_type", ENTITIES), ("object_type", ENTITIES),
    ):
        out[column] = category(out[column].to_numpy(), names)
    return out


def chain(codes: pd.DataFrame, event: int) -> list[int]:
    """Walk the causes of `event` up to its origin; the first entry is `event` itself."""
    cause = codes["cause"].to_numpy()
    rows = [int(event)]
    while cause[rows[-1]] >= 0:
        rows.append(int(cause[rows[-1]]))
    return rows


def tables() -> dict[str, list[str]]:
    """Code tables for the manifest."""
    return {
        "kinds": [k.name for k in KINDS], "entities": list(ENTITIES), "reasons": list(REASONS),
        "causes": list(CAUSES), "modes": list(MODES),
        "alerts": list(ALERTS),
    }
