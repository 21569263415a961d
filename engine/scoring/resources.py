"""Metrics of the services: response times, hospitals, staff-hours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.events import KIND_CODE, REASONS
from engine.scoring.causes import why_nobody_came
from engine.scoring.clearance import percentile_s
from engine.scoring.columns import first_ms, last_of, unique_labels
from engine.scoring.context import NEVER
from engine.scoring.record import Metric, Record, metric

I64 = NDArray[np.int64]

MS_PER_HOUR = 3_600_000


@dataclass(frozen=True)
class Incidents:
    """Incidents that were opened or called in; times in ms, NEVER where it did not happen.

    `since_ms` is the opening, or the call where no opening stands in the log.
    """

    number: I64
    municipality: I64  # -1 unknown
    since_ms: I64
    call_ms: I64
    answered_ms: I64
    arrived_ms: I64

    @property
    def response_ms(self) -> I64:
        """From `since_ms` to the first unit on scene [incidents], NEVER where none came."""
        wait = np.maximum(self.arrived_ms - self.since_ms, 0)
        return np.where(self.arrived_ms < NEVER, wait, NEVER)


def incidents(r: Record) -> Incidents:
    """Every incident of the run, in the order of incident numbers."""
    opened, calls = r.log.rows("incident_opened"), r.log.rows("call_made")
    answers = r.log.rows("call_answered")
    arrivals = r.log.rows("unit_arrived")
    arrivals = arrivals.where(arrivals.object >= 0)
    size = 1 + max(
        int(x.max(initial=-1))
        for x in (opened.subject, calls.subject, answers.subject, arrivals.object)
    )
    open_ms = first_ms(opened.subject, opened.t_ms, size)
    call_ms = first_ms(calls.subject, calls.t_ms, size)
    since = np.where(open_ms < NEVER, open_ms, call_ms)
    building = last_of(opened.subject, opened.object, size, -1)
    zone = last_of(calls.subject, calls.object, size, -1)
    placed = building >= 0
    zone[placed] = r.city.buildings.zone[building[placed]]
    municipality = np.full(size, -1, np.int64)
    municipality[zone >= 0] = r.city.zone_municipality[0][zone[zone >= 0]]
    number = np.flatnonzero(since < NEVER)
    # Where a crush is feared police go to the venue's post: `crowds.py`.
    number = number[~np.isin(number, r.log.rows("crush_reported").subject)]
    return Incidents(
        number, municipality[number], since[number], call_ms[number],
        first_ms(answers.subject, answers.t_ms, size)[number],
        first_ms(arrivals.object, arrivals.t_ms, size)[number],
    )


def _reasons(r: Record, numbers: I64) -> dict[str, int]:
    """How many of incidents [n] no unit reached for which last reason."""
    why = why_nobody_came(r.log, 1 + int(numbers.max(initial=-1)))[numbers]
    return {REASONS[code]: int((why == code).sum()) for code in np.unique(why)}


def response(r: Record) -> list[Metric]:
    """P50 and P90 (nearest rank) from the incident's opening to the first unit on scene.

    An incident that no unit reached is infinite, also where it closed by itself: help that
    never came is no short response. `incidents_unanswered` counts them, `calls_unanswered`
    calls that no call taker took.
    """
    found = incidents(r)
    times = found.response_ms
    missed = times >= NEVER
    lost = (found.call_ms < NEVER) & (found.answered_ms >= NEVER)
    names = r.city.zone_municipality[1]

    def by(mask: NDArray[np.bool_]) -> dict[str, dict[str, Any]]:
        hit = found.municipality[mask & (found.municipality >= 0)]
        n = np.bincount(hit, minlength=len(names))
        return {"municipality": {name: int(c) for name, c in zip(names, n, strict=True)}}

    def at(percent: int) -> Metric:
        groups: dict[str, Any] = {
            name: percentile_s(np.sort(times[found.municipality == i]), percent)
            for i, name in enumerate(names)
        }
        return metric(f"response_p{percent}", percentile_s(np.sort(times), percent), "s", "lower",
                      {"municipality": groups})

    return [
        metric("incidents", int(times.size), "incidents", "lower", by(missed | ~missed)),
        metric("incidents_unanswered", int(missed.sum()), "incidents", "lower",
               {**by(missed), "reason": _reasons(r, found.number[missed])}),
        metric("calls_unanswered", int(lost.sum()), "calls", "lower", by(lost)),
        at(50), at(90),
    ]


def hospitals(r: Record) -> list[Metric]:
    """Peak of beds in use over capacity, and patients who met a full hospital.

    The peak is each hospital's own greatest `beds` of `person_admitted`; `over` adds up what
    passes the beds, so that room in one hospital does not hide a crowd in another.
    """
    rows = r.log.rows("person_admitted")
    rows = rows.where(rows.object >= 0)
    full = r.log.rows("hospital_full")
    peak = np.zeros(r.context.beds.size, np.int64)
    np.maximum.at(peak, rows.object, rows.value.astype(np.int64))
    over = np.maximum(peak - r.context.beds, 0)
    used = np.flatnonzero((peak > 0) | (r.context.beds > 0))
    labels = unique_labels([str(name) for name in r.city.facilities.name])
    refused = np.bincount(full.subject, minlength=peak.size)
    return [
        metric("hospital_peak_over_capacity", int(over.sum()), "beds", "lower",
               {"facility": {labels[i]: int(over[i]) for i in used}}),
        metric("hospital_peak_beds", int(peak.sum()), "beds", "lower",
               {"facility": {labels[i]: int(peak[i]) for i in used}}),
        metric("hospital_full", int(full.row.size), "patients", "lower",
               {"facility": {labels[i]: int(refused[i]) for i in used}}),
    ]


def busy_ms(r: Record) -> I64:
    """Time each unit was on a task [units]: from its order until it is available again, lost, or its
    crew is in safety without it."""
    over = ("unit_available", "unit_caught", "crew_in_safety", "crew_caught",
            "crew_back")
    rows = r.log.rows("unit_dispatched", "unit_departed", "control_staffed", "crew_on_foot",
                      "crew_walks_back", *over)
    unit = np.where(rows.kind == KIND_CODE["control_staffed"], rows.object, rows.subject)
    order = np.argsort(unit, kind="stable")
    unit, t = unit[order], rows.t_ms[order]
    starts = ~np.isin(rows.kind[order], [KIND_CODE[kind] for kind in over])
    new = np.ones(unit.size, np.bool_)
    new[1:] = unit[1:] != unit[:-1]
    previous = np.concatenate([[False], starts[:-1]]) & ~new
    # Only a change from free to busy or back counts; of a unit's rows the first is from free.
    keep = starts != previous
    sign = np.where(starts[keep], -1, 1)
    total = np.zeros(len(r.context.units), np.int64)
    np.add.at(total, unit[keep], sign * t[keep])
    last_busy = starts & np.concatenate([new[1:], np.ones(min(1, unit.size), np.bool_)])
    total[unit[last_busy]] += r.context.duration_ms
    return total


def responders(r: Record) -> list[Metric]:
    """Crew members killed by the water; no part of `deaths`, which counts the city's people."""
    rows = r.log.rows("responders_died")
    caught = r.log.rows("unit_caught")
    return [
        metric("responder_deaths", int(rows.value.sum()), "people", "lower"),
        metric("units_caught", int(caught.row.size), "units", "lower"),
    ]


