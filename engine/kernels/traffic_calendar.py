"""The calendar of the traffic kernel: nodes due for a visit, in buckets of equal spans of time.

Each bucket is a list of nodes, linked both ways through their records. What a node's visit reads lies
far apart in memory, so the nodes at the front of the list are asked for ahead of their visits.
"""

from __future__ import annotations

import numpy as np

from engine.kernels._jit import jit, prefetch
from engine.kernels.traffic_layout import (
    K_BUCKET,
    K_BUCKET_US,
    K_QUEUED,
    L_COLUMNS,
    L_MASK,
    L_NOUT,
    L_QUEUE,
    L_RING,
    N_AFTER,
    N_BEFORE,
    N_BUCKET,
    N_COLUMNS,
    N_DUE,
    N_HEAD,
    N_HINT,
    R_COLUMNS,
    R_WHO,
    V_COLUMNS,
    WHEEL,
)

#: Links (4 MiB of records) from which on it pays to fetch ahead; on less it cost up to a tenth.
FETCHED = 1 << 14


@jit(inline="always")
def unschedule(n, node, head, tail, clock):  # type: ignore[no-untyped-def]
    """Take node `n` out of the calendar if it is in it."""
    b = node[n, N_BUCKET]
    if b < 0:
        return
    p, q = node[n, N_BEFORE], node[n, N_AFTER]
    if p >= 0:
        node[p, N_AFTER] = q
    else:
        head[b] = q
    if q >= 0:
        node[q, N_BEFORE] = p
    else:
        tail[b] = p
    node[n, N_BUCKET] = -1
    clock[K_QUEUED] -= 1


@jit(inline="always")
def schedule(n, due, node, head, tail, clock):  # type: ignore[no-untyped-def]
    """Make sure node `n` is visited at `due` (microseconds) or earlier."""
    if node[n, N_BUCKET] >= 0:
        if node[n, N_DUE] <= due:
            return
        unschedule(n, node, head, tail, clock)
    b = due // clock[K_BUCKET_US]
    if b < clock[K_BUCKET]:
        b = clock[K_BUCKET]
    # A node due beyond the wheel waits in its last bucket and is put back from there.
    if b > clock[K_BUCKET] + WHEEL - 1:
        b = clock[K_BUCKET] + WHEEL - 1
    b &= WHEEL - 1
    node[n, N_DUE] = due
    node[n, N_BUCKET] = b
    node[n, N_BEFORE] = tail[b]
    node[n, N_AFTER] = -1
    if tail[b] >= 0:
        node[tail[b], N_AFTER] = n
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
    m = node[n, N_AFTER]
    if m < 0:
        return
    a = node[m, N_HINT]
    if a >= 0:
        slot = link[a, L_RING] + (link[a, L_NOUT] & link[a, L_MASK])
        prefetch(state.vehicle, (state.ring[slot, R_WHO] & 0xFFFFFFFF) * V_COLUMNS)
        j = np.int64(state.queue_next[link[a, L_QUEUE]])
        if j >= 0:
            prefetch(link, j * L_COLUMNS)
            prefetch(link, j * L_COLUMNS + 8)
            prefetch(link, j * L_COLUMNS + 16)
    else:
        v = node[m, N_HEAD]
        if v >= 0:
            v = np.int64(state.vehicle_after[v])
            if v >= 0:
                prefetch(state.vehicle, v * V_COLUMNS)
    m = node[m, N_AFTER]
    if m < 0:
        return
    a = node[m, N_HINT]
    if a >= 0:
        prefetch(state.ring, R_COLUMNS * (link[a, L_RING] + (link[a, L_NOUT] & link[a, L_MASK])))
    m = node[m, N_AFTER]
    if m < 0:
        return
    q = np.int64(net.in_ptr[m]) + 2 * m
    prefetch(state.queue_due, q)
    prefetch(state.queue_next, q)
    a = node[m, N_HINT]
    if a >= 0:
        prefetch(link, a * L_COLUMNS)
        prefetch(link, a * L_COLUMNS + 16)
        prefetch(link, a * L_COLUMNS + 24)
    m = node[m, N_AFTER]
    if m >= 0:
        prefetch(node, m * N_COLUMNS)
        prefetch(node, m * N_COLUMNS + 8)
