"""Vehicle-resolved link transmission model, event driven.

Each link follows Newell's simplified kinematic wave with a triangular fundamental diagram
(Newell 1993; Yperman, Logghe and Immers 2005, the link transmission model), expressed for
single vehicles: a vehicle may leave a link no earlier than its own entry plus L/vf and one
capacity headway after the one before; the n-th vehicle may enter once the (n - kj L)-th has
left for L/w, the cumulative curve being interpolated between two leavers. A link is FIFO, so
a vehicle that cannot enter its next link holds those behind it (FIFO diverge). Where several
queues want the same link at the same moment, it is shared by start-time fair queueing with
weights = merge priority, which tends to the capacity-proportional merge of Daganzo (1995). Or, if
asked for, each place is drawn among the heads that want it, with the same weights, as UXsim does
(T. Seo, `Node.transfer`). The two differ where heads also go elsewhere: queues that seldom want the
full link get their turn there at once, while a draw leaves more to those that always want it.

A driver whose next link is closed or barred turns to the other row of routes that his destination
names (`dest_turned`); without one he waits at a closed link until new routes are set.

Nodes sleep in a calendar of buckets and are visited when one of their heads is due; inside a
bucket exact times are kept, only the order of nodes within one bucket is by queue.
Limits: no overtaking inside a class, no gap acceptance, signals as capacities.
"""

from __future__ import annotations

import math

import numpy as np

from engine.kernels._jit import jit, prefetch
from engine.kernels.traffic_calendar import FETCHED, fetch_ahead, schedule, unschedule
from engine.kernels.traffic_layout import (
    C_FACTOR,
    C_NS_PER_MM,
    C_PRIORITY,
    C_QUEUE_NS_PER_MM,
    C_UNITS,
    CAR_UNITS,
    E_ARRIVED,
    E_BLOCKED,
    E_ENTERED,
    E_PASSED,
    E_STRANDED,
    E_TURNED,
    FAR,
    GHOST,
    K_BUCKET,
    K_BUCKET_US,
    K_EVENTS,
    K_MOVES,
    K_NOW,
    K_ON_LINK,
    K_QUEUED,
    K_SINCE,
    K_WAITING,
    L_BLOCKED,
    L_CLOSED,
    L_CUM_IN,
    L_CUM_OUT,
    L_ENTERED,
    L_FREE,
    L_FROM,
    L_HEADWAY,
    L_IN_OK,
    L_LAST_EXIT,
    L_LAST_TT,
    L_LENGTH_MM,
    L_MASK,
    L_NIN,
    L_NOUT,
    L_OUT_OK,
    L_PRIORITY,
    L_QUEUE,
    L_RING,
    L_STORE,
    L_TAG,
    L_TAG_INC,
    L_TO,
    L_TRAVEL,
    L_TT_N,
    L_TT_SUM,
    L_WAITING,
    L_WAVE,
    L_WCUM,
    L_WPTR,
    LOOK,
    N_AFTER,
    N_BLOCKED,
    N_CLOCK,
    N_DUE,
    N_HEAD,
    N_HINT,
    N_LOOK,
    N_PHEAD,
    N_PRIORITY,
    N_PTAIL,
    N_TAG,
    N_TAG_INC,
    N_TAIL,
    NEXT_ARRIVED,
    NEXT_BLOCKED,
    NEXT_NONE,
    NEXT_TURNS,
    NEXT_UNKNOWN,
    R_NO_ROUTE,
    R_TIME,
    R_WHO,
    RANK_ARRIVED,
    RANK_NONE,
    S_ARRIVED,
    S_ON_LINK,
    S_STRANDED,
    SHUT,
    V_COLUMNS,
    V_DEST,
    V_DUE,
    V_PLACE,
    V_SEQ,
    V_STATE,
    V_T_IN,
    V_WORST_PLACE,
    V_WORST_US,
    WHEEL,
    uncounted,
)
from engine.rng import STREAMS, uniform1

_MERGE = STREAMS["traffic.node"]


@jit(inline="always")
def in_ring(v, cls, dest):  # type: ignore[no-untyped-def]
    """Return vehicle, class and destination as one number (`R_WHO`)."""
    return v | cls << 32 | dest << 40


@jit(inline="always")
def vehicle_in(who):  # type: ignore[no-untyped-def]
    """Return the vehicle of an entry of a ring (no ghost)."""
    return who & 0xFFFFFFFF


