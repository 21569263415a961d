"""The main job in one command, on a small share of the people and for a few minutes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine import cli_demo
from tests.conftest import Anlan


def test_demo_shows_the_record_then_two_plans(
    anlan: Anlan, here: Anlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brief = ("--set", "population.share=0.004", "--set", "duration_s=240")
    out = tmp_path / "demo"
    text = anlan("demo", *brief, "--out", out).stdout
    record, severe = text.index("beside what was observed"), text.index("Now the severe case")
    assert record < severe < text.index("paired by seed")
    assert "replay.html" in text[severe:]
    assert (out / "replay.html").stat().st_size > 100_000
    names = {name: json.loads((out / name / "manifest.json").read_text()) for name in (
        "2015", "historical", "early-warning")}
    assert names["2015"]["scenario"]["name"] == "coquimbo-tsunami"
    assert names["early-warning"]["scenario"] == names["historical"]["scenario"]
    assert names["historical"]["scenario"]["name"] == "coquimbo-tsunami-severe"
    # Again for a program, without further processes: the seas are kept.
    monkeypatch.setattr(cli_demo, "WORKERS", 1)
    found = json.loads(here("demo", *brief, "--out", out, "--json").stdout)
    assert {row["label"] for row in found["hindcast"]} > {"Deaths", "People who left"}
    assert found["comparison"]["plans"] == ["historical", "early-warning"]
