"""Which parties can set out, by what has become of their members.

Nobody leaves a member behind who is trapped, or critically hurt and not yet taken to hospital. The dead
hold nobody back, nor do those who are on the way to hospital or in it; a party of whom nobody else is
left does not set out.
"""

from __future__ import annotations

import numpy as np

from engine.city import U8, B
from engine.codes import among
from engine.parties import Parties
from engine.world import C_HOSPITAL, C_SELF, C_TRANSPORT, H_CRITICAL, H_DEAD


def holding_and_gone(trapped: B, health: U8, care: U8) -> tuple[B, B]:
    """(who holds the others back, who is no longer with them), of persons [n]."""
    cared_for = among(care, (C_TRANSPORT, C_HOSPITAL, C_SELF))
    holds = trapped | ((health == H_CRITICAL) & ~cared_for)
    return np.asarray(holds), np.asarray((health == H_DEAD) | cared_for)


def can_set_out(parties: Parties, trapped: B, health: U8, care: U8) -> B:
    """Parties that can set out [parties], by what has become of all persons."""
    holds, gone = holding_and_gone(trapped, health, care)
    away = np.bincount(parties.of_person[np.flatnonzero(gone)], minlength=parties.count)
    out = away < parties.size
    out[parties.of_person[np.flatnonzero(holds)]] = False
    return np.asarray(out)
