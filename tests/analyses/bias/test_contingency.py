"""Counts of value pairs: equal to a loop, in one scan and a number of jobs that does not depend on the factors."""

from __future__ import annotations

from collections import Counter

import pytest

from dataeval_spark.analyses.bias.contingency import contingency, of_label, rows_of_value
from dataeval_spark.analyses.bias.parity import parity
from dataeval_spark.errors import OptionError
from tests.analyses.bias.rows import binned

EDGES_DDL = "factor string, bin int, label string, rule string"

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


@pytest.mark.spark_only
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


@pytest.fixture
def tables(frame):
    """In `train` weather follows the class, in `test` it does not."""
    classes = ["cat", "dog"] * 20
    split = [0] * 20 + [1] * 20
    weather = [n % 2 for n in range(20)] + [n // 2 % 2 for n in range(20)]
    edges = [("split", 0, "train", "text"), ("split", 1, "test", "text")]
    edges += [("weather", 0, "rain", "text"), ("weather", 1, "sun", "text")]
    return binned(frame, classes, {"split": split, "weather": weather}), frame(EDGES_DDL, edges)


def test_a_part_is_measured_alone(tables):
    bins, edges = tables

    scores = {}
    for part in ("train", "test"):
        found = parity(contingency(rows_of_value(bins, edges, "split", part), edges)).collect()
        scores[part] = {row.factor: row.score for row in found}["weather"]

    assert scores["train"] > 0.8
    assert scores["test"] == 0.0


def test_what_is_not_there_is_named(tables):
    bins, edges = tables

    with pytest.raises(OptionError, match=r"rows_of_value.factor is 'color'; expected one of \['split', 'weather'\]"):
        rows_of_value(bins, edges, "color", "red")
    with pytest.raises(OptionError, match=r"rows_of_value.value is 'val'; expected one of \['test', 'train'\]"):
        rows_of_value(bins, edges, "split", "val")
