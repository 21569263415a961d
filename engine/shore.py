"""Where the sea is: distance of places from the shore, and whether it is dark.

Dark means the sun is more than six degrees below the horizon, the end of civil twilight, from when
on lamps are needed outdoors. Position of the sun: Fourier series of Spencer (1971) for declination
and equation of time, good to about 0.01 rad, without refraction.
"""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np

from engine.city import F64, City

CIVIL_TWILIGHT_DEG = -6.0


def distance_to_sea_m(city: City) -> F64:
    """Distance of each junction [nodes] from the nearest cell below zero; infinite without terrain."""
    from scipy.spatial import cKDTree

    nodes, terrain = city.nodes, city.terrain
    if terrain is None or not (terrain.elev_m < 0.0).any():
        return np.full(nodes.x_m.size, np.inf)
    row, column = np.nonzero(terrain.elev_m < 0.0)
    x = terrain.x0_m + (column + 0.5) * terrain.dx_m
    y = terrain.y0_m + (row + 0.5) * terrain.dx_m
    tree = cKDTree(np.column_stack([x, y]))
    return np.asarray(tree.query(np.column_stack([nodes.x_m, nodes.y_m]))[0], np.float64)


def sun_elevation_deg(utc: datetime, lon: float, lat: float) -> float:
    """Elevation of the sun over the horizon in degrees at a UTC time, longitude and latitude."""
    hour = utc.hour + utc.minute / 60 + utc.second / 3600
    g = 2 * math.pi / 365 * (utc.timetuple().tm_yday - 1 + (hour - 12) / 24)
    declination = (
        0.006918 - 0.399912 * math.cos(g) + 0.070257 * math.sin(g) - 0.006758 * math.cos(2 * g)
        + 0.000907 * math.sin(2 * g) - 0.002697 * math.cos(3 * g) + 0.00148 * math.sin(3 * g)
    )
    equation_min = 229.18 * (
        0.000075 + 0.001868 * math.cos(g) - 0.032077 * math.sin(g)
        - 0.014615 * math.cos(2 * g) - 0.040849 * math.sin(2 * g)
    )
    angle = math.radians(15 * (hour - 12) + lon + equation_min / 4)
    phi = math.radians(lat)
    sine = (
        math.sin(phi) * math.sin(declination)
        + math.cos(phi) * math.cos(declination) * math.cos(angle)
    )
    return math.degrees(math.asin(sine))


def is_dark(city: City, utc: datetime) -> bool:
    """Whether it is night at the middle of the city: after civil twilight."""
    return sun_elevation_deg(utc, *city.middle) < CIVIL_TWILIGHT_DEG
