"""From raw street links of any source to clean nodes, streets and drive edges.

The steps are: split loops, drop twins, join links that only a shape point separates, contract
links under 5 m, keep the largest strongly connected drive part and the walk network attached
to it, fill missing lanes and speeds by class. Each is recorded in the quality report.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from city_models.quality import Report
from city_models.roads import (
    MAX_LANES,
    SPEED_RANGE_KMH,
    class_column,
    fundamental_diagram,
    street_width_m,
)
from engine.city import Edges, Nodes, Streets
from engine.errors import InputError

MIN_LINK_M = 5.0
_FIELDS_BOTH = ("drive_f", "drive_b", "lanes_f", "lanes_b", "speed_f", "speed_b")


@dataclass(frozen=True)
class RawNetwork:
    """Street links as the source has them, in metres.

    Nodes: `node_key` [n] source identifier, `x_m`, `y_m` [n]. Links [m]: `tail`, `head` node
    rows; `road_class`; `bridge`; `walk`; `name`; `key`; per direction (f along the vertices, b
    against) `drive_*`, `lanes_*` and `speed_*` (km/h), NaN where the source is silent. The
    polyline of link i is vertices ptr[i]:ptr[i+1], both ends included.
    """

    node_key: NDArray[np.int64]
    x_m: NDArray[np.float64]
    y_m: NDArray[np.float64]
    tail: NDArray[np.int64]
    head: NDArray[np.int64]
    road_class: NDArray[np.uint8]
    bridge: NDArray[np.bool_]
    walk: NDArray[np.bool_]
    name: NDArray[np.object_]
    key: NDArray[np.int64]
    drive_f: NDArray[np.bool_]
    drive_b: NDArray[np.bool_]
    lanes_f: NDArray[np.float64]
    lanes_b: NDArray[np.float64]
    speed_f: NDArray[np.float64]
    speed_b: NDArray[np.float64]
    ptr: NDArray[np.int64]
    vx: NDArray[np.float64]
    vy: NDArray[np.float64]


_LINK_FIELDS = (
    "tail", "head", "road_class", "bridge", "walk", "name", "key", *_FIELDS_BOTH,
)


def clean(
    raw: RawNetwork, report: Report, *, join: bool = True
) -> tuple[Nodes, Streets, Edges]:
    """Return clean tables; node elevations are zero until terrain is known.

    `join=False` keeps the source's links as they are where they are already simplified.
    Raises InputError where no drivable network is left.
    """
    if raw.tail.size == 0:
        raise InputError("the source holds no streets")
    raw = _split_loops(raw, report)
    raw = _drop_twins(raw, report)
    if join:
        raw = _join_chains(raw, report)
    raw = _contract_short(raw, report)
    raw = _keep_connected(raw, report)
    return _tables(raw, report)


def lengths_m(raw: RawNetwork) -> NDArray[np.float64]:
    """Return the length of each link's polyline."""
    return _lengths(raw.ptr, raw.vx, raw.vy)


def _lengths(
    ptr: NDArray[np.int64], vx: NDArray[np.float64], vy: NDArray[np.float64]
) -> NDArray[np.float64]:
    step = np.hypot(np.diff(vx, append=0.0), np.diff(vy, append=0.0))
    step[ptr[1:] - 1] = 0.0  # from one link's end to the next link's start
    out: NDArray[np.float64] = np.add.reduceat(step, ptr[:-1])
    return out


def _take(raw: RawNetwork, rows: NDArray[Any]) -> RawNetwork:
    """Return the network with the given links only, nodes unchanged."""
    count = np.diff(raw.ptr)[rows]
    ptr = np.zeros(rows.size + 1, np.int64)
    np.cumsum(count, out=ptr[1:])
    index = np.arange(ptr[-1]) + np.repeat(raw.ptr[:-1][rows] - ptr[:-1], count)
    part = {name: getattr(raw, name)[rows] for name in _LINK_FIELDS}
    return replace(raw, **part, ptr=ptr, vx=raw.vx[index], vy=raw.vy[index])


