"""Sweeps over all parties against the obvious loops in numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.codes import among
from engine.kernels import sweep

N, RELEVANT, ZONES = 4000, 1500, 7
LEAVES, KNOWS = 1, 2 | 4 | 8 | 32


def parties(seed: int) -> dict[str, NDArray[np.generic]]:
    rng = np.random.default_rng(seed)
    return {
        "place": rng.integers(0, 14, N).astype(np.uint8),
        "decision": rng.integers(0, 5, N).astype(np.uint8),
        "alert": rng.integers(0, 128, N).astype(np.uint8),
        "due": rng.integers(0, 100, N),
        "heard": rng.random(N).astype(np.float32) * 3,
        "rows": np.sort(rng.choice(N, RELEVANT, replace=False)),
        "zone": rng.integers(0, ZONES, RELEVANT),
        "danger": rng.random(RELEVANT) < 0.5,
        "threshold": -np.log(rng.random(RELEVANT)),
        "gain": np.r_[0.0, rng.random(ZONES - 1) * 0.4],
    }


def test_settle() -> None:
    for seed in range(5):
        p = parties(seed)
        home = np.isin(np.arange(14), (0, 1, 10, 12))
        becomes = np.full(256, sweep.KEEP, np.uint8)
        becomes[1:4] = 1, 10, 12
        place = p["place"].copy()
        for decision, to in ((1, 1), (2, 10), (3, 12)):
            place[home[p["place"]] & (p["decision"] == decision)] = to
        ready = np.flatnonzero((place == 1) & (p["due"] < 50))
        out = np.empty(N, np.int64)
        n = sweep.settle(p["place"], p["decision"], p["due"], 50, home, becomes, 1, out)
        assert np.array_equal(out[:n], ready)
        assert np.array_equal(p["place"], place)
        assert ready.size


def test_word_of_mouth() -> None:
    for seed in range(5):
        p = parties(seed)
        rows, zone = p["rows"], p["zone"]
        leaves = p["decision"][rows] == LEAVES
        knows = leaves | (p["alert"][rows] & KNOWS > 0)
        informed = np.empty(ZONES, np.int64)
        sweep.count_informed(informed, rows, zone, p["decision"], p["alert"], LEAVES, KNOWS)
        assert np.array_equal(informed, np.bincount(zone[knows], minlength=ZONES))

        hears = ~leaves & (p["danger"] | ~knows) & (p["gain"][zone] > 0)
        heard = p["heard"].copy()
        before = np.floor(heard[rows] / p["threshold"])
        heard[rows[hears]] += p["gain"][zone[hears]]
        told = np.flatnonzero(np.floor(heard[rows] / p["threshold"]) > before)
        out = np.empty(RELEVANT, np.int64)
        n = sweep.word_of_mouth(
            p["heard"], rows, zone, p["decision"], p["alert"], p["danger"], p["gain"],
            p["threshold"], LEAVES, KNOWS, out)
        assert np.array_equal(out[:n], told)
        assert np.array_equal(p["heard"], heard)
        assert told.size


def test_exposed() -> None:
    p, rng = parties(2), np.random.default_rng(5)
    node, arc = rng.integers(0, 50, N).astype(np.int32), rng.integers(-1, 2, N).astype(np.int32)
    wet = rng.random(50) < 0.1
    on_foot = np.isin(np.arange(256), (2, 13))
    counted = np.isin(np.arange(256), (0, 1, 2, 3, 4, 10, 12, 13))
    out = np.empty(N, np.int64)
    n = sweep.exposed(node, p["place"], arc, wet, counted, on_foot, out)
    expected = counted[p["place"]] & (wet[node] | (on_foot[p["place"]] & (arc >= 0)))
    assert np.array_equal(out[:n], np.flatnonzero(expected))


def test_new_due_and_among() -> None:
    p = parties(1)
    out = np.empty(RELEVANT, np.int64)
    n = sweep.new_due(p["rows"], p["due"], p["alert"], 2, 30, out)
    expected = (p["due"][p["rows"]] < 30) & (p["alert"][p["rows"]] & 2 == 0)
    assert np.array_equal(out[:n], np.flatnonzero(expected))
    assert np.array_equal(among(p["place"], (3, 7, 200)), np.isin(p["place"], (3, 7, 200)))
