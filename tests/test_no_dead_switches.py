"""Every key of a scenario, of a plan and of the behaviour changes the run: no switch is dead.

Each key is changed alone and the run must get another digest. The runs go on only until the logs
part, looked at every few ticks, so that most of them are short.
"""

from __future__ import annotations

import dataclasses
import datetime
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import annotated_types
import pytest
from pydantic import BaseModel, ValidationError

from engine.city import City
from engine.errors import InputError
from engine.levers.response import Fuel
from engine.levers.warning import RumourCorrection, StreetLeaders
from engine.people.behaviour import _RANGE, CARD, Behaviour
from engine.plan import Plan, load_plan
from engine.run import Session, open_session
from engine.scenario import Area, Beach, Circle, Scenario, load_scenario
from tests.switches_together import NO_OTHER_VALUE, TOGETHER, WHOLE, Together

PLANS = ("historical", "early-warning", "assisted")
CHECKPOINTS_S = (*range(10, 600, 10), *range(600, 5401, 60))
#: Keys that are labels: they name things in messages, pages and manifests and move nobody.
LABELS = {
    "name": "the label of a scenario, plan, station, gauge, zone, junction or closure",
    "title": "the label shown on pages",
    "plans": "which plan files belong to the scenario; a run is given one",
    "city": "which city to load; a run is given one",
}
#: Values for keys that are empty in the file, or whose other values cannot be guessed.
OTHER: dict[str, list[Any]] = {
    "municipality": ["Northport", "Southport"],
    "within": [
        Circle(lon=-70.998, lat=-29.997, radius_m=radius_m) for radius_m in (300.0, 140.0)
    ],
    "line": [Area(below_m=below_m) for below_m in (25.0, 5.0)],
    "home_cover": [0.25, 0.75],
    "at_s": [20.0],
    "to_s": [1200.0],
    "magnitude": [7.0, 3.0],
    "intensity_mmi": [5.0],
    "gauge_m": [0.2, 2.9],
    "below_m": [8.0],
    "sa1_g": [0.8],
    "zone": ["Shore", "Low town"],
    "from_hour": [20.5],
    "beach": [Beach(lon=-71.0, lat=-29.9965, radius_m=400.0, share=0.2, to_hour=21.0)],
    "withdraw_s": [120.0, 900.0],
    "officers": [3],
    "heading_deg": [270.0, 90.0],
    "street": ["North Street 2", "East Street 2", "North Street 3"],
    "shelter_staff": [1, 3],
    "fuel": [Fuel(order=("hospitals",))],
    "rumour": [None],
    "rumour_correction": [RumourCorrection(channel="loudspeaker", delay_s=60.0)],
    "street_leaders": [StreetLeaders(call_s=60.0)],
    "facility": ["Test Hospital", "North Hospital"],
    "to": ["high ground", "Test Shelter"],
    "escorts": [3, 1],
    "open_s": [600.0],
}
#: What to try before all else, because it parts the runs soon where the far ends never do: a whole
#: run is saved for each. A value that has lost its effect costs time only; the others are tried too.
FIRST: dict[str, list[Any]] = {
    "population.beach.months": [(12, 1, 2)],
    "population.beach.to_hour": [10.5],
    "exclusion.lead_s": [3456000.0, 660.0],
    "street_leaders.stop_s": [600.0],
    "vertical_refuges.water_m": [4.0],
    "inbound_ban.from_s": [346.0],
    "mutual_aid.lon": [-70.9946],
    "mutual_aid.lat": [-30.0012],
    "all_clear.return_phases.municipality": ["Southport"],
    "order.zones.mode": ["car"],
    "destinations.shelter_staff": [3],
    "one_way_streets.street": ["East Street 2"],
    "door_to_door.stop_s": [150.0],
    "facility_evacuation.facility": ["North Hospital"],
    "facility_evacuation.to": ["Test Shelter"],
    "facility_evacuation.escorts": [9],  # nine fill the bus
    "buses.pick_ups.lon": [-70.9979],
    "buses.to": ["Test Shelter"],
    **WHOLE,
}

Path = tuple[str | int, ...]


