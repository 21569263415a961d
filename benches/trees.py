"""Time shortest-path trees beside scipy's Dijkstra in the same run: one line of JSON.

    python -m benches.trees [--side 158] [--trees 100] [--repeat 7]

Reverse trees (cost and next link of every node) to single places of a grid town, side by side
(`engine.kernels.tree_batch`, the network laid out once beforehand), one by one by the bucket queue of
`engine.kernels.paths`, and by `scipy.sparse.csgraph.dijkstra` as one would call it: one call for all
places, with predecessors, on the reversed network in float64 CSR form. One thread, turn by turn, in
processor time; medians count. Costs must be equal to the last millisecond, next links too.
Targets for 100 trees on 100,000 links: 100 ms and eight times faster than scipy.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from benches.grid import boundary_exits, streets
from benches.machine import machine
from engine.kernels import paths, tree_batch


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return processor milliseconds and the result: others may use the machine meanwhile."""
    begun = time.process_time()
    out = call()
    return 1000 * (time.process_time() - begun), out


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=158)
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=7)
    options = parser.parse_args()
    nodes, links = streets(options.side, options.side, boundary_exits(options.side, 40), 1)
    size = len(nodes)
    tail, head = links["from"].to_numpy(), links["to"].to_numpy()
    cost = paths.speed_cost_ms(links["length_m"], links["free_speed_mps"])
    goals = np.random.default_rng(3).choice(size, options.trees, replace=False).astype(np.int32)

    begun = time.process_time()
    batch = tree_batch.lay_out(size, tail, head, cost)
    room = tree_batch.room(batch)
    lay_ms = 1000 * (time.process_time() - begun)
    csr = batch.csr
    matrix = csr_matrix((cost.astype(np.float64), (head, tail)), shape=(size, size))
    first = np.arange(options.trees + 1, dtype=np.int64)
    no_price = np.zeros(options.trees, dtype=np.int64)
    heads, work = paths.scratch(size)
    dist = np.empty((options.trees, size), dtype=np.int64)
    via = np.empty((options.trees, size), dtype=np.int32)

    one_dist, one_via = np.empty_like(dist), np.empty_like(via)

    def ours() -> None:
        tree_batch.grow_batch(dist, via, batch, cost, first, goals, no_price, room)

    def alone() -> None:
        paths.grow_trees(one_dist, one_via, csr, cost, first, goals, no_price, heads, work)

    ours()  # compiles
    alone()
    mine, singly, theirs = [], [], []
    for _ in range(options.repeat):
        mine.append(timed(ours)[0])
        singly.append(timed(alone)[0])
        ms, (far, _) = timed(lambda: dijkstra(matrix, indices=goals, return_predecessors=True))
        theirs.append(ms)
    far = np.where(np.isinf(far), paths.UNREACHED, far).astype(np.int64)
    if not np.array_equal(far, dist):
        raise SystemExit("distances differ from scipy's")
    if not (np.array_equal(dist, one_dist) and np.array_equal(via, one_via)):
        raise SystemExit("trees grown side by side differ from those grown one by one")
    ms, scipy_ms = statistics.median(mine), statistics.median(theirs)
    print(json.dumps({
        "bench": "trees", "trees": options.trees, "nodes": size, "links": int(tail.size),
        "ms": round(ms, 1), "one_by_one_ms": round(statistics.median(singly), 1),
        "lay_out_ms": round(lay_ms, 1), "scipy_ms": round(scipy_ms, 1),
        "times_faster": round(scipy_ms / ms, 2),
        "ms_all": [round(x, 1) for x in mine], "scipy_ms_all": [round(x, 1) for x in theirs],
        "threads": 1, **machine(),
    }))


if __name__ == "__main__":
    main()
