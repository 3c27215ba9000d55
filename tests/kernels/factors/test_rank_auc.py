"""AUC equals scikit-learn's, its p-value SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

from dataeval_spark.kernels.factors.rank_auc import class_auc, cross_validated_auc, grouped_auc, presence_auc


@settings(max_examples=40, deadline=None)
@given(n=st.integers(6, 200), levels=st.integers(2, 60), seed=st.integers(0))
def test_each_class_against_the_rest_equals_scikit_learn_and_scipy(n, levels, seed):
    r = np.random.default_rng(seed)
    values, classes = r.integers(0, levels, n).astype(float), np.r_[0, 1, 2, r.integers(0, 3, n - 3)]

    auc, p_value, counts = class_auc(values, classes, 4)

    assert counts.tolist() == np.bincount(classes, minlength=4).tolist()
    for name in range(3):
        is_class = classes == name
        expected = mannwhitneyu(values[is_class], values[~is_class], method="asymptotic").pvalue
        assert auc[name] == pytest.approx(roc_auc_score(is_class, values), abs=1e-12)
        if not np.isnan(expected):
            assert p_value[name] == pytest.approx(min(expected, 1.0), rel=1e-9, abs=1e-15)
    assert np.isnan([auc[3], p_value[3]]).all()


def test_equal_values_tell_nothing():
    auc, p_value, _ = class_auc(np.ones(6), np.array([0, 0, 1, 1, 1, 1]), 2)

    assert (auc.tolist(), p_value.tolist()) == ([0.5, 0.5], [1.0, 1.0])


def test_one_class_alone_has_no_auc():
    assert np.isnan(class_auc(np.arange(3.0), np.zeros(3, int), 1)[0]).all()
    assert np.isnan(class_auc(np.array([]), np.array([], int), 1)[0]).all()


@settings(max_examples=40, deadline=None)
@given(groups=st.integers(2, 8), seed=st.integers(0))
def test_grouped_scores_equal_one_row_each(groups, seed):
    r = np.random.default_rng(seed)
    scores, positives, negatives = r.integers(0, 4, groups) / 4, r.integers(1, 9, groups), r.integers(1, 9, groups)
    labels = np.concatenate([np.repeat([1, 0], pair) for pair in zip(positives, negatives, strict=True)])

    expected = roc_auc_score(labels, np.repeat(scores, positives + negatives))

    assert grouped_auc(scores, positives, negatives) == pytest.approx(expected, abs=1e-12)


def test_a_bin_that_names_the_class_is_predicted_on_every_fold():
    counts = np.zeros((3, 2, 2), int)
    counts[:, 0, 0] = counts[:, 1, 1] = 10

    assert cross_validated_auc(counts) == (1.0, 0.0, 3)


def test_what_is_learnt_on_noise_does_not_hold_on_the_other_folds():
    # Every row has a bin of its own: what was learnt about it is never asked.
    counts = np.zeros((5, 2, 100), int)
    r = np.random.default_rng(0)
    counts[np.arange(100) % 5, r.integers(0, 2, 100), np.arange(100)] = 1

    auc, _, folds = cross_validated_auc(counts)

    assert (auc, folds) == (0.5, 5)


def test_without_a_second_class_there_is_nothing_to_predict():
    auc, _, folds = cross_validated_auc(np.ones((2, 1, 3), int))

    assert np.isnan(auc)
    assert folds == 0


@pytest.mark.parametrize(("ours", "theirs"), [(9, 10), (0, 50), (5, 5), (10, 100), (0, 0)])
def test_the_auc_of_a_value_is_that_of_zeros_and_ones(ours, theirs):
    n, n_rest = 10, 100
    has_it = np.r_[np.arange(n) < ours, np.arange(n_rest) < theirs].astype(float)
    classes = np.repeat([0, 1], [n, n_rest])
    auc, p_value, _ = class_auc(has_it, classes, 2)

    found, found_p = presence_auc(np.array([ours]), np.array([n]), np.array([theirs]), np.array([n_rest]))

    assert found[0] == pytest.approx(auc[0], abs=1e-12)
    assert found_p[0] == pytest.approx(p_value[0], rel=1e-9)
