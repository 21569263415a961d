"""`anlan demo`: the main job in one command."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.terminal import Json, Progress, Quiet, Seed, Settings, console, dump

if TYPE_CHECKING:
    from engine.run import Run

RECORDED, SEVERE = "coquimbo-tsunami", "coquimbo-tsunami-severe"
WORKERS = 2  # a run needs about 2 GiB
EVENING = "duration_s=14400"  # all that the record tells happened within four hours


def demo(
    out: Annotated[Path, typer.Option(help="Folder for runs and page.")] = Path("out/demo"),
    seed: Seed = 1,
    settings: Settings = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """The main job in one command: La Serena-Coquimbo as on 16 September 2015, beside the record, then
    two plans on a severe case.

    Example: anlan demo"""
    from engine.city_io import load_city
    from engine.ensemble import Job, about, play_jobs
    from engine.hindcast import read_figures, summarise
    from engine.outputs import check, check_file
    from engine.plan import default_plan, default_plans
    from engine.scenario import load_scenario
    from engine.scoring.comparison import comparison
    from engine.summary import print_comparison, print_hindcast, print_run
    from viz.replay import write_replay

    silent = quiet or as_json
    given = settings or []
    evening = [] if any(key.startswith("duration_s=") for key in given) else [EVENING]
    recorded, severe = load_scenario(RECORDED, [*evening, *given]), load_scenario(SEVERE, given)
    city = load_city(severe.city)
    plans = default_plans(severe)
    check_file(out / "replay.html")
    for name in ("2015", *(plan.name for plan in plans)):
        check(out / name, "run")
    jobs = [Job("2015", seed, recorded, default_plan(recorded))]
    jobs += [Job(plan.name, seed, severe, plan) for plan in plans]
    found: dict[str, dict[str, Any]] = {}
    rows: list[dict[str, Any]] = []

    def show(result: dict[str, Any]) -> None:
        """Print what is there in the order of the jobs, whichever ends first."""
        found[result["plan"]] = result["extra"]
        while jobs and jobs[0].name in found:
            facts = found[jobs.pop(0).name]
            if "figures" in facts:
                rows.extend(summarise(read_figures(recorded), [facts["figures"]]))
            if not silent and "figures" in facts:
                print_hindcast(console(), rows, recorded.title)
                print(f"\nNow the severe case: {severe.title}\n")
            elif not silent:
                print_run(console(), facts)

    workers = min(WORKERS, os.cpu_count() or 1)
    with Progress(f"2015, then two plans on the severe case, seed {seed}", silent) as progress:
        done = play_jobs(
            city, tuple(jobs), workers, None, lambda far, total: progress(far / total), partial(_keep, out),
            each=show)
    document = {"about": about(city, severe, [seed]), **comparison(
        [plan.name for plan in plans],
        {plan.name: {seed: done[(plan.name, seed)]["score"]} for plan in plans})}
    first, second = (out / plan.name for plan in plans)
    page = write_replay(first, out / "replay.html", vs=second, city=city)
    if as_json:
        dump({"hindcast": rows, "comparison": document, "replay": str(page),
              "runs": [str(out / "2015"), str(first), str(second)]})
    if not silent:
        print_comparison(console(), document)
        print(f"replay: {page}\nnext: open {page} in a browser; anlan compare {SEVERE} "
              "--plan historical --plan early-warning --replications 10 --workers 2")


def _keep(out: Path, run: Run) -> dict[str, Any]:
    """Save a run of the demo where it belongs, and return what is said of it."""
    from engine.hindcast import measure
    from engine.summary import run_facts

    record = run.twin.scenario.name == RECORDED
    run.save(out / ("2015" if record else run.twin.plan.name))
    return {**run_facts(run), **({"figures": measure(run)} if record else {})}
