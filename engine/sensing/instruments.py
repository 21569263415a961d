"""Instruments: seismic network, tide gauge, and the streets as the command centre knows them.

| reading | delay | source |
|---|---|---|
| intensity, automatic | 60 s after strong shaking | an automatic order took 2 minutes in all, 2019 (T13) |
| magnitude | 300 s after the origin | assumption: first network solutions come within five minutes |
| tide gauge | sampled every 60 s, known 60 s later | real-time gauges transmit at one-minute steps |
| link speeds and closures | by report, crews' by radio | `closures.py` |

Limits: instruments neither fail nor err.
"""

from __future__ import annotations

import numpy as np

from engine.component import Component, Context
from engine.lead_time import INTENSITY_S, MAGNITUDE_S
from engine.sensing.closures import CARD, StreetReports

INTENSITY_DELAY_MS = round(1000 * INTENSITY_S)
MAGNITUDE_DELAY_MS = round(1000 * MAGNITUDE_S)
GAUGE_STEP_MS = 60_000
class Instruments(StreetReports, Component):
    """Copies truth to `seen_*` with the delays above."""

    name = "instruments"
    reads = (
        "zone_mmi", "zone_shaken_event", "quake_event", "gauge_level_m", "gauge_event",
        "edge_speed_mps", "edge_closed", "edge_flow_speed_mps", "street_event", "street_state",
        "zone_telecom_on", "unit_edge", "street_report_ms", "street_changes", "seen_edge_ms",
        "seen_street_event", "seen_edge_closed", "unit_x_m", "unit_y_m", "unit_phase", "unit_event",
    )
    writes = (
        "seen_mmi", "seen_magnitude", "seen_mmi_event", "seen_gauge_m", "seen_gauge_event",
        "seen_magnitude_event", "seen_edge_speed_mps", "seen_edge_closed", "seen_edge_ms",
        "seen_street_event", "street_report_ms", "street_changes",
    )
    emits = ("intensity_reported", "magnitude_reported", "gauge_reported", "street_reported")
    card = CARD

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._prepare_streets()

    def start(self) -> None:
        self.w.seen_edge_speed_mps[:] = self.ctx.city.edges.free_speed_mps

    def step(self, t0_ms: int, t1_ms: int) -> None:
        self._seismic(t1_ms)
        self._gauges(t0_ms, t1_ms)
        self._streets(t0_ms, t1_ms)
        for _, event, row in self.ctx.mail.inputs:
            if row["what"] == "gauge":
                self.w.seen_gauge_m[0] = row["level_m"]
                self._report_gauge(0, t0_ms, event)

    def _seismic(self, t1_ms: int) -> None:
        log_time = self.ctx.log.column("t_ms")
        shaken = np.flatnonzero(self.w.zone_shaken_event >= 0)
        if shaken.size and self.w.seen_mmi_event[0] < 0:
            # The network reports the strongest reading; the first zone of the highest intensity.
            zone = int(shaken[np.argmax(self.w.zone_mmi[shaken])])
            cause = int(self.w.zone_shaken_event[zone])
            t = int(log_time[self.w.zone_shaken_event[shaken]].max()) + INTENSITY_DELAY_MS
            if t < t1_ms:
                mmi = float(self.w.zone_mmi[zone])
                self.w.seen_mmi[0] = mmi
                self.w.seen_mmi_event[0] = self.emit(
                    "intensity_reported", t, 0, value=mmi, cause=cause
                )[0]
        quake = int(self.w.quake_event[0])
        if quake >= 0 and self.w.seen_magnitude_event[0] < 0:
            t = int(log_time[quake]) + MAGNITUDE_DELAY_MS
            if t < t1_ms:
                magnitude = float(self.ctx.log.column("value")[quake])
                self.w.seen_magnitude[0] = magnitude
                self.w.seen_magnitude_event[0] = self.emit(
                    "magnitude_reported", t, 0, value=magnitude, cause=quake
                )[0]

    def _gauges(self, t0_ms: int, t1_ms: int) -> None:
        if (t0_ms // GAUGE_STEP_MS) == (t1_ms // GAUGE_STEP_MS):
            return
        # What is sampled at this minute is what the last completed tick holds; it is known one
        # step later, which is the next time this runs.
        self.w.seen_gauge_m[:] = self.w.gauge_level_m
        for gauge in np.flatnonzero((self.w.gauge_event >= 0) & (self.w.seen_gauge_event < 0)):
            self._report_gauge(int(gauge), t1_ms + GAUGE_STEP_MS, int(self.w.gauge_event[gauge]))

    def _report_gauge(self, gauge: int, t_ms: int, cause: int) -> None:
        rows = self.emit(
            "gauge_reported", t_ms, gauge, value=float(self.w.seen_gauge_m[gauge]), cause=cause
        )
        self.w.seen_gauge_event[gauge] = rows[0]
