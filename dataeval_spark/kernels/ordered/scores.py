"""Metrics of scores from their order: column 0 of the weights holds negative rows, column 1 positive ones.

Weights may be fractions. Metrics are NaN where they are not defined, as without any positive row.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from dataeval_spark.kernels.ordered.bucket import Bucket, Floats, Numbers, Statistic

NAN = float("nan")


def _precision_steps(bucket: Bucket) -> Numbers:
    weights = bucket.weights
    true, false = (bucket.totals[at] - (bucket.after[:, at] - weights[:, at]) for at in (1, 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = weights[:, 1] * true / (true + false)
    return [float(steps[weights[:, 1] > 0].sum())]


def _average_precision(parts: Floats, totals: Floats) -> Sequence[float]:
    return [float(parts.sum() / totals[1])] if totals[1] > 0 else [NAN]


AVERAGE_PRECISION = Statistic({"average_precision": "double"}, _precision_steps, _average_precision)
r"""Area under the precision-recall curve as a sum of steps, :math:`\sum_k (R_k - R_{k-1}) P_k`.

Equal to ``sklearn.metrics.average_precision_score``; not to Spark MLlib's area, which joins the points by lines.
"""


def _best_precision(bucket: Bucket, recalls: Floats) -> Numbers:
    false, true = (bucket.totals[at] - (bucket.after[:, at] - bucket.weights[:, at]) for at in (0, 1))
    missed = bucket.totals[2] if bucket.totals.size > 2 else 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall = true / (true + false), true / (bucket.totals[1] + missed)
    # Recall falls with the score: the largest precision of all lower scores from the right, that is from the bottom.
    best = np.maximum.accumulate(np.nan_to_num(precision))
    at = np.searchsorted(-recall, -recalls, side="right")
    return [float(best[place - 1]) if place else 0.0 for place in at]


def _interpolated_precision(parts: Floats, totals: Floats) -> Sequence[float | Numbers]:
    positives = totals[1:3].sum()
    found = parts.max(axis=0) if positives > 0 else np.full(parts.shape[1], NAN)
    return [found.tolist(), float(found.mean())]


def interpolated_precision(recalls: Numbers) -> Statistic:
    """Precision envelope at given recalls, and its mean: COCO's average precision at ``linspace(0, 1, 101)``.

    The precision at a recall is the largest at any score where the recall is as high; 0 where none is. It is a maximum
    over scores, so that no second pass from the right is needed. Positive objects that no row found are the weight of
    a third column, at any score: they count in the recall alone. Rows of equal scores are one step; where they have an
    order, as in COCO, give their place in it in the place of the score.

    Examples
    --------
    >>> from dataeval_spark.kernels.ordered.bucket import of_whole
    >>> scores, found = np.array([0.9, 0.8, 0.7]), np.array([[0, 1, 1], [1, 0, 0], [0, 1, 0]])
    >>> of_whole(interpolated_precision([0.0, 0.5, 1.0]), scores, found)["interpolated_precision"]
    [1.0, 0.6666666666666666, 0.0]
    """
    columns = {"interpolated_precision": "array<double>", "interpolated_average_precision": "double"}
    return Statistic(columns, partial(_best_precision, recalls=np.asarray(recalls)), _interpolated_precision)


def _above(bucket: Bucket, thresholds: Floats) -> Numbers:
    sums = np.concatenate([np.cumsum(bucket.weights[::-1], axis=0)[::-1], np.zeros((1, bucket.weights.shape[1]))])
    return [float(each) for each in sums[np.searchsorted(bucket.values, thresholds)][:, :2].T.ravel()]


def _curves(parts: Floats, totals: Floats) -> Sequence[Numbers]:
    false, true = parts.sum(axis=0).reshape(2, -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return [each.tolist() for each in (false, true, false / totals[0], true / totals[1], true / (true + false))]


def curves(thresholds: Numbers) -> Statistic:
    """ROC and precision-recall curves at given thresholds: rows with a score of the threshold or more are predicted.

    Per threshold the weights of false and of true positives, the false and the true positive rate (the recall), and the
    precision, NaN where nothing is predicted.

    Examples
    --------
    >>> from dataeval_spark.kernels.ordered.bucket import of_whole
    >>> scores, labels = np.array([0.1, 0.4, 0.8]), np.array([[1, 0], [0, 1], [0, 1]])
    >>> of_whole(curves([0.0, 0.5]), scores, labels)["recall"]
    [1.0, 0.5]
    """
    names = ("false_positives", "true_positives", "false_positive_rate", "recall", "precision")
    return Statistic(dict.fromkeys(names, "array<double>"), partial(_above, thresholds=np.asarray(thresholds)), _curves)


def _in_bins(bucket: Bucket, edges: Floats) -> Numbers:
    # As scikit-learn's calibration_curve: a score at an inner edge is in the lower bin.
    bins = np.searchsorted(edges[1:-1], bucket.values)
    count, both = len(edges) - 1, bucket.weights[:, 0] + bucket.weights[:, 1]
    sums = (both, bucket.weights[:, 1], both * bucket.values)
    return [float(each) for column in sums for each in np.bincount(bins, column, count)]


def _calibrated(parts: Floats, totals: Floats) -> Sequence[float | Numbers]:
    n, positive, predicted = parts.sum(axis=0).reshape(3, -1)
    total = n.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        error = float(np.abs(positive - predicted).sum() / total) if total > 0 else NAN
        gaps = np.abs(positive - predicted) / n
        largest = float(np.nanmax(gaps)) if total > 0 else NAN
        return [error, largest, n.tolist(), (positive / n).tolist(), (predicted / n).tolist()]


def calibration(edges: Numbers) -> Statistic:
    r"""Calibration in bins with given edges: expected and maximum calibration error, and the bins.

    :math:`ECE = \sum_b n_b / n |\bar y_b - \bar p_b|`. Per bin its weight, the share of positive rows and the mean
    score, NaN where it is empty. Bins are those of ``sklearn.calibration.calibration_curve``: a score at an edge
    between two is in the lower one.

    Examples
    --------
    >>> from dataeval_spark.kernels.ordered.bucket import of_whole
    >>> scores, labels = np.array([0.2, 0.6, 0.8]), np.array([[1, 0], [0, 1], [0, 1]])
    >>> round(of_whole(calibration([0.0, 0.5, 1.0]), scores, labels)["calibration_error"], 6)
    0.266667
    """
    bins = ("bin_weight", "bin_positive", "bin_score")
    columns = {"calibration_error": "double", "largest_calibration_error": "double"}
    columns |= dict.fromkeys(bins, "array<double>")
    return Statistic(columns, partial(_in_bins, edges=np.asarray(edges, np.float64)), _calibrated)


def _losses(bucket: Bucket) -> Numbers:
    values, (negative, positive) = bucket.values, bucket.weights[:, :2].T
    squares = negative * values**2 + positive * (1 - values) ** 2
    # As scikit-learn: no probability is nearer to 0 or 1 than the spacing of doubles there.
    clipped = np.clip(values, np.finfo(np.float64).eps, 1 - np.finfo(np.float64).eps)
    logs = negative * np.log(1 - clipped) + positive * np.log(clipped)
    return [float(squares.sum()), float(logs.sum()), float(values.min()), float(values.max())]


def _mean_losses(parts: Floats, totals: Floats) -> Sequence[float]:
    total = totals[0] + totals[1]
    if not total > 0 or parts[:, 2].min() < 0 or parts[:, 3].max() > 1:
        return [NAN, NAN]
    return [float(parts[:, 0].sum() / total), float(-parts[:, 1].sum() / total)]


PROBABILITY_LOSSES = Statistic({"brier": "double", "log_loss": "double"}, _losses, _mean_losses)
r"""Brier score :math:`\overline{(p - y)^2}` and log loss of probabilities; NaN where a score is outside [0, 1].

