"""Section on findings about the dataset as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from dataeval_spark.analyses.steps import STEPS
from dataeval_spark.tables.contract import sql_string
from dataeval_spark.tables.runs import DATASET_FINDINGS, RUNS
from dataeval_spark.verbs.report.data import ReportData, Row
from dataeval_spark.verbs.report.listing import TONES, Column, listing
from dataeval_spark.verbs.report.needs import MEASURED
from dataeval_spark.verbs.report.section import Content, Query, Section
from dataeval_spark.verbs.text import listed, number, words

DATASET_FINDINGS_QUERY = """\
SELECT severity, step, rule, subject, value, threshold, message FROM {dataset_findings}
ORDER BY array_position(array('error', 'warning', 'info'), severity), step, rule, subject LIMIT 200"""

_CHECKING = ", ".join(sql_string(step.name) for step in STEPS if DATASET_FINDINGS in step.writes)
# Steps that look at the dataset as a whole and have run.
CHECKS_QUERY = f"""\
SELECT step FROM {{runs}} WHERE status = 'done' AND step IN ({_CHECKING})
GROUP BY step ORDER BY step LIMIT 40"""


# So many subjects of which the same is said are told in one row.
SEVERAL, MOST_SUBJECTS = 3, 12


def dataset_findings(data: ReportData) -> Content:
    rows = _together(data.rows_of("dataset_findings"))
    columns = (
        Column("Severity", "severity", style=lambda row: f"pill {TONES.get(row['severity'], 'calm')}"),
        Column("Finding", "message", most=200, style="wide"),
        Column("Subject", "subject", style="code", most=240),
        Column("Rule", "rule", words),
        Column("Found", "value", number),
        Column("Expected", "threshold", number),
    )
    return {"tables": [listing(rows, columns, caption="Findings about the dataset")] if rows else []}


def _together(rows: Sequence[Row]) -> list[Row]:
    """Findings that say the same of several subjects, as one that lists the subjects."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        said = str(row["message"]).replace(str(row["subject"]), "…")
        groups.setdefault((row["severity"], row["step"], row["rule"], said), []).append(row)
    return [
        row
        for key, group in groups.items()
        for row in (
            group
            if len(group) < SEVERAL
            else [{**group[0], "message": key[-1], "subject": listed((row["subject"] for row in group), MOST_SUBJECTS)}]
        )
    ]


def nothing_found(data: ReportData) -> str:
    steps = listed((words(row["step"]) for row in data.rows_of("dataset_checks")), 20)
    return f"Nothing was found by the steps that look at the dataset as a whole: {steps or 'none has run'}."


SECTION = Section(
    160,
    "dataset-findings",
    "Findings about the dataset",
    intro="Findings about the dataset as a whole, such as constant columns or too few neighbours.",
    tables=(DATASET_FINDINGS,),
    needs=(MEASURED,),
    queries=(
        Query("dataset_findings", DATASET_FINDINGS_QUERY, (DATASET_FINDINGS,)),
        Query("dataset_checks", CHECKS_QUERY, (DATASET_FINDINGS, RUNS)),
    ),
    content=dataset_findings,
    otherwise=nothing_found,
    tests="the dataset as a whole",
)
