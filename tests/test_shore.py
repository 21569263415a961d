"""Where the sea is and when it is dark."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from engine.city import City
from engine.shore import distance_to_sea_m, is_dark, sun_elevation_deg


def test_distance_to_sea_grows_inland(town: City) -> None:
    away = distance_to_sea_m(town)
    assert np.all(away > 0)
    assert np.corrcoef(away, town.nodes.x_m)[0, 1] > 0.99  # its sea lies in the west
    assert away.min() < 150.0


@pytest.mark.parametrize(
    ("utc", "lon", "lat", "expected"),
    [
        (datetime(2024, 3, 20, 12, 7, tzinfo=UTC), 0.0, 0.0, 90.0),  # equinox, overhead
        (datetime(2024, 6, 20, 12, 2, tzinfo=UTC), 0.0, 51.48, 61.9),  # Greenwich, midsummer noon
        (datetime(2024, 12, 21, 12, 0, tzinfo=UTC), 0.0, 66.56, 0.0),  # polar circle, midwinter noon
    ],
)
def test_sun_at_known_places(utc: datetime, lon: float, lat: float, expected: float) -> None:
    assert sun_elevation_deg(utc, lon, lat) == pytest.approx(expected, abs=0.6)


def test_evening_of_the_illapel_earthquake(town: City) -> None:
    """Coquimbo, 16 September 2015: by the closed form of half a day, cos H = -tan(lat) tan(decl) at
    declination 2.5 degrees, the sun set 5.90 h after noon at 16:40 UTC, at 22:34."""
    def up(hour: int, minute: int) -> float:
        return sun_elevation_deg(datetime(2015, 9, 16, hour, minute, tzinfo=UTC), -71.34, -29.95)

    assert abs(up(22, 34)) < 0.5
    assert -6.0 < up(22, 54) < -3.5  # dusk at the time of the shock
    assert up(23, 5) < -6.0  # dark ten minutes later
    assert not is_dark(town, datetime(2024, 1, 6, 18, 0, tzinfo=UTC))
    assert is_dark(town, datetime(2024, 1, 6, 5, 0, tzinfo=UTC))
