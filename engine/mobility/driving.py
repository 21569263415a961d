"""Cars and units under way: what the traffic model reports, and drivers who give up their cars."""

from __future__ import annotations

import numpy as np

from engine.city import I64
from engine.codes import among
from engine.component import Component, Context
from engine.events import reason
from engine.mobility.arrivals import Arrivals
from engine.mobility.cordons import Cordons
from engine.mobility.departures import CAR_WADES_M, FOOT
from engine.mobility.destinations import WalkRoutes
from engine.mobility.fleet import Fleet
from engine.mobility.ordinary import OrdinaryTrips
from engine.mobility.pickups import Pickups
from engine.mobility.refuges import RefugeTrips
from engine.mobility.traffic_events import TrafficEvents
from engine.mobility.trip import stop
from engine.world import P_DRIVING, P_WAITING, P_WALKING


class Driving:
    """Advances the traffic and takes note of what happened."""

    def __init__(
        self, host: Component, context: Context, walk: WalkRoutes, fleet: Fleet,
        arrivals: Arrivals, refuges: RefugeTrips, cordons: Cordons, ordinary: OrdinaryTrips,
        pickups: Pickups,
    ) -> None:
        self.host, self.ctx, self._walk = host, context, walk
        self._fleet, self._traffic, self._arrivals = fleet, fleet.traffic, arrivals
        self._refuges, self._cordons, self._ordinary = refuges, cordons, ordinary
        self._pickups = pickups

    def give_up_cars(self, t0_ms: int) -> None:
        """Drivers stuck too long in the danger zone, or in water, leave the car and walk."""
        self._leave_in_water(np.flatnonzero(self._fleet.ordinary))
        w = self.host.w
        rows = np.flatnonzero(among(w.party_place, (P_DRIVING, P_WAITING)))
        if rows.size == 0:
            return
        vehicle = self._fleet.of_party[rows]
        edge, _ = self._traffic.positions(vehicle)
        node = np.where(edge >= 0, self.ctx.city.edges.to_node[np.maximum(edge, 0)],
                        w.party_node[rows])
        street = self.ctx.city.edges.street[np.maximum(edge, 0)]
        wet = np.where(edge >= 0, w.street_depth_m[street], w.node_depth_m[node]) > CAR_WADES_M
        record = self._traffic.state.vehicle[vehicle]
        since_us = np.where(edge >= 0, record["t_in"], record["due"])
        stuck_s = (t0_ms * 1000 - since_us) / 1e6
        free_s = np.where(
            edge >= 0,
            self.ctx.city.edges.length_m[np.maximum(edge, 0)]
            / self.ctx.city.edges.free_speed_mps[np.maximum(edge, 0)], 0.0,
        )
        danger = self.ctx.site.danger_node[node]
        patience = self.ctx.behaviour.car_patience_s
        leave = rows[(wet | (stuck_s - free_s > patience)) & danger]
        state = self._traffic.state_of(vehicle)
        stranded = rows[among(state, (4, 5)) & ~np.isin(rows, leave)]
        out = np.sort(np.r_[leave, stranded])
        fetching = out[w.party_fetch[out] >= 0]
        self._on_foot(out, t0_ms)
        self._pickups.left_car(
            fetching, t0_ms, np.isin(fetching, rows[wet]), np.isin(fetching, stranded))
        walking = out[w.party_place[out] == P_WALKING]
        self._refuges.choose(walking, np.full(walking.size, t0_ms))

    def _leave_in_water(self, rows: I64) -> None:
        """Drivers on ordinary trips leave the car in water as others do, and stand in the street until
        they decide."""
        if rows.size == 0:
            return
        w, edges = self.host.w, self.ctx.city.edges
        place = self._traffic.place_of(self._fleet.of_party[rows])
        link = np.maximum(place, 0)
        node = np.where(place >= 0, edges.to_node[link], -1 - np.minimum(place, -1))
        depth_m = np.where(
            place >= 0, w.street_depth_m[edges.street[link]], w.node_depth_m[node])
        self._fleet.park(rows[(depth_m > CAR_WADES_M) & self.ctx.site.danger_node[node]])

    def _on_foot(self, rows: I64, t_ms: int) -> None:
        """Parties leave their cars where they stand and walk on."""
        if rows.size == 0:
            return
        w, edges = self.host.w, self.ctx.city.edges
        vehicle = self._fleet.of_party[rows]
        edge, fraction = self._traffic.positions(vehicle)
        place = self._traffic.place_of(vehicle)
        self._traffic.abandon(vehicle)
        on_link = place >= 0
        edge = np.where(on_link, place, edge)
        fraction = np.where(on_link & (fraction < 0), 0.0, fraction)
        w.party_node[rows] = np.where(
            on_link, edges.from_node[np.maximum(edge, 0)], -1 - np.minimum(place, -1)
        )
        w.party_node[rows] = self.ctx.site.walk_node[w.party_node[rows]]
        w.party_trip_event[rows] = self.host.emit(
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
        use = walkable & (self._walk.factor[street] > 0)
        w.party_arc[rows[use]] = arc[use]
        w.party_offset_m[rows[use]] = covered[use]

    def _turned(self, happened: TrafficEvents, t1_ms: int) -> None:
        """Drivers came to a closure or a barrier they did not know of and turn."""
        w = self.host.w
        cars = happened.met_vehicle < self._fleet.first_unit
        rows, edge = self._fleet.party[happened.met_vehicle[cars]], happened.met_edge[cars]
        t = np.maximum(happened.met_ms[cars], t1_ms - self.ctx.tick_ms)
        detour_ms = happened.met_detour_ms[cars]
        longer_s = np.where(detour_ms < 0, -1.0, detour_ms / 1000.0)
        sent = self._cordons.at_barrier(rows, t, edge, np.maximum(longer_s, 0.0))
        rows, t, longer_s = rows[~sent], t[~sent], longer_s[~sent]
        street = self.ctx.city.edges.street[edge[~sent]]
        # The trip brought him here; the object names the street, whose own events tell why it is shut.
        w.party_trip_event[rows] = self.host.emit(
            "party_met_closure", t, rows, street, longer_s, w.party_trip_event[rows])

    def advance(self, t1_ms: int) -> None:
        """Start unit trips, advance all vehicles, take note of what happened."""
        for t, unit, origin, goal in self.ctx.mail.take("trips"):
            self._fleet.unit_trip(int(t), int(unit), int(origin), int(goal))
        happened = self._traffic.advance(t1_ms)
        first = self._fleet.first_unit
        met = happened.met_vehicle
        for vehicle, t, edge, detour in zip(
            met[met >= first], happened.met_ms[met >= first], happened.met_edge[met >= first],
            happened.met_detour_ms[met >= first], strict=True,
        ):
            self.ctx.mail.met.append((int(t), int(vehicle) - first, int(edge), int(detour)))
        self._turned(happened, t1_ms)
        cars = happened.arrived < first
        party, when = self._fleet.party[happened.arrived[cars]], happened.arrived_ms[cars]
        node, trip = happened.arrived_node[cars], self._fleet.ordinary[party]
        self._arrivals.out_of_zone(party[trip], when[trip])
        self._ordinary.arrive(party[trip], when[trip], node[trip])
        party, when, node = party[~trip], when[~trip], node[~trip]
        family = self._pickups.arrive(party, when, node)
        self._arrivals.arrive(party[~family], when[~family], node[~family])
        for vehicle, t, node in zip(
            happened.arrived[~cars], happened.arrived_ms[~cars], happened.arrived_node[~cars],
            strict=True,
        ):
            place, delay = self._traffic.largest_delay(np.array([vehicle]))
            self.ctx.mail.unit_arrivals.append(
                (int(t), int(vehicle) - first, int(node), int(max(place[0], -1)), float(delay[0]))
            )
        for vehicle, t, place in zip(
            happened.stranded, happened.stranded_ms, happened.stranded_place, strict=True
        ):
            if vehicle >= first:
                place_, delay = self._traffic.largest_delay(np.array([vehicle]))
                self.ctx.mail.unit_arrivals.append(
                    (int(t), int(vehicle) - first, -1, int(max(place_[0], -1)), float(delay[0]))
                )
            elif self._fleet.ordinary[self._fleet.party[vehicle]]:
                self._fleet.park(self._fleet.party[[vehicle]])
            else:
                row = int(self._fleet.party[vehicle])
                if self.host.w.party_place[row] not in (P_DRIVING, P_WAITING):
                    continue  # they have left it in this tick
                if place < 0 and self._pickups.lost_way(row, int(t)):
                    continue
                stop(self.host, np.array([row]), int(t), reason("no route") if place < 0
                           else reason("stranded on closed road"))
        self._ordinary.move()
        driving = np.flatnonzero(self.host.w.party_place == P_WAITING)
        if driving.size:
            on_road = self._traffic.state_of(self._fleet.of_party[driving]) == 2
            self.host.w.party_place[driving[on_road]] = P_DRIVING
        self.host.w.edge_flow_speed_mps[:] = self._traffic.measured_speed()
        self.host.w.edge_vehicles[:] = self._traffic.edge_count()
        self.host.w.edge_obstacles[:] = self._traffic.edge_obstacles()
        units = first + np.arange(self.host.w.unit_edge.size)
        on_road = self._traffic.state_of(units) == 2
        self.host.w.unit_edge[:] = np.where(on_road, self._traffic.place_of(units), -1)
