"""A town of four zones and 36 people, and logs written by hand on it."""

from __future__ import annotations

import numpy as np
import pytest

from engine.city import (
    FACILITIES,
    Buildings,
    City,
    Edges,
    Facilities,
    Households,
    Nodes,
    Persons,
    Streets,
    Terrain,
    Zones,
)
from engine.events import KIND_CODE, EventLog
from engine.scoring.context import Context, Unit

HOSPITAL, MEETING, SHELTER = 0, 1, 2


def make_city(households: int = 12, size: int = 3) -> City:
    """Zones 0 and 1 lie in the danger zone (nodes 0, 1), 2 and 3 outside (nodes 2, 3).

    Household h lives in building h % 4 (zone and node of the same number); zones 0 and 2 are
    in municipality "East", 1 and 3 in "West". Every second household has a car. Person p has
    age group p % 6 and mobility 0, but for every twelfth, who needs help.
    """
    i32, f32 = np.int32, np.float32
    h = np.arange(households)
    p = np.arange(households * size)
    names = np.array(["z0", "z1", "z2", "z3"], object)
    return City(
        name="town", title="Town", crs="+proj=tmerc +lat_0=0 +lon_0=0", timezone="UTC",
        nodes=Nodes(np.arange(4.0), np.zeros(4), np.zeros(4, f32), np.arange(4)),
        streets=Streets(
            np.array([0, 1, 2], i32), np.array([1, 2, 3], i32), np.full(3, 100, f32),
            np.full(3, 10, f32), np.zeros(3, np.uint8), np.zeros(3, bool), np.ones(3, bool),
            np.ones(3, bool), np.array(["", "", ""], object), np.arange(3),
            np.array([0, 2, 4, 6], i32), np.zeros(6, f32), np.zeros(6, f32),
        ),
        edges=Edges(
            np.array([0, 1, 2], i32), np.ones(3, bool), np.array([0, 1, 2], i32),
            np.array([1, 2, 3], i32), np.full(3, 100, f32), np.ones(3, np.uint8),
            np.full(3, 10, f32), np.full(3, 0.5, f32), np.full(3, 0.15, f32),
        ),
        zones=Zones(
            names, np.array(["East", "West", "East", "West"], object),
            np.full(4, 9, i32), np.arange(4.0), np.zeros(4), np.array([None] * 4, object),
        ),
        buildings=Buildings(
            np.zeros(4, f32), np.zeros(4, f32), np.arange(4, dtype=np.int16),
            np.arange(4, dtype=i32), np.zeros(4, i32), np.zeros(4, f32), np.zeros(4, np.uint8),
            np.zeros(4, np.uint8), np.zeros(4, np.uint8), np.ones(4, np.uint8),
            np.full(4, 3, f32), np.full(4, 50, f32), np.arange(4), np.array([None] * 4, object),
        ),
        households=Households((h % 4).astype(i32), (h % 2).astype(np.uint8)),
        persons=Persons(
            np.repeat(h, size).astype(i32), (p % 6).astype(np.uint8),
            np.where(p % 12 == 0, 2, 0).astype(np.uint8), np.full(p.size, -1, i32),
        ),
        facilities=Facilities(
            np.array([FACILITIES.index(k) for k in ("hospital", "meeting_point", "shelter")],
                     np.uint8),
            np.array(["H", "M", "S"], object), np.zeros(3), np.zeros(3),
            np.array([2, 3, 3], i32), np.full(3, -1, i32), np.array([2, 100, 100], i32),
            np.zeros(3, np.int16), np.zeros(3, np.uint8),
        ),
        terrain=Terrain(np.full((2, 2), 40, np.float32), np.full((2, 2), 0.05, np.float32), 0.0,
                        0.0, 500.0, 1.0, ()),
        layers=(),
    )


class Story(EventLog):
    """A log in which households are parties and every row hangs on the first one."""

    def __init__(self, city: City) -> None:
        super().__init__()
        persons = city.persons.household.size
        self.add("run_started", 0, 0, value=persons)
        node = city.buildings.node[city.person_building]
        self.extend("party_formed", 0, np.arange(persons), city.persons.household, node, 0)
        home = city.households.building
        self.extend("party_placed", 0, np.arange(home.size), city.buildings.zone[home],
                    city.buildings.node[home], 0)

    def say(self, seconds: float, kind: str, subject: int, object: int = -1,
            value: float = 0.0) -> Story:
        """Append one row at `seconds`."""
        self.add(kind, int(seconds * 1000), subject, object, value, cause=0)
        return self


@pytest.fixture(scope="session")
def city() -> City:
    return make_city()


@pytest.fixture
def story(city: City) -> Story:
    return Story(city)


@pytest.fixture(scope="session")
def context() -> Context:
    return Context(
        duration_ms=3_600_000, danger_node=np.array([True, True, False, False]),
        beds=np.array([2, 0, 0], np.int32),
        units=(Unit("ambulance", "East", 2), Unit("police", "West", 3)),
    )


@pytest.fixture(scope="session")
def kinds() -> dict[str, int]:
    return KIND_CODE


@pytest.fixture(scope="session")
def town():
    """(make_city, Story), for tests that vary them."""
    return make_city, Story
