"""A made-up coastal town of 6 x 6 streets, small enough for tests and first plans.

The sea lies in the west; the ground rises eastward past 30 m. Nothing in it is real.
"""

from __future__ import annotations

import numpy as np
import shapely

from city_models.people import CHILE, draw_cars, draw_households, draw_persons, gravity
from city_models.roads import DEFAULTS, fundamental_diagram, street_width_m
from engine import rng
from engine.city import (
    DESIGNS,
    FACILITIES,
    ROAD_CLASSES,
    STATUSES,
    STRUCTURES,
    USES,
    Buildings,
    City,
    Edges,
    Facilities,
    Households,
    Layer,
    Nodes,
    Persons,
    Streets,
    Terrain,
    Zones,
)
from engine.departments import CHILE as CHILEAN_SERVICES
from engine.women import CHILE as CHILEAN_WOMEN

SPACING_M = 150.0
SIDE = 6
ORIGIN = (60.0, 50.0)  # south-western junction, m
CELL_M = 25.0
ROWS, COLUMNS = 40, 60
WEST_M = -550.0
LOTS_A_SIDE = 4
POPULATION = (360, 320, 300, 380, 340, 300)  # zones, west to east, south row first


def ground_m(x_m: np.ndarray, y_m: np.ndarray) -> np.ndarray:
    """Elevation: a beach slope of 1:40 under water, 1.5 m at the shore, then 1:20 inland."""
    del y_m  # the coast is straight
    return np.where(x_m < 0.0, np.maximum(x_m / 40.0, -12.0), 1.5 + np.maximum(x_m, 0.0) / 20.0)


def _network() -> tuple[Nodes, Streets, Edges]:
    column, row = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    x = ORIGIN[0] + SPACING_M * column.ravel()
    y = ORIGIN[1] + SPACING_M * row.ravel()
    nodes = Nodes(
        x, y, ground_m(x, y).astype(np.float32), 1000 + np.arange(SIDE * SIDE, dtype=np.int64)
    )
    tail, head, kind, name, bridge = [], [], [], [], []
    for r in range(SIDE):
        for c in range(SIDE - 1):  # streets that run east
            tail.append(r * SIDE + c)
            head.append(r * SIDE + c + 1)
            kind.append("secondary" if r == 2 else "residential")
            name.append("Avenida Central" if r == 2 else f"East Street {r + 1}")
            bridge.append(r == 2 and c == 0)
    for c in range(SIDE):
        for r in range(SIDE - 1):  # streets that run north
            tail.append(r * SIDE + c)
            head.append((r + 1) * SIDE + c)
            kind.append("tertiary" if c == 0 else "residential")
            name.append("Shore Road" if c == 0 else f"North Street {c + 1}")
            bridge.append(False)
    f, t = np.array(tail, np.int32), np.array(head, np.int32)
    n = f.size
    cls = np.array([ROAD_CLASSES.index(k) for k in kind], np.uint8)
    lanes = np.array([DEFAULTS[k].lanes for k in kind], np.uint8)
    speed = np.array([DEFAULTS[k].speed_kmh / 3.6 for k in kind], np.float32)
    length = np.full(n, SPACING_M, np.float32)
    streets = Streets(
        f, t, length, street_width_m(cls, 2 * lanes.astype(int)), cls, np.array(bridge),
        np.ones(n, bool), np.ones(n, bool), np.array(name, object),
        np.arange(n, dtype=np.int64), np.arange(0, 2 * n + 1, 2, dtype=np.int32),
        np.column_stack([x[f], x[t]]).ravel().astype(np.float32),
        np.column_stack([y[f], y[t]]).ravel().astype(np.float32),
    )
    both = np.repeat(np.arange(n), 2)
    forward = np.arange(2 * n) % 2 == 0
    capacity, jam = fundamental_diagram(cls[both], speed[both], lanes[both])
    edges = Edges(
        both.astype(np.int32), forward, np.where(forward, f[both], t[both]),
        np.where(forward, t[both], f[both]), length[both], lanes[both], speed[both],
        capacity, jam,
    )
    return nodes, streets, edges


