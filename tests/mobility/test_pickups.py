"""Fetching family: meeting, leaving together, and what keeps a parent from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from engine.city import USES, City
from engine.events import MODES, named, reason
from engine.ledger import check_conservation
from engine.people.warning import ORDER, SEA
from engine.plan import Plan
from engine.run import Run, Session, open_session
from engine.scenario import Scenario
from engine.world import (
    P_CUT_OFF,
    P_DRIVING,
    P_HIGH,
    P_START,
    P_TO_FAMILY,
    P_WAITING,
    P_WALKING,
    P_WITH,
)

FOOT, CAR = MODES.index("foot"), MODES.index("car")
Quiet = Callable[..., "Family"]


def metric(run: Run, name: str) -> Any:
    return next(m["value"] for m in run.score["metrics"] if m["name"] == name)


class Family:
    """A parent and a child in a quiet town: nothing happens but what the test decides."""

    def __init__(self, session: Session, by_car: bool, at_school: bool = False) -> None:
        self.session, self.w = session, session.twin.world
        self.context = session.twin.context
        self.mobility: Any = next(c for c in session.twin.components if c.name == "mobility")
        kin, p = self.mobility._pickups._kin, self.context.parties
        use = session.twin.city.buildings.use[np.maximum(p.building, 0)]
        for parent in np.flatnonzero(kin.fetches & (p.slow == 0) & ((p.cars > 0) == by_car)):
            for child in kin.of(int(parent)):
                school = p.building[child] >= 0 and use[child] == USES.index("education")
                far = abs(p.node[parent] - p.node[child]) > 0
                safe = session.twin.context.site.safe_node[p.node[child]]
                if far and not safe and kin.child[child] and (school or not at_school):
                    self.parent, self.child = int(parent), int(child)
                    return
        raise AssertionError("no such family")

    def go(self, t_ms: int, by_car: bool) -> None:
        """The parent has decided to fetch the child and is ready at `t_ms`."""
        w = self.w
        w.party_decision[self.parent], w.party_decision_event[self.parent] = 1, 0
        w.party_mode[self.parent] = CAR if by_car else FOOT
        w.party_depart_ms[self.parent], w.party_fetcher[self.child] = t_ms, self.parent

    def events(self, *kinds: str) -> pd.DataFrame:
        e = self.session.twin.log.codes()
        e = named(e)
        mine = (e.subject_type == "party") & e.subject.isin([self.parent, self.child])
        return e[mine & e.kind.isin(kinds)] if kinds else e[mine]


@pytest.fixture
def quiet(town: City, scenario: Scenario, plans: dict[str, Plan]) -> Quiet:
    """Function that opens a family's session under a plan with some keys replaced."""

    def build(
        by_car: bool, *, at_school: bool = False, hour: int = 22,
        behaviour: dict[str, float] | None = None, **order: Any,
    ) -> Family:
        document = {**scenario.model_dump(exclude_unset=True), "earthquake": None, "tsunami": None,
                    "outages": (), "rumour": None, "behaviour": behaviour or {}}
        document["start_utc"] = scenario.start_utc.replace(hour=hour)
        still = Scenario.model_validate(document)
        still._folder = scenario.folder
        plan = plans["historical"].model_dump()
        plan["order"].update({"trigger": {"at_s": 5000.0}, **order})
        session = open_session(town, still, Plan.model_validate(plan), 1)
        return Family(session, by_car, at_school)

    return build


def shortest_s(tail: Any, head: Any, seconds: Any, a: int, b: int, n: int) -> float:
    graph = coo_matrix((seconds, (tail, head)), shape=(n, n))
    return float(dijkstra(graph.tocsr(), indices=a)[b])


