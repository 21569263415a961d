"""The assumption card: what a result rests on, parameter by parameter, with its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.parties import occupancy
from engine.people.behaviour import CARD
from engine.scoring import relief, volunteers

if TYPE_CHECKING:
    from engine.twin import Twin


def assumption_card(twin: Twin) -> list[dict[str, Any]]:
    """Rows of parameter, value, unit, source and status (sourced, assumption or scenario)."""
    rows = [
        {
            "parameter": row.parameter, "unit": row.unit, "source": row.source,
            "status": row.status,
            "value": getattr(twin.context.behaviour, row.parameter, row.value),
        }
        for row in CARD
    ]
    for place, share in occupancy(twin.scenario, twin.city.timezone).items():
        rows.append({
            "parameter": f"occupancy: {place}", "unit": "share", "value": round(share, 3),
            "source": "HAZUS occupancy at night, day and commute, interpolated by hour",
            "status": "sourced",
        })
    for component in twin.components:
        for parameter, value, unit, source, status in component.card:
            rows.append({"parameter": f"{component.name}: {parameter}", "value": value,
                         "unit": unit, "source": source, "status": status})
    for parameter, value, unit, source, status in (*relief.CARD, *volunteers.CARD):
        rows.append({"parameter": f"score: {parameter}", "value": value, "unit": unit, "source": source,
                     "status": status})
    return rows
