"""Small venues of the tests."""

from __future__ import annotations

from typing import Any

from engine.crowd.venue import Venue


def make(**keys: Any) -> Venue:
    """A venue with the keys that every file needs filled in."""
    return Venue.model_validate({
        "name": "test", "title": "Test", "source": "tests", "grid_m": 0.25, "reroute_s": 0, **keys,
    })


def corridor(length: float, width: float, **people: Any) -> Venue:
    """A corridor with people along it and the exit at its right end."""
    return make(
        walls=[[[length, 0], [0, 0], [0, width], [length, width]]],
        exits=[{"name": "end", "line": [[length, 0], [length, width]]}],
        areas=[{"name": "all", "ring": [[0, 0], [length - 1, 0], [length - 1, width], [0, width]]}],
        people=people,
    )


def start_box(length: float, width: float, stairs: Any = (), **people: Any) -> Venue:
    """A corridor in which one person starts within half a metre of the left end."""
    y = width / 2
    return make(
        walls=[[[length, 0], [-1, 0], [-1, width], [length, width]]],
        exits=[{"name": "end", "line": [[length, 0], [length, width]]}],
        areas=[{"name": "start", "ring": [[-0.3, y - 0.3], [0.3, y - 0.3], [0.3, y + 0.3],
                                          [-0.3, y + 0.3]]}],
        stairs=list(stairs), people=people,
    )


def bottleneck(width: float) -> Venue:
    """A room of 8 x 8 m and a passage of 2.8 m, after Seyfried et al. (2009)."""
    a, b = 4 - width / 2, 4 + width / 2
    return make(
        grid_m=0.2,
        walls=[[[8, a], [8, 0], [0, 0], [0, 8], [8, 8], [8, b]],
               [[8, a], [10.8, a]], [[8, b], [10.8, b]]],
        exits=[{"name": "door", "line": [[10.8, a], [10.8, b]]}],
        areas=[{"name": "room", "ring": [[1, 1], [6, 1], [6, 7], [1, 7]]}],
    )


def hall(doors: int) -> Venue:
    """RiMEA 9: a hall of 30 x 20 m with four doors of 1 m, of which `doors` are open."""
    lines = {"south-a": [[7, 0], [8, 0]], "south-b": [[22, 0], [23, 0]],
             "north-a": [[7, 20], [8, 20]], "north-b": [[22, 20], [23, 20]]}
    order = ("south-a", "north-b", "south-b", "north-a")[:doors]
    south = sorted(lines[n][0][0] for n in order if n.startswith("south"))
    north = sorted(lines[n][0][0] for n in order if n.startswith("north"))

    def side(y: float, gaps: list[float]) -> list[list[list[float]]]:
        edges = [0.0, *(v for g in gaps for v in (g, g + 1)), 30.0]
        return [[[a, y], [b, y]] for a, b in zip(edges[::2], edges[1::2], strict=True)]

    return make(
        walls=[*side(0, south), *side(20, north), [[0, 0], [0, 20]], [[30, 0], [30, 20]]],
        exits=[{"name": n, "line": lines[n]} for n in order],
        areas=[{"name": "hall", "ring": [[1, 1], [29, 1], [29, 19], [1, 19]]}],
    )


def two_rooms() -> Venue:
    """RiMEA 12: a room, a passage of 1 m, a second room with an exit of 1 m."""
    return make(
        grid_m=0.2,
        walls=[[[10, 4.5], [10, 0], [0, 0], [0, 10], [10, 10], [10, 5.5]],
               [[10, 4.5], [15, 4.5]], [[10, 5.5], [15, 5.5]],
               [[15, 4.5], [15, 0], [25, 0], [25, 4.5]], [[15, 5.5], [15, 10], [25, 10], [25, 5.5]]],
        exits=[{"name": "out", "line": [[25, 4.5], [25, 5.5]]}],
        areas=[{"name": "first", "ring": [[0.5, 0.5], [6, 0.5], [6, 9.5], [0.5, 9.5]]}],
    )


def facing_rooms(opposed: float) -> Venue:
    """NIST 2.8: two rooms of 10 x 10 m, a corridor of 10 x 2 m; `opposed` weighs the second group."""
    areas = [{"name": "left", "ring": [[-9, 1], [-4, 1], [-4, 9], [-9, 9]], "exits": ["east"]}]
    if opposed:
        areas.append({"name": "right", "ring": [[14, 1], [19, 1], [19, 9], [14, 9]],
                      "exits": ["west"], "weight": opposed})
    return make(
        walls=[[[0, 4], [0, 0], [-10, 0], [-10, 1]], [[-10, 9], [-10, 10], [0, 10], [0, 6]],
               [[0, 4], [10, 4]], [[0, 6], [10, 6]],
               [[10, 4], [10, 0], [20, 0], [20, 1]], [[20, 9], [20, 10], [10, 10], [10, 6]]],
        exits=[{"name": "west", "line": [[-10, 1], [-10, 9]]},
               {"name": "east", "line": [[20, 1], [20, 9]]}],
        areas=areas,
    )


def corner() -> Venue:
    """RiMEA 6: a corridor of 2 m that turns left after 12 m."""
    return make(
        walls=[[[10, 12], [10, 2], [0, 2], [0, 0], [12, 0], [12, 12]]],
        exits=[{"name": "end", "line": [[10, 12], [12, 12]]}],
        areas=[{"name": "start", "ring": [[0, 0], [6, 0], [6, 2], [0, 2]]}],
    )
