"""How the cost of traffic grows: vehicles and links doubled from 10^4 to 10^6; and the million.

    python -m benches.scaling [--repeat 3] [--plot docs/traffic_scaling.svg]
    python -m benches.scaling --million [--closures 50]

Grid towns of `benches.grid` with 100 vehicles a junction who leave within three hours for the nearest
way out, one in each 10 x 10 streets; run until all are out, on one thread, building excluded, closures,
states and arrival times kept. The exponent is that of the least squares line through log(seconds) over
log(size): 1 is linear. Size is counted twice: in vehicles, and in link crossings (vehicles that entered
a link), which is the work there is: it grows faster than vehicles wherever trips get longer. Times are
processor seconds, since others may share the machine. The last line of JSON is the result.

`--million`: 1,000,000 vehicles on 39,640 links with 40 ways out at the boundary, to full clearance,
with random closures that open again, and the peak of memory. Targets: 24 s (stretch 8 s), below 1 GiB.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from benches.grid import Tables, boundary_exits, inner_exits, town
from benches.machine import machine
from engine.mobility import traffic_files
from engine.mobility.traffic import Traffic

SIZES = ((10, 10), (10, 20), (20, 20), (20, 40), (40, 40), (40, 80), (80, 80), (80, 160))
CLOSURES = 20
LONG_S = 40 * 3600.0


def closures(links: int, count: int, seed: int, span_s: float) -> pd.DataFrame:
    """Return random closures: each link shut once for 10 to 60 minutes within `span_s`."""
    draw = np.random.default_rng([seed, 2])
    begin = np.round(draw.uniform(0, span_s, count))
    return pd.DataFrame({
        "link": draw.choice(links, count, replace=False), "from_s": begin,
        "to_s": begin + np.round(draw.uniform(600, 3600, count)),
    })


def run(tables: Tables, shut: pd.DataFrame) -> dict[str, float]:
    """Run to clearance; return the summary and link crossings, seconds being those of the processor."""
    processor = SimpleNamespace(perf_counter=time.process_time)
    made: list[Traffic] = []

    def build(**given: Any) -> Traffic:
        made.append(Traffic(**given))
        return made[0]

    begun = time.perf_counter()
    with (mock.patch.object(traffic_files, "time", processor),
          mock.patch.object(traffic_files, "Traffic", build)):
        summary = dict(traffic_files.simulate_traffic(
            *tables, duration_s=LONG_S, closures=shut).summary)
    if summary["arrived"] != summary["trips"]:
        raise SystemExit(f"not cleared: {summary}")
    return summary | {"cpu_s": summary.pop("wall_s"), "build_cpu_s": summary.pop("build_s"),
                      "crossings": int(made[0].edge_entered().sum()),
                      "wall_s_with_building": round(time.perf_counter() - begun, 2)}


def exponent(size: list[float], seconds: list[float]) -> tuple[float, float]:
    """Return slope and factor of the line through the logarithms."""
    slope, level = np.polyfit(np.log(size), np.log(seconds), 1)
    return float(slope), float(math.exp(level))


#: What size is counted in, and its colour in the plot.
COUNTS = {"vehicles": "#1b6ca8", "crossings": "#c8641b"}


def plot(rows: list[dict[str, float]], lines: dict[str, tuple[float, float]], path: Path) -> None:
    """Draw seconds over vehicles and over link crossings on two logarithmic axes as an SVG."""
    width, height, left, top, right, bottom = 640, 400, 70, 60, 20, 50
    xs = [row[count] for row in rows for count in COUNTS]
    ys = [row["cpu_s"] for row in rows]
    x0, x1 = math.floor(math.log10(min(xs))), math.ceil(math.log10(max(xs)))
    y0, y1 = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))

    def at(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - x0) / (x1 - x0)
        up = (math.log10(y) - y0) / (y1 - y0)
        return left + across * (width - left - right), height - bottom - up * (height - top - bottom)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="13" fill="#333">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{left}" y="22" font-size="15">Traffic to full clearance, one thread</text>',
    ]
    for k in range(x0, x1 + 1):
        x, y = at(10**k, 10**y0)
        out.append(f'<path d="M{x:.1f} {top}V{y:.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{x:.1f}" y="{y + 18:.1f}" text-anchor="middle">{10**k:,}</text>')
    for k in range(y0, y1 + 1):
        x, y = at(10**x0, 10.0**k)
        out.append(f'<path d="M{left} {y:.1f}H{width - right}" stroke="#ddd"/>')
        out.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**k:g} s</text>')
    for place, (count, colour) in enumerate(COUNTS.items()):
        slope, level = lines[count]
        xs = [row[count] for row in rows]
        ends = [at(x, level * x**slope) for x in (min(xs), max(xs))]
        out.append('<path d="M{:.1f} {:.1f}L{:.1f} {:.1f}" stroke="#888" stroke-dasharray="5 4"/>'.format(
            *ends[0], *ends[1]))
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{colour}"/>'
                for x, y in (at(*point) for point in zip(xs, ys, strict=True))]
        out.append(f'<text x="{left + 250 * place}" y="44" fill="{colour}">'
                   f"seconds ~ {count}^{slope:.2f}</text>")
    out.append(f'<text x="{(left + width) / 2:.0f}" y="{height - 12}" text-anchor="middle">'
               "vehicles (links double with them); crossings of links</text></svg>")
    path.write_text("\n".join(out) + "\n")


def grows(repeat: int, path: Path | None) -> None:
    """Time every size, fit the exponent, draw it."""
    rows = []
    for across, along in SIZES:
        tables = town(across, along, 100 * across * along, exits=inner_exits(across, along),
                      window_s=10_800, seed=1, shares=(1.0,))
        shut = closures(len(tables[1]), CLOSURES, 1, 10_800)
        if not rows:
            run(tables, shut)  # compiles
        best = min((run(tables, shut) for _ in range(repeat)), key=lambda s: s["cpu_s"])
        rows.append({"vehicles": best["trips"], "links": len(tables[1]), "crossings": best["crossings"],
                     "cpu_s": best["cpu_s"], "last_arrival_s": best["last_arrival_s"],
                     "us_a_vehicle": round(1e6 * best["cpu_s"] / best["trips"], 2),
                     "ns_a_crossing": round(1e9 * best["cpu_s"] / best["crossings"], 1)})
        print(json.dumps(rows[-1]), flush=True)
    seconds = [row["cpu_s"] for row in rows]
    lines = {count: exponent([row[count] for row in rows], seconds) for count in COUNTS}
    if path:
        plot(rows, lines, path)
    print(json.dumps({"bench": "scaling", "exponent": round(lines["vehicles"][0], 3),
                      "exponent_of_crossings": round(lines["crossings"][0], 3), "rows": rows,
                      "threads": 1, **machine()}))


def million(count: int) -> None:
    """The million vehicles, once warm."""
    small = town(10, 10, 1000, exits=inner_exits(10, 10), window_s=600, seed=1)
    run(small, closures(100, 2, 1, 600))  # compiles
    tables = town(100, 100, 1_000_000, exits=boundary_exits(100, 40), window_s=10_800, seed=1)
    made_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    summary = run(tables, closures(len(tables[1]), count, 1, 14_400))
    print(json.dumps({"bench": "million", "links": len(tables[1]), "closures": count, **summary,
                      "peak_rss_gib_before": round(made_gib, 4), "threads": 1, **machine()}))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--closures", type=int, default=50)
    options = parser.parse_args()
    if options.million:
        million(options.closures)
    else:
        grows(options.repeat, options.plot)


if __name__ == "__main__":
    main()
