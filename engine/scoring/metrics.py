"""All metrics of a run, in the fixed order in which score.json lists them."""

from __future__ import annotations

from engine.scoring import casualties, clearance, crowds, homes, relief, resources, volunteers
from engine.scoring.record import Metric, Record


def all_metrics(r: Record) -> list[Metric]:
    """Every metric of the run; the same names in the same order for every run."""
    return [
        *casualties.harm(r),
        *casualties.water(r),
        *casualties.rescue(r),
        *clearance.people_counts(r),
        *clearance.warning(r),
        *clearance.margins(r),
        *clearance.clearance(r),
        *resources.response(r),
        *resources.hospitals(r),
        *resources.staff(r),
        *volunteers.volunteers(r),
        *resources.responders(r),
        *homes.homes(r),
        *homes.outages(r),
        *relief.relief(r),
        *crowds.crowds(r),
    ]
