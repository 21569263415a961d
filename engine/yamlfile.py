"""Read a YAML file into a pydantic model with one clear message for the first thing wrong.

The message names the file, line, key path, value, what is allowed and, for an unknown key, the
nearest valid one.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from engine.errors import InputError, nearest

MAX_BYTES = 4_000_000


class Strict(BaseModel):
    """Base of everything read from a file: frozen, no unknown keys, no coercion from strings."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_coercion(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse numbers in quotes and yes/no where a number is wanted."""
        if isinstance(value, (str, bool)) and info.field_name in cls.model_fields:
            kinds = set(_unfold(cls.model_fields[info.field_name].annotation)) - {type(None)}
            if kinds and kinds <= {int, float}:
                raise ValueError("expected a number, without quotes")
        return value


Model = TypeVar("Model", bound=Strict)


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[tuple[Any, ...], int]]:
    """Return (document, line of each key path); raise InputError for what is not a mapping."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES:,} bytes, which no such file needs")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text") from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        document = yaml.safe_load(text)
        lines: dict[tuple[Any, ...], int] = {}
        _collect_lines(node, (), lines, str(path))
    except RecursionError:
        raise InputError(f"{path}: nested too deeply") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not valid YAML"
        raise InputError(f"{path}{line}: {problem}") from None
    if not isinstance(document, dict):
        raise InputError(f"{path}: expected keys with values, got {type(document).__name__}")
    return document, lines


def _collect_lines(
    node: yaml.Node | None, path: tuple[Any, ...], lines: dict[tuple[Any, ...], int], file: str
) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                raise InputError(
                    f"{file}:{key.start_mark.line + 1}: key '{key.value}' must be a text"
                )
            name = (*path, key.value)
            if name in lines:
                raise InputError(f"{file}:{key.start_mark.line + 1}: '{key.value}' is given twice")
            lines[name] = key.start_mark.line + 1
            _collect_lines(value, name, lines, file)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*path, index)] = value.start_mark.line + 1
            _collect_lines(value, (*path, index), lines, file)


def parse(
    model: type[Model], document: dict[str, Any], lines: dict[tuple[Any, ...], int], file: str
) -> Model:
    """Validate `document`; raise one InputError for the first fault."""
    try:
        return model.model_validate(document, strict=False)
    except ValidationError as error:
        raise InputError(_message(model, error, lines, file)) from None


def load(model: type[Model], path: Path, overrides: Iterable[str] = ()) -> Model:
    """Read `path` as `model`, after applying `key.path=value` overrides."""
    document, lines = read_yaml(path)
    for item in overrides:
        apply_override(document, item)
    return parse(model, document, lines, str(path))


def apply_override(document: dict[str, Any], item: str) -> None:
    """Apply one `key.path=value`; the value is read as YAML."""
    key, sep, text = item.partition("=")
    parts = key.strip().split(".")
    if not sep or not all(parts):
        raise InputError(f"--set '{item}': expected key.path=value")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise InputError(f"--set '{item}': the value is not valid YAML") from None
    target: Any = document
    for part in parts[:-1]:
        if isinstance(target, list):
            if not part.isdigit() or int(part) >= len(target):
                raise InputError(f"--set '{item}': '{part}' is not a row of the list")
            target = target[int(part)]
            continue
        if not isinstance(target, dict):
            raise InputError(f"--set '{item}': '{part}' has nothing below it")
        target = target.setdefault(part, {})
    last = parts[-1]
    if isinstance(target, list) and last.isdigit() and int(last) < len(target):
        target[int(last)] = value
    elif isinstance(target, dict):
        target[last] = value
    else:
        raise InputError(f"--set '{item}': '{last}' cannot be set")


def _message(
    model: type[Strict], error: ValidationError, lines: dict[tuple[Any, ...], int], file: str
) -> str:
    faults = error.errors()
    # A misspelt key that is required shows as missing and as unknown: the spelling is the fault.
    first = next((f for f in faults if f["type"] == "extra_forbidden"), faults[0])
    location = tuple(first["loc"])
    path = tuple(part for part in location if not _is_tag(part, lines))
    line = next(
        (lines[path[:size]] for size in range(len(path), 0, -1) if path[:size] in lines), None
    )
    where = f"{file}:{line}" if line else file
    key = ".".join(str(part) for part in path) or "(top)"
    if first["type"] == "extra_forbidden":
        valid = sorted(_fields_at(model, path[:-1]))
        return (
            f"{where}: unknown key '{key}'{nearest(str(path[-1]), valid)} "
            f"(allowed here: {', '.join(valid)})"
        )
    if first["type"] == "missing":
        return f"{where}: '{key}' is missing"
    value = first.get("input")
    shown = repr(value) if not isinstance(value, (dict, list)) else type(value).__name__
    allowed = first["msg"].removeprefix("Value error, ")
    hint = ""
    expected = first.get("ctx", {}).get("expected")
    if isinstance(expected, str) and isinstance(value, str):
        hint = nearest(value, [part.strip(" '") for part in expected.replace(" or ", ",").split(",")])
    return f"{where}: '{key}' is {shown}: {allowed}{hint}"


def _is_tag(part: Any, lines: dict[tuple[Any, ...], int]) -> bool:
    """Pydantic puts the names of union members and validators into a location."""
    if not isinstance(part, str):
        return False
    return part.startswith(("function-", "literal[")) or (part[:1].isupper() and part.isalnum())


def _fields_at(model: Any, path: tuple[Any, ...]) -> set[str]:
    """Field names allowed below a key path, through lists, dicts and unions."""
    candidates: list[Any] = [model]
    for part in path:
        following: list[Any] = []
        for candidate in candidates:
            for item in _unfold(candidate):
                if isinstance(item, type) and issubclass(item, BaseModel):
                    if part in item.model_fields:
                        following += _unfold(item.model_fields[part].annotation)
                else:
                    following += [a for a in typing.get_args(item) if a is not type(None)]
        candidates = following
    names: set[str] = set()
    for candidate in candidates:
        for item in _unfold(candidate):
            if isinstance(item, type) and issubclass(item, BaseModel):
                names |= set(item.model_fields)
    return names


def _unfold(annotation: Any) -> list[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _unfold(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [x for a in typing.get_args(annotation) for x in _unfold(a)]
    return [annotation]
