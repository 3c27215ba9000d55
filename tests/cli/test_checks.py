"""Checks of a command before an engine starts."""

from __future__ import annotations

import pytest

from dataeval_spark.cli import checks
from dataeval_spark.errors import ConfigError, IngestError, OptionError


def test_a_source_that_is_there_or_elsewhere_is_left_to_the_engine(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")

    checks.require_source(str(tmp_path), None)
    checks.require_source(str(tmp_path / "a.png"), None)
    checks.require_source(f"file://{tmp_path}", "coco")
    checks.require_source("s3://bucket/photos", None)
    checks.require_source("no_such_table", "table")


def test_a_source_that_is_not_there_or_empty_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()

    with pytest.raises(IngestError, match="nothing cannot be listed: No such file or directory"):
        checks.require_source(str(tmp_path / "nothing"), None)
    with pytest.raises(IngestError, match="is an empty folder"):
        checks.require_source(str(tmp_path / "empty"), "folder")


def test_a_file_that_is_not_there_is_refused_by_its_flag(tmp_path):
    checks.require_files({"--metadata": str(tmp_path), "--annotations": None, "--other": "s3://bucket/file"})

    with pytest.raises(IngestError, match=r"--annotations .*gone\.json cannot be read: .*\nHint: --annotat"):
        checks.require_files({"--metadata": None, "--annotations": str(tmp_path / "gone.json")})


def test_a_folder_is_no_query(tmp_path):
    checks.require_query("photos/1.png")
    checks.require_query("s3://bucket/1.png")

    with pytest.raises(OptionError, match="a folder"):
        checks.require_query(str(tmp_path))


def test_steps_and_parts_get_the_nearest_name():
    checks.require_steps(["outliers"], ["outliers", "neighbors"])
    checks.require_parts({"reference": "dataset=a=b", "current": "before-cleaning"})

    with pytest.raises(ConfigError, match="did you mean 'outliers'"):
        checks.require_steps(["outlier"], ["outliers", "neighbors"])
    with pytest.raises(OptionError, match=r"compare\.current is 'datset'.*\nHint: compare\.current = 'dataset'"):
        checks.require_parts({"reference": "dataset=a", "current": "datset=b"})
