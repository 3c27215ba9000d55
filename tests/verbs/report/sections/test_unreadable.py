"""Unreadable images in a report: those that are still there, with the reader's message."""

from __future__ import annotations

from dataeval_spark.verbs.report import ReportData
from dataeval_spark.verbs.report.sections.unreadable import unreadable


def test_a_file_is_shown_with_its_message_and_size() -> None:
    row = {"image_id": "d/a.jpg", "stage": "decode", "error_class": "OSError", "message": "truncated"}
    rows = {
        "overview": [{"measure": "unreadable_images", "item": "", "value": 60}],
        "unreadable": [{**row, "content_length": 12_300}],
    }

    (table,) = unreadable(ReportData(rows=rows))["tables"]

    assert [cell.text for cell in table.rows[0]] == ["d/a.jpg", "decode", "OSError", "truncated", "12.3 kB"]
    assert table.note == "1 of 60 shown"


def test_images_that_were_deleted_are_not_listed(data: ReportData) -> None:
    assert [row["image_id"] for row in data.rows_of("unreadable")] == ["broken"]
