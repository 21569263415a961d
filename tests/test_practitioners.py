"""Two checks a practitioner makes, over 100 seeded runs: no wrong order of actions, no double count.

The town is small, a seventh of its people take part, and the all-clear is given by hand, so that each run
is short and still goes through order, wave, all-clear and the search afterwards.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from engine.city import City
from engine.plan import Plan
from engine.run import Run, open_session
from engine.scenario import Scenario
from engine.world import C_HOSPITAL, C_SELF, C_TRANSPORT, C_TRAPPED, H_DEAD

RUNS = 100
CLEAR_S = 1800.0
ALL_CLEAR = [{"t_s": CLEAR_S, "kind": "decision", "what": "all_clear"}]


@dataclasses.dataclass
class Story:
    """What one run leaves behind for the checks."""

    name: str
    run: Run
    events: pd.DataFrame

    def of(self, *kinds: str) -> pd.DataFrame:
        return self.events[self.events.kind.isin(kinds)]


@pytest.fixture(scope="module")
def stories(town: City, short: object, plans: dict[str, Plan]) -> list[Story]:
    """One run a seed, the plans in turn."""

    def tell() -> Iterator[Story]:
        scenario: Scenario = short(  # type: ignore[operator]
            population={"share": 0.15}, duration_s=2500
        )
        names = list(plans)
        for seed in range(1, RUNS + 1):
            name = names[seed % len(names)]
            run = open_session(town, scenario, plans[name], seed, ALL_CLEAR).finish()
            yield Story(f"{name}, seed {seed}", run, run.events)

    return list(tell())


def shut_ms(story: Story, t_ms: int) -> float:
    """When the exclusion line shuts by what was predicted at `t_ms`; a new, earlier prediction
    reaches crews by radio within two ticks."""
    told = story.of("arrival_predicted")
    told = told[told.t_ms <= t_ms]
    if not len(told):
        return np.inf
    lead_s = story.run.twin.plan.exclusion.lead_s
    return max(1000.0 * (float(told.value.iloc[-1]) - lead_s), float(told.t_ms.iloc[-1]) + 20_000)


def test_nobody_works_inside_the_line_between_its_shutting_and_the_all_clear(
    stories: list[Story],
) -> None:
    served_after = 0
    for story in stories:
        twin = story.run.twin
        inside = twin.context.site.exclusion_node
        clear_ms = int(story.of("all_clear").t_ms.iloc[0])
        work = story.of("unit_arrived", "person_treated", "person_rescued")
        for row in work.itertuples():
            if row.kind == "unit_arrived":
                node = int(twin.world.incident_node[row.object]) if row.object >= 0 else -1
            elif row.object >= 0:
                # Where the crew stood: the incident of its last arrival.
                before = story.of("unit_arrived")
                before = before[(before.subject == row.object) & (before.event < row.event)]
                node = int(twin.world.incident_node[int(before.object.iloc[-1])])
            else:
                continue
            if node < 0 or not inside[node]:
                continue
            if row.t_ms >= clear_ms:
                served_after += 1
            else:
                assert row.t_ms < shut_ms(story, row.t_ms), f"{story.name}: {row.kind}"
    assert served_after > 0  # the search after the all-clear did take place


def test_no_control_point_is_left_in_the_water(stories: list[Story]) -> None:
    """Officers are gone when the line shuts, and before any water in the zone."""
    seen = 0
    for story in stories:
        site = story.run.twin.context.site
        flooded = story.of("zone_flooded").set_index("subject").t_ms
        clear_ms = int(story.of("all_clear").t_ms.iloc[0])
        for row in story.of("control_staffed").itertuples():
            node = int(site.control_node[row.subject])
            if not site.exclusion_node[node] or row.t_ms >= clear_ms:
                continue
            seen += 1
            left = story.of("control_left")
            left = left[(left.subject == row.subject) & (left.t_ms > row.t_ms)]
            assert len(left), story.name
            assert left.t_ms.iloc[0] <= shut_ms(story, int(left.t_ms.iloc[0])), story.name
            zone = int(site.zone_of_node[node])
            assert left.t_ms.iloc[0] < flooded.get(zone, np.inf), story.name
    assert seen > 0


def test_each_unit_is_ordered_before_it_rolls_and_rolls_before_it_arrives(
    stories: list[Story],
) -> None:
    for story in stories:
        rows = story.of("unit_dispatched", "unit_departed", "unit_arrived")
        rows = rows[rows.object >= 0]
        for (_, _), mine in rows.groupby(["subject", "object"]):
            kinds = mine.sort_values("event").kind.tolist()
            assert kinds[0] == "unit_dispatched", story.name
            for before, after in itertools.pairwise(kinds):
                if after == "unit_arrived":
                    assert before == "unit_departed", story.name
                if after == "unit_departed":
                    assert before == "unit_dispatched", story.name


def test_freeing_triage_transport_and_bed_follow_each_other(stories: list[Story]) -> None:
    carried = 0
    for story in stories:
        steps = story.of(
            "person_trapped", "person_rescued", "person_treated", "self_referred",
            "transport_started", "person_admitted", "person_died",
        )
        for _, mine in steps.groupby("subject"):
            mine = mine.sort_values("event")
            done: set[str] = set()
            for row in mine.itertuples():
                where = f"{story.name}: person {row.subject}, {row.kind}"
                assert "person_died" not in done, where
                if row.kind == "transport_started":
                    assert "crew" in done, where
                    carried += 1
                if row.kind == "person_admitted":
                    assert done & {"transport_started", "self_referred"}, where
                    assert "person_admitted" not in done, where
                if row.kind in ("person_treated", "self_referred") and "person_trapped" in done:
                    assert "person_rescued" in done, where
                done.add("crew" if row.kind == "person_treated" and row.object >= 0 else str(row.kind))
    assert carried > 0


def test_nobody_is_in_two_counts_that_exclude_each_other(stories: list[Story]) -> None:
    for story in stories:
        twin, score = story.run.twin, story.run.score
        world = twin.world
        people = score["ledger"]["people"]
        assert sum(people.values()) == twin.city.persons.household.size, story.name
        metrics = {m["name"]: m["value"] for m in score["metrics"]}
        dead = world.person_health == H_DEAD
        assert metrics["deaths"] == people["dead"] == int(dead.sum()), story.name
        # One place in the chain of rescue each; the dead are in no bed taken while alive and in
        # no ambulance's or own way's count of the living.
        care = np.where(dead, -1, world.person_care)
        alive = {name: int((care == code).sum()) for name, code in
                 (("trapped", C_TRAPPED), ("in hospital", C_HOSPITAL))}
        assert alive["trapped"] == people["trapped"], story.name
        assert alive["in hospital"] == people["in hospital"], story.name
        aboard = world.unit_person[world.unit_person >= 0]
        assert np.unique(aboard).size == aboard.size, story.name
        own = np.flatnonzero(world.person_care == C_SELF)
        assert not set(own) & set(aboard), story.name
        assert not np.any(world.person_trapped & np.isin(world.person_care, (C_SELF, C_TRANSPORT))), (
            story.name
        )