@jit(inline="always")
def class_in(who):  # type: ignore[no-untyped-def]
    """Return the class of the vehicle of an entry of a ring (no ghost)."""
    return who >> 32 & 0xFF


@jit(inline="always")
def dest_in(who):  # type: ignore[no-untyped-def]
    """Return the destination of the vehicle of an entry of a ring (no ghost)."""
    return who >> 40


@jit(inline="always")
def entry_time(j, units, link, ring, classes):  # type: ignore[no-untyped-def]
    """Return when link `j` next admits a vehicle of `units` (FAR = when someone has left)."""
    if link[j, L_CLOSED] == SHUT:
        return FAR
    ready = link[j, L_IN_OK]
    need = link[j, L_CUM_IN] + units - link[j, L_STORE]
    p = link[j, L_WPTR]
    cum = link[j, L_WCUM]
    base = link[j, L_RING]
    mask = link[j, L_MASK]
    # Leavers behind the pointer may be overwritten, so it must also keep up with the ring.
    floor = link[j, L_NIN] - mask + 2
    if cum < need or p < floor:
        out = link[j, L_NOUT]
        while (cum < need or p < floor) and p < out:
            who = ring[base + (p & mask), R_WHO]
            if who >= 0:
                cum += classes[class_in(who), C_UNITS]
            p += 1
        link[j, L_WPTR] = p
        link[j, L_WCUM] = cum
    if p < floor:
        link[j, L_WAITING] = 1
        return FAR
    if cum < need:
        if link[j, L_CUM_IN] == link[j, L_CUM_OUT]:
            return ready  # an empty link admits any vehicle, however short the link
        link[j, L_WAITING] = 1
        return FAR
    if cum - need >= CAR_UNITS:
        # A longer vehicle asked before, or room was made: look back for the leaver that matters.
        while p > floor and p > 0:
            who = ring[base + ((p - 1) & mask), R_WHO]
            units_left = classes[class_in(who), C_UNITS] if who >= 0 else 0
            if cum - units_left < need:
                break
            cum -= units_left
            p -= 1
        link[j, L_WPTR] = p
        link[j, L_WCUM] = cum
    if need <= 0 or p == 0:
        return ready
    left = ring[base + ((p - 1) & mask), R_TIME]
    over = cum - need
    if over > 0 and p >= 2:
        gap = left - ring[base + ((p - 2) & mask), R_TIME]
        if gap > link[j, L_HEADWAY]:
            gap = link[j, L_HEADWAY]
        if over > CAR_UNITS:
            over = CAR_UNITS
        left -= gap * over // CAR_UNITS
    left += link[j, L_WAVE]
    return left if left > ready else ready


@jit(inline="always")
def next_edge(dest, n, route, out_ptr, out_edge):  # type: ignore[no-untyped-def]
    """Return the edge on the way from node `n` to `dest`, or NEXT_ARRIVED or NEXT_NONE."""
    rank = route[dest, n]
    if rank == RANK_ARRIVED:
        return NEXT_ARRIVED
    if rank == RANK_NONE:
        return NEXT_NONE
    return out_edge[out_ptr[n] + rank]


@jit(inline="always")
def lot(k, n, net, state):  # type: ignore[no-untyped-def]
    """Return the merge tag of queue `k`: its own, or a lot drawn for the place its head wants."""
    tag, j, v = net.scratch[3, k], net.scratch[1, k], net.scratch[2, k]
    if net.merge[0] == 0 or j < 0 or tag < 0:
        return tag
    # The least of exponential times with the weights as rates wins; drawn anew for every place.
    first = net.in_ptr[n]
    if first + k < net.in_ptr[n + 1]:
        step = state.link[net.in_edge[first + k], L_TAG_INC]
    else:
        step = state.node[n, N_TAG_INC]
    chance = uniform1(net.merge[1], _MERGE, v, state.link[j, L_ENTERED])
    return int(-math.log(chance) * step)


