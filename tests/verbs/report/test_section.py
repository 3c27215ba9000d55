"""Queries and sections of a report: which tables they need, and what a query is given."""

from __future__ import annotations

from dataeval_spark.tables.images import IMAGES, TARGETS
from dataeval_spark.verbs.report.data import ReportData
from dataeval_spark.verbs.report.needs import Untested
from dataeval_spark.verbs.report.section import Picture, Query, Section, live, pictures_of

BOTH = frozenset({"images", "targets"})


def test_a_query_has_no_text_without_a_table_that_it_needs():
    query = Query("labels", "SELECT 1 FROM {targets}", (TARGETS,))

    assert query.text(frozenset({"images"}), {}) is None
    assert query.text(BOTH, {}) == "SELECT 1 FROM {targets}"


def test_a_query_is_made_of_the_tables_there_are_and_of_the_rows_of_an_earlier_one():
    of_tables = Query("a", lambda present: ", ".join(sorted(present)), uses=(IMAGES,))
    of_rows = Query("b", lambda present, rows: f"{len(rows)} rows" if rows else None, after="a")

    assert of_tables.text(BOTH, {}) == "images, targets"
    assert of_rows.text(BOTH, {"a": [{}, {}]}) == "2 rows"
    assert of_rows.text(BOTH, {}) is None


def test_only_rows_of_live_images_are_read_where_there_is_a_table_of_images():
    assert live("targets", frozenset({"targets"})) == "{targets} AS t"
    assert live("targets", BOTH).endswith("ON t.image_id = live.image_id AND live.deleted_at IS NULL")


def test_a_section_is_not_tested_while_one_of_its_tables_is_missing():
    section = Section(1, "labels", "Labels", tables=(IMAGES, TARGETS), command="fill")

    assert section.untested(ReportData(frozenset({"images"}))) == Untested("", ("fill",))
    assert section.untested(ReportData(BOTH)) is None
    assert Section(2, "always", "Always").untested(ReportData()) is None


def test_each_row_of_a_query_is_a_picture_of_its_image_or_box():
    rows = {"outliers": [{"image_id": "a", "target_index": None}, {"image_id": "b", "target_index": 3}]}

    assert list(pictures_of("outliers")(rows)) == [Picture("a"), Picture("b", 3)]
    assert list(pictures_of("clusters")(rows)) == []
