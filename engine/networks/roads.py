"""Roads: depth, rubble, bridges, dark signals, police and blockages become speed, capacity, closure.

The one place where intensities become road state; the pure functions and their sources are in
`road_state.py` and `debris.py`. Further rules:

- A bridge with extensive damage is closed to vehicles, with complete damage to everyone.
- Junctions with signals are not in the source: signals are assumed where three or more arms of
  tertiary class or above meet, one of them secondary or above.
- Walking: rubble narrows (never closes) a street for walkers, down to `RUBBLE_WALK` of their speed
  (assumption). Water slows them linearly to half at 0.5 m and closes a street at
  `WALK_DEPTH_M` (assumption; flume tests find people slowed and near their limit at such depths).
"""

from __future__ import annotations

import numpy as np

from engine.city import F32, ROAD_CLASSES, B, City
from engine.component import Component, Context
from engine.events import reason
from engine.networks import debris, road_state
from engine.networks.street_orders import CARD as ORDER_CARD
from engine.networks.street_orders import StreetOrders

WALK_DEPTH_M = 0.7
RUBBLE_WALK = 0.4
_SECONDARY, _TERTIARY = ROAD_CLASSES.index("secondary"), ROAD_CLASSES.index("tertiary")
_WATER, _RUBBLE = reason("road under water"), reason("road blocked by debris")
_BRIDGE, _POLICE = reason("bridge damaged"), reason("road closed by police")
_BLOCKED = reason("stranded on closed road")


def signal_nodes(city: City) -> B:
    """Junctions assumed to have signals [nodes]; rule in the module's text."""
    drive = np.flatnonzero(city.streets.drive)
    ends = np.r_[city.streets.from_node[drive], city.streets.to_node[drive]]
    kind = np.r_[city.streets.road_class[drive], city.streets.road_class[drive]]
    n = city.nodes.x_m.size
    upper = np.bincount(ends[kind <= _TERTIARY], minlength=n)
    main = np.bincount(ends[kind <= _SECONDARY], minlength=n)
    return np.asarray((upper >= 3) & (main >= 1))


