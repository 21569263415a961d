"""Crowds of visitors at the scenario's venues: how dense they stand, and what officers change.

The crowd model (engine/crowd) walks each venue's people to its exits, drawn with the run's seed. At
every sample (`EVERY_S`) the density where each person stands is taken (a Gaussian mean of radius 1 m,
engine/crowd/measures.py). People are pressed together at `DANGER_PM2`, 5 persons per m2: from there on
crowds become dangerous (Still, crowd science: at five per m2 bodies touch, anything denser can become
dangerous).

Officers set up at the venue hold back those who have not set out yet and let on so many a minute, by
the plan's `crowds.inflow_pms` and the width of the exits: inflow control. When they leave, those still
held set out at once.

Limits. Visitors come from outside the city's household tables: they are counted by themselves, inside
or out, live through no other hazard, do not enter the streets when they are out, and are not scaled
with `population.share`. The crowd model has no pushing: nobody falls or is hurt, and densities above
about 6 per m2 do not occur. People held back wait where they are. A venue is advanced to the beginning
of each tick, and officers who are set up act from the next one on. What the last minute before a run's end
adds to the exposure is not told.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from engine.component import Component, Context
from engine.crowd.measures import EVERY_S, Measures
from engine.crowd.model import CARD as CROWD_CARD
from engine.crowd.model import WATCHED_PM2
from engine.crowd.simulate import CrowdRun
from engine.errors import InputError
from engine.world import NEVER

DANGER_PM2 = WATCHED_PM2[1]
REPORT_MS = 60_000


class Crowds(Component):
    """Walks the visitors of every venue and tells how dense they stand."""

    name = "crowds"
    reads = ("control_staffed", "control_event")
    writes = (
        "venue_inside", "venue_out", "venue_held", "venue_pm2", "venue_exposed_s",
        "venue_exposed_ms", "venue_metered", "venue_event", "venue_dense_event", "camera_people",
    )
    emits = ("crowd_began", "crowd_dense", "crowd_exposed", "crowd_metered", "crowd_let_go",
             "crowd_gone")
    card = (
        ("density of people pressed together", DANGER_PM2, "/m2", "Still, crowd science", "sourced"),
        ("visitors", "apart from the city's people", "", "conserved at the venue; no other hazard, no "
         "injuries, no streets outside; not scaled with population.share", "assumption"),
        ("who is held back", "who has not set out", "", "officers stop the inflow, those on the way "
         "walk on", "assumption"),
        *((row.parameter, row.value, row.unit, row.source,
           "assumption" if row.status == "unconfirmed" else row.status) for row in CROWD_CARD),
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        site, scenario = context.site, context.scenario
        self._runs: list[CrowdRun] = []
        self._start_ms = [round(1000 * place.start_s) for place in scenario.venues]
        for place, venue in zip(scenario.venues, site.venues, strict=True):
            try:
                self._runs.append(CrowdRun(venue, context.seed))
            except InputError as error:
                raise InputError(f"{scenario.data_file(place.file)}: {error}") from None
        self._measures = [Measures(run.ground, run.x.size) for run in self._runs]

    def start(self) -> None:
        self.w.venue_inside[:] = [run.x.size for run in self._runs]

    def due(self, now_ms: int) -> int:
        waits = [start for start, inside in zip(self._start_ms, self.w.venue_inside, strict=True)
                 if inside]
        return max(now_ms, min(waits, default=NEVER))

    def step(self, t0_ms: int, t1_ms: int) -> None:
        for venue, start_ms in enumerate(self._start_ms):
            if t0_ms < start_ms or self.w.venue_inside[venue] == 0:
                continue
            if self.w.venue_event[venue] < 0:
                self.w.venue_exposed_ms[venue] = start_ms
                self._tell("crowd_began", start_ms, venue, self._runs[venue].x.size,
                           self.ctx.start_event)
            self._advance(venue, t0_ms)
            self._meter(venue, t0_ms)
            self._report(venue, t0_ms)

    def _tell(self, kind: str, t_ms: int, venue: int, value: float, cause: int) -> int:
        event = int(self.emit(kind, t_ms, venue, value=value, cause=cause)[0])
        self.w.venue_event[venue] = event
        return event

    def _advance(self, venue: int, t0_ms: int) -> None:
        """Walk on to the beginning of this tick, with a sample every `EVERY_S`."""
        run, start_ms = self._runs[venue], self._start_ms[venue]
        every = round(EVERY_S / run.dt_s)
        last = int(np.floor((t0_ms - start_ms) / 1000.0 / run.dt_s + 1e-9))
        while run.steps < last:
            run.step()
            if run.steps % every == 0:
                self._sample(venue, start_ms + round(1000 * run.now_s))
        inside = np.sort(run.inside)
        w = self.w
        w.venue_inside[venue], w.venue_out[venue] = inside.size, int(run.out.sum())
        self._count_heads(venue, inside)

    def _sample(self, venue: int, t_ms: int) -> None:
        w, run = self.w, self._runs[venue]
        rows = np.sort(run.inside)
        density = self._measures[venue].local_pm2(run.x[rows], run.y[rows])
        most = float(density.max(initial=0.0))
        w.venue_pm2[venue] = most
        w.venue_exposed_s[venue] += EVERY_S * int((density >= DANGER_PM2).sum())
        if most >= DANGER_PM2 and w.venue_dense_event[venue] < 0:
            w.venue_dense_event[venue] = self._tell(
                "crowd_dense", t_ms, venue, most, int(w.venue_event[venue]))

    def _count_heads(self, venue: int, rows: NDArray[np.int32]) -> None:
        run = self._runs[venue]
        cameras = np.flatnonzero(self.ctx.site.camera_venue == venue)
        for camera, ring in zip(cameras, run.ground.cameras, strict=True):
            seen = shapely.contains_xy(ring, run.x[rows], run.y[rows])
            self.w.camera_people[camera] = int(seen.sum())

    def _meter(self, venue: int, t0_ms: int) -> None:
        """Officers who have set up let people on; when they leave, everybody goes."""
        w, run = self.w, self._runs[venue]
        control = int(self.ctx.site.venue_control[venue])
        staffed = bool(w.control_staffed[control])
        held = run.waiting
        w.venue_held[venue] = held if staffed else 0
        if staffed == bool(w.venue_metered[venue]):
            return
        cause = max(int(w.control_event[control]), int(w.venue_event[venue]))
        if staffed:
            width_m = float(run.ground.doors.width_m.sum())
            people_ps = self.ctx.site.crowds.inflow_pms * width_m
            run.let_on(people_ps)
            self._tell("crowd_metered", t0_ms, venue, 60.0 * people_ps, cause)
        else:
            run.let_on(np.inf)
            self._tell("crowd_let_go", t0_ms, venue, held, cause)
        w.venue_metered[venue] = staffed

    def _report(self, venue: int, t0_ms: int) -> None:
        """Say once a minute how long people were pressed together, and when all have left."""
        w = self.w
        gone = w.venue_inside[venue] == 0
        if gone or t0_ms - w.venue_exposed_ms[venue] >= REPORT_MS:
            if w.venue_exposed_s[venue] > 0:
                self.emit("crowd_exposed", t0_ms, venue, value=float(w.venue_exposed_s[venue]),
                          cause=int(w.venue_dense_event[venue]))
            elif w.venue_dense_event[venue] >= 0:
                w.venue_dense_event[venue] = -1  # a minute without: it is over
            w.venue_exposed_s[venue], w.venue_exposed_ms[venue] = 0.0, t0_ms
        if gone:
            since_s = (t0_ms - self._start_ms[venue]) / 1000.0
            w.venue_pm2[venue] = 0.0
            w.venue_dense_event[venue] = -1
            self._tell("crowd_gone", t0_ms, venue, since_s, int(w.venue_event[venue]))

    def save(self) -> None:
        self.ctx.world.private["crowds"] = {
            f"{venue}.{name}": array
            for venue, run in enumerate(self._runs) for name, array in run.state().items()
        }

    def load(self) -> None:
        kept: dict[str, Any] = self.ctx.world.private["crowds"]
        for venue, run in enumerate(self._runs):
            mark = f"{venue}."
            run.restore({name.removeprefix(mark): array for name, array in kept.items()
                         if name.startswith(mark)})

    def conserved(self) -> str:
        """Visitors are inside or out, nobody twice and nobody lost."""
        for venue, run in enumerate(self._runs):
            inside, out = int(run.inside.size), int(run.out.sum())
            known = (int(self.w.venue_inside[venue]), int(self.w.venue_out[venue]))
            if inside + out != run.x.size or (inside, out) != known:
                return (f"{run.x.size:,} visitors were at venue {venue}, {inside:,} are inside and "
                        f"{out:,} out, told {known}")
        return ""
