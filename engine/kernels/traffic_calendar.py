"""The calendar of the traffic kernel: nodes due for a visit, in buckets of equal spans of time.

Each bucket is a list of nodes, linked both ways through their records. What a node's visit reads lies
far apart in memory, so the nodes at the front of the list are asked for ahead of their visits.
"""

from __future__ import annotations

from engine.kernels._jit import jit, prefetch
from engine.kernels.traffic_layout import K_BUCKET, K_BUCKET_US, K_QUEUED, WHEEL

#: Links (4 MiB of records) from which on it pays to fetch ahead; on less it cost up to a tenth.
FETCHED = 1 << 14


@jit(inline="always")
def unschedule(n, node, head, tail, clock):  # type: ignore[no-untyped-def]
    """Take node `n` out of the calendar if it is in it."""
    it = node[n]
    b = it.bucket
    if b < 0:
        return
    p, q = it.before, it.after
    if p >= 0:
        node[p].after = q
    else:
        head[b] = q
    if q >= 0:
        node[q].before = p
    else:
        tail[b] = p
    it.bucket = -1
    clock[K_QUEUED] -= 1


@jit(inline="always")
def schedule(n, due, node, head, tail, clock):  # type: ignore[no-untyped-def]
    """Make sure node `n` is visited at `due` (microseconds) or earlier."""
    it = node[n]
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
        node[last].after = n
    else:
        head[b] = n
    tail[b] = n
    clock[K_QUEUED] += 1


@jit(inline="always")
def fetch_ahead(n, net, state):  # type: ignore[no-untyped-def]
    """Ask memory for what the visits after that of node `n` will read; no other effect.

    The nodes of a bucket are known ahead, and each step to their vehicles leads over what the step
    before has brought: node, its queues and the link that moves next, its first vehicle.
    """
    node, link = state.node, state.link
    m = node[n].after
    if m < 0:
        return
    a = node[m].hint
    if a >= 0:
        it = link[a]
        prefetch(state.vehicle, state.ring[it.ring + (it.nout & it.mask)].who & 0xFFFFFFFF, 0)
        j = state.queue[it.queue].wants
        if j >= 0:
            prefetch(link, j, 0)
            prefetch(link, j, 64)
    else:
        v = node[m].head
        if v >= 0:
            v = state.vehicle[v].after
            if v >= 0:
                prefetch(state.vehicle, v, 0)
    m = node[m].after
    if m < 0:
        return
    a = node[m].hint
    if a >= 0:
        prefetch(state.ring, link[a].ring + (link[a].nout & link[a].mask), 0)
    m = node[m].after
    if m < 0:
        return
    prefetch(state.queue, node[m].queue, 0)
    prefetch(state.queue, node[m].queue, 64)
    a = node[m].hint
    if a >= 0:
        prefetch(link, a, 0)
        prefetch(link, a, 64)
        prefetch(state.tally, a, 0)
    m = node[m].after
    if m >= 0:
        prefetch(node, m, 0)
