"""Who is visited when: street leaders, and crews of units from door to door.

Parties of the ordered areas that are in a building stand in the order of zone, building and number,
the order in which a street is walked. Leaders: every `households_a_leader` of them in a zone are a
block with one leader, who acknowledges the call with the plan's share (one draw a block, keyed by
its first person) if the telephone works in the zone at that time. Where the plan lets them begin by
themselves and the shaking reaches its intensity, the same share begins without a call. Leaders live
there and leave with their block: they knock where, walking, they would be outside the exclusion line
when the first wave is predicted, and not later (an assumption; nobody sends them in). Crews of the city's
units go through the zone's parties together, at the rate of those on the spot; volunteers are in
`door_teams.py`.

Limits: leaders are not counted among the city's people; they do not go where water stands.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine import rng
from engine.city import I16, I32, I64, B
from engine.component import Component, Context
from engine.people.door_teams import DoorTeams
from engine.people.way_out import WayOut
from engine.world import NEVER, U_ON_SCENE

HOUR_MS = 3_600_000


class Visits:
    """Visits to parties `rows` in `zone` [rows], order zone `area` [rows] (-1 none), at `node` [rows]."""

    def __init__(
        self, context: Context, rows: I64, zone: I64, area: I16, building: I32, node: I64
    ) -> None:
        plan = context.plan
        self.zone, self.leaders, self.doors = zone, plan.street_leaders, plan.door_to_door
        self._node, self._way = node, WayOut(context)
        zones = context.city.zones.population.size
        asked = np.flatnonzero((area >= 0) & (building >= 0))
        walk = asked[np.lexsort((rows[asked], building[asked], zone[asked]))]
        # Milliseconds from a leader's beginning to the knock, NEVER for none.
        self.leader_ms = np.full(rows.size, NEVER, np.int64)
        self.acknowledged = np.zeros(zones, np.int64)
        self.called = np.zeros(zones, np.bool_)
        self._round: tuple[I64, I64, I64] | None = None
        if self.leaders is not None:
            self._agree(context, rows, walk)
        names = [order.name for order in plan.order.zones]
        self.crews: list[tuple[int, int, I64]] = []  # mission, row of the lever, whom they visit
        mission_of = {int(d): m for m, d in enumerate(context.site.missions.door) if d >= 0}
        for row, doors in enumerate(plan.door_to_door):
            if row in mission_of:
                mine = walk[area[walk] == names.index(doors.zone)]
                self.crews.append((mission_of[row], row, mine))
        self.teams = DoorTeams(context, self._way, walk, zone, area, node)

    def _agree(self, context: Context, rows: I64, walk: I64) -> None:
        """Blocks, their leaders, and how long after they begin these knock where."""
        leaders = self.leaders
        assert leaders is not None
        zone = self.zone[walk]
        first_of_zone = np.searchsorted(zone, zone)
        place = np.arange(walk.size) - first_of_zone
        turn = place % leaders.households_a_leader
        head = walk[np.arange(walk.size) - turn]
        says_yes: B = rng.uniform(
            context.seed, "people.visit", context.parties.first[rows[head]]
        ) < leaders.acknowledge
        at = np.rint(1000 * 3600 * (turn + 1.0) / leaders.households_an_hour)
        self.leader_ms[walk] = np.where(says_yes, at, NEVER).astype(np.int64)
        np.add.at(self.acknowledged, zone[(turn == 0) & says_yes], 1)
        self.called[zone] = True

    def due(
        self, host: Component, t0_ms: int, t1_ms: int, dark: bool
    ) -> Iterator[tuple[I64, I64, I64]]:
        """(parties, times, causes) of the knocks in [t0, t1), leaders' first."""
        if self.leaders is not None:
            by_themselves = self._begin(host, t0_ms, t1_ms)
            yield self._knocks(host, by_themselves, t0_ms, t1_ms, dark)
        if not self.doors or not (host.w.zone_order_event >= 0).any():
            return
        yield self.teams.due(host, t0_ms, t1_ms, dark)
        for crew in self.crews:
            yield self._crew(host, *crew, t0_ms, t1_ms)

    def _crew(
        self, host: Component, mission: int, row: int, mine: I64, t0_ms: int, t1_ms: int
    ) -> tuple[I64, I64, I64]:
        """Knocks of the crews on the spot, who go through `mine` together."""
        w, doors = host.w, self.doors[row]
        here = np.flatnonzero((w.unit_mission == mission) & (w.unit_phase == U_ON_SCENE))
        since = t0_ms - w.zone_order_ms[self.zone[mine]]
        open_ = (since >= 1000 * doors.start_s) & (since <= 1000 * doors.stop_s)
        # Doors whose zone's time is over are left out; they wait for a zone that is told later.
        left = since[int(w.door_visited[row]):] <= 1000 * doors.stop_s
        if here.size and left.any() and not left[0]:
            w.door_visited[row] = int(w.door_visited[row]) + int(np.argmax(left))
        before = int(w.door_visited[row])
        if here.size == 0 or before >= mine.size or not open_[before]:
            return mine[:0], mine[:0], mine[:0]
        w.door_visited[row] += here.size * doors.households_an_hour * (t1_ms - t0_ms) / HOUR_MS
        after = int(w.door_visited[row])
        met = mine[before:after][open_[before:after]]
        zones = np.unique(self.zone[met])
        new = zones[w.zone_doors_event[zones] < 0]
        if new.size:
            cause = np.maximum(w.zone_order_event[new], int(w.unit_event[here].min()))
            w.zone_doors_event[new] = host.emit(
                "doors_started", t0_ms, new, mission, value=here.size, cause=cause)
        return met, np.full(met.size, t0_ms), w.zone_doors_event[self.zone[met]]

    def _begin(self, host: Component, t0_ms: int, t1_ms: int) -> B:
        """Leaders begin by themselves or are called; which zones' begin by themselves [zones]."""
        leaders, w = self.leaders, host.w
        assert leaders is not None
        waits = self.called & (w.zone_leader_event < 0)
        by_themselves = np.zeros(self.called.size, np.bool_)
        if leaders.self_start_mmi is not None and leaders.ready_s is not None:
            shaken = w.zone_shaken_event
            by_themselves = (shaken >= 0) & (w.zone_mmi >= leaders.self_start_mmi)
            t = host.ctx.log.column("t_ms")[np.maximum(shaken, 0)] + round(1000 * leaders.ready_s)
            new = np.flatnonzero(waits & by_themselves & (t < t1_ms))
            w.zone_leader_event[new] = host.emit(
                "leaders_started", np.maximum(t[new], t0_ms), new, value=self.acknowledged[new],
                cause=shaken[new])
        t = w.zone_order_ms + round(1000 * leaders.call_s)
        new = np.flatnonzero(waits & ~by_themselves & (w.zone_order_event >= 0) & (t < t1_ms))
        reached = np.where(w.zone_telecom_on[new], self.acknowledged[new], 0)
        w.zone_leader_event[new] = host.emit(
            "leaders_called", t[new], new, value=reached, cause=w.zone_order_event[new])
        return np.asarray(by_themselves, np.bool_)

    def _knocks(
        self, host: Component, by_themselves: B, t0_ms: int, t1_ms: int, dark: bool
    ) -> tuple[I64, I64, I64]:
        """Parties at whose doors leaders knock in [t0, t1), when, and the event of their beginning."""
        leaders, w, log = self.leaders, host.w, host.ctx.log
        assert leaders is not None
        event = w.zone_leader_event
        at = np.maximum(event, 0)
        active = (event >= 0) & (log.column("value")[at] > 0)
        begin_ms = np.where(active, log.column("t_ms")[at], NEVER)
        if self._round is None or not np.array_equal(self._round[0], begin_ms):
            wait_s = np.where(by_themselves, leaders.ready_s or 0.0, leaders.call_s)
            last_ms = np.rint(1000 * (leaders.stop_s - wait_s)).astype(np.int64)
            met = np.flatnonzero(active[self.zone] & (self.leader_ms <= last_ms[self.zone]))
            t = begin_ms[self.zone[met]] + self.leader_ms[met]
            turn = np.lexsort((met, t))
            self._round = begin_ms, met[turn], t[turn]
        first, last = np.searchsorted(self._round[2], (t0_ms, t1_ms))
        met, t = self._round[1][first:last], self._round[2][first:last]
        out = self._way.in_time(self._node[met], t, int(w.predicted_ms[0]), dark)
        return met[out], t[out], event[self.zone[met[out]]]
