"""Sweeps over all parties in every tick: one pass over the columns, no temporary arrays.

Each fills `out` with the rows that something happens to, ascending, and returns how many they are.
"""

from __future__ import annotations

import math

import numpy as np

from engine.kernels._jit import jit

KEEP = 255  #: entry of `becomes` for decisions that change no place


@jit()
def settle(place, decision, depart_ms, before_ms, home, becomes, preparing, out):  # type: ignore[no-untyped-def]
    """Give parties that have not left the place of their decision; return who prepares no longer.

    - place, decision, depart_ms: [parties]; place changes in place.
    - home: [places] bool, the party has not left; becomes: [decisions] place or `KEEP`.
    - out: parties at place `preparing` whose time lies before `before_ms`.
    """
    n = 0
    for p in range(place.size):
        if not home[place[p]]:
            continue
        to = becomes[decision[p]]
        if to != KEEP:
            place[p] = to
        if place[p] == preparing and depart_ms[p] < before_ms:
            out[n] = p
            n += 1
    return n


@jit()
def count_informed(informed, rows, zone, decision, alert, leaves, bits):  # type: ignore[no-untyped-def]
    """Count the parties `rows` of each zone that decided `leaves` or have any of the alert `bits`."""
    for z in range(informed.size):
        informed[z] = 0
    for i in range(rows.size):
        p = rows[i]
        if decision[p] == leaves or alert[p] & bits:
            informed[zone[i]] += 1


@jit()
def word_of_mouth(  # type: ignore[no-untyped-def]
    heard, rows, zone, decision, alert, danger, gain, threshold, leaves, bits, out
):
    """Add a tick's hazard to what parties have heard; return who is told, for the first time or anew.

    - heard: [parties] float32, changed in place; decision, alert: [parties].
    - rows, zone, danger, threshold: [relevant]; gain: [zones] hazard of this tick, 0 = none.
    - Who leaves is told nothing; outside the danger zone one telling is enough.
    - out: indices into `rows` for which another whole `threshold` has gathered.
    """
    n = 0
    for i in range(rows.size):
        p = rows[i]
        more = gain[zone[i]]
        if more <= 0.0 or decision[p] == leaves or (not danger[i] and alert[p] & bits):
            continue
        before = math.floor(heard[p] / threshold[i])
        heard[p] = np.float32(heard[p] + more)
        if math.floor(heard[p] / threshold[i]) > before:
            out[n] = i
            n += 1
    return n


@jit()
def new_due(rows, due_ms, alert, bit, before_ms, out):  # type: ignore[no-untyped-def]
    """Find indices into `rows` whose time has come and whose alert lacks `bit`."""
    n = 0
    for i in range(rows.size):
        p = rows[i]
        if due_ms[p] < before_ms and not alert[p] & bit:
            out[n] = i
            n += 1
    return n


@jit()
def exposed(node, place, arc, wet, counted, on_foot, out):  # type: ignore[no-untyped-def]
    """Find parties that could stand in water: at a wet junction, or on foot along a street.

    - node, place, arc: [parties]; wet: [nodes].
    - counted, on_foot: [places] bool, places that are looked at and those of walkers.
    """
    n = 0
    for p in range(place.size):
        at = place[p]
        if counted[at] and (wet[node[p]] or (on_foot[at] and arc[p] >= 0)):
            out[n] = p
            n += 1
    return n
