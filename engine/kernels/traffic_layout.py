"""Layout of the traffic state: which field of which record holds what.

All times inside the traffic kernels are int64 microseconds, lengths of vehicles are
thousandths of a passenger car (so that queues add up exactly), and every mutable number is an
entry of an array of `TrafficState`: copying the arrays is a snapshot.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]
Records = NDArray[np.void]

FAR = np.int64(1) << 60  #: a time that does not come, microseconds
CAR_UNITS = 1000  #: length of one passenger car
WHEEL = 2048  #: buckets of the calendar of due nodes, a power of two


def _record(size: int, **fields: type[np.generic]) -> np.dtype[np.void]:
    """Return the type of a record of `size` bytes, its fields in order."""
    plain = np.dtype(list(fields.items()), align=True)
    layout = {
        "names": list(fields), "formats": list(fields.values()),
        "offsets": [plain.fields[name][1] for name in fields] if plain.fields else [],
        "itemsize": size,
    }
    return np.dtype(layout, align=True)  # type: ignore[call-overload, no-any-return]


# Records begin at cache lines and hold together what is read together. Times are microseconds,
# lengths thousandths of a car; a number that counts vehicles, links or nodes has 32 bits.

#: Link, two lines: what both ends and those who leave need, then what those who enter need.
#: `nin` and `nout` count entries and exits, `ring` and `mask` say where its queue lies; `wptr` (which)
#: and `wcum` (lengths up to there) follow the leavers whose waves let the next ones in, the last of
#: them left by `wtime`; `queue` is its place among the queues.
LINK = _record(
    128,
    nin=np.int32, nout=np.int32, ring=np.int32, mask=np.int32,
    out_ok=np.int64, headway=np.int64, tag=np.int64, cum_out=np.int64, wtime=np.int64,
    priority=np.int32, waiting=np.uint8, blocked=np.uint8, closed=np.uint8,
    cum_in=np.int64, in_ok=np.int64, wcum=np.int64, wave=np.int64, travel=np.int64, store=np.int64,
    wptr=np.int32, queue=np.int32, from_node=np.int32, to_node=np.int32,
)

#: What is measured on a link and stands on it: travel times of those who left (sum and number since
#: the last reset, the last), obstacles; what one who leaves adds to the link's merge tag.
TALLY = _record(
    64,
    free=np.int64, tt_sum=np.int64, last_tt=np.int64, last_exit=np.int64, length_mm=np.int64,
    obstacle_units=np.int64, tag_inc=np.int64, obstacles=np.int32, tt_n=np.int32,
)

#: Node, one line: due time and its place in the calendar, fair-merge clock, origin queues; response
#: vehicles on the links that lead here, how many these are; first of its queues; 1 = look at every
#: queue at the next visit.
NODE = _record(
    64,
    due=np.int64, clock=np.int64, tag=np.int64,
    before=np.int32, after=np.int32, head=np.int32, tail=np.int32, phead=np.int32, ptail=np.int32,
    hint=np.int32, queue=np.int32, priority=np.int16, degree=np.uint16,
    bucket=np.int16, look=np.uint8, blocked=np.uint8,
)

#: Queue: the edge that its head wants (with EARLY or LONG) or NEXT_..., and the link whose queue it
#: is, -1 for those of the origin. When the head can move (LOOK = not known, FAR = asleep) lies apart,
#: in `due`: the earliest of a node is told in one step.
QUEUE = _record(8, wants=np.int32, edge=np.int32)
#: Queues seen in one step; those of a node fill up to a multiple of it.
TOGETHER = 8

#: Vehicle, one line. `place` is an edge, or -1 - node; `after` the next in the same origin queue;
#: `watch` 1 = report each link entered.
VEHICLE = _record(
    64,
    t_in=np.int64, due=np.int64, worst_us=np.int64,
    dest=np.int32, place=np.int32, worst_place=np.int32, seq=np.int32, after=np.int32,
    state=np.uint8, vclass=np.uint8, reason=np.uint8, watch=np.uint8,
)

#: Entry of a link's ring: who (vehicle, class and destination in one number, so that moving a queue
#: reads one place; or GHOST); earliest exit of those on the link, exit time of those that left.
RING = _record(16, who=np.int64, time=np.int64)

#: Vehicle classes: length, speed factor in thousandths, least nanoseconds per millimetre (its
#: own top speed), 1 = passes queues, least nanoseconds per millimetre past a standing queue.
CLASS = _record(
    40, units=np.int64, factor=np.int64, ns_per_mm=np.int64, priority=np.int64,
    queue_ns_per_mm=np.int64,
)

#: What the head of a queue wants, for the length of a visit: when it was ready, edge, merge tag.
WISH = _record(
    64, ready=np.int64, wants=np.int64, vehicle=np.int64, tag=np.int64, vclass=np.int64,
)

# Clock. SINCE is when the present advance began: nothing may happen before it any more.
(K_NOW, K_BUCKET, K_BUCKET_US, K_EVENTS, K_QUEUED, K_MOVES, K_ON_LINK, K_WAITING,
 K_SINCE) = range(9)
K_COLUMNS = 9

# Vehicle states.
(S_UNUSED, S_WAITING, S_ON_LINK, S_ARRIVED, S_STRANDED, S_STRANDED_ON_LINK, S_ABANDONED) = range(7)

# Reasons.
(R_NONE, R_NO_ROUTE, R_IMPASSABLE, R_ABANDONED, R_TOWED) = range(5)

# Events: rows of (kind, vehicle, time_us, place).
(E_ARRIVED, E_STRANDED, E_PASSED, E_BLOCKED, E_STRANDED_ON_LINK, E_ENTERED, E_TURNED) = range(1, 8)

# Ranks in the route table.
RANK_ARRIVED = 254
RANK_NONE = 255

# What the head of a queue wants next, besides an edge number.
NEXT_UNKNOWN, NEXT_ARRIVED, NEXT_NONE, NEXT_BLOCKED, NEXT_TURNS, NEXT_NOTHING = range(-1, -7, -1)

# What `closed` of a link says: nobody enters; or only those enter whose routes know the link is barred.
OPEN, SHUT, BARRED = 0, 1, 2

# What `wants` of a queue says besides the edge: the head is not due yet; it is longer than a car.
EARLY, LONG = 1 << 30, 1 << 29
EDGE = LONG - 1
#: The bits of a QUEUE that hold `wants`, except LONG.
CAR_WANTS = 0xFFFFFFFF & ~LONG

#: Due time of a queue that has to be looked at.
LOOK = np.int64(-1)

_LINES = 128  # bytes; processors fetch lines of 64 in pairs

# A vehicle taken out of the middle of a queue leaves an entry of no length.
GHOST = -1


def uncounted(dispatcher: Any) -> Any:
    """Compile a kernel without reference counts on its arrays.

    The state travels as one tuple of arrays, and counting each of them at every use takes nine
    tenths of the time. Allowed because these kernels allocate nothing and return no array.
    """
    dispatcher.targetoptions["_nrt"] = False
    return dispatcher


def room(bytes_: int) -> NDArray[np.uint8]:
    """Return memory that begins at a boundary of two cache lines, so that no record lies across one.

    Large rooms get large pages where the system has them (numpy asks for them from 4 MiB on).
    """
    raw = np.empty(bytes_ + _LINES, dtype=np.uint8)
    begin = -raw.ctypes.data % _LINES
    return raw[begin : begin + bytes_]


def aligned(array: NDArray[Any]) -> NDArray[Any]:
    """Return a copy that begins at a boundary of two cache lines."""
    return _laid(room(array.nbytes), array)


def _laid(where: NDArray[np.uint8], array: NDArray[Any]) -> NDArray[Any]:
    where[:] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)  # gaps in records, too
    return where.view(array.dtype).reshape(array.shape)


def together(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return copies of arrays side by side in one room: small ones share its large pages."""
    size = {name: -(-array.nbytes // _LINES) * _LINES for name, array in arrays.items()}
    whole, begin, out = room(sum(size.values())), 0, {}
    for name, array in arrays.items():
        out[name] = _laid(whole[begin : begin + array.nbytes], array)
        begin += size[name]
    return out


class TrafficState(NamedTuple):
    """Every mutable number of the traffic model, arrays only."""

    link: Records  # [edges] LINK
    tally: Records  # [edges] TALLY
    node: Records  # [nodes] NODE
    vehicle: Records  # [vehicles] VEHICLE
    ring: Records  # [slots] RING: vehicles on each link, oldest first, then recent leavers
    # Queues of a node side by side: links in the order of in_edge, origin queue, its priority lane,
    # none up to a multiple of TOGETHER.
    queue: Records  # [queues] QUEUE
    due: I64  # [queues]
    origin_tag_inc: I64  # [nodes] what a vehicle that starts there adds to the merge tag
    wheel_head: I32  # [WHEEL] first due node of each bucket
    wheel_tail: I32  # [WHEEL]
    route: U8  # [destinations, nodes] out-edge rank
    event: I64  # [rows, 4] buffer, drained by the shell
    clock: I64  # [K_COLUMNS]
    edge_speed_mps: NDArray[np.float64]  # [edges] current
    edge_capacity_vps: NDArray[np.float64]  # [edges] current, before obstacles
    edge_jam_vpm: NDArray[np.float64]  # [edges] current
    edge_closed: NDArray[np.bool_]  # [edges] nobody can enter
    edge_barred: NDArray[np.bool_]  # [edges] only who has no other way may drive there
    edge_known_closed: NDArray[np.bool_]  # [edges] closures that routes avoid
    edge_cost_ms: I64  # [edges] cost behind the present routes
    target_dest: I32  # [targets] destination each target node belongs to
    target_node: I32  # [targets]
    target_cost_ms: I64  # [targets]
    dest_used: NDArray[np.bool_]  # [destinations]
    dest_view: NDArray[np.int8]  # [destinations] view that routes it, 0 = the common knowledge
    dest_turned: I32  # [destinations] row followed from the first closure met, -1 = none
    view_cost_ms: I64  # [views, edges] costs as each further view knows them

    def copy(self) -> TrafficState:
        """Return an independent copy of every array."""
        return TrafficState(**together(self._asdict()))


class TrafficNet(NamedTuple):
    """What never changes: topology, ranks, vehicle classes, scratch."""

    in_ptr: I32  # [nodes + 1]
    in_edge: I32  # [edges]
    out_ptr: I32  # [nodes + 1]
    out_edge: I32  # [edges]
    edge_rank: U8  # [edges] rank of the edge among the out-edges of its tail
    classes: Records  # [classes] CLASS
    merge: I64  # [2] 0 = in turn, 1 = by draw; seed of the draws
    wish: Records  # [max in-degree + 2] WISH, overwritten at every visit
