"""The sea of 16 September 2015 at the gauge and on land: a lost fit is found here, not by a reader."""

from __future__ import annotations

from engine.city_io import load_city
from engine.hazards.hindcast import GAUGE, LAND, at_gauge, on_land
from engine.hazards.tsunami import sea_of
from engine.hindcast import read_figures
from engine.scenario import load_scenario

#: The highest wave stood at the gauge after 93 minutes and inland some minutes later.
END_S = 6000


def test_sea_stands_within_what_was_observed() -> None:
    city = load_city("coquimbo")
    scenario = load_scenario("coquimbo-tsunami", [f"duration_s={END_S}"])
    assert scenario.tsunami is not None
    sea = sea_of(city, scenario)
    gauges = [gauge.name for gauge in scenario.tsunami.gauges]
    missed, seen = [], set()
    for figure in read_figures(scenario):
        if figure.measure in GAUGE:
            value = at_gauge(sea, gauges.index(figure.of[0]), figure.measure)
        elif figure.measure in LAND:
            lon, lat, radius_m = map(float, figure.of)
            value = on_land(city, scenario, sea, (lon, lat, radius_m), figure.measure)
        else:
            continue
        seen.add(figure.measure)
        # Minutes are whole in the record, depths good to a decimetre.
        if value is None or not (figure.low or 0) <= round(value, figure.digits) <= (figure.high or 0):
            missed.append((figure.label, value, figure.low, figure.high))
    assert not missed
    assert seen == {*GAUGE, *LAND}