def _zones() -> Zones:
    half = SPACING_M / 2
    width = SPACING_M * SIDE / 3
    height = SPACING_M * SIDE / 2
    boxes = []
    for row in range(2):
        for column in range(3):
            x0 = ORIGIN[0] - half + column * width
            y0 = ORIGIN[1] - half + row * height
            boxes.append(shapely.box(x0, y0, x0 + width, y0 + height))
    names = [f"Zone {i + 1}" for i in range(6)]
    polygons = np.empty(6, object)
    polygons[:] = boxes
    centres = shapely.centroid(polygons)
    return Zones(
        np.array(names, object),
        np.array(["Southport"] * 3 + ["Northport"] * 3, object),
        np.array(POPULATION, np.int32),
        shapely.get_x(centres), shapely.get_y(centres), polygons,
    )


def _buildings(streets: Streets, zones: Zones, seed: int) -> Buildings:
    """Houses at fixed lots on both sides of every street; one in ten is not residential."""
    n = streets.from_node.size
    street = np.repeat(np.arange(n), 2 * LOTS_A_SIDE)
    lot = np.tile(np.arange(2 * LOTS_A_SIDE), n)
    along = (lot % LOTS_A_SIDE + 1.0) / (LOTS_A_SIDE + 1.0)
    side = np.where(lot < LOTS_A_SIDE, 1.0, -1.0)
    x0, y0 = streets.vertex_x_m[::2][street], streets.vertex_y_m[::2][street]
    x1, y1 = streets.vertex_x_m[1::2][street], streets.vertex_y_m[1::2][street]
    setback = np.full(street.size, 3.0, np.float32)
    off = side * (streets.width_m[street] / 2 + setback + 5.0)
    dx, dy = (x1 - x0) / SPACING_M, (y1 - y0) / SPACING_M
    x = (x0 + along * (x1 - x0) - off * dy).astype(np.float32)
    y = (y0 + along * (y1 - y0) + off * dx).astype(np.float32)
    key = (street.astype(np.int64) << 8) + lot
    u = rng.uniform(seed, "city.buildings", key, 0)
    use = np.where(u < 0.9, 0, np.where(u < 0.96, 1, np.where(u < 0.98, 3, 5)))
    use[0], use[1] = USES.index("health"), USES.index("education")
    v = rng.uniform(seed, "city.buildings", key, 1)
    names = np.array(["RM1L", "W1", "URML", "C3M"])
    pick = np.searchsorted([0.70, 0.88, 0.94], v)
    structure = np.array([STRUCTURES.index(s) for s in names], np.uint8)[pick]
    design = np.array([DESIGNS.index(d) for d in ("HC", "MC", "PC", "LC")], np.uint8)[pick]
    storeys = np.where(pick == 3, 5, 1 + (u * 1000 % 1 < 0.4)).astype(np.uint8)
    points = shapely.points(x, y)
    polygon = np.empty(x.size, object)
    polygon[:] = shapely.box(x - 5.0, y - 5.0, x + 5.0, y + 5.0)
    zone = shapely.STRtree(zones.polygon).nearest(points).astype(np.int16)
    near = np.where(along <= 0.5, streets.from_node[street], streets.to_node[street])
    return Buildings(
        x, y, zone, near.astype(np.int32), street.astype(np.int32), setback,
        use.astype(np.uint8), structure, design, storeys,
        (3.0 * storeys).astype(np.float32), np.full(x.size, 100.0, np.float32), key, polygon,
    )


