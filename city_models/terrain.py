"""Terrain rasters: resampled from an elevation file, or interpolated from spot heights."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engine.city import Terrain
from engine.errors import InputError

#: Manning roughness, s m^-1/3: sea bed, open land, built-up land. Usual values for tsunami
#: run-up on land-use classes: 0.025 water, 0.025-0.03 open, 0.04-0.08 built-up (Kotani et al.
#: 1998; Bricker et al. 2015, Coastal Engineering Journal 57 [R, from memory]).
MANNING_SEA = 0.025
MANNING_OPEN = 0.030
MANNING_BUILT = 0.055
#: A street network denser than this makes a cell built-up.
_BUILT_RADIUS_M = 75.0
_MAX_CELLS = 4_000_000
_SEA_SHARE = 0.02


def sample(terrain: Terrain, x_m: NDArray[Any], y_m: NDArray[Any]) -> NDArray[np.float64]:
    """Return elevations at positions by bilinear interpolation, edge cells held beyond."""
    column = (np.asarray(x_m, np.float64) - terrain.x0_m) / terrain.dx_m - 0.5
    row = (np.asarray(y_m, np.float64) - terrain.y0_m) / terrain.dx_m - 0.5
    out: NDArray[np.float64] = ndimage.map_coordinates(
        terrain.elev_m.astype(np.float64), np.vstack([row, column]), order=1, mode="nearest"
    )
    return out


def roughness(
    elev_m: NDArray[Any], x0_m: float, y0_m: float, dx_m: float,
    street_x_m: NDArray[Any], street_y_m: NDArray[Any],
) -> NDArray[np.float32]:
    """Return Manning roughness by rule: sea below zero, built-up near streets, else open."""
    rows, columns = elev_m.shape
    street = np.zeros((rows, columns), bool)
    c = np.floor((street_x_m - x0_m) / dx_m).astype(int)
    r = np.floor((street_y_m - y0_m) / dx_m).astype(int)
    inside = (c >= 0) & (c < columns) & (r >= 0) & (r < rows)
    street[r[inside], c[inside]] = True
    near = np.zeros_like(street)
    if street.any():
        near = ndimage.distance_transform_edt(~street) * dx_m <= _BUILT_RADIUS_M
    manning = np.where(near, MANNING_BUILT, MANNING_OPEN)
    return np.where(elev_m < 0.0, MANNING_SEA, manning).astype(np.float32)


def open_sides(elev_m: NDArray[Any]) -> tuple[str, ...]:
    """Return the sides of the raster on which at least 2 % of the cells lie below zero."""
    sides = {
        "west": elev_m[:, 0], "east": elev_m[:, -1], "south": elev_m[0], "north": elev_m[-1],
    }
    return tuple(name for name, line in sides.items() if np.mean(line < 0.0) >= _SEA_SHARE)


def from_dem(
    path: Path, crs: str, bounds_m: tuple[float, float, float, float],
    street_x_m: NDArray[Any], street_y_m: NDArray[Any], uncertainty_m: float = 5.0,
) -> tuple[Terrain, float]:
    """Resample an elevation file to the city's own grid.

    `path` is a GeoTIFF (any coordinate system), an SRTM .hgt or a zip that holds one;
    `bounds_m` is west, south, east, north in the city's metres. The cell is 10-30 m, as fine
    as the source, coarser where more than 4 million cells would be needed. Cells without data
    take the nearest value. Returns the terrain and the share of cells without data.
    Raises InputError where the file cannot be read or does not overlap the city.
    """
    import rasterio
    from rasterio.errors import RasterioError
    from rasterio.transform import from_origin
    from rasterio.warp import Resampling, reproject

    west, south, east, north = bounds_m
    try:
        with rasterio.open(_openable(path)) as source:
            if source.crs is None:
                raise InputError(f"{path}: has no coordinate system")
            dx = float(np.clip(_cell_m(source), 10.0, 30.0))
            while ((east - west) / dx) * ((north - south) / dx) > _MAX_CELLS:
                dx *= 1.25
            dx = round(dx, 1)
            columns = max(int(np.ceil((east - west) / dx)), 4)
            rows = max(int(np.ceil((north - south) / dx)), 4)
            out = np.full((rows, columns), np.nan, np.float32)
            top = south + rows * dx
            reproject(
                rasterio.band(source, 1), out, dst_crs=crs,
                dst_transform=from_origin(west, top, dx, dx), dst_nodata=np.nan,
                resampling=Resampling.bilinear,
            )
    except (RasterioError, OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not a readable elevation file ({error})") from None
    elev = out[::-1].astype(np.float64)
    empty = ~np.isfinite(elev) | (elev < -12000.0)
    if empty.all():
        raise InputError(f"{path}: does not overlap the city")
    # The raster ends where the file ends; junctions beyond take the height of its edge.
    filled_rows, filled_columns = np.flatnonzero(~empty.all(1)), np.flatnonzero(~empty.all(0))
    r0, c0 = int(filled_rows[0]), int(filled_columns[0])
    window = (slice(r0, int(filled_rows[-1]) + 1), slice(c0, int(filled_columns[-1]) + 1))
    elev, empty = elev[window], empty[window]
    west, south = west + c0 * dx, south + r0 * dx
    if empty.any():
        index = ndimage.distance_transform_edt(
            empty, return_distances=False, return_indices=True
        )
        elev = elev[tuple(index)]
    elev = np.ascontiguousarray(elev, np.float32)
    manning = roughness(elev, west, south, dx, street_x_m, street_y_m)
    return (
        Terrain(elev, manning, west, south, dx, uncertainty_m, open_sides(elev)),
        float(empty.mean()),
    )


def _openable(path: Path) -> str:
    if not path.is_file():
        raise InputError(f"{path}: no such elevation file")
    if path.suffix.lower() != ".zip":
        return str(path)
    with zipfile.ZipFile(path) as archive:
        names = [n for n in archive.namelist() if n.lower().endswith((".hgt", ".tif", ".tiff"))]
    if not names:
        raise InputError(f"{path}: the archive holds no .hgt or .tif file")
    return f"/vsizip/{path.absolute()}/{names[0]}"


def _cell_m(source: Any) -> float:
    size = abs(float(source.transform.e))
    return size * 110_900.0 if source.crs.is_geographic else size


def from_spots(
    grid_x_m: NDArray[np.float64], grid_y_m: NDArray[np.float64],
    spots: NDArray[np.float64], land: NDArray[np.bool_], neighbours: int = 24,
) -> NDArray[np.float64]:
    """Interpolate spot heights [n, 3] (x, y, elevation) over grid points.

    Linear radial basis functions on the nearest `neighbours` spots: the surface passes through
    every spot and, unlike a thin plate, does not swing beyond its neighbours by much. Points
    outside `land` get NaN.
    """
    from scipy.interpolate import RBFInterpolator

    out = np.full(grid_x_m.shape, np.nan)
    model = RBFInterpolator(
        spots[:, :2], spots[:, 2], neighbors=min(neighbours, len(spots)), kernel="linear"
    )
    out[land] = model(np.column_stack([grid_x_m[land], grid_y_m[land]]))
    return out
