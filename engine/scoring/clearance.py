"""Metrics of leaving: clearance times, margins before the water, who stayed and why."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.events import REASONS
from engine.scoring.columns import first_ms, unique_labels
from engine.scoring.context import NEVER
from engine.scoring.groups import counts, shares
from engine.scoring.ledger import SAFE, STATES, absence_reasons
from engine.scoring.record import Metric, Record, metric
from engine.scoring.statistics import rank

B = NDArray[np.bool_]
I64 = NDArray[np.int64]

CLEARANCE_PERCENTS = (50, 90, 95, 100)


def percentile_s(sorted_ms: I64, percent: float) -> float | None:
    """Nearest-rank percentile in seconds of sorted times [n] in ms; None on NEVER or n = 0."""
    if sorted_ms.size == 0:
        return None
    found = int(sorted_ms[rank(sorted_ms.size, percent) - 1])
    return None if found >= NEVER else found / 1000


def percentiles(
    r: Record, times_ms: I64, of: B, percents: tuple[int, ...]
) -> list[tuple[float | None, dict[str, dict[str, Any]]]]:
    """Per percentage: (value in s, by group) of `times_ms` [persons] among the people `of`."""
    whole = np.sort(times_ms[of])
    parts = {
        g.name: {
            label: np.sort(times_ms[of & (g.code == i)]) for i, label in enumerate(g.labels)
        }
        for g in r.groups
    }
    return [
        (percentile_s(whole, p),
         {dim: {k: percentile_s(v, p) for k, v in part.items()} for dim, part in parts.items()})
        for p in percents
    ]


def clearance(r: Record) -> list[Metric]:
    """T50, T90, T95 and T100: from the order to being out of the danger zone.

    Counted are all people inside the danger zone whose zone was ordered; who is out before
    the order takes 0 s; who never gets out, or dies inside, is infinite, so that a percentile
    that falls on them is None and `share_cleared` says how far it went.
    """
    p = r.people
    ordered = p.at_risk & (r.order_ms < NEVER)
    out = p.out_ms < NEVER
    times = np.where(out, np.maximum(p.out_ms - r.order_ms, 0), NEVER)
    total = int(ordered.sum())
    found = percentiles(r, times, ordered, CLEARANCE_PERCENTS)
    return [
        metric("people_ordered", total, "people", "higher", counts(r.groups, ordered)),
        metric("share_cleared", int((ordered & out).sum()) / total if total else None, "share",
               "higher", shares(r.groups, out, ordered)),
        *(
            metric(f"clearance_t{percent}", value, "s", "lower", groups)
            for percent, (value, groups) in zip(CLEARANCE_PERCENTS, found, strict=True)
        ),
    ]


def warning(r: Record) -> list[Metric]:
    """Sent, received, believed: P50 and P90 since the run's start, and how many at all.

    *Sent*: a channel carries the order in the zone. *Received* (`share_warned`, `warning_p50`):
    the order itself or word of it has come to the party. *Believed*: the party has received it
    and has decided to leave; a decision made earlier, on the shaking, counts from the warning.
    """
    p = r.people
    started = r.log.rows("channel_started")
    sent = first_ms(started.object, started.t_ms, r.city.zones.x_m.size)[p.zone]
    received = p.parties.warned_ms[p.party]
    decided = p.parties.decided_ms[p.party]
    believed = np.where(decided < NEVER, np.maximum(received, decided), NEVER)
    total = int(p.at_risk.sum())
    out = []
    for share_name, name, times in (
        ("share_sent", "warning_sent", sent), ("share_warned", "warning", received),
        ("share_believed", "warning_believed", believed),
    ):
        known = np.where(p.at_risk, times, NEVER)
        found = percentiles(r, known, p.at_risk, (50, 90))
        share = int((known < NEVER).sum()) / total if total else None
        out += [
            metric(share_name, share, "share", "higher", shares(r.groups, known < NEVER, p.at_risk)),
            metric(f"{name}_p50", found[0][0], "s", "lower", found[0][1]),
            metric(f"{name}_p90", found[1][0], "s", "lower", found[1][1]),
        ]
    return out


def margins(r: Record) -> list[Metric]:
    """Per zone: seconds between the last person out and the first water; negative is too late.

    People still inside at the end do not count here but in `out_before_water`. A zone that
    stayed dry or that nobody left has no margin, and `zone_without_margin` says why. Nor does who
    comes out after the all-clear count, when nobody need flee any more. P5 is the margin that 95 %
    of those who left kept or bettered (nearest rank), for each zone by itself.
    """
    p, zones = r.people, r.city.zones.x_m.size
    floods = r.log.rows("zone_flooded")
    flood = first_ms(floods.subject, floods.t_ms, zones)
    over = r.log.rows("all_clear").t_ms
    counted = p.at_risk & (p.out_ms < (over[0] if over.size else NEVER))
    last = np.full(zones, -1, np.int64)
    np.maximum.at(last, p.zone[counted], p.out_ms[counted])
    labels = unique_labels([str(name) for name in r.city.zones.name])
    found: dict[str, Any] = {}
    reasons: dict[str, Any] = {}
    for zone in np.unique(p.zone[p.at_risk]):
        label = labels[zone]
        found[label] = None
        if flood[zone] >= NEVER:
            reasons[label] = "dry"
        elif last[zone] < 0:
            reasons[label] = "nobody left"
        else:
            found[label] = int(flood[zone] - last[zone]) / 1000
    known = [v for v in found.values() if v is not None]
    fifth: dict[str, Any] = {}
    for zone in np.unique(p.zone[counted & (flood[p.zone] < NEVER)]):
        mine = np.sort(flood[zone] - p.out_ms[counted & (p.zone == zone)])
        fifth[labels[zone]] = int(mine[rank(mine.size, 5) - 1]) / 1000
    total = int(p.at_risk.sum())
    ok = int((r.in_time & p.at_risk).sum())
    return [
        metric("out_before_water", ok / total if total else None, "share", "higher",
               shares(r.groups, r.in_time, p.at_risk)),
        metric("margin_worst_zone", min(known) if known else None, "s", "higher",
               {"zone": found, "zone_without_margin": reasons}),
        metric("margin_p5_worst_zone", min(fifth.values()) if fifth else None, "s", "higher",
               {"zone": fifth}),
    ]


def people_counts(r: Record) -> list[Metric]:
    """Affected, evacuated and sheltered people, kept apart, and who did not evacuate and why.

    Affected: inside the danger zone, or trapped, severely hurt or dead anywhere. Evacuated: out of the
    danger zone at some time. Sheltered: in a shelter at the end. At a meeting point: there at the end;
    nobody is at both, and they are never added: one is a bed, the other a wait. No place at a meeting
    point: found one shut or full, wherever they are at the end. Returned: went back home
    before the all-clear, whether they left again or not. Shadow evacuees left though they were outside
    the danger zone. Fetched by family: taken along by somebody of their household. Went in for family:
    were outside and set out to fetch somebody.
    """
    p, state = r.people, r.ledger.state
    affected = p.at_risk | (p.trapped_ms < NEVER) | p.severe | p.dead
    evacuated = p.at_risk & (p.out_ms < NEVER)
    sheltered = state == STATES.index("safe at shelter")
    waiting = state == STATES.index("safe at meeting point")
    no_place = np.zeros(p.parties.zone.size, np.bool_)
    no_place[r.log.rows("party_no_place").subject] = True
    family = p.parties.fetched[p.party]
    shadow = ~p.at_risk & p.parties.departed[p.party] & ~family
    met = r.log.rows("pickup_met").object
    taken = np.isin(p.party, met)
    absent = p.at_risk & ~evacuated
    why = np.bincount(
        absence_reasons(r.city, r.log, p, r.ledger)[absent], minlength=len(REASONS)
    )
    groups = counts(r.groups, absent)
    groups["reason"] = {REASONS[i]: int(n) for i, n in enumerate(why) if n}
    people = [
        ("people_at_risk", p.at_risk, "lower"), ("affected", affected, "lower"),
        ("evacuated", evacuated, "higher"), ("sheltered", sheltered, "higher"),
        ("at_meeting_point", waiting, "higher"),
        ("no_place_at_meeting_point", no_place[p.party], "lower"),
        ("in_safety", np.isin(state, SAFE), "higher"),
        ("returned_before_all_clear", p.at_risk & p.parties.went_back[p.party], "lower"),
        ("shadow_evacuees", shadow, "lower"),
        ("fetched_by_family", taken, "higher"),
        ("went_in_for_family", ~p.at_risk & family & ~taken, "lower"),
    ]
    return [
        *(metric(n, int(m.sum()), "people", b, counts(r.groups, m)) for n, m, b in people),
        metric("non_evacuees", int(absent.sum()), "people", "lower", groups),
    ]
