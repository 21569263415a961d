"""Who is where, with whom, when the event begins.

Occupancy. The shares of people at home, at work or school and on the way are those of HAZUS
(night 02:00, day 14:00, commute 17:00; table in the earthquake manual), interpolated linearly
between these hours and between commute and 22:00, when night begins. On Saturday and Sunday
schools are empty and other workplaces keep their night share (assumption). HAZUS counts the home
share of the night and of the commute on all residents and that of the day on its daytime residential
population, whoever has no place of work or learning to be at (it keeps the two apart: US Army Corps of
Engineers, HEC-FIA technical reference, population distribution; that the commute is counted on all
residents is recalled from the manual's table 13.2 and unconfirmed).

| place | night | day | commute |
|---|---|---|---|
| home | 1.00 of all | 0.53 of daytime residents | 0.35 of all |
| commercial, other | 0.01 | 1.00 | 0.75 |
| education | 0.00 | 1.00 | 0.50 |
| industrial | 0.14 | 1.00 | 0.63 |

Whoever is neither at home nor at work is out: workers and pupils on the way, at the junction
nearest a point of the straight line between home and work; others in a commercial building of
their municipality (shops, promenades). Children under 5 and people who cannot leave alone stay at
home (assumption). Commuters are bound for work before noon and for home after (assumption); those with
a car drive on (`engine/mobility/ordinary.py`). In-patients lie in their hospital and residents are in
their care home (`engine/wards.py`), each a party alone.

Beach. In season (`population.beach`) the free members of a share of all households are on the beach
together, spread over the junctions within `BEACH_M` of the sea inside its circle. They are residents:
the model has no visitors from elsewhere, so that the share is an assumption of the scenario.

Cars. A worker under way or at work has taken one of the household's cars with probability 0.45
(assumption: about the car share of trips in Chilean cities of this size); the other cars are at
home.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from engine import rng
from engine.city import F64, I16, I32, U8, USES, B, City
from engine.errors import InputError
from engine.scenario import Scenario
from engine.shore import distance_to_sea_m
from engine.site import Site
from engine.wards import ward_buildings, wards

_HOURS = (0.0, 2.0, 5.0, 14.0, 17.0, 22.0, 24.0)
_NIGHT, _DAY, _COMMUTE = 0, 1, 2
_ANCHORS = (_NIGHT, _NIGHT, _NIGHT, _DAY, _COMMUTE, _NIGHT, _NIGHT)
_OCCUPANCY = {
    "home": (1.0, 0.0, 0.35), "home_by_day": (0.0, 0.53, 0.0), "commercial": (0.01, 1.0, 0.75),
    "education": (0.0, 1.0, 0.5), "industrial": (0.14, 1.0, 0.63),
}
_WEEKEND = {
    "education": 0.0, "commercial": _OCCUPANCY["commercial"][_NIGHT],
    "industrial": _OCCUPANCY["industrial"][_NIGHT],
}
_CAR_TAKEN = 0.45
BEACH_M = 200.0


@dataclass(frozen=True)
class Parties:
    """Parties and their members.

    `of_person` [persons] gives the party; `first` [parties] its first person (the key of its
    draws); `size`; `node` where it begins; `building` (-1 outdoors); `zone`; `home` true when it
    begins at home; `cars` at its disposal there; `slow` its slowest member's mobility (index of
    city.MOBILITY); `age_group` the oldest's; `member_ptr`, `member` list persons by party.
    """

    of_person: I32
    first: I32
    size: I16
    node: I32
    building: I32
    zone: I32
    home: B
    cars: U8
    slow: U8
    age_group: U8
    member_ptr: I32
    member: I32
    person_building: I32  # [persons], -1 outdoors
    ward: I32  # [parties] hospital or care home they are in, -1 for none
    bound: I32  # [parties] building a commuter is on the way to, -1 where nobody commutes

    @property
    def count(self) -> int:
        """Number of parties."""
        return int(self.first.size)


def occupancy(scenario: Scenario, timezone: str) -> dict[str, float]:
    """Shares at the scenario's start: `home` of all residents and `home_by_day` of the daytime
    residents besides, and of each kind of workplace's people those who are there."""
    mode = scenario.population.occupancy
    local = scenario.start.astimezone(ZoneInfo(timezone))
    weights = _weights(local) if mode == "auto" else [0.0, 0.0, 0.0]
    if mode != "auto":
        weights[("night", "day", "commute").index(mode)] = 1.0
    out = {
        use: float(sum(w * s for w, s in zip(weights, shares, strict=True)))
        for use, shares in _OCCUPANCY.items()
    }
    if _weekend(scenario, timezone):
        out |= _WEEKEND
    return out


