"""What changes the traffic state between advances, and what reads it.

Departures, changes of link state, vehicles left behind, clearing, positions and travel times.
Times are microseconds and columns are those of `traffic_layout`.
"""

from __future__ import annotations

import numpy as np

from engine.kernels._jit import jit
from engine.kernels.traffic import in_ring, vehicle_in
from engine.kernels.traffic_calendar import schedule
from engine.kernels.traffic_layout import (
    C_PRIORITY,
    C_UNITS,
    CAR_UNITS,
    E_STRANDED_ON_LINK,
    FAR,
    GHOST,
    K_EVENTS,
    K_NOW,
    K_ON_LINK,
    K_WAITING,
    L_BLOCKED,
    L_CLOSED,
    L_CUM_IN,
    L_CUM_OUT,
    L_FROM,
    L_HEADWAY,
    L_IN_OK,
    L_LAST_EXIT,
    L_LAST_TT,
    L_MASK,
    L_NIN,
    L_NOUT,
    L_OBSTACLE_UNITS,
    L_OBSTACLES,
    L_OUT_OK,
    L_PRIORITY,
    L_QUEUE,
    L_RING,
    L_STORE,
    L_TO,
    L_TRAVEL,
    L_TT_N,
    L_TT_SUM,
    L_WAVE,
    N_BLOCKED,
    N_HEAD,
    N_LOOK,
    N_PHEAD,
    N_PRIORITY,
    N_PTAIL,
    N_TAIL,
    NEXT_UNKNOWN,
    R_IMPASSABLE,
    R_TIME,
    R_WHO,
    RANK_ARRIVED,
    RANK_NONE,
    S_ON_LINK,
    S_STRANDED_ON_LINK,
    S_WAITING,
    V_DEST,
    V_DUE,
    V_PLACE,
    V_SEQ,
    V_STATE,
    V_T_IN,
    V_WORST_PLACE,
    V_WORST_US,
    uncounted,
)


@uncounted
@jit()
def wake(n, state):  # type: ignore[no-untyped-def]
    """Have node `n` visited now, and every queue there looked at."""
    state.node[n, N_LOOK] = 1
    schedule(n, state.clock[K_NOW], state.node, state.wheel_head, state.wheel_tail, state.clock)


@uncounted
@jit()
def depart(vehicles, times, nodes, dests, net, state):  # type: ignore[no-untyped-def]
    """Put vehicles in the origin queues of their nodes; rows sorted by (time, vehicle).

    All arguments [k]; `times` in microseconds. A queue stays sorted by departure time, equal
    times by order of insertion. The class is set in `vehicle_class` beforehand.
    """
    after = state.vehicle_after
    for i in range(vehicles.size):
        v, t, n = vehicles[i], times[i], nodes[i]
        row = state.vehicle[v]
        row[V_DEST] = dests[i]
        row[V_STATE] = S_WAITING
        row[V_PLACE] = -1 - n
        row[V_DUE] = t
        row[V_WORST_US] = 0
        row[V_WORST_PLACE] = 0
        state.vehicle_reason[v] = 0
        state.clock[K_WAITING] += 1
        head, tail = N_HEAD, N_TAIL
        if net.classes[state.vehicle_class[v], C_PRIORITY] != 0:
            head, tail = N_PHEAD, N_PTAIL
        p = state.node[n, tail]
        if p >= 0 and state.vehicle[p, V_DUE] > t:
            p = -1
            q = state.node[n, head]
            while q >= 0 and state.vehicle[q, V_DUE] <= t:
                p = q
                q = after[q]
        if p >= 0:
            after[v] = after[p]
            after[p] = v
        else:
            after[v] = state.node[n, head]
            state.node[n, head] = v
            state.node[n, N_BLOCKED] = 0
        if after[v] < 0:
            state.node[n, tail] = v
        if state.node[n, head] == v:
            state.node[n, N_LOOK] = 1
            schedule(n, max(t, state.clock[K_NOW]), state.node, state.wheel_head,
                     state.wheel_tail, state.clock)


