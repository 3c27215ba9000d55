"""Temporary files of a run: frames that are stored and read again, and folders that driver and workers share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pyspark.sql import DataFrame, SparkSession

from dataeval_spark.errors import WorkspaceError
from dataeval_spark.workspace.locations import is_local, local_path, remove_directory

MOUNTS = ("/Volumes/", "/dbfs/")  # by which a platform gives one storage to all machines under one path

# Stores a frame under a name in the temporary files of a run, and reads it back.
Checkpoint = Callable[[DataFrame, str], DataFrame]


class Scratch:
    """Temporary files of a workspace.

    Parameters
    ----------
    spark : SparkSession
        Session that writes and reads frames.
    location : str
        The workspace, for errors.
    root : str or None
        Folder for temporary files; a catalog may have none.
    is_one_machine : bool
        Driver and workers are on one machine.
    """

    def __init__(self, spark: SparkSession, location: str, root: str | None, *, is_one_machine: bool) -> None:
        self._spark = spark
        self._location = location
        self._root = root
        self._is_one_machine = is_one_machine

    def shared_folder(self, run_id: str, step: str) -> str | None:
        """A folder among the run's temporary files that driver and workers open by one path; None where there is none.

        There is one on a single machine, and on the mounts that a platform gives to all its machines alike.
        """
        if self._root is None or not is_local(self._root):
            return None
        folder = str(local_path(self._root))
        return f"{folder}/{run_id}/{step}" if self._is_one_machine or folder.startswith(MOUNTS) else None

    @contextmanager
    def of_run(self, run_id: str) -> Iterator[Checkpoint]:
        """A function that stores a frame in temporary files and reads it back; the files go when the block ends."""
        root = f"{self._root}/{run_id}"

        def checkpoint(frame: DataFrame, name: str) -> DataFrame:
            if self._root is None:
                raise WorkspaceError(
                    f"Workspace {self._location} is a catalog schema: temporary files need a place of their own.\n"
                    "Hint: --scratch DIRECTORY (a path that the driver and the executors can write)"
                )
            frame.write.mode("overwrite").parquet(f"{root}/{name}")
            return self._spark.read.schema(frame.schema).parquet(f"{root}/{name}")

        try:
            yield checkpoint
        finally:
            if self._root is not None:
                remove_directory(root)
