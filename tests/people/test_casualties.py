"""Injury rates, deaths of the check case, trapped and untreated survival, START."""

from __future__ import annotations

import numpy as np
import pytest

from engine.city import STRUCTURES
from engine.errors import InputError
from engine.networks import fragility
from engine.people import casualties as c

URML = STRUCTURES.index("URML")
PC = 3


def test_rates_are_percent_turned_into_fractions():
    rates = c.indoor_rates()
    assert rates[URML, 5] == pytest.approx([0.40, 0.20, 0.05, 0.10])
    assert rates[STRUCTURES.index("W1"), 5] == pytest.approx([0.40, 0.20, 0.03, 0.05])
    assert rates[STRUCTURES.index("C1L"), 2] == pytest.approx([0.0025, 0.0003, 0.0, 0.0])
    assert rates[URML, 2] == pytest.approx([0.0035, 0.004, 0.00001, 0.00001])
    assert not rates[:, 0].any()
    assert np.all(rates[:, 1:, 0] > 0.0)
    assert np.all(rates.sum(axis=2) <= 0.75 + 1e-12)


@pytest.mark.parametrize(
    ("structure", "state", "percent"),
    [
        ("C1L", "slight", (0.05, 0.0, 0.0, 0.0)), ("C1L", "moderate", (0.25, 0.03, 0.0, 0.0)),
        ("C1L", "extensive", (1.0, 0.1, 0.001, 0.001)), ("C1L", "complete", (5.0, 1.0, 0.01, 0.01)),
        ("C1L", "collapsed", (40.0, 20.0, 5.0, 10.0)),
        ("URML", "moderate", (0.35, 0.4, 0.001, 0.001)),
        ("URML", "extensive", (2.0, 0.2, 0.002, 0.002)),
        ("URML", "complete", (10.0, 2.0, 0.02, 0.02)),
        ("URML", "collapsed", (40.0, 20.0, 5.0, 10.0)),
        ("W1", "collapsed", (40.0, 20.0, 3.0, 5.0)),
    ],
)
def test_indoor_rates_are_the_published_ones(
    structure: str, state: str, percent: tuple[float, ...]
) -> None:
    """Severities 1-4 in percent of occupants (HAZUS 6.1 in NHERI-SimCenter DLML)."""
    found = c.indoor_rates()[STRUCTURES.index(structure), c.RATE_STATES.index(state)]
    assert found * 100.0 == pytest.approx(percent, rel=1e-4)


def test_expected_deaths_of_the_check_case():
    p = fragility.exceedance(0.3, URML, PC, residuals_sampled=False)[0]
    state = np.array([1 - p[0], p[0] - p[1], p[1] - p[2], p[2] - p[3], p[3] * 0.85, p[3] * 0.15])
    deaths = float((state * c.indoor_rates()[URML, :, 3]).sum())
    assert deaths * 100.0 == pytest.approx(0.5643, abs=6e-5)


def test_sampled_severities_have_the_rates():
    n = 100_000
    key = np.arange(n)
    rates = c.indoor_rates()[URML, 5]
    got = c.casualty_severity(
        1, key, np.full(n, 4), np.ones(n, bool), np.full(n, URML), np.ones(n, bool)
    )
    assert [(got == s).mean() for s in range(1, 5)] == pytest.approx(rates, abs=0.006)
    outdoors = c.casualty_severity(
        1, key, np.full(n, 4), np.ones(n, bool), np.full(n, URML), np.zeros(n, bool)
    )
    assert not outdoors.any()


def test_collapse_hurts_nobody_less_than_lighter_damage():
    n = 20_000
    args = (np.full(n, URML), np.ones(n, bool))
    light = c.casualty_severity(5, np.arange(n), np.full(n, 3), np.zeros(n, bool), *args)
    heavy = c.casualty_severity(5, np.arange(n), np.full(n, 4), np.ones(n, bool), *args)
    assert np.all(heavy >= light)
    again = c.casualty_severity(5, np.arange(n), np.full(n, 4), np.ones(n, bool), *args, event=1)
    assert not np.array_equal(heavy, again)


def test_trapped_are_the_living_hurt_in_wrecks():
    severity = np.array([0, 1, 2, 3, 4, 2, 3, 2, 3])
    damage = np.array([4, 4, 4, 4, 4, 3, 4, 4, 3])
    fell = np.array([1, 1, 1, 1, 1, 0, 0, 1, 0], bool)
    indoors = np.array([1, 1, 1, 1, 1, 1, 1, 0, 1], bool)
    got = c.trapped(severity, damage, fell, indoors)
    assert got.tolist() == [False, False, True, True, False, False, True, False, False]


TANGSHAN = [0.810, 0.537, 0.367, 0.190, 0.074]
KOBE = [0.74, 0.26, 0.20, 0.06]


def test_trapped_survival_lies_between_tangshan_and_kobe():
    t = np.linspace(0.0, 120.0, 12_001)
    alive = c.trapped_survival(t)
    assert alive[0] == 1.0
    assert np.all(np.diff(alive) < 0.0)
    assert float(c.trapped_survival(0.5)) == pytest.approx(0.993, abs=0.002)
    day = [alive[2400 * d : 2400 * (d + 1)].mean() for d in range(5)]
    for d, kobe in enumerate(KOBE):
        assert kobe < day[d] < TANGSHAN[d]
    assert 0.0 < day[4] < TANGSHAN[4]


def test_trapped_deaths_follow_the_curve():
    hours = c.trapped_death_h(4, np.arange(50_000))
    for t in (2.0, 24.0, 72.0):
        assert (hours > t).mean() == pytest.approx(float(c.trapped_survival(t)), abs=0.007)


@pytest.mark.parametrize("rpm", [8, 9, 10])
def test_untreated_deaths_follow_the_curve(rpm):
    hours = c.untreated_death_h(4, np.arange(50_000), rpm)
    for t in (0.7, 1.5, 3.2, 5.5, 7.0):
        assert (hours > t).mean() == pytest.approx(float(c.untreated_survival(t, rpm)), abs=0.008)
    assert np.isinf(hours).any()
    assert hours[np.isfinite(hours)].max() <= 6.0


def test_untreated_survival_matches_sacco_and_has_no_cliff():
    # RPM 9 falls to 8 after one hour, 7 after two, 5 after three and 0 after six.
    assert c.untreated_survival([0.0, 1.0, 2.0, 3.0, 6.0]) == pytest.approx(
        [1.0, 0.84 / 0.90, 0.75 / 0.90, 0.49 / 0.90, 0.052 / 0.90]
    )
    t = np.linspace(0.0, 12.0, 721)
    alive = c.untreated_survival(t)
    assert np.all(np.diff(alive) <= 0.0)
    assert alive[60] > 0.9  # the first hour
    # Relative to care at once the curves of low scores end a little higher, past five hours.
    early = t <= 5.0
    assert np.all((c.untreated_survival(t, 8) <= alive)[early])
    assert np.all((c.untreated_survival(t, 10) >= alive)[early])
    with pytest.raises(InputError, match="RPM score 13"):
        c.untreated_survival(1.0, 13)
