"""One run of the replay, packed: people, water, roads, units, facilities, incidents, figures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.world import HEALTH, PLACES
from viz.feed import Places, build_feed
from viz.pack import Grid16, Pack, changes, filled, keyframes
from viz.rundata import Frame, RunData

#: What a point on the map can be; the page's legend has the same order.
STATES = ("home", "preparing", "way", "safe", "danger", "hurt", "dead")
_OF_PLACE = {
    "at start": 0, "staying": 0, "outside": 3, "preparing": 1, "walking": 2, "driving": 2,
    "waiting to drive": 2, "high ground": 3, "meeting point": 3, "shelter": 3, "stranded": 4,
    "in water": 4, "cut off": 4, "returning": 2, "vertical refuge": 3, "on board": 2,
    "walking to a bus": 2, "waiting for a bus": 2, "walking to family": 2, "with family": 2,
}
FIGURES = (
    "people_at_risk", "people_on_the_way", "people_safe", "people_seriously_hurt", "people_dead",
    "median_response_s",
)
DEPTH_STEP_M = 0.05
SEA_STEP_M = 0.05


#: Parties whose tracks are thinned at a time: memory stays small whatever a run's length.
_CHUNK = 8192


def pack_run(run: RunData, key: str, grid: Grid16, pack: Pack) -> dict[str, Any]:
    """Add the run's sections but for its people, named `key_...`; return its part of the header."""
    places = Places(run)
    head: dict[str, Any] = {
        "scenario": run.scenario["title"], "plan": run.plan["title"], "plan_name": run.plan["name"],
        "seed": run.manifest.get("seed"), "share": run.manifest.get("population_share", 1.0),
        "start_ms": int(run.start.timestamp() * 1000), "duration_ms": run.duration_ms,
        "digest": str(run.manifest.get("digest", ""))[:12],
        "feed": build_feed(run, places),
        "kpi": _kpis(run),
        "danger": [[[round(x), round(y)] for x, y in ring] for ring in run.danger_rings],
        "units": _units(run, key, grid, pack),
        "incidents": _incidents(run, places),
        "controls": _controls(run, places),
        "zones": _zones(run),
        "score": {k: run.score.get(k) for k in ("score", "efficiency", "fairness")},
    }
    _pack_roads(run, key, pack)
    _pack_water(run, key, pack)
    load = run.frames.get("facility_load")
    if load is not None and load.data.size:
        pack.add(f"{key}_load", load.data.astype(np.uint16), "rows",
                 times=_steps(load), index=[int(i) for i in load.index])
    people, density = run.frames.get("venue_people"), run.frames.get("venue_pm2")
    if people is not None and density is not None:
        head["venues"] = {
            "times": _steps(people), "people": people.data.T.tolist(),
            "pm2": np.round(density.values(), 2).T.tolist(),
            "names": [places.name("venue", int(i), "en") for i in people.index],
            "xy": _known(places.xy("venue", people.index))}
    gauge = run.frames.get("gauge_level_m")
    if gauge is not None and gauge.data.size:
        level = filled(gauge.values())
        head["gauge"] = {"times": _steps(gauge), "level": np.round(level, 2).T.tolist(),
                         "names": [places.name("gauge", int(i), "en") for i in gauge.index],
                         "xy": _known(places.xy("gauge", gauge.index))}
    return head


def _steps(frame: Frame) -> list[int]:
    """[first, step, count] of a frame's times in ms; frames are evenly spaced."""
    times = frame.times_ms
    step = int(times[1] - times[0]) if times.size > 1 else 60_000
    return [int(times[0]), step, int(times.size)]


def _known(xy: np.ndarray) -> list[list[int] | None]:
    return [None if np.isnan(p).any() else [round(float(p[0])), round(float(p[1]))] for p in xy]


def _kpis(run: RunData) -> dict[str, Any]:
    table = run.kpis
    out: dict[str, Any] = {"t_ms": [int(t) for t in table["t_ms"]]}
    for name in FIGURES:
        if name in table:
            values = table[name].to_numpy(float)
            out[name] = [None if math.isnan(v) else round(v) for v in values]
    return out


