"""The city: frozen tables of arrays, loaded from and saved to a folder of open formats.

A city is streets (undirected physical segments), drive edges (directed arcs on streets), a
walk graph (both directions of every walkable street), zones, buildings, households, persons,
facilities and a terrain raster that reaches into the sea. Everything is in metres from the
city's own origin: the coordinate system is a transverse Mercator centred on the city, so that
the folder's GeoParquet and GeoTIFF files carry exact, ordinary georeferencing.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.departments import Departments
from engine.errors import InputError

B = NDArray[np.bool_]
U8 = NDArray[np.uint8]
I16 = NDArray[np.int16]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
S = NDArray[np.object_]

#: Road classes, most important first; `Streets.road_class` indexes this tuple.
ROAD_CLASSES = (
    "motorway", "trunk", "primary", "secondary", "tertiary", "unclassified", "residential",
    "living_street", "service", "track", "pedestrian", "footway", "path", "steps", "cycleway",
)
#: Structural systems; `Buildings.structure` indexes this tuple. W1 light wood frame, C1 concrete
#: moment frame (L low, M mid, H high rise), C2 concrete shear wall, C3 concrete frame with
#: masonry infill, S1 steel moment frame, RM1 reinforced masonry, URM unreinforced masonry and
#: adobe: names of HAZUS. CL- are Chile's own classes, whose curves are calibrated on a recorded
#: event: MCF confined masonry, MR reinforced masonry, ADO adobe, W timber, SWM and SWH concrete
#: shear-wall blocks of mid and high rise.
STRUCTURES = (
    "W1", "C1L", "C1M", "C1H", "C2L", "C2M", "C2H", "C3L", "C3M", "S1L", "S1M", "RM1L", "RM1M",
    "URML", "URMM", "CL-MCF", "CL-MR", "CL-ADO", "CL-W", "CL-SWM", "CL-SWH",
)
#: HAZUS class that stands for a local one where only HAZUS has figures (injuries, collapse).
HAZUS_CLASS = {
    "CL-MCF": "RM1L", "CL-MR": "RM1L", "CL-ADO": "URML", "CL-W": "W1", "CL-SWM": "C2M",
    "CL-SWH": "C2H",
}
#: Seismic design levels: high, moderate, low, pre-code.
DESIGNS = ("HC", "MC", "LC", "PC")
#: Building uses.
USES = ("residential", "commercial", "education", "industrial", "health", "civic", "other")
#: Age groups: 0-4, 5-14, 15-29, 30-59, 60-74, 75 and over.
AGE_GROUPS = ("0-4", "5-14", "15-29", "30-59", "60-74", "75+")
#: Mobility: walks normally, walks slowly or with an aid, cannot leave without help.
MOBILITY = ("normal", "slow", "assisted")
#: Facility kinds.
FACILITIES = (
    "hospital", "clinic", "fire_station", "police_station", "ambulance_station", "school",
    "shelter", "meeting_point", "command_centre", "call_centre", "care_home",
)
#: Layer statuses on the card.
STATUSES = ("measured", "derived", "synthetic")


@dataclass(frozen=True)
class Nodes:
    """Junctions and ends. x_m, y_m metres from the origin; elev_m above mean sea level."""

    x_m: F64
    y_m: F64
    elev_m: F32
    key: I64  # stable source identifier


@dataclass(frozen=True)
class Streets:
    """Undirected physical segments; the polyline of street i is vertices ptr[i]:ptr[i+1].

    `width_m` is the carriageway with pavements, kerb building line to building line.
    """

    from_node: I32
    to_node: I32
    length_m: F32
    width_m: F32
    road_class: U8
    bridge: B
    drive: B
    walk: B
    name: S
    key: I64
    vertex_ptr: I32  # [n + 1]
    vertex_x_m: F32  # [vertices]
    vertex_y_m: F32


@dataclass(frozen=True)
class Edges:
    """Directed drive arcs. Capacity in vehicles per second and jam density in vehicles per
    metre are for the whole link, all lanes together; the fundamental diagram is triangular."""

    street: I32
    forward: B  # along the street's vertices
    from_node: I32
    to_node: I32
    length_m: F32
    lanes: U8
    free_speed_mps: F32
    capacity_vps: F32
    jam_density_vpm: F32


@dataclass(frozen=True)
class Zones:
    """Census or traffic zones with their resident population."""

    name: S
    municipality: S
    population: I32
    x_m: F64  # representative point, inside the zone
    y_m: F64
    polygon: S  # shapely (Multi)Polygon, metres from the origin


@dataclass(frozen=True)
class Buildings:
    """Buildings; `node` is the nearest walkable junction, `height_m` up to the eaves."""

    x_m: F32
    y_m: F32
    zone: I16
    node: I32
    street: I32  # nearest street, the one its debris falls on
    setback_m: F32  # distance from facade to the street's edge (0 where it stands on the kerb)
    use: U8
    structure: U8
    design: U8
    storeys: U8
    height_m: F32
    footprint_m2: F32
    key: I64
    polygon: S  # shapely Polygon or None where no footprint is known


@dataclass(frozen=True)
class Households:
    """Households; `cars` is the number of cars at their disposal."""

    building: I32
    cars: U8


@dataclass(frozen=True)
class Persons:
    """Every inhabitant. `day_building` is the workplace or school, -1 for those at home."""

    household: I32
    age_group: U8
    mobility: U8
    day_building: I32


@dataclass(frozen=True)
class Facilities:
    """Places that serve: capacity is beds (hospital), places (shelter, school, meeting point),
    or 0. `units` is the number of response vehicles based here."""

    kind: U8
    name: S
    x_m: F64
    y_m: F64
    node: I32
    building: I32  # -1 where no building is known
    capacity: I32
    units: I16
    status: U8  # index into STATUSES: measured, derived or synthetic


@dataclass(frozen=True)
class Terrain:
    """Elevation raster: `elev_m` [rows, columns], row 0 in the south, cell centres at
    (x0_m + (column + 0.5) dx_m, y0_m + (row + 0.5) dx_m); the sea bed is below zero.
    `manning` is the roughness in s m^-1/3, `uncertainty_m` one standard deviation."""

    elev_m: F32
    manning: F32
    x0_m: float
    y0_m: float
    dx_m: float
    uncertainty_m: float
    open_sides: tuple[str, ...]  # sides of the raster where the sea enters: "west", "north", ...


@dataclass(frozen=True)
class Layer:
    """One row of the layer card."""

    layer: str
    status: str
    source: str
    licence: str
    date: str
    note: str = ""


TABLES: dict[str, type] = {
    "nodes": Nodes, "streets": Streets, "edges": Edges, "zones": Zones, "buildings": Buildings,
    "households": Households, "persons": Persons, "facilities": Facilities,
}


@dataclass(frozen=True)
class City:
    """A frozen city. Arrays are read-only; `terrain` is None for a city without relief."""

    name: str
    title: str
    crs: str  # PROJ string of the city's own metric system
    timezone: str
    nodes: Nodes
    streets: Streets
    edges: Edges
    zones: Zones
    buildings: Buildings
    households: Households
    persons: Persons
    facilities: Facilities
    terrain: Terrain | None
    layers: tuple[Layer, ...]
    notes: tuple[str, ...] = ()  # shown wherever maps of this city are shown
    departments: Departments = dataclasses.field(default_factory=Departments)
    women: tuple[float, ...] = ()  # share of women by age group; empty: not known (`engine/women.py`)

    def __post_init__(self) -> None:
        for table in TABLES:
            freeze(getattr(self, table))
        if self.terrain is not None:
            freeze(self.terrain)
        validate(self)

    @cached_property
    def walk(self) -> WalkGraph:
        """The walk graph: arcs 2s and 2s+1 are street s forward and backward."""
        return WalkGraph.of(self)

    @cached_property
    def person_building(self) -> I32:
        """Home building of each person [persons]."""
        return self.households.building[self.persons.household]

    @cached_property
    def zone_municipality(self) -> tuple[I32, tuple[str, ...]]:
        """(index of municipality per zone, sorted municipality names)."""
        names, index = np.unique(self.zones.municipality.astype(str), return_inverse=True)
        return index.astype(np.int32), tuple(str(n) for n in names)

    @cached_property
    def middle(self) -> tuple[float, float]:
        """Longitude and latitude of the mean of the junctions, degrees."""
        lon, lat = self.lonlat(float(self.nodes.x_m.mean()), float(self.nodes.y_m.mean()))
        return float(lon), float(lat)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of every array and setting; equal for equal cities."""
        digest = hashlib.sha256(repr((self.name, self.crs, self.timezone, self.departments)).encode())
        if self.women:
            digest.update(repr(self.women).encode())
        for table in [*TABLES, "terrain"]:
            part = getattr(self, table)
            if part is None:
                continue
            for field in dataclasses.fields(part):
                value = getattr(part, field.name)
                digest.update(f"{table}.{field.name}".encode())
                if isinstance(value, np.ndarray) and value.dtype != object:
                    digest.update(np.ascontiguousarray(value).tobytes())
                elif isinstance(value, np.ndarray):
                    for item in value:
                        digest.update(getattr(item, "wkb", str(item).encode()))
                else:
                    digest.update(repr(value).encode())
        return digest.hexdigest()

    def lonlat(self, x_m: Any, y_m: Any) -> tuple[F64, F64]:
        """Longitude and latitude (degrees, WGS84) of metric positions."""
        lon, lat = _transformer(self.crs, "EPSG:4326").transform(x_m, y_m)
        return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)

    def xy(self, lon: Any, lat: Any) -> tuple[F64, F64]:
        """Metric positions of longitudes and latitudes (degrees, WGS84)."""
        x, y = _transformer("EPSG:4326", self.crs).transform(lon, lat)
        return np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)

    def facilities_of(self, *kinds: str) -> I32:
        """Indices of the facilities of the given kinds, in table order."""
        codes = [FACILITIES.index(kind) for kind in kinds]
        return np.flatnonzero(np.isin(self.facilities.kind, codes)).astype(np.int32)


