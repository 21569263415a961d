"""How people are warned, decide, prepare and choose how to go: pure functions on arrays.

Uniforms are arguments, so that the caller decides on streams and occurrence numbers. Cues are
numbered as in events.ALERTS: 0 felt shaking, 1 order, 2 neighbours, 3 water.

- Warning. Each channel reaches a share of the parties in its coverage; who is reached notices it
  at one of its soundings and then after an exponential time, the broadcast term of Rogers &
  Sorensen (1988). Word of mouth is their contagion term, a hazard proportional to the share of
  the neighbourhood that already knows.
- Decision. Some refuse whatever they hear and leave only at the sight of water; the others leave
  on a cue with a probability of its own. Outside the danger zone it is scaled by a shadow share.
- Preparation ("milling") is Rayleigh distributed (Tweedie et al. 1986), one scale for each cue.

Every number is a field of `Behaviour` with unit, source and status on `CARD`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import InputError, unknown

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
B = NDArray[np.bool_]

FELT, ORDER, NEIGHBOURS, WATER = range(4)
CHANNELS = ("siren", "cell_broadcast", "radio_tv", "loudspeaker")
#: Allowed values by unit, both ends included.
_RANGE = {"share": (0.0, 1.0), "s": (1.0, 86_400.0), "MMI": (1.0, 12.0), "1/min": (0.0, 10.0),
          "m": (0.0, 100_000.0)}

_ILLAPEL = (
    "'Results of Post-Field Survey on the Mw 8.3 Illapel Earthquake Tsunami in 2015', La Serena to "
    "Concon: most left at once on strong shaking, before any warning; some stayed, feeling safe or "
    "guarding property"
)
_RAMOS = (
    "Ramos et al., 16WCEE 2017 (Biobio 2010, Iquique 2014): 5 to 10 % stayed, feeling safe or for "
    "fear of thieves"
)
_SAMOA = (
    "Lindell et al. 2015 (Tutuila 2009, n=262): two thirds of coastal and half of inland residents "
    "began to leave within 15 min"
)
_SHIZUOKA = "Shizuoka Prefecture survey of the 2025-07-30 warning (n=4183): 39.3 % within 15 min"
_KAMCHATKA = (
    "Japan Cabinet Office survey of the 2025-07-30 warning (n=4300): 55.3 % of evacuees by car, "
    "39.1 % on foot, though guidance is to walk; 36.1 % of drivers met jams"
)
_ISHINOMAKI = (
    "Murakami et al. 2014 (Ishinomaki 2011, n=797): half by car; 40 % of car users went under 1 km "
    "and a quarter had come back home"
)
_NONE = "no source found"


def _p(value: float, unit: str, status: str, source: str) -> Any:
    return field(default=value, metadata={"unit": unit, "status": status, "source": source})


@dataclass(frozen=True)
class Behaviour:
    """Behaviour of the population; defaults stand for a Chilean coastal city with tsunami memory.

    Each field carries its unit, status (sourced or assumption) and source; see `CARD`. A
    sourced value is derived from the survey named, which is not always Chilean.
    """

    # felt shaking
    felt_share: float = _p(0.75, "share", "assumption",
                           f"leave on strong shaking alone. {_ILLAPEL}. {_SAMOA}")
    felt_from_mmi: float = _p(5.0, "MMI", "assumption", "nobody leaves below; intensity V wakes "
                              "sleepers, linear up to felt_full_mmi")
    felt_full_mmi: float = _p(7.0, "MMI", "assumption", "felt_share from here on; at intensity VII "
                              "it is hard to stand; Coquimbo saw VII in 2015")
    # decision
    refuse_share: float = _p(0.07, "share", "sourced", _RAMOS)
    guard_share: float = _p(0.5, "share", "assumption",
                            f"of those who refuse, guard property. {_RAMOS}")
    order_share: float = _p(0.85, "share", "sourced", "leave on an order received, danger zone: "
                            "Baker 1991, 80-90 % in high-risk areas (hurricanes; recalled)")
    neighbour_share: float = _p(0.5, "share", "assumption", f"leave when neighbours tell. {_NONE}")
    water_share: float = _p(0.95, "share", "assumption", f"leave at the sight of water. {_NONE}")
    shadow_share: float = _p(0.25, "share", "sourced", "factor outside the danger zone: Baker "
                             "1991, 20-35 % in low-risk areas (recalled)")
    helped_share: float = _p(0.5, "share", "assumption", "of people alone who cannot leave alone, "
                             f"fetched by neighbours. {_NONE}")
    # preparation, Rayleigh scales
    prepare_felt_s: float = _p(430.0, "s", "sourced", "89 % of leavers within 15 min, so that two "
                               f"thirds of all at felt_share. {_SAMOA}")
    prepare_order_s: float = _p(900.0, "s", "sourced", f"order or neighbours alone. {_SHIZUOKA}")
    prepare_water_s: float = _p(60.0, "s", "assumption", _NONE)
    pickup_share: float = _p(0.25, "share", "sourced", "of parties separated from household "
                             f"members, first fetch them. {_ISHINOMAKI}")
    pickup_mean_s: float = _p(600.0, "s", "assumption", f"mean time to fetch them. {_NONE}")
    # channels
    siren_day: float = _p(0.83, "share", "sourced", "Hurunui District tsunami siren test: about "
                          "one sixth of respondents, mostly indoors, heard nothing")
    siren_night: float = _p(0.6, "share", "assumption", f"asleep, windows shut. {_NONE}")
    phone_day: float = _p(0.85, "share", "sourced", "over 85 % of Kumamoto 2016 survivors had the "
                          "first warning by cell broadcast; Chilean handsets sold since March 2017 "
                          "receive it, so lower `coverage` for earlier events")
    phone_night: float = _p(0.7, "share", "assumption", f"phones silenced or away. {_NONE}")
    radio_day: float = _p(0.3, "share", "assumption", "listening or watching. Broadcast media were "
                          "the commonest first social source in Tutuila 2009 (Lindell et al. 2015)")
    radio_night: float = _p(0.05, "share", "assumption", _NONE)
    radio_battery_share: float = _p(0.3, "share", "assumption", "of listeners, without mains. "
                                    "Chile 2010: outages kept most from hearing the warning "
                                    "(Dengler, Araya et al. 2012)")
    loudspeaker_share: float = _p(0.8, "share", "assumption", f"of parties on its round. {_NONE}")
    notice_share: float = _p(0.7, "share", "assumption", f"notice one given sounding. {_NONE}")
    siren_mean_s: float = _p(60.0, "s", "assumption", f"mean time to take it in. {_NONE}")
    phone_mean_s: float = _p(60.0, "s", "assumption", f"mean time to read it. {_NONE}")
    radio_mean_s: float = _p(300.0, "s", "assumption", f"mean time to the announcement. {_NONE}")
    loudspeaker_mean_s: float = _p(900.0, "s", "assumption", f"mean time till it comes by. {_NONE}")
    neighbour_rate_pmin: float = _p(0.1, "1/min", "assumption", "contagion (1-k) a2 of Rogers & "
                                    "Sorensen 1988; their fitted values could not be confirmed")
    # mode
    car_share: float = _p(0.6, "share", "sourced", f"of parties with a car at hand. {_KAMCHATKA}. "
                          f"{_ISHINOMAKI}")
    car_near_share: float = _p(0.45, "share", "assumption", f"the same, safety near. {_ISHINOMAKI}")
    car_near_m: float = _p(500.0, "m", "assumption", f"near means within this walk. {_NONE}")
    car_slow_share: float = _p(0.85, "share", "assumption", f"with a slow member. {_NONE}")
    foot_obey_share: float = _p(0.3, "share", "assumption", "of would-be drivers told to walk, "
                                f"walk. {_KAMCHATKA}")
    car_obey_share: float = _p(0.7, "share", "assumption", "of would-be walkers told to drive, "
                               f"drive. {_NONE}")
    car_patience_s: float = _p(300.0, "s", "assumption", "a driver who stands still that long in "
                               f"the danger zone walks on. {_NONE}")


@dataclass(frozen=True)
class CardRow:
    """One parameter on the assumption card."""

    parameter: str
    value: float
    unit: str
    source: str
    status: str


CARD: tuple[CardRow, ...] = tuple(
    CardRow(f.name, float(f.default), f.metadata["unit"],  # type: ignore[arg-type]
            f.metadata["source"], f.metadata["status"])
    for f in fields(Behaviour)
)


def with_overrides(behaviour: Behaviour, overrides: Mapping[str, float]) -> Behaviour:
    """Return `behaviour` with some fields replaced; InputError for a bad name or value."""
    rows = {row.parameter: row for row in CARD}
    for name, value in overrides.items():
        if name not in rows:
            raise unknown("parameter", name, rows)
        low, high = _RANGE[rows[name].unit]
        if not (math.isfinite(value) and low <= value <= high):
            raise InputError(
                f"{name}: {value} is not allowed ({low:g} to {high:g} {rows[name].unit})"
            )
    changed = replace(behaviour, **{name: float(v) for name, v in overrides.items()})
    if changed.felt_full_mmi <= changed.felt_from_mmi:
        raise InputError(
            f"felt_full_mmi: {changed.felt_full_mmi:g} must be above felt_from_mmi "
            f"({changed.felt_from_mmi:g})"
        )
    return changed


# --- warning: diffusion -------------------------------------------------------------------------


def diffusion_share(t: ArrayLike, k: float, a1: float, a2: float) -> F64:
    """Return the informed share n/N at times t (Rogers & Sorensen 1988, closed form).

    dn/dt = k a1 (N - n) + (1 - k) a2 n (N - n) / N from n = 0; t and 1/a in one unit of time.
    """
    a, b = k * a1, (1.0 - k) * a2
    time = np.asarray(t, np.float64)
    if a == 0.0:
        return np.zeros_like(time)
    decay = np.exp(-(a + b) * time)
    return np.asarray((1.0 - decay) / (1.0 + b / a * decay))


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


# --- decision -----------------------------------------------------------------------------------


def felt_probability(behaviour: Behaviour, mmi: ArrayLike) -> F64:
    """Return the share who leave on feeling shaking of an intensity [n], linear between bounds."""
    b = behaviour
    ramp = (np.asarray(mmi, np.float64) - b.felt_from_mmi) / (b.felt_full_mmi - b.felt_from_mmi)
    return np.asarray(b.felt_share * np.clip(ramp, 0.0, 1.0))


def leave_probability(
    behaviour: Behaviour, cue: int, *, in_danger: ArrayLike, mmi: ArrayLike = 0.0
) -> F64:
    """Return the probability to leave on a cue [n], for parties that do not refuse."""
    b = behaviour
    danger = np.asarray(in_danger, np.bool_)
    base = felt_probability(b, mmi) if cue == FELT else np.asarray(
        (0.0, b.order_share, b.neighbour_share, b.water_share)[cue]
    )
    factor = 1.0 if cue == WATER else np.where(danger, 1.0, b.shadow_share)
    return np.asarray(np.broadcast_to(base * factor, danger.shape), np.float64)


def leaves(
    behaviour: Behaviour, cue: int, u: ArrayLike, u_refuse: ArrayLike, *, in_danger: ArrayLike,
    mmi: ArrayLike = 0.0,
) -> B:
    """Return whether parties [n] leave on a cue; who refuses leaves only on seeing water.

    `u` is a draw of its own for each cue, `u_refuse` the same draw at every cue.
    """
    likely = leave_probability(behaviour, cue, in_danger=in_danger, mmi=mmi)
    willing = (np.asarray(u_refuse) >= behaviour.refuse_share) | (cue == WATER)
    return np.asarray((np.asarray(u) < likely) & willing)


def guards_property(behaviour: Behaviour, u_refuse: ArrayLike) -> B:
    """Return who stays to guard property [n], among those who refuse by the same draw."""
    return np.asarray(np.asarray(u_refuse) < behaviour.refuse_share * behaviour.guard_share)


def can_leave(behaviour: Behaviour, mobility: ArrayLike, size: ArrayLike, u: ArrayLike) -> B:
    """Return which parties [n] can leave: people who need help and are alone only if fetched."""
    alone = (np.asarray(mobility) == 2) & (np.asarray(size) == 1)
    return np.asarray(~alone | (np.asarray(u) < behaviour.helped_share))


# --- preparation --------------------------------------------------------------------------------


def rayleigh_share(t: ArrayLike, scale: float) -> F64:
    """Return the share ready by time t, 1 - exp(-t^2 / (2 scale^2)).

    Tweedie et al. (1986) with scale 30 min: 1 - exp(-t^2 / 1800), t in min.
    """
    time = np.maximum(np.asarray(t, np.float64), 0.0)
    return np.asarray(-np.expm1(-0.5 * (time / scale) ** 2))


def rayleigh_quantile(u: ArrayLike, scale: ArrayLike) -> F64:
    """Return the time by which a share u is ready (inverse of `rayleigh_share`)."""
    return np.asarray(np.asarray(scale) * np.sqrt(-2.0 * np.log1p(-np.asarray(u, np.float64))))


def sigmoid_share(t: ArrayLike, rate: float, half: float) -> F64:
    """Return the share ready by time t, 1 / (1 + exp(-rate (t - half)))."""
    return np.asarray(1.0 / (1.0 + np.exp(-rate * (np.asarray(t, np.float64) - half))))


def sigmoid_quantile(u: ArrayLike, rate: float, half: float) -> F64:
    """Return the time by which a share u is ready, not before 0 (inverse of `sigmoid_share`)."""
    p = np.asarray(u, np.float64)
    return np.asarray(np.maximum(half + np.log(p / (1.0 - p)) / rate, 0.0))


def multi_step_share(steps: list[ArrayLike]) -> F64:
    """Return the distribution of the sum of independent steps (receive, go home, prepare, ...).

    Each step is a cumulative share [n] on one grid of equal time steps from 0 (Urbanik 2000;
    NUREG/CR-7002); their mass is convolved, so what a step has not finished at the end of the
    grid is still missing from the result.
    """
    mass = np.diff(np.asarray(steps[0], np.float64), prepend=0.0)
    for step in steps[1:]:
        more = np.diff(np.asarray(step, np.float64), prepend=0.0)
        mass = np.convolve(mass, more)[: mass.size]
    return np.asarray(np.cumsum(mass))


def preparation_s(
    behaviour: Behaviour, cue: ArrayLike, u: ArrayLike, u_pickup: ArrayLike = 1.0,
    separated: ArrayLike = False,
) -> F64:
    """Return the time parties [n] take from decision to departure, s.

    Rayleigh with the scale of the cue [n]; parties `separated` from household members first
    fetch them with probability `pickup_share`, for an exponential time, except on seeing water.
    Who sees water while preparing leaves at the earlier of both times: the caller takes the least.
    """
    b = behaviour
    scale = np.array([b.prepare_felt_s, b.prepare_order_s, b.prepare_order_s, b.prepare_water_s])
    which = np.asarray(cue, np.int64)
    time = rayleigh_quantile(u, scale[which])
    pick = np.asarray(u_pickup, np.float64)
    fetch = np.asarray(separated, np.bool_) & (pick < b.pickup_share) & (which != WATER)
    rest = np.where(fetch, pick / max(b.pickup_share, 1e-12), 0.0)
    return np.asarray(time - np.where(fetch, b.pickup_mean_s * np.log1p(-rest), 0.0))


# --- mode ---------------------------------------------------------------------------------------


def prob_car(
    behaviour: Behaviour, has_car: ArrayLike, distance_m: ArrayLike, mobility: ArrayLike,
    rule: str = "free",
) -> F64:
    """Return the probability that parties [n] take the car.

    - has_car: [n] a car and a driver at hand; distance_m: [n] walk to safety; mobility: [n] the
      slowest member's, index of city.MOBILITY; rule: the order's "free", "foot" or "car".
    - Told to walk, `foot_obey_share` of would-be drivers do, except parties with a slow member.
    """
    b = behaviour
    slow = np.asarray(mobility) > 0
    near = np.asarray(distance_m, np.float64) <= b.car_near_m
    share = np.where(slow, b.car_slow_share, np.where(near, b.car_near_share, b.car_share))
    if rule == "foot":
        share = np.where(slow, share, share * (1.0 - b.foot_obey_share))
    elif rule == "car":
        share = share + (1.0 - share) * b.car_obey_share
    elif rule != "free":
        raise unknown("rule", rule, ("free", "foot", "car"))
    return np.asarray(np.where(np.asarray(has_car, np.bool_), share, 0.0))
