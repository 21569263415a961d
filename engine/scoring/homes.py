"""Metrics of home: who cannot live there, who was away without need, and how long homes were
without power.

*Displaced* people are alive and their home is extensively damaged, complete or collapsed (HAZUS
state 3 and over; the log knows no damage to buildings by water). They are no part of *affected*,
*evacuated* or *sheltered*, which are other questions about the same people and are never added.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.events import KIND_CODE
from engine.scoring.casualties import MS_PER_MINUTE
from engine.scoring.columns import first_ms
from engine.scoring.context import NEVER
from engine.scoring.groups import counts
from engine.scoring.record import Metric, Record, metric
from engine.scoring.stays import stays

B = NDArray[np.bool_]
I64 = NDArray[np.int64]

MS_PER_HOUR = 60 * MS_PER_MINUTE
#: HAZUS damage state from which a home cannot be lived in.
UNINHABITABLE = 3


def displaced(r: Record) -> B:
    """People alive whose home cannot be lived in [persons]."""
    return np.asarray((lost_ms(r) < NEVER) & ~r.people.dead)


def lost_ms(r: Record) -> I64:
    """When each person's home was lost [persons], NEVER where it stands."""
    rows = r.log.rows("building_damaged")
    rows = rows.where(rows.value >= UNINHABITABLE)
    lost = first_ms(rows.subject, rows.t_ms, r.city.buildings.x_m.size)
    return lost[r.city.person_building]


def away_hours(r: Record) -> NDArray[np.float64]:
    """Hours away with the party [persons]: from setting out to being home again, before the all-clear
    or after it, and again from each renewed setting out; who is away at the end is so up to there."""
    rows = r.log.rows("party_departed", "party_returned", "party_home")
    leaves = rows.kind == KIND_CODE["party_departed"]
    party, since, until = stays(rows, leaves, r.context.duration_ms)
    ms = np.bincount(party, np.maximum(until - since, 0), minlength=r.people.parties.zone.size)
    return np.asarray(ms[r.people.party] / MS_PER_HOUR)


def homes(r: Record) -> list[Metric]:
    """People displaced; hours away of people who need not have gone.

    Needless evacuee-hours: the time away (`away_hours`) of people whose zone of residence was never
    flooded, whose home stands and who were neither hurt nor killed. The decision may still have
    been right by what was known: it is the price of caution, no fault.
    """
    p = r.people
    lost = displaced(r)
    hours = away_hours(r)
    flooded = np.zeros(r.city.zones.x_m.size, np.bool_)
    flooded[r.log.rows("zone_flooded").subject] = True
    home_zone = r.city.buildings.zone[r.city.person_building]
    needless = ~flooded[home_zone] & ~lost & (p.severity == 0) & ~p.dead
    hours = np.where(needless, hours, 0.0)
    return [
        metric("displaced", int(lost.sum()), "people", "lower", counts(r.groups, lost)),
        metric("needless_evacuee_hours", float(hours.sum()), "person-h", "lower",
               {g.name: dict(g.sums(hours)) for g in r.groups}),
    ]


def outages(r: Record) -> list[Metric]:
    """Customer-hours without electricity: households times the hours their zone was dark.

    A customer is a household; what is still dark when the run ends counts up to there.
    """
    zones = r.city.zones.x_m.size
    zone = r.city.buildings.zone[r.city.households.building]
    customers = np.bincount(zone, minlength=zones)
    rows = r.log.rows("power_lost", "power_restored")
    dark = np.zeros(zones, np.int64)
    since = np.full(zones, -1, np.int64)
    for where, t_ms, kind in zip(
        rows.subject.tolist(), rows.t_ms.tolist(), rows.kind.tolist(), strict=True
    ):
        if kind == KIND_CODE["power_lost"]:
            since[where] = t_ms if since[where] < 0 else since[where]
        elif since[where] >= 0:
            dark[where] += t_ms - since[where]
            since[where] = -1
    still = since >= 0
    dark[still] += r.context.duration_ms - since[still]
    hours = customers * dark / MS_PER_HOUR
    town, names = r.city.zone_municipality
    by = np.bincount(town, weights=hours, minlength=len(names))
    return [
        metric("customer_hours_without_power", float(hours.sum()), "customer-h", "lower",
               {"municipality": {n: float(h) for n, h in zip(names, by, strict=True)}}),
    ]
