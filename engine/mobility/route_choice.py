"""Route choice of drivers with the news: a stochastic dynamic user optimum.

At every node a driver takes the way that is quickest by the travel times of the moment (the
instantaneous, or reactive, dynamic user optimum: Ran and Boyce 1996, "Modeling Dynamic
Transportation Networks", ch. 4). Not all drivers look at the same moment: each belongs to one of
`GROUPS` groups, drawn, and every group looks once in `update_s`, one after the other. A driver keeps
to the last tree seen until then, except around closures. So the others see what the switch of the
first has done before they switch themselves, and parallel ways are used at the same time. UXsim
reaches the same mixture otherwise: its drivers draw every turn among the trees of the past, the
newest with weight 0.5 (`duo_update_weight`).

The travel time of a link is what who enters it now will need (`Traffic.expected_travel_ms`).

In the stand-alone traffic every driver is one of them; in a city those with the news (`fleet.py`).

Assumptions: four groups of equal size; nobody foresees travel times.
A group's trees are rows of the route table like any destination's: destination d of group g is
row d * GROUPS + g. Known limit: with many destinations the table and the trees are `GROUPS` times
those of one group.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine import rng
from engine.mobility.traffic import Traffic

I64 = NDArray[np.int64]

GROUPS = 4
#: Exits are counted over at least this long, or a queue's rate could not be told.
WINDOW_MS = 60_000
#: What a link costs at most beyond its free time: nobody makes a detour of more than an hour round it.
_MOST_DELAY_MS = 3_600_000


def rows(destinations: I64) -> list[list[int]]:
    """Rows of the route table: every destination node once for each group."""
    return [[int(node)] for node in destinations for _ in range(GROUPS)]


def group(seed: int, driver: ArrayLike) -> I64:
    """The group of each driver, by his number [n]."""
    chance = rng.uniform(seed, "traffic.group", driver)
    return np.minimum((chance * GROUPS).astype(np.int64), GROUPS - 1)


def draw(seed: int, goal: I64) -> I64:
    """The row [trips] each driver goes by: that of the destination, `goal` [trips], and its group."""
    return goal * GROUPS + group(seed, np.arange(goal.size))


class Drivers:
    """The groups of drivers of one run: who looks when."""

    def __init__(self, traffic: Traffic, destinations: int, update_ms: int) -> None:
        self.traffic = traffic
        self.every_ms = max(update_ms // GROUPS, 1)
        self._free_ms = traffic.state.edge_cost_ms.copy()
        self._cost_ms = self._free_ms
        self._first_row = np.arange(destinations, dtype=np.int64) * GROUPS
        self.since_ms = 0  # when exits began to be counted

    def look(self, now_ms: int, vehicles: ArrayLike | None = None) -> None:
        """Let the group whose turn it is at `now_ms` choose anew: the next one in every `every_ms`.

        Those of `vehicles` (all by default) that had no way go on where there is one now.
        """
        if now_ms - self.since_ms >= WINDOW_MS:
            cost = self.traffic.expected_travel_ms(now_ms - self.since_ms)
            self._cost_ms = np.minimum(cost, self._free_ms + _MOST_DELAY_MS)
            self.since_ms = now_ms
        turn = now_ms // self.every_ms % GROUPS
        self.traffic.refresh_routes(self._cost_ms, self._first_row + turn)
        self.traffic.resume(vehicles)
