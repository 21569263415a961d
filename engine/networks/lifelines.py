"""Electricity and telephone service by the scenario's schedule.

Which zones lose a service is drawn once per zone and outage; a zone is out while any outage that
names it lasts. Limits: no network is computed here, an outage has no cause inside the city other
than the shaking that preceded it, and restoration is part of the schedule.
"""

from __future__ import annotations

import numpy as np

from engine import rng
from engine.component import Component, Context
from engine.world import NEVER


class Lifelines(Component):
    """Scheduled outages of power and telecom, and injects that switch a service."""

    name = "lifelines"
    reads = ("zone_shaken_event",)
    writes = ("zone_power_on", "zone_telecom_on", "zone_lifeline_event")
    emits = ("power_lost", "power_restored", "telecom_lost", "telecom_restored")

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        city, outages = context.city, context.scenario.outages
        town, towns = city.zone_municipality
        zones = np.arange(city.zones.population.size)
        self._hit = []
        for row, outage in enumerate(outages):
            hit = rng.uniform(context.seed, "lifeline.zone", zones, row) < outage.share
            if outage.municipality is not None:
                hit &= town == towns.index(outage.municipality)
            self._hit.append(hit)
        times = {int(t * 1000) for o in outages for t in (o.from_s, o.to_s)}
        self._times = np.array(sorted(times), np.int64)

    def due(self, now_ms: int) -> int:
        later = self._times[self._times >= now_ms]
        return int(later[0]) if later.size else NEVER

    def step(self, t0_ms: int, t1_ms: int) -> None:
        for _, event, row in self.ctx.mail.inputs:
            if row["what"] == "outage":
                target = np.full(self.w.zone_power_on.size, bool(row["service_on"]))
                self._switch(row["service"], target, t0_ms, event)
        for time in self._times[(self._times >= t0_ms) & (self._times < t1_ms)]:
            for service in ("power", "telecom"):
                on = np.ones(self.w.zone_power_on.size, np.bool_)
                changes = False
                for outage, hit in zip(self.ctx.scenario.outages, self._hit, strict=True):
                    if outage.service != service:
                        continue
                    changes |= int(time) in (int(outage.from_s * 1000), int(outage.to_s * 1000))
                    if outage.from_s * 1000 <= time < outage.to_s * 1000:
                        on &= ~hit
                if changes:
                    self._switch(service, on, int(time), None)

    def _switch(self, service: str, on: np.ndarray, t_ms: int, event: int | None) -> None:
        """Bring a service to the state `on` [zones], with an event for every zone that changes."""
        state = self.w.zone_power_on if service == "power" else self.w.zone_telecom_on
        for goes_on, kind in ((False, f"{service}_lost"), (True, f"{service}_restored")):
            zones = np.flatnonzero((state != on) & (on == goes_on))
            shaken = self.w.zone_shaken_event[zones]
            first = np.where(shaken >= 0, shaken, self.ctx.start_event)
            last = self.w.zone_lifeline_event[zones]
            cause = first if not goes_on else np.where(last >= 0, last, first)
            rows = self.emit(kind, t_ms, zones, cause=cause if event is None else event)
            self.w.zone_lifeline_event[zones] = rows
        state[:] = on
