"""Where the people of the danger zone are at a moment, and how many were out of it when.

The state of every person at a moment is the one that the score's ledger would close with if the
run ended there, so that reports and score agree and nobody is counted where they no longer are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.scoring.columns import Log
from engine.scoring.context import Context
from engine.scoring.ledger import STATES, close
from engine.scoring.people import read_people, safe_refuges
from engine.timeline.view import RunView

B = NDArray[np.bool_]
I64 = NDArray[np.int64]

#: States of the ledger by what a duty officer asks: each stands in exactly one group.
INSIDE = (
    "trapped", "in water", "cut off by water in a building", "back inside danger zone",
    "stranded inside danger zone", "on the way inside danger zone", "preparing inside danger zone",
    "at start inside danger zone",
)
HOME = ("safe at home after the all-clear", "safe on the way home after the all-clear")
IN_CARE = ("in hospital", "on the way to hospital")
DEAD = ("dead",)
OUT = tuple(s for s in STATES if s not in (*INSIDE, *HOME, *IN_CARE, *DEAD))


@dataclass(frozen=True)
class Now:
    """Everybody at a moment, one row a person: ledger state, zone of the start, whether that lay in
    the danger zone, and the facility last reached (-1 none)."""

    state: I64
    zone: I64
    began: B
    facility: I64

    def of(self, *names: str) -> B:
        """Who is in one of the ledger's states [people]."""
        return np.isin(self.state, [STATES.index(name) for name in names])

    def count(self, *names: str) -> int:
        """How many are in one of the ledger's states, wherever they began."""
        return int(self.of(*names).sum())

    def by_zone(self, mask: B, zones: int) -> I64:
        """People of `mask` who began in the danger zone, by zone of the start [zones]."""
        return np.bincount(self.zone[mask & self.began], minlength=zones).astype(np.int64)


def people_now(view: RunView, t_ms: int) -> Now:
    """The ledger's state of every person at `t_ms`."""
    city = view.city
    upto = int(np.searchsorted(view.codes["t_ms"].to_numpy(), t_ms, side="right"))
    log = Log(view.codes.iloc[:upto])
    # Only junctions where somebody began are looked at here.
    danger = np.zeros(city.nodes.x_m.size, np.bool_)
    danger[view.parties["node"].to_numpy()[view.party_in_danger]] = True
    context = Context(view.duration_ms, danger, np.zeros(city.facilities.kind.size, np.int32))
    people = read_people(city, log, context)
    ledger = close(city, log, people)
    # In a sample of the households the other inhabitants are no part of the run.
    known = np.zeros(people.party.size, np.bool_)
    known[: view.person_party.size] = view.person_party[: known.size] >= 0
    facility = people.parties.facility[people.party]
    return Now(ledger.state[known], people.zone[known], people.at_risk[known], facility[known])


@dataclass(frozen=True)
class Flow:
    """People of the danger zone out of it, returns taken off: changes in the order of time."""

    t_ms: I64
    out: I64  # people out from that moment on
    total: int

    def at(self, t_ms: int) -> int:
        """People out at `t_ms`."""
        row = int(np.searchsorted(self.t_ms, t_ms, side="right")) - 1
        return int(self.out[row]) if row >= 0 else 0


def flow(view: RunView) -> Flow:
    """How many of the danger zone were out when, until the order is lifted.

    A party is out when it leaves the zone, arrives in safety or reaches a refuge that the sea does
    not take, and no longer when it turns back or goes in for family. The dead are not taken off.
    """
    gone = view.rows("party_left_zone", "party_arrived")
    refuge = safe_refuges(view.log)
    back = view.rows("party_returning", "pickup_set_out")
    row = np.concatenate([gone.row, refuge.row, back.row])
    order = np.argsort(row, kind="stable")
    subject = np.concatenate([gone.subject, refuge.subject, back.subject])[order]
    t_ms = np.concatenate([gone.t_ms, refuge.t_ms, back.t_ms])[order]
    out = np.repeat([1, 1, 0], [gone.row.size, refuge.row.size, back.row.size])[order]
    lifted = view.rows("all_clear")
    ours = view.party_in_danger[subject]
    if lifted.row.size:
        ours &= t_ms <= lifted.t_ms[0]
    subject, t_ms, out = subject[ours], t_ms[ours], out[ours]
    # By party, in the order of the log: only a change counts, and all begin inside.
    by = np.argsort(subject, kind="stable")
    before = np.concatenate([[0], out[by][:-1]]) if by.size else out
    new = np.ones(by.size, np.bool_)
    new[1:] = subject[by][1:] != subject[by][:-1]
    change = np.zeros(by.size, np.int64)
    change[by] = out[by] - np.where(new, 0, before)
    turned = np.flatnonzero(change)
    size = view.party_size
    return Flow(t_ms[turned], np.cumsum(change[turned] * size[subject[turned]]),
                int(size[view.party_in_danger].sum()))
