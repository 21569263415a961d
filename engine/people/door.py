"""The water at each party's door now, and whether that keeps it inside (`refuge.py`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.city import I64, B
from engine.component import Context
from engine.people import refuge

SEEN_DEPTH_M = 0.05


class Door:
    """Doors of parties `rows`, whose junctions are `node` [rows], which may change in place; `w` below is
    the component's view."""

    def __init__(self, context: Context, rows: I64, node: I64) -> None:
        city, parties = context.city, context.parties
        building = parties.building[rows]
        self._node, self._building = node, np.maximum(building, 0)
        self._inside = building >= 0
        self._weak = refuge.weak_parties(city, parties.of_person, parties.count)[rows]
        self._storeys = city.buildings.storeys[self._building]
        self._holds_m = refuge.holds_m(city.buildings.structure[self._building])
        self._walk = city.walk
        self._with_exit = np.flatnonzero(np.diff(city.walk.ptr) > 0)
        # What follows from an unchanged column is kept: water comes and goes in few of the ticks.
        self._wet = np.zeros(city.nodes.x_m.size, np.bool_)
        self._near = self._wet.copy()
        self._factor = np.empty(0, np.float32)
        self._way_out = np.zeros(city.nodes.x_m.size)

    def near_water(self, w: Any) -> B:
        """Junctions [nodes] where water stands or that have it at the next one."""
        wet = w.node_depth_m > SEEN_DEPTH_M
        if not np.array_equal(wet, self._wet):
            self._wet, self._near = wet, wet.copy()
            self._near[self._walk.tail[wet[self._walk.head]]] = True
        return self._near.copy()

    def cut_off(self, w: Any, at: I64) -> B:
        """Which parties [at] near water do not leave their building for it: with an upper floor as
        soon as water stands at the door, without one where they cannot wade."""
        node = self._node[at]
        depth = w.node_depth_m[node]
        deep = refuge.cannot_wade(depth, w.node_flow_mps[node], self._weak[at])
        if not np.array_equal(self._factor, w.street_walk_factor):
            self._factor = w.street_walk_factor.copy()
            self._way_out[self._with_exit] = np.maximum.reduceat(
                self._factor[self._walk.arc >> 1], self._walk.ptr[self._with_exit])
        walled = self._way_out[node] <= 0.0
        upstairs = self.upper(w, at) & (depth > SEEN_DEPTH_M)
        return np.asarray(self._inside[at] & (upstairs | deep | walled))

    def upper(self, w: Any, at: I64) -> B:
        """Which parties [at] have an upper floor in a building that stands."""
        damage = w.building_damage[self._building[at]]
        sound = w.node_depth_m[self._node[at]] <= self._holds_m[at]
        return np.asarray(sound & (damage < refuge.NO_REFUGE_DAMAGE) & (self._storeys[at] > 1))
