"""Stays: from when to when parties or people were in a state, and how many at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.scoring.columns import Rows
from engine.scoring.context import NEVER
from engine.scoring.people import People

B = NDArray[np.bool_]
I64 = NDArray[np.int64]

#: (whose, from ms, to ms), one row a stay.
Stays = tuple[I64, I64, I64]


def stays(rows: Rows, begins: B, until_ms: int) -> Stays:
    """Stays of the rows' subjects: `begins` [rows] says whether a row opens a stay or ends it.

    A second row that opens what is open changes nothing, nor does a second end; an open stay ends
    at `until_ms`. Stays of no length are left in.
    """
    order = np.argsort(rows.subject, kind="stable")
    who, t, on = rows.subject[order], rows.t_ms[order], begins[order]
    before = np.zeros(who.size, np.bool_)
    before[1:] = on[:-1] & (who[1:] == who[:-1])
    turn = np.flatnonzero(on != before)  # of one subject these are in turn a beginning and an end
    start = turn[on[turn]]
    end = np.full(start.size, until_ms, np.int64)
    following = np.searchsorted(turn, start) + 1
    has = following < turn.size
    candidate = turn[following[has]]
    closed = who[candidate] == who[start[has]]
    end[np.flatnonzero(has)[closed]] = t[candidate[closed]]
    return who[start], t[start], end


def latest(rows: Rows, marked: B) -> I64:
    """Position of the last marked row of the same subject, up to and with each row [rows]; -1 none."""
    order = np.argsort(rows.subject, kind="stable")
    who, at = rows.subject[order], np.arange(order.size)
    last = np.maximum.accumulate(np.where(marked[order], at, -1))
    last[last < np.searchsorted(who, who)] = -1
    out = np.empty(order.size, np.int64)
    out[order] = np.where(last >= 0, order[last], -1)
    return out


def of_members(people: People, stay: Stays) -> Stays:
    """Stays of persons, from those of their parties."""
    party, since, until = stay
    by_party = np.argsort(people.party, kind="stable")
    bounds = np.searchsorted(people.party[by_party], np.arange(people.parties.zone.size + 1))
    size = np.diff(bounds)[party]
    row = np.repeat(np.arange(party.size), size)
    offset = np.arange(row.size) - np.repeat(np.cumsum(size) - size, size)
    return by_party[bounds[party[row]] + offset], since[row], until[row]


def with_the_party(people: People, stay: Stays) -> Stays:
    """Stays of parties as those of the persons who are with them (`at_large`)."""
    return at_large(people, of_members(people, stay))


def at_large(people: People, stay: Stays) -> Stays:
    """Stays of persons without their time after death or once in an ambulance or in hospital, and
    without the time trapped in a building."""
    person, since, until = stay
    gone = np.minimum(np.minimum(people.died_ms, people.transport_ms), people.admitted_ms)[person]
    until = np.minimum(until, gone)
    trapped, freed = people.trapped_ms[person], people.freed_ms[person]
    # Outside the time trapped a stay leaves at most one piece before and one after.
    return lasting(
        np.concatenate([person, person]),
        np.concatenate([since, np.where(trapped < NEVER, np.maximum(since, freed), NEVER)]),
        np.concatenate([np.minimum(until, trapped), until]),
    )


def lasting(who: I64, since: I64, until: I64) -> Stays:
    """Only the stays that last."""
    keep = until > since
    return who[keep], since[keep], until[keep]


def at_once(since: I64, until: I64) -> tuple[I64, I64]:
    """How many stays over time: (times in ms [n], number from that time on [n])."""
    times, index = np.unique(np.concatenate([since, until]), return_inverse=True)
    change = np.concatenate([np.ones(since.size, np.int64), -np.ones(until.size, np.int64)])
    steps = np.zeros(times.size, np.int64)
    np.add.at(steps, index, change)
    return times, np.cumsum(steps)
