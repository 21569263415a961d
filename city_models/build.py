"""Build a city folder from OpenStreetMap and whatever other layers the user has."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from city_models import buildings as bld
from city_models import synthesis as syn
from city_models import terrain as ter
from city_models.network import clean
from city_models.osm import Feature, Source, download, read_file, split
from city_models.people import Society, largest_remainder
from city_models.quality import Report
from city_models.sources import read_buildings, read_facilities, read_zones
from city_models.tags import (
    building_use,
    facility_kind,
    is_building,
    length_m,
    mere_roof,
    number,
)
from engine.city import (
    USES,
    Buildings,
    City,
    Households,
    Layer,
    Nodes,
    Persons,
    Streets,
    Terrain,
)
from engine.city_io import QUALITY_JSON, save_city
from engine.errors import InputError

ODBL = "ODbL 1.0, (c) OpenStreetMap contributors"
OSM_NOTE = "(c) OpenStreetMap contributors, ODbL 1.0"
SYNTHETIC_NOTE = "Synthetic layers are invented by rule: not for navigation or real emergencies"
_UNITS = {"fire_station": 3, "police_station": 4, "ambulance_station": 4}
_CAPACITY = ("beds", "capacity:beds", "capacity:persons", "capacity")
_DEM_MARGIN_M = 500.0
#: Europe's civil time is not that of its longitude: boxes (west, south, east, north), the first
#: that fits; coarse at borders.
_EUROPE_ZONES = (
    ("Europe/Lisbon", -10.0, 36.8, -6.2, 42.0),
    ("Europe/London", -11.0, 49.8, 1.8, 61.0),
    ("Europe/Paris", -9.5, 35.0, 22.6, 71.5),
    ("Europe/Helsinki", 22.6, 34.5, 30.0, 70.2),
)
#: Two outlines of which this share is common are one building drawn twice.
_SAME_OUTLINE = 0.95
Progress = Callable[[str], None]


def build_city(
    name: str,
    out: str | Path | None,
    place: str | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    osm: str | Path | None = None,
    dem: str | Path | None = None,
    zones: str | Path | None = None,
    buildings: str | Path | None = None,
    facilities: str | Path | None = None,
    synthesis: bool = True,
    population: int | None = None,
    progress: Progress | None = None,
    *,
    timezone: str | None = None,
    seed: int = 0,
) -> City:
    """Build a city and write it to `out` (nothing is written where `out` is None).

    Exactly one of `place` (a name, needs a network), `bbox` (west, south, east, north in
    degrees, needs a network) and `osm` (a file) is given. `dem` is a GeoTIFF, .hgt or zipped
    .hgt; `zones`, `buildings` and `facilities` are files that GDAL reads. `population` is the
    number of inhabitants where no zone file states it. `synthesis=False` leaves out what no
    source holds. `timezone` defaults to Chile's, to that of a coarse part of Europe, or to a
    fixed offset by longitude elsewhere.
    Raises InputError for bad input, before anything is written.
    """
    tell = progress or (lambda _text: None)
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise InputError(f"name '{name}': allowed are a-z, 0-9 and hyphens")
    if sum(v is not None for v in (place, bbox, osm)) != 1:
        raise InputError("give exactly one of place, bbox and osm")
    if population is not None and population < 1:
        raise InputError(f"population {population}: must be at least 1")
    if bbox is not None:
        _check_bbox(bbox)
    report = Report()
    tell("reading the map")
    source = read_file(Path(osm), report) if osm is not None else download(place, bbox)
    label = str(osm or place or "bbox")
    lon, lat = source.centre()
    crs = (
        f"+proj=tmerc +lat_0={lat:g} +lon_0={lon:g} +k=1 +x_0=0 +y_0=0 +ellps=WGS84 +units=m"
    )
    to_xy = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    tell(f"cleaning the network of {len(source.ways.refs):,} ways")
    try:
        nodes, streets, edges = clean(split(source.ways, to_xy), report)
    except InputError as error:
        raise InputError(f"{label}: {error}") from None
    terrain = None
    if dem is not None:
        tell("resampling the terrain")
        terrain = _terrain(Path(dem), crs, nodes, streets, report)
        height = np.round(ter.sample(terrain, nodes.x_m, nodes.y_m), 2).astype(np.float32)
        nodes = Nodes(nodes.x_m, nodes.y_m, height, nodes.key)
    society, mix = syn.country_rules(lon, lat)
    layers = [Layer("roads", "measured", f"OpenStreetMap: {Path(label).name}", ODBL, "undated")]

    tell("placing buildings and people")
    known = _features(source, to_xy, report)
    if buildings is not None:
        known = read_buildings(Path(buildings), crs)
    drawn = bool(known)
    zone_source = read_zones(Path(zones), crs) if zones is not None else None
    if zone_source is not None:
        polygons, zone_names, municipality, people = zone_source
    else:
        polygons, zone_names = syn.grid_zones(nodes)
        municipality, people = np.full(len(polygons), name, object), None
    if synthesis and buildings is None and _too_few(known, polygons, streets):
        report.add(
            "too few buildings for the town", "buildings", len(known), len(known),
            "left out; houses placed along streets by rule", "assumed",
        )
        known = []
    stock = _known_buildings(nodes, streets, polygons, known, society, mix, seed)
    if people is None:
        people = _population(polygons, streets, stock, mix, population, synthesis)
        if population is None:
            by_floor = bool((stock.use == bld.RESIDENTIAL).any())
            report.add(
                "number of inhabitants not given", "persons", int(people.sum()),
                int(people.sum()), "guessed, good to a factor of two or three: " + (
                    f"{mix.person_m2:g} m2 of homes a person" if by_floor
                    else f"{syn.PERSONS_PER_STREET_KM:g} a km of residential street"
                ), "assumed",
            )
    elif population is not None:
        people = largest_remainder(people.astype(float), population)
    table = syn.zones_table(polygons, zone_names, municipality, people)
    sites = _sites(source, to_xy, float(people.sum()), report)
    if facilities is not None:
        sites = read_facilities(Path(facilities), crs)
    status = "measured" if stock.x_m.size else "synthetic"
    if synthesis and stock.x_m.size == 0:
        report.add("no buildings in the source", "buildings", int(not drawn), 1,
                   "houses placed along streets by rule", "assumed")
        stock = _invented_buildings(nodes, streets, polygons, people, society, mix, sites, seed)
    if synthesis:
        present = {s.kind for s in sites}
        sites += syn.missing_services(present, table, nodes, streets)
        if "school" not in present:
            sites += syn.school_sites(stock)
        if "meeting_point" not in present and terrain is not None:
            sites += syn.high_ground(nodes, streets, terrain)
        households, persons = syn.inhabitants(table, stock, society, seed)
    else:
        none, no_bytes = np.zeros(0, np.int32), np.zeros(0, np.uint8)
        households = Households(none, no_bytes)
        persons = Persons(none.copy(), no_bytes.copy(), no_bytes.copy(), none.copy())
    layers += _card(
        status, bool(stock.x_m.size), terrain, dem, zones, buildings, facilities, synthesis,
        society, mix, population, sites,
    )
    if timezone is None:
        timezone = _timezone(lon, lat)
        report.add("time zone not given", "city", 1, 1, f"{timezone}, by position", "assumed")
    city = City(
        name, place or name, crs, timezone, nodes, streets, edges, table,
        stock, households, persons, syn.facilities_table(sites, nodes, streets, stock), terrain,
        tuple(layers), (OSM_NOTE, SYNTHETIC_NOTE) if synthesis else (OSM_NOTE,),
    )
    if out is not None:
        tell("writing the folder")
        save_city(city, out, {QUALITY_JSON: report.finish(city).to_json()})
    return city


def _check_bbox(bbox: tuple[float, float, float, float]) -> None:
    west, south, east, north = bbox
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise InputError(f"bbox {bbox}: allowed is west < east and south < north in degrees")


def _timezone(lon: float, lat: float) -> str:
    society, _ = syn.country_rules(lon, lat)
    if society is syn.CHILE:
        return "America/Santiago"
    for zone, west, south, east, north in _EUROPE_ZONES:
        if west <= lon <= east and south <= lat <= north:
            return zone
    hours = round(lon / 15.0)
    return "Etc/GMT" if hours == 0 else f"Etc/GMT{-hours:+d}"


def _terrain(
    path: Path, crs: str, nodes: Nodes, streets: Streets, report: Report
) -> Terrain:
    m = _DEM_MARGIN_M
    bounds = (
        float(np.floor(nodes.x_m.min() - m)), float(np.floor(nodes.y_m.min() - m)),
        float(np.ceil(nodes.x_m.max() + m)), float(np.ceil(nodes.y_m.max() + m)),
    )
    terrain, empty = ter.from_dem(path, crs, bounds, streets.vertex_x_m, streets.vertex_y_m)
    report.add(
        "terrain cell without data", "terrain", round(empty * terrain.elev_m.size),
        terrain.elev_m.size, "filled with the nearest height",
    )
    rows, columns = terrain.elev_m.shape
    column = (nodes.x_m - terrain.x0_m) / terrain.dx_m
    row = (nodes.y_m - terrain.y0_m) / terrain.dx_m
    beyond = (column < 0) | (row < 0) | (column > columns) | (row > rows)
    report.add(
        "junction beyond the terrain", "terrain", int(beyond.sum()), beyond.size,
        "height of the terrain's edge; water does not get there", "assumed", nodes.key[beyond],
    )
    return terrain


def _features(source: Source, to_xy: Transformer, report: Report) -> list[dict[str, Any]]:
    """Return the source's buildings as rows: polygon or point in metres, use, storeys, ..."""
    found = [f for f in source.features if is_building(f.tags)]
    rows = []
    broken: list[int] = []
    shapes = _project([f.geometry for f in found], to_xy)
    valid = shapely.is_valid(shapes)
    for feature, shape, good in zip(found, shapes, valid, strict=True):
        if not good:
            broken.append(feature.key >> 2)
            mended = shapely.make_valid(shape)
            parts = [p for p in shapely.get_parts(mended) if p.geom_type == "Polygon"]
            shape = max(parts, key=lambda p: p.area) if parts else shapely.Point(
                shapely.get_coordinates(shape)[0]
            )
        tags = feature.tags
        area = shape.area if shape.geom_type == "Polygon" else 0.0
        height = length_m(tags.get("height", tags.get("building:height")))
        rows.append({
            "shape": shape, "key": feature.key, "use": building_use(tags, area),
            "storeys": number(tags.get("building:levels")), "height_m": height,
        })
    report.add(
        "footprint that crosses itself", "buildings", len(broken), len(found), "mended",
        examples=broken,
    )
    return _drop_repeats(rows, report)


