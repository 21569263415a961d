"""Going home after the all-clear: which zones are open, who goes and when.

A zone is opened with the all-clear plus the offset of its phase (the latest among its people's homes),
and not while water stands at one of its homes or `DESTROYED_SHARE` of its buildings or more are
destroyed (HAZUS complete or collapsed); inspectors on the spot look again every `INSPECT_MS`. Each
household or single person in safety then sets out after a Rayleigh time of its own, from the opening
or its arrival, whichever is later: word spreads and people pack (`Behaviour.home_after_s`). Whose home
is damaged extensively or worse stays away, and so does, after turning round, whoever finds rubble or
water on the way. All go to the home they live in, wherever the event found
them, on foot like those who go back before (`mobility/returns.py`), their cars to be fetched later.

Limits: nobody goes into a zone before it is opened, guarded or not; nobody goes home from hospital; who is
not in safety when the zone opens follows on arrival. The inspection's rhythm and the share of destroyed
buildings are assumptions.
"""

from __future__ import annotations

import numpy as np

from engine import rng
from engine.component import Component, Context
from engine.events import reason
from engine.people.audience import Audience
from engine.people.door import SEEN_DEPTH_M
from engine.people.warning import rayleigh_quantile
from engine.world import P_HIGH, P_MEETING, P_REFUGE, P_SHELTER

GOES_HOME, STAYS_AWAY = 5, 6
INSPECT_MS = 600_000
DESTROYED, DESTROYED_SHARE = 4, 0.1
UNINHABITABLE = 3
_SAFE = (P_HIGH, P_MEETING, P_SHELTER, P_REFUGE)

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("share of destroyed buildings that keeps a zone closed", DESTROYED_SHARE, "share",
     "assumption, range 0.02 to 0.3", "assumption"),
    ("zones are inspected every", INSPECT_MS // 60_000, "min", "assumption", "assumption"),
    ("damage state of a home nobody returns to", UNINHABITABLE, "HAZUS state", "assumption",
     "assumption"),
)


class Homecoming:
    """Parties `rows` on their way home; the warning component holds the variables."""

    def __init__(self, context: Context, audience: Audience) -> None:
        rows = audience.rows
        self._who = audience
        city, site, parties = context.city, context.site, context.parties
        self._rows = rows
        self._at_large = parties.ward[rows] < 0
        self._building = city.households.building[city.persons.household[parties.first[rows]]]
        self._zone = city.buildings.zone[self._building].astype(np.int64)
        node = site.walk_node[city.buildings.node[self._building]]
        self._node = node
        u = rng.uniform(context.seed, "people.return", parties.first[rows].astype(np.int64), 3)
        self._pack_ms = np.rint(
            1000 * rayleigh_quantile(u, context.behaviour.home_after_s)).astype(np.int64)
        zones = city.zones.population.size
        self._lived_in = np.bincount(self._zone, minlength=zones) > 0
        offsets = [round(p.offset_s * 1000) for p in context.plan.all_clear.return_phases]
        self._offset_ms = np.zeros(zones, np.int64)
        phase = site.return_phase[node]
        mine = phase >= 0
        if mine.any():
            np.maximum.at(self._offset_ms, self._zone[mine], np.array(offsets)[phase[mine]])
        self._buildings = np.maximum(np.bincount(city.buildings.zone, minlength=zones), 1)
        self._zone_of_building = city.buildings.zone

    def step(self, host: Component, t0_ms: int, t1_ms: int) -> None:
        """Open zones and let people set out over [t0, t1)."""
        self._open(host, t0_ms, t1_ms)
        self._turned(host, t0_ms)
        self._set_out(host, t0_ms, t1_ms)

    def _open(self, host: Component, t0_ms: int, t1_ms: int) -> None:
        w, cause = host.w, int(host.w.all_clear_event[0])
        start = int(host.ctx.log.column("t_ms")[cause]) + self._offset_ms
        due = self._lived_in & (w.zone_return_event < 0) & (start < t1_ms)
        due &= (start >= t0_ms) | (t0_ms % INSPECT_MS == 0) | (w.zone_held_event < 0)
        zones = np.flatnonzero(due)
        if zones.size == 0:
            return
        zones = zones[np.lexsort((zones, start[zones]))]
        t = np.maximum(start[zones], t0_ms)
        wet = np.zeros(start.size, np.bool_)
        wet[self._zone[w.node_depth_m[self._node] > SEEN_DEPTH_M]] = True
        gone = np.bincount(
            self._zone_of_building[w.building_damage >= DESTROYED], minlength=start.size
        ) / self._buildings
        why = np.where(wet, reason("road under water"), np.where(
            gone >= DESTROYED_SHARE, reason("buildings destroyed"), 0))[zones]
        held = w.zone_held_event[zones]
        told = np.where(held >= 0, host.ctx.log.column("object")[np.maximum(held, 0)], 0)
        new = (why > 0) & (why != told)
        w.zone_held_event[zones[new]] = host.emit(
            "return_held", t[new], zones[new], why[new], gone[zones[new]],
            np.maximum(held[new], cause))
        free = why == 0
        w.zone_return_event[zones[free]] = host.emit(
            "return_opened", t[free], zones[free], value=(t[free] - start[zones[free]]) / 1000.0,
            cause=np.maximum(held[free], cause))

    def _turned(self, host: Component, t0_ms: int) -> None:
        """Who is back in safety after a way home that was blocked gives up for this run."""
        w, rows = host.w, self._rows
        back = rows[(w.party_decision[rows] == GOES_HOME) & np.isin(w.party_place[rows], _SAFE)]
        back = back[w.party_trip_event[back] > w.party_decision_event[back]]
        w.party_decision_event[back] = host.emit(
            "party_stays_away", t0_ms, back, reason("no route"), cause=w.party_trip_event[back])
        w.party_decision[back] = STAYS_AWAY

    def _set_out(self, host: Component, t0_ms: int, t1_ms: int) -> None:
        w, rows, times = host.w, self._rows, host.ctx.log.column("t_ms")
        opened = w.zone_return_event[self._zone]
        new = np.flatnonzero(
            (opened >= 0) & self._at_large & ~self._who.stuck(w) & np.isin(w.party_place[rows], _SAFE)
            & ~np.isin(w.party_decision[rows], (GOES_HOME, STAYS_AWAY))
        )
        cause = np.maximum(opened[new], w.party_trip_event[rows[new]])
        due = np.maximum(times[opened[new]], times[w.party_trip_event[rows[new]]])
        due += self._pack_ms[new]
        now = due < t1_ms
        new, cause, due = new[now], cause[now], np.maximum(due[now], t0_ms)
        lost = w.building_damage[self._building[new]] >= UNINHABITABLE
        for mask, decision in ((lost, STAYS_AWAY), (~lost, GOES_HOME)):
            at = rows[new[mask]]
            kind, what = ("party_stays_away", reason("home not habitable")) if decision == STAYS_AWAY \
                else ("party_going_home", self._zone[new[mask]])
            w.party_decision_event[at] = host.emit(kind, due[mask], at, what, cause=cause[mask])
            w.party_decision[at] = decision
