"""Annotation findings in a report: at most eight of each kind, and how many of all."""

from __future__ import annotations

from collections import Counter

from pyspark.sql import SparkSession

from dataeval_spark.tables.images import INGEST_FINDINGS
from dataeval_spark.verbs.report import ReportData, collect_report_data
from dataeval_spark.verbs.report.sections.annotations import not_as_written
from tests.verbs.report.literals import reader


def test_eight_findings_of_each_kind_are_shown_of_all_that_were_counted(data: ReportData) -> None:
    shown = Counter(row["kind"] for row in data.rows_of("annotations"))
    assert shown == {"bad_time": 8, "inverted_box": 8}

    (table,) = not_as_written(data)["tables"]
    assert (len(table.rows), table.rows[0][0].text, table.note) == (16, "bad time", "16 of 20 shown")


def test_what_has_findings_of_its_own_is_not_counted_again_in_the_account_of_skipped_entries(
    spark: SparkSession,
) -> None:
    rows = [
        {"kind": "skipped", "location": "entries: unmatched", "n": 5},
        {"kind": "skipped", "location": "entries: crowd", "n": 3},
        {"kind": "read", "location": "entries", "severity": "info", "n": 90},
        {"kind": "unmatched", "location": "line 1"},
    ]

    data = collect_report_data(reader(spark, {INGEST_FINDINGS: rows}))

    assert data.counts("ingest_findings") == {"crowd": 3, "unmatched": 1}
    assert [row["kind"] for row in data.rows_of("annotations")] == ["crowd", "unmatched"]


def test_without_findings_there_is_no_table() -> None:
    assert not_as_written(ReportData()) == {"tables": []}
