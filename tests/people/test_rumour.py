"""A rumour and its correction: spread, belief, denial."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from engine.city import City
from engine.events import KIND_CODE, REASONS
from engine.plan import Plan
from engine.run import Run, open_session
from engine.scenario import Rumour, Scenario

WHY = REASONS.index("heard that the alert is cancelled")


def play(town: City, scenario: Scenario, plan: Plan, until_s: float = 2400.0, **keys: Any) -> Any:
    rumour = None if keys.get("kind") == "none" else Rumour(
        **{"kind": "alert_cancelled", "at_s": 900.0, "share": 0.05, **keys})
    changed = scenario.model_copy(update={"rumour": rumour})
    session = open_session(town, changed, plan, 1)
    session.advance(until_s)
    return session


def subjects(session: Any, kind: str, what: int | None = None) -> Any:
    log = session.twin.log
    mine = log.column("kind") == KIND_CODE[kind]
    if what is not None:
        mine &= log.column("object") == what
    return log.column("subject")[mine]


def test_believers_go_back_or_stay(town: City, scenario: Scenario, plans: dict[str, Plan]) -> None:
    session = play(town, scenario, plans["historical"])
    heard = subjects(session, "party_heard_rumour")
    acted = np.r_[subjects(session, "party_returning", WHY), subjects(session, "party_refused", WHY)]
    assert np.unique(heard).size == heard.size > 100
    assert acted.size > 5
    assert set(acted) <= set(heard)
    assert acted.size < 0.6 * heard.size  # three in ten believe it
    assert subjects(session, "rumour_noticed").size == 1
    assert subjects(session, "rumour_denied").size == 0  # this plan has nobody deny it


def test_a_denial_stops_it(town: City, scenario: Scenario, plans: dict[str, Plan]) -> None:
    """The same rumour, denied soon from cars or not: fewer hear it, fewer go back."""
    document = plans["historical"].model_dump()
    plain = play(town, scenario, plans["historical"])
    document["rumour_correction"] = {"channel": "loudspeaker", "delay_s": 0.0}
    denied = play(town, scenario, Plan.model_validate(document))
    world = denied.twin.world
    log = denied.twin.log
    at = int(log.column("t_ms")[int(world.rumour_denied_event[0])])
    corrected = np.flatnonzero(world.party_corrected)
    assert corrected.size > 100
    heard = subjects(denied, "party_heard_rumour")
    assert heard.size < subjects(plain, "party_heard_rumour").size
    times = log.column("t_ms")[world.party_rumour_event[heard]]
    assert not np.isin(heard[times > at], corrected).any()
    # Draws are the parties' own: the denial makes nobody believe who would not have.
    back = set(subjects(denied, "party_returning", WHY)) - set(
        subjects(plain, "party_returning", WHY))
    assert len(back) <= 3  # people the second channel had brought to safety


def test_a_larger_wave_makes_people_leave(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    quiet = scenario.model_copy(update={"behaviour": {
        "felt_share": 0.0, "order_share": 0.2, "neighbour_share": 0.0, "rumour_share": 1.0}})
    none = play(town, quiet, plans["historical"], 1500.0, kind="none")
    told = play(town, quiet, plans["historical"], 1500.0, kind="larger_wave")
    assert subjects(told, "party_decided").size > subjects(none, "party_decided").size + 20
    assert subjects(none, "rumour_started").size == 0


def test_branch_goes_on_the_same(town: City, scenario: Scenario, plans: dict[str, Plan]) -> None:
    session = play(town, scenario, plans["early-warning"], 1100.0)
    branch = session.branch()
    session.advance(1600.0)
    branch.advance(1600.0)
    assert session.twin.log.digest() == branch.twin.log.digest()


def test_refused(plans: dict[str, Plan]) -> None:
    document = plans["historical"].model_dump()
    document["rumour_correction"] = {"channel": "siren"}
    with pytest.raises(ValidationError, match="says nothing"):
        Plan.model_validate(document)


def test_golden_run_shows_the_correction(runs: dict[str, Run]) -> None:
    codes = runs["early-warning"].codes
    t = {k: int(codes.t_ms[codes.kind == KIND_CODE[k]].iloc[0])
         for k in ("rumour_started", "rumour_noticed", "rumour_denied")}
    assert t["rumour_started"] < t["rumour_noticed"]
    assert t["rumour_denied"] == t["rumour_noticed"] + 300_000
