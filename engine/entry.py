"""The program `anlan` from its first instruction: Ctrl-C while modules are loaded stops it quietly."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Load the command line and run it."""
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, _stop)
    from engine.cli import main as run

    if ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


def _stop(*_: object) -> None:
    os.write(2, b"anlan: stopped; nothing was begun\n")
    os._exit(130)


if __name__ == "__main__":
    main()
