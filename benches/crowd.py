"""Time the crowd: 50,000 people leave a stadium, and a bottleneck beside JuPedSim.

    python -m benches.crowd [--people 50000] [--threads 2] [--runs 3] [--peer PYTHON]

One line of JSON each; wall and processor seconds are medians, without building the venue and the
first compilation. `--peer` names the Python of an environment with jupedsim: it then runs the same
bottlenecks from the same places, with the same parameters of the same model and its own step of
0.01 s, alternating with ours; flows are those between the first and the last tenth of the people.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numba
import numpy as np

from benches.machine import machine
from engine.crowd import model
from engine.crowd.simulate import CrowdRun, simulate_crowd
from engine.crowd.venue import Venue

ROOM_M, PASSAGE_M, PEOPLE = 12.0, 2.0, 150
PEER = '''
import json, sys, time
import jupedsim as jps, shapely
case = json.load(open(sys.argv[1]))
law = case["law"]
sim = jps.Simulation(model=jps.CollisionFreeSpeedModel(
    strength_neighbor_repulsion=law["strength"], range_neighbor_repulsion=law["range"],
    strength_geometry_repulsion=law["wall_strength"], range_geometry_repulsion=law["wall_range"]),
    geometry=shapely.Polygon(case["walk"]), dt=0.01)
end = sim.add_exit_stage(case["end"])
journey = sim.add_journey(jps.JourneyDescription([end]))
line = case["line_x"]
ids = [sim.add_agent(jps.CollisionFreeSpeedModelAgentParameters(
    position=(x, y), journey_id=journey, stage_id=end, desired_speed=v, radius=law["radius"],
    time_gap=law["gap"])) for x, y, v in case["people"]]
out, steps, moved = {}, 0, 0
begun, used = time.perf_counter(), time.process_time()
walls = cpu = 0.0
while sim.agent_count() and steps < 100 * case["most_s"]:
    begun, used = time.perf_counter(), time.process_time()
    moved += sim.agent_count()
    sim.iterate()
    walls += time.perf_counter() - begun
    cpu += time.process_time() - used
    steps += 1
    if steps % 5 == 0:
        here = {a.id: a.position[0] for a in sim.agents()}
        for k in ids:
            if k not in out and here.get(k, 1e9) > line:
                out[k] = steps * 0.01
print(json.dumps({"version": jps.__version__, "out_s": sorted(out.values()), "wall_s": walls,
                  "cpu_s": cpu, "agent_steps": moved}))
'''


def stadium(people: int, gates: int = 24, gate_m: float = 6.0) -> Venue:
    """An oval of 240 x 200 m with a pitch of 120 x 80 m and gates in its outer wall.

    At 82 persons a minute and metre (Green Guide, level exits) 24 gates of 6 m let 50,000 people out
    in 4 min 14 s; the guide asks for at most 8 minutes.
    """
    corners = 4 * gates  # of the outer wall; every fourth side holds a gate
    turns = 2 * math.pi * np.arange(corners) / corners
    ring = np.c_[120 * np.cos(turns), 100 * np.sin(turns)]
    exits = []
    for g in range(gates):
        a, b = ring[4 * g], ring[4 * g + 1]
        cut = min(gate_m / float(np.hypot(*(b - a))), 0.95) / 2
        ends = [(a + (0.5 + side * cut) * (b - a)).tolist() for side in (-1, 1)]
        exits.append({"name": f"gate {g + 1}", "line": ends})
    return Venue.model_validate({
        "name": "stadium", "area": ring.tolist(), "exits": exits,
        "obstacles": [[[-60, -40], [60, -40], [60, 40], [-60, 40]]],
        "groups": [{"name": "spectators", "count": people, "ring": (0.9 * ring).tolist(),
                    "premovement_s": [0, 60]}],
    })


def bottleneck(width_m: float, people: int = PEOPLE) -> Venue:
    """A room of 12 x 12 m, then a passage of 2 m with the exit at its end."""
    lo, hi, end = (ROOM_M - width_m) / 2, (ROOM_M + width_m) / 2, ROOM_M + PASSAGE_M
    room = [[0, 0], [ROOM_M, 0], [ROOM_M, ROOM_M], [0, ROOM_M]]
    return Venue.model_validate({
        "name": "bottleneck", "exits": [{"name": "out", "line": [[end, lo], [end, hi]]}],
        "area": [[0, 0], [ROOM_M, 0], [ROOM_M, lo], [end, lo], [end, hi], [ROOM_M, hi],
                 [ROOM_M, ROOM_M], [0, ROOM_M]],
        "groups": [{"name": "all", "count": people, "ring": room}],
    })


def flow(out_s: list[float]) -> float | None:
    """Persons a second between the first and the last tenth."""
    a = len(out_s) // 10
    return (len(out_s) - 1 - 2 * a) / (out_s[-1 - a] - out_s[a]) if len(out_s) > 20 else None


def time_stadium(people: int, runs: int) -> dict[str, Any]:
    """The stadium's clearance, its times and how many times faster than real time."""
    simulate_crowd(stadium(500))  # compiles
    walls, cpus, builds = [], [], []
    for _ in range(runs):
        used = time.process_time()
        s = simulate_crowd(stadium(people)).summary
        cpus.append(time.process_time() - used)
        walls.append(s["wall_s"])
        builds.append(s["build_s"])
    wall = statistics.median(walls)
    keys = ("people", "out", "simulated_s", "half_out_s", "last_out_s", "peak_density_pm2",
            "most_in_1_m2", "person_s_above", "digest")
    return {"bench": "crowd", "case": "stadium", **{k: s[k] for k in keys},
            "greatest_specific_flow_pms": max(e["greatest_specific_flow_pms"] for e in s["exits"]),
            "build_s": statistics.median(builds), "wall_s": wall, "walls_s": walls,
            "cpu_s_with_build": round(statistics.median(cpus), 2),
            "times_real_time": round(s["simulated_s"] / wall, 1)}


