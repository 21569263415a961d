"""Tsunami: the sea over bay and low town, from a run of the shallow-water model made once.

The sea itself (`sea.py`) is computed once for terrain, series and solver and then reused by content;
this component maps its frames to World. A junction's depth is that of its cell; a street's is the
greatest along its polyline (a bridge's only at its ends, for its deck stands clear of the water).
Known limits: in the corners of a steep rocky coast the scheme keeps small eddies alive after the waves
have gone (levels of 1 to 2 cm, currents up to 0.4 m/s in 3 m of water; none on land). Water in a closed
depression of the terrain stays: nothing infiltrates, and what drains through channels and culverts narrower
than a cell has no way out (for Coquimbo see its PROVENANCE.md). A remedy needs these outlets as data of the
city: place, height of the sill, width.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.city import I64, City
from engine.component import Component, Context
from engine.errors import InputError
from engine.hazards.sea import SeaResult, load_or_compute
from engine.hazards.tsunami_source import read_series, water_terrain
from engine.scenario import Scenario
from engine.yamlfile import located

FRAME_S = 20.0
DISTURBED_M = 0.1
FLOODED_M = 0.1


def sea_of(city: City, scenario: Scenario) -> SeaResult:
    """Compute or reuse the sea of a scenario in a city."""
    return load_or_compute(*sea_inputs(city, scenario))


def sea_inputs(city: City, scenario: Scenario) -> tuple[Any, ...]:
    """What the sea model is given; InputError where series, gauges and terrain do not fit."""
    try:
        return _sea_inputs(city, scenario)
    except InputError as error:
        raise located(error, scenario) from None


def _sea_inputs(city: City, scenario: Scenario) -> tuple[Any, ...]:
    tsunami = scenario.tsunami
    assert tsunami is not None
    terrain = city.terrain
    if terrain is None:
        raise InputError(
            f"scenario '{scenario.name}': tsunami: needs terrain, and city '{city.name}' has none"
        )
    if not terrain.open_sides:
        raise InputError(f"city '{city.name}': its terrain has no side open to the sea")
    t_s, level_m = read_series(scenario.data_file(tsunami.series))
    x, y = city.xy([g.lon for g in tsunami.gauges], [g.lat for g in tsunami.gauges])
    rows = np.floor((np.atleast_1d(y) - terrain.y0_m) / terrain.dx_m).astype(np.int64)
    columns = np.floor((np.atleast_1d(x) - terrain.x0_m) / terrain.dx_m).astype(np.int64)
    height, width = terrain.elev_m.shape
    for number, (gauge, row, column) in enumerate(zip(tsunami.gauges, rows, columns, strict=True)):
        where = f"scenario '{scenario.name}': tsunami.gauges.{number}: gauge '{gauge.name}'"
        if not (0 <= row < height and 0 <= column < width):
            raise InputError(f"{where} lies outside the terrain of city '{city.name}'")
        if terrain.elev_m[row, column] >= tsunami.sea_level_m:
            raise InputError(f"{where} lies on land in the terrain of city '{city.name}'")
    return (
        water_terrain(city, scenario), terrain.manning, terrain.dx_m,
        terrain.open_sides, t_s, level_m * tsunami.factor, scenario.duration_s, FRAME_S,
        rows * width + columns,
    )


class Tsunami(Component):
    """Depth and flow on land, sea level at the gauges."""

    name = "tsunami"
    reads = ("gauge_event", "gauge_crest_m", "gauge_level_m", "zone_flooded_event", "quake_event",
             "wetcell_depth_m", "wetcell_speed_mps")
    writes = ("wetcell_depth_m", "wetcell_speed_mps", "node_depth_m", "node_flow_mps",
              "street_depth_m", "gauge_level_m", "gauge_crest_m", "gauge_event",
              "zone_flooded_event")
    emits = ("sea_disturbed", "sea_crest", "zone_flooded")
    exogenous = True
    card = (
        ("sea", "2D shallow water, finite volume HLL, second order", "",
         "Audusse et al. 2004; Toro 2001", "sourced"),
        ("terrain and sea bed under the water", "tsunami.land_shift_m, tsunami.bed_factor", "",
         "the city's terrain is good to its stated uncertainty: sweep both", "scenario"),
        ("sea-level series at the boundary", "scenario file", "", "see its header", "assumption"),
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._sea: SeaResult = context.sea
        city = context.city
        terrain = city.terrain
        assert terrain is not None
        height, width = terrain.elev_m.shape
        slot = np.full(height * width, -1, np.int32)
        slot[self._sea.cells] = np.arange(self._sea.cells.size)

        def cell_of(x: np.ndarray, y: np.ndarray) -> I64:
            column = np.floor((x - terrain.x0_m) / terrain.dx_m).astype(np.int64)
            row = np.floor((y - terrain.y0_m) / terrain.dx_m).astype(np.int64)
            ok = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            return np.where(ok, slot[np.where(ok, row * width + column, 0)], -1).astype(np.int64)

        node = cell_of(city.nodes.x_m, city.nodes.y_m)
        self._node = np.flatnonzero(node >= 0)
        self._node_cell = node[self._node]
        streets = city.streets
        owner = np.repeat(np.arange(streets.length_m.size), np.diff(streets.vertex_ptr))
        vertex = cell_of(streets.vertex_x_m.astype(np.float64), streets.vertex_y_m.astype(np.float64))
        wet = (vertex >= 0) & ~streets.bridge[owner]
        self._street, self._street_cell = owner[wet], vertex[wet]
        self._bridge = np.flatnonzero(streets.bridge)
        b = city.buildings
        building = cell_of(b.x_m.astype(np.float64), b.y_m.astype(np.float64))
        zone = np.full(self._sea.cells.size, -1, np.int64)
        zone[node[self._node]] = context.site.zone_of_node[self._node]
        zone[building[building >= 0]] = b.zone[building >= 0]
        self._zone_cell = np.flatnonzero(zone >= 0)
        self._zone_of_cell = zone[self._zone_cell]

    def step(self, t0_ms: int, t1_ms: int) -> None:
        w, sea = self.w, self._sea
        w.wetcell_depth_m[:] = sea.depth_at(t0_ms)
        w.wetcell_speed_mps[:] = sea.speed_at(t0_ms)
        w.node_depth_m[self._node] = w.wetcell_depth_m[self._node_cell]
        w.node_flow_mps[self._node] = w.wetcell_speed_mps[self._node_cell]
        w.street_depth_m[:] = 0.0
        np.maximum.at(w.street_depth_m, self._street, w.wetcell_depth_m[self._street_cell])
        ends = np.minimum(
            w.node_depth_m[self.ctx.city.streets.from_node[self._bridge]],
            w.node_depth_m[self.ctx.city.streets.to_node[self._bridge]],
        )
        w.street_depth_m[self._bridge] = ends
        self._gauges(t0_ms)
        deep = np.zeros(w.zone_flooded_event.size, np.float64)
        np.maximum.at(deep, self._zone_of_cell, w.wetcell_depth_m[self._zone_cell])
        new = np.flatnonzero((deep > FLOODED_M) & (w.zone_flooded_event < 0))
        if new.size:
            w.zone_flooded_event[new] = self.emit(
                "zone_flooded", t0_ms, new, value=deep[new], cause=self._origin()
            )

    def _gauges(self, t0_ms: int) -> None:
        w = self.w
        level = self._sea.gauge_at(t0_ms)
        before = w.gauge_level_m.copy()
        w.gauge_level_m[: level.size] = level
        for gauge in range(level.size):
            if w.gauge_event[gauge] < 0 and abs(level[gauge]) > DISTURBED_M:
                w.gauge_event[gauge] = self.emit(
                    "sea_disturbed", t0_ms, gauge, value=level[gauge], cause=self._quake()
                )[0]
            # A crest has passed when the level, the highest so far by 5 cm, falls again.
            highest = before[gauge] > w.gauge_crest_m[gauge] + 0.05
            if level[gauge] < before[gauge] and highest and w.gauge_event[gauge] >= 0:
                self.emit("sea_crest", t0_ms, gauge, value=before[gauge],
                          cause=w.gauge_event[gauge])
                w.gauge_crest_m[gauge] = before[gauge]

    def _quake(self) -> int:
        quake = int(self.w.quake_event[0])
        return quake if quake >= 0 else self.ctx.start_event

    def _origin(self) -> int:
        first = int(self.w.gauge_event.max())
        return first if first >= 0 else self._quake()