Equal to scikit-learn's ``brier_score_loss`` and ``log_loss``.
"""


def _at_ranks(bucket: Bucket, probabilities: Floats) -> Numbers:
    n = bucket.totals.sum()
    after = bucket.after.sum(axis=1)
    first = bucket.before.sum()
    heights = (n - 1) * probabilities
    found: list[float] = []
    for ranks in (np.floor(heights), np.ceil(heights)):
        # The value with so many rows before it, if it is in this bucket; a sum over buckets picks it.
        at = np.searchsorted(after, ranks, side="right")
        inside = (ranks >= first) & (at < after.size)
        found += np.where(inside, bucket.values[np.minimum(at, after.size - 1)], 0.0).tolist()
    return found


def _interpolated(parts: Floats, totals: Floats, probabilities: Floats) -> Sequence[Numbers]:
    n = totals.sum()
    if not n > 0:
        return [[NAN] * len(probabilities)]
    low, high = parts.sum(axis=0).reshape(2, -1)
    heights = (n - 1) * probabilities
    return [(low + (heights - np.floor(heights)) * (high - low)).tolist()]


def quantiles(probabilities: Numbers) -> Statistic:
    """Exact quantiles of all rows, as numpy's ``quantile``; weights are counts.

    Examples
    --------
    >>> from dataeval_spark.kernels.ordered.bucket import of_whole
    >>> of_whole(quantiles([0.5]), np.array([1.0, 2.0, 4.0, 8.0]), np.ones((4, 1)))["quantiles"]
    [3.0]
    """
    at = np.asarray(probabilities, np.float64)
    columns = {"quantiles": "array<double>"}
    return Statistic(columns, partial(_at_ranks, probabilities=at), partial(_interpolated, probabilities=at))
