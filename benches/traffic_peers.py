"""The stand-alone traffic beside UXsim, on the same instances in the same run.

    python -m benches.traffic_peers --peer PYTHON_WITH_UXSIM [--case NAME ...] [--deltan 5]
    python -m benches.traffic_peers --peer PYTHON_WITH_UXSIM --folder DIR [--routing static]

Both engines take turns, the peer first; medians of three where the peer takes less than 20 s, one
run otherwise. Walls are those of the simulation on one thread, reading and building excluded (ours
includes growing the route trees, arrivals and ledger are on). Both play UXsim's rules at nodes: the
next vehicle is drawn among the links that merge, all with equal weight, and who starts at a node goes
first. One line of JSON for each case;
ratios are ours over the peer's, and for times the peer's over ours. Where others use
the cores, processor seconds say more than walls. The peer's interpreter may also
stand in ANLAN_PEER_PYTHON.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pandas as pd

from benches.machine import machine
from engine.kernels.paths import reverse_tree, speed_cost_ms
from engine.mobility import simulate_traffic
from engine.mobility.traffic_tables import read_folder

Tables = dict[str, pd.DataFrame]
#: name: (streets a side, vehicles, exits, seed, routing)
CASES = {
    "grid30-static": (30, 100_000, 16, 1, "static"),
    "grid20-static": (20, 60_000, 12, 2, "static"),
    "grid25-static": (25, 80_000, 12, 3, "static"),
    "grid40-static": (40, 120_000, 20, 4, "static"),
    "grid30-dynamic": (30, 100_000, 16, 1, "dynamic"),
    "grid60-dynamic": (60, 200_000, 32, 1, "dynamic"),
}
WINDOW_S = 3600.0
BLOCK_M = 200.0
WAVE_MPS, LANE_JAM_VPM = 5.0, 0.2  # what UXsim's reaction time of 1 s gives
ONCE_S = 20.0
FIRST = 1e4  # merge weight of those who start at a node, against 1 for a link
MEMORY_KIB = 18_000_000  # the peer holds dense node x node tables


def grid(side: int, vehicles: int, exits: int, seed: int) -> Tables:
    """A grid city that drives out: every fifth street an arterial, exits round the edge.

    Trips come in tens with the same ends, so that platoons of five or ten can stand for them; they
    go to one of the three nearest exits and leave over an hour.
    """
    random = np.random.default_rng(seed)
    number = np.arange(side * side).reshape(side, side)  # [row, column]
    pairs, arterial = [], []
    for a, b, line in (
        (number[:, :-1], number[:, 1:], np.repeat(np.arange(side)[:, None], side - 1, axis=1)),
        (number[:-1], number[1:], np.repeat(np.arange(side)[None], side - 1, axis=0)),
    ):
        for tail, head in ((a, b), (b, a)):
            pairs.append(np.stack([tail.ravel(), head.ravel()], axis=1))
            arterial.append(line.ravel() % 5 == 0)
    ends, main = np.concatenate(pairs), np.concatenate(arterial)
    length = BLOCK_M * random.uniform(1.0, 1.15, main.size)
    edge = np.concatenate([number[0, :-1], number[:-1, -1], number[-1, :0:-1], number[:0:-1, 0]])
    row, column = np.divmod(edge, side)
    gates = edge[((row % 5 == 0) | (column % 5 == 0))]
    gates = gates[np.linspace(0, gates.size, exits, endpoint=False).astype(int)]
    sinks = side * side + np.arange(exits)
    links = pd.DataFrame({
        "from": np.concatenate([ends[:, 0], gates]), "to": np.concatenate([ends[:, 1], sinks]),
        "length_m": np.append(length, np.full(exits, 500.0)).round(2),
        "lanes": np.append(np.where(main, 2, 1), np.full(exits, 4)),
        "free_speed_mps": np.append(np.where(main, 13.9, 8.3), np.full(exits, 25.0)),
    })
    links.insert(0, "link", np.arange(len(links)))
    links["jam_density"] = LANE_JAM_VPM * links["lanes"]
    y, x = np.divmod(np.arange(side * side), side)
    nodes = pd.DataFrame({
        "node": np.arange(side * side + exits),
        "x_m": BLOCK_M * np.append(x, gates % side).astype(float),
        "y_m": BLOCK_M * np.append(y, gates // side).astype(float),
    })
    cost = speed_cost_ms(links["length_m"], links["free_speed_mps"])
    away = np.stack([
        reverse_tree(len(nodes), links["from"], links["to"], cost, [sink])[0] for sink in sinks])
    near = np.argsort(away[:, :side * side], axis=0, kind="stable")[:3]
    batches = vehicles // 10
    origin = random.integers(0, side * side, batches)
    goal = sinks[near[random.choice(3, batches, p=[0.6, 0.25, 0.15]), origin]]
    leaves = np.minimum(random.rayleigh(WINDOW_S / 3, batches), WINDOW_S)
    leaves = np.repeat(leaves, 10) + random.exponential(60.0, 10 * batches)
    trips = pd.DataFrame({
        "depart_s": np.minimum(leaves, WINDOW_S + 600.0).round(1),
        "origin": np.repeat(origin, 10), "destination": np.repeat(goal, 10),
    }).sort_values("depart_s", kind="stable", ignore_index=True)
    trips.insert(0, "trip", trips.index)
    return {"nodes": nodes, "links": links, "trips": trips}


def peer_rules(tables: Tables) -> Tables:
    """The same instance with UXsim's fundamental diagram and rules at nodes."""
    links, nodes = tables["links"].copy(), tables["nodes"].copy()
    lane = links["jam_density"] / links["lanes"]
    if not np.allclose(lane, LANE_JAM_VPM):
        raise SystemExit(f"jam density {lane.iloc[0]:g} veh/m a lane (UXsim's wave needs 0.2)")
    speed = links["free_speed_mps"]
    links["capacity"] = speed * WAVE_MPS * links["jam_density"] / (speed + WAVE_MPS)
    links["merge_priority"] = 1.0
    nodes["origin_priority"] = FIRST
    return {"nodes": nodes, "links": links, "trips": tables["trips"]}


