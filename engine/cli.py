"""The command line: `anlan COMMAND`. It alone may import every package, inside its commands."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.errors import AnlanError, InputError

app = typer.Typer(
    name="anlan", no_args_is_help=True, add_completion=False, rich_markup_mode=None,
    help="anlan: a digital twin in which a city rehearses its worst day.\n\n"
         "Start with: anlan demo",
)
city_app = typer.Typer(no_args_is_help=True, help="Cities: list, show, check, build.")
scenario_app = typer.Typer(no_args_is_help=True, help="Scenarios: list, show, check, new.")
app.add_typer(city_app, name="city")
app.add_typer(scenario_app, name="scenario")

Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of every random draw.", min=0)]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override a scenario key, for example --set duration_s=3600."),
]
Language = Annotated[str, typer.Option("--lang", help="Language of the page: en or zh.")]


CityOption = Annotated[
    str | None, typer.Option("--city", help="Folder of the run's city, unless it is built in.")
]


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
    except Exception as error:
        show = getattr(error, "format_message", None)  # click's own usage errors
        if show is None:
            raise
        print(f"anlan: {show()}", file=sys.stderr)
        sys.exit(2)


def _unraisable(event: Any) -> None:
    """Ctrl-C that lands inside a destructor is swallowed there: send it again, say nothing."""
    if isinstance(event.exc_value, KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    else:
        sys.__unraisablehook__(event)


class Progress:
    """A progress bar on a terminal, plain lines elsewhere, nothing with --quiet."""

    def __init__(self, label: str, quiet: bool) -> None:
        self._label, self._quiet = label, quiet
        self._terminal = sys.stderr.isatty()
        self._begun = time.perf_counter()
        self._shown = 0.0
        self._bar: Any = None

    def __enter__(self) -> Progress:
        if self._terminal and not self._quiet:
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(TextColumn("{task.description}"), BarColumn(),
                            TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn(),
                            console=_console(stderr=True))
            self._bar.start()
            self._task = self._bar.add_task(self._label, total=1.0)
        return self

    def __exit__(self, *stop: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, share: float) -> None:
        """Show that `share` (0..1) is done."""
        if self._bar is not None:
            self._bar.update(self._task, completed=share)
        elif not self._quiet and (share >= 1.0 or share - self._shown >= 0.25):
            self._shown = share
            wall = time.perf_counter() - self._begun
            print(f"{self._label}: {share:4.0%} after {wall:.0f} s", file=sys.stderr, flush=True)


def _console(stderr: bool = False) -> Any:
    from rich.console import Console

    width = None if sys.stdout.isatty() else 100
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=False)


def _print(text: str, quiet: bool) -> None:
    if not quiet:
        print(text)


def _dump(document: Any) -> None:
    print(json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False))


def _language(lang: str) -> str:
    if lang not in ("en", "zh"):
        raise InputError(f"--lang '{lang}': allowed are en and zh")
    return lang


# ---- cities -------------------------------------------------------------------------------------


@city_app.command("list")
def city_list(as_json: Json = False) -> None:
    """List the built-in cities. Example: anlan city list"""
    from engine.city_io import list_cities

    names = list_cities()
    _dump(names) if as_json else print("\n".join(names))


@city_app.command("show")
def city_show(city: str, as_json: Json = False) -> None:
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
        _dump(facts)
        return
    from rich.table import Table

    console = _console()
    console.print(f"{loaded.title} ({loaded.name}), {loaded.timezone}")
    console.print(", ".join(f"{count:,} {name}" for name, count in facts["counts"].items()))
    table = Table("layer", "status", "date", "source", title="Layer card")
    for layer in loaded.layers:
        table.add_row(layer.layer, layer.status, layer.date, layer.source)
    console.print(table)
    for note in loaded.notes:
        console.print(f"Note: {note}")


@city_app.command("check")
def city_check(city: str, as_json: Json = False) -> None:
    """List the defects found in a city and what was done. Example: anlan city check coquimbo"""
    from engine.city_io import city_quality

    rows = city_quality(city)
    if as_json:
        _dump(rows)
        return
    from rich.table import Table

    table = Table("check", "found", "of", "what was done", title=f"Data quality of {city}")
    for row in rows:
        table.add_row(str(row["check"]), f"{row['count']:,}", f"{row['total']:,}",
                      str(row["action"]))
    _console().print(table)


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
    synthesis: Annotated[bool, typer.Option(
        "--synthesis/--no-synthesis", help="Synthesise what the source lacks.")] = True,
    quiet: Quiet = False,
) -> None:
    """Build a city folder. Example: anlan city build --name porto --osm porto.osm.pbf --out porto"""
    from city_models.build import build_city

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
        facilities=facilities, population=population, synthesis=synthesis,
        progress=None if quiet else lambda t: print(t, file=sys.stderr),
    )
    _print(
        f"{out}: {city.nodes.x_m.size:,} junctions, {city.edges.length_m.size:,} road arcs, "
        f"{city.buildings.x_m.size:,} buildings, {city.persons.household.size:,} people "
        f"in {time.perf_counter() - begun:.0f} s\n"
        f"next: anlan city check {out}; anlan scenario new NAME --city {out}", quiet,
    )


# ---- scenarios ----------------------------------------------------------------------------------


@scenario_app.command("list")
def scenario_list(as_json: Json = False) -> None:
    """List the built-in scenarios with their plans. Example: anlan scenario list"""
    from engine.scenario import list_scenarios, load_scenario

    rows = []
    for name in list_scenarios():
        scenario = load_scenario(name)
        rows.append({"name": name, "title": scenario.title, "city": scenario.city,
                     "plans": list(scenario.plans)})
    if as_json:
        _dump(rows)
        return
    for row in rows:
        print(f"{row['name']}: {row['title']} (city {row['city']}; plans {', '.join(row['plans'])})")


@scenario_app.command("show")
def scenario_show(name: str, as_json: Json = False) -> None:
    """Show a scenario with every default filled in. Example: anlan scenario show coquimbo-tsunami"""
    import yaml

    from engine.scenario import load_scenario

    document = json.loads(load_scenario(name).model_dump_json())
    _dump(document) if as_json else print(yaml.safe_dump(document, sort_keys=False), end="")


@scenario_app.command("check")
def scenario_check(file: str, as_json: Json = False) -> None:
    """Check a scenario and its plans. Example: anlan scenario check coquimbo-tsunami"""
    from engine.city_io import load_city
    from engine.plan import default_plans
    from engine.scenario import load_scenario
    from engine.site import build_site

    scenario = load_scenario(file)
    city = load_city(_city_name(scenario, None))
    if scenario.tsunami:
        scenario.data_file(scenario.tsunami.series)
    plans = default_plans(scenario)
    found = {plan.name: int(build_site(city, scenario, plan).danger_node.sum()) for plan in plans}
    if as_json:
        _dump({"scenario": scenario.name, "city": city.name, "danger_junctions": found})
        return
    print(f"{scenario.name}: in order; city {city.name}, plans {', '.join(found)}, "
          f"{next(iter(found.values())):,} junctions in the danger zone")


@scenario_app.command("new")
def scenario_new(
    name: str,
    city: Annotated[str, typer.Option(help="City to write it for.")] = "coquimbo",
    out: Annotated[Path | None, typer.Option(help="Folder; NAME by default.")] = None,
    radius_m: Annotated[float, typer.Option(help="Radius to evacuate.", min=50, max=20_000)] = 1000,
    quiet: Quiet = False,
) -> None:
    """Write a precautionary evacuation round a point of a city, to be edited.

    Example: anlan scenario new bomb --city ./porto"""
    from engine.city_io import load_city
    from engine.scenario_new import write_new_scenario

    folder = write_new_scenario(name, load_city(city), city, out or Path(name), radius_m)
    _print(f"{folder}: scenario.yaml, evacuate.yaml, evacuate-early.yaml\n"
           f"next: anlan scenario check {folder}; anlan run {folder}", quiet)


def _city_name(scenario: Any, given: str | None) -> str:
    """The city asked for, else the scenario's; a relative path is sought beside the scenario."""
    if given:
        return given
    beside = scenario.folder / scenario.city
    return str(beside) if (beside / "city.toml").is_file() else str(scenario.city)


