"""The file of a venue: walkable area, obstacles, exits, stairs, groups of people, cameras."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from engine.yamlfile import Strict, load

Number = Annotated[float, Field(ge=-1e5, le=1e5)]
Point = Annotated[list[Number], Field(min_length=2, max_length=2)]
Line = Annotated[list[Point], Field(min_length=2)]
Ring = Annotated[list[Point], Field(min_length=3)]
Name = Annotated[str, Field(max_length=60)]


class Exit(Strict):
    """A straight line on the edge of the area; people who cross it are out."""

    name: Name
    line: Annotated[list[Point], Field(min_length=2, max_length=2)]


class Flight(Strict):
    """Stairs: the part of the area they cover and the direction in which they rise."""

    name: Name
    ring: Ring
    up: Point


class Group(Strict):
    """People who start in one place, at times of their own, for the exits named (all if none)."""

    name: Name
    count: Annotated[int, Field(ge=1, le=500_000)]
    ring: Ring
    exits: list[Name] = Field(default=[])
    premovement_s: list[Annotated[float, Field(ge=0, le=86_400)]] = Field(
        default=[0.0, 0.0], min_length=2, max_length=2)
    speed_mps: Annotated[float, Field(ge=0.2, le=2.5)] = 1.34
    speed_sd_mps: Annotated[float, Field(ge=0, le=0.6)] = 0.26

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.premovement_s[0] > self.premovement_s[1]:
            raise ValueError("premovement_s: the first number must not exceed the second")
        if self.speed_sd_mps > 0.4 * self.speed_mps:
            raise ValueError("speed_sd_mps: at most 0.4 of speed_mps")
        return self


class Camera(Strict):
    """A part of the area in which people are counted."""

    name: Name
    ring: Ring


class Venue(Strict):
    """Everything a crowd's run needs; lengths in metres."""

    name: Name
    area: Ring
    exits: Annotated[list[Exit], Field(min_length=1, max_length=500)]
    groups: Annotated[list[Group], Field(min_length=1, max_length=1000)]
    obstacles: list[Ring] = Field(default=[])
    walls: list[Line] = Field(default=[])
    stairs: list[Flight] = Field(default=[])
    cameras: list[Camera] = Field(default=[])
    duration_s: Annotated[float, Field(gt=0, le=86_400)] = 3600.0

    @model_validator(mode="after")
    def _names(self) -> Self:
        for kind in ("exits", "groups", "stairs", "cameras"):
            names = [row.name for row in getattr(self, kind)]
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise ValueError(f"{kind}: name '{min(twice)}' is given twice")
        return self


def load_venue(path: Path) -> Venue:
    """Read a venue's YAML file; InputError tells file, line and key of the first fault."""
    return load(Venue, path)
