"""The log of a run condensed to what a duty officer would write down.

Events of one kind that come within a few minutes of each other are one entry: how many, where, by
name. A kind without a rule of its own is told by its name and counted, so that nothing that
happened is missing because nobody wrote a sentence for it; kinds in `SILENT` are told in sums by
the situation reports and by milestones ("half are out").

An entry is *reported* where command knew it at that time (its visibility is `seen` or `decision`,
or its own units, instruments or utilities report it) and *actual* where only the run knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from engine.events import CAUSES, KINDS, REASONS
from engine.scoring.columns import Rows
from engine.timeline.names import Names, away, count, listed, shut_by
from engine.timeline.people import Exits, exits
from engine.timeline.view import CLOSURES_KNOWN, RunView

#: Told by milestones and situation reports, or the small change of other entries.
SILENT = {
    "run_started", "party_formed", "party_placed", "party_alerted", "party_decided",
    "party_refused", "party_departed", "party_rerouted", "party_left_zone", "party_arrived",
    "party_out_of_water", "zone_shaken", "person_treated", "transport_started", "unit_departed",
    "unit_available", "incident_opened", "call_made", "incident_closed", "street_narrowed",
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


class Teller:
    """Sentences for groups of events of one kind."""

    def __init__(self, view: RunView, names: Names) -> None:
        self.view, self.names = view, names

    # --- the event itself ------------------------------------------------------------------------

    def earthquake(self, g: Rows) -> str:
        return f"Earthquake, magnitude {g.value[0]:.1f}."

    def damaged(self, g: Rows) -> str:
        words = ("", "slightly", "moderately", "extensively", "completely", "collapsed")
        found = np.bincount(g.value.astype(int), minlength=6)[:6]
        parts = [f"{n:,} {words[i]}" for i, n in enumerate(found) if n and i]
        return f"{count(g.row.size, 'building')} damaged by shaking: {', '.join(parts)}."

    def hurt(self, g: Rows) -> str:
        found = np.bincount(g.value.astype(int), minlength=4)
        parts = [f"{n:,} {word}" for n, word in zip(
            found[1:4], ("lightly", "seriously", "critically"), strict=True) if n]
        cause = CAUSES[int(g.object[0])] if g.object[0] > 0 else "unknown cause"
        return f"{count(g.row.size, 'person', 'people')} hurt ({cause}): {', '.join(parts)}."

    def trapped(self, g: Rows) -> str:
        where = listed((self.names.building(int(b)) for b in g.object), 2, "more places")
        return f"{count(g.row.size, 'person', 'people')} trapped in buildings: {where}."

    def died(self, g: Rows) -> str:
        cause = CAUSES[int(g.object[0])] if g.object[0] > 0 else "unknown cause"
        party = self.view.person_party[g.subject]
        where = self.names.zones(np.unique(self.view.party_zone[party[party >= 0]]))
        return f"{count(g.row.size, 'person dies', 'people die')} ({cause}). {where}."

    def swept(self, g: Rows) -> str:
        return f"{count(g.row.size, 'person', 'people')} swept off their feet by moving water."

    def in_water(self, g: Rows) -> str:
        people = int(self.view.party_size[np.unique(g.subject)].sum())
        where = self.names.zones(np.unique(self.view.party_zone[g.subject]))
        return (f"{count(people, 'person', 'people')} caught in water up to "
                f"{g.value.max():.1f} m deep, from {where}.")

    def disturbed(self, g: Rows) -> str:
        return f"Sea leaves its rest at {self._gauges(g)} ({g.value[0]:+.1f} m)."

    def crest(self, g: Rows) -> str:
        last = dict(zip(g.subject.tolist(), g.value.tolist(), strict=True))
        levels = [f"{self.names.gauge(n)} {value:.1f} m" for n, value in sorted(last.items())]
        return f"Crest, the highest so far: {listed(levels, 4)}."

    def flooded(self, g: Rows) -> str:
        return f"Water on land in {count(g.row.size, 'zone')}: {self.names.zones(g.subject, 6)}."

    def _gauges(self, g: Rows) -> str:
        return listed((self.names.gauge(int(n)) for n in g.subject), 3)

    # --- reports and decisions -------------------------------------------------------------------

    def intensity(self, g: Rows) -> str:
        return f"Reports intensity {g.value.max():.1f} (Modified Mercalli) in the city."

    def magnitude(self, g: Rows) -> str:
        return f"Reports magnitude {g.value[0]:.1f}."

    def gauge_report(self, g: Rows) -> str:
        return (f"{self._gauges(g)} {'report' if np.unique(g.subject).size > 1 else 'reports'} a disturbed "
                f"sea, {g.value[0]:+.1f} m.")

    def decided(self, g: Rows) -> str:
        cause = int(self.view.cause[g.row[0]])
        kind = KINDS[int(self.view.codes['kind'].iloc[cause])].name if cause >= 0 else ""
        why = {
            "intensity_reported": "on the reported intensity",
            "magnitude_reported": "on the reported magnitude",
            "gauge_reported": "on the tide gauge", "input_applied": "by hand",
        }.get(kind, "at the time set in the plan")
        delay = float(self.view.plan["order"]["delay_s"])
        return (f"Major incident declared; evacuation order decided {why}. It goes out after "
                f"{delay / 60:.0f} min of preparation.")

    def issued(self, g: Rows) -> str:
        area = self.names.phase(int(g.object[0]))
        return (f"ORDER TO LEAVE, area '{area}': {count(g.row.size, 'zone')} "
                f"({self.names.zone_share(g.subject)}).")

    def channel(self, g: Rows) -> str:
        low, high = 100 * g.value.min(), 100 * g.value.max()
        reach = f"{high:.0f} %" if high - low < 1 else f"{low:.0f}-{high:.0f} %"
        name = self.names.channel(int(g.subject[0]))
        return (f"Warning by {name} begins in {count(np.unique(g.object).size, 'zone')}; "
                f"in reach of {reach} of the people there.")

    def shelter_opened(self, g: Rows) -> str:
        places = f"{int(g.value.sum()):,} places"
        which = listed((self.names.facility(int(n)) for n in g.subject), 3)
        return f"{count(g.row.size, 'shelter')} open, {places}: {which}."

    def shelter_full(self, g: Rows) -> str:
        return f"Shelter full: {listed((self.names.facility(int(n)) for n in g.subject), 4)}."

    def all_clear(self, g: Rows) -> str:
        return "ALL CLEAR: the order is lifted."

    def applied(self, g: Rows) -> str:
        rows = [self.view.inputs[int(n)] for n in g.subject if int(n) < len(self.view.inputs)]
        words = [f"{r['kind']}: {str(r['what']).replace('_', ' ')}" for r in rows]
        return f"From outside: {listed(words, 4)}."

    # --- lifelines and roads ---------------------------------------------------------------------

    def service(self, g: Rows) -> str:
        kind = KINDS[int(g.kind[0])].name
        what = "Electricity" if kind.startswith("power") else "Telephone and mobile data"
        state = "lost" if kind.endswith("lost") else "restored"
        return f"{what} {state}: {self.names.zone_share(g.subject)}."

    def closed(self, g: Rows) -> str:
        why = shut_by(REASONS[int(g.object[0])])
        return (f"{count(g.row.size, 'street section')} closed to vehicles, {why}: "
                f"{self.names.streets(g.subject)}.")

    def reported(self, g: Rows) -> str:
        streets = self.names.streets(g.subject)
        if g.object[0] <= 0:
            return f"Reported open again: {streets}."
        return (f"Reported closed, {shut_by(REASONS[int(g.object[0])])}: "
                f"{count(g.row.size, 'section')}; {streets}.")

    def opened(self, g: Rows) -> str:
        return (f"{count(g.row.size, 'street section')} open again: "
                f"{self.names.streets(g.subject)}.")

    def blocked(self, g: Rows) -> str:
        people = int(self.view.party_size[np.unique(g.subject)].sum())
        return f"{count(people, 'person', 'people')} cannot go on: {REASONS[int(g.object[0])]}."

    def left_car(self, g: Rows) -> str:
        people = int(self.view.party_size[np.unique(g.subject)].sum())
        return f"{count(people, 'person', 'people')} leave their cars and walk on."

    def control(self, g: Rows) -> str:
        return (f"Control point {self.names.control(int(g.subject[0]))} is worked, "
                f"{self.names.unit(int(g.object[0]))}.")

    def control_left(self, g: Rows) -> str:
        points = listed((self.names.control(int(n)) for n in g.subject), 3)
        return f"Officers leave control point {points}."

    # --- response --------------------------------------------------------------------------------

    def answered(self, g: Rows) -> str:
        if g.row.size > 1:
            return (f"{count(g.row.size, 'call')} answered, longest wait {g.value.max():.0f} s: "
                    f"{self._incidents(g.subject)}.")
        number = int(g.subject[0])
        return (f"Call, incident {number}: {self._people(number, int(g.row[0]))}, "
                f"{self.names.incident_place(number)}; waited {g.value[0]:.0f} s.")

    def _people(self, incident: int, before: int) -> str:
        opened = self.view.rows("incident_opened")
        mine = (opened.subject == incident) & (opened.row < before)
        n = int(opened.value[mine].sum())
        return count(n, "person needs help", "people need help") if n else "help needed"

    def _incidents(self, numbers: np.ndarray) -> str:
        return listed((f"{n} ({self.names.incident_place(int(n))})" for n in numbers), 3)

    def call_delayed(self, g: Rows) -> str:
        return (f"{count(g.row.size, 'call')} for help held up ({REASONS[int(g.object[0])]}); "
                f"somebody walks to a station, up to {g.value.max() / 60:.0f} min.")

    def held(self, g: Rows) -> str:
        return (f"Nobody sent for now ({REASONS[int(g.object[0])]}): incident"
                f"{'s' if np.unique(g.subject).size > 1 else ''} {self._incidents(g.subject)}.")

    def dispatched(self, g: Rows) -> str:
        task = g.where(g.object >= 0)
        if task.row.size == 0:
            return f"To the control points: {self._units(g)}."
        if g.row.size == 1:
            number = int(g.object[0])
            return (f"{self.names.unit(int(g.subject[0]))} to incident {number}, "
                    f"{self.names.incident_place(number)}; {away(float(g.value[0]))}.")
        return (f"{self._units(task)} to incident"
                f"{'s' if np.unique(task.object).size > 1 else ''} {self._incidents(task.object)}.")

    def arrived(self, g: Rows) -> str:
        if g.row.size == 1:
            return (f"{self.names.unit(int(g.subject[0]))} on scene, incident "
                    f"{int(g.object[0])}, after {g.value[0] / 60:.0f} min on the road.")
        return f"On scene: {self._units(g)}; longest way {g.value.max() / 60:.0f} min."

    def delayed(self, g: Rows) -> str:
        return (f"{self._units(g)} delayed by up to {g.value.max() / 60:.0f} min: "
                f"{REASONS[int(g.object[0])]}.")

    def turned_back(self, g: Rows) -> str:
        return f"{self._units(g)} turned back: {REASONS[int(g.object[0])]}."

    def withdrawn(self, g: Rows) -> str:
        return f"{self._units(g)} ordered out of the danger zone."

    def _units(self, g: Rows) -> str:
        numbers = np.unique(g.subject)
        if numbers.size == 1:
            return self.names.unit(int(numbers[0]))
        by_kind: dict[str, list[str]] = {}
        for number in numbers.tolist():
            word, sign = self.names.unit(number).rsplit(" ", 1)
            by_kind.setdefault(word, []).append(sign)
        return ", ".join(
            f"{word}{'s' if len(signs) > 1 else ''} {listed(signs, 6)}"
            for word, signs in by_kind.items()
        )

    def rescued(self, g: Rows) -> str:
        units = listed((self.names.unit(int(n)) for n in g.object), 3)
        return f"{count(g.row.size, 'person', 'people')} freed by {units}."

    def admitted(self, g: Rows) -> str:
        last = {int(f): int(v) for f, v in zip(g.object, g.value, strict=True)}
        parts = [f"{self.names.facility(f)} ({count(beds, 'bed')} in use)" for f, beds in last.items()]
        return f"{count(g.row.size, 'patient')} admitted: {listed(parts, 3)}."

    def full(self, g: Rows) -> str:
        where = listed((self.names.facility(int(n)) for n in g.subject), 3)
        return f"No bed free: {where}; {count(g.row.size, 'patient')} turned away or waiting."

    def other(self, g: Rows) -> str:
        """A kind without a rule: its name, how many, who and what."""
        kind = KINDS[int(g.kind[0])]
        words = kind.name.replace("_", " ")
        who = [self.names.of(kind.subject, int(n)) for n in g.subject]
        line = f"{words[0].upper()}{words[1:]}"
        if g.row.size > 1:
            line += f" ({g.row.size:,})"
        named = [w for w in who if w]
        if named and kind.subject not in ("party", "person"):
            line += f": {listed(named, 3)}"
        what = [self.names.of(kind.object, int(n)) for n in np.unique(g.object)[:3]]
        if any(what):
            line += f" ({listed([w for w in what if w], 3)})"
        if kind.unit and kind.unit not in ("node", "alert") and g.row.size == 1:
            line += f", {g.value[0]:,.4g} {kind.unit}"
        return f"{line}."


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
    "order_decided": Rule("Command", True, 0, Teller.decided),
    "order_issued": Rule("Command", True, 120, Teller.issued, True),
    "channel_started": Rule("Warning", True, 180, Teller.channel),
    "shelter_opened": Rule("Shelters", True, 300, Teller.shelter_opened),
    "shelter_full": Rule("Shelters", True, 600, Teller.shelter_full),
    "all_clear": Rule("Command", True, 0, Teller.all_clear),
    "input_applied": Rule("Exercise", True, 0, Teller.applied),
    "power_lost": Rule("Utilities", True, 120, Teller.service),
    "power_restored": Rule("Utilities", True, 120, Teller.service),
    "telecom_lost": Rule("Utilities", True, 120, Teller.service),
    "telecom_restored": Rule("Utilities", True, 120, Teller.service),
    "street_closed": Rule("Roads", CLOSURES_KNOWN, 600, Teller.closed, True),
    "street_opened": Rule("Roads", CLOSURES_KNOWN, 900, Teller.opened),
    "street_reported": Rule("Roads", True, 600, Teller.reported, True),
    "party_blocked": Rule("People", False, 1800, Teller.blocked, True),
    "party_mode_changed": Rule("People", False, 1800, Teller.left_car),
    "control_staffed": Rule("Police", True, 0, Teller.control, single_up_to=1000),
    "control_left": Rule("Police", True, 120, Teller.control_left),
    "call_answered": Rule("Call centre", True, 600, Teller.answered, single_up_to=12),
    "call_delayed": Rule("Call centre", False, 900, Teller.call_delayed, True),
    "dispatch_held": Rule("Dispatch", True, 600, Teller.held, True, single_up_to=12),
    "unit_dispatched": Rule("Dispatch", True, 300, Teller.dispatched, single_up_to=24),
    "unit_arrived": Rule("Units", True, 300, Teller.arrived, single_up_to=24),
    "unit_delayed": Rule("Units", True, 600, Teller.delayed, True),
    "unit_turned_back": Rule("Units", True, 600, Teller.turned_back, True),
    "unit_withdrawn": Rule("Dispatch", True, 300, Teller.withdrawn),
    "person_rescued": Rule("Units", True, 900, Teller.rescued, single_up_to=6),
    "person_admitted": Rule("Hospitals", True, 1200, Teller.admitted, single_up_to=6),
    "hospital_full": Rule("Hospitals", True, 1800, Teller.full),
}
#: Shares of the people at risk whose leaving is a milestone of its own.
MILESTONES = (10, 25, 50, 75, 90, 95, 99)


def entries(view: RunView, names: Names | None = None) -> list[Entry]:
    """The run's log, condensed, in the order of time."""
    teller = Teller(view, names or Names(view))
    out: list[Entry] = []
    for kind in KINDS:
        if kind.name in SILENT:
            continue
        rows = view.rows(kind.name)
        if rows.row.size == 0:
            continue
        known = kind.visibility in ("seen", "decision")
        source = {"unit": "Units", "facility": "Facilities", "zone": "Zones", "street": "Roads",
                  "party": "People", "person": "People", "incident": "Dispatch"}
        rule = RULES.get(kind.name, Rule(
            source.get(kind.subject, "Command" if known else "City"), known, _OTHER_WINDOW_S,
            Teller.other, kind.object == "reason",
        ))
        for group in _groups(rows, rule, kind.name):
            text = _capital(rule.tell(teller, group)) + _until(view, group)
            out.append(Entry(
                int(group.t_ms[0]), rule.source, text, rule.reported,
                kind.name, tuple(int(n) for n in group.row),
            ))
    out += _milestones(view)
    return sorted(out, key=lambda e: (e.t_ms, e.events[0] if e.events else 0))


