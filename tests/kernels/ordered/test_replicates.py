"""Weights of bootstrap replicates: Poisson variates, the same wherever a unit is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from dataeval_spark.kernels.ordered.replicates import poisson_weights

UNITS = np.arange(200_000, dtype=np.int64)


def test_rows_of_a_unit_have_one_weight_in_any_task():
    alone = poisson_weights(np.array([5, -7], np.int64), 3, 1)

    assert poisson_weights(np.array([9, -7, 5, 5], np.int64), 3, 1)[[2, 3, 1]].tolist() == alone[[0, 0, 1]].tolist()


def test_weights_are_poisson_variates_of_mean_one():
    drawn = poisson_weights(UNITS, 0, 7).astype(float)

    assert drawn.mean(axis=0) == pytest.approx(np.ones(4), abs=4 / np.sqrt(UNITS.size))
    assert drawn.var(axis=0) == pytest.approx(np.ones(4), abs=4 * np.sqrt(3 / UNITS.size))
    shares = np.bincount(drawn.astype(int).ravel(), minlength=8)[:5] / drawn.size
    assert shares == pytest.approx(poisson.pmf(np.arange(5), 1.0), abs=2e-3)


def test_replicates_blocks_and_seeds_are_independent():
    columns = np.column_stack([poisson_weights(UNITS, block, seed) for block, seed in ((0, 0), (1, 0), (0, 1))])

    correlations = np.corrcoef(columns.T.astype(float))
    assert np.abs(correlations - np.eye(12)).max() < 5 / np.sqrt(UNITS.size)
