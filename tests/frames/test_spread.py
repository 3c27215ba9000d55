"""Anchors and spreads against numpy, by each rule, and the scores that follow from them."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from dataeval_spark.frames.spread import (
    calibrated_spreads,
    default_threshold,
    has_spread,
    score_above,
    score_beyond,
    spreads,
)

COLUMNS = ("low_anchor", "high_anchor", "low_spread", "high_spread")
RANDOM = np.random.default_rng(5)
GROUPS = {
    "normal": RANDOM.normal(10, 3, 60),
    "skewed": RANDOM.lognormal(0, 1.5, 45),
    "mode": np.r_[np.full(70, 2.0), 2 + RANDOM.gamma(1, 1, 30)],
    "point": np.r_[np.full(30, 2.0), 9.0],
    None: np.array([1.0, 2.0, 4.0, 8.0, 16.0]),
}
FLAT = {"constant": np.full(9, 0.1), "single": np.array([3.0])}


def long(frame, groups, partitions=3):
    rows = [(name, float(value)) for name, values in groups.items() for value in values]
    return frame("statistic string, value double", rows).repartition(partitions)


def by_group(found):
    return {row["statistic"]: tuple(row[name] for name in COLUMNS) for row in found.collect()}


def zscore(values):
    return values.mean(), values.mean(), values.std(), values.std()


def modified_zscore(values):
    median = np.median(values)
    deviations = np.abs(values - median)
    mad = np.median(deviations)
    spread = mad / 0.6745 if mad > 0 else deviations.mean() * np.sqrt(np.pi / 2)
    return median, median, spread, spread


def iqr(values):
    low, high = np.quantile(values, [0.25, 0.75], method="midpoint")
    return low, high, high - low, high - low


def with_tail(deviations):
    mad = np.median(deviations)
    return mad / 0.6745 * (1 + np.log1p(max(0.0, np.quantile(deviations, 0.9) / mad / 1.91 - 1)))


def adaptive(values):
    """Two spreads around the median, as DataEval's adaptive threshold has them."""
    median = np.median(values)
    sides = [np.abs(values[is_side] - median) for is_side in (values <= median, values >= median)]
    mean = np.abs(values - median).mean()
    levels, counts = np.unique(values, return_counts=True)
    beside = np.abs(values[values != levels[counts.argmax()]] - levels[counts.argmax()])
    if all(np.median(side) == 0 for side in sides) and len(beside) > 10 and beside.min() < mean / 0.6745:
        return median, median, with_tail(beside), with_tail(beside)
    return median, median, *(with_tail(side) if np.median(side) > 0 else mean / 0.6745 for side in sides)


def calibrated(values):
    low, near_low, median, near_high, high = np.quantile(values, [0.15, 0.25, 0.5, 0.75, 0.85])
    near, far = NormalDist().inv_cdf(0.75), NormalDist().inv_cdf(0.85)

    def spread(inner, outer):
        if inner == 0:
            return None
        tail = 1 + np.log1p(max(0.0, (outer / far) / (inner / near) - 1))
        return inner / near * tail * (1 + 10 / len(values))

    return median, median, spread(median - near_low, median - low), spread(near_high - median, high - median)


@pytest.mark.parametrize("rule", [zscore, modified_zscore, iqr, adaptive, calibrated])
def test_spreads_are_those_of_numpy_also_of_the_group_without_a_name(frame, rule):
    found = by_group(spreads(long(frame, GROUPS), ["statistic"], rule.__name__))

    assert found.keys() == GROUPS.keys()
    for name, values in GROUPS.items():
        # A side without a spread is null, here NaN, which equals itself in numpy's comparison.
        actual, expected = np.array(found[name], np.float64), np.array(rule(values), np.float64)
        np.testing.assert_allclose(actual, expected, rtol=1e-12, err_msg=str(name))


@pytest.mark.parametrize("method", ["zscore", "modified_zscore", "iqr", "adaptive", "calibrated"])
def test_values_that_do_not_differ_have_no_spread(frame, method):
    found = spreads(long(frame, FLAT), ["statistic"], method)

    assert found.where(has_spread()).count() == 0
    assert found.count() == 2


def test_a_smallest_spread_replaces_a_smaller_one_before_the_factor_for_few_values(frame):
    found = by_group(calibrated_spreads(long(frame, {"tight": [1.0, 1.0, 1.0, 1.0, 2.0]}), ["statistic"], 0.5))

    assert found == {"tight": (1.0, 1.0, 1.5, 1.5)}


def test_scores_count_spreads_beyond_the_nearer_anchor(frame):
    rows = [("below", 0.0), ("between", 15.0), ("above", 30.0)]
    values = frame("name string, value double", rows).selectExpr(
        "*", "10D AS low_anchor", "20D AS high_anchor", "2D AS low_spread", "4D AS high_spread"
    )

    found = {
        row["name"]: (row["beyond"], row["above"])
        for row in values.select("name", score_beyond().alias("beyond"), score_above().alias("above")).collect()
    }

    assert found == {"below": (5.0, -5.0), "between": (-1.25, -1.25), "above": (2.5, 2.5)}


def test_the_threshold_of_calibrated_spreads_rises_with_the_number_of_statistics():
    assert [default_threshold(method) for method in ("zscore", "modified_zscore", "iqr", "adaptive")] == [
        3,
        3.5,
        1.5,
        3.5,
    ]
    assert default_threshold("calibrated") == pytest.approx(3.8906, abs=1e-4)
    assert default_threshold("calibrated", 17) == pytest.approx(4.5306, abs=1e-4)


def test_zeros_of_both_signs_are_one_mode(frame):
    values = np.r_[np.full(8, 0.0), np.full(8, -0.0), np.full(9, 5.0), np.linspace(0.25, 0.5, 40)]
    zeros = np.abs(values)

    assert by_group(spreads(long(frame, {"a": values}), ["statistic"], "adaptive")) == by_group(
        spreads(long(frame, {"a": zeros}), ["statistic"], "adaptive")
    )
