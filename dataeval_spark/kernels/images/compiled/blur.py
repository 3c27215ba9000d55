"""cleanvision's blurriness of a small 8-bit picture, compiled, with the integer arithmetic of Pillow.

Source: Pillow 13, ``convert("L")`` and ``ImageFilter.FIND_EDGES``, which leaves the border as it is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from dataeval_spark.kernels.numba_options import OPTIONS

SOURCES = "54ae711d5e2b6f74"  # see tests/kernels/images/compiled/test_sources.py


@njit(**OPTIONS)
def _gray(bands: Any) -> Any:
    channels, height, width = bands.shape
    gray = np.empty((height, width), np.int32)
    for y in range(height):
        for x in range(width):
            if channels == 1:
                gray[y, x] = bands[0, y, x]
            else:
                gray[y, x] = (bands[0, y, x] * 19595 + bands[1, y, x] * 38470 + bands[2, y, x] * 7471 + 0x8000) >> 16
    return gray


@njit(**OPTIONS)
def _edge(gray: Any, y: int, x: int) -> int:
    height, width = gray.shape
    if min(height, width) < 3 or y in (0, height - 1) or x in (0, width - 1):
        return gray[y, x]
    around = 0
    for row in range(y - 1, y + 2):
        around += gray[row, x - 1] + gray[row, x] + gray[row, x + 1]
    return min(max(9 * gray[y, x] - around, 0), 255)


@njit(**OPTIONS)
def blurriness(bands: Any) -> Any:
    """Standard deviations of the edges of a picture (channels, height, width), and of its 256 gray counts."""
    gray = _gray(bands)
    n = gray.size
    total, squares = 0, 0
    counts = np.zeros(256, np.int64)
    for y in range(gray.shape[0]):
        for x in range(gray.shape[1]):
            edge = _edge(gray, y, x)
            total += edge
            squares += edge * edge
            counts[gray[y, x]] += 1
    of_counts = 256 * (counts * counts).sum() - n * n
    return math.sqrt(n * squares - total * total) / n, math.sqrt(of_counts) / 256
