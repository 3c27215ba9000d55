"""Numbers of buckets, for the data and its replicates."""

from __future__ import annotations

import numpy as np

from dataeval_spark.kernels.ordered.chunks import Rows
from dataeval_spark.kernels.ordered.parts import Draws, measured, merged, surroundings_of, totals_of
from dataeval_spark.kernels.ordered.replicates import poisson_weights
from dataeval_spark.kernels.ordered.two_samples import KOLMOGOROV_SMIRNOV, MANN_WHITNEY

UNITS = np.array([1, 2, 1], np.int64)
ROWS = Rows(np.array([1.0, 2.0, 3.0]), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]), UNITS)


def test_totals_of_replicates_are_sums_of_the_weights_of_their_units():
    drawn = poisson_weights(UNITS, 0, 3).astype(float)

    found = totals_of(ROWS, Draws(2, 3))

    assert found[0].tolist() == [2.0, 1.0]
    assert found[1].tolist() == [2 * drawn[0, 0], drawn[1, 0]]
    assert found[2].tolist() == [2 * drawn[0, 1], drawn[1, 1]]


def test_buckets_know_what_is_before_and_after_them():
    buckets = {((), "x", 3): (5.0, [3.0, 4.0]), ((), "x", 0): (1.0, [1.0, 2.0])}

    found = surroundings_of(buckets, 1)

    first, second = found[(), "x", 0], found[(), "x", 3]
    assert (first.before.tolist(), first.totals.tolist(), first.following) == ([[0.0, 0.0]], [[4.0, 6.0]], 5.0)
    assert second.before.tolist() == [[1.0, 2.0]]
    assert np.isnan(second.following)


def test_what_is_not_defined_is_none():
    alone = Rows(np.array([1.0]), np.array([[1.0, 0.0]]), None)

    (part,) = measured(alone, [KOLMOGOROV_SMIRNOV, MANN_WHITNEY], Draws(), None)

    assert set(merged([part], [KOLMOGOROV_SMIRNOV, MANN_WHITNEY]).values()) == {None}
