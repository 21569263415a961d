"""Sentences of the log: how a group of events of one kind is told."""

from __future__ import annotations

import numpy as np

from engine.events import CAUSES, KIND_CODE, KINDS, REASONS
from engine.scoring.columns import Rows
from engine.timeline.names import Names, count, degree, lasting, listed, shut_by
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
        return f"{count(g.row.size, 'person dies', 'people die')} ({cause}), from {where}."

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
        reason = REASONS[int(g.object[0])]
        why = shut_by(reason)
        if reason == "road closed by police":
            why = f"by {self.names.departments.police}"
        if self.closed_before(g):
            still = "closed already, now" if reason == "road under water" else "dry again and still closed,"
            return (f"{count(g.row.size, 'street section')} {still} {why}: "
                    f"{self.names.streets(g.subject)}.")
        return (f"{count(g.row.size, 'street section')} closed to vehicles, {why}: "
                f"{self.names.streets(g.subject)}.")

    def closed_before(self, g: Rows) -> bool:
        """Whether all streets of the group were closed already, for another reason."""
        rows = self.view.rows("street_closed", "street_opened")
        shut = KIND_CODE["street_closed"]
        for street, row in zip(g.subject.tolist(), g.row.tolist(), strict=True):
            before = np.flatnonzero((rows.subject == street) & (rows.row < row))
            if before.size == 0 or rows.kind[before[-1]] != shut:
                return False
        return True

    def reported(self, g: Rows) -> str:
        streets = self.names.streets(g.subject)
        if g.object[0] <= 0:
            ordered = self.view.rows("order_decided", "all_clear")
            before = ordered.kind[ordered.t_ms <= g.t_ms[0]]
            stands = before.size > 0 and before[-1] == KIND_CODE["order_decided"]
            also = "; the order to leave stands" if stands else ""
            return f"Reported passable again{also}: {streets}."
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
        return (f"{self.names.post(int(g.subject[0]))} is manned by "
                f"{self.names.unit_from(int(g.object[0]))}.")

    def control_left(self, g: Rows) -> str:
        return f"Officers leave {self.names.posts(int(n) for n in g.subject)}."

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