def _town(r: Record, facility: int) -> str:
    """Municipality of the zone whose point is nearest to a facility."""
    zones, facilities = r.city.zones, r.city.facilities
    away = np.hypot(zones.x_m - facilities.x_m[facility], zones.y_m - facilities.y_m[facility])
    return str(zones.municipality[int(np.argmin(away))])


def staff(r: Record) -> list[Metric]:
    """Staff-hours on task, by the units' municipality and kind; staff of shelters from their opening
    and crews of fuel trucks from the order to the end of the run."""
    units = r.context.units
    hours = busy_ms(r) * np.array([u.staff for u in units], np.int64) / MS_PER_HOUR
    groups: dict[str, dict[str, Any]] = {"municipality": {}, "unit_kind": {}}
    for unit, h in zip(units, hours, strict=True):
        for name, key in (("municipality", unit.municipality), ("unit_kind", unit.kind)):
            groups[name][key] = groups[name].get(key, 0.0) + float(h)
    total = float(hours.sum())
    shelters = r.log.rows("shelter_staffed")
    for facility, people, t in zip(shelters.subject, shelters.value, shelters.t_ms, strict=True):
        h = float(people) * (r.context.duration_ms - int(t)) / MS_PER_HOUR
        total += h
        for name, key in (("municipality", _town(r, int(facility))), ("unit_kind", "shelter_staff")):
            groups[name][key] = groups[name].get(key, 0.0) + h
    fuel = r.log.rows("fuel_trucks_sent")
    base = r.city.facilities_of("command_centre")
    for people, t in zip(fuel.value, fuel.t_ms, strict=True):
        h = float(people) * (r.context.duration_ms - int(t)) / MS_PER_HOUR
        total += h
        town = _town(r, int(base[0])) if base.size else str(r.city.zones.municipality[0])
        for name, key in (("municipality", town), ("unit_kind", "fuel_crew")):
            groups[name][key] = groups[name].get(key, 0.0) + h
    groups = {name: dict(sorted(part.items())) for name, part in groups.items()}
    return [metric("staff_hours", total, "h", "lower", groups)]
