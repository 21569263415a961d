"""Water at the door: who cannot wade, and what a building is worth as a refuge. Pure functions.

Wading. A party goes into the water only where its weakest member can stand: the limits of depth,
of depth times speed and of speed of `water_effects.py` (Australian Rainfall and Runoff), a child's
for parties with a child or somebody slow. People judge by those figures, not by their own draw.

Refuge. A party indoors with an upper floor goes up when water stands at its door: it cannot know how
far the water will rise (vertical refuge; Fraser et al. 2012, GNS Science Report 2012/17, describe how
it saved people in Japan in 2011). In one storey it leaves while it can wade; where it cannot, it
stays inside, where the current is weaker than in the street, and climbs on the furniture: each the
least bad choice. A building
is a refuge while it stands. Median inundation depths of complete damage, gathered from several
tsunamis by Nanayakkara & Dias 2016 (Nat. Hazards 80:471-486, single-storey buildings): reinforced
concrete 5.4 to 7.3 m, masonry 2.3 to 2.5 m, timber about 1.6 m. The lower ends are taken as the
depth up to which a building holds (taking a median as a limit is an assumption; steel counts as
concrete). In Coquimbo in 2015 about 20 % of the buildings were damaged at 2 m (Aranguiz et al.
2018, NHESS 18:2143), mostly partly and repairably, which agrees with masonry that stands at 2 m.
A building heavily damaged by the shaking (HAZUS extensive or worse) is no refuge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.city import HAZUS_CLASS, STRUCTURES, City
from engine.people.water_effects import CRITICAL_DEPTH_M, CRITICAL_DV, MAX_SPEED_MPS, is_weak

F64 = NDArray[np.float64]
B = NDArray[np.bool_]

FLOOR_M = 0.2  #: ground floor above the street
STOREY_M = 2.7
FURNITURE_M = 0.7  #: what people stand on where there is no upper floor
#: Depth in metres up to which timber, masonry and concrete stand.
HOLDS_M = {"timber": 1.6, "masonry": 2.3, "concrete": 5.4}
NO_REFUGE_DAMAGE = 3

CARD: tuple[tuple[str, object, str, str, str], ...] = (
    ("depth up to which a building is a refuge: timber, masonry, concrete", "1.6, 2.3, 5.4", "m",
     "median depths of complete damage, Nanayakkara & Dias 2016; a median as a limit is an "
     "assumption, range 1.3-2, 2-3, 4.5-7", "sourced"),
    ("height of what people stand on in one storey", FURNITURE_M, "m",
     "a table or bed, assumption, range 0.4 to 1", "assumption"),
)


def weak_parties(city: City, party: ArrayLike, count: int) -> B:
    """Return which parties [count] have a child or somebody who walks slowly; `party` [persons]."""
    weak = np.zeros(count, np.bool_)
    rows = is_weak(city.persons.age_group, city.persons.mobility)
    weak[np.asarray(party)[rows]] = True
    return weak


def cannot_wade(depth_m: ArrayLike, flow_mps: ArrayLike, weak: ArrayLike) -> B:
    """Return whether water of a depth and speed [n] is too much to walk into; `weak` [n] parties."""
    depth, flow = np.asarray(depth_m, np.float64), np.asarray(flow_mps, np.float64)
    kind = np.asarray(weak, np.bool_)
    limit = np.where(kind, CRITICAL_DEPTH_M[0], CRITICAL_DEPTH_M[1])
    product = np.where(kind, CRITICAL_DV[0], CRITICAL_DV[1])
    fast = (depth > 0.1) & (flow > MAX_SPEED_MPS)
    return np.asarray((depth > limit) | (depth * flow > product) | fast)


def refuge_height_m(storeys: ArrayLike, inside: ArrayLike) -> F64:
    """Return how high above the street parties [n] can get in their building, 0 outdoors."""
    upper = STOREY_M * (np.asarray(storeys, np.float64) - 1.0)
    return np.asarray(np.where(np.asarray(inside), FLOOR_M + np.maximum(upper, FURNITURE_M), 0.0))


def holds_m(structure: ArrayLike) -> F64:
    """Return up to which depth at the door buildings [n] stand; `structure` indexes STRUCTURES."""
    table = np.array([HOLDS_M[_material(HAZUS_CLASS.get(name, name))] for name in STRUCTURES])
    return np.asarray(table[np.asarray(structure, np.int64)])


def _material(structure: str) -> str:
    """Building material of a HAZUS class."""
    return {"W": "timber", "C": "concrete", "S": "concrete"}.get(structure[0], "masonry")
