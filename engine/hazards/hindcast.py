"""The sea of a scenario beside what was observed: one row for each figure of `observed.csv`.

Columns of the file: quantity, measure, place, lon, lat, radius_m, low, high, unit, observed, source;
`#` starts a comment line. `place` names a gauge of the scenario, or, for measures on land, the circle
(lon, lat, radius_m). `low` and `high` bound what counts as agreement.

Measures at a gauge: `first_arrival` (min, level first 0.1 m from rest), `highest` (m above rest),
`highest_at` (min). Within a circle, over land cells: `water_height` (highest level above the resting
sea), `depth_mean` and `depth_max` (of the greatest depths of cells that were 0.1 m deep), `inland`
(greatest distance from the shore at which water stood 0.1 m deep). Cells of the raster are not
watermarks on walls: means agree only as far as the marks were spread evenly.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from engine.city import City
from engine.errors import InputError, unknown
from engine.hazards.sea import WATCH_M, SeaResult
from engine.hazards.tsunami_source import water_terrain
from engine.scenario import Scenario

FILE = "observed.csv"
GAUGE = ("first_arrival", "highest", "highest_at")
LAND = ("water_height", "depth_mean", "depth_max", "inland")
_COLUMNS = ("quantity", "measure", "place", "lon", "lat", "radius_m", "low", "high", "unit",
            "observed", "source")
_ARRIVED_M = 0.1


@dataclass(frozen=True)
class Row:
    """One figure: what the model says, what was observed, by whom, and whether they agree."""

    quantity: str
    modelled: float | None  # None: it never happened in the model
    unit: str
    low: float
    high: float
    observed: str
    source: str

    @property
    def within(self) -> bool:
        """Whether the modelled figure lies within the bounds."""
        return self.modelled is not None and self.low <= self.modelled <= self.high


def hindcast(city: City, scenario: Scenario, sea: SeaResult) -> tuple[Row, ...]:
    """Return the rows of the scenario's `observed.csv`; none where it has no such file."""
    path = scenario.folder / FILE
    if scenario.tsunami is None or not path.is_file():
        return ()
    lines = [line for line in path.read_text(encoding="utf-8").splitlines()
             if line.strip() and not line.startswith("#")]
    table = csv.DictReader(lines)
    if tuple(table.fieldnames or ()) != _COLUMNS:
        raise InputError(f"{path}: expected the header '{','.join(_COLUMNS)}'")
    gauges = [gauge.name for gauge in scenario.tsunami.gauges]
    out = []
    for entry in table:
        where = f"{path}: '{entry['quantity']}'"
        measure = entry["measure"]
        try:
            low, high = float(entry["low"]), float(entry["high"])
            if measure in GAUGE:
                if entry["place"] not in gauges:
                    raise unknown("gauge", entry["place"], gauges, where)
                value = _at_gauge(sea, gauges.index(entry["place"]), measure)
            elif measure in LAND:
                circle = (float(entry["lon"]), float(entry["lat"]), float(entry["radius_m"]))
                value = _on_land(city, scenario, sea, circle, measure)
            else:
                raise unknown("measure", measure, [*GAUGE, *LAND], where)
        except ValueError:
            raise InputError(f"{where}: a number is missing or not a number") from None
        out.append(Row(entry["quantity"], value, entry["unit"], low, high, entry["observed"],
                       entry["source"]))
    return tuple(out)


def _at_gauge(sea: SeaResult, gauge: int, measure: str) -> float | None:
    level = np.asarray(sea.gauge_m[:, gauge])
    minutes = sea.frame_ms / 60_000
    if measure == "highest":
        return float(level.max())
    if measure == "highest_at":
        return float(level.argmax()) * minutes
    moved = np.abs(level) > _ARRIVED_M
    return float(moved.argmax()) * minutes if moved.any() else None


def _on_land(
    city: City, scenario: Scenario, sea: SeaResult, circle: tuple[float, float, float], measure: str
) -> float | None:
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

