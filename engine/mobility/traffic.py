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
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.kernels import paths, traffic_change, tree_batch
from engine.kernels import traffic as kernel
from engine.kernels import traffic_layout as lay
from engine.kernels.traffic_layout import TrafficState
from engine.mobility.traffic_build import VEHICLE_CLASSES, build_net, build_state, link_columns
from engine.mobility.traffic_events import (
    STATES,
    TrafficEvents,
    in_order,
    met_rows,
    sort_out,
)

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

#: What a barred link adds to the cost of a way: who can avoid it with a detour of less than an hour does.
BARRED_MS = 3_600_000


class View(NamedTuple):
    """What a group of vehicles knows that does not share the common knowledge."""

    learns: bool = True  # closures that one of them meets; without, it stays as it was given
    barred: bool = False  # knows which links are barred


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
    - views: further groups that are routed by what they know (see `View`), numbered from 1; 0 is
      the common knowledge of all others.
    - bucket_ms: order of nodes inside this span is by queue; ticks should be multiples of it.
    """

    def __init__(
        self, *, n_nodes: int, from_node: ArrayLike, to_node: ArrayLike, length_m: ArrayLike,
        free_speed_mps: ArrayLike, capacity_vps: ArrayLike, jam_density_vpm: ArrayLike,
        destinations: Sequence[ArrayLike | tuple[ArrayLike, ArrayLike]], max_vehicles: int,
        max_destinations: int | None = None, merge_priority: ArrayLike | None = None,
        lanes: ArrayLike | None = None, origin_priority_vps: ArrayLike = 0.5,
        squeeze_share: float = 0.1, bucket_ms: int = 500, merge_draw_seed: int | None = None,
        views: Sequence[View] = (),
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
        self._many: tuple[tree_batch.Batch, tree_batch.Room] | None = None
        self.views = tuple(views)
        self._extra = np.zeros(2, dtype=np.int64)
        weight = capacity if merge_priority is None else np.asarray(merge_priority, np.float64)
        self.state: TrafficState = build_state(
            self._net, self.from_node, self.to_node, self.length_m, self.free_speed_mps, capacity,
            jam, self._wave_us, weight, np.asarray(origin_priority_vps, np.float64), int(max_vehicles),
            max_destinations or len(destinations) + 64, int(bucket_ms), len(self.views),
        )
        cost = paths.speed_cost_ms(self.length_m, self.free_speed_mps)
        self.state.edge_cost_ms[:] = cost
        self.state.view_cost_ms[:] = cost
        for destination in destinations:
            if isinstance(destination, tuple):
                self.add_destination(destination[0], destination[1], route=False)
            else:
                self.add_destination(destination, route=False)
        self.refresh_routes()

    # --- destinations and routes -------------------------------------------------------------

    def add_destination(
        self, nodes: ArrayLike, cost_ms: ArrayLike = 0, *, route: bool = True, view: int = 0,
        turned: int = -1,
    ) -> int:
        """Return the number of a new destination: any of `nodes`, entering each costs `cost_ms`.

        Vehicles bound for it are routed by what `view` knows; with `turned`, the number of another
        destination, each goes on to that one from the first closed or barred link he comes to.
        """
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
        self.state.dest_view[d], self.state.dest_turned[d] = view, turned
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
        self.state.dest_view[dest], self.state.dest_turned[dest] = 0, -1
        self.state.route[dest] = lay.RANK_NONE

    def refresh_routes(
        self, cost_ms: ArrayLike | None = None, dests: ArrayLike | None = None
    ) -> None:
        """Grow the reverse trees anew, from `cost_ms` [edges] if given, known closures avoided.

        An edge whose cost is `CLOSED` keeps the cost it had: a closure ends, a cost stays.
        `dests`: only these destinations; by default all, with `cost_ms` those of the common knowledge.
        """
        which = self.state.dest_used.copy()
        if cost_ms is not None:
            cost = np.asarray(cost_ms, dtype=np.int64)
            np.copyto(self.state.edge_cost_ms, np.maximum(cost, 1), where=cost < paths.CLOSED)
            which &= self.state.dest_view == 0
        self._grow(np.flatnonzero(which) if dests is None else np.atleast_1d(np.asarray(dests)))
        traffic_change.forget_heads(self.state, True)

    def travel_time_ms(self, dest: int) -> I64:
        """Return each node's cost to `dest` under the costs behind the present routes, ms."""
        dist, _ = self.tree(dest, self._cost_of(int(self.state.dest_view[dest])))
        return dist

    def _cost_of(self, view: int) -> I64:
        """Costs as a view knows them [edges], `CLOSED` or more where it knows a closure."""
        s = self.state
        if view and not self.views[view - 1].barred:
            return np.asarray(s.view_cost_ms[view - 1])
        known = s.view_cost_ms[view - 1] if view else np.where(
            s.edge_known_closed, paths.CLOSED, s.edge_cost_ms)
        return np.asarray(known + BARRED_MS * s.edge_barred)

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

    def set_view(self, view: int, cost_ms: ArrayLike, closed: ArrayLike | None = None) -> None:
        """Let `view` know costs `cost_ms` [edges], `CLOSED` where it knows a closure.

        With `closed` only ways that use these edges are looked for anew.
        """
        self.state.view_cost_ms[view - 1] = np.asarray(cost_ms, dtype=np.int64)
        if closed is None:
            mine = self.state.dest_used & (self.state.dest_view == view)
            self.refresh_routes(dests=np.flatnonzero(mine))
        else:
            self._grow_through(np.asarray(closed, dtype=np.int64), [view])

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

    def _learn(self, rows: I64, turned: Bool) -> I64:
        """Let drivers of `rows` [n, 4] tell their views what they met; the detours [n], ms.

        One who `turned` [n] had the way of the destination in mind that names his own.
        """
        if rows.shape[0] == 0:
            return np.empty(0, dtype=np.int64)
        s = self.state
        dest, edge = s.vehicle["dest"][rows[:, 1]].astype(np.int64), rows[:, 3]
        meant = dest.copy()
        for d in np.unique(dest[turned]):
            meant[turned & (dest == d)] = np.argmax(s.dest_turned == d)
        node = self.from_node[edge]
        before = self._cost_at(meant, node)
        for view in np.unique(s.dest_view[dest]).tolist():
            met = np.unique(edge[(s.dest_view[dest] == view) & s.edge_closed[edge]])
            if view == 0:
                s.edge_known_closed[met] = True
            elif self.views[view - 1].learns:
                s.view_cost_ms[view - 1, met] = paths.CLOSED
            self._grow_through(met, [view])
        after = self._cost_at(dest, node)
        there = np.maximum(before, after) < paths.UNREACHED
        return np.where(there, np.maximum(after - before, 0), -1)

    def _cost_at(self, dests: I64, nodes: NDArray[np.int32]) -> I64:
        """Cost from `nodes` [n] to `dests` [n], each as its view knows it, ms."""
        out = np.empty(dests.size, dtype=np.int64)
        for d in np.unique(dests).tolist():
            out[dests == d] = self.travel_time_ms(d)[nodes[dests == d]]
        return out

    def _grow(self, dests: I64) -> None:
        views = self.state.dest_view[dests]
        costs = {view: self._cost_of(view) for view in np.unique(views).tolist()}
        alone = []
        for view, cost in costs.items():
            mine = np.asarray(dests[views == view], dtype=np.int64)
            alone.append(self._grow_many(mine, cost) if mine.size >= tree_batch.LEAST else mine)
        for d in np.concatenate([dests[:0], *alone]).tolist():
            dist, via = self.tree(d, costs[int(self.state.dest_view[d])])
            traffic_change.route_ranks(
                self.state.route[d], dist, via, self._net.edge_rank, paths.UNREACHED
            )

    def _grow_many(self, dests: I64, cost: I64) -> I64:
        """Grow the trees of several destinations side by side; returns those still to be grown."""
        if self._many is None:
            batch = tree_batch.lay_out(
                self.n_nodes, self.from_node, self.to_node,
                paths.speed_cost_ms(self.length_m, self.free_speed_mps))
            self._many = batch, tree_batch.room(batch)
        batch, room = self._many
        s = self.state
        which = np.full(s.dest_used.size, -1, dtype=np.int64)
        which[dests] = np.arange(dests.size)
        order = np.argsort(which[s.target_dest], kind="stable")
        order = order[np.searchsorted(which[s.target_dest][order], 0) :]
        first = np.searchsorted(which[s.target_dest[order]], np.arange(dests.size + 1))
        return tree_batch.grow_ranks(
            s.route, dests, batch, cost, first.astype(np.int64), s.target_node[order],
            s.target_cost_ms[order], room)

    def _grow_through(self, edges: I64, views: Sequence[int]) -> None:
        """Refresh the destinations of `views` whose tree uses any of `edges`."""
        if edges.size == 0:
            return
        uses = (
            self.state.route[:, self.from_node[edges]] == self._net.edge_rank[edges][None, :]
        ).any(axis=1)
        dests = np.flatnonzero(uses & self.state.dest_used & np.isin(self.state.dest_view, views))
        if dests.size:
            self.refresh_routes(dests=dests)

    def take_up_openings(self, edges: ArrayLike) -> None:
        """Refresh the destinations of the common knowledge that `edges`, open now, can bring closer.

        The costs are as before.
        """
        opened = np.asarray(edges, dtype=np.int64)
        dests = np.flatnonzero(self.state.dest_used & (self.state.dest_view == 0))
        gains = np.zeros(dests.size, dtype=np.bool_)
        traffic_change.shortened(gains, dests, opened, self._cost_of(0), self._net, self.state)
        if gains.any():
            self.refresh_routes(dests=dests[gains])

    # --- vehicles ----------------------------------------------------------------------------

    def depart(
        self, vehicles: ArrayLike, t_ms: ArrayLike, origin_node: ArrayLike, dest: ArrayLike,
        vclass: str | ArrayLike = "car", *, watch: bool = False,
    ) -> None:
        """Let vehicles start at their nodes at `t_ms` (not before now), queueing for the road.

        All scalar or [n]; `vclass` a name or class numbers (`VEHICLE_CLASSES`); with `watch`
        every link entered is reported. A vehicle may start again after arriving or stranding
        at a node, in the class it had (links that it has left still count its length).
        """
        v = np.atleast_1d(np.asarray(vehicles, dtype=np.int64))
        t, node, goal = (
            np.broadcast_to(np.asarray(x, dtype=np.int64), v.shape)
            for x in (t_ms, origin_node, dest)
        )
        if v.size == 0:
            return
        s = self.state
        state, place = s.vehicle["state"][v], s.vehicle["place"][v]
        moving = (state == lay.S_WAITING) | (state == lay.S_ON_LINK)
        fixed = moving | ((state != lay.S_UNUSED) & (place >= 0))
        if fixed.any():
            bad = int(v[np.argmax(fixed)])
            raise ValueError(f"vehicle {bad} cannot depart: it is {STATES[self.state_of(bad)[0]]}")
        once = np.zeros(s.vehicle.shape[0], dtype=np.bool_)
        once[v] = True
        if np.count_nonzero(once) < v.size:
            raise ValueError("a vehicle departs twice at once")
        if not ((node >= 0) & (node < self.n_nodes)).all():
            raise ValueError(f"nodes run from 0 to {self.n_nodes - 1}")
        if not s.dest_used[goal].all():
            raise ValueError(f"unknown destination {int(goal[~s.dest_used[goal]][0])}")
        number = list(VEHICLE_CLASSES).index(vclass) if isinstance(vclass, str) else vclass
        cls = np.broadcast_to(np.asarray(number, dtype=np.uint8), v.shape)
        other = (state != lay.S_UNUSED) & (cls != s.vehicle["vclass"][v])
        if other.any():
            raise ValueError(f"vehicle {int(v[np.argmax(other)])} cannot change its class")
        s.vehicle["vclass"][v] = cls
        s.vehicle["watch"][v] = watch
        order = np.lexsort((v, t))
        when = np.maximum(t * 1000, s.clock[lay.K_NOW])
        traffic_change.depart(
            v[order], when[order], node[order], goal[order], self._net, s
        )

    def retarget(self, vehicles: ArrayLike, dest: ArrayLike) -> None:
        """Change where vehicles go; one that is moving turns at the next node it reaches.

        One that is stranded for want of a route goes on at the next `resume` if there is one now.
        """
        v = np.atleast_1d(np.asarray(vehicles, dtype=np.int64))
        goal = np.broadcast_to(np.asarray(dest, dtype=np.int64), v.shape)
        traffic_change.retarget(v, np.ascontiguousarray(goal), self.state)

    def abandon(self, vehicles: ArrayLike) -> None:
        """Leave vehicles where they are, drivers walking off.

        On a link the vehicle stays as an obstacle (one lane less, its own length of storage);
        in an origin queue or stranded at a node it is off the road.
        """
        s = self.state
        left = (lay.S_WAITING, lay.S_ON_LINK, lay.S_STRANDED, lay.S_STRANDED_ON_LINK)
        touched = []
        for v in self._each(vehicles, left, False, "cannot be abandoned"):
            state, place = s.vehicle["state"][v], s.vehicle["place"][v]
            if state == lay.S_ON_LINK:
                traffic_change.stop_on_link(v, lay.S_ABANDONED, lay.R_ABANDONED, self._net, s)
                touched.append(int(place))
                continue
            if state == lay.S_WAITING:
                traffic_change.leave_queue(v, self._net, s)
            s.vehicle["state"][v] = lay.S_ABANDONED
            s.vehicle["reason"][v] = lay.R_ABANDONED
        self._update_links(np.unique(np.array(touched, dtype=np.int64)))

    def _each(self, vehicles: ArrayLike, states: tuple[int, ...], on_link: bool, fault: str) -> I64:
        """Vehicles once each, all in one of `states`; ValueError before anything has happened."""
        v = np.unique(np.asarray(vehicles, dtype=np.int64))
        state = self.state_of(v)
        wrong = ~np.isin(state, states) | (on_link & (self.place_of(v) < 0))
        if wrong.any():
            at = int(np.argmax(wrong))
            raise ValueError(f"vehicle {v[at]} {fault}: it is {STATES[state[at]]}")
        return v

    def tow(self, vehicles: ArrayLike) -> None:
        """Clear obstacles off their links: the vehicles then stand at the link's end node."""
        s = self.state
        touched = []
        stopped = (lay.S_ABANDONED, lay.S_STRANDED_ON_LINK)
        for v in self._each(vehicles, stopped, True, "is no obstacle"):
            row = s.vehicle[v]
            a = int(row["place"])
            s.tally["obstacles"][a] -= 1
            s.tally["obstacle_units"][a] -= self._net.classes["units"][s.vehicle["vclass"][v]]
            row["state"], row["place"] = lay.S_STRANDED, -1 - int(self.to_node[a])
            row["reason"] = lay.R_TOWED
            touched.append(a)
        self._update_links(np.unique(np.array(touched, dtype=np.int64)))

    def resume(self, vehicles: ArrayLike | None = None) -> I64:
        """Let vehicles stranded at a node for want of a route go on where there is one now.

        Returns those that do. Their largest delay so far is kept by the caller if wanted.
        """
        s = self.state
        v = (
            np.flatnonzero(s.vehicle["state"] == lay.S_STRANDED) if vehicles is None
            else np.atleast_1d(np.asarray(vehicles, dtype=np.int64))
        )
        row = s.vehicle[v]
        ok = (row["state"] == lay.S_STRANDED) & (row["reason"] == lay.R_NO_ROUTE)
        ok[ok] = s.route[row["dest"][ok], -1 - row["place"][ok]] != lay.RANK_NONE
        v, row = v[ok], row[ok]
        if v.size:
            self.depart(v, self.now_ms, -1 - row["place"], row["dest"], row["vclass"])
        return np.asarray(v)

    # --- links -------------------------------------------------------------------------------

    def set_edge_state(
        self, speed_mps: ArrayLike, capacity_vps: ArrayLike, closed: ArrayLike,
        jam_density_vpm: ArrayLike | None = None, *, barred: ArrayLike | None = None,
        known: bool | Bool = True,
    ) -> None:
        """Give every link its state from now on, all [edges].

        A closed link takes nobody in; those on it drive to its end and go on from there. A `barred`
        link is left out by routes from now on, except by who has no other way: who is on it or
        starts at it drives out; a view may not know of it. At speed 0 they are stranded where they
        are ("link impassable") and stay as obstacles.
        Where `known` (all or [edges]) routes avoid a closure at once; else from the moment the
        first driver meets it (the end of that advance). Views learn of it by meeting it alone. An
        opening is known at once, and used by routes from the next `refresh_routes`, except where a
        closure had left no route.
        """
        s = self.state
        speed = np.asarray(speed_mps, dtype=np.float64)
        capacity = np.asarray(capacity_vps, dtype=np.float64)
        jam = s.edge_jam_vpm if jam_density_vpm is None else np.asarray(jam_density_vpm, np.float64)
        shut = np.asarray(closed, dtype=bool) | ~(speed > 0) | ~(capacity > 0)
        if (jam > self._max_jam_vpm * (1 + 1e-9)).any():
            raise ValueError("jam density may at most double")
        bars = np.zeros(self.n_edges, np.bool_) if barred is None else np.asarray(barred, np.bool_)
        new_bars = not np.array_equal(bars, s.edge_barred)
        changed = np.flatnonzero(
            (speed != s.edge_speed_mps) | (capacity != s.edge_capacity_vps)
            | (jam != s.edge_jam_vpm) | (shut != s.edge_closed) | (bars != s.edge_barred)
        )
        opened = np.flatnonzero(s.edge_known_closed & ~shut)
        newly = np.flatnonzero(shut & np.asarray(known, np.bool_) & ~s.edge_known_closed)
        if changed.size:
            drowned = changed[~(speed[changed] > 0) & (s.edge_speed_mps[changed] > 0)]
            s.edge_speed_mps[:], s.edge_capacity_vps[:] = speed, capacity
            s.edge_jam_vpm[:], s.edge_closed[:], s.edge_barred[:] = jam, shut, bars
            self._strand(drowned)
            self._update_links(changed)
        s.edge_known_closed[opened] = False
        if newly.size:
            s.edge_known_closed[newly] = True
            self._grow_through(newly, [0])
        if opened.size:
            cut = (s.route[:, self.from_node[opened]] == lay.RANK_NONE).any(axis=1)
            dests = np.flatnonzero(cut & s.dest_used)
            if dests.size:
                self.refresh_routes(dests=dests)
        if new_bars:
            told = [0, *(row + 1 for row, view in enumerate(self.views) if view.barred)]
            self.refresh_routes(dests=np.flatnonzero(s.dest_used & np.isin(s.dest_view, told)))

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
            s.edge_jam_vpm[edges], self.lanes[edges], s.tally["obstacles"][edges],
            self.squeeze_share,
        )
        # A link at a standstill keeps its old travel time: nobody is on it to use it.
        travel = np.where(s.edge_speed_mps[edges] > 0, travel, s.link["travel"][edges])
        traffic_change.set_links(
            edges, headway, travel, store, self._wave_us[edges],
            np.where(s.edge_closed[edges], lay.SHUT,
                     np.where(s.edge_barred[edges], lay.BARRED, lay.OPEN)), s,
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
        table = in_order(rows)
        met, turned = met_rows(table, self.state.edge_closed)
        detour_ms = self._learn(met, turned)
        blocked = np.unique(met[self.state.edge_closed[met[:, 3]], 3])
        return sort_out(table, blocked, met, detour_ms)

    def snapshot(self) -> TrafficState:
        """Return a copy of every mutable array."""
        return self.state.copy()

    def restore(self, snapshot: TrafficState) -> None:
        """Go back to a snapshot; the run then continues bit for bit as it did."""
        self.state = snapshot.copy()

    # --- reading -----------------------------------------------------------------------------

    def _of_vehicles(self, vehicles: ArrayLike, field: str) -> NDArray[Any]:
        return np.asarray(self.state.vehicle[field][np.atleast_1d(np.asarray(vehicles))])

    def state_of(self, vehicles: ArrayLike) -> I64:
        """Return state numbers [n] (see `STATES`)."""
        return self._of_vehicles(vehicles, "state").astype(np.int64)

    def place_of(self, vehicles: ArrayLike) -> I64:
        """Return places [n]: an edge, or -1 - node."""
        return self._of_vehicles(vehicles, "place").astype(np.int64)

    def reason_of(self, vehicles: ArrayLike) -> NDArray[np.uint8]:
        """Return reason numbers [n] (see `REASONS`)."""
        return self._of_vehicles(vehicles, "reason")

    def largest_delay(self, vehicles: ArrayLike) -> tuple[I64, F64]:
        """Return where each trip lost most time (edge, or -1 - node of origin) and how much, s."""
        row = self.state.vehicle[np.atleast_1d(np.asarray(vehicles))]
        return row["worst_place"].astype(np.int64), row["worst_us"] / 1e6

    def positions(self, vehicles: ArrayLike) -> tuple[I64, F64]:
        """Return (edge, fraction of its length covered) [n]; edge -1 where not on a link."""
        v = np.atleast_1d(np.asarray(vehicles, dtype=np.int64))
        edge, fraction = np.empty(v.size, dtype=np.int64), np.empty(v.size)
        traffic_change.positions(edge, fraction, v, self.state)
        return edge, fraction

    def edge_count(self) -> F64:
        """Return passenger cars moving or queueing on each edge (obstacles not counted)."""
        link = self.state.link
        return np.asarray((link["cum_in"] - link["cum_out"]) / lay.CAR_UNITS)

    def edge_entered(self) -> I64:
        """Return how many vehicles have entered each edge since the start."""
        return self.state.link["nin"].astype(np.int64)

    def edge_obstacles(self) -> I64:
        """Return how many stopped vehicles stand on each edge."""
        return self.state.tally["obstacles"].astype(np.int64)

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
