"""Shelters open with their staff; who has none stays shut (places and staff: `engine/shelters.py`)."""

from __future__ import annotations

from engine.component import Component
from engine.events import reason


def open_due(hub: Component, t_ms: int) -> None:
    """Open every shelter whose staff is there at `t_ms`, and say which have none."""
    w, site = hub.w, hub.ctx.site
    rows = site.shelter[(w.shelter_open_event[site.shelter] < 0)
                        & (w.shelter_held_event[site.shelter] < 0)]
    staff = site.shelters.staff[rows]
    staffed, none = rows[staff > 0], rows[staff == 0]
    there = hub.emit("shelter_staffed", t_ms, staffed, value=staff[staff > 0],
                     cause=w.order_event[0])
    w.shelter_open_event[staffed] = hub.emit(
        "shelter_opened", t_ms, staffed, value=site.shelters.places[staffed], cause=there)
    w.shelter_held_event[none] = hub.emit(
        "shelter_held", t_ms, none, reason("no staff"), site.shelters.asked[none],
        w.order_event[0])
