"""The sum behind the noise estimate of an 8-bit gray picture, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from dataeval_spark.kernels.numba_options import OPTIONS

SOURCES = "54ae711d5e2b6f74"  # see tests/kernels/images/compiled/test_sources.py

_CHUNK = 1 << 19
"""So many values of at most 8 x 255 fit into 32 bits."""


@njit(**OPTIONS)
def laplacian_difference_sum(gray: Any, height: int, width: int) -> Any:
    """Sum of absolute values of the mask [1 -2 1; -2 4 -2; 1 -2 1] over the inner pixels of a picture."""
    total = np.int64(0)
    vertical = np.empty(width, np.int16)
    for y in range(1, height - 1):
        above, row, below = gray[y - 1, :width], gray[y, :width], gray[y + 1, :width]
        for x in range(width):
            twice = np.int16(np.int16(row[x]) + np.int16(row[x]))
            vertical[x] = np.int16(np.int16(np.int16(above[x]) + np.int16(below[x])) - twice)
        second, third = vertical[1:], vertical[2:]
        for first in range(0, width - 2, _CHUNK):
            part = np.int32(0)
            for x in range(first, min(first + _CHUNK, width - 2)):
                twice = np.int16(second[x] + second[x])
                value = np.int16(np.int16(vertical[x] + third[x]) - twice)
                part = np.int32(part + np.int32(abs(value)))
            total += np.int64(part)
    return total
