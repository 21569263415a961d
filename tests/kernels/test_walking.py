"""Walking kernel and speed models against closed forms, published figures and the slow twin."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from types import SimpleNamespace

import numba
import numpy as np
import pytest

from engine import rng
from engine.kernels.walking import (
    CAUGHT,
    FLOOR,
    MOVES,
    NEXT_CLOSED,
    NO_WAY,
    Walkers,
    WalkNet,
    advance_walkers,
)
from engine.mobility.geometry import StreetGeometry
from engine.mobility.walking import (
    AGE_SPEED_MPS,
    free_speed,
    party_speed,
    speed_about,
    tobler_factor,
    tobler_speed_kmh,
    weidmann_speed,
)

_SPEC = importlib.util.spec_from_file_location(
    "naive_walking", Path(__file__).parents[1] / "naive_walking.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
naive = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(naive)


def net_of(streets, length, width, slope=None):
    """Network of streets given as pairs of junctions."""
    ends = np.asarray(streets, np.int32)
    head = np.empty(2 * len(ends), np.int32)
    head[0::2], head[1::2] = ends[:, 1], ends[:, 0]
    return WalkNet(
        head, np.repeat(np.asarray(length, np.float32), 2),
        np.ones(head.size) if slope is None else np.asarray(slope, np.float64),
        np.asarray(width, np.float32),
    )


def line(length, width, goal=True):
    """A chain of streets; everybody walks to its far end."""
    n = len(length)
    net = net_of([(i, i + 1) for i in range(n)], length, width)
    next_arc = np.r_[2 * np.arange(n), -1].astype(np.int32)[None]
    target = np.zeros((1, n + 1), np.bool_)
    target[0, -1] = goal
    return net, next_arc, target


STREETS = 400  # room for the debts of any network below


def crowd(n, arc=-1, offset=0.0, speed=1.34, size=1):
    walkers = Walkers(
        np.full(n, arc, np.int32), np.full(n, offset, np.float64), np.zeros(n, np.int32),
        np.zeros(STREETS),
    )
    return walkers, np.full(n, speed), np.full(n, size, np.int32), np.zeros(n, np.int16)


def go(walkers, t0, t1, net, next_arc, target, speed, size, dest, **more):
    factor = more.pop("factor", np.ones(net.width_m.size))
    return advance_walkers(
        walkers, more.pop("rows", np.arange(walkers.arc.size)), t0, t1, net=net,
        street_factor=factor, free_speed_mps=speed, size=size, dest=dest, next_arc=next_arc,
        target=target, **more,
    )


# --- models ----------------------------------------


def test_weidmann_speeds_and_capacity():
    got = weidmann_speed([0.5, 1.0, 2.0, 3.0, 4.0])
    assert got == pytest.approx([1.2984, 1.0581, 0.6062, 0.3307, 0.1563], abs=5e-5)
    rho = np.linspace(0.01, 5.4, 53_901)
    flow = rho * weidmann_speed(rho)
    assert flow.max() == pytest.approx(1.2249, abs=5e-5)
    assert rho[flow.argmax()] == pytest.approx(1.7507, abs=2e-4)
    assert weidmann_speed(0.0) == pytest.approx(1.34)
    assert weidmann_speed([5.4, 9.0]) == pytest.approx([0.0, 0.0])


def test_tobler():
    got = tobler_speed_kmh([0.0, 0.10, 0.15, -0.05])
    assert got == pytest.approx([5.0367, 3.5493, 2.9795, 6.0], abs=5e-5)
    assert tobler_factor([0.0, -0.05]) == pytest.approx([1.0, math.exp(0.175)])
    assert tobler_factor(3.0) == tobler_factor(0.5) > 0


def test_free_speed_by_age_and_mobility():
    n = 60_000
    key = np.arange(n)
    for group, mean in enumerate(AGE_SPEED_MPS):
        speed = free_speed(1, key, np.full(n, group), np.zeros(n, np.uint8))
        assert speed.mean() == pytest.approx(mean, rel=0.01)
        # A normal cut at two standard deviations, the cut mass on the bounds: 0.9594 of sd.
        assert speed.std() / mean == pytest.approx(0.9594 * 0.26 / 1.34, rel=0.02)
    slow = free_speed(1, key, np.full(n, 3), np.ones(n, np.uint8))
    assert slow.min() >= 0.46
    assert slow.max() <= 0.76
    helped = free_speed(1, key, np.full(n, 3), np.full(n, 2))
    assert helped.max() <= 0.5
    # A person's draw does not depend on who else is asked.
    one = free_speed(1, [17], [3], [0])
    assert one[0] == free_speed(1, key, np.full(n, 3), np.zeros(n, np.uint8))[17]


def test_party_walks_as_its_slowest_member():
    persons = SimpleNamespace(
        household=np.array([0, 0, 1, 0]), age_group=np.array([3, 5, 2, 0], np.uint8),
        mobility=np.array([0, 1, 0, 0], np.uint8),
    )
    parties = SimpleNamespace(
        count=2, member=np.array([0, 1, 3, 2]), member_ptr=np.array([0, 3, 4])
    )
    own = free_speed(5, np.arange(4), persons.age_group, persons.mobility)
    got = party_speed(5, SimpleNamespace(persons=persons), parties)
    assert got.tolist() == [min(own[0], own[1], own[3]), own[2]]


# --- kernel: closed forms ----------------------------------------


def test_rimea_1_corridor():
    net, next_arc, target = line([40.0], [2.0])
    walkers, speed, size, dest = crowd(1, speed=1.33)
    t, arrived = 0, None
    while arrived is None and t < 60_000:
        moved = go(walkers, t, t + 10_000, net, next_arc, target, speed, size, dest)
        t += 10_000
        arrived = moved.arrived_ms[0] if moved.arrived.size else None
    assert arrived is not None
    assert 26_000 <= arrived <= 34_000
    assert arrived == round(40_000 / 1.33)


def test_nist_2_1_corridor() -> None:
    """40 m at 1 m/s take 40 s (NIST TN 1822, Verif.2.1)."""
    net, next_arc, target = line([40.0], [2.0])
    walkers, speed, size, dest = crowd(1, speed=1.0)
    arrived = []
    for t in range(0, 60_000, 10_000):
        if not arrived:
            moved = go(walkers, t, t + 10_000, net, next_arc, target, speed, size, dest)
            arrived += moved.arrived_ms.tolist()
    assert arrived == [40_000]


def test_rimea_5_everyone_starts_at_a_time_of_their_own() -> None:
    """Ten persons 8 m from the exit, premovement times even in 10-100 s (RiMEA 5)."""
    net, next_arc, target = line([8.0], [5.0])
    walkers, speed, size, dest = crowd(10, speed=1.33)
    start = (10_000 + 90_000 * rng.uniform(2, "position.place", np.arange(10))).astype(np.int64)
    left = np.arange(10)
    arrived = {}
    for t in range(0, 120_000, 10_000):
        moved = go(walkers, t, t + 10_000, net, next_arc, target, speed, size, dest, rows=left,
                   start_ms=start)
        arrived.update(zip(moved.arrived.tolist(), moved.arrived_ms.tolist(), strict=True))
        left = np.setdiff1d(left, moved.arrived)
        waits = left[start[left] >= t + 10_000]
        assert np.all(walkers.arc[waits] == -1)
    spent = np.array([arrived[i] for i in range(10)]) - start
    assert spent == pytest.approx(np.full(10, 8_000 / 1.33), abs=1.0)


def leave_a_room(exits: int, people: int = 1000) -> float:
    """Seconds until the last of `people` in a room has passed its exits of 1 m each."""
    net = net_of([(0, 1 + k) for k in range(exits)], [10.0] * exits, [1.0] * exits)
    next_arc = np.full((exits, exits + 1), -1, np.int32)
    target = np.zeros((exits, exits + 1), np.bool_)
    for k in range(exits):
        next_arc[k, 0], target[k, 1 + k] = 2 * k, True
    walkers, speed, size, _ = crowd(people)
    dest = (np.arange(people) % exits).astype(np.int16)
    left, last, t = np.arange(people), 0, 0
    while left.size:
        moved = go(walkers, t, t + 10_000, net, next_arc, target, speed, size, dest, rows=left)
        last = max([last, *moved.arrived_ms.tolist()])
        left = np.setdiff1d(left, moved.arrived)
        t += 10_000
    return last / 1000.0


def test_rimea_6_nobody_leaves_the_way_at_a_corner() -> None:
    """20 persons walk 10 m, turn left and walk 10 m more (RiMEA 6).

    The first street is stored from the corner back. Nobody is seen off the way, nobody jumps,
    and the 20 m take their time.
    """
    ends = [(1, 0), (1, 2)]
    corner = SimpleNamespace(
        vertex_ptr=np.array([0, 2, 4]), vertex_x_m=np.array([10.0, 0.0, 10.0, 10.0]),
        vertex_y_m=np.array([0.0, 0.0, 0.0, 10.0]), length_m=np.array([10.0, 10.0], np.float32),
    )
    geometry = StreetGeometry(SimpleNamespace(streets=corner))
    net = net_of(ends, [10.0, 10.0], [2.0, 2.0])
    next_arc = np.array([[1, 2, -1]], np.int32)
    target = np.array([[False, False, True]])
    walkers, speed, size, dest = crowd(20)
    left, before, last, t = np.arange(20), np.zeros((20, 2)), 0, 0
    while left.size:
        moved = go(walkers, t, t + 1_000, net, next_arc, target, speed, size, dest, rows=left)
        t += 1_000
        last = max([last, *moved.arrived_ms.tolist()])
        left = np.setdiff1d(left, moved.arrived)
        under_way = left[walkers.arc[left] >= 0]
        place = np.stack(
            geometry.on_arc(walkers.arc[under_way], walkers.offset_m[under_way]), axis=1
        )
        on_first, on_second = place[:, 1] == 0.0, place[:, 0] == 10.0
        assert np.all(on_first | on_second)
        assert np.all((place >= 0.0) & (place <= 10.0))
        step = np.abs(place - before[under_way]).sum(axis=1)
        assert np.all(step <= 1.34 + 1e-9)
        before[under_way] = place
    assert 20_000 / 1.34 < last < 60_000


def test_rimea_12_no_jam_behind_a_bottleneck() -> None:
    """150 persons pass from one room to another by a way 1 m wide and leave by 1 m (RiMEA 12).

    The jam stands before the bottleneck; behind it the flow it lets through never jams again.
    """
    net, next_arc, target = line([10.0, 5.0, 10.0, 1.0], [10.0, 1.0, 10.0, 1.0])
    walkers, speed, size, dest = crowd(150)
    left, passed, t = np.arange(150), [], 0
    before, behind = [], []
    while left.size:
        moved = go(walkers, t, t + 5_000, net, next_arc, target, speed, size, dest, rows=left)
        t += 5_000
        passed.append(moved.arrived.size)
        left = np.setdiff1d(left, moved.arrived)
        street = walkers.arc[left] >> 1
        before.append((street == 0).sum() / 100.0)
        behind.append((street == 2).sum() / 100.0)
    full = sum(passed) / (t / 1000.0)
    assert full < 1.2249
    assert np.mean(passed[8:20]) / 5.0 == pytest.approx(1.2249, rel=0.1)
    assert max(before) > 1.0
    assert max(behind) < 0.31  # Fruin's level A


def test_rimea_7_speeds_walked_are_those_drawn() -> None:
    """50 adults aged 30 walk 100 m (RiMEA 7): the guideline's mean 1.52 and spread 0.32 m/s lie
    inside the 95 % bootstrap intervals of the speeds measured.

    The mean is that of the guideline's curve, given here; the city's own ages use another source.
    """
    n = 50
    net, next_arc, target = line([100.0], [200.0])
    walkers, _, size, dest = crowd(n)
    speed = speed_about(7, np.arange(n), np.full(n, 1.52))
    left, arrived = np.arange(n), np.zeros(n)
    for t in range(0, 300_000, 10_000):
        moved = go(walkers, t, t + 10_000, net, next_arc, target, speed, size, dest, rows=left)
        arrived[moved.arrived] = moved.arrived_ms
        left = np.setdiff1d(left, moved.arrived)
    assert left.size == 0
    walked = 100_000 / arrived
    again = walked[(rng.uniform(1, "position.place", np.arange(2000 * n)) * n).astype(int)]
    means, spreads = again.reshape(2000, n).mean(axis=1), again.reshape(2000, n).std(axis=1)
    assert np.quantile(means, 0.025) < 1.52 < np.quantile(means, 0.975)
    assert np.quantile(spreads, 0.025) < 0.32 < np.quantile(spreads, 0.975)


def test_rimea_9_half_the_exits_take_twice_the_time() -> None:
    """1000 persons leave a large room by four exits, then by two (RiMEA 9)."""
    four, two = leave_a_room(4), leave_a_room(2)
    assert four == pytest.approx(1000 / (4 * 1.2249), rel=0.06)
    assert two / four == pytest.approx(2.0, rel=0.06)


def test_nist_5_2_flow_never_passes_the_greatest() -> None:
    """Specific flow through an exit stays below 1.33 persons a second and metre (NIST Verif.5.2)."""
    net, next_arc, target = line([20.0, 10.0], [8.0, 1.0])
    walkers, speed, size, dest = crowd(400)
    left, passed = np.arange(400), []
    for t in range(0, 400_000, 10_000):
        moved = go(walkers, t, t + 10_000, net, next_arc, target, speed, size, dest, rows=left)
        passed.append(moved.arrived.size)
        left = np.setdiff1d(left, moved.arrived)
    assert left.size == 0
    busy = np.array(passed[3:30])  # the queue stands
    assert busy.mean() / 10.0 == pytest.approx(1.2249, rel=0.02)
    assert busy.max() / 10.0 < 1.33


def test_a_bottleneck_keeps_its_flow_however_many_press() -> None:
    """Twice the capacity for an hour: the queue spills back, the outflow stays near capacity."""
    net, next_arc, target = line([60.0, 60.0], [4.0, 1.0])
    n = 7200
    walkers, speed, size, dest = crowd(n)
    start = (np.arange(n) * 500).astype(np.int64)
    left, passed = np.arange(n), []
    for t in range(0, 3_600_000, 10_000):
        moved = go(walkers, t, t + 10_000, net, next_arc, target, speed, size, dest, rows=left,
                   start_ms=start)
        passed.append(moved.arrived.size)
        left = np.setdiff1d(left, moved.arrived)
        narrow = walkers.arc[left] >> 1 == 1
        assert narrow.sum() / 60.0 < 5.4
    assert np.mean(passed[60:]) / 10.0 > 0.9 * 1.2249
    assert (walkers.arc[left] == 0).sum() > 100  # waits in the street behind


@pytest.mark.parametrize("rho", [0.5, 1.0, 2.0, 3.0, 4.0, 6.0])
def test_rimea_4_speed_at_density(rho):
    """1000 m x 10 m, both directions together: everybody moves at the diagram's speed."""
    n = int(rho * 1000)
    net, next_arc, target = line([1000.0], [10.0])
    walkers, speed, size, dest = crowd(n, arc=0, offset=100.0, size=10)
    walkers.arc[n // 2 :] = 1
    go(walkers, 0, 10_000, net, next_arc, target, speed, size, dest)
    expected = max(float(weidmann_speed(rho)), FLOOR * 1.34)
    assert (walkers.offset_m - 100.0) / 10.0 == pytest.approx(np.full(n, expected), rel=1e-9)


def test_arrival_is_exact_through_many_short_streets():
    length = [3.7, 0.9, 12.3, 41.0, 2.2, 150.4, 8.8]
    net, next_arc, target = line(length, [6.0] * 7)
    total = float(np.asarray(length, np.float32).astype(np.float64).sum())
    for start in (0, 3, 4321, 9999):
        walkers, speed, size, dest = crowd(1, speed=1.1)
        begin = np.array([start], np.int64)
        arrived = []
        passed = 0
        for t in range(0, 300_000, 10_000):
            if walkers.node[0] == 7:
                break
            moved = go(walkers, t, t + 10_000, net, next_arc, target, speed, size, dest,
                       start_ms=begin)
            passed += int(moved.passed[0])
            arrived += moved.arrived_ms.tolist()
        assert arrived == [pytest.approx(start + total / 1.1 * 1000.0, abs=1.0)]
        assert passed == 7


def test_long_call_is_split_into_substeps():
    net, next_arc, target = line([30.0, 200.0], [2.0, 2.0])
    a, speed, size, dest = crowd(80)
    b = Walkers(*(x.copy() for x in a))
    go(a, 0, 60_000, net, next_arc, target, speed, size, dest)
    for t in range(0, 60_000, 10_000):
        go(b, t, t + 10_000, net, next_arc, target, speed, size, dest)
    assert a.arc.tolist() == b.arc.tolist()
    assert a.offset_m.tolist() == b.offset_m.tolist()


def test_slope_and_wading_slow_down():
    net = net_of([(0, 1)], [100.0], [4.0], slope=[0.5, 2.0])
    next_arc = np.array([[0, 1]], np.int32)
    target = np.zeros((1, 2), np.bool_)
    walkers, speed, size, dest = crowd(2, speed=1.0)
    walkers.node[1] = 1
    go(walkers, 0, 10_000, net, next_arc, target, speed, size, dest, factor=np.array([0.4]))
    assert walkers.offset_m == pytest.approx([10 * 0.5 * 0.4, 10 * 2.0 * 0.4])


# --- kernel: waiting, closing ----------------------------------------


def test_party_on_its_goal_arrives_at_once_and_others_tell_why_they_wait():
    net, next_arc, target = line([50.0, 50.0], [3.0, 3.0])
    walkers, speed, size, dest = crowd(3)
    walkers.node[:] = [2, 1, 0]
    next_arc[0, 0] = -1
    moved = go(walkers, 20_000, 30_000, net, next_arc, target, speed, size, dest,
               factor=np.array([1.0, 0.0]))
    assert moved.arrived.tolist() == [0]
    assert moved.arrived_ms.tolist() == [20_000]
    assert moved.state.tolist() == [MOVES, NEXT_CLOSED, NO_WAY]
    assert walkers.arc.tolist() == [-1, -1, -1]
    # The street opens: the waiting one goes on from its junction.
    moved = go(walkers, 30_000, 40_000, net, next_arc, target, speed, size, dest,
               rows=np.array([1, 2]))
    assert moved.state.tolist() == [MOVES, NO_WAY]
    assert walkers.offset_m[1] == pytest.approx(13.4)


def test_street_that_closes_is_left_by_the_nearer_end():
    net, next_arc, target = line([100.0, 100.0], [5.0, 5.0], goal=False)
    walkers, speed, size, dest = crowd(2, arc=0)
    walkers.offset_m[:] = [20.0, 80.0]
    factor = np.array([0.0, 1.0])
    moved = go(walkers, 0, 10_000, net, next_arc, target, speed, size, dest, factor=factor,
               caught_factor=0.5)
    assert moved.state.tolist() == [CAUGHT, CAUGHT]
    assert walkers.arc.tolist() == [1, 0]
    assert walkers.offset_m == pytest.approx([86.7, 86.7])
    for t in range(10_000, 40_000, 10_000):
        moved = go(walkers, t, t + 10_000, net, next_arc, target, speed, size, dest, factor=factor,
                   caught_factor=0.5)
    assert moved.state.tolist() == [NEXT_CLOSED, MOVES]
    assert walkers.node.tolist() == [0, 1]
    assert walkers.arc.tolist() == [-1, 2]
    stay, speed, size, dest = crowd(1, arc=0, offset=70.0)
    go(stay, 0, 10_000, net, next_arc, target, speed, size, dest, factor=factor, caught_factor=0.0)
    assert stay.offset_m[0] == 70.0


# --- kernel: many parties ----------------------------------------


def grid(side=7, seed=3):
    """Square grid with unequal streets, a goal in one corner, routes by fewest streets."""
    node = np.arange(side * side).reshape(side, side)
    streets = np.r_[np.c_[node[:, :-1].ravel(), node[:, 1:].ravel()],
                    np.c_[node[:-1].ravel(), node[1:].ravel()]]
    m = len(streets)
    u = rng.uniform(seed, "position.place", np.arange(m))
    slope = 0.4 + rng.uniform(seed, "position.route", np.arange(2 * m))
    net = net_of(streets, 5.0 + 60.0 * u, 2.0 + 6.0 * u, slope)
    next_arc = np.full((2, side * side), -1, np.int32)
    target = np.zeros((2, side * side), np.bool_)
    target[0, 0] = target[1, -1] = True
    for d, goal in enumerate((0, side * side - 1)):
        hops = np.full(side * side, 10**6)
        hops[goal] = 0
        for _ in range(2 * side):
            for s, (a, b) in enumerate(streets):
                if hops[b] + 1 < hops[a]:
                    hops[a], next_arc[d, a] = hops[b] + 1, 2 * s
                if hops[a] + 1 < hops[b]:
                    hops[b], next_arc[d, b] = hops[a] + 1, 2 * s + 1
    return net, next_arc, target, streets


def people(net, next_arc, n, seed=4):
    key = np.arange(n)
    u = [rng.uniform(seed, "position.place", key, k) for k in range(4)]
    walkers = Walkers(
        np.full(n, -1, np.int32), np.zeros(n), (u[0] * next_arc.shape[1]).astype(np.int32),
        np.zeros(STREETS),
    )
    speed = 0.5 + u[1]
    size = (1 + 5 * u[2]).astype(np.int32)
    dest = (u[3] * 2).astype(np.int16)
    start = (u[2] * 35_000).astype(np.int64)
    return walkers, speed, size, dest, start


def run(n, steps, factor_of, record=None, walkers=None, first=0):
    net, next_arc, target, _ = grid()
    fresh, speed, size, dest, start = people(net, next_arc, n)
    walkers = fresh if walkers is None else walkers
    left = np.arange(n)
    out = []
    for k in range(first, steps):
        moved = go(walkers, k * 10_000, (k + 1) * 10_000, net, next_arc, target, speed, size, dest,
                   factor=factor_of(k, net.width_m.size), start_ms=start, rows=left)
        out += list(zip(moved.arrived.tolist(), moved.arrived_ms.tolist(), strict=True))
        left = np.setdiff1d(left, moved.arrived)
        if record is not None:
            record(k, walkers, moved, size, left)
    return walkers, out


def closing(k, m):
    """Some streets are slow; one in seven is closed between steps 4 and 9."""
    factor = np.where(np.arange(m) % 5 == 0, 0.5, 1.0)
    return np.where((np.arange(m) % 7 == 0) & (4 <= k < 9), 0.0, factor)


def test_agrees_with_the_slow_twin():
    n = 150
    net, next_arc, target, ends = grid()
    walkers, speed, size, dest, start = people(net, next_arc, n)
    size *= 8  # so that streets fill up and parties wait
    waited = False
    routes = [
        {v: (int(a) // 2, bool(a % 2)) for v, a in enumerate(next_arc[d]) if a >= 0} for d in (0, 1)
    ]
    parties = [
        {"arc": None, "offset": 0.0, "node": int(walkers.node[i]), "speed": float(speed[i]),
         "size": int(size[i]), "start": int(start[i]), "arrived": None,
         "route": routes[dest[i]],
         "goals": {int(np.flatnonzero(target[dest[i]])[0])}}
        for i in range(n)
    ]
    left = np.arange(n)
    arrived = {}
    names = ("moves", "closed", "no way", "caught")
    seen = set()
    streets = [{} for _ in ends]
    for k in range(50):
        factor = closing(k, len(ends))
        streets = [
            {"length": float(net.length_m[2 * s]), "width": float(net.width_m[s]),
             "factor": float(factor[s]), "ends": [int(v) for v in ends[s]],
             "slope": net.slope_factor[2 * s : 2 * s + 2].tolist(),
             "debt": streets[s].get("debt", 0.0)}
            for s in range(len(ends))
        ]
        naive.walk(parties, streets, k * 10_000, (k + 1) * 10_000)
        moved = go(walkers, k * 10_000, (k + 1) * 10_000, net, next_arc, target, speed, size, dest,
                   factor=factor, start_ms=start, rows=left)
        for row, party in enumerate(left):
            twin = parties[party]
            arc = -1 if twin["arc"] is None else 2 * twin["arc"][0] + twin["arc"][1]
            assert walkers.arc[party] == arc
            assert walkers.node[party] == twin["node"]
            assert walkers.offset_m[party] == pytest.approx(twin["offset"], abs=1e-7)
            assert names[moved.state[row]] == twin["state"]
            seen.add(twin["state"])
            waited |= arc >= 0 and walkers.offset_m[party] == net.length_m[arc]
        arrived.update(zip(moved.arrived.tolist(), moved.arrived_ms.tolist(), strict=True))
        left = np.setdiff1d(left, moved.arrived)
    assert {p: t["arrived"] for p, t in enumerate(parties) if t["arrived"] is not None} == {
        p: pytest.approx(t, abs=1) for p, t in arrived.items()
    }
    assert len(arrived) > n // 2
    assert seen >= {"moves", "closed", "caught"}
    assert waited


def test_nobody_is_lost():
    def record(k, walkers, moved, size, left):
        on = walkers.arc[left] >= 0
        assert moved.on_street.sum() == size[left[on]].sum()
        length = grid_length[np.maximum(walkers.arc[left], 0)]
        assert np.all(walkers.offset_m[left] <= length)

    grid_length = grid()[0].length_m
    _walkers, out = run(600, 300, lambda k, m: np.ones(m), record)
    assert sorted(p for p, _ in out) == list(range(600))


def test_threads_and_snapshot_do_not_change_a_bit():
    before = numba.get_num_threads()
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("one thread only on this machine")
    try:
        numba.set_num_threads(1)
        one, out_one = run(2_000, 20, closing)
        numba.set_num_threads(2)
        kept = {}

        def record(k, walkers, moved, size, left):
            if k == 9:
                kept["walkers"] = Walkers(*(x.copy() for x in walkers))
                kept["left"] = left.copy()

        two, out_two = run(2_000, 20, closing, record)
    finally:
        numba.set_num_threads(before)
    assert out_one == out_two
    for a, b in zip(one, two, strict=True):
        assert a.tobytes() == b.tobytes()
    # Continue from the copy made after ten steps.
    net, next_arc, target, _ = grid()
    _, speed, size, dest, start = people(net, next_arc, 2_000)
    left, again = kept["left"], kept["walkers"]
    for k in range(10, 20):
        moved = go(again, k * 10_000, (k + 1) * 10_000, net, next_arc, target, speed, size, dest,
                   factor=closing(k, net.width_m.size), start_ms=start, rows=left)
        left = np.setdiff1d(left, moved.arrived)
    for a, b in zip(one, again, strict=True):
        assert a.tobytes() == b.tobytes()