@uncounted
@jit()
def retarget(vehicles, dests, state):  # type: ignore[no-untyped-def]
    """Give vehicles [k] new destinations [k]; those on the road choose again at once."""
    link = state.link
    for i in range(vehicles.size):
        v, dest = vehicles[i], dests[i]
        row = state.vehicle[v]
        row[V_DEST] = dest
        if row[V_STATE] == S_ON_LINK:
            a = row[V_PLACE]
            slot = link[a, L_RING] + (row[V_SEQ] & link[a, L_MASK])
            state.ring[slot, R_WHO] = in_ring(v, np.int64(state.vehicle_class[v]), dest)
            state.queue_next[link[a, L_QUEUE]] = NEXT_UNKNOWN
            wake(link[a, L_TO], state)
        elif row[V_STATE] == S_WAITING:
            wake(-1 - row[V_PLACE], state)


@uncounted
@jit()
def leave_queue(v, net, state):  # type: ignore[no-untyped-def]
    """Take waiting vehicle `v` out of its origin queue, wherever in it it stands."""
    n = -1 - state.vehicle[v, V_PLACE]
    head, tail = N_HEAD, N_TAIL
    if net.classes[state.vehicle_class[v], C_PRIORITY] != 0:
        head, tail = N_PHEAD, N_PTAIL
    p, q = -1, state.node[n, head]
    while q != v:
        p = q
        q = state.vehicle_after[q]
    if p >= 0:
        state.vehicle_after[p] = state.vehicle_after[v]
    else:
        state.node[n, head] = state.vehicle_after[v]
        state.node[n, N_BLOCKED] = 0
    if state.node[n, tail] == v:
        state.node[n, tail] = p
    state.vehicle_after[v] = -1
    state.clock[K_WAITING] -= 1
    wake(n, state)


@uncounted
@jit()
def fraction_on_link(v, state):  # type: ignore[no-untyped-def]
    """Return the share of its link vehicle `v` has covered.

    It is where its free journey puts it, but behind those queueing before it at jam density.
    """
    link, row = state.link, state.vehicle[v]
    a = row[V_PLACE]
    free = 1.0 - (row[V_DUE] - state.clock[K_NOW]) / max(link[a, L_TRAVEL], 1)
    ahead = (row[V_SEQ] - link[a, L_NOUT]) * CAR_UNITS / link[a, L_STORE]
    return min(max(min(free, 1.0 - ahead), 0.0), 1.0)


@uncounted
@jit()
def stop_on_link(v, kind, reason, net, state):  # type: ignore[no-untyped-def]
    """Turn vehicle `v` on a link into an obstacle there; the caller updates the link after.

    Its place in the queue becomes an entry of no length; its length moves from what flows to
    what stands, so that the storage left to others does not change.
    """
    link = state.link
    a = state.vehicle[v, V_PLACE]
    cls = state.vehicle_class[v]
    units = net.classes[cls, C_UNITS]
    state.ring[link[a, L_RING] + (state.vehicle[v, V_SEQ] & link[a, L_MASK]), R_WHO] = GHOST
    # From here on the column that held its number in the queue keeps where it stands.
    state.vehicle[v, V_SEQ] = int(1e6 * fraction_on_link(v, state))
    link[a, L_CUM_IN] -= units
    link[a, L_OBSTACLES] += 1
    link[a, L_OBSTACLE_UNITS] += units
    link[a, L_STORE] = max(link[a, L_STORE] - units, CAR_UNITS)
    state.queue_next[link[a, L_QUEUE]] = NEXT_UNKNOWN
    if net.classes[cls, C_PRIORITY] != 0:
        link[a, L_PRIORITY] -= 1
        state.node[link[a, L_TO], N_PRIORITY] -= 1
    state.vehicle[v, V_STATE] = kind
    state.vehicle_reason[v] = reason
    state.clock[K_ON_LINK] -= 1


