"""What happened to every person, rebuilt from the event log."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.city import City
from engine.events import KIND_CODE, KINDS
from engine.scoring.columns import Log, Rows, first_ms, last_of
from engine.scoring.context import NEVER, Context

B = NDArray[np.bool_]
I64 = NDArray[np.int64]

#: HAZUS severity from which an injury counts as severe (2: needs hospital care).
SEVERE = 2
#: Alert codes (events.ALERTS) that are a warning: the order itself or word of it.
WARNINGS = (1, 2)
#: Kinds that tell how far a party has come; the last one told is where it stands.
TRIPS = (
    "party_departed", "party_mode_changed", "party_rerouted", "party_blocked", "party_waits",
    "party_boarded", "party_arrived", "party_returning", "party_returned", "party_to_refuge",
    "party_in_refuge", "party_going_home", "party_home", "pickup_set_out", "pickup_met",
    "pickup_missed",
)


@dataclass(frozen=True)
class Parties:
    """One row per party; times in ms, NEVER where it did not happen.

    `trip` is 0 never under way, 1 under way, 2 stopped, 3 arrived, 4 back home, 5 in a vertical
    refuge, 6 on the way home after the all-clear, 7 home; `decision` is 0 open,
    1 leaves, 2 stays; reasons index events.REASONS.
    """

    zone: I64
    left_ms: I64  # out of the danger zone, or in safety; since it last went for family, if it did
    departed: B
    home_ms: I64  # after the all-clear
    crossed: B  # has left the danger zone, and has not gone back or in for family since
    went_back: B  # before the all-clear
    back_ms: I64  # last went back before the all-clear
    again_ms: I64  # in safety again after that
    trip: I64
    stop_reason: I64
    facility: I64
    decision: I64
    stay_reason: I64
    warned_ms: I64
    decided_ms: I64  # decided to leave
    fetched: B  # went for family of its own, whether it met them or not
    cued: B  # any warning or the sight of water, shaking alone not counted
    in_water: B  # at the end
    cut_off: B  # in a building, by water, at the end
    cut_off_reason: I64


@dataclass(frozen=True)
class People:
    """One row per person; times in ms, NEVER where it did not happen.

    `zone` and `at_risk` (inside the danger zone) are those of the place where the event found
    the person. `out_ms` is the person's own way out of the danger zone: with the party, later
    where trapped at that time, or by ambulance.
    """

    parties: Parties
    party: I64
    zone: I64
    at_risk: B
    died_ms: I64
    death_cause: I64
    severity: I64
    hurt_cause: I64
    trapped_ms: I64
    freed_ms: I64
    transport_ms: I64
    admitted_ms: I64
    cared: B
    out_ms: I64

    @property
    def dead(self) -> B:
        """Died during the run [persons]."""
        return self.died_ms < NEVER

    @property
    def severe(self) -> B:
        """Severely hurt and alive at the end [persons], so that nobody counts twice."""
        return (self.severity >= SEVERE) & ~self.dead

    @property
    def trapped_at_end(self) -> B:
        """Alive and still trapped [persons]."""
        return (self.trapped_ms < NEVER) & (self.freed_ms >= NEVER) & ~self.dead

    @property
    def in_hospital(self) -> B:
        """Alive and admitted to a hospital [persons]."""
        return (self.admitted_ms < NEVER) & ~self.dead


def read_parties(log: Log, count: int) -> Parties:
    """Rebuild what every party did; `count` is the number of parties."""
    placed = log.rows("party_placed")
    left = log.rows("party_left_zone")
    trips = log.rows(*TRIPS)
    arrived = trips.where(trips.kind == KIND_CODE["party_arrived"])
    places = log.rows("party_arrived", "party_let_in")
    blocked = trips.where(trips.kind == KIND_CODE["party_blocked"])
    departed = np.zeros(count, np.bool_)
    departed[trips.subject[trips.kind == KIND_CODE["party_departed"]]] = True

    step = np.ones(trips.row.size, np.int64)
    step[trips.kind == KIND_CODE["party_blocked"]] = 2
    step[trips.kind == KIND_CODE["party_arrived"]] = 3
    step[trips.kind == KIND_CODE["party_returned"]] = 4
    step[trips.kind == KIND_CODE["party_in_refuge"]] = 5
    step[trips.kind == KIND_CODE["party_going_home"]] = 6
    step[trips.kind == KIND_CODE["party_home"]] = 7
    home = trips.where(trips.kind == KIND_CODE["party_home"])
    back = trips.where(trips.kind == KIND_CODE["party_returning"])
    back_row = last_of(back.subject, back.row, count, -1)
    trip = last_of(trips.subject, step, count, 0)
    blocked_row = last_of(blocked.subject, blocked.row, count, -1)
    left_row = last_of(left.subject, left.row, count, -1)
    trip[(trip == 2) & (left_row > blocked_row)] = 1  # went on after the stop

    decisions = log.rows("party_decided", "party_refused")
    stays = decisions.kind == KIND_CODE["party_refused"]
    reasons = np.where(stays, decisions.object, 0)
    alerts = log.rows("party_alerted")
    warning = np.isin(alerts.value, WARNINGS)
    errands = log.rows("pickup_set_out")
    errand_row = last_of(errands.subject, errands.row, count, -1)
    cued = np.zeros(count, np.bool_)
    cued[alerts.subject[alerts.value >= 1]] = True
    water = log.rows("party_in_water", "party_out_of_water")
    wet = (water.kind == KIND_CODE["party_in_water"]).astype(np.int64)
    cut = log.rows("party_sheltered", "party_released")
    # Until the water falls or somebody takes them along.
    cut_row = last_of(cut.subject, np.where(
        cut.kind == KIND_CODE["party_sheltered"], cut.row, -1), count, -1)
    went = log.rows("party_departed", "party_boarded", "party_arrived")
    went_row = last_of(went.subject, went.row, count, -1)
    # Whoever went in for family is out when out again.
    out_ms = np.full(count, NEVER, np.int64)
    again_ms = np.full(count, NEVER, np.int64)
    for rows in (left, arrived, safe_refuges(log)):
        since = rows.where(rows.row > errand_row[rows.subject])
        out_ms = np.minimum(out_ms, first_ms(since.subject, since.t_ms, count))
        since = rows.where(rows.row > np.maximum(errand_row, back_row)[rows.subject])
        again_ms = np.minimum(again_ms, first_ms(since.subject, since.t_ms, count))
    return Parties(
        zone=last_of(placed.subject, placed.object, count, -1),
        left_ms=out_ms,
        departed=departed,
        home_ms=first_ms(home.subject, home.t_ms, count),
        crossed=left_row > np.maximum(back_row, errand_row),
        went_back=back_row >= 0,
        back_ms=last_of(back.subject, back.t_ms, count, NEVER),
        again_ms=again_ms,
        trip=trip,
        stop_reason=last_of(blocked.subject, blocked.object, count, 0),
        facility=last_of(places.subject, places.object, count, -1),
        decision=last_of(decisions.subject, 1 + stays.astype(np.int64), count, 0),
        stay_reason=last_of(decisions.subject, reasons, count, 0),
        warned_ms=first_ms(alerts.subject[warning], alerts.t_ms[warning], count),
        decided_ms=first_ms(decisions.subject[~stays], decisions.t_ms[~stays], count),
        fetched=errand_row >= 0,
        cued=cued,
        in_water=last_of(water.subject, wet, count, 0) == 1,
        cut_off=cut_row > went_row,
        cut_off_reason=last_of(cut.subject, cut.object, count, 0),
    )


def safe_refuges(log: Log) -> Rows:
    """Arrivals in vertical refuges that the sea did not take afterwards."""
    arrivals, lost = log.rows("party_in_refuge"), log.rows("refuge_lost")
    return arrivals.where(~np.isin(arrivals.object, lost.subject))


def read_people(city: City, log: Log, context: Context) -> People:
    """Rebuild what happened to every person of `city` [persons] from `log`.

    A person whom no `party_formed` names is taken to be at home and alone, so that an empty
    log is a run in which nothing happened.
    """
    n = city.persons.household.size
    home = city.person_building
    formed = log.rows("party_formed")
    known = last_of(formed.subject, formed.object, n, -1)
    mentioned = log.rows(*(k.name for k in KINDS if k.subject == "party")).subject
    count = int(max(known.max(initial=-1), mentioned.max(initial=-1))) + 1
    alone = np.flatnonzero(known < 0)
    party = known.copy()
    party[alone] = count + np.arange(alone.size)
    node = last_of(formed.subject, formed.value.astype(np.int64), n, -1)
    node = np.where(node >= 0, node, city.buildings.node[home])
    parties = read_parties(log, count + alone.size)
    zone = parties.zone[party]
    zone = np.where(zone >= 0, zone, city.buildings.zone[home])

    died = log.rows("person_died")
    hurt = log.rows("person_hurt")
    severity = np.zeros(n, np.int64)
    np.maximum.at(severity, hurt.subject, hurt.value.astype(np.int64))
    worst = hurt.value.astype(np.int64) == severity[hurt.subject]
    trapped = log.rows("person_trapped")
    freed = log.rows("person_rescued")
    treated = log.rows("person_treated")
    # Who is lightly hurt and seen at a hospital's door stays counted with the party.
    transport = log.rows("transport_started", "self_referred")
    transport = transport.where(
        (severity[transport.subject] >= SEVERE) | (transport.kind == KIND_CODE["transport_started"])
    )
    admitted = log.rows("person_admitted")
    cared = np.zeros(n, np.bool_)
    cared[treated.subject] = True
    cared[admitted.subject] = True
    died_ms = first_ms(died.subject, died.t_ms, n)
    trapped_ms = first_ms(trapped.subject, trapped.t_ms, n)
    freed_ms = first_ms(freed.subject, freed.t_ms, n)
    transport_ms = first_ms(transport.subject, transport.t_ms, n)
    admitted_ms = first_ms(admitted.subject, admitted.t_ms, n)
    hospital = last_of(admitted.subject, admitted.object, n, -1)
    dry_hospital = hospital >= 0
    dry_hospital[dry_hospital] = ~context.danger_node[
        city.facilities.node[hospital[dry_hospital]]
    ]

    out_ms = parties.left_ms[party].copy()
    held = (trapped_ms <= out_ms) & (trapped_ms < NEVER) & (freed_ms > out_ms)
    out_ms[held] = np.maximum(out_ms[held], freed_ms[held])
    carried = transport_ms <= out_ms
    carried |= (admitted_ms <= out_ms) & (admitted_ms < NEVER)
    out_ms = np.where(carried, np.where(dry_hospital, admitted_ms, NEVER), out_ms)
    out_ms[died_ms <= out_ms] = NEVER
    # Nor is out in time who went back before the all-clear and died there.
    back_ms, again_ms = parties.back_ms[party], parties.again_ms[party]
    out_ms[(died_ms < NEVER) & (died_ms >= back_ms) & (died_ms <= again_ms)] = NEVER
    return People(
        parties=parties, party=party, zone=zone, at_risk=context.danger_node[node],
        died_ms=died_ms, death_cause=last_of(died.subject, died.object, n, 0), severity=severity,
        hurt_cause=last_of(hurt.subject[worst], hurt.object[worst], n, 0), trapped_ms=trapped_ms,
        freed_ms=freed_ms, transport_ms=transport_ms, admitted_ms=admitted_ms, cared=cared,
        out_ms=out_ms,
    )


def order_ms(city: City, log: Log, people: People) -> I64:
    """When the order went out in the zone of each person [persons], NEVER where it did not."""
    orders = log.rows("order_issued")
    zone_ms = first_ms(orders.subject, orders.t_ms, city.zones.x_m.size)
    return zone_ms[people.zone]


def flood_ms(city: City, log: Log, people: People) -> I64:
    """When the first water stood in the zone of each person [persons], NEVER where it did not."""
    floods = log.rows("zone_flooded")
    zone_ms = first_ms(floods.subject, floods.t_ms, city.zones.x_m.size)
    return zone_ms[people.zone]


def in_time(city: City, log: Log, people: People) -> B:
    """People out of the danger zone before the first water in the zone where they began.

    Where the zone stays dry, being out at all is in time. The zone's first water is stricter
    than water at the person's own door; it is the bound a planner can know.
    """
    out = people.out_ms
    return (out < NEVER) & (out <= flood_ms(city, log, people))

