"""The people in a situation report: hurt and dead, in and out of the danger zone, in shelters, in
hospitals.

*Reported* are people in calls, those whom crews, hospitals and clinics had, and the heads that shelters
count. Nobody counts at meeting points, on high ground or in the danger zone; those figures are the
run's own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.events import CAUSES, REASONS
from engine.scoring.columns import first_ms, last_of
from engine.scoring.context import NEVER
from engine.scoring.people import SEVERE
from engine.timeline.asof import AsOf
from engine.timeline.people import HOME, IN_CARE, INSIDE, OUT


def casualties(now: AsOf) -> dict[str, Any]:
    """Reported: people in incidents called in, and what crews and hospitals did. A death is
    reported once a crew or a hospital had the person."""
    died, hurt = now.rows("person_died"), now.rows("person_hurt")
    trapped, freed = now.rows("person_trapped"), now.rows("person_rescued")
    treated = now.rows("person_treated")
    admitted = now.subjects("person_admitted")
    by_crew = np.unique(treated.subject[treated.object >= 0])
    came, waits, kept = _at_doors(now)
    seen = np.unique(np.concatenate([
        treated.subject, freed.subject, admitted, now.subjects("transport_started")]))
    answered, opened = now.rows("call_answered"), now.rows("incident_opened")
    known = np.isin(opened.subject, answered.subject)
    dead = np.unique(died.subject)
    severe = np.setdiff1d(hurt.subject[hurt.value >= SEVERE], dead)
    still = np.setdiff1d(np.setdiff1d(trapped.subject, freed.subject), dead)
    return {
        "reported": {
            "incidents": int(np.unique(answered.subject).size),
            "people_in_need": int(opened.value[known].sum()),
            "dead": int(np.isin(dead, seen).sum()), "treated_on_scene": int(by_crew.size),
            "freed": int(np.unique(freed.subject).size), "admitted": int(admitted.size),
            "came_by_themselves": came, "wait_at_doors": waits, "kept_at_clinics": kept,
        },
        "actual": {
            "dead": int(dead.size), "severely_hurt": int(severe.size), "trapped": int(still.size),
            "trapped_and_severely_hurt": int(np.isin(still, severe).sum()),
            "in_water": now.people.count("in water"),
            "dead_by_cause": {
                CAUSES[int(c)]: int((died.object == c).sum()) for c in np.unique(died.object)
            },
        },
    }


def _at_doors(now: AsOf) -> tuple[int, int, int]:
    """People who have come to a hospital or clinic by themselves so far; those of them who wait at a
    door now, neither treated nor admitted nor taken on; the seriously hurt whom a clinic keeps."""
    trips = now.rows("self_referred")
    there = trips.t_ms + np.rint(1000 * trips.value).astype(np.int64) <= now.t_ms
    people = now.view.person_party.size
    last = last_of(trips.subject, trips.row, people, -1)
    over = now.rows("person_treated", "person_admitted", "transport_started", "person_died")
    done = last_of(over.subject, over.row, people, -1)
    waits = there & (trips.row == last[trips.subject]) & (done[trips.subject] < trips.row)
    hurt = now.rows("person_hurt")
    health = last_of(hurt.subject, np.rint(hurt.value).astype(np.int64), people, 0)
    clinic = np.array([place["kind"] == "clinic" for place in now.view.manifest["facilities"]], np.bool_)
    kept = waits & (health[trips.subject] >= SEVERE)
    kept[kept] = clinic[trips.object[kept]]
    return int(np.unique(trips.subject[there]).size), int((waits & ~kept).sum()), int(kept.sum())


def population(now: AsOf) -> dict[str, Any]:
    """Who began in the danger zone and where they are now; every zone that was ordered or had
    people at risk, those with most people inside first."""
    view, people = now.view, now.people
    zones = view.city.zones.x_m.size
    issued = now.rows("order_issued")
    order = first_ms(issued.subject, issued.t_ms, zones)
    share = float(view.manifest.get("population_share", 1.0))
    residents = np.rint(view.city.zones.population * share)
    began = people.by_zone(people.began, zones)
    out, inside, home = (people.by_zone(people.of(*names), zones) for names in (OUT, INSIDE, HOME))
    trips = now.last("pickup_set_out", "pickup_met", "pickup_missed")
    back = now.last("party_returning", "party_returned", "party_departed", "party_left_zone",
                    "party_arrived", "party_in_refuge", "party_going_home")
    been = np.unique(now.subjects("party_returned"))
    returning = [n for n, kind in back.items() if kind == "party_returning"]
    worst = np.lexsort((-residents, -inside))
    return {
        "ordered_zones": int((order < NEVER).sum()),
        "ordered_residents_reported": int(residents[order < NEVER].sum()),
        "began_actual": int(began.sum()), "out_actual": int(out.sum()),
        "inside_actual": int(inside.sum()), "home_actual": int(home.sum()),
        "in_care_actual": int((people.began & people.of(*IN_CARE)).sum()),
        "dead_actual": int((people.began & people.of("dead")).sum()),
        "came_in_actual": int((~people.began & people.of(*INSIDE)).sum()),
        "at_places_actual": {
            "high ground": people.count("safe on high ground"),
            "meeting points": people.count("safe at meeting point"),
            "shelters": people.count("safe at shelter"),
            "vertical refuges": people.count("safe in vertical refuge"),
        },
        "no_place_actual": int(view.party_size[np.unique(now.subjects("party_no_place"))].sum()),
        "cut_off_actual": people.count("cut off by water in a building"),
        "been_back_actual": int(view.party_size[been].sum()),
        "back_inside_actual": people.count("back inside danger zone"),
        "on_the_way_back_actual": int(view.party_size[returning].sum()) if returning else 0,
        "at_home_actual": people.count(HOME[0]), "on_the_way_home_actual": people.count(HOME[1]),
        "families_fetching_actual": sum(kind == "pickup_set_out" for kind in trips.values()),
        "zones": [
            {"zone": int(z), "ordered_s": int(order[z]) / 1000 if order[z] < NEVER else None,
             "residents_reported": int(residents[z]), "began_actual": int(began[z]),
             "out_actual": int(out[z]), "inside_actual": int(inside[z]),
             "home_actual": int(home[z])}
            for z in worst if began[z] > 0 or order[z] < NEVER
        ],
    }


def shelters(now: AsOf) -> dict[str, Any]:
    """Shelters open and the people in them at this moment, as their staff count heads."""
    opened = now.rows("shelter_opened")
    places = {int(n): int(v) for n, v in zip(opened.subject, opened.value, strict=True)}
    inside = now.people.of("safe at shelter")
    heads = np.bincount(now.people.facility[inside], minlength=max(places, default=0) + 1)
    return {
        "open": len(places), "places": sum(places.values()), "people": int(inside.sum()),
        "full": sum(int(heads[n]) >= size for n, size in places.items()),
    }


def hospitals(now: AsOf) -> list[dict[str, Any]]:
    """Beds in use by this event, the beds free for it, and whether patients are taken."""
    rows, full = now.rows("person_admitted"), now.rows("hospital_full")
    state = now.last("hospital_shut", "hospital_opened")
    shut = now.rows("hospital_shut")
    why = last_of(shut.subject, shut.object, len(now.view.manifest["facilities"]), 0)
    out = []
    for number, place in enumerate(now.view.manifest["facilities"]):
        if place["kind"] != "hospital":
            continue
        mine = rows.value[rows.object == number]
        closed = state.get(number) == "hospital_shut"
        outside = place.get("inside_line", False) and now.line_shut_ms()
        barred = outside is not None and outside is not False and outside <= now.t_ms
        out.append({
            "facility": number, "beds_used": int(mine[-1]) if mine.size else 0,
            "beds_for_event": place.get("surge_beds"), "beds": int(place["capacity"]),
            "turned_away": int((full.subject == number).sum()),
            "shut": REASONS[int(why[number])] if closed else
            "inside the exclusion line until the all-clear" if barred else None,
        })
    return out
