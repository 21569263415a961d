"""Reading and checking the tables of a traffic instance.

Every message names the table, the line of the file (header = 1), the column, the value and
what is allowed.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.errors import InputError, nearest

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

_REQUIRED = {
    "nodes": ("node",),
    "links": ("link", "from", "to", "length_m", "lanes", "free_speed_mps", "jam_density"),
    "trips": ("trip", "depart_s", "origin", "destination"),
    "closures": ("link", "from_s", "to_s"),
    "capacity_changes": ("link", "from_s", "to_s", "factor"),
}
_OPTIONAL = {"nodes": ("x_m", "y_m", "kind", "origin_priority"), "links": ("capacity", "merge_priority")}
#: Greatest value of each number: beyond it lies no road and no day, and clocks overflow.
_MOST = {
    "length_m": 1e7, "lanes": 100.0, "free_speed_mps": 1000.0, "jam_density": 100.0,
    "capacity": 1e5, "merge_priority": 1e4, "depart_s": 1e9, "from_s": 1e9, "to_s": 1e9,
    "factor": 1e6, "x_m": 1e9, "y_m": 1e9, "origin_priority": 1e4,
}
_LONGEST_S = 1e7  # free-flow time of a link
_DENSEST = 1.0  # jam density of one lane, veh/m: a larger number counts vehicles a kilometre
_LEAST_CAPACITY = 1e-4  # veh/s: one vehicle in three hours
_LEAST_PRIORITY = 1e-4  # with the greatest, so that shares at merges are met within 1 %
_MOST_ROOM = 5e7  # vehicles standing on all links: every place takes memory
_MOST_EXITS = 250  # links that leave one node
_MOST_ENTRIES = 65_000  # links that enter one node
_DEFAULT_WAVE_MPS = 5.0
_DEFAULT_ORIGIN_PRIORITY = 0.5  # about a lane's capacity, veh/s


@dataclass(frozen=True)
class Instance:
    """A checked instance: names and, for every link and trip, row numbers and numbers."""

    node: NDArray[Any]
    link: NDArray[Any]
    from_node: I64
    to_node: I64
    length_m: F64
    lanes: F64
    free_speed_mps: F64
    jam_density_vpm: F64
    capacity_vps: F64
    merge_priority: F64
    origin_priority: F64  # [nodes]
    trip: NDArray[Any]
    depart_s: F64
    origin: I64
    destination: I64
    closures: list[tuple[int, float, float]] = field(default_factory=list)
    capacity_changes: list[tuple[int, float, float, float]] = field(default_factory=list)


def read_folder(folder: Path) -> dict[str, pd.DataFrame]:
    """Read the CSV files of an instance folder; closures and capacity changes may be absent."""
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "no such folder"
        raise InputError(f"{folder}: {what} (needed: nodes.csv, links.csv, trips.csv)")
    for path in sorted(folder.glob("*.csv")):
        meant = _close(path.stem, _REQUIRED)
        if meant and not (folder / f"{meant}.csv").is_file():
            raise InputError(f"{path}: unknown file, did you mean '{meant}.csv'?")
    tables = {}
    for name in _REQUIRED:
        path = folder / f"{name}.csv"
        if not path.is_file():
            if name in ("nodes", "links", "trips"):
                raise InputError(f"{path}: file missing (needed: nodes.csv, links.csv, trips.csv)")
            continue
        tables[name] = _read(path)
    return tables


def _read(path: Path) -> pd.DataFrame:
    """Read one table; its lines are kept in `attrs` where they are not simply one a row."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if not raw.strip():
        raise InputError(f"{path}: the file is empty (needed: a line of column names)")
    try:
        if b"\0" in raw and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise ValueError(f"zero byte on line {1 + raw[: raw.index(0)].count(10)}")
        head = raw.lstrip(b"\r\n").splitlines()[0].decode("utf-8-sig")
        names = [name for row in csv.reader([head]) for name in row]
        table = pd.read_csv(io.BytesIO(raw), encoding="utf-8-sig", low_memory=False)
    except (ValueError, OverflowError, csv.Error) as error:
        told = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        raise InputError(f"{path}: not a CSV table in UTF-8 ({told})") from None
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise InputError(f"{path} line 1: column '{twice[0]}' stands there twice (allowed: once)")
    if not isinstance(table.index, pd.RangeIndex):
        raise InputError(
            f"{path} line 2: more fields than the {len(names)} column names of line 1"
        )
    if re.search(rb"\n[ \t\r]*\n", raw.rstrip()):
        lines = [k for k, line in enumerate(raw.split(b"\n"), 1) if line.strip()][1:]
        if len(lines) == len(table):
            table.attrs["lines"] = lines
    return table


