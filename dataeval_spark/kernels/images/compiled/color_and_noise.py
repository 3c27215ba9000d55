"""Sums behind the noise estimate and the colorfulness of 8-bit pictures, compiled, in whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from dataeval_spark.kernels.numba_options import OPTIONS

SOURCES = "5272ab022c336862"  # see tests/kernels/images/compiled/test_sources.py

_SQUARES_CHUNK = 1024
"""Number of squares of at most 510^2 whose sum fits into 32 bits."""

_SUMS_CHUNK = 1 << 19
"""Number of values of at most 8 x 255 whose sum fits into 32 bits."""


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
        for first in range(0, width - 2, _SUMS_CHUNK):
            part = np.int32(0)
            for x in range(first, min(first + _SUMS_CHUNK, width - 2)):
                twice = np.int16(second[x] + second[x])
                value = np.int16(np.int16(vertical[x] + third[x]) - twice)
                part = np.int32(part + np.int32(abs(value)))
            total += np.int64(part)
    return total


@njit(**OPTIONS)
def opponent_sums(planes: Any, height: int, width: int) -> Any:
    """Sums of R - G, of its square, of R + G - 2 B and of its square over the pixels of a picture.

    Parameters
    ----------
    planes : uint8
        Red, green and blue (3, rows, columns); planes may be larger than the picture.
    height, width : int
        Size of the picture.
    """
    sums = np.zeros(4, np.int64)
    for y in range(height):
        for first in range(0, width, _SQUARES_CHUNK):
            last = min(first + _SQUARES_CHUNK, width)
            red, green, blue = planes[0, y, first:last], planes[1, y, first:last], planes[2, y, first:last]
            rg, rg_squares, yb, yb_squares = np.int32(0), np.int32(0), np.int32(0), np.int32(0)
            for x in range(len(red)):
                r, g, b = np.int32(red[x]), np.int32(green[x]), np.int32(blue[x])
                one, other = np.int32(r - g), np.int32(np.int32(r + g) - np.int32(b + b))
                rg = np.int32(rg + one)
                rg_squares = np.int32(rg_squares + np.int32(one * one))
                yb = np.int32(yb + other)
                yb_squares = np.int32(yb_squares + np.int32(other * other))
            sums[0] += rg
            sums[1] += rg_squares
            sums[2] += yb
            sums[3] += yb_squares
    return sums
