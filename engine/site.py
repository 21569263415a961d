"""Site: what follows from city, scenario and plan before anything happens.

Masks of junctions, the table of units, control points, closures and destinations. Computed once,
never changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.city import F64, I16, I32, I64, B, City
from engine.crowd.venue import Venue, load_venue
from engine.errors import InputError, unknown
from engine.escorts import Led, find_led
from engine.kernels.paths import reverse_tree, speed_cost_ms
from engine.lead_time import (
    check_contraflow,
    check_led,
    check_missions,
    check_posts,
    check_visits,
)
from engine.levers.crowds import Crowds
from engine.levers.roads import Post
from engine.meeting import Meeting, find_meeting
from engine.nearest import drivable, nearest_node, walkable
from engine.plan import Plan
from engine.scenario import Area, Scenario
from engine.shelters import Shelters, staff_shelters
from engine.site_check import check_levers, check_staging
from engine.staged_return import hold_ms
from engine.street_orders import StreetOrder, check_barriers, street_orders
from engine.vertical import Refuges, find_refuges
from engine.yamlfile import located

if TYPE_CHECKING:
    from engine.missions import Missions

UNIT_KINDS = ("ambulance", "fire_rescue", "police", "bus")
AMBULANCE, RESCUE, POLICE, BUS = range(len(UNIT_KINDS))
#: Letter and crew of a unit of each kind. Chilean practice: an advanced SAMU ambulance carries
#: three, a Bomberos rescue engine about six, a Carabineros car two (assumption, common figures);
#: a bus has its driver.
UNIT_LETTER = ("A", "F", "P", "B")
UNIT_CREW = (3, 6, 2, 1)
SURGE_SHARE = 0.2
_BASES = {
    "ambulance_station": 0, "hospital": 0, "clinic": 0, "fire_station": 1, "police_station": 2,
}


@dataclass(frozen=True)
class Units:
    """Response units: kind indexes UNIT_KINDS; station is a facility row; node where they wait
    until the order, staging_node from then on. After the city's own come those of mutual aid: `aid`
    is their row in plan.mutual_aid (else -1), their station is -1 and their node the gate; and last the
    buses: `depot` is their row in scenario.bus_depots (else -1), `seats` their places (0: no bus)."""

    kind: I16
    station: I32
    node: I32
    staging_node: I32
    crew: I16
    key: I64
    aid: I16
    depot: I16
    seats: I16


@dataclass(frozen=True)
class Site:
    """Derived facts; node masks are [nodes], `order_zone` indexes plan.order.zones, -1 = none.

    Officers work the plan's control points and, after them in the tables, its closures and orders.
    """

    danger_node: B
    order_zone: I16
    safe_node: B  # on or above the plan's high ground and in no ordered zone
    units: Units
    control_node: I32
    control_officers: I16
    control_setup_s: F64
    control_withdraw_s: F64  # officers leave so long before the predicted first wave, -inf: they stay
    control_hold_ms: I64  # they hold so long after the all-clear, for the stages of the return
    control_edges: tuple[I32, ...]  # drive edges that enter the junction
    closure_edges: tuple[I32, ...]
    orders: tuple[StreetOrder, ...]  # on streets; their posts follow the closures'
    gauge_x_m: F64
    gauge_y_m: F64
    meeting: Meeting
    shelter: I32  # facility rows
    hospital: I32
    beds: I32  # [facilities] beds free for this event
    zone_of_node: I32  # nearest zone
    exclusion_node: B  # inside the responders' exclusion line
    exclusion_edge: B  # drive edges that enter it [edges]
    walk_node: I32  # nearest junction of the main walk network (itself where it belongs to it)
    refuges: Refuges  # vertical refuges of the plan
    return_phase: I16  # phase of the staged return [nodes], -1 none
    shelters: Shelters  # places and staff of the facilities
    missions: Missions  # trips for people who cannot leave alone
    led: Led  # homes whose staff lead their people out on foot
    venues: tuple[Venue, ...]  # of the scenario; their posts are the last rows of the control tables
    venue_node: I32  # nearest junction of each, where units come to
    venue_control: I32  # its row in the control tables
    camera_venue: I32  # venue of each camera [cameras]
    crowds: Crowds  # what the plan says of them


def area_mask(city: City, area: Area, where: str) -> B:
    """Junctions inside an area [nodes]."""
    mask = np.ones(city.nodes.x_m.size, np.bool_)
    if area.below_m is not None:
        if city.terrain is None:
            raise InputError(f"{where}: below_m needs terrain, and city '{city.name}' has none")
        mask &= city.nodes.elev_m < area.below_m
    if area.within is not None:
        x, y = city.xy(area.within.lon, area.within.lat)
        mask &= np.hypot(city.nodes.x_m - x, city.nodes.y_m - y) <= area.within.radius_m
    if area.municipality is not None:
        index, names = city.zone_municipality
        if area.municipality not in names:
            raise unknown("municipality", area.municipality, names, where)
        mask &= index[nearest_zone(city)] == names.index(area.municipality)
    return mask


def nearest_zone(city: City) -> I32:
    """Zone of each junction: that of the nearest building, else the nearest zone point."""
    from scipy.spatial import cKDTree

    points = np.column_stack([city.nodes.x_m, city.nodes.y_m])
    if city.buildings.x_m.size:
        tree = cKDTree(np.column_stack([city.buildings.x_m, city.buildings.y_m]))
        found = city.buildings.zone[tree.query(points)[1]]
    else:
        found = cKDTree(np.column_stack([city.zones.x_m, city.zones.y_m])).query(points)[1]
    return np.asarray(found, np.int32)


def build_site(city: City, scenario: Scenario, plan: Plan) -> Site:
    """Derive the site of a city that has the plan's meeting points (`meeting.city_for`); raises InputError,
    with file and line, for what the city does not have and for levers that cannot work in it."""
    try:
        return _build_site(city, scenario, plan)
    except InputError as error:
        raise located(error, scenario, plan) from None


def _build_site(city: City, scenario: Scenario, plan: Plan) -> Site:
    where = f"scenario '{scenario.name}'"
    if city.persons.household.size == 0:
        raise InputError(
            f"city '{city.name}' holds nobody: build it with synthesis, or with zones that state "
            "their population"
        )
    danger = np.zeros(city.nodes.x_m.size, np.bool_)
    for row, area in enumerate(scenario.danger_zone):
        danger |= area_mask(city, area, f"{where}: danger_zone.{row}")
    if not danger.any():
        raise InputError(f"{where}: danger_zone: no junction lies in the danger zone")
    towns = city.zone_municipality[1]
    for row, outage in enumerate(scenario.outages):
        if outage.municipality is not None and outage.municipality not in towns:
            raise unknown("municipality", outage.municipality, towns, f"{where}: outages.{row}")
    order_zone = np.full(danger.size, -1, np.int16)
    masks = []
    for row, zone in enumerate(plan.order.zones):
        mask = area_mask(city, zone, f"plan '{plan.name}': order.zones.{row}")
        order_zone[mask & (order_zone < 0)] = row
        masks.append(mask)
    names = [zone.name for zone in plan.order.zones]
    for row, teams in enumerate(plan.door_to_door):
        if teams.zone not in names:
            raise unknown(
                "order zone", teams.zone, names, f"plan '{plan.name}': door_to_door.{row}.zone"
            )
    check_levers(city, scenario, plan, masks)
    safe = ~danger & (order_zone < 0)
    if city.terrain is not None:
        safe &= city.nodes.elev_m >= plan.destinations.high_ground_m
    if not safe.any():
        raise InputError(
            f"plan '{plan.name}': destinations: no junction is safe: none lies outside the danger "
            f"zone and every ordered zone on or above high_ground_m = "
            f"{plan.destinations.high_ground_m:g}"
        )
    into: list[I32] = []
    controls, officers = [], []
    setup = [post.setup_s for post in plan.posts]
    line = plan.exclusion.line
    shut = danger if line is None else area_mask(city, line, f"plan '{plan.name}': exclusion.line")
    for row, point in enumerate(plan.control_points):
        node = nearest_node(city, point.lon, point.lat, f"plan '{plan.name}': control_points.{row}")
        controls.append(node)
        officers.append(point.officers)
        into.append(np.flatnonzero(city.edges.to_node == node).astype(np.int32))
        lead_s = plan.exclusion.lead_s
        if point.withdraw_s is not None and shut[node] and point.withdraw_s < lead_s:
            raise InputError(
                f"plan '{plan.name}': control_points.{row}.withdraw_s: {point.withdraw_s:g} is less than "
                f"exclusion.lead_s {lead_s:g}, and '{point.name}' lies inside the exclusion line"
            )
    closures, closed = [], []
    for row, closure in enumerate(plan.closures):
        x, y = city.xy(closure.lon, closure.lat)
        closed.append(np.hypot(city.nodes.x_m - x, city.nodes.y_m - y) <= closure.radius_m)
        to_x = city.nodes.x_m[city.edges.to_node]
        to_y = city.nodes.y_m[city.edges.to_node]
        inside = np.hypot(to_x - x, to_y - y) <= closure.radius_m
        from_x = city.nodes.x_m[city.edges.from_node]
        from_y = city.nodes.y_m[city.edges.from_node]
        entering = inside & (np.hypot(from_x - x, from_y - y) > closure.radius_m)
        if not entering.any():
            raise InputError(f"plan '{plan.name}': closures.{row}: no street enters the circle")
        closures.append(np.flatnonzero(entering).astype(np.int32))
        check_barriers(city, closures[-1], closure, f"plan '{plan.name}': closures.{row}")
        # Officers stand where one of the closed streets begins, outside the exclusion line.
        doors = np.unique(city.edges.from_node[entering])
        away = np.hypot(city.nodes.x_m[doors] - x, city.nodes.y_m[doors] - y)
        controls.append(int(doors[np.lexsort((doors, away, shut[doors]))[0]]))
        officers.append(closure.officers)
    if shut[city.edges.to_node].all():
        raise InputError(
            f"plan '{plan.name}': exclusion.line: every junction lies inside, units could stand nowhere"
        )
    check_staging(city, plan, danger | shut)
    from engine.missions import build_missions  # which needs Site itself

    banned = [area_mask(city, ban, f"plan '{plan.name}': inbound_ban.{row}")
              for row, ban in enumerate(plan.inbound_ban)]
    orders = street_orders(city, plan, shut, safe, banned)
    units = _units(city, plan, scenario)
    cars = units.kind == POLICE
    check_contraflow(city, scenario, plan, danger, orders, units.node[cars], units.aid[cars])
    posts: dict[str, tuple[Post, int]] = {
        f"control_points.{row}": (point, controls[row])
        for row, point in enumerate(plan.control_points)}
    posts |= {
        f"closures.{row}": (closure, controls[len(plan.control_points) + row])
        for row, closure in enumerate(plan.closures)}
    bans = [order.node for order in orders if order.reason == "inbound ban"]
    posts |= {f"inbound_ban.{row}": (ban, bans[row]) for row, ban in enumerate(plan.inbound_ban)}
    for key, levers in (("pedestrian_streets", plan.pedestrian_streets),
                        ("one_way_streets", plan.one_way_streets)):
        why = "street for walkers" if key == "pedestrian_streets" else "one-way street"
        nodes = [order.node for order in orders if order.reason == why]
        posts |= {f"{key}.{row}": (lever, nodes[row]) for row, lever in enumerate(levers)}
    check_posts(city, scenario, plan, danger, shut, posts, units.node[cars], units.aid[cars])
    missions = build_missions(city, scenario, plan, danger, safe, order_zone)
    check_missions(city, scenario, plan, danger, shut, missions)
    check_visits(city, scenario, plan, danger, shut, order_zone)
    controls += [order.node for order in orders]
    officers += [post.officers for post in plan.posts[len(officers):]]
    crowds = plan.crowds or Crowds(cameras=False)
    venue_node, venues = _venues(city, scenario)
    controls += venue_node.tolist()
    officers += [crowds.officers] * len(venues)
    setup += [crowds.setup_s] * len(venues)
    gauges = scenario.tsunami.gauges if scenario.tsunami else ()
    gx, gy = city.xy([g.lon for g in gauges], [g.lat for g in gauges])
    walk_node = walkable(city)
    meeting, shelter = find_meeting(city, plan, danger, order_zone), np.empty(0, np.int32)
    if plan.destinations.shelters:
        shelter = _shelters_outside(city, danger)
    phase = _return_phase(city, plan)
    hold = hold_ms(city, plan, phase, np.array(controls, np.int32), closed, banned)
    share = scenario.population.share
    refuges = find_refuges(city, plan, danger, walk_node, share)
    led = find_led(city, plan, safe, meeting.node, shelter, refuges, walk_node, share)
    check_led(city, scenario, plan, danger, led)
    return Site(
        danger_node=danger, order_zone=order_zone, safe_node=safe,
        units=units,
        control_node=np.array(controls, np.int32), control_officers=np.array(officers, np.int16),
        control_setup_s=np.array(setup, np.float64),
        control_withdraw_s=np.array(
            [-np.inf if p.withdraw_s is None else p.withdraw_s for p in plan.control_points]
            + [-np.inf] * (len(setup) - len(plan.control_points))),
        control_hold_ms=np.append(hold, np.zeros(len(venues), np.int64)),
        control_edges=tuple(into), closure_edges=tuple(closures), orders=orders,
        gauge_x_m=np.atleast_1d(gx), gauge_y_m=np.atleast_1d(gy),
        meeting=meeting,
        shelter=shelter,
        hospital=city.facilities_of("hospital"),
        beds=_beds(city),
        zone_of_node=nearest_zone(city),
        exclusion_node=shut,
        exclusion_edge=shut[city.edges.to_node] & ~shut[city.edges.from_node],
        walk_node=walk_node,
        return_phase=phase,
        shelters=staff_shelters(city, plan, shelter, share),
        refuges=refuges,
        missions=missions,
        led=led,
        venues=venues, venue_node=venue_node, crowds=crowds,
        venue_control=np.arange(len(controls) - len(venues), len(controls), dtype=np.int32),
        camera_venue=np.repeat(
            np.arange(len(venues)), [len(v.cameras) for v in venues]).astype(np.int32),
    )


def _venues(city: City, scenario: Scenario) -> tuple[I32, tuple[Venue, ...]]:
    """Junction of each venue, and its file."""
    nodes, found = [], []
    for row, place in enumerate(scenario.venues):
        where = f"scenario '{scenario.name}': venues.{row}"
        if place.name in [earlier.name for earlier in scenario.venues[:row]]:
            raise InputError(f"{where}.name: '{place.name}' is the name of an earlier venue")
        found.append(load_venue(scenario.data_file(place.file)))
        if place.start_s >= scenario.duration_s:
            raise InputError(f"{where}.start_s: {place.start_s:g} is after the end of the run "
                             f"(duration_s = {scenario.duration_s:g})")
        nodes.append(nearest_node(city, place.lon, place.lat, where))
    return drivable(city, np.array(nodes, np.int32)) if nodes else np.empty(0, np.int32), tuple(found)


def _return_phase(city: City, plan: Plan) -> I16:
    """Phase of the staged return of each junction [nodes], -1 none; the first that fits counts."""
    out = np.full(city.nodes.x_m.size, -1, np.int16)
    names: list[str] = []
    for row, phase in enumerate(plan.all_clear.return_phases):
        where = f"plan '{plan.name}': all_clear.return_phases.{row}"
        mask = area_mask(city, phase, where)
        if phase.name in names:
            raise InputError(f"{where}: '{phase.name}' is the name of an earlier phase")
        if not (mask & (out < 0)).any():
            raise InputError(f"{where}: '{phase.name}' holds no junction outside the earlier phases")
        names.append(phase.name)
        out[mask & (out < 0)] = row
    return out


def check_officers(city: City, plan: Plan) -> None:
    """Raise InputError where a plan needs more police officers than the whole city has, with those
    that neighbours send."""
    posts: dict[str, tuple[str, tuple[Post, ...]]] = {
        "control_points": ("at control points", plan.control_points),
        "closures": ("at closures", plan.closures),
        "pedestrian_streets": ("at streets for walkers", plan.pedestrian_streets),
        "one_way_streets": ("at one-way streets", plan.one_way_streets),
        "contraflow": ("at contraflow", plan.contraflow),
        "inbound_ban": ("at cordons", plan.inbound_ban),
    }
    needed = {key: sum(post.officers for post in rows) for key, (_, rows) in posts.items()}
    if plan.crowds is not None:
        needed["crowds"], posts["crowds"] = plan.crowds.officers, ("at a venue", ())
    stations = city.facilities_of("police_station")
    sent = sum(int(aid.units * (1.0 - aid.home_cover) + 1e-9) for aid in plan.mutual_aid
               if aid.kind == "police")
    cars = int(city.facilities.units[stations].sum()) + sent
    have = cars * UNIT_CREW[UNIT_KINDS.index("police")]
    if sum(needed.values()) > have:
        most = max(needed, key=lambda name: needed[name])
        listed = " and ".join(
            f"{number} {'officers ' if row == 0 else ''}{posts[key][0]}"
            for row, (key, number) in enumerate((k, n) for k, n in needed.items() if n)
        )
        raise located(InputError(
            f"plan '{plan.name}': {most}: {listed} are more than the {have} that city '{city.name}' "
            f"has ({city.departments.police}){' with those its neighbours send' if sent else ''}"
        ), plan)


def _beds(city: City) -> I32:
    """Beds that a hospital can free at once: 20 % of its beds, the surge capacity that Israeli
    hospitals plan for (recalled figure, unconfirmed for Chile)."""
    beds = np.zeros(city.facilities.kind.size, np.int32)
    rows = city.facilities_of("hospital")
    beds[rows] = np.ceil(SURGE_SHARE * city.facilities.capacity[rows]).astype(np.int32)
    return beds


def _shelters_outside(city: City, danger: B) -> I32:
    """Shelters that lie in safety and have places."""
    rows = city.facilities_of("shelter")
    rows = rows[city.facilities.capacity[rows] > 0]
    return np.asarray(rows[~danger[city.facilities.node[rows]]])


def _units(city: City, plan: Plan, scenario: Scenario) -> Units:
    """One row per vehicle, in station order, then mutual aid and buses (scaled with the share of people
    in the run, as the city's units are)."""
    share = scenario.population.share
    kinds, stations = [], []
    for name, kind in _BASES.items():
        for row in city.facilities_of(name):
            kinds += [kind] * int(city.facilities.units[row])
            stations += [int(row)] * int(city.facilities.units[row])
    station = np.array(stations, np.int32)
    node = drivable(city, city.facilities.node[station])
    serial = [stations[:i].count(s) for i, s in enumerate(stations)]
    key = station.astype(np.int64) * 1000 + np.array(serial, np.int64)
    aid = [-1] * len(kinds)
    for row, help_ in enumerate(plan.mutual_aid):
        where = f"plan '{plan.name}': mutual_aid.{row}"
        gate = nearest_node(city, help_.lon, help_.lat, where)
        sent = int(help_.units * (1.0 - help_.home_cover) + 1e-9)
        if sent == 0:
            raise InputError(
                f"{where}: home_cover {help_.home_cover} of {help_.units} units leaves none to send"
            )
        sent = max(1, round(sent * share))
        kinds += [UNIT_KINDS.index(help_.kind)] * sent
        aid += [row] * sent
        node = np.append(node, np.full(sent, drivable(city, np.array([gate], np.int32))[0]))
        station = np.append(station, np.full(sent, -1, np.int32))
        key = np.append(key, 10**9 + 1000 * row + np.arange(sent))
    depots, seats = [-1] * len(kinds), [0] * len(kinds)
    for row, depot in enumerate(scenario.bus_depots):
        at = nearest_node(city, depot.lon, depot.lat, f"scenario '{scenario.name}': bus_depots.{row}")
        count = max(1, round(depot.buses * share))
        kinds += [UNIT_KINDS.index("bus")] * count
        aid += [-1] * count
        depots += [row] * count
        seats += [depot.seats] * count
        node = np.append(node, np.full(count, drivable(city, np.array([at], np.int32))[0]))
        station = np.append(station, np.full(count, -1, np.int32))
        key = np.append(key, 2 * 10**9 + 1000 * row + np.arange(count))
    kind_of = np.array(kinds, np.int16)
    staging = _staging(city, plan, kind_of, node)
    crew = np.array(UNIT_CREW, np.int16)[kind_of]
    return Units(
        kind_of, station.astype(np.int32), node.astype(np.int32), staging.astype(np.int32), crew,
        key.astype(np.int64), np.array(aid, np.int16), np.array(depots, np.int16),
        np.array(seats, np.int16),
    )


def _staging(city: City, plan: Plan, kind: I16, node: I32) -> I32:
    """Where each unit waits from the order on [units]: of its kind's staging places the one it is
    soonest at by empty roads, else where it stands."""
    staging = node.copy()
    best = np.full(node.size, np.iinfo(np.int64).max)
    cost = speed_cost_ms(city.edges.length_m, city.edges.free_speed_mps)
    for row, place in enumerate(plan.staging):
        at = nearest_node(city, place.lon, place.lat, f"plan '{plan.name}': staging.{row}")
        way_ms = reverse_tree(
            city.nodes.x_m.size, city.edges.from_node, city.edges.to_node, cost, np.array([at]))[0][node]
        nearer = (kind == UNIT_KINDS.index(place.kind)) & (way_ms < best)
        staging[nearer], best[nearer] = at, way_ms[nearer]
    return staging
