"""Reader of USGS ShakeMap grids (grid.xml, plain or gzipped)."""

from __future__ import annotations

import gzip
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import InputError

F64 = NDArray[np.float64]

_LIMIT_BYTES = 400_000_000
_REQUIRED = {"PGA": "pctg", "PGV": "cms", "MMI": "intensity"}


@dataclass(frozen=True)
class ShakeMap:
    """A ShakeMap on a regular grid of longitude and latitude, row 0 in the south.

    `pga_g` in g, `pgv_cms` in cm/s and `mmi`, each [rows, columns], are medians: use the larger
    fragility dispersion with them (`residuals_sampled=False`).
    """

    event_id: str
    magnitude: float
    depth_km: float
    lon_deg: float  # epicentre
    lat_deg: float
    lons_deg: F64  # [columns], ascending
    lats_deg: F64  # [rows], ascending
    pga_g: F64
    pgv_cms: F64
    mmi: F64

    def at(self, lon_deg: ArrayLike, lat_deg: ArrayLike) -> tuple[F64, F64, F64]:
        """Return (PGA g, PGV cm/s, MMI) by bilinear interpolation at points [n], degrees.

        PGA and PGV are interpolated in their logarithms. Points outside the grid raise
        InputError, for beyond it nothing is known.
        """
        lon = np.atleast_1d(np.asarray(lon_deg, dtype=np.float64))
        lat = np.atleast_1d(np.asarray(lat_deg, dtype=np.float64))
        lons, lats = self.lons_deg, self.lats_deg
        outside = ~((lon >= lons[0]) & (lon <= lons[-1]) & (lat >= lats[0]) & (lat <= lats[-1]))
        if outside.any():
            i = int(np.flatnonzero(outside)[0])
            raise InputError(
                f"ShakeMap {self.event_id}: {int(outside.sum())} of {lon.size} points lie outside "
                f"its grid, first at {lon[i]:.4f}, {lat[i]:.4f} (allowed: longitude {lons[0]:.4f} "
                f"to {lons[-1]:.4f}, latitude {lats[0]:.4f} to {lats[-1]:.4f})"
            )
        c = np.clip(np.searchsorted(lons, lon, side="right") - 1, 0, lons.size - 2)
        r = np.clip(np.searchsorted(lats, lat, side="right") - 1, 0, lats.size - 2)
        u = (lon - lons[c]) / (lons[c + 1] - lons[c])
        v = (lat - lats[r]) / (lats[r + 1] - lats[r])

        def blend(a: F64) -> F64:
            south = a[r, c] * (1.0 - u) + a[r, c + 1] * u
            north = a[r + 1, c] * (1.0 - u) + a[r + 1, c + 1] * u
            return np.asarray(south * (1.0 - v) + north * v)

        tiny = 1e-9
        pga = np.exp(blend(np.log(np.maximum(self.pga_g, tiny))))
        pgv = np.exp(blend(np.log(np.maximum(self.pgv_cms, tiny))))
        return pga, pgv, blend(self.mmi)


def _local(tag: str) -> str:
    return tag.rsplit("}", 1)[-1]


def _parse(path: Path) -> ET.Element:
    if not path.is_file():
        raise InputError(f"{path}: no such ShakeMap file")
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        try:
            with gzip.open(path) as stream:
                raw = stream.read(_LIMIT_BYTES + 1)
        except (OSError, EOFError) as error:
            raise InputError(f"{path}: damaged gzip file ({error})") from None
    if len(raw) > _LIMIT_BYTES:
        raise InputError(f"{path}: larger than {_LIMIT_BYTES // 1_000_000} MB unpacked")
    if b"<!DOCTYPE" in raw[:4096] or b"<!ENTITY" in raw[:4096]:
        raise InputError(f"{path}: document types and entities are not allowed in a ShakeMap grid")
    try:
        root = ET.fromstring(raw)
    except ET.ParseError as error:
        raise InputError(f"{path}: not valid XML ({error})") from None
    if _local(root.tag) != "shakemap_grid":
        raise InputError(f"{path}: root element is '{_local(root.tag)}', expected 'shakemap_grid'")
    return root


