"""Women by age group: what a city knows of the sex of its people, who carry none themselves.

Part of a city's data (`[women]` in city.toml: the share of women in each age group); of a city
without the table nothing is told by sex.
"""

from __future__ import annotations

from typing import Any

from engine.city import AGE_GROUPS
from engine.errors import InputError, unknown

#: Chile, census of 2024 (INE, population by sex and five-year age groups, as republished: 8,967,033 men
#: and 9,513,399 women; the press gives the same total). Bands as published to 69 years; of those from
#: 70 on (723,621 men, 992,816 women: the whole less the bands) no division at 75 was found. So 60-74 has
#: the share of 60-69 and 75+ that of 70 and over, each a little low (assumption). La Serena's and
#: Coquimbo's own tables were not found; their region has 51.4 % women, the country 51.5 %.
CHILE = tuple(round(share, 4) for share in (
    427_665 / 870_693,
    1_178_453 / 2_403_955,
    1_909_563 / 3_876_209,
    3_960_778 / 7_664_547,
    1_044_124 / 1_948_591,
    992_816 / 1_716_437,
))


def read_women(table: Any, where: str) -> tuple[float, ...]:
    """Share of women by age group from a TOML table; InputError naming the key at fault."""
    if not isinstance(table, dict):
        raise InputError(f"{where}: 'women' is not a table")
    for key, value in table.items():
        if key not in AGE_GROUPS:
            raise unknown("age group", key, AGE_GROUPS, f"{where}: women")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise InputError(f"{where}: women.{key} is {value!r}, allowed: a share from 0 to 1")
    missing = [group for group in AGE_GROUPS if group not in table]
    if table and missing:
        raise InputError(f"{where}: women has no share for the age group {missing[0]}")
    return tuple(float(table[group]) for group in AGE_GROUPS if table)
