"""anlan: a geospatial digital twin in which a city rehearses its worst day.

    import engine
    city = engine.load_city("coquimbo")
    scenario = engine.load_scenario("coquimbo-tsunami")
    plan = engine.load_plan("coquimbo-tsunami/early-warning")
    run = engine.simulate(city, scenario, plan, seed=1)
    run.events, run.kpis, run.score, run.digest
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers take it for true; nothing is imported before engine.entry
if TYPE_CHECKING:
    from typing import Any

    from engine.city import City
    from engine.city_io import load_city
    from engine.ensemble import compare
    from engine.errors import InputError, RunError
    from engine.plan import Plan, load_plan
    from engine.run import Run, Session, open_session, simulate
    from engine.scenario import Scenario, load_scenario
    from engine.twin import Twin

# Names are imported on first use, so that `anlan --help` and the kernels stay quick to load.
_HOMES = {
    "City": "engine.city", "load_city": "engine.city_io", "compare": "engine.ensemble",
    "InputError": "engine.errors", "RunError": "engine.errors", "Plan": "engine.plan",
    "load_plan": "engine.plan", "Run": "engine.run", "Session": "engine.run",
    "open_session": "engine.run", "simulate": "engine.run", "Scenario": "engine.scenario",
    "load_scenario": "engine.scenario", "Twin": "engine.twin",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'engine' has no attribute '{name}'")


__all__ = [
    "City", "InputError", "Plan", "Run", "RunError", "Scenario", "Session", "Twin", "compare",
    "load_city", "load_plan", "load_scenario", "open_session", "simulate",
]
