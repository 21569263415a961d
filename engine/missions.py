"""Transport missions: rows of the plan's levers that fetch people who cannot leave alone.

A mission has stops where people board, a place where they are set down, and vehicles of named kinds
that work for it at once; each trip is an order of its own (`engine/command/missions.py`). First come the
rows of plan.facility_evacuation, then those of plan.buses, and last the rows of plan.door_to_door whose
teams are crews of the city's units: they fetch nobody, but drive to the zone and work there. A home that
is emptied on foot is a mission without vehicles, its own staff's affair (`engine/escorts.py`).
`check_vehicles` refuses what the city or scenario does not have.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from engine.access import drive_node, main_network
from engine.city import F64, FACILITIES, I16, I32, I64, B, City
from engine.errors import InputError, unknown
from engine.escorts import check_on_foot
from engine.kernels.paths import forward_tree, speed_cost_ms
from engine.levers.transport import HIGH_GROUND, BusLine, FacilityEvacuation
from engine.levers.warning import DoorToDoor
from engine.nearest import nearest_node
from engine.plan import Plan
from engine.scenario import Scenario
from engine.wards import residents
from engine.yamlfile import located

RECEIVES = ("hospital", "shelter")  #: kinds of facility that people are taken to


@dataclass(frozen=True)
class Missions:
    """One row per mission; stops [missions, most stops] are padded with -1.

    `facility` is the hospital or care home that is emptied (else -1), `door` the row in
    plan.door_to_door (else -1: a bus line, or a hospital), `police` and `fire_rescue` its teams, `people`
    how many of its in-patients or residents;
    `stop_node` where vehicles stop, `wait_node` where people wait on foot; `dest` the facility where
    they are set down, -1 for high ground, at junction `dest_node`. Of a line: `depot`, its row in
    scenario.bus_depots, `headway_ms`, `wait_ms`, `walk_m`, `patience_ms`. Times count from the order.
    `on_foot`: its staff lead its people out, nobody is fetched.
    """

    name: tuple[str, ...]
    facility: I32
    people: I32
    on_foot: B
    escorts: I16
    ambulances: I16
    buses: I16
    police: I16
    fire_rescue: I16
    door: I16
    stop_node: I32
    wait_node: I32
    between_ms: I64  # free travel time from the first stop to the last
    dest: I32
    dest_node: I32
    start_ms: I64
    end_ms: I64
    depot: I16
    headway_ms: I64
    wait_ms: I64
    walk_m: F64
    patience_ms: I64

    @property
    def count(self) -> int:
        """Number of missions."""
        return len(self.name)


def build_missions(
    city: City, scenario: Scenario, plan: Plan, danger: B, safe: B, order_zone: I16
) -> Missions:
    """Missions of a plan; InputError for a place that the city does not have or that is of no use."""
    doors = [row for row, lever in enumerate(plan.door_to_door) if lever.by != "volunteers"]
    teams = [plan.door_to_door[row] for row in doors]
    levers = (*plan.facility_evacuation, *plan.buses, *teams)
    lines = [lever if isinstance(lever, BusLine) else None for lever in levers]
    wards = [lever if isinstance(lever, FacilityEvacuation) else None for lever in levers]
    nearest = drive_node(city) if levers else np.empty(0, np.int32)
    facility, dest, dest_node, stops, waits, between = [], [], [], [], [], []
    for row, ward in enumerate(plan.facility_evacuation):
        where = f"plan '{plan.name}': facility_evacuation.{row}"
        house = _ward(city, ward.facility, f"{where}.facility")
        if house in facility:
            raise InputError(f"{where}.facility: '{ward.facility}' is emptied by an earlier row")
        on_foot = ward.mode == "foot"  # where to then follows in Site.led
        target = -1 if on_foot else _target(city, danger, ward.to, RECEIVES, f"{where}.to")
        if target == house:
            raise InputError(f"{where}.to: '{ward.to}' is what is emptied")
        facility.append(house)
        waits.append([int(city.facilities.node[house])])
        dest.append(target)
    for row, line in enumerate(plan.buses):
        where = f"plan '{plan.name}': buses.{row}"
        _depot(scenario, line, f"{where}.depot")
        facility.append(-1)
        waits.append([
            _pick_up(city, danger, point.lon, point.lat, f"{where}.pick_ups.{k}")
            for k, point in enumerate(line.pick_ups)
        ])
        dest.append(_target(city, danger, line.to, ("shelter",), f"{where}.to"))
    names = [zone.name for zone in plan.order.zones]
    offset_s = [zone.offset_s for zone in plan.order.zones]
    for team in teams:
        facility.append(-1)
        waits.append([_middle(city, order_zone == names.index(team.zone))])
        dest.append(-1)
    for row, at in enumerate(waits):
        stops.append([int(nearest[node]) for node in at])
        between.append(_between_ms(city, stops[row]))
        if row < len(wards) and (w := wards[row]) and w.mode == "foot":
            dest_node.append(stops[row][-1])
            continue
        dest_node.append(
            _high_ground(city, safe, stops[row][-1], f"plan '{plan.name}': destinations")
            if dest[row] < 0 else int(nearest[city.facilities.node[dest[row]]])
        )
    depots = [depot.name for depot in scenario.bus_depots]
    share = scenario.population.share

    def of_line(pick: str, scale: float, other: float) -> list[float]:
        return [other if line is None else scale * getattr(line, pick) for line in lines]

    # Teams count from the order in their zone.
    after_s = [plan.order.delay_s + plan.order.confirmation_s + offset_s[names.index(team.zone)]
               for team in teams]
    before = [0.0] * (len(levers) - len(teams))
    start_s = [w.start_s if w else b.from_s if b else 0.0 for w, b in zip(wards, lines, strict=True)]
    start_s = [a + b for a, b in zip(start_s, [*before, *[
        a + team.start_s for a, team in zip(after_s, teams, strict=True)]], strict=True)]
    end_ms = of_line("to_s", 1000, 1e15)
    for row, (after, team) in enumerate(zip(after_s, teams, strict=True), len(before)):
        end_ms[row] = 1000 * (after + team.stop_s)

    def team_of(kind: str) -> I16:
        return _scaled([*(0 for _ in before), *(t.teams * (t.by == kind) for t in teams)], share)

    return Missions(
        name=(*(f"evacuation of {ward.facility}" for ward in plan.facility_evacuation),
              *(f"bus line {line.name}" for line in plan.buses),
              *(f"door to door in {team.zone}" for team in teams)),
        facility=np.array(facility, np.int32),
        people=np.array([np.ceil(share * w.patients) if w else 0 for w in wards], np.int32),
        on_foot=np.array([w is not None and w.mode == "foot" for w in wards], np.bool_),
        escorts=np.array([w.escorts if w else 0 for w in wards], np.int16),
        ambulances=_scaled([w.ambulances if w else 0 for w in wards], share),
        buses=_scaled([w.buses if w else b.buses if b else 0
                       for w, b in zip(wards, lines, strict=True)], share),
        police=team_of("police"), fire_rescue=team_of("fire_rescue"),
        door=np.array([*(-1 for _ in before), *doors], np.int16),
        stop_node=_padded(stops), wait_node=_padded(waits), between_ms=np.array(between, np.int64),
        dest=np.array(dest, np.int32), dest_node=np.array(dest_node, np.int32),
        start_ms=np.array([round(1000 * s) for s in start_s], np.int64),
        end_ms=np.array(end_ms, np.int64),
        depot=np.array([depots.index(b.depot) if b else -1 for b in lines], np.int16),
        headway_ms=np.array(of_line("headway_s", 1000, 0), np.int64),
        wait_ms=np.array(of_line("wait_s", 1000, 0), np.int64),
        walk_m=np.array(of_line("walk_m", 1, 0), np.float64),
        patience_ms=np.array(of_line("patience_s", 1000, 0), np.int64),
    )


def _padded(rows: list[list[int]]) -> I32:
    most = max((len(row) for row in rows), default=1)
    table = [row + [-1] * (most - len(row)) for row in rows]
    return np.array(table, np.int32).reshape(len(rows), most)


def teams_of(doors: DoorToDoor, share: float) -> int:
    """Teams of volunteers of a lever in a sample of the population; crews of units are a mission."""
    return max(1, round(doors.teams * share)) if doors.by == "volunteers" else 0


def _scaled(numbers: list[int], share: float) -> I16:
    """Vehicles in a sample of the population: at least one where the plan names any."""
    return np.array([max(1, round(n * share)) if n else 0 for n in numbers], np.int16)


def _ward(city: City, name: str, where: str) -> int:
    """Facility row of a hospital or care home."""
    rows = city.facilities_of("hospital", "care_home")
    names = [str(city.facilities.name[row]) for row in rows]
    if name not in names:
        raise unknown("hospital or care home", name, names, where)
    return int(rows[names.index(name)])


def _depot(scenario: Scenario, line: BusLine, where: str) -> None:
    names = [depot.name for depot in scenario.bus_depots]
    if not names:
        raise InputError(f"{where}: scenario '{scenario.name}' has no bus_depots")
    if line.depot not in names:
        raise unknown("depot", line.depot, names, where)


def _pick_up(city: City, danger: B, lon: float, lat: float, where: str) -> int:
    """Junction where people wait; it has to lie in the danger zone, else nobody would go there."""
    node = nearest_node(city, lon, lat, where)
    if not danger[node]:
        raise InputError(f"{where}: lies outside the danger zone, nobody would wait there for a bus")
    return node


def _middle(city: City, mask: B) -> int:
    """Junction of an area nearest to its middle: where teams leave their vehicles."""
    rows = np.flatnonzero(mask)
    if rows.size == 0:  # the zone lies wholly in earlier ones
        rows = np.arange(mask.size)
    x, y = city.nodes.x_m[rows], city.nodes.y_m[rows]
    return int(rows[np.argmin(np.hypot(x - x.mean(), y - y.mean()))])


def _target(city: City, danger: B, to: str, kinds: tuple[str, ...], where: str) -> int:
    """Facility row that people are taken to, -1 for high ground."""
    if to == HIGH_GROUND:
        return -1
    rows = city.facilities_of(*kinds)
    names = [str(city.facilities.name[row]) for row in rows]
    if to not in names:
        raise unknown("place", to, [HIGH_GROUND, *names], where)
    facility = int(rows[names.index(to)])
    if danger[city.facilities.node[facility]]:
        raise InputError(f"{where}: '{to}' lies in the danger zone")
    return facility


def _free_ms(city: City, node: int) -> I64:
    """Free travel time from a junction to every other, ms [nodes]."""
    edges = city.edges
    cost = speed_cost_ms(edges.length_m, edges.free_speed_mps)
    return forward_tree(city.nodes.x_m.size, edges.from_node, edges.to_node, cost, node)[0]


def _between_ms(city: City, stops: list[int]) -> int:
    return sum(int(_free_ms(city, a)[b]) for a, b in itertools.pairwise(stops))


def _high_ground(city: City, safe: B, stop: int, where: str) -> int:
    """The safe junction nearest to a stop by free travel time, among those vehicles can leave."""
    usable = safe & main_network(city)
    if not usable.any():
        raise InputError(f"{where}: no safe junction that vehicles can reach")
    return int(np.flatnonzero(usable)[np.argmin(_free_ms(city, stop)[usable])])


def check_vehicles(city: City, scenario: Scenario, plan: Plan) -> None:
    """Raise InputError where missions need patients or vehicles that there are not; `city` is whole."""
    try:
        _check_patients(city, scenario, plan)
        _check_buses(scenario, plan)
        _check_teams(city, plan)
    except InputError as error:
        raise located(error, scenario, plan) from None


def _check_patients(city: City, scenario: Scenario, plan: Plan) -> None:
    people = residents(city, scenario.population)
    base = np.isin(city.facilities.kind, [
        FACILITIES.index(name) for name in ("ambulance_station", "hospital", "clinic")])
    ambulances = int(city.facilities.units[base].sum())
    ambulances += sum(aid.units for aid in plan.mutual_aid if aid.kind == "ambulance")
    for row, lever in enumerate(plan.facility_evacuation):
        where = f"plan '{plan.name}': facility_evacuation.{row}"
        house = _ward(city, lever.facility, f"{where}.facility")
        there = int(people[house])
        who, key = (
            ("residents", "care_home_residents")
            if FACILITIES[city.facilities.kind[house]] == "care_home"
            else ("in-patients", "inpatients"))
        if lever.patients > there:
            raise InputError(
                f"{where}.patients: {lever.patients} are more than the {there} {who} of "
                f"'{lever.facility}' (scenario '{scenario.name}': population.{key})"
            )
        need = lever.ambulances
        if need > ambulances:
            raise InputError(
                f"{where}.vehicles.ambulances: {need} are more than the {ambulances} there are"
            )
        if lever.mode == "foot":
            check_on_foot(city, scenario, house, there, lever, where)


def _check_buses(scenario: Scenario, plan: Plan) -> None:
    have = {depot.name: depot.buses for depot in scenario.bus_depots}
    all_of_them, used = sum(have.values()), 0
    for row, ward in enumerate(plan.facility_evacuation):
        used += ward.buses
        _enough(used, all_of_them, f"plan '{plan.name}': facility_evacuation.{row}.vehicles.buses",
                f"the bus_depots of scenario '{scenario.name}'")
    for row, line in enumerate(plan.buses):
        used += line.buses
        where = f"plan '{plan.name}': buses.{row}.buses"
        _enough(used, all_of_them, where, f"the bus_depots of scenario '{scenario.name}'")
        have[line.depot] -= line.buses
        if have[line.depot] < 0:
            raise InputError(f"{where}: depot '{line.depot}' is {-have[line.depot]} short")


def _check_teams(city: City, plan: Plan) -> None:
    kinds = {"police": "police_station", "fire_rescue": "fire_station"}
    used = dict.fromkeys(kinds, 0)
    for row, lever in enumerate(plan.door_to_door):
        if lever.by == "volunteers":
            continue
        used[lever.by] += lever.teams
        have = int(city.facilities.units[city.facilities_of(kinds[lever.by])].sum())
        _enough(used[lever.by], have, f"plan '{plan.name}': door_to_door.{row}.teams",
                f"city '{city.name}' ({getattr(city.departments, lever.by)})")


def _enough(used: int, have: int, where: str, owner: str) -> None:
    if used > have:
        raise InputError(f"{where}: {used} with those before are more than the {have} in {owner}")


__all__ = ["Missions", "build_missions", "check_vehicles", "teams_of"]
