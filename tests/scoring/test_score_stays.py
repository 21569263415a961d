"""Stays: time away without need, relief at the moment of the most, hours of volunteers; closed forms.

Household h has persons 3h to 3h + 2 and lives in building and zone h % 4; the run lasts an hour.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from engine.city import AGE_GROUPS
from engine.city_io import load_city
from engine.errors import InputError
from engine.events import CAUSES
from engine.scoring.columns import Rows
from engine.scoring.metrics import all_metrics
from engine.scoring.record import read
from engine.scoring.relief import WOMEN_TO_MEN, in_need, medicine_share
from engine.scoring.stays import at_once, latest, stays
from engine.women import CHILE, read_women

SHAKING, TSUNAMI = CAUSES.index("shaking"), CAUSES.index("tsunami")


@pytest.fixture
def measure(city, context):
    def run(log, **keys: Any) -> dict[str, Any]:
        other = dataclasses.replace(context, **keys)
        return {m["name"]: m for m in all_metrics(read(city, log, other))}

    return run


def test_stays_are_those_of_a_slow_twin():
    """Rows of ten subjects in any order: a state is begun, ended, begun again, and told twice."""
    rng = np.random.default_rng(5)
    n, end_ms = 400, 10_000
    rows = Rows(np.arange(n), np.sort(rng.integers(0, end_ms, n)), np.zeros(n, np.int64),
                rng.integers(0, 10, n), np.full(n, -1), np.zeros(n))
    begins = rng.random(n) < 0.5
    since: dict[int, int] = {}
    wanted = []
    last = np.full(n, -1)
    for row, (who, t, on) in enumerate(
        zip(rows.subject.tolist(), rows.t_ms.tolist(), begins.tolist(), strict=True)
    ):
        if on:
            since.setdefault(who, t)
        elif who in since:
            wanted.append((who, since.pop(who), t))
        before = [r for r in range(row + 1) if rows.subject[r] == who and begins[r]]
        last[row] = before[-1] if before else -1
    wanted += [(who, t, end_ms) for who, t in since.items()]
    found = stays(rows, begins, end_ms)
    assert sorted(zip(*(column.tolist() for column in found), strict=True)) == sorted(wanted)
    assert latest(rows, begins).tolist() == last.tolist()
    _, first, until = found
    times, number = at_once(first, until)
    for t, many in zip(times.tolist(), number.tolist(), strict=True):
        assert many == ((first <= t) & (t < until)).sum()


# --- away without need -------------------------------------------------------------------------


def test_who_goes_back_early_is_away_until_back_and_again_from_leaving_anew(story, measure):
    story.say(600, "party_departed", 0, 1, 1).say(900, "party_returning", 0, 25)
    story.say(1200, "party_returned", 0, 0, 300)  # 10 min away
    assert measure(story)["needless_evacuee_hours"]["value"] == pytest.approx(3 * 10 / 60)
    story.say(1800, "party_departed", 0, 1, 1)  # and again to the end, 30 min
    assert measure(story)["needless_evacuee_hours"]["value"] == pytest.approx(3 * 40 / 60)
    story.say(2400, "party_going_home", 0, 0).say(3000, "party_home", 0, 0, 600)  # 20 min instead
    m = measure(story)["needless_evacuee_hours"]
    assert m["value"] == pytest.approx(3 * 30 / 60)
    assert m["by_group"]["municipality"] == pytest.approx({"East": 1.5, "West": 0.0})


def test_a_second_departure_while_away_and_a_return_without_one_change_nothing(story, measure):
    story.say(300, "party_returned", 4, 0, 1).say(600, "party_departed", 0, 1, 1)
    story.say(900, "party_departed", 0, 1, 1).say(1200, "party_home", 0, 0, 1)
    assert measure(story)["needless_evacuee_hours"]["value"] == pytest.approx(3 * 10 / 60)


# --- relief ------------------------------------------------------------------------------------


def test_relief_is_for_the_moment_at_which_the_most_need_it(story, measure):
    story.say(300, "party_departed", 3, 1, 3).say(400, "party_arrived", 3, 1)  # meeting point
    story.say(300, "party_departed", 7, 1, 3).say(500, "party_arrived", 7, 1)
    story.say(300, "party_departed", 2, 1, 3).say(600, "party_arrived", 2, 2)  # shelter
    story.say(900, "party_going_home", 3, 0).say(900, "party_going_home", 7, 0)
    story.say(1000, "party_home", 3, 3).say(1000, "party_home", 7, 3)
    story.say(1500, "party_departed", 6, 1, 3).say(2000, "party_arrived", 6, 2)
    m = measure(story)
    assert m["relief_people"]["value"] == 9  # from 600 to 900 s
    assert m["relief_peak_after"]["value"] == 600
    assert m["relief_water"]["value"] == 9 * 15.0
    assert m["relief_people_at_end"]["value"] == 6
    assert m["relief_places"]["value"] == 6  # both parties in the shelter
    assert m["relief_places_peak_after"]["value"] == 2000
    assert m["relief_places_at_end"]["value"] == 6


def test_who_finds_no_place_at_a_meeting_point_needs_relief_beside_it_and_not_elsewhere(story, measure):
    story.say(300, "party_departed", 3, 1, 3).say(400, "party_no_place", 3, 1, 0)  # waits beside it ...
    story.say(400, "party_arrived", 3, -1).say(700, "party_arrived", 3, 1)  # ... and is let in
    story.say(300, "party_departed", 7, 1, 3).say(500, "party_no_place", 7, 1, 3)
    story.say(500, "party_arrived", 7, -1).say(1000, "party_returning", 7, 0)  # goes home from there
    story.say(300, "party_departed", 5, 1, 3).say(600, "party_no_place", 5, 1, 3)
    story.say(600, "party_rerouted", 5, -1).say(800, "party_arrived", 5, -1)  # goes on to high ground
    m = measure(story)
    assert m["relief_people"]["value"] == 6
    assert m["relief_peak_after"]["value"] == 500
    assert m["relief_people_at_end"]["value"] == 3
    assert m["relief_places"]["value"] == 0
    assert m["at_meeting_point"]["value"] == 3
    assert m["no_place_at_meeting_point"]["value"] == 9


def test_nobody_needs_relief_without_a_shelter_or_a_lost_home(story, measure):
    story.say(300, "party_departed", 3, 1, 3).say(400, "party_arrived", 3, -1)
    m = measure(story)
    assert m["relief_people"]["value"] == 0
    assert m["relief_peak_after"]["value"] is None
    assert m["relief_water"]["value"] == 0


def test_each_person_needs_relief_once_and_not_dead_in_hospital_trapped_or_in_water(
    story, city, context, measure
):
    # Household 2 (persons 6-8) in the shelter from 400 s; its building falls at 700 s, which also
    # houses households 6 and 10.
    story.say(300, "party_departed", 2, 1, 3).say(400, "party_arrived", 2, 2)
    story.say(450, "party_in_water", 2).say(500, "party_out_of_water", 2)
    story.say(700, "building_damaged", 2, -1, 4)
    story.say(700, "person_trapped", 18, 2).say(900, "person_died", 6, TSUNAMI)
    story.say(1000, "person_hurt", 7, SHAKING, 2).say(1200, "transport_started", 7, 0)
    story.say(1500, "person_rescued", 18, 1)
    story.say(1800, "person_admitted", 7, 0, 1)
    need, places = in_need(read(city, story, context))
    spans = sorted(zip(*(column.tolist() for column in need), strict=True))
    end = 3_600_000
    assert spans == sorted([
        *((p, 400_000, 450_000) for p in (6, 7, 8)), *((p, 500_000, 700_000) for p in (6, 7, 8)),
        (6, 700_000, 900_000), (7, 700_000, 1_200_000), (8, 700_000, end),
        (18, 1_500_000, end), *((p, 700_000, end) for p in (19, 20, 30, 31, 32)),
    ])
    assert spans == sorted(zip(*(column.tolist() for column in places), strict=True))
    m = measure(story)
    assert (m["relief_people"]["value"], m["relief_people_at_end"]["value"]) == (8, 7)


def test_relief_by_sex_is_expected_and_adds_up(story, city, context):
    story.say(300, "party_departed", 3, 1, 3).say(400, "party_arrived", 3, 2)
    story.say(300, "party_departed", 7, 1, 3).say(400, "party_arrived", 7, 2)
    told = dataclasses.replace(city, women=(0.5, 0.4, 0.5, 0.6, 0.5, 0.8))
    m = {x["name"]: x for x in all_metrics(read(told, story, context))}
    # Persons 9-11 and 21-23: one of each age group, but two of 30-59, 60-74 and 75+ (p % 6).
    count = np.bincount([p % 6 for p in (9, 10, 11, 21, 22, 23)], minlength=6)
    women = float((count * told.women).sum())
    for name, each in (("relief_people", 1.0), ("relief_water", 15.0), ("relief_places", 1.0)):
        assert m[name]["by_group"]["sex"] == pytest.approx({
            "women": each * women, "men": each * (6 - women)}), name
    drugs = m["relief_medicines"]
    share = np.array([medicine_share(i) for i in range(6)])
    assert drugs["value"] == pytest.approx((count * share).sum())
    assert sum(drugs["by_group"]["sex"].values()) == pytest.approx(drugs["value"])
    rate = {"women": drugs["by_group"]["sex"]["women"] / women,
            "men": drugs["by_group"]["sex"]["men"] / (6 - women)}
    assert rate["women"] > rate["men"]
    # In one age group of which half are women the ratio is that of the survey.
    half = dataclasses.replace(city, women=(0.5,) * 6)
    sex = {x["name"]: x for x in all_metrics(read(half, story, context))}["relief_medicines"]["by_group"]
    assert sex["sex"]["women"] / sex["sex"]["men"] == pytest.approx(WOMEN_TO_MEN)
    assert pytest.approx(1.43, abs=0.005) == WOMEN_TO_MEN


def test_a_city_that_does_not_know_its_women_tells_nothing_by_sex(story, measure):
    story.say(300, "party_departed", 3, 1, 3).say(400, "party_arrived", 3, 2)
    assert set(measure(story)["relief_people"]["by_group"]) == {"age_group"}


def test_medicines_are_named_for_what_is_counted(story, measure):
    assert measure(story)["relief_medicines"]["unit"] == "people on blood-pressure drugs"


def test_chile_s_women_fit_the_census_and_stand_in_the_built_cities():
    """51.5 % of the people of the census of 2024; of the city's own ages the region's 51.4 %."""
    town, city = load_city("testtown"), load_city("coquimbo")
    assert town.women == city.women == CHILE
    people = np.bincount(city.persons.age_group, minlength=len(AGE_GROUPS))
    assert (people * np.array(CHILE)).sum() / people.sum() == pytest.approx(0.514, abs=0.01)


@pytest.mark.parametrize(
    ("table", "part"),
    [({"0-4": 0.5}, "no share for the age group 5-14"), ({"0-5": 0.5}, "age group"),
     ({"0-4": 1.5}, "women.0-4 is 1.5"), ({"0-4": True}, "women.0-4 is True"), ([], "not a table")],
)
def test_wrong_shares_of_women_are_refused(table: Any, part: str) -> None:
    with pytest.raises(InputError, match=part):
        read_women(table, "city.toml")


# --- volunteers --------------------------------------------------------------------------------


def test_volunteer_hours_are_apart_from_staff_hours(story, measure):
    before = measure(story, leader_ms=900_000, leader_alone_ms=1_200_000)
    assert before["volunteer_hours"]["value"] == 0
    # Four teams of two for 15 min, two more to the end of the hour; three crews of a mission are staff.
    story.say(600, "doors_started", 1, -1, 4).say(1500, "doors_ended", 1, 0, 4)
    story.say(2700, "doors_started", 3, -1, 2).say(900, "doors_started", 2, 5, 3)
    # Six leaders for 15 min, two who began by themselves for 20, and four called late for the five minutes
    # before the wave.
    story.say(300, "arrival_predicted", 0, -1, 3000.0).say(310, "arrival_predicted", 0, -1, 2800.0)
    story.say(600, "leaders_called", 0, -1, 6)
    story.say(200, "leaders_started", 2, -1, 2).say(2500, "leaders_called", 3, -1, 4)
    m = measure(story, leader_ms=900_000, leader_alone_ms=1_200_000)
    assert m["volunteer_hours"]["by_group"]["volunteers"] == pytest.approx({
        "door-to-door teams": 2 * (4 * 0.25 + 2 * 0.25), "street leaders": 6 / 4 + 2 / 3 + 4 / 12})
    assert m["volunteer_hours"]["value"] == pytest.approx(5.5)
    assert m["staff_hours"]["value"] == before["staff_hours"]["value"] == 0
