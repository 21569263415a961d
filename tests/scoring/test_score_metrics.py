"""Every metric on a log small enough to work out by hand.

Households 0, 4, 8 live in zone 0, 1, 5, 9 in zone 1 (both in the danger zone), three people
each: 18 of 36 people are at risk. Person p belongs to household p // 3.
"""

from __future__ import annotations

import numpy as np
import pytest

from engine.events import CAUSES, reason
from engine.scoring.casualties import water_series
from engine.scoring.metrics import all_metrics
from engine.scoring.record import read

SHAKING, TSUNAMI = CAUSES.index("shaking"), CAUSES.index("tsunami")


@pytest.fixture
def measure(city, context):
    def run(log):
        return {m["name"]: m for m in all_metrics(read(city, log, context))}

    return run


def test_deaths_and_severe_injuries_do_not_overlap(story, measure):
    story.say(0, "person_hurt", 0, SHAKING, 3).say(50, "person_died", 0, SHAKING)
    story.say(0, "person_hurt", 1, SHAKING, 1).say(60, "person_hurt", 1, TSUNAMI, 2)
    story.say(0, "person_hurt", 2, SHAKING, 1)
    m = measure(story)
    assert m["deaths"]["value"] == 1
    assert m["deaths_shaking"]["value"] == 1
    assert m["deaths_tsunami"]["value"] == 0
    assert m["severe_injuries"]["value"] == 1
    assert m["severe_injuries"]["by_group"]["cause"]["tsunami"] == 1
    assert m["deaths"]["by_group"]["municipality"] == {"East": 1, "West": 0}
    assert m["deaths"]["by_group"]["car_access"] == {"no car": 1, "car": 0}
    assert m["deaths"]["by_group"]["mobility"]["assisted"] == 1


def test_water_counts_living_members_until_death(story, city, context, measure):
    # Three people for 10 min, but one dies after 4 min; another party stays in to the end.
    story.say(600, "party_in_water", 0).say(840, "person_died", 0, TSUNAMI)
    story.say(1200, "party_out_of_water", 0).say(3540, "party_in_water", 4)
    m = measure(story)
    assert m["people_in_water"]["value"] == 6
    assert m["people_in_water_max"]["value"] == 3
    assert m["time_in_water"]["value"] == pytest.approx(4 + 10 + 10 + 3 * 1)
    assert m["time_in_water"]["by_group"]["municipality"]["East"] == pytest.approx(27)
    times, level = water_series(read(city, story, context))
    assert times.tolist() == [600_000, 840_000, 1_200_000, 3_540_000, 3_600_000]
    assert level.tolist() == [3, 2, 0, 3, 0]


def test_water_leaves_out_the_time_trapped_and_the_ambulance(story, measure):
    story.say(0, "person_trapped", 0, 0).say(300, "party_in_water", 0)
    story.say(420, "person_rescued", 0, 0).say(480, "transport_started", 1, 0)
    story.say(600, "party_out_of_water", 0)
    # Person 0: 420-600, person 1: 300-480, person 2: 300-600.
    assert measure(story)["time_in_water"]["value"] == pytest.approx(3 + 3 + 5)


def test_two_stays_of_one_party_are_two_intervals(story, measure):
    story.say(60, "party_in_water", 0).say(120, "party_out_of_water", 0)
    story.say(180, "party_in_water", 0).say(240, "party_out_of_water", 0)
    assert measure(story)["time_in_water"]["value"] == pytest.approx(6)


def test_margin_is_first_water_less_last_person_out(story, measure):
    story.say(300, "party_left_zone", 0, 0).say(500, "party_left_zone", 4, 0)
    story.say(900, "zone_flooded", 0, value=0.1)
    m = measure(story)
    assert m["margin_worst_zone"]["value"] == 400
    assert m["margin_worst_zone"]["by_group"]["zone"] == {"z0": 400, "z1": None}
    assert m["margin_worst_zone"]["by_group"]["zone_without_margin"] == {"z1": "dry"}
    story.say(950, "zone_flooded", 1, value=0.1)
    assert measure(story)["margin_worst_zone"]["by_group"]["zone_without_margin"] == {
        "z1": "nobody left"
    }
    story.say(1000, "party_left_zone", 8, 0)  # too late: the margin turns negative
    m = measure(story)
    assert m["margin_worst_zone"]["value"] == -100
    assert m["out_before_water"]["value"] == 6 / 18


