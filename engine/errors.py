"""The few exceptions a user can meet.

Every message names where the fault stands (file, key or line), the value, what is
allowed and, for a misspelt name, the nearest valid one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import date


class AnlanError(Exception):
    """Base of every error anlan raises on purpose; `exit_code` is the process exit code."""

    exit_code = 1


class InputError(AnlanError):
    """The input is wrong: nothing was run and nothing was written."""

    exit_code = 2


class RunError(AnlanError):
    """The run itself failed, for example because a conservation check did not hold."""

    exit_code = 1


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return ", did you mean 'x'?" for the closest of `valid`, or an empty string."""
    found = difflib.get_close_matches(str(name), [str(v) for v in valid], n=1, cutoff=0.5)
    return f", did you mean '{found[0]}'?" if found else ""


def shown(value: object, most: int = 60) -> str:
    """A value as a message shows it: short, lists and objects by their kind."""
    if value is None:
        return "empty"
    if isinstance(value, dict | list | tuple):
        return {dict: "a group of keys", list: "a list", tuple: "a list"}[type(value)]
    text = str(value) if isinstance(value, date) else repr(value)
    return text if len(text) <= most else f"{text[:most]}... ({len(str(value)):,} characters)"


def unknown(kind: str, name: str, valid: Iterable[str], where: str = "") -> InputError:
    """Return the error for a name that is not among `valid`."""
    names = sorted(str(v) for v in valid)
    some = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    prefix = f"{where}: " if where else ""
    hint = nearest(str(name)[:200], names)
    return InputError(f"{prefix}unknown {kind} {shown(str(name))}{hint} (allowed: {some})")
