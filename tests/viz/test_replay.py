"""The replay page: what it contains, and what it does in a browser without a network."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import CHROMIUM, Browser
from fake_run import GROUPS, MINUTES, WAVE_MIN, town, write_fake_run

from engine.errors import InputError
from viz.replay import MAX_BYTES, write_replay

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
MINUTE = 60_000


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("runs")
    return (write_fake_run(root / "a", "historical", 5),
            write_fake_run(root / "b", "early-warning", 2))


@pytest.fixture(scope="module")
def page(runs: tuple[Path, Path]) -> Path:
    return write_replay(runs[0], city=town())


@pytest.fixture(scope="module")
def pair(runs: tuple[Path, Path]) -> Path:
    return write_replay(runs[0], runs[0] / "pair.html", vs=runs[1], city=town(), lang="zh")


@pytest.fixture(scope="module")
def opened(page: Path) -> Iterator[Browser]:
    with Browser(page) as browser:
        browser.wait("!!window.anlan && anlan.state().frames > 0")
        yield browser


def head_of(page: Path) -> dict:
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="page-head">(.*?)</script>', text, re.S)
    assert found
    return json.loads(found[1])


def test_nothing_in_the_page_is_remote(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(text.encode()) < MAX_BYTES
    for tag in re.findall(r"<(?:script|link|style|img|iframe)\b[^>]{0,300}", text):
        assert "//" not in tag, tag
    hosts = set(re.findall(r"https?://([a-z0-9.-]+\.(?:com|net|org|io|cn|gl))\b", text))
    assert hosts <= {"www.w3.org"}  # names of XML namespaces, never fetched
    assert "sourceMappingURL" not in text
    assert not re.search(r"url\(\s*['\"]?https?:|@import", text[text.rindex("<style>"):])


def test_sentences_name_what_happened(page: Path) -> None:
    feed = head_of(page)["runs"][0]["feed"]
    english = [entry["en"] for entry in feed]
    assert "Earthquake of magnitude 8.0" in english
    assert any(s.startswith("The order to leave goes out for 6 zones (Shore)") for s in english)
    assert "A1 delayed by 90 s: traffic" in english
    assert "198 groups set out, foot" not in english  # 199 left together
    assert "199 groups set out, foot" in english
    assert all(entry["zh"] and "{" not in entry["zh"] + entry["en"] for entry in feed)
    assert [entry["t"] for entry in feed] == sorted(entry["t"] for entry in feed)


def test_wrong_input_is_refused(runs: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"manifest\.json"):
        write_replay(tmp_path)
    with pytest.raises(InputError, match="language"):
        write_replay(runs[0], tmp_path / "x.html", lang="fr", city=town())
    assert not list(tmp_path.iterdir())


@needs_browser
def test_opens_without_network_or_complaint(opened: Browser, page: Path) -> None:
    opened.js("anlan.setTime(20 * 60000)")
    opened.picture()
    assert opened.requests() == [page.as_uri()]
    assert opened.complaints() == []
    assert opened.js("anlan.state().error") is None


@needs_browser
def test_people_move_and_water_rises_on_the_map(opened: Browser) -> None:
    opened.js("anlan.setLayer('water', false)")
    pictures = []
    for minute in (2, 8):
        opened.js(f"anlan.setTime({minute * MINUTE})")
        pictures.append(opened.map_picture())
    assert pictures[0] != pictures[1]  # only people, units and roads can differ
    opened.js("anlan.setLayer('people', false)")
    for name in ("units", "roads", "incidents", "facilities"):
        opened.js(f"anlan.setLayer('{name}', false)")
    dry = []
    for minute in (2, 25):
        opened.js(f"anlan.setTime({minute * MINUTE})")
        dry.append(opened.map_picture())
    assert dry[0] == dry[1]  # nothing left that moves
    opened.js("anlan.setLayer('water', true)")
    opened.js(f"anlan.setTime({25 * MINUTE})")
    assert opened.map_picture() != dry[1]
    for name in ("people", "units", "roads", "incidents", "facilities"):
        opened.js(f"anlan.setLayer('{name}', true)")


@needs_browser
def test_states_are_those_of_the_frames(opened: Browser) -> None:
    opened.js(f"anlan.setTime({1 * MINUTE})")
    before = opened.js("anlan.state().runs[0]")
    assert before["drawn"] == GROUPS
    assert before["wet"] == 0
    assert before["danger"] == 0
    assert before["states"][1] > before["states"][0] > 0  # preparing; every tenth stays
    opened.js(f"anlan.setTime({(WAVE_MIN + 10) * MINUTE})")
    after = opened.js("anlan.state().runs[0]")
    assert after["wet"] > 0
    assert after["danger"] > 0
    assert after["dead"] == 2
    assert after["closed"] == 1
    assert after["states"][3] > 0
    # Half way between two frames a walker is half way between two places.
    opened.js("anlan.setLayer('people', true)")
    stays, walker = ([opened.js(f"(anlan.setTime({t}), anlan.player.sims[0].positions[{2 * group}])")
                      for t in (7 * MINUTE, 7.5 * MINUTE, 8 * MINUTE)] for group in (0, 1))
    assert walker[1] == pytest.approx((walker[0] + walker[2]) / 2, abs=0.5)
    assert walker[2] - walker[0] == pytest.approx(60.0, abs=6.5)
    assert stays[0] == stays[1] == stays[2]


@needs_browser
def test_controls(opened: Browser) -> None:
    opened.js("anlan.setTime(0)")
    opened.key("ArrowRight")
    assert opened.js("anlan.state().t") == MINUTE
    opened.key("ArrowLeft")
    assert opened.js("anlan.state().t") == 0
    opened.key("]")
    assert opened.js("anlan.state().speed") == 120
    opened.key("[")
    assert opened.js("anlan.state().speed") == 60
    opened.key(" ")
    assert opened.js("anlan.state().playing")
    opened.wait("anlan.state().t > 2000")
    opened.click("#b-play")
    assert not opened.js("anlan.state().playing")
    opened.click("#track", 0.5)
    assert opened.js("anlan.state().t") == pytest.approx(MINUTES * MINUTE / 2, rel=0.01)
    opened.js("anlan.setTime(0)")
    opened.click("#b-next")
    assert opened.js("anlan.state().t") == 20_000  # the blackout is the next event that matters
    opened.js("document.querySelector('#speed').value = '600';"
              "document.querySelector('#speed').onchange()")
    assert opened.js("anlan.state().speed") == 600
    opened.js("anlan.setSpeed(60)")


@needs_browser
def test_theme_language_layers_and_filter(opened: Browser) -> None:
    dark = opened.map_picture()
    opened.click("#b-theme")
    assert opened.js("anlan.state().theme") == "light"
    assert opened.map_picture() != dark
    opened.click("#b-theme")
    for layer in ("danger", "names", "water"):  # what was taken off the map can come back
        opened.js(f"anlan.setLayer('{layer}', false)")
        opened.picture()
        opened.js(f"anlan.setLayer('{layer}', true)")
    opened.picture()
    assert opened.complaints() == []
    assert opened.js("anlan.state().error") is None
    opened.click("#b-lang")
    assert opened.js("anlan.state().lang") == "zh"
    assert "模拟，并非预报" in opened.js("document.getElementById('foot').textContent")
    opened.click("#b-lang")
    assert "simulation, not a forecast" in opened.js("document.getElementById('foot').innerText")
    assert opened.js("anlan.state().layers.people")
    opened.js("document.querySelector('[data-layer=people]').click()")
    assert not opened.js("anlan.state().layers.people")
    opened.js("document.querySelector('[data-layer=people]').click()")
    shown = opened.js("anlan.state().events")
    opened.js("document.querySelector('#filters button').click()")
    assert opened.js("anlan.state().events") > shown
    opened.js("document.querySelectorAll('#filters button')[1].click()")
    assert "Earthquake" not in opened.js("document.getElementById('events').innerText")
    opened.js("document.querySelectorAll('#filters button')[1].click()")
    opened.js("document.querySelector('#filters button').click()")


@needs_browser
def test_click_on_an_event_flies_there(opened: Browser) -> None:
    place = "JSON.stringify(anlan.state().center)"
    before = opened.js(place)
    opened.js("[...document.querySelectorAll('#events li')]"
              ".find(li => li.innerText.includes('Incident 1')).click()")
    opened.wait(f"{place} !== {before!r}")
    assert opened.js("anlan.state().t") == 3 * MINUTE


@needs_browser
@pytest.mark.parametrize("width", [1100, 390])
def test_two_runs_side_by_side(pair: Path, width: int) -> None:
    with Browser(pair, width, 800) as browser:
        browser.wait("!!window.anlan && anlan.state().frames > 0")
        browser.js(f"anlan.setTime({9 * MINUTE})")
        state = browser.js("anlan.state()")
        assert [run["plan"] for run in state["runs"]] == ["historical", "early-warning"]
        assert state["lang"] == "zh"
        # Plan B leaves three minutes earlier: same clock, other figures, and their difference.
        browser.js(f"anlan.setTime({11 * MINUTE})")
        safe = browser.js("document.querySelectorAll('.fig.two')[3].innerText")
        assert re.findall(r"[+−]?\d+", safe)[-3:] == ["0", "216", "+216"]
        told = browser.js("anlan.player.panels.feed.map(e => [e.k, e.run])")
        assert told.count(["earthquake", 2]) == 1
        assert ["earthquake", 0] not in told
        browser.picture()
        assert browser.complaints() == []
        assert browser.requests() == [pair.as_uri()]
        inside = browser.js("document.documentElement.scrollWidth <= innerWidth")
        assert inside
