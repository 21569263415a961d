"""What a component is, and how a run is assembled from components.

A component declares the World variables it reads and writes and the event kinds it emits. It gets
a view of World that holds just those arrays, the read ones locked against writing, so that a wrong
declaration fails at once. A component keeps no state of its own outside World (`World.private`
for bulk state of kernels); what it caches must follow from City, Scenario, Plan and seed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import RunError
from engine.events import KIND_CODE, EventLog
from engine.world import BY_NAME, NEVER, VARIABLES, World

if TYPE_CHECKING:
    from engine.city import City
    from engine.parties import Parties
    from engine.people.behaviour import Behaviour
    from engine.plan import Plan
    from engine.scenario import Scenario
    from engine.site import Site


@dataclass
class Mail:
    """Writes queued between components and applied by the owner at its next step, sorted.

    `wakes` (t_ms, unit): a unit's process woke. `trips` (t_ms, unit, from_node, to_node): a unit
    wants to drive. `unit_arrivals` (t_ms, unit, node, delay edge, delay s): mobility reports.
    `met` (t_ms, unit, edge, detour ms): a unit met a closure and turned. `closures` (t_ms, street,
    event): response tells sensing of one.
    `freed` (t_ms, person, event), `admitted` (t_ms, person, event): response tells health.
    `crews` (t_ms, unit): a crew on foot is where it was bound for; mobility reports.
    `boards` (t_ms, party, event): a party is on board; `alights` (t_ms, party, node, arrived, event): it
    is set down, at its destination or on the way. Both: response tells mobility.
    `inputs` (t_ms, serial, dict): rows of inputs.jsonl due now.
    """

    wakes: list[tuple[int, int]] = field(default_factory=list)
    trips: list[tuple[int, int, int, int]] = field(default_factory=list)
    unit_arrivals: list[tuple[int, int, int, int, float]] = field(default_factory=list)
    met: list[tuple[int, int, int, int]] = field(default_factory=list)
    closures: list[tuple[int, int, int]] = field(default_factory=list)
    freed: list[tuple[int, int, int]] = field(default_factory=list)
    admitted: list[tuple[int, int, int]] = field(default_factory=list)
    crews: list[tuple[int, int]] = field(default_factory=list)
    boards: list[tuple[int, int, int]] = field(default_factory=list)
    alights: list[tuple[int, int, int, bool, int]] = field(default_factory=list)
    inputs: list[tuple[int, int, dict[str, Any]]] = field(default_factory=list)

    def take(self, name: str) -> list[Any]:
        """Empty one box and return its rows, sorted."""
        rows: list[Any] = getattr(self, name)
        setattr(self, name, [])
        return sorted(rows, key=lambda row: row[:2])

    def copy(self) -> Mail:
        """Copy, for snapshots."""
        return Mail(**{name: list(rows) for name, rows in self.__dict__.items()})


@dataclass
class Context:
    """Everything a component may know: frozen inputs, the log and the mail."""

    city: City
    scenario: Scenario
    plan: Plan
    seed: int
    site: Site
    parties: Parties
    behaviour: Behaviour
    log: EventLog
    mail: Mail
    world: World
    tick_ms: int
    sea: Any = None  # hazards.sea.SeaResult where the scenario has a tsunami
    start_event: int = 0  # row of run_started, always the log's first

    @property
    def duration_ms(self) -> int:
        """Length of the run."""
        return round(self.scenario.duration_s * 1000)


class View:
    """The part of World that one component may see."""

    def __init__(self, world: World, reads: tuple[str, ...], writes: tuple[str, ...]) -> None:
        for name in reads:
            view = world.data[name].view()
            view.setflags(write=False)
            setattr(self, name, view)
        for name in writes:
            setattr(self, name, world.data[name])

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"World variable '{name}' is not declared by this component")


class Component:
    """Base of hazards, networks, sensors, commands, people, mobility and response."""

    name: str = ""
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    emits: tuple[str, ...] = ()
    exogenous: bool = False
    #: Rows of the assumption card: parameter, value, unit, source, status.
    card: tuple[tuple[str, Any, str, str, str], ...] = ()

    def __init__(self, context: Context) -> None:
        self.ctx = context
        self.w: Any = View(context.world, self.reads, self.writes)

    def start(self) -> None:
        """Write initial values; called once, when a run begins (not when it is restored)."""

    def due(self, now_ms: int) -> int:
        """Earliest time at which `step` has something to do."""
        return now_ms

    def step(self, t0_ms: int, t1_ms: int) -> None:
        """Advance over [t0_ms, t1_ms)."""
        raise NotImplementedError

    def save(self) -> None:
        """Copy bulk state into World.private before a snapshot."""

    def load(self) -> None:
        """Take bulk state back from World.private after a restore."""

    def conserved(self) -> str:
        """Return what does not add up at the end of the run, or an empty string."""
        return ""

    def emit(
        self, kind: str, t_ms: ArrayLike, subject: ArrayLike, object: ArrayLike = -1,
        value: ArrayLike = 0.0, cause: ArrayLike = -1,
    ) -> NDArray[np.int64]:
        """Append events of a declared kind; see EventLog.extend."""
        if kind not in self.emits:
            raise RunError(f"component '{self.name}' does not declare event '{kind}'")
        return self.ctx.log.extend(kind, t_ms, subject, object, value, cause)


def check_assembly(components: list[Component] | list[type[Component]]) -> None:
    """Raise RunError where declarations disagree with the tables or with each other."""
    writers: dict[str, str] = {}
    for component in components:
        for name in (*component.reads, *component.writes):
            if name not in BY_NAME:
                raise RunError(f"component '{component.name}': no World variable '{name}'")
        for name in component.writes:
            if name in writers:
                raise RunError(f"'{name}' has two writers: {writers[name]} and {component.name}")
            if BY_NAME[name].writer != component.name:
                raise RunError(f"'{name}' belongs to {BY_NAME[name].writer}, not {component.name}")
            writers[name] = component.name
        for kind in component.emits:
            if kind not in KIND_CODE:
                raise RunError(f"component '{component.name}': no event kind '{kind}'")


def unread(components: list[type[Component]]) -> list[str]:
    """World variables that no component reads back or passes on."""
    read = {name for component in components for name in component.reads}
    return sorted(v.name for v in VARIABLES if v.name not in read)


__all__ = ["NEVER", "Component", "Context", "Mail", "View", "check_assembly", "unread"]
