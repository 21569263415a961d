"""The twin: a Mesa model whose clock is a SimPy environment.

One SimPy process runs all phases for [t, t + D) in the written order; response units are Mesa
agents with a SimPy process each. `step()` advances one reporting interval through the same code as
`simulate()`, and `datacollector` holds the KPI series, so that Mesa's own tools work on it.
Mesa's random generator is never used: every draw is a hash of its key (engine/rng.py).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import mesa
import numpy as np
import simpy
from mesa.datacollection import DataCollector
from numpy.typing import NDArray

from engine.city import City
from engine.component import Component, Context, Mail, check_assembly
from engine.errors import InputError
from engine.events import EventLog
from engine.inputs import Inputs, check_seed, check_time
from engine.missions import teams_of
from engine.nearest import nearest_node
from engine.parties import form_parties
from engine.people.behaviour import Behaviour, with_overrides
from engine.phases import TICK_MS, applicable, exogenous_sea
from engine.plan import Plan, load_plan
from engine.prepare import prepare
from engine.record import KPIS, Recorder
from engine.response.agents import create_agents
from engine.scenario import Scenario, load_scenario
from engine.site import UNIT_KINDS
from engine.world import World

REPORT_MS = 60_000
MAX_INCIDENTS = 60_000


@dataclass
class Snapshot:
    """A run at a tick boundary: World, pending dues (in World), mail and the log's columns."""

    now_ms: int
    next_tick_ms: int
    world: World
    mail: Mail
    log: dict[str, NDArray[Any]]
    recorder: dict[str, Any]
    inputs: Inputs


