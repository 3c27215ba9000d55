"""All statistics that follow from the counts of the values 0..255, compiled.

The same formulas as `pixel_statistics` and `visual_statistics`, in float64, summed in the order of numpy's pairwise
sum of 256 numbers, so that both give one answer where a sum cancels out.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from dataeval_spark.kernels.numba_options import OPTIONS

SOURCES = "96725087e7d18e14"  # see tests/kernels/images/compiled/test_sources.py

MOMENTS = 8
COLUMNS = MOMENTS + 5
"""mean, std, var, skew, kurtosis, entropy, missing, zeros, then the percentiles 0, 25, 50, 75, 100."""

_BINS = 256
_BLOCK = 128


@njit(**OPTIONS)
def value_at(counts: Any, rank: int) -> int:
    """The value of the pixel that is number `rank`, from 0, when they are sorted."""
    running = 0
    for level in range(len(counts)):
        running += counts[level]
        if running > rank:
            return level
    return len(counts)


@njit(**OPTIONS)
def _percentiles(counts: Any, n: int, row: Any) -> None:
    for quarter in range(5):
        position = quarter * 0.25 * (n - 1)
        below = math.floor(position)
        lower = value_at(counts, below)
        upper = value_at(counts, math.ceil(position))
        row[quarter] = lower + (position - below) * (upper - lower)


@njit(**OPTIONS)
def _pairwise(terms: Any) -> float:
    total = 0.0
    sums = np.empty(8, np.float64)
    for block in range(0, _BINS, _BLOCK):
        for lane in range(8):
            sums[lane] = terms[block + lane]
        for i in range(block + 8, block + _BLOCK, 8):
            for lane in range(8):
                sums[lane] += terms[i + lane]
        total += ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
    return total


@njit(**OPTIONS)
def _moments(counts: Any, outside: int, row: Any) -> None:
    n = 0
    weighted = 0
    for level in range(_BINS):
        n += counts[level]
        weighted += counts[level] * level
    mean = weighted / n
    terms = np.empty((4, _BINS), np.float64)
    for level in range(_BINS):
        deviation = level - mean
        squared = deviation * deviation
        terms[0, level] = counts[level] * squared
        terms[1, level] = counts[level] * squared * deviation
        terms[2, level] = counts[level] * squared * squared
        share = counts[level] / n
        terms[3, level] = share * math.log(share) if share > 0 else 0.0
    m2, m3, m4 = _pairwise(terms[0]) / n, _pairwise(terms[1]) / n, _pairwise(terms[2]) / n
    row[0], row[1], row[2] = mean, math.sqrt(m2), m2
    row[3] = 0.0 if m2 == 0 else m3 / m2**1.5
    row[4] = 0.0 if m2 == 0 else m4 / (m2 * m2) - 3
    row[5] = 0.0 - _pairwise(terms[3])  # no negative zero
    row[6], row[7] = outside / (n + outside), counts[0] / (n + outside)
    _percentiles(counts, n, row[MOMENTS:])


@njit(types.float64[:, ::1](types.int64[:, ::1], types.int64), **OPTIONS)
def moments(counts: NDArray[np.int64], outside: int) -> NDArray[np.float64]:
    """One row for all channels together, followed by one per channel when there are several.

    Parameters
    ----------
    counts : ndarray
        Counts of the values (channels, 256).
    outside : int
        Number of pixels of the box outside the image.
    """
    channels = len(counts)
    shift = 1 if channels > 1 else 0
    table = np.empty((channels + shift, COLUMNS), np.float64)
    if shift:
        together = np.zeros(_BINS, np.int64)
        for c in range(channels):
            together += counts[c]
        _moments(together, outside * channels, table[0])
    for c in range(channels):
        _moments(counts[c], outside, table[c + shift])
    return table
