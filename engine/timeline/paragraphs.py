"""Parts of a situation report as text: the order, place, hazard, streets, services, warning."""

from __future__ import annotations

from typing import Any

from engine.timeline.layout import actual, clock
from engine.timeline.names import UNIT_WORDS, Names, count, degree, shut_by
from engine.timeline.places import rumour_says
from engine.timeline.view import RunView

_BASIS = {
    "intensity_reported": "on the reported intensity",
    "magnitude_reported": "on the reported magnitude", "gauge_reported": "on the tide gauge",
    "input_applied": "by hand",
}
#: What officers' posts are there for, by the part of the plan: (one, many).
_POSTS = {
    "control_points": ("control point", "control points"),
    "closures": ("closure of streets", "closures of streets"),
    "pedestrian_streets": ("street for walkers", "streets for walkers"),
    "one_way_streets": ("one-way street", "one-way streets"),
    "contraflow": ("contraflow", "contraflows"), "inbound_ban": ("inbound ban", "inbound bans"),
}
DECISIONS_SHOWN = 12


def declared(view: RunView, names: Names, s: dict[str, Any]) -> list[str]:
    """Who declared it when and why, and how the order stands."""
    d = s["declared"]
    if d is None:
        return ["Not declared; no order has been given."]
    basis = _BASIS.get(d["basis"], "at the time set in the plan")
    out = [f"Declared {clock(view, d['t_s'])} by {names.departments.command} {basis}."]
    confirmed = (f", confirmed {clock(view, d['confirmed_s'])}"
                 if d["confirmed_s"] is not None else "")
    if d["order_out_s"] is None:
        out.append(f"Order to leave decided{confirmed}, not yet out.")
    elif d["lifted_s"] is None:
        out.append(f"ORDER TO LEAVE IN FORCE since {clock(view, d['order_out_s'])}{confirmed}; "
                   f"{count(len(d['zones_ordered']), 'zone')}.")
        if d["alert_cancelled_s"] is not None:
            out.append(f"Alert cancelled {clock(view, d['alert_cancelled_s'])} "
                       f"({names.departments.warning}); the order stands until "
                       f"{names.departments.command} lifts it.")
    else:
        cancelled = (f"; alert cancelled {clock(view, d['alert_cancelled_s'])} "
                     f"({names.departments.warning})" if d["alert_cancelled_s"] is not None else "")
        out.append(f"ORDER LIFTED {clock(view, d['lifted_s'])}{cancelled}; it had been out since "
                   f"{clock(view, d['order_out_s'])} in {count(len(d['zones_ordered']), 'zone')}.")
        held = [f"{names.zones(zones, 6)} ({why})" for why, zones in d["zones_held"].items()]
        out.append(f"Return open in {len(d['zones_opened']):,} of them"
                   + (f"; kept shut: {'; '.join(held)}." if held else "."))
    return out


def location(view: RunView, names: Names, s: dict[str, Any]) -> list[str]:
    """Where the danger is and which areas are ordered."""
    areas = []
    for area in view.scenario["danger_zone"]:
        parts = []
        if area.get("below_m") is not None:
            parts.append(f"ground below {area['below_m']:g} m")
        if area.get("within"):
            w = area["within"]
            parts.append(f"{w['radius_m']:,.0f} m round {w['lat']:.4f}, {w['lon']:.4f}")
        if area.get("municipality"):
            parts.append(f"in {area['municipality']}")
        areas.append(" ".join(parts))
    out = [f"{view.manifest['city']['title']}. Danger zone: {'; '.join(areas)}."]
    if s["declared"] and s["declared"]["zones_ordered"]:
        ordered = s["declared"]["zones_ordered"]
        out.append(f"Ordered to leave: {names.zone_share(ordered)}.")
    return out


