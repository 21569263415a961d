"""What OpenStreetMap's tags mean for a city: roads, lanes, speeds, buildings, facilities."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from city_models.roads import DEFAULTS
from engine.city import ROAD_CLASSES

Tags = Mapping[str, str]

_CLASS_ALIASES = {"road": "unclassified", "bridleway": "path"}
_PRIVATE = ("no", "private")
#: Service ways that are no through road for emergency traffic.
_SERVICE_NO_DRIVE = ("parking_aisle", "driveway", "drive-through", "emergency_access")
_NUMBER = re.compile(r"^\s*([0-9]+(?:[.,][0-9]+)?)\s*(km/h|kmh|kph|mph|knots)?\s*$", re.I)
#: Implicit limits of the form COUNTRY:zone, km/h; usual European values.
_IMPLICIT = {
    "urban": 50.0, "rural": 90.0, "motorway": 120.0, "living_street": 20.0, "trunk": 100.0,
    "zone30": 30.0, "nsl_single": 96.0, "nsl_dual": 112.0, "walk": 7.0,
}
_USE_OF_BUILDING = {
    "commercial": (
        "retail", "commercial", "office", "supermarket", "kiosk", "hotel", "shop", "mall",
        "restaurant",
    ),
    "education": ("school", "kindergarten", "university", "college"),
    "industrial": ("industrial", "warehouse", "factory", "manufacture", "works"),
    "health": ("hospital", "clinic"),
    "civic": (
        "church", "chapel", "cathedral", "mosque", "synagogue", "temple", "civic", "public",
        "government", "townhall", "fire_station", "train_station", "transportation", "museum",
        "sports_hall", "sports_centre", "stadium", "castle", "monastery",
    ),
    "other": (
        "garage", "garages", "shed", "roof", "carport", "hut", "greenhouse", "barn", "stable",
        "cowshed", "farm_auxiliary", "sty", "silo", "storage_tank", "bunker", "ruins",
        "construction", "service", "transformer_tower", "parking", "container", "tank", "toilets",
    ),
    "residential": (
        "house", "apartments", "detached", "terrace", "residential", "semidetached_house",
        "dormitory", "bungalow", "farm", "static_caravan", "houseboat", "cabin",
    ),
}
USE_BY_BUILDING = {value: use for use, values in _USE_OF_BUILDING.items() for value in values}
_NO_BUILDING = ("", "no", "entrance", "demolished", "razed", "proposed", "planned")
_USE_BY_AMENITY = {
    "hospital": "health", "clinic": "health", "doctors": "health", "school": "education",
    "kindergarten": "education", "university": "education", "college": "education",
    "townhall": "civic", "place_of_worship": "civic", "police": "civic", "fire_station": "civic",
    "restaurant": "commercial", "bank": "commercial", "marketplace": "commercial",
}
#: Facility kind by (key, value).
FACILITY_TAGS: dict[tuple[str, str], str] = {
    ("amenity", "hospital"): "hospital",
    ("amenity", "clinic"): "clinic",
    ("amenity", "fire_station"): "fire_station",
    ("amenity", "police"): "police_station",
    ("amenity", "school"): "school",
    ("amenity", "shelter"): "shelter",
    ("social_facility", "shelter"): "shelter",
    ("social_facility", "nursing_home"): "care_home",
    ("social_facility", "assisted_living"): "care_home",
    ("amenity", "nursing_home"): "care_home",
    ("emergency", "ambulance_station"): "ambulance_station",
    ("emergency", "assembly_point"): "meeting_point",
}
#: Values of `shelter_type` under which people can stay; any other `amenity=shelter` is a roof
#: against rain (bus stop, picnic hut, lean-to), as that tag means by itself.
SHELTERS_TO_STAY_IN = ("bomb_shelter", "emergency", "evacuation", "storm_shelter", "tsunami")


@dataclass(frozen=True)
class Road:
    """What a way's tags say; NaN where they are silent, `bad` names impossible values."""

    road_class: int
    bridge: bool
    walk: bool
    name: str
    drive_f: bool
    drive_b: bool
    lanes_f: float
    lanes_b: float
    speed_f: float
    speed_b: float


