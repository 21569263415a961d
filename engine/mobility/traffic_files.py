"""A traffic instance, from tables to arrivals: `simulate_traffic` and `anlan traffic`."""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.errors import InputError
from engine.kernels import traffic_layout as lay
from engine.mobility import route_choice
from engine.mobility.traffic import Traffic
from engine.mobility.traffic_events import REASONS, STATES
from engine.mobility.traffic_tables import Instance, read_folder, validate
from engine.outputs import check_file, write_whole

MOST_S = 40 * 86_400.0
_NEVER_MS = 1 << 60
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True)
class TrafficResult:
    """What became of every trip; arrays are in the order of the trips table."""

    trip: NDArray[Any]  # [trips] names as given
    depart_s: F64
    arrive_s: F64  # NaN where not arrived
    state: NDArray[np.int64]  # index into engine.mobility.traffic.STATES
    place: NDArray[Any]  # "node X" or "link Y"
    reason: NDArray[Any]  # "" where arrived
    summary: dict[str, float]

    @property
    def arrivals(self) -> pd.DataFrame:
        """The table `anlan traffic` writes: trip, arrive_s, state, place, reason."""
        return pd.DataFrame(
            {
                "trip": self.trip,
                "arrive_s": self.arrive_s,
                "state": np.array(STATES, dtype=object)[self.state],
                "place": self.place,
                "reason": self.reason,
            }
        )


def simulate_traffic(
    nodes: pd.DataFrame,
    links: pd.DataFrame,
    trips: pd.DataFrame,
    duration_s: float = 14400,
    routing: str = "static",
    update_s: float = 600,
    closures: pd.DataFrame | None = None,
    capacity_changes: pd.DataFrame | None = None,
    seed: int = 0,
    merge: str = "turns",
) -> TrafficResult:
    """Move every trip over the network and return what became of it.

    - nodes: node[, x_m, y_m, kind, origin_priority]; links: link, from, to, length_m, lanes,
      free_speed_mps, jam_density (veh/m, whole link), capacity (veh/s, whole link)[, merge_priority];
      trips: trip, depart_s, origin, destination; closures: link, from_s, to_s;
      capacity_changes: link, from_s, to_s, factor. A link without a capacity column gets the
      triangular diagram's with a backward wave of 5 m/s. At merges a link weighs `merge_priority`
      (by default its capacity) and those who start at a node `origin_priority` (by default 0.5).
    - routing: "static" keeps to the shortest free-flow paths (refreshed only around closures);
      "dynamic" lets every driver look at the travel times once in `update_s`, some now, some later
      (`engine.mobility.route_choice`).
    - seed: of the draws: which driver looks when, who goes first at a merge.
    - merge: where queues want the same link, they take "turns" or the next one is drawn ("draw"),
      with the weights above (`engine.kernels.traffic`).
    - Total travel time counts from departure, the wait at the origin included; a trip that has
      not arrived counts up to `duration_s`.

    Raises InputError for wrong tables. Model: see `engine.kernels.traffic`.
    """
    begin = time.perf_counter()
    if routing not in ("static", "dynamic"):
        raise InputError(f"routing: '{routing}' (allowed: static, dynamic)")
    if merge not in ("turns", "draw"):
        raise InputError(f"merge: '{merge}' (allowed: turns, draw)")
    if not 0 <= seed < 2**53:
        raise InputError(f"seed: {seed} (allowed: 0 to 2**53 - 1)")
    for name, value, least in (("duration_s", duration_s, 0.001), ("update_s", update_s, 1.0)):
        if not least <= value <= MOST_S:
            raise InputError(f"{name}: {value} (allowed: from {least:g} to {MOST_S:g} s)")
    case = validate(nodes, links, trips, closures, capacity_changes)
    dynamic = routing == "dynamic"
    targets, goal = np.unique(case.destination, return_inverse=True)
    rows = route_choice.rows(targets) if dynamic else [[int(t)] for t in targets]
    traffic = _build(case, rows, seed if merge == "draw" else None)
    row = route_choice.draw(seed, goal.astype(np.int64)) if dynamic else goal
    changes = _changes(case, traffic)
    count = case.trip.size
    depart_ms = np.rint(case.depart_s * 1000).astype(np.int64)
    end_ms = round(duration_s * 1000)
    traffic.depart(np.arange(count), depart_ms, case.origin, row)
    built = time.perf_counter()

    drivers = route_choice.Drivers(traffic, targets.size, round(update_s * 1000))
    moments = {end_ms} | {t for t in changes if t < end_ms}
    if dynamic:
        moments |= set(range(drivers.every_ms, end_ms, drivers.every_ms))
    arrive_ms = np.full(count, -1, dtype=np.int64)
    for moment in sorted(moments | {0}):
        events = traffic.advance(moment)
        arrive_ms[events.arrived] = events.arrived_ms
        if moment in changes:
            factor, shut = changes[moment]
            before = traffic.state.edge_closed.copy()
            traffic.set_edge_state(case.free_speed_mps, case.capacity_vps * factor, shut)
            if not dynamic:  # otherwise an opening is taken up by each group in its turn
                traffic.take_up_openings(np.flatnonzero(before & ~traffic.state.edge_closed))
            traffic.resume()
        if dynamic and moment and moment % drivers.every_ms == 0 and not traffic.idle:
            drivers.look(moment)
        if traffic.idle and not any(t > moment for t in changes):
            break
    done = time.perf_counter()
    return _result(case, traffic, arrive_ms, depart_ms, end_ms, built - begin, done - built)


