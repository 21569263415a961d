"""Slow, obvious twin of `engine.kernels.walking.advance_walkers`: one party at a time."""

from __future__ import annotations

import math


def crowd_factor(density):
    if density <= 0:
        return 1.0
    return max(0.05, 1.0 - math.exp(-1.913 * max(1.0 / density - 1.0 / 5.4, 0.0)))


def flow(density):
    """Persons a second and metre that a street at this density can take in."""
    if density <= 1.7507:
        return 1.2249
    return min(density, 5.4) * 1.34 * crowd_factor(density)


def in_order(parties, streets, t0_ms):
    """Who waits goes first; the order turns with every sub-step."""
    walking = [p for p in parties if p.get("arrived") is None]
    shift = t0_ms // 10_000 * 7919 % len(walking) if walking else 0
    turned = walking[shift:] + walking[:shift]

    def waits(party):
        if party["arc"] is None:
            return party["start"] < t0_ms
        return party["offset"] >= streets[party["arc"][0]]["length"]

    first = [p for p in turned if waits(p)]
    return first + [p for p in turned if not any(p is q for q in first)]


def walk(parties, streets, t0_ms, t1_ms, caught=0.3):
    """Advance dictionaries in place over one sub-step of at most 10 s.

    A party has arc (None at a junction), offset, node, speed, size, route (junction -> arc, and the
    set goals). A street has length, width, factor and the two ends; arc (street, backward).
    """
    people = {}
    for party in parties:
        if party["arc"] is not None:
            street = party["arc"][0]
            people[street] = people.get(street, 0) + party["size"]
    room = []
    for number, street in enumerate(streets):
        across = max(street["width"], 0.5)
        density = people.get(number, 0) / (max(street["length"], 10.0) * across)
        most = flow(density) * across * street["factor"] * (t1_ms - t0_ms) / 1000.0
        room.append(most - street.get("debt", 0.0))
    for party in parties:
        party["state"] = "moves"
    for party in in_order(parties, streets, t0_ms):
        behind = None
        now = max(t0_ms, party["start"]) / 1000.0
        end = t1_ms / 1000.0
        while now < end or party["arc"] is None:
            if party["start"] >= t1_ms:
                break
            if party["arc"] is None:
                if party["node"] in party["goals"]:
                    party["arrived"] = round(now * 1000.0)
                    break
                ahead = party["route"].get(party["node"])
                if ahead is None:
                    party["state"] = "no way"
                    break
                if streets[ahead[0]]["factor"] <= 0:
                    party["state"] = "closed"
                    break
                if room[ahead[0]] <= 0:
                    if behind is not None:
                        party["arc"], party["node"] = behind
                        party["offset"] = streets[behind[0][0]]["length"]
                    break
                room[ahead[0]] -= party["size"]
                party["arc"], party["offset"] = ahead, 0.0
                continue
            number, backward = party["arc"]
            street = streets[number]
            factor = street["factor"]
            if factor <= 0:
                party["state"] = "caught"
                if party["offset"] < street["length"] / 2:
                    party["arc"] = (number, not backward)
                    party["offset"] = street["length"] - party["offset"]
                    backward = not backward
                factor = caught
            area = max(street["length"], 10.0) * max(street["width"], 0.5)
            slope = street["slope"][1 if backward else 0]
            speed = party["speed"] * slope * factor * crowd_factor(people.get(number, 0) / area)
            if speed <= 0:
                break
            reach = now + (street["length"] - party["offset"]) / speed
            if reach > end:
                party["offset"] += speed * (end - now)
                now = end
            else:
                now = reach
                behind = (party["arc"], party["node"])
                party["node"] = street["ends"][0 if backward else 1]
                party["arc"], party["offset"] = None, 0.0
                party["state"] = "moves"
    for number, street in enumerate(streets):
        street["debt"] = max(-room[number], 0.0)