def _split_loops(raw: RawNetwork, report: Report) -> RawNetwork:
    """Cut loops at their middle vertex, since no route uses a link that returns to its start."""
    loops = np.flatnonzero(raw.tail == raw.head)
    if loops.size == 0:
        return raw
    count = np.diff(raw.ptr)
    length = lengths_m(raw)
    good = loops[(count[loops] >= 3) & (length[loops] >= 4 * MIN_LINK_M)]
    report.add(
        "self-loop", "roads", loops.size, raw.tail.size,
        f"{good.size} cut at the middle vertex, {loops.size - good.size} too short, removed",
        examples=raw.key[loops],
    )
    cut = raw.ptr[good] + count[good] // 2
    new = raw.x_m.size + np.arange(good.size)
    first, second = _take(raw, good), _take(raw, good)
    keep = _take(raw, np.flatnonzero(raw.tail != raw.head))
    half = count[good] // 2
    pieces = [keep]
    for part, start, stop, tail, head in (
        (first, np.zeros_like(half), half + 1, first.tail, new),
        (second, half, count[good], new, second.head),
    ):
        size = stop - start
        ptr = np.zeros(good.size + 1, np.int64)
        np.cumsum(size, out=ptr[1:])
        index = np.arange(ptr[-1]) + np.repeat(part.ptr[:-1] + start - ptr[:-1], size)
        pieces.append(
            replace(part, tail=tail, head=head, ptr=ptr, vx=part.vx[index], vy=part.vy[index])
        )
    merged = _concatenate(pieces)
    return replace(
        merged,
        # A new junction needs a key no source node has: the loop's own, negated.
        node_key=np.concatenate([raw.node_key, -raw.key[good] - 1]),
        x_m=np.concatenate([raw.x_m, raw.vx[cut]]),
        y_m=np.concatenate([raw.y_m, raw.vy[cut]]),
    )


def _concatenate(parts: list[RawNetwork]) -> RawNetwork:
    columns = {n: np.concatenate([getattr(p, n) for p in parts]) for n in _LINK_FIELDS}
    sizes = np.concatenate([np.diff(p.ptr) for p in parts])
    ptr = np.zeros(sizes.size + 1, np.int64)
    np.cumsum(sizes, out=ptr[1:])
    return replace(
        parts[0], **columns, ptr=ptr, vx=np.concatenate([p.vx for p in parts]),
        vy=np.concatenate([p.vy for p in parts]),
    )


def _drop_twins(raw: RawNetwork, report: Report) -> RawNetwork:
    """Drop links that repeat another one: same ends, same key, same length."""
    low, high = np.minimum(raw.tail, raw.head), np.maximum(raw.tail, raw.head)
    length = np.round(lengths_m(raw), 2)
    order = np.lexsort([np.arange(low.size), length, high, low])
    same = np.zeros(low.size, bool)
    a, b = order[1:], order[:-1]
    same[a] = (
        (low[a] == low[b]) & (high[a] == high[b]) & (length[a] == length[b])
        & (raw.road_class[a] == raw.road_class[b])
        & ((raw.tail[a] == raw.tail[b]) | (raw.drive_f[a] == raw.drive_b[b]))
        & (raw.drive_f[a] & raw.drive_b[a] == raw.drive_f[b] & raw.drive_b[b])
    )
    report.add(
        "repeated link", "roads", int(same.sum()), same.size, "removed", examples=raw.key[same]
    )
    return _take(raw, np.flatnonzero(~same)) if same.any() else raw


