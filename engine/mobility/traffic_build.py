"""Arrays of the traffic model, built from link tables."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from engine.kernels import traffic_layout as lay
from engine.kernels.paths import group_edges
from engine.kernels.traffic_layout import TrafficNet, TrafficState

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

#: Vehicle classes: (passenger-car equivalents, speed factor, own top speed m/s, passes queues).
#: A bus counts 2.0 passenger cars (HCM 2016 heavy vehicles on level terrain [R]); a response
#: vehicle passes queues on links, at merges and at its origin, and takes no extra speed.
VEHICLE_CLASSES: dict[str, tuple[float, float, float, bool]] = {
    "car": (1.0, 1.0, math.inf, False),
    "bus": (2.0, 1.0, 22.2, False),
    "emergency": (1.0, 1.0, math.inf, True),
}
_EVENT_ROWS = 1 << 15


def build_net(n_nodes: int, from_node: I32, to_node: I32) -> TrafficNet:
    """Return topology and class table; ValueError for a node with more than 250 out-edges."""
    out = group_edges(n_nodes, from_node, to_node)
    into = group_edges(n_nodes, to_node, from_node)
    rank = np.empty(from_node.size, dtype=np.int64)
    rank[out.edge] = np.arange(from_node.size) - np.repeat(out.ptr[:-1], np.diff(out.ptr))
    if rank.size and rank.max() > 250:
        raise ValueError("a node has more than 250 outgoing links")
    classes = np.zeros((len(VEHICLE_CLASSES), 4), dtype=np.int64)
    for row, (length, factor, top, first) in zip(classes, VEHICLE_CLASSES.values(), strict=True):
        row[lay.C_UNITS] = round(length * lay.CAR_UNITS)
        row[lay.C_FACTOR] = round(factor * 1000)
        row[lay.C_NS_PER_MM] = 0 if math.isinf(top) else round(1e6 / top)
        row[lay.C_PRIORITY] = int(first)
    widest = int(np.diff(into.ptr).max()) if n_nodes else 0
    scratch = np.zeros((5, widest + 2), dtype=np.int64)
    return TrafficNet(
        into.ptr, into.edge, out.ptr, out.edge, rank.astype(np.uint8), classes, scratch
    )


def link_columns(
    length_m: F64, speed_mps: F64, capacity_vps: F64, jam_vpm: F64, lanes: F64, obstacles: I64,
    squeeze_share: float,
) -> tuple[I64, I64, I64]:
    """Return headway and travel time (microseconds) and storage (thousandths of a car) [n].

    Each obstacle takes one lane's share of the capacity, down to `squeeze_share`.
    """
    left = np.maximum(1.0 - obstacles / lanes, np.where(obstacles > 0, squeeze_share, 1.0))
    rate = np.maximum(capacity_vps * left, 1e-6)  # a link without capacity is also closed
    headway = np.rint(1e6 / rate).astype(np.int64)
    speed = np.where(speed_mps > 0, speed_mps, 1.0)
    travel = np.maximum(np.rint(1e6 * length_m / speed), 1000).astype(np.int64)
    store = np.maximum(np.rint(lay.CAR_UNITS * jam_vpm * length_m), lay.CAR_UNITS)
    return headway, travel, store.astype(np.int64)


def build_state(
    net: TrafficNet, from_node: I32, to_node: I32, length_m: F64, speed_mps: F64,
    capacity_vps: F64, jam_vpm: F64, wave_us: I64, merge_weight: F64, origin_weight: float,
    max_vehicles: int, max_destinations: int, bucket_ms: int, n_views: int = 0,
) -> TrafficState:
    """Return the empty network at time 0; rings leave room for twice the jam density."""
    n_edges, n_nodes = length_m.size, net.in_ptr.size - 1
    link = np.zeros((n_edges, lay.L_COLUMNS), dtype=np.int64)
    headway, travel, store = link_columns(
        length_m, speed_mps, capacity_vps, jam_vpm, np.ones(n_edges),
        np.zeros(n_edges, dtype=np.int64), 1.0,
    )
    slots = 2.0 * np.ceil(store / lay.CAR_UNITS) + 8
    size = (1 << np.ceil(np.log2(slots)).astype(np.int64)).astype(np.int64)
    link[:, lay.L_RING] = np.cumsum(size) - size
    link[:, lay.L_MASK] = size - 1
    link[:, lay.L_HEADWAY], link[:, lay.L_STORE], link[:, lay.L_WAVE] = headway, store, wave_us
    link[:, lay.L_TRAVEL] = link[:, lay.L_FREE] = travel
    link[:, lay.L_LENGTH_MM] = np.rint(1000 * length_m).astype(np.int64)
    link[:, lay.L_FROM], link[:, lay.L_TO] = from_node, to_node
    link[:, lay.L_HEAD_NEXT] = lay.NEXT_UNKNOWN
    link[:, lay.L_TAG_INC] = np.rint(1e6 / np.maximum(merge_weight, 1e-6)).astype(np.int64)
    node = np.zeros((n_nodes, lay.N_COLUMNS), dtype=np.int64)
    for column in (lay.N_BEFORE, lay.N_AFTER, lay.N_BUCKET, lay.N_HEAD, lay.N_TAIL, lay.N_PHEAD,
                   lay.N_PTAIL):
        node[:, column] = -1
    node[:, lay.N_TAG_INC] = round(1e6 / origin_weight)
    vehicle = np.zeros((max_vehicles, lay.V_COLUMNS), dtype=np.int64)
    vehicle[:, lay.V_PLACE] = -1
    clock = np.zeros(8, dtype=np.int64)
    clock[lay.K_BUCKET_US] = bucket_ms * 1000
    total = int(size.sum())
    return TrafficState(
        link=link, node=node, vehicle=vehicle,
        vehicle_class=np.zeros(max_vehicles, dtype=np.uint8),
        vehicle_reason=np.zeros(max_vehicles, dtype=np.uint8),
        vehicle_watch=np.zeros(max_vehicles, dtype=np.uint8),
        vehicle_after=np.full(max_vehicles, -1, dtype=np.int32),
        ring_vehicle=np.full(total, lay.GHOST, dtype=np.int32),
        ring_time=np.zeros(total, dtype=np.int64),
        wheel_head=np.full(lay.WHEEL, -1, dtype=np.int32),
        wheel_tail=np.full(lay.WHEEL, -1, dtype=np.int32),
        route=np.full((max_destinations, n_nodes), lay.RANK_NONE, dtype=np.uint8),
        event=np.zeros((_EVENT_ROWS, 4), dtype=np.int64),
        clock=clock,
        edge_speed_mps=speed_mps.copy(), edge_capacity_vps=capacity_vps.copy(),
        edge_jam_vpm=jam_vpm.copy(),
        edge_closed=np.zeros(n_edges, dtype=bool), edge_barred=np.zeros(n_edges, dtype=bool),
        edge_known_closed=np.zeros(n_edges, dtype=bool),
        edge_cost_ms=np.zeros(n_edges, dtype=np.int64),
        target_dest=np.zeros(0, dtype=np.int32), target_node=np.zeros(0, dtype=np.int32),
        target_cost_ms=np.zeros(0, dtype=np.int64),
        dest_used=np.zeros(max_destinations, dtype=bool),
        dest_view=np.zeros(max_destinations, dtype=np.int8),
        dest_turned=np.full(max_destinations, -1, dtype=np.int32),
        view_cost_ms=np.ones((n_views, n_edges), dtype=np.int64),
    )