def test_clearance_counts_from_the_order_to_the_way_out(story, measure):
    story.say(100, "order_issued", 0, 0)
    for party, out in ((0, 400), (4, 50), (8, 1100)):
        story.say(out, "party_left_zone", party, 0)
    m = measure(story)
    assert m["people_ordered"]["value"] == 9  # zone 1 was never ordered
    assert m["share_cleared"]["value"] == 1.0
    # Nine people: 0, 0, 0 (out before the order), 300 x 3, 1000 x 3; ranks 5, 9, 9, 9.
    assert [m[f"clearance_t{p}"]["value"] for p in (50, 90, 95, 100)] == [300, 1000, 1000, 1000]


def test_clearance_percentile_on_the_unreached_is_null(story, measure):
    story.say(0, "order_issued", 0, 0)
    story.say(400, "party_left_zone", 0, 0).say(500, "party_left_zone", 4, 0)
    m = measure(story)
    assert m["share_cleared"]["value"] == 6 / 9
    assert m["clearance_t50"]["value"] == 500
    assert m["clearance_t90"]["value"] is None
    assert m["clearance_t50"]["by_group"]["municipality"] == {"East": 500, "West": None}


def test_whoever_is_trapped_does_not_leave_with_the_party(story, measure):
    story.say(0, "order_issued", 0, 0).say(0, "person_trapped", 0, 0)
    story.say(0, "person_trapped", 1, 0).say(400, "party_left_zone", 0, 0)
    story.say(900, "person_rescued", 1, 0)
    m = measure(story)
    assert m["share_cleared"]["value"] == 2 / 9
    assert m["non_evacuees"]["by_group"]["reason"]["trapped"] == 1


def test_non_evacuees_by_reason(story, measure):
    story.say(0, "order_issued", 0, 0)
    story.say(10, "party_alerted", 0, -1, 1).say(20, "party_decided", 0, 1, 60)
    story.say(10, "party_alerted", 4, -1, 1).say(20, "party_refused", 4, 4)
    story.say(10, "party_alerted", 8, -1, 0)  # felt the shaking only
    story.say(10, "party_decided", 1, 1, 60).say(30, "party_departed", 1, 1, 1)
    story.say(90, "party_blocked", 1, 8, 1)
    m = measure(story)["non_evacuees"]
    assert m["value"] == 18
    assert m["by_group"]["reason"] == {
        "still preparing": 3, "refused": 3, "not warned": 3, "no route": 3, "not ordered": 6
    }


def test_warning_ignores_felt_shaking_and_the_sight_of_water(story, measure):
    story.say(5, "party_alerted", 0, -1, 0).say(60, "party_alerted", 0, -1, 1)
    story.say(90, "party_alerted", 4, -1, 2).say(70, "party_alerted", 8, -1, 3)
    m = measure(story)
    assert m["share_warned"]["value"] == 6 / 18
    assert m["warning_p50"]["value"] is None
    assert m["warning_p50"]["by_group"]["municipality"]["East"] == 90


def test_affected_evacuated_and_sheltered_are_kept_apart(story, measure):
    story.say(0, "person_trapped", 6, 2)  # household 2, outside the danger zone
    story.say(300, "party_left_zone", 0, 0).say(400, "party_arrived", 0, 2)
    story.say(300, "party_departed", 3, 1, 3).say(400, "party_arrived", 3, 1)
    story.say(300, "party_left_zone", 4, 0).say(400, "party_arrived", 4, -1)
    m = {k: v["value"] for k, v in measure(story).items()}
    assert m["affected"] == 19
    assert m["evacuated"] == 6
    assert m["sheltered"] == 3
    assert m["at_meeting_point"] == 3
    assert m["in_safety"] == 9
    assert m["shadow_evacuees"] == 3
    assert m["non_evacuees"] == 12


