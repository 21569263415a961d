"""User files that GDAL reads: zones, buildings and facilities in any coordinate system."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from city_models.synthesis import Site
from engine.city import FACILITIES, USES
from engine.errors import InputError, unknown


def _frame(path: Path, crs: str, kinds: tuple[str, ...]) -> Any:
    """Return a GeoDataFrame in the city's metres; InputError that names the file."""
    import geopandas

    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        frame = geopandas.read_file(path)
    except Exception as error:  # drivers raise errors of their own
        raise InputError(f"{path}: cannot be read ({str(error).splitlines()[0]})") from None
    if not hasattr(frame, "geometry") or len(frame) == 0 or frame.geometry.isna().any():
        raise InputError(f"{path}: every row needs a geometry, and there must be one row")
    if frame.crs is None:
        raise InputError(f"{path}: has no coordinate system")
    wrong = sorted(set(frame.geom_type) - set(kinds))
    if wrong:
        raise InputError(f"{path}: holds {wrong[0]}, allowed: {', '.join(kinds)}")
    return frame.to_crs(crs)


def _text_column(frame: Any, name: str, default: list[str]) -> NDArray[np.object_]:
    if name not in frame.columns:
        return np.array(default, object)
    return np.array(
        [d if v is None or v != v else str(v) for v, d in zip(frame[name], default, strict=True)],
        object,
    )


def read_zones(
    path: Path, crs: str
) -> tuple[NDArray[np.object_], NDArray[np.object_], NDArray[np.object_], NDArray[np.int32] | None]:
    """Return polygons, names, municipalities and population (None where there is no column)."""
    frame = _frame(path, crs, ("Polygon", "MultiPolygon"))
    if len(frame) > 32_000:
        raise InputError(f"{path}: {len(frame)} zones, allowed: up to 32000")
    polygons = np.array(shapely.make_valid(np.asarray(frame.geometry.values, object)), object)
    names = _text_column(frame, "name", [f"Zone {i + 1}" for i in range(len(frame))])
    municipality = _text_column(frame, "municipality", [path.stem] * len(frame))
    if "population" not in frame.columns:
        return polygons, names, municipality, None
    try:
        people = frame["population"].to_numpy(dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{path}: column 'population' must hold numbers") from None
    bad = np.flatnonzero(~np.isfinite(people) | (people < 0))
    if bad.size:
        raise InputError(
            f"{path}: row {bad[0] + 1}: population is {people[bad[0]]}, allowed: 0 or more"
        )
    from city_models.people import largest_remainder

    return polygons, names, municipality, largest_remainder(people)


def read_buildings(path: Path, crs: str) -> list[dict[str, Any]]:
    """Return building rows: optional columns use, storeys (or levels) and height_m."""
    frame = _frame(path, crs, ("Polygon", "MultiPolygon", "Point"))
    use = _text_column(frame, "use", ["residential"] * len(frame))
    levels = "storeys" if "storeys" in frame.columns else "levels"
    rows = []
    for i, shape in enumerate(frame.geometry):
        if use[i] not in USES:
            raise unknown("use", use[i], USES, f"{path}: row {i + 1}")
        if shape.geom_type == "MultiPolygon":
            shape = max(shape.geoms, key=lambda p: p.area)
        rows.append({
            "shape": shape, "key": i, "use": use[i], "storeys": _number(frame, levels, i),
            "height_m": _number(frame, "height_m", i),
        })
    return rows


def read_facilities(path: Path, crs: str) -> list[Site]:
    """Return facilities: column kind, optional name, capacity and units."""
    frame = _frame(path, crs, ("Point", "Polygon", "MultiPolygon"))
    if "kind" not in frame.columns:
        raise InputError(f"{path}: column 'kind' is missing")
    kinds = _text_column(frame, "kind", [""] * len(frame))
    names = _text_column(frame, "name", [f"Facility {i + 1}" for i in range(len(frame))])
    sites = []
    for i, point in enumerate(frame.geometry.representative_point()):
        if kinds[i] not in FACILITIES:
            raise unknown("kind", kinds[i], FACILITIES, f"{path}: row {i + 1}")
        capacity, units = _number(frame, "capacity", i), _number(frame, "units", i)
        sites.append(
            Site(kinds[i], names[i], float(point.x), float(point.y),
                 int(capacity) if capacity == capacity else 0,
                 int(units) if units == units else 0, "measured")
        )
    return sites


def _number(frame: Any, column: str, row: int) -> float:
    if column not in frame.columns:
        return float("nan")
    try:
        return float(frame[column].iloc[row])
    except (TypeError, ValueError):
        return float("nan")
