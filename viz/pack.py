"""Packing of arrays for the page: quantised, delta-coded, gzipped, base64 text."""

from __future__ import annotations

import base64
import gzip
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Pack:
    """Collects named binary sections; `meta` tells the page how to decode each."""

    meta: dict[str, dict[str, Any]] = field(default_factory=dict)
    text: dict[str, str] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)  # of each text

    def add(self, name: str, array: np.ndarray, delta: str = "", **extra: Any) -> None:
        """Add an array of an unsigned type.

        `delta` is "" (plain), "flat" (differences along the flattened array) or "rows"
        (differences between consecutive rows of the first axis), both modulo the type's range.
        A section whose bytes are there already, like the sea of the second run, points to them.
        """
        if array.dtype.kind != "u" or array.dtype.itemsize > 4:
            raise ValueError(f"section '{name}': unsigned 8, 16 or 32 bit expected")
        coded = np.ascontiguousarray(array)
        if delta == "flat" and coded.size:
            coded = coded.ravel().copy()
            coded[1:] = coded[1:] - coded[:-1]
        elif delta == "rows" and coded.size:
            coded = coded.copy()
            coded[1:] = coded[1:] - coded[:-1]
        raw = coded.astype(coded.dtype.newbyteorder("<"), copy=False).tobytes()
        # Two-byte deltas compress better with low and high bytes apart.
        split = coded.dtype.itemsize == 2 and delta != ""
        if split:
            raw = np.frombuffer(raw, np.uint8).reshape(-1, 2).T.tobytes()
        packed = gzip.compress(raw, compresslevel=9, mtime=0)
        self.meta[name] = {
            "bits": 8 * coded.dtype.itemsize, "shape": list(array.shape), "delta": delta,
            "split": split, **extra,
        }
        text = base64.b64encode(packed).decode("ascii")
        first = self._names.setdefault(text, name)
        if first == name:
            self.text[name] = text
        else:
            self.meta[name]["of"] = first

    def join(self, other: Pack) -> None:
        """Take over the sections of another pack."""
        self.meta.update(other.meta)
        self.text.update(other.text)

    def size(self) -> int:
        """Characters of all sections together."""
        return sum(len(text) for text in self.text.values())


@dataclass(frozen=True)
class Grid16:
    """Quantisation of metric positions to 16 bits over the city's bounds."""

    x0_m: float
    y0_m: float
    step_m: float

    @classmethod
    def over(cls, x0: float, y0: float, x1: float, y1: float) -> Grid16:
        """Grid that covers the rectangle, half a metre fine where 16 bits allow it."""
        span = max(x1 - x0, y1 - y0, 1.0)
        return cls(x0, y0, max(0.5, span / 65000))

    def x(self, values: np.ndarray) -> np.ndarray:
        """Codes of x positions."""
        return self._code(values, self.x0_m)

    def y(self, values: np.ndarray) -> np.ndarray:
        """Codes of y positions."""
        return self._code(values, self.y0_m)

    def _code(self, values: np.ndarray, origin: float) -> np.ndarray:
        codes = np.rint((np.asarray(values, np.float64) - origin) / self.step_m)
        return np.clip(codes, 0, 65535).astype(np.uint16)


def keyframes(
    x: np.ndarray, y: np.ndarray, tolerance_m: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thin tracks so that straight lines between what is kept stay within a tolerance.

    `x`, `y` [times, tracks] metres, without gaps. Returns (count per track [tracks], track-major
    row numbers of the kept times, track of each kept row). A swing filter: a point is kept when
    no single velocity since the last kept point meets every later point within the tolerance.
    """
    times, tracks = x.shape
    keep = np.zeros((times, tracks), np.bool_)
    if times == 0 or tracks == 0:
        return np.zeros(tracks, np.int64), np.empty(0, np.int64), np.empty(0, np.int64)
    keep[0] = True
    keep[-1] = True
    last = np.zeros(tracks, np.int64)
    lane = np.arange(tracks)
    low = np.full((2, tracks), -np.inf)
    high = np.full((2, tracks), np.inf)
    for t in range(1, times):
        now = np.stack([x[t], y[t]])
        base = np.stack([x[last, lane], y[last, lane]])
        dt = t - last
        slope = (now - base) / dt
        out = ((slope < low) | (slope > high)).any(axis=0)
        if out.any():
            keep[t - 1, out] = True
            last[out] = t - 1
            low[:, out] = -np.inf
            high[:, out] = np.inf
            base[:, out] = np.stack([x[t - 1, out], y[t - 1, out]])
            dt = t - last
        low = np.maximum(low, (now - tolerance_m - base) / dt)
        high = np.minimum(high, (now + tolerance_m - base) / dt)
    still = (x == x[0]).all(axis=0) & (y == y[0]).all(axis=0)
    keep[1:, still] = False
    track, row = np.nonzero(keep.T)
    return keep.sum(axis=0), row, track


def changes(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Run-length form of state histories [times, tracks].

    Returns (changes per track, row of each change, value from then on), track-major; the first
    row of every track counts as a change.
    """
    turn = np.ones(values.shape, np.bool_)
    turn[1:] = values[1:] != values[:-1]
    track, row = np.nonzero(turn.T)
    return turn.sum(axis=0), row, values[row, track]


def filled(values: np.ndarray) -> np.ndarray:
    """Copy of [times, index] with gaps filled from the last, else the next, known row."""
    out = values.copy()
    for t in range(1, out.shape[0]):
        gap = np.isnan(out[t])
        out[t, gap] = out[t - 1, gap]
    for t in range(out.shape[0] - 2, -1, -1):
        gap = np.isnan(out[t])
        out[t, gap] = out[t + 1, gap]
    return np.nan_to_num(out)
