"""The crowd model's parameters, each with its source; none was fitted here.

The whole published sets fail one way or the other: the paper's and the calibrated ones, with bodies of
0.3 m and less, pack queues to 10 persons per m2; JuPedSim's defaults, with a time gap of 1 s, let 0.9
to 1.0 persons a metre and second through a door where handbooks and experiments have 1.2 to 1.9. So
the body is the default one, which cannot pack beyond 7.2 per m2, and the time gap the calibrated one.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """A line of the assumption card."""

    parameter: str
    value: float
    unit: str
    source: str
    status: str


LENGTH_M = 0.40  #: diameter of a body
GAP_S = 0.553  #: time gap
STRENGTH, RANGE_M = 8.0, 0.10  #: repulsion of persons
WALL_STRENGTH, WALL_RANGE_M = 5.0, 0.02  #: repulsion of walls
AHEAD_S, TURN_S, SIGHT_M = 1.0, 0.3, 3.0  #: those who come head on: foresight, turning, sight
DEPTH_M = 0.30  #: of a body; two who come head on pass with turned shoulders
COME_TICKS = 1  #: ticks between two decisions of who sees somebody come
FREE_MPS = 1.34  #: Weidmann 1993; venues may say otherwise
STAIRS_UP, STAIRS_DOWN = 0.61 / FREE_MPS, 0.69 / FREE_MPS  #: speed over that on the level
TICK_S, TICKS = 0.02, 5  #: decisions fall on ticks; people are sorted every five of them
MOST_M, LONGEST = 0.02, 5  #: way and ticks between two decisions, walls or an exit in sight
OPEN_MOST_M, OPEN_LONGEST = 0.2, 10  #: the same in the open
DRIFT_M = 0.04  #: way that a change of velocity would make until the next decision

#: Levels of service of walkways (Fruin 1971): upper limits of A to E, persons per m2.
FRUIN_PM2 = (0.31, 0.43, 0.72, 1.08, 2.17)
#: Densities above which times are given: warning, danger, crush.
WATCHED_PM2 = (4.0, 5.0, 7.0)
#: Crowd pressure of crowd turbulence, 1/s2 (Helbing, Johansson and Al-Abideen 2007).
TURBULENT_PS2 = 0.02

CARD = (
    Row("body diameter", LENGTH_M, "m", "JuPedSim's default radius of 0.2 m", "sourced"),
    Row("time gap", GAP_S, "s", "JuPedSim's collision-free speed model calibrated by its authors "
        "on the Hermes 2009 bottlenecks of 2.4 to 5 m (set B); its default is 1 s", "sourced"),
    Row("strength and range of repulsion of persons", STRENGTH, "1; 0.1 m", "JuPedSim's default",
        "sourced"),
    Row("strength and range of repulsion of walls", WALL_STRENGTH, "1; 0.02 m",
        "JuPedSim's default", "sourced"),
    Row("foresight towards those who come head on", AHEAD_S, "s", "JuPedSim's anticipation velocity "
        "model (Xu, Chraibi and Seyfried 2021), default; strength and range as above", "sourced"),
    Row("time to turn while somebody comes", TURN_S, "s", "the same", "sourced"),
    Row("sight of those who come head on", SIGHT_M, "m", "the same", "sourced"),
    Row("body depth, turned shoulders", DEPTH_M, "m", "FDS+Evac's torso; nobody slows down for it",
        "sourced"),
    Row("anticipation between those who come head on only", 1.0, "-", "the others repel each other as "
        "in the collision-free speed model, so that door flows stay what they are", "assumption"),
    Row("these values together", 1.0, "-", "taken from two published sets: the calibrated body of "
        "0.3 m packs to 10 persons per m2, the default gap lets 0.9 persons a metre and second "
        "through a door", "assumption"),
    Row("free speed", FREE_MPS, "m/s", "Weidmann 1993: 1.34, spread 0.26, cut at two spreads",
        "sourced"),
    Row("speed up stairs", 0.61, "m/s", "Weidmann 1993 (recalled), horizontal, at 1.34 m/s",
        "unconfirmed"),
    Row("speed down stairs", 0.69, "m/s", "Weidmann 1993 (recalled), horizontal, at 1.34 m/s",
        "unconfirmed"),
    Row("sidestep of who makes no way", 90.0, "degrees", "own rule, against arches that stand for "
        "ever: below 0.02 m/s towards the exit the next direction is turned at random",
        "assumption"),
    Row("way between two decisions, walls or an exit in sight", MOST_M, "m", "numerical choice, at most "
        "0.1 s: flow through doors is that of decisions every 0.01 s less at most 4 %", "assumption"),
    Row("way between two decisions in the open", OPEN_MOST_M, "m", "numerical choice, at most 0.2 s",
        "assumption"),
    Row("way that a change of velocity would make until the next decision", DRIFT_M,
        "m", "numerical choice: of 10,000 people who leave a stadium by five gates the greatest density "
        "is 5.5 persons per m2, with decisions every 0.01 s 6.1, with one each 0.06 m 5.1",
        "assumption"),
    Row("time between two decisions while somebody comes", COME_TICKS * TICK_S, "s",
        "numerical choice", "assumption"),
    Row("least speed", -0.01, "m/s", "people in contact step back: JuPedSim's model V3",
        "sourced"),
)
