"""Parquet files that tasks write themselves, to any place that `kernels.storage.writing` can write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark import TaskContext
from pyspark.sql import DataFrame

from dataeval_spark.kernels.storage.writing import open_for_writing
from dataeval_spark.session.bounded import bounded, bounded_arrow


def write_parquet(frame: DataFrame, root: str) -> None:
    """Write a frame as parquet files below a folder, one per partition that has rows, in their order.

    Spark writes where it has a file system for; object storage that pyarrow reads may need none of Spark's.

    Parameters
    ----------
    frame : DataFrame
        Rows.
    root : str
        Folder or URI.

    Examples
    --------
    >>> write_parquet(metadata, "s3://bucket/export/metadata.parquet")
    """

    def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        context = TaskContext.get()
        part = 0 if context is None else context.partitionId()
        rows = 0
        with ExitStack() as stack:
            writer: pq.ParquetWriter | None = None
            for batch in batches:
                if writer is None and batch.num_rows:
                    file = stack.enter_context(open_for_writing(f"{root}/part-{part:05d}.parquet"))
                    writer = stack.enter_context(pq.ParquetWriter(file, batch.schema))
                if writer is not None:
                    writer.write_batch(batch)
                    rows += batch.num_rows
        yield pa.RecordBatch.from_pydict({"rows": pa.array([rows], pa.int64())})

    written = bounded(frame.mapInArrow(write, "rows bigint"), "one row per task")
    if not any(row["rows"] for row in written):  # a reader needs the columns all the same
        with open_for_writing(f"{root}/part-00000.parquet") as file:
            pq.write_table(bounded_arrow(frame.limit(0), "no row"), file)
