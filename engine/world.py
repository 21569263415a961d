"""World: the only mutable state of a run, a structure of arrays with one table of variables.

Names are <entity>_<quantity>_<unit>. Every variable has one writer, checked when a run is
assembled; who reads what is declared by the components (`engine/component.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NEVER = np.iinfo(np.int64).max // 4  #: a due time that does not come
#: Places of a party; `party_place` indexes this tuple.
PLACES = (
    "at start", "preparing", "walking", "driving", "waiting to drive", "high ground", "meeting point",
    "shelter", "stranded", "in water", "staying", "outside", "cut off",
    "returning", "vertical refuge", "on board", "walking to a bus",
    "waiting for a bus", "walking to family", "with family",
)
(P_START, P_PREPARING, P_WALKING, P_DRIVING, P_WAITING, P_HIGH, P_MEETING, P_SHELTER, P_STRANDED,
 P_WATER, P_STAYING, P_OUTSIDE, P_CUT_OFF, P_RETURNING, P_REFUGE, P_ABOARD,
 P_TO_STOP, P_AT_STOP, P_TO_FAMILY, P_WITH) = range(len(PLACES))

#: Health of a person: HAZUS severities 1-3, then dead.
HEALTH = ("well", "lightly hurt", "seriously hurt", "critically hurt", "dead")
H_WELL, H_LIGHT, H_SERIOUS, H_CRITICAL, H_DEAD = range(len(HEALTH))

#: Care of a person: where in the chain of rescue.
CARE = ("none", "trapped", "waiting", "treated", "transport", "hospital", "own way to hospital")
C_NONE, C_TRAPPED, C_WAITING, C_TREATED, C_TRANSPORT, C_HOSPITAL, C_SELF = range(len(CARE))

#: Phases of a response unit.
UNIT_PHASES = ("available", "turnout", "to scene", "on scene", "to hospital", "at hospital",
               "returning", "staffing", "withdrawing", "off", "carrying", "setting down",
               "on foot", "away from vehicle", "back to vehicle", "walking to scene")
(U_AVAILABLE, U_TURNOUT, U_TO_SCENE, U_ON_SCENE, U_TO_HOSPITAL, U_AT_HOSPITAL, U_RETURNING,
 U_STAFFING, U_WITHDRAWING, U_OFF, U_CARRYING, U_SETTING_DOWN,
 U_ON_FOOT, U_AWAY, U_BACK, U_WALKING) = range(len(UNIT_PHASES))

#: Incident states.
INCIDENT_STATES = ("unknown", "calling", "queued", "known", "assigned", "closed")
I_UNKNOWN, I_CALLING, I_QUEUED, I_KNOWN, I_ASSIGNED, I_CLOSED = range(len(INCIDENT_STATES))


@dataclass(frozen=True)
class Variable:
    """One row of the World table."""

    name: str
    dtype: str
    entity: str
    unit: str
    initial: float
    writer: str  # the one component that writes it
    meaning: str


def _rows(writer: str, *rows: tuple[str, str, str, str, float, str]) -> list[Variable]:
    return [Variable(n, d, e, u, i, writer, m) for n, d, e, u, i, m in rows]


VARIABLES: tuple[Variable, ...] = tuple(
    _rows(
        "earthquake",
        ("building_pga_g", "f4", "building", "g", 0, "peak ground acceleration met so far"),
        ("zone_sa1_g", "f4", "zone", "g", 0, "spectral acceleration at 1 s"),
        ("zone_mmi", "f4", "zone", "MMI", 0, "Modified Mercalli intensity felt in the zone"),
        ("zone_shaken_event", "i8", "zone", "event", -1, "event of the shaking"),
        ("quake_event", "i8", "run", "event", -1, "event of the rupture"),
    )
    + _rows(
        "tsunami",
        ("wetcell_depth_m", "f4", "wetcell", "m", 0, "water depth on land cells the sea can reach"),
        ("wetcell_speed_mps", "f4", "wetcell", "m/s", 0, "flow speed there"),
        ("node_depth_m", "f4", "node", "m", 0, "water depth at the junction"),
        ("node_flow_mps", "f4", "node", "m/s", 0, "flow speed at the junction"),
        ("street_depth_m", "f4", "street", "m", 0, "greatest water depth along the street"),
        ("gauge_level_m", "f4", "gauge", "m", 0, "sea level at the tide gauge"),
        ("gauge_crest_m", "f4", "gauge", "m", 0, "highest level so far"),
        ("gauge_event", "i8", "gauge", "event", -1, "event of the first disturbance"),
        ("zone_flooded_event", "i8", "zone", "event", -1, "event of first water on land"),
    )
    + _rows(
        "crowds",
        ("venue_inside", "i4", "venue", "people", 0, "visitors who have crossed no exit"),
        ("venue_out", "i4", "venue", "people", 0, "visitors who have left"),
        ("venue_held", "i4", "venue", "people", 0, "visitors who have not set out and whom officers let on bit by bit"),
        ("venue_pm2", "f4", "venue", "/m2", 0, "greatest local density at the last sample"),
        ("venue_exposed_s", "f8", "venue", "person-s", 0, "time pressed together since the last report of it"),
        ("venue_exposed_ms", "i8", "venue", "ms", 0, "time of that report"),
        ("venue_metered", "?", "venue", "", 0, "officers let people on"),
        ("venue_event", "i8", "venue", "event", -1, "last event of the crowd"),
        ("venue_dense_event", "i8", "venue", "event", -1, "event of people being pressed together, -1 not now"),
        ("camera_people", "i4", "camera", "people", 0, "heads in the camera's field"),
    )
    + _rows(
        "buildings",
        ("building_damage", "u1", "building", "state", 0, "0 none to 4 complete, 5 collapsed"),
        ("building_damage_event", "i8", "building", "event", -1, "event of the damage"),
        ("street_clear_m", "f4", "street", "m", 1e9, "width left by rubble"),
        ("street_rubble_event", "i8", "street", "event", -1, "event of the building whose rubble fell"),
        ("street_bridge_damage", "u1", "street", "state", 0, "HAZUS damage state of a bridge"),
    )
    + _rows(
        "lifelines",
        ("zone_power_on", "?", "zone", "", 1, "electricity is on"),
        ("zone_telecom_on", "?", "zone", "", 1, "telephones and mobile data work"),
        ("zone_lifeline_event", "i8", "zone", "event", -1, "event of the last change"),
    )
    + _rows(
        "roads",
        ("edge_speed_mps", "f4", "edge", "m/s", 0, "highest speed possible now"),
        ("edge_capacity_vps", "f4", "edge", "veh/s", 0, "capacity of the link now"),
        ("edge_closed", "?", "edge", "", 0, "no vehicle can enter"),
        ("street_walk_factor", "f4", "street", "", 1, "walking speed over its dry, clear value"),
        ("street_state", "u1", "street", "reason", 0, "reason the street is closed to vehicles, 0 open"),
        ("street_event", "i8", "street", "event", -1, "event of the last closing or opening"),
        ("street_blocked", "i8", "street", "event", -1, "event of the input that blocked it"),
        ("street_walk_width_m", "f4", "street", "m", 0, "width that walkers have to themselves"),
        ("edge_barred", "?", "edge", "", 0, "vehicles other than responders keep out if they have another way"),
        ("edge_turned", "?", "edge", "", 0, "its lanes serve the opposite direction"),
        ("edge_jam_vpm", "f4", "edge", "veh/m", 0, "jam density of the link now"),
        ("control_links_turned", "i4", "control", "links", 0, "links of its order that are turned"),
        ("control_order_event", "i8", "control", "event", -1, "event of its order on streets in force"),
    )
    + _rows(
        "instruments",
        ("seen_mmi", "f4", "run", "MMI", 0, "highest intensity reported to the command centre"),
        ("seen_mmi_event", "i8", "run", "event", -1, "event of that report"),
        ("seen_magnitude", "f4", "run", "Mw", 0, "magnitude reported"),
        ("seen_gauge_m", "f4", "gauge", "m", 0, "last sea level reported"),
        ("seen_magnitude_event", "i8", "run", "event", -1, "event of the magnitude's report"),
        ("seen_gauge_event", "i8", "gauge", "event", -1, "event of the first report of a disturbed sea"),
        ("seen_edge_speed_mps", "f4", "edge", "m/s", 0, "link speeds as the command centre knows them"),
        ("seen_edge_closed", "?", "edge", "", 0, "closures as the command centre knows them"),
        ("seen_edge_ms", "i8", "edge", "ms", -1, "when a unit last measured the speed, -1 not lately"),
        ("seen_street_event", "i8", "street", "event", -1, "last closing or opening with a report under way or in"),
        ("street_report_ms", "i8", "street", "ms", NEVER, "when somebody reports it"),
        ("street_changes", "i4", "street", "", 0, "closings and openings so far"),
    )
    + _rows(
        "cameras",
        ("seen_camera_pm2", "f4", "camera", "/m2", 0, "last count of heads over the area of its field"),
        ("seen_camera_event", "i8", "camera", "event", -1, "event of that count"),
        ("camera_silent_event", "i8", "camera", "event", -1, "event of its falling silent, -1 it sends"),
        ("seen_venue_eased_event", "i8", "venue", "event", -1, "event of the officers' last report that it eased"),
    )
    + _rows(
        "calls",
        ("incident_state", "u1", "incident", "state", 0, "where the incident is known"),
        ("incident_building", "i4", "incident", "building", -1, "building, -1 on a street"),
        ("incident_node", "i4", "incident", "node", -1, "nearest junction"),
        ("incident_venue", "i4", "incident", "venue", -1, "venue where a crush is feared, -1 none"),
        ("incident_opened_ms", "i8", "incident", "ms", NEVER, "when people there first needed help"),
        ("incident_call_ms", "i8", "incident", "ms", NEVER, "when the call reaches the centre's queue"),
        ("incident_known_ms", "i8", "incident", "ms", NEVER, "when a call taker has answered"),
        ("incident_event", "i8", "incident", "event", -1, "last event of the incident's report"),
        ("incident_count", "i8", "run", "", 0, "incidents so far"),
        ("incident_openings", "i4", "incident", "", 0, "times people there began to need help"),
        ("incident_no_phone", "?", "incident", "", 0, "somebody walks to a station to report it"),
        ("incident_patients", "i4", "incident", "people", 0, "reported people waiting for an ambulance"),
        ("incident_trapped", "i4", "incident", "people", 0, "reported trapped people"),
        ("incident_severity", "u1", "incident", "severity", 0, "worst reported health there"),
        ("incident_left", "u1", "incident", "", 0, "how people have left it: 0 able, 1 taken to hospital, 2 by their own way, 3 somebody died"),
        ("taker_busy_until_ms", "i8", "taker", "ms", 0, "call taker is busy until"),
        ("person_incident", "i4", "person", "incident", -1, "incident that stands for the person"),
    )
    + _rows(
        "hub",
        ("order_decided_ms", "i8", "run", "ms", NEVER, "when the order was decided"),
        ("order_event", "i8", "run", "event", -1, "event of the decision"),
        ("order_confirmed_event", "i8", "run", "event", -1, "event of its confirmation"),
        ("zone_order_ms", "i8", "zone", "ms", NEVER, "when the order goes out in the zone"),
        ("zone_order_event", "i8", "zone", "event", -1, "event of the zone's order"),
        ("predicted_ms", "i8", "run", "ms", NEVER, "first wave as the command centre expects it"),
        ("predicted_event", "i8", "run", "event", -1, "event of the last prediction"),
        ("gauge_above_ms", "i8", "run", "ms", NEVER * -1, "last time the sea was seen disturbed"),
        ("alert_cancelled_event", "i8", "run", "event", -1, "event of the sea service's cancelling"),
        ("all_clear_event", "i8", "run", "event", -1, "event of the all-clear"),
        ("shelter_open_event", "i8", "facility", "event", -1, "event of the opening"),
        ("shelter_held_event", "i8", "facility", "event", -1, "event of not opening for want of staff"),
    )
    + _rows(
        "hub",
        ("venue_alarm_event", "i8", "venue", "event", -1, "event of fearing a crush, -1 not now"),
        ("venue_over_event", "i8", "venue", "event", -1, "event of the last such incident's end"),
    )
    + _rows(
        "dispatch",
        ("exclusion_ms", "i8", "run", "ms", NEVER, "no unit may be in the zone from then to the all-clear"),
        ("control_reason", "u1", "control", "reason", 0, "why no officers are sent"),
        ("unit_order_incident", "i4", "unit", "incident", -1, "incident the unit is ordered to"),
        ("unit_order_control", "i4", "unit", "control", -1, "control point the unit is ordered to"),
        ("unit_order_event", "i8", "unit", "event", -1, "event of the order"),
        ("unit_order_serial", "i4", "unit", "", 0, "number of orders given; a change is a new order"),
        ("incident_unit", "i4", "incident", "unit", -1, "unit assigned"),
        ("incident_reason", "u1", "incident", "reason", 0, "why nobody is assigned"),
        ("incident_held_event", "i8", "incident", "event", -1, "event of that reason, -1 none"),
        ("incident_retry_ms", "i8", "incident", "ms", 0, "no new assignment before"),
        ("control_retry_ms", "i8", "control", "ms", 0, "no new officers are sent before"),
        ("unit_aid_event", "i8", "unit", "event", -1, "event of asking a neighbour for it"),
        ("unit_aid_ms", "i8", "unit", "ms", NEVER, "when it reaches the gate from the neighbouring city"),
        ("unit_retry_ms", "i8", "unit", "ms", 0, "no new order to a waiting place before"),
        ("unit_order_mission", "i4", "unit", "mission", -1, "mission the unit is ordered to"),
        ("mission_reason", "u1", "mission", "reason", 0, "why no vehicle is sent for those who wait"),
        ("mission_retry_ms", "i8", "mission", "ms", 0, "no new vehicle is sent before"),
    )
    + _rows(
        "warning",
        ("party_alert", "u1", "party", "bits", 0, "cues received: 1 felt, 2 order, 4 neighbours, 8 water, 16 sea, 32 visit; 64 has gone back home"),
        ("party_alert_event", "i8", "party", "event", -1, "event of the last cue of a new kind"),
        ("party_again", "i2", "party", "", 0, "times the order was met after the first"),
        ("party_decision", "u1", "party", "", 0, "0 open, 1 leaves, 2 stays, 3 cut off by water in a building, 4 goes back home, 5 goes home after the all-clear, 6 stays away"),
        ("party_decision_event", "i8", "party", "event", -1, "event of the decision"),
        ("party_mode", "u1", "party", "mode", 0, "mode chosen: foot or car"),
        ("party_depart_ms", "i8", "party", "ms", NEVER, "ready to leave at"),
        ("party_order_ms", "i8", "party", "ms", NEVER, "when it takes the order in"),
        ("party_order_cause", "i8", "party", "event", -1, "channel event that carries it"),
        ("party_missed", "i2", "party_channel", "", 0, "soundings missed while a channel was dead"),
        ("party_heard", "f4", "party", "", 0, "word-of-mouth hazard gathered so far"),
        ("party_fetcher", "i4", "party", "party", -1, "who of its household goes to fetch it; -2 they meet in safety"),
        ("zone_talk_event", "i8", "zone", "event", -1, "event that word of mouth started with"),
        ("zone_leader_event", "i8", "zone", "event", -1, "event of the calls to street leaders, or of their beginning by themselves"),
        ("zone_doors_event", "i8", "zone", "event", -1, "event of the first crew of units at the doors"),
        ("team_event", "i8", "team", "event", -1, "event of a door-to-door team's beginning"),
        ("team_over_event", "i8", "team", "event", -1, "event of its end"),
        ("door_held_event", "i8", "door", "event", -1, "event of not sending teams to the doors"),
        ("rumour_event", "i8", "run", "event", -1, "event of a rumour's beginning"),
        ("rumour_noticed_event", "i8", "run", "event", -1, "event of the command centre's noticing it"),
        ("rumour_denied_event", "i8", "run", "event", -1, "event of its denial"),
        ("party_rumour_event", "i8", "party", "event", -1, "event of hearing the rumour"),
        ("party_rumour", "f4", "party", "", 0, "word-of-mouth hazard of the rumour gathered so far"),
        ("party_corrected", "?", "party", "", 0, "has heard the denial"),
        ("zone_return_event", "i8", "zone", "event", -1, "event of people being let home"),
        ("zone_held_event", "i8", "zone", "event", -1, "event of the zone's staying closed"),
        ("door_visited", "f8", "door", "households", 0, "households that teams of units have reached"),
        ("zone_channel_event", "i8", "zone_channel", "event", -1, "event of a channel's start in a zone"),
    )
    + _rows(
        "health",
        ("person_health", "u1", "person", "severity", 0, "well, 1-3 hurt, 4 dead"),
        ("person_health_event", "i8", "person", "event", -1, "event of the last change"),
        ("person_trapped", "?", "person", "", 0, "trapped in a damaged building"),
        ("person_dies_ms", "i8", "person", "ms", NEVER, "dies then unless freed or admitted before"),
        ("person_swept_event", "i8", "person", "event", -1, "event of losing stability in water"),
        ("party_wet_event", "i8", "party", "event", -1, "event of standing in water, -1 dry"),
        ("party_tested_dv", "f4", "party", "m2/s", 0, "greatest depth times speed met, for the stability draw"),
    )
    + _rows(
        "mobility",
        ("party_place", "u1", "party", "place", 0, "where the party is"),
        ("party_trip_event", "i8", "party", "event", -1, "last event of its trip"),
        ("party_node", "i4", "party", "node", 0, "last junction"),
        ("party_arc", "i4", "party", "arc", -1, "walk arc, -1 when not walking"),
        ("party_offset_m", "f4", "party", "m", 0, "distance along the arc"),
        ("party_dest", "i2", "party", "destination", -1, "row of the destination table"),
        ("party_speed_mps", "f4", "party", "m/s", 0, "free walking speed of the slowest member"),
        ("party_left_ms", "i8", "party", "ms", NEVER, "when it left the start"),
        ("party_out_ms", "i8", "party", "ms", NEVER, "when it left the danger zone"),
        ("party_stop_reason", "u1", "party", "reason", 0, "why it cannot go on"),
        ("party_x_m", "f4", "party", "m", 0, "position, for the map"),
        ("party_y_m", "f4", "party", "m", 0, "position, for the map"),
        ("unit_x_m", "f4", "unit", "m", 0, "position, for the map"),
        ("unit_y_m", "f4", "unit", "m", 0, "position, for the map"),
        ("unit_edge", "i4", "unit", "edge", -1, "link it is on, -1 at a junction"),
        ("unit_crew_node", "i4", "unit", "node", -1, "last junction of a crew on foot, -1 with its vehicle"),
        ("unit_crew_arc", "i4", "unit", "arc", -1, "walk arc of a crew on foot, -1 at its junction"),
        ("unit_crew_offset_m", "f4", "unit", "m", 0, "distance along the arc"),
        ("unit_walk_out_ms", "i8", "unit", "ms", NEVER, "walk from inside the exclusion line to safety"),
        ("edge_obstacles", "i4", "edge", "vehicles", 0, "vehicles left standing on the link"),
        ("edge_vehicles", "i4", "edge", "vehicles", 0, "vehicles on the link"),
        ("edge_flow_speed_mps", "f4", "edge", "m/s", 0, "mean speed measured on the link"),
        ("party_fetch", "i4", "party", "party", -1, "whom of its household it is on the way to"),
        ("party_with", "i4", "party", "party", -1, "who has fetched it, and takes it along"),
        ("party_unfetched_event", "i8", "party", "event", -1, "event of who went for it last and did not get there"),
        ("party_line", "i2", "party", "mission", -1, "bus line it goes to or waits for"),
        ("party_stop", "i2", "party", "", 0, "pick-up of that line"),
        ("party_stop_ms", "i8", "party", "ms", NEVER, "when it came to the pick-up"),
        ("facility_load", "i4", "facility", "people", 0, "evacuees there"),
        ("facility_full_event", "i8", "facility", "event", -1, "event of being full"),
        ("meeting_open_event", "i8", "facility", "event", -1, "event of opening a meeting point's gate"),
        ("party_refuge", "i2", "party", "refuge", -1, "vertical refuge it is in"),
        ("refuge_load", "i4", "refuge", "people", 0, "evacuees there"),
        ("refuge_open_event", "i8", "refuge", "event", -1, "event of its opening"),
        ("refuge_full_event", "i8", "refuge", "event", -1, "event of being full"),
        ("refuge_lost_event", "i8", "refuge", "event", -1, "event of being found damaged or lost to the sea"),
    )
    + _rows(
        "fuel",
        ("hospital_fuel_ms", "i8", "facility", "ms", 0, "running time of its generator from deliveries"),
        ("hospital_fuel_event", "i8", "facility", "event", -1, "event of the last delivery"),
        ("zone_mast_fuel_ms", "i8", "zone", "ms", 0, "running time of telephone masts from deliveries"),
        ("zone_siren_fuel_ms", "i8", "zone", "ms", 0, "running time of sirens from deliveries"),
        ("truck_free_ms", "i8", "truck", "ms", NEVER, "the fuel truck is at its site or free then"),
        ("truck_site", "i4", "truck", "site", -1, "site the fuel truck is bound for, -1 none"),
        ("fuel_event", "i8", "run", "event", -1, "event of sending the fuel trucks"),
    )
    + _rows(
        "units",
        ("unit_phase", "u1", "unit", "phase", 0, "what the unit does"),
        ("unit_due_ms", "i8", "unit", "ms", NEVER, "when the phase ends by itself"),
        ("unit_incident", "i4", "unit", "incident", -1, "incident at hand"),
        ("unit_control", "i4", "unit", "control", -1, "control point at hand"),
        ("unit_node", "i4", "unit", "node", 0, "last junction"),
        ("unit_person", "i4", "unit", "person", -1, "patient on board or being freed"),
        ("unit_facility", "i4", "unit", "facility", -1, "hospital it drives to"),
        ("unit_event", "i8", "unit", "event", -1, "last event of the unit"),
        ("unit_serial_done", "i4", "unit", "", 0, "last order number taken up"),
        ("unit_leg_started_ms", "i8", "unit", "ms", 0, "start of the leg"),
        ("unit_busy_ms", "i8", "unit", "ms", 0, "time worked so far"),
        ("unit_since_ms", "i8", "unit", "ms", 0, "start of the phase"),
        ("unit_dest_node", "i4", "unit", "node", -1, "junction it drives to"),
        ("unit_turnouts", "i4", "unit", "", 0, "turnouts so far"),
        ("unit_detour_s", "f4", "unit", "s", 0, "detours round closures met on the leg"),
        ("unit_detour_reason", "u1", "unit", "reason", 0, "why the last of them was closed"),
        ("unit_caught_event", "i8", "unit", "event", -1, "event of being caught by the water"),
        ("unit_called_ms", "i8", "unit", "ms", NEVER, "when its volunteers were called"),
        ("unit_scene_node", "i4", "unit", "node", -1, "junction that its crew walks to from the vehicle, and works at"),
        ("unit_stop_reason", "u1", "unit", "reason", 0, "why the last order was given up, 0 done"),
        ("hospital_known_full", "?", "facility", "", 0, "has turned a crew away for want of beds"),
        ("incident_reached_ms", "i8", "incident", "ms", NEVER, "first unit on scene"),
        ("person_care", "u1", "person", "care", 0, "place in the chain of rescue"),
        ("person_care_event", "i8", "person", "event", -1, "event of the last step"),
        ("person_self_ms", "i8", "person", "ms", NEVER, "leaves for hospital or arrives there by itself; -1 does not go"),
        ("person_hospital", "i4", "person", "facility", -1, "hospital it goes to by itself"),
        ("hospital_shut", "u1", "facility", "reason", 0, "why the hospital takes nobody, 0 open"),
        ("hospital_dark_ms", "i8", "facility", "ms", NEVER, "since when mains power is off"),
        ("hospital_next_ms", "i8", "facility", "ms", 0, "patients taken in so far fill its hours up to then"),
        ("control_staffed", "?", "control", "", 0, "officers work the junction"),
        ("control_event", "i8", "control", "event", -1, "event of the last change"),
        ("hospital_beds_used", "i4", "facility", "beds", 0, "beds in use by patients of this event"),
        ("unit_mission", "i4", "unit", "mission", -1, "mission at hand"),
        ("unit_riders", "i4", "unit", "people", 0, "people fetched, on board or getting on"),
        ("unit_stop", "i2", "unit", "", 0, "stop of the mission that it is at or drives to"),
        ("unit_wait_ms", "i8", "unit", "ms", 0, "waits at the stop for more people until"),
        ("mission_lying", "i4", "mission", "people", 0, "waiting in-patients who need an ambulance"),
        ("mission_sitting", "i4", "mission", "people", 0, "others who wait"),
        ("mission_block", "u1", "mission", "reason", 0, "why nobody can be taken there now, 0 none"),
        ("party_unit", "i4", "party", "unit", -1, "unit that fetches the party"),
        ("party_board_event", "i8", "party", "event", -1, "event of being on board"),
    )
)
BY_NAME: dict[str, Variable] = {v.name: v for v in VARIABLES}


class World:
    """Structure of arrays; attributes are the variables of the table."""

    def __init__(self, counts: dict[str, int]) -> None:
        """Allocate every variable at its initial value; `counts` gives rows per entity."""
        self.counts = dict(counts)
        self.data: dict[str, NDArray[Any]] = {}
        for v in VARIABLES:
            self.data[v.name] = np.full(counts[v.entity], v.initial, np.dtype(v.dtype))
        # State owned by mobility's traffic kernel and by other components that keep more than
        # plain variables: arrays by name, copied with every snapshot.
        self.private: dict[str, dict[str, NDArray[Any]]] = {}

    def __getattr__(self, name: str) -> NDArray[Any]:
        try:
            return self.__dict__["data"][name]  # type: ignore[no-any-return]
        except KeyError:
            raise AttributeError(name) from None

    def copy(self) -> World:
        """Deep copy, for snapshots and branches."""
        other = World.__new__(World)
        other.counts = dict(self.counts)
        other.data = {name: array.copy() for name, array in self.data.items()}
        other.private = {
            owner: {name: array.copy() for name, array in arrays.items()}
            for owner, arrays in self.private.items()
        }
        return other
