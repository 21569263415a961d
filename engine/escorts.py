"""A care home emptied on foot by its own staff: how many they are, how fast, and whether it can be in time.

Staff on duty. Chile's Decreto Supremo 14 of 2010 (Ministry of Health) asked of a home with severely
dependent residents one carer for each seven by day, from eight on two and so on, and a nursing
auxiliary; at night one carer for each ten (La Tercera, 15 August 2018; the decree's own text was not at
hand, its successor of 2021 neither). Taken for all residents, dependent or not, which is generous
(assumption); day is from 8 to 20 (assumption).

Getting ready. The staff rouse those who walk, `ROUSE_S` each, one after the other (assumption, range 10
to 60), who then need `READY_S` as they are; so does one who is put into a wheelchair, as in
`engine/loading.py` (assumption, range 60 to 331: the 331 s measured there are of patients with lines and
monitors). A home in Minamihama brought its drill from 20 down to 5 minutes, residents wrapped in blankets
and led to high ground (McKnight's, 2011, after Mainichi Daily).

Pace. Those who walk go as fast as the slowest of them. Pushed are those who lie (`engine/wards.py`) and
those whose mobility is "assisted", one member of staff each, in a wheelchair at 1.1 m/s on the level
(Georg, de Schot & Lovreglio 2025, as in `engine/loading.py`): below what was measured outdoors, 1.87 m/s
on the flat, 1.28 up 6.8 % and 0.91 up 13 % by students with 62 kg (TRID 1414775), 1.50 m/s over the whole
way of a drill in Kobe (Shinyo), and 1.37 m/s over 281 m with 13.9 m of rise (13 who pushed in 2018, IDRiM
Journal); all by their abstracts. With the walkers' factor for slope 1.1 m/s becomes 0.87 at 6.8 % and 0.70
at 13 %. Up the stairs of a vertical refuge others lend a hand (assumption; no time for it). One member of
staff leads at most `LED` who walk (assumption, the night's ratio).

In time is who can be there before the first wave as it is predicted, by the free walk; nobody is led out
later, since upstairs is better than the street.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from engine.city import FACILITIES, I32, I64, B, City
from engine.errors import InputError, unknown
from engine.kernels import paths
from engine.levers.transport import HIGH_GROUND, FacilityEvacuation
from engine.loading import PREPARE_SITTING_S, WHEELCHAIR_MPS
from engine.mobility.walking import AGE_SPEED_MPS, FREE_SPEED_MPS, FREE_SPEED_SD_MPS, tobler_factor
from engine.vertical import Refuges
from engine.wards import lies

if TYPE_CHECKING:
    from engine.plan import Plan
    from engine.scenario import Scenario

ROUSE_S = 20.0
READY_S = PREPARE_SITTING_S
PUSHED_MPS = WHEELCHAIR_MPS
LED = 10
BY_DAY, BY_NIGHT = 7, 10  #: residents for each carer
DAY_HOURS = (8, 20)
#: Pace of the quickest resident there can be, 75 or older, two standard deviations above the mean.
QUICKEST_MPS = AGE_SPEED_MPS[-1] * (1.0 + 2.0 * FREE_SPEED_SD_MPS / FREE_SPEED_MPS)

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("residents of a care home for each carer, by day / at night", f"{BY_DAY} / {BY_NIGHT}", "people",
     "Decreto Supremo 14 of 2010, of the severely dependent (La Tercera, 2018); for all residents an "
     "assumption", "assumption"),
    ("rousing a resident who walks", ROUSE_S, "s", "assumption, range 10 to 60", "assumption"),
    ("a resident gets ready, or into a wheelchair", READY_S, "s", "assumption, range 60 to 331",
     "assumption"),
    ("resident pushed in a wheelchair", PUSHED_MPS, "m/s",
     "Georg, de Schot & Lovreglio 2025; outdoors 0.91 to 1.87 (TRID 1414775)", "sourced"),
    ("residents who walk led by one", LED, "people", "assumption", "assumption"),
)


@dataclass(frozen=True)
class Led:
    """Homes emptied on foot, one row each: `mission` is its row in Site.missions, `node` the home's
    junction of the walk network, `staff` how many lead, `people` how many residents at most, `dest` the
    row of mobility's table of destinations (0 safety), `walk_ms` the way there at 1 m/s on the level,
    `start_ms` after the order."""

    mission: I32
    facility: I32
    node: I32
    people: I32
    staff: I32
    dest: I32
    walk_ms: I64
    start_ms: I64


def on_duty(city: City, scenario: Scenario, residents: int) -> int:
    """Staff of a care home with so many residents when the event begins."""
    local = scenario.start.astimezone(ZoneInfo(city.timezone))
    if DAY_HOURS[0] <= local.hour < DAY_HOURS[1]:
        return -(-residents // BY_DAY) + 1
    return -(-residents // BY_NIGHT)


def check_on_foot(
    city: City, scenario: Scenario, house: int, there: int, lever: FacilityEvacuation, where: str
) -> None:
    """InputError where its staff could not do it: no care home, or more of them than are on duty."""
    if FACILITIES[city.facilities.kind[house]] != "care_home":
        raise InputError(f"{where}.mode: '{lever.facility}' is no care home; its people go by vehicle")
    have = on_duty(city, scenario, there)
    if lever.escorts > have:
        raise InputError(
            f"{where}.escorts: {lever.escorts} are more than the {have} on duty at that hour for the "
            f"{there} residents of '{lever.facility}'"
        )


def walks(city: City, seed: int, person: I64, ward: I32) -> B:
    """Which residents [n] of the homes `ward` [n] walk; the others are pushed."""
    return np.asarray(~lies(city, seed, person, ward) & (city.persons.mobility[person] < 2))


def ready_s(walkers: int, staff: int) -> float:
    """From the beginning until the first set out, s."""
    return ROUSE_S * -(-walkers // staff) + READY_S


def find_led(
    city: City, plan: Plan, safe: B, meeting_node: I32, shelter: I32, refuges: Refuges, walk_node: I32,
    share: float,
) -> Led:
    """The rows of plan.facility_evacuation on foot; InputError where no way leads to an allowed place.

    - meeting_node: junctions of the meeting points; shelter: facility rows outside the danger zone; share:
      of the city's people in the run.
    """
    names = [str(name) for name in city.facilities.name]
    places = [str(city.facilities.name[row]) for row in shelter]
    places += [refuge.name for refuge in plan.vertical_refuges]
    nodes = [np.array([node], np.int32) for node in (*city.facilities.node[shelter], *refuges.node)]
    rows = []
    for row, lever in enumerate(plan.facility_evacuation):
        if lever.mode != "foot":
            continue
        where = f"plan '{plan.name}': facility_evacuation.{row}"
        if lever.to != HIGH_GROUND and lever.to not in places:
            raise unknown("place", lever.to, [HIGH_GROUND, *places], f"{where}.to")
        house = names.index(lever.facility)
        home, dest = int(walk_node[city.facilities.node[house]]), 0
        goal = np.r_[np.flatnonzero(safe), meeting_node].astype(np.int32)
        if lever.to != HIGH_GROUND:
            dest = 1 + places.index(lever.to)
            goal = nodes[dest - 1]
        way_ms = _walk_ms(city, home, goal)
        if way_ms >= paths.UNREACHED:
            raise InputError(f"{where}.to: no way on foot leads from '{lever.facility}' to {lever.to}")
        rows.append((row, house, home, math.ceil(share * lever.patients),
                     max(1, round(share * lever.escorts)), dest, way_ms, round(1000 * lever.start_s)))
    columns = list(zip(*rows, strict=True)) if rows else [()] * 8
    small = [np.array(column, np.int32) for column in columns[:6]]
    return Led(
        mission=small[0], facility=small[1], node=small[2], people=small[3], staff=small[4],
        dest=small[5], walk_ms=np.array(columns[6], np.int64), start_ms=np.array(columns[7], np.int64),
    )


def _walk_ms(city: City, home: int, goal: I32) -> int:
    """The shortest way on foot to the nearest of `goal`, ms at 1 m/s on the level."""
    walk = city.walk
    csr = paths.group_edges(city.nodes.x_m.size, walk.head[walk.arc], walk.tail[walk.arc])
    slope = np.maximum(np.asarray(tobler_factor(walk.slope))[walk.arc], 0.05)
    cost = np.maximum(1000.0 * walk.length_m[walk.arc] / slope, 1.0).astype(np.int64)
    return int(paths.shortest_tree(csr, cost, goal)[0][home])
