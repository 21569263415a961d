"""Meeting points: which places, who goes in, who finds one shut or full and where he is then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.city import City
from engine.errors import InputError
from engine.events import KIND_CODE
from engine.meeting import city_for
from engine.plan import Plan, load_plan
from engine.run import Run, open_session, simulate
from engine.runfolder import save
from engine.scenario import Scenario
from engine.scoring.ledger import STATES
from engine.site import Site, build_site
from engine.timeline.view import load_view, view_of
from engine.world import P_HIGH, P_MEETING

HILL: dict[str, Any] = {"facility": "Test Hill"}
#: A junction at 27 m: the street beside it is on high ground, that beside Test Hill (19 m) is not.
FIELD: dict[str, Any] = {"name": "Upper Field", "lon": -70.99471, "lat": -29.99684, "places": 30}


def with_points(plan: Plan, *rows: dict[str, Any]) -> Plan:
    return Plan.model_validate({**plan.model_dump(), "meeting_points": rows})


def site_of(town: City, scenario: Scenario, plan: Plan) -> Site:
    return build_site(city_for(town, plan), scenario, plan)


def test_the_plans_points_stand_among_the_facilities(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    yard = {"facility": "Test Fire Station", "places": 80, "open_s": 60}
    plan = with_points(plans["historical"], FIELD, {**HILL, "places": 40}, yard)
    city = city_for(town, plan)
    meeting = build_site(city, scenario, plan).meeting
    assert [str(city.facilities.name[row]) for row in meeting.row] == [
        "Test Hill", "Upper Field", "Test Fire Station (meeting point)"]
    assert meeting.places.tolist() == [40, 30, 80]
    assert meeting.open_s.tolist() == [-np.inf, -np.inf, 60.0]
    assert meeting.at_node[meeting.node].tolist() == [0, 1, 2]
    assert meeting.node[2] == town.facilities.node[town.facilities.name == "Test Fire Station"]
    assert city_for(town, plans["historical"]) is town
    assert town.facilities.capacity[town.facilities_of("meeting_point")].tolist() == [2500]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"facility": "Test Hil", "places": 5}, "did you mean 'Test Hill'"),
        (HILL, "a meeting point of the city in any case"),
        ({"facility": "Test School", "places": 5}, "lies in the danger zone"),
        ({"facility": "Test Police Station"}, r"places: how many .* \(police station\) is not known"),
        ({**FIELD, "lon": -70.9963, "lat": -29.9941}, "at the junction of the meeting point 'Test Hill'"),
        ({**FIELD, "lat": -29.0}, "km from the nearest"),
        ({**FIELD, "name": "Test Hospital"}, r"name: 'Test Hospital' is a facility of the city"),
    ],
)
def test_refused_with_file_and_line(
    row: dict[str, Any], message: str, town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    with pytest.raises(InputError, match=message) as error:
        site_of(town, scenario, with_points(plans["historical"], row))
    assert "meeting_points.0" in str(error.value)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"meeting_points": [{**FIELD, **HILL}]}, "either a facility of the city"),
        ({"meeting_points": [{"name": "Upper Field", "places": 3}]}, "either a facility of the city"),
        ({"meeting_points": [{**FIELD, "places": None}]}, "places: how many people"),
        ({"meeting_points": [FIELD, FIELD]}, r"meeting_points.1: 'Upper Field' is the name of an earlier"),
        ({"meeting_points": [FIELD], "destinations": {"meeting_points": False}},
         r"nobody is sent to 'Upper Field' where destinations\.meeting_points is false"),
        ({"meeting_points": [{**FIELD, "open_s": 5}], "order": {"delay_s": 0}, "channels": [],
          "all_clear": {}},
         r"meeting_points\.0\.open_s: counts from the evacuation order"),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(
    keys: dict[str, Any], message: str, plans: dict[str, Plan]
) -> None:
    document = plans["historical"].model_dump(exclude_defaults=True)
    with pytest.raises(ValidationError, match=message):
        Plan.model_validate({**document, **keys})


def test_two_points_of_one_name_are_refused(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    yard = {"facility": "Test Fire Station", "places": 80, "open_s": 0.0}
    plan = with_points(plans["historical"], yard, {**FIELD, "name": "Test Fire Station (meeting point)"})
    with pytest.raises(InputError, match=r"meeting_points.1: .*\)' is the name of an earlier"):
        site_of(town, scenario, plan)


def test_a_point_in_an_area_that_is_told_to_leave_is_none(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    """The hill at 19 m under an order below 22 m: the city's own is not used, the plan's refused."""
    document = plans["historical"].model_dump(exclude_defaults=True)
    document["order"]["zones"] = [{"name": "Town", "below_m": 22}]
    document["destinations"] = {"high_ground_m": 15}
    assert site_of(town, scenario, Plan.model_validate(document)).meeting.row.size == 0
    with pytest.raises(InputError, match=r"'Test Hill' lies in the area 'Town', which is told to leave"):
        site_of(town, scenario, with_points(Plan.model_validate(document), {**HILL, "places": 9}))


def test_who_breaks_a_rule_is_told_the_line(tmp_path: Path, plans: dict[str, Plan]) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\ntitle: t\norder: {delay_s: 0}\nmeeting_points:\n"
                    "  - {facility: Test Hill, places: 9}\n  - {facility: Test Hill, places: 8}\n")
    with pytest.raises(InputError, match=r"mine\.yaml:6: meeting_points\.1: 'Test Hill' is the name of"):
        load_plan(str(path))


def played(town: City, scenario: Scenario, plan: Plan, until_s: float) -> Any:
    session = open_session(town, scenario, plan, 1)
    session.advance(until_s)
    return session.twin


def rows_of(twin: Any, kind: str) -> dict[str, Any]:
    log = twin.log
    mine = log.column("kind") == KIND_CODE[kind]
    names = ("t_ms", "subject", "object", "value", "cause")
    return {"event": np.flatnonzero(mine), **{name: log.column(name)[mine] for name in names}}


def test_a_full_point_below_high_ground_sends_people_on(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    twin = played(town, scenario, with_points(plans["historical"], {**HILL, "places": 40}), 2400.0)
    w, meeting, size = twin.world, twin.context.site.meeting, twin.context.parties.size
    full, sent = rows_of(twin, "meeting_point_full"), rows_of(twin, "party_rerouted")
    assert full["subject"].tolist() == meeting.row.tolist()
    assert full["value"].tolist() == [40.0]
    refused = rows_of(twin, "party_no_place")
    assert full["event"][0] in refused["cause"]
    assert (refused["value"] >= 40).all()
    by_it = sent["subject"][np.isin(sent["cause"], refused["event"])]
    assert by_it.size > 20
    # They go on to high ground: nobody is left at the point without a place.
    assert not ((w.party_node == meeting.node[0]) & (w.party_place == P_HIGH)).any()
    assert twin.context.site.safe_node[w.party_node[w.party_place == P_HIGH]].all()
    arrived = rows_of(twin, "party_arrived")
    later = np.isin(arrived["subject"], by_it) & (arrived["t_ms"] > full["t_ms"][0])
    assert later.sum() > 20
    assert (arrived["object"][later] == -1).all()
    assert 40 <= w.facility_load[meeting.row[0]] < 40 + size.max()


def test_who_finds_the_gate_shut_waits_beside_it_or_walks_on(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    """The order is given at 8 min; by 22 min people stand beside the field, none beside the hill."""
    plan = with_points(plans["historical"], {**FIELD, "open_s": 840.0}, {**HILL, "open_s": 840.0})
    session = open_session(town, scenario, plan, 1)
    w, meeting = session.twin.world, session.twin.context.site.meeting
    size = session.twin.context.parties.size
    session.advance(1310.0)
    assert not (w.party_place == P_MEETING).any()
    assert not w.facility_load[meeting.row].any()
    beside = np.flatnonzero((w.party_place == P_HIGH) & (w.party_node == meeting.node[1]))
    assert size[beside].sum() > 0
    assert not ((w.party_place == P_HIGH) & (w.party_node == meeting.node[0])).any()
    session.advance(1400.0)
    opened = rows_of(session.twin, "meeting_point_opened")
    order_ms = int(w.zone_order_ms.min())
    assert opened["t_ms"].tolist() == [order_ms + 840_000] * 2
    let_in, arrived = rows_of(session.twin, "party_let_in"), rows_of(session.twin, "party_arrived")
    assert let_in["subject"].size > 0
    assert set(let_in["cause"]) <= set(opened["event"])
    assert set(let_in["subject"]) <= set(beside)
    assert (let_in["t_ms"] == order_ms + 840_000).all()
    assert w.facility_load[meeting.row[1]] >= min(30, int(size[beside].sum()))
    # In the order in which they came; the wait is the time since then.
    last = dict(zip(arrived["subject"].tolist(), arrived["t_ms"].tolist(), strict=True))
    came = [last[party] for party in let_in["subject"].tolist()]
    assert came == sorted(came)
    assert let_in["value"].tolist() == [(order_ms + 840_000 - t) / 1000 for t in came]


SLOPE = [{"name": f"Slope {row}", "lon": -70.99627, "lat": lat, "places": 900}
         for row, lat in enumerate((-29.99955, -29.9982, -29.99684, -29.9955))]


def on_the_slope(plan: Plan, open_s: float) -> Plan:
    """Points with gates at 19.5 m, under a plan whose high ground begins at 17 m."""
    document = {**plan.model_dump(), "destinations": {"high_ground_m": 17.0}}
    return Plan.model_validate(
        {**document, "meeting_points": [{**point, "open_s": open_s} for point in SLOPE]})


def test_a_gate_that_opens_changes_nothing_for_who_goes_back_home(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    """They go back as long after they came to safety as with a gate that stays shut, and whoever has
    just decided to is not held by it."""
    gone = []
    for open_s in (530.0, 5000.0):
        session = open_session(town, scenario, on_the_slope(plans["historical"], open_s), 1)
        session.advance(4200.0)
        rows = rows_of(session.twin, "party_returning")
        gone.append(dict(zip(rows["subject"].tolist(), rows["t_ms"].tolist(), strict=True)))
    assert rows_of(session.twin, "meeting_point_opened")["event"].size == 0
    assert len(gone[0]) > 30
    # Where they begin from, and so whom they hear of by the way, may differ; their time may not.
    same = [gone[1][party] == t for party, t in gone[0].items() if party in gone[1]]
    assert len(same) > 0.9 * len(gone[0])
    assert all(same)


def test_nobody_is_inside_before_the_gate_is_open(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    """Not even within the tick in which it opens."""
    seen = 0
    for open_s in (201.5, 205.0, 208.5, 311.0):
        session = open_session(town, scenario, on_the_slope(plans["historical"], open_s), 1)
        session.advance(1200.0)
        twin, meeting = session.twin, session.twin.context.site.meeting
        gated = meeting.open_s >= 0.0
        opened, arrived = rows_of(twin, "meeting_point_opened"), rows_of(twin, "party_arrived")
        inside = np.isin(arrived["object"], meeting.row[gated])
        let_in = rows_of(twin, "party_let_in")
        t_ms = opened["t_ms"][0]
        assert (arrived["t_ms"][inside] >= t_ms).all()
        assert (let_in["t_ms"] >= t_ms).all()
        seen += int(inside.sum()) * int(let_in["event"].size > 0)
        # Whoever came before it opened and is still there is inside.
        w = twin.world
        here = np.isin(w.party_node, meeting.node[gated])
        assert not (here & (w.party_place == P_HIGH)).any()
    assert seen > 0


@pytest.mark.parametrize("open_s", [None, 0.0, 2000.0])
def test_people_set_down_by_a_vehicle_at_a_point_are_at_it(
    open_s: float | None, town: City, scenario: Scenario
) -> None:
    """The bus ends at the junction of the command centre."""
    document = load_plan("assisted", scenario).model_dump(exclude_unset=True)
    document["meeting_points"] = [
        {"facility": "Test Command Centre", "places": 900, "open_s": open_s}]
    twin = played(town, scenario, Plan.model_validate(document), 1900.0)
    w, meeting = twin.world, twin.context.site.meeting
    riders = np.unique(rows_of(twin, "party_boarded")["subject"])
    there = riders[w.party_node[riders] == meeting.node[1]]
    assert there.size > 5
    refused = np.isin(there, rows_of(twin, "party_no_place")["subject"])
    shut = open_s == 2000.0
    assert (w.party_place[there] == (P_HIGH if shut else P_MEETING)).all()
    assert (refused == shut).all()


@settings(max_examples=8)
@given(places=st.integers(1, 120), open_s=st.one_of(st.none(), st.floats(0.0, 1200.0)))
def test_never_more_than_its_places_and_nobody_before_it_opens(
    town: City, scenario: Scenario, plans: dict[str, Plan], places: int, open_s: float | None
) -> None:
    """One party may pass the last place, as at a shelter; places are conserved at every moment."""
    plan = with_points(plans["early-warning"], {**HILL, "places": places, "open_s": open_s},
                       {**FIELD, "places": places, "open_s": open_s})
    session = open_session(town, scenario, plan, 1)
    w, site = session.twin.world, session.twin.context.site
    mobility = next(c for c in session.twin.components if c.name == "mobility")
    for t_s in range(120, 1800, 240):
        session.advance(t_s)
        load = w.facility_load[site.meeting.row]
        assert (load < places + session.twin.context.parties.size.max()).all()
        assert mobility.conserved() == ""
        opened = w.meeting_open_event[site.meeting.row] >= 0
        assert not load[~opened].any() or open_s is None


def test_a_branch_goes_on_the_same(town: City, scenario: Scenario, plans: dict[str, Plan]) -> None:
    plan = with_points(plans["early-warning"], {**HILL, "places": 30, "open_s": 200},
                       {**FIELD, "open_s": 400})
    session = open_session(town, scenario, plan, 1)
    session.advance(420.0)
    branch = session.branch()
    session.advance(1500.0)
    branch.advance(1500.0)
    assert session.twin.log.digest() == branch.twin.log.digest()


def test_a_run_and_its_folder_know_the_plans_points(assisted_run: Run, tmp_path: Path) -> None:
    """Ledger, view in memory, view of the folder and manifest name the same places."""
    meeting = assisted_run.twin.context.site.meeting
    arrived = assisted_run.codes[assisted_run.codes.kind == KIND_CODE["party_arrived"]]
    assert set(meeting.row) <= set(arrived.object)
    for view in (view_of(assisted_run), load_view(save(assisted_run, tmp_path / "run"))):
        names = [str(view.city.facilities.name[row]) for row in meeting.row]
        assert names == ["Test Hill", "South Meadow", "Upper Field"]
        assert [view.manifest["facilities"][row]["name"] for row in meeting.row] == names
    world = assisted_run.twin.world
    size = assisted_run.twin.context.parties.size
    told = assisted_run.score["ledger"]["people"][STATES[STATES.index("safe at meeting point")]]
    # The score counts people, some of whom died or are in hospital; the world counts parties.
    assert 0 < told <= size[world.party_place == P_MEETING].sum()


def test_a_folder_whose_points_are_damaged_is_refused(assisted_run: Run, tmp_path: Path) -> None:
    folder = save(assisted_run, tmp_path / "run")
    path = folder / "manifest.json"
    whole = json.loads(path.read_text())
    for damage in (None, 3, [{"facility": "Test Hill", "places": 0}], [7]):
        whole["plan"]["settings"]["meeting_points"] = damage
        path.write_text(json.dumps(whole))
        with pytest.raises(InputError, match=r"manifest\.json: damaged: its plan's 'meeting_points'"):
            load_view(folder)


def test_places_scale_with_the_people(town: City, scenario: Scenario, plans: dict[str, Plan]) -> None:
    document = scenario.model_dump(exclude_unset=True)
    document["population"] = {**document["population"], "share": 0.5}
    half = Scenario.model_validate(document)
    half._folder = scenario.folder
    run = simulate(town, half, with_points(plans["historical"], {**FIELD, "places": 100}), 1)
    assert 40 <= run.twin.context.site.meeting.places[1] <= 60
