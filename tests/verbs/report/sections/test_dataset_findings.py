"""Findings about the whole dataset in a report: the most severe first."""

from __future__ import annotations

from dataeval_spark.verbs.report import ReportData
from dataeval_spark.verbs.report.sections.dataset_findings import dataset_findings


def test_errors_come_first(data: ReportData) -> None:
    assert [row["severity"] for row in data.rows_of("dataset_findings")] == ["error", "info"]


def test_a_finding_shows_what_was_found_beside_what_was_expected() -> None:
    row = {"severity": "warning", "step": "neighbors", "rule": "few_neighbors", "subject": "thumbnail"}
    rows = [{**row, "value": 4.0, "threshold": 10.0, "message": "too few"}]

    (table,) = dataset_findings(ReportData(rows={"dataset_findings": rows}))["tables"]

    assert [cell.text for cell in table.rows[0]] == ["warning", "too few", "thumbnail", "few neighbors", "4", "10"]
    assert table.rows[0][0].style == "pill warn"


def test_what_is_said_of_several_subjects_is_said_once() -> None:
    def left_out(factor: str, reason: str = "has one value only") -> dict[str, object]:
        row = {"severity": "info", "step": "factor_bins", "rule": "factor_left_out", "value": 1.0, "threshold": None}
        return {**row, "subject": factor, "message": f"Factor {factor} {reason}"}

    other = [left_out(factor, "has a value for each image") for factor in ("site", "camera")]
    rows = [left_out("width"), *other, left_out("height"), left_out("depth")]

    (table,) = dataset_findings(ReportData(rows={"dataset_findings": rows}))["tables"]

    assert [(row[1].text, row[2].text) for row in table.rows] == [
        ("Factor … has one value only", "width, height and depth"),
        ("Factor site has a value for each image", "site"),
        ("Factor camera has a value for each image", "camera"),
    ]


def test_without_findings_there_is_no_table() -> None:
    assert dataset_findings(ReportData()) == {"tables": []}
