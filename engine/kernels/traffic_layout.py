"""Layout of the traffic state: which column of which array holds what.

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

FAR = np.int64(1) << 60  #: a time that does not come, microseconds
CAR_UNITS = 1000  #: length of one passenger car
WHEEL = 2048  #: buckets of the calendar of due nodes, a power of two

# Link record. Columns 0-7 are read at the downstream node, 8-15 at the upstream node; each
# group is one cache line.
(L_NIN, L_NOUT, L_OUT_OK, L_HEADWAY, L_RING, L_MASK, L_TAG, L_TAG_INC,
 L_CUM_IN, L_IN_OK, L_WPTR, L_WCUM, L_STORE, L_WAVE, L_TRAVEL, L_CLOSED,
 L_QUEUE, L_FROM, L_TO, L_CUM_OUT, L_WAITING, L_PRIORITY, L_TT_SUM, L_TT_N,
 L_LAST_TT, L_LENGTH_MM, L_OBSTACLES, L_OBSTACLE_UNITS, L_BLOCKED, L_FREE, L_LAST_EXIT,
 L_ENTERED) = range(32)
L_COLUMNS = 32

# Node record: due time and its place in the calendar, origin queues, fair-merge clock; 1 = look at
# every queue at the next visit; response vehicles on the links that lead here.
(N_DUE, N_BEFORE, N_AFTER, N_BUCKET, N_HEAD, N_TAIL, N_PHEAD, N_PTAIL, N_CLOCK, N_TAG, N_TAG_INC,
 N_BLOCKED, N_LOOK, N_PRIORITY, N_HINT) = range(15)
N_COLUMNS = 16

# Vehicle record, one cache line. PLACE is an edge, or -1 - node.
(V_DEST, V_STATE, V_PLACE, V_T_IN, V_DUE, V_WORST_US, V_WORST_PLACE, V_SEQ) = range(8)
V_COLUMNS = 8

# Entry of a link's ring: who (vehicle, class and destination in one number, so that moving a queue
# reads one place; or GHOST); earliest exit of those on the link, exit time of those that left.
(R_WHO, R_TIME) = range(2)
R_COLUMNS = 2

# Vehicle classes: length, speed factor in thousandths, least nanoseconds per millimetre (its
# own top speed), 1 = passes queues, least nanoseconds per millimetre past a standing queue.
(C_UNITS, C_FACTOR, C_NS_PER_MM, C_PRIORITY, C_QUEUE_NS_PER_MM) = range(5)

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
NEXT_UNKNOWN, NEXT_ARRIVED, NEXT_NONE, NEXT_BLOCKED, NEXT_TURNS = -1, -2, -3, -4, -5

# What L_CLOSED says: nobody enters; or only those enter whose routes know the link is barred.
OPEN, SHUT, BARRED = 0, 1, 2

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


def aligned(array: NDArray[Any]) -> NDArray[Any]:
    """Return a copy that begins at a boundary of two cache lines, so that no record lies across one."""
    room = np.empty(array.nbytes + _LINES, dtype=np.uint8)
    begin = -room.ctypes.data % _LINES
    out = room[begin : begin + array.nbytes].view(array.dtype).reshape(array.shape)
    out[...] = array
    return out


class TrafficState(NamedTuple):
    """Every mutable number of the traffic model, arrays only."""

    link: I64  # [edges, L_COLUMNS]
    node: I64  # [nodes, N_COLUMNS]
    vehicle: I64  # [vehicles, V_COLUMNS]
    vehicle_class: U8  # [vehicles]
    vehicle_reason: U8  # [vehicles]
    vehicle_watch: U8  # [vehicles] 1 = report each node passed
    vehicle_after: I32  # [vehicles] next vehicle in the same origin queue
    ring: I64  # [slots, R_COLUMNS] vehicles on each link, oldest first, then recent leavers
    # Queues of a node side by side: links in the order of in_edge, origin queue, its priority lane.
    queue_due: I64  # [edges + 2 nodes] when the head can move, LOOK = not known, FAR = asleep
    queue_next: I32  # [edges + 2 nodes] edge the head wants, or NEXT_...
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
        return TrafficState(**{name: aligned(array) for name, array in self._asdict().items()})


class TrafficNet(NamedTuple):
    """What never changes: topology, ranks, vehicle classes, scratch."""

    in_ptr: I32  # [nodes + 1]
    in_edge: I32  # [edges]
    out_ptr: I32  # [nodes + 1]
    out_edge: I32  # [edges]
    edge_rank: U8  # [edges] rank of the edge among the out-edges of its tail
    classes: I64  # [classes, 5]
    merge: I64  # [2] 0 = in turn, 1 = by draw; seed of the draws
    scratch: I64  # [5, max in-degree + 2] overwritten at every visit
