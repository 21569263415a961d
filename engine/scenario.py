"""Scenario files: what happens, when and to whom. Frozen, validated objects.

A scenario is a folder `scenarios/NAME/` with `scenario.yaml`, its data files and the plans written
for it, or a path to such a YAML file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, field_validator, model_validator

from engine.errors import InputError, shown, unknown
from engine.yamlfile import Strict, parse, read_overridden

Seconds = Annotated[float, Field(ge=0, le=40 * 86400)]
Share = Annotated[float, Field(ge=0, le=1)]
Lon = Annotated[float, Field(ge=-180, le=180)]
Lat = Annotated[float, Field(ge=-90, le=90)]

class Circle(Strict):
    """Everything within `radius_m` of a point."""

    lon: Lon
    lat: Lat
    radius_m: Annotated[float, Field(gt=0, le=100_000)]


class Area(Strict):
    """Junctions that satisfy every condition given; at least one must be given."""

    below_m: Annotated[float, Field(gt=0, le=500)] | None = None
    within: Circle | None = None
    municipality: str | None = None

    @model_validator(mode="after")
    def _some_condition(self) -> Area:
        if self.below_m is None and self.within is None and self.municipality is None:
            raise ValueError("give at least one of below_m, within, municipality")
        return self


class Beach(Circle):
    """A beach in season: the share of all households whose free members are on it, if the scenario
    starts in one of the months and between the hours of local time."""

    share: Share
    months: Annotated[tuple[Annotated[int, Field(ge=1, le=12)], ...], Field(min_length=1)] = (
        12, 1, 2, 3)
    from_hour: Annotated[float, Field(ge=0, le=24)] = 10.0
    to_hour: Annotated[float, Field(ge=0, le=24)] = 20.0

    @model_validator(mode="after")
    def _forward(self) -> Beach:
        if self.to_hour <= self.from_hour:
            raise ValueError("to_hour must be later than from_hour")
        return self


class Population(Strict):
    """Who takes part and where people are: `auto` reads day and hour from the start."""

    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    occupancy: Literal["auto", "night", "day", "commute"] = "auto"
    beach: Beach | None = None
    inpatients: Annotated[float, Field(ge=0, le=0.8)] = 0.0  # share of the hospitals' beds
    care_home_residents: Annotated[float, Field(ge=0, le=1)] = 0.0  # share of the care homes' places


class Station(Strict):
    """A recording station: peak ground acceleration and, if known, the 5 % damped spectral
    acceleration at 1 s, of the larger horizontal component."""

    name: str
    lon: Lon
    lat: Lat
    pga_g: Annotated[float, Field(gt=0, le=5)]
    sa1_g: Annotated[float, Field(gt=0, le=5)] | None = None


class Earthquake(Strict):
    """An earthquake at the scenario's start."""

    magnitude: Annotated[float, Field(ge=3, le=9.5)]
    lon: Lon
    lat: Lat
    depth_km: Annotated[float, Field(ge=0, le=700)]
    rupture_distance_km: Annotated[float, Field(ge=0, le=1000)] | None = None
    vs30_mps: Annotated[float, Field(ge=100, le=2000)] = 400.0
    mechanism: Literal["unspecified", "strike-slip", "normal", "reverse"] = "reverse"
    stations: tuple[Station, ...] = ()
    shakemap: str | None = None
    residuals: bool = True

    @model_validator(mode="after")
    def _one_source(self) -> Earthquake:
        if self.stations and self.shakemap:
            raise ValueError("give stations or a shakemap, not both")
        if len({s.sa1_g is None for s in self.stations}) > 1:
            raise ValueError("give sa1_g for every station or for none")
        if self.shakemap and self.residuals:
            raise ValueError("a shakemap is a median field: set residuals to false")
        return self


class Gauge(Strict):
    """A tide gauge."""

    name: str
    lon: Lon
    lat: Lat


class Tsunami(Strict):
    """A sea-level series at the open boundary; times count from the scenario's start. The terrain
    that the water meets is uncertain: `land_shift_m` raises or lowers the land, `bed_factor` scales
    the depth of the sea bed."""

    series: str
    gauges: Annotated[tuple[Gauge, ...], Field(min_length=1, max_length=20)]
    sea_level_m: Annotated[float, Field(ge=-5, le=5)] = 0.0
    factor: Annotated[float, Field(gt=0, le=10)] = 1.0
    land_shift_m: Annotated[float, Field(ge=-10, le=10)] = 0.0
    bed_factor: Annotated[float, Field(ge=0.5, le=2)] = 1.0


class BusDepot(Strict):
    """Buses that a plan may call on, the same for every plan: how many, and their seats."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    lon: Lon
    lat: Lat
    buses: Annotated[int, Field(ge=1, le=500)]
    seats: Annotated[int, Field(ge=8, le=120)] = 40


class Outage(Strict):
    """A scheduled loss of electricity or telephone service in a share of the zones."""

    service: Literal["power", "telecom"]
    from_s: Seconds
    to_s: Seconds
    share: Share = 1.0
    municipality: str | None = None

    @model_validator(mode="after")
    def _forward(self) -> Outage:
        if self.to_s <= self.from_s:
            raise ValueError("to_s must be later than from_s")
        return self


class VenueAt(Strict):
    """A venue with a crowd of visitors (engine/crowd): who is at it begins to leave at `start_s`. Its
    cameras, named in its file, count heads every `sample_s`, with a mean absolute error of
    `count_error` of the count. Visitors are none of the city's own people."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    file: str
    lon: Lon
    lat: Lat
    start_s: Seconds = 0.0
    sample_s: Annotated[float, Field(ge=10, le=600, multiple_of=10)] = 30.0
    count_error: Annotated[float, Field(ge=0, le=0.5)] = 0.086


