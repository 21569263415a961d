"""Rebuild the embedded city: `python -m city_models.coquimbo.build SOURCE.zip [FOLDER]`.

SOURCE is the `coquimbo.zip` that the PyPI package aequilibrae ships among its reference files;
only its SQLite database is read, without SpatiaLite.
"""

from __future__ import annotations

import dataclasses
import os
import sqlite3
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from city_models import buildings as bld
from city_models import synthesis as syn
from city_models import terrain as ter
from city_models.coquimbo.places import PLACES
from city_models.coquimbo.relief import Relief
from city_models.network import RawNetwork, clean
from city_models.people import CHILE
from city_models.quality import Report
from engine.city import ROAD_CLASSES, Buildings, City, Households, Layer, Nodes, Persons, Streets
from engine.city_io import QUALITY_JSON, save_city
from engine.departments import CHILE as CHILEAN_SERVICES
from engine.errors import InputError
from engine.women import CHILE as CHILEAN_WOMEN

CRS = "+proj=tmerc +lat_0=-29.93 +lon_0=-71.27 +k=1 +x_0=0 +y_0=0 +ellps=WGS84 +units=m"
#: North of 29.9425 deg S is La Serena: there Avenida del Mar (La Serena) ends and Avenida
#: Costanera (Coquimbo) begins; the environmental declaration of Coquimbo's regulating plan
#: (2006) puts the limit at 29 deg 56' S. Inland the true border is no parallel; zones go by
#: their representative point, which gives 216,484 and 235,350 people (census of 2017, whole
#: communes: 221,054 and 227,730).
BORDER_LAT = -29.9425
#: Approximate courses of the rivers; streets that cross them are taken for bridges.
RIVERS = (
    ((-71.2800, -29.8935), (-71.2640, -29.8938), (-71.2539, -29.8954), (-71.2461, -29.8975),
     (-71.2356, -29.8958), (-71.2250, -29.8960)),
    ((-71.3237, -29.9590), (-71.3230, -29.9615), (-71.3200, -29.9645), (-71.3165, -29.9690)),
)
SEED = 2015
ODBL = "ODbL 1.0, (c) OpenStreetMap contributors"
NOTES = (
    "(c) OpenStreetMap contributors, ODbL 1.0; zones and population from the AequilibraE example",
    "Buildings, people, facilities and terrain are synthetic or approximate: not for navigation "
    "or real emergencies",
)


def _geometry(blob: bytes) -> bytes:
    """Return plain WKB from a SpatiaLite blob: 39 bytes of header, one of trailer."""
    return b"\x01" + blob[39:-1]


def read_source(path: Path) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], dict[int, int]]:
    """Return links, zones and node -> OSM number of the source; InputError if it is not it."""
    try:
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
            name = archive.extract("project_database.sqlite", folder)
            with sqlite3.connect(name) as base:
                links = base.execute(
                    "select link_id, a_node, b_node, direction, link_type, name, speed_ab,"
                    " speed_ba, lanes_ab, lanes_ba, geometry from links"
                    " where link_type != 'centroid_connector' order by link_id"
                ).fetchall()
                zones = base.execute(
                    "select zone_id, population, geometry from zones order by zone_id"
                ).fetchall()
                osm = dict(
                    base.execute("select node_id, osm_id from nodes where osm_id is not null")
                )
            base.close()
    except (OSError, KeyError, zipfile.BadZipFile, sqlite3.Error) as error:
        raise InputError(f"{path}: not the AequilibraE Coquimbo archive ({error})") from None
    return links, zones, osm


