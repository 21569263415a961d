"""Door to door by crews of the city's units: they drive there, work, obey the line, and are away."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engine.events import REASONS
from engine.people.visits import Visits
from engine.plan import Plan
from engine.run import Run
from engine.world import NEVER, U_AVAILABLE, U_ON_SCENE
from tests.response.test_missions import predicted, refusal
from tests.response_rig import Rig

POLICE = 2


def rig(**keys: Any) -> Rig:
    lever = {"zone": "low", "teams": 2, "by": "police", "households_an_hour": 60, "start_s": 0,
             "stop_s": 1800, **keys}
    out = Rig({"door_to_door": [lever]})
    out.order()
    predicted(out, 30_000.0)
    return out


def test_crews_drive_to_the_zone_work_until_their_time_is_over_and_are_free_again() -> None:
    r = rig()
    r.run(900)
    at_work = np.flatnonzero((r.w.unit_mission == 0) & (r.w.unit_phase == U_ON_SCENE))
    assert at_work.size == 2
    assert np.all(r.site.units.kind[at_work] == POLICE)
    assert r.site.order_zone[r.w.unit_node[at_work[0]]] == 0
    assert r.chain(r.last("mission_ordered"))[1] == "order_decided"
    r.run(1800 + 60)
    assert not (r.w.unit_mission >= 0).any()
    ended = [row[0] for row in r.rows("unit_available") if row[1] in at_work]
    assert ended == [1_800_000, 1_800_000]


def test_who_goes_from_door_to_door_is_not_sent_elsewhere() -> None:
    """Of three police cars two are at the doors: a control point that needs two gets one."""
    lever = {"zone": "low", "teams": 2, "by": "fire_rescue", "start_s": 0, "stop_s": 1800}
    r = Rig({"door_to_door": [lever]}, start_utc="2020-03-02T15:00:00Z")
    r.order()
    predicted(r, 30_000.0)
    r.run(1500)  # volunteers have come from home
    mine = np.flatnonzero(r.w.unit_order_mission == 0)
    assert mine.size == 2
    for building in range(3):
        r.hurt(r.person_in(int(np.unique(r.parties.person_building)[20 + building])), 2, trapped=True)
    r.run(1750)
    sent = {row[1] for row in r.rows("unit_dispatched") if r.site.units.kind[row[1]] == 1}
    assert not sent & set(mine.tolist())


def test_crews_obey_the_line() -> None:
    r = rig()
    r.run(600)
    predicted(r, r.now_ms / 1000 + 600 + 120)
    r.run(r.now_ms / 1000 + 400)
    shut = int(r.w.exclusion_ms[0])
    inside = r.site.exclusion_node[r.w.unit_node] & (r.site.units.kind == POLICE)
    assert r.now_ms > shut
    assert not inside.any()
    assert len([row for row in r.rows("unit_withdrawn")]) == 2
    assert not (r.w.unit_mission >= 0).any()
    held = rig()
    predicted(held, 800.0)
    held.run(600)
    assert not held.rows("mission_ordered")
    assert {REASONS[row[2]] for row in held.rows("mission_held")} == {"no way back before the wave"}


def test_doors_are_reached_at_the_rate_of_the_crews_on_the_spot() -> None:
    walk = np.arange(40)
    lever = SimpleNamespace(households_an_hour=36.0, start_s=100.0, stop_s=1000.0)
    visits = Visits.__new__(Visits)
    visits.zone, visits.doors = np.zeros(40, np.int64), (lever,)
    emitted: list[Any] = []

    def emit(kind: str, *args: Any, **keys: Any) -> np.ndarray:
        emitted.append((kind, keys))
        return np.array([7])

    w = SimpleNamespace(
        unit_mission=np.array([0, 0, -1]), unit_phase=np.array([U_ON_SCENE, U_AVAILABLE, U_ON_SCENE]),
        unit_event=np.array([3, 4, 5]), zone_order_ms=np.array([0]), door_visited=np.zeros(1),
        zone_doors_event=np.array([-1]), zone_order_event=np.array([2]),
    )
    host: Any = SimpleNamespace(w=w, emit=emit)
    met = [visits._crew(host, 0, 0, walk, t, t + 10_000)[0] for t in range(0, 1_200_000, 10_000)]
    reached = np.concatenate(met)
    # 36 an hour are one in 100 s, from 100 s to 1,000 s: nine doors, each once, in the street's order.
    assert reached.tolist() == list(range(9))
    assert emitted[0][0] == "doors_started"
    assert emitted[0][1]["cause"].tolist() == [3]
    assert len(emitted) == 1
    w.unit_phase[1] = U_ON_SCENE  # a second crew: twice as fast
    w.door_visited[0] = 0.0
    met = [visits._crew(host, 0, 0, walk, t, t + 10_000)[0] for t in range(0, 1_200_000, 10_000)]
    assert np.concatenate(met).size == 18


def test_crews_pass_on_from_a_zone_whose_time_is_over() -> None:
    """Crews who come late to the first zone begin in the second, which was told later."""
    visits = Visits.__new__(Visits)
    visits.zone = np.repeat([0, 1], 20)
    visits.doors = (SimpleNamespace(households_an_hour=36.0, start_s=100.0, stop_s=1000.0),)
    w = SimpleNamespace(
        unit_mission=np.array([0]), unit_phase=np.array([U_ON_SCENE]), unit_event=np.array([3]),
        zone_order_ms=np.array([0, 600_000]), door_visited=np.zeros(1),
        zone_doors_event=np.array([-1, -1]), zone_order_event=np.array([2, 2]),
    )
    host: Any = SimpleNamespace(w=w, emit=lambda kind, *args, **keys: np.array([7]))
    met = [visits._crew(host, 0, 0, np.arange(40), t, t + 10_000)[0]
           for t in range(1_100_000, 1_500_000, 10_000)]
    assert np.concatenate(met).tolist() == [20, 21, 22, 23]


def test_in_a_run_crews_knock_and_people_leave_for_it(assisted_run: Run) -> None:
    run = assisted_run
    e, parties = run.events, run.twin.context.parties
    started = e[e.kind == "doors_started"]
    assert len(started) >= 1
    kinds = e.kind.iloc[started.cause.to_numpy()]
    assert set(kinds) <= {"unit_arrived", "order_issued"}
    visited = e[(e.kind == "party_alerted") & (e.value == 5)]
    assert len(visited) > 5
    assert np.all(parties.building[visited.subject.to_numpy()] >= 0)
    assert run.twin.world.zone_order_ms.min() < NEVER


@pytest.mark.parametrize(
    ("lever", "message"),
    [
        ({"by": "police", "teams": 4}, "door_to_door.0.teams: 4 with those before are more than"),
        ({"by": "fire_rescue", "teams": 4}, "door_to_door.0.teams: 4 with those before are more than"),
        ({"zone": "hill"}, "door_to_door.0.zone: unknown order zone 'hill'"),
    ],
)
def test_more_crews_than_there_are_is_refused(lever: dict[str, Any], message: str) -> None:
    r = rig()
    whole = {**r.plan.door_to_door[0].model_dump(), **lever}
    plan = Plan.model_validate({**r.plan.model_dump(), "door_to_door": [whole]})
    assert message in refusal(r, plan)
