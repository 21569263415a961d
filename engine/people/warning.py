"""How people are warned, decide, prepare and choose how to go: pure functions on arrays.

Uniforms are arguments, so that the caller decides on streams and occurrence numbers. Cues are
numbered as in events.ALERTS: 0 felt shaking, 1 order, 2 neighbours, 3 water, 4 sea, 5 visit. What
people make of them stands in belief.py.

- Warning. Each channel reaches a share of the parties in its coverage; who is reached notices it
  at one of its soundings and then after an exponential time, the broadcast term of Rogers &
  Sorensen (1988). Word of mouth is their contagion term, a hazard proportional to the share of
  the neighbourhood that already knows.
- Preparation ("milling") is Rayleigh distributed (Tweedie et al. 1986), one scale for each cue.

Every number is a field of `Behaviour` with unit, source and status on `CARD`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.city import MOBILITY
from engine.errors import unknown
from engine.people.behaviour import Behaviour

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
B = NDArray[np.bool_]

FELT, ORDER, NEIGHBOURS, WATER, SEA, VISIT = range(6)
CHANNELS = ("siren", "cell_broadcast", "radio_tv", "loudspeaker")

# --- warning: diffusion -------------------------------------------------------------------------


def contagion_probability(
    informed: ArrayLike, total: ArrayLike, rate_pmin: float, dt_s: float
) -> F64:
    """Return the probability that a party not yet informed hears it from neighbours within dt.

    The discrete contagion term of Rogers & Sorensen: hazard rate n / N for each of the N - n, n
    informed of N in the group (`informed`, `total` [groups]); dt of at most a minute or so, since n
    counts as constant meanwhile. The caller draws once for each party.
    """
    n = np.asarray(informed, np.float64)
    share = n / np.maximum(np.asarray(total, np.float64), 1.0)
    return np.asarray(-np.expm1(-rate_pmin / 60.0 * share * dt_s))


# --- warning: channels --------------------------------------------------------------------------


def channel_reach(kind: str, behaviour: Behaviour, *, night: bool, coverage: float = 1.0) -> float:
    """Return the share of all parties in a zone whom a channel can reach at all."""
    b = behaviour
    share = {
        "siren": b.siren_night if night else b.siren_day,
        "cell_broadcast": b.phone_night if night else b.phone_day,
        "radio_tv": b.radio_night if night else b.radio_day,
        "loudspeaker": b.loudspeaker_share,
    }
    if kind not in share:
        raise unknown("channel", kind, CHANNELS)
    return share[kind] * coverage


def channel_works(
    kind: str, behaviour: Behaviour, u: ArrayLike, *, power: ArrayLike, telecom: ArrayLike,
    out_s: ArrayLike = 0.0, battery_s: float = 0.0,
) -> B:
    """Return whether a channel works for each party [n] now.

    Sirens and cell broadcast live on batteries for `battery_s` after the mains failed `out_s` [n]
    ago; cell broadcast needs the telephone network as well. Radio and television work without
    mains for `radio_battery_share` of listeners (`u` [n] decides who). Loudspeakers always work.
    """
    on, phone = np.asarray(power, np.bool_), np.asarray(telecom, np.bool_)
    draw = np.asarray(u, np.float64)
    backed = on | (np.asarray(out_s, np.float64) < battery_s)
    works = {
        "siren": backed,
        "cell_broadcast": phone & backed,
        "radio_tv": on | (draw < behaviour.radio_battery_share),
        "loudspeaker": np.ones_like(on),
    }
    if kind not in works:
        raise unknown("channel", kind, CHANNELS)
    return np.asarray(np.broadcast_to(works[kind], draw.shape), np.bool_)


def first_sounding(u: ArrayLike, reach: ArrayLike, notice: float) -> I64:
    """Return at which sounding (0, 1, ...) each party [n] notices a channel, -1 = never.

    One uniform decides both who is reached at all (share `reach`, for good: the deaf, the asleep,
    those without a telephone) and, geometrically with `notice`, at which repetition.
    """
    draw, share = np.broadcast_arrays(np.asarray(u, np.float64), np.asarray(reach, np.float64))
    inside = draw < share
    rest = np.where(inside, draw / np.where(share > 0, share, 1.0), 0.0)
    if notice >= 1.0:
        step = np.zeros(draw.shape, np.int64)
    elif notice <= 0.0:
        return np.full(draw.shape, -1, np.int64)
    else:
        step = np.floor(np.log1p(-rest) / math.log1p(-notice)).astype(np.int64)
    return np.asarray(np.where(inside, step, -1), np.int64)


def channel_delay_s(kind: str, behaviour: Behaviour, u: ArrayLike) -> F64:
    """Return the time from a sounding until the message is taken in [n], exponential, s."""
    b = behaviour
    mean = {"siren": b.siren_mean_s, "cell_broadcast": b.phone_mean_s,
            "radio_tv": b.radio_mean_s, "loudspeaker": b.loudspeaker_mean_s}
    if kind not in mean:
        raise unknown("channel", kind, CHANNELS)
    return np.asarray(-mean[kind] * np.log1p(-np.asarray(u, np.float64)))


# --- preparation --------------------------------------------------------------------------------


def rayleigh_quantile(u: ArrayLike, scale: ArrayLike) -> F64:
    """Return the time by which a share u is ready where 1 - exp(-t^2 / (2 scale^2)) are
    ready by t. Tweedie et al. (1986): scale 30 min."""
    return np.asarray(np.asarray(scale) * np.sqrt(-2.0 * np.log1p(-np.asarray(u, np.float64))))


def preparation_s(
    behaviour: Behaviour, cue: ArrayLike, u: ArrayLike, night: bool = False,
) -> F64:
    """Return the time parties [n] take from decision to departure, s.

    Rayleigh with the scale of the cue [n]. At night `night_prepare_s` is added, except on seeing water.
    Who sees water while preparing leaves at the earlier of both times: the caller takes the least.
    """
    b = behaviour
    scale = np.array([b.prepare_felt_s, b.prepare_order_s, b.prepare_order_s, b.prepare_water_s,
                      b.prepare_felt_s, b.prepare_order_s])
    which = np.asarray(cue, np.int64)
    time = rayleigh_quantile(u, scale[which])
    if night:
        time = time + np.where(which != WATER, b.night_prepare_s, 0.0)
    return np.asarray(time)


# --- mode ---------------------------------------------------------------------------------------


def prob_car(
    behaviour: Behaviour, has_car: ArrayLike, distance_m: ArrayLike, mobility: ArrayLike,
    rule: str = "free", exempt: tuple[str, ...] = ("slow", "assisted"),
) -> F64:
    """Return the probability that parties [n] take the car.

    - has_car: [n] a car and a driver at hand; distance_m: [n] walk to safety; mobility: [n] the
      slowest member's, index of city.MOBILITY; rule: the order's "free", "foot" or "car".
    - Told to walk, `foot_obey_share` of would-be drivers do, except parties whose slowest member
      is of a kind in `exempt`.
    """
    b = behaviour
    slow = np.asarray(mobility) > 0
    near = np.asarray(distance_m, np.float64) <= b.car_near_m
    share = np.where(slow, b.car_slow_share, np.where(near, b.car_near_share, b.car_share))
    if rule == "foot":
        kinds = [MOBILITY.index(name) for name in exempt]
        spared = np.isin(np.asarray(mobility), kinds)
        share = np.where(spared, share, share * (1.0 - b.foot_obey_share))
    elif rule == "car":
        share = share + (1.0 - share) * b.car_obey_share
    elif rule != "free":
        raise unknown("rule", rule, ("free", "foot", "car"))
    return np.asarray(np.where(np.asarray(has_car, np.bool_), share, 0.0))
