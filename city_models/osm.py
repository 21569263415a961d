"""OpenStreetMap into raw links and features: files by pyosmium, downloads and GraphML by OSMnx.

A file is read in one pass into arrays, so that a region of 150,000 arcs takes seconds; OSMnx
serves where a download is needed or a graph was saved by it. Both feed `network.clean`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from city_models import tags as tg
from city_models.network import RawNetwork
from city_models.quality import Report
from engine.errors import InputError

log = logging.getLogger(__name__)
SUFFIXES = (".osm", ".osm.xml", ".osm.gz", ".osm.xml.gz", ".osm.bz2", ".osm.xml.bz2", ".osm.pbf",
            ".pbf", ".graphml")
_KEYS = ("highway", "building", "amenity", "emergency", "social_facility")
_FEATURE_TAGS = (
    "building", "amenity", "emergency", "social_facility", "name", "building:levels", "height",
    "building:height", "building:flats", "shop", "office", "capacity", "beds", "capacity:beds",
    "capacity:persons", "shelter_type",
)
#: Ways, relations and nodes share no numbers: their kind goes into the key's low bits.
_NODE, _WAY, _RELATION = 0, 1, 2


@dataclass(frozen=True)
class Feature:
    """A building or facility: tags, geometry in degrees, and a stable key."""

    tags: dict[str, str]
    geometry: Any
    key: int


@dataclass
class Ways:
    """Ways as the source has them: nodes by identifier and position, and what tags say."""

    refs: list[list[int]] = field(default_factory=list)
    lon: list[list[float]] = field(default_factory=list)
    lat: list[list[float]] = field(default_factory=list)
    road: list[tg.Road] = field(default_factory=list)
    key: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Source:
    """Everything an importer found, in degrees until `project` is called."""

    ways: Ways
    features: list[Feature]

    def centre(self) -> tuple[float, float]:
        """Return the middle of the roads (longitude, latitude), rounded to 0.01 degrees."""
        lon = np.concatenate([np.asarray(v) for v in self.ways.lon])
        lat = np.concatenate([np.asarray(v) for v in self.ways.lat])
        return (
            round(float((lon.min() + lon.max()) / 2), 2),
            round(float((lat.min() + lat.max()) / 2), 2),
        )


def read_file(path: Path, report: Report) -> Source:
    """Read any OSM file or OSMnx GraphML; InputError that names the file where it is no good."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if not path.name.lower().endswith(SUFFIXES):
        raise InputError(f"{path}: not an OSM file (allowed: {', '.join(SUFFIXES)})")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty")
    source = _read_graphml(path) if path.suffix.lower() == ".graphml" else _read_osm(path, report)
    if not source.ways.refs:
        raise InputError(f"{path}: holds no streets")
    return source


def _read_osm(path: Path, report: Report) -> Source:
    """Read with multipolygons, or without where the file's order does not allow them."""
    try:
        return _read_objects(path, report, areas=True)
    except RuntimeError as error:
        if "out of order" not in str(error):
            raise InputError(f"{path}: damaged or not OpenStreetMap data ({error})") from None
    try:
        report.add(
            "objects not sorted by number", "buildings", 1, 1,
            "buildings that are multipolygons left out", "notice",
        )
        return _read_objects(path, report, areas=False)
    except RuntimeError as error:
        raise InputError(f"{path}: damaged or not OpenStreetMap data ({error})") from None


def _read_objects(path: Path, report: Report, *, areas: bool) -> Source:
    import osmium

    ways, features = Ways(), []
    lost = skipped = 0
    examples: list[int] = []
    try:
        reader = osmium.FileProcessor(str(path))
        if areas:
            reader = reader.with_areas(osmium.filter.KeyFilter("building", "amenity"))
        else:
            reader = reader.with_locations()
        for item in reader.with_filter(osmium.filter.KeyFilter(*_KEYS)):
            if item.is_way():
                if "highway" in item.tags:
                    missing = _take_way(item, ways)
                    if missing < 0:
                        skipped += 1
                    elif missing:
                        lost += missing
                        examples.append(item.id)
                elif _matters(item.tags):
                    shape = _way_shape(item)
                    if shape is not None:
                        features.append(Feature(_pick(item.tags), shape, item.id * 4 + _WAY))
            elif item.is_node():
                if _matters(item.tags) and item.location.valid():
                    point = shapely.Point(item.location.lon, item.location.lat)
                    features.append(Feature(_pick(item.tags), point, item.id * 4 + _NODE))
            elif item.is_area() and not item.from_way() and _matters(item.tags):
                shape = _area_shape(item)
                if shape is not None:
                    key = item.orig_id() * 4 + _RELATION
                    features.append(Feature(_pick(item.tags), shape, key))
    except (OSError, ValueError, osmium.InvalidLocationError) as error:
        raise InputError(f"{path}: damaged or not OpenStreetMap data ({error})") from None
    report.add(
        "way node without position", "roads", lost, lost + sum(map(len, ways.refs)),
        "the way is cut there", "mended", examples,
    )
    report.add(
        "highway of a kind without traffic", "roads", skipped, skipped + len(ways.refs),
        "left out (proposed, private, areas, ...)", "notice",
    )
    return Source(ways, features)


