"""What the kernels see eight at once equals what they would see one by one."""

from __future__ import annotations

import numpy as np
import pytest

from engine.kernels._jit import at, eight_below, eight_equal, eight_least, first_bit, jit, put

FAR = 1 << 60


@jit()
def seen(numbers, first, bound, mask, which, out):  # type: ignore[no-untyped-def]
    """Write what each function tells of the eight entries from `first` on."""
    out[0] = eight_below(numbers, first, bound)
    out[1] = eight_equal(numbers, first, mask, bound & mask)
    out[2] = eight_least(numbers, first, which)
    out[3] = first_bit(which) if which != 0 else -1
    put(out, 4, at(numbers, first))


@pytest.mark.parametrize("seed", range(20))
def test_eight_entries_are_seen_as_one_by_one(seed: int) -> None:
    draw = np.random.default_rng(seed)
    small = draw.integers(-3, 4, 24)
    numbers = np.where(draw.random(24) < 0.3, FAR, small * draw.choice([1, 1 << 33]))
    first, bound = int(draw.integers(0, 17)), int(draw.choice(numbers))
    mask, which = int(draw.choice([-1, 0xFFFFFFFF, 3])), int(draw.integers(0, 256))
    eight = [int(x) for x in numbers[first : first + 8]]
    out = np.zeros(5, dtype=np.int64)
    seen(numbers, first, bound, mask, which, out)
    kept = [x for c, x in enumerate(eight) if which >> c & 1]
    assert out.tolist() == [
        sum((x < bound) << c for c, x in enumerate(eight)),
        sum((x & mask == bound & mask) << c for c, x in enumerate(eight)),
        min([*kept, FAR]),
        (which & -which).bit_length() - 1,
        eight[0],
    ]
