"""Image findings in a report: the worst of each rule, and how many there are."""

from __future__ import annotations

from dataeval_spark.verbs.report import Box, ReportData
from dataeval_spark.verbs.report.sections.findings import findings


def test_the_worst_of_each_rule_are_shown(data: ReportData) -> None:
    dark = [row["score"] for row in data.rows_of("image_findings") if row["rule"] == "dark"]
    assert dark == [0.0, 0.1, 0.2, 0.3, 0.4]


def test_rules_with_most_findings_come_first_with_their_worst_severity_and_advice_on_the_limit() -> None:
    row = {"image_id": "a", "target_index": None, "score": 0.25, "threshold": 0.5, "message": "look"}
    counts = [{"measure": "image_findings", "item": rule, "value": n} for rule, n in (("dark", 1), ("odd_size", 9))]
    rows = {
        "overview": counts,
        "image_findings": [
            {**row, "rule": "dark", "severity": "warning"},
            {**row, "rule": "odd_size", "severity": "info"},
        ],
    }

    first, second = findings(ReportData(rows=rows))["rules"]

    assert (first["id"], first["title"], first["tone"], first["note"]) == (
        "finding-odd_size",
        "Odd size",
        "calm",
        "1 of 9 shown",
    )
    assert (second["id"], second["tone"], second["note"]) == ("finding-dark", "warn", "1 of 1 shown")
    assert first["cards"][0].lines == ("look", "score 0.25 (limit 0.5)")


def test_a_rule_that_holds_or_does_not_shows_no_score() -> None:
    row = {"image_id": "a", "target_index": None, "score": 0.0, "threshold": 1.0, "message": "Gray", "severity": "info"}
    content = findings(ReportData(rows={"image_findings": [{**row, "rule": "grayscale"}]}))
    assert content["rules"][0]["cards"][0].lines == ("Gray",)


def test_an_odd_box_is_told_with_its_size() -> None:
    row = {"image_id": "a", "target_index": 3, "score": 0.0, "threshold": 1.0, "message": "empty", "severity": "error"}
    boxes = {"a": (Box(3, "dog", 80.0, 90.0, 80.0, 130.0),)}
    content = findings(ReportData(rows={"image_findings": [{**row, "rule": "invalid_box"}]}, boxes=boxes))
    assert content["rules"][0]["cards"][0].lines == ("empty", "box of 0 × 40 pixels at 80, 90")
