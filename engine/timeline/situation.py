"""The situation at one moment: what the command centre knows, and beside it what is so.

*Reported* figures come from what reached command by then: its own decisions and units, instruments,
calls answered, crews on scene, hospitals, shelters, utilities and the roads it knows shut.
*Actual* figures are the run's own and stand beside them, marked, so that an exercise can compare
the two. Residents of an area are the census; how many of them left is not reported by anybody.
Every figure is that of the moment: who has gone back or home is counted there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.events import KIND_CODE, KINDS, REASONS
from engine.scoring.columns import last_of
from engine.scoring.context import NEVER
from engine.timeline.asof import AsOf
from engine.timeline.command_told import prediction_basis
from engine.timeline.forces import access, incidents, services
from engine.timeline.names import Names
from engine.timeline.outlook import outlook
from engine.timeline.population import casualties, hospitals, population, shelters
from engine.timeline.view import RunView


def situation(view: RunView, names: Names, t_ms: int) -> dict[str, Any]:
    """Every figure of a situation report at `t_ms`, ready for JSON."""
    now = AsOf(view, t_ms)
    return {
        "t_s": t_ms / 1000, "local": view.local(t_ms).isoformat(),
        "declared": _declared(now), "hazard": _hazard(now, names), "access": access(now, names),
        "casualties": casualties(now), "services": services(now), "incidents": incidents(now),
        "population": population(now), "shelters": shelters(now), "hospitals": hospitals(now),
        "warning": _warning(now, names), "lifelines": _lifelines(now, names),
        "outlook": outlook(now, names),
    }


def _seconds(t_ms: int | None) -> float | None:
    return None if t_ms is None else t_ms / 1000


def _declared(now: AsOf) -> dict[str, Any] | None:
    rows = now.rows("order_decided")
    if rows.row.size == 0:
        return None
    cause = int(now.view.cause[rows.row[0]])
    kind = KINDS[int(now.view.codes["kind"].iloc[cause])].name if cause >= 0 else ""
    issued = now.rows("order_issued")
    ordered = np.unique(issued.subject)
    held, turn = now.rows("return_held"), now.last("return_opened", "return_held")
    why = last_of(held.subject, held.object, now.view.city.zones.x_m.size, 0)
    opened = [int(z) for z in ordered if turn.get(int(z)) == "return_opened"]
    shut = [int(z) for z in ordered if turn.get(int(z)) == "return_held"]
    return {
        "t_s": int(rows.t_ms[0]) / 1000, "basis": kind,
        "confirmed_s": _seconds(now.first_ms("order_confirmed")),
        "order_out_s": int(issued.t_ms.min()) / 1000 if issued.row.size else None,
        "zones_ordered": [int(z) for z in ordered],
        "alert_cancelled_s": _seconds(now.first_ms("alert_cancelled")),
        "lifted_s": _seconds(now.first_ms("all_clear")),
        "zones_opened": opened,
        "zones_held": {REASONS[int(c)]: [z for z in shut if why[z] == c] for c in np.unique(why[shut])}
        if shut else {},
    }


def _hazard(now: AsOf, names: Names) -> dict[str, Any]:
    quake, magnitude = now.rows("earthquake"), now.rows("magnitude_reported")
    intensity, predicted = now.rows("intensity_reported"), now.predicted()
    basis = [prediction_basis(now.view, int(row)) for row in predicted.row]
    # Once the gauge is disturbed the forecast is what it was before.
    forecast = max((n for n, kind in enumerate(basis) if kind != "gauge_reported"), default=-1)
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
    answered, opened = now.rows("call_answered"), now.rows("incident_opened")
    # What a caller says of a building is that people are trapped in it.
    cause = now.view.cause[opened.row]
    trapped = (cause >= 0) & (
        now.view.codes["kind"].to_numpy()[cause] == KIND_CODE["person_trapped"])
    called = np.isin(opened.subject, answered.subject) & trapped
    streets = now.rows("street_reported")
    wet = np.unique(streets.subject[streets.object == REASONS.index("road under water")])
    held = now.rows("return_held")
    surveyed = held.where(held.object == REASONS.index("buildings destroyed"))
    return {
        "earthquake": float(quake.value[0]) if quake.row.size else None,
        "magnitude_reported": float(magnitude.value[0]) if magnitude.row.size else None,
        "intensity_reported": float(intensity.value.max()) if intensity.row.size else None,
        "arrival_predicted_s": float(predicted.value[forecast]) if predicted.row.size else None,
        "arrival_basis": basis[forecast] if basis else None,
        "gauges": highest,
        "buildings_called_from": int(np.unique(opened.object[called]).size),
        "streets_under_water_reported": int(wet.size),
        "zones_destroyed_reported": [int(z) for z in np.unique(surveyed.subject)],
        "shaking_actual": _shaking(now),
        "zones_flooded_actual": [int(z) for z in np.unique(now.rows("zone_flooded").subject)],
        "buildings_damaged_actual": int(np.unique(damage.subject).size),
        "buildings_collapsed_actual": int((damage.value >= 5).sum()),
    }


def _shaking(now: AsOf) -> list[dict[str, Any]]:
    """The strongest shaking in each municipality, peak ground acceleration in g."""
    shaken = now.rows("zone_shaken")
    town, towns = now.view.city.zone_municipality
    out = []
    for number, name in enumerate(towns):
        mine = shaken.where(town[shaken.subject] == number)
        if mine.row.size:
            best = int(np.argmax(mine.value))
            out.append({"municipality": name, "zone": int(mine.subject[best]),
                        "pga_g": float(mine.value[best])})
    return sorted(out, key=lambda row: -row["pga_g"])


def _warning(now: AsOf, names: Names) -> dict[str, Any]:
    started, alerts = now.rows("channel_started"), now.rows("party_alerted")
    by_order = np.unique(alerts.subject[alerts.value == 1])
    by_word = np.setdiff1d(np.unique(alerts.subject[alerts.value == 2]), by_order)
    last = now.last("party_decided", "party_refused")
    decided = np.array([n for n, kind in last.items() if kind == "party_decided"], np.int64)
    refused = np.array([n for n, kind in last.items() if kind == "party_refused"], np.int64)
    danger, size = now.view.party_in_danger, now.view.party_size
    rumour, leaders = now.rows("rumour_noticed"), now.rows("leaders_called")

    def people(parties: Any) -> int:
        return int(size[parties[danger[parties]]].sum())

    return {
        "channels": [
            {"channel": names.channel(int(c)), "since_s": int(mine.t_ms.min()) / 1000,
             "outside_since_s": _cars_out_s(now, int(c)),
             "zones": int(np.unique(mine.object).size), **_silent(now, int(c), mine.object)}
            for c in np.unique(started.subject)
            for mine in [started.where(started.subject == c)]
        ],
        "leaders_acknowledged": int(leaders.value.sum()),
        "leaders_zones": int(np.unique(leaders.subject).size),
        "rumour_noticed_s": int(rumour.t_ms[0]) / 1000 if rumour.row.size else None,
        "rumour_share_actual": float(rumour.value[-1]) if rumour.row.size else None,
        "rumour_denied_s": _seconds(now.first_ms("rumour_denied")),
        "received_order_actual": people(by_order), "received_word_actual": people(by_word),
        "decided_to_leave_actual": people(decided), "refused_actual": people(refused),
    }


def _cars_out_s(now: AsOf, channel: int) -> float | None:
    """Since when loudspeaker cars have been outside the exclusion line; None where they are not."""
    shut_ms = now.line_shut_ms()
    cars = now.view.plan["channels"][channel]["kind"] == "loudspeaker"
    waves = now.predicted().row.size > 0
    return shut_ms / 1000 if cars and waves and shut_ms is not None and shut_ms <= now.t_ms else None


def _silent(now: AsOf, channel: int, zones: Any) -> dict[str, Any]:
    """Zones where a channel has fallen silent, as command can tell from the outages, its batteries
    (`Channel.battery_s`) and the fuel that was brought."""
    lever = now.view.plan["channels"][channel]
    kind, battery_s = lever["kind"], float(lever.get("battery_s") or 0.0)
    if kind not in ("siren", "cell_broadcast"):
        return {"zones_silent": 0, "silent_since_s": None}
    size = now.view.city.zones.x_m.size
    lost, fuel = now.rows("power_lost"), now.rows("channel_fuelled")
    since = last_of(lost.subject, lost.t_ms, size, NEVER)
    dark = np.zeros(size, np.bool_)
    dark[now.off("power_restored", "power_lost")] = True
    more = np.zeros(size)
    mine = fuel.object == channel
    np.add.at(more, fuel.subject[mine], 3_600_000 * fuel.value[mine])
    empty_ms = np.where(dark, since + 1000 * battery_s + more, NEVER)
    silent_ms = empty_ms.copy()
    if kind == "cell_broadcast":
        mute = now.rows("telecom_lost")
        gone = np.zeros(size, np.bool_)
        gone[now.off("telecom_restored", "telecom_lost")] = True
        mute_ms = last_of(mute.subject, mute.t_ms, size, NEVER)
        silent_ms = np.where(gone, np.minimum(empty_ms, mute_ms), empty_ms)
    here = silent_ms[np.unique(zones)]
    here = here[here <= now.t_ms]
    return {"zones_silent": int(here.size),
            "silent_since_s": float(here.min()) / 1000 if here.size else None}


def _lifelines(now: AsOf, names: Names) -> dict[str, Any]:
    """Zones without electricity or telephones, and the customers (households) there."""
    city = now.view.city
    share = float(now.view.manifest.get("population_share", 1.0))
    homes = np.bincount(city.buildings.zone[city.households.building], minlength=city.zones.x_m.size)
    out: dict[str, Any] = {}
    for service in ("power", "telecom"):
        dark = now.off(f"{service}_restored", f"{service}_lost")
        out[service] = {"zones_out": len(dark), "where": names.zone_share(dark) if dark else "",
                        "customers": round(share * int(homes[dark].sum())) if dark else 0}
    return out