class Rumour(Strict):
    """A false report that goes round from `at_s` on, begun by a `share` of all parties."""

    kind: Literal["alert_cancelled", "larger_wave"]
    at_s: Seconds
    share: Share = 0.01


class Scenario(Strict):
    """What happens. `start_utc` is the engine's time zero."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: str
    city: str
    start_utc: datetime
    duration_s: Annotated[float, Field(ge=60, le=40 * 86400)]
    danger_zone: Annotated[tuple[Area, ...], Field(min_length=1)]
    population: Population = Population()
    earthquake: Earthquake | None = None
    tsunami: Tsunami | None = None
    outages: tuple[Outage, ...] = ()
    rumour: Rumour | None = None
    bus_depots: tuple[BusDepot, ...] = ()
    venues: Annotated[tuple[VenueAt, ...], Field(max_length=20)] = ()
    behaviour: dict[str, float] = Field(default_factory=dict)
    plans: Annotated[tuple[str, ...], Field(min_length=1)]

    _folder: Path = PrivateAttr(default=Path("."))

    @field_validator("start_utc", mode="before")
    @classmethod
    def _a_time(cls, value: Any) -> Any:
        """A bare number or a date is no moment; years outside the calendar's use break clocks."""
        text = isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", value)
        if not (isinstance(value, datetime) or text):
            raise ValueError("expected date and time, for example 2015-09-16T22:54:32Z")
        year = value.year if isinstance(value, datetime) else int(value[:4])
        if not 1900 <= year <= 2200:
            raise ValueError("the year must be within 1900 to 2200")
        return value

    @model_validator(mode="after")
    def _utc(self) -> Scenario:
        if self.start_utc.tzinfo is None:
            raise ValueError("start_utc needs an offset, for example 2015-09-16T22:54:32Z")
        if self.tsunami and any(area.below_m is None for area in self.danger_zone):
            raise ValueError("with a tsunami every danger_zone area needs below_m")
        return self

    @property
    def folder(self) -> Path:
        """Folder that data files and plans are looked up in."""
        return self._folder

    @property
    def start(self) -> datetime:
        """Start as an aware UTC time."""
        return self.start_utc.astimezone(UTC)

    def data_file(self, name: str) -> Path:
        """Path of a data file named in the scenario; InputError where it is missing."""
        path = self._folder / name
        if not os.path.isfile(path):
            raise InputError(
                f"scenario '{self.name}': data file {shown(name)} not found in {self._folder}"
            )
        return path.resolve()


def scenarios_root() -> Path:
    """Folder of the built-in scenarios."""
    return Path(str(resources.files("scenarios")))


def list_scenarios() -> list[str]:
    """Names of the built-in scenarios."""
    return sorted(p.parent.name for p in scenarios_root().glob("*/scenario.yaml"))


def scenario_path(name: str) -> Path:
    """Resolve a built-in name, a folder or a file to the scenario's YAML file."""
    candidate = Path(name)
    if os.path.isfile(candidate / "scenario.yaml"):
        return candidate / "scenario.yaml"
    if os.path.isfile(candidate):
        return candidate
    built_in = scenarios_root() / name / "scenario.yaml"
    if "/" not in name and "\\" not in name and os.path.isfile(built_in):
        return built_in
    raise unknown("scenario", name, list_scenarios())


def load_scenario(name: str, overrides: Iterable[str] = ()) -> Scenario:
    """Load a scenario by built-in name or path, with `key.path=value` overrides."""
    path = scenario_path(name)
    document, source = read_overridden(path, overrides)
    if "order" in document and "danger_zone" not in document:
        raise InputError(
            f"{path}: is a plan, not a scenario (check it with: anlan scenario check SCENARIO "
            f"--plan {path})"
        )
    scenario = parse(Scenario, document, source)
    scenario._folder = path.parent
    from engine.people.behaviour import Behaviour, with_overrides

    written = document.get("behaviour") or {}
    for name, value in scenario.behaviour.items():
        where = source.where(("behaviour", name))
        if isinstance(written.get(name), (str, bool)):
            raise InputError(
                f"{where}: 'behaviour.{name}' is {written[name]!r}: "
                "expected a number, without quotes"
            )
        try:
            with_overrides(Behaviour(), {name: value})
        except InputError as error:
            # Two bounds may only fit together: a single value is then judged with the others.
            if "must be above" not in str(error):
                raise InputError(f"{where}: behaviour.{name}: {error}") from None
    try:
        with_overrides(Behaviour(), scenario.behaviour)
    except InputError as error:
        raise InputError(f"{source.where(('behaviour',))}: behaviour: {error}") from None
    return scenario
