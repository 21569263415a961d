"""The severe case comes in two variants that differ in the hour and in nothing else."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from engine.hazards.tsunami_source import read_series
from engine.plan import default_plans, load_plan
from engine.scenario import Scenario, load_scenario

NIGHT, SUMMER = "coquimbo-tsunami-severe", "coquimbo-tsunami-severe-summer"


def both() -> tuple[Scenario, Scenario]:
    return load_scenario(NIGHT), load_scenario(SUMMER)


def test_only_the_hour_the_beach_and_the_length_differ() -> None:
    night, summer = both()
    same = {"earthquake", "danger_zone", "outages", "rumour", "behaviour", "city"}
    for name in same:
        assert getattr(night, name) == getattr(summer, name), name
    assert summer.duration_s > night.duration_s  # until the return by daylight
    assert night.population.beach is None
    assert summer.population.beach is not None
    assert night.population.share == summer.population.share
    assert night.tsunami is not None
    assert summer.tsunami is not None
    assert night.tsunami.gauges == summer.tsunami.gauges
    assert night.data_file(night.tsunami.series) == summer.data_file(summer.tsunami.series)
    assert default_plans(night) == default_plans(summer)
    assert load_plan("early-warning", summer) == load_plan("early-warning", night)  # by its bare name
    local = [s.start.astimezone(ZoneInfo("America/Santiago")) for s in (night, summer)]
    assert (local[0].month, local[0].hour) == (7, 2)
    assert (local[1].month, local[1].hour, local[1].weekday()) == (1, 16, 5)


def test_it_is_worse_and_sooner_than_2015() -> None:
    night, _ = both()
    reference = load_scenario("coquimbo-tsunami")
    t, level = read_series(night.data_file("sea_level.csv"))
    t0, level0 = read_series(reference.data_file("sea_level.csv"))
    assert level.max() > 1.4 * level0.max()
    assert t[(abs(level) > 0.01).argmax()] < t0[(abs(level0) > 0.01).argmax()]
    assert level[-1] == 0.0  # the sea may come to rest
    assert level0[-1] == 0.0
    assert night.earthquake is not None
    assert reference.earthquake is not None
    assert night.earthquake.magnitude > reference.earthquake.magnitude