@uncounted
@jit()
def pass_queue(a, t_end, link, vehicle, ring, queue_next, classes):  # type: ignore[no-untyped-def]
    """Bring a priority vehicle that has reached the end of link `a` to the head of its queue.

    Returns when the next priority vehicle behind the head is due, FAR if none.
    """
    base, mask = link[a, L_RING], link[a, L_MASK]
    out = link[a, L_NOUT]
    first = ring[base + (out & mask), R_WHO]
    if first >= 0 and classes[class_in(first), C_PRIORITY] != 0:
        return FAR
    due = FAR
    for s in range(out + 1, link[a, L_NIN]):
        who = ring[base + (s & mask), R_WHO]
        if who < 0 or classes[class_in(who), C_PRIORITY] == 0:
            continue
        t = ring[base + (s & mask), R_TIME]
        if t >= t_end:
            due = min(due, t)
            continue
        for r in range(s, out, -1):
            other = ring[base + ((r - 1) & mask), R_WHO]
            ring[base + (r & mask), R_WHO] = other
            ring[base + (r & mask), R_TIME] = ring[base + ((r - 1) & mask), R_TIME]
            if other >= 0:
                vehicle[vehicle_in(other), V_SEQ] = r
        ring[base + (out & mask), R_WHO] = who
        ring[base + (out & mask), R_TIME] = t
        vehicle[vehicle_in(who), V_SEQ] = out
        queue_next[link[a, L_QUEUE]] = NEXT_UNKNOWN
        return FAR
    return due


@jit(inline="always")
def look(k, n, t_end, net, state, extra):  # type: ignore[no-untyped-def]
    """Work out what queue `k` of node `n` wants and when: `queue_due`, `queue_next`, scratch column k.

    Due is the time of the move (FAR = asleep). Scratch rows: 0 ready time, 1 next edge, 2 vehicle,
    3 merge tag, 4 class; they hold for queues due before `t_end`.
    Queue numbers up to the in-degree are links; then the origin queue and its priority lane.
    """
    link, node, vehicle, ring = state.link, state.node, state.vehicle, state.ring
    out = net.scratch
    first = net.in_ptr[n]
    degree = net.in_ptr[n + 1] - first
    q = first + 2 * n + k
    state.queue_due[q] = FAR
    if k < degree:
        a = net.in_edge[first + k]
        base, mask = link[a, L_RING], link[a, L_MASK]
        while link[a, L_NOUT] < link[a, L_NIN]:
            slot = base + (link[a, L_NOUT] & mask)
            if ring[slot, R_WHO] != GHOST:
                break
            ring[slot, R_TIME] = state.clock[K_NOW]
            link[a, L_NOUT] += 1
            state.queue_next[q] = NEXT_UNKNOWN
        if link[a, L_NOUT] >= link[a, L_NIN]:
            return
        if node[n, N_PRIORITY] > 0 and link[a, L_PRIORITY] > 0:
            due = pass_queue(a, t_end, link, vehicle, ring, state.queue_next, net.classes)
            extra[0] = min(extra[0], due)
        slot = base + (link[a, L_NOUT] & mask)
        ready = max(ring[slot, R_TIME], link[a, L_OUT_OK])
        who = ring[slot, R_WHO]
        v, cls, dest = vehicle_in(who), class_in(who), dest_in(who)
        prefetch(vehicle, v * V_COLUMNS)
        j = state.queue_next[q]
        if j == NEXT_UNKNOWN:
            j = next_edge(dest, n, state.route, net.out_ptr, net.out_edge)
            state.queue_next[q] = j
        if ready >= t_end:
            state.queue_due[q] = ready
            return
        out[3, k] = link[a, L_TAG]
    else:
        a = -1
        v = node[n, N_HEAD] if k == degree else node[n, N_PHEAD]
        if v < 0:
            return
        ready = vehicle[v, V_DUE]
        if ready >= t_end:
            state.queue_due[q] = ready
            return
        out[3, k] = node[n, N_TAG] if k == degree else -1
        cls, dest = np.int64(state.vehicle_class[v]), vehicle[v, V_DEST]
        j = next_edge(dest, n, state.route, net.out_ptr, net.out_edge)
        state.queue_next[q] = j
    out[0, k] = ready
    out[2, k] = v
    out[4, k] = cls
    out[1, k] = j
    if net.classes[cls, C_PRIORITY] != 0:
        out[3, k] = -1
    # A head that was held back before this advance and finds its way free by what was changed
    # since (new routes, an opening, room made) moves now, not when it would first have liked to.
    soonest = max(ready, state.clock[K_SINCE])
    if j < 0:
        state.queue_due[q] = soonest
        return
    if link[j, L_CLOSED] != 0 and state.dest_turned[dest] >= 0:
        out[0, k] = j
        out[1, k] = NEXT_TURNS
        state.queue_due[q] = soonest
        return
    if link[j, L_CLOSED] == SHUT:
        told = link[a, L_BLOCKED] if a >= 0 else node[n, N_BLOCKED]
        out[1, k] = NEXT_BLOCKED
        out[0, k] = j
        if told == 0:
            state.queue_due[q] = soonest
        return
    state.queue_due[q] = max(
        soonest, entry_time(j, net.classes[cls, C_UNITS], link, ring, net.classes))


