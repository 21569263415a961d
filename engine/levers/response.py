"""How units and hospitals are used."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.scenario import Lat, Lon, Share
from engine.yamlfile import Strict


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
