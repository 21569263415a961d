"""Play an instance folder with UXsim and print one line of JSON; needs an interpreter with UXsim.

    PEER_PYTHON benches/uxsim_peer.py FOLDER --duration 14400 --deltan 5 --routing dynamic

UXsim moves platoons of `deltan` vehicles: of the trips between one pair of places each deltan-th
stands for the next ones, so vehicles are conserved where each pair has a multiple of deltan. With
static routes the trees of the start stay: the update interval is longer than the run. Waiting at the
origin counts as travel time, and who has not arrived counts up to the end.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from uxsim import World  # type: ignore[import-not-found,import-untyped,unused-ignore]

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--duration", type=float, default=14400)
    parser.add_argument("--deltan", type=int, default=5)
    parser.add_argument("--routing", default="dynamic", choices=["static", "dynamic"])
    parser.add_argument("--update", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    nodes, links, trips = (
        pd.read_csv(options.folder / f"{name}.csv") for name in ("nodes", "links", "trips"))
    begun = time.perf_counter()
    world = World(
        name="", deltan=options.deltan, tmax=options.duration, print_mode=0, save_mode=0,
        show_mode=0, random_seed=options.seed, cpp=True, threads=1,
        duo_update_time=options.update if options.routing == "dynamic" else 10 * options.duration,
        vehicle_logging_timestep_interval=-1, reduce_memory_delete_vehicle_route_pref=True,
    )
    for node in nodes.itertuples():
        world.addNode(str(node.node), node.x_m, node.y_m)
    weight = links["merge_priority"] if "merge_priority" in links else [1.0] * len(links)
    for row, priority in zip(links.to_dict("records"), weight, strict=True):
        world.addLink(
            f"link {row['link']}", str(row["from"]), str(row["to"]), row["length_m"],
            free_flow_speed=row["free_speed_mps"], jam_density=row["jam_density"],
            number_of_lanes=int(row["lanes"]), merge_priority=priority,
        )
    ordered = trips.sort_values(["origin", "destination", "depart_s"], kind="stable")
    first = ordered.groupby(["origin", "destination"]).cumcount() % options.deltan == 0
    for trip in ordered[first].sort_values("depart_s", kind="stable").itertuples():
        world.addVehicle(str(trip.origin), str(trip.destination), trip.depart_s)
    world.finalize_scenario()
    ready, used = time.perf_counter(), time.process_time()
    world.exec_simulation()
    done, used = time.perf_counter(), time.process_time() - used
    arrived, last_s, spent_s, step_s = 0, 0.0, 0.0, float(options.deltan)
    for vehicle in world.VEHICLES.values():
        departs = vehicle.departure_time * step_s
        arrives = options.duration
        if vehicle.state == "end" and vehicle.arrival_time is not None and vehicle.arrival_time >= 0:
            arrives = vehicle.arrival_time * step_s
            arrived += options.deltan
            last_s = max(last_s, arrives)
        spent_s += max(0.0, arrives - departs) * options.deltan
    print(json.dumps({
        "engine": "uxsim", "version": version("uxsim"), "cpp": True, "deltan": options.deltan,
        "trips": int(first.sum()) * options.deltan, "arrived": arrived, "last_arrival_s": last_s,
        "total_travel_time_h": spent_s / 3600, "build_s": round(ready - begun, 3),
        "wall_s": round(done - ready, 4), "processor_s": round(used, 4),
        "peak_rss_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 3),
    }))
