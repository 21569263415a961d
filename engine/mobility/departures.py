"""Parties that are ready leave: who can, by what means, and where to."""

from __future__ import annotations

import numpy as np

from engine.city import I64, B
from engine.component import Component, Context
from engine.events import MODES, reason
from engine.held import can_set_out
from engine.kernels import sweep
from engine.mobility.bus_stops import BusStops
from engine.mobility.cordons import Cordons
from engine.mobility.destinations import WalkRoutes
from engine.mobility.fleet import Fleet
from engine.mobility.geometry import nearest_drive_node
from engine.mobility.pickups import Pickups
from engine.mobility.refuges import RefugeTrips
from engine.mobility.together import Together
from engine.mobility.trip import set_walking
from engine.world import (
    NEVER,
    P_CUT_OFF,
    P_PREPARING,
    P_START,
    P_STAYING,
    P_WAITING,
    PLACES,
)

CAR_WADES_M = 0.1  #: nobody drives on in deeper water (assumption)
#: Places that a party leaves from, and the place that each decision gives it there.
_HOME = np.isin(np.arange(len(PLACES)), (P_START, P_PREPARING, P_STAYING, P_CUT_OFF))
_BECOMES = np.full(256, sweep.KEEP, np.uint8)
_BECOMES[1:4] = P_PREPARING, P_STAYING, P_CUT_OFF
FOOT, CAR = MODES.index("foot"), MODES.index("car")