def _drop_repeats(rows: list[dict[str, Any]], report: Report) -> list[dict[str, Any]]:
    """Drop buildings that a map has twice: as a point inside an outline, or as a way and again
    as the multipolygon whose outer ring that way is (which stays)."""
    if not rows:
        return rows
    shapes = np.empty(len(rows), object)
    shapes[:] = [r["shape"] for r in rows]
    outlined = np.array([s.geom_type == "Polygon" for s in shapes], bool)
    area, point = np.flatnonzero(outlined), np.flatnonzero(~outlined)
    gone = np.zeros(len(rows), bool)
    filled = shapes.copy()  # an outer ring drawn as a way lacks the courtyards
    filled[area] = shapely.polygons(shapely.get_exterior_ring(shapes[area]))
    a, b = shapely.STRtree(filled[area]).query(filled[area], predicate="intersects")
    a, b = area[a[a < b]], area[b[a < b]]
    size = shapely.area(filled)
    alike = np.minimum(size[a], size[b]) >= _SAME_OUTLINE * np.maximum(size[a], size[b])
    a, b = a[alike], b[alike]
    common = shapely.area(shapely.intersection(
        shapely.make_valid(filled[a]), shapely.make_valid(filled[b])
    ))
    same = common >= _SAME_OUTLINE * np.maximum(size[a], size[b])
    for i, j in zip(a[same], b[same], strict=True):
        # The multipolygon has the larger kind in its key, and the tags of the whole building.
        worse = min((i, j), key=lambda k: (rows[k]["key"] & 3, -rows[k]["key"]))
        gone[worse] = True
    tree = shapely.STRtree(shapes[area[~gone[area]]])
    gone[point[tree.query(shapes[point], predicate="intersects")[0]]] = True
    report.add(
        "building drawn twice", "buildings", int(gone.sum()), len(rows), "the second left out",
        examples=[rows[k]["key"] >> 2 for k in np.flatnonzero(gone)],
    )
    return [row for row, out in zip(rows, gone, strict=True) if not out]