def test_on_foot_they_meet_after_the_walk_and_leave_together(quiet: Quiet, town: City) -> None:
    f = quiet(False)
    f.go(13_700, False)
    p, walk = f.context.parties, town.walk
    speed = f.w.party_speed_mps[f.parent] * f.mobility._walk.slope[walk.arc]
    expected = shortest_s(
        walk.tail[walk.arc], walk.head[walk.arc], walk.length_m[walk.arc] / speed,
        p.node[f.parent], p.node[f.child], town.nodes.x_m.size)
    own, pace = f.w.party_speed_mps[[f.parent, f.child]], f.w.party_speed_mps
    f.session.advance(20.0)
    assert f.w.party_place[f.parent] == P_TO_FAMILY
    assert f.w.party_place[f.child] == P_START
    f.session.advance(13.7 + expected + 30)
    set_out, met = f.events("pickup_set_out"), f.events("pickup_met")
    assert set_out.t_ms.tolist() == [13_700]
    assert met.object.tolist() == [f.child]
    assert met.value.iloc[0] == pytest.approx(expected, abs=0.01)
    assert met.t_ms.iloc[0] == pytest.approx(13_700 + 1000 * expected, abs=10)
    assert f.w.party_place[[f.parent, f.child]].tolist() == [P_WALKING, P_WITH]
    assert pace[f.parent] == own.min()  # a child's pace, if that is the slower
    people = f.mobility._together.people
    assert people[f.parent] == p.size[f.parent] + p.size[f.child]
    f.session.advance(3000.0)
    arrived = f.events("party_arrived").set_index("subject")
    assert arrived.t_ms.nunique() == 1
    assert set(arrived.index) == {f.parent, f.child}
    assert f.w.party_place[f.parent] == f.w.party_place[f.child]
    assert f.w.party_node[f.parent] == f.w.party_node[f.child]
    assert pace[[f.parent, f.child]].tolist() == own.tolist()
    assert f.events("party_decided").subject.tolist() == [f.child]
    assert metric(f.session.finish(), "fetched_by_family") == p.size[f.child]


def test_by_car_they_meet_after_the_drive_and_ride_together(quiet: Quiet, town: City) -> None:
    f = quiet(True)
    f.go(10_000, True)
    p, e, traffic = f.context.parties, town.edges, f.mobility.traffic
    stop = f.mobility._pickups._stop_node
    expected = shortest_s(
        e.from_node, e.to_node, e.length_m / e.free_speed_mps, stop[p.node[f.parent]],
        stop[p.node[f.child]], town.nodes.x_m.size)
    used = traffic.state.dest_used.sum()
    f.session.advance(20.0)
    assert f.w.party_place[f.parent] in (P_DRIVING, P_WAITING)
    assert traffic.state.dest_used.sum() == used + 1
    f.session.advance(10 + expected + 15)
    met = f.events("pickup_met")
    assert met.value.iloc[0] == pytest.approx(expected, abs=1.0)  # links are crossed in whole ms
    assert traffic.state.dest_used.sum() == used
    assert f.w.party_place[f.child] == P_WITH
    f.session.advance(3000.0)
    arrived = f.events("party_arrived")
    assert arrived.t_ms.nunique() == 1
    assert set(arrived.subject) == {f.parent, f.child}
    assert (f.w.party_place[[f.parent, f.child]] == f.w.party_place[f.parent]).all()
    assert f.events("party_departed").set_index("subject").object[f.child] == CAR
    check_conservation(f.session.twin)


def test_a_school_that_holds_its_pupils_hands_none_over(quiet: Quiet) -> None:
    for rule, kinds in (("hold", ["pickup_missed"]), ("release", ["pickup_met"])):
        f = quiet(False, at_school=True, hour=18, schools=rule)
        f.go(0, False)
        f.session.advance(2400.0)
        end = f.events("pickup_met", "pickup_missed")
        assert end.kind.tolist() == kinds, rule
        assert f.events("party_arrived").subject.isin([f.parent]).any()
        if rule == "hold":
            assert end.object.tolist() == [reason("held at school")]
            assert f.w.party_place[f.child] == P_START


