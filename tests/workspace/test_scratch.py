"""Temporary files of a run: where they are put, and that they go."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from dataeval_spark.errors import WorkspaceError
from dataeval_spark.workspace.scratch import PREFIX, default_folder, shared_folder, stored_frames


def test_they_are_in_the_workspace_or_where_the_system_has_such_files():
    assert default_folder("/data/audit", is_read_only=False) == "/data/audit/_scratch"
    assert default_folder("/data/audit", is_read_only=True).startswith(f"{tempfile.gettempdir()}/{PREFIX}")
    assert default_folder("main.audit", is_read_only=False) is None


@pytest.mark.parametrize(
    ("root", "is_one_machine", "expected"),
    [
        ("/data/_scratch", True, "/data/_scratch/r1"),
        ("/data/_scratch", False, None),
        ("/Volumes/main/_scratch", False, "/Volumes/main/_scratch/r1"),
        ("s3a://bucket/_scratch", True, None),
        (None, True, None),
    ],
)
def test_a_folder_is_shared_on_one_machine_and_on_mounts(root, is_one_machine, expected):
    assert shared_folder(root, "r1", is_one_machine=is_one_machine) == expected


def test_a_stored_frame_is_read_back_and_its_files_go(spark, tmp_path):
    with stored_frames(spark, "/data/audit", str(tmp_path / "scratch"), "r1") as checkpoint:
        stored = checkpoint(spark.range(3), "numbers")
        assert Path(tmp_path / "scratch" / "r1" / "numbers").is_dir()
        assert stored.count() == 3

    assert not list((tmp_path / "scratch").iterdir())


def test_a_folder_among_the_system_s_temporary_files_goes_too(spark, tmp_path):
    with stored_frames(spark, "/data/audit", str(tmp_path / f"{PREFIX}1"), "r1") as checkpoint:
        assert checkpoint(spark.range(3), "numbers").count() == 3

    assert not list(tmp_path.iterdir())


def test_a_catalog_needs_a_folder_to_be_named(spark):
    refused = pytest.raises(WorkspaceError, match="--scratch DIRECTORY")
    with stored_frames(spark, "main.audit", None, "r1") as checkpoint, refused:
        checkpoint(spark.range(3), "numbers")
