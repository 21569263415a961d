"""Parties reach safety, a meeting point or a shelter, are sent on from a full one, or leave it again."""

from __future__ import annotations

import numpy as np

from engine.city import I64
from engine.codes import among
from engine.component import Component, Context
from engine.mobility.destinations import WalkRoutes
from engine.mobility.fleet import Fleet
from engine.mobility.gathering import Gathering
from engine.mobility.refuges import RefugeTrips
from engine.mobility.together import Together
from engine.mobility.trip import set_walking, settle
from engine.world import P_ABOARD, P_DRIVING, P_MEETING, P_SHELTER, P_WALKING, P_WITH


class Arrivals:
    """Who has left the danger zone, who is safe where, and the places that takes."""

    def __init__(
        self, host: Component, context: Context, walk: WalkRoutes, fleet: Fleet,
        refuges: RefugeTrips, gathering: Gathering, together: Together,
    ) -> None:
        self.host, self.ctx, self._walk, self._fleet = host, context, walk, fleet
        self._refuges, self._gathering = refuges, gathering
        self._size = together.people

    def arrive(self, rows: I64, t_ms: I64, node: I64, by_vehicle: bool = False) -> None:
        """Parties reach their destination; a full or shut shelter sends them on, but none who was brought
        there by a vehicle from a hospital or home."""
        rows, t_ms, node, sent = self._refuges.arrive(rows, t_ms, node)
        set_walking(self.host, sent)
        if rows.size == 0:
            return
        w, site, parties = self.host.w, self.ctx.site, self.ctx.parties
        w.party_node[rows] = node
        self.out_of_zone(rows, t_ms)
        dest = w.party_dest[rows]
        for i in np.flatnonzero((dest > 0) & (dest <= site.shelter.size)):
            facility = int(site.shelter[dest[i] - 1])
            party = int(rows[i])
            full = w.facility_load[facility] >= site.shelters.places[facility]
            brought = by_vehicle and parties.ward[party] >= 0  # the vehicle goes no further
            if (full or w.shelter_open_event[facility] < 0) and not brought:
                self._send_on(party, facility, int(t_ms[i]))
                continue
            w.facility_load[facility] += self._size[party]
            settle(self.host, np.array([party]), t_ms[i : i + 1], facility, P_SHELTER)
            full = w.facility_load[facility] >= site.shelters.places[facility]
            if full and w.facility_full_event[facility] < 0:
                w.facility_full_event[facility] = self.host.emit(
                    "shelter_full", int(t_ms[i]), facility,
                    value=site.shelters.places[facility], cause=w.party_trip_event[party],
                )[0]
        safe = (dest == 0) | ((dest == self._walk.high) & (dest > 0))
        self._gathering.arrive(rows[safe], t_ms[safe], node[safe])

    def _send_on(self, party: int, full: int, t_ms: int) -> None:
        """The shelter is full or not open: on foot to the next one with places, else to high ground
        or a refuge."""
        site = self.ctx.site
        free = (self.host.w.shelter_open_event[site.shelter] >= 0) & (
            self.host.w.facility_load[site.shelter] < site.shelters.places[site.shelter]
        )
        node = int(self.host.w.party_node[party])
        cost = np.where(free, self._walk.cost_ms[1 : 1 + free.size, node], np.iinfo(np.int64).max)
        best = int(np.argmin(cost))
        goes_to = int(site.shelter[best]) if free.any() else -1
        self.host.w.party_dest[party] = best + 1 if free.any() else 0
        self.host.w.party_trip_event[party] = self.host.emit(
            "party_rerouted", t_ms, party, goes_to,
            cause=max(int(self.host.w.facility_full_event[full]), int(self.host.w.party_trip_event[party])),
        )[0]
        set_walking(self.host, np.array([party]))
        self._refuges.choose(np.array([party]), np.array([t_ms]))

    def left_zone(self, t0_ms: int, t1_ms: int) -> None:
        """Cars, passengers and walkers whose last junction is out of the danger zone have left it."""
        w = self.host.w
        rows = np.flatnonzero(
            (among(w.party_place, (P_DRIVING, P_WALKING, P_ABOARD, P_WITH)) | self._fleet.ordinary)
            & (w.party_out_ms > t1_ms)
        )
        # Whoever goes for family may come back in.
        fetching = w.party_fetch >= 0
        rows = rows[~fetching[rows] & ~((w.party_with[rows] >= 0) & fetching[w.party_with[rows]])]
        driving = rows[w.party_place[rows] == P_DRIVING]
        if driving.size:
            edge, _ = self._fleet.traffic.positions(self._fleet.of_party[driving])
            on = edge >= 0
            w.party_node[driving[on]] = self.ctx.city.edges.from_node[edge[on]]
        out = rows[~self.ctx.site.danger_node[w.party_node[rows]]]
        self.out_of_zone(out, np.full(out.size, t1_ms))

    def out_of_zone(self, rows: I64, t_ms: I64) -> None:
        """Parties have left the danger zone."""
        w, parties = self.host.w, self.ctx.parties
        new = w.party_out_ms[rows] > t_ms
        rows, t_ms = rows[new], t_ms[new]
        w.party_out_ms[rows] = t_ms
        began_inside = self.ctx.site.danger_node[parties.node[rows]]
        rows, t_ms = rows[began_inside], t_ms[began_inside]
        w.party_trip_event[rows] = self.host.emit(
            "party_left_zone", t_ms, rows, parties.zone[rows], cause=w.party_trip_event[rows]
        )

    def free_place(self, rows: I64) -> None:
        """Give back the places of parties that leave a shelter or a meeting point."""
        w, site = self.host.w, self.ctx.site
        at = np.full(rows.size, -1, np.int64)
        # Who was taken to a hospital has no place that counts.
        sheltered = (w.party_place[rows] == P_SHELTER) & (w.party_dest[rows] > 0)
        at[sheltered] = site.shelter[w.party_dest[rows[sheltered]] - 1]
        met = w.party_place[rows] == P_MEETING
        at[met] = site.meeting.row[site.meeting.at_node[w.party_node[rows[met]]]]
        np.subtract.at(w.facility_load, at[at >= 0], self._size[rows[at >= 0]])
