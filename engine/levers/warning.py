"""How an order reaches people."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from engine.scenario import Seconds, Share
from engine.yamlfile import Strict


class Channel(Strict):
    """A warning channel: starts `start_s` after a zone's order, repeats every `repeat_s`."""

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
