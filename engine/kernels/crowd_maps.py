"""Density and mean velocity of people on a grid, by a Gaussian window.

The window is exp(-r2 / R2) / (pi R2), R = 1 m, the one Helbing, Johansson and Al-Abideen (2007,
"Dynamics of crowd disasters: an empirical study", Physical Review E 75: 046109) used; it is a
product of two Gaussians, so the grid is swept along rows and along columns. Ground that nobody can
stand on takes no part: weights are divided by the share of the window on ground.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from engine.kernels._jit import jit

WINDOW_M = 1.0  #: R
TAPS_M = 2.5  #: the window is cut off here, where its weight is 0.2 % of the middle's


@jit()
def deposit(fields, rows, state, x0, y0, cell):  # type: ignore[no-untyped-def]
    """Set `fields` [3, rows, columns] to the number of people and the sums of vx and vy."""
    fields[:] = 0.0
    for k in range(rows.size):
        p = rows[k]
        i, j = int((state[p, 1] - y0) / cell), int((state[p, 0] - x0) / cell)
        fields[0, i, j] += 1.0
        fields[1, i, j] += state[p, 2]
        fields[2, i, j] += state[p, 3]


@jit(parallel=True)
def sweep(out, field, taps):  # type: ignore[no-untyped-def]
    """Weighted sums along rows; `out` [columns, rows] is the transpose, ready for the next sweep."""
    rows, columns = field.shape
    reach = taps.size // 2
    for i in numba.prange(rows):
        for j in range(columns):
            total = 0.0
            for t in range(max(-reach, -j), min(reach, columns - 1 - j) + 1):
                total += taps[t + reach] * field[i, j + t]
            out[j, i] = total


def window(cell: float) -> np.ndarray:
    """Weights of the sweep: they add up to 1, so that a full window holds everybody once."""
    reach = math.ceil(TAPS_M / cell)
    taps = np.exp(-((np.arange(-reach, reach + 1) * cell / WINDOW_M) ** 2))
    weights: np.ndarray = taps / taps.sum()
    return weights
