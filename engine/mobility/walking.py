"""Walking speeds: slope, crowding, age and mobility; a party walks as fast as its slowest member.

Free speed of a person (m/s) is a draw around the mean of the age group, with Weidmann's (1993)
coefficient of variation 0.26 / 1.34, cut at two standard deviations:

| age | mean | source |
|---|---|---|
| 0-4 | 0.90 | adult with a pushchair, Japan Fire and Disaster Management Agency's tsunami manual |
| 5-14 | 1.20 | assumption, between 0.69-1.33 at age 3-4 (Najmanova & Ronchi 2017) and adults |
| 15-29, 30-59 | 1.35, 1.39 | Bohannon & Andrews 2011, mean of men and women by decade |
| 60-74, 75+ | 1.26, 1.05 | the same, adjoining decades averaged |

Of Bohannon & Andrews' table only the extremes (1.434 men 40-49, 0.943 women 80-99) were confirmed
against the abstract; the other decades are recalled. Who walks slowly or with an aid draws
uniformly from 0.46-0.76 m/s (RiMEA, impaired persons); who is helped from 0.44-0.50 m/s (lower
end of the Japanese manual for disabled people in a hurry; Japanese planning value for impaired
people, unconfirmed). For comparison, planning speeds, unconfirmed: 1.0 m/s in Japan; 1.1 slow
walk, 1.52 fast walk, 1.79 slow run, 3.85 fast run by the US Geological Survey. Walking more slowly
in the dark is reported but no factor could be confirmed, so there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine import rng
from engine.city import AGE_GROUPS
from engine.kernels.walking import GAMMA, JAM_PM2

if TYPE_CHECKING:
    from engine.city import City
    from engine.parties import Parties

F64 = NDArray[np.float64]

FREE_SPEED_MPS = 1.34  #: Weidmann 1993
FREE_SPEED_SD_MPS = 0.26
AGE_SPEED_MPS: tuple[float, ...] = (0.90, 1.20, 1.35, 1.39, 1.26, 1.05)  #: by city.AGE_GROUPS
SLOW_MPS = (0.46, 0.76)  #: range for mobility "slow"
ASSISTED_MPS = (0.44, 0.50)  #: range for mobility "assisted"
MAX_SLOPE = 0.5
assert len(AGE_SPEED_MPS) == len(AGE_GROUPS)


def tobler_speed_kmh(slope: ArrayLike) -> F64:
    """Return Tobler's (1993) hiking speed in km/h for a slope (rise over run, uphill positive)."""
    s = np.asarray(slope, np.float64)
    return np.asarray(6.0 * np.exp(-3.5 * np.abs(s + 0.05)))


def tobler_factor(slope: ArrayLike) -> F64:
    """Return walking speed over that on the level, for slopes of any shape.

    Slopes beyond 0.5 either way count as 0.5 (factor 0.17 up, 0.25 down): on short streets they
    are artefacts of the elevation raster.
    """
    s = np.clip(np.asarray(slope, np.float64), -MAX_SLOPE, MAX_SLOPE)
    return np.asarray(tobler_speed_kmh(s) / tobler_speed_kmh(0.0))


def weidmann_speed(density_pm2: ArrayLike, free_speed_mps: ArrayLike = FREE_SPEED_MPS) -> F64:
    """Return walking speed in m/s at a density in persons per m2 (Weidmann 1993, Kladek's form).

    v = v_free (1 - exp(-1.913 (1/rho - 1/5.4))), 0 from 5.4 persons per m2 on. The kernel floors
    it (`engine.kernels.walking.FLOOR`).
    """
    rho = np.maximum(np.asarray(density_pm2, np.float64), 1e-9)
    part = 1.0 - np.exp(-GAMMA * np.maximum(1.0 / rho - 1.0 / JAM_PM2, 0.0))
    return np.asarray(np.asarray(free_speed_mps, np.float64) * part)


def speed_about(seed: int, key: ArrayLike, mean_mps: ArrayLike) -> F64:
    """Return a draw around `mean_mps` [n] for each of `key` [n], with Weidmann's spread, in m/s."""
    z = np.clip(rng.normal(seed, "people.walk_speed", key), -2.0, 2.0)
    return np.asarray(np.asarray(mean_mps) * (1.0 + z * FREE_SPEED_SD_MPS / FREE_SPEED_MPS))


def free_speed(seed: int, key: ArrayLike, age_group: ArrayLike, mobility: ArrayLike) -> F64:
    """Return the free walking speed of persons [n] in m/s, one draw each (people.walk_speed).

    - key: [n] person rows; age_group: [n] index of city.AGE_GROUPS; mobility: [n] index of
      city.MOBILITY.
    """
    u = rng.uniform(seed, "people.walk_speed", key)
    normal = speed_about(seed, key, np.asarray(AGE_SPEED_MPS)[np.asarray(age_group, np.int64)])
    how = np.asarray(mobility)
    slow = np.minimum(normal, SLOW_MPS[0] + u * (SLOW_MPS[1] - SLOW_MPS[0]))
    helped = ASSISTED_MPS[0] + u * (ASSISTED_MPS[1] - ASSISTED_MPS[0])
    return np.asarray(np.where(how == 0, normal, np.where(how == 1, slow, helped)))


def party_speed(seed: int, city: City, parties: Parties) -> F64:
    """Return the free speed of each party [parties] in m/s: that of its slowest member."""
    persons = city.persons
    speed = free_speed(
        seed, np.arange(persons.household.size), persons.age_group, persons.mobility
    )
    if parties.count == 0:
        return np.empty(0)
    return np.asarray(np.minimum.reduceat(speed[parties.member], parties.member_ptr[:-1]))
