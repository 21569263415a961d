"""How long it takes to get people into a vehicle and out again, and how many go in.

In-patients. Preparing one who lies takes 331 s, the active preparation measured in high dependency
units of New Zealand hospitals; staff then push the bed 100 m (assumption) at 0.7 m/s, a wheelchair at
1.1 m/s (Georg, de Schot & Lovreglio, Fire Technology 2025: eight drills). Preparing one who can sit takes
`PREPARE_SITTING_S`, an assumption: shorter, without lines and monitors. One who lies needs two of the
escorts, one who sits one (assumption); with fewer the vehicle's crew helps. An ambulance takes one, lying
or sitting; in a bus each takes two seats, escorts one (assumption). Setting down takes the way alone.

Bus passengers get on one after the other, nobody pays: 2.5 s each, and 2 s to get off, about the middle of
what the Transit Capacity and Quality of Service Manual gives without payment (recalled); buses of Los
Angeles lose about 2 s a passenger with a smart card and 4 s with cash (Shockley, Salinas & Taylor 2015).
"""

from __future__ import annotations

import numpy as np

from engine.city import I16, I64

PREPARE_LYING_S = 331.0
PREPARE_SITTING_S = 120.0
WAY_M = 100.0
BED_MPS = 0.7
WHEELCHAIR_MPS = 1.1
STAFF_LYING, STAFF_SITTING = 2, 1
SEATS_A_PATIENT = 2
BOARD_S = 2.5
ALIGHT_S = 2.0

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("preparing an in-patient who lies", PREPARE_LYING_S, "s",
     "Georg, de Schot & Lovreglio 2025, high dependency units", "sourced"),
    ("preparing an in-patient who can sit", PREPARE_SITTING_S, "s",
     "assumption, range 60 to 331", "assumption"),
    ("way from the ward to the vehicle", WAY_M, "m", "assumption", "assumption"),
    ("speed of a bed / a wheelchair", f"{BED_MPS} / {WHEELCHAIR_MPS}", "m/s",
     "Georg, de Schot & Lovreglio 2025", "sourced"),
    ("staff for one who lies / sits", f"{STAFF_LYING} / {STAFF_SITTING}", "people", "assumption",
     "assumption"),
    ("seats of a bus for an in-patient", SEATS_A_PATIENT, "seats", "assumption", "assumption"),
    ("bus passenger getting on / off", f"{BOARD_S} / {ALIGHT_S}", "s",
     "TCQSM (recalled); Shockley, Salinas & Taylor 2015: 2 to 4 s", "sourced"),
)


def room(seats: I16, escorts: int) -> I64:
    """In-patients that vehicles [n] take; `seats` 0 is an ambulance, which takes one."""
    spare = np.maximum(np.asarray(seats, np.int64) - escorts, 0)
    return np.where(np.asarray(seats) == 0, 1, spare // SEATS_A_PATIENT).astype(np.int64)


def _ms(number: int, at_once: int, each_s: float) -> int:
    return round(1000.0 * each_s * -(-number // max(1, at_once)))


def lying_ms(number: int, escorts: int) -> int:
    """Time to bring so many in-patients on their beds to the vehicle, ms."""
    return _ms(number, escorts // STAFF_LYING, PREPARE_LYING_S + WAY_M / BED_MPS)


def sitting_ms(number: int, escorts: int) -> int:
    """Time to bring so many in-patients in wheelchairs to the vehicle, ms."""
    return _ms(number, escorts // STAFF_SITTING, PREPARE_SITTING_S + WAY_M / WHEELCHAIR_MPS)


def set_down_ms(lying: int, sitting: int, escorts: int) -> int:
    """Time to bring them from the vehicle to a bed or a place, ms."""
    return _ms(lying, escorts // STAFF_LYING, WAY_M / BED_MPS) + _ms(
        sitting, escorts // STAFF_SITTING, WAY_M / WHEELCHAIR_MPS
    )


def passengers_ms(number: int, getting_on: bool) -> int:
    """Time that so many bus passengers take to get on or off, ms."""
    return round(1000.0 * number * (BOARD_S if getting_on else ALIGHT_S))
