"""Counter-based random numbers: a draw is a hash of (seed, stream, entity, k).

k is the entity's own occurrence number in that stream, never the clock, so two plans under
one seed meet the same luck: warning one person earlier changes no other draw.

The mixer is the finaliser of splitmix64 (Steele, Lea and Flood 2014, "Fast splittable
pseudorandom number generators"), applied once per key word. Uniforms carry 53 bits and lie
in the open interval (0, 1). Normals come from the inverse CDF (Acklam's rational
approximation, relative error below 1.15e-9), so that one draw gives one value.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Every stream has one number; adding one here never disturbs the others.
STREAMS: dict[str, int] = {
    name: number
    for number, name in enumerate(
        [
            "city.population",
            "city.buildings",
            "city.facilities",
            "position.place",
            "position.route",
            "quake.between_event",
            "quake.within_event",
            "quake.fragility",
            "quake.collapse",
            "quake.casualty",
            "quake.bridge",
            "people.felt",
            "people.believe",
            "people.refuse",
            "people.milling",
            "people.mode",
            "people.channel",
            "people.neighbour",
            "people.route",
            "people.walk_speed",
            "water.stability",
            "water.death",
            "call.delay",
            "call.service",
            "unit.turnout",
            "unit.scene",
            "trapped.survival",
            "sensor.noise",
            "sample.household",
            "traffic.node",
            "people.shadow",
            "people.pickup",
            "hurt.survival",
            "tsunami.boundary",
            "lifeline.zone",
            "score.bootstrap",
            "unit.volunteer",
            "report.closure",
            "hurt.self_referral",
            "unit.caught",
            "people.visit",
            "people.return",
            "position.beach",
            "people.school",
            "sweep.input",
            "people.rumour",
            "position.ward",
            "traffic.group",
            "crowd.place",
            "crowd.speed",
            "crowd.premovement",
            "crowd.sidestep",
            "camera.count",
            "crowd.side",
        ]
    )
}

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_S30 = np.uint64(30)
_S27 = np.uint64(27)
_S31 = np.uint64(31)
_S11 = np.uint64(11)
_UNIT = 1.0 / 9007199254740992.0  # 2**-53


@numba.njit(inline="always")
def mix(z):  # type: ignore[no-untyped-def]
    """Return the splitmix64 finaliser of the uint64 `z`."""
    z = np.uint64(z) + _GOLDEN
    z = (z ^ (z >> _S30)) * _M1
    z = (z ^ (z >> _S27)) * _M2
    return z ^ (z >> _S31)


@numba.njit(inline="always")
def uniform1(seed, stream, entity, k):  # type: ignore[no-untyped-def]
    """Return one uniform in (0, 1) for the key; callable from kernels."""
    z = mix(np.uint64(seed))
    z = mix(z ^ np.uint64(stream))
    z = mix(z ^ np.uint64(entity))
    z = mix(z ^ np.uint64(k))
    return (np.float64(z >> _S11) + 0.5) * _UNIT


@numba.njit(inline="always")
def normal1(seed, stream, entity, k):  # type: ignore[no-untyped-def]
    """Return one standard normal for the key; callable from kernels."""
    return inverse_normal(uniform1(seed, stream, entity, k))


@numba.njit
def inverse_normal(p):  # type: ignore[no-untyped-def]
    """Return the standard normal quantile of `p` (Acklam's approximation)."""
    if p < 0.02425 or p > 1.0 - 0.02425:
        tail = p if p < 0.5 else 1.0 - p
        q = math.sqrt(-2.0 * math.log(tail))
        x = (
            ((((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838) * q
              - 2.549732539343734) * q + 4.374664141464968) * q + 2.938163982698783
        ) / (
            (((7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996) * q
             + 3.754408661907416) * q + 1.0
        )
        return x if p < 0.5 else -x
    q = p - 0.5
    r = q * q
    return (
        (((((-3.969683028665376e01 * r + 2.209460984245205e02) * r - 2.759285104469687e02) * r
           + 1.383577518672690e02) * r - 3.066479806614716e01) * r + 2.506628277459239) * q
    ) / (
        ((((-5.447609879822406e01 * r + 1.615858368580409e02) * r - 1.556989798598866e02) * r
          + 6.680131188771972e01) * r - 1.328068155288572e01) * r + 1.0
    )


@numba.njit
def _fill_uniform(out, seed, stream, entity, k):  # type: ignore[no-untyped-def]
    for i in range(out.size):
        out[i] = uniform1(seed, stream, entity[i], k[i])


@numba.njit
def _fill_normal(out, seed, stream, entity, k):  # type: ignore[no-untyped-def]
    for i in range(out.size):
        out[i] = normal1(seed, stream, entity[i], k[i])


def _keys(entity: ArrayLike, k: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    first = np.atleast_1d(np.asarray(entity, dtype=np.int64))
    # Copies: a broadcast view is read-only, which is another type to numba and compiles anew.
    second = np.array(np.broadcast_to(np.asarray(k, dtype=np.int64), first.shape))
    return np.array(first), second


def uniform(seed: int, stream: str, entity: ArrayLike, k: ArrayLike = 0) -> NDArray[np.float64]:
    """Return uniforms in (0, 1), one for each entity.

    `entity` [n] holds stable keys (int64); `k` is the occurrence number, scalar or [n].
    """
    e, kk = _keys(entity, k)
    out = np.empty(e.size)
    _fill_uniform(out, np.uint64(seed), STREAMS[stream], e, kk)
    return out


def normal(seed: int, stream: str, entity: ArrayLike, k: ArrayLike = 0) -> NDArray[np.float64]:
    """Return standard normals, one for each entity; arguments as for `uniform`."""
    e, kk = _keys(entity, k)
    out = np.empty(e.size)
    _fill_normal(out, np.uint64(seed), STREAMS[stream], e, kk)
    return out
