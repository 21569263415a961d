"""Junctions nearest to a place: of the streets that can be driven, and of those that can be walked."""

from __future__ import annotations

import numpy as np

from engine.city import I32, City
from engine.errors import InputError


def nearest_node(city: City, lon: float, lat: float, where: str, drive: bool = True) -> int:
    """Nearest junction to a position; InputError when it lies outside the city."""
    x, y = city.xy(lon, lat)
    distance = np.hypot(city.nodes.x_m - x, city.nodes.y_m - y)
    if drive:
        usable = np.zeros(city.nodes.x_m.size, np.bool_)
        usable[city.edges.to_node] = True
        distance = np.where(usable, distance, np.inf)
    node = int(np.argmin(distance))
    if distance[node] > 2000.0:
        raise InputError(
            f"{where}: lon {lon}, lat {lat} is {distance[node] / 1000:.1f} km from the nearest "
            f"road of city '{city.name}' (allowed: within 2 km)"
        )
    return node


def walkable(city: City) -> I32:
    """Nearest junction of the largest connected part of the walk network, for each junction.

    A motorway's junctions may touch no walkable street; people there climb over the fence.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    walk, n = city.walk, city.nodes.x_m.size
    tail, head = walk.tail[walk.arc], walk.head[walk.arc]
    graph = coo_matrix((np.ones(tail.size, np.int8), (tail, head)), shape=(n, n))
    _, part = connected_components(graph, directed=False)
    main = np.flatnonzero(part == np.argmax(np.bincount(part)))
    tree = cKDTree(np.column_stack([city.nodes.x_m[main], city.nodes.y_m[main]]))
    found = main[tree.query(np.column_stack([city.nodes.x_m, city.nodes.y_m]))[1]]
    found[main] = main  # two junctions may lie at one place
    return np.asarray(found, np.int32)


def drivable(city: City, nodes: I32) -> I32:
    """Nearest junction that cars can both reach and leave, for each junction."""
    from scipy.spatial import cKDTree

    usable = np.zeros(city.nodes.x_m.size, np.bool_)
    usable[city.edges.to_node] = True
    leaves = np.zeros_like(usable)
    leaves[city.edges.from_node] = True
    rows = np.flatnonzero(usable & leaves)
    tree = cKDTree(np.column_stack([city.nodes.x_m[rows], city.nodes.y_m[rows]]))
    found = tree.query(np.column_stack([city.nodes.x_m[nodes], city.nodes.y_m[nodes]]))[1]
    return np.asarray(rows[np.atleast_1d(found)], np.int32)
