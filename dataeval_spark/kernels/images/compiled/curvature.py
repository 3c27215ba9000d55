"""Sums behind the blur and the noise floor of an 8-bit gray picture, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from dataeval_spark.kernels.numba_options import OPTIONS

SOURCES = "5272ab022c336862"  # see tests/kernels/images/compiled/test_sources.py

_COLUMNS = 4096
"""Number of squares of at most (2 * 255)^2 whose sum fits into 32 bits."""


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
def curvature_sums(gray: Any, height: int, width: int, step: int, lags: int) -> Any:
    """Sums of squares of ``I(x - k) - 2 I(x) + I(x + k)`` for k = 1, 2, 4 .., along every step-th row and across it.

    Pixels count that have neighbours at the largest of the lags on both sides in the direction.
    """
    sums, reach = np.zeros(lags, np.int64), 1 << (lags - 1)
    twice = np.empty(width, np.int16)
    for y in range(0, height, step):
        row = gray[y, :width]
        for x in range(width):
            twice[x] = np.int16(np.int16(row[x]) + np.int16(row[x]))
        if width > 2 * reach:
            middle = twice[reach : width - reach]
            for i in range(lags):
                k = 1 << i
                sums[i] += _squares(row[reach - k : width - reach - k], middle, row[reach + k : width - reach + k])
        if reach <= y < height - reach:
            for i in range(lags):
                k = 1 << i
                sums[i] += _squares(gray[y - k, :width], twice, gray[y + k, :width])
    return sums


@njit(**OPTIONS)
def quiet_sums(gray: Any, height: int, width: int, step: int, length: int, share: int) -> Any:
    """Sums of squared curvature at 1 and 2 pixels in the quietest stretches of rows, and the number of these stretches.

    Every step-th row is cut into stretches of a length, but for two pixels at its ends; the quietest are one in
    ``share``, at least one, by the sum of both.
    """
    per_row = (width - 4) // length
    rows = (height + step - 1) // step
    near, far = np.zeros(rows * per_row, np.int64), np.zeros(rows * per_row, np.int64)
    twice = np.empty(width, np.int16)
    at = 0
    for y in range(0, height, step):
        row = gray[y, :width]
        for x in range(width):
            twice[x] = np.int16(np.int16(row[x]) + np.int16(row[x]))
        for i in range(per_row):
            first = 2 + i * length
            middle = twice[first : first + length]
            near[at] = _squares(row[first - 1 : first - 1 + length], middle, row[first + 1 : first + 1 + length])
            far[at] = _squares(row[first - 2 : first - 2 + length], middle, row[first + 2 : first + 2 + length])
            at += 1
    order = np.argsort(near + far, kind="mergesort")[: max(len(near) // share, 1)]
    return np.array([near[order].sum(), far[order].sum(), len(order)])
