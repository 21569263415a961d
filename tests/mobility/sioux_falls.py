"""Sioux Falls as UXsim's verification plays it: 24 nodes, 76 links, 34,690 trips in platoons of five.

Network and daily trips (in hundreds): LeBlanc, Morlok and Pierskalla 1975, "An efficient approach to
solving the road network equilibrium traffic assignment problem", Transportation Research 9(5).
Link lengths, speeds and merge priorities, the demand of 4,800 s and how it is cut into platoons:
UXsim (T. Seo, MIT licence), tests/test_verification_sioux_falls.py, tests/dat/siouxfalls_links.csv,
demos_and_examples/dat/siouxfalls_demand.csv, `World.adddemand`.
"""

import numpy as np
import pandas as pd

# Both ways of a street are alike: ends, length in km, free speed in m/s (merge priority = speed / 3).
STREETS = """
1-2 6 18, 1-3 4 15, 2-6 5 3, 3-4 4 12, 3-12 4 15, 4-5 2 12, 4-11 6 3, 5-6 4 3, 5-9 5 9, 6-8 2 3,
7-8 3 6, 7-18 2 15, 8-9 10 6, 8-16 5 6, 9-10 3 9, 10-11 5 9, 10-15 6 9, 10-16 4 3, 10-17 8 3,
11-12 6 3, 11-14 4 3, 12-13 3 18, 13-24 4 6, 14-15 5 6, 14-23 4 3, 15-19 3 9, 15-22 3 6, 16-17 2 6,
16-18 3 12, 17-19 2 3, 18-20 4 15, 19-20 4 6, 20-21 6 6, 20-22 5 6, 21-22 2 6, 21-24 3 3, 22-23 4 6,
23-24 2 6
"""
DAILY_HUNDREDS = """
0 1 1 5 2 3 5 8 5 13 5 2 5 3 5 5 4 1 3 3 1 4 3 1
1 0 1 2 1 4 2 4 2 6 2 1 3 1 1 4 2 0 1 1 0 1 0 0
1 1 0 2 1 3 1 2 1 3 3 2 1 1 1 2 1 0 0 0 0 1 1 0
5 2 2 0 5 4 4 7 7 12 14 6 6 5 5 8 5 1 2 3 2 4 5 2
2 1 1 5 0 2 2 5 8 10 5 2 2 1 2 5 2 0 1 1 1 2 1 0
3 4 3 4 2 0 4 8 4 8 4 2 2 1 2 9 5 1 2 3 1 2 1 1
5 2 1 4 2 4 0 10 6 19 5 7 4 2 5 14 10 2 4 5 2 5 2 1
8 4 2 7 5 8 10 0 8 16 8 6 6 4 6 22 14 3 7 9 4 5 3 2
5 2 1 7 8 4 6 8 0 28 14 6 6 6 9 14 9 2 4 6 3 7 5 2
13 6 3 12 10 8 19 16 28 0 40 20 19 21 40 44 39 7 18 25 12 26 18 8
5 2 3 15 5 4 5 8 14 39 0 14 10 16 14 14 10 1 4 6 4 11 13 6
2 1 2 6 2 2 7 6 6 20 14 0 13 7 7 7 6 2 3 4 3 7 7 5
5 3 1 6 2 2 4 6 6 19 10 13 0 6 7 6 5 1 3 6 6 13 8 8
3 1 1 5 1 1 2 4 6 21 16 7 6 0 13 7 7 1 3 5 4 12 11 4
5 1 1 5 2 2 5 6 10 40 14 7 7 13 0 12 15 2 8 11 8 26 10 4
5 4 2 8 5 9 14 22 14 44 14 7 6 7 12 0 28 5 13 16 6 12 5 3
4 2 1 5 2 5 10 14 9 39 10 6 5 7 15 28 0 6 17 17 6 17 6 3
1 0 0 1 0 1 2 3 2 7 2 2 1 1 2 5 6 0 3 4 1 3 1 0
3 1 0 2 1 2 4 7 4 18 4 3 3 3 8 13 17 3 0 12 4 12 3 1
3 1 0 3 1 3 5 9 6 25 6 5 6 5 11 16 17 4 12 0 12 24 7 4
1 0 0 2 1 1 2 4 3 12 4 3 6 4 8 6 6 1 4 12 0 18 7 5
4 1 1 4 2 2 5 5 7 26 11 7 13 12 26 12 17 3 12 24 18 0 21 11
3 0 1 5 1 1 2 3 5 18 13 7 8 11 10 5 6 1 3 7 7 21 0 7
1 0 0 2 0 1 1 2 2 8 6 5 7 4 4 3 3 0 1 4 5 11 7 0
"""
PLATOON, STEP_S, DEMAND_S = 5, 5, 4800
#: Means of 100 runs, as written in UXsim's verification: all trips, those that arrive within 7,200 s,
#: and the travel time of those, s.
TRIPS, ARRIVED, ARRIVED_TRAVEL_S = 34_690, 33_287.75, 58_050_854.25
DURATION_S = 7200


def tables() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Nodes, links and trips as `simulate_traffic` takes them."""
    rows = []
    for street in STREETS.replace("\n", " ").split(","):
        ends, km, speed = street.split()
        a, b = map(int, ends.split("-"))
        for tail, head in ((a, b), (b, a)):
            rows.append((f"{tail}-{head}", tail, head, 1000 * float(km), 1, float(speed), 0.2,
                         float(speed) / 3))
    links = pd.DataFrame(rows, columns=["link", "from", "to", "length_m", "lanes",
                                        "free_speed_mps", "jam_density", "merge_priority"])
    daily = np.array([row.split() for row in DAILY_HUNDREDS.strip().splitlines()], float) * 100
    trips = [
        (departs, a + 1, b + 1)
        for flow in (5 * np.round(daily / 300_000, 5), daily * 5e-6)  # veh/s, two rows for each pair
        for a, b in zip(*np.nonzero(flow), strict=True)
        for departs in _platoons(flow[a, b])
        for _ in range(PLATOON)
    ]
    trips = pd.DataFrame(trips, columns=["depart_s", "origin", "destination"])
    trips = trips.sort_values("depart_s", kind="stable").reset_index(drop=True)
    trips.insert(0, "trip", trips.index)
    return pd.DataFrame({"node": np.arange(1, 25)}), links, trips


def _platoons(flow_vps: float) -> list[int]:
    """When a platoon leaves: a step's flow is added up, and each time it makes five, five leave."""
    saved, leaves = 0.0, []
    for t in range(0, DEMAND_S, STEP_S):
        saved += flow_vps * STEP_S
        if saved >= PLATOON:
            leaves.append(t)
            saved -= PLATOON
    return leaves
