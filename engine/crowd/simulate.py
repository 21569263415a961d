"""Let the people of a venue leave it: `simulate_crowd` and `anlan crowd`."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.crowd import model
from engine.crowd.ground import H_M, SIGHT_M, Ground, build_ground
from engine.crowd.measures import BACK_S, EVERY_S, MAP_M, Measures
from engine.crowd.people import People, place_people
from engine.crowd.venue import Venue, load_venue
from engine.errors import InputError, RunError
from engine.kernels import crowd as kernel
from engine.kernels.counterflow import Oncoming
from engine.kernels.crowd_near import CELL_X_M, CELL_Y_M, REACH_M, sort_people
from engine.outputs import check_file, write_whole

F64 = NDArray[np.float64]
FLOW_S = 30.0  #: window of an exit's greatest flow
_STATE = ("start_s", "x", "y", "vx", "vy", "due", "exit_no", "out_s", "gone", "still", "_rows")


class CrowdRun:
    """The state of a run; `step` moves everybody by `dt_s`.

    With `tick_s` given everybody decides at each tick of that length, instead of each in its own time.
    """

    def __init__(self, venue: Venue, seed: int = 1, tick_s: float | None = None) -> None:
        self.venue, self.seed = venue, seed
        self._clock = kernel.Clock(model.TICK_S, model.MOST_M, model.LONGEST, model.OPEN_MOST_M,
                                   model.OPEN_LONGEST, model.DRIFT_M)
        if tick_s is not None:
            self._clock = kernel.Clock(tick_s, 0.0, 1, 0.0, 1, 0.0)
        self._ticks_a_step = model.TICKS if tick_s is None else 1
        self.dt_s = self._clock.tick_s * self._ticks_a_step
        self.ground: Ground = build_ground(venue)
        self.people: People = place_people(venue, self.ground, seed)
        n = self.people.x_m.size
        self.start_s = self.people.start_s.copy()
        self.x, self.y = self.people.x_m.copy(), self.people.y_m.copy()
        self.vx, self.vy = np.zeros(n), np.zeros(n)
        self.due = np.ceil(self.people.start_s / self._clock.tick_s - 1e-9).astype(np.int32)
        self.exit_no = np.full(n, -1, np.int16)
        self.out_s = np.full(n, np.nan)
        self.gone = np.zeros(n, np.bool_)
        self.still = np.zeros(n, np.bool_)
        self.steps = 0
        self._rows, self._inside = np.arange(n, dtype=np.int32), n
        g = self.ground
        ny, nx = g.inside.shape
        self._nx = int(nx * H_M / CELL_X_M) + 1
        self._ny = int(ny * H_M / CELL_Y_M) + 1
        self._start = np.zeros(self._nx * self._ny + 2, np.int32)
        self._cell, self._order = np.empty(n, np.int32), np.empty(n, np.int32)
        self._sx, self._sy = np.empty((2, 2, n))
        self._svx, self._svy = np.empty((2, n))
        self._sdue = np.empty(n, np.int32)
        self._law = kernel.Law(model.LENGTH_M, model.GAP_S, model.STRENGTH, model.RANGE_M,
                               model.WALL_STRENGTH, model.WALL_RANGE_M)
        # Down one field nobody comes head on.
        hx, hy, vx, vy = np.zeros((4, n if len(g.layer_of) > 1 else 0))
        self._oncoming = Oncoming(hx, hy, vx, vy, model.AHEAD_S, model.TURN_S, model.SIGHT_M,
                                  model.DEPTH_M, REACH_M, SIGHT_M, kernel.WALL_CELL_M,
                                  model.COME_TICKS)

    @property
    def now_s(self) -> float:
        """Time since the beginning, s."""
        return self.steps * self._ticks_a_step * self._clock.tick_s

    @property
    def rows(self) -> NDArray[np.int32]:
        """People still in the model, those just beyond an exit included."""
        found = self._rows[: self._inside]
        return found[~self.gone[found]]

    @property
    def out(self) -> NDArray[np.bool_]:
        """Who has crossed an exit; the next crossing is known a little ahead of its time."""
        return self.out_s <= self.now_s

    @property
    def inside(self) -> NDArray[np.int32]:
        """People who have crossed no exit."""
        rows = self.rows
        return rows[~self.out[rows]]

    @property
    def waiting(self) -> int:
        """People who have not set out yet."""
        return int((self.start_s > self.now_s).sum())

    def let_on(self, people_ps: float) -> None:
        """From now on those who have not set out do so no faster than `people_ps`, in the order of
        their own times; with infinity, at those times."""
        waits = np.flatnonzero(self.start_s > self.now_s)
        own = np.maximum(self.people.start_s[waits], self.now_s)
        order = np.lexsort((waits, self.people.start_s[waits]))
        waits, own = waits[order], own[order]
        after = np.arange(waits.size) / people_ps
        self.start_s[waits] = np.maximum.accumulate(own - after) + after
        self.due[waits] = np.ceil(self.start_s[waits] / self._clock.tick_s - 1e-9).astype(np.int32)

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of all that changes, for `restore`."""
        whole = {name: getattr(self, name).copy() for name in _STATE}
        return {**whole, "count": np.array([self.steps, self._inside], np.int64)}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from a copy of the state."""
        for name in _STATE:
            setattr(self, name, state[name].copy())
        self.steps, self._inside = (int(n) for n in state["count"])

    def step(self) -> None:
        """Move everybody by one step."""
        g = self.ground
        state = (self.x, self.y, self.vx, self.vy, self.due)
        self._inside = sort_people(
            self._rows, self._inside, self.gone, self.x, self.y, g.x0, g.y0, self._nx, self._ny,
            self._start, self._cell, self._order,
        )
        if self._oncoming.hx.size:
            kernel.headings(self._inside, self._order, self.people.layer, g.field, self.x, self.y,
                            self._oncoming.hx, self._oncoming.hy)
        kernel.move_people(
            self._inside, self._order, self._sx, self._sy, self._svx, self._svy, self._sdue,
            self._start, g.x0, g.y0, self._nx, self._ny,
            self.start_s, self.people.speed_mps, self.people.layer, g.field, g.walls,
            g.doors, g.stairs, self._law, self._oncoming, self._clock, np.uint64(self.seed),
            self.steps * self._ticks_a_step, self._ticks_a_step, *state, self.still,
            self.exit_no, self.out_s, self.gone,
        )
        self._rows, self._order = self._order, self._rows
        self.steps += 1


@dataclass(frozen=True)
class CrowdResult:
    """What became of everybody."""

    summary: dict[str, Any]
    arrivals: pd.DataFrame  # person, group, start_s, exit ("" if still inside), out_s
    counts: pd.DataFrame  # t_s, camera, people, density_pm2, mean_speed_mps
    maps: pd.DataFrame  # x_m, y_m, greatest density_pm2, flow_pms and pressure_ps2 of each point


def simulate_crowd(
    venue: Venue | Path | str, seed: int = 1, tick_s: float | None = None
) -> CrowdResult:
    """Let everybody leave the venue, up to its `duration_s`.

    Raises InputError for a venue that cannot work; RunError if a person was lost.
    Model: `engine.kernels.crowd`; parameters: `engine.crowd.model`.
    """
    begun = time.perf_counter()
    file = "" if isinstance(venue, Venue) else f"{venue}: "
    if not isinstance(venue, Venue):
        venue = load_venue(Path(venue))
    try:
        run = CrowdRun(venue, seed, tick_s)
    except InputError as error:
        raise InputError(f"{file}{error}") from None
    measures = Measures(run.ground, run.x.size)
    every, back = round(EVERY_S / run.dt_s), round(BACK_S / run.dt_s)
    old_x, old_y = run.x.copy(), run.y.copy()
    last = int(np.ceil(venue.duration_s / run.dt_s - 1e-9))
    built = time.perf_counter()
    while run.steps < last and len(run.rows if run.steps % every == 0 else "go"):
        run.step()
        if (run.steps + back) % every == 0:
            old_x[:], old_y[:] = run.x, run.y
        if run.steps % every == 0:
            rows = np.sort(run.inside)
            measures.sample(run.now_s, run.x[rows], run.y[rows],
                            (run.x[rows] - old_x[rows]) / BACK_S,
                            (run.y[rows] - old_y[rows]) / BACK_S)
    done = time.perf_counter()
    return _result(run, measures, built - begun, done - built)


def _result(run: CrowdRun, measures: Measures, build_s: float, wall_s: float) -> CrowdResult:
    venue, n = run.venue, run.x.size
    out = run.out
    inside = int(run.inside.size)
    if int(out.sum()) + inside != n or not np.array_equal(run.exit_no >= 0, np.isfinite(run.out_s)):
        raise RunError(f"crowd: {n:,} people began, {int(out.sum()):,} are out and {inside:,} inside")
    times = np.sort(run.out_s[out])
    names = np.array([e.name for e in venue.exits], dtype=object)
    arrivals = pd.DataFrame({
        "person": np.arange(n), "group": np.array([g.name for g in venue.groups], dtype=object)[
            run.people.group], "start_s": run.people.start_s.round(2),
        "exit": np.where(out, names[np.maximum(run.exit_no, 0)], ""),
        "out_s": np.where(out, run.out_s, np.nan).round(2),
    })
    cameras = [c.name for c in venue.cameras]
    counts = pd.DataFrame(
        [(t, cameras[k], number, round(density, 3), round(speed, 3))
         for t, k, number, density, speed in measures.counts],
        columns=["t_s", "camera", "people", "density_pm2", "mean_speed_mps"],
    )
    g = run.ground
    los = measures.los_s / max(measures.los_s.sum(), 1e-9)
    watched = [f"{limit:g}_pm2" for limit in model.WATCHED_PM2]
    summary: dict[str, Any] = {
        "venue": venue.name, "seed": run.seed, "people": n, "out": int(out.sum()),
        "inside": inside, "simulated_s": round(run.now_s, 1),
        "half_out_s": _when(times, n, 0.5), "nine_in_ten_out_s": _when(times, n, 0.9),
        "last_out_s": round(float(times[-1]), 1) if times.size and inside == 0 else None,
        "exits": [_exit(e.name, float(g.doors.width_m[k]), np.sort(run.out_s[out & (run.exit_no == k)]))
                  for k, e in enumerate(venue.exits)],
        "peak_density_pm2": round(measures.peak_pm2, 2), "peak_density_at": _at(measures.peak_at),
        "most_in_1_m2": measures.most_in_1_m2,
        "person_s_above": {k: float(v) for k, v in zip(watched, measures.person_s, strict=True)},
        "longest_place_s_above": {
            k: float(v) for k, v in zip(watched, measures.place_s, strict=True)},
        "peak_pressure_ps2": round(measures.pressure_ps2, 4),
        "peak_pressure_at": _at(measures.pressure_at),
        "person_s_above_turbulent_pressure": float(measures.turbulent_person_s),
        "level_of_service_share": {
            level: round(float(share), 4) for level, share in zip("ABCDEF", los, strict=True)},
        "digest": _digest(run), "build_s": round(build_s, 3), "wall_s": round(wall_s, 3),
        "assumptions": [row._asdict() for row in model.CARD],
    }
    j, i = np.nonzero(measures.most_pm2 >= 0.005)
    maps = pd.DataFrame({
        "x_m": g.x0 + MAP_M * i, "y_m": g.y0 + MAP_M * j,
        "density_pm2": measures.most_pm2[j, i].round(2), "flow_pms": measures.most_pms[j, i].round(2),
        "pressure_ps2": measures.most_ps2[j, i].round(4),
    })
    return CrowdResult(summary, arrivals, counts, maps)


def _when(times: F64, n: int, share: float) -> float | None:
    k = int(np.ceil(share * n)) - 1
    return round(float(times[k]), 1) if k < times.size else None


def _at(place: tuple[float, float, float]) -> dict[str, float]:
    return {"x_m": round(place[0], 1), "y_m": round(place[1], 1), "t_s": round(place[2], 1)}


def _exit(name: str, width_m: float, times: F64) -> dict[str, Any]:
    """People through an exit, and its greatest flow over half a minute."""
    most = 0
    if times.size:
        most = int((np.searchsorted(times, times + FLOW_S, side="left") - np.arange(times.size)).max())
    return {"exit": name, "width_m": round(width_m, 2), "out": int(times.size),
            "greatest_flow_ps": round(most / FLOW_S, 2),
            "greatest_specific_flow_pms": round(most / FLOW_S / width_m, 2),
            "last_s": round(float(times[-1]), 1) if times.size else None}


def _digest(run: CrowdRun) -> str:
    """Hash of everybody's exit, time and last place; the same for any number of threads."""
    found = hashlib.sha256()
    for array in (run.exit_no, run.out_s, run.x, run.y):
        found.update(array.tobytes())
    return found.hexdigest()[:16]


def run_crowd(file: Path, out: Path, seed: int = 1) -> CrowdResult:
    """Run a venue's file; write summary.json, arrivals.csv, counts.csv and map.csv to `out`."""
    for name in ("summary.json", "arrivals.csv", "counts.csv", "map.csv"):
        check_file(out / name)
    result = simulate_crowd(file, seed)
    write_whole(out / "arrivals.csv", result.arrivals.to_csv(index=False))
    write_whole(out / "counts.csv", result.counts.to_csv(index=False))
    write_whole(out / "map.csv", result.maps.to_csv(index=False))
    write_whole(out / "summary.json", json.dumps(result.summary, indent=2) + "\n")
    return result
