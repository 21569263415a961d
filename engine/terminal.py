"""What the commands share: options, progress, printing, and folders that are theirs to replace."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Annotated, Any

import typer

from engine.errors import InputError
from engine.inputs import MAX_SEED

Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Seed = Annotated[
    int, typer.Option("--seed", help="Seed of every random draw.", min=0, max=MAX_SEED)
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override a scenario key, for example --set duration_s=3600."),
]
Language = Annotated[str, typer.Option("--lang", help="Language of the page: en or zh.")]


CityOption = Annotated[
    str | None, typer.Option("--city", help="Folder of the run's city, unless it is built in.")
]


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
                            console=console(stderr=True))
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
        elif not self._quiet and (share >= 1.0 > self._shown or share - self._shown >= 0.25):
            self._shown = share
            wall = time.perf_counter() - self._begun
            print(f"{self._label}: {share:4.0%} after {wall:.0f} s", file=sys.stderr, flush=True)


def console(stderr: bool = False) -> Any:
    """A rich console: the terminal's width, or 100 columns where there is none."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 100
    # Names of plans and places are printed as they are.
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=False, markup=False, emoji=False)


def say(text: str, quiet: bool) -> None:
    """Print `text` unless --quiet."""
    if not quiet:
        print(text)


def say_values(values: dict[str, Any]) -> None:
    """Print `name: value` lines; what holds several numbers on one line, long fractions cut."""
    def short(value: Any) -> str:
        if isinstance(value, dict):
            return ", ".join(f"{key} {short(item)}" for key, item in value.items())
        return f"{value:.7g}" if isinstance(value, float) else str(value)

    for name, value in values.items():
        print(f"{name}: {short(value)}")


def dump(document: Any) -> None:
    """Print JSON with sorted keys."""
    print(json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False))


def language(lang: str) -> str:
    """The language of a page; InputError for one there is not."""
    if lang not in ("en", "zh"):
        raise InputError(f"--lang '{lang}': allowed are en and zh")
    return lang


def city_name(scenario: Any, given: str | None) -> str:
    """The city asked for, else the scenario's; a relative path is sought beside the scenario."""
    if given:
        return given
    beside = scenario.folder / scenario.city
    if os.path.isfile(beside / "city.toml"):
        return str(beside)
    from engine.city_io import city_folder
    from engine.yamlfile import located

    try:
        city_folder(scenario.city)
    except InputError as error:
        raise located(InputError(f"scenario '{scenario.name}': city: {error}"), scenario) from None
    return str(scenario.city)


def own_city(given: str | None) -> Any:
    """The city given by path, or None for the built-in one that the run names."""
    from engine.city_io import load_city

    return load_city(given) if given else None
