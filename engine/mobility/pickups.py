"""Trips to fetch family: by car through the traffic, or on foot by the shortest way, to where they are.

Whom a party goes for is decided before (`people/pickups.py`: `party_fetcher`). At the place it meets those
who are still there and can leave, and takes them along (`together.py`): to the next one, then to safety.
A school that holds its pupils by plan hands none over. Who has left is missed, as is who is trapped, too
badly hurt or cut off by water; the fetcher goes on alone.

A car goes to the junction next to the place. Where no way is open, where an inbound ban turns it away or
where it is left behind in water the trip is given up; stuck in traffic its people walk on within
`pickup_walk_m`. On foot they take the shortest way that is dry and open when they set out, turn round where
the street ahead has become neither, and pass cordons, as all walkers do.

Limits: getting on and handing over take no time beyond the next tick; on foot there is no crowding on the
way there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from engine.city import I64, USES, B, City
from engine.codes import among
from engine.component import Component, Context
from engine.events import MODES, REASONS, reason
from engine.families import crow_flies_m, families
from engine.held import holding_and_gone
from engine.kernels import paths
from engine.kernels.traffic_layout import RANK_NONE
from engine.mobility.bus_stops import ToStops
from engine.mobility.destinations import WalkRoutes
from engine.mobility.fleet import TURNED, Fleet
from engine.mobility.returns import WET_M
from engine.mobility.together import Together
from engine.street_orders import StreetOrder
from engine.world import (
    H_DEAD,
    NEVER,
    P_CUT_OFF,
    P_DRIVING,
    P_PREPARING,
    P_START,
    P_STAYING,
    P_TO_FAMILY,
    P_WAITING,
)

FOOT, CAR = MODES.index("foot"), MODES.index("car")
CUT_OFF = 3  #: party_decision of who is kept in a building by water
_THERE = (P_START, P_PREPARING, P_STAYING, P_CUT_OFF)
LOOK_AROUND = 4.0  #: ways up to so many times the straight distance are looked at first, for speed


class ToFamily(ToStops):
    """Parties on foot to family, each on the way that was shortest when it set out."""

    prefix = "family_"
    _part: NDArray[Any] = np.empty(0)
    _now: I64 = np.empty(0, np.int64)

    def grow(
        self, node: int, here: int, away_m: float, factor: NDArray[Any], depth_m: NDArray[Any]
    ) -> None:
        """Find the way from `here`, `away_m` off, to `node` at walking speeds `factor` and depths
        `depth_m` of now [streets]; looked for nearby first."""
        part = np.where(depth_m > WET_M, 0.0, factor)
        if not np.array_equal(part, self._part):
            self._part, on_arc = part, part[self._walk.arc >> 1]
            self._now = np.where(
                on_arc > 0.0, self._cost / np.maximum(on_arc, 0.02), paths.CLOSED).astype(np.int64)
        for limit_ms in (int(1000 * LOOK_AROUND * away_m), int(paths.UNREACHED) - 1):
            _, via = paths.shortest_tree(self._csr, self._now, [node], limit_ms=limit_ms)
            if via[here] >= 0:
                break
        self._trees = {node: np.where(
            via >= 0, self._walk.arc[np.maximum(via, 0)], -1).astype(np.int32)}


class Pickups:
    """Moves fetchers and lets them meet whom they fetch."""

    def __init__(
        self, host: Component, context: Context, walk: WalkRoutes, fleet: Fleet,
        together: Together,
    ) -> None:
        self.host, self.ctx, self._fleet, self._together = host, context, fleet, together
        city, parties = context.city, context.parties
        self._kin = families(city, parties, context.site)
        self._walks = ToFamily(city, walk.slope)
        self._stop_node = nearest_drivable(city)
        at_school = (parties.building >= 0) & (
            city.buildings.use[np.maximum(parties.building, 0)] == USES.index("education"))
        self._held = at_school & self._kin.child & (context.plan.order.schools == "hold")
        self._tried = np.full(parties.count, -1, np.int64)  # who has gone for it last
        self._since_ms = np.full(parties.count, NEVER, np.int64)  # of the present trip
        self._afoot_ms = self._since_ms.copy()  # of its walk
        self._dest_of = np.full(city.nodes.x_m.size, -1, np.int64)  # traffic's number for a junction
        self._done: list[tuple[int, int, bool]] = []  # go on to safety: party, when, by car

    def save(self) -> dict[str, NDArray[Any]]:
        """Arrays for a snapshot."""
        return {**self._walks.save(), "family_tried": self._tried.copy(),
                "family_since": self._since_ms.copy(), "family_afoot": self._afoot_ms.copy(),
                "family_dest": self._dest_of.copy()}

    def load(self, private: dict[str, NDArray[Any]]) -> None:
        """Take the arrays of a snapshot back."""
        self._walks.load(private)
        self._tried = private["family_tried"].copy()
        self._since_ms = private["family_since"].copy()
        self._afoot_ms = private["family_afoot"].copy()
        self._dest_of = private["family_dest"].copy()

    # --- setting out ----------------------------------------------------------------------------

    def wanted(self, party: int) -> I64:
        """Whom the party still has to go for, in their order."""
        mine = self._kin.of(party)
        return np.asarray(
            mine[(self.host.w.party_fetcher[mine] == party) & (self._tried[mine] != party)])

    def bound(self, rows: I64) -> B:
        """Which parties [rows] go for family first."""
        some = np.flatnonzero(self._kin.fetches[rows])
        out = np.zeros(rows.size, np.bool_)
        out[some] = [self.wanted(int(party)).size > 0 for party in rows[some]]
        return out

    def set_out(self, party: int, t_ms: int, by_car: bool) -> None:
        """To the next one whom the party goes for, or on to safety when there is none."""
        w = self.host.w
        wanted = self.wanted(party)
        if wanted.size == 0:
            w.party_fetch[party] = -1
            self._done.append((party, t_ms, by_car))
            return
        goal = int(wanted[0])
        w.party_fetch[party], self._tried[goal] = goal, party
        w.party_dest[party] = 0  # from there, or should it give up
        self._since_ms[party] = t_ms
        here, there = int(w.party_node[party]), int(self.ctx.parties.node[goal])
        away_m = crow_flies_m(self.ctx.city, np.array([here]), np.array([there]))
        w.party_trip_event[party] = self.host.emit(
            "pickup_set_out", t_ms, party, goal, away_m, w.party_trip_event[party])[0]
        if by_car:
            self._drive(party, t_ms, there)
        else:
            self._walk(party, t_ms, there)

    def _drive(self, party: int, t_ms: int, there: int) -> None:
        w, traffic = self.host.w, self._fleet.traffic
        vehicle = self._fleet.of_party[party]
        place = int(traffic.place_of(vehicle)[0])
        began = int(traffic.state_of(vehicle)[0]) > 0  # the car is where it stopped last
        wheel = bool(self._fleet.ordinary[party])  # or under way on an ordinary trip
        if self._fleet.left_in_road(np.array([party]))[0]:
            self._walk(party, t_ms, there)
            return
        if wheel and place >= 0:
            here = int(traffic.to_node[place])
        else:
            here = -1 - place if began else int(self._stop_node[w.party_node[party]])
        goal = int(self._stop_node[there])
        if here == goal and not wheel:
            self._meet(party, t_ms, True)
            return
        dest = self._dest(goal)
        if traffic.state.route[dest, here] == RANK_NONE:
            self._miss(party, t_ms, "no route", True)
        elif self._bans() and traffic.leads_over(dest, self._barred())[here]:
            self._miss(party, t_ms, "inbound ban", True, self._ban())
        else:
            w.party_place[party] = P_WAITING
            self._fleet.ordinary[party] = False
            if wheel:
                traffic.retarget(vehicle, dest)
            else:
                traffic.depart(vehicle, t_ms, here, dest)

    def _dest(self, node: int) -> int:
        """The traffic model's number of junction `node` as a destination."""
        if self._dest_of[node] < 0:
            self._dest_of[node] = self._fleet.traffic.add_destination(
                np.array([node], np.int32), view=TURNED)
        return int(self._dest_of[node])

    def _walk(self, party: int, t_ms: int, there: int) -> None:
        w, row = self.host.w, np.array([party])
        here = w.party_node[row]
        if int(here[0]) == there:
            self._meet(party, t_ms, False)
            return
        away_m = float(crow_flies_m(self.ctx.city, here, np.array([there]))[0])
        self._walks.grow(there, int(here[0]), away_m, w.street_walk_factor, w.street_depth_m)
        found = self._walks.add(row, np.array([there], np.int32), here, t_ms)
        if not found[0]:
            self._miss(party, t_ms, "no route", False)
            return
        w.party_place[party], w.party_arc[party] = P_TO_FAMILY, -1
        self._afoot_ms[party] = t_ms

    # --- under way ------------------------------------------------------------------------------

    def walk(self, t0_ms: int, t1_ms: int, speed_mps: Any) -> None:
        """Advance those on foot to family over [t0, t1)."""
        w = self.host.w
        if self._walks.party.size == 0:
            return
        there, there_ms, turned = self._walks.advance(
            t0_ms, t1_ms, w.party_arc, w.party_offset_m, w.party_node, speed_mps,
            w.street_walk_factor, w.street_depth_m, self._afoot_ms,
        )
        for party, t in zip(there.tolist(), there_ms.tolist(), strict=True):
            w.party_arc[party] = -1
            self._meet(party, t, False)
        street = w.party_arc[turned] >> 1
        wet = w.street_depth_m[street] > WET_M
        for party, under_water in zip(turned.tolist(), wet.tolist(), strict=True):
            self._miss(party, t1_ms, "road under water" if under_water else "no route", False)

    def walkers(self) -> I64:
        """Parties on foot to family."""
        return self._walks.party

    def arrive(self, rows: I64, t_ms: I64, node: I64) -> B:
        """Which of the parties [rows] whose cars came to `node` came to family; they meet."""
        w = self.host.w
        mine = w.party_fetch[rows] >= 0
        for party, t, at in zip(rows[mine], t_ms[mine], node[mine], strict=True):
            w.party_node[party] = self.ctx.site.walk_node[at]
            self._meet(int(party), int(t), True)
        return np.asarray(mine)

    def turn_away(self, t_ms: int) -> None:
        """A ban has come into force: cars whose way to family leads in go to safety instead."""
        w, traffic = self.host.w, self._fleet.traffic
        rows = np.flatnonzero((w.party_fetch >= 0) & among(w.party_place, (P_DRIVING, P_WAITING)))
        barred, ban = self._barred(), self._ban()
        for party in rows.tolist():
            vehicle = self._fleet.of_party[party]
            place = int(traffic.place_of(vehicle)[0])
            node = int(traffic.to_node[place]) if place >= 0 else -1 - place
            dest = int(traffic.state.vehicle["dest"][vehicle])
            if traffic.leads_over(dest, barred)[node]:
                self._give_up(party, t_ms, "inbound ban", ban)
                self._fleet.retarget(np.array([party]))

    def left_car(self, rows: I64, t_ms: int, in_water: B, no_way: B) -> None:
        """Parties [rows] have left their cars: in water or without a way on they give up; else they walk
        on to family where that is not too far."""
        w = self.host.w
        for party, wet, shut in zip(rows.tolist(), in_water.tolist(), no_way.tolist(), strict=True):
            goal = np.array([w.party_fetch[party]])
            if goal[0] < 0:
                continue
            there = self.ctx.parties.node[goal]
            away = crow_flies_m(self.ctx.city, w.party_node[[party]], there)[0]
            if wet or shut or away > self.ctx.behaviour.pickup_walk_m:
                why = "road under water" if wet else "no route" if shut else "traffic"
                self._give_up(party, t_ms, why)
            else:
                self._walk(party, t_ms, int(there[0]))

    def lost_way(self, party: int, t_ms: int) -> bool:
        """A car stands at a junction with no way on: whether it was going to family, and now to safety."""
        if self.host.w.party_fetch[party] < 0:
            return False
        self._miss(party, t_ms, "no route", True)
        return True

    # --- meeting --------------------------------------------------------------------------------

    def _meet(self, party: int, t_ms: int, by_car: bool) -> None:
        """The party is where they are: who can come comes, then on to the next place."""
        w, parties, node = self.host.w, self.ctx.parties, self.ctx.parties.node
        if self._nobody_left(party):
            mine = parties.member[parties.member_ptr[party] : parties.member_ptr[party + 1]]
            dead = bool((w.person_health[mine] == H_DEAD).all())
            self._give_up(party, t_ms, "dead" if dead else "hurt")
            self._done.append((party, t_ms, by_car))
            return
        goal = int(w.party_fetch[party])
        others = self.wanted(party)
        for one in (goal, *others[node[others] == node[goal]].tolist()):
            self._tried[one] = party
            why = self._kept(one)
            if why:
                self._missed(party, t_ms, why)
            else:
                self._take(party, one, t_ms, by_car)
        self.set_out(party, t_ms, by_car)

    def _kept(self, party: int) -> str:
        """Why the party does not come along, or an empty string."""
        w, parties = self.host.w, self.ctx.parties
        here = w.party_node[party] == parties.node[party] and not self._fleet.ordinary[party]
        if here and w.party_place[party] == P_CUT_OFF and w.party_decision[party] == CUT_OFF:
            return REASONS[int(self.ctx.log.column("object")[int(w.party_decision_event[party])])]
        if not (here and among(w.party_place[[party]], _THERE)[0]):
            return "gone already"
        if self._held[party] and w.all_clear_event[0] < 0:
            return "held at school"
        who = parties.member[parties.member_ptr[party] : parties.member_ptr[party + 1]]
        holds, gone = holding_and_gone(
            w.person_trapped[who], w.person_health[who], w.person_care[who])
        if w.person_trapped[who].any():
            return "trapped"
        if (w.person_health[who] == H_DEAD).all():
            return "dead"
        return "hurt" if holds.any() or gone.all() else ""

    def _nobody_left(self, party: int) -> bool:
        """Whether all members are dead or in care."""
        w, parties = self.host.w, self.ctx.parties
        who = parties.member[parties.member_ptr[party] : parties.member_ptr[party + 1]]
        _, gone = holding_and_gone(w.person_trapped[who], w.person_health[who], w.person_care[who])
        return bool(gone.all())

    def _take(self, party: int, one: int, t_ms: int, by_car: bool) -> None:
        w = self.host.w
        w.party_trip_event[party] = met = self.host.emit(
            "pickup_met", t_ms, party, one, (t_ms - self._since_ms[party]) / 1000.0,
            max(int(w.party_trip_event[party]), int(w.party_trip_event[one])))[0]
        w.party_left_ms[one] = min(int(w.party_left_ms[one]), t_ms)
        w.party_trip_event[one] = self.host.emit(
            "party_departed", t_ms, one, CAR if by_car else FOOT, w.party_node[one], met)[0]
        self._together.join(party, one)

    def _missed(self, party: int, t_ms: int, why: str, cause: int = -1) -> None:
        w = self.host.w
        w.party_trip_event[party] = self.host.emit(
            "pickup_missed", t_ms, party, reason(why), (t_ms - self._since_ms[party]) / 1000.0,
            max(int(w.party_trip_event[party]), cause))[0]

    def _miss(self, party: int, t_ms: int, why: str, by_car: bool, cause: int = -1) -> None:
        """The party cannot get there and goes on."""
        w = self.host.w
        goal = int(w.party_fetch[party])
        self._missed(party, t_ms, why, cause)
        w.party_unfetched_event[goal] = w.party_trip_event[party]
        self.set_out(party, t_ms, by_car)

    def _give_up(self, party: int, t_ms: int, why: str, cause: int = -1) -> None:
        """The party goes for nobody any more; it is on the way to safety already."""
        w, wanted = self.host.w, self.wanted(party)
        goals = np.r_[int(w.party_fetch[party]), wanted]
        self._missed(party, t_ms, why, cause)
        self._tried[wanted] = party
        w.party_unfetched_event[goals] = w.party_trip_event[party]
        w.party_fetch[party] = -1

    def finished(self) -> tuple[I64, I64, B]:
        """(parties that go on to safety from where they are, since when, by car), once."""
        done, self._done = sorted(self._done), []
        return (np.array([row[0] for row in done], np.int64),
                np.array([row[1] for row in done], np.int64),
                np.array([row[2] for row in done], np.bool_))

    def tidy(self) -> None:
        """Give back the numbers of junctions nobody drives to any more."""
        given = np.flatnonzero(self._dest_of >= 0)
        if given.size == 0:
            return
        w = self.host.w
        rows = np.flatnonzero((w.party_fetch >= 0) & among(w.party_place, (P_DRIVING, P_WAITING)))
        used = self._fleet.traffic.state.vehicle["dest"][self._fleet.of_party[rows]]
        for node in given[~np.isin(self._dest_of[given], used)].tolist():
            self._fleet.traffic.release_destination(int(self._dest_of[node]))
            self._dest_of[node] = -1

    def _bans(self) -> list[StreetOrder]:
        """Inbound bans in force."""
        return [order for order in self.ctx.site.orders
                if order.inside.any() and self.host.w.control_order_event[order.control] >= 0]

    def _barred(self) -> I64:
        """Links into the banned areas."""
        return np.concatenate([np.empty(0, np.int64), *(ban.barred for ban in self._bans())])

    def _ban(self) -> int:
        """Event of the last ban that came into force, -1 for none."""
        return max((int(self.host.w.control_order_event[ban.control]) for ban in self._bans()), default=-1)


def nearest_drivable(city: City) -> I64:
    """Nearest junction that cars can both reach and leave, for each junction."""
    nodes, edges = city.nodes, city.edges
    usable = np.zeros((2, nodes.x_m.size), np.bool_)
    usable[0, edges.to_node], usable[1, edges.from_node] = True, True
    rows = np.flatnonzero(usable.all(axis=0))
    tree = cKDTree(np.column_stack([nodes.x_m[rows], nodes.y_m[rows]]))
    found = rows[tree.query(np.column_stack([nodes.x_m, nodes.y_m]))[1]]
    found[rows] = rows  # two junctions may lie at one place
    return np.asarray(found, np.int64)
