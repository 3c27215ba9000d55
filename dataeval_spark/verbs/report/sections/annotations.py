"""Section on annotations that could not be used as written in the file."""

from __future__ import annotations

from dataeval_spark.tables.images import INGEST_FINDINGS
from dataeval_spark.verbs.report.data import ReportData
from dataeval_spark.verbs.report.listing import Column, listing
from dataeval_spark.verbs.report.section import Content, Query, Section
from dataeval_spark.verbs.text import shown, words

# What was skipped for these reasons has findings of its own; the account of all entries would count it again.
_TOLD_APART = "'unmatched', 'broken', 'not_read', 'repeated'"
NOT_AS_WRITTEN = (
    "coalesce(severity, 'error') != 'info'\n"
    f"  AND NOT (kind = 'skipped' AND split_part(location, ': ', 2) IN ({_TOLD_APART}))"
)
KIND = "CASE WHEN kind = 'skipped' THEN split_part(location, ': ', 2) ELSE kind END"
# Findings, at most 8 of each kind.
ANNOTATIONS_QUERY = f"""\
SELECT kind, dataset, source_file, location, image_id, target_index, message, found, expected FROM (
  SELECT *, row_number() OVER (PARTITION BY kind ORDER BY dataset, source_file, location) AS place FROM (
    SELECT {KIND} AS kind, dataset, source_file, location, image_id, target_index, message, found, expected
    FROM {{ingest_findings}} WHERE {NOT_AS_WRITTEN}))
WHERE place <= 8 ORDER BY kind, place LIMIT 200"""


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
    note = shown(len(rows), data.count("ingest_findings"))
    return {"tables": [listing(rows, columns, caption="Annotation findings", note=note)] if rows else []}


SECTION = Section(
    130,
    "annotations",
    "Annotation findings",
    intro="Annotations that could not be used as written in the file: up to eight of each kind.",
    tables=(INGEST_FINDINGS,),
    command="dataeval-spark ingest --workspace WORKSPACE photos/",
    queries=(Query("annotations", ANNOTATIONS_QUERY, (INGEST_FINDINGS,)),),
    content=not_as_written,
    otherwise="Every annotation could be used as written.",
)
