"""How a crew gets to a scene that its vehicle cannot reach: as far as it can by road, the rest on foot.

Where no known way leads to a scene by vehicle, crews drive to the junction from which driving and walking
take the least time, and walk on with their kit; ambulance crews carry the patient back to the vehicle.
Here is the walk to the scene from every junction where a vehicle can stand; `WALK_LIMIT_M` is the longest.

- Longest walk: 1,000 m, an assumption. Two soldiers carried 80 kg on a stretcher with shoulder straps for
  14.5 min at 4.8 km/h (1,160 m) before they had to set it down, by hand for 2.7 min (Knapik et al. 2000;
  by hand 3.0 min in Rice et al. 1996): about the longest way back with a patient.
- With kit: 1.34 m/s, the free walking speed (Weidmann 1993); that the load slows a trained crew no
  more than this below its fast walk is an assumption. Plans count with level, clear streets.
"""

from __future__ import annotations

import numpy as np

from engine.access import main_network
from engine.city import I32, I64, B, City
from engine.kernels.paths import CLOSED, UNREACHED, group_edges, shortest_tree
from engine.site import Site

WALK_LIMIT_M = 1000.0
KIT_MPS = 1.34

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("longest walk of a crew from its vehicle to a scene", WALK_LIMIT_M, "m",
     "below 1,160 m, a two-person carry with straps (Knapik et al. 2000)", "assumption"),
    ("crew on foot with its kit", KIT_MPS, "m/s", "Weidmann 1993, free speed; no slower for the load",
     "assumption"),
)


class Approach:
    """Walks from where vehicles can stand to a scene."""

    def __init__(self, city: City, site: Site) -> None:
        walk, n = city.walk, city.nodes.x_m.size
        self._arc, self._tail, self._head = walk.arc, walk.tail[walk.arc], walk.head[walk.arc]
        self._csr = group_edges(n, self._head, self._tail)
        ms = np.rint(1000.0 * walk.length_m[walk.arc] / KIT_MPS)
        self._ms = np.maximum(ms, 1).astype(np.int64)
        self._limit_ms = int(1000.0 * WALK_LIMIT_M / KIT_MPS)
        #: The scene's own place in the walking network, for each junction.
        self.place: I32 = site.walk_node
        self._stop: B = main_network(city) & (site.walk_node == np.arange(n))
        self._roads = group_edges(n, city.edges.to_node, city.edges.from_node)
        self._bases: I32 = np.unique(site.units.node).astype(np.int32)
        self._away: tuple[I64, I64] | None = None  # cost of the roads, way to a station by it

    def walk_ms(
        self, node: int, passable: B | None = None, barred: B | None = None, far: bool = False
    ) -> I64:
        """Time on foot with kit to junction `node` from every other, ms [nodes]; UNREACHED where it is
        farther than `WALK_LIMIT_M` (unless `far`).

        `passable` [streets]: a walker gets through, all do by default; `barred` [nodes]: keep out.
        """
        cost = self._ms
        if passable is not None:
            cost = np.where(passable[self._arc >> 1], cost, CLOSED)
        if barred is not None:
            cost = np.where(barred[self._tail] | barred[self._head], CLOSED, cost)
        limit = int(UNREACHED) - 1 if far else self._limit_ms
        return shortest_tree(self._csr, cost, int(self.place[node]), limit_ms=limit)[0]

    def stops(self, walk_ms: I64, drive_cost_ms: I64) -> I32:
        """Junctions where a vehicle can stand, its crew walk on and the vehicle drive away again: by the
        cost of the known roads [edges] a way leads on to some station."""
        rows = np.flatnonzero(self._stop & (walk_ms < UNREACHED)).astype(np.int32)
        if rows.size:
            if self._away is None or self._away[0] is not drive_cost_ms:
                self._away = drive_cost_ms, shortest_tree(self._roads, drive_cost_ms, self._bases)[0]
            rows = rows[self._away[1][rows] < UNREACHED]
        return rows
