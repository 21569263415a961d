"""Venue files: what is refused and how it is told; the command and its folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from engine import cli
from engine.crowd.simulate import simulate_crowd
from engine.crowd.venue import list_venues, load_venue
from engine.crowd.write import save_crowd
from engine.errors import InputError
from tests.crowd_venues import bottleneck

GOOD: dict[str, Any] = {
    "name": "room", "title": "A room", "source": "tests",
    "walls": [[[8, 2], [8, 0], [0, 0], [0, 5], [8, 5], [8, 3]]],
    "exits": [{"name": "door", "line": [[8, 2], [8, 3]]}],
    "areas": [{"name": "all", "ring": [[1, 1], [6, 1], [6, 4], [1, 4]]}],
}


def written(folder: Path, **keys: Any) -> Path:
    path = folder / "venue.yaml"
    path.write_text(yaml.safe_dump(GOOD | keys), "utf-8")
    return path


@pytest.mark.parametrize("name", list_venues())
def test_built_in_venues_can_be_played(name: str) -> None:
    assert simulate_crowd(load_venue(name), 20, duration_s=5).summary["people"] == 20


@pytest.mark.parametrize(("keys", "words"), [
    ({"exit": []}, "unknown key 'exit', did you mean 'exits'?"),
    ({"exits": []}, "'exits' is a list: needs at least 1 row(s)"),
    ({"exits": [{"name": "door", "line": [[8, 2], [8, 2.2]]}]}, "a person needs at least 0.6 m"),
    ({"exits": [{"name": "door", "line": [[8, 0], [8, 2]]}]}, "no free ground in front of this exit"),
    ({"areas": []}, "there is nowhere to be"),
    ({"areas": [GOOD["areas"][0] | {"exits": ["gate"]}]}, "'gate', which is no exit"),
    ({"areas": [GOOD["areas"][0] | {"ring": [[1, 1], [6, 4], [6, 1], [1, 4]]}]}, "sides cross"),
    ({"areas": [GOOD["areas"][0]] * 2}, "holds the name 'all' twice"),
    ({"grid_m": "fine"}, "expected a number, without quotes"),
    ({"walls": [*GOOD["walls"], [[7, 0], [7, 5]]]}, "with a way to an exit"),
    ({"people": {"ages": {"under_30": 0.4}}}, "shares add up to 0.4, not to 1"),
    ({"people": {"count": 5000}}, "holds at most"),
    ({"exits": [*GOOD["exits"], {"name": "far", "line": [[9000, 9000], [9000, 9001]]}]}, "cells are more"),
])
def test_a_wrong_file_gives_one_message(tmp_path: Path, keys: dict[str, Any], words: str) -> None:
    path = written(tmp_path, **keys)
    with pytest.raises(InputError) as error:
        simulate_crowd(load_venue(path))
    message = str(error.value)
    assert words in message
    assert message.startswith(str(path))
    assert "\n" not in message


def test_an_unknown_venue_names_those_there_are() -> None:
    with pytest.raises(InputError, match=r"did you mean 'stadium'\?"):
        load_venue("stadum")


def test_the_command_writes_a_whole_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    monkeypatch.setattr("sys.argv", ["anlan", "crowd", str(written(tmp_path)), "--people", "30",
                                     "--out", str(out), "--quiet"])
    cli.main()
    assert capsys.readouterr().out == ""
    assert {p.name for p in out.iterdir()} == {
        "crowd.json", "people.parquet", "series.parquet", "maps.parquet", "density.png", "flow.png",
        "pressure.png"}
    summary = json.loads((out / "crowd.json").read_text("utf-8"))
    people = pd.read_parquet(out / "people.parquet")
    assert summary["out"] == 30 == len(people) == people.out_s.notna().sum()
    assert people.out_s.max() == summary["clearance_s"]
    assert people.groupby("exit").size()["door"] == summary["exits"][0]["out"]
    assert (out / "density.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    series = pd.read_parquet(out / "series.parquet")
    assert (series.inside + series.out + series.waiting == 30).all()


def test_a_result_replaces_a_result_and_nothing_else(tmp_path: Path) -> None:
    result = simulate_crowd(bottleneck(1.0), 10)
    folder = save_crowd(result, tmp_path / "out")
    (folder / "notes.txt").write_text("mine")
    save_crowd(result, folder)
    assert (folder / "notes.txt").read_text() == "mine"
    other = tmp_path / "other"
    other.mkdir()
    (other / "crowd.json").write_text("{}")
    with pytest.raises(InputError, match="left alone"):
        save_crowd(result, other)


def test_pictures_are_read_by_others(tmp_path: Path) -> None:
    import rasterio

    folder = save_crowd(simulate_crowd(bottleneck(1.0), 10), tmp_path / "out")
    with rasterio.open(folder / "density.png") as picture:
        assert picture.count == 3
        assert min(picture.shape) > 300
