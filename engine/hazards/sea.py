"""The sea of a scenario: one run of the shallow-water model, kept by content and reused.

`simulate_sea` drives bay and low town (engine/kernels/shallow_water.py) by an incident sea-level
series at the open sides and keeps what the twin needs: depth and speed on every land cell the water
ever reaches, the level at the gauges, and a coarse picture of the sea. Results are quantised (1 mm,
1 cm/s) and stored as memory-mapped arrays under a name made of the code, the inputs and the
numbers, so that a reused sea is the fresh one to the bit.

Validity: long waves over a fixed bed, no dispersion, no breaking other than shocks, no debris.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.kernels import shallow_water as kernel

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
U16 = NDArray[np.uint16]

COURANT = 0.9
DRY_M = 1e-4  #: below this a cell counts as dry
WATCH_M = 0.1  #: first arrival is the time this depth is passed
FILM_M = 0.05  #: speeds of thinner sheets are not kept
KEEP_M = 0.01  #: a land cell that was ever this deep is kept
#: Once the series has ended and for half an hour (longer than the slow waves of a bay) no wave was higher
#: than this, half of what counts as a disturbed gauge, the sea is taken to be still.
CALM_M, CALM_S = 0.05, 1800.0
BLOCK = 4  #: cells per side of a block of the coarse picture
PICTURE_S = 60.0
#: Greatest depth of the sea bed in a run. Deeper water lies at the raster's rim, where the time step
#: it forces buys nothing: a few kilometres are crossed a minute sooner or later, and the incident
#: series is set by what the gauge in the bay recorded.
SHELF_M = 60.0
SIDES = ("west", "east", "south", "north")


@dataclass(frozen=True)
class SeaResult:
    """What a sea run leaves. `cells` [n] are land cells of the raster (row * columns + column) that
    were ever wet; frames are `frame_ms` apart from time 0. The last frame holds from its time on."""

    cells: NDArray[np.int32]
    depth_mm: U16  # [frames, n]
    speed_cmps: U16  # [frames, n]
    gauge_m: F32  # [frames, gauges]
    picture_mm: U16  # [pictures, blocks north, blocks east], level + 20 m; 65535 = land
    arrival_ms: NDArray[np.int32]  # [n], -1 = never above WATCH_M
    max_depth_m: F32  # [n]
    max_speed_mps: F32  # [n]
    frame_ms: int
    summary: dict[str, float]

    def _frame(self, t_ms: int) -> tuple[int, int, float]:
        last = self.depth_mm.shape[0] - 1
        k = min(max(t_ms, 0) // self.frame_ms, last)
        part = (t_ms - k * self.frame_ms) / self.frame_ms if k < last else 0.0
        return int(k), int(min(k + 1, last)), float(part)

    def depth_at(self, t_ms: int) -> F32:
        """Depth of the kept cells at `t_ms` [n], m, linear between frames."""
        a, b, part = self._frame(t_ms)
        mm = self.depth_mm[a] * np.float32(1 - part) + self.depth_mm[b] * np.float32(part)
        return np.asarray(mm * np.float32(0.001), np.float32)

    def speed_at(self, t_ms: int) -> F32:
        """Flow speed of the kept cells at `t_ms` [n], m/s, linear between frames."""
        a, b, part = self._frame(t_ms)
        cm = self.speed_cmps[a] * np.float32(1 - part) + self.speed_cmps[b] * np.float32(part)
        return np.asarray(cm * np.float32(0.01), np.float32)

    def gauge_at(self, t_ms: int) -> F32:
        """Sea level at the gauges at `t_ms` [gauges], m above rest, linear between frames."""
        a, b, part = self._frame(t_ms)
        level = self.gauge_m[a] * np.float32(1 - part) + self.gauge_m[b] * np.float32(part)
        return np.asarray(level, np.float32)

    def display_frames(self, until_ms: int) -> dict[str, Any]:
        """The coarse picture as a frame file (docs/architecture.md)."""
        step = int(PICTURE_S * 1000)
        count = min(self.picture_mm.shape[0], until_ms // step + 1)
        rows, columns = self.picture_mm.shape[1:]
        return {
            "data": np.asarray(self.picture_mm[:count]).reshape(count, -1),
            "times_ms": np.arange(count, dtype=np.int64) * step,
            "index": np.arange(rows * columns, dtype=np.int32),
            "scale": np.float64(0.001), "offset": np.float64(-20.0), "unit": np.array("m"),
            "entity": np.array("coarse cell"), "rows": np.int64(rows),
            "columns": np.int64(columns), "block": np.int64(BLOCK),
        }


class Basin:
    """Shallow water over a bed: state of the solver and its clock.

    - elev_m, manning [rows, columns]: bed above the resting sea (m), roughness; row 0 in the south.
    - open_sides: sides where the incident wave `series` (t_s, level_m) enters; others are walls.
    - depth_m [rows, columns]: water at the beginning; by default the sea at rest.
    """

    def __init__(
        self, elev_m: NDArray[Any], manning: NDArray[Any], dx_m: float,
        open_sides: tuple[str, ...] = (), series: tuple[F64, F64] | None = None,
        depth_m: NDArray[Any] | None = None,
    ) -> None:
        ny, nx = elev_m.shape
        self.dx_m = float(dx_m)
        self._bed = np.pad(elev_m.astype(np.float32), 1, mode="edge")
        drag = kernel.GRAVITY * manning.astype(np.float64) ** 2
        self._drag = np.pad(drag.astype(np.float32), 1, mode="edge")
        start = np.maximum(-elev_m.astype(np.float64), 0.0) if depth_m is None else depth_m
        self._h = np.pad(start.astype(np.float64), 1)
        self._uv = np.zeros((ny + 2, 2, nx + 2), np.float32)
        self._sides = np.array(
            [kernel.INCIDENT if side in open_sides else kernel.WALL for side in SIDES], np.int64
        )
        strips = -(-ny // kernel.STRIP)
        self._wet = np.zeros((strips, 2), np.int64)
        for s in range(strips):
            rows = self._h[1 + s * kernel.STRIP : 1 + min((s + 1) * kernel.STRIP, ny)]
            columns = np.flatnonzero((rows > 0).any(axis=0))
            if columns.size:
                self._wet[s] = columns[0], columns[-1] + 1
        self._land = np.zeros(ny + 2, np.int64)
        dry = self._h[1:-1, 1:-1] <= 0
        self._land[1:-1] = np.where(dry.any(axis=1), dry.argmax(axis=1) + 1, nx + 1)
        self._volume = np.zeros((strips, 2))
        self._peak = np.zeros((2, ny + 2, nx + 2), np.float32)
        self._arrival = np.full((ny + 2, nx + 2), -1, np.int32)
        wave = np.sqrt(kernel.GRAVITY * float(self._h.max()))
        self._clock = np.array([0.0, 0.0, wave, 0.0, 0.0])
        t_s, level_m = series if series is not None else (np.zeros(2), np.zeros(2))
        self._series = np.ascontiguousarray(np.stack([t_s, level_m]).astype(np.float64))
        self._numbers = (self.dx_m, COURANT, DRY_M, WATCH_M, FILM_M)
        self._work = (
            np.zeros((strips + 2, 2, 2, nx + 2)),
            np.zeros((strips + 2, 2, 2, 2, nx + 2), np.float32),
            np.zeros((strips, kernel.SCRATCH, nx + 2), np.float32),
        )

    def advance(self, to_s: float) -> None:
        """Advance to exactly `to_s` seconds."""
        self._clock[1] = to_s
        kernel.advance(
            self._h, self._uv, self._wet, self._volume, self._peak, self._arrival, self._clock,
            self._bed, self._drag, self._land, self._sides, self._series, self._numbers, self._work,
        )

    @property
    def depth_m(self) -> F64:
        """Water depth [rows, columns]."""
        return self._h[1:-1, 1:-1]

    @property
    def velocity_mps(self) -> tuple[F32, F32]:
        """East and north velocity [rows, columns]."""
        return self._uv[1:-1, 0, 1:-1], self._uv[1:-1, 1, 1:-1]

    @property
    def volume_m3(self) -> float:
        """Water in the basin."""
        return float(self._h[1:-1, 1:-1].sum()) * self.dx_m**2

    @property
    def exchanged_m3(self) -> tuple[float, float]:
        """Water that came in and went out through the sides since the start."""
        return float(self._volume[:, 0].sum()), float(self._volume[:, 1].sum())

    def highest_m(self) -> float:
        """Greatest distance of the sea's level from rest; land and dry bed do not count."""
        bed, depth = self._bed[1:-1, 1:-1], self.depth_m
        return float(np.where((bed < 0) & (depth > DRY_M), np.abs(depth + bed), 0.0).max())

    @property
    def work_done(self) -> tuple[float, float]:
        """Steps taken and cells updated."""
        return float(self._clock[3]), float(self._clock[4])

    def extremes(self) -> tuple[NDArray[np.int32], F32, F32]:
        """First arrival (ms, -1 never), greatest depth and speed of land cells [rows, columns]."""
        inner = (slice(1, -1), slice(1, -1))
        return self._arrival[inner], self._peak[0][inner], np.sqrt(self._peak[1][inner])


