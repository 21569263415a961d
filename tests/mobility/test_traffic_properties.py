"""The traffic model under random disturbance on random networks: what must hold always.

Streets close and open (known or not), narrow, slow down, widen and become impassable; cars are left
behind and towed; buses and emergency vehicles mix with cars; goals change on the way.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from benches.closures import Run
from benches.grid import boundary_exits, town
from benches.traffic_audit import Watchman, faults
from engine.kernels import traffic_change
from engine.kernels import traffic_layout as lay
from engine.mobility.traffic import VEHICLE_CLASSES, Traffic, TrafficEvents
from tests.naive_traffic import SlowTraffic

TICK_MS, TICKS, CARS = 20_000, 18, 160


class Case:
    """A random network with random trips, and random things that happen to it."""

    def __init__(self, seed: int) -> None:
        draw = self.draw = np.random.default_rng(seed)
        self.n = n = int(draw.integers(5, 13))
        # A ring both ways keeps most places within reach, chords are one-way, doubled or both ways.
        ring = np.arange(n)
        extra = draw.integers(0, n, (2, int(draw.integers(0, 2 * n))))
        extra = extra[:, extra[0] != extra[1]]
        tail = np.concatenate([ring, (ring + 1) % n, extra[0]])
        head = np.concatenate([(ring + 1) % n, ring, extra[1]])
        keep = draw.random(tail.size) < 0.9
        tail, head = (tail[keep], head[keep]) if keep.sum() > n else (tail, head)
        m = tail.size
        lanes = draw.integers(1, 4, m)
        speed, jam = draw.uniform(4, 28, m), 0.15 * lanes
        capacity = speed * 5 * jam / (speed + 5) * draw.uniform(0.3, 1, m)
        goals: list[object] = []
        for _ in range(int(draw.integers(1, 6))):
            where = draw.choice(n, int(draw.integers(1, 3)), replace=False)
            goals.append((where, draw.integers(0, 20_000, where.size)))
        self.traffic = Traffic(
            n_nodes=n, from_node=tail, to_node=head, length_m=draw.choice([3, 40, 90, 250], m),
            free_speed_mps=speed, capacity_vps=capacity, jam_density_vpm=jam, lanes=lanes,
            destinations=goals, max_vehicles=CARS, bucket_ms=int(draw.choice([1, 100, 500])),
        )
        self.goals = len(goals)
        self.vclass = draw.choice(3, CARS, p=[0.7, 0.15, 0.15])
        self.speed, self.capacity, self.jam = speed, capacity, jam
        self.closed, self.factor = np.zeros(m, bool), np.ones(m)
        self.slow, self.wide = np.ones(m), np.ones(m)
        self.origin = draw.integers(0, n, CARS)
        self.trips = 0
        self.start(np.arange(CARS), draw.integers(0, TICK_MS * TICKS // 2, CARS))

    def start(self, vehicles: np.ndarray, t_ms: np.ndarray) -> None:
        """Let vehicles depart to random goals; all their entries are reported."""
        self.traffic.depart(vehicles, t_ms, self.origin[vehicles],
                            self.draw.integers(0, self.goals, vehicles.size),
                            self.vclass[vehicles], watch=True)
        self.trips += vehicles.size

    def aside(self) -> dict[str, object]:
        """All of the case but the traffic model."""
        return {name: value for name, value in vars(self).items() if name != "traffic"}

    def change(self) -> None:
        """Do one or more of everything that can be done to a network in use."""
        draw, traffic, m = self.draw, self.traffic, self.traffic.n_edges
        if draw.random() < 0.6:
            some = draw.random(m) < 0.2
            self.closed = np.where(some, draw.random(m) < 0.5, self.closed)
            self.factor = np.where(some, draw.choice([0.05, 0.5, 1], m), self.factor)
            self.slow = np.where(some, draw.choice([0, 0.3, 1, 1], m), self.slow)
            self.wide = np.where(some, draw.choice([0.5, 1, 2], m), self.wide)
            traffic.set_edge_state(
                self.speed * self.slow, self.capacity * self.factor, self.closed,
                self.jam * self.wide, known=bool(draw.random() < 0.5),
                barred=draw.random(m) < 0.1,
            )
        every = np.arange(CARS)
        state, place = traffic.state_of(every), traffic.place_of(every)
        for way, rows in (
            (traffic.abandon, np.isin(state, (lay.S_WAITING, lay.S_ON_LINK, lay.S_STRANDED,
                                              lay.S_STRANDED_ON_LINK))),
            (traffic.tow, np.isin(state, (lay.S_ABANDONED, lay.S_STRANDED_ON_LINK)) & (place >= 0)),
        ):
            if draw.random() < 0.4 and rows.any():
                picked = draw.choice(every[rows], min(3, int(rows.sum())), replace=False)
                way(picked)
                break  # what was left behind just now is no longer what `state` says
        if draw.random() < 0.4:
            moving = every[np.isin(traffic.state_of(every), (lay.S_WAITING, lay.S_ON_LINK))]
            if moving.size:
                picked = draw.choice(moving, min(5, moving.size), replace=False)
                traffic.retarget(picked, draw.integers(0, self.goals, picked.size))
        if draw.random() < 0.4:
            traffic.refresh_routes(traffic.mean_travel_ms() if draw.random() < 0.7 else None)
        if draw.random() < 0.7:
            self.trips += traffic.resume().size
        again = every[(traffic.state_of(every) == lay.S_ARRIVED)]
        if draw.random() < 0.3 and again.size:
            again = draw.choice(again, min(4, again.size), replace=False)
            self.origin[again] = -1 - traffic.place_of(again)
            self.start(again, np.full(again.size, traffic.now_ms))


def never_above_capacity(
    told: list[tuple[int, int]], headway_ms: float, apart: int, vclass: np.ndarray
) -> None:
    """Each passage keeps its headway to the next, hence the flow its limit over any window.

    At the end of a link it does so to the next but one: a head that is held back keeps the credit of
    the headway it could have begun, so that the one behind it may follow at once, but no third.
    """
    length = [2 if vclass[v] == list(VEHICLE_CLASSES).index("bus") else 1 for _, v in told]
    for k in range(apart, len(told)):
        # Of those that leave in one millisecond any may have been the last.
        near = range(k - apart, k + 1)
        last = min(length[i] for i in near if told[i][0] == told[k - 1][0])
        assert told[k][0] - told[k - apart][0] >= headway_ms * last - 2


def fair_order(entered: dict[int, list[tuple[int, int]]], left: dict[int, list[tuple[int, int]]],
               vclass: np.ndarray) -> None:
    """Who of one class came onto a link first leaves it first (those who stay aside)."""
    for edge, leavers in left.items():
        serial: dict[int, list[int]] = defaultdict(list)
        for number, (_, v) in enumerate(entered[edge]):
            serial[v].append(number)
        # Who leaves in the same millisecond, to different links, may be told in any order.
        ranks = sorted((t, serial[v].pop(0), int(vclass[v])) for t, v in leavers)
        for cls in range(len(VEHICLE_CLASSES)):
            mine = [number for _, number, c in ranks if c == cls]
            assert mine == sorted(mine), f"link {edge}: overtaking inside a class"


@settings(max_examples=60)
@given(st.integers(0, 10**9))
def test_whatever_happens_everybody_is_in_one_place_and_no_rule_is_broken(seed: int) -> None:
    """Counts, places, closures, capacities, storage, order and times, at every stop."""
    case = Case(seed)
    traffic = case.traffic
    watch = Watchman(traffic)
    entered: dict[int, list[tuple[int, int]]] = defaultdict(list)
    left: dict[int, list[tuple[int, int]]] = defaultdict(list)
    at = np.full(CARS, -1)  # link each vehicle was last seen on
    ended = 0
    before_ms = 0
    for k in range(TICKS):
        case.change()
        assert faults(traffic) == []
        watch.changed()
        shut = traffic.state.edge_closed.copy()
        events = traffic.advance(TICK_MS * (k + 1))
        assert watch.look() == []
        assert not shut[events.passed_edge].any()
        for times in (events.arrived_ms, events.passed_ms, events.stranded_ms):
            assert ((times >= before_ms) & (times <= traffic.now_ms)).all(), "told late or early"
        before = {e: len(rows) for e, rows in entered.items()}, {e: len(r) for e, r in left.items()}
        follow(events, entered, left, at)
        headway_ms = traffic.state.link["headway"] / 1000
        for rows, known, apart in ((entered, before[0], 1), (left, before[1], 2)):
            for edge, told in rows.items():
                never_above_capacity(told[known.get(edge, 0) :], headway_ms[edge], apart, case.vclass)
        ended += events.arrived.size + events.stranded.size
        before_ms = traffic.now_ms
    state = np.bincount(traffic.state_of(np.arange(CARS)), minlength=7)
    assert state.sum() == CARS
    assert state[lay.S_UNUSED] == 0
    assert state[lay.S_WAITING] == traffic.state.clock[lay.K_WAITING]
    assert state[lay.S_ON_LINK] == traffic.state.clock[lay.K_ON_LINK]
    fair_order(entered, left, case.vclass)


@settings(max_examples=30)
@given(st.integers(0, 10**9), st.integers(1, TICKS - 2))
def test_a_snapshot_continues_bit_for_bit_in_another_model(seed: int, at_tick: int) -> None:
    """All that a run depends on is in the snapshot, whatever has happened before and after."""
    first, second = Case(seed), Case(seed)

    def go(case: Case, begin: int, end: int) -> None:
        for k in range(begin, end):
            case.change()
            case.traffic.advance(TICK_MS * (k + 1))

    go(first, 0, at_tick)
    snapshot, aside = first.traffic.snapshot(), copy.deepcopy(first.aside())
    go(first, at_tick, TICKS)
    second.traffic.restore(snapshot)
    vars(second).update(aside)
    go(second, at_tick, TICKS)
    for name, one, other in zip(snapshot._fields, first.traffic.state, second.traffic.state,
                                strict=True):
        np.testing.assert_array_equal(one, other, err_msg=name)


@settings(max_examples=40)
@given(st.integers(0, 10**9))
def test_no_node_sleeps_while_something_could_move(seed: int) -> None:
    """Waking every node after an advance finds nothing left to do before its end."""
    case = Case(seed)
    traffic = case.traffic
    for k in range(TICKS):
        case.change()
        now_us = TICK_MS * (k + 1) * 1000
        events = traffic.advance(TICK_MS * (k + 1))
        snapshot = traffic.snapshot()
        if events.blocked_edge.size:
            continue  # routes are new since the end of the advance: heads may go by them
        came = traffic.state.vehicle["t_in"].copy()
        traffic.state.clock[lay.K_SINCE] = 0
        for n in range(case.n):
            traffic_change.wake(n, traffic.state)
        traffic.advance(TICK_MS * (k + 1) + 1)
        late = traffic.state.vehicle["t_in"]
        assert (late[late != came] >= now_us).all()
        traffic.restore(snapshot)


@settings(max_examples=12)
@given(st.integers(0, 10**9), st.sampled_from([0, 12]))
def test_many_destinations_and_new_routes_equal_the_slow_twin(seed: int, into_one: int) -> None:
    """Cars and buses on a network with loops, several goals, other routes every minute.

    With `into_one` more links that lead to one node than are looked at together.
    """
    draw = np.random.default_rng(seed)
    n, cars = 6, 60
    ring = np.arange(n)
    extra = draw.integers(0, n, (2, 5))
    extra = extra[:, extra[0] != extra[1]]
    hub = np.stack([draw.integers(2, n, into_one), np.ones(into_one, dtype=np.int64)])
    extra = np.concatenate([hub, extra], axis=1)
    tail, head = np.concatenate([ring, extra[0]]), np.concatenate([(ring + 1) % n, extra[1]])
    m = tail.size
    speed, length = draw.uniform(8, 25, m), draw.uniform(30, 200, m)
    capacity = speed * 5 * 0.2 / (speed + 5) * draw.uniform(0.4, 1, m)
    traffic = Traffic(
        n_nodes=n, from_node=tail, to_node=head, length_m=length, free_speed_mps=speed,
        capacity_vps=capacity, jam_density_vpm=np.full(m, 0.2), destinations=[[0], [2], [3]],
        max_vehicles=cars, bucket_ms=1,
    )
    vclass = draw.choice(2, cars, p=[0.8, 0.2])
    start, origin = draw.integers(0, 60_000, cars), draw.integers(0, n, cars)
    goal = draw.integers(0, 3, cars)
    traffic.depart(np.arange(cars), start, origin, goal, vclass)

    def way(vehicle: int, node: int) -> int | None:
        rank = int(traffic.state.route[goal[vehicle], node])
        return None if rank >= lay.RANK_ARRIVED else int(
            traffic._net.out_edge[traffic._net.out_ptr[node] + rank])

    link, tally = traffic.state.link, traffic.state.tally
    per_mm = traffic._net.classes["ns_per_mm"][vclass]
    slow = SlowTraffic(
        n, tail.tolist(), head.tolist(), *(link[c].tolist() for c in (
            "travel", "wave", "headway", "store")), capacity.tolist(), way,
        traffic._net.classes["units"][vclass].tolist(),
        (per_mm[:, None] * tally["length_mm"] // 1000).tolist(),
    )
    for v in range(cars):
        slow.depart(v, int(start[v]) * 1000, int(origin[v]))
    told: dict[int, int] = {}
    for minute in range(1, 12):
        slow.run(minute * 60_000_000)
        events = traffic.advance(minute * 60_000)
        for who, when in ((events.arrived, events.arrived_ms),
                          (events.stranded, events.stranded_ms)):
            told |= dict(zip(who.tolist(), when.tolist(), strict=True))
        assert told == {v: t // 1000 for v, t in slow.ended.items()}
        traffic.refresh_routes(draw.integers(1000, 20_000, m))


def follow(
    events: TrafficEvents, entered: dict[int, list[tuple[int, int]]],
    left: dict[int, list[tuple[int, int]]], at: np.ndarray,
) -> None:
    """Write who came onto and left which link, in the order of time."""
    # At equal times an entry onto a link comes after the leaving of the link before: serial 0, 1.
    rows = [(t, v, 1, e) for v, t, e in zip(events.passed, events.passed_ms, events.passed_edge,
                                            strict=True)]
    rows += [(t, v, 2, -1) for v, t in zip(events.arrived, events.arrived_ms, strict=True)]
    rows += [(t, v, 2, -1) for v, t, p in zip(events.stranded, events.stranded_ms,
                                              events.stranded_place, strict=True) if p < 0]
    for t, v, _, edge in sorted(rows):
        if at[v] >= 0:
            left[int(at[v])].append((t, v))
        if edge >= 0:
            entered[int(edge)].append((t, v))
        at[v] = edge


def test_the_audited_evacuation_keeps_every_rule_in_a_grid_town(tmp_path: Path) -> None:
    """The bench of real towns on a small one: closures are met, streets flood, everybody gets out."""
    tables = town(12, 12, 10, exits=boundary_exits(12, 4), window_s=600, seed=3)
    for name, table in zip(("nodes", "links", "trips"), tables, strict=True):
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    told = Run(tmp_path, vehicles=6000, closures=12, seed=4).go()
    assert told["first_broken"] == []
    assert told["states"] == {"arrived": 6000}
    assert int(str(told["of_them_met_unknown"])) > 0
    assert int(str(told["towed_and_started_again"])) > 0
