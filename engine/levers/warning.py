"""How an order reaches people."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from engine.scenario import Seconds, Share
from engine.yamlfile import Strict


class Channel(Strict):
    """A warning channel: starts `start_s` after a zone's order, repeats every `repeat_s`.

    Loudspeakers are on cars of the municipalities, which like all who work in the zone are outside the
    exclusion line by `exclusion.lead_s` before the predicted first wave (engine/people/broadcast.py)."""

    kind: Literal["siren", "cell_broadcast", "radio_tv", "loudspeaker"]
    start_s: Seconds = 0.0
    repeat_s: Annotated[float, Field(ge=30, le=7200)] = 600.0
    coverage: Share = 1.0
    battery_s: Seconds = 0.0  # of the siren or of the telephone masts

    @model_validator(mode="after")
    def _has_battery(self) -> Channel:
        if self.battery_s and self.kind not in ("siren", "cell_broadcast"):
            raise ValueError(f"battery_s belongs to siren and cell_broadcast, not to {self.kind}")
        return self


class RumourCorrection(Strict):
    """A channel denies a rumour, `delay_s` after the command centre has noticed it, to a share
    `coverage` of those whom such a channel can reach, whether or not the plan warns by it."""

    channel: Literal["siren", "cell_broadcast", "radio_tv", "loudspeaker"]
    delay_s: Seconds = 600.0
    coverage: Share = 1.0

    @model_validator(mode="after")
    def _can_say_it(self) -> RumourCorrection:
        if self.channel == "siren":
            raise ValueError("a siren says nothing: deny a rumour by another channel")
        return self


class StreetLeaders(Strict):
    """Street leaders are telephoned `call_s` after their zone's order, one for every so many
    households of the ordered areas; who acknowledges the call (never without telephone service)
    knocks on the doors of the block, until `stop_s` after the order.

    Where `self_start_mmi` is given it is agreed beforehand that leaders need no call where shaking of
    that intensity is felt: the same share of them begin by themselves `ready_s` after it, until `stop_s`
    after it. That is the rule for everybody on this coast: shaking that makes it hard to keep on one's
    feet, which is intensity VII, means leave without waiting for an order (emergency office of Chile,
    Familia Preparada: tsunami)."""

    households_a_leader: Annotated[int, Field(ge=5, le=500)] = 40
    acknowledge: Share = 0.6
    call_s: Seconds = 300.0
    self_start_mmi: Annotated[float, Field(ge=5, le=12)] | None = None
    ready_s: Seconds | None = None
    households_an_hour: Annotated[float, Field(ge=1, le=600)] = 40.0
    stop_s: Annotated[float, Field(gt=0, le=86_400)] = 3600.0

    @model_validator(mode="after")
    def _in_time(self) -> StreetLeaders:
        if (self.self_start_mmi is None) != (self.ready_s is None):
            raise ValueError("self_start_mmi and ready_s belong together: give both or neither")
        door_s = 3600.0 / self.households_an_hour
        if self.ready_s is not None and self.stop_s < self.ready_s + door_s:
            raise ValueError(f"stop_s must be {door_s:g} s later than ready_s, the time of the first door: "
                             "leaders would never knock")
        if self.stop_s < self.call_s + door_s:
            raise ValueError(f"stop_s must be {door_s:g} s later than call_s, the time of the first door: "
                             "leaders would never knock")
        return self


class DoorToDoor(Strict):
    """Teams who go from door to door in an order zone, from `start_s` to `stop_s` after the order
    there, each team so many households an hour: volunteers of the neighbourhood, or crews of the
    city's police or fire and rescue, one a vehicle, who are then away from other work. Like all who
    work in the zone they are out of it by `exclusion.lead_s` before the predicted first wave: who could
    not be is not sent, and who is there leaves."""

    zone: str  # name of one of order.zones
    teams: Annotated[int, Field(ge=1, le=500)]
    households_an_hour: Annotated[float, Field(ge=1, le=600)] = 30.0
    start_s: Seconds = 600.0
    stop_s: Annotated[float, Field(gt=0, le=86_400)] = 3600.0
    by: Literal["volunteers", "police", "fire_rescue"] = "volunteers"

    @model_validator(mode="after")
    def _in_time(self) -> DoorToDoor:
        door_s = 3600.0 / self.households_an_hour
        if self.stop_s < self.start_s + door_s:
            raise ValueError(f"stop_s must be {door_s:g} s later than start_s, the time of the first door: "
                             "the teams would never knock")
        return self