def _too_few(
    rows: list[dict[str, Any]], polygons: NDArray[np.object_], streets: Streets
) -> bool:
    """Say whether a map's homes are so few (under 3 a km of residential street) that most of
    the town is plainly not drawn."""
    homes = sum(row["use"] == "residential" for row in rows)
    return bool(rows) and homes < 3.0 * float(syn.residential_km(streets, polygons).sum())


def _project(shapes: list[Any], to_xy: Transformer) -> NDArray[np.object_]:
    array = np.empty(len(shapes), object)
    array[:] = shapes
    return np.asarray(
        shapely.transform(
            array, lambda c: np.column_stack(to_xy.transform(c[:, 0], c[:, 1]))
        ), object,
    )


def _known_buildings(
    nodes: Nodes, streets: Streets, polygons: NDArray[np.object_], rows: list[dict[str, Any]],
    society: Society, mix: bld.BuildingMix, seed: int,
) -> Buildings:
    """Return the table of known buildings, rows by key; storeys by use and size if unknown."""
    rows = sorted(rows, key=lambda r: r["key"])
    n = len(rows)
    shapes = np.empty(n, object)
    shapes[:] = [r["shape"] for r in rows]
    inside = shapely.point_on_surface(shapes) if n else shapes
    x = np.asarray(shapely.get_x(inside), np.float64) if n else np.zeros(0)
    y = np.asarray(shapely.get_y(inside), np.float64) if n else np.zeros(0)
    use = np.array([USES.index(r["use"]) for r in rows], np.uint8)
    area = np.asarray(shapely.area(shapes), np.float64) if n else np.zeros(0)
    area = np.where(area > 1.0, area, 80.0)
    height = np.array([r["height_m"] for r in rows], np.float64)
    storeys = np.array([r["storeys"] for r in rows], np.float64)
    bad = ~np.isfinite(storeys) | (storeys < 1) | (storeys > 120)
    by_height = np.where(np.isfinite(height) & (height > 2.5), np.rint(height / 3.0), np.nan)
    home = use == bld.RESIDENTIAL
    flat = 1.0 if society is syn.CHILE else 2.0
    default = np.where(home, np.where(area < 250.0, flat, 3.0), np.where(area < 400.0, 2.0, 1.0))
    default = np.where(use == bld.OTHER, 1.0, default)
    storeys = np.where(bad, np.where(np.isfinite(by_height), by_height, default), storeys)
    storeys = np.clip(storeys, 1, 120)
    height = np.where(np.isfinite(height) & (height > 0), height, 3.0 * storeys)
    if n:
        street, _ = bld.nearest_street(streets, x, y)
        distance = bld.distance_to_street(streets, street, shapes)
        setback = distance - streets.width_m[street] / 2.0
        zone = bld.zone_of(polygons, x, y)
    else:
        street, setback, zone = np.zeros(0, np.int32), np.zeros(0), np.zeros(0, np.int32)
    outline = shapes.copy()
    outline[np.array([s.geom_type != "Polygon" for s in shapes], bool)] = None
    return bld.table(
        nodes=nodes, streets=streets, x_m=x, y_m=y, zone=zone, street=street, setback_m=setback,
        use=use, storeys=storeys, footprint_m2=area,
        key=np.array([r["key"] for r in rows], np.int64), polygon=outline, mix=mix, seed=seed,
        height_m=height,
    )


