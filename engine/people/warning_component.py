"""Warning and decision: which cue reaches which party when, and what it makes of it.

The forms and numbers are those of `warning.py`; this component applies them to every party that
could have a reason to leave: in the danger zone, in an ordered area, or within `SHADOW_M` of the
danger zone with a car (shadow evacuees drive; on foot they are safe where they are). Word of mouth
starts with the first party of a zone that knows or leaves. Parties see water when it stands at
their junction or the next one. Limits: a cue is heard once; nobody changes a decision to leave.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np

from engine import rng
from engine.city import F64, I64
from engine.component import Component, Context
from engine.events import CAUSES, MODES, reason
from engine.kernels import paths
from engine.people import warning as model
from engine.world import NEVER

SHADOW_M = 500.0
SEEN_DEPTH_M = 0.05
NIGHT_HOURS = (23, 7)
_OBJECT = (CAUSES.index("shaking"), CAUSES.index("none"), CAUSES.index("none"),
           CAUSES.index("tsunami"))


class Warning(Component):
    """Alerts parties and lets them decide over [t0, t1)."""

    name = "warning"
    reads = (
        "zone_shaken_event", "zone_mmi", "zone_order_event", "zone_order_ms", "zone_power_on",
        "zone_telecom_on", "zone_lifeline_event", "zone_flooded_event", "node_depth_m",
        "all_clear_event", "party_alert", "party_decision", "party_order_ms",
        "party_order_cause", "party_missed", "party_heard", "party_depart_ms",
        "zone_channel_event", "zone_talk_event",
    )
    writes = (
        "party_alert", "party_decision", "party_decision_event", "party_mode",
        "party_depart_ms", "zone_channel_event", "party_order_ms", "party_order_cause",
        "party_missed", "party_heard", "zone_talk_event",
    )
    emits = ("channel_started", "party_alerted", "party_decided", "party_refused")

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        city, site, parties, seed = context.city, context.site, context.parties, context.seed
        start = parties.node
        walk_m, near_m = _distances(context)
        danger = site.danger_node[start]
        ordered = site.order_zone[start] >= 0
        shadow = ~danger & ~ordered & (near_m[start] <= SHADOW_M) & (parties.cars > 0)
        self._rows = np.flatnonzero(danger | ordered | shadow)
        rows = self._rows
        self._zone = parties.zone[rows].astype(np.int64)
        self._node = start[rows].astype(np.int64)
        self._danger, self._ordered, self._shadow = danger[rows], ordered[rows], shadow[rows]
        self._area = site.order_zone[start[rows]]
        key = parties.first[rows].astype(np.int64)
        self._key = key
        draw = rng.uniform
        self._refuse = draw(seed, "people.refuse", key)
        self._believe = [draw(seed, "people.believe", key, k) for k in range(4)]
        self._milling = [draw(seed, "people.milling", key, k) for k in range(4)]
        self._pickup = draw(seed, "people.pickup", key)
        self._mode = draw(seed, "people.mode", key)
        self._helped = draw(seed, "people.shadow", key)
        self._talk = -np.log(draw(seed, "people.neighbour", key))
        household = city.persons.household[parties.first[rows]]
        whole = np.bincount(city.persons.household)[household]
        self._separated = parties.size[rows] < whole
        self._walk_m = walk_m[start[rows]]
        self._has_car = parties.cars[rows] > 0
        self._slow, self._size = parties.slow[rows], parties.size[rows]
        self._total = np.bincount(self._zone, minlength=city.zones.population.size)
        local = context.scenario.start.astimezone(ZoneInfo(city.timezone))
        night = local.hour >= NIGHT_HOURS[0] or local.hour < NIGHT_HOURS[1]
        self._channels = context.plan.channels
        self._sounding, self._delay_ms, self._listener = [], [], []
        for k, channel in enumerate(self._channels):
            reach = model.channel_reach(
                channel.kind, context.behaviour, night=night, coverage=channel.coverage
            )
            self._sounding.append(model.first_sounding(
                draw(seed, "people.channel", key, 3 * k), reach, context.behaviour.notice_share))
            delay = model.channel_delay_s(
                channel.kind, context.behaviour, draw(seed, "people.channel", key, 3 * k + 1))
            self._delay_ms.append(np.rint(1000 * delay).astype(np.int64))
            self._listener.append(draw(seed, "people.channel", key, 3 * k + 2))

    def step(self, t0_ms: int, t1_ms: int) -> None:
        if self.w.all_clear_event[0] >= 0 or self._rows.size == 0:
            return
        self._felt()
        self._sound(t0_ms, t1_ms)
        self._hear(t1_ms)
        self._neighbours(t0_ms, t1_ms)
        self._water(t0_ms)

    # --- cues ---------------------------------------------------------------------------------

    def _felt(self) -> None:
        shaken = self.w.zone_shaken_event[self._zone]
        new = np.flatnonzero((shaken >= 0) & (self.w.party_alert[self._rows] & 1 == 0))
        new = new[self.w.zone_mmi[self._zone[new]] >= 3.0]  # felt by many indoors from III on
        if new.size:
            cause = self.w.zone_shaken_event[self._zone[new]]
            self._cue(new, model.FELT, self.ctx.log.column("t_ms")[cause], cause)

    def _sound(self, t0_ms: int, t1_ms: int) -> None:
        """Channels sound; whoever notices takes the message in after a while."""
        zones = self.w.zone_order_event.size
        ordered = np.flatnonzero(self.w.zone_order_event >= 0)
        if ordered.size == 0:
            return
        for k, channel in enumerate(self._channels):
            since = t1_ms - (self.w.zone_order_ms + int(channel.start_s * 1000))
            repeat = int(channel.repeat_s * 1000)
            # Number of the sounding that falls into this tick, -1 where none does.
            last, before = (since - 1) // repeat, (since - (t1_ms - t0_ms) - 1) // repeat
            number = np.full(zones, -1, np.int64)
            now = (self.w.zone_order_event >= 0) & (since > 0) & (last > before)
            number[now] = last[now]
            sounding = np.flatnonzero(number >= 0)
            if sounding.size == 0:
                continue
            t = self.w.zone_order_ms + int(channel.start_s * 1000) + number * repeat
            self._begin(k, sounding, t)
            mine = number[self._zone]
            missed = self.w.party_missed[self._rows * len(self._channels) + k]
            due = np.flatnonzero(
                (mine >= 0) & self._ordered & (self._sounding[k] >= 0)
                & (self._sounding[k] + missed == mine)
            )
            works = self._works(k, due, t)
            lost = self._rows[due[~works]] * len(self._channels) + k
            self.w.party_missed[lost] += 1
            due = due[works]
            heard = t[self._zone[due]] + self._delay_ms[k][due]
            rows = self._rows[due]
            sooner = heard < self.w.party_order_ms[rows]
            self.w.party_order_ms[rows[sooner]] = heard[sooner]
            self.w.party_order_cause[rows[sooner]] = self.w.zone_channel_event[
                self._zone[due[sooner]] * len(self._channels) + k
            ]

    def _begin(self, k: int, zones: I64, t: I64) -> None:
        """The first sounding of a channel in a zone is an event."""
        at = zones * len(self._channels) + k
        new = self.w.zone_channel_event[at] < 0
        zones, at = zones[new], at[new]
        rows = np.isin(self._zone, zones)
        reached = np.bincount(
            self._zone[rows & (self._sounding[k] >= 0)], minlength=self._total.size
        ) / np.maximum(self._total, 1)
        self.w.zone_channel_event[at] = self.emit(
            "channel_started", t[zones], np.full(zones.size, k), zones, reached[zones],
            self.w.zone_order_event[zones],
        )

    def _works(self, k: int, due: I64, t: I64) -> np.ndarray:
        zone = self._zone[due]
        lifeline = self.w.zone_lifeline_event[zone]
        since = self.ctx.log.column("t_ms")[np.maximum(lifeline, 0)]
        return model.channel_works(
            self._channels[k].kind, self.ctx.behaviour, self._listener[k][due],
            power=self.w.zone_power_on[zone], telecom=self.w.zone_telecom_on[zone],
            out_s=(t[zone] - since) / 1000.0, battery_s=self._channels[k].battery_s,
        )

    def _hear(self, t1_ms: int) -> None:
        rows = self._rows
        new = np.flatnonzero(
            (self.w.party_order_ms[rows] < t1_ms) & (self.w.party_alert[rows] & 2 == 0)
        )
        if new.size:
            new = new[np.argsort(self.w.party_order_ms[rows[new]], kind="stable")]
            self._cue(new, model.ORDER, self.w.party_order_ms[rows[new]],
                      self.w.party_order_cause[rows[new]])

    def _neighbours(self, t0_ms: int, t1_ms: int) -> None:
        """Word of mouth: hazard proportional to the share of the zone that knows or leaves."""
        rows = self._rows
        knows = (self.w.party_alert[rows] & (2 | 4 | 8) > 0) | (self.w.party_decision[rows] == 1)
        informed = np.bincount(self._zone[knows], minlength=self._total.size)
        chance = model.contagion_probability(
            informed, self._total, self.ctx.behaviour.neighbour_rate_pmin, (t1_ms - t0_ms) / 1000.0
        )
        open_ = ~knows & (chance[self._zone] > 0)
        at = rows[open_]
        # One exponential threshold a party against the hazard gathered so far: a single draw.
        self.w.party_heard[at] -= np.log1p(-chance[self._zone[open_]])
        new = np.flatnonzero(open_)[self.w.party_heard[at] >= self._talk[open_]]
        new = new[self.w.zone_talk_event[self._zone[new]] >= 0]
        if new.size:
            self._cue(new, model.NEIGHBOURS, np.full(new.size, t0_ms),
                      self.w.zone_talk_event[self._zone[new]])

    def _water(self, t0_ms: int) -> None:
        depth = self.w.node_depth_m
        if not (depth > SEEN_DEPTH_M).any():
            return
        walk = self.ctx.city.walk
        sees = depth > SEEN_DEPTH_M
        near = sees.copy()
        near[walk.tail[sees[walk.head]]] = True
        flooded = self.w.zone_flooded_event
        latest = int(flooded.max())
        new = np.flatnonzero(near[self._node] & (self.w.party_alert[self._rows] & 8 == 0))
        if new.size and latest >= 0:
            cause = flooded[self._zone[new]]
            cause = np.where(cause >= 0, cause, latest)
            self._cue(new, model.WATER, np.full(new.size, t0_ms), cause)

    # --- decision -----------------------------------------------------------------------------

    def _cue(self, new: I64, cue: int, t_ms: I64, cause: I64) -> None:
        """Parties `new` (indices of the relevant ones) meet a cue at `t_ms` and decide."""
        w, b = self.w, self.ctx.behaviour
        rows = self._rows[new]
        event = self.emit("party_alerted", t_ms, rows, _OBJECT[cue], cue, cause)
        w.party_alert[rows] |= 1 << cue
        self._tell(new, event)
        undecided = w.party_decision[rows] != 1
        go = undecided & model.leaves(
            b, cue, self._believe[cue][new], self._refuse[new], in_danger=self._danger[new],
            mmi=w.zone_mmi[self._zone[new]],
        )
        able = model.can_leave(b, self._slow[new], self._size[new], self._helped[new])
        by_car = self._by_car(new)
        go &= ~self._shadow[new] | by_car
        self._set_out(new[go & able], cue, t_ms[go & able], event[go & able], by_car[go & able])
        stays = undecided & ((go & ~able) | (~go & (cue == model.ORDER)))
        stays &= w.party_decision[rows] == 0
        guard = model.guards_property(b, self._refuse[new])
        refuses = self._refuse[new] < b.refuse_share
        why = np.where(
            go & ~able, reason("cannot leave alone"),
            np.where(guard, reason("guarding property"),
                     np.where(refuses, reason("refused"), reason("not believed"))),
        )
        self._stay(rows[stays], t_ms[stays], why[stays], event[stays])
        if cue == model.WATER:
            hurry = (w.party_decision[rows] == 1) & ~go
            soon = t_ms + self._prepare_ms(new, cue)
            w.party_depart_ms[rows[hurry]] = np.minimum(
                w.party_depart_ms[rows[hurry]], soon[hurry]
            )

    def _by_car(self, new: I64) -> np.ndarray:
        """Mode choice [new]; an order's mode counts for those who have heard it."""
        out = np.zeros(new.size, np.bool_)
        told = self.w.party_alert[self._rows[new]] & 2 > 0
        for area in [-1, *range(len(self.ctx.plan.order.zones))]:
            for heard in (False, True):
                mine = (self._area[new] == area) & (told == heard)
                rule = self.ctx.plan.order.zones[area].mode if heard and area >= 0 else "free"
                at = new[mine]
                out[mine] = self._mode[at] < model.prob_car(
                    self.ctx.behaviour, self._has_car[at], self._walk_m[at], self._slow[at], rule
                )
        return out

    def _prepare_ms(self, new: I64, cue: int) -> I64:
        seconds = model.preparation_s(
            self.ctx.behaviour, np.full(new.size, cue), self._milling[cue][new],
            self._pickup[new], self._separated[new],
        )
        return np.rint(1000 * seconds).astype(np.int64)

    def _set_out(self, new: I64, cue: int, t_ms: I64, cause: I64, by_car: np.ndarray) -> None:
        w, rows = self.w, self._rows[new]
        prepare: I64 = self._prepare_ms(new, cue)
        mode = np.where(by_car, MODES.index("car"), MODES.index("foot"))
        seconds: F64 = prepare / 1000.0
        w.party_decision_event[rows] = self.emit(
            "party_decided", t_ms, rows, mode, seconds, cause
        )
        w.party_decision[rows] = 1
        w.party_mode[rows] = mode
        w.party_depart_ms[rows] = t_ms + prepare

    def _stay(self, rows: I64, t_ms: I64, why: np.ndarray, cause: I64) -> None:
        w = self.w
        w.party_decision_event[rows] = self.emit("party_refused", t_ms, rows, why, cause=cause)
        w.party_decision[rows] = 2

    def _tell(self, new: I64, event: I64) -> None:
        """The first party of a zone that knows becomes the source of its word of mouth."""
        zone = self._zone[new][::-1]
        first = np.full(self.w.zone_talk_event.size, -1, np.int64)
        first[zone] = event[::-1]
        source = (first >= 0) & (self.w.zone_talk_event < 0)
        self.w.zone_talk_event[source] = first[source]


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
