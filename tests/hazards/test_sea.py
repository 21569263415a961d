"""The sea of a scenario: the kernel against its slow twin, what is kept, and reuse by content."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import naive_water
import numpy as np
import pytest

from engine.errors import InputError
from engine.hazards import sea
from engine.hazards.tsunami_source import read_series
from engine.kernels import shallow_water as kernel

ARRAYS = ("cells", "depth_mm", "speed_cmps", "gauge_m", "picture_mm", "arrival_ms", "max_depth_m",
          "max_speed_mps")


def beach() -> tuple[Any, ...]:
    """A small bay open in the west with a beach 1:50 in the east, and a wave of 2 m."""
    y, x = np.mgrid[0:40, 0:90]
    elev = np.minimum(-20.0 + 0.5 * x + 0.3 * np.sin(y / 5.0), 15.0).astype(np.float32)
    t = np.arange(0.0, 1500.0, 20.0)
    level = 2.0 * np.sin(np.pi * t / 600.0) ** 2 * (t < 600.0)
    gauges = np.array([20 * 90 + 5, 20 * 90 + 36])
    return (elev, np.full(elev.shape, 0.025, np.float32), 25.0, ("west",), t, level, 1200.0, 20.0,
            gauges)


@pytest.fixture(scope="module")
def result() -> sea.SeaResult:
    return sea.simulate_sea(*beach())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANLAN_CACHE_DIR", str(tmp_path))
    return tmp_path / "sea"


def same(a: sea.SeaResult, b: sea.SeaResult) -> bool:
    fields = dataclasses.asdict(a).keys() - set(ARRAYS)
    return all(np.array_equal(getattr(a, n), getattr(b, n)) for n in ARRAYS) and all(
        getattr(a, n) == getattr(b, n) for n in fields
    )


@pytest.mark.parametrize("west", ["wall", "incident"])
def test_kernel_agrees_with_the_slow_twin(west: str) -> None:
    """20 x 12 cells (two strips) with an island, a beach, friction and a hump of water at the strips'
    border; depths within 0.1 mm."""
    y, x = np.mgrid[0:20, 0:12]
    bed = (-3.0 + 0.35 * x + 2.5 * np.exp(-((x - 4) ** 2 + (y - 7) ** 2) / 3.0)).astype(np.float32)
    manning = np.full(bed.shape, 0.03)
    start = np.maximum(0.0, np.exp(-((x - 3) ** 2 + (y - 14) ** 2) / 4.0) - bed.astype(float))
    start[bed > 0.6] = 0.0
    t, level = np.array([0.0, 30.0, 60.0]), np.array([0.0, 0.8, -0.5])
    basin = sea.Basin(bed, manning, 10.0, ("west",) if west == "incident" else (), (t, level), start)
    basin.advance(40.0)
    cells = naive_water.advance(
        [[(float(h), 0.0, 0.0) for h in row] for row in start], bed.astype(float).tolist(),
        manning.tolist(), 10.0, 40.0, courant=sea.COURANT, dry=sea.DRY_M, west=west,
        shallow=kernel.SECOND_M, series=lambda s: float(np.interp(s, t, level)),
    )
    twin = np.array(cells)
    assert np.abs(twin[..., 1:]).max() > 0.3  # it moves
    assert ((start == 0.0) & (twin[..., 0] > 0.01)).any()  # and wets what was dry
    np.testing.assert_allclose(basin.depth_m, twin[..., 0], atol=1e-4)
    deep = twin[..., 0] > 0.01
    u, v = basin.velocity_mps
    np.testing.assert_allclose(u[deep], twin[..., 1][deep], atol=2e-3)
    np.testing.assert_allclose(v[deep], twin[..., 2][deep], atol=2e-3)


def test_frames_hold_the_land_the_sea_reached(result: sea.SeaResult) -> None:
    elev = beach()[0].ravel()
    assert result.cells.size > 100
    assert (elev[result.cells] >= 0).all()
    assert (result.depth_mm.max(axis=0) >= 10).all()
    assert (result.depth_mm[0] == 0).all()
    # The greatest depth over all steps is at least the greatest of the frames (1 mm rounding).
    assert (result.max_depth_m + 1e-3 >= result.depth_mm.max(axis=0) / 1000).all()
    assert (result.max_speed_mps + 1e-2 >= result.speed_cmps.max(axis=0) / 100).all()
    # A cell above the watch depth in a frame has an earlier arrival; a cell never above has none.
    deep = result.depth_mm > sea.WATCH_M * 1000 + 1
    reached = deep.any(axis=0)
    first_ms = deep.argmax(axis=0) * result.frame_ms
    assert reached.any()
    assert (result.arrival_ms[reached] > 0).all()
    assert (result.arrival_ms[reached] <= first_ms[reached]).all()
    assert (result.arrival_ms[result.max_depth_m < sea.WATCH_M] == -1).all()
    assert abs(result.summary["relative_volume_error"]) < 1e-9


def test_water_comes_later_and_shallower_up_the_beach(result: sea.SeaResult) -> None:
    on_row = result.cells // 90 == 20
    order = np.argsort(result.cells[on_row])
    arrival = result.arrival_ms[on_row][order]
    arrival = arrival[arrival >= 0]
    assert (np.diff(arrival) > 0).all()
    assert (np.diff(result.max_depth_m[on_row][order]) < 0.05).all()
    # A wave of 2 m doubles at a coast; run-up of a long wave on 1:50 is a small multiple of that.
    top = beach()[0].ravel()[result.cells].max()
    assert 2.0 < top < 8.0


def test_values_between_frames_are_linear_and_held_at_the_end(result: sea.SeaResult) -> None:
    k = int(result.depth_mm.sum(axis=1).argmax()) - 1
    a, b = result.depth_mm[k] / 1000, result.depth_mm[k + 1] / 1000
    np.testing.assert_allclose(result.depth_at(k * 20_000), a, atol=1e-6)
    np.testing.assert_allclose(result.depth_at(k * 20_000 + 5_000), 0.75 * a + 0.25 * b, atol=1e-5)
    np.testing.assert_allclose(result.depth_at(10**8), result.depth_mm[-1] / 1000, atol=1e-6)
    assert np.abs(result.gauge_at(400_000)).max() > 0.3
    assert (result.gauge_at(0) == 0).all()


def test_a_calm_sea_is_not_simulated_on() -> None:
    """Once the series is over and its waves have left, the last frame stands for the rest."""
    inputs = list(beach())
    inputs[4], inputs[5] = np.append(inputs[4], 1500.0), np.append(inputs[5], 0.0)
    inputs[6] = 43_200.0
    long = sea.simulate_sea(*inputs)
    assert 1500.0 + sea.CALM_S <= long.summary["simulated_s"] < 21_600.0
    assert long.depth_mm.shape[0] == round(long.summary["simulated_s"] / 20.0) + 1
    assert np.abs(long.gauge_at(43_200_000)).max() < sea.CALM_M
    assert long.speed_at(43_200_000).max() < 1.0
    assert long.display_frames(43_200_000)["data"].shape[0] == 721
    # Up to there it is the sea that was simulated to a fixed end.
    short = sea.simulate_sea(*inputs[:6], 1500.0, *inputs[7:])
    assert np.array_equal(short.gauge_m, long.gauge_m[: short.gauge_m.shape[0]])


def test_picture_shows_the_level_of_the_sea_and_hides_land(result: sea.SeaResult) -> None:
    frames = result.display_frames(1_200_000)
    assert frames["data"].shape == (21, int(frames["rows"] * frames["columns"]))
    first = frames["data"][0]
    level = first[first != 65_535] * frames["scale"] + frames["offset"]
    np.testing.assert_allclose(level, 0.0, atol=1e-6)
    assert (first == 65_535).any()


def test_kept_sea_is_the_fresh_one_to_the_bit(result: sea.SeaResult, folder: Path) -> None:
    fresh = sea.load_or_compute(*beach())
    assert same(fresh, result)
    kept = sea.load_or_compute(*beach())
    assert isinstance(kept.depth_mm, np.memmap)
    assert same(kept, result)
    assert len(list(folder.iterdir())) == 1  # one folder, and nothing half-written beside it


def test_kept_sea_is_read_and_not_computed_again(
    result: sea.SeaResult, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sea.load_or_compute(*beach())

    def refuse(*_: Any) -> sea.SeaResult:
        raise AssertionError("computed again")

    monkeypatch.setattr(sea, "simulate_sea", refuse)
    assert same(sea.load_or_compute(*beach()), result)
    changed = list(beach())
    changed[5] = changed[5] * 1.01
    with pytest.raises(AssertionError, match="computed again"):
        sea.load_or_compute(*changed)


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "no meta", "bad meta"])
def test_damaged_folder_is_computed_anew(
    result: sea.SeaResult, folder: Path, damage: str
) -> None:
    sea.load_or_compute(*beach())
    (kept,) = folder.iterdir()
    data, meta = kept / "depth_mm.npy", kept / "meta.json"
    if damage == "flip":
        content = bytearray(data.read_bytes())
        content[-100] ^= 0xFF
        data.write_bytes(bytes(content))
    elif damage == "truncate":
        data.write_bytes(data.read_bytes()[:-50])
    elif damage == "remove":
        data.unlink()
    elif damage == "no meta":
        meta.unlink()
    else:
        meta.write_text(json.dumps({"sha256": []}))
    assert same(sea.load_or_compute(*beach()), result)
    assert same(sea.load_or_compute(*beach()), result)


def test_series_file_names_the_line_that_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "sea_level.csv"
    path.write_text("# source\nt_s,level_m\n0,0\n60,1.5 # crest\n120,0\n")
    t, level = read_series(path)
    assert t.tolist() == [0, 60, 120]
    assert level.tolist() == [0, 1.5, 0]
    for text, word in (
        ("t_s,level_m\n0,0\n0,1\n", r":3: .*not later"), ("t_s,level_m\n0,0\n9,x\n", r":3: .*'9,x'"),
        ("t_s,level_m\n0,nan\n9,0\n", r":2: .*finite"), ("time,level\n0,0\n", r":1: .*header"),
        ("t_s,level_m\n0,0\n", "two rows"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=word):
            read_series(path)
