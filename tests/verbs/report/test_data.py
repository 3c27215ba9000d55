"""Numbers of a report's data."""

from __future__ import annotations

from dataeval_spark.verbs.report.data import ReportData

OVERVIEW = [
    {"measure": "image_findings", "item": "odd_size", "value": 2},
    {"measure": "image_findings", "item": "dark", "value": 5},
    {"measure": "targets", "item": "", "value": 9},
]


def test_a_measure_is_counted_by_item_in_alphabetical_order_and_in_all():
    data = ReportData(rows={"overview": OVERVIEW})

    assert list(data.counts("image_findings").items()) == [("dark", 5), ("odd_size", 2)]
    assert (data.count("image_findings"), data.count("targets")) == (7, 9)


def test_what_was_not_counted_is_nothing():
    data = ReportData(rows={"overview": OVERVIEW})

    assert (data.counts("outliers"), data.count("outliers"), ReportData().count("targets")) == ({}, 0, 0)
    assert data.rows_of("labels") == ()


def test_rows_that_follow_one_another_with_equal_values_are_a_group():
    rows = [{"kind": kind, "n": n} for n, kind in enumerate("aabba")]

    groups = ReportData(rows={"pairs": rows}).groups_of("pairs", "kind")

    assert [[row["n"] for row in group] for group in groups] == [[0, 1], [2, 3], [4]]
    assert ReportData().groups_of("pairs", "kind") == []
