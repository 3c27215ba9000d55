"""Numbers of the statistics of one bucket, in the data and in bootstrap replicates, and what they give for a group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from dataeval_spark.kernels.ordered.bucket import Bucket, Floats, Statistic, starts_of_runs
from dataeval_spark.kernels.ordered.chunks import Key, Layout, Rows, in_buckets, rows_of_slice, slices
from dataeval_spark.kernels.ordered.replicates import LANES, poisson_weights


@dataclass(frozen=True)
class Draws:
    """Replicates beside the data itself, which is number 0."""

    replicates: int = 0
    seed: int = 0

    def weighted(self, rows: Rows) -> Iterator[Floats]:
        """Weights of the rows in the data and in each replicate."""
        yield rows.weights
        if rows.units is None:
            return
        for first in range(0, self.replicates, LANES):
            drawn = poisson_weights(rows.units, first // LANES, self.seed)
            for lane in range(min(LANES, self.replicates - first)):
                yield rows.weights * drawn[:, lane, None]


@dataclass(frozen=True)
class Surroundings:
    """What a bucket must know of its group: weights before it and of all per replicate, and the next bucket's value."""

    before: Floats
    totals: Floats
    following: float


def totals_of(rows: Rows, draws: Draws) -> Floats:
    """Sum of the weights in the data and in each replicate, shape (1 + replicates, R)."""
    return np.array([weights.sum(axis=0) for weights in draws.weighted(rows)])


def measured(
    rows: Rows, statistics: Sequence[Statistic], draws: Draws, surroundings: Surroundings | None
) -> Iterator[list[list[float]]]:
    """Totals of the group and numbers of each statistic, in the data and in each replicate; without surroundings the
    bucket is the whole group.
    """
    starts = starts_of_runs(rows.values)
    values = rows.values[starts]
    for number, weights in enumerate(draws.weighted(rows)):
        summed = np.add.reduceat(weights, starts, axis=0)
        if surroundings is None:
            totals = summed.sum(axis=0)
            bucket = Bucket(values, summed, np.zeros_like(totals), totals)
        else:
            before, totals = surroundings.before[number], surroundings.totals[number]
            bucket = Bucket(values, summed, before, totals, surroundings.following)
        yield [totals.tolist(), *(list(each.measure(bucket)) for each in statistics)]


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
) -> Iterator[tuple[tuple[Key, str, int], Rows]]:
    """Rows of the groups that have bounds, bucket by bucket: the key and number of the bucket, and some of its rows."""
    for each in slices(table, layout):
        if (each.key, each.name) in bounds:
            for bucket, part in in_buckets(each, bounds[each.key, each.name]):
                yield (each.key, each.name, bucket), rows_of_slice(part, layout)


def surroundings_of(
    buckets: Mapping[tuple[Key, str, int], tuple[float, Sequence[float]]], weightings: int
) -> dict[tuple[Key, str, int], Surroundings]:
    """What each bucket must know of its group, from the first value and the weights of all buckets.

    Parameters
    ----------
    buckets : mapping
        Group, value column and number of a bucket to its first value and its weights, per replicate and column.
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
        weights = np.array([buckets[key, name, number][1] for number in numbers]).reshape(len(numbers), weightings, -1)
        ends = np.cumsum(weights, axis=0)
        for at, number in enumerate(numbers):
            following = firsts[at + 1] if at + 1 < len(firsts) else float("nan")
            found[key, name, number] = Surroundings(ends[at] - weights[at], ends[-1], following)
    return found
