"""Write a crowd's results: summary, people, series, cameras, maps as arrays and as pictures."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.crowd.maps import MAP_CELL_M, TURBULENCE_PS2, Maps
from engine.crowd.simulate import CrowdResult
from engine.outputs import atomic_folder

#: Greatest value of each picture's colours and what it shows.
PICTURES = {
    "density": ("density_pm2", 7.0, "greatest density, 0 to 7 persons/m2"),
    "flow": ("flow_pms", 2.0, "greatest flow, 0 to 2 persons a metre and second"),
    "pressure": ("pressure_ps2", 2 * TURBULENCE_PS2, "greatest pressure, 0 to 0.04 /s2"),
}
#: Pale to dark, through the levels 4, 5 and 7 of the density picture.
_STOPS = np.array([0.0, 0.3, 0.57, 0.71, 1.0])
_COLOURS = np.array([[225, 240, 235], [120, 190, 170], [250, 200, 80], [225, 95, 50], [120, 0, 40]])
_OFF, _WALL = (255, 255, 255), (70, 70, 80)


def save_crowd(result: CrowdResult, folder: Path) -> Path:
    """Write the result's folder whole or not at all; return it."""
    with atomic_folder(folder, "crowd") as work:
        result.people.to_parquet(work / "people.parquet", index=False)
        pd.DataFrame(result.maps.series).to_parquet(work / "series.parquet", index=False)
        if result.venue.cameras:
            result.cameras.to_csv(work / "cameras.csv", index=False)
        map_table(result.maps).to_parquet(work / "maps.parquet", index=False)
        walls = wall_mask(result)
        for name, (field, top, _) in PICTURES.items():
            shown = picture(getattr(result.maps, field) / top, result.maps.ground, walls)
            (work / f"{name}.png").write_bytes(png(shown))
        (work / "crowd.json").write_text(json.dumps(document(result), indent=1) + "\n", "utf-8")
    return folder


def document(result: CrowdResult) -> dict[str, Any]:
    """What crowd.json holds: summary, digest, scale of the pictures, what the model rests on."""
    return {
        **result.summary, "digest": result.digest, "title": result.venue.title,
        "source": result.venue.source, "map_cell_m": MAP_CELL_M,
        "pictures": {f"{name}.png": shows for name, (_, _, shows) in PICTURES.items()},
        "assumptions": [
            "people know the crowds at the venue when they choose an exit",
            "no pushing, falling, groups or staff",
            "who waits closes up to 0.42 m, about 6 persons/m2: standing queues are upper values",
            "cameras count with 10 % error unless the venue says otherwise",
        ],
    }


def map_table(maps: Maps) -> pd.DataFrame:
    """A row for each map cell that somebody was in or near."""
    i, j = np.nonzero(maps.ground & (maps.density_pm2 > 0.01))
    return pd.DataFrame({
        "x_m": maps.x0 + (j + 0.5) * MAP_CELL_M, "y_m": maps.y0 + (i + 0.5) * MAP_CELL_M,
        "density_pm2": maps.density_pm2[i, j], "density_at_s": maps.density_at_s[i, j],
        "flow_pms": maps.flow_pms[i, j], "pressure_ps2": maps.pressure_ps2[i, j],
    })


def wall_mask(result: CrowdResult) -> NDArray[np.bool_]:
    """Map cells that a wall other than a seat row passes through."""
    maps, ground = result.maps, result.ground
    mask = np.zeros(maps.shape, np.bool_)
    for ax, ay, bx, by in ground.walls[ground.low_walls : -4]:  # the last four are the grid's rim
        steps = int(np.hypot(bx - ax, by - ay) / (MAP_CELL_M / 4)) + 2
        t = np.linspace(0.0, 1.0, steps)
        i = ((ay + t * (by - ay) - maps.y0) / MAP_CELL_M).astype(int)
        j = ((ax + t * (bx - ax) - maps.x0) / MAP_CELL_M).astype(int)
        mask[i, j] = True
    return mask


def picture(
    share: NDArray[np.float64], ground: NDArray[np.bool_], walls: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """Colours [rows, columns, 3], north up, enlarged to at least 600 pixels."""
    value = np.clip(share, 0.0, 1.0)
    image = np.stack([np.interp(value, _STOPS, _COLOURS[:, k]) for k in range(3)], axis=-1)
    image[~ground] = _OFF
    image[walls] = _WALL
    zoom = max(600 // max(share.shape), 1)
    large = np.repeat(np.repeat(image, zoom, axis=0), zoom, axis=1)
    return large[::-1].astype(np.uint8)


def png(image: NDArray[np.uint8]) -> bytes:
    """The bytes of a PNG file of an image [rows, columns, 3]."""
    rows, columns, _ = image.shape
    raw = np.zeros((rows, 1 + 3 * columns), np.uint8)  # filter 0 before each row
    raw[:, 1:] = image.reshape(rows, -1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(raw.tobytes(), 6)) + chunk(b"IEND", b""))
