"""A crush is feared at a venue: graded from cameras' counts and from calls, closed on report.

A count of `crowds.alarm_pm2` persons per m2 or more in a camera's field opens an incident, where the
plan has somebody watch the cameras; so does an answered call from the venue. Officers are sent
(dispatch) and the incident stays open until they report that the crowd has eased, after which only
newer counts and calls open another.

The plan's level is 4 per m2 unless it says otherwise: the Guide to Safety at Sports Grounds allows 47
people on 10 m2 of a standing area, and crowds become dangerous from 5 per m2 on (Still), so a watcher
who waits for these is late (the choice of 4 is an assumption). `crowds.inflow_pms` is 1 person a metre
and second: the guide reckons with 82 a metre and minute at most, and less than 60 were observed
leaving a stadium (Larsson and others 2021, Fire Safety Journal 120: 103040).
"""

from __future__ import annotations

import numpy as np

from engine.component import Component
from engine.world import I_ASSIGNED, I_KNOWN

CARD = (
    ("density that alarms", 4.0, "/m2", "crowds.alarm_pm2 unless given: below the 4.7 of the Guide to "
     "Safety at Sports Grounds (recalled) and Still's 5", "assumption"),
    ("people let on", 1.0, "/(m s)", "crowds.inflow_pms unless given: below 82 a metre and minute of "
     "the guide, as observed (Larsson and others 2021)", "sourced"),
)


def grade(hub: Component, t_ms: int) -> None:
    """Open and close incidents of a feared crush, venue by venue."""
    w = hub.w
    for venue in range(w.venue_alarm_event.size):
        alarm = int(w.venue_alarm_event[venue])
        if alarm < 0:
            value, cause = _noticed(hub, venue)
            if cause >= 0:
                w.venue_alarm_event[venue] = hub.emit(
                    "crowd_crush_risk", t_ms, venue, value=value, cause=cause)[0]
        elif w.seen_venue_eased_event[venue] > alarm:
            since_s = (t_ms - int(hub.ctx.log.column("t_ms")[alarm])) / 1000.0
            w.venue_over_event[venue] = hub.emit(
                "crowd_crush_over", t_ms, venue, value=since_s,
                cause=w.seen_venue_eased_event[venue])[0]
            w.venue_alarm_event[venue] = -1


def _noticed(hub: Component, venue: int) -> tuple[float, int]:
    """Density counted and the event that tells of a feared crush; -1 where nothing does."""
    w, site, after = hub.w, hub.ctx.site, int(hub.w.venue_over_event[venue])
    if site.crowds.cameras:
        cameras = np.flatnonzero(site.camera_venue == venue)
        cameras = cameras[w.seen_camera_event[cameras] > after]
        dense = cameras[w.seen_camera_pm2[cameras] >= site.crowds.alarm_pm2]
        if dense.size:
            worst = int(dense[np.argmax(w.seen_camera_pm2[dense])])
            return float(w.seen_camera_pm2[worst]), int(w.seen_camera_event[worst])
    count = int(w.incident_count[0])
    called = w.incident_venue[:count] == venue
    called &= np.isin(w.incident_state[:count], (I_KNOWN, I_ASSIGNED))
    called &= w.incident_event[:count] > after
    rows = np.flatnonzero(called)
    return 0.0, int(w.incident_event[rows[0]]) if rows.size else -1
