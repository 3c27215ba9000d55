"""Shapley values against the definition, which takes every subset."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataeval_spark.kernels.vectors.shapley import error_bounds, knn_shapley


def by_definition(matches, k):
    """Mean over all subsets, by size, of what a point adds to the share of k votes."""
    n = len(matches)
    prefix = np.zeros(1 << n)
    for subset in range(1 << n):
        prefix[subset] = sum(matches[i] for i in [i for i in range(n) if subset >> i & 1][:k]) / k
    values = np.zeros(n)
    for i in range(n):
        others = [j for j in range(n) if j != i]
        for size in range(n):
            for chosen in combinations(others, size):
                subset = sum(1 << j for j in chosen)
                values[i] += (prefix[subset | 1 << i] - prefix[subset]) / (n * comb(n - 1, size))
    return values


def of_one(matches, k, length=None, complete=True):
    length = len(matches) if length is None else length
    return knn_shapley(np.array([matches], bool), np.array([length]), np.array([complete]), k)[0]


@pytest.mark.parametrize("k", [1, 3, 5])
def test_values_of_twelve_points_are_those_of_the_definition(k):
    matches = np.random.default_rng(k).random(12) < 0.5

    np.testing.assert_allclose(of_one(matches, k), by_definition(matches, k), atol=1e-14)


@given(st.lists(st.booleans(), min_size=1, max_size=6), st.integers(1, 8))
def test_values_are_those_of_the_definition_with_fewer_points_than_votes_too(matches, k):
    np.testing.assert_allclose(of_one(matches, k), by_definition(matches, k), atol=1e-14)


@given(st.lists(st.booleans(), min_size=2, max_size=40), st.integers(1, 8), st.integers(1, 39))
def test_values_from_short_lists_are_off_by_no_more_than_the_bound(matches, k, length):
    length = min(length, len(matches) - 1)
    exact = of_one(matches, k)

    short = of_one(matches, k, length, complete=False)

    (bound,) = error_bounds(np.array([length]), np.array([False]), k)
    assert (short[length:] == 0).all()
    assert np.abs(short - exact).max() <= bound + 1e-12


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(1, 8))
def test_values_sum_to_the_share_of_votes(matches, k):
    assert of_one(matches, k).sum() == pytest.approx(sum(matches[:k]) / k)


def test_lists_of_several_lengths_are_valued_together():
    matches = np.array([[True, False, True], [False, True, True], [True, True, True]])

    values = knn_shapley(matches, np.array([3, 2, 0]), np.array([True, True, False]), 2)

    np.testing.assert_allclose(values[0], of_one([True, False, True], 2))
    np.testing.assert_allclose(values[1], [*of_one([False, True], 2), 0])
    assert values[2].tolist() == [0, 0, 0]
    assert error_bounds(np.array([3, 2, 0]), np.array([True, True, False]), 2).tolist() == [0.0, 0.0, 0.5]
