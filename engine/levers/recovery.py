"""How the order ends and people go home."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from engine.scenario import Area, Seconds
from engine.yamlfile import Strict


class ReturnPhase(Area):
    """An area whose people may go home `offset_s` after the all-clear; the first that fits counts."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    offset_s: Seconds = 0.0


class AllClear(Strict):
    """The sea's service cancels the alert at the earliest `earliest_s` after the order, and not while
    the sea is disturbed (gauge above `gauge_m` within the last hour). Either that ends the order, or a
    committee orders the return `confirmation_s` later (in Chile the navy's SHOA cancels; the
    committee that commands, COE until 2022 and COGRID since, lets people go home); in both cases not
    before `earliest_hour` of the day, local time. With `return_phases` people go home area by area;
    elsewhere they may at once. Control points, closures and inbound bans hold until the areas they guard
    are open; responders pass."""

    earliest_s: Seconds = 43200.0
    gauge_m: Annotated[float, Field(gt=0, le=10)] = 0.5
    authority: Literal["sea_service", "committee"] = "sea_service"
    confirmation_s: Seconds = 0.0
    earliest_hour: Annotated[float, Field(ge=0, le=23.99)] = 0.0
    return_phases: Annotated[tuple[ReturnPhase, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _by_somebody(self) -> AllClear:
        if (self.authority == "committee") != (self.confirmation_s > 0.0):
            raise ValueError(
                "authority committee needs confirmation_s above 0, authority sea_service none"
            )
        return self
