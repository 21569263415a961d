"""Wrong files: one message with file, line, key path, value, and the nearest valid name."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from engine.city import City
from engine.city_io import load_city, save_city
from engine.ensemble import compare
from engine.errors import InputError
from engine.inputs import read_inputs
from engine.phases import check_hazards
from engine.plan import Plan, default_plans, load_plan
from engine.run import open_session, simulate
from engine.scenario import Scenario, list_scenarios, load_scenario, scenarios_root
from engine.site import build_site
from engine.site_check import remarks

FOLDER = scenarios_root() / "testtown-tsunami"
#: Shipped files with every key that may be left out filled in.
SCENARIO: dict[str, Any] = yaml.safe_load((FOLDER / "scenario.yaml").read_text())
SCENARIO["danger_zone"][0] |= {
    "within": {"lon": -70.998, "lat": -29.997, "radius_m": 900.0}, "municipality": "Southport"}
SCENARIO["population"] = {"share": 0.75, "occupancy": "auto", "inpatients": 0.5,
                          "care_home_residents": 0.5}
SCENARIO["earthquake"] |= {"mechanism": "reverse", "residuals": True}
for number, station in enumerate(SCENARIO["earthquake"]["stations"]):
    station["sa1_g"] = 0.3125 + number
SCENARIO["tsunami"] |= {"sea_level_m": 0.0625, "factor": 1.0625, "land_shift_m": 0.5, "bed_factor": 1.125}
SCENARIO["population"]["beach"] = {
    "lon": -70.9995, "lat": -29.9965, "radius_m": 444.0, "share": 0.0375, "months": [11, 12, 1],
    "from_hour": 9.5, "to_hour": 21.5}
SCENARIO["outages"][0]["municipality"] = "Northport"
SCENARIO["behaviour"] = {"car_share": 0.5}
SCENARIO["venues"] = [{"name": "Gate", "file": "gate.yaml", "lon": -70.9945, "lat": -29.99475,
                       "start_s": 61.5, "sample_s": 70.0, "count_error": 0.1875}]
PLAN: dict[str, Any] = yaml.safe_load((FOLDER / "early-warning.yaml").read_text())
PLAN["order"]["trigger"] |= {"magnitude": 7.25, "at_s": 4321.0}
PLAN["order"]["zones"][0] |= {
    "within": {"lon": -70.998, "lat": -29.997, "radius_m": 900.0}, "municipality": "Southport",
    "offset_s": 5.5, "exempt": ["assisted"]}
PLAN["exclusion"]["line"] |= {
    "within": {"lon": -70.998, "lat": -29.997, "radius_m": 900.0}, "municipality": "Southport"}
PLAN["order"] |= {"authority": "confirmed", "confirmation_s": 123.5}
PLAN["channels"][0]["battery_s"] = 3600
PLAN["destinations"] |= {"meeting_points": True, "shelters": True}
PLAN["one_way_streets"][0]["heading_deg"] = 91.5
PLAN["contraflow"][0]["heading_deg"] = 92.5
PLAN["inbound_ban"][0] |= {"below_m": 33.5, "municipality": "Southport"}
PLAN["all_clear"]["return_phases"][0]["within"] = {"lon": -70.998, "lat": -29.997, "radius_m": 910.0}
ASSISTED: dict[str, Any] = yaml.safe_load((FOLDER / "assisted.yaml").read_text())
PLAN |= {name: ASSISTED[name] for name in ("facility_evacuation", "buses")}
PLAN["buses"][0]["to"] = "Test Shelter"
PLAN["meeting_points"] = [ASSISTED["meeting_points"][2]]
PLAN["door_to_door"][0]["by"] = "volunteers"
PLAN["crowds"] = {"cameras": True, "alarm_pm2": 3.375, "officers": 7, "setup_s": 63.5, "inflow_pms": 0.8125}
DOCUMENTS = {"scenario": SCENARIO, "plan": PLAN}
#: The same text, written quicker.
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
MODELS: dict[str, type[BaseModel]] = {"scenario": Scenario, "plan": Plan}
#: Numbers outside what any key allows, and the keys that allow anything (names and labels).
TOO_SMALL, TOO_LARGE = -987654321.0, 987654321.0
FREE_TEXT = {"title", "city", "series", "municipality", "shakemap", "street", "file"}

Where = tuple[str | int, ...]


def keys(document: Any, path: Where = ()) -> Iterator[tuple[Where, Any]]:
    """Every key path of a document with its value."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield (*path, key), value
            yield from keys(value, (*path, key))
    elif isinstance(document, list):
        for row, value in enumerate(document):
            yield from keys(value, (*path, row))


