"""A sample of the distinct values of a group: those with the smallest hashes, the same for any partitioning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.ordered.bucket import Floats
from dataeval_spark.kernels.ordered.replicates import mixed

SIZE = 2048
"""Distinct values that are kept; a group has fewer only if these are all."""
SAMPLED_PER_BUCKET = 8
MOST_BUCKETS = SIZE // SAMPLED_PER_BUCKET


@dataclass(frozen=True)
class DistinctSample:
    """Values of a group with the smallest hashes, and the rows of each and of the group.

    A value that belongs to the sample of all rows belongs to that of each part in which it occurs, so its rows are
    counted exactly.

    References
    ----------
    Bar-Yossef et al. (2002), "Counting distinct elements in a data stream"; Cohen and Kaplan (2007), "Summarizing data
    using bottom-k sketches".
    """

    values: Floats
    counts: Floats
    rows: int

    @classmethod
    def of(cls, values: Floats, counts: NDArray[np.generic] | None = None) -> DistinctSample:
        """The sample of values, each of which may stand for several rows."""
        return cls(np.empty(0), np.empty(0), 0).extended(values, counts)

    def extended(self, values: Floats, counts: NDArray[np.generic] | None = None) -> DistinctSample:
        """The sample of the rows of this one and of further values."""
        weights: Floats = np.ones(values.size) if counts is None else np.asarray(counts, np.float64)
        rows = int(weights.sum())
        hashes = mixed(values.view(np.uint64))
        near: NDArray[np.bool_] | slice = slice(None)
        if self.values.size == SIZE:
            near = hashes <= self._largest
        elif values.size > 4 * SIZE:
            near = hashes <= np.partition(hashes, 2 * SIZE)[2 * SIZE]
            if np.unique(hashes[near]).size < SIZE:  # few values, of many rows each
                near = slice(None)
        return self.merged(DistinctSample(*self._smallest(values[near], hashes[near], weights[near]), rows))

    @staticmethod
    def _smallest(values: Floats, hashes: NDArray[np.uint64], counts: Floats) -> tuple[Floats, Floats]:
        # The mixing is one to one: equal hashes are of equal values.
        _, first, place = np.unique(hashes, return_index=True, return_inverse=True)
        return values[first[:SIZE]], np.bincount(place, counts)[:SIZE].astype(np.float64)

    def merged(self, other: DistinctSample) -> DistinctSample:
        """The sample of the rows of both."""
        values, counts = np.concatenate([self.values, other.values]), np.concatenate([self.counts, other.counts])
        chosen = self._smallest(values, mixed(values.view(np.uint64)), counts)
        return DistinctSample(*chosen, self.rows + other.rows)

    @property
    def distinct(self) -> float:
        """Number of distinct values of the group: exact below the size of the sample, else estimated within 5 %."""
        if self.values.size < SIZE:
            return float(self.values.size)
        return (SIZE - 1) * 2.0**64 / float(self._largest)

    @property
    def _largest(self) -> np.uint64:
        return np.uint64(mixed(self.values.view(np.uint64)).max())

    def bounds(self, bucket_size: int, *, by_rows: bool) -> Floats:
        """Smallest values of the buckets after the first, so that each holds about so many distinct values, or rows.

        A group of fewer is one bucket, without bounds; the sample has bounds for 256 buckets at most.
        """
        size = self.rows if by_rows else self.distinct
        buckets = min(MOST_BUCKETS, int(np.ceil(size / bucket_size)))
        if buckets < 2:
            return np.empty(0)
        order = np.argsort(self.values)
        values = self.values[order]
        loads = np.cumsum(self.counts[order] if by_rows else np.ones(values.size))
        at = np.searchsorted(loads, np.arange(1, buckets) / buckets * loads[-1])
        return np.unique(values[np.minimum(at, values.size - 1)])
