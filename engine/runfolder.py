"""The run folder: manifest, events, KPIs, frames and score on disk. Formats: docs/architecture.md."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import platform
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from engine import events
from engine.assumptions import assumption_card
from engine.city import AGE_GROUPS, FACILITIES, MOBILITY, City
from engine.outputs import atomic_folder, write_whole
from engine.parties import positions
from engine.scoring import context as scoring
from engine.site import UNIT_KINDS, UNIT_LETTER
from engine.world import CARE, HEALTH, PLACES, UNIT_PHASES

if TYPE_CHECKING:
    from engine.plan import Plan
    from engine.run import Run
    from engine.scenario import Scenario
    from engine.twin import Twin

_PACKAGES = ("mesa", "simpy", "numba", "numpy", "scipy", "pandas", "networkx", "osmnx", "geopandas",
             "pydeck")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages a run depends on."""
    found = {"python": sys.version.split()[0], "machine": platform.machine()}
    for package in ("anlan", *_PACKAGES):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def score_context(twin: Twin) -> scoring.Context:
    """Static facts that scoring needs beside City and the log."""
    site, city = twin.context.site, twin.city
    towns = city.zones.municipality[site.zone_of_node[site.units.node]]
    units = tuple(
        scoring.Unit(UNIT_KINDS[kind], str(town), int(crew))
        for kind, town, crew in zip(site.units.kind, towns, site.units.crew, strict=True)
    )
    leader_s = alone_s = 0.0
    if (leaders := twin.plan.street_leaders) is not None:
        block_s = 3600 * leaders.households_a_leader / leaders.households_an_hour
        leader_s = min(block_s, leaders.stop_s - leaders.call_s)
        alone_s = min(block_s, leaders.stop_s - (leaders.ready_s or 0.0))
    return scoring.Context(
        duration_ms=twin.context.duration_ms, danger_node=site.danger_node, beds=site.beds,
        units=units, leader_ms=round(1000 * leader_s),
        leader_alone_ms=round(1000 * alone_s),
    )


def manifest(run: Run) -> dict[str, Any]:
    """Everything a reader needs to know what was run and what it rests on."""
    twin = run.twin
    city, scenario, plan, site = twin.city, twin.scenario, twin.plan, twin.context.site
    facilities = city.facilities
    return {
        "schema": 1,
        "city": {"name": twin.full_city.name, "title": city.title, "hash": twin.full_city.content_hash,
                 "population": int(city.persons.household.size), "notes": list(city.notes),
                 "crs": city.crs},
        "scenario": {"name": scenario.name, "title": scenario.title, "hash": _hash(scenario),
                     "settings": json.loads(scenario.model_dump_json())},
        "plan": {"name": plan.name, "title": plan.title, "hash": _hash(plan),
                 "settings": json.loads(plan.model_dump_json())},
        "seed": twin.run_seed,
        "population_share": scenario.population.share,
        "start_utc": scenario.start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "timezone": city.timezone,
        "departments": vars(city.departments),
        "duration_s": scenario.duration_s,
        "digest": run.digest,
        "events": len(twin.log),
        "wall_s": round(run.wall_s, 2),
        "versions": versions(),
        "layers": [vars(layer) for layer in city.layers],
        "assumptions": assumption_card(twin),
        "tables": {**events.tables(), "places": list(PLACES), "health": list(HEALTH),
                   "care": list(CARE), "unit_phases": list(UNIT_PHASES)},
        "units": [
            {"name": f"{UNIT_LETTER[kind]}{row + 1}", "kind": UNIT_KINDS[kind],
             "letter": UNIT_LETTER[kind], "staff": int(crew),
             "station": plan.mutual_aid[aid].name if aid >= 0 else
                        scenario.bus_depots[depot].name if depot >= 0 else
                        str(facilities.name[station])}
            for row, (kind, station, crew, aid, depot) in enumerate(zip(
                site.units.kind, site.units.station, site.units.crew, site.units.aid,
                site.units.depot, strict=True))
        ],
        "missions": list(site.missions.name),
        "controls": [
            {"name": point.name, "node": int(node), "officers": point.officers}
            for point, node in zip(plan.posts, site.control_node, strict=False)
        ] + [
            {"name": place.name, "node": int(node), "officers": site.crowds.officers}
            for place, node in zip(scenario.venues, site.venue_node, strict=True)
        ],
        "venues": [
            {"name": place.name, "lon": place.lon, "lat": place.lat,
             "people": sum(group.count for group in venue.groups)}
            for place, venue in zip(scenario.venues, site.venues, strict=True)
        ],
        "cameras": [
            {"name": f"{camera.name}, {place.name}", "lon": place.lon, "lat": place.lat}
            for place, venue in zip(scenario.venues, site.venues, strict=True)
            for camera in venue.cameras
        ],
        "refuges": [
            {"name": lever.name, "node": int(node), "places": int(places)}
            for lever, node, places in zip(
                plan.vertical_refuges, site.refuges.node, site.refuges.places, strict=True)
        ],
        "zones": [str(name) for name in city.zones.name],
        "facilities": [
            {"name": str(name), "kind": FACILITIES[kind], "x_m": float(x), "y_m": float(y),
             "capacity": int(capacity), "surge_beds": int(beds), "inside_line": bool(inside)}
            for name, kind, x, y, capacity, beds, inside in zip(
                facilities.name, facilities.kind, facilities.x_m, facilities.y_m,
                facilities.capacity, site.beds, site.exclusion_node[facilities.node], strict=True)
        ],
        "gauges": [gauge.name for gauge in scenario.tsunami.gauges] if scenario.tsunami else [],
        "danger_zone": danger_rings(twin),
        "channels": [channel.kind for channel in plan.channels],
    }


