"""Play a crowd at a venue: `simulate_crowd`.

Each step of 0.2 s moves everybody by `engine.kernels.crowd`; whoever reaches an exit leaves if the
exit is open and its flow allows, those who wait longest first. Every `reroute_s` the way to the
exits is computed anew from the density (travel time as in the dynamic floor field of Hartmann,
Mille, Pfaffinger and Royer 2014): everybody knows the crowds at the venue as they are then, which
is an assumption that favours balanced exits.

Not in the model: groups that stay together, people who fall or are injured, pushing beyond body
contact, smoke, staff who direct.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.crowd.camera import counted, people_in_view
from engine.crowd.ground import Ground, build_ground, solve_field
from engine.crowd.maps import MAP_CELL_M, Maps, Recorder
from engine.crowd.people import Crowd, draw_crowd
from engine.crowd.venue import Venue, wrong
from engine.errors import RunError
from engine.kernels import crowd as kernel

F64 = NDArray[np.float64]
STEP_MS = 200
SAMPLE_MS = 5000
#: Whoever comes this close to the line of an exit is through, m.
AT_EXIT_M = 0.1
#: Cells of the neighbour list, m.
NEIGHBOUR_CELL_M = 0.75
OUTSIDE, INSIDE, OUT = 0, 1, 2


@dataclass(frozen=True)
class CrowdResult:
    """What became of everybody; arrays in the order people were drawn in."""

    venue: Venue
    ground: Ground
    crowd: Crowd
    status: NDArray[np.int8]  # 0 not yet in, 1 inside at the end, 2 out
    out_s: F64  # NaN where not out
    out_exit: NDArray[np.int16]  # -1 where not out
    maps: Maps
    cameras: pd.DataFrame
    summary: dict[str, Any]
    digest: str

    @property
    def people(self) -> pd.DataFrame:
        """A row for each person: group, speed, reaction, way out and when."""
        names = np.array([*(e.name for e in self.venue.exits), ""], dtype=object)
        return pd.DataFrame({
            "person": np.arange(self.status.size),
            "group": np.array(self.crowd.groups, dtype=object)[self.crowd.group],
            "free_speed_mps": self.crowd.speed_mps, "reaction_s": self.crowd.reaction_s,
            "enters_s": self.crowd.enters_s, "out_s": self.out_s, "exit": names[self.out_exit],
        })


class CrowdRun:
    """A crowd in motion; `step` moves it on by `step_ms`."""

    def __init__(self, venue: Venue, people: int | None = None, seed: int = 1,
                 step_ms: int = STEP_MS) -> None:
        self.venue, self.seed, self.step_ms = venue, seed, step_ms
        self.ground = ground = build_ground(venue)
        self.now_ms = 0
        every = np.ones(len(ground.exits), np.bool_)
        reach = np.stack([np.isfinite(solve_field(ground, g, every)[0])
                          for g in range(len(ground.goals))])
        total = venue.people.count if people is None else people
        self.crowd = draw_crowd(venue, ground, reach, total, seed)
        n = self.crowd.x_m.size
        self.state = np.zeros((n, 8))
        self.state[:, 0], self.state[:, 1] = self.crowd.x_m, self.crowd.y_m
        start = self.crowd.enters_s + self.crowd.reaction_s
        self.trait = np.column_stack(
            [self.crowd.speed_mps, start, self.crowd.side, self.crowd.goal.astype(float)])
        late = np.array([a.enters_s is not None for a in venue.areas] + [False] * len(venue.stands))
        self.status = np.where(late[self.crowd.group], OUTSIDE, INSIDE).astype(np.int8)
        self.out_ms = np.full(n, -1, np.int64)
        self.out_exit = np.full(n, -1, np.int16)
        self.rows = np.flatnonzero(self.status == INSIDE)
        outside = np.flatnonzero(self.status == OUTSIDE)
        self.queue = outside[np.lexsort((outside, self.crowd.enters_s[outside]))]
        self.waits_ms = np.full(n, -1, np.int64)  # at an exit that is shut or full, since when
        self.budget = np.ones(len(ground.exits))
        self.flow_ps = np.array([np.inf if e.flow_pms is None else e.flow_pms * e.width_m
                                 for e in venue.exits])
        self.opens_ms = np.array([round(e.opens_s * 1000) for e in venue.exits])
        self.recorder = Recorder(ground, np.logical_or.reduce(reach, axis=0))
        self.way = np.zeros((len(ground.goals), 2, *ground.shape))
        self._fields(None)
        height, width = (m * ground.cell_m for m in ground.shape)
        self._columns = int(width / NEIGHBOUR_CELL_M) + 1
        self._start = np.zeros((int(height / NEIGHBOUR_CELL_M) + 1) * self._columns + 1, np.int64)
        self._order = np.empty(n, np.int64)
        self._people = np.empty((n, 8))
        self._door = np.empty(n, np.int16)
        self._scratch = kernel.scratch_for(n)

    def _fields(self, factor: F64 | None) -> None:
        shut = self.opens_ms > self.now_ms
        for goal in range(len(self.ground.goals)):
            _, x, y = solve_field(self.ground, goal, ~shut, factor)
            self.way[goal, 0], self.way[goal, 1] = x, y

    def step(self) -> None:
        """Let in who is due, move everybody, let out who has reached an exit."""
        self._enter()
        g, n = self.ground, self.rows.size
        order, people, door = self._order[:n], self._people[:n], self._door[:n]
        kernel.sort_into_cells(order, self._start, people, self.rows, self.state, g.x0, g.y0,
                               NEIGHBOUR_CELL_M, self._columns)
        kernel.step(
            self.state, order, people, self._start, self._scratch, self.trait, np.uint64(self.seed),
            self.now_ms / 1000, self.step_ms / 1000, g.x0, g.y0,
            NEIGHBOUR_CELL_M, self._columns, self.way, g.cell_m, g.floor_exit, g.floor_stair,
            g.stairs, g.aims, g.goal_exit, g.walls, g.wall_start, g.wall_list, g.wall_columns,
        )
        kernel.through_exits(door, self.state, people, order, g.exits, g.floor_exit, g.x0, g.y0,
                             g.cell_m, AT_EXIT_M)
        self.now_ms += self.step_ms
        self._leave(order, people, door)

    def _enter(self) -> None:
        """Put those due on their places, unless somebody stands there."""
        due = self.queue[self.crowd.enters_s[self.queue] * 1000 <= self.now_ms]
        if not due.size:
            return
        taken = []
        for p in due:
            x, y = self.crowd.x_m[p], self.crowd.y_m[p]
            others = self.state[self.rows]
            if others.size and ((others[:, 0] - x) ** 2 + (others[:, 1] - y) ** 2).min() < (
                    kernel.CONTACT_M**2):
                continue
            self.rows = np.append(self.rows, p)
            self.status[p] = INSIDE
            taken.append(p)
        self.queue = self.queue[~np.isin(self.queue, taken)]

    def _leave(self, order: NDArray[np.int64], before: F64, door: NDArray[np.int16]) -> None:
        """Let out whom the exits take; the rest stay where they stood before the step."""
        width = np.isfinite(self.flow_ps)
        gain = self.flow_ps[width] * self.step_ms / 1000
        self.budget[width] = np.minimum(self.budget[width] + gain, 1.0 + gain)
        at = np.flatnonzero(door >= 0)
        if not at.size:
            return
        p = order[at]
        self.waits_ms[p] = np.where(self.waits_ms[p] < 0, self.now_ms, self.waits_ms[p])
        for k in at[np.lexsort((p, self.waits_ms[p]))]:
            e, who = door[k], order[k]
            if self.opens_ms[e] < self.now_ms and (not width[e] or self.budget[e] >= 1.0):
                self.budget[e] -= 1.0
                self.status[who] = OUT
                self.out_ms[who], self.out_exit[who] = self.now_ms, e
            else:
                self.state[who, :2] = before[k, :2]
                self.state[who, 2:4] = 0.0
        self.rows = self.rows[self.status[self.rows] == INSIDE]

    def sample(self, every_s: float) -> None:
        """Take the maps' sample of this moment."""
        out = int((self.status == OUT).sum())
        self.recorder.sample(self.now_ms / 1000, self.rows, self.state, every_s, out,
                             self.queue.size)

    def reroute(self) -> None:
        """Ways to the exits by the last sample's density."""
        self._fields(self.recorder.crowd_factor() if self.venue.reroute_s > 0 else None)

    @property
    def done(self) -> bool:
        """Whether everybody is out."""
        return not self.rows.size and not self.queue.size


