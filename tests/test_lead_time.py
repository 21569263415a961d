"""Contraflow that comes too late is refused, with the reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.city import City
from engine.errors import InputError
from engine.lead_time import decided_s, predicted_s
from engine.plan import Plan
from engine.run import Run
from engine.scenario import Scenario
from engine.site import build_site


def contraflow(plans: dict[str, Plan], trigger: dict[str, Any] | None = None, **keys: Any) -> Plan:
    document = plans["early-warning"].model_dump(exclude_defaults=True)
    lever = {"name": "East Street 6", "street": "East Street 6", "crews": 1, **keys}
    if trigger:
        document["order"]["trigger"] = trigger
    return Plan.model_validate({**document, "contraflow": [lever]})


def test_hours_of_set_up_for_a_wave_in_minutes_are_refused(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    with pytest.raises(InputError, match=(
        r"contraflow\.0\.setup_s: 'East Street 6' takes 7200 s to set up, slower than the lead time of "
        r"\d+ s: the first wave is predicted 1200 s after the start, the order is decided at 60 s and its "
        r"crews \(1\) need 1\d\d s to get there"
    )):
        build_site(town, scenario, contraflow(plans))


def test_the_lead_time_is_the_wave_less_order_and_way(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    """What is just in time passes; a second more, a later order or more crews do not."""
    danger = build_site(town, scenario, plans["early-warning"]).danger_node
    plan = contraflow(plans, setup_s=0)
    wave = predicted_s(town, scenario, plan, danger)
    assert wave == 1200.0  # the rupture reaches the town: the shortest arrival counts
    assert decided_s(scenario, plan, wave) == 60.0
    low, high = 0.0, 1200.0
    while high - low > 0.5:
        middle = (low + high) / 2
        try:
            build_site(town, scenario, contraflow(plans, setup_s=middle))
            low = middle
        except InputError:
            high = middle
    assert 1200 - 60 - 120 - 120 < low < 1200 - 60 - 120  # turnout and less than two minutes' drive
    for later in (contraflow(plans, {"at_s": 61.5}, setup_s=low),
                  contraflow(plans, {"magnitude": 7.0}, setup_s=low),
                  contraflow(plans, {"gauge_m": 0.5}, setup_s=0),
                  contraflow(plans, setup_s=low, crews=5)):
        with pytest.raises(InputError, match="slower than the lead time"):
            build_site(town, scenario, later)


@pytest.mark.parametrize("key", ["closures", "inbound_ban"])
def test_barriers_that_would_not_stand_in_time_are_refused(
    key: str, town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    """Their cars have to bring the officers while the lever lasts, and where the post lies inside the
    exclusion line, before that shuts."""
    document = plans["early-warning"].model_dump(exclude_defaults=True)

    def check(line_m: float = 22.0, **keys: object) -> None:
        (lever,) = document[key]
        # Without what depends on the line as well.
        other = {"exclusion": {**document["exclusion"], "line": {"below_m": line_m}}, "door_to_door": [],
                 "staging": [], "control_points": document["control_points"][1:]}
        build_site(town, scenario, Plan.model_validate({**document, **other, key: [{**lever, **keys}]}))

    check()
    check(setup_s=1200)  # late, but it still bars the return
    with pytest.raises(InputError, match=rf"{key}\.0\.officers: .* would not stand in time: the 3 cars "
                                         r"with its officers need \d+ s .* its time is over 700 s after"):
        check(setup_s=600, to_s=700)
    with pytest.raises(InputError, match=rf"{key}\.0\.officers: .* would not stand in time: .* exclusion "
                                         r"line round its post shuts 540 s after the order"):
        check(line_m=41.0, setup_s=500)


def test_without_a_wave_there_is_no_haste(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    document = scenario.model_dump(exclude_unset=True)
    document["earthquake"]["magnitude"] = 6.0  # no wave is expected of it
    small = Scenario.model_validate(document)
    small._folder = scenario.folder
    plan = contraflow(plans, {"intensity_mmi": 5.5})
    build_site(town, small, plan)
    assert np.isinf(predicted_s(town, small, plan, np.ones(town.nodes.x_m.size, bool)))


def test_it_lasts_until_its_crews_leave(runs: dict[str, Run]) -> None:
    run = runs["early-warning"]
    site, plan = run.twin.context.site, run.twin.plan
    order = next(o for o in site.orders if o.reason == "contraflow")
    assert plan.posts[order.control] == plan.contraflow[0]
    events = run.events
    mine = events[events.subject == order.control]
    staffed = mine[mine.kind == "control_staffed"].iloc[0]
    arrived = events[(events.kind == "unit_arrived") & (events.subject == staffed.object)]
    arrived = arrived[(arrived.object < 0) & (arrived.t_ms <= staffed.t_ms)]
    assert staffed.t_ms - arrived.t_ms.iloc[-1] == 120_000  # its set-up
    kinds = mine[mine.kind.isin(
        ["control_staffed", "street_order_set", "lanes_turned", "control_left", "street_order_ended"]
    )].kind.tolist()
    assert kinds == [
        "control_staffed", "street_order_set", "lanes_turned", "control_left", "street_order_ended"]
    assert not run.twin.world.edge_turned.any()
