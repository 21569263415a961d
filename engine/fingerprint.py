"""What a finished run was made of, as one text: a study that goes on keeps a run only if it is equal.

Beside city, scenario and plan these are the files that the scenario names and the program's own sources:
after a change of either a kept run would no longer be what the study plays.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from engine.city import City
from engine.plan import Plan
from engine.scenario import Scenario


def fingerprint(city: City, scenario: Scenario, plan: Plan, extra: str = "") -> str:
    """Hash of everything that a run's result hangs on but its seed; `extra` is what else counts."""
    parts = (city.content_hash, scenario.model_dump_json(), *data_hashes(scenario),
             plan.model_dump_json(), extra, program_hash())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def data_hashes(scenario: Scenario) -> list[str]:
    """Hash of each file that the scenario names."""
    names = [place.file for place in scenario.venues]
    if scenario.tsunami is not None:
        names.append(scenario.tsunami.series)
    if scenario.earthquake is not None and scenario.earthquake.shakemap is not None:
        names.append(scenario.earthquake.shakemap)
    return [hashlib.sha256(scenario.data_file(name).read_bytes()).hexdigest() for name in names]


@functools.cache
def program_hash() -> str:
    """Hash of the engine's sources."""
    root, found = Path(__file__).parent, hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        found.update(f"{path.relative_to(root).as_posix()}\n".encode())
        found.update(path.read_bytes())
    return found.hexdigest()
