"""How the order ends."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from engine.scenario import Seconds
from engine.yamlfile import Strict


class AllClear(Strict):
    """The order is lifted at the earliest `earliest_s` after it, and not while the sea is disturbed
    (gauge above `gauge_m` within the last hour)."""

    earliest_s: Seconds = 43200.0
    gauge_m: Annotated[float, Field(gt=0, le=10)] = 0.5
