"""Trips of transport missions: people get on where they wait, ride, and are set down.

to scene -> on scene (getting on) -> carrying -> setting down -> available; times are those of
`engine/loading.py`. A bed is kept from the moment a patient is fetched, where the target is a hospital.
A bus of a line takes the people who wait in the order in which they came, up to its seats, stays for
`wait_s` while it has room, goes on to the next pick-up and then to where it sets them down.
Ordered out of the zone, or with water at the stop, the vehicle leaves with those on board so far; cut
off on the way, or taken by the water, it sets them down where it is and they go on on foot, helped by
the escorts.

Crews who go from door to door leave their vehicle in the middle of the zone and work until their time
is over; whom they reach is the warning's business.

Limits: escorts are not counted among the city's people; a vehicle takes no other passengers; in a
hospital that has shut meanwhile those on the way are set down all the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.city import FACILITIES, I64
from engine.component import Context
from engine.events import reason
from engine.loading import lying_ms, passengers_ms, room, set_down_ms, sitting_ms
from engine.wards import lies
from engine.world import (
    C_NONE,
    H_DEAD,
    P_AT_STOP,
    P_CUT_OFF,
    P_PREPARING,
    P_START,
    P_STAYING,
    U_CARRYING,
    U_ON_SCENE,
    U_SETTING_DOWN,
    U_TO_SCENE,
)

_IN_BED = (P_START, P_PREPARING, P_STAYING, P_CUT_OFF)
_HOSPITAL = FACILITIES.index("hospital")
LOOK_MS = 10_000  #: a bus at a pick-up looks again for people


class MissionTrips:
    """Part of the units component that fetches people who cannot leave alone."""

    w: Any
    ctx: Context
    emit: Any
    _now_ms: int
    _event: Any
    _phase: Any
    _drive: Any
    _available: Any
    _open: Any
    _beds: Any

    def _prepare_missions(self) -> None:
        parties, missions = self.ctx.parties, self.ctx.site.missions
        self._lies = lies(
            self.ctx.city, self.ctx.seed, parties.first.astype(np.int64), parties.ward)
        #: In-patients of each mission: the first so many of the ward's, in the table's order; none
        #: where the staff lead them out on foot.
        self._patients = [
            np.flatnonzero(parties.ward == facility)[: 0 if on_foot else people]
            for facility, people, on_foot in zip(
                missions.facility, missions.people, missions.on_foot, strict=True)
        ]

    # --- what the place reports -----------------------------------------------------------------

    def _report_missions(self) -> None:
        """Who waits at each mission's stops, and what keeps them from being taken."""
        w, missions = self.w, self.ctx.site.missions
        for row in range(missions.count):
            waiting = self._waiting(row)
            lying = 0 if self._is_line(row) else int(self._lies[waiting].sum())
            w.mission_lying[row] = lying
            w.mission_sitting[row] = self._people(waiting) - lying
            dest = int(missions.dest[row])
            block = 0
            if dest >= 0 and self.ctx.city.facilities.kind[dest] == _HOSPITAL:
                block = int(w.hospital_shut[dest])
                if not block and self._beds(dest) <= w.hospital_beds_used[dest]:
                    block = reason("no hospital bed")
            w.mission_block[row] = block

    def _waiting(self, row: int, stop: int = -1) -> I64:
        """Parties whom nobody fetches yet: in-patients, or those at a line's pick-up (-1: at any), in
        the order in which they came there."""
        w, parties = self.w, self.ctx.parties
        if self.ctx.site.missions.door[row] >= 0:
            return np.empty(0, np.int64)
        if self._is_line(row):
            here = (w.party_place == P_AT_STOP) & (w.party_line == row) & (w.party_unit < 0)
            if stop >= 0:
                here &= w.party_stop == stop
            there = np.flatnonzero(here)
            return np.asarray(there[np.argsort(w.party_stop_ms[there], kind="stable")])
        rows: I64 = self._patients[row]
        person = parties.first[rows]
        good = np.isin(w.party_place[rows], _IN_BED) & (w.party_unit[rows] < 0)
        good &= (w.person_health[person] < H_DEAD) & ~w.person_trapped[person]
        return np.asarray(rows[good & (w.person_care[person] == C_NONE)])

    def _is_line(self, row: int) -> bool:
        missions = self.ctx.site.missions
        return bool(missions.facility[row] < 0 and missions.door[row] < 0)

    def _people(self, rows: I64) -> int:
        return int(self.ctx.parties.size[rows].sum())

    # --- at the stop ----------------------------------------------------------------------------

    def _at_stop(self, unit: int, t_ms: int) -> None:
        """Those who fit in get on; the vehicle leaves when they have, or at once without any."""
        w, site = self.w, self.ctx.site
        row = int(w.unit_mission[unit])
        if self._is_line(row):
            self._pick_up(unit, t_ms)
            return
        waiting, escorts = self._waiting(row), int(site.missions.escorts[row])
        places = int(room(site.units.seats[unit : unit + 1], escorts)[0])
        if site.units.seats[unit]:
            waiting = waiting[~self._lies[waiting]]
        else:
            waiting = waiting[np.argsort(~self._lies[waiting], kind="stable")]
        dest = int(site.missions.dest[row])
        if dest >= 0 and self.ctx.city.facilities.kind[dest] == _HOSPITAL:
            free = self._beds(dest) - int(w.hospital_beds_used[dest]) if self._open(dest) else 0
            places = min(places, free)
        taken = waiting[: max(places, 0)]
        if taken.size == 0:
            self._available(unit, t_ms)
            return
        self._keep_beds(dest, taken.size)
        w.party_unit[taken] = unit
        w.unit_riders[unit] = taken.size
        self._phase(unit, U_ON_SCENE, t_ms, t_ms + self._loading_ms(unit, taken))

    def _pick_up(self, unit: int, t_ms: int) -> None:
        """People get on while there are seats; then it waits a little, and goes on."""
        w = self.w
        row, stop = int(w.unit_mission[unit]), int(w.unit_stop[unit])
        free = int(self.ctx.site.units.seats[unit]) - int(w.unit_riders[unit])
        taken = []
        for party in self._waiting(row, stop):
            size = int(self.ctx.parties.size[party])
            if size <= free:
                taken.append(int(party))
                free -= size
        if taken:
            w.party_unit[taken] = unit
            w.unit_riders[unit] += self._people(np.array(taken))
            due = t_ms + self._loading_ms(unit, np.array(taken))
            self._phase(unit, U_ON_SCENE, t_ms, due)
        elif free > 0 and t_ms < w.unit_wait_ms[unit]:
            self._phase(unit, U_ON_SCENE, t_ms, min(t_ms + LOOK_MS, int(w.unit_wait_ms[unit])))
        else:
            self._go_on(unit, t_ms, free)

    def _go_on(self, unit: int, t_ms: int, free: int) -> None:
        """To the next pick-up where there is room, else to where they are set down."""
        w, stops = self.w, self.ctx.site.missions.stop_node[self.w.unit_mission[unit]]
        following = int(w.unit_stop[unit]) + 1
        if free > 0 and following < stops.size and stops[following] >= 0:
            w.unit_stop[unit] = following
            self._drive(unit, t_ms, int(stops[following]), U_TO_SCENE)
        elif w.unit_riders[unit]:
            self._carry(unit, t_ms)
        else:
            self._available(unit, t_ms)

    def _come_to_stop(self, unit: int, t_ms: int) -> None:
        """The vehicle is there."""
        row, missions = int(self.w.unit_mission[unit]), self.ctx.site.missions
        if missions.door[row] >= 0:
            end_ms = int(self.w.order_decided_ms[0]) + int(missions.end_ms[row])
            self._phase(unit, U_ON_SCENE, t_ms, max(end_ms, t_ms))
            return
        self.w.unit_wait_ms[unit] = t_ms + int(missions.wait_ms[row])
        self._at_stop(unit, t_ms)

    def _loading_ms(self, unit: int, taken: I64) -> int:
        if self._is_line(int(self.w.unit_mission[unit])):
            return passengers_ms(self._people(taken), True)
        escorts = int(self.ctx.site.missions.escorts[self.w.unit_mission[unit]])
        lying = int(self._lies[taken].sum())
        return lying_ms(lying, escorts) + sitting_ms(taken.size - lying, escorts)

    def _riders(self, unit: int, aboard: bool) -> I64:
        """Parties that are on board, or still getting on."""
        mine = np.flatnonzero(self.w.party_unit == unit)
        mine = mine[(self.w.party_board_event[mine] >= 0) == aboard]
        if not self._is_line(int(self.w.unit_mission[unit])):
            return np.asarray(mine)
        return np.asarray(mine[np.argsort(self.w.party_stop_ms[mine], kind="stable")])

    def _loaded(self, unit: int, t_ms: int) -> None:
        """Everybody is on board: a bus looks for more, the others are carried; a crew's time is over."""
        if self.ctx.site.missions.door[self.w.unit_mission[unit]] >= 0:
            self._available(unit, t_ms)
            return
        self._on_board(unit, self._riders(unit, False), t_ms)
        if self._is_line(int(self.w.unit_mission[unit])):
            self._at_stop(unit, t_ms)
        else:
            self._carry(unit, t_ms)

    def _on_board(self, unit: int, rows: I64, t_ms: int) -> None:
        w = self.w
        took_s = (t_ms - int(w.unit_since_ms[unit])) / 1000.0
        events = self.emit("party_boarded", t_ms, rows, unit, took_s, int(w.unit_event[unit]))
        w.party_board_event[rows] = events
        for party, event in zip(rows, events, strict=True):
            self.ctx.mail.boards.append((t_ms, int(party), int(event)))

    def _break_off(self, unit: int, t_ms: int) -> bool:
        """Leave the stop with those on board so far, the others stay; whether anybody is."""
        w = self.w
        getting_on = self._riders(unit, False)
        if w.unit_phase[unit] == U_ON_SCENE and getting_on.size:
            passed = t_ms - int(w.unit_since_ms[unit])
            done = sum(
                self._loading_ms(unit, getting_on[: k + 1]) <= passed for k in range(getting_on.size)
            )
            self._on_board(unit, getting_on[:done], t_ms)
            getting_on = getting_on[done:]
        self._keep_beds(int(self.ctx.site.missions.dest[w.unit_mission[unit]]), -getting_on.size)
        self._release(unit, getting_on)
        return bool(w.unit_riders[unit] > 0)

    def _release(self, unit: int, rows: I64) -> None:
        """Parties that the unit does not carry any more, or never did."""
        w = self.w
        w.party_unit[rows] = w.party_board_event[rows] = -1
        w.unit_riders[unit] -= self._people(rows)

    def _keep_beds(self, facility: int, number: int) -> None:
        if facility >= 0 and self.ctx.city.facilities.kind[facility] == _HOSPITAL:
            self.w.hospital_beds_used[facility] += number

    # --- on the way -----------------------------------------------------------------------------

    def _carry(self, unit: int, t_ms: int) -> None:
        node = int(self.ctx.site.missions.dest_node[self.w.unit_mission[unit]])
        self._drive(unit, t_ms, node, U_CARRYING)

    def _set_down(self, unit: int, t_ms: int) -> None:
        rows, row = self._riders(unit, True), int(self.w.unit_mission[unit])
        if self._is_line(row):
            took = passengers_ms(self._people(rows), False)
        else:
            lying = int(self._lies[rows].sum())
            took = set_down_ms(lying, rows.size - lying, int(self.ctx.site.missions.escorts[row]))
        self._phase(unit, U_SETTING_DOWN, t_ms, t_ms + took)

    def _unload(self, unit: int, t_ms: int, arrived: bool) -> None:
        """Everybody gets off, where they were to be taken or where the vehicle stands."""
        w, missions = self.w, self.ctx.site.missions
        row, rows = int(w.unit_mission[unit]), self._riders(unit, True)
        if rows.size == 0:
            return
        dest = int(missions.dest[row])
        if not arrived:
            self._keep_beds(dest, -rows.size)
        node = int(missions.dest_node[row]) if arrived else int(w.unit_node[unit])
        self._event("unit_unloaded", t_ms, unit, dest if arrived else -1, self._people(rows))
        event = int(w.unit_event[unit])
        for party in rows:
            self.ctx.mail.alights.append((t_ms, int(party), node, arrived, event))
        self._release(unit, rows)

    def _drop_mission(self, unit: int, t_ms: int) -> None:
        """The unit gives its mission up: nobody is on board, those getting on stay."""
        w = self.w
        if w.unit_mission[unit] < 0:
            return
        row = int(w.unit_mission[unit])
        getting_on = self._riders(unit, False)
        self._keep_beds(int(self.ctx.site.missions.dest[row]), -getting_on.size)
        self._release(unit, getting_on)
        self._unload(unit, t_ms, False)
        w.unit_mission[unit] = -1

    def conserved(self) -> str:
        """Riders of every unit are the parties that it fetches."""
        w, n = self.w, self.w.unit_riders.size
        rows = np.flatnonzero(w.party_unit >= 0)
        people = np.bincount(w.party_unit[rows], self.ctx.parties.size[rows], minlength=n)
        seats = self.ctx.site.units.seats
        if np.any((seats > 0) & (w.unit_riders > seats)):
            return "a bus carries more people than it has seats"
        if not np.array_equal(people.astype(np.int64), w.unit_riders):
            return "people on board are not those that units fetch"
        return ""


