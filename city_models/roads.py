"""Road defaults by class and the triangular fundamental diagram of a link.

The diagram of one lane is fixed by free speed v, jam density k_j and backward wave w; capacity
follows: q = v w k_j / (v + w). Two regimes are used:

- uninterrupted roads (motorway, trunk): k_j = 133 veh/km (7.5 m a vehicle), w = 5 m/s;
- streets: k_j = 125 veh/km (8 m a vehicle), w = 4 m/s.

Both lie inside the usual ranges (k_j 125-150 veh/km, w 15-20 km/h; for streets w is at the
slow edge). The capacities that follow are, in veh/h a lane, 2083 at 120 km/h, 2028 at 100,
1957 at 80 (motorway, trunk) and 1398 at 50, 1324 at 40, 1216 at 30, 1047 at 20 (streets). The
Chinese street design code CJJ 37-2012 gives design capacities of 1350, 1300, 1300 and 1100 for
50, 40, 30 and 20 km/h, within 7 %, and basic capacities of 2200 and 2100 for 100 and 80 km/h
[R, unconfirmed]. They are mid-block flows of a street that has most of the green: the HCM's
saturation flow of 1900 pc/h a lane with a green ratio of 0.45 (855 veh/h) is a property of a
signalised junction and belongs to the junction, not to the link, because a link with that
capacity and a true jam density would imply a wave of only 2 m/s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.city import ROAD_CLASSES


@dataclass(frozen=True)
class ClassDefault:
    """What is assumed for a road class where the source is silent.

    `lanes` a direction, `speed_kmh` free speed, `pavement_m` both pavements and verges together,
    `drive` and `walk` whether cars and walkers may use it.
    """

    lanes: int
    speed_kmh: float
    pavement_m: float
    drive: bool
    walk: bool


#: Assumptions by class; speeds follow common urban limits (50 km/h in Chilean towns, law
#: 21.103 of 2018), not the posted limit of any one street.
DEFAULTS: dict[str, ClassDefault] = {
    "motorway": ClassDefault(2, 100.0, 4.0, True, False),
    "trunk": ClassDefault(2, 80.0, 5.0, True, True),
    "primary": ClassDefault(2, 60.0, 7.0, True, True),
    "secondary": ClassDefault(1, 50.0, 6.0, True, True),
    "tertiary": ClassDefault(1, 50.0, 5.0, True, True),
    "unclassified": ClassDefault(1, 40.0, 4.0, True, True),
    "residential": ClassDefault(1, 30.0, 4.0, True, True),
    "living_street": ClassDefault(1, 20.0, 3.0, True, True),
    "service": ClassDefault(1, 20.0, 1.0, True, True),
    "track": ClassDefault(1, 20.0, 0.5, True, True),
    "pedestrian": ClassDefault(1, 5.0, 5.0, False, True),
    "footway": ClassDefault(1, 5.0, 2.5, False, True),
    "path": ClassDefault(1, 5.0, 2.0, False, True),
    "steps": ClassDefault(1, 5.0, 2.5, False, True),
    "cycleway": ClassDefault(1, 5.0, 2.5, False, True),
}

#: Width of one traffic lane, m (3.0-3.5 m in most street manuals).
LANE_WIDTH_M = 3.3
#: (jam density veh/m a lane, backward wave m/s) of uninterrupted roads and of streets.
UNINTERRUPTED = (1.0 / 7.5, 5.0)
STREET = (1.0 / 8.0, 4.0)
#: Speeds and lanes beyond these are taken for errors of the source.
SPEED_RANGE_KMH = (5.0, 150.0)
MAX_LANES = 8

_UNINTERRUPTED_UP_TO = ROAD_CLASSES.index("trunk")


def class_column(attribute: str) -> NDArray[Any]:
    """Return one attribute of `DEFAULTS` as an array indexed by road class [classes]."""
    return np.array([getattr(DEFAULTS[name], attribute) for name in ROAD_CLASSES])


def fundamental_diagram(
    road_class: NDArray[np.uint8], free_speed_mps: NDArray[Any], lanes: NDArray[Any]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return capacity (veh/s) and jam density (veh/m) of whole links, all lanes together.

    `road_class` [n] indexes ROAD_CLASSES, `free_speed_mps` [n], `lanes` [n] a direction.
    Valid for streets and roads of 5-150 km/h; see the module's text for the sources.
    """
    fast = road_class <= _UNINTERRUPTED_UP_TO
    jam = np.where(fast, UNINTERRUPTED[0], STREET[0])
    wave = np.where(fast, UNINTERRUPTED[1], STREET[1])
    speed = np.asarray(free_speed_mps, dtype=np.float64)
    capacity = speed * wave * jam / (speed + wave)
    return (capacity * lanes).astype(np.float32), (jam * lanes).astype(np.float32)


def backward_wave_mps(
    capacity_vps: NDArray[Any], jam_density_vpm: NDArray[Any], free_speed_mps: NDArray[Any]
) -> NDArray[np.float64]:
    """Return the backward wave w = q / (k_j - q / v) that a triangular diagram implies [n]."""
    q = np.asarray(capacity_vps, dtype=np.float64)
    wave: NDArray[np.float64] = q / (jam_density_vpm - q / free_speed_mps)
    return wave


def street_width_m(
    road_class: NDArray[np.uint8], lanes_both: NDArray[Any]
) -> NDArray[np.float32]:
    """Return the width between building lines: lanes of both directions plus pavements [n]."""
    drive = class_column("drive")[road_class]
    pavement = class_column("pavement_m")[road_class]
    width = pavement + np.where(drive, LANE_WIDTH_M * np.maximum(lanes_both, 1), 0.0)
    return width.astype(np.float32)
