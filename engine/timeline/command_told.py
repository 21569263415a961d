"""Sentences of the log about what command expects, asks for and cannot send; units and hospitals that
drop out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.events import KINDS, REASONS
from engine.scoring.columns import Rows
from engine.timeline.names import count, lasting, listed
from engine.timeline.units_told import units

if TYPE_CHECKING:
    from engine.timeline.sentences import Teller
    from engine.timeline.view import RunView


def arrival(teller: Teller, g: Rows) -> str:
    """The first wave is expected; of several at once the last counts."""
    due = teller.view.hhmm(int(1000 * g.value[-1]))
    basis = prediction_basis(teller.view, int(g.row[-1]))
    if basis == "gauge_reported":
        return "The first wave is taken to be there: the tide gauge is disturbed."
    if basis == "intensity_reported":
        return (f"A wave may come from {due} on, by the rule for strong shaking; magnitude and place are "
                "not known yet.")
    return f"First wave expected at {due} ({teller.names.departments.warning}), no height forecast."


def prediction_basis(view: RunView, row: int) -> str:
    """Kind of the report on which a first wave was expected."""
    cause = int(view.cause[row])
    return KINDS[int(view.codes["kind"].iloc[cause])].name if cause >= 0 else ""


def confirmed(teller: Teller, g: Rows) -> str:
    """Those who answer for the order confirm it."""
    return (f"{teller.names.departments.command} confirms the order, {lasting(float(g.value[0]))} after "
            "it was decided.")


def leaders(teller: Teller, g: Rows) -> str:
    """Street leaders are telephoned."""
    silent = int((g.value == 0).sum())
    nobody = f"; nobody does in {count(silent, 'zone')}" if silent else ""
    return (f"Street leaders called in {count(g.row.size, 'zone')}: {int(g.value.sum()):,} acknowledge"
            f"{nobody}.")


def leaders_begin(teller: Teller, g: Rows) -> str:
    """Street leaders begin by themselves, as they agreed to on strong shaking."""
    return (f"{count(int(g.value.sum()), 'street leader begins', 'street leaders begin')} unasked after "
            f"the strong shaking, in {count(g.row.size, 'zone')}.")


def doors(teller: Teller, g: Rows) -> str:
    """Teams from door to door: volunteers by the zone they begin in, crews of a mission in all of its."""
    teams = int(g.value[g.object < 0].sum())
    for mission in np.unique(g.object[g.object >= 0]):
        teams += int(g.value[g.object == mission].max())
    return (f"{count(teams, 'team begins', 'teams begin')} to go from door to door in "
            f"{count(g.row.size, 'zone')}: {teller.names.zones(g.subject)}.")


def doors_ended(teller: Teller, g: Rows) -> str:
    """Volunteers leave the doors, all for one reason."""
    why = f" ({REASONS[int(g.object[0])]})" if g.object[0] > 0 else ""
    return f"{count(int(g.value.sum()), 'team leaves', 'teams leave')} the doors{why}."


def doors_held(teller: Teller, g: Rows) -> str:
    """Volunteers who are not sent to the doors of a zone of the order."""
    areas = " and ".join(dict.fromkeys(f"“{teller.names.phase(int(n))}”" for n in g.subject))
    return (f"{count(int(g.value.sum()), 'team is', 'teams are')} not sent to the doors of {areas} "
            f"({REASONS[int(g.object[0])]}).")


def aid_requested(teller: Teller, g: Rows) -> str:
    """Neighbours are asked for units."""
    return f"Mutual aid: neighbouring cities are asked for {count(int(g.value.sum()), 'unit')}."


def aid_arrived(teller: Teller, g: Rows) -> str:
    """Their units are there."""
    who = listed((teller.names.station(int(n)) for n in g.subject), 3)
    return f"Mutual aid of {who} reaches the city: {units(teller, g)}."


def control_held(teller: Teller, g: Rows) -> str:
    """No officers for posts."""
    which = teller.names.posts(dict.fromkeys(int(n) for n in g.subject))
    return f"No officers sent for now ({REASONS[int(g.object[0])]}): {which}."


def blocked(teller: Teller, g: Rows) -> str:
    """Units meet streets that nobody had reported closed."""
    way = float(g.value.max())
    detour = f"; longest way round {lasting(way)}" if way >= 0 else ""
    lost = int((g.value < 0).sum())
    none = f"; {count(lost, 'of them finds', 'of them find')} no other way" if lost else ""
    return (f"Closed street that nobody had reported ({REASONS[int(g.object[0])]}) met and reported by "
            f"{units(teller, g)}{detour}{none}.")


def caught(teller: Teller, g: Rows) -> str:
    """Vehicles in the water."""
    return (f"The water takes {count(g.row.size, 'vehicle')}, up to {g.value.max():.1f} m deep: "
            f"{units(teller, g)}.")


def died(teller: Teller, g: Rows) -> str:
    """Responders killed."""
    return (f"{count(int(g.value.sum()), 'responder')} killed by the water, crew of "
            f"{units(teller, g)}.")


def hospital_shut(teller: Teller, g: Rows) -> str:
    """Hospitals that take nobody."""
    which = listed((teller.names.facility(int(n)) for n in np.unique(g.subject)), 3)
    return f"No more patients taken, {REASONS[int(g.object[0])]}: {which}."


def hospital_opened(teller: Teller, g: Rows) -> str:
    """Hospitals that take patients again."""
    which = listed((teller.names.facility(int(n)) for n in np.unique(g.subject)), 3)
    return f"Patients taken again: {which}."
