"""Where results go: what anlan wrote may be replaced by anlan, everything else is left alone.

A folder is known by a file with the keys of its kind, not by that file's name alone. Only files of
that kind are replaced, and only when the new ones are whole; what else lies in the folder stays.
A place that cannot be written is told before anything is computed.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.errors import AnlanError, InputError

#: Kind of folder: the file it is known by and keys that this file holds.
_MARKS: dict[str, tuple[str, frozenset[str]]] = {
    "run": ("manifest.json",
            frozenset({"schema", "digest", "seed", "city", "scenario", "plan", "tables"})),
    "comparison": ("comparison.json",
                   frozenset({"plans", "replications", "metrics", "probability_best"})),
    "worth": ("worth.json", frozenset({"plan", "replications", "as_written", "levers"})),
    "hindcast": ("hindcast.json", frozenset({"scenario", "plan", "seeds", "figures"})),
    "sweep": ("sweep.json", frozenset({"scenario", "plan", "samples", "inputs", "rows"})),
}
_STUDIES = ("comparison", "worth", "hindcast", "sweep")
#: A study that was stopped: finished replications, no result yet.
UNFINISHED = "unfinished study"
_REPLICATION = frozenset({"inputs", "plan", "seed", "score", "digest"})
_RUN_FILES = frozenset({
    "manifest.json", "score.json", "events.parquet", "kpis.parquet", "parties.parquet",
    "inputs.jsonl", "replay.html", "report.html",  # pages tell of the run they lie beside
})


def _holds(path: Path, keys: frozenset[str]) -> bool:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(document, dict) and keys <= set(document)


def kind_of(folder: Path) -> str | None:
    """What anlan wrote into a folder: a kind, "" where it holds no file, None where it is not ours."""
    for kind, (name, keys) in _MARKS.items():
        if _holds(folder / name, keys):
            return kind
    if any(_holds(path, _REPLICATION) for path in (folder / "replications").glob("*.json")):
        return UNFINISHED
    return None if any(_files(folder)) else ""


def _files(folder: Path) -> Iterator[Path]:
    """Every file and link below a folder, relative to it; links are not followed."""
    for root, folders, names in os.walk(folder):
        for name in (*names, *(d for d in folders if os.path.islink(os.path.join(root, d)))):
            yield Path(root, name).relative_to(folder)


def _ours(folder: Path, file: Path, kind: str) -> bool:
    parts = file.parts
    if kind == "run":
        frame = len(parts) == 2 and parts[0] == "frames" and file.suffix == ".npz"
        return frame or str(file) in _RUN_FILES
    if len(parts) == 2 and parts[0] == "replications":
        return file.suffix == ".part" or _holds(folder / file, _REPLICATION)
    return str(file) in (_MARKS[kind][0], "report.html")


def check(target: Path, kind: str) -> Path:
    """The target's real path, if a result of `kind` may be written there; InputError otherwise."""
    given, target = target, Path(os.path.realpath(target))
    if os.path.lexists(target) and not os.path.isdir(target):
        raise InputError(f"{given}: exists and is not a folder; it is left alone")
    if os.path.isdir(target):
        found = kind_of(target)
        if found is None:
            raise InputError(f"{given}: exists and is not a result of anlan; it is left alone")
        if found not in ("", kind) and not (found == UNFINISHED and kind in _STUDIES):
            raise InputError(
                f"{given}: holds a result of another kind ({found}, not {kind}); it is left alone"
            )
    _try_folder(given, target)
    return target


def check_file(target: Path) -> None:
    """InputError where no file can be written at `target`."""
    if os.path.isdir(target):
        raise InputError(f"{target}: is a folder; give the name of a file")
    _try_folder(target, Path(os.path.realpath(target)))


def _try_folder(given: Path, target: Path) -> None:
    """Make and remove a folder where the target's first new part would come to stand."""
    above = target.parent
    while not os.path.lexists(above) and above != above.parent:
        above = above.parent
    try:
        os.rmdir(tempfile.mkdtemp(prefix=".anlan-", dir=above))
        if len(os.fsencode(target.name)) > 200:
            raise OSError(0, "the name is too long")
    except OSError as error:
        raise InputError(f"{given}: cannot be written ({error.strerror})") from None


def put(work: Path, target: Path, kind: str) -> None:
    """Move the whole folder `work` to `target`; files there that are not of this kind stay."""
    if not target.exists():
        os.replace(work, target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    os.replace(target, old)
    try:
        os.replace(work, target)
    except OSError:
        os.replace(old, target)
        raise
    for file in list(_files(old)):
        if not _ours(old, file, kind) and not os.path.lexists(target / file):
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            os.replace(old / file, target / file)
    shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def atomic_folder(target: Path, kind: str = "run") -> Iterator[Path]:
    """Yield a temporary folder that takes the place of `target` when the block ends well."""
    given, target = Path(target), check(Path(target), kind)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise InputError(f"{given}: cannot be written ({error.strerror})") from None
    try:
        os.chmod(temporary, 0o755)
        yield temporary
        for path in temporary.rglob("*"):
            if path.is_file():
                with open(path, "rb") as handle:
                    os.fsync(handle.fileno())
        put(temporary, target, kind)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


@contextlib.contextmanager
def study_folder(target: Path, kind: str, resume: bool) -> Iterator[Path]:
    """Yield the folder in which a study of many runs is kept while it is computed.

    That is `target` itself where it is new or gone on with. An older study of the same kind stays
    whole until the new one is: that one grows in TARGET.part and takes its place at the end.
    """
    given, target = Path(target), check(Path(target), kind)
    part = target.with_name(f"{target.name}.part")
    if os.path.lexists(part):
        check(part, kind)
    fresh = not target.is_dir() or kind_of(target) == ""
    if resume:
        work = part if part.is_dir() else target
    else:
        shutil.rmtree(part, ignore_errors=True)
        work = target if fresh else part
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{given}: cannot be written ({error.strerror})") from None
    try:
        yield work
    except (KeyboardInterrupt, AnlanError):
        if any(work.glob("replications/*.json")):
            shown = given.with_name(work.name)
            print(f"anlan: finished runs are in {shown}; go on with --resume", file=sys.stderr)
        raise
    finally:
        with contextlib.suppress(OSError):  # nothing came of it
            work.rmdir()
    if work != target:
        put(work, target, kind)


def write_whole(path: Path, text: str) -> None:
    """Write `text` so that `path` is either the old file or the whole new one."""
    path = Path(path)
    temporary = path.with_name(f".{path.name[:100]}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def other_inputs(folder: Path, inputs: Mapping[str, Any]) -> list[str]:
    """What the run in `folder` was given otherwise: some of city, scenario, plan, seed, inputs."""
    if kind_of(folder) != "run":
        return []
    written = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    found = {"seed": written["seed"]}
    for name in ("city", "scenario", "plan"):
        entry = written[name]
        found[name] = entry.get("hash") if isinstance(entry, dict) else entry
    try:
        found["inputs"] = (folder / "inputs.jsonl").read_text(encoding="utf-8")
    except (OSError, ValueError):
        found["inputs"] = ""
    return [name for name, value in inputs.items() if found.get(name) != value]


def free_folder(wanted: Path, inputs: Mapping[str, Any]) -> Path:
    """`wanted`, or the first of wanted-2, wanted-3 ... that is free or holds the same run."""
    for number in itertools.count(1):
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        if not os.path.lexists(folder):
            return folder
        if folder.is_dir() and kind_of(folder) in ("", "run") and not other_inputs(folder, inputs):
            return folder
    raise AssertionError