@uncounted
@jit()
def set_links(edges, headway, travel, store, wave, closed, state):  # type: ignore[no-untyped-def]
    """Give links `edges` [k] new headway, travel time, storage, wave time (all [k]) and closure.

    What is left of a running headway and of a running journey is rescaled to the new values.
    """
    link = state.link
    now = state.clock[K_NOW]
    for i in range(edges.size):
        a = edges[i]
        old = link[a, L_HEADWAY]
        if headway[i] != old:
            for column in (L_OUT_OK, L_IN_OK):
                left = link[a, column] - now
                if left > 0:
                    link[a, column] = now + int(left * (headway[i] / old))
            link[a, L_HEADWAY] = headway[i]
        if travel[i] != link[a, L_TRAVEL]:
            share = travel[i] / link[a, L_TRAVEL]
            for s in range(link[a, L_NOUT], link[a, L_NIN]):
                slot = link[a, L_RING] + (s & link[a, L_MASK])
                who = state.ring[slot, R_WHO]
                left = state.ring[slot, R_TIME] - now
                if who >= 0 and left > 0:
                    state.ring[slot, R_TIME] = now + int(left * share)
                    state.vehicle[vehicle_in(who), V_DUE] = state.ring[slot, R_TIME]
            link[a, L_TRAVEL] = travel[i]
        link[a, L_STORE] = max(store[i] - link[a, L_OBSTACLE_UNITS], CAR_UNITS)
        link[a, L_WAVE] = wave[i]
        link[a, L_CLOSED] = closed[i]
        wake(link[a, L_FROM], state)
        wake(link[a, L_TO], state)


@uncounted
@jit()
def strand_links(edges, first, net, state):  # type: ignore[no-untyped-def]
    """Stop every vehicle on links `edges` [k], from list entry `first` on; each makes an event.

    Returns the entry to go on from: less than k when the event buffer is full.
    """
    link = state.link
    for i in range(first, edges.size):
        a = edges[i]
        for s in range(link[a, L_NOUT], link[a, L_NIN]):
            who = state.ring[link[a, L_RING] + (s & link[a, L_MASK]), R_WHO]
            if who < 0:
                continue
            v = vehicle_in(who)
            r = state.clock[K_EVENTS]
            if r >= state.event.shape[0]:
                return i
            stop_on_link(v, S_STRANDED_ON_LINK, R_IMPASSABLE, net, state)
            state.event[r, 0] = E_STRANDED_ON_LINK
            state.event[r, 1] = v
            state.event[r, 2] = state.clock[K_NOW]
            state.event[r, 3] = a
            state.clock[K_EVENTS] = r + 1
    return edges.size


@uncounted
@jit()
def forget_heads(state, ranks_changed):  # type: ignore[no-untyped-def]
    """After new routes: heads choose again; nodes with a waiting head are visited now."""
    link, node = state.link, state.node
    for a in range(link.shape[0]):
        if link[a, L_NOUT] < link[a, L_NIN]:
            state.queue_next[link[a, L_QUEUE]] = NEXT_UNKNOWN
            link[a, L_BLOCKED] = 0
            if ranks_changed:
                slot = link[a, L_RING] + (link[a, L_NOUT] & link[a, L_MASK])
                if state.ring[slot, R_TIME] <= state.clock[K_NOW]:
                    wake(link[a, L_TO], state)
    for n in range(node.shape[0]):
        if node[n, N_HEAD] >= 0 or node[n, N_PHEAD] >= 0:
            node[n, N_BLOCKED] = 0
            wake(n, state)


@uncounted
@jit()
def route_ranks(ranks, dist, via, edge_rank, unreached):  # type: ignore[no-untyped-def]
    """Write one row of the route table from a reverse tree (see `paths.grow_tree`)."""
    for n in range(ranks.size):
        if via[n] >= 0:
            ranks[n] = edge_rank[via[n]]
        elif dist[n] < unreached:
            ranks[n] = RANK_ARRIVED
        else:
            ranks[n] = RANK_NONE


@jit(inline="always")
def _way_cost(dest, n, cost, net, state):  # type: ignore[no-untyped-def]
    """Return the cost of the present way from node `n` to `dest`, FAR where there is none."""
    total = 0
    for _ in range(state.route.shape[1]):
        rank = state.route[dest, n]
        if rank == RANK_ARRIVED:
            entry = FAR
            for k in range(state.target_dest.size):
                if state.target_dest[k] == dest and state.target_node[k] == n:
                    entry = min(entry, state.target_cost_ms[k])
            return total + entry
        if rank == RANK_NONE:
            return FAR
        a = net.out_edge[net.out_ptr[n] + rank]
        total += cost[a]
        n = state.link[a, L_TO]
    return FAR


