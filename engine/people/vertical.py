"""People in a vertical refuge of the plan: above the water while the building stands.

The planned counterpart of `refuge.py`, which is about people whom the water catches at home. Where
the sea passes the lowest refuge floor, people stand in what is above it; where the shaking has
damaged the building extensively or the water is deeper than it bears, it shelters nobody.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.city import F64, I64, B
from engine.people.refuge import NO_REFUGE_DAMAGE
from engine.vertical import Refuges


def above_water(refuges: Refuges, w: Any, rows: I64, held: B, depth: F64) -> F64:
    """Return the depth at the feet of parties [rows]; those `held` [rows] are in a refuge."""
    if not held.any():
        return depth
    at = w.party_refuge[rows[held]]
    outside = depth[held]
    stands = (outside <= refuges.holds_m[at]) & (
        w.building_damage[refuges.building[at]] < NO_REFUGE_DAMAGE
    )
    out = depth.copy()
    out[held] = np.where(stands, np.maximum(outside - refuges.floor_m[at], 0.0), outside)
    return out
