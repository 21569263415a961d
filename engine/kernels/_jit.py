"""One decorator for every kernel: cache folder, threading layer, one process-wide lock.

Numba keys its disk cache on the file of the compiled function alone and so misses an edit in
a callee that lives in another file. The cache folder is therefore named by the hash of all
kernel sources, numba's version and the CPU. Where nothing is writable, kernels compile in
memory.
"""

from __future__ import annotations

import hashlib
import os
import platform
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

# OpenMP collapses on a loaded machine; the layer must be named before numba loads.
os.environ.setdefault("NUMBA_THREADING_LAYER", "workqueue")

_HERE = Path(__file__).resolve().parent


def _source_hash() -> str:
    digest = hashlib.sha256()
    for path in [*sorted(_HERE.glob("*.py")), _HERE.parent / "rng.py"]:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _cache_dir() -> Path | None:
    """Return a writable cache folder for compiled kernels, or None."""
    import platformdirs

    base = os.environ.get("ANLAN_CACHE_DIR") or platformdirs.user_cache_dir("anlan")
    cpu = hashlib.sha256((platform.machine() + platform.processor()).encode()).hexdigest()[:8]
    folder = Path(base) / "kernels" / f"{_source_hash()}-{cpu}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        return None
    return folder


_CACHE = None
if "NUMBA_CACHE_DIR" in os.environ:
    _CACHE = Path(os.environ["NUMBA_CACHE_DIR"])
else:
    _CACHE = _cache_dir()
    if _CACHE is not None:
        os.environ["NUMBA_CACHE_DIR"] = str(_CACHE)

import numba  # noqa: E402  (the environment above must be set first)
from llvmlite import ir  # noqa: E402
from numba.core import cgutils, types  # noqa: E402
from numba.core.errors import TypingError  # noqa: E402
from numba.extending import intrinsic  # noqa: E402

if _CACHE is not None:
    numba.config.CACHE_DIR = str(_CACHE)

# The workqueue layer is not safe for concurrent launches from several Python threads.
LOCK = threading.RLock()


def jit(
    parallel: bool = False, inline: str = "never", fast: bool = False
) -> Callable[[Callable[..., Any]], Any]:
    """Compile a kernel in nopython mode, cached on disk where a folder is writable.

    A parallel kernel is launched behind `LOCK`; call sites need nothing of their own. `fast` lets
    the compiler reorder sums: results are the same for any number of threads, not on every CPU.
    """

    def wrap(function: Callable[..., Any]) -> Any:
        compiled = numba.njit(
            cache=_CACHE is not None, parallel=parallel, nogil=True, inline=inline, fastmath=fast,
            error_model="numpy" if fast else "python",
        )(function)
        if not parallel:
            return compiled

        def launch(*args: Any) -> Any:
            with LOCK:
                return compiled(*args)

        launch.__doc__ = function.__doc__
        launch.__name__ = function.__name__
        launch.compiled = compiled  # type: ignore[attr-defined]
        return launch

    return wrap


@intrinsic  # type: ignore[untyped-decorator]
def at(_: Any, array: Any, index: Any) -> Any:
    """Return entry `index` of `array`, all dimensions as one; not checked for counting from the end.

    An entry that is a record is not copied: its fields can be set. The check, at every access, is a
    good part of what a kernel does that follows numbers from record to record.
    """
    if not isinstance(array, types.Array) or array.layout != "C":
        raise TypingError("at: a contiguous array is needed")

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        data = context.make_array(array)(context, builder, values[0]).data
        return context.unpack_value(builder, array.dtype, builder.gep(data, [values[1]]))

    return array.dtype(array, types.int64), build


@intrinsic  # type: ignore[untyped-decorator]
def put(_: Any, array: Any, index: Any, value: Any) -> Any:
    """Set entry `index` of `array`, a plain number, as unchecked as `at`."""
    if not isinstance(array, types.Array) or array.layout != "C":
        raise TypingError("put: a contiguous array is needed")

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        data = context.make_array(array)(context, builder, values[0]).data
        context.pack_value(builder, array.dtype, values[2], builder.gep(data, [values[1]]))
        return context.get_dummy_value()

    return types.void(array, types.int64, array.dtype), build


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(_: Any, array: Any, at: Any, byte: Any) -> Any:
    """Ask memory for byte `byte` of entry `at` of `array`, without waiting; no other effect."""
    if not isinstance(array, types.Array) or array.layout != "C":
        raise TypingError("prefetch: a contiguous array is needed")

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        data = context.make_array(array)(context, builder, values[0]).data
        line, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        entry = builder.bitcast(builder.gep(data, [values[1]]), line)
        where = builder.gep(entry, [values[2]])
        kind = ir.FunctionType(ir.VoidType(), [line, word, word, word])
        call = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        # For reading (0), into every level of the cache (3), data (1).
        builder.call(call, [where, word(0), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64), build


def _eight(context: Any, builder: Any, kind: Any, array: Any, first: Any) -> Any:
    """Eight entries of eight bytes, seen as integers."""
    data = context.make_array(kind)(context, builder, array).data
    vector = ir.VectorType(ir.IntType(64), 8)
    return builder.load(builder.bitcast(builder.gep(data, [first]), vector.as_pointer()), align=8)


def _eight_times(builder: Any, value: Any) -> Any:
    vector = ir.VectorType(value.type, 8)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), 8), [0] * 8)
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)


@intrinsic  # type: ignore[untyped-decorator]
def eight_below(_: Any, array: Any, first: Any, bound: Any) -> Any:
    """Return which of the eight entries from `first` on are less than `bound`: bit 0 for the first."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        entries = _eight(context, builder, array, values[0], values[1])
        below = builder.icmp_signed("<", entries, _eight_times(builder, values[2]))
        return builder.zext(builder.bitcast(below, ir.IntType(8)), ir.IntType(64))

    return types.int64(array, types.int64, types.int64), build


@intrinsic  # type: ignore[untyped-decorator]
def eight_equal(_: Any, array: Any, first: Any, mask: Any, value: Any) -> Any:
    """Return which of the eight entries from `first` on, of their bits in `mask`, equal `value`.

    An entry may be a record of eight bytes.
    """

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        entries = _eight(context, builder, array, values[0], values[1])
        entries = builder.and_(entries, _eight_times(builder, values[2]))
        equal = builder.icmp_signed("==", entries, _eight_times(builder, values[3]))
        return builder.zext(builder.bitcast(equal, ir.IntType(8)), ir.IntType(64))

    return types.int64(array, types.int64, types.int64, types.int64), build


@intrinsic  # type: ignore[untyped-decorator]
def eight_least(_: Any, array: Any, first: Any, which: Any) -> Any:
    """Return the least of the eight entries from `first` on whose bits in `which` are set.

    2**60 if that is less, or if there is none.
    """

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        entries = _eight(context, builder, array, values[0], values[1])
        flags = builder.bitcast(builder.trunc(values[2], ir.IntType(8)), ir.VectorType(ir.IntType(1), 8))
        most = _eight_times(builder, ir.IntType(64)(1 << 60))
        kind = ir.FunctionType(ir.IntType(64), [entries.type])
        least = cgutils.get_or_insert_function(builder.module, kind, "llvm.vector.reduce.smin.v8i64")
        return builder.call(least, [builder.select(flags, entries, most)])

    return types.int64(array, types.int64, types.int64), build


@intrinsic  # type: ignore[untyped-decorator]
def first_bit(_: Any, bits: Any) -> Any:
    """Return the number of the lowest bit that is set in `bits` (not 0)."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.cttz(values[0], ir.IntType(1)(1))

    return types.int64(types.int64), build
