"""Section on annotations that could not be used as written in the file."""

from __future__ import annotations

from dataeval_spark.tables.images import INGEST_FINDINGS
from dataeval_spark.tables.quality import IMAGE_FINDINGS
from dataeval_spark.verbs.report.data import ReportData
from dataeval_spark.verbs.report.listing import Column, listing
from dataeval_spark.verbs.report.needs import INGEST_LABELS, Need
from dataeval_spark.verbs.report.section import Content, Query, Section
from dataeval_spark.verbs.text import plural, shown, words

# What was skipped for these reasons has findings of its own; the account of all entries would count it again.
_TOLD_APART = "'unmatched', 'broken', 'not_read', 'repeated'"
# No labels, or one class, are told by the sections that need more.
NOT_AS_WRITTEN = (
    "coalesce(severity, 'error') != 'info' AND kind NOT IN ('no_labels', 'one_class', 'no_images', 'outside_source')\n"
    f"  AND NOT (kind = 'skipped' AND split_part(location, ': ', 2) IN ({_TOLD_APART}))"
)
KIND = "CASE WHEN kind = 'skipped' THEN split_part(location, ': ', 2) ELSE kind END"


def with_odd_boxes(present: frozenset[str]) -> str:
    """FROM clause of the findings, each with ``is_odd_box``: whether the image findings have the same box."""
    if "image_findings" not in present:
        return "(SELECT *, false AS is_odd_box FROM {ingest_findings})"
    return (
        "(SELECT f.*, b.is_odd_box IS NOT NULL AS is_odd_box FROM {ingest_findings} AS f LEFT JOIN (\n"
        "  SELECT DISTINCT image_id, target_index, true AS is_odd_box FROM {image_findings}\n"
        "  WHERE rule = 'invalid_box') AS b\n"
        "  ON f.image_id = b.image_id AND f.target_index = b.target_index\n"
        "    AND f.kind IN ('inverted_box', 'outside_box'))"
    )


def annotations_query(present: frozenset[str]) -> str:
    """Findings, at most 8 of each kind."""
    return (
        "SELECT kind, dataset, source_file, location, image_id, target_index, message, found, expected, is_odd_box\n"
        "FROM (\n"
        "  SELECT *, row_number() OVER (PARTITION BY kind ORDER BY dataset, source_file, location) AS place FROM (\n"
        f"  SELECT {KIND} AS kind, dataset, source_file, location, image_id, target_index, message, found, expected,\n"
        f"    is_odd_box FROM {with_odd_boxes(present)} WHERE {NOT_AS_WRITTEN}))\n"
        "WHERE place <= 8 ORDER BY kind, place LIMIT 200"
    )


ANNOTATED = Need(
    "annotations",
    lambda data: data.count("targets") + data.count("ingest_findings") + data.count("odd_boxes_as_written") > 0,
    INGEST_LABELS,
)


def not_as_written(data: ReportData) -> Content:
    rows = data.rows_of("annotations")
    columns = (
        Column("Kind", "kind", words),
        Column("What is wrong", "message", most=140, style="wide"),
        Column("Found", "found", most=40, style="code"),
        Column("Expected", "expected", most=40, style="code"),
        Column("File", "source_file", style="code", most=48),
        Column("Where", "location", style="code", most=32),
    )
    boxes = data.count("odd_boxes_as_written")
    note = shown(len(rows), data.count("ingest_findings") + boxes)
    if boxes:
        note += f"; {plural(boxes, 'box is', 'boxes are')} counted and shown under Image findings"
    return {"tables": [listing(rows, columns, caption="Annotation findings", note=note)] if rows else []}


def all_as_written(data: ReportData) -> str:
    return f"Every annotation could be used as written: ingest read {plural(data.count('targets'), 'label')}."


SECTION = Section(
    130,
    "annotations",
    "Annotation findings",
    intro="Annotations that could not be used as written in the file: up to eight of each kind.",
    tables=(INGEST_FINDINGS,),
    command=INGEST_LABELS,
    needs=(ANNOTATED,),
    tests="annotations",
    queries=(Query("annotations", annotations_query, (INGEST_FINDINGS,), (IMAGE_FINDINGS,)),),
    content=not_as_written,
    otherwise=all_as_written,
)
