"""What is kept as changes reads back as what was recorded, and costs what changed."""

from __future__ import annotations

import numpy as np

from engine.history import History


def recorded(steps: int = 150, size: int = 40) -> tuple[History, np.ndarray]:
    rng = np.random.default_rng(3)
    values = np.zeros((steps, size), np.uint16)
    values[0, ::3] = 7
    for k in range(1, steps):
        values[k] = values[k - 1]
        values[k, rng.integers(0, size // 2, 2)] = rng.integers(0, 1000, 2)
    history = History()
    for row in values:
        history.append(row.copy())
    return history, values


def test_table_is_what_was_appended() -> None:
    history, values = recorded()
    assert np.array_equal(history.table(), values)
    some = np.array([0, 5, 39])
    table = history.table(some)
    assert np.array_equal(table, values[:, some])
    assert table.flags.f_contiguous  # one row's history lies together


def test_ever_and_changed() -> None:
    history, values = recorded()
    for test in (lambda v: v == 0, lambda v: v > 900, lambda v: v == 7, lambda v: v != 7):
        assert np.array_equal(history.ever(test), test(values).any(axis=0))
    assert np.array_equal(history.changed(), (values != values[0]).any(axis=0))
    assert not history.changed()[20:].any()


def test_a_copy_goes_on_by_itself() -> None:
    history, values = recorded()
    other = history.copy()
    other.append(values[-1] + 1)
    assert history.table().shape[0] == values.shape[0]
    assert np.array_equal(other.table()[:-1], values)


def test_what_stands_still_costs_nothing() -> None:
    history, values = recorded()
    before = sum(rows.size for rows, _ in history._changes)
    for _ in range(1000):
        history.append(values[-1].copy())
    assert sum(rows.size for rows, _ in history._changes) == before