def _population(
    zones: Zones, buildings: Buildings, seed: int
) -> tuple[Households, Persons]:
    zone, size, key = draw_households(zones.population, CHILE, seed)
    home = np.zeros(zone.size, np.int32)
    u = rng.uniform(seed, "city.population", key, 4)
    for z in range(zones.population.size):
        own = np.flatnonzero((buildings.zone == z) & (buildings.use == 0))
        who = np.flatnonzero(zone == z)
        home[who] = own[(u[who] * own.size).astype(int)]
    household, age, mobility, person_key = draw_persons(size, key, CHILE, seed)
    w = rng.uniform(seed, "city.population", person_key, 5)
    v = rng.uniform(seed, "city.population", person_key, 6)
    pupil, worker = np.array(CHILE.pupil)[age], np.array(CHILE.worker)[age]
    origin = zone[household]
    xy = np.column_stack([zones.x_m, zones.y_m])
    day = np.full(age.size, -1, np.int32)
    for goes, uses in ((w < pupil, (2,)), ((w >= pupil) & (w < pupil + worker), (1, 2, 3, 4, 5))):
        sites = np.flatnonzero(np.isin(buildings.use, uses))
        chosen = gravity(
            origin[goes], v[goes], xy, buildings.zone[sites].astype(np.int32),
            np.ones(sites.size), 3000.0,
        )
        day[goes] = sites[chosen]
    return (
        Households(home, draw_cars(key, CHILE, seed)),
        Persons(household, age, mobility, day),
    )


def _facilities(nodes: Nodes) -> Facilities:
    rows = [  # kind, name, column, row, building, capacity, units
        ("hospital", "Test Hospital", 3, 2, -1, 5, 2),
        ("hospital", "North Hospital", 5, 5, -1, 5, 0),
        ("fire_station", "Test Fire Station", 2, 2, -1, 0, 3),
        ("police_station", "Test Police Station", 1, 3, -1, 0, 3),
        ("ambulance_station", "Test Ambulance Base", 2, 3, -1, 0, 3),
        ("school", "Test School", 0, 0, 1, 300, 0),
        ("shelter", "Test Shelter", 4, 4, -1, 20, 0),
        ("meeting_point", "Test Hill", 2, 4, -1, 2500, 0),
        ("command_centre", "Test Command Centre", 3, 2, -1, 0, 0),
        ("call_centre", "Test Call Centre", 3, 2, -1, 0, 0),
        ("care_home", "Test Home", 1, 1, -1, 6, 0),
    ]
    node = np.array([row[3] * SIDE + row[2] for row in rows], np.int32)
    return Facilities(
        np.array([FACILITIES.index(row[0]) for row in rows], np.uint8),
        np.array([row[1] for row in rows], object), nodes.x_m[node], nodes.y_m[node], node,
        np.array([row[4] for row in rows], np.int32), np.array([row[5] for row in rows], np.int32),
        np.array([row[6] for row in rows], np.int16),
        np.full(len(rows), STATUSES.index("synthetic"), np.uint8),
    )


def _terrain() -> Terrain:
    x = WEST_M + (np.arange(COLUMNS) + 0.5) * CELL_M
    y0 = ORIGIN[1] - 125.0
    grid_x, grid_y = np.meshgrid(x, y0 + (np.arange(ROWS) + 0.5) * CELL_M)
    elev = ground_m(grid_x, grid_y).astype(np.float32)
    manning = np.where(elev < 0.0, 0.025, 0.05).astype(np.float32)
    return Terrain(elev, manning, WEST_M, y0, CELL_M, 0.5, ("west",))


def build_testtown(seed: int = 0) -> City:
    """Return the test town: 36 junctions, 60 two-way streets, 480 buildings, 2,000 people.

    `seed` draws households, uses and structures; streets, terrain, zones and facilities are
    the same for every seed. "Test Hill" is a meeting point half-way up, at 19 m.
    """
    nodes, streets, edges = _network()
    zones = _zones()
    buildings = _buildings(streets, zones, seed)
    households, persons = _population(zones, buildings, seed)
    layers = tuple(
        Layer(name, "synthetic", "city_models.testtown", "Apache-2.0", "2026-01-01")
        for name in (
            "roads", "zones", "buildings", "households", "persons", "facilities", "terrain"
        )
    )
    return City(
        "testtown", "Test Town", "+proj=tmerc +lat_0=-30 +lon_0=-71 +k=1 +x_0=0 +y_0=0 "
        "+ellps=WGS84 +units=m", "America/Santiago", nodes, streets, edges, zones, buildings,
        households, persons, _facilities(nodes), _terrain(), layers,
        ("Test Town is invented; nothing in it is a real place.",), CHILEAN_SERVICES,
        CHILEAN_WOMEN,
    )
