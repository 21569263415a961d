"""Who is at the venue: places, walking speeds, reaction times, the exits they may use."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from engine import rng
from engine.crowd.ground import Ground, stand_seats
from engine.crowd.venue import Ages, Area, Venue, wrong
from engine.kernels import crowd

F64 = NDArray[np.float64]
#: Walking speed on the level by group, m/s: RiMEA guideline's table after Weidmann (1993).
AGE_SPEEDS: dict[str, tuple[float, float]] = {
    "under_30": (0.58, 1.61), "from_30_to_50": (1.41, 1.54), "over_50": (0.68, 1.41),
    "limited": (0.46, 0.76),
}
#: Speeds are cut off at this many standard deviations and below `SLOWEST_MPS`.
SPREAD, SLOWEST_MPS = 3.0, 0.3
#: No area is filled more tightly than with this distance between bodies, m (about 7.5 persons/m2).
TIGHTEST_M = 0.39


@dataclass(frozen=True)
class Crowd:
    """Everybody, in the order of areas and stands of the file; arrays [people]."""

    x_m: F64
    y_m: F64
    speed_mps: F64
    reaction_s: F64
    enters_s: F64  # 0 = is there at the start
    side: F64  # -1 or 1: where one steps who meets somebody head-on
    goal: NDArray[np.int64]
    group: NDArray[np.int64]  # row among areas, then stands
    groups: tuple[str, ...]


def share_out(total: int, weights: F64) -> NDArray[np.int64]:
    """Whole numbers that add up to `total`, by largest remainder."""
    exact = total * weights / weights.sum()
    whole: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    order = np.lexsort((np.arange(weights.size), -(exact - whole)))
    whole[order[: total - whole.sum()]] += 1
    return whole


def draw_speeds(venue: Venue, seed: int, key: NDArray[np.int64]) -> F64:
    """Free speeds: uniform within the age group drawn, or normal as Weidmann (1993) gives."""
    people = venue.people
    if people.ages is not None:
        return _by_age(people.ages, seed, key)
    z = np.clip(rng.normal(seed, "crowd.speed", key), -SPREAD, SPREAD)
    speeds: F64 = np.maximum(people.speed_mps + people.speed_sd_mps * z, SLOWEST_MPS)
    return speeds


def _by_age(ages: Ages, seed: int, key: NDArray[np.int64]) -> F64:
    edges = np.cumsum([getattr(ages, name) for name in AGE_SPEEDS])
    row = np.minimum(np.searchsorted(edges, rng.uniform(seed, "crowd.age", key), side="right"),
                     len(edges) - 1)
    low, high = np.array(list(AGE_SPEEDS.values())).T
    speeds: F64 = low[row] + (high[row] - low[row]) * rng.uniform(seed, "crowd.speed", key)
    return speeds


def draw_crowd(venue: Venue, ground: Ground, reachable: NDArray[np.bool_], total: int,
               seed: int) -> Crowd:
    """Place `total` people. `reachable` [goals, rows, columns]: cells with a way to an exit."""
    parts = venue.parts
    weights = np.array([a.weight for a in venue.areas] + [float(s.seats) for s in venue.stands])
    counts = share_out(total, weights)
    names = [e.name for e in venue.exits]
    places, goals, groups, enters = [], [], [], []
    first = 0
    for k, (part, count) in enumerate(zip(parts, counts, strict=True)):
        goal = ground.goals.index(tuple(sorted(names.index(n) for n in part.exits or names)))
        key = np.arange(first, first + count)
        kind = "areas" if k < len(venue.areas) else "stands"
        row = k if kind == "areas" else k - len(venue.areas)
        if isinstance(part, Area):
            late = part.enters_s is not None
            spots = _spots(venue, ground, reachable[goal], row, int(count), late, seed, key)
            window = part.enters_s or [0.0, 0.0]
        else:
            if count > part.seats:
                raise wrong(venue, ("stands", row), f"has {part.seats:,} seats for {count:,} people")
            seats = stand_seats(part)
            pick = np.argsort(rng.uniform(seed, "crowd.seat", np.arange(part.seats), k),
                              kind="stable")[:count]
            spots = seats[np.sort(pick)]
            window = [0.0, 0.0]
        i, j = ground.cell_of(spots[:, 0], spots[:, 1])
        lost = ~reachable[goal][i, j]
        if lost.any():
            x, y = spots[np.flatnonzero(lost)[0]]
            raise wrong(venue, (kind, row), f"no way to an exit from ({x:.1f}, {y:.1f}): mend the "
                        "walls, or take a finer grid_m if a passage is narrow")
        places.append(spots)
        goals.append(np.full(count, goal))
        groups.append(np.full(count, k))
        enters.append(window[0] + (window[1] - window[0]) * rng.uniform(seed, "crowd.enter", key))
        first += int(count)
    key = np.arange(first)
    spot = np.vstack(places)
    low, high = venue.people.reaction_s
    return Crowd(
        np.ascontiguousarray(spot[:, 0]), np.ascontiguousarray(spot[:, 1]),
        draw_speeds(venue, seed, key),
        low + (high - low) * rng.uniform(seed, "crowd.reaction", key),
        np.concatenate(enters),
        np.where(rng.uniform(seed, "crowd.side", key) < 0.5, -1.0, 1.0),
        np.concatenate(goals).astype(np.int64), np.concatenate(groups).astype(np.int64),
        tuple(part.name for part in parts),
    )


def _spots(
    venue: Venue, ground: Ground, reachable: NDArray[np.bool_], row: int, count: int, late: bool,
    seed: int, key: NDArray[np.int64],
) -> F64:
    """Places inside an area: a jittered triangular lattice, no two bodies touching.

    Those who come in later (`late`) may be given the same place; they wait until it is free.
    """
    area = venue.areas[row]
    polygon = shapely.Polygon(area.ring)
    if not polygon.is_valid or polygon.area <= 0:
        raise wrong(venue, ("areas", row, "ring"), "its sides cross, or it has no area")
    if count == 0:
        return np.empty((0, 2))
    spacing = max(math.sqrt(2 / math.sqrt(3) * polygon.area / count), TIGHTEST_M)
    if late:
        spacing = 0.6
    while True:
        lattice = _lattice(polygon, spacing)
        i, j = ground.cell_of(lattice[:, 0], lattice[:, 1])
        room = (spacing - crowd.CONTACT_M) / 2 * 0.9
        fits = reachable[i, j] & (ground.clear_m[i, j] >= crowd.WALL_M)
        lattice = lattice[fits]
        if lattice.shape[0] >= count or (late and lattice.shape[0] > 0):
            break
        if spacing <= TIGHTEST_M:
            most = lattice.shape[0]
            raise wrong(venue, ("areas", row), f"holds at most {most:,} people with a way to an "
                        f"exit, and is given {count:,}")
        spacing = max(spacing * 0.97, TIGHTEST_M)
    order = np.argsort(rng.uniform(seed, "crowd.seat", np.arange(lattice.shape[0]), row),
                       kind="stable")
    chosen = lattice[order[np.arange(count) % lattice.shape[0]]]
    angle = 2 * math.pi * rng.uniform(seed, "crowd.place", key, 0)
    far = room * np.sqrt(rng.uniform(seed, "crowd.place", key, 1))
    moved = chosen + np.column_stack([np.cos(angle), np.sin(angle)]) * far[:, None]
    i, j = ground.cell_of(moved[:, 0], moved[:, 1])
    same = reachable[i, j] & (ground.clear_m[i, j] >= crowd.WALL_M + 0.05)
    spots: F64 = np.where(same[:, None], moved, chosen)
    return spots


def _lattice(polygon: shapely.Polygon, spacing: float) -> F64:
    west, south, east, north = polygon.bounds
    deep = spacing * math.sqrt(3) / 2
    y = np.arange(south + deep / 2, north, deep)
    x = np.arange(west + spacing / 4, east, spacing)
    gx, gy = np.meshgrid(x, y)
    gx[1::2] += spacing / 2
    inside = shapely.contains_xy(polygon, gx, gy)
    return np.column_stack([gx[inside], gy[inside]])
