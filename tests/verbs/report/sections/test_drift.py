"""Drift in a report: the newest comparison of each pair, and both sides of what drifted."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from dataeval_spark.analyses.shift.drift_univariate import STATISTICS
from dataeval_spark.tables.images import IMAGES
from dataeval_spark.tables.profile import IMAGE_STATS
from dataeval_spark.tables.shift import DRIFT_METRICS
from dataeval_spark.verbs.report import ReportData, collect_report_data
from dataeval_spark.verbs.report.section import Picture
from dataeval_spark.verbs.report.sections.attention import matters
from dataeval_spark.verbs.report.sections.drift import LOOKS, direction, drift, evidence_images
from tests.verbs.report.literals import reader
from tests.verbs.report.rows import ROWS, drift_row


def test_only_the_newest_comparison_counts_whatever_its_run_is_called(data: ReportData) -> None:
    assert [(row["column_name"], row["adjusted_pvalue"]) for row in data.rows_of("drift")] == [
        ("width", 0.01),
        ("width", 0.02),
        ("mean", 0.5),
    ]


DARKENED = {
    "reference": "dataset=old",
    "current": "dataset=new",
    "slice_key": None,
    "slice_value": None,
    "column_name": "darkness",
    "avg_delta": -64.8,
    "ks_statistic": 0.9,
    "wasserstein_distance": 64.8,
    "reference_count": 9,
    "current_count": 9,
    "adjusted_pvalue": 1e-9,
    "threshold": 0.05,
    "drift_detected": True,
    "evidence": [{"item_id": "dim.jpg", "score": 3.25}],
}


@pytest.mark.parametrize(
    ("column", "change", "looks"),
    [
        ("darkness", -64.8, "darker"),
        ("mean", 3.0, "brighter"),
        ("sharpness", -1.0, "softer"),
        ("skew", 0.5, "higher"),
        ("mean", 0.0, ""),
        ("mean", None, ""),
    ],
)
def test_the_direction_of_a_drift_is_told_in_words(column, change, looks):
    assert direction(column, change) == looks


def test_every_statistic_with_words_of_its_own_is_one_that_is_compared():
    assert set(LOOKS) <= {*STATISTICS, "perceived_brightness"}


def test_a_darkened_batch_is_called_darker_and_shown_by_its_darkest_images():
    same = {**DARKENED, "column_name": "width", "drift_detected": False, "evidence": None}
    data = ReportData(rows={"drift": [DARKENED, same]})

    content = drift(data)

    (panel,) = content["panels"]
    assert (panel["title"], panel["note"]) == ("Darkness: darker", "mean change -64.8; images of dataset=new")
    assert [(card.image_id, card.lines) for card in panel["cards"]] == [
        ("dim.jpg", ("3.25 standard deviations from the reference",))
    ]
    assert list(evidence_images(data.rows)) == [Picture("dim.jpg")]
    assert [[cell.text for cell in row[:3]] for row in content["comparisons"][0]["table"].rows] == [
        ["darkness", "drifted", "darker"],
        ["width", "same", ""],
    ]
    assert content["comparisons"][0]["table"].note == "drifted: adjusted p below 0.05"
    assert [matter.sentence for matter in matters(data)] == [
        "1 statistic of 2 compared has drifted: darkness (darker)."
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
