"""Where people go: the nearest safe place, or a shelter, for walkers and for cars.

Row 0 is safety: every safe junction (on the plan's high ground, outside every ordered area) and
every meeting point. Row 1 + k is shelter k; the plan's vertical refuges follow, for walkers only, and
last, where a meeting point lies lower than that, the safe junctions alone (`high`), for those who find
it shut or full.
Walkers stop at the first safe junction. Cars go on until they are `CAR_MARGIN_M` of road past the
edge of the danger zone, as police wave them on; the margin is an assumption.
"""

from __future__ import annotations

import numpy as np

from engine.city import F64, I32, I64, B, City
from engine.kernels import paths
from engine.site import Site

CAR_MARGIN_M = 300.0


class WalkRoutes:
    """Next walk arc to each destination: `next_arc` [destinations, nodes], -1 = none or there."""

    def __init__(self, city: City, site: Site, slope: F64) -> None:
        walk = city.walk
        n = city.nodes.x_m.size
        self._csr = paths.group_edges(n, walk.head[walk.arc], walk.tail[walk.arc])
        self._arc = walk.arc
        self._head, self._tail = walk.head[walk.arc], walk.tail[walk.arc]
        # Cost per arc in ms at 1 m/s on the level; `slope` [arcs] is walking speed over that.
        self.slope = slope
        self._base_ms = 1000.0 * walk.length_m[walk.arc] / np.maximum(slope[walk.arc], 0.05)
        safe = np.flatnonzero(site.safe_node)
        self._targets = [np.unique(np.r_[safe, site.meeting.node]).astype(np.int32)]
        self._targets += [
            np.array([node], np.int32)
            for node in (*city.facilities.node[site.shelter], *site.refuges.node)
        ]
        self.high = 0  # row of the safe junctions alone
        if not site.safe_node[site.meeting.node].all():
            self.high = len(self._targets)
            self._targets.append(safe.astype(np.int32))
        self.target = np.zeros((len(self._targets), n), np.bool_)
        for row, nodes in enumerate(self._targets):
            self.target[row, nodes] = True
        self.next_arc = np.full((len(self._targets), n), -1, np.int32)
        self.cost_ms = np.zeros((len(self._targets), n), np.int64)
        self.factor = np.ones(city.streets.length_m.size, np.float32)  # streets' when trees grew
        self._others: dict[int, tuple[I32, I64]] = {}  # trees by `tree_to` since then

    def save(self) -> dict[str, np.ndarray]:
        """Arrays for a snapshot."""
        return {"next_arc": self.next_arc.copy(), "cost_ms": self.cost_ms.copy(),
                "factor": self.factor.copy()}

    def load(self, private: dict[str, np.ndarray]) -> None:
        """Take the arrays of a snapshot back."""
        self.next_arc[:], self.cost_ms[:] = private["next_arc"], private["cost_ms"]
        self.factor = private["factor"].copy()
        self._others = {}

    def refresh(self, street_factor: np.ndarray) -> None:
        """Grow the trees anew for walking speeds `street_factor` [streets], 0 = impassable."""
        self.factor = street_factor.copy()
        self._others = {}
        for row, nodes in enumerate(self._targets):
            self.next_arc[row], self.cost_ms[row] = self.tree(nodes)

    def tree_to(self, goal: int, nodes: I32, keep_out: B | None = None) -> tuple[I32, I64]:
        """`tree` for crews and staff, grown once a refresh for each number `goal`."""
        if goal not in self._others:
            self._others[goal] = self.tree(nodes, keep_out)
        return self._others[goal]

    def tree(self, nodes: I32, keep_out: B | None = None) -> tuple[I32, I64]:
        """Next walk arc to the nearest of `nodes` and the cost from each junction [nodes], ms at
        1 m/s, by the walking speeds of the last refresh, past the junctions `keep_out` [nodes]."""
        part = self.factor.astype(np.float64)[self._arc >> 1]
        cost = np.where(
            part > 0.0, np.maximum(self._base_ms / np.maximum(part, 0.02), 1.0), paths.CLOSED
        ).astype(np.int64)
        if keep_out is not None:
            cost = np.where(keep_out[self._head] | keep_out[self._tail], paths.CLOSED, cost)
        dist, via = paths.shortest_tree(self._csr, cost, nodes)
        return np.where(via >= 0, self._arc[np.maximum(via, 0)], -1).astype(np.int32), dist


def car_targets(city: City, site: Site) -> list[I32]:
    """Target junctions of each car destination, row 0 safety, then the shelters."""
    edges = city.edges
    n = city.nodes.x_m.size
    danger = np.flatnonzero(site.danger_node | (site.order_zone >= 0)).astype(np.int32)
    away, _ = paths.forward_tree(
        n, edges.from_node, edges.to_node,
        np.maximum(np.rint(edges.length_m), 1).astype(np.int64), danger,
    )
    reachable = np.zeros(n, np.bool_)
    reachable[edges.to_node] = True
    far = site.safe_node & reachable & (away >= CAR_MARGIN_M) & (away < paths.UNREACHED)
    if not far.any():
        far = site.safe_node & reachable
    rows = [np.flatnonzero(far).astype(np.int32)]
    usable = np.flatnonzero(reachable)
    for node in city.facilities.node[site.shelter]:
        away_m = np.hypot(
            city.nodes.x_m[usable] - city.nodes.x_m[node],
            city.nodes.y_m[usable] - city.nodes.y_m[node],
        )
        rows.append(np.array([usable[int(np.argmin(away_m))]], np.int32))
    return rows
