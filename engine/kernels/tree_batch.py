"""Many reverse shortest-path trees at once: thirty-two destinations side by side.

Every node holds its cost to thirty-two destinations in one row, and taking an edge lowers all of them in
a few instructions. Nodes are passed in fixed orders, forwards and backwards in turn (Gauss-Seidel
sweeps of Bellman's equations: Bellman 1958, "On a routing problem"; alternating orders as in fast
sweeping, Zhao 2005), and only those are looked at one of whose next nodes has changed. When nothing
changes any more the costs are exact, whatever the orders; these decide the number of sweeps alone.
The orders, found once for a network, are those of the costs to two far corners, so that most ways
run along one of them. Nodes are numbered by the first, so that rows read together lie together.

Costs are whole milliseconds below 2^30 (12 days); where that might not do, or after `_SWEEPS` sweeps,
the trees are grown one by one by `engine.kernels.paths`, with the same result: among equal ways the
edge with the lowest number.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import ArrayLike, NDArray

from engine.kernels import paths
from engine.kernels._jit import jit
from engine.kernels.paths import CLOSED, UNREACHED, Csr
from engine.kernels.traffic_layout import RANK_ARRIVED, RANK_NONE, aligned, uncounted

I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]

LANES = 32  #: trees grown together
LEAST = 6  #: fewer trees than this are grown faster one by one
_FAR = 1 << 30  # cost where there is no way; one more edge still fits 32 bits
_SHUT = _FAR - 1  # price of a closed edge, and with it the cost of a node beside a source behind one
_SWEEPS = 1000
_LOOKS = 14  # looks at a node, on average, beyond which trees are grown faster one by one
_TILE = 128  # nodes whose rows stay in the first-level cache while they are written out


class Batch(NamedTuple):
    """A network laid out for `grow_batch`; `place` numbers are those of the first order."""

    csr: Csr  # edges by head, nodes as given
    node: I32  # [n] node of each place
    place: I32  # [n] place of each node
    ptr: I32  # [n + 1] edges that leave each place
    edge: I32  # [edges] edge number
    rank: I32  # [edges] rank among the edges that leave the place
    far: I32  # [edges] place at the other end
    back_ptr: I32  # [n + 1]
    back: I32  # [edges] places from which an edge leads to each place
    second: I32  # [n] places in the second order


class Room(NamedTuple):
    """Scratch, reusable."""

    cost: I32  # [n, LANES]
    next: I32  # [n, LANES]
    price: I32  # [edges]
    due: U8  # [n]
    head: I32
    work: I32


def _row(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    """Address of the row `at` of `LANES` numbers."""
    data = context.make_array(kind)(context, builder, array).data
    first = builder.mul(at, at.type(LANES))
    return builder.bitcast(builder.gep(data, [first]), ir.VectorType(ir.IntType(32), LANES).as_pointer())


def _entry(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.load(builder.gep(data, [at]))


def _all(builder: Any, value: Any) -> Any:
    """`LANES` times the same number."""
    vector = ir.VectorType(value.type, LANES)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)


@intrinsic  # type: ignore[untyped-decorator]
def _lower(_: Any, cost: Any, at: Any, far: Any, price: Any, first: Any, last: Any) -> Any:
    """Lower row `at` by the edges `first` to `last` (not included); return 1 if it changed."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        cost_, at_, far_, price_, first_, last_ = values
        place = _row(context, builder, cost, cost_, at_)
        before = builder.load(place, align=4)
        now = cgutils.alloca_once_value(builder, before)
        with cgutils.for_range_slice(builder, first_, last_, first_.type(1)) as (i, _count):
            onward = builder.sext(_entry(context, builder, far, far_, i), ir.IntType(64))
            row = builder.load(_row(context, builder, cost, cost_, onward), align=4)
            way = builder.add(row, _all(builder, _entry(context, builder, price, price_, i)))
            best = builder.load(now)
            builder.store(builder.select(builder.icmp_signed("<", way, best), way, best), now)
        after = builder.load(now)
        builder.store(after, place, align=4)
        changed = builder.bitcast(builder.icmp_signed("!=", after, before), ir.IntType(LANES))
        return builder.zext(builder.icmp_unsigned("!=", changed, changed.type(0)), ir.IntType(64))

    return types.int64(cost, types.int64, far, price, types.int64, types.int64), build


