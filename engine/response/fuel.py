"""Fuel for generators: which site gets the next delivery when the mains are off.

The city's fuel trucks (`engine/levers/response.py`) set out with the first zone's order. A free truck
takes the site highest in the plan's order that runs dry within `MARGIN_MS` after the delivery could be
there, of one rank the one that is empty first; `delivery_s` later its running time is longer by
`hours_a_delivery`. Sites: hospitals (own tank `hospitals.generator_h`), and zone by zone the
telephone masts and the sirens (own battery, `Channel.battery_s`). A site with mains asks for nothing; a
damaged hospital neither. Trucks do not stand in traffic: `delivery_s` is loading, way and pumping
(assumption). No truck sets out for a site inside the exclusion line that it could not serve before
that shuts: such sites wait for the all-clear. A zone lies inside where most of its junctions do.
"""

from __future__ import annotations

import numpy as np

from engine.city import I64, B
from engine.component import Component, Context
from engine.events import reason
from engine.world import NEVER

MARGIN_MS = 3_600_000
CREW = 2
HOUR_MS = 3_600_000
_DAMAGED = reason("hospital damaged")

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("fuel is sent to who runs dry within", MARGIN_MS // 60_000, "min", "assumption", "assumption"),
    ("crew of a fuel truck", CREW, "people", "assumption", "assumption"),
)


