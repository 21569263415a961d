"""Answers to why: chains of causes and the table of responses."""

from __future__ import annotations

import math

import pytest

from engine.events import REASONS, EventLog, reason
from engine.scoring.causes import response_table, why


def test_why_walks_up_to_the_origin():
    log = EventLog()
    quake = log.add("earthquake", 0, 0, value=8.4)
    shaken = log.add("zone_shaken", 12_000, 3, value=0.31, cause=quake)
    log.add("power_lost", 12_000, 2, cause=shaken)
    alerted = log.add("party_alerted", 15_000, 41, value=0, cause=shaken)
    left = log.add("party_departed", 3_725_000, 41, 1, 77, cause=alerted)
    arrived = log.add("party_arrived", 4_000_000, 41, -1, 275, cause=left)
    assert why(log.codes(), arrived) == [
        "1:06:40 party 41 arrived, high ground (275 s)",
        "1:02:05 party 41 departed, foot (node 77)",
        "0:00:15 party 41 alerted, felt",
        "0:00:12 zone 3 shaken (0.31 g)",
        "0:00:00 earthquake (8.4 Mw)",
    ]
    with pytest.raises(IndexError, match="event 9 is not in the log of 6 rows"):
        why(log.codes(), 9)


def test_names_can_be_given():
    log = EventLog()
    log.add("earthquake", 0, 0, value=8.4)
    log.add("zone_flooded", 60_000, 1, value=0.2, cause=0)
    line = why(log.codes(), 1, lambda entity, n: "La Herradura" if entity == "zone" else "")[0]
    assert line == "0:01:00 La Herradura zone flooded (0.2 m)"


def test_response_table(story):
    for number in range(4):
        story.say(10, "incident_opened", number, 0, 1)
    for number in range(3):
        story.say(30, "call_made", number, 0)
    story.say(40, "call_answered", 0, -1, 10).say(45, "call_answered", 1, -1, 15)
    story.say(50, "unit_dispatched", 7, 0, 200).say(110, "unit_departed", 7, 0)
    story.say(400, "unit_delayed", 7, reason("road blocked by debris"), 90)
    story.say(410, "unit_arrived", 7, 0, 300)
    story.say(450, "unit_dispatched", 7, 1, 99).say(600, "unit_delayed", 7, reason("traffic"), 61)
    story.say(610, "unit_turned_back", 7, reason("scene inside exclusion zone"))
    table = response_table(story.codes()).set_index("incident")
    first = table.loc[0]
    assert first[["opened_s", "call_s", "answered_s", "dispatched_s", "departed_s", "arrived_s",
                  "response_s", "delay_s"]].tolist() == [10, 30, 40, 50, 110, 410, 400, 90]
    assert first["unit"] == 7
    assert first["reason"] == "road blocked by debris"
    assert table.loc[1, "reason"] == "scene inside exclusion zone"
    assert math.isnan(table.loc[1, "arrived_s"])
    assert table.loc[2, "reason"] == "queue at call centre"
    assert table.loc[3, "reason"] == "nobody called"
    assert table.loc[[2, 3], "unit"].tolist() == [-1, -1]
    assert set(table["reason"]) <= set(REASONS)


def test_why_nobody_came_is_the_last_reason_of_each(story):
    """What command gave last counts, an order after it means that the unit was still on its way."""
    for number in range(6):
        story.say(10, "incident_opened", number, 0, 1)
    story.say(20, "call_delayed", 5, reason("no telephone service"), 900)
    for number in range(5):
        story.say(30, "call_made", number, 0).say(40, "call_answered", number, -1, 10)
    for number in range(3):
        story.say(50, "dispatch_held", number, reason("scene inside exclusion zone"), 10)
    story.say(60, "dispatch_held", 1, reason("no unit free"), 20)
    story.say(70, "unit_dispatched", 7, 2, 99)
    story.say(80, "unit_dispatched", 8, 3, 99).say(90, "unit_turned_back", 8, reason("no way to scene"))
    story.say(95, "incident_closed", 4, -1, 55)
    table = response_table(story.codes()).set_index("incident")
    assert table["reason"].tolist() == [
        "scene inside exclusion zone", "no unit free", "on the way", "no way to scene",
        "gone already", "no telephone service"]


def test_the_first_of_two_units_counts(story):
    story.say(0, "incident_opened", 0, 0, 1)
    for unit, at in ((1, 5), (2, 6)):
        story.say(at, "unit_dispatched", unit, 0, 60)
    story.say(90, "unit_arrived", 2, 0, 84).say(95, "unit_arrived", 1, 0, 90)
    row = response_table(story.codes()).iloc[0]
    assert (row["unit"], row["dispatched_s"], row["arrived_s"]) == (2, 6, 90)


def test_response_table_of_the_empty_log():
    assert response_table(EventLog().codes()).empty
