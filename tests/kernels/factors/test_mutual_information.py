"""Mutual information equals scikit-learn's, its expectation too, and the adjusted scores DataEval's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score
from sklearn.metrics.cluster import adjusted_mutual_info_score, contingency_matrix

from dataeval_spark.kernels.factors.mutual_information import (
    adjusted_association,
    adjusted_share,
    entropy,
    expected_mutual_information,
    mutual_information,
)
from tests.kernels.factor_reference import DEPENDENT_WITH_RARE, INPUTS, SHARE_OF_CLASSES, SHARE_OF_LABEL

LABEL = INPUTS["label"]


@pytest.mark.parametrize(("factor", "expected"), SHARE_OF_LABEL.items())
def test_shares_of_the_label_equal_dataeval(factor, expected):
    assert adjusted_share(contingency_matrix(LABEL, INPUTS[factor])) == pytest.approx(expected, abs=1e-12)
    assert adjusted_share(contingency_matrix(INPUTS[factor], LABEL), target=1) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("factor", "expected"), SHARE_OF_CLASSES.items())
def test_shares_of_one_class_against_the_rest_equal_dataeval(factor, expected):
    found = [adjusted_share(contingency_matrix(name == LABEL, INPUTS[factor])) for name in range(4)]

    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("is_cut", "expected"), DEPENDENT_WITH_RARE.items())
def test_associations_equal_dataeval(is_cut, expected):
    table = contingency_matrix(INPUTS["dependent"], INPUTS["rare"])

    assert adjusted_association(table, is_cut=is_cut) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(2, 300), rows=st.integers(1, 12), columns=st.integers(1, 12), skew=st.booleans(), seed=st.integers(0)
)
def test_information_and_its_expectation_equal_scikit_learn(n, rows, columns, skew, seed):
    r = np.random.default_rng(seed)
    x = r.choice(rows, n, p=r.dirichlet(np.full(rows, 0.3))) if skew else r.integers(0, rows, n)
    y = r.integers(0, columns, n)
    table = contingency_matrix(x, y)

    information = mutual_information(table)
    expected = expected_mutual_information(table.sum(axis=1), table.sum(axis=0))
    most = max(entropy(table.sum(axis=1)), entropy(table.sum(axis=0)))

    assert information == pytest.approx(mutual_info_score(x, y), abs=1e-12)
    if table.shape[0] > 1 and table.shape[1] > 1 and abs(most - expected) > 1e-9:
        adjusted = adjusted_mutual_info_score(x, y, average_method="max")
        assert (information - expected) / (most - expected) == pytest.approx(adjusted, abs=1e-9)


def test_the_window_of_the_sum_leaves_nothing_out():
    # Every k of a table small enough to sum it all, by exact binomial coefficients.
    from math import comb, log

    rows, columns = (30, 50), (20, 60)
    n = 80
    expected = sum(
        comb(b, k) * comb(n - b, a - k) / comb(n, a) * k / n * log(n * k / (a * b))
        for a in rows
        for b in columns
        for k in range(max(1, a + b - n), min(a, b) + 1)
    )

    assert expected_mutual_information(np.array(rows), np.array(columns)) == pytest.approx(expected, abs=1e-15)


def test_the_expectation_of_a_large_table_is_its_asymptote():
    # (rows - 1)(columns - 1) / 2n, up to terms of order 1/n^2
    margins = np.full(10, 10**7), np.full(4, 25 * 10**6)

    assert expected_mutual_information(*margins) == pytest.approx(9 * 3 / 2 / 10**8, rel=1e-6)


def test_a_constant_shares_nothing():
    table = np.array([[3, 4]])

    assert mutual_information(table) == 0.0
    assert adjusted_share(table) == 0.0
    assert adjusted_share(table, target=1) == 0.0
    assert adjusted_association(table, is_cut=(False, False)) == 0.0
    assert adjusted_association(table, is_cut=(True, True)) == 0.0


def test_an_identifier_shares_nothing_although_it_determines_everything():
    assert adjusted_share(contingency_matrix(LABEL, np.arange(LABEL.size))) == 0.0


@pytest.mark.parametrize("is_cut", [(False, False), (True, True), (True, False)])
def test_a_copy_shares_everything(is_cut):
    table = contingency_matrix(LABEL, LABEL)

    assert adjusted_share(table) == pytest.approx(1.0, abs=1e-12)
    assert adjusted_association(table, is_cut=is_cut) == pytest.approx(1.0, abs=1e-12)


def test_no_rows_share_nothing():
    empty = np.zeros((2, 2), int)

    assert mutual_information(empty) == 0.0
    assert expected_mutual_information(empty.sum(axis=0), empty.sum(axis=1)) == 0.0
    assert entropy(empty.ravel()) == 0.0
