"""Speed of the sea: a synthetic bay or, with --scenario, a scenario's own sea.

    python -m benches.sea [--cells 500] [--duration 10800] [--threads 2] [--scenario NAME]

The bay is 500 x 500 cells of 25 m, open in the west and north, 30 m deep there, with a beach 1:50
in the east; a train of 2 m waves of half an hour enters. The kernels are compiled before the clock
starts, and nothing is read from kept seas. Target: three hours of 250,000 cells in 120 s on 2
threads.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any
from unittest import mock

import numba
import numpy as np

from benches.machine import machine
from engine.city_io import load_city
from engine.hazards import sea, tsunami
from engine.scenario import load_scenario


def bay(cells: int) -> tuple[Any, ...]:
    """Elevation, roughness, cell size, open sides, series (t_s, level_m) of the synthetic bay."""
    y, x = np.mgrid[0:cells, 0:cells]
    shore = 0.75 * cells + 0.08 * cells * np.sin(2 * np.pi * y / cells)
    elev = np.clip((x - shore) * 25.0 / 50.0, -30.0, 40.0).astype(np.float32)
    t = np.arange(0.0, 14_400.0, 30.0)
    level = 2.0 * np.sin(2 * np.pi * t / 1800.0) * np.minimum(t / 1800.0, 1.0)
    return elev, np.full(elev.shape, 0.025, np.float32), 25.0, ("west", "north"), t, level


def scenario_inputs(name: str) -> tuple[tuple[Any, ...], Any]:
    """Inputs and gauge cells that a scenario gives to the sea."""
    scenario = load_scenario(name)
    seen: list[tuple[Any, ...]] = []
    with mock.patch.object(tsunami, "load_or_compute", lambda *inputs: seen.append(inputs)):
        tsunami.sea_of(load_city(scenario.city), scenario)
    return seen[0][:6], seen[0][-1]


def measure(inputs: tuple[Any, ...], duration_s: float, gauges: Any) -> dict[str, Any]:
    """Wall seconds and cell updates of one sea, frames included."""
    sea.simulate_sea(*inputs, 20.0, 20.0, gauges)  # compiles
    begun = time.perf_counter()
    result = sea.simulate_sea(*inputs, duration_s, 20.0, gauges)
    wall = time.perf_counter() - begun
    updates = result.summary["cells_updated"]
    return {
        "cells": int(inputs[0].size), "simulated_s": duration_s, "wall_s": round(wall, 2),
        "steps": int(result.summary["steps"]), "cell_updates": int(updates),
        "million_cell_updates_per_s": round(updates / wall / 1e6, 1),
        "land_cells_kept": int(result.cells.size),
        "relative_volume_error": result.summary["relative_volume_error"],
    }


def main() -> None:
    """Print the measurement as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--cells", type=int, default=500, help="cells on a side of the bay")
    parser.add_argument("--duration", type=float, default=10_800.0, help="simulated seconds")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scenario", help="measure the sea of a built-in scenario instead")
    arguments = parser.parse_args()
    threads = min(arguments.threads, numba.config.NUMBA_NUM_THREADS)
    numba.set_num_threads(threads)
    if arguments.scenario:
        inputs, gauges = scenario_inputs(arguments.scenario)
    else:
        inputs, gauges = bay(arguments.cells), np.array([0])
    out = {"sea": arguments.scenario or "synthetic bay", "threads": threads,
           **measure(inputs, arguments.duration, gauges), **machine()}
    print(json.dumps(out, indent=2))


if __name__ == "__main__":
    main()
