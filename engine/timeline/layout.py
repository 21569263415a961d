"""Lines of 100 columns: labels with hanging text, clock times, marks for what is actual only."""

from __future__ import annotations

import textwrap

from engine.timeline.view import RunView, elapsed

WIDTH = 100
LABEL = 21  # width of the label column


def hang(head: str, text: str) -> list[str]:
    """`text` after `head`, wrapped at 100 columns under its own beginning."""
    return textwrap.wrap(
        text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head),
        break_long_words=False,
    ) or [head.rstrip()]


def block(label: str, texts: list[str]) -> list[str]:
    """A labelled part of a report; every text begins a line of its own."""
    out: list[str] = []
    for i, text in enumerate(texts or ["Nothing to report."]):
        head = f"{label:<{LABEL}}" if i == 0 else " " * LABEL
        out += hang(head, text)
    return out


def clock(view: RunView, t_s: float) -> str:
    """'21:40 (T+1:46)', with the day where it is another than at the start."""
    t_ms = int(t_s * 1000)
    local = view.local(t_ms)
    same = local.date() == view.local(0).date()
    return f"{local.strftime('%H:%M' if same else '%a %H:%M')} ({elapsed(t_ms)})"


def actual(text: str) -> str:
    """Mark what only the run knows."""
    return f"[actual: {text}]"
