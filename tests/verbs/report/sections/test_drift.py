"""Drift in a report: the newest comparison of each pair, and both sides of what drifted."""

from __future__ import annotations

from pyspark.sql import SparkSession

from dataeval_spark.tables.images import IMAGES
from dataeval_spark.tables.profile import IMAGE_STATS
from dataeval_spark.tables.shift import DRIFT_METRICS
from dataeval_spark.verbs.report import ReportData, collect_report_data
from tests.verbs.report.literals import reader
from tests.verbs.report.rows import ROWS, drift_row


def test_only_the_newest_comparison_counts_whatever_its_run_is_called(data: ReportData) -> None:
    assert [(row["column_name"], row["adjusted_pvalue"]) for row in data.rows_of("drift")] == [
        ("width", 0.01),
        ("width", 0.02),
        ("mean", 0.5),
    ]


def test_without_runs_the_last_run_id_is_the_newest(spark: SparkSession) -> None:
    only = collect_report_data(reader(spark, {DRIFT_METRICS: ROWS[DRIFT_METRICS]}))
    assert [row["adjusted_pvalue"] for row in only.rows_of("drift")] == [0.9]


def test_both_sides_of_a_drifted_statistic_are_binned_together(data: ReportData) -> None:
    bins = [(row["place"], row["side"], row["bin"], row["images"]) for row in data.rows_of("drift_overlay")]
    # The reference is the whole dataset (10 and 20), the current data the test split (20).
    assert bins == [(0, "current", 29, 1), (0, "reference", 0, 1), (0, "reference", 29, 1)]


def test_a_snapshot_has_no_overlay(spark: SparkSession) -> None:
    drifted = [drift_row("width", "r", 0.01, reference="last-week")]
    rows = {IMAGES: [], IMAGE_STATS: [], DRIFT_METRICS: drifted}
    assert "drift_overlay" not in collect_report_data(reader(spark, rows)).rows