def dotted(path: Where) -> str:
    return ".".join(str(part) for part in path)


PATHS = [(kind, dotted(path)) for kind in DOCUMENTS for path, _ in keys(DOCUMENTS[kind])]
PATH_OF = {(kind, dotted(path)): path for kind in DOCUMENTS for path, _ in keys(DOCUMENTS[kind])}


def value_at(kind: str, path: Where) -> Any:
    target: Any = DOCUMENTS[kind]
    for part in path:
        target = target[part]
    return target


def altered(kind: str, path: Where, value: Any = None, key: str | None = None) -> str:
    """The file's text with one value replaced, or one key renamed."""
    document = json.loads(json.dumps(DOCUMENTS[kind], default=str))
    target = document
    for part in path[:-1]:
        target = target[part]
    if key is None:
        target[path[-1]] = value
    else:
        pairs = [(key if k == path[-1] else k, v) for k, v in target.items()]
        target.clear()
        target.update(pairs)
    return yaml.dump(document, Dumper=DUMPER, sort_keys=False)


def line_of(text: str, word: str) -> int:
    found = [n for n, line in enumerate(text.splitlines(), 1) if word in line]
    assert len(found) == 1, f"{word} stands in lines {found}"
    return found[0]


def read(kind: str, text: str, folder: Path) -> BaseModel:
    path = folder / ("scenario.yaml" if kind == "scenario" else "plan.yaml")
    path.write_text(text, encoding="utf-8")
    return load_scenario(str(path)) if kind == "scenario" else load_plan(str(path))


