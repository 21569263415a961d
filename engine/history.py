"""A quantity over time, kept as what changed from one step to the next.

Most parties stand still most of the time, and all of them do after some hours: memory then follows
what moves, not how long the run is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
B = NDArray[np.bool_]

_BLOCK = 64  #: steps laid out at a time


class History:
    """Codes [index] at each step, appended in order."""

    def __init__(self) -> None:
        self._changes: list[tuple[I32, NDArray[Any]]] = []  # rows and their new values
        self._last: NDArray[Any] | None = None

    def append(self, values: NDArray[Any]) -> None:
        """Add the next step; the array is kept and must not change any more."""
        before = np.zeros_like(values) if self._last is None else self._last
        rows = np.flatnonzero(values != before).astype(np.int32)
        self._changes.append((rows, values[rows]))
        self._last = values

    def copy(self) -> History:
        """History that goes on by itself; what is past is shared."""
        other = History()
        other._changes, other._last = list(self._changes), self._last
        return other

    def ever(self, test: Callable[[NDArray[Any]], B]) -> B:
        """Which rows [index] ever had a value that passes `test` (elementwise)."""
        assert self._last is not None
        out: B = np.full(self._last.size, bool(test(np.zeros(1, self._last.dtype))[0]))
        if self._changes:  # zero is only what a row begins with if the first step leaves it there
            out[self._changes[0][0]] = False
        for rows, values in self._changes:
            out[rows[test(values)]] = True
        return out

    def changed(self) -> B:
        """Which rows [index] ever differed from their first value."""
        assert self._last is not None
        out: B = np.zeros(self._last.size, np.bool_)
        for rows, _ in self._changes[1:]:
            out[rows] = True
        return out

    def table(self, index: I64 | None = None) -> NDArray[Any]:
        """Values [steps, index] of all rows or of those given, laid out row by row in memory.

        One row's history lies together, so that a compressor finds it unchanged.
        """
        assert self._last is not None
        rows = np.arange(self._last.size) if index is None else index
        out = np.empty((rows.size, len(self._changes)), self._last.dtype)
        now = np.zeros(self._last.size, self._last.dtype)
        for first in range(0, len(self._changes), _BLOCK):
            part = self._changes[first : first + _BLOCK]
            block = np.empty((len(part), rows.size), now.dtype)
            for k, (where, values) in enumerate(part):
                now[where] = values
                block[k] = now[rows]
            out[:, first : first + len(part)] = block.T
        return out.T
