"""Shared fixtures: the test town, its scenario and plans, and finished runs of both plans."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Compiled kernels stay in their usual folder, so that a test session does not compile them anew:
# importing this module reads ANLAN_CACHE_DIR, and only afterwards is the sea's folder moved.
import engine.kernels._jit  # noqa: F401
from city_models.testtown import build_testtown
from engine import cli
from engine.city import City
from engine.plan import Plan, load_plan
from engine.run import Run, simulate
from engine.scenario import Scenario, load_scenario

#: The same examples in every run, and no verdict about how busy the machine is.
settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")

SCENARIO = "testtown-tsunami"
PLANS = ("historical", "early-warning")
Anlan = Callable[..., subprocess.CompletedProcess[str]]
#: The files that take longest, longest first. They are begun first, so that at the end no process
#: works on a long one while the others have nothing left to do.
LONGEST = (
    "test_no_dead_switches.py", "test_contract.py", "test_practitioners.py", "test_files.py",
    "test_cli.py", "test_counterflow.py", "test_crowd.py", "test_rimea.py", "test_demo.py",
    "test_chilean_plans.py", "test_sea_of_2015.py", "test_replay.py", "test_escorts.py",
    "test_pickups.py",
)
#: Files that look at the same finished runs of the fixtures below.
GOLDEN = {
    "test_contract.py", "test_causes.py", "test_run.py", "test_timeline.py", "test_crowds.py",
    "test_cameras.py", "test_bus_stops.py", "test_named_teams.py", "test_prediction.py",
    "test_score_of_runs.py",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; within a file as written."""
    rank = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `-n`, give each file, and the files of GOLDEN together, to one process: what its tests
    share is computed once."""
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::", 1)[0]
            return "golden" if file.rsplit("/", 1)[-1] in GOLDEN else file

    if config.getoption("dist") != "load":  # something else was asked for
        return None
    config.option.loadscopereorder = False  # in the order above, not by the number of tests
    return Together(config, log)


@pytest.fixture(scope="session", autouse=True)
def sea_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One folder of kept seas for the session, so that no test meets one from before."""
    folder = tmp_path_factory.mktemp("sea-cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANLAN_CACHE_DIR", str(folder))
        yield folder


@pytest.fixture(scope="session")
def child_environment(sea_cache: Path) -> dict[str, str]:
    """Environment for child processes: they share this session's compiled kernels and seas.

    `NUMBA_CACHE_DIR`, set by engine.kernels._jit on import, passes the compiled kernels on.
    """
    return {**os.environ, "ANLAN_CACHE_DIR": str(sea_cache), "COLUMNS": "200", "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def anlan(child_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Anlan:
    """Run a command in a folder of its own; no output may ever hold a traceback."""
    home = tmp_path_factory.mktemp("cli")

    def call(*arguments: Any, code: int = 0, cwd: Path = home) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "engine.cli", *map(str, arguments)], capture_output=True,
            text=True, env=child_environment, cwd=cwd, timeout=300,
        )
        assert "Traceback" not in done.stderr + done.stdout, done.stderr
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        return done

    return call


def in_process(*arguments: str, capsys: pytest.CaptureFixture[str],
               monkeypatch: pytest.MonkeyPatch) -> tuple[int, str, str]:
    """The same entry point without another process: quicker, for what is refused at once."""
    monkeypatch.setattr(sys, "argv", ["anlan", *arguments])
    code = 0
    try:
        cli.main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    out = capsys.readouterr()
    return code, out.out, out.err


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Anlan:
    """Like `anlan`, through the same entry point but in this process: quicker."""

    def call(
        *arguments: Any, code: int = 0, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        if cwd is not None:
            monkeypatch.chdir(cwd)
        words = [str(word) for word in arguments]
        got, out, err = in_process(*words, capsys=capsys, monkeypatch=monkeypatch)
        assert got == code, (arguments, out, err)
        return subprocess.CompletedProcess(words, got, out, err)

    return call


@pytest.fixture(scope="session")
def town() -> City:
    """The test town."""
    return build_testtown()


@pytest.fixture(scope="session")
def scenario() -> Scenario:
    """The test town's scenario."""
    return load_scenario(SCENARIO)


@pytest.fixture(scope="session")
def plans(scenario: Scenario) -> dict[str, Plan]:
    """The scenario's plans by name."""
    return {name: load_plan(name, scenario) for name in PLANS}


@pytest.fixture(scope="session")
def runs(town: City, scenario: Scenario, plans: dict[str, Plan]) -> dict[str, Run]:
    """Finished runs of both plans under seed 1."""
    return {name: simulate(town, scenario, plan, 1) for name, plan in plans.items()}


@pytest.fixture(scope="session")
def assisted_run(town: City, scenario: Scenario) -> Run:
    """Finished run of the plan that fetches those who cannot leave alone."""
    return simulate(town, scenario, load_plan("assisted", scenario), 1)


@pytest.fixture(scope="session")
def input_rows() -> list[dict[str, Any]]:
    """One input of every sort, each at a time when it matters."""
    return [
        {"t_s": 40.0, "kind": "decision", "what": "order"},
        {"t_s": 200.0, "kind": "inject", "what": "close_street", "lon": -70.9963, "lat": -29.9968},
        {"t_s": 300.0, "kind": "inject", "what": "outage", "service": "telecom", "service_on": False},
        {"t_s": 400.0, "kind": "observation", "what": "gauge", "level_m": 2.5},
        {"t_s": 600.0, "kind": "inject", "what": "outage", "service": "telecom", "service_on": True},
        {"t_s": 1500.0, "kind": "decision", "what": "all_clear"},
    ]


@pytest.fixture(scope="session")
def run_with_inputs(
    town: City, scenario: Scenario, plans: dict[str, Plan], input_rows: list[dict[str, Any]]
) -> Run:
    """A finished run of the historical plan with every sort of input."""
    return simulate(town, scenario, plans["historical"], 1, input_rows)


@pytest.fixture(scope="session")
def short(scenario: Scenario) -> Callable[..., Scenario]:
    """Function that returns the scenario with some of its keys replaced, checked as from a file."""

    def change(**keys: Any) -> Scenario:
        document = {**scenario.model_dump(exclude_unset=True), **keys}
        out = Scenario.model_validate(document)
        out._folder = scenario.folder
        return out

    return change


@pytest.fixture(scope="session")
def quake_runs(town: City) -> dict[str, Run]:
    """Finished runs of both plans of the test town's earthquake: hospital and shelter at their limits."""
    quake = load_scenario("testtown-quake")
    return {name: simulate(town, quake, load_plan(name, quake), 1) for name in quake.plans}


@pytest.fixture(scope="session")
def match_runs(town: City) -> dict[str, Run]:
    """Finished runs of both plans of the crowd at the station gate."""
    match = load_scenario("testtown-match")
    return {name: simulate(town, match, load_plan(name, match), 1) for name in match.plans}