def _take_way(item: Any, ways: Ways) -> int:
    """Add a way's runs of located nodes; return the number of lost nodes, -1 if no road."""
    meaning = tg.road(dict(item.tags))
    if meaning is None:
        return -1
    lost = 0
    refs: list[int] = []
    lon: list[float] = []
    lat: list[float] = []

    def flush() -> None:
        if len(refs) > 1:
            ways.refs.append(refs.copy())
            ways.lon.append(lon.copy())
            ways.lat.append(lat.copy())
            ways.road.append(meaning)
            ways.key.append(item.id)
        refs.clear()
        lon.clear()
        lat.clear()

    for node in item.nodes:
        where = node.location
        if not where.valid():
            lost += 1
            flush()
        elif not refs or refs[-1] != node.ref:
            refs.append(node.ref)
            lon.append(where.lon)
            lat.append(where.lat)
    flush()
    return lost


def _matters(tags: Any) -> bool:
    return tg.is_building(tags) or tg.facility_kind(tags) is not None


def _pick(tags: Any) -> dict[str, str]:
    return {key: tags[key] for key in _FEATURE_TAGS if key in tags}


def _way_shape(item: Any) -> Any:
    xy = [(n.location.lon, n.location.lat) for n in item.nodes if n.location.valid()]
    if len(xy) < 4 or xy[0] != xy[-1]:
        return shapely.Point(xy[0]) if xy else None
    return shapely.Polygon(xy)


def _area_shape(item: Any) -> Any:
    parts = []
    for outer in item.outer_rings():
        ring = [(n.location.lon, n.location.lat) for n in outer if n.location.valid()]
        holes = [
            [(n.location.lon, n.location.lat) for n in inner if n.location.valid()]
            for inner in item.inner_rings(outer)
        ]
        if len(ring) >= 4:
            parts.append(shapely.Polygon(ring, [h for h in holes if len(h) >= 4]))
    if not parts:
        return None
    return max(parts, key=lambda p: p.area)  # a building's table row has one polygon


def _read_graphml(path: Path) -> Source:
    import osmnx

    try:
        graph = osmnx.load_graphml(path)
    except Exception as error:  # many parsers below, each with errors of its own
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: damaged or not an OSMnx GraphML file ({reason})") from None
    return Source(_ways_of_graph(graph, str(path)), [])


def download(
    place: str | None = None, bbox: tuple[float, float, float, float] | None = None
) -> Source:
    """Fetch roads and features through OSMnx for a place name or a box (W, S, E, N degrees).

    Raises InputError where nothing is found or the map service cannot be reached.
    """
    import osmnx

    label = place if place is not None else f"bbox {bbox}"
    wanted: dict[str, bool | str | list[str]] = {
        "building": True, "emergency": ["ambulance_station", "assembly_point"],
        **{
            key: sorted({v for k, v in tg.FACILITY_TAGS if k == key})
            for key in ("amenity", "social_facility")
        },
    }
    try:
        if place is not None:
            graph = osmnx.graph_from_place(
                place, network_type="all", simplify=False, retain_all=True
            )
        else:
            assert bbox is not None
            graph = osmnx.graph_from_bbox(
                bbox, network_type="all", simplify=False, retain_all=True
            )
    except OSError as error:  # requests' errors too
        host = re.search(r"host='([^']+)'", str(error))
        where = host.group(1) if host else "the map service"
        raise InputError(
            f"{label}: {where} cannot be reached; with an OpenStreetMap file (--osm) no network "
            f"is needed"
        ) from None
    except Exception as error:  # geocoder and parser errors of several libraries
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{label}: roads cannot be downloaded ({reason})") from None
    try:
        frame = (
            osmnx.features_from_place(place, wanted) if place is not None
            else osmnx.features_from_bbox(bbox, wanted)
        )
        features = list(_features_of_frame(frame))
    except Exception as error:  # an area without any feature raises too
        log.warning("%s: no buildings or facilities downloaded (%s)", label, error)
        features = []
    ways = _ways_of_graph(graph, label)
    if not ways.refs:
        raise InputError(f"{label}: holds no streets")
    return Source(ways, features)


def _features_of_frame(frame: Any) -> Iterator[Feature]:
    code = {"node": _NODE, "way": _WAY, "relation": _RELATION}
    columns = [c for c in _FEATURE_TAGS if c in frame.columns]
    for (element, number), row in zip(frame.index, frame.to_dict("records"), strict=True):
        tags = {c: row[c] for c in columns if isinstance(row[c], str)}
        shape = row["geometry"]
        if shape.geom_type == "MultiPolygon":
            shape = max(shape.geoms, key=lambda p: p.area)
        elif shape.geom_type not in ("Polygon", "Point"):
            shape = shape.representative_point()
        if _matters(tags):
            yield Feature(tags, shape, int(number) * 4 + code.get(str(element), _WAY))


