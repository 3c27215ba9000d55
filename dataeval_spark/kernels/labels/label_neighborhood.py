"""Distance of an image to its own class and to the others: DataEval's label errors, from lists of neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
MIN_SHARE = 0.4
AMBIGUOUS = 0.2


@dataclass(frozen=True)
class Neighborhoods:
    """Scores of n rows from their lists of neighbours.

    ``score`` is NaN where nothing can be said; ``is_bound`` marks lower bounds. ``is_open``: the lists are too short to
    tell whether the score is below 1.
    """

    score: Floats
    is_bound: NDArray[np.bool_]
    is_open: NDArray[np.bool_]
    first: Integers
    second: Integers


def neighborhoods(own: Integers, classes: Integers, distances: Floats, k: Integers, reach: Floats) -> Neighborhoods:
    """Compare the mean distance to the nearest of the own class with that to the nearest of all others.

    Parameters
    ----------
    own : ndarray, (n,)
        Class of each row; a larger number is a later name.
    classes : ndarray, (n, K)
        Classes of the neighbours, nearest first; -1 for none or an unknown one.
    distances : ndarray, (n, K)
        Distances of the neighbours, not negative.
    k : ndarray, (n,)
        Number of neighbours of either kind to average; below 1 there is nothing to compare.
    reach : ndarray, (n,)
        Distance below which every neighbour is listed.

    Returns
    -------
    Neighborhoods
        ``first`` and ``second`` are the suggested classes, -1 for none. Votes of the k nearest of other classes weigh
        ceil((k - r) / 3) at rank r (from 0); the first needs a share of 0.4, the second is within 0.2 of it.

    References
    ----------
    DataEval 1.1.4, ``core.label_errors``: equal where the lists hold k of either kind. There k is the smallest class's
    size less 1 for all rows; here a small class lowers its own k only. Two equal vectors of different classes score 1.

    Examples
    --------
    >>> distances, reach = np.array([[1.0, 2.0, 3.0]]), np.array([3.0])
    >>> neighborhoods(np.array([0]), np.array([[1, 1, 0]]), distances, np.array([1]), reach).score.tolist()
    [3.0]
    """
    has_class = classes >= 0
    same = has_class & (classes == own[:, None])
    other = has_class & ~same
    sums, missing = [], []
    for kind in (same, other):
        is_counted = kind & (np.cumsum(kind, axis=1) <= k[:, None])
        sums.append(np.where(is_counted, distances, 0.0).sum(axis=1))
        missing.append(np.maximum(k - is_counted.sum(axis=1), 0))
    (own_sum, other_sum), (own_missing, other_missing) = sums, missing
    # Missing neighbours lie beyond the reach.
    beyond = [np.where(count > 0, count * np.where(count > 0, reach, 0.0), 0.0) for count in missing]
    with np.errstate(divide="ignore", invalid="ignore"):
        lower = (own_sum + beyond[0]) / other_sum
        upper = own_sum / (other_sum + beyond[1])
    lower = np.where((other_sum == 0) & (own_sum + beyond[0] == 0), 1.0, lower)
    is_exact = (own_missing == 0) & (other_missing == 0)
    is_lower = (own_missing > 0) & (other_missing == 0)
    has_score = (k >= 1) & (is_exact | (is_lower & (lower >= 1)))
    is_below = (own_missing == 0) & (other_missing > 0) & (upper < 1)
    first, second = _suggestions(other, classes, k)
    return Neighborhoods(
        score=np.where(has_score, lower, np.nan),
        is_bound=is_lower & has_score,
        is_open=(k >= 1) & ~has_score & ~is_below,
        first=first,
        second=second,
    )


def _suggestions(other: NDArray[np.bool_], classes: Integers, k: Integers) -> tuple[Integers, Integers]:
    n = len(classes)
    none = np.full(n, -1)
    ranks = np.cumsum(other, axis=1) - 1
    rows, columns = np.nonzero(other & (ranks < k[:, None]))
    if len(rows) == 0:
        return none, none.copy()
    weights = np.ceil((k[rows] - ranks[rows, columns]) / 3)
    total = np.bincount(rows, weights, n)
    size = int(classes.max()) + 1
    cells, inverse = np.unique(rows * size + classes[rows, columns], return_inverse=True)
    votes = np.bincount(inverse, weights)
    voter, candidate = cells // size, cells % size
    share = votes / total[voter]
    # The best of each row last; of equal shares the larger number is better.
    order = np.lexsort((candidate, share, voter))
    last = np.flatnonzero(np.r_[np.diff(voter[order]) > 0, True])
    best = order[last]
    before = np.maximum(last - 1, 0)
    has_second = (last > 0) & (voter[order[before]] == voter[best])
    next_best = np.where(has_second, order[before], best)
    is_clear = share[best] >= MIN_SHARE
    is_close = is_clear & has_second & (share[best] - share[next_best] < AMBIGUOUS)
    first, second = none, none.copy()
    first[voter[best[is_clear]]] = candidate[best[is_clear]]
    second[voter[best[is_close]]] = candidate[next_best[is_close]]
    return first, second
