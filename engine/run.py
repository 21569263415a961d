"""The spine: a run is f(city, scenario, plan, seed, inputs).

    session = open_session(city, scenario, plan, seed=1)
    session.advance(3600.0)            # every phase of engine/phases.py, tick by tick
    run = session.finish()             # event log -> score

`simulate` is that, run to the end. Drills and live feeds are a session with inputs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from engine import runfolder
from engine.city import City
from engine.errors import InputError
from engine.events import chain, named
from engine.inputs import check_input
from engine.ledger import check_conservation
from engine.plan import Plan, load_plan
from engine.scenario import Scenario, load_scenario
from engine.twin import Snapshot, Twin

Progress = Callable[[float], None]  # share done, 0..1


class Session:
    """A run in progress: advance it, submit inputs, take snapshots, branch."""

    def __init__(self, twin: Twin, clock_s: float = 0.0) -> None:
        self.twin = twin
        self._wall_s = clock_s

    @property
    def now_s(self) -> float:
        """Seconds since the scenario's start."""
        return float(self.twin.env.now) / 1000.0

    def advance(self, until: float) -> None:
        """Run to `until` seconds, rounded up to a whole tick and never past the end."""
        begun = time.perf_counter()
        self.twin.advance(min(int(until * 1000), self.twin.context.duration_ms))
        self._wall_s += time.perf_counter() - begun

    def submit(self, row: dict[str, Any]) -> None:
        """Queue an inject, a decision or an observation; its t_s must not lie in the past."""
        checked = check_input(row, "input")
        if checked["t_s"] < self.now_s:
            raise InputError(f"input: t_s is {checked['t_s']}, and the clock stands at {self.now_s}")
        self.twin.submit(checked)

    def snapshot(self) -> Snapshot:
        """Everything needed to go on from here (see `restore`)."""
        return self.twin.snapshot()

    def restore(self, snapshot: Snapshot) -> Session:
        """A new session that goes on from `snapshot`, with this session's inputs to a run."""
        twin = self.twin
        return Session(
            Twin(twin.full_city, twin.scenario, twin.plan, twin.run_seed, snapshot=snapshot),
            self._wall_s,
        )

    def branch(self) -> Session:
        """An independent session that goes on from here."""
        return self.restore(self.snapshot())

    def finish(self) -> Run:
        """Run to the end, check that nothing was lost, score."""
        self.advance(self.twin.context.duration_ms / 1000.0)
        check_conservation(self.twin)
        return Run(self.twin, self._wall_s)


@dataclass
class Run:
    """A finished run."""

    twin: Twin
    wall_s: float

    @cached_property
    def codes(self) -> pd.DataFrame:
        """The event log as stored on disk."""
        return self.twin.log.codes()

    @cached_property
    def events(self) -> pd.DataFrame:
        """The event log with names instead of codes."""
        return named(self.codes)

    @cached_property
    def kpis(self) -> pd.DataFrame:
        """One row a minute; columns in docs/architecture.md."""
        return pd.DataFrame(self.twin.recorder.kpis())

    @cached_property
    def score(self) -> dict[str, Any]:
        """The score as in score.json."""
        from engine.scoring.score import score_run

        return score_run(self.twin.city, self.codes, runfolder.score_context(self.twin))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the event log's columns."""
        return self.twin.log.digest()

    def why(self, event: int) -> pd.DataFrame:
        """The chain of causes of an event, itself first."""
        return self.events.iloc[chain(self.codes, event)]

    def save(self, folder: str | Path) -> Path:
        """Write the run folder; nothing half-written stays under its name."""
        return runfolder.save(self, Path(folder))


def open_session(
    city: City | str | Path, scenario: Scenario | str | Path, plan: Plan | str | Path,
    seed: int = 1, inputs: Iterable[dict[str, Any]] = (),
) -> Session:
    """Open a session at the scenario's start."""
    begun = time.perf_counter()
    city, scenario, (plan,) = resolve(city, scenario, [plan])
    twin = Twin(city, scenario, plan, seed, inputs=list(inputs))
    return Session(twin, time.perf_counter() - begun)


def resolve(
    city: City | str | Path, scenario: Scenario | str | Path, plans: Iterable[Plan | str | Path]
) -> tuple[City, Scenario, list[Plan]]:
    """City, scenario and plans, loaded where they are given by name or path."""
    if not isinstance(scenario, Scenario):
        scenario = load_scenario(os.fspath(scenario))
    found = [p if isinstance(p, Plan) else load_plan(os.fspath(p), scenario) for p in plans]
    if not isinstance(city, City):
        from engine.city_io import load_city

        city = load_city(city)
    return city, scenario, found


def simulate(
    city: City | str | Path, scenario: Scenario | str | Path, plan: Plan | str | Path,
    seed: int = 1, inputs: Iterable[dict[str, Any]] = (), progress: Progress | None = None,
) -> Run:
    """Play `scenario` in `city` under `plan`, objects or names, and return the finished run."""
    city, scenario, (plan,) = resolve(city, scenario, [plan])
    session = open_session(city, scenario, plan, seed, inputs)
    steps = 100 if progress else 1
    for part in range(1, steps + 1):
        session.advance(scenario.duration_s * part / steps)
        if progress:
            progress(part / steps)
    return session.finish()
