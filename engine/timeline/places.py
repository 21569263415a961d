"""Sentences of the log about meeting points, refuges, shelters, rumours, fuel and the way home."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.events import REASONS
from engine.scoring.columns import Rows
from engine.timeline.names import CHANNEL_WORDS, count, lasting, listed

if TYPE_CHECKING:
    from engine.timeline.sentences import Teller


def meeting_opened(teller: Teller, g: Rows) -> str:
    """Keyholders open the gates of meeting points."""
    which = listed((teller.names.facility(int(n)) for n in g.subject), 3)
    return (f"{count(g.row.size, 'meeting point')} opened by the keyholder, "
            f"{count(int(g.value.sum()), 'place')}: {which}.")


def meeting_full(teller: Teller, g: Rows) -> str:
    """All places of a meeting point are taken."""
    which = listed((f"{teller.names.facility(int(n))} ({count(int(v), 'place')})"
                    for n, v in zip(g.subject, g.value, strict=True)), 4)
    return (f"All places taken at {count(g.row.size, 'meeting point')}, who comes stands around or goes "
            f"on: {which}.")


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


def alert_cancelled(teller: Teller, g: Rows) -> str:
    """The sea's service ends the alert."""
    confirm = float(teller.view.plan["all_clear"].get("confirmation_s", 0.0))
    names = teller.names.departments
    wait = f" {names.command} needs {lasting(confirm)} to confirm the return." if confirm else ""
    return f"Alert cancelled ({names.warning}).{wait}"


def return_opened(teller: Teller, g: Rows) -> str:
    """Zones are opened."""
    ordered = np.unique(teller.view.rows("order_issued").subject)
    mine = np.intersect1d(g.subject, ordered)
    free = np.setdiff1d(g.subject, ordered).size
    rest = f"to {count(free, 'zone')} that had not been ordered out" if free else ""
    if not mine.size:
        return f"People may go home {rest}."
    return (f"RETURN OPEN for {mine.size:,} of {count(ordered.size, 'ordered zone')} "
            f"({teller.names.zone_share(mine)}){f', and {rest}' if rest else ''}.")


def return_held(teller: Teller, g: Rows) -> str:
    """Zones stay closed."""
    return (f"{count(g.row.size, 'zone stays', 'zones stay')} closed after the all-clear, "
            f"{REASONS[int(g.object[0])]}: {teller.names.zones(g.subject)}.")


def home(teller: Teller, g: Rows) -> str:
    """People are home."""
    people = int(teller.view.party_size[g.subject].sum())
    return f"{count(people, 'person', 'people')} home after the all-clear."


def stays_away(teller: Teller, g: Rows) -> str:
    """People do not go home."""
    people = int(teller.view.party_size[g.subject].sum())
    return f"{count(people, 'person does', 'people do')} not go home: {REASONS[int(g.object[0])]}."


def agreed(teller: Teller, g: Rows) -> str:
    """Families reach each other by telephone."""
    people = int(teller.view.party_size[np.unique(g.object)].sum())
    families = count(np.unique(g.subject).size, "family reaches", "families reach")
    return (f"{families} {count(people, 'member')} by telephone and "
            f"{'agrees' if np.unique(g.subject).size == 1 else 'agree'} to meet in safety.")


def fetching(teller: Teller, g: Rows) -> str:
    """Families set out for their own."""
    inside = teller.view.party_in_danger
    into = int((~inside[g.subject] & inside[g.object]).sum())
    return (f"{count(g.row.size, 'family sets', 'families set')} out to fetch children or people who need "
            "help"
            f"{f', {into:,} of them into the danger zone from outside' if into else ''}.")


def fetched(teller: Teller, g: Rows) -> str:
    """They have met."""
    people = int(teller.view.party_size[g.object].sum())
    return (f"{count(people, 'person', 'people')} fetched by their families, longest way "
            f"{lasting(float(g.value.max()))}.")


def missed(teller: Teller, g: Rows) -> str:
    """They have not met."""
    return (f"{count(g.row.size, 'family', 'families')} could not fetch one of their own: "
            f"{REASONS[int(g.object[0])]}.")


def rumour_says(kind: str) -> str:
    """What a rumour says."""
    return {"alert_cancelled": "the alert is cancelled", "larger_wave": "a larger wave is coming"}[kind]


def rumour_started(teller: Teller, g: Rows) -> str:
    """A rumour begins."""
    return f"Rumour begins to go round: {rumour_says(('alert_cancelled', 'larger_wave')[int(g.value[0])])}."


def rumour_noticed(teller: Teller, g: Rows) -> str:
    """Command knows of it."""
    return f"A rumour is noticed: {rumour_says(teller.view.scenario['rumour']['kind'])}."


def rumour_denied(teller: Teller, g: Rows) -> str:
    """A channel denies it."""
    channel = CHANNEL_WORDS[teller.view.plan["rumour_correction"]["channel"]]
    return f"Rumour denied by {channel}."


def trucks_sent(teller: Teller, g: Rows) -> str:
    """Fuel trucks begin."""
    order = ", ".join(teller.view.plan["fuel"]["order"])
    return f"Fuel trucks are got ready, {int(g.value[0])} crew, to serve in this order: {order}."


def hospital_fuelled(teller: Teller, g: Rows) -> str:
    """A generator is filled."""
    which = listed((teller.names.facility(int(n)) for n in g.subject), 3)
    return f"Fuel delivered, {g.value[0]:.0f} h of electricity: {which}."


def channel_fuelled(teller: Teller, g: Rows) -> str:
    """Masts or sirens are supplied."""
    what = teller.names.channel(int(g.object[0]))
    what = "the telephone masts" if what == CHANNEL_WORDS["cell_broadcast"] else what
    return f"Fuel delivered for {what}, {g.value[0]:.0f} h: {teller.names.zones(g.subject)}."


def escorts_start(teller: Teller, g: Rows) -> str:
    """Staff of homes begin to lead their residents out."""
    which = listed((teller.names.facility(int(n)) for n in g.object), 6)
    return (f"Residents are got ready to leave on foot, {which}: "
            f"{int(g.value.sum())} staff lead or push them.")


def escort_back(teller: Teller, g: Rows) -> str:
    """Staff are back for the next ones."""
    which = listed((teller.names.mission(int(n)) for n in np.unique(g.subject)), 3)
    return f"{count(g.row.size, 'member')} of staff back for the next resident: {which}."


def escorts_done(teller: Teller, g: Rows) -> str:
    """Nobody else is led out."""
    why, stay = int(g.object[0]), int(g.value.sum())
    which = listed((teller.names.mission(int(n)) for n in g.subject), 3)
    if why == 0:
        return f"All residents who were to leave are out: {which}."
    return f"Nobody else is led out, {REASONS[why]}; {count(stay, 'stays', 'stay')} in the house: {which}."
