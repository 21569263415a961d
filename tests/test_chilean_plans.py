"""The plans and scenarios of La Serena-Coquimbo: no key and no lever of theirs is dead.

Each key is one that changes a run of the test town (`test_no_dead_switches.py`), and each row of every
lever leaves its trace in a run of the city. That each key changes a run of the city itself is shown by
`python -m benches.plan_keys`, which takes too long for a test. Without a sea, which no lever waits for
here: the order goes out on intensity, and orders, posts and missions come before the first wave.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from engine.city_io import load_city
from engine.errors import InputError
from engine.events import named
from engine.plan import Plan, load_plan
from engine.run import open_session
from engine.scenario import load_scenario
from engine.twin import Twin
from tests.test_no_dead_switches import (
    LABELS,
    PLAN_CASES,
    SCENARIO_CASES,
    SPECIAL,
    Path,
    leaves,
)

SCENARIOS = ("coquimbo-tsunami", "coquimbo-tsunami-severe", "coquimbo-tsunami-severe-summer")


def kind(path: Path | str) -> str:
    """A key without the rows of the lists it stands in."""
    parts = path.split(".") if isinstance(path, str) else map(str, path)
    return ".".join(part for part in parts if not part.isdigit())


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_key_changes_the_test_town(name: str) -> None:
    scenario = load_scenario(name)
    special = {kind(key) for key in SPECIAL}
    tried = {kind(key) for key in SCENARIO_CASES} | special
    for path, model, field in leaves(scenario):
        if getattr(model, field) not in (None, ()):
            assert kind(path) in tried or hasattr(getattr(model, field), "model_fields"), path
    tried = {kind(key) for _, key in PLAN_CASES} | special
    for file in scenario.plans:
        plan = load_plan(file, scenario)
        for path, model, field in leaves(plan):
            if field in LABELS or getattr(model, field) in (None, ()):
                continue
            assert kind(path) in tried or hasattr(getattr(model, field), "model_fields"), path


def test_nobody_goes_from_door_to_door_on_the_shore_of_the_severe_case() -> None:
    """Ten minutes before its first wave as it will be predicted is before the first door."""
    scenario = load_scenario("coquimbo-tsunami-severe", ["population.share=0.01"])
    document = load_plan("early-warning", scenario).model_dump(exclude_defaults=True)
    document["door_to_door"] = [{"zone": "Shore", "teams": 60, "start_s": 0, "stop_s": 900}]
    with pytest.raises(InputError, match=r"door_to_door\.0: nobody would be out of the zone in time"):
        open_session(load_city("coquimbo"), scenario, Plan.model_validate(document), 1)


def play(name: str, until_s: float) -> tuple[Plan, Twin, pd.DataFrame]:
    """The early-warning plan with all of the people: fewer leave too few officers for its posts."""
    scenario = load_scenario(name, ["population.share=1"]).model_copy(update={"tsunami": None})
    plan = load_plan("early-warning", scenario)
    session = open_session(load_city("coquimbo"), scenario, plan, 1)
    session.advance(until_s)
    return plan, session.twin, named(session.twin.log.codes())


@pytest.mark.parametrize(("name", "until_s"), [("coquimbo-tsunami", 2400.0),
                                               ("coquimbo-tsunami-severe", 4200.0)])
def test_each_row_of_each_lever_leaves_its_trace(name: str, until_s: float) -> None:
    plan, twin, events = play(name, until_s)

    def rows(*kinds: str, column: str = "subject") -> set[int]:
        return set(events[events.kind.isin(kinds)][column])

    def all_of(lever: tuple[object, ...]) -> set[int]:
        return set(range(len(lever)))

    site = twin.context.site
    assert rows("order_issued", column="object") == all_of(plan.order.zones)
    assert rows("channel_started") == all_of(plan.channels)
    assert len(rows("leaders_called")) > 0
    assert len(rows("leaders_started")) > 0
    assert (len(rows("doors_started")) > 0) == bool(plan.door_to_door)
    assert rows("control_staffed") == all_of(plan.posts)
    orders = {order.control for order in site.orders}
    assert rows("street_order_set") == orders
    by_police = events[(events.kind == "street_closed") & (events.object > 0)]
    assert len(by_police) >= len(plan.closures)
    assert rows("refuge_opened") == all_of(plan.vertical_refuges)
    assert rows("party_to_refuge", "party_in_refuge", column="object") == all_of(plan.vertical_refuges)
    assert rows("mission_held", "escorts_start") | rows("mission_ordered", column="object") == set(
        range(site.missions.count))
    assert len(rows("shelter_opened")) == site.shelter.size
    assert (site.units.staging_node != site.units.node).any() == bool(plan.staging)
    assert (len(rows("fuel_trucks_sent")) == 1) == (plan.fuel is not None)
    assert (len(rows("rumour_denied")) == 1) == (plan.rumour_correction is not None)
    if plan.rumour_correction is not None:
        noticed, denied = (events[events.kind == k].t_ms.iloc[0]
                           for k in ("rumour_noticed", "rumour_denied"))
        assert denied - noticed == 1000 * plan.rumour_correction.delay_s
        why = events[events.kind == "party_heard_rumour"]
        assert np.unique(why.subject).size == len(why) > 1000
