"""Metrics of crowds at venues: how long visitors were pressed together, when that was noticed."""

from __future__ import annotations

from engine.scoring.record import Metric, Record, metric


def crowds(r: Record) -> list[Metric]:
    """Person-seconds that visitors spent at 5 persons per m2 or more, the run's first fear of a crush,
    and the time until officers let people on; None where there is no venue, or where it did not come.

    Visitors are none of the city's people: they are part of no other metric and not of the score.
    """
    exposed, risk = r.log.rows("crowd_exposed"), r.log.rows("crowd_crush_risk")
    began, metered = r.log.rows("crowd_began"), r.log.rows("crowd_metered")
    pressed = float(exposed.value.sum()) if began.row.size else None
    out = [metric("crowd_pressed", pressed, "person-s", "lower")]
    for name, rows in (("crowd_noticed", risk), ("crowd_metered", metered)):
        value = None
        if rows.row.size:
            value = int(rows.t_ms.min() - began.t_ms.min()) / 1000.0
        out.append(metric(name, value, "s", "lower"))
    return out
