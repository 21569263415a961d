"""The log up to a moment, as the parts of a situation report read it."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.events import KIND_CODE
from engine.lead_time import WAVE_MAGNITUDE
from engine.scoring.columns import Rows, last_of
from engine.timeline.people import Now, people_now
from engine.timeline.view import RunView


class AsOf:
    """The log up to a moment."""

    def __init__(self, view: RunView, t_ms: int) -> None:
        self.view, self.t_ms = view, t_ms

    @cached_property
    def people(self) -> Now:
        """Where everybody is."""
        return people_now(self.view, self.t_ms)

    def rows(self, *kinds: str) -> Rows:
        """Rows of the kinds up to the moment."""
        found = self.view.rows(*kinds)
        return found.where(found.t_ms <= self.t_ms)

    def first_ms(self, kind: str) -> int | None:
        """When a kind first occurred; None where it has not."""
        rows = self.rows(kind)
        return int(rows.t_ms[0]) if rows.row.size else None

    def subjects(self, kind: str) -> NDArray[np.int64]:
        """Subjects of a kind, each once."""
        return np.unique(self.rows(kind).subject)

    def predicted(self) -> Rows:
        """First waves as command expected them; none once a magnitude tells that no wave comes."""
        rows, solved = self.rows("arrival_predicted"), self.rows("magnitude_reported")
        small = solved.row[solved.value < WAVE_MAGNITUDE].max(initial=-1)
        return rows.where(rows.row > small)

    def line_shut_ms(self) -> float | None:
        """When the exclusion line shut or will; None where it is open, nor known to shut."""
        decided, waves = self.first_ms("order_decided"), self.predicted()
        if self.first_ms("all_clear") is not None:
            return None
        if waves.row.size:
            return 1000.0 * (float(waves.value[-1]) - float(self.view.plan["exclusion"]["lead_s"]))
        small = self.rows("magnitude_reported").value < WAVE_MAGNITUDE
        return None if decided is None or small.any() else float(decided)

    def last(self, *kinds: str) -> dict[int, str]:
        """The last of the kinds that each subject is told of."""
        rows = self.rows(*kinds)
        if rows.row.size == 0:
            return {}
        last = last_of(rows.subject, rows.kind, int(rows.subject.max()) + 1, -1)
        name = {KIND_CODE[kind]: kind for kind in kinds}
        return {int(n): name[int(last[n])] for n in np.flatnonzero(last >= 0)}

    def off(self, on: str, off: str) -> list[int]:
        """Subjects whose last word among the two kinds is `off`."""
        return [n for n, kind in self.last(on, off).items() if kind == off]
