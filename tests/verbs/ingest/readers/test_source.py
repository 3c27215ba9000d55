"""Findings and targets in the columns that ingestion writes."""

from __future__ import annotations

from chispa import assert_df_equality
from pyspark.sql import functions as F

from dataeval_spark.tables.images import INGEST_FINDINGS, TARGETS
from dataeval_spark.verbs.ingest.readers.source import (
    FINDINGS_DDL,
    KnownRows,
    all_findings,
    as_findings,
    class_targets,
    declared_sizes,
    finding_rows,
)


def test_a_finding_without_severity_and_number_has_those_of_its_kind_and_of_one_entry(spark, frame):
    rows = [("f", "1", None, None, "one_class", "m", "x", "e"), ("f", "2", "d/a", 3, "broken_file", "m", None, None)]

    written = finding_rows(spark.createDataFrame(rows, FINDINGS_DDL), "d")

    expected = [
        ("d", "f", "1", None, None, "one_class", "warning", 1, "m", "x", "e", "r"),
        ("d", "f", "2", "d/a", 3, "broken_file", "error", 1, "m", None, None, "r"),
    ]
    assert_df_equality(
        written, frame(INGEST_FINDINGS, expected).drop("run_id"), ignore_row_order=True, ignore_nullable=True
    )


def test_texts_are_the_same_in_all_findings_and_columns_differ(frame):
    rows = frame("name string, count int", [("a", 1), ("b", 2)])

    found = as_findings(
        rows, source_file="f", location=F.col("name"), kind="k", message="m", found=F.col("count"), expected="e", n="7"
    )

    assert dict(found.dtypes) == {
        **dict.fromkeys(("source_file", "location", "image_id", "kind", "message", "found", "expected"), "string"),
        "target_index": "int",
        "n": "bigint",
    }
    values = {row["location"]: (row["source_file"], row["image_id"], row["found"], row["n"]) for row in found.collect()}
    assert values == {"a": ("f", None, "1", 7), "b": ("f", None, "2", 7)}


def test_findings_of_several_origins_are_one_frame_in_which_a_missing_column_is_null(frame):
    one, other = frame("kind string", [("a",)]), frame("kind string, n bigint", [("b", 2)])

    assert sorted(tuple(row) for row in all_findings(one, None, other).collect()) == [("a", None), ("b", 2)]


def test_classes_without_boxes_are_targets_numbered_where_there_are_several(frame):
    one = class_targets(frame("image_id string, class_name string", [("a", "cat")]))
    several = class_targets(frame("image_id string, target_index int, class_name string", [("a", 4, "dog")]), "t")

    expected = [("a", 0, "cat", None, None, None, None, "r"), ("a", 4, "dog", None, None, "t", None, "r")]
    found = one.unionByName(several).orderBy("image_id")
    assert_df_equality(found, frame(TARGETS, expected).drop("run_id"), ignore_nullable=True)


def test_declared_sizes_are_those_of_the_annotations(frame):
    (row,) = declared_sizes(frame("image_id string, width int, height int, x int", [("a", 4, 3, 9)])).collect()

    assert row.asDict() == {"image_id": "a", "declared_width": 4, "declared_height": 3}


def test_known_rows_of_some_files_are_those_of_their_images_without_what_is_made_anew(frame):
    of_image = frame("image_id string", [("a",), ("b",)])
    kinds = [("f", "a", "bad_time"), ("f", "a", "size_differs"), ("f", "a", "images"), ("g", "b", "bad_time")]
    findings = frame("source_file string, image_id string, kind string", kinds)
    known = KnownRows(of_image, of_image, of_image, of_image, findings)

    some = known.of_files(frame("source_file string", [("f",)]), frame("image_id string", [("a",)]))

    frames = (some.images, some.targets, some.factors)
    assert [[row["image_id"] for row in each.collect()] for each in frames] == [["a"]] * 3
    assert sorted(row["kind"] for row in some.findings.collect()) == ["bad_time", "images", "size_differs"]
    assert [tuple(row) for row in some.reader_findings.collect()] == [("f", "a", "bad_time")]
