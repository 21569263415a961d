"""Write the embedded folder of the test town anew."""

from __future__ import annotations

import tempfile
from pathlib import Path

from city_models.testtown.build import build_testtown
from engine.city_io import save_city


def main() -> None:
    """Build the town and replace the data files beside this module."""
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as work:
        save_city(build_testtown(), Path(work) / "town")
        for path in sorted((Path(work) / "town").iterdir()):
            (here / path.name).write_bytes(path.read_bytes())


if __name__ == "__main__":
    main()
