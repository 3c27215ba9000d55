"""Options with which numba compiles the kernels and keeps their cached machine code true to the sources."""

from __future__ import annotations

from typing import Any

from numba import njit


def _probe() -> None:
    return None


def _is_cacheable() -> bool:
    # Numba refuses cache=True where it can write neither beside the sources nor in the user's cache directory (a
    # container without a home): code is then compiled in every process, which takes some twenty seconds.
    try:
        njit(cache=True)(_probe)
    except RuntimeError:
        return False
    return True


OPTIONS: dict[str, Any] = {"cache": _is_cacheable(), "nogil": True, "error_model": "numpy"}
"""No fastmath: results are equal to the last bit."""