def _text(value: Any) -> str:
    """Return a tag of an OSMnx edge, which is a list where a simplified edge had several."""
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _ways_of_graph(graph: Any, label: str) -> Ways:
    """Return an OSMnx graph's edges as ways, the two directions of a street put together."""
    ways = Ways()
    seen: set[tuple[Any, ...]] = set()
    position = {}
    for node, data in graph.nodes(data=True):
        try:
            position[node] = (float(data["x"]), float(data["y"]))
        except (KeyError, TypeError, ValueError):
            raise InputError(f"{label}: node {node} has no position") from None
    if any(abs(x) > 180.0 or abs(y) > 90.0 for x, y in position.values()):
        raise InputError(f"{label}: positions must be longitude and latitude, not projected")
    number = {node: _node_number(node, i) for i, node in enumerate(graph.nodes)}
    fresh = -1
    for u, v, data in graph.edges(data=True):
        way_ids = data.get("osmid", 0)
        way_id = way_ids[0] if isinstance(way_ids, list) else way_ids
        shape = data.get("geometry")
        xy = (
            [position[u], *list(shape.coords)[1:-1], position[v]]
            if shape is not None else [position[u], position[v]]
        )
        tags = {k: _text(x) for k, x in data.items() if k not in ("geometry", "osmid", "length")}
        oneway = tags.get("oneway") in ("yes", "True", "true", "1")
        length = round(float(data.get("length", 0.0)), 1)
        same = (min(number[u], number[v]), max(number[u], number[v]), way_id, length)
        if not oneway and same in seen:
            continue  # the other direction of a two-way street
        seen.add(same)
        meaning = tg.road({k: x for k, x in tags.items() if x})
        if meaning is None or len(xy) < 2:
            continue
        inner = list(range(fresh, fresh - len(xy) + 2, -1))  # shape points belong to one edge
        fresh -= max(len(xy) - 2, 0)
        ways.refs.append([number[u], *inner, number[v]])
        ways.lon.append([p[0] for p in xy])
        ways.lat.append([p[1] for p in xy])
        ways.road.append(meaning)
        ways.key.append(int(way_id) if str(way_id).lstrip("-").isdigit() else 0)
    return ways


def _node_number(node: Any, row: int) -> int:
    text = str(node)
    return int(text) if text.isdigit() else row


def split(ways: Ways, to_xy: Transformer) -> RawNetwork:
    """Cut ways where they meet and return raw links in metres.

    A node is a junction if it ends a way or belongs to more than one way, or twice to one.
    """
    count = np.array([len(r) for r in ways.refs], np.int64)
    refs = _flat(ways.refs, np.int64)
    lon, lat = _flat(ways.lon, np.float64), _flat(ways.lat, np.float64)
    ptr = np.zeros(count.size + 1, np.int64)
    np.cumsum(count, out=ptr[1:])
    key, node, uses = np.unique(refs, return_inverse=True, return_counts=True)
    junction = uses[node] > 1
    junction[ptr[:-1]] = True
    junction[ptr[1:] - 1] = True
    cut = np.flatnonzero(junction)
    way = np.repeat(np.arange(count.size), count)
    ok = way[cut[:-1]] == way[cut[1:]]
    start, stop = cut[:-1][ok], cut[1:][ok]
    owner = way[start]
    x, y = to_xy.transform(lon, lat)
    size = stop - start + 1
    new = np.zeros(size.size + 1, np.int64)
    np.cumsum(size, out=new[1:])
    index = np.arange(new[-1]) + np.repeat(start - new[:-1], size)
    px, py = np.zeros(key.size), np.zeros(key.size)
    px[node], py[node] = x, y
    part = np.arange(start.size) - np.searchsorted(owner, owner)
    road = ways.road
    column = {
        name: np.array([getattr(r, name) for r in road])[owner]
        for name in (
            "road_class", "bridge", "walk", "drive_f", "drive_b", "lanes_f", "lanes_b",
            "speed_f", "speed_b",
        )
    }
    names = np.array([r.name for r in road], object)[owner]
    return RawNetwork(
        key, px, py, node[start], node[stop], column["road_class"].astype(np.uint8),
        column["bridge"], column["walk"], names,
        # A way has fewer than 2,000 nodes, so its parts fit into eleven bits.
        (np.array(ways.key, np.int64)[owner] << 11) + np.minimum(part, 2047),
        column["drive_f"], column["drive_b"], column["lanes_f"], column["lanes_b"],
        column["speed_f"], column["speed_b"], new, np.asarray(x)[index], np.asarray(y)[index],
    )


def _flat(rows: Iterable[list[Any]], dtype: Any) -> NDArray[Any]:
    return np.array([value for row in rows for value in row], dtype)