def test_who_has_left_is_missed_and_the_parent_goes_on(quiet: Quiet) -> None:
    f = quiet(False)
    f.go(0, False)
    f.session.advance(10.0)
    f.w.party_decision[f.child], f.w.party_decision_event[f.child] = 1, 0
    f.w.party_mode[f.child], f.w.party_depart_ms[f.child] = FOOT, 10_000
    f.session.advance(3000.0)
    assert f.events("pickup_missed").object.tolist() == [reason("gone already")]
    arrived = f.events("party_arrived").set_index("subject").t_ms
    assert arrived[f.parent] > arrived[f.child]


def test_nobody_walks_into_a_street_under_water(quiet: Quiet) -> None:
    f = quiet(False)
    f.go(0, False)
    f.session.advance(10.0)
    walks = f.mobility._pickups._walks
    last = int(walks.arcs[-1]) >> 1
    f.w.street_depth_m[last] = 0.3  # rises while the parent is under way
    f.session.advance(2400.0)
    missed = f.events("pickup_missed")
    assert missed.object.tolist() == [reason("road under water")]
    assert f.w.party_place[f.child] == P_START
    assert f.w.party_place[f.parent] == P_HIGH


def test_on_seeing_the_sea_drawn_back_nobody_goes(quiet: Quiet) -> None:
    """Who hears the order goes for the child, and who then sees the sea leaves without."""
    f = quiet(False, behaviour={"order_share": 1.0, "sea_share": 1.0, "refuse_share": 0.0,
                                "pickup_child_share": 1.0, "pickup_call_share": 0.0})
    f.session.advance(10.0)
    warning: Any = next(c for c in f.session.twin.components if c.name == "warning")
    at = np.flatnonzero(warning.who.rows == f.parent)
    cause = np.array([0])
    warning._decisions.cue(at, ORDER, np.array([10_000]), cause)
    assert f.w.party_decision[f.parent] == 1
    assert f.w.party_fetcher[f.child] == f.parent
    f.session.advance(20.0)
    warning._decisions.cue(at, SEA, np.array([20_000]), cause)
    assert f.w.party_fetcher[f.child] == -1
    f.session.advance(3000.0)
    assert not len(f.events("pickup_set_out"))


def ban_at(town: City, plans: dict[str, Plan], node: int, from_s: float) -> dict[str, Any]:
    lon, lat = town.lonlat(town.nodes.x_m[node], town.nodes.y_m[node])
    return {"name": "Cordon", "within": {"lon": float(lon), "lat": float(lat), "radius_m": 60},
            "officers": 4, "setup_s": 0, "from_s": from_s, "to_s": 5000}


@pytest.mark.parametrize("early", [True, False])
def test_a_cordon_turns_the_car_away(
    quiet: Quiet, town: City, scenario: Scenario, plans: dict[str, Plan], early: bool
) -> None:
    """Before it sets out, and under way; walkers pass."""
    f = quiet(True)
    plan = plans["historical"].model_dump()
    plan["order"]["trigger"] = {"at_s": 80_000.0}  # never in this run; the ban is put in force by hand
    plan["inbound_ban"] = [ban_at(town, plans, int(f.context.parties.node[f.child]), 0.0)]
    session = open_session(town, f.session.twin.scenario, Plan.model_validate(plan), 1)
    f = Family(session, True)
    (order,) = f.context.site.orders
    f.go(20_000, True)
    if not early:
        session.advance(40.0)
        assert f.w.party_place[f.parent] in (P_DRIVING, P_WAITING)
    f.w.control_order_event[order.control] = 0  # officers stand there
    f.w.edge_barred[order.barred] = True
    roads = next(c for c in session.twin.components if c.name == "roads")
    roads.step = lambda t0, t1: None  # type: ignore[method-assign]
    session.advance(2400.0)
    assert f.events("pickup_missed").object.tolist() == [reason("inbound ban")]
    assert not len(f.events("pickup_met"))
    assert f.events("party_arrived").subject.tolist() == [f.parent]
    check_conservation(session.twin)


