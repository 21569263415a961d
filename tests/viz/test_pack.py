"""Sections of the page, and how finely people are drawn in the room that is left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.viz.fake_run import town, write_fake_run
from viz import replay
from viz.pack import Pack


def test_equal_sections_stand_in_the_page_once() -> None:
    pack = Pack()
    sea = np.arange(600, dtype=np.uint8).reshape(20, 30)
    pack.add("a_sea", sea, "rows")
    size = pack.size()
    pack.add("b_sea", sea.copy(), "rows", step=2)
    assert pack.size() == size
    assert pack.meta["b_sea"]["of"] == "a_sea"
    pack.add("c_sea", sea + 1, "rows")
    assert "of" not in pack.meta["c_sea"]


@pytest.mark.parametrize(("room", "expected_m"), [(10**6, 6.0), (30_000, 20.0), (100, 10_000.0)])
def test_people_are_as_fine_as_the_room_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, expected_m: float
) -> None:
    run = write_fake_run(tmp_path / "run")
    noise = np.random.default_rng(1).integers(0, 256, 400_000).astype(np.uint8)
    used: dict[float, int] = {}

    def people(run: object, key: str, grid: object, pack: Pack, tolerance_m: float) -> None:
        pack.add(f"{key}_pn", noise[: int(400_000 / tolerance_m)])
        used[tolerance_m] = pack.size()

    monkeypatch.setattr(replay, "pack_people", people)
    monkeypatch.setattr(replay, "MAX_BYTES", 0)  # everything but the people, and the coarsest
    bare = replay.write_replay(run, city=town()).stat().st_size - used[10_000.0]
    monkeypatch.setattr(replay, "MAX_BYTES", bare + room)
    used.clear()
    size = replay.write_replay(run, city=town()).stat().st_size
    # The header differs by a digit or two.
    assert min(used, key=lambda tolerance: abs(used[tolerance] - (size - bare))) == expected_m
    if expected_m < 10_000.0:
        assert size <= bare + room
