"""Where parties under way home go to, and what their arrival is called.

Before the all-clear a household goes back to where the event found it, its home; after it everybody
goes to the home they live in (`people/homecoming.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.city import I32, I64, B
from engine.codes import among
from engine.component import Component

GOES_BACK, GOES_HOME = 4, 5


def sets_out(world: Any, rows: I64) -> B:
    """Which parties [rows] have decided to go home since the last thing they did."""
    fresh = world.party_decision_event[rows] > world.party_trip_event[rows]
    return np.asarray(fresh & among(world.party_decision[rows], (GOES_BACK, GOES_HOME)))


class Homeward:
    """Homes of all parties; `host` is the mobility component."""

    def __init__(self, host: Component) -> None:
        city, parties, site = host.ctx.city, host.ctx.parties, host.ctx.site
        building = city.households.building[city.persons.household[parties.first]]
        self._home = site.walk_node[city.buildings.node[building]].astype(np.int32)
        self._zone = city.buildings.zone[building].astype(np.int64)
        self._host = host

    def setting_out(self, safe: B) -> I64:
        """Parties [n] in safety that have just decided to go home, before or after the all-clear; who
        is back from a blocked way has not decided anew."""
        rows = np.flatnonzero(safe)
        return np.asarray(rows[sets_out(self._host.w, rows)])

    def goal(self, rows: I64) -> I32:
        """Junction where parties [rows] are bound."""
        late = self._host.w.party_decision[rows] == GOES_HOME
        return np.where(late, self._home[rows], self._host.ctx.parties.node[rows]).astype(np.int32)

    def there_already(self, rows: I64, goal: I32) -> B:
        """Which parties [rows] are bound for the junction where they are safe."""
        return np.asarray(self._host.w.party_node[rows] == goal)

    def arrived(self, rows: I64, t_ms: I64) -> None:
        """Parties [rows] are home; the events, by whether the order still stood when they set out."""
        w, log = self._host.w, self._host.ctx.log
        began = log.column("t_ms")[w.party_trip_event[rows]]
        late = w.party_decision[rows] == GOES_HOME
        for kind, mine, zone in (("party_returned", ~late, self._host.ctx.parties.zone),
                                 ("party_home", late, self._zone)):
            at = rows[mine]
            w.party_trip_event[at] = self._host.emit(
                kind, t_ms[mine], at, zone[at], (t_ms[mine] - began[mine]) / 1000.0,
                w.party_trip_event[at])
