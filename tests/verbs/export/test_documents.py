"""Folder of an export: whatever moment a process is killed at, the next one knows what is there."""

from __future__ import annotations

import json

import pytest

from dataeval_spark.errors import OptionError
from dataeval_spark.verbs.export import documents


class Killed(BaseException):
    """The end of a process, which no code sees."""


@pytest.fixture
def killed_while_clearing(monkeypatch):
    def clear(uri, keep=None):
        raise Killed

    monkeypatch.setattr(documents, "clear", clear)


def test_an_export_that_was_killed_while_it_removed_an_older_one_is_not_taken_for_finished(
    tmp_path, killed_while_clearing
):
    (tmp_path / "export.json").write_text('{"format": "coco", "finished": true}')
    (tmp_path / "a.jpg").touch()

    with pytest.raises(Killed):
        documents.prepare(str(tmp_path), "coco", replace=True)

    assert json.loads((tmp_path / "export.json").read_text()) == {"format": "coco", "finished": False}


def test_an_export_that_was_killed_while_it_wrote_its_mark_is_nothing(tmp_path):
    (tmp_path / ".writing-abc").touch()

    documents.prepare(str(tmp_path), "coco", replace=False)

    assert [path.name for path in tmp_path.iterdir()] == ["export.json"]


def test_a_finished_export_is_not_replaced_unasked(tmp_path):
    (tmp_path / "export.json").write_text('{"format": "coco", "finished": true, "images": 3}')

    with pytest.raises(OptionError, match="holds an export of 3 images as coco"):
        documents.prepare(str(tmp_path), "coco", replace=False)
