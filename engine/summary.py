"""What the terminal shows after a run or a comparison; tables fit 100 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from engine.run import Run

#: Metrics of the short table, in order: (name in score.json, words, digits).
_SHORT = (
    ("deaths", "deaths", 0),
    ("deaths_shaking", "  by shaking", 0),
    ("deaths_tsunami", "  by the tsunami", 0),
    ("responder_deaths", "responders who died", 0),
    ("severe_injuries", "severe injuries", 0),
    ("time_in_water", "time in water above 0.3 m", 0),
    ("clearance_t50", "half of those ordered out after", 0),
    ("clearance_t90", "nine in ten out after", 0),
    ("share_cleared", "share of those ordered who got out", 3),
    ("response_p50", "first unit on scene, median", 0),
    ("response_p90", "first unit on scene, 9 in 10", 0),
    ("incidents_unanswered", "incidents no unit reached", 0),
    ("incidents_not_needed", "  of them no longer needed", 0),
    ("trapped", "people trapped", 0),
    ("rescued_alive", "  rescued alive", 0),
    ("staff_hours", "staff-hours", 0),
    ("volunteer_hours", "volunteer hours, not in staff-hours", 0),
    ("needless_evacuee_hours", "away without need", 0),
    ("crowd_pressed", "in crush danger at venues", 0),
    ("crowd_noticed", "  crush feared after", 0),
    ("crowd_metered", "  inflow metered after", 0),
)
#: Rows left out where no plan has a value: most scenarios have no venue.
_OPTIONAL = ("crowd_pressed", "crowd_noticed", "crowd_metered")
#: Rows that are shown also where they are 0 under every plan.
_ALWAYS = ("deaths", "responder_deaths", "severe_injuries")


def number(value: float | None, digits: int) -> str:
    """A figure with thousands separators, or a dash where there is none."""
    return "-" if value is None else f"{value:,.{digits}f}"


def percent(share: float | None) -> str:
    """A share as a percentage, or a dash where there is none."""
    return "-" if share is None else f"{share:.0%}"


def run_facts(run: Run) -> dict[str, Any]:
    """What `print_run` says of a run; plain data, so that it travels between processes."""
    twin, score = run.twin, run.score
    return {
        "title": twin.scenario.title, "plan": twin.plan.name, "seed": twin.run_seed,
        "size": int(twin.city.persons.household.size), "share": twin.scenario.population.share,
        "duration_s": twin.scenario.duration_s, "wall_s": run.wall_s, "digest": run.digest,
        "people": score["ledger"]["people"],
        "metrics": score["metrics"],
        "scores": {name: score[name] for name in ("score", "efficiency", "fairness")},
    }


def print_run(console: Console, facts: dict[str, Any]) -> None:
    """Print one run from its `run_facts`: ledger, short table of metrics, time taken."""
    values = {m["name"]: m["value"] for m in facts["metrics"]}
    console.print(
        f"{facts['title']}: plan {facts['plan']}, seed {facts['seed']}, {facts['size']:,} people, "
        f"{facts['duration_s'] / 3600:.1f} h in {facts['wall_s']:.0f} s"
    )
    _print_sample(console, facts["share"])
    table = Table("people at the end", "count", show_header=True)
    for state, count in facts["people"].items():
        if count:
            table.add_row(state, f"{count:,}")
    console.print(table)
    _print_unreached(console, facts["metrics"])
    console.print(
        "warning in the danger zone: sent to "
        f"{percent(values['share_sent'])}, received by {percent(values['share_warned'])}, "
        f"believed by {percent(values['share_believed'])}\n"
        f"{values['customer_hours_without_power']:,.0f} customer-hours without power"
    )
    if values["no_place_at_meeting_point"]:
        console.print(f"{values['no_place_at_meeting_point']:,} people found a meeting point shut or full")
    console.print(_relief(facts["metrics"]))
    if values["crowd_pressed"] is not None:
        told = [
            f"{words} after {values[name]:.0f} s" if values[name] is not None else f"{words}: no"
            for name, words in (("crowd_noticed", "crush feared"), ("crowd_metered", "inflow metered"))
        ]
        console.print(f"visitors at venues: {', '.join(told)}; {values['crowd_pressed']:,.0f} "
                      "person-seconds at 5 people per m² or more")
    scores = facts["scores"]
    console.print(
        f"score {scores['score']:.2f} of 100, deaths first  efficiency {scores['efficiency']:.1f}  "
        f"fairness {scores['fairness']:.1f}   digest {facts['digest'][:12]}"
    )


def _print_sample(console: Console, share: float) -> None:
    """Say that counts are of a sample, where they are."""
    if share < 1.0:
        console.print(
            f"SAMPLE of {share:.12g} of the households: counts are of the sample; for the whole "
            f"city divide by {share:.12g}"
        )


def _print_about(console: Console, about: dict[str, Any]) -> None:
    """What a study played: scenario, length, seeds, and whether a sample of the people."""
    seeds = about["seeds"]
    told = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"
    console.print(f"{about['title']}: {about['duration_s'] / 3600:.1f} h, {told}")
    _print_sample(console, about["population_share"])


def _relief(metrics: list[dict[str, Any]]) -> str:
    """What relief the first day asks for, at the moment when the most people need it."""
    found = {m["name"]: m for m in metrics}
    most = found["relief_people"]
    if not most["value"]:
        return "relief for the first day: nobody in a shelter, at a meeting point or without a home"

    def at(name: str) -> str:
        return f"T+{found[name]['value'] / 60:.0f} min"

    sexes = most["by_group"].get("sex", {})
    split = ", ".join(f"{n:,.0f} {sex}" for sex, n in sexes.items())
    places = found["relief_places"]["value"]
    covered = f"{places:,} covered places"
    if places:
        covered += f" at most, at {at('relief_places_peak_after')}"
    return (
        f"relief for the first day: at most {most['value']:,} people, at {at('relief_peak_after')}"
        f"{f' (expected {split})' if split else ''}, {found['relief_people_at_end']['value']:,} at the "
        f"end; water {found['relief_water']['value']:,.0f} L, blood-pressure medicines for "
        f"{found['relief_medicines']['value']:,.0f} people; {covered}"
    )


def _print_unreached(console: Console, metrics: list[dict[str, Any]]) -> None:
    """How many incidents no unit reached, and what kept help from them in the end."""
    found = {m["name"]: m for m in metrics}
    missed, every = found["incidents_unanswered"], found["incidents"]
    if missed["value"]:
        def listed(group: str) -> str:
            counts = missed["by_group"].get(group, {})
            rows = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
            return ", ".join(f"{name} {count:,}" for name, count in rows)

        console.print(
            f"incidents no unit reached: {missed['value']:,} of {every['value']:,}: "
            f"{listed('outcome')} ({listed('reason')})"
        )


def print_comparison(console: Console, document: dict[str, Any]) -> None:
    """Print a comparison: one row a metric, one column a plan, differences with intervals."""
    plans = list(document["plans"])
    metrics = {metric["name"]: metric for metric in document["metrics"]}
    if "about" in document:
        _print_about(console, document["about"])
    table = Table(title=f"{document['replications']} replication(s), paired by seed")
    table.add_column("metric")
    table.add_column("unit")
    for plan in plans:
        table.add_column(plan, justify="right")
    for plan in plans[1:]:
        table.add_column(f"{plan} - {plans[0]}", justify="right")
    nothing, unmeasured = [], []
    for name, words, digits in [row for row in _SHORT if row[0] in metrics]:
        metric = metrics[name]
        means = {metric["plans"][plan]["mean"] for plan in plans}
        if means == {0} and name not in _ALWAYS:
            nothing.append(words.strip())
            continue
        if means == {None}:
            if name not in _OPTIONAL:
                unmeasured.append(words.strip())
            continue
        cells = [words, metric["unit"]]
        cells += [_with_interval(metric["plans"][plan], digits) for plan in plans]
        for plan in plans[1:]:
            difference = metric["differences"][plan]
            cells.append(_signed(difference, digits))
        table.add_row(*cells)
    console.print(table)
    if unmeasured:
        console.print(f"No value (not reached, or nothing to measure): {', '.join(unmeasured)}.")
    if nothing:
        console.print(f"0 in every run: {', '.join(nothing)}.")
    if document["replications"] == 1:
        console.print("One replication shows one world: no verdict without more seeds "
                      "(--replications).")


def _with_interval(entry: dict[str, Any], digits: int) -> str:
    text = number(entry["mean"], digits)
    if entry.get("ci95"):
        low, high = entry["ci95"]
        text += f" ({number(low, digits)} to {number(high, digits)})"
    return text


def _signed(entry: dict[str, Any], digits: int) -> str:
    if entry["mean"] is None:
        return "-"
    digits = _enough(entry, 1.0, digits)
    text = f"{entry['mean']:+,.{digits}f}"
    if entry.get("ci95"):
        low, high = entry["ci95"]
        text += f" ({low:+,.{digits}f} to {high:+,.{digits}f}) {entry['verdict']}"
    return text


def print_hindcast(console: Console, rows: list[dict[str, Any]], scenario: str) -> None:
    """Print a hindcast check: modelled beside observed, then sources and known defects."""
    runs = max((row["runs"] for row in rows), default=0)
    spread = "5-95 %" if runs >= 20 else "range"
    table = Table(title=f"{scenario}: modelled over {runs} seed(s) beside what was observed")
    table.add_column("figure", no_wrap=True)
    for name in ("median", spread, "observed", "target"):
        table.add_column(name, justify="right")
    table.add_column("within")
    for n, row in enumerate(rows, 1):
        digits = row["digits"]
        between = "-"
        if runs > 1:
            between = f"{number(row['p5'], digits)} to {number(row['p95'], digits)}"
        table.add_row(
            f"{n} {row['label']}, {row['unit']}", number(row["median"], digits), between,
            row["observed"], row["target"], "yes" if row["within"] else "NO",
        )
    console.print(table)
    for n, row in enumerate(rows, 1):
        remark = f" {row['remark']}" if row["remark"] else ""
        console.print(f"{n}  {row['source']}.{remark}")
    missed = [row["label"] for row in rows if not row["within"]]
    console.print(
        f"{len(rows) - len(missed)} of {len(rows)} figures within their target"
        + (f"; missed: {', '.join(missed)}" if missed else "")
    )


def print_sweep(console: Console, document: dict[str, Any], title: str) -> None:
    """Print how far each result spreads over the uncertain inputs, and which of them move it."""
    table = Table(title=f"{title}: plan {document['plan']}, {document['samples']} samples of "
                        f"{len(document['inputs'])} uncertain inputs", box=SIMPLE_HEAD)
    table.add_column("result", overflow="fold", width=34)
    for name in ("5 %", "median", "95 %"):
        table.add_column(name, justify="right", width=8)
    table.add_column("moved by (partial rank correlation)", overflow="fold")
    for row in document["rows"]:
        ends = [row[k] for k in ("p5", "median", "p95")]
        digits = 0 if max((abs(x) for x in ends if x is not None), default=0) >= 100 else 2
        moved = "\n".join(f"{x['key']} {x['rank_correlation']:+.2f}" for x in row["parts"][:4])
        table.add_row(f"{row['label']}, {row['unit']}", *(number(x, digits) for x in ends),
                      moved or "none shown")
    console.print(table)
    tests = len(document["inputs"]) * len(document["rows"])
    console.print(
        "Every sample has its own seed: the spread holds chance too. A correlation is shown where "
        f"chance gives one as strong in less than {document['shown_below_p']:.0%} of sweeps; of "
        f"{tests} looked at, about {tests * document['shown_below_p']:.0f} would be shown by chance."
    )


def print_worth(console: Console, document: dict[str, Any]) -> None:
    """Print what each lever is worth: differences without it, with half their 95 % intervals."""
    from engine.worth import METRICS

    scale = {"out_before_water": 100.0, "clearance_t50": 1 / 60}
    n = document["replications"]
    if "about" in document:
        _print_about(console, document["about"])
    table = Table(title=f"{document['plan']}: one lever off at a time, {n} seed(s), paired",
                  box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("without", overflow="fold", width=32)
    for _, words, _ in METRICS:
        table.add_column(words, justify="right", width=12)
    cells = [_scaled(document["as_written"][name]["mean"], scale.get(name, 1.0), digits)
             for name, _, digits in METRICS]
    table.add_row("(plan as written)", *cells, end_section=True)
    shown = 0
    for row in document["levers"]:
        cells = []
        for name, _, digits in METRICS:
            cell, starred = _half_width(row["differences"][name], scale.get(name, 1.0), digits)
            cells.append(cell)
            shown += starred
        table.add_row(f"{row['lever']}: {row['off']}", *cells)
    console.print(table)
    dead = [row["lever"] for row in document["levers"] if row["unchanged_runs"] == n]
    quiet = [row["lever"] for row in document["levers"]
             if not row["difference_shown"] and row["lever"] not in dead]
    if n == 1:
        console.print("One seed shows one world: no difference is shown without --replications.")
    else:
        total = len(document["levers"]) * len(METRICS)
        console.print(
            f"Differences are the plan without the lever minus the plan as written, ± half the 95 % "
            f"interval. * leaves out 0: {shown} of {total}, of which about {total / 20:.0f} by chance "
            "alone. A dash: not measured in every seed. Half out counts from the order: a later order "
            "shortens it."
        )
        if quiet:
            console.print(f"No difference shown: {', '.join(quiet)}.")
    if dead:
        console.print(f"Not one event changes in any seed without: {', '.join(dead)}.")
    for row in document["refused"]:
        console.print(f"Cannot be off alone: {row['lever']} ({row['reason']}).")


def _scaled(value: float | None, factor: float, digits: int) -> str:
    return number(None if value is None else value * factor, digits)


def _enough(entry: dict[str, Any], factor: float, digits: int) -> int:
    """Digits with which a difference that is shown is not printed as 0."""
    if entry["verdict"] in ("better", "worse"):
        while digits < 6 and round(entry["mean"] * factor, digits) == 0.0:
            digits += 1
    return digits


def _half_width(entry: dict[str, Any], factor: float, digits: int) -> tuple[str, bool]:
    """'+3.0 ±1.2 *' and whether the interval leaves out 0."""
    if entry["mean"] is None:
        return "-", False
    digits = _enough(entry, factor, digits)
    text = f"{entry['mean'] * factor:+,.{digits}f}"
    if entry.get("ci95") is None:
        return text, False
    low, high = entry["ci95"]
    starred = entry["verdict"] in ("better", "worse")
    text += f" ±{(high - low) / 2 * factor:,.{digits}f}"
    return text + (" *" if starred else ""), starred
