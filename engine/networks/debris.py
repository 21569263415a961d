"""Rubble of collapsed buildings on streets.

GB 50413-2007 (standard for urban planning on earthquake resistance and hazardous prevention)
takes the width of rubble in front of a building as 2/3 of its height beside main rescue roads and
1/2 to 2/3 elsewhere. A street keeps its width between building lines less the rubble that reaches
past the setback, on either side.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
B = NDArray[np.bool_]

#: Rubble width over height beside main rescue roads, and the standard's range elsewhere.
SHARE_MAIN = 2.0 / 3.0
SHARE_OTHER = (1.0 / 2.0, 2.0 / 3.0)
#: Width in metres of one lane an emergency vehicle can pass.
EMERGENCY_LANE_M = 3.5


def debris_width_m(
    height_m: ArrayLike, main_rescue: ArrayLike = False, share_other: float = 7.0 / 12.0
) -> F64:
    """Return the width of rubble in front of fallen buildings [n], metres.

    `height_m` [n] to the eaves; `main_rescue` [n] or scalar: the street is a main rescue road.
    `share_other` lies in the standard's range 1/2 to 2/3 for other streets, its middle by
    default. The share is a planning rule, not a forecast for one building.
    """
    share = np.where(np.asarray(main_rescue, dtype=bool), SHARE_MAIN, share_other)
    return np.asarray(share * np.asarray(height_m, dtype=np.float64))


def side_of_street(
    x_m: ArrayLike, y_m: ArrayLike, from_x_m: ArrayLike, from_y_m: ArrayLike, to_x_m: ArrayLike,
    to_y_m: ArrayLike,
) -> I64:
    """Return 0 (left) or 1 (right) of the street's chord for buildings [n]; all in metres.

    Arguments are per building: its position and the ends of its street. A chord stands for the
    polyline, so a building inside a strong bend may be put on the wrong side.
    """
    px, py, ax, ay, bx, by = (
        np.asarray(a, dtype=np.float64) for a in (x_m, y_m, from_x_m, from_y_m, to_x_m, to_y_m)
    )
    cross = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
    return np.asarray(cross < 0.0).astype(np.int64)


def clear_width_m(
    street_width_m: ArrayLike,
    street: ArrayLike,
    collapsed: ArrayLike,
    height_m: ArrayLike,
    setback_m: ArrayLike,
    *,
    main_rescue: ArrayLike = False,
    side: ArrayLike | None = None,
    share_other: float = 7.0 / 12.0,
) -> F64:
    """Return the width free of rubble of every street [streets], metres, at its narrowest.

    `street_width_m` [streets] between building lines at the kerb; `street`, `collapsed`,
    `height_m`, `setback_m` [buildings]; `main_rescue` [streets] or scalar; `side` [buildings] 0
    or 1, see `side_of_street`. Clear width = W + setbacks - debris, never above W or below 0. The
    worst building counts on each side and the two sides add, as if they stood opposite; without
    `side` only the worst building of the street counts. Only buildings with `collapsed` true
    shed rubble: pass collapse, or collapse and complete damage together for a severe reading.
    """
    width = np.asarray(street_width_m, dtype=np.float64)
    fallen = np.flatnonzero(np.asarray(collapsed, dtype=bool))
    where = np.asarray(street, dtype=np.int64)[fallen]
    main = np.broadcast_to(np.asarray(main_rescue, dtype=bool), width.shape)[where]
    depth = debris_width_m(np.asarray(height_m)[fallen], main, share_other)
    reach = np.maximum(depth - np.asarray(setback_m, dtype=np.float64)[fallen], 0.0)
    row = np.zeros(fallen.size, np.int64) if side is None else np.asarray(side)[fallen]
    worst = np.zeros((2, width.size))
    np.maximum.at(worst, (row, where), reach)
    return np.asarray(np.maximum(width - worst[0] - worst[1], 0.0))


def worst_building(
    streets: int, street: ArrayLike, collapsed: ArrayLike, height_m: ArrayLike, setback_m: ArrayLike
) -> I64:
    """Return the fallen building that reaches farthest into each street [streets], -1 for none.

    The first in table order where two reach equally far; for events that name their cause.
    """
    fallen = np.flatnonzero(np.asarray(collapsed, dtype=bool))
    where = np.asarray(street, dtype=np.int64)[fallen]
    reach = SHARE_MAIN * np.asarray(height_m, dtype=np.float64)[fallen] - np.asarray(
        setback_m, dtype=np.float64
    )[fallen]
    order = np.lexsort((-fallen, reach))  # last one wins: farthest, then lowest index
    out = np.full(streets, -1, np.int64)
    out[where[order]] = fallen[order]
    return out


def lanes_left(clear_m: ArrayLike, width_m: ArrayLike, lanes: ArrayLike, lanes_both: ArrayLike
               ) -> F64:
    """Return the lanes an edge keeps [edges]: between 0 and `lanes`, fractions where shared.

    `clear_m`, `width_m` [edges] of the edge's street, `lanes` [edges] of this direction and
    `lanes_both` of both together (equal to `lanes` on a one-way street). Whole emergency lanes
    of 3.5 m that fit the clear width are shared in proportion to the lanes; one lane shared by
    two directions counts as half a lane each, traffic taking turns. A street without rubble
    keeps all its lanes however narrow it is.
    """
    clear, width, own, both = (
        np.asarray(a, dtype=np.float64) for a in (clear_m, width_m, lanes, lanes_both)
    )
    fit = np.minimum(np.floor(clear / EMERGENCY_LANE_M + 1e-9), both)
    left = np.minimum(own, fit * own / np.maximum(both, 1.0))
    return np.asarray(np.where(clear >= width - 1e-6, own, left))
