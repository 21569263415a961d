"""Orders on streets in force: who may not enter, whose lanes lead out, what width walkers have.

An order is in force while its officers stand at their post and its hours last. Barriers of a street
for walkers keep vehicles out and let responders through. Who is on the street drives out; who starts on
it, or in a lane that leads nowhere else, is let out along it, for want of another way.

Turned lanes. From the moment a one-way order is in force nobody enters the other direction,
responders included: its lanes will carry oncoming traffic. Once the last vehicle has left a link of
it, the link's lanes serve its twin; lanes on which a car was abandoned do not. Storage moves with the
lanes. Capacity moves in part: a lane driven against its markings, signals and slip roads carries
`LANE_AGAINST` of what it carries otherwise. Contraflow on two of four lanes was found to add 60 to
70 % of one direction's capacity (Polus, 2005), and FEMA's table by Wolshon gives one reversed lane
900 beside 1,500 vehicles an hour, two 2,000 beside 3,000, which is 0.60 and 0.67 (recalled,
unconfirmed); that city streets do as well as those highways is an assumption. When the order ends a
link's own direction opens again as soon as the vehicles on its twin fit on the twin's own lanes.

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

from engine.city import F64, I64
from engine.component import Context
from engine.events import reason

_NONE = np.empty(0, np.int32)
LANE_WIDTH_M = 3.3
LANE_AGAINST = 0.65

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("lane that a moving vehicle keeps from walkers", LANE_WIDTH_M, "m",
     "3.0-3.5 m in street manuals; one vehicle claims its direction's lanes", "assumption"),
    ("capacity of a lane driven against its direction", LANE_AGAINST, "",
     "contraflow adds 60-70 % of one direction (Polus 2005)", "sourced"),
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
        orders = self.ctx.site.orders
        turned = [order.turned for order in orders]
        self._inward, first = np.unique(np.concatenate([_NONE, *turned]), return_index=True)
        self._twin = np.concatenate([_NONE, *(order.outward for order in orders)])[first]
        self._against = np.zeros(edges.street.size, np.bool_)  # closed because lanes are turned

    def _orders(self, t0_ms: int) -> None:
        """Set and end orders; bar the streets of those in force."""
        w = self.w
        w.edge_barred[:] = False
        if not self.ctx.site.orders:
            return
        since_s = (t0_ms - int(w.order_decided_ms[0])) / 1000.0
        wanted = np.zeros(w.edge_turned.size, np.bool_)
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
                w.edge_barred[order.barred] = True
                wanted[order.turned] = True
        # Lanes turn once their last vehicle has left, and turn back once the twin needs them no more.
        rows, twin, edges = self._inward, self._twin, self.ctx.city.edges
        over = w.edge_vehicles[twin] > edges.jam_density_vpm[twin] * edges.length_m[twin]
        empty = w.edge_vehicles[rows] == 0
        w.edge_turned[rows] = np.where(
            wanted[rows], w.edge_turned[rows] | empty, w.edge_turned[rows] & over
        )
        self._against = wanted | w.edge_turned

    def _lanes_moved(self, capacity_vps: F64) -> F64:
        """Capacity that turned lanes add to their twins [edges]; sets jam densities on the way.

        - capacity_vps: [edges] of every link as it would be, veh/s.
        """
        w, edges = self.w, self.ctx.city.edges
        rows = self._inward[w.edge_turned[self._inward]]
        twin = self._twin[w.edge_turned[self._inward]]
        usable = np.maximum(1.0 - w.edge_obstacles[rows] / edges.lanes[rows], 0.0)
        more = np.zeros(capacity_vps.size)
        np.add.at(more, twin, LANE_AGAINST * usable * capacity_vps[rows])
        jam = edges.jam_density_vpm.astype(np.float64)
        np.add.at(jam, twin, usable * edges.jam_density_vpm[rows])
        # The traffic model has room for twice a link's own vehicles.
        w.edge_jam_vpm[:] = np.minimum(jam, 2.0 * edges.jam_density_vpm)
        return more

    def _tell_turned(self, t0_ms: int) -> None:
        """One event for each order when the last of its links is turned."""
        w, edges = self.w, self.ctx.city.edges
        for order in self.ctx.site.orders:
            row, now = order.control, int(w.edge_turned[order.turned].sum())
            before, event = int(w.control_links_turned[row]), int(w.control_order_event[row])
            if now == order.turned.size > before and event >= 0:
                gained = LANE_AGAINST * edges.capacity_vps[order.turned].mean() * 3600.0
                self.emit("lanes_turned", t0_ms, row, reason(order.reason), gained, event)
            w.control_links_turned[row] = now

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
