"""The hindcast check: what it measures is what the log holds, and its verdicts follow the table."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from engine.city import City
from engine.errors import InputError
from engine.hindcast import (
    MEASURES,
    Figure,
    evidence,
    jammed_share,
    measure,
    read_figures,
    summarise,
)
from engine.run import Run
from engine.scenario import Scenario, load_scenario

TABLE = """# a made-up record
label,measure,of,unit,digits,observed,low,high,p95_high,target,source,remark
Arrival,first_arrival,Pier,min,0,10,0,60,,0 to 60,nobody,
Deaths,deaths,,people,0,0,,0,,none,nobody,
"""


@pytest.fixture
def recorded(tmp_path: Path, scenario: Scenario) -> Scenario:
    """The test town's scenario with a table of observations beside it."""
    folder = tmp_path / "recorded"
    shutil.copytree(scenario.folder, folder)
    (folder / "observed.csv").write_text(TABLE)
    return load_scenario(str(folder))


def test_figures_are_those_of_the_log(runs: dict[str, Run]) -> None:
    run = runs["historical"]
    e, codes = evidence(run), run.events
    # The sea itself, of which the log tells crests of a new height (5 cm at least) by the frame.
    of = codes[codes.kind == "sea_crest"]
    assert MEASURES["highest"](e, ["Pier"]) == pytest.approx(of.value.max(), abs=0.05)
    assert MEASURES["highest_at"](e, ["Pier"]) == pytest.approx(
        of.t_ms[of.value.idxmax()] / 60_000, abs=2.0)
    first = codes[codes.kind == "sea_disturbed"].t_ms.min()
    assert MEASURES["first_arrival"](e, ["Pier"]) == pytest.approx(first / 60_000, abs=1.0)
    assert MEASURES["deaths"](e, []) == (codes.kind == "person_died").sum()
    size = run.twin.context.parties.size
    left = codes[codes.kind == "party_departed"].subject.unique()
    assert MEASURES["people_who_left"](e, []) == size[left].sum()
    hit = set(codes[codes.kind == "building_damaged"].subject)
    city = run.twin.city
    homes = [b for b in city.households.building if b in hit and city.buildings.use[b] == 0]
    assert MEASURES["damaged_dwellings"](e, []) == len(homes) > 0
    shelters = run.score["ledger"]["people"]["safe at shelter"]
    assert MEASURES["people_in_shelters"](e, []) >= shelters
    with pytest.raises(InputError, match="unknown gauge 'Peer'"):
        MEASURES["first_arrival"](e, ["Peer"])


def test_a_sample_is_scaled_to_the_whole(runs: dict[str, Run]) -> None:
    e = evidence(runs["historical"])
    tenth = dataclasses.replace(e, share=0.1)
    for name in ("deaths", "people_who_left", "damaged_dwellings", "people_in_shelters"):
        assert MEASURES[name](tenth, []) == pytest.approx(10 * MEASURES[name](e, []))


def test_jams_last_ten_minutes_on_end(runs: dict[str, Run], town: City) -> None:
    e = evidence(runs["historical"])
    name = "Avenida Central"
    links = np.flatnonzero(town.streets.name[town.edges.street] == name)
    share = town.edges.length_m[links[0]] / town.edges.length_m[links].sum()

    def seen(speeds: list[int]) -> float:
        frame = np.full((len(speeds), 2), 250, np.uint8)
        frame[:, 0] = speeds
        one = dataclasses.replace(e, city=town, speed=frame, links=links[:2], share=1.0)
        return jammed_share(one, [name])

    assert seen([80] * 10) == pytest.approx(share)
    assert seen([80] * 9 + [90] + [80] * 9) == 0.0  # not on end
    assert seen([84] * 30) == 0.0  # a third of free speed and more
    assert seen([254] * 30) == 0.0  # closed is no jam
    with pytest.raises(InputError, match="unknown street"):
        jammed_share(e, ["Avenida Centrall"])


def figure(**bounds: float | None) -> Figure:
    keys = {"low": None, "high": None, "p95_high": None, **bounds}
    return Figure("x", "deaths", (), "people", 0, "7", keys["low"], keys["high"],
                  keys["p95_high"], "", "", "")


@pytest.mark.parametrize(
    ("bounds", "values", "within"),
    [
        ({"low": 2, "high": 4}, [1, 3, 9], True),
        ({"low": 4}, [1, 3, 9], False),
        ({"high": 2}, [1, 3, 9], False),
        ({"high": 4, "p95_high": 8}, [1, 3, 9], False),
        ({"high": 4, "p95_high": 9}, [1, 3, 9], True),
        ({"low": 0}, [None, None, 3], False),  # what never came is infinite
        ({"low": 0}, [None, 2, 3], True),
        ({"high": 9, "p95_high": 9}, [None, 2, 3], False),
    ],
)
def test_verdicts(bounds: dict[str, float], values: list[float | None], within: bool) -> None:
    row = summarise([figure(**bounds)], [{"x": v} for v in values])[0]
    assert row["within"] is within
    assert row["runs"] == 3


def test_percentiles_are_nearest_ranks() -> None:
    row = summarise([figure()], [{"x": float(v)} for v in range(1, 21)])[0]
    assert (row["p5"], row["median"], row["p95"]) == (1, 10, 19)


def test_the_record_of_2015_is_whole() -> None:
    """Every target of the event has a source, an observed value and a way to measure it."""
    figures = read_figures(load_scenario("coquimbo-tsunami"))
    assert len(figures) >= 9
    for f in figures:
        assert f.source
        assert f.observed
        assert f.target
        assert f.low is not None or f.high is not None


def test_wrong_tables_are_refused(recorded: Scenario, scenario: Scenario) -> None:
    with pytest.raises(InputError, match=r"no observed\.csv"):
        read_figures(scenario)
    path = recorded.folder / "observed.csv"
    path.write_text(TABLE.replace("deaths,,people", "death,,people"))
    with pytest.raises(InputError, match="did you mean 'deaths'"):
        read_figures(recorded)
    path.write_text(TABLE.replace(",0,60,,", ",0,sixty,,"))
    with pytest.raises(InputError, match=r"observed\.csv:3: high is 'sixty'"):
        read_figures(recorded)


def test_a_saved_run_measures_the_same(
    recorded: Scenario, runs: dict[str, Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine import hindcast

    run = runs["historical"]
    folder = run.save(tmp_path / "run")
    figures = read_figures(recorded)
    monkeypatch.setattr(hindcast, "read_figures", lambda scenario: figures)
    name, values = hindcast.read_run(folder)
    assert name == "testtown-tsunami"
    assert values == measure(run)
    (folder / "frames" / "edge_speed_ratio.npz").unlink()
    with pytest.raises(InputError, match="edge_speed_ratio"):
        hindcast.read_run(folder)
