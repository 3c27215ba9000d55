"""The files of a folder, listed by tasks: one task per group of sub-folders, never one per file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from dataeval_spark.errors import IngestError
from dataeval_spark.frames.batches import map_rows
from dataeval_spark.kernels.storage import files

LISTING_TASKS = 64
FILE_DDL = "path string, uri string, content_length bigint, modified_us bigint, is_image boolean, reason string"


def list_files(spark: SparkSession, root: str) -> DataFrame:
    """Every file below a folder or URI: relative path, URI, size, modification time, image or not.

    A skipped entry has its reason in ``reason`` (`dataeval_spark.kernels.storage.files.REASONS`); folders are no
    entries. The driver lists the top folder only; tasks walk its sub-folders.

    Raises
    ------
    IngestError
        The folder does not exist or cannot be listed.
    """
    try:
        # As bytes: a name need not be UTF-8.
        folders = [os.fsencode(name) for name in files.top_folders(root)]
    except OSError as error:
        raise IngestError(
            f"SOURCE {root} cannot be listed: {error.strerror or error}.\nHint: name a folder that exists."
        ) from None
    starts = [(b"", False), *((folder, True) for folder in folders)]
    frame = spark.createDataFrame(starts, "folder binary, recursive boolean")

    def walk(rows: Iterator[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
        for row in rows:
            for file in files.walk(root, os.fsdecode(row["folder"]), recursive=row["recursive"]):
                yield {
                    "path": file.path,
                    "uri": f"{root}/{file.path}",
                    "content_length": file.size,
                    "modified_us": file.modified_us,
                    "is_image": file.is_image,
                    "reason": file.reason,
                }

    return map_rows(frame.repartition(min(len(starts), LISTING_TASKS)), walk, FILE_DDL)