def _close(name: str, known: Iterable[str]) -> str:
    """The known name that `name` is a misspelling of; empty where it is one itself or none."""
    known = list(known)
    found = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.8)
    return found[0] if found and name not in known else ""


def _line(table: pd.DataFrame, row: int) -> int:
    lines = table.attrs.get("lines")
    return int(lines[row]) if lines else row + 2


def _where(name: str, table: pd.DataFrame, row: int, column: str) -> str:
    return f"{name}.csv line {_line(table, row)}, column {column}"


def _columns(name: str, table: pd.DataFrame) -> None:
    for column in _REQUIRED[name]:
        if column not in table.columns:
            hint = nearest(column, map(str, table.columns))
            has = ", ".join(map(str, table.columns))
            if len(table.columns) == 1 and re.search(r"[;\t|]", has):
                hint = ": separate columns by commas"
            raise InputError(f"{name}.csv line 1: column '{column}' is missing{hint} (has: {has})")
    for column in map(str, table.columns):
        meant = _close(column, (*_REQUIRED[name], *_OPTIONAL.get(name, ())))
        if meant and meant not in table.columns:
            raise InputError(
                f"{name}.csv line 1: unknown column '{column}', did you mean '{meant}'?"
            )


def _numbers(
    name: str, table: pd.DataFrame, column: str, low: float, *, open_low: bool = False,
    infinite: bool = False,
) -> F64:
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=np.float64)
    wrong = np.isnan(values) | (values <= low if open_low else values < low)
    wrong |= table[column].dtype == np.bool_  # True is no number of lanes
    most = _MOST[column]
    wrong |= (values > most) & ~(np.isinf(values) if infinite else np.zeros_like(wrong))
    if wrong.any():
        row = int(np.argmax(wrong))
        bound = f"above {low:g}" if open_low else f"of at least {low:g}"
        if values[row] > most:
            bound += f" and at most {most:g}"
        raise InputError(
            f"{_where(name, table, row, column)}: '{table[column].iloc[row]}' (allowed: a number {bound})"
        )
    return values


def _names(name: str, table: pd.DataFrame, column: str) -> NDArray[Any]:
    values = table[column]
    if values.isna().any():
        row = int(np.argmax(values.isna().to_numpy()))
        raise InputError(f"{_where(name, table, row, column)}: empty (allowed: a name, used once)")
    twice = values.duplicated().to_numpy()
    if twice.any():
        row = int(np.argmax(twice))
        first = int(np.argmax((values == values.iloc[row]).to_numpy()))
        raise InputError(
            f"{_where(name, table, row, column)}: '{values.iloc[row]}' stands already on line "
            f"{_line(table, first)}"
            " (allowed: each name once)"
        )
    return values.to_numpy()


def _rows(name: str, table: pd.DataFrame, column: str, known: Any, kind: str) -> I64:
    index = pd.Index(known)
    values = table[column]
    empty = values.isna().to_numpy()
    if empty.any():
        # One gap turns a column of whole numbers into decimals: the gap is the fault, not they.
        row = int(np.argmax(empty))
        raise InputError(
            f"{_where(name, table, row, column)}: empty or NaN (allowed: a {kind} of {kind}s.csv)"
        )
    found = index.get_indexer(pd.Index(values))
    if (found < 0).any():
        # Numbers read beside text come as text; compare once more as text before refusing.
        found = pd.Index(index.astype(str)).get_indexer(pd.Index(values.astype(str)))
    if (found < 0).any():
        row = int(np.argmax(found < 0))
        hint = nearest(str(values.iloc[row]), [str(k) for k in index[:2000]])
        raise InputError(
            f"{_where(name, table, row, column)}: unknown {kind} '{values.iloc[row]}'{hint}"
            f" (allowed: a {kind} of {kind}s.csv)"
        )
    return np.asarray(found, np.int64)