def _join_chains(raw: RawNetwork, report: Report) -> RawNetwork:
    """Join links that meet at a node of degree two and have equal attributes."""
    m = raw.tail.size
    ends = np.concatenate([raw.tail, raw.head])
    degree = np.bincount(ends, minlength=raw.x_m.size)
    order = np.argsort(ends, kind="stable")
    start = np.searchsorted(ends[order], np.arange(raw.x_m.size))
    two = np.flatnonzero(degree == 2)
    a, b = order[start[two]], order[start[two] + 1]  # link ends: < m tail, >= m head
    la, lb = a % m, b % m
    ok = la != lb
    same_way = (a < m) != (b < m)  # one ends where the other starts
    _, name = np.unique(raw.name.astype(str), return_inverse=True)
    for values in (raw.road_class, raw.bridge, raw.walk, name):
        ok &= values[la] == values[lb]
    for f, back in (("drive_f", "drive_b"), ("lanes_f", "lanes_b"), ("speed_f", "speed_b")):
        fa, ba = getattr(raw, f)[la], getattr(raw, back)[la]
        fb, bb = getattr(raw, f)[lb], getattr(raw, back)[lb]
        fb, bb = np.where(same_way, fb, bb), np.where(same_way, bb, fb)
        if fa.dtype == bool:
            ok &= (fa == fb) & (ba == bb)
        else:
            ok &= np.isclose(fa, fb, equal_nan=True) & np.isclose(ba, bb, equal_nan=True)
    if not ok.any():
        return raw
    # Links become vertices of a graph whose arcs are joints: each part is a chain or a ring.
    mate = np.full(2 * m, -1, np.int64)
    mate[a[ok]], mate[b[ok]] = b[ok], a[ok]
    chains, flips = _walk_chains(mate, m)
    report.add(
        "link cut at a mere shape point", "roads", int(ok.sum()), m, "joined to one link",
    )
    return _assemble(raw, chains, flips)


def _walk_chains(mate: NDArray[np.int64], m: int) -> tuple[list[list[int]], list[list[bool]]]:
    """Follow joints from every chain's first end; a ring stays cut at its first link."""
    partner = mate.tolist()
    seen = bytearray(m)
    chains: list[list[int]] = []
    flips: list[list[bool]] = []

    def follow(end: int) -> None:
        chain, flip = [], []
        while True:
            link = end % m
            seen[link] = 1
            backward = end >= m  # entered at its head
            chain.append(link)
            flip.append(backward)
            out = link if backward else link + m
            end = partner[out]
            if end < 0 or seen[end % m]:
                break
        chains.append(chain)
        flips.append(flip)

    for link in range(m):
        if not seen[link]:
            if partner[link] < 0:
                follow(link)
            elif partner[link + m] < 0:
                follow(link + m)
    for link in range(m):
        if not seen[link]:
            chains.append([link])  # part of a ring: left as it is
            flips.append([False])
            seen[link] = 1
    return chains, flips


def _assemble(
    raw: RawNetwork, chains: list[list[int]], flips: list[list[bool]]
) -> RawNetwork:
    order = sorted(range(len(chains)), key=lambda i: min(chains[i]))
    first = np.array([chains[i][0] for i in order])
    flip = np.array([flips[i][0] for i in order])
    last = np.array([chains[i][-1] for i in order])
    flip_last = np.array([flips[i][-1] for i in order])
    link = np.array([k for i in order for k in chains[i]])
    turned = np.array([k for i in order for k in flips[i]])
    size = np.array([len(chains[i]) for i in order])
    # Vertex indices of each link in travel order, without its last vertex.
    count = np.diff(raw.ptr)[link] - 1
    at = np.zeros(link.size + 1, np.int64)
    np.cumsum(count, out=at[1:])
    step = np.arange(at[-1]) - np.repeat(at[:-1], count)
    begin = np.where(turned, raw.ptr[link + 1] - 1, raw.ptr[link])
    index = np.repeat(begin, count) + np.where(np.repeat(turned, count), -step, step)
    group = np.repeat(np.repeat(np.arange(size.size), size), count)
    final = np.where(flip_last, raw.ptr[last], raw.ptr[last + 1] - 1)
    all_index = np.concatenate([index, final])
    all_group = np.concatenate([group, np.arange(size.size)])
    all_index = all_index[np.argsort(all_group, kind="stable")]
    ptr = np.zeros(size.size + 1, np.int64)
    np.cumsum(np.bincount(all_group, minlength=size.size), out=ptr[1:])
    columns: dict[str, Any] = {n: getattr(raw, n)[first] for n in _LINK_FIELDS}
    for f, b in (("drive_f", "drive_b"), ("lanes_f", "lanes_b"), ("speed_f", "speed_b")):
        forward, backward = columns[f], columns[b]
        columns[f] = np.where(flip, backward, forward)
        columns[b] = np.where(flip, forward, backward)
    columns["tail"] = np.where(flip, raw.head[first], raw.tail[first])
    columns["head"] = np.where(flip_last, raw.tail[last], raw.head[last])
    return replace(raw, **columns, ptr=ptr, vx=raw.vx[all_index], vy=raw.vy[all_index])