def simulate_crowd(
    venue: Venue, people: int | None = None, seed: int = 1, duration_s: float = 3600.0,
    progress: Callable[[float], None] | None = None,
) -> CrowdResult:
    """Let `people` (the venue's count by default) leave the venue, for at most `duration_s`.

    The result is a function of venue, people, seed and duration. Raises InputError where people do
    not fit or have no way out, RunError if the ledger does not hold.
    """
    begin = time.perf_counter()
    if people is not None and people < 1:
        raise wrong(venue, ("people", "count"), f"{people} people; at least 1 is needed")
    run = CrowdRun(venue, people, seed)
    built = time.perf_counter()
    end_ms = round(duration_s * 1000)
    reroute_ms = round(venue.reroute_s * 1000)
    openings = {t for t in run.opens_ms.tolist() if t > 0}
    counts: list[dict[str, Any]] = []
    total = run.status.size
    while True:
        if run.now_ms % SAMPLE_MS == 0:
            run.sample(SAMPLE_MS / 1000)
            _count(run, counts)
            if progress is not None:
                progress(float((run.status == OUT).sum()) / total)
        if run.done or run.now_ms >= end_ms:
            break
        opened = any(run.now_ms - STEP_MS < t <= run.now_ms for t in openings)
        if opened or (reroute_ms and run.now_ms and run.now_ms % reroute_ms < STEP_MS):
            run.reroute()
        run.step()
    return _result(run, counts, built - begin, time.perf_counter() - built)


