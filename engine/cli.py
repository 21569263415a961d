"""The command line: `anlan COMMAND`. It alone may import every package, inside its commands."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import available_timezones

import typer

from engine.cli_demo import demo
from engine.cli_studies import compare, hindcast, sweep, timeline, worth
from engine.errors import AnlanError, InputError, unknown
from engine.terminal import (
    CityOption,
    Json,
    Language,
    Progress,
    Quiet,
    Seed,
    Settings,
    city_name,
    console,
    dump,
    language,
    own_city,
    say,
    say_values,
)

app = typer.Typer(
    name="anlan", no_args_is_help=True, add_completion=False, rich_markup_mode=None,
    help="anlan: a digital twin in which a city rehearses its worst day.\n\n"
         "Start with: anlan demo",
)
city_app = typer.Typer(no_args_is_help=True, help="Cities: list, show, check, build.")
scenario_app = typer.Typer(no_args_is_help=True, help="Scenarios: list, show, check, new.")


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"anlan {version('anlan')}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[bool, typer.Option(
        "--version", help="Print the version.", is_eager=True, callback=_show_version)] = False,
) -> None:
    pass


app.add_typer(city_app, name="city")
app.add_typer(scenario_app, name="scenario")

def main() -> None:
    """Entry point: wrong input gives one message and exit code 2, never a traceback."""
    sys.unraisablehook = _unraisable
    try:
        code = app(standalone_mode=False)
        if isinstance(code, int) and code:  # typer returns 130 for a keyboard interrupt
            if code == 130:
                print("anlan: stopped; what was finished is kept", file=sys.stderr)
            sys.exit(code)
    except AnlanError as error:
        print(f"anlan: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        print("anlan: stopped; what was finished is kept", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    except OSError as error:
        # A path that cannot be read or written is wrong input; a full or failing disk is not.
        failed = error.errno in (None, errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.ENOMEM)
        name = f"{error.filename}: " if error.filename else ""
        print(f"anlan: {name}{error.strerror or error}", file=sys.stderr)
        sys.exit(1 if failed else 2)
    except MemoryError:
        print("anlan: not enough memory", file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        show = getattr(error, "format_message", None)  # click's own usage errors
        if show is None:
            raise
        print(f"anlan: {_plain(show())}", file=sys.stderr)
        sys.exit(2)


def _plain(text: str) -> str:
    """A usage error with the value that was given, in the words of our own messages."""
    found = re.match(r"Invalid value for '(--[a-z-]+)': Input should be a valid (integer|number)", text)
    if found is None:
        return text
    option = found[1]
    given = next((b for a, b in pairwise(sys.argv) if a == option), None) or next(
        (a.partition("=")[2] for a in sys.argv if a.startswith(f"{option}=")), "")
    return f"{option} is '{given}': expected a {'whole ' if found[2] == 'integer' else ''}number"


def _unraisable(event: Any) -> None:
    """Ctrl-C that lands inside a destructor is swallowed there: send it again, say nothing."""
    if isinstance(event.exc_value, KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    else:
        sys.__unraisablehook__(event)


# ---- cities -------------------------------------------------------------------------------------


@city_app.command("list")
def city_list(as_json: Json = False, quiet: Quiet = False) -> None:
    """List the built-in cities. Example: anlan city list"""
    from engine.city_io import list_cities

    names = list_cities()
    dump(names) if as_json else say("\n".join(names), quiet)


@city_app.command("show")
def city_show(city: str, as_json: Json = False, quiet: Quiet = False) -> None:
    """Show what a city holds and how each layer is known. Example: anlan city show coquimbo"""
    from engine.city import TABLES, table_length
    from engine.city_io import load_city

    loaded = load_city(city)
    facts: dict[str, Any] = {
        "name": loaded.name, "title": loaded.title, "timezone": loaded.timezone,
        "counts": {name: table_length(getattr(loaded, name)) for name in TABLES},
        "layers": [vars(layer) for layer in loaded.layers], "notes": list(loaded.notes),
    }
    if as_json:
        dump(facts)
    if as_json or quiet:
        return
    from rich.table import Table

    screen = console()
    screen.print(f"{loaded.title} ({loaded.name}), {loaded.timezone}")
    screen.print(", ".join(f"{count:,} {name}" for name, count in facts["counts"].items()))
    table = Table("layer", "status", "date", "source", title="Layer card")
    for layer in loaded.layers:
        source = f"{layer.source} ({layer.note})" if layer.note else layer.source
        table.add_row(layer.layer, layer.status, layer.date, source)
    screen.print(table)
    for note in loaded.notes:
        screen.print(f"Note: {note}")


@city_app.command("check")
def city_check(city: str, as_json: Json = False, quiet: Quiet = False) -> None:
    """List the defects found in a city and what was done. Example: anlan city check coquimbo"""
    from engine.city_io import city_quality

    rows = city_quality(city)
    if as_json:
        dump(rows)
    if as_json or quiet:
        return
    if not rows:
        print(f"{city}: in order, no defects")
        return
    from rich.table import Table

    table = Table("check", "found", "of", "what was done", title=f"Data quality of {city}")
    for row in rows:
        table.add_row(str(row["check"]), f"{row['count']:,}", f"{row['total']:,}",
                      str(row["action"]))
    console().print(table)


@city_app.command("build")
def city_build(
    name: Annotated[str, typer.Option("--name", help="Name of the city: a-z, 0-9, hyphen.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write.")],
    place: Annotated[str | None, typer.Option(help="Place name (needs a network).")] = None,
    bbox: Annotated[str | None, typer.Option(help="W,S,E,N in degrees (needs a network).")] = None,
    osm: Annotated[Path | None, typer.Option(
        help=".osm, .osm.xml, .osm.gz, .osm.bz2, .osm.pbf or osmnx GraphML.")] = None,
    dem: Annotated[Path | None, typer.Option(help="Elevation GeoTIFF or .hgt.")] = None,
    zones: Annotated[Path | None, typer.Option(help="Zones with population.")] = None,
    buildings: Annotated[Path | None, typer.Option(help="Building footprints.")] = None,
    facilities: Annotated[Path | None, typer.Option(help="Hospitals, stations, shelters.")] = None,
    population: Annotated[int | None, typer.Option(help="Inhabitants, if known.", min=1)] = None,
    timezone: Annotated[str | None, typer.Option(
        help="IANA name, such as Europe/Lisbon; by position otherwise.")] = None,
    synthesis: Annotated[bool, typer.Option(
        "--synthesis/--no-synthesis", help="Synthesise what the source lacks.")] = True,
    quiet: Quiet = False,
) -> None:
    """Build a city folder. Example: anlan city build --name porto --osm porto.osm.pbf --out porto"""
    from city_models.build import build_city
    from engine.city_io import check_target

    check_target(out)
    if timezone is not None and timezone not in available_timezones():
        raise unknown("time zone", timezone, sorted(available_timezones()))
    box = None
    if bbox is not None:
        try:
            west, south, east, north = (float(part) for part in bbox.split(","))
        except ValueError:
            raise InputError(f"--bbox '{bbox}': expected W,S,E,N in degrees") from None
        box = (west, south, east, north)
    begun = time.perf_counter()
    city = build_city(
        name, out, place=place, bbox=box, osm=osm, dem=dem, zones=zones, buildings=buildings,
        facilities=facilities, population=population, synthesis=synthesis, timezone=timezone,
        progress=None if quiet else lambda t: print(t, file=sys.stderr),
    )
    say(
        f"{out}: {city.nodes.x_m.size:,} junctions, {city.edges.length_m.size:,} road arcs, "
        f"{city.buildings.x_m.size:,} buildings, {city.persons.household.size:,} people "
        f"in {time.perf_counter() - begun:.0f} s\n"
        f"next: anlan city check {out}; anlan scenario new NAME --city {out}", quiet,
    )


# ---- scenarios ----------------------------------------------------------------------------------


@scenario_app.command("list")
def scenario_list(as_json: Json = False, quiet: Quiet = False) -> None:
    """List the built-in scenarios with their plans. Example: anlan scenario list"""
    from engine.scenario import list_scenarios, load_scenario

    rows = []
    for name in list_scenarios():
        scenario = load_scenario(name)
        rows.append({"name": name, "title": scenario.title, "city": scenario.city,
                     "plans": list(scenario.plans)})
    if as_json:
        dump(rows)
        return
    for row in rows:
        say(f"{row['name']}: {row['title']} (city {row['city']}; plans {', '.join(row['plans'])})",
            quiet)


@scenario_app.command("show")
def scenario_show(name: str, as_json: Json = False, quiet: Quiet = False) -> None:
    """Show a scenario with every default filled in. Example: anlan scenario show coquimbo-tsunami"""
    import yaml

    from engine.scenario import load_scenario

    document = json.loads(load_scenario(name).model_dump_json())
    dump(document) if as_json else say(yaml.safe_dump(document, sort_keys=False).rstrip(), quiet)


@scenario_app.command("check")
def scenario_check(
    file: str,
    plan: Annotated[list[str] | None, typer.Option(
        help="Plans to check with it; those that the scenario names by default.")] = None,
    city: Annotated[str | None, typer.Option(help="City instead of the scenario's.")] = None,
    settings: Settings = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check a scenario and its plans, up to where a run would begin.

    Example: anlan scenario check coquimbo-tsunami

    One plan of your own: anlan scenario check coquimbo-tsunami --plan my-plan.yaml"""
    from engine.city_io import load_city
    from engine.phases import check_hazards
    from engine.plan import default_plans, load_plan
    from engine.prepare import prepare
    from engine.sample import sample_city
    from engine.scenario import load_scenario
    from engine.site_check import remarks

    scenario = load_scenario(file, settings or ())
    plans = [load_plan(name, scenario) for name in plan] if plan else default_plans(scenario)
    place = load_city(city_name(scenario, city))
    sample = sample_city(place, scenario.population.share, 1)
    check_hazards(sample, scenario)
    found, notes = {}, []
    for row in plans:
        if row.name in found:
            raise InputError(
                f"two of the plans carry the name '{row.name}' (the key 'name' in their files)")
        here, site = prepare(place, scenario, row)
        found[row.name] = int(site.danger_node.sum())
        odd = remarks(scenario, row, here, site.danger_node, site.order_zone)
        notes += [f"plan '{row.name}': {text}" for text in odd]
    if as_json:
        dump({"scenario": scenario.name, "city": place.name, "danger_junctions": found,
              "notes": notes})
        return
    say(f"{scenario.name}: in order; city {place.name}, plans {', '.join(found)}, "
        f"{next(iter(found.values())):,} junctions in the danger zone", quiet)
    for text in notes:
        say(f"note: {text}", quiet)


