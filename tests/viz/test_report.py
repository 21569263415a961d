"""The report: what its first screen says follows from the run or the comparison."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest
from browser import CHROMIUM, Browser
from fake_run import town, write_fake_run

from engine.errors import InputError
from viz.report import shown, signed, write_report


def words_of(page: Path) -> str:
    body = re.sub(r"<style>.*?</style>", "", page.read_text(encoding="utf-8"), flags=re.S)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body)))


@pytest.fixture(scope="module")
def run_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_fake_run(tmp_path_factory.mktemp("runs") / "a")
    score = json.loads((folder / "score.json").read_text())
    score["metrics"] += [
        {"name": "people_at_risk", "value": 1200, "unit": "people", "better": "lower",
         "by_group": {}},
        {"name": "out_before_water", "value": 0.75, "unit": "share", "better": "higher",
         "by_group": {}},
        {"name": "margin_worst_zone", "value": -300.0, "unit": "s", "better": "higher",
         "by_group": {"zone": {"Pier <west>": -300.0, "Hill": 600.0, "Dry": None}}},
    ]
    (folder / "score.json").write_text(json.dumps(score))
    return write_report(folder, city=town())


def comparison(folder: Path, low: float, high: float, verdict: str) -> Path:
    def metric(name: str, unit: str, base: float, mean: float, a: float, b: float) -> dict:
        return {"name": name, "unit": unit,
                "plans": {"new": {"mean": base + mean, "ci95": [base + a, base + b]},
                          "old": {"mean": base, "ci95": [base - 1, base + 1]}},
                "differences": {"new": {"mean": mean, "ci95": [a, b], "verdict": verdict}}}

    folder.mkdir()
    (folder / "comparison.json").write_text(json.dumps({
        "plans": ["old", "new"], "replications": 12, "probability_best": {"old": 0.1, "new": 0.9},
        "metrics": [metric("deaths", "people", 40.0, (low + high) / 2, low, high)]}))
    (folder / "replications").mkdir()
    for plan, normal, slow in (("old", 0.70, 0.60), ("new", 0.80, 0.61)):
        (folder / "replications" / f"{plan}-1.json").write_text(json.dumps({
            "plan": plan, "seed": 1, "score": {
                "ledger": {"people": {}, "unfinished": {"not warned": 30, "refused": 10}},
                "metrics": [{"name": "came_through", "value": 0.7, "unit": "share",
                             "better": "higher",
                             "by_group": {"mobility": {"normal": normal, "slow": slow}}}]}}))
    return folder


def test_first_screen_of_a_run(run_page: Path) -> None:
    words = words_of(run_page)
    assert "2 people die, and 75 % of the 1,200 in the danger zone are out before the water" in words
    assert "one run; it says nothing about differences between plans" in words
    assert "simulation, not a forecast" in words
    assert "Start with Pier <west>: its last person left 5 min after the first water, as in 1 of 2" \
        in words
    assert "Visit those who refuse" in words
    assert "Earthquake of magnitude 8.0" in words
    text = run_page.read_text(encoding="utf-8")
    assert not re.search(r"<(?:script|link|img)\b[^>]*//|https?://", text)
    assert text.count("<svg") >= 2


def test_headline_of_a_comparison_follows_the_verdict(tmp_path: Path) -> None:
    words = words_of(write_report(comparison(tmp_path / "a", -20.0, -10.0, "better")))
    assert "new changes deaths by −15 (95 %: −20 … −10) against old." in words
    assert "Those who gain least: walks slowly." in words
    # The first plan of the list is the base, whatever the order of names in the file.
    assert "Deaths 40 people new 25 people −15 people" in words
    assert "30 of 40 not in safety at the end were “not warned”" in words
    words = words_of(write_report(comparison(tmp_path / "b", -5.0, 7.0, "no difference shown")))
    assert "No difference in deaths is shown between new and old: +1 (95 %: −5 … +7)." in words
    assert "gain least" not in words
    path = tmp_path / "b" / "comparison.json"
    about = {"title": "A flood", "city_title": "Gotham", "duration_s": 5400, "population_share": 0.25}
    path.write_text(json.dumps({"about": about, **json.loads(path.read_text())}))
    words = words_of(write_report(tmp_path / "b"))
    assert ("Comparison of plans · Gotham · A flood · 12 replications, 1.5 h, a sample of the population, "
            "share 0.25") in words
    path.write_text(json.dumps({**json.loads(path.read_text()), "about": {"title": "A flood"}}))
    with pytest.raises(InputError, match="damaged"):
        write_report(tmp_path / "b")
    zh = words_of(write_report(comparison(tmp_path / "c", -5.0, 7.0, "no difference shown"),
                               lang="zh"))
    assert "未显示差异" in zh
    assert "模拟，并非预报" in zh


def test_numbers_carry_units_and_no_false_precision() -> None:
    assert shown(112908.0, "people") == "112,908 people"
    assert shown(0.8149643, "share") == "81.5 %"
    assert shown(1780.0, "s") == "30 min"
    assert shown(None, "s") == "–"
    assert signed(-0.0213, "share") == "−2.1 %-points"
    assert signed(0.0, "people") == "0 people"


def test_a_folder_without_a_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither a run"):
        write_report(tmp_path)
    (tmp_path / "comparison.json").write_text("{}")
    with pytest.raises(InputError, match="not a comparison"):
        write_report(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["comparison.json"]


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_report_fits_a_telephone_and_prints(run_page: Path) -> None:
    with Browser(run_page, 390, 844) as browser:
        browser.wait("document.readyState === 'complete'")
        assert browser.js("document.documentElement.scrollWidth") <= 390
        assert browser.complaints() == []
        assert browser.requests() == [run_page.as_uri()]
        assert len(browser.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)["data"]) > 9000
