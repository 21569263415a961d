"""Meeting points as places of safety: gates opened, places taken, who finds one shut or full.

Everybody is on the way to the nearest safe street or meeting point and learns there whether the point is
open and has places (assumption: nobody tells people under way). Who finds it shut or full stays in the
streets beside it where these are on the plan's high ground, and walks on to high ground where they are
not. When a keyholder opens the gate, `open_s` after the first area is told to leave, those beside it
go in, in the order in which they came, as far as there are places; whoever has walked on does not come
back, and a place that becomes free later goes to the next who comes.
"""

from __future__ import annotations

import numpy as np

from engine.city import I64, B
from engine.component import Component, Context
from engine.mobility.destinations import WalkRoutes
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
        """Open the gates that are due, and let in those who wait beside them."""
        if self._gated.size == 0:
            return
        w = self._host.w
        zone = int(np.argmin(w.zone_order_ms))
        cause = int(w.zone_order_event[zone])
        if cause < 0 or w.all_clear_event[0] >= 0:
            return
        row = self._points.row
        for point in self._gated[w.meeting_open_event[row[self._gated]] < 0].tolist():
            t = int(w.zone_order_ms[zone]) + round(1000 * self._points.open_s[point])
            if t >= t1_ms:
                continue
            opened = self._host.emit(
                "meeting_point_opened", t, row[point], value=self._points.places[point], cause=cause)[0]
            w.meeting_open_event[row[point]] = opened
            beside = np.flatnonzero(
                (w.party_place == P_HIGH) & (w.party_node == self._points.node[point]))
            came_ms = self._log.column("t_ms")[w.party_trip_event[beside]]
            beside = beside[np.lexsort((beside, came_ms))]
            beside = beside[self._take(beside, np.full(beside.size, point))]
            w.party_trip_event[beside] = opened
            self._settle(beside, np.full(beside.size, t), np.full(beside.size, point))

    def arrive(self, rows: I64, t_ms: I64, node: I64) -> None:
        """Parties [rows] come to a safe street or a meeting point at junctions `node`."""
        self._host.w.party_dest[rows] = 0
        point = self._points.at_node[node].astype(np.int64)
        there = np.flatnonzero(point >= 0)
        goes_in = np.zeros(rows.size, np.bool_)
        goes_in[there] = self._take(rows[there], point[there])
        self._settle(rows[goes_in], t_ms[goes_in], point[goes_in])
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

    def _take(self, rows: I64, point: I64) -> B:
        """Places for parties [rows] in turn at an open `point` [rows]: which have got them."""
        w = self._host.w
        got = np.zeros(rows.size, np.bool_)
        for i, (party, at) in enumerate(zip(rows.tolist(), point.tolist(), strict=True)):
            facility = int(self._points.row[at])
            shut = self._points.open_s[at] > -np.inf and w.meeting_open_event[facility] < 0
            got[i] = not shut and w.facility_load[facility] < self._points.places[at]
            if got[i]:
                w.facility_load[facility] += self._size[party]
        return got

    def _settle(self, rows: I64, t_ms: I64, point: I64) -> None:
        """Parties [rows] are at their `point` [rows]; the last of them may have filled it."""
        w, facility = self._host.w, self._points.row[point]
        settle(self._host, rows, t_ms, facility, P_MEETING)
        for at in np.unique(point):
            last = int(np.flatnonzero(point == at)[-1])
            row, places = int(facility[last]), self._points.places[at]
            if w.facility_load[row] >= places and w.facility_full_event[row] < 0:
                w.facility_full_event[row] = self._host.emit(
                    "meeting_point_full", t_ms[last], row, value=places,
                    cause=w.party_trip_event[rows[last]],
                )[0]

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
