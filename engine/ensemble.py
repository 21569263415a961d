"""Many runs: every plan under every seed, or any list of jobs, in this process or in several.

Results depend on (city, scenario, plan, seed) alone, so the comparison is the same bytes however it
was computed. Workers use one numba thread each. A worker that dies takes its pool with it; what is
missing is then computed again in a new pool, twice at most. A run that fails takes nothing with it:
the others are played and kept, and the end tells which failed.
"""

from __future__ import annotations

import contextlib
import json
import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.city import City
from engine.errors import AnlanError, InputError, RunError
from engine.fingerprint import fingerprint
from engine.inputs import check_seed
from engine.plan import Plan
from engine.prepare import prepare
from engine.run import Run, resolve, simulate
from engine.runfolder import write_json
from engine.scenario import Scenario
from engine.scoring.comparison import comparison

Progress = Callable[[float, int], None]  # runs done, with those under way in parts; total
_POLL_S = 1.0
_MAX_POOLS = 3
_MOST_TOLD = 5  # failed runs named in a message

#: What is kept of a run beside its score: a function at the top of a module, so that it travels.
Extra = Callable[[Run], Any]

_worker: dict[str, Any] = {}


@dataclass(frozen=True)
class Job:
    """One run: `name` and seed tell it from the others and name its file."""

    name: str
    seed: int
    scenario: Scenario
    plan: Plan


def _prepare(city: City, extra: Extra | None = None, shares: Any = None) -> None:
    """Give a worker its inputs once; one numba thread, so that workers do not crowd each other.

    `shares`: memory shared with the parent, one number a job, in which it sees how far each run is.
    """
    import threading

    import numba

    threading.Thread(target=_leave_with_parent, daemon=True).start()
    numba.set_num_threads(1)
    _worker.update(city=city, extra=extra, shares=shares)


@dataclass(frozen=True)
class _Failure:
    """A run that failed, as text: not every exception finds its way back from a process."""

    name: str
    seed: int
    why: str
    wrong_input: bool


def _one(job: Job, row: int = -1) -> dict[str, Any] | _Failure:
    def far(share: float) -> None:
        _worker["shares"][row] = share

    try:
        run = simulate(
            _worker["city"], job.scenario, job.plan, job.seed, (), far if row >= 0 else None)
        result = {"plan": job.name, "seed": job.seed, "score": run.score, "digest": run.digest}
        if _worker["extra"] is not None:
            result["extra"] = _worker["extra"](run)
        return result
    except AnlanError as error:
        return _Failure(job.name, job.seed, str(error), isinstance(error, InputError))
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        why = f"{type(error).__name__}: {error} ({Path(place.filename).name}, line {place.lineno})"
        return _Failure(job.name, job.seed, why, False)


