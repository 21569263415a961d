"""Care homes emptied on foot: the staff rouse, lead and push their residents, and come back for the next.

From its start after the order a home's staff get everybody ready; then those who walk set out as one group
led by one in `LED`, at the pace of the slowest, and the others push one each who does not walk
(`engine/escorts.py`: figures and sources). They go as all walkers do, through crowd, water and rubble
(`pedestrians.py`; the group by `together.py`). One of two or more stays with those who wait in the home,
and leaves with the last of them. Those who were led are left with one of three or more, else with whoever
is in safety there (assumption); the others walk back at a crew's pace (`crews.py`) and lead those who still
wait and walk, or push the next, in wheelchairs also who would walk there too late.

Who is in the home leaves it while the free walk ends before the predicted first wave; of those who walk,
the quicker ones alone where the slower would be too late. Nobody goes back in who could not be outside with
the next one when the responders' line shuts, `exclusion.lead_s` before that wave. For a vertical
refuge they set out once it is open; when it is full or lost they make for high ground. Whoever is left
stays with whoever of the staff is there, and goes upstairs when the water comes, where there is an upper
floor (`engine/people/refuge.py`). Staff whose people have all died under way do not go back.

Limits: staff are no people of the city (they add nothing to the crowd, and no harm to them is counted); no
time passes for bringing upstairs those who stay; one alone leaves those who wait by themselves; who has
stopped for want of time does not begin again when a later wave is predicted; under way nobody is left
behind or turned round for being slower than expected.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.city import F64, I32, I64
from engine.codes import among
from engine.component import Component, Context
from engine.escorts import LED, PUSHED_MPS, READY_S, ready_s, walks
from engine.events import MODES, reason
from engine.kernels.paths import UNREACHED
from engine.kernels.walking import Walkers, WalkNet, advance_walkers
from engine.mobility.crews import CREW_MPS, crowd_left
from engine.mobility.departures import Departures
from engine.mobility.destinations import WalkRoutes
from engine.mobility.pedestrians import Pedestrians
from engine.mobility.together import Together
from engine.mobility.trip import set_walking
from engine.shore import is_dark
from engine.world import (
    H_DEAD,
    NEVER,
    P_CUT_OFF,
    P_HIGH,
    P_MEETING,
    P_PREPARING,
    P_REFUGE,
    P_SHELTER,
    P_START,
    P_STAYING,
)

#: What a member of staff does: nothing yet, gets everybody ready, gets the next ready, is under way with
#: somebody, walks back, has done, is with those who wait.
IDLE, ROUSES, READIES, OUT, BACK, DONE, WAITS = range(7)
_AT_HOME = (P_START, P_PREPARING, P_STAYING, P_CUT_OFF)
_SAFE = (P_HIGH, P_MEETING, P_SHELTER, P_REFUGE)
_UPSTAIRS = 3  #: party_decision of who is kept in a building by water
_WET_M = 0.05
_FOOT = MODES.index("foot")


class Escorts:
    """Staff of homes [staff], each of one home, and what has become of the homes [homes]."""

    def __init__(
        self, host: Component, context: Context, walk: WalkRoutes, together: Together,
        pedestrians: Pedestrians, departures: Departures,
    ) -> None:
        self.host, self.ctx, self._walk, self._together = host, context, walk, together
        self._pedestrians, self._departures = pedestrians, departures
        city, parties, led = context.city, context.parties, context.site.led
        self._led = led
        self._net = WalkNet(city.walk.head, city.walk.length_m, walk.slope, city.streets.width_m)
        self._residents = [
            np.flatnonzero(parties.ward == house)[:people]
            for house, people in zip(led.facility, led.people, strict=True)
        ]
        self._walks = [
            walks(city, context.seed, parties.first[rows].astype(np.int64), parties.ward[rows])
            for rows in self._residents
        ]
        self._home = np.repeat(np.arange(led.mission.size), led.staff)
        self._everybody = np.concatenate([np.empty(0, np.int64), *self._residents])
        n, homes = self._home.size, led.mission.size
        self._s: dict[str, NDArray[Any]] = {
            "phase": np.zeros(n, np.uint8), "due_ms": np.full(n, NEVER, np.int64),
            "party": np.full(n, -1, np.int64), "stays": np.zeros(n, np.bool_),
            "node": np.zeros(n, np.int32), "arc": np.full(n, -1, np.int32),
            "offset_m": np.zeros(n, np.float64), "since_ms": np.zeros(n, np.int64),
            "event": np.full(n, -1, np.int64),
            "begun": np.full(homes, -1, np.int64),  # event of the beginning
            "dest": led.dest.astype(np.int64), "late": np.zeros(homes, np.bool_),
            "closed": np.zeros(homes, np.bool_),
            "first": np.full(self._everybody.size, -1, np.int64),  # of the group that each left with
        }

    def save(self) -> dict[str, NDArray[Any]]:
        """Arrays for a snapshot."""
        return {f"escort_{name}": array.copy() for name, array in self._s.items()}

    def load(self, private: dict[str, NDArray[Any]]) -> None:
        """Take the arrays of a snapshot back."""
        self._s = {name: private[f"escort_{name}"].copy() for name in self._s}

    # --- out of the home ------------------------------------------------------------------------

    def set_out(self, t0_ms: int, t1_ms: int) -> None:
        """Begin where it is time, and leave with those who are ready."""
        s = self._s
        for home in np.flatnonzero(~s["closed"]).tolist():
            if s["begun"][home] < 0:
                self._begin(home, t0_ms, t1_ms)
            staff = np.flatnonzero((self._home == home) & (s["due_ms"] < t1_ms))
            last_ms = t0_ms
            if staff.size and s["phase"][staff[0]] == ROUSES:
                last_ms = max(int(s["due_ms"][staff[0]]), t0_ms)
                last_ms = self._all_set_out(home, staff, last_ms, t1_ms)
            else:
                for one in staff[np.lexsort((staff, s["due_ms"][staff]))].tolist():
                    last_ms = max(int(s["due_ms"][one]), t0_ms)
                    self._next(one, last_ms, t0_ms, int(self.host.w.exclusion_ms[0]))
            self._leave_last(home, last_ms, t0_ms)

    def _begin(self, home: int, t0_ms: int, t1_ms: int) -> None:
        w, s = self.host.w, self._s
        if w.order_event[0] < 0 or w.all_clear_event[0] >= 0:
            return
        t_ms = max(int(w.order_decided_ms[0]) + int(self._led.start_ms[home]), t0_ms)
        if t_ms >= t1_ms:
            return
        there, on_foot = self._there(home)
        if there.size == 0:
            s["closed"][home] = True
            return
        number = int(self._led.staff[home])
        s["begun"][home] = self.host.emit(
            "escorts_start", t_ms, self._led.mission[home], self._led.facility[home], number,
            w.order_event[0])[0]
        staff = self._home == home
        s["phase"][staff] = ROUSES
        s["due_ms"][staff] = t_ms + round(1000 * ready_s(int(on_foot.sum()), number))

    def _there(self, home: int) -> tuple[I64, NDArray[np.bool_]]:
        """(residents in the home who can be moved, who of them walks)."""
        w, rows = self.host.w, self._residents[home]
        good = among(w.party_place[rows], _AT_HOME) & (w.party_decision[rows] != _UPSTAIRS)
        good &= self._departures.able(rows)
        return rows[good], self._walks[home][good]

    def _all_set_out(self, home: int, staff: I64, t_ms: int, t1_ms: int) -> int:
        """The first leave with some of the staff, or all of them; when."""
        w, s = self.host.w, self._s
        first_ms = int(w.predicted_ms[0])
        if w.all_clear_event[0] >= 0:
            s["phase"][staff], s["due_ms"][staff] = DONE, NEVER
            return t_ms
        opened_ms = self._destination(home)
        t_ms = max(t_ms, opened_ms) if opened_ms < NEVER else t_ms
        if opened_ms >= NEVER and t_ms <= first_ms:
            s["due_ms"][staff] = t1_ms  # at the tower's door nobody would let them in
            return t_ms
        group = self._in_time(home, t_ms, t1_ms, first_ms)[: min(LED * staff.size, self._room(home))]
        lead = -(-group.size // LED)
        some_wait = self._wait_there(home) - group.size > staff.size - lead
        if some_wait and lead == staff.size > 1:
            lead -= 1
        leading, others = staff[:lead], staff[lead:]
        if lead:
            self._set_out_with(home, leading, group, t_ms)
            s["stays"][leading[0]] = staff.size > 2
        if others.size and some_wait and staff.size > 1:
            s["phase"][others[-1]], s["due_ms"][others[-1]] = WAITS, NEVER
            others = others[:-1]
        for one in others.tolist():
            self._next(one, t_ms, t1_ms, first_ms)
        return t_ms

    def _in_time(self, home: int, t_ms: int, now_ms: int, limit_ms: int) -> I64:
        """Residents in the home who, setting out at `t_ms` on their own feet, would be there by `limit_ms`,
        the quickest first."""
        rows, on_foot = self._there(home)
        rows = rows[on_foot]
        eta_ms = t_ms + self._walk_ms(home, rows, self.host.w.party_speed_mps[rows], now_ms)
        good = (eta_ms <= limit_ms) & (not self._wet(home))
        self._s["late"][home] |= not good.all()
        return np.asarray(rows[good][np.lexsort((rows[good], eta_ms[good]))])

    def _set_out_with(self, home: int, staff: I64, quickest: I64, t_ms: int) -> None:
        """Staff lead as many of the `quickest` as they can and there is room for."""
        group = np.sort(quickest[: min(LED * staff.size, self._room(home))])
        self._leave(home, group, t_ms)
        for party in group[1:].tolist():
            self._together.join(int(group[0]), party)
        self._under_way(staff, group)

    def _destination(self, home: int) -> int:
        """Since when the place can be entered, NEVER while a refuge is shut; from one that is lost or full
        they turn to high ground."""
        w, s, site = self.host.w, self._s, self.ctx.site
        refuge = int(s["dest"][home]) - 1 - site.shelter.size
        if refuge < 0:
            return 0
        if w.refuge_lost_event[refuge] >= 0 or w.refuge_load[refuge] >= site.refuges.places[refuge]:
            s["dest"][home] = 0
            return 0
        event = int(w.refuge_open_event[refuge])
        return int(self.ctx.log.column("t_ms")[event]) if event >= 0 else NEVER

    def _room(self, home: int) -> int:
        """How many more the place takes in, where it is a refuge."""
        refuge = int(self._s["dest"][home]) - 1 - self.ctx.site.shelter.size
        if refuge < 0:
            return int(self._residents[home].size)
        return int(self.ctx.site.refuges.places[refuge] - self.host.w.refuge_load[refuge])

    def _next(self, one: int, t_ms: int, now_ms: int, limit_ms: int) -> None:
        """Leave with the next group, or push the next one, if they are there by `limit_ms`."""
        home, s = int(self._home[one]), self._s
        s["due_ms"][one] = NEVER
        rows, on_foot = self._there(home)
        self._destination(home)
        if rows.size == 0 or self.host.w.all_clear_event[0] >= 0:
            s["phase"][one] = DONE
            return
        group = self._in_time(home, t_ms, now_ms, limit_ms)
        if group.size:
            self._set_out_with(home, np.array([one]), group, t_ms)
            return
        party = rows[np.argsort(on_foot, kind="stable")[:1]]
        there_ms = t_ms + int(self._walk_ms(home, party, np.array([PUSHED_MPS]), now_ms)[0])
        if there_ms > limit_ms or self._wet(home):
            s["late"][home], s["phase"][one] = True, DONE
            return
        self.host.w.party_speed_mps[party] = PUSHED_MPS
        self._leave(home, party, t_ms)
        self._under_way(np.array([one]), party)

    def _leave_last(self, home: int, t_ms: int, now_ms: int) -> None:
        """Who stayed with those who wait leaves with the last of them, or stays when nobody comes back."""
        w, s = self.host.w, self._s
        one = np.flatnonzero((self._home == home) & (s["phase"] == WAITS))
        if one.size == 0:
            return
        if self._wait_there(home) <= 1 or w.all_clear_event[0] >= 0:
            self._next(int(one[0]), t_ms, now_ms, int(w.predicted_ms[0]))
        elif not among(s["phase"][self._home == home], (READIES, OUT, BACK)).any():
            s["phase"][one] = DONE

    def _wait_there(self, home: int) -> int:
        """Residents alive in the home, whether they can be moved or not."""
        return int(self._stay(self._residents[home]).sum())

    def _stay(self, rows: I64) -> NDArray[np.bool_]:
        """Which residents [rows] are in the home and alive."""
        w = self.host.w
        alive = w.person_health[self.ctx.parties.first[rows]] < H_DEAD
        return np.asarray(among(w.party_place[rows], _AT_HOME) & alive)

    def _under_way(self, staff: I64, group: I64) -> None:
        s = self._s
        s["phase"][staff], s["party"][staff], s["due_ms"][staff] = OUT, group[0], NEVER
        s["first"][np.isin(self._everybody, group)] = group[0]

    def _leave(self, home: int, rows: I64, t_ms: int) -> None:
        """Residents `rows` set out."""
        w, begun = self.host.w, int(self._s["begun"][home])
        since_s = (t_ms - int(self.ctx.log.column("t_ms")[begun])) / 1000.0
        event = self.host.emit(
            "party_led", t_ms, rows, self._led.mission[home], since_s,
            np.maximum(w.party_trip_event[rows], begun))
        w.party_trip_event[rows] = self.host.emit(
            "party_departed", t_ms, rows, _FOOT, w.party_node[rows], event)
        w.party_left_ms[rows], w.party_dest[rows] = t_ms, self._s["dest"][home]
        w.party_stop_reason[rows] = 0
        set_walking(self.host, rows)

    def _wet(self, home: int) -> bool:
        """Whether water stands at the door."""
        return bool(self.host.w.node_depth_m[self._led.node[home]] > _WET_M)

    def _walk_ms(self, home: int, rows: I64, speed_mps: Any, now_ms: int) -> I64:
        """The free walk of residents [n] at `speed_mps` by day, ms."""
        cost = int(self._walk.cost_ms[self._s["dest"][home], self._led.node[home]])
        if cost >= UNREACHED:
            return np.full(rows.size, NEVER, np.int64)
        own = self.host.w.party_speed_mps[rows]
        dark = self._pedestrians.free_speed(rows, now_ms)[rows] / np.maximum(own, 1e-6)
        return np.asarray(np.rint(cost / (np.asarray(speed_mps) * dark)).astype(np.int64))

    # --- and back -------------------------------------------------------------------------------

    def come_back(self, t0_ms: int, t1_ms: int) -> None:
        """Who is in safety goes back for the next or has done; those on the way back walk on."""
        s = self._s
        for one in np.flatnonzero(s["phase"] == OUT).tolist():
            self._look(one, t0_ms)
        if self.host.w.exclusion_ms[0] <= t0_ms:  # who is not through by now turns round
            back = s["phase"] == BACK
            s["late"][self._home[back]], s["phase"][back] = True, DONE
        self._walk_back(t0_ms, t1_ms)
        for home in np.flatnonzero((s["begun"] >= 0) & ~s["closed"]).tolist():
            if (s["phase"][self._home == home] == DONE).all():
                self._close(home, t1_ms)

    def _look(self, one: int, t0_ms: int) -> None:
        """Whether the one led or pushed is in safety, and then for whom to go back."""
        w, s, parties = self.host.w, self._s, self.ctx.parties
        party, home = int(s["party"][one]), int(self._home[one])
        if not among(w.party_place[[party]], _SAFE)[0]:
            group = self._everybody[s["first"] == party]
            if (w.person_health[parties.first[group]] >= H_DEAD).all():
                s["phase"][one] = DONE
            return
        event = int(w.party_trip_event[party])
        t_ms, s["event"][one] = int(self.ctx.log.column("t_ms")[event]), event
        mine, waiting = s["phase"][self._home == home], self._there(home)[0]
        taken = int(among(mine, (BACK, READIES)).sum())
        taken += int((mine == WAITS).any() and self._wait_there(home) == waiting.size)
        if s["stays"][one] or w.all_clear_event[0] >= 0 or waiting.size <= taken:
            s["phase"][one] = DONE
            return
        node = int(w.party_node[party])
        back_ms = int(self._tree(home)[1][node] / self._back_mps(np.array([node]), t0_ms)[0])
        out_ms = int(self._walk_ms(home, waiting[:1], np.array([PUSHED_MPS]), t0_ms)[0])
        if t_ms + back_ms + round(1000 * READY_S) + out_ms > w.exclusion_ms[0]:
            s["late"][home], s["phase"][one] = True, DONE
            return
        s["phase"][one], s["since_ms"][one] = BACK, t_ms
        s["node"][one], s["arc"][one], s["offset_m"][one] = node, -1, 0.0

    def _walk_back(self, t0_ms: int, t1_ms: int) -> None:
        w, s = self.host.w, self._s
        rows = np.flatnonzero(s["phase"] == BACK)
        if rows.size == 0:
            return
        homes, which = np.unique(self._home[rows], return_inverse=True)
        dest = np.zeros(self._home.size, np.int16)
        dest[rows] = which
        target = np.zeros((homes.size, self.ctx.site.walk_node.size), np.bool_)
        target[np.arange(homes.size), self._led.node[homes]] = True
        speed = np.zeros(self._home.size, np.float32)
        speed[rows] = self._back_mps(s["node"][rows], t0_ms) * crowd_left(
            w, self.ctx.city.streets, self._together.people, s["arc"][rows])
        moved = advance_walkers(
            # Few as they are, they never fill a street: no debt to keep.
            Walkers(s["arc"], s["offset_m"], s["node"], np.zeros(w.street_walk_factor.size)),
            rows, t0_ms, t1_ms, net=self._net, street_factor=w.street_walk_factor,
            free_speed_mps=speed, size=np.ones(self._home.size, np.int64), dest=dest,
            next_arc=np.stack([self._tree(int(home))[0] for home in homes]), target=target,
            start_ms=s["since_ms"],
        )
        order = np.lexsort((moved.arrived, moved.arrived_ms))
        for one, t_ms in zip(moved.arrived[order], moved.arrived_ms[order], strict=True):
            took_s = (int(t_ms) - int(s["since_ms"][one])) / 1000.0
            s["event"][one] = self.host.emit(
                "escort_back", t_ms, self._led.mission[self._home[one]], value=took_s,
                cause=s["event"][one])[0]
            s["phase"][one], s["due_ms"][one] = READIES, int(t_ms) + round(1000 * READY_S)

    def _back_mps(self, node: I32 | I64, t0_ms: int) -> F64:
        """Speed of staff alone on an empty level street, by the junction [n] they passed last."""
        speed = np.full(node.size, CREW_MPS)
        if is_dark(self.ctx.city, self.ctx.scenario.start + timedelta(milliseconds=t0_ms)):
            lit = self.host.w.zone_power_on[self.ctx.site.zone_of_node[node]]
            speed *= np.where(lit, 1.0, self.ctx.behaviour.dark_walk_share)
        return speed

    def _tree(self, home: int) -> tuple[I32, I64]:
        """Next arcs and cost to a home, by the walkers' streets as they were last looked at."""
        door = self._led.node[home : home + 1]
        return self._walk.tree_to(int(door[0]), door)

    def _close(self, home: int, t1_ms: int) -> None:
        """Nobody else is led out: say how many stay, and why."""
        s, rows = self._s, self._residents[home]
        stay = self._stay(rows)
        why = 0
        if stay.any():
            able = self._departures.able(rows[stay]).any()
            why = reason("hurt" if not able else "road under water" if self._wet(home)
                         else "too late to be out before the wave" if s["late"][home] else "no staff")
        self.host.emit("escorts_done", t1_ms, self._led.mission[home], why, int(stay.sum()),
                       max(int(s["begun"][home]), int(s["event"][self._home == home].max())))
        s["closed"][home] = True

    def conserved(self) -> str:
        """What does not add up, or an empty string."""
        s = self._s
        pushed = s["party"][s["phase"] == OUT]
        alone = [party for party in pushed.tolist() if (s["first"] == party).sum() == 1]
        if len(set(alone)) < len(alone):
            return "two members of staff push the same resident"
        return ""
