"""Where people are told to go."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from engine.scenario import Lat, Lon, Seconds
from engine.yamlfile import Strict

#: FEMA P-646's area for a refuge of a few hours, 10 square feet.
SHORT_STAY_M2 = 0.93


class Destinations(Strict):
    """Where people are told to go."""

    high_ground_m: Annotated[float, Field(ge=5, le=200)] = 30.0
    meeting_points: bool = True
    shelters: bool = True
    shelter_open_s: Seconds = 1800.0


class VerticalRefuge(Strict):
    """A tall building in the danger zone that people may climb, opened by a keyholder `open_s` after
    the order: the tallest suitable one near `lon`, `lat`, or near the named `facility` of the city.

    `water_m` is the depth at its door on the hazard map; floors count from 1.3 times that and 3 m
    above the street (engine/vertical.py), and hold one person on `m2_a_person` of usable floor.
    """

    name: Annotated[str, Field(min_length=1, max_length=60)]
    facility: str | None = None
    lon: Lon | None = None
    lat: Lat | None = None
    water_m: Annotated[float, Field(gt=0, le=30)]
    open_s: Seconds = 300.0
    m2_a_person: Annotated[float, Field(ge=0.5, le=20)] = SHORT_STAY_M2

    @model_validator(mode="after")
    def _one_place(self) -> VerticalRefuge:
        given = (self.lon is not None, self.lat is not None)
        if given not in ((True, True), (False, False)) or given[0] == (self.facility is not None):
            raise ValueError("give either lon and lat or the name of a facility")
        return self
