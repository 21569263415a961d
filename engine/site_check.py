"""Levers of a plan that cannot do anything in this city and scenario.

`check_levers` refuses what can never have an effect in this scenario: a zone without a junction, a trigger
on a hazard that does not occur or on a magnitude that the earthquake has not, a denial where no rumour
goes round, units that are to wait where nobody may. `remarks` names what is odd but possible, or merely
does not come to pass tonight, for `anlan scenario check`: a condition of the trigger beside others, calls
while telephones are out, and what lies past the end, since a run may be cut short or made longer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from engine.city import I16, B, City
from engine.errors import InputError, unknown
from engine.lead_time import OFFICERS_A_CAR, decided_s, line_shuts_s, predicted_s
from engine.levers.order import Trigger
from engine.plan import Plan
from engine.scenario import Scenario
from engine.site_places import check_places

#: A control point is a junction: farther from any, it is a slip of the pen.
CONTROL_WITHIN_M = 300.0
#: Inhabitants for one fuel truck that a city can call on, at least two (assumption).
PEOPLE_A_TRUCK = 50_000


def check_levers(city: City, scenario: Scenario, plan: Plan, zone_masks: list[B]) -> None:
    """InputError for a lever that cannot work; `zone_masks` [zones][nodes] are the order's areas."""
    label = f"plan '{plan.name}'"
    check_places(city, plan)
    names = [zone.name for zone in plan.order.zones]
    for row, (name, mask) in enumerate(zip(names, zone_masks, strict=True)):
        where = f"{label}: order.zones.{row}: zone '{name}'"
        if name in names[:row]:
            raise InputError(f"{where} has the name of an earlier zone")
        if not mask.any():
            raise InputError(f"{where} holds no junction of city '{city.name}'")
    trigger = plan.order.trigger
    quake, floods = scenario.earthquake, scenario.tsunami is not None
    possible = trigger is None or (
        trigger.at_s is not None or (trigger.gauge_m is not None and floods)
        or ((trigger.intensity_mmi is not None or trigger.magnitude is not None) and quake is not None)
    )
    if not possible:
        raise InputError(
            f"{label}: order.trigger: waits for what scenario '{scenario.name}' does not have "
            "(magnitude and intensity_mmi need an earthquake, gauge_m a tsunami; at_s always works)"
        )
    if trigger is not None and quake is not None and _too_strong(trigger, quake.magnitude, floods):
        raise InputError(
            f"{label}: order.trigger.magnitude: {trigger.magnitude:g} is above the earthquake's "
            f"{quake.magnitude:g} and nothing else brings the order about: it would never come"
        )
    if plan.rumour_correction is not None and scenario.rumour is None:
        raise InputError(f"{label}: rumour_correction: scenario '{scenario.name}' has no rumour to deny")
    for row, point in enumerate(plan.control_points):
        x, y = city.xy(point.lon, point.lat)
        away = float(np.hypot(city.nodes.x_m - x, city.nodes.y_m - y).min())
        if away > CONTROL_WITHIN_M:
            raise InputError(
                f"{label}: control_points.{row}: '{point.name}' is {away / 1000:.1f} km from the "
                f"nearest road junction (allowed: within {CONTROL_WITHIN_M:.0f} m)"
            )
    check_fuel(city, plan, scenario.population.share)
    if plan.crowds is not None and not scenario.venues:
        raise InputError(f"{label}: crowds: scenario '{scenario.name}' has no venues")
    for row, place in enumerate(plan.staging):
        if place in plan.staging[:row]:
            raise InputError(f"{label}: staging.{row}: units of kind '{place.kind}' wait there already")


def _too_strong(trigger: Trigger, magnitude: float, floods: bool) -> bool:
    """Whether an order waits for a magnitude that the earthquake has not, and for nothing else."""
    other = trigger.at_s is not None or trigger.intensity_mmi is not None
    other |= trigger.gauge_m is not None and floods
    return trigger.magnitude is not None and trigger.magnitude > magnitude and not other


