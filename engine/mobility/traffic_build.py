"""Arrays of the traffic model, built from link tables."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.kernels import traffic_layout as lay
from engine.kernels.paths import group_edges
from engine.kernels.traffic_layout import TrafficNet, TrafficState

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]


class VehicleClass(NamedTuple):
    """What a class of vehicles is on the road.

    `cars` length in passenger cars, `factor` on a link's speed, `top_mps` its own top speed,
    `passes` whether it passes queues, `past_queue_mps` its top speed along a standing queue.
    """

    cars: float
    factor: float = 1.0
    top_mps: float = math.inf
    passes: bool = False
    past_queue_mps: float = math.inf


#: A bus counts 2.0 passenger cars (HCM 2016 heavy vehicles on level terrain; recalled).
#:
#: A response vehicle with lights and siren is the next to move wherever vehicles queue: on links, at
#: merges and where it starts. It is no ghost: it has its length, enters a link only when that has
#: room and one headway after the vehicle before, and past those who stand on a link it drives at most
#: 8.9 m/s (20 mph, the limit in centre and oncoming lanes in the model procedure of the fire service
#: of the United States; recalled, unconfirmed). It takes no speed beyond that of the free road:
#: guidance allows 10 mph above the limit under the best conditions and nothing on wet roads
#: (volunteer-firefighter-safety.org), and a city after an earthquake offers no such conditions. Lights
#: and siren saved ambulances 38.5 % of the time in a city (Ho & Casey 1998, n=64), 30.9 % in the
#: country (Ho & Lindquist 2001, n=67), 106 s (Brown et al. 2000, n=32) and 43.5 s (Hunt et al. 1995,
#: n=50) a run. These savings hold stops at signals, which nobody makes here: signals are capacities.
VEHICLE_CLASSES: dict[str, VehicleClass] = {
    "car": VehicleClass(1.0),
    "bus": VehicleClass(2.0, top_mps=22.2),
    "emergency": VehicleClass(1.0, passes=True, past_queue_mps=8.94),
}
_EVENT_ROWS = 1 << 15


def build_net(
    n_nodes: int, from_node: I32, to_node: I32, merge_draw_seed: int | None = None
) -> TrafficNet:
    """Return topology and class table; ValueError for a node with more than 250 out- or 65,000 in-edges."""
    out = group_edges(n_nodes, from_node, to_node)
    into = group_edges(n_nodes, to_node, from_node)
    rank = np.empty(from_node.size, dtype=np.int64)
    rank[out.edge] = np.arange(from_node.size) - np.repeat(out.ptr[:-1], np.diff(out.ptr))
    if rank.size and rank.max() > 250:
        raise ValueError("a node has more than 250 outgoing links")
    classes = np.zeros(len(VEHICLE_CLASSES), dtype=lay.CLASS)
    for row, vehicles in zip(classes, VEHICLE_CLASSES.values(), strict=True):
        row["units"] = round(vehicles.cars * lay.CAR_UNITS)
        row["factor"] = round(vehicles.factor * 1000)
        row["ns_per_mm"] = round(1e6 / vehicles.top_mps)  # 0 without a top speed
        row["priority"] = int(vehicles.passes)
        row["queue_ns_per_mm"] = round(1e6 / vehicles.past_queue_mps)
    widest = int(np.diff(into.ptr).max()) if n_nodes else 0
    if widest > 65_000:
        raise ValueError("a node has more than 65000 incoming links")
    wish = lay.aligned(np.zeros(widest + 2, dtype=lay.WISH))
    return TrafficNet(
        into.ptr, into.edge, out.ptr, out.edge, rank.astype(np.uint8), classes,
        np.array([merge_draw_seed is not None, merge_draw_seed or 0], dtype=np.int64), wish
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
    capacity_vps: F64, jam_vpm: F64, wave_us: I64, merge_weight: F64, origin_weight: F64,
    max_vehicles: int, max_destinations: int, bucket_ms: int, n_views: int = 0,
) -> TrafficState:
    """Return the empty network at time 0; rings leave room for twice the jam density."""
    n_edges, n_nodes = length_m.size, net.in_ptr.size - 1
    link, tally = np.zeros(n_edges, dtype=lay.LINK), np.zeros(n_edges, dtype=lay.TALLY)
    headway, travel, store = link_columns(
        length_m, speed_mps, capacity_vps, jam_vpm, np.ones(n_edges),
        np.zeros(n_edges, dtype=np.int64), 1.0,
    )
    slots = 2.0 * np.ceil(store / lay.CAR_UNITS) + 8
    size = (1 << np.ceil(np.log2(slots)).astype(np.int64)).astype(np.int64)
    link["ring"] = np.cumsum(size) - size
    link["mask"] = size - 1
    link["headway"], link["store"], link["wave"] = headway, store, wave_us
    link["travel"] = tally["free"] = travel
    link["wtime"] = -lay.FAR
    tally["length_mm"] = np.rint(1000 * length_m).astype(np.int64)
    link["from_node"], link["to_node"] = from_node, to_node
    tally["tag_inc"] = np.rint(1e6 / np.maximum(merge_weight, 1e-6)).astype(np.int64)
    degree = np.diff(net.in_ptr)
    blocks = -(-(degree + 2) // lay.TOGETHER)
    first = lay.TOGETHER * (np.cumsum(blocks) - blocks)
    queue = np.zeros(lay.TOGETHER * int(blocks.sum()), dtype=lay.QUEUE)
    queue["wants"], queue["edge"] = lay.NEXT_UNKNOWN, -1
    link["queue"][net.in_edge] = np.arange(n_edges) + np.repeat(first - net.in_ptr[:-1], degree)
    queue["edge"][link["queue"]] = np.arange(n_edges)
    node = np.zeros(n_nodes, dtype=lay.NODE)
    for field in ("before", "after", "bucket", "head", "tail", "phead", "ptail", "hint"):
        node[field] = -1
    node["queue"], node["degree"] = first, degree
    start_inc = np.rint(1e6 / np.maximum(origin_weight, 1e-6)).astype(np.int64)
    vehicle = np.zeros(max_vehicles, dtype=lay.VEHICLE)
    vehicle["place"] = vehicle["after"] = -1
    clock = np.zeros(lay.K_COLUMNS, dtype=np.int64)
    clock[lay.K_BUCKET_US] = bucket_ms * 1000
    ring = np.zeros(int(size.sum()), dtype=lay.RING)
    ring["who"] = lay.GHOST
    return TrafficState(
        link=link, tally=tally, node=node, vehicle=vehicle, ring=ring, queue=queue,
        due=np.full(queue.size, lay.FAR, dtype=np.int64),
        origin_tag_inc=np.broadcast_to(start_inc, n_nodes).copy(),
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
    ).copy()
