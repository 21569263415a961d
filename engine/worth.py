"""What each lever of a plan is worth: the same seeds with one lever switched off at a time.

Levers are found from the plan's own model, so that a new key is a lever without a word here. Off is
the value in the scenario's first plan where that differs, else the key's default, else false for
what is true. Of a list the whole is a lever (off: the first plan's list, or none), each entry
(off: left out), and each setting that its entries share (off: the default in all of them). What
cannot be off alone, because the plan would be no plan or would not fit the city, is named with the
reason.

Differences are the plan with the lever off minus the plan as written, paired by seed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from engine.city import City
from engine.errors import InputError, unknown
from engine.plan import Plan
from engine.prepare import prepare
from engine.scenario import Scenario
from engine.scoring.comparison import comparison

#: Keys that name things and move nobody.
LABELS = ("name", "title")
#: Metrics of the table: (name in score.json, words, digits).
METRICS = (
    ("deaths", "deaths", 1), ("severe_injuries", "severe injuries", 1),
    ("out_before_water", "out before water, %", 1),
    ("clearance_t50", "half out, min after order", 1), ("staff_hours", "staff-hours", 0),
)
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Lever:
    """One lever: its key path, what off means, and the plan with it off."""

    key: str
    off: str
    plan: Plan


@dataclass(frozen=True)
class Refused:
    """A lever that cannot be switched off alone, and why."""

    key: str
    reason: str


def find_levers(plan: Plan, first: Plan) -> tuple[list[Lever], list[Refused]]:
    """Every lever of `plan` in the order of the model; `first` is the scenario's first plan.

    Two levers that come to the same plan are one, under the first of their names.
    """
    found: list[Lever] = []
    refused: list[Refused] = []
    seen = {_content(plan)}
    for key, off, document in _switches(plan, None if first == plan else first):
        slug = re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")
        document["name"] = f"{plan.name}-without-{slug}"
        try:
            other = type(plan).model_validate(document)
        except ValidationError as error:
            refused.append(Refused(key, str(error.errors()[0]["msg"])))
            continue
        if _content(other) not in seen:
            seen.add(_content(other))
            found.append(Lever(key, off, other))
    return found, refused


def fitting(
    levers: Iterable[Lever], city: City, scenario: Scenario
) -> tuple[list[Lever], list[Refused]]:
    """Split `levers` into those whose plan fits the city and scenario, and the others."""
    good: list[Lever] = []
    refused: list[Refused] = []
    for lever in levers:
        try:
            prepare(city, scenario, lever.plan)
        except InputError as error:
            refused.append(Refused(lever.key, str(error)))
        else:
            good.append(lever)
    return good, refused


def chosen(levers: Sequence[Lever], layers: Sequence[str]) -> list[Lever]:
    """The levers whose key is, or lies below, one of `layers`; all where none is given."""
    for layer in layers:
        if not any(_below(lever.key, layer) for lever in levers):
            tops = dict.fromkeys(key for x in levers for key in (x.key.split(".")[0], x.key))
            raise unknown("layer", layer, list(tops), "--layers")
    return [x for x in levers if not layers or any(_below(x.key, layer) for layer in layers)]


def whole(levers: Sequence[Lever]) -> list[Lever]:
    """The levers that are no part of another one among them."""
    keys = {lever.key for lever in levers}
    return [
        x for x in levers
        if not any(x.key != key and _below(x.key, key) for key in keys) and ".*." not in x.key
    ]


def _below(key: str, layer: str) -> bool:
    return key == layer or key.startswith(f"{layer}.")


def _content(plan: Plan) -> str:
    return plan.model_dump_json(exclude={"name", "title"})


def _switches(plan: Plan, first: Plan | None) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(key, what off means, document with it off) of every lever."""
    for path, off, value in _walk(plan, first):
        document = plan.model_dump()
        label: list[str] = []
        here: Any = plan
        for part in path:
            label.append(_entry(here, part) if isinstance(part, int) else part)
            if part == "*":  # what follows is the name of the setting
                label.append(str(path[-1]))
                break
            here = here[part] if isinstance(part, int) else getattr(here, part)
        _put(document, path, value)
        if _without_homes(document, plan):
            off += ", with the homes that go there"
        yield ".".join(label), off, document


def _without_homes(document: dict[str, Any], plan: Plan) -> bool:
    """Leave out homes emptied on foot whose refuge has been left out; whether there were any."""
    refuges = {refuge["name"] for refuge in document["vertical_refuges"]}
    gone = {refuge.name for refuge in plan.vertical_refuges} - refuges
    rows = document["facility_evacuation"]
    document["facility_evacuation"] = [
        row for row in rows if row["mode"] != "foot" or row["to"] not in gone]
    return len(document["facility_evacuation"]) < len(rows)


_REMOVED = object()


