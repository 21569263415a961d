"""Maps of density, flow and pressure, and who stood where it was dangerous.

Pressure is Helbing, Johansson and Al-Abideen's (2007): density times the variance in time of the
local mean velocity. The model has no pushing, so it shows where people are held and let go, not
the force on a body.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.crowd.ground import Ground
from engine.kernels import crowd_maps

F64 = NDArray[np.float64]
MAP_CELL_M = 0.5
#: Persons/m2. Green Guide: at most 4.7 standing; Fruin (1993): beyond 7 the crowd is a fluid mass;
#: in between it is the practice to warn at 4 and to call 5 dangerous (Still 2014).
WARN_PM2, DANGER_PM2, CRUSH_PM2 = 4.0, 5.0, 7.0
LEVELS = {"warn": WARN_PM2, "danger": DANGER_PM2, "crush": CRUSH_PM2}
#: Pressure is taken over so many samples, a minute, and only where their mean density is at least
#: `WARN_PM2`: elsewhere the variance is that of people who come and go.
BLOCK_SAMPLES = 12
#: Crowd turbulence begins at this pressure, 1/s2 (Helbing, Johansson and Al-Abideen 2007).
TURBULENCE_PS2 = 0.02


@dataclass
class Maps:
    """What was greatest in each cell [rows, columns], and a row a sample in `series`."""

    x0: float
    y0: float
    shape: tuple[int, int]
    ground: NDArray[np.bool_]
    density_pm2: F64
    density_at_s: F64
    flow_pms: F64
    pressure_ps2: F64
    person_s: dict[str, float]
    series: list[dict[str, float]] = field(default_factory=list)
    now_pm2: F64 = field(default_factory=lambda: np.zeros((0, 0)))


class Recorder:
    """Takes a sample of everybody's place and velocity into the maps."""

    def __init__(self, ground: Ground, walkable: NDArray[np.bool_]) -> None:
        height, width = (n * ground.cell_m for n in ground.shape)
        shape = (math.ceil(height / MAP_CELL_M), math.ceil(width / MAP_CELL_M))
        # A map cell is ground when the centre of a floor cell in it can be walked on.
        gi, gj = np.nonzero(walkable)
        mask = np.zeros(shape, np.bool_)
        mask[((gi + 0.5) * ground.cell_m / MAP_CELL_M).astype(int),
             ((gj + 0.5) * ground.cell_m / MAP_CELL_M).astype(int)] = True
        self._taps = crowd_maps.window(MAP_CELL_M)
        self._fields = np.zeros((3, *shape))
        self._block, self._blocked = np.zeros((4, *shape)), 0
        self._half = np.zeros(shape[::-1])
        self._blur = np.zeros((3, *shape))
        share = np.zeros(shape)
        self._smooth(mask.astype(float), share)
        self._share = np.maximum(share, 0.25)
        self._row = np.minimum(((np.arange(ground.shape[0]) + 0.5) * ground.cell_m
                                / MAP_CELL_M).astype(int), shape[0] - 1)
        self._column = np.minimum(((np.arange(ground.shape[1]) + 0.5) * ground.cell_m
                                   / MAP_CELL_M).astype(int), shape[1] - 1)
        self.maps = Maps(
            ground.x0, ground.y0, shape, mask, np.zeros(shape), np.zeros(shape), np.zeros(shape),
            np.zeros(shape), dict.fromkeys(LEVELS, 0.0), [], np.zeros(shape),
        )

    def _smooth(self, field: F64, out: F64) -> None:
        crowd_maps.sweep(self._half, np.ascontiguousarray(field), self._taps)
        crowd_maps.sweep(out, self._half, self._taps)

    def sample(self, t_s: float, rows: NDArray[np.int64], state: F64, every_s: float,
               out: int, waiting: int) -> None:
        """Record the people `rows` of `state` at `t_s`; samples stand for `every_s` seconds."""
        maps = self.maps
        crowd_maps.deposit(self._fields, rows, state, maps.x0, maps.y0, MAP_CELL_M)
        for k in range(3):
            self._smooth(self._fields[k], self._blur[k])
        mass = np.where(maps.ground, self._blur[0], 0.0)
        density = mass / MAP_CELL_M**2 / self._share
        some = np.maximum(self._blur[0], 1e-9)
        busy = maps.ground & (self._blur[0] / MAP_CELL_M**2 > 0.25)
        vx = np.where(busy, self._blur[1] / some, 0.0)
        vy = np.where(busy, self._blur[2] / some, 0.0)
        higher = density > maps.density_pm2
        maps.density_at_s[higher] = t_s
        maps.density_pm2[higher] = density[higher]
        np.maximum(maps.flow_pms, density * np.hypot(vx, vy), out=maps.flow_pms)
        self._add_to_block(density, vx, vy)
        maps.now_pm2 = density
        i = ((state[rows, 1] - maps.y0) / MAP_CELL_M).astype(int)
        j = ((state[rows, 0] - maps.x0) / MAP_CELL_M).astype(int)
        felt = density[i, j]
        row = {"t_s": t_s, "inside": float(rows.size), "out": float(out), "waiting": float(waiting),
               "density_max_pm2": float(felt.max(initial=0.0))}
        for name, limit in LEVELS.items():
            count = int((felt >= limit).sum())
            maps.person_s[name] += count * every_s
            row[f"people_{name}"] = float(count)
        maps.series.append(row)

    def _add_to_block(self, density: F64, vx: F64, vy: F64) -> None:
        """Pressure of each block of samples: mean density times the variance of the velocity."""
        self._block += (density, vx, vy, vx * vx + vy * vy)
        self._blocked += 1
        if self._blocked == BLOCK_SAMPLES:
            rho, ux, uy, u2 = self._block / BLOCK_SAMPLES
            variance = np.maximum(u2 - ux * ux - uy * uy, 0.0)
            pressure = np.where(rho >= WARN_PM2, rho * variance, 0.0)
            np.maximum(self.maps.pressure_ps2, pressure, out=self.maps.pressure_ps2)
            self._block[:] = 0.0
            self._blocked = 0

    def crowd_factor(self) -> F64:
        """Share of free speed (Weidmann) that the last density leaves, on the floor grid."""
        from engine.kernels.walking import GAMMA, JAM_PM2

        d = np.clip(self.maps.now_pm2, 1e-6, JAM_PM2)
        share = 1.0 - np.exp(-GAMMA * (1.0 / d - 1.0 / JAM_PM2))
        return share[np.ix_(self._row, self._column)]
