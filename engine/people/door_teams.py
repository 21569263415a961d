"""Volunteers who go from door to door: who is where when, and when they leave.

The parties of an order zone, in the order in which a street is walked, are shared out evenly among its
teams. A team begins `start_s` after its zone's order and knocks at a steady rate until `stop_s` after it.
Nobody works in the zone who could not be out of it `exclusion.lead_s` before the predicted first wave as
the command centre knows it then: a team whose first door does not allow that is held back until the
prediction does, and one whose next door does not leaves for good (`way_out.py`).

Team-hours are the time between `doors_started` and `doors_ended` times the teams of each; a team still
out has no end. Crews of units are in `visits.py`; they have orders of their own.

Limits: volunteers are not counted among the city's people; their way to the first door takes no time.
"""

from __future__ import annotations

import numpy as np

from engine.city import I16, I64, B
from engine.component import Component, Context
from engine.events import reason
from engine.missions import teams_of
from engine.people.way_out import WayOut

_SPAN_MS = 1 << 40  # longer than any run, so that a team's doors sort behind those of the one before


class DoorTeams:
    """Teams of all levers in their order; `walk` are the parties to visit in the order of the street."""

    def __init__(
        self, context: Context, way: WayOut, walk: I64, zone: I64, area: I16, node: I64
    ) -> None:
        plan, share = context.plan, context.scenario.population.share
        self._way, self._node = way, node
        names = [order.name for order in plan.order.zones]
        lever: list[int] = []
        phase: list[int] = []
        where: list[int] = []
        start: list[float] = []
        stop: list[float] = []
        door, team, after = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0)]
        for row, doors in enumerate(plan.door_to_door):
            count, first = teams_of(doors, share), len(lever)
            mine = walk[area[walk] == names.index(doors.zone)]
            each = -(-mine.size // count) if mine.size and count else 1
            lever += [row] * count
            phase += [names.index(doors.zone)] * count
            start += [doors.start_s] * count
            stop += [doors.stop_s] * count
            if count == 0:
                continue
            where += [int(zone[mine[min(k * each, mine.size - 1)]]) if mine.size else 0
                      for k in range(count)]
            door.append(mine)
            team.append(first + np.arange(mine.size) // each)
            after.append(3600.0 * (np.arange(mine.size) % each + 1.0) / doors.households_an_hour)
        self.zone = np.array(where, np.int64)  # where each team begins
        self._lever, self._phase = np.array(lever, np.int64), np.array(phase, np.int64)
        self._start_ms = np.rint(1000.0 * np.array(start)).astype(np.int64)
        self._stop_ms = np.rint(1000.0 * np.array(stop)).astype(np.int64)
        self._door = np.concatenate(door)
        self._after_ms = np.rint(1000.0 * np.concatenate(after)).astype(np.int64)
        of_door = np.concatenate(team)
        self._key = _SPAN_MS * of_door + self._after_ms  # sorted
        self._ptr = np.searchsorted(of_door, np.arange(self.zone.size + 1))

    def due(self, host: Component, t0_ms: int, t1_ms: int, dark: bool) -> tuple[I64, I64, I64]:
        """(parties, times, causes) of the knocks in [t0, t1); teams begin and leave."""
        w = host.w
        none = np.empty(0, np.int64)
        if self.zone.size == 0 or (w.team_over_event >= 0).all():
            return none, none, none
        limit_ms = int(w.exclusion_ms[0])
        self._begin(host, t0_ms, t1_ms, limit_ms, dark)
        self._leave(host, t0_ms, limit_ms, dark)
        at = np.flatnonzero(self._out(host))
        begun = host.ctx.log.column("t_ms")[w.team_event[at]]
        low = self._next(at, t0_ms - begun)
        high = self._next(at, t1_ms - begun)
        door = np.concatenate([none, *(np.arange(a, b) for a, b in zip(low, high, strict=True))])
        team = np.repeat(at, high - low)
        t = np.repeat(begun, high - low) + self._after_ms[door]
        keep = t <= w.zone_order_ms[self.zone[team]] + self._stop_ms[team]
        keep &= self._way.in_time(self._node[self._door[door]], t, limit_ms, dark)
        turn = np.lexsort((self._door[door], t))
        turn = turn[keep[turn]]
        return self._door[door[turn]], t[turn], w.team_event[team[turn]]

    def recall(self, host: Component, t0_ms: int) -> None:
        """The all-clear ends their work."""
        at = np.flatnonzero(self._out(host))
        self._end(host, at, np.zeros(at.size, np.int64), t0_ms, int(host.w.all_clear_event[0]))

    def _out(self, host: Component) -> B:
        return np.asarray((host.w.team_event >= 0) & (host.w.team_over_event < 0), np.bool_)

    def _next(self, team: I64, after_ms: I64) -> I64:
        """Row of the first door of each team so long after its beginning or later."""
        key = _SPAN_MS * team + np.clip(after_ms, 0, _SPAN_MS - 1)
        return np.asarray(np.searchsorted(self._key, key), np.int64)

    def _begin(self, host: Component, t0_ms: int, t1_ms: int, limit_ms: int, dark: bool) -> None:
        w = host.w
        order_ms, order = w.zone_order_ms[self.zone], w.zone_order_event[self.zone]
        ready = (order >= 0) & (w.team_event < 0) & (self._ptr[1:] > self._ptr[:-1])
        ready &= (order_ms + self._start_ms < t1_ms) & (order_ms + self._stop_ms > t0_ms)
        at = np.flatnonzero(ready)
        if at.size == 0:
            return
        t = np.maximum(order_ms[at] + self._start_ms[at], t0_ms)
        first = self._ptr[at]
        good = self._way.in_time(
            self._node[self._door[first]], t + self._after_ms[first], limit_ms, dark)
        begins, t, held = at[good], t[good], at[~good]
        for t_ms, zone in sorted({(int(a), int(b)) for a, b in zip(t, self.zone[begins], strict=True)}):
            mine = begins[(t == t_ms) & (self.zone[begins] == zone)]
            w.team_event[mine] = host.emit(
                "doors_started", t_ms, zone, -1, mine.size, int(order[mine].max()))[0]
        for lever in np.unique(self._lever[held]).tolist():
            mine = held[self._lever[held] == lever]
            if w.door_held_event[lever] < 0:
                cause = max(int(order[mine].max()), int(w.predicted_event[0]))
                w.door_held_event[lever] = host.emit(
                    "doors_held", t0_ms, int(self._phase[mine[0]]),
                    reason("too late to be out before the wave"), mine.size, cause)[0]

    def _leave(self, host: Component, t0_ms: int, limit_ms: int, dark: bool) -> None:
        """Teams with no further door in their time, or none from which they would be out in time."""
        w = host.w
        at = np.flatnonzero(self._out(host))
        if at.size == 0:
            return
        begun = host.ctx.log.column("t_ms")[w.team_event[at]]
        row = self._next(at, t0_ms - begun)
        more = row < self._ptr[at + 1]
        row = np.where(more, row, self._ptr[at])
        t = begun + self._after_ms[row]
        more &= t <= w.zone_order_ms[self.zone[at]] + self._stop_ms[at]
        late = more & ~self._way.in_time(self._node[self._door[row]], t, limit_ms, dark)
        why = np.where(late, reason("too late to be out before the wave"), 0)
        over = late | ~more
        self._end(host, at[over], why[over], t0_ms, int(w.predicted_event[0]))

    def _end(self, host: Component, at: I64, why: I64, t0_ms: int, cause: int) -> None:
        w = host.w
        for zone, code in sorted({(int(a), int(b)) for a, b in zip(self.zone[at], why, strict=True)}):
            mine = at[(self.zone[at] == zone) & (why == code)]
            began = int(w.team_event[mine].max())
            w.team_over_event[mine] = host.emit(
                "doors_ended", t0_ms, zone, code, mine.size, max(began, cause))[0]
