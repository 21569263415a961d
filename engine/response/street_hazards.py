"""What crews meet on the street: closures nobody had reported, and the water.

A unit that meets a closed street turns, tells the command centre by radio and takes the next way; the
detour counts as the delay of the leg where it is the largest one.

Water takes a vehicle where it is deeper than `FLOAT_DEPTH_M` or depth times speed passes `FLOAT_DV`
(Australian Rainfall and Runoff, large four-wheel drives: 0.5 to 0.6 m; recalled, unconfirmed). Each of
the crew then dies with the share found for adults swept away (11.35 %, ages 30-59: Nishikiori et al.
2006, mean of their bands); the unit is lost for the run, a patient on board is left at the place.

Limits: survivors of a crew do no further work; deep fast water kills no larger share.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine import rng
from engine.city import I32
from engine.component import Context
from engine.world import C_WAITING, U_AWAY, U_BACK, U_OFF, U_ON_FOOT

FLOAT_DEPTH_M = 0.6
FLOAT_DV = 0.6
DEATH_SHARE = 0.1135

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("depth, and depth times speed, that take a vehicle", f"{FLOAT_DEPTH_M} / {FLOAT_DV}", "m, m2/s",
     "Australian Rainfall and Runoff, large vehicles (recalled)", "assumption"),
    ("death of a crew member whose vehicle is taken", DEATH_SHARE, "",
     "Nishikiori et al. 2006, swept adults", "sourced"),
)


def crew_deaths(context: Context, unit: int) -> int:
    """Crew members of a unit that the water has taken who die."""
    units = context.site.units
    crew = np.arange(int(units.crew[unit]))
    key = np.full(crew.size, int(units.key[unit]))
    return int((rng.uniform(context.seed, "unit.caught", key, crew) < DEATH_SHARE).sum())


class StreetHazards:
    """Part of the units component: closures met and crews caught by the water."""

    w: Any
    ctx: Context
    emit: Any
    signal: Any
    _drive_node: I32
    _event: Any
    _phase: Any
    _set_care: Any
    _leave_control: Any
    _drop_mission: Any
    _crew_out: Any

    def _met(self, unit: int, t_ms: int, edge: int, detour_ms: int) -> None:
        """A closure that was not on the seen network: turned, told."""
        w, street = self.w, int(self.ctx.city.edges.street[edge])
        why, detour_s = int(w.street_state[street]), detour_ms / 1000.0 if detour_ms >= 0 else -1.0
        cause = max(int(w.unit_event[unit]), int(w.street_event[street]))
        w.unit_event[unit] = self.emit("unit_blocked", t_ms, unit, why, detour_s, cause)[0]
        self.ctx.mail.closures.append((t_ms, street, int(w.unit_event[unit])))
        if detour_s > 0:
            w.unit_detour_s[unit] += detour_s
            w.unit_detour_reason[unit] = why

    def _caught(self, t_ms: int) -> None:
        """The water takes vehicles, and may kill their crews."""
        w, edges = self.w, self.ctx.city.edges
        if not (w.zone_flooded_event >= 0).any():
            return
        on = np.maximum(w.unit_edge, 0)
        driving = w.unit_edge >= 0
        node = np.where(driving, edges.to_node[on], w.unit_node)
        depth = np.where(driving, w.street_depth_m[edges.street[on]], w.node_depth_m[node])
        taken = (depth > FLOAT_DEPTH_M) | ((depth > 0.1) & (depth * w.node_flow_mps[node] > FLOAT_DV))
        taken &= (w.unit_phase != U_OFF) & (w.unit_caught_event < 0)
        for unit in np.flatnonzero(taken):
            self._lose(int(unit), t_ms, int(node[unit]), float(depth[unit]))

    def _lose(self, unit: int, t_ms: int, node: int, depth_m: float) -> None:
        w, units = self.w, self.ctx.site.units
        flood = int(w.zone_flooded_event[self.ctx.site.zone_of_node[node]])
        flood = flood if flood >= 0 else int(w.zone_flooded_event.max())
        cause = max(int(w.unit_event[unit]), flood)
        event = int(self.emit("unit_caught", t_ms, unit, value=depth_m, cause=cause)[0])
        w.unit_event[unit] = w.unit_caught_event[unit] = event
        if w.unit_phase[unit] in (U_ON_FOOT, U_AWAY, U_BACK) or self._crew_out(unit):
            return  # the vehicle alone: its crew is elsewhere
        dead = crew_deaths(self.ctx, unit)
        if dead:
            self.emit("responders_died", t_ms, unit, value=dead, cause=event)
        if w.unit_control[unit] >= 0:
            self._leave_control(unit, t_ms)
        person = int(w.unit_person[unit])
        if person >= 0 and units.kind[unit] == 0:
            self._set_care(person, C_WAITING, event)  # the dead need none (`_sync_care`)
        w.unit_incident[unit] = w.unit_control[unit] = w.unit_person[unit] = -1
        w.unit_facility[unit] = w.unit_dest_node[unit] = -1
        w.unit_node[unit] = self._drive_node[node]
        self._drop_mission(unit, t_ms)
        self._phase(unit, U_OFF, t_ms)
        self.signal(unit)
