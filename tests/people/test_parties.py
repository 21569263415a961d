"""Where people are when the event begins, against the published shares of occupancy."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from engine.city import USES, City
from engine.parties import Parties, form_parties, occupancy
from engine.plan import Plan
from engine.scenario import Scenario
from engine.site import build_site

MODES = ("night", "day", "commute")
SHARES = {  # night, day, commute (HAZUS)
    "home": (1.0, 0.0, 0.35), "home_by_day": (0.0, 0.53, 0.0), "commercial": (0.01, 1.0, 0.75),
    "education": (0.0, 1.0, 0.5), "industrial": (0.14, 1.0, 0.63),
}


def at(scenario: Scenario, **keys: Any) -> Scenario:
    """The scenario with another occupancy or another start."""
    population = {"occupancy": keys.pop("occupancy", "auto")}
    document = {**scenario.model_dump(exclude_unset=True), "population": population, **keys}
    return Scenario.model_validate(document)


@pytest.mark.parametrize(("row", "mode"), enumerate(MODES))
def test_occupancy_table(row: int, mode: str, scenario: Scenario) -> None:
    """Shares by hour of HAZUS: residential 1/.53/.35, commercial .01/1/.75 and so on; by day the
    residential share is one of the daytime residents."""
    found = occupancy(at(scenario, occupancy=mode), "UTC")
    assert found == pytest.approx({use: shares[row] for use, shares in SHARES.items()}, rel=1e-4)


@pytest.mark.parametrize(("row", "hour"), [(0, 2), (1, 14), (2, 17)])
def test_occupancy_of_a_working_day_by_the_clock(
    row: int, hour: int, scenario: Scenario, town: City
) -> None:
    """HAZUS's three hours, 02:00, 14:00 and 17:00 local time, on a Wednesday."""
    start = datetime(2024, 3, 6, hour, tzinfo=ZoneInfo(town.timezone))
    found = occupancy(at(scenario, start_utc=start), town.timezone)
    assert found == pytest.approx({use: shares[row] for use, shares in SHARES.items()}, rel=1e-4)


def test_occupancy_between_the_hours(scenario: Scenario, town: City) -> None:
    """Linear between the hours: 15:30 lies half way from day to commute."""
    start = datetime(2024, 3, 6, 15, 30, tzinfo=ZoneInfo(town.timezone))
    found = occupancy(at(scenario, start_utc=start), town.timezone)
    assert found["home"] == pytest.approx(0.175, rel=1e-4)
    assert found["home_by_day"] == pytest.approx(0.265, rel=1e-4)
    assert found["industrial"] == pytest.approx(0.815, rel=1e-4)


@pytest.mark.parametrize(("row", "mode"), enumerate(MODES))
def test_people_are_at_work_and_school_in_these_shares(
    row: int, mode: str, scenario: Scenario, plans: dict[str, Plan], town: City
) -> None:
    """Of those with a place of work or learning, HAZUS's share of its use is there."""
    now = at(scenario, occupancy=mode)
    site = build_site(town, now, plans["historical"])
    parties: Parties = form_parties(town, now, site, 1)
    day = town.persons.day_building
    for use in ("commercial", "education", "industrial"):
        mine = (day >= 0) & (town.buildings.use[np.maximum(day, 0)] == USES.index(use))
        share = SHARES[use][row]
        error = np.sqrt(share * (1.0 - share) / max(int(mine.sum()), 1))
        there = parties.person_building[mine] == day[mine]
        assert mine.sum() > 20
        assert there.mean() == pytest.approx(share, abs=4.0 * error + 1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_people_are_at_home_in_these_shares(
    mode: str, scenario: Scenario, plans: dict[str, Plan], town: City
) -> None:
    """All but night workers at 02:00, 53 % of those without a place to be at 14:00, 35 % of all at
    17:00."""
    now = at(scenario, occupancy=mode)
    site = build_site(town, now, plans["historical"])
    parties: Parties = form_parties(town, now, site, 1)
    home = parties.person_building == town.person_building
    placeless = town.persons.day_building < 0
    n, error = home.size, 4.0 * np.sqrt(0.25 / home.size)
    if mode == "night":
        assert home.mean() > 0.95
    elif mode == "day":
        assert home.sum() / placeless.sum() == pytest.approx(0.53, abs=error * n / placeless.sum())
    else:
        assert home.mean() == pytest.approx(0.35, abs=error)
