"""The hindcast check: what finished runs of a recorded event show beside what was observed.

What was observed, its source and the range a run should come to stand in `observed.csv` beside the
scenario; the functions below measure the same things in a run, from the city, the event log, the
sea and the frames of link speed. Runs of a sample of the population are scaled up to the whole.

A figure is within its target when the median over seeds lies in the range and, where one is given,
the 95th percentile does not pass its bound. Percentiles are nearest-rank; below 20 seeds they are
the smallest and the largest value.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.city import FACILITIES, USES, City
from engine.errors import InputError, unknown
from engine.hazards.hindcast import GAUGE, LAND, at_gauge, on_land
from engine.hazards.sea import SeaResult
from engine.hazards.tsunami import sea_of
from engine.scenario import Scenario
from engine.scoring.columns import Log, last_of
from engine.scoring.statistics import nearest_rank

TABLE = "observed.csv"
Measure = Callable[["Evidence", Sequence[str]], float | None]
#: A link is jammed when its speed stays below this share of free speed for so many minutes.
JAM_SPEED, JAM_MINUTES = 1 / 3, 10


@dataclass(frozen=True)
class Evidence:
    """One finished run: `speed` is the frame of link speeds, codes of 1/250 of free speed [times,
    links], `links` their edges; `share` the part of the population that took part; `sea` the
    scenario's, None without one."""

    city: City
    scenario: Scenario
    log: Log
    sea: SeaResult | None
    speed: NDArray[np.uint8]
    links: NDArray[np.int64]
    share: float


@dataclass(frozen=True)
class Figure:
    """One row of the table of observations; bounds are None where there is none."""

    label: str
    measure: str
    of: tuple[str, ...]
    unit: str
    digits: int
    observed: str
    low: float | None
    high: float | None
    p95_high: float | None
    target: str
    source: str
    remark: str


# --- what is measured in a run ---------------------------------------------------------------


def _at_gauge(measure: str) -> Measure:
    def value(e: Evidence, of: Sequence[str]) -> float | None:
        gauges = [g.name for g in e.scenario.tsunami.gauges] if e.scenario.tsunami else []
        if of[0] not in gauges:
            raise unknown("gauge", of[0], gauges, TABLE)
        return at_gauge(e.sea, gauges.index(of[0]), measure) if e.sea else None

    return value


def _on_land(measure: str) -> Measure:
    def value(e: Evidence, of: Sequence[str]) -> float | None:
        try:
            lon, lat, radius_m = (float(part) for part in of)
        except ValueError:
            raise InputError(f"{TABLE}: '{'|'.join(of)}': expected lon|lat|radius_m") from None
        return on_land(e.city, e.scenario, e.sea, (lon, lat, radius_m), measure) if e.sea else None

    return value


def deaths(e: Evidence, of: Sequence[str]) -> float:
    """People who died."""
    return np.unique(e.log.rows("person_died").subject).size / e.share


def damaged_dwellings(e: Evidence, of: Sequence[str]) -> float:
    """Households in residential buildings that the shaking damaged, slightly or worse."""
    buildings = np.unique(e.log.rows("building_damaged").subject)
    home = buildings[e.city.buildings.use[buildings] == USES.index("residential")]
    return float(np.isin(e.city.households.building, home).sum()) / e.share


def _sizes(e: Evidence) -> NDArray[np.int64]:
    formed = e.log.rows("party_formed")
    return np.bincount(formed.object, minlength=1)


def people_who_left(e: Evidence, of: Sequence[str]) -> float:
    """People whose party set out, from the danger zone or near it."""
    parties = np.unique(e.log.rows("party_departed").subject)
    return float(_sizes(e)[parties].sum()) / e.share


def people_in_shelters(e: Evidence, of: Sequence[str]) -> float:
    """People whose party ended its way in a shelter."""
    size, rows = _sizes(e), e.log.rows("party_arrived")
    facility = last_of(rows.subject, rows.object, size.size, -1)
    here = np.isin(facility, np.flatnonzero(e.city.facilities.kind == FACILITIES.index("shelter")))
    return float(size[here].sum()) / e.share


def jammed_share(e: Evidence, of: Sequence[str]) -> float:
    """Share of the length of the named streets' links that were jammed for ten minutes on end."""
    names = e.city.streets.name.astype(str)
    absent = set(of) - set(names)
    if len(absent) == len(of):
        raise unknown("street", of[0], sorted(set(names)), TABLE)
    mine = np.isin(names[e.city.edges.street], of)
    slow = e.speed < round(250 * JAM_SPEED)
    run = np.zeros(e.links.size, np.int64)
    longest = run.copy()
    for moment in slow:
        run = np.where(moment, run + 1, 0)
        longest = np.maximum(longest, run)
    jammed = e.links[longest >= JAM_MINUTES]
    length = e.city.edges.length_m
    return math.fsum(length[jammed[mine[jammed]]]) / math.fsum(length[mine])


