"""Area under the ROC curve from ranks and from counts, for every class against the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

Floats = NDArray[np.float64]


def class_auc(
    values: Floats, classes: NDArray[np.int64], count: int, effects: Floats | float = 1.0
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    r"""AUC and p-value of each class against the rest, by the values alone.

    With R the sum of the class's ranks (ties have their mean rank), :math:`AUC = (R - m(m+1)/2) / (m(n-m))`. The
    p-value is two-sided, of the Mann-Whitney test by the normal approximation with corrections for ties and
    continuity.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        Values without NaN.
    classes : ndarray of int, shape (n,)
        Class of each value, from 0.
    count : int
        Number of classes.
    effects : ndarray of float, shape (count,), or float
        Design effect of each class, by which the variance of the statistic is multiplied.

    Returns
    -------
    tuple
        AUC and p-value per class, NaN where all values or none are of the class, and the values of each class.

    References
    ----------
    SciPy's ``mannwhitneyu(method="asymptotic")``.

    Examples
    --------
    >>> class_auc(np.array([1.0, 2.0, 3.0]), np.array([0, 0, 1]), 2)[0]
    array([0., 1.])
    """
    n = values.size
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if n else np.array([], np.int64)
    ties = np.diff(np.r_[starts, n])
    ranks = np.empty(n)
    ranks[order] = np.repeat(starts + (ties + 1) / 2, ties)
    of_class = np.bincount(classes, minlength=count)
    of_rest = n - of_class
    pairs = of_class.astype(np.float64) * of_rest
    above = np.bincount(classes, weights=ranks, minlength=count) - of_class * (of_class + 1) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        auc = above / pairs
        tie_term = float((ties.astype(np.float64) ** 3 - ties).sum()) / (n * (n - 1)) if n > 1 else 0.0
        deviation = np.sqrt(pairs / 12 * ((n + 1) - tie_term) * effects)
        z = (np.maximum(above, pairs - above) - pairs / 2 - 0.5) / deviation
        p_value = np.clip(erfc(z / np.sqrt(2)), 0.0, 1.0)
    p_value[(pairs > 0) & (deviation == 0)] = 1.0  # all values are equal
    p_value[pairs == 0] = np.nan
    return auc, p_value, of_class


def presence_auc(
    with_value: Any, n: Any, rest_with_value: Any, n_rest: Any, effect: float = 1.0
) -> tuple[Floats, Floats]:
    r"""AUC and p-value of each class against the rest by whether a row has one value: `class_auc` of zeros and ones.

    :math:`AUC = (1 + p - q) / 2` with p and q the shares of the class (``with_value`` of n rows, at least 1) and of the
    rest that have the value. The design effect multiplies the variance of the statistic.

    Examples
    --------
    >>> auc, p_value = presence_auc(np.array([9]), np.array([10]), np.array([10]), np.array([100]))
    >>> auc.round(6).tolist(), bool(p_value[0] < 1e-9)
    ([0.9], True)
    """
    ours, n, theirs, n_rest = (np.asarray(part, np.float64) for part in (with_value, n, rest_with_value, n_rest))
    auc: Floats = (1 + ours / n - theirs / n_rest) / 2
    total, pairs, ones = n + n_rest, n * n_rest, ours + theirs
    ties = sum(count**3 - count for count in (ones, total - ones)) / (total * (total - 1))
    deviation = np.sqrt(np.maximum(pairs / 12 * ((total + 1) - ties), 0.0) * effect)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (np.maximum(auc, 1 - auc) * pairs - pairs / 2 - 0.5) / deviation
        p_value = np.clip(erfc(z / np.sqrt(2)), 0.0, 1.0)
    return auc, np.where(deviation > 0, p_value, 1.0)


def grouped_auc(scores: Floats, positives: NDArray[Any], negatives: NDArray[Any]) -> float:
    """AUC of scores that many rows share: groups with a score, and their positive and negative rows.

    Examples
    --------
    >>> grouped_auc(np.array([0.1, 0.9]), np.array([1, 3]), np.array([3, 1]))
    0.75
    """
    levels, place = np.unique(scores, return_inverse=True)
    positive = np.bincount(place, weights=positives, minlength=levels.size)
    negative = np.bincount(place, weights=negatives, minlength=levels.size)
    if positive.sum() == 0 or negative.sum() == 0:
        return float("nan")
    below = np.cumsum(negative) - negative
    return float((positive * (below + negative / 2)).sum() / (positive.sum() * negative.sum()))


def cross_validated_auc(counts: NDArray[Any]) -> tuple[float, float, int]:
    """AUC of predicting each class from a bin, the share of the class in the bin being learnt on the other folds.

    Counts have the shape (folds, classes, bins). The result is the mean over folds (in each the mean over classes
    weighted by their rows), the standard deviation over folds, and the number of folds with anything to predict. An
    empty bin has the share of all; shares are drawn to it by one row.
    """
    counts = np.asarray(counts, np.float64)
    total = counts.sum(axis=0)
    fold_aucs = []
    for held_out in counts:
        trained = total - held_out
        if trained.sum() == 0:
            continue
        prior = trained.sum(axis=1, keepdims=True) / trained.sum()
        share = (trained + prior) / (trained.sum(axis=0) + 1)
        in_bin = held_out.sum(axis=0)
        of_class = held_out.sum(axis=1)
        aucs = np.array([grouped_auc(s, row, in_bin - row) for s, row in zip(share, held_out, strict=True)])
        valid = ~np.isnan(aucs)
        if valid.any():
            fold_aucs.append(float(np.average(aucs[valid], weights=of_class[valid])))
    if not fold_aucs:
        return float("nan"), float("nan"), 0
    return float(np.mean(fold_aucs)), float(np.std(fold_aucs)), len(fold_aucs)
