"""Rank tests of numbers against the class equal SciPy's, whatever the partitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import false_discovery_control, kruskal, ks_2samp

from dataeval_spark.analyses.bias.factor_tests import factor_tests
from dataeval_spark.tables.bias import FACTOR_TESTS
from tests.analyses.bias.rows import binned

N = 240
R = np.random.default_rng(8)
CLASSES = np.array(["ant", "bee", "cat", "dog"])[R.integers(0, 4, N)]
COLUMNS = {
    "bright": R.normal(size=N) + 2.0 * (CLASSES == "dog"),
    "noise": R.normal(size=N),
    "ties": np.round(R.normal(size=N) + (CLASSES == "bee")).astype(float),
    "negative_zero": np.where(R.random(N) < 0.5, -0.0, R.integers(0, 2, N)),
    "some_missing": np.where(R.random(N) < 0.3, None, R.normal(size=N)),
    "of_one_class": np.where(CLASSES == "ant", 1.5 + np.arange(N), None),
    "constant": np.full(N, 7.0),
}


def present(factor):
    values = COLUMNS[factor]
    known = np.array([value is not None for value in values])
    return values[known].astype(float), CLASSES[known]


@pytest.fixture(scope="module", params=[1, 7])
def found(frame, request):
    bins = binned(frame, CLASSES.tolist(), {}, COLUMNS).repartition(request.param)
    unlabelled = binned(frame, [None] * 5, {}, {"bright": [1e9] * 5})
    result = factor_tests(bins.unionByName(unlabelled))
    assert result.columns == list(FACTOR_TESTS.result_names)
    return {(row.factor, row.class_name): row for row in result.collect()}


def test_kruskal_wallis_is_scipys(found):
    for factor in COLUMNS.keys() - {"of_one_class", "constant"}:
        values, classes = present(factor)
        expected = kruskal(*(values[classes == name] for name in np.unique(classes)))
        row = found[factor, None]

        assert row.statistic == pytest.approx(expected.statistic, rel=1e-10)
        assert row.p_value == pytest.approx(expected.pvalue, rel=1e-9)
        assert row.effect_size == pytest.approx(expected.statistic / (len(values) - 1))
        assert (row.test, row.n, row.degrees_of_freedom) == ("kruskal_wallis", len(values), 3)


def test_kolmogorov_smirnov_of_each_class_against_the_rest_is_scipys(found):
    for factor in COLUMNS.keys() - {"of_one_class"}:
        values, classes = present(factor)
        for name in np.unique(classes):
            expected = ks_2samp(values[classes == name], values[classes != name])
            row = found[factor, name]

            assert row.statistic == row.effect_size == pytest.approx(expected.statistic, abs=1e-12)
            assert row.p_value == pytest.approx(expected.pvalue, rel=1e-9)
            assert (row.n, row.n_rest) == ((classes == name).sum(), (classes != name).sum())
            gap = (values[classes == name] <= row.location).mean() - (values[classes != name] <= row.location).mean()
            below = (values[classes == name] < row.location).mean() - (values[classes != name] < row.location).mean()
            assert row.statistic == pytest.approx(max(abs(gap), abs(below)))


def test_p_values_are_adjusted_over_the_rows_of_a_test(found):
    for is_overall in (True, False):
        rows = [row for (_, name), row in found.items() if (name is None) == is_overall]
        expected = false_discovery_control([row.p_value for row in rows])

        assert [row.adjusted_pvalue for row in rows] == pytest.approx(expected.tolist())


def test_a_factor_of_one_class_is_not_tested_and_a_constant_one_depends_on_nothing(found):
    assert not any(factor == "of_one_class" for factor, _ in found)
    assert (found["constant", None].statistic, found["constant", None].p_value) == (0.0, 1.0)
    assert {row.p_value for (factor, _), row in found.items() if factor == "constant"} == {1.0}
