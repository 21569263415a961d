"""Ordinary traffic: who is on the way by car when the event begins drives on.

Commuters with a car (`engine/parties.py`) are on the road at time zero, each at the junction nearest to
where he is, and drive to where he was going: the middle junction of the zone of his home, or before
noon of his work. Nobody is on the road who is not a resident. They take the ways of empty roads and
know the closures that one who turned has met (`fleet.py`). They hear, feel and decide like everyone:
whoever decides to leave turns from where he is to safety or a shelter, by car whatever he would have
chosen at home. Whoever arrives before is out of the danger zone and stays there.

Assumptions: nobody sets out on an ordinary trip after the event has begun; trips into the danger zone
and trips from outside that lead through it are left out, their people stay where they are, as do those
on the way without a car. The last streets from the zone's middle to the door are not driven.

Limit: nobody drives through from elsewhere. On the 17 km of Ruta 5 through La Serena and Coquimbo those
are few beside the city's own: more than 85 % of the vehicles stay within it by a study of the Ministry of
Public Works (curador.cl, 1 April 2016), fewer than 10 % pass through by the region's governor (La Tercera).

Check: the model has 3,700 such cars of 451,834 people in La Serena-Coquimbo at 19:54 on a weekday. The
origin-destination survey of 2010 counted 296,720 trips by car a day there (diarioeldia.cl); with 6 to
7 % of them in that hour and a quarter of an hour each (assumptions) 4,500 to 5,200 cars are on the road.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from engine.city import I64, City
from engine.component import Component, Context
from engine.mobility.fleet import HABIT, TURNED, Fleet
from engine.mobility.geometry import nearest_drive_node
from engine.world import P_OUTSIDE, P_START, P_STAYING


class OrdinaryTrips:
    """Puts commuters on the road and keeps track of them until they arrive or decide to leave."""

    def __init__(self, host: Component, context: Context, fleet: Fleet) -> None:
        self.host, self.ctx, self._fleet = host, context, fleet
        city, site, parties = context.city, context.site, context.parties
        rows = np.flatnonzero((parties.bound >= 0) & (fleet.of_party >= 0))
        zone = city.buildings.zone[parties.bound[rows]].astype(np.int64)
        goal = _middle_nodes(city)[zone]
        keep = ~site.danger_node[goal]
        rows, zone, goal = rows[keep], zone[keep], goal[keep]
        node = nearest_drive_node(city)[parties.node[rows]]
        dest = np.full(city.zones.population.size, -1, np.int64)
        for z in np.unique(zone):
            dest[z] = fleet.traffic.add_destination([int(goal[zone == z][0])], view=TURNED)
        into = np.flatnonzero(site.danger_node[city.edges.to_node])
        through = np.zeros(rows.size, np.bool_)
        for z in np.unique(zone):
            through[zone == z] = fleet.traffic.leads_over(int(dest[z]), into)[node[zone == z]]
        keep = site.danger_node[parties.node[rows]] | ~through
        self._rows, self._zone, self._node = rows[keep], zone[keep], node[keep]
        self._dest, self._dests = dest[self._zone], dest[dest >= 0]

    def start(self) -> None:
        """Everybody is on the way."""
        rows, traffic = self._rows, self._fleet.traffic
        way_ms = np.zeros(rows.size, np.int64)
        for dest in np.unique(self._dest).tolist():
            mine = self._dest == dest
            way_ms[mine] = traffic.travel_time_ms(dest)[self._node[mine]]
        traffic.depart(self._fleet.of_party[rows], 0, self._node, self._dest)
        self._fleet.ordinary[rows] = True
        self.host.w.party_trip_event[rows] = self.host.emit(
            "party_on_road", 0, rows, self._zone, way_ms / 1000.0, self.ctx.start_event)

    def arrive(self, rows: I64, t_ms: I64, node: I64) -> None:
        """Parties [n] are where they were going; who is not getting ready to leave stays there."""
        w = self.host.w
        self._fleet.ordinary[rows] = False
        w.party_node[rows] = self.ctx.site.walk_node[node]
        # In an ordered area the warning still finds them.
        settles = (w.party_place[rows] == P_START) | (w.party_place[rows] == P_STAYING)
        settles &= self.ctx.site.order_zone[node] < 0
        w.party_place[rows[settles]] = P_OUTSIDE
        w.party_trip_event[rows] = self.host.emit(
            "party_trip_ended", t_ms, rows, self.ctx.site.zone_of_node[node], t_ms / 1000.0,
            w.party_trip_event[rows])

    def move(self) -> None:
        """Note where those under way are."""
        rows = np.flatnonzero(self._fleet.ordinary)
        if rows.size:
            edge, _ = self._fleet.traffic.positions(self._fleet.of_party[rows])
            on = edge >= 0
            self.host.w.party_node[rows[on]] = self.ctx.city.edges.from_node[edge[on]]
        elif self._dests.size:
            # Nobody uses these ways any more: no need to look for them anew.
            self._fleet.traffic.state.dest_view[self._dests] = HABIT


def _middle_nodes(city: City) -> I64:
    """Junction that cars can reach nearest to the middle of each zone's buildings [zones]."""
    zone, n = city.buildings.zone, city.zones.population.size
    count = np.maximum(np.bincount(zone, minlength=n), 1)
    x = np.bincount(zone, weights=city.buildings.x_m, minlength=n) / count
    y = np.bincount(zone, weights=city.buildings.y_m, minlength=n) / count
    rows = np.unique(city.edges.to_node)
    tree = cKDTree(np.column_stack([city.nodes.x_m[rows], city.nodes.y_m[rows]]))
    return np.asarray(rows[tree.query(np.column_stack([x, y]))[1]], np.int64)
