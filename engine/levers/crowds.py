"""How the command centre watches crowds at venues, and what officers do there."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from engine.scenario import Seconds
from engine.yamlfile import Strict


class Crowds(Strict):
    """Somebody watches the venue's cameras, or not; `officers` are sent when they count `alarm_pm2`
    persons per m2 in a camera's field, or when the public calls. Set up, they hold back those who have
    not set out yet, and let `inflow_pms` persons a second on for each metre of the exits' width.

    A plan without this part watches no camera; calls are answered as the defaults say.
    """

    cameras: bool = True
    alarm_pm2: Annotated[float, Field(ge=0.5, le=7)] = 4.0
    officers: Annotated[int, Field(ge=1, le=100)] = 4
    setup_s: Seconds = 60.0
    inflow_pms: Annotated[float, Field(ge=0.1, le=1.5)] = 1.0
