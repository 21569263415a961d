"""Calls for help: who needs it, who can report it, how long the report waits.

Incident. People in need (seriously or critically hurt, or trapped, HAZUS severities 2 and 3) at one
building, or outdoors at one junction, are one incident. It opens with the first of them and closes
when nobody there needs help any more; if people at the same place need help later it opens again
under the same number. A person taken away, gone to hospital by their own way, freed and able, or dead
leaves the incident, and it closes with how: where somebody died that counts first, then who went by
their own way, for these are the people whom no unit had to reach any more.

- Time until somebody calls: exponential, mean 180 s. In cities a crash is reported after 3 min on
  average, 90 % within ten minutes (Lee et al. 2018, fatal crashes in Florida, who fit log-logistic
  times; the exponential form is an assumption).
- Without telephone service in the zone the call waits until service is back, or until a bystander
  reaches the nearest police or fire station: straight line x 1.3 (assumption, a common detour
  factor of street networks) at 1.34 m/s (Weidmann 1993, free walking speed).
- Call centre: FIFO, `dispatch.call_takers` takers, exponential service of mean 120 s: an M/M/c
  queue, whose steady state is Erlang C.

A venue where people are pressed together (engine/hazards/crowds.py) is an incident too: somebody in
the crowd calls, after the same time, and it closes when officers there report that it has eased.

Limits: one caller an incident (no repeated calls, no routine calls); nobody hangs up; a report on
foot joins the same queue by the station's radio; the call centre itself does not fail. Once known,
the numbers of an incident stay up to date (crews and callers report by radio and telephone).
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from engine import rng
from engine.access import drive_node
from engine.city import F64, I64, City
from engine.codes import among
from engine.component import Component, Context
from engine.errors import RunError
from engine.events import reason
from engine.world import (
    C_HOSPITAL,
    C_NONE,
    C_SELF,
    C_TRANSPORT,
    C_TREATED,
    C_WAITING,
    H_CRITICAL,
    H_DEAD,
    H_SERIOUS,
    I_ASSIGNED,
    I_CALLING,
    I_CLOSED,
    I_KNOWN,
    I_QUEUED,
    NEVER,
    P_CUT_OFF,
    P_PREPARING,
    P_START,
    P_STAYING,
)

CALL_DELAY_MEAN_S = 180.0
SERVICE_MEAN_S = 120.0
WALK_MPS = 1.34
DETOUR = 1.3
_OPEN = (I_CALLING, I_QUEUED, I_KNOWN, I_ASSIGNED)
_TAKEN = (C_TRANSPORT, C_HOSPITAL, C_SELF)  #: gone from the place
#: Reasons of closing by rank (`incident_left`).
_LEFT = np.array([reason(name) for name in (
    "needs no help any more", "taken to hospital", "went to hospital by themselves", "dead")])
_INDOORS = (P_START, P_PREPARING, P_STAYING, P_CUT_OFF)


def answer_fifo(
    call_ms: Sequence[int], service_ms: Sequence[int], busy_until_ms: I64, until_ms: int
) -> list[int]:
    """Answer calls in order, each by the taker who is free first; return the starts, in ms.

    - call_ms, service_ms: [n] in queue order; busy_until_ms: [takers], updated in place.
    - Calls that would start at `until_ms` or later stay in the queue: the list is then shorter.
    """
    free = [(int(t), i) for i, t in enumerate(busy_until_ms)]
    heapq.heapify(free)
    starts = []
    for call, service in zip(call_ms, service_ms, strict=True):
        ready, taker = free[0]
        start = max(int(call), ready)
        if start >= until_ms:
            break
        heapq.heapreplace(free, (start + int(service), taker))
        starts.append(start)
    for t, taker in free:
        busy_until_ms[taker] = t
    return starts


def exponential_ms(seed: int, stream: str, key: ArrayLike, k: ArrayLike, mean_s: float) -> I64:
    """Draw exponential times in whole ms, one for each stable key."""
    return np.rint(-mean_s * 1000.0 * np.log(rng.uniform(seed, stream, key, k))).astype(np.int64)


def station_walk_s(city: City, x_m: ArrayLike, y_m: ArrayLike) -> F64:
    """Walk from places to the nearest police or fire station, s; infinite where the city has none."""
    stations = city.facilities_of("police_station", "fire_station")
    x, y = np.asarray(x_m, np.float64), np.asarray(y_m, np.float64)
    if stations.size == 0:
        return np.full(x.shape, np.inf)
    tree = cKDTree(np.column_stack([city.facilities.x_m[stations], city.facilities.y_m[stations]]))
    return np.asarray(tree.query(np.stack([x, y], axis=-1))[0] * DETOUR / WALK_MPS, np.float64)


class Calls(Component):
    """Opens incidents, lets people call, answers calls, keeps the reported numbers."""

    name = "calls"
    reads = (
        "person_health", "person_trapped", "person_health_event", "person_care",
        "person_care_event", "party_node", "party_place", "zone_telecom_on", "incident_unit",
        "incident_building", "incident_call_ms", "incident_no_phone", "incident_openings",
        "taker_busy_until_ms", "incident_left", "venue_dense_event", "seen_venue_eased_event",
        "incident_venue",
    )
    writes = (
        "incident_state", "incident_building", "incident_node",
        "incident_opened_ms", "incident_call_ms", "incident_known_ms", "incident_event",
        "incident_count", "incident_openings", "incident_no_phone", "incident_patients",
        "incident_trapped", "incident_severity", "taker_busy_until_ms", "person_incident",
        "incident_left", "incident_venue",
    )
    emits = ("incident_opened", "call_made", "call_delayed", "call_answered", "incident_closed",
             "crush_reported")

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        city = context.city
        self._buildings = city.buildings.x_m.size
        self._drive_node = drive_node(city)
        # A place is a building's row, or a junction's row after all buildings, or a venue's after
        # all junctions: the stable key.
        self._nodes = city.nodes.x_m.size
        count = int(self.w.incident_count[0])
        self._row_of_place = {int(p): i for i, p in enumerate(self._place(np.arange(count)))}

    def _place(self, rows: I64) -> I64:
        """Stable key of each of `rows`."""
        w = self.w
        building, venue = w.incident_building[rows], w.incident_venue[rows]
        place = np.where(building >= 0, building, self._buildings + w.incident_node[rows])
        return np.asarray(np.where(venue >= 0, self._buildings + self._nodes + venue, place), np.int64)

    def due(self, now_ms: int) -> int:
        count = int(self.w.incident_count[0])
        busy = among(self.w.incident_state[:count], _OPEN).any() or self._unreported().size
        busy |= bool((self.w.venue_dense_event >= 0).any())
        return now_ms if busy else NEVER

    def step(self, t0_ms: int, t1_ms: int) -> None:
        self._open()
        self._open_venues()
        if not among(self.w.incident_state[: self.w.incident_count[0]], _OPEN).any():
            return
        self._report(t0_ms)
        self._call(t0_ms, t1_ms)
        self._answer(t1_ms)

    def _in_need(self) -> NDArray[np.bool_]:
        health = self.w.person_health
        needs = ((health >= H_SERIOUS) | self.w.person_trapped) & (health < H_DEAD)
        return np.asarray(needs, np.bool_)

    def _unreported(self) -> NDArray[np.int64]:
        people = np.flatnonzero(self._in_need())
        care = self.w.person_care[people]
        new = (self.w.person_incident[people] < 0) & (self.w.person_health_event[people] >= 0)
        new &= ~among(care, _TAKEN)
        return np.asarray(people[new], np.int64)

    def _open(self) -> None:
        """Put people in need into the incident of their place."""
        people = self._unreported()
        if people.size == 0:
            return
        w, parties = self.w, self.ctx.parties
        building = parties.person_building[people]
        party = parties.of_person[people]
        inside = w.person_trapped[people] | among(w.party_place[party], _INDOORS)
        node = self._drive_node[w.party_node[party]]
        place = np.where(inside & (building >= 0), building, self._buildings + node)
        t = self.ctx.log.column("t_ms")[w.person_health_event[people]]
        order = np.lexsort((people, t))
        people, place, t = people[order], place[order], t[order]
        _, first, group = np.unique(place, return_index=True, return_inverse=True)
        members = np.bincount(group)
        for g in np.argsort(first, kind="stable"):
            start = int(first[g])
            row = self._row(int(place[start]))
            if w.incident_state[row] not in _OPEN:
                cause = int(w.person_health_event[people[start]])
                self._begin(row, int(place[start]), int(t[start]), int(members[g]), cause)
        w.person_incident[people] = [self._row_of_place[int(p)] for p in place]

    def _open_venues(self) -> None:
        """Somebody in a crowd that is pressed together will call."""
        w = self.w
        for venue in np.flatnonzero(w.venue_dense_event >= 0):
            place, cause = self._buildings + self._nodes + int(venue), int(w.venue_dense_event[venue])
            row = self._row(place)
            known = w.incident_state[row] in _OPEN or w.seen_venue_eased_event[venue] > cause
            if not known:
                w.incident_venue[row] = venue
                self._begin(row, place, int(self.ctx.log.column("t_ms")[cause]), 0, cause)

    def _row(self, place: int) -> int:
        row = self._row_of_place.get(place)
        if row is None:
            row = int(self.w.incident_count[0])
            if row >= self.w.incident_state.size:
                raise RunError(f"more than {row:,} places need help; raise twin.MAX_INCIDENTS")
            self.w.incident_count[0] += 1
            self._row_of_place[place] = row
        return row

    def _begin(self, row: int, place: int, t_ms: int, people: int, cause: int) -> None:
        w, inside, venue = self.w, place < self._buildings, int(self.w.incident_venue[row])
        w.incident_building[row] = place if inside else -1
        node = self.ctx.city.buildings.node[place] if inside else place - self._buildings
        if venue >= 0:
            node = self.ctx.site.venue_node[venue]
        w.incident_node[row] = self._drive_node[node]
        w.incident_state[row] = I_CALLING
        w.incident_no_phone[row] = False
        w.incident_left[row] = 0
        w.incident_opened_ms[row] = t_ms
        w.incident_known_ms[row] = NEVER
        delay = exponential_ms(
            self.ctx.seed, "call.delay", place, w.incident_openings[row], CALL_DELAY_MEAN_S
        )
        w.incident_call_ms[row] = t_ms + delay[0]
        w.incident_openings[row] += 1
        if venue >= 0:
            density = float(self.ctx.log.column("value")[cause])
            w.incident_event[row] = self.emit("crush_reported", t_ms, row, venue, density, cause)[0]
            return
        w.incident_event[row] = self.emit(
            "incident_opened", t_ms, row, w.incident_building[row], people, cause
        )[0]

    def _zone(self, row: int) -> int:
        building = int(self.w.incident_building[row])
        if building >= 0:
            return int(self.ctx.city.buildings.zone[building])
        return int(self.ctx.site.zone_of_node[self.w.incident_node[row]])

    def _call(self, t0_ms: int, t1_ms: int) -> None:
        """Let calls through, or send somebody on foot where there is no telephone service."""
        w = self.w
        rows = np.flatnonzero(w.incident_state == I_CALLING)
        for row in rows[np.lexsort((rows, w.incident_call_ms[rows]))]:
            served = bool(w.zone_telecom_on[self._zone(row)])
            if w.incident_no_phone[row] and served:
                w.incident_call_ms[row] = min(int(w.incident_call_ms[row]), t0_ms)
            if not (w.incident_no_phone[row] or served) and w.incident_call_ms[row] < t1_ms:
                walk_s = self._walk_s(int(w.incident_node[row]))
                w.incident_event[row] = self.emit(
                    "call_delayed", w.incident_call_ms[row], row,
                    reason("no telephone service"), walk_s if np.isfinite(walk_s) else -1.0,
                    w.incident_event[row],
                )[0]
                w.incident_no_phone[row] = True
                w.incident_call_ms[row] += (
                    round(walk_s * 1000) if np.isfinite(walk_s) else NEVER // 2
                )
        made = rows[w.incident_call_ms[rows] < t1_ms]
        made = made[np.lexsort((made, w.incident_call_ms[made]))]
        w.incident_event[made] = self.emit(
            "call_made", w.incident_call_ms[made], made, [self._zone(row) for row in made],
            cause=w.incident_event[made],
        )
        w.incident_state[made] = I_QUEUED

    def _walk_s(self, node: int) -> float:
        nodes = self.ctx.city.nodes
        return float(station_walk_s(self.ctx.city, nodes.x_m[node], nodes.y_m[node]))

    def _answer(self, t1_ms: int) -> None:
        w = self.w
        rows = np.flatnonzero(w.incident_state == I_QUEUED)
        if rows.size == 0:
            return
        rows = rows[np.lexsort((rows, w.incident_call_ms[rows]))]
        service = exponential_ms(
            self.ctx.seed, "call.service", self._place(rows), w.incident_openings[rows] - 1, SERVICE_MEAN_S
        )
        calls = w.incident_call_ms[rows]
        starts = np.array(
            answer_fifo(calls.tolist(), service.tolist(), w.taker_busy_until_ms, t1_ms), np.int64
        )
        rows, waited = rows[: starts.size], (starts - calls[: starts.size]) / 1000.0
        w.incident_event[rows] = self.emit(
            "call_answered", starts, rows, value=waited, cause=w.incident_event[rows]
        )
        w.incident_known_ms[rows] = starts
        w.incident_state[rows] = I_KNOWN

    def _report(self, t0_ms: int) -> None:
        """Count who still needs what; close incidents that nobody needs any more."""
        w, n = self.w, int(self.w.incident_count[0])
        people = np.flatnonzero(w.person_incident >= 0)
        health, care = w.person_health[people], w.person_care[people]
        stays = self._in_need()[people] & ~among(care, _TAKEN)
        rank = among(care, (C_TRANSPORT, C_HOSPITAL)) + 2 * (care == C_SELF)
        rank = np.where(health == H_DEAD, 3, rank)[~stays].astype(np.uint8)
        gone, people = people[~stays], people[stays]
        health, care = health[stays], care[stays]
        at, trapped = w.person_incident[people], w.person_trapped[people]
        waits = ~trapped & ((care == C_NONE) | (care == C_WAITING)) & (health >= H_SERIOUS)
        waits &= health <= H_CRITICAL
        w.incident_trapped[:n] = np.bincount(at[trapped], minlength=n)
        w.incident_patients[:n] = np.bincount(at[waits], minlength=n)
        w.incident_severity[:n] = 0
        # Someone under a crew's hands no longer counts for the order of severity.
        ranked = care != C_TREATED
        np.maximum.at(w.incident_severity, at[ranked], health[ranked])
        state = w.incident_state[:n]
        sent = w.incident_unit[:n] >= 0
        state[(state == I_KNOWN) & sent] = I_ASSIGNED
        state[(state == I_ASSIGNED) & ~sent] = I_KNOWN
        last = np.full(n, -1, np.int64)
        latest = np.maximum(w.person_care_event[gone], w.person_health_event[gone])
        np.maximum.at(last, w.person_incident[gone], latest)
        np.maximum.at(w.incident_left, w.person_incident[gone], rank)
        w.person_incident[gone] = -1
        empty = among(state, _OPEN) & (np.bincount(at, minlength=n) == 0)
        venue = w.incident_venue[:n]
        eased = np.append(w.seen_venue_eased_event, -1)[venue]
        empty &= (venue < 0) | (eased > w.incident_event[:n])
        last = np.maximum(last, eased)
        rows = np.flatnonzero(empty)
        cause = np.maximum(last[rows], w.incident_event[rows])
        t = np.maximum(self.ctx.log.column("t_ms")[cause], w.incident_opened_ms[rows])
        order = np.lexsort((rows, t))
        rows, cause, t = rows[order], cause[order], t[order]
        w.incident_event[rows] = self.emit(
            "incident_closed", t, rows, _LEFT[w.incident_left[rows]],
            (t - w.incident_opened_ms[rows]) / 1000.0, cause,
        )
        w.incident_state[rows] = I_CLOSED
