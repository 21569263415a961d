"""The water at each party's door now, and whether that keeps it inside (`refuge.py`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.city import I64, B
from engine.component import Context
from engine.people import refuge

SEEN_DEPTH_M = 0.05


class Door:
    """Doors of parties `rows`, whose junctions are `node` [rows]; `w` below is the component's view."""

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

    def near_water(self, w: Any) -> B:
        """Junctions [nodes] where water stands or that have it at the next one."""
        wet = w.node_depth_m > SEEN_DEPTH_M
        near: B = wet.copy()
        near[self._walk.tail[wet[self._walk.head]]] = True
        return near

    def cut_off(self, w: Any, near: B) -> B:
        """Which parties [rows] do not leave their building for the water outside: with an upper
        floor as soon as water stands at the door, without one where they cannot wade."""
        depth = w.node_depth_m[self._node]
        deep = refuge.cannot_wade(depth, w.node_flow_mps[self._node], self._weak)
        way_out = np.zeros(w.node_depth_m.size)
        way_out[self._with_exit] = np.maximum.reduceat(
            w.street_walk_factor[self._walk.arc >> 1], self._walk.ptr[self._with_exit])
        walled = way_out[self._node] <= 0.0
        upstairs = self.upper(w) & (depth > SEEN_DEPTH_M)
        return np.asarray(self._inside & near[self._node] & (upstairs | deep | walled))

    def upper(self, w: Any) -> B:
        """Which parties [rows] have an upper floor in a building that stands."""
        damage = w.building_damage[self._building]
        sound = (w.node_depth_m[self._node] <= self._holds_m) & (damage < refuge.NO_REFUGE_DAMAGE)
        return np.asarray(sound & (self._storeys > 1))