class Departures:
    """Deciders start to prepare; whoever is ready sets out."""

    def __init__(
        self, host: Component, context: Context, walk: WalkRoutes, fleet: Fleet,
        cordons: Cordons, refuges: RefugeTrips, stops: BusStops, pickups: Pickups,
        together: Together,
    ) -> None:
        self.host, self.ctx, self._walk, self._fleet = host, context, walk, fleet
        self._cordons, self._refuges, self._stops = cordons, refuges, stops
        self._pickups, self._together = pickups, together
        self._found = np.empty(context.parties.count, np.int64)  # scratch
        self._drive_node = nearest_drive_node(context.city)

    def leave(self, t1_ms: int) -> None:
        """Parties that are ready set out, on foot or by car; deciders start to prepare."""
        w = self.host.w
        # Whoever first stayed or was cut off and then decides to leave after all prepares now.
        ready = self._found[: sweep.settle(
            w.party_place, w.party_decision, w.party_depart_ms, t1_ms, _HOME, _BECOMES, P_PREPARING,
            self._found)]
        if ready.size == 0:
            return
        ready = self._with_way_out(ready[self.able(ready)], t1_ms)
        ready = ready[np.lexsort((ready, w.party_depart_ms[ready]))]
        by_car = self._by_car(ready)
        t = np.maximum(w.party_depart_ms[ready], t1_ms - self.ctx.tick_ms)
        w.party_trip_event[ready] = self.host.emit(
            "party_departed", t, ready, np.where(by_car, CAR, FOOT), w.party_node[ready],
            w.party_decision_event[ready],
        )
        w.party_left_ms[ready] = t
        self._fleet.park(ready[~by_car])
        family = self._pickups.bound(ready)
        for party, when, drives in zip(ready[family], t[family], by_car[family], strict=True):
            if w.party_with[party] < 0:
                self._pickups.set_out(int(party), int(when), bool(drives))
        # Whoever was met by family on the spot goes with it.
        alone = ~family & (w.party_with[ready] < 0)
        ready, t, by_car = ready[alone], t[alone], by_car[alone]
        w.party_dest[ready] = self.choose(ready)
        self._drive(ready[by_car], t[by_car])
        on_foot = np.isin(ready, self._stops.not_by_bus(ready[~by_car], t1_ms)) & ~by_car
        self._walk_off(ready[on_foot], t[on_foot])

    def go_on(self, rows: I64, t_ms: I64, by_car: B) -> None:
        """Parties [n] that have done with fetching family go on to safety from where they are."""
        if rows.size == 0:
            return
        self.host.w.party_dest[rows] = self.choose(rows)
        self._drive(rows[by_car], t_ms[by_car])
        self._walk_off(rows[~by_car], t_ms[~by_car])

    def _drive(self, cars: I64, t_ms: I64) -> None:
        """Cars of parties set out from where they stand."""
        if cars.size == 0:
            return
        w, traffic = self.host.w, self._fleet.traffic
        left = self._fleet.left_in_road(cars)
        if left.any():
            self._walk_off(cars[left], t_ms[left])
            cars, t_ms = cars[~left], t_ms[~left]
        vehicle = self._fleet.of_party[cars]
        # A car that has been driven stands where it stopped, unless it is on the road.
        stands = (traffic.state_of(vehicle) > 0) & ~self._fleet.ordinary[cars]
        node = np.where(stands, -1 - traffic.place_of(vehicle), self._drive_node[w.party_node[cars]])
        node = self._fleet.ahead(cars, node)
        self._cordons.set_out_round(cars, node, t_ms)
        w.party_place[cars] = P_WAITING
        self._fleet.set_out(cars, t_ms, node)

    def _walk_off(self, rows: I64, t_ms: I64) -> None:
        set_walking(self.host, rows)
        self._refuges.choose(rows, t_ms)

    def _by_car(self, rows: I64) -> np.ndarray:
        """Who drives [rows]: those who chose to, whose car is where they are, on dry ground, and
        whoever is at the wheel."""
        w = self.host.w
        here = (self._fleet.of_party[rows] >= 0) & (w.party_left_ms[rows] >= NEVER)
        here &= w.node_depth_m[w.party_node[rows]] <= CAR_WADES_M
        here &= ~self._fleet.left_in_road(rows)
        return np.asarray(((w.party_mode[rows] == CAR) | self._fleet.ordinary[rows]) & here)

    def _with_way_out(self, rows: I64, t1_ms: int) -> I64:
        """Those of `rows` that find a way: on foot, nobody sets out into a street under water."""
        w = self.host.w
        by_car = self._by_car(rows)
        node = w.party_node[rows]
        arc = self._walk.next_arc[0, node]
        wet = w.street_depth_m[np.maximum(arc, 0) >> 1] > 0.05
        shut = (arc < 0) | (wet & (w.street_walk_factor[np.maximum(arc, 0) >> 1] <= 0.0))
        shut &= ~self._walk.target[0, node] & (self.ctx.parties.building[rows] >= 0) & ~by_car
        new = rows[shut & (w.party_stop_reason[rows] == 0)]
        if new.size:
            w.party_stop_reason[new] = reason("road under water")
            w.party_trip_event[new] = self.host.emit(
                "party_blocked", t1_ms, new, reason("road under water"), w.party_node[new],
                w.party_decision_event[new],
            )
        w.party_stop_reason[rows[~shut]] = 0
        return np.asarray(rows[~shut])

    def able(self, rows: I64) -> np.ndarray:
        """Which parties [rows] can set out for what has become of their members (`held.py`)."""
        if rows.size == 0:
            return np.zeros(0, np.bool_)
        w = self.host.w
        return np.asarray(can_set_out(
            self.ctx.parties, w.person_trapped, w.person_health, w.person_care)[rows])

    def choose(self, rows: I64) -> np.ndarray:
        """Destination row of each party: 0 safety, or 1 + k for an open shelter with places."""
        site, parties = self.ctx.site, self.ctx.parties
        dest = np.zeros(rows.size, np.int16)
        if site.shelter.size == 0:
            return dest
        building = parties.building[rows]
        damaged = (building >= 0) & (self.host.w.building_damage[np.maximum(building, 0)] >= 3)
        needs = (damaged & parties.home[rows]) | (self._together.slow[rows] == 2)
        usable = (self.host.w.shelter_open_event[site.shelter] >= 0) & (
            self.host.w.facility_load[site.shelter] < site.shelters.places[site.shelter]
        )
        if usable.any():
            cost = self._walk.cost_ms[1 : 1 + usable.size][usable][:, self.host.w.party_node[rows]]
            nearest = np.flatnonzero(usable)[np.argmin(cost, axis=0)]
            dest[needs] = 1 + nearest[needs]
        return dest
