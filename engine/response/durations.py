"""How long units take for each step; sources stand in `engine/response/units.py`."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine import rng

TURNOUT_P90_S = {True: 80.0, False: 60.0}  # fire and rescue, others
TURNOUT_SIGMA = 0.35
SCENE_MEAN_S = 13.4 * 60.0
RESCUE_MEAN_S = 1800.0
RESCUE_COLLAPSED_MEAN_S = 4 * 3600.0
TASK_SIGMA = 0.5
HANDOVER_MS = 30 * 60_000
SURGE_SHARE = 0.2
COLLAPSED = 5
_Z90 = 1.2815515655446004


def _lognormal_ms(mean_s: float, sigma: float, z: float) -> int:
    return round(1000.0 * mean_s * math.exp(sigma * z - 0.5 * sigma * sigma))


def turnout_ms(seed: int, unit_key: int, k: int, fire: bool) -> int:
    """Time from the order to rolling wheels of a unit's k-th turnout, ms."""
    z = float(rng.normal(seed, "unit.turnout", unit_key, k)[0])
    return round(1000.0 * TURNOUT_P90_S[fire] * math.exp(TURNOUT_SIGMA * (z - _Z90)))


def scene_ms(seed: int, person: int) -> int:
    """Time with a patient on scene, ms; keyed by the patient, so it is the same in every plan."""
    return _lognormal_ms(SCENE_MEAN_S, TASK_SIGMA, float(rng.normal(seed, "unit.scene", person)[0]))


def rescue_ms(seed: int, person: int, damage: int) -> int:
    """Time to free a trapped person, ms; `damage` is the building's state, 5 = collapsed."""
    mean_s = RESCUE_COLLAPSED_MEAN_S if damage >= COLLAPSED else RESCUE_MEAN_S
    z = float(rng.normal(seed, "unit.scene", person, 1)[0])
    return _lognormal_ms(mean_s, TASK_SIGMA, z)


def hospital_limit(beds: ArrayLike) -> NDArray[np.int64]:
    """Patients of one event that hospitals of so many `beds` [n] can take."""
    return np.ceil(SURGE_SHARE * np.asarray(beds, np.float64) - 1e-9).astype(np.int64)
