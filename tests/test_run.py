"""A run is a function of its inputs: same digest however, wherever and in how many parts."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mesa
import numba
import pandas as pd
import pytest

from engine.city import City
from engine.errors import InputError
from engine.events import KIND_CODE, KINDS, chain
from engine.plan import Plan
from engine.record import KPIS
from engine.run import Run, open_session, simulate
from engine.scenario import Scenario
from engine.twin import Twin

# Drawn once from 0 to 3000 s; the run is cut there, kept, and gone on with from the copy.
SNAPSHOT_TIMES_S = (0, 31, 187, 402, 610, 1047, 1502, 1999, 2310, 2640)

DIGEST_SCRIPT = """
import engine
from city_models.testtown import build_testtown
scenario = engine.load_scenario("testtown-tsunami", ["duration_s=3000"])
plan = engine.load_plan("early-warning", scenario)
print(engine.simulate(build_testtown(), scenario, plan, 1).digest)
"""


def test_same_seed_same_digest(
    town: City, scenario: Scenario, plans: dict[str, Plan], runs: dict[str, Run]
) -> None:
    again = simulate(town, scenario, plans["early-warning"], 1)
    assert again.digest == runs["early-warning"].digest
    pd.testing.assert_frame_equal(again.codes, runs["early-warning"].codes)
    pd.testing.assert_frame_equal(again.kpis, runs["early-warning"].kpis)
    assert again.score == runs["early-warning"].score


def test_other_seed_and_other_plan_other_digest(
    town: City, scenario: Scenario, plans: dict[str, Plan], runs: dict[str, Run]
) -> None:
    other = simulate(town, scenario, plans["historical"], 2)
    digests = {other.digest, runs["historical"].digest, runs["early-warning"].digest}
    assert len(digests) == 3


def test_city_by_name_is_the_built_one(runs: dict[str, Run]) -> None:
    named = simulate("testtown", "testtown-tsunami", "historical", 1)
    assert named.digest == runs["historical"].digest


def test_a_run_that_is_let_go_leaves_memory(town: City, plans: dict[str, Plan]) -> None:
    """Mesa would keep each model, and with it the World, for as long as a study lasts."""
    run = simulate(town, "testtown-tsunami", plans["historical"], 1)
    twin, world = weakref.ref(run.twin), weakref.ref(run.twin.context.world)
    del run
    gc.collect()
    assert twin() is None
    assert world() is None


def test_number_of_threads_does_not_matter(
    town: City, short: Callable[..., Scenario], plans: dict[str, Plan], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One and two threads, each with a sea of its own making."""
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("this machine gives numba one thread only")
    brief = short(duration_s=2400.0)
    before = numba.get_num_threads()
    digests = []
    try:
        for threads in (1, 2):
            monkeypatch.setenv("ANLAN_CACHE_DIR", str(tmp_path / str(threads)))
            numba.set_num_threads(threads)
            run = simulate(town, brief, plans["early-warning"], 1)
            assert (run.codes.kind == KIND_CODE["zone_flooded"]).any()  # the sea took part
            digests.append(run.digest)
    finally:
        numba.set_num_threads(before)
    assert digests[0] == digests[1]


@pytest.fixture(scope="module")
def halves(
    town: City, short: Callable[..., Scenario], plans: dict[str, Plan]
) -> dict[str, Run]:
    """Both plans up to 3000 s: order, flight, first and second wave, rescue."""
    brief = short(duration_s=3000.0)
    out = {name: simulate(town, brief, plan, 1) for name, plan in plans.items()}
    for run in out.values():
        kinds = {KINDS[code].name for code in run.codes.kind.unique()}
        assert {"zone_flooded", "unit_arrived", "party_arrived", "person_swept"} <= kinds
    return out


def test_other_process_same_digest(
    halves: dict[str, Run], child_environment: dict[str, str]
) -> None:
    """Another process, one thread, and another order of sets keyed by strings."""
    done = subprocess.run(
        [sys.executable, "-c", DIGEST_SCRIPT], capture_output=True, text=True, check=True,
        env={**child_environment, "PYTHONHASHSEED": "12345", "NUMBA_NUM_THREADS": "1"},
    )
    assert done.stdout.strip() == halves["early-warning"].digest


