"""What is not known well: a scenario's uncertain inputs, swept together over their ranges.

`uncertain.csv` beside the scenario names scenario keys, the range each may lie in and its source. A
sweep draws samples by Latin hypercube (McKay, Beckman and Conover 1979, Technometrics 21:239),
uniform over every range, and plays each with a seed of its own, so that the spread of a result holds
both what is not known and what is left to chance. What moves a result is found by stepwise regression on
ranks (Helton, Johnson, Sallaberry and Storlie 2006, Reliability Engineering and System Safety 91:1175):
in a few dozen samples inputs go together by chance, so that a result moved by one would seem moved by the
other. The input with the strongest rank correlation is taken, then the one with the strongest partial
rank correlation beside those taken, while chance alone would give one as strong in fewer than one of a
hundred sweeps (t distribution).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import rng
from engine.errors import InputError
from engine.run import Run
from engine.scenario import Scenario, load_scenario
from engine.scoring.statistics import nearest_rank

TABLE = "uncertain.csv"
COLUMNS = ("key", "low", "high", "source")
SHOWN_BELOW_P = 0.01
LEAST_SAMPLES = 8
#: What of score.json is looked at, in words.
METRICS = (
    ("deaths", "Deaths"), ("severe_injuries", "Severe injuries"),
    ("out_before_water", "Ordered people out before the water"),
    ("clearance_t50", "Half of those ordered out after"),
)


@dataclass(frozen=True)
class Uncertain:
    """One uncertain input: the scenario's key path and its range, in the key's own unit."""

    key: str
    low: float
    high: float
    source: str


def read_uncertain(scenario: Scenario) -> list[Uncertain]:
    """The scenario's uncertain inputs; InputError where it has none or a row is wrong."""
    path = scenario.folder / TABLE
    if not path.is_file():
        raise InputError(f"scenario '{scenario.name}' has no {TABLE}: it names no uncertain input")
    lines = path.read_text(encoding="utf-8").splitlines()
    skip = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    table = csv.DictReader(lines[skip:])
    missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
    if missing:
        raise InputError(f"{path}:{skip + 1}: column {missing[0]} is missing; expected "
                         f"{', '.join(COLUMNS)}")
    rows = [_row(row, f"{path}:{number}") for number, row in enumerate(table, skip + 2)]
    if not rows:
        raise InputError(f"{path}: no row")
    keys = [row.key for row in rows]
    for number, key in enumerate(keys):
        if key in keys[:number]:
            raise InputError(f"{path}: key {key} stands twice")
    return rows


def _row(row: Mapping[str, Any], where: str) -> Uncertain:
    def number(name: str) -> float:
        try:
            value = float(row[name])
        except (TypeError, ValueError):
            raise InputError(f"{where}: {name} is '{row[name]}': expected a number") from None
        if not np.isfinite(value):
            raise InputError(f"{where}: {name} is '{row[name]}': expected a finite number")
        return value

    found = Uncertain(str(row["key"]), number("low"), number("high"), str(row["source"] or ""))
    if found.low >= found.high:
        raise InputError(f"{where}: low {found.low:g} must be below high {found.high:g}")
    if not found.source:
        raise InputError(f"{where}: {found.key} has no source: name one, or say that it is an assumption")
    return found


def draw(inputs: Sequence[Uncertain], samples: int, seed: int) -> NDArray[np.float64]:
    """Values [samples, inputs] by Latin hypercube: every input's range is cut into as many equal
    parts as there are samples, and each part is drawn from once."""
    if samples < LEAST_SAMPLES:
        raise InputError(f"--samples is {samples}, must be {LEAST_SAMPLES} or more")
    row = np.arange(samples)
    unit = np.empty((samples, len(inputs)))
    for column in range(len(inputs)):
        part = np.argsort(rng.uniform(seed, "sweep.input", row, 2 * column), kind="stable")
        place = rng.uniform(seed, "sweep.input", row, 2 * column + 1)
        unit[:, column] = (part + place) / samples
    low, high = (np.array([getattr(x, end) for x in inputs]) for end in ("low", "high"))
    out: NDArray[np.float64] = low + unit * (high - low)
    return out


