"""Fetching people who cannot leave alone: vehicles of named kinds, trip by trip."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from engine.scenario import Lat, Lon, Seconds
from engine.yamlfile import Strict

HIGH_GROUND = "high ground"


class Vehicles(Strict):
    """Most vehicles of each kind that work for it at once: ambulances of the city (and its
    neighbours), buses of the scenario's depots."""

    ambulances: Annotated[int, Field(ge=0, le=200)] = 0
    buses: Annotated[int, Field(ge=0, le=200)] = 0

    @model_validator(mode="after")
    def _some(self) -> Vehicles:
        if self.ambulances + self.buses == 0:
            raise ValueError("give at least one of ambulances, buses")
        return self


class FacilityEvacuation(Strict):
    """A hospital or care home is emptied: from `start_s` after the order so many of its people are fetched
    trip by trip, `escorts` of its staff with each vehicle, and taken to another hospital, a shelter
    or the nearest high ground."""

    facility: str
    patients: Annotated[int, Field(ge=1, le=5000)]
    escorts: Annotated[int, Field(ge=1, le=20)] = 2
    vehicles: Vehicles
    to: str = HIGH_GROUND
    start_s: Seconds = 300.0


class PickUp(Strict):
    """A place in the danger zone where people wait for a bus."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    lon: Lon
    lat: Lat


class BusLine(Strict):
    """Buses of one depot for those who have no car or walk slowly: from `from_s` to `to_s` after the
    order one leaves every `headway_s` while fewer than `buses` are out. Each takes people in at the
    pick-ups in their order, up to its seats, waits `wait_s` at each for more, sets them down and comes
    again. People who have heard the order go to a pick-up within `walk_m` that is nearer than safety;
    after `patience_s` without a bus, or when they see water, they walk on."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    depot: str
    buses: Annotated[int, Field(ge=1, le=500)]
    pick_ups: Annotated[tuple[PickUp, ...], Field(min_length=1, max_length=20)]
    headway_s: Annotated[float, Field(ge=0, le=7200)] = 300.0
    from_s: Seconds = 0.0
    to_s: Annotated[float, Field(gt=0, le=86_400)] = 7200.0
    wait_s: Annotated[float, Field(ge=0, le=3600)] = 60.0
    walk_m: Annotated[float, Field(gt=0, le=5000)] = 500.0
    patience_s: Annotated[float, Field(gt=0, le=86_400)] = 1200.0
    to: str = HIGH_GROUND

    @model_validator(mode="after")
    def _forward(self) -> BusLine:
        if self.to_s <= self.from_s:
            raise ValueError("to_s must be later than from_s: no bus would ever leave")
        return self
