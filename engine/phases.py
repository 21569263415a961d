"""The phases of a tick, in the order in which they run."""

from __future__ import annotations

from typing import Any

from engine.city import City
from engine.command.dispatch import Dispatch
from engine.command.hub import Hub
from engine.component import Component
from engine.hazards.crowds import Crowds
from engine.hazards.earthquake import Earthquake, Shaking
from engine.hazards.tsunami import Tsunami, sea_inputs, sea_of
from engine.mobility.component import Mobility
from engine.networks.buildings import Buildings
from engine.networks.lifelines import Lifelines
from engine.networks.roads import Roads
from engine.people.health import Health
from engine.people.warning_component import Warning
from engine.response.fuel import Fuel
from engine.response.units import UnitsComponent
from engine.scenario import Scenario
from engine.sensing.calls import Calls
from engine.sensing.cameras import Cameras
from engine.sensing.instruments import Instruments

TICK_MS = 10_000

PHASES: tuple[type[Component], ...] = (
    Earthquake, Tsunami, Crowds,       # hazards: what nature does, and crowds at venues
    Buildings, Lifelines, Roads,       # networks: what still works
    Instruments, Cameras, Calls,       # sensing: what the city notices
    Hub, Dispatch,                     # command: what the plan decides from it
    Warning, Health,                   # people: who is warned, who leaves, who is hurt
    Mobility,                          # mobility: how cars and walkers get there
    Fuel, UnitsComponent,              # response: what crews and units do
)


def applicable(scenario: Scenario) -> list[type[Component]]:
    """Phases of a scenario: a hazard it does not have is left out."""
    absent = {
        kind
        for kind, present in ((Earthquake, scenario.earthquake), (Tsunami, scenario.tsunami),
                              (Crowds, scenario.venues or None), (Cameras, scenario.venues or None))
        if present is None
    }
    return [phase for phase in PHASES if phase not in absent]


def exogenous_sea(city: City, scenario: Scenario) -> Any:
    """The sea of the scenario, computed once and then reused by content; None without one."""
    return sea_of(city, scenario) if scenario.tsunami else None


def check_hazards(city: City, scenario: Scenario, seed: int = 1) -> None:
    """Build what the hazards are made of, short of computing a sea; InputError for what is wrong."""
    if scenario.tsunami:
        sea_inputs(city, scenario)
    if scenario.earthquake:
        Shaking(city, scenario, seed).fields()
