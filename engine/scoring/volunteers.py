"""Hours of volunteers who go from door to door: an own figure, never added to staff-hours.

- Teams of the neighbourhood (`door_to_door` by volunteers) are out from `start_s` to `stop_s` after the
  first order of their zones, `PEOPLE_A_TEAM` in each; crews of the city's own units are staff.
- Street leaders who acknowledge the call, one person each, knock from the call until their block is
  done at the plan's rate, at the latest until `stop_s` after the order.

Who is out when the run ends counts up to there. The way to the doors and back is not counted, nor is
the telephoning; the last block of a zone may be smaller than the others (assumptions). In a sample of the
households all teams of the plan are out, as they are in the run.
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
    end_ms, context = r.context.duration_ms, r.context
    orders = r.log.rows("order_issued")
    teams = 0
    for door in context.doors:
        told = orders.t_ms[np.isin(orders.subject, door.zones)]
        if told.size:
            since = int(told.min())
            out_ms = min(since + door.stop_ms, end_ms) - (since + door.start_ms)
            teams += door.teams * PEOPLE_A_TEAM * max(out_ms, 0)
    called = r.log.rows("leaders_called")
    out = np.clip(end_ms - called.t_ms, 0, context.leader_ms)
    kinds = {"door-to-door teams": teams / MS_PER_HOUR,
             "street leaders": float((called.value * out).sum()) / MS_PER_HOUR}
    return [metric("volunteer_hours", sum(kinds.values()), "h", "lower", {"volunteers": kinds})]
