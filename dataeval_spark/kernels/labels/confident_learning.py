"""Confident learning on counts: thresholds, the joint of given and true classes, and the number of labels to doubt.

Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels" (2021). Every function here
gives what cleanlab 2.9 gives; all of them work on class x class counts, never on rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.labels.confident_counting import TOLERANCE

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

    sure: NDArray[np.int32]
    contested: NDArray[np.int32]
    slots: NDArray[np.int64]


def half_bins(classes: int) -> int:
    """Half the number of bins per cell: 128, less where classes x classes x bins would exceed 8 million counts."""
    return int(np.clip(MOST_CELLS_OF_HISTOGRAM // (2 * classes * classes), 2, 128))


def confident_thresholds(sums: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean probability of each class among the rows labeled with it; out of reach for a class without labels.

    Parameters
    ----------
    sums : ndarray, (C,)
        Sum of the probability of the given class over the rows labeled with it.
    counts : ndarray, (C,)
        Number of those rows.
    """
    means = np.divide(sums, counts, out=np.full(len(sums), UNREACHABLE), where=counts > 0)
    return np.maximum(means, 2 * TOLERANCE)


def calibrated_joint(confident: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Scale the counts of confident rows so that each given class has as many as it has labels.

    Parameters
    ----------
    confident : ndarray, (C, C)
        Number of rows of given class k that are confidently of class j.
    counts : ndarray, (C,)
        Number of labels of each class.

    Returns
    -------
    ndarray of int64, (C, C)
        Estimated number of labels k whose true class is j; rows sum to ``counts``.

    Examples
    --------
    >>> calibrated_joint(np.array([[3, 1], [0, 2]]), np.array([8, 2])).tolist()
    [[6, 2], [0, 2]]
    """
    joint = confident.copy()
    np.fill_diagonal(joint, joint.diagonal().clip(min=1))
    scaled = (joint.T / np.clip(joint.sum(axis=1), TINY, None) * counts).T
    scaled = scaled / np.clip(np.sum(scaled), TINY, None) * counts.sum()
    return _rounded_rows(scaled)


def _rounded_rows(matrix: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.array([_rounded(row) for row in matrix], np.int64).reshape(matrix.shape)


def _rounded(values: NDArray[np.float64]) -> NDArray[np.int64]:
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


def doubtful_counts(joint: NDArray[np.int64], *, keep: int = 1, share: float = 1.0) -> NDArray[np.int64]:
    """Number of labels of each cell to doubt, so that each class keeps some.

    Parameters
    ----------
    joint : ndarray, (C, C)
        Calibrated joint: given class by true class.
    keep : int
        Smallest number of labels that each class keeps.
    share : float
        Share of the estimated errors to doubt.

    Returns
    -------
    ndarray of int64, (C, C)
        Off the diagonal the labels k to doubt because of class j; on it those to doubt because of a low probability of
        their own class.
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


def selection(histogram: NDArray[np.int64], doubted: NDArray[np.int64]) -> Selection:
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


def wilson_interval(successes: NDArray[np.int64], trials: NDArray[np.int64]) -> tuple[NDArray, NDArray]:
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
