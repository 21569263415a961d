"""What comes next, as a duty officer would list it: steps of the plan that are due, what runs out.

Predictions use the plan and what command knows; the pace of the evacuation is the run's own figure
and is marked actual.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.timeline.asof import AsOf
from engine.timeline.forces import access
from engine.timeline.names import Names, count
from engine.timeline.people import flow
from engine.timeline.view import RunView

PACE_MS = 1_800_000  #: the pace is that of the last half hour


def outlook(now: AsOf, names: Names) -> list[dict[str, Any]]:
    """Steps expected after the moment: {at_s or None, text, reported}."""
    view, t_ms = now.view, now.t_ms
    out: list[dict[str, Any]] = []

    def step(at_ms: float | None, text: str, reported: bool = True) -> None:
        out.append({"at_s": None if at_ms is None else at_ms / 1000, "text": text,
                    "reported": reported})

    decided = now.rows("order_decided")
    if decided.row.size == 0:
        trigger = view.plan["order"]["trigger"]
        step(None, f"No order yet. The plan's trigger: {_trigger(trigger)}." if trigger
             else "The plan has no evacuation order.")
    elif now.rows("all_clear").row.size:
        _return(now, names, step)
    else:
        _while_standing(now, names, int(decided.t_ms[0]), step)
        _all_clear(now, int(decided.t_ms[0]), step)
        _pace(view, t_ms, step)
    return sorted(out, key=lambda s: np.inf if s["at_s"] is None else s["at_s"])


def _return(now: AsOf, names: Names, step: Any) -> None:
    """After the all-clear: which ordered zones are open, which stay shut, the search."""
    ordered = {int(z) for z in now.subjects("order_issued")}
    turn = now.last("return_opened", "return_held")
    held = sorted(z for z in ordered if turn.get(z) == "return_held")
    waiting = sorted(z for z in ordered if z not in turn)
    if waiting:
        step(None, f"Return: {count(len(waiting), 'zone waits', 'zones wait')} for the turn that the plan "
                   "gives.")
    if held:
        step(None, f"Kept shut until safe: {names.zones(held, 6)}.")
    step(None, "Search of the flooded zones goes on." if now.view.scenario.get("tsunami")
         else "Search goes on.")


def _trigger(trigger: dict[str, Any]) -> str:
    words = {
        "intensity_mmi": "intensity {} or more", "magnitude": "magnitude {} or more",
        "gauge_m": "{} m at a tide gauge", "at_s": "{:.0f} s after the start",
    }
    parts = [words.get(k, k + " {}").format(v) for k, v in trigger.items() if v is not None]
    return ", or ".join(parts)


def _while_standing(now: AsOf, names: Names, decided_ms: int, step: Any) -> None:
    view, t_ms, plan = now.view, now.t_ms, now.view.plan
    out_ms = _confirmed_ms(view, decided_ms, t_ms) + 1000 * float(plan["order"]["delay_s"])
    if out_ms - 1000 * float(plan["order"]["delay_s"]) > t_ms:
        step(out_ms - 1000 * float(plan["order"]["delay_s"]), "The order is confirmed.")
    # A census zone goes out whole: an area none of whose zones is told under it is not announced.
    told = np.unique(view.rows("order_issued").object)
    areas = [zone for row, zone in enumerate(plan["order"]["zones"]) if told.size == 0 or row in told]
    for zone in areas:
        due = out_ms + 1000 * float(zone.get("offset_s", 0.0))
        if due > t_ms:
            step(due, f"Order to leave goes out for area '{zone['name']}'.")
    # Shelters, meeting points and refuges open so long after the first area is told.
    out_ms += 1000 * min((float(zone.get("offset_s", 0.0)) for zone in areas), default=0.0)
    destinations = plan["destinations"]
    opens = out_ms + 1000 * float(destinations["shelter_open_s"])
    if destinations["shelters"] and opens > t_ms:
        step(opens, "Shelters open.")
    for point in plan.get("meeting_points", []):
        if point["open_s"] is not None and out_ms + 1000 * float(point["open_s"]) > t_ms:
            step(out_ms + 1000 * float(point["open_s"]),
                 f"{point['facility'] or point['name']} opens as a meeting point.")
    for refuge in plan.get("vertical_refuges", []):
        if out_ms + 1000 * float(refuge["open_s"]) > t_ms:
            step(out_ms + 1000 * float(refuge["open_s"]), f"{refuge['name']} opens as a refuge.")
    manned = access(now, names)["posts"].get("closures", {"worked": []})["worked"]
    for closure in plan["closures"]:
        shut_ms, open_ms = (decided_ms + 1000 * float(closure[key]) for key in ("from_s", "to_s"))
        if shut_ms > t_ms:
            step(shut_ms, f"{closure['name']}: to be closed to vehicles entering, if officers are there.")
        if open_ms > t_ms and closure["name"] in manned:
            step(open_ms, f"{closure['name']}: open again to vehicles entering.")
    lost = view.rows("power_lost")
    lost = lost.where(lost.t_ms <= t_ms)
    for row, channel in enumerate(plan["channels"]):
        if channel.get("battery_s") and lost.row.size:
            empty = int(lost.t_ms.min()) + 1000 * float(channel["battery_s"])
            if empty > t_ms:
                step(empty, f"Batteries of the {names.channel(row)} are empty where the mains are off.")


def _all_clear(now: AsOf, decided_ms: int, step: Any) -> None:
    """The soonest time at which the plan and the sea so far allow the order's end."""
    clear, sea = now.view.plan["all_clear"], now.view.manifest["gauges"]
    cancelled = now.first_ms("alert_cancelled")
    quiet = ""
    if cancelled is None:
        at = max(decided_ms + 1000 * float(clear["earliest_s"]), float(now.t_ms))
        if sea:
            quiet = f", if no gauge passed {clear['gauge_m']} m in the hour before"
    else:
        at = float(cancelled)
    at = max(at + 1000 * float(clear.get("confirmation_s", 0.0)), float(now.t_ms))
    local = now.view.local(int(at))
    late_h = float(clear.get("earliest_hour", 0.0)) - (
        local.hour + local.minute / 60 + local.second / 3600)
    at += 3_600_000 * max(late_h, 0.0)
    step(at, f"All clear at the earliest{quiet}.")
    for phase in clear.get("return_phases", ()):
        step(at + 1000 * float(phase.get("offset_s", 0.0)),
             f"Return to area '{phase['name']}' at the earliest.")
    if sea:
        step(None, "Further waves, possibly higher ones, are to be expected until the all-clear; "
                   "nobody is to go back before it.")