def ours(width_m: float, seed: int, tick_s: float | None = None) -> tuple[dict[str, Any], CrowdRun]:
    """Our engine on a bottleneck: flow, wall, processor time and agent-steps."""
    run = CrowdRun(bottleneck(width_m), seed, tick_s)
    start = CrowdRun(bottleneck(width_m), seed)
    moved, wall, used = 0, time.perf_counter(), time.process_time()
    while run.rows.size and run.now_s < 300:
        moved += run.rows.size
        run.step()
    wall, used = time.perf_counter() - wall, time.process_time() - used
    out = np.sort(run.out_s[np.isfinite(run.out_s)]).tolist()
    return {"out_s": out, "wall_s": wall, "cpu_s": used, "agent_steps": moved}, start


def peer(python: str, width_m: float, start: CrowdRun) -> dict[str, Any]:
    """JuPedSim on the same bottleneck, its passage 4 m longer so that people slow those behind."""
    lo, hi, end = (ROOM_M - width_m) / 2, (ROOM_M + width_m) / 2, ROOM_M + PASSAGE_M
    far = end + 4.0
    case = {
        "law": {"strength": model.STRENGTH, "range": model.RANGE_M, "gap": model.GAP_S,
                "wall_strength": model.WALL_STRENGTH, "wall_range": model.WALL_RANGE_M,
                "radius": model.LENGTH_M / 2},
        "walk": [[0, 0], [ROOM_M, 0], [ROOM_M, lo], [far, lo], [far, hi], [ROOM_M, hi],
                 [ROOM_M, ROOM_M], [0, ROOM_M]],
        "end": [[far - 2, lo], [far, lo], [far, hi], [far - 2, hi]], "line_x": end, "most_s": 300,
        "people": np.c_[start.x, start.y, start.people.speed_mps].tolist(),
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "case.json"
        file.write_text(json.dumps(case), encoding="utf-8")
        done = subprocess.run([python, "-c", PEER, str(file)], capture_output=True, text=True,
                              check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def time_bottlenecks(python: str | None, runs: int) -> Iterator[dict[str, Any]]:
    """Both engines on bottlenecks of 2, 1.2 and 1 m, alternating, one seed a run."""
    for width in (2.0, 1.2, 1.0):
        found: dict[str, list[dict[str, Any]]] = {"anlan": [], "anlan, steps of 0.01 s": [],
                                                 "jupedsim": []}
        for seed in range(1, runs + 1):
            mine, start = ours(width, seed)
            found["anlan"].append(mine)
            found["anlan, steps of 0.01 s"].append(ours(width, seed, 0.01)[0])
            if python:
                found["jupedsim"].append(peer(python, width, start))
        for engine, done in found.items():
            if not done:
                continue
            flows = [flow(d["out_s"]) for d in done]
            rates = [d["agent_steps"] / d["cpu_s"] for d in done]
            step = model.TICK_S * model.TICKS if engine == "anlan" else 0.01
            yield {
                "bench": "crowd", "case": f"bottleneck {width:g} m", "engine": engine,
                "version": done[0].get("version", ""), "people": PEOPLE,
                "out": [len(d["out_s"]) for d in done],
                "specific_flow_pms": [None if f is None else round(f / width, 2) for f in flows],
                "wall_s": round(statistics.median(d["wall_s"] for d in done), 3),
                "agent_steps_per_cpu_s": round(statistics.median(rates)),
                "agent_seconds_per_cpu_s": round(statistics.median(rates) * step),
            }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--threads", type=int, default=numba.config.NUMBA_NUM_THREADS)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peer", help="Python of an environment with jupedsim")
    given = parser.parse_args()
    numba.set_num_threads(given.threads)
    ours(1.0, 1)  # compiles
    results = time_bottlenecks(given.peer, given.runs)
    if given.people:
        results = chain(results, (time_stadium(given.people, given.runs) for _ in range(1)))
    for row in results:
        print(json.dumps(row | {"runs": given.runs, "threads": given.threads, **machine()}),
              flush=True)
