"""Calibrate the Chilean fragility classes: `python -m city_models.coquimbo.calibrate`.

The register of dwellings damaged by the shaking of 16 September 2015 counts 633 in the commune of
Coquimbo and 69 in La Serena, 105 of the 702 of adobe (Fernandez 2017, collected by GEM's earthquake
scenarios). For the rest only the country's split by material is published: brickwork 1,610, timber
599, concrete 62. Concrete is pooled with brickwork: 62 dwellings in a whole country calibrate
nothing. For each pool one factor on the medians makes the dwellings expected to be damaged under
the recorded shaking, averaged over 20 samples of its residuals, equal to the register.

The communes also hold villages outside this city (Tongoy, Guanaqueros), the register may be partial,
and slight damage is seldom registered: the factors carry all of this.
"""

from __future__ import annotations

import csv
import sys
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

from engine.city import DESIGNS, STRUCTURES, USES, City
from engine.city_io import load_city
from engine.hazards.ground_motion import StationField
from engine.networks.fragility import BETA_SAMPLED, medians_g
from engine.scenario import load_scenario

REGISTER = {"Coquimbo": 633, "La Serena": 69}
ADOBE = 105
COUNTRY = {"masonry and concrete": 1610 + 62, "timber": 599}
SEEDS = range(1, 21)


def targets() -> dict[str, float]:
    """Return the damaged dwellings of the register by pool of materials."""
    rest = sum(REGISTER.values()) - ADOBE
    out = {pool: rest * n / sum(COUNTRY.values()) for pool, n in COUNTRY.items()}
    return {**out, "adobe": float(ADOBE)}


def shaking(city: City) -> NDArray[np.float64]:
    """Return PGA in g [seeds, buildings] as the engine samples it around the stations."""
    quake = load_scenario("coquimbo-tsunami").earthquake
    assert quake is not None
    x, y = city.xy([s.lon for s in quake.stations], [s.lat for s in quake.stations])
    field = StationField("PGA", x, y, [s.pga_g for s in quake.stations])
    zones, b = city.zones, city.buildings
    rows = np.arange(zones.x_m.size)
    return np.array([
        field.at(b.x_m, b.y_m, sample=field.sample(seed, zones.x_m, zones.y_m, rows), centre=b.zone)
        for seed in SEEDS
    ])


def damaged_dwellings(
    city: City, pga_g: NDArray[np.float64], row: dict[str, str], factor: float
) -> NDArray[np.float64]:
    """Return the expected number of damaged dwellings of one class by commune (name order)."""
    b = city.buildings
    who = (
        (b.structure == STRUCTURES.index(row["structure"]))
        & (b.design == DESIGNS.index(row["design"])) & (b.use == USES.index("residential"))
    )
    dwellings = np.bincount(city.households.building, minlength=b.x_m.size)[who]
    base = STRUCTURES.index(row["hazus_structure"]), DESIGNS.index(row["hazus_design"])
    theta = factor * medians_g()[base][0]
    share = ndtr(np.log(pga_g[:, who] / theta) / BETA_SAMPLED).mean(axis=0)
    commune, names = city.zone_municipality
    return np.bincount(commune[b.zone[who]], share * dwellings, minlength=len(names))


def main() -> int:
    """Print the calibrated factors and write them into the table of fragility classes."""
    city = load_city("coquimbo")
    pga = shaking(city)
    path = Path(str(resources.files("engine.networks"))) / "data" / "fragility_chile.csv"
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    total, before = np.zeros(2), 0.0
    for pool, target in targets().items():
        mine = [row for row in rows if row["group"] == pool]

        def expected(factor: float, mine: list[dict[str, str]] = mine) -> NDArray[np.float64]:
            return np.sum([damaged_dwellings(city, pga, row, factor) for row in mine], axis=0)

        factor = brentq(lambda f, t=target: float(expected(f).sum()) - t, 0.5, 20.0)
        factor = round(float(factor), 2)
        for row in mine:
            row["factor"] = f"{factor:.2f}"
        plain = float(expected(1.0).sum())
        before, total = before + plain, total + expected(factor)
        print(f"{pool}: factor {factor:.2f}; damaged dwellings {plain:,.0f} at HAZUS's medians, "
              f"{expected(factor).sum():,.0f} calibrated, {target:,.0f} registered")
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for name, n in zip(city.zone_municipality[1], total, strict=True):
        print(f"{name}: {n:,.0f} expected, {REGISTER[name]} registered")
    print(f"all: {before:,.0f} at HAZUS's medians, {total.sum():,.0f} calibrated")
    return 0


if __name__ == "__main__":
    sys.exit(main())
