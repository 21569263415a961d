"""Keys of the test town's plans that can only change together with others, and those that cannot.

`Together`: the key's other values; the keys that stand otherwise in `both` runs that are compared, so that
it is this key that parts them; and those that must change `along` with it, since the plan is refused
otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.levers.order import OrderZone, Trigger
from engine.levers.transport import Vehicles
from engine.scenario import Area, Circle, Gauge, load_scenario

#: Other values of keys that are whole parts or lists, which leaving out or shortening would refuse.
WHOLE: dict[str, list[Any]] = {
    "danger_zone": [(Area(below_m=10.0),)],
    "earthquake": [load_scenario("testtown-tsunami").earthquake.model_copy(  # type: ignore[union-attr]
        update={"magnitude": 7.6})],
    "tsunami.gauges": [(Gauge(name="Pier", lon=-71.0005, lat=-29.996),
                        Gauge(name="Mole", lon=-71.0035, lat=-29.996))],
    "order.trigger": [Trigger(at_s=20.0)],
    "order.zones": [(OrderZone(name="Low town", below_m=8.0),)],
    "inbound_ban.within": [Circle(lon=-70.99627, lat=-29.99639, radius_m=80.0)],
    "facility_evacuation.vehicles": [Vehicles(ambulances=1)],
}


@dataclass(frozen=True)
class Together:
    """How a key is changed that has no other value alone."""

    values: list[Any]
    both: dict[str, Any] = field(default_factory=dict)
    along: dict[str, Any] = field(default_factory=dict)


_NO_FUEL = {"fuel": None}
_POSTS = {"control_points": [
    {"name": "Avenida Central", "lon": -70.9963, "lat": -29.9968, "officers": 2, "setup_s": 60.0},
    {"name": "East Street", "lon": -70.9947, "lat": -29.9982, "officers": 1, "setup_s": 45.0}]}
_WIDE = {"contraflow.0.within.radius_m": 250.0}
#: A confirmation takes time, and only a confirmation does: neither key can change alone.
_CONFIRMED = Together(["confirmed"], along={"order.confirmation_s": 60.0})
_CONFIRMATION = Together([90.0], both={"order.authority": "confirmed", "order.confirmation_s": 30.0})
_COMMITTEE = Together(["committee"], along={"all_clear.confirmation_s": 240.0})
_COMMITTEE_S = Together(
    [400.0], both={"all_clear.authority": "committee", "all_clear.confirmation_s": 100.0})

#: By plan and key.
TOGETHER: dict[str, Together] = {
    "historical order.authority": Together(["automatic"], along={"order.confirmation_s": 0.0}),
    "historical order.bar_return": Together([True], both=_POSTS),
    "historical channels.1.battery_s": Together([3600.0], both={"channels.1.kind": "cell_broadcast"}),
    "historical all_clear.authority": _COMMITTEE,
    "historical all_clear.confirmation_s": _COMMITTEE_S,
    "early-warning order.authority": _CONFIRMED,
    "early-warning order.confirmation_s": _CONFIRMATION,
    "early-warning order.zones.1.exempt": Together([()], both={"order.zones.1.mode": "foot"}),
    "early-warning channels": Together([()], both=_NO_FUEL),
    "early-warning channels.0.kind": Together(
        ["loudspeaker"], both={"channels.0.battery_s": 0.0, **_NO_FUEL}),
    "early-warning channels.1.kind": Together(
        ["radio_tv"], both={"channels.1.battery_s": 0.0, **_NO_FUEL}),
    "early-warning channels.2.battery_s": Together([600.0], both={"channels.2.kind": "siren"}),
    "early-warning door_to_door.0.by": Together(
        ["police", "fire_rescue"],
        both={"door_to_door.0.teams": 2, "door_to_door.0.stop_s": 900.0, "exclusion.lead_s": 300.0}),
    "early-warning destinations.shelters": Together([False], both={"destinations.shelter_staff": None}),
    "early-warning vertical_refuges.0.facility": Together(
        ["Test School"], along={"vertical_refuges.0.lon": None, "vertical_refuges.0.lat": None}),
    "early-warning one_way_streets.0.within.lat": Together(
        [-29.9964], both={"one_way_streets.0.within.radius_m": 250.0}),
    "early-warning contraflow.0.street": Together(
        ["East Street 5"], both={"pedestrian_streets": (), **_WIDE}),
    "early-warning contraflow.0.within.lat": Together([-29.9945], both=_WIDE),
    "early-warning inbound_ban.0.below_m": Together(
        [18.0], both={"inbound_ban.0.within.radius_m": 170.0, "inbound_ban.0.officers": 10,
                      "closures": ()}),
    "early-warning mutual_aid.1.kind": Together(
        ["ambulance"], both={"inbound_ban": (), "contraflow": (), "closures": ()}),
    "early-warning all_clear.authority": Together(
        ["sea_service"], both={"all_clear.earliest_hour": 0.0}, along={"all_clear.confirmation_s": 0.0}),
    "assisted order.authority": _CONFIRMED,
    "assisted order.confirmation_s": _CONFIRMATION,
    "assisted order.bar_return": Together([True], both=_POSTS),
    "assisted order.zones.1.exempt": Together([()], both={"order.zones.1.mode": "foot"}),
    "assisted facility_evacuation.1.facility": Together(
        ["North Hospital"], both={
            "facility_evacuation.1.mode": "vehicle", "facility_evacuation.1.patients": 4,
            "facility_evacuation.1.vehicles": {"ambulances": 1}}),
    "assisted facility_evacuation.1.mode": Together(
        ["vehicle"], along={"facility_evacuation.1.vehicles": {"ambulances": 1}}),
    "assisted destinations.meeting_points": Together([False], both={"meeting_points": ()}),
    **{f"assisted meeting_points.{row}.facility": Together(["Test Fire Station"], along={
        f"meeting_points.{row}.{key}": None for key in ("name", "lon", "lat")}) for row in (1, 2)},
    "assisted all_clear.authority": _COMMITTEE,
    "assisted all_clear.confirmation_s": _COMMITTEE_S,
}

#: By plan and key: (why no other value is allowed, part of the message, other keys that would go with it).
NO_OTHER_VALUE: dict[str, tuple[str, str, dict[str, Any]]] = {
    "assisted facility_evacuation.0.mode": (
        "a hospital's in-patients are fetched: only a care home has staff who lead its people out",
        "is no care home", {"facility_evacuation.0.vehicles": None}),
}
