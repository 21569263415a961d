"""The sea of a scenario beside the record: `python -m benches.hindcast [SCENARIO] [--set KEY=VALUE]`.

Computes the sea (or reads the kept one) without playing the town.
"""

from __future__ import annotations

import argparse

import numpy as np

from engine.city_io import load_city
from engine.events import EventLog
from engine.hazards.hindcast import GAUGE, LAND
from engine.hazards.tsunami import sea_of
from engine.hindcast import MEASURES, Evidence, read_figures
from engine.scenario import load_scenario
from engine.scoring.columns import Log


def main() -> None:
    """Print one line for each observed figure of the sea."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("scenario", nargs="?", default="coquimbo-tsunami")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    scenario = load_scenario(arguments.scenario, arguments.settings)
    city = load_city(scenario.city)
    none = np.empty((0, 0), np.uint8)
    e = Evidence(city, scenario, Log(EventLog().codes()), sea_of(city, scenario), none,
                 np.empty(0, np.int64), 1.0)
    for f in read_figures(scenario):
        if f.measure in (*GAUGE, *LAND):
            value = MEASURES[f.measure](e, f.of)
            shown = "never" if value is None else f"{value:.2f}"
            print(f"{f.label:34} {shown:>7} {f.unit:4} observed {f.observed:10} target {f.target}")


if __name__ == "__main__":
    main()
