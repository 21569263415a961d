"""Cameras at venues: how many heads each sees, sent as a number; and what officers there report.

Privacy. A camera counts heads in its field and sends that one number. No picture, face, track or
identity leaves it, and the model has none to give: World holds the counts only.

Counting error. A count is the number of heads times 1 + e, rounded; e is normal with mean 0 and the
scenario's mean absolute error `count_error`, drawn anew for every count, which is an assumption: errors
of one camera hang together, by view and light. 0.086 by default: CSRNet (Li, Zhang and Chen 2018) on
street views, ShanghaiTech part B, has a mean absolute error of 10.6 heads (confirmed by a second
source) where the mean picture holds 123.6 (recalled).

A count goes out over the telephone network: without telephone service or electricity in the venue's
zone the camera is silent (no battery: an assumption), and the last count grows old. Officers who have
set up at the venue report by radio when nobody is held back any more and the densest place is below
`FREE_PM2`, where people still choose their way: the upper end of level of service E of walkways
(Fruin 1971).

Limits: no camera breaks down or is blocked; the field counts as flat ground, all of it in view.
"""

from __future__ import annotations

import math

import numpy as np
import shapely

from engine import rng
from engine.component import Component, Context
from engine.crowd.ground import polygon
from engine.crowd.model import FRUIN_PM2
from engine.events import reason
from engine.world import NEVER, U_STAFFING

FREE_PM2 = FRUIN_PM2[-1]
PER_VENUE = 1000  #: cameras of a venue share one key with it


class Cameras(Component):
    """Counts heads at venues and sends numbers, never identities; passes on the officers' report."""

    name = "cameras"
    reads = (
        "camera_people", "venue_inside", "venue_event", "venue_held", "venue_pm2",
        "zone_telecom_on", "zone_power_on", "zone_lifeline_event", "control_staffed",
        "control_event", "venue_alarm_event", "unit_control", "unit_phase", "camera_silent_event",
    )
    writes = ("seen_camera_pm2", "seen_camera_event", "camera_silent_event", "seen_venue_eased_event")
    emits = ("camera_counted", "camera_silent", "crowd_eased")
    card = (
        ("error of counts", 0.086, "share", "CSRNet on ShanghaiTech part B: 10.6 of 123.6 heads; "
         "independent from count to count", "assumption"),
        ("density below which a crowd has eased", FREE_PM2, "/m2", "Fruin 1971, level of service E",
         "sourced"),
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        site = context.site
        self._zone = site.zone_of_node[site.venue_node]
        self._key, self._area_m2 = [], []
        for row, venue in enumerate(site.venues):
            ground = polygon(venue.area, "area")
            blocks = shapely.union_all([polygon(ring, "obstacles") for ring in venue.obstacles])
            for number, camera in enumerate(venue.cameras):
                self._key.append(PER_VENUE * row + number)
                ring = polygon(camera.ring, f"cameras.{number}")
                self._area_m2.append(max(ring.intersection(ground).difference(blocks).area, 1e-9))

    def due(self, now_ms: int) -> int:
        w = self.w
        busy = (w.venue_event >= 0) & (w.venue_inside > 0) | (w.venue_alarm_event >= 0)
        return now_ms if busy.any() else NEVER

    def step(self, t0_ms: int, t1_ms: int) -> None:
        for venue, place in enumerate(self.ctx.scenario.venues):
            if self.w.venue_event[venue] < 0:
                continue
            since_ms, every_ms = t0_ms - round(1000 * place.start_s), round(1000 * place.sample_s)
            number = since_ms // every_ms
            if (since_ms - self.ctx.tick_ms) // every_ms < number and self.w.venue_inside[venue]:
                for camera in np.flatnonzero(self.ctx.site.camera_venue == venue):
                    self._count(int(camera), venue, int(number), place.count_error, t0_ms)
            self._eased(venue, t0_ms)

    def _count(self, camera: int, venue: int, number: int, error: float, t_ms: int) -> None:
        w, zone = self.w, self._zone[venue]
        dead = [why for why, on in (("no electricity", w.zone_power_on[zone]),
                                    ("no telephone service", w.zone_telecom_on[zone])) if not on]
        if dead:
            if w.camera_silent_event[camera] < 0:
                w.camera_silent_event[camera] = self.emit(
                    "camera_silent", t_ms, camera, reason(dead[0]),
                    cause=w.zone_lifeline_event[zone])[0]
            return
        # The mean absolute value of a normal of spread 1 is sqrt(2 / pi).
        spread = error * math.sqrt(math.pi / 2)
        draw = rng.normal(self.ctx.seed, "camera.count", self._key[camera], number)[0]
        heads = max(0, round(int(w.camera_people[camera]) * (1.0 + spread * float(draw))))
        w.camera_silent_event[camera] = -1
        w.seen_camera_pm2[camera] = heads / self._area_m2[camera]
        w.seen_camera_event[camera] = self.emit(
            "camera_counted", t_ms, camera, venue, heads, w.venue_event[venue])[0]

    def _eased(self, venue: int, t_ms: int) -> None:
        """Officers on the spot report that nobody is held and it is no longer dense; where all have gone
        whoever has come first does."""
        w, control = self.w, int(self.ctx.site.venue_control[venue])
        if w.venue_alarm_event[venue] < 0 or w.venue_held[venue]:
            return
        there = (w.unit_control == control) & (w.unit_phase == U_STAFFING)
        if not (w.control_staffed[control] or (w.venue_inside[venue] == 0 and there.any())):
            return
        if w.venue_pm2[venue] < FREE_PM2:
            cause = max(int(w.control_event[control]), int(w.venue_event[venue]))
            w.seen_venue_eased_event[venue] = self.emit(
                "crowd_eased", t_ms, venue, value=float(w.venue_pm2[venue]), cause=cause)[0]
