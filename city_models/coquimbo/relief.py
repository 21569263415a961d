"""Synthetic relief of La Serena-Coquimbo from spot heights and the coast of the zone map.

No elevation raster may be redistributed here, so the land is interpolated between about 90
spot heights and the shoreline, and the sea bed follows the distance from shore. Heights marked
"cited" are published figures; the others are approximate readings of the known terraces and
plains (one standard deviation about 6 m inland, 2 m on the coastal plain).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from scipy.interpolate import RBFInterpolator

from city_models.terrain import open_sides, roughness
from engine.city import Streets, Terrain

#: Longitude, latitude, metres, origin of the figure.
SPOTS: tuple[tuple[float, float, float, str], ...] = (
    # La Serena: beach plain, Vegas, terraces
    (-71.2519, -29.9027, 28.0, "cited: mean height of the city, encyclopaedias"),
    (-71.1995, -29.9162, 146.0, "cited: La Florida aerodrome, 146 m (481 ft)"),
    (-71.2745, -29.9053, 3.5, "approximate: lighthouse"),
    (-71.2600, -29.9060, 9.0, "approximate"),
    (-71.2555, -29.9065, 17.0, "approximate: foot of the first terrace"),
    (-71.2560, -29.9010, 15.0, "approximate"),
    (-71.2660, -29.9100, 5.0, "approximate: Vegas"),
    (-71.2700, -29.9200, 5.0, "approximate: Vegas"),
    (-71.2640, -29.9180, 9.0, "approximate"),
    (-71.2720, -29.9280, 8.0, "approximate"),
    (-71.2780, -29.9350, 6.0, "approximate: Vegas"),
    (-71.2790, -29.9410, 9.0, "approximate"),
    (-71.2570, -29.9160, 28.0, "approximate"),
    (-71.2480, -29.9105, 45.0, "approximate: La Portada stadium"),
    (-71.2430, -29.9135, 75.0, "approximate: Colina El Pino"),
    (-71.2450, -29.9040, 45.0, "approximate"),
    (-71.2370, -29.9040, 60.0, "approximate"),
    (-71.2620, -29.9270, 25.0, "approximate"),
    (-71.2560, -29.9300, 42.0, "approximate"),
    (-71.2690, -29.9370, 22.0, "approximate"),
    (-71.2480, -29.9300, 65.0, "approximate"),
    (-71.2370, -29.9290, 100.0, "approximate: San Joaquin"),
    (-71.2300, -29.9130, 105.0, "approximate: La Antena"),
    (-71.2250, -29.9230, 118.0, "approximate"),
    (-71.2150, -29.9350, 140.0, "approximate"),
    # Elqui river and the town north of it
    (-71.2720, -29.8935, 2.0, "approximate: river bed"),
    (-71.2640, -29.8935, 4.5, "approximate: river bed"),
    (-71.2539, -29.8950, 8.0, "approximate: river at Puente Fiscal"),
    (-71.2461, -29.8975, 11.0, "approximate: river at Puente El Libertador"),
    (-71.2356, -29.8958, 16.0, "approximate: river at Puente Vicente Zorrilla"),
    (-71.2150, -29.8970, 27.0, "approximate: river bed"),
    (-71.1950, -29.9010, 40.0, "approximate: river bed"),
    (-71.1700, -29.9050, 58.0, "approximate: river bed"),
    (-71.2680, -29.8830, 4.0, "approximate: Vegas Norte"),
    (-71.2650, -29.8760, 8.0, "approximate"),
    (-71.2730, -29.8690, 4.0, "approximate: Caleta San Pedro"),
    (-71.2560, -29.8810, 24.0, "approximate"),
    (-71.2490, -29.8850, 34.0, "approximate: Compania Baja"),
    (-71.2380, -29.8790, 56.0, "approximate: Las Companias"),
    (-71.2450, -29.8710, 58.0, "approximate"),
    (-71.2300, -29.8660, 92.0, "approximate: Compania Alta"),
    (-71.2200, -29.8800, 85.0, "approximate"),
    (-71.2700, -29.8520, 7.0, "approximate"),
    (-71.2520, -29.8520, 38.0, "approximate"),
    (-71.2650, -29.8350, 14.0, "approximate"),
    (-71.2400, -29.8400, 80.0, "approximate"),
    (-71.1900, -29.8500, 190.0, "approximate"),
    (-71.2000, -29.8250, 220.0, "approximate"),
    # Penuelas, Tierras Blancas, La Cantera
    (-71.2870, -29.9480, 8.0, "approximate: Penuelas"),
    (-71.2930, -29.9520, 7.0, "approximate"),
    (-71.3000, -29.9560, 8.0, "approximate"),
    (-71.2790, -29.9500, 20.0, "approximate"),
    (-71.2850, -29.9580, 23.0, "approximate"),
    (-71.2750, -29.9550, 38.0, "approximate"),
    (-71.2650, -29.9500, 55.0, "approximate: Tierras Blancas"),
    (-71.2500, -29.9500, 80.0, "approximate"),
    (-71.2300, -29.9550, 120.0, "approximate"),
    (-71.2000, -29.9600, 165.0, "approximate"),
    (-71.3080, -29.9620, 9.0, "approximate"),
    (-71.2960, -29.9660, 33.0, "approximate: Sindempart"),
    (-71.3050, -29.9700, 26.0, "approximate"),
    (-71.2900, -29.9780, 52.0, "approximate: La Cantera"),
    (-71.2700, -29.9700, 75.0, "approximate"),
    # Culebron, inner corner of the bay
    (-71.3235, -29.9622, 2.0, "approximate: El Culebron wetland, 2-3 m"),
    (-71.3200, -29.9640, 2.5, "approximate: El Culebron wetland"),
    (-71.3165, -29.9690, 3.5, "approximate: El Culebron"),
    (-71.3150, -29.9760, 6.0, "approximate: El Culebron"),
    (-71.3170, -29.9830, 13.0, "approximate: El Culebron"),
    (-71.3330, -29.9615, 4.0, "approximate: Baquedano"),
    (-71.3320, -29.9650, 8.0, "approximate"),
    (-71.3300, -29.9720, 22.0, "approximate: San Juan"),
    (-71.3350, -29.9780, 34.0, "approximate"),
    # Coquimbo, the peninsula and La Herradura
    (-71.3375, -29.9540, 5.0, "approximate: Barrio Ingles"),
    (-71.3370, -29.9480, 4.0, "approximate: port"),
    (-71.3372, -29.9580, 5.0, "approximate"),
    (-71.3410, -29.9550, 32.0, "approximate: Parte Alta"),
    (-71.3440, -29.9570, 72.0, "approximate: Parte Alta"),
    (-71.3420, -29.9490, 55.0, "approximate: Parte Alta"),
    (-71.3469, -29.9506, 157.0, "cited: Cerro El Vigia, 157 m (Cruz del Tercer Milenio)"),
    (-71.3500, -29.9450, 90.0, "approximate"),
    (-71.3530, -29.9540, 45.0, "approximate"),
    (-71.3480, -29.9390, 45.0, "approximate"),
    (-71.3620, -29.9530, 35.0, "approximate"),
    (-71.3530, -29.9590, 32.0, "approximate: La Pampilla"),
    (-71.3470, -29.9620, 45.0, "approximate"),
    (-71.3410, -29.9630, 19.0, "approximate: El Llano"),
    (-71.3385, -29.9660, 16.0, "approximate: San Pablo hospital"),
    (-71.3450, -29.9690, 14.0, "approximate: Guayacan"),
    (-71.3400, -29.9730, 20.0, "approximate"),
    (-71.3460, -29.9860, 12.0, "approximate: La Herradura"),
    (-71.3380, -29.9870, 34.0, "approximate"),
    (-71.3200, -29.9920, 62.0, "approximate"),
    (-71.3450, -30.0000, 45.0, "approximate"),
    (-71.3000, -30.0000, 92.0, "approximate"),
    # beyond the raster, for the heights of junctions only
    (-71.2350, -30.0000, 125.0, "approximate"),
    (-71.3100, -30.0500, 150.0, "approximate"),
    (-71.2400, -30.0700, 130.0, "approximate: Pan de Azucar"),
    (-71.1700, -29.9300, 170.0, "approximate"),
)
#: Streets known to run on the beach plain: name, metres (approximate).
STREET_HEIGHTS = (("Avenida del Mar", 4.0), ("Avenida Costanera", 4.0), ("Avenida Pacífico", 5.0))
#: Depth by distance from the shore of the bay and of the open coast, m. The quays of Coquimbo
#: have 10 m (33 ft, port descriptions); the rest is an assumption of a gently sloping bay.
SHORE_M = (0.0, 100.0, 300.0, 800.0, 1500.0, 3000.0, 6000.0, 12000.0)
BAY_DEPTH_M = (0.6, 2.0, 5.0, 10.0, 16.0, 28.0, 45.0, 70.0)
OPEN_DEPTH_M = (1.0, 5.0, 14.0, 28.0, 45.0, 70.0, 100.0, 140.0)
#: Raster: west, south, east, north in degrees; cell in metres.
BOX = (-71.388, -30.006, -71.236, -29.822)
CELL_M = 30.0
#: Coast west of this longitude, south of the port's mole, is rocky and faces the open sea.
_OPEN_COAST_LON = -71.3405
_SHORE_HEIGHT_M = 1.0
_BEACH = ((90.0, 3.5), (90.0, 8.0))  # inland distance and height: bay beach, rocky coast
_SHORE_STEP_M = 240.0
UNCERTAINTY_M = 5.0


class Relief:
    """Elevation at any position: land from spots and shore, sea bed from shore distance."""

    def __init__(self, land: Any, streets: Streets, project: Any) -> None:
        """`land` is the union of zones, `project(lon, lat)` gives the city's metres."""
        self._land = land
        lon, lat, z = (np.array([s[k] for s in SPOTS]) for k in range(3))
        x, y = project(lon, lat)
        spots = [np.column_stack([x, y, z])]
        for name, height in STREET_HEIGHTS:
            rows = np.flatnonzero(streets.name == name)
            first = streets.vertex_ptr[rows]
            vx, vy = streets.vertex_x_m[first], streets.vertex_y_m[first]
            near = shapely.distance(shapely.points(vx, vy), land.boundary) < 700.0
            spots.append(np.column_stack([vx, vy, np.full(vx.size, height)])[near])
        x0, y0 = project(BOX[0], BOX[1])
        x1, y1 = project(BOX[2], BOX[3])
        self.columns = int((x1 - x0) / CELL_M)
        self.rows = int((y1 - y0) / CELL_M)
        self.x0, self.y0 = float(np.round(x0)), float(np.round(y0))
        gx, gy = np.meshgrid(
            self.x0 + (np.arange(self.columns) + 0.5) * CELL_M,
            self.y0 + (np.arange(self.rows) + 0.5) * CELL_M,
        )
        inside = shapely.contains_xy(land, gx, gy)
        label, _ = ndimage.label(~inside)
        seas = np.unique(label[:, 0][label[:, 0] > 0])
        self.sea = np.isin(label, seas)
        self.gx, self.gy = gx, gy
        ox, _ = project(_OPEN_COAST_LON, -29.96)
        self.open_x = float(ox)
        shore = self._shore(land)
        spots.append(shore)
        points = np.concatenate(spots)
        _, unique = np.unique(np.round(points[:, :2], -1), axis=0, return_index=True)
        self._model = RBFInterpolator(
            points[np.sort(unique), :2], points[np.sort(unique), 2], neighbors=30, kernel="linear"
        )

    def _shore(self, land: Any) -> NDArray[np.float64]:
        """Return spots on the shoreline and a little inland of it."""
        ring = land.exterior
        at = np.arange(0.0, ring.length, _SHORE_STEP_M)
        points = shapely.line_interpolate_point(ring, at)
        x, y = shapely.get_x(points), shapely.get_y(points)
        c = np.floor((x - self.x0) / CELL_M).astype(int)
        r = np.floor((y - self.y0) / CELL_M).astype(int)
        ok = (c >= 0) & (c < self.columns) & (r >= 0) & (r < self.rows)
        reach = ndimage.distance_transform_edt(~self.sea) * CELL_M
        wet = np.zeros(x.size, bool)
        wet[ok] = reach[r[ok], c[ok]] < 2 * CELL_M
        x, y = x[wet], y[wet]
        out = [np.column_stack([x, y, np.full(x.size, _SHORE_HEIGHT_M)])]
        inner = land.buffer(-_BEACH[0][0])
        for part in getattr(inner, "geoms", [inner]):
            line = part.exterior
            p = shapely.line_interpolate_point(line, np.arange(0.0, line.length, _SHORE_STEP_M))
            px, py = shapely.get_x(p), shapely.get_y(p)
            near = np.zeros(px.size, bool)
            for k in range(px.size):
                near[k] = bool(np.min(np.hypot(x - px[k], y - py[k])) < 220.0)
            height = np.where(px < self.open_x, _BEACH[1][1], _BEACH[0][1])
            out.append(np.column_stack([px, py, height])[near])
        return np.concatenate(out)

    def land_m(self, x_m: NDArray[Any], y_m: NDArray[Any]) -> NDArray[np.float64]:
        """Return land heights, at least 1 m."""
        xy = np.column_stack([np.ravel(x_m), np.ravel(y_m)]).astype(np.float64)
        return np.maximum(self._model(xy), _SHORE_HEIGHT_M).reshape(np.shape(x_m))

    def terrain(self, streets: Streets) -> Terrain:
        """Return the raster with roughness by rule and the sides on which the sea enters."""
        elev = np.zeros(self.sea.shape)
        elev[~self.sea] = self.land_m(self.gx[~self.sea], self.gy[~self.sea])
        shore = ndimage.distance_transform_edt(self.sea) * CELL_M
        bay = np.interp(shore, SHORE_M, BAY_DEPTH_M)
        wild = np.interp(shore, SHORE_M, OPEN_DEPTH_M)
        # From bay to open coast over 2 km west of the peninsula's neck.
        part = np.clip((self.open_x - self.gx) / 2000.0, 0.0, 1.0)
        elev = np.where(self.sea, -(bay + part * (wild - bay)), elev)
        land = ~self.sea
        smooth = ndimage.gaussian_filter(np.where(land, elev, 0.0), 1.0)
        weight = ndimage.gaussian_filter(land.astype(float), 1.0)
        elev = np.where(land, np.maximum(smooth / np.maximum(weight, 1e-6), 1.0), elev)
        elev32 = np.round(elev, 2).astype(np.float32)
        manning = roughness(
            elev32, self.x0, self.y0, CELL_M, streets.vertex_x_m, streets.vertex_y_m
        )
        return Terrain(
            elev32, manning, self.x0, self.y0, CELL_M, UNCERTAINTY_M, open_sides(elev32)
        )
