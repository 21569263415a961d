"""Time `simulate_traffic` on instance folders: median of three, one line of JSON each.

    python benches/traffic.py FOLDER [FOLDER ...] [--routing static] [--update 600]
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
from pathlib import Path

import numba
import numpy as np

from engine.mobility import simulate_traffic
from engine.mobility.traffic_tables import read_folder

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--routing", default="static", choices=["static", "dynamic"])
    parser.add_argument("--update", type=float, default=600)
    parser.add_argument("--duration", type=float, default=14400)
    options = parser.parse_args()
    for folder in options.folders:
        tables = read_folder(Path(folder))

        def once(tables: dict = tables) -> dict:
            return simulate_traffic(
                tables["nodes"], tables["links"], tables["trips"], options.duration,
                options.routing, options.update, tables.get("closures"),
                tables.get("capacity_changes"),
            ).summary

        once()  # compiles
        runs = [once() for _ in range(3)]
        summary = runs[0] | {
            key: round(statistics.median(run[key] for run in runs), 4)
            for key in ("wall_s", "build_s")
        }
        print(json.dumps({
            "bench": "traffic", "instance": Path(folder).name, "routing": options.routing,
            "update_s": options.update, **summary,
            "machine": platform.machine(), "processor": platform.processor(),
            "python": platform.python_version(), "numpy": np.__version__,
            "numba": numba.__version__, "threads": 1,
        }), flush=True)
