"""BSSA14 against OpenQuake's tables and our own arithmetic, intensity, correlation, fields."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from engine.errors import InputError
from engine.hazards.ground_motion import (
    RuptureTrend,
    StationField,
    bssa14_ln_median,
    bssa14_sigma,
    jayaram_baker,
    mmi_worden2012,
    pgv_from_sa1,
    read_shakemap,
    s_arrival_s,
)

LOMA_PRIETA = Path(__file__).parents[2].parent / "shared/data/shakemap_pager"


def median(measure, magnitude, rjb, vs30, style="strike-slip", region="global"):
    return float(np.exp(bssa14_ln_median(measure, magnitude, rjb, vs30, style, region)))


@pytest.mark.parametrize(
    ("magnitude", "rjb", "vs30", "style", "pga", "pgv", "sa1"),
    [  # rows of OpenQuake's BSSA_2014_MEAN table
        (3.0, 0.0, 200.0, "normal", 0.0122054, 0.219327, 0.000543518),
        (3.0, 100.0, 600.0, "normal", 3.63104e-05, 0.000863263, 3.32509e-06),
        (3.0, 50.0, 760.0, "normal", 0.000125827, 0.00230754, 6.96201e-06),
        (4.0, 20.0, 200.0, "normal", 0.00764461, 0.299424, 0.00162003),
        (4.0, 0.0, 600.0, "normal", 0.0293795, 0.762923, 0.00261423),
        (4.0, 100.0, 400.0, "normal", 0.000382604, 0.0161471, 0.000101966),
    ],
)
def test_median_reproduces_published_rows(magnitude, rjb, vs30, style, pga, pgv, sa1):
    assert median("PGA", magnitude, rjb, vs30, style) == pytest.approx(pga, rel=2e-5)
    assert median("PGV", magnitude, rjb, vs30, style) == pytest.approx(pgv, rel=2e-5)
    assert median("SA1", magnitude, rjb, vs30, style) == pytest.approx(sa1, rel=2e-5)


@pytest.mark.parametrize(
    ("magnitude", "rjb", "vs30", "region", "pga", "pgv"),
    [
        (7.0, 10.0, 760.0, "global", 0.243585, 22.4190),
        (7.0, 10.0, 300.0, "global", 0.324555, 40.0503),
        (7.0, 10.0, 300.0, "HighQ", 0.332450, 41.7488),
        (6.5, 20.0, 270.0, "global", 0.182351, 18.4665),
    ],
)
def test_median_check_numbers(magnitude, rjb, vs30, region, pga, pgv):
    assert median("PGA", magnitude, rjb, vs30, region=region) == pytest.approx(pga, rel=1e-4)
    assert median("PGV", magnitude, rjb, vs30, region=region) == pytest.approx(pgv, rel=1e-4)


@pytest.mark.parametrize(("region", "term"), [("HighQ", 0.002858), ("LowQ", -0.00255)])
def test_regional_term_of_peak_acceleration(region: str, term: float) -> None:
    """On rock a region adds dc3 (R - 1) to ln PGA (coefficients of OpenQuake's variants)."""
    r = np.hypot(100.0, 4.5)
    change = np.log(median("PGA", 7.0, 100.0, 760.0, region=region)
                    / median("PGA", 7.0, 100.0, 760.0))
    assert change == pytest.approx(term * (r - 1.0), rel=1e-4)


def test_low_q_attenuates_faster():
    assert median("PGA", 7.0, 100.0, 760.0, region="LowQ") < median("PGA", 7.0, 100.0, 760.0)


@pytest.mark.parametrize(
    ("rjb", "vs30", "pga", "pgv"),  # BSSA_2014_TOTAL_STD, M3
    [(0.0, 200.0, 0.7410, 0.6920), (100.0, 600.0, 0.8009, 0.7586), (20.0, 250.0, 0.7627, 0.7161)],
)
def test_total_sigma_reproduces_published_rows(rjb, vs30, pga, pgv):
    for measure, expected in (("PGA", pga), ("PGV", pgv)):
        tau, phi = bssa14_sigma(measure, 3.0, rjb, vs30)
        assert np.hypot(tau, phi) == pytest.approx(expected, rel=1e-4)


def test_sigma_depends_on_magnitude_distance_and_site():
    assert bssa14_sigma("PGA", 4.5, 10.0)[0] == pytest.approx(0.398)
    assert bssa14_sigma("PGA", 5.0, 10.0)[0] == pytest.approx(0.373)
    tau, phi = bssa14_sigma("PGA", 7.0, [10.0, 110.0, 270.0, 400.0], 760.0)
    assert tau == pytest.approx(0.348)
    assert phi == pytest.approx([0.495, 0.495, 0.595, 0.595])
    assert float(bssa14_sigma("PGA", 7.0, 10.0, 200.0)[1]) == pytest.approx(0.425)


@pytest.mark.parametrize(
    ("measure", "magnitude", "tau", "phi"),
    [("PGA", 4.5, 0.398, 0.695), ("PGA", 5.5, 0.348, 0.495), ("PGV", 4.5, 0.401, 0.644),
     ("PGV", 5.5, 0.346, 0.552)],
)
def test_base_sigma(measure: str, magnitude: float, tau: float, phi: float) -> None:
    """Between and within events, near the source on rock (Boore et al. 2014)."""
    found = bssa14_sigma(measure, magnitude, 10.0, 760.0)
    assert found[0] == pytest.approx(tau, rel=1e-4)
    assert float(found[1]) == pytest.approx(phi, rel=1e-4)


def test_bssa14_refuses_what_it_does_not_cover():
    with pytest.raises(InputError, match="magnitude 9"):
        bssa14_ln_median("PGA", 9.0, 10.0)
    with pytest.raises(InputError, match="did you mean 'HighQ'"):
        bssa14_ln_median("PGA", 7.0, 10.0, region="HighK")
    with pytest.raises(InputError, match="Vs30"):
        bssa14_ln_median("PGA", 7.0, 10.0, 0.0)


def test_mmi_of_worden():
    # 100 cm/s2: -1.60 + 3.70 * 2; 10 cm/s: 2.89 + 3.16.
    assert float(mmi_worden2012(100.0 / 980.665)) == pytest.approx(5.80, abs=1e-6)
    assert float(mmi_worden2012(100.0 / 980.665, 10.0)) == pytest.approx(5.925, abs=1e-6)
    pga = np.geomspace(1e-5, 3.0, 400)
    mmi = mmi_worden2012(pga)
    # The published segments meet to 0.06 of a unit only, so the curve is checked beside them.
    assert np.all(np.diff(mmi) > -0.08)
    assert mmi[0] == 1.0
    assert mmi[-1] == 10.0


def test_velocity_from_spectral_acceleration_and_arrival():
    assert float(pgv_from_sa1(1.0)) == pytest.approx(37.27 * 2.54, rel=2e-3)
    assert float(s_arrival_s(30_000.0, 40_000.0)) == pytest.approx(50_000.0 / 3500.0)


def test_correlation_check_numbers():
    assert jayaram_baker([1, 5, 10, 20], 0.0, True) == pytest.approx(
        [0.9289, 0.6917, 0.4785, 0.2290], abs=6e-5
    )
    # OpenQuake's distance between its two test sites, 0.1 degrees of latitude.
    h = 0.1 * np.pi / 180.0 * 6371.0
    assert float(jayaram_baker(h, 0.001, True)) == pytest.approx(0.44046654, rel=1e-4)
    assert float(jayaram_baker(h, 0.95)) == pytest.approx(0.26107857, rel=1e-4)
    assert float(jayaram_baker(h, 1.0)) == pytest.approx(0.2730787, rel=1e-4)


# Illapel 2015, five CSN stations near La Serena: lon, lat, PGA g (recorded maximum).
ILLAPEL = np.array([
    (-71.337, -29.968, 0.25536), (-71.238, -29.877, 0.17595), (-71.251, -29.911, 0.13948),
    (-71.351, -29.966, 0.12741), (-71.369, -30.093, 0.11842),
])  # fmt: skip
X = (ILLAPEL[:, 0] + 71.30) * 96_400.0
Y = (ILLAPEL[:, 1] + 29.95) * 110_900.0
PGA = ILLAPEL[:, 2]
TREND = RuptureTrend(8.3, (-60e3, -60e3), (-30e3, -200e3), "reverse", vs30_mps=500.0)


@pytest.mark.parametrize("trend", [None, TREND])
def test_field_honours_its_stations(trend):
    field = StationField("PGA", X, Y, PGA, trend=trend)
    assert field.at(X, Y) == pytest.approx(PGA, rel=1e-9)
    sample = field.sample(7, X, Y + 900.0, np.arange(5))
    assert field.at(X, Y, sample=sample, centre=np.arange(5)) == pytest.approx(PGA, rel=1e-6)


def test_field_returns_to_trend_and_event_term_far_away():
    field = StationField("PGA", X, Y, PGA, trend=TREND)
    far = float(field.at([300e3], [300e3])[0])
    trend = float(np.exp(TREND.ln_median("PGA", np.array([300e3]), np.array([300e3]), None)[0]))
    assert far == pytest.approx(trend * np.exp(field.event_mean), rel=1e-9)


def test_event_term_without_trend_lies_within_the_records():
    field = StationField("PGA", X, Y, PGA)
    assert PGA.min() < np.exp(field.event_mean) < PGA.max()
    # Kriging with positive correlation: the hand solution of two stations far apart is the mean.
    two = StationField("PGA", [0.0, 500e3], [0.0, 0.0], [0.1, 0.4])
    assert np.exp(two.event_mean) == pytest.approx(0.2, rel=1e-6)


def test_samples_have_the_stated_moments_and_correlation():
    trend = RuptureTrend(6.5, (0.0,), (0.0,), vs30_mps=760.0)
    field = StationField("PGA", trend=trend)
    xs, ys = np.array([20e3, 20e3, 90e3]), np.array([0.0, 2e3, 0.0])
    ln = np.array([
        np.log(field.at(xs, ys, sample=field.sample(s, xs, ys, np.arange(3)), centre=np.arange(3)))
        for s in range(4000)
    ])  # fmt: skip
    assert ln.mean(axis=0) == pytest.approx(np.log(field.at(xs, ys)), abs=0.03)
    assert ln.std(axis=0) == pytest.approx(np.full(3, np.hypot(0.348, 0.495)), rel=0.04)
    within = np.exp(-3.0 * 2.0 / 8.5)
    expected = (0.348**2 + 0.495**2 * within) / (0.348**2 + 0.495**2)
    assert np.corrcoef(ln.T)[0, 1] == pytest.approx(expected, abs=0.03)
    assert np.corrcoef(ln.T)[0, 2] == pytest.approx(0.348**2 / (0.348**2 + 0.495**2), abs=0.04)


def test_sampling_is_keyed_and_leaves_stations_less_scatter():
    field = StationField("PGA", X, Y, PGA)
    xs, ys, key = np.array([-3000.0, 4000.0]), np.array([-1500.0, 7000.0]), np.array([5, 9])
    one = field.sample(3, xs, ys, key)
    again = field.sample(3, xs, ys, key)
    assert one.event_term == again.event_term
    assert np.array_equal(one.score, again.score)
    assert not np.array_equal(one.score, field.sample(4, xs, ys, key).score)
    assert not np.array_equal(one.score, field.sample(3, xs, ys, key, event=1).score)
    near, away = [], []
    for seed in range(300):
        s = field.sample(seed, xs, ys, key)
        v = np.log(field.at([X[0] + 200.0, 4000.0], [Y[0], 30_000.0], sample=s, centre=[0, 1]))
        near.append(v[0])
        away.append(v[1])
    assert np.std(near) < 0.5 * np.std(away)


def test_field_refuses_bad_stations():
    with pytest.raises(InputError, match="at least one station"):
        StationField("PGA")
    with pytest.raises(InputError, match="positive"):
        StationField("PGA", [0.0], [0.0], [0.0])
    with pytest.raises(InputError, match="within a metre"):
        StationField("PGA", [0.0, 0.5], [0.0, 0.0], [0.1, 0.2])
    with pytest.raises(InputError, match="unknown ground-motion measure 'SA3'"):
        StationField("SA3", [0.0], [0.0], [0.1])


GRID = """<?xml version="1.0"?>
<shakemap_grid xmlns="http://earthquake.usgs.gov/eqcenter/shakemap" event_id="hand">
<event event_id="hand" magnitude="6.1" depth="10" lat="1.0" lon="2.0"/>
<grid_specification lon_min="2" lat_min="1" lon_max="3" lat_max="2" nlon="2" nlat="2"/>
<grid_field index="1" name="LON" units="dd"/>
<grid_field index="2" name="LAT" units="dd"/>
<grid_field index="3" name="PGA" units="pctg"/>
<grid_field index="4" name="PGV" units="cms"/>
<grid_field index="5" name="MMI" units="intensity"/>
<grid_data>
2 2 10 8 5
3 2 40 32 7
2 1 20 16 6
3 1 20 16 6
</grid_data></shakemap_grid>"""


def test_shakemap_of_four_points(tmp_path):
    path = tmp_path / "grid.xml.gz"
    path.write_bytes(gzip.compress(GRID.encode()))
    grid = read_shakemap(path)
    assert (grid.event_id, grid.magnitude, grid.depth_km) == ("hand", 6.1, 10.0)
    pga, pgv, mmi = grid.at([2.0, 2.5, 3.0, 2.5], [2.0, 2.0, 2.0, 1.0])
    assert pga == pytest.approx([0.10, 0.20, 0.40, 0.20])  # geometric between 10 and 40
    assert pgv == pytest.approx([8.0, 16.0, 32.0, 16.0])
    assert mmi == pytest.approx([5.0, 6.0, 7.0, 6.0])
    with pytest.raises(InputError, match=r"1 of 2 points lie outside .* first at 3\.5"):
        grid.at([2.5, 3.5], [1.5, 1.5])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("3 1 20 16 6\n", "", "holds 15 values, expected 2 x 2 points"),
        ('name="MMI"', 'name="SVEL"', "grid field MMI is missing"),
        ('units="pctg"', 'units="g"', "unit 'g', expected 'pctg'"),
        ("3 1 20", "3 1 x", "no number"),
        ("3 1 20", "3 1 -20", "negative"),
        ("3 1 20", "2 1 20", "regular grid"),
        ('magnitude="6.1"', "", "'magnitude' is missing"),
        ("</grid_data>", "", "not valid XML"),
        ("<shakemap_grid", "<!DOCTYPE a []><shakemap_grid", "document types"),
    ],
)
def test_shakemap_says_what_is_wrong(tmp_path, old, new, message):
    path = tmp_path / "grid.xml"
    path.write_text(GRID.replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        read_shakemap(path)


def test_shakemap_missing_file(tmp_path):
    with pytest.raises(InputError, match="no such ShakeMap"):
        read_shakemap(tmp_path / "none.xml")


@pytest.mark.skipif(not LOMA_PRIETA.is_dir(), reason="real ShakeMap of Loma Prieta not at hand")
def test_shakemap_of_loma_prieta():
    grid = read_shakemap(next(LOMA_PRIETA.glob("*.xml.gz")))
    assert grid.pga_g.shape == (193, 241)
    assert grid.magnitude == 6.9
    pga, _, mmi = grid.at(grid.lon_deg, grid.lat_deg)
    assert 0.3 < pga[0] < 0.9
    assert 7.5 < mmi[0] < 9.5
    # Our intensity from the map's own motions agrees with the map where it matters.
    strong = grid.mmi > 5.0
    ours = mmi_worden2012(grid.pga_g, grid.pgv_cms)
    assert np.mean(np.abs(ours - grid.mmi)[strong]) < 0.5
