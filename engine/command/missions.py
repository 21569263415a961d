"""Orders for transport missions: which vehicle fetches people next, and why none does.

From its start after the order until the all-clear a mission holds at most the plan's number of vehicles
of each kind; it comes before incidents, since the plan sets these vehicles aside. Each trip is an order
of its own: the free vehicle with the least travel time by the seen network that can be back outside
the exclusion line in time, driving there and getting people on included. How many wait is what the
place itself reports; vehicles under way to it count as having room for theirs. Buses of a line leave
their depot, or where they are free, by the headway, whoever waits. Crews who go from door to door are
sent where they can work for `DOOR_TASK_MS` before the line shuts (assumption).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.access import CROSSING_MS
from engine.city import F64, I32, I64, B
from engine.component import Context
from engine.events import reason
from engine.lead_time import DOOR_TASK_S
from engine.loading import lying_ms, passengers_ms, room, sitting_ms
from engine.site import AMBULANCE, BUS, POLICE, RESCUE
from engine.world import NEVER, U_TO_SCENE, U_TURNOUT

RETRY_MS = 300_000  #: after no vehicle had a way, or the last one gave up (assumption)
TURNOUT_MS = 120_000  #: allowed for where the stop lies inside the exclusion line (assumption)
DOOR_TASK_MS = round(1000 * DOOR_TASK_S)


class MissionOrders:
    """Part of dispatch that sends vehicles for people who cannot leave alone."""

    w: Any
    ctx: Context
    emit: Any
    _inside: B
    _of_kind: list[B]
    _free: Any
    _times_s: Any
    _exit_ms: Any
    _order: Any

    def _finish_missions(self, t0_ms: int) -> None:
        """Clear orders that vehicles have carried out or given up."""
        w = self.w
        taken = w.unit_serial_done == w.unit_order_serial
        done = np.flatnonzero(taken & (w.unit_order_mission >= 0) & (w.unit_mission < 0))
        failed = done[w.unit_stop_reason[done] > 0]
        w.mission_retry_ms[w.unit_order_mission[failed]] = t0_ms + RETRY_MS
        w.unit_order_mission[done] = -1

    def _send_missions(self, t0_ms: int) -> None:
        w, missions = self.w, self.ctx.site.missions
        begun = int(w.order_decided_ms[0])
        for row in range(missions.count):
            if missions.on_foot[row]:  # its own staff's affair
                continue
            if not missions.start_ms[row] <= t0_ms - begun < missions.end_ms[row]:
                continue
            if t0_ms < w.mission_retry_ms[row]:
                continue
            if missions.facility[row] < 0:
                self._send_all(row, t0_ms)
                continue
            if w.mission_block[row]:
                self._hold_mission(row, int(w.mission_block[row]), t0_ms)
                continue
            lying, sitting = int(w.mission_lying[row]), int(w.mission_sitting[row])
            alone = missions.buses[row] == 0  # then ambulances take those who can sit as well
            left = self._send_kind(
                row, AMBULANCE, int(missions.ambulances[row]), lying + (sitting if alone else 0), t0_ms
            )
            if missions.buses[row]:
                left += self._send_kind(row, BUS, int(missions.buses[row]), sitting, t0_ms)
            if lying + sitting and not left:
                w.mission_reason[row] = 0

    def _send_kind(self, row: int, kind: int, number: int, waiting: int, t0_ms: int) -> int:
        """Send vehicles of a kind while people wait for whom none comes; who is left without."""
        w, units, missions = self.w, self.ctx.site.units, self.ctx.site.missions
        mine = (w.unit_order_mission == row) & self._of_kind[kind]
        coming = mine & (w.unit_riders == 0) & (
            np.isin(w.unit_phase, (U_TURNOUT, U_TO_SCENE)) | (w.unit_serial_done != w.unit_order_serial)
        )
        places = room(units.seats, missions.escorts[row])
        waiting -= int(places[coming].sum())
        have = int(mine.sum())
        while waiting > 0 and have < number:
            free = self._free() & self._of_kind[kind]
            if not free.any():
                self._hold_mission(row, reason("no unit free"), t0_ms)
                return waiting
            unit = self._best(row, kind, free, t0_ms)
            if unit < 0:
                stop = int(missions.stop_node[row, 0])
                inside = self._inside[stop] and w.exclusion_ms[0] < NEVER
                why = "no way back before the wave" if inside else "no way to scene"
                self._hold_mission(row, reason(why), t0_ms)
                w.mission_retry_ms[row] = t0_ms + RETRY_MS
                return waiting
            waiting -= int(places[unit])
            have += 1
        if waiting > 0 and number == 0:
            self._hold_mission(row, reason("no unit free"), t0_ms)
        return max(waiting, 0) if number == 0 else 0

    def _send_all(self, row: int, t0_ms: int) -> None:
        """A line's next bus, a headway after the one before, and without a headway all at once; the
        crews for a zone's doors."""
        w, units, missions = self.w, self.ctx.site.units, self.ctx.site.missions
        kind, number = BUS, int(missions.buses[row])
        if missions.police[row] or missions.fire_rescue[row]:
            kind = POLICE if missions.police[row] else RESCUE
            number = int(missions.police[row] + missions.fire_rescue[row])
        while w.mission_retry_ms[row] <= t0_ms:
            if (w.unit_order_mission == row).sum() >= number:
                return
            free = self._free() & self._of_kind[kind] & (units.depot == missions.depot[row])
            if not free.any():
                if kind != BUS:
                    self._hold_mission(row, reason("no unit free"), t0_ms)
                return
            if self._best(row, kind, free, t0_ms) < 0:
                break
            w.mission_reason[row] = 0
            w.mission_retry_ms[row] = t0_ms + int(missions.headway_ms[row])
        else:
            return
        stops = missions.stop_node[row][missions.stop_node[row] >= 0]
        inside = self._inside[stops].any() and w.exclusion_ms[0] < NEVER
        self._hold_mission(
            row, reason("no way back before the wave" if inside else "no way to scene"), t0_ms)
        w.mission_retry_ms[row] = t0_ms + RETRY_MS

    def _best(self, row: int, kind: int, free: B, t0_ms: int) -> int:
        """Order the nearest of `free` that is back outside the line in time; -1 where none is."""
        w, missions = self.w, self.ctx.site.missions
        times: F64 = np.where(free, self._times_s(int(missions.stop_node[row, 0])), np.inf)
        in_time = self._mission_in_time(row, kind, times, t0_ms)
        safe = np.where(in_time, times, np.inf)
        unit = int(np.argmin(safe))
        if not np.isfinite(safe[unit]):
            return -1
        event = int(self.emit(
            "mission_ordered", t0_ms, unit, row, times[unit], int(w.order_event[0])
        )[0])
        self._order(unit, -1, -1, event, row)
        return unit

    def _mission_in_time(self, row: int, kind: int, times_s: F64, t0_ms: int) -> B:
        """Units that can fetch people and be outside before the line shuts [units]."""
        missions = self.ctx.site.missions
        stops: I32 = missions.stop_node[row][missions.stop_node[row] >= 0]
        if not self._inside[stops].any() or self.w.exclusion_ms[0] >= NEVER:
            return np.isfinite(times_s)
        escorts = int(missions.escorts[row])
        if missions.door[row] >= 0:
            task = DOOR_TASK_MS
        elif missions.facility[row] < 0:
            full = int(self.ctx.site.units.seats[np.isfinite(times_s)].max(initial=0))
            task = passengers_ms(full, True) + int(missions.between_ms[row])
            task += stops.size * int(missions.wait_ms[row])
        else:
            task = lying_ms(1, escorts) if kind == AMBULANCE else sitting_ms(1, escorts)
        exits: I64 = self._exit_ms()[stops]
        after = max(task + int(exits.max()), CROSSING_MS)
        left = int(self.w.exclusion_ms[0]) - t0_ms - TURNOUT_MS - after
        return np.asarray(1000.0 * times_s <= left)

    def _hold_mission(self, row: int, why: int, t0_ms: int) -> None:
        """Record why nobody is sent, once for each change of reason."""
        w = self.w
        waiting = int(w.mission_lying[row] + w.mission_sitting[row])
        if w.mission_reason[row] != why and (waiting or self.ctx.site.missions.facility[row] < 0):
            w.mission_reason[row] = why
            cause = max(int(w.order_event[0]), int(w.predicted_event[0]))
            self.emit("mission_held", t0_ms, row, why, waiting, cause)
