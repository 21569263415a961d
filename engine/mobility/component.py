"""Mobility: parties leave, walk, drive, jam, leave their cars, arrive or do not.

Cars and response units share one link transmission model (`traffic.py`), walkers the network
pedestrian model (`engine/kernels/walking.py`). A party's car is one vehicle; a party that drives
queues for the road where it starts. Rules with their status:

- Destinations: the nearest safe place; parties whose home is at least extensively damaged or who
  have a member who needs help go to the nearest shelter once it is open (assumption). Shelter
  places are taken on arrival; the full one sends people on to the next, else to high ground.
- A driver who has not moved for `behaviour.car_patience_s` inside the danger zone, or whose road is
  under water, leaves the car where it stands; it keeps blocking its lane, the party walks on.
- Drivers know police closures at once and meet other closures on the way; routes follow measured
  travel times every 5 minutes (all take the best route then known).
- Units drive by what the command centre knows (`seen_edge_*`), and not into the exclusion zone once
  it is shut; a unit that meets a closure nobody had reported turns and tells.
- In the dark, where the street lights are out, people walk at `behaviour.dark_walk_share` of their
  speed by day; whoever is ready on foot waits indoors while the first street is closed by water.
- A walker whose way is cut waits and looks for another every minute.

- Parties that go back home before the all-clear walk, also those that came by car (their car stays
  where it is, an assumption); where water stands ahead they turn round (`returns.py`).

Limits: no background traffic besides the parties themselves.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np

from engine.access import responders_closed
from engine.city import I64
from engine.component import Component, Context
from engine.events import MODES, reason
from engine.kernels.paths import speed_cost_ms
from engine.kernels.traffic_layout import V_DUE, V_T_IN, TrafficState
from engine.kernels.walking import NEXT_CLOSED, NO_WAY, Walkers, WalkNet, advance_walkers
from engine.mobility.bus_stops import BusStops
from engine.mobility.destinations import WalkRoutes, car_targets
from engine.mobility.geometry import StreetGeometry
from engine.mobility.returns import Returns
from engine.mobility.riders import Riders
from engine.mobility.traffic import Traffic
from engine.mobility.walking import party_speed, tobler_factor
from engine.parties import positions
from engine.shore import is_dark
from engine.world import (
    H_CRITICAL,
    NEVER,
    P_CUT_OFF,
    P_DRIVING,
    P_HIGH,
    P_MEETING,
    P_PREPARING,
    P_RETURNING,
    P_SHELTER,
    P_STAYING,
    P_STRANDED,
    P_TO_STOP,
    P_WAITING,
    P_WALKING,
)

ROUTE_MS = 300_000
WALK_ROUTE_MS = 60_000
MAP_MS = 60_000
CAR_WADES_M = 0.1  #: nobody drives on in deeper water (assumption)
FOOT, CAR = MODES.index("foot"), MODES.index("car")


class Mobility(BusStops, Riders, Component):
    """Moves parties and units over [t0, t1)."""

    name = "mobility"
    reads = (
        "party_decision", "party_decision_event", "party_mode", "party_depart_ms",
        "edge_speed_mps", "edge_capacity_vps", "edge_closed", "street_walk_factor",
        "street_depth_m", "node_depth_m", "shelter_open_event", "person_health",
        "building_damage", "unit_node", "party_place", "party_node", "party_trip_event",
        "party_left_ms", "party_stop_reason", "party_out_ms", "party_dest", "party_arc",
        "party_offset_m", "party_speed_mps", "facility_full_event", "facility_load",
        "person_trapped", "seen_edge_speed_mps", "seen_edge_closed", "exclusion_ms",
        "zone_power_on", "party_unit", "party_alert", "order_decided_ms", "order_event",
        "all_clear_event", "party_line", "party_stop_ms",
    )
    writes = (
        "party_place", "party_trip_event", "party_node", "party_arc", "party_offset_m",
        "party_dest", "party_speed_mps", "party_left_ms", "party_out_ms", "party_stop_reason",
        "facility_load", "facility_full_event", "edge_flow_speed_mps", "edge_vehicles",
        "party_x_m", "party_y_m", "unit_x_m", "unit_y_m", "unit_edge", "party_line", "party_stop",
        "party_stop_ms",
    )
    emits = (
        "party_departed", "party_mode_changed", "party_rerouted", "party_blocked",
        "party_left_zone", "party_arrived", "shelter_full", "party_returned", "party_waits",
    )
    card = (
        ("route update for drivers", 300, "s", "assumption", "assumption"),
        ("margin beyond the danger zone for cars", 300, "m", "assumption", "assumption"),
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        city, site, parties = context.city, context.site, context.parties
        self._geometry = StreetGeometry(city)
        walk = city.walk
        self._slope = np.asarray(tobler_factor(walk.slope), np.float64)
        self._walk = WalkRoutes(city, site, self._slope)
        self._net = WalkNet(walk.head, walk.length_m, self._slope, city.streets.width_m)
        self._returns = Returns(city, self._slope)
        self._prepare_stops()
        self._walk_fresh_ms = -1
        self._factor = np.ones(city.streets.length_m.size, np.float32)
        self._debt = np.zeros(city.streets.length_m.size)  # see kernels/walking.py
        with_car = np.flatnonzero(parties.cars > 0)
        self._vehicle_party = with_car
        self._vehicle_of = np.full(parties.count, -1, np.int64)
        self._vehicle_of[with_car] = np.arange(with_car.size)
        self._first_unit = with_car.size
        units = site.units.kind.size
        targets = car_targets(city, site)
        edges = city.edges
        self.traffic = Traffic(
            n_nodes=city.nodes.x_m.size, from_node=edges.from_node, to_node=edges.to_node,
            length_m=edges.length_m, free_speed_mps=edges.free_speed_mps,
            capacity_vps=edges.capacity_vps, jam_density_vpm=edges.jam_density_vpm,
            lanes=edges.lanes, destinations=targets, max_vehicles=with_car.size + units,
            max_destinations=len(targets) + units + 1,
        )
        self._unit_dest = np.full(units, -1, np.int64)
        self._cars = np.arange(with_car.size)
        self._view_closed = np.zeros(edges.from_node.size, np.bool_)
        self._drive_node = _nearest_drive_node(city)
        self._size = parties.size.astype(np.int32)

    # --- life cycle ---------------------------------------------------------------------------

    def start(self) -> None:
        city, parties = self.ctx.city, self.ctx.parties
        self.w.party_node[:] = parties.node
        self.w.party_speed_mps[:] = party_speed(self.ctx.seed, city, parties)
        self.w.edge_flow_speed_mps[:] = city.edges.free_speed_mps
        x, y = positions(city, parties)
        self.w.party_x_m[:], self.w.party_y_m[:] = x, y
        node = self.ctx.site.units.node
        self.w.unit_x_m[:], self.w.unit_y_m[:] = city.nodes.x_m[node], city.nodes.y_m[node]

    def save(self) -> None:
        state = self.traffic.snapshot()
        private: dict[str, Any] = dict(zip(TrafficState._fields, state, strict=True))
        private["unit_dest"] = self._unit_dest.copy()
        private["view_closed"] = self._view_closed.copy()
        private["view_cost"] = self.traffic.view_cost_ms.copy()
        private["next_arc"] = self._walk.next_arc.copy()
        private["cost_ms"] = self._walk.cost_ms.copy()
        private["factor"] = self._factor.copy()
        private["debt"] = self._debt.copy()
        private.update(self._returns.save())
        private.update(self._to_stops.save())
        private["walk_fresh"] = np.array([self._walk_fresh_ms])
        self.ctx.world.private[self.name] = private

    def load(self) -> None:
        private = self.ctx.world.private[self.name]
        self.traffic.restore(TrafficState(*(private[name] for name in TrafficState._fields)))
        self._unit_dest = private["unit_dest"].copy()
        self._view_closed = private["view_closed"].copy()
        if private["view_cost"].size:
            self.traffic.set_view(self._bound(), private["view_cost"], np.empty(0, np.int64))
        self._walk.next_arc[:] = private["next_arc"]
        self._walk.cost_ms[:] = private["cost_ms"]
        self._factor = private["factor"].copy()
        self._debt = private["debt"].copy()
        self._returns.load(private)
        self._to_stops.load(private)
        self._walk_fresh_ms = int(private["walk_fresh"][0])

    def conserved(self) -> str:
        driving = np.flatnonzero(np.isin(self.w.party_place, (P_DRIVING, P_WAITING)))
        vehicle = self._vehicle_of[driving]
        if np.any(vehicle < 0):
            return "a party drives without a car"
        state = self.traffic.state_of(vehicle) if vehicle.size else np.empty(0, np.int64)
        if not np.isin(state, (1, 2, 4, 5)).all():
            return "a driving party's car is not on the road"
        return ""

    def step(self, t0_ms: int, t1_ms: int) -> None:
        self._roads(t0_ms)
        self._ride()
        self._walk_to_stops(t0_ms, t1_ms)
        self._leave(t1_ms)
        self._give_up_cars(t0_ms)
        self._drive(t1_ms)
        self._walkers(t0_ms, t1_ms)
        self._go_back(t0_ms, t1_ms)
        self._left_zone(t0_ms, t1_ms)
        if t0_ms % MAP_MS == 0 or t1_ms % MAP_MS == 0:
            self._map()

    # --- network ------------------------------------------------------------------------------

    def _roads(self, t0_ms: int) -> None:
        """Hand the road's state to both models; refresh routes when due."""
        self.traffic.set_edge_state(
            self.w.edge_speed_mps, self.w.edge_capacity_vps, self.w.edge_closed
        )
        fresh = t0_ms % ROUTE_MS == 0
        self._responders_view(t0_ms, fresh)
        if t0_ms and fresh and not self.traffic.idle:
            self.traffic.refresh_routes(self.traffic.mean_travel_ms())
            self.traffic.resume(self._cars)
        changed = not np.array_equal(self._factor, self.w.street_walk_factor)
        due = t0_ms - self._walk_fresh_ms >= WALK_ROUTE_MS
        if self._walk_fresh_ms < 0 or (changed and due):
            self._factor = self.w.street_walk_factor.copy()
            self._walk.refresh(self._factor.astype(np.float64))
            self._walk_fresh_ms = t0_ms

    def _bound(self) -> I64:
        """Destinations of units under way."""
        return np.asarray(self._unit_dest[self._unit_dest >= 0])

    def _responders_view(self, t0_ms: int, fresh: bool) -> None:
        """Units follow what is known: a closure on their way at once, the rest now and then."""
        closed = responders_closed(
            self.ctx.site, self.w.seen_edge_closed, int(self.w.exclusion_ms[0]), t0_ms
        )
        if fresh or not np.array_equal(closed, self._view_closed):
            newly = np.flatnonzero(closed & ~self._view_closed)
            self._view_closed = closed
            cost = speed_cost_ms(
                self.ctx.city.edges.length_m, self.w.seen_edge_speed_mps, closed
            )
            self.traffic.set_view(self._bound(), cost, None if fresh else newly)

    # --- departure ----------------------------------------------------------------------------

    def _leave(self, t1_ms: int) -> None:
        """Parties that are ready set out, on foot or by car; deciders start to prepare."""
        w = self.w
        # Whoever first stayed or was cut off and then decides to leave after all prepares now.
        start = (w.party_place <= P_PREPARING) | np.isin(w.party_place, (P_STAYING, P_CUT_OFF))
        for decision, place in ((1, P_PREPARING), (2, P_STAYING), (3, P_CUT_OFF)):
            w.party_place[start & (w.party_decision == decision)] = place
        ready = np.flatnonzero((w.party_place == P_PREPARING) & (w.party_depart_ms < t1_ms))
        if ready.size == 0:
            return
        ready = self._with_way_out(ready[self._able(ready)], t1_ms)
        ready = ready[np.lexsort((ready, w.party_depart_ms[ready]))]
        by_car = self._by_car(ready)
        t = np.maximum(w.party_depart_ms[ready], t1_ms - self.ctx.tick_ms)
        w.party_trip_event[ready] = self.emit(
            "party_departed", t, ready, np.where(by_car, CAR, FOOT), w.party_node[ready],
            w.party_decision_event[ready],
        )
        w.party_left_ms[ready] = t
        w.party_dest[ready] = self._choose(ready)
        cars = ready[by_car]
        if cars.size:
            w.party_place[cars] = P_WAITING
            self.traffic.depart(
                self._vehicle_of[cars], t[by_car], self._drive_node[w.party_node[cars]],
                w.party_dest[cars],
            )
        self._set_walking(self._not_by_bus(ready[~by_car], t1_ms))

    def _by_car(self, rows: I64) -> np.ndarray:
        """Who drives [rows]: those who chose to, whose car is where they are, on dry ground."""
        w = self.w
        here = (self._vehicle_of[rows] >= 0) & (w.party_left_ms[rows] >= NEVER)
        here &= w.node_depth_m[w.party_node[rows]] <= CAR_WADES_M
        return np.asarray((w.party_mode[rows] == CAR) & here)

    def _with_way_out(self, rows: I64, t1_ms: int) -> I64:
        """Those of `rows` that find a way: on foot, nobody sets out into a street under water."""
        w = self.w
        by_car = self._by_car(rows)
        node = w.party_node[rows]
        arc = self._walk.next_arc[0, node]
        wet = w.street_depth_m[np.maximum(arc, 0) >> 1] > 0.05
        shut = (arc < 0) | (wet & (w.street_walk_factor[np.maximum(arc, 0) >> 1] <= 0.0))
        shut &= ~self._walk.target[0, node] & (self.ctx.parties.building[rows] >= 0) & ~by_car
        new = rows[shut & (w.party_stop_reason[rows] == 0)]
        if new.size:
            w.party_stop_reason[new] = reason("road under water")
            w.party_trip_event[new] = self.emit(
                "party_blocked", t1_ms, new, reason("road under water"), w.party_node[new],
                w.party_decision_event[new],
            )
        w.party_stop_reason[rows[~shut]] = 0
        return np.asarray(rows[~shut])

    def _able(self, rows: I64) -> np.ndarray:
        """Parties [n] with at least one living, free member and nobody trapped or dying."""
        parties = self.ctx.parties
        bad = self.w.person_trapped | (self.w.person_health >= H_CRITICAL)
        stuck = np.zeros(parties.count, np.bool_)
        stuck[parties.of_person[np.flatnonzero(bad)]] = True
        return ~stuck[rows]

    def _choose(self, rows: I64) -> np.ndarray:
        """Destination row of each party: 0 safety, or 1 + k for an open shelter with places."""
        site, parties, city = self.ctx.site, self.ctx.parties, self.ctx.city
        dest = np.zeros(rows.size, np.int16)
        if site.shelter.size == 0:
            return dest
        building = parties.building[rows]
        damaged = (building >= 0) & (self.w.building_damage[np.maximum(building, 0)] >= 3)
        needs = (damaged & parties.home[rows]) | (parties.slow[rows] == 2)
        usable = (self.w.shelter_open_event[site.shelter] >= 0) & (
            self.w.facility_load[site.shelter] < city.facilities.capacity[site.shelter]
        )
        if usable.any():
            cost = self._walk.cost_ms[1:][usable][:, self.w.party_node[rows]]
            nearest = np.flatnonzero(usable)[np.argmin(cost, axis=0)]
            dest[needs] = 1 + nearest[needs]
        return dest

    def _set_walking(self, rows: I64) -> None:
        """Put parties on foot at their junction; the kernel takes the first arc from there."""
        self.w.party_place[rows] = P_WALKING
        self.w.party_arc[rows] = -1
        self.w.party_offset_m[rows] = 0.0

    # --- cars ---------------------------------------------------------------------------------

    def _give_up_cars(self, t0_ms: int) -> None:
        """Drivers stuck too long in the danger zone, or in water, leave the car and walk."""
        w = self.w
        rows = np.flatnonzero(np.isin(w.party_place, (P_DRIVING, P_WAITING)))
        if rows.size == 0:
            return
        vehicle = self._vehicle_of[rows]
        edge, _ = self.traffic.positions(vehicle)
        node = np.where(edge >= 0, self.ctx.city.edges.to_node[np.maximum(edge, 0)],
                        w.party_node[rows])
        street = self.ctx.city.edges.street[np.maximum(edge, 0)]
        wet = np.where(edge >= 0, w.street_depth_m[street], w.node_depth_m[node]) > CAR_WADES_M
        record = self.traffic.state.vehicle[vehicle]
        since_us = np.where(edge >= 0, record[:, V_T_IN], record[:, V_DUE])
        stuck_s = (t0_ms * 1000 - since_us) / 1e6
        free_s = np.where(
            edge >= 0,
            self.ctx.city.edges.length_m[np.maximum(edge, 0)]
            / self.ctx.city.edges.free_speed_mps[np.maximum(edge, 0)], 0.0,
        )
        danger = self.ctx.site.danger_node[node]
        patience = self.ctx.behaviour.car_patience_s
        leave = rows[(wet | (stuck_s - free_s > patience)) & danger]
        state = self.traffic.state_of(vehicle)
        stranded = rows[np.isin(state, (4, 5)) & ~np.isin(rows, leave)]
        self._on_foot(np.sort(np.r_[leave, stranded]), t0_ms)

    def _on_foot(self, rows: I64, t_ms: int) -> None:
        """Parties leave their cars where they stand and walk on."""
        if rows.size == 0:
            return
        w, edges = self.w, self.ctx.city.edges
        vehicle = self._vehicle_of[rows]
        edge, fraction = self.traffic.positions(vehicle)
        place = self.traffic.place_of(vehicle)
        self.traffic.abandon(vehicle)
        on_link = place >= 0
        edge = np.where(on_link, place, edge)
        fraction = np.where(on_link & (fraction < 0), 0.0, fraction)
        w.party_node[rows] = np.where(
            on_link, edges.from_node[np.maximum(edge, 0)], -1 - np.minimum(place, -1)
        )
        w.party_node[rows] = self.ctx.site.walk_node[w.party_node[rows]]
        w.party_trip_event[rows] = self.emit(
            "party_mode_changed", t_ms, rows, FOOT, w.party_node[rows], w.party_trip_event[rows]
        )
        w.party_place[rows] = P_WALKING
        street = edges.street[np.maximum(edge, 0)]
        walkable = on_link & self.ctx.city.streets.walk[street]
        w.party_arc[rows] = -1
        w.party_offset_m[rows] = 0.0
        # On a link: walk on along it towards its end when that is the better way, else back.
        forward = edges.forward[np.maximum(edge, 0)]
        ahead = 2 * street + np.where(forward, 0, 1)
        dest = w.party_dest[rows]
        head_cost = self._walk.cost_ms[dest, edges.to_node[np.maximum(edge, 0)]]
        tail_cost = self._walk.cost_ms[dest, edges.from_node[np.maximum(edge, 0)]]
        length = self.ctx.city.streets.length_m[street]
        go_on = head_cost <= tail_cost
        arc = np.where(go_on, ahead, ahead ^ 1)
        covered = np.where(go_on, fraction, 1.0 - fraction) * length
        use = walkable & (self._factor[street] > 0)
        w.party_arc[rows[use]] = arc[use]
        w.party_offset_m[rows[use]] = covered[use]

    def _drive(self, t1_ms: int) -> None:
        """Start unit trips, advance all vehicles, take note of what happened."""
        for t, unit, origin, goal in self.ctx.mail.take("trips"):
            self._unit_trip(int(t), int(unit), int(origin), int(goal))
        happened = self.traffic.advance(t1_ms)
        first = self._first_unit
        for vehicle, t, edge, detour in zip(
            happened.met_vehicle, happened.met_ms, happened.met_edge, happened.met_detour_ms,
            strict=True,
        ):
            self.ctx.mail.met.append((int(t), int(vehicle) - first, int(edge), int(detour)))
        cars = happened.arrived < first
        party = self._vehicle_party[happened.arrived[cars]]
        self._arrive(party, happened.arrived_ms[cars], happened.arrived_node[cars])
        for vehicle, t, node in zip(
            happened.arrived[~cars], happened.arrived_ms[~cars], happened.arrived_node[~cars],
            strict=True,
        ):
            place, delay = self.traffic.largest_delay(np.array([vehicle]))
            self.ctx.mail.unit_arrivals.append(
                (int(t), int(vehicle) - first, int(node), int(max(place[0], -1)), float(delay[0]))
            )
        for vehicle, t, place in zip(
            happened.stranded, happened.stranded_ms, happened.stranded_place, strict=True
        ):
            if vehicle >= first:
                place_, delay = self.traffic.largest_delay(np.array([vehicle]))
                self.ctx.mail.unit_arrivals.append(
                    (int(t), int(vehicle) - first, -1, int(max(place_[0], -1)), float(delay[0]))
                )
            else:
                row = int(self._vehicle_party[vehicle])
                self._stop(np.array([row]), int(t), reason("no route") if place < 0
                           else reason("stranded on closed road"))
        driving = np.flatnonzero(self.w.party_place == P_WAITING)
        if driving.size:
            on_road = self.traffic.state_of(self._vehicle_of[driving]) == 2
            self.w.party_place[driving[on_road]] = P_DRIVING
        self.w.edge_flow_speed_mps[:] = self.traffic.measured_speed()
        self.w.edge_vehicles[:] = self.traffic.edge_count()
        units = first + np.arange(self.w.unit_edge.size)
        on_road = self.traffic.state_of(units) == 2
        self.w.unit_edge[:] = np.where(on_road, self.traffic.place_of(units), -1)

    def _unit_trip(self, t: int, unit: int, origin: int, goal: int) -> None:
        """A unit drives to `goal`; one on the road already is turned to it."""
        vehicle = self._first_unit + unit
        old = int(self._unit_dest[unit])
        dest = self.traffic.add_destination(np.array([goal], np.int32), route=False)
        self._unit_dest[unit] = dest
        self.traffic.view[dest] = True
        self.traffic.refresh_routes(dests=np.array([dest]))
        if int(self.traffic.state_of(np.array([vehicle]))[0]) in (1, 2):
            self.traffic.retarget(np.array([vehicle]), dest)
        else:
            bus = self.ctx.site.units.seats[unit] > 0
            self.traffic.depart(np.array([vehicle]), t, origin, dest, "bus" if bus else "emergency")
        if old >= 0:
            self.traffic.view[old] = False
            self.traffic.release_destination(old)

    # --- walkers ------------------------------------------------------------------------------

    def _walkers(self, t0_ms: int, t1_ms: int) -> None:
        """Advance everyone on foot over [t0, t1)."""
        w = self.w
        rows = np.flatnonzero(w.party_place == P_WALKING)
        if rows.size == 0:
            return
        moved = advance_walkers(
            Walkers(w.party_arc, w.party_offset_m, w.party_node, self._debt), rows, t0_ms, t1_ms,
            net=self._net, street_factor=self.w.street_walk_factor,
            free_speed_mps=self._free_speed(t0_ms), size=self._size, dest=w.party_dest,
            next_arc=self._walk.next_arc, target=self._walk.target, start_ms=np.asarray(w.party_depart_ms),
        )
        order = np.lexsort((moved.arrived, moved.arrived_ms))
        arrived = moved.arrived[order]
        self._arrive(arrived, moved.arrived_ms[order], w.party_node[arrived])
        held = np.isin(moved.state, (NEXT_CLOSED, NO_WAY))
        new = rows[held & (w.party_stop_reason[rows] == 0)]
        if new.size:
            wet = w.node_depth_m[w.party_node[new]] > 0.05
            why = np.where(wet, reason("road under water"), reason("no route"))
            self._stop(new, t1_ms, why)
        going = rows[~held]
        w.party_stop_reason[going] = 0

    def _free_speed(self, t0_ms: int) -> np.ndarray:
        """Walking speed of each party on an empty street now, slower where it is dark."""
        w = self.w
        if not is_dark(self.ctx.city, self.ctx.scenario.start + timedelta(milliseconds=t0_ms)):
            return np.asarray(w.party_speed_mps)
        lit = w.zone_power_on[self.ctx.site.zone_of_node[w.party_node]]
        share = self.ctx.behaviour.dark_walk_share
        return np.asarray(np.where(lit, 1.0, share) * w.party_speed_mps, np.float32)

    def _stop(self, rows: I64, t_ms: int, why: Any) -> None:
        self.w.party_stop_reason[rows] = why
        self.w.party_trip_event[rows] = self.emit(
            "party_blocked", t_ms, rows, why, self.w.party_node[rows],
            self.w.party_trip_event[rows],
        )

    # --- return -------------------------------------------------------------------------------

    def _go_back(self, t0_ms: int, t1_ms: int) -> None:
        """Parties that decided to go back home set out, walk, and arrive or turn round."""
        w, parties = self.w, self.ctx.parties
        safe = np.isin(w.party_place, (P_HIGH, P_MEETING, P_SHELTER))
        new = np.flatnonzero(safe & (w.party_decision == 4))
        new = new[self._able(new)]
        new = new[self._returns.add(new, w.party_node[new], parties.node[new], t0_ms)]
        self._free_place(new)
        w.party_place[new] = P_RETURNING
        w.party_trip_event[new] = w.party_decision_event[new]
        if self._returns.party.size == 0:
            return
        home, home_ms, turned = self._returns.advance(
            t0_ms, t1_ms, w.party_arc, w.party_offset_m, w.party_node, self._free_speed(t0_ms),
            w.street_walk_factor, w.street_depth_m,
        )
        w.party_place[home], w.party_arc[home] = P_STAYING, -1
        began = self.ctx.log.column("t_ms")[w.party_trip_event[home]]
        w.party_trip_event[home] = self.emit(
            "party_returned", home_ms, home, parties.zone[home], (home_ms - began) / 1000.0,
            w.party_trip_event[home],
        )
        w.party_trip_event[turned] = self.emit(
            "party_rerouted", t1_ms, turned, -1, cause=w.party_trip_event[turned])
        w.party_dest[turned], w.party_left_ms[turned] = 0, t1_ms
        self._set_walking(turned)

    def _free_place(self, rows: I64) -> None:
        """Give back the places of parties that leave a shelter or a meeting point."""
        w, site, city = self.w, self.ctx.site, self.ctx.city
        at = np.full(rows.size, -1, np.int64)
        sheltered = w.party_place[rows] == P_SHELTER
        at[sheltered] = site.shelter[w.party_dest[rows[sheltered]] - 1]
        meeting = np.full(city.nodes.x_m.size, -1, np.int64)
        meeting[city.facilities.node[site.meeting]] = site.meeting
        met = w.party_place[rows] == P_MEETING
        at[met] = meeting[w.party_node[rows[met]]]
        np.subtract.at(w.facility_load, at[at >= 0], self._size[rows[at >= 0]])

    # --- arrival ------------------------------------------------------------------------------

    def _arrive(self, rows: I64, t_ms: I64, node: I64) -> None:
        """Parties reach their destination; a full shelter sends them on."""
        if rows.size == 0:
            return
        w, site, city = self.w, self.ctx.site, self.ctx.city
        w.party_node[rows] = node
        self._out_of_zone(rows, t_ms)
        dest = w.party_dest[rows]
        for i in np.flatnonzero(dest > 0):
            facility = int(site.shelter[dest[i] - 1])
            party = int(rows[i])
            if w.facility_load[facility] >= city.facilities.capacity[facility]:
                self._send_on(party, facility, int(t_ms[i]))
                continue
            w.facility_load[facility] += self._size[party]
            self._settle(np.array([party]), t_ms[i : i + 1], facility, P_SHELTER)
            full = w.facility_load[facility] >= city.facilities.capacity[facility]
            if full and w.facility_full_event[facility] < 0:
                w.facility_full_event[facility] = self.emit(
                    "shelter_full", int(t_ms[i]), facility,
                    value=city.facilities.capacity[facility], cause=w.party_trip_event[party],
                )[0]
        safe = dest == 0
        meeting = np.full(city.nodes.x_m.size, -1, np.int32)
        meeting[city.facilities.node[site.meeting]] = site.meeting
        at = meeting[node]
        for place, mine in ((P_MEETING, safe & (at >= 0)), (P_HIGH, safe & (at < 0))):
            self._settle(rows[mine], t_ms[mine], at[mine], place)
        np.add.at(w.facility_load, at[safe & (at >= 0)], self._size[rows[safe & (at >= 0)]])

    def _settle(self, rows: I64, t_ms: I64, facility: Any, place: int) -> None:
        w = self.w
        w.party_place[rows] = place
        w.party_arc[rows] = -1
        w.party_trip_event[rows] = self.emit(
            "party_arrived", t_ms, rows, facility, (t_ms - w.party_left_ms[rows]) / 1000.0,
            w.party_trip_event[rows],
        )

    def _send_on(self, party: int, full: int, t_ms: int) -> None:
        """The shelter is full: on foot to the next one with places, else to high ground."""
        site, city = self.ctx.site, self.ctx.city
        free = (self.w.shelter_open_event[site.shelter] >= 0) & (
            self.w.facility_load[site.shelter] < city.facilities.capacity[site.shelter]
        )
        node = int(self.w.party_node[party])
        cost = np.where(free, self._walk.cost_ms[1:, node], np.iinfo(np.int64).max)
        best = int(np.argmin(cost))
        goes_to = int(site.shelter[best]) if free.any() else -1
        self.w.party_dest[party] = best + 1 if free.any() else 0
        self.w.party_trip_event[party] = self.emit(
            "party_rerouted", t_ms, party, goes_to,
            cause=max(int(self.w.facility_full_event[full]), int(self.w.party_trip_event[party])),
        )[0]
        self._set_walking(np.array([party]))

    # --- danger zone and map ------------------------------------------------------------------

    def _left_zone(self, t0_ms: int, t1_ms: int) -> None:
        """Cars and walkers whose last junction is out of the danger zone have left it."""
        w = self.w
        rows = np.flatnonzero(
            np.isin(w.party_place, (P_DRIVING, P_WALKING)) & (w.party_out_ms > t1_ms)
        )
        driving = rows[w.party_place[rows] == P_DRIVING]
        if driving.size:
            edge, _ = self.traffic.positions(self._vehicle_of[driving])
            on = edge >= 0
            w.party_node[driving[on]] = self.ctx.city.edges.from_node[edge[on]]
        out = rows[~self.ctx.site.danger_node[w.party_node[rows]]]
        self._out_of_zone(out, np.full(out.size, t1_ms))

    def _out_of_zone(self, rows: I64, t_ms: I64) -> None:
        w, parties = self.w, self.ctx.parties
        new = w.party_out_ms[rows] > t_ms
        rows, t_ms = rows[new], t_ms[new]
        w.party_out_ms[rows] = t_ms
        began_inside = self.ctx.site.danger_node[parties.node[rows]]
        rows, t_ms = rows[began_inside], t_ms[began_inside]
        w.party_trip_event[rows] = self.emit(
            "party_left_zone", t_ms, rows, parties.zone[rows], cause=w.party_trip_event[rows]
        )

    def _map(self) -> None:
        """Positions for the map: along the street for those under way."""
        w, city = self.w, self.ctx.city
        on_foot = np.isin(w.party_place, (P_WALKING, P_RETURNING, P_TO_STOP))
        walking = np.flatnonzero(on_foot & (w.party_arc >= 0))
        arc = w.party_arc[walking]
        street = arc >> 1
        part = w.party_offset_m[walking] / city.streets.length_m[street]
        part = np.where(arc & 1, 1.0 - part, part)
        w.party_x_m[walking], w.party_y_m[walking] = self._geometry.point(street, part)
        driving = np.flatnonzero(w.party_place == P_DRIVING)
        if driving.size:
            self._put_vehicles(self._vehicle_of[driving], w.party_x_m, w.party_y_m, driving)
        still = np.flatnonzero(np.isin(w.party_place, (P_HIGH, P_MEETING, P_SHELTER, P_STRANDED)))
        w.party_x_m[still] = city.nodes.x_m[w.party_node[still]]
        w.party_y_m[still] = city.nodes.y_m[w.party_node[still]]
        units = np.arange(w.unit_x_m.size)
        w.unit_x_m[:] = city.nodes.x_m[w.unit_node]
        w.unit_y_m[:] = city.nodes.y_m[w.unit_node]
        if units.size:
            self._put_vehicles(self._first_unit + units, w.unit_x_m, w.unit_y_m, units)
        self._map_riders()

    def _put_vehicles(self, vehicle: I64, x: np.ndarray, y: np.ndarray, rows: I64) -> None:
        edge, fraction = self.traffic.positions(vehicle)
        on = edge >= 0
        e = edge[on]
        edges = self.ctx.city.edges
        part = np.where(edges.forward[e], fraction[on], 1.0 - fraction[on])
        x[rows[on]], y[rows[on]] = self._geometry.point(edges.street[e], part)


def _nearest_drive_node(city: Any) -> I64:
    """For each junction the nearest one that cars can leave."""
    from scipy.spatial import cKDTree

    leaves = np.zeros(city.nodes.x_m.size, np.bool_)
    leaves[city.edges.from_node] = True
    rows = np.flatnonzero(leaves)
    tree = cKDTree(np.column_stack([city.nodes.x_m[rows], city.nodes.y_m[rows]]))
    found = tree.query(np.column_stack([city.nodes.x_m, city.nodes.y_m]))[1]
    return np.asarray(rows[found], np.int64)