def _until(view: RunView, group: Rows) -> str:
    """' (until 21:40)' where an entry stands for more than five minutes."""
    last = int(group.t_ms[-1])
    long = last - int(group.t_ms[0]) > 300_000
    return f" (Until {view.hhmm(last)}.)" if long else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _groups(rows: Rows, rule: Rule, kind: str) -> Iterator[Rows]:
    """Split rows of one kind into what one entry tells."""
    if kind in ("unit_dispatched", "unit_arrived"):
        # Control points are another errand than incidents; arrival there is told when it is worked.
        if kind == "unit_dispatched":
            yield from _windows(rows.where(rows.object < 0), rule.window_s)
        rows = rows.where(rows.object >= 0)
    if rows.row.size <= rule.single_up_to:
        for i in range(rows.row.size):
            yield rows.where(np.arange(rows.row.size) == i)
        return
    if rule.by_object or kind == "channel_started":
        key = rows.subject if kind == "channel_started" else rows.object
        for value in np.unique(key):
            yield from _windows(rows.where(key == value), rule.window_s)
        return
    yield from _windows(rows, rule.window_s)


def _windows(rows: Rows, window_s: float) -> Iterator[Rows]:
    order = np.argsort(rows.t_ms, kind="stable")
    rows = Rows(*(getattr(rows, name)[order] for name in
                  ("row", "t_ms", "kind", "subject", "object", "value")))
    begin, width = 0, int(window_s * 1000)
    while begin < rows.row.size:
        end = int(np.searchsorted(rows.t_ms, rows.t_ms[begin] + width, side="right"))
        yield rows.where((np.arange(rows.row.size) >= begin) & (np.arange(rows.row.size) < end))
        begin = end


def _milestones(view: RunView) -> list[Entry]:
    """When so many of the people at risk were out of the danger zone."""
    found: Exits = exits(view)
    total = int(found.size.sum())
    order = np.argsort(found.out_ms, kind="stable")
    done = np.cumsum(found.size[order])
    out: list[Entry] = []
    for percent in MILESTONES:
        at = int(np.searchsorted(done, total * percent / 100))
        if total == 0 or at >= done.size or found.out_ms[order[at]] > view.duration_ms:
            break
        out.append(Entry(
            int(found.out_ms[order[at]]), "People",
            f"{percent} % of the {total:,} people who were in the danger zone are out.", False,
            "milestone", (),
        ))
    # Two milestones in one minute are one.
    return [
        replace(e, events=()) for i, e in enumerate(out)
        if i + 1 == len(out) or out[i + 1].t_ms // 60_000 > e.t_ms // 60_000
    ]
