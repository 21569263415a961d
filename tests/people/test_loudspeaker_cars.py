"""Cars with loudspeakers are out of the zone in time for the wave, like all who work there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.city import City
from engine.events import KIND_CODE
from engine.plan import Plan
from engine.run import Session, open_session
from engine.scenario import Scenario
from engine.world import NEVER

CARS = [{"kind": "loudspeaker", "start_s": 0, "repeat_s": 60, "coverage": 1.0}]


def play(
    town: City, scenario: Scenario, plans: dict[str, Plan], until_s: float, **changes: Any
) -> Session:
    document = plans["historical"].model_dump() | {"channels": CARS} | changes
    session = open_session(town, scenario, Plan.model_validate(document), 1)
    session.advance(until_s)
    return session


def rows(session: Session, kind: str, column: str = "t_ms") -> np.ndarray:
    log = session.twin.log
    return np.asarray(log.column(column))[log.column("kind") == KIND_CODE[kind]]


@pytest.mark.parametrize(("lead_s", "heard"), [(0.0, True), (300.0, True), (800.0, False)])
def test_nobody_inside_hears_a_car_that_has_left(
    town: City, scenario: Scenario, plans: dict[str, Plan], lead_s: float, heard: bool
) -> None:
    """The order of this plan goes out at T+480 s, the wave is expected at T+15 min at first."""
    session = play(town, scenario, plans, 1700.0, exclusion={"lead_s": lead_s, "arrival_s": 900.0})
    world, site = session.twin.world, session.twin.context.site
    hears = world.party_order_ms < NEVER
    home = site.exclusion_node[world.party_node] & (world.party_left_ms >= NEVER)  # and never left it
    assert (hears & home).any() == heard
    assert home.sum() > 50
    shut_ms = 900_000 - 1000 * lead_s  # as command knew it then; the gauge tells later, and sooner
    assert (world.party_order_ms[hears & home] <= shut_ms).all()
    started = rows(session, "channel_started")
    assert (started < shut_ms).all() == heard


def test_a_denial_from_cars_is_heard_outside_the_line_alone(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    fix = {"channel": "loudspeaker", "delay_s": 0.0}
    session = play(town, scenario, plans, 600.0, rumour_correction=fix)
    while not rows(session, "rumour_denied").size:
        session.advance(session.now_s + 10.0)
    world, site = session.twin.world, session.twin.context.site
    assert world.exclusion_ms[0] < rows(session, "rumour_denied")[0]
    inside = site.exclusion_node[world.party_node]
    assert world.party_corrected.sum() > 30
    assert not world.party_corrected[inside].any()


def test_cars_go_where_no_wave_is_expected(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    """An order without an earthquake: nothing bars them from the danger zone."""
    calm = scenario.model_copy(update={"tsunami": None, "earthquake": None, "rumour": None})
    order = {"trigger": {"at_s": 60.0}, "delay_s": 0.0, "zones": [{"name": "Low town", "below_m": 15}]}
    session = play(town, calm, plans, 900.0, order=order, rumour_correction=None)
    assert rows(session, "arrival_predicted").size == 0
    assert (session.twin.world.party_order_ms < 900_000).any()
