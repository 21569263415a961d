"""City folders: `city.toml` beside GeoParquet, Parquet and GeoTIFF layers.

Writing is atomic (a temporary folder beside the target, synced, then renamed) and reading
gives back exactly what was written: `load_city_folder(f).content_hash` equals the hash of the
city that was saved. Reading uses pyarrow and shapely's vectorised functions only.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from engine import outputs
from engine.city import AGE_GROUPS, TABLES, City, Layer, Terrain, table_length
from engine.departments import Departments, read_departments
from engine.errors import InputError, shown, unknown
from engine.women import read_women

_DTYPES: dict[str, Any] = {
    "B": np.bool_, "U8": np.uint8, "I16": np.int16, "I32": np.int32, "I64": np.int64,
    "F32": np.float32, "F64": np.float64, "S": object,
}
#: Tables with a geometry column; the rest are plain Parquet.
_GEO = ("nodes", "streets", "zones", "buildings", "facilities")
#: Columns that the geometry column carries.
_IN_GEOMETRY = {
    "nodes": ("x_m", "y_m"),
    "facilities": ("x_m", "y_m"),
    "streets": ("vertex_ptr", "vertex_x_m", "vertex_y_m"),
    "zones": ("polygon",),
    "buildings": ("polygon",),
}
_FORMAT = 1
CITY_TOML = "city.toml"
TERRAIN_TIF = "terrain.tif"
QUALITY_JSON = "quality.json"
_STATUS = ("measured", "derived", "synthetic")
_SIDES = ("west", "east", "south", "north")
_QUALITY_KEYS = ("layer", "count", "total", "action", "severity", "examples")


def list_cities() -> tuple[str, ...]:
    """Return the names of the built-in cities, sorted."""
    root = resources.files("city_models")
    return tuple(
        sorted(e.name for e in root.iterdir() if e.is_dir() and e.joinpath(CITY_TOML).is_file())
    )


def city_folder(name: str | os.PathLike[str]) -> Path:
    """Return the folder of a built-in city or of a path; InputError where there is none."""
    text = os.fspath(name)
    built_in = list_cities()
    if text in built_in:
        return Path(str(resources.files("city_models").joinpath(text)))
    folder = Path(text)
    if os.path.isfile(folder) and folder.name == CITY_TOML:
        return folder.parent
    if os.path.isdir(folder):
        if not (folder / CITY_TOML).is_file():
            raise InputError(f"{folder}: not a city folder, {CITY_TOML} is missing")
        return folder
    if os.path.exists(folder):
        raise InputError(f"{folder}: not a city folder but a file")
    if len(folder.parts) > 1:
        raise InputError(
            f"{shown(text)[1:-1]}: no such city folder (built-in: {', '.join(built_in)})"
        )
    raise unknown("city", text, built_in)


def load_city_folder(folder: str | os.PathLike[str]) -> City:
    """Return the city of a built-in name or a folder.

    Raises InputError that names the file where one is missing, truncated or inconsistent.
    """
    path = city_folder(folder)
    head = read_head(path)
    tables = {name: _read_table(path, name) for name in TABLES}
    for name, count in head.get("rows", {}).items():
        if name in tables and table_length(tables[name]) != count:
            raise InputError(
                f"{path / f'{name}.parquet'}: damaged: {table_length(tables[name]):,} rows, and "
                f"{CITY_TOML} says {shown(count)}"
            )
    terrain = _read_terrain(path / TERRAIN_TIF, head["terrain"]) if "terrain" in head else None
    return City(
        name=head["name"], title=head["title"], crs=head["crs"], timezone=head["timezone"],
        terrain=terrain, layers=tuple(Layer(**row) for row in head["layer"]),
        notes=tuple(head["notes"]),
        departments=read_departments(head["departments"], str(path / CITY_TOML)),
        women=read_women(head["women"], str(path / CITY_TOML)), **tables,
    )


def load_city(name: str | os.PathLike[str]) -> City:
    """Return a city by built-in name or folder; the public name of `load_city_folder`."""
    return load_city_folder(name)


def city_quality(name: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Return the data-quality gate of a city as rows, after loading and validating it.

    Each row has check, layer, count, total, action, severity and examples; the rows were
    written to `quality.json` when the city was built.
    """
    folder = city_folder(name)
    load_city_folder(folder)
    path = folder / QUALITY_JSON
    if not path.is_file():
        return []
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return [
            {"check": row["kind"], **{k: row[k] for k in _QUALITY_KEYS}}
            for row in document["defects"]
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: damaged quality report ({error!r})") from None


def read_head(folder: Path) -> dict[str, Any]:
    """Return the checked content of a folder's `city.toml`."""
    path = folder / CITY_TOML
    try:
        head = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    for key, kind in (
        ("name", str), ("title", str), ("crs", str), ("timezone", str), ("format", int),
    ):
        if not isinstance(head.get(key), kind):
            raise InputError(f"{path}: key '{key}' is missing or not of type {kind.__name__}")
    if head["format"] != _FORMAT:
        raise InputError(f"{path}: format is {head['format']}, allowed: {_FORMAT}")
    head.setdefault("notes", [])
    head.setdefault("layer", [])
    head.setdefault("departments", {})
    head.setdefault("women", {})
    _check_head(head, path)
    allowed = {f.name for f in dataclasses.fields(Layer)}
    for number, row in enumerate(head["layer"]):
        missing = allowed - {"note"} - set(row)
        if missing or set(row) - allowed:
            raise InputError(
                f"{path}: layer {number + 1} needs the keys {', '.join(sorted(allowed))}"
            )
        for key, value in row.items():
            if not isinstance(value, str):
                raise InputError(f"{path}: layer {number + 1}: '{key}' must be text")
        if row["status"] not in _STATUS:
            raise unknown("status", row["status"], _STATUS, f"{path}: layer {number + 1}")
    return head


def _check_head(head: dict[str, Any], path: Path) -> None:
    """InputError for a value of `city.toml` that cannot be used."""

    def wrong(key: str, value: Any, expected: str) -> InputError:
        return InputError(f"{path}: '{key}' is {shown(value)}, expected {expected}")

    try:
        ZoneInfo(head["timezone"])
    except (OSError, ValueError, KeyError):
        raise wrong("timezone", head["timezone"], "an IANA name such as Europe/Lisbon") from None
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        CRS(head["crs"])
    except CRSError:
        raise wrong("crs", head["crs"], "a coordinate system in metres, such as EPSG:32719") from None
    for key, kind in (("notes", str), ("layer", dict)):
        rows = head[key]
        if not isinstance(rows, list) or not all(isinstance(row, kind) for row in rows):
            raise wrong(key, rows, "a list of texts" if kind is str else "[[layer]] entries")
    if not isinstance(head.get("rows", {}), dict):
        raise wrong("rows", head["rows"], "a number of rows for each table")
    terrain = head.get("terrain")
    if terrain is None:
        return
    if not isinstance(terrain, dict):
        raise wrong("terrain", terrain, "a table")
    for key in ("x0_m", "y0_m", "dx_m", "uncertainty_m"):
        value = terrain.get(key, 1.0)
        number = float(value) if type(value) in (int, float) else math.nan
        low = {"dx_m": 1e-3, "uncertainty_m": 0.0}.get(key, -1e9)
        if not low <= number <= 1e9:
            raise wrong(f"terrain.{key}", value, f"a number of {low:g} to 1e+09")
    sides = terrain.get("open_sides", [])
    if not isinstance(sides, list) or not set(map(str, sides)) <= set(_SIDES):
        raise wrong("terrain.open_sides", sides, f"a list of {', '.join(_SIDES)}")


def check_target(folder: str | os.PathLike[str]) -> Path:
    """The absolute path of a folder to write a city to; InputError where that cannot be."""
    target = Path(os.fspath(folder)).absolute()
    if os.path.lexists(target) and not os.path.isdir(target):
        raise InputError(f"{target}: exists and is not a folder")
    if os.path.isdir(target) and any(target.iterdir()):
        try:
            read_head(target)
        except InputError:
            raise InputError(
                f"{target}: exists and is not a city folder; give another folder"
            ) from None
    outputs.check_file(target / CITY_TOML)
    return target


def save_city(
    city: City, folder: str | os.PathLike[str], extra: Mapping[str, str] | None = None
) -> Path:
    """Write a city folder atomically and return its path.

    `extra` maps file names to text (for example `quality.json`). An existing city folder is
    replaced, its other files kept; any other folder that is not empty is refused.
    """
    target = check_target(folder)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = target.parent / f".{target.name}.{os.getpid()}.part"
        work.mkdir()
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror})") from None
    try:
        _write_all(city, work, extra or {})
        _swap(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target


def _write_all(city: City, work: Path, extra: Mapping[str, str]) -> None:
    (work / CITY_TOML).write_text(_head_text(city), encoding="utf-8")
    for name in TABLES:
        _write_table(city, name, work / f"{name}.parquet")
    if city.terrain is not None:
        _write_terrain(city.terrain, city.crs, work / TERRAIN_TIF)
    for name, text in extra.items():
        (work / name).write_text(text, encoding="utf-8")
    for path in sorted(work.iterdir()):
        _sync(path)
    _sync(work)


def _swap(work: Path, target: Path) -> None:
    """Put the finished folder under its final name, with the old folder's other files."""
    if not target.is_dir():
        os.replace(work, target)
        _sync(target.parent)
        return
    ours = {CITY_TOML, TERRAIN_TIF, *(f"{name}.parquet" for name in TABLES)}
    for path in target.iterdir():
        if path.name not in ours and not (work / path.name).exists():
            if path.is_dir():
                shutil.copytree(path, work / path.name)
            else:
                shutil.copy2(path, work / path.name)
    old = target.parent / f".{target.name}.{os.getpid()}.old"
    os.replace(target, old)
    try:
        os.replace(work, target)
    except OSError:
        os.replace(old, target)
        raise
    _sync(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _head_text(city: City) -> str:
    west, south, east, north = bounds_lonlat(city)
    lines = [
        f"format = {_FORMAT}",
        f"name = {_toml(city.name)}",
        f"title = {_toml(city.title)}",
        f"crs = {_toml(city.crs)}",
        f"bounds = [{west:.6f}, {south:.6f}, {east:.6f}, {north:.6f}]",
        f"timezone = {_toml(city.timezone)}",
        f"notes = [{', '.join(_toml(n) for n in city.notes)}]",
    ]
    lines += ["", "[rows]"]
    lines += [f"{name} = {table_length(getattr(city, name))}" for name in TABLES]
    if city.terrain is not None:
        t = city.terrain
        lines += [
            "", "[terrain]",
            f"x0_m = {float(t.x0_m)!r}", f"y0_m = {float(t.y0_m)!r}",
            f"dx_m = {float(t.dx_m)!r}", f"uncertainty_m = {float(t.uncertainty_m)!r}",
            f"open_sides = [{', '.join(_toml(s) for s in t.open_sides)}]",
        ]
    if city.departments != Departments():
        lines += ["", "[departments]"]
        lines += [
            f"{key} = {_toml(value) if isinstance(value, str) else str(value).lower()}"
            for key, value in dataclasses.asdict(city.departments).items()
        ]
    if city.women:
        lines += ["", "[women]"]
        lines += [f"{_toml(group)} = {share!r}"
                  for group, share in zip(AGE_GROUPS, city.women, strict=True)]
    for layer in city.layers:
        lines += ["", "[[layer]]"]
        lines += [f"{key} = {_toml(value)}" for key, value in dataclasses.asdict(layer).items()]
    return "\n".join(lines) + "\n"


def _toml(text: str) -> str:
    """Return a TOML basic string; JSON's escapes are a subset of TOML's."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def bounds_lonlat(city: City) -> tuple[float, float, float, float]:
    """Return west, south, east, north of the street network (degrees, WGS84)."""
    x, y = city.nodes.x_m, city.nodes.y_m
    lon, lat = city.lonlat(
        np.array([x.min(), x.min(), x.max(), x.max()]),
        np.array([y.min(), y.max(), y.min(), y.max()]),
    )
    return float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())


def _write_table(city: City, name: str, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = getattr(city, name)
    columns: dict[str, Any] = {}
    metadata: dict[bytes, bytes] = {}
    hidden: tuple[str, ...] = ()
    if name in _GEO:
        geometry, types, hidden = _geometry(name, table)
        columns["geometry"] = pa.array(geometry, pa.binary())
        metadata[b"geo"] = json.dumps(_geo_metadata(city.crs, types)).encode()
    for field in dataclasses.fields(table):
        if field.name in hidden:
            continue
        values = getattr(table, field.name)
        if values.dtype == object:
            columns[field.name] = pa.array(values.tolist(), pa.string())
        else:
            columns[field.name] = pa.array(values)
    arrow = pa.table(columns).replace_schema_metadata(metadata)
    pq.write_table(arrow, path, compression="zstd", compression_level=9)


def _geometry(name: str, table: Any) -> tuple[list[bytes], list[str], tuple[str, ...]]:
    """Return WKB per row, the geometry types and the columns the geometry stands for."""
    import shapely

    hidden = _IN_GEOMETRY[name]
    if name in ("nodes", "facilities"):
        return shapely.to_wkb(shapely.points(table.x_m, table.y_m)).tolist(), ["Point"], hidden
    if name == "streets":
        xy = np.column_stack([table.vertex_x_m, table.vertex_y_m]).astype(np.float64)
        index = np.repeat(np.arange(table.from_node.size), np.diff(table.vertex_ptr))
        return shapely.to_wkb(shapely.linestrings(xy, indices=index)).tolist(), [
            "LineString"
        ], hidden
    shapes = np.array(table.polygon, dtype=object)
    kinds = ["Polygon", "MultiPolygon"]
    if name == "buildings":
        bare = np.array([shape is None for shape in shapes], dtype=bool)
        shapes[bare] = shapely.points(
            table.x_m[bare].astype(np.float64), table.y_m[bare].astype(np.float64)
        )
        if bare.all():
            hidden = (*hidden, "x_m", "y_m")
        kinds = ["Point"] * bool(bare.any()) + ["Polygon"] * bool(not bare.all())
    return shapely.to_wkb(shapes).tolist(), kinds, hidden


def _geo_metadata(crs: str, types: list[str]) -> dict[str, Any]:
    from pyproj import CRS

    return {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {
            "geometry": {
                "encoding": "WKB", "geometry_types": types, "crs": CRS(crs).to_json_dict(),
            }
        },
    }


def _read_table(folder: Path, name: str) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / f"{name}.parquet"
    cls = TABLES[name]
    try:
        arrow = pq.read_table(path, partitioning=None)
        columns: dict[str, Any] = {}
        if name in _GEO:
            if "geometry" not in arrow.column_names:
                raise InputError(f"{path}: column 'geometry' is missing")
            columns = _from_geometry(name, arrow["geometry"].combine_chunks())
        for field in dataclasses.fields(cls):
            if field.name in arrow.column_names:
                values = arrow[field.name].to_numpy()
                columns[field.name] = np.array(values, dtype=_DTYPES[str(field.type)])
            elif field.name not in columns:
                raise InputError(f"{path}: column '{field.name}' is missing")
            else:
                columns[field.name] = np.ascontiguousarray(
                    columns[field.name], dtype=_DTYPES[str(field.type)]
                )
    except FileNotFoundError:
        raise InputError(f"{path}: file is missing") from None
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: damaged or not a Parquet file ({reason})") from None
    names = [field.name for field in dataclasses.fields(cls)]
    return cls(**{key: columns[key] for key in names})


def _from_geometry(name: str, column: Any) -> dict[str, NDArray[Any]]:
    import shapely

    wkb = column.to_numpy(zero_copy_only=False)
    if name in ("nodes", "facilities"):
        xy = shapely.get_coordinates(_decode(wkb))
        return {"x_m": xy[:, 0], "y_m": xy[:, 1]}
    shapes = _decode(wkb)
    if name == "streets":
        xy, index = shapely.get_coordinates(shapes, return_index=True)
        ptr = np.zeros(len(shapes) + 1, np.int32)
        np.cumsum(np.bincount(index, minlength=len(shapes)), out=ptr[1:])
        return {"vertex_ptr": ptr, "vertex_x_m": xy[:, 0], "vertex_y_m": xy[:, 1]}
    if name == "buildings":
        point = shapely.get_type_id(shapes) == 0
        out: dict[str, NDArray[Any]] = {}
        if point.all():
            xy = shapely.get_coordinates(shapes)
            out = {"x_m": xy[:, 0], "y_m": xy[:, 1]}
        shapes[point] = None
        out["polygon"] = shapes
        return out
    return {"polygon": shapes}


def _decode(wkb: NDArray[Any]) -> NDArray[Any]:
    import shapely

    try:
        shapes: NDArray[Any] = np.asarray(shapely.from_wkb(wkb), dtype=object)
    except shapely.errors.ShapelyError as error:
        raise ValueError(f"bad geometry: {error}") from None
    return shapes


def _write_terrain(terrain: Terrain, crs: str, path: Path) -> None:
    import rasterio
    from rasterio.transform import from_origin

    rows, columns = terrain.elev_m.shape
    north = terrain.y0_m + rows * terrain.dx_m
    with rasterio.open(
        path, "w", driver="GTiff", width=columns, height=rows, count=2, dtype="float32", crs=crs,
        transform=from_origin(terrain.x0_m, north, terrain.dx_m, terrain.dx_m),
        compress="deflate", predictor=3, zlevel=9,
    ) as raster:
        raster.write(terrain.elev_m[::-1], 1)
        raster.write(terrain.manning[::-1], 2)
        raster.set_band_description(1, "elevation, m above mean sea level")
        raster.set_band_description(2, "Manning roughness, s m^-1/3")


def _read_terrain(path: Path, head: Mapping[str, Any]) -> Terrain:
    import rasterio
    from rasterio.errors import RasterioError

    try:
        with rasterio.open(path) as raster:
            if raster.count < 2:
                raise InputError(f"{path}: needs two bands, elevation and roughness")
            elev, manning = raster.read(1)[::-1], raster.read(2)[::-1]
    except (RasterioError, OSError) as error:
        raise InputError(f"{path}: missing or damaged ({error})") from None
    try:
        return Terrain(
            np.ascontiguousarray(elev, np.float32), np.ascontiguousarray(manning, np.float32),
            float(head["x0_m"]), float(head["y0_m"]), float(head["dx_m"]),
            float(head["uncertainty_m"]), tuple(str(s) for s in head["open_sides"]),
        )
    except KeyError as error:
        raise InputError(f"{path.parent / CITY_TOML}: terrain.{error.args[0]} is missing") from None