def raw_network(
    links: list[tuple[Any, ...]], osm: dict[int, int], to_xy: Transformer
) -> RawNetwork:
    """Return the source's links in the city's metres."""
    lines = shapely.from_wkb([_geometry(row[10]) for row in links])
    xy, index = shapely.get_coordinates(lines, return_index=True)
    vx, vy = to_xy.transform(xy[:, 0], xy[:, 1])
    ptr = np.zeros(len(links) + 1, np.int64)
    np.cumsum(np.bincount(index, minlength=len(links)), out=ptr[1:])
    a = np.array([row[1] for row in links], np.int64)
    b = np.array([row[2] for row in links], np.int64)
    number, rows = np.unique(np.concatenate([a, b]), return_inverse=True)
    x, y = np.zeros(number.size), np.zeros(number.size)
    tail, head = rows[: a.size], rows[a.size :]
    x[head], y[head] = vx[ptr[1:] - 1], vy[ptr[1:] - 1]
    x[tail], y[tail] = vx[ptr[:-1]], vy[ptr[:-1]]
    kind = np.array([row[4] for row in links])
    direction = np.array([row[3] for row in links])
    name = np.array([row[5] or "" for row in links], object)

    def column(at: int) -> NDArray[np.float64]:
        return np.array([np.nan if row[at] is None else row[at] for row in links], np.float64)

    lanes_f, lanes_b = column(8), column(9)
    speed_f, speed_b = column(6), column(7)
    # A two-way street with one figure has it for both directions.
    two_way = direction == 0
    speed_b = np.where(two_way & np.isnan(speed_b), speed_f, speed_b)
    lanes_b = np.where(two_way & np.isnan(lanes_b), lanes_f, lanes_b)
    lanes_f = np.where(np.isnan(lanes_f) & two_way, lanes_b, lanes_f)
    speed_f = np.where(np.isnan(speed_f) & two_way, speed_b, speed_f)
    return RawNetwork(
        np.array([osm.get(int(n), int(n)) for n in number], np.int64), x, y, tail, head,
        np.array([ROAD_CLASSES.index(k) for k in kind], np.uint8),
        np.array([n.startswith("Puente") for n in name]),
        kind != "motorway", name, np.array([row[0] for row in links], np.int64),
        direction >= 0, direction <= 0, lanes_f, lanes_b, speed_f, speed_b, ptr,
        np.asarray(vx), np.asarray(vy),
    )


def river_bridges(streets: Streets, to_xy: Transformer) -> NDArray[np.bool_]:
    """Return which streets cross one of the `RIVERS`."""
    lines = bld.street_lines(streets)
    out = np.zeros(lines.size, bool)
    for course in RIVERS:
        lon, lat = np.array(course).T
        out |= shapely.intersects(lines, shapely.linestrings(*to_xy.transform(lon, lat)))
    return out


