"""Positions of parties and units for the map."""

from __future__ import annotations

import numpy as np

from engine.city import I64
from engine.codes import among
from engine.component import Component, Context
from engine.mobility.crews import Crews
from engine.mobility.fleet import Fleet
from engine.mobility.geometry import StreetGeometry
from engine.world import (
    P_DRIVING,
    P_HIGH,
    P_MEETING,
    P_OUTSIDE,
    P_REFUGE,
    P_RETURNING,
    P_SHELTER,
    P_STRANDED,
    P_TO_FAMILY,
    P_TO_STOP,
    P_WALKING,
)


class Map:
    """Writes positions along streets and at junctions."""

    def __init__(
        self, host: Component, context: Context, fleet: Fleet, crews: Crews
    ) -> None:
        self.host, self.ctx, self._fleet, self._crews = host, context, fleet, crews
        self._geometry = StreetGeometry(context.city)

    def place(self) -> None:
        """Along the street for those under way, at the junction for those who stand."""
        w, city = self.host.w, self.ctx.city
        on_foot = among(w.party_place, (P_WALKING, P_RETURNING, P_TO_STOP, P_TO_FAMILY))
        walking = np.flatnonzero(on_foot & (w.party_arc >= 0))
        w.party_x_m[walking], w.party_y_m[walking] = self._geometry.on_arc(
            w.party_arc[walking], w.party_offset_m[walking]
        )
        driving = np.flatnonzero((w.party_place == P_DRIVING) | self._fleet.ordinary)
        if driving.size:
            self._put_vehicles(self._fleet.of_party[driving], w.party_x_m, w.party_y_m, driving)
        together = np.flatnonzero(w.party_with >= 0)
        w.party_x_m[together] = w.party_x_m[w.party_with[together]]
        w.party_y_m[together] = w.party_y_m[w.party_with[together]]
        still = np.flatnonzero(among(w.party_place, (
            P_HIGH, P_MEETING, P_SHELTER, P_STRANDED, P_REFUGE, P_OUTSIDE)))
        w.party_x_m[still] = city.nodes.x_m[w.party_node[still]]
        w.party_y_m[still] = city.nodes.y_m[w.party_node[still]]
        units = np.arange(w.unit_x_m.size)
        node = w.unit_node.copy()
        for _, unit, at, *_ in self.ctx.mail.unit_arrivals:  # response hears of it later in this tick
            if at >= 0:
                node[unit] = at
        w.unit_x_m[:], w.unit_y_m[:] = city.nodes.x_m[node], city.nodes.y_m[node]
        if units.size:
            self._put_vehicles(self._fleet.first_unit + units, w.unit_x_m, w.unit_y_m, units)
            self._crews.place(self._geometry)

    def _put_vehicles(self, vehicle: I64, x: np.ndarray, y: np.ndarray, rows: I64) -> None:
        edge, fraction = self._fleet.traffic.positions(vehicle)
        on = edge >= 0
        e = edge[on]
        edges = self.ctx.city.edges
        part = np.where(edges.forward[e], fraction[on], 1.0 - fraction[on])
        x[rows[on]], y[rows[on]] = self._geometry.point(edges.street[e], part)
