"""What a run is refused for before it begins: the same checks for a run, a comparison and a check."""

from __future__ import annotations

from engine.city import City
from engine.meeting import city_for
from engine.missions import check_vehicles
from engine.plan import Plan
from engine.sample import sample_city
from engine.scenario import Scenario
from engine.site import Site, build_site, check_officers


def prepare(city: City, scenario: Scenario, plan: Plan, seed: int = 1) -> tuple[City, Site]:
    """The city of a run, with the plan's meeting points and the scenario's share of the people of the
    whole `city`, and its site. InputError, with file and line, for a plan that cannot work there."""
    check_officers(city, plan)
    check_vehicles(city, scenario, plan)
    here = sample_city(city_for(city, plan), scenario.population.share, seed)
    return here, build_site(here, scenario, plan)