@dataclass(frozen=True)
class WalkGraph:
    """Directed walk arcs in CSR form by tail node; arc 2s is street s forward, 2s+1 backward.

    `ptr` [nodes + 1] and `arc` [arcs] list the arcs that leave each node; `head`, `tail`,
    `length_m` and `slope` (rise over run) are indexed by arc.
    """

    ptr: I32
    arc: I32
    tail: I32
    head: I32
    length_m: F32
    slope: F32

    @staticmethod
    def of(city: City) -> WalkGraph:
        streets, nodes = city.streets, city.nodes
        count = streets.from_node.size
        tail = np.empty(2 * count, np.int32)
        head = np.empty(2 * count, np.int32)
        tail[0::2], head[0::2] = streets.from_node, streets.to_node
        tail[1::2], head[1::2] = streets.to_node, streets.from_node
        length = np.repeat(streets.length_m, 2).astype(np.float32)
        slope = (nodes.elev_m[head] - nodes.elev_m[tail]) / np.maximum(length, 1.0)
        usable = np.flatnonzero(np.repeat(streets.walk, 2)).astype(np.int32)
        order = usable[np.argsort(tail[usable], kind="stable")]
        ptr = np.zeros(nodes.x_m.size + 1, np.int32)
        np.cumsum(np.bincount(tail[order], minlength=nodes.x_m.size), out=ptr[1:])
        return WalkGraph(ptr, order, tail, head, length, slope.astype(np.float32))


