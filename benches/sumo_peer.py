"""The stand-alone traffic beside SUMO's mesoscopic model, on the same instances in the same run.

    python -m benches.sumo_peer --sumo FOLDER_WITH_SUMO_AND_NETCONVERT [--case NAME ...]
    python -m benches.sumo_peer --sumo FOLDER --folder INSTANCE [--end 14400] [--limit 600]

Static routes: both drive each trip's free-flow shortest path, from our trees. Same fundamental
diagram: vehicles take up 5 m and all four headways of SUMO's model (free or jammed behind and ahead)
are 1 s, so that a lane holds 0.2 veh/m, passes u w kj / (u + w) and jams move back at about w = 5 m/s;
`--headways default` keeps SUMO's own (1.13, 1.13, 1.73 and 1.4 s). Junction control and teleporting
are off. SUMO keeps its other rules: segments of 98 m, queues by turning lane, steps of 1 s; ours merges
in proportion to capacity. Nodes do not take time in either.

Both run on one thread to the same simulated end (`--end`); ours stops where all have arrived, SUMO's
steps are empty from then on.
SUMO also stops after `--limit` seconds of its processor (asked to end: it completes its step and its
output); `reached_s` tells how far it came and `stopped` why it ended. For SUMO, reading the network and
all trips is left out: processor time of a run to second 0 is taken off. Total travel time is waiting at
the origin included, unfinished trips up to the end: for SUMO the sum over each minute of those on the
road or waiting to set out; where SUMO did not reach the end, ours is played up to there for the ratios.
Processor seconds are what to compare where others use the cores. One line of JSON a case.
The folder of the binaries themselves (of the wheel eclipse-sumo: site-packages/sumo/bin) may also
stand in ANLAN_SUMO_BIN.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numba
import numpy as np
import pandas as pd

from benches.grid import boundary_exits, town
from benches.machine import machine
from engine.kernels.paths import reverse_tree, speed_cost_ms
from engine.mobility import traffic_files
from engine.mobility.traffic_tables import read_folder

Tables = dict[str, pd.DataFrame]
#: name: (streets a side, vehicles, exits, seconds in which they set out)
CASES = {
    "grid30-20k": (30, 20_000, 8, 3600.0),
    "grid30-100k": (30, 100_000, 16, 3600.0),
    "grid60-200k": (60, 200_000, 32, 3600.0),
    "grid100-500k": (100, 500_000, 40, 7200.0),
}
LANE_JAM_VPM, WAVE_MPS = 0.2, 5.0
STEP_S = 60  # of SUMO's summary
HEADWAYS = {"matched": "1", "default": None}


def diagram(links: pd.DataFrame) -> None:
    """Stop where the links do not have the diagram that SUMO plays here."""
    speed, jam = links["free_speed_mps"], links["jam_density"]
    if not np.allclose(jam, LANE_JAM_VPM * links["lanes"]):
        raise SystemExit("jam density must be 0.2 veh/m a lane")
    if not np.allclose(links["capacity"], speed * WAVE_MPS * jam / (speed + WAVE_MPS), rtol=1e-3):
        raise SystemExit("capacity must be the triangular diagram's with a wave of 5 m/s")


def write_network(tables: Tables, folder: Path, binaries: Path) -> Path:
    """Nodes and links as SUMO's network."""
    nodes, links = tables["nodes"], tables["links"]
    (folder / "n.nod.xml").write_text("<nodes>\n" + "".join(
        f'<node id="{row.node}" x="{row.x_m}" y="{row.y_m}" type="priority"/>\n'
        for row in nodes.itertuples()) + "</nodes>\n")
    (folder / "e.edg.xml").write_text("<edges>\n" + "".join(
        f'<edge id="{row["link"]}" from="{row["from"]}" to="{row["to"]}" '
        f'numLanes="{row["lanes"]}" speed="{row["free_speed_mps"]}" length="{row["length_m"]}"/>\n'
        for row in links.to_dict("records")) + "</edges>\n")
    net = folder / "net.xml"
    subprocess.run(
        [binaries / "netconvert", "-n", folder / "n.nod.xml", "-e", folder / "e.edg.xml", "-o", net,
         "--no-turnarounds", "true", "--no-internal-links", "true", "--no-warnings"],
        check=True, stdout=subprocess.DEVNULL)
    return net


