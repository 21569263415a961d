"""The score: deaths first, the rest inside the step of equal deaths; fairness of the worst."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.city import AGE_GROUPS
from engine.errors import InputError
from engine.events import EventLog
from engine.scoring.context import Context
from engine.scoring.fairness import SMALLEST_GROUP, worst_group
from engine.scoring.groups import Grouping
from engine.scoring.score import combine, deaths_scale, score_run

Q = st.floats(0, 100)


@given(population=st.integers(1, 1_000_000), data=st.data(), a=Q, b=Q, c=Q, d=Q)
def test_more_deaths_never_score_higher(population, data, a, b, c, d):
    few = data.draw(st.integers(0, population - 1))
    more = data.draw(st.integers(few + 1, population))
    assert combine(more, population, a, b) <= combine(few, population, c, d)


@given(population=st.integers(1, 1_000_000), data=st.data(), a=Q, b=Q)
def test_score_stays_in_range_and_weighs_both_equally(population, data, a, b):
    deaths = data.draw(st.integers(0, population))
    score = combine(deaths, population, a, b)
    assert 0.0 <= score <= 100.0
    assert score == combine(deaths, population, b, a)


def test_scale_has_known_points():
    assert deaths_scale(0, 98) == 100.0
    assert deaths_scale(9, 98) == pytest.approx(50.0)  # a tenth of ln 100 is half the way
    assert deaths_scale(99, 98) == 0.0
    assert combine(0, 98, 100, 100) == 100.0
    assert combine(98, 98, 0, 0) == 0.0


def test_better_efficiency_scores_higher_at_equal_deaths():
    assert combine(7, 1000, 60, 50) > combine(7, 1000, 50, 50)


def groups_of(code):
    return (Grouping("municipality", ("a", "b", "c"), code),)


@given(data=st.data())
def test_levelling_down_never_raises_fairness(data):
    sizes = data.draw(st.lists(st.integers(0, 60), min_size=3, max_size=3))
    code = np.repeat(np.arange(3), sizes)
    bits = st.lists(st.booleans(), min_size=code.size, max_size=code.size)
    good, exposed = (np.array(data.draw(bits), bool) for _ in range(2))
    groups = groups_of(code)
    before = worst_group(groups, good, exposed).rate
    assert 0.0 <= before <= 1.0
    if code.size == 0:
        return
    # The best group, or any person at all, is made worse; or one more is exposed and lost.
    worse = good & np.array(data.draw(bits), bool)
    more = exposed | np.array(data.draw(bits), bool)
    lost = worse & ~(more & ~exposed)
    assert worst_group(groups, worse, exposed).rate <= before
    assert worst_group(groups, lost, more).rate <= before


def test_worst_group_is_found_and_small_groups_do_not_decide():
    code = np.repeat([0, 1, 2], [100, 40, SMALLEST_GROUP - 1])
    good = np.ones(code.size, bool)
    good[100:110] = False  # 30 of 40 in group b
    good[140:] = False  # nobody in group c, which is too small to judge
    worst = worst_group(groups_of(code), good, np.ones(code.size, bool))
    overall = 130 / code.size
    assert (worst.label, worst.rate) == ("b", 0.75) if overall > 0.75 else ("all", overall)
    bigger = np.concatenate([code, [2]])
    found = worst_group(groups_of(bigger), np.append(good, False), np.ones(bigger.size, bool))
    assert (found.label, found.rate) == ("c", 0.0)


def test_harming_the_best_group_never_raises_fairness_of_a_run(town):
    make_city, story_of = town
    city = make_city(households=240)  # 180 people at risk in each municipality
    context = Context(3_600_000, np.array([True, True, False, False]), np.zeros(3, np.int32))

    def fairness(dead_in_best):
        story = story_of(city)
        for party in range(0, 240, 4):  # all of East leaves, a third of West
            story.say(60, "party_left_zone", party, 0)
        for party in range(1, 240, 12):
            story.say(60, "party_left_zone", party, 1)
        for household in range(dead_in_best):
            story.say(900, "person_died", 4 * household * 3, 2)
        return score_run(city, story, context)

    results = [fairness(n) for n in (0, 1, 10, 60)]
    assert results[0]["fairness"] == pytest.approx(100 / 3)
    rates = [r["fairness"] for r in results]
    assert rates == sorted(rates, reverse=True)
    gaps = [m["by_group"]["grouping"]["municipality"] for r in results for m in r["metrics"]
            if m["name"] == "came_through_gap"]
    assert gaps[2] < gaps[0]  # a spread would have called it fairer
    scores = [r["score"] for r in results]
    assert scores == sorted(scores, reverse=True)


def test_score_of_the_empty_log_is_finite(city, context):
    score = score_run(city, EventLog(), context)
    assert score["ledger"]["people"]["at start inside danger zone"] == 18
    assert 0.0 < score["efficiency"] < 100.0
    assert score["fairness"] == 0.0
    json.dumps(score, allow_nan=False)


def test_score_has_the_published_form(city, context, story):
    story.say(0, "order_issued", 0, 0).say(60, "party_left_zone", 0, 0)
    score = score_run(city, story, context)
    assert list(score) == ["schema", "score", "efficiency", "fairness", "metrics", "ledger"]
    assert list(score["ledger"]) == ["people", "unfinished"]
    names = [m["name"] for m in score["metrics"]]
    assert len(set(names)) == len(names)
    for m in score["metrics"]:
        assert list(m) == ["name", "value", "unit", "better", "by_group"]
        assert m["better"] in ("lower", "higher")
    by_group = next(m for m in score["metrics"] if m["name"] == "came_through")["by_group"]
    assert set(by_group) == {"municipality", "age_group", "mobility", "car_access"}
    assert tuple(by_group["age_group"]) == AGE_GROUPS
    assert json.loads(json.dumps(score, allow_nan=False)) == score


def test_efficiency_parts_by_hand(city, context, story):
    # 9 of 18 out before the water, each after 1800 of 3600 s; 3 of 18 wet; 2 of 4 trapped freed;
    # one incident answered after a quarter of the time left, one never.
    for party in (0, 4, 8):
        story.say(1800, "party_left_zone", party, 0)
    story.say(2000, "zone_flooded", 0).say(2000, "party_in_water", 1)
    for person in (6, 7, 18, 19):
        story.say(0, "person_trapped", person, 2)
    story.say(50, "person_rescued", 6, 0).say(50, "person_rescued", 7, 0)
    story.say(1600, "incident_opened", 0, 2, 1).say(2100, "unit_arrived", 0, 0, 1)
    story.say(1600, "incident_opened", 1, 2, 1)
    score = score_run(city, story, context)
    parts = {m["name"]: m["value"] for m in score["metrics"] if m["name"].startswith("efficiency")}
    assert parts == pytest.approx({
        "efficiency_out_before_water": 0.5, "efficiency_time_out_of_danger": 0.25,
        "efficiency_dry": 15 / 18, "efficiency_severe_injuries": 1.0,
        "efficiency_response": (0.75 + 0) / 2, "efficiency_rescued_alive": 0.5,
    })
    assert score["efficiency"] == pytest.approx(100 * sum(parts.values()) / 6)


def test_context_that_does_not_fit_is_refused(city, story):
    with pytest.raises(InputError, match="danger_node has 3 rows, expected 4"):
        score_run(city, story, Context(1000, np.zeros(3, bool), np.zeros(3, np.int32)))
