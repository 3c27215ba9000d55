"""Section on findings about the dataset as a whole."""

from __future__ import annotations

from dataeval_spark.tables.runs import DATASET_FINDINGS
from dataeval_spark.verbs.report.data import ReportData
from dataeval_spark.verbs.report.listing import TONES, Column, listing
from dataeval_spark.verbs.report.section import Content, Query, Section
from dataeval_spark.verbs.text import number, words

DATASET_FINDINGS_QUERY = """\
SELECT severity, step, rule, subject, value, threshold, message FROM {dataset_findings}
ORDER BY array_position(array('error', 'warning', 'info'), severity), step, rule, subject LIMIT 200"""


def dataset_findings(data: ReportData) -> Content:
    rows = data.rows_of("dataset_findings")
    columns = (
        Column("Severity", "severity", style=lambda row: f"pill {TONES.get(row['severity'], 'calm')}"),
        Column("Finding", "message", most=200, style="wide"),
        Column("Subject", "subject", style="code", most=40),
        Column("Rule", "rule", words),
        Column("Found", "value", number),
        Column("Expected", "threshold", number),
    )
    return {"tables": [listing(rows, columns, caption="Findings about the dataset")] if rows else []}


SECTION = Section(
    160,
    "dataset-findings",
    "Findings about the dataset",
    intro="Findings about the dataset as a whole, such as constant columns or too few neighbours.",
    tables=(DATASET_FINDINGS,),
    queries=(Query("dataset_findings", DATASET_FINDINGS_QUERY, (DATASET_FINDINGS,)),),
    content=dataset_findings,
    otherwise="Nothing was found.",
)
