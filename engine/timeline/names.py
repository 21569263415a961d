"""Names as a duty officer says them: streets, zones with their municipality, units by service."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property

import numpy as np

from engine.city import ROAD_CLASSES
from engine.departments import Departments
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
_NEAR_M = 400.0  #: a street without a name is told by the nearest one that has one, up to here
#: Parts of a plan whose rows are posts of officers, in the order of control numbers (Plan.posts),
#: and what one is called.
POSTS = {
    "control_points": "control point", "closures": "closure", "pedestrian_streets": "street for walkers",
    "one_way_streets": "one-way street", "contraflow": "contraflow", "inbound_ban": "inbound ban",
}
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")


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


def plural(word: str) -> str:
    """'streets for walkers', of 'street for walkers'."""
    head, *rest = word.split(" for ")
    return " for ".join([f"{head}s", *rest])


def lasting(seconds: float) -> str:
    """'40 s', '2 min 30 s', '12 min', '3 h 20 min'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if seconds < 600 and abs(seconds - 60 * minutes) >= 15:
        return f"{int(seconds // 60)} min {seconds % 60:.0f} s"
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"


def degree(mmi: float) -> str:
    """'VIII': the nearest degree of the Modified Mercalli scale."""
    return _ROMAN[min(max(int(mmi + 0.5), 1), 12) - 1]


def plain(name: str) -> str:
    """A facility's name without the remark on how well its place is known."""
    return re.sub(r"\s*\((approximate|synthetic)[^)]*\)$", "", name)


def count(n: int, one: str, many: str | None = None) -> str:
    """'1 person', '1,234 people'."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def listed(words: Iterable[str], most: int, rest: str = "more") -> str:
    """'A, B and 3 more'; the words in the order given, repeats left out."""
    unique = list(dict.fromkeys(words))
    if len(unique) <= most:
        head, tail = unique[:-1], unique[-1:]
        return " and ".join([", ".join(head), *tail] if head else tail)
    left = len(unique) - most
    return f"{', '.join(unique[:most])} and {left:,} {rest[:-1] if left == 1 and rest[-1] == 's' else rest}"


class Names:
    """Names of a run's entities by number."""

    def __init__(self, view: RunView) -> None:
        self._view = view
        self._city = view.city
        self._manifest = view.manifest

    @property
    def departments(self) -> Departments:
        """The city's services by the names they had when the scenario plays."""
        return self._city.departments.in_year(int(str(self._manifest["start_utc"])[:4]))

    def service(self, kind: str) -> str:
        """The service that runs a kind of unit; empty where the city names none."""
        return str(getattr(self.departments, kind, ""))

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
        """The street's name, or what it is and the named street nearest to it."""
        name = str(self._city.streets.name[number] or "")
        if name:
            return name
        kind = _CLASS_WORDS.get(ROAD_CLASSES[int(self._city.streets.road_class[number])], "a street")
        x, y = self._middles
        named = self._named
        if named.size:
            away = np.hypot(x[named] - x[number], y[named] - y[number])
            if away.min() <= _NEAR_M:
                return f"{kind} near {self._city.streets.name[int(named[np.argmin(away)])]}"
        return f"{kind} without a name"

    @cached_property
    def _middles(self) -> tuple[np.ndarray, np.ndarray]:
        nodes, streets = self._city.nodes, self._city.streets
        return ((nodes.x_m[streets.from_node] + nodes.x_m[streets.to_node]) / 2,
                (nodes.y_m[streets.from_node] + nodes.y_m[streets.to_node]) / 2)

    @cached_property
    def _named(self) -> np.ndarray:
        return np.flatnonzero([bool(name) for name in self._city.streets.name])

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

    def unit_from(self, number: int) -> str:
        """'ambulance A3 (SAMU La Serena)': a unit with the station, or the neighbour, it is from."""
        station = self.station(number)
        return f"{self.unit(number)} ({station})" if station else self.unit(number)

    def station(self, number: int) -> str:
        """'SAMU La Serena', or the neighbour that sends the unit; empty where nothing says."""
        units = self._manifest["units"]
        return plain(str(units[number].get("station", ""))) if 0 <= number < len(units) else ""

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

    @cached_property
    def _post_words(self) -> list[str]:
        return [word for part, word in POSTS.items() for _ in self._view.plan.get(part, ())]

    def post(self, number: int) -> str:
        """'control point Cuatro Esquinas', 'street for walkers Los Carrera'."""
        words = self._post_words
        word = words[number] if 0 <= number < len(words) else "crowd post"
        name = self.control(number)
        return name if word in name.lower() else f"{word} {name}"

    def posts(self, numbers: Iterable[int]) -> str:
        """'control points A and B; closure C'."""
        words = self._post_words
        groups: dict[str, list[str]] = {}
        for number in numbers:
            word = words[number] if 0 <= number < len(words) else "crowd post"
            groups.setdefault(word, []).append(self.control(number))
        return "; ".join(f"{plural(word) if len(which) > 1 else word} {listed(which, 4)}"
                         for word, which in groups.items())

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
            return f"incident {number:04d}"
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
