"""What must hold of a traffic model at any moment, told from its rings, queues and counters.

`faults` rebuilds who is where from the lists that the kernel moves vehicles through, and sets it
beside what each vehicle's own record says. `Watchman` follows a run from one stop to the next:
nobody enters a closed link, no link takes in more than its capacity, full links take in nobody.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.kernels import traffic_layout as lay
from engine.mobility.traffic import Traffic

STOPPED = (lay.S_STRANDED_ON_LINK, lay.S_ABANDONED)


def on_links(traffic: Traffic) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return (link, place in its ring, vehicle) of every entry between its two ends, ghosts too."""
    link, ring = traffic.state.link, traffic.state.ring["who"]
    first, count = link["nout"], link["nin"] - link["nout"]
    edge = np.repeat(np.arange(traffic.n_edges), count)
    number = np.arange(edge.size) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    who = ring[link["ring"][edge] + (number & link["mask"][edge])]
    return edge, number, np.where(who == lay.GHOST, lay.GHOST, who & 0xFFFFFFFF)


def waiting(traffic: Traffic) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return (node, vehicle, lane) of every entry of the origin queues, in their order; lane 1 first."""
    s = traffic.state
    node = np.tile(np.arange(traffic.n_nodes), 2)
    lane = np.repeat([0, 1], traffic.n_nodes)
    vehicle = np.concatenate([s.node["head"], s.node["phead"]])
    found = [(node[:0], vehicle[:0], lane[:0])]
    while (vehicle >= 0).any() and len(found) <= s.vehicle.shape[0] + 1:
        node, lane, vehicle = (x[vehicle >= 0] for x in (node, lane, vehicle))
        found.append((node, vehicle, lane))
        vehicle = s.vehicle["after"][vehicle].astype(np.int64)
    node, vehicle, lane = (np.concatenate(x) for x in zip(*found, strict=True))
    order = np.lexsort((np.arange(node.size), lane, node))
    return node[order], vehicle[order], lane[order]


def faults(traffic: Traffic) -> list[str]:
    """Return what does not add up, empty where all does."""
    s, out = traffic.state, []
    classes = traffic._net.classes
    state, place = s.vehicle["state"], s.vehicle["place"]
    units = classes["units"][s.vehicle["vclass"]]

    def check(holds: object, text: str) -> None:
        if not np.all(holds):
            out.append(text)

    edge, number, vehicle = on_links(traffic)
    live = vehicle >= 0
    edge, number, vehicle = edge[live], number[live], vehicle[live]
    queue_node, queued, lane = waiting(traffic)
    seen = np.bincount(np.concatenate([vehicle, queued]), minlength=state.size)
    check(seen <= 1, "a vehicle is in two places")
    check((seen == 1) == np.isin(state, (lay.S_ON_LINK, lay.S_WAITING)), "a vehicle is lost")
    check(state[vehicle] == lay.S_ON_LINK, "a vehicle on a link says it is elsewhere")
    check(place[vehicle] == edge, "a vehicle says it is on another link")
    check(s.vehicle["seq"][vehicle] == number, "a vehicle has another's place in the queue")
    check(state[queued] == lay.S_WAITING, "a waiting vehicle says it is elsewhere")
    check(place[queued] == -1 - queue_node, "a waiting vehicle says it is at another node")
    passes = classes["priority"][s.vehicle["vclass"][queued]] != 0
    check(passes == (lane != 0), "a vehicle waits in the wrong lane")
    same = (np.diff(queue_node) == 0) & (np.diff(lane) == 0)
    check(np.diff(s.vehicle["due"][queued])[same] >= 0, "an origin queue is out of order")

    def per_link(which: NDArray[np.int64], at: NDArray[np.int64], weight: bool) -> NDArray[np.int64]:
        w = units[which] if weight else None
        return np.bincount(at, w, traffic.n_edges).astype(np.int64)

    link, tally = s.link, s.tally
    stands = np.flatnonzero(np.isin(state, STOPPED) & (place >= 0))
    flowing = link["cum_in"] - link["cum_out"]
    check(per_link(vehicle, edge, True) == flowing, "lengths on a link do not add up")
    check(per_link(stands, place[stands], False) == tally["obstacles"], "obstacles miscounted")
    check(per_link(stands, place[stands], True) == tally["obstacle_units"],
          "lengths of obstacles do not add up")
    first = vehicle[classes["priority"][s.vehicle["vclass"][vehicle]] != 0]
    check(per_link(first, place[first], False) == link["priority"], "priority miscounted")
    check(s.clock[lay.K_ON_LINK] == vehicle.size, "vehicles on links miscounted")
    check(s.clock[lay.K_WAITING] == queued.size, "waiting vehicles miscounted")
    check(s.vehicle["t_in"][vehicle] <= s.clock[lay.K_NOW], "a vehicle entered in the future")
    check(~(s.edge_speed_mps[edge] <= 0), "somebody drives on an impassable link")
    check(link["nin"] - link["nout"] <= link["mask"] + 1, "a ring overflowed")
    check((s.node["bucket"] >= 0).sum() == s.clock[lay.K_QUEUED], "the calendar is wrong")
    return out


class Watchman:
    """Checks a run at every stop; call `look` after each advance, `changed` after each change."""

    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic
        self.shut_since_us = np.full(traffic.n_edges, -1, dtype=np.int64)
        self.changed()

    def changed(self) -> None:
        """Take note of the links' state from now on."""
        t, now = self.traffic, int(self.traffic.state.clock[lay.K_NOW])
        shut = t.state.edge_closed
        self.shut_since_us[shut & (self.shut_since_us < 0)] = now
        self.shut_since_us[~shut] = -1
        self._entered, self._since_us = t.edge_entered().copy(), now
        self._in_ok = t.state.link["in_ok"].copy()

    def look(self) -> list[str]:
        """Return what is wrong since the last stop or change, and start a new span."""
        t, s, out = self.traffic, self.traffic.state, faults(self.traffic)
        link, now = s.link, int(s.clock[lay.K_NOW])
        new = t.edge_entered() - self._entered
        if new[s.edge_closed].any():
            out.append("somebody entered a closed link")
        edge, _, vehicle = on_links(t)
        edge, vehicle = edge[vehicle >= 0], vehicle[vehicle >= 0]
        shut = self.shut_since_us[edge]
        if ((shut >= 0) & (s.vehicle["t_in"][vehicle] > shut)).any():
            out.append("somebody on a closed link came after it was closed")
        # The first may enter where a headway ends, the last where the span does.
        room_us = now - np.maximum(self._in_ok, self._since_us)
        most = np.where(room_us > 0, room_us // np.maximum(link["headway"], 1) + 1, 0)
        if (new > most).any():
            out.append("more than its capacity entered a link")
        held = link["cum_in"] - link["cum_out"]
        alone = np.bincount(edge, minlength=t.n_edges) == 1
        over = (held > link["store"]) & ~alone
        if (over & (new > 0)).any():
            out.append("a link holds more than it has room for")
        self._entered, self._since_us = t.edge_entered().copy(), now
        self._in_ok = link["in_ok"].copy()
        return out
