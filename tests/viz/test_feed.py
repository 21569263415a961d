"""The list beside the map tells a real run as the timeline does."""

from __future__ import annotations

from pathlib import Path

from engine.run import Run
from engine.runfolder import save
from viz.feed import Places, build_feed
from viz.rundata import load_run


def feed_of(run: Run, folder: Path) -> list[dict[str, object]]:
    data = load_run(save(run, folder / "run"))
    return build_feed(data, Places(data))


def test_a_forecast_of_the_wave_tells_its_basis(runs: dict[str, Run], tmp_path: Path) -> None:
    told = [e for e in feed_of(runs["early-warning"], tmp_path) if e["k"] == "arrival_predicted"]
    for lang, words in (
        ("en", ("Strong shaking: a wave may come", "First wave expected", "The tide gauge is disturbed")),
        ("zh", ("强烈震动", "预计首波", "验潮站海面异常")),
    ):
        assert [str(e[lang]).startswith(w) for e, w in zip(told, words, strict=True)] == [True] * 3


def test_meeting_points_of_the_plan_are_named_and_placed(assisted_run: Run, tmp_path: Path) -> None:
    feed = feed_of(assisted_run, tmp_path)
    said = {e["en"]: e for e in feed}
    assert said["The keyholder opens Test Hill, 100 places"]["x"] == 360
    assert "South Meadow is full, 60 places" in said
    assert any("Upper Field shut or full" in str(text) for text in said)