def _count(run: CrowdRun, counts: list[dict[str, Any]]) -> None:
    number = run.now_ms // SAMPLE_MS
    for k, camera in enumerate(run.venue.cameras):
        true = people_in_view(camera, run.ground, run.rows, run.state)
        counts.append({"t_s": run.now_ms / 1000, "camera": camera.name, "in_view": true,
                       "counted": counted(camera, true, run.seed, k, number)})


def _result(run: CrowdRun, counts: list[dict[str, Any]], build_s: float,
            wall_s: float) -> CrowdResult:
    status, maps = run.status, run.recorder.maps
    by_exit = np.bincount(run.out_exit[run.out_exit >= 0], minlength=len(run.venue.exits))
    tally = {"people": int(status.size), "out": int(by_exit.sum()), "inside": int(run.rows.size),
             "not_yet_in": int(run.queue.size)}
    if tally["out"] + tally["inside"] + tally["not_yet_in"] != tally["people"] or (
            tally["out"] != int((status == OUT).sum())):
        raise RunError(f"people were lost: {tally}")
    out_s = np.where(run.out_ms >= 0, run.out_ms / 1000, np.nan)
    known = np.sort(run.out_ms[run.out_ms >= 0]) / 1000
    peak = np.unravel_index(int(maps.density_pm2.argmax()), maps.shape)
    summary: dict[str, Any] = {
        "venue": run.venue.name, "seed": run.seed, **tally,
        "clearance_s": float(known[-1]) if tally["out"] == tally["people"] else None,
        "half_out_s": _at(known, 0.5, tally["people"]), "nine_in_ten_out_s": _at(
            known, 0.9, tally["people"]),
        "simulated_s": run.now_ms / 1000,
        "peak_density_pm2": float(maps.density_pm2[peak]),
        "peak_density_at_s": float(maps.density_at_s[peak]),
        "peak_density_x_m": float(maps.x0 + (peak[1] + 0.5) * MAP_CELL_M),
        "peak_density_y_m": float(maps.y0 + (peak[0] + 0.5) * MAP_CELL_M),
        "peak_pressure_ps2": float(maps.pressure_ps2.max()),
        "person_s_above": {k: float(v) for k, v in maps.person_s.items()},
        "exits": [_exit_row(run, k, int(by_exit[k])) for k in range(len(run.venue.exits))],
        "build_s": round(build_s, 3), "wall_s": round(wall_s, 3),
    }
    digest = hashlib.sha256()
    for array in (run.status, run.out_ms, run.out_exit, run.state[:, :2]):
        digest.update(np.ascontiguousarray(array).tobytes())
    table = pd.DataFrame(counts, columns=["t_s", "camera", "in_view", "counted"])
    return CrowdResult(run.venue, run.ground, run.crowd, status, out_s, run.out_exit, maps, table,
                       summary, digest.hexdigest())


def _at(known: F64, share: float, people: int) -> float | None:
    """When this share of everybody was out."""
    need = int(np.ceil(share * people))
    return float(known[need - 1]) if known.size >= need > 0 else None


def _exit_row(run: CrowdRun, k: int, out: int) -> dict[str, Any]:
    times = np.sort(run.out_ms[run.out_exit == k]) / 1000
    width = run.venue.exits[k].width_m
    row: dict[str, Any] = {"exit": run.venue.exits[k].name, "width_m": round(width, 3), "out": out,
                           "first_s": None, "last_s": None, "flow_pms": None,
                           "busiest_minute_pmmin": None}
    if out:
        row["first_s"], row["last_s"] = float(times[0]), float(times[-1])
        busiest = np.searchsorted(times, times + 60.0) - np.arange(out)
        row["busiest_minute_pmmin"] = round(float(busiest.max()) / width, 2)
    if out > 20:  # flow between the first and the last tenth, when the exit is busy
        a, b = out // 10, out - 1 - out // 10
        if times[b] > times[a]:
            row["flow_pms"] = round(float((b - a) / (times[b] - times[a]) / width), 4)
    return row
