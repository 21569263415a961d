"""Orders on streets in force: who may not enter, and the width that walkers have.

An order is in force while its officers stand at their post and its hours last. Its barriers keep
vehicles out and let responders through; who is on the street already drives out.

Width for walkers. A street's width holds its traffic lanes and its pavements (`LANE_WIDTH_M` a lane,
the width that the city's importers assume). While a vehicle is under way in one direction that
direction's lanes are its own and walkers have the rest; where none is they walk on the carriageway
too, as crowds do in an evacuation (people on traffic lanes are named as a usual condition of mass
evacuations in GeoHazards 2022, 3(2):144; that one moving car claims its direction's whole lanes, and
that walkers never get less than the pavements, are assumptions). A street reserved to walkers is
theirs from one building line to the other as soon as the last vehicle has left it.

Limits: a barrier at each side street is set up by the same officers, and nobody drives round it;
walkers do not choose their way by width; responders who drive through take their lanes meanwhile.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.city import I64
from engine.component import Context
from engine.events import reason

LANE_WIDTH_M = 3.3

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("lane that a moving vehicle keeps from walkers", LANE_WIDTH_M, "m",
     "3.0-3.5 m in street manuals; one vehicle claims its direction's lanes", "assumption"),
)


class StreetOrders:
    """Part of the roads component that puts orders on streets into force and ends them."""

    w: Any
    ctx: Context
    emit: Any

    def _prepare_orders(self) -> None:
        edges, streets = self.ctx.city.edges, self.ctx.city.streets
        self._lanes_m = LANE_WIDTH_M * edges.lanes
        lanes_m = np.bincount(
            edges.street, weights=self._lanes_m, minlength=streets.length_m.size
        )
        self._pavement_m = np.maximum(streets.width_m - lanes_m, 0.0)

    def _orders(self, t0_ms: int) -> None:
        """Set and end orders; bar the streets of those in force."""
        w = self.w
        if not self.ctx.site.orders:
            return
        since_s = (t0_ms - int(w.order_decided_ms[0])) / 1000.0
        w.edge_barred[:] = 0
        for order in self.ctx.site.orders:
            row = order.control
            works = bool(w.control_staffed[row]) and order.from_s <= since_s < order.to_s
            event = int(w.control_order_event[row])
            if works and event < 0:
                w.control_order_event[row] = self.emit(
                    "street_order_set", t0_ms, row, reason(order.reason), order.length_m,
                    max(int(w.control_event[row]), int(w.order_event[0])),
                )[0]
            elif event >= 0 and not works:
                cause = max(event, int(w.control_event[row]))
                self.emit("street_order_ended", t0_ms, row, reason(order.reason), cause=cause)
                w.control_order_event[row] = -1
            if works:
                w.edge_barred[order.barred] |= order.bars

    def _order_of(self, streets: I64) -> I64:
        """Event of the order that bars each of `streets` [n], -1 where none does."""
        event = np.full(self.ctx.city.streets.length_m.size, -1, np.int64)
        for order in self.ctx.site.orders:
            event[self.ctx.city.edges.street[order.barred]] = self.w.control_order_event[order.control]
        return event[streets]

    def _walk_width(self) -> None:
        """Width that walkers have on every street, by the last tick's vehicles."""
        edges, streets = self.ctx.city.edges, self.ctx.city.streets
        used = self.w.edge_vehicles > 0
        taken = np.bincount(
            edges.street[used], weights=self._lanes_m[used], minlength=streets.length_m.size
        )
        self.w.street_walk_width_m[:] = np.maximum(streets.width_m - taken, self._pavement_m)