def write_trips(tables: Tables, folder: Path) -> Path:
    """One route for each pair of places, along our free-flow trees, and the trips that drive them."""
    nodes, links, trips = tables["nodes"], tables["links"], tables["trips"]
    row = {node: k for k, node in enumerate(nodes["node"])}
    tail, head = (links[side].map(row).to_numpy() for side in ("from", "to"))
    cost = speed_cost_ms(links["length_m"], links["free_speed_mps"])
    name = links["link"].to_numpy()
    path = folder / "trips.rou.xml"
    with path.open("w") as out:
        out.write('<routes>\n<vType id="car" length="4" minGap="1" tau="1" speedFactor="1" '
                  'speedDev="0"/>\n')
        pairs = trips[["origin", "destination"]].drop_duplicates()
        for goal, group in pairs.groupby("destination"):
            via = reverse_tree(len(nodes), tail, head, cost, [row[goal]])[1]
            for origin in group["origin"]:
                at, way = row[origin], []
                while via[at] >= 0:
                    way.append(str(name[via[at]]))
                    at = head[via[at]]
                out.write(f'<route id="{origin}-{goal}" edges="{" ".join(way)}"/>\n')
        for trip in trips.sort_values("depart_s", kind="stable").itertuples():
            out.write(
                f'<vehicle id="{trip.trip}" type="car" route="{trip.origin}-{trip.destination}" '
                f'depart="{trip.depart_s}" departLane="best" departSpeed="max"/>\n')
        out.write("</routes>\n")
    return path


def watched(command: list[str], limit_s: float) -> tuple[float, float, float, bool]:
    """Run; return wall and processor seconds, peak memory (GiB), and whether the limit ended it."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    ticks, stopped = os.sysconf("SC_CLK_TCK"), False
    while True:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        if not stopped and (int(fields[11]) + int(fields[12])) / ticks > limit_s:
            process.send_signal(signal.SIGINT)
            stopped = True
        time.sleep(0.02)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.stderr is not None
    said = process.stderr.read().decode()
    if process.returncode and not stopped:
        raise SystemExit(f"sumo failed ({process.returncode}):\n{said[-2000:]}")
    return (time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20, stopped)


def sumo(net: Path, trips: Path, count: int, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One mesoscopic run, and one to second 0 whose time is taken off."""
    summary = folder / "summary.xml"
    command = [
        str(options.sumo / "sumo"), "-n", str(net), "-r", str(trips), "--mesosim", "true",
        "--route-steps", "0", "--no-step-log", "true", "--no-warnings", "true",
        "--time-to-teleport", "-1", "--seed", str(options.seed), "--threads", "1",
        "--summary-output", str(summary), "--summary-output.period", str(STEP_S),
    ]
    headway = HEADWAYS[options.headways]
    for part in ("ff", "fj", "jf", "jj") if headway else ():
        command += [f"--meso-tau{part}", str(headway)]
    load_wall, load_cpu, _, _ = watched([*command, "--end", "0"], options.limit)
    wall, cpu, peak, stopped = watched(
        [*command, "--end", str(options.end)], options.limit + load_cpu)
    steps = np.array([
        [float(found[1]) for found in (
            re.search(rf' {key}="([-\d.]+)"', line)
            for key in ("time", "running", "waiting", "ended")) if found]
        for line in summary.read_text().splitlines() if "<step" in line])
    at, inside, arrived = steps[:, 0], steps[:, 1] + steps[:, 2], steps[:, 3]
    clear = arrived >= count
    return {
        "engine": "sumo-meso", "version": version(options.sumo), "headways": options.headways,
        "trips": count, "arrived": int(arrived[-1]), "cleared": bool(clear.any()),
        "last_arrival_s": float(at[clear][0]) if clear.any() else None,
        "reached_s": float(at[-1]),
        "stopped": "limit of processor time" if stopped else "all arrived" if clear.any() else "end",
        "total_travel_time_h": float(np.trapezoid(inside, at) / 3600),
        "load_cpu_s": round(load_cpu, 2), "wall_s": round(wall - load_wall, 2),
        "processor_s": round(cpu - load_cpu, 2), "peak_rss_gib": round(peak, 3),
    }


