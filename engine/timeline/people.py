"""Who was out of the danger zone when, party by party, from the log."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.scoring.columns import first_ms
from engine.scoring.context import NEVER
from engine.timeline.view import RunView

I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Exits:
    """Parties that began in the danger zone: zone, size, times (NEVER where it did not happen)."""

    party: I64
    zone: I64
    size: I64
    out_ms: I64
    departed_ms: I64


def exits(view: RunView) -> Exits:
    """When each party of the danger zone set out and left it, or reached safety in it."""
    n = view.party_zone.size
    left, arrived = view.rows("party_left_zone"), view.rows("party_arrived")
    departed = view.rows("party_departed")
    out = np.minimum(
        first_ms(left.subject, left.t_ms, n), first_ms(arrived.subject, arrived.t_ms, n)
    )
    refuge, lost = view.rows("party_in_refuge"), view.rows("refuge_lost")
    refuge = refuge.where(~np.isin(refuge.object, lost.subject))
    out = np.minimum(out, first_ms(refuge.subject, refuge.t_ms, n))
    rows = np.flatnonzero(view.party_in_danger)
    return Exits(
        rows, view.party_zone[rows], view.party_size[rows], out[rows],
        first_ms(departed.subject, departed.t_ms, n)[rows],
    )


def at_risk_by_zone(found: Exits, zones: int, t_ms: int) -> tuple[I64, I64]:
    """(people who began in the danger zone, those of them out by `t_ms`) by zone [zones]."""
    began = np.bincount(found.zone, found.size, zones).astype(np.int64)
    gone = (found.out_ms <= t_ms) & (found.out_ms < NEVER)
    return began, np.bincount(found.zone[gone], found.size[gone], zones).astype(np.int64)
