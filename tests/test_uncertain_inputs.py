"""The sweep over uncertain inputs: how samples are drawn, what is refused, what is shown."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from engine.people.audience import NIGHT_HOURS
from engine.people.behaviour import CARD
from engine.plan import load_plan
from engine.scenario import Scenario, list_scenarios, load_scenario, scenarios_root
from engine.sweep import COLUMNS, TABLE, Uncertain, draw, read_uncertain, scenarios, table
from tests.conftest import Anlan

SWEPT = [name for name in list_scenarios() if (scenarios_root() / name / TABLE).is_file()]


@given(samples=st.integers(8, 60), inputs=st.integers(1, 6), seed=st.integers(0, 1000))
def test_every_part_of_every_range_is_drawn_from_once(samples: int, inputs: int, seed: int) -> None:
    """What makes a sample a Latin hypercube."""
    rows = [Uncertain(f"k{n}", -1.0 - n, 2.0 + n, "test") for n in range(inputs)]
    values = draw(rows, samples, seed)
    for n, row in enumerate(rows):
        part = np.floor((values[:, n] - row.low) / (row.high - row.low) * samples)
        assert sorted(part) == list(range(samples))


def test_shipped_ranges_are_allowed_and_hold_what_is_used() -> None:
    """Both ends are valid scenarios, and the default lies in the range."""
    from engine.people.behaviour import Behaviour

    assert SWEPT
    for name in SWEPT:
        scenario = load_scenario(name)
        rows = read_uncertain(scenario)
        ends = np.array([[row.low for row in rows], [row.high for row in rows]])
        assert len(scenarios(name, (), rows, ends)) == 2
        for row in rows:
            block, _, key = row.key.partition(".")
            used = scenario.behaviour.get(key, getattr(Behaviour(), key, None))
            if block != "behaviour":
                used = getattr(getattr(scenario, block), key)
            assert row.low <= used <= row.high, row.key


def by_night(scenario: Scenario) -> bool:
    hour = scenario.start.astimezone(ZoneInfo("America/Santiago")).hour
    return hour >= NIGHT_HOURS[0] or hour < NIGHT_HOURS[1]


#: Shares that a scenario of Coquimbo never draws on under its plans, and when that holds.
IDLE = {
    "siren_night": lambda s: not by_night(s), "phone_night": lambda s: not by_night(s),
    "radio_night": lambda s: not by_night(s), "radio_day": by_night,
    "siren_day": by_night, "phone_day": by_night,
    "rumour_share": lambda s: s.rumour is None,
    "car_obey_share": lambda s: not any(
        zone.mode == "car" for plan in s.plans for zone in load_plan(plan, s).order.zones),
}


@pytest.mark.parametrize("name", ["coquimbo-tsunami", "coquimbo-tsunami-severe"])
def test_every_share_of_behaviour_has_a_source_or_a_range_that_is_swept(name: str) -> None:
    scenario = load_scenario(name)
    swept = {row.key: row for row in read_uncertain(scenario)}
    for card in CARD:
        if card.unit != "share" or card.status == "sourced":
            continue
        if card.parameter in IDLE and IDLE[card.parameter](scenario):
            assert f"behaviour.{card.parameter}" not in swept, card.parameter
            continue
        assert f"behaviour.{card.parameter}" in swept, card.parameter
        # The card tells the same range, where it tells one.
        told = re.search(r"range ([\d.]+) to ([\d.]+\d|\d)", card.source)
        if told:
            row = swept[f"behaviour.{card.parameter}"]
            assert (row.low, row.high) == tuple(map(float, told.groups())), card.parameter


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("key,low,source\n", "column high is missing"),
        ("key,low,high,source\n", "no row"),
        ("key,low,high,source\nbehaviour.felt_share,0.9,0.6,x\n", "low 0.9 must be below high 0.6"),
        ("key,low,high,source\nbehaviour.felt_share,nan,0.6,x\n", "expected a finite number"),
        ("key,low,high,source\nbehaviour.felt_share,a,0.6,x\n", "low is 'a': expected a number"),
        ("key,low,high,source\nbehaviour.felt_share,0.5,0.6,\n", "has no source"),
        ("# words\nkey,low,high,source\na,0,1,x\na,0,2,x\n", "stands twice"),
    ],
)
def test_a_wrong_table_is_refused(text: str, message: str, tmp_path: Path) -> None:
    place = tmp_path / "case"
    shutil.copytree(scenarios_root() / "testtown-tsunami", place)
    (place / TABLE).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_uncertain(load_scenario(str(place)))


def test_a_key_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="felt_shar"):
        scenarios("testtown-tsunami", (), [Uncertain("behaviour.felt_shar", 0, 1, "x")],
                  np.array([[0.5]]))


def test_what_moves_a_result_is_found_and_what_does_not_is_not() -> None:
    """Deaths follow the first of three inputs, falling; the others are noise."""
    rows = [Uncertain(name, 0.0, 1.0, "test") for name in ("a", "b", "c")]
    values = draw(rows, 40, 3)
    results = [
        {"seed": n, "extra": {}, "score": {"metrics": [
            {"name": "deaths", "unit": "people", "value": 10.0 - 5.0 * row[0]},
            {"name": "severe_injuries", "unit": "people", "value": 1.0},
            {"name": "out_before_water", "unit": "share", "value": row[1] if n else None},
            {"name": "clearance_t50", "unit": "s", "value": None},
        ]}}
        for n, row in enumerate(values)
    ]
    found = {row["label"]: row for row in table(rows, values, results)["rows"]}
    assert [x["key"] for x in found["Deaths"]["parts"]] == ["a"]
    assert found["Deaths"]["parts"][0]["rank_correlation"] == pytest.approx(-1.0)
    assert found["Deaths"]["p5"] == pytest.approx(5.1, abs=0.2)
    assert found["Severe injuries"]["parts"] == []
    assert found["Ordered people out before the water"]["missing"] == 1
    never = found["Half of those ordered out after"]
    assert (never["missing"], never["median"], never["parts"]) == (40, None, [])


def test_an_input_that_goes_with_another_by_chance_is_not_taken() -> None:
    """Deaths follow the first input, and so by chance the second; the fourth moves them a little."""
    rows = [Uncertain(name, 0.0, 1.0, "test") for name in ("a", "b", "c", "d")]
    values = draw(rows, 40, 3)
    values[:, 1] = values[:, 0] + 0.4 * values[:, 2]
    deaths = 10.0 * values[:, 0] + 3.0 * values[:, 3] + values[:, 2] ** 8
    names = ("deaths", "severe_injuries", "out_before_water", "clearance_t50")
    results = [
        {"seed": n, "extra": {}, "score": {"metrics": [
            {"name": name, "unit": "-", "value": float(value)} for name in names
        ]}}
        for n, value in enumerate(deaths)
    ]
    found = {row["label"]: row for row in table(rows, values, results)["rows"]}
    parts = {part["key"]: part["rank_correlation"] for part in found["Deaths"]["parts"]}
    assert set(parts) == {"a", "d"}
    assert parts["a"] > parts["d"] > 0.5


def test_the_command_sweeps_and_resumes(here: Anlan, tmp_path: Path) -> None:
    place, out = tmp_path / "case", tmp_path / "out"
    shutil.copytree(scenarios_root() / "testtown-tsunami", place)
    (place / TABLE).write_text(
        ",".join(COLUMNS) + "\nbehaviour.felt_share,0,1,test\n", encoding="utf-8"
    )
    command = ("sweep", str(place), "--samples", "8", "--set", "duration_s=1500", "--out", str(out))
    first = json.loads(here(*command, "--json").stdout)
    assert first["samples"] == 8
    assert len({row["seed"] for row in first["values"]}) == 8
    assert json.loads((out / "sweep.json").read_text()) == first
    again = here(*command, "--resume")
    assert "moved by" in again.stdout
    assert "written" in again.stdout
    refused = here("sweep", "testtown-quake", code=2)
    assert "uncertain.csv" in refused.stderr
