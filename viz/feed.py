"""The event list of a replay: events of interest as sentences with a place to fly to."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from viz.phrases import BY_CAUSE, CATEGORIES, RULES, Rule, minutes, translate
from viz.rundata import RunData

MOST = 2200  # entries of one list; windows widen until it fits
_MINUTE_MS = 60_000
LANGS = ("en", "zh")


class Places:
    """Names and positions of the things that events are about."""

    def __init__(self, run: RunData) -> None:
        self.run = run
        city = run.city
        self._xy: dict[str, tuple[np.ndarray, np.ndarray]] = {
            "zone": (city.zones.x_m, city.zones.y_m),
            "building": (city.buildings.x_m, city.buildings.y_m),
            "node": (city.nodes.x_m, city.nodes.y_m),
            "street": self._street_middles(),
            "facility": (city.facilities.x_m, city.facilities.y_m),
            "party": (run.parties["x_m"].to_numpy(), run.parties["y_m"].to_numpy()),
        }
        self._xy["control"] = self._listed(run.manifest.get("controls", []))
        self._xy["refuge"] = self._listed(run.manifest.get("refuges", []))
        self._xy["venue"] = self._listed(run.manifest.get("venues", []))
        self._xy["camera"] = self._listed(run.manifest.get("cameras", []))
        gauges = run.scenario.get("settings", {}).get("tsunami") or {}
        self._xy["gauge"] = self._listed(gauges.get("gauges", []))
        x, y = self._xy["building"]
        incidents = self.incident_building
        known = incidents >= 0
        self._xy["incident"] = (
            np.where(known, x[np.maximum(incidents, 0)] if x.size else 0.0, np.nan),
            np.where(known, y[np.maximum(incidents, 0)] if y.size else 0.0, np.nan),
        )

    def _street_middles(self) -> tuple[np.ndarray, np.ndarray]:
        streets = self.run.city.streets
        middle = (streets.vertex_ptr[:-1] + streets.vertex_ptr[1:]) // 2
        middle = np.minimum(middle, max(streets.vertex_x_m.size - 1, 0))
        return streets.vertex_x_m[middle], streets.vertex_y_m[middle]

    def _listed(self, rows: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
        places = [self.run.place(row) if isinstance(row, dict) else None for row in rows]
        xy = np.array([p or (np.nan, np.nan) for p in places], np.float64).reshape(-1, 2)
        return xy[:, 0], xy[:, 1]

    @cached_property
    def incident_building(self) -> np.ndarray:
        """Building of each incident, -1 on a street or where it never opened."""
        opened = self.run.of_kind("incident_opened")
        size = int(opened["subject"].max()) + 1 if len(opened) else 0
        out = np.full(size, -1, np.int64)
        out[opened["subject"].to_numpy()] = opened["object"].to_numpy()
        return out

    @cached_property
    def party_of(self) -> np.ndarray:
        """Party of each person, from the log."""
        formed = self.run.of_kind("party_formed")
        size = int(formed["subject"].max()) + 1 if len(formed) else 0
        out = np.full(size, -1, np.int64)
        out[formed["subject"].to_numpy()] = formed["object"].to_numpy()
        return out

    def xy(self, entity: str, rows: np.ndarray) -> np.ndarray:
        """Positions [rows, 2] in metres, NaN where unknown."""
        rows = np.asarray(rows, np.int64)
        if entity == "person":
            known = (rows >= 0) & (rows < self.party_of.size)
            rows = np.where(known, self.party_of[np.where(known, rows, 0)], -1) \
                if self.party_of.size else np.full(rows.shape, -1)
            entity = "party"
        out = np.full((rows.size, 2), np.nan)
        if entity in self._xy:
            x, y = self._xy[entity]
            good = (rows >= 0) & (rows < len(x))
            out[good, 0], out[good, 1] = x[rows[good]], y[rows[good]]
        return out

    def name(self, entity: str, row: int, lang: str) -> str:
        """Name of one thing, or a plain description."""
        run, city = self.run, self.run.city
        zh = lang == "zh"
        if entity in ("reason", "cause", "mode"):
            table = run.table(entity + "s")
            return translate(table[row], lang) if 0 <= row < len(table) else ""
        if row < 0:
            if entity == "facility":
                return "高地" if zh else "high ground"
            return ""
        if entity == "zone" and row < city.zones.name.size:
            return str(city.zones.name[row])
        if entity == "facility" and row < city.facilities.name.size:
            return str(city.facilities.name[row])
        if entity == "street" and row < city.streets.name.size:
            return str(city.streets.name[row]) or ("无名道路" if zh else "Unnamed street")
        if entity == "unit":
            return self._listed_name("units", row) or f"{'单元' if zh else 'Unit'} {row}"
        if entity == "mission":
            return self._listed_name("missions", row) or str(row)
        if entity == "control":
            return self._listed_name("controls", row) or str(row)
        if entity == "refuge":
            return self._listed_name("refuges", row) or str(row)
        if entity in ("venue", "camera"):
            return self._listed_name(entity + "s", row) or str(row)
        if entity == "gauge":
            return self._listed_name("gauges", row) or str(row)
        if entity == "channel":
            channels = run.manifest.get("channels", [])
            text = translate(str(channels[row]), lang) if row < len(channels) else str(row)
            return text[:1].upper() + text[1:]
        if entity == "building":
            return f"建筑 {row}" if zh else f"building {row}"
        if entity == "incident":
            return f"事件 {row}" if zh else f"incident {row}"
        return str(row)

    def _listed_name(self, table: str, row: int) -> str:
        rows = self.run.manifest.get(table, [])
        if row >= len(rows):
            return ""
        return str(rows[row]["name"] if isinstance(rows[row], dict) else rows[row])


def build_feed(run: RunData, places: Places) -> list[dict[str, Any]]:
    """The list, in time order: t (ms), c (category), w (weight), k (kind), en, zh, n and place."""
    kinds = run.table("kinds")
    codes = run.events["kind"].to_numpy()
    tables: list[tuple[str, Rule, pd.DataFrame]] = []
    for name, rule in RULES.items():
        if name in kinds:
            rows = run.events[codes == kinds.index(name)]
            for other, its_rule in [(why, r) for (kind, why), r in BY_CAUSE.items() if kind == name]:
                cause = rows["cause"].to_numpy()
                of_it = (cause >= 0) & (codes[cause] == (kinds.index(other) if other in kinds else -1))
                tables.append((name, its_rule, rows[of_it]))
                rows = rows[~of_it]
            tables.append((name, rule, rows))
    tables = [table for table in tables if len(table[2])]
    window_ms = _MINUTE_MS
    while True:
        entries = [e for table in tables for e in _entries(run, places, window_ms, *table)]
        if len(entries) <= MOST or window_ms >= 64 * _MINUTE_MS:
            break
        window_ms *= 2
    entries.sort(key=lambda e: (e["t"], -e["w"], e["k"]))
    return entries[: 2 * MOST]


def _entries(
    run: RunData, places: Places, window_ms: int, name: str, rule: Rule, rows: pd.DataFrame
) -> list[dict[str, Any]]:
    entities = run.table("entities")
    subject_type = entities[int(rows["subject_type"].iloc[0])]
    object_type = entities[int(rows["object_type"].iloc[0])]
    t = rows["t_ms"].to_numpy()
    subject, obj = rows["subject"].to_numpy(), rows["object"].to_numpy()
    value = rows["value"].to_numpy()
    if name == "building_damaged":
        return _damage(places, t, subject, value, window_ms, rule)
    spot = places.xy(subject_type, subject)
    if np.isnan(spot).all():
        spot = places.xy(object_type, obj)
    single = len(rows) <= rule.single_up_to
    if single:
        groups = [np.array([i]) for i in range(len(rows))]
    else:
        keys = [t // window_ms]
        if rule.by_object:
            keys.append(obj)
        if subject_type == "channel":
            keys.append(subject)
        groups = _grouped(keys)
    out = []
    for members in groups:
        i = int(members[0])
        n = members.size
        entry = _entry(name, rule, int(t[i]), n, spot[members])
        for lang in LANGS:
            what = places.name(object_type, int(obj[i]), lang)
            if name == "order_issued":
                what = _phase_name(run, int(obj[i]))
            if name == "party_departed":
                what = f", {what}" if lang == "en" else f"（{what}）"
            text = (rule.one if n == 1 and rule.single_up_to else rule.many)
            sentence = text[LANGS.index(lang)].format(
                who=places.name(subject_type, int(subject[i]), lang), what=what,
                n=f"{n:,}", v=float(value[members].max()), subject=int(subject[i]),
                object=int(obj[i]), v_min=minutes(float(value[members].max()), lang),
            )
            entry[lang] = sentence[:1].upper() + sentence[1:]
        out.append(entry)
    return out


def _damage(
    places: Places, t: np.ndarray, subject: np.ndarray, state: np.ndarray, window_ms: int,
    rule: Rule,
) -> list[dict[str, Any]]:
    """Damage is told by state: how many buildings, of which complete or collapsed."""
    spot = places.xy("building", subject)
    out = []
    for members in _grouped([t // window_ms]):
        lost = int((state[members] >= 4).sum())
        entry = _entry("building_damaged", rule, int(t[members[0]]), members.size, spot[members])
        entry["en"] = f"{members.size:,} buildings damaged, {lost:,} of them beyond use or collapsed"
        entry["zh"] = f"{members.size:,} 栋建筑受损，其中 {lost:,} 栋无法使用或倒塌"
        out.append(entry)
    return out


def _entry(name: str, rule: Rule, t: int, n: int, spot: np.ndarray) -> dict[str, Any]:
    entry: dict[str, Any] = {"t": t, "c": CATEGORIES.index(rule.category), "w": rule.weight,
                             "k": name, "n": int(n)}
    spot = spot[~np.isnan(spot).any(axis=1)]
    if len(spot):
        # The member nearest the middle: a median of coordinates may lie in the sea.
        middle = np.median(spot, axis=0)
        best = spot[np.argmin(((spot - middle) ** 2).sum(axis=1))]
        entry["x"], entry["y"] = round(float(best[0])), round(float(best[1]))
    return entry


def _grouped(keys: list[np.ndarray]) -> list[np.ndarray]:
    """Row numbers of each distinct key, in order of first appearance."""
    stacked = np.column_stack(keys)
    _, inverse = np.unique(stacked, axis=0, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    cuts = np.flatnonzero(np.diff(inverse[order])) + 1
    return sorted(np.split(order, cuts), key=lambda rows: int(rows[0]))


def _phase_name(run: RunData, row: int) -> str:
    zones = run.plan.get("settings", {}).get("order", {}).get("zones", [])
    if 0 <= row < len(zones):
        return f" ({zones[row].get('name', row)})"
    return ""
