"""Damaged run folders: one message that names the file, whatever reads it."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fake_run import town, write_fake_run

from engine.errors import InputError
from viz.replay import write_replay
from viz.report import write_report
from viz.rundata import load_run


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_fake_run(tmp_path_factory.mktemp("runs") / "run")


def manifest(**keys: Any) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        path = folder / "manifest.json"
        document = {**json.loads(path.read_text()), **keys}
        path.write_text(json.dumps({k: v for k, v in document.items() if v is not None}))
    return spoil


def cut(name: str, size: int = 60) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).write_bytes((folder / name).read_bytes()[:size])
    return spoil


def lost(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def fewer_rows(folder: Path) -> None:
    path = folder / "events.parquet"
    table = pd.read_parquet(path)
    manifest(events=len(table))(folder)
    table.iloc[::2].to_parquet(path, index=False)


def other_columns(folder: Path) -> None:
    pd.DataFrame({"x": [1]}).to_parquet(folder / "parties.parquet")


SPOILT = [
    (cut("score.json"), "score.json"),
    (lambda folder: (folder / "score.json").write_text("{}"), "score.json"),
    (lambda folder: (folder / "score.json").write_text("[" * 100_000), "score.json"),
    (cut("events.parquet"), "events.parquet"),
    (cut("kpis.parquet"), "kpis.parquet"),
    (cut("parties.parquet"), "parties.parquet"),
    (other_columns, "parties.parquet.*column 'party'"),
    (fewer_rows, "events.parquet.*the manifest says"),
    (lost("events.parquet"), "events.parquet: file is missing"),
    (lost("frames/party_state.npz"), "party_state.npz: file is missing"),
    (cut("frames/party_state.npz"), "party_state.npz: damaged"),
    (cut("frames/party_x_m.npz", 2000), "party_x_m.npz: damaged"),
    (cut("manifest.json"), "manifest.json: damaged"),
    (manifest(duration_s=None), "manifest.json: damaged: 'duration_s' is missing"),
    (manifest(duration_s="long"), "'duration_s' is 'long'"),
    (manifest(start_utc=None), "'start_utc' is missing"),
    (manifest(start_utc="soon"), "'start_utc' is 'soon'"),
    (manifest(timezone="banana"), "'timezone' is 'banana'"),
    (manifest(city=None), "'city' is missing"),
    (manifest(units="none"), "'units' is 'none'"),
    (manifest(digest=None), "is not the manifest of a run"),
]


@pytest.mark.parametrize(("spoil", "words"), SPOILT)
def test_damage_is_named(
    spoil: Callable[[Path], None], words: str, whole: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    spoil(folder)
    for write in (write_replay, write_report):
        with pytest.raises(InputError, match=words):
            write(folder, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_the_city_must_be_the_run_s(whole: Path, tmp_path: Path) -> None:
    city = town()
    assert load_run(whole, city).city is city
    with pytest.raises(InputError, match="a run of city 'testtown', not of 'elsewhere'"):
        load_run(whole, dataclasses.replace(city, name="elsewhere"))
    folder = Path(shutil.copytree(whole, tmp_path / "run"))
    manifest(city={"name": "testtown", "hash": "of another year"})(folder)
    with pytest.raises(InputError, match="another version of city 'testtown'"):
        load_run(folder, city)
    manifest(city={"name": "testtown", "hash": city.content_hash})(folder)
    assert load_run(folder, city).city is city
    manifest(city={"name": "my-own"})(folder)
    with pytest.raises(InputError, match=r"'my-own', which is not built in.*--city"):
        load_run(folder)


def test_page_that_cannot_be_written(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for write in (write_replay, write_report):
        with pytest.raises(InputError, match="is a folder"):
            write(whole, tmp_path)
        for target in (tmp_path / "file" / "x.html", Path("/proc/x.html")):
            with pytest.raises(InputError, match="cannot be written"):
                write(whole, target)


@pytest.mark.parametrize(("file", "text"), [
    ("comparison.json", "["), ("comparison.json", "{}"), ("comparison.json", '{"plans": ["a"]}'),
    ("replications/a-1.json", "["), ("replications/a-1.json", '{"plan": "a", "score": {}}'),
])
def test_damaged_comparison_is_named(file: str, text: str, tmp_path: Path) -> None:
    entry = {"mean": 1.0, "ci95": None}
    document = {
        "plans": ["a", "b"], "replications": 1, "probability_best": {},
        "metrics": [{"name": "deaths", "unit": "people", "plans": {"a": entry, "b": entry},
                     "differences": {"b": {**entry, "verdict": None}}}],
    }
    (tmp_path / "replications").mkdir()
    (tmp_path / "comparison.json").write_text(json.dumps(document))
    (tmp_path / file).write_text(text)
    with pytest.raises(InputError, match=file.replace(".", r"\.")):
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()
