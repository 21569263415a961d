"""The log of a run condensed to what a duty officer would write down.

Events of one kind that come within a few minutes of each other are one entry: how many, where, by
name. A kind without a rule of its own is told by its name and counted, so that nothing that
happened is missing because nobody wrote a sentence for it; kinds in `SILENT` are told in sums by
the situation reports and by milestones ("half are out").

An entry is *reported* where command knew it at that time (its visibility is `seen` or `decision`,
or its own units, instruments or utilities report it) and *actual* where only the run knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engine.events import KINDS, REASONS
from engine.scoring.columns import Rows
from engine.timeline import command_told, crowds, people_told, places, units_told
from engine.timeline.names import Names
from engine.timeline.people import flow
from engine.timeline.sentences import Teller
from engine.timeline.view import CLOSURES_KNOWN, RunView

#: Told by milestones and situation reports, or the small change of other entries.
SILENT = {
    "run_started", "party_formed", "party_placed", "party_alerted", "party_decided",
    "party_refused", "party_departed", "party_rerouted", "party_left_zone", "party_arrived",
    "party_to_refuge", "party_in_refuge", "party_no_place",
    "party_let_in", "shelter_staffed",
    "party_going_home", "party_heard_rumour",
    "party_out_of_water", "zone_shaken", "person_treated", "transport_started", "unit_departed",
    "unit_available", "incident_opened", "call_made", "incident_closed", "street_narrowed",
    "party_boarded", "party_waits", "party_on_road", "party_trip_ended", "party_led",
    "camera_counted", "crowd_exposed", "crowd_let_go", "crush_reported",
}
#: Entries of kinds without a rule are joined when they come within this time.
_OTHER_WINDOW_S = 300.0


@dataclass(frozen=True)
class Entry:
    """One line of the log; `events` are the rows of the event log that it stands for."""

    t_ms: int
    source: str
    text: str
    reported: bool
    kind: str
    events: tuple[int, ...]


@dataclass(frozen=True)
class Rule:
    """How events of a kind are joined and told.

    Events within `window_s` of the first are one entry, kept apart by object where `by_object`
    holds; where the run has no more than `single_up_to` of them each has its own.
    """

    source: str
    reported: bool
    window_s: float
    tell: Callable[[Teller, Rows], str]
    by_object: bool = False
    single_up_to: int = 0


RULES: dict[str, Rule] = {
    "earthquake": Rule("Ground", False, 60, Teller.earthquake),
    "building_damaged": Rule("Buildings", False, 600, Teller.damaged),
    "person_hurt": Rule("Casualties", False, 300, Teller.hurt, True),
    "person_trapped": Rule("Casualties", False, 300, Teller.trapped),
    "person_died": Rule("Casualties", False, 900, Teller.died, True),
    "person_swept": Rule("Casualties", False, 900, Teller.swept),
    "party_in_water": Rule("Casualties", False, 900, Teller.in_water),
    "sea_disturbed": Rule("Sea", False, 60, Teller.disturbed),
    "sea_crest": Rule("Tide gauge", True, 300, Teller.crest),
    "zone_flooded": Rule("Sea", False, 300, Teller.flooded),
    "intensity_reported": Rule("Seismic net", True, 60, Teller.intensity),
    "magnitude_reported": Rule("Seismic net", True, 60, Teller.magnitude),
    "gauge_reported": Rule("Tide gauge", True, 60, Teller.gauge_report),
    "arrival_predicted": Rule("Command", True, 0, command_told.arrival),
    "order_decided": Rule("Command", True, 0, Teller.decided),
    "order_confirmed": Rule("Command", True, 0, command_told.confirmed),
    "order_issued": Rule("Command", True, 120, Teller.issued, True),
    "channel_started": Rule("Warning", True, 60, Teller.channel),
    "leaders_called": Rule("Warning", True, 300, command_told.leaders),
    "leaders_started": Rule("Warning", False, 300, command_told.leaders_begin),
    "doors_started": Rule("Warning", True, 300, command_told.doors),
    "doors_ended": Rule("Warning", True, 600, command_told.doors_ended, True),
    "doors_held": Rule("Warning", True, 300, command_told.doors_held, True),
    "shelter_opened": Rule("Shelters", True, 300, Teller.shelter_opened),
    "shelter_full": Rule("Shelters", True, 600, Teller.shelter_full),
    "shelter_held": Rule("Shelters", True, 300, places.shelter_held, True),
    "meeting_point_opened": Rule("Meeting", True, 300, places.meeting_opened),
    "meeting_point_full": Rule("Meeting", False, 600, places.meeting_full),
    "refuge_opened": Rule("Refuges", True, 300, places.refuge_opened),
    "refuge_full": Rule("Refuges", False, 600, places.refuge_full),
    "refuge_lost": Rule("Refuges", False, 600, places.refuge_lost, True),
    "rumour_started": Rule("People", False, 0, places.rumour_started),
    "rumour_noticed": Rule("Command", True, 0, places.rumour_noticed),
    "rumour_denied": Rule("Warning", True, 0, places.rumour_denied),
    "alert_cancelled": Rule("Command", True, 0, places.alert_cancelled),
    "return_opened": Rule("Command", True, 300, places.return_opened),
    "return_held": Rule("Command", True, 600, places.return_held, True),
    "party_returning": Rule("People", False, 1800, people_told.returning, True),
    "party_returned": Rule("People", False, 1800, people_told.returned),
    "party_sheltered": Rule("People", False, 1800, people_told.cut_off, True),
    "party_released": Rule("People", False, 1800, people_told.released),
    "party_home": Rule("People", False, 1800, places.home),
    "pickup_agreed": Rule("People", False, 1800, places.agreed),
    "pickup_set_out": Rule("People", False, 900, places.fetching),
    "pickup_met": Rule("People", False, 1800, places.fetched),
    "pickup_missed": Rule("People", False, 1800, places.missed, True),
    "party_stays_away": Rule("People", False, 1800, places.stays_away, True),
    "all_clear": Rule("Command", True, 0, Teller.all_clear),
    "input_applied": Rule("Exercise", True, 0, Teller.applied),
    "power_lost": Rule("Utilities", True, 120, Teller.service),
    "power_restored": Rule("Utilities", True, 120, Teller.service),
    "telecom_lost": Rule("Utilities", True, 120, Teller.service),
    "telecom_restored": Rule("Utilities", True, 120, Teller.service),
    "street_closed": Rule("Roads", CLOSURES_KNOWN, 600, Teller.closed, True),
    "street_opened": Rule("Roads", CLOSURES_KNOWN, 900, Teller.opened, True),
    "street_reported": Rule("Roads", True, 600, Teller.reported, True),
    "party_blocked": Rule("People", False, 1800, Teller.blocked, True),
    "party_met_closure": Rule("Roads", False, 900, Teller.met_closure),
    "party_mode_changed": Rule("People", False, 1800, Teller.left_car),
    "control_held": Rule("Police", True, 300, command_told.control_held, True),
    "control_staffed": Rule("Police", True, 0, Teller.control, single_up_to=1000),
    "control_left": Rule("Police", True, 120, Teller.control_left),
    "street_order_set": Rule("Police", True, 0, Teller.street_order, single_up_to=1000),
    "party_turned_back": Rule("Police", True, 600, Teller.turned_away, True),
    "lanes_turned": Rule("Police", True, 0, Teller.lanes_turned, single_up_to=1000),
    "street_order_ended": Rule("Police", True, 120, Teller.street_order_ended, True),
    "call_answered": Rule("Call centre", True, 600, units_told.answered, single_up_to=12),
    "call_delayed": Rule("Call centre", False, 900, units_told.call_delayed, True),
    "dispatch_held": Rule("Dispatch", True, 600, units_told.held, True, single_up_to=12),
    "unit_dispatched": Rule("Dispatch", True, 300, units_told.dispatched, single_up_to=24),
    "unit_arrived": Rule("Units", True, 300, units_told.arrived, single_up_to=24),
    "unit_delayed": Rule("Units", True, 600, units_told.delayed, True),
    "unit_turned_back": Rule("Units", True, 600, units_told.turned_back, True),
    "unit_blocked": Rule("Units", True, 600, command_told.blocked, True, single_up_to=6),
    "unit_caught": Rule("Units", False, 600, command_told.caught, single_up_to=6),
    "responders_died": Rule("Units", False, 600, command_told.died, single_up_to=6),
    "aid_requested": Rule("Command", True, 60, command_told.aid_requested),
    "aid_arrived": Rule("Units", True, 600, command_told.aid_arrived),
    "unit_withdrawn": Rule("Dispatch", True, 300, units_told.withdrawn),
    "crew_on_foot": Rule("Units", True, 600, units_told.crew_on_foot, True, single_up_to=12),
    "crew_in_safety": Rule("Units", True, 600, units_told.crew_in_safety, single_up_to=12),
    "crew_walks_to_scene": Rule("Units", True, 600, units_told.crew_walks_to_scene, single_up_to=12),
    "crew_walks_back": Rule("Units", True, 600, units_told.crew_walks_back, single_up_to=12),
    "crew_back": Rule("Units", True, 600, units_told.crew_back, single_up_to=12),
    "crew_caught": Rule("Units", False, 600, units_told.crew_caught, single_up_to=12),
    "person_rescued": Rule("Units", True, 900, units_told.rescued, single_up_to=6),
    "person_admitted": Rule("Hospitals", True, 1200, units_told.admitted, single_up_to=6),
    "self_referred": Rule("People", False, 1800, people_told.self_referred),
    "hospital_shut": Rule("Hospitals", True, 600, command_told.hospital_shut, True),
    "hospital_opened": Rule("Hospitals", True, 600, command_told.hospital_opened),
    "fuel_trucks_sent": Rule("Command", True, 0, places.trucks_sent),
    "hospital_fuelled": Rule("Hospitals", True, 600, places.hospital_fuelled),
    "channel_fuelled": Rule("Utilities", True, 1800, places.channel_fuelled, True),
    "hospital_full": Rule("Hospitals", True, 1800, units_told.full),
    "mission_held": Rule("Dispatch", True, 600, units_told.mission_held, True, single_up_to=12),
    "mission_ordered": Rule("Dispatch", True, 300, units_told.mission_ordered, True, single_up_to=24),
    "unit_unloaded": Rule("Units", True, 600, units_told.unloaded, True, single_up_to=24),
    "escorts_start": Rule("Care homes", True, 300, places.escorts_start),
    "escort_back": Rule("Care homes", False, 600, places.escort_back, single_up_to=6),
    "escorts_done": Rule("Care homes", True, 300, places.escorts_done, True, single_up_to=12),
    "crowd_began": Rule("Venues", False, 0, crowds.began, single_up_to=100),
    "crowd_dense": Rule("Venues", False, 0, crowds.dense, single_up_to=100),
    "camera_silent": Rule("Cameras", True, 120, crowds.silent, True),
    "crowd_crush_risk": Rule("Command", True, 0, crowds.feared, single_up_to=100),
    "crowd_metered": Rule("Police", True, 0, crowds.metered, single_up_to=100),
    "crowd_eased": Rule("Police", True, 0, crowds.eased, single_up_to=100),
    "crowd_crush_over": Rule("Command", True, 0, crowds.over, single_up_to=100),
    "crowd_gone": Rule("Venues", False, 0, crowds.gone, single_up_to=100),
}
#: Kinds that are decisions of command, listed in the next situation report.
DECIDED = {
    "order_decided", "order_confirmed", "order_issued", "shelter_opened", "shelter_held",
    "fuel_trucks_sent", "aid_requested", "unit_withdrawn", "street_order_set", "lanes_turned",
    "escorts_start", "rumour_denied", "all_clear", "return_opened", "return_held", "input_applied",
    "crowd_crush_risk",
}
#: Shares of the people at risk whose leaving is a milestone of its own.
MILESTONES = (10, 25, 50, 75, 90, 95, 99)
_BY_POLICE = REASONS.index("road closed by police")
_SOURCE_WIDTH = 12


def entries(view: RunView, names: Names | None = None, cuts_ms: Sequence[int] = ()) -> list[Entry]:
    """The run's log, condensed, in the order of time. No entry reaches over a moment of `cuts_ms`, when
    a situation report is made: what stands above one happened before it."""
    teller = Teller(view, names or Names(view))
    # The services' own names where they fit the column.
    own = {"Police": teller.names.departments.police, "Command": teller.names.departments.command}
    own = {word: name for word, name in own.items() if len(name) <= _SOURCE_WIDTH}
    out: list[Entry] = []
    for kind in KINDS:
        if kind.name in SILENT:
            continue
        rows = view.rows(kind.name)
        if rows.row.size == 0:
            continue
        known = kind.visibility in ("seen", "decision") or kind.subject == "unit"
        rule = RULES.get(kind.name, Rule(
            "Command" if known else "City", known, _OTHER_WINDOW_S, Teller.other,
            kind.object == "reason",
        ))
        for group in _groups(rows, rule, kind.name, cuts_ms):
            text = _capital(rule.tell(teller, group)) + _until(view, group)
            source, reported = rule.source, rule.reported
            if _by_police(teller, kind.name, group):
                source, reported = "Police", True
            out.append(Entry(
                int(group.t_ms[0]), own.get(source, source), text, reported,
                kind.name, tuple(int(n) for n in group.row),
            ))
    for group in _windows(view.moved_out, 300, cuts_ms):
        text = _capital(units_told.moved_out(teller, group))
        out.append(Entry(int(group.t_ms[0]), "Dispatch", text, True, "moved_out", ()))
    out += _milestones(view)
    return sorted(out, key=lambda e: (e.t_ms, e.events[0] if e.events else 0))


def _by_police(teller: Teller, kind: str, group: Rows) -> bool:
    """Whether a group is officers closing or opening streets, which command knows at once; that one
    of their streets has fallen dry it does not."""
    if kind not in ("street_closed", "street_opened") or group.object[0] != _BY_POLICE:
        return False
    return kind == "street_opened" or not teller.closed_before(group)


def _until(view: RunView, group: Rows) -> str:
    """' (until 21:40)' where an entry stands for more than five minutes."""
    last = int(group.t_ms[-1])
    long = last - int(group.t_ms[0]) > 300_000
    return f" (Until {view.hhmm(last)}.)" if long else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _groups(rows: Rows, rule: Rule, kind: str, cuts_ms: Sequence[int]) -> Iterator[Rows]:
    """Split rows of one kind into what one entry tells."""
    if kind in ("unit_dispatched", "unit_arrived"):
        # Control points are another errand than incidents; arrival there is told when it is worked.
        if kind == "unit_dispatched":
            yield from _windows(rows.where(rows.object < 0), rule.window_s, cuts_ms)
        rows = rows.where(rows.object >= 0)
    if rows.row.size <= rule.single_up_to:
        for i in range(rows.row.size):
            yield rows.where(np.arange(rows.row.size) == i)
        return
    if rule.by_object or kind == "channel_started":
        key = rows.subject if kind == "channel_started" else rows.object
        for value in np.unique(key):
            yield from _windows(rows.where(key == value), rule.window_s, cuts_ms)
        return
    yield from _windows(rows, rule.window_s, cuts_ms)


def _windows(rows: Rows, window_s: float, cuts_ms: Sequence[int]) -> Iterator[Rows]:
    order = np.argsort(rows.t_ms, kind="stable")
    rows = Rows(*(getattr(rows, name)[order] for name in
                  ("row", "t_ms", "kind", "subject", "object", "value")))
    begin, width = 0, int(window_s * 1000)
    while begin < rows.row.size:
        last = min([int(rows.t_ms[begin]) + width, *(cut for cut in cuts_ms if cut >= rows.t_ms[begin])])
        end = int(np.searchsorted(rows.t_ms, last, side="right"))
        yield rows.where((np.arange(rows.row.size) >= begin) & (np.arange(rows.row.size) < end))
        begin = end


def _milestones(view: RunView) -> list[Entry]:
    """When so many of the people at risk were out of the danger zone for the first time, those who
    had gone back in taken off."""
    found = flow(view)
    out: list[Entry] = []
    for percent in MILESTONES:
        enough = np.flatnonzero(found.out >= found.total * percent / 100)
        if found.total == 0 or enough.size == 0:
            break
        out.append(Entry(
            int(found.t_ms[enough[0]]), "People",
            f"{percent} % of the {found.total:,} people who were in the danger zone are out.", False,
            "milestone", (),
        ))
    # Two milestones in one minute are one.
    return [
        e for i, e in enumerate(out)
        if i + 1 == len(out) or out[i + 1].t_ms // 60_000 > e.t_ms // 60_000
    ]