def road(tags: Tags) -> Road | None:
    """Return the meaning of a highway's tags, None for what is no road."""
    base = tags.get("highway", "").split(";")[0].strip().removesuffix("_link")
    base = _CLASS_ALIASES.get(base, base)
    if base not in DEFAULTS or tags.get("area") == "yes":
        return None
    rule = DEFAULTS[base]
    access = tags.get("access")
    motor = tags.get("motor_vehicle", tags.get("motorcar", tags.get("vehicle", access)))
    drive = rule.drive and base != "track" and motor not in _PRIVATE
    if base == "service" and tags.get("service") in _SERVICE_NO_DRIVE:
        drive = False
    foot = tags.get("foot", access)
    walk = rule.walk and foot not in _PRIVATE
    if not drive and not walk:
        return None
    way = tags.get("oneway", "")
    forward = backward = drive
    if way in ("-1", "reverse"):
        forward = False
    elif way in ("yes", "1", "true") or (
        way not in ("no", "0", "false")
        and (base == "motorway" or tags.get("junction") in ("roundabout", "circular"))
    ):
        backward = False
    lanes_f, lanes_b = _lanes(tags, forward and backward)
    limit = speed_kmh(tags.get("maxspeed"))
    return Road(
        ROAD_CLASSES.index(base), tags.get("bridge", "no") not in ("no", ""), walk,
        tags.get("name", ""), forward, backward, lanes_f, lanes_b,
        _first(speed_kmh(tags.get("maxspeed:forward")), limit),
        _first(speed_kmh(tags.get("maxspeed:backward")), limit),
    )


def _first(a: float, b: float) -> float:
    return b if math.isnan(a) else a


def _lanes(tags: Tags, two_way: bool) -> tuple[float, float]:
    """Return lanes forward and backward; a two-way total is shared, the odd lane forward."""
    total = number(tags.get("lanes"))
    forward, backward = number(tags.get("lanes:forward")), number(tags.get("lanes:backward"))
    if not two_way:
        return _first(forward, total), _first(backward, total)
    if not math.isnan(total):
        half = max(math.floor(total / 2), 1) if 0 < total < 1e3 else total
        rest = max(total - half, 1) if 0 < total < 1e3 else total
        return _first(forward, rest), _first(backward, half)
    return forward, backward


def number(text: str | None) -> float:
    """Return the first number of a tag value, NaN where there is none."""
    if not text:
        return math.nan
    try:
        return float(text.split(";")[0].split("|")[0].strip().replace(",", "."))
    except ValueError:
        return math.nan


def speed_kmh(text: str | None) -> float:
    """Return a speed limit in km/h from "50", "30 mph", "DE:urban" or the like, else NaN."""
    if not text:
        return math.nan
    first = text.split(";")[0].split("|")[0].strip()
    match = _NUMBER.match(first)
    if match:
        value = float(match.group(1).replace(",", "."))
        unit = (match.group(2) or "").lower()
        return value * {"mph": 1.609344, "knots": 1.852}.get(unit, 1.0)
    zone = first.split(":")[-1].lower()
    if zone in _IMPLICIT:
        return _IMPLICIT[zone]
    return math.nan


def is_building(tags: Tags) -> bool:
    """Say whether an object is a building that stands: doors once were `building=entrance`."""
    return tags.get("building", "no") not in _NO_BUILDING


def building_use(tags: Tags, area_m2: float) -> str:
    """Return the use of a building; plain `yes` counts as a home unless its size speaks
    against it: under 25 m2 a shed, over 1,500 m2 without dwellings commercial (assumptions)."""
    kind = tags.get("building", "yes")
    if kind in USE_BY_BUILDING:
        return USE_BY_BUILDING[kind]
    amenity = _USE_BY_AMENITY.get(tags.get("amenity", ""))
    if amenity:
        return amenity
    if "shop" in tags or "office" in tags:
        return "commercial"
    if 0.0 < area_m2 < 25.0:
        return "other"
    if area_m2 > 1500.0 and "building:flats" not in tags:
        return "commercial"
    return "residential"


def length_m(text: str | None) -> float:
    """Return a height or length in metres from "12", "12 m" or "40 ft", else NaN."""
    if not text:
        return math.nan
    value = text.strip().lower()
    scale = 1.0
    for unit, factor in ((" m", 1.0), ("m", 1.0), (" ft", 0.3048), ("ft", 0.3048), ("'", 0.3048)):
        if value.endswith(unit):
            value, scale = value[: -len(unit)], factor
            break
    return number(value) * scale


def mere_roof(tags: Tags) -> bool:
    """Say whether a shelter only keeps off the rain: nobody can be lodged there."""
    return (
        tags.get("amenity") == "shelter" and tags.get("social_facility") != "shelter"
        and tags.get("shelter_type") not in SHELTERS_TO_STAY_IN
    )


def facility_kind(tags: Tags) -> str | None:
    """Return the facility kind of an object, None if it is none that matters here."""
    for (key, value), kind in FACILITY_TAGS.items():
        if tags.get(key) == value:
            return kind
    return None
