"""Whether who works on foot inside the exclusion line would be out of it in time.

The way is the shortest on foot to the nearest junction outside the line, at the fast walk of able adults
(1.52 m/s, Wood et al. 2015), in the dark slowed by `behaviour.dark_walk_share` whatever lights burn.

Limits: rubble, water and crowds on the way are not reckoned with beforehand; slopes neither.
"""

from __future__ import annotations

import numpy as np

from engine.access import FAST_WALK_MPS, walk_out_m
from engine.city import F64, I64, B
from engine.component import Context
from engine.world import NEVER

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("volunteers and street leaders reckon their way out at", FAST_WALK_MPS, "m/s",
     "fast walk, Wood et al. 2015", "sourced"),
    ("street leaders are out of the exclusion line by", "the predicted first wave", "",
     "assumption: nobody sends them in, they leave with their block", "assumption"),
)


class WayOut:
    """Ways out of the exclusion line on foot from every junction."""

    def __init__(self, context: Context) -> None:
        site = context.site
        away_m: F64 = walk_out_m(context.city, site.exclusion_node)[site.walk_node]
        self._away_m = np.where(site.exclusion_node, away_m, 0.0)
        self._inside = site.exclusion_node
        self._dark_share = context.behaviour.dark_walk_share

    def in_time(self, node: I64, t_ms: I64, limit_ms: int, dark: bool) -> B:
        """Whether who leaves the junctions `node` [n] at `t_ms` [n] is outside the line by `limit_ms`;
        who stands outside is."""
        if limit_ms >= NEVER:
            return np.ones(node.size, np.bool_)
        speed = FAST_WALK_MPS * (self._dark_share if dark else 1.0)
        out = t_ms + 1000.0 * self._away_m[node] / max(speed, 1e-6) <= limit_ms
        return np.asarray(~self._inside[node] | out, np.bool_)