class Roads(StreetOrders, Component):
    """Writes what every drive edge and street can carry now."""

    name = "roads"
    reads = (
        "street_depth_m", "street_clear_m", "street_rubble_event", "street_bridge_damage",
        "zone_power_on", "control_staffed", "zone_flooded_event", "order_event",
        "order_decided_ms", "all_clear_event", "zone_shaken_event", "street_event", "street_state",
        "street_blocked", "control_event", "control_order_event", "edge_vehicles", "edge_barred",
        "edge_turned", "edge_obstacles", "control_links_turned",
    )
    writes = ("edge_speed_mps", "edge_capacity_vps", "edge_closed", "street_walk_factor",
              "street_state", "street_event", "street_blocked", "street_walk_width_m", "edge_barred",
              "control_order_event", "edge_turned", "edge_jam_vpm", "control_links_turned")
    emits = ("street_closed", "street_opened", "street_order_set", "lanes_turned",
             "street_order_ended")
    card = (
        ("signals", "3 arms of tertiary class or above", "", "no inventory", "assumption"),
        ("dark signal capacity ratio", round(road_state.DARK_SIGNAL_RATIO, 3), "",
         "all-way stop 9.6 s headway (recalled) over 0.45 green", "assumption"),
        ("depth that closes a road", road_state.CLOSED_DEPTH_M, "m", "Pregnolato et al. 2017",
         "sourced"),
        ("depth that closes a street to walkers", WALK_DEPTH_M, "m", "assumption", "assumption"),
        *ORDER_CARD,
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        city, site = context.city, context.site
        edges = city.edges
        street = edges.street
        self._width = city.streets.width_m[street]
        lanes_both = np.bincount(street, weights=edges.lanes, minlength=city.streets.length_m.size)
        self._lanes_both = lanes_both[street]
        self._signal = signal_nodes(city)[edges.to_node]
        self._zone_ahead = site.zone_of_node[edges.to_node]
        self._control_of_edge = np.full(street.size, -1, np.int32)
        for row, into in enumerate(site.control_edges):
            self._control_of_edge[into] = row
        self._last: list[np.ndarray] | None = None
        self._prepare_orders()

    def start(self) -> None:
        self.w.edge_speed_mps[:] = self.ctx.city.edges.free_speed_mps
        self.w.edge_capacity_vps[:] = self.ctx.city.edges.capacity_vps
        self.w.edge_jam_vpm[:] = self.ctx.city.edges.jam_density_vpm

    def step(self, t0_ms: int, t1_ms: int) -> None:
        for _, event, row in self.ctx.mail.inputs:
            if row["what"] == "close_street":
                street = self._nearest_street(row["lon"], row["lat"])
                self.w.street_blocked[street] = event
        self._orders(t0_ms)
        self._walk_width()
        police = self._police(t0_ms)
        inputs = [self.w.street_depth_m, self.w.street_clear_m, self.w.street_bridge_damage,
                  self.w.zone_power_on, self.w.control_staffed, police, self.w.street_blocked,
                  self.w.edge_barred, self._against, self.w.edge_turned]
        if self._last is not None and all(
            np.array_equal(a, b) for a, b in zip(inputs, self._last, strict=True)
        ):
            return
        self._last = [np.array(a) for a in inputs]
        self._edges(police)
        self._walkers()
        self._events(t0_ms, police)
        self._tell_turned(t0_ms)

    def _police(self, t0_ms: int) -> B:
        """Drive edges closed by the plan now [edges]; after the all-clear officers let responders pass."""
        shut = np.zeros(self.ctx.city.edges.street.size, np.bool_)
        if self.w.order_event[0] >= 0:
            since_s = (t0_ms - int(self.w.order_decided_ms[0])) / 1000.0
            first = len(self.ctx.plan.control_points)
            staffed = self.w.control_staffed[first : first + len(self.ctx.plan.closures)]
            for closure, edges, works in zip(
                self.ctx.plan.closures, self.ctx.site.closure_edges, staffed, strict=True
            ):
                if works and closure.from_s <= since_s < closure.to_s:
                    (shut if self.w.all_clear_event[0] < 0 else self.w.edge_barred)[edges] = True
        return shut

    def _edges(self, police: B) -> None:
        w, edges = self.w, self.ctx.city.edges
        street = edges.street
        lanes = debris.lanes_left(
            np.minimum(w.street_clear_m[street], self._width), self._width, edges.lanes,
            self._lanes_both,
        )
        staffed = (self._control_of_edge >= 0) & (
            np.append(w.control_staffed, False)[self._control_of_edge]
        )
        junction = road_state.junction_ratio(
            self._signal, w.zone_power_on[self._zone_ahead], staffed
        )
        speed, capacity, _, closed = road_state.edge_state(
            edges.free_speed_mps, edges.capacity_vps, edges.jam_density_vpm,
            depth_m=w.street_depth_m[street], lane_ratio=lanes / edges.lanes, junction=junction,
        )
        w.edge_speed_mps[:] = speed
        w.edge_capacity_vps[:] = capacity + self._lanes_moved(capacity)
        # A barrier, a broken bridge or a blockage shuts the entrance; who is past it drives on.
        barred = (w.street_bridge_damage >= 3) | (w.street_blocked >= 0)
        w.edge_closed[:] = closed | police | barred[street] | self._against

    def _walkers(self) -> None:
        w, streets = self.w, self.ctx.city.streets
        depth = w.street_depth_m
        water: F32 = np.where(depth < WALK_DEPTH_M, 1.0 - depth, 0.0).astype(np.float32)
        share = np.minimum(w.street_clear_m, streets.width_m) / streets.width_m
        rubble = np.maximum(share, RUBBLE_WALK)
        standing = w.street_bridge_damage < 4
        w.street_walk_factor[:] = water * rubble * standing

    def _events(self, t0_ms: int, police: B) -> None:
        """One event for each street that closes or opens to vehicles, with reason and cause."""
        w, city = self.w, self.ctx.city
        n = city.streets.length_m.size
        state = np.zeros(n, np.uint8)
        state[city.edges.street[police | w.edge_barred]] = _POLICE
        shut = np.ones(n, np.bool_)
        open_edges = city.edges.street[~(w.edge_closed | w.edge_barred)]
        shut[open_edges] = False
        shut &= city.streets.drive
        state[shut & (w.street_blocked >= 0)] = _BLOCKED
        state[shut & (w.street_bridge_damage >= 3)] = _BRIDGE
        rubble = np.minimum(w.street_clear_m, city.streets.width_m) < debris.EMERGENCY_LANE_M
        state[shut & rubble & (w.street_rubble_event >= 0)] = _RUBBLE
        state[shut & (w.street_depth_m >= road_state.CLOSED_DEPTH_M - 1e-6)] = _WATER
        closing = np.flatnonzero((state > 0) & (state != w.street_state))
        opening = np.flatnonzero((state == 0) & (w.street_state > 0))
        cause = self._causes(closing, state[closing])
        known = cause >= 0
        closing, cause = closing[known], cause[known]
        w.street_event[closing] = self.emit(
            "street_closed", t0_ms, closing, state[closing], cause=cause
        )
        opening = opening[w.street_event[opening] >= 0]
        w.street_event[opening] = self.emit(
            "street_opened", t0_ms, opening, w.street_state[opening], cause=w.street_event[opening]
        )
        w.street_state[closing] = state[closing]
        w.street_state[opening] = 0

    def _causes(self, streets: np.ndarray, state: np.ndarray) -> np.ndarray:
        w, city, site = self.w, self.ctx.city, self.ctx.site
        zone = site.zone_of_node[city.streets.from_node[streets]]
        other = site.zone_of_node[city.streets.to_node[streets]]
        flood = np.maximum(w.zone_flooded_event[zone], w.zone_flooded_event[other])
        # A street may lie under water before the zone it is counted to reports its first land
        # cell; the sea's first disturbance is then the cause.
        flood = np.where(flood >= 0, flood, w.zone_flooded_event.max(initial=-1))
        cause = np.full(streets.size, -1, np.int64)
        cause[state == _WATER] = flood[state == _WATER]
        cause[state == _RUBBLE] = w.street_rubble_event[streets][state == _RUBBLE]
        cause[state == _BRIDGE] = w.zone_shaken_event[zone][state == _BRIDGE]
        cause[state == _POLICE] = w.order_event[0]
        ordered = self._order_of(streets)
        cause[(state == _POLICE) & (ordered >= 0)] = ordered[(state == _POLICE) & (ordered >= 0)]
        cause[state == _BLOCKED] = w.street_blocked[streets][state == _BLOCKED]
        return cause

    def _nearest_street(self, lon: float, lat: float) -> int:
        city = self.ctx.city
        x, y = city.xy(lon, lat)
        a, b = city.streets.from_node, city.streets.to_node
        mid_x = (city.nodes.x_m[a] + city.nodes.x_m[b]) / 2
        mid_y = (city.nodes.y_m[a] + city.nodes.y_m[b]) / 2
        away = np.hypot(mid_x - x, mid_y - y)
        return int(np.argmin(np.where(city.streets.drive, away, np.inf)))