class Fuel(Component):
    """Deliveries of fuel over [t0, t1)."""

    name = "fuel"
    reads = (
        "zone_power_on", "zone_lifeline_event", "zone_order_event", "zone_order_ms", "all_clear_event",
        "hospital_dark_ms", "hospital_fuel_ms", "hospital_fuel_event", "zone_mast_fuel_ms",
        "zone_siren_fuel_ms", "truck_free_ms", "truck_site", "fuel_event", "hospital_shut",
        "exclusion_ms",
    )
    writes = (
        "hospital_fuel_ms", "hospital_fuel_event", "zone_mast_fuel_ms", "zone_siren_fuel_ms",
        "truck_free_ms", "truck_site", "fuel_event",
    )
    emits = ("fuel_trucks_sent", "hospital_fuelled", "channel_fuelled")
    card = CARD

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        city, site, plan = context.city, context.site, context.plan
        zones = city.zones.population.size
        kinds = [channel.kind for channel in plan.channels]
        self._channel = {"telephone": -1, "sirens": -1}
        for name, kind in (("telephone", "cell_broadcast"), ("sirens", "siren")):
            if kind in kinds:
                self._channel[name] = kinds.index(kind)
        if plan.fuel is None:
            return
        # A site is a number: a facility row, then zone for masts, then zone for sirens.
        first = city.facilities.kind.size
        self._first, self._zones = first, zones
        shut = site.exclusion_node
        rank = np.full(first + 2 * zones, -1, np.int64)
        names = [str(name) for name in city.facilities.name]
        for place, word in enumerate(plan.fuel.order):
            if word == "hospitals":
                mine = np.asarray(site.hospital, np.int64)
            elif word in self._channel:
                mine = first + np.arange(zones) + (zones if word == "sirens" else 0)
            else:
                mine = np.array([names.index(word)], np.int64)
            rank[mine[rank[mine] < 0]] = place
        self._rank = rank
        self._zone = np.r_[site.zone_of_node[city.facilities.node], np.arange(zones),
                           np.arange(zones)].astype(np.int64)
        inside = np.bincount(site.zone_of_node, shut, zones)
        middle = inside > 0.5 * np.maximum(np.bincount(site.zone_of_node, minlength=zones), 1)
        self._inside = np.r_[shut[city.facilities.node], middle, middle]
        own = np.zeros(rank.size, np.int64)
        own[:first] = round(plan.hospitals.generator_h * HOUR_MS)
        for k, name in enumerate(("telephone", "sirens")):
            row = self._channel[name]
            battery = plan.channels[row].battery_s if row >= 0 else 0.0
            own[first + k * zones : first + (k + 1) * zones] = round(battery * 1000)
        self._own = own

    def step(self, t0_ms: int, t1_ms: int) -> None:
        fuel, w = self.ctx.plan.fuel, self.w
        if fuel is None:
            return
        if w.fuel_event[0] < 0:
            zone = int(np.argmin(w.zone_order_ms))
            if w.zone_order_event[zone] < 0:
                return
            t = int(w.zone_order_ms[zone])
            w.fuel_event[0] = self.emit("fuel_trucks_sent", t, 0, value=CREW * fuel.trucks,
                                        cause=w.zone_order_event[zone])[0]
            w.truck_free_ms[:] = t
        self._deliver(t1_ms)
        for truck in np.flatnonzero((w.truck_site < 0) & (w.truck_free_ms < t1_ms)):
            site = self._next(t0_ms)
            if site < 0:
                break
            w.truck_site[truck] = site
            w.truck_free_ms[truck] = max(int(w.truck_free_ms[truck]), t0_ms) + round(
                fuel.delivery_s * 1000)

    def _deliver(self, t1_ms: int) -> None:
        w, fuel = self.w, self.ctx.plan.fuel
        assert fuel is not None
        done = np.flatnonzero((w.truck_site >= 0) & (w.truck_free_ms < t1_ms))
        for truck in done[np.lexsort((done, w.truck_free_ms[done]))]:
            site, t = int(w.truck_site[truck]), int(w.truck_free_ms[truck])
            more = round(fuel.hours_a_delivery * HOUR_MS)
            cause = max(int(w.fuel_event[0]), int(w.zone_lifeline_event[self._zone[site]]))
            if site < self._first:
                w.hospital_fuel_ms[site] += more
                w.hospital_fuel_event[site] = self.emit(
                    "hospital_fuelled", t, site, value=fuel.hours_a_delivery, cause=cause)[0]
            else:
                masts = site < self._first + self._zones
                (w.zone_mast_fuel_ms if masts else w.zone_siren_fuel_ms)[self._zone[site]] += more
                self.emit("channel_fuelled", t, self._zone[site],
                          self._channel["telephone" if masts else "sirens"],
                          fuel.hours_a_delivery, cause)
            w.truck_site[truck] = -1

    def _next(self, t_ms: int) -> int:
        """Site that gets the next delivery, -1 none."""
        w, fuel = self.w, self.ctx.plan.fuel
        assert fuel is not None
        ends = self._ends()
        needs: B = (self._rank >= 0) & (
            ends < t_ms + round(fuel.delivery_s * 1000) + MARGIN_MS)
        needs[w.truck_site[w.truck_site >= 0]] = False
        back_ms = t_ms + round(fuel.delivery_s * 1000)
        if w.all_clear_event[0] < 0 and back_ms >= w.exclusion_ms[0]:
            needs &= ~self._inside
        rows = np.flatnonzero(needs)
        if rows.size == 0:
            return -1
        return int(rows[np.lexsort((rows, ends[rows], self._rank[rows]))[0]])

    def _ends(self) -> I64:
        """When each site runs dry [sites], NEVER with mains."""
        w, first = self.w, self._first
        since = self.ctx.log.column("t_ms")[np.maximum(w.zone_lifeline_event, 0)]
        dark = np.where(w.zone_power_on, NEVER, since)
        begin = np.r_[np.minimum(w.hospital_dark_ms, dark[self._zone[:first]]), dark, dark]
        damaged = np.zeros(begin.size, np.bool_)
        damaged[:first] = w.hospital_shut == _DAMAGED
        extra = np.r_[w.hospital_fuel_ms, w.zone_mast_fuel_ms, w.zone_siren_fuel_ms]
        return np.where((begin >= NEVER) | damaged, NEVER, begin + self._own + extra)