def kind(view: RunView, names: Names, s: dict[str, Any]) -> list[str]:
    """What happened, as the instruments report it."""
    h, out = s["hazard"], []
    if h["earthquake"] is not None:
        known = []
        if h["magnitude_reported"] is not None:
            known.append(f"magnitude {h['magnitude_reported']:.1f}")
        if h["intensity_reported"] is not None:
            known.append(f"highest intensity {degree(h['intensity_reported'])} (Modified Mercalli)")
        strongest = ", ".join(f"{row['pga_g']:.2f} g in {names.zone(row['zone'])}"
                              for row in h["shaking_actual"])
        out.append(f"Earthquake at {view.hhmm(0)}, "
                   f"{' and '.join(known) + ' reported' if known else 'no figures reported yet'}."
                   + (f" {actual('strongest shaking ' + strongest)}" if strongest else ""))
    if h["arrival_predicted_s"] is not None:
        due = clock(view, h["arrival_predicted_s"])
        ahead = not h["gauges"] and h["arrival_predicted_s"] > s["t_s"]
        out.append(f"Tsunami: first wave {'expected' if ahead else 'had been expected'} "
                   + _expected(names, h["arrival_basis"], due)
                   + f"{'' if h['gauges'] else '; no height is forecast'}.")
    for name, g in h["gauges"].items():
        out.append(f"Tide gauge {name}: disturbed since {clock(view, g['first_s'])}, "
                   f"highest {g['highest_m']:.1f} m at {clock(view, g['highest_s'])}.")
    if view.scenario.get("tsunami") and not h["gauges"]:
        out.append("No tide gauge has reported a disturbed sea so far.")
    return out or [f"{view.manifest['scenario']['title']}."]


def _expected(names: Names, basis: str | None, due: str) -> str:
    if basis == "intensity_reported":
        return f"from {due} on, by the rule for strong shaking"
    if basis == "gauge_reported":
        return f"{due}, when the tide gauge was disturbed"
    return f"{due} ({names.departments.warning})"


def hazards(view: RunView, names: Names, s: dict[str, Any]) -> list[str]:
    """Water on land, damage, lifelines: what was reported, and beside it what is so."""
    h, out = s["hazard"], []
    wet = h["zones_flooded_actual"]
    closed = s["access"]["closed"]
    if view.scenario.get("tsunami"):
        street = closed.get("road under water")
        before = h["streets_under_water_reported"]
        told = (f"reported on {count(street['sections'], 'street section')} "
                f"({street['streets']}); its extent is not surveyed." if street else
                f"none reported now; {count(before, 'street section')} earlier, open again since."
                if before else "no street has been reported under water.")
        out.append(f"Water on land: {told} " + actual(
            f"reached {count(len(wet), 'zone')} so far; {names.zones(wet, 4)}" if wet else
            "none so far"))
    if h["buildings_damaged_actual"] or h["buildings_called_from"]:
        known = []
        if h["buildings_called_from"]:
            known.append("callers tell of people trapped in "
                         f"{count(h['buildings_called_from'], 'building')}")
        bridge = closed.get("bridge damaged")
        if bridge:
            known.append(f"bridges shut on {count(bridge['sections'], 'section')}")
        if h["zones_destroyed_reported"]:
            known.append(f"too many houses destroyed in {names.zones(h['zones_destroyed_reported'])}")
        out.append(f"Damage: {', '.join(known) or 'none reported'}; no survey of buildings. " + actual(
            f"{count(h['buildings_damaged_actual'], 'building')} damaged by shaking, "
            f"{h['buildings_collapsed_actual']:,} collapsed"))
    for service, row in s["lifelines"].items():
        if row["zones_out"]:
            what = "electricity" if service == "power" else "telephones"
            out.append(f"No {what}: {count(row['customers'], 'household')}; {row['where']}.")
    return out or ["None reported."]


def _lifted(s: dict[str, Any]) -> bool:
    return s["declared"] is not None and s["declared"]["lifted_s"] is not None


def access(view: RunView, names: Names, s: dict[str, Any]) -> list[str]:
    """Streets known to be shut, and what officers hold."""
    a = s["access"]
    out = []
    for why, row in sorted(a["closed"].items(), key=lambda kv: -kv[1]["sections"]):
        by = (f"Closed by {names.departments.police}" if why == "road closed by police"
              else f"Closed, {shut_by(why)}")
        out.append(f"{by}: {count(row['sections'], 'section')}; {row['streets']}.")
    out = out or ["No street is known to be closed."]
    posts = a["posts"]
    planned = sum(row["planned"] for row in posts.values())
    if planned and _lifted(s) and not any(row["worked"] for row in posts.values()):
        return [*out, f"{names.departments.police}: {'the post is' if planned == 1 else 'all posts are'} "
                      "left."]
    for part, row in posts.items():
        one, many = _POSTS[part]
        worked = ", ".join(row["worked"])
        out.append(f"{names.departments.police}: {len(row['worked'])} of "
                   f"{count(row['planned'], one, many)} manned{f': {worked}' if worked else ''}.")
    return out


