"""Statistics of two samples against SciPy, for groups cut into buckets anywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dataeval_spark.kernels.ordered.bucket import distinct, of_buckets, of_whole
from dataeval_spark.kernels.ordered.two_samples import (
    ALL,
    ANDERSON_DARLING,
    AREAS,
    CRAMER_VON_MISES,
    KOLMOGOROV_SMIRNOV,
    MANN_WHITNEY,
    RANGE,
    anderson_darling_score,
)
from tests.kernels.ordered.sample_reference import SAMPLE, of_scipy


def sides(reference, current):
    values = np.array([*reference, *current], np.float64)
    is_current = np.arange(values.size) >= len(reference)
    return values, np.column_stack([~is_current, is_current]).astype(np.float64)


def statistics_of(reference, current, cuts=()):
    values, weights = distinct(*sides(reference, current))
    return {name: value for each in ALL for name, value in of_buckets(each, values, weights, sorted(cuts)).items()}


@given(SAMPLE, SAMPLE, st.lists(st.floats(-10, 10), max_size=4))
def test_statistics_of_buckets_are_those_of_scipy(reference, current, cuts):
    found = statistics_of(reference, current, cuts)

    for name, expected in of_scipy(reference, current).items():
        assert found[name] == pytest.approx(expected, rel=1e-12, abs=1e-12), name
    x, y = np.array(reference), np.array(current)
    assert (found["i"], found["j"]) == ((x <= found["location"]).sum(), (y <= found["location"]).sum())
    every = np.r_[x, y]
    assert [found[name] for name in ("lowest", "highest", "n", "m")] == [every.min(), every.max(), x.size, y.size]


@given(SAMPLE, SAMPLE, st.lists(st.floats(-10, 10), max_size=4))
def test_ties_are_counted_as_for_mann_whitneys_p_value(reference, current, cuts):
    found = statistics_of(reference, current, cuts)
    _, ties = np.unique([*reference, *current], return_counts=True)

    assert found["ties"] == (ties.astype(float) ** 3 - ties).sum()
    assert found["auc"] == found["u"] / (len(reference) * len(current))


def test_cramer_von_mises_loses_no_digits_in_large_samples():
    # Of two million rows a side U and what is taken off it agree in six digits; whole numbers lose none.
    n = 2_000_000
    values = np.arange(2.0 * n)
    weights = np.column_stack([np.arange(2 * n) % 2 == 0, np.arange(2 * n) % 2 == 1]).astype(np.float64)
    # Ranks 1, 3, 5 ... and 2, 4, 6 ...: differences of i - 1 and i.
    u = n * sum((at - 1) ** 2 + at**2 for at in range(1, n + 1))
    exact = (6 * u - 2 * n * (4 * n * n - 1) * n * n // (2 * n)) / (6 * n * n * 2 * n)

    found = of_whole(CRAMER_VON_MISES, values, weights)["cramer_von_mises"]

    assert exact == pytest.approx(found, rel=1e-9)


def test_a_sample_without_rows_has_no_statistic():
    for statistic in (KOLMOGOROV_SMIRNOV, AREAS, CRAMER_VON_MISES, ANDERSON_DARLING, MANN_WHITNEY):
        for samples in (([], [1.0, 2.0]), ([1.0, 2.0], [])):
            assert all(np.isnan(value) for value in of_whole(statistic, *sides(*samples)).values())


def test_one_value_alone_has_no_anderson_darling_and_no_distance():
    found = statistics_of([1.0, 1.0, 1.0], [1.0, 1.0])

    assert np.isnan(found["anderson_darling"])
    assert [found[name] for name in ("statistic", "wasserstein", "energy", "u")] == [0.0, 0.0, 0.0, 3.0]


def test_infinities_are_values_and_no_area_lies_between_equal_shares():
    finite = statistics_of([0.0, np.inf], [1.0, np.inf])
    infinite = statistics_of([0.0, 1.0], [1.0, np.inf])

    assert (finite["statistic"], finite["wasserstein"], finite["u"]) == (0.5, 0.5, 2.5)
    assert (infinite["statistic"], infinite["wasserstein"], infinite["highest"]) == (0.5, np.inf, np.inf)


def test_of_equal_gaps_the_one_with_the_larger_counts_is_named():
    found = statistics_of([1.0, 3.0], [2.0, 4.0], [2.5])

    assert (found["statistic"], found["i"], found["j"], found["location"]) == (0.5, 2, 1, 3.0)


def test_weights_that_are_fractions_count_as_repeated_rows():
    repeated = statistics_of([1.0, 1.0, 2.0], [1.0, 3.0])
    values, weights = np.array([1.0, 2.0, 3.0]), np.array([[2.0, 1.0], [1.0, 0.0], [0.0, 1.0]]) / 8

    for statistic in (KOLMOGOROV_SMIRNOV, AREAS):
        found = of_whole(statistic, values, weights)
        assert [found[name] for name in found if name not in "ij"] == [repeated[n] for n in found if n not in "ij"]
    assert of_whole(MANN_WHITNEY, values, weights)["auc"] == repeated["auc"]


def test_values_of_no_weight_are_in_no_range():
    found = of_whole(RANGE, np.array([1.0, 2.0, 3.0]), np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]))

    assert (found["lowest"], found["highest"]) == (2.0, 2.0)


@pytest.mark.parametrize(("n", "m"), [(2, 2), (7, 31), (400, 900)])
def test_the_score_of_anderson_and_darling_has_scipys_variance(n, m):
    random = np.random.default_rng(n)
    x, y = random.random(n), random.random(m)

    found = statistics_of(x, y)["anderson_darling"]
    expected = of_scipy(x, y)["anderson_darling"]
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_fewer_than_four_rows_have_no_score():
    assert np.isnan(anderson_darling_score(1.0, 2, 1))


def test_u_is_that_of_the_second_sample():
    assert statistics_of([0.0], [1.0])["u"] == stats.mannwhitneyu([1.0], [0.0]).statistic == 1.0
