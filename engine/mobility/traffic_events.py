"""What the traffic model reports: states, reasons, and the rows of its event buffer sorted out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.kernels import traffic_layout as lay

I64 = NDArray[np.int64]

#: States of a vehicle, indexed by its state number.
STATES = ("unused", "waiting at origin", "on link", "arrived", "stranded", "stranded on link",
          "abandoned")
#: Reasons, indexed by reason number.
REASONS = ("", "no route", "link impassable", "left by its driver", "towed away")


class TrafficEvents(NamedTuple):
    """What happened since the last advance; every group is sorted by (time, vehicle)."""

    arrived: I64  # [n] vehicles
    arrived_ms: I64
    arrived_node: I64
    stranded: I64  # [m] vehicles that can go no further
    stranded_ms: I64
    stranded_place: I64  # edge, or -1 - node
    stranded_reason: NDArray[np.uint8]  # index into REASONS
    passed: I64  # [p] watched vehicles that entered a link
    passed_ms: I64
    passed_edge: I64
    blocked_edge: I64  # [q] closed edges that a driver met and now avoids
    met_vehicle: I64  # [r] vehicles that came to a closed or barred edge and turned
    met_ms: I64
    met_edge: I64
    met_detour_ms: I64  # longer way from there than they had in mind, -1 where none is left


def in_order(rows: list[I64]) -> I64:
    """Return the buffer's rows as one table [n, 4], by (time, vehicle)."""
    table = np.concatenate(rows) if rows else np.empty((0, 4), dtype=np.int64)
    return np.asarray(table[np.lexsort((table[:, 1], table[:, 2]))])


def met_rows(table: I64, closed: NDArray[np.bool_]) -> tuple[I64, NDArray[np.bool_]]:
    """Return (rows of who met an edge they cannot enter [n, 4], who of them turned there [n]).

    Whoever turned and is held at the same edge by the other routes too stands in one row.
    """
    rows = table[(table[:, 0] == lay.E_TURNED) | (table[:, 0] == lay.E_BLOCKED)]
    rows = rows[(rows[:, 0] == lay.E_TURNED) | closed[rows[:, 3]]]
    _, first = np.unique(rows[:, [1, 3]], axis=0, return_index=True)
    rows = rows[np.sort(first)]  # turning comes before being held
    return rows, rows[:, 0] == lay.E_TURNED


def sort_out(table: I64, blocked: I64, met: I64, detour_ms: I64) -> TrafficEvents:
    """Return the table's rows by kind; `met` [r, 4] and `detour_ms` [r] as they are."""
    kind = table[:, 0]
    a = table[kind == lay.E_ARRIVED]
    b = table[(kind == lay.E_STRANDED) | (kind == lay.E_STRANDED_ON_LINK)]
    node = b[:, 0] == lay.E_STRANDED
    reason = np.where(node, lay.R_NO_ROUTE, lay.R_IMPASSABLE).astype(np.uint8)
    p = table[(kind == lay.E_PASSED) | (kind == lay.E_ENTERED)]
    return TrafficEvents(
        a[:, 1], a[:, 2] // 1000, a[:, 3], b[:, 1], b[:, 2] // 1000,
        np.where(node, -1 - b[:, 3], b[:, 3]), reason, p[:, 1], p[:, 2] // 1000, p[:, 3],
        blocked, met[:, 1], met[:, 2] // 1000, met[:, 3], detour_ms,
    )
