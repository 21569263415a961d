"""Mesa agents of the response: units with a SimPy process each, hospitals, shelters, departments.

A unit's process only waits: until its due time in World, or until World changed. It keeps nothing
of its own, so that it restarts from a snapshot. All other numbers are read from World.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import mesa
import numpy as np

from engine.component import Component, Context
from engine.errors import RunError
from engine.response.durations import hospital_limit
from engine.site import UNIT_KINDS
from engine.world import NEVER, U_AVAILABLE, UNIT_PHASES


class _Counters(WeakKeyDictionary[Any, "count[int]"]):
    """Next agent number of each model, forgotten with the model."""

    def __getitem__(self, model: Any) -> count[int]:
        return self.setdefault(model, count(1))


class _Agent(mesa.Agent):  # type: ignore[misc]
    """A Mesa agent that lets its model go.

    Mesa 3.3 numbers agents from a dictionary that holds every model as long as the process lives:
    with it the whole World of each run of a study, 250 MB for all of La Serena-Coquimbo.
    """

    _ids = _Counters()


class Unit(_Agent):
    """A response unit; `row` is its row in World's unit variables."""

    def __init__(self, model: mesa.Model, context: Context, row: int) -> None:
        super().__init__(model)
        self.row = row
        self.kind = UNIT_KINDS[int(context.site.units.kind[row])]
        self._context = context
        self._changed: Any = None

    @property
    def phase(self) -> str:
        """What the unit does, as a word of UNIT_PHASES."""
        return UNIT_PHASES[int(self._context.world.unit_phase[self.row])]

    @property
    def busy_s(self) -> float:
        """Seconds worked in phases that have ended."""
        return float(self._context.world.unit_busy_ms[self.row]) / 1000.0

    def signal(self) -> None:
        """World changed for this unit: look at the due time again."""
        if self._changed is not None and not self._changed.triggered:
            self._changed.succeed()

    def life(self, env: Any) -> Generator[Any, Any, None]:
        """Wake at each due time and leave a row in the mail; rebuilt from World at any moment."""
        world, mail = self._context.world, self._context.mail
        while True:
            self._changed = env.event()
            due = int(world.unit_due_ms[self.row])
            if due > env.now and due < NEVER:
                yield env.timeout(due - env.now) | self._changed
            if due < NEVER and due <= env.now and due == int(world.unit_due_ms[self.row]):
                mail.wakes.append((due, self.row))
            elif due < NEVER or self._changed.triggered:
                continue
            yield self._changed


class Hospital(_Agent):
    """A hospital; `row` is its row in the city's facilities."""

    def __init__(self, model: mesa.Model, context: Context, row: int) -> None:
        super().__init__(model)
        self.row = row
        self.label = str(context.city.facilities.name[row])
        self.beds = int(context.city.facilities.capacity[row])
        self.limit = int(hospital_limit([self.beds])[0])
        self._context = context

    @property
    def load(self) -> int:
        """Patients of this event in its beds."""
        return int(self._context.world.hospital_beds_used[self.row])

    @property
    def free(self) -> int:
        """Patients of this event it can still take."""
        return self.limit - self.load


class Shelter(_Agent):
    """A shelter; `row` is its row in the city's facilities."""

    def __init__(self, model: mesa.Model, context: Context, row: int) -> None:
        super().__init__(model)
        self.row = row
        self.label = str(context.city.facilities.name[row])
        self.places = int(context.site.shelters.places[row])
        self._context = context

    @property
    def load(self) -> int:
        """People there."""
        return int(self._context.world.facility_load[self.row])

    @property
    def open(self) -> bool:
        """Whether it has opened."""
        return int(self._context.world.shelter_open_event[self.row]) >= 0


class Department(_Agent):
    """All units of one kind."""

    def __init__(self, model: mesa.Model, context: Context, kind: int) -> None:
        super().__init__(model)
        self.kind = UNIT_KINDS[kind]
        self.rows = np.flatnonzero(context.site.units.kind == kind)
        self._context = context

    @property
    def available(self) -> int:
        """Units without a task."""
        return int((self._context.world.unit_phase[self.rows] == U_AVAILABLE).sum())


def create_agents(
    model: mesa.Model, context: Context, components: Sequence[Component]
) -> list[Unit]:
    """Create all agents in a fixed order; the units component signals the units' processes."""
    units = [Unit(model, context, row) for row in range(context.site.units.kind.size)]
    for row in context.site.hospital:
        Hospital(model, context, int(row))
    for row in context.site.shelter:
        Shelter(model, context, int(row))
    for kind in range(len(UNIT_KINDS)):
        Department(model, context, kind)
    owner: Any = next((c for c in components if c.name == "units"), None)
    if owner is None:
        raise RunError("no component 'units' to signal the units' processes")
    owner.signal = lambda unit: units[unit].signal()
    return units