def unfold(annotation: Any) -> Iterator[Any]:
    """The members of a union, through Annotated."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from unfold(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for part in typing.get_args(annotation):
            yield from unfold(part)
    else:
        yield annotation


def bounds(model: type[BaseModel], field: str) -> tuple[float, float]:
    """Smallest and largest allowed value of a number."""
    info = model.model_fields[field]
    low, high = -1e9, 1e9
    marks = list(info.metadata)
    for part in (info.annotation, *typing.get_args(info.annotation)):
        if typing.get_origin(part) is typing.Annotated:
            for mark in typing.get_args(part)[1:]:
                marks += getattr(mark, "metadata", [mark])
    for mark in marks:
        if isinstance(mark, annotated_types.Ge):
            low = max(low, float(mark.ge))
        elif isinstance(mark, annotated_types.Gt):
            low = max(low, float(mark.gt) + 1e-3)
        elif isinstance(mark, annotated_types.Le):
            high = min(high, float(mark.le))
    return low, high


def leaves(model: BaseModel, path: Path = ()) -> Iterator[tuple[Path, BaseModel, str]]:
    """Every key below `model`: (path, the model that holds it, its name there)."""
    for field in type(model).model_fields:
        if field in LABELS or field == "behaviour":
            continue
        value = getattr(model, field)
        if isinstance(value, BaseModel):
            yield (*path, field), model, field  # the part as a whole, where it may be left out
            yield from leaves(value, (*path, field))
        elif isinstance(value, tuple):
            yield (*path, field), model, field
            for row, item in enumerate(value):
                if isinstance(item, BaseModel):  # a list of words or numbers is one key
                    yield from leaves(item, (*path, field, row))
        else:
            yield (*path, field), model, field


def alternatives(model: BaseModel, field: str) -> list[Any]:
    """Other allowed values of a key, the likeliest to matter first."""
    value, info = getattr(model, field), type(model).model_fields[field]
    members = list(unfold(info.annotation))
    if isinstance(value, tuple):
        return [value[:row] + value[row + 1 :] for row in range(len(value))]
    if isinstance(value, BaseModel):
        return [None] if type(None) in members else []
    if isinstance(value, bool):
        return [not value]
    for member in members:
        if typing.get_origin(member) is typing.Literal:
            return [other for other in typing.get_args(member) if other != value]
    if field in ("lon", "lat"):
        return [] if value is None else [value + step for step in (0.003, -0.003, 0.0015, -0.0015)]
    if isinstance(value, int | float):
        low, high = bounds(type(model), field)
        # The far ends part the runs soonest; where they are refused, something nearer will do.
        tried = [low, high, value * 0.5, value * 1.5 + 1, value * 0.9, value * 1.1 + 0.05]
        if isinstance(value, int):
            tried = [value - 1, value + 1, value * 3]
        numbers = [min(max(x, low), high) for x in tried]
        extra = [x for x in OTHER.get(field, []) if low <= x <= high]
        return [x for x in dict.fromkeys([*extra, *numbers]) if x != value]
    if field in OTHER:
        return list(OTHER[field])
    return []


def path_of(key: str) -> Path:
    """The path that a key's name spells."""
    return tuple(int(part) if part.isdigit() else part for part in key.split("."))


def with_keys(root: BaseModel, keys: Mapping[str, Any]) -> dict[str, Any]:
    """The document of `root` with some keys changed, by name."""
    document = root.model_dump(exclude_defaults=True)
    for key, value in keys.items():
        put(document, path_of(key), value)
    return document


