"""Walls hold, nobody is lost, and a run is a function of its inputs."""

from __future__ import annotations

import math

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from engine.crowd.simulate import INSIDE, OUT, CrowdRun, simulate_crowd
from engine.crowd.venue import load_venue
from engine.errors import InputError
from engine.kernels import crowd as kernel
from engine.kernels.floor_field import crosses
from tests.crowd_venues import bottleneck, facing_rooms, hall, make

ROOM = [[[12, 5], [12, 0], [0, 0], [0, 10], [12, 10], [12, 6.2]]]
wall = st.tuples(st.floats(2, 10), st.floats(0.5, 9.5), st.floats(0, math.pi), st.floats(0.3, 4))


@settings(max_examples=25)
@given(st.lists(wall, max_size=8), st.integers(0, 1000))
def test_nobody_crosses_a_wall_or_comes_closer_than_a_body(
    drawn: list[tuple[float, float, float, float]], seed: int
) -> None:
    """Random walls anywhere in a room, as thin as a line, also across each other."""
    lines = []
    for x, y, angle, size in drawn:
        dx, dy = size / 2 * math.cos(angle), size / 2 * math.sin(angle)
        lines.append([[x - dx, y - dy], [x + dx, y + dy]])
    venue = make(walls=ROOM + lines,
                 exits=[{"name": "door", "line": [[12, 5], [12, 6.2]]}],
                 areas=[{"name": "room", "ring": [[0, 0], [12, 0], [12, 10], [0, 10]]}])
    try:
        run = CrowdRun(venue, 40, seed)
    except InputError:  # walls shut too much of the room off
        return
    walls = run.ground.walls
    for _ in range(60):
        rows, before = run.rows.copy(), run.state[:, :2].copy()
        run.step()
        for p in rows:
            if run.status[p] == INSIDE:
                moved = (*before[p], *run.state[p, :2])
                assert not any(crosses(*moved, *w) for w in walls)
        inside = run.state[run.rows, :2]
        if run.rows.size > 1:
            nearest = cKDTree(inside).query(inside, k=2)[0][:, 1]
            assert nearest.min() > 0.05


def test_people_who_go_the_same_way_keep_the_distance_of_bodies() -> None:
    run = CrowdRun(bottleneck(1.0), 200)
    for _ in range(300):
        run.step()
        places = run.state[run.rows, :2]
        assert cKDTree(places).query(places, k=2)[0][:, 1].min() >= kernel.CONTACT_M - 0.03


def test_the_ledger_holds_at_every_step() -> None:
    """People are not yet in, inside or out, at one place each; who is out stays out."""
    venue = make(
        walls=[[[12, 4], [12, 0], [0, 0], [0, 10], [12, 10], [12, 6]]],
        exits=[{"name": "door", "line": [[12, 4], [12, 6]], "flow_pms": 1.0}],
        areas=[{"name": "platform", "ring": [[1, 1], [5, 1], [5, 9], [1, 9]]},
               {"name": "train", "ring": [[6, 1], [8, 1], [8, 9], [6, 9]], "enters_s": [5, 60]}])
    run = CrowdRun(venue, 200)
    out = np.zeros(200, bool)
    while not run.done and run.now_ms < 400_000:
        run.step()
        assert run.rows.size == np.unique(run.rows).size
        assert (run.status[run.rows] == INSIDE).all()
        gone = run.status == OUT
        assert gone[out].all()
        out = gone
        assert run.rows.size + run.queue.size + out.sum() == 200
    assert run.done
    late = run.crowd.group == 1
    assert (run.out_ms[late] / 1000 > run.crowd.enters_s[late]).all()


def test_same_digest_for_any_number_of_threads_and_another_for_another_seed() -> None:
    before = numba.get_num_threads()
    try:
        digests = []
        for threads in (1, min(2, numba.config.NUMBA_NUM_THREADS)):
            numba.set_num_threads(threads)
            digests.append(simulate_crowd(facing_rooms(0.5), 150, seed=4, duration_s=60).digest)
    finally:
        numba.set_num_threads(before)
    assert digests[0] == digests[1]
    assert simulate_crowd(facing_rooms(0.5), 150, seed=5, duration_s=60).digest != digests[0]


def test_half_the_step_gives_the_same_clearance() -> None:
    """The step of 0.2 s is short enough: 0.1 s gives the same times within 20 %."""
    times = []
    for step_ms in (200, 100):
        run = CrowdRun(hall(4), 400, 1, step_ms)
        while not run.done:
            run.step()
        times.append(run.now_ms)
    assert times[0] == pytest.approx(times[1], rel=0.20)


def test_the_way_follows_the_crowd_when_it_is_rerouted() -> None:
    """Everybody starts nearer to one of two doors: with rerouting more take the other."""
    def doors(reroute_s: float) -> list[int]:
        venue = make(
            reroute_s=reroute_s,
            walls=[[[9, 0], [0, 0], [0, 10], [9, 10]], [[10, 10], [30, 10], [30, 0], [21, 0]],
                   [[10, 0], [20, 0]], [[9, 10], [10, 10]], [[20, 0], [20, 0.01]]],
            exits=[{"name": "near", "line": [[9, 0], [10, 0]]},
                   {"name": "far", "line": [[20, 0], [21, 0]]}],
            areas=[{"name": "crowd", "ring": [[1, 1], [13, 1], [13, 9], [1, 9]]}])
        rows = simulate_crowd(venue, 250).summary["exits"]
        return [row["out"] for row in rows]

    fixed, aware = doors(0), doors(5)
    assert aware[1] > fixed[1] + 25


def test_the_stadium_empties_its_rows_by_the_gangways() -> None:
    """A twentieth of a full house: nobody is lost, most gates are used, eight minutes are kept."""
    result = simulate_crowd(load_venue("stadium"), 2500)
    summary = result.summary
    assert summary["out"] == 2500
    assert summary["clearance_s"] < 480
    assert sum(row["out"] > 0 for row in summary["exits"]) >= 20
