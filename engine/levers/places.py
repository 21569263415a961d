"""Where people are told to go."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from engine.scenario import Lat, Lon, Seconds
from engine.yamlfile import Strict

#: FEMA P-646's area for a refuge of a few hours, 10 square feet.
SHORT_STAY_M2 = 0.93


#: Sphere Handbook, covered living space, minimum.
SPHERE_M2 = 3.5


class Destinations(Strict):
    """Where people are told to go.

    A shelter opens `shelter_open_s` after the order with `shelter_staff` people to run it (as many as
    its places ask for unless given) and holds one person on `area_m2_a_person` (engine/shelters.py).
    """

    high_ground_m: Annotated[float, Field(ge=5, le=200)] = 30.0
    meeting_points: bool = True
    shelters: bool = True
    shelter_open_s: Seconds = 1800.0
    shelter_staff: Annotated[int, Field(ge=1, le=200)] | None = None
    area_m2_a_person: Annotated[float, Field(ge=0.5, le=20)] = SPHERE_M2

    @model_validator(mode="after")
    def _staff_of_shelters(self) -> Destinations:
        if self.shelter_staff is not None and not self.shelters:
            raise ValueError("shelter_staff has no shelter to run where shelters is false")
        return self


class MeetingPoint(Strict):
    """Open ground outside the danger zone where people gather: a `facility` of the city (one of its
    meeting points, or the yard of a school and the like), or a place of the plan's own, `name` at `lon`,
    `lat`.

    It holds `places` people, those that the city counts there unless given; one party may pass the last
    place. It is open at any time, or,
    with `open_s`, from when a keyholder opens its gate so long after the first area is told to leave.
    Who finds it shut or full stays in the streets beside it where these are on high ground, and walks on
    to high ground where they are not (engine/mobility/gathering.py).
    """

    facility: str | None = None
    name: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    lon: Lon | None = None
    lat: Lat | None = None
    places: Annotated[int, Field(ge=1, le=500_000)] | None = None
    open_s: Seconds | None = None

    @model_validator(mode="after")
    def _one_place(self) -> MeetingPoint:
        own = [value is not None for value in (self.name, self.lon, self.lat)]
        if len(set(own)) > 1 or own[0] == (self.facility is not None):
            raise ValueError("give either a facility of the city, or name, lon and lat of another place")
        if self.facility is None and self.places is None:
            raise ValueError("places: how many people a place of the plan's own holds is not known")
        return self

    @property
    def label(self) -> str:
        """What the point is called."""
        return str(self.facility or self.name)


class VerticalRefuge(Strict):
    """A tall building in the danger zone that people may climb, opened by a keyholder `open_s` after
    the order: the tallest suitable one near `lon`, `lat`, or near the named `facility` of the city.

    `water_m` is the depth at its door on the hazard map; floors count from 1.3 times that and 3 m
    above the street (engine/vertical.py), and hold one person on `m2_a_person` of usable floor. It
    serves those within `walk_m` of it, who are told of it (distance as walking time at 1 m/s on the
    level); the others are sent to high ground.
    """

    name: Annotated[str, Field(min_length=1, max_length=60)]
    facility: str | None = None
    lon: Lon | None = None
    lat: Lat | None = None
    water_m: Annotated[float, Field(gt=0, le=30)]
    open_s: Seconds = 300.0
    walk_m: Annotated[float, Field(gt=0, le=5000)] = 500.0
    m2_a_person: Annotated[float, Field(ge=0.5, le=20)] = SHORT_STAY_M2

    @model_validator(mode="after")
    def _one_place(self) -> VerticalRefuge:
        given = (self.lon is not None, self.lat is not None)
        if given not in ((True, True), (False, False)) or given[0] == (self.facility is not None):
            raise ValueError("give either lon and lat or the name of a facility")
        return self
