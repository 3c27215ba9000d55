"""Diversity indices on counts that can be checked by hand, and against DataEval."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.kernels.factors.binning import choose_bins, encode
from dataeval_spark.kernels.factors.diversity import shannon_diversity, simpson_diversity
from tests.kernels.factor_reference import DIVERSITY, INPUTS

INDICES = {"simpson": simpson_diversity, "shannon": shannon_diversity}


@pytest.mark.parametrize("method", INDICES)
@pytest.mark.parametrize("factor", ["continuous", "skewed", "independent"])
def test_diversity_within_a_class_equals_dataeval(method, factor):
    values = INPUTS[factor].astype(float)
    codes = encode(values, choose_bins(values))
    counts = np.bincount(codes[INPUTS["label"] == 0])

    found = INDICES[method](counts, len(np.unique(codes)))

    assert found == pytest.approx(DIVERSITY[method][factor], rel=1e-12)


@pytest.mark.parametrize("index", INDICES.values())
@pytest.mark.parametrize(("counts", "bins", "expected"), [([7, 7, 7], 3, 1.0), ([9, 0], 2, 0.0), ([4], 1, 0.0)])
def test_equal_counts_have_diversity_one_and_a_single_value_zero(index, counts, bins, expected):
    assert index(np.array(counts), bins) == pytest.approx(expected, abs=1e-15)


def test_simpson_is_the_inverse_index_between_its_bounds():
    # 1 / (0.75^2 + 0.25^2) = 1.6
    assert simpson_diversity(np.array([3, 1]), 2) == pytest.approx(0.6)
