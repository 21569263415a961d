"""The command centre's evacuation order, its phases, shelters, the predicted wave, the all-clear.

The order is decided at the first report that meets the plan's trigger, or when a person orders it
(an input). A confirmed order waits `confirmation_s` for those who answer for it, except where a
person gave it. It goes out `delay_s` later, zone by zone with each zone's offset: a zone is ordered
when any of its inhabited junctions lies in an ordered area. Shelters open `shelter_open_s` after
the order. The sea's service cancels the alert at the earliest `earliest_s` after the order, when no
gauge showed more than `gauge_m` during the last hour; the all-clear follows with the committee's
confirmation where the plan asks for it and not before `earliest_hour`, or when a person gives it.

Predicted first wave, from reports alone (the exclusion line depends on it): after a report of
intensity `STRONG_MMI` or more the plan's `exclusion.arrival_s`, which counts from that report. With
magnitude and place the wave's way is taken from the nearest end of a rupture of length
10^(-2.477 + 0.585 M) km (Strasser, Arango and Bommer 2010, interface events; recalled, unconfirmed)
centred on the epicentre, to the danger zone's middle, at sqrt(g x 200 m) (mean depth of shelf and
upper slope, an assumption); never earlier than `arrival_s`; below magnitude `WAVE_MAGNITUDE` no wave
is expected (tsunami warning centres' usual threshold; recalled, unconfirmed). A gauge that reports a
disturbed sea means that the wave is there.
"""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np

from engine.command import crowds, shelters
from engine.component import Component, Context
from engine.events import KIND_CODE
from engine.lead_time import WAVE_MAGNITUDE, wave_way_s
from engine.shelters import CARD
from engine.world import NEVER

QUIET_MS = 3_600_000
STRONG_MMI = 6.0

