"""Folds equal to those of scikit-learn, for the same order of ids."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from dataeval_spark.kernels.splits.fold_rules import group_kfold, kfold, stratified_group_kfold, stratified_kfold
from tests.kernels.split_rows import part_of, units


def folds_of(splitter, labels, groups=None):
    folds = np.full(len(labels), -1)
    for fold, (_, test) in enumerate(splitter.split(np.zeros(len(labels)), labels, groups)):
        folds[test] = fold
    return folds.tolist()


def ids(n):
    return [f"i{position:06d}" for position in range(n)]


@pytest.mark.parametrize(("n", "folds"), [(10, 3), (7, 7), (1000, 4)])
def test_kfold(n, folds):
    made = units(ids(n), ["a"] * n)

    assert kfold(made, folds, shuffle=False).tolist() == folds_of(KFold(folds), ["a"] * n)


@given(st.lists(st.sampled_from("zab"), min_size=8, max_size=60), st.integers(2, 5))
@settings(max_examples=25, deadline=None)
@pytest.mark.filterwarnings("ignore:The least populated class")
def test_stratified_kfold(labels, folds):
    labels += [labels[0]] * folds  # one class at least has a member for each fold
    made = units(ids(len(labels)), labels)

    assert stratified_kfold(made, folds, shuffle=False).tolist() == folds_of(StratifiedKFold(folds), labels)


@given(st.lists(st.integers(0, 12), min_size=10, max_size=80), st.integers(2, 4))
@settings(max_examples=25, deadline=None)
def test_group_kfold(groups, folds):
    groups = [f"g{group:02d}" for group in [*groups, *range(folds)]]
    made = units(groups, ["a"] * len(groups))
    fold = part_of(made, group_kfold(made, folds, shuffle=False))

    assert [fold[group] for group in groups] == folds_of(GroupKFold(folds), groups, groups)


@given(st.integers(0, 10**6), st.integers(2, 6), st.integers(1, 12), st.integers(6, 40))
@settings(max_examples=25, deadline=None)
@pytest.mark.filterwarnings("ignore:The least populated class")
def test_stratified_group_kfold(seed, folds, classes, group_count):
    random = np.random.default_rng(seed)
    n = int(random.integers(60, 300))
    groups = [f"g{g:03d}" for g in [*random.integers(0, group_count, n), *range(folds)]]
    labels = [f"c{c:02d}" for c in random.integers(0, classes, n + folds)]
    made = units(groups, labels, random.permutation)
    fold = part_of(made, stratified_group_kfold(made, folds, shuffle=False))

    assert [fold[g] for g in groups] == folds_of(StratifiedGroupKFold(folds), labels, groups)


def test_stratified_group_kfold_with_many_classes_adds_in_the_order_of_numpy():
    random = np.random.default_rng(1)
    groups = [f"g{g:04d}" for g in random.integers(0, 400, 6000)]
    labels = [f"c{c:04d}" for c in random.integers(0, 300, 6000)]
    made = units(groups, labels)
    fold = part_of(made, stratified_group_kfold(made, 5, shuffle=False))

    assert [fold[g] for g in groups] == folds_of(StratifiedGroupKFold(5), labels, groups)


@pytest.mark.parametrize("rule", [kfold, stratified_kfold, group_kfold, stratified_group_kfold])
def test_a_shuffle_does_not_follow_the_order_of_ids_and_is_the_same_for_any_order_of_rows(rule):
    labels = ["a"] * 60 + ["b"] * 60
    first = units(ids(120), labels)
    second = units(ids(120), labels, np.random.default_rng(0).permutation)

    assert rule(first, 4, shuffle=True).tolist() == rule(second, 4, shuffle=True).tolist()
    assert rule(first, 4, shuffle=True).tolist() != rule(first, 4, shuffle=False).tolist()
    assert np.bincount(rule(first, 4, shuffle=True)).tolist() == [30] * 4
