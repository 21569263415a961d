"""Care: where every person in need stands in the chain of rescue.

Every person has exactly one care state. Trapped people (alive or not) are `trapped`; the seriously
and critically hurt who are not trapped wait until a crew treats them; a crew's patient is
`treated`, then in `transport`, then in `hospital`. Whoever dies before admission leaves the chain.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.component import Context
from engine.world import (
    C_NONE,
    C_TRAPPED,
    C_WAITING,
    H_CRITICAL,
    H_DEAD,
    H_SERIOUS,
    U_ON_SCENE,
)


class CareChain:
    """Part of the units component that owns `person_care`."""

    w: Any
    ctx: Context

    def _set_care(self, person: int, care: int, event: int) -> None:
        self.w.person_care[person] = care
        self.w.person_care_event[person] = event

    def _sync_care(self) -> None:
        """Bring care in line with health: newly hurt, trapped, freed, recovered, dead."""
        w = self.w
        people = np.flatnonzero(
            (w.person_health >= H_SERIOUS) | w.person_trapped | (w.person_care > C_NONE)
        )
        health, care = w.person_health[people], w.person_care[people]
        trapped = w.person_trapped[people]
        hurt = (health >= H_SERIOUS) & (health <= H_CRITICAL)
        out = care.copy()
        loose = ~trapped & np.isin(care, (C_NONE, C_TRAPPED, C_WAITING))
        out[loose] = np.where(hurt[loose], C_WAITING, C_NONE)
        out[trapped] = C_TRAPPED
        changed = out != care
        rows = people[changed]
        # A person just freed keeps the event of the rescue as the last step.
        freed = care[changed] == C_TRAPPED
        w.person_care_event[rows] = np.where(
            freed & (w.person_care_event[rows] >= 0),
            w.person_care_event[rows], w.person_health_event[rows],
        )
        w.person_care[rows] = out[changed]

    def _next_patient(self, incident: int) -> int:
        """Who is treated next at an incident: critical before serious, then lowest number; -1."""
        w = self.w
        rows = np.flatnonzero((w.person_incident == incident) & (w.person_care == C_WAITING))
        rows = rows[w.person_health[rows] < H_DEAD]
        if rows.size == 0:
            return -1
        return int(rows[np.lexsort((rows, -w.person_health[rows].astype(np.int64)))[0]])

    def _next_trapped(self, incident: int) -> int:
        """Who is freed next at an incident: alive, in nobody's hands, lowest number; -1."""
        w = self.w
        rows = np.flatnonzero((w.person_incident == incident) & (w.person_care == C_TRAPPED))
        taken = {person for _, person, _ in self.ctx.mail.freed}
        at_work = (w.unit_phase == U_ON_SCENE) & (w.unit_person >= 0)
        taken.update(int(person) for person in w.unit_person[at_work])
        for person in rows[w.person_health[rows] < H_DEAD]:
            if int(person) not in taken:
                return int(person)
        return -1