def replaced(
    root: BaseModel, path: Path, value: Any, beside: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """The document of `root` with one key changed, after those `beside` it."""
    document = with_keys(root, beside)
    put(document, path, value)
    return document


def put(document: dict[str, Any], path: Path, value: Any) -> None:
    """Change one key of a document; keys that stand at their default are filled in on the way."""
    target: Any = document
    for part in path[:-1]:
        if isinstance(target, dict):
            if part not in target:
                target[part] = {}
            if isinstance(target[part], tuple):
                target[part] = list(target[part])
        target = target[part]
    if isinstance(value, BaseModel):
        value = value.model_dump()
    if isinstance(value, tuple):
        value = [v.model_dump() if isinstance(v, BaseModel) else v for v in value]
    target[path[-1]] = value


class Trace:
    """Digests of a run at the checkpoints, played only as far as they are asked for."""

    def __init__(self, session: Session, checkpoints_s: Sequence[float] = CHECKPOINTS_S) -> None:
        self._session, self._checkpoints_s = session, checkpoints_s
        self._digests: list[str] = []

    def at(self, number: int) -> str:
        """Digest of the log at a checkpoint."""
        for t_s in self._checkpoints_s[len(self._digests) : number + 1]:
            self._session.advance(t_s)
            self._digests.append(self._session.twin.log.digest())
        return self._digests[number]

    def parts_from(self, other: Trace) -> bool:
        """Whether the logs differ; played until they do."""
        return any(self.at(n) != other.at(n) for n in range(len(self._checkpoints_s)))


class Bench:
    """Base runs of the plans, cut at the checkpoints."""

    def __init__(self, town: City) -> None:
        self.town = town
        self.scenario = load_scenario("testtown-tsunami")
        self.plans = {name: load_plan(name, self.scenario) for name in PLANS}
        self.base = {name: self.trace(self.scenario, plan) for name, plan in self.plans.items()}
        #: The same by night, for the behaviour that the day hides.
        self.night = self.scenario.start_utc + datetime.timedelta(hours=6)
        dark = changed(self, start_utc=self.night)
        self.by_night = {name: self.trace(dark, plan) for name, plan in self.plans.items()
                         if name != "assisted"}  # the home has not the staff that it names

    def open(self, scenario: Scenario, plan: Plan) -> Session:
        return open_session(self.town, scenario, plan, 1)

    def trace(self, scenario: Scenario, plan: Plan) -> Trace:
        return Trace(self.open(scenario, plan))

    def differs(self, scenario: Scenario, plan: Plan, base: Trace) -> bool:
        """Play until the log parts from the base run's."""
        return self.trace(scenario, plan).parts_from(base)

    def with_scenario(self, document: dict[str, Any]) -> Scenario:
        out = Scenario.model_validate(document)
        out._folder = self.scenario.folder
        return out

    def allowed(self, root: BaseModel, document: dict[str, Any], base: str) -> Session | None:
        """A session with a changed scenario or plan, None where it is refused with a message."""
        try:
            if isinstance(root, Scenario):
                return self.open(self.with_scenario(document), self.plans[base])
            return self.open(self.scenario, Plan.model_validate(document))
        except (ValidationError, InputError):
            return None

    def matters(
        self, root: BaseModel, path: Path, values: list[Any], base: str,
        together: Together | None = None,
    ) -> bool:
        """Whether one of `values` at `path` is allowed and changes the run."""
        start, beside = self.base[base], {}
        if together is not None:
            beside = {**together.both, **together.along}
            if together.both:
                session = self.allowed(root, with_keys(root, together.both), base)
                assert session is not None
                start = Trace(session)
        sessions = (self.allowed(root, replaced(root, path, value, beside), base) for value in values)
        return any(Trace(s).parts_from(start) for s in sessions if s is not None)


@pytest.fixture(scope="module")
def bench(town: City) -> Bench:
    return Bench(town)


def cases(root: BaseModel) -> dict[str, tuple[Path, list[Any]]]:
    """Keys to change, by name, with their other values."""
    out = {}
    for path, model, field in leaves(root):
        special = SPECIAL.get(".".join(str(p) for p in path))
        if special is not None:
            continue
        first = FIRST.get(".".join(p for p in path if isinstance(p, str)), [])
        values = [*first, *(x for x in alternatives(model, field) if x not in first)]
        values = [x for x in values if x != getattr(model, field)]
        if isinstance(root, Plan):
            together = TOGETHER.get(f"{root.name} {'.'.join(map(str, path))}")
            values = values if together is None else together.values
        if values:
            out[".".join(str(p) for p in path)] = (path, values)
    return out


#: Keys with a test of their own below, because another file or another key goes with them.
SPECIAL = {
    **{f"order.trigger.{key}": "test_trigger_matters"
       for key in ("intensity_mmi", "magnitude", "gauge_m", "at_s")},
    "start_utc": "test_start_matters",
    "duration_s": "test_duration_matters",
    "tsunami.series": "test_series_matters",
    "earthquake.shakemap": "test_shakemap_matters",
    "earthquake.residuals": "test_shakemap_matters",
    "population.share": "test_share_matters",
    "order.zones.0.exempt": "test_exempt_matters",
    "facility_evacuation.1.vehicles": "test_who_goes_on_foot_has_no_vehicles",
    # The first meeting point is a facility and has no position of its own.
    "meeting_points.0.lon": "meeting_points.1.lon",
    "meeting_points.0.lat": "meeting_points.1.lat",
    # The second refuge is found damaged, and so is the other building near it.
    "vertical_refuges.1.lon": "vertical_refuges.0.lon",
    "vertical_refuges.1.lat": "vertical_refuges.0.lat",
    "vertical_refuges.1.walk_m": "vertical_refuges.0.walk_m",
    "vertical_refuges.1.facility": "vertical_refuges.0.facility",
    "crowds": "tests/test_venue_keys.py",  # this scenario has no venue
    "bus_depots": "test_depots_matter",
    "bus_depots.0.buses": "test_depots_matter",
    "buses.0.depot": "test_depots_matter",
    # The coast of the test town is straight: along it the sea is everywhere the same.
    "tsunami.gauges.0.lat": "tsunami.gauges.0.lon",
    **{f"earthquake.stations.{row}.sa1_g": "test_spectra_matter" for row in range(2)},
}

SCENARIO = load_scenario("testtown-tsunami")
SCENARIO_CASES = cases(SCENARIO)
PLAN_CASES = [
    (plan, key) for plan in PLANS for key in cases(load_plan(plan, SCENARIO))
]


@pytest.mark.parametrize("key", SCENARIO_CASES)
def test_scenario_key_matters(key: str, bench: Bench) -> None:
    path, values = SCENARIO_CASES[key]
    assert any(bench.matters(bench.scenario, path, values, plan) for plan in reversed(PLANS))


@pytest.mark.parametrize(("plan", "key"), PLAN_CASES)
def test_plan_key_matters(plan: str, key: str, bench: Bench) -> None:
    path, values = cases(bench.plans[plan])[key]
    name = f"{plan} {key}"
    if name in NO_OTHER_VALUE:
        _, words, beside = NO_OTHER_VALUE[name]
        for value in values:
            other = Plan.model_validate(replaced(bench.plans[plan], path, value, beside))
            with pytest.raises(InputError, match=words):
                bench.open(bench.scenario, other)
        return
    assert bench.matters(bench.plans[plan], path, values, plan, TOGETHER.get(name))


def test_the_tables_of_exceptions_name_keys_that_need_them(bench: Bench) -> None:
    """Each is a key of its plan which alone has no other value that is allowed; few have none at all."""
    assert len(NO_OTHER_VALUE) <= 3
    for name in (*TOGETHER, *NO_OTHER_VALUE):
        plan, key = name.split(" ")
        assert (plan, key) in PLAN_CASES, name
        root, path = bench.plans[plan], path_of(key)
        for value in cases(root)[key][1]:
            assert bench.allowed(root, replaced(root, path, value), plan) is None, name


def changed(bench: Bench, **keys: Any) -> Scenario:
    return bench.with_scenario({**bench.scenario.model_dump(exclude_defaults=True), **keys})


#: Behaviour that the test town by day hides, with the keys that bring it out.
BROUGHT_OUT: dict[str, dict[str, Any]] = {
    "felt_from_mmi": {"behaviour": {"felt_full_mmi": 11.0}},  # else everybody feels full shaking
    "car_share": {"behaviour": {"car_near_m": 0.0}},  # no walk to safety is long here
    "car_obey_share": {"mode": "car"},  # the shipped plans tell nobody to drive
    "siren_night": {"night": True},
    "phone_night": {"night": True},
    "radio_night": {"night": True},
    "night_prepare_s": {"night": True},
    "inland_share": {"behaviour": {"shore_m": 100.0}},  # all of the low town lies at the shore
    "car_patience_s": {"behaviour": {  # nobody queues unless all leave at once
        "car_share": 1.0, "car_near_share": 1.0, "prepare_felt_s": 1.0, "prepare_order_s": 1.0}},
}


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(Behaviour)])
def test_behaviour_matters(field: str, bench: Bench) -> None:
    (row,) = [row for row in CARD if row.parameter == field]
    low, high = _RANGE[row.unit]
    up = row.value - low < high - row.value and row.unit not in ("s", "m")
    far = [high, low] if up else [low, high]
    tried = [*far, row.value * 0.5, row.value * 1.5]
    if row.unit == "MMI":
        tried = [row.value + 1.5, row.value - 1.5]
    wanted = BROUGHT_OUT.get(field, {})
    common = {**bench.scenario.behaviour, **wanted.get("behaviour", {})}
    keys: dict[str, Any] = {"start_utc": bench.night} if wanted.get("night") else {}
    plans, base = dict(bench.plans), bench.base
    if "mode" in wanted:
        document = plans["historical"].model_dump()
        document["order"]["zones"][0]["mode"] = wanted["mode"]
        plans = {"historical": Plan.model_validate(document)}
    if wanted.get("night"):
        base = bench.by_night
    elif wanted:
        plain = changed(bench, behaviour=common)
        base = {name: bench.trace(plain, plan) for name, plan in plans.items()}
    for value in tried:
        behaviour = {**common, field: min(max(value, low), high)}
        scenario = changed(bench, **keys, behaviour=behaviour)
        # First the plan with the most levers, or the one that speaks by radio.
        likely = "historical" if field.startswith("radio") else "early-warning"
        for name in sorted(base, key=lambda name: name != likely):
            if bench.differs(scenario, plans[name], base[name]):
                return
    pytest.fail(f"behaviour.{field} changes no run of the test town")


