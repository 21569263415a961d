"""What is measured of a sea to set it beside a record; `engine/hindcast.py` makes the table.

At a gauge: `first_arrival` (min, level first 0.1 m from rest), `highest` (m above rest),
`highest_at` (min). Within a circle, over land cells: `water_height` (highest level above the resting
sea), `depth_mean` and `depth_max` (of the greatest depths of cells that were 0.1 m deep), `inland`
(greatest distance from the shore at which water stood 0.1 m deep). Cells of the raster are not
watermarks on walls: means agree only as far as the marks were spread evenly.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from engine.city import City
from engine.hazards.sea import WATCH_M, SeaResult
from engine.hazards.tsunami_source import water_terrain
from engine.scenario import Scenario

GAUGE = ("first_arrival", "highest", "highest_at")
LAND = ("water_height", "depth_mean", "depth_max", "inland")
_ARRIVED_M = 0.1


def at_gauge(sea: SeaResult, gauge: int, measure: str) -> float | None:
    """Return a measure of `GAUGE` at a gauge's row, None where it never happened."""
    level = np.asarray(sea.gauge_m[:, gauge])
    minutes = sea.frame_ms / 60_000
    if measure == "highest":
        return float(level.max())
    if measure == "highest_at":
        return float(level.argmax()) * minutes
    moved = np.abs(level) > _ARRIVED_M
    return float(moved.argmax()) * minutes if moved.any() else None


def on_land(
    city: City, scenario: Scenario, sea: SeaResult, circle: tuple[float, float, float], measure: str
) -> float | None:
    """Return a measure of `LAND` within (lon, lat, radius in m), None where it stayed dry."""
    terrain = city.terrain
    assert terrain is not None
    assert scenario.tsunami is not None
    elev = water_terrain(city, scenario)
    rows, columns = np.divmod(np.asarray(sea.cells, np.int64), elev.shape[1])
    x, y = city.xy(circle[0], circle[1])
    east = terrain.x0_m + (columns + 0.5) * terrain.dx_m - float(x)
    north = terrain.y0_m + (rows + 0.5) * terrain.dx_m - float(y)
    depth = np.asarray(sea.max_depth_m)
    mine = (np.hypot(east, north) <= circle[2]) & (depth >= WATCH_M)
    if not mine.any():
        return None
    if measure == "water_height":
        return float((depth + elev.ravel()[sea.cells])[mine].max())
    if measure == "inland":
        shore = ndimage.distance_transform_edt(elev >= 0.0) * terrain.dx_m
        return float(shore.ravel()[sea.cells][mine].max())
    return float(depth[mine].mean() if measure == "depth_mean" else depth[mine].max())

