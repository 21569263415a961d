"""What every component promises, checked over all of them, and what every event kind promises."""

from __future__ import annotations

import ast
import functools
import inspect
from pathlib import Path

import numpy as np
import pytest

from engine import record
from engine.component import Component, check_assembly
from engine.errors import RunError
from engine.events import KIND_CODE, KINDS
from engine.phases import PHASES
from engine.run import Run
from engine.world import BY_NAME, VARIABLES

NAMES = [phase.name for phase in PHASES]
#: Whether the last visitor is gone when officers leave hangs on the last bits of a crowd, and so on the
#: processor; the test shows officers who leave while people are still held.
SOMETIMES: dict[str, str] = {
    "crowd_let_go": "tests/hazards/test_crowds.py::test_everybody_goes_on_when_officers_leave",
}
#: Kinds that a small town's golden runs do not reach, with the test that does reach each.
ELSEWHERE: dict[str, str] = {
    "doors_held": "tests/people/test_visits.py::test_teams_are_not_sent_where_the_line_is_shut",
    "party_mode_changed": "tests/people/test_refuge.py::test_drivers_who_stand_too_long_leave_the_car",
    "shelter_held": "tests/command/test_shelters.py::test_without_its_staff_a_shelter_stays_shut",
    "unit_blocked": "tests/response/test_street_hazards.py"
        "::test_a_unit_meets_a_closure_nobody_reported_turns_and_tells",
    "unit_caught": "tests/response/test_street_hazards.py"
        "::test_deep_water_takes_a_vehicle_and_may_kill_its_crew",
    **{kind: "tests/response/test_on_foot.py"
        "::test_a_crew_cut_off_walks_to_safety_and_comes_back_after_the_all_clear"
        for kind in ("crew_on_foot", "crew_in_safety", "crew_walks_back", "crew_back")},
    "escort_back": "tests/mobility/test_escorts.py"
        "::test_a_relay_takes_the_way_out_and_back_and_the_time_to_get_ready",
    "crew_walks_to_scene": "tests/response/test_scene_on_foot.py"
        "::test_in_a_run_a_crew_walks_to_a_scene_and_brings_its_patient_to_hospital",
    "crew_caught": "tests/response/test_on_foot.py"
        "::test_the_water_may_take_a_crew_whose_walk_takes_too_long",
    "responders_died": "tests/response/test_street_hazards.py"
        "::test_deep_water_takes_a_vehicle_and_may_kill_its_crew",
}


def test_phases_fit_together() -> None:
    check_assembly(list(PHASES))
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("phase", PHASES, ids=NAMES)
def test_component_describes_itself(phase: type[Component]) -> None:
    assert phase.name
    assert phase.__doc__
    assert phase.__doc__ != Component.__doc__
    module = __import__(phase.__module__, fromlist=["x"])
    assert module.__doc__, f"{phase.__module__} has no docstring"
    for attribute in ("reads", "writes", "emits"):
        names = getattr(phase, attribute)
        assert len(set(names)) == len(names), f"{phase.name}.{attribute} lists a name twice"
    assert set(phase.reads) <= set(BY_NAME)
    assert set(phase.emits) <= set(KIND_CODE)
    for row in phase.card:
        assert row[4] in ("sourced", "assumption", "scenario"), row


@pytest.mark.parametrize("phase", PHASES, ids=NAMES)
def test_component_writes_all_of_its_own_and_nothing_else(phase: type[Component]) -> None:
    own = {v.name for v in VARIABLES if v.writer == phase.name}
    assert set(phase.writes) == own


@pytest.mark.parametrize("phase", PHASES, ids=NAMES)
def test_exogenous_component_reads_only_its_own(phase: type[Component]) -> None:
    """Its result must follow from City, scenario and seed alone (and other exogenous ones)."""
    if not phase.exogenous:
        return
    free = {name for other in PHASES if other.exogenous for name in other.writes}
    assert set(phase.reads) <= free


def test_every_variable_has_a_known_writer_and_a_meaning() -> None:
    for variable in VARIABLES:
        assert variable.writer in {*NAMES, "start"}, variable.name
        assert variable.meaning
    assert len(BY_NAME) == len(VARIABLES)


