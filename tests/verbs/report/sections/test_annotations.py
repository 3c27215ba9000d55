"""Annotation findings in a report: at most eight of each kind, and how many of all."""

from __future__ import annotations

from collections import Counter

from pyspark.sql import SparkSession

from dataeval_spark.tables.images import INGEST_FINDINGS
from dataeval_spark.tables.quality import IMAGE_FINDINGS
from dataeval_spark.verbs.report import ReportData, collect_report_data
from dataeval_spark.verbs.report.sections.annotations import ANNOTATED, not_as_written
from dataeval_spark.verbs.report.sections.attention import matters
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


def test_a_box_that_the_image_findings_show_is_counted_there_and_not_again(spark: SparkSession) -> None:
    rows = [
        {"kind": "inverted_box", "location": "1", "image_id": "a", "target_index": 0},
        {"kind": "inverted_box", "location": "2", "image_id": "a", "target_index": 1},
        {"kind": "outside_box", "location": "3", "image_id": "b", "target_index": 0},
        {"kind": "bad_time", "location": "4", "image_id": "a"},
    ]
    boxes = [{"image_id": image, "target_index": index, "rule": "invalid_box"} for image, index in (("a", 0), ("b", 0))]

    data = collect_report_data(reader(spark, {INGEST_FINDINGS: rows, IMAGE_FINDINGS: boxes}))

    assert data.counts("image_findings") == {"invalid_box": 2}
    assert data.counts("ingest_findings") == {"bad_time": 1, "inverted_box": 1}
    (table,) = not_as_written(data)["tables"]
    assert table.note == "4 of 4 shown; 2 boxes are counted and shown under Image findings"
    sentences = [matter.sentence for matter in matters(data)]
    assert sentences == [
        "2 entries could not be used as written in the file (bad time: 1 and inverted box: 1).",
        "2 boxes are empty, inverted or outside the image.",
    ]


def test_images_without_labels_are_no_annotations_that_were_misread(spark: SparkSession) -> None:
    rows = [
        {"kind": kind, "location": "labels", "severity": "warning", "n": 200} for kind in ("no_labels", "one_class")
    ]
    data = collect_report_data(reader(spark, {INGEST_FINDINGS: rows}))
    assert (data.counts("ingest_findings"), data.rows_of("annotations")) == ({}, ())
    assert not ANNOTATED.is_met(data)


def test_without_findings_there_is_no_table() -> None:
    assert not_as_written(ReportData()) == {"tables": []}
