"""People who cannot leave alone: fetched by vehicles of named kinds, trip by trip, or led on foot."""

from __future__ import annotations

from typing import Annotated, Literal

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
    """A hospital or care home is emptied from `start_s` after the order on, as far as so many of its
    people.

    `mode: vehicle`: they are fetched trip by trip, `escorts` of its staff with each of the `vehicles`, and
    taken to another hospital, a shelter or the nearest high ground. `mode: foot`, of a care home: its
    staff on duty, `escorts` of them, lead those who walk and push the others, one each, in relays, to high
    ground (or a meeting point that is nearer), a shelter or a vertical refuge of the plan
    (`engine/escorts.py`).
    """

    facility: str
    patients: Annotated[int, Field(ge=1, le=5000)]
    mode: Literal["vehicle", "foot"] = "vehicle"
    escorts: Annotated[int, Field(ge=1, le=20)] = 2
    vehicles: Vehicles | None = None
    to: str = HIGH_GROUND
    start_s: Seconds = 300.0

    @model_validator(mode="after")
    def _vehicles_or_feet(self) -> FacilityEvacuation:
        if self.mode == "vehicle" and self.vehicles is None:
            raise ValueError("vehicles: nobody would be fetched without them (or mode: foot)")
        if self.mode == "foot" and self.vehicles is not None:
            raise ValueError("vehicles: nobody drives in mode foot")
        return self

    @property
    def ambulances(self) -> int:
        """Most ambulances at once."""
        return self.vehicles.ambulances if self.vehicles else 0

    @property
    def buses(self) -> int:
        """Most buses at once."""
        return self.vehicles.buses if self.vehicles else 0


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
