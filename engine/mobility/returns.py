"""Walking back home: each party follows its own path, the shortest dry one from where it was safe.

Trees towards a refuge are grown once for each place people return from; a path is the way from home
to there, walked backwards. Speed is that of the other walkers without crowding (returning people are
few and go against the stream, an assumption). Whoever finds the street ahead under water turns round.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.city import F64, I32, I64, B, City
from engine.kernels import paths

WET_M = 0.05


class Returns:
    """Parties under way home: `party` [n], their paths (CSR `ptr` [n + 1], `arcs`) and `at` [n]."""

    def __init__(self, city: City, slope: F64) -> None:
        walk = city.walk
        self._walk, self._slope = walk, slope
        self._csr = paths.group_edges(city.nodes.x_m.size, walk.head[walk.arc], walk.tail[walk.arc])
        self._cost = np.maximum(
            1000.0 * walk.length_m[walk.arc] / np.maximum(slope[walk.arc], 0.05), 1.0
        ).astype(np.int64)
        self._trees: dict[int, I32] = {}
        self.party: I64 = np.empty(0, np.int64)
        self.at: I64 = np.empty(0, np.int64)
        self.ptr: I64 = np.zeros(1, np.int64)
        self.arcs: I32 = np.empty(0, np.int32)

    def save(self) -> dict[str, NDArray[Any]]:
        """Arrays for a snapshot."""
        return {"return_party": self.party.copy(), "return_at": self.at.copy(),
                "return_ptr": self.ptr.copy(), "return_arcs": self.arcs.copy()}

    def load(self, private: dict[str, NDArray[Any]]) -> None:
        """Take the arrays of a snapshot back."""
        self.party, self.at = private["return_party"].copy(), private["return_at"].copy()
        self.ptr, self.arcs = private["return_ptr"].copy(), private["return_arcs"].copy()

    def add(self, party: I64, origin: I32, home: I32, t_ms: int) -> B:
        """Give parties [n] their path from junction `origin` to `home`; False where there is none."""
        found = np.zeros(party.size, np.bool_)
        parts, ends = [self.arcs], [int(self.ptr[-1])]
        for i in range(party.size):
            path = self._path(int(origin[i]), int(home[i]))
            if path.size:
                found[i] = True
                parts.append(path)
                ends.append(ends[-1] + path.size)
        self.arcs = np.concatenate(parts).astype(np.int32)
        self.ptr = np.r_[self.ptr, ends[1:]].astype(np.int64)
        self.party = np.r_[self.party, party[found]]
        self.at = np.r_[self.at, np.zeros(int(found.sum()), np.int64)]
        return found

    def _path(self, origin: int, home: int) -> I32:
        if origin not in self._trees:
            _, via = paths.shortest_tree(self._csr, self._cost, [origin])
            self._trees[origin] = np.where(
                via >= 0, self._walk.arc[np.maximum(via, 0)], -1).astype(np.int32)
        tree, node, out = self._trees[origin], home, []
        while node != origin:
            arc = int(tree[node])
            if arc < 0:
                return np.empty(0, np.int32)
            out.append(arc ^ 1)
            node = int(self._walk.head[arc])
        return np.array(out[::-1], np.int32)

    def advance(
        self, t0_ms: int, t1_ms: int, arc: I32, offset_m: NDArray[Any], node: I32,
        speed_mps: NDArray[Any], factor: NDArray[Any], depth_m: NDArray[Any],
        start_ms: I64 | None = None,
    ) -> tuple[I64, I64, I64]:
        """Walk over [t0, t1), not before `start_ms` [parties] if given; `arc`, `offset_m`, `node`
        [parties] change in place.

        Returns parties that came home, when (ms), and parties that turned round, each sorted.
        """
        left_s = np.full(self.party.size, (t1_ms - t0_ms) / 1000.0)
        if start_ms is not None:
            left_s = (t1_ms - np.clip(start_ms[self.party], t0_ms, t1_ms)) / 1000.0
        going = np.ones(self.party.size, np.bool_)
        done, turned = np.zeros_like(going), np.zeros_like(going)
        while going.any():
            i = np.flatnonzero(going)
            p, a = self.party[i], self.arcs[self.ptr[i] + self.at[i]]
            fresh = arc[p] < 0
            arc[p[fresh]], offset_m[p[fresh]] = a[fresh], 0.0
            street = a >> 1
            wet = (depth_m[street] > WET_M) | (factor[street] <= 0.0)
            v = np.maximum(speed_mps[p] * self._slope[a] * factor[street], 1e-6)
            need_s = (self._walk.length_m[a] - offset_m[p]) / v
            over = ~wet & (need_s <= left_s[i])
            stop = ~wet & ~over
            offset_m[p[stop]] += (v * left_s[i])[stop]
            left_s[i[over]] -= need_s[over]
            node[p[over]] = self._walk.head[a[over]]
            arc[p[over]] = -1
            self.at[i[over]] += 1
            done[i] = over & (self.ptr[i] + self.at[i] == self.ptr[i + 1])
            turned[i] = wet
            going[i] = over & ~done[i]
        t = t1_ms - np.rint(1000 * left_s).astype(np.int64)
        home = np.flatnonzero(done)
        home = home[np.lexsort((self.party[home], t[home]))]
        out = self.party[home], t[home], np.sort(self.party[turned])
        self._keep(~(done | turned))
        return out

    def _keep(self, mask: B) -> None:
        size = np.diff(self.ptr)
        self.arcs = self.arcs[np.repeat(mask, size)]
        self.ptr = np.r_[0, np.cumsum(size[mask])].astype(np.int64)
        self.party, self.at = self.party[mask], self.at[mask]
