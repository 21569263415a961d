"""Shaking over a city: intensity scales, spatial correlation, and fields tied to recordings.

A `StationField` blends three things: a trend (BSSA14, or none), one event term for the whole
earthquake and a spatially correlated within-event residual, and honours what stations recorded.
For a subduction event such as Illapel 2015 (M8.3 interface) BSSA14 is outside its tectonic
validity; there the stations carry the level and the model supplies the trend at most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from engine import rng
from engine.errors import InputError
from engine.hazards.gmpe import bssa14_ln_median, bssa14_sigma, coefficients
from engine.hazards.shakemap import ShakeMap, read_shakemap

__all__ = [
    "FieldSample", "RuptureTrend", "ShakeMap", "StationField", "bssa14_ln_median", "bssa14_sigma",
    "jayaram_baker", "mmi_worden2012", "pgv_from_sa1", "read_shakemap",
    "s_arrival_s",
]  # fmt: skip

F64 = NDArray[np.float64]
G_MPS2 = 9.80665
#: Mean speed of S waves in the crust, m/s; see `s_arrival_s`.
S_WAVE_MPS = 3500.0
_PERIOD_S = {"PGA": 0.0, "SA1": 1.0, "PGV": 1.0}
_DRAW = {"PGA": 0, "SA1": 1, "PGV": 2}
# Beyond a few hundred centres the dense factorisation costs seconds.
_MAX_CENTRES = 1000


#: Worden et al. 2012, table 1: c1, c2, c3, c4, t1, and ShakeMap's extension below MMI 2.
_WORDEN = {
    "PGA": (1.78, 1.55, -1.60, 3.70, 1.57, 1.71, 2.08, 0.14),
    "PGV": (3.78, 1.47, 2.89, 3.16, 0.53, 4.62, 2.17, -1.21),
}


def mmi_worden2012(pga_g: ArrayLike, pgv_cms: ArrayLike | None = None) -> F64:
    """Return the Modified Mercalli intensity, 1 to 10, from PGA (g) and, if given, PGV (cm/s).

    Source: Worden, Gerstenberger, Rhoades and Wald 2012, Bull. Seism. Soc. Am. 102(1), 204-221,
    equation 3 and table 1 (California), without the magnitude and distance terms; below MMI 2
    ShakeMap's linear extension. With both measures the mean of the two, as ShakeMap does.
    Standard deviation 0.73 (PGA) and 0.65 (PGV) intensity units. Inputs [n].
    """

    def one(log_y: F64, name: str) -> F64:
        c1, c2, c3, c4, t1, d1, d2, t0 = _WORDEN[name]
        upper = np.where(log_y > t1, c3 + c4 * log_y, c1 + c2 * log_y)
        return np.asarray(np.where(log_y <= t0, d1 + d2 * log_y, upper))

    a = np.log10(np.maximum(np.asarray(pga_g, dtype=np.float64) * G_MPS2 * 100.0, 1e-9))
    mmi = one(a, "PGA")
    if pgv_cms is not None:
        v = np.log10(np.maximum(np.asarray(pgv_cms, dtype=np.float64), 1e-9))
        mmi = 0.5 * (mmi + one(v, "PGV"))
    return np.asarray(np.clip(mmi, 1.0, 10.0))


def pgv_from_sa1(sa1_g: ArrayLike) -> F64:
    """Return PGV in cm/s from the spectral acceleration at 1 s (g, 5 % damping), [n].

    Newmark and Hall 1982: Sa = 1.65 (2 pi / T) PGV, as HAZUS and ShakeMap use it where velocity
    was not recorded: 94.59 cm/s per g. A conversion by mean amplification, not by the record.
    """
    return np.asarray(sa1_g, dtype=np.float64) * (G_MPS2 * 100.0 / (2.0 * math.pi * 1.65))


def s_arrival_s(distance_m: ArrayLike, depth_m: float) -> F64:
    """Return the seconds from rupture to the S wave at epicentral distances [n] in metres.

    Straight ray at 3.5 km/s, the usual mean speed of S waves in the crust: no layers, no rupture
    propagation. Good for ordering cues to about ten percent within 300 km.
    """
    d = np.asarray(distance_m, dtype=np.float64)
    return np.asarray(np.sqrt(d * d + depth_m * depth_m) / S_WAVE_MPS)


def jayaram_baker(distance_km: ArrayLike, period_s: float = 0.0, clustered: bool = False) -> F64:
    """Return the correlation of within-event residuals at separations [n] in km.

    Jayaram and Baker 2009, Earthq. Eng. Struct. Dyn. 38, 1687-1708: exp(-3 h / b), with
    b = 8.5 + 17.2 T (no clustering of Vs30) or 40.7 - 15 T (clustered) for T < 1 s and
    22 + 3.7 T km above. PGA takes T = 0; PGV is treated as T = 1 s.
    """
    if period_s >= 1.0:
        b = 22.0 + 3.7 * period_s
    else:
        b = 40.7 - 15.0 * period_s if clustered else 8.5 + 17.2 * period_s
    return np.asarray(np.exp(-3.0 * np.asarray(distance_km, dtype=np.float64) / b))


# Dense algebra below is written without matrix products: BLAS may sum in an order that depends
# on its number of threads, and results must not.


def _cholesky(a: F64) -> F64:
    """Return the lower Cholesky factor of `a`; tiny negative pivots count as zero."""
    work, lower = a.copy(), np.zeros_like(a)
    for j in range(a.shape[0]):
        pivot = work[j, j]
        if pivot <= 1e-10:
            continue
        lower[j:, j] = work[j:, j] / math.sqrt(pivot)
        work[j + 1 :, j + 1 :] -= lower[j + 1 :, j, None] * lower[None, j + 1 :, j]
    return lower


def _forward(lower: F64, b: F64) -> F64:
    """Return x with lower @ x = b, b [n, m], columns independent."""
    x = b.copy()
    for j in range(lower.shape[0]):
        x[j] = x[j] / lower[j, j]
        x[j + 1 :] -= lower[j + 1 :, j, None] * x[j]
    return x


def _sum_rows(a: F64) -> F64:
    out = np.zeros(a.shape[1])
    for row in a:
        out += row
    return out


@dataclass(frozen=True)
class RuptureTrend:
    """BSSA14 as a trend: magnitude, style, region and the rupture's surface projection.

    `outline_x_m`, `outline_y_m`: one point is a point source, two or more a trace, three or more
    a closed polygon when `closed`. `vs30_mps` stands where a site's own value is not given.
    """

    magnitude: float
    outline_x_m: tuple[float, ...]
    outline_y_m: tuple[float, ...]
    style: str = "unspecified"
    region: str = "global"
    vs30_mps: float = 760.0
    closed: bool = False

    def rjb_km(self, x_m: F64, y_m: F64) -> F64:
        """Return the Joyner-Boore distance in km of points [n]."""
        xy = list(zip(self.outline_x_m, self.outline_y_m, strict=True))
        if not xy:
            raise InputError("rupture: the outline has no points")
        shape: shapely.Geometry
        if len(xy) == 1:
            shape = shapely.Point(xy[0])
        else:
            shape = shapely.Polygon(xy) if self.closed else shapely.LineString(xy)
        return np.asarray(shapely.distance(shape, shapely.points(x_m, y_m)) / 1000.0)

    def ln_median(self, measure: str, x_m: F64, y_m: F64, vs30_mps: ArrayLike | None) -> F64:
        """Return ln(median) of the measure at points [n]."""
        v = self.vs30_mps if vs30_mps is None else vs30_mps
        return bssa14_ln_median(
            measure, self.magnitude, self.rjb_km(x_m, y_m), v, self.style, self.region
        )


@dataclass(frozen=True)
class FieldSample:
    """One realisation: the event term and a standard score per centre [centres]."""

    event_term: float
    score: F64


class StationField:
    """Ground motion of one measure over a plane, conditioned on recorded stations.

    ln Y(s) = trend(s) + event term + residual(s). The event term is normal with standard
    deviation tau before the stations are seen (flat without a trend); the residual has standard
    deviation phi and the correlation of Jayaram and Baker, and is kriged from the stations
    (simple kriging given the event term). At a station the field equals its record; far from all
    it returns to trend plus event term.
    """

    def __init__(
        self,
        measure: str,
        x_m: ArrayLike = (),
        y_m: ArrayLike = (),
        value: ArrayLike = (),
        *,
        trend: RuptureTrend | None = None,
        vs30_mps: ArrayLike | None = None,
        clustered: bool = False,
    ) -> None:
        """Take stations at `x_m`, `y_m` [stations] in m with records `value` (g; PGV cm/s).

        `trend` may be left out when there is a station. `vs30_mps` [stations] enters the trend
        only. tau and phi are BSSA14's at the trend's magnitude, or those of large events.
        """
        self.measure, self.trend, self.clustered = measure, trend, clustered
        self.x_m, self.y_m, y = (
            np.atleast_1d(np.asarray(a, dtype=np.float64)) for a in (x_m, y_m, value)
        )
        if not self.x_m.size == self.y_m.size == y.size:
            raise InputError(
                f"stations: {self.x_m.size} x, {self.y_m.size} y and {y.size} values differ"
            )
        if not np.all(y > 0.0):
            raise InputError("stations: every recorded value must be positive")
        if trend is None and not y.size:
            raise InputError("ground motion: give at least one station or a rupture")
        magnitude = 7.0 if trend is None else trend.magnitude
        self.tau, phi = bssa14_sigma(measure, magnitude, 0.0, 760.0)
        self.phi = float(phi)
        coefficients(measure)
        away = np.hypot(self.x_m[:, None] - self.x_m[None], self.y_m[:, None] - self.y_m[None])
        if np.any(away[~np.eye(y.size, dtype=bool)] < 1.0):
            raise InputError("stations: two stations stand within a metre of each other")
        self._lower = _cholesky(self._rho(away))
        self._delta = np.log(y) - self._trend(self.x_m, self.y_m, vs30_mps)
        ones = _forward(self._lower, np.ones((y.size, 1)))
        self._ones = ones
        self._white = _forward(self._lower, self._delta[:, None])
        precision = float(_sum_rows(ones * ones)[0]) / self.phi**2 if y.size else 0.0
        pull = float(_sum_rows(ones * self._white)[0]) / self.phi**2 if y.size else 0.0
        if trend is not None:
            precision += 1.0 / self.tau**2
        self.event_mean = pull / precision
        self.event_sd = 1.0 / math.sqrt(precision)

    def _rho(self, distance_m: F64) -> F64:
        return jayaram_baker(distance_m / 1000.0, _PERIOD_S[self.measure], self.clustered)

    def _trend(self, x_m: F64, y_m: F64, vs30_mps: ArrayLike | None) -> F64:
        if self.trend is None:
            return np.zeros(x_m.size)
        return np.broadcast_to(
            self.trend.ln_median(self.measure, x_m, y_m, vs30_mps), x_m.shape
        ).astype(np.float64)

    def _weights(self, x_m: F64, y_m: F64) -> F64:
        """Whitened correlations with the stations [stations, n]."""
        rho = np.empty((self.x_m.size, x_m.size))
        for i in range(self.x_m.size):
            rho[i] = self._rho(np.hypot(x_m - self.x_m[i], y_m - self.y_m[i]))
        return _forward(self._lower, rho)

    def sample(self, seed: int, x_m: ArrayLike, y_m: ArrayLike, key: ArrayLike, event: int = 0
               ) -> FieldSample:
        """Draw one realisation at centres [n] (zones, at most 1000) with stable integer keys.

        The event term comes from stream quake.between_event, the correlated scores from
        quake.within_event; `event` is the occurrence number (0 main shock). The draws of PGA and
        SA1 are independent, although the true residuals correlate at about 0.5.
        """
        x, y = (np.atleast_1d(np.asarray(a, dtype=np.float64)) for a in (x_m, y_m))
        if x.size > _MAX_CENTRES:
            raise InputError(f"ground motion: {x.size} centres, at most {_MAX_CENTRES} allowed")
        k = event * len(_DRAW) + _DRAW[self.measure]
        z_event = float(rng.normal(seed, "quake.between_event", 0, k)[0])
        z = rng.normal(seed, "quake.within_event", key, k)
        cov = self._rho(np.hypot(x[:, None] - x[None], y[:, None] - y[None]))
        for w in self._weights(x, y):
            cov = cov - w[:, None] * w[None, :]
        lower = _cholesky(cov)
        value = np.zeros(x.size)
        for j in range(x.size):
            value += lower[:, j] * z[j]
        sd = np.sqrt(np.maximum(np.diagonal(cov), 0.0))
        score = np.divide(value, sd, out=np.zeros_like(value), where=sd > 1e-5)
        return FieldSample(self.event_mean + self.event_sd * z_event, score)

    def at(
        self,
        x_m: ArrayLike,
        y_m: ArrayLike,
        *,
        vs30_mps: ArrayLike | None = None,
        sample: FieldSample | None = None,
        centre: ArrayLike | None = None,
    ) -> F64:
        """Return the motion at points [n]: the median, or a realisation with `sample`.

        `centre` [n] is the index of each point's centre (zone) in the sample; its score is scaled
        by the point's own remaining uncertainty, so that points at a station keep its record.
        Unit as the stations' values. Fragility takes beta 0.40 with a realisation, 0.64 with the
        median.
        """
        x, y = (np.atleast_1d(np.asarray(a, dtype=np.float64)) for a in (x_m, y_m))
        event = self.event_mean if sample is None else sample.event_term
        w = self._weights(x, y)
        white = self._white - event * self._ones
        ln = self._trend(x, y, vs30_mps) + event + _sum_rows(w * white)
        if sample is not None:
            if centre is None:
                raise InputError("ground motion: a sample needs the centre of each point")
            left = np.sqrt(np.maximum(1.0 - _sum_rows(w * w), 0.0))
            ln = ln + self.phi * left * sample.score[np.asarray(centre, dtype=np.int64)]
        return np.asarray(np.exp(ln))
