"""How units and hospitals are used."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from engine.scenario import Area, Lat, Lon, Seconds, Share
from engine.yamlfile import Strict


class Staging(Strict):
    """Units of one kind wait at a safe place from the order on; of several places each at the nearest."""

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

    rule: Literal["nearest", "spread", "least_wait"] = "nearest"
    patients_h: Annotated[float, Field(gt=0, le=50)] = 3.0  # an hour for each 100 beds
    generator_h: Annotated[float, Field(ge=0, le=720)] = 24.0  # own electricity, by fuel in store


class Fuel(Strict):
    """Who gets the next delivery of fuel while the mains are off: `hospitals` (or one by its name),
    `telephone` (masts, zone by zone) or `sirens`, the first named first. A truck with a crew of two
    takes `delivery_s` for a site, which then runs `hours_a_delivery` longer."""

    order: Annotated[tuple[str, ...], Field(min_length=1, max_length=20)]
    trucks: Annotated[int, Field(ge=1, le=50)] = 1
    delivery_s: Annotated[float, Field(ge=300, le=86_400)] = 3600.0
    hours_a_delivery: Annotated[float, Field(gt=0, le=240)] = 12.0

    @model_validator(mode="after")
    def _once_each(self) -> Fuel:
        if len(set(self.order)) < len(self.order):
            raise ValueError("order names a site twice")
        return self


class Exclusion(Strict):
    """Responders' exclusion line: no unit is inside it from `lead_s` before the predicted first wave
    until the all-clear. `line` is the danger zone unless given; the prediction is `arrival_s` after
    strong shaking is reported, the shortest arrival that the sea's service gives for a local
    earthquake, until magnitude and place are known, and never earlier after that."""

    lead_s: Seconds = 600.0
    arrival_s: Annotated[float, Field(ge=60, le=86400)] = 900.0
    line: Area | None = None


class MutualAid(Strict):
    """Units of a neighbouring city, asked for when `trigger` is met: with the order, or when the first
    incident finds no unit free. The neighbour keeps `home_cover` of the `units` it could send; the
    others reach the gate, a junction of this city, `travel_s` later."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    kind: Literal["ambulance", "fire_rescue", "police"]
    units: Annotated[int, Field(ge=1, le=200)]
    home_cover: Annotated[float, Field(ge=0, le=0.95)] = 0.5
    trigger: Literal["order", "no_unit_free"] = "order"
    lon: Lon
    lat: Lat
    travel_s: Annotated[float, Field(ge=60, le=3 * 86400)]
