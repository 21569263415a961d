"""Who is ordered to leave, when and how."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from engine.scenario import Area, Seconds
from engine.yamlfile import Strict

ModeRule = Literal["free", "foot", "car"]


class Trigger(Strict):
    """What makes the command centre decide: reported intensity, magnitude, a disturbed gauge, or a
    time after the start. The first condition met counts."""

    intensity_mmi: Annotated[float, Field(ge=1, le=12)] | None = None
    magnitude: Annotated[float, Field(ge=3, le=9.5)] | None = None
    gauge_m: Annotated[float, Field(gt=0, le=20)] | None = None
    at_s: Seconds | None = None

    @model_validator(mode="after")
    def _some(self) -> Trigger:
        if all(v is None for v in (self.intensity_mmi, self.magnitude, self.gauge_m, self.at_s)):
            raise ValueError("give at least one of intensity_mmi, magnitude, gauge_m, at_s")
        return self


class OrderZone(Area):
    """An area that is ordered to leave, `offset_s` after the order; the first that fits counts."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    offset_s: Seconds = 0.0
    mode: ModeRule = "free"


class Order(Strict):
    """The evacuation order."""

    trigger: Trigger
    delay_s: Seconds
    zones: Annotated[tuple[OrderZone, ...], Field(min_length=1, max_length=50)]
