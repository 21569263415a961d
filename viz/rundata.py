"""A run folder read back: manifest, event log, figures, parties and frames, with its city."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from engine.city import City
from engine.errors import InputError
from engine.events import KIND_CODE
from engine.runreader import city_of, read_frame, read_manifest, read_score, read_table


@dataclass(frozen=True)
class Frame:
    """One frame file: `data` [times, index] codes; a value is data * scale + offset."""

    data: np.ndarray
    times_ms: np.ndarray
    index: np.ndarray
    scale: float
    offset: float
    unit: str
    extra: dict[str, Any]

    @property
    def missing(self) -> int:
        """The code that stands for a missing value."""
        return int(np.iinfo(self.data.dtype).max)

    def values(self, part: slice = slice(None)) -> np.ndarray:
        """Decoded values [times, part of index] as float32, NaN where missing."""
        data = np.ascontiguousarray(self.data[:, part])
        out = data.astype(np.float32) * np.float32(self.scale) + np.float32(self.offset)
        out[data == self.missing] = np.nan
        return out


@dataclass
class RunData:
    """Everything the pages read of one run."""

    folder: Path
    manifest: dict[str, Any]
    events: pd.DataFrame
    kpis: pd.DataFrame
    parties: pd.DataFrame
    score: dict[str, Any]
    city: City
    frames: dict[str, Frame] = field(default_factory=dict)

    @cached_property
    def scenario(self) -> dict[str, Any]:
        """The scenario's manifest entry, always with `name` and `title`."""
        return _entry(self.manifest.get("scenario"))

    @cached_property
    def plan(self) -> dict[str, Any]:
        """The plan's manifest entry, always with `name` and `title`."""
        return _entry(self.manifest.get("plan"))

    @property
    def duration_ms(self) -> int:
        """Length of the run in milliseconds."""
        return int(float(self.manifest["duration_s"]) * 1000)

    @cached_property
    def start(self) -> datetime:
        """Start of the run as an aware UTC time."""
        return datetime.fromisoformat(str(self.manifest["start_utc"]).replace("Z", "+00:00"))

    @cached_property
    def utc_offset_min(self) -> int:
        """Minutes the city's clock is ahead of UTC at the start."""
        zone = str(self.manifest.get("timezone") or self.city.timezone)
        offset = self.start.astimezone(ZoneInfo(zone)).utcoffset()
        return int(offset.total_seconds() // 60) if offset else 0

    def table(self, name: str) -> list[str]:
        """A code table of the manifest (kinds, reasons, causes, modes ...)."""
        tables = self.manifest.get("tables") or self.manifest.get("event_tables") or {}
        if name in tables:
            return list(tables[name])
        from engine.events import tables as current

        return current()[name]

    def of_kind(self, *names: str) -> pd.DataFrame:
        """Rows of the log of the given kinds, in log order."""
        codes = [self._kind_code(name) for name in names]
        return self.events[np.isin(self.events["kind"].to_numpy(), codes)]

    def _kind_code(self, name: str) -> int:
        kinds = self.table("kinds")
        return kinds.index(name) if name in kinds else KIND_CODE.get(name, -1)

    @cached_property
    def danger_rings(self) -> list[np.ndarray]:
        """Rings of the danger zone [points, 2] in metres from the city's origin."""
        rings: list[np.ndarray] = []
        _collect_rings(self.manifest.get("danger_zone"), rings)
        return [self._metric(ring) for ring in rings]

    def _metric(self, ring: np.ndarray) -> np.ndarray:
        lonlat = np.abs(ring[:, 0]).max() <= 180 and np.abs(ring[:, 1]).max() <= 90
        if not lonlat:
            return ring
        x, y = self.city.xy(ring[:, 0], ring[:, 1])
        return np.column_stack([x, y])

    def place(self, row: dict[str, Any]) -> tuple[float, float] | None:
        """Metric position of a manifest row that has x_m/y_m or lon/lat."""
        if row.get("x_m") is not None:
            return float(row["x_m"]), float(row["y_m"])
        if row.get("node") is not None and int(row["node"]) >= 0:
            node = int(row["node"])
            return float(self.city.nodes.x_m[node]), float(self.city.nodes.y_m[node])
        if row.get("lon") is not None:
            x, y = self.city.xy(row["lon"], row["lat"])
            return float(x), float(y)
        return None


def _entry(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        name = str(value.get("name", "")) or "unnamed"
        return {**value, "name": name, "title": str(value.get("title") or name)}
    return {"name": str(value or "unnamed"), "title": str(value or "unnamed")}


def _collect_rings(node: Any, out: list[np.ndarray]) -> None:
    """Find coordinate rings at any depth of a nested list or a GeoJSON-like mapping."""
    if isinstance(node, dict):
        for key in ("rings", "coordinates", "polygons", "geometry"):
            if key in node:
                _collect_rings(node[key], out)
        return
    if not isinstance(node, list) or not node:
        return
    first = node[0]
    if isinstance(first, list) and len(first) >= 2 and isinstance(first[0], int | float):
        if len(node) >= 3:
            out.append(np.array([point[:2] for point in node], np.float64))
        return
    for child in node:
        _collect_rings(child, out)


def load_run(run_dir: Path | str, city: City | None = None) -> RunData:
    """Read a run folder; InputError names the file that is missing or wrong.

    `city` is the run's own, where it is not built in; another one is refused.
    """
    folder = Path(run_dir)
    manifest = read_manifest(folder)
    tables = {name: read_table(folder, name, manifest) for name in ("events", "kpis", "parties")}
    run = RunData(
        folder=folder, manifest=manifest, events=tables["events"], kpis=tables["kpis"],
        parties=tables["parties"], score=read_score(folder),
        city=city_of(folder, manifest, city),
    )
    for file in sorted((folder / "frames").glob("*.npz")):
        run.frames[file.stem] = _load_frame(file)
    if "party_state" not in run.frames:
        raise InputError(f"{folder / 'frames' / 'party_state.npz'}: file is missing")
    return run


def _load_frame(path: Path) -> Frame:
    arrays = read_frame(path)
    known = {"data", "times_ms", "index", "scale", "offset", "unit", "entity"}
    extra = {
        name: (value.item() if value.ndim == 0 else value)
        for name, value in arrays.items() if name not in known
    }
    return Frame(
        data=arrays["data"], times_ms=arrays["times_ms"].astype(np.int64),
        index=arrays["index"].astype(np.int64), scale=float(arrays.get("scale", 1.0)),
        offset=float(arrays.get("offset", 0.0)), unit=str(arrays.get("unit", "")), extra=extra,
    )