def _contract_short(raw: RawNetwork, report: Report) -> RawNetwork:
    """Merge the ends of links under 5 m; the junction with the lower row keeps its place."""
    length = lengths_m(raw)
    short = length < MIN_LINK_M
    if not short.any():
        return raw
    report.add(
        "link under 5 m", "roads", int(short.sum()), short.size, "its ends merged",
        examples=raw.key[short],
    )
    # Moving a junction may shorten a link that was long enough.
    while short.any():
        raw = _merge_ends(raw, length, short)
        length = lengths_m(raw)
        short = length < MIN_LINK_M
    return raw


def _merge_ends(
    raw: RawNetwork, length: NDArray[np.float64], short: NDArray[np.bool_]
) -> RawNetwork:
    n = raw.x_m.size
    graph = sp.coo_matrix(
        (np.ones(int(short.sum())), (raw.tail[short], raw.head[short])), shape=(n, n)
    )
    _, part = connected_components(graph, directed=False)
    _, first = np.unique(part, return_index=True)
    home = first[part]
    gone = home[raw.tail] == home[raw.head]
    # A longer link may lose itself in a merged cluster only if it is short in turn.
    gone &= (length < 4 * MIN_LINK_M) | short
    vx, vy = raw.vx.copy(), raw.vy.copy()
    tail, head = home[raw.tail], home[raw.head]
    vx[raw.ptr[:-1]], vy[raw.ptr[:-1]] = raw.x_m[tail], raw.y_m[tail]
    vx[raw.ptr[1:] - 1], vy[raw.ptr[1:] - 1] = raw.x_m[head], raw.y_m[head]
    merged = _take(
        replace(raw, tail=tail, head=head, vx=vx, vy=vy), np.flatnonzero(~gone)
    )
    return _split_loops(merged, Report())


def _keep_connected(raw: RawNetwork, report: Report) -> RawNetwork:
    """Keep the largest strongly connected drive part and the walk streets attached to it."""
    n = raw.x_m.size
    f, b = raw.drive_f, raw.drive_b
    row = np.concatenate([raw.tail[f], raw.head[b]])
    col = np.concatenate([raw.head[f], raw.tail[b]])
    if row.size == 0:
        raise InputError("the source holds no drivable street")
    graph = sp.coo_matrix((np.ones(row.size), (row, col)), shape=(n, n))
    _, part = connected_components(graph, directed=True, connection="strong")
    used = np.zeros(n, bool)
    used[row], used[col] = True, True
    sizes = np.bincount(part[used], minlength=part.max() + 1)
    main = part == int(np.argmax(sizes))
    inside = main[raw.tail] & main[raw.head]
    drivable = f | b
    lost = drivable & ~inside
    report.add(
        "street outside the largest strongly connected drive part", "roads", int(lost.sum()),
        int(drivable.sum()), "kept for walking where attached, not for driving",
        examples=raw.key[lost],
    )
    raw = replace(raw, drive_f=f & inside, drive_b=b & inside)
    if not (raw.drive_f | raw.drive_b).any():
        raise InputError("no part of the drivable network can be left and reached again")
    alive = raw.walk | raw.drive_f | raw.drive_b
    graph = sp.coo_matrix(
        (np.ones(int(alive.sum())), (raw.tail[alive], raw.head[alive])), shape=(n, n)
    )
    _, weak = connected_components(graph, directed=False)
    attached = weak == weak[np.flatnonzero(main)[0]]
    keep = alive & attached[raw.tail]
    report.add(
        "street not attached to the network", "roads", int((~keep).sum()), keep.size, "removed",
        examples=raw.key[~keep],
    )
    return _take(raw, np.flatnonzero(keep))


