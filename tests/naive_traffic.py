"""Slow, obvious twins of the traffic and tree kernels: lists, exact fractions, no calendar."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate

import numpy as np

from engine.kernels import paths


def slow_reverse_tree(n, tail, head, cost, targets):
    """Bellman-Ford; ties keep the lowest edge, targets the entry cost when it is not beaten."""
    start = [int(paths.UNREACHED)] * n
    for node, price in targets:
        start[node] = min(start[node], price)
    dist = list(start)
    for _ in range(n):
        for e in range(len(tail)):
            if 1 <= cost[e] < paths.CLOSED:
                dist[tail[e]] = min(dist[tail[e]], dist[head[e]] + int(cost[e]))
    via = [-1] * n
    for e in reversed(range(len(tail))):
        if 1 <= cost[e] < paths.CLOSED and dist[head[e]] < paths.UNREACHED:
            node = tail[e]
            if dist[node] == dist[head[e]] + int(cost[e]) and dist[node] < start[node]:
                via[node] = e
    # Where the exit's own price equals the way on, the exit is taken.
    return np.array(dist), np.array(via)


class SlowTraffic:
    """Cars and buses: at each step the earliest possible move anywhere is made.

    Every quantity is recomputed from whole histories; times are microseconds, lengths thousandths
    of a car. `ways(vehicle, node)` is the link to take, None where the journey ends; it may be
    replaced between two runs. `lengths` [vehicles] and `slowest` [vehicles, links] (least travel
    time of its kind) are for vehicles that are no cars.
    """

    def __init__(self, n_nodes, tail, head, travel, wave, headway, store, weight, ways,
                 lengths=None, slowest=None):
        self.n, self.tail, self.head = n_nodes, tail, head
        self.travel, self.wave, self.headway, self.store = travel, wave, headway, store
        self.inc = [round(1e6 / w) for w in weight]
        self.ways, self.lengths, self.slowest = ways, lengths, slowest
        m = len(tail)
        self.came = [[] for _ in range(m)]  # (vehicle, earliest exit) of all that ever entered
        self.left = [[] for _ in range(m)]  # (exit time, length)
        self.out_ok, self.in_ok = [0] * m, [0] * m
        self.tag, self.origin_tag, self.clock = [0] * m, [0] * n_nodes, [0] * n_nodes
        self.origin_inc = round(1e6 / 0.5)
        self.queue = [[] for _ in range(n_nodes)]
        self.since = 0  # nothing moves before the last run ended
        self.ended = {}

    def depart(self, vehicle, t, node):
        self.queue[node].append((t, vehicle))
        self.queue[node].sort()

    def length(self, vehicle):
        return 1000 if self.lengths is None else self.lengths[vehicle]

    def entry(self, j, vehicle):
        """Earliest entry: N_up <= N_dn(t - L/w) + kj L with N_dn joined by straight lines."""
        inside = sum(self.length(v) for v, _ in self.came[j]) + self.length(vehicle)
        need = Fraction(inside - self.store[j])
        if need <= 0:
            return self.in_ok[j]
        total = list(accumulate(length for _, length in self.left[j]))
        k = next((k for k, gone in enumerate(total) if gone >= need), None)
        if k is None:
            return self.in_ok[j] if len(self.came[j]) == len(self.left[j]) else None
        at, gone = self.left[j][k][0], total[k]
        if k >= 1:
            gap = min(at - self.left[j][k - 1][0], self.headway[j])
            at -= int(gap * min(gone - need, 1000) / 1000)
        return max(self.in_ok[j], at + self.wave[j])

    def candidates(self):
        for n in range(self.n):
            queues = [e for e in range(len(self.tail)) if self.head[e] == n] + [None]
            for rank, a in enumerate(queues):
                if a is None:
                    if not self.queue[n]:
                        continue
                    ready, vehicle = self.queue[n][0]
                    tag = self.origin_tag[n]
                else:
                    if len(self.left[a]) == len(self.came[a]):
                        continue
                    vehicle, due = self.came[a][len(self.left[a])]
                    ready, tag = max(due, self.out_ok[a]), self.tag[a]
                t, j = max(ready, self.since), self.ways(vehicle, n)
                if j is not None:
                    entry = self.entry(j, vehicle)
                    if entry is None:
                        continue
                    t = max(t, entry)
                yield t, n, tag, rank, a, j, vehicle, ready

    def run(self, until):
        while True:
            # Inside a node ties go by merge tag; between nodes nothing depends on the order.
            best = min(self.candidates(), default=None, key=lambda c: (c[0], c[1], c[2], c[3]))
            if best is None or best[0] >= until:
                self.since = until
                return self.ended
            t, n, _, _, a, j, vehicle, ready = best
            length = self.length(vehicle)
            if a is None:
                self.queue[n].pop(0)
                if j is not None:
                    begin = max(self.clock[n], self.origin_tag[n])
                    self.origin_tag[n] = begin + self.origin_inc
                    self.clock[n] = begin
            else:
                if j is not None:
                    begin = max(self.clock[n], self.tag[a])
                    self.tag[a] = begin + self.inc[a]
                    self.clock[n] = begin
                self.left[a].append((t, length))
                self.out_ok[a] = max(ready + self.headway[a] * length // 1000, t)
            if j is None:
                self.ended[vehicle] = t
            else:
                travel = self.travel[j]
                if self.slowest is not None:
                    travel = max(travel, self.slowest[vehicle][j])
                self.came[j].append((vehicle, t + travel))
                self.in_ok[j] = t + self.headway[j] * length // 1000
