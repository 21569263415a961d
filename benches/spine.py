"""Time and memory of the main job: one plan, all of Coquimbo, three simulated hours or more.

    python -m benches.spine [--runs 3] [--plan early-warning] [--hours 12] [--set KEY=VALUE]
                            [--save] [--fresh-sea]

One unmeasured run warms kernels and the sea; the median of the others counts, in wall seconds and,
since others may share the cores, in processor seconds. Phases are timed by wrapping each component's
step. With --save the last run is written out, and its files are weighed. Targets on 2 cores with the
sea at hand: 90 s for three hours, 180 s for twelve, 4 GiB.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import tempfile
import time
from pathlib import Path

from benches.machine import machine
from engine.city_io import load_city
from engine.plan import load_plan
from engine.run import Run, open_session
from engine.scenario import load_scenario


def measure(plan_name: str, runs: int, overrides: list[str], save: bool) -> dict[str, object]:
    """Return wall seconds (median, all), seconds by phase, and peak memory."""
    begun = time.perf_counter()
    city = load_city("coquimbo")
    load_s = time.perf_counter() - begun
    scenario = load_scenario("coquimbo-tsunami", overrides)
    plan = load_plan(plan_name, scenario)
    walls, processor, phases, score_s = [], [], {}, 0.0
    for number in range(runs + 1):
        begun, used = time.perf_counter(), time.process_time()
        session = open_session(city, scenario, plan, seed=1)
        spent = {"setup": time.perf_counter() - begun}
        for component in session.twin.components:
            _time(component, spent)
        recorder = session.twin.recorder
        _time(recorder, spent, "record")
        run = session.finish()
        wall, spent_cpu = time.perf_counter() - begun, time.process_time() - used
        begun = time.perf_counter()
        score = run.score
        score_s = time.perf_counter() - begun
        if number:
            walls.append(wall)
            processor.append(spent_cpu)
            phases = {name: round(value, 2) for name, value in spent.items()}
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    files = weigh(run) if save else {}
    return {
        "plan": plan_name, "people": int(city.persons.household.size),
        "simulated_s": scenario.duration_s, "city_load_s": round(load_s, 2),
        "wall_s_median": round(statistics.median(walls), 2), "wall_s": [round(w, 2) for w in walls],
        "processor_s_median": round(statistics.median(processor), 2),
        "by_phase_s": phases, "score_s": round(score_s, 2), "score": score["score"],
        "events": len(run.codes),
        "digest": run.digest, "peak_rss_gib": round(peak_gib, 2), **files,
    }


def weigh(run: Run) -> dict[str, object]:
    """Seconds to write a run folder, its size and its largest files in MB, and peak memory after."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        kept = run.save(Path(folder) / "run")
        wall = time.perf_counter() - begun
        size = {str(p.relative_to(kept)): p.stat().st_size / 1e6 for p in kept.rglob("*") if p.is_file()}
    largest = sorted(size, key=lambda name: -size[name])[:8]
    return {"save_s": round(wall, 2), "folder_mb": round(sum(size.values()), 1),
            "largest_mb": {name: round(size[name], 1) for name in largest},
            "peak_rss_saved_gib": round(
                resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)}


def _time(thing: object, spent: dict[str, float], name: str | None = None) -> None:
    step = thing.step  # type: ignore[attr-defined]
    label = name or thing.name  # type: ignore[attr-defined]

    def timed(t0: int, t1: int) -> None:
        begun = time.perf_counter()
        step(t0, t1)
        spent[label] = spent.get(label, 0.0) + time.perf_counter() - begun

    thing.step = timed  # type: ignore[attr-defined]


def fresh_sea() -> dict[str, object]:
    """Wall seconds of the sea with nothing at hand, on all numba threads."""
    from engine.phases import exogenous_sea

    city, scenario = load_city("coquimbo"), load_scenario("coquimbo-tsunami")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ANLAN_CACHE_DIR"] = folder
        begun = time.perf_counter()
        sea = exogenous_sea(city, scenario)
        wall = time.perf_counter() - begun
    del os.environ["ANLAN_CACHE_DIR"]
    terrain = city.terrain
    assert terrain is not None
    return {"cells": int(terrain.elev_m.size), "wall_s": round(wall, 1),
            "million_cell_updates_per_s": round(sea.summary["cells_updated"] / wall / 1e6, 1),
            "relative_volume_error": sea.summary["relative_volume_error"]}


def main() -> None:
    """Run and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--plan", default="early-warning")
    parser.add_argument("--hours", type=float, help="simulated hours instead of the scenario's")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides")
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--fresh-sea", action="store_true")
    arguments = parser.parse_args()
    result: dict[str, object] = {"machine": machine()}
    if arguments.fresh_sea:
        result["sea"] = fresh_sea()
    overrides = list(arguments.overrides)
    if arguments.hours is not None:
        overrides.append(f"duration_s={arguments.hours * 3600:g}")
    result["spine"] = measure(arguments.plan, arguments.runs, overrides, arguments.save)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
