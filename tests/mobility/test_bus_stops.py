"""Who waits for a bus, and what becomes of them, in a whole run; snapshots in the middle of it."""

from __future__ import annotations

import numpy as np

from engine.city import City
from engine.plan import load_plan
from engine.run import Run, open_session
from engine.scenario import Scenario
from engine.world import P_ABOARD, P_AT_STOP, P_TO_STOP


def test_only_those_without_a_car_or_slow_who_heard_the_order_wait(assisted_run: Run) -> None:
    run, parties = assisted_run, assisted_run.twin.context.parties
    e = run.events
    waits = e[e.kind == "party_waits"]
    assert len(waits) > 20
    heard = set(e[(e.kind == "party_alerted") & (e.value == 1)].subject)
    assert set(waits.subject) <= heard
    who = waits.subject.to_numpy()
    assert np.all((parties.cars[who] == 0) | (parties.slow[who] > 0))
    assert np.all(run.twin.context.site.danger_node[parties.node[who]])


def test_whoever_waits_is_taken_or_walks_on(assisted_run: Run) -> None:
    e, world = assisted_run.events, assisted_run.twin.world
    waits = set(e[e.kind == "party_waits"].subject)
    boarded = e[(e.kind == "party_boarded") & e.subject.isin(waits)]
    assert len(boarded) > 5
    assert not boarded.subject.duplicated().any()
    after = e[e.kind.isin(["party_rerouted", "party_boarded"])]
    assert waits <= set(after.subject) | set(np.flatnonzero(world.party_place == P_AT_STOP))
    # Those who were carried are safe, or were set down on the way and walked.
    for party in boarded.subject:
        mine = e[(e.subject_type == "party") & (e.subject == party)]
        assert set(mine.kind) & {"party_arrived", "party_mode_changed"}, party
    people = assisted_run.twin.context.parties.size[boarded.subject.to_numpy()].sum()
    lines = e[(e.kind == "unit_unloaded") & (e.object == -1)]  # the patients go to the shelter
    assert lines.value.sum() == people
    assert assisted_run.score["ledger"]["people"]["safe on high ground"] > 0


def test_patience_and_the_end_of_the_line_end_the_waiting(assisted_run: Run) -> None:
    run = assisted_run
    e, line = run.events, run.twin.plan.buses[0]
    decided = int(e[e.kind == "order_decided"].t_ms.iloc[0])
    came = e[e.kind == "party_waits"].groupby("subject").t_ms.last()
    gone = e[(e.kind == "party_rerouted") & e.subject.isin(came.index)].groupby("subject").t_ms.first()
    waited_s = (gone - came.reindex(gone.index)) / 1000.0
    assert waited_s.max() <= line.patience_s + 20
    assert gone.max() <= max(decided + 1000 * line.to_s, came.max()) + 20_000


def test_a_snapshot_with_people_on_board_goes_on_alike(
    town: City, scenario: Scenario, assisted_run: Run
) -> None:
    session = open_session(town, scenario, load_plan("assisted", scenario), 1)
    world = session.twin.world
    while not (np.isin(world.party_place, (P_ABOARD,)).any()
               and (world.party_place == P_TO_STOP).any()):
        session.advance(session.now_s + 10)
        assert session.now_s < 1500
    assert session.branch().finish().digest == assisted_run.digest
