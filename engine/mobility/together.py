"""Parties that somebody of their household has fetched go along: in the same car, or on foot beside them.

From the meeting to the next place of safety the fetched party (`party_with`) is where its leader is, and
whatever happens to the leader's trip happens to its own. On foot they go at the pace of the slowest.
In a shelter or refuge they are let in together. In safety each is again by itself.

Limit: a car has room for the household.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.city import I64
from engine.codes import among
from engine.component import Component, Context
from engine.events import KIND_CODE, KINDS
from engine.mobility.fleet import Fleet
from engine.world import (
    P_DRIVING,
    P_HIGH,
    P_MEETING,
    P_REFUGE,
    P_SHELTER,
    P_TO_FAMILY,
    P_WAITING,
    P_WALKING,
    P_WITH,
)

#: What happens to a trip and is told of every party on it.
_TOLD = [KIND_CODE[name] for name in (
    "party_mode_changed", "party_rerouted", "party_blocked", "party_to_refuge",
    "party_no_place")]
_SAFE = (P_HIGH, P_MEETING, P_SHELTER, P_REFUGE)
_UNDER_WAY = (P_WALKING, P_DRIVING, P_WAITING, P_TO_FAMILY)


class Together:
    """Who goes with whom. `people` [parties] and `slow` [parties, index of city.MOBILITY] count a party
    and those who go with it; `own_speed` [parties] is each party's own pace, m/s."""

    def __init__(self, host: Component, context: Context, fleet: Fleet, own_speed: Any) -> None:
        self.host, self.ctx, self._fleet = host, context, fleet
        self._own_speed = own_speed
        self.people: NDArray[np.int32] = context.parties.size.astype(np.int32)
        self.slow: NDArray[np.uint8] = context.parties.slow.copy()

    def load(self) -> None:
        """Count anew after a restore."""
        rows = np.flatnonzero(self.host.w.party_with >= 0)
        self._count(np.unique(self.host.w.party_with[rows]))

    def _count(self, leaders: I64) -> None:
        parties, w = self.ctx.parties, self.host.w
        self.people[leaders], self.slow[leaders] = parties.size[leaders], parties.slow[leaders]
        w.party_speed_mps[leaders] = self._own_speed[leaders]
        rows = np.flatnonzero(w.party_with >= 0)
        rows = rows[np.isin(w.party_with[rows], leaders)]
        with_ = w.party_with[rows]
        np.add.at(self.people, with_, parties.size[rows])
        np.maximum.at(self.slow, with_, parties.slow[rows])
        np.minimum.at(w.party_speed_mps, with_, w.party_speed_mps[rows])

    def join(self, leader: int, party: int) -> None:
        """`party` goes with `leader` from now on."""
        w = self.host.w
        w.party_with[party], w.party_place[party] = leader, P_WITH
        w.party_node[party], w.party_arc[party] = w.party_node[leader], -1
        w.party_stop_reason[party], w.party_line[party] = 0, -1
        self._count(np.array([leader]))

    def follow(self, first_row: int, out_of_zone: Callable[[I64, I64], None]) -> None:
        """Let what has happened to the leaders since row `first_row` of the log happen to those with
        them, and put them where they are."""
        w = self.host.w
        rows = np.flatnonzero(w.party_with >= 0)
        if rows.size == 0:
            return
        leader = w.party_with[rows]
        self._tell(first_row, rows, leader)
        for name in ("party_node", "party_arc", "party_offset_m", "party_dest", "party_stop_reason"):
            column = getattr(w, name)
            column[rows] = column[leader]
        safe = among(w.party_place[leader], _SAFE)
        for party, ahead in zip(rows[safe].tolist(), leader[safe].tolist(), strict=True):
            self._arrive(party, ahead, out_of_zone)

    def _tell(self, first_row: int, rows: I64, leader: I64) -> None:
        log = self.ctx.log
        kind, subject = log.column("kind")[first_row:], log.column("subject")[first_row:]
        for at in np.flatnonzero(np.isin(kind, _TOLD) & np.isin(subject, leader)):
            event = first_row + int(at)
            t, what, value = (log.column(name)[event] for name in ("t_ms", "object", "value"))
            mine = rows[leader == subject[at]]
            self.host.w.party_trip_event[mine] = self.host.emit(
                KINDS[int(kind[at])].name, int(t), mine, int(what), float(value), event)

    def _arrive(self, party: int, leader: int, out_of_zone: Callable[[I64, I64], None]) -> None:
        """The leader is in safety, and so is the party; its places were taken with the leader's."""
        w, log, row = self.host.w, self.ctx.log, np.array([party])
        event = int(w.party_trip_event[leader])
        t = log.column("t_ms")[event : event + 1].copy()
        place = int(w.party_place[leader])
        if place != P_REFUGE:
            out_of_zone(row, t)
        kind = "party_in_refuge" if place == P_REFUGE else "party_arrived"
        w.party_refuge[party], w.party_place[party] = w.party_refuge[leader], place
        w.party_trip_event[row] = self.host.emit(
            kind, t, row, int(log.column("object")[event]), (t - w.party_left_ms[row]) / 1000.0,
            max(event, int(w.party_trip_event[party])))
        w.party_with[party] = -1
        self._count(np.array([leader]))

    def drivers(self) -> None:
        """Whoever drives is noted at the junction passed last: some go out of the danger zone and
        back in."""
        w = self.host.w
        rows = np.flatnonzero(w.party_place == P_DRIVING)
        if rows.size:
            edge, _ = self._fleet.traffic.positions(self._fleet.of_party[rows])
            on = edge >= 0
            w.party_node[rows[on]] = self.ctx.city.edges.from_node[edge[on]]

    def conserved(self) -> str:
        """What does not add up, or an empty string."""
        w, parties = self.host.w, self.ctx.parties
        rows = np.flatnonzero(w.party_place == P_WITH)
        if not np.array_equal(rows, np.flatnonzero(w.party_with >= 0)):
            return "a party goes with nobody"
        leader = w.party_with[rows]
        if not among(w.party_place[leader], _UNDER_WAY).all():
            return "a party goes with one that is not under way"
        if int(self.people.sum()) != int(parties.size.sum() + parties.size[rows].sum()):
            return "people who go together are miscounted"
        going = np.flatnonzero(w.party_fetch >= 0)
        if not among(w.party_place[going], (P_DRIVING, P_WAITING, P_TO_FAMILY)).all():
            return "a party fetches somebody and is not on the way there"
        return ""
