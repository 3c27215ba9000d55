"""Temporary files of a run, and folders that driver and workers share."""

from __future__ import annotations

import pytest

from dataeval_spark.errors import WorkspaceError
from dataeval_spark.workspace.scratch import Scratch
from dataeval_spark.workspace.workspace import Workspace


def test_a_catalog_without_scratch_says_which_option_is_missing(spark, frame):
    with (
        pytest.raises(WorkspaceError, match="--scratch DIRECTORY"),
        Scratch(spark, "main.audit", None, is_one_machine=True).of_run("r1") as stage,
    ):
        stage(frame("a int", [(1,)]), "name")


def test_scratch_files_are_removed(spark, frame, tmp_path):
    with Workspace(spark, str(tmp_path / "audit")).scratch("r1") as stage:
        assert stage(frame("a int", [(1,)]), "name").count() == 1
        assert (tmp_path / "audit" / "_scratch" / "r1").is_dir()

    assert not (tmp_path / "audit" / "_scratch" / "r1").exists()


@pytest.mark.parametrize(
    ("root", "is_one_machine", "expected"),
    [
        ("/data/scratch", True, "/data/scratch/r1/clusters"),
        ("/data/scratch", False, None),
        ("/Volumes/main/audit/scratch", False, "/Volumes/main/audit/scratch/r1/clusters"),
        ("s3://bucket/scratch", True, None),
        (None, True, None),
    ],
)
def test_a_folder_is_shared_on_one_machine_and_on_the_mounts_of_a_platform(root, is_one_machine, expected):
    scratch = Scratch(None, "audit", root, is_one_machine=is_one_machine)

    assert scratch.shared_folder("r1", "clusters") == expected