def ours(tables: Tables, routing: str, options: argparse.Namespace) -> dict[str, Any]:
    """One run of `simulate_traffic`; its processor seconds include reading the tables and building."""
    used = time.process_time()
    summary = simulate_traffic(
        tables["nodes"], tables["links"], tables["trips"], options.duration, routing,
        options.update, seed=options.seed, merge="draw",
    ).summary
    return summary | {"processor_s": round(time.process_time() - used, 4)}


def peers(folder: Path, routing: str, options: argparse.Namespace) -> dict[str, Any]:
    """One run of UXsim in its own interpreter."""
    command = [
        options.peer, str(Path(__file__).with_name("uxsim_peer.py")), str(folder), "--routing",
        routing, "--duration", str(options.duration), "--update", str(options.update),
        "--deltan", str(options.deltan), "--seed", str(options.seed),
    ]
    limit = MEMORY_KIB * 1024
    done = subprocess.run(
        command, capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    if done.returncode:
        raise SystemExit(f"the peer failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def middle(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The first run, with the medians of the times of all."""
    return runs[0] | {
        name: statistics.median(run[name] for run in runs) for name in ("wall_s", "processor_s")
    } | {"walls_s": [run["wall_s"] for run in runs]}


def compare(
    name: str, tables: Tables, routing: str, options: argparse.Namespace
) -> dict[str, Any]:
    """Both engines in turn, and their ratios."""
    tables = peer_rules(tables)
    theirs, mine = [], []
    with tempfile.TemporaryDirectory() as folder:
        for part, table in tables.items():
            table.to_csv(Path(folder) / f"{part}.csv", index=False)
        while len(theirs) < options.runs:
            theirs.append(peers(Path(folder), routing, options))
            mine.append(ours(tables, routing, options))
            if theirs[-1]["wall_s"] > ONCE_S:
                break
    while len(mine) < options.runs:
        mine.append(ours(tables, routing, options))
    peer, own = middle(theirs), middle(mine)
    return {
        "bench": "traffic_peers", "case": name, "routing": routing, "update_s": options.update,
        "nodes": len(tables["nodes"]), "links": len(tables["links"]),
        "destinations": int(tables["trips"]["destination"].nunique()),
        "total_travel_time_ratio": round(
            own["total_travel_time_h"] / peer["total_travel_time_h"], 4),
        "clearance_ratio": round(own["last_arrival_s"] / peer["last_arrival_s"], 4),
        "times_faster": round(peer["wall_s"] / own["wall_s"], 1),
        "times_less_processor": round(peer["processor_s"] / own["processor_s"], 1),
        "peer": peer, "own": own,
        "machine": machine(),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", default=os.environ.get("ANLAN_PEER_PYTHON"))
    parser.add_argument("--case", action="append", choices=sorted(CASES))
    parser.add_argument("--folder", type=Path, action="append", default=[])
    parser.add_argument("--routing", default="dynamic", choices=["static", "dynamic"])
    parser.add_argument("--update", type=float, default=600)
    parser.add_argument("--duration", type=float, default=14400)
    parser.add_argument("--deltan", type=int, default=5)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if not options.peer:
        parser.error("--peer: the interpreter that has UXsim is needed")
    numba.set_num_threads(1)
    small = grid(5, 100, 4, 0)
    for way in ("static", "dynamic"):
        ours(peer_rules(small), way, options)  # compiles
    for folder in options.folder:
        print(json.dumps(compare(folder.name, read_folder(folder), options.routing, options)),
              flush=True)
    for case in options.case or ([] if options.folder else CASES):
        side, vehicles, exits, seed, way = CASES[case]
        print(json.dumps(compare(case, grid(side, vehicles, exits, seed), way, options)),
              flush=True)