def _confirmed_ms(view: RunView, decided_ms: int, t_ms: int) -> float:
    """When those who answer for the order confirm it; a person's own order needs no confirming."""
    done = view.rows("order_confirmed")
    done = done.where(done.t_ms <= t_ms)
    if done.row.size:
        return float(done.t_ms[0])
    order = view.plan["order"]
    decided = int(view.rows("order_decided").row[0])
    by_hand = int(view.cause[decided]) in view.rows("input_applied").row
    waits = order.get("authority") == "confirmed" and not by_hand
    return decided_ms + (1000 * float(order["confirmation_s"]) if waits else 0.0)


def _pace(view: RunView, t_ms: int, step: Any) -> None:
    """When nine in ten would be out at the pace of the last half hour, returns taken off."""
    found = flow(view)
    out = found.at(t_ms)
    lately = out - found.at(t_ms - PACE_MS)
    missing = 0.9 * found.total - out
    if found.total == 0 or missing <= 0:
        return
    if lately <= 0:
        step(None, "During the last half hour no more people left the danger zone than went back "
                   "in.", False)
        return
    at = t_ms + missing / lately * min(PACE_MS, max(t_ms, 1))
    pace = f"at the pace of the last half hour ({lately:,} people more)"
    if at - t_ms > 12 * 3_600_000:
        step(None, f"Nine in ten are not out within twelve hours {pace}.", False)
        return
    step(at, f"Nine in ten out of the danger zone, {pace}.", False)
