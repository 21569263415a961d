"""What moving water does to people: loss of stability, and what becomes of the swept.

Stability. Australian Rainfall and Runoff (Cox, Shand and Blacka 2010; recalled, unconfirmed): people
cannot stand where depth times speed passes 0.4 m2/s for children and 0.6 m2/s for adults (low
hazard; 0.8 for trained people is not used), where water is deeper than 0.5 m (children) or 1.2 m
(adults), or faster than 3 m/s. Each person's limit of depth times speed is scattered by 20 % about
those figures (assumption: the tests behind them scatter more, and the guideline lies on their safe
side); who walks slowly or needs help has the child's limit (assumption).

From losing stability to death is a step of its own. Nishikiori et al. 2006 (BMC Public Health 6:73)
counted 3,533 people of the tsunami-hit households of Ampara, Sri Lanka, 2004: 31.8 % of children
under 5 died, 23.7 % at 5-9, 7.4 % at 20-29, 15.3 % over 50. Those shares by age are taken for people
swept in water up to about 3 m. In deeper water the mortality in rapidly rising floods of Jonkman et
al. 2008 (Nat. Hazards 46, 353-389; parameters recalled), Phi((ln h - 1.46) / 0.28), is larger and
counts. The survivors come out seriously hurt in `HURT_SHARE` of cases (assumption).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine import rng
from engine.world import H_DEAD, H_SERIOUS, H_WELL

F64 = NDArray[np.float64]
B = NDArray[np.bool_]
U8 = NDArray[np.uint8]

#: Depth times speed, m2/s, and depth, m, beyond which a child or an adult cannot stand.
CRITICAL_DV = (0.4, 0.6)
CRITICAL_DEPTH_M = (0.5, 1.2)
MAX_SPEED_MPS = 3.0
#: Depth from which anyone's stability is tested whatever the speed, m.
WADING_LIMIT_M = CRITICAL_DEPTH_M[0]
SCATTER = 0.2
#: Share of the swept who die, by city.AGE_GROUPS (0-4, 5-14, 15-29, 30-59, 60-74, 75+). The
#: source's bands are mapped to the nearest: 30-59 takes the mean of 7.4 % and 15.3 %.
DEATH_SHARE = (0.318, 0.237, 0.074, 0.1135, 0.153, 0.153)
HURT_SHARE = 0.3
_LN_MEAN, _LN_SD = 1.46, 0.28

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("depth times speed, child / adult", "0.4 / 0.6", "m2/s", "Australian Rainfall and Runoff "
     "(recalled)", "assumption"),
    ("death of the swept by age", "7-32 %", "", "Nishikiori et al. 2006, cohort of Ampara",
     "sourced"),
    ("seriously hurt among swept survivors", HURT_SHARE, "share", "assumption", "assumption"),
)


def is_weak(age_group: ArrayLike, mobility: ArrayLike) -> B:
    """Return who has a child's limits [n]: children, and who walks slowly or needs help."""
    return np.asarray((np.asarray(age_group) <= 1) | (np.asarray(mobility) > 0))


def critical_dv(
    seed: int, key: ArrayLike, age_group: ArrayLike, mobility: ArrayLike
) -> F64:
    """Return each person's own limit of depth times speed [n], m2/s (stream water.stability)."""
    base = np.where(is_weak(age_group, mobility), CRITICAL_DV[0], CRITICAL_DV[1])
    z = np.clip(rng.normal(seed, "water.stability", key), -2.5, 2.5)
    return np.asarray(base * (1.0 + SCATTER * z))


def loses_stability(
    depth_m: ArrayLike, speed_mps: ArrayLike, critical: ArrayLike, age_group: ArrayLike
) -> B:
    """Return who loses stability [n]; depth (m) and speed (m/s) where each person stands."""
    depth, speed = np.asarray(depth_m, np.float64), np.asarray(speed_mps, np.float64)
    limit = np.where(np.asarray(age_group) <= 1, CRITICAL_DEPTH_M[0], CRITICAL_DEPTH_M[1])
    wet = depth > 0.1
    return np.asarray(
        (depth * speed > np.asarray(critical)) | (depth > limit) | (wet & (speed > MAX_SPEED_MPS))
    )


def jonkman_mortality(depth_m: ArrayLike) -> F64:
    """Return mortality in rapidly rising water [n] by depth in metres (Jonkman et al. 2008)."""
    depth = np.atleast_1d(np.asarray(depth_m, np.float64))
    z = (np.log(np.maximum(depth, 1e-6)) - _LN_MEAN) / _LN_SD
    return np.array([0.5 * math.erfc(-value / math.sqrt(2.0)) for value in z])


def outcome_of_swept(seed: int, key: ArrayLike, depth_m: ArrayLike, age_group: ArrayLike) -> U8:
    """Return the health of people [n] who lost stability: dead, seriously hurt or unhurt.

    One draw a person (stream water.death): a low draw is the worst outcome.
    """
    share = np.maximum(
        np.asarray(DEATH_SHARE)[np.asarray(age_group, np.int64)], jonkman_mortality(depth_m)
    )
    draw = rng.uniform(seed, "water.death", key)
    hurt = draw < share + (1.0 - share) * HURT_SHARE
    return np.where(draw < share, H_DEAD, np.where(hurt, H_SERIOUS, H_WELL)).astype(np.uint8)
