"""What is done on the streets: worked junctions, closures, orders on streets."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from engine.scenario import Area, Circle, Lat, Lon, Seconds
from engine.yamlfile import Strict


class ControlPoint(Strict):
    """A junction worked by officers, who take `setup_s` on arrival. They leave `withdraw_s` before the
    predicted first wave and do not come back while the order stands; where none is given they leave
    with the exclusion line's lead where the junction lies inside it, and stay elsewhere."""

    name: str
    lon: Lon
    lat: Lat
    officers: Annotated[int, Field(ge=1, le=20)] = 2
    setup_s: Seconds = 300.0
    withdraw_s: Seconds | None = None


class Closure(Strict):
    """Streets closed to vehicles entering the circle, from `from_s` after the order, once `officers`,
    one at least for each street that leads in, have set the barriers up for `setup_s`. Their post is an
    entrance outside the exclusion line where there is one."""

    name: str
    lon: Lon
    lat: Lat
    radius_m: Annotated[float, Field(gt=0, le=2000)]
    from_s: Seconds = 0.0
    to_s: Seconds = 86400.0
    officers: Annotated[int, Field(ge=1, le=200)] = 2
    setup_s: Seconds = 300.0

    @model_validator(mode="after")
    def _forward(self) -> Closure:
        if self.to_s <= self.from_s:
            raise ValueError(f"to_s {self.to_s:g} must be later than from_s {self.from_s:g}")
        return self


class NamedStreet(Strict):
    """Streets by their name in the city's roads, inside a circle, or both."""

    name: str
    street: Annotated[str, Field(min_length=1, max_length=120)] | None = None
    within: Circle | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> NamedStreet:
        if self.street is None and self.within is None:
            raise ValueError("give street, within, or both")
        return self


class OrderedStreet(NamedStreet):
    """Streets where an order holds from `from_s` after the evacuation order, once `officers` have set
    it up for `setup_s`, and while they stand there: outside the exclusion line where they can."""

    from_s: Seconds = 0.0
    to_s: Seconds = 86400.0
    officers: Annotated[int, Field(ge=1, le=20)] = 2
    setup_s: Seconds = 300.0

    @model_validator(mode="after")
    def _forward(self) -> OrderedStreet:
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


class Contraflow(NamedStreet):
    """A route whose inward lanes are turned outward by `crews` (a patrol car each), who take `setup_s`;
    it lasts until they leave. The direction is that of OneWayStreet. Two to three hours are what
    planners add for setting up a highway (Polus, 2005), hence the default; a set-up slower than the
    lead time is refused."""

    heading_deg: Annotated[float, Field(ge=0, lt=360)] | None = None
    crews: Annotated[int, Field(ge=1, le=20)] = 2
    setup_s: Seconds = 7200.0

    @property
    def officers(self) -> int:
        """Officers of the crews, two in a car."""
        return 2 * self.crews


class InboundBan(Area):
    """An area that vehicles from outside may not enter from `from_s` after the order, once `officers`,
    one at least for each street that leads in, have set up the cordon for `setup_s`. Responders pass,
    and who has no other way to safety is let through; the others are turned to a way or a destination
    outside. It stops vehicles alone: who walks home is stopped by order.bar_return."""

    name: str
    from_s: Seconds = 0.0
    to_s: Seconds = 86400.0
    officers: Annotated[int, Field(ge=1, le=200)] = 2
    setup_s: Seconds = 300.0

    @model_validator(mode="after")
    def _forward(self) -> InboundBan:
        if self.to_s <= self.from_s:
            raise ValueError(f"to_s {self.to_s:g} must be later than from_s {self.from_s:g}")
        return self


Post = ControlPoint | Closure | OrderedStreet | Contraflow | InboundBan  #: what officers stand at
