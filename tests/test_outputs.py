"""Where results are written: own folders are replaced when whole, everything else is left alone."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.outputs import (
    UNFINISHED,
    atomic_folder,
    check,
    check_file,
    free_folder,
    kind_of,
    other_inputs,
    study_folder,
    write_whole,
)

RUN = {"schema": 1, "digest": "d", "seed": 1, "city": {"name": "t", "hash": "c"},
       "scenario": {"name": "s", "hash": "s"}, "plan": {"name": "p", "hash": "p"}, "tables": {}}
COMPARISON = {"plans": [], "replications": 1, "metrics": [], "probability_best": {}}
REPLICATION = {"inputs": "x", "plan": "p", "seed": 1, "score": {}, "digest": "d"}
INPUTS = {"city": "c", "scenario": "s", "plan": "p", "seed": 1, "inputs": ""}


def folder_of(path: Path, **files: object) -> Path:
    """A folder with JSON files; `__` in a name stands for a folder, `_` before json for the dot."""
    for name, document in files.items():
        file = path / name.replace("__", "/").replace("_json", ".json")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(document if isinstance(document, str) else json.dumps(document))
    path.mkdir(exist_ok=True)
    return path


def content(path: Path) -> dict[str, str]:
    return {str(p.relative_to(path)): p.read_text() for p in path.rglob("*") if p.is_file()}


@pytest.mark.parametrize(("files", "kind"), [
    ({}, ""),
    ({"manifest_json": RUN}, "run"),
    ({"comparison_json": COMPARISON}, "comparison"),
    ({"replications__p-1_json": REPLICATION}, UNFINISHED),
    ({"manifest_json": {"name": "a web application", "start_url": "/"}}, None),
    ({"manifest_json": "{"}, None),
    ({"manifest_json": "[" * 100_000}, None),
    ({"comparison_json": {"plans": ["a house"]}}, None),
    ({"replications__notes_json": {"kept": "by hand"}}, None),
])
def test_a_folder_is_known_by_what_it_holds(
    files: dict[str, object], kind: str | None, tmp_path: Path
) -> None:
    assert kind_of(folder_of(tmp_path / "f", **files)) == kind


@pytest.mark.parametrize(("files", "wanted"), [
    ({"manifest_json": {"name": "a web application"}}, "run"),
    ({"comparison_json": {"plans": ["a house"]}}, "comparison"),
    ({"replications__notes_json": {"kept": "by hand"}}, "comparison"),
    ({"comparison_json": COMPARISON}, "run"),
    ({"manifest_json": RUN}, "comparison"),
    ({"manifest_json": RUN}, "worth"),
])
def test_what_is_not_of_the_kind_is_left_alone(
    files: dict[str, object], wanted: str, tmp_path: Path
) -> None:
    target = folder_of(tmp_path / "f", **files)
    before = content(tmp_path)
    with pytest.raises(InputError, match="left alone"):
        check(target, wanted)
    with pytest.raises(InputError, match="left alone"), study_folder(target, wanted, False):
        raise AssertionError("begun")
    assert content(tmp_path) == before


def test_only_own_files_are_replaced(tmp_path: Path) -> None:
    target = folder_of(tmp_path / "run", manifest_json=RUN, score_json={}, notes_json={"mine": 1},
                       frames__old="x", deep__er__letter="dear")
    (target / "frames" / "gone.npz").write_text("old frame")
    (target / "report.html").write_text("of the old run")
    with atomic_folder(target) as work:
        (work / "manifest.json").write_text(json.dumps({**RUN, "seed": 2}))
    assert set(content(target)) == {"manifest.json", "notes.json", "frames/old", "deep/er/letter"}
    assert json.loads((target / "manifest.json").read_text())["seed"] == 2
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_failure_keeps_the_old_run(tmp_path: Path) -> None:
    target = folder_of(tmp_path / "run", manifest_json=RUN)

    def fail() -> None:
        with atomic_folder(target) as work:
            (work / "manifest.json").write_text("{}")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert content(target) == {"manifest.json": json.dumps(RUN)}
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_old_study_stays_until_the_new_one_is_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = folder_of(tmp_path / "c", comparison_json=COMPARISON, notes="mine")

    def stopped() -> None:
        with study_folder(target, "comparison", False) as work:
            folder_of(work, **{"replications__p-1_json": REPLICATION})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert json.loads((target / "comparison.json").read_text()) == COMPARISON
    assert "c.part" in capsys.readouterr().err
    with study_folder(target, "comparison", True) as work:
        assert (work / "replications" / "p-1.json").is_file()  # gone on with
        (work / "comparison.json").write_text(json.dumps({**COMPARISON, "replications": 2}))
    assert [p.name for p in tmp_path.iterdir()] == ["c"]
    assert set(content(target)) == {"comparison.json", "notes", "replications/p-1.json"}
    assert json.loads((target / "comparison.json").read_text())["replications"] == 2


def test_a_study_that_never_began_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError), study_folder(tmp_path / "c", "comparison", False):
        raise InputError("wrong")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["file/run", "x" * 300, "/proc/run"])
def test_place_that_cannot_be_written(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for call in (lambda p: check(p, "run"), check_file, lambda p: write_whole(p, "x")):
        with pytest.raises(InputError, match="cannot be written"):
            call(tmp_path / name)
    with pytest.raises(InputError, match="is a folder"):
        check_file(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(("changed", "words"), [
    ({}, []), ({"plan": "q"}, ["plan"]), ({"seed": 2, "inputs": "row\n"}, ["seed", "inputs"]),
    ({"scenario": "t"}, ["scenario"]), ({"city": "d"}, ["city"]),
])
def test_a_run_of_other_inputs_keeps_its_folder(
    changed: dict[str, object], words: list[str], tmp_path: Path
) -> None:
    target = folder_of(tmp_path / "run", manifest_json=RUN)
    assert other_inputs(target, {**INPUTS, **changed}) == words
    found = free_folder(target, {**INPUTS, **changed})
    assert found.name == ("run-2" if words else "run")
    folder_of(tmp_path / "run-2", manifest_json={"name": "a web application"})
    assert free_folder(target, {**INPUTS, **changed}).name == ("run-3" if words else "run")


def test_links_are_followed_to_the_folder_they_name(tmp_path: Path) -> None:
    target = folder_of(tmp_path / "real", manifest_json=RUN)
    os.symlink(target, tmp_path / "link")
    with atomic_folder(tmp_path / "link") as work:
        (work / "manifest.json").write_text("{}")
    assert (tmp_path / "link").is_symlink()
    assert content(target) == {"manifest.json": "{}"}
