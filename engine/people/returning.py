"""Going back home before the all-clear: who, when and why. Pure functions on arrays.

Between waves some of those in safety go home: to guard their property, to fetch somebody, or because
all seems quiet. In Ishinomaki in 2011 a quarter of the car users had come back home before the
tsunami (Murakami et al. 2014); what share returns between waves, and when, was not found and is an
assumption with a range (`Behaviour.return_share`, `return_after_s`). A household has one draw for
whether and one for when, so that nothing that delays or bars a return makes another one likelier.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.events import reason
from engine.people.behaviour import Behaviour
from engine.people.warning import rayleigh_quantile

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
B = NDArray[np.bool_]


def return_delay_s(behaviour: Behaviour, u: ArrayLike) -> F64:
    """Return the time in safety after which parties [n] would go back, s."""
    return rayleigh_quantile(u, behaviour.return_after_s)


def goes_back(behaviour: Behaviour, u: ArrayLike, *, dark: ArrayLike, barred: float) -> B:
    """Return which parties [n] go back when their time has come.

    - dark: [n] no daylight and no street lights at home; barred: share of the plan's control points
      that bar the return, 0 where it does not.
    """
    b = behaviour
    share = b.return_share * (1.0 - b.barred_share * barred)
    return np.asarray(
        np.asarray(u) < share * np.where(np.asarray(dark), b.dark_return_share, 1.0)
    )


def return_reason(behaviour: Behaviour, u: ArrayLike, separated: ArrayLike) -> I64:
    """Return why parties [n] go back, as an index of events.REASONS; the split is an assumption."""
    guard = np.asarray(u) < behaviour.guard_share
    return np.where(
        np.asarray(separated), reason("fetching family"),
        np.where(guard, reason("guarding property"), reason("all quiet")),
    ).astype(np.int64)
