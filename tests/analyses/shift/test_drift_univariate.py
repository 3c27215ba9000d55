"""Univariate drift: equal to SciPy on random and on quantised data, and literal differences."""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np
import pytest
from scipy.stats import false_discovery_control, ks_2samp, wasserstein_distance

from dataeval_spark.analyses.shift.drift_univariate import EVIDENCE_IMAGES, STATISTICS, drift_univariate
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.shift import DRIFT_METRICS
from tests.analyses.profile.rows import image_stats

WINDOW = (datetime(2024, 5, 1), datetime(2024, 6, 1))
NAMES = {"reference_name": "split=train", "current_name": "split=test", "window": WINDOW}


def side(frame, columns, prefix):
    """A frame of `image_stats` from columns of values; where a column is shorter the rest is null."""
    length = max(map(len, columns.values()))
    rows = [
        {
            "image_id": f"{prefix}{i:03}",
            **{name: values[i] for name, values in columns.items() if i < len(values)},
        }
        for i in range(length)
    ]
    return image_stats(frame, rows)


def by_column(found):
    return {row.column_name: row for row in found.collect()}


def samples():
    """Reference and current values per statistic: equal and shifted, continuous, quantised, tied, of unequal size."""
    r = np.random.default_rng(17)
    made = {
        "mean": (r.normal(size=90), r.normal(size=60)),
        "std": (r.normal(size=90), r.normal(0.8, 1, size=75)),
        "skew": (r.lognormal(size=40), r.lognormal(0.5, 1, size=90)),
        "brightness": (np.round(r.normal(10, 2, 90)), np.round(r.normal(11, 2, 90))),
        "width": (r.choice([320.0, 640.0], 90), r.choice([320.0, 640.0, 1280.0], 70)),
        "zeros": (np.zeros(90), np.r_[np.zeros(60), 0.5]),
        "contrast": (np.array([1.0]), np.array([1.0, 2.0])),
        "entropy": (np.zeros(30), np.ones(20)),
    }
    return {name: (old.tolist(), new.tolist()) for name, (old, new) in made.items()}


@pytest.mark.parametrize("partitions", [1, 7])
def test_tests_and_distances_equal_scipy(frame, partitions):
    columns = samples()
    reference = side(frame, {name: old for name, (old, _) in columns.items()}, "r").repartition(partitions)
    current = side(frame, {name: new for name, (_, new) in columns.items()}, "c").repartition(partitions)

    found = by_column(drift_univariate(reference, current, statistics=list(columns), **NAMES))

    assert set(found) == set(columns)
    tests = {name: ks_2samp(*both) for name, both in columns.items()}
    adjusted = dict(zip(tests, false_discovery_control([t.pvalue for t in tests.values()]), strict=True))
    for name, both in columns.items():
        row = found[name]
        assert row.ks_test.statistic == pytest.approx(tests[name].statistic, abs=1e-12), name
        assert row.ks_test.pvalue == pytest.approx(tests[name].pvalue, rel=1e-9, abs=1e-15), name
        assert row.wasserstein_distance == pytest.approx(wasserstein_distance(*both), abs=1e-12), name
        assert row.adjusted_pvalue == pytest.approx(adjusted[name], rel=1e-9), name
        assert row.drift_detected == (adjusted[name] < 0.05), name
        assert (row.reference_count, row.current_count) == tuple(map(len, both)), name
    assert found["entropy"].drift_detected
    assert not found["mean"].drift_detected


@pytest.fixture(scope="module")
def literal(frame):
    reference = image_stats(
        frame,
        [
            {"image_id": "r1", "mean": 0.0, "std": 1.0, "width": 10.0},
            {"image_id": "r2", "mean": 2.0, "std": 1.0, "width": 10.0},
            {"image_id": "r3", "mean": 4.0, "std": None, "width": 10.0},
            {"image_id": "r4", "mean": 6.0, "std": None, "width": 10.0},
            {"image_id": "r1", "target_index": 0, "mean": 1e9, "std": 1e9, "width": 1e9},
        ],
    )
    means = [0.0, 0.0, 3.0, 9.0, -30.0, *[3.0] * 10]
    current = image_stats(
        frame, [{"image_id": f"c{i:02}", "mean": value, "width": 10.0} for i, value in enumerate(means)]
    )
    return drift_univariate(
        reference, current, statistics=["mean", "std", "width", "sharpness"], threshold=0.1, **NAMES
    )