@jit(inline="always")
def emit(kind, v, t, place, event, clock):  # type: ignore[no-untyped-def]
    """Write one row to the event buffer; the caller has checked that there is room."""
    r = clock[K_EVENTS]
    event[r, 0] = kind
    event[r, 1] = v
    event[r, 2] = t
    event[r, 3] = place
    clock[K_EVENTS] = r + 1


@jit(inline="always")
def leave_link(a, v, cls, ready, t, net, state):  # type: ignore[no-untyped-def]
    """Take the head `v` off link `a` at time `t`; it could have left at `ready`."""
    link, vehicle, classes = state.link, state.vehicle, net.classes
    units = classes[cls, C_UNITS]
    out = link[a, L_NOUT]
    state.ring[link[a, L_RING] + (out & link[a, L_MASK]), R_TIME] = t
    link[a, L_NOUT] = out + 1
    link[a, L_CUM_OUT] += units
    # A head held back from downstream keeps the credit of the headway it could have started.
    link[a, L_OUT_OK] = max(ready + link[a, L_HEADWAY] * units // CAR_UNITS, t)
    state.queue_next[link[a, L_QUEUE]] = NEXT_UNKNOWN
    link[a, L_BLOCKED] = 0
    spent = t - vehicle[v, V_T_IN]
    link[a, L_TT_SUM] += spent
    link[a, L_TT_N] += 1
    link[a, L_LAST_TT] = spent
    link[a, L_LAST_EXIT] = t
    if classes[cls, C_PRIORITY] != 0:
        link[a, L_PRIORITY] -= 1
        state.node[link[a, L_TO], N_PRIORITY] -= 1
    if spent - link[a, L_FREE] > vehicle[v, V_WORST_US]:
        vehicle[v, V_WORST_US] = spent - link[a, L_FREE]
        vehicle[v, V_WORST_PLACE] = a
    state.clock[K_ON_LINK] -= 1
    if link[a, L_WAITING] != 0:
        link[a, L_WAITING] = 0
        n = link[a, L_FROM]
        for q in range(net.in_ptr[n] + 2 * n, net.in_ptr[n + 1] + 2 * n + 2):
            if state.queue_next[q] == a:
                state.queue_due[q] = LOOK
                if q < net.in_ptr[n + 1] + 2 * n:
                    state.node[n, N_HINT] = net.in_edge[q - 2 * n]
        wake = max(t, t + link[a, L_WAVE] - link[a, L_HEADWAY])
        schedule(n, wake, state.node, state.wheel_head, state.wheel_tail, state.clock)


@jit(inline="always")
def leave_origin(n, k, v, ready, t, state):  # type: ignore[no-untyped-def]
    """Take the head `v` off an origin queue of node `n` (k = 0 common, 1 priority)."""
    node, vehicle = state.node, state.vehicle
    head, tail = (N_HEAD, N_TAIL) if k == 0 else (N_PHEAD, N_PTAIL)
    node[n, head] = state.vehicle_after[v]
    if node[n, head] < 0:
        node[n, tail] = -1
    state.vehicle_after[v] = -1
    node[n, N_BLOCKED] = 0
    state.clock[K_WAITING] -= 1
    if t - ready > vehicle[v, V_WORST_US]:
        vehicle[v, V_WORST_US] = t - ready
        vehicle[v, V_WORST_PLACE] = -1 - n


@uncounted
@jit()
def past_queue(j, t, travel, link, ring, classes, ns_per_mm):  # type: ignore[no-untyped-def]
    """Return the travel time over link `j` of a vehicle that passes the queue standing on it at `t`.

    Along the queue, those who could have left by now at jam density, it drives no faster than
    `ns_per_mm` allows.
    """
    held = 0
    for s in range(link[j, L_NOUT], link[j, L_NIN]):
        slot = link[j, L_RING] + (s & link[j, L_MASK])
        who = ring[slot, R_WHO]
        if who >= 0:
            if ring[slot, R_TIME] > t:
                break
            held += classes[class_in(who), C_UNITS]
    slow = link[j, L_LENGTH_MM] * ns_per_mm // 1000
    if held == 0 or slow <= travel:
        return travel
    return travel + (slow - travel) * min(held, link[j, L_STORE]) // link[j, L_STORE]


@jit(inline="always")
def enter_link(j, v, cls, t, state, classes):  # type: ignore[no-untyped-def]
    """Put vehicle `v` on link `j` at time `t` and wake the node at its end in time."""
    link, vehicle = state.link, state.vehicle
    units = classes[cls, C_UNITS]
    travel = link[j, L_TRAVEL]
    if cls != 0:
        travel = max(travel * 1000 // classes[cls, C_FACTOR],
                     link[j, L_LENGTH_MM] * classes[cls, C_NS_PER_MM] // 1000)
        if classes[cls, C_QUEUE_NS_PER_MM] != 0:
            travel = past_queue(
                j, t, travel, link, state.ring, classes, classes[cls, C_QUEUE_NS_PER_MM])
    seq = link[j, L_NIN]
    slot = link[j, L_RING] + (seq & link[j, L_MASK])
    state.ring[slot, R_WHO] = in_ring(v, cls, vehicle[v, V_DEST])
    state.ring[slot, R_TIME] = t + travel
    link[j, L_NIN] = seq + 1
    link[j, L_CUM_IN] += units
    link[j, L_ENTERED] += 1
    link[j, L_IN_OK] = t + link[j, L_HEADWAY] * units // CAR_UNITS
    vehicle[v, V_STATE] = S_ON_LINK
    vehicle[v, V_PLACE] = j
    vehicle[v, V_T_IN] = t
    vehicle[v, V_DUE] = t + travel
    vehicle[v, V_SEQ] = seq
    state.clock[K_ON_LINK] += 1
    state.clock[K_MOVES] += 1
    priority = classes[cls, C_PRIORITY]
    if priority != 0:
        link[j, L_PRIORITY] += 1
        state.node[link[j, L_TO], N_PRIORITY] += 1
    if link[j, L_NOUT] == seq:
        # A link that leads back to its own node is looked at: its due may lie in this visit.
        around = link[j, L_FROM] == link[j, L_TO]
        state.queue_due[link[j, L_QUEUE]] = LOOK if around else max(t + travel, link[j, L_OUT_OK])
    if priority != 0 or link[j, L_NOUT] == seq:
        state.node[link[j, L_TO], N_HINT] = j
        schedule(link[j, L_TO], t + travel, state.node, state.wheel_head, state.wheel_tail,
                 state.clock)


@jit(inline="always")
def move(k, n, net, state):  # type: ignore[no-untyped-def]
    """Carry out what queue `k` of node `n` wants (see `look`); the time is in the table."""
    link, node, vehicle = state.link, state.node, state.vehicle
    first = net.in_ptr[n]
    degree = net.in_ptr[n + 1] - first
    ready, j, v, cls = net.scratch[0, k], net.scratch[1, k], net.scratch[2, k], net.scratch[4, k]
    t = state.queue_due[first + 2 * n + k]
    a = net.in_edge[first + k] if k < degree else -1
    if j == NEXT_BLOCKED:
        if a >= 0:
            link[a, L_BLOCKED] = 1
        else:
            node[n, N_BLOCKED] = 1
        emit(E_BLOCKED, v, t, ready, state.event, state.clock)  # row 0 holds the closed edge
        return
    if j == NEXT_TURNS:
        dest = np.int64(state.dest_turned[vehicle[v, V_DEST]])
        vehicle[v, V_DEST] = dest
        if a >= 0:
            slot = link[a, L_RING] + (link[a, L_NOUT] & link[a, L_MASK])
            state.ring[slot, R_WHO] = in_ring(v, cls, dest)
        state.queue_next[first + 2 * n + k] = NEXT_UNKNOWN
        # Who has no other way is let past a barrier: nobody has turned then.
        other = next_edge(dest, n, state.route, net.out_ptr, net.out_edge)
        if link[ready, L_CLOSED] == SHUT or other != ready:
            emit(E_TURNED, v, t, ready, state.event, state.clock)
        return
    if a >= 0:
        if j >= 0:
            start = max(node[n, N_CLOCK], link[a, L_TAG])
            node[n, N_CLOCK] = start
            link[a, L_TAG] = start + link[a, L_TAG_INC]
        leave_link(a, v, cls, ready, t, net, state)
    else:
        if j >= 0 and k == degree:
            start = max(node[n, N_CLOCK], node[n, N_TAG])
            node[n, N_CLOCK] = start
            node[n, N_TAG] = start + node[n, N_TAG_INC]
        leave_origin(n, k - degree, v, ready, t, state)
    if j >= 0:
        enter_link(j, v, cls, t, state, net.classes)
        if state.vehicle_watch[v] != 0:
            emit(E_PASSED if a >= 0 else E_ENTERED, v, t, j, state.event, state.clock)
        return
    vehicle[v, V_PLACE] = -1 - n
    vehicle[v, V_T_IN] = t
    if j == NEXT_ARRIVED:
        vehicle[v, V_STATE] = S_ARRIVED
        emit(E_ARRIVED, v, t, n, state.event, state.clock)
    else:
        vehicle[v, V_STATE] = S_STRANDED
        state.vehicle_reason[v] = R_NO_ROUTE
        emit(E_STRANDED, v, t, n, state.event, state.clock)


@jit(inline="always")
def visit(n, t_end, net, state, extra):  # type: ignore[no-untyped-def]
    """Make every move of node `n` before `t_end`; return False if the event buffer is full."""
    out, due, wants = net.scratch, state.queue_due, state.queue_next
    base = net.in_ptr[n] + 2 * n
    queues = net.in_ptr[n + 1] - net.in_ptr[n] + 2
    every = state.node[n, N_LOOK] != 0 or state.node[n, N_PRIORITY] > 0
    state.node[n, N_LOOK] = 0
    extra[0] = FAR
    best, j, soonest = -1, -1, 0
    while True:
        # At first every queue that is due is looked at, then those that the last move concerns.
        last, best = best, -1
        t, first = t_end, FAR
        for k in range(queues):
            at = due[base + k]
            if last < 0:
                concerned = every or at < t_end
            else:
                concerned = k == last or at < 0 or (j >= 0 and wants[base + k] == j)
            if concerned:
                look(k, n, t_end, net, state, extra)
                at = due[base + k]
            if at < first:
                first, soonest = at, k
            # Earliest first; a tie goes to the smaller merge tag, then to the first queue.
            if at < t or (
                at == t and best >= 0 and lot(k, n, net, state) < lot(best, n, net, state)
            ):
                best, t = k, at
        if best < 0:
            break
        if state.clock[K_EVENTS] + 2 > state.event.shape[0]:
            schedule(n, t, state.node, state.wheel_head, state.wheel_tail, state.clock)
            return False
        j = out[1, best]
        move(best, n, net, state)
    first = min(first, extra[0])
    if first < FAR:
        state.node[n, N_HINT] = net.in_edge[net.in_ptr[n] + soonest] if soonest < queues - 2 else -1
        schedule(n, first, state.node, state.wheel_head, state.wheel_tail, state.clock)
    return True


@uncounted
@jit()
def advance(until, net, state, extra):  # type: ignore[no-untyped-def]
    """Run the model up to (not including) `until` microseconds.

    Returns False when the event buffer filled up first: drain it and call again.
    """
    clock, node = state.clock, state.node
    head, tail = state.wheel_head, state.wheel_tail
    width = clock[K_BUCKET_US]
    ahead = state.link.shape[0] >= FETCHED
    while clock[K_BUCKET] * width < until:
        if clock[K_QUEUED] == 0:
            clock[K_BUCKET] = until // width
            break
        bucket = clock[K_BUCKET]
        t_end = min((bucket + 1) * width, until)
        b = bucket & (WHEEL - 1)
        while True:
            n = head[b]
            while n >= 0 and node[n, N_DUE] >= t_end:
                after = node[n, N_AFTER]
                if node[n, N_DUE] // width > bucket:
                    due = node[n, N_DUE]
                    unschedule(n, node, head, tail, clock)
                    schedule(n, due, node, head, tail, clock)
                n = after
            if n < 0:
                break
            clock[K_NOW] = max(node[n, N_DUE], clock[K_NOW])
            if ahead:
                fetch_ahead(n, net, state)
            unschedule(n, node, head, tail, clock)
            if not visit(n, t_end, net, state, extra):
                return False
        if t_end < (bucket + 1) * width:
            break
        clock[K_BUCKET] = bucket + 1
    clock[K_NOW] = clock[K_SINCE] = until
    return True
