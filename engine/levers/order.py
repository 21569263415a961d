"""Who is ordered to leave, when and how."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from engine.scenario import Area, Seconds
from engine.yamlfile import Strict

ModeRule = Literal["free", "foot", "car"]
Exempt = Literal["slow", "assisted"]


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
    """An area that is ordered to leave, `offset_s` after the order; the first that fits counts.

    Where people are told to walk, parties with a member named in `exempt` (who walks slowly, who
    needs help) may drive."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    offset_s: Seconds = 0.0
    mode: ModeRule = "free"
    exempt: tuple[Exempt, ...] = ("slow", "assisted")

    @model_validator(mode="after")
    def _exempt_from_walking(self) -> OrderZone:
        if self.mode != "foot" and set(self.exempt) != {"slow", "assisted"}:
            raise ValueError("exempt belongs to a zone with mode foot: elsewhere everybody may drive")
        if len(set(self.exempt)) < len(self.exempt):
            raise ValueError("exempt names a group twice")
        return self


class Order(Strict):
    """The evacuation order: it goes out `delay_s` after the trigger where it is automatic, and
    otherwise after `confirmation_s` more, in which those who answer for it confirm it (in Chile the
    navy's SHOA, the emergency office and the operations committee, one after the other). A plan without
    trigger and zones orders nobody to leave."""

    trigger: Trigger | None = None
    authority: Literal["automatic", "confirmed"] = "automatic"
    confirmation_s: Seconds = 0.0
    delay_s: Seconds
    # Pupils leave school by themselves, are kept inside, or leave with their teachers, on foot. The last is
    # the practice of Chilean schools in the inundation zone: they go to their marked zone of safety, and
    # parents fetch them there (ministry of education in Tarapaca, La Tercera, 26 March 2014).
    schools: Literal["release", "hold", "evacuate"] = "release"
    bar_return: bool = False  # officers at the control points turn back who goes home before the all-clear
    zones: Annotated[tuple[OrderZone, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _ordered_somebody(self) -> Order:
        if (self.trigger is None or not self.zones) and self != Order.model_construct(delay_s=0.0):
            raise ValueError("give order.trigger and order.zones, or leave the order out")
        return self

    @model_validator(mode="after")
    def _confirmed_by_somebody(self) -> Order:
        if (self.authority == "confirmed") != (self.confirmation_s > 0.0):
            raise ValueError(
                "a confirmed order needs confirmation_s above 0, an automatic one none"
            )
        return self
