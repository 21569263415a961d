"""Cameras: how many people one sees, with the error of counting. A number, never who they are.

In view are people inside the camera's sector with no wall between. The count is the true number
times 1 + error * z, z standard normal by camera and sample, rounded, at least 0. The default error
of 10 % is an assumption; people hide behind each other, so in dense crowds counts are rather low.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from engine import rng
from engine.crowd.ground import Ground
from engine.crowd.venue import Camera
from engine.kernels import floor_field
from engine.kernels._jit import jit

F64 = NDArray[np.float64]


@jit()
def _in_view(rows, state, at_x, at_y, to_x, to_y, cos_half, reach, walls):  # type: ignore[no-untyped-def]
    seen = 0
    for k in range(rows.size):
        rx, ry = state[rows[k], 0] - at_x, state[rows[k], 1] - at_y
        d = math.hypot(rx, ry)
        if d > reach or (d > 0.0 and rx * to_x + ry * to_y < cos_half * d):
            continue
        behind = False
        for w in range(walls.shape[0]):
            if floor_field.crosses(at_x, at_y, at_x + rx, at_y + ry, walls[w, 0], walls[w, 1],
                                   walls[w, 2], walls[w, 3]):
                behind = True
                break
        if not behind:
            seen += 1
    return seen


def people_in_view(camera: Camera, ground: Ground, rows: NDArray[np.int64], state: F64) -> int:
    """True number in the sector. Seat rows hide nobody."""
    dx, dy = camera.towards[0] - camera.at[0], camera.towards[1] - camera.at[1]
    norm = math.hypot(dx, dy)
    x, y = camera.at
    walls = ground.walls[ground.low_walls:]
    reach = camera.range_m
    near = walls[(np.minimum(walls[:, 0], walls[:, 2]) <= x + reach)
                 & (np.maximum(walls[:, 0], walls[:, 2]) >= x - reach)
                 & (np.minimum(walls[:, 1], walls[:, 3]) <= y + reach)
                 & (np.maximum(walls[:, 1], walls[:, 3]) >= y - reach)]
    return int(_in_view(rows, state, x, y, dx / norm, dy / norm,
                        math.cos(math.radians(camera.angle_deg / 2)), reach,
                        np.ascontiguousarray(near)))


def counted(camera: Camera, true: int, seed: int, number: int, sample: int) -> int:
    """What the camera reports."""
    z = float(rng.normal(seed, "crowd.camera", number, sample)[0])
    return max(round(true * (1 + camera.error_share * z)), 0)