def validate(
    nodes: pd.DataFrame, links: pd.DataFrame, trips: pd.DataFrame,
    closures: pd.DataFrame | None = None, capacity_changes: pd.DataFrame | None = None,
) -> Instance:
    """Check the tables and return them as arrays; InputError names the first fault."""
    for name, table in (("nodes", nodes), ("links", links), ("trips", trips),
                        ("closures", closures), ("capacity_changes", capacity_changes)):
        if table is not None:
            _columns(name, table)
    if len(nodes) == 0:
        raise InputError("nodes.csv: no rows (needed: at least one node)")
    node, link, trip = (
        _names("nodes", nodes, "node"), _names("links", links, "link"),
        _names("trips", trips, "trip"),
    )
    for column in ("x_m", "y_m"):
        if column in nodes.columns:
            _numbers("nodes", nodes, column, -_MOST[column])
    if len(links) == 0:
        raise InputError("links.csv: no rows (needed: at least one link)")
    from_node = _rows("links", links, "from", node, "node")
    to_node = _rows("links", links, "to", node, "node")
    for column, rows, verb, most in (("from", from_node, "leave", _MOST_EXITS),
                                     ("to", to_node, "enter", _MOST_ENTRIES)):
        busy = np.bincount(rows, minlength=node.size)
        if busy.max() > most:
            row = int(np.flatnonzero(rows == busy.argmax())[most])
            raise InputError(
                f"{_where('links', links, row, column)}: {busy.max()} links {verb} node "
                f"'{node[busy.argmax()]}' (allowed: at most {most})"
            )
    origin = (
        _numbers("nodes", nodes, "origin_priority", _LEAST_PRIORITY)
        if "origin_priority" in nodes.columns else np.full(len(nodes), _DEFAULT_ORIGIN_PRIORITY)
    )
    return Instance(
        node=node, link=link, from_node=from_node, to_node=to_node,
        origin_priority=origin, **_flow(links),
        trip=trip,
        depart_s=_numbers("trips", trips, "depart_s", 0),
        origin=_rows("trips", trips, "origin", node, "node"),
        destination=_rows("trips", trips, "destination", node, "node"),
        closures=[] if closures is None else _spans("closures", closures, link),
        capacity_changes=(
            [] if capacity_changes is None
            else [
                (*span, factor) for span, factor in zip(
                    _spans("capacity_changes", capacity_changes, link),
                    _numbers("capacity_changes", capacity_changes, "factor", 0).tolist(),
                    strict=True,
                )
            ]
        ),
    )


def _flow(links: pd.DataFrame) -> dict[str, F64]:
    """The fundamental diagrams: length, lanes, free speed, jam density, capacity, merge priority."""

    def refuse(wrong: NDArray[np.bool_], column: str, values: F64, allowed: str) -> None:
        if wrong.any():
            row = int(np.argmax(wrong))
            raise InputError(
                f"{_where('links', links, row, column)}: {values[row]:g} (allowed: {allowed})"
            )

    speed = _numbers("links", links, "free_speed_mps", 0, open_low=True)
    length = _numbers("links", links, "length_m", 0, open_low=True)
    refuse(length / speed > _LONGEST_S, "free_speed_mps", speed,
           f"at most {_LONGEST_S:g} s for the link's length")
    lanes = _numbers("links", links, "lanes", 0, open_low=True)
    jam = _numbers("links", links, "jam_density", 0, open_low=True)
    refuse(jam > _DENSEST * lanes * (1 + 1e-9), "jam_density", jam,
           f"veh/m, at most {_DENSEST:g} for each lane")
    room = jam * length
    if room.sum() > _MOST_ROOM:
        refuse(room == room.max(), "length_m", length,
               f"at most {_MOST_ROOM:g} vehicles standing on all links, here {room.sum():.3g}")
    if "capacity" in links.columns:
        capacity = _numbers("links", links, "capacity", 0, open_low=True)
        refuse(capacity >= speed * jam, "capacity", capacity,
               "veh/s, below free_speed_mps x jam_density")
        refuse(capacity < _LEAST_CAPACITY, "capacity", capacity,
               f"at least {_LEAST_CAPACITY:g} veh/s; closures are for closures.csv")
    else:
        capacity = speed * _DEFAULT_WAVE_MPS * jam / (speed + _DEFAULT_WAVE_MPS)
        refuse(capacity < _LEAST_CAPACITY, "jam_density", jam,
               f"veh/m, for a capacity of at least {_LEAST_CAPACITY:g} veh/s")
    priority = (
        _numbers("links", links, "merge_priority", _LEAST_PRIORITY)
        if "merge_priority" in links.columns else capacity
    )
    return {
        "length_m": length, "lanes": lanes, "free_speed_mps": speed, "jam_density_vpm": jam,
        "capacity_vps": capacity, "merge_priority": priority,
    }


def _spans(name: str, table: pd.DataFrame, link: NDArray[Any]) -> list[tuple[int, float, float]]:
    row = _rows(name, table, "link", list(link), "link")
    begin = _numbers(name, table, "from_s", 0)
    end = _numbers(name, table, "to_s", 0, infinite=True)
    wrong = end <= begin
    if wrong.any():
        at = int(np.argmax(wrong))
        raise InputError(
            f"{_where(name, table, at, 'to_s')}: {end[at]:g} (allowed: later than from_s {begin[at]:g})"
        )
    return list(zip(row.tolist(), begin.tolist(), end.tolist(), strict=True))
