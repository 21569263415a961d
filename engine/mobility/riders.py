"""People on board of response vehicles: they get on, ride along and get off.

Response tells who is on board and where they are set down; here they move with their vehicle. Whoever is
set down on the way walks on to safety.
"""

from __future__ import annotations

import numpy as np

from engine.component import Component, Context
from engine.events import MODES
from engine.mobility.arrivals import Arrivals
from engine.mobility.gathering import Gathering
from engine.mobility.refuges import RefugeTrips
from engine.mobility.trip import set_walking, settle
from engine.world import P_ABOARD, P_AT_STOP, P_SHELTER

FOOT = MODES.index("foot")


class Riders:
    """Moves the passengers of units."""

    def __init__(
        self, host: Component, context: Context, arrivals: Arrivals, gathering: Gathering,
        refuges: RefugeTrips,
    ) -> None:
        self.host, self.ctx, self._arrivals, self._refuges = host, context, arrivals, refuges
        self._gathering = gathering

    def ride(self) -> None:
        """Take note of who got on and off, and where the others are by now."""
        w, city = self.host.w, self.ctx.city
        for t_ms, party, event in self.ctx.mail.take("boards"):
            w.party_place[party], w.party_arc[party] = P_ABOARD, -1
            w.party_trip_event[party] = event
            w.party_left_ms[party] = min(int(w.party_left_ms[party]), t_ms)
            w.party_stop_reason[party], w.party_line[party] = 0, -1
        for t_ms, party, node, arrived, event in self.ctx.mail.take("alights"):
            self._get_off(int(party), int(t_ms), int(node), bool(arrived), int(event))
        rows = np.flatnonzero((w.party_place == P_ABOARD) & (w.party_unit >= 0))
        if rows.size:
            unit = w.party_unit[rows]
            edge = w.unit_edge[unit]
            node = np.where(edge >= 0, city.edges.from_node[np.maximum(edge, 0)], w.unit_node[unit])
            w.party_node[rows] = self.ctx.site.walk_node[node]

    def _get_off(self, party: int, t_ms: int, node: int, arrived: bool, event: int) -> None:
        w, site = self.host.w, self.ctx.site
        row = np.array([party])
        w.party_trip_event[party] = event
        w.party_node[party] = site.walk_node[node]
        w.party_dest[party] = 0
        if not arrived:
            w.party_trip_event[row] = self.host.emit(
                "party_mode_changed", t_ms, row, FOOT, w.party_node[row], event)
            set_walking(self.host, row)
            self._refuges.choose(row, np.array([t_ms]))
            return
        facility, t = int(self.ctx.log.column("object")[event]), np.array([t_ms])
        if facility in site.shelter:
            w.party_dest[party] = 1 + int(np.flatnonzero(site.shelter == facility)[0])
            self._arrivals.arrive(row, t, w.party_node[row], by_vehicle=True)
            return
        self._arrivals.out_of_zone(row, t)
        if facility < 0:
            self._gathering.arrive(row, t, w.party_node[row])
            return
        settle(self.host, row, t, facility, P_SHELTER)

    def place(self) -> None:
        """On the map they are where their vehicle is, or at the pick-up."""
        w, nodes = self.host.w, self.ctx.city.nodes
        waiting = np.flatnonzero(w.party_place == P_AT_STOP)
        w.party_x_m[waiting] = nodes.x_m[w.party_node[waiting]]
        w.party_y_m[waiting] = nodes.y_m[w.party_node[waiting]]
        rows = np.flatnonzero((w.party_place == P_ABOARD) & (w.party_unit >= 0))
        w.party_x_m[rows] = w.unit_x_m[w.party_unit[rows]]
        w.party_y_m[rows] = w.unit_y_m[w.party_unit[rows]]
