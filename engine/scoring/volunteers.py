"""Hours of volunteers who go from door to door: an own figure, never added to staff-hours.

- Teams of the neighbourhood (`door_to_door` by volunteers), `PEOPLE_A_TEAM` in each, are out from
  `doors_started` to `doors_ended`; crews of the city's own units are staff.
- Street leaders, one person each, knock from the call that they acknowledge, or from when they begin by
  themselves, until their block is done at the plan's rate, at the latest until the plan's `stop_s` or the
  first wave as it was predicted last: before it they have to be out.

Who is out when the run ends counts up to there. The way to the doors and back is not counted, nor is
the telephoning; the last block of a zone may be smaller than the others (assumptions).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.scoring.record import Metric, Record, metric

MS_PER_HOUR = 3_600_000
PEOPLE_A_TEAM = 2
CARD: tuple[tuple[str, Any, str, str, str], ...] = (
    ("volunteers in a door-to-door team", PEOPLE_A_TEAM, "people", "nobody knocks alone: assumption",
     "assumption"),
)


def volunteers(r: Record) -> list[Metric]:
    """Volunteer hours, by what they do."""
    end_ms = r.context.duration_ms
    begun, over = r.log.rows("doors_started"), r.log.rows("doors_ended")
    teams = begun.object < 0  # not crews of a mission
    team_ms = ((end_ms - begun.t_ms[teams]) * begun.value[teams]).sum()
    team_ms -= ((end_ms - over.t_ms) * over.value).sum()
    waves = r.log.rows("arrival_predicted")
    limit_ms = min(end_ms, 1000.0 * waves.value[-1]) if waves.value.size else end_ms
    limit_ms = float(min([limit_ms, *r.log.rows("all_clear").t_ms[:1]]))
    leader_ms = sum(
        float((rows.value * np.clip(limit_ms - rows.t_ms, 0, most_ms)).sum())
        for rows, most_ms in (
            (r.log.rows("leaders_called"), r.context.leader_ms),
            (r.log.rows("leaders_started"), r.context.leader_alone_ms))
    )
    kinds = {"door-to-door teams": float(PEOPLE_A_TEAM * team_ms) / MS_PER_HOUR,
             "street leaders": leader_ms / MS_PER_HOUR}
    return [metric("volunteer_hours", sum(kinds.values()), "h", "lower", {"volunteers": kinds})]
