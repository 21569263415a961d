"""Who of a household cannot see to leaving alone, and who could fetch them.

Fetched are parties in the danger zone or an ordered area in which nobody is an able adult (aged 15 to 74,
not slow): children under 15 alone, at school or at home, and people who need help, with whom only
children, the old or the slow are. Children come first, then who needs help; of each sort those at one
junction together. Elsewhere people are safe where they are and wait (assumption). In-patients are the
hospital's to move. Any party of the same household with an able adult can fetch them; who does is
decided in `people/pickups.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.city import F64, I64, B, City
from engine.parties import Parties
from engine.site import Site

CHILD_AGE_GROUP = 1  #: children are of this age group (5-14) or below


@dataclass(frozen=True)
class Families:
    """Masks are over parties; those that one could fetch are listed by `of`.

    `child`: only children, in danger; `helpless`: somebody who needs help and no able adult, in danger;
    `fetches`: has an able adult, and somebody of the household is one or the other; `answers`: could agree
    on the telephone to leave by itself.
    """

    child: B
    helpless: B
    fetches: B
    answers: B
    household: I64
    ptr: I64  # by household
    member: I64

    def of(self, party: int) -> I64:
        """Parties of the same household that are to be fetched, in their order."""
        h = int(self.household[party])
        return self.member[self.ptr[h] : self.ptr[h + 1]]


def families(city: City, parties: Parties, site: Site) -> Families:
    """Who is to be fetched and who could do it, where the event finds them."""
    persons = city.persons
    able = np.isin(persons.age_group, (2, 3, 4)) & (persons.mobility == 0)
    adults = np.bincount(parties.of_person[able], minlength=parties.count)
    at_large = parties.ward < 0
    alone = (adults == 0) & at_large
    alone &= site.danger_node[parties.node] | (site.order_zone[parties.node] >= 0)
    child = alone & (parties.age_group <= CHILD_AGE_GROUP)
    helpless = alone & ~child & (parties.slow == 2)
    household = persons.household[parties.first].astype(np.int64)
    count = int(persons.household.max(initial=-1)) + 1
    wanted = np.flatnonzero(child | helpless)
    wanted = wanted[np.lexsort(
        (wanted, parties.node[wanted], helpless[wanted], household[wanted]))]
    size = np.bincount(household[wanted], minlength=count)
    return Families(
        child=child, helpless=helpless,
        fetches=(adults > 0) & at_large & (size[household] > 0),
        answers=(parties.slow < 2) & (parties.age_group > 0),
        household=household, ptr=np.r_[0, np.cumsum(size)].astype(np.int64), member=wanted,
    )


def crow_flies_m(city: City, a: I64, b: I64) -> F64:
    """Straight distance between junctions `a` and `b` [n], m."""
    nodes = city.nodes
    return np.asarray(np.hypot(nodes.x_m[a] - nodes.x_m[b], nodes.y_m[a] - nodes.y_m[b]), np.float64)
