"""Benjamini and Hochberg's adjustment, of those p-values that there are."""

from __future__ import annotations

import pytest
from scipy.stats import false_discovery_control

from dataeval_spark.kernels.factors.false_discovery import adjusted_p_values


def test_tests_that_are_not_there_stay_so_and_do_not_count():
    given = [0.01, None, 0.04, 0.03, None]

    found = adjusted_p_values(given)

    assert (found[1], found[4]) == (None, None)
    assert [found[0], found[2], found[3]] == pytest.approx(false_discovery_control([0.01, 0.04, 0.03]))


def test_without_tests_nothing_is_adjusted():
    assert adjusted_p_values([]) == []
    assert adjusted_p_values([None]) == [None]