def pack_people(run: RunData, key: str, grid: Grid16, pack: Pack, tolerance_m: float) -> None:
    """Add the run's people: tracks thinned so that nobody is drawn farther than `tolerance_m` from
    the recorded position, and states, size and number of each party."""
    frame_x, frame_y = run.frames.get("party_x_m"), run.frames.get("party_y_m")
    if frame_x is None or frame_y is None or not frame_x.index.size:
        return
    counts, rows, xs, ys = [], [], [], []
    for first in range(0, frame_x.index.size, _CHUNK):
        part = slice(first, first + _CHUNK)
        x, y = filled(frame_x.values(part)), filled(frame_y.values(part))
        count, row, track = keyframes(x, y, tolerance_m)
        counts.append(count)
        rows.append(row)
        xs.append(grid.x(x[row, track]))
        ys.append(grid.y(y[row, track]))
    pack.add(f"{key}_pn", np.concatenate(counts).astype(np.uint16), times=_steps(frame_x))
    pack.add(f"{key}_pt", np.concatenate(rows).astype(np.uint16), "flat")
    pack.add(f"{key}_px", np.concatenate(xs), "flat")
    pack.add(f"{key}_py", np.concatenate(ys), "flat")
    _pack_states(run, key, pack, frame_x)


def _pack_states(run: RunData, key: str, pack: Pack, frame: Frame) -> None:
    place = run.frames["party_state"].data
    names = run.table("places") if "places" in run.manifest.get("tables", {}) else list(PLACES)
    lookup = np.zeros(256, np.uint8)
    for code, name in enumerate(names):
        lookup[code] = _OF_PLACE.get(name, 0)
    state = lookup[place]
    state = _with_water(run, state, frame)
    worst = run.frames.get("party_worst_health")
    if worst is not None and worst.data.shape == state.shape:
        serious, dead = HEALTH.index("seriously hurt"), HEALTH.index("dead")
        state[(worst.data >= serious) & (worst.data < dead)] = 5
        state[worst.data == dead] = 6
    count, row, value = changes(state)
    pack.add(f"{key}_sn", count.astype(np.uint16))
    pack.add(f"{key}_st", row.astype(np.uint16), "flat")
    pack.add(f"{key}_sv", value.astype(np.uint8))
    size = run.parties["size"].to_numpy()[frame.index]
    pack.add(f"{key}_ps", np.minimum(size, 255).astype(np.uint8))


def _with_water(run: RunData, state: np.ndarray, frame: Frame) -> np.ndarray:
    """Mark parties as in danger while the log says that they stand in water."""
    entered, left = run.of_kind("party_in_water"), run.of_kind("party_out_of_water")
    if not len(entered):
        return state
    column = {int(party): i for i, party in enumerate(frame.index)}
    out: dict[int, list[int]] = {}
    for party, t in zip(left["subject"], left["t_ms"], strict=True):
        out.setdefault(int(party), []).append(int(t))
    state = state.copy()
    for party, t in zip(entered["subject"], entered["t_ms"], strict=True):
        if int(party) in column:
            until = min((s for s in out.get(int(party), []) if s > t), default=run.duration_ms)
            first, last = np.searchsorted(frame.times_ms, [t, until])
            # A stay shorter than a step is shown for one step: nobody's danger goes unseen.
            state[first : max(last, first + 1), column[int(party)]] = 4
    return state


def _pack_roads(run: RunData, key: str, pack: Pack) -> None:
    """Speed ratios as classes 0 free, 1 slowed, 2 slow, 3 jam, 4 closed, edge by edge."""
    frame = run.frames.get("edge_speed_ratio")
    if frame is None or not frame.index.size:
        return
    ratio = frame.data.astype(np.float32) * frame.scale
    level = np.digitize(-ratio, [-0.75, -0.5, -0.25]).astype(np.uint8)
    level[frame.data == 254] = 4
    level[frame.data == frame.missing] = 0
    busy = level.any(axis=0)
    count, row, value = changes(level[:, busy])
    index = frame.index[busy]
    pack.add(f"{key}_es", run.city.edges.street[index].astype(np.uint32), "flat",
             times=_steps(frame))
    pack.add(f"{key}_ef", run.city.edges.forward[index].astype(np.uint8))
    pack.add(f"{key}_en", count.astype(np.uint16))
    pack.add(f"{key}_et", row.astype(np.uint16), "flat")
    pack.add(f"{key}_ev", value.astype(np.uint8))


def _pack_water(run: RunData, key: str, pack: Pack) -> None:
    depth = run.frames.get("wetcell_depth_m")
    if depth is not None and depth.index.size:
        values = np.nan_to_num(depth.values())
        wet = (values > DEPTH_STEP_M).any(axis=0)
        code = np.clip(np.rint(values[:, wet] / DEPTH_STEP_M), 0, 255).astype(np.uint8)
        pack.add(f"{key}_wi", depth.index[wet].astype(np.uint32), "flat", times=_steps(depth))
        pack.add(f"{key}_wd", code, "rows", step=DEPTH_STEP_M)
    sea = run.frames.get("sea_level_m")
    if sea is not None and sea.index.size:
        values = sea.values()
        code = np.clip(np.rint(np.nan_to_num(values) / SEA_STEP_M) + 128, 1, 255)
        code = np.where(np.isnan(values), 0, code).astype(np.uint8)
        pack.add(f"{key}_sea", code, "rows", times=_steps(sea), step=SEA_STEP_M,
                 rows=int(sea.extra["rows"]), columns=int(sea.extra["columns"]),
                 block=int(sea.extra["block"]))
        pack.add(f"{key}_seai", sea.index.astype(np.uint32), "flat")


