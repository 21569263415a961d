"""Parts of a situation report as text: casualties, the people of the danger zone, shelters,
hospitals."""

from __future__ import annotations

from typing import Any

from engine.timeline.layout import LABEL, actual
from engine.timeline.names import Names, count
from engine.timeline.view import RunView

ZONES_SHOWN = 8
_SUMS = ("residents_reported", "began_actual", "out_actual", "home_actual", "inside_actual")


def casualties(view: RunView, names: Names, s: dict[str, Any]) -> list[str]:
    """Reported: what callers, crews and hospitals told; actual: the run's own."""
    r, a = s["casualties"]["reported"], s["casualties"]["actual"]
    out = ["Reported: none so far."]
    if any(r.values()):
        out = [
            f"Reported: {count(r['incidents'], 'incident')} called in so far, {r['people_in_need']:,} in "
            "need by what callers said; "
            f"{r['dead']:,} dead found, {r['freed']:,} freed, {r['treated_on_scene']:,} treated on scene, "
            f"{r['admitted']:,} admitted to hospital."]
        if r["came_by_themselves"]:
            wait, kept = r["wait_at_doors"], r["kept_at_clinics"]
            now = [count(wait, "waits", "wait") + " at the door"] if wait else []
            if kept:
                now.append(f"{count(kept, 'is', 'are')} kept at a clinic until a hospital can take them")
            out.append(f"Came to hospital or clinic by themselves: {r['came_by_themselves']:,}"
                       + (f", of whom {' and '.join(now)}." if now else "."))
    causes = ", ".join(f"{n:,} {c}" for c, n in a["dead_by_cause"].items())
    both = a["trapped_and_severely_hurt"]
    severe = f"{a['severely_hurt']:,} severely hurt{f' ({both:,} of them trapped)' if both else ''}"
    rest = a["trapped"] - both
    trapped = f", {rest:,} {'others ' if both else ''}trapped" if rest else ""
    return [*out, actual(
        f"{a['dead']:,} dead{f' ({causes})' if causes else ''}, {severe}{trapped}, "
        f"{a['in_water']:,} in water now")]


def population(view: RunView, names: Names, s: dict[str, Any]) -> list[str]:
    """The people of the danger zone as they are at this moment."""
    p = s["population"]
    total = max(p["began_actual"], 1)
    parts = [f"out {p['out_actual']:,} ({100 * p['out_actual'] / total:.0f} %)"]
    if p["home_actual"]:
        parts.append(f"home again or on the way home {p['home_actual']:,}")
    parts.append(f"inside {p['inside_actual']:,}")
    parts += [f"{word} {p[key]:,}" for word, key in
              (("in hospital, at its door or on the way there", "in_care_actual"), ("dead", "dead_actual"))
              if p[key]]
    places = ", ".join(f"{word} {n:,}" for word, n in p["at_places_actual"].items() if n)
    inside = [f"{p[key]:,} {word}" for key, word in (
        ("been_back_actual", "have gone back before the all-clear so far"),
        ("back_inside_actual", "of them inside now"),
        ("on_the_way_back_actual", "on the way back"),
        ("cut_off_actual", "cut off by water in a building"),
        ("came_in_actual", "inside who began elsewhere")) if p[key]]
    out = [
        f"Reported: {p['ordered_residents_reported']:,} residents in {p['ordered_zones']:,} ordered "
        "zones (census). How many have left nobody counts.",
        actual(f"{p['began_actual']:,} were in the danger zone: {', '.join(parts)}"),
    ]
    if places:
        if p["no_place_actual"]:
            places += f"; {p['no_place_actual']:,} have found a meeting point shut or full so far"
        out.append(actual(f"in safety, wherever they began: {places}"))
    if inside:
        out.append(actual("; ".join(inside)))
    if p["families_fetching_actual"]:
        out.append(actual(f"{count(p['families_fetching_actual'], 'family', 'families')} on the way "
                          "to fetch somebody"))
    return out


def zone_table(view: RunView, names: Names, s: dict[str, Any]) -> list[str]:
    """Zones with most people still inside, the others as one row, and as another those that were
    ordered to leave although nobody there was in the danger zone."""
    rows = s["population"]["zones"]
    if not rows:
        return []
    home = s["population"]["home_actual"] > 0
    pad = " " * LABEL

    def line(name: str, ordered: str, figures: list[int]) -> str:
        residents, began, out, home_n, inside = (f"{n:,}" for n in figures)
        return (f"{pad}{name[:21]:<22}{ordered:>9}{residents:>10}{began:>14}{out:>8}"
                + (f"{home_n:>8}" if home else "") + f"{inside:>8}")

    lines = [f"{pad}{'zone':<22}{'ordered':>9}{'residents':>10}{'actual: began':>14}{'out':>8}"
             + (f"{'home':>8}" if home else "") + f"{'inside':>8}"]
    concerned = [row for row in rows if row["began_actual"]]
    for row in concerned[:ZONES_SHOWN]:
        at = view.hhmm(int(row["ordered_s"] * 1000)) if row["ordered_s"] is not None else "no"
        lines.append(line(names.zone(row["zone"]), at, [row[key] for key in _SUMS]))
    for rest, word in ((concerned[ZONES_SHOWN:], "other zones"),
                       ([row for row in rows if not row["began_actual"]], "with none at risk")):
        if rest:
            told = sum(row["ordered_s"] is not None for row in rest)
            lines.append(line(f"{len(rest)} {word}", f"{told} of {len(rest)}",
                              [sum(row[key] for row in rest) for key in _SUMS]))
    return lines


def shelters(view: RunView, names: Names, s: dict[str, Any]) -> list[str]:
    """Places taken, as the shelters' staff count heads."""
    x = s["shelters"]
    if not x["open"]:
        return ["None open."]
    return [f"{x['open']:,} open, {x['people']:,} of {x['places']:,} places taken (heads counted "
            f"there now), {x['full']:,} full."]


def hospitals(view: RunView, names: Names, s: dict[str, Any]) -> list[str]:
    """Beds in use for this event."""
    out = []
    for row in s["hospitals"]:
        limit = "" if row["beds_for_event"] is None else f" of {row['beds_for_event']:,}"
        turned = f"; {row['turned_away']:,} met it full" if row["turned_away"] else ""
        if row["shut"]:
            used = f"; {row['beds_used']:,} admitted for this event" if row["beds_used"] else ""
            out.append(f"{names.facility(row['facility'])}: TAKES NOBODY, {row['shut']}{used}{turned}.")
            continue
        out.append(f"{names.facility(row['facility'])}: {row['beds_used']:,}{limit} beds for this "
                   f"event in use{turned}.")
    return out or ["No hospital in the city."]