def _number(path: Path, element: ET.Element, key: str) -> float:
    try:
        return float(element.attrib[key])
    except (KeyError, ValueError):
        found = element.attrib.get(key)
        raise InputError(
            f"{path}: <{_local(element.tag)}> attribute '{key}' is "
            f"{'missing' if found is None else repr(found)}, expected a number"
        ) from None


def read_shakemap(path: str | Path) -> ShakeMap:
    """Return the ShakeMap of a grid.xml file, plain or gzipped.

    The file must hold LON, LAT, PGA (percent of g), PGV (cm/s) and MMI on a regular grid; any
    order of rows is accepted. InputError names what is missing or wrong. The format is that of
    the ShakeMap manual (USGS), codes 3 and 4.
    """
    path = Path(path)
    root = _parse(path)
    parts = {_local(child.tag): child for child in root}
    for name in ("event", "grid_specification", "grid_data"):
        if name not in parts:
            raise InputError(f"{path}: element <{name}> is missing")
    fields: dict[str, tuple[int, str]] = {}
    for child in root:
        if _local(child.tag) == "grid_field":
            name = str(child.attrib.get("name", "")).upper()
            fields[name] = (int(_number(path, child, "index")) - 1, child.attrib.get("units", ""))
    for name in ("LON", "LAT", *_REQUIRED):
        if name not in fields:
            raise InputError(f"{path}: grid field {name} is missing (found: {', '.join(fields)})")
    for name, unit in _REQUIRED.items():
        if fields[name][1] != unit:
            raise InputError(
                f"{path}: grid field {name} has unit '{fields[name][1]}', expected '{unit}'"
            )
    columns, rows = (
        int(_number(path, parts["grid_specification"], key)) for key in ("nlon", "nlat")
    )
    if columns < 2 or rows < 2:
        raise InputError(f"{path}: grid of {columns} x {rows} points, expected at least 2 x 2")
    try:
        values = np.array((parts["grid_data"].text or "").split(), dtype=np.float64)
    except ValueError as error:
        raise InputError(f"{path}: <grid_data> holds a value that is no number ({error})") from None
    width = len(fields)
    if values.size != rows * columns * width:
        raise InputError(
            f"{path}: <grid_data> holds {values.size} values, expected {rows} x {columns} points "
            f"of {width} fields = {rows * columns * width}"
        )
    table = values.reshape(-1, width)
    lon, lat = table[:, fields["LON"][0]], table[:, fields["LAT"][0]]
    table = table[np.lexsort((lon, lat))]
    # Printed coordinates are rounded, so a row's latitudes are taken from its first point.
    lons = table[:columns, fields["LON"][0]].copy()
    lats = table[::columns, fields["LAT"][0]].copy()
    if np.any(np.diff(lons) <= 0.0) or np.any(np.diff(lats) <= 0.0) or not np.allclose(
        table[:, fields["LON"][0]].reshape(rows, columns), lons, atol=1e-6
    ):
        raise InputError(f"{path}: the points do not form a regular grid of {columns} x {rows}")

    def grid(name: str) -> F64:
        a = table[:, fields[name][0]].reshape(rows, columns)
        if not np.all(np.isfinite(a)) or np.any(a < 0.0):
            raise InputError(f"{path}: {name} holds negative or infinite values")
        return np.ascontiguousarray(a)

    event = parts["event"]
    return ShakeMap(
        event_id=str(event.attrib.get("event_id") or root.attrib.get("event_id", "unknown")),
        magnitude=_number(path, event, "magnitude"),
        depth_km=_number(path, event, "depth"),
        lon_deg=_number(path, event, "lon"),
        lat_deg=_number(path, event, "lat"),
        lons_deg=lons,
        lats_deg=lats,
        pga_g=grid("PGA") / 100.0,
        pgv_cms=grid("PGV"),
        mmi=grid("MMI"),
    )
