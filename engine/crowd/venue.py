"""A venue file: walls, exits, stairs, stands, where people are, cameras. Metres, x east, y north."""

from __future__ import annotations

import math
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from engine.errors import InputError, unknown
from engine.yamlfile import Strict, load

Coordinate = Annotated[float, Field(ge=-10_000, le=10_000)]
Point = Annotated[list[Coordinate], Field(min_length=2, max_length=2)]
Line = Annotated[list[Point], Field(min_length=2)]
Ring = Annotated[list[Point], Field(min_length=3)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9-]+$", max_length=40)]
#: The grid of a venue may hold this many cells, which takes about 1 GB.
MOST_CELLS = 6_000_000


#: Horizontal speed on stairs over level speed: 0.61 up and 0.69 down over 1.34 m/s (Weidmann 1993).
UP_FACTOR, DOWN_FACTOR = 0.455, 0.515


class Exit(Strict):
    """A line that people leave across. `flow_pms` caps it: persons a second and metre of width."""

    name: Name
    line: Annotated[list[Point], Field(min_length=2, max_length=2)]
    flow_pms: Annotated[float, Field(gt=0, le=5)] | None = None
    opens_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0

    @property
    def width_m(self) -> float:
        """Length of the line, m."""
        return math.dist(*self.line)

    @model_validator(mode="after")
    def _wide_enough(self) -> Exit:
        if self.width_m < 0.6:
            raise ValueError(f"is {self.width_m:.2f} m wide; a person needs at least 0.6 m")
        return self


class Stair(Strict):
    """Where people walk more slowly: factors on level speed."""

    name: Name
    ring: Ring
    uphill: Point
    up_factor: Annotated[float, Field(gt=0.05, le=1)] = UP_FACTOR
    down_factor: Annotated[float, Field(gt=0.05, le=1)] = DOWN_FACTOR

    @field_validator("uphill")
    @classmethod
    def _direction(cls, value: list[float]) -> list[float]:
        if math.hypot(*value) < 1e-6:
            raise ValueError("must be a direction, for example [1, 0]")
        return value


class Stand(Strict):
    """A rectangle of seat rows with stepped gangways from the front to the back.

    `corner` is an end of the front, `along` points along the rows, `back` away from the pitch.
    Half a block stands at either end, whole blocks between the gangways.
    """

    name: Name
    corner: Point
    along: Point
    back: Point
    rows: Annotated[int, Field(ge=1, le=200)]
    gangways: Annotated[int, Field(ge=1, le=200)]
    seats_between: Annotated[int, Field(ge=2, le=60)]
    row_m: Annotated[float, Field(ge=0.6, le=2)] = 0.8
    seat_m: Annotated[float, Field(ge=0.45, le=1)] = 0.5
    gangway_m: Annotated[float, Field(ge=0.9, le=5)] = 1.2
    exits: list[Name] | None = None

    @model_validator(mode="after")
    def _square(self) -> Stand:
        a, b = self.along, self.back
        if not (math.isclose(math.hypot(*a), 1, abs_tol=1e-6)
                and math.isclose(math.hypot(*b), 1, abs_tol=1e-6)):
            raise ValueError("'along' and 'back' must have length 1")
        if abs(a[0] * b[0] + a[1] * b[1]) > 1e-6:
            raise ValueError("'along' and 'back' must be at right angles")
        if self.seats_between % 2:
            raise ValueError("'seats_between' must be even")
        return self

    @property
    def length_m(self) -> float:
        """Length along the rows, m."""
        return self.gangways * (self.seats_between * self.seat_m + self.gangway_m)

    @property
    def seats(self) -> int:
        """Number of seats."""
        return self.rows * self.gangways * self.seats_between

    def at(self, s: float, t: float) -> tuple[float, float]:
        """The point `s` m along the rows and `t` m behind the front."""
        return (self.corner[0] + s * self.along[0] + t * self.back[0],
                self.corner[1] + s * self.along[1] + t * self.back[1])


class Area(Strict):
    """Where people are at the start, or come in over `enters_s`."""

    name: Name
    ring: Ring
    #: People are shared out by weight; a stand weighs as much as it has seats.
    weight: Annotated[float, Field(gt=0)] = 1.0
    exits: list[Name] | None = None
    enters_s: Annotated[list[Annotated[float, Field(ge=0, le=86_400)]],
                        Field(min_length=2, max_length=2)] | None = None

    @field_validator("enters_s")
    @classmethod
    def _window(cls, value: list[float] | None) -> list[float] | None:
        if value is not None and value[1] <= value[0]:
            raise ValueError("expected [from, to] with to after from")
        return value


