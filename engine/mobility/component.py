"""Mobility: parties leave, walk, drive, jam, leave their cars, arrive or do not.

Cars and response units share one link transmission model (`traffic.py`), walkers the network
pedestrian model (`engine/kernels/walking.py`). A party's car is one vehicle; a party that drives
queues for the road where it starts. Rules with their status:

- Destinations: the nearest safe street or meeting point (`gathering.py`); parties whose home is at
  least extensively damaged or who have a member who needs help go to the nearest shelter once it is
  open (assumption). Shelter
  places are taken on arrival; the full one sends people on to the next, else to high ground.
- A driver who has not moved for `behaviour.car_patience_s` inside the danger zone, or whose road is
  under water, leaves the car where it stands; it keeps blocking its lane, the party walks on.
- Drivers with the news (`behaviour.news_share`, while telephones work) look at measured travel times
  every 5 minutes, a quarter of them at a time, and know the closures that the command centre knows;
  the others take the way of habit and turn where they meet a closure or a barrier (`fleet.py`).
- Units drive by what the command centre knows (`seen_edge_*`), and not into the exclusion zone once
  it is shut; a unit that meets a closure nobody had reported turns and tells.
- In the dark, where the street lights are out, people walk at `behaviour.dark_walk_share` of their
  speed by day; whoever is ready on foot waits indoors while the first street is closed by water.
- A walker whose way is cut waits and looks for another every minute.

- Families fetch their children and those who need help first, by car or on foot (`pickups.py`), and
  go on together (`together.py`).
- Parties that go back home before the all-clear walk, also those that came by car (their car stays
  where it is, an assumption); where water stands ahead they turn round (`returns.py`).
- Crews without a way out for their vehicle walk (`crews.py`); residents of care homes go with those who
  lead or push them (`escorts.py`).
- Commuters with a car are on the road when the event begins (`ordinary.py`).

Limits: no ordinary trips begin later; nobody drives through from elsewhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine import escorts, vertical
from engine.component import Component, Context
from engine.mobility.arrivals import Arrivals
from engine.mobility.bus_stops import BusStops
from engine.mobility.cordons import Cordons
from engine.mobility.crews import CARD as CREW_CARD
from engine.mobility.crews import Crews
from engine.mobility.departures import Departures
from engine.mobility.destinations import WalkRoutes
from engine.mobility.driving import Driving
from engine.mobility.escorts import Escorts
from engine.mobility.fleet import ROUTE_MS, Fleet
from engine.mobility.gathering import Gathering
from engine.mobility.map import Map
from engine.mobility.ordinary import OrdinaryTrips
from engine.mobility.pedestrians import Pedestrians
from engine.mobility.pickups import Pickups
from engine.mobility.refuges import RefugeTrips
from engine.mobility.riders import Riders
from engine.mobility.route_choice import GROUPS
from engine.mobility.together import Together
from engine.mobility.trip import set_walking
from engine.mobility.walking import party_speed, tobler_factor
from engine.parties import positions

WALK_ROUTE_MS = 60_000
MAP_MS = 60_000


class Mobility(Component):
    """Moves parties and units over [t0, t1)."""

    name = "mobility"
    reads = (
        "party_decision", "party_decision_event", "party_mode", "party_depart_ms",
        "edge_speed_mps", "edge_capacity_vps", "edge_closed", "street_walk_factor",
        "street_depth_m", "node_depth_m", "shelter_open_event", "person_health",
        "building_damage", "unit_node", "party_place", "party_node", "party_trip_event",
        "party_left_ms", "party_stop_reason", "party_out_ms", "party_dest", "party_arc",
        "party_offset_m", "party_speed_mps", "facility_full_event", "facility_load",
        "person_trapped", "seen_edge_speed_mps", "seen_edge_closed", "exclusion_ms",
        "zone_power_on", "edge_barred", "street_walk_width_m", "edge_jam_vpm",
        "control_order_event", "zone_order_ms", "zone_order_event", "building_damage_event",
        "zone_flooded_event", "party_refuge", "refuge_load", "refuge_open_event",
        "refuge_full_event", "refuge_lost_event", "party_unit", "party_alert",
        "order_decided_ms", "order_event", "all_clear_event", "predicted_ms", "party_line", "party_stop_ms",
        "zone_telecom_on", "party_fetcher", "party_fetch", "party_with", "person_care",
        "unit_phase", "unit_since_ms", "unit_person", "unit_crew_node", "unit_crew_arc",
        "unit_scene_node", "meeting_open_event",
    )
    writes = (
        "party_place", "party_trip_event", "party_node", "party_arc", "party_offset_m",
        "party_dest", "party_speed_mps", "party_left_ms", "party_out_ms", "party_stop_reason",
        "facility_load", "facility_full_event", "edge_flow_speed_mps", "edge_vehicles",
        "edge_obstacles", "party_x_m", "party_y_m", "unit_x_m", "unit_y_m", "unit_edge",
        "party_refuge", "refuge_load", "refuge_open_event", "refuge_full_event",
        "refuge_lost_event", "party_line", "party_stop", "party_stop_ms", "party_fetch", "party_with",
        "party_unfetched_event",
        "unit_crew_node", "unit_crew_arc", "unit_crew_offset_m", "unit_walk_out_ms", "meeting_open_event",
    )
    emits = (
        "party_departed", "party_mode_changed", "party_rerouted", "party_blocked",
        "party_left_zone", "party_arrived", "shelter_full", "party_returned", "party_turned_back",
        "party_to_refuge", "party_in_refuge", "refuge_opened", "refuge_full", "refuge_lost",
        "party_home", "party_waits", "party_met_closure",
        "party_on_road", "party_trip_ended", "pickup_set_out", "pickup_met", "pickup_missed",
        "escorts_start", "party_led", "escort_back", "escorts_done",
        "meeting_point_opened", "meeting_point_full", "party_no_place", "party_let_in",
    )
    card = (
        ("route update for drivers", 300, "s", "assumption", "assumption"),
        ("groups of drivers that look at different times", GROUPS, "", "assumption", "assumption"),
        ("margin beyond the danger zone for cars", 300, "m", "assumption", "assumption"),
        ("commuters are bound for work before, for home after", 12, "h", "assumption", "assumption"),
        ("ordinary trips that begin after the event", 0, "", "assumption", "assumption"),
        ("response vehicle past a standing queue", 8.94, "m/s",
         "20 mph, limit in centre and oncoming lanes (fire service procedure; recalled)", "assumption"),
        ("response vehicle on a free road over the speed of cars", 1.0, "",
         "guidance allows 10 mph above the limit under the best conditions alone", "assumption"),
        *vertical.CARD,
        *escorts.CARD,
        *CREW_CARD,
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        city, site = context.city, context.site
        slope = np.asarray(tobler_factor(city.walk.slope), np.float64)
        self._walk = WalkRoutes(city, site, slope)
        self._walk_fresh_ms = -1
        self._fleet = Fleet(self, context)
        self.traffic = self._fleet.traffic
        self._own_speed = party_speed(context.seed, city, context.parties)
        self._together = Together(self, context, self._fleet, self._own_speed)
        self._refuges = RefugeTrips(self, self._walk, self._together)
        self._ordinary = OrdinaryTrips(self, context, self._fleet)
        self._gathering = Gathering(self, context, self._walk, self._together)
        self._arrivals = Arrivals(
            self, context, self._walk, self._fleet, self._refuges, self._gathering, self._together)
        self._pickups = Pickups(self, context, self._walk, self._fleet, self._together)
        self._riders = Riders(self, context, self._arrivals, self._gathering, self._refuges)
        self._stops = BusStops(self, context, self._walk, self._fleet, self._refuges)
        self._cordons = Cordons(self, context, self._fleet)
        self._departures = Departures(
            self, context, self._walk, self._fleet, self._cordons, self._refuges,
            self._stops, self._pickups, self._together)
        self._driving = Driving(
            self, context, self._walk, self._fleet, self._arrivals, self._refuges, self._cordons,
            self._ordinary, self._pickups)
        self._pedestrians = Pedestrians(
            self, context, self._walk, self._arrivals, self._departures, self._refuges,
            self._together)
        self._crews = Crews(self, context, self._walk, self._together)
        self._escorts = Escorts(
            self, context, self._walk, self._together, self._pedestrians, self._departures)
        self._map = Map(self, context, self._fleet, self._crews)

    def start(self) -> None:
        city, parties = self.ctx.city, self.ctx.parties
        self.w.party_node[:] = parties.node
        self.w.party_speed_mps[:] = self._own_speed
        self.w.edge_flow_speed_mps[:] = city.edges.free_speed_mps
        x, y = positions(city, parties)
        self.w.party_x_m[:], self.w.party_y_m[:] = x, y
        node = self.ctx.site.units.node
        self.w.unit_x_m[:], self.w.unit_y_m[:] = city.nodes.x_m[node], city.nodes.y_m[node]
        self._ordinary.start()

    def save(self) -> None:
        private: dict[str, Any] = {
            **self._fleet.save(), **self._walk.save(), **self._pedestrians.save(),
            **self._stops.save(), **self._pickups.save(), **self._escorts.save()}
        private["walk_fresh"] = np.array([self._walk_fresh_ms])
        self.ctx.world.private[self.name] = private

    def load(self) -> None:
        private = self.ctx.world.private[self.name]
        self._fleet.load(private)
        self._walk.load(private)
        self._pedestrians.load(private)
        self._stops.load(private)
        self._pickups.load(private)
        self._escorts.load(private)
        self._together.load()
        self._walk_fresh_ms = int(private["walk_fresh"][0])

    def conserved(self) -> str:
        return (self._fleet.conserved() or self._together.conserved() or self._escorts.conserved()
                or self._gathering.conserved())

    def step(self, t0_ms: int, t1_ms: int) -> None:
        first_row = len(self.ctx.log)
        self._roads(t0_ms)
        self._open_refuges(t0_ms, t1_ms)
        self._gathering.open(t1_ms)
        self._riders.ride()
        self._stops.advance(t0_ms, t1_ms, self._departures.choose, self._pedestrians.free_speed)
        self._departures.leave(t1_ms)
        self._escorts.set_out(t0_ms, t1_ms)
        self._driving.give_up_cars(t0_ms)
        self._driving.advance(t1_ms)
        self._pedestrians.advance(t0_ms, t1_ms)
        self._pickups.walk(
            t0_ms, t1_ms, self._pedestrians.free_speed(self._pickups.walkers(), t0_ms))
        self._departures.go_on(*self._pickups.finished())
        self._pedestrians.go_back(t0_ms, t1_ms)
        self._together.drivers()
        self._together.follow(first_row, self._arrivals.out_of_zone)
        self._pickups.tidy()
        self._escorts.come_back(t0_ms, t1_ms)
        self._crews.advance(t0_ms, t1_ms)
        self._arrivals.left_zone(t0_ms, t1_ms)
        self._gathering.let_in(t0_ms)
        if t0_ms % MAP_MS == 0 or t1_ms % MAP_MS == 0:
            self._map.place()
            self._riders.place()

    def _open_refuges(self, t0_ms: int, t1_ms: int) -> None:
        """Vertical refuges open or are lost; who is in a lost one walks on when the water has gone."""
        self._refuges.step(t0_ms, t1_ms)
        out = self._refuges.stranded()
        out = out[self._departures.able(out)]
        if out.size:
            self._refuges.walk_on(out, t0_ms)
            set_walking(self, out)

    def _roads(self, t0_ms: int) -> None:
        """Hand the road's state to both models; refresh routes when due."""
        turned = self._cordons.meet(t0_ms)
        self.traffic.set_edge_state(
            self.w.edge_speed_mps, self.w.edge_capacity_vps, self.w.edge_closed,
            self.w.edge_jam_vpm, barred=self.w.edge_barred, known=self.w.seen_edge_closed,
        )
        self._cordons.turn_away(turned, t0_ms)
        if turned:
            self._pickups.turn_away(t0_ms)
        fresh = t0_ms % ROUTE_MS == 0
        self._fleet.responders_view(t0_ms, fresh)
        if t0_ms and not self.traffic.idle:
            self._fleet.drivers_view(t0_ms, fresh)
        else:
            self._fleet.nobody_drives(t0_ms)
        changed = not np.array_equal(self._walk.factor, self.w.street_walk_factor)
        due = t0_ms - self._walk_fresh_ms >= WALK_ROUTE_MS
        if self._walk_fresh_ms < 0 or (changed and due):
            self._walk.refresh(self.w.street_walk_factor)
            self._walk_fresh_ms = t0_ms
