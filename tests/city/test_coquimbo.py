"""Facts of the embedded city."""

import numpy as np
import pytest

from city_models.roads import backward_wave_mps
from engine.city import FACILITIES
from engine.city_io import city_folder, load_city


@pytest.fixture(scope="module")
def city():
    return load_city("coquimbo")


def test_people_add_up_to_the_zones(city):
    assert city.persons.household.size == 451_834
    people = np.bincount(city.buildings.zone[city.person_building], minlength=133)
    assert (people == city.zones.population).all()
    index, names = city.zone_municipality
    assert names == ("Coquimbo", "La Serena")
    assert np.bincount(index, weights=city.zones.population).tolist() == [235_350, 216_484]


def test_network_is_one_strong_part_with_plausible_links(city):
    import scipy.sparse as sp
    from scipy.sparse.csgraph import connected_components

    edges, n = city.edges, city.nodes.x_m.size
    graph = sp.coo_matrix(
        (np.ones(edges.street.size), (edges.from_node, edges.to_node)), shape=(n, n)
    )
    _, part = connected_components(graph, connection="strong")
    driven = np.unique(np.concatenate([edges.from_node, edges.to_node]))
    assert np.unique(part[driven]).size == 1
    assert driven.size > 15_000
    assert edges.length_m.min() >= 5
    wave = backward_wave_mps(edges.capacity_vps, edges.jam_density_vpm, edges.free_speed_mps)
    assert wave.min() > 3.99
    assert wave.max() < 5.01
    assert city.streets.bridge.sum() >= 5


def test_relief_has_bay_plain_and_terraces(city):
    terrain = city.terrain
    assert terrain.elev_m.size >= 200_000
    assert {"west", "north"} <= set(terrain.open_sides)

    def height(lon, lat):
        x, y = city.xy(lon, lat)
        row = int((float(y) - terrain.y0_m) / terrain.dx_m)
        return float(terrain.elev_m[row, int((float(x) - terrain.x0_m) / terrain.dx_m)])

    assert height(-71.2519, -29.9027) == pytest.approx(28.0, abs=2.0)
    assert height(-71.3469, -29.9506) > 130.0
    assert 1.0 <= height(-71.3220, -29.9630) < 4.0
    assert -40.0 < height(-71.3200, -29.9400) < -8.0
    beach = np.flatnonzero(city.streets.name == "Avenida del Mar")
    assert city.nodes.elev_m[city.streets.from_node[beach]].max() < 6.0


def test_facilities_stand_where_they_serve(city):
    count = np.bincount(city.facilities.kind, minlength=len(FACILITIES))
    assert count[FACILITIES.index("hospital")] == 2
    assert count[FACILITIES.index("fire_station")] >= 8
    for kind in ("meeting_point", "shelter"):
        nodes = city.facilities.node[city.facilities_of(kind)]
        assert nodes.size >= 10
        assert city.nodes.elev_m[nodes].min() >= 30.0
    assert all("approximate" in n or "synthetic" in n or n.startswith("Meeting")
               for n in city.facilities.name)


def test_folder_is_small_and_credits_its_sources(city):
    folder = city_folder("coquimbo")
    size = sum(p.stat().st_size for p in folder.iterdir() if p.is_file())
    assert size < 8_000_000
    assert "OpenStreetMap contributors" in (folder / "PROVENANCE.md").read_text()
    assert any("OpenStreetMap contributors" in note for note in city.notes)
    statuses = {layer.layer: layer.status for layer in city.layers}
    assert statuses["roads"] == "measured"
    assert statuses["terrain"] == statuses["persons"] == "synthetic"
