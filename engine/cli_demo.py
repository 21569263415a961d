"""`anlan demo`: the main job in one command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.terminal import Json, Progress, Quiet, Seed, Settings, console, dump

if TYPE_CHECKING:
    from engine.plan import Plan
    from engine.run import Run
    from engine.scenario import Scenario

RECORDED, SEVERE = "coquimbo-tsunami", "coquimbo-tsunami-severe"


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
    from engine.hindcast import measure, read_figures, summarise
    from engine.outputs import check, check_file
    from engine.plan import default_plan, default_plans
    from engine.run import simulate
    from engine.scenario import load_scenario
    from engine.scoring.comparison import comparison
    from engine.summary import print_comparison, print_hindcast, print_run
    from viz.replay import write_replay

    silent = quiet or as_json
    recorded, severe = (load_scenario(name, settings or ()) for name in (RECORDED, SEVERE))
    city = load_city(severe.city)
    plans = default_plans(severe)
    check_file(out / "replay.html")
    for name in ("2015", *(plan.name for plan in plans)):
        check(out / name, "run")

    def play(label: str, name: str, scenario: Scenario, plan: Plan) -> Run:
        with Progress(f"{label}, seed {seed}", silent) as progress:
            result = simulate(city, scenario, plan, seed, (), progress)
        result.save(out / name)
        return result

    result = play("2015", "2015", recorded, default_plan(recorded))
    rows = summarise(read_figures(recorded), [measure(result)])
    if not silent:
        print_hindcast(console(), rows, recorded.title)
        print(f"\nNow the severe case: {severe.title}\n")
    scores = {}
    for plan in plans:
        result = play(plan.name, plan.name, severe, plan)
        scores[plan.name] = {seed: result.score}
        if not silent:
            print_run(console(), result)
    document = comparison(list(scores), scores)
    first, second = (out / plan.name for plan in plans)
    page = write_replay(first, out / "replay.html", vs=second, city=city)
    if as_json:
        dump({"hindcast": rows, "comparison": document, "replay": str(page),
              "runs": [str(out / "2015"), str(first), str(second)]})
    if not silent:
        print_comparison(console(), document)
        print(f"replay: {page}\nnext: open {page} in a browser; anlan compare {SEVERE} "
              "--plan historical --plan early-warning --replications 10 --workers 2")