# --- whole runs ------------------------------------------------------------------------------


def busy(scenario: Scenario, **behaviour: Any) -> Scenario:
    """The scenario on a school day, with every parent going."""
    keys = {"pickup_child_share": 1.0, "pickup_share": 1.0, "pickup_call_share": 0.0, **behaviour}
    document = {**scenario.model_dump(exclude_unset=True),
                "start_utc": scenario.start_utc.replace(hour=17),
                "behaviour": {**scenario.behaviour, **keys}}
    out = Scenario.model_validate(document)
    out._folder = scenario.folder
    return out


def test_telephones_save_the_trip(town: City, scenario: Scenario, plans: dict[str, Plan]) -> None:
    """Where they work a call is enough for those who can leave alone; where not everybody goes."""
    out: dict[bool, pd.DataFrame] = {}
    for works in (True, False):
        outage = {"service": "telecom", "from_s": 0, "to_s": 5000, "share": 1.0}
        day = busy(scenario, pickup_call_share=1.0).model_copy(update={"outages": ()})
        if not works:
            day = Scenario.model_validate({**day.model_dump(exclude_unset=True), "outages": [outage]})
            day._folder = scenario.folder
        session = open_session(town, day, plans["historical"], 1)
        session.advance(900.0)
        kin: Any = next(c for c in session.twin.components if c.name == "mobility")
        e = named(session.twin.log.codes())
        out[works] = e[e.kind.isin(["pickup_agreed", "pickup_set_out"])]
        answers = kin._pickups._kin.answers
        agreed = out[works][out[works].kind == "pickup_agreed"]
        gone_for = out[works][out[works].kind == "pickup_set_out"]
        assert answers[agreed.object.to_numpy()].all()
        assert not set(agreed.object) & set(gone_for.object)
        if works:
            assert len(agreed) > 10
            assert not answers[gone_for.object.to_numpy()].any()
        else:
            assert not len(agreed)
            assert len(gone_for) > 20


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_families_are_conserved_and_arrive_together(
    town: City, scenario: Scenario, plans: dict[str, Plan], seed: int
) -> None:
    session = open_session(town, busy(scenario), plans["historical"], seed)
    run = session.finish()  # checks conservation
    e, w = run.events, run.twin.world
    assert sum(run.score["ledger"]["people"].values()) == town.persons.household.size
    met = e[e.kind == "pickup_met"]
    assert len(met) > 10
    assert not met.object.duplicated().any()  # one fetcher each
    household = town.persons.household[run.twin.context.parties.first]
    assert np.array_equal(household[met.subject], household[met.object])
    set_out = e[e.kind == "pickup_set_out"]
    ended = e[e.kind.isin(["pickup_met", "pickup_missed"])]
    for party in set_out.subject.unique():
        mine = set_out[set_out.subject == party]
        still = int(w.party_fetch[party] >= 0)
        assert (ended.subject == party).sum() >= len(mine) - still
        kin: Any = next(c for c in session.twin.components if c.name == "mobility")
        helpless = kin._pickups._kin.helpless[mine.object.to_numpy()]
        assert np.array_equal(helpless, np.sort(helpless))  # children first
    safe = e[e.kind.isin(["party_arrived", "party_in_refuge"])].groupby("subject").t_ms.first()
    for row in met.itertuples():
        later = e[(e.subject == row.subject) & (e.subject_type == "party") & (e.t_ms >= row.t_ms)
                  & e.kind.isin(["party_arrived", "party_in_refuge"])]
        if len(later):
            assert safe[row.object] == later.t_ms.iloc[0]
    inside = run.twin.context.site.danger_node[run.twin.context.parties.node]
    went_in = set_out[~inside[set_out.subject.to_numpy()]]
    assert len(went_in) > 5
    size = run.twin.context.parties.size
    taken = size[np.unique(met.object)].sum()
    assert metric(run, "fetched_by_family") == taken
    assert metric(run, "went_in_for_family") == size[np.unique(went_in.subject)].sum()


