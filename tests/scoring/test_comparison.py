"""Comparison: pairing by seed, verdicts, and the same bytes in whatever order it was computed."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from engine.errors import InputError
from engine.scoring.comparison import NO_DIFFERENCE, comparison, verdict
from engine.summary import print_comparison


def score(total, deaths, p90=None):
    return {
        "schema": 1, "score": total, "efficiency": 50.0, "fairness": 50.0,
        "metrics": [
            {"name": "deaths", "value": deaths, "unit": "people", "better": "lower",
             "by_group": {}},
            {"name": "response_p90", "value": p90, "unit": "s", "better": "lower", "by_group": {}},
        ],
        "ledger": {"people": {}, "unfinished": {}},
    }


def entry(result, name):
    return next(m for m in result["metrics"] if m["name"] == name)


LUCK = {1: 10, 2: 200, 3: 35, 4: 90}
BASE = {s: score(50.0, d, 600.0) for s, d in LUCK.items()}
FEWER = {s: score(52.0, d - 2 - s % 2, 600.0 + d) for s, d in LUCK.items()}


def test_differences_are_paired_by_seed():
    result = comparison(["a", "b"], {"a": BASE, "b": FEWER})
    assert list(result) == ["plans", "replications", "metrics", "probability_best"]
    assert result["replications"] == 4
    deaths = entry(result, "deaths")
    assert list(deaths) == ["name", "unit", "plans", "differences"]
    assert deaths["plans"]["a"]["mean"] == pytest.approx(83.75)
    low, high = deaths["plans"]["a"]["ci95"]
    assert low < 0 < high  # the luck of the seeds drowns each plan's own mean
    assert list(deaths["differences"]) == ["b"]
    difference = deaths["differences"]["b"]
    assert difference["mean"] == pytest.approx(-2.5)
    half = 3.182446 * (1 / 3) ** 0.5 / 2
    assert difference["ci95"] == pytest.approx([-2.5 - half, -2.5 + half], rel=1e-6)
    assert difference["verdict"] == "better"
    assert entry(result, "response_p90")["differences"]["b"]["verdict"] == NO_DIFFERENCE
    assert entry(result, "efficiency")["differences"]["b"] == {
        "mean": 0.0, "ci95": [0.0, 0.0], "verdict": NO_DIFFERENCE
    }
    assert result["probability_best"] == {"a": 0.0, "b": 1.0}


def test_pairing_needs_the_right_partner():
    seeds = list(LUCK)
    shifted = dict(zip(seeds, [FEWER[s] for s in [*seeds[1:], seeds[0]]], strict=True))
    result = comparison(["a", "b"], {"a": BASE, "b": shifted})
    assert entry(result, "deaths")["differences"]["b"]["mean"] == pytest.approx(-2.5)
    assert entry(result, "deaths")["differences"]["b"]["verdict"] == NO_DIFFERENCE


def test_bytes_do_not_depend_on_the_order_of_computation():
    forward = comparison(["a", "b"], {"a": BASE, "b": FEWER})
    backward = comparison(
        ["a", "b"],
        {"b": dict(reversed(FEWER.items())), "a": dict(reversed(BASE.items()))},
    )
    assert json.dumps(forward, allow_nan=False) == json.dumps(backward, allow_nan=False)


def test_one_replication_gives_no_verdict():
    result = comparison(["a", "b"], {"a": {1: BASE[1]}, "b": {1: FEWER[1]}})
    difference = entry(result, "deaths")["differences"]["b"]
    assert difference == {"mean": -3.0, "ci95": None, "verdict": NO_DIFFERENCE}
    assert result["probability_best"] == {"a": None, "b": None}


def test_a_missing_value_spoils_the_mean():
    holed = {**FEWER, 2: score(52.0, 198, None)}
    result = comparison(["a", "b"], {"a": BASE, "b": holed})
    p90 = entry(result, "response_p90")
    assert p90["plans"]["a"]["mean"] == 600.0
    assert p90["plans"]["b"] == {"mean": None, "ci95": None}
    assert p90["differences"]["b"] == {"mean": None, "ci95": None, "verdict": NO_DIFFERENCE}


def test_only_shared_seeds_count():
    part = {s: FEWER[s] for s in (4, 1)}
    assert comparison(["a", "b"], {"a": BASE, "b": part}) == comparison(
        ["a", "b"], {"a": {s: BASE[s] for s in (1, 4)}, "b": part}
    )
    with pytest.raises(InputError, match="no seed in common"):
        comparison(["a", "b"], {"a": {1: BASE[1]}, "b": {2: FEWER[2]}})
    with pytest.raises(InputError, match="once each"):
        comparison(["a", "a"], {"a": BASE})


def test_deaths_come_before_the_score_in_best():
    # b has fewer deaths in all, yet a lower mean score.
    a = {s: score(90.0, 10) for s in range(6)}
    b = {s: score(40.0, 9) for s in range(6)}
    result = comparison(["a", "b", "c"], {"a": a, "b": b, "c": b})
    assert result["probability_best"] == pytest.approx({"a": 0.0, "b": 0.5, "c": 0.5})


def test_probability_reflects_disagreement_between_seeds():
    a = {s: score(50.0, 10) for s in range(10)}
    b = {s: score(50.0, 5 if s < 5 else 14) for s in range(10)}
    p = comparison(["a", "b"], {"a": a, "b": b})["probability_best"]
    assert sum(p.values()) == pytest.approx(1.0)
    assert 0.5 < p["b"] < 0.9


@pytest.mark.parametrize(("interval", "better", "expected"), [
    ((1, 2), "higher", "better"), ((1, 2), "lower", "worse"), ((-2, -1), "lower", "better"),
    ((-2, -1), "higher", "worse"), ((-1, 1), "lower", NO_DIFFERENCE),
    ((0, 1), "higher", NO_DIFFERENCE), (None, "higher", NO_DIFFERENCE),
])
def test_verdict(interval, better, expected):
    assert verdict(interval, better) == expected


def test_a_small_difference_that_is_shown_is_not_printed_as_nothing():
    console = Console(record=True, width=140, file=io.StringIO())
    fewer = {s: score(50.0, d - 0.02) for s, d in LUCK.items()}
    print_comparison(console, comparison(["a", "b"], {"a": BASE, "b": fewer}))
    assert "-0.02 (-0.02 to -0.02) better" in console.export_text()
    console = Console(record=True, width=140, file=io.StringIO())
    print_comparison(console, comparison(["a", "b"], {"a": BASE, "b": BASE}))
    assert f"+0 (+0 to +0) {NO_DIFFERENCE}" in console.export_text()


def test_what_no_plan_has_stands_in_a_line_below_the_table():
    def with_figures(run):
        more = [{"name": "trapped", "value": 0, "unit": "people", "better": "lower", "by_group": {}},
                {"name": "clearance_t90", "value": None, "unit": "s", "better": "lower", "by_group": {}},
                {"name": "crowd_noticed", "value": None, "unit": "s", "better": "lower", "by_group": {}}]
        return {**run, "metrics": [*run["metrics"], *more]}

    console = Console(record=True, width=140, file=io.StringIO())
    seeds = {s: with_figures(run) for s, run in BASE.items()}
    about = {"title": "A flood", "duration_s": 5400, "population_share": 0.25, "seeds": [1, 2, 3]}
    print_comparison(console, {"about": about, **comparison(["a", "b"], {"a": seeds, "b": seeds})})
    text = console.export_text()
    assert "A flood: 1.5 h, seeds 1 to 3" in text
    assert "SAMPLE of 0.25 of the households" in text
    assert "0 in every run: people trapped." in text
    assert "No value (not reached, or nothing to measure): nine in ten out after." in text
    assert "crush" not in text
    assert "deaths" in text
