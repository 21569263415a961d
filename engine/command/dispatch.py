"""Dispatch: which unit goes where, from what the command centre knows.

Every tick the incidents whose call was answered are taken in the order of severity, then of the
time they became known, then of their number. An incident with trapped people gets one
fire-and-rescue unit; at most `dispatch.rescue_share` of these units are on rescue at once. Every
reported patient gets one ambulance (one ambulance carries one patient).

The unit is the free one with the least travel time on the network as the command centre sees it
(`seen_edge_speed_mps`, `seen_edge_closed`): one reverse shortest-path tree from the incident gives
the times of all units. Who has no known way there by vehicle counts with the way to where its crew can
walk on, and that walk (`engine/approach.py`), unless the exclusion line is drawn round the scene; that
water or rubble stops walkers the command centre does not know before a crew tells. The rule
`nearest_station` takes the unit whose station is nearest in a straight line, among those that have a way.
Positions of units are known (vehicle location).

Exclusion. Nobody may be inside the exclusion line from `exclusion.lead_s` before the predicted first
wave until the all-clear; without a prediction, from the order on. A unit is sent to a scene or control
point inside only if it can turn out, drive there, work (`TASK_MS`, or set up) and leave before that;
units and officers inside are withdrawn early enough to be out by then, by the way on the seen network
at free speed. Officers of a control point leave earlier where its `withdraw_s` says so, and are sent
there only if they can set up before; they do not come back while the order stands. Search inside waits
for the all-clear. Free units wait outside meanwhile (at their staging place where they have one), else at
their station. Police staff the plan's posts after the order, in the plan's order, and venues where a
crush is feared at once, before these. Control points, closures and inbound bans hold after the all-clear
until the area they guard is open (`engine/staged_return.py`); officers who had left come back where there
is time for it.

An incident without a unit is held with the reason: "no way to scene" only where no unit of the kind in
service has one by the seen network, the last part on foot or not, else "no unit free". It is looked at
again after a while, at once when a unit becomes free, and while the plan's barriers are taken away after
the all-clear; an hour after a crew on foot did not get through.

Transport missions (`missions.py`) have their vehicles before incidents do.

Limits: no unit is diverted from one incident to
another; crews do not tire; units and command always have radio contact.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from engine.access import CROSSING_MS, main_network, refuge_nodes, responders_closed
from engine.approach import Approach
from engine.city import F64, I32, I64, B
from engine.command.missions import MissionOrders
from engine.component import Component, Context
from engine.events import reason
from engine.kernels.paths import UNREACHED, group_edges, shortest_tree, speed_cost_ms
from engine.lead_time import WAVE_MAGNITUDE
from engine.site import AMBULANCE, POLICE, RESCUE, UNIT_KINDS
from engine.world import (
    I_ASSIGNED,
    I_CLOSED,
    I_KNOWN,
    NEVER,
    U_AVAILABLE,
    U_AWAY,
    U_OFF,
    U_ON_SCENE,
    U_RETURNING,
    U_STAFFING,
    U_TO_SCENE,
    U_TURNOUT,
    U_WALKING,
    U_WITHDRAWING,
)

FAILED_RETRY_MS = 600_000  #: after a unit gave up (assumption)
NO_WALK_RETRY_MS = 3_600_000  #: after a crew on foot found water or rubble in its way (assumption)
NO_WAY_RETRY_MS = 300_000  #: after no unit had a way (assumption)
TURNOUT_MS = 120_000  #: allowed for when a scene lies inside the exclusion line (assumption)
TASK_MS = (13.4 * 60_000, 30 * 60_000, 0)  #: by kind: mean time on scene, one rescue; set-up apart
BARRIERS_MS = 60_000  #: until the plan's barriers are away after the all-clear, and known to be
CONTROL_RETRY_MS = 1_800_000  #: after officers had to leave a control point (assumption)
_NO_UNIT, _NO_WAY = reason("no unit free"), reason("no way to scene")
_NO_WALK, _STUCK = reason("no way on foot"), reason("no way out of the zone")
_FREE = (U_AVAILABLE, U_RETURNING, U_WITHDRAWING)


def choose(times_s: F64, order: F64) -> int:
    """Unit with the least `order` (ties: lowest number) among those with a finite time; -1 none."""
    rank = np.where(np.isfinite(times_s), order, np.inf)
    best = int(np.argmin(rank)) if rank.size else -1
    return best if best >= 0 and np.isfinite(rank[best]) else -1


class Dispatch(MissionOrders, Component):
    """Orders units; sees reports, its own units and the seen network."""

    name = "dispatch"
    reads = (
        "incident_state", "incident_node", "incident_known_ms", "incident_event", "incident_count",
        "incident_patients", "incident_trapped", "incident_severity", "order_decided_ms",
        "order_event", "zone_order_ms", "zone_order_event", "all_clear_event",
        "seen_edge_speed_mps", "seen_edge_closed", "unit_phase", "unit_incident", "unit_control",
        "unit_node", "unit_person", "unit_event", "unit_serial_done", "unit_stop_reason",
        "unit_x_m", "unit_y_m", "incident_reason", "incident_held_event", "incident_retry_ms",
        "control_retry_ms", "unit_retry_ms", "predicted_ms", "predicted_event", "exclusion_ms",
        "control_reason", "unit_mission", "unit_stop", "unit_riders", "mission_lying", "mission_sitting",
        "mission_block", "mission_reason", "mission_retry_ms", "unit_since_ms",
        "unit_scene_node", "unit_crew_node", "venue_alarm_event", "venue_over_event", "seen_magnitude",
    )
    writes = (
        "unit_order_incident", "unit_order_control", "unit_order_event", "unit_order_serial",
        "incident_unit", "incident_reason", "incident_held_event", "incident_retry_ms",
        "unit_aid_event", "unit_aid_ms", "control_retry_ms", "unit_retry_ms", "exclusion_ms",
        "control_reason", "unit_order_mission", "mission_reason", "mission_retry_ms",
    )
    emits = ("unit_dispatched", "unit_withdrawn", "dispatch_held", "control_held", "aid_requested",
             "mission_ordered", "mission_held")

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        city, units = context.city, context.site.units
        self._csr = group_edges(city.nodes.x_m.size, city.edges.to_node, city.edges.from_node)
        self._refuge = refuge_nodes(city, context.site)
        self._posts = context.site.control_node.size - context.site.venue_control.size
        self._inside = context.site.exclusion_node
        self._exit: tuple[B, I64] | None = None
        self._of_kind = [units.kind == kind for kind in range(len(UNIT_KINDS))]
        end_s = [getattr(post, "to_s", 1e9) for post in context.plan.posts]
        self._to_ms = np.rint(1000 * np.array(end_s)).astype(np.int64)
        share = context.plan.dispatch.rescue_share
        self._rescue_cap = int(np.ceil(share * self._of_kind[RESCUE].sum()))
        own = units.station >= 0  # a neighbour's unit counts from its gate
        self._station_x = np.where(own, city.facilities.x_m[units.station], city.nodes.x_m[units.node])
        self._station_y = np.where(own, city.facilities.y_m[units.station], city.nodes.y_m[units.node])
        self._approach = Approach(city, context.site)
        self._main = np.flatnonzero(main_network(city))
        self._tree = cKDTree(
            np.column_stack([city.nodes.x_m[self._main], city.nodes.y_m[self._main]])
        )

    def step(self, t0_ms: int, t1_ms: int) -> None:
        self._cost: I64 | None = None
        self._now_ms = t0_ms
        w = self.w
        self._finish(t0_ms)
        self._finish_missions(t0_ms)
        standing = self._standing(t0_ms)
        self._draw_line(t0_ms, standing)
        barred = bool(w.exclusion_ms[0] < NEVER)
        if barred:
            self._withdraw(t0_ms)
        self._staff_venues(t0_ms)
        if standing:
            self._staff_controls(t0_ms, self._end_posts(t0_ms), int(w.order_event[0]))
            self._send_missions(t0_ms)
        elif w.all_clear_event[0] >= 0:
            holds = np.flatnonzero(self._lift_controls(t0_ms))
            self._staff_controls(t0_ms, holds.tolist(), int(w.all_clear_event[0]))
        self._assign(t0_ms, barred)
        self._call_aid(t0_ms, standing)
        self._send_to_wait(t0_ms, barred)

    def _call_aid(self, t0_ms: int, standing: bool) -> None:
        """Ask neighbours for units when the plan's trigger is met, once each."""
        w, units = self.w, self.ctx.site.units
        for row, aid in enumerate(self.ctx.plan.mutual_aid):
            mine = np.flatnonzero(units.aid == row)
            if w.unit_aid_event[mine[0]] >= 0:
                continue
            if aid.trigger == "order":
                if not standing:
                    continue
                cause = int(w.order_event[0])
            else:
                count = int(w.incident_count[0])
                short = np.flatnonzero(w.incident_reason[:count] == reason("no unit free"))
                if short.size == 0:
                    continue
                cause = int(w.incident_held_event[short].min())
            event = self.emit("aid_requested", t0_ms, 0, value=float(mine.size), cause=cause)[0]
            w.unit_aid_event[mine] = event
            w.unit_aid_ms[mine] = t0_ms + round(1000 * aid.travel_s)

    def _draw_line(self, t0_ms: int, standing: bool) -> None:
        """From when on nobody may be inside the exclusion line."""
        w = self.w
        if w.all_clear_event[0] >= 0:
            w.exclusion_ms[0] = NEVER
        elif w.predicted_ms[0] < NEVER:
            lead = round(self.ctx.plan.exclusion.lead_s * 1000)
            w.exclusion_ms[0] = max(int(w.predicted_ms[0]) - lead, 0)
        elif standing and not 0 < w.seen_magnitude[0] < WAVE_MAGNITUDE:
            w.exclusion_ms[0] = w.order_decided_ms[0]  # a danger that gives no time of its own
        else:
            w.exclusion_ms[0] = NEVER

    def _exit_ms(self) -> I64:
        """Time from each junction to the nearest one outside the line, by the seen network, ms.

        Free speeds, so that it follows from what is closed alone.
        """
        closed = np.array(self.w.seen_edge_closed)
        if self._exit is None or not np.array_equal(self._exit[0], closed):
            edges = self.ctx.city.edges
            cost = speed_cost_ms(edges.length_m, edges.free_speed_mps, closed)
            outside = np.flatnonzero(~self._inside).astype(np.int32)
            ms = shortest_tree(self._csr, cost, outside)[0]
            self._exit = closed, np.where(self._inside, ms, 0)
        return self._exit[1]

    def _back_in_time(self, node: int, times_s: F64, task_ms: float, t0_ms: int) -> B:
        """Units that can do a task at a junction and be outside before the line shuts [units]."""
        if not self._inside[node] or self.w.exclusion_ms[0] >= NEVER:
            return np.isfinite(times_s)
        # The ways into the zone close a little before it does.
        after_ms = max(task_ms + float(self._exit_ms()[node]), CROSSING_MS)
        left = int(self.w.exclusion_ms[0]) - t0_ms - TURNOUT_MS - after_ms
        return np.asarray(1000.0 * times_s <= left)

    def _standing(self, t0_ms: int) -> bool:
        w = self.w
        decided = w.order_event[0] >= 0 and w.order_decided_ms[0] <= t0_ms
        return bool(decided and w.all_clear_event[0] < 0)

    def _order(
        self, unit: int, incident: int, control: int, event: int, mission: int = -1
    ) -> None:
        self.w.unit_order_incident[unit] = incident
        self.w.unit_order_control[unit] = control
        self.w.unit_order_mission[unit] = mission
        self.w.unit_order_event[unit] = event
        self.w.unit_order_serial[unit] += 1

    def _finish(self, t0_ms: int) -> None:
        """Clear orders that units have carried out or given up."""
        w = self.w
        taken = w.unit_serial_done == w.unit_order_serial
        done = np.flatnonzero(taken & (w.unit_order_incident >= 0) & (w.unit_incident < 0))
        incident = w.unit_order_incident[done].copy()
        w.unit_order_incident[done] = -1
        left = taken & (w.unit_order_control >= 0) & (w.unit_control < 0)
        posts = w.unit_order_control[left]
        alarm = np.append(np.zeros(self._posts, np.int64), w.venue_alarm_event)
        w.control_retry_ms[posts[alarm[posts] >= 0]] = t0_ms + CONTROL_RETRY_MS
        w.unit_order_control[left] = -1
        count = int(w.incident_count[0])
        w.incident_unit[:count] = -1
        ordered = np.flatnonzero(w.unit_order_incident >= 0)
        w.incident_unit[w.unit_order_incident[ordered]] = ordered
        for unit, row in zip(done, incident, strict=True):
            if w.unit_stop_reason[unit]:
                failed = w.unit_stop_reason[unit] == _NO_WALK
                w.incident_retry_ms[row] = t0_ms + (NO_WALK_RETRY_MS if failed else FAILED_RETRY_MS)
                self._hold(np.array([row]), int(w.unit_stop_reason[unit]), t0_ms)
        closed = np.flatnonzero(w.incident_state[:count] == I_CLOSED)
        w.incident_reason[closed] = 0
        w.incident_held_event[closed] = -1
        w.incident_retry_ms[closed] = 0

    def _free(self) -> B:
        w = self.w
        free = np.isin(w.unit_phase, _FREE) & (w.unit_serial_done == w.unit_order_serial)
        free &= w.unit_order_mission < 0
        return np.asarray(free & (w.unit_order_incident < 0) & (w.unit_order_control < 0))

    def _positions(self) -> I32:
        """Junction of each unit: the last one, or the nearest where it is under way."""
        w = self.w
        node = w.unit_node.copy()
        moving = np.flatnonzero(np.isin(w.unit_phase, (U_RETURNING, U_WITHDRAWING)))
        if moving.size:
            at = np.column_stack([w.unit_x_m[moving], w.unit_y_m[moving]])
            node[moving] = self._main[self._tree.query(at)[1]]
        return np.asarray(node, np.int32)

    def _times_s(self, node: int) -> F64:
        """Travel time of every unit to a junction on the seen network, s; inf without a way."""
        if self._cost is None:
            closed = responders_closed(
                self.ctx.site, self.w.seen_edge_closed, int(self.w.exclusion_ms[0]), self._now_ms
            )
            self._cost = speed_cost_ms(
                self.ctx.city.edges.length_m, self.w.seen_edge_speed_mps, closed
            )
            self._at = self._positions()
        ms = shortest_tree(self._csr, self._cost, node)[0][self._at]
        return np.where(ms < UNREACHED, ms / 1000.0, np.inf)

    def _scene_times_s(self, node: int) -> F64:
        """Time of every unit to a scene, s: by vehicle or, where it has no way, the last part on foot;
        inf without either."""
        times = self._times_s(node)
        drawn = bool(self.w.exclusion_ms[0] < NEVER)
        if np.isfinite(times[self.w.unit_phase != U_OFF]).all() or (drawn and self._inside[node]):
            return times
        walk = self._approach.walk_ms(node, None, self._inside if drawn else None)
        assert self._cost is not None
        stops = self._approach.stops(walk, self._cost)
        if stops.size == 0:
            return times
        ms = shortest_tree(self._csr, self._cost, stops, walk[stops])[0][self._at]
        on_foot = np.where(ms < UNREACHED, ms / 1000.0, np.inf)
        return np.where(np.isfinite(times), times, on_foot)

    def _withdraw(self, t0_ms: int) -> None:
        """Order units out from inside the line, early enough to be out when it shuts."""
        w, site = self.w, self.ctx.site
        last_ms = int(w.exclusion_ms[0]) - self._exit_ms() - self.ctx.tick_ms
        closed = self._inside & (last_ms <= t0_ms)
        phase = w.unit_phase
        still = (U_AVAILABLE, U_TURNOUT, U_ON_SCENE, U_STAFFING)
        here = np.isin(phase, still) & closed[w.unit_node]
        bound = np.isin(phase, (U_TURNOUT, U_TO_SCENE))
        target = np.where(w.unit_incident >= 0, w.incident_node[np.maximum(w.unit_incident, 0)], -1)
        if site.control_node.size:
            point = site.control_node[np.maximum(w.unit_control, 0)]
            target = np.where(w.unit_control >= 0, point, target)
        if site.missions.count:
            stop = site.missions.stop_node[np.maximum(w.unit_mission, 0), w.unit_stop]
            target = np.where(w.unit_mission >= 0, stop, target)
        heading = bound & (target >= 0) & closed[np.maximum(target, 0)]
        # Crews on foot to a scene or at one: at once, theirs is the longer way.
        scene = w.unit_scene_node
        walks = (phase == U_WALKING) | ((phase == U_ON_SCENE) & (scene >= 0))
        crew = np.where(phase == U_WALKING, w.unit_crew_node, -1)
        heading |= walks & (self._inside[np.maximum(scene, 0)]
                            | (crew >= 0) & self._inside[np.maximum(crew, 0)])
        leaving = np.zeros(phase.size, np.bool_)
        if site.control_node.size:
            at_post = (w.unit_control >= 0) & np.isin(phase, (*still, U_TO_SCENE))
            due = self._post_until_ms() - self.ctx.tick_ms <= t0_ms
            leaving = at_post & due[np.maximum(w.unit_control, 0)] & ~here & ~heading
        out = here | heading
        tried = (phase == U_AVAILABLE) & (w.unit_retry_ms > t0_ms)  # and found no way out
        tried |= self._stuck()
        out &= (w.unit_serial_done == w.unit_order_serial) & ~tried
        out &= heading | (w.unit_node != self._refuge)
        out |= leaving & (w.unit_serial_done == w.unit_order_serial)
        for unit in np.flatnonzero(out):
            node = w.unit_node[unit] if here[unit] else target[unit]
            why = "withdrawn before the wave" if leaving[unit] else "scene inside exclusion zone"
            zone_event = int(w.zone_order_event[site.zone_of_node[node]])
            cause = zone_event if zone_event >= 0 else int(w.order_event[0])
            cause = max(cause, int(w.predicted_event[0]))
            event = self.emit(
                "unit_withdrawn", t0_ms, unit, reason(why), cause=cause
            )[0]
            self._order(int(unit), -1, -1, int(event))
            w.unit_retry_ms[unit] = t0_ms + FAILED_RETRY_MS

    def _post_until_ms(self) -> I64:
        """When officers leave each post [controls] by its own `withdraw_s`, and after the all-clear when
        its area is open; NEVER where they stay."""
        w, site, predicted = self.w, self.ctx.site, int(self.w.predicted_ms[0])
        out = np.full(site.control_node.size, NEVER, np.int64)
        if w.all_clear_event[0] >= 0:
            clear_ms = int(self.ctx.log.column("t_ms")[w.all_clear_event[0]])
            hold_ms = site.control_hold_ms[: self._posts]
            end_ms = np.minimum(clear_ms + hold_ms, w.order_decided_ms[0] + self._to_ms)
            out[: self._posts] = np.where(hold_ms > 0, end_ms, clear_ms)
            return out
        rows = np.flatnonzero(np.isfinite(site.control_withdraw_s))
        if rows.size and predicted < NEVER:
            lead = np.rint(1000 * site.control_withdraw_s[rows]).astype(np.int64)
            out[rows] = predicted - lead - self._exit_ms()[site.control_node[rows]]
        return out

    def _staff_venues(self, t0_ms: int) -> None:
        """Send police to venues where a crush is feared, and call them off once that is over."""
        w = self.w
        for venue, control in enumerate(self.ctx.site.venue_control.tolist()):
            alarm = int(w.venue_alarm_event[venue])
            if alarm >= 0:
                self._staff_controls(t0_ms, [control], alarm)
                continue
            for unit in np.flatnonzero(w.unit_order_control == control):
                self._order(int(unit), -1, -1, int(w.venue_over_event[venue]))

    def _staff_controls(self, t0_ms: int, controls: Iterable[int], cause: int) -> None:
        """Send police to those control points that are short of officers, in the order given."""
        w, site = self.w, self.ctx.site
        crew = site.units.crew
        for control in controls:
            have = int(crew[w.unit_order_control == control].sum())
            while have < site.control_officers[control] and w.control_retry_ms[control] <= t0_ms:
                free = self._free() & self._of_kind[POLICE]
                if not free.any():
                    return
                times = np.where(free, self._times_s(int(site.control_node[control])), np.inf)
                setup_ms = 1000.0 * float(site.control_setup_s[control])
                safe = self._back_in_time(int(site.control_node[control]), times, setup_ms, t0_ms)
                until = int(self._post_until_ms()[control])
                safe &= 1000.0 * times <= until - t0_ms - TURNOUT_MS - setup_ms
                unit = choose(np.where(safe, times, np.inf), times)
                if unit < 0 and w.all_clear_event[0] >= 0 and control < self._posts:
                    w.control_retry_ms[control] = t0_ms + NO_WAY_RETRY_MS  # open before they are set up
                    break
                if unit < 0:
                    inside = self._inside[site.control_node[control]] and w.exclusion_ms[0] < NEVER
                    inside = inside or until < NEVER
                    why = "no way back before the wave" if inside else "no way to scene"
                    self._hold_control(control, reason(why), t0_ms, cause)
                    w.control_retry_ms[control] = t0_ms + NO_WAY_RETRY_MS
                    break
                w.control_reason[control] = 0
                event = self.emit(
                    "unit_dispatched", t0_ms, unit, -1, times[unit], cause
                )[0]
                self._order(unit, -1, control, int(event))
                have += int(crew[unit])

    def _end_posts(self, t0_ms: int) -> list[int]:
        """While the order stands: call officers off posts whose time is over; the other posts."""
        w = self.w
        over = np.asarray(w.order_decided_ms[0] + self._to_ms <= t0_ms)
        self._call_off(over, int(w.order_event[0]))
        return [int(post) for post in np.flatnonzero(~over)]

    def _call_off(self, over: B, cause: int) -> None:
        """Call officers off the posts [posts] that are over."""
        at = self.w.unit_order_control
        mine = (at >= 0) & (at < self._posts) & np.append(over, False)[np.minimum(at, self._posts)]
        for unit in np.flatnonzero(mine):
            self._order(int(unit), -1, -1, cause)

    def _hold_control(self, control: int, why: int, t0_ms: int, cause: int) -> None:
        """Record why a control point gets no officers, once for each change of reason."""
        w = self.w
        if w.control_reason[control] != why:
            w.control_reason[control] = why
            begun_ms = int(w.order_decided_ms[0])
            if control >= self._posts:
                begun_ms = int(self.ctx.log.column("t_ms")[cause])
            self.emit("control_held", t0_ms, control, why, (t0_ms - begun_ms) / 1000.0,
                      max(cause, int(w.predicted_event[0])))

    def _lift_controls(self, t0_ms: int) -> B:
        """After the all-clear call officers off; which posts [posts] hold until their area is open."""
        holds = np.asarray(self._post_until_ms()[: self._posts] > t0_ms)
        self._call_off(~holds, int(self.w.all_clear_event[0]))
        return holds

    def _needs(self, rows: Any) -> tuple[I64, I64]:
        """Ambulances and fire-and-rescue units still to be sent to each of `rows`."""
        w = self.w
        count = int(w.incident_count[0])
        at = w.unit_order_incident
        coming = (at >= 0) & (w.unit_person < 0) & self._of_kind[AMBULANCE]
        ambulances = np.bincount(at[coming], minlength=count)[rows]
        rescuers = np.bincount(at[(at >= 0) & self._of_kind[RESCUE]], minlength=count)[rows]
        medical = np.maximum(w.incident_patients[rows] - ambulances, 0)
        rescue = np.maximum((w.incident_trapped[rows] > 0) - rescuers, 0)
        return medical.astype(np.int64), rescue.astype(np.int64)

    def _assign(self, t0_ms: int, barred: bool) -> None:
        """Send free units to known incidents, worst first; say why where nobody is sent."""
        w = self.w
        count = int(w.incident_count[0])
        state = w.incident_state[:count]
        known = (state == I_KNOWN) | (state == I_ASSIGNED)
        due = w.incident_retry_ms[:count] <= t0_ms
        if self._newly_free(t0_ms) or self._just_lifted(t0_ms):  # there may be one with a way now
            soon = w.incident_retry_ms[:count] - t0_ms < NO_WAY_RETRY_MS  # not where one just gave up
            due |= soon & np.isin(w.incident_reason[:count], (_NO_UNIT, _NO_WAY))
        rows = np.flatnonzero(known & due)
        if rows.size == 0:
            return
        medical, rescue = self._needs(rows)
        short = (medical > 0) | (rescue > 0)
        rows, medical, rescue = rows[short], medical[short], rescue[short]
        if barred:
            node = w.incident_node[rows]
            shortest = TURNOUT_MS + min(TASK_MS[:2])
            shut = self._inside[node] & (
                t0_ms + shortest + self._exit_ms()[node] > w.exclusion_ms[0]
            )
            self._hold(rows[shut], reason("scene inside exclusion zone"), t0_ms)
            rows, medical, rescue = rows[~shut], medical[~shut], rescue[~shut]
        order = np.lexsort(
            (rows, w.incident_known_ms[rows], -w.incident_severity[rows].astype(np.int64))
        )
        free = self._free()
        cap = self._rescue_cap - int(((w.unit_order_incident >= 0) & self._of_kind[RESCUE]).sum())
        if cap <= 0:
            free &= ~self._of_kind[RESCUE]
        for at in order:
            left = [bool((free & mask).any()) for mask in self._of_kind]
            if not (left[AMBULANCE] or left[RESCUE]):
                break
            wanted = (int(medical[at]), int(rescue[at]))
            for kind, number in zip((AMBULANCE, RESCUE), wanted, strict=True):
                for _ in range(number):
                    if kind == RESCUE and cap <= 0:
                        break
                    if not self._send(int(rows[at]), kind, free, t0_ms):
                        break
                    cap -= kind == RESCUE
                if kind == RESCUE and cap <= 0:
                    free &= ~self._of_kind[RESCUE]
        idle = rows[(w.incident_unit[rows] < 0) & (w.incident_retry_ms[rows] <= t0_ms)]
        self._hold(idle, _NO_UNIT, t0_ms)

    def _just_lifted(self, t0_ms: int) -> bool:
        """Whether officers are just taking the plan's barriers away after the all-clear."""
        clear = int(self.w.all_clear_event[0])
        if clear < 0:
            return False
        since_ms = t0_ms - int(self.ctx.log.column("t_ms")[clear])
        return since_ms <= BARRIERS_MS

    def _newly_free(self, t0_ms: int) -> bool:
        """Whether an ambulance or a rescue unit has become free since the last tick."""
        w = self.w
        fresh = self._free() & (w.unit_since_ms >= t0_ms - self.ctx.tick_ms)
        return bool((fresh & (self._of_kind[AMBULANCE] | self._of_kind[RESCUE])).any())

    def _send(self, incident: int, kind: int, free: B, t0_ms: int) -> bool:
        """Send the best free unit of a kind; False where there is none or it has no way."""
        w, candidates = self.w, free & self._of_kind[kind]
        if not candidates.any():
            return False
        node = int(w.incident_node[incident])
        every = self._scene_times_s(node)
        times = np.where(candidates, every, np.inf)
        order = times
        if self.ctx.plan.dispatch.rule == "nearest_station":
            nodes = self.ctx.city.nodes
            order = np.hypot(
                self._station_x - nodes.x_m[node], self._station_y - nodes.y_m[node]
            )
        safe = self._back_in_time(node, times, TASK_MS[kind], t0_ms)
        unit = choose(np.where(safe, times, np.inf), order)
        if unit < 0:
            if w.incident_unit[incident] < 0:
                # Who is on a task now may have a way once free.
                busy = self._of_kind[kind] & ~free & ~np.isin(w.unit_phase, (U_OFF, U_AWAY))
                why = _NO_UNIT if np.isfinite(every[busy]).any() else _NO_WAY
                if self._inside[node] and w.exclusion_ms[0] < NEVER:
                    why = reason("scene inside exclusion zone")
                self._hold(np.array([incident]), why, t0_ms)
            w.incident_retry_ms[incident] = t0_ms + NO_WAY_RETRY_MS
            return False
        held = int(w.incident_held_event[incident])
        event = self.emit(
            "unit_dispatched", t0_ms, unit, incident, times[unit],
            max(held, int(w.incident_event[incident])),
        )[0]
        self._order(unit, incident, -1, int(event))
        w.incident_unit[incident] = unit
        w.incident_reason[incident] = 0
        w.incident_held_event[incident] = -1
        free[unit] = False
        return True

    def _hold(self, rows: Any, why: int, t0_ms: int) -> None:
        """Record why nobody is sent, once for each change of reason."""
        w = self.w
        rows = rows[(w.incident_reason[rows] != why) & (w.incident_unit[rows] < 0)]
        cause = np.maximum(w.incident_held_event[rows], w.incident_event[rows])
        w.incident_held_event[rows] = self.emit(
            "dispatch_held", t0_ms, rows, why, (t0_ms - w.incident_known_ms[rows]) / 1000.0, cause
        )
        w.incident_reason[rows] = why

    def _stuck(self) -> B:
        """Units that have told that they find no way out, and look for one by themselves [units]."""
        w = self.w
        told = (w.unit_phase == U_AVAILABLE) & (w.unit_stop_reason == _STUCK)
        return np.asarray(told & self._inside[w.unit_node])

    def _send_to_wait(self, t0_ms: int, barred: bool) -> None:
        """Send idle units to their waiting place while the line is drawn, else to their station."""
        w = self.w
        wait = self._refuge if barred else self.ctx.site.units.node
        idle = self._free() & (w.unit_phase == U_AVAILABLE) & (w.unit_node != wait)
        idle &= w.unit_retry_ms <= t0_ms
        if barred:
            idle &= ~self._stuck()
        lifted = int(w.all_clear_event[0])
        for unit in np.flatnonzero(idle):
            # Units that were not on a task move because of the order or the all-clear.
            cause = int(w.unit_event[unit])
            if cause < 0 or (barred and w.unit_node[unit] == self.ctx.site.units.node[unit]):
                drawn = max(int(w.order_event[0]), int(w.predicted_event[0]))
                cause = drawn if barred else lifted
            elif lifted >= 0 and w.unit_node[unit] == self._refuge[unit]:
                cause = lifted
            self._order(int(unit), -1, -1, cause)
            w.unit_retry_ms[unit] = t0_ms + FAILED_RETRY_MS
