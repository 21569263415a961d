"""Ground-motion model of Boore, Stewart, Seyhan and Atkinson (2014), BSSA14.

Source: Boore et al. 2014, Earthquake Spectra 30(3), 1057-1085, equations 1-17; coefficients
compared with the table of OpenQuake's `BooreEtAl2014` and its HighQ and LowQ variants. The
basin term is left out (depth to the 1 km/s horizon unknown, difference zero).

Validity: shallow crustal earthquakes, M 3 to 8.5 (strike-slip and reverse) or 7 (normal),
Rjb up to 400 km, Vs30 150 to 1500 m/s. It does not describe subduction interface or slab
events: there it may supply a trend for recorded stations to correct, never an answer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import InputError, unknown

F64 = NDArray[np.float64]

#: Mechanisms; position gives the coefficient e0..e3.
STYLES = ("unspecified", "strike-slip", "normal", "reverse")
#: Anelastic attenuation: global (California, Taiwan), HighQ (China, Turkey), LowQ (Italy, Japan).
REGIONS = ("global", "HighQ", "LowQ")

_V_REF_MPS = 760.0
_M_REF = 4.5
_F3_G = 0.1
_V1_MPS, _V2_MPS = 225.0, 300.0


@dataclass(frozen=True)
class _Coefficients:
    e: tuple[float, float, float, float]
    e4: float
    e5: float
    e6: float
    mh: float
    c1: float
    c2: float
    c3: float
    h_km: float
    dc3: tuple[float, float, float]  # by REGIONS
    c: float
    vc_mps: float
    f4: float
    f5: float
    r1_km: float
    r2_km: float
    dphi_r: float
    dphi_v: float
    phi1: float
    phi2: float
    tau1: float
    tau2: float


#: Peak acceleration and Sa(1 s) in g, peak velocity in cm/s.
COEFFICIENTS: dict[str, _Coefficients] = {
    "PGA": _Coefficients(
        (0.4473, 0.4856, 0.2459, 0.4539), 1.431, 0.05053, -0.1662, 5.5,
        -1.134, 0.1917, -0.008088, 4.5, (0.0, 0.002858, -0.00255),
        -0.6, 1500.0, -0.15, -0.00701, 110.0, 270.0, 0.100, 0.070, 0.695, 0.495, 0.398, 0.348,
    ),
    "PGV": _Coefficients(
        (5.037, 5.078, 4.849, 5.033), 1.073, -0.1536, 0.2252, 6.2,
        -1.243, 0.1489, -0.00344, 5.3, (0.0, 0.004345, -0.00033),
        -0.84, 1300.0, -0.10, -0.00844, 105.0, 272.0, 0.082, 0.080, 0.644, 0.552, 0.401, 0.346,
    ),
    "SA1": _Coefficients(
        (0.3932, 0.4218, 0.2070, 0.4124), 1.5004, -0.18983, 0.17895, 6.2,
        -1.193, 0.10248, -0.00121, 5.74, (0.0, 0.002921, -0.0020894),
        -1.05, 1109.95, -0.10521, -0.00844, 116.39, 270.0, 0.098, 0.020, 0.553, 0.625,
        0.498, 0.298,
    ),
}  # fmt: skip
MEASURES = tuple(COEFFICIENTS)


def coefficients(measure: str) -> _Coefficients:
    """Return the coefficients of "PGA", "PGV" or "SA1"; raise InputError for another name."""
    try:
        return COEFFICIENTS[measure]
    except KeyError:
        raise unknown("ground-motion measure", measure, MEASURES) from None


def _event_path(k: _Coefficients, magnitude: float, rjb_km: F64, style: int, region: int) -> F64:
    d = magnitude - k.mh
    source = k.e[style] + (k.e4 * d + k.e5 * d * d if d <= 0.0 else k.e6 * d)
    r = np.sqrt(rjb_km**2 + k.h_km**2)
    geometric = (k.c1 + k.c2 * (magnitude - _M_REF)) * np.log(r)
    return np.asarray(source + geometric + (k.c3 + k.dc3[region]) * (r - 1.0))


def bssa14_ln_median(
    measure: str,
    magnitude: float,
    rjb_km: ArrayLike,
    vs30_mps: ArrayLike = _V_REF_MPS,
    style: str = "unspecified",
    region: str = "global",
) -> F64:
    """Return the natural logarithm of the median ground motion (equations 1-8).

    `measure` is "PGA" (g), "PGV" (cm/s) or "SA1" (spectral acceleration at 1 s, 5 % damping,
    g), horizontal component RotD50; `rjb_km` [n] is the distance to the surface projection of
    the rupture in km, `vs30_mps` [n] or a scalar in m/s. Validity as in the module's docstring;
    outside M 3-8.5 InputError is raised, other limits are the caller's to respect.
    """
    k = coefficients(measure)
    if not 3.0 <= magnitude <= 8.5:
        raise InputError(f"BSSA14: magnitude {magnitude} outside its validity, 3 to 8.5")
    if style not in STYLES:
        raise unknown("style of faulting", style, STYLES)
    if region not in REGIONS:
        raise unknown("attenuation region", region, REGIONS)
    s, g = STYLES.index(style), REGIONS.index(region)
    r = np.asarray(rjb_km, dtype=np.float64)
    v = np.asarray(vs30_mps, dtype=np.float64)
    if np.any(r < 0.0) or np.any(~(v > 0.0)):
        raise InputError("BSSA14: distances must be 0 or more and Vs30 positive")
    rock_g = np.exp(_event_path(COEFFICIENTS["PGA"], magnitude, r, s, g))
    linear = k.c * np.log(np.minimum(v, k.vc_mps) / _V_REF_MPS)
    f2 = k.f4 * (np.exp(k.f5 * (np.minimum(v, 760.0) - 360.0)) - math.exp(k.f5 * 400.0))
    nonlinear = f2 * np.log((rock_g + _F3_G) / _F3_G)
    return np.asarray(_event_path(k, magnitude, r, s, g) + linear + nonlinear)


def bssa14_sigma(
    measure: str, magnitude: float, rjb_km: ArrayLike, vs30_mps: ArrayLike = _V_REF_MPS
) -> tuple[float, F64]:
    """Return (tau, phi [n]): between-event and within-event standard deviations of ln(motion).

    Equations 13-17: both depend on magnitude, phi also on distance and Vs30. The total is
    sqrt(tau^2 + phi^2). Arguments as in `bssa14_ln_median`.
    """
    k = coefficients(measure)
    share = min(max(magnitude - 4.5, 0.0), 1.0)
    tau = k.tau1 + (k.tau2 - k.tau1) * share
    r = np.asarray(rjb_km, dtype=np.float64)
    v = np.asarray(vs30_mps, dtype=np.float64)
    far = np.log(np.clip(r, k.r1_km, k.r2_km) / k.r1_km) / math.log(k.r2_km / k.r1_km)
    soft = np.log(_V2_MPS / np.clip(v, _V1_MPS, _V2_MPS)) / math.log(_V2_MPS / _V1_MPS)
    phi = k.phi1 + (k.phi2 - k.phi1) * share + k.dphi_r * far - k.dphi_v * soft
    return tau, np.asarray(phi)