def _build(case: Instance, destinations: list[list[int]], merge_draw_seed: int | None) -> Traffic:
    return Traffic(
        n_nodes=case.node.size, from_node=case.from_node, to_node=case.to_node,
        length_m=case.length_m, free_speed_mps=case.free_speed_mps,
        capacity_vps=case.capacity_vps, jam_density_vpm=case.jam_density_vpm,
        merge_priority=case.merge_priority, lanes=case.lanes, destinations=destinations,
        max_vehicles=max(case.trip.size, 1), max_destinations=max(len(destinations), 1),
        origin_priority_vps=case.origin_priority, merge_draw_seed=merge_draw_seed,
    )


def _changes(case: Instance, traffic: Traffic) -> dict[int, tuple[F64, NDArray[np.bool_]]]:
    """Return, for each moment (ms) a link changes, all capacity factors and closures."""
    rows = [(link, a, b, -1.0) for link, a, b in case.closures] + case.capacity_changes
    # Whole milliseconds on both sides: 16.1 s x 1000 is a little more than 16,100.
    spans = [(link, _ms(a), _ms(b), f) for link, a, b, f in rows]
    moments = sorted({t for _, a, b, _ in spans for t in (a, b) if t < _NEVER_MS})
    out = {}
    for moment in moments:
        factor, shut = np.ones(traffic.n_edges), np.zeros(traffic.n_edges, dtype=bool)
        for link, a, b, f in spans:
            if a <= moment < b:
                if f < 0:
                    shut[link] = True
                else:
                    factor[link] *= f
        out[moment] = (factor, shut)
    return out


def _ms(t_s: float) -> int:
    return round(t_s * 1000) if np.isfinite(t_s) else _NEVER_MS


def _result(
    case: Instance, traffic: Traffic, arrive_ms: I64, depart_ms: I64, end_ms: int,
    build_s: float, wall_s: float,
) -> TrafficResult:
    vehicles = np.arange(case.trip.size)
    state = traffic.state_of(vehicles).copy()
    arrived = state == lay.S_ARRIVED
    early = (state == lay.S_WAITING) & (depart_ms >= end_ms)
    state[early] = lay.S_UNUSED
    place = traffic.place_of(vehicles)
    on_link = place >= 0
    names = np.empty(case.trip.size, dtype=object)
    names[on_link] = [f"link {case.link[p]}" for p in place[on_link]]
    names[~on_link] = [f"node {case.node[-1 - p]}" for p in place[~on_link]]
    reason = np.array(REASONS, dtype=object)[traffic.reason_of(vehicles)]
    reason[arrived] = ""
    reason[state == lay.S_ON_LINK] = "on the way at the end"
    reason[state == lay.S_WAITING] = "waiting for room on the road at the end"
    reason[early] = "departs after the end"
    spent = np.where(arrived, arrive_ms, end_ms) - depart_ms
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 2**30 if sys.platform == "darwin" else 2**20
    summary = {
        "trips": int(case.trip.size),
        "arrived": int(arrived.sum()),
        "unfinished": int((~arrived).sum()),
        "last_arrival_s": float(arrive_ms.max(initial=0) / 1000) if arrived.any() else 0.0,
        "total_travel_time_h": float(np.maximum(spent, 0).sum() / 3.6e6),
        "build_s": round(build_s, 6),
        "wall_s": round(wall_s, 6),
        "peak_rss_gib": round(peak / unit, 4),
    }
    return TrafficResult(
        case.trip, case.depart_s, np.where(arrived, arrive_ms / 1000, np.nan), state, names,
        reason, summary,
    )


def run_traffic_folder(
    folder: str | Path,
    duration_s: float = 14400,
    routing: str = "static",
    update_s: float = 600,
    out: str | Path | None = None,
    seed: int = 0,
    merge: str = "turns",
) -> TrafficResult:
    """Run the instance in `folder` and write arrivals.csv and summary.json to `out` (or there).

    Files: nodes.csv, links.csv, trips.csv and optional closures.csv, capacity_changes.csv, with
    the columns of `simulate_traffic`. Each output appears under its name only when whole.
    """
    tables = read_folder(Path(folder))
    target = Path(folder if out is None else out)
    check_file(target / "summary.json")
    result = simulate_traffic(
        tables["nodes"], tables["links"], tables["trips"], duration_s, routing, update_s,
        tables.get("closures"), tables.get("capacity_changes"), seed, merge,
    )
    write_whole(target / "arrivals.csv", result.arrivals.to_csv(index=False))
    write_whole(target / "summary.json", json.dumps(result.summary, indent=2) + "\n")
    return result
