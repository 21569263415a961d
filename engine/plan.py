"""Response-plan files: what the city does. Frozen, validated objects.

A plan never holds staff or vehicles: those belong to the city, so that plans compete with equal
means. Times are seconds after the moment named; every key below is read by a component.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from engine.errors import InputError, unknown
from engine.scenario import Area, Lat, Lon, Scenario, Seconds, Share, scenarios_root
from engine.yamlfile import Strict, load

ModeRule = Literal["free", "foot", "car"]


class Trigger(Strict):
    """What makes the command centre decide: reported intensity, magnitude, a disturbed gauge, or a
    time after the start. The first condition met counts."""

    intensity_mmi: Annotated[float, Field(ge=1, le=12)] | None = None
    magnitude: Annotated[float, Field(ge=3, le=9.5)] | None = None
    gauge_m: Annotated[float, Field(gt=0, le=20)] | None = None
    at_s: Seconds | None = None

    @model_validator(mode="after")
    def _some(self) -> Trigger:
        if all(v is None for v in (self.intensity_mmi, self.magnitude, self.gauge_m, self.at_s)):
            raise ValueError("give at least one of intensity_mmi, magnitude, gauge_m, at_s")
        return self


class OrderZone(Area):
    """An area that is ordered to leave, `offset_s` after the order; the first that fits counts."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    offset_s: Seconds = 0.0
    mode: ModeRule = "free"


class Order(Strict):
    """The evacuation order."""

    trigger: Trigger
    delay_s: Seconds
    zones: Annotated[tuple[OrderZone, ...], Field(min_length=1, max_length=50)]


class Channel(Strict):
    """A warning channel: starts `start_s` after a zone's order, repeats every `repeat_s`."""

    kind: Literal["siren", "cell_broadcast", "radio_tv", "loudspeaker"]
    start_s: Seconds = 0.0
    repeat_s: Annotated[float, Field(ge=30, le=7200)] = 600.0
    coverage: Share = 1.0
    battery_s: Seconds = 0.0  # of the siren or of the telephone masts

    @model_validator(mode="after")
    def _has_battery(self) -> Channel:
        if self.battery_s and self.kind not in ("siren", "cell_broadcast"):
            raise ValueError(f"battery_s belongs to siren and cell_broadcast, not to {self.kind}")
        return self


class Destinations(Strict):
    """Where people are told to go."""

    high_ground_m: Annotated[float, Field(ge=5, le=200)] = 30.0
    meeting_points: bool = True
    shelters: bool = True
    shelter_open_s: Seconds = 1800.0


class ControlPoint(Strict):
    """A junction worked by officers, who take `setup_s` on arrival."""

    name: str
    lon: Lon
    lat: Lat
    officers: Annotated[int, Field(ge=1, le=20)] = 2
    setup_s: Seconds = 300.0


class Closure(Strict):
    """Streets closed to vehicles entering the circle, from `from_s` after the order."""

    name: str
    lon: Lon
    lat: Lat
    radius_m: Annotated[float, Field(gt=0, le=2000)]
    from_s: Seconds = 0.0
    to_s: Seconds = 86400.0


class Staging(Strict):
    """Units of one kind wait at a safe place from the order on."""

    kind: Literal["ambulance", "fire_rescue", "police"]
    lon: Lon
    lat: Lat


class Dispatch(Strict):
    """How units are chosen and how the call centre is staffed."""

    rule: Literal["least_travel_time", "nearest_station"] = "least_travel_time"
    call_takers: Annotated[int, Field(ge=1, le=200)] = 6
    rescue_share: Share = 0.5  # share of fire-and-rescue units that may be on rescue at once


class Hospitals(Strict):
    """How patients are distributed."""

    rule: Literal["nearest", "spread"] = "nearest"


class AllClear(Strict):
    """The order is lifted at the earliest `earliest_s` after it, and not while the sea is disturbed
    (gauge above `gauge_m` within the last hour)."""

    earliest_s: Seconds = 43200.0
    gauge_m: Annotated[float, Field(gt=0, le=10)] = 0.5


class Plan(Strict):
    """A response plan."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: str
    order: Order
    channels: tuple[Channel, ...] = ()
    destinations: Destinations = Destinations()
    control_points: tuple[ControlPoint, ...] = ()
    closures: tuple[Closure, ...] = ()
    staging: tuple[Staging, ...] = ()
    dispatch: Dispatch = Dispatch()
    hospitals: Hospitals = Hospitals()
    all_clear: AllClear = AllClear()


def load_plan(name: str, scenario: Scenario | None = None, overrides: Iterable[str] = ()) -> Plan:
    """Load a plan by path, by `scenario/plan`, or by bare name in the scenario's folder."""
    path = plan_path(name, scenario)
    return load(Plan, path, overrides)


def plan_path(name: str, scenario: Scenario | None = None) -> Path:
    """Resolve a plan's name to its file; InputError with the nearest valid name."""
    if scenario is not None and (scenario.folder / f"{name}.yaml").is_file():
        return scenario.folder / f"{name}.yaml"
    if Path(name).is_file():
        return Path(name)
    if name.count("/") == 1:
        folder, _, plan = name.partition("/")
        candidate = scenarios_root() / folder / f"{plan}.yaml"
        if candidate.is_file():
            return candidate
    valid = list(scenario.plans) if scenario else [
        f"{p.parent.name}/{p.stem}" for p in sorted(scenarios_root().glob("*/*.yaml"))
        if p.stem != "scenario"
    ]
    raise unknown("plan", name, valid)


def default_plans(scenario: Scenario) -> list[Plan]:
    """The plans a scenario names, in its order."""
    plans = [load_plan(name, scenario) for name in scenario.plans]
    if len({plan.name for plan in plans}) != len(plans):
        raise InputError(f"scenario '{scenario.name}': two of its plans carry the same name")
    return plans
