"""A run folder read back, with one message that names the file at fault where it is damaged."""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ValidationError

from engine.errors import InputError
from engine.levers.places import MeetingPoint
from engine.meeting import with_meeting_points

if TYPE_CHECKING:
    from engine.city import City

#: Columns that every reader may count on.
_COLUMNS = {
    "events": ("event", "t_ms", "kind", "subject_type", "subject", "object_type", "object", "value",
               "cause"),
    "kpis": ("t_ms",),
    "parties": ("party", "size", "zone", "municipality", "node", "in_danger_zone", "x_m", "y_m"),
}
_LISTS = ("units", "controls", "facilities", "gauges", "channels", "layers", "assumptions", "zones",
          "refuges")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file that holds an object."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: file is missing") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path}: damaged: not valid JSON") from None
    if not isinstance(document, dict):
        raise InputError(f"{path}: damaged: expected an object")
    return document


def read_manifest(folder: Path) -> dict[str, Any]:
    """A run folder's manifest, with what every reader needs in it."""
    path = Path(folder) / "manifest.json"
    try:
        found = path.is_file()
    except OSError:
        found = False
    if not found:
        raise InputError(f"{folder}: is not a run folder (manifest.json is missing)")
    manifest = read_json(path)
    if "digest" not in manifest or "scenario" not in manifest:
        raise InputError(f"{path}: is not the manifest of a run")

    def need(key: str, ok: bool, expected: str) -> None:
        if not ok:
            shown = repr(manifest[key])[:60] if key in manifest else "missing"
            raise InputError(f"{path}: damaged: '{key}' is {shown}, expected {expected}")

    duration = manifest.get("duration_s")
    number = float(duration) if isinstance(duration, int | float) else math.nan
    need("duration_s", math.isfinite(number) and number > 0, "seconds")
    need("start_utc", _is_time(manifest.get("start_utc")), "a time in UTC")
    if "timezone" in manifest:
        need("timezone", _is_zone(manifest["timezone"]), "a time zone")
    for key in ("city", "scenario", "plan"):
        entry = manifest.get(key)
        need(key, isinstance(entry, dict) and isinstance(entry.get("name"), str),
             "an entry with a name")
    if "tables" in manifest:
        tables = manifest["tables"]
        need("tables", isinstance(tables, dict) and all(
            isinstance(v, list) for v in tables.values()), "tables of codes")
    for key in _LISTS:
        need(key, isinstance(manifest.get(key, []), list), "a list")
    return manifest


def _is_time(text: Any) -> bool:
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00")).tzinfo is not None
    except ValueError:
        return False


def _is_zone(name: Any) -> bool:
    try:
        ZoneInfo(str(name))
    except (OSError, ValueError, KeyError):
        return False
    return True


def read_table(folder: Path, name: str, manifest: dict[str, Any]) -> pd.DataFrame:
    """One Parquet table of a run folder: events, kpis or parties."""
    path = Path(folder) / f"{name}.parquet"
    if not path.is_file():
        raise InputError(f"{path}: file is missing")
    try:
        table = pd.read_parquet(path)
    except Exception as error:  # pyarrow raises errors of many kinds for damaged bytes
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise InputError(f"{path}: damaged or not a Parquet file ({reason})") from None
    for column in _COLUMNS[name]:
        if column not in table.columns:
            raise InputError(f"{path}: damaged: column '{column}' is missing")
    rows = manifest.get("events") if name == "events" else None
    if isinstance(rows, int) and len(table) != rows:
        raise InputError(f"{path}: damaged: {len(table):,} rows, and the manifest says {rows:,}")
    return table


def read_score(folder: Path) -> dict[str, Any]:
    """score.json of a run folder; empty where there is none."""
    path = Path(folder) / "score.json"
    if not path.is_file():
        return {}
    return checked_score(read_json(path), path)


def checked_score(score: Any, path: Path) -> dict[str, Any]:
    """The score, if it holds what pages read of it."""
    if not isinstance(score, dict):
        raise InputError(f"{path}: damaged: the score is no object")
    ledger = score.get("ledger")
    metrics = score.get("metrics")
    whole = (
        isinstance(metrics, list) and isinstance(ledger, dict)
        and all(isinstance(m, dict) and {"name", "value", "unit"} <= set(m) for m in metrics)
        and all(isinstance(ledger.get(key), dict) for key in ("people", "unfinished"))
    )
    if not whole:
        raise InputError(f"{path}: damaged: metrics or ledger are missing or incomplete")
    return score


def read_frame(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of one frame file; data is [times, index]."""
    if not path.is_file():
        raise InputError(f"{path}: file is missing")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: np.asarray(file[name]) for name in file.files}
    except (OSError, ValueError, KeyError, EOFError, AttributeError, zipfile.BadZipFile,
            zlib.error):
        raise InputError(f"{path}: damaged or not a frame file") from None
    for name in ("data", "times_ms", "index"):
        if name not in arrays:
            raise InputError(f"{path}: damaged: array '{name}' is missing")
    shape = (arrays["times_ms"].size, arrays["index"].size)
    if arrays["data"].shape != shape or arrays["data"].dtype.kind != "u":
        raise InputError(f"{path}: damaged: 'data' does not have {shape[0]} times x {shape[1]} codes")
    return arrays


def city_of(folder: Path, manifest: dict[str, Any], city: City | None = None) -> City:
    """The city of a run with its plan's meeting points: the given one, or the built-in one that the run
    names."""
    entry = manifest["city"]
    if city is None:
        from engine.city_io import list_cities, load_city

        if entry["name"] not in list_cities():
            raise InputError(
                f"{folder}: is a run of city '{entry['name']}', which is not built in: "
                "give its folder with --city"
            )
        city = load_city(entry["name"])
    if city.name != entry["name"]:
        raise InputError(f"{folder}: is a run of city '{entry['name']}', not of '{city.name}'")
    if entry.get("hash") not in (None, city.content_hash):
        raise InputError(
            f"{folder}: was played in another version of city '{city.name}'; "
            "give the folder of that version with --city"
        )
    return with_meeting_points(city, _points(folder, manifest), str(folder))


def _points(folder: Path, manifest: dict[str, Any]) -> list[MeetingPoint]:
    """Meeting points of the run's plan."""
    plan = manifest.get("plan")
    settings = plan.get("settings") if isinstance(plan, dict) else None
    rows = settings.get("meeting_points", []) if isinstance(settings, dict) else []
    try:
        return [MeetingPoint.model_validate(row) for row in rows]
    except (ValidationError, TypeError):
        raise InputError(f"{folder / 'manifest.json'}: damaged: its plan's 'meeting_points' cannot be "
                         "read") from None
