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

from engine.kernels._jit import at, eight_below, eight_equal, eight_least, first_bit, jit, put
from engine.kernels.traffic_calendar import fetch_ahead, schedule, unschedule
from engine.kernels.traffic_layout import (
    CAR_UNITS,
    E_ARRIVED,
    E_BLOCKED,
    E_ENTERED,
    E_PASSED,
    E_STRANDED,
    E_TURNED,
    EARLY,
    EDGE,
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
    LONG,
    LOOK,
    NEXT_ARRIVED,
    NEXT_BLOCKED,
    NEXT_NOTHING,
    NEXT_TURNS,
    NEXT_UNKNOWN,
    R_NO_ROUTE,
    S_ARRIVED,
    S_ON_LINK,
    S_STRANDED,
    SHUT,
    TOGETHER,
    WHEEL,
    uncounted,
)
from engine.kernels.traffic_queue import (
    all_of,
    class_in,
    dest_in,
    entry_time,
    in_ring,
    next_edge,
    pass_queue,
    past_queue,
    touched,
    vehicle_in,
)
from engine.rng import STREAMS, uniform1

_MERGE = STREAMS["traffic.node"]


@jit(inline="always")
def lot(k, n, base, net, state):  # type: ignore[no-untyped-def]
    """Return the merge tag of queue `k`: its own, or a lot drawn for the place its head wants."""
    wish = at(net.wish, k)
    tag, j = wish.tag, wish.wants
    if net.merge[0] == 0 or j < 0 or tag < 0:
        return tag
    # The least of exponential times with the weights as rates wins; drawn anew for every place.
    a = at(state.queue, base + k).edge
    step = at(state.tally, a).tag_inc if a >= 0 else at(state.origin_tag_inc, n)
    chance = uniform1(net.merge[1], _MERGE, wish.vehicle, np.int64(at(state.link, j).nin))
    return int(-math.log(chance) * step)