def _weekend(scenario: Scenario, timezone: str) -> bool:
    local = scenario.start.astimezone(ZoneInfo(timezone))
    return scenario.population.occupancy == "auto" and local.weekday() >= 5


def _weights(local: datetime) -> list[float]:
    hour = local.hour + local.minute / 60 + local.second / 3600
    weights = [0.0, 0.0, 0.0]
    for low, high, a, b in zip(_HOURS, _HOURS[1:], _ANCHORS, _ANCHORS[1:], strict=False):
        if low <= hour < high:
            part = (hour - low) / (high - low)
            weights[a] += 1 - part
            weights[b] += part
    return weights


def form_parties(city: City, scenario: Scenario, site: Site, seed: int) -> Parties:
    """Place every person and group those of one household in one building."""
    persons, buildings = city.persons, city.buildings
    n = persons.household.size
    key = np.arange(n, dtype=np.int64)
    home = city.person_building
    shares = occupancy(scenario, city.timezone)

    use_share, open_by_day = np.empty(len(USES)), np.ones(len(USES))
    for row, use in enumerate(USES):
        kind = use if use in ("education", "industrial") else "commercial"
        use_share[row] = shares[kind]
        if _weekend(scenario, city.timezone):
            open_by_day[row] = _WEEKEND[kind]
    has_day = persons.day_building >= 0
    day = np.where(has_day, persons.day_building, 0)
    u = rng.uniform(seed, "position.place", key, 0)
    at_day = has_day & (u < use_share[buildings.use[day]])
    rest = rng.uniform(seed, "position.place", key, 1)
    bound_home = (persons.age_group == 0) | (persons.mobility == 2)
    on_beach, beach_node = _beach(city, scenario, site, seed)
    on_beach &= ~at_day & (persons.mobility < 2)
    # So many are at home; who must be there comes first, the rest of the number is drawn.
    by_day = n - float(open_by_day[buildings.use[day[has_day]]].sum())
    number = shares["home"] * n + shares["home_by_day"] * by_day
    free = int((~at_day & ~bound_home).sum())
    stay = (number - int((~at_day & bound_home).sum())) / max(free, 1)
    at_home = ~at_day & ((rest < stay) | bound_home) & ~on_beach
    ward = wards(city, scenario.population, seed)
    lying = ward >= 0
    at_day, at_home, on_beach = at_day & ~lying, at_home & ~lying, on_beach & ~lying
    out = ~at_day & ~at_home & ~on_beach & ~lying
    commuting = out & has_day
    visiting = out & ~has_day

    building = np.where(at_home, home, np.where(at_day, day, -1)).astype(np.int32)
    node = buildings.node[np.maximum(building, 0)].astype(np.int32)
    node[on_beach] = beach_node[on_beach]
    _place_visitors(city, seed, visiting, home, building, node)
    _place_commuters(city, seed, commuting, home, day, node)
    morning = scenario.start.astimezone(ZoneInfo(city.timezone)).hour < 12
    bound = np.where(commuting, day if morning else home, -1).astype(np.int32)
    building[lying] = ward_buildings(city)[ward[lying]]
    node[lying] = city.facilities.node[ward[lying]]
    node = site.walk_node[node]

    inside = building >= 0
    zone = np.where(
        inside, buildings.zone[np.maximum(building, 0)], site.zone_of_node[node]
    ).astype(np.int32)

    # Household members at home, or together on the beach, form one party; everyone else is alone.
    household = persons.household.astype(np.int64)
    group_key = np.where(at_home, household, key + (1 << 40))
    group_key = np.where(on_beach, household + (1 << 41), group_key)
    _, first_row, group = np.unique(group_key, return_index=True, return_inverse=True)
    # Number parties by their first person, so that numbers follow the population table.
    order = np.argsort(first_row, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    of_person: I32 = rank[group].astype(np.int32)
    first: I32 = first_row[order].astype(np.int32)
    count = first.size
    size = np.bincount(of_person, minlength=count).astype(np.int16)
    member = np.argsort(of_person, kind="stable").astype(np.int32)
    ptr = np.zeros(count + 1, np.int32)
    np.cumsum(size, out=ptr[1:])
    slow = np.zeros(count, np.uint8)
    np.maximum.at(slow, of_person, np.where(lying, 2, persons.mobility).astype(np.uint8))
    age = np.zeros(count, np.uint8)
    np.maximum.at(age, of_person, persons.age_group)
    cars = _cars(city, seed, key, at_home, lying, first, of_person, persons.household)
    return Parties(
        of_person=of_person, first=first, size=size, node=node[first], building=building[first],
        zone=zone[first], home=at_home[first], cars=cars, slow=slow, age_group=age,
        member_ptr=ptr, member=member, person_building=building,
        ward=ward[first], bound=bound[first],
    )


def _beach(city: City, scenario: Scenario, site: Site, seed: int) -> tuple[B, I32]:
    """(household is on the beach [persons], at which junction [persons])."""
    beach = scenario.population.beach
    household = city.persons.household
    local = scenario.start.astimezone(ZoneInfo(city.timezone))
    hour = local.hour + local.minute / 60
    if beach is None or local.month not in beach.months or not (
        beach.from_hour <= hour < beach.to_hour
    ):
        return np.zeros(household.size, np.bool_), np.zeros(household.size, np.int32)
    x, y = city.xy(beach.lon, beach.lat)
    near = np.hypot(city.nodes.x_m - x, city.nodes.y_m - y) <= beach.radius_m
    own = site.walk_node == np.arange(near.size)
    nodes = np.flatnonzero(near & own & (distance_to_sea_m(city) <= BEACH_M))
    if nodes.size == 0:
        raise InputError(
            f"scenario '{scenario.name}': population.beach: no junction within {BEACH_M:g} m of the "
            "sea lies in its circle"
        )
    u = rng.uniform(seed, "position.beach", household, 0)
    spot = rng.uniform(seed, "position.beach", household, 1)
    return u < beach.share, nodes[(spot * nodes.size).astype(np.int64)].astype(np.int32)


def _place_visitors(
    city: City, seed: int, visiting: B, home: I32, building: I32, node: I32
) -> None:
    """Put people who are out in a commercial building of their municipality."""
    town_of_zone, towns = city.zone_municipality
    shop = np.flatnonzero(city.buildings.use == USES.index("commercial"))
    shop_town = town_of_zone[city.buildings.zone[shop]]
    rows = np.flatnonzero(visiting)
    u = rng.uniform(seed, "position.route", rows, 0)
    town = town_of_zone[city.buildings.zone[home[rows]]]
    for index in range(len(towns)):
        mine = town == index
        choice = shop[shop_town == index]
        if choice.size == 0:  # a place without shops: they are at home
            choice_of = home[rows[mine]]
        else:
            choice_of = choice[(u[mine] * choice.size).astype(np.int64)]
        building[rows[mine]] = choice_of
        node[rows[mine]] = city.buildings.node[choice_of]


def _place_commuters(
    city: City, seed: int, commuting: B, home: I32, day: I32, node: I32
) -> None:
    """Put people under way at the junction nearest a point between home and work."""
    from scipy.spatial import cKDTree

    rows = np.flatnonzero(commuting)
    if rows.size == 0:
        return
    u = rng.uniform(seed, "position.route", rows, 1)
    a, b = home[rows], day[rows]
    x = city.buildings.x_m[a] + u * (city.buildings.x_m[b] - city.buildings.x_m[a])
    y = city.buildings.y_m[a] + u * (city.buildings.y_m[b] - city.buildings.y_m[a])
    tree = cKDTree(np.column_stack([city.nodes.x_m, city.nodes.y_m]))
    node[rows] = tree.query(np.column_stack([x, y]))[1]


def _cars(
    city: City, seed: int, key: np.ndarray, at_home: B, lying: B, first: I32, of_person: I32,
    household: I32,
) -> U8:
    """Cars at each party's disposal where it begins [parties]."""
    owned = city.households.cars.astype(np.int64)
    adult = np.isin(city.persons.age_group, (2, 3, 4)) & (city.persons.mobility == 0)
    away = ~at_home & adult & ~lying
    wants = away & (rng.uniform(seed, "position.route", key, 2) < _CAR_TAKEN)
    # The first takers of a household get its cars, in the order of the population table.
    rows = np.flatnonzero(wants)
    hh = household[rows]
    starts = np.r_[True, hh[1:] != hh[:-1]] if rows.size else np.empty(0, np.bool_)
    position = np.arange(rows.size)
    rank = position - np.maximum.accumulate(np.where(starts, position, 0)) if rows.size else position
    takes = rows[rank < owned[hh]]
    cars = np.zeros(first.size, np.int64)
    cars[of_person[takes]] = 1
    left = owned - np.bincount(household[takes], minlength=owned.size)
    home_party = at_home[first]
    cars[home_party] = left[household[first[home_party]]]
    # A household without an adult at home cannot drive.
    drivers = np.bincount(of_person[adult], minlength=first.size)
    return np.minimum(cars, np.where(drivers > 0, cars, 0)).astype(np.uint8)


def positions(city: City, parties: Parties) -> tuple[F64, F64]:
    """Starting position of each party: its building, else its junction."""
    inside = parties.building >= 0
    b = np.maximum(parties.building, 0)
    x = np.where(inside, city.buildings.x_m[b], city.nodes.x_m[parties.node])
    y = np.where(inside, city.buildings.y_m[b], city.nodes.y_m[parties.node])
    return x.astype(np.float64), y.astype(np.float64)
