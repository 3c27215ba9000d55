"""Numbers of the statistics of one bucket, in the data and in bootstrap replicates, and what they give for a group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dataeval_spark.kernels.ordered.bucket import Bucket, Floats, Statistic, starts_of_runs, sums_of_runs
from dataeval_spark.kernels.ordered.chunks import Key, Layout, Rows, Slice, in_buckets, slices
from dataeval_spark.kernels.ordered.exact_totals import ExactTotal, added, is_whole
from dataeval_spark.kernels.ordered.replicates import LANES, MOST_DRAWN, poisson_weights


@dataclass(frozen=True)
class Draws:
    """Replicates beside the data itself, which is number 0."""

    replicates: int = 0
    seed: int = 0

    def drawn(self, units: NDArray[np.int64] | None) -> Iterator[NDArray[np.uint8]]:
        """Variates of rows in a few replicates at a time, shape (n, some)."""
        if units is None:
            return
        for first in range(0, self.replicates, LANES):
            yield poisson_weights(units, first // LANES, self.seed)[:, : self.replicates - first]

    def weighted(self, rows: Rows) -> Iterator[Floats]:
        """Weights of the rows in the data and in each replicate."""
        yield rows.weights
        for variates in self.drawn(rows.units):
            yield from (rows.weights * each[:, None] for each in variates.T)


@dataclass(frozen=True)
class Surroundings:
    """What a bucket must know of its group: weights before it and of all per replicate, and the next bucket's value."""

    before: Floats
    totals: Floats
    following: float


def totals_of(rows: Slice, layout: Layout, draws: Draws) -> list[ExactTotal]:
    """Sum of the weights in the data and in each replicate: of each all columns, one after the other."""
    counts = np.ones(rows.values.size) if rows.counts is None else rows.counts.astype(np.float64)
    if rows.weights is None:
        # Column r of a side is bit r of its number.
        return [
            ExactTotal() + ExactTotal(int(counts.sum()) * (rows.side >> at & 1)) for at in range(len(layout.weights))
        ]
    can_add = is_whole(rows.weights, MOST_DRAWN * counts)
    totals: list[ExactTotal] = []
    of_data: NDArray[np.uint8] = np.ones((counts.size, 1), np.uint8)
    for variates in chain([of_data], draws.drawn(rows.units)):
        times: Floats = variates * counts[:, None]
        if can_add:
            totals += [ExactTotal.of_whole(total) for total in (times.T @ rows.weights).ravel().tolist()]
        else:
            totals += [ExactTotal.of(column, each) for each in times.T for column in rows.weights.T]
    return totals


def measured(
    rows: Rows, statistics: Sequence[Statistic], draws: Draws, surroundings: Surroundings | None
) -> Iterator[list[list[float]]]:
    """Totals of the group and numbers of each statistic, in the data and in each replicate; without surroundings the
    bucket is the whole group.
    """
    starts = starts_of_runs(rows.values)
    values = rows.values[starts]
    for number, weights in enumerate(draws.weighted(rows)):
        summed = sums_of_runs(weights, starts)
        if surroundings is None:
            totals = summed.sum(axis=0)
            bucket = Bucket(values, summed, np.zeros_like(totals), totals)
        else:
            before, totals = surroundings.before[number], surroundings.totals[number]
            bucket = Bucket(values, summed, before, totals, surroundings.following)
        yield [totals.tolist(), *(list(each.measure(bucket)) for each in statistics)]


def ranks_of(rows: Rows, before: float) -> Floats:
    """Distinct values, their weight, that of smaller ones, and their mean rank, shape (4, values).

    Examples
    --------
    >>> ranks_of(Rows(np.array([1.0, 1.0, 4.0]), np.ones((3, 1)), None), 10.0).tolist()
    [[1.0, 4.0], [2.0, 1.0], [10.0, 12.0], [11.5, 13.0]]
    """
    starts = starts_of_runs(rows.values)
    n = np.add.reduceat(rows.weights.sum(axis=1), starts)
    below = before + np.cumsum(n) - n
    return np.array([rows.values[starts], n, below, below + (n + 1) / 2])


def merged(parts: Sequence[Sequence[Sequence[float]]], statistics: Sequence[Statistic]) -> dict[str, Any]:
    """Results of a group from what `measured` gave for its buckets in order; NaN is None."""
    totals = np.array(parts[0][0])
    results: dict[str, Any] = {}
    for number, statistic in enumerate(statistics, start=1):
        of_buckets = np.array([part[number] for part in parts], np.float64)
        for name, result in zip(statistic.columns, statistic.merge(of_buckets, totals), strict=True):
            if isinstance(result, Sequence):
                results[name] = [_or_none(each) for each in result]
            else:
                results[name] = _or_none(result)
    return results


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def large_parts(
    table: pa.Table, layout: Layout, bounds: Mapping[tuple[Key, str], Floats]
) -> Iterator[tuple[tuple[Key, str, int], Slice]]:
    """Rows of the groups that have bounds, bucket by bucket: the key and number of the bucket, and some of its rows."""
    for each in slices(table, layout):
        if (each.key, each.name) in bounds:
            for bucket, part in in_buckets(each, bounds[each.key, each.name]):
                yield (each.key, each.name, bucket), part


def surroundings_of(
    buckets: Mapping[tuple[Key, str, int], tuple[float, Sequence[ExactTotal]]], weightings: int
) -> dict[tuple[Key, str, int], Surroundings]:
    """What each bucket must know of its group, from the first value and the weights of all buckets.

    Parameters
    ----------
    buckets : mapping
        Group, value column and number of a bucket to its first value and what `totals_of` gives.
    weightings : int
        Replicates, and one for the data.
    """
    groups: dict[tuple[Key, str], list[int]] = {}
    for key, name, bucket in buckets:
        groups.setdefault((key, name), []).append(bucket)
    found = {}
    for (key, name), numbers in groups.items():
        numbers.sort()
        firsts = [buckets[key, name, number][0] for number in numbers]
        sums = [[ExactTotal()] * len(buckets[key, name, numbers[0]][1])]
        for number in numbers:
            sums.append(added(sums[-1], buckets[key, name, number][1]))
        ends = np.array([[float(each) for each in row] for row in sums]).reshape(len(sums), weightings, -1)
        for at, number in enumerate(numbers):
            following = firsts[at + 1] if at + 1 < len(firsts) else float("nan")
            found[key, name, number] = Surroundings(ends[at], ends[-1], following)
    return found
