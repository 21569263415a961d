"""Names as a duty officer says them: streets, zones with their municipality, units by service."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property

import numpy as np

from engine.city import ROAD_CLASSES
from engine.events import CAUSES, MODES, REASONS
from engine.timeline.view import RunView

#: What the services' units are called on the radio, by kind of unit: (one, many).
UNIT_WORDS = {
    "ambulance": ("ambulance", "ambulances"), "fire_rescue": ("rescue engine", "rescue engines"),
    "police": ("police car", "police cars"), "bus": ("bus", "buses"),
}
CHANNEL_WORDS = {
    "siren": "sirens", "cell_broadcast": "cell broadcast", "radio_tv": "radio and television",
    "loudspeaker": "loudspeaker cars",
}
#: Importance of a street that nobody named, in words.
_CLASS_WORDS = {"motorway": "a motorway", "trunk": "a main road", "primary": "a main road"}


#: Reasons of a closed street as they are said on the radio.
_SHUT_BY = {
    "road closed by police": "by police", "road under water": "under water",
    "road blocked by debris": "blocked by debris", "bridge damaged": "bridge damaged",
    "stranded on closed road": "blocked",
}


def shut_by(reason: str) -> str:
    """'under water', for a street's reason."""
    return _SHUT_BY.get(reason, reason)


def away(seconds: float) -> str:
    """'7 min away'."""
    minutes = round(seconds / 60)
    return f"{minutes:,} min away" if minutes else "less than a minute away"


def plain(name: str) -> str:
    """A facility's name without the remark on how well its place is known."""
    return re.sub(r"\s*\((approximate|synthetic)\)$", "", name)


