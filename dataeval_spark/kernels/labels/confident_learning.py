"""Confident learning: thresholds, the joint of given and true classes, the number of labels to doubt, and which.

Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels" (2021). Every function here
gives what cleanlab 2.9 gives. How many is decided by class x class counts; rows are counted and selected compiled, in
one pass over a matrix of probabilities.

A cell is a pair (given class k, class j). Its value for a row labelled k is the margin p_j - p_k; for j = k it is -p_k.
The higher it is, the likelier the label is wrong. Values lie in [-1, 1] and are sorted into bins that grow with the
square root, finest around 0: an order-preserving grid, so that the rank of a bin's members is known from counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from dataeval_spark.kernels.numba_options import OPTIONS
from dataeval_spark.tables.arrow import arrow_schema

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Classes = NDArray[np.int32]

STAGED_DDL = (
    "image_id string, target_index int, given int, suggested int, score double, flags int, "
    "contested array<struct<class_index: int, value: double, slots: bigint>>"
)
STAGED_SCHEMA = arrow_schema(STAGED_DDL)
_CONTESTED = STAGED_SCHEMA.field("contested").type

# Tolerance of cleanlab's comparisons of floats.
TOLERANCE = 1e-6
MISPREDICTED, BY_RATE, BY_CLASS, CONFIDENT = 1, 2, 4, 8

# A class that no label has: no probability reaches this.
UNREACHABLE = 2.0
TINY = 1e-100
MAX_CLASSES = 2_000
MOST_CELLS_OF_HISTOGRAM = 8_000_000


@dataclass(frozen=True)
class Selection:
    """Selected bins of each cell (given class, class), and the number of rows to select from one more bin.

    Bins from ``sure`` on are selected whole. Of the bin ``contested`` (-1 for none) the ``slots`` largest values are.
    """

    sure: Classes
    contested: Classes
    slots: Counts


def half_bins(classes: int) -> int:
    """Half the number of bins per cell: 128, less where classes x classes x bins would exceed 8 million counts."""
    return int(np.clip(MOST_CELLS_OF_HISTOGRAM // (2 * classes * classes), 2, 128))


def confident_thresholds(sums: Floats, counts: Counts) -> Floats:
    """Mean probability (C,) of each class among the rows labelled with it; out of reach for a class without labels.

    Given are the sum of the probability of the class over these rows, and their number.
    """
    means = np.divide(sums, counts, out=np.full(len(sums), UNREACHABLE), where=counts > 0)
    return np.maximum(means, 2 * TOLERANCE)


def calibrated_joint(confident: Counts, counts: Counts) -> Counts:
    """Estimated number of labels k whose true class is j (C, C).

    The numbers of rows of given class k that are confidently of class j (C, C), scaled so that each given class has as
    many as it has labels: rows sum to ``counts`` (C,).

    Examples
    --------
    >>> calibrated_joint(np.array([[3, 1], [0, 2]]), np.array([8, 2])).tolist()
    [[6, 2], [0, 2]]
    """
    joint = confident.copy()
    np.fill_diagonal(joint, joint.diagonal().clip(min=1))
    scaled = (joint.T / np.clip(joint.sum(axis=1), TINY, None) * counts).T
    scaled = scaled / np.clip(np.sum(scaled), TINY, None) * counts.sum()
    return np.array([_rounded(row) for row in scaled], np.int64).reshape(scaled.shape)


def _rounded(values: Floats) -> Counts:
    """Round to integers of the same sum; the values rounded the other way are those nearest to it."""
    whole = values.round()
    total = np.sum(values).round()
    while abs(whole.sum().round() - total) > TOLERANCE:
        difference = np.round(total - whole.sum().round())
        step = -1 if difference < 0 else 1
        changes = min(int(abs(difference)), len(values))
        # cleanlab's order, ties as numpy's default sort leaves them.
        whole[np.argsort(values - whole)[::-step][:changes]] += step
    return whole.astype(np.int64)


def doubtful_counts(joint: Counts, *, keep: int = 1, share: float = 1.0) -> Counts:
    """Number of labels of each cell (C, C) to doubt, by the calibrated joint; each class keeps ``keep`` labels.

    Off the diagonal they are the labels k to doubt because of class j; on it those to doubt because of a low
    probability of their own class. ``share`` is the share of the estimated errors to doubt.
    """
    counts = joint.sum(axis=1)
    matrix = joint.T.astype(np.float64)
    diagonal = joint.diagonal()
    kept_labels = np.maximum(diagonal, keep)
    others = np.maximum(np.count_nonzero(matrix, axis=0) - 1.0, 1.0)
    lowered = matrix - (kept_labels - diagonal) / others
    lowered[lowered < 0] = 0
    np.fill_diagonal(lowered, kept_labels)
    reduced = lowered * share
    np.fill_diagonal(reduced, lowered.diagonal())
    np.fill_diagonal(reduced, lowered.diagonal() + np.sum(lowered - reduced, axis=0))
    doubted = reduced.astype(np.int64).T.copy()
    np.fill_diagonal(doubted, np.maximum(counts - doubted.diagonal(), 0))
    doubted[counts <= keep] = 0
    return doubted


def selection(histogram: Counts, doubted: Counts) -> Selection:
    """Select the bins of each cell (C, C, B) that hold its ``doubted`` (C, C) largest values."""
    bins = histogram.shape[2]
    shape = doubted.shape
    sure = np.full(shape, bins, np.int32)
    contested = np.full(shape, -1, np.int32)
    slots = np.zeros(shape, np.int64)
    for label in range(len(doubted)):  # one class after another: the cumulative counts of all would be 64 MB
        from_top = np.zeros((shape[1], bins + 1), np.int64)
        from_top[:, :bins] = np.cumsum(histogram[label, :, ::-1], axis=1)[:, ::-1]
        # from_top falls along the bins, so the first bin that is not too many is where the number of too many ends.
        first = (from_top > doubted[label][:, None]).sum(axis=1)
        sure_count = from_top[np.arange(shape[1]), first]
        missing = doubted[label] - sure_count
        is_contested = (missing > 0) & (first > 0)
        sure[label] = first
        contested[label] = np.where(is_contested, first - 1, -1)
        slots[label] = np.where(is_contested, missing, 0)
    return Selection(sure, contested, slots)


def wilson_interval(successes: Counts, trials: Counts) -> tuple[Floats, Floats]:
    """95 % interval of a share by Wilson's score; NaN without trials.

    References
    ----------
    Wilson, "Probable inference, the law of succession, and statistical inference" (1927).
    """
    z = 1.959963984540054
    n = np.where(trials > 0, trials, np.nan).astype(np.float64)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return np.clip(centre - reach, 0, 1), np.clip(centre + reach, 0, 1)


@njit(**OPTIONS)
def bin_of(value: float, half: int) -> int:
    """Bin of a value in [-1, 1] on a grid of ``2 * half`` bins; a larger value has no smaller bin."""
    if value >= 0:
        return half + min(half - 1, int(np.sqrt(value) * half))
    return half - 1 - min(half - 1, int(np.sqrt(-value) * half))


@njit(**OPTIONS)
def _value(row: Any, k: int, j: int) -> float:
    """Value of a row labelled k in the cell (k, j)."""
    return -row[k] if j == k else row[j] - row[k]


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
    probabilities: Floats, labels: Classes, lowered: Floats, joint: Counts, histogram: NDArray[np.int32]
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
        for j in range(row.size):
            bins[j, bin_of(_value(row, k, j), half)] += 1


@njit(**OPTIONS)
def flag_rows(
    probabilities: Floats,
    labels: Classes,
    lowered: Floats,
    half: int,
    sure: Classes,
    contested: Classes,
    flags: NDArray[np.uint8],
    suggested: Classes,
    counts: NDArray[np.int32],
) -> None:
    """Write for each row its certain flags, its most probable class, and its number of contested bins."""
    for i in range(probabilities.shape[0]):
        row, k = probabilities[i], labels[i]
        best, best_raised, raised = 0, 0, -1.0
        flag, count = 0, 0
        for j in range(row.size):
            place = bin_of(_value(row, k, j), half)
            if place >= sure[k, j]:
                flag |= BY_CLASS if j == k else BY_RATE
            elif place == contested[k, j]:
                count += 1
            if row[j] > row[best]:
                best = j
            lifted = row[k] + TOLERANCE if j == k else row[j]
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
    probabilities: Floats,
    labels: Classes,
    half: int,
    contested: Classes,
    rows: NDArray[np.int64],
    classes: Classes,
    values: Floats,
) -> None:
    """Write class and value of each contested cell of some rows, row after row."""
    place = 0
    for i in rows:
        row, k = probabilities[i], labels[i]
        for j in range(row.size):
            value = _value(row, k, j)
            if bin_of(value, half) == contested[k, j]:
                classes[place], values[place] = j, value
                place += 1


def doubtful_rows(
    ids: pa.Table,
    labels: Classes,
    probabilities: Floats,
    lowered: Floats,
    half: int,
    chosen: Selection,
    required_flags: int,
) -> Iterator[pa.RecordBatch]:
    """Rows of a block that have all the required flags, or lie in a bin through which a cut of the selection goes.

    The rows have ids (``image_id`` and ``target_index``), labels (n,) and probabilities (n, C); ``lowered`` (C,) are
    confident thresholds less the tolerance, ``half`` is half the number of bins. Results are of `STAGED_SCHEMA`;
    ``score`` is the probability of the given class.
    """
    n = len(labels)
    flags, suggested, counts = np.zeros(n, np.uint8), np.zeros(n, np.int32), np.zeros(n, np.int32)
    flag_rows(probabilities, labels, lowered, half, chosen.sure, chosen.contested, flags, suggested, counts)
    # A row whose label is the most probable class is never an error, but may hold a place in a contested bin.
    rows = np.flatnonzero((counts > 0) | ((flags & MISPREDICTED > 0) & (flags & required_flags == required_flags)))
    if len(rows) == 0:
        return
    total = int(counts[rows].sum())
    classes, values = np.zeros(total, np.int32), np.zeros(total)
    contested_entries(probabilities, labels, half, chosen.contested, rows, classes, values)
    slots = chosen.slots[np.repeat(labels[rows], counts[rows]), classes]
    entries = pa.StructArray.from_arrays(
        [pa.array(classes), pa.array(values), pa.array(slots)], fields=list(_CONTESTED.value_type)
    )
    offsets = np.r_[0, np.cumsum(counts[rows])].astype(np.int32)
    row_ids = ids.take(pa.array(rows)).combine_chunks()
    columns = [
        row_ids["image_id"].cast(pa.string()),
        row_ids["target_index"].cast(pa.int32()),
        pa.array(labels[rows]),
        pa.array(suggested[rows]),
        pa.array(probabilities[rows, labels[rows]]),
        pa.array(flags[rows].astype(np.int32)),
        pa.ListArray.from_arrays(pa.array(offsets), entries, type=_CONTESTED),
    ]
    yield from pa.Table.from_arrays(columns, schema=STAGED_SCHEMA).combine_chunks().to_batches()