def _own_city(given: str | None) -> Any:
    """The city given by path, or None for the built-in one that the run names."""
    from engine.city_io import load_city

    return load_city(given) if given else None


# ---- runs ---------------------------------------------------------------------------------------


@app.command()
def run(
    scenario: str,
    plan: Annotated[str | None, typer.Option(help="Plan; the scenario's first by default.")] = None,
    city: Annotated[str | None, typer.Option(help="City instead of the scenario's.")] = None,
    seed: Seed = 1,
    inputs: Annotated[Path | None, typer.Option(help="inputs.jsonl to play in.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the run.")] = None,
    settings: Settings = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Play a scenario under one plan. Example: anlan run coquimbo-tsunami --plan early-warning"""
    from engine.city_io import load_city
    from engine.inputs import read_inputs
    from engine.plan import load_plan
    from engine.run import simulate
    from engine.scenario import load_scenario
    from engine.summary import print_run

    loaded = load_scenario(scenario, settings or ())
    chosen = load_plan(plan or loaded.plans[0], loaded)
    rows = read_inputs(inputs) if inputs else []
    place = load_city(_city_name(loaded, city))
    with Progress(f"{loaded.name}, {chosen.name}, seed {seed}", quiet or as_json) as progress:
        result = simulate(place, loaded, chosen, seed, rows, progress)
    target = out or Path("out") / f"{loaded.name}-{chosen.name}-{seed}"
    result.save(target)
    if as_json:
        _dump(result.score)
    elif not quiet:
        print_run(_console(), result)
        print(f"written: {target}\nnext: anlan replay {target}; anlan report {target}")


@app.command()
def compare(
    scenario: str,
    plan: Annotated[list[str], typer.Option(help="A plan; give two or more.")],
    replications: Annotated[int, typer.Option(help="Seeds per plan.", min=1)] = 1,
    workers: Annotated[int, typer.Option(help="Processes.", min=1, max=256)] = 1,
    city: Annotated[str | None, typer.Option(help="City instead of the scenario's.")] = None,
    seed: Seed = 1,
    out: Annotated[Path | None, typer.Option(help="Folder for the comparison.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep finished runs of --out.")] = False,
    settings: Settings = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Compare plans on the same seeds, with intervals.

    Example: anlan compare coquimbo-tsunami --plan historical --plan early-warning"""
    from engine.city_io import load_city
    from engine.ensemble import compare as play
    from engine.plan import load_plan
    from engine.runfolder import write_json
    from engine.scenario import load_scenario
    from engine.summary import print_comparison

    loaded = load_scenario(scenario, settings or ())
    plans = [load_plan(name, loaded) for name in plan]
    if len({p.name for p in plans}) < max(2, len(plans)):
        raise InputError("compare needs two or more --plan with different names")
    place = load_city(_city_name(loaded, city))
    target = out or Path("out") / f"{loaded.name}-comparison"
    _claim(target, resume)
    with Progress(f"{loaded.name}, {len(plans)} plans x {replications}", quiet or as_json) as show:
        document = play(
            place, loaded, plans, replications, seed, workers, target,
            lambda done, total: show(done / total),
        )
    write_json(target / "comparison.json", document)
    if as_json:
        _dump(document)
    elif not quiet:
        print_comparison(_console(), document)
        print(f"written: {target}")


@app.command()
def worth(
    scenario: str,
    plan: Annotated[str, typer.Option(help="The plan whose levers are judged.")],
    layers: Annotated[str | None, typer.Option(
        help="Levers by key, with all below them: channels,dispatch.rule. All by default.")] = None,
    replications: Annotated[int, typer.Option(help="Seeds per lever.", min=1)] = 10,
    workers: Annotated[int, typer.Option(help="Processes.", min=1, max=256)] = 1,
    city: Annotated[str | None, typer.Option(help="City instead of the scenario's.")] = None,
    seed: Seed = 1,
    only_list: Annotated[bool, typer.Option("--list", help="List the levers; play nothing.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the runs.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep finished runs of --out.")] = False,
    settings: Settings = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """What each lever of a plan is worth: one switched off at a time, on the same seeds.

    Example: anlan worth coquimbo-tsunami --plan early-warning --layers order,channels --workers 2

    Off is the value in the scenario's first plan, or the key's default, or nothing. What there is
    to switch: anlan worth coquimbo-tsunami --plan early-warning --list"""
    from engine.city_io import load_city
    from engine.ensemble import play
    from engine.plan import load_plan
    from engine.runfolder import write_json
    from engine.scenario import load_scenario
    from engine.summary import print_worth
    from engine.worth import chosen, find_levers, fitting, table

    loaded = load_scenario(scenario, settings or ())
    judged = load_plan(plan, loaded)
    found, refused = find_levers(judged, load_plan(loaded.plans[0], loaded))
    wanted = [part.strip() for part in (layers or "").split(",") if part.strip()]
    levers = chosen(found, wanted)
    if not levers:
        raise InputError(f"plan '{judged.name}' has no lever that could be switched off alone")
    if only_list:
        rows = [{"lever": x.key, "off": x.off} for x in levers]
        text = "\n".join(f"{row['lever']}: {row['off']}" for row in rows)
        _dump(rows) if as_json else _print(text, quiet)
        return
    place = load_city(_city_name(loaded, city))
    levers, unfit = fitting(levers, place, loaded)
    refused = [x for x in refused if not wanted] + unfit
    if not levers:
        raise InputError(f"none of these levers can be off alone: {unfit[0].reason}")
    target = out or Path("out") / f"{loaded.name}-{judged.name}-worth"
    _claim(target, resume)
    with Progress(f"{loaded.name}, {len(levers)} levers x {replications}", quiet or as_json) as show:
        done = play(
            place, loaded, [judged, *(x.plan for x in levers)], range(seed, seed + replications),
            workers, target, lambda done, total: show(done / total),
        )
    result = table(judged, levers, refused, done)
    write_json(target / "worth.json", result)
    if as_json:
        _dump(result)
    elif not quiet:
        print_worth(_console(), result)
        print(f"written: {target}")


@app.command()
def hindcast(
    scenario: Annotated[str, typer.Argument(help="A recorded event.")] = "coquimbo-tsunami",
    plan: Annotated[str | None, typer.Option(help="Plan; the scenario's first by default.")] = None,
    seeds: Annotated[int, typer.Option("--seeds", help="Number of seeds.", min=1)] = 20,
    workers: Annotated[int, typer.Option(help="Processes.", min=1, max=256)] = 1,
    runs: Annotated[list[Path] | None, typer.Option(
        "--run", help="A finished run's folder instead of playing; may be given again.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="First seed.", min=0)] = 1,
    out: Annotated[Path | None, typer.Option(help="Folder for the finished seeds.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep finished seeds of --out.")] = False,
    settings: Settings = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Check runs of a recorded event against what was observed. Example: anlan hindcast --seeds 20

    A first look: anlan hindcast --seeds 3 --workers 2 --set population.share=0.1
    Runs at hand: anlan hindcast --run out/demo/historical"""
    from engine.city_io import load_city
    from engine.ensemble import play
    from engine.hindcast import measure, read_figures, read_run, summarise
    from engine.plan import load_plan
    from engine.runfolder import write_json
    from engine.scenario import load_scenario
    from engine.summary import print_hindcast

    loaded = load_scenario(scenario, settings or ())
    figures = read_figures(loaded)
    if runs:
        values = []
        for folder in runs:
            name, found = read_run(folder)
            if name != loaded.name:
                raise InputError(f"{folder}: is a run of '{name}', not of '{loaded.name}'")
            values.append(found)
    else:
        chosen = load_plan(plan or loaded.plans[0], loaded)
        target = out or Path("out") / f"{loaded.name}-hindcast"
        place = load_city(_city_name(loaded, None))
        _claim(target, resume)
        with Progress(f"{loaded.name}, {chosen.name} x {seeds}", quiet or as_json) as show:
            done = play(place, loaded, [chosen], range(seed, seed + seeds), workers, target,
                        lambda done, total: show(done / total), measure, repr(figures))
        values = [done[key]["extra"] for key in sorted(done)]
    rows = summarise(figures, values)
    if not runs:
        write_json(target / "hindcast.json", {"scenario": loaded.name, "plan": chosen.name,
                                              "seeds": seeds, "figures": rows})
    if as_json:
        _dump(rows)
    elif not quiet:
        print_hindcast(_console(), rows, loaded.title)


def _claim(target: Path, resume: bool) -> None:
    """Make the comparison's folder; what is not ours is left alone."""
    import shutil

    if target.exists() and any(target.iterdir()):
        ours = (target / "replications").is_dir() or (target / "comparison.json").is_file()
        if not ours:
            raise InputError(f"{target}: exists and is not a comparison of anlan; left alone")
        if not resume:
            shutil.rmtree(target)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror})") from None


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for runs and page.")] = Path("out/demo"),
    seed: Seed = 1,
    settings: Settings = None,
    quiet: Quiet = False,
) -> None:
    """The main job in one command: La Serena-Coquimbo, 16 September 2015, two plans.

    Example: anlan demo"""

    from engine.city_io import load_city
    from engine.hindcast import measure, read_figures, summarise
    from engine.plan import default_plans
    from engine.run import simulate
    from engine.scenario import load_scenario
    from engine.scoring.comparison import comparison
    from engine.summary import print_comparison, print_hindcast, print_run
    from viz.replay import write_replay

    scenario = load_scenario("coquimbo-tsunami", settings or ())
    city = load_city(scenario.city)
    folders, scores = [], {}
    for plan in default_plans(scenario):
        with Progress(f"{plan.name}, seed {seed}", quiet) as progress:
            result = simulate(city, scenario, plan, seed, (), progress)
        folders.append(result.save(out / plan.name))
        scores[plan.name] = {seed: result.score}
        if not quiet:
            if len(folders) == 1:  # the plan of the day itself comes first
                rows = summarise(read_figures(scenario), [measure(result)])
                print_hindcast(_console(), rows, scenario.title)
            print_run(_console(), result)
    document = comparison(list(scores), scores)
    page = write_replay(folders[0], out / "replay.html", vs=folders[1], city=city)
    if not quiet:
        print_comparison(_console(), document)
        print(f"replay: {page}\nnext: open {page} in a browser; "
              "anlan compare coquimbo-tsunami --plan historical --plan early-warning "
              "--replications 10 --workers 2")


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

    page = write_replay(run_folder, out, vs=vs, lang=_language(lang), city=_own_city(city))
    _print(f"written: {page} ({page.stat().st_size / 1e6:.1f} MB)", quiet)


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

    page = write_report(folder, out, lang=_language(lang), city=_own_city(city))
    _print(f"written: {page}", quiet)


@app.command()
def timeline(
    run_folder: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    incident: Annotated[int | None, typer.Option(
        "--incident", help="Number of one incident: what led to it, every step, the intervals.",
    )] = None,
    reports: Annotated[str, typer.Option(
        help="Minutes after the start at which a situation report is made.")] = "30,60,180",
    city: CityOption = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """The run as an incident log with situation reports. Example: anlan timeline out/demo/historical

    Lines marked R were reported to the command centre at that time; A is what only the run knows.
    One incident from call to close: anlan timeline out/demo/historical --incident 3"""
    from engine.timeline.incident import incident_story, story_lines
    from engine.timeline.names import Names
    from engine.timeline.tell import timeline_document, timeline_lines
    from engine.timeline.view import load_view

    try:
        minutes = [float(part) for part in reports.split(",") if part.strip()]
    except ValueError:
        raise InputError(f"--reports '{reports}': expected minutes, for example 30,60,180") from None
    view = load_view(run_folder, _own_city(city))
    if incident is not None:
        story = incident_story(view, Names(view), incident)
        _dump(story) if as_json else _print("\n".join(story_lines(story)), quiet)
    elif as_json:
        _dump(timeline_document(view, minutes))
    else:
        _print("\n".join(timeline_lines(view, minutes)), quiet)


@app.command()
def traffic(
    folder: Path,
    duration: Annotated[float, typer.Option(help="Seconds.", min=1)] = 14_400,
    routing: Annotated[str, typer.Option(help="static or dynamic.")] = "static",
    update: Annotated[float, typer.Option(help="Seconds between route updates.", min=1)] = 600,
    out: Annotated[Path | None, typer.Option(help="Folder; the instance's own by default.")] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Run a traffic instance (nodes.csv, links.csv, trips.csv). Example: anlan traffic g30_100k"""
    from engine.mobility.traffic_files import run_traffic_folder

    if routing not in ("static", "dynamic"):
        raise InputError(f"--routing '{routing}': allowed are static and dynamic")
    summary = run_traffic_folder(folder, duration, routing, update, out).summary
    if as_json:
        _dump(summary)
    elif not quiet:
        print("\n".join(f"{name}: {value}" for name, value in summary.items()))


if __name__ == "__main__":
    main()
