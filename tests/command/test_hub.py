"""The evacuation order: when it goes out, zone by zone."""

from __future__ import annotations

import numpy as np

from engine.city import City
from engine.events import KIND_CODE
from engine.plan import Plan
from engine.run import Run, open_session, simulate
from engine.scenario import Scenario, load_scenario

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


def test_what_is_not_ordered_by_the_all_clear_lapses(town: City) -> None:
    """Neither is a later area ordered to leave after it, nor a refuge opened."""
    scenario = load_scenario("testtown-tsunami")
    refuge = {"name": "Mill House", "lon": -70.99886, "lat": -29.99791, "water_m": 2.0, "open_s": 1200}
    plan = Plan.model_validate({
        "name": "late", "title": "Late", "vertical_refuges": [refuge],
        "order": {"trigger": {"at_s": 60}, "delay_s": 0, "zones": [
            {"name": "South", "below_m": 15, "municipality": "Southport"},
            {"name": "North", "below_m": 15, "municipality": "Northport", "offset_s": 1500}]},
        "destinations": {"high_ground_m": 20, "shelter_open_s": 7000}})
    for clear_s, phases, opened in ((None, {0, 1}, 1), (900.0, {0}, 0)):
        session = open_session(town, scenario, plan, 1)
        if clear_s is not None:
            session.submit({"t_s": clear_s, "kind": "decision", "what": "all_clear"})
        session.advance(1800.0)
        kind, what = (session.twin.log.column(name) for name in ("kind", "object"))
        assert set(what[kind == KIND_CODE["order_issued"]].tolist()) == phases
        assert (kind == KIND_CODE["refuge_opened"]).sum() == opened
