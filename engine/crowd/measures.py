"""Density, crowd pressure and levels of service of a crowd, and what cameras count.

Local density and velocity are Gaussian means with a radius of 1 m, crowd pressure is density times
the local variance of velocity (Helbing, Johansson and Al-Abideen 2007, "Dynamics of crowd disasters:
an empirical study", Phys. Rev. E 75: 046109). Near walls the mean is over the walkable part of the
circle. Velocities are displacements over a second: the model's own change without inertia. Crowd
pressure is given where the density is at least 4 persons per m2. The model has neither inertia nor
pushing: it tells where crowds are dense, not whether turbulence would set in there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import convolve1d

from engine.crowd.ground import H_M, Ground
from engine.crowd.model import FRUIN_PM2, TURBULENT_PS2, WATCHED_PM2
from engine.kernels.crowd_maps import spread

F64 = NDArray[np.float64]
EVERY_S = 5.0  #: time between samples
BACK_S = 1.0  #: velocities are displacements over this time
MAP_M = 1.0  #: spacing of the map's points
RADIUS_M = 1.0
REACH = 2  #: points on each side over which a person is spread


@dataclass
class Measures:
    """What is sampled while a run goes on."""

    ground: Ground
    people: int
    peak_pm2: float = 0.0
    peak_at: tuple[float, float, float] = (0.0, 0.0, 0.0)  # x, y, t
    most_in_1_m2: int = 0
    pressure_ps2: float = 0.0
    pressure_at: tuple[float, float, float] = (0.0, 0.0, 0.0)
    person_s: F64 = field(default_factory=lambda: np.zeros(len(WATCHED_PM2)))
    place_s: F64 = field(default_factory=lambda: np.zeros(len(WATCHED_PM2)))
    turbulent_person_s: float = 0.0
    los_s: F64 = field(default_factory=lambda: np.zeros(len(FRUIN_PM2) + 1))
    counts: list[tuple[float, int, int, float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        g = self.ground
        self._step = round(MAP_M / H_M)
        self._nx = g.inside.shape[1] // self._step + 1
        self._ny = g.inside.shape[0] // self._step + 1
        self._free = self._free_area()
        self.most_pm2 = np.zeros((self._ny, self._nx))
        self.most_pms = np.zeros((self._ny, self._nx))
        self.most_ps2 = np.zeros((self._ny, self._nx))
        walk = np.zeros((self._ny, self._nx), np.bool_)
        part = g.inside[:: self._step, :: self._step]
        walk[: part.shape[0], : part.shape[1]] = part
        self._walk = walk
        self._longest = np.zeros((len(WATCHED_PM2), self._ny, self._nx))
        self._camera_m2 = [ring.intersection(g.area).area for ring in g.cameras]
        shapely.prepare(g.cameras)

    def _free_area(self) -> F64:
        """Integral of the Gaussian over the walkable area, at each map point, m2."""
        reach = REACH * self._step
        d = np.arange(-reach, reach + 1) * H_M
        w = np.exp(-((d / RADIUS_M) ** 2))
        area = convolve1d(self.ground.inside.astype(np.float32), w, 0, mode="constant")
        area = convolve1d(area, w, 1, mode="constant")[:: self._step, :: self._step] * H_M**2
        out = np.full((self._ny, self._nx), np.inf)
        out[: area.shape[0], : area.shape[1]] = np.maximum(area, 0.25 * np.pi * RADIUS_M**2)
        return out

    def sample(self, now: float, x: F64, y: F64, vx: F64, vy: F64) -> None:
        """Take the state of those who are inside at one time."""
        g = self.ground
        maps = np.zeros((4, self._ny, self._nx))
        spread(x, y, vx, vy, g.x0, g.y0, MAP_M, RADIUS_M, REACH, maps)
        w = np.maximum(maps[0], 1e-12)
        density = np.where(self._walk, maps[0] / self._free, 0.0)
        variance = np.maximum(maps[3] / w - (maps[1] / w) ** 2 - (maps[2] / w) ** 2, 0.0)
        # The threshold comes from dense crowds; people who walk freely differ in speed anyway.
        pressure = np.where(density >= WATCHED_PM2[0], density * variance, 0.0)
        np.maximum(self.most_pm2, density, out=self.most_pm2)
        np.maximum(self.most_pms, np.hypot(maps[1], maps[2]) / self._free, out=self.most_pms)
        np.maximum(self.most_ps2, pressure, out=self.most_ps2)
        self.peak_pm2, self.peak_at = self._larger(self.peak_pm2, self.peak_at, density, now)
        self.pressure_ps2, self.pressure_at = self._larger(
            self.pressure_ps2, self.pressure_at, pressure, now)
        j, i = self._points(x, y)
        own = density[j, i]
        for k, limit in enumerate(WATCHED_PM2):
            self.person_s[k] += EVERY_S * (own >= limit).sum()
            self._longest[k] += EVERY_S * (density >= limit)
            self.place_s[k] = self._longest[k].max()
        self.turbulent_person_s += EVERY_S * (pressure[j, i] >= TURBULENT_PS2).sum()
        self.los_s += EVERY_S * np.bincount(
            np.searchsorted(FRUIN_PM2, own), minlength=len(FRUIN_PM2) + 1)
        square = np.floor(y - g.y0).astype(np.int64) * self._nx + np.floor(x - g.x0).astype(np.int64)
        if square.size:
            self.most_in_1_m2 = max(self.most_in_1_m2, int(np.bincount(square).max()))
        for k, ring in enumerate(g.cameras):
            seen = shapely.contains_xy(ring, x, y)
            number = int(seen.sum())
            speed = float(np.hypot(vx[seen], vy[seen]).mean()) if number else float("nan")
            self.counts.append((now, k, number, number / max(self._camera_m2[k], 1e-9), speed))

    def local_pm2(self, x: F64, y: F64) -> F64:
        """Density where each of the people at these places stands; nothing is kept."""
        g, none = self.ground, np.zeros(x.size)
        maps = np.zeros((4, self._ny, self._nx))
        spread(x, y, none, none, g.x0, g.y0, MAP_M, RADIUS_M, REACH, maps)
        j, i = self._points(x, y)
        return np.asarray(np.where(self._walk, maps[0] / self._free, 0.0)[j, i])

    def _points(self, x: F64, y: F64) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column of the map's point nearest to each place."""
        g = self.ground
        j = np.clip(np.rint((y - g.y0) / MAP_M).astype(np.int64), 0, self._ny - 1)
        i = np.clip(np.rint((x - g.x0) / MAP_M).astype(np.int64), 0, self._nx - 1)
        return j, i

    def _larger(
        self, most: float, at: tuple[float, float, float], values: F64, now: float
    ) -> tuple[float, tuple[float, float, float]]:
        k = int(values.argmax())
        if values.flat[k] <= most:
            return most, at
        j, i = divmod(k, self._nx)
        g = self.ground
        return float(values.flat[k]), (g.x0 + i * MAP_M, g.y0 + j * MAP_M, now)