def _put(document: Any, path: Path, value: Any) -> None:
    """Set, in nested dictionaries and lists, the key at `path`; "*" is every entry of a list."""
    part, rest = path[0], path[1:]
    if part == "*":
        for item in document:
            _put(item, rest, value)
        return
    if rest:
        if isinstance(document[part], tuple):
            document[part] = list(document[part])
        _put(document[part], rest, value)
    elif value is _REMOVED:
        del document[part]
    else:
        document[part] = _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _entry(items: Sequence[Any], row: int) -> str:
    """What an entry of a list is called: its name, kind, facility or number."""
    def word(item: Any) -> str:
        found = next((getattr(item, key) for key in ("name", "kind", "facility")
                      if getattr(item, key, None)), None)
        return str(found) if found else ""

    mine = word(items[row])
    if mine and sum(word(item) == mine for item in items) == 1:
        return mine
    return f"{mine} {row + 1}".strip()


def _default(info: FieldInfo) -> Any:
    return ... if info.is_required() else info.get_default(call_default_factory=True)


def _alternatives(block: BaseModel) -> bool:
    """A block of which every key may be left out is one lever: its keys are alternatives."""
    return all(
        not info.is_required() and _default(info) is None
        for info in type(block).model_fields.values()
    )


def _walk(block: BaseModel, first: Any, above: Path = ()) -> Iterator[tuple[Path, str, Any]]:
    """(path, what off means, value when off) of every lever below `block`; `first` is the same
    block of the first plan, None where it has none."""
    for field, info in type(block).model_fields.items():
        if field in LABELS:
            continue
        path = (*above, field)
        value, default = getattr(block, field), _default(info)
        other = getattr(first, field, ...) if first is not None else ...
        if isinstance(value, tuple):
            yield from _list(path, value, other, default)
        elif isinstance(value, BaseModel) and (default is None or _alternatives(value)):
            if other is not ... and other != value:
                yield path, "as in the first plan", other
            elif default is not ... and default != value:
                yield path, "left out", default
            if not _alternatives(value):
                yield from _walk(value, other if isinstance(other, BaseModel) else None, path)
        elif isinstance(value, BaseModel):
            yield from _walk(value, other if isinstance(other, BaseModel) else None, path)
        elif other is not ... and other != value:
            yield path, f"{_short(other)} (first plan)", other
        elif default is not ... and default != value:
            yield path, f"{_short(default)} (default)", default
        elif value is True:
            yield path, "false", False


def _list(path: Path, items: tuple[Any, ...], other: Any, default: Any) -> Iterator[
    tuple[Path, str, Any]
]:
    if not items:
        return
    if other is not ... and other != items and other:
        yield path, "as in the first plan", other
    else:
        yield path, "none", ()
    if not isinstance(items[0], BaseModel):
        return
    for row in range(len(items)):
        yield (*path, row), "left out", _REMOVED
    for field, info in type(items[0]).model_fields.items():
        off = _default(info)
        differs = any(getattr(item, field) != off for item in items)
        # What may be left out of an entry says where it applies, and is no setting of its own.
        if field in LABELS or off is ... or off is None or not differs:
            continue
        yield (*path, "*", field), f"{_short(off)} (default)", off


def _short(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(
        value, float) else str(value)


def table(
    plan: Plan, levers: Sequence[Lever], refused: Sequence[Refused],
    done: Mapping[tuple[str, int], Mapping[str, Any]],
) -> dict[str, Any]:
    """The result for JSON from the runs `done` [plan's name, seed] (`ensemble.play`).

    `unchanged_runs` counts the seeds in which the run without the lever is the same to the last
    event: there the lever had nothing to act on, which says more than an interval.
    """
    names = [plan.name, *(lever.plan.name for lever in levers)]
    seeds = sorted({seed for _, seed in done})
    document = comparison(
        names, {name: {s: done[(name, s)]["score"] for s in seeds} for name in names}
    )
    metrics = {m["name"]: m for m in document["metrics"]}
    rows = []
    for lever in levers:
        differences = {
            name: metrics[name]["differences"][lever.plan.name] for name, _, _ in METRICS
        }
        shown = [d["verdict"] for d in differences.values() if d["verdict"] in ("better", "worse")]
        same = sum(
            done[(plan.name, s)]["digest"] == done[(lever.plan.name, s)]["digest"] for s in seeds
        )
        rows.append({
            "lever": lever.key, "off": lever.off, "plan": lever.plan.name,
            "differences": differences, "difference_shown": bool(shown), "unchanged_runs": same,
        })
    return {
        "plan": plan.name, "replications": len(seeds),
        "as_written": {name: metrics[name]["plans"][plan.name] for name, _, _ in METRICS},
        "levers": rows,
        "refused": [{"lever": r.key, "reason": r.reason} for r in refused],
    }
