"""The command `anlan crowd`. `engine/cli.py` puts it in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.terminal import Json, Progress, Quiet, Seed, console, dump

if TYPE_CHECKING:
    from engine.crowd.simulate import CrowdResult

MOST_PEOPLE = 500_000


def crowd(
    venue: Annotated[str, typer.Argument(help="A venue file, or stadium or bottleneck.")],
    people: Annotated[int | None, typer.Option(
        help="Number of people; the venue's own by default.", min=1, max=MOST_PEOPLE)] = None,
    seed: Seed = 1,
    duration: Annotated[float, typer.Option(help="Seconds.", min=1, max=86_400)] = 3600,
    out: Annotated[Path | None, typer.Option(help="Folder; out/VENUE by default.")] = None,
    settings: Annotated[list[str] | None, typer.Option(
        "--set", help="Override a key of the venue, for example --set exits.0.opens_s=60.")] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Let a crowd leave a venue: clearance, density, crush risk. Example: anlan crowd bottleneck

    A stadium: anlan crowd stadium --people 50000 --seed 1 --out out/stadium"""
    from engine.crowd.simulate import simulate_crowd
    from engine.crowd.venue import load_venue
    from engine.crowd.write import document, save_crowd
    from engine.outputs import check

    loaded = load_venue(venue, settings or ())
    target = out or Path("out") / f"crowd-{loaded.name}"
    check(target, "crowd")
    with Progress(loaded.name, quiet or as_json) as show:
        result = simulate_crowd(loaded, people, seed, duration, show)
    save_crowd(result, target)
    if as_json:
        dump(document(result))
    elif not quiet:
        print_crowd(console(), result)
        print(f"written: {target}")


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else f"{int(seconds // 60)}:{seconds % 60:04.1f}"


def print_crowd(screen: Any, result: CrowdResult) -> None:
    """The short table of a crowd."""
    from rich.table import Table

    from engine.crowd.maps import LEVELS

    s = result.summary
    screen.print(f"{result.venue.title}: {s['people']:,} people, seed {s['seed']}")
    screen.print(f"out {s['out']:,}, inside {s['inside']:,}, not yet in {s['not_yet_in']:,}; "
                 f"half out {_time(s['half_out_s'])}, nine in ten {_time(s['nine_in_ten_out_s'])}, "
                 f"all {_time(s['clearance_s'])} min:s")
    screen.print(f"greatest density {s['peak_density_pm2']:.1f} persons/m2 at "
                 f"{_time(s['peak_density_at_s'])}, x {s['peak_density_x_m']:.0f} m, "
                 f"y {s['peak_density_y_m']:.0f} m; greatest pressure "
                 f"{s['peak_pressure_ps2']:.3f} /s2 (turbulence from 0.02)")
    screen.print("person-minutes " + ", ".join(
        f"at {LEVELS[name]:g} persons/m2 and above ({name}) {value / 60:,.0f}"
        for name, value in s["person_s_above"].items()))
    table = Table("exit", "width m", "out", "first", "last", "flow p/m/s", "busiest p/m/min")
    rows = sorted(s["exits"], key=lambda r: -r["out"])
    for row in rows[:12]:
        table.add_row(row["exit"], f"{row['width_m']:.2f}", f"{row['out']:,}", _time(row["first_s"]),
                      _time(row["last_s"]),
                      "-" if row["flow_pms"] is None else f"{row['flow_pms']:.2f}",
                      "-" if not row["out"] else f"{row['busiest_minute_pmmin']:.0f}")
    screen.print(table)
    if len(rows) > 12:
        screen.print(f"and {len(rows) - 12} more exits in crowd.json")
    if s["inside"] or s["not_yet_in"]:
        screen.print("not everybody is out: give a longer --duration, or look where the density map "
                     "is dark")
    screen.print(f"{s['simulated_s']:.0f} s simulated in {s['wall_s']:.1f} s")
