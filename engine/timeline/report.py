"""Situation reports and log lines as text of 100 columns, in the order of METHANE.

Major incident declared, Exact location, Type, Hazards, Access, Number of casualties, Emergency
services (JESIP joint doctrine), then population, shelters, hospitals, warning and outlook.
"""

from __future__ import annotations

import textwrap
from typing import Any

from engine.timeline.entries import Entry
from engine.timeline.names import UNIT_WORDS, Names, count, shut_by
from engine.timeline.view import RunView, elapsed

WIDTH = 100
_LABEL = 21  # width of the label column
_BASIS = {
    "intensity_reported": "on the reported intensity",
    "magnitude_reported": "on the reported magnitude", "gauge_reported": "on the tide gauge",
    "input_applied": "by hand",
}
ZONES_SHOWN = 8


def log_lines(view: RunView, told: list[Entry], after_ms: int = -1) -> list[str]:
    """The log: local time, time since the start, R reported or A actual, source, entry.

    A line names the day where it changes, and at the beginning unless a part up to `after_ms`
    stands above.
    """
    lines: list[str] = []
    day = None if after_ms < 0 else view.local(after_ms).date()
    for entry in told:
        local = view.local(entry.t_ms)
        if local.date() != day:
            day = local.date()
            lines.append(f"-- {local.strftime('%A %-d %B %Y')} --")
        head = (f"{local.strftime('%H:%M')}  {elapsed(entry.t_ms):<7} "
                f"{'R' if entry.reported else 'A'}  {entry.source:<12} ")
        lines += hang(head, entry.text)
    return lines


def header_lines(view: RunView) -> list[str]:
    """What run this is and how to read the log."""
    m = view.manifest
    share = float(m.get("population_share", 1.0))
    lines = [
        f"{m['scenario']['title']}", f"Plan: {m['plan']['title']} ({m['plan']['name']}), "
        f"seed {m['seed']}, {m['city']['population']:,} people; local time {m['timezone']}.",
        "R = reported: the command centre knew it then.  A = actual: known only to the run.",
    ]
    if share < 1:
        lines.insert(2, f"A sample of {share:.0%} of the households: people, units, beds and places "
                        "are in that proportion.")
    return [line for text in lines for line in textwrap.wrap(text, WIDTH)]


def report_lines(
    view: RunView, names: Names, s: dict[str, Any], number: int, next_ms: int | None = None
) -> list[str]:
    """One situation report; `next_ms` is when the next one is due."""
    t_ms = int(s["t_s"] * 1000)
    local = view.local(t_ms)
    title = (f"SITUATION REPORT {number}   {local.strftime('%H:%M')} local, "
             f"{local.strftime('%A %-d %B %Y')}   {elapsed(t_ms)}")
    following = "" if next_ms is None else f" Next report {_clock(view, next_ms / 1000)}."
    out = ["", "=" * WIDTH, title, f"From the command centre to all services.{following}",
           "-" * WIDTH]
    for label, text in (
        ("Major incident", _declared(view, s)), ("Exact location", _location(view, names, s)),
        ("Type", _type(view, s)), ("Hazards", _hazards(view, names, s)),
        ("Access", _access(s)), ("Number of casualties", _casualties(s)),
        ("Emergency services", _services(s)),
    ):
        out += _block(label, text)
    out += _block("Population", _population(s))
    out += _zone_table(view, names, s)
    for label, text in (
        ("Shelters", _shelters(s)), ("Hospitals", _hospitals(names, s)),
        ("Warning", _warning(view, s)),
    ):
        out += _block(label, text)
    out += _block("Outlook", [
        (f"{_clock(view, row['at_s'])} " if row["at_s"] is not None else "") + row["text"]
        + ("" if row["reported"] else " [actual pace]")
        for row in s["outlook"]
    ])
    return [*out, "=" * WIDTH, ""]


def hang(head: str, text: str) -> list[str]:
    """`text` after `head`, wrapped at 100 columns under its own beginning."""
    return textwrap.wrap(
        text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head),
        break_long_words=False,
    ) or [head.rstrip()]


def _block(label: str, texts: list[str]) -> list[str]:
    out: list[str] = []
    for i, text in enumerate(texts or ["Nothing to report."]):
        head = f"{label:<{_LABEL}}" if i == 0 else " " * _LABEL
        out += hang(head, text)
    return out


