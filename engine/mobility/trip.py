"""Small changes to a party's trip that several modules make."""

from __future__ import annotations

from typing import Any

from engine.city import I64
from engine.component import Component
from engine.world import P_WALKING


def set_walking(host: Component, rows: I64) -> None:
    """Put parties on foot at their junction; the kernel takes the first arc from there."""
    host.w.party_place[rows] = P_WALKING
    host.w.party_arc[rows] = -1
    host.w.party_offset_m[rows] = 0.0


def settle(host: Component, rows: I64, t_ms: I64, facility: Any, place: int) -> None:
    """Parties are at their destination, at a `facility` [rows] or -1."""
    w = host.w
    w.party_place[rows] = place
    w.party_arc[rows] = -1
    w.party_trip_event[rows] = host.emit(
        "party_arrived", t_ms, rows, facility, (t_ms - w.party_left_ms[rows]) / 1000.0,
        w.party_trip_event[rows],
    )


def stop(host: Component, rows: I64, t_ms: int, why: Any) -> None:
    """Parties cannot go on, and why."""
    host.w.party_stop_reason[rows] = why
    host.w.party_trip_event[rows] = host.emit(
        "party_blocked", t_ms, rows, why, host.w.party_node[rows], host.w.party_trip_event[rows],
    )
