"""Crews of response vehicles on foot: out of the exclusion zone, to scenes, and back to their vehicle.

Whether a crew leaves its vehicle is response's to say (`engine/response/on_foot.py` and `scene_on_foot.py`,
by the unit's phase); here it walks. To a scene it carries its kit (`engine/approach.py`).
Speed on the level, clear street: 1.52 m/s (3.4 mph), the "fast walk" of Wood et al. 2015 (PNAS, Cascadia;
confirmed by reports of it); with a patient on a stretcher 0.67 m/s: two soldiers carried 80 kg by hand at
4.8 km/h for 2.7 minutes (Knapik et al. 2000; 3.0 minutes in Rice et al. 1996), taken with as long a rest
(assumption).
Slope, water, rubble, darkness and the crowd slow them as they slow everybody; streets closed to walkers
are closed to them, and a new way is looked for every minute. Safety is high ground outside the danger
zone, the ordered zones and the exclusion line.

Limits: crews add nothing to the crowd and enter no vertical refuge.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.access import FAST_WALK_MPS
from engine.approach import KIT_MPS
from engine.city import I32, I64, Streets
from engine.codes import among
from engine.component import Component, Context
from engine.kernels.paths import UNREACHED
from engine.kernels.walking import FLOOR, SHORT_M, Walkers, WalkNet, advance_walkers
from engine.mobility.destinations import WalkRoutes
from engine.mobility.geometry import StreetGeometry
from engine.mobility.together import Together
from engine.mobility.walking import weidmann_speed
from engine.shore import is_dark
from engine.world import NEVER, P_WALKING, U_AWAY, U_BACK, U_ON_FOOT, U_ON_SCENE, U_WALKING

CREW_MPS = FAST_WALK_MPS
CARRYING_MPS = 0.67
_SAFETY = -1  #: goal of crews on the way out; else the junction of their vehicle or scene
_ROUND = -2  #: goal `_ROUND - junction`: a scene, round the exclusion zone

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("crew on foot", CREW_MPS, "m/s", "fast walk, Wood et al. 2015", "sourced"),
    ("crew on foot with a stretcher", CARRYING_MPS, "m/s",
     "Knapik et al. 2000: 4.8 km/h for 2.7 min by hand, as long a rest assumed", "assumption"),
)


def crowd_left(w: Any, streets: Streets, people: I32, arc: I32) -> NDArray[np.float64]:
    """What the people on their streets leave of the speed of others on arcs [n], -1 at a junction; `people`
    [parties] go together with each walker."""
    walking = np.flatnonzero((w.party_place == P_WALKING) & (w.party_arc >= 0))
    on = np.bincount(w.party_arc[walking] >> 1, people[walking], streets.length_m.size)
    street = np.maximum(arc, 0) >> 1
    across = np.maximum(w.street_walk_width_m[street], 0.5)
    density = on[street] / (np.maximum(streets.length_m[street], SHORT_M) * across)
    part = np.clip(weidmann_speed(density, 1.0), FLOOR, 1.0)
    return np.asarray(np.where(arc >= 0, part, 1.0))


class Crews:
    """Moves crews on foot over [t0, t1)."""

    def __init__(
        self, host: Component, context: Context, walk: WalkRoutes, together: Together
    ) -> None:
        self.host, self.ctx, self._walk, self._together = host, context, walk, together
        city, site = context.city, context.site
        self._net = WalkNet(city.walk.head, city.walk.length_m, walk.slope, city.streets.width_m)
        main = site.walk_node == np.arange(site.walk_node.size)
        safe = site.safe_node & ~site.exclusion_node & main
        if not safe.any():  # a line drawn above all high ground: outside it, then
            safe = ~site.danger_node & ~site.exclusion_node & main
        self._safe: I32 = np.flatnonzero(safe).astype(np.int32)
        units = site.units.kind.size
        self._ambulance = site.units.kind == 0
        self._size = np.ones(units, np.int64)

    def advance(self, t0_ms: int, t1_ms: int) -> None:
        """Walk on, report who has arrived, and tell how long the walk out would be."""
        w, site = self.host.w, self.ctx.site
        on_foot = among(w.unit_phase, (U_ON_FOOT, U_BACK, U_WALKING))
        stays = (w.unit_phase == U_AWAY) | ((w.unit_phase == U_ON_SCENE) & (w.unit_scene_node >= 0))
        with_vehicle = np.flatnonzero(~on_foot & ~stays)
        w.unit_crew_node[with_vehicle] = w.unit_crew_arc[with_vehicle] = -1
        new = np.flatnonzero(on_foot & (w.unit_crew_node < 0))
        w.unit_crew_node[new] = site.walk_node[w.unit_node[new]]
        w.unit_crew_offset_m[new] = 0.0
        rows = np.flatnonzero(on_foot)
        if rows.size:
            self._move(rows, t0_ms, t1_ms)
        self._walk_out(t0_ms)

    def _move(self, rows: I64, t0_ms: int, t1_ms: int) -> None:
        w, site = self.host.w, self.ctx.site
        goal = np.where(
            w.unit_phase[rows] == U_ON_FOOT, _SAFETY, site.walk_node[w.unit_node[rows]])
        scene = w.unit_scene_node[rows]
        if w.exclusion_ms[0] < NEVER:
            scene = _ROUND - scene
        goal = np.where(w.unit_phase[rows] == U_WALKING, scene, goal)
        goals, which = np.unique(goal, return_inverse=True)
        dest = np.zeros(w.unit_phase.size, np.int16)
        dest[rows] = which
        target = np.zeros((goals.size, site.walk_node.size), np.bool_)
        for row, place in enumerate(goals):
            at = _ROUND - place if place <= _ROUND else place
            target[row, self._safe if place == _SAFETY else at] = True
        speed = np.zeros(w.unit_phase.size, np.float32)
        speed[rows] = self._speed(rows, t0_ms) * self._crowd(rows)
        moved = advance_walkers(
            # Few as they are, crews never fill a street: no debt to keep.
            Walkers(w.unit_crew_arc, w.unit_crew_offset_m, w.unit_crew_node,
                    np.zeros(w.street_walk_factor.size)),
            rows, t0_ms, t1_ms, net=self._net, street_factor=w.street_walk_factor,
            free_speed_mps=speed, size=self._size, dest=dest,
            next_arc=np.stack([self._tree(int(place))[0] for place in goals]), target=target,
            start_ms=np.asarray(w.unit_since_ms),
        )
        for unit, t_ms in zip(moved.arrived, moved.arrived_ms, strict=True):
            self.ctx.mail.crews.append((int(t_ms), int(unit)))

    def _walk_out(self, t0_ms: int) -> None:
        """How long each crew inside the exclusion line would walk to safety, while it is drawn."""
        w, site, edges = self.host.w, self.ctx.site, self.ctx.city.edges
        w.unit_walk_out_ms[:] = NEVER
        if w.exclusion_ms[0] >= NEVER:
            return
        node = np.where(w.unit_edge >= 0, edges.to_node[np.maximum(w.unit_edge, 0)], w.unit_node)
        node = np.where(w.unit_crew_node >= 0, w.unit_crew_node, node)
        rows = np.flatnonzero(site.exclusion_node[node])
        if rows.size == 0:
            return
        cost = self._tree(_SAFETY)[1][site.walk_node[node[rows]]]
        far = cost >= UNREACHED
        ms = np.rint(np.where(far, 0, cost) / self._speed(rows, t0_ms)).astype(np.int64)
        w.unit_walk_out_ms[rows] = np.where(far, NEVER, ms)

    def _speed(self, rows: I64, t0_ms: int) -> NDArray[np.float64]:
        """Speed of crews [n] on an empty level street."""
        w = self.host.w
        carrying = self._ambulance[rows] & (w.unit_person[rows] >= 0)
        speed = np.where(w.unit_phase[rows] == U_WALKING, KIT_MPS, CREW_MPS)
        speed = np.where(carrying, CARRYING_MPS, speed)
        if is_dark(self.ctx.city, self.ctx.scenario.start + timedelta(milliseconds=t0_ms)):
            at = np.where(w.unit_crew_node[rows] >= 0, w.unit_crew_node[rows], w.unit_node[rows])
            lit = w.zone_power_on[self.ctx.site.zone_of_node[at]]
            speed = np.where(lit, 1.0, self.ctx.behaviour.dark_walk_share) * speed
        return np.asarray(speed, np.float64)

    def _crowd(self, rows: I64) -> NDArray[np.float64]:
        return crowd_left(
            self.host.w, self.ctx.city.streets, self._together.people, self.host.w.unit_crew_arc[rows])

    def _tree(self, goal: int) -> tuple[I32, I64]:
        """Next arcs and cost to a goal, by the walkers' streets as they were last looked at."""
        if goal == _SAFETY:
            return self._walk.tree_to(goal, self._safe)
        if goal <= _ROUND:
            at = np.array([_ROUND - goal], np.int32)
            return self._walk.tree_to(goal, at, self.ctx.site.exclusion_node)
        return self._walk.tree_to(goal, np.array([goal], np.int32))

    def place(self, geometry: StreetGeometry) -> None:
        """On the map a unit is where its crew is."""
        w, nodes = self.host.w, self.ctx.city.nodes
        away = np.flatnonzero(w.unit_crew_node >= 0)
        w.unit_x_m[away] = nodes.x_m[w.unit_crew_node[away]]
        w.unit_y_m[away] = nodes.y_m[w.unit_crew_node[away]]
        walking = away[w.unit_crew_arc[away] >= 0]
        if walking.size:
            w.unit_x_m[walking], w.unit_y_m[walking] = geometry.on_arc(
                w.unit_crew_arc[walking], w.unit_crew_offset_m[walking])