def _clock(view: RunView, t_s: float) -> str:
    t_ms = int(t_s * 1000)
    local = view.local(t_ms)
    same = local.date() == view.local(0).date()
    return f"{local.strftime('%H:%M' if same else '%a %H:%M')} ({elapsed(t_ms)})"


def _actual(text: str) -> str:
    return f"[actual: {text}]"


def _declared(view: RunView, s: dict[str, Any]) -> list[str]:
    d = s["declared"]
    if d is None:
        return ["Not declared; no order has been given."]
    basis = _BASIS.get(d["basis"], "at the time set in the plan")
    out = [f"Declared {_clock(view, d['t_s'])} {basis}."]
    if d["order_out_s"] is None:
        out.append("Order to leave decided, not yet out.")
    else:
        out.append(f"Order to leave out since {_clock(view, d['order_out_s'])}, "
                   f"{count(len(d['zones_ordered']), 'zone')} so far.")
    if d["lifted_s"] is not None:
        out.append(f"Order lifted {_clock(view, d['lifted_s'])}.")
    return out


def _location(view: RunView, names: Names, s: dict[str, Any]) -> list[str]:
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


def _type(view: RunView, s: dict[str, Any]) -> list[str]:
    h, out = s["hazard"], []
    if h["earthquake"] is not None:
        known = [
            f"{word} {h[key]:.1f}" for word, key in
            (("magnitude", "magnitude_reported"), ("intensity", "intensity_reported"))
            if h[key] is not None
        ]
        out.append(f"Earthquake at {view.hhmm(0)}, "
                   f"{' and '.join(known) + ' reported' if known else 'no figures reported yet'}.")
    for name, g in h["gauges"].items():
        out.append(f"Tsunami, tide gauge {name}: disturbed since {_clock(view, g['first_s'])}, "
                   f"highest {g['highest_m']:.1f} m at {_clock(view, g['highest_s'])}.")
    if view.scenario.get("tsunami") and not h["gauges"]:
        out.append("Tsunami: no gauge has reported a disturbed sea so far.")
    return out or [f"{view.manifest['scenario']['title']}."]


def _hazards(view: RunView, names: Names, s: dict[str, Any]) -> list[str]:
    h, out = s["hazard"], []
    wet = h["zones_flooded_actual"]
    if view.scenario.get("tsunami"):
        out.append(
            "Water on land: nobody has reported its extent. " + _actual(
                f"{count(len(wet), 'zone')} reached; {names.zones(wet, 4)}" if wet else "none"
            )
        )
    if h["buildings_damaged_actual"]:
        out.append("Damage to buildings: no survey yet. " + _actual(
            f"{h['buildings_damaged_actual']:,} damaged, {h['buildings_collapsed_actual']:,} "
            "collapsed"))
    dark = {k: v for k, v in s["lifelines"].items() if v["zones_out"]}
    for service, where in dark.items():
        what = "No electricity" if service == "power" else "No telephones"
        out.append(f"{what}: {where['where']}.")
    return out or ["None reported."]


def _access(s: dict[str, Any]) -> list[str]:
    a = s["access"]
    out = [
        f"Closed, {shut_by(why)}: {count(row['sections'], 'section')}; {row['streets']}."
        for why, row in sorted(a["closed"].items(), key=lambda kv: -kv[1]["sections"])
    ] or ["No street is known to be closed."]
    if a["controls_planned"]:
        worked = f": {', '.join(a['controls_worked'])}" if a["controls_worked"] else ""
        out.append(f"Control points worked, {len(a['controls_worked'])} of "
                   f"{a['controls_planned']}{worked}.")
    return out


def _casualties(s: dict[str, Any]) -> list[str]:
    r, a = s["casualties"]["reported"], s["casualties"]["actual"]
    reported = "none so far."
    if r["incidents"] or r["admitted"] or r["freed"]:
        reported = (
            f"{count(r['incidents'], 'incident')} with {r['people_in_need']:,} in need; "
            f"{r['dead']:,} dead, {r['freed']:,} freed, {r['treated']:,} treated on scene, "
            f"{r['admitted']:,} admitted."
        )
    causes = ", ".join(f"{n:,} {c}" for c, n in a["dead_by_cause"].items())
    return [
        f"Reported: {reported}",
        _actual(f"{a['dead']:,} dead{f' ({causes})' if causes else ''}, {a['severely_hurt']:,} "
                f"severely hurt, {a['trapped']:,} trapped, {a['in_water']:,} in water now"),
    ]


