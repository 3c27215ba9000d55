"""The files of a folder, listed by tasks: one task per group of sub-folders, never one per file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.frames.batches import map_rows
from dataeval_spark.kernels import files
from dataeval_spark.kernels.object_listing import top_folders, walk_objects
from dataeval_spark.kernels.uris import local_path

LISTING_TASKS = 64
FILE_DDL = "path string, uri string, content_length bigint, modified_us bigint, is_image boolean"


def list_files(spark: SparkSession, root: str) -> DataFrame:
    """Every file below a folder or URI: relative path, where it is, size, modification time, image or not.

    The driver lists the top folder only; tasks walk its sub-folders.

    Raises
    ------
    IngestError
        The folder does not exist or cannot be listed.
    """
    local = local_path(root)
    try:
        # As bytes: a name need not be UTF-8.
        folders = [os.fsencode(name) for name in (top_folders(root) if local is None else _top_folders(local))]
    except OSError as error:
        raise IngestError(
            f"SOURCE {root} cannot be listed: {error.strerror or error}.\nHint: name a folder that exists."
        ) from None
    starts = [(b"", False), *((folder, True) for folder in folders)]
    frame = spark.createDataFrame(starts, "folder binary, recursive boolean")

    def walk(rows: Iterator[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
        for row in rows:
            start = os.fsdecode(row["folder"])
            below = walk_objects if local is None else files.walk
            for file in below(local or root, start, recursive=row["recursive"]):
                yield {
                    "path": file.path,
                    "uri": f"{root}/{file.path}",
                    "content_length": file.size,
                    "modified_us": file.modified_us,
                    "is_image": file.is_image,
                }

    return map_rows(frame.repartition(min(len(starts), LISTING_TASKS)), walk, FILE_DDL)


def _top_folders(root: str) -> list[str]:
    with os.scandir(root) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))


def resolve_names(names: DataFrame, listing: DataFrame, beside: str, root: str) -> DataFrame:
    """Find the file that each name means: under SOURCE, then beside the annotation file, then by unique base name.

    Parameters
    ----------
    names : DataFrame
        Column ``name``, unique.
    listing : DataFrame
        Result of :func:`list_files`.
    beside : str
        Folder of the annotation or metadata file.
    root : str
        SOURCE.

    Returns
    -------
    DataFrame
        ``name``, ``path`` (relative to SOURCE, or the name itself outside it), ``uri``,
        ``content_length``, ``modified_us`` (null when there is no such file) and ``candidates``, the
        number of files of that base name.
    """
    file = F.struct("path", "uri", "content_length", "modified_us")
    plain = F.regexp_replace("name", r"^(\./)+", "")
    under = listing.select(F.col("path").alias("under_path"), file.alias("under"))
    at = listing.select(F.col("uri").alias("at_uri"), file.alias("at"))
    by_base = (
        listing.groupBy(_base_name("path").alias("base"))
        .agg(F.count("*").alias("candidates"), F.min_by(file, "path").alias("by_base"))
        .select("base", "candidates", "by_base")
    )
    found = (
        names.join(under, on=plain == F.col("under_path"), how="left")
        .join(at, on=F.concat(F.lit(f"{beside}/"), plain) == F.col("at_uri"), how="left")
        .join(by_base, on=_base_name("name") == F.col("base"), how="left")
        .select("name", "under", "at", "by_base", F.coalesce("candidates", F.lit(0)).alias("candidates"))
    )
    located = map_rows(found, lambda rows: _look_beside(rows, beside, root), f"{_located_ddl()}, candidates bigint")
    return located.select("name", "file.*", "candidates")


def _look_beside(rows: Iterator[Mapping[str, Any]], beside: str, root: str) -> Iterable[Mapping[str, Any]]:
    for row in rows:
        file = row["under"] or row["at"] or _stat(beside, row["name"], root)
        if file is None and row["candidates"] == 1:
            file = row["by_base"]
        yield {"name": row["name"], "file": file, "candidates": row["candidates"]}


def _stat(beside: str, name: str, root: str) -> Mapping[str, Any] | None:
    path = os.path.normpath(os.path.join(beside, name))
    if not os.path.isfile(path):
        return None
    status = os.stat(path)
    # However it is spelled, a file below SOURCE has one id.
    if path.startswith(f"{root}/"):
        name = os.path.relpath(path, root)
    return {"path": name, "uri": path, "content_length": status.st_size, "modified_us": status.st_mtime_ns // 1000}


def _located_ddl() -> str:
    return "name string, file struct<path: string, uri: string, content_length: bigint, modified_us: bigint>"


def _base_name(column: str) -> Column:
    return F.element_at(F.split(column, "/"), -1)
