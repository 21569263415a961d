"""300,000 vehicles leave a real town while 50 streets close and open: what must hold, holds.

    python -m benches.closures FOLDER [FOLDER ...] [--vehicles 300000] [--closures 50] [--seed 1]

FOLDER is a city folder (`anlan city build`) or a traffic instance (nodes.csv, links.csv; its trips are
not used). Vehicles start anywhere on the largest part of the network where each place can reach each
other, within two hours, for the nearest of 24 ways out at its edge. Links drawn from the ways of some
of them close for 5 to 60 minutes, half of them unknown until a driver meets them or the next news;
every third is under water and strands who is on it until it is towed at the opening.

Every minute the rules of `benches.traffic_audit` are checked: nobody lost, nobody in two places, nobody
enters a closed link or is on one beyond its rules, no link takes in more than its capacity or holds
more than its room; at the end arrived and the rest make up all. Prints one line of JSON for each
folder; exit 1 if a rule was broken.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from benches.machine import machine
from benches.traffic_audit import Watchman, faults
from engine.city_io import load_city
from engine.kernels import traffic_layout as lay
from engine.mobility.traffic import Traffic
from engine.mobility.traffic_events import REASONS, STATES
from engine.mobility.traffic_tables import read_folder, validate

TICK_MS, WINDOW_MS, LONGEST_MS, EXITS = 60_000, 7_200_000, 24 * 3_600_000, 24


def network(folder: Path) -> dict[str, NDArray[np.float64]]:
    """Return places of nodes and columns of links, from a city or from a traffic instance."""
    if (folder / "city.toml").is_file():
        city = load_city(folder)
        e = city.edges
        return {"x_m": city.nodes.x_m, "y_m": city.nodes.y_m, "from_node": e.from_node,
                "to_node": e.to_node, "length_m": e.length_m, "free_speed_mps": e.free_speed_mps,
                "capacity_vps": e.capacity_vps, "jam_density_vpm": e.jam_density_vpm,
                "lanes": e.lanes}
    tables = read_folder(folder)
    case = validate(tables["nodes"], tables["links"], tables["trips"].iloc[:0])
    return {"x_m": tables["nodes"]["x_m"].to_numpy(), "y_m": tables["nodes"]["y_m"].to_numpy(),
            "from_node": case.from_node, "to_node": case.to_node, "length_m": case.length_m,
            "free_speed_mps": case.free_speed_mps, "capacity_vps": case.capacity_vps,
            "jam_density_vpm": case.jam_density_vpm, "lanes": case.lanes}


def ways_out(net: dict[str, NDArray[np.float64]], core: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the outermost node of `core` in each of `EXITS` directions from its middle."""
    x, y = net["x_m"][core], net["y_m"][core]
    dx, dy = x - np.median(x), y - np.median(y)
    sector = ((np.arctan2(dy, dx) + np.pi) / (2 * np.pi) * EXITS).astype(int) % EXITS
    far = np.hypot(dx, dy)
    return np.array([core[sector == k][np.argmax(far[sector == k])]
                     for k in np.unique(sector)], dtype=np.int64)


