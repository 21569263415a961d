"""Meeting points as places of safety: gates opened, places taken, who finds one shut or full.

Everybody is on the way to the nearest safe street or meeting point and learns there whether the point is
open and has places (assumption: nobody tells people under way). Who finds it shut or full stays in the
streets beside it where these are on the plan's high ground, and walks on to high ground where they are
not. When a keyholder opens the gate, `open_s` after the first area is told to leave, those beside it
go in, in the order in which they came, as far as there are places; whoever is setting out for home or
has walked on does not, and a place that becomes free later goes to the next who comes. People brought
to high ground by a vehicle and set down at a point are treated alike.
"""

from __future__ import annotations

import numpy as np

from engine.city import I64, B
from engine.component import Component, Context
from engine.mobility.destinations import WalkRoutes
from engine.mobility.homeward import sets_out
from engine.mobility.together import Together
from engine.mobility.trip import set_walking, settle
from engine.world import P_HIGH, P_MEETING


class Gathering:
    """The meeting points' part of mobility; `host` is the component whose variables these are."""

    def __init__(
        self, host: Component, context: Context, walk: WalkRoutes, together: Together
    ) -> None:
        self._host, self._walk, self._safe_node = host, walk, context.site.safe_node
        self._log, self._points, self._size = context.log, context.site.meeting, together.people
        self._gated = np.flatnonzero(self._points.open_s > -np.inf)

    def open(self, t1_ms: int) -> None:
        """Open the gates that are due before `t1_ms`, and let in those who wait beside them."""
        if self._gated.size == 0:
            return
        w, row = self._host.w, self._points.row
        zone = int(np.argmin(w.zone_order_ms))
        cause = int(w.zone_order_event[zone])
        if cause < 0 or w.all_clear_event[0] >= 0:
            return
        for point in self._gated[w.meeting_open_event[row[self._gated]] < 0].tolist():
            t = int(w.zone_order_ms[zone]) + round(1000 * self._points.open_s[point])
            if t < t1_ms:
                w.meeting_open_event[row[point]] = self._host.emit(
                    "meeting_point_opened", t, row[point], value=self._points.places[point], cause=cause)[0]
                self._let_in(point)

    def let_in(self, t0_ms: int) -> None:
        """Let in those who came to a gate opened since `t0_ms` shortly before it was."""
        opened = self._host.w.meeting_open_event[self._points.row[self._gated]]
        since = self._log.column("t_ms")[np.maximum(opened, 0)] >= t0_ms
        for point in self._gated[(opened >= 0) & since].tolist():
            self._let_in(point)

    def _let_in(self, point: int) -> None:
        """Those beside a `point` that is open go in; they have been in safety before."""
        w, facility = self._host.w, self._points.row[point]
        opened = w.meeting_open_event[facility]
        beside = np.flatnonzero((w.party_place == P_HIGH) & (w.party_node == self._points.node[point]))
        beside = beside[~sets_out(w, beside)]
        came_ms = self._log.column("t_ms")[w.party_trip_event[beside]]
        order = np.lexsort((beside, came_ms))
        beside, came_ms = beside[order], came_ms[order]
        t = np.maximum(self._log.column("t_ms")[opened], came_ms)
        got = self._take(beside, t, np.full(beside.size, point))
        beside, t = beside[got], t[got]
        w.party_place[beside] = P_MEETING
        told = self._host.emit(
            "party_let_in", t, beside, facility, (t - came_ms[got]) / 1000.0, opened)
        self._full(facility, t, told)

    def arrive(self, rows: I64, t_ms: I64, node: I64) -> None:
        """Parties [rows] come to a safe street or a meeting point at junctions `node`."""
        self._host.w.party_dest[rows] = 0
        point = self._points.at_node[node].astype(np.int64)
        there = np.flatnonzero(point >= 0)
        goes_in = np.zeros(rows.size, np.bool_)
        goes_in[there] = self._take(rows[there], t_ms[there], point[there])
        facility = self._points.row[point[goes_in]]
        settle(self._host, rows[goes_in], t_ms[goes_in], facility, P_MEETING)
        for at in np.unique(facility):
            mine = rows[goes_in][facility == at]
            self._full(int(at), t_ms[goes_in][facility == at], self._host.w.party_trip_event[mine])
        self._without_place(rows[there][~goes_in[there]], t_ms[there][~goes_in[there]],
                            point[there][~goes_in[there]])
        stays = ~goes_in & self._safe_node[node]
        settle(self._host, rows[stays], t_ms[stays], -1, P_HIGH)
        for i in np.flatnonzero(~goes_in & ~stays):
            self._send_on(int(rows[i]), int(t_ms[i]))

    def conserved(self) -> str:
        """What does not add up, or an empty string."""
        w, rows = self._host.w, np.flatnonzero(self._host.w.party_place == P_MEETING)
        there = np.bincount(self._points.at_node[w.party_node[rows]], self._host.ctx.parties.size[rows],
                            minlength=self._points.row.size)
        if not np.array_equal(there, w.facility_load[self._points.row]):
            return "places taken at meeting points are not those of the people there"
        return ""

    def _take(self, rows: I64, t_ms: I64, point: I64) -> B:
        """Places for parties [rows] in turn at a `point` [rows] at `t_ms`: which have got them."""
        w = self._host.w
        got = np.zeros(rows.size, np.bool_)
        opened = w.meeting_open_event[self._points.row[point]]
        gated = self._points.open_s[point] > -np.inf
        shut = gated & ((opened < 0) | (t_ms < self._log.column("t_ms")[np.maximum(opened, 0)]))
        for i in np.flatnonzero(~shut):
            facility = int(self._points.row[point[i]])
            got[i] = w.facility_load[facility] < self._points.places[point[i]]
            if got[i]:
                w.facility_load[facility] += self._size[rows[i]]
        return got

    def _full(self, facility: int, t_ms: I64, came: I64) -> None:
        """Say once that a point is full, by the last of the events `came` of those who came in."""
        w, places = self._host.w, self._host.ctx.city.facilities.capacity[facility]
        if came.size and w.facility_load[facility] >= places and w.facility_full_event[facility] < 0:
            w.facility_full_event[facility] = self._host.emit(
                "meeting_point_full", t_ms[-1], facility, value=places, cause=came[-1])[0]

    def _without_place(self, rows: I64, t_ms: I64, point: I64) -> None:
        """Parties [rows] have found their `point` [rows] shut or full."""
        w, facility = self._host.w, self._points.row[point]
        full = w.facility_full_event[facility]
        w.party_trip_event[rows] = self._host.emit(
            "party_no_place", t_ms, rows, facility, w.facility_load[facility],
            np.where(full >= 0, full, w.party_trip_event[rows]))

    def _send_on(self, party: int, t_ms: int) -> None:
        """Neither a place for a party nor safety beside the point: on foot to high ground."""
        w = self._host.w
        w.party_dest[party] = self._walk.high
        w.party_trip_event[party] = self._host.emit(
            "party_rerouted", t_ms, party, -1, cause=w.party_trip_event[party])[0]
        set_walking(self._host, np.array([party]))
