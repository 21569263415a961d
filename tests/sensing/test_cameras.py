"""Cameras at venues: numbers with their error, silence in an outage, and what they are worth."""

from __future__ import annotations

import numpy as np
import pytest

from engine.city import City
from engine.events import KIND_CODE
from engine.plan import load_plan
from engine.run import Run, open_session
from engine.scenario import Scenario, load_scenario
from engine.sensing.cameras import Cameras


@pytest.fixture(scope="module")
def match() -> Scenario:
    return load_scenario("testtown-match")


def value(run: Run, name: str) -> float | None:
    (row,) = [m for m in run.score["metrics"] if m["name"] == name]
    return row["value"]


def test_watched_cameras_notice_sooner_and_spare_people_the_press(match_runs: dict[str, Run]) -> None:
    watched, calls = match_runs["cameras"], match_runs["calls"]
    assert value(watched, "crowd_noticed") < value(calls, "crowd_noticed") - 60
    assert value(watched, "crowd_metered") < value(calls, "crowd_metered")
    assert 0 < value(watched, "crowd_pressed") < 0.8 * value(calls, "crowd_pressed")


def test_who_notices_is_a_camera_or_a_caller(match_runs: dict[str, Run]) -> None:
    for name, first in (("cameras", "camera_counted"), ("calls", "call_answered")):
        events = match_runs[name].events
        risk = events[events.kind == "crowd_crush_risk"].iloc[0]
        assert events.kind[risk.cause] == first


def test_counts_err_as_published(match_runs: dict[str, Run]) -> None:
    """The mean absolute error of counts is the scenario's share of the true number."""
    twin = match_runs["cameras"].twin
    camera = next(c for c in twin.components if isinstance(c, Cameras))
    counts, emitted = [], camera.emit
    camera.w.__dict__["camera_people"] = np.full(2, 1000)
    zones = np.ones(twin.world.zone_power_on.size, np.bool_)
    camera.w.__dict__["zone_power_on"] = camera.w.__dict__["zone_telecom_on"] = zones
    try:
        camera.emit = lambda kind, t, who, what, heads, cause: counts.append(heads) or [0]
        for number in range(4000):
            camera._count(0, 0, number, 0.086, 0)
    finally:
        camera.emit = emitted
    assert np.mean(np.abs(np.array(counts) - 1000.0)) == pytest.approx(86.0, rel=0.04)
    assert np.mean(counts) == pytest.approx(1000.0, abs=6.0)


@pytest.mark.parametrize("service", ["power", "telecom"])
def test_an_outage_silences_the_cameras(town: City, match: Scenario, service: str) -> None:
    """Nobody counts while the service is off in the venue's zone, and the silence is told once."""
    session = open_session(town, match, load_plan("cameras", match), 1)
    session.advance(200)
    session.submit({"t_s": 200, "kind": "inject", "what": "outage", "service": service,
                    "service_on": False})
    session.advance(420)
    log = session.twin.log.codes()
    counted = log.t_ms[log.kind == KIND_CODE["camera_counted"]]
    silent = log[(log.kind == KIND_CODE["camera_silent"]) & (log.t_ms > 200_000)]
    assert counted.max() <= 200_000
    assert sorted(silent.subject) == [0, 1]
    assert not (log.kind == KIND_CODE["crowd_crush_risk"]).any()


def test_officers_are_called_off_when_all_have_gone(match_runs: dict[str, Run]) -> None:
    """Also those who came too late to meter anybody: no police car is left at an empty venue."""
    for run in match_runs.values():
        events, world = run.events, run.twin.world
        assert (events.kind == "crowd_gone").any()
        assert (events.kind == "crowd_crush_over").sum() == (events.kind == "crowd_crush_risk").sum() > 0
        assert not (world.unit_control >= 0).any()
        assert not (world.unit_order_control >= 0).any()
        assert not world.venue_held.any()
