"""Lead time: how long before the predicted first wave an order's work can begin.

The prediction is that of the command centre (`engine/command/hub.py`), with the magnitude at hand:
the wave's way from the nearest end of a rupture of length 10^(-2.477 + 0.585 M) km (Strasser, Arango
and Bommer 2010, interface events; recalled, unconfirmed) at sqrt(g x 200 m), and never earlier than
the plan's `exclusion.arrival_s`. The order is decided when the first of its trigger's conditions can
be known; crews count `TURNOUT_S` and the drive on empty roads, the plan's other posts not looked at.
So a set-up that is refused could not be in time at best; one that passes may still be late.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.access import CROSSING_MS, FAST_WALK_MPS, walk_out_m
from engine.city import I16, I32, B, City
from engine.errors import InputError
from engine.escorts import QUICKEST_MPS, Led, ready_s
from engine.kernels.paths import UNREACHED, reverse_tree, speed_cost_ms
from engine.loading import lying_ms, passengers_ms, sitting_ms
from engine.plan import Plan
from engine.scenario import Earthquake, Scenario
from engine.street_orders import StreetOrder

INTENSITY_S = 60.0  #: from strong shaking to the report of its intensity
MAGNITUDE_S = 300.0  #: from the origin to the report of the magnitude
WAVE_MAGNITUDE = 6.5
WAVE_MPS = math.sqrt(9.81 * 200.0)
TURNOUT_S = 120.0  #: what dispatch allows for
OFFICERS_A_CAR = 2  #: Carabineros (UNIT_CREW of a police car)
DOOR_TASK_S = 300.0  #: crews who could not work at the doors so long are not sent (assumption)


def wave_travel_s(distance_m: float, magnitude: float) -> float:
    """Time of the wave from the nearest end of the rupture, s; `distance_m` from the epicentre."""
    half_m = 500.0 * math.pow(10.0, -2.477 + 0.585 * magnitude)
    return max(distance_m - half_m, 0.0) / WAVE_MPS


def wave_way_s(city: City, quake: Earthquake, danger: B, magnitude: float) -> float:
    """Time of the wave from an earthquake to the middle of the danger zone [nodes], s."""
    x, y = city.xy(quake.lon, quake.lat)
    nodes = city.nodes
    away_m = float(np.hypot(nodes.x_m[danger].mean() - x, nodes.y_m[danger].mean() - y))
    return wave_travel_s(away_m, magnitude)


def predicted_s(city: City, scenario: Scenario, plan: Plan, danger: B) -> float:
    """First wave as it will be predicted, s after the start, whether or not it comes: inf where none is
    expected, and where nobody can know of it before the gauge."""
    quake = scenario.earthquake
    if quake is None or quake.magnitude < WAVE_MAGNITUDE or not danger.any():
        return math.inf
    return max(wave_way_s(city, quake, danger, quake.magnitude), plan.exclusion.arrival_s)


def decided_s(scenario: Scenario, plan: Plan, wave_s: float) -> float:
    """When the order is decided at the earliest, s after the start; inf where never in this run."""
    trigger, quake = plan.order.trigger, scenario.earthquake
    if trigger is None:
        return math.inf
    times = []
    if trigger.gauge_m is not None and scenario.tsunami is not None:
        times.append(0.0 if quake is None else wave_s)  # which may come at any time
    if trigger.at_s is not None:
        times.append(trigger.at_s)
    if quake is not None and trigger.intensity_mmi is not None:
        times.append(INTENSITY_S)
    if quake is not None and trigger.magnitude is not None and quake.magnitude >= trigger.magnitude:
        times.append(MAGNITUDE_S)
    first = min(times, default=math.inf)
    return first if first < scenario.duration_s else math.inf


def line_shuts_s(scenario: Scenario, plan: Plan, wave_s: float, order_s: float) -> float:
    """When the exclusion line shuts, s after the start: `exclusion.lead_s` before the predicted wave,
    with the order where a danger gives no time of its own; inf where a magnitude tells that no wave
    comes (dispatch draws the line, `engine/command/dispatch.py`)."""
    if math.isfinite(wave_s):
        return wave_s - plan.exclusion.lead_s
    quake = scenario.earthquake
    return math.inf if quake is not None and quake.magnitude < WAVE_MAGNITUDE else order_s


def _why_line(plan: Plan, wave_s: float) -> str:
    if math.isinf(wave_s):
        return "no wave is predicted, so that it shuts with the order"
    return (f"first wave predicted {wave_s:.0f} s after the start, exclusion.lead_s "
            f"{plan.exclusion.lead_s:g}")


def check_missions(city: City, scenario: Scenario, plan: Plan, danger: B, shut: B, missions: Any) -> None:
    """InputError for a hospital's or care home's evacuation or a bus line whose vehicles could not even
    be loaded and out again before the exclusion line shuts, had they stood there when the order came,
    and for crews from door to door who could not work there.

    - shut: [nodes] inside the exclusion line; missions: rows of `engine.missions.Missions`.
    """
    wave_s = predicted_s(city, scenario, plan, danger)
    order_s = decided_s(scenario, plan, wave_s)
    if math.isinf(order_s):  # no order ever comes; `anlan scenario check` says so
        return
    left_s = line_shuts_s(scenario, plan, wave_s, order_s) - order_s
    keys = [f"facility_evacuation.{row}" for row in range(len(plan.facility_evacuation))]
    keys += [f"buses.{row}" for row in range(len(plan.buses))]
    keys += [f"door_to_door.{row}" for row in missions.door[missions.door >= 0]]
    for row, key in enumerate(keys):
        if missions.on_foot[row]:  # see check_led
            continue
        stops = missions.stop_node[row][missions.stop_node[row] >= 0]
        if not shut[stops].any():
            continue
        escorts = int(missions.escorts[row])
        load_s = DOOR_TASK_S if missions.door[row] >= 0 else (
            (min(lying_ms(1, escorts), sitting_ms(1, escorts)) if missions.facility[row] >= 0
             else passengers_ms(1, True) + int(missions.between_ms[row])) / 1000.0)
        need_s = TURNOUT_S + load_s + CROSSING_MS / 1000.0 + missions.start_ms[row] / 1000.0
        if need_s > left_s:
            raise InputError(
                f"plan '{plan.name}': {key}: no vehicle would be back outside the exclusion line: it shuts "
                f"{max(left_s, 0.0):.0f} s after the order at the earliest ({_why_line(plan, wave_s)}), "
                f"and turning out, {'work' if missions.door[row] >= 0 else 'loading'} and leaving take "
                f"{need_s:.0f} s without the way there"
            )


def check_visits(city: City, scenario: Scenario, plan: Plan, danger: B, shut: B, order_zone: I16) -> None:
    """InputError for volunteers from door to door, or street leaders, who could not even knock at the
    one door nearest to safety and be out of the exclusion line in time: volunteers `exclusion.lead_s`
    before the first wave as it will be predicted, leaders before that wave.

    - shut: [nodes] inside the exclusion line; order_zone: [nodes] row of order.zones, -1 none.
    """
    quake, leaders = scenario.earthquake, plan.street_leaders
    if leaders is not None and leaders.self_start_mmi is not None and quake is None:
        raise InputError(f"plan '{plan.name}': street_leaders.self_start_mmi: scenario "
                         f"'{scenario.name}' has no earthquake")
    wave_s = predicted_s(city, scenario, plan, danger)
    order_s = decided_s(scenario, plan, wave_s)
    if math.isinf(order_s):
        return
    line_s = line_shuts_s(scenario, plan, wave_s, order_s)
    out_s = walk_out_m(city, shut) / FAST_WALK_MPS
    issued_s = order_s + plan.order.delay_s + plan.order.confirmation_s
    zones = [(order_zone == row, issued_s + offset_s)
             for row, offset_s in enumerate(_offsets_s(city, plan, order_zone))]
    names = [zone.name for zone in plan.order.zones]

    def refuse(key: str, knock_s: float, mask: B, limit_s: float) -> None:
        quickest_s = float(out_s[mask].min(initial=math.inf))
        if mask.any() and shut[mask].all() and knock_s + quickest_s > limit_s:
            raise InputError(
                f"plan '{plan.name}': {key}: nobody would be out of the zone in time: they have to be out "
                f"by {limit_s:.0f} s ({_why_line(plan, wave_s)}), and the first door is reached at "
                f"{knock_s:.0f} s, {quickest_s:.0f} s on foot from the exclusion line at the nearest"
            )

    for row, doors in enumerate(plan.door_to_door):
        if doors.by == "volunteers":
            mask, begin_s = zones[names.index(doors.zone)]
            knock_s = begin_s + doors.start_s + 3600.0 / doors.households_an_hour
            refuse(f"door_to_door.{row}", knock_s, mask, line_s)
    if leaders is not None:
        begin_s = min(begin for _, begin in zones) + leaders.call_s
        if leaders.ready_s is not None:
            begin_s = min(begin_s, leaders.ready_s)
        refuse("street_leaders", begin_s + 3600.0 / leaders.households_an_hour, order_zone >= 0, wave_s)


def _offsets_s(city: City, plan: Plan, order_zone: I16) -> list[float]:
    """Soonest time after the order's going out at which a part of each ordered area is told, s: a census
    zone goes out as a whole, at the earliest offset of the areas in it (`engine/command/hub.py`)."""
    area, zone = order_zone[city.buildings.node], city.buildings.zone
    given = np.array([z.offset_s for z in plan.order.zones])
    first = np.full(city.zones.population.size, np.inf)
    np.minimum.at(first, zone[area >= 0], given[area[area >= 0]])
    return [float(first[zone[area == row]].min(initial=offset)) for row, offset in enumerate(given)]


def check_led(city: City, scenario: Scenario, plan: Plan, danger: B, led: Led) -> None:
    """InputError for a home on foot from which not even the quickest resident, alone and at once, would
    be there before the first wave as it will be predicted."""
    wave_s = predicted_s(city, scenario, plan, danger)
    order_s = decided_s(scenario, plan, wave_s)
    if math.isinf(wave_s) or math.isinf(order_s):
        return
    for home in range(led.mission.size):
        row, lever = int(led.mission[home]), plan.facility_evacuation[led.mission[home]]
        leaves_s = lever.start_s + ready_s(0, 1)
        for refuge in plan.vertical_refuges:
            if refuge.name == lever.to:  # nobody sets out before its keyholder has been there
                zones = min(zone.offset_s for zone in plan.order.zones)
                opens_s = plan.order.delay_s + plan.order.confirmation_s + zones + refuge.open_s
                leaves_s = max(leaves_s, opens_s)
        walk_s = float(led.walk_ms[home]) / 1000.0 / QUICKEST_MPS
        if order_s + leaves_s + walk_s > wave_s:
            raise InputError(
                f"plan '{plan.name}': facility_evacuation.{row}.to: nobody on foot would be at "
                f"'{lever.to}' in time: the first wave is predicted {wave_s:.0f} s after the start, the "
                f"order is decided at {order_s:.0f} s, the first could leave {leaves_s:.0f} s later and "
                f"the quickest would walk {walk_s:.0f} s"
            )


def check_contraflow(
    city: City, scenario: Scenario, plan: Plan, danger: B, orders: tuple[StreetOrder, ...],
    car_node: I32, car_aid: NDArray[np.int16],
) -> None:
    """InputError where a contraflow's set-up is slower than the lead time.

    - car_node, car_aid: [police cars] where each waits and the row of mutual aid it comes by, -1.
    """
    wave_s = predicted_s(city, scenario, plan, danger)
    if not plan.contraflow or math.isinf(wave_s):
        return
    order_s = decided_s(scenario, plan, wave_s)
    if math.isinf(order_s):
        return
    routes = [order for order in orders if order.reason == "contraflow"]
    for row, (lever, order) in enumerate(zip(plan.contraflow, routes, strict=True)):
        need_s = _reach_s(city, plan, order.node, car_node, car_aid)
        # Too few cars altogether are refused elsewhere; a sampled run has fewer than the city.
        last_s = float(need_s[min(lever.crews, need_s.size) - 1]) if need_s.size else math.inf
        lead_s = wave_s - order_s - last_s
        if lever.setup_s > lead_s:
            reach = f"its crews ({lever.crews}) need {last_s:.0f} s to get there"
            if math.isinf(last_s):
                reach = f"its crews ({lever.crews}) cannot get there"
            raise InputError(
                f"plan '{plan.name}': contraflow.{row}.setup_s: '{lever.name}' takes {lever.setup_s:g} s "
                f"to set up, slower than the lead time of {max(lead_s, 0.0):.0f} s: the first wave is "
                f"predicted {wave_s:.0f} s after the start, the order is decided at {order_s:.0f} s and "
                f"{reach}"
            )


def check_posts(
    city: City, scenario: Scenario, plan: Plan, danger: B, shut: B, posts: dict[str, tuple[Any, int]],
    car_node: I32, car_aid: NDArray[np.int16],
) -> None:
    """InputError where the cars that bring the officers of a control point, a closure or an inbound ban
    could not set it up before its time is over or they have to withdraw, or, where the post lies inside
    the exclusion line, before that shuts.

    - posts: key of each lever: (the lever, the junction of its post); shut, car_node, car_aid: as above.
    """
    wave_s = predicted_s(city, scenario, plan, danger)
    order_s = decided_s(scenario, plan, wave_s)
    if math.isinf(order_s):
        return
    for key, (lever, node) in posts.items():
        need_s = _reach_s(city, plan, node, car_node, car_aid)
        cars = -(-lever.officers // OFFICERS_A_CAR)
        if need_s.size < cars:  # a sampled run; too few in the whole city are refused elsewhere
            continue
        last_s = float(need_s[cars - 1])
        to_s, withdraw_s = getattr(lever, "to_s", math.inf), getattr(lever, "withdraw_s", None)
        limit_s, why = order_s + to_s, f"its time is over {to_s:g} s after the order"
        if withdraw_s is not None and wave_s - withdraw_s < limit_s:
            limit_s = wave_s - withdraw_s
            why = f"they withdraw {max(limit_s - order_s, 0.0):.0f} s after the order"
        line_s = line_shuts_s(scenario, plan, wave_s, order_s)
        if shut[node] and line_s < limit_s:
            limit_s = line_s
            left_s = max(limit_s - order_s, 0.0)
            why = f"the exclusion line round its post shuts {left_s:.0f} s after the order"
        if order_s + last_s + lever.setup_s > limit_s:
            reach = "cannot get there" if math.isinf(last_s) else f"need {last_s:.0f} s to get there"
            raise InputError(
                f"plan '{plan.name}': {key}.officers: '{lever.name}' would not stand in time: "
                f"{'the car' if cars == 1 else f'the {cars} cars'} with its officers {reach} and set it up "
                f"for {lever.setup_s:g} s, and {why}"
            )


def _reach_s(
    city: City, plan: Plan, node: int, car_node: I32, car_aid: NDArray[np.int16]
) -> NDArray[np.float64]:
    """Time from the order until each police car is at a junction by empty roads, the soonest first, s."""
    edges = city.edges
    cost = speed_cost_ms(edges.length_m, edges.free_speed_mps)
    asked = np.array([aid.travel_s for aid in plan.mutual_aid] + [0.0])
    drive = reverse_tree(city.nodes.x_m.size, edges.from_node, edges.to_node, cost, np.array([node]))[0]
    need_s = np.where(drive < UNREACHED, drive / 1000.0, np.inf)[car_node]
    return np.asarray(np.sort(need_s + TURNOUT_S + asked[car_aid]), np.float64)
