"""What changes the traffic state between advances, and what reads it.

Departures, changes of link state, vehicles left behind, clearing, positions and travel times.
Times are microseconds and records are those of `traffic_layout`.
"""

from __future__ import annotations

import numpy as np

from engine.kernels._jit import jit
from engine.kernels.traffic_calendar import schedule
from engine.kernels.traffic_layout import (
    CAR_UNITS,
    E_STRANDED_ON_LINK,
    FAR,
    GHOST,
    K_EVENTS,
    K_NOW,
    K_ON_LINK,
    K_WAITING,
    NEXT_UNKNOWN,
    R_IMPASSABLE,
    RANK_ARRIVED,
    RANK_NONE,
    S_ON_LINK,
    S_STRANDED_ON_LINK,
    S_WAITING,
    uncounted,
)
from engine.kernels.traffic_queue import in_ring, vehicle_in


@uncounted
@jit()
def wake(n, state):  # type: ignore[no-untyped-def]
    """Have node `n` visited now, and every queue there looked at."""
    state.node[n].look = 1
    schedule(n, state.clock[K_NOW], state.node, state.wheel_head, state.wheel_tail, state.clock)


@jit(inline="always")
def ends(node, lane):  # type: ignore[no-untyped-def]
    """Return first and last vehicle of an origin queue of `node`, -1 = none; `lane` 1 = priority lane."""
    if lane != 0:
        return np.int64(node.phead), np.int64(node.ptail)
    return np.int64(node.head), np.int64(node.tail)


@jit(inline="always")
def set_ends(node, lane, head, tail):  # type: ignore[no-untyped-def]
    """Write first and last vehicle of an origin queue of `node`."""
    if lane != 0:
        node.phead = head
        node.ptail = tail
    else:
        node.head = head
        node.tail = tail


@uncounted
@jit()
def depart(vehicles, times, nodes, dests, net, state):  # type: ignore[no-untyped-def]
    """Put vehicles in the origin queues of their nodes; rows sorted by (time, vehicle).

    All arguments [k]; `times` in microseconds. A queue stays sorted by departure time, equal
    times by order of insertion. The class is set in the vehicles' records beforehand.
    """
    for i in range(vehicles.size):
        v, t, n = vehicles[i], times[i], nodes[i]
        row, node = state.vehicle[v], state.node[n]
        row.dest = dests[i]
        row.state = S_WAITING
        row.place = -1 - n
        row.due = t
        row.worst_us = 0
        row.worst_place = 0
        row.reason = 0
        state.clock[K_WAITING] += 1
        lane = net.classes[row.vclass].priority
        head, p = ends(node, lane)
        tail = p
        if p >= 0 and state.vehicle[p].due > t:
            p = -1
            q = head
            while q >= 0 and state.vehicle[q].due <= t:
                p = q
                q = np.int64(state.vehicle[q].after)
        if p >= 0:
            row.after = state.vehicle[p].after
            state.vehicle[p].after = v
        else:
            row.after = head
            head = v
            node.blocked = 0
        set_ends(node, lane, head, v if row.after < 0 else tail)
        if head == v:
            node.look = 1
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
        row.dest = dest
        if row.state == S_ON_LINK:
            a = row.place
            slot = link[a].ring + (row.seq & link[a].mask)
            state.ring[slot].who = in_ring(v, np.int64(row.vclass), dest)
            state.queue[link[a].queue].wants = NEXT_UNKNOWN
            wake(np.int64(link[a].to_node), state)
        elif row.state == S_WAITING:
            wake(-1 - np.int64(row.place), state)


@uncounted
@jit()
def leave_queue(v, net, state):  # type: ignore[no-untyped-def]
    """Take waiting vehicle `v` out of its origin queue, wherever in it it stands."""
    row = state.vehicle[v]
    n = -1 - np.int64(row.place)
    node, lane = state.node[n], net.classes[row.vclass].priority
    head, tail = ends(node, lane)
    p, q = -1, head
    while q != v:
        p = q
        q = np.int64(state.vehicle[q].after)
    if p >= 0:
        state.vehicle[p].after = row.after
    else:
        head = np.int64(row.after)
        node.blocked = 0
    set_ends(node, lane, head, p if tail == v else tail)
    row.after = -1
    state.clock[K_WAITING] -= 1
    wake(n, state)


@uncounted
@jit()
def fraction_on_link(v, state):  # type: ignore[no-untyped-def]
    """Return the share of its link vehicle `v` has covered.

    It is where its free journey puts it, but behind those queueing before it at jam density.
    """
    link, row = state.link, state.vehicle[v]
    a = row.place
    free = 1.0 - (row.due - state.clock[K_NOW]) / max(link[a].travel, 1)
    ahead = (row.seq - link[a].nout) * CAR_UNITS / link[a].store
    return min(max(min(free, 1.0 - ahead), 0.0), 1.0)


