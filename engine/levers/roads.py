"""What is done on the streets: worked junctions, closures, orders on streets."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from engine.scenario import Circle, Lat, Lon, Seconds
from engine.yamlfile import Strict


class ControlPoint(Strict):
    """A junction worked by officers, who take `setup_s` on arrival."""

    name: str
    lon: Lon
    lat: Lat
    officers: Annotated[int, Field(ge=1, le=20)] = 2
    setup_s: Seconds = 300.0


class Closure(Strict):
    """Streets closed to vehicles entering the circle, from `from_s` after the order, once `officers`
    have set it up for `setup_s`; they stand at an entrance outside the exclusion line where there is
    one."""

    name: str
    lon: Lon
    lat: Lat
    radius_m: Annotated[float, Field(gt=0, le=2000)]
    from_s: Seconds = 0.0
    to_s: Seconds = 86400.0
    officers: Annotated[int, Field(ge=1, le=20)] = 2
    setup_s: Seconds = 300.0

    @model_validator(mode="after")
    def _forward(self) -> Closure:
        if self.to_s <= self.from_s:
            raise ValueError(f"to_s {self.to_s:g} must be later than from_s {self.from_s:g}")
        return self


class OrderedStreet(Strict):
    """Streets by their name in the city's roads, inside a circle, or both; an order holds there from
    `from_s` after the evacuation order, once `officers` have set it up for `setup_s`, and while they
    stand there: outside the exclusion line where they can."""

    name: str
    street: Annotated[str, Field(min_length=1, max_length=120)] | None = None
    within: Circle | None = None
    from_s: Seconds = 0.0
    to_s: Seconds = 86400.0
    officers: Annotated[int, Field(ge=1, le=20)] = 2
    setup_s: Seconds = 300.0

    @model_validator(mode="after")
    def _somewhere(self) -> OrderedStreet:
        if self.street is None and self.within is None:
            raise ValueError("give street, within, or both")
        if self.to_s <= self.from_s:
            raise ValueError(f"to_s {self.to_s:g} must be later than from_s {self.from_s:g}")
        return self


class PedestrianStreet(OrderedStreet):
    """A street reserved to walkers: no vehicle but responders' may enter; those on it, and
    who has no other way, drive out along it."""


class OneWayStreet(OrderedStreet):
    """A two-way street that becomes one-way: towards `heading_deg` (clockwise from north), or, where
    none is given, the way out, towards safety. Once the vehicles of the other direction have left,
    its lanes serve this one."""

    heading_deg: Annotated[float, Field(ge=0, lt=360)] | None = None


Post = ControlPoint | Closure | OrderedStreet  #: what officers stand at