def check_staging(city: City, plan: Plan, shut: B) -> None:
    """InputError for a staging place inside the danger zone or the exclusion line, `shut` [nodes]: while
    the order stands nobody waits there."""
    for row, place in enumerate(plan.staging):
        x, y = city.xy(place.lon, place.lat)
        node = int(np.argmin(np.hypot(city.nodes.x_m - x, city.nodes.y_m - y)))
        if shut[node]:
            raise InputError(
                f"plan '{plan.name}': staging.{row}: the place lies in the danger zone or inside the "
                "exclusion line, where no unit waits while the order stands"
            )


def check_fuel(city: City, plan: Plan, share: float) -> None:
    """InputError for more fuel trucks than the city has, or a site that does not exist."""
    if plan.fuel is None:
        return
    where = f"plan '{plan.name}': fuel"
    have = max(2, round(city.persons.household.size / share / PEOPLE_A_TRUCK))
    if plan.fuel.trucks > have:
        raise InputError(
            f"{where}.trucks: {plan.fuel.trucks} are more than the {have} of city '{city.name}'"
        )
    hospitals = [str(city.facilities.name[row]) for row in city.facilities_of("hospital")]
    for row, word in enumerate(plan.fuel.order):
        sites = ["hospitals", "telephone", "sirens", *hospitals]
        if word not in sites:
            raise unknown("site", word, sites, f"{where}.order.{row}")
        if word in hospitals and "hospitals" in plan.fuel.order[:row]:
            raise InputError(f"{where}.order.{row}: '{word}' is among the hospitals named before")


def remarks(
    scenario: Scenario, plan: Plan, city: City, danger_node: B, order_zone: I16
) -> Iterator[str]:
    """What is odd in a plan, a line each; masks as in Site."""
    for row, zone in enumerate(plan.order.zones):
        if not (order_zone == row).any():
            yield (f"order.zones.{row}: zone '{zone.name}' lies wholly in earlier zones, and the "
                   "first that fits counts")
    end, trigger = scenario.duration_s, plan.order.trigger
    if trigger is not None and trigger.at_s is not None and trigger.at_s >= end:
        yield f"order.trigger.at_s {trigger.at_s:g} lies past the end ({end:g} s)"
    quake = scenario.earthquake
    magnitude = trigger.magnitude if trigger is not None else None
    if magnitude is not None and quake and magnitude > quake.magnitude:
        yield f"order.trigger.magnitude {magnitude:g} is above the earthquake's"
    yield from _too_late(plan, end)
    wave_s = predicted_s(city, scenario, plan, danger_node) if plan.order.zones else 0.0
    clear = plan.all_clear
    if plan.order.zones and decided_s(scenario, plan, wave_s) + clear.earliest_s < wave_s < math.inf:
        yield (f"all_clear.earliest_s {clear.earliest_s:g} lies before the first wave as it will be "
               f"predicted ({wave_s:.0f} s after the start)")
    for row, aid in enumerate(plan.mutual_aid):
        x, y = city.xy(aid.lon, aid.lat)
        if danger_node[int(np.argmin(np.hypot(city.nodes.x_m - x, city.nodes.y_m - y)))]:
            yield f"mutual_aid.{row}: '{aid.name}' arrives inside the danger zone"
    yield from _telephones(scenario, plan, city, danger_node)
    yield from _loudspeakers(scenario, plan, city, danger_node)
    yield from _sample_officers(scenario, plan, city)
    names = [str(name) for name in city.facilities.name]
    for row, ward in enumerate(plan.facility_evacuation):
        if danger_node.any() and not danger_node[city.facilities.node[names.index(ward.facility)]]:
            yield f"facility_evacuation.{row}: '{ward.facility}' lies outside the danger zone"


#: Keys of what begins so long after the order.
_AFTER_THE_ORDER = {
    "channels": "start_s", "door_to_door": "start_s", "vertical_refuges": "open_s", "closures": "from_s",
    "pedestrian_streets": "from_s", "one_way_streets": "from_s", "inbound_ban": "from_s",
    "facility_evacuation": "start_s", "buses": "from_s", "mutual_aid": "travel_s",
}


