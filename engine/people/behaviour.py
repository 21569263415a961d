"""The population's behaviour: every parameter with unit, status and source.

`Behaviour` is what a scenario's `behaviour` block changes; `CARD` is its part of the assumption card.
The forms that use the numbers stand in warning.py, belief.py, refuge.py and returning.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from engine.errors import InputError, unknown

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
_NATORI = (
    "in Natori 2011 65 % went by car, some because children or somebody in need of care came along "
    "(Murakami et al., 24, Institute of Social Safety Science; abstract)"
)
_PARENTS = (
    "American Preparedness Project 2008 (National Center for Disaster Preparedness): 63 % of US parents "
    "would go to their child's school against an order to leave, 31 % would meet later; stated "
    "intention, so the upper end; range 0.3 to 0.65. Parents took pupils out of safe schools too in La "
    "Serena and Guanaqueros after tremors in 2016 (La Tercera)"
)
_TARO = (
    "People drove into the hazard zone for family and some died of it: Fraser et al. 2012 (GNS "
    "Science Report 2012/17: Taro and Kamaishi 2011)"
)
_CALLS = (
    "Japan 2011: carriers held back 70 to 95 % of mobile voice calls (Ministry of Internal Affairs and "
    "Communications), so that 5 to 30 % got through"
)
_PADM = (
    "Lindell & Perry 2012 (PADM): warnings and environmental and social cues are weighed together, "
    "and people seek confirmation; the weight itself is unconfirmed"
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
                            f"of those who refuse, guard property; range 0.2 to 0.8. {_RAMOS}")
    order_share: float = _p(0.85, "share", "sourced", "leave on an order received, danger zone: "
                            "Baker 1991, 80-90 % in high-risk areas (hurricanes; recalled)")
    neighbour_share: float = _p(0.5, "share", "assumption", f"leave when neighbours tell. {_NONE}")
    water_share: float = _p(0.95, "share", "assumption", "leave at the sight of water; range "
                            f"0.85 to 1. {_NONE}")
    shadow_share: float = _p(0.25, "share", "sourced", "factor outside the danger zone: Baker "
                             "1991, 20-35 % in low-risk areas (recalled)")
    inland_share: float = _p(0.75, "share", "sourced", "factor on the three shares above farther "
                             f"than shore_m from the sea: one half over two thirds. {_SAMOA}")
    shore_m: float = _p(500.0, "m", "assumption", "coastal means this near to the sea; range 200 "
                        "to 1,000: the survey of Tutuila names no distance")
    # decisions re-open
    repeat_weight: float = _p(0.2, "share", "assumption", "a cue met again counts for this part "
                              f"of the first time; range 0.05 to 0.5. {_PADM}")
    confirm_weight: float = _p(0.3, "share", "assumption", "each further kind of cue strengthens "
                               f"the others by this part; range 0.1 to 0.6. {_PADM}")
    sea_share: float = _p(0.9, "share", "assumption", "leave on seeing the sea drawn back or "
                          "risen; range 0.7 to 1. Sight of the sea is an environmental cue of its "
                          "own (Lindell & Perry 2012)")
    sea_seen_m: float = _p(1.0, "m", "assumption", "sea level off its rest by this much looks "
                           "unusual; range 0.7 to 1.5: about the whole range of a spring tide")
    sea_view_m: float = _p(200.0, "m", "assumption", "the sea is in view this near to it by day "
                           "or where street lights burn; range 100 to 400")
    visit_share: float = _p(0.9, "share", "assumption", "leave when a street leader or team "
                            f"knocks; range 0.7 to 1. {_NONE}")
    yield_share: float = _p(0.5, "share", "assumption", "of those who refuse, give in on seeing "
                            "the sea or when somebody knocks; range 0.2 to 0.8. The others guard "
                            f"property first. {_NONE}")
    helped_share: float = _p(0.5, "share", "assumption", "of people alone who cannot leave alone, "
                             f"fetched by neighbours; range 0.2 to 0.8. {_NONE}")
    # preparation, Rayleigh scales
    prepare_felt_s: float = _p(430.0, "s", "sourced", "89 % of leavers within 15 min, so that two "
                               f"thirds of all at felt_share. {_SAMOA}")
    prepare_order_s: float = _p(900.0, "s", "sourced", f"order or neighbours alone. {_SHIZUOKA}")
    prepare_water_s: float = _p(60.0, "s", "assumption", _NONE)
    night_prepare_s: float = _p(300.0, "s", "assumption", "added between 23 and 7 h: people sleep. "
                                "Five minutes in the Japanese Cabinet Office's estimates for the "
                                "Nankai trough (recalled, unconfirmed); range 120 to 600")
    dark_walk_share: float = _p(0.8, "share", "assumption", "walking speed over that by day, in "
                                "the dark without street lights. The same estimates take 80 % at "
                                "night (recalled, unconfirmed); range 0.6 to 0.95. That people walk "
                                "more slowly at night for want of light: Aburatani et al. drill at "
                                "Fukura (AIJ J. Environ. Eng. 83:945, 2018)")
    # fetching family
    pickup_child_share: float = _p(0.6, "share", "sourced", f"of parties with an able adult who have "
                                   f"children alone in the danger zone, go for them first. {_PARENTS}")
    pickup_share: float = _p(0.25, "share", "sourced", "the same for household members who need "
                             f"help. {_ISHINOMAKI}. {_TARO}")
    pickup_call_share: float = _p(0.2, "share", "sourced", "of calls to them while telephones work "
                                  f"get through; they then agree to meet in safety (assumption). {_CALLS}")
    pickup_walk_m: float = _p(1500.0, "m", "assumption", "on foot people go for them up to this "
                              f"straight distance; range 500 to 3,000. {_NONE}")
    # return before the all-clear
    return_share: float = _p(0.1, "share", "assumption", "of households that are safe, go back "
                             f"home; range 0.05 to 0.25. {_ISHINOMAKI}")
    return_after_s: float = _p(3600.0, "s", "assumption", "Rayleigh scale of the time in safety "
                               "before they do, between waves; range 1,800 to 7,200")
    home_after_s: float = _p(1800.0, "s", "assumption", "Rayleigh scale of the time from a zone's "
                             f"opening after the all-clear to setting out; range 600 to 7,200. {_NONE}")
    dark_return_share: float = _p(0.5, "share", "assumption", "factor in the dark without street "
                                  f"lights; range 0.2 to 1. {_NONE}")
    barred_share: float = _p(0.7, "share", "assumption", "turned away where the plan bars the "
                             "return and all its control points are staffed, fewer with fewer; "
                             f"range 0.4 to 0.95: not all come by road. {_NONE}")
    # channels
    siren_day: float = _p(0.83, "share", "sourced", "Hurunui District tsunami siren test: about "
                          "one sixth of respondents, mostly indoors, heard nothing")
    siren_night: float = _p(0.6, "share", "assumption", "asleep, windows shut; range 0.3 to 0.83, "
                            f"which is by day. {_NONE}")
    phone_day: float = _p(0.85, "share", "sourced", "over 85 % of Kumamoto 2016 survivors had the "
                          "first warning by cell broadcast; Chilean handsets sold since March 2017 "
                          "receive it, so lower `coverage` for earlier events")
    phone_night: float = _p(0.7, "share", "assumption", "phones silenced or away; range 0.4 to "
                            f"0.85, which is by day. {_NONE}")
    radio_day: float = _p(0.3, "share", "assumption", "listening or watching; range 0.15 to 0.5. "
                          "Broadcast media were the commonest first social source in Tutuila "
                          "2009 (Lindell et al. 2015)")
    radio_night: float = _p(0.05, "share", "assumption", f"range 0 to 0.15. {_NONE}")
    radio_battery_share: float = _p(0.3, "share", "assumption", "of listeners, without mains; "
                                    "range 0.1 to 0.6. Chile 2010: outages kept most from hearing the "
                                    "warning (Dengler, Araya et al. 2012)")
    loudspeaker_share: float = _p(0.8, "share", "assumption", "of parties on its round; range "
                                  f"0.5 to 0.95. {_NONE}")
    notice_share: float = _p(0.7, "share", "assumption", "notice one given sounding; range "
                             f"0.4 to 0.95. {_NONE}")
    siren_mean_s: float = _p(60.0, "s", "assumption", f"mean time to take it in. {_NONE}")
    phone_mean_s: float = _p(60.0, "s", "assumption", f"mean time to read it. {_NONE}")
    radio_mean_s: float = _p(300.0, "s", "assumption", f"mean time to the announcement. {_NONE}")
    loudspeaker_mean_s: float = _p(900.0, "s", "assumption", f"mean time till it comes by. {_NONE}")
    neighbour_rate_pmin: float = _p(0.1, "1/min", "assumption", "contagion (1-k) a2 of Rogers & "
                                    "Sorensen 1988; their fitted values could not be confirmed")
    # rumours
    rumour_rate_pmin: float = _p(0.1, "1/min", "assumption", "contagion of a rumour, as "
                                 "neighbour_rate_pmin; range 0.03 to 0.3")
    rumour_share: float = _p(0.3, "share", "assumption", "of those who hear a rumour, believe it "
                             f"and act; range 0.1 to 0.6. {_NONE}")
    # mode
    car_share: float = _p(0.6, "share", "sourced", f"of parties with a car at hand. {_KAMCHATKA}. "
                          f"{_ISHINOMAKI}")
    car_near_share: float = _p(0.45, "share", "assumption", "the same, safety near; range 0.3 to "
                               f"0.6. {_ISHINOMAKI}")
    car_near_m: float = _p(500.0, "m", "assumption", f"near means within this walk. {_NONE}")
    car_slow_share: float = _p(0.85, "share", "assumption", "with a slow member; range 0.6 to 1. "
                               f"Above car_share: {_NATORI}")
    foot_obey_share: float = _p(0.3, "share", "assumption", "of would-be drivers told to walk, "
                                f"walk; range 0.1 to 0.6. {_KAMCHATKA}")
    car_obey_share: float = _p(0.7, "share", "assumption", "of would-be walkers told to drive, "
                               f"drive; range 0.4 to 0.95. {_NONE}")
    news_share: float = _p(0.2, "share", "assumption", "of drivers who follow live traffic on the "
                           "telephone while it works; range 0.05 to 0.6. 65 % of Chilean adults had "
                           "a smartphone in 2015 and 72 % in 2017 (Pew Research Center), of whom 31 % "
                           "navigated with it frequently in the United States of 2015 (Pew; recalled). "
                           "The others take the way they know: 63 % of drivers took the same route to "
                           "work every day (Waze survey of 1,000, United States); evacuees of Katrina "
                           "and Rita relied on personal experience (Wu, Lindell & Prater 2012)")
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
