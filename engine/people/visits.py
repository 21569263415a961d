"""Who is visited when: street leaders who acknowledge the call, and teams from door to door.

Parties of the ordered areas that are in a building stand in the order of zone, building and number,
the order in which a street is walked. Leaders: every `households_a_leader` of them in a zone are a
block with one leader, who acknowledges the call with the plan's share (one draw a block, keyed by
its first person) if the telephone works in the zone at that time. Teams: the parties of an order
zone are shared out evenly among its teams. Each knocks at a steady rate, until the stop time. Crews of
the city's units go through the zone's parties together, at the rate of those on the spot.

Limits: leaders and volunteers are not counted among the city's people and are out by their stop time;
they do not go where water stands.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine import rng
from engine.city import I16, I32, I64, B
from engine.component import Component, Context
from engine.world import NEVER, U_ON_SCENE

HOUR_MS = 3_600_000


class Visits:
    """Visits to parties `rows` in `zone` [rows], order zone `area` [rows] (-1 none)."""

    def __init__(
        self, context: Context, rows: I64, zone: I64, area: I16, building: I32
    ) -> None:
        plan = context.plan
        self.zone, self.leaders, self.doors = zone, plan.street_leaders, plan.door_to_door
        zones = context.city.zones.population.size
        asked = np.flatnonzero((area >= 0) & (building >= 0))
        walk = asked[np.lexsort((rows[asked], building[asked], zone[asked]))]
        # Milliseconds from the zone's order to the knock, NEVER for none.
        self.leader_ms = np.full(rows.size, NEVER, np.int64)
        self.team_ms = np.full(rows.size, NEVER, np.int64)
        self.acknowledged = np.zeros(zones, np.int64)
        self.called = np.zeros(zones, np.bool_)
        self.start_ms = np.full(zones, NEVER, np.int64)
        self.teams = np.zeros(zones, np.int64)
        self._rounds: dict[str, tuple[I64, I64, I64]] = {}
        if self.leaders is not None:
            self._call(context, rows, walk)
        names = [order.name for order in plan.order.zones]
        self.crews: list[tuple[int, int, I64]] = []  # mission, row of the lever, whom they visit
        mission_of = {int(d): m for m, d in enumerate(context.site.missions.door) if d >= 0}
        for row, doors in enumerate(plan.door_to_door):
            mine = walk[area[walk] == names.index(doors.zone)]
            if row in mission_of:
                self.crews.append((mission_of[row], row, mine))
                continue
            each = -(-mine.size // doors.teams) if mine.size else 1
            turn = np.arange(mine.size) % each + 1.0
            at = np.rint(1000 * (doors.start_s + 3600 * turn / doors.households_an_hour))
            at = np.where(at <= doors.stop_s * 1000, at, NEVER).astype(np.int64)
            self.team_ms[mine] = np.minimum(self.team_ms[mine], at)
            where = np.unique(zone[mine])
            self.teams[where] += doors.teams
            self.start_ms[where] = np.minimum(self.start_ms[where], int(doors.start_s * 1000))

    def _call(self, context: Context, rows: I64, walk: I64) -> None:
        """Blocks, their leaders, and when these knock if they acknowledge."""
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
        at = np.rint(1000 * (leaders.call_s + 3600 * (turn + 1.0) / leaders.households_an_hour))
        at = np.where(says_yes & (at <= leaders.stop_s * 1000), at, NEVER)
        self.leader_ms[walk] = at.astype(np.int64)
        np.add.at(self.acknowledged, zone[(turn == 0) & says_yes], 1)
        self.called[zone] = True

    def due(self, host: Component, t0_ms: int, t1_ms: int) -> Iterator[tuple[I64, I64, I64]]:
        """(parties, times, causes) of the knocks in [t0, t1), leaders' first."""
        w = host.w
        ordered = w.zone_order_event >= 0
        if not ordered.any():
            return
        if self.leaders is not None:
            self._acknowledge(host, ordered, t1_ms)
            heard = w.zone_leader_event >= 0
            value = host.ctx.log.column("value")[np.maximum(w.zone_leader_event, 0)]
            yield self._knocks(host, "leader_ms", heard & (value > 0), w.zone_leader_event,
                               t0_ms, t1_ms)
        if self.doors:
            start = w.zone_order_ms + self.start_ms
            new = np.flatnonzero(
                ordered & (self.teams > 0) & (w.zone_doors_event < 0) & (start < t1_ms))
            w.zone_doors_event[new] = host.emit(
                "doors_started", start[new], new, value=self.teams[new],
                cause=w.zone_order_event[new])
            yield self._knocks(host, "team_ms", w.zone_doors_event >= 0, w.zone_doors_event,
                               t0_ms, t1_ms)

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
                "doors_started", t0_ms, new, value=here.size, cause=cause)
        return met, np.full(met.size, t0_ms), w.zone_doors_event[self.zone[met]]

    def _acknowledge(self, host: Component, ordered: B, t1_ms: int) -> None:
        assert self.leaders is not None
        w = host.w
        t = w.zone_order_ms + int(self.leaders.call_s * 1000)
        new = np.flatnonzero(ordered & self.called & (w.zone_leader_event < 0) & (t < t1_ms))
        reached = np.where(w.zone_telecom_on[new], self.acknowledged[new], 0)
        w.zone_leader_event[new] = host.emit(
            "leaders_called", t[new], new, value=reached, cause=w.zone_order_event[new])

    def _knocks(
        self, host: Component, name: str, active: B, event: I64, t0_ms: int, t1_ms: int
    ) -> tuple[I64, I64, I64]:
        """Parties knocked at in [t0, t1), when, and the event of the zone that brought it about."""
        order_ms = np.where(active, host.w.zone_order_ms, NEVER)
        kept = self._rounds.get(name)
        if kept is None or not np.array_equal(kept[0], order_ms):
            after_ms: I64 = getattr(self, name)
            met = np.flatnonzero(active[self.zone] & (after_ms < NEVER))
            t = order_ms[self.zone[met]] + after_ms[met]
            turn = np.lexsort((met, t))
            kept = self._rounds[name] = order_ms, met[turn], t[turn]
        first, last = np.searchsorted(kept[2], (t0_ms, t1_ms))
        met, t = kept[1][first:last], kept[2][first:last]
        return met, t, event[self.zone[met]]
