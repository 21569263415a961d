"""What a source lacks, by documented and seeded rule: zones, buildings, people, facilities.

Every draw goes through `engine.rng` with keys of the source's own objects; nothing here depends
on the order in which a file lists them. What is invented is marked so on the layer card.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from city_models import buildings as bld
from city_models.people import (
    CHILE,
    Society,
    draw_cars,
    draw_households,
    draw_persons,
    gravity,
    largest_remainder,
)
from engine import rng
from engine.city import (
    FACILITIES,
    ROAD_CLASSES,
    STATUSES,
    Buildings,
    Facilities,
    Households,
    Nodes,
    Persons,
    Streets,
    Terrain,
    Zones,
)

#: Eurostat 2022: 2.2 persons and 36 % single households, age shares of the EU, 574 cars a
#: thousand inhabitants; splits between the published figures are assumptions.
EUROPE = Society(
    household_size=(0.36, 0.31, 0.15, 0.12, 0.04, 0.02),
    cars=(0.18, 0.46, 0.28, 0.08),
    age=(0.045, 0.105, 0.165, 0.410, 0.175, 0.100),
    head_age=(0.0, 0.0, 0.130, 0.490, 0.230, 0.150),
    slow=(0.300, 0.020, 0.020, 0.050, 0.150, 0.350),
    assisted=(0.010, 0.005, 0.006, 0.012, 0.035, 0.150),
    pupil=(0.30, 0.97, 0.40, 0.0, 0.0, 0.0),
    worker=(0.0, 0.0, 0.45, 0.80, 0.25, 0.01),
    source="Eurostat 2022 (household size, age, cars), splits are assumptions",
)
#: Longitude and latitude box in which Chile's society and buildings are assumed.
_CHILE_BOX = (-76.5, -56.0, -66.0, -17.0)
#: Residents a km of residential street where nothing better is known (Coquimbo has 520;
#: European towns less). An assumption good to a factor of two.
PERSONS_PER_STREET_KM = 250.0
ZONE_CELL_M = 1000.0
#: Share of households in apartment blocks even where lots would suffice.
BLOCK_SHARE = 0.12
BLOCK_DWELLINGS = 20
#: At most this share of a zone's lots is taken by houses.
LOT_USE = 0.85
HOUSE_SETBACK_M = 3.0
LOT_HALF_M = bld.LOT_DEPTH_M / 2.0
#: One non-residential building for so many persons (Coquimbo: shops, offices, workshops).
PERSONS_PER_SHOP = 90.0
PERSONS_PER_HALL = 900.0
PERSONS_PER_CIVIC = 1500.0
PUPILS_PER_SCHOOL = 500.0
#: Gravity scales of trips to school and to work, m (assumptions).
SCHOOL_SCALE_M = 1500.0
WORK_SCALE_M = 4000.0


@dataclass(frozen=True)
class Site:
    """A facility before it is tied to the network: position in metres and what it holds."""

    kind: str
    name: str
    x_m: float
    y_m: float
    capacity: int = 0
    units: int = 0
    status: str = "synthetic"


def country_rules(lon: float, lat: float) -> tuple[Society, bld.BuildingMix]:
    """Return society and building mix: Chile's within its bounding box, else Europe's."""
    west, south, east, north = _CHILE_BOX
    if west <= lon <= east and south <= lat <= north:
        return CHILE, bld.CHILE_MIX
    return EUROPE, bld.GENERIC_MIX


def grid_zones(nodes: Nodes, cell_m: float = ZONE_CELL_M) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return square zones (polygons, names) of 1 km that hold at least one junction.

    More than 30,000 cells would not fit the building table's zone column; the cell grows then.
    """
    while True:
        c = np.floor(nodes.x_m / cell_m).astype(int)
        r = np.floor(nodes.y_m / cell_m).astype(int)
        cells = np.unique(np.column_stack([r, c]), axis=0)
        if len(cells) <= 30_000:
            break
        cell_m *= 2.0
    x0, y0 = cells[:, 1] * cell_m, cells[:, 0] * cell_m
    polygons = np.empty(len(cells), object)
    polygons[:] = shapely.box(x0, y0, x0 + cell_m, y0 + cell_m)
    names = np.array([f"Cell {r}/{c}" for r, c in cells], object)
    return polygons, names


def zones_table(
    polygons: NDArray[np.object_], names: NDArray[np.object_],
    municipality: NDArray[np.object_], population: NDArray[np.int32],
) -> Zones:
    """Return the zones table with a representative point inside each polygon."""
    point = shapely.point_on_surface(polygons)
    return Zones(
        names, municipality, population.astype(np.int32), shapely.get_x(point),
        shapely.get_y(point), polygons,
    )


