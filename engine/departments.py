"""The services of a city by their own names, and whether its firefighters are volunteers.

Part of a city's data (`[departments]` in city.toml); a city that names none has career services
with plain names.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from engine.errors import InputError, unknown


@dataclass(frozen=True)
class Departments:
    """Names of the services; `volunteers`: fire and rescue crews turn out from home, except in the
    hours from `guard_from_h` to `guard_to_h` (local), when a guard sleeps at the station (equal
    hours: there is none)."""

    police: str = "Police"
    fire_rescue: str = "Fire and rescue"
    ambulance: str = "Ambulance service"
    warning: str = "National warning centre"
    command: str = "Emergency operations centre"
    volunteers: bool = False
    guard_from_h: int = 0
    guard_to_h: int = 0
    warning_before: str = ""  # what it was called before `warning_since`, a year
    warning_since: int = 0
    command_before: str = ""
    command_since: int = 0

    def in_year(self, year: int) -> Departments:
        """The services under the names they had in a year."""
        found = self
        if self.warning_before and year < self.warning_since:
            found = dataclasses.replace(found, warning=self.warning_before)
        if self.command_before and year < self.command_since:
            found = dataclasses.replace(found, command=self.command_before)
        return found

    def guarded(self, hour: float) -> bool:
        """Whether a guard is at the stations at a local hour, 0..24."""
        a, b = self.guard_from_h, self.guard_to_h
        return (a <= hour < b) if a <= b else (hour >= a or hour < b)


#: Chile: Bomberos are volunteers with a paid driver at the station and a night guard that sleeps
#: there (23:00 or 23:30 to about 08:00 by the companies' own pages); the sea's warning runs from the
#: navy's SHOA to SENAPRED, which took over from ONEMI in 2023 (law 21.364); the same law put the
#: COGRID, committees for disaster risk management, in the place of the COE that commands.
CHILE = Departments(
    "Carabineros", "Bomberos", "SAMU", "SHOA to SENAPRED", "COGRID", True, guard_from_h=23,
    guard_to_h=8, warning_before="SHOA to ONEMI", warning_since=2023, command_before="COE",
    command_since=2023,
)


def read_departments(table: Any, where: str) -> Departments:
    """Departments from a TOML table; InputError naming the key at fault."""
    if not isinstance(table, dict):
        raise InputError(f"{where}: 'departments' is not a table")
    kinds: dict[str, Any] = {
        f.name: type(f.default) for f in dataclasses.fields(Departments)
    }
    for key, value in table.items():
        if key not in kinds:
            raise unknown("key", key, kinds, f"{where}: departments")
        if type(value) is not kinds[key]:
            raise InputError(
                f"{where}: departments.{key} is {value!r}, expected {kinds[key].__name__}"
            )
        if key.startswith("guard") and not 0 <= int(value) <= 24:
            raise InputError(f"{where}: departments.{key} is {value}, allowed 0 to 24")
    return Departments(**table)