def _population(
    polygons: NDArray[np.object_], streets: Streets, stock: Buildings, mix: bld.BuildingMix,
    population: int | None, synthesis: bool,
) -> NDArray[np.int32]:
    """Return people a zone, by residential floor area or, without buildings, street length."""
    home = stock.use == bld.RESIDENTIAL
    if home.any():
        floor = stock.footprint_m2.astype(np.float64) * stock.storeys
        weight = np.bincount(stock.zone[home], weights=floor[home], minlength=len(polygons))
        guess = weight / mix.person_m2
    else:
        guess = syn.residential_km(streets, polygons) * syn.PERSONS_PER_STREET_KM
    if not synthesis:
        return np.zeros(len(polygons), np.int32)
    return largest_remainder(guess, population)


def _invented_buildings(
    nodes: Nodes, streets: Streets, polygons: NDArray[np.object_], people: NDArray[np.int32],
    society: Society, mix: bld.BuildingMix, sites: list[syn.Site], seed: int,
) -> Buildings:
    size = float(np.dot(np.arange(1, len(society.household_size) + 1), society.household_size))
    households = np.ceil(people / size).astype(np.int64)
    return syn.synthetic_buildings(
        nodes, streets, polygons, households, people.astype(np.int64),
        np.full(len(polygons), syn.BLOCK_SHARE if society is syn.CHILE else 0.45), mix,
        people * (society.age[1] + 0.2 * society.age[2]), sites, seed,
    )