@uncounted
@jit()
def stop_on_link(v, kind, reason, net, state):  # type: ignore[no-untyped-def]
    """Turn vehicle `v` on a link into an obstacle there; the caller updates the link after.

    Its place in the queue becomes an entry of no length; its length moves from what flows to
    what stands, so that the storage left to others does not change.
    """
    link = state.link
    a = state.vehicle[v].place
    cls = state.vehicle[v].vclass
    units = net.classes[cls].units
    state.ring[link[a].ring + (state.vehicle[v].seq & link[a].mask)].who = GHOST
    # From here on the column that held its number in the queue keeps where it stands.
    state.vehicle[v].seq = int(1e6 * fraction_on_link(v, state))
    link[a].cum_in -= units
    state.tally[a].obstacles += 1
    state.tally[a].obstacle_units += units
    link[a].store = max(link[a].store - units, CAR_UNITS)
    state.queue[link[a].queue].wants = NEXT_UNKNOWN
    if net.classes[cls].priority != 0:
        link[a].priority -= 1
        state.node[link[a].to_node].priority -= 1
    state.vehicle[v].state = kind
    state.vehicle[v].reason = reason
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
        old = link[a].headway
        if headway[i] != old:
            it = link[a]
            if it.out_ok > now:
                it.out_ok = now + int((it.out_ok - now) * (headway[i] / old))
            if it.in_ok > now:
                it.in_ok = now + int((it.in_ok - now) * (headway[i] / old))
            link[a].headway = headway[i]
        if travel[i] != link[a].travel:
            share = travel[i] / link[a].travel
            for s in range(link[a].nout, link[a].nin):
                slot = link[a].ring + (s & link[a].mask)
                who = state.ring[slot].who
                left = state.ring[slot].time - now
                if who >= 0 and left > 0:
                    state.ring[slot].time = now + int(left * share)
                    state.vehicle[vehicle_in(who)].due = state.ring[slot].time
            link[a].travel = travel[i]
        link[a].store = max(store[i] - state.tally[a].obstacle_units, CAR_UNITS)
        link[a].wave = wave[i]
        link[a].closed = closed[i]
        wake(np.int64(link[a].from_node), state)
        wake(np.int64(link[a].to_node), state)


@uncounted
@jit()
def strand_links(edges, first, net, state):  # type: ignore[no-untyped-def]
    """Stop every vehicle on links `edges` [k], from list entry `first` on; each makes an event.

    Returns the entry to go on from: less than k when the event buffer is full.
    """
    link = state.link
    for i in range(first, edges.size):
        a = edges[i]
        for s in range(link[a].nout, link[a].nin):
            who = state.ring[link[a].ring + (s & link[a].mask)].who
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
        if link[a].nout < link[a].nin:
            state.queue[link[a].queue].wants = NEXT_UNKNOWN
            link[a].blocked = 0
            if ranks_changed:
                slot = link[a].ring + (link[a].nout & link[a].mask)
                if state.ring[slot].time <= state.clock[K_NOW]:
                    wake(np.int64(link[a].to_node), state)
    for n in range(node.shape[0]):
        if node[n].head >= 0 or node[n].phead >= 0:
            node[n].blocked = 0
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
        n = state.link[a].to_node
    return FAR


@uncounted
@jit()
def shortened(out, dests, edges, cost, net, state):  # type: ignore[no-untyped-def]
    """Mark in `out` [k] which of `dests` [k] could get other routes now that `edges` are open.

    If no single edge makes a way shorter (or as short) than the present one, no set of them does.
    """
    for i in range(dests.size):
        for a in edges:
            here = _way_cost(dests[i], state.link[a].from_node, cost, net, state)
            beyond = _way_cost(dests[i], state.link[a].to_node, cost, net, state)
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
        t = link[a].travel
        busy = link[a].cum_in > link[a].cum_out
        if since > 0:
            if state.tally[a].tt_n > 0:
                t = max(t, state.tally[a].tt_sum // state.tally[a].tt_n)
        elif busy and state.tally[a].last_exit > now - 300_000_000:
            t = max(t, state.tally[a].last_tt)
        if busy:
            slot = link[a].ring + (link[a].nout & link[a].mask)
            who = state.ring[slot].who
            if who >= 0 and state.ring[slot].time < now:
                t = max(t, now - state.vehicle[vehicle_in(who)].t_in)
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
        t = link[a].travel
        on_link = link[a].cum_in - link[a].cum_out
        if on_link > 0:
            seen = t
            if state.tally[a].tt_n > 0:
                seen = state.tally[a].tt_sum // state.tally[a].tt_n
            slot = link[a].ring + (link[a].nout & link[a].mask)
            who = state.ring[slot].who
            if who >= 0 and state.ring[slot].time < now:
                seen = max(seen, now - state.vehicle[vehicle_in(who)].t_in)
            if seen > t + t // 20:
                left = max(state.tally[a].tt_n, 1) * CAR_UNITS
                t = max(t, int(on_link / left * window_us))
        out_us[a] = t


@uncounted
@jit()
def reset_travel_times(state):  # type: ignore[no-untyped-def]
    """Begin a new window of mean travel times."""
    for a in range(state.link.shape[0]):
        state.tally[a].tt_sum = 0
        state.tally[a].tt_n = 0


@uncounted
@jit()
def positions(edge, fraction, vehicles, state):  # type: ignore[no-untyped-def]
    """Write edge and fraction of its length covered, for vehicles on a link; -1 elsewhere."""
    for i in range(vehicles.size):
        v = vehicles[i]
        edge[i] = -1
        fraction[i] = 0.0
        if state.vehicle[v].place < 0:
            continue
        edge[i] = state.vehicle[v].place
        if state.vehicle[v].state == S_ON_LINK:
            fraction[i] = fraction_on_link(v, state)
        else:
            fraction[i] = state.vehicle[v].seq * 1e-6
