"""Sums of doubles equal math.fsum, to the last bit the same on any partitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pyspark.sql import functions as F

from dataeval_spark.frames.exact_sums import exact_mean_and_std, exact_sums, ordered_sum

RANDOM = np.random.default_rng(0)
VALUES = {
    "normal": RANDOM.normal(size=3_000),
    "of all sizes": RANDOM.normal(size=3_000) * 10.0 ** RANDOM.integers(-200, 200, 3_000),
    "cancelling": np.r_[[1e16, 1.0, -1e16] * 500, [1e-9]],
    "powers": np.r_[2.0 ** np.arange(-300, 300, 8), -(2.0 ** np.arange(-300, 300, 8)), [2.0**-290]],
    "just below powers": np.nextafter(2.0 ** np.arange(-40, 41, 4), 0.0),
    "extremes": np.array([5e-324, 1.7e308, -1.7e308, 2.2e-308, 0.0, -0.0]),
    "zeros": np.zeros(5),
}


@pytest.fixture(scope="module")
def rows(frame):
    return frame("kind string, value double", [(kind, float(v)) for kind, of in VALUES.items() for v in of]).cache()


def scattered(rows, partitions):
    """The rows in another order on so many partitions."""
    return rows.repartition(partitions, F.xxhash64("value", F.lit(partitions))).sortWithinPartitions(F.rand(partitions))


@pytest.mark.parametrize("partitions", [1, 7, 64])
def test_sums_are_those_of_fsum_on_any_partitions(rows, partitions):
    others = {"n": (F.count("value"), F.sum), "most": (F.max("value"), F.max)}
    found = exact_sums(scattered(rows, partitions), ["kind"], {"total": F.col("value")}, others)

    for row in found.collect():
        of = VALUES[row.kind]
        assert row.total == pytest.approx(math.fsum(of), rel=1e-15, abs=1e-323), row.kind
        assert (row.n, row.most) == (of.size, of.max())


def test_means_and_deviations_are_the_same_to_the_last_bit(rows):
    chosen = rows.where("kind IN ('normal', 'of all sizes', 'cancelling')")
    found = [
        sorted(exact_mean_and_std(scattered(chosen, n), ["kind"], F.col("value")).collect(), key=str)
        for n in (1, 7, 64)
    ]

    assert found[0] == found[1] == found[2]
    normal = next(row for row in found[0] if row.kind == "normal")
    assert (normal.mean, normal.std) == pytest.approx((VALUES["normal"].mean(), VALUES["normal"].std()), rel=1e-13)


def test_missing_and_odd_values_are_as_in_sums_of_doubles(frame):
    ddl = "kind string, value double"
    nan, inf = float("nan"), float("inf")
    rows = [("none", None), ("some", None), ("some", 2.0), ("nan", nan), ("nan", 1.0), ("inf", inf), (None, 3.0)]
    found = {row.kind: row.total for row in exact_sums(frame(ddl, rows), ["kind"], {"total": F.col("value")}).collect()}

    assert math.isnan(found.pop("nan"))
    assert found == {"none": None, "some": 2.0, "inf": inf, None: 3.0}


def test_an_ordered_sum_does_not_depend_on_the_order_of_the_rows(rows):
    found = {
        tuple(scattered(rows, n).where("kind = 'normal'").agg(ordered_sum("value")).collect()[0]) for n in (1, 7, 64)
    }

    assert found == {(float(np.add.accumulate(np.sort(VALUES["normal"]))[-1]),)}
