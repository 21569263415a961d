"""Trees of `engine.kernels.paths` against scipy's Dijkstra and against a slow obvious twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from engine.kernels import paths, tree_batch
from engine.rng import uniform
from tests.naive_traffic import slow_reverse_tree


def grid(side: int, seed: int, low: int = 1, high: int = 60_000):
    index = np.arange(side * side).reshape(side, side)
    right, left = index[:, :-1].ravel(), index[:, 1:].ravel()
    up, down = index[:-1].ravel(), index[1:].ravel()
    tail = np.concatenate([right, left, up, down])
    head = np.concatenate([left, right, down, up])
    draw = uniform(seed, "traffic.node", np.arange(2 * tail.size))
    cost = (low + draw[: tail.size] * (high - low)).astype(np.int64)
    cost[draw[tail.size :] < 0.1] = paths.CLOSED
    return side * side, tail, head, cost


def by_scipy(n, tail, head, cost, sources):
    keep = cost < paths.CLOSED
    matrix = csr_matrix((cost[keep], (head[keep], tail[keep])), shape=(n, n))
    found = dijkstra(matrix, indices=sources).min(axis=0)
    return np.where(np.isinf(found), paths.UNREACHED, found).astype(np.int64)


@pytest.mark.parametrize(("low", "high"), [(1, 3), (1, 60_000), (5_000, 60_000), (1, 9_000_000)])
def test_distances_equal_scipy(low, high):
    n, tail, head, cost = grid(25, 3, low, high)
    for sources in ([0], [17, 300, 624]):
        dist, via = paths.reverse_tree(n, tail, head, cost, sources)
        np.testing.assert_array_equal(dist, by_scipy(n, tail, head, cost, sources))
        reached = via >= 0
        np.testing.assert_array_equal(
            dist[reached], cost[via[reached]] + dist[head[via[reached]]]
        )
        np.testing.assert_array_equal(tail[via[reached]], np.flatnonzero(reached))


def test_forward_tree_is_the_reverse_tree_of_the_turned_graph():
    n, tail, head, cost = grid(12, 5)
    dist, via = paths.forward_tree(n, tail, head, cost, [40])
    turned, _ = paths.reverse_tree(n, head, tail, cost, [40])
    np.testing.assert_array_equal(dist, turned)
    reached = via >= 0
    np.testing.assert_array_equal(dist[reached], cost[via[reached]] + dist[tail[via[reached]]])


def test_entry_costs_move_the_border_between_exits():
    # 0 - 1 - 2 - 3 in a line, 1000 ms each way; exits 0 and 3.
    tail, head = np.array([0, 1, 1, 2, 2, 3]), np.array([1, 0, 2, 1, 3, 2])
    cost = np.full(6, 1000)
    dist, via = paths.reverse_tree(4, tail, head, cost, [0, 3], [0, 1500])
    np.testing.assert_array_equal(dist, [0, 1000, 2000, 1500])
    assert head[via[2]] == 1
    assert via[3] == -1
    dist, via = paths.reverse_tree(4, tail, head, cost, [0, 3], [0, 5000])
    np.testing.assert_array_equal(dist, [0, 1000, 2000, 3000])
    assert head[via[3]] == 2  # a dear exit is only a node on the way to the cheap one


def test_equal_ways_take_the_lowest_edge():
    tail, head = np.array([0, 0, 1, 2]), np.array([2, 1, 3, 3])
    _, via = paths.reverse_tree(4, tail, head, np.array([5, 5, 5, 5]), [3])
    assert via[0] == 0


def test_limit_leaves_far_nodes_unreached():
    tail, head = np.arange(5), np.arange(1, 6)
    csr = paths.group_edges(6, head, tail)
    dist, via = paths.shortest_tree(csr, np.full(5, 1000), [5], limit_ms=2000)
    np.testing.assert_array_equal(dist[3:], [2000, 1000, 0])
    assert (dist[:3] == paths.UNREACHED).all()
    assert (via[:3] == -1).all()


def test_many_trees_equal_single_ones():
    n, tail, head, cost = grid(10, 8)
    csr = paths.group_edges(n, head, tail)
    sources = np.array([3, 50, 99, 7], dtype=np.int32)
    first = np.array([0, 1, 3, 4])
    heads, work = paths.scratch(n)
    dist = np.empty((3, n), dtype=np.int64)
    via = np.empty((3, n), dtype=np.int32)
    paths.grow_trees(dist, via, csr, cost, first, sources, np.zeros(4, dtype=np.int64), heads, work)
    for k in range(3):
        one, way = paths.shortest_tree(csr, cost, sources[first[k] : first[k + 1]])
        np.testing.assert_array_equal(dist[k], one)
        np.testing.assert_array_equal(via[k], way)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 12).flatmap(
        lambda n: st.tuples(
            st.just(n),
            st.lists(
                st.tuples(st.integers(0, n - 1), st.integers(0, n - 1), st.integers(0, 4000)),
                max_size=40,
            ),
            st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, 3000)), min_size=1, max_size=4),
        )
    )
)
def test_tree_equals_its_slow_twin(case):
    n, edges, targets = case
    tail, head, cost = (np.array([e[k] for e in edges], dtype=np.int64) for k in range(3))
    cost[cost == 0] = paths.CLOSED
    node, price = zip(*targets, strict=True)
    dist, via = paths.reverse_tree(n, tail, head, cost, node, price)
    slow_dist, slow_via = slow_reverse_tree(n, tail, head, cost, targets)
    np.testing.assert_array_equal(dist, slow_dist)
    np.testing.assert_array_equal(via, slow_via)


def test_speed_cost_marks_what_cannot_be_used():
    cost = paths.speed_cost_ms([100, 100, 100, 0.001], [10, 0, 10, 10], [False, False, True, False])
    np.testing.assert_array_equal(cost, [10_000, paths.CLOSED, paths.CLOSED, 1])


def many(n, tail, head, cost, goals, prices):
    """Trees of `tree_batch` and their twins grown one by one; `goals` [trees] of nodes."""
    batch = tree_batch.lay_out(n, tail, head, np.clip(cost, 1, 9_000_000))
    first = np.cumsum([0, *(len(g) for g in goals)])
    nodes = np.concatenate(goals).astype(np.int32)
    dist = np.empty((len(goals), n), dtype=np.int64)
    via = np.empty((len(goals), n), dtype=np.int32)
    tree_batch.grow_batch(dist, via, batch, cost, first, nodes, np.concatenate(prices),
                          tree_batch.room(batch))
    one = [paths.shortest_tree(batch.csr, cost, g, p) for g, p in zip(goals, prices, strict=True)]
    return dist, via, np.array([d for d, _ in one]), np.array([v for _, v in one])


@pytest.mark.parametrize(
    ("low", "high"), [(1, 3), (1, 60_000), (1, 9_000_000), (1, 60_000_000), (1, 1 << 38)])
def test_trees_side_by_side_are_those_grown_one_by_one(low, high):
    # Ties, closed edges and several priced places a tree; beyond 2^30 ms the numbers do not do.
    n, tail, head, cost = grid(25, 3, low, high)
    draw = np.random.default_rng(2)
    goals = [draw.choice(n, 1 + k % 3, replace=False) for k in range(70)]
    prices = [np.sort(draw.integers(0, 20_000 if high > 3 else 9, g.size)) for g in goals]
    dist, via, one_dist, one_via = many(n, tail, head, cost, goals, prices)
    np.testing.assert_array_equal(dist, one_dist)
    np.testing.assert_array_equal(via, one_via)


def test_side_by_side_gives_up_where_ways_wind_and_is_right_still():
    # A one-way spiral turns too often for sweeps; a far place lies beyond 2^30 ms.
    side = 40
    place = np.arange(side * side).reshape(side, side)
    left, turn = place.copy(), []
    while left.size:
        turn.extend(left[0].tolist())
        left = np.rot90(left[1:])
    way = np.array(turn)
    tail, head = np.concatenate([way[:-1], [5]]), np.concatenate([way[1:], [5]])
    cost = np.random.default_rng(1).integers(1, 1_000_000, tail.size)
    goals = [np.array([int(g)]) for g in way[::-50]]
    prices = [np.zeros(1, dtype=np.int64) for _ in goals]
    dist, via, one_dist, one_via = many(side * side, tail, head, cost, goals, prices)
    np.testing.assert_array_equal(dist, one_dist)
    np.testing.assert_array_equal(via, one_via)


def test_a_junction_whose_ways_are_closed_has_none_side_by_side():
    # Closed between a place and the next junction: no way at all, as one by one, without growing singly.
    tail, head = np.array([1, 2, 3]), np.array([0, 1, 2])
    cost = np.array([paths.CLOSED, 10, 10])
    goals = [np.array([0])] * 8
    dist, via, one_dist, one_via = many(4, tail, head, cost, goals, [np.zeros(1, dtype=np.int64)] * 8)
    np.testing.assert_array_equal(dist, one_dist)
    np.testing.assert_array_equal(via, one_via)
    assert (dist[:, 1:] == paths.UNREACHED).all()
