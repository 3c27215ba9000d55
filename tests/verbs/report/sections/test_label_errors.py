"""Labels that are likely wrong, in a report: a gallery per step and source, with the likelier class."""

from __future__ import annotations

from pyspark.sql import SparkSession

from dataeval_spark.tables.labels import LABEL_ERRORS
from dataeval_spark.verbs.report import ReportData, collect_report_data
from dataeval_spark.verbs.report.sections.label_errors import label_errors
from tests.verbs.report.literals import reader


def test_each_label_is_shown_with_the_class_that_is_likelier() -> None:
    row = {"step": "label_neighbors", "source": "thumbnail", "target_index": None, "score": 0.25, "place": 1}
    rows = [
        {**row, "image_id": "a", "class_name": "cat", "suggested_class": "dog", "total": 30},
        {**row, "image_id": "b", "class_name": "cow", "suggested_class": None, "total": 30},
    ]

    (group,) = label_errors(ReportData(rows={"label_errors": rows}))["groups"]

    assert (group["title"], group["note"]) == ("Label neighbors: thumbnail", "2 of 30 shown")
    assert [(card.lines, card.badge) for card in group["cards"]] == [
        (("labelled cat", "looks like dog (score 0.25)"), "dog"),
        (("labelled cow", "looks like no class in particular (score 0.25)"), ""),
    ]


def test_twelve_of_each_step_and_source_are_collected_by_rank(spark: SparkSession) -> None:
    rows = [
        {"step": step, "source": "m", "image_id": f"i{place:02}", "rank": 20 - place, "class_name": "c", "score": 0.5}
        for step, many in (("confident_learning", 20), ("label_neighbors", 2))
        for place in range(many)
    ]

    found = collect_report_data(reader(spark, {LABEL_ERRORS: rows})).rows_of("label_errors")

    first = [row["image_id"] for row in found if row["step"] == "confident_learning"]
    assert first == [f"i{place:02}" for place in range(19, 7, -1)]
    assert [(row["image_id"], row["total"]) for row in found if row["step"] == "label_neighbors"] == [
        ("i01", 2),
        ("i00", 2),
    ]
