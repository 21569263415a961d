"""What a scenario gives the sea: the level at the open boundary and the terrain under the water."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.city import F32, City
from engine.errors import InputError
from engine.scenario import Scenario

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

def water_terrain(city: City, scenario: Scenario) -> F32:
    """Terrain as the water meets it, m above the resting sea [rows, columns].

    The scenario's `land_shift_m` moves the land and `bed_factor` scales the depth of the sea bed: the
    map that people and plans go by keeps its own heights. Land stays land, at least 0.1 m high.
    """
    tsunami, terrain = scenario.tsunami, city.terrain
    assert tsunami is not None
    assert terrain is not None
    elev = terrain.elev_m
    if tsunami.land_shift_m:
        elev = np.where(
            elev >= 0.0, np.maximum(elev + np.float32(tsunami.land_shift_m), np.float32(0.1)), elev
        )
    if tsunami.bed_factor != 1.0:
        elev = np.where(elev < 0.0, elev * np.float32(tsunami.bed_factor), elev)
    return np.asarray(elev - np.float32(tsunami.sea_level_m), np.float32)
