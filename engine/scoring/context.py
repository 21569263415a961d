"""What scoring is told beside City and the event log: facts that nothing in a run changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.city import City
from engine.errors import InputError

#: A time that does not come; no run lasts that long.
NEVER = int(np.iinfo(np.int64).max // 4)


@dataclass(frozen=True)
class Unit:
    """One response vehicle or team, in the order of unit numbers in the log.

    `kind` and `municipality` are free names, `staff` is the number of people on board.
    """

    kind: str
    municipality: str
    staff: int


@dataclass(frozen=True)
class Context:
    """Static facts of a run.

    `duration_ms` is the scenario's length; `danger_node` [nodes] says whether the junction lies
    inside the danger zone; `beds` [facilities] are hospital beds free for this event (0 where
    the facility has none); `units` stand in the order of unit numbers; `leader_ms` is how long a street
    leader knocks at most who was called, `leader_alone_ms` one who began unasked.
    """

    duration_ms: int
    danger_node: NDArray[np.bool_]
    beds: NDArray[np.int32]
    units: tuple[Unit, ...] = ()
    leader_ms: int = 0
    leader_alone_ms: int = 0

    def check(self, city: City) -> None:
        """Raise InputError where the facts do not fit the city."""
        for name, size, expected in (
            ("danger_node", self.danger_node.size, city.nodes.x_m.size),
            ("beds", self.beds.size, city.facilities.kind.size),
        ):
            if size != expected:
                raise InputError(f"scoring context: {name} has {size} rows, expected {expected}")
        if self.duration_ms <= 0:
            raise InputError(f"scoring context: duration_ms is {self.duration_ms}, must be above 0")
