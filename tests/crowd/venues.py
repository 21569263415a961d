"""Venues of the tests."""

from __future__ import annotations

from typing import Any

import numba
import pytest

from engine.crowd.simulate import simulate_crowd
from engine.crowd.venue import Venue

Ring = list[list[float]]


def box(x0: float, y0: float, x1: float, y1: float) -> Ring:
    return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]


def make(area: Ring, exits: dict[str, list[list[float]]], groups: list[dict[str, Any]],
         **more: Any) -> Venue:
    return Venue.model_validate({
        "name": "test", "area": area,
        "exits": [{"name": name, "line": line} for name, line in exits.items()],
        "groups": [{"name": f"group {k}", **g} for k, g in enumerate(groups)], **more,
    })


def corridor(length: float, width: float, start: Ring, count: int, **group: Any) -> Venue:
    """A corridor along x, its end all exit."""
    return make(box(0, 0, length, width), {"end": [[length, 0], [length, width]]},
                [{"count": count, "ring": start, **group}])


def bottleneck(width: float, count: int, room: float = 12.0, **more: Any) -> Venue:
    """A room, then a passage of 2 m with the exit at its end."""
    lo, hi = (room - width) / 2, (room + width) / 2
    area = [[0, 0], [room, 0], [room, lo], [room + 2, lo], [room + 2, hi], [room, hi],
            [room, room], [0, room]]
    return make(area, {"out": [[room + 2, lo], [room + 2, hi]]},
                [{"count": count, "ring": box(0, 0, room, room)}], **more)


def hall(doors: int) -> Venue:
    """RiMEA 9: 1000 persons in a hall of 30 x 20 m with doors of 1 m, two in each long wall."""
    places = {"a": (7.5, 0), "b": (22.5, 0), "c": (7.5, 20), "d": (22.5, 20)}
    exits = {name: [[x - 0.5, y], [x + 0.5, y]] for name, (x, y) in list(places.items())[:doors]}
    return make(box(0, 0, 30, 20), exits, [{"count": 1000, "ring": box(0.5, 0.5, 29.5, 19.5)}])


def corner() -> Venue:
    """RiMEA 6: 20 persons round a left turn of a corridor of 2 m."""
    area = [[0, 0], [12, 0], [12, 12], [10, 12], [10, 2], [0, 2]]
    return make(area, {"end": [[10, 12], [12, 12]]}, [{"count": 20, "ring": box(0, 0, 6, 2)}])


def two_rooms() -> Venue:
    """RiMEA 12: rooms of 10 x 10 m, a passage of 5 x 1 m between them, an exit of 1 m behind."""
    area = [[0, 0], [10, 0], [10, 4.5], [15, 4.5], [15, 0], [25, 0], [25, 10], [15, 10],
            [15, 5.5], [10, 5.5], [10, 10], [0, 10]]
    return make(area, {"end": [[25, 4.5], [25, 5.5]]},
                [{"count": 150, "ring": box(0, 0, 5, 10)}])


def facing_rooms(back: int) -> Venue:
    """NIST 2.8, IMO MSC.1/Circ.1533 test 8: 100 persons walk from room to room through 10 x 2 m, `back`
    the other way; both rooms are filled from the far side, 4 persons per m2."""
    area = [[0, 0], [10, 0], [10, 4], [20, 4], [20, 0], [30, 0], [30, 10], [20, 10], [20, 6],
            [10, 6], [10, 10], [0, 10]]
    groups = [{"count": 100, "ring": box(0.3, 0.3, 2.8, 9.7), "exits": ["east"]}]
    if back:
        groups.append({"count": back, "ring": box(27.2, 0.3, 29.7, 9.7), "exits": ["west"]})
    return make(area, {"east": [[30, 1], [30, 9]], "west": [[0, 1], [0, 9]]}, groups)


def meeting_streams(density: float, both: bool = True) -> Venue:
    """A corridor of 100 x 3 m; two streams of 45 m that meet in the middle, `density` together there;
    or one stream of that density."""
    count = round(density * 45 * 3)
    groups = [{"count": count // 2 if both else count, "ring": box(1, 0, 46, 3), "exits": ["east"]}]
    if both:
        groups.append({"count": count // 2, "ring": box(54, 0, 99, 3), "exits": ["west"]})
    return make(box(0, 0, 100, 3), {"east": [[100, 0], [100, 3]], "west": [[0, 0], [0, 3]]}, groups)


def digests_by_threads(venue: Venue, seed: int) -> set[str]:
    """The digests of a run on one thread and on two."""
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("one thread only")
    before, found = numba.get_num_threads(), set()
    try:
        for threads in (1, 2):
            numba.set_num_threads(threads)
            found.add(str(simulate_crowd(venue, seed).summary["digest"]))
    finally:
        numba.set_num_threads(before)
    return found
