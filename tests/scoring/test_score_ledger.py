"""The ledger: known final states, and conservation over random logs."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.events import REASONS
from engine.scoring.context import NEVER
from engine.scoring.ledger import FIRST_UNFINISHED, STATES
from engine.scoring.record import read
from engine.scoring.score import score_run


def books(city, log, context):
    ledger = read(city, log, context).ledger
    return {k: n for k, n in ledger.people().items() if n}, ledger.unfinished()


def test_nothing_happened(city, context, story):
    people, unfinished = books(city, story, context)
    assert people == {"outside danger zone": 18, "at start inside danger zone": 18}
    assert unfinished == {"not ordered": 18}


def test_every_state_once(city, context, story):
    story.say(10, "person_died", 0, 1)  # household 0: 0 dead, 1 hospital, 2 ambulance
    story.say(10, "transport_started", 1, 0).say(20, "person_admitted", 1, 0, 1)
    story.say(10, "transport_started", 2, 0)
    story.say(10, "person_trapped", 3, 1)  # household 1: 3 trapped, 4 and 5 in the water
    story.say(30, "party_in_water", 1)
    for party in (2, 3, 4, 5, 6, 7, 8):
        story.say(40, "party_departed", party, 1, 0)
    story.say(50, "party_arrived", 4, -1).say(50, "party_arrived", 5, 1)
    story.say(50, "party_arrived", 3, 2).say(50, "party_arrived", 7, 0)
    story.say(60, "party_blocked", 8, 12, 0)
    story.say(60, "party_blocked", 2, 13, 2)
    story.say(60, "party_decided", 9, 1, 60)  # household 9 prepares
    people, unfinished = books(city, story, context)
    assert people == {
        "dead": 1, "in hospital": 1, "on the way to hospital": 1, "trapped": 1, "in water": 2,
        "safe on high ground": 3, "safe at meeting point": 3, "safe at shelter": 3,
        "safe elsewhere": 3, "stranded inside danger zone": 3, "stranded outside danger zone": 3,
        "on the way outside danger zone": 3, "preparing inside danger zone": 3,
        "outside danger zone": 6,
    }
    assert unfinished == {
        "on the way": 4, "trapped": 1, "in water": 2, REASONS[12]: 3, REASONS[13]: 3,
        "still preparing": 3,
    }


def test_whoever_goes_on_after_a_stop_is_not_stranded(city, context, story):
    story.say(10, "party_departed", 0, 2, 0).say(20, "party_blocked", 0, 13, 0)
    story.say(30, "party_mode_changed", 0, 1, 0)
    story.say(10, "party_departed", 4, 2, 0).say(20, "party_blocked", 4, 13, 0)
    story.say(30, "party_left_zone", 4, 0)
    people, _ = books(city, story, context)
    assert people["on the way inside danger zone"] == 3
    assert people["on the way outside danger zone"] == 3


def test_who_went_in_again_for_family_is_not_out_in_time(city, context, story):
    """Out at 20 s, in again for family or home at 30 s: out counts only after that, if at all."""
    for party in (0, 4, 8):
        story.say(20, "party_left_zone", party, 0)
        story.say(30, "pickup_set_out", party, 5, 100)
    story.say(60, "party_arrived", 4, -1)
    story.say(40, "party_in_water", 0)
    story.say(50, "person_died", 0, 2)
    for party in (1, 5):  # back home, one of them away again
        story.say(20, "party_left_zone", party, 1).say(25, "party_arrived", party, -1)
        story.say(30, "party_returning", party, 0)
    story.say(45, "party_arrived", 5, -1)
    story.say(50, "person_died", 3, 2).say(50, "person_died", 15, 2)
    record = read(city, story, context)
    out = record.people.out_ms
    assert (out[[0, 1, 2, 24]] >= NEVER).all()
    assert out[[12, 13]].tolist() == [60_000, 60_000]
    assert out[[4, 15]].tolist() == [20_000, 20_000]
    assert out[3] >= NEVER  # died back home
    assert not record.in_time[[0, 3, 24]].any()
    people = record.ledger.people()
    assert people["on the way inside danger zone"] == 3 + 2  # for family and home
    assert sum(people.values()) == 36


def test_rescued_people_rejoin_their_party(city, context, story):
    story.say(0, "person_trapped", 0, 0).say(90, "person_rescued", 0, 0)
    story.say(50, "party_departed", 0, 1, 0).say(80, "party_arrived", 0, 2)
    people, _ = books(city, story, context)
    assert people["safe at shelter"] == 3


_PERSON = ["person_hurt", "person_died", "person_trapped", "person_rescued", "person_treated",
           "transport_started", "person_admitted"]
_PARTY = ["party_alerted", "party_decided", "party_refused", "party_departed", "party_blocked",
          "party_left_zone", "party_arrived", "party_in_water", "party_out_of_water",
          "party_mode_changed", "party_rerouted"]
_ROW = st.one_of(
    st.tuples(st.sampled_from(_PERSON), st.integers(0, 35), st.integers(0, 2), st.integers(1, 3)),
    st.tuples(st.sampled_from(_PARTY), st.integers(0, 11), st.integers(-1, 2), st.integers(0, 3)),
    st.tuples(st.sampled_from(["order_issued", "zone_flooded"]), st.integers(0, 3), st.just(-1),
              st.just(0)),
)


@settings(max_examples=120, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(_ROW, max_size=60))
def test_ledger_adds_up_for_any_log(city, context, town, rows):
    story = town[1](city)
    for second, (kind, subject, object, value) in enumerate(rows):
        if kind in ("party_blocked", "party_refused", "person_died", "person_hurt"):
            object = max(object, 1)
        story.say(second, kind, subject, object, float(value))
    score = score_run(city, story, context)
    people, unfinished = score["ledger"]["people"], score["ledger"]["unfinished"]
    assert list(people) == list(STATES)
    assert sum(people.values()) == 36
    assert sum(unfinished.values()) == sum(people[s] for s in STATES[FIRST_UNFINISHED:])
    assert "none" not in unfinished
    died = {s for k, s, _, _ in rows if k == "person_died"}
    assert people["dead"] == len(died)
    metrics = {m["name"]: m["value"] for m in score["metrics"]}
    assert metrics["evacuated"] + metrics["non_evacuees"] == metrics["people_at_risk"]
    for name in ("score", "efficiency", "fairness"):
        assert 0.0 <= score[name] <= 100.0


@pytest.mark.parametrize("state", STATES[:FIRST_UNFINISHED])
def test_finished_states_carry_no_reason(city, context, story, state):
    story.say(5, "person_died", 0, 1).say(5, "party_arrived", 4, 2)
    ledger = read(city, story, context).ledger
    assert not ledger.reason[ledger.state == STATES.index(state)].any()


def test_without_terrain_nobody_is_on_high_ground(city, context, story):
    story.say(40, "party_departed", 4, 1, 0).say(50, "party_arrived", 4, -1)
    flat = dataclasses.replace(city, terrain=None)
    people, _ = books(flat, story, context)
    assert people["safe elsewhere"] == 3
    assert "safe on high ground" not in people


def test_whoever_is_taken_along_is_cut_off_no_more(city, context, story):
    """In bed with water at the door, then fetched: on the way, then where they are set down."""
    upstairs = REASONS.index("upstairs above water")
    for party in (0, 1):
        story.say(600, "party_sheltered", party, upstairs, 0.4)
    story.say(900, "party_boarded", 0, 0)
    found = books(city, story, context)[0]
    assert (found["cut off by water in a building"], found["on the way inside danger zone"]) == (3, 3)
    story.say(1200, "party_arrived", 0, 2)
    found = books(city, story, context)[0]
    assert (found["cut off by water in a building"], found["safe at shelter"]) == (3, 3)
    story.say(1500, "party_sheltered", 0, upstairs, 0.4)  # back home, and cut off again
    assert books(city, story, context)[0]["cut off by water in a building"] == 6
