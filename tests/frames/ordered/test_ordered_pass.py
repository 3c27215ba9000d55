"""The ordered pass against SciPy and scikit-learn, on any partitions, in one bucket and in many."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import date

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, roc_auc_score

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.ordered import ordered_pass
from dataeval_spark.frames.ordered.ordered_pass import ordered_statistics, value_ranks
from dataeval_spark.kernels.ordered.bucket import of_whole
from dataeval_spark.kernels.ordered.replicates import poisson_weights
from dataeval_spark.kernels.ordered.scores import AVERAGE_PRECISION
from dataeval_spark.kernels.ordered.two_samples import ALL, KOLMOGOROV_SMIRNOV, MANN_WHITNEY, RANGE
from dataeval_spark.session.queries import counted_queries
from tests.kernels.ordered.sample_reference import VALUES, of_scipy

ROWS = "part string, value double, r boolean, c boolean"
SIDES = ["r", "c"]
NAN = float("nan")
ROW = st.tuples(
    st.sampled_from(["a", "b", None]), st.one_of(VALUES, st.none(), st.just(NAN)), st.booleans(), st.booleans()
)


@pytest.fixture(params=[2**18, 5], ids=["one bucket", "many buckets"])
def bucket(request, monkeypatch):
    monkeypatch.setattr(ordered_pass, "BUCKET", request.param)


def values_of(rows, part, side):
    return [
        row[1] for row in rows if row[0] == part and row[2 + side] and row[1] is not None and not math.isnan(row[1])
    ]


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("partitions", [1, 2, 7, 64])
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, min_size=1, max_size=60))
def test_statistics_of_each_group_are_those_of_scipy(frame, partitions, rows):
    found = ordered_statistics(frame(ROWS, rows).repartition(partitions), ["part"], ["value"], SIDES, ALL).collect()

    expected = {part for part in ("a", "b", None) if values_of(rows, part, 0) + values_of(rows, part, 1)}
    assert {row["part"] for row in found} == expected
    for row in found:
        reference, current = (values_of(rows, row["part"], side) for side in (0, 1))
        assert (row["n"], row["m"]) == (len(reference), len(current))
        if not (reference and current):
            assert row["statistic"] is row["wasserstein"] is row["u"] is row["anderson_darling"] is None
            continue
        for name, value in of_scipy(reference, current).items():
            assert row[name] == pytest.approx(value, rel=1e-12, abs=1e-12), name


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("partitions", [1, 2, 7, 64])
@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, min_size=1, max_size=60))
def test_ranks_of_values_are_those_of_a_sort_of_the_group(frame, partitions, rows):
    found = value_ranks(frame(ROWS, rows).repartition(partitions), ["part"], ["value"]).collect()

    expected = set()
    for part in ("a", "b", None):
        values = [row[1] for row in rows if row[0] == part and row[1] is not None and not math.isnan(row[1])]
        for value, rank in zip(values, rankdata(values), strict=True):
            expected.add((part, value, values.count(value), sum(each < value for each in values), rank))
    assert {(row["part"], row["value"], row["n"], row["below"], row["rank"]) for row in found} == expected
    assert len(found) == len(expected)


def large(groups=3, size=3000):
    random = np.random.default_rng(0)
    rows = []
    for group in range(groups):
        values = random.normal(size=size).round(group % 3 + 1)
        rows += [(f"g{group}", float(value), at % 3 > 0, at % 3 == 0) for at, value in enumerate(values)]
    return rows


def test_results_are_the_same_to_the_last_bit_for_any_partitions_and_order(frame, monkeypatch):
    monkeypatch.setattr(ordered_pass, "BUCKET", 50)
    rows = large()
    shuffled = [rows[at] for at in np.random.default_rng(1).permutation(len(rows))]

    results = [
        {tuple(row) for row in ordered_statistics(data, ["part"], ["value"], SIDES, ALL).collect()}
        for data in (frame(ROWS, rows).repartition(1), frame(ROWS, shuffled).repartition(7), frame(ROWS, rows))
    ]

    assert results[0] == results[1] == results[2]
    assert len(results[0]) == 3


def test_sums_of_fractions_are_the_same_to_the_last_bit_for_any_partitions(frame, monkeypatch):
    monkeypatch.setattr(ordered_pass, "BUCKET", 50)
    random = np.random.default_rng(4)
    rows = [
        (float(value), float(a), float(b), int(image))
        for value, a, b, image in zip(
            random.integers(0, 300, 2000) / 7,
            random.integers(0, 3, 2000) / 10,
            random.lognormal(sigma=5, size=2000),
            random.integers(0, 50, 2000),
            strict=True,
        )
    ]
    data = frame("value double, a double, b double, image bigint", rows + rows[:500])

    results = [
        {
            tuple(row)
            for row in ordered_statistics(
                data.repartition(partitions), [], ["value"], ["a", "b"], ALL, unit="image", replicates=5
            ).collect()
        }
        for partitions in (1, 2, 7, 64)
    ]

    assert results[0] == results[1] == results[2] == results[3]
    assert len(results[0]) == 6


def test_large_groups_are_cut_into_buckets_of_about_the_size(frame, monkeypatch):
    monkeypatch.setattr(ordered_pass, "BUCKET", 50)
    made = ordered_pass._pass_of(frame(ROWS, large(1)), ["part"], ["value"], SIDES, [RANGE], None, ordered_pass.Draws())

    bounds = ordered_pass._bounds(made)

    # 61 distinct values of one decimal.
    assert {key: len(each) for key, each in bounds.items()} == {(("g0",), "value"): 1}


def test_each_value_column_is_a_group_with_its_own_nulls(frame):
    rows = [(1.0, None, True, False), (2.0, 5.0, False, True), (NAN, 4.0, True, False)]

    found = ordered_statistics(frame("x double, y int, r boolean, c boolean", []), [], ["x", "y"], SIDES, [RANGE])
    assert found.collect() == []
    typed = frame("x double, y double, r boolean, c boolean", rows)
    found = ordered_statistics(typed, [], ["x", "y"], SIDES, [RANGE]).orderBy("value_name")

    assert [tuple(row) for row in found.collect()] == [("x", 1.0, 2.0, 1.0, 1.0), ("y", 4.0, 5.0, 1.0, 1.0)]


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("partitions", [1, 7])
def test_weighted_areas_are_those_of_scikit_learn(frame, partitions):
    random = np.random.default_rng(2)
    scores, labels = random.integers(0, 30, 200) / 30, random.random(200) < 0.3
    weights = random.random(200)
    rows = [(float(s), float(w * (not y)), float(w * y)) for s, y, w in zip(scores, labels, weights, strict=True)]
    data = frame("score double, negative double, positive double", rows).repartition(partitions)

    (row,) = ordered_statistics(
        data, [], ["score"], ["negative", "positive"], [MANN_WHITNEY, AVERAGE_PRECISION]
    ).collect()

    assert row["auc"] == pytest.approx(roc_auc_score(labels, scores, sample_weight=weights), rel=1e-12)
    assert row["average_precision"] == pytest.approx(
        average_precision_score(labels, scores, sample_weight=weights), rel=1e-12
    )


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("partitions", [1, 7])
def test_replicates_weigh_the_rows_of_a_unit_alike(frame, partitions):
    rows = [(part, value, r, c, at // 3) for at, (part, value, r, c) in enumerate(large(2, 120))]
    data = frame(f"{ROWS}, image bigint", rows).repartition(partitions).withColumn("unit", F.xxhash64("image"))
    units = {row["image"]: row["unit"] for row in data.select("image", "unit").distinct().collect()}

    found = ordered_statistics(
        data, ["part"], ["value"], SIDES, [KOLMOGOROV_SMIRNOV, MANN_WHITNEY], unit="unit", replicates=6, seed=3
    ).collect()

    results = defaultdict(dict)
    for row in found:
        results[row["part"]][row["replicate"]] = row
    for part, of_part in results.items():
        chosen = [row for row in rows if row[0] == part]
        hashes = np.array([units[row[4]] for row in chosen], np.int64)
        drawn = np.column_stack([np.ones(len(chosen)), *(poisson_weights(hashes, block, 3) for block in (0, 1))])
        assert sorted(of_part) == list(range(7))
        for number, row in of_part.items():
            weights = np.array([each[2:4] for each in chosen]) * drawn[:, [number]]
            values = np.array([each[1] for each in chosen])
            expected = of_whole(KOLMOGOROV_SMIRNOV, values, weights) | of_whole(MANN_WHITNEY, values, weights)
            assert row["statistic"] == pytest.approx(expected["statistic"], abs=1e-12)
            assert row["u"] == expected["u"]


def test_queries_do_not_grow_with_the_groups(spark, frame, monkeypatch):
    monkeypatch.setattr(ordered_pass, "BUCKET", 50)
    counts = []
    for groups in (4, 8):
        data = frame(ROWS, large(groups, 500)).repartition(4)
        with counted_queries(spark) as queries:
            ordered_statistics(data, ["part"], ["value"], SIDES, ALL).collect()
        counts.append(queries.count)

    assert counts[0] == counts[1] <= 3


def test_more_groups_than_the_driver_holds_are_refused(frame, monkeypatch):
    monkeypatch.setattr(ordered_pass, "MAX_GROUPS", 2)

    with pytest.raises(OptionError, match=r"more than 2 groups by part, value_name[\s\S]*Hint:"):
        ordered_statistics(frame(ROWS, large(3, 10)), ["part"], ["value"], SIDES, ALL)


def test_more_sums_than_the_driver_holds_are_refused(frame, monkeypatch):
    monkeypatch.setattr(ordered_pass, "BUCKET", 5)
    monkeypatch.setattr(ordered_pass, "MAX_NUMBERS", 10)

    with pytest.raises(OptionError, match=r"expected at most 10[\s\S]*Hint:"):
        ordered_statistics(frame(ROWS, large(3, 100)), ["part"], ["value"], SIDES, ALL)


def test_groups_of_a_type_that_the_driver_cannot_compare_are_refused(frame):
    data = frame("at timestamp, value double, r boolean, c boolean", [])

    with pytest.raises(OptionError, match=r"grouped by at, a timestamp; expected one of string[\s\S]*Hint: cast at"):
        ordered_statistics(data, ["at"], ["value"], SIDES, ALL)


def test_groups_of_several_columns_keep_their_types(frame, monkeypatch):
    monkeypatch.setattr(ordered_pass, "BUCKET", 5)
    rows = [
        (day, large, float(at), True, False)
        for day in (None, date(2026, 1, 2))
        for large in (True, False)
        for at in range(30)
    ]
    data = frame("day date, large boolean, value double, r boolean, c boolean", rows).repartition(3)

    found = ordered_statistics(data, ["day", "large"], ["value"], SIDES, [RANGE]).drop("value_name", "m").collect()

    expected = {(day, large, 0.0, 29.0, 30.0) for day in (None, date(2026, 1, 2)) for large in (True, False)}
    assert {tuple(row) for row in found} == expected
