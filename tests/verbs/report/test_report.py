"""A report in a notebook, its summary in a few lines, and the command that comes next."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataeval_spark.verbs.report.data import ReportData
from dataeval_spark.verbs.report.report import Report, default_place, next_command, page_of, summary_lines


def test_a_report_is_shown_inline_without_letting_its_markup_out():
    shown = Report(None, '<!DOCTYPE html><p class="x">"quoted"</p>')._repr_html_()

    assert shown.startswith('<iframe srcdoc="&lt;!DOCTYPE')
    assert '"quoted"' not in shown


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ((), 'audit.ingest("photos/")'),
        (("images",), "audit.profile()"),
        (("images", "image_stats"), "audit.analyze()"),
        (("images", "image_stats", "duplicate_groups"), "audit.report()"),
    ],
)
def test_the_next_command_is_that_of_the_first_table_that_is_missing(present, expected):
    assert next_command(ReportData(present=frozenset(present))) == expected


def test_a_report_goes_into_the_workspace_or_into_the_current_folder(tmp_path):
    assert default_place(str(tmp_path)) == tmp_path / "report.html"
    assert default_place(str(tmp_path / "missing")) == Path("report.html")
    assert default_place("main.audit") == default_place("s3://bucket/audit") == Path("report.html")


def test_the_summary_says_what_was_tested_and_what_was_not():
    measures = {"live_images": 3, "readable_images": 3}
    overview = [{"measure": measure, "item": "", "value": value} for measure, value in measures.items()]
    data = ReportData(frozenset({"images", "image_findings", "outliers", "unreadable_images"}), {"overview": overview})

    lacking = "duplicates, labels that are likely wrong, boxes, bias, splits, annotations, drift and the "
    lacking += "dataset as a whole"
    assert summary_lines(data) == [
        "3 images, 3 of them measured.",
        "Nothing that was tested needs attention: files that cannot be read, odd images and outliers.",
        f"Not tested: {lacking}. The report names the command for each.",
    ]
    assert summary_lines(ReportData())[0] == "0 images, 0 of them measured."
    assert summary_lines(ReportData())[1].startswith("Not tested: files that cannot be read, duplicates,")


def test_the_summary_counts_the_images_first(audited):
    data, page = page_of(audited.workspace)

    assert summary_lines(data)[0] == "172 images, 171 of them measured."
    assert page.startswith("<!doctype html>")