def message(kind: str, text: str, folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(kind, text, folder)
    return str(caught.value)


def test_documents_hold_every_key() -> None:
    """A key that a model gains must be tried here too."""

    def missing(model: BaseModel, document: dict[str, Any], path: str) -> Iterator[str]:
        for field in type(model).model_fields:
            if field not in document:
                yield f"{path}{field}"
                continue
            value = getattr(model, field)
            if isinstance(value, BaseModel):
                yield from missing(value, document[field], f"{path}{field}.")
            elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
                yield from missing(value[0], document[field][0], f"{path}{field}.0.")

    assert list(missing(Scenario.model_validate(SCENARIO), SCENARIO, "")) == ["earthquake.shakemap"]
    # A meeting point and a refuge have either a position or a facility's name.
    assert list(missing(Plan.model_validate(PLAN), PLAN, "")) == [
        "meeting_points.0.facility", "vertical_refuges.0.facility"]


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_the_documents_are_right(kind: str, tmp_path: Path) -> None:
    assert isinstance(read(kind, yaml.safe_dump(DOCUMENTS[kind]), tmp_path), MODELS[kind])


@pytest.mark.parametrize(("kind", "key"), PATHS)
def test_misspelt_key(kind: str, key: str, tmp_path: Path) -> None:
    path = PATH_OF[kind, key]
    name = str(path[-1])
    kept = len(name) if len(name) < 3 else 2
    wrong = name[:-1] + "qq" if len(name) == 3 else f"{name[:kept]}q{name[kept:]}"
    text = altered(kind, path, key=wrong)
    told = message(kind, text, tmp_path)
    if path[0] == "behaviour" and len(path) == 2:
        assert "car_share" in told
        assert str(tmp_path) in told
        assert f":{line_of(text, wrong)}" in told
        return
    assert told.startswith(f"{tmp_path}")
    assert f".yaml:{line_of(text, wrong)}: unknown key '{dotted((*path[:-1], wrong))}'" in told
    assert f"did you mean '{name}'?" in told
    assert "allowed here: " in told


def wrong_type(value: Any) -> Any:
    if isinstance(value, str):
        return 13572468  # a number where words belong
    return "zzwrongzz"


@pytest.mark.parametrize(("kind", "key"), PATHS)
def test_wrong_type(kind: str, key: str, tmp_path: Path) -> None:
    path = PATH_OF[kind, key]
    value = wrong_type(value_at(kind, path))
    text = altered(kind, path, value)
    told = message(kind, text, tmp_path)
    assert f".yaml:{line_of(text, str(value))}: '{dotted(path)}'" in told, told
    assert repr(value) in told


NUMBERS = [(kind, key) for kind, key in PATHS
           if isinstance(value_at(kind, PATH_OF[kind, key]), int | float)
           and not isinstance(value_at(kind, PATH_OF[kind, key]), bool)]


@pytest.mark.parametrize(("kind", "key"), NUMBERS)
@pytest.mark.parametrize("value", [TOO_SMALL, TOO_LARGE, float("nan"), float("inf")])
def test_out_of_range(value: float, kind: str, key: str, tmp_path: Path) -> None:
    path = PATH_OF[kind, key]
    text = altered(kind, path, value)
    shown = yaml.safe_dump(value).split("\n")[0]
    told = message(kind, text, tmp_path)
    assert f".yaml:{line_of(text, shown)}: " in told, told
    assert str(path[-1]) in told


@pytest.mark.parametrize(("kind", "key"), NUMBERS)
@pytest.mark.parametrize("value", ["quoted", True])
def test_number_in_quotes_or_truth(value: Any, kind: str, key: str, tmp_path: Path) -> None:
    """'5400' is a text and `yes` a truth; neither is silently taken for a number."""
    path = PATH_OF[kind, key]
    given = str(value_at(kind, path)) if value == "quoted" else value
    told = message(kind, altered(kind, path, given), tmp_path)
    assert dotted(path) in told


CHOICES = [(kind, key) for kind, key in PATHS
           if isinstance(value_at(kind, PATH_OF[kind, key]), str)
           and PATH_OF[kind, key][-1] in ("occupancy", "mechanism", "service", "kind", "mode",
                                          "rule")]


@pytest.mark.parametrize(("kind", "key"), CHOICES)
def test_unknown_choice(kind: str, key: str, tmp_path: Path) -> None:
    path = PATH_OF[kind, key]
    right = str(value_at(kind, path))
    wrong = right + "x"
    text = altered(kind, path, wrong)
    told = message(kind, text, tmp_path)
    assert f"'{dotted(path)}' is '{wrong}'" in told, told
    assert f"did you mean '{right}'?" in told


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_missing_key(kind: str, tmp_path: Path) -> None:
    for field, info in MODELS[kind].model_fields.items():
        if info.is_required():
            document = {k: v for k, v in DOCUMENTS[kind].items() if k != field}
            told = message(kind, yaml.safe_dump(document), tmp_path)
            assert f"'{field}' is missing" in told


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("name: a\ntitle: b\nname: c\n", 3, "'name' is given twice"),
        ("name: a\norder:\n  delay_s: 1\n  delay_s: 2\n", 4, "'delay_s' is given twice"),
        ("- a\n- b\n", None, "expected keys with values, got a list"),
        ("just words\n", None, "expected keys with values, got one text"),
        ("", None, "expected keys with values, got an empty file"),
        ("name: [a, b\ntitle: c\n", 2, ""),
        ("name: a\n  title: b\n", 2, ""),
        ("name: 'a\n", 2, ""),
        ("name: !!python/object/apply:os.system ['true']\n", None, ""),
        ("name: &a [*a]\n", None, ""),
        ("1: a\n", 1, "must be a text"),
        ("? [a, b]\n: c\n", None, ""),
    ],
)
@pytest.mark.parametrize("kind", DOCUMENTS)
def test_broken_yaml(kind: str, text: str, line: int | None, words: str, tmp_path: Path) -> None:
    told = message(kind, text, tmp_path)
    assert words in told
    assert told.startswith(str(tmp_path))
    if line is not None:
        assert f".yaml:{line}: " in told, told


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_not_text(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_bytes(b"name: \xff\xfe\n")
    load = load_scenario if kind == "scenario" else load_plan
    with pytest.raises(InputError, match="is not UTF-8 text"):
        load(str(path))
    path.write_bytes(b"name: a\x00b\n")
    with pytest.raises(InputError, match=r"file\.yaml"):
        load(str(path))
    path.write_bytes(b"#" * 4_000_001)
    with pytest.raises(InputError, match="larger than"):
        load(str(path))


def test_deeply_nested_file_is_refused(tmp_path: Path) -> None:
    told = message("plan", "name: " + "[" * 5000 + "]" * 5000, tmp_path)
    assert "plan.yaml" in told


# --- rules that tie keys together ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "key", "value", "words"),
    [
        ("scenario", "danger_zone", [{}], "at least one of below_m, within, municipality"),
        ("scenario", "danger_zone", [], "danger_zone"),
        ("scenario", "danger_zone", [{"municipality": "Southport"}], "below_m"),
        ("scenario", "outages", [{"service": "power", "from_s": 9, "to_s": 9}], "later than from_s"),
        ("scenario", "start_utc", "2024-03-06T22:54:00", "offset"),
        ("scenario", "plans", [], "plans"),
        ("scenario", "name", "Test Town", "name"),
        ("scenario", "behaviour", {"car_share": 1.5}, "0 to 1"),
        ("plan", "order.trigger", {}, "at least one of intensity_mmi"),
        ("plan", "order.zones", [], "order.zones"),
        ("plan", "name", "../x", "name"),
    ],
)
def test_keys_that_must_fit(kind: str, key: str, value: Any, words: str, tmp_path: Path) -> None:
    told = message(kind, altered(kind, tuple(key.split(".")), value), tmp_path)
    assert words in told
    assert str(tmp_path) in told


