"""Maximal uncovered patterns equal those of the definition, by brute force."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataeval_spark.kernels.factors.uncovered_patterns import Pattern, uncovered_patterns


def matching(rows, parts):
    return sum(all(row[factor] == value for factor, value in parts) for row in rows)


def by_definition(rows, sizes, threshold, max_level):
    """Every pattern that is uncovered and of which every proper part is covered."""
    found = set()
    for level in range(max_level + 1):
        for factors in combinations(range(len(sizes)), level):
            for values in product(*(range(sizes[factor]) for factor in factors)):
                parts = tuple(zip(factors, values, strict=True))
                proper = [some for k in range(level) for some in combinations(parts, k)]
                if matching(rows, parts) < threshold and all(matching(rows, some) >= threshold for some in proper):
                    found.add(parts)
    return found


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(-1, 2), st.integers(0, 1), st.integers(-1, 3)), min_size=1, max_size=60),
    threshold=st.integers(1, 6),
    max_level=st.integers(1, 3),
)
def test_patterns_equal_those_of_the_definition(rows, threshold, max_level):
    sizes = [3, 2, 4]
    codes, counts = np.unique(np.array(rows), axis=0, return_counts=True)

    found = uncovered_patterns(codes, counts, sizes, threshold, max_level)

    assert {pattern.parts for pattern in found} == by_definition(rows, sizes, threshold, max_level)
    assert len({pattern.parts for pattern in found}) == len(found)
    assert all(pattern.n == matching(rows, pattern.parts) for pattern in found)


def test_what_independence_would_give_stands_beside():
    codes, counts = np.array([[0, 0], [0, 1], [1, 0]]), np.array([40, 40, 20])

    assert uncovered_patterns(codes, counts, [2, 2], 5, 2) == [Pattern(((0, 1), (1, 1)), 0, pytest.approx(8.0))]


def test_factors_with_too_many_cells_together_are_left_out():
    codes, counts = np.array([[0, 0], [1, 1]]), np.array([9, 9])

    assert uncovered_patterns(codes, counts, [2, 2], 5, 2, max_cells=3) == []
