"""Metrics of the services: response times, hospitals, staff-hours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.events import KIND_CODE, REASONS, reason
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


#: How an incident closes that needs no unit any more.
_NOT_NEEDED = tuple(reason(name) for name in (
    "needs no help any more", "taken to hospital", "went to hospital by themselves"))


def _outcomes(why: I64) -> dict[str, int]:
    """What became of incidents that no unit reached, from why [n]; adds up to n."""
    spared = int(np.isin(why, _NOT_NEEDED).sum())
    died = int((why == reason("dead")).sum())
    found = {"no longer needed": spared, "died before a unit came": died,
             "never reached": int(why.size) - spared - died}
    return {name: count for name, count in found.items() if count}


def response(r: Record) -> list[Metric]:
    """P50 and P90 (nearest rank) from the incident's opening to the first unit on scene.

    An incident that no unit reached is infinite, also where it closed by itself: help that
    never came is no short response. `incidents_unanswered` counts them all. By `outcome` each is
    one of: no longer needed (it closed without a unit, alive: people went to hospital by themselves, were
    taken by others or were able to go on; `incidents_not_needed` counts these), died before a unit came
    (it closed, and somebody had died there), never reached (still open at the end). By `reason`: how
    it closed, or what last kept help from one that is open. `calls_unanswered`: calls that no call
    taker took.
    """
    found = incidents(r)
    times = found.response_ms
    missed = times >= NEVER
    lost = (found.call_ms < NEVER) & (found.answered_ms >= NEVER)
    names = r.city.zone_municipality[1]
    numbers = found.number[missed]
    why = why_nobody_came(r.log, 1 + int(numbers.max(initial=-1)))[numbers]
    spared = missed.copy()
    spared[missed] = np.isin(why, _NOT_NEEDED)
    reasons = {REASONS[code]: int((why == code).sum()) for code in np.unique(why)}

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
               {**by(missed), "reason": reasons, "outcome": _outcomes(why)}),
        metric("incidents_not_needed", int(spared.sum()), "incidents", "lower", by(spared)),
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


_SETS_OUT = ("crew_on_foot", "crew_walks_to_scene", "crew_walks_back")
_IS_BACK = ("crew_in_safety", "crew_back", "crew_caught")


def _codes(kinds: tuple[str, ...]) -> list[int]:
    return [KIND_CODE[kind] for kind in kinds]


def busy_ms(r: Record) -> I64:
    """Time each unit was on a task [units]: from its order until it is available again, lost, or its
    crew is in safety without it. A crew on foot works on when the water takes its vehicle."""
    over = ("unit_available", "unit_caught", *_IS_BACK)
    rows = r.log.rows("unit_dispatched", "unit_departed", "control_staffed", *_SETS_OUT, *over)
    unit = np.where(rows.kind == KIND_CODE["control_staffed"], rows.object, rows.subject)
    order = np.argsort(unit, kind="stable")
    unit, t, kind = unit[order], rows.t_ms[order], rows.kind[order]
    # Crews on foot: the last that was told of a crew before is that it set out.
    at = np.arange(unit.size)
    tells = _codes((*_SETS_OUT, *_IS_BACK, "unit_available", "unit_departed"))
    last = np.maximum.accumulate(np.where(np.isin(kind, tells), at, -1))
    walks = (last >= 0) & (unit[last] == unit) & np.isin(kind[last], _codes(_SETS_OUT))
    lost = kind == KIND_CODE["unit_caught"]
    lost_at = np.full(len(r.context.units), unit.size)
    np.minimum.at(lost_at, unit[lost], at[lost])
    # A crew back at a vehicle that can drive is free when that is told, or goes on to hospital.
    back = (kind == KIND_CODE["crew_back"]) & (at < lost_at[unit])
    told = ~(lost & walks) & ~back
    unit, t, kind = unit[told], t[told], kind[told]
    starts = ~np.isin(kind, _codes(over))
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
    and crews of fuel trucks from the order to the end of the run, staff of homes emptied on foot until
    nobody else is led out. Volunteers at the doors are counted apart (`volunteers.py`)."""
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
    led, done = r.log.rows("escorts_start"), r.log.rows("escorts_done")
    end_ms = dict(zip(done.subject.tolist(), done.t_ms.tolist(), strict=True))
    for home, facility, people, t in zip(
        led.subject.tolist(), led.object.tolist(), led.value, led.t_ms, strict=True
    ):
        h = float(people) * (end_ms.get(home, r.context.duration_ms) - int(t)) / MS_PER_HOUR
        total += h
        for name, key in (("municipality", _town(r, facility)), ("unit_kind", "home_staff")):
            groups[name][key] = groups[name].get(key, 0.0) + h
    groups = {name: dict(sorted(part.items())) for name, part in groups.items()}
    return [metric("staff_hours", total, "h", "lower", groups)]
