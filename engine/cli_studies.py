"""Commands that study runs: compare, worth, hindcast, sweep, timeline. `engine/cli.py` puts them in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.errors import InputError
from engine.inputs import MAX_SEED
from engine.outputs import study_folder
from engine.terminal import (
    CityOption,
    Json,
    Progress,
    Quiet,
    Seed,
    Settings,
    city_name,
    console,
    dump,
    own_city,
    say,
)

if TYPE_CHECKING:
    from engine.plan import Plan

#: Minutes of situation reports, as an option.
REPORTS = "30,60,180,360,720"


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
    _different(plan, plans)
    place = load_city(city_name(loaded, city))
    target = out or Path("out") / f"{loaded.name}-comparison"
    label = f"{loaded.name}, {len(plans)} plans x {replications}"
    with study_folder(target, "comparison", resume) as work:
        with Progress(label, quiet or as_json) as show:
            document = play(
                place, loaded, plans, replications, seed, workers, work,
                lambda done, total: show(done / total),
            )
        write_json(work / "comparison.json", document)
    if as_json:
        dump(document)
    elif not quiet:
        print_comparison(console(), document)
        print(f"written: {target}")


def _different(given: list[str], plans: list[Plan]) -> None:
    """InputError where fewer than two plans are given, or two carry one name in their files."""
    if len(plans) < 2:
        raise InputError("compare needs two or more --plan with different names")
    names = [plan.name for plan in plans]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        files = [word for word, name in zip(given, names, strict=True) if name == twice]
        raise InputError(
            f"compare: {' and '.join(f'--plan {file}' for file in files)} both have the name "
            f"'{twice}'; plans need different names: change 'name:' inside one of the files"
        )


def worth(
    scenario: str,
    plan: Annotated[str, typer.Option(help="The plan whose levers are judged.")],
    layers: Annotated[str | None, typer.Option(
        help="Levers by key, with all below them: channels,dispatch.rule. All by default.")] = None,
    only_whole: Annotated[bool, typer.Option(
        "--whole", help="Whole levers only, not also each of their rows and keys.")] = False,
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
    from engine.ensemble import about, play
    from engine.plan import default_plan, load_plan
    from engine.runfolder import write_json
    from engine.scenario import load_scenario
    from engine.summary import print_worth
    from engine.worth import chosen, find_levers, fitting, table, whole

    loaded = load_scenario(scenario, settings or ())
    judged = load_plan(plan, loaded)
    found, refused = find_levers(judged, default_plan(loaded))
    wanted = [part.strip() for part in (layers or "").split(",") if part.strip()]
    levers = chosen(found, wanted)
    if only_whole:
        levers = whole(levers)
    if not levers:
        raise InputError(f"plan '{judged.name}' has no lever that could be switched off alone")
    if only_list:
        rows = [{"lever": x.key, "off": x.off} for x in levers]
        text = "\n".join(f"{row['lever']}: {row['off']}" for row in rows)
        dump(rows) if as_json else say(text, quiet)
        return
    place = load_city(city_name(loaded, city))
    levers, unfit = fitting(levers, place, loaded)
    refused = [x for x in refused if not wanted] + unfit
    if not levers:
        raise InputError(f"none of these levers can be off alone: {unfit[0].reason}")
    target = out or Path("out") / f"{loaded.name}-{judged.name}-worth"
    label = f"{loaded.name}, {len(levers)} levers x {replications}"
    seeds = range(seed, seed + replications)
    with study_folder(target, "worth", resume) as work:
        with Progress(label, quiet or as_json) as show:
            done = play(
                place, loaded, [judged, *(x.plan for x in levers)], seeds, workers, work,
                lambda done, total: show(done / total),
            )
        result = {"about": about(place, loaded, seeds), **table(judged, levers, refused, done)}
        write_json(work / "worth.json", result)
    if as_json:
        dump(result)
    elif not quiet:
        print_worth(console(), result)
        print(f"written: {target}")


def hindcast(
    scenario: Annotated[str, typer.Argument(help="A recorded event.")] = "coquimbo-tsunami",
    plan: Annotated[str | None, typer.Option(help="Plan; the scenario's first by default.")] = None,
    seeds: Annotated[int, typer.Option("--seeds", help="Number of seeds.", min=1)] = 20,
    workers: Annotated[int, typer.Option(help="Processes.", min=1, max=256)] = 1,
    runs: Annotated[list[Path] | None, typer.Option(
        "--run", help="A finished run's folder instead of playing; may be given again.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="First seed.", min=0, max=MAX_SEED)] = 1,
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
    from engine.plan import default_plan, load_plan
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
        chosen = load_plan(plan, loaded) if plan else default_plan(loaded)
        target = out or Path("out") / f"{loaded.name}-hindcast"
        place = load_city(city_name(loaded, None))
        with study_folder(target, "hindcast", resume) as work:
            with Progress(f"{loaded.name}, {chosen.name} x {seeds}", quiet or as_json) as show:
                done = play(place, loaded, [chosen], range(seed, seed + seeds), workers, work,
                            lambda done, total: show(done / total), measure, repr(figures))
            values = [done[key]["extra"] for key in sorted(done)]
            write_json(work / "hindcast.json", {
                "scenario": loaded.name, "plan": chosen.name, "seeds": seeds,
                "figures": summarise(figures, values),
            })
    rows = summarise(figures, values)
    if as_json:
        dump(rows)
    elif not quiet:
        print_hindcast(console(), rows, loaded.title)


def sweep(
    scenario: str,
    plan: Annotated[str | None, typer.Option(help="Plan; the scenario's first by default.")] = None,
    samples: Annotated[int, typer.Option(help="Number of samples, each with its own seed.")] = 40,
    workers: Annotated[int, typer.Option(help="Processes.", min=1, max=256)] = 1,
    seed: Annotated[int, typer.Option("--seed", help="First seed.", min=0, max=MAX_SEED)] = 1,
    out: Annotated[Path | None, typer.Option(help="Folder for the finished samples.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep finished samples of --out.")] = False,
    settings: Settings = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Sweep what is not known well over its ranges. Example: anlan sweep coquimbo-tsunami --workers 2

    The inputs, their ranges and sources stand in uncertain.csv beside the scenario. A quicker look at a
    tenth of the households: --set population.share=0.1"""
    from engine.city_io import load_city
    from engine.ensemble import Job, play_jobs
    from engine.hindcast import TABLE, read_figures
    from engine.plan import default_plan, load_plan
    from engine.runfolder import write_json
    from engine.scenario import load_scenario
    from engine.summary import print_sweep
    from engine.sweep import draw, hindcast_of, read_uncertain, scenarios, table

    loaded = load_scenario(scenario, settings or ())
    inputs = read_uncertain(loaded)
    chosen = load_plan(plan, loaded) if plan else default_plan(loaded)
    values = draw(inputs, samples, seed)
    drawn = scenarios(scenario, settings or (), inputs, values)
    figures = read_figures(loaded) if (loaded.folder / TABLE).is_file() else []
    jobs = [Job(f"sample-{n}", seed + n, x, chosen) for n, x in enumerate(drawn)]
    place = load_city(city_name(loaded, None))
    target = out or Path("out") / f"{loaded.name}-{chosen.name}-sweep"
    with study_folder(target, "sweep", resume) as work:
        with Progress(f"{loaded.name}, {samples} samples", quiet or as_json) as show:
            done = play_jobs(place, jobs, workers, work, lambda n, total: show(n / total),
                             hindcast_of, repr(figures))
        results = [done[(job.name, job.seed)] for job in jobs]
        document = {"scenario": loaded.name, "plan": chosen.name,
                    **table(inputs, values, results, figures)}
        write_json(work / "sweep.json", document)
    if as_json:
        dump(document)
    elif not quiet:
        print_sweep(console(), document, loaded.title)
        print(f"written: {target}")


def timeline(
    run_folder: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    incident: Annotated[int | None, typer.Option(
        "--incident", help="Number of one incident: what led to it, every step, the intervals.",
    )] = None,
    reports: Annotated[str, typer.Option(
        help="Minutes after the start at which a situation report is made.")] = REPORTS,
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
    view = load_view(run_folder, own_city(city))
    end = view.duration_ms / 60_000
    wrong = [m for m in minutes if not m >= 0] or (
        minutes if reports != REPORTS and not any(m <= end for m in minutes) else [])
    if wrong:
        raise InputError(f"--reports: {wrong[0]:g} is not within the run (0 to {end:g} minutes)")
    if incident is not None:
        story = incident_story(view, Names(view), incident)
        dump(story) if as_json else say("\n".join(story_lines(story)), quiet)
    elif as_json:
        dump(timeline_document(view, minutes))
    else:
        say("\n".join(timeline_lines(view, minutes)), quiet)