def _units(run: RunData, key: str, grid: Grid16, pack: Pack) -> list[dict[str, Any]]:
    x, y = run.frames.get("unit_x_m"), run.frames.get("unit_y_m")
    phase = run.frames.get("unit_phase")
    if x is None or y is None or phase is None or not x.index.size:
        return []
    pack.add(f"{key}_ux", grid.x(filled(x.values())), "rows", times=_steps(x))
    pack.add(f"{key}_uy", grid.y(filled(y.values())), "rows")
    pack.add(f"{key}_up", phase.data.astype(np.uint8), "rows")
    listed = run.manifest.get("units", [])
    out = []
    for row in x.index:
        unit = listed[row] if row < len(listed) else {"name": str(row), "kind": "", "letter": "?"}
        out.append({name: unit.get(name, "") for name in ("name", "kind", "letter", "station")})
    return out


def _incidents(run: RunData, places: Places) -> list[dict[str, Any]]:
    """Pins: where, how many people, kind, and when it was opened, known, reached, closed."""
    opened = run.of_kind("incident_opened")
    if not len(opened):
        return []
    trapped = set(run.of_kind("person_trapped")["object"].tolist())
    known = _first(run, "call_answered", "subject")
    sent = _first(run, "unit_dispatched", "object")
    closed = _first(run, "incident_closed", "subject")
    reached = _first(run, "unit_arrived", "object")
    xy = places.xy("incident", opened["subject"].to_numpy())
    out = []
    for row, (subject, building, people, t) in enumerate(
        zip(opened["subject"], opened["object"], opened["value"], opened["t_ms"], strict=True)
    ):
        if np.isnan(xy[row]).any():
            continue
        times = [int(t), known.get(subject), sent.get(subject), reached.get(subject),
                 closed.get(subject)]
        out.append({
            "id": int(subject), "x": round(float(xy[row, 0])), "y": round(float(xy[row, 1])),
            "n": int(people), "kind": "rescue" if building in trapped else "medical", "t": times,
        })
    return out


def _first(run: RunData, kind: str, column: str) -> dict[int, int]:
    """Time of the first event of a kind for each number in a column."""
    rows = run.of_kind(kind)
    rows = rows.drop_duplicates(subset=column, keep="first")
    return dict(zip(rows[column].tolist(), rows["t_ms"].tolist(), strict=True))


def _controls(run: RunData, places: Places) -> list[dict[str, Any]]:
    listed = run.manifest.get("controls", [])
    xy = _known(places.xy("control", np.arange(len(listed))))
    changes_of: dict[int, list[list[int]]] = {row: [] for row in range(len(listed))}
    for name, on in (("control_staffed", 1), ("control_left", 0)):
        rows = run.of_kind(name)
        for subject, t in zip(rows["subject"], rows["t_ms"], strict=True):
            if int(subject) in changes_of:
                changes_of[int(subject)].append([int(t), on])
    return [
        {"name": places.name("control", row, "en"), "xy": xy[row], "on": sorted(changes_of[row])}
        for row in range(len(listed)) if xy[row] is not None
    ]


def _zones(run: RunData) -> list[dict[str, Any]]:
    """Zones that were flooded, left or dark: outline, first water, last person out, outages."""
    city = run.city
    flooded = _first(run, "zone_flooded", "subject")
    left = run.of_kind("party_left_zone")
    last_out = left.groupby("object")["t_ms"].max().to_dict() if len(left) else {}
    dark: dict[int, list[list[int]]] = {}
    for name, on in (("power_lost", 1), ("power_restored", 0)):
        rows = run.of_kind(name)
        for subject, t in zip(rows["subject"], rows["t_ms"], strict=True):
            dark.setdefault(int(subject), []).append([int(t), on])
    out = []
    for row in range(city.zones.name.size):
        shape = city.zones.polygon[row]
        if shape is None or not (row in flooded or row in dark or row in last_out):
            continue
        shape = shape.simplify(20.0)
        rings = [[[round(x), round(y)] for x, y in part.exterior.coords]
                 for part in getattr(shape, "geoms", [shape]) if part.area > 1000]
        out.append({
            "name": str(city.zones.name[row]), "rings": rings, "wet": flooded.get(row),
            "out": int(last_out[row]) if row in last_out else None,
            "dark": sorted(dark.get(row, [])),
        })
    return out
