"""Buckets: distinct values, what is before and after them, and statistics of a group cut anywhere."""

from __future__ import annotations

import numpy as np

from dataeval_spark.kernels.ordered.bucket import Bucket, Statistic, distinct, of_buckets, starts_of_runs


def test_equal_values_are_one_whose_weights_are_added():
    values, weights = distinct(np.array([2.0, 1.0, 2.0]), np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 2.0]]))

    assert values.tolist() == [1.0, 2.0]
    assert weights.tolist() == [[0.0, 1.0], [1.5, 2.0]]


def test_zeros_are_equal_whatever_their_sign():
    values, weights = distinct(np.array([0.0, -0.0]), np.ones((2, 1)))

    assert (values.tolist(), np.signbit(values).tolist(), weights.tolist()) == ([0.0], [False], [[2.0]])


def test_the_last_value_of_a_group_has_no_width():
    ones = np.ones((2, 1))

    assert Bucket(np.array([1.0, 3.0]), ones, np.zeros(1), np.full(1, 4.0), 7.0).widths.tolist() == [2.0, 4.0]
    assert Bucket(np.array([1.0, 3.0]), ones, np.zeros(1), np.full(1, 2.0)).widths.tolist() == [2.0, 0.0]


def test_a_group_is_cut_at_the_first_value_of_each_bucket():
    seen = Statistic(
        {"buckets": "array<double>", "total": "double"},
        lambda bucket: [bucket.values[0], bucket.before[0], bucket.after[-1, 0], bucket.following],
        lambda parts, totals: [parts.tolist(), totals[0]],
    )

    found = of_buckets(seen, np.array([1.0, 2.0, 5.0]), np.array([[1.0], [2.0], [4.0]]), [0.0, 2.0])

    assert found["buckets"][0] == [1.0, 0.0, 1.0, 2.0]
    assert found["buckets"][1][:3] == [2.0, 1.0, 7.0]
    assert np.isnan(found["buckets"][1][3])
    assert found["total"] == 7.0


def test_no_value_has_no_run():
    assert starts_of_runs(np.empty(0)).tolist() == []
