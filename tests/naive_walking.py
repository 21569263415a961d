"""Slow, obvious twin of `engine.kernels.walking.advance_walkers`: one party at a time."""

from __future__ import annotations

import math


def crowd_factor(density):
    if density <= 0:
        return 1.0
    return max(0.05, 1.0 - math.exp(-1.913 * max(1.0 / density - 1.0 / 5.4, 0.0)))


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
    for party in parties:
        party["state"] = "moves"
        if party.get("arrived") is not None:
            continue
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
                party["node"] = street["ends"][0 if backward else 1]
                party["arc"], party["offset"] = None, 0.0
                party["state"] = "moves"
