"""Bins in SQL are those of numpy, to the last one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pyspark.sql import SparkSession

from dataeval_spark.tables.profile import IMAGE_STATS
from dataeval_spark.verbs.report import collect_report_data
from dataeval_spark.verbs.report.histograms import BINS
from tests.verbs.report.literals import reader


@pytest.mark.parametrize(
    "values",
    [
        [float(value) for value in range(101)],
        [0.1 * value for value in range(31)],
        [3.0] * 5,
        [-7.5],
        [1e16, 1e16],
        [1e-320, 5e-320, 3e-320],
        [-1e299, 0.0, 1e299],
        np.random.default_rng(1).normal(size=400).tolist(),
        np.linspace(-1, 1, 61).tolist(),
    ],
    ids=["whole", "tenths", "constant", "one", "huge constant", "subnormal", "far apart", "normal", "edges"],
)
def test_histograms_are_numpys(spark: SparkSession, values: list[float]) -> None:
    odd = [None, math.nan, math.inf, -math.inf]
    rows = [{"image_id": str(place), "sharpness": value} for place, value in enumerate([*values, *odd])]
    found = collect_report_data(reader(spark, {IMAGE_STATS: rows})).rows_of("statistics")
    counts = [0] * BINS
    for row in found:
        assert row["statistic"] == "sharpness"
        counts[row["bin"]] += row["images"]
    if min(values) == max(values) and min(values) - 0.5 == min(values):
        assert sum(counts) == len(values)  # numpy refuses: there is no room for bins
        return
    expected, edges = np.histogram(values, bins=BINS)
    assert counts == expected.tolist()
    assert (found[0]["low"], found[0]["high"]) == (edges[0], edges[-1])
