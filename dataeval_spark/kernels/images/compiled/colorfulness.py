"""Sums of the opponent colors of 8-bit planes, compiled: all that colorfulness needs, in whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from dataeval_spark.kernels.numba_options import OPTIONS

SOURCES = "54ae711d5e2b6f74"  # see tests/kernels/images/compiled/test_sources.py

_CHUNK = 1024
"""So many squares of at most 510^2 fit into 32 bits."""


@njit(**OPTIONS)
def opponent_sums(planes: Any, height: int, width: int) -> Any:
    """Sums of R - G, of its square, of R + G - 2 B and of its square over the pixels of a picture.

    Parameters
    ----------
    planes : uint8
        (3, rows, columns): red, green and blue; planes may be larger than the picture.
    height, width : int
        Of the picture.
    """
    sums = np.zeros(4, np.int64)
    for y in range(height):
        for first in range(0, width, _CHUNK):
            last = min(first + _CHUNK, width)
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
