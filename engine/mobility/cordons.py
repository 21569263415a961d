"""Cars that an inbound ban turns away.

Drivers with the news (`fleet.py`) know a ban from the moment its officers stand there. Whoever of
them is under way then and would have entered is turned away: to the nearest safe place by a way
outside. Who sets out later keeps out of the area from the start; turned away are those whose way on
empty streets would have led in. The others come to the officers and turn there. Who is bound for a
shelter inside goes to the nearest safe place outside (who knows that it is open knows where it lies:
an assumption). Who has no other way to safety is let through. Walkers pass; those who walk home
before the all-clear are held back by officers at control points where the order bars the return.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.city import F64, I32, I64, B
from engine.codes import among
from engine.component import Component, Context
from engine.kernels import paths
from engine.mobility.fleet import Fleet
from engine.mobility.route_choice import GROUPS
from engine.world import P_DRIVING, P_WAITING


class Met(NamedTuple):
    """Cars that were about to enter: parties [n], the node they come to, its cost so far, the post."""

    party: I64
    node: I64
    cost_ms: I64
    control: int
    edges: I32


class Cordons:
    """Turns cars away from banned areas."""

    def __init__(self, host: Component, context: Context, fleet: Fleet) -> None:
        self.host, self.ctx = host, context
        self._fleet, self.traffic, self._vehicle_of = fleet, fleet.traffic, fleet.of_party
        #: For each ban (by its control's number) how much longer the way round is.
        self._round_s: dict[int, NDArray[np.float32]] = {}
        self._prepare(fleet.car_dests)

    def _prepare(self, dests: int) -> None:
        """For each ban, where a way on empty streets leads in and how much longer the way round is, s
        [destinations, nodes]; NaN where it does not lead in or there is none round."""
        cost = self.traffic.state.edge_cost_ms
        for order in self.ctx.site.orders:
            if not order.inside.any():
                continue
            shut = cost.copy()
            shut[order.barred] = paths.CLOSED
            longer = np.full((dests, self.traffic.n_nodes), np.nan, np.float32)
            for dest in range(dests):
                row = dest * GROUPS  # on empty streets all groups go the same way
                leads = self.traffic.leads_over(row, order.barred)
                before, after = self.traffic.tree(row, cost)[0], self.traffic.tree(row, shut)[0]
                leads &= after < paths.UNREACHED
                longer[dest, leads] = (after - before)[leads] / 1000.0
            self._round_s[order.control] = longer

    def meet(self, t0_ms: int) -> list[Met]:
        """Cars whose drivers know that their way leads in where a ban has come into force.

        Others bound for a shelter inside take another destination.
        """
        out = []
        for order in self.ctx.site.orders:
            if not order.inside.any() or self.host.w.control_order_event[order.control] < 0:
                continue
            if self.traffic.state.edge_barred[order.barred].all():
                continue
            rows = np.flatnonzero(among(self.host.w.party_place, (P_DRIVING, P_WAITING)))
            rows = rows[self.host.w.party_fetch[rows] < 0]  # those are turned away in pickups.py
            place = self.traffic.place_of(self._vehicle_of[rows])
            node = np.where(place >= 0, self.traffic.to_node[np.maximum(place, 0)], -1 - place)
            enters, cost = np.zeros(rows.size, np.bool_), np.zeros(rows.size, np.int64)
            heard = self._fleet.heard(rows)
            others, wanted = rows[~heard], self.host.w.party_dest[rows[~heard]]
            self._keep_out(others, node[~heard])
            moved = others[self.host.w.party_dest[others] != wanted]
            self._fleet.retarget(moved)
            self._tell(moved, t0_ms, order.control, 0.0)
            way = self._fleet.news_row(rows)
            for dest in np.unique(way[heard]).tolist():
                mine = heard & (way == dest)
                enters[mine] = self.traffic.leads_over(dest, order.barred)[node[mine]]
                cost[mine] = self.traffic.travel_time_ms(dest)[node[mine]]
            out.append(Met(rows[enters], node[enters], cost[enters], order.control, order.barred))
        return out

    def turn_away(self, met: list[Met], t0_ms: int) -> None:
        """Send the cars of `met` elsewhere, now that the routes know the ban."""
        for party, node, before_ms, control, edges in met:
            self._keep_out(party, node)
            cost, through = np.zeros(party.size, np.int64), np.zeros(party.size, np.bool_)
            way = self._fleet.news_row(party)
            for dest in np.unique(way).tolist():
                mine = way == dest
                through[mine] = self.traffic.leads_over(dest, edges)[node[mine]]
                cost[mine] = self.traffic.travel_time_ms(dest)[node[mine]]
            self.traffic.retarget(self._vehicle_of[party], way)
            turned = party[~through]
            longer_s = np.maximum(cost - before_ms, 0)[~through] / 1000.0
            self._tell(turned, t0_ms, control, longer_s)

    def at_barrier(self, rows: I64, t_ms: I64, edge: I64, longer_s: F64) -> B:
        """Cars [n] that came to `edge` [n] and turned: tell of those whom a ban's officers sent off.

        Returns which of the rows these are.
        """
        sent = np.zeros(rows.size, np.bool_)
        for order in self.ctx.site.orders:
            if order.inside.any() and self.host.w.control_order_event[order.control] >= 0:
                mine = np.isin(edge, order.barred) & ~sent
                self._tell(rows[mine], t_ms[mine], order.control, longer_s[mine])
                sent |= mine
        return sent

    def _tell(self, rows: I64, t_ms: Any, control: int, longer_s: Any) -> None:
        w = self.host.w
        w.party_trip_event[rows] = self.host.emit(
            "party_turned_back", t_ms, rows, control, longer_s,
            np.maximum(w.party_trip_event[rows], int(w.control_order_event[control])),
        )

    def set_out_round(self, rows: I64, node: I64, t_ms: I64) -> None:
        """Cars [n] that set out at `node` while a ban is in force keep out of its area."""
        w = self.host.w
        if not rows.size:
            return
        wanted = w.party_dest[rows].astype(np.int64)
        self._keep_out(rows, node)
        heard = self._fleet.with_news(rows)
        for order in self.ctx.site.orders:
            if w.control_order_event[order.control] < 0 or not order.inside.any():
                continue
            longer_s = self._round_s[order.control][wanted, node]
            led = (heard & np.isfinite(longer_s)) | (w.party_dest[rows] != wanted)
            self._tell(rows[led], t_ms[led], order.control, np.nan_to_num(longer_s[led]))

    def _keep_out(self, rows: I64, node: I64) -> None:
        """Cars [n] at `node` [n], bound for a shelter inside a banned area from outside, go to the
        nearest safe place."""
        w, site, city = self.host.w, self.ctx.site, self.ctx.city
        for order in site.orders:
            dest = w.party_dest[rows].astype(np.int64)
            if w.control_order_event[order.control] < 0 or not order.inside.any() or not dest.any():
                continue
            shelter = city.facilities.node[site.shelter[np.maximum(dest, 1) - 1]]
            inside = (dest > 0) & order.inside[shelter] & ~order.inside[node]
            w.party_dest[rows[inside]] = 0