def services(view: RunView, names: Names, s: dict[str, Any]) -> list[str]:
    """Units by kind, and incidents that wait with what they wait for."""
    out = [f"{'service':<27}{'units':>6}{'staff':>6}{'scene':>6}{'posts':>6}{'trips':>6}"
           f"{'leaving':>8}{'cut off':>8}{'free':>6}"]
    for row in s["services"]:
        word = UNIT_WORDS.get(row["kind"], ("", row["kind"].replace("_", " ")))[1]
        service = names.service(row["kind"])
        staff = f"{row['staff']:,}" if row["staff"] else "-"
        out.append(
            f"{f'{word} ({service})' if service else word:<27.27}{row['units']:>6}{staff:>6}"
            f"{row['on_incidents']:>6}{row['at_control_points']:>6}{row['on_missions']:>6}"
            f"{row['withdrawing']:>8}{row['cut_off']:>8}{row['free']:>6}"
        )
    i = s["incidents"]
    line = f"Incidents known {i['known']:,}, reached {i['reached']:,}, closed {i['closed']:,}."
    if i["over_actual"]:
        line += " " + actual(f"at {i['over_actual']:,} more nobody needs help any longer")
    out.append(line)
    for row in i["waiting"]:
        parts = []
        for unit, n in row["for"].items():
            one = UNIT_WORDS[unit][0]
            why = f"no {one} free" if row["reason"] == "no unit free" else row["reason"]
            parts.append(f"{count(n, 'incident waits', 'incidents wait')} for "
                         f"{f'an {one}' if one[0] in 'aeiou' else f'a {one}'} ({why})")
        out.append(f"Needs: {'; '.join(parts)}.")
    return out


def warning(view: RunView, names: Names, s: dict[str, Any]) -> list[str]:
    """Channels that carry the order or have fallen silent; the rumour; who heard."""
    w = s["warning"]
    since = []
    for c in w["channels"]:
        text = f"{c['channel']} since {clock(view, c['since_s'])}, by now in {count(c['zones'], 'zone')}"
        if c["outside_since_s"] is not None:
            text += f", outside the exclusion line alone since {clock(view, c['outside_since_s'])}"
        if c["zones_silent"]:
            late = c["silent_since_s"] > c["since_s"]
            first = f"first at {clock(view, c['silent_since_s'])}; " if late else ""
            network = ", or no network" if c["channel"] == "cell broadcast" else ""
            text += (f", {'by now silent' if late else 'silent'} in {c['zones_silent']:,} of them "
                     f"({first}mains off and batteries empty{network})")
        since.append(text)
    line = "; ".join(since) or "no channel carries an order"
    if _lifted(s):
        return [f"The order is lifted. It had been carried by {line}.", _received(w)]
    out = [f"{line[:1].upper()}{line[1:]}."]
    if w["leaders_zones"]:
        out.append(f"Street leaders: {w['leaders_acknowledged']:,} acknowledged, called in "
                   f"{count(w['leaders_zones'], 'zone')}.")
    if w["rumour_noticed_s"] is not None:
        denied = (f"denied since {clock(view, w['rumour_denied_s'])}"
                  if w["rumour_denied_s"] is not None else "not denied so far")
        out.append(f"A rumour goes round, noticed {clock(view, w['rumour_noticed_s'])}: "
                   f"{rumour_says(view.scenario['rumour']['kind'])}; {denied}. "
                   + actual(f"{100 * w['rumour_share_actual']:.0f} % had heard it by then"))
    return [*out, _received(w)]


def _received(w: dict[str, Any]) -> str:
    return "Who received it is not reported. " + actual(
        f"in the danger zone the order itself reached {w['received_order_actual']:,}, only word of "
        f"it {w['received_word_actual']:,}; by their last decision {w['decided_to_leave_actual']:,} leave "
        f"or have left, {w['refused_actual']:,} stay")


def decisions(view: RunView, names: Names, s: dict[str, Any]) -> list[str]:
    """What was decided since the last report."""
    told = s.get("decisions", [])
    rest = len(told) - DECISIONS_SHOWN
    lines = [f"{clock(view, row['t_s'])} {row['text']}" for row in told[:DECISIONS_SHOWN]]
    if rest > 0:
        lines.append(f"{rest:,} more in the log.")
    return lines or ["Nothing decided since the last report."]


def outlook(view: RunView, names: Names, s: dict[str, Any]) -> list[str]:
    """What comes next."""
    return [
        (f"{clock(view, row['at_s'])} " if row["at_s"] is not None else "") + row["text"]
        + ("" if row["reported"] else " [actual pace]")
        for row in s["outlook"]
    ]
