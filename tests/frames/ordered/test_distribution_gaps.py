"""Gaps between distribution functions against SciPy, for groups of any size and any partitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp, wasserstein_distance

from dataeval_spark.frames.ordered.distribution_gaps import distribution_gaps

ROWS = "column_name string, value double, is_current boolean"


def rows_of(name, reference, current):
    sides = ((reference, False), (current, True))
    return [(name, float(value), is_current) for values, is_current in sides for value in values]


def test_the_distances_are_those_of_scipy(frame):
    random = np.random.default_rng(0)
    samples = {
        "continuous": (random.normal(size=90), random.normal(0.4, 2, size=70)),
        "tied": (random.integers(0, 5, 60), random.integers(1, 7, 40)),
        "apart": (random.random(5), 10 + random.random(3)),
    }
    data = [row for name, sides in samples.items() for row in rows_of(name, *sides)]

    one, many = (distribution_gaps(frame(ROWS, data).repartition(n), "column_name").collect() for n in (1, 7))

    assert {tuple(row) for row in one} == {tuple(row) for row in many}
    for row in one:
        reference, current = samples[row["column_name"]]
        peer = ks_2samp(reference, current)
        assert row["statistic"] == pytest.approx(peer.statistic, abs=1e-12)
        assert row["wasserstein"] == pytest.approx(wasserstein_distance(reference, current), rel=1e-12)
        assert (row["i"], row["j"]) == ((reference <= row["location"]).sum(), (current <= row["location"]).sum())
        assert abs(row["i"] / row["n_r"] - row["j"] / row["n_c"]) == row["statistic"]
        assert (row["n_r"], row["n_c"]) == (len(reference), len(current))
        every = np.r_[reference, current]
        assert (row["lowest"], row["highest"]) == (every.min(), every.max())


def test_of_equal_gaps_the_one_with_the_larger_counts_is_named(frame):
    # The gap is one half from 1 to 2, and again from 3 to 4.
    (row,) = distribution_gaps(frame(ROWS, rows_of("x", [1.0, 3.0], [2.0, 4.0])), "column_name").collect()

    assert (row["statistic"], row["i"], row["j"], row["location"], row["wasserstein"]) == (0.5, 2, 1, 3.0, 1.0)


def test_a_group_with_values_on_one_side_only_has_no_gap(frame):
    data = rows_of("one", [1.0, 2.0], []) + rows_of("both", [1.0], [1.0])

    assert [row["column_name"] for row in distribution_gaps(frame(ROWS, data), "column_name").collect()] == ["both"]
