"""Everything one scoring pass has read of a run, and the form of a metric."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.city import City
from engine.events import EventLog
from engine.scoring import people as pp
from engine.scoring.columns import Log
from engine.scoring.context import Context
from engine.scoring.groups import Grouping, groupings
from engine.scoring.ledger import Ledger, close

B = NDArray[np.bool_]
I64 = NDArray[np.int64]

Metric = dict[str, Any]


@dataclass(frozen=True)
class Record:
    """One run as scoring sees it: city, log, static facts, people and their final states."""

    city: City
    log: Log
    context: Context
    people: pp.People
    groups: tuple[Grouping, ...]
    ledger: Ledger

    @cached_property
    def in_time(self) -> B:
        """Out of the danger zone before the first water in the start zone [persons]."""
        return pp.in_time(self.city, self.log, self.people)

    @cached_property
    def order_ms(self) -> I64:
        """When the order went out where each person was [persons]."""
        return pp.order_ms(self.city, self.log, self.people)


def read(city: City, events: EventLog | pd.DataFrame, context: Context) -> Record:
    """Read a run's log (EventLog or its `codes()` table) once for all metrics."""
    context.check(city)
    log = Log(events)
    people = pp.read_people(city, log, context)
    return Record(city, log, context, people, groupings(city), close(city, log, people))


def metric(
    name: str, value: float | int | None, unit: str, better: str,
    by_group: dict[str, dict[str, Any]] | None = None,
) -> Metric:
    """One entry of score.json; `value` is None where it is infinite or nothing was measured."""
    return {"name": name, "value": value, "unit": unit, "better": better,
            "by_group": by_group or {}}
