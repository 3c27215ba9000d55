"""Tests of independence equal SciPy's and DataEval's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, power_divergence
from scipy.stats.contingency import association as scipy_association
from sklearn.metrics.cluster import contingency_matrix

from dataeval_spark.kernels.factors.contingency_statistics import association, goodness_of_fit, label_parity
from dataeval_spark.kernels.factors.independence import ImageSums
from tests.kernels.factor_reference import INPUTS, PARITY, RARE_WITH_UPPER_CLASSES

LABEL = INPUTS["label"]


@pytest.mark.parametrize("factor", ["dependent", "independent", "rare"])
def test_score_and_p_value_equal_dataeval(factor):
    found = association(contingency_matrix(INPUTS[factor], LABEL))

    assert (found.corrected_v, found.p_value) == pytest.approx(PARITY[factor], rel=1e-9)


def test_two_by_two_tables_have_yates_correction_as_in_dataeval():
    found = association(contingency_matrix(INPUTS["rare"], LABEL > 1))

    assert (found.corrected_v, found.p_value) == pytest.approx(RARE_WITH_UPPER_CLASSES, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(2, 5), columns=st.integers(2, 5), high=st.integers(2, 60), seed=st.integers(0))
def test_both_tests_equal_scipy(rows, columns, high, seed):
    table = np.random.default_rng(seed).integers(0, high, (rows, columns))
    table[0, :] += 1  # no empty column
    table[:, 0] += 1
    g = chi2_contingency(table, lambda_="log-likelihood")
    pearson = chi2_contingency(table, correction=False)

    found = association(table)

    assert (found.g_statistic, found.degrees_of_freedom) == pytest.approx((g.statistic, g.dof), rel=1e-9, abs=1e-9)
    assert found.p_value == pytest.approx(g.pvalue, rel=1e-7, abs=1e-12)
    assert found.pearson_statistic == pytest.approx(pearson.statistic, rel=1e-9, abs=1e-12)
    assert found.pearson_p_value == pytest.approx(pearson.pvalue, rel=1e-7, abs=1e-12)
    assert found.cramers_v == pytest.approx(scipy_association(table, method="cramer"), rel=1e-9, abs=1e-9)
    assert found.low_expected_cells == (g.expected_freq < 5).sum()


def test_empty_rows_and_columns_do_not_count():
    table = np.array([[30, 0, 10], [0, 0, 0], [10, 0, 30]])

    assert association(table) == association(np.array([[30, 10], [10, 30]]))


@pytest.mark.parametrize("table", [[[5, 5]], [[5], [5]], [[0, 0], [0, 0]], [[5, 0], [7, 0]]])
def test_one_row_or_column_has_no_association(table):
    found = association(np.array(table))

    assert (found.corrected_v, found.p_value, found.cramers_v, found.degrees_of_freedom) == (0.0, 1.0, 0.0, 0)


def test_label_parity_against_exact_shares_equals_dataeval():
    found = goodness_of_fit(np.bincount(LABEL), ImageSums.of_single(np.bincount(LABEL[:200])))

    assert (found.chi_squared, found.p_value) == pytest.approx((0.5049076214922001, 0.9178119133050757), rel=1e-9)
    assert (found.total_variation, found.l_infinity) == pytest.approx((0.02, 0.02))


@settings(max_examples=30, deadline=None)
@given(classes=st.integers(2, 6), seed=st.integers(0))
def test_label_parity_equals_scipy(classes, seed):
    r = np.random.default_rng(seed)
    reference, current = r.integers(1, 50, classes), r.integers(0, 50, classes) + (np.arange(classes) == 0)
    two_samples = chi2_contingency(np.stack([reference, current]), correction=False)
    fixed = power_divergence(current, reference * current.sum() / reference.sum())

    found = label_parity(ImageSums.of_single(reference), ImageSums.of_single(current))
    against = goodness_of_fit(reference / reference.sum(), ImageSums.of_single(current))

    assert (found.chi_squared, found.p_value) == pytest.approx((two_samples.statistic, two_samples.pvalue), rel=1e-9)
    assert found.expected_counts == pytest.approx(two_samples.expected_freq[1])
    assert (against.chi_squared, against.p_value) == pytest.approx((fixed.statistic, fixed.pvalue), rel=1e-9)


@pytest.mark.parametrize("sizes", [(200, 200), (500, 5_000), (2_000, 200)])
def test_two_samples_of_one_population_are_at_parity_as_often_as_the_level_says(sizes):
    random = np.random.default_rng(5)
    shares = random.dirichlet(np.full(8, 5.0))
    draws = [[ImageSums.of_single(random.multinomial(n, shares)) for n in sizes] for _ in range(400)]

    assert 8 <= sum(label_parity(*sides).p_value < 0.05 for sides in draws) <= 33  # 20 are expected
    # The reference taken for exact, as DataEval does.
    as_exact = sum(goodness_of_fit(sides[0].counts, sides[1]).p_value < 0.05 for sides in draws)
    assert as_exact > {200: 120, 500: 360, 2_000: 20}[sizes[0]]


def test_a_class_that_a_fixed_distribution_lacks_makes_the_statistic_infinite():
    found = goodness_of_fit(np.array([20, 20, 0]), ImageSums.of_single([20, 0, 20]))

    assert (found.chi_squared, found.p_value, found.robust_p_value, found.l_infinity) == (float("inf"), 0.0, 0.0, 0.5)


def test_a_class_in_neither_says_nothing():
    for test in (lambda a, b: label_parity(ImageSums.of_single(a), b), goodness_of_fit):
        found = test([10, 0, 30], ImageSums.of_single([20, 0, 20]))
        without = test([10, 30], ImageSums.of_single([20, 20]))

        assert (found.chi_squared, found.p_value, found.robust_p_value) == (
            without.chi_squared,
            without.p_value,
            without.robust_p_value,
        )
        assert not found.is_low.any()


def test_one_class_alone_is_at_parity():
    assert label_parity(ImageSums.of_single([3]), ImageSums.of_single([9])).robust_p_value == 1.0
    assert goodness_of_fit(np.array([3]), ImageSums.of_single([9])).robust_p_value == 1.0
