"""What is not known well: a scenario's uncertain inputs, swept together over their ranges.

`uncertain.csv` beside the scenario names scenario keys, the range each may lie in and its source. A
sweep draws samples by Latin hypercube (McKay, Beckman and Conover 1979, Technometrics 21:239),
uniform over every range, and plays each with a seed of its own, so that the spread of a result holds
both what is not known and what is left to chance. An input's part in it is Spearman's rank
correlation over the samples, shown where chance alone would give one as strong in fewer than one
of a hundred sweeps (scipy.stats.spearmanr).
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

    Percentiles are nearest-rank. `parts` are rank correlations, the strongest first.
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
    """Rank correlations of a result [samples] with the inputs that are beyond chance."""
    from scipy.stats import spearmanr

    there = ~np.isnan(result)
    if there.sum() < LEAST_SAMPLES or np.ptp(result[there]) == 0.0:
        return []
    out = []
    for column, x in enumerate(inputs):
        test = spearmanr(values[there, column], result[there])
        if test.pvalue < SHOWN_BELOW_P:
            out.append({"key": x.key, "rank_correlation": round(float(test.statistic), 3),
                        "p": float(test.pvalue)})
    return sorted(out, key=lambda part: -abs(part["rank_correlation"]))
