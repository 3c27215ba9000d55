"""Counts and selections of confident learning, row by row, compiled: one pass over a matrix of probabilities.

A cell is a pair (given class k, class j). Its value for a row labeled k is the margin p_j - p_k; for j = k it is -p_k.
The higher it is, the likelier the label is wrong. Values lie in [-1, 1] and are sorted into bins that grow with the
square root, finest around 0: an order-preserving grid, so that the rank of a bin's members is known from counts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dataeval_spark.kernels.numba_options import OPTIONS

# Tolerance of cleanlab's comparisons of floats.
TOLERANCE = 1e-6
MISPREDICTED, BY_RATE, BY_CLASS, CONFIDENT = 1, 2, 4, 8


@njit(**OPTIONS)
def bin_of(value: float, half: int) -> int:
    """Bin of a value in [-1, 1] on a grid of ``2 * half`` bins; a larger value has no smaller bin."""
    if value >= 0:
        return half + min(half - 1, int(np.sqrt(value) * half))
    return half - 1 - min(half - 1, int(np.sqrt(-value) * half))


@njit(**OPTIONS)
def _confident_class(row: Any, lowered: Any) -> int:
    # The result is the one class whose threshold is reached; of several the most probable class of all; -1 for none.
    first, confident, best = -1, 0, 0
    for j in range(row.size):
        if row[j] >= lowered[j]:
            confident += 1
            if first < 0:
                first = j
        if row[j] > row[best]:
            best = j
    return best if confident > 1 else first


@njit(**OPTIONS)
def count_rows(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.int32],
    lowered: NDArray[np.float64],
    joint: NDArray[np.int64],
    histogram: NDArray[np.int32],
) -> None:
    """Add rows to the counts of confident classes (C, C) and to the bins of each cell (C, C, 2 half).

    ``lowered`` holds the confident threshold of each class less `TOLERANCE`.
    """
    half = histogram.shape[2] // 2
    for i in range(probabilities.shape[0]):
        row, k = probabilities[i], labels[i]
        confident_class = _confident_class(row, lowered)
        if confident_class >= 0:
            joint[k, confident_class] += 1
        bins = histogram[k]
        own = row[k]
        for j in range(row.size):
            value = -own if j == k else row[j] - own
            bins[j, bin_of(value, half)] += 1


@njit(**OPTIONS)
def flag_rows(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.int32],
    lowered: NDArray[np.float64],
    half: int,
    sure: NDArray[np.int32],
    contested: NDArray[np.int32],
    flags: NDArray[np.uint8],
    suggested: NDArray[np.int32],
    counts: NDArray[np.int32],
) -> None:
    """Write for each row its certain flags, its most probable class, and its number of contested bins."""
    for i in range(probabilities.shape[0]):
        row, k = probabilities[i], labels[i]
        own = row[k]
        best, best_raised, raised = 0, 0, -1.0
        flag, count = 0, 0
        for j in range(row.size):
            value = -own if j == k else row[j] - own
            place = bin_of(value, half)
            if place >= sure[k, j]:
                flag |= BY_CLASS if j == k else BY_RATE
            elif place == contested[k, j]:
                count += 1
            if row[j] > row[best]:
                best = j
            lifted = own + TOLERANCE if j == k else row[j]
            if lifted > raised:
                raised, best_raised = lifted, j
        if best_raised != k:
            flag |= MISPREDICTED
        confident_class = _confident_class(row, lowered)
        if confident_class >= 0 and confident_class != k:
            flag |= CONFIDENT
        flags[i], suggested[i], counts[i] = flag, best, count


@njit(**OPTIONS)
def contested_entries(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.int32],
    half: int,
    contested: NDArray[np.int32],
    rows: NDArray[np.int64],
    classes: NDArray[np.int32],
    values: NDArray[np.float64],
) -> None:
    """Write class and value of each contested cell of some rows, row after row."""
    place = 0
    for i in rows:
        row, k = probabilities[i], labels[i]
        own = row[k]
        for j in range(row.size):
            value = -own if j == k else row[j] - own
            if bin_of(value, half) == contested[k, j]:
                classes[place], values[place] = j, value
                place += 1
