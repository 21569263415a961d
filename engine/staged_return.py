"""The staged return: which area of it each junction lies in, and how long each post holds for it.

An inbound ban and a closure hold until the last stage inside them has opened, a control point until the
last of the junctions to which it is the nearest control point has (an assumption: points stand where the
ways into the closed areas begin). What speeds the way out (streets for walkers, one-way streets,
contraflow) ends with the all-clear.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from engine.city import I16, I32, I64, B, City
from engine.plan import Plan


def hold_ms(
    city: City, plan: Plan, phase: I16, control_node: I32, closed: Sequence[B], banned: Sequence[B]
) -> I64:
    """How long after the all-clear each of `plan.posts` holds, ms; 0 where it ends with it.

    - phase: [nodes] row of all_clear.return_phases, -1 none; control_node: [controls] where officers stand.
    - closed, banned: [nodes] inside each closure and each inbound ban.
    """
    hold = np.zeros(len(plan.posts), np.int64)
    stages = np.array([round(1000 * stage.offset_s) for stage in plan.all_clear.return_phases], np.int64)
    staged = np.flatnonzero(phase >= 0)
    if staged.size == 0:
        return hold
    points, nodes = len(plan.control_points), city.nodes
    if points:
        at = control_node[:points]
        tree = cKDTree(np.column_stack([nodes.x_m[at], nodes.y_m[at]]))
        nearest = tree.query(np.column_stack([nodes.x_m[staged], nodes.y_m[staged]]))[1]
        np.maximum.at(hold, nearest, stages[phase[staged]])
    rows = [*range(points, points + len(closed)), *range(hold.size - len(banned), hold.size)]
    for row, inside in zip(rows, [*closed, *banned], strict=True):
        hold[row] = stages[phase[inside & (phase >= 0)]].max(initial=0)
    return hold