def test_response_counts_help_that_never_came_as_infinite(story, measure):
    for number, opened in enumerate((10, 20, 30, 40)):
        story.say(opened, "incident_opened", number, number, 1)
        story.say(opened + 5, "call_made", number, number)
    for number in range(3):
        story.say(60, "call_answered", number, -1, 10)
    story.say(110, "unit_arrived", 0, 0, 50).say(100, "unit_arrived", 1, 0, 50)
    story.say(520, "unit_arrived", 0, 1, 50).say(200, "incident_closed", 2)
    story.say(99, "unit_arrived", 1, -1, 50)  # at a control point
    m = measure(story)
    assert m["incidents"]["value"] == 4
    assert m["incidents_unanswered"]["value"] == 2
    assert m["calls_unanswered"]["value"] == 1
    assert m["response_p50"]["value"] == 500  # waits 90, 500, never, never: rank 2
    assert m["response_p90"]["value"] is None
    assert m["response_p90"]["by_group"]["municipality"] == {"East": None, "West": None}
    assert m["incidents_unanswered"]["by_group"]["municipality"] == {"East": 1, "West": 1}


def test_incidents_no_unit_reached_are_told_apart_by_what_became_of_them(story, measure):
    """Of five without a unit two closed alive, one dead, one is open, one closed and open again."""
    for number in range(6):
        story.say(10, "incident_opened", number, 0, 1).say(20, "call_made", number, 0)
        story.say(30, "call_answered", number, -1, 10)
        story.say(40, "dispatch_held", number, reason("no way to scene"), 10)
    story.say(50, "incident_closed", 0, reason("went to hospital by themselves"), 40)
    story.say(50, "incident_closed", 1, reason("needs no help any more"), 40)
    story.say(50, "incident_closed", 2, reason("dead"), 40)
    story.say(50, "incident_closed", 4, reason("went to hospital by themselves"), 40)
    story.say(60, "incident_opened", 4, 0, 1)
    story.say(60, "unit_arrived", 0, 5, 20).say(70, "incident_closed", 5, reason("taken to hospital"), 60)
    m = measure(story)
    assert m["incidents_unanswered"]["value"] == 5
    assert m["incidents_not_needed"]["value"] == 2
    assert m["incidents_unanswered"]["by_group"]["outcome"] == {
        "no longer needed": 2, "died before a unit came": 1, "never reached": 2}
    assert m["incidents_unanswered"]["by_group"]["reason"] == {
        "went to hospital by themselves": 1, "needs no help any more": 1, "dead": 1, "no way to scene": 2}


def test_incident_without_opening_starts_with_its_call(story, measure):
    story.say(30, "call_made", 7, 1).say(90, "unit_arrived", 0, 7, 50)
    m = measure(story)
    assert m["response_p90"]["value"] == 60
    assert m["response_p90"]["by_group"]["municipality"] == {"East": None, "West": 60}


def test_rescued_alive_excludes_those_who_died_before(story, measure):
    for person in (0, 1, 2, 12):
        story.say(0, "person_trapped", person, 0)
    story.say(100, "person_rescued", 0, 0).say(500, "person_died", 0, 4)  # later: still rescued
    story.say(80, "person_died", 1, 3).say(100, "person_rescued", 1, 0)
    story.say(100, "person_rescued", 12, 0)
    m = measure(story)
    assert m["trapped"]["value"] == 4
    assert m["rescued_alive"]["value"] == 2
    assert m["rescued_alive_share"]["value"] == 0.5


def test_hospital_peak_over_capacity(story, measure):
    for person in range(4):
        story.say(100 + person, "person_admitted", person, 0, person + 1)
    story.say(102, "hospital_full", 0, -1, 2).say(103, "hospital_full", 0, -1, 2)
    m = measure(story)
    assert m["hospital_peak_over_capacity"]["value"] == 2
    assert m["hospital_peak_beds"]["by_group"]["facility"] == {"H": 4}
    assert m["hospital_full"]["value"] == 2