@jit(inline="always")
def look(k, n, base, degree, t_end, net, state, extra):  # type: ignore[no-untyped-def]
    """Return when the head of queue `k` of node `n` can move (FAR = asleep), and note what it wants.

    It is noted in `wants` and, where it can move before `t_end`, in `wish` of k.
    Queue numbers up to the in-degree are links; then the origin queue and its priority lane.
    """
    link, ring = state.link, state.ring
    queue, node, wish = at(state.queue, base + k), at(state.node, n), at(net.wish, k)
    if k < degree:
        a = queue.edge
        it = at(link, a)
        while it.nout < it.nin:
            slot = at(ring, it.ring + (it.nout & it.mask))
            if slot.who != GHOST:
                break
            slot.time = state.clock[K_NOW]
            it.nout += 1
            queue.wants = NEXT_UNKNOWN
        if it.nout >= it.nin:
            return FAR
        if node.priority > 0 and it.priority > 0:
            due = pass_queue(
                np.int64(a), t_end, link, state.vehicle, ring, state.queue, net.classes)
            extra[0] = min(extra[0], due)
        head = at(ring, it.ring + (it.nout & it.mask))
        ready = max(head.time, it.out_ok)
        who = head.who
        v, cls, dest = vehicle_in(who), class_in(who), dest_in(who)
        j = np.int64(queue.wants)
        if j == NEXT_UNKNOWN:
            j = np.int64(next_edge(dest, n, state.route, net.out_ptr, net.out_edge))
        elif j >= 0:
            j &= EDGE
        if ready >= t_end:
            queue.wants = j | EARLY if j >= 0 else j
            return ready
        tag = it.tag
        told = it.blocked
    else:
        v = np.int64(node.head if k == degree else node.phead)
        if v < 0:
            return FAR
        driver = at(state.vehicle, v)
        ready = driver.due
        if ready >= t_end:
            queue.wants = NEXT_UNKNOWN
            return ready
        tag = node.tag if k == degree else -1
        cls, dest = np.int64(driver.vclass), np.int64(driver.dest)
        j = np.int64(next_edge(dest, n, state.route, net.out_ptr, net.out_edge))
        told = node.blocked
    kind = at(net.classes, cls)
    queue.wants = j | LONG if j >= 0 and kind.units != CAR_UNITS else j
    wish.ready = ready
    wish.vehicle = v
    wish.vclass = cls
    wish.wants = j
    wish.tag = tag if kind.priority == 0 else -1
    # A head that was held back before this advance and finds its way free by what was changed
    # since (new routes, an opening, room made) moves now, not when it would first have liked to.
    soonest = max(ready, state.clock[K_SINCE])
    if j < 0:
        return soonest
    closed = at(link, j).closed
    if closed != 0 and at(state.dest_turned, dest) >= 0:
        wish.ready = j
        wish.wants = NEXT_TURNS
        return soonest
    if closed == SHUT:
        wish.wants = NEXT_BLOCKED
        wish.ready = j
        return soonest if told == 0 else FAR
    return entry_time(j, kind.units, soonest, link, ring, net.classes)


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
def leave_link(q, n, v, cls, ready, t, net, state):  # type: ignore[no-untyped-def]
    """Take the head `v` off the link of queue `q`, to node `n`, at `t`; it could have left at `ready`."""
    queue = at(state.queue, q)
    a = queue.edge
    it, tally, driver = at(state.link, a), at(state.tally, a), at(state.vehicle, v)
    kind = at(net.classes, cls)
    units = kind.units
    out = it.nout
    at(state.ring, it.ring + (out & it.mask)).time = t
    it.nout = out + 1
    it.cum_out += units
    # A head held back from downstream keeps the credit of the headway it could have started.
    it.out_ok = max(ready + it.headway * units // CAR_UNITS, t)
    queue.wants = NEXT_UNKNOWN
    it.blocked = 0
    spent = t - driver.t_in
    tally.tt_sum += spent
    tally.tt_n += 1
    tally.last_tt = spent
    tally.last_exit = t
    if kind.priority != 0:
        it.priority -= 1
        at(state.node, n).priority -= 1
    if spent - tally.free > driver.worst_us:
        driver.worst_us = spent - tally.free
        driver.worst_place = a
    if it.waiting != 0:
        it.waiting = 0
        m = it.from_node
        back = at(state.node, m)
        for p in range(back.queue, back.queue + back.degree + 2):
            other = at(state.queue, p)
            if other.wants & ~LONG == a:
                put(state.due, p, LOOK)
                if other.edge >= 0:
                    back.hint = other.edge
        wake = max(t, t + it.wave - it.headway)
        schedule(m, wake, state.node, state.wheel_head, state.wheel_tail, state.clock)


@jit(inline="always")
def leave_origin(n, common, v, ready, t, state):  # type: ignore[no-untyped-def]
    """Take the head `v` off an origin queue of node `n`: the `common` one or the priority lane."""
    node, driver = at(state.node, n), at(state.vehicle, v)
    after = driver.after
    if common:
        node.head = after
        if after < 0:
            node.tail = -1
    else:
        node.phead = after
        if after < 0:
            node.ptail = -1
    driver.after = -1
    node.blocked = 0
    state.clock[K_WAITING] -= 1
    if t - ready > driver.worst_us:
        driver.worst_us = t - ready
        driver.worst_place = -1 - n


@jit(inline="always")
def enter_link(j, v, cls, t, state, classes):  # type: ignore[no-untyped-def]
    """Put vehicle `v` on link `j` at time `t` and wake the node at its end in time."""
    it, driver, kind = at(state.link, j), at(state.vehicle, v), at(classes, cls)
    units = kind.units
    travel = it.travel
    if cls != 0:
        travel = max(travel * 1000 // kind.factor,
                     at(state.tally, j).length_mm * kind.ns_per_mm // 1000)
        if kind.queue_ns_per_mm != 0:
            travel = past_queue(
                j, t, travel, state.link, state.tally, state.ring, classes, kind.queue_ns_per_mm)
    seq = it.nin
    slot = at(state.ring, it.ring + (seq & it.mask))
    slot.who = in_ring(v, cls, np.int64(driver.dest))
    slot.time = t + travel
    it.nin = seq + 1
    it.cum_in += units
    it.in_ok = t + it.headway * units // CAR_UNITS
    driver.state = S_ON_LINK
    driver.place = j
    driver.t_in = t
    driver.due = t + travel
    driver.seq = seq
    state.clock[K_MOVES] += 1
    n = it.to_node
    if kind.priority != 0:
        it.priority += 1
        at(state.node, n).priority += 1
    if it.nout == seq:
        # A link that leads back to its own node is looked at: its due may lie in this visit.
        around = it.from_node == n
        put(state.due, it.queue, LOOK if around else max(t + travel, it.out_ok))
    if kind.priority != 0 or it.nout == seq:
        at(state.node, n).hint = j
        schedule(n, t + travel, state.node, state.wheel_head, state.wheel_tail, state.clock)


@jit(inline="always")
def move(k, n, t, base, degree, net, state):  # type: ignore[no-untyped-def]
    """Carry out at `t` what queue `k` of node `n` wants (see `look`)."""
    link, node, queue, wish = state.link, at(state.node, n), at(state.queue, base + k), at(net.wish, k)
    ready, j, v, cls = wish.ready, wish.wants, wish.vehicle, wish.vclass
    driver = at(state.vehicle, v)
    on_road = k < degree
    if j == NEXT_BLOCKED:
        if on_road:
            at(link, queue.edge).blocked = 1
        else:
            node.blocked = 1
        emit(E_BLOCKED, v, t, ready, state.event, state.clock)  # `ready` holds the closed edge
        return
    if j == NEXT_TURNS:
        dest = np.int64(at(state.dest_turned, driver.dest))
        driver.dest = dest
        if on_road:
            it = at(link, queue.edge)
            at(state.ring, it.ring + (it.nout & it.mask)).who = in_ring(v, cls, dest)
        queue.wants = NEXT_UNKNOWN
        # Who has no other way is let past a barrier: nobody has turned then.
        other = next_edge(dest, n, state.route, net.out_ptr, net.out_edge)
        if at(link, ready).closed == SHUT or other != ready:
            emit(E_TURNED, v, t, ready, state.event, state.clock)
        return
    if on_road:
        if j >= 0:
            it = at(link, queue.edge)
            start = max(node.clock, it.tag)
            node.clock = start
            it.tag = start + at(state.tally, queue.edge).tag_inc
        else:
            state.clock[K_ON_LINK] -= 1
        leave_link(base + k, n, v, cls, ready, t, net, state)
    else:
        if j >= 0:
            if k == degree:
                start = max(node.clock, node.tag)
                node.clock = start
                node.tag = start + at(state.origin_tag_inc, n)
            state.clock[K_ON_LINK] += 1
        leave_origin(n, k == degree, v, ready, t, state)
    if j >= 0:
        enter_link(j, v, cls, t, state, net.classes)
        if driver.watch != 0:
            emit(E_PASSED if on_road else E_ENTERED, v, t, j, state.event, state.clock)
        return
    driver.place = -1 - n
    driver.t_in = t
    if j == NEXT_ARRIVED:
        driver.state = S_ARRIVED
        emit(E_ARRIVED, v, t, n, state.event, state.clock)
    else:
        driver.state = S_STRANDED
        driver.reason = R_NO_ROUTE
        emit(E_STRANDED, v, t, n, state.event, state.clock)


@jit(inline="always")
def visit(n, t_end, net, state, extra):  # type: ignore[no-untyped-def]
    """Make every move of node `n` before `t_end`; return False if the event buffer is full."""
    node, queue, due, wish = at(state.node, n), state.queue, state.due, net.wish
    base, degree = np.int64(node.queue), np.int64(node.degree)
    queues = degree + 2
    # At first every queue that is due is looked at, then those that the last move concerns. Who is
    # concerned is told eight queues at once, without branches, which the processor could not foretell.
    every = node.look != 0 or node.priority > 0
    node.look = 0
    extra[0] = FAR
    last, onto = -1, NEXT_NOTHING
    while True:
        entry = LOOK
        t, best, tied = FAR, -1, False
        for first in range(0, queues, TOGETHER):
            if last < 0:
                concerned = eight_below(due, base + first, t_end)
                if every:
                    concerned = all_of(queues - first)
            else:
                concerned = touched(first, base, last, onto, queue, due)
            # Earliest first: of the others, then of those concerned.
            when = eight_least(due, base + first, ~concerned)
            same = eight_equal(due, base + first, -1, when) & ~concerned
            if when < t:
                t, best, tied = when, first + first_bit(same), same & (same - 1) != 0
            elif when == t:
                tied = True
            while concerned != 0:
                k = first + first_bit(concerned)
                concerned &= concerned - 1
                when = at(due, base + k)
                if k != last and when >= 0 and at(queue, base + k).wants == onto:
                    # A car that wanted the same link is put off until that takes in the next one.
                    if entry < 0:
                        entry = entry_time(onto, CAR_UNITS, 0, state.link, state.ring, net.classes)
                    when = max(when, entry)
                else:
                    when = look(k, n, base, degree, t_end, net, state, extra)
                put(due, base + k, when)
                tied = when == t or (tied and when > t)
                best = k if when < t else min(best, k) if when == t else best
                t = min(t, when)
        # A tie goes to the smaller merge tag, then to the first queue.
        if t >= t_end:
            break
        if tied:
            for k in range(best + 1, queues):
                if at(due, base + k) == t and lot(k, n, base, net, state) < lot(
                    best, n, base, net, state
                ):
                    best = k
        if state.clock[K_EVENTS] + 2 > state.event.shape[0]:
            schedule(n, t, state.node, state.wheel_head, state.wheel_tail, state.clock)
            return False
        j = at(wish, best).wants
        move(best, n, t, base, degree, net, state)
        last, onto = best, j if j >= 0 else NEXT_NOTHING
    t = min(t, extra[0])
    if t < FAR:
        node.hint = at(queue, base + best).edge if best >= 0 else -1
        schedule(n, t, state.node, state.wheel_head, state.wheel_tail, state.clock)
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
    while clock[K_BUCKET] * width < until:
        if clock[K_QUEUED] == 0:
            clock[K_BUCKET] = until // width
            break
        bucket = clock[K_BUCKET]
        t_end = min((bucket + 1) * width, until)
        b = bucket & (WHEEL - 1)
        while True:
            n = head[b]
            while n >= 0 and at(node, n).due >= t_end:
                after = at(node, n).after
                if at(node, n).due // width > bucket:
                    due = at(node, n).due
                    unschedule(n, node, head, tail, clock)
                    schedule(n, due, node, head, tail, clock)
                n = after
            if n < 0:
                break
            clock[K_NOW] = max(at(node, n).due, clock[K_NOW])
            fetch_ahead(n, net, state)
            unschedule(n, node, head, tail, clock)
            if not visit(n, t_end, net, state, extra):
                return False
        if t_end < (bucket + 1) * width:
            break
        clock[K_BUCKET] = bucket + 1
    clock[K_NOW] = clock[K_SINCE] = until
    return True
