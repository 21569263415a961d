"""Where response vehicles can stand: junctions of the road network's main part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from engine.city import F64, I32, B, City
from engine.kernels.paths import UNREACHED, reverse_tree

if TYPE_CHECKING:
    from engine.site import Site

#: Able adults in a hurry: fast walk, Wood et al. 2015.
FAST_WALK_MPS = 1.52
CROSSING_MS = 120_000  #: units stop driving through the zone so long before it shuts (assumption)


def main_network(city: City) -> B:
    """Junctions of the largest strongly connected part of the drive network [nodes]: those that
    vehicles can both reach and leave."""
    edges, n = city.edges, city.nodes.x_m.size
    graph = coo_matrix((np.ones(edges.from_node.size), (edges.from_node, edges.to_node)), (n, n))
    label = connected_components(graph, directed=True, connection="strong")[1]
    return np.asarray(label == np.argmax(np.bincount(label)), np.bool_)


def drive_node(city: City, usable: B | None = None) -> I32:
    """Nearest usable junction in a straight line, for each junction [nodes]; without `usable`
    those of `main_network`."""
    rows = np.flatnonzero(main_network(city) if usable is None else usable)
    if rows.size == 0:
        return np.arange(city.nodes.x_m.size, dtype=np.int32)
    points = np.column_stack([city.nodes.x_m, city.nodes.y_m])
    found = cKDTree(points[rows]).query(points)[1]
    return np.asarray(rows[found], np.int32)


def walk_out_m(city: City, inside: B) -> F64:
    """Way on foot from each junction to the nearest one outside the mask `inside` [nodes], m; infinite
    where none leads out."""
    walk = city.walk
    cost = np.maximum(np.rint(walk.length_m[walk.arc]), 1).astype(np.int64)
    away = reverse_tree(
        inside.size, walk.tail[walk.arc], walk.head[walk.arc], cost, np.flatnonzero(~inside))[0]
    return np.asarray(np.where(away < UNREACHED, away, np.inf), np.float64)


def refuge_nodes(city: City, site: Site) -> I32:
    """Where each unit waits while the order stands [units]: its staging place, or the nearest
    junction outside the danger zone and the exclusion line where that lies inside."""
    staging = site.units.staging_node
    inside = site.danger_node | site.exclusion_node
    outside = drive_node(city, main_network(city) & ~inside)
    return np.asarray(np.where(inside[staging], outside[staging], staging), np.int32)


def responders_closed(site: Site, seen_closed: B, exclusion_ms: int, t_ms: int) -> B:
    """Edges that units do not enter at `t_ms` [edges]: known closures and, from a little before it
    shuts, every way into the exclusion zone."""
    if exclusion_ms - CROSSING_MS <= t_ms:
        return np.asarray(seen_closed | site.exclusion_edge)
    return np.array(seen_closed)