def test_columns_and_types_are_those_of_the_contract_in_its_order(literal):
    assert (
        literal.dtypes == [(c.name, c.type.replace(": ", ":").replace(", ", ",")) for c in DRIFT_METRICS.columns][:-1]
    )
    row = by_column(literal)["mean"]
    assert (row.reference, row.current, row.threshold) == ("split=train", "split=test", 0.1)
    assert (row.drift_type, row.data_type, row.monitor_version) == ("BASELINE", "double", 1)
    assert (row.window.start, row.window.end) == WINDOW
    assert (row.granularity, row.slice_key, row.slice_value, row.window_cmp) == (None, None, None, None)


def test_a_column_that_is_not_computed_yet_says_so_and_no_other_is_always_null(literal):
    rows = [row.asDict() for row in literal.collect()]
    always_null = {
        column.name for column in DRIFT_METRICS.result_columns if all(row[column.name] is None for row in rows)
    }
    assert always_null == {
        c.name for c in DRIFT_METRICS.columns if c.comment.startswith("Not computed yet, always null")
    }


def test_differences_are_current_minus_reference_without_boxes(literal):
    row = by_column(literal)["mean"]

    assert (row.reference_count, row.current_count, row.count_delta) == (4, 15, 11.0)
    assert row.avg_delta == pytest.approx(12 / 15 - 3.0)
    assert row.percent_null_delta == 0.0
    assert row.percent_zeros_delta == pytest.approx(100 * 2 / 15 - 25)
    assert row.percent_distinct_delta == pytest.approx(100 * 4 / 15 - 100)


def test_a_side_without_values_has_no_test_and_does_not_weigh_on_the_others(literal):
    rows = by_column(literal)

    assert set(rows) == {"mean", "std", "width", "sharpness"}
    for name, counts, nulls in (("std", (2, 0), 50.0), ("sharpness", (0, 0), 0.0)):
        row = rows[name]
        assert (row.reference_count, row.current_count) == counts
        assert (row.ks_test, row.wasserstein_distance, row.adjusted_pvalue, row.drift_detected) == (None,) * 4
        assert (row.percent_null_delta, row.avg_delta) == (nulls, None)
    # Two columns are tested: the smaller p-value is doubled, the larger is as it was.
    assert rows["width"].adjusted_pvalue == rows["width"].ks_test.pvalue == 1.0
    assert rows["mean"].adjusted_pvalue == pytest.approx(min(1.0, 2 * rows["mean"].ks_test.pvalue))


def test_evidence_is_the_images_farthest_from_the_reference_mean(literal):
    rows = by_column(literal)

    deviation = math.sqrt(5)  # of 0, 2, 4, 6 about 3
    evidence = [(entry.item_id, pytest.approx(entry.score)) for entry in rows["mean"].evidence]
    assert len(evidence) == EVIDENCE_IMAGES
    assert evidence[:4] == [
        ("c04", 33 / deviation),
        ("c03", 6 / deviation),
        ("c00", 3 / deviation),
        ("c01", 3 / deviation),
    ]
    assert evidence[4:] == [(f"c{n:02}", 0.0) for n in (2, 5, 6, 7, 8, 9)]
    assert rows["width"].evidence is None  # the reference has no spread to measure with


def test_the_same_data_has_not_drifted(frame):
    columns = {"mean": [1.0, 2.0, 3.0, 3.0], "std": [0.0] * 4}

    found = by_column(drift_univariate(side(frame, columns, "r"), side(frame, columns, "c"), **NAMES))

    assert set(found) == set(STATISTICS)
    for name in columns:
        row = found[name]
        assert (row.ks_test.statistic, row.ks_test.pvalue, row.wasserstein_distance) == (0.0, 1.0, 0.0)
        assert (row.adjusted_pvalue, row.drift_detected, row.avg_delta) == (1.0, False, 0.0)


def test_no_rows_on_a_side_give_rows_without_tests(frame):
    found = by_column(drift_univariate(side(frame, {"mean": [1.0]}, "r"), image_stats(frame, []), **NAMES))

    assert set(found) == set(STATISTICS)
    assert {(row.ks_test, row.drift_detected, row.current_count) for row in found.values()} == {(None, None, 0)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 5}, r"drift_univariate\.threshold is 5; expected a number in \[0\.0, 1\.0\]"),
        ({"statistics": ["wdth"]}, r"drift_univariate\.statistics is 'wdth'.*Hint: .* = 'width'"),
    ],
)
def test_a_wrong_option_says_what_to_write(frame, options, message):
    empty = image_stats(frame, [])
    with pytest.raises(OptionError, match=f"(?s){message}"):
        drift_univariate(empty, empty, **NAMES, **options)
