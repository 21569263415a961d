"""The calendar of the traffic kernel: nodes due for a visit, in buckets of equal spans of time.

Each bucket is a list of nodes, linked both ways through their records. What a node's visit reads lies
far apart in memory, so the nodes at the front of the list are asked for ahead of their visits.
"""

from __future__ import annotations

import numpy as np

from engine.kernels._jit import at, jit, prefetch
from engine.kernels.traffic_layout import (
    CAR_UNITS,
    EDGE,
    K_BUCKET,
    K_BUCKET_US,
    K_QUEUED,
    NEXT_UNKNOWN,
    WHEEL,
)
from engine.kernels.traffic_queue import dest_in, next_edge, vehicle_in


@jit(inline="always")
def unschedule(n, node, head, tail, clock):  # type: ignore[no-untyped-def]
    """Take node `n` out of the calendar if it is in it."""
    it = at(node, n)
    b = it.bucket
    if b < 0:
        return
    p, q = it.before, it.after
    if p >= 0:
        at(node, p).after = q
    else:
        head[b] = q
    if q >= 0:
        at(node, q).before = p
    else:
        tail[b] = p
    it.bucket = -1
    clock[K_QUEUED] -= 1


@jit(inline="always")
def schedule(n, due, node, head, tail, clock):  # type: ignore[no-untyped-def]
    """Make sure node `n` is visited at `due` (microseconds) or earlier."""
    it = at(node, n)
    if it.bucket >= 0:
        if it.due <= due:
            return
        unschedule(n, node, head, tail, clock)
    b = due // clock[K_BUCKET_US]
    if b < clock[K_BUCKET]:
        b = clock[K_BUCKET]
    # A node due beyond the wheel waits in its last bucket and is put back from there.
    if b > clock[K_BUCKET] + WHEEL - 1:
        b = clock[K_BUCKET] + WHEEL - 1
    b &= WHEEL - 1
    last = tail[b]
    it.due = due
    it.bucket = b
    it.before = last
    it.after = -1
    if last >= 0:
        at(node, last).after = n
    else:
        head[b] = n
    tail[b] = n
    clock[K_QUEUED] += 1


@jit(inline="always")
def wanted(m, net, state):  # type: ignore[no-untyped-def]
    """Return the link that the head wants who is expected to move next at node `m`, or NEXT_..."""
    a = at(state.node, m).hint
    if a >= 0:
        j = np.int64(at(state.queue, at(state.link, a).queue).wants)
        return j & EDGE if j >= 0 else j
    v = at(state.node, m).head
    if v < 0:
        return NEXT_UNKNOWN
    return np.int64(next_edge(
        np.int64(at(state.vehicle, v).dest), m, state.route, net.out_ptr, net.out_edge))


@jit(inline="always")
def fetch_ahead(n, net, state):  # type: ignore[no-untyped-def]
    """Ask memory for what the visits after that of node `n` will read; no other effect.

    The nodes of a bucket are known ahead, and each step to their vehicles leads over what the step
    before has brought: node; its queues and the link that moves next; its first vehicle's place
    and the link that it wants; vehicle, place and node there.
    """
    node, link, ring = state.node, state.link, state.ring
    m = np.int64(at(node, n).after)
    if m < 0:
        return
    m = np.int64(at(node, m).after)
    if m < 0:
        return
    a = at(node, m).hint
    if a >= 0:
        it = at(link, a)
        prefetch(state.vehicle, vehicle_in(at(ring, it.ring + (it.nout & it.mask)).who), 0)
        follows = at(ring, it.ring + ((it.nout + 1) & it.mask)).who
        prefetch(state.route, dest_in(follows) * state.route.shape[1] + m, 0)
    else:
        v = at(node, m).head
        if v >= 0:
            prefetch(state.vehicle, at(state.vehicle, v).after, 0)
    j = wanted(m, net, state)
    if j >= 0:
        to = at(link, j)
        prefetch(ring, to.ring + (to.nin & to.mask), 0)
        if to.wcum < to.cum_in + CAR_UNITS - to.store:  # it will have to follow its leavers
            prefetch(ring, to.ring + (to.wptr & to.mask), 0)
        if to.nin == to.nout:
            prefetch(node, to.to_node, 0)
            prefetch(state.due, to.queue, 0)
    m = np.int64(at(node, m).after)
    if m < 0:
        return
    a = at(node, m).hint
    if a >= 0:
        it = at(link, a)
        prefetch(ring, it.ring + (it.nout & it.mask), 0)
        prefetch(ring, it.ring + ((it.nout + 1) & it.mask), 0)
        prefetch(net.out_edge, at(net.out_ptr, m), 0)
        if it.waiting != 0:
            prefetch(node, it.from_node, 0)
    j = wanted(m, net, state)
    if j >= 0:
        prefetch(link, j, 0)
        prefetch(link, j, 64)
    m = np.int64(at(node, m).after)
    if m < 0:
        return
    prefetch(state.queue, at(node, m).queue, 0)
    prefetch(state.due, at(node, m).queue, 0)
    a = at(node, m).hint
    if a >= 0:
        prefetch(link, a, 0)
        prefetch(link, a, 64)
        prefetch(state.tally, a, 0)
    elif at(node, m).head >= 0:
        prefetch(state.vehicle, at(node, m).head, 0)
    m = at(node, m).after
    if m >= 0:
        prefetch(node, m, 0)
