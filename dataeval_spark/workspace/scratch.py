"""Temporary files of a run: where they are put, and frames that are stored there and read back."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

from pyspark.sql import DataFrame, SparkSession

from dataeval_spark.errors import WorkspaceError
from dataeval_spark.workspace.locations import is_catalog_name, is_local, local_path, remove_directory

MOUNTS = ("/Volumes/", "/dbfs/")  # by which a platform gives one storage to all machines under one path
PREFIX = "dataeval_spark-scratch-"
# Stores a frame under a name in the temporary files of a run, and reads it back.
Checkpoint = Callable[[DataFrame, str], DataFrame]


def default_folder(location: str, *, is_read_only: bool) -> str | None:
    """Folder for temporary files that nobody named: in the workspace, or the system's where that cannot be written.

    None for a catalog.

    Examples
    --------
    >>> default_folder("/data/audit", is_read_only=False)
    '/data/audit/_scratch'
    """
    if is_catalog_name(location):
        return None
    # A name that no other user of the machine can know before it is there.
    return f"{tempfile.gettempdir()}/{PREFIX}{uuid4().hex}" if is_read_only else f"{location}/_scratch"


def shared_folder(root: str | None, name: str, *, is_one_machine: bool) -> str | None:
    """A folder of temporary files that driver and workers open by one path; None where there is none.

    There is one on a single machine, and on the mounts that a platform gives to all its machines alike.

    Examples
    --------
    >>> shared_folder("/data/audit/_scratch", "run/clusters", is_one_machine=True)
    '/data/audit/_scratch/run/clusters'
    """
    if root is None or not is_local(root):
        return None
    folder = str(local_path(root))
    return f"{folder}/{name}" if is_one_machine or folder.startswith(MOUNTS) else None


@contextmanager
def stored_frames(spark: SparkSession, location: str, root: str | None, run_id: str) -> Iterator[Checkpoint]:
    """A function that stores a frame in temporary files and reads it back; the files go when the block ends.

    Parameters
    ----------
    spark : SparkSession
        Session that reads and writes the files.
    location : str
        Workspace, for messages.
    root : str or None
        Folder for temporary files; None where none was named for a catalog.
    run_id : str
        Run whose files they are.
    """
    folder = f"{root}/{run_id}"

    def checkpoint(frame: DataFrame, name: str) -> DataFrame:
        if root is None:
            raise WorkspaceError(
                f"Workspace {location} is a catalog schema: temporary files need a place of their own.\n"
                "Hint: --scratch DIRECTORY (a path that the driver and the executors can write)"
            )
        frame.write.mode("overwrite").parquet(f"{folder}/{name}")
        return spark.read.schema(frame.schema).parquet(f"{folder}/{name}")

    try:
        yield checkpoint
    finally:
        if root is not None:
            remove_directory(root if PREFIX in root else folder)
