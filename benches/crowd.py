"""Time the crowd: a stadium, and a bottleneck beside JuPedSim where that is installed.

    python -m benches.crowd [--people 50000] [--threads 2] [--runs 3] [--bottleneck-only]

One line of JSON each; wall and processor seconds are medians. The bottleneck is the built-in venue
(room of 8 x 8 m, passage of 1 m) with 150 people of 1.34 m/s, in JuPedSim with the parameters it
gives by default and its step of 0.01 s; both start from the same places.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import numba
import numpy as np

from benches.machine import machine
from engine.crowd.simulate import CrowdResult, simulate_crowd
from engine.crowd.venue import Venue, load_venue

PEOPLE = 150


def flow(out_s: np.ndarray) -> float:
    """Persons a second between the first and the last tenth."""
    times = np.sort(out_s)
    a, b = times.size // 10, times.size - 1 - times.size // 10
    return float((b - a) / (times[b] - times[a]))


def timed(venue: Venue, people: int, runs: int) -> tuple[CrowdResult, float, float, float]:
    """Last result and medians: simulation's wall, its build, processor seconds of both."""
    walls, builds, cpus = [], [], []
    for _ in range(runs):
        begun = time.process_time()
        result = simulate_crowd(venue, people, 1)
        cpus.append(time.process_time() - begun)
        walls.append(result.summary["wall_s"])
        builds.append(result.summary["build_s"])
    return result, statistics.median(walls), statistics.median(builds), statistics.median(cpus)


def stadium(people: int, runs: int) -> dict[str, object]:
    """The stadium's clearance, its times and how many times faster than real time."""
    venue = load_venue("stadium")
    simulate_crowd(venue, 200, 1, 10)  # compiles
    result, wall, build, cpu = timed(venue, people, runs)
    s = result.summary
    return {"bench": "crowd", "venue": "stadium", "people": s["people"], "out": s["out"],
            "simulated_s": s["simulated_s"], "nine_in_ten_out_s": s["nine_in_ten_out_s"],
            "peak_density_pm2": s["peak_density_pm2"], "build_s": build, "wall_s": wall,
            "cpu_s": round(cpu, 2), "times_real_time": round(s["simulated_s"] / wall, 2)}


def bottleneck(runs: int) -> list[dict[str, object]]:
    """Flow and speed of both engines on the same bottleneck."""
    venue = load_venue("bottleneck")
    venue = venue.model_copy(update={
        "people": venue.people.model_copy(update={"speed_sd_mps": 0.0}), "cameras": []})
    simulate_crowd(venue, PEOPLE, 1, 10)
    result, wall, _, cpu = timed(venue, PEOPLE, runs)
    inside = float(np.nansum(result.out_s))
    rows: list[dict[str, object]] = [{
        "bench": "crowd", "venue": "bottleneck", "engine": "anlan", "people": PEOPLE,
        "out": result.summary["out"], "flow_ps": round(flow(result.out_s), 3), "wall_s": wall,
        "cpu_s": round(cpu, 3), "agent_seconds_per_s": round(inside / wall)}]
    try:
        import jupedsim
    except ImportError:
        return [*rows, {"bench": "crowd", "venue": "bottleneck", "engine": "jupedsim",
                        "note": "jupedsim is not installed; nothing compared"}]
    for name in ("CollisionFreeSpeedModel", "AnticipationVelocityModel"):
        rows.append(_jupedsim(jupedsim, name, result, runs))
    return rows


def _jupedsim(jps: object, name: str, ours: CrowdResult, runs: int) -> dict[str, object]:
    import shapely

    room = shapely.union_all([shapely.box(0, 0, 8, 8), shapely.box(7.9, 3.5, 12, 4.5)])
    walls, cpus = [], []
    options = {"rng_seed": 1} if name.startswith("Anticipation") else {}
    for _ in range(runs):
        sim = jps.Simulation(model=getattr(jps, name)(**options), geometry=room, dt=0.01)
        end = sim.add_exit_stage([(10.8, 3.5), (12, 3.5), (12, 4.5), (10.8, 4.5)])
        journey = sim.add_journey(jps.JourneyDescription([end]))
        for x, y in zip(ours.crowd.x_m, ours.crowd.y_m, strict=True):
            sim.add_agent(getattr(jps, f"{name}AgentParameters")(
                position=(float(x), float(y)), journey_id=journey, stage_id=end,
                desired_speed=1.34, radius=0.15))
        left, out, steps, inside = PEOPLE, [], 0, 0
        begun, used = time.perf_counter(), time.process_time()
        while left and steps < 40_000:
            sim.iterate()
            steps += 1
            inside += left
            now = sim.agent_count()
            out += [steps * 0.01] * (left - now)
            left = now
        walls.append(time.perf_counter() - begun)
        cpus.append(time.process_time() - used)
    wall = statistics.median(walls)
    return {"bench": "crowd", "venue": "bottleneck", "engine": f"jupedsim {name}",
            "version": jps.__version__, "people": PEOPLE, "out": len(out),
            "flow_ps": round(flow(np.array(out)), 3) if len(out) > 20 else None,
            "wall_s": round(wall, 3), "cpu_s": round(statistics.median(cpus), 3),
            "agent_seconds_per_s": round(inside * 0.01 / wall)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--threads", type=int, default=numba.get_num_threads())
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--bottleneck-only", action="store_true")
    given = parser.parse_args()
    numba.set_num_threads(given.threads)
    rows = bottleneck(given.runs)
    if not given.bottleneck_only:
        rows.append(stadium(given.people, given.runs))
    for row in rows:
        print(json.dumps(row | {"runs": given.runs, "threads": given.threads, **machine()}),
              flush=True)
