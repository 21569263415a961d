"""The test town with calls, dispatch and units alone; health, order and roads are played by hand."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import Any

import mesa
import numpy as np
import simpy

from city_models.testtown import build_testtown
from engine.command.dispatch import Dispatch
from engine.component import Context, Mail
from engine.events import KIND_CODE, EventLog
from engine.kernels.paths import forward_tree, speed_cost_ms
from engine.parties import form_parties
from engine.people.behaviour import Behaviour
from engine.plan import Plan
from engine.response.agents import create_agents
from engine.response.units import UnitsComponent
from engine.scenario import Scenario
from engine.sensing.calls import Calls
from engine.site import build_site
from engine.world import P_ABOARD, P_HIGH, P_WALKING, VARIABLES, World

TICK_MS = 10_000


HOSPITAL_NODE = 13  # at 12 m, near the shore but outside the rig's danger zone
HOSPITAL_BEDS = 60


@lru_cache
def town() -> Any:
    """The test town with one hospital, roomy enough to fill up only where a test wants it."""
    city = build_testtown()
    table = city.facilities
    keep = np.ones(table.kind.size, bool)
    keep[city.facilities_of("hospital")[1:]] = False
    columns = {f.name: getattr(table, f.name)[keep].copy() for f in dataclasses.fields(table)}
    columns["node"][0], columns["capacity"][0] = HOSPITAL_NODE, HOSPITAL_BEDS
    for axis in ("x_m", "y_m"):
        columns[axis][0] = getattr(city.nodes, axis)[HOSPITAL_NODE]
    return dataclasses.replace(city, facilities=dataclasses.replace(table, **columns))


def lonlat(node: int) -> dict[str, float]:
    city = town()
    lon, lat = city.lonlat(city.nodes.x_m[node], city.nodes.y_m[node])
    return {"lon": float(lon), "lat": float(lat)}


class Rig:
    """Drives the three components tick by tick.

    `delays` maps a unit to extra seconds on every leg; units in `stuck` find no way.
    """

    def __init__(
        self, plan: dict[str, Any] | None = None, seed: int = 1, parts: Any = None,
        below_m: float = 10.0, start_utc: str = "2020-03-02T06:00:00Z",
        scenario: dict[str, Any] | None = None,
    ) -> None:
        self.city = town()
        self.scenario = Scenario(
            name="rig", title="Rig", city="testtown", start_utc=start_utc,
            duration_s=36000, danger_zone=[{"below_m": below_m}], plans=["rig"],
            **(scenario or {}),
        )
        order = {"trigger": {"at_s": 36000}, "delay_s": 0,
                 "zones": [{"name": "low", "below_m": below_m}]}
        self.plan = Plan(name="rig", title="Rig", order=order, **(plan or {}))
        site = build_site(self.city, self.scenario, self.plan)
        parties = form_parties(self.city, self.scenario, site, seed)
        self.site, self.parties = site, parties
        sizes = {
            "run": 1, "node": self.city.nodes.x_m.size, "street": self.city.streets.length_m.size,
            "edge": self.city.edges.length_m.size, "zone": self.city.zones.population.size,
            "building": self.city.buildings.x_m.size, "party": parties.count,
            "person": parties.of_person.size, "unit": site.units.kind.size,
            "facility": self.city.facilities.kind.size, "incident": parties.of_person.size,
            "control": site.control_node.size, "mission": site.missions.count,
            "door": len(self.plan.door_to_door),
            "taker": self.plan.dispatch.call_takers,
        }
        counts = {v.entity: sizes.get(v.entity, 1) for v in VARIABLES}
        world, self.mail, self.log, self.now_ms = parts or (World(counts), Mail(), EventLog(), 0)
        self.ctx = Context(
            city=self.city, scenario=self.scenario, plan=self.plan, seed=seed, site=site,
            parties=parties, behaviour=Behaviour(), log=self.log, mail=self.mail, world=world,
            tick_ms=TICK_MS,
        )
        self.w = world
        self.components = [Calls(self.ctx), Dispatch(self.ctx), UnitsComponent(self.ctx)]
        self.env = simpy.Environment(initial_time=self.now_ms)
        self.agents = create_agents(mesa.Model(), self.ctx, self.components)
        for agent in self.agents:
            self.env.process(agent.life(self.env))
        for _ in self.agents:  # as in the twin, processes begin before the first tick
            self.env.step()
        self.delays: dict[int, float] = {}
        self.stuck: set[int] = set()
        self.under_way: dict[int, tuple[int, int]] = {}  # unit -> arrival ms, node
        if parts is None:
            self.start = self.log.add("run_started", 0, 0)
            world.party_node[:] = parties.node
            world.edge_speed_mps[:] = self.city.edges.free_speed_mps
            world.seen_edge_speed_mps[:] = self.city.edges.free_speed_mps
            for component in self.components:
                component.start()

    # --- what others would write ----------------------------------------------------------------

    def hurt(self, person: int, severity: int = 2, trapped: bool = False) -> None:
        """Hurt a person now."""
        kind = "person_trapped" if trapped else "person_hurt"
        event = self.log.add(kind, self.now_ms, person, 1, severity, self.start)
        self.w.person_health[person] = severity
        self.w.person_trapped[person] = trapped
        self.w.person_health_event[person] = event

    def kill(self, person: int) -> None:
        cause = int(self.w.person_health_event[person])
        event = self.log.add("person_died", self.now_ms, person, 1, 0, cause)
        self.w.person_health[person] = 4
        self.w.person_health_event[person] = event

    def order(self, clear: bool = False) -> None:
        """Order the danger zone to leave now, or lift the order."""
        w = self.w
        if clear:
            w.all_clear_event[0] = self.log.add("all_clear", self.now_ms, 0, cause=w.order_event[0])
            return
        w.order_event[0] = self.log.add("order_decided", self.now_ms, 0, cause=self.start)
        w.order_decided_ms[0] = self.now_ms
        for zone in range(self.city.zones.population.size):
            w.zone_order_ms[zone] = self.now_ms
            w.zone_order_event[zone] = self.log.add(
                "order_issued", self.now_ms, zone, 0, cause=w.order_event[0]
            )

    def _health(self) -> None:
        for _, person, _ in self.mail.take("freed"):
            self.w.person_trapped[person] = False
        self.mail.take("admitted")

    def _ride(self) -> None:
        """Riders are on board, and are where they are set down."""
        for _, party, _ in self.mail.take("boards"):
            self.w.party_place[party] = P_ABOARD
        for _, party, node, arrived, _ in self.mail.take("alights"):
            self.w.party_place[party] = P_HIGH if arrived else P_WALKING
            self.w.party_node[party] = node

    def _roads(self, t1_ms: int) -> None:
        """Every unit drives at the true free speed along the shortest way."""
        edges = self.city.edges
        cost = speed_cost_ms(edges.length_m, self.w.edge_speed_mps, self.w.edge_closed)
        for t, unit, origin, goal in self.mail.take("trips"):
            ms = forward_tree(
                self.city.nodes.x_m.size, edges.from_node, edges.to_node, cost, origin
            )[0][goal]
            node = -1 if unit in self.stuck else goal
            extra = round(1000 * self.delays.get(unit, 0.0))
            self.under_way[unit] = (int(t + ms + extra), node)
        for unit in sorted(self.under_way):
            t, node = self.under_way[unit]
            if t < t1_ms:
                del self.under_way[unit]
                self.mail.unit_arrivals.append((t, unit, node, 0, self.delays.get(unit, 0.0)))

    # --- running ----------------------------------------------------------------------------------

    def tick(self) -> None:
        t0, t1 = self.now_ms, self.now_ms + TICK_MS
        if self.env.now < t0:
            self.env.run(until=t0)
        calls, dispatch, units = self.components
        calls.step(t0, t1)
        dispatch.step(t0, t1)
        self._health()
        self._ride()
        self._roads(t1)
        units.step(t0, t1)
        self.now_ms = t1

    def run(self, until_s: float) -> None:
        while self.now_ms < until_s * 1000:
            self.tick()

    def rows(self, kind: str) -> list[tuple[int, int, int, float]]:
        """(t_ms, subject, object, value) of all events of a kind."""
        at = np.flatnonzero(self.log.column("kind") == KIND_CODE[kind])
        columns = [self.log.column(c)[at].tolist() for c in ("t_ms", "subject", "object", "value")]
        return list(zip(*columns, strict=True))

    def person_in(self, building: int, k: int = 0) -> int:
        """The k-th person who begins in a building."""
        return int(np.flatnonzero(self.parties.person_building == building)[k])

    def crowd(self, size: int) -> list[int]:
        """People of the fullest building outside the danger zone (at least `size`)."""
        outside = ~self.site.danger_node[self.city.buildings.node]
        inside = self.parties.person_building
        number = np.bincount(inside[inside >= 0], minlength=outside.size) * outside
        people = np.flatnonzero(inside == np.argmax(number))
        assert people.size >= size
        return [int(p) for p in people[:size]]

    def chain(self, event: int) -> list[str]:
        """Kinds from an event back to its origin."""
        names = {code: name for name, code in KIND_CODE.items()}
        out = []
        while event >= 0:
            out.append(names[int(self.log.column("kind")[event])])
            event = int(self.log.column("cause")[event])
        return out

    def last(self, kind: str) -> int:
        """Row of the last event of a kind."""
        return int(np.flatnonzero(self.log.column("kind") == KIND_CODE[kind])[-1])
