"""The evacuation order: when it goes out, zone by zone."""

from __future__ import annotations

import numpy as np

from engine.city import City
from engine.events import KIND_CODE
from engine.plan import Plan
from engine.run import Run, simulate
from engine.scenario import Scenario

OFFSET_S = 900
DURATION_S = 7200


def run_with_offset(town: City, offset_s: int) -> Run:
    """An order at a fixed time as the only cue: nothing shakes, nothing floods, nobody is told
    by neighbours."""
    scenario = Scenario(
        name="phased", title="Phased order", city="testtown", start_utc="2024-03-06T05:00:00Z",
        duration_s=DURATION_S, danger_zone=[{"below_m": 15.0}], plans=["phased"],
        behaviour={"neighbour_rate_pmin": 0.0},
    )
    plan = Plan(
        name="phased", title="Phased order",
        order={"trigger": {"at_s": 60.0}, "delay_s": 30.0,
               "zones": [{"name": "low", "below_m": 15.0, "offset_s": offset_s}]},
        channels=[{"kind": "siren", "start_s": 10.0, "repeat_s": 300.0}],
        destinations={"high_ground_m": 20.0, "shelters": False},
    )
    return simulate(town, scenario, plan, 1)


def departures(run: Run) -> dict[int, int]:
    """Time in ms of the first departure of every party that left; some come back and leave again."""
    rows = run.codes[run.codes.kind == KIND_CODE["party_departed"]].drop_duplicates("subject")
    return dict(zip(rows.subject.tolist(), rows.t_ms.tolist(), strict=True))


def test_a_phase_shifts_every_departure_and_loses_none(town: City) -> None:
    """A zone's offset shifts its curve of departures as a whole; nobody leaves more or less often."""
    at_once, later = (run_with_offset(town, offset) for offset in (0, OFFSET_S))
    orders = [
        run.codes[run.codes.kind == KIND_CODE["order_issued"]].t_ms.to_numpy()
        for run in (at_once, later)
    ]
    assert np.all(orders[0] == 90_000)
    assert np.all(orders[1] == 90_000 + OFFSET_S * 1000)
    first, second = departures(at_once), departures(later)
    cut = (DURATION_S - OFFSET_S) * 1000
    in_time = {party: t for party, t in first.items() if t < cut}
    assert len(in_time) > 100
    assert second == {party: t + OFFSET_S * 1000 for party, t in in_time.items()}