def _sites(
    source: Source, to_xy: Transformer, people: float, report: Report
) -> list[syn.Site]:
    """Return the source's facilities; beds, places and vehicles by tag or by rule."""
    found: list[tuple[Feature, str]] = []
    for feature in source.features:
        kind = facility_kind(feature.tags)
        if kind is not None:
            found.append((feature, kind))
    hospitals = max(sum(kind == "hospital" for _, kind in found), 1)
    sites = []
    roofs: list[int] = []
    for feature, kind in sorted(found, key=lambda pair: pair[0].key):
        point = feature.geometry.representative_point()
        x, y = to_xy.transform(point.x, point.y)
        stated = [number(feature.tags.get(k)) for k in _CAPACITY]
        given = [v for v in stated if np.isfinite(v) and 0 <= v < 1e6]
        rule = {
            "hospital": np.ceil(0.0022 * people / hospitals), "shelter": 20.0, "school": 300.0,
            "meeting_point": 500.0, "care_home": 22.0,
        }.get(kind, 0.0)
        if kind == "shelter" and not given and mere_roof(feature.tags):
            rule = 0.0
            roofs.append(feature.key >> 2)
        name = feature.tags.get("name") or f"{kind.replace('_', ' ').capitalize()} (unnamed)"
        sites.append(
            syn.Site(kind, name, float(x), float(y), int(given[0] if given else rule),
                     _UNITS.get(kind, 0), "measured")
        )
    report.add(
        "shelter that is only a roof", "facilities", len(roofs),
        sum(kind == "shelter" for _, kind in found),
        "kept with 0 places: bus stops and huts lodge nobody", "assumed", roofs,
    )
    return sites


def _card(
    status: str, any_buildings: bool, terrain: Terrain | None, dem: Any, zones: Any,
    buildings: Any, facilities: Any, synthesis: bool, society: Society, mix: bld.BuildingMix,
    population: int | None, sites: list[syn.Site],
) -> list[Layer]:
    """Return the layer card's rows for everything but the roads."""
    ours = ("Apache-2.0", "undated")
    rows = []
    if zones is not None:
        rows.append(Layer("zones", "measured", Path(zones).name, "as the source", "undated"))
    else:
        note = "population as given" if population else "population by floor area or street length"
        rows.append(Layer("zones", "synthetic", "1 km grid", *ours, note))
    if buildings is not None:
        rows.append(Layer("buildings", "measured", Path(buildings).name, "as the source",
                          "undated", "structure and design: " + mix.source))
    elif status == "measured":
        rows.append(Layer("buildings", "measured", "OpenStreetMap", ODBL, "undated",
                          "footprints measured; structure and design: " + mix.source))
    elif any_buildings or synthesis:
        rows.append(Layer("buildings", "synthetic", mix.source, *ours, "lots along streets"))
    if synthesis:
        rows.append(Layer("households", "synthetic", society.source, *ours, "seeded rules"))
        rows.append(Layer("persons", "synthetic", society.source, *ours, "seeded rules"))
    source = Path(facilities).name if facilities is not None else "OpenStreetMap"
    invented = sum(s.status == "synthetic" for s in sites)
    if invented:
        source += f", {invented:,} of {len(sites):,} by rule"
    rows.append(Layer("facilities", "synthetic" if 2 * invented > len(sites) else "measured",
                      source, ODBL, "undated",
                      "vehicles, and beds without a tag, by rule; missing kinds synthetic"))
    if terrain is not None:
        rows.append(Layer("terrain", "derived", Path(dem).name, "as the source", "undated",
                          f"resampled to {terrain.dx_m:g} m; roughness by rule"))
    return rows