@scenario_app.command("new")
def scenario_new(
    name: str,
    city: Annotated[str, typer.Option(help="City to write it for.")] = "coquimbo",
    out: Annotated[Path | None, typer.Option(help="Folder; NAME by default.")] = None,
    radius_m: Annotated[float | None, typer.Option(
        help="Radius to evacuate; 1000, or less in a small town, by default.", min=50, max=20_000,
    )] = None,
    quiet: Quiet = False,
) -> None:
    """Write a precautionary evacuation round a point of a city, to be edited.

    Example: anlan scenario new bomb --city ./porto"""
    from engine.city_io import load_city
    from engine.scenario_new import write_new_scenario

    folder = write_new_scenario(name, load_city(city), city, out or Path(name), radius_m)
    say(f"{folder}: scenario.yaml, evacuate.yaml, evacuate-early.yaml\n"
           f"next: anlan scenario check {folder}; anlan run {folder}", quiet)


# ---- runs ---------------------------------------------------------------------------------------


@app.command()
def run(
    scenario: str,
    plans: Annotated[list[str] | None, typer.Option(
        "--plan", help="Plan; the scenario's first by default.")] = None,
    city: Annotated[str | None, typer.Option(help="City instead of the scenario's.")] = None,
    seed: Seed = 1,
    inputs: Annotated[Path | None, typer.Option(
        help="inputs.jsonl to play in: a JSON object a line, such as "
             '{"t_s": 600, "kind": "decision", "what": "order"}; '
             "all kinds in docs/architecture.md.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the run.")] = None,
    settings: Settings = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Play a scenario under one plan. Example: anlan run coquimbo-tsunami --plan early-warning"""
    from engine.city_io import list_cities, load_city
    from engine.inputs import read_inputs
    from engine.outputs import check, free_folder, other_inputs
    from engine.plan import default_plan, load_plan, plan_path
    from engine.run import simulate
    from engine.runfolder import run_inputs
    from engine.scenario import load_scenario
    from engine.summary import print_run, run_facts

    if plans and len(plans) > 1:
        raise InputError(f"--plan is given {len(plans)} times: run plays one plan, compare plays several")
    plan = plans[0] if plans else None
    loaded = load_scenario(scenario, settings or ())
    chosen = load_plan(plan, loaded) if plan else default_plan(loaded)
    rows = read_inputs(inputs, loaded.duration_s) if inputs else []
    place = load_city(city_name(loaded, city))
    stem = plan_path(plan or loaded.plans[0], loaded).stem
    given = run_inputs(place, loaded, chosen, seed, rows)
    usual = Path("out") / f"{loaded.name}-{stem}-{seed}"
    target = out or free_folder(usual, given)
    before = other_inputs(target, given) if os.path.isdir(check(target, "run")) else []
    with Progress(f"{loaded.name}, {chosen.name}, seed {seed}", quiet or as_json) as progress:
        result = simulate(place, loaded, chosen, seed, rows, progress)
    result.save(target)
    if as_json:
        dump(result.score)
    elif not quiet:
        print_run(console(), run_facts(result))
        of = "" if place.name in list_cities() else f" --city {city_name(loaded, city)}"
        print(f"written: {target}")
        if before:
            print(f"(replaces a run with another {' and another '.join(before)})")
        elif target != usual and out is None:
            differs = other_inputs(usual, given) or ["content"]
            print(f"({usual} holds a run with another {' and another '.join(differs)}: kept)")
        print(f"next: anlan replay {target}{of}; anlan report {target}{of}")


for _command in (compare, worth, hindcast, sweep, timeline, demo):
    app.command()(_command)


@app.command()
def replay(
    run_folder: Path,
    vs: Annotated[Path | None, typer.Option("--vs", help="A second run, side by side.")] = None,
    city: CityOption = None,
    lang: Language = "en",
    out: Annotated[Path | None, typer.Option(help="Page to write.")] = None,
    quiet: Quiet = False,
) -> None:
    """Write the replay page of a run. Example: anlan replay out/demo/early-warning"""
    from viz.replay import write_replay

    page = write_replay(run_folder, out, vs=vs, lang=language(lang), city=own_city(city))
    say(f"written: {page} ({page.stat().st_size / 1e6:.1f} MB)", quiet)


@app.command()
def report(
    folder: Path,
    city: CityOption = None,
    lang: Language = "en",
    out: Annotated[Path | None, typer.Option(help="Page to write.")] = None,
    quiet: Quiet = False,
) -> None:
    """Write the report of a run or a comparison. Example: anlan report out/demo/early-warning"""
    from viz.report import write_report

    page = write_report(folder, out, lang=language(lang), city=own_city(city))
    say(f"written: {page}", quiet)


@app.command()
def traffic(
    folder: Path,
    duration: Annotated[float, typer.Option(help="Seconds.", min=1, max=40 * 86_400)] = 14_400,
    routing: Annotated[str, typer.Option(help="static or dynamic.")] = "static",
    update: Annotated[float, typer.Option(
        help="Seconds until a driver looks at travel times again.", min=1, max=40 * 86_400)] = 600,
    merge: Annotated[str, typer.Option(help="Where links merge: turns or draw.")] = "turns",
    seed: Annotated[int, typer.Option(help="Of the draws.", min=0, max=2**53 - 1)] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder; the instance's own by default.")] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Run a traffic instance (nodes.csv, links.csv, trips.csv). Example: anlan traffic g30_100k"""
    from engine.mobility.traffic_files import run_traffic_folder

    if routing not in ("static", "dynamic"):
        raise InputError(f"--routing '{routing}': allowed are static and dynamic")
    if merge not in ("turns", "draw"):
        raise InputError(f"--merge '{merge}': allowed are turns and draw")
    summary = run_traffic_folder(folder, duration, routing, update, out, seed, merge).summary
    if as_json:
        dump(summary)
    elif not quiet:
        say_values(summary)


@app.command()
def crowd(
    file: Path,
    out: Annotated[Path | None, typer.Option(help="Folder; out/crowd-NAME by default.")] = None,
    seed: Seed = 1,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Let the people of a venue (YAML file) leave it. Example: anlan crowd station.yaml"""
    from engine.crowd.simulate import run_crowd

    target = out or Path("out") / f"crowd-{file.stem}"
    summary = run_crowd(file, target, seed).summary
    if as_json:
        dump(summary)
    elif not quiet:
        say_values({k: v for k, v in summary.items() if k not in ("exits", "assumptions")})
        for row in summary["exits"]:
            print(f"exit {row['exit']}: {row['out']:,} people, at most "
                  f"{row['greatest_specific_flow_pms']} a metre and second")
        print(f"written: {target}")


if __name__ == "__main__":
    main()
