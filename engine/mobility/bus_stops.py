"""Waiting for a bus: who goes to a pick-up, waits there, and walks on after all.

Whoever sets out on foot, has no car there or walks slowly, and has heard the order, goes to the nearest
pick-up of a line that still runs, if it lies within the line's `walk_m` and is nearer than safety (high
ground or an open refuge; walking
time, slope included; the distance is that time at 1 m/s on the level). They walk by the shortest way and
turn to safety where it is wet or blocked. At the pick-up they wait until they are on board, until
`patience_s` is over, until water stands there or at the next junction, or until the line ends; then they
walk on to safety.

Limits: as for those who walk back home there is no crowding on the way to a pick-up; people know the
pick-ups and the hours of a line from the order; nobody goes back to a pick-up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.city import I32, I64, B
from engine.component import Component, Context
from engine.kernels import paths
from engine.missions import Missions
from engine.mobility.destinations import WalkRoutes
from engine.mobility.fleet import Fleet
from engine.mobility.refuges import RefugeTrips
from engine.mobility.returns import WET_M, Returns
from engine.mobility.trip import set_walking
from engine.world import NEVER, P_AT_STOP, P_TO_STOP

ORDER_HEARD = 2  #: bit of party_alert


class ToStops(Returns):
    """Parties under way to pick-ups, each on the shortest way to its own."""

    prefix = "stops_"

    def save(self) -> dict[str, NDArray[Any]]:
        return {f"{self.prefix}{name}": array for name, array in super().save().items()}

    def load(self, private: dict[str, NDArray[Any]]) -> None:
        names = [name for name in private if name.startswith(self.prefix)]
        super().load({name.removeprefix(self.prefix): private[name] for name in names})

    def cost_ms(self, node: int) -> I64:
        """Walking time from every junction to `node` at 1 m/s on the level, ms [nodes]."""
        ms, via = paths.shortest_tree(self._csr, self._cost, [node])
        self._trees[node] = np.where(
            via >= 0, self._walk.arc[np.maximum(via, 0)], -1).astype(np.int32)
        return np.asarray(ms)

    def _path(self, origin: int, home: int) -> I32:
        """Arcs from junction `home` to the pick-up at `origin`."""
        tree, node, out = self._trees[origin], home, []
        while node != origin:
            arc = int(tree[node])
            if arc < 0:
                return np.empty(0, np.int32)
            out.append(arc)
            node = int(self._walk.head[arc])
        return np.array(out, np.int32)


def _lines(missions: Missions) -> B:
    """Which missions are bus lines."""
    return np.asarray((missions.facility < 0) & (missions.door < 0))


class BusStops:
    """Moves people to pick-ups and lets them wait there."""

    def __init__(
        self, host: Component, context: Context, walk: WalkRoutes, fleet: Fleet,
        refuges: RefugeTrips,
    ) -> None:
        self.host, self.ctx, self._walk, self._fleet = host, context, walk, fleet
        self._refuges = refuges
        missions, city = self.ctx.site.missions, self.ctx.city
        self._to_stops = ToStops(city, walk.slope)
        line, stop = np.nonzero((missions.wait_node >= 0) & _lines(missions)[:, None])
        self._pick_line, self._pick_stop = line, stop
        self._stop_at = self.ctx.site.walk_node[missions.wait_node[line, stop]]
        self._stop_ms = np.array([self._to_stops.cost_ms(int(node)) for node in self._stop_at])

    def save(self) -> dict[str, NDArray[Any]]:
        """Arrays for a snapshot."""
        return self._to_stops.save()

    def load(self, private: dict[str, NDArray[Any]]) -> None:
        """Take the arrays of a snapshot back."""
        self._to_stops.load(private)

    def _runs(self, t_ms: int) -> B:
        """Which lines take people at `t_ms` [missions]."""
        w, missions = self.host.w, self.ctx.site.missions
        on = w.order_event[0] >= 0 and w.all_clear_event[0] < 0
        left = t_ms - int(w.order_decided_ms[0]) < missions.end_ms if on else False
        return np.asarray(_lines(missions) & left)

    def not_by_bus(self, rows: I64, t_ms: int) -> I64:
        """Those of `rows`, who set out on foot, that walk to safety; the others go to a pick-up."""
        w, parties, missions = self.host.w, self.ctx.parties, self.ctx.site.missions
        open_ = self._runs(t_ms)[self._pick_line]
        if not open_.any() or rows.size == 0:
            return rows
        node = w.party_node[rows]
        needs = (self._fleet.of_party[rows] < 0) | (parties.slow[rows] > 0)
        needs &= (w.party_alert[rows] & ORDER_HEARD > 0) & self.ctx.site.danger_node[node]
        cost = np.where(
            open_[:, None] & (self._stop_ms[:, node] <= 1000 * missions.walk_m[self._pick_line][:, None]),
            self._stop_ms[:, node], NEVER,
        )
        best = np.argmin(cost, axis=0)
        safety = np.minimum(self._walk.cost_ms[0, node], self._refuges.nearest_ms(rows))
        goes = needs & (cost[best, np.arange(rows.size)] < safety)
        going, best = rows[goes], best[goes]
        w.party_line[going], w.party_stop[going] = self._pick_line[best], self._pick_stop[best]
        there = w.party_node[going] == self._stop_at[best]
        self._wait_at(going[there], np.maximum(w.party_left_ms[going[there]], 0))
        far, far_best = going[~there], best[~there]
        for pick_up in np.unique(far_best):
            mine = far[far_best == pick_up]
            at = np.full(mine.size, self._stop_at[pick_up], np.int32)
            self._to_stops.add(mine, at, w.party_node[mine], t_ms)
        w.party_place[far], w.party_arc[far] = P_TO_STOP, -1
        return np.asarray(rows[~goes])

    def _wait_at(self, rows: I64, t_ms: I64) -> None:
        w = self.host.w
        w.party_place[rows], w.party_arc[rows] = P_AT_STOP, -1
        w.party_stop_ms[rows] = t_ms
        w.party_trip_event[rows] = self.host.emit(
            "party_waits", t_ms, rows, w.party_line[rows], (t_ms - w.party_left_ms[rows]) / 1000.0,
            w.party_trip_event[rows],
        )

    def advance(
        self, t0_ms: int, t1_ms: int, choose: Callable[[I64], Any], speed: Callable[[I64, int], Any]
    ) -> None:
        """Advance those on the way to pick-ups; some of those who wait walk on."""
        w = self.host.w
        if self._to_stops.party.size:
            there, there_ms, turned = self._to_stops.advance(
                t0_ms, t1_ms, w.party_arc, w.party_offset_m, w.party_node,
                speed(self._to_stops.party, t0_ms), w.street_walk_factor, w.street_depth_m,
            )
            self._wait_at(there, there_ms)
            self._walk_on(turned, t1_ms, choose)
        waiting = np.flatnonzero((w.party_place == P_AT_STOP) & (w.party_unit < 0))
        if waiting.size == 0:
            return
        line, node = w.party_line[waiting], w.party_node[waiting]
        patience = self.ctx.site.missions.patience_ms[line]
        leaves = (t0_ms - w.party_stop_ms[waiting] >= patience) | ~self._runs(t0_ms)[line]
        leaves |= self._water_near()[node]
        self._walk_on(waiting[leaves], t0_ms, choose)

    def _water_near(self) -> B:
        """Junctions where water stands or that have it at the next one [nodes]."""
        walk = self.ctx.city.walk
        wet = self.host.w.node_depth_m > WET_M
        near = wet.copy()
        near[walk.tail[wet[walk.head]]] = True
        return np.asarray(near)

    def _walk_on(self, rows: I64, t_ms: int, choose: Callable[[I64], Any]) -> None:
        """Give the bus up and walk to safety."""
        if rows.size == 0:
            return
        w = self.host.w
        w.party_line[rows] = -1
        w.party_dest[rows] = choose(rows)
        w.party_trip_event[rows] = self.host.emit(
            "party_rerouted", t_ms, rows, -1, cause=w.party_trip_event[rows])
        set_walking(self.host, rows)
        self._refuges.choose(rows, np.full(rows.size, t_ms))
