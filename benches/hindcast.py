"""The sea of a scenario beside the record: `python -m benches.hindcast [SCENARIO] [--set KEY=VALUE]`.

Computes the sea (or reads the kept one) without playing the town.
"""

from __future__ import annotations

import argparse

from engine.city_io import load_city
from engine.hazards.hindcast import hindcast
from engine.hazards.tsunami import sea_of
from engine.scenario import load_scenario


def main() -> None:
    """Print one line for each observed figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("scenario", nargs="?", default="coquimbo-tsunami")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    scenario = load_scenario(arguments.scenario, arguments.settings)
    city = load_city(scenario.city)
    for row in hindcast(city, scenario, sea_of(city, scenario)):
        modelled = "never" if row.modelled is None else f"{row.modelled:.2f}"
        verdict = "within" if row.within else "MISSED"
        print(f"{row.quantity:48} {modelled:>7} {row.unit:3}  observed {row.observed:24} "
              f"{verdict} {row.low:g} to {row.high:g}  ({row.source})")


if __name__ == "__main__":
    main()