def block_shares(
    polygons: NDArray[np.object_], population: NDArray[Any], shore_m: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the share of households in blocks: 12 %, 35 % in dense or beach-front zones.

    Nationally 17.5 % of dwellings were flats in 2017; dense means over 9,000 people a km2,
    beach front within 800 m of the shore (assumptions).
    """
    density = population / (shapely.area(polygons) / 1e6)
    return np.where((density > 9000.0) | (shore_m < 800.0), 0.35, syn.BLOCK_SHARE)


def place_sites(nodes: Nodes, streets: Streets, to_xy: Transformer) -> list[syn.Site]:
    """Return the known facilities in metres, on their street corner where one is named."""
    sites = []
    for place in PLACES:
        x, y = to_xy.transform(place.lon, place.lat)
        if place.corner:
            ends = []
            for street in place.corner:
                rows = np.flatnonzero(streets.name == street)
                ends.append(np.concatenate([streets.from_node[rows], streets.to_node[rows]]))
            both = np.intersect1d(*ends)
            if both.size:
                near = both[np.argmin(np.hypot(nodes.x_m[both] - x, nodes.y_m[both] - y))]
                if np.hypot(nodes.x_m[near] - x, nodes.y_m[near] - y) < 1500.0:
                    x, y = nodes.x_m[near], nodes.y_m[near]
        sites.append(
            syn.Site(
                place.kind, f"{place.name} (approximate)", float(x), float(y), place.capacity,
                place.units, "derived",
            )
        )
    return sites


#: Places in care homes a head: 878 registered homes of 27 places (La Tercera, after SENAMA and the
#: owners' association) for Chile's 19.6 million people (recalled); and places a home (survey of 2025).
CARE_PLACES_A_HEAD = 878 * 27 / 19.6e6
CARE_HOME_PLACES = 22


def care_homes(
    buildings: Buildings, households: Households, persons: Persons
) -> list[syn.Site]:
    """Put care homes into dwellings, one for each equal share of the city's residents.

    No inventory is at hand: their number follows the national rate, their places are drawn
    systematically from the residents as listed, so that they lie where people live.
    """
    home = households.building[persons.household]
    people = np.bincount(home, minlength=buildings.x_m.size)
    number = round(CARE_PLACES_A_HEAD * int(people.sum()) / CARE_HOME_PLACES)
    step = people.sum() / number
    rows = np.searchsorted(np.cumsum(people), (np.arange(number) + 0.5) * step)
    return [
        syn.Site("care_home", f"Care home {k + 1} (synthetic)", float(buildings.x_m[row]),
                 float(buildings.y_m[row]), CARE_HOME_PLACES)
        for k, row in enumerate(rows)
    ]


def high_shelters(sites: list[syn.Site], heights: NDArray[np.float64]) -> list[syn.Site]:
    """Make shelters of up to twelve schools between 30 and 120 m, at least 1.5 km apart."""
    out: list[syn.Site] = []
    for row in np.lexsort([np.arange(heights.size), heights]):
        site = sites[row]
        if not 30.0 <= heights[row] <= 120.0:
            continue
        if any(np.hypot(site.x_m - s.x_m, site.y_m - s.y_m) < 1500.0 for s in out):
            continue
        out.append(
            syn.Site("shelter", f"Shelter {len(out) + 1} (synthetic school)", site.x_m, site.y_m,
                     500)
        )
        if len(out) == 12:
            break
    return out


def build(source: Path) -> tuple[City, Report]:
    """Return the city and its quality report."""
    to_xy = Transformer.from_crs("EPSG:4326", CRS, always_xy=True)
    links, zone_rows, osm = read_source(source)
    report = Report()
    raw = raw_network(links, osm, to_xy)
    nodes, streets, edges = clean(raw, report, join=False)
    report.add(
        "no footpaths in the source", "roads", 1, 1,
        "people walk on all streets but motorways", "assumed",
    )
    bridge = river_bridges(streets, to_xy) | streets.bridge
    streets = dataclasses.replace(streets, bridge=bridge)
    report.add(
        "no bridge tags in the source", "roads", int(bridge.sum()), bridge.size,
        "streets named Puente or crossing the Elqui or El Culebron taken for bridges", "assumed",
        sorted(set(streets.name[bridge])),
    )
    polygons = shapely.transform(
        shapely.from_wkb([_geometry(row[2]) for row in zone_rows]),
        lambda c: np.column_stack(to_xy.transform(c[:, 0], c[:, 1])),
    )
    # The column is declared INTEGER but holds fractions; whole persons are kept.
    population = np.floor([row[1] for row in zone_rows]).astype(np.int32)
    report.add(
        "zone population not a whole number", "zones", len(zone_rows), len(zone_rows),
        "cut to whole persons, 451,834 in all (the fractions sum to 64.9)", "mended",
    )
    inner = shapely.point_on_surface(polygons)
    _, lat = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform(
        shapely.get_x(inner), shapely.get_y(inner)
    )
    commune = np.where(lat > BORDER_LAT, "La Serena", "Coquimbo").astype(object)
    names = np.array([f"Zone {row[0]}" for row in zone_rows], object)
    zones = syn.zones_table(polygons, names, commune, population)

    relief = Relief(shapely.union_all(polygons), streets, to_xy.transform)
    terrain = relief.terrain(streets)
    nodes = Nodes(nodes.x_m, nodes.y_m, node_heights(nodes, terrain, relief), nodes.key)

    sites = place_sites(nodes, streets, to_xy)
    shore = _shore_distance(relief, zones.x_m, zones.y_m)
    households = np.ceil(population / 3.1).astype(np.int64)
    buildings = syn.synthetic_buildings(
        nodes, streets, polygons, households, population.astype(np.int64),
        block_shares(polygons, population, shore), bld.CHILE_MIX, population * 0.15, sites, SEED,
    )
    streetless = np.setdiff1d(
        np.arange(len(polygons)), bld.zone_of(polygons, nodes.x_m, nodes.y_m, nearest=False)
    )
    report.add(
        "zone without a street", "zones", streetless.size, len(polygons),
        "houses on a grid inside it, people start at the nearest junction", "assumed",
        names[streetless],
    )
    people, persons = syn.inhabitants(zones, buildings, CHILE, SEED)
    schools = syn.school_sites(buildings)
    heights = ter.sample(terrain, [s.x_m for s in schools], [s.y_m for s in schools])
    at = bld.nearest_walk_node(
        nodes, streets, np.array([s.x_m for s in schools]), np.array([s.y_m for s in schools])
    )
    heights = np.minimum(heights, nodes.elev_m[at])
    sites += schools + high_shelters(schools, heights)
    sites += syn.high_ground(nodes, streets, terrain)
    sites += care_homes(buildings, people, persons)
    facilities = syn.facilities_table(sites, nodes, streets, buildings)
    city = City(
        "coquimbo", "La Serena-Coquimbo, Chile", CRS, "America/Santiago", nodes, streets, edges,
        zones, buildings, people, persons, facilities, terrain, LAYERS, NOTES, CHILEAN_SERVICES,
        CHILEAN_WOMEN,
    )
    return city, report.finish(city)


def node_heights(nodes: Nodes, terrain: Any, relief: Relief) -> NDArray[np.float32]:
    """Return junction heights: from the raster inside it, from the relief beyond; no sea."""
    rows, columns = terrain.elev_m.shape
    east, north = terrain.x0_m + columns * terrain.dx_m, terrain.y0_m + rows * terrain.dx_m
    inside = (
        (nodes.x_m > terrain.x0_m) & (nodes.x_m < east)
        & (nodes.y_m > terrain.y0_m) & (nodes.y_m < north)
    )
    out = relief.land_m(nodes.x_m, nodes.y_m)
    out[inside] = ter.sample(terrain, nodes.x_m[inside], nodes.y_m[inside])
    return np.maximum(np.round(out, 2), 1.0).astype(np.float32)


def _shore_distance(
    relief: Relief, x_m: NDArray[np.float64], y_m: NDArray[np.float64]
) -> NDArray[np.float64]:
    sea_x, sea_y = relief.gx[relief.sea], relief.gy[relief.sea]
    return np.array([np.hypot(sea_x - x, sea_y - y).min() for x, y in zip(x_m, y_m, strict=True)])


_ZIP = "coquimbo.zip of the PyPI package aequilibrae 1.7.2"
LAYERS = (
    Layer("roads", "measured", f"OpenStreetMap through {_ZIP}", ODBL, "2022",
          "lanes known for 30 %, speeds for 17 % of links; the rest by class"),
    Layer("zones", "measured", _ZIP, ODBL, "2022",
          "population of 133 zones, 451,834; communes split at 29.9425 deg S"),
    Layer("households", "synthetic", CHILE.source, "Apache-2.0", "2026", "seeded rules"),
    Layer("persons", "synthetic", CHILE.source, "Apache-2.0", "2026", "seeded rules"),
    Layer("buildings", "synthetic", bld.CHILE_MIX.source, "Apache-2.0", "2026",
          "lots along streets; no footprints"),
    Layer("facilities", "derived", "public sources named in PROVENANCE.md", "Apache-2.0", "2026",
          "hospitals, stations and COE at approximate places; schools, shelters and meeting "
          "points synthetic, care homes too"),
    Layer("terrain", "synthetic", "spot heights and coast, see PROVENANCE.md", "Apache-2.0",
          "2026", "interpolated; error about 5 m on land, more at sea"),
)


def main(argv: list[str]) -> int:
    """Build from the archive and put the files into the folder (default: this package)."""
    if not 1 <= len(argv) <= 2:
        print(__doc__)
        return 2
    target = Path(argv[1]) if len(argv) == 2 else Path(__file__).resolve().parent
    city, report = build(Path(argv[0]))
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        folder = save_city(city, Path(work) / "city", {QUALITY_JSON: report.to_json()})
        target.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.iterdir()):
            os.replace(path, target / path.name)
    print(f"{target}: {city.persons.household.size} people, {city.buildings.x_m.size} buildings")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
