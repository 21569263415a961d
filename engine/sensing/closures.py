"""What the command centre knows of the streets: closures by report, speeds by its own units.

A closing or opening becomes known

- at once where it is the plan's own closure: officers stand there;
- by radio, in the next tick, when a unit meets it (`Mail.closures`), or a crew of police, fire and rescue
  or ambulances with its vehicle is within `SIGHT_M` of either end of the street, standing or driving;
- by somebody in the street, after an exponential time of mean `REPORT_MEAN_S`, drawn for each street and
  change (an assumption: people call about people first, and no record of street reports after an
  earthquake was found): by telephone once it works in the street's zone, or, as calls for help are
  (`calls.py`), on foot to the nearest police or fire station, which radios.

The services' radio does not depend on telephones. In Concepcion on 27 February 2010 telephones were down,
the authorities' own included (Diario Concepcion, 23 February 2020), and every patrol heard a message over
the police radio 36 minutes after the shaking (Cooperativa, 23 February 2011); the emergency office later
took that police network as its own reserve (El Cachapoal, 23 April 2014).

Speeds: the free speed, except on links where a unit has driven during the last `SPEED_KEPT_MS`; no
city here has traffic sensors in its data.

Limits: reports name the street rightly; they do not queue at the call centre; a street that closed
and opened again before anybody reported it stays unknown; radio has no gaps and does not fail; nobody is
sent out to look at bridges, and free patrols stand at their station.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine import rng
from engine.city import I64
from engine.codes import among
from engine.component import Context
from engine.sensing.calls import station_walk_s
from engine.site import UNIT_KINDS
from engine.world import NEVER, U_AWAY, U_BACK, U_OFF, U_ON_FOOT, U_WALKING

REPORT_MEAN_S = 900.0
SIGHT_M = 100.0  #: about one block
SPEED_KEPT_MS = 900_000
_WITHOUT_CREW = (U_OFF, U_ON_FOOT, U_AWAY, U_BACK, U_WALKING)  #: nobody is with the vehicle
SLOWEST_MPS = 0.3  #: a standing queue still has a way through for the search of routes

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("closed street until somebody reports it, mean", REPORT_MEAN_S, "s", "assumption",
     "assumption"),
    ("a crew sees a closed street and reports it by radio within", SIGHT_M, "m",
     "about one block (assumption); police radio worked in Concepcion 2010 (Cooperativa 2011)",
     "assumption"),
    ("a unit's measured speed is kept", SPEED_KEPT_MS // 1000, "s", "assumption", "assumption"),
)


class StreetReports:
    """Part of the instruments component that keeps the streets as the command centre knows them."""

    w: Any
    ctx: Context
    emit: Any

    def _prepare_streets(self) -> None:
        edges = self.ctx.city.edges
        order = np.argsort(edges.street, kind="stable")
        self._edge_order = order
        self._edge_ptr = np.searchsorted(
            edges.street[order], np.arange(self.ctx.city.streets.length_m.size + 1)
        )
        own = np.zeros(edges.street.size, np.bool_)
        for edges_in in self.ctx.site.closure_edges:
            own[edges_in] = True
        for ordered in self.ctx.site.orders:
            own[ordered.turned] = True  # also for responders
        self._own = np.flatnonzero(own)
        nodes, streets = self.ctx.city.nodes, self.ctx.city.streets
        self._zone = self.ctx.site.zone_of_node[streets.from_node]
        ends = np.stack([streets.from_node, streets.to_node])
        self._end_x_m, self._end_y_m = nodes.x_m[ends], nodes.y_m[ends]
        walk_s = station_walk_s(self.ctx.city, self._end_x_m, self._end_y_m).min(axis=0)
        self._walk_ms = np.where(np.isfinite(walk_s), 1000.0 * walk_s, NEVER // 2).astype(np.int64)
        self._radio = self.ctx.site.units.kind != UNIT_KINDS.index("bus")

    def _streets(self, t0_ms: int, t1_ms: int) -> None:
        w = self.w
        w.seen_edge_closed[self._own] = w.edge_closed[self._own]
        told = self.ctx.mail.take("closures")
        for t_ms, street, event in told:
            self._learn(np.array([street]), np.array([t_ms]), np.array([event]))
        self._see(t0_ms)
        self._expect(t0_ms)
        served = w.zone_telecom_on[self._zone]
        on_foot = w.street_report_ms + self._walk_ms
        rows = np.flatnonzero(np.where(served, w.street_report_ms, on_foot) < t1_ms)
        if rows.size:
            t = np.where(served, w.street_report_ms, on_foot)[rows]
            t = np.maximum(t, t0_ms)
            order = np.lexsort((rows, t))
            rows, t = rows[order], t[order]
            self._learn(rows, t, w.street_event[rows])
        self._speeds(t0_ms)

    def _see(self, t0_ms: int) -> None:
        """Crews report by radio what they see from where they stand or drive."""
        w = self.w
        unknown = w.seen_edge_closed != w.edge_closed
        if not unknown.any():
            return
        crew = self._radio & ~among(w.unit_phase, _WITHOUT_CREW)
        units = np.flatnonzero(crew)
        rows = np.unique(self.ctx.city.edges.street[unknown])
        away = np.hypot(
            self._end_x_m[:, rows, None] - w.unit_x_m[units],
            self._end_y_m[:, rows, None] - w.unit_y_m[units],
        ).min(axis=0)
        seen = (away <= SIGHT_M).any(axis=1)
        if seen.any():
            first = units[np.argmin(away[seen], axis=1)]
            rows = rows[seen]
            self._learn(rows, np.full(rows.size, t0_ms), w.unit_event[first])

    def _expect(self, t0_ms: int) -> None:
        """Draw when somebody will report each new closing or opening."""
        w = self.w
        new = np.flatnonzero(w.street_event != w.seen_street_event)
        if new.size == 0:
            return
        u = rng.uniform(
            self.ctx.seed, "report.closure", self.ctx.city.streets.key[new], w.street_changes[new]
        )
        changed = self.ctx.log.column("t_ms")[w.street_event[new]]
        w.street_report_ms[new] = changed + np.rint(-1000.0 * REPORT_MEAN_S * np.log(u)).astype(
            np.int64
        )
        w.street_changes[new] += 1
        w.seen_street_event[new] = w.street_event[new]

    def _learn(self, rows: I64, t_ms: I64, cause: I64) -> None:
        """Streets [n] are known as they are now."""
        w = self.w
        w.street_report_ms[rows] = NEVER
        news = []
        for i, street in enumerate(rows):
            edges = self._edge_order[self._edge_ptr[street] : self._edge_ptr[street + 1]]
            if np.array_equal(w.seen_edge_closed[edges], w.edge_closed[edges]):
                continue
            w.seen_edge_closed[edges] = w.edge_closed[edges]
            news.append(i)
        if news:
            at = np.array(news)
            rows, t_ms, cause = rows[at], t_ms[at], cause[at]
            since = (t_ms - self.ctx.log.column("t_ms")[w.street_event[rows]]) / 1000.0
            self.emit("street_reported", t_ms, rows, w.street_state[rows],
                      np.maximum(since, 0.0), np.maximum(cause, w.street_event[rows]))

    def _speeds(self, t0_ms: int) -> None:
        w = self.w
        old = np.flatnonzero((w.seen_edge_ms >= 0) & (w.seen_edge_ms < t0_ms - SPEED_KEPT_MS))
        w.seen_edge_speed_mps[old] = self.ctx.city.edges.free_speed_mps[old]
        w.seen_edge_ms[old] = -1
        on = np.unique(w.unit_edge[w.unit_edge >= 0])
        w.seen_edge_speed_mps[on] = np.maximum(
            np.minimum(w.edge_speed_mps[on], w.edge_flow_speed_mps[on]), SLOWEST_MPS
        )
        w.seen_edge_ms[on] = t0_ms
