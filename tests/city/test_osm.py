"""Import of OpenStreetMap: a handmade file with known defects, formats, bad input."""

import bz2
import gzip
import math
import os
from pathlib import Path

import numpy as np
import pytest

from city_models.build import _timezone, build_city
from city_models.network import RawNetwork, clean
from city_models.quality import Report, read_quality
from city_models.tags import road, speed_kmh
from engine.city import FACILITIES, ROAD_CLASSES, USES
from engine.city_io import load_city_folder
from engine.errors import InputError

DATA = Path(os.environ.get("ANLAN_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
STEP = 0.001  # degrees, about 100 m


def node(number, column, row):
    return f'<node id="{number}" lat="{50 + row * STEP:.7f}" lon="{10 + column * STEP:.7f}"/>'


def way(number, refs, **tags):
    inside = "".join(f'<nd ref="{r}"/>' for r in refs)
    inside += "".join(f'<tag k="{k.replace("__", ":")}" v="{v}"/>' for k, v in tags.items())
    return f'<way id="{number}">{inside}</way>'


def small_osm():
    """A square of streets with a loop, a stub of 2 m, an island, a trap and odd values."""
    nodes = [node(1, 0, 0), node(2, 2, 0), node(3, 2, 2), node(4, 0, 2), node(5, 1, 0)]
    nodes += [node(6, 3, 0), node(7, 4, 0.5), node(8, 4, -0.5)]  # loop at 6
    nodes += [node(9, 0, 2.02)]  # 2 m north of 4
    nodes += [node(10, 9, 9), node(11, 10, 9)]  # island
    nodes += [node(12, -2, 0)]  # a one-way street leads there and none back
    nodes += [node(13, 0, 4), node(30, 0.4, 0.4), node(31, 0.6, 0.4), node(32, 0.6, 0.6)]
    ways = [
        way(100, [1, 5, 2], highway="residential", name="South", maxspeed="30 mph", lanes="2"),
        way(101, [2, 3], highway="secondary", lanes="99", bridge="yes"),
        way(102, [3, 4], highway="secondary", maxspeed="900"),
        way(103, [4, 1], highway="residential"),
        way(104, [2, 6], highway="residential"),
        way(105, [6, 7, 8, 6], highway="residential"),
        way(106, [4, 9], highway="residential"),
        way(107, [9, 13], highway="footway"),
        way(108, [10, 11], highway="residential"),
        way(109, [1, 12], highway="residential", oneway="yes"),
        way(110, [1, 3], highway="proposed"),
        way(200, [30, 31, 32, 30], building="house", building__levels="2", amenity="hospital"),
    ]
    return '<osm version="0.6" generator="test">' + "".join(nodes + ways) + "</osm>"


@pytest.fixture
def osm_file(tmp_path):
    path = tmp_path / "small.osm"
    path.write_text(small_osm())
    return path


def test_defects_are_counted_and_mended(osm_file, tmp_path):
    out = tmp_path / "small"
    city = build_city("small", out, osm=osm_file, population=120)
    found = {d.kind: d for d in read_quality(out)}
    assert found["self-loop"].count == 1
    assert found["link under 5 m"].count == 1
    assert found["street outside the largest strongly connected drive part"].count == 2
    assert found["street not attached to the network"].count == 1
    assert found["impossible lanes"].count == 1
    assert found["impossible speed"].count == 1
    assert found["highway of a kind without traffic"].count == 1
    assert load_city_folder(out).content_hash == city.content_hash

    streets = city.streets
    assert (streets.from_node != streets.to_node).all()
    assert streets.length_m.min() >= 5
    south = np.flatnonzero(streets.name == "South")
    assert south.size == 1  # node 5 is a mere shape point
    arcs = city.edges
    assert arcs.free_speed_mps[arcs.street == south[0]] == pytest.approx(30 * 0.44704, rel=1e-4)
    assert streets.bridge.sum() == 1
    # the footway and the one-way trap are walked, not driven
    walked = streets.walk & ~streets.drive
    assert sorted(ROAD_CLASSES[c] for c in streets.road_class[walked]) == [
        "footway", "residential",
    ]
    assert FACILITIES.index("hospital") in city.facilities.kind
    people = np.bincount(
        city.buildings.zone[city.person_building], minlength=city.zones.population.size
    )
    assert (people == city.zones.population).all()
    assert city.persons.household.size == 120


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [(".osm.xml", bytes), (".osm.gz", gzip.compress), (".osm.bz2", bz2.compress)],
)
def test_every_xml_packing_gives_the_same_city(osm_file, tmp_path, suffix, pack):
    first = build_city("small", None, osm=osm_file)
    path = tmp_path / f"other{suffix}"
    path.write_bytes(pack(osm_file.read_bytes()))
    assert build_city("small", None, osm=path).content_hash == first.content_hash


def test_without_synthesis_nothing_is_invented(osm_file):
    city = build_city("small", None, osm=osm_file, synthesis=False)
    assert city.persons.household.size == 0
    assert city.buildings.x_m.size == 1
    assert not (city.facilities.status == 2).any()


def test_graphml_of_osmnx(tmp_path):
    import networkx as nx
    import osmnx

    graph = nx.MultiDiGraph(crs="EPSG:4326")
    for i, (x, y) in enumerate([(0, 0), (1, 0), (1, 1), (0, 1)]):
        graph.add_node(i + 1, x=10 + x * STEP, y=50 + y * STEP)
    for u, v in [(1, 2), (2, 3), (3, 4), (4, 1)]:
        for a, b in ((u, v), (v, u)):
            graph.add_edge(a, b, osmid=u, highway="residential", oneway=False, length=100.0,
                           reversed=a == v, maxspeed="50")
    path = tmp_path / "net.graphml"
    osmnx.save_graphml(graph, path)
    city = build_city("net", None, osm=path, population=50)
    assert city.edges.street.size == 2 * city.streets.from_node.size
    assert city.streets.length_m.sum() == pytest.approx(2 * 71.7 + 2 * 111.2, rel=0.01)
    path.write_text(path.read_text()[:300])
    with pytest.raises(InputError, match=r"net\.graphml"):
        build_city("net", None, osm=path)


def test_download_paths_use_osmnx_and_name_the_place(monkeypatch):
    import networkx as nx
    import osmnx

    graph = nx.MultiDiGraph(crs="EPSG:4326")
    for i in range(3):
        graph.add_node(i, x=10 + i * STEP, y=50.0)
    for a, b in [(0, 1), (1, 0), (1, 2), (2, 1)]:
        graph.add_edge(a, b, osmid=min(a, b), highway="residential", oneway=False, length=71.0)

    def offline(*_args, **_kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr(osmnx, "graph_from_bbox", lambda *_a, **_k: graph)
    monkeypatch.setattr(osmnx, "features_from_bbox", offline)
    city = build_city("box", None, bbox=(9.9, 49.9, 10.1, 50.1), population=10)
    assert city.edges.street.size >= 2
    monkeypatch.setattr(osmnx, "graph_from_place", offline)
    with pytest.raises(InputError, match=r"Atlantis: .* cannot be reached; .*--osm"):
        build_city("box", None, place="Atlantis")


def test_bad_input_is_refused_with_the_file_named(osm_file, tmp_path):
    cut = tmp_path / "cut.osm"
    cut.write_text(small_osm()[:900])
    packed = tmp_path / "cut.osm.gz"
    packed.write_bytes(gzip.compress(small_osm().encode())[:200])
    empty = tmp_path / "empty.osm"
    empty.write_text('<osm version="0.6"></osm>')
    nothing = tmp_path / "nothing.osm"
    nothing.write_text("")
    walkers = tmp_path / "walkers.osm"
    walkers.write_text(
        f'<osm version="0.6">{node(1, 0, 0)}{node(2, 1, 0)}'
        f'{way(1, [1, 2], highway="footway")}</osm>'
    )
    text = tmp_path / "map.txt"
    text.write_text("x")
    out = tmp_path / "out"
    for path in (cut, packed, empty, nothing, walkers, text, tmp_path / "gone.osm"):
        with pytest.raises(InputError, match=path.name.replace(".", r"\.")):
            build_city("bad", out, osm=path)
    for options in (
        {}, {"osm": osm_file, "place": "x"}, {"bbox": (5, 1, 4, 2)},
        {"osm": osm_file, "population": 0}, {"osm": osm_file, "dem": tmp_path / "no.tif"},
        {"osm": osm_file, "dem": text}, {"osm": osm_file, "zones": tmp_path / "no.geojson"},
    ):
        with pytest.raises(InputError):
            build_city("bad", out, **options)
    with pytest.raises(InputError, match="Bad Name"):
        build_city("Bad Name", out, osm=osm_file)
    assert not out.exists()


@pytest.mark.parametrize("old", ['lat="50.0000000" lon="10.0000000"', 'lat="50.0020000"'])
@pytest.mark.parametrize("value", ["abc", "", "1e9"])
def test_position_that_is_none_is_refused(osm_file, tmp_path, old, value):
    path = tmp_path / "bad.osm"
    text = osm_file.read_text()
    assert old in text
    path.write_text(text.replace(old, old.replace(old.split('"')[1], value, 1), 1))
    with pytest.raises(InputError, match=r"bad\.osm: damaged or not OpenStreetMap data"):
        build_city("bad", None, osm=path)


def test_user_layers(osm_file, tmp_path):
    import geopandas
    import shapely

    box = shapely.box(9.99, 49.99, 10.02, 50.02)
    zones = geopandas.GeoDataFrame(
        {"name": ["All"], "population": [77.6], "geometry": [box]}, crs="EPSG:4326"
    )
    zones.to_file(tmp_path / "z.geojson")
    places = geopandas.GeoDataFrame(
        {"kind": ["shelter"], "name": ["Hall"], "capacity": [321],
         "geometry": [shapely.Point(10.001, 50.001)]}, crs="EPSG:4326",
    )
    places.to_file(tmp_path / "f.geojson")
    city = build_city(
        "small", None, osm=osm_file, zones=tmp_path / "z.geojson",
        facilities=tmp_path / "f.geojson",
    )
    assert city.persons.household.size == 78
    hall = city.facilities_of("shelter")
    assert city.facilities.capacity[hall].tolist() == [321]
    places["kind"] = ["sheltr"]
    places.to_file(tmp_path / "f.geojson")
    with pytest.raises(InputError, match="did you mean 'shelter'"):
        build_city("small", None, osm=osm_file, facilities=tmp_path / "f.geojson")


def test_terrain_from_a_geotiff(osm_file, tmp_path):
    import rasterio
    from rasterio.transform import from_origin

    rows, columns = 60, 80
    height = np.broadcast_to(np.arange(columns) - 20.0, (rows, columns)).astype("float32")
    with rasterio.open(
        tmp_path / "dem.tif", "w", driver="GTiff", width=columns, height=rows, count=1,
        dtype="float32", crs="EPSG:4326", transform=from_origin(9.99, 50.01, 2.5e-4, 2.5e-4),
    ) as raster:
        raster.write(height, 1)
    city = build_city("small", None, osm=osm_file, dem=tmp_path / "dem.tif", population=20)
    assert city.terrain is not None
    assert "west" in city.terrain.open_sides
    assert "east" not in city.terrain.open_sides
    lon, _ = city.lonlat(city.nodes.x_m, city.nodes.y_m)
    expected = (lon - 9.99) / 2.5e-4 - 0.5 - 20.0
    assert city.nodes.elev_m == pytest.approx(expected, abs=0.6)


def test_what_a_terrain_lacks_is_said(osm_file, tmp_path):
    import rasterio
    from rasterio.transform import from_origin

    height = np.full((80, 40), 5.0, "float32")
    height[:, 20:] = 120.0  # a cliff
    with rasterio.open(
        tmp_path / "dem.tif", "w", driver="GTiff", width=40, height=80, count=1,
        dtype="float32", crs="EPSG:4326", transform=from_origin(9.9995, 50.01, 1e-4, 2e-4),
    ) as raster:
        raster.write(height, 1)
    city = build_city("small", tmp_path / "out", osm=osm_file, dem=tmp_path / "dem.tif")
    kinds = {d.kind: d for d in read_quality(tmp_path / "out")}
    lon, _ = city.lonlat(city.nodes.x_m, city.nodes.y_m)
    assert kinds["junction beyond the terrain"].count == (
        (lon < 9.9994) | (lon > 10.0036)
    ).sum() > 0
    assert kinds["no sea at the terrain's edge"].count == 1
    assert kinds["street steeper than 35%"].count >= 1


@pytest.mark.parametrize(
    ("text", "kmh"),
    [("50", 50), ("30 mph", 48.28), ("DE:urban", 50), ("20 km/h", 20), ("40;60", 40),
     ("none", math.nan), ("signals", math.nan), ("", math.nan)],
)
def test_speed_limits(text, kmh):
    assert speed_kmh(text) == pytest.approx(kmh, abs=0.01, nan_ok=True)


def test_directions_and_access():
    assert road({"highway": "residential", "oneway": "-1"}).drive_f is False
    circle = road({"highway": "tertiary", "junction": "roundabout"})
    assert (circle.drive_f, circle.drive_b) == (True, False)
    wide = road({"highway": "primary", "lanes": "3"})
    assert (wide.lanes_f, wide.lanes_b) == (2, 1)
    assert road({"highway": "motorway_link"}).walk is False
    assert road({"highway": "service", "access": "private"}) is None
    assert road({"highway": "residential", "motor_vehicle": "no"}).drive_f is False
    assert road({"highway": "construction"}) is None


def with_extra(nodes, others=()):
    """The small map with more objects in it, nodes first as in every file."""
    text = small_osm().replace("</osm>", "".join(others) + "</osm>")
    return text.replace("<way", "".join(nodes) + "<way", 1)


def test_a_building_drawn_twice_counts_once(tmp_path):
    corners = [node(40, 0.2, 1.0), node(41, 0.6, 1.0), node(42, 0.6, 1.4), node(43, 0.2, 1.4)]
    court = [node(44, 0.35, 1.15), node(45, 0.45, 1.15), node(46, 0.45, 1.25)]
    tagged = '<node id="{}" lat="{}" lon="{}"><tag k="building" v="{}"/></node>'
    nodes = [
        tagged.format(47, 50 + 1.05 * STEP, 10 + 0.3 * STEP, "yes"),  # inside the footprint
        tagged.format(48, 50 + 1.18 * STEP, 10 + 0.42 * STEP, "yes"),  # in its courtyard
        tagged.format(49, 50 + 1.7 * STEP, 10 + 0.3 * STEP, "entrance"),  # a door, old style
    ]
    rings = [way(300, [40, 41, 42, 43, 40], building="yes"), way(301, [44, 45, 46, 44])]
    relation = (
        '<relation id="9"><member type="way" ref="300" role="outer"/>'
        '<member type="way" ref="301" role="inner"/><tag k="type" v="multipolygon"/>'
        '<tag k="building" v="retail"/></relation>'
    )
    path = tmp_path / "twice.osm"
    path.write_text(with_extra(corners + court + nodes, [*rings, relation]))
    out = tmp_path / "twice"
    city = build_city("twice", out, osm=path, synthesis=False)
    assert {(int(k) >> 2, int(k) & 3) for k in city.buildings.key} == {(48, 0), (200, 1), (9, 2)}
    row = int(np.flatnonzero(city.buildings.key == 9 * 4 + 2)[0])
    assert USES[city.buildings.use[row]] == "commercial"
    found = {d.kind: d for d in read_quality(out)}
    assert set(found["building drawn twice"].examples) == {"47", "300"}


def test_a_bus_stop_lodges_nobody(tmp_path):
    def shelter(number, **tags):
        inside = "".join(
            f'<tag k="{k.replace("__", ":")}" v="{v}"/>'
            for k, v in {"amenity": "shelter", **tags}.items()
        )
        return node(number, 0.5, number / 100).replace("/>", f">{inside}</node>", 1)

    path = tmp_path / "roofs.osm"
    extra = [
        shelter(50, name="stop", shelter_type="public_transport"), shelter(51, name="plain"),
        shelter(52, name="vault", shelter_type="bomb_shelter"),
        shelter(53, name="counted", capacity__persons="70"),
    ]
    path.write_text(with_extra(extra))
    out = tmp_path / "roofs"
    city = build_city("roofs", out, osm=path)
    rows = city.facilities_of("shelter")
    places = dict(zip(city.facilities.name[rows], city.facilities.capacity[rows], strict=True))
    assert places == {"stop": 0, "plain": 0, "vault": 20, "counted": 70}
    found = {d.kind: d for d in read_quality(out)}
    assert found["shelter that is only a roof"].count == 2
    assert "no shelter" not in found


def test_what_is_guessed_is_said(osm_file, tmp_path):
    city = build_city("guess", tmp_path / "guess", osm=osm_file)
    found = {d.kind: d for d in read_quality(tmp_path / "guess")}
    assert found["number of inhabitants not given"].severity == "assumed"
    assert "street" in found["number of inhabitants not given"].action
    assert "Europe/Paris" in found["time zone not given"].action
    assert found["too few buildings for the town"].count == 1
    assert "no buildings in the source" not in found
    # walked streets need neither lanes nor a speed limit
    assert found["missing lanes"].total == found["missing speed"].total == city.streets.drive.sum()
    card = {
        layer.layer: layer for layer in load_city_folder(tmp_path / "guess").layers
    }["facilities"]
    assert card.status == "synthetic"
    assert "by rule" in card.source
    build_city("told", tmp_path / "told", osm=osm_file, population=9, timezone="Asia/Shanghai")
    told = {d.kind for d in read_quality(tmp_path / "told")}
    assert not told & {"number of inhabitants not given", "time zone not given"}


@pytest.mark.parametrize(
    ("lon", "lat", "zone"),
    [(-8.6, 41.2, "Europe/Lisbon"), (9.7, 50.9, "Europe/Paris"), (7.4, 43.7, "Europe/Paris"),
     (24.9, 60.2, "Europe/Helsinki"), (-0.1, 51.5, "Europe/London"), (-3.7, 40.4, "Europe/Paris"),
     (-71.6, -33.0, "America/Santiago"), (-122.7, 45.5, "Etc/GMT+8"), (116.4, 39.9, "Etc/GMT-8")],
)
def test_time_zone_by_position(lon, lat, zone):
    assert _timezone(lon, lat) == zone


def test_moved_junctions_leave_no_short_link():
    """Merging 0 and 1 moves 1 to within 2.1 m of 2, 5.8 m before: that link is merged as well."""
    x = np.array([0.0, -4.9, 0.5, 200.0, 100.0])
    y = np.array([0.0, 0.0, 2.0, 0.0, 150.0])
    pairs = np.array([(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)])
    m = len(pairs)
    yes, unknown = np.ones(m, bool), np.full(m, np.nan)
    raw = RawNetwork(
        np.arange(5), x, y, pairs[:, 0], pairs[:, 1],
        np.full(m, ROAD_CLASSES.index("residential"), np.uint8), ~yes, yes,
        np.full(m, "", object), np.arange(m), yes, yes, unknown, unknown, unknown, unknown,
        np.arange(m + 1) * 2, x[pairs.ravel()], y[pairs.ravel()],
    )
    _, streets, _ = clean(raw, Report(), join=False)
    assert streets.length_m.min() >= 5
    assert streets.from_node.size == 3


def test_small_town_file_where_present():
    path = DATA / "badhersfeld_osm" / "osm_bbox.osm.xml.gz"
    if not path.is_file():
        pytest.skip(f"sample data not present: {path}")
    city = build_city("town", None, osm=path)
    count = np.bincount(city.facilities.kind, minlength=len(FACILITIES))
    assert city.buildings.x_m.size >= 11_280
    wanted = {"hospital": 6, "fire_station": 4, "police_station": 3, "shelter": 10}
    assert {k: int(count[FACILITIES.index(k)]) for k in wanted} == wanted
