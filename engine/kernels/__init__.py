"""Numba kernels: pure functions on arrays.

Kernels import numpy, numba and `engine.rng` only. Units, names and meaning stay in the
modules that call them. Outputs come first, nothing is allocated per step, no fastmath (but for
`crowd.py`, whose last bits therefore differ between processor types), no
floating-point reduction whose order depends on threads.
"""

from engine.kernels._jit import LOCK, jit

__all__ = ["LOCK", "jit"]
