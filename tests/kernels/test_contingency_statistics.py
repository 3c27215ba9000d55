"""Tests of independence equal SciPy's and DataEval's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare
from scipy.stats.contingency import association as scipy_association
from sklearn.metrics.cluster import contingency_matrix

from dataeval_spark.kernels.contingency_statistics import association, information_p_value, label_parity
from dataeval_spark.kernels.mutual_information import mutual_information

from .factor_reference import INPUTS, PARITY, RARE_WITH_UPPER_CLASSES

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


def test_the_p_value_of_information_is_that_of_the_g_test():
    table = contingency_matrix(INPUTS["independent"], LABEL)
    expected = chi2_contingency(table, correction=False, lambda_="log-likelihood").pvalue

    assert information_p_value(mutual_information(table), table) == pytest.approx(expected, rel=1e-9)
    assert information_p_value(0.0, np.array([[4, 4]])) == 1.0


def test_label_parity_equals_dataeval():
    found = label_parity(np.bincount(LABEL), np.bincount(LABEL[:200]))

    assert (found.chi_squared, found.p_value) == pytest.approx((0.5049076214922001, 0.9178119133050757), rel=1e-9)
    assert (found.total_variation, found.l_infinity) == pytest.approx((0.02, 0.02))


@settings(max_examples=30, deadline=None)
@given(classes=st.integers(2, 6), seed=st.integers(0))
def test_label_parity_equals_scipy(classes, seed):
    r = np.random.default_rng(seed)
    expected, observed = r.integers(1, 50, classes), r.integers(0, 50, classes) + (np.arange(classes) == 0)
    scipy = chisquare(observed, expected * observed.sum() / expected.sum())

    found = label_parity(expected, observed)

    assert (found.chi_squared, found.p_value) == pytest.approx((scipy.statistic, scipy.pvalue), rel=1e-9)


def test_a_class_that_is_not_expected_makes_the_statistic_infinite():
    found = label_parity(np.array([20, 20, 0]), np.array([20, 0, 20]))

    assert (found.chi_squared, found.p_value, found.l_infinity) == (float("inf"), 0.0, 0.5)


def test_a_class_in_neither_says_nothing():
    assert label_parity(np.array([10, 0, 30]), np.array([20, 0, 20])) == label_parity(
        np.array([10, 30]), np.array([20, 20])
    )


def test_one_class_alone_is_at_parity():
    assert label_parity(np.array([3]), np.array([9])).p_value == 1.0
