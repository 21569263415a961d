"""Access to the event log by kind, and what a vectorised reader needs on top of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.events import KIND_CODE, EventLog
from engine.scoring.context import NEVER

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """The rows of one or several kinds, in the order of the log; `row` is the row number."""

    row: I64
    t_ms: I64
    kind: I64
    subject: I64
    object: I64
    value: F64

    def where(self, mask: NDArray[np.bool_]) -> Rows:
        """The rows for which `mask` [rows] holds."""
        return Rows(
            self.row[mask], self.t_ms[mask], self.kind[mask], self.subject[mask],
            self.object[mask], self.value[mask],
        )


class Log:
    """Columns of an event log, grouped by kind once so that every metric reads its rows only.

    Rows of one writer about one entity stand in causal order (a cause is an earlier row), so
    "last" below means the last row, while times are compared as times.
    """

    def __init__(self, events: EventLog | pd.DataFrame) -> None:
        def column(name: str) -> NDArray[Any]:
            if isinstance(events, EventLog):
                return events.column(name)
            return np.asarray(events[name].to_numpy())

        kind = column("kind")
        self._columns = {name: column(name) for name in ("t_ms", "subject", "object", "value")}
        self._kind = kind
        self._order = np.argsort(kind, kind="stable").astype(np.int64)
        self._bounds = np.searchsorted(kind[self._order], np.arange(len(KIND_CODE) + 1))

    def __len__(self) -> int:
        return int(self._kind.size)

    def rows(self, *kinds: str) -> Rows:
        """Rows of the given kinds together, in the order of the log."""
        parts = [
            self._order[self._bounds[KIND_CODE[k]] : self._bounds[KIND_CODE[k] + 1]] for k in kinds
        ]
        row = parts[0] if len(parts) == 1 else np.sort(np.concatenate(parts))
        c = self._columns
        return Rows(
            row, c["t_ms"][row], self._kind[row].astype(np.int64), c["subject"][row],
            c["object"][row], c["value"][row],
        )


def first_ms(index: I64, t_ms: I64, size: int) -> I64:
    """Earliest time [size] for each entity number in `index`; NEVER where there is none."""
    out = np.full(size, NEVER, np.int64)
    np.minimum.at(out, index, t_ms)
    return out


def last_row(index: I64, size: int) -> I64:
    """Position in `index` of each entity's last mention [size], -1 where there is none."""
    out = np.full(size, -1, np.int64)
    # Later assignments win, which numpy defines for integer-array indexing with repeats.
    out[index] = np.arange(index.size)
    return out


def last_of(index: I64, values: NDArray[np.int64], size: int, none: int) -> I64:
    """`values` at each entity's last mention in `index` [size], `none` where there is none."""
    last = last_row(index, size)
    out = np.full(size, none, np.int64)
    known = last >= 0
    out[known] = values[last[known]]
    return out


def unique_labels(names: Sequence[str]) -> list[str]:
    """Labels for entities whose names may repeat: a repeated or empty name gets its number."""
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return [
        name if name and counts[name] == 1 else f"{name} #{i}".strip()
        for i, name in enumerate(names)
    ]