@uncounted
@jit()
def shortened(out, dests, edges, cost, net, state):  # type: ignore[no-untyped-def]
    """Mark in `out` [k] which of `dests` [k] could get other routes now that `edges` are open.

    If no single edge makes a way shorter (or as short) than the present one, no set of them does.
    """
    for i in range(dests.size):
        for a in edges:
            here = _way_cost(dests[i], state.link[a, L_FROM], cost, net, state)
            beyond = _way_cost(dests[i], state.link[a, L_TO], cost, net, state)
            if beyond < FAR and beyond + cost[a] <= here:
                out[i] = True
                break


@uncounted
@jit()
def travel_times(out_us, since, state):  # type: ignore[no-untyped-def]
    """Write what a trip over each link takes now, microseconds [edges].

    Free travel when empty. Otherwise the larger of the free time, the age of a head that is
    held back and, `since` > 0, the mean of the exits since the last reset, or else the last
    exit not older than 300 s.
    """
    link, now = state.link, state.clock[K_NOW]
    for a in range(link.shape[0]):
        t = link[a, L_TRAVEL]
        busy = link[a, L_CUM_IN] > link[a, L_CUM_OUT]
        if since > 0:
            if link[a, L_TT_N] > 0:
                t = max(t, link[a, L_TT_SUM] // link[a, L_TT_N])
        elif busy and link[a, L_LAST_EXIT] > now - 300_000_000:
            t = max(t, link[a, L_LAST_TT])
        if busy:
            slot = link[a, L_RING] + (link[a, L_NOUT] & link[a, L_MASK])
            who = state.ring[slot, R_WHO]
            if who >= 0 and state.ring[slot, R_TIME] < now:
                t = max(t, now - state.vehicle[vehicle_in(who), V_T_IN])
        out_us[a] = t


@uncounted
@jit()
def expected_times(out_us, window_us, state):  # type: ignore[no-untyped-def]
    """Write what a trip over each link takes who enters it now, microseconds [edges].

    Where the head is held back, or the exits of the last `window_us` (since the reset) took 5 % longer
    than the free time, there is a queue: it takes as long as the vehicles on the link need to leave at
    the rate of the window (Little's law), never less than the free time. Elsewhere the free time.
    """
    link, now = state.link, state.clock[K_NOW]
    for a in range(link.shape[0]):
        t = link[a, L_TRAVEL]
        on_link = link[a, L_CUM_IN] - link[a, L_CUM_OUT]
        if on_link > 0:
            seen = t
            if link[a, L_TT_N] > 0:
                seen = link[a, L_TT_SUM] // link[a, L_TT_N]
            slot = link[a, L_RING] + (link[a, L_NOUT] & link[a, L_MASK])
            who = state.ring[slot, R_WHO]
            if who >= 0 and state.ring[slot, R_TIME] < now:
                seen = max(seen, now - state.vehicle[vehicle_in(who), V_T_IN])
            if seen > t + t // 20:
                left = max(link[a, L_TT_N], 1) * CAR_UNITS
                t = max(t, int(on_link / left * window_us))
        out_us[a] = t


@uncounted
@jit()
def reset_travel_times(state):  # type: ignore[no-untyped-def]
    """Begin a new window of mean travel times."""
    for a in range(state.link.shape[0]):
        state.link[a, L_TT_SUM] = 0
        state.link[a, L_TT_N] = 0


@uncounted
@jit()
def positions(edge, fraction, vehicles, state):  # type: ignore[no-untyped-def]
    """Write edge and fraction of its length covered, for vehicles on a link; -1 elsewhere."""
    for i in range(vehicles.size):
        v = vehicles[i]
        edge[i] = -1
        fraction[i] = 0.0
        if state.vehicle[v, V_PLACE] < 0:
            continue
        edge[i] = state.vehicle[v, V_PLACE]
        if state.vehicle[v, V_STATE] == S_ON_LINK:
            fraction[i] = fraction_on_link(v, state)
        else:
            fraction[i] = state.vehicle[v, V_SEQ] * 1e-6