@pytest.mark.parametrize(
    ("key", "values"),
    [("intensity_mmi", (5.0, 11.5)), ("magnitude", (7.0, 9.0)), ("gauge_m", (0.3, 1.5)),
     ("at_s", (100.0, 200.0))],
)
def test_trigger_matters(key: str, values: tuple[float, float], bench: Bench) -> None:
    """Each condition alone: with several the first one met hides the others. A magnitude above the
    earthquake's is refused alone: it stands beside a gauge, which speaks later."""
    beside = {"gauge_m": 0.5} if key == "magnitude" else {}

    def plan(value: float) -> Plan:
        document = bench.plans["historical"].model_dump()
        document["order"]["trigger"] = {**beside, key: value}
        return Plan.model_validate(document)

    base = bench.trace(bench.scenario, plan(values[0]))
    assert bench.differs(bench.scenario, plan(values[1]), base)


def test_exempt_matters(bench: Bench) -> None:
    """Told to walk and all obeying, only exempt parties drive; few of the town's shore are slow."""
    obey = changed(bench, behaviour={  # all wait for the order, and then do as it says
        "foot_obey_share": 1.0, "car_slow_share": 1.0, "felt_share": 0.0, "neighbour_share": 0.0,
        "order_share": 1.0})
    digests = set()
    for exempt in (("slow", "assisted"), ()):
        document = bench.plans["early-warning"].model_dump()
        document["order"]["zones"][0].update(below_m=15.0, exempt=exempt)
        session = bench.open(obey, Plan.model_validate(document))
        session.advance(900.0)
        digests.add(session.twin.log.digest())
    assert len(digests) == 2


