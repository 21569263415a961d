"""The sea beside the record: what is measured of a sea, and what a wrong file says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.city import City
from engine.errors import InputError
from engine.hazards.hindcast import FILE, hindcast
from engine.hazards.sea import SeaResult
from engine.hazards.tsunami_source import water_terrain
from engine.scenario import Scenario, load_scenario

HEADER = "quantity,measure,place,lon,lat,radius_m,low,high,unit,observed,source\n"


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    out = load_scenario("testtown-tsunami")
    out._folder = tmp_path
    return out


def still(city: City, depths_m: dict[int, float]) -> SeaResult:
    """A sea whose land cells reach the depths given, and whose gauge rises to 2 m at minute 4."""
    cells = np.array(sorted(depths_m), np.int32)
    depth = np.array([depths_m[c] for c in sorted(depths_m)], np.float32)
    gauge = np.array([0, 0.05, 0.2, -1.0, 2.0, 1.0], np.float32)[:, None]
    blank = np.zeros((6, cells.size), np.uint16)
    return SeaResult(cells, blank, blank, gauge, np.zeros((6, 1, 1), np.uint16),
                     np.zeros(cells.size, np.int32), depth, depth, 60_000, {})


def test_each_measure_is_read_from_the_sea(town: City, scenario: Scenario) -> None:
    terrain = town.terrain
    assert terrain is not None
    row = terrain.elev_m.shape[0] // 2
    first = int((terrain.elev_m[row] >= 0).argmax())  # the first land cell from the west
    width = terrain.elev_m.shape[1]
    at = row * width + first
    lon, lat = town.lonlat(terrain.x0_m + (first + 0.5) * terrain.dx_m,
                           terrain.y0_m + (row + 0.5) * terrain.dx_m)
    here = f"{float(lon)},{float(lat)},{3 * terrain.dx_m}"
    sea = still(town, {at: 2.0, at + 1: 1.0, at + 2: 0.02, at + width * 15: 9.0})
    text = "# comment\n" + HEADER + "".join((
        "arrival,first_arrival,Pier,,,,1,3,min,2,gauge\n",
        "top,highest,Pier,,,,3,4,m,3.5,gauge\n",
        "when,highest_at,Pier,,,,3,5,min,4,gauge\n",
        f"height,water_height,,{here},0,50,m,,survey\n",
        f"mean,depth_mean,,{here},1.4,1.6,m,1.5,survey\n",
        f"deepest,depth_max,,{here},1,3,m,2,survey\n",
        f"inland,inland,,{here},0,999,m,,survey\n",
    ))
    (scenario.folder / FILE).write_text(text)
    rows = {r.quantity: r for r in hindcast(town, scenario, sea)}
    assert rows["arrival"].modelled == pytest.approx(2.0)
    assert rows["when"].modelled == pytest.approx(4.0)
    assert rows["top"].modelled == pytest.approx(2.0)
    assert not rows["top"].within  # a miss is reported as one
    elev = terrain.elev_m.ravel()
    assert rows["height"].modelled == pytest.approx(
        max(elev[at] + 2.0, elev[at + 1] + 1.0), abs=1e-4)
    assert rows["mean"].modelled == pytest.approx(1.5)  # neither the film nor the far cell counts
    assert rows["mean"].within
    assert rows["deepest"].modelled == pytest.approx(2.0)
    assert rows["inland"].modelled == pytest.approx(2 * terrain.dx_m)
    dry = {r.quantity: r for r in hindcast(town, scenario, still(town, {at + width * 15: 9.0}))}
    assert dry["mean"].modelled is None
    assert not dry["mean"].within


def test_a_wrong_file_says_what_and_where(town: City, scenario: Scenario) -> None:
    sea = still(town, {5: 1.0})
    assert hindcast(town, scenario, sea) == ()
    for row, word in (
        ("a,highest,Peer,,,,1,2,m,,x\n", "Peer"), ("a,hight,Pier,,,,1,2,m,,x\n", "hight"),
        ("a,highest,Pier,,,,one,2,m,,x\n", "number"), ("a,inland,,,,,1,2,m,,x\n", "number"),
    ):
        (scenario.folder / FILE).write_text(HEADER + row)
        with pytest.raises(InputError, match=word):
            hindcast(town, scenario, sea)
    (scenario.folder / FILE).write_text("a,b\n")
    with pytest.raises(InputError, match="header"):
        hindcast(town, scenario, sea)


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


def test_the_record_of_2015_is_complete() -> None:
    """The shipped file names gauges of its scenario and says which figures were fitted."""
    scenario = load_scenario("coquimbo-tsunami")
    text = (scenario.folder / FILE).read_text(encoding="utf-8")
    assert text.count("(fitted)") == 4
    assert scenario.tsunami is not None
    assert "Coquimbo port" in {g.name for g in scenario.tsunami.gauges}
