"""Inputs: what comes from outside while a run is going on, a row of inputs.jsonl each.

| what | kind | fields | effect |
|---|---|---|---|
| order | decision | | the evacuation order is decided now, whatever the plan's trigger |
| all_clear | decision | | the order is lifted now |
| close_street | inject | lon, lat | the nearest street is blocked for vehicles |
| outage | inject | service (power, telecom), service_on | lost (false) or back (true) in the whole city |
| gauge | observation | level_m | a sea level reaches the command centre, true or not |

Every row carries `t_s`, seconds after the start, and `kind`.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import InputError, shown, unknown
from engine.world import NEVER

#: JSON readers elsewhere keep whole numbers up to here.
MAX_SEED = 2**53 - 1

_FIELDS: dict[str, tuple[str, dict[str, type]]] = {
    "order": ("decision", {}),
    "all_clear": ("decision", {}),
    "close_street": ("inject", {"lon": float, "lat": float}),
    "outage": ("inject", {"service": str, "service_on": bool}),
    "gauge": ("observation", {"level_m": float}),
}

_TYPES = {float: "a number", str: "text", bool: "true or false"}
_BOUNDS = {"t_s": (0, 40 * 86400), "lon": (-180, 180), "lat": (-90, 90), "level_m": (-40, 40)}


def check_input(row: Any, where: str) -> dict[str, Any]:
    """Return a valid row; raise InputError naming the field at fault."""
    if not isinstance(row, dict):
        raise InputError(f"{where}: expected an object with t_s, kind and what")
    if "what" not in row:
        raise InputError(f"{where}: 'what' is missing (allowed: {', '.join(sorted(_FIELDS))})")
    what = row["what"]
    if not isinstance(what, str) or what not in _FIELDS:
        raise unknown("input", shown(what) if what is None else str(what), _FIELDS, where)
    kind, fields = _FIELDS[what]
    allowed = {"t_s": float, "kind": str, "what": str, **fields}
    for name in row:
        if name not in allowed:
            raise unknown("field", name, allowed, where)
    for name, wanted in allowed.items():
        if name not in row:
            raise InputError(f"{where}: '{name}' is missing for '{what}'")
        value = row[name]
        ok = isinstance(value, wanted) or (wanted is float and isinstance(value, int))
        if not ok or (wanted is float and isinstance(value, bool)):
            raise InputError(f"{where}: '{name}' is {shown(value)}, expected {_TYPES[wanted]}")
        low, high = _BOUNDS.get(name, (-np.inf, np.inf))
        if wanted is float and not (np.isfinite(value) and low <= value <= high):
            raise InputError(f"{where}: '{name}' is {value}, allowed {low:g} to {high:g}")
    if row["kind"] != kind:
        raise InputError(f"{where}: '{what}' is a {kind}, not a {shown(row['kind'])}")
    if what == "outage" and row["service"] not in ("power", "telecom"):
        raise unknown("service", row["service"], ("power", "telecom"), where)
    return dict(row)


def check_time(row: dict[str, Any], end_s: float, where: str) -> None:
    """InputError for a row that would never be applied."""
    if row["t_s"] >= end_s:
        raise InputError(f"{where}: t_s is {row['t_s']:g}, and the run ends at {end_s:g} s")


def check_seed(seed: Any) -> int:
    """The seed as an int; InputError for what is no whole number from 0 to MAX_SEED."""
    try:
        if isinstance(seed, bool):
            raise TypeError
        number = operator.index(seed)
    except TypeError:
        raise InputError(f"seed {shown(seed)}: expected a whole number") from None
    if not 0 <= number <= MAX_SEED:
        raise InputError(f"seed {shown(number)}: allowed 0 to {MAX_SEED}")
    return number


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"'{twice}' is given twice")
    return dict(pairs)


def read_inputs(path: Path, end_s: float = np.inf) -> list[dict[str, Any]]:
    """Read inputs.jsonl; InputError with the line number for what is wrong or past `end_s`."""
    rows = []
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: cannot be read as UTF-8 text") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{path}:{number}"
        if line.strip():
            try:
                row = json.loads(line, object_pairs_hook=_pairs)
            except InputError as error:
                raise InputError(f"{where}: {error}") from None
            except (ValueError, RecursionError):
                raise InputError(f"{where}: not valid JSON") from None
            rows.append(check_input(row, where))
            check_time(rows[-1], end_s, where)
    return rows


class Inputs:
    """Queue of inputs in (time, serial) order; remembers all that were ever submitted."""

    def __init__(self, rows: Iterable[dict[str, Any]] = (), where: str = "input") -> None:
        self.rows: list[dict[str, Any]] = []
        self._waiting: list[tuple[float, int]] = []
        for number, row in enumerate(rows):
            self.submit(check_input(row, f"{where} {number}"))

    def submit(self, row: dict[str, Any]) -> int:
        """Queue one checked row; return its serial."""
        serial = len(self.rows)
        self.rows.append(row)
        self._waiting.append((float(row["t_s"]), serial))
        self._waiting.sort()
        return serial

    def due(self) -> int:
        """Milliseconds at which the next row is due."""
        return int(self._waiting[0][0] * 1000) if self._waiting else NEVER

    def take(self, before_ms: int) -> Sequence[tuple[int, dict[str, Any]]]:
        """Remove and return (serial, row) of everything due before `before_ms`."""
        out = []
        while self._waiting and self._waiting[0][0] * 1000 < before_ms:
            _, serial = self._waiting.pop(0)
            out.append((serial, self.rows[serial]))
        return out

    def copy(self) -> Inputs:
        """Independent copy."""
        other = Inputs()
        other.rows = list(self.rows)
        other._waiting = list(self._waiting)
        return other
