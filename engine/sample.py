"""A seeded sample of households: a smaller run with means in proportion.

Link capacity and storage, beds, places and units scale with the share, so that queues keep their
length in time. Results carry the share in the manifest.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from engine import rng
from engine.city import City


def sample_city(city: City, share: float, seed: int) -> City:
    """Return the city with a share of its households; the city itself for share 1."""
    if share >= 1.0:
        return city
    rows = np.arange(city.households.building.size)
    # The seed is fixed by the caller's run, so every plan meets the same sample.
    keep = rng.uniform(seed, "sample.household", rows) < share
    if not keep.any():
        keep[0] = True
    new_row = np.cumsum(keep) - 1
    persons = city.persons
    stays = keep[persons.household]
    building = city.households.building[keep]
    zone = city.buildings.zone[building][new_row[persons.household[stays]]]
    factor = stays.sum() / persons.household.size
    facilities = city.facilities
    units = np.where(
        facilities.units > 0, np.maximum(1, np.round(facilities.units * factor)), 0
    ).astype(np.int16)
    edges = city.edges
    return dataclasses.replace(
        city,
        households=dataclasses.replace(
            city.households, building=building.copy(), cars=city.households.cars[keep]
        ),
        persons=dataclasses.replace(
            persons,
            household=new_row[persons.household[stays]].astype(np.int32),
            age_group=persons.age_group[stays], mobility=persons.mobility[stays],
            day_building=persons.day_building[stays],
        ),
        zones=dataclasses.replace(
            city.zones,
            population=np.bincount(zone, minlength=city.zones.population.size).astype(np.int32),
        ),
        facilities=dataclasses.replace(
            facilities, units=units,
            capacity=np.ceil(facilities.capacity * factor).astype(np.int32),
        ),
        edges=dataclasses.replace(
            edges,
            capacity_vps=(edges.capacity_vps * np.float32(factor)).astype(np.float32),
            jam_density_vpm=(edges.jam_density_vpm * np.float32(factor)).astype(np.float32),
        ),
    )
