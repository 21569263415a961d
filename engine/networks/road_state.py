"""What a link can carry now: depth of water, rubble, dark signals, officers at the junction.

Pure functions of arrays over edges; the roads component joins them into speed, capacity, jam
density and closure.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

F64 = NDArray[np.float64]
B = NDArray[np.bool_]

#: Depth in metres at and above which a road is impassable for cars.
CLOSED_DEPTH_M = 0.300
#: Saturated all-way stop over signal: (3600 s / 9.6 s) / (1900 veh/h x 0.45 green).
DARK_SIGNAL_RATIO = (3600.0 / 9.6) / (1900.0 * 0.45)
#: A staffed junction over its signal.
STAFFED_RATIO = 1.0


def flooded_speed_mps(depth_m: ArrayLike) -> F64:
    """Return the highest safe speed of cars in standing water [n], m/s; 0 from 0.30 m on.

    Pregnolato, Ford, Wilkinson and Dawson 2017, Transp. Res. D 55, 67-81: v = 0.0009 w^2 -
    0.5529 w + 86.9448 km/h with w in mm. The parabola turns up beyond 307 mm, so it is cut at
    300 mm. A limit to combine with the free speed, not a speed in itself.
    """
    w = np.maximum(np.asarray(depth_m, dtype=np.float64), 0.0) * 1000.0
    v = (0.0009 * w * w - 0.5529 * w + 86.9448) / 3.6
    # Depths arrive as float32, where 0.3 m is a little more than 300 mm and 0.29999 a little less.
    return np.asarray(np.where(w >= CLOSED_DEPTH_M * 1000.0 - 1e-3, 0.0, np.maximum(v, 0.0)))


def reduced_capacity_vps(
    speed_mps: ArrayLike, free_speed_mps: ArrayLike, capacity_vps: ArrayLike,
    jam_density_vpm: ArrayLike,
) -> F64:
    """Return capacity at a lower speed [n] on the same triangular diagram, vehicles a second.

    Jam density and backward wave stay, w = C / (kj - C / vf), and C' = v w kj / (v + w): a
    consequence of the triangular diagram (Newell 1993), not a measurement on wet roads.
    """
    v, vf, c, kj = (
        np.asarray(a, dtype=np.float64)
        for a in (speed_mps, free_speed_mps, capacity_vps, jam_density_vpm)
    )
    wave = c / np.maximum(kj - c / vf, 1e-9)
    slow = np.minimum(v, vf)
    return np.asarray(np.where(v >= vf, c, slow * wave * kj / (slow + wave)))


def junction_ratio(signal: ArrayLike, power: ArrayLike, staffed: ArrayLike) -> F64:
    """Return the capacity of approaches [n] over their normal value at the junction ahead.

    `signal`: the junction has signals; `power`: they work; `staffed`: officers direct traffic.
    Dark signals work as an all-way stop: 375 against 855 vehicles an hour and lane, 0.44 (HCM
    saturated headway of about 9.6 s, recalled and unconfirmed). Officers restore the signal's
    capacity (1.0): Mahalel, Gur and Shiftan 1991 (Transp. Res. A 25, 121-127) found manual
    operation of congested junctions at least as good in throughput as the signal, so 1.0 is the
    careful end. Without signals nothing changes: no factor was found for officers there.
    """
    dark = np.asarray(signal, dtype=bool) & ~np.asarray(power, dtype=bool)
    helped = np.asarray(staffed, dtype=bool)
    return np.asarray(np.where(dark, np.where(helped, STAFFED_RATIO, DARK_SIGNAL_RATIO), 1.0))


def edge_state(
    free_speed_mps: ArrayLike,
    capacity_vps: ArrayLike,
    jam_density_vpm: ArrayLike,
    *,
    depth_m: ArrayLike = 0.0,
    lane_ratio: ArrayLike = 1.0,
    junction: ArrayLike = 1.0,
) -> tuple[F64, F64, F64, B]:
    """Return (speed m/s, capacity veh/s, jam density veh/m, closed) of edges [n] now.

    `depth_m` is the greatest depth along the edge, `lane_ratio` lanes left over lanes (see
    `debris.lanes_left`), `junction` the ratio of `junction_ratio`. Lanes scale capacity and jam
    density alike. A closed edge has speed and capacity 0 and keeps its jam density, for vehicles
    may stand on it.
    """
    vf, c, kj = (
        np.asarray(a, dtype=np.float64) for a in (free_speed_mps, capacity_vps, jam_density_vpm)
    )
    lanes = np.clip(np.asarray(lane_ratio, dtype=np.float64), 0.0, 1.0)
    limit = flooded_speed_mps(depth_m)
    # Dry roads keep their own speed: the relation's 86.9 km/h at zero depth is no speed limit.
    speed = np.where(np.asarray(depth_m) > 0.0, np.minimum(vf, limit), vf)
    closed = (speed <= 0.0) | (lanes <= 0.0)
    carried = reduced_capacity_vps(speed, vf, c, kj) * lanes
    carried = carried * np.asarray(junction, dtype=np.float64)
    return (
        np.asarray(np.where(closed, 0.0, speed)),
        np.asarray(np.where(closed, 0.0, carried)),
        np.asarray(np.where(closed, kj, kj * lanes)),
        np.asarray(closed),
    )
