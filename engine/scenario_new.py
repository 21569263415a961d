"""Write a new scenario: a precautionary evacuation of a circle, ready to be edited.

The commonest evacuation of a city without a natural hazard is of this kind (an unexploded bomb, a
gas leak): everyone inside a circle has to leave, nothing is flooded or shaken. Two plans are
written: an order with free choice of mode, and one that is prepared.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from engine.city import City
from engine.errors import InputError
from engine.outputs import atomic_folder
from engine.plan import default_plans
from engine.prepare import prepare
from engine.scenario import load_scenario

_SCENARIO = """\
# A precautionary evacuation: everyone within {radius:.0f} m of the point has to leave.
name: {name}
title: Precautionary evacuation, {title}
city: {city}
start_utc: {start}  # 10:00 on a weekday in {timezone}
duration_s: 10800
danger_zone:
  - within: {{lon: {lon:.6f}, lat: {lat:.6f}, radius_m: {radius:.0f}}}
population: {{share: 1.0, occupancy: auto}}
plans: [evacuate, evacuate-early]
"""

_PLAN = """\
# {comment}
name: {plan}
title: {plan_title}
order:
  trigger: {{at_s: {at}}}
  delay_s: {delay}
  zones:
    - name: Circle
      within: {{lon: {lon:.6f}, lat: {lat:.6f}, radius_m: {radius:.0f}}}
      mode: {mode}
channels:
{channels}
destinations: {{shelter_open_s: {open}}}
"""


#: Radius where none is asked for; less where it would take in over a third of the junctions.
RADIUS_M = 1000.0
MOST_OF_CITY = 1 / 3


def write_new_scenario(
    name: str, city: City, city_name: str, folder: Path, radius_m: float | None = None
) -> Path:
    """Write scenario.yaml and two plans into `folder`; the circle lies round the densest place."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise InputError(f"scenario name '{name}': use a-z, 0-9 and hyphens")
    if Path(folder).exists():
        raise InputError(f"{folder}: exists; choose another name or --out")
    lon, lat = _densest(city, radius_m or RADIUS_M)
    radius_m = radius_m or _radius(city, lon, lat)
    path = Path(city_name)
    shown = str(path.resolve()) if path.is_dir() else city_name
    fields = {"name": name, "title": city.title, "city": shown, "lon": lon, "lat": lat,
              "radius": radius_m, "timezone": city.timezone, "start": _morning(city.timezone)}
    late = "  - {kind: loudspeaker, start_s: 600, repeat_s: 600, coverage: 0.8}"
    early = "\n".join([
        "  - {kind: cell_broadcast, start_s: 0, repeat_s: 600}",
        "  - {kind: loudspeaker, start_s: 300, repeat_s: 600, coverage: 0.9}",
        "  - {kind: radio_tv, start_s: 120, repeat_s: 1200}",
    ])
    with atomic_folder(Path(folder)) as place:
        (place / "scenario.yaml").write_text(_SCENARIO.format(**fields))
        (place / "evacuate.yaml").write_text(_PLAN.format(
            comment="Officers with loudspeakers, free choice of mode.", plan="evacuate",
            plan_title="Loudspeakers only", at=0, delay=1200, mode="free", channels=late,
            open=3600, **{k: fields[k] for k in ("lon", "lat", "radius")}))
        (place / "evacuate-early.yaml").write_text(_PLAN.format(
            comment="Prepared: phones, radio and loudspeakers, walking first.",
            plan="evacuate-early", plan_title="Prepared, walking first", at=0, delay=300,
            mode="foot", channels=early, open=1200,
            **{k: fields[k] for k in ("lon", "lat", "radius")}))
        scenario = load_scenario(str(place))
        try:
            for plan in default_plans(scenario):
                prepare(city, scenario, plan)
        except InputError as error:
            reason = str(error).rpartition(": ")[2]
            raise InputError(
                f"a circle of {radius_m:g} m does not suit city '{city.name}': {reason}"
            ) from None
    return Path(folder)


def _radius(city: City, lon: float, lat: float) -> float:
    """The usual radius, or the one that holds a third of the junctions in a small town."""
    x, y = city.xy(lon, lat)
    away = np.hypot(city.nodes.x_m - float(x), city.nodes.y_m - float(y))
    most = float(np.quantile(away, MOST_OF_CITY))
    return max(50.0, min(RADIUS_M, float(np.floor(most / 10.0) * 10.0)))


def _morning(timezone: str) -> str:
    """10:00 local time of a Wednesday, in UTC."""
    local = datetime(2024, 5, 15, 10, tzinfo=ZoneInfo(timezone))
    return local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _densest(city: City, radius_m: float) -> tuple[float, float]:
    """Position of the building with the most residents within half the radius."""
    from scipy.spatial import cKDTree

    if city.persons.household.size == 0:
        x, y = float(city.nodes.x_m.mean()), float(city.nodes.y_m.mean())
    else:
        home = city.person_building
        points = np.column_stack([city.buildings.x_m[home], city.buildings.y_m[home]])
        sample = points[:: max(1, points.shape[0] // 20_000)]
        tree = cKDTree(sample)
        candidates = sample[:: max(1, sample.shape[0] // 400)]
        counts = tree.query_ball_point(candidates, radius_m / 2, return_length=True)
        x, y = candidates[int(np.argmax(counts))]
    lon, lat = city.lonlat(x, y)
    return float(lon), float(lat)