def version(binaries: Path) -> str:
    """SUMO's version."""
    said = subprocess.run([binaries / "sumo", "--version"], capture_output=True, text=True, check=True)
    return said.stdout.splitlines()[0].split()[-1]


class _Clock:
    """Gives the wall's time and notes the processor's at each look."""

    def __init__(self) -> None:
        self.processor: list[float] = []

    def perf_counter(self) -> float:
        self.processor.append(time.process_time())
        return time.perf_counter()


def ours(tables: Tables, end_s: float, seed: int) -> dict[str, Any]:
    """One run of `simulate_traffic` with its processor seconds, building apart."""
    clock = _Clock()
    with mock.patch.object(traffic_files, "time", clock):
        told = traffic_files.simulate_traffic(
            tables["nodes"], tables["links"], tables["trips"], end_s, "static", seed=seed).summary
    begun, built, done = clock.processor
    return told | {"cleared": told["arrived"] == told["trips"],
                   "build_cpu_s": round(built - begun, 3), "processor_s": round(done - built, 3)}


def compare(name: str, tables: Tables, options: argparse.Namespace) -> dict[str, Any]:
    """Both engines, and their ratios."""
    diagram(tables["links"])
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        net = write_network(tables, folder, options.sumo)
        trips = write_trips(tables, folder)
        peer = sumo(net, trips, len(tables["trips"]), folder, options)
    whole = peer["stopped"] != "limit of processor time"
    end_s = options.end if whole else peer["reached_s"]
    runs = [ours(tables, end_s, options.seed) for _ in range(options.runs)]
    own = min(runs, key=lambda run: run["processor_s"])
    return {
        "bench": "sumo_peer", "case": name, "routing": "static", "end_s": end_s,
        "limit_cpu_s": options.limit, "nodes": len(tables["nodes"]), "links": len(tables["links"]),
        "destinations": int(tables["trips"]["destination"].nunique()),
        "total_travel_time_ratio": round(
            own["total_travel_time_h"] / peer["total_travel_time_h"], 4),
        "clearance_ratio": round(own["last_arrival_s"] / peer["last_arrival_s"], 4)
        if own["cleared"] and peer["cleared"] else None,
        "times_less_processor": round(peer["processor_s"] / own["processor_s"], 1),
        "times_faster": round(peer["wall_s"] / own["wall_s"], 1),
        "peer": peer, "own": own, "own_processor_s": [run["processor_s"] for run in runs],
        "threads": 1, "machine": machine(),
        "peak_rss_gib_of_bench": round(
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 3),
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sumo", type=Path, default=os.environ.get("ANLAN_SUMO_BIN"))
    parser.add_argument("--case", action="append", choices=sorted(CASES))
    parser.add_argument("--folder", type=Path, action="append", default=[])
    parser.add_argument("--headways", default="matched", choices=sorted(HEADWAYS))
    parser.add_argument("--end", type=float, default=14400)
    parser.add_argument("--limit", type=float, default=600)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if not options.sumo:
        parser.error("--sumo: the folder of the binaries sumo and netconvert is needed")
    options.sumo = Path(options.sumo)
    if (options.sumo / "sumo").read_bytes()[:2] == b"#!":
        parser.error(f"--sumo {options.sumo}: is a script that starts SUMO; its time would not count")
    numba.set_num_threads(1)

    def grid(side: int, vehicles: int, exits: int, window_s: float) -> Tables:
        parts = town(side, side, vehicles, exits=boundary_exits(side, exits), window_s=window_s, seed=1)
        return dict(zip(("nodes", "links", "trips"), parts, strict=True))

    ours(grid(10, 1000, 4, 600.0), options.end, options.seed)  # compiles
    for folder in options.folder:
        print(json.dumps(compare(folder.name, read_folder(folder), options)), flush=True)
    for case in options.case or ([] if options.folder else CASES):
        print(json.dumps(compare(case, grid(*CASES[case]), options)), flush=True)


if __name__ == "__main__":
    main()
