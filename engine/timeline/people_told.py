"""Sentences of the log about people who go back too early, are cut off by water, or take themselves to
hospital. They count people, not groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.events import REASONS
from engine.scoring.columns import Rows, first_ms
from engine.timeline.names import count, lasting, listed

if TYPE_CHECKING:
    from engine.timeline.sentences import Teller

_WHY_BACK = {
    "guarding property": "to guard property", "all quiet": "since all seems quiet",
    "fetching family": "to fetch family",
    "heard that the alert is cancelled": "having heard that the alert is cancelled",
}
_CUT_OFF = {
    "upstairs above water": "safe upstairs",
    "cut off on one floor": "without an upper floor to go to",
}


def _people(teller: Teller, g: Rows) -> int:
    return int(teller.view.party_size[np.unique(g.subject)].sum())


def returning(teller: Teller, g: Rows) -> str:
    """On the way back before the all-clear."""
    why = REASONS[int(g.object[0])]
    return (f"{count(_people(teller, g), 'person turns', 'people turn')} back before the all-clear "
            f"{_WHY_BACK.get(why, f'({why})')}.")


def returned(teller: Teller, g: Rows) -> str:
    """Back home before the all-clear."""
    return (f"{count(_people(teller, g), 'person is', 'people are')} back home before the all-clear, in "
            f"{teller.names.zones(g.object)}.")


def cut_off(teller: Teller, g: Rows) -> str:
    """Cut off by water in their buildings."""
    why = REASONS[int(g.object[0])]
    return (f"{count(_people(teller, g), 'person is', 'people are')} cut off in buildings by water "
            f"up to {g.value.max():.1f} m deep at the door, {_CUT_OFF.get(why, why)}.")


def released(teller: Teller, g: Rows) -> str:
    """The water has fallen."""
    return (f"{count(_people(teller, g), 'person', 'people')} cut off by water can wade the street "
            "again.")


def self_referred(teller: Teller, g: Rows) -> str:
    """The hurt who do not wait for an ambulance."""
    where = listed((teller.names.facility(int(n)) for n in np.unique(g.object)), 3)
    before = teller.view.rows("self_referred")
    began = first_ms(before.subject, before.row, int(before.subject.max()) + 1)
    again = int((g.row > began[g.subject]).sum())
    on = f", {again:,} of them on from one that could not take them" if again else ""
    way = f"{'up to ' if g.row.size > 1 else ''}{lasting(float(g.value.max()))} away"
    return (f"{count(g.row.size, 'hurt person sets', 'hurt people set')} out for hospital or clinic by "
            f"themselves{on}, {way}: {where}.")