def test_a_crew_on_foot_works_on_when_the_water_takes_its_vehicle(story, measure):
    # Ambulance (2 people): walks to a scene, the vehicle is lost at 200 s, it is back there at 900 s.
    story.say(0, "unit_dispatched", 0, 0).say(100, "crew_walks_to_scene", 0, 0, 60)
    story.say(200, "unit_caught", 0).say(600, "crew_walks_back", 0).say(900, "crew_back", 0)
    # Police (3 people): walk out 0-300 s, the vehicle is lost at 50 s, and back there 1000-1300 s.
    story.say(0, "crew_on_foot", 1, 0, 300).say(50, "unit_caught", 1).say(300, "crew_in_safety", 1)
    story.say(1000, "crew_walks_back", 1).say(1300, "crew_back", 1)
    hours = measure(story)["staff_hours"]["by_group"]["unit_kind"]
    assert hours["ambulance"] == pytest.approx(2 * 900 / 3600)
    assert hours["police"] == pytest.approx(3 * 600 / 3600)


def test_a_crew_back_with_its_patient_works_on_until_it_is_free(story, measure):
    story.say(0, "unit_dispatched", 0, 0).say(100, "crew_walks_to_scene", 0, 0, 60)
    story.say(600, "crew_walks_back", 0).say(900, "crew_back", 0).say(2000, "unit_available", 0)
    hours = measure(story)["staff_hours"]["by_group"]["unit_kind"]
    assert hours["ambulance"] == pytest.approx(2 * 2000 / 3600)


def test_staff_hours_from_order_to_available(story, measure):
    # Ambulance (2 people): 0-1800 s with a second order in between, then 2700 s to the end.
    story.say(0, "unit_dispatched", 0, 0).say(60, "unit_departed", 0, 0)
    story.say(900, "unit_dispatched", 0, 1).say(1800, "unit_available", 0)
    story.say(1900, "unit_available", 0).say(2700, "unit_dispatched", 0, 1)
    story.say(1800, "control_staffed", 0, 1)  # police (3 people): 1800 s to the end
    m = measure(story)["staff_hours"]
    assert m["value"] == pytest.approx(2 * 0.75 + 3 * 0.5)
    assert m["by_group"]["unit_kind"] == pytest.approx({"ambulance": 1.5, "police": 1.5})


def test_the_stored_table_scores_like_the_log(story, measure):
    story.say(0, "order_issued", 0, 0).say(300, "party_left_zone", 0, 0)
    story.say(600, "zone_flooded", 0).say(700, "party_in_water", 4)
    assert measure(story) == measure(story.codes())


def test_groups_of_people_add_up_to_the_whole(story, measure):
    rng = np.arange(36)
    for person in rng[rng % 5 == 0]:
        story.say(10, "person_died", int(person), TSUNAMI)
    story.say(300, "party_left_zone", 9, 0)
    for m in measure(story).values():
        if m["unit"] != "people":
            continue
        for name, part in m["by_group"].items():
            assert sum(part.values()) == pytest.approx(m["value"], abs=1e-9), (m["name"], name)


# --- warning, home, lifelines, relief --------------------------------------------------------


def test_sent_is_not_received_is_not_believed(story, measure):
    story.say(30, "channel_started", 0, 0, 0.5).say(40, "channel_started", 1, 0, 0.5)
    story.say(60, "party_alerted", 0, -1, 1).say(90, "party_decided", 0, 1, 60)
    story.say(20, "party_decided", 4, 1, 60).say(70, "party_alerted", 4, -1, 2)
    story.say(80, "party_alerted", 8, -1, 1).say(85, "party_refused", 8, 4)
    story.say(50, "party_decided", 1, 1, 60)  # on the shaking, never warned
    m = {k: v for k, v in measure(story).items() if "warning" in k or k.startswith("share")}
    assert m["share_sent"]["value"] == 9 / 18
    assert m["share_warned"]["value"] == 9 / 18
    assert m["share_believed"]["value"] == 6 / 18
    assert m["warning_sent_p50"]["value"] == 30
    assert m["warning_p50"]["value"] == 80
    assert m["warning_believed_p50"]["value"] is None  # a third of the people only
    assert m["warning_believed_p50"]["by_group"]["municipality"]["East"] == 90
    assert m["warning_p90"]["value"] is None


def test_margin_p5_is_what_95_percent_kept(town, context):
    make_city, story_of = town
    city = make_city(households=240, size=1)  # 60 people in zone 0, P5 is the 3rd smallest
    story = story_of(city)
    for i, party in enumerate(range(0, 240, 4)):
        story.say(100 + i, "party_left_zone", party, 0)
    story.say(900, "zone_flooded", 0, value=0.1)
    m = {x["name"]: x for x in all_metrics(read(city, story, context))}
    assert m["margin_worst_zone"]["value"] == 900 - 159
    assert m["margin_p5_worst_zone"]["value"] == 900 - 157
    assert m["margin_p5_worst_zone"]["by_group"]["zone"] == {"z0": 743}