class Camera(Strict):
    """What one camera sees: a sector of `angle_deg` around the line from `at` to `towards`."""

    name: Name
    at: Point
    towards: Point
    angle_deg: Annotated[float, Field(gt=1, le=180)] = 60.0
    range_m: Annotated[float, Field(gt=1, le=300)] = 40.0
    #: Standard deviation of the count over the true number.
    error_share: Annotated[float, Field(ge=0, le=1)] = 0.1


class Ages(Strict):
    """Shares of RiMEA's four groups; they add up to 1."""

    under_30: Annotated[float, Field(ge=0, le=1)] = 0.0
    from_30_to_50: Annotated[float, Field(ge=0, le=1)] = 0.0
    over_50: Annotated[float, Field(ge=0, le=1)] = 0.0
    limited: Annotated[float, Field(ge=0, le=1)] = 0.0

    @model_validator(mode="after")
    def _whole(self) -> Ages:
        total = self.under_30 + self.from_30_to_50 + self.over_50 + self.limited
        if abs(total - 1) > 1e-6:
            raise ValueError(f"shares add up to {total:g}, not to 1")
        return self


class People(Strict):
    """How many people there are, how fast they walk, how long they wait before they start."""

    count: Annotated[int, Field(ge=1, le=500_000)] = 100

    speed_mps: Annotated[float, Field(ge=0.3, le=2)] = 1.34
    speed_sd_mps: Annotated[float, Field(ge=0, le=0.5)] = 0.26
    ages: Ages | None = None
    reaction_s: Annotated[list[Annotated[float, Field(ge=0, le=3600)]],
                          Field(min_length=2, max_length=2)] = Field(
                              default_factory=lambda: [0.0, 0.0])

    @field_validator("reaction_s")
    @classmethod
    def _ordered(cls, value: list[float]) -> list[float]:
        if value[1] < value[0]:
            raise ValueError("expected [least, greatest]")
        return value


class Venue(Strict):
    """One venue; lists may be empty, but there is an exit and somewhere to be."""

    name: Name
    title: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(min_length=1)]
    grid_m: Annotated[float, Field(ge=0.1, le=1)] = 0.25
    reroute_s: Annotated[float, Field(ge=0, le=3600)] = 30.0
    walls: list[Line] = Field(default_factory=list)
    obstacles: list[Ring] = Field(default_factory=list)
    exits: Annotated[list[Exit], Field(min_length=1, max_length=200)]
    stairs: list[Stair] = Field(default_factory=list)
    stands: list[Stand] = Field(default_factory=list)
    areas: list[Area] = Field(default_factory=list)
    cameras: list[Camera] = Field(default_factory=list)
    people: People = People()

    @model_validator(mode="after")
    def _whole(self) -> Venue:
        if not self.areas and not self.stands:
            raise ValueError("needs 'areas' or 'stands': there is nowhere to be")
        names = [e.name for e in self.exits]
        for kind in ("exits", "stairs", "stands", "areas", "cameras"):
            given = [part.name for part in getattr(self, kind)]
            twice = next((n for n in given if given.count(n) > 1), None)
            if twice:
                raise ValueError(f"'{kind}' holds the name '{twice}' twice")
        for part in self.parts:
            for wanted in part.exits or ():
                if wanted not in names:
                    raise ValueError(f"'{part.name}' leaves by '{wanted}', which is no exit "
                                     f"(allowed: {', '.join(names[:12])})")
        return self

    @property
    def parts(self) -> tuple[Area | Stand, ...]:
        """Areas, then stands: the groups of people."""
        return (*self.areas, *self.stands)


def load_venue(name: str | Path, overrides: Any = ()) -> Venue:
    """A built-in venue by name, or a YAML file; InputError with file, line and key otherwise."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or path.exists():
        return load(Venue, path, overrides)
    folder = Path(str(resources.files("engine.crowd"))) / "venues"
    if str(name) not in list_venues():
        raise unknown("venue", str(name), list_venues())
    return load(Venue, folder / f"{name}.yaml", overrides)


def list_venues() -> list[str]:
    """Names of the built-in venues."""
    folder = Path(str(resources.files("engine.crowd"))) / "venues"
    return sorted(path.stem for path in folder.glob("*.yaml"))


def wrong(venue: Venue, path: tuple[Any, ...], message: str) -> InputError:
    """The error of a fault that shows only on the ground, with file and line."""
    where = venue._source.where(path) if venue._source else f"venue '{venue.name}'"
    return InputError(f"{where}: '{'.'.join(map(str, path))}': {message}")
