"""Every key of a scenario's venues and of a plan's `crowds` changes the run: no switch is dead.

Only what test_no_dead_switches.py, whose scenario has no venue, does not reach.
"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from engine.city import City
from engine.plan import Plan, load_plan
from engine.run import open_session
from engine.scenario import Scenario, load_scenario
from tests.test_no_dead_switches import Trace

#: By the last, officers are there in both plans and hold people back.
CHECKPOINTS_S = (30, 60, 90, 150, 240, 330, 420, 510, 600, 640, 680, 720, 760)
#: Keys, the plan in which each matters, and another value.
SCENARIO_KEYS: dict[str, tuple[str, Any]] = {
    "lon": ("cameras", -70.9992), "lat": ("cameras", -29.9982), "start_s": ("cameras", 90.0),
    "sample_s": ("cameras", 60.0), "count_error": ("cameras", 0.0), "file": ("cameras", "other.yaml"),
}
PLAN_KEYS: dict[str, Any] = {
    "cameras": False, "alarm_pm2": 2.0, "officers": 2, "setup_s": 120.0, "inflow_pms": 0.5,
}
LABELS = {"name"}


def played(town: City, scenario: Scenario, plan: Plan) -> Trace:
    return Trace(open_session(town, scenario, plan, 1), CHECKPOINTS_S)


@pytest.fixture(scope="module")
def match() -> Scenario:
    return load_scenario("testtown-match")


@pytest.fixture(scope="module")
def base(town: City, match: Scenario) -> Trace:
    return played(town, match, load_plan("cameras", match))


def test_every_key_is_tried(match: Scenario) -> None:
    def keys(model: BaseModel) -> set[str]:
        return set(type(model).model_fields) - LABELS

    crowds = load_plan("cameras", match).crowds
    assert crowds is not None
    assert keys(match.venues[0]) == set(SCENARIO_KEYS)
    assert keys(crowds) == set(PLAN_KEYS)


@pytest.mark.parametrize("key", SCENARIO_KEYS)
def test_venue_key_matters(
    key: str, town: City, match: Scenario, base: Trace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    plan, value = SCENARIO_KEYS[key]
    place = match.venues[0].model_copy(update={key: value})
    other = match.model_copy(update={"venues": (place,)})
    other._folder = tmp_path_factory.mktemp("venue")
    text = match.data_file("gate.yaml").read_text(encoding="utf-8")
    (other._folder / "gate.yaml").write_text(text)
    (other._folder / "other.yaml").write_text(text.replace("count: 750", "count: 700"))
    assert played(town, other, load_plan(plan, match)).parts_from(base)


@pytest.mark.parametrize("key", PLAN_KEYS)
def test_crowds_key_matters(key: str, town: City, match: Scenario, base: Trace) -> None:
    plan = load_plan("cameras", match)
    assert plan.crowds is not None
    changed = plan.model_copy(update={"crowds": plan.crowds.model_copy(update={key: PLAN_KEYS[key]})})
    assert played(town, match, changed).parts_from(base)


def test_without_the_lever_officers_come_on_a_call(town: City, match: Scenario) -> None:
    """A plan that says nothing of crowds is one whose cameras nobody watches."""
    plan = load_plan("calls", match)
    silent = plan.model_copy(update={"crowds": None})
    same = plan.model_copy(update={"crowds": type(plan.crowds)(cameras=False)})
    assert not played(town, match, silent).parts_from(played(town, match, same))