def test_displaced_people_lost_their_home_and_live(story, measure):
    story.say(5, "building_damaged", 0, -1, 2).say(5, "building_damaged", 1, -1, 3)
    story.say(9, "person_died", 3, SHAKING)
    m = measure(story)
    assert m["displaced"]["value"] == 8  # nine live in building 1, one of them died
    assert m["evacuated"]["value"] == 0
    assert m["relief_people"]["value"] == m["relief_places"]["value"] == 9  # for the first 9 s
    assert m["relief_people_at_end"]["value"] == m["relief_places_at_end"]["value"] == 8


def test_needless_hours_are_of_the_dry_and_unhurt(story, measure):
    story.say(600, "party_departed", 0, 1, 1)  # home zone 0 stays dry: three people, 50 min each
    story.say(600, "party_departed", 1, 1, 1).say(1200, "zone_flooded", 1, value=0.1)
    story.say(1800, "party_departed", 4, 1, 1).say(1900, "person_hurt", 12, TSUNAMI, 1)
    m = measure(story)["needless_evacuee_hours"]
    assert m["value"] == pytest.approx(3 * 50 / 60 + 2 * 30 / 60)
    assert m["by_group"]["municipality"] == pytest.approx({"East": m["value"], "West": 0.0})


def test_customer_hours_count_households_in_the_dark(story, measure):
    story.say(600, "power_lost", 0).say(1200, "power_restored", 0)  # three households, 10 min
    story.say(2400, "power_lost", 0).say(1800, "power_lost", 3)  # to the end: 20 and 30 min
    m = measure(story)["customer_hours_without_power"]
    assert m["value"] == pytest.approx(3 * 10 / 60 + 3 * 20 / 60 + 3 * 30 / 60)
    assert m["by_group"]["municipality"] == pytest.approx({"East": 1.5, "West": 1.5})


def test_relief_serves_each_person_once_and_by_age(story, measure):
    story.say(5, "building_damaged", 2, -1, 4)  # nine people displaced, three of them ...
    story.say(300, "party_departed", 2, 1, 3).say(400, "party_arrived", 2, 2)  # ... in a shelter
    story.say(300, "party_departed", 3, 1, 3).say(400, "party_arrived", 3, 1)  # meeting point
    story.say(300, "party_departed", 7, 1, 3).say(400, "party_arrived", 7, -1)  # high ground
    m = measure(story)
    assert m["relief_people"]["value"] == 12
    assert m["relief_places"]["value"] == 9
    assert m["relief_water"]["value"] == 12 * 15.0
    # Two people of each age group (person p has group p % 6) of households 2, 6, 10 and 3.
    by_age = m["relief_people"]["by_group"]["age_group"]
    assert sum(by_age.values()) == 12
    share = {"0-4": 0.0, "5-14": 0.0, "15-29": 0.0, "30-59": 0.6 * (0.0 * 5 + 0.249 * 10
             + 0.398 * 10 + 0.59 * 5) / 30, "60-74": 0.6 * (0.59 * 5 + 0.718 * 10) / 15,
             "75+": 0.6 * 0.718}
    wanted = {age: by_age[age] * share[age] for age in by_age}
    assert m["relief_medicines"]["by_group"]["age_group"] == pytest.approx(wanted)


def test_medicine_shares_agree_with_the_national_survey():
    """Over La Serena-Coquimbo's people of 15 and over the shares give about the 27.6 % with high
    blood pressure that the National Health Survey 2016-17 found in Chile."""
    from engine.city import AGE_GROUPS
    from engine.city_io import load_city
    from engine.scoring.relief import ON_DRUGS, medicine_share

    people = np.bincount(load_city("coquimbo").persons.age_group, minlength=len(AGE_GROUPS))
    shares = np.array([medicine_share(group) for group in range(len(AGE_GROUPS))]) / ON_DRUGS
    assert (people * shares).sum() / people[2:].sum() == pytest.approx(0.276, rel=0.15)
