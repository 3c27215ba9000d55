"""Numbers of buckets, for the data and its replicates."""

from __future__ import annotations

import numpy as np

from dataeval_spark.kernels.ordered.chunks import Layout, Rows, Slice
from dataeval_spark.kernels.ordered.exact_totals import ExactTotal
from dataeval_spark.kernels.ordered.parts import Draws, measured, merged, surroundings_of, totals_of
from dataeval_spark.kernels.ordered.replicates import poisson_weights
from dataeval_spark.kernels.ordered.two_samples import KOLMOGOROV_SMIRNOV, MANN_WHITNEY

LAYOUT = Layout((), ("x",), ("r", "c"), False, "u")
UNITS = np.array([1, 2, 1], np.int64)
ROWS = Rows(np.array([1.0, 2.0, 3.0]), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]), UNITS)


def test_totals_of_replicates_are_sums_of_the_weights_of_their_units():
    drawn = poisson_weights(UNITS, 0, 3).astype(float)

    found = totals_of(Slice((), "x", 0, ROWS.values, None, ROWS.weights, UNITS), LAYOUT, Draws(2, 3))

    expected = [2.0, 1.0, 2 * drawn[0, 0], drawn[1, 0], 2 * drawn[0, 1], drawn[1, 1]]
    assert list(map(float, found)) == expected


def test_totals_of_a_side_are_counts_in_the_columns_of_its_bits():
    by_side = Slice((), "x", 2, np.array([1.0, 2.0]), np.array([3, 4]), None, None)

    assert list(map(float, totals_of(by_side, Layout((), ("x",), ("r", "c"), True), Draws()))) == [0.0, 7.0]


def test_buckets_know_what_is_before_and_after_them():
    buckets = {
        ((), "x", 3): (5.0, [ExactTotal(3), ExactTotal(4)]),
        ((), "x", 0): (1.0, [ExactTotal(1), ExactTotal(2)]),
    }

    found = surroundings_of(buckets, 1)

    first, second = found[(), "x", 0], found[(), "x", 3]
    assert (first.before.tolist(), first.totals.tolist(), first.following) == ([[0.0, 0.0]], [[4.0, 6.0]], 5.0)
    assert second.before.tolist() == [[1.0, 2.0]]
    assert np.isnan(second.following)


def test_what_is_not_defined_is_none():
    alone = Rows(np.array([1.0]), np.array([[1.0, 0.0]]), None)

    (part,) = measured(alone, [KOLMOGOROV_SMIRNOV, MANN_WHITNEY], Draws(), None)

    assert set(merged([part], [KOLMOGOROV_SMIRNOV, MANN_WHITNEY]).values()) == {None}
