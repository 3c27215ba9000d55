"""The files of a folder, listed by tasks: one task per group of sub-folders, never one per file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.frames.batches import map_rows
from dataeval_spark.kernels.storage import files
from dataeval_spark.kernels.storage.places import is_file
from dataeval_spark.session.bounded import bounded

LISTING_TASKS = 64
# Endings that an error names.
MOST_ENDINGS = 8
FILE_DDL = "path string, uri string, content_length bigint, modified_us bigint, is_image boolean, reason string"


def list_files(spark: SparkSession, root: str) -> DataFrame:
    """Every file below a folder or URI: relative path, URI, size, modification time, image or not.

    Of a root that is a file there is this file alone. A skipped entry has its reason in ``reason``
    (`dataeval_spark.kernels.storage.files.REASONS`); folders are no entries. The driver lists the top folder only;
    tasks walk its sub-folders.

    Raises
    ------
    IngestError
        The folder does not exist or cannot be listed.
    """
    if is_file(root):
        folder, name = root.rsplit("/", 1)
        return _walked(spark, folder, [(b"", False)]).where(F.col("path") == name)
    try:
        # As bytes: a name need not be UTF-8.
        folders = [os.fsencode(name) for name in files.top_folders(root)]
    except OSError as error:
        reason, hint = str(error.strerror or error), "name a folder that exists."
        if "cannot be reached" in reason:
            hint = "check its address and this machine's network; AWS_ENDPOINT_URL names a server of your own"
        raise IngestError(f"SOURCE {root} cannot be listed: {reason}.\nHint: {hint}") from None
    return _walked(spark, root, [(b"", False), *((folder, True) for folder in folders)])


def no_images(spark: SparkSession, root: str, glob: str | None) -> IngestError:
    """Error for a folder of which no image is taken, with the endings of its images, else of its files."""
    named = list_files(spark, root).select(
        "is_image", F.lower(F.regexp_extract("path", r"(\.[^./]+)$", 1)).alias("end")
    )
    counts = (
        named.groupBy("is_image", "end").agg(F.count("*").alias("n")).orderBy(F.desc("is_image"), F.desc("n"), "end")
    )
    rows = bounded(counts.limit(MOST_ENDINGS), "endings")
    images = [row for row in rows if row["is_image"]]
    endings = ", ".join(f"{row['end'] or 'no ending'} ({row['n']:,})" for row in images or rows)
    if images:
        hint = f"--glob '**/*{images[0]['end']}', or '**/*' for every image"
        return IngestError(
            f"SOURCE {root} has no images that match --glob {glob!r}; its images: {endings}.\nHint: {hint}"
        )
    found = f"its files: {endings}" if rows else "it is empty"
    return IngestError(
        f"SOURCE {root} has no images; {found}.\nHint: name a folder with images, or --format for others"
    )


def _walked(spark: SparkSession, root: str, starts: Sequence[tuple[bytes, bool]]) -> DataFrame:
    """Files below each of these folders, where they are to be gone into."""
    frame = spark.createDataFrame(list(starts), "folder binary, recursive boolean")

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
