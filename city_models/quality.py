"""The data-quality gate: what was wrong with a source, how often, and what was done.

Importers record what they meet in a `Report`; `inspect` adds what can be seen in a finished
city. The result is saved as `quality.json` in the city's folder.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engine.city import FACILITIES, STATUSES, USES, City, Terrain
from engine.city_io import QUALITY_JSON
from engine.errors import InputError

_MAX_EXAMPLES = 5
_STEEP = 0.35
#: What follows where a city has no facility of a kind.
_LACK = {
    "hospital": "nobody can be admitted",
    "fire_station": "no fire and rescue units",
    "police_station": "no police units",
    "ambulance_station": "ambulances only where a hospital or clinic has some",
    "shelter": "people go out of the area or to high ground only",
}
#: Severities: the source was mended, a value was assumed, or the user should know.
SEVERITIES = ("mended", "assumed", "notice")


@dataclass(frozen=True)
class Defect:
    """One kind of defect: `count` of `total` items, what was done, and a few examples."""

    kind: str
    layer: str
    count: int
    total: int
    action: str
    severity: str
    examples: tuple[str, ...] = ()


@dataclass
class Report:
    """Defects in the order in which they were met."""

    defects: list[Defect] = field(default_factory=list)

    def add(
        self, kind: str, layer: str, count: int, total: int, action: str,
        severity: str = "mended", examples: Iterable[Any] = (),
    ) -> None:
        """Record a kind of defect; nothing is recorded where `count` is 0."""
        if count:
            shown = tuple(str(e) for _, e in zip(range(_MAX_EXAMPLES), examples, strict=False))
            self.defects.append(
                Defect(kind, layer, int(count), int(total), action, severity, shown)
            )

    def finish(self, city: City) -> Report:
        """Append what `inspect` sees in the finished city and return the report."""
        self.defects.extend(inspect(city))
        return self

    def to_json(self) -> str:
        """Return the report as JSON text."""
        rows = [dataclasses.asdict(d) for d in self.defects]
        return json.dumps({"schema": 1, "defects": rows}, indent=1, ensure_ascii=False) + "\n"


def read_quality(folder: Path) -> list[Defect]:
    """Return the defects saved in a city folder; an empty list where no report was saved."""
    path = folder / QUALITY_JSON
    if not path.is_file():
        return []
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["defects"]
        return [Defect(**{**row, "examples": tuple(row["examples"])}) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: damaged quality report ({error})") from None


def inspect(city: City) -> list[Defect]:
    """Return what is noteworthy about a finished city: missing or invented layers."""
    report = Report()
    counts = np.bincount(city.facilities.kind, minlength=len(FACILITIES))
    for kind, lack in _LACK.items():
        if counts[FACILITIES.index(kind)] == 0:
            report.add(f"no {kind}", "facilities", 1, 1, f"none: {lack}", "notice")
    buildings = city.buildings
    total = buildings.x_m.size
    report.add(
        "no buildings", "buildings", int(total == 0), 1, "none: nobody can be at home", "notice"
    )
    bare = sum(shape is None for shape in buildings.polygon)
    report.add(
        "building without footprint", "buildings", bare, total,
        "shown as points; footprint area is an assumption", "notice",
    )
    report.add(
        "no terrain", "terrain", int(city.terrain is None), 1,
        "floods and tsunamis cannot be played", "notice",
    )
    if city.terrain is not None:
        _inspect_terrain(city, city.terrain, report)
    report.add(
        "no inhabitants", "persons", int(city.persons.household.size == 0), 1,
        "none: nobody can be warned", "notice",
    )
    invented = city.facilities.status == STATUSES.index("synthetic")
    report.add(
        "synthetic facility", "facilities", int(invented.sum()), invented.size,
        "placed by rule, see PROVENANCE.md or the layer card", "notice",
        city.facilities.name[invented],
    )
    return report.defects


def _inspect_terrain(city: City, terrain: Terrain, report: Report) -> None:
    report.add(
        "no sea at the terrain's edge", "terrain", int(not terrain.open_sides), 1,
        "no side is open (needs a sea bed below 0 m): tsunamis cannot come in", "notice",
    )
    streets, height = city.streets, city.nodes.elev_m
    rise = np.abs(height[streets.to_node] - height[streets.from_node])
    steep = rise > _STEEP * streets.length_m
    report.add(
        f"street steeper than {_STEEP:.0%}", "terrain", int(steep.sum()), steep.size,
        "kept; bridges and tunnels have the height of the ground", "notice",
        streets.key[steep],
    )


def check_city(city: City, folder: Path | None = None) -> dict[str, Any]:
    """Return the whole gate as one structure: counts, layer card, defects, notes."""
    streets = city.streets
    facilities = np.bincount(city.facilities.kind, minlength=len(FACILITIES))
    uses = np.bincount(city.buildings.use, minlength=len(USES))
    return {
        "city": city.name,
        "title": city.title,
        "counts": {
            "nodes": int(city.nodes.x_m.size),
            "streets": int(streets.from_node.size),
            "drive_edges": int(city.edges.street.size),
            "walkable_streets": int(streets.walk.sum()),
            "bridges": int(streets.bridge.sum()),
            "street_km": round(float(streets.length_m.sum(dtype=np.float64)) / 1000.0, 1),
            "zones": int(city.zones.population.size),
            "population": int(city.persons.household.size),
            "households": int(city.households.building.size),
            "cars": int(city.households.cars.sum(dtype=np.int64)),
            "buildings": int(city.buildings.x_m.size),
            "buildings_by_use": {u: int(n) for u, n in zip(USES, uses, strict=True) if n},
            "facilities": {k: int(n) for k, n in zip(FACILITIES, facilities, strict=True) if n},
            "terrain_cells": 0 if city.terrain is None else int(city.terrain.elev_m.size),
        },
        "layers": [dataclasses.asdict(layer) for layer in city.layers],
        "defects": [
            dataclasses.asdict(d) for d in (read_quality(folder) if folder else inspect(city))
        ],
        "notes": list(city.notes),
    }
