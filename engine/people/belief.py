"""Who believes which cue, and when a decision to stay is reopened: pure functions on arrays.

Following the Protective Action Decision Model (Lindell & Perry 2012, Risk Analysis 32:616-632) a
party weighs what it feels, hears and sees together, looks for confirmation and decides anew when
something is added. Its form here, an assumption:

    P(leave on cue k) = 1 - (1 - p_k) ** (1 + repeat_weight * again_k + confirm_weight * others)

p_k is the probability on meeting the cue once and alone, `again_k` how often it was met again and
`others` how many other kinds of cue were met. The party keeps one draw for each cue and leaves as
soon as one of them lies below its probability, which only grows: whoever is warned earlier or more
often never leaves later. p_k is `inland_share` of its value farther than `shore_m` from the sea and
`shadow_share` outside the danger zone; there surveys give the share that left in the end, so that
nothing reopens the decision.

Some refuse whatever they hear (`refuse_share`). Part of them (`yield_share`) give in when they see
the sea withdraw or rise, or when somebody knocks; at the sight of water in the street none refuses.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.people.behaviour import Behaviour
from engine.people.warning import FELT, NEIGHBOURS, ORDER, SEA, VISIT, WATER

F64 = NDArray[np.float64]
B = NDArray[np.bool_]

#: Cues that only those at the place can have: no factor for distance or shadow applies.
_ON_THE_SPOT = (WATER, SEA, VISIT)


def felt_probability(behaviour: Behaviour, mmi: ArrayLike) -> F64:
    """Return the share who leave on feeling shaking of an intensity [n], linear between bounds."""
    b = behaviour
    ramp = (np.asarray(mmi, np.float64) - b.felt_from_mmi) / (b.felt_full_mmi - b.felt_from_mmi)
    return np.asarray(b.felt_share * np.clip(ramp, 0.0, 1.0))


def leave_probability(
    behaviour: Behaviour, cue: int, *, in_danger: ArrayLike, coastal: ArrayLike = True,
    mmi: ArrayLike = 0.0, again: ArrayLike = 0, others: ArrayLike = 0,
) -> F64:
    """Return the probability to leave on a cue [n], for parties that do not refuse.

    - in_danger, coastal: [n] where the party is; mmi: [n] intensity, read for felt shaking.
    - again: [n] times the cue was met after the first; others: [n] other kinds of cue met.
    """
    b = behaviour
    danger = np.asarray(in_danger, np.bool_)
    base = felt_probability(b, mmi) if cue == FELT else np.asarray({
        ORDER: b.order_share, NEIGHBOURS: b.neighbour_share, WATER: b.water_share,
        SEA: b.sea_share, VISIT: b.visit_share,
    }[cue])
    place = np.where(danger, np.where(np.asarray(coastal), 1.0, b.inland_share), b.shadow_share)
    once = base * (1.0 if cue in _ON_THE_SPOT else place)
    weight = b.repeat_weight * np.asarray(again) + b.confirm_weight * np.asarray(others)
    return np.asarray(np.broadcast_to(
        1.0 - (1.0 - once) ** np.where(danger, 1.0 + weight, 1.0), danger.shape
    ), np.float64)


def leaves(
    behaviour: Behaviour, cue: int, u: ArrayLike, u_refuse: ArrayLike, *, in_danger: ArrayLike,
    coastal: ArrayLike = True, mmi: ArrayLike = 0.0, again: ArrayLike = 0, others: ArrayLike = 0,
) -> B:
    """Return whether parties [n] leave on a cue.

    `u` is a draw of its own for each cue, `u_refuse` the same draw at every cue.
    """
    likely = leave_probability(
        behaviour, cue, in_danger=in_danger, coastal=coastal, mmi=mmi, again=again, others=others
    )
    return np.asarray((np.asarray(u) < likely) & ~refuses(behaviour, cue, u_refuse))


def refuses(behaviour: Behaviour, cue: int, u_refuse: ArrayLike) -> B:
    """Return which parties [n] refuse on a cue; those who guard property give in last."""
    share = behaviour.refuse_share
    if cue == WATER:
        share = 0.0
    elif cue in (SEA, VISIT):
        share *= 1.0 - behaviour.yield_share
    return np.asarray(np.asarray(u_refuse) < share)


def guards_property(behaviour: Behaviour, u_refuse: ArrayLike) -> B:
    """Return who stays to guard property [n], among those who refuse by the same draw."""
    return np.asarray(np.asarray(u_refuse) < behaviour.refuse_share * behaviour.guard_share)


def can_leave(behaviour: Behaviour, mobility: ArrayLike, size: ArrayLike, u: ArrayLike) -> B:
    """Return which parties [n] can leave: people who need help and are alone only if fetched."""
    alone = (np.asarray(mobility) == 2) & (np.asarray(size) == 1)
    return np.asarray(~alone | (np.asarray(u) < behaviour.helped_share))
