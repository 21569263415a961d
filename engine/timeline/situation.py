"""The situation at one moment: what the command centre knows, and beside it what is so.

*Reported* figures come from what reached command by then: its own decisions and units, instruments,
calls answered, crews on scene, hospitals, shelters, utilities and the roads it knows shut.
*Actual* figures are the run's own and stand beside them, marked, so that an exercise can compare
the two. Residents of an area are the census; how many of them left is not reported by anybody.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.events import CAUSES, KINDS, REASONS
from engine.scoring.columns import Rows, first_ms, last_of
from engine.scoring.context import NEVER
from engine.timeline.names import Names
from engine.timeline.outlook import outlook
from engine.timeline.people import at_risk_by_zone, exits
from engine.timeline.view import CLOSURES_KNOWN, RunView

SEVERE = 2
#: Alerts that carry the order or word of it (events.ALERTS).
_WARNED = (1, 2)


class AsOf:
    """The log up to a moment."""

    def __init__(self, view: RunView, t_ms: int) -> None:
        self.view, self.t_ms = view, t_ms

    def rows(self, *kinds: str) -> Rows:
        """Rows of the kinds up to the moment."""
        found = self.view.rows(*kinds)
        return found.where(found.t_ms <= self.t_ms)

    def count(self, kind: str) -> int:
        """Number of rows of a kind."""
        return int(self.rows(kind).row.size)

    def off(self, on: str, off: str) -> list[int]:
        """Subjects whose last word among the two kinds is `off`."""
        rows = self.rows(on, off)
        if rows.row.size == 0:
            return []
        size = int(rows.subject.max()) + 1
        last = last_of(rows.subject, rows.kind, size, -1)
        code = next(i for i, kind in enumerate(KINDS) if kind.name == off)
        return [int(n) for n in np.flatnonzero(last == code)]


def situation(view: RunView, names: Names, t_ms: int) -> dict[str, Any]:
    """Every figure of a situation report at `t_ms`, ready for JSON."""
    now = AsOf(view, t_ms)
    return {
        "t_s": t_ms / 1000, "local": view.local(t_ms).isoformat(),
        "declared": _declared(now), "hazard": _hazard(now, names), "access": _access(now, names),
        "casualties": _casualties(now), "services": _services(now), "incidents": _incidents(now),
        "population": _population(now), "shelters": _shelters(now), "hospitals": _hospitals(now),
        "warning": _warning(now, names), "lifelines": _lifelines(now, names),
        "outlook": outlook(view, names, t_ms),
    }


def _declared(now: AsOf) -> dict[str, Any] | None:
    rows = now.rows("order_decided")
    if rows.row.size == 0:
        return None
    cause = int(now.view.cause[rows.row[0]])
    kind = KINDS[int(now.view.codes["kind"].iloc[cause])].name if cause >= 0 else ""
    issued, lifted = now.rows("order_issued"), now.rows("all_clear")
    return {
        "t_s": int(rows.t_ms[0]) / 1000, "basis": kind,
        "order_out_s": int(issued.t_ms.min()) / 1000 if issued.row.size else None,
        "zones_ordered": sorted(int(z) for z in np.unique(issued.subject)),
        "lifted_s": int(lifted.t_ms[0]) / 1000 if lifted.row.size else None,
    }


def _hazard(now: AsOf, names: Names) -> dict[str, Any]:
    quake, magnitude = now.rows("earthquake"), now.rows("magnitude_reported")
    intensity = now.rows("intensity_reported")
    seen, crests = now.rows("gauge_reported"), now.rows("sea_crest")
    highest: dict[str, dict[str, float]] = {}
    for gauge in np.unique(seen.subject):
        mine = crests.where(crests.subject == gauge)
        best = int(np.argmax(mine.value)) if mine.row.size else -1
        first = seen.where(seen.subject == gauge)
        highest[names.gauge(int(gauge))] = {
            "first_s": int(first.t_ms[0]) / 1000,
            "highest_m": float(mine.value[best]) if best >= 0 else float(first.value[0]),
            "highest_s": int(mine.t_ms[best] if best >= 0 else first.t_ms[0]) / 1000,
        }
    damage = now.rows("building_damaged")
    return {
        "earthquake": float(quake.value[0]) if quake.row.size else None,
        "magnitude_reported": float(magnitude.value[0]) if magnitude.row.size else None,
        "intensity_reported": float(intensity.value.max()) if intensity.row.size else None,
        "gauges": highest,
        "zones_flooded_actual": [int(z) for z in np.unique(now.rows("zone_flooded").subject)],
        "buildings_damaged_actual": int(np.unique(damage.subject).size),
        "buildings_collapsed_actual": int((damage.value >= 5).sum()),
    }


def _access(now: AsOf, names: Names) -> dict[str, Any]:
    closed, opened = now.rows("street_closed"), now.rows("street_opened")
    if not CLOSURES_KNOWN:
        told = now.rows("street_reported")
        closed, opened = told.where(told.object > 0), told.where(told.object <= 0)
    size = 1 + max(int(closed.subject.max(initial=-1)), int(opened.subject.max(initial=-1)))
    last_closed = last_of(closed.subject, closed.row, size, -1)
    last_opened = last_of(opened.subject, opened.row, size, -1)
    why = last_of(closed.subject, closed.object, size, 0)
    shut = np.flatnonzero(last_closed > last_opened)
    by_reason = {
        REASONS[int(code)]: {
            "sections": int((why[shut] == code).sum()),
            "streets": names.streets(shut[why[shut] == code], 5),
        }
        for code in np.unique(why[shut])
    }
    left = set(now.off("control_staffed", "control_left"))
    worked = {int(n) for n in np.unique(now.rows("control_staffed").subject)} - left
    manifest = now.view.manifest
    planned = len(manifest["controls"]) - len(manifest.get("venues", ()))
    return {
        "closed": by_reason, "controls_worked": [names.control(n) for n in sorted(worked)],
        "controls_planned": planned,
    }


def _casualties(now: AsOf) -> dict[str, Any]:
    """Reported: people in incidents called in, and what crews and hospitals did. A death is
    reported once a crew or a hospital had the person."""
    died, hurt = now.rows("person_died"), now.rows("person_hurt")
    trapped, freed = now.rows("person_trapped"), now.rows("person_rescued")
    seen = np.unique(np.concatenate([
        now.rows(k).subject for k in ("person_treated", "person_rescued", "transport_started",
                                      "person_admitted")
    ]))
    answered, opened = now.rows("call_answered"), now.rows("incident_opened")
    known = np.isin(opened.subject, answered.subject)
    dead = np.unique(died.subject)
    severe = np.setdiff1d(hurt.subject[hurt.value >= SEVERE], dead)
    still = np.setdiff1d(np.setdiff1d(trapped.subject, freed.subject), dead)
    wet = now.off("party_out_of_water", "party_in_water")
    return {
        "reported": {
            "incidents": int(np.unique(answered.subject).size),
            "people_in_need": int(opened.value[known].sum()),
            "dead": int(np.isin(dead, seen).sum()), "treated": now.count("person_treated"),
            "freed": int(np.unique(freed.subject).size),
            "admitted": int(np.unique(now.rows("person_admitted").subject).size),
        },
        "actual": {
            "dead": int(dead.size), "severely_hurt": int(severe.size), "trapped": int(still.size),
            "in_water": int(now.view.party_size[wet].sum()) if wet else 0,
            "dead_by_cause": {
                CAUSES[int(c)]: int((died.object == c).sum()) for c in np.unique(died.object)
            },
        },
    }


def _services(now: AsOf) -> list[dict[str, Any]]:
    """Units by kind: on a task, at control points, on the way out of the zone, free."""
    units = now.view.manifest["units"]
    rows = now.rows("unit_dispatched", "unit_withdrawn", "unit_available")
    step = np.where(
        rows.kind == KINDS.index(_kind("unit_dispatched")), np.where(rows.object >= 0, 1, 2),
        np.where(rows.kind == KINDS.index(_kind("unit_withdrawn")), 3, 0),
    )
    state = last_of(rows.subject, step, len(units), 0)
    out = []
    for kind in dict.fromkeys(u["kind"] for u in units):
        mine = [i for i, u in enumerate(units) if u["kind"] == kind]
        crew = sum(int(units[i].get("staff", 0)) for i in mine)
        out.append({
            "kind": kind, "units": len(mine), "staff": crew,
            "on_incidents": int((state[mine] == 1).sum()),
            "at_control_points": int((state[mine] == 2).sum()),
            "withdrawing": int((state[mine] == 3).sum()), "free": int((state[mine] == 0).sum()),
        })
    return out


def _kind(name: str) -> Any:
    return next(kind for kind in KINDS if kind.name == name)


def _incidents(now: AsOf) -> dict[str, Any]:
    """Incidents known, with a unit sent, closed; those that wait, and why."""
    answered, closed = now.rows("call_answered"), now.rows("incident_closed")
    sent, held = now.rows("unit_dispatched"), now.rows("dispatch_held")
    arrived = now.rows("unit_arrived")
    known = np.unique(answered.subject)
    size = 1 + max((int(r.max(initial=-1)) for r in (
        answered.subject, closed.subject, sent.object, held.subject)), default=-1)
    reopened = last_of(answered.subject, answered.row, size, -1)
    shut = last_of(closed.subject, closed.row, size, -1) > reopened
    open_now = known[~shut[known]] if known.size else known
    task = sent.where(sent.object >= 0)
    last_sent = last_of(task.object, task.row, size, -1)
    last_held = last_of(held.subject, held.row, size, -1)
    why = last_of(held.subject, held.object, size, 0)
    waits = open_now[last_held[open_now] > last_sent[open_now]] if known.size else known
    return {
        "known": int(known.size), "closed": int(known.size - open_now.size),
        "reached": int(np.intersect1d(known, arrived.object).size),
        "waiting": {
            REASONS[int(c)]: int((why[waits] == c).sum()) for c in np.unique(why[waits])
        },
    }


def _population(now: AsOf) -> dict[str, Any]:
    view = now.view
    zones = view.city.zones.x_m.size
    began, out = at_risk_by_zone(exits(view), zones, now.t_ms)
    issued = now.rows("order_issued")
    order = first_ms(issued.subject, issued.t_ms, zones)
    alerts = now.rows("party_alerted")
    warned = np.unique(alerts.subject[np.isin(alerts.value, _WARNED)])
    warned = warned[view.party_in_danger[warned]]
    share = float(view.manifest.get("population_share", 1.0))
    residents = np.rint(view.city.zones.population * share)
    arrived = now.rows("party_arrived")
    at_place = arrived.where(arrived.object >= 0)
    counted: dict[str, int] = {}
    for kind in ("shelter", "school", "meeting_point"):
        rows = [i for i, f in enumerate(view.manifest["facilities"]) if f["kind"] == kind]
        mine = np.isin(at_place.object, rows)
        counted[kind] = int(view.party_size[np.unique(at_place.subject[mine])].sum())
    trips = now.rows("pickup_set_out", "pickup_met", "pickup_missed")
    going = last_of(trips.subject, (trips.kind == KINDS.index(_kind("pickup_set_out"))).astype(np.int64),
                    view.party_zone.size, 0)
    worst = np.argsort(-(began - out), kind="stable")
    return {
        "ordered_zones": int((order < NEVER).sum()),
        "ordered_residents_reported": int(residents[order < NEVER].sum()),
        "counted_reported": counted,
        "at_risk_actual": int(began.sum()), "out_actual": int(out.sum()),
        "not_out_actual": int((began - out).sum()),
        "warned_actual": int(view.party_size[warned].sum()),
        "families_fetching_actual": int(going.sum()),
        "zones": [
            {"zone": int(z), "ordered_s": int(order[z]) / 1000 if order[z] < NEVER else None,
             "residents_reported": int(residents[z]), "at_risk_actual": int(began[z]),
             "out_actual": int(out[z]), "not_out_actual": int(began[z] - out[z])}
            for z in worst if began[z] > 0
        ],
    }


def _shelters(now: AsOf) -> dict[str, Any]:
    opened, full = now.rows("shelter_opened"), now.rows("shelter_full")
    arrived = now.rows("party_arrived")
    here = np.isin(arrived.object, opened.subject)
    places = dict(zip(opened.subject.tolist(), opened.value.tolist(), strict=True))
    return {
        "open": len(places), "places": int(sum(places.values())),
        "people": int(now.view.party_size[np.unique(arrived.subject[here])].sum()),
        "full": int(np.unique(full.subject).size),
    }


def _hospitals(now: AsOf) -> list[dict[str, Any]]:
    """Beds in use by this event; the beds free for it stand in the manifest."""
    rows, full = now.rows("person_admitted"), now.rows("hospital_full")
    out = []
    for number, place in enumerate(now.view.manifest["facilities"]):
        if place["kind"] != "hospital":
            continue
        mine = rows.value[rows.object == number]
        out.append({
            "facility": number, "beds_used": int(mine[-1]) if mine.size else 0,
            "beds_for_event": place.get("surge_beds"), "beds": int(place["capacity"]),
            "turned_away": int((full.subject == number).sum()),
        })
    return out


def _warning(now: AsOf, names: Names) -> dict[str, Any]:
    started, alerts = now.rows("channel_started"), now.rows("party_alerted")
    by_order = np.unique(alerts.subject[alerts.value == 1])
    by_word = np.setdiff1d(np.unique(alerts.subject[alerts.value == 2]), by_order)
    decided = np.unique(now.rows("party_decided").subject)
    refused = np.unique(now.rows("party_refused").subject)
    danger, size = now.view.party_in_danger, now.view.party_size

    def people(parties: Any) -> int:
        return int(size[parties[danger[parties]]].sum())

    return {
        "channels": [
            {"channel": names.channel(int(c)), "since_s": int(mine.t_ms.min()) / 1000,
             "zones": int(np.unique(mine.object).size)}
            for c in np.unique(started.subject)
            for mine in [started.where(started.subject == c)]
        ],
        "received_order_actual": people(by_order), "received_word_actual": people(by_word),
        "decided_to_leave_actual": people(decided), "refused_actual": people(refused),
    }


def _lifelines(now: AsOf, names: Names) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for service in ("power", "telecom"):
        dark = now.off(f"{service}_restored", f"{service}_lost")
        out[service] = {"zones_out": len(dark), "where": names.zone_share(dark) if dark else ""}
    return out
