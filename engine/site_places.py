"""Places that a plan names by longitude and latitude lie in the city."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import BaseModel

from engine.city import City
from engine.errors import InputError
from engine.plan import Plan

#: Farther than this from any road a place is a slip: in the sea, in another town, signs or order wrong.
WITHIN_M = 3000.0


def check_places(city: City, plan: Plan) -> None:
    """InputError for a place (lon, lat) of a plan that lies far outside the city's road network."""
    for path, lon, lat in _places(plan, ()):
        x, y = city.xy(lon, lat)
        away = float(np.hypot(city.nodes.x_m - x, city.nodes.y_m - y).min())
        if not away <= WITHIN_M:
            raise InputError(
                f"plan '{plan.name}': {'.'.join(map(str, path))}: lon {lon:g}, lat {lat:g} is "
                f"{away / 1000:,.0f} km from the nearest road of city '{city.name}'"
            )


def _places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], float, float]]:
    """Key path and position of everything below `value` that has a longitude and a latitude."""
    if isinstance(value, BaseModel):
        lon, lat = getattr(value, "lon", None), getattr(value, "lat", None)
        if isinstance(lon, float) and isinstance(lat, float):
            yield path, lon, lat
        for key in type(value).model_fields:
            yield from _places(getattr(value, key), (*path, key))
    elif isinstance(value, tuple):
        for row, item in enumerate(value):
            yield from _places(item, (*path, row))