@lru_cache(maxsize=32)
def _transformer(source: str, target: str) -> Any:
    """Coordinate transformer, built once: building one takes longer than a thousand uses."""
    from pyproj import Transformer

    return Transformer.from_crs(source, target, always_xy=True)


def freeze(table: Any) -> None:
    """Make every array of a table read-only."""
    for field in dataclasses.fields(table):
        value = getattr(table, field.name)
        if isinstance(value, np.ndarray):
            value.setflags(write=False)


def table_length(table: Any) -> int:
    """Number of rows of a city table (its first column)."""
    return int(getattr(table, dataclasses.fields(table)[0].name).size)


def validate(city: City) -> None:
    """Raise InputError where tables disagree with each other or hold impossible values."""
    n = {name: table_length(getattr(city, name)) for name in TABLES}
    if n["nodes"] == 0 or n["edges"] == 0:
        raise InputError(f"city '{city.name}': the road network is empty")
    for name, cls in TABLES.items():
        table = getattr(city, name)
        for field in dataclasses.fields(cls):
            size = getattr(table, field.name).size
            if not field.name.startswith("vertex_") and size != n[name]:
                raise InputError(
                    f"city '{city.name}': {name}.{field.name} has {size} rows, expected {n[name]}"
                )
    refs: list[tuple[str, NDArray[Any], str, int]] = [
        ("streets.from_node", city.streets.from_node, "nodes", 0),
        ("streets.to_node", city.streets.to_node, "nodes", 0),
        ("edges.street", city.edges.street, "streets", 0),
        ("edges.from_node", city.edges.from_node, "nodes", 0),
        ("edges.to_node", city.edges.to_node, "nodes", 0),
        ("buildings.zone", city.buildings.zone, "zones", 0),
        ("buildings.node", city.buildings.node, "nodes", 0),
        ("buildings.street", city.buildings.street, "streets", 0),
        ("households.building", city.households.building, "buildings", 0),
        ("persons.household", city.persons.household, "households", 0),
        ("persons.day_building", city.persons.day_building, "buildings", -1),
        ("facilities.node", city.facilities.node, "nodes", 0),
        ("facilities.building", city.facilities.building, "buildings", -1),
    ]
    for label, index, target, low in refs:
        if index.size and (index.min() < low or index.max() >= n[target]):
            raise InputError(
                f"city '{city.name}': {label} holds a value outside {low}..{n[target] - 1}"
            )
    positive = [
        ("streets.length_m", city.streets.length_m), ("edges.length_m", city.edges.length_m),
        ("edges.free_speed_mps", city.edges.free_speed_mps),
        ("edges.capacity_vps", city.edges.capacity_vps),
        ("edges.jam_density_vpm", city.edges.jam_density_vpm),
    ]
    for label, values in positive:
        if not np.all(np.isfinite(values)) or np.any(values <= 0):
            raise InputError(f"city '{city.name}': {label} must be positive and finite")
