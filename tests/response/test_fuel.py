"""Fuel for generators: who gets it first, what it does, what it costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from engine.city import City
from engine.errors import InputError
from engine.events import KIND_CODE
from engine.plan import Plan
from engine.run import Run, open_session
from engine.scenario import Scenario
from engine.site import build_site


def fuel_of(plan: Plan, fuel: dict[str, Any] | None) -> Plan:
    return Plan.model_validate({**plan.model_dump(), "fuel": fuel})


def of_kind(session: Any, kind: str) -> tuple[Any, Any]:
    log = session.twin.log
    mine = log.column("kind") == KIND_CODE[kind]
    return log.column("subject")[mine], log.column("t_ms")[mine]


def test_the_first_named_is_served_first(runs: dict[str, Run], town: City) -> None:
    """Two trucks, twenty minutes a delivery: the named hospital stays open, the other goes dark."""
    codes = runs["early-warning"].codes
    north = [str(n) for n in town.facilities.name].index("North Hospital")
    fuelled = codes[codes.kind == KIND_CODE["hospital_fuelled"]]
    masts = codes[codes.kind == KIND_CODE["channel_fuelled"]]
    assert set(fuelled.subject) == {north}
    assert fuelled.t_ms.min() <= masts.t_ms.min()
    shut = codes[codes.kind == KIND_CODE["hospital_shut"]]
    assert north not in set(shut.subject)
    assert len(shut) == 1
    # Each truck is at one place at a time.
    times = np.sort(np.r_[fuelled.t_ms, masts.t_ms])
    assert (times[2:] - times[:-2] >= 1_200_000).all()


def test_without_fuel_it_goes_dark_and_late_fuel_opens_it(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    plan = plans["early-warning"]
    none = open_session(town, scenario, fuel_of(plan, None), 1)
    none.advance(4500.0)
    assert of_kind(none, "hospital_shut")[0].size == 2
    assert of_kind(none, "hospital_opened")[0].size == 0
    late = {"order": ["hospitals"], "trucks": 2, "delivery_s": 3300, "hours_a_delivery": 2}
    some = open_session(town, scenario, fuel_of(plan, late), 1)
    some.advance(3300.0)
    branch = some.branch()
    some.advance(4500.0)
    branch.advance(4500.0)
    assert some.twin.log.digest() == branch.twin.log.digest()
    fuelled, at = of_kind(some, "hospital_fuelled")
    opened, when = of_kind(some, "hospital_opened")
    assert sorted(fuelled) == sorted(opened)
    assert (when - at.max() <= 20_000).all()


def test_sirens_sound_on(town: City, scenario: Scenario, plans: dict[str, Plan]) -> None:
    """Sirens without battery fall silent with the mains; fuel brings them back."""
    document = plans["early-warning"].model_dump()
    document["channels"] = [{"kind": "siren", "repeat_s": 300.0}]
    document["rumour_correction"] = document["fuel"] = None
    document["exclusion"] = {"lead_s": 0.0, "arrival_s": 3600.0}  # time to reach sites on the shore
    found = []
    for fuel in (None, {"order": ["sirens"], "trucks": 2, "delivery_s": 300, "hours_a_delivery": 9}):
        session = open_session(town, scenario, fuel_of(Plan.model_validate(document), fuel), 1)
        session.advance(2400.0)
        heard = session.twin.world.party_alert & 2 > 0
        found.append(int(heard.sum()) + int(session.twin.world.party_again.sum()))
    assert found[1] > found[0] + 20


@pytest.mark.parametrize(
    ("fuel", "message"),
    [
        ({"order": ["hospitals"], "trucks": 9}, r"fuel\.trucks: 9 are more than the 2"),
        ({"order": ["hospital"]}, r"fuel\.order\.0"),
        ({"order": ["hospitals", "Test Hospital"]}, "among the hospitals"),
    ],
)
def test_refused(
    fuel: dict[str, Any], message: str, town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    with pytest.raises(InputError, match=message):
        build_site(town, scenario, fuel_of(plans["early-warning"], fuel))
    with pytest.raises(ValidationError, match="no channel cell_broadcast"):
        fuel_of(plans["historical"], {"order": ["telephone"]})
    with pytest.raises(ValidationError, match="twice"):
        fuel_of(plans["historical"], {"order": ["sirens", "sirens"]})


def test_crews_are_counted(runs: dict[str, Run]) -> None:
    run = runs["early-warning"]
    sent = run.codes[run.codes.kind == KIND_CODE["fuel_trucks_sent"]]
    (metric,) = [m for m in run.score["metrics"] if m["name"] == "staff_hours"]
    hours = 4 * (5400.0 - sent.t_ms.iloc[0] / 1000.0) / 3600.0
    assert metric["by_group"]["unit_kind"]["fuel_crew"] == pytest.approx(hours)