def test_who_goes_on_foot_has_no_vehicles(bench: Bench) -> None:
    plan = bench.plans["assisted"].model_dump()
    plan["facility_evacuation"][1]["vehicles"] = {"ambulances": 1, "buses": 0}
    with pytest.raises(ValidationError, match="mode foot"):
        Plan.model_validate(plan)


def test_every_key_is_tried() -> None:
    """No key falls between the tests: each is a label, special, or a case."""
    for root in (SCENARIO, *(load_plan(plan, SCENARIO) for plan in PLANS)):
        mine = cases(root)
        for path, model, field in leaves(root):
            key = ".".join(str(p) for p in path)
            whole = isinstance(getattr(model, field), BaseModel | tuple)
            assert key in mine or key in SPECIAL or whole, key


def test_start_matters(bench: Bench) -> None:
    later = bench.scenario.start_utc + datetime.timedelta(hours=8)
    changed_start = changed(bench, start_utc=later)
    assert bench.differs(changed_start, bench.plans["historical"], bench.base["historical"])


def test_duration_matters(bench: Bench) -> None:
    session = bench.open(changed(bench, duration_s=600.0), bench.plans["historical"])
    assert session.finish().digest != bench.base["historical"].at(len(CHECKPOINTS_S) - 1)


def test_depots_matter(bench: Bench) -> None:
    """Without them the plan is refused; a bus more than it holds at once matters by where it stands."""
    (depot,) = bench.scenario.bus_depots
    near = {**depot.model_dump(), "name": "Near", "lon": -70.9978, "buses": 1}
    plan = bench.plans["assisted"].model_dump()
    plan["buses"][0]["buses"] = 4
    with pytest.raises(InputError, match="more than the"):
        bench.open(bench.scenario, Plan.model_validate(plan))
    with pytest.raises(InputError, match="bus_depots"):
        bench.open(changed(bench, bus_depots=()), bench.plans["assisted"])
    both = changed(bench, bus_depots=(near, depot.model_dump()))
    assert bench.differs(both, bench.plans["assisted"], bench.base["assisted"])
    plan["buses"][0]["buses"] = 1
    base = bench.trace(both, Plan.model_validate(plan))
    plan["buses"][0]["depot"] = "Near"
    assert bench.differs(both, Plan.model_validate(plan), base)