def scenarios(
    name: str, settings: Sequence[str], inputs: Sequence[Uncertain], values: NDArray[np.float64]
) -> list[Scenario]:
    """The scenario with the inputs of each sample; InputError where a value is not allowed."""
    return [
        load_scenario(name, [*settings, *(
            f"{x.key}={value!r}" for x, value in zip(inputs, row.tolist(), strict=True)
        )])
        for row in values
    ]


def hindcast_of(run: Run) -> dict[str, float | None]:
    """The figures of the hindcast, where the scenario is a recorded event."""
    from engine import hindcast

    if not (run.twin.scenario.folder / hindcast.TABLE).is_file():
        return {}
    return hindcast.measure(run)


def table(
    inputs: Sequence[Uncertain], values: NDArray[np.float64], results: Sequence[Mapping[str, Any]],
    figures: Sequence[Any] = (),
) -> dict[str, Any]:
    """The result for JSON from `results` [samples] of `ensemble.play_jobs`; `figures` of the
    hindcast, or none.

    Percentiles are nearest-rank. `parts` are partial rank correlations, the strongest first.
    """
    found: list[tuple[str, str, str, list[float | None]]] = []
    for f in figures:
        found.append((f.label, f.unit, f.target, [r["extra"][f.label] for r in results]))
    scores = [{m["name"]: m for m in r["score"]["metrics"]} for r in results]
    for name, words in METRICS:
        if words not in [label for label, *_ in found]:
            unit = scores[0][name]["unit"]
            found.append((words, unit, "", [score[name]["value"] for score in scores]))
    rows = []
    for label, unit, target, column in found:
        known = np.array([np.nan if v is None else float(v) for v in column])
        spread = np.where(np.isnan(known), np.inf, known)
        rows.append({
            "label": label, "unit": unit, "target": target,
            "p5": nearest_rank(spread, 5), "median": nearest_rank(spread, 50),
            "p95": nearest_rank(spread, 95), "missing": int(np.isnan(known).sum()),
            "parts": _parts(inputs, values, known),
        })
    return {
        "samples": len(results), "shown_below_p": SHOWN_BELOW_P, "rows": rows,
        "inputs": [vars(x) for x in inputs],
        "values": [
            {"seed": r["seed"], **dict(zip((x.key for x in inputs), row, strict=True))}
            for r, row in zip(results, values.tolist(), strict=True)
        ],
    }


def _parts(
    inputs: Sequence[Uncertain], values: NDArray[np.float64], result: NDArray[np.float64]
) -> list[dict[str, Any]]:
    """Partial rank correlations of a result [samples] with the inputs taken, the strongest first."""
    from scipy.stats import rankdata

    there = ~np.isnan(result)
    if there.sum() < LEAST_SAMPLES or np.ptp(result[there]) == 0.0:
        return []
    ranks = rankdata(values[there], axis=0)
    wanted = rankdata(result[there])
    taken: list[int] = []
    while len(taken) < min(len(inputs), wanted.size - LEAST_SAMPLES):
        tests = {k: _partial(ranks, wanted, k, taken)
                 for k in range(len(inputs)) if k not in taken}
        best = min(tests, key=lambda k: (tests[k][1], k))
        if tests[best][1] >= SHOWN_BELOW_P:
            break
        taken.append(best)
    out = []
    for k in taken:
        r, p = _partial(ranks, wanted, k, [other for other in taken if other != k])
        out.append({"key": inputs[k].key, "rank_correlation": round(r, 3), "p": p})
    return sorted(out, key=lambda part: -abs(part["rank_correlation"]))


def _partial(
    ranks: NDArray[np.float64], wanted: NDArray[np.float64], k: int, beside: list[int]
) -> tuple[float, float]:
    """Partial correlation of a result's ranks with those of input `k` beside others, and its p."""
    from scipy.stats import t as student

    n = wanted.size
    basis = np.column_stack([np.ones(n), ranks[:, beside]])
    both = np.column_stack([wanted, ranks[:, k]])
    rest = both - basis @ np.linalg.lstsq(basis, both, rcond=None)[0]
    size = np.sqrt((rest**2).sum(axis=0))
    if (size < 1e-9 * n).any():  # nothing is left to explain
        return 0.0, 1.0
    r = float(np.clip(rest[:, 0] @ rest[:, 1] / size.prod(), -1.0, 1.0))
    free = n - 2 - len(beside)
    return r, float(2 * student.sf(abs(r) * np.sqrt(free / max(1.0 - r * r, 1e-15)), free))
