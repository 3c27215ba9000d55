"""Boxes that look wrong, in a report: the worst of each rule with their size, and what was not tested."""

from __future__ import annotations

from pyspark.sql import SparkSession

from dataeval_spark.tables.labels import BOX_FINDINGS, IMAGE_LABEL_QUALITY, OBJECT_LABEL_ERRORS
from dataeval_spark.tables.quality import IMAGE_FINDINGS
from dataeval_spark.verbs.report import ReportData, Thumbnail, collect_report_data
from dataeval_spark.verbs.report.sections.attention import matters
from dataeval_spark.verbs.report.sections.boxes import SECTION, boxes, boxes_query, no_odd_box
from tests.verbs.report.literals import reader

BOX = (10.0, 20.0, 13.0, 24.0)


def error(rule: str, image: str, score: float, index: int | None = 0) -> dict[str, object]:
    return {"rule": rule, "image_id": image, "score": score, "target_index": index, "class_name": "dog", "box": BOX}


def test_the_worst_six_of_each_rule_are_collected_with_their_number(spark: SparkSession) -> None:
    tiny = [error("tiny_box", f"t{at}", float(at)) for at in range(8)]
    twice = [error("duplicate_box", f"d{at}", at / 10) for at in range(2)]

    data = collect_report_data(reader(spark, {BOX_FINDINGS: [*tiny, *twice]}))

    found = [(row["rule"], row["image_id"], row["total"]) for row in data.rows_of("box_errors")]
    assert found == [
        *(("duplicate_box", f"d{at}", 2) for at in (1, 0)),
        *(("tiny_box", f"t{at}", 8) for at in range(6)),
    ]
    sentences = [matter.sentence for matter in matters(data)]
    assert sentences == ["10 boxes look wrong (tiny box: 8 and duplicate box: 2)."]


def test_boxes_that_are_odd_in_themselves_and_those_that_a_model_doubts_are_shown_together(spark: SparkSession) -> None:
    alone = {BOX_FINDINGS: [error("tiny_box", "a", 1.0)]}
    both = {**alone, OBJECT_LABEL_ERRORS: [{**error("swapped", "b", 0.1), "model": "m"}]}

    def found(rows) -> list[tuple[str, str | None]]:
        return [(row["rule"], row["model"]) for row in collect_report_data(reader(spark, rows)).rows_of("box_errors")]

    assert found(alone) == [("tiny_box", None)]
    assert found(both) == [("swapped", "m"), ("tiny_box", None)]
    assert boxes_query(frozenset()) is None
    # A model is needed for one of the two only: the section is tested where boxes were looked at.
    assert SECTION.tables == (BOX_FINDINGS,)


def test_a_box_without_an_inside_is_left_to_the_image_findings_where_they_are_there(spark: SparkSession) -> None:
    rows = {BOX_FINDINGS: [error("degenerate_box", "a", 0.0)]}

    alone = collect_report_data(reader(spark, rows))
    beside = collect_report_data(reader(spark, {**rows, IMAGE_FINDINGS: []}))

    assert (len(alone.rows_of("box_errors")), len(beside.rows_of("box_errors"))) == (1, 0)


def test_a_box_is_told_with_its_classes_and_its_size() -> None:
    corners = dict(zip(("x0", "y0", "x1", "y1"), BOX, strict=True))
    row = {**error("conflicting_box", "a", 0.97), "other_class": "cat", "threshold": 0.95, "box": corners, "total": 9}

    content = boxes(ReportData(rows={"box_errors": [row]}))

    (group,) = content["groups"]
    assert group["title"] == "Conflicting box"
    assert group["note"] == "A box of another class lies in the same place. 1 of 9 shown"
    assert group["cards"][0].lines == ("dog, also cat", "box of 3 × 4 pixels at 10, 20", "score 0.97 (limit 0.95)")


def test_an_object_that_nobody_labelled_is_drawn_where_the_model_sees_it() -> None:
    corners = dict(zip(("x0", "y0", "x1", "y1"), BOX, strict=True))
    row = {**error("overlooked", "a", 0.1, None), "other_class": None, "threshold": 0.2, "box": corners, "total": 1}
    pictures = {"a": Thumbnail(b"png", "image/png", 80, 60, 80, 60)}

    content = boxes(ReportData(rows={"box_errors": [row]}, thumbnails=pictures))

    (mark,) = content["groups"][0]["cards"][0].marks
    assert (mark.x, mark.y, mark.width, mark.height, mark.label) == (10, 20, 3, 4, "dog")


def test_what_is_shown_under_image_findings_is_not_called_well_here() -> None:
    counts = [("boxes", "", 40), ("image_findings", "invalid_box", 2)]
    overview = [{"measure": measure, "item": item, "value": value} for measure, item, value in counts]
    said = no_odd_box(ReportData(rows={"overview": overview}))
    looked_at = "No other box looks wrong: the step box_findings looked at 40 boxes."
    assert said == f"{looked_at} 2 boxes are shown under Image findings."


def test_without_a_model_the_section_says_that_it_was_not_asked() -> None:
    said = ["Not tested: boxes against those of a model. They need ingest --predictions FILE, then analyze."]
    assert boxes(ReportData())["told"] == said
    assert boxes(ReportData(frozenset({IMAGE_LABEL_QUALITY.name})))["told"] == []
