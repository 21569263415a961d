"""Saving and loading a city gives back the same city; damaged folders are refused by name."""

import dataclasses
import json

import numpy as np
import pytest

from city_models.testtown import build_testtown
from engine.city_io import (
    city_folder,
    list_cities,
    load_city,
    load_city_folder,
    save_city,
)
from engine.errors import InputError


@pytest.fixture(scope="module")
def town():
    return build_testtown()


def test_round_trip_is_exact(town, tmp_path):
    loaded = load_city_folder(save_city(town, tmp_path / "town"))
    assert loaded.content_hash == town.content_hash
    assert loaded.layers == town.layers
    assert loaded.notes == town.notes
    assert loaded.title == town.title


def test_points_without_footprints_and_no_terrain_round_trip(town, tmp_path):
    bare = np.full(town.buildings.x_m.size, None, object)
    mixed = town.buildings.polygon.copy()
    mixed[::3] = None
    for polygon in (bare, mixed):
        city = dataclasses.replace(
            town, terrain=None,
            buildings=dataclasses.replace(town.buildings, polygon=polygon),
        )
        loaded = load_city_folder(save_city(city, tmp_path / "town"))
        assert loaded.content_hash == city.content_hash
        assert loaded.terrain is None


def test_folder_is_ordinary_geoparquet_and_geotiff(town, tmp_path):
    import geopandas
    import rasterio

    folder = save_city(town, tmp_path / "town")
    streets = geopandas.read_parquet(folder / "streets.parquet")
    assert streets.geometry.length.to_numpy() == pytest.approx(town.streets.length_m, rel=1e-5)
    lon, _ = town.lonlat(town.nodes.x_m, town.nodes.y_m)
    nodes = geopandas.read_parquet(folder / "nodes.parquet").to_crs("EPSG:4326")
    assert nodes.geometry.x.to_numpy() == pytest.approx(lon, abs=1e-9)
    with rasterio.open(folder / "terrain.tif") as raster:
        x, y = town.nodes.x_m[7], town.nodes.y_m[7]
        value = next(raster.sample([(x, y)]))[0]
    t = town.terrain
    row, column = int((y - t.y0_m) / t.dx_m), int((x - t.x0_m) / t.dx_m)
    assert value == t.elev_m[row, column]


def test_saving_again_replaces_the_city_and_keeps_other_files(town, tmp_path):
    folder = save_city(town, tmp_path / "town")
    (folder / "NOTES.md").write_text("mine")
    save_city(build_testtown(seed=1), folder)
    assert load_city_folder(folder).content_hash == build_testtown(seed=1).content_hash
    assert (folder / "NOTES.md").read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir()] == ["town"]


def test_a_folder_with_other_things_is_not_overwritten(town, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="not a city folder"):
        save_city(town, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("name", ["edges.parquet", "buildings.parquet", "terrain.tif"])
def test_truncated_or_missing_file_is_named(town, tmp_path, name):
    folder = save_city(town, tmp_path / "town")
    path = folder / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=name):
        load_city_folder(folder)
    path.unlink()
    with pytest.raises(InputError, match=name):
        load_city_folder(folder)


def test_bad_city_toml_is_named(town, tmp_path):
    folder = save_city(town, tmp_path / "town")
    (folder / "city.toml").write_text("name = ")
    with pytest.raises(InputError, match=r"city\.toml"):
        load_city_folder(folder)
    (folder / "city.toml").write_text('name = "x"\n')
    with pytest.raises(InputError, match="title"):
        load_city_folder(folder)


@pytest.mark.parametrize(("old", "new", "words"), [
    ("x0_m = -550.0", 'x0_m = "left"', r"terrain\.x0_m' is 'left'"),
    ("dx_m = 25.0", "dx_m = -1", r"terrain\.dx_m' is -1"),
    ("dx_m = 25.0", "dx_m = nan", r"terrain\.dx_m' is nan"),
    ("dx_m = 25.0", "dx_m = [25]", r"terrain\.dx_m' is a list"),
    ("uncertainty_m = 0.5", "uncertainty_m = nan", r"terrain\.uncertainty_m' is nan"),
    ("uncertainty_m = 0.5", "uncertainty_m = true", r"terrain\.uncertainty_m' is True"),
    ("dx_m = 25.0\n", "", r"terrain\.dx_m is missing"),
    ('open_sides = ["west"]', 'open_sides = "west"', r"terrain\.open_sides"),
    ('open_sides = ["west"]', 'open_sides = ["left"]', r"terrain\.open_sides"),
    ('timezone = "America/Santiago"', 'timezone = "banana"', "'timezone' is 'banana'"),
    ('crs = "+proj', 'crs = "banana+proj', "'crs' is 'banana"),
    ('status = "synthetic"', 'status = "sinthetic"', "did you mean 'synthetic'"),
    ('licence = "Apache-2.0"', "licence = 2", "'licence' must be text"),
    ('notes = ["', 'notes = [1, "', "'notes' is a list"),
])
def test_wrong_value_in_city_toml_is_named(town, tmp_path, old, new, words):
    path = save_city(town, tmp_path / "town") / "city.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=words) as caught:
        load_city_folder(path.parent)
    assert str(caught.value).startswith(str(path))


def test_a_foreign_folder_is_left_alone(town, tmp_path):
    (tmp_path / "city.toml").write_text('title = "Notes on my city"\n')
    with pytest.raises(InputError, match="not a city folder"):
        save_city(town, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["city.toml"]


def test_rows_that_are_missing_are_noticed(town, tmp_path):
    """Half the people would still be a consistent city."""
    import pyarrow.parquet as pq

    folder = save_city(town, tmp_path / "town")
    path = folder / "persons.parquet"
    table = pq.read_table(path)
    pq.write_table(table.slice(0, len(table) // 2), path)
    with pytest.raises(InputError, match=r"persons\.parquet: damaged: 1,000 rows"):
        load_city_folder(folder)


def test_unknown_names_and_paths(tmp_path):
    assert "coquimbo" in list_cities()
    with pytest.raises(InputError, match="did you mean 'coquimbo'"):
        load_city("coquimba")
    with pytest.raises(InputError, match="no such city folder"):
        load_city(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"city\.toml is missing"):
        city_folder(tmp_path)


def test_quality_rows_come_with_the_folder(town, tmp_path):
    from city_models.quality import Report, check_city, read_quality
    from engine.city_io import city_quality

    report = Report()
    report.add("odd thing", "roads", 2, 9, "mended", examples=range(9))
    report.add("absent thing", "roads", 0, 9, "mended")
    folder = save_city(town, tmp_path / "town", {"quality.json": report.to_json()})
    rows = city_quality(folder)
    assert [(r["check"], r["count"], len(r["examples"])) for r in rows] == [("odd thing", 2, 5)]
    assert read_quality(folder)[0].kind == "odd thing"
    whole = check_city(town, folder)
    assert whole["counts"]["population"] == 2000
    json.dumps(whole)
