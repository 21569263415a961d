"""Positions on the map: points along street polylines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.city import F64, I64, City


class StreetGeometry:
    """Cumulative lengths of all street polylines in one array, for vectorised look-ups."""

    def __init__(self, city: City) -> None:
        streets = city.streets
        x = streets.vertex_x_m.astype(np.float64)
        y = streets.vertex_y_m.astype(np.float64)
        step = np.hypot(np.diff(x), np.diff(y))
        first = streets.vertex_ptr[:-1].astype(np.int64)
        last = streets.vertex_ptr[1:].astype(np.int64) - 1
        # Between two streets lies a gap of 1 m, so that the array increases strictly enough.
        step[last[:-1]] = 1.0
        self._along = np.concatenate([[0.0], np.cumsum(step)])
        self._x, self._y, self._first, self._last = x, y, first, last
        self._length_m = streets.length_m

    def on_arc(self, arc: NDArray[Any], offset_m: F64) -> tuple[F64, F64]:
        """Position `offset_m` from the start of each walk arc [n] (odd arcs run backwards)."""
        street = arc >> 1
        part = offset_m / self._length_m[street]
        return self.point(street, np.where(arc & 1, 1.0 - part, part))

    def point(self, street: NDArray[Any], fraction: F64) -> tuple[F64, F64]:
        """Position at `fraction` (0..1, along the vertices) of each street [n]."""
        a, b = self._along[self._first[street]], self._along[self._last[street]]
        at = a + np.clip(fraction, 0.0, 1.0) * (b - a)
        k = np.clip(
            np.searchsorted(self._along, at, side="right") - 1,
            self._first[street], np.maximum(self._last[street] - 1, self._first[street]),
        )
        width = self._along[k + 1] - self._along[k]
        part = np.where(width > 0, (at - self._along[k]) / np.maximum(width, 1e-9), 0.0)
        x = self._x[k] + part * (self._x[k + 1] - self._x[k])
        y = self._y[k] + part * (self._y[k + 1] - self._y[k])
        return x, y


def nearest_drive_node(city: City) -> I64:
    """For each junction the nearest one that cars can leave."""
    from scipy.spatial import cKDTree

    leaves = np.zeros(city.nodes.x_m.size, np.bool_)
    leaves[city.edges.from_node] = True
    rows = np.flatnonzero(leaves)
    tree = cKDTree(np.column_stack([city.nodes.x_m[rows], city.nodes.y_m[rows]]))
    found = tree.query(np.column_stack([city.nodes.x_m, city.nodes.y_m]))[1]
    return np.asarray(rows[found], np.int64)
