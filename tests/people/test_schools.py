"""Pupils follow the plan's rule: released, held or evacuated with their school."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.city import USES, City
from engine.events import KIND_CODE, MODES, reason
from engine.plan import Plan
from engine.run import Session, open_session
from engine.scenario import Scenario


@pytest.fixture(scope="module")
def by_rule(town: City, scenario: Scenario, plans: dict[str, Plan]) -> dict[str, Session]:
    """The first ten minutes on a school day, under each rule."""
    day = scenario.model_copy(update={"start_utc": scenario.start_utc.replace(hour=14)})
    out = {}
    for rule in ("release", "hold", "evacuate"):
        document = plans["historical"].model_dump()
        document["order"]["schools"] = rule
        out[rule] = open_session(town, day, Plan.model_validate(document), 1)
        out[rule].advance(600.0)
    return out


def pupils(session: Session) -> Any:
    twin = session.twin
    parties, city = twin.context.parties, twin.city
    at_school = (parties.building >= 0) & (
        city.buildings.use[np.maximum(parties.building, 0)] == USES.index("education"))
    danger = twin.context.site.danger_node[parties.node]
    return np.flatnonzero(at_school & danger & (parties.age_group <= 1))


def rows(session: Session, kind: str) -> Any:
    codes = session.twin.log.codes()
    return codes[codes.kind == KIND_CODE[kind]].set_index("subject")


def test_held_pupils_stay(by_rule: dict[str, Session]) -> None:
    session = by_rule["hold"]
    mine = pupils(session)
    assert mine.size > 10
    assert not rows(session, "party_decided").index.isin(mine).any()
    refused = rows(session, "party_refused")
    assert set(mine) <= set(refused.index)
    assert (refused.loc[mine].object == reason("held at school")).all()


def test_a_school_leaves_as_one_on_foot(by_rule: dict[str, Session]) -> None:
    session = by_rule["evacuate"]
    mine = pupils(session)
    decided = rows(session, "party_decided").loc[mine]
    assert len(decided) == mine.size  # all of them, at the first cue
    assert (decided.object == MODES.index("foot")).all()
    building = session.twin.context.parties.building[mine]
    ready = decided.t_ms.to_numpy() + 1000 * decided.value.to_numpy()
    for school in np.unique(building):
        assert np.ptp(ready[building == school]) < 10_000  # the shaking's arrival differs a little


def test_released_pupils_decide_for_themselves(by_rule: dict[str, Session]) -> None:
    session = by_rule["release"]
    left = rows(session, "party_decided").index.isin(pupils(session)).sum()
    assert 0 < left < pupils(session).size
