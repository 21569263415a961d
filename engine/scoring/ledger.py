"""The ledger: every person in exactly one final state, every unfinished one with a reason."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.city import FACILITIES, City
from engine.events import REASONS, reason
from engine.scoring.columns import Log
from engine.scoring.context import NEVER
from engine.scoring.people import People, order_ms

I64 = NDArray[np.int64]
B = NDArray[np.bool_]

#: Final states; from FIRST_UNFINISHED on the person's story is not over when the run ends.
STATES = (
    "dead", "in hospital", "safe on high ground", "safe at meeting point", "safe at shelter",
    "safe in vertical refuge", "safe at home after the all-clear",
    "safe on the way home after the all-clear", "safe elsewhere", "outside danger zone",
    "trapped", "on the way to hospital", "in water", "cut off by water in a building",
    "back inside danger zone", "stranded inside danger zone",
    "stranded outside danger zone", "on the way inside danger zone",
    "on the way outside danger zone", "preparing inside danger zone", "at start inside danger zone",
)
FIRST_UNFINISHED = STATES.index("trapped")
SAFE = tuple(STATES.index(s) for s in STATES if s.startswith("safe"))
#: Where a party is safe, by kind of facility.
SAFE_AT = {"meeting_point": "safe at meeting point", "shelter": "safe at shelter",
            "school": "safe at shelter"}


@dataclass(frozen=True)
class Ledger:
    """`state` [persons] indexes STATES; `reason` [persons] indexes events.REASONS, 0 = finished."""

    state: I64
    reason: I64

    def people(self) -> dict[str, int]:
        """People by final state; adds up to the population."""
        found = np.bincount(self.state, minlength=len(STATES))
        return {name: int(n) for name, n in zip(STATES, found, strict=True)}

    def unfinished(self) -> dict[str, int]:
        """Unfinished people by reason; adds up to the unfinished states."""
        found = np.bincount(
            self.reason[self.state >= FIRST_UNFINISHED], minlength=len(REASONS)
        )
        return {REASONS[i]: int(n) for i, n in enumerate(found) if n}


def close(city: City, log: Log, people: People) -> Ledger:
    """Assign every person of `people` the final state and, where unfinished, the reason.

    States exclude each other in this order: dead, hospital, trapped, ambulance, water, then
    what the party did last. Where a person has no state of the own, the party's counts.
    """
    party, parties = people.party, people.parties
    outside = ~people.at_risk | parties.crossed[party]
    trip = parties.trip[party]
    state = np.full(party.size, -1, np.int64)

    def put(mask: B, name: str) -> None:
        state[mask & (state < 0)] = STATES.index(name)

    put(people.dead, "dead")
    put(people.in_hospital, "in hospital")
    put(people.trapped_at_end, "trapped")
    put(people.transport_ms < NEVER, "on the way to hospital")
    put(parties.in_water[party], "in water")
    put(parties.cut_off[party], "cut off by water in a building")
    put(trip == 4, "back inside danger zone")
    facility = parties.facility[party]
    kind = np.full(party.size, -1, np.int64)
    named = facility >= 0
    kind[named] = city.facilities.kind[facility[named]]
    # Without terrain nothing is known to be high: what is safe lies outside the area.
    put((trip == 3) & ~named, "safe on high ground" if city.terrain else "safe elsewhere")
    for name, safe in SAFE_AT.items():
        put((trip == 3) & (kind == FACILITIES.index(name)), safe)
    put(trip == 3, "safe elsewhere")
    put(trip == 6, "safe on the way home after the all-clear")
    put(trip == 7, "safe at home after the all-clear")
    put(trip == 5, "safe in vertical refuge")
    put((trip == 2) & outside & parties.departed[party], "stranded outside danger zone")
    put((trip == 2) & ~outside, "stranded inside danger zone")
    put((trip == 1) & outside, "on the way outside danger zone")
    put(trip == 1, "on the way inside danger zone")
    put(outside, "outside danger zone")
    put(parties.decision[party] == 1, "preparing inside danger zone")
    put(state < 0, "at start inside danger zone")
    return Ledger(state, _reasons(city, log, people, state))


def stay_reasons(city: City, log: Log, people: People) -> I64:
    """Why a person's party did not set out [persons], as an index of events.REASONS.

    The furthest step it reached on the way from order to departure names the reason.
    """
    party, parties = people.party, people.parties
    out = np.full(party.size, reason("not ordered"), np.int64)
    out[order_ms(city, log, people) < NEVER] = reason("not warned")
    out[parties.cued[party]] = reason("not believed")
    refused = parties.decision[party] == 2
    given = parties.stay_reason[party]
    out[refused] = np.where(given > 0, given, reason("refused"))[refused]
    out[parties.decision[party] == 1] = reason("still preparing")
    return out


def _reasons(city: City, log: Log, people: People, state: I64) -> I64:
    out = stay_reasons(city, log, people)

    def put(name: str, why: I64 | int) -> None:
        mask = state == STATES.index(name)
        out[mask] = why[mask] if isinstance(why, np.ndarray) else why

    stop = people.parties.stop_reason[people.party]
    stop = np.where(stop > 0, stop, reason("no route"))
    put("trapped", reason("trapped"))
    put("in water", reason("in water"))
    put("cut off by water in a building", people.parties.cut_off_reason[people.party])
    put("stranded inside danger zone", stop)
    put("stranded outside danger zone", stop)
    put("back inside danger zone", reason("returned before the all-clear"))
    for name in ("on the way to hospital", "on the way inside danger zone",
                 "on the way outside danger zone"):
        put(name, reason("on the way"))
    out[state < FIRST_UNFINISHED] = 0
    return out


def absence_reasons(city: City, log: Log, people: People, ledger: Ledger) -> I64:
    """Why each person is not out of the danger zone [persons]: the ledger's reason, or the
    final state where that already says it (dead, taken to a hospital inside the zone)."""
    out = ledger.reason.copy()
    out[ledger.state == STATES.index("dead")] = reason("dead")
    out[ledger.state == STATES.index("in hospital")] = reason("hurt")
    rest = out == 0
    out[rest] = stay_reasons(city, log, people)[rest]
    return out
