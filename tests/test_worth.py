"""Levers are found from the plan's model, each changes its own key alone, and nothing is hidden."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.city import City
from engine.errors import InputError
from engine.plan import Plan, load_plan
from engine.scenario import Scenario, load_scenario
from engine.scoring.comparison import NO_DIFFERENCE
from engine.summary import print_worth
from engine.terminal import console
from engine.worth import METRICS, Lever, chosen, find_levers, fitting, table, whole
from engine.yamlfile import Strict


def leaves(value: Any, path: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], Any]:
    if isinstance(value, dict):
        return {k: v for key, part in value.items() for k, v in leaves(part, (*path, key)).items()}
    if isinstance(value, list):
        return {k: v for i, part in enumerate(value) for k, v in leaves(part, (*path, i)).items()}
    return {path: value}


def content(plan: Plan) -> dict[tuple[Any, ...], Any]:
    found = leaves(json.loads(plan.model_dump_json()))
    return {path: value for path, value in found.items() if path != ("name",)}


@pytest.fixture(scope="module", params=["testtown-tsunami", "coquimbo-tsunami", "testtown-quake"])
def case(request: pytest.FixtureRequest) -> tuple[Plan, Plan]:
    scenario = load_scenario(request.param)
    return load_plan(scenario.plans[1], scenario), load_plan(scenario.plans[0], scenario)


def test_each_lever_changes_its_own_block_alone(case: tuple[Plan, Plan]) -> None:
    plan, first = case
    levers, _ = find_levers(plan, first)
    assert len(levers) > 5
    before = content(plan)
    for lever in levers:
        after = content(lever.plan)
        changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
        assert changed, lever.key
        assert {path[0] for path in changed} == {lever.key.split(".")[0]}, lever.key
        if lever.key.endswith(("rule", "delay_s", "call_takers")):
            assert len(changed) == 1
    names = [lever.plan.name for lever in levers]
    assert len({*names, plan.name}) == len(names) + 1


def test_every_block_that_is_not_at_its_default_is_a_lever(case: tuple[Plan, Plan]) -> None:
    plan, first = case
    levers, refused = find_levers(plan, first)
    keys = {x.key.split(".")[0] for x in (*levers, *refused)}
    for field, info in Plan.model_fields.items():
        if field in ("name", "title"):
            continue
        plain = info.is_required() or getattr(plan, field) != info.get_default(
            call_default_factory=True)
        assert not plain or field in keys, field


def test_what_cannot_be_off_alone_is_named(scenario: Scenario) -> None:
    plan = load_plan("historical", scenario)
    _, refused = find_levers(plan, plan)
    assert any(x.key.startswith("order.zones") and "order.trigger and order.zones" in x.reason
               for x in refused)


def test_off_is_the_first_plan_then_the_default_then_false(scenario: Scenario) -> None:
    plan, first = load_plan("early-warning", scenario), load_plan("historical", scenario)
    # What needs a channel would keep it from being off alone.
    plan = plan.model_copy(update={"fuel": None, "rumour_correction": None})
    found = {x.key: x for x in find_levers(plan, first)[0]}
    assert found["dispatch.rule"].plan.dispatch.rule == first.dispatch.rule
    assert found["order.trigger"].plan.order.trigger == first.order.trigger
    assert found["channels"].plan.channels == first.channels
    assert found["closures"].plan.closures == ()
    assert [c.kind for c in found["channels.siren"].plan.channels] == [
        c.kind for c in plan.channels if c.kind != "siren"
    ]
    assert {z.mode for z in found["order.zones.*.mode"].plan.order.zones} == {"free"}
    assert found["destinations.meeting_points"].plan.destinations.meeting_points is False
    alone = {x.key: x for x in find_levers(first, first)[0]}
    assert alone["dispatch.rule"].plan.dispatch.rule == "least_travel_time"  # the default


class Ferry(Strict):
    name: str
    seats: int = 40


class Ferries(Strict):
    headway_s: float = 600.0
    lines: tuple[Ferry, ...] = ()


class NewPlan(Plan):
    """A plan with a block that this code has never heard of."""

    ferries: Ferries | None = None
    horns: bool = False


def test_new_blocks_are_levers_by_themselves(scenario: Scenario) -> None:
    document = load_plan("early-warning", scenario).model_dump()
    document |= {"horns": True, "ferries": {"headway_s": 300.0, "lines": [
        {"name": "Port", "seats": 20}, {"name": "Hill", "seats": 20}]}}
    plan = NewPlan.model_validate(document)
    found = {x.key: x.plan for x in find_levers(plan, load_plan("historical", scenario))[0]}
    assert found["horns"].horns is False
    assert found["ferries"].ferries is None
    assert found["ferries.headway_s"].ferries.headway_s == 600.0
    assert [b.name for b in found["ferries.lines.Port"].ferries.lines] == ["Hill"]
    assert {b.seats for b in found["ferries.lines.*.seats"].ferries.lines} == {40}


def test_layers_choose_by_key(scenario: Scenario) -> None:
    levers, _ = find_levers(load_plan("early-warning", scenario), load_plan("historical", scenario))
    assert chosen(levers, []) == levers
    some = {x.key for x in chosen(levers, ["channels", "dispatch.rule"])}
    assert "dispatch.rule" in some
    assert "dispatch.call_takers" not in some
    assert all(key == "dispatch.rule" or key.split(".")[0] == "channels" for key in some)
    alone = {x.key for x in whole(levers)}
    assert "door_to_door" in alone
    assert not any(key.startswith("door_to_door.") or ".*." in key for key in alone)
    assert len(alone) < len(levers)
    with pytest.raises(InputError, match="did you mean 'channels'"):
        chosen(levers, ["chanels"])


def test_a_plan_that_does_not_fit_the_city_is_refused_with_the_reason(
    scenario: Scenario, town: City
) -> None:
    plan = load_plan("early-warning", scenario)
    document = plan.model_dump()
    document["destinations"]["high_ground_m"] = 199.0
    bad = Lever("destinations.high_ground_m", "199", Plan.model_validate(document))
    good, refused = fitting([bad, Lever("x", "", plan)], town, scenario)
    assert [x.key for x in good] == ["x"]
    assert "no junction is safe" in refused[0].reason


def result(name: str, seed: int, deaths: float, digest: str) -> dict[str, Any]:
    metrics = [
        {"name": m, "value": deaths if m == "deaths" else 5.0, "unit": "", "better": "lower",
         "by_group": {}} for m, _, _ in METRICS
    ]
    score = {"score": 50.0, "efficiency": 50.0, "fairness": 50.0, "metrics": metrics}
    return {"plan": name, "seed": seed, "score": score, "digest": digest}


@pytest.mark.parametrize(
    ("without", "digests", "shown", "unchanged"),
    [
        ([4, 5, 7, 9], "abcd", True, 0),  # 2, 2, 3, 4 more deaths
        ([1, 5, 3, 5], "Abcd", False, 1),
        ([2, 3, 4, 5], "ABCD", False, 4),
    ],
)
def test_table_pairs_by_seed_and_keeps_no_difference_apart(
    scenario: Scenario, without: list[int], digests: str, shown: bool, unchanged: int
) -> None:
    plan = load_plan("early-warning", scenario)
    lever = Lever("staging", "none", plan.model_copy(update={"name": "without"}))
    done = {}
    for seed, (deaths, digest) in enumerate(zip(without, digests, strict=True)):
        done[(plan.name, seed)] = result(plan.name, seed, 2 + seed, "ABCD"[seed])
        done[("without", seed)] = result("without", seed, deaths, digest)
    found = table(plan, [lever], [], done)
    row = found["levers"][0]
    assert found["replications"] == 4
    assert found["as_written"]["deaths"]["mean"] == 3.5
    assert row["difference_shown"] is shown
    assert row["unchanged_runs"] == unchanged
    assert row["differences"]["deaths"]["mean"] == sum(without) / 4 - 3.5
    assert row["differences"]["staff_hours"]["verdict"] == NO_DIFFERENCE


def test_a_refuge_is_left_out_with_the_homes_that_go_there() -> None:
    scenario = load_scenario("coquimbo-tsunami-severe")
    plan, first = (load_plan(name, scenario) for name in ("early-warning", "historical"))
    levers = {lever.key: lever for lever in find_levers(plan, first)[0]}
    homes = [row.facility for row in plan.facility_evacuation]
    for row in plan.facility_evacuation:
        alone = levers[f"facility_evacuation.{row.facility}"]
        assert len(alone.plan.facility_evacuation) == len(homes) - 1
        assert alone.plan.vertical_refuges == plan.vertical_refuges
        tower = levers[f"vertical_refuges.{row.to}"]
        assert [x.facility for x in tower.plan.facility_evacuation] == [
            name for name in homes if name != row.facility]
        assert "the homes that go there" in tower.off
    assert levers["vertical_refuges"].plan.facility_evacuation == ()


def test_names_are_printed_as_they_are(
    scenario: Scenario, capsys: pytest.CaptureFixture[str]
) -> None:
    """What looks like markup is none."""
    plan = load_plan("early-warning", scenario)
    levers = [Lever(f"meeting_points.Field {word}", "none", plan.model_copy(update={"name": word}))
              for word in ("[/x]", "[b]", ":+1:")]
    done = {(name, 1): result(name, 1, 2, "A") for name in (plan.name, "[/x]", "[b]", ":+1:")}
    print_worth(console(), table(plan, levers, [], done))
    said = "".join(capsys.readouterr().out.split())
    for word in ("[/x]", "[b]", ":+1:"):
        assert said.count(f"Field{word}") == 2  # in the table, and among those without a difference
