"""Cars and units as vehicles of the traffic model: whose they are, what their drivers know, where units go.

Drivers follow one of three knowledges, each with its own ways to every destination:

- The news: travel times as measured and closures as the command centre knows them, by telephone
  (navigation with live traffic), and closures that another such driver has met. Who has it is a draw
  for each party (`behaviour.news_share`); it counts where telephones work as the party sets out.
  They do not all look at once: each belongs to one of the groups of `route_choice.py`, which take
  turns within five minutes, so that a jam or an opening is not answered by all at the same moment.
- Habit: the way that is fastest on empty, open roads, whatever happened. Such a driver learns of a
  closure or a barrier by coming to it.
- Turned: who came to one. They know the ways on empty roads, the closures that one of them has met
  (they meet each other turning) and the bans in force (officers tell them).

Limits: habit never yields to a jam; who set out with the news keeps it; radio is not told apart from
the telephone; a closure is known to all groups at once. Openings are known to those who turned every
five minutes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine import rng
from engine.access import responders_closed
from engine.city import I64, B
from engine.codes import among
from engine.component import Component, Context
from engine.families import families
from engine.kernels.paths import CLOSED, speed_cost_ms
from engine.kernels.traffic_layout import S_ARRIVED, TrafficState
from engine.mobility import route_choice
from engine.mobility.destinations import car_targets
from engine.mobility.route_choice import GROUPS
from engine.mobility.traffic import Traffic, View
from engine.mobility.traffic_events import STATES
from engine.world import P_DRIVING, P_WAITING

#: Views of the traffic model besides the news, which all other drivers share.
UNITS, TURNED, HABIT = 1, 2, 3
_VIEWS = (View(), View(barred=True), View(learns=False))
ROUTE_MS = 300_000  # in which every driver with the news looks at travel times once


class Fleet:
    """A party's car is one vehicle, `of_party` [parties] (-1 none); units follow from `first_unit`."""

    def __init__(self, host: Component, context: Context) -> None:
        self.host, self.ctx = host, context
        city, site, parties = context.city, context.site, context.parties
        with_car = np.flatnonzero(parties.cars > 0)
        self.party = with_car  # of each car
        self.of_party = np.full(parties.count, -1, np.int64)
        self.of_party[with_car] = np.arange(with_car.size)
        self.first_unit = with_car.size
        units = site.units.kind.size
        targets = car_targets(city, site)
        self.car_dests = len(targets)
        edges = city.edges
        kin = families(city, parties, site)
        family = np.unique(parties.node[kin.child | kin.helpless]).size  # places people drive to
        self.traffic = Traffic(
            n_nodes=city.nodes.x_m.size, from_node=edges.from_node, to_node=edges.to_node,
            length_m=edges.length_m, free_speed_mps=edges.free_speed_mps,
            capacity_vps=edges.capacity_vps, jam_density_vpm=edges.jam_density_vpm,
            lanes=edges.lanes, destinations=[to for to in targets for _ in range(GROUPS)],
            max_vehicles=with_car.size + units, max_destinations=(GROUPS + 2) * len(targets)
            + units + 1 + city.zones.population.size + family,
            views=_VIEWS,
        )
        # Ways of those who turned and of habit, to the same destinations in the same order.
        self._turned = np.array(
            [self.traffic.add_destination(to, view=TURNED) for to in targets], np.int64)
        self._habit = np.array(
            [self.traffic.add_destination(to, view=HABIT, turned=int(row))
             for to, row in zip(targets, self._turned, strict=True)], np.int64)
        self._free_cost = speed_cost_ms(edges.length_m, edges.free_speed_mps)
        self._has_news = rng.uniform(
            context.seed, "people.route", parties.first, 0) < context.behaviour.news_share
        self._group = route_choice.group(context.seed, parties.first)
        self._drivers = route_choice.Drivers(self.traffic, len(targets), ROUTE_MS)
        self.cars = np.arange(with_car.size)
        self.ordinary = np.zeros(parties.count, np.bool_)  # on an ordinary trip (`ordinary.py`)
        self._unit_dest = np.full(units, -1, np.int64)
        self._view_closed = np.zeros(edges.from_node.size, np.bool_)

    def save(self) -> dict[str, Any]:
        """Arrays for a snapshot."""
        private: dict[str, Any] = dict(
            zip(TrafficState._fields, self.traffic.snapshot(), strict=True))
        private["unit_dest"] = self._unit_dest.copy()
        private["view_closed"] = self._view_closed.copy()
        private["ordinary"] = self.ordinary.copy()
        private["looked_since"] = np.array([self._drivers.since_ms])
        return private

    def load(self, private: dict[str, Any]) -> None:
        """Take the arrays of a snapshot back."""
        self.traffic.restore(TrafficState(*(private[name] for name in TrafficState._fields)))
        self._unit_dest = private["unit_dest"].copy()
        self._view_closed = private["view_closed"].copy()
        self.ordinary[:] = private["ordinary"]
        self._drivers.since_ms = int(private["looked_since"][0])

    def conserved(self) -> str:
        """What does not add up between parties that drive and vehicles, or an empty string."""
        driving = np.flatnonzero(among(self.host.w.party_place, (P_DRIVING, P_WAITING)))
        vehicle = self.of_party[driving]
        if np.any(vehicle < 0):
            return "a party drives without a car"
        state = self.traffic.state_of(vehicle) if vehicle.size else np.empty(0, np.int64)
        if not among(state, (1, 2, 4, 5)).all():
            return "a driving party's car is not on the road"
        if not among(self.traffic.state_of(self.of_party[self.ordinary]), (1, 2)).all():
            return "the car of an ordinary trip is not on the road"
        return ""

    def set_out(self, rows: I64, t_ms: I64, node: I64) -> None:
        """Cars of parties `rows` [n] set out from `node` [n] for `party_dest`; those on an ordinary
        trip turn to it from where they are."""
        dest = self.host.w.party_dest[rows].astype(np.int64)
        to = np.where(self.with_news(rows), self.news_row(rows), self._habit[dest])
        wheel, car = self.ordinary[rows], self.of_party[rows]
        self.traffic.retarget(car[wheel], to[wheel])
        self.traffic.depart(car[~wheel], t_ms[~wheel], node[~wheel], to[~wheel])
        self.ordinary[rows] = False

    def ahead(self, rows: I64, node: I64) -> I64:
        """Junction [n] at which parties [n] can turn: `node` [n], or the next of those at the wheel."""
        place = self.traffic.place_of(self.of_party[rows])
        on = self.ordinary[rows] & (place >= 0)
        return np.where(on, self.traffic.to_node[np.maximum(place, 0)], node)

    def park(self, rows: I64) -> None:
        """Parties [n] on an ordinary trip go no further by car: it stays where it is."""
        rows = rows[self.ordinary[rows]]
        if rows.size == 0:
            return
        place = self.traffic.place_of(self.of_party[rows])
        self.traffic.abandon(self.of_party[rows])
        self.ordinary[rows] = False
        node = np.where(
            place >= 0, self.traffic.from_node[np.maximum(place, 0)], -1 - np.minimum(place, -1))
        self.host.w.party_node[rows] = self.ctx.site.walk_node[node]

    def left_in_road(self, rows: I64) -> B:
        """Whether the cars of parties [n] stand on a street where their drivers left them."""
        car = self.of_party[rows]
        return np.asarray((car >= 0) & ~self.ordinary[rows] & (self.traffic.place_of(car) >= 0)
                          & (self.traffic.state_of(car) > S_ARRIVED))

    def with_news(self, rows: I64) -> B:
        """Whether parties [n] that set out now have the news of the roads."""
        w = self.host.w
        zone = self.ctx.site.zone_of_node[w.party_node[rows]]
        return np.asarray(self._has_news[rows] & w.zone_telecom_on[zone])

    def heard(self, rows: I64) -> B:
        """Whether the drivers of parties [n] under way have the news."""
        row = self.traffic.state.vehicle["dest"][self.of_party[rows]]
        return np.asarray(row < self.car_dests * GROUPS)

    def news_row(self, rows: I64) -> I64:
        """The traffic model's number of `party_dest` for parties [n] that have the news."""
        return np.asarray(self.host.w.party_dest[rows] * np.int64(GROUPS) + self._group[rows])

    def retarget(self, rows: I64) -> None:
        """Let cars of parties `rows` [n] go to `party_dest` by what their drivers know."""
        row = self.traffic.state.vehicle["dest"][self.of_party[rows]]
        dest = self.host.w.party_dest[rows].astype(np.int64)
        view = self.traffic.state.dest_view[row]
        to = np.choose(np.searchsorted((0, TURNED, HABIT), view), (
            self.news_row(rows), self._turned[dest], self._habit[dest]))
        self.traffic.retarget(self.of_party[rows], to)

    def nobody_drives(self, t0_ms: int) -> None:
        """Empty roads tell nothing of travel times: exits are counted anew from now on."""
        self._drivers.since_ms = t0_ms

    def drivers_view(self, t0_ms: int, fresh: bool) -> None:
        """Each group with the news looks at travel times in its turn; who turned hears now and then
        (`fresh`) what is open again."""
        every = self._drivers.every_ms
        if t0_ms // every > (t0_ms - self.ctx.tick_ms) // every:
            self._drivers.look(t0_ms, self.cars)
        if not fresh:
            return
        known = self.traffic.state.view_cost_ms[TURNED - 1]
        shut = (known >= CLOSED) & self.traffic.state.edge_closed
        cost = np.where(shut, CLOSED, self._free_cost)
        if not np.array_equal(cost, known):
            self.traffic.set_view(TURNED, cost)
        self.traffic.resume(self.cars)

    def responders_view(self, t0_ms: int, fresh: bool) -> None:
        """Units follow what is known: a closure on their way at once, the rest now and then."""
        closed = responders_closed(
            self.ctx.site, self.host.w.seen_edge_closed, int(self.host.w.exclusion_ms[0]), t0_ms
        )
        if fresh or not np.array_equal(closed, self._view_closed):
            newly = np.flatnonzero(closed & ~self._view_closed)
            self._view_closed = closed
            cost = speed_cost_ms(
                self.ctx.city.edges.length_m, self.host.w.seen_edge_speed_mps, closed
            )
            # In quiet hours nothing new is known, and the ways stay as they are.
            if not fresh or not np.array_equal(cost, self.traffic.state.view_cost_ms[UNITS - 1]):
                self.traffic.set_view(UNITS, cost, None if fresh else newly)

    def unit_trip(self, t: int, unit: int, origin: int, goal: int) -> None:
        """A unit drives to `goal`; one on the road already is turned to it."""
        vehicle = self.first_unit + unit
        old = int(self._unit_dest[unit])
        dest = self.traffic.add_destination(np.array([goal], np.int32), view=UNITS)
        self._unit_dest[unit] = dest
        state = STATES[self.traffic.state_of(np.array([vehicle]))[0]]
        if state == "stranded on link":  # its crew backs it out to the junction where it stopped
            self.traffic.tow(np.array([vehicle]))
        if state in ("waiting at origin", "on link"):
            self.traffic.retarget(np.array([vehicle]), dest)
        else:
            bus = self.ctx.site.units.seats[unit] > 0
            self.traffic.depart(
                np.array([vehicle]), t, origin, dest, "bus" if bus else "emergency")
        if old >= 0:
            self.traffic.release_destination(old)
