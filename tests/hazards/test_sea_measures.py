"""The sea beside the record: what is measured of a sea."""

from __future__ import annotations

import numpy as np
import pytest

from engine.city import City
from engine.hazards.hindcast import GAUGE, LAND, at_gauge, on_land
from engine.hazards.sea import SeaResult
from engine.hazards.tsunami_source import water_terrain
from engine.scenario import load_scenario


def still(city: City, depths_m: dict[int, float]) -> SeaResult:
    """A sea whose land cells reach the depths given, and whose gauge rises to 2 m at minute 4."""
    cells = np.array(sorted(depths_m), np.int32)
    depth = np.array([depths_m[c] for c in sorted(depths_m)], np.float32)
    gauge = np.array([0, 0.05, 0.2, -1.0, 2.0, 1.0], np.float32)[:, None]
    blank = np.zeros((6, cells.size), np.uint16)
    return SeaResult(cells, blank, blank, gauge, np.zeros((6, 1, 1), np.uint16),
                     np.zeros(cells.size, np.int32), depth, depth, 60_000, {})


def test_each_measure_is_read_from_the_sea(town: City) -> None:
    scenario, terrain = load_scenario("testtown-tsunami"), town.terrain
    assert terrain is not None
    row = terrain.elev_m.shape[0] // 2
    first = int((terrain.elev_m[row] >= 0).argmax())  # the first land cell from the west
    width = terrain.elev_m.shape[1]
    at = row * width + first
    lon, lat = town.lonlat(terrain.x0_m + (first + 0.5) * terrain.dx_m,
                           terrain.y0_m + (row + 0.5) * terrain.dx_m)
    here = (float(lon), float(lat), 3 * terrain.dx_m)
    sea = still(town, {at: 2.0, at + 1: 1.0, at + 2: 0.02, at + width * 15: 9.0})
    assert {m: at_gauge(sea, 0, m) for m in GAUGE} == {
        "first_arrival": pytest.approx(2.0), "highest_at": pytest.approx(4.0),
        "highest": pytest.approx(2.0),
    }
    elev = terrain.elev_m.ravel()
    # Neither the film nor the far cell counts.
    assert {m: on_land(town, scenario, sea, here, m) for m in LAND} == {
        "water_height": pytest.approx(max(elev[at] + 2.0, elev[at + 1] + 1.0), abs=1e-4),
        "depth_mean": pytest.approx(1.5), "depth_max": pytest.approx(2.0),
        "inland": pytest.approx(2 * terrain.dx_m),
    }
    far = still(town, {at + width * 15: 9.0})
    assert on_land(town, scenario, far, here, "depth_mean") is None


def test_uncertain_terrain_moves_land_and_bed_alone(town: City) -> None:
    terrain = town.terrain
    assert terrain is not None
    land = terrain.elev_m >= 0
    plain = load_scenario("testtown-tsunami")
    high = water_terrain(town, load_scenario("testtown-tsunami", ["tsunami.land_shift_m=1.5"]))
    deep = water_terrain(town, load_scenario("testtown-tsunami", ["tsunami.bed_factor=1.2"]))
    low = water_terrain(town, load_scenario("testtown-tsunami", ["tsunami.land_shift_m=-10"]))
    assert np.array_equal(water_terrain(town, plain), terrain.elev_m)
    np.testing.assert_allclose(high[land], terrain.elev_m[land] + 1.5, rtol=1e-6)
    assert np.array_equal(high[~land], terrain.elev_m[~land])
    np.testing.assert_allclose(deep[~land], terrain.elev_m[~land] * 1.2, rtol=1e-6)
    assert np.array_equal(deep[land], terrain.elev_m[land])
    assert low[land].min() == pytest.approx(0.1)  # the shoreline stays where it is
