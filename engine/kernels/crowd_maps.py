"""Spread people over the points of a map."""

from __future__ import annotations

import math

import numpy as np

from engine.kernels._jit import jit


@jit()
def spread(x, y, vx, vy, x0, y0, side, radius, reach, maps):  # type: ignore[no-untyped-def]
    """Add each person's Gaussian weight exp(-(d / radius)^2) to the points within `reach`.

    `maps` [4, ny, nx]: sums of weight, of weight times vx and vy, of weight times speed squared.
    The weight is a product of one factor for each axis.
    """
    ny, nx = maps.shape[1], maps.shape[2]
    along = np.empty(2 * reach + 1)
    for k in range(x.size):
        ci = int((x[k] - x0) / side + 0.5)
        cj = int((y[k] - y0) / side + 0.5)
        v2 = vx[k] * vx[k] + vy[k] * vy[k]
        for m in range(along.size):
            dx = (x0 + (ci - reach + m) * side - x[k]) / radius
            along[m] = math.exp(-dx * dx)
        for j in range(max(cj - reach, 0), min(cj + reach, ny - 1) + 1):
            dy = (y0 + j * side - y[k]) / radius
            across = math.exp(-dy * dy)
            for i in range(max(ci - reach, 0), min(ci + reach, nx - 1) + 1):
                w = across * along[i - ci + reach]
                maps[0, j, i] += w
                maps[1, j, i] += w * vx[k]
                maps[2, j, i] += w * vy[k]
                maps[3, j, i] += w * v2