def synthetic_buildings(
    nodes: Nodes, streets: Streets, polygons: NDArray[np.object_],
    households: NDArray[np.int64], population: NDArray[np.int64],
    block_share: NDArray[np.float64], mix: bld.BuildingMix, pupils: NDArray[np.float64],
    sites: list[Site], seed: int,
) -> Buildings:
    """Place houses, blocks and other buildings on lots along the streets of each zone.

    Every input is one value a zone: `households`, `population`, `block_share` (share of
    households in blocks), `pupils`. Houses take evenly spread lots, at most 85 % of a zone's;
    households beyond that live in blocks of about 20 dwellings. Hospitals and schools among
    `sites` get a building at their own place.
    """
    lots = bld.lots_along_streets(streets, HOUSE_SETBACK_M, polygons)
    start = np.searchsorted(lots.zone, np.arange(len(polygons) + 1))
    rows: list[NDArray[Any]] = []
    uses: list[NDArray[Any]] = []
    schools = _school_counts(pupils)
    for zone in range(len(polygons)):
        own = np.arange(start[zone], start[zone + 1])
        if own.size == 0:
            continue
        others = [
            (bld.COMMERCIAL, int(np.ceil(population[zone] / PERSONS_PER_SHOP))),
            (bld.INDUSTRIAL, int(population[zone] / PERSONS_PER_HALL)),
            (bld.CIVIC, int(population[zone] / PERSONS_PER_CIVIC)),
            (bld.EDUCATION, int(schools[zone])),
        ]
        wanted = sum(n for _, n in others)
        in_blocks = round(float(block_share[zone] * households[zone]))
        blocks = -(-in_blocks // BLOCK_DWELLINGS)
        room = max(int(LOT_USE * own.size) - wanted - blocks, 0)
        houses = int(min(households[zone] - in_blocks, room))
        rest = int(households[zone]) - in_blocks - houses
        blocks += -(-rest // BLOCK_DWELLINGS)
        if households[zone] > 0 and own.size <= wanted + blocks:
            # Too few lots for everything: dwellings first.
            others, wanted = [], 0
            blocks = min(blocks, own.size)
        need = min(houses + blocks + wanted, own.size)
        spread = own[(np.arange(need) * own.size) // max(need, 1)]
        # Blocks, shops, ... take the lots whose draw is lowest, so that they lie scattered.
        order = np.argsort(rng.uniform(seed, "city.buildings", lots.key[spread], 0))
        use = np.full(need, bld.RESIDENTIAL)
        taken = 0
        for code, count in [(100, blocks), *others]:
            use[order[taken : taken + count]] = code
            taken += count
        rows.append(spread)
        uses.append(use)
    housed = _residential_zones(rows, uses, lots, len(polygons))
    bare = np.flatnonzero((households > 0) & (housed == 0))
    chosen = np.concatenate(rows) if rows else np.zeros(0, int)
    use = np.concatenate(uses) if uses else np.zeros(0, int)
    placed = lots.take(chosen)
    u = rng.uniform(seed, "city.buildings", placed.key, 1)
    block = use == 100
    use[block] = bld.RESIDENTIAL
    storeys = np.where(u < 0.62, 1, 2)
    storeys[block] = np.where(u[block] < 0.85, 4 + (u[block] * 20).astype(int) % 2, 12)
    area = 45.0 + 40.0 * u
    area[block] = 300.0 + 60.0 * u[block]
    area[use == bld.COMMERCIAL] = 120.0
    area[use == bld.INDUSTRIAL] = 600.0
    area[use == bld.CIVIC] = 250.0
    area[use == bld.EDUCATION] = 900.0
    setback = np.full(use.size, HOUSE_SETBACK_M)
    x, y, street, zone, key = placed.x_m, placed.y_m, placed.street, placed.zone, placed.key
    if bare.size:
        gx, gy, gz, gk = _scattered(polygons, bare, households)
        gs, gd = bld.nearest_street(streets, gx, gy)
        gu = rng.uniform(seed, "city.buildings", gk, 1)
        x, y, key = np.concatenate([x, gx]), np.concatenate([y, gy]), np.concatenate([key, gk])
        street, zone = np.concatenate([street, gs]), np.concatenate([zone, gz])
        use = np.concatenate([use, np.full(gx.size, bld.RESIDENTIAL)])
        storeys = np.concatenate([storeys, np.where(gu < 0.62, 1, 2)])
        area = np.concatenate([area, 45.0 + 40.0 * gu])
        setback = np.concatenate(
            [setback, np.maximum(gd - streets.width_m[gs] / 2 - LOT_HALF_M, 0.0)]
        )
    extra = [s for s in sites if s.kind in ("hospital", "clinic")]
    if extra:
        ex, ey = np.array([s.x_m for s in extra]), np.array([s.y_m for s in extra])
        es, ed = bld.nearest_street(streets, ex, ey)
        x, y = np.concatenate([x, ex]), np.concatenate([y, ey])
        street = np.concatenate([street, es])
        zone = np.concatenate([zone, bld.zone_of(polygons, ex, ey)])
        big = np.array([s.kind == "hospital" for s in extra])
        key = np.concatenate([key, (1 << 60) + np.arange(len(extra))])
        use = np.concatenate([use, np.full(len(extra), bld.HEALTH)])
        storeys = np.concatenate([storeys, np.where(big, 5, 2)])
        area = np.concatenate([area, np.where(big, 4000.0, 600.0)])
        setback = np.concatenate([setback, np.maximum(ed - streets.width_m[es] / 2 - 15.0, 0.0)])
    none = np.full(use.size, None, object)
    return bld.table(
        nodes=nodes, streets=streets, x_m=x, y_m=y, zone=zone, street=street, setback_m=setback,
        use=use, storeys=storeys, footprint_m2=area, key=key, polygon=none, mix=mix, seed=seed,
    )


def _residential_zones(
    rows: list[NDArray[Any]], uses: list[NDArray[Any]], lots: bld.Lots, zones: int
) -> NDArray[np.int64]:
    """Return the number of residential buildings placed on lots in each zone [zones]."""
    out = np.zeros(zones, np.int64)
    for row, use in zip(rows, uses, strict=True):
        home = np.isin(use, (bld.RESIDENTIAL, 100))
        if home.any():
            out[lots.zone[row[0]]] = int(home.sum())
    return out


def _scattered(
    polygons: NDArray[np.object_], zones: NDArray[Any], households: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return houses on a square grid inside zones without streets (x, y, zone, key)."""
    xs, ys, zs, ks = [], [], [], []
    for zone in zones:
        shape, wanted = polygons[zone], int(households[zone])
        west, south, east, north = shape.bounds
        step = float(np.sqrt(shape.area / wanted))
        while True:
            gx, gy = np.meshgrid(
                np.arange(west + step / 2, east, step), np.arange(south + step / 2, north, step)
            )
            inside = shapely.contains_xy(shape, gx.ravel(), gy.ravel())
            if inside.sum() >= wanted or step < 1.0:
                break
            step *= 0.97
        keep = np.flatnonzero(inside)[:: max(int(inside.sum()) // wanted, 1)][:wanted]
        xs.append(gx.ravel()[keep])
        ys.append(gy.ravel()[keep])
        zs.append(np.full(keep.size, zone, np.int32))
        ks.append((1 << 59) + (int(zone) << 24) + np.arange(keep.size, dtype=np.int64))
    return np.concatenate(xs), np.concatenate(ys), np.concatenate(zs), np.concatenate(ks)


def _school_counts(pupils: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return schools a zone: one for about 500 pupils in total, by largest remainder."""
    total = max(int(np.ceil(pupils.sum() / PUPILS_PER_SCHOOL)), 1)
    return largest_remainder(pupils / PUPILS_PER_SCHOOL, total)


def homes(
    zone: NDArray[np.int32], buildings: Buildings, zone_xy: NDArray[np.float64]
) -> NDArray[np.int32]:
    """Return the home building of each household, in household order within its zone.

    A zone's households are dealt to its residential buildings in proportion to floor area, a
    one-family house at least one. A zone without any takes the nearest zone's buildings.
    """
    residential = buildings.use == bld.RESIDENTIAL
    if not residential.any():
        residential = np.ones(residential.size, bool)
    floor = buildings.footprint_m2.astype(np.float64) * buildings.storeys
    own_zones = np.unique(buildings.zone[residential])
    home = np.zeros(zone.size, np.int32)
    for z in np.unique(zone):
        source = z
        if z not in own_zones:
            d = np.hypot(*(zone_xy[own_zones] - zone_xy[z]).T)
            source = own_zones[int(np.argmin(d))]
        rows = np.flatnonzero(residential & (buildings.zone == source))
        who = np.flatnonzero(zone == z)
        home[who] = np.repeat(rows, _deal(floor[rows], who.size))
    return home


def _deal(floor: NDArray[np.float64], households: int) -> NDArray[np.int32]:
    """Deal households to buildings: one each while there are enough, the rest by floor area."""
    if households <= floor.size:
        pick = np.zeros(floor.size, np.int32)
        pick[(np.arange(households) * floor.size) // max(households, 1)] = 1
        return pick
    # Small houses keep one household; the surplus goes where the floor area is.
    spare = np.maximum(floor - 150.0, 0.0)
    if spare.sum() <= 0:
        spare = floor
    surplus: NDArray[np.int32] = largest_remainder(spare, households - floor.size)
    return (1 + surplus).astype(np.int32)


def day_places(
    age: NDArray[np.uint8], person_key: NDArray[np.int64], home_zone: NDArray[np.int32],
    buildings: Buildings, zone_xy: NDArray[np.float64], society: Society, seed: int,
) -> NDArray[np.int32]:
    """Return each person's weekday building, -1 for those who stay at home.

    Pupils go to education buildings, workers to all others but homes, by a gravity model with
    floor area as attraction; who goes is drawn from the society's shares by age.
    """
    u = rng.uniform(seed, "city.population", person_key, 5)
    v = rng.uniform(seed, "city.population", person_key, 6)
    pupil, worker = np.array(society.pupil)[age], np.array(society.worker)[age]
    floor = buildings.footprint_m2.astype(np.float64) * buildings.storeys
    day = np.full(age.size, -1, np.int32)
    school = np.flatnonzero(buildings.use == bld.EDUCATION)
    work = np.flatnonzero(
        np.isin(buildings.use, (
            bld.COMMERCIAL, bld.EDUCATION, bld.INDUSTRIAL, bld.HEALTH, bld.CIVIC,
        ))
    )
    for goes, sites, scale in (
        (u < pupil, school, SCHOOL_SCALE_M),
        ((u >= pupil) & (u < pupil + worker), work, WORK_SCALE_M),
    ):
        if sites.size and goes.any():
            chosen = gravity(
                home_zone[goes], v[goes], zone_xy, buildings.zone[sites].astype(np.int32),
                floor[sites], scale,
            )
            day[goes] = sites[chosen]
    return day


def inhabitants(
    zones: Zones, buildings: Buildings, society: Society, seed: int
) -> tuple[Households, Persons]:
    """Return households and persons whose number in each zone equals its population."""
    xy = np.column_stack([zones.x_m, zones.y_m])
    population = zones.population if buildings.x_m.size else np.zeros_like(zones.population)
    zone, size, key = draw_households(population, society, seed)
    if zone.size == 0:
        none = np.zeros(0, np.int32)
        empty = np.zeros(0, np.uint8)
        return Households(none, empty), Persons(none.copy(), empty.copy(), empty.copy(), none)
    home = homes(zone, buildings, xy)
    household, age, mobility, person_key = draw_persons(size, key, society, seed)
    day = day_places(age, person_key, zone[household], buildings, xy, society, seed)
    return (
        Households(home, draw_cars(key, society, seed)),
        Persons(household, age, mobility, day),
    )


def school_sites(buildings: Buildings, kind: str = "school") -> list[Site]:
    """Return a school for every synthetic education building, places by floor area."""
    rows = np.flatnonzero(buildings.use == bld.EDUCATION)
    places = buildings.footprint_m2[rows] * buildings.storeys[rows] / 2.0  # 2 m2 a place
    return [
        Site(kind, f"School {n + 1} (synthetic)", float(buildings.x_m[r]),
             float(buildings.y_m[r]), int(p))
        for n, (r, p) in enumerate(zip(rows, places, strict=True))
    ]


def missing_services(
    present: set[str], zones: Zones, nodes: Nodes, streets: Streets
) -> list[Site]:
    """Return services by rule where a source has none of a kind.

    One hospital for 150,000 inhabitants (2.2 beds for 1,000), a fire and a police station for
    40,000, an ambulance base for 60,000, a command and a call centre; each beside the junction
    nearest to an equal share of the population, zones taken from west to east.
    """
    people = zones.population.astype(np.float64)
    total = max(float(people.sum()), 1.0)
    rules = (
        ("hospital", 150_000.0, 0.0022, 0), ("fire_station", 40_000.0, 0.0, 3),
        ("police_station", 40_000.0, 0.0, 4), ("ambulance_station", 60_000.0, 0.0, 4),
        ("command_centre", 1e12, 0.0, 0), ("call_centre", 1e12, 0.0, 0),
    )
    order = np.lexsort([zones.y_m, zones.x_m])
    share = np.cumsum(people[order]) / total
    sites = []
    for kind, per, beds, units in rules:
        if kind in present:
            continue
        count = max(round(total / per), 1)
        at = np.searchsorted(share, (np.arange(count) + 0.5) / count)
        rows = order[np.minimum(at, order.size - 1)]
        node = bld.nearest_walk_node(nodes, streets, zones.x_m[rows], zones.y_m[rows], drive=True)
        for n, k in enumerate(node):
            label = kind.replace("_", " ").capitalize()
            sites.append(
                Site(kind, f"{label} {n + 1} (synthetic)", float(nodes.x_m[k]),
                     float(nodes.y_m[k]), int(np.ceil(beds * total / count)), units)
            )
    return sites


def high_ground(
    nodes: Nodes, streets: Streets, terrain: Terrain, safe_m: float = 30.0,
    spacing_m: float = 900.0, low_m: float = 15.0, reach_m: float = 3500.0, most: int = 40,
) -> list[Site]:
    """Return meeting points on junctions just above `safe_m`, spread along the low ground.

    Of junctions 0-15 m above the line, those nearest to low ground come first; one is taken
    if no other within `spacing_m` was. 30 m is the safe level that Chile's tsunami
    evacuation plans use. A point holds 2,500 people (a square of 50 x 50 m at 1 m2 each).
    """
    from scipy.spatial import cKDTree

    elev = nodes.elev_m
    walkable = np.zeros(elev.size, bool)
    walkable[streets.from_node[streets.walk]] = True
    walkable[streets.to_node[streets.walk]] = True
    high = np.flatnonzero(walkable & (elev >= safe_m) & (elev < safe_m + 15.0))
    low = np.flatnonzero(elev < low_m)
    if high.size == 0 or low.size == 0 or not terrain.open_sides:
        return []
    xy = np.column_stack([nodes.x_m, nodes.y_m])
    distance, _ = cKDTree(xy[low]).query(xy[high])
    taken: list[int] = []
    for row in high[np.lexsort([high, np.round(distance, 1)])]:
        if len(taken) >= most:
            break
        near = np.hypot(*(xy[taken] - xy[row]).T) if taken else np.array([np.inf])
        if near.min() >= spacing_m:
            taken.append(int(row))
    reach = cKDTree(xy[low])
    return [
        Site("meeting_point", f"Meeting point {n + 1}", float(xy[k, 0]), float(xy[k, 1]), 2500)
        for n, k in enumerate(taken)
        if reach.query(xy[k])[0] <= reach_m
    ]


def facilities_table(
    sites: list[Site], nodes: Nodes, streets: Streets, buildings: Buildings
) -> Facilities:
    """Return facilities tied to the nearest junction and to a building within 60 m."""
    from scipy.spatial import cKDTree

    sites = sorted(sites, key=lambda s: (FACILITIES.index(s.kind), s.name, s.x_m, s.y_m))
    x = np.array([s.x_m for s in sites], np.float64)
    y = np.array([s.y_m for s in sites], np.float64)
    building = np.full(len(sites), -1, np.int32)
    node = np.zeros(0, np.int32)
    if sites:
        node = bld.nearest_walk_node(nodes, streets, x, y, drive=True)
        foot = np.array([s.kind in ("meeting_point", "shelter") for s in sites])
        node[foot] = bld.nearest_walk_node(nodes, streets, x, y)[foot]
        if buildings.x_m.size:
            tree = cKDTree(np.column_stack([buildings.x_m, buildings.y_m]))
            distance, near = tree.query(np.column_stack([x, y]))
            indoors = np.array([s.kind != "meeting_point" for s in sites]) & (distance <= 60.0)
            building[indoors] = near[indoors]
    return Facilities(
        np.array([FACILITIES.index(s.kind) for s in sites], np.uint8),
        np.array([s.name for s in sites], object), x, y, node.astype(np.int32), building,
        np.array([s.capacity for s in sites], np.int32),
        np.array([s.units for s in sites], np.int16),
        np.array([STATUSES.index(s.status) for s in sites], np.uint8),
    )


def residential_km(streets: Streets, polygons: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return km of residential street in each zone, by the street's middle vertex."""
    classes = [ROAD_CLASSES.index(c) for c in ("residential", "living_street", "unclassified")]
    rows = np.flatnonzero(np.isin(streets.road_class, classes))
    middle = (streets.vertex_ptr[:-1] + streets.vertex_ptr[1:] - 1)[rows] // 2
    zone = bld.zone_of(polygons, streets.vertex_x_m[middle], streets.vertex_y_m[middle])
    weight = streets.length_m[rows].astype(np.float64) / 1000.0
    return np.bincount(zone, weights=weight, minlength=len(polygons))