def _services(s: dict[str, Any]) -> list[str]:
    out = [f"{'service':<18}{'units':>6}{'staff':>7}{'incidents':>11}{'controls':>10}"
           f"{'withdrawing':>13}{'free':>6}"]
    for row in s["services"]:
        word = UNIT_WORDS.get(row["kind"], ("", row["kind"].replace("_", " ")))[1]
        staff = f"{row['staff']:,}" if row["staff"] else "-"
        out.append(
            f"{word:<18}{row['units']:>6}{staff:>7}{row['on_incidents']:>11}"
            f"{row['at_control_points']:>10}{row['withdrawing']:>13}{row['free']:>6}"
        )
    i = s["incidents"]
    waits = "; ".join(f"{n:,} ({why})" for why, n in i["waiting"].items())
    out.append(f"Incidents known {i['known']:,}, reached {i['reached']:,}, closed {i['closed']:,}"
               f"{f'; nobody sent: {waits}' if waits else ''}.")
    return out


def _population(s: dict[str, Any]) -> list[str]:
    p = s["population"]
    c = p["counted_reported"]
    total = max(p["at_risk_actual"], 1)
    return [
        f"Reported: {p['ordered_residents_reported']:,} residents in {p['ordered_zones']:,} ordered "
        f"zones (census); counted at meeting points {c['meeting_point']:,}, in shelters "
        f"{c['shelter'] + c['school']:,}.",
        _actual(
            f"{p['at_risk_actual']:,} were in the danger zone; out {p['out_actual']:,} "
            f"({100 * p['out_actual'] / total:.0f} %), not out {p['not_out_actual']:,}"
            + (f"; {count(p['families_fetching_actual'], 'family', 'families')} on the way to fetch "
               "somebody" if p["families_fetching_actual"] else "")
        ),
    ]


def _zone_table(view: RunView, names: Names, s: dict[str, Any]) -> list[str]:
    rows = s["population"]["zones"]
    pad = " " * _LABEL
    if not rows:
        return []
    out = [f"{pad}{'zone':<25}{'ordered':>9}{'residents':>11}   actual:{'inside':>7}{'out':>8}"
           f"{'not out':>9}"]
    for row in rows[:ZONES_SHOWN]:
        ordered = view.hhmm(int(row["ordered_s"] * 1000)) if row["ordered_s"] is not None else "no"
        out.append(
            f"{pad}{names.zone(row['zone'])[:24]:<25}{ordered:>9}{row['residents_reported']:>11,}"
            f"{row['at_risk_actual']:>17,}{row['out_actual']:>8,}{row['not_out_actual']:>9,}"
        )
    rest = rows[ZONES_SHOWN:]
    if rest:
        told = sum(row["ordered_s"] is not None for row in rest)
        sums = [sum(r[k] for r in rest) for k in
                ("residents_reported", "at_risk_actual", "out_actual", "not_out_actual")]
        out.append(f"{pad}{f'{len(rest)} other zones':<25}{f'{told} of {len(rest)}':>9}"
                   f"{sums[0]:>11,}{sums[1]:>17,}{sums[2]:>8,}{sums[3]:>9,}")
    return out


def _shelters(s: dict[str, Any]) -> list[str]:
    x = s["shelters"]
    if not x["open"]:
        return ["None open."]
    return [f"{x['open']:,} open, {x['people']:,} of {x['places']:,} places taken, "
            f"{x['full']:,} full."]


def _hospitals(names: Names, s: dict[str, Any]) -> list[str]:
    out = []
    for row in s["hospitals"]:
        limit = "" if row["beds_for_event"] is None else f" of {row['beds_for_event']:,}"
        turned = f"; {row['turned_away']:,} met it full" if row["turned_away"] else ""
        out.append(f"{names.facility(row['facility'])}: {row['beds_used']:,}{limit} beds for this "
                   f"event in use{turned}.")
    return out or ["No hospital in the city."]


def _warning(view: RunView, s: dict[str, Any]) -> list[str]:
    w = s["warning"]
    since = [f"{c['channel']} since {_clock(view, c['since_s'])} in {count(c['zones'], 'zone')}"
             for c in w["channels"]]
    line = "; ".join(since) or "no channel carries an order"
    out = [f"{line[:1].upper()}{line[1:]}."]
    out.append("Who received it is not reported. " + _actual(
        f"in the danger zone the order itself reached {w['received_order_actual']:,}, only word of "
        f"it {w['received_word_actual']:,}; {w['decided_to_leave_actual']:,} decided to leave, "
        f"{w['refused_actual']:,} to stay"
    ))
    return out