def _hash(model: Any) -> str:
    return hashlib.sha256(model.model_dump_json().encode()).hexdigest()


def danger_rings(twin: Twin) -> list[list[list[float]]]:
    """Outline of the danger zone in metres: its junctions and who starts there, merged."""
    import shapely

    nodes, danger = twin.city.nodes, twin.context.site.danger_node
    parties = twin.context.parties
    x, y = positions(twin.city, parties)
    there = danger[parties.node]
    # Homes on a grid of 40 m: 75,000 circles would take a minute to merge.
    homes = np.unique(np.rint(np.column_stack([x[there], y[there]]) / 40.0), axis=0) * 40.0
    spots = np.concatenate([np.column_stack([nodes.x_m[danger], nodes.y_m[danger]]), homes])
    shape = shapely.union_all(shapely.buffer(shapely.points(spots), 120.0, quad_segs=3))
    shape = shapely.simplify(shape.buffer(-60.0), 20.0)
    polygons = [p for p in getattr(shape, "geoms", [shape]) if p.area > 0.0]
    return [[[round(x, 1), round(y, 1)] for x, y in p.exterior.coords] for p in polygons]


def party_table(twin: Twin) -> pd.DataFrame:
    """One row a party: who it is and where it begins."""
    parties, site = twin.context.parties, twin.context.site
    town, towns = twin.city.zone_municipality
    x, y = positions(twin.city, parties)
    return pd.DataFrame(
        {
            "party": np.arange(parties.count), "size": parties.size, "zone": parties.zone,
            "municipality": events.category(town[parties.zone], list(towns)),
            "node": parties.node, "in_danger_zone": site.danger_node[parties.node],
            "has_car": parties.cars > 0,
            "mobility": events.category(parties.slow, list(MOBILITY)),
            "age_group": events.category(parties.age_group, list(AGE_GROUPS)),
            "x_m": x.astype(np.float32), "y_m": y.astype(np.float32),
        }
    )


def run_inputs(
    city: City, scenario: Scenario, plan: Plan, seed: int, rows: Iterable[dict[str, Any]]
) -> dict[str, Any]:
    """What a run is made of, as its folder tells it (`outputs.other_inputs`)."""
    return {"city": city.content_hash, "scenario": _hash(scenario), "plan": _hash(plan),
            "seed": seed, "inputs": _lines(rows)}


def _lines(rows: Iterable[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, sort_keys=True) + "\n" for row in rows)


def save(run: Run, target: Path) -> Path:
    """Write the run folder and return its path."""
    with atomic_folder(target) as folder:
        write_json(folder / "manifest.json", manifest(run))
        write_json(folder / "score.json", run.score)
        run.codes.to_parquet(folder / "events.parquet", index=False, compression="zstd")
        run.kpis.to_parquet(folder / "kpis.parquet", index=False, compression="zstd")
        party_table(run.twin).to_parquet(folder / "parties.parquet", index=False,
                                         compression="zstd")
        (folder / "inputs.jsonl").write_text(_lines(run.twin.inputs.rows))
        (folder / "frames").mkdir()
        recorder = run.twin.recorder
        for name in recorder.frame_names():
            np.savez_compressed(folder / "frames" / f"{name}.npz", **recorder.frame(name))
    return Path(target)


def write_json(path: Path, document: Any) -> None:
    """Write JSON with sorted keys and no NaN."""
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_whole(path, text + "\n")
