"""Channels that carry the order: which sounding reaches which party, and when it takes it in.

Every draw of a party for a channel is made once: whether and at which sounding it notices it, how
long it takes, and whether its radio has a battery. From then on it hears every sounding that works
(assumption): each is the order met again.

Loudspeaker cars. Nobody inside the exclusion line hears one that would come by later than
`exclusion.lead_s` before the predicted first wave as the command centre knows it then: like all who work
in the zone they are out of it by that time (so, too, the denial of a rumour). Where no wave is predicted
nothing bars them. Limits: they and their crews are the municipalities' own, none of the city's units;
their ways are not driven.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine import rng
from engine.city import I64, B
from engine.component import Component, Context
from engine.people import warning as model
from engine.world import NEVER

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("loudspeaker cars are outside the exclusion line by", "exclusion.lead_s before the predicted wave", "",
     "as units are; cars and crews of the municipalities, none of the city's units", "assumption"),
)


def cars_barred(host: Component, rows: I64, t_ms: I64) -> B:
    """Which parties [rows] are inside the exclusion line, where no loudspeaker car may be at `t_ms` [rows].
    """
    w = host.w
    if w.predicted_ms[0] >= NEVER:
        return np.zeros(rows.size, np.bool_)
    inside = host.ctx.site.exclusion_node[w.party_node[rows]]
    return np.asarray(inside & (t_ms >= w.exclusion_ms[0]), np.bool_)


class Broadcast:
    """The channels of a plan for parties `rows` in `zone` [rows]; `ordered` those in ordered areas."""

    def __init__(self, context: Context, rows: I64, zone: I64, ordered: B, night: bool) -> None:
        self.ctx, self.rows, self.zone, self.ordered = context, rows, zone, ordered
        self.channels = context.plan.channels
        self.total = np.bincount(zone, minlength=context.city.zones.population.size)
        key = context.parties.first[rows].astype(np.int64)
        b, seed, draw = context.behaviour, context.seed, rng.uniform
        self.sounding: list[I64] = []
        self.delay_ms: list[I64] = []
        self.listener: list[Any] = []
        for k, channel in enumerate(self.channels):
            reach = model.channel_reach(channel.kind, b, night=night, coverage=channel.coverage)
            self.sounding.append(model.first_sounding(
                draw(seed, "people.channel", key, 3 * k), reach, b.notice_share))
            delay = model.channel_delay_s(
                channel.kind, b, draw(seed, "people.channel", key, 3 * k + 1))
            self.delay_ms.append(np.rint(1000 * delay).astype(np.int64))
            self.listener.append(draw(seed, "people.channel", key, 3 * k + 2))

    def step(self, host: Component, t0_ms: int, t1_ms: int) -> I64:
        """Sound what is due; return the parties (indices) that met the order again."""
        w = host.w
        again = np.zeros(self.rows.size, np.bool_)
        if not (w.zone_order_event >= 0).any():
            return np.flatnonzero(again)
        for k, channel in enumerate(self.channels):
            since = t1_ms - (w.zone_order_ms + int(channel.start_s * 1000))
            repeat = int(channel.repeat_s * 1000)
            # Number of the sounding that falls into this tick, -1 where none does.
            last, before = (since - 1) // repeat, (since - (t1_ms - t0_ms) - 1) // repeat
            number = np.full(self.total.size, -1, np.int64)
            now = (w.zone_order_event >= 0) & (since > 0) & (last > before)
            number[now] = last[now]
            sounding = np.flatnonzero(number >= 0)
            if sounding.size == 0:
                continue
            t = w.zone_order_ms + int(channel.start_s * 1000) + number * repeat
            self._begin(host, k, self._allowed(host, k, sounding, t), t)
            mine = number[self.zone]
            missed = w.party_missed[self.rows * len(self.channels) + k]
            first = self.sounding[k] + missed
            reached = (mine >= 0) & self.ordered & (self.sounding[k] >= 0) & (first <= mine)
            due = np.flatnonzero(reached)
            works = self._works(host, k, due, t)
            new = first[due] == mine[due]
            lost = self.rows[due[new & ~works]] * len(self.channels) + k
            w.party_missed[lost] += 1
            self._take_in(host, k, due[new & works], t)
            again[due[~new & works]] = True
        return np.flatnonzero(again & (w.party_alert[self.rows] & 2 > 0))

    def _take_in(self, host: Component, k: int, due: I64, t: I64) -> None:
        w = host.w
        heard = t[self.zone[due]] + self.delay_ms[k][due]
        rows = self.rows[due]
        sooner = heard < w.party_order_ms[rows]
        w.party_order_ms[rows[sooner]] = heard[sooner]
        w.party_order_cause[rows[sooner]] = w.zone_channel_event[
            self.zone[due[sooner]] * len(self.channels) + k
        ]

    def _allowed(self, host: Component, k: int, zones: I64, t: I64) -> I64:
        """Those of the zones in which the channel may sound at `t` [zones of the city] for anybody."""
        if self.channels[k].kind != "loudspeaker":
            return zones
        mine = np.flatnonzero(self.ordered & np.isin(self.zone, zones))
        heard = mine[~cars_barred(host, self.rows[mine], t[self.zone[mine]])]
        return np.intersect1d(zones, self.zone[heard])

    def _begin(self, host: Component, k: int, zones: I64, t: I64) -> None:
        """The first sounding of a channel in a zone is an event."""
        w = host.w
        at = zones * len(self.channels) + k
        new = w.zone_channel_event[at] < 0
        zones, at = zones[new], at[new]
        rows = np.isin(self.zone, zones)
        reached = np.bincount(
            self.zone[rows & (self.sounding[k] >= 0)], minlength=self.total.size
        ) / np.maximum(self.total, 1)
        w.zone_channel_event[at] = host.emit(
            "channel_started", t[zones], np.full(zones.size, k), zones, reached[zones],
            w.zone_order_event[zones],
        )

    def _works(self, host: Component, k: int, due: I64, t: I64) -> B:
        w, zone = host.w, self.zone[due]
        lifeline = w.zone_lifeline_event[zone]
        since = self.ctx.log.column("t_ms")[np.maximum(lifeline, 0)]
        fuel_ms = {"siren": w.zone_siren_fuel_ms, "cell_broadcast": w.zone_mast_fuel_ms}.get(
            self.channels[k].kind, np.zeros(self.total.size))
        works = model.channel_works(
            self.channels[k].kind, self.ctx.behaviour, self.listener[k][due],
            power=w.zone_power_on[zone], telecom=w.zone_telecom_on[zone],
            out_s=(t[zone] - since - fuel_ms[zone]) / 1000.0, battery_s=self.channels[k].battery_s,
        )
        if self.channels[k].kind == "loudspeaker":
            works = works & ~cars_barred(host, self.rows[due], t[zone] + self.delay_ms[k][due])
        return works