def test_stations_and_shakemap_exclude_each_other(tmp_path: Path) -> None:
    document = {**SCENARIO, "earthquake": {**SCENARIO["earthquake"], "shakemap": "grid.xml"}}
    assert "not both" in message("scenario", yaml.safe_dump(document), tmp_path)


# --- names and files that do not exist -----------------------------------------------------------


@pytest.mark.parametrize(
    ("load", "wrong", "right"),
    [
        (load_city, "testtwn", "testtown"),
        (load_scenario, "testtown-tsunmi", "testtown-tsunami"),
        (lambda name: load_plan(name, load_scenario("testtown-tsunami")), "historcal", "historical"),
        (load_plan, "testtown-tsunami/early-warnin", "testtown-tsunami/early-warning"),
    ],
    ids=["city", "scenario", "plan", "plan with folder"],
)
def test_unknown_name(load: Any, wrong: str, right: str) -> None:
    with pytest.raises(InputError, match=f"'{wrong}', did you mean '{right}'"):
        load(wrong)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A scenario folder that may be spoilt."""
    return Path(shutil.copytree(FOLDER, tmp_path / "copy"))


def test_folder_and_file_are_the_same_scenario(copy: Path) -> None:
    scenario = load_scenario(str(copy))
    for same in (str(copy / "scenario.yaml"), "testtown-tsunami"):
        assert load_scenario(same).model_dump() == scenario.model_dump()
    assert scenario.folder == copy
    assert [plan.name for plan in default_plans(scenario)] == list(scenario.plans)


def test_plan_that_a_scenario_names_is_missing(copy: Path) -> None:
    (copy / "historical.yaml").unlink()
    with pytest.raises(InputError, match="unknown plan 'historical'"):
        default_plans(load_scenario(str(copy)))


def test_series_is_missing(copy: Path, town: City) -> None:
    (copy / "sea_level.csv").unlink()
    scenario = load_scenario(str(copy))
    with pytest.raises(InputError, match=r"data file 'sea_level\.csv' not found"):
        open_session(town, scenario, load_plan("historical", scenario), 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time,level\n0,0\n", ":1: expected the header"),
        ("t_s,level_m\n0,0\n60\n", ":3: expected two numbers"),
        ("t_s,level_m\n0,0\n60,x\n", ":3: expected two numbers"),
        ("t_s,level_m\n0,0\n60,1,2\n", ":3: expected two numbers"),
        ("# note\nt_s,level_m\n0,0\n60,nan\n", ":4: .*finite"),
        ("t_s,level_m\n0,0\n60,41\n", ":3: .*within"),
        ("t_s,level_m\n0,0\n60,1\n60,2\n", ":4: .*not later"),
        ("t_s,level_m\n0,0\n", "two rows"),
        ("", "two rows|header"),
    ],
)
def test_bad_series(text: str, words: str, copy: Path, town: City) -> None:
    (copy / "sea_level.csv").write_text(text)
    scenario = load_scenario(str(copy))
    with pytest.raises(InputError, match=rf"sea_level\.csv:?.*{words}|sea_level\.csv.*({words})"):
        open_session(town, scenario, load_plan("historical", scenario), 1)


def test_series_that_is_not_text(copy: Path, town: City) -> None:
    (copy / "sea_level.csv").write_bytes(b"t_s,level_m\n0,\xff\n")
    scenario = load_scenario(str(copy))
    with pytest.raises(InputError, match=r"sea_level\.csv"):
        open_session(town, scenario, load_plan("historical", scenario), 1)


# --- what does not fit the city -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "key", "value", "words"),
    [
        ("scenario", "danger_zone", [{"below_m": 1}], "no junction lies in the danger zone"),
        ("scenario", "danger_zone", [{"below_m": 15, "municipality": "Southprt"}],
         "did you mean 'Southport'"),
        ("scenario", "outages",
         [{"service": "power", "from_s": 1, "to_s": 9, "municipality": "Nortport"}],
         "did you mean 'Northport'"),
        ("scenario", "tsunami",
         {"series": "sea_level.csv", "gauges": [{"name": "P", "lon": -70.9963, "lat": -29.996}]},
         "gauge 'P' lies on land"),
        ("scenario", "tsunami",
         {"series": "sea_level.csv", "gauges": [{"name": "P", "lon": -72.0, "lat": -29.996}]},
         "gauge 'P' lies outside"),
        ("plan", "destinations", {"high_ground_m": 200}, "no junction is safe"),
        ("plan", "control_points", [{"name": "X", "lon": -60.0, "lat": -29.9968}],
         "control_points.0.*km from the nearest road"),
        ("plan", "staging", [{"kind": "police", "lon": -70.0, "lat": -29.9968}], "staging.0"),
        ("plan", "closures", [{"name": "X", "lon": -70.972, "lat": -29.9968, "radius_m": 50}],
         "closures.0: no street enters"),
        ("plan", "order.zones", [{"name": "Z", "municipality": "Southprt"}],
         "did you mean 'Southport'"),
    ],
)
def test_what_the_city_does_not_have(
    kind: str, key: str, value: Any, words: str, copy: Path, town: City
) -> None:
    path = copy / ("scenario.yaml" if kind == "scenario" else "early-warning.yaml")
    document = yaml.safe_load(path.read_text())
    target = document
    parts = key.split(".")
    for part in parts[:-1]:
        target = target[part]
    target[parts[-1]] = value
    path.write_text(yaml.safe_dump(document))
    scenario = load_scenario(str(copy))
    with pytest.raises(InputError, match=words):
        open_session(town, scenario, load_plan("early-warning", scenario), 1)


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("scenario.yaml", "lon: -71.0005", "lon: -72", r"scenario\.yaml:26: tsunami\.gauges\.0"),
        ("scenario.yaml", "share: 0.5}", "share: 0.5, municipality: Atlantis}",
         r"scenario\.yaml:29: outages\.1: unknown municipality 'Atlantis'"),
        ("scenario.yaml", "lon: -70.993, lat: -29.994,", "lon: -70.998, lat: -29.998,",
         r"scenario\.yaml:\d+: earthquake: stations: two stations"),
        ("scenario.yaml", "  stations:", "  shakemap: none.xml\n  residuals: false\n  x_stations:",
         "unknown key"),
        ("scenario.yaml", "below_m: 15", "below_m: 1", r"scenario\.yaml:11: danger_zone: no junction"),
        ("historical.yaml", "below_m: 15", "municipality: Atlantis",
         r"historical\.yaml:10: order\.zones\.0"),
        ("historical.yaml", "high_ground_m: 20", "high_ground_m: 190",
         r"historical\.yaml:14: destinations: no junction is safe"),
        ("sea_level.csv", "t_s,level_m", "banana", r"sea_level\.csv:\d+: expected the header"),
    ],
)
def test_scenario_check_finds_what_a_run_would_refuse(
    file: str, old: str, new: str, words: str, copy: Path, town: City,
) -> None:
    """The same message, with file and line, from `check_hazards` and `build_site` as from a run."""
    path = copy / file
    text = path.read_text()
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1))

    def checked() -> None:
        scenario = load_scenario(str(copy))
        check_hazards(town, scenario)
        for plan in default_plans(scenario):
            build_site(town, scenario, plan)

    def played() -> None:
        scenario = load_scenario(str(copy))
        open_session(town, scenario, load_plan("historical", scenario), 1)

    with pytest.raises(InputError, match=words) as check:
        checked()
    with pytest.raises(InputError, match=words) as run:
        played()
    assert str(check.value) == str(run.value)


def test_shakemap_that_is_missing_or_no_xml(copy: Path, town: City) -> None:
    path = copy / "scenario.yaml"
    document = yaml.safe_load(path.read_text())
    del document["earthquake"]["stations"]
    document["earthquake"] |= {"shakemap": "grid.xml", "residuals": False}
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(InputError, match=r"'grid\.xml' not found"):
        check_hazards(town, load_scenario(str(copy)))
    (copy / "grid.xml").write_text("no xml")
    with pytest.raises(InputError, match=r"grid\.xml: not valid XML"):
        check_hazards(town, load_scenario(str(copy)))


ZONE = {"name": "Z", "below_m": 15}
CONTROL = {"name": "X", "lon": -70.9963, "lat": -29.9968}


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("order.zones", [{"name": "Z", "below_m": 0.01}], "holds no junction"),
        ("order.zones", [{"name": "Z", "below_m": 8}, ZONE], "name of an earlier zone"),
        ("order.trigger", {"gauge_m": 0.3}, "order.trigger.*does not have"),
        ("control_points", [{**CONTROL, "lat": -29.975}], r"control_points.0.*km from the nearest"),
        ("staging", [{"kind": "police", "lon": -70.9924, "lat": -29.9962}] * 2,
         "staging.1.*'police'"),
        ("closures", [{**CONTROL, "radius_m": 100, "from_s": 90, "to_s": 30}],
         "to_s 30 must be later than from_s 90"),
        ("order.zones", [{**ZONE, "name": " "}], "must not be empty"),
        ("order.zones", [{**ZONE, "name": "a\0b"}], "control characters"),
        ("title", "x" * 5000, r"5,000 characters.*at most 500"),
    ],
)
def test_lever_that_cannot_work(key: str, value: Any, words: str, town: City, tmp_path: Path) -> None:
    """In a scenario with an earthquake and without a tsunami."""
    scenario = load_scenario("testtown-quake")
    document = yaml.safe_load((scenario.folder / "wait.yaml").read_text())
    target = document
    *above, last = key.split(".")
    for part in above:
        target = target[part]
    target[last] = value
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(InputError, match=words) as caught:
        build_site(town, scenario, load_plan(str(path)))
    assert str(caught.value).startswith(f"{path}:")
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("name", list_scenarios())
def test_shipped_scenarios_are_in_order(name: str) -> None:
    scenario = load_scenario(name)
    city = load_city(scenario.city)
    check_hazards(city, scenario)
    for plan in default_plans(scenario):
        site = build_site(city, scenario, plan)
        assert list(remarks(scenario, plan, city, site.danger_node, site.order_zone)) == []


def test_what_is_odd_is_remarked(town: City) -> None:
    scenario = load_scenario("testtown-tsunami", ["duration_s=600"])
    plan = load_plan("early-warning", scenario)
    trigger = plan.order.trigger.model_copy(update={"magnitude": 9.0})
    order = plan.order.model_copy(update={"zones": plan.order.zones[::-1], "trigger": trigger})
    leaders = plan.street_leaders.model_copy(update={"call_s": 700.0})
    changed = plan.model_copy(update={"order": order, "street_leaders": leaders})
    silent = scenario.outages[1].model_copy(update={"from_s": 600.0})
    scenario = scenario.model_copy(update={"outages": (silent,)})
    site = build_site(town, scenario, changed)
    found = list(remarks(scenario, changed, town, site.danger_node, site.order_zone))
    assert [text.split(" ")[0] for text in found] == [
        "order.zones.1:", "order.trigger.magnitude", "all_clear.earliest_s:",
        "destinations.shelter_open_s:", "mutual_aid.0.travel_s:", "street_leaders.call_s:"]
    assert "50% of the city from 600 s" in found[-1]


def test_named_plan_without_a_file_is_the_scenario_s_fault(copy: Path) -> None:
    path = copy / "scenario.yaml"
    path.write_text(path.read_text().replace("plans: [historical, early", "plans: [banana, early"))
    with pytest.raises(InputError, match=r"scenario\.yaml:34: plans\.0: unknown plan 'banana'") as e:
        default_plans(load_scenario(str(copy)))
    assert "did you mean 'banana'" not in str(e.value)


@pytest.mark.parametrize("value", ["-1", "0", "0.5", "12", "'12'", "2024-03-06", "soon",
                                   "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_start_that_is_no_moment(value: str) -> None:
    with pytest.raises(InputError, match=r"^--set 'start_utc=.*'start_utc' is"):
        load_scenario("testtown-tsunami", [f"start_utc={value}"])


@pytest.mark.parametrize("item", ["population.share=2", "duration_s=many", "danger_zone=[]",
                                  "behaviour.car_share=7", "tsunami.factr=1"])
def test_fault_of_an_override_is_told_as_such(item: str) -> None:
    """Not as a fault of the file, in which nothing is wrong."""
    with pytest.raises(InputError, match=f"^--set '{re.escape(item)}': ") as caught:
        load_scenario("testtown-tsunami", [item])
    assert "scenario.yaml" not in str(caught.value)


def test_rule_between_keys_names_file_and_override() -> None:
    with pytest.raises(InputError, match=r"scenario\.yaml:\d+ with --set 'outages\.0\.to_s=1': "):
        load_scenario("testtown-tsunami", ["outages.0.to_s=1"])


def test_small_number_is_a_number(tmp_path: Path) -> None:
    assert load_scenario("testtown-tsunami", ["population.share=1e-9"]).population.share == 1e-9


def test_a_plan_is_no_scenario() -> None:
    with pytest.raises(InputError, match=r"is a plan, not a scenario \(check it with.*--plan"):
        load_scenario(str(FOLDER / "historical.yaml"))


@pytest.mark.parametrize("item", ["plans=[]", "danger_zone=5", "earthquake=[]", "title=null",
                                  "outages={}", "name=''", "earthquake.magnitude=[]"])
def test_messages_are_in_plain_words(item: str) -> None:
    with pytest.raises(InputError) as caught:
        load_scenario("testtown-tsunami", [item])
    for word in ("tuple", "dict", "None", "validation", "Input should", "(top)", "instance"):
        assert word not in str(caught.value)


@pytest.mark.parametrize("path", ["x" * 5000, "a\0b", "a/" * 3000])
def test_names_no_file_system_takes(path: str) -> None:
    for load in (load_city, load_scenario, load_plan):
        with pytest.raises(InputError) as caught:
            load(path)
        assert len(str(caught.value)) < 1000


# --- inputs ----------------------------------------------------------------------------------------

GOOD = {"t_s": 5, "kind": "decision", "what": "order"}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{", "not valid JSON"),
        ("[1]", "expected an object"),
        ("7", "expected an object"),
        ('{"t_s": 5, "kind": "decision"}', "'what' is missing"),
        ('{"t_s": 5, "t_s": 6, "kind": "decision", "what": "order"}', "'t_s' is given twice"),
        ("[" * 100_000, "not valid JSON"),
        ({**GOOD, "t_s": 600.0}, "t_s is 600, and the run ends at 600 s"),
        ({**GOOD, "what": "ordr"}, "did you mean 'order'"),
        ({**GOOD, "what": ["order"]}, "unknown input"),
        ({**GOOD, "kind": "inject"}, "'order' is a decision"),
        ({**GOOD, "t_ss": 5}, "unknown field 't_ss'.*did you mean 't_s'"),
        ({"kind": "decision", "what": "order"}, "'t_s' is missing"),
        ({**GOOD, "t_s": "5"}, "'t_s' is '5', expected a number"),
        ({**GOOD, "t_s": True}, "'t_s' is True"),
        ({**GOOD, "t_s": -1}, "allowed 0 to"),
        ('{"t_s": NaN, "kind": "decision", "what": "order"}', "t_s"),
        ({"t_s": 5, "kind": "inject", "what": "close_street", "lon": -71.0}, "'lat' is missing"),
        ({"t_s": 5, "kind": "inject", "what": "close_street", "lon": 181.0, "lat": 0.0}, "lon"),
        ('{"t_s": 5, "kind": "inject", "what": "close_street", "lon": NaN, "lat": 0}', "lon"),
        ({"t_s": 5, "kind": "inject", "what": "outage", "service": "powr", "service_on": True},
         "did you mean 'power'"),
        ({"t_s": 5, "kind": "inject", "what": "outage", "service": "power", "service_on": 1},
         "'service_on' is 1"),
        ('{"t_s": 5, "kind": "observation", "what": "gauge", "level_m": Infinity}', "level_m"),
    ],
)
def test_bad_input_row(row: Any, words: str, tmp_path: Path) -> None:
    path = tmp_path / "inputs.jsonl"
    text = row if isinstance(row, str) else json.dumps(row)
    path.write_text(f"{json.dumps(GOOD)}\n\n{text}\n")
    with pytest.raises(InputError, match=words) as caught:
        read_inputs(path, end_s=600.0)
    assert str(caught.value).startswith(f"{path}:3: ")


def test_inputs_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_inputs(tmp_path / "none.jsonl")
    (tmp_path / "inputs.jsonl").write_bytes(b"\xff\n")
    with pytest.raises(InputError, match="cannot be read"):
        read_inputs(tmp_path / "inputs.jsonl")


def test_good_inputs(tmp_path: Path) -> None:
    (tmp_path / "inputs.jsonl").write_text(f"\ufeff{json.dumps(GOOD)}\n\n", encoding="utf-8")
    assert read_inputs(tmp_path / "inputs.jsonl") == [GOOD]


def test_input_past_the_end_is_refused(town: City, scenario: Scenario) -> None:
    with pytest.raises(InputError, match="the run ends at"):
        simulate(town, scenario, load_plan("historical", scenario), 1, [{**GOOD, "t_s": 1e6}])


@pytest.mark.parametrize("seed", [-1, "a", 1.5, True, 2**60, None])
def test_wrong_seed(seed: Any, town: City, scenario: Scenario) -> None:
    plan = load_plan("historical", scenario)
    with pytest.raises(InputError, match=r"^seed "):
        open_session(town, scenario, plan, seed)


def test_names_and_paths_do_for_objects(tmp_path: Path, town: City) -> None:
    saved = save_city(town, tmp_path / "town")
    short = tmp_path / "short"
    shutil.copytree(FOLDER, short)
    path = short / "scenario.yaml"
    path.write_text(path.read_text().replace("duration_s: 5400", "duration_s: 60"))
    run = simulate(saved, short, short / "historical.yaml")
    document = compare("testtown", str(short), ["historical", "early-warning"])
    assert run.digest == simulate("testtown", str(short), "historical").digest
    assert document["plans"] == ["historical", "early-warning"]


def test_street_far_from_the_city_is_refused(town: City, scenario: Scenario) -> None:
    """An inject that can reach nothing is wrong input, told before anything is run."""
    row = {"t_s": 30.0, "kind": "inject", "what": "close_street", "lon": -60.0, "lat": -20.0}
    with pytest.raises(InputError, match="km from the nearest"):
        simulate(town, scenario, load_plan("historical", scenario), 1, [row])


# --- overrides -------------------------------------------------------------------------------------


def test_override_reaches_lists_and_parts() -> None:
    changed = load_scenario("testtown-tsunami", [
        "duration_s=600", "population.share=0.5", "earthquake.stations.1.pga_g=0.5",
        "outages=[]", "start_utc=2024-03-06T03:00:00Z"])
    assert changed.duration_s == 600
    assert changed.population.share == 0.5
    assert changed.earthquake is not None
    assert changed.earthquake.stations[1].pga_g == 0.5
    assert changed.outages == ()
    assert changed.start.hour == 3


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("duration=600", "did you mean 'duration_s'"),
        ("population.shares=0.5", "did you mean 'share'"),
        ("duration_s", "expected key.path=value"),
        ("=5", "expected key.path=value"),
        ("duration_s=[", "not valid YAML"),
        ("duration_s=many", "'duration_s' is 'many'"),
        ("duration_s.x=5", "'x' cannot be set"),
        ("duration_s.x.y=5", "'y' cannot be set|nothing below it"),
        ("earthquake.stations.7.pga_g=1", "'7' is not a row"),
        ("earthquake.stations.x.pga_g=1", "'x' is not a row"),
        ("earthquake.stations.7=1", "cannot be set"),
    ],
)
def test_wrong_override(item: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_scenario("testtown-tsunami", [item])