def compare(
    city: City | str | Path, scenario: Scenario | str | Path, plans: Sequence[Plan | str | Path],
    replications: int = 1, first_seed: int = 1, workers: int = 1, folder: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Play every plan under seeds first_seed .. first_seed + replications - 1.

    With `folder`, each finished run is kept there at once, and runs found there that belong to
    the same inputs are not computed again. Returns the dictionary of comparison.json.
    """
    city, scenario, plans = resolve(city, scenario, plans)
    names = [plan.name for plan in plans]
    if len(set(names)) != len(names) or len(names) < 2:
        raise InputError("compare needs two or more plans with different names")
    for plan in plans:  # one that cannot work is known before another has been played
        prepare(city, scenario, plan, first_seed)
    seeds = range(first_seed, first_seed + replications)
    done = play(city, scenario, plans, seeds, workers, folder, progress)
    scores = {name: {seed: done[(name, seed)]["score"] for seed in seeds} for name in names}
    return {"about": about(city, scenario, seeds), **comparison(names, scores)}


def about(city: City, scenario: Scenario, seeds: Sequence[int]) -> dict[str, Any]:
    """What was played, as it stands at the head of a comparison or a table of levers."""
    return {
        "scenario": scenario.name, "title": scenario.title, "city": city.name, "city_title": city.title,
        "duration_s": scenario.duration_s, "population_share": scenario.population.share,
        "seeds": list(seeds),
    }


def play(
    city: City, scenario: Scenario, plans: Sequence[Plan], seeds: Sequence[int], workers: int = 1,
    folder: Path | None = None, progress: Progress | None = None, extra: Extra | None = None,
    extra_inputs: str = "",
) -> dict[tuple[str, int], dict[str, Any]]:
    """Play every plan under every seed; the results by (plan's name, seed)."""
    if not seeds:
        raise InputError("replications is 0, must be 1 or more")
    jobs = [Job(plan.name, seed, scenario, plan) for seed in seeds for plan in plans]
    return play_jobs(city, jobs, workers, folder, progress, extra, extra_inputs)


def play_jobs(
    city: City, jobs: Sequence[Job], workers: int = 1, folder: Path | None = None,
    progress: Progress | None = None, extra: Extra | None = None, extra_inputs: str = "",
    each: Callable[[dict[str, Any]], None] | None = None,
) -> dict[tuple[str, int], dict[str, Any]]:
    """Play every job; the results by (name, seed).

    A result holds plan, seed, score, digest and, with `extra`, what that function makes of the
    run (and of `extra_inputs`, what else it reads). With `folder`, each is kept there at once and
    found again when all its inputs are the same. `each` is called with every new result. Where a run
    fails the others are still played and kept, and RunError names those that failed; where the input
    of one is wrong no further ones begin.
    """
    check_seed(max(job.seed for job in jobs))
    todo = {(job.name, job.seed): job for job in jobs}
    done: dict[tuple[str, int], dict[str, Any]] = {}
    inputs = {}
    if folder is not None:
        inputs = {key: _inputs(city, job, extra, extra_inputs) for key, job in todo.items()}
        done = _kept(folder, inputs)

    failed: list[_Failure] = []

    def finished(result: dict[str, Any] | _Failure) -> bool:
        """Keep a result; tell whether more runs should begin."""
        if isinstance(result, _Failure):
            failed.append(result)
            return not result.wrong_input
        key = (result["plan"], result["seed"])
        done[key] = result
        if folder is not None:
            _keep(folder, inputs[key], result)
        if each:
            each(result)
        far(0.0)
        return True

    def far(under_way: float) -> None:
        if progress:
            progress(len(done) + under_way, len(todo))

    missing = [job for key, job in todo.items() if key not in done]
    if workers <= 1:
        _worker.update(city=city, extra=extra)
        for job in missing:
            if not finished(_one(job)):
                break
    else:
        _in_processes((city, extra), missing, workers, finished, far)
    if failed:
        raise _told(failed, len(todo))
    return done


def _told(failed: list[_Failure], runs: int) -> AnlanError:
    """One message for all runs that failed."""
    wrong = next((x for x in failed if x.wrong_input), None)
    if wrong is not None:
        return InputError(f"{wrong.name}, seed {wrong.seed}: {wrong.why}")
    failed = sorted(failed, key=lambda x: (x.seed, x.name))
    lines = [f"{x.name}, seed {x.seed}: {x.why}" for x in failed[:_MOST_TOLD]]
    if len(failed) > _MOST_TOLD:
        lines.append(f"and {len(failed) - _MOST_TOLD} more")
    return RunError(f"{len(failed)} of {runs} runs failed\n  " + "\n  ".join(lines))


def _in_processes(
    inputs: tuple[Any, ...], missing: list[Job], workers: int,
    finished: Callable[[dict[str, Any] | _Failure], bool], far: Callable[[float], None],
) -> None:
    import multiprocessing

    left = {(job.name, job.seed): job for job in missing}
    for _ in range(_MAX_POOLS):
        if not left:
            return
        context = multiprocessing.get_context("spawn")
        shares = context.RawArray("d", len(left))
        try:
            with ProcessPoolExecutor(
                workers, mp_context=context, initializer=_prepare,
                initargs=(*inputs, shares),
            ) as pool:
                try:
                    with _interrupts_held():
                        jobs = {
                            pool.submit(_one, job, row): (row, key)
                            for row, (key, job) in enumerate(left.items())
                        }
                    waiting = set(jobs)
                    while waiting:
                        ended, waiting = wait(waiting, _POLL_S, FIRST_COMPLETED)
                        for run in sorted(ended, key=jobs.__getitem__):
                            if run.cancelled():
                                continue
                            more = finished(run.result())
                            del left[jobs[run][1]]
                            if not more:
                                for other in jobs:
                                    other.cancel()  # those under way go on to their end and are kept
                        far(sum(shares[jobs[run][0]] for run in waiting))
                    return
                except KeyboardInterrupt:
                    for process in multiprocessing.active_children():
                        process.terminate()
                    raise
        except BrokenProcessPool:
            continue
    if left:
        raise RunError(f"workers died {_MAX_POOLS} times; is there enough memory?")


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back while processes begin, so that none is left behind half begun.

    They inherit the mask of this thread and leave Ctrl-C to the parent for good.
    """
    import signal
    import threading

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    mask = None
    if hasattr(signal, "pthread_sigmask"):
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
    if held:
        raise KeyboardInterrupt


def _leave_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    import multiprocessing

    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _inputs(city: City, job: Job, extra: Extra | None, extra_inputs: str) -> str:
    more = f"{extra.__module__}.{extra.__qualname__}:{extra_inputs}" if extra is not None else ""
    return fingerprint(city, job.scenario, job.plan, more)


def _keep(folder: Path, inputs: str, result: dict[str, Any]) -> None:
    place = folder / "replications"
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{result['plan']}-{result['seed']}.json"
    temporary = path.with_suffix(".part")
    write_json(temporary, {"inputs": inputs, **result})
    os.replace(temporary, path)


def _kept(
    folder: Path, wanted: dict[tuple[str, int], str]
) -> dict[tuple[str, int], dict[str, Any]]:
    found = {}
    for (name, seed), inputs in wanted.items():
        path = folder / "replications" / f"{name}-{seed}.json"
        try:
            result = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if result.pop("inputs", "") == inputs:
            found[(name, seed)] = result
    return found


__all__ = ["Job", "compare", "play", "play_jobs"]
