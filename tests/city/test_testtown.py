"""The test town is what other tests rely on."""

import numpy as np

from city_models.roads import backward_wave_mps, fundamental_diagram
from city_models.testtown import build_testtown
from engine.city import FACILITIES, ROAD_CLASSES


def test_counts_match_zones_and_draws_are_seeded():
    town, again, other = build_testtown(), build_testtown(), build_testtown(seed=1)
    assert town.content_hash == again.content_hash != other.content_hash
    people = np.bincount(
        town.buildings.zone[town.person_building], minlength=town.zones.population.size
    )
    assert (people == town.zones.population).all()
    assert people.sum() == 2000
    assert np.bincount(town.persons.household).min() >= 1


def test_every_service_the_engine_needs_is_there():
    town = build_testtown()
    present = {FACILITIES[k] for k in town.facilities.kind}
    assert present >= {
        "hospital", "fire_station", "police_station", "ambulance_station", "shelter",
        "meeting_point",
    }
    hill = town.facilities.node[town.facilities_of("meeting_point")]
    assert (town.nodes.elev_m[hill] > 15).all()  # above the danger zone of the shipped scenarios
    assert len(town.zone_municipality[1]) == 2
    assert (town.terrain.elev_m[:, 0] < 0).all()


def test_fundamental_diagram_stays_in_its_stated_range():
    classes = np.array([ROAD_CLASSES.index(c) for c in ("motorway", "secondary", "residential")])
    speed = np.array([100.0, 50.0, 30.0]) / 3.6
    capacity, jam = fundamental_diagram(classes.astype(np.uint8), speed, np.ones(3))
    assert np.allclose(capacity * 3600, [2033.9, 1397.5, 1216.2], rtol=1e-4)
    assert np.allclose(jam * 1000, [133.33, 125.0, 125.0], rtol=1e-4)
    assert np.allclose(backward_wave_mps(capacity, jam, speed), [5.0, 4.0, 4.0], rtol=1e-5)
    doubled, _ = fundamental_diagram(classes.astype(np.uint8), speed, np.full(3, 2))
    assert np.allclose(doubled, 2 * capacity)
