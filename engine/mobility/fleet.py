"""Cars and units as vehicles of the traffic model: which vehicle is whose, and where units drive to."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.access import responders_closed
from engine.city import I64
from engine.codes import among
from engine.component import Component, Context
from engine.families import families
from engine.kernels.paths import speed_cost_ms
from engine.kernels.traffic_layout import TrafficState
from engine.mobility.destinations import car_targets
from engine.mobility.traffic import Traffic
from engine.world import P_DRIVING, P_WAITING


class Fleet:
    """A party's car is one vehicle, `of_party` [parties] (-1 none); units follow from `first_unit`."""

    def __init__(self, host: Component, context: Context) -> None:
        self.host, self.ctx = host, context
        city, site, parties = context.city, context.site, context.parties
        with_car = np.flatnonzero(parties.cars > 0)
        self.party = with_car  # of each car
        self.of_party = np.full(parties.count, -1, np.int64)
        self.of_party[with_car] = np.arange(with_car.size)
        self.first_unit = with_car.size
        units = site.units.kind.size
        targets = car_targets(city, site)
        self.car_dests = len(targets)
        edges = city.edges
        kin = families(city, parties, site)
        family = np.unique(parties.node[kin.child | kin.helpless]).size  # places people drive to
        self.traffic = Traffic(
            n_nodes=city.nodes.x_m.size, from_node=edges.from_node, to_node=edges.to_node,
            length_m=edges.length_m, free_speed_mps=edges.free_speed_mps,
            capacity_vps=edges.capacity_vps, jam_density_vpm=edges.jam_density_vpm,
            lanes=edges.lanes, destinations=targets, max_vehicles=with_car.size + units,
            max_destinations=len(targets) + units + 1 + family,
        )
        self.cars = np.arange(with_car.size)
        self._unit_dest = np.full(units, -1, np.int64)
        self._view_closed = np.zeros(edges.from_node.size, np.bool_)

    def save(self) -> dict[str, Any]:
        """Arrays for a snapshot."""
        private: dict[str, Any] = dict(
            zip(TrafficState._fields, self.traffic.snapshot(), strict=True))
        private["unit_dest"] = self._unit_dest.copy()
        private["view_closed"] = self._view_closed.copy()
        private["view_cost"] = self.traffic.view_cost_ms.copy()
        return private

    def load(self, private: dict[str, Any]) -> None:
        """Take the arrays of a snapshot back."""
        self.traffic.restore(TrafficState(*(private[name] for name in TrafficState._fields)))
        self._unit_dest = private["unit_dest"].copy()
        self._view_closed = private["view_closed"].copy()
        if private["view_cost"].size:
            self.traffic.set_view(self._bound(), private["view_cost"], np.empty(0, np.int64))

    def conserved(self) -> str:
        """What does not add up between parties that drive and vehicles, or an empty string."""
        driving = np.flatnonzero(among(self.host.w.party_place, (P_DRIVING, P_WAITING)))
        vehicle = self.of_party[driving]
        if np.any(vehicle < 0):
            return "a party drives without a car"
        state = self.traffic.state_of(vehicle) if vehicle.size else np.empty(0, np.int64)
        if not among(state, (1, 2, 4, 5)).all():
            return "a driving party's car is not on the road"
        return ""

    def _bound(self) -> I64:
        """Destinations of units under way."""
        return np.asarray(self._unit_dest[self._unit_dest >= 0])

    def responders_view(self, t0_ms: int, fresh: bool) -> None:
        """Units follow what is known: a closure on their way at once, the rest now and then."""
        closed = responders_closed(
            self.ctx.site, self.host.w.seen_edge_closed, int(self.host.w.exclusion_ms[0]), t0_ms
        )
        if fresh or not np.array_equal(closed, self._view_closed):
            newly = np.flatnonzero(closed & ~self._view_closed)
            self._view_closed = closed
            cost = speed_cost_ms(
                self.ctx.city.edges.length_m, self.host.w.seen_edge_speed_mps, closed
            )
            self.traffic.set_view(self._bound(), cost, None if fresh else newly)

    def unit_trip(self, t: int, unit: int, origin: int, goal: int) -> None:
        """A unit drives to `goal`; one on the road already is turned to it."""
        vehicle = self.first_unit + unit
        old = int(self._unit_dest[unit])
        dest = self.traffic.add_destination(np.array([goal], np.int32), route=False)
        self._unit_dest[unit] = dest
        self.traffic.view[dest] = True
        self.traffic.refresh_routes(dests=np.array([dest]))
        if int(self.traffic.state_of(np.array([vehicle]))[0]) in (1, 2):
            self.traffic.retarget(np.array([vehicle]), dest)
        else:
            bus = self.ctx.site.units.seats[unit] > 0
            self.traffic.depart(
                np.array([vehicle]), t, origin, dest, "bus" if bus else "emergency")
        if old >= 0:
            self.traffic.view[old] = False
            self.traffic.release_destination(old)
