"""Effective dimensions of clouds whose number is known, and of parts added up."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

from dataeval_spark.kernels.vectors.effective_dimension import Moments, centered_ranks, effective_dimension, rank_of

R = np.random.default_rng(2)


def test_equal_variances_fill_every_dimension_and_one_direction_one():
    assert effective_dimension(np.eye(5)) == pytest.approx(5.0)
    assert effective_dimension(np.outer([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])) == pytest.approx(1.0)


def test_what_does_not_vary_has_no_dimension():
    assert np.isnan(effective_dimension(Moments.from_rows(np.ones((4, 3))).products))


def test_moments_of_parts_add_up_also_far_from_the_origin():
    rows = 1e6 + R.normal(size=(100, 4))
    total = Moments.from_rows(rows[:7]).merged(Moments.from_rows(rows[7:60])).merged(Moments.from_rows(rows[60:]))

    np.testing.assert_allclose(total.products, np.cov(rows.T) * 99, rtol=1e-8)
    np.testing.assert_allclose(total.gram, rows.T @ rows, rtol=1e-12)
    assert total.n == 100


@pytest.mark.parametrize("rank", [1, 3, 6])
def test_the_rank_is_that_of_the_rows(rank):
    rows = R.normal(size=(50, rank)) @ R.normal(size=(rank, 6))

    assert rank_of(rows.T @ rows) == np.linalg.matrix_rank(rows) == rank


def test_nothing_spans_nothing():
    assert rank_of(np.zeros((3, 3))) == 0


def test_ranks_are_centered_and_equal_values_share_theirs():
    values = np.round(R.normal(size=40), 1)

    np.testing.assert_allclose(centered_ranks(values), (rankdata(values) - 0.5) / 40 - 0.5, atol=1e-15)
    assert centered_ranks(np.full(9, 3.0)).tolist() == [0.0] * 9
