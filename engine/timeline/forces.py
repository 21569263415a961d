"""Streets, posts, units and incidents in a situation report, as the command centre knows them."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.events import KIND_CODE, KINDS, REASONS
from engine.scoring.columns import last_of
from engine.timeline.asof import AsOf
from engine.timeline.names import POSTS, Names
from engine.timeline.view import CLOSURES_KNOWN

_BY_POLICE = REASONS.index("road closed by police")


def access(now: AsOf, names: Names) -> dict[str, Any]:
    """Streets known to be shut, and the posts worked by what they are there for.

    The plan's own closures are known at once: officers stand there. All other closures are known
    by report.
    """
    closed, opened = now.rows("street_closed"), now.rows("street_opened")
    if not CLOSURES_KNOWN:
        told = now.rows("street_reported")
        told = told.where(told.object != _BY_POLICE)
        ours = closed.where(closed.object == _BY_POLICE)
        by_reason = {**_shut(names, ours, opened),
                     **_shut(names, told.where(told.object > 0), told.where(told.object <= 0))}
    else:
        by_reason = _shut(names, closed, opened)
    left = set(now.off("control_staffed", "control_left"))
    worked = {int(n) for n in now.subjects("control_staffed")} - left
    posts: dict[str, dict[str, Any]] = {}
    first = 0
    for part in POSTS:
        rows = range(first, first + len(now.view.plan.get(part, ())))
        first = rows.stop
        if rows:
            posts[part] = {"planned": len(rows),
                           "worked": [names.control(n) for n in rows if n in worked]}
    return {"closed": by_reason, "posts": posts}


def _shut(names: Names, closed: Any, opened: Any) -> dict[str, dict[str, Any]]:
    """Streets whose last word is that they are closed, by reason."""
    size = 1 + max(int(closed.subject.max(initial=-1)), int(opened.subject.max(initial=-1)))
    last_closed = last_of(closed.subject, closed.row, size, -1)
    last_opened = last_of(opened.subject, opened.row, size, -1)
    why = last_of(closed.subject, closed.object, size, 0)
    shut = np.flatnonzero(last_closed > last_opened)
    return {
        REASONS[int(code)]: {
            "sections": int((why[shut] == code).sum()),
            "streets": names.streets(shut[why[shut] == code], 5),
        }
        for code in np.unique(why[shut])
    }


#: What a unit does after an event that names it; the last one counts.
_DOES = {
    "unit_dispatched": "on_incidents", "mission_ordered": "on_missions",
    "unit_withdrawn": "withdrawing", "unit_departed": "withdrawing", "unit_available": "free",
    "crew_on_foot": "cut_off",
}
DUTIES = ("on_incidents", "at_control_points", "on_missions", "withdrawing", "cut_off", "free")


def services(now: AsOf) -> list[dict[str, Any]]:
    """Units by kind: on a task, at posts, on errands for people who cannot leave alone, on the way
    out of the zone, cut off (the crew left the vehicle in the danger zone, or the water took it), free.

    Units of a neighbour count from when they reach the gate.
    """
    view = now.view
    units = view.manifest["units"]
    rows, moved = now.rows(*_DOES), now.view.moved_out.row
    rows = rows.where((rows.kind != KIND_CODE["unit_departed"]) | np.isin(rows.row, moved))
    does = np.array([DUTIES.index(_DOES.get(kind.name, "free")) for kind in KINDS], np.int64)
    step = does[rows.kind]
    post = (rows.kind == KIND_CODE["unit_dispatched"]) & (rows.object < 0)
    step[post] = DUTIES.index("at_control_points")
    state = last_of(rows.subject, step, len(units), DUTIES.index("free"))
    # Officers who drive home from a post of their own accord are not told as available.
    last = last_of(rows.subject, rows.row, len(units), -1)
    left = now.rows("control_left").row.max(initial=-1)
    if len(now.off("control_staffed", "control_left")) == now.subjects("control_staffed").size:
        over = (state == DUTIES.index("at_control_points")) & (last < left)
        state[over] = DUTIES.index("free")
    state[now.subjects("unit_caught")] = DUTIES.index("cut_off")
    aid = {str(lever["name"]) for lever in view.plan.get("mutual_aid", ())}
    there = np.array([str(u.get("station")) not in aid for u in units], np.bool_)
    there[now.subjects("aid_arrived")] = True
    out = []
    for kind in dict.fromkeys(u["kind"] for u in units):
        mine = [i for i, u in enumerate(units) if u["kind"] == kind and there[i]]
        crew = sum(int(units[i].get("staff", 0)) for i in mine)
        duty = {name: int((state[mine] == row).sum()) for row, name in enumerate(DUTIES)}
        out.append({"kind": kind, "units": len(mine), "staff": crew, **duty})
    return out


def incidents(now: AsOf) -> dict[str, Any]:
    """Incidents known, with a unit sent, closed; those that wait, why, and for which kind of unit."""
    answered, closed = now.rows("call_answered"), now.rows("incident_closed")
    sent, held = now.rows("unit_dispatched"), now.rows("dispatch_held")
    arrived = now.rows("unit_arrived")
    known = np.unique(answered.subject)
    size = 1 + max((int(r.max(initial=-1)) for r in (
        answered.subject, closed.subject, sent.object, held.subject, arrived.object)), default=-1)
    reopened = last_of(answered.subject, answered.row, size, -1)
    over = last_of(closed.subject, closed.row, size, -1) > reopened
    # Command learns that nobody is left from a crew there; where none came it does not.
    there = last_of(arrived.object[arrived.object >= 0], arrived.row[arrived.object >= 0], size, -1)
    shut = over & (there > reopened)
    open_now = known[~shut[known]] if known.size else known
    task = sent.where(sent.object >= 0)
    last_sent = last_of(task.object, task.row, size, -1)
    last_held = last_of(held.subject, held.row, size, -1)
    why = last_of(held.subject, held.object, size, 0)
    # Where nobody needs help any longer dispatch waits for nothing, whatever it was held for.
    needed = known[~over[known]] if known.size else known
    waits = needed[last_held[needed] > last_sent[needed]] if known.size else known
    trapped = _trapped(now)
    return {
        "known": int(known.size), "closed": int(known.size - open_now.size),
        "over_actual": int((over & ~shut)[known].sum()) if known.size else 0,
        "reached": int(np.intersect1d(known, arrived.object).size),
        "waiting": [
            {"reason": REASONS[int(c)], "incidents": int((why[waits] == c).sum()),
             "for": {kind: n for kind, n in (
                 ("fire_rescue", int(np.isin(waits[why[waits] == c], trapped).sum())),
                 ("ambulance", int((~np.isin(waits[why[waits] == c], trapped)).sum()))) if n}}
            for c in np.unique(why[waits])
        ],
    }


def _trapped(now: AsOf) -> Any:
    """Incidents about people trapped, as callers say, none of whom has been freed yet: these need a
    rescue crew first, all others an ambulance."""
    opened, freed = now.rows("incident_opened"), now.rows("person_rescued")
    cause = now.view.cause[opened.row]
    kind, who = now.view.codes["kind"].to_numpy(), now.view.codes["subject"].to_numpy()
    about = (cause >= 0) & (kind[cause] == KIND_CODE["person_trapped"])
    about &= ~np.isin(who[cause], freed.subject)
    return np.unique(opened.subject[about])
