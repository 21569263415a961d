"""Sentences of the log: how a group of events of one kind is told."""

from __future__ import annotations

import numpy as np

from engine.events import CAUSES, KINDS, REASONS
from engine.scoring.columns import Rows
from engine.timeline.names import UNIT_WORDS, Names, away, count, degree, lasting, listed, shut_by
from engine.timeline.view import RunView


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
        return f"Highest intensity in the city {degree(float(g.value.max()))} (Modified Mercalli)."

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
        order, names = self.view.plan["order"], self.names.departments
        delay = float(order["delay_s"])
        out = f"goes out after {lasting(delay)} of preparation" if delay else "goes out at once"
        if order.get("authority") == "confirmed" and kind != "input_applied":
            out = f"waits until those who answer for it confirm it, then {out}"
        return f"Major incident declared; {names.command} decides to order people out {why}. It {out}."

    def issued(self, g: Rows) -> str:
        area = self.names.phase(int(g.object[0]))
        return (f"ORDER TO LEAVE by {self.names.departments.command}, area '{area}': "
                f"{count(g.row.size, 'zone')} ({self.names.zone_share(g.subject)}).")

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
        return f"ALL CLEAR: {self.names.departments.command} lifts the order."

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
        if REASONS[int(g.object[0])] == "road closed by police":
            why = f"by {self.names.departments.police}"
        return (f"{count(g.row.size, 'street section')} closed to vehicles, {why}: "
                f"{self.names.streets(g.subject)}.")

    def reported(self, g: Rows) -> str:
        streets = self.names.streets(g.subject)
        if g.object[0] <= 0:
            return f"Reported open again: {streets}."
        return (f"Reported closed, {shut_by(REASONS[int(g.object[0])])}: "
                f"{count(g.row.size, 'section')}; {streets}.")

    def met_closure(self, g: Rows) -> str:
        text = (f"{count(g.row.size, 'driver')} came to a street closed to vehicles and turned: "
                f"{self.names.streets(g.object)}")
        lost = int((g.value < 0).sum())
        return f"{text}; {count(lost, 'of them has', 'of them have')} no other way." if lost else f"{text}."

    def opened(self, g: Rows) -> str:
        why = REASONS[int(g.object[0])] if g.object[0] > 0 else ""
        was = "closed by police" if why == "road closed by police" else shut_by(why)
        return (f"{count(g.row.size, 'street section')} open again{f' (were {was})' if was else ''}: "
                f"{self.names.streets(g.subject)}.")

    def blocked(self, g: Rows) -> str:
        people = int(self.view.party_size[np.unique(g.subject)].sum())
        return f"{count(people, 'person', 'people')} cannot go on: {REASONS[int(g.object[0])]}."

    def left_car(self, g: Rows) -> str:
        people = int(self.view.party_size[np.unique(g.subject)].sum())
        return f"{count(people, 'person leaves the car and walks', 'people leave their cars and walk')} on."

    def control(self, g: Rows) -> str:
        return (f"{self.names.post(int(g.subject[0]))} is held by "
                f"{self.names.unit_from(int(g.object[0]))}.")

    def control_left(self, g: Rows) -> str:
        return f"Officers leave {listed((self.names.post(int(n)) for n in g.subject), 4)}."

    def street_order(self, g: Rows) -> str:
        return (f"{self.names.control(int(g.subject[0]))}: {REASONS[int(g.object[0])]} in force over "
                f"{g.value[0]:,.0f} m.")

    def turned_away(self, g: Rows) -> str:
        return (f"{count(g.row.size, 'car')} turned away at {self.names.control(int(g.object[0]))}; "
                f"longest way round {lasting(float(g.value.max()))}.")

    def lanes_turned(self, g: Rows) -> str:
        return (f"{self.names.control(int(g.subject[0]))}: the opposite lanes are clear and lead out, "
                f"{g.value[0]:,.0f} vehicles an hour more.")

    def street_order_ended(self, g: Rows) -> str:
        points = listed((self.names.control(int(n)) for n in g.subject), 3)
        return f"End of {REASONS[int(g.object[0])]}: {points}."

    # --- response --------------------------------------------------------------------------------

    def answered(self, g: Rows) -> str:
        wait = float(g.value.max())
        late = self._late_s(g)
        told = f"waited {lasting(wait)}" if wait >= 1 else "answered at once"
        if g.row.size > 1:
            told = f"longest wait {lasting(wait)}" if wait >= 1 else "all at once"
        if late > 300:
            told += f"; up to {lasting(late)} after help was needed" if g.row.size > 1 else (
                f", {lasting(late)} after help was needed")
        if g.row.size > 1:
            return (f"{count(g.row.size, 'call')} answered, {told}: {self._incidents(g.subject)}.")
        number = int(g.subject[0])
        return (f"Call, incident {number:04d}: {self._people(number, int(g.row[0]))}, "
                f"{self.names.incident_place(number)}; {told}.")

    def _late_s(self, g: Rows) -> float:
        """Longest time from the moment when help was needed to the answer of the call."""
        opened = self.view.rows("incident_opened")
        late = 0.0
        for number, row, t_ms in zip(g.subject, g.row, g.t_ms, strict=True):
            mine = opened.t_ms[(opened.subject == number) & (opened.row < row)]
            if mine.size:
                late = max(late, (int(t_ms) - int(mine[-1])) / 1000)
        return late

    def _people(self, incident: int, before: int) -> str:
        opened = self.view.rows("incident_opened")
        mine = (opened.subject == incident) & (opened.row < before)
        n = int(opened.value[mine].sum())
        return count(n, "person needs help", "people need help") if n else "help needed"

    def _incidents(self, numbers: np.ndarray) -> str:
        return listed((f"{int(n):04d} ({self.names.incident_place(int(n))})" for n in numbers), 3)

    def call_delayed(self, g: Rows) -> str:
        return (f"{count(g.row.size, 'call')} for help held up ({REASONS[int(g.object[0])]}); "
                f"somebody walks to a station, up to {lasting(float(g.value.max()))}.")

    def held(self, g: Rows) -> str:
        return (f"Nobody sent for now ({REASONS[int(g.object[0])]}): incident"
                f"{'s' if np.unique(g.subject).size > 1 else ''} {self._incidents(g.subject)}.")

    def dispatched(self, g: Rows) -> str:
        task = g.where(g.object >= 0)
        if task.row.size == 0:
            return f"To the posts: {self._units(g)}."
        if g.row.size == 1:
            number = int(g.object[0])
            return (f"{self.names.unit_from(int(g.subject[0]))} to incident {number:04d}, "
                    f"{self.names.incident_place(number)}; {away(float(g.value[0]))}.")
        return (f"{self._units(task)} to incident"
                f"{'s' if np.unique(task.object).size > 1 else ''} {self._incidents(task.object)}.")

    def arrived(self, g: Rows) -> str:
        if g.row.size == 1:
            return (f"{self.names.unit(int(g.subject[0]))} on scene, incident "
                    f"{int(g.object[0]):04d}, after {lasting(float(g.value[0]))} on the road.")
        return f"On scene: {self._units(g)}; longest way {lasting(float(g.value.max()))}."

    def delayed(self, g: Rows) -> str:
        return (f"{self._units(g)} delayed by up to {lasting(float(g.value.max()))}: "
                f"{REASONS[int(g.object[0])]}.")

    def turned_back(self, g: Rows) -> str:
        return f"{self._units(g)} turned back: {REASONS[int(g.object[0])]}."

    def withdrawn(self, g: Rows) -> str:
        return f"{self._units(g)} ordered out of the danger zone."

    def crew_on_foot(self, g: Rows) -> str:
        return (f"Crew of {self._units(g)} left the vehicle and walks to safety "
                f"({REASONS[int(g.object[0])]}; up to {lasting(float(g.value.max()))} on foot).")

    def crew_in_safety(self, g: Rows) -> str:
        return (f"Crew of {self._units(g)} in safety without the vehicle, after "
                f"{lasting(float(g.value.max()))} on foot.")

    def crew_walks_to_scene(self, g: Rows) -> str:
        return (f"Crew of {self._units(g)} walks on to the scene, no way for the vehicle "
                f"(up to {lasting(float(g.value.max()))} on foot).")

    def crew_walks_back(self, g: Rows) -> str:
        return f"Crew of {self._units(g)} on foot back to the vehicle."

    def crew_back(self, g: Rows) -> str:
        return f"Crew of {self._units(g)} at the vehicle again."

    def crew_caught(self, g: Rows) -> str:
        return f"The water takes the crew of {self._units(g)} on foot, {g.value.max():.1f} m deep."

    def _units(self, g: Rows) -> str:
        numbers = np.unique(g.subject)
        if numbers.size == 1:
            return self.names.unit(int(numbers[0]))
        by_kind: dict[str, list[str]] = {}
        for number in numbers.tolist():
            word, sign = self.names.unit(number).rsplit(" ", 1)
            by_kind.setdefault(word, []).append(sign)
        many = dict(UNIT_WORDS.values())
        return ", ".join(
            f"{self._of_service(word)}{many.get(word, word) if len(signs) > 1 else word} {listed(signs, 6)}"
            for word, signs in by_kind.items()
        )

    def _of_service(self, word: str) -> str:
        """'SAMU ' before ambulances."""
        kind = next((kind for kind, (one, _) in UNIT_WORDS.items() if one == word), "")
        return f"{service} " if (service := self.names.service(kind)) else ""

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

    def mission_held(self, g: Rows) -> str:
        waiting = {int(m): int(v) for m, v in zip(g.subject, g.value, strict=True)}
        parts = [self.names.mission(m) + (f" ({count(n, 'person waits', 'people wait')})" if n else "")
                 for m, n in waiting.items()]
        return f"No vehicle sent for now ({REASONS[int(g.object[0])]}): {listed(parts, 3)}."

    def mission_ordered(self, g: Rows) -> str:
        where = self.names.mission(int(g.object[0]))
        if g.row.size == 1:
            return f"{self._units(g)} sent, {where}; {away(float(g.value[0]))}."
        return f"Sent, {where}: {self._units(g)}."

    def unloaded(self, g: Rows) -> str:
        people = count(int(g.value.sum()), "person", "people")
        return f"{people} set down, {self.names.facility(int(g.object[0]))}: {self._units(g)}."

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
