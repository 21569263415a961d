"""Vehicles on the road network: the shell around the link transmission kernel.

`Traffic` knows metres, seconds and reasons; the kernels (`engine.kernels.traffic`) know
columns and microseconds. Time at this boundary is integer milliseconds.

Model, source and limits: see `engine.kernels.traffic`. Assumptions made here:
- the backward wave speed of a link follows from its undisturbed speed, capacity and jam
  density (w = C / (kj - C/vf), at most 4 vf) and stays when speed or capacity change;
- a stopped vehicle takes one lane's capacity and its own length; when no lane is left,
  `squeeze_share` of the link's capacity remains (an assumption: cars are passed over the kerb);
- signals, debris and contraflow come in as capacity, speed and jam density.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.kernels import paths, traffic_change
from engine.kernels import traffic as kernel
from engine.kernels import traffic_layout as lay
from engine.kernels.traffic_layout import TrafficState
from engine.mobility.traffic_build import VEHICLE_CLASSES, build_net, build_state, link_columns

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

#: States of a vehicle, indexed by its state number.
STATES = ("unused", "waiting at origin", "on link", "arrived", "stranded", "stranded on link",
          "abandoned")
#: Reasons, indexed by reason number.
REASONS = ("", "no route", "link impassable", "left by its driver", "towed away")


#: What a barred link adds to the cost of a way: who can avoid it with a detour of less than an hour does.
BARRED_MS = 3_600_000


class TrafficEvents(NamedTuple):
    """What happened since the last advance; every group is sorted by (time, vehicle)."""

    arrived: I64  # [n] vehicles
    arrived_ms: I64
    arrived_node: I64
    stranded: I64  # [m] vehicles that can go no further
    stranded_ms: I64
    stranded_place: I64  # edge, or -1 - node
    stranded_reason: NDArray[np.uint8]  # index into REASONS
    passed: I64  # [p] watched vehicles that entered a link
    passed_ms: I64
    passed_edge: I64
    blocked_edge: I64  # [q] closed edges that a driver met and now avoids
    met_vehicle: I64  # [r] vehicles with a view of their own that met a closed edge and turned
    met_ms: I64
    met_edge: I64
    met_detour_ms: I64  # longer way from there, -1 where none is left


class Traffic:
    """All vehicles of a run on one road network.

    - n_nodes: number of nodes; from_node, to_node: [edges] int.
    - length_m, free_speed_mps, capacity_vps (veh/s), jam_density_vpm (veh/m): [edges], whole link.
    - destinations: each a node array or a pair (nodes, entry cost in ms of each).
    - max_vehicles: vehicle numbers run from 0 to this minus 1.
    - max_destinations: rows of the route table, by default room for 64 more than given.
    - merge_priority: [edges] weight at merges, by default the capacity.
    - lanes: [edges], by default one for each 0.15 veh/m of jam density, rounded.
    - origin_priority_vps: merge weight of the vehicles that start at a node, one for all or [nodes].
    - merge_draw_seed: at merges the next vehicle is drawn (see `engine.kernels.traffic`), with this
      seed; without, queues take turns.
    - bucket_ms: order of nodes inside this span is by queue; ticks should be multiples of it.
    """

    def __init__(
        self, *, n_nodes: int, from_node: ArrayLike, to_node: ArrayLike, length_m: ArrayLike,
        free_speed_mps: ArrayLike, capacity_vps: ArrayLike, jam_density_vpm: ArrayLike,
        destinations: Sequence[ArrayLike | tuple[ArrayLike, ArrayLike]], max_vehicles: int,
        max_destinations: int | None = None, merge_priority: ArrayLike | None = None,
        lanes: ArrayLike | None = None, origin_priority_vps: ArrayLike = 0.5,
        squeeze_share: float = 0.1, bucket_ms: int = 500, merge_draw_seed: int | None = None,
    ) -> None:
        self.n_nodes = int(n_nodes)
        self.from_node = np.asarray(from_node, dtype=np.int32)
        self.to_node = np.asarray(to_node, dtype=np.int32)
        self.length_m = np.asarray(length_m, dtype=np.float64)
        self.free_speed_mps = np.asarray(free_speed_mps, dtype=np.float64)
        capacity = np.asarray(capacity_vps, dtype=np.float64)
        jam = np.asarray(jam_density_vpm, dtype=np.float64)
        self.n_edges = int(self.length_m.size)
        shown = np.maximum(np.rint(jam / 0.15), 1) if lanes is None else np.asarray(lanes)
        self.lanes = shown.astype(np.float64)
        self.squeeze_share = float(squeeze_share)
        self._max_jam_vpm = 2.0 * jam
        spare = jam - capacity / self.free_speed_mps
        wave_mps = capacity / np.maximum(spare, capacity / (4.0 * self.free_speed_mps))
        self._wave_us = np.rint(1e6 * self.length_m / wave_mps).astype(np.int64)
        self._net = build_net(self.n_nodes, self.from_node, self.to_node, merge_draw_seed)
        self._csr = paths.group_edges(self.n_nodes, self.to_node, self.from_node)
        self._head, self._work = paths.scratch(self.n_nodes)
        self.view = np.zeros(0, dtype=np.bool_)  # destinations routed by `view_cost_ms`
        self.view_cost_ms = np.zeros(0, dtype=np.int64)
        self._extra = np.zeros(2, dtype=np.int64)
        weight = capacity if merge_priority is None else np.asarray(merge_priority, np.float64)
        self.state: TrafficState = build_state(
            self._net, self.from_node, self.to_node, self.length_m, self.free_speed_mps, capacity,
            jam, self._wave_us, weight, np.asarray(origin_priority_vps, np.float64), int(max_vehicles),
            max_destinations or len(destinations) + 64, int(bucket_ms),
        )
        cost = paths.speed_cost_ms(self.length_m, self.free_speed_mps)
        self.state.edge_cost_ms[:] = cost
        for destination in destinations:
            if isinstance(destination, tuple):
                self.add_destination(destination[0], destination[1], route=False)
            else:
                self.add_destination(destination, route=False)
        self.refresh_routes()

    # --- destinations and routes -------------------------------------------------------------

    def add_destination(self, nodes: ArrayLike, cost_ms: ArrayLike = 0, *, route: bool = True) -> int:
        """Return the number of a new destination: any of `nodes`, entering each costs `cost_ms`."""
        where = np.atleast_1d(np.asarray(nodes, dtype=np.int32))
        price = np.broadcast_to(np.asarray(cost_ms, dtype=np.int64), where.shape)
        free = np.flatnonzero(~self.state.dest_used)
        if free.size == 0:
            raise ValueError(
                f"all {self.state.dest_used.size} destinations are taken: raise max_destinations"
            )
        d = int(free[0])
        order = np.argsort(price, kind="stable")
        s = self.state
        self.state = s._replace(
            target_dest=np.append(s.target_dest, np.full(where.size, d, dtype=np.int32)),
            target_node=np.append(s.target_node, where[order]),
            target_cost_ms=np.append(s.target_cost_ms, price[order]),
        )
        self.state.dest_used[d] = True
        if route:
            self._grow(np.array([d]))
        return d

    def release_destination(self, dest: int) -> None:
        """Give the number `dest` back; no vehicle on the way may still use it."""
        s = self.state
        keep = s.target_dest != dest
        self.state = s._replace(
            target_dest=s.target_dest[keep], target_node=s.target_node[keep],
            target_cost_ms=s.target_cost_ms[keep],
        )
        self.state.dest_used[dest] = False
        self.state.route[dest] = lay.RANK_NONE

    def refresh_routes(
        self, cost_ms: ArrayLike | None = None, dests: ArrayLike | None = None
    ) -> None:
        """Grow the reverse trees anew, from `cost_ms` [edges] if given, known closures avoided.

        `dests`: only these destinations; by default all.
        """
        if cost_ms is not None:
            self.state.edge_cost_ms[:] = np.clip(
                np.asarray(cost_ms, dtype=np.int64), 1, paths.CLOSED
            )
        which = np.flatnonzero(self.state.dest_used) if dests is None else np.atleast_1d(dests)
        self._grow(np.asarray(which, dtype=np.int64))
        traffic_change.forget_heads(self.state, True)

    def travel_time_ms(self, dest: int) -> I64:
        """Return each node's cost to `dest` under the costs behind the present routes, ms."""
        dist, _ = self.tree(dest, self._known_cost())
        return dist

    def _known_cost(self) -> I64:
        cost = self.state.edge_cost_ms + BARRED_MS * self.state.edge_barred
        return np.where(self.state.edge_known_closed, paths.CLOSED, cost)

    def tree(self, dest: int, cost: I64) -> tuple[I64, NDArray[np.int32]]:
        """Return (cost to `dest`, next edge) of every node, for edge costs in ms."""
        s = self.state
        mine = s.target_dest == dest
        dist = np.empty(self.n_nodes, dtype=np.int64)
        via = np.empty(self.n_nodes, dtype=np.int32)
        paths.grow_tree(
            dist, via, self._csr.ptr, self._csr.edge, self._csr.far, cost, s.target_node[mine],
            s.target_cost_ms[mine], self._head, self._work, paths.UNREACHED - 1,
        )
        return dist, via

    def set_view(
        self, dests: ArrayLike, cost_ms: ArrayLike, closed: ArrayLike | None = None
    ) -> None:
        """Route the vehicles bound for `dests` by `cost_ms` [edges] instead of all drivers' costs.

        They meet closures that `cost_ms` does not hold: then they turn, and it is noted there.
        With `closed` only ways that use these edges are looked for anew.
        """
        self.view = np.zeros(self.state.dest_used.size, dtype=np.bool_)
        self.view[np.asarray(dests, dtype=np.int64)] = True
        self.view_cost_ms = np.array(cost_ms, dtype=np.int64)
        if closed is None:
            self.refresh_routes(dests=np.flatnonzero(self.view & self.state.dest_used))
        else:
            self._grow_through(np.asarray(closed, dtype=np.int64))

    def leads_over(self, dest: int, edges: ArrayLike) -> Bool:
        """Return whether the present way from each node to `dest` uses one of `edges` [nodes]."""
        rank = self.state.route[dest]
        moving = rank < lay.RANK_ARRIVED
        at = self._net.out_ptr[:-1] + np.where(moving, rank, 0)
        edge = self._net.out_edge[np.minimum(at, self.n_edges - 1)]
        onto = np.where(moving, self.to_node[edge], np.arange(self.n_nodes))
        out = moving & np.isin(edge, np.asarray(edges))
        for _ in range(int(self.n_nodes).bit_length()):  # each round looks twice as far ahead
            out |= out[onto]
            onto = onto[onto]
        return np.asarray(out)

    def _sees_for_itself(self, dest: int) -> bool:
        return bool(self.view.size and self.view[dest])

    def _meet(self, vehicle: I64, edge: I64) -> I64:
        """Note closures that vehicles with a view of their own met; the detours [n], ms."""
        out = np.empty(vehicle.size, dtype=np.int64)
        for i, (v, e) in enumerate(zip(vehicle, edge, strict=True)):
            dest, node = int(self.state.vehicle[v, lay.V_DEST]), int(self.from_node[e])
            before = self.tree(dest, self.view_cost_ms)[0][node]
            self.view_cost_ms[e] = paths.CLOSED
            after = self.tree(dest, self.view_cost_ms)[0][node]
            out[i] = after - before if max(before, after) < paths.UNREACHED else -1
        return out

    def _grow(self, dests: I64) -> None:
        known = self._known_cost()
        for d in dests:
            cost = self.view_cost_ms if self._sees_for_itself(int(d)) else known
            dist, via = self.tree(int(d), cost)
            traffic_change.route_ranks(
                self.state.route[d], dist, via, self._net.edge_rank, paths.UNREACHED
            )

    def _grow_through(self, edges: I64) -> None:
        """Refresh the destinations whose tree uses any of `edges`."""
        uses = (
            self.state.route[:, self.from_node[edges]] == self._net.edge_rank[edges][None, :]
        ).any(axis=1)
        dests = np.flatnonzero(uses & self.state.dest_used)
        if dests.size:
            self.refresh_routes(dests=dests)

    # --- vehicles ----------------------------------------------------------------------------

    def depart(
        self, vehicles: ArrayLike, t_ms: ArrayLike, origin_node: ArrayLike, dest: ArrayLike,
        vclass: str | ArrayLike = "car", *, watch: bool = False,
    ) -> None:
        """Let vehicles start at their nodes at `t_ms` (not before now), queueing for the road.

        All scalar or [n]; `vclass` a name or class numbers (`VEHICLE_CLASSES`); with `watch`
        every link entered is reported. A vehicle may start again after arriving or stranding
        at a node.
        """
        v = np.atleast_1d(np.asarray(vehicles, dtype=np.int64))
        t, node, goal = (
            np.broadcast_to(np.asarray(x, dtype=np.int64), v.shape)
            for x in (t_ms, origin_node, dest)
        )
        if v.size == 0:
            return
        s = self.state
        state, place = s.vehicle[v, lay.V_STATE], s.vehicle[v, lay.V_PLACE]
        moving = (state == lay.S_WAITING) | (state == lay.S_ON_LINK)
        fixed = moving | ((state != lay.S_UNUSED) & (place >= 0))
        if fixed.any():
            bad = int(v[np.argmax(fixed)])
            raise ValueError(f"vehicle {bad} cannot depart: it is {STATES[self.state_of(bad)[0]]}")
        if not s.dest_used[goal].all():
            raise ValueError(f"unknown destination {int(goal[~s.dest_used[goal]][0])}")
        if isinstance(vclass, str):
            s.vehicle_class[v] = list(VEHICLE_CLASSES).index(vclass)
        else:
            s.vehicle_class[v] = np.asarray(vclass, dtype=np.uint8)
        s.vehicle_watch[v] = watch
        order = np.lexsort((v, t))
        when = np.maximum(t * 1000, s.clock[lay.K_NOW])
        traffic_change.depart(
            v[order], when[order], node[order], goal[order], self._net, s
        )

    def retarget(self, vehicles: ArrayLike, dest: ArrayLike) -> None:
        """Change where vehicles go; one that is moving turns at the next node it reaches."""
        v = np.atleast_1d(np.asarray(vehicles, dtype=np.int64))
        goal = np.broadcast_to(np.asarray(dest, dtype=np.int64), v.shape)
        s = self.state
        s.vehicle[v, lay.V_DEST] = goal
        s.vehicle_reason[v] = 0
        for place, state in s.vehicle[v][:, [lay.V_PLACE, lay.V_STATE]]:
            if state == lay.S_ON_LINK:
                s.queue_next[s.link[place, lay.L_QUEUE]] = lay.NEXT_UNKNOWN
                traffic_change.wake(int(self.to_node[place]), s)
            elif state == lay.S_WAITING:
                traffic_change.wake(int(-1 - place), s)

    def abandon(self, vehicles: ArrayLike) -> None:
        """Leave vehicles where they are, drivers walking off.

        On a link the vehicle stays as an obstacle (one lane less, its own length of storage);
        in an origin queue or stranded at a node it is off the road.
        """
        s = self.state
        touched = []
        for v in np.atleast_1d(np.asarray(vehicles, dtype=np.int64)):
            state, place = s.vehicle[v, lay.V_STATE], s.vehicle[v, lay.V_PLACE]
            if state == lay.S_ON_LINK:
                traffic_change.stop_on_link(v, lay.S_ABANDONED, lay.R_ABANDONED, self._net, s)
                touched.append(int(place))
            elif state in (lay.S_WAITING, lay.S_STRANDED):
                if state == lay.S_WAITING:
                    traffic_change.leave_queue(v, self._net, s)
                s.vehicle[v, lay.V_STATE] = lay.S_ABANDONED
                s.vehicle_reason[v] = lay.R_ABANDONED
            elif state == lay.S_STRANDED_ON_LINK:
                s.vehicle[v, lay.V_STATE] = lay.S_ABANDONED
                s.vehicle_reason[v] = lay.R_ABANDONED
            else:
                raise ValueError(f"vehicle {v} cannot be abandoned: it is {STATES[state]}")
        self._update_links(np.unique(np.array(touched, dtype=np.int64)))

    def tow(self, vehicles: ArrayLike) -> None:
        """Clear obstacles off their links: the vehicles then stand at the link's end node."""
        s = self.state
        touched = []
        for v in np.atleast_1d(np.asarray(vehicles, dtype=np.int64)):
            row = s.vehicle[v]
            a = int(row[lay.V_PLACE])
            if row[lay.V_STATE] not in (lay.S_ABANDONED, lay.S_STRANDED_ON_LINK) or a < 0:
                raise ValueError(f"vehicle {v} is no obstacle: it is {STATES[row[lay.V_STATE]]}")
            s.link[a, lay.L_OBSTACLES] -= 1
            s.link[a, lay.L_OBSTACLE_UNITS] -= self._net.classes[s.vehicle_class[v], lay.C_UNITS]
            row[lay.V_STATE], row[lay.V_PLACE] = lay.S_STRANDED, -1 - int(self.to_node[a])
            s.vehicle_reason[v] = lay.R_TOWED
            touched.append(a)
        self._update_links(np.unique(np.array(touched, dtype=np.int64)))

    def resume(self, vehicles: ArrayLike | None = None) -> I64:
        """Let vehicles stranded at a node for want of a route go on where there is one now.

        Returns those that do. Their largest delay so far is kept by the caller if wanted.
        """
        s = self.state
        v = (
            np.flatnonzero(s.vehicle[:, lay.V_STATE] == lay.S_STRANDED) if vehicles is None
            else np.atleast_1d(np.asarray(vehicles, dtype=np.int64))
        )
        row = s.vehicle[v]
        ok = (row[:, lay.V_STATE] == lay.S_STRANDED) & (s.vehicle_reason[v] == lay.R_NO_ROUTE)
        ok[ok] = s.route[row[ok, lay.V_DEST], -1 - row[ok, lay.V_PLACE]] != lay.RANK_NONE
        v, row = v[ok], row[ok]
        if v.size:
            self.depart(v, self.now_ms, -1 - row[:, lay.V_PLACE], row[:, lay.V_DEST],
                        s.vehicle_class[v])
        return np.asarray(v)

    # --- links -------------------------------------------------------------------------------

    def set_edge_state(
        self, speed_mps: ArrayLike, capacity_vps: ArrayLike, closed: ArrayLike,
        jam_density_vpm: ArrayLike | None = None, *, barred: ArrayLike | None = None,
        known: bool = True,
    ) -> None:
        """Give every link its state from now on, all [edges].

        A closed link takes nobody in; those on it drive to its end and go on from there. A `barred`
        link is left out by routes from now on, except by who has no other way: who is on it or
        starts at it drives out. Destinations with a view of their own are not concerned. At
        speed 0 they are stranded where they are ("link impassable") and stay as obstacles.
        With `known` routes avoid new closures at once; without, from the moment the first
        driver meets one (the end of that advance). An opening is known at once, and used by
        routes from the next `refresh_routes`, except where a closure had left no route.
        """
        s = self.state
        speed = np.asarray(speed_mps, dtype=np.float64)
        capacity = np.asarray(capacity_vps, dtype=np.float64)
        jam = s.edge_jam_vpm if jam_density_vpm is None else np.asarray(jam_density_vpm, np.float64)
        shut = np.asarray(closed, dtype=bool) | ~(speed > 0) | ~(capacity > 0)
        if (jam > self._max_jam_vpm * (1 + 1e-9)).any():
            raise ValueError("jam density may at most double")
        changed = np.flatnonzero(
            (speed != s.edge_speed_mps) | (capacity != s.edge_capacity_vps)
            | (jam != s.edge_jam_vpm) | (shut != s.edge_closed)
        )
        opened = np.flatnonzero(s.edge_known_closed & ~shut)
        newly = np.flatnonzero(shut & ~s.edge_known_closed)
        if changed.size:
            drowned = changed[~(speed[changed] > 0) & (s.edge_speed_mps[changed] > 0)]
            s.edge_speed_mps[:], s.edge_capacity_vps[:] = speed, capacity
            s.edge_jam_vpm[:], s.edge_closed[:] = jam, shut
            self._strand(drowned)
            self._update_links(changed)
        s.edge_known_closed[opened] = False
        if known and newly.size:
            s.edge_known_closed[newly] = True
            self._grow_through(newly)
        if opened.size:
            cut = (s.route[:, self.from_node[opened]] == lay.RANK_NONE).any(axis=1)
            dests = np.flatnonzero(cut & s.dest_used)
            if dests.size:
                self.refresh_routes(dests=dests)
        bars = np.zeros(self.n_edges, np.bool_) if barred is None else np.asarray(barred, np.bool_)
        if not np.array_equal(bars, s.edge_barred):
            s.edge_barred[:] = bars
            self.refresh_routes()

    def _strand(self, edges: I64) -> None:
        first = 0
        while first < edges.size:
            first = traffic_change.strand_links(edges, first, self._net, self.state)
            if first < edges.size:
                self._grow_buffer()

    def _grow_buffer(self) -> None:
        event = self.state.event
        self.state = self.state._replace(event=np.concatenate([event, np.zeros_like(event)]))

    def _update_links(self, edges: I64) -> None:
        if edges.size == 0:
            return
        s = self.state
        headway, travel, store = link_columns(
            self.length_m[edges], s.edge_speed_mps[edges], s.edge_capacity_vps[edges],
            s.edge_jam_vpm[edges], self.lanes[edges], s.link[edges, lay.L_OBSTACLES],
            self.squeeze_share,
        )
        # A link at a standstill keeps its old travel time: nobody is on it to use it.
        travel = np.where(s.edge_speed_mps[edges] > 0, travel, s.link[edges, lay.L_TRAVEL])
        traffic_change.set_links(
            edges, headway, travel, store, self._wave_us[edges],
            s.edge_closed[edges].astype(np.int64), s,
        )

    # --- time --------------------------------------------------------------------------------

    @property
    def now_ms(self) -> int:
        """Time up to which the model has run, ms."""
        return int(self.state.clock[lay.K_NOW] // 1000)

    @property
    def idle(self) -> bool:
        """True when no vehicle is on a link or due to depart."""
        return bool(
            self.state.clock[lay.K_ON_LINK] == 0 and self.state.clock[lay.K_WAITING] == 0
        )

    def advance(self, until_ms: int) -> TrafficEvents:
        """Run up to `until_ms` and return what happened since the last call."""
        rows = []
        until = np.int64(until_ms) * 1000
        while True:
            done = kernel.advance(until, self._net, self.state, self._extra)
            count = int(self.state.clock[lay.K_EVENTS])
            if count:
                rows.append(self.state.event[:count].copy())
                self.state.clock[lay.K_EVENTS] = 0
            if done:
                break
        table = np.concatenate(rows) if rows else np.empty((0, 4), dtype=np.int64)
        table = table[np.lexsort((table[:, 1], table[:, 2]))]
        kind = table[:, 0]
        met = np.unique(table[kind == lay.E_BLOCKED, 3])
        met = met[self.state.edge_closed[met]]
        own = table[kind == lay.E_BLOCKED]
        own = own[self.state.edge_closed[own[:, 3]]]
        mine = [self._sees_for_itself(int(d)) for d in self.state.vehicle[own[:, 1], lay.V_DEST]]
        own = own[np.array(mine, dtype=np.bool_)]
        detour = self._meet(own[:, 1], own[:, 3])
        if met.size:
            self.state.edge_known_closed[met] = True
            self._grow_through(met)
        a = table[kind == lay.E_ARRIVED]
        at_node, on_link = kind == lay.E_STRANDED, kind == lay.E_STRANDED_ON_LINK
        b = table[at_node | on_link]
        node = b[:, 0] == lay.E_STRANDED
        reason = np.where(node, lay.R_NO_ROUTE, lay.R_IMPASSABLE).astype(np.uint8)
        p = table[(kind == lay.E_PASSED) | (kind == lay.E_ENTERED)]
        return TrafficEvents(
            a[:, 1], a[:, 2] // 1000, a[:, 3], b[:, 1], b[:, 2] // 1000,
            np.where(node, -1 - b[:, 3], b[:, 3]), reason, p[:, 1], p[:, 2] // 1000, p[:, 3], met,
            own[:, 1], own[:, 2] // 1000, own[:, 3], detour,
        )

    def snapshot(self) -> TrafficState:
        """Return a copy of every mutable array."""
        return self.state.copy()

    def restore(self, snapshot: TrafficState) -> None:
        """Go back to a snapshot; the run then continues bit for bit as it did."""
        self.state = snapshot.copy()

    # --- reading -----------------------------------------------------------------------------

    def state_of(self, vehicles: ArrayLike) -> I64:
        """Return state numbers [n] (see `STATES`)."""
        return np.asarray(self.state.vehicle[np.atleast_1d(np.asarray(vehicles)), lay.V_STATE])

    def place_of(self, vehicles: ArrayLike) -> I64:
        """Return places [n]: an edge, or -1 - node."""
        return np.asarray(self.state.vehicle[np.atleast_1d(np.asarray(vehicles)), lay.V_PLACE])

    def reason_of(self, vehicles: ArrayLike) -> NDArray[np.uint8]:
        """Return reason numbers [n] (see `REASONS`)."""
        return np.asarray(self.state.vehicle_reason[np.atleast_1d(np.asarray(vehicles))])

    def largest_delay(self, vehicles: ArrayLike) -> tuple[I64, F64]:
        """Return where each trip lost most time (edge, or -1 - node of origin) and how much, s."""
        row = self.state.vehicle[np.atleast_1d(np.asarray(vehicles))]
        return row[:, lay.V_WORST_PLACE], row[:, lay.V_WORST_US] / 1e6

    def positions(self, vehicles: ArrayLike) -> tuple[I64, F64]:
        """Return (edge, fraction of its length covered) [n]; edge -1 where not on a link."""
        v = np.atleast_1d(np.asarray(vehicles, dtype=np.int64))
        edge, fraction = np.empty(v.size, dtype=np.int64), np.empty(v.size)
        traffic_change.positions(edge, fraction, v, self.state)
        return edge, fraction

    def edge_count(self) -> F64:
        """Return passenger cars moving or queueing on each edge (obstacles not counted)."""
        link = self.state.link
        return (link[:, lay.L_CUM_IN] - link[:, lay.L_CUM_OUT]) / lay.CAR_UNITS

    def edge_entered(self) -> I64:
        """Return how many vehicles have entered each edge since the start."""
        return self.state.link[:, lay.L_ENTERED]

    def edge_obstacles(self) -> I64:
        """Return how many stopped vehicles stand on each edge."""
        return self.state.link[:, lay.L_OBSTACLES]

    def measured_speed(self) -> F64:
        """Return the present mean speed on each edge, m/s (0 where nobody can move)."""
        out = np.empty(self.n_edges, dtype=np.int64)
        traffic_change.travel_times(out, 0, self.state)
        return np.where(self.state.edge_speed_mps > 0, 1e6 * self.length_m / out, 0.0)

    def expected_travel_ms(self, window_ms: int) -> I64:
        """Return what each link takes who enters it now, ms [edges]; `CLOSED` where known shut.

        The window of exits it rests on began `window_ms` ago and begins anew.
        """
        out = np.empty(self.n_edges, dtype=np.int64)
        traffic_change.expected_times(out, np.int64(window_ms) * 1000, self.state)
        traffic_change.reset_travel_times(self.state)
        return np.where(
            self.state.edge_known_closed, paths.CLOSED, np.maximum(out // 1000, 1)
        )

    def mean_travel_ms(self, *, reset: bool = True) -> I64:
        """Return mean travel times since the last reset, ms [edges]; `CLOSED` where known shut."""
        out = np.empty(self.n_edges, dtype=np.int64)
        traffic_change.travel_times(out, 1, self.state)
        if reset:
            traffic_change.reset_travel_times(self.state)
        return np.where(
            self.state.edge_known_closed, paths.CLOSED, np.maximum(out // 1000, 1)
        )
