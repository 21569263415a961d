"""Read a YAML file into a pydantic model with one clear message for the first thing wrong.

The message names the file, line, key path, value, what is allowed and, for an unknown key, the
nearest valid one.
"""

from __future__ import annotations

import os
import re
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from engine.errors import InputError, nearest, shown

MAX_BYTES = 4_000_000
MAX_TEXT = 500
Lines = dict[tuple[Any, ...], int]


class _Loader(yaml.SafeLoader):
    """YAML 1.1 with decimal numbers only: 1e-9 is a number; 0600, 0x10, 1:00 and 1_000 are texts,
    which no key for a number takes, where YAML 1.1 reads 384, 16, 60 and 1000."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in rows if not tag.endswith((":int", ":float"))]
        for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(0|[1-9]\d*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^([-+]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][-+]?\d+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"),
    list("-+.0123456789"),
)


@dataclass(frozen=True)
class Source:
    """Where a document comes from: its file, the line of each key path, what --set replaced."""

    file: str
    lines: Lines
    sets: dict[tuple[Any, ...], str] = field(default_factory=dict)

    def where(self, path: tuple[Any, ...]) -> str:
        """File and line of a key path, or the --set that gave it."""
        for size in range(len(path), 0, -1):
            if path[:size] in self.sets:
                return f"--set '{self.sets[path[:size]]}'"
            if path[:size] in self.lines:
                # A rule between keys may be broken by a --set below the place it is told at.
                below = [item for key, item in self.sets.items() if key[:size] == path[:size]]
                with_set = f" with --set '{below[0]}'" if below else ""
                return f"{self.file}:{self.lines[path[:size]]}{with_set}"
        with_set = f" with --set '{next(iter(self.sets.values()))}'" if self.sets else ""
        return f"{self.file}{with_set}"


class Strict(BaseModel):
    """Base of everything read from a file: frozen, no unknown keys, no coercion from strings."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    _source: Source | None = PrivateAttr(default=None)

    @field_validator("*", mode="before")
    @classmethod
    def _no_coercion(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse text and yes/no where a number is wanted, and text where true or false is."""
        if isinstance(value, (str, bool)) and info.field_name in cls.model_fields:
            kinds = set(_unfold(cls.model_fields[info.field_name].annotation)) - {type(None)}
            if kinds and kinds <= {int, float}:
                raise ValueError("expected a plain decimal number such as 600 or 0.8")
            if kinds == {bool} and isinstance(value, str):
                raise ValueError("expected true or false, without quotes")
        for text in value if isinstance(value, list | tuple) else (value,):
            if isinstance(text, str):
                _check_text(text)
        return value


def _check_text(text: str) -> None:
    if len(text) > MAX_TEXT:
        raise ValueError(f"at most {MAX_TEXT} characters are allowed")
    if any(ord(letter) < 32 for letter in text.rstrip("\n")):
        raise ValueError("control characters are not allowed")
    if not text.strip():
        raise ValueError("must not be empty")


Model = TypeVar("Model", bound=Strict)


def read_yaml(path: Path) -> tuple[dict[str, Any], Lines]:
    """Return (document, line of each key path); raise InputError for what is not a mapping."""
    if os.path.isdir(path):
        raise InputError(f"{path}: is a folder, not a file")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES:,} bytes, which no such file needs")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text") from None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        lines: Lines = {}
        fault = None
        try:  # before the document is made, which rewrites the nodes of merged keys
            _collect_lines(node, (), lines, str(path))
        except InputError as error:
            fault = error
        document = None if node is None else loader.construct_document(node)
        if fault:
            raise fault
    except RecursionError:
        raise InputError(f"{path}: nested too deeply") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = _plain_problem(getattr(error, "problem", None) or "")
        raise InputError(f"{path}{line}: {problem}") from None
    except ValueError as error:  # a date such as 2024-02-31
        raise InputError(f"{path}: not valid YAML ({error})") from None
    if not isinstance(document, dict):
        kinds = {type(None): "an empty file", list: "a list", str: "one text"}
        got = kinds.get(type(document), "one value")
        raise InputError(f"{path}: expected keys with values, got {got}")
    return document, lines


def _plain_problem(problem: str) -> str:
    """What the parser says, for somebody who does not write parsers."""
    if problem.startswith("expected <document start>") or "another document" in problem:
        return "a second document or a line that is no key begins here (one set of keys a file)"
    if problem.startswith(("expected", "did not find expected", "mapping values", "while")):
        return ("not valid YAML here or just above: look for wrong indentation, a missing colon, or an "
                "open bracket or quote")
    if "unexpected end of stream" in problem:
        return "a quote or bracket is not closed"
    if "'\\t'" in problem:
        return "a tab stands where only blanks are allowed"
    if problem.startswith("could not determine a constructor"):
        return "tags (words that begin with !) are not allowed"
    return problem or "not valid YAML"


def _collect_lines(
    node: yaml.Node | None, path: tuple[Any, ...], lines: Lines, file: str
) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                decimal = " (decimals are written with a point: 0.8)" if str(key.value).isdigit() else ""
                raise InputError(
                    f"{file}:{key.start_mark.line + 1}: key '{key.value}' must be a text{decimal}"
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


def parse(model: type[Model], document: dict[str, Any], source: Source) -> Model:
    """Validate `document`; raise one InputError for the first fault."""
    try:
        found = model.model_validate(document, strict=False)
    except ValidationError as error:
        raise InputError(_message(model, error, source)) from None
    found._source = source
    return found


def load(model: type[Model], path: Path, overrides: Iterable[str] = ()) -> Model:
    """Read `path` as `model`, after applying `key.path=value` overrides."""
    document, source = read_overridden(path, overrides)
    return parse(model, document, source)


def read_overridden(path: Path, overrides: Iterable[str] = ()) -> tuple[dict[str, Any], Source]:
    """The document of a file after its overrides, and where its keys come from."""
    document, lines = read_yaml(path)
    source = Source(str(path), lines)
    for item in overrides:
        source.sets[apply_override(document, item)] = item if len(item) <= 80 else f"{item[:80]}..."
    return document, source


def located(error: InputError, *models: Strict) -> InputError:
    """The error with file and line, where it begins with "plan 'NAME': KEY" of one of `models`."""
    text = str(error)
    for model in models:
        label = f"{type(model).__name__.lower()} '{getattr(model, 'name', '')}': "
        if model._source is None or not text.startswith(label):
            continue
        rest = text.removeprefix(label)
        return InputError(f"{model._source.where(_path_told(type(model), rest))}: {rest}")
    return error


def _path_told(model: type[Strict], text: str) -> tuple[Any, ...]:
    """The key path that a message begins with; empty if it begins with none of the model's."""
    word = re.match(r"[a-z_0-9]+(\.[a-z_0-9]+)*", text)
    path = tuple(int(p) if p.isdigit() else p for p in word[0].split(".")) if word else ()
    return path if path and path[0] in model.model_fields else ()


def apply_override(document: dict[str, Any], item: str) -> tuple[Any, ...]:
    """Apply one `key.path=value`, the value read as YAML, and return the key path."""
    key, sep, text = item.partition("=")
    parts = key.strip().split(".")
    if not sep or not all(parts):
        raise InputError(f"--set '{item}': expected key.path=value")
    try:
        value = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise InputError(f"--set '{item}': the value is not valid YAML") from None
    target: Any = document
    path: list[Any] = []
    for part in parts[:-1]:
        path.append(int(part) if isinstance(target, list) and part.isdigit() else part)
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
        return (*path, int(last))
    if not isinstance(target, dict):
        raise InputError(f"--set '{item}': '{last}' cannot be set")
    target[last] = value
    return (*path, last)


def _message(model: type[Strict], error: ValidationError, source: Source) -> str:
    faults = error.errors()
    # A misspelt key that is required shows as missing and as unknown: the spelling is the fault.
    first = next((f for f in faults if f["type"] == "extra_forbidden"), faults[0])
    location = tuple(first["loc"])
    path = tuple(part for part in location if not _is_tag(part))
    # A rule of the whole document tells the key it is about itself.
    where = source.where(path or _path_told(model, _words(first)))
    key = ".".join(str(part) for part in path)
    if first["type"] == "extra_forbidden":
        valid = sorted(_fields_at(model, path[:-1]))
        return (
            f"{where}: unknown key '{shown(key).strip(chr(39))}'"
            f"{nearest(str(path[-1])[:200], valid)} (allowed here: {', '.join(valid)})"
        )
    if first["type"] == "missing":
        return f"{where}: '{key}' is missing"
    value = first.get("input")
    allowed = _words(first)
    hint = ""
    expected = first.get("ctx", {}).get("expected")
    if isinstance(expected, str) and isinstance(value, str):
        hint = nearest(
            value[:200], [part.strip(" '") for part in expected.replace(" or ", ",").split(",")]
        )
    if not isinstance(value, dict | list) or first["type"] != "value_error":
        subject = f"'{key}' is {shown(value)}: " if key else ""
    else:  # a rule between keys
        subject = f"'{key}': " if key else ""
    return f"{where}: {subject}{allowed}{hint}"


def _words(fault: Any) -> str:
    """What is allowed, in plain words."""
    kind, limits = fault["type"], fault.get("ctx", {})
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        word, limit = {
            "greater_than": ("above", "gt"), "greater_than_equal": ("at least", "ge"),
            "less_than": ("below", "lt"), "less_than_equal": ("at most", "le"),
        }[kind]
        return f"must be {word} {limits[limit]:,.12g}"
    if kind in ("too_short", "too_long"):
        bound = limits["min_length" if kind == "too_short" else "max_length"]
        return f"needs {'at least' if kind == 'too_short' else 'at most'} {bound} row(s)"
    if kind == "string_too_long":
        return f"at most {limits['max_length']} characters are allowed"
    if kind == "string_pattern_mismatch":
        return "allowed are a-z, 0-9 and hyphens" if "a-z" in limits["pattern"] else (
            f"must fit {limits['pattern']}")
    if kind == "literal_error":
        return f"allowed: {limits['expected']}"
    plain = {
        "tuple_type": "expected a list", "list_type": "expected a list",
        "model_type": "expected keys with values", "dict_type": "expected keys with values",
        "model_attributes_type": "expected keys with values",
        "float_type": "expected a number", "float_parsing": "expected a number",
        "int_type": "expected a whole number", "int_parsing": "expected a whole number",
        "int_from_float": "expected a whole number", "finite_number": "must be a finite number",
        "bool_type": "expected true or false", "bool_parsing": "expected true or false",
        "string_type": "expected text", "string_too_short": "must not be empty",
    }
    return plain.get(kind, str(fault["msg"]).removeprefix("Value error, "))


def _is_tag(part: Any) -> bool:
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
