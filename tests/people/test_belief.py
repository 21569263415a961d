"""Decisions that re-open: monotone in what a party has met, and never for ever."""

from __future__ import annotations

import numpy as np
import pytest

from engine import rng
from engine.people import belief as bl
from engine.people import warning as wa
from engine.people.behaviour import Behaviour

B = Behaviour()
N = 20_000
U = rng.uniform(3, "people.believe", np.arange(N))
REFUSE = rng.uniform(3, "people.refuse", np.arange(N))
CUES = (wa.FELT, wa.ORDER, wa.NEIGHBOURS, wa.WATER, wa.SEA, wa.VISIT)


@pytest.mark.parametrize("cue", CUES)
def test_more_cues_never_keep_anybody_at_home(cue):
    """With one draw a cue, whoever leaves on less leaves on more."""
    before = np.zeros(N, np.bool_)
    for again, others in ((0, 0), (1, 0), (1, 1), (3, 1), (3, 4), (20, 4)):
        now = bl.leaves(B, cue, U, REFUSE, in_danger=np.ones(N, bool), mmi=6.0, again=again,
                        others=others)
        assert np.all(now[before])
        before = now


def test_repeats_and_other_cues_count_as_parts_of_a_first_one():
    once = bl.leave_probability(B, wa.ORDER, in_danger=[True])[0]
    assert once == pytest.approx(0.85)
    # Five repeats at a fifth each are one more first time, ten others at 0.3 three more.
    got = bl.leave_probability(B, wa.ORDER, in_danger=[True], again=5)[0]
    assert got == pytest.approx(1 - 0.15**2)
    got = bl.leave_probability(B, wa.ORDER, in_danger=[True], again=5, others=10)[0]
    assert got == pytest.approx(1 - 0.15**5)
    # Shaking nobody felt is not believed however often it is confirmed.
    assert bl.leave_probability(B, wa.FELT, in_danger=[True], mmi=4.0, others=5)[0] == 0.0


def test_nothing_reopens_a_decision_outside_the_danger_zone():
    got = bl.leave_probability(B, wa.ORDER, in_danger=[False], again=20, others=4)
    assert got == pytest.approx([0.85 * 0.25])


def test_fewer_believe_inland():
    """Tutuila 2009: two thirds left at the coast, half inland."""
    coast, inland = (
        bl.leave_probability(B, wa.ORDER, in_danger=[True], coastal=[near])[0] for near in (1, 0)
    )
    assert inland / coast == pytest.approx((1 / 2) / (2 / 3))
    for cue in (wa.SEA, wa.VISIT, wa.WATER):  # cues that only those at the place have
        same = bl.leave_probability(B, cue, in_danger=[True, True], coastal=[True, False])
        assert same[0] == same[1]


def test_refusal_is_not_for_ever():
    """Part gives in to the sea or a knock, all to water; those who guard property last."""
    zero = np.zeros(N)
    inside = np.ones(N, np.bool_)
    stays = {cue: ~bl.leaves(B, cue, zero, REFUSE, in_danger=inside, mmi=8.0) for cue in CUES}
    assert stays[wa.ORDER].mean() == pytest.approx(B.refuse_share, abs=0.006)
    assert stays[wa.SEA].sum() / stays[wa.ORDER].sum() == pytest.approx(
        1 - B.yield_share, abs=0.04)
    assert np.array_equal(stays[wa.SEA], stays[wa.VISIT])
    assert np.all(bl.guards_property(B, REFUSE)[stays[wa.SEA]])
    assert not stays[wa.WATER].any()


def test_refusals_are_reopened_in_a_run(runs):
    """Somebody who first stayed leaves later, and each such change follows a cue."""
    for run in runs.values():
        events = run.events
        refused = events[events.kind == "party_refused"].drop_duplicates("subject")
        decided = events[events.kind == "party_decided"]
        later = decided.merge(refused, on="subject", suffixes=("", "_before"))
        later = later[later.event > later.event_before]
        assert len(later) > 5
        later = later[~later.subject.isin(events[events.kind == "pickup_met"].object)]  # fetched
        assert set(events.kind[later.cause]) <= {"party_alerted", "party_released"}