def test_share_matters(bench: Bench) -> None:
    some = changed(bench, population={"share": 0.5})
    assert bench.differs(some, bench.plans["historical"], bench.base["historical"])


def test_series_matters(bench: Bench, tmp_path: Any) -> None:
    text = bench.scenario.data_file("sea_level.csv").read_text(encoding="utf-8")
    (tmp_path / "sea_level.csv").write_text(text.replace("1500,1.8", "1500,2.6"))
    other = changed(bench)
    other._folder = tmp_path
    assert bench.differs(other, bench.plans["historical"], bench.base["historical"])


def test_spectra_matter(bench: Bench) -> None:
    quake = bench.scenario.earthquake
    assert quake is not None
    stations = [{**s.model_dump(), "sa1_g": 0.9} for s in quake.stations]
    document = {**quake.model_dump(exclude_defaults=True), "stations": stations}
    other = changed(bench, earthquake=document)
    assert bench.differs(other, bench.plans["historical"], bench.base["historical"])


GRID = """<?xml version="1.0"?>
<shakemap_grid xmlns="http://earthquake.usgs.gov/eqcenter/shakemap" event_id="town">
<event magnitude="8.0" depth="25" lat="-30.3" lon="-71.5"/>
<grid_specification lon_min="-71.1" lat_min="-30.1" lon_max="-70.9" lat_max="-29.9" nlon="2" nlat="2"/>
<grid_field index="1" name="LON" units="dd"/>
<grid_field index="2" name="LAT" units="dd"/>
<grid_field index="3" name="PGA" units="pctg"/>
<grid_field index="4" name="PGV" units="cms"/>
<grid_field index="5" name="MMI" units="intensity"/>
<grid_data>
-71.1 -29.9 60 70 8.5
-70.9 -29.9 60 70 8.5
-71.1 -30.1 60 70 8.5
-70.9 -30.1 60 70 8.5
</grid_data></shakemap_grid>"""


def test_shakemap_matters(bench: Bench, tmp_path: Any) -> None:
    """A field of the ground's motion; with it, no residuals are drawn."""
    quake = bench.scenario.earthquake
    assert quake is not None
    document = {**quake.model_dump(exclude_defaults=True), "stations": (), "residuals": False}
    plain = changed(bench, earthquake=document)
    base = bench.trace(plain, bench.plans["historical"])
    with_residuals = changed(bench, earthquake={**document, "residuals": True})
    assert bench.differs(with_residuals, bench.plans["historical"], base)
    (tmp_path / "grid.xml").write_text(GRID)
    (tmp_path / "sea_level.csv").write_bytes(bench.scenario.data_file("sea_level.csv").read_bytes())
    mapped = changed(bench, earthquake={**document, "shakemap": "grid.xml"})
    mapped._folder = tmp_path
    assert bench.differs(mapped, bench.plans["historical"], base)