def test_kept_sea_gives_the_digest_of_a_fresh_one(
    town: City, short: Callable[..., Scenario], plans: dict[str, Plan], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    brief = short(duration_s=1800.0)

    def digest() -> str:
        run = simulate(town, brief, plans["historical"], 1)
        assert (run.codes.kind == KIND_CODE["zone_flooded"]).any()
        return run.digest

    monkeypatch.setenv("ANLAN_CACHE_DIR", str(tmp_path))
    fresh = digest()
    (sea,) = (tmp_path / "sea").iterdir()
    stamp = (sea / "meta.json").stat().st_mtime_ns
    assert digest() == fresh
    assert (sea / "meta.json").stat().st_mtime_ns == stamp  # it was read, not computed again
    (sea / "depth_mm.npy").write_bytes(b"")
    assert digest() == fresh, "a damaged copy must be noticed and replaced"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ANLAN_CACHE_DIR", str(tmp_path / "file"))
    assert digest() == fresh, "where nothing can be kept the run goes on without a copy"


@pytest.mark.parametrize("plan", ["historical", "early-warning"])
def test_restored_from_a_snapshot_goes_on_the_same(
    plan: str, town: City, short: Callable[..., Scenario], plans: dict[str, Plan],
    halves: dict[str, Run],
) -> None:
    whole = halves[plan]
    session = open_session(town, short(duration_s=3000.0), plans[plan], 1)
    mine = SNAPSHOT_TIMES_S[::2] if plan == "historical" else SNAPSHOT_TIMES_S[1::2]
    for t_s in mine:
        session.advance(t_s)
        snapshot = session.snapshot()
        run = session.restore(snapshot).finish()
        assert run.digest == whole.digest, f"restored at {t_s} s"
        pd.testing.assert_frame_equal(run.kpis, whole.kpis)
        assert run.score == whole.score
    assert session.finish().digest == whole.digest  # taking snapshots changed nothing


def test_restored_again_and_again(
    town: City, short: Callable[..., Scenario], plans: dict[str, Plan], halves: dict[str, Run]
) -> None:
    session = open_session(town, short(duration_s=3000.0), plans["early-warning"], 1)
    for t_s in SNAPSHOT_TIMES_S:
        session.advance(t_s)
        session = session.restore(session.snapshot())
    assert session.finish().digest == halves["early-warning"].digest


def test_branch_is_independent(
    town: City, scenario: Scenario, plans: dict[str, Plan], runs: dict[str, Run]
) -> None:
    parent = open_session(town, scenario, plans["historical"], 1)
    parent.advance(100.0)
    child = parent.branch()
    child.submit({"t_s": 110.0, "kind": "decision", "what": "order"})
    child.advance(1200.0)
    assert parent.now_s == 100.0
    other = child.finish()
    assert other.digest != runs["historical"].digest
    assert parent.finish().digest == runs["historical"].digest
    assert not parent.twin.inputs.rows
    # The common past is common.
    past = runs["historical"].codes.query("t_ms < 100_000")
    pd.testing.assert_frame_equal(other.codes.iloc[: len(past)], past)


# --- inputs ----------------------------------------------------------------------------------

INPUTS: dict[str, tuple[dict[str, Any], str, str]] = {
    # name: row, plan, kind of an effect
    "order": ({"t_s": 40.0, "kind": "decision", "what": "order"}, "historical", "order_decided"),
    "all_clear": (
        {"t_s": 1300.0, "kind": "decision", "what": "all_clear"}, "historical", "all_clear"),
    "close_street": (
        {"t_s": 100.0, "kind": "inject", "what": "close_street", "lon": -70.9955, "lat": -29.9968},
        "historical", "street_closed"),
    "outage of power": (
        {"t_s": 30.0, "kind": "inject", "what": "outage", "service": "power", "service_on": False},
        "historical", "power_lost"),
    "outage of telecom": (
        {"t_s": 30.0, "kind": "inject", "what": "outage", "service": "telecom", "service_on": False},
        "historical", "telecom_lost"),
    "end of an outage": (
        {"t_s": 130.0, "kind": "inject", "what": "outage", "service": "power", "service_on": True},
        "historical", "power_restored"),
    "gauge": (
        {"t_s": 20.0, "kind": "observation", "what": "gauge", "level_m": -1.5},
        "early-warning", "gauge_reported"),
}


@pytest.fixture(scope="module")
def without_inputs(
    town: City, short: Callable[..., Scenario], plans: dict[str, Plan]
) -> dict[str, Run]:
    brief = short(duration_s=1500.0)
    return {name: simulate(town, brief, plan, 1) for name, plan in plans.items()}


@pytest.mark.parametrize("name", INPUTS)
def test_input_has_an_effect_with_itself_as_origin(
    name: str, town: City, plans: dict[str, Plan], without_inputs: dict[str, Run]
) -> None:
    row, plan, effect = INPUTS[name]
    base = without_inputs[plan]
    run = simulate(town, base.twin.scenario, plans[plan], 1, [row])
    assert run.digest != base.digest
    events = run.events
    (applied,) = events.index[events.kind == "input_applied"]
    assert events.t_ms[applied] == row["t_s"] * 1000
    effects = events.index[(events.kind == effect) & (events.cause == applied)]
    assert effects.size, f"no {effect} was caused by the input"
    assert chain(run.codes, int(effects[0])) == [effects[0], applied]
    # More came of it than the input's row alone: other consequences than its own two kinds of row.
    without = base.codes.drop(columns=["event", "cause"])
    rest = run.codes.drop(columns=["event", "cause"])
    changed = pd.concat([without, rest]).drop_duplicates(keep=False)
    assert len(changed) >= 2


def test_order_by_hand_moves_people_earlier(
    town: City, short: Callable[..., Scenario], plans: dict[str, Plan]
) -> None:
    brief = short(duration_s=900.0)
    base = simulate(town, brief, plans["historical"], 1)
    run = simulate(town, brief, plans["historical"], 1, [INPUTS["order"][0]])
    ordered = [int(r.events.t_ms[r.events.kind == "order_issued"].min()) for r in (run, base)]
    assert ordered[0] == 40_000 + 30_000  # a person's order waits for no confirmation
    assert ordered[0] < ordered[1]
    left = [(r.events.kind == "party_departed").sum() for r in (run, base)]
    assert left[0] > left[1]


def test_observation_reaches_only_what_is_seen(
    town: City, short: Callable[..., Scenario], plans: dict[str, Plan]
) -> None:
    row = {"t_s": 100.0, "kind": "observation", "what": "gauge", "level_m": 9.0}
    session = open_session(town, short(duration_s=300.0), plans["historical"], 1, [row])
    session.advance(109.0)
    assert session.twin.world.seen_gauge_m[0] == 9.0
    assert abs(session.twin.world.gauge_level_m[0]) < 0.1


def test_inputs_at_once_equal_inputs_on_the_way(
    town: City, scenario: Scenario, plans: dict[str, Plan], run_with_inputs: Run,
    input_rows: list[dict[str, Any]],
) -> None:
    session = open_session(town, scenario, plans["historical"], 1)
    for row in input_rows:
        session.advance(row["t_s"] - 25.0)
        session.submit(row)
    run = session.finish()
    assert run.digest == run_with_inputs.digest
    assert (run.events.kind == "input_applied").sum() == len(input_rows)
    assert run.twin.inputs.rows == input_rows


def test_waiting_inputs_survive_a_snapshot(
    town: City, scenario: Scenario, plans: dict[str, Plan], run_with_inputs: Run,
    input_rows: list[dict[str, Any]],
) -> None:
    session = open_session(town, scenario, plans["historical"], 1, input_rows)
    session.advance(250.0)
    assert session.branch().finish().digest == run_with_inputs.digest


def test_input_in_the_past_is_refused(
    town: City, short: Callable[..., Scenario], plans: dict[str, Plan]
) -> None:
    session = open_session(town, short(duration_s=600.0), plans["historical"], 1)
    session.advance(300.0)
    with pytest.raises(InputError, match=r"t_s is 299\.0.*300"):
        session.submit({"t_s": 299.0, "kind": "decision", "what": "order"})
    assert not session.twin.inputs.rows
    session.submit({"t_s": 300.0, "kind": "decision", "what": "order"})  # now is not the past
    run = session.finish()
    assert (run.events.kind == "order_decided").sum() == 1


def test_advance_stops_at_the_end_and_never_goes_back(
    town: City, short: Callable[..., Scenario], plans: dict[str, Plan]
) -> None:
    session = open_session(town, short(duration_s=120.0), plans["historical"], 1)
    session.advance(1e6)
    assert session.now_s == 120.0
    session.advance(10.0)
    assert session.now_s == 120.0


# --- Mesa ------------------------------------------------------------------------------------


def test_mesa_steps_give_the_log_of_simulate(
    town: City, short: Callable[..., Scenario], plans: dict[str, Plan]
) -> None:
    brief = short(duration_s=900.0)
    model = Twin(town, brief, plans["early-warning"], 1)
    steps = 0
    while model.running:
        model.step()
        steps += 1
    run = simulate(town, brief, plans["early-warning"], 1)
    assert steps == 15
    assert model.log.digest() == run.digest
    table = model.datacollector.get_model_vars_dataframe()
    assert list(table.columns) == list(KPIS)
    assert len(table) == steps
    # Row n of Mesa's table is taken after minute n + 1 has run: it shows the recorder's row n.
    for name in KPIS:
        pd.testing.assert_series_equal(
            table[name].astype(float), run.kpis[name][:steps].astype(float),
            check_names=False, check_index=False,
        )


def test_mesa_agents_show_the_world(
    town: City, short: Callable[..., Scenario], plans: dict[str, Plan]
) -> None:
    model = Twin(town, short(duration_s=900.0), plans["early-warning"], 1)
    for _ in range(15):
        model.step()
    kinds = {type(agent).__name__ for agent in model.agents}
    assert {"Unit", "Hospital", "Shelter", "Department"} <= kinds
    units = model.agents.select(lambda a: type(a).__name__ == "Unit")
    assert len(units) == model.context.site.units.kind.size
    busy = units.select(lambda a: a.phase not in ("available", "off"))
    assert len(busy) == model.recorder.latest("units_busy") or len(busy) > 0


def test_mesa_batch_run(town: City, short: Callable[..., Scenario], plans: dict[str, Plan]) -> None:
    brief = short(duration_s=600.0)
    rows = mesa.batch_run(
        Twin,
        parameters={"city": [town], "scenario": [brief], "plan": [plans["historical"]],
                    "seed": [1, 2]},
        number_processes=1, max_steps=10, data_collection_period=-1, display_progress=False,
    )
    assert [row["seed"] for row in rows] == [1, 2]
    for row in rows:
        run = simulate(town, brief, plans["historical"], row["seed"])
        assert row["people_at_risk"] == run.kpis.people_at_risk.iloc[-1]
        assert row["people_on_the_way"] == run.kpis.people_on_the_way.iloc[-1]
