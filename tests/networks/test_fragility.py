"""HAZUS fragility: check numbers, frequencies, missing classes, monotonicity."""

from __future__ import annotations

import csv
import re
from importlib import resources

import numpy as np
import pytest

from city_models.coquimbo import calibrate
from engine.city import DESIGNS, HAZUS_CLASS, STRUCTURES
from engine.city_io import load_city
from engine.errors import InputError
from engine.networks import fragility
from engine.networks.buildings import CHILE_CARD


def fragility_table(name):
    return resources.files("engine.networks").joinpath("data", name)


def code(structure, design):
    return STRUCTURES.index(structure), DESIGNS.index(design)


def test_exceedance_check_numbers():
    urm = fragility.exceedance(0.3, *code("URML", "PC"), residuals_sampled=False)[0]
    assert urm == pytest.approx([0.9043, 0.8126, 0.5885, 0.3716], abs=6e-5)
    frame = fragility.exceedance(0.3, *code("C1L", "HC"), residuals_sampled=False)[0]
    assert frame == pytest.approx([0.7113, 0.4048, 0.0928, 0.0088], abs=6e-5)
    sampled = fragility.exceedance(0.3, *code("URML", "PC"), residuals_sampled=True)[0, 3]
    assert sampled == pytest.approx(0.3000, abs=6e-5)


def test_larger_dispersion_is_the_smaller_with_ground_motion_scatter():
    assert np.hypot(fragility.BETA_SAMPLED, 0.5) == pytest.approx(fragility.BETA_MEDIAN_MAP, 2e-3)


def test_table_covers_every_class_hazus_has():
    theta = fragility.medians_g()
    hazus = np.array([not name.startswith("CL-") for name in STRUCTURES])
    missing = {
        f"{STRUCTURES[i]}-{DESIGNS[j]}" for i, j in zip(*np.nonzero(np.isnan(theta[..., 0])),
                                                       strict=True) if hazus[i]
    }
    assert missing == {f"{s}-{d}" for s in ("C3L", "C3M", "URML", "URMM") for d in ("HC", "MC")}
    known = theta[~np.isnan(theta[..., 0])]
    assert np.all(np.diff(known, axis=1) > 0.0)
    # Better design never lowers a median within one structure.
    for rows in theta:
        ordered = rows[~np.isnan(rows[:, 0])]
        assert np.all(np.diff(ordered, axis=0) <= 0.0)
    share = fragility.collapse_given_complete()
    assert share[STRUCTURES.index("W1")] == 0.03
    assert share[STRUCTURES.index("URML")] == 0.15
    assert np.all((share > 0.0) & (share <= 0.15))


@pytest.mark.parametrize(
    ("structure", "design", "medians"),
    [
        ("W1", "HC", (0.26, 0.55, 1.28, 2.01)), ("C1L", "HC", (0.21, 0.35, 0.70, 1.37)),
        ("C1L", "MC", (0.16, 0.23, 0.41, 0.77)), ("C1L", "LC", (0.12, 0.15, 0.27, 0.45)),
        ("C1M", "MC", (0.13, 0.21, 0.49, 0.89)), ("C1H", "MC", (0.11, 0.18, 0.41, 0.74)),
        ("C2L", "MC", (0.18, 0.30, 0.49, 0.87)), ("C2H", "MC", (0.12, 0.23, 0.57, 1.07)),
        ("C3M", "LC", (0.11, 0.17, 0.32, 0.51)), ("S1M", "MC", (0.13, 0.21, 0.44, 0.82)),
        ("URML", "LC", (0.14, 0.20, 0.32, 0.46)), ("URML", "PC", (0.13, 0.17, 0.26, 0.37)),
    ],
)
def test_half_of_a_class_reaches_a_state_at_its_median(
    structure: str, design: str, medians: tuple[float, ...]
) -> None:
    """Medians in g of HAZUS 6.1's equivalent-PGA fragility (NHERI-SimCenter DLML)."""
    s, d = code(structure, design)
    for level, median in enumerate(medians):
        for sampled in (True, False):
            share = fragility.exceedance(median, s, d, residuals_sampled=sampled)[0, level]
            assert share == pytest.approx(0.5, rel=1e-4)


@pytest.mark.parametrize(
    ("structure", "share"),
    [("W1", 0.03), ("C1L", 0.13), ("C1M", 0.10), ("C1H", 0.05), ("C3L", 0.15), ("URML", 0.15),
     ("S1L", 0.08)],
)
def test_collapse_share_of_complete_damage(structure: str, share: float) -> None:
    """HAZUS 6.1's collapse given complete damage (NHERI-SimCenter DLML)."""
    found = fragility.collapse_given_complete()[STRUCTURES.index(structure)]
    assert found == pytest.approx(share, rel=1e-4)


def test_missing_class_is_named():
    with pytest.raises(InputError, match=r"C3M-HC, URML-MC \(2 buildings\)"):
        fragility.damage_state(
            1, [1, 2, 3], [0.1, 0.1, 0.1],
            [STRUCTURES.index(s) for s in ("C1L", "URML", "C3M")], [0, 1, 0],
            residuals_sampled=True,
        )


