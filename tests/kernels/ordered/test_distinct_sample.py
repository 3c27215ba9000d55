"""Samples of distinct values: equal for any parts, and bounds of buckets that hold about equally many."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.kernels.ordered.distinct_sample import MOST_BUCKETS, SIZE, DistinctSample


def merged(parts):
    whole, *others = [DistinctSample.of(part) for part in parts]
    for other in others:
        whole = whole.merged(other)
    return whole


@pytest.mark.parametrize("parts", [2, 7, 64])
def test_a_sample_is_the_same_for_any_parts(parts):
    random = np.random.default_rng(0)
    values = np.r_[random.normal(size=60_000), np.repeat(random.random(100), 200)]
    whole = DistinctSample.of(values)

    found = merged(np.array_split(random.permutation(values), parts))

    assert found.values.tolist() == whole.values.tolist()
    assert found.counts.tolist() == whole.counts.tolist()
    assert found.rows == whole.rows == values.size


def test_rows_of_each_sampled_value_are_counted_exactly():
    values = np.random.default_rng(1).integers(0, 20_000, 100_000).astype(float)

    found = DistinctSample.of(values)

    assert found.values.size == SIZE
    assert found.counts.tolist() == [(values == value).sum() for value in found.values]


def test_few_distinct_values_are_counted_and_many_are_estimated():
    assert DistinctSample.of(np.tile([1.0, 2.0, 3.0], 10_000)).distinct == 3
    assert DistinctSample.of(np.arange(300_000.0)).distinct == pytest.approx(300_000, rel=0.1)


def test_buckets_hold_about_equally_many_values():
    values = np.random.default_rng(2).lognormal(size=200_000)

    bounds = DistinctSample.of(values).bounds(20_000, by_rows=False)

    sizes = np.bincount(np.searchsorted(bounds, values, side="right"))
    assert 9 <= bounds.size <= 11
    assert sizes.max() < 25_000


def test_by_rows_a_frequent_value_is_a_bucket_of_its_own():
    values = np.r_[np.repeat(5.0, 50_000), np.random.default_rng(3).uniform(0, 10, 10_000)]

    bounds = DistinctSample.of(values).bounds(10_000, by_rows=True)

    sizes = np.bincount(np.searchsorted(bounds, values, side="right"))
    assert np.sort(sizes)[-2] < 15_000


def test_a_small_group_is_one_bucket_and_no_group_has_more_than_its_sample_can_tell():
    values = np.arange(100_000.0)

    assert DistinctSample.of(values[:1000]).bounds(1000, by_rows=False).size == 0
    assert DistinctSample.of(values).bounds(1, by_rows=False).size <= MOST_BUCKETS - 1
