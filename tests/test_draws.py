"""Random draws: uniform and independent by themselves, and the same luck under every plan."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from engine import rng
from engine.city import City
from engine.events import KIND_CODE
from engine.plan import Plan
from engine.run import Run, simulate
from engine.scenario import Scenario

N = 200_000
F64 = NDArray[np.float64]


# --- the generator ---------------------------------------------------------------------------


def test_uniform_is_uniform() -> None:
    u = rng.uniform(1, "people.milling", np.arange(N))
    assert u.min() > 0.0
    assert u.max() < 1.0
    # Four standard errors of mean, variance and lag-1 correlation.
    assert abs(u.mean() - 0.5) < 4 / np.sqrt(12 * N)
    assert abs(u.var() - 1 / 12) < 4 * np.sqrt(1 / 180 / N)
    assert abs(np.corrcoef(u[1:], u[:-1])[0, 1]) < 4 / np.sqrt(N)
    assert stats.kstest(u, "uniform").pvalue > 1e-4
    counts = np.bincount((u * 256).astype(int), minlength=256)
    assert stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("axis", ["seed", "entity", "occurrence"])
def test_each_part_of_the_key_counts(axis: str) -> None:
    """Neighbouring seeds, entities and occurrences give unrelated draws."""
    entity = np.arange(5000)
    a = rng.uniform(7, "people.mode", entity)
    b = {
        "seed": rng.uniform(8, "people.mode", entity),
        "entity": rng.uniform(7, "people.mode", entity + 5000),
        "occurrence": rng.uniform(7, "people.mode", entity, 1),
    }[axis]
    assert not np.isin(a, b).any()
    assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(a.size)


def test_streams_are_independent() -> None:
    entity = np.arange(4000)
    table = np.stack([rng.uniform(3, name, entity) for name in rng.STREAMS])
    corr = np.corrcoef(table)
    np.fill_diagonal(corr, 0.0)
    # 630 pairs: five standard errors.
    assert np.abs(corr).max() < 5 / np.sqrt(entity.size)
    assert len(set(rng.STREAMS.values())) == len(rng.STREAMS)


def test_draw_does_not_depend_on_company() -> None:
    """A draw is a function of its key, whatever is drawn with it, in any order."""
    keys = np.array([5, 900, 12, 5])
    many = rng.uniform(11, "call.delay", keys, [0, 3, 1, 0])
    alone = [rng.uniform(11, "call.delay", key, k)[0] for key, k in zip(keys, [0, 3, 1, 0], strict=True)]
    assert many.tolist() == alone
    assert many[0] == many[3]


def test_known_values() -> None:
    """The digest of every run rests on these: a change here is a change of every result."""

    def slow(seed: int, stream: int, entity: int, k: int) -> float:
        mask = 2**64 - 1

        def mix(z: int) -> int:
            z = (z + 0x9E3779B97F4A7C15) & mask
            z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
            return z ^ (z >> 31)

        z = mix(seed)
        for word in (stream, entity, k):
            z = mix(z ^ (word & mask))
        return ((z >> 11) + 0.5) / 2**53

    for seed, entity, k in ((0, 0, 0), (1, 17, 3), (2**31, 10**12, 5), (9, -1, 0)):
        got = rng.uniform(seed, "call.delay", entity, k)[0]
        assert got == slow(seed, rng.STREAMS["call.delay"], entity, k)


def test_inverse_normal() -> None:
    p = np.concatenate([np.linspace(1e-6, 1 - 1e-6, 4001), 10.0 ** np.arange(-15, -5)])
    got = np.array([rng.inverse_normal(x) for x in p])
    expected = stats.norm.ppf(p)
    inner = np.abs(expected) > 1e-3
    assert np.abs(got[inner] / expected[inner] - 1).max() < 1.2e-9  # Acklam's bound
    assert np.abs(got - expected)[~inner].max() < 1e-11
    z = rng.normal(1, "sensor.noise", np.arange(N))
    assert abs(z.mean()) < 4 / np.sqrt(N)
    assert abs(z.var() - 1) < 4 * np.sqrt(2 / N)
    assert stats.kstest(z, "norm").pvalue > 1e-4


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(0, 2**63 - 1), entity=st.integers(-(2**62), 2**62), k=st.integers(0, 2**40))
def test_any_key_gives_a_draw_inside(seed: int, entity: int, k: int) -> None:
    u = float(rng.uniform(seed, "people.felt", entity, k)[0])
    assert 0.0 < u < 1.0
    assert np.isfinite(rng.normal(seed, "people.felt", entity, k)[0])


# --- same luck under every plan --------------------------------------------------------------


def component(run: Run, name: str) -> object:
    return next(c for c in run.twin.components if c.name == name)


def arrays(thing: object) -> dict[str, NDArray[np.generic]]:
    return {k: v for k, v in vars(thing).items() if isinstance(v, np.ndarray)}


@pytest.fixture(scope="module")
def earlier(town: City, scenario: Scenario, plans: dict[str, Plan]) -> Run:
    """The historical plan, but the radio speaks ten seconds sooner: some hear it earlier."""
    document = plans["historical"].model_dump()
    document["channels"][1]["start_s"] -= 10.0
    return simulate(town, scenario, Plan.model_validate(document), 1)


def test_nature_and_homes_are_the_same_under_both_plans(runs: dict[str, Run]) -> None:
    """Shaking, damage, the sea and the starting places know nothing of the plan."""
    tables = []
    for run in runs.values():
        events = run.codes
        kinds = [KIND_CODE[k] for k in ("zone_shaken", "building_damaged", "zone_flooded",
                                        "sea_crest", "party_formed", "party_placed")]
        tables.append(events[events.kind.isin(kinds)].drop(columns=["event", "cause"]))
    assert len(tables[0]) > 3000
    assert np.array_equal(tables[0].to_numpy(), tables[1].to_numpy())


def test_warning_draws_are_the_same_under_both_plans(runs: dict[str, Run]) -> None:
    one, two = (component(run, "warning").who for run in runs.values())  # type: ignore[attr-defined]
    shared = ("refuse", "mode", "pickup", "helped", "talk")
    mine, theirs = arrays(one), arrays(two)
    both = np.isin(mine["key"], theirs["key"])
    at = np.searchsorted(theirs["key"], mine["key"][both])
    assert both.sum() > 300
    for name in shared:
        assert np.array_equal(mine[name][both], theirs[name][at]), name


def heard(run: Run) -> NDArray[np.int64]:
    """When each party heard the order [parties], -1 = never."""
    codes = run.codes
    mine = codes[(codes.kind == KIND_CODE["party_alerted"]) & (codes.value == 1)]
    out = np.full(run.twin.context.parties.count, -1, np.int64)
    out[mine.subject.to_numpy()] = mine.t_ms.to_numpy()
    return out


def test_hearing_earlier_moves_no_other_draw(runs: dict[str, Run], earlier: Run) -> None:
    base = runs["historical"]
    before, after = heard(base), heard(earlier)
    moved = before != after
    assert 0 < moved.sum() < before.size / 4
    both = moved & (before >= 0) & (after >= 0)
    # Their own delay is the same draw: who heard by radio heard exactly ten seconds earlier.
    assert (before[both] - after[both] == 10_000).any()
    assert (before[both] >= after[both]).all()

    # Walking speed, refusal and the rest: equal for everybody, warned earlier or not.
    assert np.array_equal(base.twin.world.party_speed_mps, earlier.twin.world.party_speed_mps)
    one, two = component(base, "warning"), component(earlier, "warning")
    mine, theirs = one.who, two.who  # type: ignore[attr-defined]
    for name, values in arrays(mine).items():
        assert np.array_equal(values, arrays(theirs)[name]), name
    for name in ("believe", "milling"):
        for mine, theirs in zip(getattr(one.who, name), getattr(two.who, name), strict=True):
            assert np.array_equal(mine, theirs), name
    for name in ("sounding", "delay_ms", "listener"):
        pair = (getattr(warning._broadcast, name) for warning in (one, two))
        for mine, theirs in zip(*pair, strict=True):
            assert np.array_equal(mine, theirs), name


def decisions(run: Run) -> dict[int, tuple[int, float, int, float]]:
    """First decision to leave of each party: (mode, preparation s, cue, mobility of cause)."""
    codes = run.codes
    cause_value = codes.value.to_numpy()
    out: dict[int, tuple[int, float, int, float]] = {}
    for row in codes[codes.kind == KIND_CODE["party_decided"]].itertuples():
        out.setdefault(int(row.subject), (
            int(row.object), float(row.value), int(cause_value[row.cause]), 0.0))
    return out


def test_same_cue_gives_same_decision(runs: dict[str, Run], earlier: Run) -> None:
    """Given the same cue a party chooses the same mode and prepares as long."""
    base, other = decisions(runs["historical"]), decisions(earlier)
    told = heard(runs["historical"]) >= 0
    common = [p for p in base if p in other and base[p][2] == other[p][2]]
    assert len(common) > 300
    assert told.any()
    for party in common:
        assert base[party] == other[party], party


def test_only_those_concerned_change(runs: dict[str, Run], earlier: Run) -> None:
    """A party that met the same cues at the same times decides and sets out as before."""
    def cues(run: Run) -> dict[int, tuple[tuple[int, float], ...]]:
        codes = run.codes
        mine = codes[codes.kind == KIND_CODE["party_alerted"]]
        out: dict[int, list[tuple[int, float]]] = {}
        for t, party, value in zip(mine.t_ms, mine.subject, mine.value, strict=True):
            out.setdefault(int(party), []).append((int(t), float(value)))
        return {party: tuple(rows) for party, rows in out.items()}

    def left(run: Run) -> dict[int, int]:
        codes = run.codes
        mine = codes[codes.kind == KIND_CODE["party_departed"]]
        return dict(zip(mine.subject.tolist(), mine.t_ms.tolist(), strict=True))

    base, other = cues(runs["historical"]), cues(earlier)
    same = [party for party in base if base[party] == other.get(party)]
    assert len(same) > 300
    before, after = left(runs["historical"]), left(earlier)
    for party in same:
        assert before.get(party) == after.get(party), party
