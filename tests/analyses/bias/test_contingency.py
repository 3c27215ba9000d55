"""Counts of value pairs: equal to a loop, in one scan and a number of jobs that does not depend on the factors."""

from __future__ import annotations

from collections import Counter

import pytest

from dataeval_spark.analyses.bias.contingency import contingency, of_label
from tests.analyses.bias.rows import binned

EDGES = "factor string, bin int, label string"


def cells(found):
    return {(row.factor_a, row.value_a, row.factor_b, row.value_b): row.n for row in found.collect()}


def test_every_pair_is_counted_once_by_the_labels_of_its_bins(frame):
    classes = ["cat", "cat", "dog", "dog", "dog"]
    bins = binned(frame, classes, {"weather": [0, 1, 1, -1, 1], "age": [3, 3, 3, 4, 4]}).repartition(7)
    edges = frame(EDGES, [("weather", 0, "rain"), ("weather", 1, "sun"), ("age", 3, "old")])

    found = cells(contingency(bins, edges))

    assert found == {
        ("age", "bin 4", "age", "bin 4"): 2,
        ("age", "old", "age", "old"): 3,
        ("age", "old", "class_name", "cat"): 2,
        ("age", "old", "class_name", "dog"): 1,
        ("age", "bin 4", "class_name", "dog"): 2,
        ("age", "old", "weather", "rain"): 1,
        ("age", "old", "weather", "sun"): 2,
        ("age", "bin 4", "weather", "unseen"): 1,
        ("age", "bin 4", "weather", "sun"): 1,
        ("class_name", "cat", "class_name", "cat"): 2,
        ("class_name", "dog", "class_name", "dog"): 3,
        ("class_name", "cat", "weather", "rain"): 1,
        ("class_name", "cat", "weather", "sun"): 1,
        ("class_name", "dog", "weather", "sun"): 2,
        ("class_name", "dog", "weather", "unseen"): 1,
        ("weather", "rain", "weather", "rain"): 1,
        ("weather", "sun", "weather", "sun"): 3,
        ("weather", "unseen", "weather", "unseen"): 1,
    }


def test_any_factor_can_be_the_label(frame):
    bins = binned(frame, ["cat", "dog", "dog"], {"weather": [0, 0, 1], "zone": [5, 6, 6]})

    found = of_label(contingency(bins, frame(EDGES, [])), "weather")

    assert Counter((row.factor, row.value, row.class_name, row.n) for row in found.collect()) == Counter(
        [
            ("class_name", "cat", "bin 0", 1),
            ("class_name", "dog", "bin 0", 1),
            ("class_name", "dog", "bin 1", 1),
            ("zone", "bin 5", "bin 0", 1),
            ("zone", "bin 6", "bin 0", 1),
            ("zone", "bin 6", "bin 1", 1),
        ]
    )


def test_two_and_twenty_factors_take_the_same_jobs_and_one_scan(spark, frame, request):
    if request.config.getoption("--spark") == "connect":
        pytest.skip("jobs are counted by the status tracker, which Connect does not have")
    tracker = spark.sparkContext.statusTracker()
    edges = frame(EDGES, [("f00", 0, "zero")])
    jobs, scans = {}, {}
    for factors in (2, 20):
        bins = binned(frame, ["cat", "dog"] * 20, {f"f{i:02}": [0, 1] * 20 for i in range(factors)})
        found = contingency(bins, edges)
        spark.sparkContext.setJobGroup(f"contingency {factors}", "counted")
        rows = found.collect()
        spark.sparkContext.setJobGroup("others", "not counted")
        jobs[factors] = len(tracker.getJobIdsForGroup(f"contingency {factors}"))
        scans[factors] = found._jdf.queryExecution().optimizedPlan().toString().count("MapInArrow")
        assert len(rows) == (factors + 1) * (factors + 2) // 2 * 2

    assert jobs[2] == jobs[20] <= 6
    assert scans == {2: 1, 20: 1}
