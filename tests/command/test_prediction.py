"""The predicted wave: from reports only, later reports correct earlier ones."""

from __future__ import annotations

import math

import pytest

from engine.lead_time import wave_travel_s
from engine.run import Run


def test_travel_time_by_hand() -> None:
    """M8.3: 10^(-2.477 + 0.585 x 8.3) = 239 km, so 180 km from the epicentre leave 60.5 km."""
    assert wave_travel_s(180_000, 8.3) == pytest.approx(60_490 / math.sqrt(9.81 * 200), rel=2e-3)
    assert wave_travel_s(50_000, 8.3) == 0.0
    assert wave_travel_s(1_000_000, 8.0) > wave_travel_s(900_000, 8.0)


def test_predictions_of_a_run(runs: dict[str, Run]) -> None:
    """Intensity, then magnitude, then the gauge; each is caused by its report."""
    run = runs["historical"]
    events = run.events
    rows = events[events.kind == "arrival_predicted"]
    causes = events.kind.iloc[rows.cause].tolist()
    assert causes == ["intensity_reported", "magnitude_reported", "gauge_reported"]
    felt = events[events.kind == "intensity_reported"].t_ms.iloc[0] / 1000
    arrival_s = run.twin.plan.exclusion.arrival_s
    assert rows.value.iloc[0] == pytest.approx(felt + arrival_s)
    assert rows.value.iloc[1] >= arrival_s
    assert rows.value.iloc[2] <= rows.value.iloc[1]
    told = events[events.kind == "gauge_reported"].t_ms.iloc[0] / 1000
    assert rows.value.iloc[2] == pytest.approx(told)


def test_an_observation_from_outside_counts_as_the_gauge(run_with_inputs: Run) -> None:
    events = run_with_inputs.events
    rows = events[events.kind == "arrival_predicted"]
    assert rows.value.iloc[-1] == pytest.approx(400.0)