class Twin(mesa.Model):  # type: ignore[misc]
    """A city living through a scenario under a plan.

    `city`, `scenario` and `plan` are objects or names; `inputs` are rows as in inputs.jsonl.
    """

    def __init__(
        self,
        city: City | str = "coquimbo",
        scenario: Scenario | str = "coquimbo-tsunami",
        plan: Plan | str = "historical",
        seed: int = 1,
        *,
        inputs: Sequence[dict[str, Any]] = (),
        snapshot: Snapshot | None = None,
    ) -> None:
        seed = check_seed(seed)
        super().__init__(seed=seed)
        if isinstance(scenario, str):
            scenario = load_scenario(scenario)
        if isinstance(plan, str):
            plan = load_plan(plan, scenario)
        if isinstance(city, str):
            from engine.city_io import load_city

            city = load_city(city)
        self.full_city = city
        self.scenario, self.plan, self.run_seed = scenario, plan, int(seed)
        self.city, site = prepare(city, scenario, plan, int(seed))
        parties = form_parties(self.city, scenario, site, self.run_seed)
        sea = exogenous_sea(self.city, scenario)
        counts = _counts(self.city, scenario, plan, site, parties, sea)
        self.log = EventLog.restore(snapshot.log) if snapshot else EventLog()
        self.world = snapshot.world.copy() if snapshot else World(counts)
        self.mail = snapshot.mail.copy() if snapshot else Mail()
        self.inputs = snapshot.inputs.copy() if snapshot else Inputs(inputs, where="inputs")
        for row in self.inputs.rows:
            self.check_place(row)
        self.context = Context(
            city=self.city, scenario=scenario, plan=plan, seed=self.run_seed, site=site,
            parties=parties, behaviour=with_overrides(Behaviour(), scenario.behaviour),
            log=self.log, mail=self.mail, world=self.world, tick_ms=TICK_MS, sea=sea,
        )
        self.components: list[Component] = [c(self.context) for c in applicable(scenario)]
        check_assembly(self.components)
        self.env = simpy.Environment(initial_time=snapshot.now_ms if snapshot else 0)
        self.recorder = Recorder(self.context, snapshot.recorder if snapshot else None)
        self.units = create_agents(self, self.context, self.components)
        self.next_tick_ms = snapshot.next_tick_ms if snapshot else 0
        for unit in self.units:
            self.env.process(unit.life(self.env))
        self.env.process(self._clock())
        if snapshot is None:
            self._begin()
        else:
            for component in self.components:
                component.load()
        self.datacollector = DataCollector(
            model_reporters={name: _reporter(name) for name in KPIS}
        )

    def _begin(self) -> None:
        """Write the first events and initial values."""
        parties = self.context.parties
        population = self.city.persons.household.size
        row = self.log.add("run_started", 0, 0, -1, float(population))
        rows = np.arange(population)
        self.log.extend(
            "party_formed", 0, rows, parties.of_person, parties.node[parties.of_person], row
        )
        self.log.extend(
            "party_placed", 0, np.arange(parties.count), parties.zone, parties.node, row
        )
        for component in self.components:
            component.start()

    def _clock(self) -> Generator[Any, Any, None]:
        """The main process: run a tick, then sleep until something is due."""
        while True:
            self._called = self.env.event()
            yield self.env.timeout(self.next_tick_ms - self.env.now) | self._called
            t0 = int(self.env.now)
            if t0 < self.next_tick_ms:  # called by an input: sleep until its tick instead
                continue
            self._tick(t0, t0 + TICK_MS)
            due = min(component.due(t0 + TICK_MS) for component in self.components)
            due = min(due, self.inputs.due(), self.recorder.due(t0 + TICK_MS))
            self.next_tick_ms = max(t0 + TICK_MS, due // TICK_MS * TICK_MS)

    def _tick(self, t0_ms: int, t1_ms: int) -> None:
        """Every phase over [t0, t1), in the written order."""
        for serial, row in self.inputs.take(t1_ms):
            event = self.log.add("input_applied", max(t0_ms, int(row["t_s"] * 1000)), serial)
            self.mail.inputs.append((t0_ms, event, row))
        for component in self.components:
            component.step(t0_ms, t1_ms)
        self.mail.inputs.clear()
        self.recorder.step(t0_ms, t1_ms)

    def advance(self, until_ms: int) -> None:
        """Run to `until_ms`, rounded up to a whole tick."""
        until = -(-int(until_ms) // TICK_MS) * TICK_MS
        if until > self.env.now:
            self.env.run(until=until)

    def check_place(self, row: dict[str, Any]) -> None:
        """Raise InputError for an input past the end or at a place away from the city's streets."""
        check_time(row, self.scenario.duration_s, f"input {row['what']}")
        if row["what"] in ("order", "all_clear") and not self.plan.order.zones:
            raise InputError(f"input {row['what']}: plan '{self.plan.name}' has no order")
        if row["what"] == "close_street":
            nearest_node(self.city, row["lon"], row["lat"], "input close_street")

    def submit(self, row: dict[str, Any]) -> None:
        """Queue one checked input; the clock wakes for it."""
        self.check_place(row)
        self.inputs.submit(row)
        due = max(int(row["t_s"] * 1000) // TICK_MS * TICK_MS, int(self.env.now))
        if due < self.next_tick_ms:
            self.next_tick_ms = due
            self._called.succeed()

    def step(self) -> None:
        """Advance one reporting interval (Mesa)."""
        self.advance(int(self.env.now) + REPORT_MS)
        self.datacollector.collect(self)
        self.running = self.env.now < self.context.duration_ms

    def snapshot(self) -> Snapshot:
        """Copy of the run at this tick boundary."""
        for component in self.components:
            component.save()
        mail = self.mail.copy()
        mail.wakes.clear()  # a unit's process writes its row anew from World when restarted
        return Snapshot(
            now_ms=int(self.env.now), next_tick_ms=self.next_tick_ms, world=self.world.copy(),
            mail=mail, log=self.log.snapshot(), recorder=self.recorder.snapshot(),
            inputs=self.inputs.copy(),
        )


def _counts(
    city: City, scenario: Scenario, plan: Plan, site: Any, parties: Any, sea: Any
) -> dict[str, int]:
    """Rows of every World entity."""
    zones = city.zones.population.size
    incidents = min(parties.of_person.size, MAX_INCIDENTS)
    return {
        "run": 1, "node": city.nodes.x_m.size, "street": city.streets.length_m.size,
        "edge": city.edges.length_m.size, "zone": zones, "building": city.buildings.x_m.size,
        "party": parties.count, "person": parties.of_person.size,
        "unit": site.units.kind.size, "facility": city.facilities.kind.size,
        "incident": incidents, "gauge": max(1, site.gauge_x_m.size),
        "refuge": site.refuges.node.size,
        "truck": plan.fuel.trucks if plan.fuel else 0,
        "control": site.control_node.size, "mission": site.missions.count,
        "venue": len(site.venues), "camera": site.camera_venue.size,
        "door": len(plan.door_to_door),
        "team": sum(teams_of(lever, scenario.population.share) for lever in plan.door_to_door),
        "taker": plan.dispatch.call_takers,
        "channel": len(plan.channels), "zone_channel": zones * len(plan.channels),
        "party_channel": parties.count * len(plan.channels),
        "wetcell": 0 if sea is None else sea.cells.size,
    }


def _reporter(name: str) -> Any:
    def report(model: Twin) -> float:
        return float(model.recorder.latest(name))

    return report


__all__ = ["UNIT_KINDS", "Snapshot", "Twin"]
