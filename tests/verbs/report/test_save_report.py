"""A report is a file that can be passed on, or an error that says why it cannot be written."""

from __future__ import annotations

import os

import pytest

from dataeval_spark.errors import OptionError
from dataeval_spark.verbs.report import save_report


@pytest.mark.parametrize("form", ["{}", "file:{}"])
def test_a_report_can_be_read_by_everyone_and_its_folder_is_made(tmp_path, form):
    target = tmp_path / "deep" / "report.html"
    before = os.umask(0o077)
    try:
        written = save_report("<p>ü</p>", form.format(target))
    finally:
        os.umask(before)

    assert written == target
    assert target.read_text(encoding="utf-8") == "<p>ü</p>"
    assert target.stat().st_mode & 0o777 == 0o644
    assert [path.name for path in target.parent.iterdir()] == ["report.html"]


def test_a_folder_is_no_report_and_the_hint_names_a_file_in_it(tmp_path):
    with pytest.raises(OptionError, match=rf"which is a folder\.\nHint: --out {tmp_path}/report\.html"):
        save_report("", tmp_path)


def test_a_place_that_cannot_be_written_is_named_with_the_reason(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(OptionError, match=rf"report\.out is {tmp_path}/file/report\.html, which cannot be written: "):
        save_report("", tmp_path / "file" / "report.html")
