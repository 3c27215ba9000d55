"""The KS p-value from sizes and gap alone equals SciPy's from the samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from dataeval_spark.kernels.factors.kolmogorov_smirnov import ks_pvalue


def gap(sample1: np.ndarray, sample2: np.ndarray) -> tuple[float, int, int]:
    at = np.union1d(sample1, sample2)
    below1 = np.searchsorted(np.sort(sample1), at, side="right")
    below2 = np.searchsorted(np.sort(sample2), at, side="right")
    differences = np.abs(below1 / sample1.size - below2 / sample2.size)
    largest = differences.argmax()
    return differences[largest], int(below1[largest]), int(below2[largest])


def assert_equals_scipy(sample1: np.ndarray, sample2: np.ndarray) -> None:
    statistic, i, j = gap(sample1, sample2)
    expected = ks_2samp(sample1, sample2, method="auto")

    assert statistic == pytest.approx(expected.statistic, abs=1e-15)
    assert ks_pvalue(statistic, sample1.size, sample2.size, i, j) == pytest.approx(expected.pvalue, rel=1e-12)


@settings(max_examples=50, deadline=None)
@given(n1=st.integers(1, 60), n2=st.integers(1, 60), levels=st.integers(1, 30), seed=st.integers(0, 1000))
def test_small_samples_with_ties_equal_scipy(n1, n2, levels, seed):
    random = np.random.default_rng(seed)

    assert_equals_scipy(random.integers(0, levels, n1).astype(float), random.integers(0, levels + 3, n2).astype(float))


@pytest.mark.parametrize(
    ("n1", "n2"), [(10_000, 9_999), (10_000, 10_000), (10_001, 50), (20_000, 30_000)], ids=lambda n: str(n)
)
def test_large_samples_equal_scipy_on_both_sides_of_its_bound(n1, n2):
    random = np.random.default_rng(1)

    assert_equals_scipy(random.normal(size=n1), random.normal(0.01, 1, size=n2))


def test_equal_samples_have_a_p_value_of_one():
    assert ks_pvalue(0.0, 20, 30, 20, 30) == 1.0


def test_an_empty_sample_has_no_p_value():
    assert math.isnan(ks_pvalue(0.0, 0, 5, 0, 5))