class Hub(Component):
    """Decides and issues the order; sees only `seen_*`."""

    name = "hub"
    reads = (
        "seen_mmi", "seen_mmi_event", "seen_magnitude", "seen_magnitude_event", "seen_gauge_m",
        "seen_gauge_event", "gauge_above_ms", "predicted_ms", "predicted_event",
        "order_confirmed_event", "seen_camera_pm2", "seen_camera_event", "seen_venue_eased_event",
        "incident_state", "incident_venue", "incident_event", "incident_count", "venue_alarm_event",
        "venue_over_event",
    )
    writes = (
        "order_decided_ms", "order_event", "order_confirmed_event", "zone_order_ms", "zone_order_event",
        "all_clear_event", "shelter_open_event", "shelter_held_event", "gauge_above_ms",
        "predicted_ms", "predicted_event", "alert_cancelled_event", "venue_alarm_event",
        "venue_over_event",
    )
    emits = (
        "order_decided", "order_confirmed", "order_issued", "shelter_opened", "all_clear",
        "arrival_predicted", "shelter_staffed", "shelter_held", "alert_cancelled",
        "crowd_crush_risk", "crowd_crush_over",
    )
    card = (
        ("rupture length", "10^(-2.477 + 0.585 M)", "km", "Strasser et al. 2010 (recalled)",
         "assumption"),
        *CARD, *crowds.CARD,
        ("depth for the predicted wave's speed", 200, "m", "assumption", "assumption"),
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        # A zone takes the earliest offset among the ordered areas of its parties' junctions.
        zones = context.city.zones.population.size
        area = context.site.order_zone[context.parties.node]
        offsets = np.array([z.offset_s * 1000 for z in context.plan.order.zones])
        self._offset = np.full(zones, np.inf)
        self._phase = np.full(zones, -1)
        for row in np.argsort(-offsets, kind="stable"):
            mine = np.unique(context.parties.zone[area == row])
            self._offset[mine] = offsets[row]
            self._phase[mine] = row

    def step(self, t0_ms: int, t1_ms: int) -> None:
        self._watch_sea(t0_ms)
        self._predict()
        crowds.grade(self, t0_ms)
        if self.w.order_event[0] < 0:
            self._decide(t0_ms)
        if self.w.order_event[0] >= 0:
            if self.w.all_clear_event[0] < 0:  # what is not ordered by then lapses
                self._confirm(t1_ms)
                self._issue(t1_ms)
            self._open_shelters(t1_ms)
            self._lift(t0_ms)

    def _watch_sea(self, t0_ms: int) -> None:
        if np.abs(self.w.seen_gauge_m).max() > self.ctx.plan.all_clear.gauge_m:
            self.w.gauge_above_ms[0] = t0_ms

    def _predict(self) -> None:
        """Expect the first wave from the newest report."""
        w, log = self.w, self.ctx.log
        if w.all_clear_event[0] >= 0:
            return
        known, times = int(w.predicted_event[0]), log.column("t_ms")
        earliest = round(self.ctx.plan.exclusion.arrival_s * 1000)
        felt, solved = int(w.seen_mmi_event[0]), int(w.seen_magnitude_event[0])
        gauges = w.seen_gauge_event[w.seen_gauge_event >= 0]
        at_gauge = int(gauges.min()) if gauges.size else -1
        if felt > known and w.seen_mmi[0] >= STRONG_MMI and solved < 0:
            self._expect_wave(int(times[felt]) + earliest, int(times[felt]), felt)
        if solved > known and self.ctx.scenario.earthquake is not None and at_gauge <= known:
            quake = self.ctx.scenario.earthquake  # its place is reported with the magnitude
            if w.seen_magnitude[0] < WAVE_MAGNITUDE:
                w.predicted_ms[0] = NEVER
                return
            travel = round(1000 * wave_way_s(
                self.ctx.city, quake, self.ctx.site.danger_node, float(w.seen_magnitude[0])))
            self._expect_wave(max(travel, earliest), int(times[solved]), solved)
        if at_gauge > known and times[at_gauge] < w.predicted_ms[0]:
            self._expect_wave(int(times[at_gauge]), int(times[at_gauge]), at_gauge)

    def _expect_wave(self, arrival_ms: int, t_ms: int, cause: int) -> None:
        self.w.predicted_ms[0] = arrival_ms
        self.w.predicted_event[0] = self.emit(
            "arrival_predicted", t_ms, 0, value=arrival_ms / 1000.0, cause=cause
        )[0]

    def _decide(self, t0_ms: int) -> None:
        trigger = self.ctx.plan.order.trigger
        if trigger is None:
            return
        times = self.ctx.log.column("t_ms")
        met: list[tuple[int, int]] = []
        if trigger.intensity_mmi is not None and self.w.seen_mmi[0] >= trigger.intensity_mmi:
            met.append((int(times[self.w.seen_mmi_event[0]]), int(self.w.seen_mmi_event[0])))
        if trigger.magnitude is not None and self.w.seen_magnitude[0] >= trigger.magnitude:
            event = int(self.w.seen_magnitude_event[0])
            met.append((int(times[event]), event))
        if trigger.gauge_m is not None:
            for gauge in np.flatnonzero(self.w.seen_gauge_event >= 0):
                if abs(self.w.seen_gauge_m[gauge]) >= trigger.gauge_m:
                    met.append((t0_ms, int(self.w.seen_gauge_event[gauge])))
        if trigger.at_s is not None and trigger.at_s * 1000 <= t0_ms:
            met.append((int(trigger.at_s * 1000), self.ctx.start_event))
        met += [
            (t0_ms, event) for _, event, row in self.ctx.mail.inputs if row["what"] == "order"
        ]
        if met:
            t, cause = min(met)
            self.w.order_decided_ms[0] = t
            self.w.order_event[0] = self.emit("order_decided", t, 0, cause=cause)[0]
            order = self.ctx.plan.order
            by_hand = self.ctx.log.column("kind")[cause] == KIND_CODE["input_applied"]
            waits_s = 0.0 if by_hand else order.confirmation_s
            if waits_s == 0.0:
                self.w.order_confirmed_event[0] = self.w.order_event[0]
            goes_out = t + (waits_s + order.delay_s) * 1000 + self._offset
            due = np.isfinite(goes_out)
            self.w.zone_order_ms[due] = goes_out[due].astype(np.int64)

    def _confirm(self, t1_ms: int) -> None:
        """The confirmation arrives, `confirmation_s` after the decision."""
        took_s = self.ctx.plan.order.confirmation_s
        t = int(self.w.order_decided_ms[0] + took_s * 1000)
        if self.w.order_confirmed_event[0] < 0 and t < t1_ms:
            self.w.order_confirmed_event[0] = self.emit(
                "order_confirmed", t, 0, value=took_s, cause=self.w.order_event[0]
            )[0]

    def _issue(self, t1_ms: int) -> None:
        zones = np.flatnonzero((self.w.zone_order_ms < t1_ms) & (self.w.zone_order_event < 0))
        zones = zones[np.argsort(self.w.zone_order_ms[zones], kind="stable")]
        self.w.zone_order_event[zones] = self.emit(
            "order_issued", self.w.zone_order_ms[zones], zones, self._phase[zones],
            cause=max(int(self.w.order_confirmed_event[0]), int(self.w.order_event[0])),
        )

    def _open_shelters(self, t1_ms: int) -> None:
        destinations = self.ctx.plan.destinations
        if not destinations.shelters:
            return
        issued = self.w.zone_order_ms[self.w.zone_order_event >= 0]
        first = int(issued.min(initial=NEVER))
        if first >= NEVER or first + destinations.shelter_open_s * 1000 >= t1_ms:
            return
        shelters.open_due(self, first + int(destinations.shelter_open_s * 1000))

    def _lift(self, t0_ms: int) -> None:
        if self.w.all_clear_event[0] >= 0:
            return
        by_hand = [event for _, event, row in self.ctx.mail.inputs if row["what"] == "all_clear"]
        earliest = self.w.order_decided_ms[0] + self.ctx.plan.all_clear.earliest_s * 1000
        quiet = t0_ms - int(self.w.gauge_above_ms[0]) > QUIET_MS
        if self.w.alert_cancelled_event[0] < 0 and t0_ms >= earliest and quiet:
            self.w.alert_cancelled_event[0] = self.emit(
                "alert_cancelled", t0_ms, 0, cause=self.w.order_event[0])[0]
        cause = by_hand[0] if by_hand else int(self.w.alert_cancelled_event[0])
        if by_hand or (cause >= 0 and self._authorised(cause, t0_ms)):
            self.w.all_clear_event[0] = self.emit("all_clear", t0_ms, 0, cause=cause)[0]

    def _authorised(self, cancelled: int, t0_ms: int) -> bool:
        """Whether those who end the order have confirmed it, and the hour is not too early."""
        clear, ctx = self.ctx.plan.all_clear, self.ctx
        since_ms = t0_ms - int(ctx.log.column("t_ms")[cancelled])
        now = ctx.scenario.start + timedelta(milliseconds=t0_ms)
        local = now.astimezone(ZoneInfo(ctx.city.timezone))
        hour = local.hour + local.minute / 60 + local.second / 3600
        return since_ms >= clear.confirmation_s * 1000 and hour >= clear.earliest_hour
