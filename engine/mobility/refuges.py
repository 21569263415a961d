"""Vertical refuges as destinations of walkers: opening, choice, arrival, full or lost to the sea.

A keyholder opens each `open_s` after the first zone's order, unless the shaking has damaged the
building extensively (HAZUS state 3, the stated limit). Whoever sets out on foot, leaves a car or is
on foot when it opens goes to the nearest open refuge with places within its `walk_m` where that is
nearer than high ground; drivers go out of the zone. Everybody there knows the signposted refuge
(assumption). Places are taken on arrival; from a full one people go on to the next, else to high
ground. Nobody leaves while water stands at the door. Once the sea passes the lowest refuge floor or
more than the building bears, the refuge is lost: whoever is in it is not safe, and walks on to high
ground when the water has gone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.city import I64, B
from engine.component import Component
from engine.events import reason
from engine.kernels import paths
from engine.mobility.destinations import WalkRoutes
from engine.mobility.together import Together
from engine.world import P_REFUGE, P_WALKING

DAMAGE_LIMIT = 3
WADES_M = 0.1  #: nobody leaves a lost refuge into deeper water (assumption, as for cars)


class RefugeTrips:
    """The refuges' part of mobility; `host` is the component whose variables these are."""

    def __init__(self, host: Component, walk: WalkRoutes, together: Together) -> None:
        self._host, self._walk = host, walk
        self._site = host.ctx.site.refuges
        self._first = 1 + host.ctx.site.shelter.size
        self._reach_ms = np.array(
            [1000.0 * r.walk_m for r in host.ctx.plan.vertical_refuges], np.float64)
        self._open_ms = [round(r.open_s * 1000) for r in host.ctx.plan.vertical_refuges]
        self._size = together.people

    def step(self, t0_ms: int, t1_ms: int) -> None:
        """Open what is due, notice what is lost."""
        if self._site.node.size == 0:
            return
        self._open(t1_ms)
        self._watch(t0_ms)

    def _open(self, t1_ms: int) -> None:
        w = self._host.w
        zone = int(np.argmin(w.zone_order_ms))
        cause = int(w.zone_order_event[zone])
        if cause < 0 or w.all_clear_event[0] >= 0:
            return
        closed = (w.refuge_open_event < 0) & (w.refuge_lost_event < 0)
        for row in np.flatnonzero(closed):
            t = int(w.zone_order_ms[zone]) + self._open_ms[row]
            if t >= t1_ms:
                continue
            building = int(self._site.building[row])
            if w.building_damage[building] >= DAMAGE_LIMIT:
                w.refuge_lost_event[row] = self._host.emit(
                    "refuge_lost", t, row, reason("building damaged"),
                    float(self._site.places[row]),
                    cause=max(cause, int(w.building_damage_event[building])),
                )[0]
                continue
            w.refuge_open_event[row] = self._host.emit(
                "refuge_opened", t, row, value=float(self._site.places[row]), cause=cause
            )[0]
            rows = np.flatnonzero((w.party_place == P_WALKING) & (w.party_dest == 0))
            self.choose(rows, np.full(rows.size, t))

    def _usable(self) -> B:
        w = self._host.w
        return np.asarray(
            (w.refuge_open_event >= 0) & (w.refuge_lost_event < 0)
            & (w.refuge_load < self._site.places)
        )

    def _cost_ms(self, usable: I64, rows: I64) -> NDArray[np.int64]:
        """Walking time of parties [rows] to the refuges [usable] that serve them, ms."""
        cost = self._walk.cost_ms[self._first + usable][:, self._host.w.party_node[rows]]
        return np.where(cost <= self._reach_ms[usable][:, None], cost, paths.UNREACHED)

    def nearest_ms(self, rows: I64) -> I64:
        """Walking time of parties [rows] to the nearest open refuge that serves them, ms."""
        usable = np.flatnonzero(self._usable())
        if usable.size == 0:
            return np.full(rows.size, paths.UNREACHED)
        return np.asarray(self._cost_ms(usable, rows).min(axis=0))

    def choose(self, rows: I64, t_ms: Any) -> None:
        """Walkers [rows] bound for high ground turn to an open refuge where one is nearer."""
        usable = np.flatnonzero(self._usable())
        w = self._host.w
        free = w.party_dest[rows] == 0
        rows, t_ms = rows[free], np.asarray(t_ms)[free]
        if usable.size == 0 or rows.size == 0:
            return
        cost = self._cost_ms(usable, rows)
        best = np.argmin(cost, axis=0)
        cost = np.take_along_axis(cost, best[None, :], axis=0)[0]
        nearer = cost < self._walk.cost_ms[0, w.party_node[rows]]
        rows, t_ms, best, cost = rows[nearer], t_ms[nearer], best[nearer], cost[nearer]
        w.party_dest[rows] = self._first + usable[best]
        w.party_trip_event[rows] = self._host.emit(
            "party_to_refuge", t_ms, rows, usable[best],
            cost / 1000.0 / np.maximum(w.party_speed_mps[rows], 0.1),
            w.party_trip_event[rows],
        )

    def arrive(self, rows: I64, t_ms: I64, node: I64) -> tuple[I64, I64, I64, I64]:
        """Take in those [rows] who reach a refuge; the others' columns, and who was sent on."""
        w = self._host.w
        bound = w.party_dest[rows] - self._first
        mine = (bound >= 0) & (bound < self._site.node.size)
        if not mine.any():
            return rows, t_ms, node, np.empty(0, np.int64)
        sent: list[int] = []
        for party, t, at in zip(rows[mine], t_ms[mine], node[mine], strict=True):
            row = int(w.party_dest[party]) - self._first
            w.party_node[party] = at
            if w.refuge_lost_event[row] >= 0 or w.refuge_load[row] >= self._site.places[row]:
                self._send_on(int(party), row, int(t))
                sent.append(int(party))
                continue
            w.refuge_load[row] += self._size[party]
            w.party_place[party], w.party_arc[party], w.party_refuge[party] = P_REFUGE, -1, row
            w.party_trip_event[party] = self._host.emit(
                "party_in_refuge", t, party, row, (t - w.party_left_ms[party]) / 1000.0,
                w.party_trip_event[party],
            )[0]
            full = w.refuge_load[row] >= self._site.places[row]
            if full and w.refuge_full_event[row] < 0:
                w.refuge_full_event[row] = self._host.emit(
                    "refuge_full", t, row, value=float(self._site.places[row]),
                    cause=w.party_trip_event[party],
                )[0]
        return rows[~mine], t_ms[~mine], node[~mine], np.array(sent, np.int64)

    def _send_on(self, party: int, row: int, t_ms: int) -> None:
        w = self._host.w
        why = max(int(w.refuge_full_event[row]), int(w.refuge_lost_event[row]))
        w.party_dest[party] = 0
        w.party_trip_event[party] = self._host.emit(
            "party_rerouted", t_ms, party, -1, cause=max(why, int(w.party_trip_event[party]))
        )[0]
        self.choose(np.array([party]), np.array([t_ms]))

    def leave(self, rows: I64) -> None:
        """Give back the places of parties [rows] that leave a refuge."""
        w = self._host.w
        rows = rows[w.party_refuge[rows] >= 0]
        np.subtract.at(w.refuge_load, w.party_refuge[rows], self._size[rows])
        w.party_refuge[rows] = -1

    def _watch(self, t0_ms: int) -> None:
        """The sea over the lowest refuge floor, or more water than the building bears."""
        w, site = self._host.w, self._site
        depth = w.node_depth_m[site.node]
        gone = (w.refuge_open_event >= 0) & (w.refuge_lost_event < 0)
        gone &= depth > np.minimum(site.floor_m, site.holds_m)
        why = reason("water too deep for the refuge")
        for row in np.flatnonzero(gone):
            w.refuge_lost_event[row] = self._host.emit(
                "refuge_lost", t0_ms, row, why, float(site.places[row]),
                max(int(w.zone_flooded_event.max()), int(w.refuge_open_event[row])),
            )[0]
            inside = np.flatnonzero(w.party_refuge == row)
            w.party_stop_reason[inside] = why
            w.party_trip_event[inside] = self._host.emit(
                "party_blocked", t0_ms, inside, why, site.node[row], w.refuge_lost_event[row]
            )

    def stranded(self) -> I64:
        """Parties in a lost refuge whose street can be walked again."""
        w = self._host.w
        if self._site.node.size == 0 or not (w.refuge_lost_event >= 0).any():
            return np.empty(0, np.int64)
        inside = np.flatnonzero((w.party_place == P_REFUGE) & (w.party_stop_reason > 0))
        return np.asarray(inside[w.node_depth_m[w.party_node[inside]] <= WADES_M])

    def held(self, rows: I64) -> B:
        """Which parties [rows] are in a refuge that water stands at, or in a lost one."""
        w = self._host.w
        deep = w.node_depth_m[w.party_node[rows]] > WADES_M
        return np.asarray((w.party_refuge[rows] >= 0) & (deep | (w.party_stop_reason[rows] > 0)))

    def walk_on(self, rows: I64, t_ms: int) -> None:
        """Parties [rows] leave a lost refuge for high ground."""
        w = self._host.w
        self.leave(rows)
        w.party_trip_event[rows] = self._host.emit(
            "party_rerouted", t_ms, rows, -1, cause=w.party_trip_event[rows])
        w.party_dest[rows] = 0


