"""Everybody on foot: to safety with the pedestrian kernel, and back home before the all-clear."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.city import I64
from engine.codes import among
from engine.component import Component, Context
from engine.events import reason
from engine.kernels.walking import NEXT_CLOSED, NO_WAY, Walkers, WalkNet, advance_walkers
from engine.mobility.arrivals import Arrivals
from engine.mobility.departures import Departures
from engine.mobility.destinations import WalkRoutes
from engine.mobility.homeward import Homeward
from engine.mobility.refuges import RefugeTrips
from engine.mobility.returns import Returns
from engine.mobility.together import Together
from engine.mobility.trip import set_walking, stop
from engine.shore import is_dark
from engine.world import P_HIGH, P_MEETING, P_REFUGE, P_RETURNING, P_SHELTER, P_STAYING, P_WALKING


class Pedestrians:
    """Moves walkers over [t0, t1)."""

    def __init__(
        self, host: Component, context: Context, walk: WalkRoutes, arrivals: Arrivals,
        departures: Departures, refuges: RefugeTrips, together: Together,
    ) -> None:
        self.host, self.ctx, self._walk = host, context, walk
        self._arrivals, self._departures, self._refuges = arrivals, departures, refuges
        self._homeward = Homeward(host)
        city = context.city
        self._net = WalkNet(city.walk.head, city.walk.length_m, walk.slope, city.streets.width_m)
        self._returns = Returns(city, walk.slope)
        self._debt = np.zeros(city.streets.length_m.size)  # see kernels/walking.py
        self._size = together.people
        self._speed = np.empty(context.parties.count, np.float32)  # scratch

    def save(self) -> dict[str, Any]:
        """Arrays for a snapshot."""
        return {"debt": self._debt.copy(), **self._returns.save()}

    def load(self, private: dict[str, Any]) -> None:
        """Take the arrays of a snapshot back."""
        self._debt = private["debt"].copy()
        self._returns.load(private)

    def advance(self, t0_ms: int, t1_ms: int) -> None:
        """Advance everyone on foot over [t0, t1)."""
        w = self.host.w
        rows = np.flatnonzero(w.party_place == P_WALKING)
        if rows.size == 0:
            return
        moved = advance_walkers(
            Walkers(w.party_arc, w.party_offset_m, w.party_node, self._debt), rows, t0_ms, t1_ms,
            net=self._net._replace(width_m=w.street_walk_width_m),
            street_factor=self.host.w.street_walk_factor,
            free_speed_mps=self.free_speed(rows, t0_ms), size=self._size, dest=w.party_dest,
            next_arc=self._walk.next_arc, target=self._walk.target,
            # Who is led or set down by a vehicle has not chosen a time to leave.
            start_ms=np.minimum(w.party_depart_ms, w.party_left_ms),
        )
        order = np.lexsort((moved.arrived, moved.arrived_ms))
        arrived = moved.arrived[order]
        self._arrivals.arrive(arrived, moved.arrived_ms[order], w.party_node[arrived])
        held = among(moved.state, (NEXT_CLOSED, NO_WAY))
        new = rows[held & (w.party_stop_reason[rows] == 0)]
        if new.size:
            wet = w.node_depth_m[w.party_node[new]] > 0.05
            why = np.where(wet, reason("road under water"), reason("no route"))
            stop(self.host, new, t1_ms, why)
        going = rows[~held]
        w.party_stop_reason[going] = 0

    def free_speed(self, rows: I64, t0_ms: int) -> NDArray[np.float32]:
        """Walking speed of parties `rows` on an empty street now, slower where it is dark.

        The array is over all parties [parties] and holds what is true of `rows` only.
        """
        w = self.host.w
        if not is_dark(self.ctx.city, self.ctx.scenario.start + timedelta(milliseconds=t0_ms)):
            return np.asarray(w.party_speed_mps)
        lit = w.zone_power_on[self.ctx.site.zone_of_node[w.party_node[rows]]]
        share = self.ctx.behaviour.dark_walk_share
        self._speed[rows] = np.where(lit, 1.0, share) * w.party_speed_mps[rows]
        return self._speed

    def go_back(self, t0_ms: int, t1_ms: int) -> None:
        """Parties that decided to go back home set out, walk, and arrive or turn round."""
        w = self.host.w
        safe = among(w.party_place, (P_HIGH, P_MEETING, P_SHELTER, P_REFUGE))
        new = self._homeward.setting_out(safe)
        new = new[self._departures.able(new) & ~self._refuges.held(new)]
        goal = self._homeward.goal(new)
        here = self._homeward.there_already(new, goal)
        self._come_home(new[here])
        new, goal = new[~here], goal[~here]
        new = new[self._returns.add(new, w.party_node[new], goal, t0_ms)]
        self._arrivals.free_place(new)
        self._refuges.leave(new)
        w.party_place[new] = P_RETURNING
        w.party_trip_event[new] = w.party_decision_event[new]
        if self._returns.party.size == 0:
            return
        home, home_ms, turned = self._returns.advance(
            t0_ms, t1_ms, w.party_arc, w.party_offset_m, w.party_node,
            self.free_speed(self._returns.party, t0_ms), w.street_walk_factor, w.street_depth_m,
        )
        self._homeward.arrived(home, home_ms)
        w.party_place[home], w.party_arc[home] = P_STAYING, -1
        w.party_trip_event[turned] = self.host.emit(
            "party_rerouted", t1_ms, turned, -1, cause=w.party_trip_event[turned])
        w.party_dest[turned], w.party_left_ms[turned] = 0, t1_ms
        set_walking(self.host, turned)
        self._refuges.choose(turned, np.full(turned.size, t1_ms))

    def _come_home(self, rows: I64) -> None:
        """Parties that are safe where they live are home at once."""
        w = self.host.w
        self._arrivals.free_place(rows)
        self._refuges.leave(rows)
        w.party_trip_event[rows] = w.party_decision_event[rows]
        self._homeward.arrived(rows, self.ctx.log.column("t_ms")[w.party_decision_event[rows]])
        w.party_place[rows] = P_STAYING