def simulate_sea(
    elev_m: NDArray[Any], manning: NDArray[Any], dx_m: float, open_sides: tuple[str, ...],
    series_t_s: F64, series_level_m: F64, duration_s: float, frame_s: float, gauge_cells: I64,
) -> SeaResult:
    """Run the sea; arguments as for `Basin`, and `gauge_cells` [gauges] (row * columns + column)
    whose level is recorded. The bed counts no deeper than `SHELF_M`. The run ends early when the series
    is over and the sea calm: the last frame then stands for the rest."""
    elev_m = np.maximum(elev_m, np.float32(-SHELF_M))
    basin = Basin(elev_m, manning, dx_m, open_sides, (series_t_s, series_level_m))
    before = basin.volume_m3
    bed = elev_m.ravel()
    is_land = bed >= 0
    frames: list[tuple[NDArray[np.int64], U16, U16]] = []
    gauges, pictures, calm_s = [], [], 0.0
    count = round(duration_s / frame_s) + 1
    every = round(PICTURE_S / frame_s)
    for k in range(count):
        if k:
            basin.advance(k * frame_s)
        depth = basin.depth_m.ravel()
        cells = np.flatnonzero((depth >= KEEP_M) & is_land)
        u, v = (part.ravel()[cells] for part in basin.velocity_mps)
        speed = np.where(depth[cells] >= FILM_M, np.hypot(u, v), 0.0)
        frames.append((
            cells, np.minimum(np.rint(depth[cells] * 1000), 65_534).astype(np.uint16),
            np.minimum(np.rint(speed * 100), 65_534).astype(np.uint16),
        ))
        gauges.append((depth + bed)[gauge_cells])
        if k % every == 0:
            pictures.append(_picture(basin.depth_m, elev_m))
        over = k * frame_s > series_t_s[-1] and series_level_m[-1] == 0.0
        calm_s = calm_s + frame_s if over and basin.highest_m() < CALM_M else 0.0
        if calm_s >= CALM_S:
            break
    pictures += [pictures[-1]] * ((count - 1) // every + 1 - len(pictures))
    count = len(frames)
    ever = np.unique(np.concatenate([cells for cells, _, _ in frames]))
    depth_mm = np.zeros((count, ever.size), np.uint16)
    speed_cm = np.zeros((count, ever.size), np.uint16)
    for k, (cells, mm, cm) in enumerate(frames):
        at = np.searchsorted(ever, cells)
        depth_mm[k, at], speed_cm[k, at] = mm, cm
    after, (came, went), (steps, updated) = basin.volume_m3, basin.exchanged_m3, basin.work_done
    arrival, deepest, fastest = basin.extremes()
    return SeaResult(
        cells=ever.astype(np.int32), depth_mm=depth_mm, speed_cmps=speed_cm,
        gauge_m=np.array(gauges, np.float32).reshape(count, -1), picture_mm=np.stack(pictures),
        arrival_ms=arrival.ravel()[ever], max_depth_m=deepest.ravel()[ever],
        max_speed_mps=fastest.ravel()[ever], frame_ms=round(frame_s * 1000),
        summary={
            "volume_before_m3": before, "volume_after_m3": after, "volume_in_m3": came,
            "volume_out_m3": went, "relative_volume_error": (after - before - came + went) / before,
            "steps": steps, "cells_updated": updated, "simulated_s": (count - 1) * frame_s,
        },
    )


def _picture(depth: F64, elev_m: NDArray[Any]) -> U16:
    """Sea level in blocks, mm above -20 m; 65535 where no sea cell lies in the block."""
    ny, nx = elev_m.shape
    rows, columns = -(-ny // BLOCK), -(-nx // BLOCK)
    sea = (elev_m < 0) & (depth > DRY_M)
    level = np.where(sea, depth + elev_m, 0.0)
    pad = ((0, rows * BLOCK - ny), (0, columns * BLOCK - nx))
    total = np.pad(level, pad).reshape(rows, BLOCK, columns, BLOCK).sum(axis=(1, 3))
    number = np.pad(sea, pad).reshape(rows, BLOCK, columns, BLOCK).sum(axis=(1, 3))
    mean = total / np.maximum(number, 1)
    mm = np.clip(np.rint((mean + 20.0) * 1000), 0, 65_534)
    return np.where(number > 0, mm, 65_535).astype(np.uint16)


# ---- reuse by content ---------------------------------------------------------------------------

_ARRAYS = ("cells", "depth_mm", "speed_cmps", "gauge_m", "picture_mm", "arrival_ms", "max_depth_m",
           "max_speed_mps")


def cache_folder() -> Path:
    """Folder of kept seas: ANLAN_CACHE_DIR, else the user's cache folder."""
    import platformdirs

    base = os.environ.get("ANLAN_CACHE_DIR") or platformdirs.user_cache_dir("anlan")
    return Path(base) / "sea"


def content_key(*inputs: Any) -> str:
    """SHA-256 of the model's code and of its inputs."""
    digest = hashlib.sha256()
    for path in (Path(__file__), Path(kernel.__file__)):
        digest.update(path.read_bytes())
    for value in inputs:
        if isinstance(value, np.ndarray):
            digest.update(f"{value.dtype}{value.shape}".encode())
            digest.update(np.ascontiguousarray(value).tobytes())
        else:
            digest.update(repr(value).encode())
    return digest.hexdigest()[:32]


def load_or_compute(
    elev_m: NDArray[Any], manning: NDArray[Any], dx_m: float, open_sides: tuple[str, ...],
    series_t_s: F64, series_level_m: F64, duration_s: float, frame_s: float, gauge_cells: I64,
) -> SeaResult:
    """Return the sea of these inputs, computed once and then read back; see `simulate_sea`.

    A folder that is incomplete or damaged is computed anew; where nothing can be written the
    result is returned without being kept.
    """
    inputs = (elev_m, manning, dx_m, open_sides, series_t_s, series_level_m, duration_s, frame_s,
              gauge_cells)
    folder = cache_folder() / content_key(*inputs)
    kept = _read(folder)
    if kept is not None:
        return kept
    result = simulate_sea(*inputs)
    try:
        _write(folder, result)
    except OSError:
        return result
    return _read(folder) or result


def _read(folder: Path) -> SeaResult | None:
    try:
        meta = json.loads((folder / "meta.json").read_text())
        for name in _ARRAYS:
            if _digest(folder / f"{name}.npy") != meta["sha256"][name]:
                return None
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS}
        return SeaResult(**arrays, frame_ms=int(meta["frame_ms"]), summary=meta["summary"])
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(folder: Path, result: SeaResult) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".sea-", dir=folder.parent))
    try:
        for name in _ARRAYS:
            np.save(work / f"{name}.npy", getattr(result, name))
        meta = {
            "frame_ms": result.frame_ms, "summary": result.summary,
            "sha256": {name: _digest(work / f"{name}.npy") for name in _ARRAYS},
        }
        (work / "meta.json").write_text(json.dumps(meta))
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(work, folder)
    except OSError:
        shutil.rmtree(work, ignore_errors=True)
        if not (folder / "meta.json").exists():  # another process may have been first
            raise