def _too_late(plan: Plan, end_s: float) -> Iterator[str]:
    """What the plan's file lets begin past the end of the run, even had the order come at once."""
    order_s = plan.order.delay_s + plan.order.confirmation_s
    parts: list[tuple[str, Any, str, float]] = [
        ("order", plan.order, "delay_s", 0.0), ("all_clear", plan.all_clear, "earliest_s", 0.0)]
    if plan.destinations.shelters:
        parts.append(("destinations", plan.destinations, "shelter_open_s", 0.0))
    if plan.street_leaders is not None and plan.street_leaders.self_start_mmi is None:
        parts.append(("street_leaders", plan.street_leaders, "call_s", order_s))
    parts += [(f"meeting_points.{row}", point, "open_s", order_s)
              for row, point in enumerate(plan.meeting_points) if point.open_s is not None]
    for key, field in _AFTER_THE_ORDER.items():
        parts += [(f"{key}.{row}", lever, field, order_s) for row, lever in enumerate(getattr(plan, key))]
    parts += [(f"control_points.{row}", post, "setup_s", order_s)
              for row, post in enumerate(plan.control_points)]
    yield from _after_the_all_clear(plan, order_s)
    for key, lever, field, before_s in parts:
        at_s = before_s + getattr(lever, field)
        if field in lever.model_fields_set and at_s >= end_s:
            yield f"{key}.{field}: {at_s:g} s lies past the end ({end_s:g} s)"


def _after_the_all_clear(plan: Plan, order_s: float) -> Iterator[str]:
    """Places that open later than the all-clear may come: none is opened after it."""
    opens_s = {f"vertical_refuges.{row}": refuge.open_s for row, refuge in enumerate(plan.vertical_refuges)}
    opens_s |= {f"meeting_points.{row}": point.open_s for row, point in enumerate(plan.meeting_points)
                if point.open_s is not None}
    clear_s = plan.all_clear.earliest_s
    for key, open_s in opens_s.items():
        if order_s + open_s >= clear_s:
            yield (f"{key}.open_s: {open_s:g} s after the order the all-clear may have come "
                   f"(all_clear.earliest_s {clear_s:g}), and nothing opens after it")


def _loudspeakers(scenario: Scenario, plan: Plan, city: City, danger_node: B) -> Iterator[str]:
    """Loudspeaker cars that would begin when nobody may be inside the exclusion line any more."""
    wave_s = predicted_s(city, scenario, plan, danger_node)
    order_s = decided_s(scenario, plan, wave_s)
    issued = order_s + plan.order.delay_s + plan.order.confirmation_s + min(
        (zone.offset_s for zone in plan.order.zones), default=math.inf)
    shuts_s = line_shuts_s(scenario, plan, wave_s, order_s)
    for row, channel in enumerate(plan.channels):
        begins_s = issued + channel.start_s
        if channel.kind == "loudspeaker" and math.isfinite(wave_s) and shuts_s <= begins_s < math.inf:
            yield (f"channels.{row}: loudspeaker cars begin {begins_s:.0f} s after the start, and have to "
                   f"be outside the exclusion line from {max(shuts_s, 0.0):.0f} s on: nobody inside hears "
                   "them")


def _sample_officers(scenario: Scenario, plan: Plan, city: City) -> Iterator[str]:
    """Posts for which a sample of the city has too few officers: those last in the plan stay empty."""
    asked = sum(post.officers for post in plan.posts)
    have = OFFICERS_A_CAR * int(city.facilities.units[city.facilities_of("police_station")].sum())
    if scenario.population.share < 1.0 and asked > have:
        yield (f"posts ask for {asked} officers and this sample of the city has {have}: posts are not "
               "scaled, and those that come last in the plan stay empty; for them play a larger share")


def _telephones(scenario: Scenario, plan: Plan, city: City, danger_node: B) -> Iterator[str]:
    """Calls to street leaders all of which come when the scenario's telephones are out."""
    if plan.street_leaders is None:
        return
    decided = decided_s(scenario, plan, predicted_s(city, scenario, plan, danger_node))
    issued = decided + plan.order.delay_s + plan.order.confirmation_s + plan.street_leaders.call_s
    calls = [issued + zone.offset_s for zone in plan.order.zones]
    for outage in scenario.outages:
        out = [outage.from_s <= call < outage.to_s for call in calls]
        if outage.service == "telecom" and all(out):
            yield (f"street_leaders.call_s: the first are called {min(calls):.0f} s after the start, and "
                   f"telephones are out in {outage.share:.0%} of "
                   f"{outage.municipality or 'the city'} from {outage.from_s:g} s on")