def test_a_snapshot_on_the_way_goes_on_alike(
    town: City, scenario: Scenario, plans: dict[str, Plan]
) -> None:
    day = busy(scenario)
    session = open_session(town, day, plans["historical"], 1)
    w = session.twin.world
    while not ((w.party_place == P_WITH).any() and (w.party_place == P_TO_FAMILY).any()
               and ((w.party_fetch >= 0) & (w.party_place == P_DRIVING)).any()):
        session.advance(session.now_s + 10)
        assert session.now_s < 1800
    branch = session.branch()
    assert branch.finish().digest == session.finish().digest


def two_parents(quiet: Quiet, **keys: Any) -> tuple[Family, int]:
    """A family in which another party could fetch the child as well."""
    f = quiet(False, **keys)
    p, kin = f.context.parties, f.mobility._pickups._kin
    for parent in np.flatnonzero(kin.fetches & (p.slow == 0)).tolist():
        same = np.flatnonzero((kin.household == kin.household[parent]) & kin.fetches)
        for child in kin.of(parent).tolist():
            apart = same[p.node[same] != p.node[child]]
            if apart.size > 1 and kin.child[child] and p.cars[apart[0]] == 0:
                f.parent, f.child = int(apart[0]), child
                return f, int(apart[1])
    raise AssertionError("no such family")


@pytest.mark.parametrize("phones", [True, False])
def test_another_parent_goes_where_the_first_did_not_get_there(phones: bool, quiet: Quiet) -> None:
    """At once where the telephone works; else who decides later finds the errand open."""
    f, other = two_parents(quiet, hour=18, behaviour={
        "pickup_child_share": 1.0, "pickup_call_share": 1.0, "order_share": 1.0, "refuse_share": 0.0,
        "pickup_walk_m": 20_000.0})
    w = f.w
    warning: Any = next(c for c in f.session.twin.components if c.name == "warning")
    warning.who.families.answers[:] = False  # children do not agree on the telephone to leave alone
    f.go(0, False)
    w.zone_telecom_on[:] = phones
    f.session.advance(20.0)
    assert w.party_place[f.parent] == P_TO_FAMILY
    w.street_depth_m[int(w.party_arc[f.parent]) >> 1] = 0.3
    f.session.advance(40.0)
    assert f.events("pickup_missed").object.tolist() == [reason("road under water")]
    if not phones:
        assert w.party_fetcher[f.child] == -1
        at = np.flatnonzero(warning.who.rows == other)
        warning._decisions.cue(at, ORDER, np.array([40_000]), np.array([0]))
    assert w.party_fetcher[f.child] == other
    assert w.party_decision[other] == 1
    w.street_depth_m[:] = 0.0
    f.session.advance(4000.0)
    f.parent = other
    assert f.child in f.events("pickup_met").object.tolist()
    check_conservation(f.session.twin)


def test_a_child_above_the_water_is_not_gone(quiet: Quiet) -> None:
    f = quiet(False)
    f.go(0, False)
    f.session.advance(10.0)
    log, w = f.session.twin.log, f.w
    w.party_place[f.child], w.party_decision[f.child] = P_CUT_OFF, 3
    w.party_decision_event[f.child] = log.add(
        "party_sheltered", 10_000, f.child, reason("upstairs above water"), 0.4, 0)
    w.node_depth_m[f.context.parties.node[f.child]] = 0.4  # so that it is not released
    f.session.advance(3000.0)
    assert f.events("pickup_missed").object.tolist() == [reason("upstairs above water")]
    assert w.party_place[f.parent] == P_HIGH
