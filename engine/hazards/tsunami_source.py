"""Sea-level series at the open boundary, read from a CSV file."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError

F64 = NDArray[np.float64]
MAX_LEVEL_M = 40.0


def read_series(path: Path) -> tuple[F64, F64]:
    """Return (t_s, level_m) of a series: columns t_s, level_m, `#` comments, times ascending.

    `level_m` is the incident wave's level above the resting sea. Raises InputError with the line
    of what is wrong.
    """
    times: list[float] = []
    levels: list[float] = []
    header = False
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{path}: cannot be read as UTF-8 text") from None
    for number, line in enumerate(lines, 1):
        text = line.split("#", 1)[0].strip()
        if not text:
            continue
        if not header:
            if [part.strip() for part in text.split(",")] != ["t_s", "level_m"]:
                raise InputError(f"{path}:{number}: expected the header 't_s,level_m'")
            header = True
            continue
        parts = text.split(",")
        try:
            t, level = (float(part) for part in parts)
        except ValueError:
            raise InputError(f"{path}:{number}: expected two numbers, got '{text}'") from None
        if not (math.isfinite(t) and math.isfinite(level)) or abs(level) > MAX_LEVEL_M:
            raise InputError(
                f"{path}:{number}: level {level} must be finite and within {MAX_LEVEL_M} m"
            )
        if times and t <= times[-1]:
            raise InputError(f"{path}:{number}: t_s {t} is not later than {times[-1]} before it")
        times.append(t)
        levels.append(level)
    if len(times) < 2:
        raise InputError(f"{path}: a series needs two rows or more")
    return np.array(times), np.array(levels)
