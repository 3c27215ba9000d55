"""The sums behind the blur of an 8-bit gray picture, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from dataeval_spark.kernels.compiled_options import OPTIONS

SOURCES = "247370bf8dea0b31"  # see tests/kernels/test_compiled_sources.py

_COLUMNS = 4096
"""So many squares of at most (2 * 255)^2 fit into 32 bits."""


@njit(**OPTIONS)
def _squares(before: Any, twice: Any, after: Any) -> Any:
    total = np.int64(0)
    for first in range(0, len(twice), _COLUMNS):
        middle = twice[first : min(first + _COLUMNS, len(twice))]
        left, right = before[first:], after[first:]
        part = np.int32(0)
        for x in range(len(middle)):
            bend = np.int32(np.int16(np.int16(np.int16(left[x]) + np.int16(right[x])) - middle[x]))
            part = np.int32(part + np.int32(bend * bend))
        total += np.int64(part)
    return total


@njit(**OPTIONS)
def curvature_sums(gray: Any, height: int, width: int, step: int) -> Any:
    """Sums of squares of ``I(x - k) - 2 I(x) + I(x + k)`` for k = 1, 2 and 4, along every step-th row and across it.

    Pixels count that have four neighbours on both sides in the direction.
    """
    sums = np.zeros(3, np.int64)
    twice = np.empty(width, np.int16)
    for y in range(0, height, step):
        row = gray[y, :width]
        for x in range(width):
            twice[x] = np.int16(np.int16(row[x]) + np.int16(row[x]))
        if width > 8:
            middle = twice[4 : width - 4]
            for i in range(3):
                k = 1 << i
                sums[i] += _squares(row[4 - k : width - 4 - k], middle, row[4 + k : width - 4 + k])
        if 4 <= y < height - 4:
            for i in range(3):
                k = 1 << i
                sums[i] += _squares(gray[y - k, :width], twice, gray[y + k, :width])
    return sums
