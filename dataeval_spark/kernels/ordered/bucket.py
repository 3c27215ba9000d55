"""A bucket: consecutive values of one group with their weights, and what must be known of the buckets around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = Sequence[float]


@dataclass(frozen=True)
class Bucket:
    """Values of a group within two bounds.

    Attributes
    ----------
    values : ndarray of float64, shape (m,)
        Distinct values, increasing, without NaN and -0.0.
    weights : ndarray of float64, shape (m, R)
        Weight of each value in each of R columns: counts of rows, such as those of two samples.
    before : ndarray of float64, shape (R,)
        Weight of all smaller values of the group, in the buckets below.
    totals : ndarray of float64, shape (R,)
        Weight of the whole group.
    following : float
        Smallest value of the next bucket; NaN in the last one.
    """

    values: Floats
    weights: Floats
    before: Floats
    totals: Floats
    following: float = float("nan")

    @cached_property
    def after(self) -> Floats:
        """Weight of all values of the group up to and including each, in each column."""
        return in_columns([start + np.cumsum(of) for start, of in zip(self.before, self.weights.T, strict=True)])

    @cached_property
    def widths(self) -> Floats:
        """Distance of each value from the next one of the group; 0 for its largest."""
        with np.errstate(invalid="ignore"):  # from infinity to itself
            return np.diff(self.values, append=self.values[-1] if np.isnan(self.following) else self.following)


@dataclass(frozen=True)
class Statistic:
    """A statistic of a group as numbers of its buckets, and how they are merged.

    Attributes
    ----------
    columns : mapping of str to str
        Name of each result to its type: ``double`` or ``array<double>``.
    measure : callable
        Numbers of one bucket; of all buckets equally many.
    merge : callable
        Results of a group from the numbers of its buckets in order, shape (buckets, numbers), and its totals: one for
        each of ``columns``; NaN where the statistic is not defined.
    """

    columns: Mapping[str, str]
    measure: Callable[[Bucket], Numbers]
    merge: Callable[[Floats, Floats], Sequence[float | Numbers]]


def of_whole(statistic: Statistic, values: Floats, weights: Floats) -> dict[str, float | Numbers]:
    """A statistic of a group that is one bucket: values in any order, and the weights of each in all columns.

    Examples
    --------
    >>> from dataeval_spark.kernels.ordered.two_samples import MANN_WHITNEY
    >>> of_whole(MANN_WHITNEY, np.array([1.0, 2.0, 3.0]), np.array([[1, 0], [0, 1], [0, 1]]))["u"]
    2.0
    """
    return of_buckets(statistic, *distinct(values, np.asarray(weights, np.float64)), [])


def of_buckets(statistic: Statistic, values: Floats, weights: Floats, cuts: Numbers) -> dict[str, float | Numbers]:
    """The same of distinct values, cut into buckets that begin at each of ``cuts``."""
    totals = weights.sum(axis=0)
    before = np.zeros_like(totals)
    starts = [0, *np.searchsorted(values, cuts).tolist(), values.size]
    pairs = [(start, stop) for start, stop in pairwise(starts) if start < stop]
    parts = []
    for start, stop in pairs:
        following = values[stop] if stop < values.size else np.nan
        of_bucket = weights[start:stop]
        parts.append(statistic.measure(Bucket(values[start:stop], of_bucket, before, totals, following)))
        before = before + of_bucket.sum(axis=0)
    return dict(zip(statistic.columns, statistic.merge(np.array(parts, np.float64), totals), strict=True))


def distinct(values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Distinct values in order, and the sum of the weights of each; -0.0 is 0.0."""
    values = values + 0.0
    order = np.argsort(values, kind="stable")
    values = values[order]
    starts = starts_of_runs(values)
    return values[starts], sums_of_runs(weights[order], starts)


def in_columns(columns: Sequence[Floats]) -> Floats:
    """Columns as one array, in which each is contiguous: the statistics work on one or two of them at a time."""
    stacked = np.empty((columns[0].size, len(columns)), order="F")
    for at, column in enumerate(columns):
        stacked[:, at] = column
    return stacked


def sums_of_runs(weights: Floats, starts: NDArray[np.int64]) -> Floats:
    """Sum of each column of weights over each run of rows.

    Examples
    --------
    >>> sums_of_runs(np.array([[1.0], [2.0], [4.0]]), np.array([0, 2])).tolist()
    [[3.0], [4.0]]
    """
    if starts.size == len(weights):
        return weights
    return in_columns([np.add.reduceat(np.ascontiguousarray(column), starts) for column in weights.T])


def starts_of_runs(ordered: NDArray[np.generic]) -> NDArray[np.int64]:
    """Place of the first of each run of equal values.

    Examples
    --------
    >>> starts_of_runs(np.array([1.0, 1.0, 3.0])).tolist()
    [0, 2]
    """
    if ordered.size == 0:
        return np.empty(0, np.int64)
    return np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
