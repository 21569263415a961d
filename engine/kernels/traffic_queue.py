"""One link of the traffic kernel: when it takes in the next vehicle, who passes whose queue, whom a move
concerns.

See `engine.kernels.traffic` for the model.
"""

from __future__ import annotations

import numpy as np

from engine.kernels._jit import at, eight_below, eight_equal, jit
from engine.kernels.traffic_layout import (
    CAR_UNITS,
    CAR_WANTS,
    FAR,
    NEXT_ARRIVED,
    NEXT_NONE,
    NEXT_UNKNOWN,
    RANK_ARRIVED,
    RANK_NONE,
    SHUT,
    TOGETHER,
    uncounted,
)


@jit(inline="always")
def in_ring(v, cls, dest):  # type: ignore[no-untyped-def]
    """Return vehicle, class and destination as one number (`who` of a ring's entry)."""
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
def entry_time(j, units, soonest, link, ring, classes):  # type: ignore[no-untyped-def]
    """Return when link `j` admits a vehicle of `units` from `soonest` on (FAR = when someone has left)."""
    it = at(link, j)
    if it.closed == SHUT:
        return FAR
    if it.in_ok > soonest:
        soonest = it.in_ok
    # It takes the place of leavers up to `need`. Leavers behind the pointer may be overwritten, so it
    # must also keep up with the ring.
    need = it.cum_in + units - it.store
    floor = it.nin - it.mask + 2
    if it.wcum >= need and it.wptr >= floor and it.wtime + it.wave <= soonest:
        return soonest
    return follow_leavers(j, need, floor, soonest, link, ring, classes)


@jit(inline="always")
def follow_leavers(j, need, floor, soonest, link, ring, classes):  # type: ignore[no-untyped-def]
    """Return when the wave of the leaver up to `need` lets the next one in on link `j`, see `entry_time`.

    Where that is no later than `soonest`, the pointer goes ahead over all whose waves have arrived by
    then: those who take their places need not look.
    """
    it = at(link, j)
    base, mask, out, wave = it.ring, it.mask, it.nout, it.wave
    p, cum, latest = np.int64(it.wptr), it.wcum, it.wtime
    while (cum < need or p < floor) and p < out:
        slot = at(ring, base + (p & mask))
        if slot.who >= 0:
            cum += at(classes, class_in(slot.who)).units
        latest = max(latest, slot.time)
        p += 1
    if p >= floor and cum - need >= CAR_UNITS:
        # The pointer is ahead, a longer vehicle asked before, or room was made: look back for the
        # leaver that matters.
        while p > floor and p > 0:
            who = at(ring, base + ((p - 1) & mask)).who
            units_left = at(classes, class_in(who)).units if who >= 0 else 0
            if cum - units_left < need:
                break
            cum -= units_left
            p -= 1
    it.wptr, it.wcum, it.wtime = p, cum, latest
    if p < floor or cum < need:
        if p >= floor and it.cum_in == it.cum_out:
            return soonest  # an empty link admits any vehicle, however short the link
        it.waiting = 1
        return FAR
    if need > 0 and p > 0:
        left = at(ring, base + ((p - 1) & mask)).time
        over = cum - need
        if over > 0 and p >= 2:
            gap = left - at(ring, base + ((p - 2) & mask)).time
            if gap > it.headway:
                gap = it.headway
            if over > CAR_UNITS:
                over = CAR_UNITS
            left -= gap * over // CAR_UNITS
        if left + wave > soonest:
            return left + wave
    while p < out:
        slot = at(ring, base + (p & mask))
        if slot.time + wave > soonest:
            break
        if slot.who >= 0:
            cum += at(classes, class_in(slot.who)).units
        latest = max(latest, slot.time)
        p += 1
    it.wptr, it.wcum, it.wtime = p, cum, latest
    return soonest


@jit(inline="always")
def next_edge(dest, n, route, out_ptr, out_edge):  # type: ignore[no-untyped-def]
    """Return the edge on the way from node `n` to `dest`, or NEXT_ARRIVED or NEXT_NONE."""
    rank = at(route, dest * route.shape[1] + n)
    if rank == RANK_ARRIVED:
        return NEXT_ARRIVED
    if rank == RANK_NONE:
        return NEXT_NONE
    return at(out_edge, at(out_ptr, n) + rank)


@jit(inline="always")
def all_of(count):  # type: ignore[no-untyped-def]
    """Return the bits of the next `count` queues, at most TOGETHER."""
    return (1 << count) - 1 if count < TOGETHER else (1 << TOGETHER) - 1


@jit(inline="always")
def touched(first, base, last, onto, queue, due):  # type: ignore[no-untyped-def]
    """Return which of the queues from `first` on the move of queue `last` onto link `onto` concerns.

    They are `last` itself, those that have to be looked at, and those that wait for the same link.
    """
    unknown = eight_below(due, base + first, 0)
    rivals = eight_equal(queue, base + first, CAR_WANTS, onto) & eight_below(due, base + first, FAR)
    itself = 1 << (last - first) if first <= last < first + TOGETHER else 0
    return unknown | rivals | itself


@uncounted
@jit()
def pass_queue(a, t_end, link, vehicle, ring, queue, classes):  # type: ignore[no-untyped-def]
    """Bring a priority vehicle that has reached the end of link `a` to the head of its queue.

    Returns when the next priority vehicle behind the head is due, FAR if none.
    """
    base, mask = at(link, a).ring, at(link, a).mask
    out = at(link, a).nout
    first = at(ring, base + (out & mask)).who
    if first >= 0 and at(classes, class_in(first)).priority != 0:
        return FAR
    due = FAR
    for s in range(out + 1, at(link, a).nin):
        slot = at(ring, base + (s & mask))
        who, t = slot.who, slot.time
        if who < 0 or at(classes, class_in(who)).priority == 0:
            continue
        if t >= t_end:
            due = min(due, t)
            continue
        for r in range(s, out, -1):
            to, other = at(ring, base + (r & mask)), at(ring, base + ((r - 1) & mask))
            to.who = other.who
            to.time = other.time
            if other.who >= 0:
                at(vehicle, vehicle_in(other.who)).seq = r
        head = at(ring, base + (out & mask))
        head.who = who
        head.time = t
        at(vehicle, vehicle_in(who)).seq = out
        at(queue, at(link, a).queue).wants = NEXT_UNKNOWN
        return FAR
    return due


@uncounted
@jit()
def past_queue(j, t, travel, link, tally, ring, classes, ns_per_mm):  # type: ignore[no-untyped-def]
    """Return the travel time over link `j` of a vehicle that passes the queue standing on it at `t`.

    Along the queue, those who could have left by now at jam density, it drives no faster than
    `ns_per_mm` allows.
    """
    it = at(link, j)
    held = 0
    for s in range(it.nout, it.nin):
        slot = at(ring, it.ring + (s & it.mask))
        if slot.who >= 0:
            if slot.time > t:
                break
            held += at(classes, class_in(slot.who)).units
    slow = at(tally, j).length_mm * ns_per_mm // 1000
    if held == 0 or slow <= travel:
        return travel
    return travel + (slow - travel) * min(held, it.store) // it.store