@intrinsic  # type: ignore[untyped-decorator]
def _choose(
    _: Any, next_: Any, cost: Any, at: Any, far: Any, price: Any, name: Any, first: Any, last: Any
) -> Any:
    """Write to row `at` of `next_` the `name` of the first edge on a shortest way; -1 = none."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        out, cost_, at_, far_, price_, name_, first_, last_ = values
        here = builder.load(_row(context, builder, cost, cost_, at_), align=4)
        word = ir.IntType(32)
        there = builder.icmp_signed("<", here, _all(builder, word(_SHUT)))
        now = cgutils.alloca_once_value(builder, _all(builder, word(-1)))
        with cgutils.for_range_slice(builder, first_, last_, first_.type(1)) as (count, _count):
            back = builder.sub(builder.add(first_, last_), builder.add(count, count.type(1)))
            onward = builder.sext(_entry(context, builder, far, far_, back), ir.IntType(64))
            row = builder.load(_row(context, builder, cost, cost_, onward), align=4)
            way = builder.add(row, _all(builder, _entry(context, builder, price, price_, back)))
            hit = builder.and_(there, builder.icmp_signed("==", way, here))
            number = _all(builder, _entry(context, builder, name, name_, back))
            builder.store(builder.select(hit, number, builder.load(now)), now)
        builder.store(builder.load(now), _row(context, builder, next_, out, at_), align=4)
        return context.get_dummy_value()

    whole = types.int64
    return types.void(next_, cost, whole, far, price, name, whole, whole), build


@uncounted
@jit()
def _set_prices(price, edge, cost):  # type: ignore[no-untyped-def]
    """Write costs in the order of `Batch.edge`; return the largest of an open edge."""
    largest = np.int64(0)
    for i in range(edge.size):
        c = cost[edge[i]]
        if c < 1 or c >= CLOSED:
            price[i] = _SHUT
        else:
            price[i] = min(c, _SHUT)
            largest = max(largest, c)
    return largest


@uncounted
@jit()
def _sweep(batch, room, name, first, sources, source_cost, most):  # type: ignore[no-untyped-def]
    """Fill the rows of `room` for the trees `first` [k + 1]; return False if it does not pay or do.

    `name` [edges, in the order of `Batch.edge`] is what `room.next` says of the edge to take.
    """
    cost, price, due = room.cost, room.price, room.due
    size = batch.node.size
    for i in range(size):
        due[i] = 0
        for k in range(LANES):
            cost[i, k] = _FAR
    waiting = 0
    looks = _LOOKS * size
    for k in range(first.size - 1):
        for s in range(first[k], first[k + 1]):
            i = batch.place[sources[s]]
            if source_cost[s] >= _FAR:
                return False
            cost[i, k] = min(cost[i, k], source_cost[s])
            for e in range(batch.back_ptr[i], batch.back_ptr[i + 1]):
                waiting += 1 - due[batch.back[e]]
                due[batch.back[e]] = 1
    turn = 0
    while waiting > 0:
        if looks < 0 or turn >= _SWEEPS:
            return False
        for step in range(size):
            at = size - 1 - step if turn & 1 else step
            i = np.int64(batch.second[at] if turn & 2 else at)  # type: ignore[assignment]
            if due[i] == 0:
                continue
            due[i] = 0
            waiting -= 1
            looks -= 1
            if _lower(cost, i, batch.far, price, np.int64(batch.ptr[i]), np.int64(batch.ptr[i + 1])):
                for e in range(batch.back_ptr[i], batch.back_ptr[i + 1]):
                    waiting += 1 - due[batch.back[e]]
                    due[batch.back[e]] = 1
        turn += 1
    farthest = np.int64(0)
    for i in range(size):
        for k in range(LANES):
            if cost[i, k] < _SHUT:
                farthest = max(farthest, np.int64(cost[i, k]))
    if farthest + most >= _FAR:
        return False  # what looks unreached might be farther than the numbers go
    for i in range(size):
        _choose(room.next, cost, np.int64(i), batch.far, price, name, np.int64(batch.ptr[i]),
                np.int64(batch.ptr[i + 1]))
    for k in range(first.size - 1):
        for s in range(first[k], first[k + 1]):
            i = batch.place[sources[s]]
            if cost[i, k] == source_cost[s]:
                room.next[i, k] = -1
    return True


@uncounted
@jit()
def _write_trees(dist, via, trees, batch, room):  # type: ignore[no-untyped-def]
    for begin in range(0, batch.node.size, _TILE):
        end = min(begin + _TILE, batch.node.size)
        for k in range(trees.size):
            row, edge = dist[trees[k]], via[trees[k]]
            for n in range(begin, end):
                i = batch.place[n]
                c = np.int64(room.cost[i, k])
                row[n] = c if c < _SHUT else UNREACHED
                edge[n] = room.next[i, k]


@uncounted
@jit()
def _write_ranks(route, dests, batch, room):  # type: ignore[no-untyped-def]
    for begin in range(0, batch.node.size, _TILE):
        end = min(begin + _TILE, batch.node.size)
        for k in range(dests.size):
            for n in range(begin, end):
                i = batch.place[n]
                r = room.next[i, k]
                if r < 0:
                    r = RANK_ARRIVED if room.cost[i, k] < _SHUT else RANK_NONE
                route[dests[k], n] = r


def lay_out(n_nodes: int, from_node: ArrayLike, to_node: ArrayLike, cost: I64) -> Batch:
    """Lay a network out once; `cost` [edges] ms (free travel times) decides the orders."""
    tail, head = (np.asarray(x, dtype=np.int32) for x in (from_node, to_node))
    csr = paths.group_edges(n_nodes, head, tail)

    def away(corner: int) -> I64:
        dist, _ = paths.shortest_tree(csr, cost, [corner])
        return np.where(dist < UNREACHED, dist, -1)

    corner = int(np.argmax(away(0))) if n_nodes else 0
    if n_nodes:
        one = away(corner)
        other = away(int(np.argmax(np.minimum(one, away(int(np.argmax(one)))))))
    else:
        one = other = np.zeros(0, dtype=np.int64)
    node = np.argsort(one, kind="stable").astype(np.int32)
    place = np.empty(n_nodes, dtype=np.int32)
    place[node] = np.arange(n_nodes, dtype=np.int32)
    out = paths.group_edges(n_nodes, place[tail], place[head])
    back = paths.group_edges(n_nodes, place[head], place[tail])
    second = place[np.argsort(other, kind="stable")]
    rank = np.arange(tail.size) - np.repeat(out.ptr[:-1], np.diff(out.ptr))
    return Batch(csr, node, place, out.ptr, out.edge, rank.astype(np.int32), out.far, back.ptr,
                 back.far, second)


def room(batch: Batch) -> Room:
    """Return scratch for a network."""
    size, edges = batch.node.size, batch.edge.size
    head, work = paths.scratch(size)
    return Room(
        aligned(np.zeros((size, LANES), dtype=np.int32)),
        aligned(np.zeros((size, LANES), dtype=np.int32)),
        np.empty(edges, dtype=np.int32), np.empty(size, dtype=np.uint8), head, work,
    )


def _parts(batch: Batch, first: I64, sources: I32, source_cost: I64) -> Iterator[
    tuple[I64, I64, I32, I64]
]:
    """Divide trees into `LANES` at a time, neighbours together: (trees, first, sources, cost)."""
    trees = first.size - 1
    begins = batch.place[sources[np.minimum(first[:-1], sources.size - 1)]]
    order = np.argsort(begins, kind="stable")
    for a in range(0, trees, LANES):
        which = order[a : a + LANES]
        count = first[which + 1] - first[which]
        at = np.concatenate([[0], np.cumsum(count)])
        rows = np.repeat(first[which] - at[:-1], count) + np.arange(at[-1])
        yield which, at, sources[rows], source_cost[rows]


def grow_batch(
    dist: I64, via: I32, batch: Batch, cost: I64, first: I64, sources: I32, source_cost: I64,
    scratch: Room,
) -> None:
    """Fill many trees, `dist` and `via` [trees, n]: arguments and result as for `paths.grow_trees`."""
    most = _set_prices(scratch.price, batch.edge, cost)
    pays = True
    for which, at, nodes, price in _parts(batch, first, sources, source_cost):
        pays = pays and _sweep(batch, scratch, batch.edge, at, nodes, price, most)
        if pays:
            _write_trees(dist, via, which, batch, scratch)
            continue
        for k, tree in enumerate(which):
            mine = slice(at[k], at[k + 1])
            paths.grow_tree(
                dist[tree], via[tree], batch.csr.ptr, batch.csr.edge, batch.csr.far, cost,
                nodes[mine], price[mine], scratch.head, scratch.work, int(UNREACHED) - 1)


def grow_ranks(
    route: U8, dests: I64, batch: Batch, cost: I64, first: I64, sources: I32, source_cost: I64,
    scratch: Room,
) -> I64:
    """Write rows `dests` of a route table [rows, n]: the rank of the next edge at each node.

    Returns those of `dests` that are better grown one by one. The rest as for `grow_batch`; ranks
    count the edges that leave a node in the order of their numbers.
    """
    most = _set_prices(scratch.price, batch.edge, cost)
    left: list[I64] = []
    for which, at, nodes, price in _parts(batch, first, sources, source_cost):
        if not left and _sweep(batch, scratch, batch.rank, at, nodes, price, most):
            _write_ranks(route, dests[which], batch, scratch)
        else:
            left.append(dests[which])
    return np.concatenate([dests[:0], *left])