def loaded_names(path: Path) -> set[str]:
    """Attribute names that a file loads; `w.name[...] = x` only stores and does not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    stored = {
        id(node.value) for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)
    }
    return {
        node.attr for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and id(node) not in stored
    }


@functools.cache
def loaded_in_package(phase: type[Component]) -> set[str]:
    folder = Path(inspect.getfile(phase)).parent
    return set().union(*(loaded_names(path) for path in folder.glob("*.py")))


@pytest.mark.parametrize("phase", PHASES, ids=NAMES)
def test_declared_reads_are_used(phase: type[Component]) -> None:
    assert sorted(set(phase.reads) - loaded_in_package(phase)) == []


def test_every_variable_is_read() -> None:
    """A variable that nobody reads, its writer included, is work for nothing."""
    assert set(record.READS) <= set(BY_NAME)
    read = set(record.READS)
    for phase in PHASES:
        read |= {*phase.reads, *phase.writes} & loaded_in_package(phase)
    assert sorted(set(BY_NAME) - read) == []


def test_recorder_reads_what_it_lists(runs: dict[str, Run]) -> None:
    """Run the recorder on a World that holds its listed variables only."""
    twin = runs["historical"].twin
    touched: set[str] = set()
    data = twin.world.data

    class Watch:
        def __getattr__(self, name: str) -> np.ndarray:
            touched.add(name)
            return data[name]

    recorder = record.Recorder(twin.context)
    context = type("Context", (), {**vars(twin.context), "world": Watch()})()
    recorder.ctx = context
    recorder.step(0, twin.context.tick_ms)
    assert touched == set(record.READS)


def test_command_sees_only_what_was_sensed() -> None:
    """Hub and dispatch read reports, their own variables and their own units: never the truth."""
    allowed = {"instruments", "cameras", "calls", "hub", "dispatch", "units"}
    for phase in PHASES:
        if phase.__module__.startswith("engine.command"):
            own_units = {name for name in phase.reads if name.startswith("unit_")}
            writers = {n: BY_NAME[n].writer for n in phase.reads if n not in own_units}
            strange = {name: who for name, who in writers.items() if who not in allowed}
            assert not strange, phase.name


def test_two_writers_are_refused() -> None:
    class Second(PHASES[0]):  # type: ignore[misc,valid-type]
        name = "second"

    with pytest.raises(RunError, match=r"belongs to|two writers"):
        check_assembly([*PHASES, Second])


def test_undeclared_use_fails_at_once(runs: dict[str, Run]) -> None:
    component = next(c for c in runs["historical"].twin.components if c.name == "hub")
    with pytest.raises(AttributeError, match="gauge_level_m"):
        component.w.gauge_level_m  # noqa: B018
    with pytest.raises(ValueError, match="read-only"):
        component.w.seen_mmi[0] = 9.0
    with pytest.raises(RunError, match="does not declare"):
        component.emit("zone_shaken", 0, 0, cause=0)


# --- events ----------------------------------------------------------------------------------


@pytest.fixture(
    scope="module", params=["historical", "early-warning", "with inputs", "assisted", "match"])
def run(
    request: pytest.FixtureRequest, runs: dict[str, Run], run_with_inputs: Run, assisted_run: Run,
    match_runs: dict[str, Run],
) -> Run:
    others = {"with inputs": run_with_inputs, "assisted": assisted_run, "match": match_runs["cameras"]}
    return others[request.param] if request.param in others else runs[request.param]


def test_every_kind_has_an_emitter() -> None:
    emitted = {kind for phase in PHASES for kind in phase.emits}
    by_twin = {"run_started", "party_formed", "party_placed", "input_applied"}
    assert emitted | by_twin == set(KIND_CODE)
    assert not emitted & by_twin


def test_every_kind_occurs(
    runs: dict[str, Run], run_with_inputs: Run, quake_runs: dict[str, Run], assisted_run: Run,
    match_runs: dict[str, Run],
) -> None:
    """The golden runs show every kind, or the table names the test that does."""
    seen: set[str] = set()
    for run in (*runs.values(), run_with_inputs, *quake_runs.values(), assisted_run,
                *match_runs.values()):
        seen |= {KINDS[code].name for code in np.unique(run.codes.kind)}
    missing = set(KIND_CODE) - seen - set(SOMETIMES)
    assert missing == set(ELSEWHERE), sorted(missing ^ set(ELSEWHERE))


def test_causes(run: Run) -> None:
    codes = run.codes
    cause = codes.cause.to_numpy()
    rows = np.arange(len(codes))
    exogenous = np.array([kind.exogenous for kind in KINDS])[codes.kind]
    assert np.array_equal(codes.event, rows)
    assert ((cause >= 0) | exogenous).all()
    has = cause >= 0
    assert (cause[has] < rows[has]).all()
    t = codes.t_ms.to_numpy()
    assert (t[cause[has]] <= t[has]).all()
    assert (np.diff(t) >= 0).all()


def test_numbers_point_into_their_tables(run: Run) -> None:
    """Subjects and objects are rows of what their type says."""
    twin = run.twin
    city, site, parties = twin.city, twin.context.site, twin.context.parties
    from engine import events

    sizes = {
        "run": 1, "zone": city.zones.population.size, "building": city.buildings.x_m.size,
        "street": city.streets.length_m.size, "edge": city.edges.length_m.size,
        "node": city.nodes.x_m.size, "party": parties.count, "person": parties.of_person.size,
        "unit": site.units.kind.size, "facility": city.facilities.kind.size,
        "incident": int(twin.world.incident_count[0]), "channel": len(twin.plan.channels),
        "reason": len(events.REASONS), "cause": len(events.CAUSES), "mode": len(events.MODES),
        "control": site.control_node.size, "mission": site.missions.count,
        "gauge": site.gauge_x_m.size, "input": len(twin.inputs.rows),
        "phase": len(twin.plan.order.zones), "refuge": len(twin.plan.vertical_refuges),
        "venue": len(site.venues), "camera": site.camera_venue.size,
    }
    codes = run.codes
    for kind in KINDS:
        mine = codes[codes.kind == KIND_CODE[kind.name]]
        if kind.subject != "none":
            assert mine.subject.between(0, sizes[kind.subject] - 1).all(), kind.name
        if kind.object != "none":
            assert mine.object.between(-1, sizes[kind.object] - 1).all(), kind.name
        else:
            assert (mine.object == -1).all(), kind.name
        assert np.isfinite(mine.value).all(), kind.name


def test_times_lie_in_the_run(run: Run) -> None:
    assert run.codes.t_ms.between(0, run.twin.context.duration_ms).all()
