"""A run folder made by hand for the made-up test town: everything the pages read, no engine run.

Groups walk east in straight lines, a wave floods the western cells, one street jams and closes,
units drive to three incidents. Numbers are simple, so that tests can say what must be shown.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from city_models.testtown import build_testtown
from engine import events
from engine.city import City
from engine.events import EventLog
from engine.world import CARE, HEALTH, PLACES, UNIT_PHASES

MINUTES = 30
GROUPS = 240
WAVE_MIN = 12  # first water on land


def town() -> City:
    """The city of the fake run."""
    return build_testtown()


def write_fake_run(
    folder: Path, plan: str = "historical", delay_min: int = 5, city: City | None = None
) -> Path:
    """Write a run in which groups leave `delay_min` minutes after the shaking."""
    city = city or town()
    times = np.arange(MINUTES + 1, dtype=np.int64) * 60_000
    (folder / "frames").mkdir(parents=True)
    parties = _parties(city)
    x, y, state, health = _people(parties, delay_min)
    log = _events(city, delay_min, health)
    log.codes().to_parquet(folder / "events.parquet", index=False)
    parties.to_parquet(folder / "parties.parquet", index=False)
    _kpis(times, state, health).to_parquet(folder / "kpis.parquet", index=False)
    _frames(folder / "frames", city, times, x, y, state, health)
    (folder / "inputs.jsonl").write_text("")
    (folder / "manifest.json").write_text(json.dumps(_manifest(city, plan, log.digest())))
    (folder / "score.json").write_text(json.dumps(_score(state, health)))
    return folder


def _parties(city: City) -> pd.DataFrame:
    rows = np.arange(GROUPS)
    node = rows % city.nodes.x_m.size
    x = city.nodes.x_m[node] + (rows % 7) * 5.0
    return pd.DataFrame({
        "party": rows, "size": 1 + rows % 4, "zone": rows % city.zones.name.size,
        "municipality": city.zones.municipality[rows % city.zones.name.size].astype(str),
        "node": node, "in_danger_zone": x < 350.0, "has_car": rows % 2 == 0,
        "mobility": "normal", "age_group": "30-59", "x_m": x.astype(np.float32),
        "y_m": (city.nodes.y_m[node] + (rows % 5) * 5.0).astype(np.float32),
    })


def _people(parties: pd.DataFrame, delay_min: int) -> tuple[np.ndarray, ...]:
    """Positions, places and health [times, groups]; every tenth group stays, two die."""
    n = len(parties)
    minute = np.arange(MINUTES + 1)[:, None]
    walked = np.clip(minute - delay_min, 0, 8) * 60.0
    stays = (np.arange(n) % 10 == 0)[None, :]
    x = parties["x_m"].to_numpy()[None, :] + np.where(stays, 0.0, walked)
    y = np.broadcast_to(parties["y_m"].to_numpy()[None, :], x.shape)
    state = np.where(minute < delay_min, PLACES.index("preparing"), PLACES.index("walking"))
    state = np.where(minute >= delay_min + 8, PLACES.index("high ground"), state)
    state = np.where(stays, PLACES.index("staying"), np.broadcast_to(state, x.shape))
    wet = stays & (x < 150) & (minute >= WAVE_MIN)
    state = np.where(wet, PLACES.index("in water"), state)
    health = np.zeros(x.shape, np.uint8)
    hit = np.flatnonzero(wet[-1])
    health[WAVE_MIN + 2 :, hit[:2]] = HEALTH.index("dead")
    health[WAVE_MIN + 1 :, hit[2:4]] = HEALTH.index("seriously hurt")
    return x, y, state.astype(np.uint8), health


def _events(city: City, delay_min: int, health: np.ndarray) -> EventLog:
    log = EventLog()
    minute = 60_000
    start = log.add("run_started", 0, 0, value=1000.0)
    log.extend("party_formed", 0, np.arange(GROUPS), np.arange(GROUPS), cause=start)
    quake = log.add("earthquake", 0, 0, value=8.0)
    zones = np.arange(city.zones.name.size)
    log.extend("zone_shaken", 4000, zones, value=0.3, cause=quake)
    log.add("power_lost", 20_000, 0, cause=quake)
    log.add("intensity_reported", 60_000, 0, value=7.5, cause=quake)
    decided = log.add("order_decided", 2 * minute, 0, cause=quake)
    log.extend("order_issued", 3 * minute, zones, 0, cause=decided)
    log.extend("channel_started", 3 * minute, np.zeros_like(zones), zones, 0.8, cause=decided)
    for row in range(3):
        building = 5 + 9 * row
        opened = log.add("incident_opened", (2 + row) * minute, row, building, 2.0, quake)
        log.add("call_made", (2 + row) * minute, row, 0, cause=opened)
        log.add("call_answered", (3 + row) * minute, row, value=60.0, cause=opened)
        log.add("unit_dispatched", (3 + row) * minute, row, row, 240.0, opened)
        log.add("unit_arrived", (8 + row) * minute, row, row, 300.0, opened)
        log.add("incident_closed", (20 + row) * minute, row, value=1080.0, cause=opened)
    log.add("unit_delayed", 8 * minute, 0, events.reason("traffic"), 90.0, quake)
    log.extend("party_departed", delay_min * minute, np.arange(1, 200), 1, 0.0, decided)
    log.add("sea_disturbed", 10 * minute, 0, value=0.4, cause=quake)
    water = log.add("zone_flooded", WAVE_MIN * minute, 0, value=0.2, cause=quake)
    log.add("street_closed", WAVE_MIN * minute, 0, events.reason("road under water"), cause=water)
    log.extend("party_left_zone", (delay_min + 8) * minute, np.arange(1, 100),
               np.arange(1, 100) % zones.size, cause=decided)
    log.extend("party_arrived", (delay_min + 8) * minute, np.arange(1, 200), -1, 480.0, decided)
    dead = np.flatnonzero(health[-1] == HEALTH.index("dead"))
    log.extend("person_died", (WAVE_MIN + 2) * minute, dead, 2, cause=water)
    log.add("all_clear", 29 * minute, 0, cause=decided)
    return log


def _kpis(times: np.ndarray, state: np.ndarray, health: np.ndarray) -> pd.DataFrame:
    def share(*names: str) -> np.ndarray:
        return np.isin(state, [PLACES.index(name) for name in names]).sum(axis=1)

    safe = share("high ground")
    return pd.DataFrame({
        "t_ms": times, "people_at_risk": GROUPS - safe, "people_on_the_way": share("walking"),
        "people_safe": safe, "people_in_water": share("in water"),
        "people_seriously_hurt": (health == 2).sum(axis=1),
        "people_dead": (health == HEALTH.index("dead")).sum(axis=1), "vehicles_on_road": 0,
        "vehicles_waiting": 0, "units_busy": 1, "calls_waiting": 0, "trapped_now": 0,
        "beds_used": 0, "median_response_s": np.where(times < 480_000, np.nan, 330.0),
    })


def _frames(
    folder: Path, city: City, times: np.ndarray, x: np.ndarray, y: np.ndarray,
    state: np.ndarray, health: np.ndarray,
) -> None:
    def save(name: str, data: np.ndarray, entity: str, unit: str = "", scale: float = 1.0,
             offset: float = 0.0, index: np.ndarray | None = None, **extra: Any) -> None:
        index = np.arange(data.shape[1]) if index is None else index
        np.savez_compressed(
            folder / f"{name}.npz", data=data, times_ms=times, index=index.astype(np.int32),
            scale=np.float64(scale), offset=np.float64(offset), unit=np.array(unit),
            entity=np.array(entity), **extra)

    def metric(values: np.ndarray) -> np.ndarray:
        return np.rint((values + 3000.0) / 0.1).astype(np.uint16)

    minute = np.arange(MINUTES + 1)
    place = {"unit": "m", "scale": 0.1, "offset": -3000.0}
    save("party_x_m", metric(x), "party", **place)
    save("party_y_m", metric(y), "party", **place)
    save("party_state", state, "party")
    save("party_worst_health", health, "party")
    ratio = np.full((minute.size, 4), 250, np.uint8)
    ratio[5:15, 1], ratio[WAVE_MIN:, 0] = 40, 254
    save("edge_speed_ratio", ratio, "edge", scale=1 / 250)
    terrain = city.terrain
    assert terrain is not None
    land = np.flatnonzero((terrain.elev_m.ravel() > 0) & (terrain.elev_m.ravel() < 8))
    rise = np.clip(minute - WAVE_MIN, 0, 10)[:, None] * 0.6
    depth = np.clip(rise - terrain.elev_m.ravel()[land][None, :] * 0.4, 0, None)
    save("wetcell_depth_m", np.rint(depth * 1000).astype(np.uint16), "cell", "m", 0.001,
         index=land)
    block = 5
    rows, columns = terrain.elev_m.shape[0] // block, terrain.elev_m.shape[1] // block
    level = np.broadcast_to(np.clip(minute - 9, 0, 8)[:, None] * 0.4, (minute.size, rows * columns))
    save("sea_level_m", np.rint((level + 20) * 1000).astype(np.uint16), "coarse cell", "m", 0.001,
         -20.0, rows=rows, columns=columns, block=block)
    save("gauge_level_m", np.rint((level[:, :1] + 20) * 1000).astype(np.uint16), "gauge", "m",
         0.001, -20.0)
    ux = 100.0 + 40.0 * np.clip(minute[:, None] - 3 - np.arange(3), 0, 5)
    save("unit_x_m", metric(ux), "unit", **place)
    save("unit_y_m", metric(np.broadcast_to(200.0 + 100.0 * np.arange(3), ux.shape)), "unit",
         **place)
    save("unit_phase", np.where(minute[:, None] < 3 + np.arange(3), 0, 2).astype(np.uint8), "unit")
    save("facility_load", np.minimum(minute[:, None], 20).astype(np.uint16), "facility", "people")


def _manifest(city: City, plan: str, digest: str) -> dict[str, Any]:
    town_of = np.arange(3)
    ring = [[-50.0, -50.0], [350.0, -50.0], [350.0, 900.0], [-50.0, 900.0], [-50.0, -50.0]]
    return {
        "schema": 1, "digest": digest, "seed": 1, "population_share": 1.0,
        "city": {"name": city.name, "title": city.title, "notes": list(city.notes)},
        "scenario": {"name": "testtown-tsunami", "title": "Wave at the test town",
                     "settings": {"tsunami": {"gauges": [
                         {"name": "Pier", "lon": -71.0005, "lat": -29.996}]}}},
        "plan": {"name": plan, "title": f"Plan {plan}",
                 "settings": {"order": {"zones": [{"name": "Shore"}]}}},
        "start_utc": "2024-03-06T22:54:00Z", "timezone": city.timezone,
        "duration_s": MINUTES * 60.0, "wall_s": 1.0, "versions": {"python": "3.11"},
        "layers": [vars(layer) for layer in city.layers],
        "assumptions": [{"name": "walking speed", "value": 1.2, "unit": "m/s",
                         "status": "synthetic", "source": "made up"}],
        "tables": {**events.tables(), "places": list(PLACES), "health": list(HEALTH),
                   "care": list(CARE), "unit_phases": list(UNIT_PHASES)},
        "units": [{"name": f"{letter}1", "kind": kind, "letter": letter, "station": "Station"}
                  for letter, kind in zip("AFP", ("ambulance", "fire_rescue", "police"),
                                          strict=True)],
        "controls": [{"name": "Crossroads", "node": int(town_of[1]), "officers": 2}],
        "zones": [str(name) for name in city.zones.name], "facilities": [],
        "gauges": ["Pier"], "channels": ["siren"], "danger_zone": [ring],
    }


def _score(state: np.ndarray, health: np.ndarray) -> dict[str, Any]:
    dead = int((health[-1] == HEALTH.index("dead")).sum())
    safe = int((state[-1] == PLACES.index("high ground")).sum())
    return {
        "schema": 1, "score": 71.0, "efficiency": 74.0, "fairness": 66.0,
        "metrics": [
            {"name": "deaths", "value": float(dead), "unit": "people", "better": "lower",
             "by_group": {"municipality": {"West": float(dead), "East": 0.0}}},
            {"name": "median_response", "value": 330.0, "unit": "s", "better": "lower",
             "by_group": {}},
        ],
        "ledger": {"people": {"safe": safe, "dead": dead, "staying": GROUPS - safe - dead},
                   "unfinished": {"refused": GROUPS - safe - dead}},
    }