MEASURES: dict[str, Measure] = {
    **{name: _at_gauge(name) for name in GAUGE},
    **{name: _on_land(name) for name in LAND},
    **{f.__name__: f for f in (
        deaths, damaged_dwellings, people_who_left, people_in_shelters, jammed_share,
    )},
}


# --- the table of observations ----------------------------------------------------------------


def read_figures(scenario: Scenario) -> list[Figure]:
    """Read the scenario's observations; InputError where it has none or a row is wrong."""
    path = scenario.folder / TABLE
    if not path.is_file():
        raise InputError(
            f"scenario '{scenario.name}' has no {TABLE}: it is no hindcast of a recorded event"
        )
    lines = path.read_text(encoding="utf-8").splitlines()
    skip = sum(1 for _ in _comments(lines))
    return [
        _figure(row, f"{path}:{number}")
        for number, row in enumerate(csv.DictReader(lines[skip:]), skip + 2)
    ]


def _comments(lines: list[str]) -> Any:
    for line in lines:
        if not line.startswith("#"):
            return
        yield line


def _figure(row: dict[str, Any], where: str) -> Figure:
    if row["measure"] not in MEASURES:
        raise unknown("measure", row["measure"], MEASURES, where)

    def number(name: str) -> float | None:
        try:
            return float(row[name]) if row[name] else None
        except ValueError:
            raise InputError(f"{where}: {name} is '{row[name]}': expected a number") from None

    return Figure(
        row["label"], row["measure"], tuple(p for p in row["of"].split("|") if p), row["unit"],
        int(row["digits"]), row["observed"], number("low"), number("high"), number("p95_high"),
        row["target"], row["source"], row["remark"] or "",
    )


# --- from runs to the table -------------------------------------------------------------------


def evidence(run: Any) -> Evidence:
    """A finished run that is still in memory."""
    frame = run.twin.recorder.frame("edge_speed_ratio")
    scenario = run.twin.scenario
    return Evidence(
        run.twin.city, scenario, Log(run.codes), run.twin.context.sea, frame["data"],
        frame["index"].astype(np.int64), scenario.population.share,
    )


def measure(run: Any) -> dict[str, float | None]:
    """Every figure of the scenario's table in one run, by label."""
    e = evidence(run)
    return {f.label: MEASURES[f.measure](e, f.of) for f in read_figures(run.twin.scenario)}


def summarise(
    figures: Sequence[Figure], values: Sequence[dict[str, float | None]]
) -> list[dict[str, Any]]:
    """One entry a figure from `values` [runs]: median, 5th and 95th percentile, verdict.

    A value that a run lacks (a wave that never came) is infinite, so that a percentile on it is
    None and the target is missed.
    """
    out = []
    for f in figures:
        found = [v[f.label] for v in values]
        x = np.array([np.inf if v is None else v for v in found], np.float64)
        median, p5, p95 = (nearest_rank(x, p) for p in (50, 5, 95))
        within = median is not None and (f.low is None or median >= f.low)
        within &= median is not None and (f.high is None or median <= f.high)
        if f.p95_high is not None:
            within &= p95 is not None and p95 <= f.p95_high
        out.append({
            "label": f.label, "unit": f.unit, "digits": f.digits, "median": median, "p5": p5,
            "p95": p95, "runs": len(found), "observed": f.observed, "target": f.target,
            "within": bool(within), "source": f.source, "remark": f.remark,
        })
    return out


def read_run(folder: Path, city: City | None = None) -> tuple[str, dict[str, float | None]]:
    """(name of the scenario, its figures) of a saved run."""
    from engine.runreader import read_frame
    from engine.sample import sample_city
    from engine.scenario import load_scenario
    from engine.timeline.view import load_view

    view = load_view(folder, city)
    name = str(view.manifest["scenario"]["name"])
    path = Path(folder) / "frames" / "edge_speed_ratio.npz"
    frame = read_frame(path)
    speed, links = frame["data"], frame["index"].astype(np.int64)
    share = float(view.manifest.get("population_share", 1.0))
    whole = sample_city(view.city, share, int(view.manifest["seed"]))
    scenario = load_scenario(name)
    sea = sea_of(view.city, scenario) if scenario.tsunami else None
    e = Evidence(whole, scenario, view.log, sea, speed, links, share)
    figures = read_figures(scenario)
    return name, {f.label: MEASURES[f.measure](e, f.of) for f in figures}

