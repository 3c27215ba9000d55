from __future__ import annotations

from dataclasses import replace
from string import Formatter

import pytest
from pyspark.sql import SparkSession

from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.images import IMAGES, TARGETS
from dataeval_spark.verbs.report import ReportData, collect_report_data, render_report, save_report
from dataeval_spark.verbs.report.queries import QUERIES
from tests.verbs.report.literals import WHEN, full_rows, provenance, reader
from tests.verbs.report.rows import DRIFTED, ROWS


def test_each_shown_sql_returns_the_rows_that_were_collected(spark: SparkSession, data: ReportData) -> None:
    read = reader(spark, ROWS)
    names = {table.name: f"shown_{table.name}" for table in ROWS}
    for table in ROWS:
        read(table).createOrReplaceTempView(names[table.name])
    assert set(data.sql) == set(data.rows)
    for query, text in data.sql.items():
        again = [row.asDict(recursive=True) for row in spark.sql(text.format_map(names)).collect()]
        assert again == list(data.rows[query]) or query == "overview", query
        assert sorted(map(repr, again)) == sorted(map(repr, data.rows[query])), query


def test_deleted_images_count_nowhere(data: ReportData) -> None:
    assert {name: data.count(name) for name in ("live_images", "deleted_images", "readable_images")} == {
        "live_images": 3,
        "deleted_images": 1,
        "readable_images": 2,
    }
    assert [data.count(name) for name in ("unreadable_images", "targets", "classes")] == [1, 3, 2]
    assert [row["image_id"] for row in data.rows_of("unreadable")] == ["broken"]
    assert {row["class_name"] for row in data.rows_of("label_examples")} == {"dog", "cat"}
    assert max(row["high"] for row in data.rows_of("statistics") if row["statistic"] == "width") == 20.0


def test_pictures_and_reasons_come_from_one_job(data: ReportData) -> None:
    assert set(data.thumbnails) == {"a", "b"}
    assert data.thumbnails["a"].data is not None
    assert (data.thumbnails["a"].full_width, data.thumbnails["a"].full_height) == (80, 60)


def test_boxes_of_examples_are_drawn_and_those_that_findings_are_about(data: ReportData) -> None:
    # Target 50 lies beyond the boxes drawn for an example, but a finding is about it; b's label has no box.
    assert {name: [box.target_index for box in boxes] for name, boxes in data.boxes.items()} == {"a": [0, 50]}


def test_a_box_that_a_finding_is_about_has_a_picture_of_its_own(data: ReportData) -> None:
    assert set(data.crops) == {("a", 50)}


def test_the_number_of_pictures_is_limited(spark: SparkSession) -> None:
    rows = {IMAGES: ROWS[IMAGES], TARGETS: ROWS[TARGETS]}
    limited = collect_report_data(reader(spark, rows), max_thumbnails=1)
    assert len(limited.thumbnails) == 1
    rows = dict(limited.rows, labels=full_rows("dog")["labels"])
    limited = replace(limited, present=limited.present | {"label_stats"}, rows=rows)
    assert "no picture was made" in render_report(limited, provenance())


def test_no_table_at_all_needs_no_spark() -> None:
    assert collect_report_data(lambda table: None) == ReportData()


def test_every_existing_table_may_be_empty(spark: SparkSession) -> None:
    empty = collect_report_data(reader(spark, {table: [] for table in ROWS}))
    assert "Nothing has been tested yet" in render_report(empty, provenance())


@pytest.mark.parametrize("table", ROWS, ids=lambda table: table.name)
def test_no_query_asks_for_a_table_that_is_missing(table: Table) -> None:
    present = frozenset(other.name for other in ROWS) - {table.name}
    asked = [query.text(present, DRIFTED) or "" for query in QUERIES]
    assert {field for text in asked if text for _, field, _, _ in Formatter().parse(text) if field} <= present


def test_a_workspace_without_images_still_has_a_report(spark: SparkSession) -> None:
    found = collect_report_data(reader(spark, {table: rows for table, rows in ROWS.items() if table != IMAGES}))
    assert (found.count("readable_images"), found.count("targets"), found.thumbnails) == (3, 4, {})
    assert render_report(found, provenance()).startswith("<!doctype html>")


def test_a_report_is_written_whole(spark: SparkSession, tmp_path) -> None:
    target = tmp_path / "deep" / "report.html"
    target.parent.mkdir()
    target.write_text("old")
    data = collect_report_data(reader(spark, {IMAGES: ROWS[IMAGES]}))

    written = save_report(render_report(data, provenance(generated_at=WHEN)), target)

    assert written == target
    assert target.read_text(encoding="utf-8").endswith("</html>")
    assert [path.name for path in target.parent.iterdir()] == ["report.html"]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_a_query_reads_only_tables_that_its_section_names(query) -> None:
    everything = frozenset(table.name for table in ALL_TABLES)
    text = query.text(everything, DRIFTED)
    fields = {field for _, field, _, _ in Formatter().parse(text) if field}
    assert fields
    assert fields <= {table.name for table in (*query.needs, *query.uses)}
