"""Who is at the venue when a run begins: places, free speeds, times of setting out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from engine import rng
from engine.crowd.ground import Ground, polygon
from engine.crowd.model import LENGTH_M
from engine.crowd.venue import Group, Venue
from engine.errors import InputError

F64 = NDArray[np.float64]
#: Groups and persons share one key; no group is larger.
PER_GROUP = 1_000_000


@dataclass(frozen=True)
class People:
    """Everybody, group by group [people]."""

    x_m: F64
    y_m: F64
    speed_mps: F64
    start_s: F64
    group: NDArray[np.int32]
    layer: NDArray[np.int16]


def place_people(venue: Venue, ground: Ground, seed: int) -> People:
    """Draw everybody's place, speed and time; InputError where a group has no room or no way out."""
    walls = shapely.MultiLineString([[(a, b), (c, d)] for a, b, c, d in zip(*ground.walls[:4],
                                                                         strict=True)])
    room = ground.area.buffer(-LENGTH_M / 2).difference(walls.buffer(LENGTH_M / 2))
    whole = polygon(venue.area, "area")
    parts = []
    for k, group in enumerate(venue.groups):
        where = f"groups.{k} '{group.name}'"
        key = PER_GROUP * k + np.arange(group.count)
        ring = polygon(group.ring, where)
        if not whole.buffer(0.01).covers(ring):
            outside = ring.difference(whole).area
            raise InputError(f"{where}: {outside:,.1f} m² of its ring lie outside the area")
        place = _places(ring.intersection(room), group.count, seed, k, where)
        layer = ground.layer_of[tuple(group.exits or [e.name for e in venue.exits])]
        cut = np.clip(rng.normal(seed, "crowd.speed", key), -2.0, 2.0)
        first, last = group.premovement_s
        start = first + (last - first) * rng.uniform(seed, "crowd.premovement", key)
        parts.append((place, group.speed_mps + group.speed_sd_mps * cut, start,
                      np.full(group.count, k), np.full(group.count, layer)))
        _reachable(ground, group, place, layer, where)
    xy, speed, start, number, layers = (np.concatenate(column) for column in zip(*parts, strict=True))
    _apart(xy, number, venue)
    return People(xy[:, 0].copy(), xy[:, 1].copy(), speed, start, number.astype(np.int32),
                  layers.astype(np.int16))


def _places(shape: shapely.Geometry, count: int, seed: int, k: int, where: str) -> F64:
    """Places for `count` bodies: of a hexagonal lattice as wide as fits, drawn and shifted."""
    most = math.sqrt(2.0 / math.sqrt(3.0) * max(shape.area, 1e-9) / count)
    side, points = most, np.empty((0, 2))
    if not shape.is_empty:
        shapely.prepare(shape)
        side *= 1.05
        while side >= LENGTH_M and len(points) < count:
            points = _lattice(shape, side)
            side *= 1.0 if len(points) >= count else 0.985
    if len(points) < count:
        best = len(_lattice(shape, LENGTH_M)) if not shape.is_empty else 0
        raise InputError(f"{where}: no room for {count:,} people in its ring (at most {best:,})")
    key = PER_GROUP * k + np.arange(len(points))
    chosen = np.sort(np.argsort(rng.uniform(seed, "crowd.place", key), kind="stable")[:count])
    key, points = key[chosen], points[chosen]
    angle = 2 * np.pi * rng.uniform(seed, "crowd.place", key, 1)
    shift = 0.5 * (side - LENGTH_M) * np.sqrt(rng.uniform(seed, "crowd.place", key, 2))
    moved = points + np.c_[shift * np.cos(angle), shift * np.sin(angle)]
    ok = shapely.contains_xy(shape, moved[:, 0], moved[:, 1])
    return np.asarray(np.where(ok[:, None], moved, points))


def _lattice(shape: shapely.Geometry, side: float) -> F64:
    x0, y0, x1, y1 = shape.bounds
    rows = np.arange(y0, y1 + 1e-9, side * math.sqrt(0.75))
    x = np.arange(x0, x1 + side, side)
    gx = x[None, :] + np.where(np.arange(rows.size) % 2, side / 2, 0.0)[:, None]
    gy = np.broadcast_to(rows[:, None], gx.shape)
    inside = shapely.intersects_xy(shape, gx, gy)
    return np.column_stack([gx[inside], gy[inside]])


def _reachable(ground: Ground, group: Group, place: F64, layer: int, where: str) -> None:
    j, i = ground.node(place[:, 0], place[:, 1])
    ny, nx = ground.inside.shape
    way = np.zeros(len(place), np.bool_)
    for dj in (-1, 0, 1):
        for di in (-1, 0, 1):
            jj, ii = np.clip(j + dj, 0, ny - 1), np.clip(i + di, 0, nx - 1)
            way |= np.isfinite(ground.time_s[layer, jj, ii])
    if not way.all():
        x, y = place[np.flatnonzero(~way)[0]]
        names = ", ".join(group.exits) if group.exits else "any exit"
        raise InputError(f"{where}: no way from ({x:.1f}, {y:.1f}) to {names}")


def _apart(xy: F64, group: NDArray[np.int64], venue: Venue) -> None:
    """Refuse groups that stand in each other's places."""
    if len(venue.groups) == 1:
        return
    pairs = cKDTree(xy).query_pairs(0.95 * LENGTH_M, output_type="ndarray")
    mixed = pairs[group[pairs[:, 0]] != group[pairs[:, 1]]]
    if len(mixed):
        a, b = (venue.groups[group[n]].name for n in mixed[0])
        raise InputError(f"groups: '{a}' and '{b}' begin in the same place; give them separate rings")
