"""Where people are told to go."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from engine.scenario import Seconds
from engine.yamlfile import Strict


class Destinations(Strict):
    """Where people are told to go."""

    high_ground_m: Annotated[float, Field(ge=5, le=200)] = 30.0
    meeting_points: bool = True
    shelters: bool = True
    shelter_open_s: Seconds = 1800.0
