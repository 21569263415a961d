"""Response units: the state machine of ambulances, fire-and-rescue units and police cars.

available -> turnout -> to scene -> on scene -> to hospital -> at hospital -> available; police:
to scene -> on scene (setting up) -> staffing. Phases that end by themselves have a due time; the
unit's process wakes there and the change carries that time. Driving ends when mobility reports.

- Turnout, from a station or staging place: lognormal with 90th percentile 80 s (fire and rescue) or
  60 s (ambulance; police alike, an assumption): NFPA 1710 objectives for 90 % of turnouts; sigma 0.35
  is an assumption. Where fire and rescue crews are volunteers (`City.departments`) they first come
  from home (`volunteers.py`), unless a night guard is at the station: called at the vehicle's first
  order, or all of them when strong shaking (intensity VI and above) is reported, when Chilean
  companies man their stations unasked (assumption). From then on they stay.
- Ambulance on scene: lognormal, mean 13.4 min (Carr 2006, urban), sigma 0.5 (assumption).
- Freeing one trapped person: lognormal, mean 30 min, in a collapsed building 4 h, sigma 0.5
  (all assumptions; no figure by damage class was found).
- At hospital: 30 min, the English ambulance standard of 15 min handover and 15 min until ready,
  used as times (from memory of the standard, unconfirmed; observed times are often longer).
- Officers at a control point: the plan's `setup_s`.

Care. A crew takes the critical (START red) before the serious, then the lowest number; it carries
one patient; lightly hurt people are not carried. Freed people become patients if seriously hurt.
A hospital takes patients of this event up to 20 % of its beds, rounded up (rule of the Israeli
Ministry of Health: Kosashvili et al. 2009), so many an hour, and may shut (`hospital_state.py`); many
patients come without an ambulance (`self_referral.py`). Rule `nearest`: the nearest by travel time
that is not known to be full; a crew that meets a full one goes on to the next, and waits at the door
when none has a bed. Rule `spread`: the greatest share of free beds, patients under way counted. Rule
`least_wait`: the least travel time plus expected wait at the door, by the hospital's patients an hour
and those already under way there, among hospitals with a bed left.

Crews ordered out with a patient on board leave for the hospital at once; others turn back. Crews
leave a scene by themselves when water there stands above 0.3 m. Who has no way out of the exclusion zone
by vehicle walks (`on_foot.py`), and the last part of the way to a scene that no vehicle reaches
(`scene_on_foot.py`).

Where no hospital can be used a clinic keeps the patient (`clinics.py`).

Limits: no discharge during a run; no hospital inside the exclusion line is chosen while it is drawn (a
crew without another, or a clinic, waits at its staging place; one already bound for it goes
on); one crew frees one person at a time, without heavy equipment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from engine.access import drive_node, refuge_nodes
from engine.approach import CARD as APPROACH_CARD
from engine.component import Component, Context
from engine.errors import RunError
from engine.events import KIND_CODE, reason
from engine.kernels.paths import group_edges
from engine.loading import CARD as LOADING_CARD
from engine.response.at_scene import AtScene
from engine.response.care import CareChain
from engine.response.clinics import CARD as CLINIC_CARD
from engine.response.clinics import Clinics
from engine.response.driving import UnitLegs
from engine.response.durations import hospital_limit, turnout_ms
from engine.response.hospital_state import CARD as HOSPITAL_CARD
from engine.response.hospital_state import HospitalState
from engine.response.hospitals import HospitalLegs
from engine.response.missions import MissionTrips
from engine.response.on_foot import CARD as ON_FOOT_CARD
from engine.response.on_foot import NO_WAY, CrewsOnFoot
from engine.response.scene_on_foot import CARD as SCENE_CARD
from engine.response.scene_on_foot import ScenesOnFoot
from engine.response.self_referral import CARD as SELF_CARD
from engine.response.self_referral import SelfReferral
from engine.response.street_hazards import CARD as HAZARD_CARD
from engine.response.street_hazards import StreetHazards
from engine.response.volunteers import CARD as VOLUNTEER_CARD
from engine.response.volunteers import VolunteerCrews
from engine.site import AMBULANCE, RESCUE
from engine.wards import CARD as WARD_CARD
from engine.world import (
    C_WAITING,
    NEVER,
    U_AT_HOSPITAL,
    U_AVAILABLE,
    U_AWAY,
    U_BACK,
    U_CARRYING,
    U_OFF,
    U_ON_FOOT,
    U_ON_SCENE,
    U_RETURNING,
    U_SETTING_DOWN,
    U_STAFFING,
    U_TO_HOSPITAL,
    U_TURNOUT,
    U_WALKING,
    U_WITHDRAWING,
)

VOLUNTEERS_MMI = 6.0
_ON_FOOT = (U_ON_FOOT, U_AWAY, U_BACK, U_WALKING)


class UnitsComponent(
    AtScene, CareChain, Clinics, CrewsOnFoot, HospitalLegs, HospitalState, MissionTrips,
    ScenesOnFoot, SelfReferral, StreetHazards, UnitLegs, VolunteerCrews,
    Component,
):
    """Owner of units, care and control points; applies wakes, arrivals and orders."""

    name = "units"
    reads = (
        "person_health", "person_trapped", "person_health_event", "person_incident",
        "incident_node", "building_damage", "unit_order_incident", "unit_order_control",
        "unit_order_event", "unit_order_serial",
        "seen_edge_speed_mps", "seen_edge_closed", "node_depth_m", "street_state", "unit_x_m",
        "unit_y_m", "unit_due_ms", "unit_facility", "unit_leg_started_ms", "unit_busy_ms",
        "unit_since_ms", "unit_dest_node", "unit_turnouts", "control_event",
        "hospital_known_full", "seen_mmi", "seen_mmi_event", "unit_called_ms",
        "person_self_ms", "person_hospital", "party_node", "zone_power_on", "zone_lifeline_event",
        "building_damage_event", "hospital_shut", "hospital_dark_ms", "hospital_next_ms",
        "unit_aid_event", "unit_aid_ms", "exclusion_ms", "unit_edge", "street_depth_m",
        "node_flow_mps", "zone_flooded_event",
        "street_event", "unit_detour_s", "unit_detour_reason", "unit_caught_event",
        "hospital_fuel_ms", "hospital_fuel_event",
        "party_place", "unit_order_mission", "party_board_event", "party_line", "party_stop",
        "party_stop_ms", "unit_stop", "unit_wait_ms", "order_decided_ms", "all_clear_event",
        "order_event", "predicted_ms", "unit_walk_out_ms", "unit_crew_node", "unit_crew_arc",
        "unit_scene_node", "street_walk_factor",
    )
    writes = (
        "unit_phase", "unit_due_ms", "unit_incident", "unit_control", "unit_node", "unit_person",
        "unit_facility", "unit_event", "unit_serial_done",
        "unit_leg_started_ms", "unit_busy_ms", "unit_since_ms", "unit_dest_node", "unit_turnouts",
        "unit_stop_reason", "incident_reached_ms", "person_care", "person_care_event",
        "control_staffed", "control_event", "hospital_beds_used", "hospital_known_full",
        "unit_called_ms", "unit_detour_s", "unit_detour_reason", "unit_caught_event",
        "person_self_ms", "person_hospital", "hospital_shut", "hospital_dark_ms",
        "hospital_next_ms", "unit_mission", "unit_riders", "mission_lying", "mission_sitting",
        "mission_block", "party_unit", "party_board_event", "unit_stop", "unit_wait_ms",
        "unit_scene_node",
    )
    emits = (
        "unit_departed", "unit_arrived", "unit_delayed", "unit_turned_back", "person_rescued",
        "person_treated", "transport_started", "person_admitted", "hospital_full",
        "unit_available", "control_staffed", "control_left", "unit_blocked", "unit_caught",
        "responders_died", "aid_arrived", "self_referred", "hospital_shut", "hospital_opened",
        "party_boarded", "unit_unloaded", "crew_on_foot", "crew_in_safety", "crew_walks_back",
        "crew_back", "crew_caught", "crew_walks_to_scene",
    )

    card = (*VOLUNTEER_CARD, *HAZARD_CARD, *HOSPITAL_CARD, *SELF_CARD, *WARD_CARD, *LOADING_CARD,
            *ON_FOOT_CARD, *CLINIC_CARD, *APPROACH_CARD, *SCENE_CARD)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        city, site = context.city, context.site
        self.signal: Callable[[int], None] = lambda unit: None
        self._drive_node = drive_node(city)
        self._refuge = refuge_nodes(city, site)
        self._csr = group_edges(city.nodes.x_m.size, city.edges.from_node, city.edges.to_node)
        self._hospital_node = self._drive_node[city.facilities.node[site.hospital]]
        self._limit = np.zeros(city.facilities.capacity.size, np.int64)
        self._limit[site.hospital] = hospital_limit(city.facilities.capacity[site.hospital])

        self._prepare_hospitals()
        self._prepare_missions()
        self._prepare_crews()
        self._prepare_scenes()
        self._prepare_clinics()
        self._prepare_volunteers()

    def start(self) -> None:
        self.w.unit_node[:] = self.ctx.site.units.node
        self.w.unit_phase[self.ctx.site.units.aid >= 0] = U_OFF

    def due(self, now_ms: int) -> int:
        mail, w = self.ctx.mail, self.w
        ordered = np.any(w.unit_order_serial != w.unit_serial_done)
        if mail.wakes or mail.unit_arrivals or mail.crews or ordered:
            return now_ms
        working = np.isin(w.unit_phase, (
            U_ON_SCENE, U_STAFFING, U_ON_FOOT, U_AWAY, U_BACK, U_WALKING)).any()
        if mail.met or (w.zone_flooded_event >= 0).any() or (w.zone_lifeline_event >= 0).any():
            return now_ms
        if np.any(w.person_health > 0):  # somebody may set out for hospital
            return now_ms
        if w.mission_block.size:  # who waits is reported all the time
            return now_ms
        coming = w.unit_aid_ms[(w.unit_event < 0)].min(initial=NEVER)
        return now_ms if working else min(int(w.unit_due_ms.min(initial=NEVER)), int(coming))

    def step(self, t0_ms: int, t1_ms: int) -> None:
        self._now_ms = t0_ms
        self._cost: Any = None
        if self.w.seen_mmi_event[0] >= 0 and self.w.seen_mmi[0] >= VOLUNTEERS_MMI:
            reported = int(self.ctx.log.column("t_ms")[self.w.seen_mmi_event[0]])
            self._call_volunteers(np.flatnonzero(self._volunteer), reported)
        self._sync_care()
        self._watch_hospitals(t0_ms)
        self._aid_arrives(t1_ms)
        rows: list[tuple[int, int, int, Any]] = []
        for t_wake, unit in self.ctx.mail.take("wakes"):
            # A due time on the tick's own edge waits for the next tick, whether the process woke
            # before or after this step: the order inside one instant must not matter.
            if self.w.unit_due_ms[unit] < t0_ms:
                rows.append((int(self.w.unit_due_ms[unit]), unit, 0, None))
            elif t_wake == self.w.unit_due_ms[unit]:
                self.ctx.mail.wakes.append((t_wake, unit))
        for t_ms, unit, node, edge, delay_s in self.ctx.mail.take("unit_arrivals"):
            rows.append((t_ms, unit, 1, (node, edge, delay_s)))
        rows += [(t_ms, unit, 2, None) for t_ms, unit in self.ctx.mail.take("crews")]
        for t_ms, unit, edge, detour_ms in self.ctx.mail.take("met"):
            self._met(unit, t_ms, edge, detour_ms)
        for t_ms, unit, what, row in sorted(rows, key=lambda r: r[:3]):
            if what == 1:
                self._arrive(unit, t_ms, *row)
            elif what == 2:
                self._crew_arrives(unit, t_ms)
            self._settle(unit)
        self._self_referrals(t0_ms)
        self._caught(t0_ms)
        self._caught_on_foot(t0_ms)
        self._crews_back(t0_ms)
        self._watch_walks_back(t0_ms)
        self._leave_water(t0_ms)
        self._check_patients(t0_ms)
        for unit in np.flatnonzero(self.w.unit_order_serial != self.w.unit_serial_done):
            self._take_order(int(unit), t0_ms)
            self._settle(int(unit))
        self._report_missions()

    def _aid_arrives(self, t1_ms: int) -> None:
        """A neighbour's units reach the gate."""
        w = self.w
        rows = np.flatnonzero((w.unit_phase == U_OFF) & (w.unit_aid_ms < t1_ms) & (w.unit_event < 0))
        for unit in rows:
            t_ms = int(w.unit_aid_ms[unit])
            w.unit_event[unit] = self.emit("aid_arrived", t_ms, unit, cause=w.unit_aid_event[unit])[0]
            self._phase(int(unit), U_AVAILABLE, t_ms)

    def _settle(self, unit: int) -> None:
        """Apply every change that was due before this tick, then let the process look again."""
        while self.w.unit_due_ms[unit] < self._now_ms:
            t_ms = int(self.w.unit_due_ms[unit])
            self.w.unit_due_ms[unit] = NEVER
            self._fall_due(unit, t_ms)
        self.signal(unit)

    def _fall_due(self, unit: int, t_ms: int) -> None:
        phase = self.w.unit_phase[unit]
        if phase == U_TURNOUT:
            self._depart(unit, t_ms)
        elif phase == U_ON_SCENE and self.w.unit_control[unit] >= 0:
            self._staff(unit, t_ms)
        elif phase == U_ON_SCENE and self.w.unit_mission[unit] >= 0:
            self._loaded(unit, t_ms)
        elif phase == U_SETTING_DOWN:
            self._unload(unit, t_ms, True)
            self._available(unit, t_ms)
        elif phase == U_ON_SCENE and self._kind(unit) == RESCUE:
            self._free_person(unit, t_ms)
        elif phase == U_ON_SCENE:
            self._transport(unit, t_ms)
        elif phase == U_WALKING:
            self._not_through(unit, t_ms)
        elif phase == U_TO_HOSPITAL:
            self._at_door(unit, t_ms)
        elif phase == U_AT_HOSPITAL:
            self._available(unit, t_ms)
            self._look_again(unit, t_ms)
        elif phase == U_AVAILABLE:  # inside the exclusion line, without a way out when it looked last
            if self._in_zone(unit):
                self._leave_zone(unit, t_ms, int(self._refuge[unit]), U_WITHDRAWING)
        else:
            raise RunError(f"unit {unit} fell due in phase {phase}")

    def _kind(self, unit: int) -> int:
        return int(self.ctx.site.units.kind[unit])

    def _phase(self, unit: int, phase: int, t_ms: int, due_ms: int = NEVER) -> None:
        w = self.w
        if w.unit_phase[unit] not in (U_AVAILABLE, U_OFF, U_AWAY):
            w.unit_busy_ms[unit] += t_ms - w.unit_since_ms[unit]
        w.unit_phase[unit], w.unit_since_ms[unit], w.unit_due_ms[unit] = phase, t_ms, due_ms

    def _event(self, kind: str, t_ms: int, unit: int, object: int = -1, value: float = 0.0) -> None:
        """Emit an event about a unit, caused by its last one, and keep it as its last."""
        cause = int(self.w.unit_event[unit])
        self.w.unit_event[unit] = self.emit(kind, t_ms, unit, object, value, cause)[0]

    # --- orders ---------------------------------------------------------------------------------

    def _take_order(self, unit: int, t_ms: int) -> None:
        w = self.w
        incident, control = int(w.unit_order_incident[unit]), int(w.unit_order_control[unit])
        mission = int(w.unit_order_mission[unit])
        w.unit_serial_done[unit] = w.unit_order_serial[unit]
        w.unit_stop_reason[unit] = 0
        event = int(w.unit_order_event[unit])
        # An order inside this tick, right after the call that it answers, counts from its own time.
        t_ms = max(t_ms, int(self.ctx.log.column("t_ms")[event]))
        if incident < 0 and control < 0 and mission < 0:
            self._stand_down(unit, t_ms, event)
            return
        if w.unit_phase[unit] in _ON_FOOT:  # left its vehicle in this very tick; command sends another
            self.emit("unit_turned_back", t_ms, unit, NO_WAY, cause=max(event, int(w.unit_event[unit])))
            return
        w.unit_event[unit] = event
        w.unit_incident[unit], w.unit_control[unit] = incident, control
        w.unit_mission[unit] = mission
        units = self.ctx.site.units
        resting = w.unit_phase[unit] == U_AVAILABLE
        if resting and w.unit_node[unit] in (units.node[unit], self._refuge[unit]):
            delay = turnout_ms(
                self.ctx.seed, int(units.key[unit]), int(w.unit_turnouts[unit]),
                self._kind(unit) == RESCUE,
            )
            w.unit_turnouts[unit] += 1
            self._phase(unit, U_TURNOUT, t_ms, self._crew_ready(unit, t_ms) + delay)
        else:
            self._depart(unit, t_ms)

    def _stand_down(self, unit: int, t_ms: int, event: int) -> None:
        """Ordered out, or to a waiting place."""
        w = self.w
        if w.unit_phase[unit] in (U_TO_HOSPITAL, U_AT_HOSPITAL, U_CARRYING, U_SETTING_DOWN):
            return  # it leaves anyway, and the patient comes first
        if w.unit_phase[unit] in (U_ON_FOOT, U_AWAY):
            return  # it is out, or nearly
        w.unit_event[unit] = event
        if w.unit_phase[unit] == U_BACK or self._crew_out(unit):
            self._pull_out(unit, t_ms)
            return
        if w.unit_phase[unit] == U_ON_SCENE and self._kind(unit) == AMBULANCE and (
            w.unit_person[unit] >= 0
        ):
            self._transport(unit, t_ms)
            return
        if w.unit_mission[unit] >= 0 and self._break_off(unit, t_ms):
            self._carry(unit, t_ms)
            return
        kind = int(self.ctx.log.column("kind")[event])
        asked = kind in [KIND_CODE[k] for k in (
            "unit_withdrawn", "order_decided", "arrival_predicted", "all_clear",
        )]
        self._give_up(unit, t_ms, reason("scene inside exclusion zone"))
        self._go_wait(unit, t_ms, U_WITHDRAWING if asked else U_RETURNING)

    def _give_up(self, unit: int, t_ms: int, why: int) -> None:
        """Drop the task at hand; patients not on board stay."""
        w = self.w
        if w.unit_control[unit] >= 0:
            self._leave_control(unit, t_ms)
        if w.unit_incident[unit] >= 0:
            w.unit_stop_reason[unit] = why
            self._event("unit_turned_back", t_ms, unit, why)
        if w.unit_mission[unit] >= 0:
            w.unit_stop_reason[unit] = why
            self._event("unit_turned_back", t_ms, unit, why)
            self._drop_mission(unit, t_ms)
        person = int(w.unit_person[unit])
        if person >= 0 and self._kind(unit) == AMBULANCE:
            self._set_care(person, C_WAITING, int(w.unit_event[unit]))
        w.unit_incident[unit] = w.unit_control[unit] = w.unit_person[unit] = -1

    def _go_wait(self, unit: int, t_ms: int, phase: int, node: int = -1) -> None:
        """Drive to `node`, else to the waiting place: from inside the exclusion line as it can."""
        w = self.w
        home = self._refuge[unit] if w.exclusion_ms[0] < NEVER else self.ctx.site.units.node[unit]
        if node < 0 and w.exclusion_ms[0] < NEVER:
            self._leave_zone(unit, t_ms, int(home), phase)
            return
        home = home if node < 0 else node
        if w.unit_phase[unit] == U_TURNOUT and w.unit_node[unit] == home:
            self._available(unit, t_ms)
            return
        if w.unit_phase[unit] == U_AVAILABLE and w.unit_node[unit] == home:
            return  # it cannot get any nearer to its waiting place
        if phase == U_WITHDRAWING:
            self._event("unit_departed", t_ms, unit)
        self._drive(unit, t_ms, int(home), phase)

    # --- driving --------------------------------------------------------------------------------

    # --- on scene -------------------------------------------------------------------------------

    def _available(self, unit: int, t_ms: int) -> None:
        w = self.w
        w.unit_incident[unit] = w.unit_control[unit] = w.unit_person[unit] = -1
        w.unit_facility[unit] = w.unit_mission[unit] = w.unit_scene_node[unit] = -1
        self._phase(unit, U_AVAILABLE, t_ms)
        self._event("unit_available", t_ms, unit)