class Run:
    """One evacuation with closures, watched."""

    def __init__(self, folder: Path, vehicles: int, closures: int, seed: int) -> None:
        net = network(folder)
        self.towed = 0
        self.draw = draw = np.random.default_rng(seed)
        size = net["x_m"].size
        tail, head = net["from_node"], net["to_node"]
        _, part = connected_components(
            csr_matrix((np.ones(tail.size), (tail, head)), shape=(size, size)), connection="strong")
        core = np.flatnonzero(part == np.bincount(part).argmax())
        exits = ways_out(net, core)
        columns = {k: v for k, v in net.items() if k not in ("x_m", "y_m")}
        self.traffic = Traffic(n_nodes=size, destinations=[exits], max_vehicles=vehicles, **columns)
        start = (draw.rayleigh(WINDOW_MS / 3, vehicles)).clip(max=WINDOW_MS).astype(np.int64)
        self.traffic.depart(np.arange(vehicles), start, draw.choice(core, vehicles), 0)
        self._plan(core, exits, closures)

    def _plan(self, core: NDArray[np.int64], exits: NDArray[np.int64], count: int) -> None:
        """Choose which links close when: from the ways of a sample, but not right at an exit."""
        t, draw = self.traffic, self.draw
        node, used = draw.choice(core, 2000), []
        for _ in range(t.n_nodes):
            rank = t.state.route[0, node].astype(np.int64)
            node, rank = node[rank < lay.RANK_ARRIVED], rank[rank < lay.RANK_ARRIVED]
            if not node.size:
                break
            edge = t._net.out_edge[t._net.out_ptr[node] + rank]
            used.append(edge)
            node = t.to_node[edge]
        ways = np.concatenate(used)
        ways = draw.permutation(ways[~np.isin(t.to_node[ways], exits)])
        _, first = np.unique(ways, return_index=True)
        self.link = ways[np.sort(first)[:count]]
        self.begin_ms = draw.integers(0, WINDOW_MS, count) // TICK_MS * TICK_MS
        self.end_ms = self.begin_ms + draw.integers(5, 61, count) * 60_000
        self.known, self.water = draw.random(count) < 0.5, np.arange(count) % 3 == 0

    def change(self) -> None:
        """Close and open what is due; measured times become routes every ten minutes."""
        t, now = self.traffic, self.traffic.now_ms
        starts, ends = self.begin_ms == now, self.end_ms == now
        if starts.any() or ends.any():
            shut = (self.begin_ms <= now) & (now < self.end_ms)
            closed = np.zeros(t.n_edges, dtype=bool)
            closed[self.link[shut]] = True
            speed = t.free_speed_mps.copy()
            speed[self.link[shut & self.water]] = 0.0
            t.set_edge_state(speed, t.state.edge_capacity_vps.copy(), closed,
                             known=bool(self.known[starts].any()))
            self._clear(self.link[ends])
        if now % 600_000 == 0:
            t.refresh_routes(t.mean_travel_ms())
        t.resume()

    def _clear(self, links: NDArray[np.int64]) -> None:
        """Tow what stands on `links`; the vehicles start again from the node at the end."""
        t = self.traffic
        every = np.arange(t.state.vehicle.shape[0])
        stands = (t.state_of(every) == lay.S_STRANDED_ON_LINK) & np.isin(t.place_of(every), links)
        towed = every[stands]
        if towed.size:
            t.tow(towed)
            t.depart(towed, t.now_ms, -1 - t.place_of(towed), 0)
            self.towed += towed.size

    def go(self) -> dict[str, object]:
        """Run until nobody moves; return what happened."""
        t, watch, broken = self.traffic, Watchman(self.traffic), []
        count = t.state.vehicle.shape[0]
        met = arrived = 0
        wall_s = audit_s = 0.0
        while t.now_ms < LONGEST_MS and (t.now_ms <= self.end_ms.max() or not t.idle):
            begun = time.process_time()
            self.change()
            wall_s += time.process_time() - begun
            broken += [f"{t.now_ms // 1000} s: {fault}" for fault in faults(t)]
            watch.changed()
            begun = time.process_time()
            events = t.advance(t.now_ms + TICK_MS)
            wall_s += time.process_time() - begun
            met += events.blocked_edge.size
            arrived += events.arrived.size
            begun = time.process_time()
            broken += [f"{t.now_ms // 1000} s: {fault}" for fault in watch.look()]
            audit_s += time.process_time() - begun
        state = np.bincount(t.state_of(np.arange(count)), minlength=len(STATES))
        if state.sum() != count or state[lay.S_ARRIVED] != arrived:
            broken.append("arrivals and the rest do not make up all")
        reason = np.bincount(t.reason_of(np.arange(count)), minlength=len(REASONS))
        return {
            "vehicles": count, "nodes": t.n_nodes, "links": t.n_edges, "closures": self.link.size,
            "of_them_met_unknown": met, "towed_and_started_again": self.towed,
            "link_entries": int(t.edge_entered().sum()), "end_s": t.now_ms // 1000,
            "states": {STATES[k]: int(n) for k, n in enumerate(state) if n},
            "reasons": {REASONS[k]: int(n) for k, n in enumerate(reason) if n and REASONS[k]},
            "broken_rules": len(broken), "first_broken": broken[:5],
            "traffic_cpu_s": round(wall_s, 1), "audit_cpu_s": round(audit_s, 1),
        }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--vehicles", type=int, default=300_000)
    parser.add_argument("--closures", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    broken = 0
    for folder in options.folders:
        told = Run(folder, options.vehicles, options.closures, options.seed).go()
        broken += int(str(told["broken_rules"]))
        print(json.dumps({"bench": "closures", "folder": folder.name, **told, "threads": 1,
                          **machine()}), flush=True)
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
