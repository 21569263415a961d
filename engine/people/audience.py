"""The parties that could have a reason to leave, and what about them never changes in a run.

They are those in the danger zone, in an ordered area, or within `SHADOW_M` of the danger zone with a
car (shadow evacuees drive; on foot they are safe where they are), and the `kin` outside who would go in
for somebody of their household (`pickups.py`). Arrays are over these parties
[relevant] unless said otherwise. Every draw of a party is made once, keyed by its first person.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from engine import rng
from engine.city import F64, I32, I64, U8, USES, B
from engine.component import Context
from engine.families import families
from engine.held import can_set_out, holding_and_gone
from engine.kernels import paths
from engine.shore import distance_to_sea_m
from engine.world import NEVER

SHADOW_M = 500.0
NIGHT_HOURS = (23, 7)


class Audience:
    """Rows of the relevant parties, where they began, who they are, and their draws."""

    def __init__(self, context: Context) -> None:
        city, site, parties, seed = context.city, context.site, context.parties, context.seed
        self._parties = parties
        start = parties.node
        walk_m, near_m = _distances(context)
        danger = site.danger_node[start]
        ordered = site.order_zone[start] >= 0
        shadow = ~danger & ~ordered & (near_m[start] <= SHADOW_M) & (parties.cars > 0)
        self.families = families(city, parties, site)
        draws = rng.uniform(seed, "people.pickup", parties.first.astype(np.int64))
        b = context.behaviour
        kin = ~danger & ~ordered & self._goes_in(draws, b.pickup_child_share, b.pickup_share)
        self.rows = np.flatnonzero(danger | ordered | shadow | kin)
        rows = self.rows
        self.zone = parties.zone[rows].astype(np.int64)
        self.node = start[rows].astype(np.int64)
        self.danger, self.ordered = danger[rows], ordered[rows]
        self.kin, self.shadow = kin[rows], (shadow & ~kin)[rows]
        self.near = np.flatnonzero(~self.kin)  # whom word of mouth concerns
        self.fetches = self.families.fetches[rows]
        self.area = site.order_zone[start[rows]]
        key = parties.first[rows].astype(np.int64)
        self.key = key
        draw = rng.uniform
        self.refuse = draw(seed, "people.refuse", key)
        self.believe = [draw(seed, "people.believe", key, k) for k in range(6)]
        self.milling = [draw(seed, "people.milling", key, k) for k in range(6)]
        self.pickup = draws[rows]
        self.mode = draw(seed, "people.mode", key)
        self.helped = draw(seed, "people.shadow", key)
        self.talk = -np.log(draw(seed, "people.neighbour", key))
        # Whole households go back, and only those that nobody has to help.
        self.can_return = (
            parties.home[rows] & (parties.building[rows] >= 0) & self.danger
            & (parties.slow[rows] < 2) & ~self.families.child[rows]
        )
        self._of_household = np.argsort(self.families.household, kind="stable")
        self._household_ptr = np.searchsorted(
            self.families.household[self._of_household], np.arange(self.families.ptr.size))
        self.walk_m = walk_m[start[rows]]
        self.has_car = parties.cars[rows] > 0
        self.slow, self.size = parties.slow[rows], parties.size[rows]
        self.in_bed = parties.ward[rows] >= 0  # nobody but the staff decides for them
        self.total = np.bincount(self.zone[self.near], minlength=city.zones.population.size)
        local = context.scenario.start.astimezone(ZoneInfo(city.timezone))
        night = local.hour >= NIGHT_HOURS[0] or local.hour < NIGHT_HOURS[1]
        self.night = night
        self._schools(context, parties.building[rows], parties.age_group[rows])
        # The sea is that of the nearest gauge; without terrain or tsunami nobody sees it.
        self.node_sea_m = distance_to_sea_m(city)  # [nodes]
        self.sea_m = self.node_sea_m[start[rows]]
        self.coastal = ~(self.sea_m > context.behaviour.shore_m) | np.isinf(self.sea_m) | self.kin
        gauges = site.gauge_x_m.size
        self.gauge = np.zeros(rows.size, np.int64)
        if gauges:
            self.gauge = np.argmin(np.hypot(
                city.nodes.x_m[self.node, None] - site.gauge_x_m,
                city.nodes.y_m[self.node, None] - site.gauge_y_m,
            ), axis=1)

    def _goes_in(self, u: F64, child_share: float, share: float) -> B:
        """Which parties would go for somebody of theirs by their draw `u` [parties]."""
        kin = self.families
        out = np.zeros(u.size, np.bool_)
        for wanted, limit in ((kin.child, child_share), (kin.helpless, share)):
            has = np.zeros(kin.ptr.size, np.bool_)
            has[kin.household[wanted]] = True
            out |= has[kin.household] & (u < limit)
        return np.asarray(out & kin.fetches)

    def household(self, party: int) -> I64:
        """All parties of the household of a party."""
        h = self.families.household[party]
        return np.asarray(
            self._of_household[self._household_ptr[h] : self._household_ptr[h + 1]], np.int64)

    def separated(self, w: Any, at: I64) -> B:
        """Which of the parties `at`, in safety, have somebody of the household elsewhere now: dead, in
        hospital and in care homes do not count, nor does who is at the same place."""
        parties, out = self._parties, np.zeros(at.size, np.bool_)
        for i, party in enumerate(self.rows[at].tolist()):
            kin = self.household(party)
            kin = kin[(kin != party) & (parties.ward[kin] < 0) & (w.party_with[kin] != party)]
            for other in kin[w.party_node[kin] != w.party_node[party]].tolist():
                who = parties.member[parties.member_ptr[other] : parties.member_ptr[other + 1]]
                _, gone = holding_and_gone(
                    w.person_trapped[who], w.person_health[who], w.person_care[who])
                out[i] |= not gone.all()
        return out

    def stuck(self, w: Any) -> B:
        """Which parties [relevant] do not leave for what has become of their members (`held.py`)."""
        return np.asarray(~can_set_out(
            self._parties, w.person_trapped, w.person_health, w.person_care)[self.rows])

    def _schools(self, context: Context, building: I32, age_group: U8) -> None:
        """Pupils [relevant]; where whole schools leave, those of one get ready at one time."""
        use = context.city.buildings.use[np.maximum(building, 0)]
        self.pupil = (building >= 0) & (use == USES.index("education")) & (age_group <= 1)
        if context.plan.order.schools == "evacuate":
            for k, milling in enumerate(self.milling):
                milling[self.pupil] = rng.uniform(
                    context.seed, "people.school", building[self.pupil], k)


def _distances(context: Context) -> tuple[F64, F64]:
    """(walk to the nearest safe junction, distance from the danger zone) [nodes], metres."""
    walk, site = context.city.walk, context.site
    n = site.danger_node.size
    cost = np.maximum(np.rint(walk.length_m[walk.arc]), 1).astype(np.int64)
    out = []
    for mask in (site.safe_node, site.danger_node):
        dist, _ = paths.reverse_tree(
            n, walk.tail[walk.arc], walk.head[walk.arc], cost, np.flatnonzero(mask)
        )
        out.append(np.minimum(dist, NEVER // 4).astype(np.float64))
    return out[0], out[1]
