"""Exact shortest-path trees by bucket queue on directed graphs in CSR form.

Dial's buckets (Dial 1969, "Algorithm 360") made coarse: a bucket spans about half a mean edge
and nodes inside one may be scanned again when a shorter way to them appears, so distances
stay exact for any width. Costs are integer milliseconds, at least 1 where open; `CLOSED` or
more (or a cost below 1) marks an edge nobody can use. Among equal shortest ways the edge
with the lowest number is kept, so the tree does not depend on the order of scanning.

The same kernel serves reverse trees (from every node to the nearest source; scan edges by
their head) and forward trees (from the sources outwards; scan edges by their tail), drive
edges and walking arcs alike.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.kernels._jit import jit
from engine.kernels.traffic_layout import uncounted

CLOSED = np.int64(1) << 40  #: cost of an edge that cannot be used, ms
UNREACHED = np.int64(1) << 60  #: distance of a node without a way, ms
_N_BUCKETS = 1024  # a power of two: 8 KiB of heads stay in the first-level cache

I64 = NDArray[np.int64]
I32 = NDArray[np.int32]


class Csr(NamedTuple):
    """Edges grouped by one end: `edge[ptr[n]:ptr[n + 1]]` touch node n, `far` is the other end."""

    ptr: I32  # [n_nodes + 1]
    edge: I32  # [n_edges] edge number
    far: I32  # [n_edges] node at the other end


def group_edges(n_nodes: int, at: ArrayLike, far: ArrayLike) -> Csr:
    """Group edges by node: `at` [n_edges] is the node to group by, `far` [n_edges] the other."""
    near = np.asarray(at, dtype=np.int64)
    other = np.asarray(far, dtype=np.int32)
    order = np.argsort(near, kind="stable").astype(np.int32)
    ptr = np.zeros(n_nodes + 1, dtype=np.int32)
    np.cumsum(np.bincount(near, minlength=n_nodes), out=ptr[1:])
    return Csr(ptr, order, np.ascontiguousarray(other[order]))


@jit(inline="always")
def _link(n, b, head, after, before, inside):  # type: ignore[no-untyped-def]
    first = head[b]
    after[n], before[n], inside[n] = first, -1, b
    if first >= 0:
        before[first] = n
    head[b] = n


@jit(inline="always")
def _unlink(n, b, head, after, before):  # type: ignore[no-untyped-def]
    p, q = before[n], after[n]
    if p >= 0:
        after[p] = q
    else:
        head[b] = q
    if q >= 0:
        before[q] = p


@uncounted
@jit()
def _lay_out(price, edge, cost, buckets):  # type: ignore[no-untyped-def]
    """Write costs in the order in which trees read them; return log2 of the bucket width.

    A bucket spans half a mean edge, more where the longest edge needs it: wider ones scan nodes
    twice, narrower ones are often empty; no distance depends on it.
    """
    largest, total, count = np.int64(1), np.int64(0), np.int64(1)
    for i in range(edge.size):
        c = cost[edge[i]]
        if c < 1 or c >= CLOSED:
            price[i] = 2 * UNREACHED  # never shorter than any way
            continue
        price[i] = c
        largest = max(largest, c)
        total += c
        count += 1
    bits = 0
    while (2 << bits) <= total // (2 * count) or largest >> bits > buckets - 2:
        bits += 1
    return bits


@uncounted
@jit()
def _grow(dist, via, ptr, edge, far, price, sources, source_cost, head, work, limit, bits):  # type: ignore[no-untyped-def]
    """Fill one tree from costs that `_lay_out` wrote; the rest as for `grow_tree`."""
    after, before, inside = work[0], work[1], work[2]
    mask = np.int64(head.size - 1)
    for b in range(head.size):
        head[b] = -1
    for n in range(dist.size):
        dist[n] = UNREACHED
        via[n] = -1
        inside[n] = -1
    waiting = 0
    next_source = 0
    bucket = np.int64(0)
    while True:
        if waiting == 0:
            if next_source >= sources.size:
                break
            bucket = max(bucket, source_cost[next_source] >> bits)
        while next_source < sources.size and source_cost[next_source] >> bits <= bucket:
            n, d = sources[next_source], source_cost[next_source]
            next_source += 1
            # A source reached more cheaply from another one is only a node on the way.
            if d > dist[n] or d > limit:
                continue
            if d < dist[n]:
                if inside[n] >= 0:
                    _unlink(n, inside[n], head, after, before)
                    waiting -= 1
                _link(n, (d >> bits) & mask, head, after, before, inside)
                waiting += 1
            dist[n] = d
            via[n] = -1
        b0 = bucket & mask
        n = head[b0]
        while n >= 0:
            following = after[n]
            head[b0] = following
            if following >= 0:
                before[following] = -1
            inside[n] = -1
            waiting -= 1
            base = dist[n]
            for i in range(ptr[n], ptr[n + 1]):
                m = far[i]
                d = base + price[i]
                if d >= dist[m]:
                    if d == dist[m] and via[m] > edge[i]:
                        via[m] = edge[i]
                    continue
                if d > limit:
                    continue
                dist[m] = d
                via[m] = edge[i]
                b = (d >> bits) & mask
                old = inside[m]
                if old == b:
                    continue
                if old >= 0:
                    _unlink(m, old, head, after, before)
                    waiting -= 1
                _link(m, b, head, after, before, inside)
                waiting += 1
            n = head[b0]
        bucket += 1


def grow_tree(
    dist: I64, via: I32, ptr: I32, edge: I32, far: I32, cost: I64, sources: I32, source_cost: I64,
    head: I32, work: I32, limit: int | np.int64,
) -> None:
    """Fill one tree: `dist` [n] ms and `via` [n] edge towards the nearest source, -1 = none.

    `ptr`, `edge`, `far`: CSR; `cost` [n_edges] int64 ms; `sources` [k] nodes and `source_cost`
    [k] int64 ms sorted by cost; `head` [buckets] and `work` [3, n] int32 are scratch; nodes
    farther than `limit` ms stay unreached.
    """
    price = np.empty(edge.size, dtype=np.int64)
    bits = _lay_out(price, edge, cost, head.size)
    _grow(dist, via, ptr, edge, far, price, sources, source_cost, head, work, np.int64(limit), bits)


@uncounted
@jit()
def _grow_many(dist, via, ptr, edge, far, price, first, sources, source_cost, head, work, limit, bits):  # type: ignore[no-untyped-def]
    for k in range(first.size - 1):
        a, b = first[k], first[k + 1]
        _grow(dist[k], via[k], ptr, edge, far, price, sources[a:b], source_cost[a:b], head, work,
              limit, bits)


def grow_trees(
    dist: I64, via: I32, csr: Csr, cost: I64, first: I64, sources: I32, source_cost: I64,
    head: I32, work: I32, limit: int = int(UNREACHED) - 1,
) -> None:
    """Fill many trees: sources of tree k are `sources[first[k]:first[k + 1]]`, sorted by cost.

    `dist` and `via` are [trees, n]; the rest as for `grow_tree`.
    """
    price = np.empty(csr.edge.size, dtype=np.int64)
    bits = _lay_out(price, csr.edge, cost, head.size)
    _grow_many(dist, via, csr.ptr, csr.edge, csr.far, price, first, sources, source_cost, head,
               work, np.int64(limit), bits)


def scratch(n_nodes: int) -> tuple[I32, I32]:
    """Return the bucket heads and per-node scratch that `grow_tree` needs; reusable."""
    return np.empty(_N_BUCKETS, dtype=np.int32), np.empty((3, n_nodes), dtype=np.int32)


def shortest_tree(
    csr: Csr,
    cost_ms: ArrayLike,
    sources: ArrayLike,
    source_cost_ms: ArrayLike = 0,
    *,
    limit_ms: int = int(UNREACHED) - 1,
) -> tuple[I64, I32]:
    """Return (dist, via) of one tree.

    Group the edges by head (`group_edges(n, to_node, from_node)`) for a reverse tree: `dist`
    [n] is the cost from each node to its nearest source and `via` [n] the edge to take there.
    Group them by tail for a forward tree: `via` is then the edge by which the node is reached.

    - cost_ms: [n_edges] int, ms; `CLOSED` or more, or less than 1, = cannot be used.
    - sources, source_cost_ms: [k] nodes and what entering each costs, ms.
    - Returns int64 ms (`UNREACHED` = no way) and int32 edge (-1 at sources and without a way).
    """
    n_nodes = csr.ptr.size - 1
    nodes = np.atleast_1d(np.asarray(sources, dtype=np.int32))
    price = np.ascontiguousarray(
        np.broadcast_to(np.asarray(source_cost_ms, dtype=np.int64), nodes.shape)
    )
    order = np.argsort(price, kind="stable")
    dist = np.empty(n_nodes, dtype=np.int64)
    via = np.empty(n_nodes, dtype=np.int32)
    head, work = scratch(n_nodes)
    cost = np.ascontiguousarray(cost_ms, dtype=np.int64)
    grow_tree(dist, via, csr.ptr, csr.edge, csr.far, cost, nodes[order], price[order], head, work,
              np.int64(limit_ms))
    return dist, via


def reverse_tree(
    n_nodes: int, from_node: ArrayLike, to_node: ArrayLike, cost_ms: ArrayLike, targets: ArrayLike,
    target_cost_ms: ArrayLike = 0,
) -> tuple[I64, I32]:
    """Return each node's cost to the nearest target and its next edge (one-off convenience).

    Arguments and results as for `shortest_tree`; keep a `Csr` where many trees are grown.
    """
    csr = group_edges(n_nodes, to_node, from_node)
    return shortest_tree(csr, cost_ms, targets, target_cost_ms)


def forward_tree(
    n_nodes: int, from_node: ArrayLike, to_node: ArrayLike, cost_ms: ArrayLike, sources: ArrayLike,
    source_cost_ms: ArrayLike = 0,
) -> tuple[I64, I32]:
    """Return each node's cost from the nearest source and the edge by which it is reached."""
    csr = group_edges(n_nodes, from_node, to_node)
    return shortest_tree(csr, cost_ms, sources, source_cost_ms)


def speed_cost_ms(
    length_m: ArrayLike, speed_mps: ArrayLike, closed: ArrayLike | None = None
) -> I64:
    """Return edge costs in whole ms (at least 1), `CLOSED` where closed or speed is not positive.

    - length_m, speed_mps: [n_edges]; closed: [n_edges] bool or None.
    """
    length = np.asarray(length_m, dtype=np.float64)
    speed = np.broadcast_to(np.asarray(speed_mps, dtype=np.float64), length.shape)
    shut = ~(speed > 0)
    if closed is not None:
        shut = shut | np.asarray(closed, dtype=bool)
    ms = np.rint(1000.0 * length / np.where(shut, 1.0, speed)).astype(np.int64)
    return np.where(shut, CLOSED, np.clip(ms, 1, CLOSED - 1)).astype(np.int64)
