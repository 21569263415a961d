"""Sentences of the log about crowds at venues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.events import KINDS, REASONS
from engine.scoring.columns import Rows
from engine.timeline.names import listed

if TYPE_CHECKING:
    from engine.timeline.sentences import Teller


def _venue(teller: Teller, g: Rows) -> str:
    return teller.names.venue(int(g.subject[0]))


def began(teller: Teller, g: Rows) -> str:
    """Visitors set out."""
    return f"{int(g.value[0]):,} visitors begin to leave, {_venue(teller, g)}."


def dense(teller: Teller, g: Rows) -> str:
    """People are pressed together."""
    return f"CRUSH DANGER at {_venue(teller, g)}: {g.value.max():.1f} people per m² at the densest place."


def silent(teller: Teller, g: Rows) -> str:
    """Cameras send nothing."""
    which = listed((teller.names.camera(int(n)) for n in g.subject), 3)
    return f"No counts from cameras ({REASONS[int(g.object[0])]}): {which}."


def feared(teller: Teller, g: Rows) -> str:
    """The command centre opens an incident."""
    cause = int(teller.view.cause[g.row[0]])
    kind = KINDS[int(teller.view.codes["kind"].iloc[cause])].name if cause >= 0 else ""
    why = "a caller reports it"
    if kind == "camera_counted":
        why = f"a camera counts {g.value[0]:.1f} people per m²"
    return f"CRUSH FEARED at {_venue(teller, g)}: {why}. Police asked to meter the inflow."


def metered(teller: Teller, g: Rows) -> str:
    """Officers hold people back."""
    return (f"Inflow metered at {_venue(teller, g)}: the crowd is held back, {g.value[0]:.0f} people a "
            "minute let on.")


def eased(teller: Teller, g: Rows) -> str:
    """Officers report that it is over."""
    return (f"Officers at {_venue(teller, g)}: nobody held back any more, {g.value[0]:.1f} people "
            "per m² at the densest place.")


def over(teller: Teller, g: Rows) -> str:
    """The incident is closed."""
    return f"Crush no longer feared at {_venue(teller, g)}, after {g.value[0] / 60:.0f} min."


def gone(teller: Teller, g: Rows) -> str:
    """Everybody has left."""
    return f"Everybody has left {_venue(teller, g)}, {g.value[0] / 60:.0f} min after the first set out."
