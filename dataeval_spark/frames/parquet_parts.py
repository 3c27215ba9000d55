"""Parquet files that tasks write themselves, to any place that `kernels.storage_writing` can write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark import TaskContext
from pyspark.sql import DataFrame

from dataeval_spark.kernels.storage_writing import open_for_writing


def write_parquet(frame: DataFrame, root: str, *, rows_per_file: int = 1_000_000) -> int:
    """Write a frame as parquet files below a folder, and count its rows.

    Spark writes where it has a file system for; object storage that pyarrow reads may need none of Spark's.

    Parameters
    ----------
    frame : DataFrame
        Its partitions are written in order, each to files of its own.
    root : str
        Folder or URI.
    rows_per_file : int
        Most rows in a file.

    Returns
    -------
    int
        Rows written.

    Examples
    --------
    >>> write_parquet(metadata, "s3://bucket/export/metadata.parquet")
    """

    def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        context = TaskContext.get()
        part = 0 if context is None else context.partitionId()
        total = number = left = 0
        with ExitStack() as stack:
            writer: pq.ParquetWriter | None = None
            for batch in batches:
                while batch.num_rows:
                    if writer is None or left == 0:
                        stack.close()
                        file = stack.enter_context(open_for_writing(f"{root}/part-{part:05d}-{number:05d}.parquet"))
                        writer = stack.enter_context(pq.ParquetWriter(file, batch.schema))
                        left, number = rows_per_file, number + 1
                    head = batch.slice(0, left)
                    writer.write_batch(head)
                    total, left = total + head.num_rows, left - head.num_rows
                    batch = batch.slice(head.num_rows)
        yield pa.RecordBatch.from_pydict({"rows": pa.array([total], pa.int64())})

    written = sum(row["rows"] for row in frame.mapInArrow(write, "rows bigint").collect())  # one row per task
    if not written:  # a reader needs the columns all the same
        write_empty(frame, f"{root}/part-00000-00000.parquet")
    return int(written)


def write_empty(frame: DataFrame, uri: str) -> None:
    """A file with a frame's columns and no rows."""
    with open_for_writing(uri) as file:
        pq.write_table(frame.limit(0).toArrow(), file)
