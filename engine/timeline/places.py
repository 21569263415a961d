"""Sentences of the log about refuges, shelters and the way home."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.events import REASONS
from engine.scoring.columns import Rows
from engine.timeline.names import count, listed

if TYPE_CHECKING:
    from engine.timeline.sentences import Teller


def refuge_opened(teller: Teller, g: Rows) -> str:
    """Keyholders open vertical refuges."""
    which = listed((teller.names.refuge(int(n)) for n in g.subject), 3)
    return (f"{count(g.row.size, 'vertical refuge')} opened by the keyholder, "
            f"{int(g.value.sum()):,} places: {which}.")


def refuge_full(teller: Teller, g: Rows) -> str:
    """All places of a refuge are taken."""
    return f"Vertical refuge full: {listed((teller.names.refuge(int(n)) for n in g.subject), 4)}."


def refuge_lost(teller: Teller, g: Rows) -> str:
    """A refuge shelters nobody."""
    which = listed((teller.names.refuge(int(n)) for n in g.subject), 4)
    return (f"Vertical refuge of no use, {REASONS[int(g.object[0])]} "
            f"({int(g.value.sum()):,} places): {which}.")


def shelter_held(teller: Teller, g: Rows) -> str:
    """Shelters that do not open."""
    which = listed((teller.names.facility(int(n)) for n in g.subject), 3)
    return f"{count(g.row.size, 'shelter')} not opened, {REASONS[int(g.object[0])]}: {which}."
