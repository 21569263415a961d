"""Grid towns with traffic in them, made from a seed: for the benchmarks of roads and trees.

Streets every 200 m (up to 15 % longer), one lane at 30 km/h, every fifth an arterial with two lanes
at 50 km/h, all two-way; a way out is a link of 500 m with four lanes at 25 m/s. Triangular diagram:
0.2 veh/m a lane at standstill, backward wave 5 m/s.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]
_STREET_M, _ARTERIAL = 200.0, 5
_JAM_VPM, _WAVE_MPS = 0.2, 5.0


def boundary_exits(n: int, count: int) -> NDArray[np.int64]:
    """Return `count` junctions spread over those where an arterial meets the boundary."""
    along = np.arange(0, n - 1)
    last = n - 1
    ring = np.concatenate([along, along * n + last, last * n + last - along, (last - along) * n])
    x, y = ring % n, ring // n
    flat = np.isin(y, (0, last)) & (x % _ARTERIAL == 0)
    ends = ring[flat | (np.isin(x, (0, last)) & (y % _ARTERIAL == 0))]
    return ends[np.linspace(0, ends.size, count, endpoint=False).astype(np.int64)]


def inner_exits(across: int, along: int, apart: int = 10) -> NDArray[np.int64]:
    """Return junctions on arterials all over the town, one in each `apart` x `apart` streets."""
    x, y = (np.arange(size // apart) * apart + _ARTERIAL for size in (across, along))
    return (y[:, None] * across + x[None, :]).ravel()


def streets(
    across: int, along: int, exits: NDArray[np.int64], seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return nodes and links of a grid of `across` x `along` junctions, a way out at each of `exits`."""
    draw = np.random.default_rng(seed)
    size = across * along
    number = np.arange(size).reshape(along, across)
    rows = np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()])
    columns = np.stack([number[:-1].ravel(), number[1:].ravel()])
    pairs = np.concatenate([rows, columns], axis=1)
    wide = np.concatenate([rows[0] // across, columns[0] % across]) % _ARTERIAL == 0
    inside = 2 * pairs.shape[1]
    tail = np.concatenate([pairs[0], pairs[1], exits])
    head = np.concatenate([pairs[1], pairs[0], size + np.arange(exits.size)])
    is_out = np.arange(tail.size) >= inside
    wide = np.concatenate([wide, wide, np.zeros(exits.size, bool)])
    lanes = np.where(is_out, 4, np.where(wide, 2, 1))
    speed = np.where(is_out, 25.0, np.where(wide, 50 / 3.6, 30 / 3.6))
    length = np.where(is_out, 500.0, _STREET_M * (1 + 0.15 * draw.random(tail.size)))
    jam = _JAM_VPM * lanes
    links = pd.DataFrame({
        "link": np.arange(tail.size), "from": tail, "to": head, "length_m": length,
        "lanes": lanes, "free_speed_mps": speed, "jam_density": jam,
        "capacity": speed * _WAVE_MPS * jam / (speed + _WAVE_MPS),
    })
    place = np.concatenate([np.arange(size), exits])
    nodes = pd.DataFrame({
        "node": np.arange(place.size), "x_m": _STREET_M * (place % across),
        "y_m": _STREET_M * (place // across),
        "kind": np.where(np.arange(place.size) < size, "street", "exit"),
    })
    return nodes, links


def evacuation(
    nodes: pd.DataFrame, links: pd.DataFrame, exits: NDArray[np.int64], vehicles: int,
    window_s: float, seed: int, shares: tuple[float, ...] = (0.6, 0.25, 0.15),
) -> pd.DataFrame:
    """Return trips from anywhere to one of the nearest `exits`, the first with the first of `shares`.

    Groups of ten set out together, Rayleigh distributed over `window_s`, each vehicle up to some
    minutes after its group.
    """
    draw = np.random.default_rng([seed, 1])
    size = len(nodes)
    cost = csr_matrix((links["length_m"] / links["free_speed_mps"], (links["to"], links["from"])),
                      shape=(size, size))
    far = dijkstra(cost, indices=exits)
    near = np.argsort(far, axis=0, kind="stable")[: len(shares)]
    groups = -(-vehicles // 10)
    homes = np.flatnonzero(np.isfinite(far).any(axis=0) & ~np.isin(np.arange(size), exits))
    origin = draw.choice(homes, groups)
    choice = np.minimum(draw.choice(len(shares), groups, p=shares), near.shape[0] - 1)
    best = near[choice, origin]
    reached = np.isfinite(far[best, origin])
    goal = exits[np.where(reached, best, near[0, origin])]
    begin = np.minimum(draw.rayleigh(window_s / 3, groups), window_s)
    start = np.minimum(np.repeat(begin, 10) + draw.exponential(60, 10 * groups), window_s + 600)
    trips = pd.DataFrame({
        "depart_s": np.round(start, 1), "origin": np.repeat(origin, 10),
        "destination": np.repeat(goal, 10),
    }).iloc[:vehicles].sort_values("depart_s", kind="stable", ignore_index=True)
    trips.insert(0, "trip", np.arange(vehicles))
    return trips


def town(
    across: int, along: int, vehicles: int, *, exits: NDArray[np.int64], window_s: float, seed: int,
    shares: tuple[float, ...] = (0.6, 0.25, 0.15),
) -> Tables:
    """Return nodes, links and trips of a grid town."""
    nodes, links = streets(across, along, exits, seed)
    out = np.arange(across * along, len(nodes))
    return nodes, links, evacuation(nodes, links, out, vehicles, window_s, seed, shares)
