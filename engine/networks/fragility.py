"""Damage of buildings and bridges by shaking: HAZUS fragility curves.

Buildings: equivalent-PGA fragility, HAZUS 6.1 (FEMA), as tabulated in the NHERI-SimCenter Damage
and Loss Model Library; read from data/fragility_hazus.csv. The same medians circulate with two
dispersions: 0.64 includes 0.50 for the ground motion and belongs to a median map; 0.40 belongs
to sampled residuals. `residuals_sampled` chooses; using both would count the scatter twice.

HAZUS has no C3 or URM above low code; asking for such a pair raises InputError.

Chilean classes (CL-...): the HAZUS medians of the class named in data/fragility_chile.csv times a
factor, so that the dwellings expected to be damaged in La Serena and Coquimbo by the recorded
shaking of 16 September 2015 equal the register of damage (702: Coquimbo 633, La Serena 69), split
by material (`city_models/coquimbo/calibrate.py`). Valid for weak shaking, 0.08 to 0.4 g, as it was
met there; a register misses slight damage, so the curves are optimistic for slight damage and are
extrapolated beyond 0.4 g.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from engine import rng
from engine.city import DESIGNS, HAZUS_CLASS, STRUCTURES
from engine.errors import InputError, unknown

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
B = NDArray[np.bool_]

#: Damage states; a building's state is an index into this tuple.
STATES = ("none", "slight", "moderate", "extensive", "complete")
BETA_MEDIAN_MAP = 0.64
BETA_SAMPLED = 0.40
_DATA = Path(__file__).parent / "data"
_LEVELS = tuple(f"{state}_g" for state in STATES[1:])


@cache
def medians_g() -> F64:
    """Return median PGA in g [structure, design, 4]; NaN where a class has no curve."""
    out = np.full((len(STRUCTURES), len(DESIGNS), 4), np.nan)
    for row in _rows("fragility_hazus.csv"):
        i, j = STRUCTURES.index(row["structure"]), DESIGNS.index(row["design"])
        out[i, j] = [float(row[level]) for level in _LEVELS]
    for row in _rows("fragility_chile.csv"):
        i, j = STRUCTURES.index(row["structure"]), DESIGNS.index(row["design"])
        base = STRUCTURES.index(row["hazus_structure"]), DESIGNS.index(row["hazus_design"])
        out[i, j] = float(row["factor"]) * out[base]
    out.setflags(write=False)
    return out


@cache
def collapse_given_complete() -> F64:
    """Return the probability of collapse once damage is complete [structure]."""
    out = np.full(len(STRUCTURES), np.nan)
    for row in _rows("fragility_hazus.csv"):
        out[STRUCTURES.index(row["structure"])] = float(row["collapse_given_complete"])
    for local, hazus in HAZUS_CLASS.items():
        out[STRUCTURES.index(local)] = out[STRUCTURES.index(hazus)]
    out.setflags(write=False)
    return out


def _rows(name: str) -> list[dict[str, str]]:
    with (_DATA / name).open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _theta(structure: ArrayLike, design: ArrayLike) -> F64:
    s = np.atleast_1d(np.asarray(structure, dtype=np.int64))
    d = np.atleast_1d(np.asarray(design, dtype=np.int64))
    theta = medians_g()[s, d]
    missing = np.isnan(theta[:, 0])
    if missing.any():
        names = sorted({f"{STRUCTURES[a]}-{DESIGNS[b]}" for a, b in zip(s[missing], d[missing],
                                                                         strict=True)})
        raise InputError(
            f"fragility: no curve for {', '.join(names)} ({int(missing.sum())} "
            "buildings); C3 and URM exist at low code (LC) and pre-code (PC) only"
        )
    return theta


def exceedance(
    pga_g: ArrayLike, structure: ArrayLike, design: ArrayLike, residuals_sampled: bool
) -> F64:
    """Return P(damage >= slight, moderate, extensive, complete) [n, 4].

    `pga_g` [n] in g; `structure`, `design` [n] index `STRUCTURES` and `DESIGNS`.
    """
    theta = _theta(structure, design)
    pga = np.maximum(np.asarray(pga_g, dtype=np.float64), 1e-12)
    beta = BETA_SAMPLED if residuals_sampled else BETA_MEDIAN_MAP
    return np.asarray(ndtr(np.log(np.atleast_1d(pga)[:, None] / theta) / beta))


def damage_state(
    seed: int,
    key: ArrayLike,
    pga_g: ArrayLike,
    structure: ArrayLike,
    design: ArrayLike,
    *,
    residuals_sampled: bool,
) -> U8:
    """Return the damage state 0 (none) to 4 (complete) of buildings [n].

    One draw a building (stream quake.fragility, by its key) gives its strength relative to the
    class, theta exp(beta z): stronger shaking never lowers the state under one seed, and an
    aftershock meets the same strength. Damage does not accumulate between shocks; take the
    maximum of the states.
    """
    theta = _theta(structure, design)
    beta = BETA_SAMPLED if residuals_sampled else BETA_MEDIAN_MAP
    strength = np.exp(beta * rng.normal(seed, "quake.fragility", key))
    relative = np.asarray(pga_g, dtype=np.float64) / strength
    state = np.zeros(theta.shape[0], np.uint8)
    for level in range(4):
        state += relative > theta[:, level]
    return state


def collapsed(seed: int, key: ArrayLike, damage: ArrayLike, structure: ArrayLike) -> B:
    """Return whether buildings [n] collapse: those in state 4, by HAZUS's share of the class.

    One draw a building from stream quake.collapse.
    """
    share = collapse_given_complete()[np.asarray(structure, dtype=np.int64)]
    draw = rng.uniform(seed, "quake.collapse", key)
    return np.asarray((np.asarray(damage) == 4) & (draw < share))


@cache
def bridge_classes() -> dict[str, tuple[tuple[float, ...], float]]:
    """Return medians of Sa(1 s) in g and beta by HAZUS bridge class."""
    return {
        row["bridge"]: (tuple(float(row[level]) for level in _LEVELS), float(row["beta"]))
        for row in _rows("bridges_hazus.csv")
    }


def bridge_damage(seed: int, key: ArrayLike, sa1_g: ArrayLike, bridge_class: str = "HWB5") -> U8:
    """Return the damage state 0 to 4 of bridges [n] from Sa(1 s) in g (5 % damping).

    HAZUS standard bridge fragility with beta 0.6 and no correction for skew, spans or the shape
    of the spectrum (K factors of one). Classes HWB1 and HWB5, both without seismic design: the
    table is an upper bound where bridges are newer. One draw a bridge from quake.bridge.
    Sa(1 s) comes from stations or BSSA14's "SA1", not from scaling PGA.
    """
    if bridge_class not in bridge_classes():
        raise unknown("bridge class", bridge_class, bridge_classes())
    theta, beta = bridge_classes()[bridge_class]
    relative = np.asarray(sa1_g, dtype=np.float64) / np.exp(
        beta * rng.normal(seed, "quake.bridge", key)
    )
    state = np.zeros(relative.shape, np.uint8)
    for level in theta:
        state += relative > level
    return state