@pytest.mark.parametrize("sampled", [True, False])
def test_sampled_states_have_the_curve_s_frequencies(sampled):
    n = 40_000
    s, d = code("URML", "PC")
    state = fragility.damage_state(
        3, np.arange(n), np.full(n, 0.3), np.full(n, s), np.full(n, d), residuals_sampled=sampled
    )
    frequency = [(state >= level).mean() for level in range(1, 5)]
    expected = fragility.exceedance(0.3, s, d, sampled)[0]
    assert frequency == pytest.approx(expected, abs=0.01)
    fell = fragility.collapsed(3, np.arange(n), state, np.full(n, s))
    assert not fell[state < 4].any()
    assert fell.sum() / (state == 4).sum() == pytest.approx(0.15, abs=0.01)


def test_states_are_keyed_by_building_and_rise_with_shaking():
    n = 3000
    key = np.arange(n) * 17 + 5
    s = np.arange(n) % 3  # W1, C1L, C1M
    weak = fragility.damage_state(9, key, np.full(n, 0.2), s, s, residuals_sampled=True)
    strong = fragility.damage_state(9, key, np.full(n, 0.4), s, s, residuals_sampled=True)
    assert np.all(strong >= weak)
    assert (strong > weak).any()
    order = np.argsort(-key)
    turned = fragility.damage_state(
        9, key[order], np.full(n, 0.2), s[order], s[order], residuals_sampled=True
    )
    assert np.array_equal(turned, weak[order])
    still = fragility.damage_state(9, key, np.zeros(n), s, s, residuals_sampled=True)
    assert not still.any()


@pytest.mark.parametrize(
    ("bridge", "medians"),
    [("HWB5", (0.25, 0.35, 0.45, 0.70)), ("HWB1", (0.40, 0.50, 0.70, 0.90))],
)
def test_bridge_states_follow_the_published_curves(
    bridge: str, medians: tuple[float, ...]
) -> None:
    """Medians of Sa(1 s) in g and beta 0.6 (HAZUS 5.1 in NHERI-SimCenter DLML)."""
    key = np.arange(40_000)
    for level, median in enumerate(medians, start=1):
        for factor, share in ((1.0, 0.5), (np.exp(0.6), 0.8413), (np.exp(-0.6), 0.1587)):
            state = fragility.bridge_damage(4, key, np.full(key.size, factor * median), bridge)
            assert (state >= level).mean() == pytest.approx(share, abs=0.01)  # 4 standard errors
    theta, beta = fragility.bridge_classes()[bridge]
    assert (*theta, beta) == pytest.approx((*medians, 0.6), rel=1e-4)


def test_bridges():
    n = 20_000
    state = fragility.bridge_damage(2, np.arange(n), np.full(n, 0.35))
    # At the median of moderate damage, half of the bridges reach it.
    assert (state >= 2).mean() == pytest.approx(0.5, abs=0.01)
    assert (fragility.bridge_damage(2, np.arange(n), np.full(n, 0.35), "HWB1") <= state).all()
    with pytest.raises(InputError, match="unknown bridge class 'HWB9'"):
        fragility.bridge_damage(2, [1], [0.3], "HWB9")


def test_chilean_classes_reproduce_the_register_of_2015():
    """702 dwellings registered as damaged in the two communes, 105 of them adobe (Fernandez 2017).

    The factors stand in the table with two decimals: expected numbers agree to 2 %. The split
    between the communes was not fitted: Coquimbo, shaken more, must have the larger part.
    """
    city = load_city("coquimbo")
    pga = calibrate.shaking(city)
    with fragility_table("fragility_chile.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["structure"] for row in rows} == set(HAZUS_CLASS)
    communes, before = np.zeros(2), 0.0
    for pool, target in calibrate.targets().items():
        mine = [row for row in rows if row["group"] == pool]
        found = np.sum([
            calibrate.damaged_dwellings(city, pga, row, float(row["factor"])) for row in mine
        ], axis=0)
        assert found.sum() == pytest.approx(target, rel=0.02)
        communes += found
        before += sum(calibrate.damaged_dwellings(city, pga, row, 1.0).sum() for row in mine)
    # The assumption card says the same, before and after.
    _, factors, _, figures, _ = CHILE_CARD
    assert {row["factor"] for row in rows} == set(re.findall(r"\d\.\d\d", factors))
    told = {words.split()[-1]: int(n.replace(",", ""))
            for words, n in re.findall(r"(registered|these factors|own medians) ([\d,]*\d)", figures)}
    assert told["registered"] == sum(calibrate.REGISTER.values())
    assert told["factors"] == round(communes.sum())
    assert told["medians"] == round(before)
    assert city.zone_municipality[1] == ("Coquimbo", "La Serena")
    assert communes[0] > 2 * communes[1]
    # Every Chilean building of the city has a curve.
    b = city.buildings
    assert not np.isnan(fragility.medians_g()[b.structure, b.design, 0]).any()