def _fill(
    raw: RawNetwork, report: Report
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return lanes and speeds of both directions with defaults where missing or impossible."""
    out: list[NDArray[Any]] = []
    for kind, low, high, unit in (
        ("lanes", 0.4, MAX_LANES, ""), ("speed", *SPEED_RANGE_KMH, " km/h"),
    ):
        default = class_column("lanes" if kind == "lanes" else "speed_kmh")[raw.road_class]
        missing = np.zeros(raw.tail.size, bool)
        wrong = np.zeros(raw.tail.size, bool)
        total = int((raw.drive_f | raw.drive_b).sum())
        for side in ("f", "b"):
            values = getattr(raw, f"{kind}_{side}").astype(np.float64)
            drive = getattr(raw, f"drive_{side}")
            with np.errstate(invalid="ignore"):
                bad = np.isfinite(values) & ((values < low) | (values > high))
            missing |= drive & ~np.isfinite(values)
            wrong |= drive & bad
            filled = np.where(np.isfinite(values) & ~bad, values, default)
            out.append(np.maximum(np.rint(filled), 1) if kind == "lanes" else filled)
        report.add(
            f"missing {kind}", "roads", int(missing.sum()), total,
            "filled by road class", "assumed", raw.key[missing],
        )
        report.add(
            f"impossible {kind}", "roads", int(wrong.sum()), total,
            f"replaced by road class (allowed {low:g}-{high:g}{unit})", "mended", raw.key[wrong],
        )
    return out[0], out[1], out[2], out[3]


def _tables(raw: RawNetwork, report: Report) -> tuple[Nodes, Streets, Edges]:
    lanes_f, lanes_b, speed_f, speed_b = _fill(raw, report)
    used = np.unique(np.concatenate([raw.tail, raw.head]))
    row = np.full(raw.x_m.size, -1, np.int32)
    row[used] = np.arange(used.size, dtype=np.int32)
    nodes = Nodes(
        raw.x_m[used], raw.y_m[used], np.zeros(used.size, np.float32), raw.node_key[used]
    )
    length = np.maximum(lengths_m(raw), 1.0).astype(np.float32)
    lanes_both = np.where(raw.drive_f, lanes_f, 0) + np.where(raw.drive_b, lanes_b, 0)
    streets = Streets(
        row[raw.tail], row[raw.head], length, street_width_m(raw.road_class, lanes_both),
        raw.road_class.astype(np.uint8), raw.bridge.astype(bool), raw.drive_f | raw.drive_b,
        raw.walk.astype(bool), raw.name, raw.key.astype(np.int64), raw.ptr.astype(np.int32),
        raw.vx.astype(np.float32), raw.vy.astype(np.float32),
    )
    m = raw.tail.size
    both = np.column_stack([raw.drive_f, raw.drive_b]).ravel()
    street = np.repeat(np.arange(m), 2)[both]
    forward = (np.arange(2 * m) % 2 == 0)[both]
    lanes = np.where(forward, lanes_f[street], lanes_b[street]).astype(np.uint8)
    speed = (np.where(forward, speed_f[street], speed_b[street]) / 3.6).astype(np.float32)
    capacity, jam = fundamental_diagram(streets.road_class[street], speed, lanes)
    edges = Edges(
        street.astype(np.int32), forward,
        np.where(forward, streets.from_node[street], streets.to_node[street]),
        np.where(forward, streets.to_node[street], streets.from_node[street]),
        length[street], lanes, speed, capacity, jam,
    )
    return nodes, streets, edges


