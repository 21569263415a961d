"""Slips of a planner's hand: what looks right and would be read as something else, or as nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.city import City
from engine.crowd.ground import build_ground
from engine.crowd.people import place_people
from engine.crowd.venue import Venue
from engine.errors import InputError
from engine.plan import load_plan
from engine.scenario import load_scenario, scenarios_root
from engine.site import build_site
from engine.site_check import remarks
from engine.yamlfile import apply_override
from tests.conftest import Anlan

PLAN = (scenarios_root() / "testtown-tsunami" / "early-warning.yaml").read_text()


@pytest.mark.parametrize("number", ["0600", "0x10", "1:00", "1_000", "0b11"])
def test_number_that_is_not_plain_is_refused(number: str, tmp_path: Path) -> None:
    """YAML 1.1 reads 384, 16, 60, 1000 and 3."""
    path = tmp_path / "mine.yaml"
    path.write_text(f"name: mine\ntitle: t\norder:\n  delay_s: {number}\n")
    with pytest.raises(InputError, match=rf"mine.yaml:4: 'order.delay_s' is '{number}': expected a plain"):
        load_plan(str(path))


@pytest.mark.parametrize(
    ("text", "value"),
    [("600", 600), ("0", 0), ("-7", -7), ("-0.5", -0.5), (".5", 0.5), ("5.", 5.0), ("1e3", 1000.0)])
def test_plain_number_is_read(text: str, value: float) -> None:
    document: dict[str, Any] = {}
    apply_override(document, f"key={text}")
    assert document["key"] == value
    assert type(document["key"]) is type(value)


def test_truth_in_quotes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text('name: mine\ntitle: t\ndestinations: {meeting_points: "no"}\n')
    with pytest.raises(InputError, match=r"mine.yaml:3: .*is 'no': expected true or false"):
        load_plan(str(path))


def test_file_that_is_not_there_is_told_as_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mine\.yml': no such file"):
        load_plan(str(tmp_path / "mine.yml"))
    with pytest.raises(InputError, match="is a folder"):
        load_plan(str(tmp_path))


def test_row_given_twice_is_refused(tmp_path: Path) -> None:
    document = yaml.safe_load(PLAN)
    document["control_points"] += document["control_points"][:1]
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(InputError, match=r"control_points.\d+: .* is the name of an earlier row"):
        load_plan(str(path))


@pytest.mark.parametrize("key", ["control_points", "closures", "staging"])
def test_place_outside_the_city_is_told_with_its_distance(key: str, town: City, tmp_path: Path) -> None:
    document = yaml.safe_load(PLAN)
    row: dict[str, Any] = document[key][0]
    row["lon"], row["lat"] = row["lat"], row["lon"]
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(document))
    scenario = load_scenario("testtown-tsunami")
    far = rf"{key}.0: lon -?\d.* km from the nearest road of city 'testtown'"
    with pytest.raises(InputError, match=far):
        build_site(town, scenario, load_plan(str(path), scenario))


def test_ring_of_a_group_must_lie_in_the_area() -> None:
    venue = Venue.model_validate({
        "name": "hall", "area": [[0, 0], [10, 0], [10, 10], [0, 10]],
        "exits": [{"name": "door", "line": [[10, 4], [10, 6]]}],
        "groups": [{"name": "all", "count": 10, "ring": [[1, 1], [14, 1], [14, 9], [1, 9]]}],
    })
    with pytest.raises(InputError, match=r"groups.0 'all': 32.0 m² of its ring lie outside the area"):
        place_people(venue, build_ground(venue), 1)


def test_check_refuses_what_a_run_refuses(anlan: Anlan, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    document = yaml.safe_load(PLAN)
    document["inbound_ban"][0]["officers"] = 200
    path.write_text(yaml.safe_dump(document))
    told = [
        anlan(*command, "testtown-tsunami", "--plan", path, code=2).stderr
        for command in (("scenario", "check"), ("run",))
    ]
    assert told[0] == told[1]
    assert "more than the" in told[0]
    assert str(path) in told[0]


def test_options_that_are_slips(anlan: Anlan) -> None:
    plans = anlan("run", "testtown-match", "--plan", "calls", "--plan", "gate", code=2).stderr
    assert plans == "anlan: --plan is given 2 times: run plays one plan, compare plays several\n"
    seed = anlan("run", "testtown-match", "--seed", "abc", code=2).stderr
    assert seed == "anlan: --seed is 'abc': expected a whole number\n"
    same = anlan("scenario", "check", "testtown-match", "--plan", "calls", "--plan", "calls", code=2).stderr
    assert "two of the plans carry the name 'calls'" in same
    assert anlan("--version").stdout.startswith("anlan 0.")


def test_a_comparison_is_refused_before_its_first_run(here: Anlan, tmp_path: Path) -> None:
    document = yaml.safe_load(PLAN)
    document["meeting_points"] = [{"facility": "Test School", "places": 9}]
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**document, "name": "mine"}))
    said = here("compare", "testtown-tsunami", "--plan", "historical", "--plan", path,
                "--out", tmp_path / "study", code=2)
    assert said.stderr.count("\n") == 1
    assert "meeting_points.0: 'Test School' lies in the danger zone" in said.stderr
    assert f"{path}:" in said.stderr
    assert [other.name for other in tmp_path.iterdir()] == ["mine.yaml"]


def test_what_begins_too_late_is_remarked(town: City, tmp_path: Path) -> None:
    document = yaml.safe_load(PLAN)
    document["vertical_refuges"][0]["open_s"] = 50_000
    document["all_clear"]["earliest_s"] = 60
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(document))
    scenario = load_scenario("testtown-tsunami")
    plan = load_plan(str(path), scenario)
    site = build_site(town, scenario, plan)
    found = list(remarks(scenario, plan, town, site.danger_node, site.order_zone))
    assert any("nothing opens after it" in text for text in found)
    late = next(text for text in found if "past the end" in text)
    assert late.startswith("vertical_refuges.0.open_s: 50")
    assert any("all_clear.earliest_s 60 lies before the first wave" in text for text in found)


def test_officers_who_could_never_work_their_post_are_refused(town: City, tmp_path: Path) -> None:
    document = yaml.safe_load(PLAN)
    document["control_points"][0] |= {"setup_s": 3000}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(document))
    scenario = load_scenario("testtown-tsunami")
    with pytest.raises(InputError, match=r"control_points.0.officers: .* would not stand in time"):
        build_site(town, scenario, load_plan(str(path), scenario))