def count(n: int, one: str, many: str | None = None) -> str:
    """'1 person', '1,234 people'."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def listed(words: Iterable[str], most: int, rest: str = "more") -> str:
    """'A, B and 3 more'; the words in the order given, repeats left out."""
    unique = list(dict.fromkeys(words))
    if len(unique) <= most:
        head, tail = unique[:-1], unique[-1:]
        return " and ".join([", ".join(head), *tail] if head else tail)
    return f"{', '.join(unique[:most])} and {len(unique) - most:,} {rest}"


class Names:
    """Names of a run's entities by number."""

    def __init__(self, view: RunView) -> None:
        self._view = view
        self._city = view.city
        self._manifest = view.manifest

    def zone(self, number: int) -> str:
        """'Zone 12 (Coquimbo)'."""
        zones = self._city.zones
        town = str(zones.municipality[number])
        name = str(zones.name[number])
        return f"{name} ({town})" if town and town != name else name

    def town(self, number: int) -> str:
        """Municipality of a zone."""
        return str(self._city.zones.municipality[number])

    def street(self, number: int) -> str:
        """The street's name, or what it is where it has none."""
        name = str(self._city.streets.name[number] or "")
        if name:
            return name
        kind = ROAD_CLASSES[int(self._city.streets.road_class[number])]
        return _CLASS_WORDS.get(kind, "an unnamed street")

    def streets(self, numbers: Iterable[int], most: int = 4) -> str:
        """The most important streets among `numbers` by name, the others counted."""
        rank = self._city.streets.road_class
        order = sorted({int(n) for n in numbers}, key=lambda n: (int(rank[n]), n))
        named = [str(self._city.streets.name[n]) for n in order if self._city.streets.name[n]]
        if not named:
            return count(len(order), "unnamed street")
        return listed(named, most, "others")

    @cached_property
    def _units(self) -> list[str]:
        return [
            f"{UNIT_WORDS.get(u['kind'], (str(u['kind']).replace('_', ' '),))[0]} {u['name']}"
            for u in self._manifest["units"]
        ]

    def unit(self, number: int) -> str:
        """'ambulance A3'."""
        return self._units[number] if 0 <= number < len(self._units) else f"unit {number}"

    def call_sign(self, number: int) -> str:
        """'A3'."""
        units = self._manifest["units"]
        return str(units[number]["name"]) if 0 <= number < len(units) else str(number)

    def facility(self, number: int) -> str:
        """Name of a facility; 'high ground' where the number is -1."""
        if number < 0:
            return "high ground"
        return plain(str(self._manifest["facilities"][number]["name"]))

    def channel(self, number: int) -> str:
        """'sirens'."""
        kind = str(self._manifest["channels"][number])
        return CHANNEL_WORDS.get(kind, kind.replace("_", " "))

    def gauge(self, number: int) -> str:
        """Name of a tide gauge."""
        gauges = self._manifest["gauges"]
        return str(gauges[number]) if 0 <= number < len(gauges) else f"gauge {number}"

    def control(self, number: int) -> str:
        """Name of a control point."""
        controls = self._manifest["controls"]
        return str(controls[number]["name"]) if 0 <= number < len(controls) else f"point {number}"

    def mission(self, number: int) -> str:
        """'evacuation of Test Hospital'."""
        missions = self._manifest["missions"]
        return plain(str(missions[number])) if 0 <= number < len(missions) else f"mission {number}"

    def phase(self, number: int) -> str:
        """Name of an ordered area of the plan."""
        zones = self._view.plan["order"]["zones"]
        return str(zones[number]["name"]) if 0 <= number < len(zones) else "all"

    def refuge(self, number: int) -> str:
        """Name of a vertical refuge of the plan."""
        refuges = self._view.plan.get("vertical_refuges", [])
        return str(refuges[number]["name"]) if 0 <= number < len(refuges) else f"refuge {number}"

    def venue(self, number: int) -> str:
        """Name of a venue."""
        venues = self._manifest.get("venues", [])
        return str(venues[number]["name"]) if 0 <= number < len(venues) else f"venue {number}"

    def camera(self, number: int) -> str:
        """'before the gate, North Station'."""
        cameras = self._manifest.get("cameras", [])
        return str(cameras[number]["name"]) if 0 <= number < len(cameras) else f"camera {number}"

    def building(self, number: int) -> str:
        """Where a building stands: its street and zone."""
        buildings = self._city.buildings
        if not 0 <= number < buildings.x_m.size:
            return "in the street"
        return f"{self.street(int(buildings.street[number]))}, {self.zone(int(buildings.zone[number]))}"

    @cached_property
    def _incident_place(self) -> dict[int, str]:
        opened, calls = self._view.rows("incident_opened"), self._view.rows("call_made")
        zone = dict(zip(calls.subject.tolist(), calls.object.tolist(), strict=True))
        places: dict[int, str] = {}
        for number, building in zip(opened.subject.tolist(), opened.object.tolist(), strict=True):
            if building >= 0:
                places[number] = self.building(building)
            elif zone.get(number, -1) >= 0:
                places[number] = f"outdoors, {self.zone(zone[number])}"
        crushes = self._view.rows("crush_reported")
        for number, venue in zip(crushes.subject.tolist(), crushes.object.tolist(), strict=True):
            places[number] = f"crowd at {self.venue(venue)}"
        return places

    def incident_place(self, number: int) -> str:
        """Street and zone of an incident; empty where nobody has said it."""
        return self._incident_place.get(number, "place not reported")

    def of(self, entity: str, number: int) -> str:
        """Name of any entity; empty where there is none."""
        if entity in ("none", "run"):
            return ""
        if entity == "facility":
            return self.facility(number)
        if number < 0:
            return ""
        words = {"reason": REASONS, "cause": CAUSES, "mode": MODES}
        if entity in words:
            return words[entity][number] if number else ""
        own = {
            "zone": self.zone, "street": self.street, "unit": self.unit, "channel": self.channel,
            "gauge": self.gauge, "control": self.control, "phase": self.phase,
            "building": self.building, "refuge": self.refuge, "mission": self.mission,
            "venue": self.venue, "camera": self.camera,
        }
        if entity in own:
            return own[entity](number)
        if entity == "edge":
            return self.street(int(self._city.edges.street[number]))
        if entity == "party":
            return f"a group of {int(self._view.party_size[number])} from {self._zone_of(number)}"
        if entity == "person":
            party = self._view.person_party
            known = number < party.size and party[number] >= 0
            place = f" from {self._zone_of(int(party[number]))}" if known else ""
            return f"person {number}{place}"
        if entity == "incident":
            return f"incident {number}"
        return f"{entity} {number}"

    def _zone_of(self, party: int) -> str:
        return self.zone(int(self._view.party_zone[party]))

    def zones(self, numbers: Iterable[int], most: int = 3) -> str:
        """Zones grouped by municipality: 'Coquimbo: Zone 1, Zone 2 and 5 more; La Serena: ...'."""
        by_town: dict[str, list[str]] = {}
        for number in sorted({int(n) for n in numbers}):
            name = str(self._city.zones.name[number])
            by_town.setdefault(self.town(number), []).append(name)
        if len(by_town) == 1 and not next(iter(by_town)):
            return listed(next(iter(by_town.values())), most)
        return "; ".join(f"{town}: {listed(names, most)}" for town, names in sorted(by_town.items()))

    def zone_share(self, numbers: Iterable[int]) -> str:
        """'Coquimbo 57 of 60, La Serena 44 of 73 zones' for the zones in `numbers`."""
        town, names = self._city.zone_municipality
        hit = np.bincount(town[np.unique(np.fromiter(numbers, np.int64))], minlength=len(names))
        total = np.bincount(town, minlength=len(names))
        parts = [f"{name} {h} of {n}" for name, h, n in zip(names, hit, total, strict=True) if h]
        return f"{', '.join(parts)} zones"
